/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session: one flow through the firewall, both directions. Its two keys are what arrives in
 * each direction; the translated header of a direction is the inverse of the other direction's key,
 * so no rewrite is stored.
 *
 * Threads: any worker finds, creates and marks dying; the ALG too. Control alone takes sessions out
 * of the table, files them in its wheel and gives their indexes back after a grace period. What
 * control cannot see by itself (a new session, a death, a deadline that came nearer) the others
 * tell it by pushing the index on a stack of their own (session_tell).
 *
 * No field relies on one writer. Counters and last_seen are relaxed loads and stores: when two
 * workers carry the same direction at the same instant a count may be lost, which is accepted.
 */
#pragma once

#include "base/rng.h"
#include "sessions/key6.h"
#include "sessions/pool.h"
#include "sessions/store.h"
#include "sessions/wheel.h"

struct mappings;

/* record.flags of a session */
#define SESSION_SNAT    0x01 /* the original direction leaves with another source */
#define SESSION_DNAT    0x02 /* ... with another destination */
#define SESSION_ALG     0x04 /* UDP payload, or TCP segments, go to the ALG */
#define SESSION_MAPPED  0x08 /* made through a mapping */
#define SESSION_INWARD  0x10 /* mapped, and its first packet came from outside */
#define SESSION_QUIET   0x20 /* << direction: its packets do not restart the timer */
#define SESSION_HAIRPIN 0x80 /* hangs on a second mapping, its source's: session_cold.hairpin */

/* What its policy and the settings of that moment say about it. */
enum session_trait {
    TRAIT_TCP_STRICT = 0x01, /* sequence windows: strict ... */
    TRAIT_TCP_LOOSE = 0x02,  /* ... or loose; neither: not looked at */
    TRAIT_TCP_MSS = 0x04,    /* SYN segments are clamped, to what policy and interfaces say */
    TRAIT_LASTING = 0x08,    /* firewall-session-dirty check-new: no change of rules touches it */
    /* Resets and what ICMP errors quote: measured strictly ... */
    TRAIT_RESET_STRICT = 0x10,
    TRAIT_RESET_OFF = 0x20, /* ... or not; neither: as other segments are */
    TRAIT_TCP_HALF = 0x40,  /* perhaps only one direction comes by here */
    /* Set in the midst of its life, by the ALG: it is not SIP, and an ordinary session. */
    TRAIT_TCP_PLAIN = 0x80,
    TRAIT_HELPER = 0x100, /* with SESSION_ALG: it is the session helper's, whatever comes later */
    TRAIT_CALLED = 0x200, /* the same: whoever began it came from the outer side, untranslated */
    /* SIP of a host that is called: it has left under the policy of the call (outlet.h). */
    TRAIT_OF_CALL = 0x400,
};

/* With any of these TCP's windows are followed. */
#define TRAIT_TCP_WINDOWS (TRAIT_TCP_STRICT | TRAIT_TCP_LOOSE | TRAIT_RESET_STRICT)

struct session {
    /* Line 0: read by every packet, written at birth. record.detail is the timer set. */
    struct record r;
    uint32_t policy_id;
    uint32_t generation;   /* of the rule book that admitted it */
    uint32_t mapping;      /* index, or INDEX_NONE */
    uint32_t neighbour[2]; /* next hop of each direction, index of fastpath/neighbour */
    uint8_t ifindex[2];    /* where each direction arrives; it leaves by the other's */
    uint16_t traits;       /* enum session_trait */

    /* Line 1: written by every packet. */
    uint32_t last_seen_ms; /* low half of the clock, enough for 49 days */
    uint8_t tcp_state;     /* enum tcp_state, changed by compare-and-swap */
    uint8_t told;          /* on a stack of news for control */
    uint8_t tcp_scale[2];
    uint64_t packets[2];
    uint64_t bytes[2];   /* IP bytes */
    uint64_t tcp_seq[2]; /* what each side said: end, ack+window */
    uint32_t created_ms;
    uint32_t news_next; /* link of that stack */
};

_Static_assert(sizeof(struct session) == 128, "two cache lines");
_Static_assert(offsetof(struct session, last_seen_ms) == 64, "line 1 begins with last_seen");

/* Beside the session, touched by control and at birth only. */
struct session_cold {
    struct wheel_link wheel;
    uint32_t mapping_next; /* list of the mapping's sessions */
    uint16_t service;      /* number of the service object, for listings */
    uint16_t pool;         /* IP pool its public side is of, 0 none ... */
    uint32_t place;        /* ... and what it holds of it (struct pool_lease) */
    uint32_t hairpin;      /* with SESSION_HAIRPIN: the mapping of its source ... */
    uint32_t hairpin_next; /* ... and the list of its sessions */
};

_Static_assert(sizeof(struct session_cold) <= 32, "what a session may cost beside its hot lines");

/*
 * What the keys of an IPv6 session stand for: its original direction, and as nothing is translated,
 * turned round its reply. Packets never read it: it is for listings and for asking the rule book
 * again. In memory of its own that takes pages only where IPv6 sessions live.
 */
struct session_v6 {
    struct ip_addr src, dst;
    be16 sport, dport; /* as in struct key */
};

