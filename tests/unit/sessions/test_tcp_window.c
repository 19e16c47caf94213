/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequence windows: rows of segments first, then two small TCP peers that talk through the check
 * over a network that loses, repeats and reorders. Nothing they send may be outside.
 */
#include "base/rng.h"
#include "sessions/tcp_window.h"

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

/* A session as far as TCP goes, passing segments as a worker does. */
struct middle {
    uint64_t edge[2];
    uint8_t said[2], state;
    enum tcp_window_mode mode;
};

/* False when the window or the state drops it. */
static bool middle_pass(struct middle *m, unsigned int direction, const struct tcp_segment *seg)
{
    const struct tcp_window w = {m->edge, m->said};
    const struct tcp_window_result r = tcp_window_check(w, m->state, direction, seg, m->mode);
    assert_true(r.inside || !r.settles);
    if (!r.inside)
        return false;
    const struct tcp_step step = tcp_track(m->state, direction, seg->flags, r.settles);
    m->state = step.state;
    return step.verdict == TCP_PASS || step.verdict == TCP_STRAY;
}

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
                                     {'o', 1, F | A, 1100, 1002000, 0, 10},
                                     {'r', 1, R, 5, 0, 0, 0},
                                     {0}});
    assert_int_equal(m.state, TCP_STATE_FIN_WAIT);
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

/* ---- two peers ---- */

#define FLYING_MAX 4096
#define MSS        1460u

/* Positions count from the SYN: 0 is the SYN, 1..total the data, total + 1 the FIN. */
struct peer {
    uint32_t iss, total, buffer;
    uint8_t scale; /* offered */
    bool active;   /* sends SYN unasked */
    uint32_t una, nxt, limit;
    uint64_t progress_ms;
    bool synced; /* has the other's SYN */
    uint32_t other_iss, rcv_nxt, taken, edge;
    uint8_t other_scale, *got;
};

struct flying {
    uint64_t at_ms;
    struct tcp_segment seg;
    uint8_t from;
    bool passed; /* the middle */
};

struct net {
    struct peer peers[2];
    struct middle middle;
    struct rng rng;
    uint64_t now_ms;
    uint32_t n, loss; /* segments flying; lost in a thousand, on each leg */
    uint32_t passed;
    struct flying flying[FLYING_MAX];
};

static void net_put(struct net *net, unsigned int from, const struct tcp_segment *seg, bool passed)
{
    const uint32_t copies = rng_below(&net->rng, 100) == 0 ? 2 : 1;
    for (uint32_t i = 0; i < copies && net->n < FLYING_MAX; i++)
        if (rng_below(&net->rng, 1000) >= net->loss)
            net->flying[net->n++] = (struct flying){net->now_ms + 10 + rng_below(&net->rng, 12),
                                                    *seg, (uint8_t)from, passed};
}

static bool peer_scales(const struct peer *p)
{
    return p->scale != NO && p->other_scale != NO;
}

/* Send `len` bytes from position `pos`, with SYN or FIN where the position says so. */
static void peer_send(struct net *net, unsigned int who, uint32_t pos, uint32_t len)
{
    struct peer *p = &net->peers[who];
    struct tcp_segment seg = {.seq = p->iss + pos, .scale = p->scale};

    if (pos == 0)
        seg.flags = S;
    else if (len && pos + len == p->total + 2) {
        seg.flags = F;
        len--;
    }
    seg.len = pos ? len : 0;
    if (p->synced) {
        const uint32_t free_to = p->taken + p->buffer + 1;
        p->edge = free_to > p->edge ? free_to : p->edge;
        uint32_t window = p->edge - p->rcv_nxt;
        if (pos && peer_scales(p))
            window >>= p->scale;
        seg.flags |= A;
        seg.ack = p->other_iss + p->rcv_nxt;
        seg.window = (uint16_t)(window < 65535 ? window : 65535);
    } else {
        seg.window = (uint16_t)(p->buffer < 65535 ? p->buffer : 65535);
    }
    const uint32_t end = pos + seg.len + (seg.flags & S ? 1 : 0) + (seg.flags & F ? 1 : 0);
    p->nxt = end > p->nxt ? end : p->nxt;
    net_put(net, who, &seg, false);
}

