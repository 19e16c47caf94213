/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From rows to a matcher. For each field: which rules name each object; a sweep over the ends of
 * the objects' intervals; each combination of objects to the set of rules that name one of them.
 *
 * What a rule is to a field without knowing the flow is its base: member where the rule names an
 * object that has everything (`all`, service ALL) or most of it; turned round where it is negated.
 * A set of the matcher is what differs from that, and negation, applied to the base, turns the
 * difference round with it. A rule without objects of a family is in no base and no set.
 */
#include "fastpath/matcher.h"

#include "base/addr.h"
#include "base/text.h"
#include "config/rows.h"
#include "fastpath/matcher_make.h"

#include <stdlib.h>

#define SETS_LIMIT ((size_t)512 << 20)

struct names {
    uint32_t n;
    const uint16_t *items;
    bool negate;
};

static struct names names_of(const struct row_policy *p, enum list list)
{
    switch (list) {
    case LIST_SRC:
        return (struct names){p->n_srcaddr, p->srcaddr, p->src_negate};
    case LIST_DST:
        return (struct names){p->n_dstaddr, p->dstaddr, p->dst_negate};
    case LIST_SRC6:
        return (struct names){p->n_srcaddr6, p->srcaddr6, p->src_negate};
    case LIST_DST6:
        return (struct names){p->n_dstaddr6, p->dstaddr6, p->dst_negate};
    case LIST_SERVICE:
        return (struct names){p->n_services, p->services, p->service_negate};
    case LIST_VIP:
        break;
    }
    return (struct names){p->n_vips, p->vips, p->dst_negate};
}

static uint64_t *vector_make(const struct make *k)
{
    return make_alloc(k->m->n_words, sizeof(uint64_t));
}

static void bit_set(uint64_t *vector, uint32_t i)
{
    vector[i / 64] |= (uint64_t)1 << (i % 64);
}

static bool bit_get(const uint64_t *vector, uint32_t i)
{
    return vector[i / 64] >> (i % 64) & 1;
}

/* ---- which rules name an item ---- */

void field_init(struct field *f, struct make *make, enum list list, uint32_t n_items)
{
    const struct config_rows *rows = make->rows;
    *f = (struct field){.make = make, .n_items = n_items};
    f->full = vector_make(make);
    f->base = vector_make(make);
    f->scratch = vector_make(make);
    f->standing = make_alloc(make->m->n_sums, sizeof *f->standing);
    f->where = make_alloc(make->m->n_sums, sizeof *f->where);
    f->start = make_alloc(n_items + 2u, sizeof *f->start);
    for (uint32_t r = 0; r < rows->n_policies; r++) {
        struct names names = names_of(&rows->policies[r], list);
        for (uint32_t i = 0; i < names.n; i++)
            f->start[names.items[i] + 2]++;
    }
    for (uint32_t i = 0; i < n_items; i++)
        f->start[i + 2] += f->start[i + 1];
    f->rules = make_alloc(f->start[n_items + 1], sizeof *f->rules);
    for (uint32_t r = 0; r < rows->n_policies; r++) {
        struct names names = names_of(&rows->policies[r], list);
        for (uint32_t i = 0; i < names.n; i++)
            f->rules[f->start[names.items[i] + 1]++] = r;
    }
}

static void field_free(struct field *f)
{
    free(f->start);
    free(f->rules);
    free(f->full);
    free(f->base);
    free(f->scratch);
    free(f->standing);
    free(f->where);
}

bool field_used(const struct field *f, uint32_t item)
{
    return f->start[item] != f->start[item + 1];
}

static void rules_add(const struct field *f, uint32_t item, uint64_t *vector)
{
    for (uint32_t i = f->start[item]; i < f->start[item + 1]; i++)
        bit_set(vector, f->rules[i]);
}

void field_begin(struct field *f)
{
    const struct matcher *m = f->make->m;
    memcpy(f->scratch, f->full, m->n_words * sizeof *f->full);
    for (uint32_t w = 0; w < m->n_words; w++)
        if (f->full[w] != f->base[w])
            bit_set(f->standing, w);
}

uint32_t field_set(void *ctx, const uint32_t *items, uint32_t n)
{
    struct field *f = ctx;
    const uint32_t n_sums = f->make->m->n_sums;
    memcpy(f->where, f->standing, n_sums * sizeof *f->where);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = f->start[items[i]]; k < f->start[items[i] + 1]; k++) {
            bit_set(f->scratch, f->rules[k]);
            bit_set(f->where, f->rules[k] / 64);
        }
    uint32_t set = sets_add(&f->make->sets, f->scratch, f->base, f->where);
    for (uint32_t s = 0; s < n_sums; s++)
        for (uint64_t left = f->where[s]; left; left &= left - 1) {
            uint32_t w = s * 64 + (uint32_t)__builtin_ctzll(left);
            f->scratch[w] = f->full[w];
        }
    return set;
}

