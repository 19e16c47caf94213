/* SPDX-License-Identifier: BSD-3-Clause */
/* The wheel against its naive twin: an array of deadlines that is searched or sorted. */
#include "base/rng.h"
#include "sessions/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNFILED UINT64_MAX

/* Whatever else a record has; the link is not its first member, nor is 28 a power of two. */
struct thing {
    uint32_t before[3];
    struct wheel_link link;
    uint32_t after;
};

/* A wheel with the twin's knowledge: due[i] is the tick of record i, or UNFILED. */
struct pair {
    struct wheel w;
    struct thing *things;
    uint64_t *due;
    uint32_t n, tick_ms;
};

static void pair_open(struct pair *p, uint32_t n, uint32_t tick_ms, uint64_t now_ms)
{
    p->n = n;
    p->tick_ms = tick_ms;
    p->things = calloc(n, sizeof *p->things);
    p->due = malloc(n * sizeof *p->due);
    assert_true(p->things && p->due);
    for (uint32_t i = 0; i < n; i++)
        p->due[i] = UNFILED;
    wheel_init(&p->w, tick_ms, now_ms, p->things, sizeof *p->things, offsetof(struct thing, link));
}

static void pair_close(struct pair *p)
{
    free(p->things);
    free(p->due);
}

static void pair_add(struct pair *p, uint32_t i, uint64_t now_ms, uint64_t deadline_ms)
{
    const uint64_t tick = deadline_ms / p->tick_ms + (deadline_ms % p->tick_ms != 0);
    const uint64_t now = now_ms / p->tick_ms;
    wheel_add(&p->w, i, deadline_ms);
    p->due[i] = tick > now ? tick : now;
}

/* Taken out by the wheel: it must have been filed and its time must have come. */
static void pair_fired(struct pair *p, uint32_t i, uint64_t now_ms)
{
    assert_in_range(i, 0, p->n - 1);
    assert_true(p->due[i] != UNFILED);
    assert_true(p->due[i] <= now_ms / p->tick_ms);
    assert_false(wheel_is_filed(&p->w, i));
    p->due[i] = UNFILED;
}

static void links(void **state)
{
    (void)state;
    struct thing things[4];
    struct wheel w;

    memset(things, 0, sizeof things);
    wheel_init(&w, 1, 1000, things, sizeof things[0], offsetof(struct thing, link));
    assert_false(wheel_is_filed(&w, 0));
    assert_true(wheel_next_deadline_ms(&w) == UINT64_MAX);
    wheel_del(&w, 0); /* not filed: nothing happens */
    for (uint32_t i = 0; i < 4; i++)
        wheel_add(&w, i, 1010);
    assert_true(wheel_next_deadline_ms(&w) == 1010);
    wheel_del(&w, 1);
    wheel_del(&w, 3);
    assert_false(wheel_is_filed(&w, 3));
    wheel_move(&w, 0, 1011);
    assert_int_equal(wheel_next_due(&w, 1009, NULL), WHEEL_NONE);
    assert_int_equal(wheel_next_due(&w, 1010, NULL), 2);
    assert_int_equal(wheel_next_due(&w, 1010, NULL), WHEEL_NONE);
    assert_int_equal(wheel_next_due(&w, 1011, NULL), 0);
    assert_int_equal(w.n_filed, 0);

    struct wheel_link link = {1, 2, 3};
    wheel_link_init(&link);
    assert_int_equal(link.next | link.prev | link.tick, 0);
}

static void order_of_filing(void **state)
{
    (void)state;
    struct pair p;

    pair_open(&p, 100, 1, 0);
    for (uint32_t i = 0; i < 100; i++)
        pair_add(&p, i, 0, 70000);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(wheel_next_due(&p.w, 70000, NULL), i);
    assert_int_equal(wheel_next_due(&p.w, 70000, NULL), WHEEL_NONE);
    pair_close(&p);
}

