/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A commit that takes long: the helper compiles, control goes on with frames and timers.
 */
#include "control_bench.h"
#include "eal.h"

#include "base/text.h"
#include "cli/backend.h"
#include "control/core.h"
#include "control/helper.h"

#include <errno.h>
#include <time.h>

/* The clock that control reads while it waits; every look at it is one. */
struct watch {
    struct bench *b;
    unsigned looks; /* atomic */
    int nested;     /* what a commit inside the wait answered */
    bool nest;
};

static uint64_t look(const void *ctx)
{
    struct watch *w = (struct watch *)(uintptr_t)ctx;
    struct text error = {0};
    __atomic_store_n(&w->looks, w->looks + 1, __ATOMIC_RELAXED);
    if (w->nest && w->looks == 1) {
        struct config_tree *tree = bench_tree(bench_config);
        w->nested = publish_commit(&w->b->control->publish, tree, &error);
        tree_free(tree);
        text_free(&error);
    }
    return w->b->now_ms + 1000 * w->looks;
}

/* Holds the helper up as a large configuration would: until control has looked five times, or for
 * ten seconds. */
struct slow_job {
    struct helper_job job;
    struct watch *w;
};

static void slow(struct helper_job *job)
{
    const struct slow_job *s = (const struct slow_job *)job;
    for (int i = 0; i < 10000 && __atomic_load_n(&s->w->looks, __ATOMIC_RELAXED) < 5; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static struct bench *watched_bench(struct watch *w)
{
    struct control_options options = {.virtual_neighbours = true, .clock_ms = look, .clock_ctx = w};
    *w = (struct watch){0};
    w->b = bench_make(&options);
    return w->b;
}

static int commit(struct bench *b, const char *more, struct text *error)
{
    char config[4096];
    snprintf(config, sizeof config, "%s%s", bench_config, more);
    struct config_tree *tree = bench_tree(config);
    int result = b->backend->commit(b->backend->ctx, tree, error);
    tree_free(tree);
    return result;
}

static uint32_t sessions(const struct bench *b)
{
    struct expiry_stat stat;
    expiry_stat(b->control->expiry, b->now_ms, &stat);
    return stat.sessions;
}

static void test_timers_go_on_during_a_commit(void **state)
{
    struct watch w;
    struct bench *b = watched_bench(&w);
    struct slow_job job = {.job = {.run = slow}, .w = &w};
    struct text error = {0};
    const struct snapshot *before = dataplane_snapshot(b->dp);
    (void)state;
    bench_udp(b, 1, (struct endpoint){be32_of(0x0a000014), be16_of(4000)},
              (struct endpoint){be32_of(0xc6336405), be16_of(53)});
    bench_run(b, b->now_ms);
    assert_int_equal(sessions(b), 1);
    b->now_ms += 179000; /* of 180 s */
    bench_run(b, b->now_ms);
    assert_int_equal(sessions(b), 1);
    helper_post(b->control->publish.helper, &job.job);
    assert_int_equal(commit(b, "config system global\nset udp-idle-timer 60\nend\n", &error), 0);
    assert_true(w.looks >= 5);
    assert_int_equal(sessions(b), 0); /* it ended while the commit lasted */
    assert_true(dataplane_snapshot(b->dp) != before);
    text_free(&error);
    bench_free(b);
}

static void test_no_commit_inside_a_commit(void **state)
{
    struct watch w;
    struct bench *b = watched_bench(&w);
    struct slow_job job = {.job = {.run = slow}, .w = &w};
    struct text error = {0};
    (void)state;
    w.nest = true;
    helper_post(b->control->publish.helper, &job.job);
    assert_int_equal(commit(b, "", &error), 0);
    assert_int_equal(w.nested, -EBUSY);
    w.nest = false;
    assert_int_equal(commit(b, "", &error), 0);
    text_free(&error);
    bench_free(b);
}

/* Refused on the helper, with the reason, and nothing has changed. */
static void test_refusals_come_through(void **state)
{
    struct watch w;
    struct bench *b = watched_bench(&w);
    struct text error = {0};
    const struct snapshot *before = dataplane_snapshot(b->dp);
    (void)state;
    assert_int_equal(
        commit(b, "config system interface\nedit lan\nset device net_null0\nend\n", &error),
        -EBUSY);
    assert_true(error.n > 0);
    assert_true(dataplane_snapshot(b->dp) == before);
    text_free(&error);
    bench_free(b);
}

/* Commit after commit with other timers: the table of sets stays small, sessions keep theirs. */
static void test_timer_sets_do_not_run_out(void **state)
{
    struct watch w;
    struct bench *b = watched_bench(&w);
    struct timer_sets *sets = b->dp->timer_sets;
    struct text error = {0};
    uint32_t most = 0;
    (void)state;
    assert_int_equal(commit(b, "config system global\nset udp-idle-timer 86000\nend\n", &error), 0);
    bench_udp(b, 1, (struct endpoint){be32_of(0x0a000014), be16_of(4000)},
              (struct endpoint){be32_of(0xc6336405), be16_of(53)});
    bench_run(b, b->now_ms);
    for (int i = 0; i < 60; i++) {
        char more[128];
        snprintf(more, sizeof more, "config system global\nset udp-idle-timer %d\nend\n", 100 + i);
        assert_int_equal(commit(b, more, &error), 0);
        for (int k = 0; k < 20; k++) {
            b->control->sweep.next_at = 40; /* here a walk is worth it earlier */
            bench_run(b, b->now_ms);
            while (!helper_idle(b->control->publish.helper))
                helper_nap(b->control->publish.helper);
        }
        uint32_t n = timer_sets_count(sets);
        most = n > most ? n : most;
        const struct timer_set *mine =
            timer_set_get(sets, session_at(&b->dp->sessions, 0)->r.detail);
        assert_int_equal(mine->s[TIMER_UDP], 86000);
        const struct snapshot *s = dataplane_snapshot(b->dp);
        assert_int_equal(timer_set_get(sets, s->timer_set_ids[0])->s[TIMER_UDP], 100 + i);
    }
    print_message("%u sets at most\n", most);
    assert_true(most < 80);
    assert_int_equal(sessions(b), 1);
    text_free(&error);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_go_on_during_a_commit),
        cmocka_unit_test(test_no_commit_inside_a_commit),
        cmocka_unit_test(test_timer_sets_do_not_run_out),
        cmocka_unit_test(test_refusals_come_through),
    };
    eal_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
