/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the ALG remembers: calls, registrations and other contacts, each with the mappings it holds.
 * One record per call: all early dialogs that one INVITE forks into share it, told apart by their
 * other tag ("legs"). Found by Call-ID and the tag of the side that began, together with the inside
 * host and who began, so that a call that crosses the firewall twice is two records.
 *
 * All memory is taken at the start. Owned by one struct alg and its thread. Records are named by
 * index while they are in use; index | epoch << 32 names one life of it.
 */
#pragma once

#include "alg/alg.h"
#include "sessions/outlet.h"
#include "sessions/wheel.h"

#define DIALOG_NONE UINT32_MAX

enum dialog_kind {
    DIALOG_CALL,
    DIALOG_REGISTER,
    DIALOG_CONTACT, /* a subscription or another request with a contact of its own */
};

/* X(identifier, text, what ends it when its own timer runs out) */
#define DIALOG_STATES(X)                                      \
    X(FREE, "free", "")                                       \
    X(TRYING, "trying", "provisional-invite-expiry-time")     \
    X(EARLY, "early", "provisional-invite-expiry-time")       \
    X(CANCELLED, "cancelled", "final-response")               \
    X(RETRY, "retry", "grace")                                \
    X(ANSWERED, "answered", "hard-limit")                     \
    X(ESTABLISHED, "established", "hard-limit")               \
    X(ENDING, "ending", "bye")                                \
    X(ENDED, "ended", "grace")                                \
    X(BLOCKED, "blocked", "block")                            \
    X(REGISTERING, "registering", "registration-unconfirmed") \
    X(REGISTERED, "registered", "registration")               \
    X(KEPT, "contact", "expiry")

enum dialog_state {
#define X(id, text, ends) DIALOG_##id,
    DIALOG_STATES(X)
#undef X
    DIALOG_STATE_COUNT
};

const char *dialog_state_text(enum dialog_state state);
const char *dialog_state_ends_by(enum dialog_state state);

/*
 * A pin: one record's hold on a mapping, or on a pair of them. Also keeps what the call knows about
 * the stream. Linked from its record.
 */
#define PIN_NONE UINT32_MAX

enum pin_flags {
    PIN_CURRENT = 1,  /* agreed by a finished offer and answer */
    PIN_PENDING = 2,  /* in the last session description of the inside party */
    PIN_LOST = 4,     /* its mapping was found closed */
    PIN_MUX_IN = 8,   /* the inside party, in its last description, takes RTCP by RTP's port */
    PIN_MUX_OUT = 16, /* ... the other party, in an exchange that was completed */
    PIN_MUXED = 32,   /* both agreed: the mapping of RTCP is gone */
    PIN_APART = 64,   /* the public port of RTCP is not the one beside RTP's */
};

struct pin {
    uint32_t next;
    uint8_t kind;   /* enum mapping_kind: MAPPING_SIGNALLING or MAPPING_RTP */
    uint8_t stream; /* which m= line */
    uint8_t flags;
    uint8_t proto;
    bool named;         /* its public side is a VIP's */
    struct handle h[2]; /* RTP and RTCP, or the signalling mapping and HANDLE_NONE */
    struct ip_port inside, rtcp, remote;
    struct ip_port remote_rtcp; /* port 0: beside remote, or where that is */
    struct ip_port public_side[2];
    /* Contacts of a registration: what the last request that named it asked for, and who granted.
     */
    uint32_t asked_s, ask; /* dialog_ask.serial of that request */
    struct ip_addr registrar;
    uint64_t expires_ms;
};

#define DIALOG_PINS_MAX \
    72 /* pins of one record: 32 streams twice, while they change, and contacts */

enum leg_state {
    LEG_EARLY,
    LEG_CONFIRMED,
    LEG_ENDED
};

#define DIALOG_LEGS 6

struct dialog_leg {
    uint64_t tag; /* keyed hash of the other side's tag */
    uint8_t state;
    bool late; /* its 2xx carried the offer, its ACK carries the answer */
};

/* A request that may carry an offer, until its final response. */
struct dialog_txn {
    uint32_t cseq;
    bool used;    /* there was one */
    bool inside;  /* sent by the inside party */
    bool pending; /* no final response yet */
    bool offer;   /* it carried a session description */
    bool late;    /* its first 2xx carried the offer, the ACK carries the answer */
    bool asked;   /* the inside party described its media in it */
    bool doubt;   /* BYE of a stranger: it ends the call only when the other end grants it */
    bool held[2]; /* the call's before it */
};

/*
 * A REGISTER or SUBSCRIBE that has no final response yet. Only a response that agrees in all of
 * this answers it: any server that the phone talks to can send one.
 */
