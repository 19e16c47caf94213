/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The places of a pool - addresses or blocks - are a bitmap: taking one is an atomic OR that found
 * the bit clear. Memory is mapped, so that what a large pool does not use costs nothing.
 */
#include "base/mem.h"
#include "sessions/pool_private.h"

#include <errno.h>
#include <stdlib.h>

static int blocks_init(struct pool *p)
{
    uint32_t slots = pool_clients_slots(&p->clients);
    p->of_client_bytes = (size_t)slots * p->params.blocks_per_user * sizeof *p->of_client;
    p->blocks_bytes = (size_t)p->plan.places * sizeof *p->blocks;
    p->of_client = mem_map_sparse(p->of_client_bytes);
    p->newest = mem_map_sparse(slots);
    p->blocks = mem_map_sparse(p->blocks_bytes);
    p->idle = malloc(sizeof *p->idle);
    return p->of_client && p->newest && p->blocks && p->idle ? 0 : -ENOMEM;
}

int pool_places_init(struct pool *p)
{
    uint32_t n = p->plan.places;
    if (n == 0)
        return 0;
    p->used_bytes = ((size_t)n + 63) / 64 * sizeof *p->used;
    p->used = mem_map_sparse(p->used_bytes);
    if (pool_clients_init(&p->clients, n) != 0 || !p->used)
        return -ENOMEM;
    if (n % 64)
        p->used[n / 64] = ~(uint64_t)0 << n % 64; /* beyond the end */
    if (p->params.type == POOL_BLOCKS)
        return blocks_init(p);
    p->of_client_bytes = pool_clients_slots(&p->clients) * sizeof *p->of_client;
    p->of_client = mem_map_sparse(p->of_client_bytes);
    return p->of_client ? 0 : -ENOMEM;
}

void pool_places_free(struct pool *p)
{
    uint32_t slots = pool_clients_slots(&p->clients);
    mem_unmap(p->used, p->used_bytes);
    mem_unmap(p->of_client, p->of_client_bytes);
    mem_unmap(p->newest, slots);
    mem_unmap(p->blocks, p->blocks_bytes);
    free(p->idle);
    pool_clients_free(&p->clients);
}

/* A free bit of word `i` among those in `mask`, now taken; or NO_PLACE. */
static uint32_t bit_take(struct pool *p, uint32_t i, uint64_t mask)
{
    uint64_t word = __atomic_load_n(&p->used[i], __ATOMIC_ACQUIRE);
    while (~word & mask) {
        uint64_t bit = ~word & mask & -(~word & mask);
        if (__atomic_compare_exchange_n(&p->used[i], &word, word | bit, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
            return i * 64 + (uint32_t)__builtin_ctzll(bit);
    }
    return NO_PLACE;
}

uint32_t pool_place_take(struct pool *p, uint32_t start)
{
    uint32_t words = (p->plan.places + 63) / 64, place;
    uint64_t from_start = ~(uint64_t)0 << start % 64;
    /* A pool that is full is asked again and again: it says so without a search. */
    if (__atomic_load_n(&p->n_used, __ATOMIC_RELAXED) >= p->plan.places)
        return NO_PLACE;
    place = bit_take(p, start / 64, from_start);
    for (uint32_t i = 1; place == NO_PLACE && i < words; i++)
        place = bit_take(p, (start / 64 + i) % words, ~(uint64_t)0);
    if (place == NO_PLACE)
        place = bit_take(p, start / 64, ~from_start);
    if (place != NO_PLACE)
        __atomic_add_fetch(&p->n_used, 1, __ATOMIC_RELAXED);
    return place;
}

void pool_place_give(struct pool *p, uint32_t place)
{
    uint64_t bit = (uint64_t)1 << place % 64;
    /* In this order: who finds the count below the limit finds the bit. */
    __atomic_and_fetch(&p->used[place / 64], ~bit, __ATOMIC_ACQ_REL);
    __atomic_sub_fetch(&p->n_used, 1, __ATOMIC_RELEASE);
}

bool pool_place_used(const struct pool *p, uint32_t place)
{
    return __atomic_load_n(&p->used[place / 64], __ATOMIC_ACQUIRE) >> place % 64 & 1;
}
