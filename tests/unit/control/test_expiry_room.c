/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table that gets full: who goes early, who stays, and how often it is told. Time is virtual.
 */
#include "expiry_bench.h"

#include "base/rng.h"
#include "control/room.h"
#include "sessions/tcp.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LOW    (SESSIONS / 20)
#define ENOUGH (SESSIONS * 3 / 40)

static struct session *at(const struct bench *b, uint32_t index)
{
    return session_at(&b->sessions, index);
}

/* A flow that has been answered. */
static uint32_t grown_make(struct bench *b, uint8_t proto, uint64_t now_ms)
{
    uint32_t i = flow_make(b, proto == IPPROTO_TCP ? SET_TCP : SET_60, proto, INDEX_NONE, now_ms);
    at(b, i)->packets[0] = at(b, i)->packets[1] = 1;
    if (proto == IPPROTO_TCP)
        at(b, i)->tcp_state = TCP_STATE_ESTABLISHED;
    return i;
}

/* A flow of which only the first packet was seen. */
static uint32_t young_try(struct bench *b, uint8_t proto, uint64_t now_ms)
{
    uint32_t i = flow_try(b, proto == IPPROTO_TCP ? SET_TCP : SET_60, proto, INDEX_NONE, now_ms);
    if (i == INDEX_NONE)
        return i;
    at(b, i)->packets[0] = 1;
    if (proto == IPPROTO_TCP)
        at(b, i)->tcp_state = TCP_STATE_SYN_SENT;
    return i;
}

static unsigned lines_with(const struct bench *b, const char *word)
{
    unsigned n = 0;
    for (const char *p = b->log.p; p && (p = strstr(p, word)); p++)
        n++;
    return n;
}

/* Counts events that tell of the table, and forgets all others. */
static void table_event(void *ctx, const struct event *event)
{
    *(unsigned *)ctx += strncmp(event->name, "table-", 6) == 0;
}

/* ---- thresholds and episodes, without a table ---- */

static void test_thresholds(void **state)
{
    struct room r = {.capacity = 1000};
    (void)state;
    assert_int_equal(room_missing(&r, 1000), 0);
    assert_int_equal(room_missing(&r, 50), 0);
    assert_int_equal(room_missing(&r, 49), 26); /* up to 75 */
    assert_int_equal(room_missing(&r, 60), 15); /* goes on until there is enough */
    assert_int_equal(room_missing(&r, 75), 0);
    assert_int_equal(room_missing(&r, 60), 0); /* and does not begin again before it is low */
    assert_int_equal(room_missing(&r, 0), 75);
    r.capacity = UINT32_MAX;
    assert_int_equal(room_missing(&r, 0), (uint32_t)((uint64_t)UINT32_MAX * 75 / 1000));
}

static void test_an_episode_is_told_once(void **state)
{
    struct room r = {.capacity = 1000};
    (void)state;
    assert_int_equal(room_full(&r, 0, 0), ROOM_SAME);
    assert_int_equal(room_full(&r, 5, 100), ROOM_BEGINS);
    for (uint64_t ms = 200; ms < 60000; ms += 5000)
        assert_int_equal(room_full(&r, ms, ms), ROOM_SAME);
    assert_int_equal(room_full(&r, 55200, 65199), ROOM_SAME);
    assert_int_equal(room_full(&r, 55200, 65200), ROOM_ENDS);
    assert_int_equal(room_full(&r, 55200, 99999), ROOM_SAME);
    assert_int_equal(room_full(&r, 55201, 99999), ROOM_BEGINS);
    assert_int_equal(room_missing(&r, 10), 65);
    assert_int_equal(room_low(&r, 0), ROOM_BEGINS);
    assert_int_equal(room_missing(&r, 90), 0);
    assert_int_equal(room_low(&r, ROOM_QUIET_MS - 1), ROOM_SAME);
    assert_int_equal(room_low(&r, ROOM_QUIET_MS), ROOM_ENDS);
}

/* ---- over a table ---- */

static void test_nobody_goes_while_there_is_room(void **state)
{
    struct bench *b = bench_make();
    (void)state;
    events_start(b);
    for (uint32_t i = 0; i < SESSIONS - LOW - STORE_CHAIN; i++)
        young_try(b, IPPROTO_UDP, 1);
    settle(b, 1);
    assert_int_equal(stat_of(b, 1).early, 0);
    assert_int_equal(lines_with(b, "table-low"), 0);
    bench_free(b);
}