struct dialog_ask {
    uint64_t call_id, tag; /* keyed hashes, the tag is From's */
    uint32_t cseq;
    uint32_t serial;    /* counts the requests of the record, from 1 */
    uint32_t expires_s; /* of the whole request, UINT32_MAX without */
    struct ip_addr to;  /* the server it went to */
    bool pending;
};

#define DIALOG_ASKS 4 /* requests of one record under way at a time; the oldest is forgotten */

#define DIALOG_TEXT    128
#define DIALOG_REMOTES 8
#define DIALOG_PEERS   6

/* Where the other party wants the media of a stream, as it said last. */
struct dialog_remote {
    struct ip_port rtp, rtcp; /* rtcp: port 0 where RTP is, or nowhere */
    bool mux;                 /* it takes RTCP by RTP's port */
};

/* A way out for SIP of the inside party: call_outlet.h. */
struct dialog_outlet {
    uint64_t way; /* outlet_hash; 0 none */
    struct outlet_call how;
};

#define DIALOG_OUTLETS 4 /* the latest ones */

struct dialog_key {
    uint64_t h[2];
};

struct dialog {
    struct dialog_key key;
    struct wheel_link wheel;
    uint32_t hash_next;
    uint32_t epoch;
    uint8_t kind, state;
    bool counted; /* in calls_active, registers_active and the policy's count */
    bool idle;    /* on the policy's list of idle ones ... */
    bool blocked; /* ... or on that of the blocked ones, through the same links */
    bool inside_began;
    bool held[2]; /* hold asked for by the outside [0] and inside [1] party */
    uint8_t n_legs, n_pins, n_peers;
    uint8_t before_bye; /* the state BYE found ... */
    bool answered;      /* a 2xx to its INVITE was seen */
    uint32_t pins;      /* head of the list */
    uint32_t policy;    /* index of its policy record */
    uint32_t idle_prev, idle_next;
    uint64_t before_bye_ms; /* ... and its expires_ms */

    uint64_t hard_ms;    /* the end of every call */
    uint64_t expires_ms; /* of the state it is in; 0 none */
    uint64_t ack_ms;     /* the 2xx must have its ACK by then; 0 it has */
    uint64_t ring_ms;    /* Expires of the INVITE; UINT64_MAX none */
    uint64_t last_ms;    /* of the last message */
    uint64_t media_ms;   /* media count as silent from here on ... */
    uint64_t heard_ms;   /* ... or from the last packet that was noticed */
    uint64_t check_ms;   /* look at the idle list again; 0 no, and when it is not on it */

    uint8_t method; /* of the last message, for listings */
    uint16_t status;
    uint32_t cseq;
    uint32_t policy_id, call_keepalive_s, max_idle;
    /* One of each that the outside [0] and the inside [1] party sent: requests may cross. */
    struct dialog_txn invite[2], other[2]; /* other: PRACK, UPDATE */
    struct dialog_txn bye;
    uint32_t invite_seen[2];            /* highest CSeq + 1 of INVITEs from outside and inside */
    uint32_t invited_ms;                /* when the last one from outside came first; wraps */
    struct ip_addr peers[DIALOG_PEERS]; /* outside, of the call, the latest ones */
    /* The outside party's Contact and nearest Record-Route: host zero none, port 0 not by UDP. */
    struct ip_port targets[2];
    struct dialog_outlet outlets[DIALOG_OUTLETS];
    uint8_t outlet_turn; /* the place that the next one takes */
    bool outlets_stand;  /* for these targets, and messages of this session and policy */
    struct handle outlet_session;
    uint32_t outlet_policy;
    struct dialog_leg legs[DIALOG_LEGS];

    /* From here on what few messages of a call need. */
    struct dialog_ask asks[DIALOG_ASKS];          /* of a registration or contact */
    uint32_t n_asks;                              /* how many there ever were */
    struct dialog_remote remotes[DIALOG_REMOTES]; /* by stream */
    uint16_t inside_zone;
    uint16_t in_ifindex, out_ifindex; /* of its first message */
    struct handle session;            /* the same */
    uint8_t proto;
    bool reply, logs;  /* logs: its begin and end go to the log */
    bool from_outside; /* somebody outside began it */

    uint64_t begin_ms; /* for the log */
    struct ip_port src, dst, inside;
    char call_id[DIALOG_TEXT], from[DIALOG_TEXT], to[DIALOG_TEXT], profile[48];
} __attribute__((aligned(64)));

/* How many dialogs a policy has, and its idle ones, oldest first. */
struct dialog_policy {
    uint32_t policy_id;
    uint32_t hash_next;
    uint32_t n_records, n_calls, n_idle;
    uint32_t idle_head, idle_tail;
};

