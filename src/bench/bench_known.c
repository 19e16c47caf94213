/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Known flows against their own limit. Both cases do the same outer work in the same loop: write
 * frames fresh from the shuffled array, pass them through the receive ring, transmit, take back.
 * The limit case parses, hashes once, touches the bucket line, reads and writes the session's two
 * lines, and nothing else. Windows of the two alternate, so that a busy neighbour on the machine
 * slows both.
 */
#include "bench/bench.h"
#include "fastpath/packet.h"

#include <rte_cycles.h>

#include <stdio.h>

#define MAX_WINDOWS 32
#define WINDOW_S    0.1

/* What cannot be avoided: see above. */
static void limit_run_once(struct worker *w, uint64_t now_ms)
{
    struct dataplane *dp = w->dp;
    const struct table *t = &dp->sessions.store.table;
    struct rte_mbuf *m[BURST];
    struct packet p[BURST];
    struct table_hit hit[BURST];
    worker_begin(w, now_ms);
    uint16_t n = dp->wire.rx(dp->wire.ctx, BENCH_LAN, w->id, m, BURST);
    for (uint16_t i = 0; i < n; i++) {
        p[i].m = m[i];
        p[i].ifindex = BENCH_LAN;
        packet_parse(w, &p[i], &w->snapshot->interfaces[BENCH_LAN]);
        __builtin_prefetch(table_bucket(t, p[i].hash, 0));
    }
    for (uint16_t i = 0; i < n; i++) {
        hit[i].index = 0;
        table_guess(t, p[i].hash, &hit[i]);
        rte_prefetch0(session_at(&dp->sessions, hit[i].index));
        rte_prefetch0(&session_at(&dp->sessions, hit[i].index)->last_seen_ms);
    }
    for (uint16_t i = 0; i < n; i++) {
        struct session *s = session_at(&dp->sessions, hit[i].index);
        s->last_seen_ms = (uint32_t)now_ms + s->policy_id;
        s->packets[0]++;
        worker_send(w, BENCH_WAN, m[i]);
    }
    worker_flush(w);
}

static void worker_once(struct worker *w, uint64_t now_ms)
{
    worker_run_once(w, now_ms);
}

/* All lanes play their flows for a while; packets per tick add up. */
struct window {
    void (*run)(struct worker *w, uint64_t now_ms);
    uint64_t tsc;
    double cycles[BENCH_WORKERS]; /* per packet, by lane */
};

static void lane_window(struct bench_lane *lane, void *arg)
{
    struct window *x = arg;
    const struct bench *b = lane->b;
    uint64_t packets = 0, start = rte_rdtsc(), end;
    do {
        for (int round = 0; round < 16; round++) {
            unsigned n = lane->n - lane->at < BURST ? lane->n - lane->at : BURST;
            bench_feed(lane, &b->played[lane->first + lane->at], n);
            x->run(lane->worker, b->now_ms);
            packets += bench_drain(lane);
            lane->at = lane->at + n == lane->n ? 0 : lane->at + n;
        }
        end = rte_rdtsc();
    } while (end - start < x->tsc);
    x->cycles[lane->id] = (double)(end - start) / (double)packets;
}

/* Ticks per packet of all lanes together. */
static double window(struct bench *b, void (*run)(struct worker *, uint64_t))
{
    struct window x = {run, (uint64_t)(WINDOW_S * (double)rte_get_tsc_hz()), {0}};
    double rate = 0;
    bench_lanes_run(b, lane_window, &x);
    for (uint16_t i = 0; i < b->n_lanes; i++)
        rate += 1 / x.cycles[i];
    return 1 / rate;
}

static struct bench *known_flows(const struct bench_options *o, uint32_t sessions)
{
    /* Each worker keeps a chain of indexes that the others miss. */
    uint32_t room = sessions + (o->workers - 1u) * 2 * STORE_CHAIN;
    struct bench *b =
        bench_create(o, &(struct bench_plan){.flows = sessions, .sessions = room, .idle_s = 180});
    if (!b || bench_open_all(b))
        return b;
    fprintf(stderr, "pinhole-bench: not every flow got a session\n");
    bench_destroy(b);
    return NULL;
}

/* Everything that grows with the table, each session in it. */
static double bytes_per_session(const struct bench *b)
{
    return (double)sessions_bytes(&b->dp->sessions) / b->dp->sessions.store.capacity;
}

int bench_known(const struct bench_options *o, uint32_t sessions, struct report *r)
{
    double known[MAX_WINDOWS], limit[MAX_WINDOWS];
    unsigned n = (unsigned)(o->seconds / WINDOW_S / 2);
    struct bench *b = known_flows(o, sessions);
    if (!b)
        return -1;
    n = n < 3 ? 3 : n > MAX_WINDOWS ? MAX_WINDOWS : n;
    window(b, worker_once);
    for (unsigned i = 0; i < n; i++) {
        known[i] = window(b, worker_once);
        limit[i] = window(b, limit_run_once);
    }
    double cycles = bench_median(known, n), least = bench_median(limit, n);
    report_open(r, "known", sessions, "sessions");
    report_cost(r, cycles);
    report_figure(r, "ratio_to_limit", least / cycles, 3, "of the limit's rate");
    report_figure(r, "bytes_per_session", bytes_per_session(b), 1, "bytes per session");
    report_close(r);
    report_open(r, "limit", sessions, "sessions");
    report_cost(r, least);
    report_close(r);
    bench_destroy(b);
    return 0;
}
