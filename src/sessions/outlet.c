/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An entry is four words, written by one thread. It is taken out of use (holder OUTLET_FREE), gets
 * its hash and the rest, and then its holder; who reads takes the holder, the others, and the
 * holder again. So they belong together whenever both looks agree.
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

uint64_t outlet_hash(const struct mappings *ms, const struct outlet_way *way)
{
    uint64_t hash = hash_bytes(&ms->store.table.secret, way, sizeof(*way));
    return hash ? hash : 1; /* 0 is an entry never used: memory comes zeroed */
}

static struct outlet *bucket_of(const struct mappings *ms, uint64_t hash)
{
    const struct outlets *os = &ms->outlets;
    return os->at + (size_t)((hash >> 32) & (os->n_buckets - 1)) * OUTLET_BUCKET;
}

static uint64_t word_read(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static bool in_use(const struct mappings *ms, const struct outlet *o)
{
    uint64_t holder = word_read(&o->holder);
    return word_read(&o->way) != 0 && holder != OUTLET_FREE &&
           (word_read(&o->policy) != 0 || store_live(&ms->store, handle_of(holder)));
}

static void entry_set(struct outlet *o, const struct outlet *to)
{
    __atomic_store_n(&o->holder, OUTLET_FREE, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&o->way, to->way, __ATOMIC_RELEASE);
    __atomic_store_n(&o->policy, to->policy, __ATOMIC_RELEASE);
    __atomic_store_n(&o->public_side, to->public_side, __ATOMIC_RELEASE);
    __atomic_store_n(&o->holder, to->holder, __ATOMIC_RELEASE);
}

/* The place of the same outlet, a free one, or another's. */
static void entry_enter(struct mappings *ms, const struct outlet *want)
{
    struct outlet *bucket = bucket_of(ms, want->way), *place = NULL;
    for (unsigned i = 0; i < OUTLET_BUCKET; i++) {
        if (word_read(&bucket[i].way) == want->way && word_read(&bucket[i].holder) == want->holder)
            return entry_set(&bucket[i], want);
        if (!place && !in_use(ms, &bucket[i]))
            place = &bucket[i];
    }
    entry_set(place ? place : &bucket[want->way % OUTLET_BUCKET], want);
    __atomic_store_n(&ms->outlets.any, 1, __ATOMIC_RELAXED);
}

static void entry_leave(struct mappings *ms, uint64_t hash, uint64_t holder)
{
    struct outlet *bucket = bucket_of(ms, hash);
    for (unsigned i = 0; i < OUTLET_BUCKET; i++)
        if (word_read(&bucket[i].way) == hash && word_read(&bucket[i].holder) == holder)
            __atomic_store_n(&bucket[i].holder, OUTLET_FREE, __ATOMIC_RELEASE);
}

void outlet_open(struct mappings *ms, const struct outlet_way *way, struct handle mapping)
{
    const struct outlet want = {.way = outlet_hash(ms, way), .holder = word_of(mapping)};
    entry_enter(ms, &want);
}

void outlet_close(struct mappings *ms, const struct outlet_way *way, struct handle mapping)
{
    entry_leave(ms, outlet_hash(ms, way), word_of(mapping));
}

uint64_t outlet_open_call(struct mappings *ms, const struct outlet_way *way, struct handle call,
                          const struct outlet_call *how)
{
    const struct outlet want = {
        .way = outlet_hash(ms, way),
        .holder = word_of(call),
        .policy = 1 | (uint64_t)how->policy_id << 32,
        .public_side = how->public_side.ip | (uint64_t)how->public_side.port << 32,
    };
    entry_enter(ms, &want);
    return want.way;
}

void outlet_close_call(struct mappings *ms, uint64_t hash, struct handle call)
{
    entry_leave(ms, hash, word_of(call));
}

/* What an entry of this hash holds; false: it is none, or is being written. */
static bool entry_read(const struct outlet *o, uint64_t hash, struct outlet *out)
{
    *out = (struct outlet){.way = word_read(&o->way), .holder = word_read(&o->holder)};
    if (out->way != hash || out->holder == OUTLET_FREE)
        return false;
    out->way = word_read(&o->way);
    out->policy = word_read(&o->policy);
    out->public_side = word_read(&o->public_side);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return out->way == hash && word_read(&o->holder) == out->holder;
}

uint32_t outlet_find(const struct mappings *ms, const struct outlet_way *way)
{
    uint64_t hash = outlet_hash(ms, way);
    const struct outlet *bucket = bucket_of(ms, hash);
    for (unsigned i = 0; i < OUTLET_BUCKET; i++) {
        struct outlet o;
        if (!entry_read(&bucket[i], hash, &o) || o.policy)
            continue;
        struct handle h = handle_of(o.holder);
        if (store_live(&ms->store, h) &&
            mapping_at(ms, h.index)->outside_ifindex == way->outside_ifindex)
            return h.index;
    }
    return INDEX_NONE;
}

bool outlet_find_call(const struct mappings *ms, const struct outlet_way *way,
                      struct outlet_call *how)
{
    uint64_t hash = outlet_hash(ms, way);
    const struct outlet *bucket = bucket_of(ms, hash);
    for (unsigned i = 0; i < OUTLET_BUCKET; i++) {
        struct outlet o;
        if (!entry_read(&bucket[i], hash, &o) || !o.policy)
            continue;
        how->policy_id = (uint32_t)(o.policy >> 32);
        how->public_side =
            (struct endpoint){(be32)o.public_side, (be16)(uint16_t)(o.public_side >> 32)};
        return true;
    }
    return false;
}
