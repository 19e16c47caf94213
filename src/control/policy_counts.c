/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A walk counts every session once: what had ended when it began, what lives when the walk comes by
 * and what ends before the walk comes by. Its result is put in place as a whole. A slot that went
 * to another policy, or was cleared, shows in its life (verdicts.h) and begins with nothing;
 * sessions that lived then have carried before, which is taken off again as the base.
 */
#include "control/policy_counts.h"

#include "base/mem.h"

#include <errno.h>

#define SLICE       4096
#define SMALL_TABLE 65536
#define SUMS_BYTES  (VERDICT_SLOTS * sizeof(struct policy_sum))

int policy_counts_init(struct policy_counts *c, struct dataplane *dp)
{
    *c = (struct policy_counts){.dp = dp, .n_slots = 1};
    c->ended = mem_map(SUMS_BYTES, false);
    c->counting = mem_map(SUMS_BYTES, false);
    c->counted = mem_map(SUMS_BYTES, false);
    c->base = mem_map(SUMS_BYTES, false);
    c->life = mem_map(VERDICT_SLOTS * sizeof *c->life, false);
    c->cleared = mem_map(VERDICT_SLOTS, false);
    if (c->ended && c->counting && c->counted && c->base && c->life && c->cleared)
        return 0;
    policy_counts_free(c);
    return -ENOMEM;
}

void policy_counts_free(struct policy_counts *c)
{
    mem_unmap(c->ended, SUMS_BYTES);
    mem_unmap(c->counting, SUMS_BYTES);
    mem_unmap(c->counted, SUMS_BYTES);
    mem_unmap(c->base, SUMS_BYTES);
    mem_unmap(c->life, VERDICT_SLOTS * sizeof *c->life);
    mem_unmap(c->cleared, VERDICT_SLOTS);
    *c = (struct policy_counts){0};
}

/* A slot with whatever belonged to an earlier life forgotten. */
static uint32_t slot_fresh(struct policy_counts *c, uint32_t slot)
{
    uint32_t life = c->dp->verdicts.life[slot];
    if (slot >= c->n_slots)
        c->n_slots = slot + 1;
    if (c->life[slot] != life) {
        c->life[slot] = life;
        c->ended[slot] = c->counting[slot] = c->counted[slot] = c->base[slot] =
            (struct policy_sum){0};
        c->cleared[slot] = false;
    }
    return slot;
}

#define SLOT_NONE UINT32_MAX /* its policy is gone */

static uint32_t slot_of(struct policy_counts *c, const struct session *s)
{
    uint32_t id = session_policy(s);
    const struct policy *policy = policy_by_id(dataplane_snapshot(c->dp), id);
    return policy ? slot_fresh(c, policy->slot) : SLOT_NONE;
}

static void add(struct policy_sum *sum, const struct session *s)
{
    for (int d = 0; d < 2; d++) {
        sum->packets += __atomic_load_n(&s->packets[d], __ATOMIC_RELAXED);
        sum->bytes += __atomic_load_n(&s->bytes[d], __ATOMIC_RELAXED);
    }
}

void policy_counts_over(struct policy_counts *c, uint32_t index)
{
    const struct session *s = session_at(&c->dp->sessions, index);
    uint32_t slot = slot_of(c, s);
    if (slot == SLOT_NONE)
        return;
    add(&c->ended[slot], s);
    if (c->walking && index >= c->cursor)
        add(&c->counting[slot], s);
}

/* ---- the walk ---- */

static void walk_begin(struct policy_counts *c)
{
    memcpy(c->counting, c->ended, c->n_slots * sizeof *c->counting);
    c->cursor = 0;
    c->walking = true;
    c->wanted = false;
}

static void walk_finish(struct policy_counts *c, uint64_t now_ms)
{
    struct policy_sum *sums = c->counted;
    c->counted = c->counting;
    c->counting = sums;
    c->walking = false;
    c->walked = true;
    c->walked_ms = now_ms;
    for (uint32_t slot = 0; slot < c->n_slots; slot++)
        if (c->cleared[slot]) {
            c->base[slot] = c->counted[slot];
            c->cleared[slot] = false;
        }
}

unsigned policy_counts_run(struct policy_counts *c, uint64_t now_ms)
{
    if (c->wanted && !c->walking)
        walk_begin(c);
    if (!c->walking)
        return 0;
    const struct sessions *ss = &c->dp->sessions;
    uint32_t end = __atomic_load_n(&ss->store.fresh, __ATOMIC_RELAXED);
    uint32_t to = end - c->cursor > SLICE ? c->cursor + SLICE : end;
    for (; c->cursor < to; c->cursor++) {
        const struct session *s = session_at(ss, c->cursor);
        uint32_t slot = record_state(&s->r) == RECORD_LIVE ? slot_of(c, s) : SLOT_NONE;
        if (slot == SLOT_NONE)
            continue;
        add(&c->counting[slot], s);
        c->counting[slot].sessions++;
    }
    if (to == end)
        walk_finish(c, now_ms);
    return 1;
}

static void walk_want(struct policy_counts *c, uint64_t now_ms)
{
    c->wanted |= !c->walking;
    if (__atomic_load_n(&c->dp->sessions.store.fresh, __ATOMIC_RELAXED) <= SMALL_TABLE)
        while (c->wanted || c->walking)
            policy_counts_run(c, now_ms);
}

/* ---- who asks ---- */

/* A count that went down since: sessions have gone to another policy meanwhile. */
static uint64_t since(uint64_t now, uint64_t base)
{
    return now > base ? now - base : 0;
}

static int slot_find(struct policy_counts *c, uint32_t id, uint32_t *slot)
{
    const struct policy *policy = id ? policy_by_id(dataplane_snapshot(c->dp), id) : NULL;
    if (id != 0 && !policy)
        return -ENOENT;
    *slot = slot_fresh(c, policy ? policy->slot : 0);
    return 0;
}

int policy_counts_get(struct policy_counts *c, uint32_t id, uint64_t now_ms,
                      struct policy_count *out)
{
    struct verdict_total total;
    uint32_t slot;
    if (slot_find(c, id, &slot) != 0)
        return -ENOENT;
    if (!c->walked || c->wanted || now_ms >= c->walked_ms + POLICY_COUNTS_FRESH_MS)
        walk_want(c, now_ms);
    verdicts_total(&c->dp->verdicts, slot, &total);
    *out = (struct policy_count){.hits = total.hits,
                                 .packets = total.denied,
                                 .bytes = total.bytes,
                                 .first_ms = total.first_ms,
                                 .last_ms = total.last_ms,
                                 .sessions = c->counted[slot].sessions};
    if (!c->cleared[slot]) {
        out->packets += since(c->counted[slot].packets, c->base[slot].packets);
        out->bytes += since(c->counted[slot].bytes, c->base[slot].bytes);
    }
    return 0;
}

int policy_counts_clear(struct policy_counts *c, uint32_t id)
{
    uint32_t slot;
    if (slot_find(c, id, &slot) != 0)
        return -ENOENT;
    verdicts_clear(&c->dp->verdicts, slot);
    slot_fresh(c, slot);
    c->cleared[slot] = true;
    c->walking = false; /* one under way may be past sessions of this policy */
    c->wanted = true;
    return 0;
}
