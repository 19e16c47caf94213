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
    uint16_t n = dp->wire.rx(dp->wire.ctx, BENCH_LAN, 0, m, BURST);
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

/* Play flows from *at on for `tsc` ticks; ticks per packet. */
static double window(struct bench *b, void (*run)(struct worker *, uint64_t), uint64_t tsc,
                     uint32_t *at)
{
    uint64_t packets = 0, start = rte_rdtsc(), end;
    do {
        for (int round = 0; round < 16; round++) {
            unsigned n = b->n_flows - *at < BURST ? b->n_flows - *at : BURST;
            bench_feed(b, &b->shuffled[*at], n);
            run(b->worker, b->now_ms);
            packets += bench_drain(b);
            *at = *at + n == b->n_flows ? 0 : *at + n;
        }
        end = rte_rdtsc();
    } while (end - start < tsc);
    return (double)(end - start) / (double)packets;
}

static void result_set(struct bench_result *r, double *cycles, unsigned n)
{
    r->cycles = bench_median(cycles, n);
    r->ns = r->cycles * 1e9 / (double)rte_get_tsc_hz();
}

void bench_known(struct bench *b, double seconds, struct bench_result *known,
                 struct bench_result *limit)
{
    double known_cycles[MAX_WINDOWS], limit_cycles[MAX_WINDOWS];
    uint64_t tsc = (uint64_t)(WINDOW_S * (double)rte_get_tsc_hz());
    unsigned n = (unsigned)(seconds / WINDOW_S / 2);
    uint32_t at = 0;
    n = n < 3 ? 3 : n > MAX_WINDOWS ? MAX_WINDOWS : n;
    window(b, worker_once, tsc, &at);
    for (unsigned i = 0; i < n; i++) {
        known_cycles[i] = window(b, worker_once, tsc, &at);
        limit_cycles[i] = window(b, limit_run_once, tsc, &at);
    }
    result_set(known, known_cycles, n);
    result_set(limit, limit_cycles, n);
}
