/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each policy has carried: hits from the workers' counters (fastpath/verdicts.h), packets and
 * bytes from its sessions. A packet writes to its session only; what a session carried is added to
 * its policy when it ends, and what living sessions hold is summed up in a walk over the table when
 * somebody asks. The control thread owns it and calls everything here.
 */
#pragma once

#include "fastpath/dataplane.h"

/* A walk is good for so long. */
#define POLICY_COUNTS_FRESH_MS 1000

struct policy_sum {
    uint64_t packets, bytes;
    uint32_t sessions; /* alive */
};

struct policy_count {
    uint64_t hits;              /* sessions made and packets denied */
    uint64_t packets, bytes;    /* carried in both directions, or denied */
    uint32_t sessions;          /* alive */
    uint64_t first_ms, last_ms; /* hits, on the clock of the workers; 0 without hits */
};

struct policy_counts {
    struct dataplane *dp;
    struct policy_sum *ended;              /* by slot, as all below */
    struct policy_sum *counting, *counted; /* the walk under way, the last whole one */
    struct policy_sum *base;               /* what `counted` was when the counters were cleared */
    uint32_t *life;                        /* of the slot to which these belong */
    uint8_t *cleared;                      /* base is still to be taken from the next whole walk */
    uint32_t n_slots;                      /* the first slot never used */
    uint32_t cursor;                       /* of the walk */
    bool wanted, walking, walked;          /* a walk */
    uint64_t walked_ms;
};

/* 0 or -ENOMEM. */
int policy_counts_init(struct policy_counts *c, struct dataplane *dp);
void policy_counts_free(struct policy_counts *c);

/* A session has ended: its counters are final. */
void policy_counts_over(struct policy_counts *c, uint32_t index);

/* A slice of the walk under way. Returns how much was done. */
unsigned policy_counts_run(struct policy_counts *c, uint64_t now_ms);

/*
 * Of the policy with this id, 0 the implicit deny. Counted on the spot while the table is small; of
 * a large one the last whole walk is told and a new one begins. 0; -ENOENT: there is no such
 * policy.
 */
int policy_counts_get(struct policy_counts *c, uint32_t id, uint64_t now_ms,
                      struct policy_count *out);

/* Count from nothing; what living sessions hold is found out in the next walk. 0, or -ENOENT. */
int policy_counts_clear(struct policy_counts *c, uint32_t id);
