/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sweeping ten thousand rules with groups of addresses meets 100,000 ends of intervals, and at each
 * of them another combination of objects. What keeps that fast and small: the combination is known
 * by the XOR of random 128-bit numbers, one per item, which one end changes in no time; a
 * combination met before (two have the same number with a chance of 2^-95) has its set already; and
 * different combinations that mean the same rules share the set.
 */
#include "fastpath/matcher_make.h"

#include "base/hash.h"

#include <stdlib.h>

void *make_alloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

static void *grow(void *p, size_t n, size_t size)
{
    p = realloc(p, n * size);
    if (!p)
        abort();
    return p;
}

/* ---- what was made before ---- */

static struct memo_slot *memo_look(const struct memo *m, const uint64_t key[2])
{
    uint32_t at = (uint32_t)key[0] & (m->room - 1);
    while (m->slots[at].used && (m->slots[at].key[0] != key[0] || m->slots[at].key[1] != key[1]))
        at = (at + 1) & (m->room - 1);
    return &m->slots[at];
}

static void memo_grow(struct memo *m)
{
    struct memo old = *m;
    m->room = old.room ? old.room * 2 : 256;
    m->slots = make_alloc(m->room, sizeof *m->slots);
    for (uint32_t i = 0; i < old.room; i++)
        if (old.slots[i].used)
            *memo_look(m, old.slots[i].key) = old.slots[i];
    free(old.slots);
}

struct memo_slot *memo_slot(struct memo *m, const uint64_t key[2])
{
    if (2 * m->n >= m->room)
        memo_grow(m);
    struct memo_slot *slot = memo_look(m, key);
    if (!slot->used) {
        slot->key[0] = key[0];
        slot->key[1] = key[1];
        m->n++;
    }
    return slot;
}

void memo_free(struct memo *m)
{
    free(m->slots);
    *m = (struct memo){0};
}

/* ---- sets ---- */

void sets_begin(struct set_maker *p, uint32_t n_words, size_t limit)
{
    *p = (struct set_maker){.n_words = n_words, .n_sums = (n_words + 63) / 64, .limit = limit};
    p->room = 1024 + p->n_sums;
    p->sets = make_alloc(p->room, sizeof *p->sets);
    p->n = p->n_sums;
}

void sets_end(struct set_maker *p)
{
    memo_free(&p->memo);
}

/* Room for one more set, and for the word past the end that readers may look at. */
static bool sets_room(struct set_maker *p)
{
    size_t need = p->n + p->n_sums + p->n_words + 1;
    if (p->full || need > p->limit) {
        p->full = true;
        return false;
    }
    if (need > p->room) {
        p->room = need > 2 * p->room ? need : 2 * p->room;
        p->sets = grow(p->sets, p->room, sizeof *p->sets);
    }
    return true;
}

uint32_t sets_add(struct set_maker *p, const uint64_t *a, const uint64_t *b, const uint64_t *where)
{
    static const struct hash_secret secret = {{1, 2, 3, 4}}, other = {{5, 6, 7, 8}};
    if (!sets_room(p))
        return 0;
    uint64_t *sums = &p->sets[p->n], *words = sums + p->n_sums;
    memset(sums, 0, p->n_sums * sizeof *sums);
    size_t n = 0;
    for (uint32_t s = 0; s < p->n_sums; s++)
        for (uint64_t left = where[s]; left; left &= left - 1) {
            uint32_t w = s * 64 + (uint32_t)__builtin_ctzll(left);
            uint64_t word = a[w] ^ b[w];
            if (word == 0)
                continue;
            sums[s] |= left & -left;
            words[n++] = word;
        }
    if (n == 0)
        return 0;
    size_t bytes = (p->n_sums + n) * sizeof *sums;
    struct memo_slot *slot = memo_slot(
        &p->memo, (uint64_t[2]){hash_bytes(&secret, sums, bytes), hash_bytes(&other, sums, bytes)});
    if (!slot->used) {
        slot->used = true;
        slot->value = (uint32_t)p->n;
        p->n += p->n_sums + n;
        p->sets[p->n] = 0;
    }
    return slot->value;
}

