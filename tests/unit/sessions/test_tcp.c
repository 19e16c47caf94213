/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections as rows of segments: what each one leads to. */
#include "base/checksum.h"
#include "sessions/tcp.h"
#include "sessions/timeouts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum {
    F = TCP_BIT_FIN,
    S = TCP_BIT_SYN,
    R = TCP_BIT_RST,
    P = TCP_BIT_PSH,
    A = TCP_BIT_ACK,
    U = TCP_BIT_URG,
    PART = 0x100, /* acknowledges only part of what the other side sent */
    NEAR = PART,  /* of a reset: in the window, but not the next number */
    DOUBT = TCP_STATE_CLOSE_WAIT | 0x20,
    OF_REPLY = 0x10,
    O_ACKED = 0x10,
    R_ACKED = 0x20,

    ESTABLISHED = TCP_STATE_ESTABLISHED,
    SYN_SENT = TCP_STATE_SYN_SENT,
    SYN_RECV = TCP_STATE_SYN_RECV,
    FIN_WAIT = TCP_STATE_FIN_WAIT,
    TIME_WAIT = TCP_STATE_TIME_WAIT,
    CLOSE = TCP_STATE_CLOSE,
    CLOSE_WAIT = TCP_STATE_CLOSE_WAIT,
    LAST_ACK = TCP_STATE_LAST_ACK,
    LISTEN = TCP_STATE_LISTEN
};

struct row {
    char from; /* 'o' original side, 'r' reply side; 0 ends the list */
    int flags;
    uint8_t state; /* afterwards */
    enum tcp_verdict verdict;
};

static void play(const struct row *rows)
{
    uint8_t state = TCP_STATE_NONE;
    for (int i = 0; rows[i].from; i++) {
        const struct row *row = &rows[i];
        const struct tcp_step step =
            tcp_track(state, row->from == 'r', (uint8_t)row->flags, !(row->flags & PART));
        if (step.verdict != row->verdict || step.state != row->state)
            fail_msg("row %d: verdict %u, state %02x (%s)", i, step.verdict, step.state,
                     tcp_state_name(step.state));
        assert_int_equal(step.nearer, timer_running(6, state) != timer_running(6, step.state));
        state = step.state;
    }
}

static void open_and_close(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'o', P | A, ESTABLISHED},
                              {'r', P | A, ESTABLISHED},
                              {'o', F | A, FIN_WAIT},
                              {'r', A, CLOSE_WAIT},
                              {'r', P | A, CLOSE_WAIT},
                              {'o', A, CLOSE_WAIT},
                              {'r', F | A, LAST_ACK | O_ACKED},
                              {'o', A, TIME_WAIT},
                              {'r', F | A, TIME_WAIT},
                              {'o', A, TIME_WAIT},
                              {0}});
}

static void reply_side_closes_first(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'r', F | A, FIN_WAIT | OF_REPLY},
                              {'o', A, CLOSE_WAIT | OF_REPLY},
                              {'o', F | A, LAST_ACK | R_ACKED},
                              {'o', F | A, LAST_ACK | R_ACKED},
                              {'r', A | PART, LAST_ACK | R_ACKED},
                              {'r', A, TIME_WAIT},
                              {0}});
}

static void repeated_segments(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', S, SYN_RECV},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'r', S | A, ESTABLISHED},
                              /* one side's FIN, however often, is not the other's */
                              {'o', F | A, FIN_WAIT},
                              {'o', F | A, FIN_WAIT},
                              {'o', A, FIN_WAIT},
                              {'r', A | PART, FIN_WAIT},
                              {'r', A, CLOSE_WAIT},
                              {'o', F | A, CLOSE_WAIT},
                              {'r', A, CLOSE_WAIT},
                              {'r', F | A, LAST_ACK | O_ACKED},
                              {'o', A | PART, LAST_ACK | O_ACKED},
                              {'r', F | A, LAST_ACK | O_ACKED},
                              {'o', A, TIME_WAIT},
                              {0}});
}

