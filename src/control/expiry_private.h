/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * struct expiry from the inside, for expiry.c and expiry_mappings.c. The control thread owns it.
 */
#pragma once

#include "control/expiry.h"
#include "control/ledger.h"
#include "control/reaper.h"
#include "control/room.h"
#include "fastpath/dataplane.h"

#define WATCHED_MAX (MAX_WORKERS + 2)

struct watched {
    struct session_thread *thread;
    uint32_t sessions, mappings; /* of the stacks taken, not looked at yet */
};

struct expiry {
    struct expiry_setup setup;
    uint64_t now_ms; /* of the round */
    struct wheel session_wheel, mapping_wheel;
    struct wheel young_wheel; /* sessions that may have to make room */
    struct bits young;        /* which wheel a session is in */
    struct room room;
    struct reaper session_reaper, mapping_reaper;
    struct ledger sessions, mappings;
    unsigned n_watched;
    unsigned turn; /* the one whose news come first */
    struct watched watched[WATCHED_MAX];
    uint64_t second; /* now_ms / 1000 that `made` counts */
    uint32_t made, made_before;
    uint64_t created, expired, ended, flushed, early;
    uint32_t alg_sessions;
};

static inline struct session *session_of(const struct expiry *e, uint32_t index)
{
    return session_at(e->setup.sessions, index);
}

static inline bool expiry_to_dying(const struct expiry *e, uint32_t index)
{
    return record_state_swap(&session_of(e, index)->r, RECORD_LIVE, RECORD_DYING);
}

/* expiry.c: bury a session that some thread ended, for reasons of its own, unless that was done. */
void expiry_bury_ended(struct expiry *e, uint32_t index, const char *why);

/* expiry_mappings.c: as the same for sessions. */
void expiry_mapping_news(struct expiry *e, uint32_t index);
void expiry_mapping_due(struct expiry *e, uint32_t index);
bool expiry_mapping_ready(void *ctx, uint32_t index);

/* A session of this mapping ended: does it have others, or owners? */
void expiry_mapping_left(struct expiry *e, uint32_t index);
