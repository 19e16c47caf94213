/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives ids of timer sets back that no session and no snapshot has any more. Commits that change
 * timers leave them behind, and there are 65,535: without this a firewall that is configured by a
 * program would one day refuse its commits. The control thread owns it and calls everything here.
 *
 * When the table is half full control walks over the sessions in slices and marks the sets they
 * have, and those of the snapshot in force, which new sessions may get meanwhile. A commit ends the
 * walk, for then sessions get ids of another snapshot; it begins anew when all older snapshots are
 * freed. What is not marked in the end the helper takes out of the table, after and before commits.
 */
#pragma once

#include "control/helper.h"
#include "control/publish.h"

struct timer_sweep {
    struct dataplane *dp;
    struct publish *publish;
    bool on;
    uint32_t cursor;  /* next session to look at */
    uint64_t swaps;   /* of publish, when it began */
    uint32_t next_at; /* sets in the table from which on it is worth a walk */
    struct timer_sweep_job {
        struct helper_job job;
        struct timer_sweep *sweep;
    } job;
    uint64_t used[TIMER_SETS_WORDS];
};

void timer_sweep_init(struct timer_sweep *s, struct dataplane *dp, struct publish *publish);

/* A slice, when there is something to do. Returns how much was done. */
unsigned timer_sweep_run(struct timer_sweep *s);
