/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table against its naive twin, an array that is searched. One thread here: what several
 * threads do at once is tests/stress. Where a state only exists between two steps of another thread
 * (a tentative slot), it is put into the bucket by hand.
 */
#include "base/rng.h"
#include "sessions/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* As in a store: records are a multiple of 64 bytes. */
struct thing {
    struct record r;
    unsigned char rest[24];
};

struct rig {
    struct table t;
    struct thing *things;
    uint32_t n;
};

static void rig_open(struct rig *rig, uint32_t records, uint64_t keys)
{
    rig->n = records;
    rig->things = calloc(records, sizeof *rig->things);
    assert_non_null(rig->things);
    hash_secret_fixed(&rig->t.secret, 7);
    assert_int_equal(table_init(&rig->t, keys, rig->things, sizeof *rig->things, false), 0);
}

static void rig_close(struct rig *rig)
{
    table_free(&rig->t);
    free(rig->things);
}

static struct key key_of(uint32_t n)
{
    return (struct key){.src = be32_of(0x0a000000 + n / 7),
                        .dst = be32_of(0xc6336401),
                        .sport = be16_of((uint16_t)(n * 7)),
                        .dport = be16_of(5060),
                        .proto = 17,
                        .zone = (uint16_t)(1 + n % 3)};
}

static int insert(struct rig *rig, uint32_t index, int dir, uint32_t n, struct table_hit *twin)
{
    struct key key = key_of(n);
    key_store(&rig->things[index].r.key[dir], &key);
    record_state_set(&rig->things[index].r, RECORD_OPENING);
    return table_insert(&rig->t, index, dir, twin);
}

static bool find(const struct rig *rig, uint32_t n, struct table_hit *hit)
{
    struct key key = key_of(n);
    return table_find(&rig->t, &key, table_hash(&rig->t, &key), hit);
}

static void state_set(struct rig *rig, uint32_t index, enum record_state state)
{
    record_state_set(&rig->things[index].r, state);
}

static unsigned slots_used(const struct table *t)
{
    unsigned used = 0;
    for (size_t i = 0; i < (size_t)t->n_buckets * TABLE_BUCKET_SLOTS; i++)
        used += t->slots[i] != 0;
    return used;
}

/* ---- one call, one answer ---- */

static void entered_and_found(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit = {99, 9};
    rig_open(&rig, 4, 8);

    assert_false(find(&rig, 1, &hit));
    assert_int_equal(hit.index, 99); /* out parameters on success only */
    assert_int_equal(insert(&rig, 2, 1, 1, &hit), 0);
    assert_int_equal(hit.index, 99);
    assert_true(find(&rig, 1, &hit)); /* OPENING counts: the key is taken */
    assert_int_equal(hit.index, 2);
    assert_int_equal(hit.dir, 1);
    assert_false(find(&rig, 2, &hit));

    struct key key = key_of(1);
    uint64_t hash = table_hash(&rig.t, &key);
    struct table_hit live = {99, 9};
    assert_false(table_find_live(&rig.t, &key, hash, &live));
    assert_int_equal(live.index, 99);
    state_set(&rig, 2, RECORD_LIVE);
    assert_true(table_find_live(&rig.t, &key, hash, &live));
    assert_int_equal(live.index, 2);
    assert_true(table_guess(&rig.t, hash, &hit));
    assert_int_equal(hit.index, 2);
    assert_int_equal(hit.dir, 1);

    state_set(&rig, 2, RECORD_DYING);
    assert_false(find(&rig, 1, &hit));
    assert_false(table_find_live(&rig.t, &key, hash, &live));
    state_set(&rig, 2, RECORD_FREE);
    assert_false(find(&rig, 1, &hit));
    assert_int_equal(slots_used(&rig.t), 1);
    table_remove(&rig.t, 2, 1);
    assert_int_equal(slots_used(&rig.t), 0);
    assert_false(table_guess(&rig.t, hash, &hit));
    table_remove(&rig.t, 2, 1); /* not there: nothing happens */
    rig_close(&rig);
}

static void zone_and_every_field_count(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 1, 8);
    struct key key = key_of(5);
    assert_int_equal(insert(&rig, 0, 0, 5, &hit), 0);
    for (size_t byte = 0; byte < sizeof key; byte++)
        for (int bit = 0; bit < 8; bit++) {
            struct key other;
            unsigned char raw[sizeof key];
            memcpy(raw, &key, sizeof raw);
            raw[byte] ^= (unsigned char)(1u << bit);
            memcpy(&other, raw, sizeof other);
            assert_false(table_find(&rig.t, &other, table_hash(&rig.t, &other), &hit));
            /* Even if it hashed alike. */
            assert_false(table_find(&rig.t, &other, table_hash(&rig.t, &key), &hit));
        }
    rig_close(&rig);
}

