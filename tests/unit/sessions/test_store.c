/* SPDX-License-Identifier: BSD-3-Clause */
/* Indexes: each to one owner at a time, all of them in the end, and each life told from the next.
 */
#include "base/rng.h"
#include "sessions/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STRIDE 64

static void store_open(struct store *s, uint32_t capacity)
{
    hash_secret_fixed(&s->table.secret, 3);
    assert_int_equal(store_init(s, capacity, STRIDE, false), 0);
}

/* Take until there are none left; each index is seen once. */
static uint32_t take_all(struct store *s, struct store_cache *cache, bool *seen)
{
    uint32_t n = 0, index;
    while ((index = store_take(s, cache)) != INDEX_NONE) {
        assert_in_range(index, 0, s->capacity - 1);
        assert_false(seen[index]);
        seen[index] = true;
        n++;
    }
    return n;
}

static void capacity_is_exact(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 63, 64, 65, 128, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct store s;
        struct store_cache cache = STORE_CACHE_EMPTY;
        bool *seen = calloc(sizes[i], sizeof *seen);
        assert_non_null(seen);
        store_open(&s, sizes[i]);
        for (int round = 0; round < 3; round++) {
            memset(seen, 0, sizes[i] * sizeof *seen);
            assert_int_equal(store_unused(&s), sizes[i]);
            assert_int_equal(take_all(&s, &cache, seen), sizes[i]);
            assert_int_equal(store_unused(&s), 0);
            assert_int_equal(store_take(&s, &cache), INDEX_NONE);
            for (uint32_t k = 0; k < sizes[i]; k++)
                store_return(&s, k);
            store_flush(&s);
            store_flush(&s); /* nothing pending: nothing happens */
        }
        assert_int_equal(s.freed, 3 * sizes[i]);
        store_free(&s);
        free(seen);
    }
}

/* What is pending is not lost, it waits for the flush. */
static void pending_waits_for_the_flush(void **state)
{
    (void)state;
    struct store s;
    struct store_cache cache = STORE_CACHE_EMPTY;
    bool seen[2560] = {false};
    store_open(&s, 2560);
    assert_int_equal(s.chain, 10);
    assert_int_equal(take_all(&s, &cache, seen), 2560);
    for (uint32_t i = 0; i < 10 + 7; i++)
        store_return(&s, i);
    memset(seen, 0, sizeof seen);
    assert_int_equal(take_all(&s, &cache, seen), 10);
    store_flush(&s);
    assert_int_equal(take_all(&s, &cache, seen), 7);
    store_free(&s);
}

/* A chain goes to one thread whole; the others take the next or find nothing. */
static void chains_go_to_caches_whole(void **state)
{
    (void)state;
    struct store s;
    struct store_cache a = STORE_CACHE_EMPTY, b = STORE_CACHE_EMPTY;
    bool seen[2560] = {false};
    store_open(&s, 2560);
    take_all(&s, &a, seen);
    for (uint32_t i = 0; i < 2 * s.chain; i++)
        store_return(&s, i);
    uint32_t from_a = store_take(&s, &a), from_b = store_take(&s, &b);
    assert_int_not_equal(from_a, from_b);
    struct store_cache c = STORE_CACHE_EMPTY;
    assert_int_equal(store_take(&s, &c), INDEX_NONE);

    memset(seen, 0, sizeof seen);
    seen[from_a] = seen[from_b] = true;
    assert_int_equal(take_all(&s, &a, seen), s.chain - 1);
    assert_int_equal(take_all(&s, &b, seen), s.chain - 1);
    store_free(&s);
}

/* However small a store is, one thread takes but a small part of it for itself. */
static void no_thread_takes_it_all(void **state)
{
    static const struct {
        uint32_t capacity, chain;
    } row[] = {{1, 1}, {64, 1}, {511, 1}, {512, 2}, {16383, 63}, {16384, 64}, {100000, 64}};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct store s;
        struct store_cache cache = STORE_CACHE_EMPTY;
        store_open(&s, row[i].capacity);
        assert_int_equal(s.chain, row[i].chain);
        store_take(&s, &cache);
        assert_int_equal(s.fresh, row[i].chain);
        store_free(&s);
    }
}

