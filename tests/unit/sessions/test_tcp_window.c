/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence windows: rows of segments, and several threads. */
#include "middle.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    F = TCP_BIT_FIN,
    S = TCP_BIT_SYN,
    R = TCP_BIT_RST,
    A = TCP_BIT_ACK,
    NO = TCP_NO_SCALE
};

struct row {
    char from; /* 'o', 'r'; 0 ends the list */
    bool passes;
    int flags;
    uint32_t seq, ack, len; /* ack and seq as they are: o starts at 1000, r at 5000 */
    uint16_t window;
    uint8_t scale;
};

static void play_on(struct middle *m, const struct row *rows)
{
    for (int i = 0; rows[i].from; i++) {
        const struct tcp_segment seg = {
            rows[i].seq,  rows[i].ack, rows[i].len, rows[i].window, (uint8_t)rows[i].flags,
            rows[i].scale};
        if (middle_pass(m, rows[i].from == 'r', &seg) != rows[i].passes)
            fail_msg("row %d: should %s", i, rows[i].passes ? "pass" : "be dropped");
    }
}

/* After the handshake: o at 1001, r at 5001, windows of 64000 and 32000 bytes. */
static struct middle middle_open(uint8_t scale_o, uint8_t scale_r)
{
    struct middle m = {0};
    play_on(&m, (const struct row[]){{'o', 1, S, 1000, 0, 0, 64000, scale_o},
                                     {'r', 1, S | A, 5000, 1001, 0, 32000, scale_r},
                                     {'o', 1, A, 1001, 5001, 0, 64000},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_ESTABLISHED);
    return m;
}

static void data_within_the_window(void **state)
{
    (void)state;
    struct middle m = middle_open(NO, NO);
    play_on(&m, (const struct row[]){
                    {'o', 1, A, 1001, 5001, 1460, 64000},
                    {'o', 1, A, 2461, 5001, 1460, 64000},
                    {'o', 1, A, 33001, 5001, 1, 64000}, /* the last byte allowed: 1001 + 32000 */
                    {'o', 1, A, 33002, 5001, 0, 64000}, /* window probe */
                    {'o', 0, A, 33003, 5001, 1, 64000}, /* beyond */
                    {'o', 0, A, 1000000, 5001, 0, 64000},
                    {'o', 1, A, 1001, 5001, 1460, 64000}, /* again */
                    {'o', 1, A, 1000, 5001, 0, 64000},    /* keep-alive */
                    {'o', 1, A, 1000, 5001, 1, 64000},    /* keep-alive with a byte */
                    {'r', 1, A, 5001, 2461, 0, 32000},
                    {'r', 1, A, 5001, 33002, 0, 0},     /* window closed */
                    {'r', 0, A, 5001, 33003, 0, 32000}, /* never sent */
                    {'o', 1, A, 34461, 5001, 1, 64000}, /* what an earlier window allowed */
                    {'o', 0, A, 34463, 5001, 1, 64000},
                    {0}});
}

static void acknowledgements(void **state)
{
    (void)state;
    struct middle m = middle_open(NO, NO);
    play_on(&m,
            (const struct row[]){{'r', 1, A, 5001, 1001, 40000, 32000},
                                 {'o', 1, A, 1001, 45001, 0, 64000},
                                 {'o', 0, A, 1001, 45002, 0, 64000}, /* of nothing that was sent */
                                 {'o', 1, A, 1001, 5001, 0, 64000},  /* overtaken by a later one */
                                 {'r', 1, A, 45001, 1001, 60000, 32000},
                                 {'o', 0, A, 1001, 5001, 0, 64000}, /* older than any window */
                                 {'o', 0, A, 1001, 0x80005001, 0, 64000},
                                 {0}});
}

/* Each side's factor counts only if both offered one, and not for a SYN's own window. */
static void scale_factors(void **state)
{
    (void)state;
    struct middle m = middle_open(3, 7);
    play_on(&m, (const struct row[]){
                    {'o', 0, A, 33003, 5001, 1, 64000}, /* the SYN+ACK's 32000 is not scaled */
                    {'r', 1, A, 5001, 1001, 0, 1000},
                    {'o', 1, A, 129001, 5001, 0, 64000}, /* 1001 + 1000 * 128 */
                    {'o', 0, A, 129003, 5001, 0, 64000},
                    {'r', 1, A, 517001, 1001, 1, 1000}, /* 5001 + 64000 * 8 */
                    {'r', 0, A, 517003, 1001, 1, 1000},
                    {0}});
    for (int k = 0; k < 2; k++) {
        m = middle_open(k ? 3 : NO, k ? NO : 7);
        play_on(&m, (const struct row[]){{'r', 1, A, 5001, 1001, 0, 32000},
                                         {'o', 0, A, 33003, 5001, 1, 64000},
                                         {'r', 1, A, 69001, 1001, 1, 32000},
                                         {'r', 0, A, 69003, 1001, 1, 32000},
                                         {0}});
    }
}

static void numbers_wrap(void **state)
{
    (void)state;
    struct middle m = {0};
    play_on(&m, (const struct row[]){{'o', 1, S, 0xffffff00, 0, 0, 64000, NO},
                                     {'r', 1, S | A, 0xffffffff, 0xffffff01, 0, 32000, NO},
                                     {'o', 1, A, 0xffffff01, 0, 0, 64000},
                                     {'o', 1, A, 0xffffff01, 0, 1460, 64000},
                                     {'r', 1, A, 0, 1205, 500, 32000},
                                     {'r', 0, A, 0, 1206, 500, 32000},
                                     {'o', 1, A, 1205, 500, 0, 64000},
                                     {'o', 1, A, 0xffffff01, 0, 1460, 64000},
                                     {'o', 0, A, 33206 + 2, 500, 1, 64000},
                                     {0}});
}

static void resets(void **state)
{
    (void)state;
    struct middle m = {0};
    play_on(&m, (const struct row[]){{'o', 1, S, 1000, 0, 0, 64000, NO},
                                     {'r', 0, R | A, 0, 1000, 0, 0}, /* of another SYN */
                                     {'r', 0, R, 0, 0, 0, 0},
                                     {'r', 1, R | A, 0, 1001, 0, 0},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_CLOSE);

    m = middle_open(NO, NO);
    play_on(&m, (const struct row[]){{'r', 0, R, 5001 + 64002, 0, 0, 0},
                                     {'r', 0, R, 0x90000000, 0, 0, 0},
                                     {'o', 0, R | A, 33003, 5001, 0, 0},
                                     {'o', 1, R, 1001, 0, 0, 0},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_CLOSE);

    /* In the window, but not the next number: RFC 5961 3.2. The peer's challenge ACK makes the
     * other side reset for good, if it is the one that did. */
    m = middle_open(NO, NO);
    play_on(&m, (const struct row[]){{'r', 1, A, 5001, 1001, 1000, 32000},
                                     {'r', 1, R, 5001, 0, 0, 0},
                                     {'r', 1, R, 6002, 0, 0, 0},
                                     {0}});
    assert_int_equal(tcp_state_digit(m.state), TCP_STATE_CLOSE_WAIT);
    play_on(&m, (const struct row[]){{'o', 1, A, 1001, 5001, 0, 64000}, {0}});
    assert_int_equal(m.state, TCP_STATE_ESTABLISHED);
    play_on(&m, (const struct row[]){{'r', 1, R, 6001, 0, 0, 0}, {0}});
    assert_int_equal(m.state, TCP_STATE_CLOSE);

    /* Not judged: any reset will do. */
    m = middle_open(NO, NO);
    m.mode = TCP_WINDOW_OFF;
    play_on(&m, (const struct row[]){{'r', 1, A, 0x70000000, 0x70000000, 0, 1},
                                     {'r', 1, R, 0x90000000, 0, 0, 0},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_CLOSE);

    /* A peer that remembers an older connection: the ACK strays, the client resets. */
    m = (struct middle){0};
    play_on(&m, (const struct row[]){{'o', 1, S, 1000, 0, 0, 64000, NO},
                                     {'r', 1, A, 777777, 888888, 0, 32000},
                                     {'o', 1, R, 888888, 0, 0, 0},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_CLOSE);
}

static void handshakes(void **state)
{
    (void)state;
    struct middle m = {0};
    /* Another try from another number, an answer to nothing, data with the SYN that is not taken.
     */
    play_on(&m, (const struct row[]){{'o', 1, S, 1000, 0, 0, 64000, NO},
                                     {'o', 1, S, 700000, 0, 1000, 64000, NO},
                                     {'r', 0, S | A, 5000, 1001, 0, 32000, NO},
                                     {'r', 0, S | A, 5000, 701002, 0, 32000, NO},
                                     {'r', 1, S | A, 5000, 700001, 0, 32000, NO},
                                     {'r', 1, S | A, 5000, 700001, 0, 32000, NO},
                                     {'o', 0, S, 1000, 0, 0, 64000, NO},
                                     {'o', 1, S, 700000, 0, 0, 64000, NO},
                                     {'o', 1, A, 700001, 5001, 1000, 64000},
                                     {'r', 1, S | A, 5000, 700001, 0, 32000, NO},
                                     {'o', 1, S, 123456, 0, 0, 64000, NO}, /* stray */
                                     {'o', 1, A, 701001, 5001, 1000, 64000},
                                     {0}});
    /* Both at once. */
    m = (struct middle){0};
    play_on(&m, (const struct row[]){{'o', 1, S, 1000, 0, 0, 64000, 2},
                                     {'r', 1, S, 5000, 0, 0, 32000, 2},
                                     {'o', 1, S | A, 1000, 5001, 0, 64000, 2},
                                     {'r', 1, S | A, 5000, 1001, 0, 32000, 2},
                                     {'o', 1, A, 1001, 5001, 1000, 64000},
                                     {'r', 1, A, 5001, 2001, 1000, 32000},
                                     {'o', 0, A, 1001, 6002, 1000, 64000},
                                     {'o', 1, A, 2001 + 128000, 6001, 1, 64000},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_ESTABLISHED);
}

/* A FIN is acknowledged by the number after it and not by any ACK. */
static void closing(void **state)
{
    (void)state;
    struct middle m = middle_open(NO, NO);
    play_on(&m, (const struct row[]){{'o', 1, A, 1001, 5001, 100, 64000},
                                     {'o', 1, F | A, 1101, 5001, 0, 64000},
                                     {'r', 1, A, 5001, 1101, 0, 32000},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_FIN_WAIT);
    play_on(&m, (const struct row[]){{'r', 1, A, 5001, 1102, 1000, 32000}, {0}});
    assert_int_equal(m.state, TCP_STATE_CLOSE_WAIT);
    play_on(&m, (const struct row[]){{'r', 1, F | A, 6001, 1102, 0, 32000},
                                     {'o', 1, A, 1102, 6001, 0, 64000},
                                     {'r', 1, A, 5001, 1102, 1000, 32000},
                                     {0}});
    assert_int_equal(tcp_state_digit(m.state), TCP_STATE_LAST_ACK);
    play_on(&m, (const struct row[]){{'o', 1, A, 1102, 6002, 0, 64000}, {0}});
    assert_int_equal(m.state, TCP_STATE_TIME_WAIT);
}

static void picked_up_midway(void **state)
{
    (void)state;
    struct middle m = {.state = tcp_pick_up(A).state};
    play_on(&m, (const struct row[]){{'o', 1, A, 1000, 2000, 100, 10},
                                     {'r', 1, A, 2000, 1100, 1000000, 10},
                                     {'r', 1, A, 90000000, 1100, 0, 10},
                                     {'r', 1, R, 5, 0, 0, 0},
                                     {0}});
    assert_int_equal(tcp_state_digit(m.state), TCP_STATE_CLOSE_WAIT); /* in doubt */
    play_on(&m, (const struct row[]){{'r', 1, R, 90000000, 0, 0, 0}, {0}});
    assert_int_equal(m.state, TCP_STATE_CLOSE);
    m = (struct middle){0};
    const struct tcp_window w = {m.edge, m.said};
    const struct tcp_segment answer = {5000, 1001, 0, 10, S | A, 7};
    assert_true(tcp_window_check(w, m.state, 0, &answer, TCP_WINDOW_STRICT).inside);
    m.state = tcp_pick_up(S | A).state;
    play_on(&m, (const struct row[]){{'r', 1, A, 1001, 5001, 100000, 10}, {0}});
}

static void loose_has_more_room(void **state)
{
    (void)state;
    struct middle m = middle_open(NO, NO);
    play_on(&m, (const struct row[]){{'o', 0, A, 33003, 5001, 1, 64000}, {0}});
    m.mode = TCP_WINDOW_LOOSE;
    play_on(&m, (const struct row[]){{'o', 1, A, 33003, 5001, 1, 64000},
                                     {'o', 0, A, 0x10000000, 5001, 1, 64000},
                                     {'r', 0, A, 5001, 0x10000000, 0, 32000},
                                     {'o', 0, R, 0x10000000, 0, 0, 0},
                                     {0}});
    m = middle_open(14, 14); /* the widest there is: bounds must not run into each other */
    m.mode = TCP_WINDOW_LOOSE;
    play_on(&m, (const struct row[]){{'r', 1, A, 5001, 1001, 0, 65535},
                                     {'o', 1, A, 0x3fff0000, 5001, 0, 65535},
                                     {'o', 1, A, 1001, 5001, 0, 65535},
                                     {'r', 1, A, 5001, 0x3fff0000, 0, 65535},
                                     {0}});
}

/* What an ICMP error may quote: sent, and not so long ago that it must be acknowledged. */
static void quoted(void **state)
{
    (void)state;
    struct middle m = {0};
    const struct tcp_window w = {m.edge, m.said};
    assert_true(tcp_window_sent(w, 0, 77, TCP_WINDOW_STRICT)); /* nothing known */
    play_on(&m, (const struct row[]){{'o', 1, S, 1000, 0, 0, 64000, NO}, {0}});
    assert_true(tcp_window_sent(w, 0, 1000, TCP_WINDOW_STRICT));
    assert_false(tcp_window_sent(w, 0, 1002, TCP_WINDOW_STRICT));
    assert_false(tcp_window_sent(w, 0, 0x81001000, TCP_WINDOW_STRICT));
    play_on(&m, (const struct row[]){{'r', 1, S | A, 5000, 1001, 0, 32000, NO},
                                     {'o', 1, A, 1001, 5001, 1000, 64000},
                                     {0}});
    assert_true(tcp_window_sent(w, 0, 1001, TCP_WINDOW_STRICT));
    assert_true(tcp_window_sent(w, 0, 2001, TCP_WINDOW_STRICT));
    assert_false(tcp_window_sent(w, 0, 2002, TCP_WINDOW_STRICT));
    assert_false(tcp_window_sent(w, 0, 2001 - 65537, TCP_WINDOW_STRICT));
    assert_true(tcp_window_sent(w, 0, 2001 - 65537, TCP_WINDOW_LOOSE));
    assert_true(tcp_window_sent(w, 0, 0x81001000, TCP_WINDOW_OFF));
    assert_true(tcp_window_sent(w, 1, 5001, TCP_WINDOW_STRICT));
    assert_false(tcp_window_sent(w, 1, 5002, TCP_WINDOW_STRICT));
}

/* ---- several threads ---- */

#define THREADS 4
#define NUMBERS 20000u

struct raiser {
    struct middle *m;
    uint32_t first;
    bool all_inside;
};

/* Every THREADS-th acknowledgement and byte of the original side, all of them in the window. */
static void *raise_edges(void *arg)
{
    struct raiser *raiser = arg;
    const struct tcp_window w = {raiser->m->edge, raiser->m->said};
    raiser->all_inside = true;
    for (uint32_t i = raiser->first; i < NUMBERS; i += THREADS) {
        const struct tcp_segment seg = {1001 + i, 5001 + i, 1, 64000, A, 0};
        if (!tcp_window_check(w, TCP_STATE_ESTABLISHED, 0, &seg, TCP_WINDOW_STRICT).inside)
            raiser->all_inside = false;
    }
    return NULL;
}

/* Whatever the order, the highest edges stay. */
static void many_threads(void **state)
{
    (void)state;
    struct middle m = middle_open(NO, NO);
    struct raiser raisers[THREADS];
    pthread_t threads[THREADS];

    play_on(&m, (const struct row[]){{'r', 1, A, 5001, 1001, 30000, 32000}, {0}});
    for (uint32_t i = 0; i < THREADS; i++) {
        raisers[i] = (struct raiser){&m, i, false};
        assert_int_equal(pthread_create(&threads[i], NULL, raise_edges, &raisers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(raisers[i].all_inside);
    }
    assert_int_equal((uint32_t)m.edge[0], 1001 + NUMBERS);
    assert_int_equal(m.edge[0] >> 32, 5001 + NUMBERS - 1 + 64000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_within_the_window),
        cmocka_unit_test(acknowledgements),
        cmocka_unit_test(scale_factors),
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(resets),
        cmocka_unit_test(handshakes),
        cmocka_unit_test(closing),
        cmocka_unit_test(picked_up_midway),
        cmocka_unit_test(loose_has_more_room),
        cmocka_unit_test(quoted),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