static void test_the_oldest_young_ones_go(void **state)
{
    static uint32_t young[SESSIONS];
    struct bench *b = bench_make();
    uint32_t n = 0, grown[1000];
    uint64_t now_ms = 0;
    (void)state;
    events_start(b);
    for (uint32_t i = 0; i < 1000; i++)
        grown[i] = grown_make(b, i % 2 ? IPPROTO_TCP : IPPROTO_UDP, 0);
    while (n < SESSIONS - 1000 - LOW / 2) { /* oldest first, 20 a millisecond */
        young[n] = young_try(b, IPPROTO_UDP, now_ms);
        assert_true(young[n] != INDEX_NONE);
        if (++n % 20 == 0)
            now_ms++;
    }
    settle(b, now_ms);
    uint32_t early = (uint32_t)stat_of(b, now_ms).early;
    assert_true(early > ENOUGH - LOW && early < ENOUGH);
    assert_true(store_unused(&b->sessions.store) >= ENOUGH);
    for (uint32_t i = 0; i < 1000; i++)
        assert_true(is_live(b, grown[i]));
    uint32_t gone_last = 0, lives_first = n;
    for (uint32_t i = 0; i < n; i++)
        if (!is_live(b, young[i]))
            gone_last = i;
        else if (lives_first == n)
            lives_first = i;
    assert_int_equal(lives_first, early);
    assert_int_equal(gone_last, early - 1);
    assert_int_equal(lines_with(b, "\"table-low\""), early); /* why they ended */
    assert_int_equal(lines_with(b, "\"capacity\""), 1);
    assert_int_equal(lines_with(b, "table-full"), 0);
    bench_free(b);
}

/* Established flows are never touched, were all of them young when they were filed. */
static void test_grown_up_ones_stay_and_move_once(void **state)
{
    static uint32_t all[SESSIONS];
    struct bench *b = bench_make();
    uint32_t n = 0;
    (void)state;
    for (; n < SESSIONS - LOW / 2; n++)
        all[n] = young_try(b, n % 2 ? IPPROTO_TCP : IPPROTO_UDP, 0);
    /* Control has filed them, and then they are all answered. */
    assert_true(expiry_run(b->expiry, 0) > 0);
    uint64_t early_before = stat_of(b, 0).early;
    for (uint32_t i = 0; i < n; i++) {
        at(b, all[i])->packets[1] = 1;
        at(b, all[i])->tcp_state = TCP_STATE_ESTABLISHED;
    }
    settle(b, 0);
    assert_int_equal(stat_of(b, 0).early, early_before);
    /* Nothing is left to look at: a round does nothing, however tight the table is. */
    rte_rcu_qsbr_quiescent(b->qsbr, 0);
    assert_int_equal(expiry_run(b->expiry, 1), 0);
    for (uint32_t i = 0; i < n; i++)
        assert_true(is_live(b, all[i]) || early_before > 0);
    bench_free(b);
}

static void test_mapped_sessions_stay(void **state)
{
    struct bench *b = bench_make();
    uint32_t mapped[100], n = 0;
    (void)state;
    for (; n < 100; n++) {
        mapped[n] = young_try(b, IPPROTO_UDP, 0);
        at(b, mapped[n])->r.flags |= SESSION_MAPPED;
    }
    while (store_unused(&b->sessions.store) >= LOW)
        young_try(b, IPPROTO_UDP, 100);
    /* Half of the last 5 % is free still: for a second they may be answered. */
    settle(b, 100 + ROOM_GRACE_MS - 1);
    assert_int_equal(stat_of(b, 100).early, 0);
    settle(b, 100 + ROOM_GRACE_MS + ROOM_PAUSE_MS);
    assert_true(stat_of(b, 100).early > 0);
    for (n = 0; n < 100; n++)
        assert_true(is_live(b, mapped[n]));
    bench_free(b);
}

/*
 * A flood of SYNs, 150 a millisecond, on a table half full of established flows: real ones begin
 * all the while, are answered after 30 ms and stay.
 */