static void untaken_is_taken_next(void **state)
{
    (void)state;
    struct store s;
    struct store_cache cache = STORE_CACHE_EMPTY;
    store_open(&s, 10);
    uint32_t first = store_take(&s, &cache), second = store_take(&s, &cache);
    uint32_t epoch = store_handle(&s, first).epoch;
    record_state_set(store_record(&s, first), RECORD_OPENING);
    store_untake(&s, &cache, second);
    store_untake(&s, &cache, first);
    assert_int_equal(record_state(store_record(&s, first)), RECORD_FREE);
    assert_int_equal(store_take(&s, &cache), first);
    assert_int_equal(store_take(&s, &cache), second);
    assert_int_equal(store_handle(&s, first).epoch, epoch); /* nobody had a handle of it */
    bool seen[10] = {false};
    seen[first] = seen[second] = true;
    assert_int_equal(take_all(&s, &cache, seen), 8);
    store_free(&s);
}

static void handles_go_stale(void **state)
{
    (void)state;
    struct store s;
    struct store_cache cache = STORE_CACHE_EMPTY;
    store_open(&s, 1);
    assert_true(handle_none(HANDLE_NONE));
    assert_false(store_live(&s, HANDLE_NONE));
    assert_false(store_live(&s, (struct handle){1, 0})); /* beyond the last */

    struct handle old = HANDLE_NONE;
    for (int life = 0; life < 5; life++) {
        uint32_t index = store_take(&s, &cache);
        struct record *r = store_record(&s, index);
        struct handle h = store_handle(&s, index);
        assert_false(handle_none(h));
        assert_false(store_live(&s, h)); /* FREE */
        record_state_set(r, RECORD_OPENING);
        assert_false(store_live(&s, h));
        assert_false(record_state_swap(r, RECORD_LIVE, RECORD_DYING));
        record_state_set(r, RECORD_LIVE);
        assert_true(store_live(&s, h));
        assert_false(store_live(&s, old));
        assert_true(record_state_swap(r, RECORD_LIVE, RECORD_DYING));
        assert_false(record_state_swap(r, RECORD_LIVE, RECORD_DYING));
        assert_false(store_live(&s, h));
        store_return(&s, index);
        store_flush(&s);
        assert_false(store_live(&s, h));
        old = h;
    }
    store_free(&s);
}

/* Several caches, random takes, untakes and returns: never one index twice, none lost. */
static void random_operations(void **state)
{
    (void)state;
    enum {
        CAPACITY = 700,
        CACHES = 4
    };
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct store s;
        struct store_cache cache[CACHES];
        bool taken[CAPACITY] = {false};
        struct rng rng = {seed};
        store_open(&s, CAPACITY);
        for (int i = 0; i < CACHES; i++)
            cache[i] = STORE_CACHE_EMPTY;
        uint32_t n_taken = 0;
        for (int step = 0; step < 30000; step++) {
            assert_true(store_unused(&s) <= CAPACITY - n_taken);
            struct store_cache *c = &cache[rng_below(&rng, CACHES)];
            uint32_t index = rng_below(&rng, CAPACITY), got;
            switch (rng_below(&rng, 5)) {
            case 0:
            case 1:
                got = store_take(&s, c);
                if (got == INDEX_NONE)
                    break;
                assert_false(taken[got]);
                taken[got] = true;
                n_taken++;
                break;
            case 2:
                if (taken[index]) {
                    store_untake(&s, c, index);
                    taken[index] = false;
                    n_taken--;
                }
                break;
            default:
                if (taken[index]) {
                    store_return(&s, index);
                    taken[index] = false;
                    n_taken--;
                }
            }
        }
        store_flush(&s);
        for (int i = 0; i < CACHES; i++)
            take_all(&s, &cache[i], taken);
        for (int i = 0; i < CAPACITY; i++)
            assert_true(taken[i]);
        store_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capacity_is_exact),         cmocka_unit_test(pending_waits_for_the_flush),
        cmocka_unit_test(chains_go_to_caches_whole), cmocka_unit_test(no_thread_takes_it_all),
        cmocka_unit_test(untaken_is_taken_next),     cmocka_unit_test(handles_go_stale),
        cmocka_unit_test(random_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
