/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one lock-free table: from a 16-byte key to a record and a direction. Any thread finds and
 * inserts; control removes. A lookup takes no lock and writes nothing. Callers are inside a
 * read-side section (between two quiescent reports) as long as they use what they found.
 *
 * Buckets are cache lines of eight 8-byte slots; a key has two candidate buckets.
 */
#pragma once

#include "base/hash.h"
#include "sessions/record.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#define TABLE_BUCKET_SLOTS 8

/* A slot: tag (30 bits), tentative (1), direction (1), index (32). Zero is an empty slot. */
#define TABLE_DIR_SHIFT 32
#define TABLE_TENTATIVE ((uint64_t)1 << 33)
#define TABLE_TAG_SHIFT 34

struct table {
    uint64_t *slots;
    uint32_t n_buckets;     /* any number, not only powers of two */
    uint32_t stride;        /* bytes from one record to the next */
    unsigned char *records; /* each begins with struct record */
    struct hash_secret secret;
    size_t bytes;
};

struct table_hit {
    uint32_t index;
    uint8_t dir; /* which of the record's keys matched */
};

/*
 * Make room for `keys` keys at 60 % load over `records` of `stride` bytes each.
 * 0 or -ENOMEM.
 */
int table_init(struct table *t, uint64_t keys, void *records, uint32_t stride, bool huge);
void table_free(struct table *t);

static inline uint64_t table_hash(const struct table *t, const struct key *key)
{
    return hash_16(&t->secret, key->word[0], key->word[1]);
}

static inline uint64_t *table_bucket(const struct table *t, uint64_t hash, int which)
{
    uint32_t h = which ? (uint32_t)hash : (uint32_t)(hash >> 32);
    uint32_t b = (uint32_t)(((uint64_t)h * t->n_buckets) >> 32);
    return t->slots + (size_t)b * TABLE_BUCKET_SLOTS;
}

/* 30 bits that depend on the whole hash; never 0, so that no slot in use is 0. */
static inline uint64_t table_tag(uint64_t hash)
{
    return ((hash * 0x9e3779b97f4a7c15u) >> TABLE_TAG_SHIFT) | 1;
}

static inline void table_prefetch(const struct table *t, uint64_t hash, int which)
{
    __builtin_prefetch(table_bucket(t, hash, which));
}

static inline struct record *table_record(const struct table *t, uint32_t index)
{
    return (struct record *)(void *)(t->records + (size_t)index * t->stride);
}

/* Bit i set: slot i of the bucket carries `tag`. */
static inline unsigned table_match(const uint64_t *bucket, uint64_t tag)
{
#if defined(__AVX2__) && !defined(__SANITIZE_THREAD__)
    const __m256i want = _mm256_set1_epi64x((long long)tag);
    __m256i lo = _mm256_load_si256((const __m256i *)(const void *)bucket);
    __m256i hi = _mm256_load_si256((const __m256i *)(const void *)(bucket + 4));
    lo = _mm256_cmpeq_epi64(_mm256_srli_epi64(lo, TABLE_TAG_SHIFT), want);
    hi = _mm256_cmpeq_epi64(_mm256_srli_epi64(hi, TABLE_TAG_SHIFT), want);
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(lo)) |
           (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(hi)) << 4;
#else
    unsigned mask = 0;
    for (unsigned i = 0; i < TABLE_BUCKET_SLOTS; i++)
        mask |= (unsigned)(__atomic_load_n(&bucket[i], __ATOMIC_ACQUIRE) >> TABLE_TAG_SHIFT == tag)
                << i;
    return mask;
#endif
}

/*
 * The first confirmed slot with this hash's tag in the first (0) or second (1) bucket, without
 * reading the record: what to prefetch. The key still has to be compared. False when there is none.
 */
static inline bool table_guess_in(const struct table *t, uint64_t hash, int which,
                                  struct table_hit *hit)
{
    uint64_t tag = table_tag(hash);
    const uint64_t *bucket = table_bucket(t, hash, which);
    unsigned mask = table_match(bucket, tag);
    if (mask == 0)
        return false;
    uint64_t slot = __atomic_load_n(&bucket[__builtin_ctz(mask)], __ATOMIC_ACQUIRE);
    if (slot & TABLE_TENTATIVE || slot >> TABLE_TAG_SHIFT != tag)
        return false;
    hit->index = (uint32_t)slot;
    hit->dir = slot >> TABLE_DIR_SHIFT & 1;
    return true;
}

/* The same in both buckets. */
static inline bool table_guess(const struct table *t, uint64_t hash, struct table_hit *hit)
{
    return table_guess_in(t, hash, 0, hit) || table_guess_in(t, hash, 1, hit);
}

/*
 * The record whose key equals `key` and that is OPENING or LIVE; a dying one is a miss. Says that
 * the key is taken; before the record is used, record_live_as() must hold: an OPENING record may be
 * withdrawn at any time and become another flow's without a grace period.
 * Cost: two cache lines, and the record's first.
 */
bool table_find(const struct table *t, const struct key *key, uint64_t hash, struct table_hit *hit);

/* As table_find, LIVE records only: until the next quiescent report it remains this key's. */
static inline bool table_find_live(const struct table *t, const struct key *key, uint64_t hash,
                                   struct table_hit *hit)
{
    struct table_hit found;
    if (!table_find(t, key, hash, &found) ||
        !record_live_as(table_record(t, found.index), found.dir, key))
        return false;
    *hit = found;
    return true;
}

/*
 * Enter key `dir` of record `index`, which is OPENING. Returns
 *   0        entered
 *   -EEXIST  another record has this key: *twin, which may be OPENING (see table_find)
 *   -EAGAIN  another thread is entering it right now and won: look the packet up again
 *   -ENOSPC  both buckets are full
 */
int table_insert(struct table *t, uint32_t index, int dir, struct table_hit *twin);

/* Take key `dir` of record `index` out. By its maker before it is LIVE, later by control. */
void table_remove(struct table *t, uint32_t index, int dir);
