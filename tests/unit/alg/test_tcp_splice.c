/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection, segment by segment: splice_rig.h says what is done with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "splice_rig.h"

/* Both sides' first numbers; windows without scale. */
#define ISS0 1000u
#define ISS1 5000u

static struct tcp_fate say(struct middle *m, unsigned dir, uint32_t seq, uint32_t ack,
                           const char *text)
{
    struct tcp_arrival a = {.seq = (dir ? ISS1 : ISS0) + seq,
                            .ack = (dir ? ISS0 : ISS1) + ack,
                            .window = 65535,
                            .flags = TCP_BIT_ACK,
                            .data = slice_str(text)};
    return input(m, dir, &a);
}

static struct tcp_fate flags(struct middle *m, unsigned dir, uint32_t seq, uint32_t ack,
                             uint8_t bits)
{
    struct tcp_arrival a = {.seq = (dir ? ISS1 : ISS0) + seq,
                            .ack = (dir ? ISS0 : ISS1) + ack,
                            .window = 65535,
                            .flags = bits};
    return input(m, dir, &a);
}

static void open_with(struct middle *m, uint16_t window)
{
    middle_init(m);
    syn(m, 0, ISS0, 0, 65535);
    syn(m, 1, ISS1, ISS0 + 1, window);
    flags(m, 0, 1, 1, TCP_BIT_ACK);
    assert_int_equal(m->n_sent, 1); /* the end of the handshake, for the other side */
    assert_int_equal(m->sent[0].dir, 0);
    assert_int_equal(m->sent[0].a.seq, ISS0 + 1);
    assert_int_equal(m->sent[0].a.ack, ISS1 + 1);
    m->n_sent = 0;
}

static void open_plain(struct middle *m)
{
    open_with(m, 65535);
}

/* The next segment the splice sent, which must be this one. */
static void sent(struct middle *m, unsigned i, unsigned dir, uint32_t seq, uint32_t ack,
                 const char *text)
{
    const struct wire_segment *w = &m->sent[i];
    assert_true(i < m->n_sent);
    assert_int_equal(w->dir, dir);
    assert_int_equal(w->a.seq - (dir ? ISS1 : ISS0), seq);
    assert_int_equal(w->a.ack - (dir ? ISS0 : ISS1), ack);
    assert_int_equal(w->a.data.n, strlen(text));
    assert_memory_equal(w->bytes, text, strlen(text));
}

/* One line, edited, acknowledged to one side and delivered to the other. */
static void test_line(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    struct tcp_fate f = say(&m, 0, 1, 1, "hello\n");
    assert_int_equal(f.kind, TCP_FATE_HELD);
    assert_int_equal(m.n_sent, 2);
    sent(&m, 0, 0, 1, 1, "<hello\n>");
    sent(&m, 1, 1, 1, 7, "");
    m.n_sent = 0;
    flags(&m, 1, 1, 9, TCP_BIT_ACK);
    assert_int_equal(m.n_sent, 0);
    assert_int_equal(m.buffers.n_spare, m.buffers.n); /* idle: nothing is held */
    say(&m, 1, 1, 9, "!secret\nback\n");
    sent(&m, 0, 1, 1, 7, "<back\n>");
    sent(&m, 1, 0, 9, 14, "");
    middle_free(&m);
}

/* Parts of lines are acknowledged, and wait. */
static void test_parts(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    say(&m, 0, 1, 1, "abc");
    assert_int_equal(m.n_sent, 1);
    sent(&m, 0, 1, 1, 4, "");
    say(&m, 0, 4, 1, "lo\nwor");
    sent(&m, 1, 0, 1, 1, "<abclo\n>");
    sent(&m, 2, 1, 1, 10, "");
    say(&m, 0, 10, 1, "ld\n");
    sent(&m, 3, 0, 9, 1, "<world\n>");
    middle_free(&m);
}

/* A piece that came too early waits for the one before; of bytes that come twice the first count.
 */
