/* SPDX-License-Identifier: BSD-3-Clause */
#include "expiry_bench.h"

#include "sessions/tcp.h"

#include <errno.h>
#include <netinet/in.h>

static uint32_t udp_make(struct bench *b, enum set set, uint64_t now_ms)
{
    return flow_make(b, set, IPPROTO_UDP, INDEX_NONE, now_ms);
}

static bool is_found(const struct bench *b, const struct key *key)
{
    struct table_hit hit;
    const struct table *t = &b->sessions.store.table;
    return table_find(t, key, table_hash(t, key), &hit);
}

static void test_idle_session_ends_at_its_timer(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_5, 1000);
    settle(b, 1000);
    assert_true(expiry_next_deadline_ms(b->expiry) > 1000);
    assert_true(expiry_next_deadline_ms(b->expiry) <= 6000);
    settle(b, 5999);
    assert_true(is_live(b, i));
    settle(b, 6000);
    assert_false(is_live(b, i));
    assert_int_equal(stat_of(b, 6000).expired, 1);
    assert_int_equal(stat_of(b, 6000).sessions, 0);
    bench_free(b);
}

static void test_packet_prolongs(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_5, 0);
    for (uint64_t now_ms = 0; now_ms < 60000; now_ms += 100) {
        if (now_ms % 4000 == 0)
            session_at(&b->sessions, i)->last_seen_ms = (uint32_t)now_ms;
        settle(b, now_ms);
        assert_true(is_live(b, i));
    }
    settle(b, 61000);
    assert_false(is_live(b, i));
    bench_free(b);
}

static void test_never_is_never(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_NEVER, 0);
    session_at(&b->sessions, i)->packets[0] = 2; /* one of a single packet is looked after */
    settle(b, 0);
    assert_true(expiry_next_deadline_ms(b->expiry) == UINT64_MAX);
    settle(b, 86400000);
    assert_true(is_live(b, i));
    assert_int_equal(stat_of(b, 86400000).sessions, 1);
    bench_free(b);
}

static void test_state_change_comes_nearer(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = flow_make(b, SET_TCP, IPPROTO_TCP, INDEX_NONE, 0);
    struct session *s = session_at(&b->sessions, i);
    s->tcp_state = TCP_STATE_ESTABLISHED;
    settle(b, 0);
    settle(b, 100000);
    assert_true(is_live(b, i));
    s->last_seen_ms = 100000;
    s->tcp_state = TCP_STATE_CLOSE;
    session_tell(&b->sessions, &b->worker, i);
    settle(b, 100000);
    assert_int_equal(stat_of(b, 100000).created, 1);
    settle(b, 104999);
    assert_true(is_live(b, i));
    settle(b, 105000);
    assert_false(is_live(b, i));
    bench_free(b);
}

static void test_index_returns_after_the_grace_period_only(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_5, 0);
    struct key key = session_at(&b->sessions, i)->r.key[0];
    uint32_t epoch = session_at(&b->sessions, i)->r.epoch;
    for (int round = 0; round < 10; round++)
        expiry_run(b->expiry, 5000);
    assert_false(is_found(b, &key));
    assert_int_equal(record_state(&session_at(&b->sessions, i)->r), RECORD_DYING);
    settle(b, 5000);
    assert_int_equal(record_state(&session_at(&b->sessions, i)->r), RECORD_FREE);
    assert_int_equal(session_at(&b->sessions, i)->r.epoch, epoch + 1);
    bench_free(b);
}

/* A thread that tells of a session late must not find it on its stack in the next life. */
static void test_late_news_hold_the_index(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_5, 0);
    settle(b, 0);
    expiry_run(b->expiry, 5000);
    session_tell(&b->sessions, &b->worker, i);
    session_tell(&b->sessions, &b->worker, i);
    settle(b, 5000);
    assert_int_equal(record_state(&session_at(&b->sessions, i)->r), RECORD_FREE);
    assert_int_equal(session_at(&b->sessions, i)->told, 0);
    assert_int_equal(stat_of(b, 5000).expired, 1);
    assert_int_equal(stat_of(b, 5000).ended, 0);
    bench_free(b);
}

