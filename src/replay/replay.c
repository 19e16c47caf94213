/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's threads are loops over functions that take `now`; here one loop calls them in turn
 * until nothing moves (settle), and only then does time go on: to the next deadline anybody has, or
 * to the next frame. So a timer fires at its own millisecond, after everything before it and before
 * everything after it, however the frames lie in time.
 *
 * The wire's receive side holds what is to arrive next; the worker takes it in an ordinary round.
 * When all is settled, no frame is on a ring and whatever is not held has left, ended or been
 * dropped, which is what replay_balance adds up.
 */
#include "replay/replay.h"

#include "cli/backend.h"
#include "cli/cli.h"
#include "config/rows.h"
#include "config/tree.h"
#include "control/control.h"
#include "fastpath/reassembly.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define NS_PER_MS    1000000u
#define REPLAY_MBUFS 4095
#define FRAME_MAX    65535
#define SECRET_SEED  3
#define ALG_SEED     101
/* Rounds in which something still moves; more means two parts play ball with a frame. */
#define SETTLE_ROUNDS 100000

struct replay {
    struct dataplane *dp;
    struct alg_core *alg;
    struct control *control;
    struct cli *cli;
    const struct backend *backend;
    struct replay_options options;
    uint64_t now_ns;
    uint64_t given, sent;
    uint64_t links_down; /* bit i: interface i */
    /* What arrives in the next round. */
    uint16_t rx_ifindex, rx_n, rx_queue;
    struct rte_mbuf *rx[BURST];
    char linear[FRAME_MAX]; /* a frame of several segments in one piece */
};

static uint64_t clock_now(const struct replay *r)
{
    return r->options.clock_ms + r->now_ns / NS_PER_MS;
}

static uint16_t wire_rx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    struct replay *r = ctx;
    if (ifindex != r->rx_ifindex || queue != r->rx_queue || r->rx_n == 0)
        return 0;
    assert(r->rx_n <= n);
    n = r->rx_n;
    memcpy(m, r->rx, n * sizeof *m);
    r->rx_n = 0;
    return n;
}

static uint16_t wire_tx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    struct replay *r = ctx;
    (void)queue;
    for (uint16_t i = 0; i < n; i++) {
        uint32_t len = rte_pktmbuf_pkt_len(m[i]);
        const char *p = len <= FRAME_MAX ? rte_pktmbuf_read(m[i], 0, len, r->linear) : NULL;
        assert(p);
        if (r->options.sent)
            r->options.sent(r->options.sent_ctx, ifindex, r->now_ns, slice_of(p, len));
        r->sent++;
        rte_pktmbuf_free(m[i]);
    }
    return n;
}

static bool wire_link(void *ctx, uint16_t ifindex)
{
    const struct replay *r = ctx;
    return !(r->links_down >> ifindex & 1);
}

/* Everybody takes turns until nothing moves. */
static void settle(struct replay *r)
{
    uint64_t now_ms = clock_now(r);
    for (unsigned rounds = 0;; rounds++) {
        unsigned moved = 0;
        for (uint16_t i = 0; i < r->dp->n_workers; i++)
            moved += worker_run_once(r->dp->workers[i], now_ms);
        moved += alg_core_run_once(r->alg, now_ms);
        moved += control_take_frames(r->control, now_ms);
        moved += control_run_timers(r->control, now_ms);
        if (moved == 0)
            return;
        assert(rounds < SETTLE_ROUNDS);
    }
}

static uint64_t next_deadline_ms(const struct replay *r)
{
    uint64_t control = control_next_deadline_ms(r->control);
    uint64_t alg = alg_next_deadline_ms(r->alg->alg);
    uint64_t next = control < alg ? control : alg;
    for (uint16_t i = 0; i < r->dp->n_workers; i++) {
        uint64_t pieces = reassembly_next_ms(r->dp->workers[i]);
        next = pieces < next ? pieces : next;
    }
    return next;
}