static void test_order(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    say(&m, 0, 4, 1, "def\n");
    sent(&m, 0, 1, 1, 1, ""); /* says what is missing */
    say(&m, 0, 1, 1, "abcXYZ!");
    sent(&m, 1, 0, 1, 1, "<abcdef\n>");
    sent(&m, 2, 1, 1, 8, "");
    m.n_sent = 0;
    say(&m, 0, 1, 1, "other\n");
    assert_int_equal(m.n_sent, 1); /* old bytes: acknowledged, and that is all */
    sent(&m, 0, 1, 1, 8, "");
    middle_free(&m);
}

/* Lost on the far side: the same bytes again after the timeout, twice as late the next time. */
static void test_retransmit(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    say(&m, 0, 1, 1, "hello\n");
    m.n_sent = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t due = tcp_splice_due_ms(&m.sp);
        assert_int_equal(due - m.now_ms, 1000 << i);
        m.now_ms = due;
        assert_true(tcp_splice_timer(&m.sp, &m.buffers, &m.user, m.now_ms));
        sent(&m, (unsigned)i, 0, 1, 1, "<hello\n>");
    }
    flags(&m, 1, 1, 9, TCP_BIT_ACK);
    assert_true(tcp_splice_due_ms(&m.sp) == UINT64_MAX);
    middle_free(&m);
}

/* A side that never answers is given up: both are reset. */
static void test_give_up(void **state)
{
    struct middle m;
    unsigned n = 0;
    (void)state;
    open_plain(&m);
    say(&m, 0, 1, 1, "hello\n");
    uint64_t from = m.now_ms;
    for (;; n++) {
        m.n_sent = 0;
        m.now_ms = tcp_splice_due_ms(&m.sp);
        assert_true(m.now_ms != UINT64_MAX && n < 100);
        if (!tcp_splice_timer(&m.sp, &m.buffers, &m.user, m.now_ms))
            break;
    }
    assert_true(m.now_ms - from >= 100000); /* RFC 9293 3.8.3 */
    assert_int_equal(m.n_sent, 2);
    assert_int_equal(m.sent[0].a.flags & TCP_BIT_RST, TCP_BIT_RST);
    assert_int_equal(m.sent[1].a.flags & TCP_BIT_RST, TCP_BIT_RST);
    assert_int_equal(m.sp.phase, TCP_DEAD);
    m.n_sent = 0;
    assert_int_equal(say(&m, 0, 7, 1, "more\n").kind, TCP_FATE_GONE);
    assert_int_equal(m.sent[0].a.flags, TCP_BIT_RST);
    assert_int_equal(m.sent[0].a.seq, ISS1 + 1);
    middle_free(&m);
}

/* Three duplicate acknowledgements: the first segment again at once. */
static void test_fast_retransmit(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    for (uint32_t i = 0; i < 5; i++)
        say(&m, 0, 1 + i * 4, 1, "abc\n");
    m.n_sent = 0;
    flags(&m, 1, 1, 1, TCP_BIT_ACK);
    flags(&m, 1, 1, 1, TCP_BIT_ACK);
    assert_int_equal(m.n_sent, 0);
    flags(&m, 1, 1, 1, TCP_BIT_ACK);
    assert_int_equal(m.n_sent, 1);
    assert_int_equal(m.sent[0].a.seq, ISS0 + 1);
    assert_true(m.sent[0].a.data.n > 0);
    middle_free(&m);
}

