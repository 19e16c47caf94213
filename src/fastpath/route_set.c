/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An open hash table of pointers to sets, found by all their bytes. Sets are made in a scratch
 * place first, and copied when nobody has an equal one.
 */
#include "fastpath/route_set.h"

#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64

struct route_sets {
    uint32_t refs;       /* atomic */
    uint32_t n, n_slots; /* n_slots a power of two */
    size_t bytes;
    struct hash_secret secret;
    struct route_set **slots;
    struct route_set *scratch;
};

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p)
        abort();
    return p;
}

struct route_sets *route_sets_create(void)
{
    struct route_sets *pool = zeroed(1, sizeof *pool);
    pool->refs = 1;
    pool->n_slots = SLOTS_FIRST;
    pool->slots = zeroed(pool->n_slots, sizeof *pool->slots);
    pool->scratch =
        zeroed(1, sizeof *pool->scratch + 2 * ROUTE_HOPS_MAX * sizeof pool->scratch->hops[0]);
    hash_secret_fixed(&pool->secret, 0);
    return pool;
}

struct route_sets *route_sets_share(struct route_sets *pool)
{
    __atomic_add_fetch(&pool->refs, 1, __ATOMIC_RELAXED);
    return pool;
}

void route_sets_free(struct route_sets *pool)
{
    if (!pool || __atomic_sub_fetch(&pool->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (uint32_t i = 0; i < pool->n_slots; i++)
        free(pool->slots[i]);
    free(pool->slots);
    free(pool->scratch);
    free(pool);
}

uint32_t route_sets_count(const struct route_sets *pool)
{
    return pool->n;
}

size_t route_sets_bytes(const struct route_sets *pool)
{
    return pool->bytes + pool->n_slots * sizeof *pool->slots;
}

static size_t set_size(const struct route_set *set)
{
    return sizeof *set + set->n_all * sizeof set->hops[0];
}

/* ---- making one ---- */

static void hop_add(struct route_set *set, const struct route *route)
{
    struct rng mixed = {route->gateway.half[0] ^ route->ifindex};
    mixed.state = rng_next(&mixed) ^ route->gateway.half[1];
    struct route_hop *hop = &set->hops[set->n_all++];
    memset(hop, 0, sizeof *hop);
    hop->gateway = route->gateway;
    hop->id = rng_next(&mixed);
    hop->ifindex = route->ifindex;
    hop->weight = route->weight;
    set->interfaces |= (uint64_t)1 << route->ifindex;
}

static void hops_add(struct route_set *set, const struct route *group, uint32_t n,
                     enum route_state state)
{
    for (uint32_t i = 0, k = 0; i < n && k < ROUTE_HOPS_MAX; i++)
        if (group[i].state == state && !group[i].blackhole) {
            hop_add(set, &group[i]);
            k++;
        }
}

/* In the scratch place. False: there is nothing to use. */
static bool set_make(struct route_set *set, const struct route *group, uint32_t n,
                     const struct route_set *shorter)
{
    uint32_t first = 0;
    while (first < n && group[first].state != ROUTE_ACTIVE)
        first++;
    if (first == n)
        return false;
    memset(set, 0, sizeof *set);
    set->shorter = shorter;
    set->connected = group[first].connected;
    set->blackhole = group[first].blackhole;
    if (set->connected) {
        set->dst = group[first].dst;
        set->len = group[first].len;
    }
    hops_add(set, group, n, ROUTE_ACTIVE);
    set->n = set->n_all;
    for (uint16_t i = 0; i < set->n; i++)
        set->weighted |= set->hops[i].weight != 0;
    hops_add(set, group, n, ROUTE_SPARE);
    return true;
}

/* ---- finding it ---- */

static struct route_set **slot_of(const struct route_sets *pool, const struct route_set *set)
{
    uint64_t h = hash_bytes(&pool->secret, set, set_size(set));
    for (;; h++) {
        struct route_set **slot = &pool->slots[h & (pool->n_slots - 1)];
        if (!*slot || ((*slot)->n_all == set->n_all && memcmp(*slot, set, set_size(set)) == 0))
            return slot;
    }
}

static void grow(struct route_sets *pool)
{
    struct route_set **old = pool->slots;
    uint32_t n_old = pool->n_slots;
    pool->n_slots *= 2;
    pool->slots = zeroed(pool->n_slots, sizeof *pool->slots);
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i])
            *slot_of(pool, old[i]) = old[i];
    free(old);
}

const struct route_set *route_sets_get(struct route_sets *pool, const struct route *group,
                                       uint32_t n, const struct route_set *shorter)
{
    if (!set_make(pool->scratch, group, n, shorter))
        return NULL;
    struct route_set **slot = slot_of(pool, pool->scratch);
    if (*slot)
        return *slot;
    size_t size = set_size(pool->scratch);
    struct route_set *set = memcpy(zeroed(1, size), pool->scratch, size);
    *slot = set;
    pool->bytes += size;
    if (++pool->n > pool->n_slots / 2)
        grow(pool);
    return set;
}
