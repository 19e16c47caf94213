/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hierarchical timing wheel (Varghese, Lauck 1987) over record numbers. It answers one question:
 * whose deadline has passed? Filing, taking out and handing out cost O(1); nothing is allocated.
 *
 * The records belong to the caller, who puts one struct wheel_link into each and gives the wheel
 * the array, its stride and the offset of the link. A link of zero bytes is an unfiled one. The
 * array must stay where it is while the wheel is in use; at most 2^31 - 1 records.
 *
 * A wheel and the links of its records belong to one thread; another may own the next wheel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WHEEL_NONE   UINT32_MAX /* no record */
#define WHEEL_LEVELS 5          /* four of the wheel and one of parked, far deadlines */
#define WHEEL_SLOTS  256

/* Lives in the caller's record; private to the wheel. Unfiled when all zero. */
struct wheel_link {
    uint32_t next, prev; /* index + 1, or a slot with the top bit set; 0 when unfiled */
    uint32_t tick;       /* low half of the deadline in ticks */
};

/* Private to wheel.c; declared here so that a caller can hold one by value (about 16 KiB). */
struct wheel {
    unsigned char *links; /* link of record 0 */
    size_t stride;        /* from one record's link to the next one's, bytes */
    uint64_t tick;        /* every deadline before this tick has been handed out */
    uint32_t tick_ms;
    uint32_t n_filed;
    uint32_t moving; /* the slot whose records are on their way to lower levels, or WHEEL_NONE */
    uint64_t used[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* a bit per slot that is not empty */
    struct wheel_link slots[WHEEL_LEVELS * WHEEL_SLOTS];
};

/*
 * An empty wheel at `now_ms`, a time near those that will follow. `tick_ms` (> 0) is its grain: a
 * deadline is met at the first multiple of tick_ms that is not before it. Record i's link is at
 * records + i * stride + link_offset.
 */
void wheel_init(struct wheel *w, uint32_t tick_ms, uint64_t now_ms, void *records, size_t stride,
                size_t link_offset);

/* Make a link an unfiled one; zeroing its memory does the same. */
static inline void wheel_link_init(struct wheel_link *link)
{
    *link = (struct wheel_link){0};
}

/*
 * File record `index`, which must not be filed. A deadline that has passed is due at once. One
 * further than 255 * 2^32 ticks (34 years of milliseconds) after the last time given to the wheel
 * is cut down to that; what shall never end is not filed at all. O(1).
 */
void wheel_add(struct wheel *w, uint32_t index, uint64_t deadline_ms);

/* Take record `index` out; nothing happens when it is not filed. O(1). */
void wheel_del(struct wheel *w, uint32_t index);

bool wheel_is_filed(const struct wheel *w, uint32_t index);

/* File it anew, whether it was filed or not. */
static inline void wheel_move(struct wheel *w, uint32_t index, uint64_t deadline_ms)
{
    wheel_del(w, index);
    wheel_add(w, index, deadline_ms);
}

/*
 * The next record whose deadline is not after `now_ms`, earliest first and in order of filing
 * within one tick; WHEEL_NONE when there is none, or when the budget is spent. The record is
 * unfiled when it is returned and may be filed again at once; records may be added and taken out
 * between any two calls. Never early; polled once per tick, it is late by at most one tick.
 *
 * `budget` (NULL: no limit) is how many records may still be touched; each one handed out or moved
 * to a lower level takes one off. When it comes back as 0 there may be more: call again later, the
 * wheel goes on where it stopped, order in time included. (Within one tick, what is filed in such a
 * pause may come before what was filed earlier.) A clock that steps back only makes it wait.
 *
 * Cost: a jump of any length visits only slots in use, and a record at most once per level.
 */
uint32_t wheel_next_due(struct wheel *w, uint64_t now_ms, uint32_t *budget);

/*
 * Take out the record that comes first, due or not: exact to the slot its deadline lies in (one
 * tick for the next 256, then 256 ticks and so on), in order of filing within one slot. WHEEL_NONE
 * when nothing is filed. O(1).
 */
uint32_t wheel_take_first(struct wheel *w);

/*
 * A time before which nothing is due: exact when the next deadline is less than 256 ticks away,
 * a lower bound otherwise. UINT64_MAX when nothing is filed. To step from event to event, set the
 * time to it, take what is due (perhaps nothing yet) and ask again: it always gets later, and
 * every record then comes out at its very tick. Does not change the wheel.
 */
uint64_t wheel_next_deadline_ms(const struct wheel *w);
