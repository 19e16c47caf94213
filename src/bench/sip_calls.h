/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls through a whole firewall, worker, ALG and control in one thread in turns: a batch of frames
 * goes in on one side, and as many must come out on the other.
 */
#pragma once

#include "bench/bench.h"
#include "bench/sip_load.h"
#include "control/expiry.h"
#include "fastpath/alg_core.h"

#define SIP_CALLS_BATCH_MS BURST /* of virtual time a batch: a thousand calls a second */

struct sip_calls {
    struct bench *b;
    struct alg_core *core;
    struct expiry *expiry;
    struct sip_load load;
    uint32_t *order; /* the places in the order they are played */
    bool failed;
    struct {
        uint64_t cycles, n; /* of the ALG core */
    } kind[SIP_LOAD_KIND_COUNT], timers, control;
};

/* Room for `n_calls` calls over a pool of eight addresses. 0, or -1 with a line on standard error.
 */
int sip_calls_init(struct sip_calls *c, const struct bench_options *o, uint32_t n_calls);
void sip_calls_free(struct sip_calls *c);

/* One message of kind `kind` of each of `n` calls (at most BURST). */
void sip_calls_say(struct sip_calls *c, enum sip_load_kind kind, const uint32_t *calls, unsigned n);

/* From INVITE to ACK; from BYE to its answer. */
void sip_calls_begin(struct sip_calls *c, const uint32_t *calls, unsigned n);
void sip_calls_end(struct sip_calls *c, const uint32_t *calls, unsigned n);

/* All calls begin, a thousand a second of virtual time. */
void sip_calls_begin_all(struct sip_calls *c);

/* Let virtual time pass: timers of the ALG, and control's work. */
void sip_calls_wait(struct sip_calls *c, uint64_t ms);