static void test_kill_before_control_ever_saw_it(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_60, 0);
    struct key key = session_at(&b->sessions, i)->r.key[1];
    assert_true(session_kill(&b->sessions, &b->worker, i));
    settle(b, 0);
    assert_false(is_found(b, &key));
    struct expiry_stat stat = stat_of(b, 0);
    assert_int_equal(stat.created, 1);
    assert_int_equal(stat.ended, 1);
    assert_int_equal(stat.sessions, 0);
    bench_free(b);
}

static void test_clear_by_handle(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_60, 0);
    struct handle h = store_handle(&b->sessions.store, i);
    settle(b, 0);
    assert_int_equal(expiry_clear_session(b->expiry, h, 10), 0);
    assert_int_equal(expiry_clear_session(b->expiry, h, 10), -ESTALE);
    settle(b, 10);
    assert_int_equal(expiry_clear_session(b->expiry, h, 10), -ESTALE);
    assert_int_equal(stat_of(b, 10).flushed, 1);
    bench_free(b);
}

static void test_setup_rate_is_of_the_last_whole_second(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    for (int i = 0; i < 10; i++)
        udp_make(b, SET_60, 1000);
    settle(b, 1500);
    assert_int_equal(stat_of(b, 1999).setup_rate, 0);
    assert_int_equal(stat_of(b, 2000).setup_rate, 10);
    udp_make(b, SET_60, 2500);
    settle(b, 2500);
    assert_int_equal(stat_of(b, 2900).setup_rate, 10);
    assert_int_equal(stat_of(b, 3000).setup_rate, 1);
    assert_int_equal(stat_of(b, 4000).setup_rate, 0);
    bench_free(b);
}

static void test_many_expire_in_short_rounds(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    for (int i = 0; i < 20000; i++)
        udp_make(b, SET_5, 0);
    settle(b, 0);
    uint64_t before = 0;
    unsigned rounds = 0;
    for (; stat_of(b, 5000).expired < 20000; rounds++) {
        expiry_run(b->expiry, 5000);
        assert_true(stat_of(b, 5000).expired - before <= 4096);
        before = stat_of(b, 5000).expired;
        assert_true(rounds < 100);
    }
    assert_true(rounds >= 5);
    assert_true(expiry_next_deadline_ms(b->expiry) > 0);
    settle(b, 5000);
    assert_int_equal(b->sessions.store.freed, 20000);
    bench_free(b);
}

/* The stamps are 32 bits of a longer clock. */
static void test_stamps_wrap(void **state)
{
    (void)state;
    const uint64_t wrap = (uint64_t)1 << 32;
    assert_int_equal(expiry_elapsed_ms(wrap + 500, UINT32_MAX - 499), 1000);
    assert_int_equal(expiry_elapsed_ms(wrap - 1000, 5), 0);
    assert_int_equal(expiry_elapsed_ms(2764800000u, 0), 2764800000u);
    assert_int_equal(expiry_elapsed_ms(1000, 2000), 0);

    struct bench *b = bench_make_at(wrap - 2000);
    uint32_t i = udp_make(b, SET_5, wrap - 2000);
    settle(b, wrap - 2000);
    settle(b, wrap + 2900);
    assert_true(is_live(b, i));
    settle(b, wrap + 3100); /* the tick after the deadline */
    assert_false(is_live(b, i));
    bench_free(b);
}

static void test_stamp_of_a_clock_ahead(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t i = udp_make(b, SET_5, 1005);
    settle(b, 1000);
    const struct session *s = session_at(&b->sessions, i);
    assert_int_equal(expiry_session_deadline_ms(&b->sets, s, 1000), 6005);
    assert_int_equal(expiry_session_deadline_ms(&b->sets, s, 1010), 6005);
    bench_free(b);
}

