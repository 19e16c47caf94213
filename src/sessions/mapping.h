/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mapping (pinhole) ties an inside endpoint to a public one for a protocol, whoever the remote
 * side is: endpoint-independent (RFC 4787 REQ-1). It is consulted when the session lookup misses,
 * as source and as destination, and is not used up. An inside endpoint has one mapping per way out
 * (behind another interface it would have another public address), whoever asks for it; each owner
 * (a dialog, a registration) holds it once, and when the last one leaves it closes. A mapping
 * opened for a flow has no owner and lives while sessions hang on it. Mappings know nothing of SIP.
 *
 * Without NAT the two sides are equal and the public side admits to the inside endpoint itself.
 *
 * Threads: workers and the ALG open, hold and release; control frees. Handles, not pointers,
 * outlive a burst.
 */
#pragma once

#include "base/addr.h"
#include "sessions/outlet.h"
#include "sessions/session.h"

enum mapping_kind {
    MAPPING_SIGNALLING,
    MAPPING_RTP,
    MAPPING_RTCP,
    MAPPING_CONE, /* of an ordinary UDP flow whose policy or pool says permit-any-host */
};

/* What leaves by a mapping of these kinds needs no policy of its own: its owner's let it speak. */
static inline bool mapping_kind_is_media(uint8_t kind)
{
    return kind == MAPPING_RTP || kind == MAPPING_RTCP;
}

enum mapping_filter {
    MAPPING_ANYONE,
    MAPPING_ADDRESS, /* the peer's address, one that was admitted or that a session talks to */
    MAPPING_LATCH,   /* whoever sends first, with a peer's address only who sends from there */
};

/*
 * Sessions one mapping may carry; remote ends beyond that are refused. The last ones are for flows
 * that the inside host begins and for addresses that were admitted: strangers, who may forge as
 * many sources as they like, do not shut the pinhole for the party it was opened for.
 */
#define MAPPING_MAX_SESSIONS 1024
#define MAPPING_KEPT         64

/* Addresses that were admitted beside the peer, of each kind. */
enum mapping_friend {
    MAPPING_LASTING, /* a registrar */
    MAPPING_PASSING, /* the other party of a call */
};
#define MAPPING_LASTING_MAX 16
#define MAPPING_PASSING_MAX 7

/* record.flags of a mapping */
#define MAPPING_ALG 0x01 /* sessions made through it go to the ALG */
#define MAPPING_NAT 0x02 /* the sides differ */

/* mapping.owners: this bit is set once and for all when it closes. */
#define MAPPING_CLOSED 0x80000000u

struct mapping {
    /* key[0] {inside, way out}: as source, with the inside zone; the outside interface stands in
     * dport. key[1] {0, public}: as destination,
     * zone 0. record.detail is the VoIP profile. */
    struct record r;
    uint32_t policy_id;
    uint32_t owners;        /* atomic */
    uint32_t first_session; /* atomic: head of the list through mapping_link */
    uint32_t n_sessions;    /* atomic, approximate */
    uint32_t last_seen_ms;  /* of sessions already gone */
    uint16_t outside_ifindex;
    uint8_t kind, filter;
    /* Atomic: address | port << 32 in wire order; 0 nobody yet. IPv6: mapping6.h. */
    uint64_t peer;
    uint32_t created_ms;
    uint32_t news_next;
    struct wheel_link wheel;
    uint32_t partner;                  /* RTCP of this RTP and the other way round, or INDEX_NONE */
    uint8_t told, seen;                /* seen: a packet ever came through */
    uint8_t turn[2];                   /* where the next one goes, by enum mapping_friend */
    be32 passing[MAPPING_PASSING_MAX]; /* a ring of atomic words; 0 none */
};

_Static_assert(sizeof(struct mapping) == 128, "two cache lines");

/* Beside the mapping: touched at its birth and end, and for whoever it does not know otherwise. */
struct mapping_cold {
    be32 lasting[MAPPING_LASTING_MAX]; /* as mapping.passing */
    struct pool_lease lease;           /* what it holds of an IP pool */
};

