/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life as it is: every lane keeps a window of flows, sends packets of random ones, and begins a new
 * flow when an old one has had its share. What leaves on the WAN side is turned round and arrives
 * as the answer on the next lane, so that with two workers or more the directions of every flow
 * meet different ones; what leaves on the LAN side is checked against the flow whose number it
 * carries. Time is the machine's, flows that fall silent expire after a second, and a thread of
 * control ends them meanwhile. At the end nothing may be left: every packet accounted for, no
 * answer wrong, the table empty.
 */
#include "base/checksum.h"
#include "bench/bench.h"
#include "control/expiry.h"
#include "fastpath/packet.h"

#include <rte_cycles.h>
#include <rte_malloc.h>

#include <pthread.h>
#include <stdio.h>

#define WINDOW_FLOWS 4096
#define FLOW_PACKETS 16 /* of the original direction */
#define SETTLE_MS    200u
#define EMPTY_MS     20000u
#define INBOX        4096

struct churn_flow {
    uint32_t number;
    uint8_t left; /* packets still to send */
};

struct churn_lane {
    struct rng rng;
    struct rte_ring *inbox; /* answers that arrive here */
    uint32_t n_flows, next; /* the window, the number of the next new flow */
    uint64_t sent, answers, wrong, lost, opened;
    uint64_t tsc; /* while it sent */
    struct churn_flow flows[WINDOW_FLOWS];
} __attribute__((aligned(64)));

struct churn {
    struct bench *b;
    struct expiry *expiry;
    uint64_t start_tsc, stop_tsc, settled_tsc;
    uint32_t most;       /* sessions beyond which no flow is begun */
    uint32_t live;       /* atomic, by control */
    bool lanes_are_done; /* atomic */
    uint16_t n;
    struct churn_lane *lanes;
};

static uint64_t clock_ms(const struct churn *x)
{
    return 1000 + (rte_rdtsc() - x->start_tsc) / (rte_get_tsc_hz() / 1000);
}

static void flow_begin(struct churn *x, struct churn_lane *c, struct churn_flow *f)
{
    f->left = FLOW_PACKETS;
    if (__atomic_load_n(&x->live, __ATOMIC_RELAXED) >= x->most)
        return; /* the same once more */
    f->number = c->next;
    c->next += x->n;
    c->opened++;
}

/* A burst of packets of random flows toward the firewall. */
static void send_out(struct churn *x, struct bench_lane *lane, struct churn_lane *c)
{
    struct rte_mbuf *m[BURST];
    struct bench_frame frame;
    unsigned n = BURST / 2;
    if (rte_pktmbuf_alloc_bulk(x->b->dp->pool, m, n) != 0)
        return;
    for (unsigned i = 0; i < n; i++) {
        struct churn_flow *f = &c->flows[rng_below(&c->rng, c->n_flows)];
        if (f->left == 0)
            flow_begin(x, c, f);
        f->left--;
        bench_frame_make(&frame, f->number);
        memcpy(rte_pktmbuf_append(m[i], sizeof frame.bytes), frame.bytes, sizeof frame.bytes);
    }
    unsigned taken = rte_ring_sp_enqueue_burst(lane->feed[BENCH_LAN], (void **)m, n, NULL);
    c->sent += taken;
    rte_pktmbuf_free_bulk(m + taken, n - taken);
}

/* Turn a frame that left on the WAN side into the server's answer, in place. Sums stay right. */
static void turn_round(struct rte_mbuf *m)
{
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    struct rte_ipv4_hdr *ip = (void *)(eth + 1);
    struct rte_udp_hdr *udp = (void *)(ip + 1);
    be32 address = ip->src_addr;
    be16 port = udp->src_port;
    memcpy(eth->dst_addr.addr_bytes, (uint8_t[]){2, 0, 0, 0, 0, BENCH_WAN}, 6);
    ip->src_addr = ip->dst_addr;
    ip->dst_addr = address;
    udp->src_port = udp->dst_port;
    udp->dst_port = port;
}