/* ---- against a naive twin ---- */

struct twin {
    uint32_t index, epoch;
    uint64_t deadline_ms;
    bool live;
};

#define TWINS 400

static void twin_step(struct bench *b, struct rng *rng, struct twin *t, uint64_t now_ms)
{
    struct session *s = session_at(&b->sessions, t->index);
    uint32_t roll = rng_below(rng, 100);
    if (!t->live && roll < 20) {
        enum set set = rng_below(rng, 2) ? SET_5 : SET_60;
        t->index = udp_make(b, set, now_ms);
        t->epoch = session_at(&b->sessions, t->index)->r.epoch;
        t->deadline_ms = now_ms + (set == SET_5 ? 5000 : 60000);
        t->live = true;
    } else if (t->live && roll < 10) {
        uint32_t timer_s = timer_set_get(&b->sets, s->r.detail)->s[TIMER_UDP];
        s->last_seen_ms = (uint32_t)now_ms;
        t->deadline_ms = now_ms + timer_s * 1000u;
    } else if (t->live && roll < 11) {
        assert_true(session_kill(&b->sessions, &b->worker, t->index));
        t->live = false;
    } else if (t->live && roll < 12) {
        session_tell(&b->sessions, &b->worker, t->index);
    } else if (t->live && roll < 13) {
        struct handle h = {t->index, t->epoch};
        assert_int_equal(expiry_clear_session(b->expiry, h, now_ms), 0);
        t->live = false;
    }
}

static void test_random_life_against_a_list(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    struct rng rng = {20240611};
    struct twin *twins = calloc(TWINS, sizeof *twins);
    uint64_t now_ms = 0;
    /* Never early; late by less than a tick of 100 ms. */
    for (int round = 0; round < 3000; round++) {
        now_ms += rng_below(&rng, 300);
        for (int k = 0; k < 20; k++)
            twin_step(b, &rng, &twins[rng_below(&rng, TWINS)], now_ms);
        if (rng_below(&rng, 2))
            rte_rcu_qsbr_quiescent(b->qsbr, 0);
        while (expiry_run(b->expiry, now_ms) > 0)
            ;
        uint32_t live = 0;
        for (int k = 0; k < TWINS; k++) {
            struct twin *t = &twins[k];
            bool found = store_live(&b->sessions.store, (struct handle){t->index, t->epoch});
            if (t->live && t->deadline_ms > now_ms)
                assert_true(found);
            else if (!t->live || t->deadline_ms <= now_ms - now_ms % 100)
                assert_false(found && t->deadline_ms);
            t->live = t->live && found;
            live += t->live;
        }
        assert_int_equal(stat_of(b, now_ms).sessions, live);
    }
    settle(b, now_ms + 100000);
    struct expiry_stat stat = stat_of(b, now_ms + 100000);
    assert_int_equal(stat.sessions, 0);
    assert_int_equal(stat.created, stat.expired + stat.ended + stat.flushed);
    assert_int_equal(b->sessions.store.freed, stat.created);
    free(twins);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_session_ends_at_its_timer),
        cmocka_unit_test(test_packet_prolongs),
        cmocka_unit_test(test_never_is_never),
        cmocka_unit_test(test_state_change_comes_nearer),
        cmocka_unit_test(test_index_returns_after_the_grace_period_only),
        cmocka_unit_test(test_late_news_hold_the_index),
        cmocka_unit_test(test_kill_before_control_ever_saw_it),
        cmocka_unit_test(test_clear_by_handle),
        cmocka_unit_test(test_setup_rate_is_of_the_last_whole_second),
        cmocka_unit_test(test_many_expire_in_short_rounds),
        cmocka_unit_test(test_stamps_wrap),
        cmocka_unit_test(test_stamp_of_a_clock_ahead),
        cmocka_unit_test(test_random_life_against_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