void field_wide(struct field *f, uint32_t item, bool full)
{
    rules_add(f, item, f->base);
    if (full)
        rules_add(f, item, f->full);
}

void field_finish(struct field *f, enum list list, uint64_t *member)
{
    const struct config_rows *rows = f->make->rows;
    size_t stride = sizeof(struct matcher_base) / sizeof *member;
    for (uint32_t r = 0; r < rows->n_policies; r++) {
        struct names names = names_of(&rows->policies[r], list);
        if (names.n > 0 && bit_get(f->base, r) != names.negate)
            member[r / 64 * stride] |= (uint64_t)1 << (r % 64);
    }
    field_free(f);
}

/* ---- IPv4 addresses ---- */

static double share_of(const struct row_address *a)
{
    double sum = 0;
    for (uint32_t i = 0; i < a->n_ranges; i++)
        sum += (double)a->ranges[i].last - a->ranges[i].first + 1;
    return sum / 4294967296.0;
}

size_t range_events(const struct row_range *r, uint32_t item, uint64_t *out)
{
    size_t n = 0;
    out[n++] = sweep_event(r->first, item, true);
    if (r->last != UINT32_MAX)
        out[n++] = sweep_event(r->last + 1, item, false);
    return n;
}

static void make_addresses(struct make *k, enum list list, struct intervals *map, uint64_t *member)
{
    const struct row_address *rows = k->rows->addresses;
    struct field f;
    struct sweep sweep;
    size_t n = 0;
    field_init(&f, k, list, k->rows->n_addresses);
    sweep_init(&sweep, f.n_items);
    sweep.leaf = field_set;
    sweep.ctx = &f;
    for (uint32_t i = 0; i < f.n_items; i++)
        n += field_used(&f, i) ? 2u * rows[i].n_ranges : 0;
    uint64_t *events = make_alloc(n, sizeof *events);
    n = 0;
    for (uint32_t i = 0; i < f.n_items; i++) {
        double share = field_used(&f, i) ? share_of(&rows[i]) : 0;
        if (share > 0.5)
            field_wide(&f, i, share >= 1);
        for (uint32_t r = 0; r < rows[i].n_ranges && share > 0 && share < 1; r++)
            n += range_events(&rows[i].ranges[r], i, &events[n]);
    }
    field_begin(&f);
    sweep_sort(events, n);
    sweep_run(&sweep, events, n);
    intervals_make(map, sweep.first, sweep.value, sweep.n);
    free(events);
    sweep_free(&sweep);
    field_finish(&f, list, member);
}

/* ---- IPv6 addresses ---- */

struct end6 {
    struct matcher_point6 point;
    uint32_t item;
    bool begin;
};

static struct matcher_point6 point6_of(const struct ip_addr *ip)
{
    return (struct matcher_point6){be64toh(ip->half[0]), be64toh(ip->half[1])};
}

static int compare_ends(const void *a, const void *b)
{
    const struct end6 *x = a, *y = b;
    if (x->point.high != y->point.high)
        return x->point.high > y->point.high ? 1 : -1;
    return (x->point.low > y->point.low) - (x->point.low < y->point.low);
}

static bool is_everything6(const struct row_address6 *a)
{
    struct matcher_point6 first = point6_of(&a->ranges[0].first);
    struct matcher_point6 last = point6_of(&a->ranges[0].last);
    return first.high == 0 && first.low == 0 && last.high == UINT64_MAX && last.low == UINT64_MAX;
}

static size_t range_ends6(const struct row_range6 *r, uint32_t item, struct end6 *out)
{
    size_t n = 0;
    struct matcher_point6 last = point6_of(&r->last);
    out[n++] = (struct end6){point6_of(&r->first), item, true};
    if (last.high != UINT64_MAX || last.low != UINT64_MAX) {
        struct matcher_point6 next = {last.high + (last.low == UINT64_MAX), last.low + 1};
        out[n++] = (struct end6){next, item, false};
    }
    return n;
}

