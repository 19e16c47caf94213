/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sessions and mappings have in common: two 16-byte keys by which the table finds them, an
 * epoch that tells one life of an index from the next, and a state. Both begin with a struct
 * record, so that one table (table.h) and one allocator (store.h) serve both.
 *
 * Life of a record: FREE -> OPENING (its maker alone knows the index) -> LIVE -> DYING (lookups
 * miss it) -> FREE after every worker has passed a quiescent point.
 */
#pragma once

#include "base/be.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * One direction of a flow as it arrives. Compared and hashed as 16 bytes: no padding. The packet
 * path makes and reads it as two words: a word put together from small stores has to wait for them.
 *
 * IPv6: family is KEY_IPV6 and the first twelve bytes are a fingerprint of both addresses and both
 * ports under a boot-time secret (key6.h). Nothing is translated there, so the path never needs
 * what the fingerprint stands for.
 */
struct key {
    union {
        struct {
            be32 src, dst;
            be16 sport, dport; /* ICMP query: the identifier, on the side that asks */
            uint8_t proto;
            uint8_t family; /* 0 IPv4, or KEY_IPV6 */
            uint16_t zone;  /* of the arrival interface, from 1; 0 where any will do */
        };
        uint64_t word[2];
    };
};

#define KEY_IPV6    6
#define KEY6_FAMILY ((uint64_t)KEY_IPV6 << 40) /* in the second word */

static inline bool key_is6(const struct key *key)
{
    return key->family != 0;
}

/* The second word of an IPv4 key: `ports` as they stand in the header, source first. */
static inline uint64_t key_word1(uint32_t ports, uint8_t proto, uint16_t zone)
{
    return ports | (uint64_t)proto << 32 | (uint64_t)zone << 48;
}

_Static_assert(sizeof(struct key) == 16, "a key is hashed whole");

enum record_state {
    RECORD_FREE,
    RECORD_OPENING,
    RECORD_LIVE,
    RECORD_DYING
};

#define INDEX_NONE UINT32_MAX

struct record {
    struct key key[2]; /* [0] original direction as it arrives, [1] reply as it arrives */
    uint32_t epoch;    /* one more in each life */
    uint8_t state;     /* enum record_state, atomic */
    uint8_t flags;     /* meaning is the owner's, as of `detail` */
    uint16_t detail;
};

_Static_assert(sizeof(struct record) == 40, "the head of both records");

/* What outlives a burst refers by handle, never by pointer. */
struct handle {
    uint32_t index, epoch;
};

#define HANDLE_NONE ((struct handle){INDEX_NONE, 0})

static inline bool handle_none(struct handle h)
{
    return h.index == INDEX_NONE;
}

static inline enum record_state record_state(const struct record *r)
{
    return (enum record_state)__atomic_load_n(&r->state, __ATOMIC_ACQUIRE);
}

static inline void record_state_set(struct record *r, enum record_state state)
{
    __atomic_store_n(&r->state, (uint8_t)state, __ATOMIC_RELEASE);
}

static inline bool record_state_swap(struct record *r, enum record_state from, enum record_state to)
{
    uint8_t old = (uint8_t)from;
    return __atomic_compare_exchange_n(&r->state, &old, (uint8_t)to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

/* Keys are read by other threads while a loser of an insert race reuses its record: whole words. */
static inline bool key_equal(const struct key *stored, const struct key *mine)
{
    return __atomic_load_n(&stored->word[0], __ATOMIC_RELAXED) == mine->word[0] &&
           __atomic_load_n(&stored->word[1], __ATOMIC_RELAXED) == mine->word[1];
}

static inline void key_store(struct key *to, const struct key *from)
{
    __atomic_store_n(&to->word[0], from->word[0], __ATOMIC_RELAXED);
    __atomic_store_n(&to->word[1], from->word[1], __ATOMIC_RELAXED);
}

/*
 * LIVE with this key. In this order: once LIVE is seen the record keeps its key until the reader's
 * next quiescent report, whereas an OPENING one may be withdrawn and refilled for another flow at
 * any time.
 */
static inline bool record_live_as(const struct record *r, int dir, const struct key *key)
{
    return record_state(r) == RECORD_LIVE && key_equal(&r->key[dir], key);
}

/* Protocols with ports, first thing in their header: TCP, UDP, SCTP, UDP-Lite. Of others a session
 * is a pair of addresses. */
static inline bool proto_has_ports(uint8_t proto)
{
    return proto == 6 || proto == 17 || proto == 132 || proto == 136;
}

/* The key under which the answer to `k` arrives when nothing is translated. IPv4 only;
 * IPv6: session_key6 of session.h. */
static inline struct key key_reverse(const struct key *k, uint16_t zone)
{
    return (struct key){.src = k->dst,
                        .dst = k->src,
                        .sport = k->dport,
                        .dport = k->sport,
                        .proto = k->proto,
                        .zone = zone};
}
