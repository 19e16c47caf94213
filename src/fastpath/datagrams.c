/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strangers decide what is in this table, so everything in it is bounded and nothing in it takes
 * longer when it is full: names hang in buckets by a keyed hash, the waiting ones in one list by
 * age and in one list per source, also by age. All wait equally long, so the oldest is the next to
 * give up, and timing out looks at the head of the list only.
 *
 * A source is a slot of a keyed hash of the address (the /64 prefix in IPv6, which one host fills
 * at will). Two sources that share a slot share its quarter.
 *
 * Life of a datagram: open (its first piece), add until complete, then closed; or closed when it is
 * overdue or has to make room; or refused for a piece that contradicts the others: then it is dead,
 * holds nothing, and swallows the pieces still to come. The dead are the first to make room.
 */
#include "fastpath/datagrams.h"

#include <errno.h>
#include <stdlib.h>

_Static_assert(sizeof(struct datagram_name) == 40, "names are hashed and compared as bytes");

static const struct datagram_list empty = {DATAGRAM_NONE, DATAGRAM_NONE};

int datagrams_init(struct datagrams *d, uint32_t pieces, const struct hash_secret *secret)
{
    uint32_t n = 64;
    while (n < pieces)
        n *= 2;
    *d = (struct datagrams){
        .all = calloc(pieces, sizeof *d->all),
        .buckets = malloc(n * sizeof *d->buckets),
        .sources = malloc(n * sizeof *d->sources),
        .secret = secret,
        .mask = n - 1,
        .pieces_max = pieces,
        .source_max = pieces / 4,
        .waiting = empty,
        .dead = empty,
    };
    if (!d->all || !d->buckets || !d->sources) {
        datagrams_free(d);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        d->buckets[i] = DATAGRAM_NONE;
        d->sources[i] = (struct datagram_source){.list = empty};
    }
    for (uint32_t i = 0; i < pieces; i++)
        d->all[i].next = i + 1 < pieces ? i + 1 : DATAGRAM_NONE;
    return 0;
}

void datagrams_free(struct datagrams *d)
{
    free(d->all);
    free(d->buckets);
    free(d->sources);
    *d = (struct datagrams){0};
}

static struct datagram *at(const struct datagrams *d, uint32_t index)
{
    return index == DATAGRAM_NONE ? NULL : &d->all[index];
}

static uint32_t index_of(const struct datagrams *d, const struct datagram *g)
{
    return (uint32_t)(g - d->all);
}

uint64_t datagram_hash(const struct datagrams *d, const struct datagram_name *name)
{
    return hash_bytes(d->secret, name, sizeof *name);
}

static uint32_t source_of(const struct datagrams *d, const struct ip_addr *src)
{
    uint64_t low = ip_addr_is4(src) ? src->half[1] : 0;
    return (uint32_t)hash_16(d->secret, src->half[0], low) & d->mask;
}

static void pieces_set(struct datagrams *d, uint32_t n)
{
    __atomic_store_n(&d->pieces, n, __ATOMIC_RELAXED);
}

/* --- lists by age */

static void list_append(struct datagrams *d, struct datagram_list *list, struct datagram *g,
                        enum datagram_order order)
{
    uint32_t i = index_of(d, g), last = list->newest;
    g->link[order].older = last;
    g->link[order].newer = DATAGRAM_NONE;
    *(last == DATAGRAM_NONE ? &list->oldest : &d->all[last].link[order].newer) = i;
    list->newest = i;
}

static void list_remove(struct datagrams *d, struct datagram_list *list, const struct datagram *g,
                        enum datagram_order order)
{
    uint32_t older = g->link[order].older, newer = g->link[order].newer;
    *(older == DATAGRAM_NONE ? &list->oldest : &d->all[older].link[order].newer) = newer;
    *(newer == DATAGRAM_NONE ? &list->newest : &d->all[newer].link[order].older) = older;
}

/* --- names */

struct datagram *datagrams_find(struct datagrams *d, const struct datagram_name *name,
                                uint64_t hash)
{
    struct datagram *g = at(d, d->buckets[hash & d->mask]);
    while (g && memcmp(&g->name, name, sizeof *name) != 0)
        g = at(d, g->next);
    return g;
}

static void name_remove(struct datagrams *d, const struct datagram *g)
{
    uint32_t *link = &d->buckets[datagram_hash(d, &g->name) & d->mask];
    while (*link != index_of(d, g))
        link = &d->all[*link].next;
    *link = g->next;
}

/* --- life */

/* Back to the free ones; its list has let it go. */
static void release(struct datagrams *d, struct datagram *g)
{
    name_remove(d, g);
    g->next = d->free;
    d->free = index_of(d, g);
}

static void dead_forget(struct datagrams *d, struct datagram *g)
{
    list_remove(d, &d->dead, g, DATAGRAM_OF_ALL);
    release(d, g);
}

