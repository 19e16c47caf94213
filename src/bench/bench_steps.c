/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the cycles go: known flows and then new ones with a clock on the worker
 * (fastpath/stages.h). A mark is itself some twenty cycles; what one costs is measured and taken
 * off, so the sum is near, not at, what `known` and `setup` say.
 */
#include "bench/bench.h"
#include "fastpath/pipeline.h"
#include "fastpath/stages.h"

#include <rte_cycles.h>

#include <stdio.h>

#define MARKS 100000

static uint64_t cycles_now(void)
{
    return rte_rdtsc();
}

/* Cycles of a mark, for nothing in between. */
static double mark_cost(void)
{
    struct stage_clock clock = {.now = cycles_now, .last = rte_rdtsc()};
    for (int i = 0; i < MARKS; i++)
        stage_mark(&clock, &clock.stage[STAGE_REST]);
    return (double)clock.stage[STAGE_REST].cycles / MARKS;
}

static void figure(struct report *r, const char *name, const struct stage_time *t, double packets,
                   double cost)
{
    double cycles = ((double)t->cycles - cost * (double)t->marks) / packets;
    if (t->marks > 0)
        report_figure(r, name, cycles > 0 ? cycles : 0, 1, name);
}

static double play(struct bench *b, double seconds)
{
    struct bench_lane *lane = &b->lanes[0];
    struct stage_clock *clock = lane->worker->clock;
    uint64_t packets = 0, end = rte_rdtsc() + (uint64_t)(seconds * (double)rte_get_tsc_hz());
    do {
        unsigned n = lane->n - lane->at < BURST ? lane->n - lane->at : BURST;
        bench_feed(lane, &b->played[lane->at], n);
        clock->last = rte_rdtsc();
        worker_run_once(lane->worker, b->now_ms);
        stage_mark(clock, &clock->stage[STAGE_REST]);
        packets += bench_drain(lane);
        lane->at = lane->at + n == lane->n ? 0 : lane->at + n;
    } while (rte_rdtsc() < end);
    return (double)packets;
}

/* New flows, as many as there is room for. */
static double open_more(struct bench *b, uint32_t more)
{
    struct bench_lane *lane = &b->lanes[0];
    struct stage_clock *clock = lane->worker->clock;
    struct bench_frame frames[BURST];
    uint32_t opened = 0;
    for (uint32_t next = 0; next + BURST <= more; next += BURST) {
        for (uint32_t i = 0; i < BURST; i++)
            bench_frame_make(&frames[i], b->n_flows + next + i);
        bench_feed(lane, frames, BURST);
        clock->last = rte_rdtsc();
        worker_run_once(lane->worker, b->now_ms);
        opened += bench_drain(lane);
    }
    return opened;
}

int bench_steps(const struct bench_options *o, uint32_t sessions, struct report *r)
{
    struct bench_options one = *o;
    struct stage_clock clock = {.now = cycles_now};
    one.workers = 1;
    struct bench *b = bench_create(
        &one,
        &(struct bench_plan){.flows = sessions, .sessions = 2 * sessions + 4096, .idle_s = 180});
    if (!b)
        return -1;
    if (!bench_open_all(b)) {
        fprintf(stderr, "pinhole-bench: not every flow got a session\n");
        bench_destroy(b);
        return -1;
    }
    double cost = mark_cost();
    b->lanes[0].worker->clock = &clock;
    double packets = play(b, o->seconds);
    report_open(r, "steps", sessions, "sessions");
    for (int i = 0; i < STAGE_COUNT; i++)
        figure(r, stage_name((enum stage)i), &clock.stage[i], packets, cost);
    report_close(r);

    clock = (struct stage_clock){.now = cycles_now};
    packets = open_more(b, sessions + 4000);
    report_open(r, "steps-first", sessions, "sessions");
    for (unsigned i = 0; i < STAGE_STEPS && pipeline_step_name(i); i++)
        figure(r, pipeline_step_name(i), &clock.step[i], packets, cost);
    report_close(r);
    bench_destroy(b);
    return 0;
}
