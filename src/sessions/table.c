/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insertion without locks. The danger is two threads entering equal keys at once, each in another
 * slot. So a key first stands there tentatively (lookups pass over it), then the maker scans both
 * buckets and only then confirms:
 *
 *   put tentative by compare-and-swap; full fence; scan both buckets
 *     a confirmed twin           it wins: withdraw
 *     a tentative twin, higher   clear its slot: its maker's confirm will fail
 *     a tentative twin, lower    it wins: withdraw
 *   confirm by compare-and-swap; who finds the slot cleared has lost
 *
 * Of two makers at least one sees the other after the fence, and a slot changes from tentative to
 * confirmed or to empty exactly once, so exactly one stays.
 *
 * A confirmed slot whose record is DYING is taken over in place. Somebody whose tentative slot
 * stands beside such a twin withdraws and starts again: otherwise a third thread could take over
 * the dying slot behind its back.
 *
 * Load stays at 60 % of the slots; with two candidate buckets of eight, and the emptier one taken,
 * a full pair of buckets is a matter of one in many millions and is refused like a full table.
 */
#include "sessions/table.h"

#include "base/mem.h"

#include <errno.h>

/* A maker loses at most once per rival; rivals are threads. More rounds than that means a bug. */
#define MAX_ROUNDS 1024

int table_init(struct table *t, uint64_t keys, void *records, uint32_t stride, bool huge)
{
    uint64_t buckets = keys * 10 / 6 / TABLE_BUCKET_SLOTS + 2;
    if (buckets > UINT32_MAX)
        return -ENOMEM;
    t->bytes = (size_t)buckets * TABLE_BUCKET_SLOTS * sizeof(uint64_t);
    t->slots = mem_map(t->bytes, huge);
    if (!t->slots)
        return -ENOMEM;
    t->n_buckets = (uint32_t)buckets;
    t->records = records;
    t->stride = stride;
    return 0;
}

void table_free(struct table *t)
{
    mem_unmap(t->slots, t->bytes);
    t->slots = NULL;
}

static uint64_t slot_make(uint64_t hash, uint32_t index, int dir)
{
    return table_tag(hash) << TABLE_TAG_SHIFT | (uint64_t)dir << TABLE_DIR_SHIFT | index;
}

static const struct record *slot_record(const struct table *t, uint64_t slot)
{
    return table_record(t, (uint32_t)slot);
}

static bool slot_holds(const struct table *t, uint64_t slot, const struct key *key)
{
    return key_equal(&slot_record(t, slot)->key[slot >> TABLE_DIR_SHIFT & 1], key);
}

bool table_find(const struct table *t, const struct key *key, uint64_t hash, struct table_hit *hit)
{
    uint64_t tag = table_tag(hash);
    for (int which = 0; which < 2; which++) {
        const uint64_t *bucket = table_bucket(t, hash, which);
        for (unsigned mask = table_match(bucket, tag); mask; mask &= mask - 1) {
            uint64_t slot = __atomic_load_n(&bucket[__builtin_ctz(mask)], __ATOMIC_ACQUIRE);
            if (slot == 0 || slot & TABLE_TENTATIVE)
                continue;
            /* The state first: a loser of an insert race may refill this record with another key,
             * and says LIVE only after that. */
            enum record_state state = record_state(slot_record(t, slot));
            if ((state != RECORD_LIVE && state != RECORD_OPENING) || !slot_holds(t, slot, key))
                continue;
            hit->index = (uint32_t)slot;
            hit->dir = slot >> TABLE_DIR_SHIFT & 1;
            return true;
        }
    }
    return false;
}

/* What a scan of both buckets found besides `mine`. */
struct scan {
    uint64_t *twin;      /* slot with an equal key, or NULL */
    uint64_t twin_value; /* as read */
    uint64_t *empty;     /* an empty slot of the emptier bucket, or NULL */
};

