/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records by index, and who may use which index. Indexes never used before come from a counter,
 * used ones come back in chains of up to 64 that workers take whole: one compare-and-swap per 64
 * allocations, nothing touched before it is needed. In a small store chains are shorter: what one
 * thread keeps for itself the others miss.
 *
 * Threads: any thread allocates through a cache of its own; control alone frees, after a grace
 * period in which every thread that could have seen the record has reported quiescent.
 */
#pragma once

#include "sessions/table.h"

/* Length of a chain: at most this, and at most one of STORE_CHAINS parts of the store. */
#define STORE_CHAIN  64
#define STORE_CHAINS 256

struct store {
    struct table table;
    uint32_t capacity;
    uint32_t stride;
    uint32_t chain; /* longest one */
    unsigned char *records;
    size_t bytes;
    uint32_t fresh;   /* atomic: indexes from here on were never used */
    uint64_t chains;  /* atomic: head index and a counter against ABA */
    uint32_t chained; /* atomic: indexes in those chains */
    uint32_t pending; /* control: chain being filled, INDEX_NONE when empty */
    uint32_t n_pending;
    uint64_t freed; /* control: records given back, ever */
};

/* One thread's own free indexes. Zero-initialise with head INDEX_NONE. */
struct store_cache {
    uint32_t head;           /* of a chain taken whole */
    uint32_t fresh, n_fresh; /* of a block never used */
};

#define STORE_CACHE_EMPTY ((struct store_cache){INDEX_NONE, 0, 0})

/*
 * `capacity` zeroed records of `stride` bytes (a multiple of 64), each with two keys in the table.
 * 0 or -ENOMEM. The table's secret must be set by the caller before the first insert.
 */
int store_init(struct store *s, uint32_t capacity, uint32_t stride, bool huge);
void store_free(struct store *s);

static inline struct record *store_record(const struct store *s, uint32_t index)
{
    return (struct record *)(void *)(s->records + (size_t)index * s->stride);
}

/* A FREE record's index, or INDEX_NONE when all are in use. */
uint32_t store_take(struct store *s, struct store_cache *cache);

/* The index that the next store_take gives this cache, or INDEX_NONE if that is not known yet. */
static inline uint32_t store_next(const struct store_cache *cache)
{
    return cache->head != INDEX_NONE ? cache->head : cache->n_fresh ? cache->fresh : INDEX_NONE;
}

/* Give back an index whose record never became visible, or whose slots its maker took out again. */
void store_untake(struct store *s, struct store_cache *cache, uint32_t index);

/* Control, after the grace period: the index may be used again; its epoch moves on. */
void store_return(struct store *s, uint32_t index);

/* Control, once per loop: hand a partly filled chain over too. */
void store_flush(struct store *s);

/* Control: indexes that no thread has taken. What threads keep for themselves counts as taken. */
uint32_t store_unused(const struct store *s);

/* True, and the record, when `h` still names the life it was taken in and that life is LIVE. */
bool store_live(const struct store *s, struct handle h);

static inline struct handle store_handle(const struct store *s, uint32_t index)
{
    return (struct handle){index,
                           __atomic_load_n(&store_record(s, index)->epoch, __ATOMIC_RELAXED)};
}