static void peer_take_data(struct peer *p, const struct peer *other, const struct tcp_segment *seg)
{
    const uint32_t from = seg->seq - p->other_iss, end = from + seg->len;
    for (uint32_t pos = from; (int32_t)(end - pos) > 0; pos++)
        if (pos >= p->rcv_nxt && pos < p->taken + p->buffer + 1 && pos <= other->total)
            p->got[pos] = 1;
    if (seg->flags & F)
        p->got[end] = 1;
    while (p->rcv_nxt < other->total + 2 && p->got[p->rcv_nxt])
        p->rcv_nxt++;
}

static void peer_receive(struct net *net, unsigned int who, const struct tcp_segment *seg)
{
    struct peer *p = &net->peers[who];
    const bool in_order = p->synced && seg->seq == p->other_iss + p->rcv_nxt;

    if (seg->flags & S) {
        p->synced = true;
        p->other_iss = seg->seq;
        p->other_scale = seg->scale;
        if (p->rcv_nxt == 0)
            p->rcv_nxt = 1;
    }
    if (!p->synced)
        return;
    if (seg->flags & A) {
        const uint32_t ack = seg->ack - p->iss;
        const uint32_t limit =
            ack +
            ((uint32_t)seg->window << (!(seg->flags & S) && peer_scales(p) ? p->other_scale : 0));
        assert_true(ack <= p->nxt);
        if (ack > p->una || limit > p->limit)
            p->progress_ms = net->now_ms;
        p->una = ack > p->una ? ack : p->una;
        p->limit = limit > p->limit ? limit : p->limit;
    }
    peer_take_data(p, &net->peers[!who], seg);
    if (p->una == 0)
        peer_send(net, who, 0, 0);
    else if (seg->len || (seg->flags & (S | F)) || !in_order)
        peer_send(net, who, p->nxt, 0);
}

/* What is due by itself: the SYN, new data, a retransmission, probes and keep-alives. */
static void peer_step(struct net *net, unsigned int who)
{
    struct peer *p = &net->peers[who];
    const uint32_t last = p->total + 2; /* after the FIN */
    const bool late = net->now_ms - p->progress_ms > 150;

    if (p->rcv_nxt > p->taken + 1 && rng_below(&net->rng, 4) == 0) {
        p->taken += rng_below(&net->rng, p->rcv_nxt - p->taken);
        if (p->una && rng_below(&net->rng, 4) == 0)
            peer_send(net, who, p->nxt, 0); /* window update */
    }
    if (p->una == 0) {
        if (p->active && (p->nxt == 0 || late)) {
            p->progress_ms = net->now_ms;
            peer_send(net, who, 0, 0);
        }
        return;
    }
    while (p->synced && p->nxt < last && p->nxt < p->limit) {
        uint32_t len = 1 + rng_below(&net->rng, MSS);
        len = len < last - p->nxt ? len : last - p->nxt;
        peer_send(net, who, p->nxt, len < p->limit - p->nxt ? len : p->limit - p->nxt);
    }
    if (!late)
        return;
    p->progress_ms = net->now_ms;
    if (p->una < p->nxt)
        peer_send(net, who, p->una, p->nxt - p->una < MSS ? p->nxt - p->una : MSS);
    else if (p->nxt < last && rng_below(&net->rng, 2))
        peer_send(net, who, p->nxt, 1); /* window probe */
    else
        peer_send(net, who, p->nxt - 1, 0); /* keep-alive */
}