static void twin_is_named(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit = {99, 9};
    rig_open(&rig, 4, 8);
    assert_int_equal(insert(&rig, 0, 1, 1, &hit), 0);
    assert_int_equal(insert(&rig, 1, 0, 1, &hit), -EEXIST); /* an OPENING twin */
    assert_int_equal(hit.index, 0);
    assert_int_equal(hit.dir, 1);
    state_set(&rig, 0, RECORD_LIVE);
    assert_int_equal(insert(&rig, 2, 0, 1, &hit), -EEXIST);
    assert_int_equal(hit.index, 0);
    assert_int_equal(slots_used(&rig.t), 1); /* who lost left nothing */
    rig_close(&rig);
}

/* The slot of a dying record is taken over in place, and its late removal harms nobody. */
static void dying_is_taken_over(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 4, 8);
    assert_int_equal(insert(&rig, 0, 0, 1, &hit), 0);
    state_set(&rig, 0, RECORD_LIVE);
    state_set(&rig, 0, RECORD_DYING);
    assert_int_equal(insert(&rig, 3, 1, 1, &hit), 0);
    assert_int_equal(slots_used(&rig.t), 1);
    assert_true(find(&rig, 1, &hit));
    assert_int_equal(hit.index, 3);
    assert_int_equal(hit.dir, 1);
    table_remove(&rig.t, 0, 0);
    assert_true(find(&rig, 1, &hit));
    assert_int_equal(hit.index, 3);
    rig_close(&rig);
}

/* ---- tentative slots, put by hand ---- */

static uint64_t *plant(struct rig *rig, uint32_t index, uint32_t n, int which, int place)
{
    struct key key = key_of(n);
    uint64_t hash = table_hash(&rig->t, &key);
    key_store(&rig->things[index].r.key[0], &key);
    state_set(rig, index, RECORD_OPENING);
    uint64_t *slot = table_bucket(&rig->t, hash, which) + place;
    assert_true(*slot == 0);
    *slot = table_tag(hash) << TABLE_TAG_SHIFT | TABLE_TENTATIVE | index;
    return slot;
}

static void tentative_is_not_found(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 4, 100);
    plant(&rig, 1, 6, 0, 0);
    struct key key = key_of(6);
    assert_false(find(&rig, 6, &hit));
    assert_false(table_guess(&rig.t, table_hash(&rig.t, &key), &hit));
    table_remove(&rig.t, 1, 0); /* removes confirmed slots only */
    assert_int_equal(slots_used(&rig.t), 1);
    rig_close(&rig);
}

static void lower_index_wins(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++)
        for (int place = 0; place < TABLE_BUCKET_SLOTS; place++) {
            struct rig rig;
            struct table_hit hit = {99, 9};
            rig_open(&rig, 8, 100);
            uint64_t *rival = plant(&rig, 3, 6, which, place);
            assert_int_equal(insert(&rig, 5, 0, 6, &hit), -EAGAIN);
            assert_int_equal(hit.index, 99);
            assert_true(*rival != 0);
            assert_int_equal(slots_used(&rig.t), 1);

            /* The lower one clears the rival, whose confirm will fail, and stands alone. */
            assert_int_equal(insert(&rig, 2, 1, 6, &hit), 0);
            assert_true(*rival == 0);
            assert_int_equal(slots_used(&rig.t), 1);
            assert_true(find(&rig, 6, &hit));
            assert_int_equal(hit.index, 2);
            rig_close(&rig);
        }
}

static void all_higher_rivals_are_cleared(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 8, 100);
    plant(&rig, 4, 6, 0, 1);
    plant(&rig, 5, 6, 0, 6);
    plant(&rig, 6, 6, 1, 2);
    plant(&rig, 7, 8, 1, 2); /* another key is left alone */
    assert_int_equal(insert(&rig, 0, 0, 6, &hit), 0);
    assert_int_equal(slots_used(&rig.t), 2);
    rig_close(&rig);
}

