/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/room.h"

/* Of the capacity, in thousandths. */
#define LOW    50
#define ENOUGH 75

uint32_t room_missing(struct room *r, uint32_t unused)
{
    uint32_t low = (uint32_t)((uint64_t)r->capacity * LOW / 1000);
    uint32_t enough = (uint32_t)((uint64_t)r->capacity * ENOUGH / 1000);
    if (unused < low)
        r->tight = true;
    else if (unused >= enough)
        r->tight = false;
    r->scarce = unused < low / 2;
    return r->tight ? enough - unused : 0;
}

static enum room_change episode(struct room_episode *e, bool happens, uint64_t now_ms)
{
    bool was = e->on;
    if (happens) {
        e->on = true;
        e->last_ms = now_ms;
    } else if (e->on && now_ms - e->last_ms >= ROOM_QUIET_MS) {
        e->on = false;
    }
    return e->on == was ? ROOM_SAME : e->on ? ROOM_BEGINS : ROOM_ENDS;
}

enum room_change room_low(struct room *r, uint64_t now_ms)
{
    return episode(&r->low, r->tight, now_ms);
}

enum room_change room_full(struct room *r, uint64_t refused, uint64_t now_ms)
{
    bool happens = refused != r->refused;
    r->refused = refused;
    return episode(&r->full, happens, now_ms);
}