/* FIN goes behind the bytes before it, and the other direction lives on. */
static void test_half_close(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    struct tcp_arrival a = {.seq = ISS0 + 1,
                            .ack = ISS1 + 1,
                            .window = 65535,
                            .flags = TCP_BIT_ACK | TCP_BIT_FIN,
                            .data = SLICE_LIT("bye\n")};
    struct tcp_fate f = input(&m, 0, &a);
    sent(&m, 0, 0, 1, 1, "<bye\n>");
    assert_true(m.sent[0].a.flags & TCP_BIT_FIN);
    sent(&m, 1, 1, 1, 6, "");
    m.n_sent = 0;
    f = flags(&m, 1, 1, 7, TCP_BIT_ACK);
    assert_false(f.settles); /* the bytes, not the FIN */
    f = flags(&m, 1, 1, 8, TCP_BIT_ACK);
    assert_true(f.settles);
    f = say(&m, 1, 1, 8, "still\n");
    sent(&m, 0, 1, 1, 6, "<still\n>");
    f = flags(&m, 0, 6, 9, TCP_BIT_ACK);
    assert_true(f.settles);
    m.n_sent = 0;
    flags(&m, 1, 7, 8, TCP_BIT_ACK | TCP_BIT_FIN);
    assert_true(m.sent[0].a.flags & TCP_BIT_FIN);
    f = flags(&m, 0, 6, 9, TCP_BIT_ACK);
    assert_false(f.settles);
    f = flags(&m, 0, 6, 10, TCP_BIT_ACK);
    assert_true(f.settles);
    m.n_sent = 0;
    flags(&m, 1, 7, 8, TCP_BIT_ACK | TCP_BIT_FIN); /* again: its acknowledgement was lost */
    assert_int_equal(m.n_sent, 1);
    assert_int_equal(m.sent[0].a.ack, ISS1 + 8);
    middle_free(&m);
}

/* Half a line before the end goes too: there is nothing more to come. */
static void test_fin_in_line(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    say(&m, 0, 1, 1, "half");
    flags(&m, 0, 5, 1, TCP_BIT_ACK | TCP_BIT_FIN);
    sent(&m, 1, 0, 1, 1, "<half>");
    assert_true(m.sent[1].a.flags & TCP_BIT_FIN);
    middle_free(&m);
}

/* A reset counts with the very next number; in the window it is challenged; else it is nothing. */
static void test_reset(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    say(&m, 0, 1, 1, "hello\n");
    m.n_sent = 0;
    assert_int_equal(flags(&m, 0, 900000, 1, TCP_BIT_RST).kind, TCP_FATE_STRAY);
    assert_int_equal(m.n_sent, 0);
    assert_int_equal(flags(&m, 0, 9, 1, TCP_BIT_RST).kind, TCP_FATE_STRAY);
    sent(&m, 0, 1, 1, 7, "");
    assert_int_equal(m.sp.phase, TCP_SPLICED);
    struct tcp_fate f = flags(&m, 0, 7, 1, TCP_BIT_RST);
    assert_true(f.settles);
    assert_int_equal(m.n_sent, 2);
    assert_int_equal(m.sent[1].a.flags, TCP_BIT_RST | TCP_BIT_ACK);
    assert_int_equal(m.sent[1].a.seq, ISS0 + 9); /* behind the edited line */
    assert_int_equal(m.sp.phase, TCP_DEAD);
    middle_free(&m);
}

/* A SYN amid the connection is challenged, and so is what was never sent; but not for ever. */
static void test_challenge(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    assert_int_equal(flags(&m, 0, 77, 0, TCP_BIT_SYN).kind, TCP_FATE_STRAY);
    assert_int_equal(m.n_sent, 1);
    for (int i = 0; i < 50; i++)
        assert_int_equal(flags(&m, 0, 1, 500, TCP_BIT_ACK).kind, TCP_FATE_STRAY);
    assert_int_equal(m.n_sent, 1);
    m.now_ms += 200;
    flags(&m, 0, 1, 500, TCP_BIT_ACK);
    assert_int_equal(m.n_sent, 2);
    middle_free(&m);
}

/* A keep-alive is the other side's to answer. */
static void test_keep_alive(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    say(&m, 0, 1, 1, "hello\n");
    flags(&m, 1, 1, 9, TCP_BIT_ACK);
    m.n_sent = 0;
    flags(&m, 0, 6, 1, TCP_BIT_ACK);
    assert_int_equal(m.n_sent, 1);
    sent(&m, 0, 0, 8, 1, "");
    flags(&m, 1, 1, 9, TCP_BIT_ACK);
    assert_int_equal(m.n_sent, 2);
    sent(&m, 1, 1, 1, 7, "");
    flags(&m, 1, 1, 9, TCP_BIT_ACK);
    assert_int_equal(m.n_sent, 2); /* one answer to one question */
    middle_free(&m);
}

static char *line_of(size_t n)
{
    static char text[70000];
    memset(text, 'a', n);
    text[n - 1] = '\n';
    text[n] = '\0';
    return text;
}

