/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Free records are linked through their own first words, which nobody reads while they are free:
 * `next` to the next of the same chain, `next_chain` from the head of one chain to the head of the
 * next, `length` in the head. The stack of chains carries a counter beside the head index, so that
 * a head that was taken and pushed again in between is not mistaken for the same stack.
 */
#include "sessions/store.h"

#include "base/mem.h"

#include <errno.h>

struct free_link {
    uint32_t next, next_chain, length;
};

static struct free_link *link_of(const struct store *s, uint32_t index)
{
    return (struct free_link *)store_record(s, index);
}

static uint32_t link_load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void link_store(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

int store_init(struct store *s, uint32_t capacity, uint32_t stride, bool huge)
{
    struct hash_secret secret = s->table.secret;
    uint32_t chain = capacity / STORE_CHAINS;
    *s = (struct store){.capacity = capacity,
                        .stride = stride,
                        .chain = chain > STORE_CHAIN ? STORE_CHAIN
                                 : chain             ? chain
                                                     : 1,
                        .bytes = (size_t)capacity * stride,
                        .chains = INDEX_NONE,
                        .pending = INDEX_NONE};
    s->table.secret = secret;
    s->records = mem_map(s->bytes, huge);
    if (!s->records)
        return -ENOMEM;
    int result = table_init(&s->table, (uint64_t)capacity * 2, s->records, stride, huge);
    if (result != 0)
        mem_unmap(s->records, s->bytes);
    return result;
}

void store_free(struct store *s)
{
    table_free(&s->table);
    mem_unmap(s->records, s->bytes);
    s->records = NULL;
}

/* Take the whole top chain. */
static uint32_t chain_pop(struct store *s)
{
    uint64_t head = __atomic_load_n(&s->chains, __ATOMIC_ACQUIRE);
    while ((uint32_t)head != INDEX_NONE) {
        uint32_t below = link_load(&link_of(s, (uint32_t)head)->next_chain);
        uint32_t length = link_load(&link_of(s, (uint32_t)head)->length);
        uint64_t next = (head & ~(uint64_t)UINT32_MAX) + ((uint64_t)1 << 32) + below;
        if (__atomic_compare_exchange_n(&s->chains, &head, next, true, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            __atomic_sub_fetch(&s->chained, length, __ATOMIC_RELAXED);
            return (uint32_t)head;
        }
    }
    return INDEX_NONE;
}

static void chain_push(struct store *s, uint32_t chain, uint32_t length)
{
    uint64_t head = __atomic_load_n(&s->chains, __ATOMIC_ACQUIRE), next;
    link_store(&link_of(s, chain)->length, length);
    __atomic_add_fetch(&s->chained, length, __ATOMIC_RELAXED);
    do {
        link_store(&link_of(s, chain)->next_chain, (uint32_t)head);
        next = (head & ~(uint64_t)UINT32_MAX) + ((uint64_t)1 << 32) + chain;
    } while (!__atomic_compare_exchange_n(&s->chains, &head, next, true, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
}

/* Take a block of indexes that were never used. */
static bool fresh_take(struct store *s, struct store_cache *cache)
{
    uint32_t first = __atomic_load_n(&s->fresh, __ATOMIC_RELAXED), n;
    do {
        n = s->capacity - first;
        n = n < s->chain ? n : s->chain;
        if (n == 0)
            return false;
    } while (!__atomic_compare_exchange_n(&s->fresh, &first, first + n, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    cache->fresh = first;
    cache->n_fresh = n;
    return true;
}

uint32_t store_take(struct store *s, struct store_cache *cache)
{
    if (cache->head == INDEX_NONE && cache->n_fresh == 0) {
        cache->head = chain_pop(s);
        if (cache->head == INDEX_NONE && !fresh_take(s, cache))
            return INDEX_NONE;
    }
    uint32_t index = cache->head;
    if (index != INDEX_NONE) {
        cache->head = link_load(&link_of(s, index)->next);
    } else {
        cache->n_fresh--;
        index = cache->fresh++;
    }
    return index;
}

void store_untake(struct store *s, struct store_cache *cache, uint32_t index)
{
    struct record *r = store_record(s, index);
    record_state_set(r, RECORD_FREE);
    link_store(&link_of(s, index)->next, cache->head);
    cache->head = index;
}

void store_return(struct store *s, uint32_t index)
{
    struct record *r = store_record(s, index);
    __atomic_store_n(&r->epoch, r->epoch + 1, __ATOMIC_RELAXED);
    record_state_set(r, RECORD_FREE);
    link_store(&link_of(s, index)->next, s->pending);
    s->pending = index;
    s->freed++;
    if (++s->n_pending == s->chain)
        store_flush(s);
}

void store_flush(struct store *s)
{
    if (s->pending == INDEX_NONE)
        return;
    chain_push(s, s->pending, s->n_pending);
    s->pending = INDEX_NONE;
    s->n_pending = 0;
}

uint32_t store_unused(const struct store *s)
{
    return s->capacity - __atomic_load_n(&s->fresh, __ATOMIC_RELAXED) +
           __atomic_load_n(&s->chained, __ATOMIC_RELAXED) + s->n_pending;
}

bool store_live(const struct store *s, struct handle h)
{
    if (h.index >= s->capacity)
        return false;
    const struct record *r = store_record(s, h.index);
    return record_state(r) == RECORD_LIVE &&
           __atomic_load_n(&r->epoch, __ATOMIC_RELAXED) == h.epoch;
}
