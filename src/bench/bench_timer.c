/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everybody leaves at once: all sessions were made in the same second and nothing comes any more.
 * How late is the last one ended, and how long does one round of the control thread take while it
 * ends them, which is what a CLI command or an ARP request would have to wait for? Until the
 * deadline time is virtual, from then on it is the machine's. Forwarding has no part in it: workers
 * wait for control in no case.
 */
#include "bench/bench.h"
#include "control/expiry.h"

#include <rte_cycles.h>

#include <stdio.h>

#define IDLE_S  180u
#define LATE_MS 60000u /* give up */

struct leaving {
    uint64_t first_tsc, last_tsc; /* since the deadline of the first */
    uint64_t longest_tsc, rounds; /* of control */
    uint64_t due_ms;              /* the deadline */
};

/* News of all sessions, so that their deadlines are known before they are due. */
static void take_news(struct bench *b, struct expiry *e)
{
    while (expiry_run(e, b->now_ms) > 0) {
    }
}

static void leave_all(struct bench *b, struct expiry *e, struct leaving *x)
{
    struct expiry_stat stat;
    double ms = (double)rte_get_tsc_hz() / 1e3;
    x->due_ms = b->now_ms + IDLE_S * 1000u;
    uint64_t start = rte_rdtsc(), now = start;
    do {
        uint64_t t = now;
        b->now_ms = x->due_ms + (uint64_t)((double)(now - start) / ms);
        expiry_run(e, b->now_ms);
        for (uint16_t i = 0; i < b->n_lanes; i++)
            rte_rcu_qsbr_quiescent(b->dp->qsbr, i);
        now = rte_rdtsc();
        x->rounds++;
        if (now - t > x->longest_tsc)
            x->longest_tsc = now - t;
        expiry_stat(e, b->now_ms, &stat);
        if (stat.expired > 0 && x->first_tsc == 0)
            x->first_tsc = now - start;
    } while (stat.sessions > 0 && b->now_ms < x->due_ms + LATE_MS);
    x->last_tsc = now - start;
}

int bench_timer(const struct bench_options *o, uint32_t sessions, struct report *r)
{
    /* Each worker keeps a chain of indexes that the others miss; and of a table that is nearly full
     * sessions of one packet go early. */
    uint32_t room = sessions + sessions / 8 + o->workers * 2u * STORE_CHAIN;
    struct bench *b = bench_create(
        o, &(struct bench_plan){.flows = sessions, .sessions = room, .idle_s = IDLE_S});
    if (!b)
        return -1;
    struct expiry_setup setup = {.sessions = &b->dp->sessions,
                                 .mappings = &b->dp->mappings,
                                 .timer_sets = b->dp->timer_sets,
                                 .qsbr = b->dp->qsbr,
                                 .events = &b->dp->events};
    struct leaving x = {0};
    struct expiry_stat stat = {.sessions = 1};
    struct expiry *e = expiry_create(&setup, b->now_ms);
    bool ok = e != NULL;
    for (uint16_t i = 0; i < b->n_lanes && ok; i++)
        ok = expiry_watch(e, &b->lanes[i].worker->thread) == 0;
    if (ok && bench_open_all(b)) {
        take_news(b, e);
        leave_all(b, e, &x);
        expiry_stat(e, b->now_ms, &stat);
        double us = (double)rte_get_tsc_hz() / 1e6;
        report_open(r, "timer", sessions, "sessions");
        report_cost(r, (double)x.last_tsc / sessions);
        report_figure(r, "first_ms", (double)x.first_tsc / us / 1e3, 1, "ms the first");
        report_figure(r, "last_ms", (double)x.last_tsc / us / 1e3, 1, "ms the last after its time");
        report_figure(r, "longest_round_us", (double)x.longest_tsc / us, 1, "us longest round");
        report_close(r);
    }
    if (stat.sessions > 0)
        fprintf(stderr, "pinhole-bench: timer: %u sessions did not end\n", stat.sessions);
    expiry_destroy(e);
    bench_destroy(b);
    return stat.sessions == 0 ? 0 : -1;
}
