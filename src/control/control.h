/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control core: expires sessions and mappings, frees what nobody can see any more, answers ARP,
 * publishes the configuration, serves the CLI. One thread owns struct control and calls everything
 * here. Nothing in it may hold up the loop: listings run in slices, timers with a budget.
 */
#pragma once

#include "fastpath/alg_core.h"
#include "fastpath/worker.h"

struct config_tree;
struct text;
struct backend;
struct control;

struct control_options {
    const char *config_path; /* where commits are saved; NULL: nowhere */
    const char *socket_path; /* CLI socket; NULL: none */
    /* The clock, for going on with timers while a large configuration is compiled by a helper
     * thread. NULL: none is used; time stands still while a commit lasts. */
    uint64_t (*clock_ms)(const void *ctx);
    const void *clock_ctx;
    int64_t wall_s; /* wall clock (seconds since 1970) at time 0; 0: unknown, replay */
    /* Replay: a neighbour resolves at once to 02:00 and its address; no ARP is sent. */
    bool virtual_neighbours;
};

/*
 * Control over a dataplane and its ALG. `running` (owned by control from now on, also when this
 * fails) is compiled and published before it returns. NULL with the reason in `error`.
 */
struct control *control_create(struct dataplane *dp, struct alg_core *alg,
                               const struct control_options *options, struct config_tree *running,
                               uint64_t now_ms, struct text *error);
/* After the threads of the dataplane have ended; before dataplane_destroy and alg_core_destroy. */
void control_destroy(struct control *c);

/* One round of everything. Returns how much there was to do, so that an idle loop may nap. */
unsigned control_run_once(struct control *c, uint64_t now_ms);

/* The parts, for replay: frames from workers (ARP, next hops to resolve) ... */
unsigned control_take_frames(struct control *c, uint64_t now_ms);
/* ... sessions and mappings that threads told of, and the wheels ... */
unsigned control_run_timers(struct control *c, uint64_t now_ms);
/* ... and the next time a wheel has something to do (lower bound), UINT64_MAX never. */
uint64_t control_next_deadline_ms(const struct control *c);

/* Compile, publish and save `candidate`; 0, or -errno with the reason and nothing changed. */
int control_commit(struct control *c, const struct config_tree *candidate, struct text *error);

/* Look at the links in the next round, not only when a second is over. */
void control_links_changed(struct control *c);

/* The window for CLI logins, valid as long as `c`. */
const struct backend *control_backend(struct control *c);

/* Packets of the balance that wait: for a next hop, for other fragments, or on a ring. */
uint64_t control_held(const struct control *c);

/*
 * Packets of workers, ALG and control together:
 *
 *   in + pieces = out + all drops + consumed + joined + control_held
 *
 * whenever worker and ALG are between two rounds (each worker_flush done); while they run, packets
 * of the burst under way are missing on the right.
 */
void control_counts(const struct control *c, struct packet_counts *out);
