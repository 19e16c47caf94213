/* SPDX-License-Identifier: BSD-3-Clause */
#include "fastpath/compile6.h"

#include "base/hash.h"
#include "config/rows.h"

/* RFC 4291 2.6.1; not where two routers share a prefix of two addresses (RFC 6164 6). */
static struct ip_addr anycast_of(const struct row_interface *row)
{
    if (ip_addr_is_zero(&row->ip6) || row->ip6_len >= 127)
        return (struct ip_addr){0};
    return ip_addr_prefix(&row->ip6, row->ip6_len);
}

/* An interface speaks IPv6 where it has an address or a route leads out of it. */
static bool speaks6(const struct config_rows *rows, uint16_t place)
{
    bool speaks = !ip_addr_is_zero(&rows->interfaces[place].ip6);
    for (uint32_t i = 0; i < rows->n_routes6 && !speaks; i++)
        speaks = !rows->routes6[i].blackhole && rows->routes6[i].device == place;
    return speaks;
}

void compile_interfaces6(const struct config_rows *rows, struct snapshot *s)
{
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        const struct row_interface *row = &rows->interfaces[i];
        s->interfaces6[i + 1] = (struct interface6){
            .ip = row->ip6,
            .anycast = anycast_of(row),
            .len = row->ip6_len,
            .allow_ping = row->allow_ping6,
        };
        if (speaks6(rows, i))
            s->interfaces6[i + 1].link_local = ip_addr_link_local(s->interfaces[i + 1].mac);
    }
}

uint64_t compile_digest6(const struct snapshot *s, uint64_t d)
{
    struct hash_secret secret;
    hash_secret_fixed(&secret, 0);
    for (uint16_t i = 1; i <= s->n_interfaces; i++) {
        const struct interface6 *f = &s->interfaces6[i];
        uint64_t parts[4] = {d, f->ip.half[0], f->ip.half[1], f->len};
        d = hash_bytes(&secret, parts, sizeof parts);
    }
    return d;
}
