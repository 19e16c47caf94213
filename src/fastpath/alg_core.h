/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ALG thread's side of the rings: takes SIP frames from the workers, lets the ALG edit them,
 * and hands them back. Owned by the ALG thread; counters are read relaxed by others.
 */
#pragma once

#include "fastpath/alg_parties.h"

struct alg_mail;

struct alg_core {
    struct dataplane *dp;
    struct alg *alg;
    struct alg_mail *mail; /* where control asks for listings */
    struct session_thread thread;
    char *out[ALG_CROSSINGS];  /* an edited message each, of dp->large_room bytes */
    uint64_t drop[DROP_COUNT]; /* messages dropped here, by reason */
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