/* The ends of all items in use, sorted; how many. */
static size_t ends6_make(struct field *f, struct end6 **out)
{
    const struct row_address6 *rows = f->make->rows->addresses6;
    size_t n = 0;
    for (uint32_t i = 0; i < f->n_items; i++)
        n += field_used(f, i) ? 2u * rows[i].n_ranges : 0;
    struct end6 *ends = make_alloc(n, sizeof *ends);
    n = 0;
    for (uint32_t i = 0; i < f->n_items; i++) {
        if (!field_used(f, i) || rows[i].n_ranges == 0)
            continue;
        bool full = is_everything6(&rows[i]);
        if (full)
            field_wide(f, i, true);
        for (uint32_t r = 0; r < rows[i].n_ranges && !full; r++)
            n += range_ends6(&rows[i].ranges[r], i, &ends[n]);
    }
    qsort(ends, n, sizeof *ends, compare_ends);
    *out = ends;
    return n;
}

/* The sweep runs over the rank of each point among the points, of which :: is the first. */
static void make_addresses6(struct make *k, enum list list, struct matcher_map6 *map,
                            uint64_t *member)
{
    struct field f;
    struct sweep sweep;
    struct end6 *ends;
    field_init(&f, k, list, k->rows->n_addresses6);
    sweep_init(&sweep, f.n_items);
    sweep.leaf = field_set;
    sweep.ctx = &f;
    size_t n = ends6_make(&f, &ends);
    uint64_t *events = make_alloc(n, sizeof *events);
    struct matcher_point6 *points = make_alloc(n + 1, sizeof *points);
    uint32_t rank = 0;
    for (size_t i = 0; i < n; i++) {
        const struct matcher_point6 *p = &ends[i].point;
        if (p->high != points[rank].high || p->low != points[rank].low)
            points[++rank] = *p;
        events[i] = sweep_event(rank, ends[i].item, ends[i].begin);
    }
    field_begin(&f);
    sweep_run(&sweep, events, n);
    *map = (struct matcher_map6){.n = sweep.n,
                                 .first = make_alloc(sweep.n, sizeof *map->first),
                                 .value = make_alloc(sweep.n, sizeof *map->value)};
    for (uint32_t i = 0; i < sweep.n; i++) {
        map->first[i] = points[sweep.first[i]];
        map->value[i] = sweep.value[i];
    }
    free(events);
    free(points);
    free(ends);
    sweep_free(&sweep);
    field_finish(&f, list, member);
}

/* ---- VIPs and interfaces ---- */

static void make_vips(struct make *k)
{
    struct matcher *m = k->m;
    struct field f;
    uint64_t *nothing = vector_make(k), *named = vector_make(k), *unnamed = vector_make(k);
    uint64_t *where = make_alloc(m->n_sums, sizeof *where);
    field_init(&f, k, LIST_VIP, k->rows->n_vips);
    m->n_vips = k->rows->n_vips;
    m->vips = make_alloc(m->n_vips + 1u, sizeof *m->vips);
    for (uint32_t v = 0; v < m->n_vips; v++) {
        memset(named, 0, m->n_words * sizeof *named);
        memset(unnamed, 0, m->n_words * sizeof *unnamed);
        memset(where, 0, m->n_sums * sizeof *where);
        for (uint32_t i = f.start[v]; i < f.start[v + 1]; i++) {
            bit_set(k->rows->policies[f.rules[i]].dst_negate ? unnamed : named, f.rules[i]);
            bit_set(where, f.rules[i] / 64);
        }
        m->vips[v + 1] =
            (struct matcher_vip){.named = sets_add(&k->sets, named, nothing, where),
                                 .unnamed = sets_add(&k->sets, unnamed, nothing, where)};
    }
    for (uint32_t r = 0; r < m->n_rules; r++) {
        const struct row_policy *p = &k->rows->policies[r];
        if (!p->accept && p->match_vip && p->n_dstaddr > 0)
            m->base[0][r / 64].vip_sees |= (uint64_t)1 << (r % 64);
    }
    free(nothing);
    free(where);
    free(named);
    free(unnamed);
    field_free(&f);
}

static void interface_add(struct matcher *m, uint32_t rule, unsigned out, bool any,
                          const struct names *names)
{
    for (uint32_t i = 0; any && i <= m->n_interfaces; i++)
        bit_set(&m->interfaces[(size_t)(2 * i + out) * m->n_words], rule);
    for (uint32_t i = 0; i < names->n; i++)
        bit_set(&m->interfaces[(size_t)(2 * (names->items[i] + 1u) + out) * m->n_words], rule);
}