/* One deadline at every power of two and beside it, each met to the tick, from several starts. */
static void never_early_nor_late(void **state)
{
    (void)state;
    static const uint64_t starts[] = {0, 255, 256, 65535, 0xffffffff, 0x100000000, 1700000000123};
    static const uint32_t ticks[] = {1, 10, 1000};

    for (size_t s = 0; s < sizeof starts / sizeof starts[0] * 3; s++) {
        const uint64_t start = starts[s / 3];
        const uint32_t tick_ms = ticks[s % 3];
        for (unsigned int bit = 0; bit < 39; bit++) {
            struct pair p;
            pair_open(&p, 1, tick_ms, start);
            const uint64_t deadline = start + (UINT64_C(1) << bit) - (bit % 3) + (bit % 2);
            const uint64_t met = (deadline + tick_ms - 1) / tick_ms * tick_ms;
            pair_add(&p, 0, start, deadline);
            assert_int_equal(wheel_next_due(&p.w, met - 1, NULL), WHEEL_NONE);
            assert_true(wheel_next_deadline_ms(&p.w) <= met);
            assert_int_equal(wheel_next_due(&p.w, met, NULL), 0);
            pair_close(&p);
        }
    }
}

static void past_and_far(void **state)
{
    (void)state;
    struct pair p;
    const uint64_t now = 1700000000000;

    pair_open(&p, 4, 1, now);
    wheel_add(&p.w, 0, 5); /* long gone */
    wheel_add(&p.w, 1, UINT64_MAX);
    wheel_add(&p.w, 2, now + (UINT64_C(200) << 32));
    assert_int_equal(wheel_next_due(&p.w, now, NULL), 0);
    assert_int_equal(wheel_next_due(&p.w, now, NULL), WHEEL_NONE);
    const uint64_t far = now + (UINT64_C(200) << 32);
    assert_int_equal(wheel_next_due(&p.w, far - 1, NULL), WHEEL_NONE);
    assert_int_equal(wheel_next_due(&p.w, far, NULL), 2);

    /* The furthest one is cut to what the wheel can hold, 255 * 2^32 ticks from its filing. */
    assert_int_equal(wheel_next_due(&p.w, now + (UINT64_C(254) << 32), NULL), WHEEL_NONE);
    assert_int_equal(wheel_next_due(&p.w, UINT64_MAX, NULL), 1);
    wheel_add(&p.w, 3, 17);
    assert_int_equal(wheel_next_due(&p.w, UINT64_MAX, NULL), 3);
    pair_close(&p);
}

static void clock_steps_back(void **state)
{
    (void)state;
    struct pair p;

    pair_open(&p, 2, 1, 1000);
    assert_int_equal(wheel_next_due(&p.w, 2000, NULL), WHEEL_NONE);
    wheel_add(&p.w, 0, 1600);
    wheel_add(&p.w, 1, 2100);
    assert_int_equal(wheel_next_due(&p.w, 1500, NULL), WHEEL_NONE); /* not early for that clock */
    assert_int_equal(wheel_next_due(&p.w, 2000, NULL), 0);
    assert_int_equal(wheel_next_due(&p.w, 1500, NULL), WHEEL_NONE);
    assert_int_equal(wheel_next_due(&p.w, 2100, NULL), 1);
    pair_close(&p);
}

static void budget_stops_and_goes_on(void **state)
{
    (void)state;
    struct pair p;
    uint64_t last = 0;
    uint32_t fired = 0, calls = 0, budget;

    pair_open(&p, 1000, 1, 0);
    for (uint32_t i = 0; i < 1000; i++)
        pair_add(&p, i, 0, 300 + (uint64_t)(i * 7919 % 1000) * 500);
    do {
        budget = 10;
        uint32_t i;
        while ((i = wheel_next_due(&p.w, 600000, &budget)) != WHEEL_NONE) {
            assert_true(p.due[i] >= last);
            last = p.due[i];
            pair_fired(&p, i, 600000);
            fired++;
        }
        if (fired == 500)
            wheel_del(&p.w, 7919 * 3 % 1000); /* gone already: nothing happens */
        calls++;
        assert_true(calls < 500);
    } while (budget == 0);
    assert_int_equal(fired, 1000);
    assert_true(calls >= 100);
    assert_int_equal(p.w.n_filed, 0);
    pair_close(&p);
}

/* A deadline some way off, all magnitudes alike. */
static uint64_t distance(struct rng *r, unsigned int bits)
{
    return rng_next(r) >> (64 - 1 - rng_below(r, bits));
}

