/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An open-addressing table with one writer. Entries are never removed: a router sees few next hops,
 * and a stable index lets a session remember its own. The writer fills ip and ifindex first and
 * releases `used` last, so a reader sees a whole entry or none. At most three quarters are filled.
 */
#include "fastpath/neighbour.h"

#include <errno.h>
#include <stdlib.h>

int neighbours_init(struct neighbours *ns, uint32_t capacity)
{
    *ns = (struct neighbours){.capacity = capacity};
    ns->entries = calloc(capacity, sizeof *ns->entries);
    return ns->entries ? 0 : -ENOMEM;
}

void neighbours_free(struct neighbours *ns)
{
    free(ns->entries);
    ns->entries = NULL;
}

static uint32_t first_place(const struct neighbours *ns, uint16_t ifindex, be32 ip)
{
    uint64_t h = ((uint64_t)ifindex << 32 | ip) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 32) & (ns->capacity - 1);
}

/* The entry, or the first unused place. */
static uint32_t place_of(const struct neighbours *ns, uint16_t ifindex, be32 ip)
{
    uint32_t i = first_place(ns, ifindex, ip);
    for (;; i = (i + 1) & (ns->capacity - 1)) {
        const struct neighbour *n = &ns->entries[i];
        if (!__atomic_load_n(&n->used, __ATOMIC_ACQUIRE) || (n->ip == ip && n->ifindex == ifindex))
            return i;
    }
}

uint32_t neighbour_find(const struct neighbours *ns, uint16_t ifindex, be32 ip)
{
    uint32_t i = place_of(ns, ifindex, ip);
    return __atomic_load_n(&ns->entries[i].used, __ATOMIC_ACQUIRE) ? i : NEIGHBOUR_NONE;
}

uint32_t neighbour_make(struct neighbours *ns, uint16_t ifindex, be32 ip)
{
    uint32_t i = place_of(ns, ifindex, ip);
    struct neighbour *n = &ns->entries[i];
    if (n->used)
        return i;
    if (ns->count >= ns->capacity / 4 * 3)
        return NEIGHBOUR_NONE;
    n->ip = ip;
    n->ifindex = ifindex;
    n->word = (uint64_t)NEIGHBOUR_INCOMPLETE << 56;
    ns->count++;
    __atomic_store_n(&n->used, 1, __ATOMIC_RELEASE);
    return i;
}

void neighbour_set(struct neighbours *ns, uint32_t index, const uint8_t mac[6],
                   enum neighbour_state state)
{
    uint64_t word = 0;
    memcpy(&word, mac, 6);
    __atomic_store_n(&ns->entries[index].word, word | (uint64_t)state << 56, __ATOMIC_RELAXED);
}
