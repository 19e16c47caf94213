/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core's round: frames from the workers, timers, old snapshots, the CLI. Nothing in it
 * waits; whatever could be long has a budget and goes on in the next round.
 *
 * Frames of others that control sends on go back to the worker of queue 0, whatever worker they
 * came from: workers alone touch ports, and a held frame has lost its place in the flow anyway.
 */
#include "control/control.h"
#include "base/log.h"
#include "config/rows.h"

#include "base/text.h"
#include "config/tree.h"
#include "control/core.h"
#include "control/links.h"
#include "control/socket.h"

#include <rte_ring_peek.h>

#include <errno.h>
#include <stdlib.h>

#define HELD_MAX 1024

static void count_drop(void *ctx, struct rte_mbuf *m, enum drop_reason reason)
{
    struct control *c = ctx;
    c->drop[reason]++;
    if (events_on(&c->dp->events))
        event_emit(&c->dp->events, "drop", c->now_ms, "\"reason\":\"%s\"", drop_name(reason));
    rte_pktmbuf_free(m);
}

static void send_by_worker(void *ctx, struct rte_mbuf *m)
{
    struct control *c = ctx;
    bool own = note_of(m)->kind == NOTE_SEND;
    if (rte_ring_sp_enqueue(c->dp->workers[0]->from_control, m) == 0) {
        c->forward[c->n_handed++ % CONTROL_RING_MAX] = !own;
        return;
    }
    if (own)
        rte_pktmbuf_free(m); /* made here: no packet of the balance */
    else
        count_drop(c, m, DROP_CONTROL_RING_FULL);
}

/* Frames that wait for next hops leave most buffers to traffic. */
static uint32_t held_max(const struct rte_mempool *pool)
{
    uint32_t n = pool->size / 8;
    return n < HELD_MAX ? n : HELD_MAX;
}

/* Who asks for a next hop, by the family of its address. */
static void ask(void *ctx, const struct snapshot *s, const struct resolver_ask *question)
{
    struct control *c = ctx;
    if (ip_addr_is4(&question->target))
        arp_ask(&c->arp, s, question);
    else
        nd_ask(&c->nd, s, question);
}

static int next_hops_create(struct control *c, bool virtual_neighbours, uint64_t now_ms)
{
    const struct resolver_setup setup = {.neighbours = &c->dp->neighbours,
                                         .held_max = held_max(c->dp->pool),
                                         .few = c->dp->large,
                                         .virtual_neighbours = virtual_neighbours,
                                         .ask = ask,
                                         .send = send_by_worker,
                                         .drop = count_drop,
                                         .ctx = c};
    const struct frame_out out = {.pool = c->dp->pool, .send = send_by_worker, .ctx = c};
    arp_init(&c->arp, &(struct arp_setup){out, &c->resolver, virtual_neighbours});
    nd_init(&c->nd, &(struct nd_setup){out, &c->resolver, virtual_neighbours});
    return resolver_init(&c->resolver, &setup, now_ms);
}

static void session_over(void *ctx, uint32_t index)
{
    struct control *c = ctx;
    uint32_t created_ms = session_at(&c->dp->sessions, index)->created_ms;
    policy_counts_over(&c->policy_counts, index);
    traffic_log_session(&c->traffic_log, index, expiry_elapsed_ms(c->now_ms, created_ms) / 1000,
                        c->now_ms);
}

static int parts_create(struct control *c, const struct control_options *options, uint64_t now_ms,
                        struct text *error)
{
    struct dataplane *dp = c->dp;
    int result = publish_init(&c->publish, dp, options->config_path, error);
    if (result != 0)
        return result;
    c->expiry = expiry_create(&(struct expiry_setup){.sessions = &dp->sessions,
                                                     .mappings = &dp->mappings,
                                                     .timer_sets = dp->timer_sets,
                                                     .qsbr = dp->qsbr,
                                                     .events = &dp->events,
                                                     .over = session_over,
                                                     .over_ctx = c},
                              now_ms);
    c->traffic_log.dp = dp;
    debug_hub_init(&c->debug_hub, alg_debug(c->alg->alg), options->wall_s);
    c->voip_log = (struct voip_log){.dp = dp, .from = alg_log(c->alg->alg)};
    result = c->expiry ? policy_counts_init(&c->policy_counts, dp) : -ENOMEM;
    if (result == 0)
        result = next_hops_create(c, options->virtual_neighbours, now_ms);
    if (result != 0) {
        text_printf(error, "no memory for the timers");
        return result;
    }
    for (uint16_t i = 0; i < dp->n_workers; i++)
        expiry_watch(c->expiry, &dp->workers[i]->thread);
    expiry_watch(c->expiry, &c->alg->thread);
    return expiry_watch(c->expiry, &c->thread);
}

