/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives indexes of ended records back to their store once no thread can hold them any more. The
 * control thread owns it and calls everything here; readers only report quiescent (rte_rcu_qsbr).
 *
 * Records wait in batches, one RCU token each; a batch is a chain through the records' own wheel
 * links, which nobody uses while they wait: no memory is needed, however many end at once.
 */
#pragma once

#include "sessions/store.h"
#include "sessions/wheel.h"

#include <rte_rcu_qsbr.h>

#define REAPER_BATCHES 8

struct reaper_batch {
    uint32_t head; /* INDEX_NONE: empty */
    uint64_t token;
};

struct reaper {
    struct rte_rcu_qsbr *qsbr;
    struct store *store;
    unsigned char *links; /* wheel link of record 0 */
    size_t link_stride;
    size_t told_offset; /* of the byte in the record that says: on a stack of news */
    /*
     * Called after the grace period. False: something about the record became visible only now and
     * was dealt with; it waits for another one.
     */
    bool (*ready)(void *ctx, uint32_t index);
    void *ctx;
    uint32_t open; /* chain of records not in a batch yet */
    struct reaper_batch batch[REAPER_BATCHES];
    unsigned first, n; /* batches in use, oldest first */
    uint32_t waiting;  /* records here in all */
};

/* `init` has everything up to `ctx` filled in; the store outlives the reaper. */
void reaper_init(struct reaper *r, const struct reaper *init);

/*
 * A record whose keys have left the table and whose wheel link is not filed. It comes back once per
 * life. O(1).
 */
void reaper_add(struct reaper *r, uint32_t index);

/*
 * Begin a grace period for what was added, and return indexes whose grace period is over, at most
 * `budget`. Never waits. Returns how many records it touched.
 */
unsigned reaper_run(struct reaper *r, unsigned budget);