/* A confirmed twin counts more than a tentative one, whatever the indexes. */
static void confirmed_beats_tentative(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 8, 100);
    assert_int_equal(insert(&rig, 7, 0, 6, &hit), 0);
    for (int which = 0; which < 2; which++) {
        const struct key key = key_of(6);
        uint64_t *bucket = table_bucket(&rig.t, table_hash(&rig.t, &key), which);
        plant(&rig, 1, 6, which, bucket[0] != 0);
    }
    assert_int_equal(insert(&rig, 0, 0, 6, &hit), -EEXIST);
    assert_int_equal(hit.index, 7);
    state_set(&rig, 7, RECORD_DYING);
    assert_int_equal(insert(&rig, 0, 0, 6, &hit), 0);
    assert_int_equal(slots_used(&rig.t), 3);
    rig_close(&rig);
}

/* ---- room ---- */

static bool buckets_full(const struct table *t, const struct key *key)
{
    uint64_t hash = table_hash(t, key);
    for (int which = 0; which < 2; which++)
        for (int i = 0; i < TABLE_BUCKET_SLOTS; i++)
            if (table_bucket(t, hash, which)[i] == 0)
                return false;
    return true;
}

static void full_buckets(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 64, 0);
    assert_int_equal(rig.t.n_buckets, 2);
    uint32_t refused = 0;
    for (uint32_t i = 0; i < 64; i++) {
        struct key key = key_of(i);
        bool full = buckets_full(&rig.t, &key);
        int result = insert(&rig, i, 0, i, &hit);
        assert_int_equal(result, full ? -ENOSPC : 0);
        refused += result != 0;
    }
    assert_int_equal(refused, 64 - 16);

    /* A dying twin needs no room; and an empty slot is used again. */
    uint32_t first = (uint32_t)rig.t.slots[0];
    state_set(&rig, first, RECORD_DYING);
    assert_int_equal(insert(&rig, 63, 1, first, &hit), 0);
    table_remove(&rig.t, 63, 1);
    assert_int_equal(insert(&rig, 62, 1, first, &hit), 0);
    rig_close(&rig);
}

static void too_large(void **state)
{
    (void)state;
    struct table t;
    assert_int_equal(table_init(&t, UINT64_MAX / 16, NULL, 64, false), -ENOMEM);
}

/* 60 % load is reached without one refusal. */
static void a_million_keys(void **state)
{
    (void)state;
    enum {
        KEYS = 1000000
    };
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, KEYS / 2, KEYS);
    double slots = (double)rig.t.n_buckets * TABLE_BUCKET_SLOTS;
    assert_true(KEYS / slots > 0.599 && KEYS / slots < 0.601);
    for (uint32_t i = 0; i < KEYS; i++)
        if (insert(&rig, i / 2, i & 1, i, &hit) != 0)
            fail_msg("refused at %u keys", i);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct key key = key_of(i);
        uint64_t hash = table_hash(&rig.t, &key);
        struct table_hit guess;
        if (!table_find(&rig.t, &key, hash, &hit) || hit.index != i / 2 || hit.dir != (i & 1) ||
            !table_guess(&rig.t, hash, &guess))
            fail_msg("key %u is lost", i);
    }
    for (uint32_t i = KEYS; i < KEYS + 100000; i++)
        if (find(&rig, i, &hit))
            fail_msg("key %u was never entered", i);
    for (uint32_t i = 0; i < KEYS; i++)
        table_remove(&rig.t, i / 2, i & 1);
    assert_int_equal(slots_used(&rig.t), 0);
    rig_close(&rig);
}

/* ---- property: the naive twin ---- */

#define PROP_RECORDS 80
#define PROP_KEYS    160

/* keys[i][d]: which key record i has in the table as key d, or NO_KEY. */
#define NO_KEY UINT32_MAX

struct twin {
    struct rig rig;
    uint32_t keys[PROP_RECORDS][2];
    struct rng rng;
};

static bool twin_find(const struct twin *w, uint32_t n, struct table_hit *hit)
{
    for (uint32_t i = 0; i < PROP_RECORDS; i++)
        for (uint8_t d = 0; d < 2; d++)
            if (w->keys[i][d] == n) {
                *hit = (struct table_hit){i, d};
                return true;
            }
    return false;
}

static enum record_state state_of(const struct twin *w, uint32_t index)
{
    return record_state(&w->rig.things[index].r);
}