/* ---- sweeps ---- */

void sweep_init(struct sweep *s, uint32_t n_items)
{
    *s = (struct sweep){0};
    s->open = make_alloc(n_items, sizeof *s->open);
    s->place = make_alloc(n_items, sizeof *s->place);
    s->active = make_alloc(n_items, sizeof *s->active);
}

void sweep_free(struct sweep *s)
{
    free(s->open);
    free(s->place);
    free(s->active);
    free(s->first);
    free(s->value);
    memo_free(&s->memo);
}

/* Three passes of eleven bits over the point. */
void sweep_sort(uint64_t *events, size_t n)
{
    uint64_t *from = events, *to = make_alloc(n, sizeof *to), *spare = to;
    for (unsigned shift = 32; shift < 64; shift += 11) {
        size_t start[2048] = {0}, sum = 0;
        for (size_t i = 0; i < n; i++)
            start[from[i] >> shift & 2047]++;
        for (size_t k = 0; k < 2048; k++) {
            size_t here = start[k];
            start[k] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++)
            to[start[from[i] >> shift & 2047]++] = from[i];
        uint64_t *t = from;
        from = to;
        to = t;
    }
    if (from != events)
        memcpy(events, from, n * sizeof *events);
    free(spare);
}

/* A number that stands for the item (splitmix64 of two streams). */
static uint64_t item_print(uint32_t item, uint64_t stream)
{
    uint64_t z = (item + 1) * 0x9e3779b97f4a7c15u + stream;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void print_toggle(struct sweep *s, uint32_t item)
{
    s->print[0] ^= item_print(item, 0x243f6a8885a308d3u);
    s->print[1] ^= item_print(item, 0x13198a2e03707344u);
}

static void item_begin(struct sweep *s, uint32_t item)
{
    if (s->open[item]++ > 0)
        return;
    s->place[item] = s->n_active;
    s->active[s->n_active++] = item;
    print_toggle(s, item);
}

static void item_end(struct sweep *s, uint32_t item)
{
    if (--s->open[item] > 0)
        return;
    uint32_t last = s->active[--s->n_active];
    s->active[s->place[item]] = last;
    s->place[last] = s->place[item];
    print_toggle(s, item);
}

static uint32_t value_here(struct sweep *s)
{
    struct memo_slot *slot = memo_slot(&s->memo, s->print);
    if (!slot->used) {
        slot->value = s->leaf(s->ctx, s->active, s->n_active);
        slot->used = true;
    }
    return slot->value;
}

static void stretch_begin(struct sweep *s, uint32_t point)
{
    uint32_t value = value_here(s);
    if (s->n > 0 && s->value[s->n - 1] == value)
        return;
    if (s->n == s->room) {
        s->room = s->room ? 2 * s->room : 64;
        s->first = grow(s->first, s->room, sizeof *s->first);
        s->value = grow(s->value, s->room, sizeof *s->value);
    }
    s->first[s->n] = point;
    s->value[s->n++] = value;
}

void sweep_run(struct sweep *s, const uint64_t *events, size_t n)
{
    size_t i = 0;
    s->n = 0;
    if (n == 0 || events[0] >> 32 > 0)
        stretch_begin(s, 0);
    while (i < n) {
        uint32_t point = (uint32_t)(events[i] >> 32);
        for (; i < n && events[i] >> 32 == point; i++) {
            uint32_t item = (uint32_t)events[i] >> 1;
            if (events[i] & 1)
                item_begin(s, item);
            else
                item_end(s, item);
        }
        stretch_begin(s, point);
    }
    while (s->n_active > 0) {
        s->open[s->active[0]] = 1;
        item_end(s, s->active[0]);
    }
}