/* The pieces leave, and with them the datagram its source's list. */
static void pieces_leave(struct datagrams *d, struct datagram *g)
{
    pieces_set(d, d->pieces - g->n);
    d->sources[g->source].pieces -= g->n;
    g->n = 0;
    list_remove(d, &d->sources[g->source].list, g, DATAGRAM_OF_SOURCE);
    list_remove(d, &d->waiting, g, DATAGRAM_OF_ALL);
}

struct datagram *datagrams_victim(struct datagrams *d, const struct ip_addr *src)
{
    const struct datagram_source *source = &d->sources[source_of(d, src)];
    if (source->pieces >= d->source_max)
        return at(d, source->list.oldest);
    /* As long as this is not so, some datagram is free or dead: each that waits has a piece. */
    return d->pieces >= d->pieces_max ? at(d, d->waiting.oldest) : NULL;
}

struct datagram *datagrams_open(struct datagrams *d, const struct datagram_name *name,
                                uint64_t hash, uint64_t now_ms)
{
    if (d->free == DATAGRAM_NONE)
        dead_forget(d, at(d, d->dead.oldest));
    struct datagram *g = at(d, d->free);
    d->free = g->next;
    *g = (struct datagram){
        .name = *name,
        .since_ms = now_ms,
        .next = d->buckets[hash & d->mask],
        .source = source_of(d, &name->src),
    };
    d->buckets[hash & d->mask] = index_of(d, g);
    list_append(d, &d->waiting, g, DATAGRAM_OF_ALL);
    list_append(d, &d->sources[g->source].list, g, DATAGRAM_OF_SOURCE);
    return g;
}

void datagrams_close(struct datagrams *d, struct datagram *g)
{
    pieces_leave(d, g);
    release(d, g);
}

void datagrams_refuse(struct datagrams *d, struct datagram *g, uint16_t reason, uint64_t now_ms)
{
    pieces_leave(d, g);
    g->dead = reason;
    g->since_ms = now_ms;
    list_append(d, &d->dead, g, DATAGRAM_OF_ALL);
}

/* The place of a piece among those that are here, or why it has none. */
static enum datagram_verdict place(const struct datagram *g, const struct datagram_piece *p,
                                   unsigned *out)
{
    unsigned i = 0;
    while (i < g->n && g->piece[i].offset < p->offset)
        i++;
    const struct datagram_piece *before = i > 0 ? &g->piece[i - 1] : NULL;
    const struct datagram_piece *behind = i < g->n ? &g->piece[i] : NULL;
    if (behind && behind->offset == p->offset && behind->n == p->n)
        return DATAGRAM_DUPLICATE;
    if ((before && before->offset + before->n > p->offset) ||
        (behind && p->offset + p->n > behind->offset))
        return DATAGRAM_OVERLAP;
    *out = i;
    return DATAGRAM_WAITS;
}

static bool end_fits(const struct datagram *g, const struct datagram_piece *p, bool more)
{
    uint32_t end = (uint32_t)p->offset + p->n;
    const struct datagram_piece *last = g->n ? &g->piece[g->n - 1] : NULL;
    if (!more && g->end)
        return false;
    return more ? !g->end || end < g->end : !last || (uint32_t)last->offset + last->n <= end;
}

enum datagram_verdict datagrams_add(struct datagrams *d, struct datagram *g,
                                    const struct datagram_piece *p, bool more)
{
    unsigned i = 0;
    enum datagram_verdict verdict = place(g, p, &i);
    if (verdict != DATAGRAM_WAITS)
        return verdict;
    if (!end_fits(g, p, more))
        return DATAGRAM_BAD_END;
    if (g->n == DATAGRAM_PIECES)
        return DATAGRAM_TOO_MANY;
    memmove(&g->piece[i + 1], &g->piece[i], (g->n - i) * sizeof *p);
    g->piece[i] = *p;
    g->n++;
    g->have += p->n;
    if (!more)
        g->end = (uint32_t)p->offset + p->n;
    pieces_set(d, d->pieces + 1);
    d->sources[g->source].pieces++;
    return g->have == g->end ? DATAGRAM_COMPLETE : DATAGRAM_WAITS;
}

struct datagram *datagrams_overdue(struct datagrams *d, uint64_t now_ms, uint32_t timeout_ms)
{
    struct datagram *dead = at(d, d->dead.oldest), *g = at(d, d->waiting.oldest);
    while (dead && now_ms - dead->since_ms >= DATAGRAM_DEAD_MS) {
        dead_forget(d, dead);
        dead = at(d, d->dead.oldest);
    }
    return g && now_ms - g->since_ms >= timeout_ms ? g : NULL;
}

uint64_t datagrams_next_ms(const struct datagrams *d, uint32_t timeout_ms)
{
    const struct datagram *g = at(d, d->waiting.oldest), *dead = at(d, d->dead.oldest);
    uint64_t waiting_ms = g ? g->since_ms + timeout_ms : UINT64_MAX;
    uint64_t dead_ms = dead ? dead->since_ms + DATAGRAM_DEAD_MS : UINT64_MAX;
    return waiting_ms < dead_ms ? waiting_ms : dead_ms;
}
