/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of a mapping. It is entered in its own table under two keys: the inside endpoint (so that an
 * endpoint has one mapping whoever asks) and the public endpoint (so that a public port belongs to
 * one mapping). `owners` counts dialogs and registrations and carries the CLOSED bit; whoever wants
 * to own it adds one unless that bit is set, so nobody ever owns a closed mapping.
 *
 * Sessions hang on it in a list: any thread pushes at the head, control alone takes out, readers
 * walk inside a read-side section. A session pushed onto a mapping that closes at the same moment
 * is ended by control, which looks at the mapping of every new session.
 *
 * An OPENING mapping may fail for want of a port, and its index then serves another endpoint at
 * once, without a grace period. Therefore nobody but its maker uses it: whoever finds one by key
 * checks that it is LIVE and then, once more, its key (record_live_as).
 */
#include "sessions/mapping6.h"

#include "base/mem.h"

#include <errno.h>

static void beside_free(struct mappings *ms, uint32_t capacity)
{
    mem_unmap(ms->cold, (size_t)capacity * sizeof *ms->cold);
    mem_unmap(ms->v6, (size_t)capacity * sizeof *ms->v6);
    outlets_free(&ms->outlets);
}

int mappings_init(struct mappings *ms, uint32_t capacity, struct sessions *sessions, bool huge)
{
    int result = -ENOMEM;
    ms->sessions = sessions;
    ms->cold = mem_map_sparse((size_t)capacity * sizeof *ms->cold);
    ms->v6 = mem_map_sparse((size_t)capacity * sizeof *ms->v6);
    if (ms->cold && ms->v6 && outlets_init(&ms->outlets, capacity) == 0)
        result = store_init(&ms->store, capacity, sizeof(struct mapping), huge);
    if (result != 0)
        beside_free(ms, capacity);
    return result;
}

void mappings_free(struct mappings *ms)
{
    beside_free(ms, ms->store.capacity);
    store_free(&ms->store);
}

static struct key inside_key(uint8_t proto, uint16_t zone, struct endpoint inside,
                             uint16_t outside_ifindex)
{
    return (struct key){.src = inside.ip,
                        .sport = inside.port,
                        .dport = outside_ifindex,
                        .proto = proto,
                        .zone = zone};
}

static struct key public_key(uint8_t proto, struct endpoint public_side)
{
    return (struct key){.dst = public_side.ip, .dport = public_side.port, .proto = proto};
}

/* The two keys of what is wanted; without NAT the public side is the inside one. */
static struct key source_key_of(const struct mappings *ms, const struct mapping_want *want)
{
    if (want->v6)
        return mapping_source_key6(ms, want->proto, want->zone, want->v6, want->outside_ifindex);
    return inside_key(want->proto, want->zone, want->inside, want->outside_ifindex);
}

static struct key public_key_of(const struct mappings *ms, const struct mapping_want *want)
{
    struct endpoint outer = {want->nat.ip ? want->nat.ip : want->inside.ip, want->inside.port};
    if (want->v6)
        return mapping_public_key6(ms, want->proto, want->v6);
    return public_key(want->proto, outer);
}

uint32_t mapping_find_key(const struct mappings *ms, const struct key *key)
{
    struct table_hit hit;
    const struct table *t = &ms->store.table;
    return table_find_live(t, key, table_hash(t, key), &hit) ? hit.index : INDEX_NONE;
}

uint32_t mapping_find_source(const struct mappings *ms, uint8_t proto, uint16_t zone,
                             struct endpoint inside, uint16_t outside_ifindex)
{
    struct key key = inside_key(proto, zone, inside, outside_ifindex);
    return mapping_find_key(ms, &key);
}

uint32_t mapping_find_public(const struct mappings *ms, uint8_t proto, struct endpoint public_side)
{
    struct key key = public_key(proto, public_side);
    return mapping_find_key(ms, &key);
}

bool mapping_has_port(const struct mappings *ms, uint8_t proto, struct endpoint public_side)
{
    struct table_hit hit;
    const struct table *t = &ms->store.table;
    struct key key = public_key(proto, public_side);
    return table_find(t, &key, table_hash(t, &key), &hit);
}