static void both_close_at_once(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'o', F | A, FIN_WAIT},
                              {'r', F | A | PART, LAST_ACK},
                              {'o', A | PART, LAST_ACK},
                              {'o', A, LAST_ACK | R_ACKED},
                              {'o', A, LAST_ACK | R_ACKED},
                              {'r', A, TIME_WAIT},
                              {0}});
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'r', F | A, FIN_WAIT | OF_REPLY},
                              {'o', F | A | PART, LAST_ACK},
                              {'r', F | A, LAST_ACK | O_ACKED},
                              {'o', F | A, TIME_WAIT},
                              {0}});
}

static void fin_with_the_other_ones_ack(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', F | P | A, FIN_WAIT},
                              {'r', F | A, LAST_ACK | O_ACKED},
                              {'o', A, TIME_WAIT},
                              {0}});
}

static void both_open_at_once(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S, LISTEN},
                              {'o', S, LISTEN},
                              {'r', S, LISTEN},
                              {'o', S | A, SYN_RECV | 0x10},
                              {'r', S, SYN_RECV | 0x10},
                              {'r', S | A, ESTABLISHED},
                              {'o', A, ESTABLISHED},
                              {0}});
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S, LISTEN},
                              {'r', S | A, SYN_RECV},
                              {'o', S | A, ESTABLISHED},
                              {0}});
}

static void resets(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT}, {'r', R | A, CLOSE}, {'r', R | A, CLOSE}, {0}});
    play((const struct row[]){{'o', S, SYN_SENT}, {'o', R, CLOSE}, {0}});
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', R, CLOSE},
                              {'r', S | A, CLOSE, TCP_STRAY},
                              {0}});
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'r', R | P | A, CLOSE},
                              {'o', A, CLOSE},
                              {'o', F | A, CLOSE},
                              {'r', R, CLOSE},
                              {0}});
}

/* A blind reset that hits the window ends nothing as long as anybody speaks. */
static void resets_in_doubt(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', R | NEAR, SYN_SENT, TCP_STRAY},
                              {'r', S | A, SYN_RECV},
                              {'r', R | NEAR, SYN_RECV, TCP_STRAY},
                              {'o', A, ESTABLISHED},
                              {'r', R | NEAR, DOUBT},
                              {'r', R | NEAR, DOUBT},
                              {'o', A | PART, ESTABLISHED}, /* the challenge ACK */
                              {'r', R | NEAR, DOUBT},
                              {'o', S, DOUBT, TCP_STRAY},
                              {'r', P | A, ESTABLISHED},
                              {'r', R | NEAR, DOUBT},
                              {'o', F | A, FIN_WAIT},
                              {'r', A, CLOSE_WAIT},
                              {'o', R | NEAR, CLOSE_WAIT, TCP_STRAY},
                              {'r', R, CLOSE},
                              {'o', R | NEAR, CLOSE},
                              {0}});
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'r', R | NEAR, DOUBT},
                              {'r', R, CLOSE},
                              {0}});
    /* A FIN waits for its acknowledgement: what was under way is answered by resets. */
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'r', F | A, FIN_WAIT | 0x10},
                              {'r', R | NEAR, CLOSE},
                              {'o', P | A, CLOSE},
                              {0}});
    assert_int_equal(timer_running(6, DOUBT), TIMER_TCP_HALFCLOSE);
}

static void opened_anew(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', F | A, FIN_WAIT},
                              {'r', F | A, LAST_ACK | O_ACKED},
                              {'o', A, TIME_WAIT},
                              {'r', R, TIME_WAIT},
                              {'r', S | A, TIME_WAIT, TCP_STRAY},
                              {'o', S, TIME_WAIT, TCP_REOPEN},
                              {'r', S, TIME_WAIT, TCP_REOPEN},
                              {0}});
    play((const struct row[]){
        {'o', S, SYN_SENT}, {'r', R | A, CLOSE}, {'o', S, CLOSE, TCP_REOPEN}, {0}});
}