static void pass_answers(struct churn *x, struct bench_lane *lane, struct churn_lane *c)
{
    struct rte_ring *next = x->lanes[(lane->id + 1) % x->n].inbox;
    struct rte_mbuf *m[BURST];
    unsigned n = rte_ring_sc_dequeue_burst(lane->drain[BENCH_WAN], (void **)m, BURST, NULL);
    for (unsigned i = 0; i < n; i++)
        turn_round(m[i]);
    unsigned taken = rte_ring_sp_enqueue_burst(next, (void **)m, n, NULL);
    c->lost += n - taken;
    rte_pktmbuf_free_bulk(m + taken, n - taken);

    n = rte_ring_sc_dequeue_burst(c->inbox, (void **)m, BURST, NULL);
    taken = rte_ring_sp_enqueue_burst(lane->feed[BENCH_WAN], (void **)m, n, NULL);
    c->lost += n - taken;
    rte_pktmbuf_free_bulk(m + taken, n - taken);
}

/* Did the answer come to the host and port that asked, from the server that was asked, whole? */
static bool answer_right(struct rte_mbuf *m)
{
    struct bench_frame asked;
    uint32_t number;
    const unsigned char *p = rte_pktmbuf_mtod(m, const unsigned char *);
    if (m->data_len != sizeof asked.bytes)
        return false;
    memcpy(&number, p + BENCH_PAYLOAD, sizeof number);
    bench_frame_make(&asked, number);
    const struct rte_ipv4_hdr *ip = (const void *)(p + PACKET_IP_OFFSET);
    const struct rte_ipv4_hdr *was = (const void *)(asked.bytes + PACKET_IP_OFFSET);
    const struct rte_udp_hdr *udp = (const void *)(ip + 1), *udp_was = (const void *)(was + 1);
    return ip->src_addr == was->dst_addr && ip->dst_addr == was->src_addr &&
           udp->src_port == udp_was->dst_port && udp->dst_port == udp_was->src_port &&
           udp->dgram_cksum == udp_was->dgram_cksum &&
           checksum_fold(checksum_sum(ip, sizeof *ip)) == 0xffff;
}

static void take_answers(struct bench_lane *lane, struct churn_lane *c)
{
    struct rte_mbuf *m[BURST];
    unsigned n = rte_ring_sc_dequeue_burst(lane->drain[BENCH_LAN], (void **)m, BURST, NULL);
    for (unsigned i = 0; i < n; i++)
        c->wrong += !answer_right(m[i]);
    c->answers += n;
    rte_pktmbuf_free_bulk(m, n);
}

static void lane_churn(struct bench_lane *lane, void *arg)
{
    struct churn *x = arg;
    struct churn_lane *c = &x->lanes[lane->id];
    uint64_t now, start = rte_rdtsc();
    while ((now = rte_rdtsc()) < x->settled_tsc) {
        if (now < x->stop_tsc)
            send_out(x, lane, c);
        worker_run_once(lane->worker, clock_ms(x));
        pass_answers(x, lane, c);
        take_answers(lane, c);
    }
    c->tsc = x->stop_tsc - start;
    rte_rcu_qsbr_thread_offline(x->b->dp->qsbr, lane->id);
}

static void *control_thread(void *arg)
{
    struct churn *x = arg;
    struct expiry_stat stat;
    uint64_t done_ms = 0;
    bench_pin(x->n);
    do {
        uint64_t now_ms = clock_ms(x);
        expiry_run(x->expiry, now_ms);
        expiry_stat(x->expiry, now_ms, &stat);
        __atomic_store_n(&x->live, stat.sessions, __ATOMIC_RELAXED);
        if (done_ms == 0 && __atomic_load_n(&x->lanes_are_done, __ATOMIC_ACQUIRE))
            done_ms = now_ms;
    } while (done_ms == 0 || (stat.sessions > 0 && clock_ms(x) < done_ms + EMPTY_MS));
    while (expiry_run(x->expiry, clock_ms(x)) > 0) {
    }
    return NULL;
}