/* The neighbours that the configuration in force names. */
static void neighbours_fix(struct control *c)
{
    const struct config_rows *rows = c->publish.rows;
    uint32_t missed = resolver_fix(&c->resolver, dataplane_snapshot(c->dp), rows->neighbours,
                                   rows->n_neighbours, c->now_ms);
    if (missed > 0)
        log_warn("%u static neighbours found no room", missed);
}

/* While the helper works on a commit: what cannot wait. */
static void meanwhile(void *ctx)
{
    struct control *c = ctx;
    uint64_t now_ms = c->options.clock_ms(c->options.clock_ctx);
    control_take_frames(c, now_ms);
    control_run_timers(c, now_ms);
}

struct control *control_create(struct dataplane *dp, struct alg_core *alg,
                               const struct control_options *options, struct config_tree *running,
                               uint64_t now_ms, struct text *error)
{
    struct control *c = aligned_alloc(64, (sizeof *c + 63) / 64 * 64);
    if (!c)
        abort();
    *c = (struct control){.dp = dp,
                          .alg = alg,
                          .options = *options,
                          .running = running,
                          .start_ms = now_ms,
                          .now_ms = now_ms};
    c->view.dp = dp;
    timer_sweep_init(&c->sweep, dp, &c->publish);
    RTE_VERIFY(rte_ring_get_size(dp->workers[0]->from_control) <= CONTROL_RING_MAX);
    session_thread_init(&c->thread, 0);
    control_backend_init(c);
    int result = parts_create(c, options, now_ms, error);
    links_init(c);
    if (result != 0 || publish_commit(&c->publish, running, error) != 0) {
        control_destroy(c);
        return NULL;
    }
    neighbours_fix(c);
    if (options->clock_ms)
        publish_set_meanwhile(&c->publish, (struct publish_meanwhile){meanwhile, c});
    if (options->socket_path) {
        c->socket = socket_open(options->socket_path, running, &c->backend, &c->publish, error);
        if (!c->socket) {
            control_destroy(c);
            return NULL;
        }
    }
    return c;
}

void control_destroy(struct control *c)
{
    if (!c)
        return;
    socket_close(c->socket);
    resolver_free(&c->resolver);
    expiry_destroy(c->expiry);
    publish_free(&c->publish);
    debug_hub_free(&c->debug_hub);
    policy_counts_free(&c->policy_counts);
    tree_free(c->running);
    free(c);
}

static void take_frame(struct control *c, const struct snapshot *s, struct rte_mbuf *m)
{
    switch ((enum note_kind)note_of(m)->kind) {
    case NOTE_ARP:
        arp_input(&c->arp, s, m, c->now_ms);
        return;
    case NOTE_ND:
        nd_input(&c->nd, s, m, c->now_ms);
        return;
    case NOTE_RESOLVE:
        resolver_take(&c->resolver, s, m, c->now_ms);
        return;
    case NOTE_SIP:
    case NOTE_SEND:
    case NOTE_FORWARD:
    case NOTE_FRAGMENT:
    case NOTE_TRANSMIT:
        break;
    }
    rte_panic("control: a frame that workers do not send\n");
}

unsigned control_take_frames(struct control *c, uint64_t now_ms)
{
    const struct snapshot *s = dataplane_snapshot(c->dp);
    unsigned total = 0;
    c->now_ms = now_ms;
    for (uint16_t i = 0; i < c->dp->n_workers; i++) {
        struct rte_mbuf *m[BURST];
        unsigned n =
            rte_ring_sc_dequeue_burst(c->dp->workers[i]->to_control, (void **)m, BURST, NULL);
        for (unsigned k = 0; k < n; k++)
            take_frame(c, s, m[k]);
        total += n;
    }
    return total;
}