void replay_advance(struct replay *r, uint64_t at_ns)
{
    uint64_t end_ms = r->options.clock_ms + at_ns / NS_PER_MS;
    for (;;) {
        uint64_t due_ms = next_deadline_ms(r);
        /* Deadlines are lower bounds: one may turn out to be nothing yet. */
        if (due_ms <= clock_now(r))
            due_ms = clock_now(r) + 1;
        if (due_ms > end_ms)
            break;
        r->now_ns = (due_ms - r->options.clock_ms) * NS_PER_MS;
        settle(r);
    }
    if (at_ns > r->now_ns)
        r->now_ns = at_ns;
}

uint64_t replay_now_ns(const struct replay *r)
{
    return r->now_ns;
}

/* A frame as a port would deliver it. */
static int frame_copy(struct replay *r, struct slice frame, struct rte_mbuf **out)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(r->dp->pool);
    if (!m)
        return -ENOBUFS;
    if (frame.n > rte_pktmbuf_tailroom(m)) {
        rte_pktmbuf_free(m);
        return -EMSGSIZE;
    }
    if (frame.n > 0)
        memcpy(rte_pktmbuf_append(m, (uint16_t)frame.n), frame.p, frame.n);
    *out = m;
    return 0;
}

/* To which worker the next burst goes. */
static void turn(struct replay *r)
{
    r->rx_queue = (uint16_t)((r->rx_queue + 1) % r->dp->n_workers);
}

int replay_frame(struct replay *r, uint16_t ifindex, struct slice frame)
{
    int rc = frame_copy(r, frame, &r->rx[0]);
    if (rc != 0)
        return rc;
    r->rx_ifindex = ifindex;
    r->rx_n = 1;
    r->given++;
    settle(r);
    turn(r);
    return 0;
}

void replay_burst(struct replay *r, uint16_t ifindex, const struct slice *frames, unsigned n)
{
    assert(n <= BURST);
    r->rx_ifindex = ifindex;
    for (unsigned i = 0; i < n; i++)
        if (frame_copy(r, frames[i], &r->rx[r->rx_n]) == 0)
            r->rx_n++;
    r->given += r->rx_n;
    settle(r);
    turn(r);
}

int replay_command(struct replay *r, struct slice line, struct text *out)
{
    settle(r); /* everybody knows what time it is */
    while (cli_show_debug(r->cli))
        ;
    text_put(out, text_slice(cli_output(r->cli)));
    text_clear(cli_output(r->cli));
    cli_prompt(r->cli, out);
    text_put(out, line);
    text_puts(out, "\n");
    enum cli_state state = cli_line(r->cli, line);
    for (;;) {
        text_put(out, text_slice(cli_output(r->cli)));
        text_clear(cli_output(r->cli));
        if (state != CLI_MORE)
            break;
        settle(r); /* the ALG answers listings by message */
        state = cli_step(r->cli);
    }
    settle(r);
    return cli_status(r->cli);
}

void replay_link(struct replay *r, uint16_t ifindex, bool up)
{
    uint64_t bit = (uint64_t)1 << ifindex;
    r->links_down = up ? r->links_down & ~bit : r->links_down | bit;
    control_links_changed(r->control);
    settle(r);
}

void replay_counts(const struct replay *r, struct replay_counts *out)
{
    struct backend_session_stat stat, stat6;
    *out = (struct replay_counts){.given = r->given, .sent = r->sent};
    control_counts(r->control, &out->packets);
    out->held = control_held(r->control);
    out->buffers = rte_mempool_in_use_count(r->dp->pool) + rte_mempool_in_use_count(r->dp->large);
    r->backend->session_stat(r->backend->ctx, false, &stat);
    r->backend->session_stat(r->backend->ctx, true, &stat6);
    out->sessions = stat.sessions + stat6.sessions;
    out->mappings = stat.mappings;
}

