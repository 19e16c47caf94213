/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the rule book decided, for those who ask afterwards: how often each policy was hit and when,
 * and which flows were denied where a log was asked for.
 *
 * Each worker has a cache line per policy and a ring of denials of its own and writes nothing else;
 * control reads both. A policy keeps its slot from commit to commit. A slot has lives: control
 * begins a new one when the slot goes to another policy or an operator clears it, and a worker
 * that meets a new life starts its own line anew, so nobody ever writes another's memory.
 */
#pragma once

#include "base/addr.h"
#include "fastpath/snapshot.h"

/* Slot 0 is the implicit deny. */
#define VERDICT_SLOTS (1u << 18)

/* Denials that may wait for control, per worker; a power of two. */
#define VERDICT_RING 256

/* One policy, one worker. */
struct verdict_line {
    uint64_t hits;          /* sessions made and packets denied */
    uint64_t denied, bytes; /* packets denied, their IP bytes */
    uint64_t first_ms, last_ms;
    uint32_t life;
} __attribute__((aligned(64)));

struct verdict_denial {
    struct flow flow;
    uint32_t policy_id; /* 0: no policy */
    uint64_t at_ms;
};

struct verdict_ring {
    uint32_t head; /* atomic; the worker's */
    uint64_t lost; /* atomic; the worker's: denials for which there was no room */
    uint32_t tail __attribute__((aligned(64))); /* atomic; control's */
    struct verdict_denial denial[VERDICT_RING];
};

struct verdicts {
    uint16_t n_workers;
    uint32_t *life;             /* by slot; control writes */
    struct verdict_line **line; /* by worker, then by slot */
    struct verdict_ring **ring; /* by worker */
};

/* What all workers have counted for one slot. */
struct verdict_total {
    uint64_t hits, denied, bytes;
    uint64_t first_ms, last_ms; /* 0 without hits */
};

/* Pages are taken when a slot is first hit. 0 or -ENOMEM. */
int verdicts_init(struct verdicts *v, uint16_t n_workers);
void verdicts_free(struct verdicts *v);

/* Worker: the policy in `slot` admitted a flow ... */
void verdict_admitted(struct verdicts *v, uint16_t worker, uint32_t slot, uint64_t now_ms);

/* ... or denied a packet of so many IP bytes. */
void verdict_denied(struct verdicts *v, uint16_t worker, uint32_t slot, uint32_t bytes,
                    uint64_t now_ms);

/* Worker: keep a denial for the log; counted as lost when control is behind. */
void verdict_log(struct verdicts *v, uint16_t worker, const struct verdict_denial *denial);

/*
 * Control: give each policy of `next`, which nobody reads yet, its slot: that of the same id in
 * `previous` (may be NULL), else a free one, which begins a new life. 0, or -ENOSPC when both hold
 * more policies than there are slots.
 */
int verdicts_assign(struct verdicts *v, const struct snapshot *previous, struct snapshot *next);

/* Control: count the slot from nothing. */
void verdicts_clear(struct verdicts *v, uint32_t slot);

void verdicts_total(const struct verdicts *v, uint32_t slot, struct verdict_total *out);

/* Control: the oldest denial of a worker into *out; false: none waits. */
bool verdicts_take(struct verdicts *v, uint16_t worker, struct verdict_denial *out);

/* Control: denials lost for want of room so far, over all workers. */
uint64_t verdicts_lost(const struct verdicts *v);
