/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops on the wire: (interface, address) -> MAC. Control alone writes, through ARP; workers
 * read. An entry's index is stable for the life of the process, so sessions keep it; MAC and state
 * change together in one 8-byte word.
 */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define NEIGHBOUR_NONE UINT32_MAX

enum neighbour_state {
    NEIGHBOUR_INCOMPLETE = 0x01,
    NEIGHBOUR_REACHABLE = 0x02,
    NEIGHBOUR_STALE = 0x04,
    NEIGHBOUR_PROBE = 0x10,
    NEIGHBOUR_FAILED = 0x20,
};

struct neighbour {
    uint64_t word; /* atomic: MAC in the low 6 bytes as on the wire, state in the highest */
    be32 ip;
    uint16_t ifindex;
    uint16_t used; /* 1 once ip and ifindex are valid (released) */
};

struct neighbours {
    uint32_t capacity;         /* a power of two */
    uint32_t count;            /* control */
    struct neighbour *entries; /* open addressing by ip and ifindex, never removed */
};

int neighbours_init(struct neighbours *ns, uint32_t capacity);
void neighbours_free(struct neighbours *ns);

/* Index of the entry, or NEIGHBOUR_NONE. Any thread. */
uint32_t neighbour_find(const struct neighbours *ns, uint16_t ifindex, be32 ip);

/* Control: the entry, made INCOMPLETE when there was none; NEIGHBOUR_NONE when the table is full.
 */
uint32_t neighbour_make(struct neighbours *ns, uint16_t ifindex, be32 ip);

/* Control: MAC and state at once. */
void neighbour_set(struct neighbours *ns, uint32_t index, const uint8_t mac[6],
                   enum neighbour_state state);

static inline enum neighbour_state neighbour_state(uint64_t word)
{
    return (enum neighbour_state)(word >> 56);
}

static inline uint64_t neighbour_word(const struct neighbours *ns, uint32_t index)
{
    return __atomic_load_n(&ns->entries[index].word, __ATOMIC_RELAXED);
}

/* True when frames can be sent there; the MAC is the low 6 bytes of *word. */
static inline bool neighbour_usable(const struct neighbours *ns, uint32_t index, uint64_t *word)
{
    if (index == NEIGHBOUR_NONE)
        return false;
    *word = neighbour_word(ns, index);
    return neighbour_state(*word) & (NEIGHBOUR_REACHABLE | NEIGHBOUR_STALE | NEIGHBOUR_PROBE);
}
