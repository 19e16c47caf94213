/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time is counted in ticks, and a tick is read as a number with digits of eight bits. A record goes
 * to the level of the highest digit in which its deadline differs from the wheel's tick, and there
 * to the slot named by the deadline's digit. So everything on level 0 is due before everything on
 * level 1, and so on, and on one level a higher slot is later: the next thing to do is the first
 * slot in use above the current digit, on the lowest level that has one. One bit per slot finds it.
 *
 * When the tick reaches the start of a slot of a higher level, that slot's records go to lower
 * levels, one per unit of the caller's budget; `moving` remembers the slot meanwhile. Nothing is
 * filed into a slot of the current digit above level 0, so a slot on the move only empties.
 *
 * A link keeps only the low 32 bits of its deadline. Levels 0 to 3 share the upper bits with the
 * wheel's tick by definition; level 4 has one slot per 2^32 ticks, so its slot number stands for
 * the upper bits, and by the time its records move down the wheel's tick has them. Level 4 is a
 * ring: deadlines are at most 255 slots ahead, so no slot means two things.
 *
 * Slots are rings too, with the slot's own link as both ends: deletion needs no special case.
 * Invariant between calls: every filed record has a deadline tick >= `tick`, `used` has exactly
 * the bits of slots that are not empty, and only `moving` holds records at a current digit > 0.
 */
#include "sessions/wheel.h"

#include <assert.h>

#define DIGIT_BITS 8
#define DIGIT_MASK (WHEEL_SLOTS - 1)
#define SLOT_FLAG  (UINT32_C(1) << 31)
#define PARKED     (WHEEL_LEVELS - 1)

static struct wheel_link *record_link(const struct wheel *w, uint32_t index)
{
    return (struct wheel_link *)(w->links + (size_t)index * w->stride);
}

/* The link that a `next` or `prev` names. */
static struct wheel_link *link_of(struct wheel *w, uint32_t ref)
{
    return ref & SLOT_FLAG ? &w->slots[ref & ~SLOT_FLAG] : record_link(w, ref - 1);
}

static uint32_t digit(uint64_t tick, unsigned int level)
{
    return (uint32_t)(tick >> (DIGIT_BITS * level)) & DIGIT_MASK;
}

static uint64_t tick_reached(const struct wheel *w, uint64_t now_ms)
{
    return now_ms / w->tick_ms;
}

/* The first tick that is not before the deadline, within what the levels can hold. */
static uint64_t tick_of_deadline(const struct wheel *w, uint64_t deadline_ms)
{
    const uint64_t tick = deadline_ms / w->tick_ms + (deadline_ms % w->tick_ms != 0);
    const uint64_t last = ((w->tick >> 32) + DIGIT_MASK) << 32 | UINT32_MAX;

    if (tick < w->tick)
        return w->tick;
    return tick < last ? tick : last;
}

static unsigned int level_of(uint64_t now, uint64_t tick)
{
    const uint64_t differ = now ^ tick;
    if (differ < WHEEL_SLOTS)
        return 0;
    const unsigned int level = (63 - (unsigned int)__builtin_clzll(differ)) / DIGIT_BITS;
    return level < PARKED ? level : PARKED;
}

static void slot_append(struct wheel *w, uint32_t index, uint64_t tick)
{
    const unsigned int level = level_of(w->tick, tick);
    const uint32_t slot = level * WHEEL_SLOTS + digit(tick, level);
    struct wheel_link *link = record_link(w, index), *end = &w->slots[slot];

    *link = (struct wheel_link){slot | SLOT_FLAG, end->prev, (uint32_t)tick};
    link_of(w, end->prev)->next = index + 1;
    end->prev = index + 1;
    w->used[level][digit(tick, level) / 64] |= UINT64_C(1) << (digit(tick, level) % 64);
    w->n_filed++;
}

void wheel_init(struct wheel *w, uint32_t tick_ms, uint64_t now_ms, void *records, size_t stride,
                size_t link_offset)
{
    assert(tick_ms > 0);
    *w = (struct wheel){.links = (unsigned char *)records + link_offset,
                        .stride = stride,
                        .tick = now_ms / tick_ms,
                        .tick_ms = tick_ms,
                        .moving = WHEEL_NONE};
    for (uint32_t i = 0; i < WHEEL_LEVELS * WHEEL_SLOTS; i++)
        w->slots[i] = (struct wheel_link){i | SLOT_FLAG, i | SLOT_FLAG, 0};
}

void wheel_add(struct wheel *w, uint32_t index, uint64_t deadline_ms)
{
    assert(index < SLOT_FLAG - 1 && !wheel_is_filed(w, index));
    slot_append(w, index, tick_of_deadline(w, deadline_ms));
}