/* The ends of an IPv6 mapping. */
struct mapping_v6 {
    struct ip_port inside;
    struct ip_port peer; /* whom it was opened for; zero: nobody */
};

struct mappings {
    struct store store;
    struct mapping_cold *cold;
    struct mapping_v6 *v6; /* by index; means nothing where the mapping is IPv4 */
    struct outlets outlets;
    struct pools *pools; /* NULL: there are none */
    uint32_t n_live;     /* atomic: LIVE ones */
    struct sessions *sessions;
};

struct mapping_want {
    uint8_t proto;
    uint16_t zone; /* of the inside endpoint */
    struct endpoint inside;
    const struct ip_port *v6; /* of IPv6: the inside endpoint, instead of `inside` and `nat` */
    struct nat_want nat;      /* public address and ports; ip 0: no translation */
    enum mapping_kind kind;
    enum mapping_filter filter;
    struct endpoint peer;        /* for MAPPING_ADDRESS; 0.0.0.0:0 none yet */
    const struct ip_port *peer6; /* of IPv6, instead of `peer`; NULL none yet */
    uint32_t policy_id;
    uint16_t profile, outside_ifindex;
    uint8_t flags; /* MAPPING_ALG */
    bool owned;    /* take one ownership */
    /* Held by the caller, of the pool that nat.ip is of: a new mapping takes a hold of its own and
     * keeps to the ports it is for. */
    struct pool_lease lease;
    uint32_t now_ms;
};

int mappings_init(struct mappings *ms, uint32_t capacity, struct sessions *sessions, bool huge);
void mappings_free(struct mappings *ms);

static inline struct mapping *mapping_at(const struct mappings *ms, uint32_t index)
{
    return (struct mapping *)store_record(&ms->store, index);
}

static inline uint32_t mapping_index(const struct mappings *ms, const struct mapping *m)
{
    return (uint32_t)(m - (const struct mapping *)(const void *)ms->store.records);
}

/* Is it of `session` the one that leads to the host behind it, not that of a hairpin's source? */
static inline bool mapping_is_first(const struct sessions *ss, uint32_t mapping, uint32_t session)
{
    return session_at(ss, session)->mapping == mapping;
}

/* The link of a session in the list of one of its mappings. */
static inline uint32_t *mapping_link(const struct sessions *ss, uint32_t mapping, uint32_t session)
{
    struct session_cold *c = &ss->cold[session];
    return mapping_is_first(ss, mapping, session) ? &c->mapping_next : &c->hairpin_next;
}

static inline uint32_t mapping_list_next(const struct sessions *ss, uint32_t mapping,
                                         uint32_t session)
{
    return __atomic_load_n(mapping_link(ss, mapping, session), __ATOMIC_ACQUIRE);
}

static inline struct endpoint mapping_inside(const struct mapping *m)
{
    return (struct endpoint){m->r.key[0].src, m->r.key[0].sport};
}

static inline struct endpoint mapping_public(const struct mapping *m)
{
    return (struct endpoint){m->r.key[1].dst, m->r.key[1].dport};
}

/*
 * The LIVE mapping of an inside endpoint toward an interface, or INDEX_NONE. It stays that
 * endpoint's until the caller's next quiescent report.
 */
uint32_t mapping_find_source(const struct mappings *ms, uint8_t proto, uint16_t zone,
                             struct endpoint inside, uint16_t outside_ifindex);

/* The LIVE mapping behind a public endpoint, or INDEX_NONE; as above. */
uint32_t mapping_find_public(const struct mappings *ms, uint8_t proto, struct endpoint public_side);

/* The LIVE mapping with this key, or INDEX_NONE; as above. */
uint32_t mapping_find_key(const struct mappings *ms, const struct key *key);

/* Has a mapping, perhaps one that is just opening, this public endpoint? */
bool mapping_has_port(const struct mappings *ms, uint8_t proto, struct endpoint public_side);

/*
 * The mapping of want->inside: the one it has, or a new one. One that it has with another public
 * address than want->nat is retired first: the address of the way out has changed. Returns 0 and
 * its handle, or -ENOSPC (table full), -EADDRNOTAVAIL (no port), -EAGAIN (it is closing right now:
 * ask again later).
 */
