/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of sessions and mappings: files them in wheels, ends what is due, takes the keys of what
 * ended out of the tables and gives the indexes back after a grace period. The control thread owns
 * it and calls everything here. It learns of sessions and mappings from the stacks of news of the
 * threads it watches, its own included.
 *
 * `last_seen_ms` and `created_ms` are the low halves of the clock; a stamp counts as up to an hour
 * ahead of `now_ms` (another thread's clock) and otherwise as past, so ages up to 49 days are
 * right.
 */
#pragma once

#include "base/events.h"
#include "sessions/mapping.h"
#include "sessions/timeouts.h"

struct expiry;
struct rte_rcu_qsbr;

struct expiry_setup {
    struct sessions *sessions;
    struct mappings *mappings;
    const struct timer_sets *timer_sets;
    struct rte_rcu_qsbr *qsbr; /* every thread that finds sessions is a reader */
    const struct event_sink *events;
    /* A session has ended and its counters are final; NULL: nobody wants to know. */
    void (*over)(void *ctx, uint32_t index);
    void *over_ctx;
};

struct expiry_stat {
    uint32_t sessions, mappings; /* that control knows and that have not ended */
    uint32_t alg_sessions;       /* of those, how many go to the ALG */
    uint32_t setup_rate;         /* sessions made in the last whole second */
    uint64_t created;
    uint64_t expired; /* by their timer */
    uint64_t ended;   /* otherwise: killed by a thread, with their mapping ... */
    uint64_t flushed; /* ... or by an operator ... */
    uint64_t early;   /* ... or because the table was nearly full */
    uint64_t refused; /* flows that met a full table */
    uint64_t clashes; /* flows that several threads made at the same time */
};

/* What the setup names outlives it. NULL: no memory. */
struct expiry *expiry_create(const struct expiry_setup *setup, uint64_t now_ms);
void expiry_destroy(struct expiry *e);

/* Take the news of this thread too. 0, or -ENOSPC after MAX_WORKERS + 2 of them. */
int expiry_watch(struct expiry *e, struct session_thread *thread);

/*
 * One round: news, what is due, room in the table, indexes to give back; each with a budget, so
 * that a million expiries at once take many short rounds. Returns how much was done; 0: nothing is
 * left for now.
 */
unsigned expiry_run(struct expiry *e, uint64_t now_ms);

/* A time before which a round would find nothing due; UINT64_MAX: never. News come any time. */
uint64_t expiry_next_deadline_ms(const struct expiry *e);

/* End one session for the operator. 0, or -ESTALE when that life is over already. */
int expiry_clear_session(struct expiry *e, struct handle h, uint64_t now_ms);

void expiry_stat(const struct expiry *e, uint64_t now_ms, struct expiry_stat *out);

/* Milliseconds from a stamp to now; 0 when it is ahead. */
uint64_t expiry_elapsed_ms(uint64_t now_ms, uint32_t stamp_ms);

/* When the session ends if no packet comes; UINT64_MAX never. */
uint64_t expiry_session_deadline_ms(const struct timer_sets *sets, const struct session *s,
                                    uint64_t now_ms);