/* A segment reaches the middle or its peer. */
static void net_arrive(struct net *net, const struct flying *f)
{
    if (f->passed) {
        peer_receive(net, !f->from, &f->seg);
        return;
    }
    if (!middle_pass(&net->middle, f->from, &f->seg))
        fail_msg("dropped: from %u flags %02x seq +%u ack +%u len %u in %s", f->from, f->seg.flags,
                 f->seg.seq - net->peers[f->from].iss, f->seg.ack - net->peers[!f->from].iss,
                 f->seg.len, tcp_state_name(net->middle.state));
    if (net->middle.state == TCP_STATE_TIME_WAIT)
        for (int i = 0; i < 2; i++)
            assert_int_equal(net->peers[i].rcv_nxt, net->peers[!i].total + 2);
    net->passed++;
    net_put(net, f->from, &f->seg, true);
}

static void net_step(struct net *net)
{
    net->now_ms++;
    for (uint32_t i = 0; i < net->n;) {
        if (net->flying[i].at_ms > net->now_ms) {
            i++;
            continue;
        }
        const struct flying f = net->flying[i];
        net->flying[i] = net->flying[--net->n];
        net_arrive(net, &f);
    }
    peer_step(net, 0);
    peer_step(net, 1);
}

/* Random segments of strangers: how many of a thousand are inside. */
static uint32_t strangers_inside(const struct net *net, struct rng *rng)
{
    uint32_t inside = 0;
    for (int i = 0; i < 1000; i++) {
        static const uint8_t flags[] = {A, F | A, R, R | A};
        struct middle copy = net->middle;
        const struct tcp_segment seg = {.seq = (uint32_t)rng_next(rng),
                                        .ack = (uint32_t)rng_next(rng),
                                        .len = rng_below(rng, MSS),
                                        .window = (uint16_t)rng_next(rng),
                                        .flags = flags[i % 4]};
        inside += middle_pass(&copy, i >> 2 & 1, &seg);
    }
    return inside;
}

static void peer_init(struct net *net, unsigned int who, uint64_t seed)
{
    static const uint8_t scales[] = {NO, 0, 2, 5};
    struct peer *p = &net->peers[who];
    p->iss =
        rng_below(&net->rng, 2) ? 0u - rng_below(&net->rng, 50000) : (uint32_t)rng_next(&net->rng);
    p->total = rng_below(&net->rng, seed % 3 == 0 ? 3000 : 150000);
    p->scale = scales[rng_below(&net->rng, 4)];
    p->buffer = 2000 + rng_below(&net->rng, p->scale == NO ? 60000 : 100000);
    p->active = who == 0 || seed % 5 == 0;
    p->other_scale = NO;
}

static void conversations(void **state)
{
    (void)state;
    struct net *net = malloc(sizeof *net);
    uint32_t passed = 0, inside = 0;

    assert_non_null(net);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        memset(net, 0, sizeof *net);
        net->rng.state = seed;
        net->loss = (uint32_t)(seed % 4) * 30;
        for (unsigned int i = 0; i < 2; i++)
            peer_init(net, i, seed);
        for (int i = 0; i < 2; i++) {
            net->peers[i].got = calloc(net->peers[!i].total + 3, 1);
            assert_non_null(net->peers[i].got);
        }
        struct rng strange = {seed};
        while (net->peers[0].una < net->peers[0].total + 2 ||
               net->peers[1].una < net->peers[1].total + 2) {
            net_step(net);
            assert_true(net->now_ms < 600000);
            if (net->now_ms % 1000 == 500 && net->middle.state == TCP_STATE_ESTABLISHED)
                inside += strangers_inside(net, &strange);
        }
        assert_int_equal(net->middle.state, TCP_STATE_TIME_WAIT);
        passed += net->passed;
        free(net->peers[0].got);
        free(net->peers[1].got);
    }
    assert_true(passed > 5000);
    assert_in_range(inside, 0, 40);
    free(net);
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
        cmocka_unit_test(conversations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
