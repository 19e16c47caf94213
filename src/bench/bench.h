/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The in-process benchmark: a dataplane between two net_ring ports, fed and drained by the threads
 * that run its workers, so that what is timed is the cost of the packet path and no wire.
 *
 * Flows are H inside hosts with 64 source ports each, one outside server per inside host, UDP to
 * port 80, frames of 60 bytes (64 on the wire), played in random order unless asked otherwise: the
 * order of creation lets the hardware prefetcher help.
 */
#pragma once

#include "bench/report.h"
#include "fastpath/worker.h"

#include <rte_ethdev.h>

#define BENCH_WORKERS 16

enum {
    BENCH_LAN = 1,
    BENCH_WAN = 2
};

struct bench_frame {
    unsigned char bytes[60];
    uint32_t unused;
};

/* What the command line says. */
struct bench_options {
    double seconds;
    uint16_t workers;
    bool creation_order;
    bool huge; /* what EAL got */
};

/* One worker, its own queue of both ports, and the buffers that go round in it. */
struct bench_lane {
    struct bench *b;
    struct worker *worker;
    uint16_t id;
    struct rte_ring *feed[3];  /* what arrives, by interface number */
    struct rte_ring *drain[3]; /* what left */
    struct rte_mbuf *free[4 * BURST];
    unsigned n_free;
    uint32_t first, n, at; /* its share of the flows, and where it is in it */
};

struct bench {
    struct dataplane *dp;
    struct config_rows *rows;
    uint16_t n_lanes;
    struct bench_lane lanes[BENCH_WORKERS];
    uint16_t port[3]; /* DPDK port by interface number */
    uint32_t n_flows;
    struct bench_frame *frames; /* one per flow, in creation order */
    struct bench_frame *played; /* the same in the order they are played */
    size_t frames_bytes;
    uint64_t now_ms;
};

/*
 * A case: measure with `sessions` sessions (or so many of what it is about) and report. 0, or -1
 * with a line on standard error. The list of cases is in pinhole_bench.c.
 */
typedef int bench_case_run(const struct bench_options *o, uint32_t sessions, struct report *r);
bench_case_run bench_policy, bench_known, bench_steps, bench_setup, bench_churn, bench_timer,
    bench_sip, bench_rtp, bench_list;

/* Start EAL with what the machine has: huge pages when at least `mib` are free, else without. */
int bench_eal(const char *program, unsigned mib, bool *huge);

struct bench_plan {
    uint32_t flows, sessions; /* frames to make, room in the table */
    uint32_t mbufs;           /* 0: what the lanes' own buffers need */
    uint32_t idle_s;          /* udp-idle-timer */
    uint32_t mappings;        /* room for them; 0: hardly any */
    const char *config;       /* more of it, in FortiOS syntax; NULL: nothing */
    const char *policy;       /* lines of the policy beside the usual; NULL: ports are kept */
};

/* A dataplane for the plan. NULL, with a line on standard error: no memory. */
struct bench *bench_create(const struct bench_options *o, const struct bench_plan *plan);
void bench_destroy(struct bench *b);

/*
 * Run `body` for every lane at once, each on a thread and CPU of its own; one lane alone runs on
 * the calling thread. Returns when all have returned.
 */
void bench_lanes_run(struct bench *b, void (*body)(struct bench_lane *lane, void *arg), void *arg);

/* How many CPUs the process may use. */
unsigned bench_cpus(void);

/* Put the calling thread on the i-th of them. */
void bench_pin(unsigned i);

/* Put `n` of `frames` (at most BURST) on the LAN side. */
void bench_feed(struct bench_lane *lane, const struct bench_frame *frames, unsigned n);

/* Take back what left on the WAN side; returns how many frames. */
unsigned bench_drain(struct bench_lane *lane);

/* Write the frame of flow `i`; its number stands in the payload, too. */
void bench_frame_make(struct bench_frame *f, uint32_t i);
#define BENCH_PAYLOAD 42

/* Each flow's first packet, once, by the lane that plays it later. False when one did not leave. */
bool bench_open_all(struct bench *b);

/* Median of `n` values (reorders them). */
double bench_median(double *values, unsigned n);
