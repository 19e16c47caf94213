/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/sip_calls.h"

#include <rte_cycles.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Calls that ended stay a while for late packets; at 1000 a second of virtual time. */
#define ENDED_CALLS 16384u

static const char sip_config[] =
    "config firewall ippool\nedit eight\nset startip 203.0.113.101\nset endip 203.0.113.108\n"
    "next\nend\n";
static const char sip_policy[] = "set ippool enable\nset poolname eight\nset voip-profile default";

static void order_make(struct sip_calls *c, uint32_t n)
{
    struct rng rng = {42};
    for (uint32_t i = 0; i < n; i++)
        c->order[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t k = rng_below(&rng, i), t = c->order[i - 1];
        c->order[i - 1] = c->order[k];
        c->order[k] = t;
    }
}

int sip_calls_init(struct sip_calls *c, const struct bench_options *o, uint32_t n_calls)
{
    struct bench_options one = *o;
    struct hash_secret secret;
    /* Calls, registrations, and what has just ended. */
    const uint32_t room = n_calls + n_calls / SIP_LOAD_CALLS_PER_HOST + ENDED_CALLS;
    one.workers = 1;
    *c = (struct sip_calls){0};
    c->b = bench_create(&one, &(struct bench_plan){.sessions = room,
                                                   .idle_s = 3600,
                                                   .mappings = 3 * room,
                                                   .config = sip_config,
                                                   .policy = sip_policy});
    if (!c->b)
        return -1;
    hash_secret_fixed(&secret, 3);
    struct dataplane *dp = c->b->dp;
    const struct alg_limits limits = {.dialogs = room};
    const struct expiry_setup setup = {.sessions = &dp->sessions,
                                       .mappings = &dp->mappings,
                                       .timer_sets = dp->timer_sets,
                                       .qsbr = dp->qsbr,
                                       .events = &dp->events};
    c->core = alg_core_create(dp, &limits, &secret, 5);
    c->expiry = expiry_create(&setup, c->b->now_ms);
    c->order = calloc(n_calls, sizeof *c->order);
    if (c->core && c->expiry && c->order && sip_load_init(&c->load, n_calls) == 0 &&
        expiry_watch(c->expiry, &c->b->lanes[0].worker->thread) == 0 &&
        expiry_watch(c->expiry, &c->core->thread) == 0) {
        order_make(c, n_calls);
        return 0;
    }
    fprintf(stderr, "pinhole-bench: no memory for %u calls\n", n_calls);
    sip_calls_free(c);
    return -1;
}

void sip_calls_free(struct sip_calls *c)
{
    expiry_destroy(c->expiry);
    alg_core_destroy(c->core);
    bench_destroy(c->b);
    sip_load_free(&c->load);
    free(c->order);
    *c = (struct sip_calls){0};
}

static void feed(struct sip_calls *c, enum sip_load_kind kind, const uint32_t *calls, unsigned n)
{
    struct bench_lane *lane = &c->b->lanes[0];
    struct rte_mbuf **m = &lane->free[lane->n_free - n];
    for (unsigned i = 0; i < n; i++) {
        size_t size = sip_load_frame(&c->load, kind, calls[i], rte_pktmbuf_mtod(m[i], void *));
        m[i]->data_len = (uint16_t)size;
        m[i]->pkt_len = (uint32_t)size;
        m[i]->ol_flags = 0;
    }
    unsigned side = sip_load_outward(kind) ? BENCH_LAN : BENCH_WAN;
    lane->n_free -= rte_ring_sp_enqueue_bulk(lane->feed[side], (void **)m, n, NULL);
}

/* Take what came out; where the public side of each host is follows from its first message. */
static unsigned drain(struct sip_calls *c, enum sip_load_kind kind, const uint32_t *calls)
{
    struct bench_lane *lane = &c->b->lanes[0];
    bool outward = sip_load_outward(kind);
    struct rte_mbuf **m = &lane->free[lane->n_free];
    unsigned n = rte_ring_sc_dequeue_burst(lane->drain[outward ? BENCH_WAN : BENCH_LAN], (void **)m,
                                           BURST, NULL);
    for (unsigned i = 0; i < n && outward; i++)
        sip_load_learn(&c->load, calls[i], rte_pktmbuf_mtod(m[i], void *));
    lane->n_free += n;
    return n;
}

void sip_calls_say(struct sip_calls *c, enum sip_load_kind kind, const uint32_t *calls, unsigned n)
{
    struct worker *w = c->b->lanes[0].worker;
    if (c->failed)
        return;
    feed(c, kind, calls, n);
    worker_run_once(w, c->b->now_ms);
    uint64_t start = rte_rdtsc();
    alg_core_run_once(c->core, c->b->now_ms);
    c->kind[kind].cycles += rte_rdtsc() - start;
    c->kind[kind].n += n;
    worker_run_once(w, c->b->now_ms);
    unsigned out = drain(c, kind, calls);
    if (out == n)
        return;
    fprintf(stderr, "pinhole-bench: of %u messages '%s' %u came out\n", n, sip_load_name(kind),
            out);
    for (int i = 0; i < DROP_COUNT; i++)
        if (w->counts.drop[i] + c->core->drop[i] > 0)
            fprintf(stderr, "pinhole-bench: dropped as %s: %" PRIu64 "\n",
                    drop_name((enum drop_reason)i), w->counts.drop[i] + c->core->drop[i]);
    c->failed = true;
}

void sip_calls_begin(struct sip_calls *c, const uint32_t *calls, unsigned n)
{
    static const enum sip_load_kind kinds[] = {SIP_LOAD_INVITE, SIP_LOAD_TRYING, SIP_LOAD_RINGING,
                                               SIP_LOAD_ANSWER, SIP_LOAD_ACK};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        sip_calls_say(c, kinds[k], calls, n);
}

void sip_calls_end(struct sip_calls *c, const uint32_t *calls, unsigned n)
{
    sip_calls_say(c, SIP_LOAD_BYE, calls, n);
    sip_calls_say(c, SIP_LOAD_BYE_ANSWER, calls, n);
    for (unsigned i = 0; i < n; i++)
        c->load.round[calls[i]]++;
}

void sip_calls_wait(struct sip_calls *c, uint64_t ms)
{
    c->b->now_ms += ms;
    uint64_t start = rte_rdtsc();
    while (alg_core_run_once(c->core, c->b->now_ms) > 0) {
    }
    uint64_t middle = rte_rdtsc();
    worker_run_once(c->b->lanes[0].worker, c->b->now_ms);
    uint64_t third = rte_rdtsc();
    while (expiry_run(c->expiry, c->b->now_ms) > 0) {
    }
    c->timers.cycles += middle - start;
    c->control.cycles += rte_rdtsc() - third;
}

void sip_calls_begin_all(struct sip_calls *c)
{
    for (uint32_t at = 0; at < c->load.n_calls && !c->failed; at += BURST) {
        uint32_t left = c->load.n_calls - at;
        sip_calls_begin(c, &c->order[at], left < BURST ? left : BURST);
        sip_calls_wait(c, SIP_CALLS_BATCH_MS);
    }
}