/* A receiver that takes one small segment at a time still gets a line longer than its window. */
static void test_small_window(void **state)
{
    struct middle m;
    uint32_t got = 1;
    (void)state;
    open_with(&m, 300);
    char *text = line_of(1000);
    for (uint32_t at = 0; at < 1000; at += 250) {
        char part[251];
        memcpy(part, text + at, 250);
        part[250] = '\0';
        assert_int_equal(say(&m, 0, 1 + at, 1, part).kind, TCP_FATE_HELD);
    }
    while (got < 1003) {
        const struct wire_segment *w = &m.sent[m.n_sent - 1];
        for (unsigned i = 0; i < m.n_sent; i++)
            if (m.sent[i].dir == 0 && m.sent[i].a.data.n)
                w = &m.sent[i];
        assert_int_equal(w->a.seq, ISS0 + got);
        assert_true(w->a.data.n > 0 && w->a.data.n <= 300);
        got += (uint32_t)w->a.data.n;
        m.n_sent = 0;
        struct tcp_arrival a = {
            .seq = ISS1 + 1, .ack = ISS0 + got, .window = 300, .flags = TCP_BIT_ACK};
        input(&m, 1, &a);
    }
    assert_int_equal(got, 1003);
    middle_free(&m);
}

/* A closed window is probed with the byte behind it, for as long as it answers. */
static void test_zero_window(void **state)
{
    struct middle m;
    struct tcp_arrival closed = {.seq = ISS1 + 1, .ack = ISS0 + 1, .flags = TCP_BIT_ACK};
    (void)state;
    open_plain(&m);
    input(&m, 1, &closed);
    say(&m, 0, 1, 1, "hello\n");
    for (unsigned i = 0; i < m.n_sent; i++)
        assert_int_equal(m.sent[i].a.data.n, 0);
    for (int i = 0; i < 40; i++) {
        m.n_sent = 0;
        m.now_ms = tcp_splice_due_ms(&m.sp);
        assert_true(tcp_splice_timer(&m.sp, &m.buffers, &m.user, m.now_ms));
        sent(&m, 0, 0, 1, 1, "<");
        input(&m, 1, &closed);
    }
    m.n_sent = 0;
    closed.window = 1000;
    input(&m, 1, &closed);
    sent(&m, 0, 0, 1, 1, "<hello\n>");
    middle_free(&m);
}

/* A sender is allowed no more than the receiver takes, and hears of it when that changes. */
static void test_window_offered(void **state)
{
    struct middle m;
    struct tcp_arrival a = {.seq = ISS1 + 1, .ack = ISS0 + 1, .window = 2000, .flags = TCP_BIT_ACK};
    (void)state;
    open_with(&m, 2000);
    say(&m, 0, 1, 1, line_of(1000));
    const struct wire_segment *ack = &m.sent[m.n_sent - 1];
    assert_int_equal(ack->dir, 1);
    assert_int_equal(ack->a.ack + ack->a.window, ISS0 + 1 + 2000);
    say(&m, 0, 1001, 1, line_of(998));
    ack = &m.sent[m.n_sent - 1];
    assert_true(ack->a.window <= 2);
    m.n_sent = 0;
    a.ack = m.sp.out[0].max;
    input(&m, 1, &a);
    assert_true(m.n_sent > 0);
    ack = &m.sent[m.n_sent - 1];
    assert_int_equal(ack->dir, 1);
    assert_int_equal(ack->a.window, 1000);
    middle_free(&m);
}

/* Not for us: what came is delivered as it is, and from then on all goes through. */
static void test_leave(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    struct tcp_fate f = say(&m, 0, 1, 1, "X11 here\n");
    assert_int_equal(f.kind, TCP_FATE_HELD);
    assert_int_equal(m.sp.phase, TCP_LEAVING);
    sent(&m, 0, 0, 1, 1, "X11 here\n");
    m.n_sent = 0;
    assert_int_equal(say(&m, 0, 10, 1, "more").kind, TCP_FATE_FORWARD);
    m.now_ms = tcp_splice_due_ms(&m.sp);
    tcp_splice_timer(&m.sp, &m.buffers, &m.user, m.now_ms);
    sent(&m, 0, 0, 1, 1, "X11 here\n"); /* ours to deliver: we acknowledged it */
    assert_int_equal(flags(&m, 1, 1, 10, TCP_BIT_ACK).kind, TCP_FATE_FORWARD);
    assert_int_equal(m.sp.phase, TCP_LEFT);
    assert_int_equal(m.buffers.n_spare, m.buffers.n);
    middle_free(&m);
}

