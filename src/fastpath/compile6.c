/* SPDX-License-Identifier: BSD-3-Clause */
#include "fastpath/compile6.h"

#include "base/hash.h"
#include "config/rows.h"
#include "fastpath/route6.h"

/* RFC 4291 2.6.1; not where two routers share a prefix of two addresses (RFC 6164 6). */
static struct ip_addr anycast_of(const struct row_interface *row)
{
    if (ip_addr_is_zero(&row->ip6) || row->ip6_len >= 127)
        return (struct ip_addr){0};
    return ip_addr_prefix(&row->ip6, row->ip6_len);
}

void compile_interfaces6(const struct config_rows *rows, struct snapshot *s)
{
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        const struct row_interface *row = &rows->interfaces[i];
        s->interfaces6[i + 1] = (struct interface6){
            .ip = row->ip6,
            .anycast = anycast_of(row),
            .link_local = ip_addr_link_local(s->interfaces[i + 1].mac),
            .len = row->ip6_len,
            .allow_ping = row->allow_ping6,
        };
    }
}

static int connected_add(struct routes6 *r, const struct row_interface *f, uint16_t ifindex)
{
    if (ip_addr_is_zero(&f->ip6) || !f->up || ip_addr_is_link_local(&f->ip6))
        return 0;
    return route6_add(r, &(struct route6){.dst = ip_addr_prefix(&f->ip6, f->ip6_len),
                                          .len = f->ip6_len,
                                          .ifindex = ifindex,
                                          .connected = true});
}

static int static_add(struct routes6 *r, const struct config_rows *rows,
                      const struct row_route6 *row)
{
    if (!row->blackhole && !rows->interfaces[row->device].up)
        return 0;
    return route6_add(r,
                      &(struct route6){.dst = ip_addr_prefix(&row->dst, row->len),
                                       .len = row->len,
                                       .gateway = row->gateway,
                                       .ifindex = row->blackhole ? 0 : (uint16_t)(row->device + 1),
                                       .distance = row->distance,
                                       .priority = row->priority,
                                       .blackhole = row->blackhole});
}

struct routes6 *compile_routes6(const struct config_rows *rows)
{
    struct routes6 *r = routes6_create(rows->n_routes6 + rows->n_interfaces + 1u);
    int result = r ? 0 : -1;
    for (uint16_t i = 0; i < rows->n_interfaces && result == 0; i++)
        result = connected_add(r, &rows->interfaces[i], (uint16_t)(i + 1));
    for (uint32_t i = 0; i < rows->n_routes6 && result == 0; i++)
        result = static_add(r, rows, &rows->routes6[i]);
    if (result == 0)
        return r;
    routes6_free(r);
    return NULL;
}

uint64_t compile_digest6(const struct snapshot *s, uint64_t d)
{
    struct hash_secret secret;
    const struct route6 *r;
    hash_secret_fixed(&secret, 0);
    for (uint16_t i = 1; i <= s->n_interfaces; i++) {
        const struct interface6 *f = &s->interfaces6[i];
        uint64_t parts[4] = {d, f->ip.half[0], f->ip.half[1], f->len};
        d = hash_bytes(&secret, parts, sizeof parts);
    }
    for (uint32_t i = 0; (r = route6_at(s->routes6, i)) != NULL; i++) {
        uint64_t parts[6] = {d,
                             r->dst.half[0],
                             r->dst.half[1],
                             r->gateway.half[0],
                             r->gateway.half[1],
                             (uint64_t)r->ifindex << 16 | r->len << 8 | r->blackhole};
        d = hash_bytes(&secret, parts, sizeof parts);
    }
    return d;
}