static void step_insert(struct twin *w, uint32_t index, int dir)
{
    uint32_t n = rng_below(&w->rng, PROP_KEYS);
    struct table_hit other, hit;
    struct key key = key_of(n);
    bool taken = twin_find(w, n, &other), full = buckets_full(&w->rig.t, &key);
    if (w->keys[index][dir] != NO_KEY || state_of(w, index) == RECORD_DYING)
        return;
    int result = insert(&w->rig, index, dir, n, &hit);
    if (taken && state_of(w, other.index) != RECORD_DYING) {
        assert_int_equal(result, -EEXIST);
        assert_int_equal(hit.index, other.index);
        assert_int_equal(hit.dir, other.dir);
    } else if (!taken && full) {
        assert_int_equal(result, -ENOSPC);
    } else {
        assert_int_equal(result, 0);
        if (taken)
            w->keys[other.index][other.dir] = NO_KEY; /* taken over */
        w->keys[index][dir] = n;
        if (rng_below(&w->rng, 2))
            state_set(&w->rig, index, RECORD_LIVE);
    }
}

static void step_find(const struct twin *w, uint32_t n)
{
    struct table_hit want, hit;
    bool there = twin_find(w, n, &want) && state_of(w, want.index) != RECORD_DYING;
    assert_int_equal(find(&w->rig, n, &hit), there);
    if (there) {
        assert_int_equal(hit.index, want.index);
        assert_int_equal(hit.dir, want.dir);
    }
}

/* What control does: both keys out, whether they were taken over or not. */
static void step_remove(struct twin *w, uint32_t index)
{
    for (int d = 0; d < 2; d++) {
        table_remove(&w->rig.t, index, d);
        w->keys[index][d] = NO_KEY;
    }
    state_set(&w->rig, index, RECORD_FREE);
}

static void random_operations(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct twin w = {.rng = {seed}};
        rig_open(&w.rig, PROP_RECORDS, seed % 2 ? 2 * PROP_RECORDS : 40);
        memset(w.keys, 0xff, sizeof w.keys);
        for (int i = 0; i < 20000; i++) {
            uint32_t index = rng_below(&w.rng, PROP_RECORDS);
            switch (rng_below(&w.rng, 5)) {
            case 0:
            case 1:
                step_insert(&w, index, (int)rng_below(&w.rng, 2));
                break;
            case 2:
                if (state_of(&w, index) == RECORD_LIVE)
                    state_set(&w.rig, index, RECORD_DYING);
                break;
            case 3:
                step_remove(&w, index);
                break;
            default:
                step_find(&w, rng_below(&w.rng, PROP_KEYS));
            }
        }
        unsigned used = 0;
        for (uint32_t n = 0; n < PROP_KEYS; n++)
            step_find(&w, n);
        for (uint32_t i = 0; i < PROP_RECORDS; i++)
            used += (w.keys[i][0] != NO_KEY) + (w.keys[i][1] != NO_KEY);
        assert_int_equal(slots_used(&w.rig.t), used);
        rig_close(&w.rig);
    }
}

/* table_match is written twice, with and without AVX2. */
static void match_is_by_tag(void **state)
{
    (void)state;
    struct rng rng = {11};
    uint64_t bucket[TABLE_BUCKET_SLOTS] __attribute__((aligned(64)));
    for (int round = 0; round < 10000; round++) {
        uint64_t tag = rng_next(&rng) >> TABLE_TAG_SHIFT | 1;
        unsigned want = 0;
        for (unsigned i = 0; i < TABLE_BUCKET_SLOTS; i++) {
            bucket[i] = rng_below(&rng, 3) ? rng_next(&rng) : 0;
            if (rng_below(&rng, 3) == 0)
                bucket[i] = tag << TABLE_TAG_SHIFT | (bucket[i] & (TABLE_TENTATIVE * 2 - 1));
            want |= (unsigned)(bucket[i] >> TABLE_TAG_SHIFT == tag) << i;
        }
        assert_int_equal(table_match(bucket, tag), want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entered_and_found),
        cmocka_unit_test(zone_and_every_field_count),
        cmocka_unit_test(twin_is_named),
        cmocka_unit_test(dying_is_taken_over),
        cmocka_unit_test(tentative_is_not_found),
        cmocka_unit_test(lower_index_wins),
        cmocka_unit_test(all_higher_rivals_are_cleared),
        cmocka_unit_test(confirmed_beats_tentative),
        cmocka_unit_test(full_buckets),
        cmocka_unit_test(too_large),
        cmocka_unit_test(a_million_keys),
        cmocka_unit_test(random_operations),
        cmocka_unit_test(match_is_by_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