struct dialogs {
    struct dialog *at;
    struct pin *pins;
    struct dialog_policy *policies;
    uint32_t *buckets, *policy_buckets;
    uint32_t n_buckets; /* a power of two, as many policy buckets */
    uint32_t capacity, pin_capacity;
    uint32_t fresh, free;         /* records never used; chain through hash_next */
    uint32_t pin_fresh, pin_free; /* chain through next */
    uint32_t policy_fresh, policy_free;
    uint32_t n_used;  /* atomic: listings read it */
    uint32_t deepest; /* atomic: the longest chain of a bucket there ever was */
    uint32_t n_pins;
    uint32_t blocked_head, blocked_tail; /* the list of blocked calls, the oldest in front */
    size_t bytes[5];
};

/* Room for `capacity` records. 0 or -ENOMEM. */
int dialogs_init(struct dialogs *ds, uint32_t capacity);
void dialogs_free(struct dialogs *ds);

static inline struct dialog *dialog_at(const struct dialogs *ds, uint32_t index)
{
    return &ds->at[index];
}

static inline uint32_t dialog_index(const struct dialogs *ds, const struct dialog *d)
{
    return (uint32_t)(d - ds->at);
}

/* The record, or NULL. */
struct dialog *dialog_find(const struct dialogs *ds, const struct dialog_key *key);

/* The lines of a record that the next steps look at, all at once and not one after the other. */
static inline void dialog_prefetch(const struct dialogs *ds, const struct dialog *d)
{
    const char *p = (const char *)d;
    if (d->pins != PIN_NONE) {
        __builtin_prefetch(&ds->pins[d->pins]);
        __builtin_prefetch((const char *)&ds->pins[d->pins] + 64);
    }
    for (size_t at = 64; at < offsetof(struct dialog, asks); at += 64)
        __builtin_prefetch(p + at);
}

/* A zeroed record of `kind` under `key` and policy, or NULL when all are in use. */
struct dialog *dialog_new(struct dialogs *ds, enum dialog_kind kind, const struct dialog_key *key,
                          uint32_t policy_id);

/* Give the record back; its pins must be gone and its timer unfiled. */
void dialog_delete(struct dialogs *ds, struct dialog *d);

/* How many calls of this policy are not over. */
uint32_t dialog_policy_calls(const struct dialogs *ds, uint32_t policy_id);

/* Count the record as a call of its policy, or no more. */
void dialog_count(struct dialogs *ds, struct dialog *d, bool on);

/* Put it at the young end of its policy's idle list, or take it off. */
void dialog_idle(struct dialogs *ds, struct dialog *d, bool on);

/* The oldest idle record of d's policy (DIALOG_NONE: none), and how many there are. */
uint32_t dialog_idle_oldest(const struct dialogs *ds, const struct dialog *d, uint32_t *n);

/* Put it at the young end of the list of blocked calls; it is on no other. */
void dialog_block(struct dialogs *ds, struct dialog *d);

/* The leg with this tag, or NULL. */
const struct dialog_leg *dialog_leg_find(const struct dialog *d, uint64_t tag);

/* The leg with this tag; a new early one when there is room, else NULL. */
struct dialog_leg *dialog_leg(struct dialog *d, uint64_t tag, bool make);

/* The leg of a 2xx: as dialog_leg, and it takes the place of an early one when there is no room. */
struct dialog_leg *dialog_leg_confirm(struct dialog *d, uint64_t tag);

/* Could `tag` name a leg? One that was seen, or there is no telling: none was, or too many were. */
bool dialog_leg_known(const struct dialog *d, uint64_t tag);

/* Has one of its INVITEs, PRACKs and UPDATEs no final response yet? */
bool dialog_busy(const struct dialog *d);

/* An outside address that belongs to the call. */
void dialog_peer_add(struct dialog *d, const struct ip_addr *ip);
bool dialog_peer_known(const struct dialog *d, const struct ip_addr *ip);

/* A fresh pin linked to `d`, or NULL: the pool or the record is full. */
struct pin *pin_new(struct dialogs *ds, struct dialog *d);

/* Unlink and give back; the mappings it holds must have been released. */
void pin_delete(struct dialogs *ds, struct dialog *d, struct pin *pin);

static inline struct pin *pin_at(const struct dialogs *ds, uint32_t index)
{
    return index == PIN_NONE ? NULL : &ds->pins[index];
}

/* Could `n` more pins be taken for `d` (NULL: a new record)? */
bool pins_room(const struct dialogs *ds, const struct dialog *d, unsigned n);

/* The pin of an inside endpoint (for media: of this stream), or NULL. */
struct pin *pin_find(const struct dialogs *ds, const struct dialog *d, enum mapping_kind kind,
                     uint8_t proto, unsigned stream, struct ip_port inside);