static void test_a_flood_shuts_nobody_out(void **state)
{
    enum {
        REAL = 1500,
        STEP_MS = 1,
        FLOOD = 150
    };
    static uint32_t old[SESSIONS / 2], real[REAL];
    struct bench *b = bench_make();
    unsigned n_real = 0, lost = 0, refused = 0, told = 0;
    (void)state;
    b->events = (struct event_sink){table_event, &told};
    for (uint32_t i = 0; i < SESSIONS / 2; i++)
        old[i] = grown_make(b, IPPROTO_TCP, 0);
    settle(b, 0);
    for (uint64_t now_ms = 1; now_ms <= REAL; now_ms += STEP_MS) {
        for (int i = 0; i < FLOOD; i++)
            young_try(b, IPPROTO_TCP, now_ms);
        real[n_real] = young_try(b, IPPROTO_TCP, now_ms);
        refused += real[n_real++] == INDEX_NONE;
        if (n_real > 30) { /* this one's answer arrives */
            uint32_t i = real[n_real - 31];
            if (i == INDEX_NONE || !is_live(b, i) || at(b, i)->created_ms != now_ms - 30)
                lost++;
            else
                at(b, i)->tcp_state = TCP_STATE_ESTABLISHED;
        }
        if (now_ms % 4 == 0) { /* control is slower than the workers */
            rte_rcu_qsbr_quiescent(b->qsbr, 0);
            expiry_run(b->expiry, now_ms);
        }
    }
    for (uint32_t i = 0; i < SESSIONS / 2; i++)
        assert_true(is_live(b, old[i]));
    assert_int_equal(refused, 0);
    assert_int_equal(lost, 0);
    assert_int_equal(told, 1); /* one episode */
    assert_int_equal(stat_of(b, REAL).refused, 0);
    bench_free(b);
}

/* Nobody can be ended: new flows are refused, which is told once and counted. */
static void test_full_of_established_flows(void **state)
{
    static uint32_t all[SESSIONS];
    struct bench *b = bench_make();
    unsigned told = 0;
    (void)state;
    b->events = (struct event_sink){table_event, &told};
    for (uint32_t i = 0; i < SESSIONS; i++)
        all[i] = grown_make(b, IPPROTO_TCP, 0);
    settle(b, 0);
    for (uint64_t now_ms = 1; now_ms < 500; now_ms++) {
        assert_int_equal(young_try(b, IPPROTO_UDP, now_ms), INDEX_NONE);
        settle(b, now_ms);
    }
    assert_int_equal(stat_of(b, 500).refused, 499);
    assert_int_equal(told, 2); /* low, and full */
    for (uint32_t i = 0; i < SESSIONS; i++)
        assert_true(is_live(b, all[i]));
    bench_free(b);
}

/* Against a list: never a session that is not young, never while there is room. */
static void test_random_lives(void **state)
{
    enum {
        STEPS = 150
    };
    static struct {
        uint32_t index, epoch;
        bool grown;
    } own[SESSIONS];
    struct bench *b = bench_make();
    struct rng rng = {12};
    uint32_t n = 0;
    (void)state;
    for (uint64_t step = 1; step <= STEPS; step++) {
        uint64_t now_ms = step * 7;
        uint32_t more = rng_below(&rng, 1200);
        for (uint32_t i = 0; i < more; i++) {
            uint32_t index = young_try(b, rng_below(&rng, 2) ? 6 : 17, now_ms);
            if (index == INDEX_NONE)
                break;
            own[n].index = index;
            own[n].epoch = at(b, index)->r.epoch;
            own[n++].grown = false;
        }
        for (uint32_t i = 0; i < n / 50; i++) {
            uint32_t k = rng_below(&rng, n);
            if (own[k].grown || !is_live(b, own[k].index))
                continue;
            own[k].grown = true;
            at(b, own[k].index)->packets[1] = 1;
            at(b, own[k].index)->tcp_state = TCP_STATE_ESTABLISHED;
        }
        uint64_t early = stat_of(b, now_ms).early;
        bool room = store_unused(&b->sessions.store) >= ENOUGH;
        settle(b, now_ms);
        assert_true(!room || stat_of(b, now_ms).early == early);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < n; i++) {
            bool live = is_live(b, own[i].index) && at(b, own[i].index)->r.epoch == own[i].epoch;
            assert_true(live || !own[i].grown);
            if (live)
                own[kept++] = own[i];
        }
        n = kept;
        assert_int_equal(stat_of(b, now_ms).sessions, n);
    }
    assert_true(stat_of(b, 0).early > 1000);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_an_episode_is_told_once),
        cmocka_unit_test(test_nobody_goes_while_there_is_room),
        cmocka_unit_test(test_the_oldest_young_ones_go),
        cmocka_unit_test(test_grown_up_ones_stay_and_move_once),
        cmocka_unit_test(test_mapped_sessions_stay),
        cmocka_unit_test(test_a_flood_shuts_nobody_out),
        cmocka_unit_test(test_full_of_established_flows),
        cmocka_unit_test(test_random_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
