/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is delivered must be what a twin makes of the bytes that were sent, however they are cut,
 * lost, doubled or mixed; and whatever comes, nothing is held afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "splice_rig.h"

struct end {
    const char *text; /* what it says */
    uint32_t n;
    uint32_t iss, una, next, edge; /* una, next: how many bytes */
    uint32_t irs, got;             /* how many bytes came, in order */
    char *heard;
    uint32_t window;
    unsigned idle;
    bool fin_sent, fin_heard, fin_acked;
};

struct net {
    struct middle m;
    struct end end[2];
    struct wire_segment *to_middle[WIRE_MAX];
    unsigned n;
    struct rng rng;
    unsigned loss; /* of 100 */
};

static unsigned dice(struct net *w, unsigned sides)
{
    return (unsigned)(rng_next(&w->rng) % sides);
}

static void end_send(struct net *w, unsigned side, uint32_t from, uint32_t n, bool fin)
{
    struct end *e = &w->end[side];
    struct wire_segment g = {.dir = side,
                             .a = {.seq = e->iss + 1 + from,
                                   .ack = e->irs + 1 + e->got + e->fin_heard,
                                   .window = (uint16_t)e->window,
                                   .flags = (uint8_t)(TCP_BIT_ACK | (fin ? TCP_BIT_FIN : 0))}};
    memcpy(g.bytes, e->text + from, n);
    g.a.data.n = n;
    if (dice(w, 100) < w->loss || w->n == WIRE_MAX)
        return;
    unsigned copies = 1 + (dice(w, 100) < w->loss);
    while (copies-- > 0 && w->n < WIRE_MAX) {
        w->to_middle[w->n] = malloc(sizeof g);
        *w->to_middle[w->n++] = g;
    }
}

/* It says something new, or after a while without progress everything again. */
static void end_turn(struct net *w, unsigned side)
{
    struct end *e = &w->end[side];
    if (e->idle++ > 30) {
        e->next = e->una;
        e->fin_sent = false;
        e->idle = 0;
    }
    uint32_t edge = e->edge - (e->iss + 1);
    uint32_t n = e->n - e->next, may = (int32_t)(edge - e->next) > 0 ? edge - e->next : 0;
    n = n < may ? n : may;
    if (n > 1)
        n = 1 + dice(w, n < 1400 ? n : 1400);
    if (n == 0 && e->next < e->n && e->idle == 30)
        n = 1; /* a probe */
    bool fin = e->next + n == e->n && !e->fin_acked && !e->fin_sent;
    if (n == 0 && !fin)
        return;
    end_send(w, side, e->next, n, fin);
    e->next += n;
    e->fin_sent = e->fin_sent || fin;
}

static void end_hear(struct net *w, unsigned side, const struct wire_segment *g)
{
    struct end *e = &w->end[side];
    assert_false(g->a.flags & TCP_BIT_RST);
    uint32_t acked = g->a.ack - (e->iss + 1);
    if (acked <= e->n + 1 && acked >= e->una) {
        if (acked > e->una || e->next > e->una)
            e->idle = acked > e->una ? 0 : e->idle;
        e->fin_acked |= acked == e->n + 1;
        e->una = acked > e->n ? e->n : acked;
        if (e->next < e->una)
            e->next = e->una;
        if ((int32_t)(g->a.ack + g->a.window - e->edge) > 0)
            e->edge = g->a.ack + g->a.window;
    }
    uint32_t at = g->a.seq - (e->irs + 1), n = (uint32_t)g->a.data.n;
    if (at <= e->got && at + n >= e->got && n) {
        uint32_t room = e->window, fresh = at + n - e->got;
        fresh = fresh < room ? fresh : room;
        memcpy(e->heard + e->got, g->bytes + (e->got - at), fresh);
        e->got += fresh;
    }
    if (g->a.flags & TCP_BIT_FIN && at + n == e->got)
        e->fin_heard = true;
    if (n || g->a.flags & TCP_BIT_FIN)
        end_send(w, side, e->next, 0, false);
}

/* What becomes of a text on its way. */
static uint32_t twin(const char *text, uint32_t n, char *out)
{
    uint32_t made = 0;
    for (uint32_t at = 0; at < n;) {
        uint32_t line = (uint32_t)slice_find(slice_of(text + at, n - at), '\n');
        line += at + line < n;
        if (text[at] != '!') {
            out[made++] = '<';
            memcpy(out + made, text + at, line);
            made += line;
            out[made++] = '>';
        }
        at += line;
    }
    return made;
}

static char *random_text(struct net *w, uint32_t n)
{
    char *text = malloc(n);
    for (uint32_t i = 0; i < n; i++)
        text[i] = dice(w, 60) == 0 ? '\n' : dice(w, 90) == 0 ? '!' : (char)('a' + dice(w, 26));
    return text;
}