static uint64_t twin_earliest(const struct pair *p)
{
    uint64_t first = UNFILED;
    for (uint32_t i = 0; i < p->n; i++)
        first = p->due[i] < first ? p->due[i] : first;
    return first;
}

/* One random thing to do to a record, apart from letting time pass. */
static void touch_one(struct pair *p, struct rng *r, uint64_t now_ms)
{
    const uint32_t i = rng_below(r, p->n);
    assert_int_equal(wheel_is_filed(&p->w, i), p->due[i] != UNFILED);
    if (rng_below(r, 3) == 0 || p->due[i] != UNFILED) {
        wheel_del(&p->w, i);
        p->due[i] = UNFILED;
    }
    if (rng_below(r, 4) != 0 && p->due[i] == UNFILED)
        pair_add(p, i, now_ms, now_ms + distance(r, 39) - (rng_below(r, 8) == 0 ? 50 : 0));
}

/* Take what is due, in runs of random budget, adding and deleting between; compare every step. */
static void take_due(struct pair *p, struct rng *r, uint64_t now_ms)
{
    uint32_t again = 40, budget, i;
    do {
        budget = 1 + rng_below(r, 30);
        while ((i = wheel_next_due(&p->w, now_ms, &budget)) != WHEEL_NONE) {
            assert_true(p->due[i] == twin_earliest(p));
            pair_fired(p, i, now_ms);
            if (again && rng_below(r, 3) == 0) { /* once more, now and then at once */
                again--;
                wheel_add(&p->w, i, now_ms + (rng_below(r, 4) ? distance(r, 34) : 0));
                wheel_del(&p->w, i);
                pair_add(p, i, now_ms, now_ms + 1 + distance(r, 34));
            }
        }
    } while (budget == 0);
    assert_true(twin_earliest(p) == UNFILED || twin_earliest(p) > now_ms / p->tick_ms);
}

static void random_against_twin(void **state)
{
    (void)state;
    static const uint32_t ticks[] = {1, 7, 1000};

    for (uint64_t seed = 1; seed <= 9; seed++) {
        struct rng r = {seed};
        struct pair p;
        uint64_t now_ms = rng_next(&r) >> (20 + rng_below(&r, 20));
        pair_open(&p, 60, ticks[seed % 3], now_ms);
        for (uint32_t step = 0; step < 6000; step++) {
            for (uint32_t k = rng_below(&r, 12); k > 0; k--)
                touch_one(&p, &r, now_ms);
            now_ms += rng_below(&r, 3) == 0 ? 0 : distance(&r, rng_below(&r, 50) ? 20 : 38);
            take_due(&p, &r, now_ms);
            const uint64_t lower = wheel_next_deadline_ms(&p.w), first = twin_earliest(&p);
            assert_int_equal(lower == UINT64_MAX, first == UNFILED);
            assert_true(first == UNFILED || lower <= first * p.tick_ms);
            assert_true(first == UNFILED || lower > now_ms / p.tick_ms * p.tick_ms);
        }
        pair_close(&p);
    }
}

static void take_one_of(struct pair *p, uint32_t *next, uint32_t last)
{
    if (*next > last)
        return;
    const uint32_t i = wheel_take_first(&p->w);
    assert_int_equal(i, *next);
    p->due[i] = UNFILED;
    ++*next;
}

/* With one timer for all, the first is the oldest, however far its deadline is and whatever time
 * has passed since it was filed; and the wheel goes on as if nothing had been. */
static void first_is_the_oldest(void **state)
{
    (void)state;
    static const uint32_t timers_ms[] = {500, 10000, 180000, 86400000};
    for (size_t k = 0; k < sizeof timers_ms / sizeof timers_ms[0]; k++) {
        struct rng r = {k + 1};
        struct pair p;
        uint64_t now_ms = 1000000007;
        uint32_t next = 0, last, i;
        pair_open(&p, 3000, 100, now_ms);
        assert_int_equal(wheel_take_first(&p.w), WHEEL_NONE);
        for (last = 0; last < p.n; last++) {
            pair_add(&p, last, now_ms, now_ms + timers_ms[k]);
            now_ms += rng_below(&r, 2000 > timers_ms[k] ? timers_ms[k] / 20 : 2000);
            if (rng_below(&r, 2))
                take_one_of(&p, &next, last);
            while ((i = wheel_next_due(&p.w, now_ms, NULL)) != WHEEL_NONE) {
                assert_int_equal(i, next++);
                pair_fired(&p, i, now_ms);
            }
        }
        while (next < p.n)
            take_one_of(&p, &next, p.n - 1);
        assert_int_equal(wheel_take_first(&p.w), WHEEL_NONE);
        pair_close(&p);
    }
}