/* The peer still holds an older connection: its ACK makes the client reset that one. */
static void older_connection_at_the_peer(void **state)
{
    (void)state;
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', A, SYN_SENT, TCP_STRAY},
                              {'o', R, CLOSE},
                              {'o', S, CLOSE, TCP_REOPEN},
                              {0}});
    /* The client started anew, the session is still established. */
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'r', S | A, SYN_RECV},
                              {'o', A, ESTABLISHED},
                              {'o', S, ESTABLISHED, TCP_STRAY},
                              {'r', A, ESTABLISHED},
                              {'o', R, CLOSE},
                              {0}});
}

static void only_syn_begins(void **state)
{
    (void)state;
    static const int others[] = {A, S | A, F | A, P | A, R, R | A};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        play((const struct row[]){{'o', others[i], TCP_STATE_NONE, TCP_INVALID}, {0}});
    play((const struct row[]){{'r', S, TCP_STATE_NONE, TCP_INVALID}, {0}});
    play((const struct row[]){{'o', S, SYN_SENT},
                              {'o', A, SYN_SENT, TCP_INVALID},
                              {'o', F | A, SYN_SENT, TCP_INVALID},
                              {'o', S | A, SYN_SENT, TCP_INVALID},
                              {'r', F | A, SYN_SENT, TCP_INVALID},
                              {'r', S | A, SYN_RECV},
                              {0}});
}

static void picked_up_midway(void **state)
{
    (void)state;
    static const struct {
        int flags;
        uint8_t verdict, state;
    } rows[] = {
        {S, TCP_PASS, SYN_SENT},
        {A, TCP_PASS, ESTABLISHED},
        {P | A, TCP_PASS, ESTABLISHED},
        {S | A, TCP_PASS, ESTABLISHED},
        {F | A, TCP_PASS, FIN_WAIT},
        {R, TCP_INVALID, TCP_STATE_NONE},
        {0, TCP_INVALID, 0},
        {R | A, TCP_INVALID, 0},
        {F, TCP_INVALID, 0},
        {S | F, TCP_INVALID, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct tcp_step step = tcp_pick_up((uint8_t)rows[i].flags);
        assert_int_equal(step.verdict, rows[i].verdict);
        assert_int_equal(step.state, rows[i].state);
    }
}

static bool flags_exist(int flags)
{
    flags &= F | S | R | A;
    return flags == S || flags == (S | A) || flags == A || flags == (F | A) || flags == R ||
           flags == (R | A);
}

/* Every state that can be reached, with every segment: the rules that hold for all of them. */
static void every_transition(void **state)
{
    (void)state;
    uint8_t states[64] = {TCP_STATE_NONE};
    size_t n = 1;

    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 256 * 4; k++) {
            const int flags = k & 0xff, direction = k >> 8 & 1;
            const struct tcp_step step =
                tcp_track(states[i], (unsigned int)direction, (uint8_t)flags, k >> 9);
            assert_in_range(tcp_state_digit(step.state), 0, 9);
            assert_string_not_equal(tcp_state_name(step.state), "?");
            if (!flags_exist(flags))
                assert_int_equal(step.verdict, TCP_INVALID);
            if (step.verdict != TCP_PASS)
                assert_true(step.state == states[i] && !step.nearer);
            if (step.state == CLOSE && states[i] != CLOSE)
                assert_true(flags & R);
            if ((flags & R) && step.verdict == TCP_PASS)
                assert_true(step.state == CLOSE || step.state == TIME_WAIT || step.state == DOUBT);
            if (step.state != states[i] && step.state == TIME_WAIT)
                assert_int_equal(tcp_state_digit(states[i]), LAST_ACK);
            if (!memchr(states, step.state, n)) {
                assert_in_range(n, 0, sizeof states - 1);
                states[n++] = step.state;
            }
        }
    }
    assert_int_equal(n, 16);
}