static void test_break(void **state)
{
    struct middle m;
    (void)state;
    open_plain(&m);
    say(&m, 0, 1, 1, "good\n");
    m.n_sent = 0;
    struct tcp_fate f = say(&m, 0, 6, 1, "#bad");
    assert_true(f.broken);
    assert_int_equal(m.n_sent, 2);
    assert_int_equal(m.sent[0].dir, 0);
    assert_int_equal(m.sent[0].a.flags, TCP_BIT_RST | TCP_BIT_ACK);
    assert_int_equal(m.sent[1].dir, 1);
    assert_int_equal(m.sent[1].a.flags, TCP_BIT_RST | TCP_BIT_ACK);
    assert_int_equal(m.sent[1].a.seq, ISS1 + 1);
    middle_free(&m);
}

/* All buffers are taken: nothing is acknowledged that is not held, and later it goes on. */
static void test_no_buffer(void **state)
{
    struct middle m;
    char *taken[8];
    unsigned n = 0;
    (void)state;
    open_plain(&m);
    while ((taken[n] = tcp_buffer_take(&m.buffers, 0)))
        if (++n == 8)
            break;
    assert_int_equal(say(&m, 0, 1, 1, "hello\n").kind, TCP_FATE_FULL);
    sent(&m, 0, 1, 1, 1, "");
    m.n_sent = 0;
    tcp_buffer_give(&m.buffers, taken[--n]); /* there would be none to deliver from */
    assert_int_equal(say(&m, 0, 1, 1, "hello\n").kind, TCP_FATE_FULL);
    tcp_buffer_give(&m.buffers, taken[--n]);
    assert_int_equal(say(&m, 0, 1, 1, "he").kind, TCP_FATE_HELD);
    m.n_sent = 0;
    taken[n++] = tcp_buffer_take(&m.buffers, 0);
    assert_int_equal(say(&m, 0, 3, 1, "llo\n").kind, TCP_FATE_HELD);
    sent(&m, 0, 1, 1, 7, "");
    assert_int_equal(m.n_sent, 1); /* somebody else was faster */
    tcp_buffer_give(&m.buffers, taken[--n]);
    m.now_ms = tcp_splice_due_ms(&m.sp);
    tcp_splice_timer(&m.sp, &m.buffers, &m.user, m.now_ms);
    sent(&m, 1, 0, 1, 1, "<hello\n>");
    while (n > 0)
        tcp_buffer_give(&m.buffers, taken[--n]);
    middle_free(&m);
}

static void test_syn_strip(void **state)
{
    uint8_t options[] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7};
    const uint8_t want[] = {2, 4, 5, 0xb4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 7};
    uint8_t lies[] = {2, 4, 5, 0xb4, 8, 40, 0, 0};
    (void)state;
    assert_true(tcp_syn_strip(options, sizeof options));
    assert_memory_equal(options, want, sizeof want);
    assert_false(tcp_syn_strip(options, sizeof options));
    assert_false(tcp_syn_strip(lies, sizeof lies));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_order),       cmocka_unit_test(test_retransmit),
        cmocka_unit_test(test_give_up),     cmocka_unit_test(test_fast_retransmit),
        cmocka_unit_test(test_half_close),  cmocka_unit_test(test_fin_in_line),
        cmocka_unit_test(test_reset),       cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_keep_alive),  cmocka_unit_test(test_small_window),
        cmocka_unit_test(test_zero_window), cmocka_unit_test(test_window_offered),
        cmocka_unit_test(test_leave),       cmocka_unit_test(test_break),
        cmocka_unit_test(test_no_buffer),   cmocka_unit_test(test_syn_strip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