struct sessions {
    struct store store;
    struct session_cold *cold;
    struct session_v6 *v6; /* by index; means nothing where the session is IPv4 */
    struct key6_secret key6;
    struct mappings *mappings;
    struct pools *pools; /* NULL: there are none */
};

/* What a thread that creates or ends sessions and mappings owns. One per thread, own cache lines.
 */
struct session_thread {
    struct store_cache sessions, mappings;
    struct rng rng;
    uint32_t session_news; /* atomic: top of the stack control takes whole */
    uint32_t mapping_news;
    /* Its own counts, read relaxed by others. */
    uint64_t refused; /* flows that met a full table */
    uint64_t clashes; /* flows that another thread was making, or had made, at the same time */
} __attribute__((aligned(64)));

void session_thread_init(struct session_thread *t, uint64_t seed);

/* The secrets, store.table.secret and key6, must be set by the caller before the first session. */
int sessions_init(struct sessions *ss, uint32_t capacity, struct mappings *mappings, bool huge);
void sessions_free(struct sessions *ss);

static inline bool session_is6(const struct session *s)
{
    return key_is6(&s->r.key[0]);
}

/* What the table and everything that grows with it take of memory. */
size_t sessions_bytes(const struct sessions *ss);

static inline struct session *session_at(const struct sessions *ss, uint32_t index)
{
    return (struct session *)store_record(&ss->store, index);
}

/* What the keys of the session with this index stand for; NULL: it is IPv4. */
static inline const struct session_v6 *session_v6_of(const struct sessions *ss, uint32_t index)
{
    return session_is6(session_at(ss, index)) ? &ss->v6[index] : NULL;
}

/* The key under which direction `dir` of an IPv6 flow arrives in `zone`. */
struct key session_key6(const struct sessions *ss, const struct session_v6 *flow, uint8_t proto,
                        int dir, uint16_t zone);

/* Does what it carries go to the ALG? */
static inline bool session_has_alg(const struct session *s)
{
    return s->r.flags & SESSION_ALG &&
           !(__atomic_load_n(&s->traits, __ATOMIC_RELAXED) & TRAIT_TCP_PLAIN);
}

/* Which engine that is: the session helper, or the ALG with the policy's profile. */
static inline bool session_has_helper(const struct session *s)
{
    return session_has_alg(s) && s->traits & TRAIT_HELPER;
}

/* The policy it is under now: a recheck may change it at any time. */
static inline uint32_t session_policy(const struct session *s)
{
    return __atomic_load_n(&s->policy_id, __ATOMIC_RELAXED);
}

/* A flow to be. Both keys are complete except that with `nat` the reply's dport is to be found. */
struct session_new {
    struct key key[2];
    const struct nat_want *nat;  /* source NAT; NULL: the reply key stands as it is */
    const struct session_v6 *v6; /* with IPv6 keys: what they stand for */
    uint32_t policy_id, generation, mapping;
    uint32_t hairpin;        /* with SESSION_HAIRPIN */
    struct pool_lease lease; /* the session's once it is made; until then the caller's */
    uint32_t neighbour[2];
    uint8_t ifindex[2];
    uint16_t traits;
    uint16_t timer_set, service;
    uint8_t flags, tcp_state;
    uint32_t now_ms;
};

/* What it holds of an IP pool. */
static inline struct pool_lease session_lease(const struct sessions *ss, uint32_t index)
{
    const struct session_cold *c = &ss->cold[index];
    return (struct pool_lease){
        .place = c->place, .pool = c->pool, .source = session_at(ss, index)->r.key[0].src};
}

/* Fetch what session_create will read for these keys; the reply's port is the first to be tried. */
void session_prepare(const struct sessions *ss, const struct key key[2]);

/*
 * Make the session and enter both keys. Returns
 *   0               live; *hit names it, direction 0
 *   -EEXIST         somebody made it first, or is making it; *hit names it and, where it is the
 *                   same flow, the direction of key[0]: a hint, look the packet up once more
 *   -EAGAIN         somebody is making it: look the packet up once more
 *   -ENOSPC         table full
 *   -EADDRNOTAVAIL  no public port left for this destination
 *   -EMFILE         its mapping carries as many sessions as it may
 */
int session_create(struct sessions *ss, struct session_thread *t, const struct session_new *want,
                   struct table_hit *hit);

/* End it: lookups miss it from now on; control does the rest. False when it was not LIVE. */
bool session_kill(struct sessions *ss, struct session_thread *t, uint32_t index);

/* Make control look at the session again (new, dying, nearer deadline). */
void session_tell(struct sessions *ss, struct session_thread *t, uint32_t index);

/* Control: the session begins, and ends, to count among those of its IP pool. Most have none. */
void session_pool_enter(struct sessions *ss, uint32_t index, uint64_t now_ms,
                        const struct event_sink *events);
void session_pool_leave(struct sessions *ss, uint32_t index, uint64_t now_ms);

/* Control: take the whole stack; go on with session_news_next until INDEX_NONE. */
uint32_t session_news_take(struct session_thread *t);
uint32_t session_news_next(struct sessions *ss, uint32_t index);