static void make_interfaces(struct make *k)
{
    struct matcher *m = k->m;
    m->n_interfaces = k->rows->n_interfaces;
    m->interfaces = make_alloc(2 * (m->n_interfaces + 1u) * (size_t)m->n_words, sizeof(uint64_t));
    for (uint32_t r = 0; r < m->n_rules; r++) {
        const struct row_policy *p = &k->rows->policies[r];
        interface_add(m, r, 0, p->any_srcintf, &(struct names){p->n_srcintf, p->srcintf, false});
        interface_add(m, r, 1, p->any_dstintf, &(struct names){p->n_dstintf, p->dstintf, false});
    }
}

/* ---- the whole ---- */

static void make_sums(struct matcher *m, int family)
{
    m->sums[family] = make_alloc(m->n_sums, sizeof *m->sums[family]);
    for (uint32_t w = 0; w < m->n_words; w++) {
        const struct matcher_base *base = &m->base[family][w];
        for (unsigned fields = 0; fields < MATCHER_FIELDS; fields++) {
            uint64_t both = ~(uint64_t)0;
            both &= fields & MATCHER_SRC ? base->src : both;
            both &= fields & MATCHER_DST ? base->dst : both;
            both &= fields & MATCHER_SERVICE ? base->service : both;
            if (both)
                bit_set(&m->sums[family][w / 64][fields], w % 64);
        }
    }
}

static size_t bytes_of(const struct matcher *m, const struct set_maker *sets)
{
    size_t n = sizeof *m + sets->room * sizeof(uint64_t);
    n += 2 * (m->n_interfaces + 1u) * (size_t)m->n_words * sizeof(uint64_t);
    n += 2 * (m->n_words * sizeof **m->base + m->n_sums * sizeof **m->sums);
    for (int i = 0; i < 2; i++)
        n += intervals_bytes(&m->v4[i]) + m->v6[i].n * (sizeof *m->v6[i].first + sizeof(uint32_t));
    for (uint32_t i = 0; i < m->n_ports; i++)
        n += intervals_bytes(&m->ports[i]) + sizeof m->ports[i];
    for (uint32_t i = 0; i < m->n_splits; i++)
        n += intervals_bytes(&m->splits[i]) + sizeof m->splits[i];
    return n + (m->n_vips + 1u) * sizeof *m->vips;
}

struct matcher *matcher_create(const struct config_rows *rows, struct text *error)
{
    struct matcher *m = make_alloc(1, sizeof *m);
    struct make k = {.rows = rows, .m = m};
    m->n_rules = rows->n_policies;
    m->n_words = (m->n_rules + 63) / 64;
    m->n_sums = (m->n_words + 63) / 64;
    sets_begin(&k.sets, m->n_words, SETS_LIMIT / sizeof(uint64_t));
    for (int family = 0; family < 2; family++)
        m->base[family] = make_alloc(m->n_words, sizeof *m->base[family]);
    make_interfaces(&k);
    make_addresses(&k, LIST_SRC, &m->v4[0], &m->base[0]->src);
    make_addresses(&k, LIST_DST, &m->v4[1], &m->base[0]->dst);
    make_addresses6(&k, LIST_SRC6, &m->v6[0], &m->base[1]->src);
    make_addresses6(&k, LIST_DST6, &m->v6[1], &m->base[1]->dst);
    make_services(&k, &m->base[0]->service);
    for (uint32_t w = 0; w < m->n_words; w++)
        m->base[1][w].service = m->base[0][w].service;
    make_vips(&k);
    for (int family = 0; family < 2; family++)
        make_sums(m, family);
    m->sets = k.sets.sets;
    m->bytes = bytes_of(m, &k.sets);
    sets_end(&k.sets);
    if (k.sets.full) {
        text_printf(error,
                    "config firewall policy: policies, addresses and services combine to "
                    "more than %zu MiB\n",
                    SETS_LIMIT >> 20);
        matcher_destroy(m);
        return NULL;
    }
    return m;
}

void matcher_destroy(struct matcher *m)
{
    if (!m)
        return;
    for (int i = 0; i < 2; i++) {
        intervals_free(&m->v4[i]);
        free(m->v6[i].first);
        free(m->v6[i].value);
        free(m->base[i]);
        free(m->sums[i]);
    }
    for (uint32_t i = 0; i < m->n_ports; i++)
        intervals_free(&m->ports[i]);
    for (uint32_t i = 0; i < m->n_splits; i++)
        intervals_free(&m->splits[i]);
    free(m->ports);
    free(m->splits);
    free(m->sets);
    free(m->interfaces);
    free(m->vips);
    free(m);
}
