/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions as rows of a listing, and a census of their states. Read while workers write: a row's
 * keys and identity belong to one life of the session, its counters are of about this moment. The
 * control thread owns it and calls everything here.
 */
#pragma once

#include "cli/backend.h"
#include "fastpath/dataplane.h"

#define CENSUS_STATES 10

struct census {
    struct {
        uint32_t sessions;
        uint32_t tcp_states[CENSUS_STATES];
        uint32_t ephemeral; /* half-open TCP, one-packet UDP */
    } family[2];            /* IPv4, IPv6 */
};

struct sessions_view {
    const struct dataplane *dp;
    struct census now, counting; /* the last whole one, and the one under way */
    uint32_t cursor;             /* of the one under way */
    bool wanted;
};

/* As backend.session_next; at most a few thousand indexes per call. */
int sessions_view_next(const struct sessions_view *v, uint32_t *cursor, uint64_t now_ms,
                       struct backend_session *out);

/*
 * How many sessions are in which state: counted on the spot while the table is small; of a large
 * one the last whole count is returned and a new one begins, which sessions_view_run goes on with.
 */
void sessions_view_census(struct sessions_view *v, struct census *out);

/* A slice of the census under way. Returns how much was done. */
unsigned sessions_view_run(struct sessions_view *v);
