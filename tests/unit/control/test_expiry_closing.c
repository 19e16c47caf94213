/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A steady state with closing: 100,000 connections begin and end a second. Each is open for a
 * moment, closes in order or by a reset, and must be out of the table as soon as its timer says so,
 * never by the timer of an established one; no more may ever be there than that comes to. Time is
 * virtual: one round of control in each hundredth of a second, which its budget has to suffice for.
 */
#include "expiry_bench.h"
#include "sessions/tcp.h"

#include <netinet/in.h>
#include <time.h>

#define PER_SECOND 100000u
#define ROUND_MS   10u
#define PER_ROUND  (PER_SECOND / 1000 * ROUND_MS)
#define OPEN_MS    100u /* from the first packet to the last */
#define SECONDS    4u

/* Connections that have begun and not closed, a ring. */
#define OPEN (PER_SECOND / 1000 * OPEN_MS)

/* As the worker does with the segments of a connection. */
static void state_set(struct bench *b, uint32_t index, uint8_t to, uint64_t now_ms)
{
    struct session *s = session_at(&b->sessions, index);
    const struct timer_set *set = timer_set_get(&b->sets, s->r.detail);
    const uint8_t from = s->tcp_state;
    __atomic_store_n(&s->last_seen_ms, (uint32_t)now_ms, __ATOMIC_RELAXED);
    __atomic_store_n(&s->tcp_state, to, __ATOMIC_RELAXED);
    if (session_timer_s(set, IPPROTO_TCP, to) < session_timer_s(set, IPPROTO_TCP, from))
        session_tell(&b->sessions, &b->worker, index);
}

static void connection_close(struct bench *b, uint32_t index, bool reset, uint64_t now_ms)
{
    if (reset) {
        state_set(b, index, TCP_STATE_CLOSE, now_ms);
        return;
    }
    state_set(b, index, TCP_STATE_FIN_WAIT, now_ms);
    state_set(b, index, TCP_STATE_LAST_ACK | 0x10, now_ms);
    state_set(b, index, TCP_STATE_TIME_WAIT, now_ms);
}

static double seconds_of_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * `life_s`: what their timer gives them after the end. Every session has to be gone a tick and two
 * rounds later at most: one for the news, one for the grace period.
 */
static void steady(bool reset, uint32_t life_s)
{
    const uint32_t most = PER_SECOND * life_s + OPEN + PER_ROUND * (100 / ROUND_MS + 3);
    static uint32_t open[OPEN];
    struct bench *b = bench_make_sized(most + most / 8);
    const uint64_t end_ms = (life_s + SECONDS) * 1000;
    uint32_t n = 0;
    double cpu = 0;
    for (uint64_t now_ms = 0; now_ms < end_ms; now_ms += ROUND_MS) {
        for (uint32_t i = 0; i < PER_ROUND; i++, n++) {
            if (n >= OPEN)
                connection_close(b, open[n % OPEN], reset, now_ms);
            open[n % OPEN] = flow_make(b, SET_TCP, IPPROTO_TCP, INDEX_NONE, now_ms);
            state_set(b, open[n % OPEN], TCP_STATE_ESTABLISHED, now_ms);
        }
        rte_rcu_qsbr_quiescent(b->qsbr, 0);
        cpu -= seconds_of_cpu();
        expiry_run(b->expiry, now_ms);
        cpu += seconds_of_cpu();
        assert_in_range(stat_of(b, now_ms).sessions, 0, most);
    }
    print_message("%u connections, %.0f ns of control each\n", n, cpu / n * 1e9);
    for (uint32_t i = 0; i < OPEN; i++)
        connection_close(b, open[i], reset, end_ms);
    for (uint64_t now_ms = end_ms; now_ms <= end_ms + life_s * 1000 + 200; now_ms += ROUND_MS)
        settle(b, now_ms);
    assert_int_equal(stat_of(b, end_ms).sessions, 0);
    assert_int_equal(stat_of(b, end_ms).expired, n);
    assert_int_equal(b->sessions.store.freed, n);
    bench_free(b);
}

static void test_closed_in_order(void **state)
{
    (void)state;
    steady(false, 1);
}

static void test_reset(void **state)
{
    (void)state;
    steady(true, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_in_order),
        cmocka_unit_test(test_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
