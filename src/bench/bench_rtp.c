/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does media wait for signalling? One thread is a worker, another one, on a CPU of its own, the
 * ALG; both are fed from memory. RTP of a thousand calls comes at an even rate and is stamped when
 * the worker takes it and when it leaves. In turns the ALG has nothing to do, has nothing to do
 * while each burst brings as many more RTP packets as it brings SIP otherwise, and has its ring
 * kept full: whenever there is room in it, the next burst brings another SIP message. So what SIP
 * costs can be told from what any packets would. They are compared within one run, for the machine
 * has moods.
 */
#include "bench/sip_calls.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#define RTP_BYTES  214 /* 20 ms of G.711 */
#define RTP_RATE   1e6 /* packets a second: 10,000 calls both ways */
#define RTP_BURST  16
#define SIP_BURST  4 /* at most so many messages in one burst */
#define SIP_FRAMES 256
#define STAMP_AT   64 /* in the payload of RTP */
#define TICKS      8  /* of the time-stamp counter in one place of the histogram */
#define PLACES     65536
#define TURNS      8

enum mode {
    QUIET,
    CROWDED,
    LOUD,
    MODES
};

struct course {
    uint32_t place[PLACES]; /* the last one: everything longer */
    uint64_t sent, came, sip;
};

struct sip_frame {
    size_t n;
    unsigned char bytes[SIP_LOAD_FRAME];
};

struct rtp_run {
    struct sip_calls c;
    struct course course[MODES];
    struct sip_frame *sip;
    unsigned char (*rtp)[RTP_BYTES];
    enum mode mode;
    uint32_t next_rtp, next_sip;
    uint64_t due, gap; /* of the next burst, in ticks */
    uint64_t start_tsc, start_ms;
    uint32_t stop; /* atomic */
};

static uint64_t run_ms(const struct rtp_run *x)
{
    return x->start_ms + (rte_rdtsc() - x->start_tsc) * 1000 / rte_get_tsc_hz();
}

static struct rte_mbuf *frame_take(struct rtp_run *x, const unsigned char *bytes, size_t n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(x->c.b->dp->pool);
    if (!m)
        return NULL;
    memcpy(rte_pktmbuf_mtod(m, void *), bytes, n);
    m->data_len = (uint16_t)n;
    m->pkt_len = (uint32_t)n;
    return m;
}

static uint16_t sip_take(struct rtp_run *x, struct rte_mbuf **m)
{
    const struct worker *w = x->c.b->lanes[0].worker;
    uint16_t n = 0;
    while (n < SIP_BURST && rte_ring_free_count(w->to_alg) > n) {
        const struct sip_frame *f = &x->sip[x->next_sip++ % SIP_FRAMES];
        m[n] = frame_take(x, f->bytes, f->n);
        if (!m[n])
            break;
        n++;
    }
    return n;
}

static uint16_t rtp_rx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    struct rtp_run *x = ctx;
    (void)queue;
    (void)n;
    if (ifindex != BENCH_LAN || rte_rdtsc() < x->due)
        return 0;
    uint16_t got = x->mode == LOUD ? sip_take(x, m) : 0, first = got;
    uint16_t burst = x->mode == CROWDED ? RTP_BURST + SIP_BURST : RTP_BURST;
    for (; got < first + burst; got++) {
        m[got] = frame_take(x, x->rtp[x->next_rtp++ % x->c.load.n_calls], RTP_BYTES);
        if (!m[got])
            break;
    }
    uint64_t now = rte_rdtsc();
    for (uint16_t i = first; i < got; i++)
        memcpy(rte_pktmbuf_mtod_offset(m[i], void *, STAMP_AT), &now, sizeof now);
    x->course[x->mode].sent += (uint64_t)(got - first);
    x->due += x->gap;
    if (x->due < now)
        x->due = now;
    return got;
}

static uint16_t rtp_tx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
    struct rtp_run *x = ctx;
    struct course *course = &x->course[x->mode];
    uint64_t now = rte_rdtsc(), stamp;
    (void)ifindex;
    (void)queue;
    for (uint16_t i = 0; i < n; i++) {
        if (m[i]->pkt_len == RTP_BYTES) {
            memcpy(&stamp, rte_pktmbuf_mtod_offset(m[i], void *, STAMP_AT), sizeof stamp);
            uint64_t place = (now - stamp) / TICKS;
            course->place[place < PLACES ? place : PLACES - 1]++;
            course->came++;
        } else {
            course->sip++;
        }
        rte_pktmbuf_free(m[i]);
    }
    return n;
}

static void *alg_thread(void *p)
{
    struct rtp_run *x = p;
    bench_pin(1);
    bool registered = rte_thread_register() == 0; /* for the mempool's cache */
    while (!__atomic_load_n(&x->stop, __ATOMIC_RELAXED))
        alg_core_run_once(x->c.core, run_ms(x));
    if (registered)
        rte_thread_unregister();
    return NULL;
}

/* Calls stand, their media have sessions, and frames lie ready. False: no memory, or one was lost.
 */
