/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The in-process benchmark: a dataplane between two net_ring ports, fed and drained by the thread
 * that runs the worker, so that what is timed is the cost of the packet path on one core.
 *
 * Flows are H inside hosts with 64 source ports each, one outside server per inside host, UDP to
 * port 80, frames of 60 bytes (64 on the wire), played in random order: the order of creation would
 * let the hardware prefetcher help.
 */
#pragma once

#include "fastpath/worker.h"

#include <rte_ethdev.h>

enum {
    BENCH_LAN = 1,
    BENCH_WAN = 2
};

struct bench_frame {
    unsigned char bytes[60];
    uint32_t unused;
};

struct bench {
    struct dataplane *dp;
    struct worker *worker;
    uint16_t port[3];                 /* DPDK port by interface number */
    struct rte_ring *feed[3];         /* what arrives there */
    struct rte_ring *drain[3];        /* what left there */
    struct rte_mbuf *free[4 * BURST]; /* buffers going round */
    unsigned n_free;
    uint32_t n_flows;
    struct bench_frame *frames;   /* one per flow, in creation order */
    struct bench_frame *shuffled; /* the same in random order */
    size_t frames_bytes;
    uint64_t now_ms;
};

/* One figure of a case. */
struct bench_result {
    double ns;     /* per packet or session, median of the windows */
    double cycles; /* of the time-stamp counter */
};

/* Start EAL with what the machine has: huge pages when at least `mib` are free, else without. */
int bench_eal(const char *program, unsigned mib, bool *huge);

/* A dataplane with room for `sessions`, and that many flows. NULL: no memory. */
struct bench *bench_create(uint32_t flows, uint32_t sessions, bool huge);
void bench_destroy(struct bench *b);

/* Put `n` of `frames` (at most BURST) on the LAN side. */
void bench_feed(struct bench *b, const struct bench_frame *frames, unsigned n);

/* Take back everything that left the firewall; returns how many on the WAN side. */
unsigned bench_drain(struct bench *b);

/* Write the frame of flow `i` of a set of flows. */
void bench_frame_make(struct bench_frame *f, uint32_t i);

/* Each flow's first packet, once. False when not every one came out. */
bool bench_open_all(struct bench *b);

/* Known flows: `known` through the firewall, `limit` the unavoidable part of the same. */
void bench_known(struct bench *b, double seconds, struct bench_result *known,
                 struct bench_result *limit);

/* New sessions while as many expire; the worker's part and control's part per session. */
int bench_setup(uint32_t live, bool huge, double seconds, struct bench_result *worker,
                struct bench_result *control);

/* Median of `n` values (reorders them). */
double bench_median(double *values, unsigned n);
