/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ALG thread's side of the rings: takes SIP frames from the workers, lets the ALG edit them,
 * and hands them back. Owned by the ALG thread; counters are read relaxed by others.
 */
#pragma once

#include "alg/alg_names.h"
#include "alg/streams.h"
#include "fastpath/alg_parties.h"
#include "fastpath/snat.h"

struct alg_mail;

struct alg_core {
    struct dataplane *dp;
    struct alg *alg;
    struct alg_mail *mail; /* where control asks for listings */
    struct session_thread thread;
    char *out[ALG_CROSSINGS];     /* an edited message each, of dp->large_room bytes */
    uint64_t drop[DROP_COUNT];    /* messages and segments dropped here, by reason */
    uint64_t consumed, made;      /* TCP segments, as in struct packet_counts */
    uint64_t now_ms;              /* of the round */
    struct snat_spoken spoken[2]; /* what `barred` of alg_core_describe refers to ... */
    struct nat_fit barred[2];
    struct alg_names names;
};

/* `reader` is its RCU reader id. NULL: no memory. */
struct alg_core *alg_core_create(struct dataplane *dp, const struct alg_limits *limits,
                                 const struct hash_secret *secret, uint64_t seed);
void alg_core_destroy(struct alg_core *core);

/*
 * One round over all workers' rings and the ALG's timers, then quiescent. Returns messages and
 * timers handled.
 */
unsigned alg_core_run_once(struct alg_core *core, uint64_t now_ms);

/*
 * The crossings of a message that travels in direction `dir` of a session (alg_parties.h), with all
 * but the payload; valid until the next call. 0: the session is gone.
 */
unsigned alg_core_describe(struct alg_core *core, struct handle session, unsigned dir,
                           struct alg_packet packets[ALG_CROSSINGS]);

/* Drop a frame here: as drop() of worker.h. */
void alg_core_drop(struct alg_core *core, struct rte_mbuf *m, enum drop_reason reason,
                   uint64_t now_ms);