unsigned control_run_timers(struct control *c, uint64_t now_ms)
{
    const struct snapshot *s = dataplane_snapshot(c->dp);
    c->now_ms = now_ms;
    return expiry_run(c->expiry, now_ms) + resolver_run(&c->resolver, s, now_ms) +
           arp_run(&c->arp, s, now_ms) + nd_run(&c->nd, s, now_ms) + links_run(c, now_ms) +
           timer_sweep_run(&c->sweep) + publish_run(&c->publish) +
           traffic_log_run(&c->traffic_log, now_ms) + voip_log_run(&c->voip_log, now_ms) +
           debug_hub_run(&c->debug_hub) + policy_counts_run(&c->policy_counts, now_ms);
}

uint64_t control_next_deadline_ms(const struct control *c)
{
    uint64_t expiry = expiry_next_deadline_ms(c->expiry);
    uint64_t resolver = resolver_next_deadline_ms(&c->resolver);
    uint64_t log = voip_log_deadline_ms(&c->voip_log);
    uint64_t first = expiry < resolver ? expiry : resolver;
    return first < log ? first : log;
}

unsigned control_run_once(struct control *c, uint64_t now_ms)
{
    unsigned done = control_take_frames(c, now_ms) + control_run_timers(c, now_ms);
    done += sessions_view_run(&c->view);
    if (c->socket)
        done += socket_run(c->socket, now_ms);
    return done;
}

int control_commit(struct control *c, const struct config_tree *candidate, struct text *error)
{
    int result = publish_commit(&c->publish, candidate, error);
    if (result == 0) {
        neighbours_fix(c);
        publish_save(&c->publish, candidate);
    }
    return result;
}

void control_links_changed(struct control *c)
{
    c->links_next_ms = 0;
}

const struct backend *control_backend(struct control *c)
{
    return &c->backend;
}

/* Frames for next hops; ARP frames are consumed already. Control is the ring's reader. */
static uint64_t waiting_for_us(struct rte_ring *ring)
{
    struct rte_mbuf *m[CONTROL_RING_MAX];
    uint64_t n = 0;
    unsigned all = rte_ring_dequeue_burst_start(ring, (void **)m, RTE_DIM(m), NULL);
    for (unsigned i = 0; i < all; i++)
        n += note_of(m[i])->kind == NOTE_RESOLVE;
    rte_ring_dequeue_finish(ring, 0);
    return n;
}

/* Frames of others among those that the worker has not taken yet: the last ones handed over. */
static uint64_t waiting_for_worker(const struct control *c)
{
    uint64_t n = 0;
    for (unsigned i = rte_ring_count(c->dp->workers[0]->from_control); i > 0; i--)
        n += c->forward[(c->n_handed - i) % CONTROL_RING_MAX];
    return n;
}

uint64_t control_held(const struct control *c)
{
    uint64_t n = c->resolver.held + waiting_for_worker(c);
    for (uint16_t i = 0; i < c->dp->n_workers; i++) {
        const struct worker *w = c->dp->workers[i];
        n += __atomic_load_n(&w->datagrams.pieces, __ATOMIC_RELAXED);
        n += rte_ring_count(w->to_alg) + rte_ring_count(w->from_alg) + worker_passed(w);
        n += waiting_for_us(w->to_control);
    }
    return n;
}

uint64_t control_drops(const struct control *c, enum drop_reason reason)
{
    uint64_t n = c->drop[reason] + __atomic_load_n(&c->alg->drop[reason], __ATOMIC_RELAXED);
    for (uint16_t i = 0; i < c->dp->n_workers; i++)
        n += __atomic_load_n(&c->dp->workers[i]->counts.drop[reason], __ATOMIC_RELAXED);
    return n;
}

void control_counts(const struct control *c, struct packet_counts *out)
{
    dataplane_counts(c->dp, out);
    for (int r = 0; r < DROP_COUNT; r++)
        out->drop[r] = control_drops(c, (enum drop_reason)r);
    out->consumed += __atomic_load_n(&c->alg->consumed, __ATOMIC_RELAXED);
    out->made = __atomic_load_n(&c->alg->made, __ATOMIC_RELAXED);
}