static void scan_buckets(const struct table *t, const struct key *key, uint64_t hash,
                         const uint64_t *mine, struct scan *s)
{
    uint64_t tag = table_tag(hash);
    unsigned most_free = 0;
    *s = (struct scan){NULL, 0, NULL};
    for (int which = 0; which < 2; which++) {
        uint64_t *bucket = table_bucket(t, hash, which), *empty = NULL;
        unsigned n_free = 0;
        for (int i = 0; i < TABLE_BUCKET_SLOTS; i++) {
            uint64_t slot = __atomic_load_n(&bucket[i], __ATOMIC_ACQUIRE);
            if (slot == 0) {
                n_free++;
                empty = &bucket[i];
            } else if (&bucket[i] != mine && slot >> TABLE_TAG_SHIFT == tag &&
                       slot_holds(t, slot, key) && (!s->twin || s->twin_value & TABLE_TENTATIVE)) {
                s->twin = &bucket[i];
                s->twin_value = slot;
            }
        }
        if (n_free > most_free) {
            most_free = n_free;
            s->empty = empty;
        }
    }
}

static bool slot_swap(uint64_t *slot, uint64_t from, uint64_t to)
{
    return __atomic_compare_exchange_n(slot, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE);
}

static void twin_out(uint64_t slot, struct table_hit *twin)
{
    twin->index = (uint32_t)slot;
    twin->dir = slot >> TABLE_DIR_SHIFT & 1;
}

/* Between tentative and confirmed. Returns as table_insert, or 1: withdrawn, start again. */
static int settle(struct table *t, const struct key *key, uint64_t hash, uint64_t *slot,
                  uint64_t mine, struct table_hit *twin)
{
    for (int round = 0; round < MAX_ROUNDS; round++) {
        struct scan s;
        scan_buckets(t, key, hash, slot, &s);
        if (!s.twin)
            return slot_swap(slot, mine, mine & ~TABLE_TENTATIVE) ? 0 : -EAGAIN;
        if (s.twin_value & TABLE_TENTATIVE) {
            if ((uint32_t)s.twin_value > (uint32_t)mine) {
                slot_swap(s.twin, s.twin_value, 0);
                continue;
            }
            slot_swap(slot, mine, 0);
            return -EAGAIN;
        }
        slot_swap(slot, mine, 0);
        if (record_state(slot_record(t, s.twin_value)) == RECORD_DYING)
            return 1;
        twin_out(s.twin_value, twin);
        return -EEXIST;
    }
    slot_swap(slot, mine, 0);
    return -EAGAIN;
}

int table_insert(struct table *t, uint32_t index, int dir, struct table_hit *twin)
{
    const struct key *key = &table_record(t, index)->key[dir];
    uint64_t hash = table_hash(t, key), mine = slot_make(hash, index, dir);
    for (int round = 0; round < MAX_ROUNDS; round++) {
        struct scan s;
        scan_buckets(t, key, hash, NULL, &s);
        if (s.twin && !(s.twin_value & TABLE_TENTATIVE)) {
            if (record_state(slot_record(t, s.twin_value)) != RECORD_DYING) {
                twin_out(s.twin_value, twin);
                return -EEXIST;
            }
            if (slot_swap(s.twin, s.twin_value, mine))
                return 0;
            continue;
        }
        if (!s.empty)
            return -ENOSPC;
        if (!slot_swap(s.empty, 0, mine | TABLE_TENTATIVE))
            continue;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        int result = settle(t, key, hash, s.empty, mine | TABLE_TENTATIVE, twin);
        if (result != 1)
            return result;
    }
    return -EAGAIN;
}

void table_remove(struct table *t, uint32_t index, int dir)
{
    uint64_t hash = table_hash(t, &table_record(t, index)->key[dir]);
    uint64_t mine = slot_make(hash, index, dir);
    for (int which = 0; which < 2; which++) {
        uint64_t *bucket = table_bucket(t, hash, which);
        for (int i = 0; i < TABLE_BUCKET_SLOTS; i++)
            if (__atomic_load_n(&bucket[i], __ATOMIC_RELAXED) == mine) {
                slot_swap(&bucket[i], mine, 0);
                return;
            }
    }
}
