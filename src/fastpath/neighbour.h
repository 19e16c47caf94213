/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops on the wire: (interface, address of either family) -> MAC. Control alone writes,
 * through ARP and Neighbour Discovery; workers read. MAC, state and generation change together in
 * one 8-byte word.
 *
 * A session remembers its next hop by a reference: index and generation. The generation moves each
 * time the entry becomes usable, so once the entry went out of use (the host fell silent, or the
 * entry serves another host now) old references lead nowhere and the session looks again. It has
 * ten bits: a session that misses 1024 such times of one entry between two of its packets would
 * send the second to the wrong host.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NEIGHBOUR_NONE         UINT32_MAX
#define NEIGHBOUR_CAPACITY_MAX 32768u

enum neighbour_state {
    NEIGHBOUR_UNUSED = 0x00,
    NEIGHBOUR_INCOMPLETE = 0x01,
    NEIGHBOUR_REACHABLE = 0x02,
    NEIGHBOUR_STALE = 0x04,
    NEIGHBOUR_PROBE = 0x10,
    NEIGHBOUR_FAILED = 0x20,
};

/* Beside the state: control holds no more packets for this one. */
#define NEIGHBOUR_FULL 0x08

struct neighbour {
    uint64_t word; /* atomic: MAC as on the wire, 10 bits of generation, 6 of state; low to high */
    struct ip_addr ip; /* its halves are atomic, as the following */
    uint16_t ifindex;
    uint16_t next; /* of the entries with one hash */
    uint32_t unused;
};

_Static_assert(sizeof(struct neighbour) == 32, "two in a cache line, none across two");

struct neighbours {
    uint32_t capacity;         /* a power of two */
    uint32_t count;            /* control: entries in use */
    uint32_t free_first;       /* control: place in `free` of the one to use next */
    struct hash_secret secret; /* strangers choose the addresses */
    uint16_t *heads;           /* by hash */
    uint16_t *free;            /* control: a ring, so that an entry rests as long as possible */
    struct neighbour *entries; /* by index */
};

/* `capacity`: a power of two, at most NEIGHBOUR_CAPACITY_MAX. 0 or -ENOMEM. */
int neighbours_init(struct neighbours *ns, uint32_t capacity);
void neighbours_free(struct neighbours *ns);

/*
 * What is known about a next hop: the word, and in *ref what neighbour_usable takes; 0 when there
 * is no entry, or it changes just now. Any thread.
 */
uint64_t neighbour_look(const struct neighbours *ns, uint16_t ifindex, struct ip_addr ip,
                        uint32_t *ref);

/* Reference to a usable entry, or NEIGHBOUR_NONE. Any thread. */
uint32_t neighbour_find(const struct neighbours *ns, uint16_t ifindex, struct ip_addr ip);

/* The entry a reference meant, or NULL when it means nothing any more. For listings. */
const struct neighbour *neighbour_of(const struct neighbours *ns, uint32_t ref);

/* Control: index of the entry, usable or not, or NEIGHBOUR_NONE. */
uint32_t neighbour_index(const struct neighbours *ns, uint16_t ifindex, struct ip_addr ip);

/* Control: the same, made INCOMPLETE when there was none; NEIGHBOUR_NONE when the table is full. */
uint32_t neighbour_make(struct neighbours *ns, uint16_t ifindex, struct ip_addr ip);

/* Control: free the entry for another next hop. */
void neighbour_remove(struct neighbours *ns, uint32_t index);

/* Control: MAC and state at once; clears NEIGHBOUR_FULL. */
void neighbour_set(struct neighbours *ns, uint32_t index, const uint8_t mac[6],
                   enum neighbour_state state);

/* Control: tell workers that packets for it need not be sent here. */
void neighbour_set_full(struct neighbours *ns, uint32_t index);

static inline enum neighbour_state neighbour_state(uint64_t word)
{
    return (enum neighbour_state)(word >> 58 & ~(uint64_t)NEIGHBOUR_FULL);
}

static inline bool neighbour_full(uint64_t word)
{
    return word >> 58 & NEIGHBOUR_FULL;
}

static inline uint32_t neighbour_generation(uint64_t word)
{
    return (uint32_t)(word >> 48) & 0x3ff;
}

/* Frames can be sent there; the MAC is the low 6 bytes of the word. */
static inline bool neighbour_word_usable(uint64_t word)
{
    const uint64_t states = NEIGHBOUR_REACHABLE | NEIGHBOUR_STALE | NEIGHBOUR_PROBE;
    return word & states << 58;
}

static inline uint64_t neighbour_word(const struct neighbours *ns, uint32_t index)
{
    return __atomic_load_n(&ns->entries[index].word, __ATOMIC_RELAXED);
}

/* True when the reference holds and frames can be sent there; the MAC is the low 6 bytes of *word.
 */
static inline bool neighbour_usable(const struct neighbours *ns, uint32_t ref, uint64_t *word)
{
    if (ref == NEIGHBOUR_NONE)
        return false;
    *word = neighbour_word(ns, ref & 0xffff);
    return neighbour_generation(*word) == ref >> 16 && neighbour_word_usable(*word);
}