/* Lowered, never raised, never added; whatever the options look like. */
static void mss_option(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t n;
        uint16_t most;
        uint8_t after[12];
    } rows[] = {
        {{2, 4, 5, 0xb4}, 4, 1400, {2, 4, 5, 0x78}},
        {{2, 4, 5, 0xb4}, 4, 1460, {2, 4, 5, 0xb4}},
        {{2, 4, 5, 0xb4}, 4, 1461, {2, 4, 5, 0xb4}},
        {{2, 4, 2, 0x18}, 4, 1400, {2, 4, 2, 0x18}},
        {{1, 2, 4, 5, 0xb4, 1}, 6, 1400, {1, 2, 4, 5, 0x78, 1}}, /* at an odd place */
        {{3, 3, 7, 2, 4, 5, 0xb4}, 8, 1400, {3, 3, 7, 2, 4, 5, 0x78}},
        {{0, 2, 4, 5, 0xb4}, 5, 1400, {0, 2, 4, 5, 0xb4}}, /* after the end */
        {{2, 4, 5}, 3, 1400, {2, 4, 5}},                   /* cut */
        {{2, 3, 5, 0xb4}, 4, 1400, {2, 3, 5, 0xb4}},       /* a length that lies */
        {{8, 1, 2, 4, 5, 0xb4}, 6, 1400, {8, 1, 2, 4, 5, 0xb4}},
        {{8}, 1, 1400, {8}},
        {{0}, 0, 1400, {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[12];
        uint64_t delta = 0;
        memcpy(bytes, rows[i].bytes, sizeof bytes);
        const uint16_t before = checksum_fold(checksum_sum(bytes, sizeof bytes));
        tcp_option_mss_clamp(bytes, rows[i].n, rows[i].most, &delta);
        assert_memory_equal(bytes, rows[i].after, sizeof bytes);
        assert_int_equal(checksum_adjust((uint16_t)~before, delta),
                         (uint16_t)~checksum_fold(checksum_sum(bytes, sizeof bytes)));
    }
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(tcp_state_name(TCP_STATE_ESTABLISHED), "ESTABLISHED");
    assert_string_equal(tcp_state_name(LAST_ACK | R_ACKED), "LAST_ACK");
    assert_string_equal(tcp_state_name(LISTEN), "LISTEN");
    assert_string_equal(tcp_state_name(13), "?");
}

static void scale_option(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12];
        size_t n;
        uint8_t scale;
    } rows[] = {
        {{0}, 0, TCP_NO_SCALE},
        {{3, 3, 7}, 3, 7},
        {{2, 4, 5, 0xb4, 1, 3, 3, 9}, 8, 9},
        {{1, 1, 1, 3, 3, 0}, 6, 0},
        {{3, 3, 200}, 3, 14},
        {{0, 3, 3, 7}, 4, TCP_NO_SCALE}, /* after the end */
        {{3, 3}, 2, TCP_NO_SCALE},       /* cut */
        {{3}, 1, TCP_NO_SCALE},
        {{3, 4, 7, 7}, 4, TCP_NO_SCALE},    /* not its length */
        {{8, 0, 3, 3, 7}, 5, TCP_NO_SCALE}, /* a length that goes nowhere */
        {{8, 1, 3, 3, 7}, 5, TCP_NO_SCALE},
        {{8, 20, 3, 3, 7}, 5, TCP_NO_SCALE}, /* a length beyond the end */
        {{1, 1, 1, 1}, 4, TCP_NO_SCALE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(tcp_option_scale(rows[i].bytes, rows[i].n), rows[i].scale);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_and_close),
        cmocka_unit_test(reply_side_closes_first),
        cmocka_unit_test(repeated_segments),
        cmocka_unit_test(both_close_at_once),
        cmocka_unit_test(fin_with_the_other_ones_ack),
        cmocka_unit_test(both_open_at_once),
        cmocka_unit_test(resets),
        cmocka_unit_test(resets_in_doubt),
        cmocka_unit_test(opened_anew),
        cmocka_unit_test(older_connection_at_the_peer),
        cmocka_unit_test(only_syn_begins),
        cmocka_unit_test(picked_up_midway),
        cmocka_unit_test(every_transition),
        cmocka_unit_test(mss_option),
        cmocka_unit_test(names),
        cmocka_unit_test(scale_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
