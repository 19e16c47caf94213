/* SPDX-License-Identifier: BSD-3-Clause */
#include "fastpath/compile_route.h"

#include "base/hash.h"
#include "config/rows.h"
#include "fastpath/route.h"

#include <stdlib.h>

struct list {
    const struct config_rows *rows;
    uint64_t links_down;
    uint32_t n;
    struct route *routes;
};

static bool is_down(const struct list *l, uint16_t device)
{
    return !l->rows->interfaces[device].up || l->links_down >> (device + 1) & 1;
}

static void add(struct list *l, const struct route *r)
{
    l->routes[l->n++] = *r;
}

static void connected_add(struct list *l, uint16_t device)
{
    const struct row_interface *f = &l->rows->interfaces[device];
    uint16_t ifindex = (uint16_t)(device + 1);
    if (is_down(l, device))
        return;
    if (f->ip)
        add(l, &(struct route){.dst = ip_addr_of4(f->ip & f->mask),
                               .len = (uint8_t)ipv4_mask_len(f->mask),
                               .ifindex = ifindex,
                               .connected = true});
    /* Link-local prefixes say nothing without an interface. */
    if (!ip_addr_is_zero(&f->ip6) && !ip_addr_is_link_local(&f->ip6))
        add(l, &(struct route){.dst = ip_addr_prefix(&f->ip6, f->ip6_len),
                               .len = f->ip6_len,
                               .ifindex = ifindex,
                               .connected = true});
}

static void static_add(struct list *l, const struct row_route *row)
{
    struct route r = {.dst = ip_addr_of4(row->dst & ipv4_mask(row->len)),
                      .len = row->len,
                      .seq = row->seq,
                      .distance = row->distance,
                      .priority = row->priority,
                      .weight = (uint8_t)row->weight,
                      .blackhole = row->blackhole};
    if (!row->blackhole) {
        r.ifindex = (uint16_t)(row->device + 1);
        r.gateway = row->gateway ? ip_addr_of4(row->gateway) : (struct ip_addr){0};
        r.state = is_down(l, row->device) ? ROUTE_DOWN : ROUTE_INACTIVE;
    }
    add(l, &r);
}

static void static6_add(struct list *l, const struct row_route6 *row)
{
    struct route r = {.dst = ip_addr_prefix(&row->dst, row->len),
                      .len = row->len,
                      .seq = row->seq,
                      .distance = row->distance,
                      .priority = row->priority,
                      .blackhole = row->blackhole};
    if (ip_addr_is4(&r.dst))
        return; /* no packet has such a destination: parse6.c */
    if (!row->blackhole) {
        r.ifindex = (uint16_t)(row->device + 1);
        r.gateway = row->gateway;
        r.state = is_down(l, row->device) ? ROUTE_DOWN : ROUTE_INACTIVE;
    }
    add(l, &r);
}

static enum route_choice choice_of(enum row_ecmp ecmp)
{
    switch (ecmp) {
    case ROW_ECMP_SOURCE_DEST:
        return ROUTE_BY_PAIR;
    case ROW_ECMP_WEIGHT:
        return ROUTE_BY_WEIGHT;
    case ROW_ECMP_SOURCE:
        break;
    }
    return ROUTE_BY_SOURCE;
}

/* The compiler hands out what it made as const; here it counts. */
static struct routes *routes_of(const struct snapshot *s)
{
    return s ? (struct routes *)(uintptr_t)s->routes : NULL;
}

void compile_routes(const struct config_rows *rows, uint64_t links_down,
                    const struct snapshot *previous, struct snapshot *s)
{
    struct list l = {.rows = rows, .links_down = links_down};
    l.routes =
        calloc(2u * rows->n_interfaces + rows->n_routes + rows->n_routes6 + 1, sizeof *l.routes);
    if (!l.routes)
        abort();
    for (uint16_t i = 0; i < rows->n_interfaces; i++)
        connected_add(&l, i);
    for (uint32_t i = 0; i < rows->n_routes; i++)
        static_add(&l, &rows->routes[i]);
    for (uint32_t i = 0; i < rows->n_routes6; i++)
        static6_add(&l, &rows->routes6[i]);
    s->routes = routes_build(l.routes, l.n, routes_of(previous));
    free(l.routes);
    s->route_choice = choice_of(rows->global.ecmp);
    s->asymroute = rows->global.asymroute;
    s->strict_src_check = rows->global.strict_src_check;
    s->snat_route_change = rows->global.snat_route_change;
    s->links_down = links_down;
}

uint64_t compile_digest_routes(const struct snapshot *s, uint64_t d)
{
    struct hash_secret secret;
    uint64_t bits = s->asymroute | s->strict_src_check << 1 | s->snat_route_change << 2;
    for (uint16_t i = 1; i <= s->n_interfaces; i++)
        bits = bits * 2 + s->interfaces[i].src_check + (bits >> 63) * 7;
    const uint64_t parts[3] = {d, routes_digest(s->routes), bits};
    hash_secret_fixed(&secret, 0);
    return hash_bytes(&secret, parts, sizeof parts);
}