static void net_step(struct net *w)
{
    struct middle *m = &w->m;
    m->now_ms += 5;
    end_turn(w, dice(w, 2));
    if (w->n && dice(w, 3)) {
        /* Mostly in order. */
        unsigned i = w->loss && dice(w, 4) == 0 ? dice(w, w->n) : 0;
        struct wire_segment *g = w->to_middle[i];
        memmove(w->to_middle + i, w->to_middle + i + 1, (--w->n - i) * sizeof w->to_middle[0]);
        g->a.data.p = g->bytes;
        input(m, g->dir, &g->a);
        free(g);
    }
    if (tcp_splice_due_ms(&m->sp) <= m->now_ms)
        assert_true(tcp_splice_timer(&m->sp, &m->buffers, &m->user, m->now_ms));
    while (m->n_sent) {
        unsigned i = w->loss && dice(w, 4) == 0 ? dice(w, m->n_sent) : 0;
        struct wire_segment g = m->sent[i];
        memmove(m->sent + i, m->sent + i + 1, (--m->n_sent - i) * sizeof m->sent[0]);
        if (dice(w, 100) >= w->loss)
            end_hear(w, !g.dir, &g);
    }
}

static void conversation(uint64_t seed, uint32_t n, unsigned loss, uint32_t window)
{
    struct net *w = calloc(1, sizeof *w);
    char *want[2];
    uint32_t want_n[2];
    w->rng.state = seed;
    middle_init(&w->m);
    w->loss = loss;
    for (int s = 0; s < 2; s++) {
        struct end *e = &w->end[s];
        e->n = n ? 1 + dice(w, n) : 0;
        e->text = random_text(w, e->n + 1);
        e->iss = dice(w, 3) ? (uint32_t)rng_next(&w->rng) : 0u - dice(w, 2000);
        e->window = window;
        e->heard = malloc(2 * (size_t)n + 200000);
        want[s] = malloc(3 * (size_t)e->n + 16);
        want_n[s] = twin(e->text, e->n, want[s]);
    }
    syn(&w->m, 0, w->end[0].iss, 0, (uint16_t)window);
    syn(&w->m, 1, w->end[1].iss, w->end[0].iss + 1, (uint16_t)window);
    for (int s = 0; s < 2; s++) {
        w->end[s].irs = w->end[!s].iss;
        w->end[s].edge = w->end[s].iss + 1 + window;
    }
    unsigned steps = 0, most = 4000000;
    while (!(w->end[0].fin_heard && w->end[1].fin_heard && w->end[0].fin_acked &&
             w->end[1].fin_acked)) {
        net_step(w);
        if (++steps == most)
            fail_msg("seed %lu: %u of %u and %u of %u bytes after %u steps", seed, w->end[0].got,
                     want_n[1], w->end[1].got, want_n[0], steps);
    }
    for (int s = 0; s < 2; s++) {
        assert_int_equal(w->end[!s].got, want_n[s]);
        assert_memory_equal(w->end[!s].heard, want[s], want_n[s]);
        free((char *)(uintptr_t)w->end[s].text);
        free(w->end[!s].heard);
        free(want[s]);
    }
    while (w->n)
        free(w->to_middle[--w->n]);
    assert_int_equal(w->m.n_lost, 0);
    middle_free(&w->m);
    free(w);
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        conversation(seed, 6000, (unsigned)(seed % 4) * 8, seed % 3 ? 65535 : 700);
}

/* Megabytes: the numbers of both sides drift far apart and past the wrap, and nothing grows. */
static void test_long(void **state)
{
    (void)state;
    conversation(1001, 3000000, 0, 65535);
    conversation(1002, 400000, 3, 20000);
}

/* Hostile segments of all kinds, numbers near the truth: no byte too many, no crash, no leak. */
static void test_hostile(void **state)
{
    struct rng rng;
    (void)state;
    rng.state = 4711;
    for (int round = 0; round < 200; round++) {
        struct middle m;
        static char text[1500];
        middle_init(&m);
        syn(&m, 0, 1000, 0, 65535);
        syn(&m, 1, 5000, 1001, 65535);
        input(
            &m, 0,
            &(struct tcp_arrival){.seq = 1001, .ack = 5001, .window = 65535, .flags = TCP_BIT_ACK});
        for (int i = 0; i < 300; i++) {
            uint64_t r = rng_next(&rng);
            unsigned dir = r & 1;
            size_t n = (r >> 8) % 4 ? (r >> 16) % 40 : (r >> 16) % 1400;
            memset(text, "ab\n!"[(r >> 40) % 4], n);
            struct tcp_arrival a = {
                .seq = tcp_in_ack(&m.sp.in[dir]) + (uint32_t)((r >> 24) % 200) - 20,
                .ack = m.sp.out[!dir].una + (uint32_t)((r >> 32) % 60) - 5,
                .window = (uint16_t)(r >> 48),
                .flags = (uint8_t)(r >> 3 & 0x1f & ~((r >> 44) % 50 ? TCP_BIT_RST : 0)),
                .data = slice_of(text, n),
            };
            if ((r >> 50) % 8)
                a.flags = (uint8_t)((a.flags | TCP_BIT_ACK) & ~(TCP_BIT_SYN | TCP_BIT_FIN));
            m.n_sent = 0;
            input(&m, dir, &a);
            m.now_ms += (r >> 55) % 300;
            if (tcp_splice_due_ms(&m.sp) <= m.now_ms)
                tcp_splice_timer(&m.sp, &m.buffers, &m.user, m.now_ms);
        }
        middle_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