static bool rtp_prepare(struct rtp_run *x)
{
    struct sip_calls *c = &x->c;
    uint32_t n = c->load.n_calls;
    x->sip = calloc(SIP_FRAMES, sizeof *x->sip);
    x->rtp = calloc(n, sizeof *x->rtp);
    if (!x->sip || !x->rtp)
        return false;
    for (uint32_t i = 0; i < n && !c->failed; i += BURST)
        sip_calls_begin(c, &c->order[i], n - i < BURST ? n - i : BURST);
    for (uint32_t i = 0; i < n; i++)
        sip_load_rtp(&c->load, i, x->rtp[i], RTP_BYTES);
    for (uint32_t i = 0; i < SIP_FRAMES; i++)
        x->sip[i].n = sip_load_frame(&c->load, SIP_LOAD_OPTIONS, i % n, x->sip[i].bytes);
    return !c->failed;
}

/* Each mode in turns, the worker on this thread. */
static void rtp_play(struct rtp_run *x, double seconds)
{
    struct worker *w = x->c.b->lanes[0].worker;
    uint64_t turn = (uint64_t)(seconds * (double)rte_get_tsc_hz() / TURNS);
    for (int i = 0; i < MODES * TURNS; i++) {
        uint64_t end = rte_rdtsc() + turn;
        x->mode = (enum mode)(i % MODES);
        x->due = rte_rdtsc();
        while (rte_rdtsc() < end)
            worker_run_once(w, run_ms(x));
        /* What is still with the ALG belongs to this turn. */
        x->due = UINT64_MAX;
        while (rte_ring_count(w->to_alg) + rte_ring_count(w->from_alg) > 0)
            worker_run_once(w, run_ms(x));
        worker_run_once(w, run_ms(x));
    }
}

static double percentile_us(const struct course *c, double share)
{
    uint64_t sum = 0;
    size_t i = 0;
    while (i < PLACES - 1 && (double)(sum += c->place[i]) < share * (double)c->came)
        i++;
    return (double)(i + 1) * TICKS * 1e6 / (double)rte_get_tsc_hz();
}

static void rtp_report(const struct rtp_run *x, double seconds, struct report *r)
{
    static const char *const names[MODES] = {"rtp-alone", "rtp-among-rtp", "rtp-under-sip"};
    for (int mode = QUIET; mode < MODES; mode++) {
        const struct course *c = &x->course[mode];
        report_open(r, names[mode], x->c.load.n_calls, "calls");
        report_figure(r, "p50_us", percentile_us(c, 0.5), 2, "us p50");
        report_figure(r, "p99_us", percentile_us(c, 0.99), 2, "us p99");
        report_figure(r, "p999_us", percentile_us(c, 0.999), 2, "us p99.9");
        report_figure(r, "lost", (double)(c->sent - c->came), 0, "lost");
        report_figure(r, "rtp_per_s", (double)c->came / seconds, 0, "RTP/s");
        if (mode == LOUD) {
            report_figure(r, "sip_per_s", (double)c->sip / seconds, 0, "SIP/s");
            report_figure(r, "p999_ratio",
                          percentile_us(c, 0.999) / percentile_us(&x->course[QUIET], 0.999), 2,
                          "of the p99.9 alone");
            report_figure(r, "p999_ratio_crowded",
                          percentile_us(c, 0.999) / percentile_us(&x->course[CROWDED], 0.999), 2,
                          "of that among as many packets");
        }
        report_close(r);
    }
}

static void rtp_measure(struct rtp_run *x, double seconds, struct report *r)
{
    struct dataplane *dp = x->c.b->dp;
    const struct wire rings = dp->wire;
    pthread_t thread;
    x->start_tsc = rte_rdtsc();
    x->start_ms = x->c.b->now_ms;
    x->gap = (uint64_t)(RTP_BURST * (double)rte_get_tsc_hz() / RTP_RATE);
    dp->wire = (struct wire){.rx = rtp_rx, .tx = rtp_tx, .ctx = x};
    if (pthread_create(&thread, NULL, alg_thread, x) != 0)
        abort();
    bench_pin(0);
    rtp_play(x, seconds / 10); /* the media get their sessions */
    memset(x->course, 0, sizeof x->course);
    rtp_play(x, seconds);
    __atomic_store_n(&x->stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    dp->wire = rings;
    rtp_report(x, seconds, r);
}

int bench_rtp(const struct bench_options *o, uint32_t n_calls, struct report *r)
{
    if (bench_cpus() < 2) {
        fprintf(stderr, "pinhole-bench: rtp-under-sip needs two CPUs\n");
        return 0;
    }
    struct rtp_run *x = calloc(1, sizeof *x);
    if (!x)
        return -1;
    int rc = sip_calls_init(&x->c, o, n_calls);
    if (rc == 0) {
        rc = rtp_prepare(x) ? 0 : -1;
        if (rc == 0)
            rtp_measure(x, o->seconds, r);
        for (int mode = QUIET; mode < MODES; mode++)
            if (x->course[mode].sent != x->course[mode].came)
                rc = -1;
        sip_calls_free(&x->c);
    }
    free(x->sip);
    free(x->rtp);
    free(x);
    return rc;
}