/* Replay: time steps from one announced deadline to the next; each record comes at its tick. */
static void steps_from_event_to_event(void **state)
{
    (void)state;
    struct rng r = {5};
    struct pair p;
    uint64_t now_ms = 1700000000000, at;
    uint32_t i, steps = 0, fired = 0;

    pair_open(&p, 2000, 1, now_ms);
    for (i = 0; i < p.n; i++)
        pair_add(&p, i, now_ms, now_ms + distance(&r, 36));
    while ((at = wheel_next_deadline_ms(&p.w)) != UINT64_MAX) {
        assert_true(at > now_ms || steps == 0);
        now_ms = at;
        while ((i = wheel_next_due(&p.w, now_ms, NULL)) != WHEEL_NONE) {
            assert_true(p.due[i] == now_ms);
            pair_fired(&p, i, now_ms);
            fired++;
        }
        steps++;
    }
    assert_int_equal(fired, p.n);
    assert_true(steps < 5 * p.n);
    pair_close(&p);
}

static int tick_compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A million records against a sorted list, with a tenth taken out and jumps of all sizes. */
static void million(void **state)
{
    (void)state;
    const uint32_t n = 1000000;
    struct rng r = {42};
    struct pair p;
    uint64_t now_ms = 1700000000000;
    uint64_t *sorted = malloc(n * sizeof *sorted);
    uint32_t left = 0, at = 0, i;

    assert_non_null(sorted);
    pair_open(&p, n, 1, now_ms);
    for (i = 0; i < n; i++)
        pair_add(&p, i, now_ms, now_ms + distance(&r, 32));
    for (i = 0; i < n / 10; i++) {
        const uint32_t gone = rng_below(&r, n);
        wheel_del(&p.w, gone);
        p.due[gone] = UNFILED;
    }
    for (i = 0; i < n; i++)
        if (p.due[i] != UNFILED)
            sorted[left++] = p.due[i];
    qsort(sorted, left, sizeof *sorted, tick_compare);
    while (at < left) {
        now_ms += distance(&r, 26);
        while ((i = wheel_next_due(&p.w, now_ms, NULL)) != WHEEL_NONE) {
            assert_true(at < left && p.due[i] == sorted[at]);
            pair_fired(&p, i, now_ms);
            at++;
        }
        assert_true(at == left || sorted[at] > now_ms);
    }
    assert_int_equal(p.w.n_filed, 0);
    pair_close(&p);
    free(sorted);
}

/* Moved to a lower level at most once per level: no jump makes the wheel walk empty slots. */
static void cost_is_bounded(void **state)
{
    (void)state;
    struct pair p;
    uint32_t budget = UINT32_MAX;

    pair_open(&p, 1000, 1, 0);
    for (uint32_t i = 0; i < p.n; i++)
        pair_add(&p, i, 0, (UINT64_C(3) << 32) + UINT64_C(0x01010101) * (1 + i % 200));
    while (wheel_next_due(&p.w, UINT64_C(5) << 32, &budget) != WHEEL_NONE)
        ;
    assert_int_equal(p.w.n_filed, 0);
    assert_true(UINT32_MAX - budget <= WHEEL_LEVELS * p.n);
    pair_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links),
        cmocka_unit_test(order_of_filing),
        cmocka_unit_test(never_early_nor_late),
        cmocka_unit_test(past_and_far),
        cmocka_unit_test(clock_steps_back),
        cmocka_unit_test(budget_stops_and_goes_on),
        cmocka_unit_test(random_against_twin),
        cmocka_unit_test(first_is_the_oldest),
        cmocka_unit_test(steps_from_event_to_event),
        cmocka_unit_test(million),
        cmocka_unit_test(cost_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