int mapping_open(struct mappings *ms, struct session_thread *t, const struct mapping_want *want,
                 struct handle *out);

/*
 * RTP and RTCP together: `want` describes RTP, `rtcp` is the inside RTCP endpoint. The public ports
 * are neighbours (P, P+1) and P has the parity of the inside RTP port, unless nothing is
 * translated; of IPv6 the address of `rtcp` is that of RTP. Both or none. Returns as above;
 * -EADDRNOTAVAIL also where one of the two has a mapping that is not paired with the other's.
 */
int mapping_open_pair(struct mappings *ms, struct session_thread *t,
                      const struct mapping_want *want, struct endpoint rtcp, struct handle out[2]);

/* One more owner. False when it is closed or gone. */
bool mapping_hold(struct mappings *ms, struct handle h);

/*
 * One owner less (nothing happens when it has none). The last one closes it: lookups miss at once,
 * control ends its sessions and frees it after a grace period. A mapping that a flow opened stays
 * while sessions hang on it when `keep`.
 */
void mapping_release(struct mappings *ms, struct session_thread *t, struct handle h, bool keep);

/*
 * Close it whoever owns it: what it stands for is gone (the public address changed). Any thread;
 * the owners' releases find it closed.
 */
void mapping_retire(struct mappings *ms, struct session_thread *t, uint32_t index);

/*
 * Control: close a mapping without owners. False when it has some or is closed already. `t` may be
 * NULL where control needs no news of it.
 */
bool mapping_close(struct mappings *ms, struct session_thread *t, uint32_t index);

/*
 * Admit one more remote address: MAPPING_ADDRESS lets it in, and it may use the places that are
 * kept. What is admitted already changes nothing; when all places of its kind are taken the oldest
 * goes. 0.0.0.0 is nobody. ALG thread only. Nothing happens when the mapping is gone.
 */
void mapping_admit(struct mappings *ms, struct handle h, be32 ip, enum mapping_friend kind);

/*
 * Open the latch of a mapping that has one: whoever sends next, or with `ip` (not 0) who sends next
 * from there, is its peer. ALG thread only. Nothing happens when the mapping is gone.
 */
void mapping_unlatch(struct mappings *ms, struct handle h, be32 ip);

/* From here on it admits anyone. ALG thread only. Nothing happens when the mapping is gone. */
void mapping_widen(struct mappings *ms, struct handle h);

/* Is this the address of its peer, or one that was admitted? */
bool mapping_knows(const struct mappings *ms, const struct mapping *m, be32 remote);

/* May `from` come in through it? Latches where the filter says so. */
bool mapping_admits(struct mappings *ms, struct mapping *m, struct endpoint from);

/*
 * Hang a session, whose keys are set, on it. 0, -EAGAIN when the mapping is closed (look the packet
 * up again), -EMFILE when it carries as many as it may. Any thread.
 */
int mapping_attach(struct mappings *ms, uint32_t mapping, uint32_t session);

/* Control: take a session off its list and remember when it was last seen. */
void mapping_detach(struct mappings *ms, uint32_t mapping, uint32_t session);

/*
 * When the last packet came through, into *last_seen_ms. False when none ever did. Reads at most
 * MAPPING_MAX_SESSIONS sessions.
 */
bool mapping_last_seen(const struct mappings *ms, uint32_t index, uint32_t *last_seen_ms);

/* Control: as session_news_take. */
uint32_t mapping_news_take(struct session_thread *t);
uint32_t mapping_news_next(struct mappings *ms, uint32_t index);

/*
 * A flow from `inside` to `remote` that was made without this mapping dies, so that its next packet
 * comes through it: call when the mapping opened or an answer named the remote media address.
 */
void mapping_claim(struct mappings *ms, struct session_thread *t, uint32_t index,
                   struct endpoint remote);

/* The same with the flow's key. */
void mapping_claim_key(struct mappings *ms, struct session_thread *t, uint32_t index,
                       const struct key *key);
