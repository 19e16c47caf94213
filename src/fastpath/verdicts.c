/* SPDX-License-Identifier: BSD-3-Clause */
#include "fastpath/verdicts.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>

#define LINES_BYTES (VERDICT_SLOTS * sizeof(struct verdict_line))
#define LIFE_BYTES  (VERDICT_SLOTS * sizeof(uint32_t))

int verdicts_init(struct verdicts *v, uint16_t n_workers)
{
    *v = (struct verdicts){.n_workers = n_workers};
    v->life = mem_map(LIFE_BYTES, false);
    v->line = calloc(n_workers, sizeof(*v->line));
    v->ring = calloc(n_workers, sizeof(*v->ring));
    bool made = v->life && v->line && v->ring;
    for (uint16_t i = 0; made && i < n_workers; i++) {
        v->line[i] = mem_map(LINES_BYTES, false);
        v->ring[i] = mem_map(sizeof **v->ring, false);
        made = v->line[i] && v->ring[i];
    }
    if (!made)
        verdicts_free(v);
    return made ? 0 : -ENOMEM;
}

void verdicts_free(struct verdicts *v)
{
    for (uint16_t i = 0; v->line && v->ring && i < v->n_workers; i++) {
        mem_unmap(v->line[i], LINES_BYTES);
        mem_unmap(v->ring[i], sizeof **v->ring);
    }
    free(v->line);
    free(v->ring);
    mem_unmap(v->life, LIFE_BYTES);
    *v = (struct verdicts){0};
}

/* ---- workers ---- */

static void put(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static struct verdict_line *hit(struct verdicts *v, uint16_t worker, uint32_t slot, uint64_t now_ms)
{
    struct verdict_line *line = &v->line[worker][slot];
    uint32_t life = __atomic_load_n(&v->life[slot], __ATOMIC_RELAXED);
    if (line->hits == 0 || line->life != life) {
        put(&line->hits, 0);
        put(&line->denied, 0);
        put(&line->bytes, 0);
        put(&line->first_ms, now_ms);
        __atomic_store_n(&line->life, life, __ATOMIC_RELEASE);
    }
    put(&line->hits, line->hits + 1);
    put(&line->last_ms, now_ms);
    return line;
}

void verdict_admitted(struct verdicts *v, uint16_t worker, uint32_t slot, uint64_t now_ms)
{
    hit(v, worker, slot, now_ms);
}

void verdict_denied(struct verdicts *v, uint16_t worker, uint32_t slot, uint32_t bytes,
                    uint64_t now_ms)
{
    struct verdict_line *line = hit(v, worker, slot, now_ms);
    put(&line->denied, line->denied + 1);
    put(&line->bytes, line->bytes + bytes);
}

void verdict_log(struct verdicts *v, uint16_t worker, const struct verdict_denial *denial)
{
    struct verdict_ring *ring = v->ring[worker];
    uint32_t head = ring->head;
    if (head - __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == VERDICT_RING) {
        put(&ring->lost, ring->lost + 1);
        return;
    }
    ring->denial[head % VERDICT_RING] = *denial;
    __atomic_store_n(&ring->head, head + 1, __ATOMIC_RELEASE);
}

/* ---- control ---- */

static void slot_mark(uint64_t *used, uint32_t slot)
{
    used[slot / 64] |= (uint64_t)1 << (slot % 64);
}

/* A slot from *at on that neither snapshot uses; VERDICT_SLOTS: there is none. */
static uint32_t slot_free(const uint64_t *used, uint32_t at)
{
    while (at < VERDICT_SLOTS && used[at / 64] >> (at % 64) & 1)
        at++;
    return at;
}

/*
 * A slot that `previous` uses is not given away even where its policy is gone: workers may hit it
 * until they have taken up `next`.
 */
int verdicts_assign(struct verdicts *v, const struct snapshot *previous, struct snapshot *next)
{
    struct policy *policies = (struct policy *)(uintptr_t)next->policies;
    uint64_t *used = calloc(VERDICT_SLOTS / 64, sizeof *used);
    uint32_t at = 1;
    if (!used)
        return -ENOMEM;
    slot_mark(used, 0);
    for (uint32_t i = 0; previous && i < previous->n_policies; i++)
        slot_mark(used, previous->policies[i].slot);
    for (uint32_t i = 0; i < next->n_policies; i++) {
        if (policies[i].id == 0) { /* within a zone: told with the implicit one */
            policies[i].slot = 0;
            continue;
        }
        const struct policy *same = previous ? policy_by_id(previous, policies[i].id) : NULL;
        if (same) {
            policies[i].slot = same->slot;
            continue;
        }
        at = slot_free(used, at);
        if (at == VERDICT_SLOTS) {
            free(used);
            return -ENOSPC;
        }
        slot_mark(used, at);
        policies[i].slot = at;
        verdicts_clear(v, at);
    }
    free(used);
    return 0;
}

void verdicts_clear(struct verdicts *v, uint32_t slot)
{
    __atomic_store_n(&v->life[slot], v->life[slot] + 1, __ATOMIC_RELAXED);
}

void verdicts_total(const struct verdicts *v, uint32_t slot, struct verdict_total *out)
{
    *out = (struct verdict_total){0};
    for (uint16_t i = 0; i < v->n_workers; i++) {
        const struct verdict_line *line = &v->line[i][slot];
        if (__atomic_load_n(&line->life, __ATOMIC_ACQUIRE) != v->life[slot])
            continue;
        uint64_t hits = get(&line->hits), first_ms = get(&line->first_ms);
        if (hits == 0)
            continue;
        if (out->hits == 0 || first_ms < out->first_ms)
            out->first_ms = first_ms;
        if (get(&line->last_ms) > out->last_ms)
            out->last_ms = get(&line->last_ms);
        out->hits += hits;
        out->denied += get(&line->denied);
        out->bytes += get(&line->bytes);
    }
}

bool verdicts_take(struct verdicts *v, uint16_t worker, struct verdict_denial *out)
{
    struct verdict_ring *ring = v->ring[worker];
    uint32_t tail = ring->tail;
    if (tail == __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE))
        return false;
    *out = ring->denial[tail % VERDICT_RING];
    __atomic_store_n(&ring->tail, tail + 1, __ATOMIC_RELEASE);
    return true;
}

uint64_t verdicts_lost(const struct verdicts *v)
{
    uint64_t lost = 0;
    for (uint16_t i = 0; i < v->n_workers; i++)
        lost += get(&v->ring[i]->lost);
    return lost;
}