static bool owner_add(struct mapping *m)
{
    uint32_t n = __atomic_load_n(&m->owners, __ATOMIC_RELAXED);
    do
        if (n & MAPPING_CLOSED)
            return false;
    while (!__atomic_compare_exchange_n(&m->owners, &n, n + 1, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED));
    return true;
}

/* True for the one who left last. */
static bool owner_drop(struct mapping *m)
{
    uint32_t n = __atomic_load_n(&m->owners, __ATOMIC_RELAXED);
    do
        if (n == 0 || n & MAPPING_CLOSED)
            return false;
    while (!__atomic_compare_exchange_n(&m->owners, &n, n - 1, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED));
    return n == 1;
}

static void mapping_tell(struct mappings *ms, struct session_thread *t, uint32_t index)
{
    struct mapping *m = mapping_at(ms, index);
    if (__atomic_exchange_n(&m->told, 1, __ATOMIC_ACQ_REL))
        return;
    uint32_t top = __atomic_load_n(&t->mapping_news, __ATOMIC_RELAXED);
    do
        __atomic_store_n(&m->news_next, top, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&t->mapping_news, &top, index, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
}

uint32_t mapping_news_take(struct session_thread *t)
{
    return __atomic_exchange_n(&t->mapping_news, INDEX_NONE, __ATOMIC_ACQUIRE);
}

uint32_t mapping_news_next(struct mappings *ms, uint32_t index)
{
    struct mapping *m = mapping_at(ms, index);
    uint32_t next = __atomic_load_n(&m->news_next, __ATOMIC_RELAXED);
    __atomic_exchange_n(&m->told, 0, __ATOMIC_ACQ_REL); /* as in session_news_next */
    return next;
}

static void mapping_fill(struct mappings *ms, uint32_t index, const struct mapping_want *want)
{
    struct mapping *m = mapping_at(ms, index);
    struct key inside = source_key_of(ms, want), public_side = public_key_of(ms, want);

    if (want->v6)
        ms->v6[index] = (struct mapping_v6){
            .inside = *want->v6, .peer = want->peer6 ? *want->peer6 : (struct ip_port){.port = 0}};
    key_store(&m->r.key[0], &inside);
    key_store(&m->r.key[1], &public_side);
    m->r.flags = (uint8_t)(want->flags | (want->nat.ip ? MAPPING_NAT : 0));
    m->r.detail = want->profile;
    m->policy_id = want->policy_id;
    __atomic_store_n(&m->owners, want->owned ? 1 : 0, __ATOMIC_RELAXED);
    m->first_session = INDEX_NONE;
    m->n_sessions = 0;
    m->last_seen_ms = 0;
    m->seen = 0;
    m->outside_ifindex = want->outside_ifindex;
    m->kind = (uint8_t)want->kind;
    m->filter = (uint8_t)want->filter;
    struct endpoint peer = want->peer;
    if (want->peer6)
        peer = mapping_remote6(ms, &want->peer6->ip, want->peer6->port);
    m->peer = peer.ip | (uint64_t)peer.port << 32;
    m->created_ms = want->now_ms;
    m->told = 0;
    memset(m->turn, 0, sizeof(m->turn));
    for (int i = 0; i < MAPPING_PASSING_MAX; i++)
        __atomic_store_n(&m->passing[i], 0, __ATOMIC_RELAXED);
    for (int i = 0; i < MAPPING_LASTING_MAX; i++)
        __atomic_store_n(&ms->cold[index].lasting[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&m->partner, INDEX_NONE, __ATOMIC_RELAXED);
    wheel_link_init(&m->wheel);
    record_state_set(&m->r, RECORD_OPENING);
}

static void mapping_discard(struct mappings *ms, struct session_thread *t, uint32_t index,
                            bool inside_entered)
{
    if (inside_entered)
        table_remove(&ms->store.table, index, 0);
    pools_return(ms->pools, &ms->cold[index].lease);
    store_untake(&ms->store, &t->mappings, index);
}

/* Flows open mappings before anybody vouches for them: a quarter stays for calls. */
static uint32_t flow_share(const struct mappings *ms)
{
    return ms->store.capacity - ms->store.capacity / 4;
}

/* Its public side has another address than this way out has now. */
static bool address_gone(const struct mapping *m, const struct mapping_want *want)
{
    return m->r.flags & MAPPING_NAT && want->nat.ip && mapping_public(m).ip != want->nat.ip;
}

/*
 * An OPENING record for want->inside with its inside key entered. -EEXIST and *twin: it has one
 * already.
 */
static int mapping_begin(struct mappings *ms, struct session_thread *t,
                         const struct mapping_want *want, uint32_t *out, struct table_hit *twin)
{
    /* Looked up first: what an endpoint has already it keeps using when the table is full. */
    struct key inside = source_key_of(ms, want);
    twin->index = mapping_find_key(ms, &inside);
    if (twin->index != INDEX_NONE && !address_gone(mapping_at(ms, twin->index), want))
        return -EEXIST;
    if (twin->index != INDEX_NONE)
        mapping_retire(ms, t, twin->index);
    if (!want->owned && __atomic_load_n(&ms->n_live, __ATOMIC_RELAXED) >= flow_share(ms))
        return -ENOSPC;
    uint32_t index = store_take(&ms->store, &t->mappings);
    if (index == INDEX_NONE)
        return -ENOSPC;
    if (!pools_hold(ms->pools, &want->lease)) {
        store_untake(&ms->store, &t->mappings, index);
        return -EAGAIN;
    }
    ms->cold[index].lease = want->lease;
    mapping_fill(ms, index, want);
    int result = table_insert(&ms->store.table, index, 0, twin);
    if (result != 0) {
        mapping_discard(ms, t, index, false);
        return result;
    }
    *out = index;
    return 0;
}

/* The public side as mapping_fill has set it. */
static int public_enter(struct mappings *ms, uint32_t index)
{
    struct table_hit other;
    return table_insert(&ms->store.table, index, 1, &other);
}

static int port_enter(struct mappings *ms, uint32_t index, be16 port)
{
    struct mapping *m = mapping_at(ms, index);
    struct key key = m->r.key[1];
    key.dport = port;
    key_store(&m->r.key[1], &key);
    return public_enter(ms, index);
}

/* A port somebody has, or is taking, is not available; a full table is another matter. */
static int port_result(int result)
{
    return result == 0 || result == -ENOSPC ? result : -EADDRNOTAVAIL;
}

static void mapping_live(struct mappings *ms, struct session_thread *t, uint32_t index,
                         struct handle *out)
{
    __atomic_add_fetch(&ms->n_live, 1, __ATOMIC_RELAXED);
    record_state_set(&mapping_at(ms, index)->r, RECORD_LIVE);
    *out = store_handle(&ms->store, index);
    mapping_tell(ms, t, index);
}

/* The mapping an endpoint has already, with one more owner if wanted. */
static int mapping_reuse(struct mappings *ms, const struct mapping_want *want, uint32_t index,
                         struct handle *out)
{
    struct mapping *m = mapping_at(ms, index);
    struct key inside = source_key_of(ms, want);
    if (!record_live_as(&m->r, 0, &inside))
        return -EAGAIN;
    if (want->owned ? !owner_add(m)
                    : __atomic_load_n(&m->owners, __ATOMIC_RELAXED) & MAPPING_CLOSED)
        return -EAGAIN;
    *out = store_handle(&ms->store, index);
    return 0;
}

/* OPENING: give it a public port. 0, -ENOSPC or -EADDRNOTAVAIL. */
static int single_port(struct mappings *ms, struct session_thread *t,
                       const struct mapping_want *want, uint32_t index)
{
    struct nat_probe probe;
    struct nat_want nat = want->nat;
    be16 port;
    if (want->nat.ip == 0)
        return port_result(public_enter(ms, index));
    pools_narrow(ms->pools, &want->lease, &nat);
    nat_probe_init(&probe, &nat, want->inside.port, (uint32_t)rng_next(&t->rng), 1);
    int result = -EADDRNOTAVAIL;
    while (result == -EADDRNOTAVAIL && nat_probe_next(&probe, &port))
        result = port_result(port_enter(ms, index, port));
    return result;
}

int mapping_open(struct mappings *ms, struct session_thread *t, const struct mapping_want *want,
                 struct handle *out)
{
    uint32_t index;
    struct table_hit twin;
    int result = mapping_begin(ms, t, want, &index, &twin);
    if (result == -EEXIST)
        return mapping_reuse(ms, want, twin.index, out);
    if (result != 0)
        return result;

    result = single_port(ms, t, want, index);
    if (result != 0) {
        mapping_discard(ms, t, index, true);
        return result;
    }
    mapping_live(ms, t, index, out);
    return 0;
}

/* RTP's public side is entered with `result`: RTCP's too or none. 0, -ENOSPC or -EADDRNOTAVAIL. */
static int pair_complete(struct mappings *ms, int result, uint32_t rtp, uint32_t rtcp)
{
    if (result != 0)
        return port_result(result);
    result = public_enter(ms, rtcp);
    if (result != 0)
        table_remove(&ms->store.table, rtp, 1);
    return port_result(result);
}

/* Both ports or none, RTCP's is the next. */
static int pair_enter(struct mappings *ms, uint32_t rtp, uint32_t rtcp, be16 port)
{
    struct mapping *m = mapping_at(ms, rtcp);
    struct key key = m->r.key[1];
    key.dport = be16_of((uint16_t)(be16_host(port) + 1));
    key_store(&m->r.key[1], &key);
    return pair_complete(ms, port_enter(ms, rtp, port), rtp, rtcp);
}

/* Both OPENING: give them neighbouring public ports. */
static int pair_ports(struct mappings *ms, struct session_thread *t,
                      const struct mapping_want *want, uint32_t rtp, uint32_t rtcp)
{
    struct nat_probe probe;
    struct nat_want nat = want->nat;
    be16 port;
    if (want->nat.ip == 0)
        return pair_complete(ms, public_enter(ms, rtp), rtp, rtcp);
    pools_narrow(ms->pools, &want->lease, &nat);
    nat_probe_init(&probe, &nat, want->inside.port, (uint32_t)rng_next(&t->rng), 2);
    int result = -EADDRNOTAVAIL;
    while (result == -EADDRNOTAVAIL && nat_probe_next(&probe, &port))
        if (be16_host(port) < nat.last &&
            !nat_barred(&nat, be16_of((uint16_t)(be16_host(port) + 1))))
            result = pair_enter(ms, rtp, rtcp, port);
    return result;
}

static uint32_t partner_of(const struct mappings *ms, uint32_t index)
{
    return __atomic_load_n(&mapping_at(ms, index)->partner, __ATOMIC_RELAXED);
}

static bool partner_closing(const struct mappings *ms, uint32_t index)
{
    uint32_t partner = partner_of(ms, index);
    return partner != INDEX_NONE && record_state(&mapping_at(ms, partner)->r) == RECORD_DYING;
}

/*
 * RTP has a mapping already: the one of RTCP must be its partner. The partner may have closed
 * before it and its index be another's by now, so it is found by its own key.
 */
static int pair_reuse(struct mappings *ms, struct session_thread *t,
                      const struct mapping_want want[2], uint32_t rtp, struct handle out[2])
{
    struct handle got[2];
    int result = mapping_reuse(ms, &want[0], rtp, &got[0]);
    if (result != 0)
        return result;
    struct key inside = source_key_of(ms, &want[1]);
    uint32_t rtcp = mapping_find_key(ms, &inside);
    if (rtcp == INDEX_NONE)
        result = partner_closing(ms, rtp) ? -EAGAIN : -EADDRNOTAVAIL;
    else if (partner_of(ms, rtp) != rtcp || partner_of(ms, rtcp) != rtp)
        result = -EADDRNOTAVAIL;
    else
        result = mapping_reuse(ms, &want[1], rtcp, &got[1]);
    if (result != 0) {
        /* A flow's mapping, which had no owner before, stays as it was. */
        if (want[0].owned)
            mapping_release(ms, t, got[0], true);
        return result;
    }
    out[0] = got[0];
    out[1] = got[1];
    return 0;
}

int mapping_open_pair(struct mappings *ms, struct session_thread *t,
                      const struct mapping_want *want, struct endpoint rtcp_inside,
                      struct handle out[2])
{
    uint32_t rtp, rtcp;
    struct table_hit twin;
    struct mapping_want both[2] = {*want, *want};
    both[1].inside = rtcp_inside;
    both[1].kind = MAPPING_RTCP;
    struct ip_port rtcp6 = {.port = rtcp_inside.port};
    if (want->v6) {
        rtcp6.ip = want->v6->ip;
        both[1].v6 = &rtcp6;
    }

    int result = mapping_begin(ms, t, want, &rtp, &twin);
    if (result == -EEXIST)
        return pair_reuse(ms, t, both, twin.index, out);
    if (result != 0)
        return result;
    result = mapping_begin(ms, t, &both[1], &rtcp, &twin);
    if (result != 0) {
        mapping_discard(ms, t, rtp, true);
        return result == -EEXIST ? -EADDRNOTAVAIL : result;
    }
    result = pair_ports(ms, t, want, rtp, rtcp);
    if (result != 0) {
        mapping_discard(ms, t, rtcp, true);
        mapping_discard(ms, t, rtp, true);
        return result;
    }
    __atomic_store_n(&mapping_at(ms, rtp)->partner, rtcp, __ATOMIC_RELAXED);
    __atomic_store_n(&mapping_at(ms, rtcp)->partner, rtp, __ATOMIC_RELAXED);
    /* Who finds RTP LIVE, in pair_reuse, finds RTCP LIVE too. */
    mapping_live(ms, t, rtcp, &out[1]);
    mapping_live(ms, t, rtp, &out[0]);
    return 0;
}

bool mapping_hold(struct mappings *ms, struct handle h)
{
    return store_live(&ms->store, h) && owner_add(mapping_at(ms, h.index));
}

/* CLOSED once there is no owner left. True for the one caller that closed it. */
static bool owners_close(struct mapping *m)
{
    uint32_t none = 0;
    return __atomic_compare_exchange_n(&m->owners, &none, MAPPING_CLOSED, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/* By whoever set the CLOSED bit. */
static void mapping_end(struct mappings *ms, struct session_thread *t, uint32_t index)
{
    __atomic_sub_fetch(&ms->n_live, 1, __ATOMIC_RELAXED);
    record_state_set(&mapping_at(ms, index)->r, RECORD_DYING);
    if (t)
        mapping_tell(ms, t, index);
}

bool mapping_close(struct mappings *ms, struct session_thread *t, uint32_t index)
{
    if (!owners_close(mapping_at(ms, index)))
        return false;
    mapping_end(ms, t, index);
    return true;
}

void mapping_retire(struct mappings *ms, struct session_thread *t, uint32_t index)
{
    uint32_t *owners = &mapping_at(ms, index)->owners;
    if (!(__atomic_fetch_or(owners, MAPPING_CLOSED, __ATOMIC_ACQ_REL) & MAPPING_CLOSED))
        mapping_end(ms, t, index);
}

void mapping_release(struct mappings *ms, struct session_thread *t, struct handle h, bool keep)
{
    if (!store_live(&ms->store, h) || !owner_drop(mapping_at(ms, h.index)))
        return;
    if (keep)
        mapping_tell(ms, t, h.index);
    else
        mapping_close(ms, t, h.index);
}

/* How many sessions it may carry when this one comes: strangers leave some places free. */
static uint32_t places_for(const struct mappings *ms, uint32_t mapping, uint32_t session)
{
    const struct mapping *m = mapping_at(ms, mapping);
    const struct session *s = session_at(ms->sessions, session);
    const struct session_v6 *v6 = session_v6_of(ms->sessions, session);
    be32 src = v6 ? key6_word(&ms->sessions->key6, &v6->src) : s->r.key[0].src;
    bool known = !(s->r.flags & SESSION_INWARD) ||
                 !mapping_is_first(ms->sessions, mapping, session) || mapping_knows(ms, m, src);
    return known ? MAPPING_MAX_SESSIONS : MAPPING_MAX_SESSIONS - MAPPING_KEPT;
}

int mapping_attach(struct mappings *ms, uint32_t mapping, uint32_t session)
{
    struct mapping *m = mapping_at(ms, mapping);
    uint32_t *link = mapping_link(ms->sessions, mapping, session);
    if (record_state(&m->r) != RECORD_LIVE)
        return -EAGAIN;
    uint32_t places = places_for(ms, mapping, session);
    if (__atomic_add_fetch(&m->n_sessions, 1, __ATOMIC_RELAXED) > places) {
        __atomic_sub_fetch(&m->n_sessions, 1, __ATOMIC_RELAXED);
        return -EMFILE;
    }
    uint32_t head = __atomic_load_n(&m->first_session, __ATOMIC_RELAXED);
    do
        __atomic_store_n(link, head, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&m->first_session, &head, session, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    return 0;
}

/* Later by the clock that wraps every 49 days. */
static bool later(uint32_t a_ms, uint32_t b_ms)
{
    return (int32_t)(a_ms - b_ms) > 0;
}

void mapping_detach(struct mappings *ms, uint32_t mapping, uint32_t session)
{
    struct mapping *m = mapping_at(ms, mapping);
    struct sessions *ss = ms->sessions;
    uint32_t next = mapping_list_next(ss, mapping, session);
    uint32_t at = session;
    uint32_t seen_ms = __atomic_load_n(&session_at(ss, session)->last_seen_ms, __ATOMIC_RELAXED);

    if (!m->seen || later(seen_ms, m->last_seen_ms))
        __atomic_store_n(&m->last_seen_ms, seen_ms, __ATOMIC_RELAXED);
    __atomic_store_n(&m->seen, 1, __ATOMIC_RELEASE);
    if (!__atomic_compare_exchange_n(&m->first_session, &at, next, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        while (at != INDEX_NONE && mapping_list_next(ss, mapping, at) != session)
            at = mapping_list_next(ss, mapping, at);
        if (at == INDEX_NONE)
            return;
        __atomic_store_n(mapping_link(ss, mapping, at), next, __ATOMIC_RELEASE);
    }
    __atomic_sub_fetch(&m->n_sessions, 1, __ATOMIC_RELAXED);
}

bool mapping_last_seen(const struct mappings *ms, uint32_t index, uint32_t *last_seen_ms)
{
    const struct mapping *m = mapping_at(ms, index);
    const struct sessions *ss = ms->sessions;
    bool seen = __atomic_load_n(&m->seen, __ATOMIC_ACQUIRE);
    uint32_t last = __atomic_load_n(&m->last_seen_ms, __ATOMIC_RELAXED);
    uint32_t i = __atomic_load_n(&m->first_session, __ATOMIC_ACQUIRE);
    for (int n = 0; i != INDEX_NONE && n < MAPPING_MAX_SESSIONS; n++) {
        uint32_t ms_seen = __atomic_load_n(&session_at(ss, i)->last_seen_ms, __ATOMIC_RELAXED);
        if (!seen || later(ms_seen, last))
            last = ms_seen;
        seen = true;
        i = mapping_list_next(ss, index, i);
    }
    if (seen)
        *last_seen_ms = last;
    return seen;
}

void mapping_claim_key(struct mappings *ms, struct session_thread *t, uint32_t mapping,
                       const struct key *key)
{
    /* The mapping went LIVE before this, and a session being made looks for it afterwards. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    struct sessions *ss = ms->sessions;
    struct table_hit hit;
    const struct table *table = &ss->store.table;
    if (table_find_live(table, key, table_hash(table, key), &hit) &&
        !mapping_is_first(ss, mapping, hit.index) && ss->cold[hit.index].hairpin != mapping)
        session_kill(ss, t, hit.index);
}

void mapping_claim(struct mappings *ms, struct session_thread *t, uint32_t index,
                   struct endpoint remote)
{
    const struct mapping *m = mapping_at(ms, index);
    struct key key = m->r.key[0];
    key.dst = remote.ip;
    key.dport = remote.port;
    mapping_claim_key(ms, t, index, &key);
}