void wheel_del(struct wheel *w, uint32_t index)
{
    struct wheel_link *link = record_link(w, index);
    if (link->next == 0)
        return;
    link_of(w, link->prev)->next = link->next;
    link_of(w, link->next)->prev = link->prev;
    if (link->prev == link->next) { /* both are its slot: it was alone */
        const uint32_t slot = link->next & ~SLOT_FLAG, at = slot % WHEEL_SLOTS;
        w->used[slot / WHEEL_SLOTS][at / 64] &= ~(UINT64_C(1) << (at % 64));
        if (slot == w->moving)
            w->moving = WHEEL_NONE;
    }
    *link = (struct wheel_link){0};
    w->n_filed--;
}

bool wheel_is_filed(const struct wheel *w, uint32_t index)
{
    return record_link(w, index)->next != 0;
}

/* The first slot in use at or after `from` on one level, or WHEEL_SLOTS. */
static uint32_t slot_next_used(const uint64_t used[WHEEL_SLOTS / 64], uint32_t from)
{
    for (uint32_t word = from / 64; word < WHEEL_SLOTS / 64; word++) {
        uint64_t bits = used[word];
        if (word == from / 64)
            bits &= ~UINT64_C(0) << (from % 64);
        if (bits)
            return word * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return WHEEL_SLOTS;
}

/*
 * Where the wheel has to go next: the start of the first slot in use, and that slot. `*start` is
 * UINT64_MAX and the return WHEEL_NONE when the wheel is empty.
 */
static uint32_t slot_first(const struct wheel *w, uint64_t *start)
{
    *start = w->tick;
    if (w->moving != WHEEL_NONE)
        return w->moving;
    for (unsigned int level = 0; level < PARKED; level++) {
        const unsigned int shift = DIGIT_BITS * level;
        const uint32_t at = slot_next_used(w->used[level], digit(w->tick, level));
        if (at == WHEEL_SLOTS)
            continue;
        *start = (w->tick >> shift >> DIGIT_BITS << DIGIT_BITS | at) << shift;
        return level * WHEEL_SLOTS + at;
    }
    const uint32_t here = digit(w->tick, PARKED);
    uint32_t at = slot_next_used(w->used[PARKED], here);
    if (at == WHEEL_SLOTS)
        at = slot_next_used(w->used[PARKED], 0);
    *start = UINT64_MAX;
    if (at == WHEEL_SLOTS)
        return WHEEL_NONE;
    *start = ((w->tick >> 32) + ((at - here) & DIGIT_MASK)) << 32;
    return PARKED * WHEEL_SLOTS + at;
}

/* One record of the slot on the move to where it belongs seen from the slot's start. */
static void slot_move_one(struct wheel *w)
{
    const uint32_t index = w->slots[w->moving].next - 1;
    const struct wheel_link *link = record_link(w, index);
    const uint64_t tick = (w->tick >> 32 << 32) | link->tick;

    if (!(link->next & SLOT_FLAG))
        __builtin_prefetch(record_link(w, link->next - 1), 1);
    wheel_del(w, index);
    slot_append(w, index, tick);
}

uint32_t wheel_next_due(struct wheel *w, uint64_t now_ms, uint32_t *budget)
{
    const uint64_t reached = tick_reached(w, now_ms);
    uint64_t start;

    if (reached < w->tick)
        return WHEEL_NONE;
    for (;;) {
        const uint32_t slot = slot_first(w, &start);
        if (start > reached || slot == WHEEL_NONE) {
            w->tick = reached; /* no slot in use lies between, so all records keep their places */
            return WHEEL_NONE;
        }
        if (budget && *budget == 0)
            return WHEEL_NONE;
        if (budget)
            --*budget;
        w->tick = start;
        if (slot < WHEEL_SLOTS) {
            const uint32_t index = w->slots[slot].next - 1;
            wheel_del(w, index);
            return index;
        }
        w->moving = slot;
        slot_move_one(w);
    }
}

uint32_t wheel_take_first(struct wheel *w)
{
    uint64_t start;
    const uint32_t slot = slot_first(w, &start);
    if (slot == WHEEL_NONE)
        return WHEEL_NONE;
    const uint32_t index = w->slots[slot].next - 1;
    wheel_del(w, index);
    return index;
}

uint64_t wheel_next_deadline_ms(const struct wheel *w)
{
    uint64_t start;
    if (slot_first(w, &start) == WHEEL_NONE)
        return UINT64_MAX;
    return start > UINT64_MAX / w->tick_ms ? UINT64_MAX : start * w->tick_ms;
}
