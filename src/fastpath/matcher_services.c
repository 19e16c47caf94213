/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Services for the matcher: a map of destination ports for each protocol that a service knows. The
 * few services that ask for the source port, too, make the ports they concern a split: a second
 * map, over source ports. ICMP has type and code where others have the destination port.
 */
#include "fastpath/matcher_make.h"

#include <netinet/in.h>
#include <stdlib.h>

/* The items of a sweep over ports are the matches of all services in use. */
struct ports {
    struct field field; /* by service */
    uint32_t n;
    const struct row_service_match **match;
    uint16_t *service; /* whose match it is */
    uint32_t *items;   /* services of a leaf */
};

static bool is_icmp(uint8_t proto)
{
    return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool any_source(const struct row_service_match *m)
{
    return is_icmp(m->proto) || (m->sport_first == 0 && m->sport_last == UINT16_MAX);
}

static uint32_t ports_set(struct ports *p, const uint32_t *matches, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        p->items[i] = p->service[matches[i]];
    return field_set(&p->field, p->items, n);
}

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sorted points where one of these matches begins or ends to accept source ports; 0 is one. */
static uint32_t split_points(const struct ports *p, const uint32_t *matches, uint32_t n,
                             uint32_t *points)
{
    uint32_t n_points = 1, kept = 0;
    points[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        points[n_points++] = p->match[matches[i]]->sport_first;
        points[n_points++] = p->match[matches[i]]->sport_last + 1u;
    }
    qsort(points, n_points, sizeof *points, compare_u32);
    for (uint32_t i = 0; i < n_points; i++)
        if (points[i] <= UINT16_MAX && (i == 0 || points[i] != points[i - 1]))
            points[kept++] = points[i];
    return kept;
}

/* A destination port at which the source port matters, too. */
static uint32_t ports_split(struct ports *p, const uint32_t *matches, uint32_t n)
{
    struct matcher *m = p->field.make->m;
    uint32_t *points = make_alloc(2 * (size_t)n + 1, sizeof *points);
    uint32_t *fit = make_alloc(n, sizeof *fit);
    uint32_t n_points = split_points(p, matches, n, points);
    uint32_t *value = make_alloc(n_points, sizeof *value);
    for (uint32_t k = 0; k < n_points; k++) {
        uint32_t n_fit = 0;
        for (uint32_t i = 0; i < n; i++) {
            const struct row_service_match *match = p->match[matches[i]];
            if (points[k] >= match->sport_first && points[k] <= match->sport_last)
                fit[n_fit++] = matches[i];
        }
        value[k] = ports_set(p, fit, n_fit);
    }
    m->splits = realloc(m->splits, (m->n_splits + 1u) * sizeof *m->splits);
    if (!m->splits)
        abort();
    intervals_make(&m->splits[m->n_splits], points, value, n_points);
    free(points);
    free(value);
    free(fit);
    return MATCHER_SPLIT | m->n_splits++;
}

static uint32_t ports_leaf(void *ctx, const uint32_t *matches, uint32_t n)
{
    struct ports *p = ctx;
    for (uint32_t i = 0; i < n; i++)
        if (!any_source(p->match[matches[i]]))
            return ports_split(p, matches, n);
    return ports_set(p, matches, n);
}

/* ICMP: type << 8 | code stands for the port. */
static struct row_range ports_of(const struct row_service_match *m)
{
    uint32_t type = (uint32_t)m->icmp_type << 8;
    if (!is_icmp(m->proto))
        return (struct row_range){m->dport_first, m->dport_last};
    if (m->any_icmp_type)
        return (struct row_range){0, UINT16_MAX};
    if (m->any_icmp_code)
        return (struct row_range){type, type | 255};
    return (struct row_range){type | m->icmp_code, type | m->icmp_code};
}

static void protocol_make(struct ports *p, struct sweep *sweep, uint8_t proto)
{
    struct matcher *m = p->field.make->m;
    uint64_t *events = make_alloc(2 * (size_t)p->n, sizeof *events);
    size_t n = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        struct row_range r = ports_of(p->match[i]);
        if (p->match[i]->proto != proto || r.first > r.last)
            continue;
        n += range_events(&r, i, &events[n]);
    }
    sweep_sort(events, n);
    sweep_run(sweep, events, n);
    intervals_make(&m->ports[m->n_ports], sweep->first, sweep->value, sweep->n);
    m->port_map[proto] = (uint16_t)m->n_ports++;
    free(events);
}

/* Every match of every service in use, but for those that match everything. */
static void ports_collect(struct ports *p)
{
    const struct config_rows *rows = p->field.make->rows;
    for (int pass = 0; pass < 2; pass++) {
        p->n = 0;
        for (uint16_t s = 0; s < rows->n_services; s++)
            for (uint32_t i = 0; i < rows->services[s].n_matches && field_used(&p->field, s); i++) {
                const struct row_service_match *match = &rows->services[s].matches[i];
                if (match->proto == 0) {
                    field_wide(&p->field, s, true);
                    continue;
                }
                if (pass == 1) {
                    p->match[p->n] = match;
                    p->service[p->n] = s;
                }
                p->n++;
            }
        if (pass == 0) {
            p->match = make_alloc(p->n, sizeof(*p->match));
            p->service = make_alloc(p->n, sizeof *p->service);
            p->items = make_alloc(p->n, sizeof *p->items);
        }
    }
}

/* Number 0 of the maps is for protocols of which no service knows. */
void make_services(struct make *k, uint64_t *member)
{
    struct matcher *m = k->m;
    struct ports p = {0};
    struct sweep sweep;
    bool used[256] = {true};
    uint32_t n_maps = 1;
    field_init(&p.field, k, LIST_SERVICE, k->rows->n_services);
    ports_collect(&p);
    field_begin(&p.field);
    sweep_init(&sweep, p.n);
    sweep.leaf = ports_leaf;
    sweep.ctx = &p;
    for (uint32_t i = 0; i < p.n; i++) {
        n_maps += !used[p.match[i]->proto];
        used[p.match[i]->proto] = true;
    }
    m->ports = make_alloc(n_maps, sizeof *m->ports);
    for (unsigned proto = 0; proto < 256; proto++)
        if (used[proto])
            protocol_make(&p, &sweep, (uint8_t)proto);
    sweep_free(&sweep);
    free(p.match);
    free(p.service);
    free(p.items);
    field_finish(&p.field, LIST_SERVICE, member);
}
