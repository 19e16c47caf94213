/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole firewall in one thread under a clock of its own: worker, ALG and control take turns in a
 * fixed order over the same functions, rings and tables as in the daemon, with fixed secrets and
 * seeds. The same frames at the same times give the same bytes. No root, no huge pages, no
 * network; a next hop resolves at once to 02:00 and its address.
 *
 * Time counts nanoseconds from 0 and goes on only when the caller says so; whatever is due in
 * between happens at its own millisecond. One thread owns everything, one firewall per process at a
 * time.
 */
#pragma once

#include "fastpath/dataplane.h"

struct config_tree;
struct replay;

/* Bring up DPDK for this process, once, without its command line. 0, or -errno with `error`. */
int replay_eal_init(struct text *error);
void replay_eal_cleanup(void);

struct replay_options {
    /* The configuration; the firewall owns it from now on, also when it does not come up. */
    struct config_tree *config;
    struct event_sink events;
    /* What the clock of the firewall shows at time 0; events carry that clock. */
    uint64_t clock_ms;
    /* Workers (0 means 1): frames and bursts go to one after the other, so that the packets of a
     * flow, its two directions above all, meet on no worker in particular. */
    uint16_t n_workers;
    /* A frame leaves through interface `ifindex`; the bytes are valid during the call. */
    void (*sent)(void *ctx, uint16_t ifindex, uint64_t at_ns, struct slice frame);
    void *sent_ctx;
};

/* NULL with the reason in `error`. */
struct replay *replay_create(const struct replay_options *options, struct text *error);
void replay_free(struct replay *r);

/* Number of the interface of that name, 0 when there is none; and back. */
uint16_t replay_interface(const struct replay *r, const char *name);
const char *replay_interface_name(const struct replay *r, uint16_t ifindex);
uint16_t replay_interface_count(const struct replay *r);

/* Let time pass up to `at_ns`, timers due then included. Time never goes back: an earlier one is
 * taken for now. */
void replay_advance(struct replay *r, uint64_t at_ns);
uint64_t replay_now_ns(const struct replay *r);

/*
 * A frame arrives on `ifindex` now, and everything comes to rest again. Returns 0; -EMSGSIZE when
 * no port would take a frame of this size (nothing happened); -ENOBUFS when packet buffers ran out,
 * which is a fault of the firewall.
 */
int replay_frame(struct replay *r, uint16_t ifindex, struct slice frame);

/* Up to BURST frames arrive on `ifindex` in one burst. Frames as above are left out. */
void replay_burst(struct replay *r, uint16_t ifindex, const struct slice *frames, unsigned n);

/*
 * Type a line at the CLI, now. Prompt, line and answer are appended to `out`. Returns the FortiOS
 * return code: 0, or negative.
 */
int replay_command(struct replay *r, struct slice line, struct text *out);

/* The interface loses its link, or has it again, now. All have one at first. */
void replay_link(struct replay *r, uint16_t ifindex, bool up);

/* Where all packets are. */
struct replay_counts {
    uint64_t given;               /* frames handed to replay_frame and replay_burst and taken */
    uint64_t sent;                /* frames seen by `sent` */
    struct packet_counts packets; /* drops of all threads together */
    uint64_t held;                /* wait for something */
    uint64_t buffers;             /* packet buffers in use */
    uint32_t sessions, mappings;  /* alive */
};

void replay_counts(const struct replay *r, struct replay_counts *out);

/*
 * Is every packet somewhere? in + pieces = out + dropped by reason + consumed + joined + held, what
 * was given is what came in, what was sent is what went out, and no buffer is lost. False with the
 * figures in `why`.
 */
bool replay_balance(const struct replay *r, struct text *why);

/* The dataplane, for tests. */
struct dataplane *replay_dataplane(struct replay *r);
