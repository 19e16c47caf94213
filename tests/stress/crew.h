/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A crew of threads that use one set of sessions and mappings at once, and a control thread that
 * does what control does: takes news, buries, waits for a grace period, gives indexes back.
 *
 * The grace period is a small quiescent-state scheme of our own in plain atomics, so that
 * ThreadSanitizer sees every edge of it.
 */
#pragma once

#include "sessions/mapping.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CREW_MAX 8

#define UDP 17
#define LAN 1
#define WAN 2

/* In threads there is nothing to unwind to: say where and stop, before or after NDEBUG. */
#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

struct crew;

struct member {
    struct session_thread thread;
    struct rng rng;
    uint64_t seen; /* atomic: last token at which it was quiescent; UINT64_MAX: offline */
    struct crew *crew;
    pthread_t id;
    unsigned number;
} __attribute__((aligned(64)));

/* Records that ended, on their way back to the store. */
struct morgue {
    uint32_t *open, *waiting; /* not in a grace period yet; in one */
    uint32_t n_open, n_waiting;
    uint64_t token;
    bool *ended; /* buried in this life */
};

struct crew {
    struct sessions ss;
    struct mappings ms;
    struct member member[CREW_MAX];
    unsigned n; /* members */
    pthread_barrier_t barrier;
    uint64_t token; /* atomic */
    int stop;       /* atomic: control ends when all is drained */
    pthread_t control;
    struct morgue sessions, mappings;
    struct nat_want nat;
    const void *game; /* what the test wants its members to know */
};

/* `n` members; sessions and mappings of these capacities. Seeds are fixed. */
void crew_open(struct crew *c, unsigned n, uint32_t sessions, uint32_t mappings);

/* Run `work` in every member with control beside them, until all have returned and control has
 * nothing left to do. */
void crew_run(struct crew *c, void (*work)(struct member *));
void crew_close(struct crew *c);

/* A member holds nothing any more. */
void quiescent(struct member *m);

/* Wait for all members; offline meanwhile. */
void together(struct member *m);

/* Make and find as a worker does: lose, look, try again. The index, or INDEX_NONE: refused. */
uint32_t session_meet(struct member *m, const struct session_new *want);

/* The LIVE session with this key, or INDEX_NONE; it stays so until quiescent(). */
uint32_t session_of(const struct crew *c, const struct key *key);

/* The LIVE mapping of an inside endpoint in LAN, or INDEX_NONE; likewise. */
uint32_t mapping_of(const struct crew *c, struct endpoint inside);

struct endpoint endpoint_make(uint32_t host, uint16_t port);

/* A flow from LAN to WAN as it is, behind c->nat, or through a mapping (from either side). */
struct session_new flow_routed(struct endpoint src, struct endpoint dst);
struct session_new flow_nat(const struct crew *c, struct endpoint src, struct endpoint dst);
struct session_new flow_mapped(const struct crew *c, uint32_t mapping, struct endpoint remote);
struct session_new flow_turned(const struct session_new *flow);

unsigned slots_used(const struct table *t);

/* How much longer than by default a test is to run: PINHOLE_STRESS from the environment, else 1. */
unsigned stress_factor(void);
