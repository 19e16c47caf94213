/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may come in through a mapping.
 *
 * Whom it admits beside its peer stands in two rings of address words. One thread writes them, any
 * reads; a word is an address or none, so whoever reads while it changes sees the old one or the
 * new. Registrars have a ring of their own: however many parties call, they do not push out the one
 * who brings the calls, and a PBX may have many trunks on one port.
 *
 * An address is let in because the mapping was opened for it, because it was admitted since, or for
 * as long as a session of the mapping talks to it. The first two outlive every session.
 */
#include "sessions/mapping.h"

/* A ring of words. */
struct ring {
    be32 *at;
    int n;
};

static struct ring ring_of(const struct mappings *ms, struct mapping *m, enum mapping_friend kind)
{
    if (kind == MAPPING_LASTING)
        return (struct ring){ms->cold[mapping_index(ms, m)].lasting, MAPPING_LASTING_MAX};
    return (struct ring){m->passing, MAPPING_PASSING_MAX};
}

static bool holds(const be32 *at, int n, be32 remote)
{
    for (int i = 0; i < n; i++)
        if (__atomic_load_n(&at[i], __ATOMIC_RELAXED) == remote)
            return true;
    return false;
}

static bool is_lasting(const struct mappings *ms, const struct mapping *m, be32 remote)
{
    return holds(ms->cold[mapping_index(ms, m)].lasting, MAPPING_LASTING_MAX, remote);
}

void mapping_admit(struct mappings *ms, struct handle h, be32 ip, enum mapping_friend kind)
{
    if (ip == 0 || !store_live(&ms->store, h))
        return;
    struct mapping *m = mapping_at(ms, h.index);
    struct ring ring = ring_of(ms, m, kind);
    /* A lasting one is looked for among its own: a place among those that pass is not kept. */
    if (holds(ring.at, ring.n, ip) || (kind == MAPPING_PASSING && is_lasting(ms, m, ip)))
        return;
    __atomic_store_n(&ring.at[m->turn[kind]], ip, __ATOMIC_RELAXED);
    m->turn[kind] = (uint8_t)((m->turn[kind] + 1) % ring.n);
}

void mapping_widen(struct mappings *ms, struct handle h)
{
    if (store_live(&ms->store, h))
        __atomic_store_n(&mapping_at(ms, h.index)->filter, MAPPING_ANYONE, __ATOMIC_RELAXED);
}

bool mapping_knows(const struct mappings *ms, const struct mapping *m, be32 remote)
{
    return remote != 0 &&
           ((be32)__atomic_load_n(&m->peer, __ATOMIC_RELAXED) == remote ||
            holds(m->passing, MAPPING_PASSING_MAX, remote) || is_lasting(ms, m, remote));
}

/* The remote address of a session that came in through the mapping, or left by it. */
static be32 remote_of(const struct sessions *ss, uint32_t session, bool comes_in)
{
    const struct session *s = session_at(ss, session);
    const struct session_v6 *v6 = session_v6_of(ss, session);
    if (v6)
        return key6_word(&ss->key6, comes_in ? &v6->src : &v6->dst);
    return comes_in ? s->r.key[0].src : s->r.key[0].dst;
}

static bool talks_to(struct mappings *ms, const struct mapping *m, be32 remote)
{
    const struct sessions *ss = ms->sessions;
    uint32_t mapping = mapping_index(ms, m);
    uint32_t i = __atomic_load_n(&m->first_session, __ATOMIC_ACQUIRE);
    for (int n = 0; i != INDEX_NONE && n < 16; n++) {
        const struct session *s = session_at(ss, i);
        bool comes_in = s->r.flags & SESSION_INWARD && mapping_is_first(ss, mapping, i);
        if (remote_of(ss, i, comes_in) == remote)
            return true;
        i = mapping_list_next(ss, mapping, i);
    }
    return false;
}

void mapping_unlatch(struct mappings *ms, struct handle h, be32 ip)
{
    if (!store_live(&ms->store, h))
        return;
    struct mapping *m = mapping_at(ms, h.index);
    if (__atomic_load_n(&m->filter, __ATOMIC_RELAXED) == MAPPING_LATCH)
        __atomic_store_n(&m->peer, (uint64_t)ip, __ATOMIC_RELAXED);
}

/* An open latch has no port; an address in it is the only one that may close it. */
static bool latch(struct mapping *m, uint64_t peer, uint64_t mine)
{
    bool open = peer >> 32 == 0 && (peer == 0 || (be32)peer == (be32)mine);
    return open && (__atomic_compare_exchange_n(&m->peer, &peer, mine, false, __ATOMIC_RELAXED,
                                                __ATOMIC_RELAXED) ||
                    peer == mine);
}

bool mapping_admits(struct mappings *ms, struct mapping *m, struct endpoint from)
{
    uint64_t peer = __atomic_load_n(&m->peer, __ATOMIC_RELAXED);
    uint64_t mine = from.ip | (uint64_t)from.port << 32;
    switch ((enum mapping_filter)__atomic_load_n(&m->filter, __ATOMIC_RELAXED)) {
    case MAPPING_ANYONE:
        return true;
    case MAPPING_ADDRESS:
        return mapping_knows(ms, m, from.ip) || talks_to(ms, m, from.ip);
    case MAPPING_LATCH:
        return peer == mine || latch(m, peer, mine);
    }
    return false;
}
