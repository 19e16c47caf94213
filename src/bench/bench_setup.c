/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Creation and expiry in balance: time is virtual and advances so that, with N sessions of 180 s
 * alive, as many expire as are made. The worker's rounds and control's rounds are timed apart: in
 * the daemon they run on two cores, and the worker's part bounds the rate.
 */
#include "bench/bench.h"
#include "control/expiry.h"

#include <rte_cycles.h>

#define IDLE_MS 180000u

struct balance {
    struct bench *b;
    struct expiry *expiry;
    uint32_t next_flow; /* tuples never repeat while their session lives */
    double ms_per_session;
    double clock_ms;
    uint64_t worker_tsc, control_tsc, made;
};

static void round_once(struct balance *x)
{
    struct bench_frame frames[BURST];
    for (unsigned i = 0; i < BURST; i++)
        bench_frame_make(&frames[i], x->next_flow++ % (x->b->n_flows * 4u));
    x->clock_ms += x->ms_per_session * BURST;
    x->b->now_ms = (uint64_t)x->clock_ms;
    struct bench_lane *lane = &x->b->lanes[0];
    bench_feed(lane, frames, BURST);
    uint64_t t0 = rte_rdtsc();
    worker_run_once(lane->worker, x->b->now_ms);
    uint64_t t1 = rte_rdtsc();
    x->made += bench_drain(lane);
    uint64_t t2 = rte_rdtsc();
    while (expiry_run(x->expiry, x->b->now_ms) > 0) {
    }
    x->control_tsc += rte_rdtsc() - t2;
    x->worker_tsc += t1 - t0;
}

static void part_report(struct report *r, const char *name, uint32_t sessions, uint64_t tsc,
                        uint64_t made)
{
    report_open(r, name, sessions, "sessions");
    report_cost(r, (double)tsc / (double)made);
    report_close(r);
}

static void balance_run(struct balance *x, uint32_t live, double seconds)
{
    while (x->made < live + live / 4)
        round_once(x);
    x->made = x->worker_tsc = x->control_tsc = 0;
    uint64_t start = rte_rdtsc(), tsc = (uint64_t)(seconds * (double)rte_get_tsc_hz());
    do
        round_once(x);
    while (rte_rdtsc() - start < tsc);
}

/* Frames are made from flow numbers below 4 * n_flows, so `live` flows need n_flows = live. */
int bench_setup(const struct bench_options *o, uint32_t live, struct report *r)
{
    struct bench_options one = *o;
    one.workers = 1; /* the two parts are timed in turns */
    struct bench *b = bench_create(
        &one, &(struct bench_plan){live, live + live / 2 + 4096, .idle_s = IDLE_MS / 1000});
    if (!b)
        return -1;
    struct expiry_setup setup = {.sessions = &b->dp->sessions,
                                 .mappings = &b->dp->mappings,
                                 .timer_sets = b->dp->timer_sets,
                                 .qsbr = b->dp->qsbr,
                                 .events = &b->dp->events};
    struct balance x = {.b = b, .ms_per_session = (double)IDLE_MS / live, .clock_ms = 1000};
    x.expiry = expiry_create(&setup, b->now_ms);
    if (x.expiry && expiry_watch(x.expiry, &b->lanes[0].worker->thread) == 0) {
        balance_run(&x, live, o->seconds);
        part_report(r, "setup-worker", live, x.worker_tsc, x.made);
        part_report(r, "setup-control", live, x.control_tsc, x.made);
    }
    expiry_destroy(x.expiry);
    bench_destroy(b);
    return x.made ? 0 : -1;
}