bool replay_balance(const struct replay *r, struct text *why)
{
    struct replay_counts c;
    uint64_t dropped = 0;
    replay_counts(r, &c);
    for (int reason = 0; reason < DROP_COUNT; reason++)
        dropped += c.packets.drop[reason];
    uint64_t accounted = c.packets.out + dropped + c.packets.consumed + c.packets.joined + c.held;
    bool even = c.packets.in + c.packets.pieces + c.packets.made == accounted &&
                c.given == c.packets.in && c.sent == c.packets.out + c.packets.generated &&
                c.buffers == c.held;
    if (!even)
        text_printf(why,
                    "given %lu, in %lu + pieces %lu + made %lu = out %lu + dropped %lu + consumed "
                    "%lu + joined %lu + "
                    "held %lu; generated %lu, sent %lu, buffers in use %lu",
                    c.given, c.packets.in, c.packets.pieces, c.packets.made, c.packets.out, dropped,
                    c.packets.consumed, c.packets.joined, c.held, c.packets.generated, c.sent,
                    c.buffers);
    return even;
}

struct dataplane *replay_dataplane(struct replay *r)
{
    return r->dp;
}

uint16_t replay_interface_count(const struct replay *r)
{
    return dataplane_snapshot(r->dp)->n_interfaces;
}

const char *replay_interface_name(const struct replay *r, uint16_t ifindex)
{
    return dataplane_snapshot(r->dp)->interfaces[ifindex].name;
}

uint16_t replay_interface(const struct replay *r, const char *name)
{
    for (uint16_t i = 1; i <= replay_interface_count(r); i++)
        if (strcmp(replay_interface_name(r, i), name) == 0)
            return i;
    return 0;
}

/* Tables as large as the configuration says; buffers for one burst on its way. */
static int dataplane_make(struct replay *r, const struct config_rows *rows, struct text *error)
{
    const struct row_dpdk *size = &rows->dpdk;
    const struct dataplane_options options = {
        .sessions = size->sessions,
        .mappings = size->mappings,
        .mbufs = REPLAY_MBUFS,
        .n_workers = r->options.n_workers,
        .mtu = config_rows_mtu(rows),
        .fixed = true,
        .any_mac = true, /* captures come from elsewhere, too */
        .wire = {.rx = wire_rx, .tx = wire_tx, .ctx = r, .link = wire_link},
        .events = r->options.events,
    };
    const struct alg_limits limits = {.dialogs = size->dialogs,
                                      .streams = size->sip_streams,
                                      .stream_buffers = size->sip_stream_buffers};
    struct hash_secret secret;
    r->dp = dataplane_create(&options, error);
    if (!r->dp)
        return -ENOMEM;
    hash_secret_fixed(&secret, SECRET_SEED);
    r->alg = alg_core_create(r->dp, &limits, &secret, ALG_SEED);
    if (!r->alg) {
        text_printf(error, "no memory for the SIP core (%u dialogs)", limits.dialogs);
        return -ENOMEM;
    }
    return 0;
}

static int parts_make(struct replay *r, struct config_tree *config, struct text *error)
{
    const struct control_options options = {.virtual_neighbours = true};
    struct config_rows *rows = config_rows_make(config, error);
    int rc = rows ? dataplane_make(r, rows, error) : -EINVAL;
    config_rows_free(rows);
    if (rc != 0) {
        tree_free(config);
        return rc;
    }
    r->control = control_create(r->dp, r->alg, &options, config, clock_now(r), error);
    if (!r->control)
        return -EINVAL;
    r->backend = control_backend(r->control);
    r->cli = cli_open(config, r->backend);
    assert(r->cli);
    return 0;
}

struct replay *replay_create(const struct replay_options *options, struct text *error)
{
    struct replay *r = calloc(1, sizeof *r);
    assert(r);
    r->options = *options;
    r->options.config = NULL; /* control's from here on */
    if (r->options.n_workers == 0)
        r->options.n_workers = 1;
    if (parts_make(r, options->config, error) != 0) {
        replay_free(r);
        return NULL;
    }
    settle(r);
    return r;
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    if (r->cli)
        cli_close(r->cli);
    if (r->control)
        control_destroy(r->control);
    if (r->alg)
        alg_core_destroy(r->alg);
    if (r->dp)
        dataplane_destroy(r->dp);
    free(r);
}
