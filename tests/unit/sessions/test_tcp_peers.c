/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two small TCP peers that talk through the check of the windows over a network that loses, repeats
 * and reorders. Nothing they send may be outside.
 */
#include "base/rng.h"
#include "middle.h"

#include <stdlib.h>
#include <string.h>

enum {
    F = TCP_BIT_FIN,
    S = TCP_BIT_SYN,
    R = TCP_BIT_RST,
    A = TCP_BIT_ACK,
    NO = TCP_NO_SCALE
};

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
        cmocka_unit_test(conversations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
