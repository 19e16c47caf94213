/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much room the session table has, and what to say about it. Below 5 % free sessions have to go
 * early, until 7.5 % are free again. An episode, of a tight table or of one that refused a flow, is
 * told once when it begins; it is over when nothing of it has happened for ROOM_QUIET_MS. Pure; the
 * control thread owns it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ROOM_QUIET_MS 10000

/* While half of the last 5 % is free a flow has so long to be answered; and how long control lets
 * the young ones be when it met one of that age. */
#define ROOM_GRACE_MS 1000
#define ROOM_PAUSE_MS 100

enum room_change {
    ROOM_SAME,
    ROOM_BEGINS,
    ROOM_ENDS
};

struct room_episode {
    bool on;
    uint64_t last_ms; /* when something of it happened last */
};

struct room {
    uint32_t capacity;
    bool tight;        /* sessions are to go early */
    bool scarce;       /* whatever their age */
    uint64_t pause_ms; /* until then the first one is too new; the caller sets it */
    uint64_t refused;  /* flows so far */
    struct room_episode low, full;
};

/* How many sessions should go early, with `unused` of the table's indexes free or about to be. */
uint32_t room_missing(struct room *r, uint32_t unused);

/* The episode of a tight table; call after room_missing, at any interval. */
enum room_change room_low(struct room *r, uint64_t now_ms);

/* The episode of refusals: `refused` flows were refused so far. */
enum room_change room_full(struct room *r, uint64_t refused, uint64_t now_ms);