static int churn_lanes_make(struct churn *x, uint32_t sessions)
{
    x->lanes = rte_zmalloc("churn", x->n * sizeof *x->lanes, 64);
    if (!x->lanes)
        return -1;
    for (uint16_t i = 0; i < x->n; i++) {
        struct churn_lane *c = &x->lanes[i];
        char name[32];
        snprintf(name, sizeof name, "churn%u-%u", sessions, i);
        c->inbox = rte_ring_create(name, INBOX, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
        if (!c->inbox || expiry_watch(x->expiry, &x->b->lanes[i].worker->thread) != 0)
            return -1;
        c->rng.state = i + 1u;
        c->next = i;
        c->n_flows = sessions / x->n / 4 + 1;
        if (c->n_flows > WINDOW_FLOWS)
            c->n_flows = WINDOW_FLOWS;
    }
    return 0;
}

static void churn_run(struct churn *x, double seconds)
{
    pthread_t control;
    uint64_t hz = rte_get_tsc_hz();
    x->start_tsc = rte_rdtsc();
    x->stop_tsc = x->start_tsc + (uint64_t)(seconds * (double)hz);
    x->settled_tsc = x->stop_tsc + hz * SETTLE_MS / 1000;
    if (pthread_create(&control, NULL, control_thread, x) != 0)
        abort();
    bench_lanes_run(x->b, lane_churn, x);
    __atomic_store_n(&x->lanes_are_done, true, __ATOMIC_RELEASE);
    pthread_join(control, NULL);
}

/* Prints what happened; 0 when everything is accounted for. */
static int churn_report(const struct churn *x, uint32_t sessions, struct report *r)
{
    struct churn_lane sum = {0};
    struct packet_counts counts;
    struct expiry_stat stat;
    double seconds = 0;
    for (uint16_t i = 0; i < x->n; i++) {
        const struct churn_lane *c = &x->lanes[i];
        sum.sent += c->sent;
        sum.answers += c->answers;
        sum.wrong += c->wrong;
        sum.lost += c->lost;
        sum.opened += c->opened;
        seconds += (double)c->tsc / (double)rte_get_tsc_hz() / x->n;
    }
    dataplane_counts(x->b->dp, &counts);
    expiry_stat(x->expiry, clock_ms(x), &stat);
    uint64_t dropped = counts.in - counts.out;
    report_open(r, "churn", sessions, "sessions");
    report_figure(r, "mpps", (double)counts.out / seconds / 1e6, 3, "M packets/s");
    report_figure(r, "new_per_s", (double)sum.opened / seconds, 0, "new flows/s");
    report_figure(r, "wrong", (double)sum.wrong, 0, "wrong");
    report_figure(r, "dropped", (double)dropped, 0, "dropped");
    report_figure(r, "left", stat.sessions, 0, "sessions left");
    report_close(r);
    for (int i = 0; i < DROP_COUNT; i++)
        if (counts.drop[i])
            fprintf(stderr, "pinhole-bench: churn: %lu dropped: %s\n", counts.drop[i],
                    drop_text((enum drop_reason)i));
    if (sum.wrong == 0 && stat.sessions == 0 && dropped == 0 && sum.sent == sum.answers + sum.lost)
        return 0;
    fprintf(stderr, "pinhole-bench: churn: %lu sent, %lu answered, %lu lost between lanes\n",
            sum.sent, sum.answers, sum.lost);
    return -1;
}

int bench_churn(const struct bench_options *o, uint32_t sessions, struct report *r)
{
    struct bench *b =
        bench_create(o, &(struct bench_plan){.sessions = sessions, .mbufs = 65535, .idle_s = 1});
    if (!b)
        return -1;
    struct expiry_setup setup = {.sessions = &b->dp->sessions,
                                 .mappings = &b->dp->mappings,
                                 .timer_sets = b->dp->timer_sets,
                                 .qsbr = b->dp->qsbr,
                                 .events = &b->dp->events};
    struct churn x = {.b = b, .n = b->n_lanes, .most = sessions - sessions / 4};
    x.expiry = expiry_create(&setup, b->now_ms);
    int result = x.expiry ? churn_lanes_make(&x, sessions) : -1;
    if (result == 0) {
        churn_run(&x, o->seconds);
        result = churn_report(&x, sessions, r);
    }
    for (uint16_t i = 0; x.lanes && i < x.n; i++)
        rte_ring_free(x.lanes[i].inbox);
    rte_free(x.lanes);
    expiry_destroy(x.expiry);
    bench_destroy(b);
    return result;
}
