/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An entry is two words, written by one thread. It is taken out of use (mapping OUTLET_FREE), gets
 * its hash, and then its mapping; who reads takes the mapping, the hash, and the mapping again. So
 * hash and mapping belong together whenever both looks agree.
 *
 * The hash is 64 bits under the boot-time secret and nothing else is compared but the way out: a
 * stranger cannot compute it, and each packet that does not fit is a packet refused.
 */
#include "sessions/outlet.h"

#include "base/mem.h"
#include "sessions/mapping.h"

#include <errno.h>

static uint64_t word_of(struct handle h)
{
    return h.index | (uint64_t)h.epoch << 32;
}

static struct handle handle_of(uint64_t word)
{
    return (struct handle){(uint32_t)word, (uint32_t)(word >> 32)};
}

int outlets_init(struct outlets *os, uint32_t mappings)
{
    uint32_t n = 1;
    while (n < mappings / (OUTLET_BUCKET / 2) && n < UINT32_C(1) << 30)
        n *= 2;
    os->at = mem_map_sparse((size_t)n * OUTLET_BUCKET * sizeof(*os->at));
    if (!os->at)
        return -ENOMEM;
    os->n_buckets = n;
    os->any = 0;
    return 0;
}

void outlets_free(struct outlets *os)
{
    if (os->at)
        mem_unmap(os->at, (size_t)os->n_buckets * OUTLET_BUCKET * sizeof(*os->at));
    os->at = NULL;
}

static uint64_t way_hash(const struct mappings *ms, const struct outlet_way *way)
{
    uint64_t hash = hash_bytes(&ms->store.table.secret, way, sizeof(*way));
    return hash ? hash : 1; /* 0 is an entry never used: memory comes zeroed */
}

static struct outlet *bucket_of(const struct mappings *ms, uint64_t hash)
{
    const struct outlets *os = &ms->outlets;
    return os->at + (size_t)((hash >> 32) & (os->n_buckets - 1)) * OUTLET_BUCKET;
}

static uint64_t mapping_word(const struct outlet *o)
{
    return __atomic_load_n(&o->mapping, __ATOMIC_ACQUIRE);
}

static uint64_t way_word(const struct outlet *o)
{
    return __atomic_load_n(&o->way, __ATOMIC_ACQUIRE);
}

static bool in_use(const struct mappings *ms, const struct outlet *o)
{
    return way_word(o) != 0 && mapping_word(o) != OUTLET_FREE &&
           store_live(&ms->store, handle_of(mapping_word(o)));
}

static void entry_set(struct outlet *o, uint64_t way, uint64_t mapping)
{
    __atomic_store_n(&o->mapping, OUTLET_FREE, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&o->way, way, __ATOMIC_RELEASE);
    __atomic_store_n(&o->mapping, mapping, __ATOMIC_RELEASE);
}

void outlet_open(struct mappings *ms, const struct outlet_way *way, struct handle mapping)
{
    uint64_t hash = way_hash(ms, way), word = word_of(mapping);
    struct outlet *bucket = bucket_of(ms, hash), *place = NULL;
    for (unsigned i = 0; i < OUTLET_BUCKET; i++) {
        if (way_word(&bucket[i]) == hash && mapping_word(&bucket[i]) == word)
            return;
        if (!place && !in_use(ms, &bucket[i]))
            place = &bucket[i];
    }
    entry_set(place ? place : &bucket[hash % OUTLET_BUCKET], hash, word);
    __atomic_store_n(&ms->outlets.any, 1, __ATOMIC_RELAXED);
}

void outlet_close(struct mappings *ms, const struct outlet_way *way, struct handle mapping)
{
    uint64_t hash = way_hash(ms, way), word = word_of(mapping);
    struct outlet *bucket = bucket_of(ms, hash);
    for (unsigned i = 0; i < OUTLET_BUCKET; i++)
        if (way_word(&bucket[i]) == hash && mapping_word(&bucket[i]) == word)
            __atomic_store_n(&bucket[i].mapping, OUTLET_FREE, __ATOMIC_RELEASE);
}

/* The mapping of an entry with this hash, or INDEX_NONE. */
static uint32_t entry_read(const struct mappings *ms, const struct outlet *o, uint64_t hash)
{
    uint64_t word = mapping_word(o);
    if (way_word(o) != hash || word == OUTLET_FREE)
        return INDEX_NONE;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (mapping_word(o) != word || !store_live(&ms->store, handle_of(word)))
        return INDEX_NONE;
    return (uint32_t)word;
}

uint32_t outlet_find(const struct mappings *ms, const struct outlet_way *way)
{
    uint64_t hash = way_hash(ms, way);
    const struct outlet *bucket = bucket_of(ms, hash);
    for (unsigned i = 0; i < OUTLET_BUCKET; i++) {
        uint32_t index = entry_read(ms, &bucket[i], hash);
        if (index != INDEX_NONE && mapping_at(ms, index)->outside_ifindex == way->outside_ifindex)
            return index;
    }
    return INDEX_NONE;
}
