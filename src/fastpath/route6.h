/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IPv6 forwarding table over rte_rib6, as route.h is the IPv4 one: built by control from the
 * prefixes of the interfaces and `config router static6`, immutable once published. Link-local
 * prefixes are not in it: they say nothing without an interface, and nothing is forwarded to them.
 */
#pragma once

#include "base/addr.h"

struct route6 {
    struct ip_addr dst, gateway; /* gateway zero: the destination itself is the next hop */
    uint8_t len;
    uint8_t distance;
    uint16_t ifindex; /* 0 with blackhole */
    uint16_t priority;
    bool connected, blackhole;
};

struct routes6;

/* An empty table for at most `capacity` prefixes, or NULL. */
struct routes6 *routes6_create(uint32_t capacity);
void routes6_free(struct routes6 *r);

/* Add, or replace a worse one for the same prefix. 0, or -errno. Before publication only. */
int route6_add(struct routes6 *r, const struct route6 *route);

/* The best route for `ip`, or NULL. Any thread. */
const struct route6 *route6_find(const struct routes6 *r, const struct ip_addr *ip);

/* For listings: the i-th route in prefix order as added, or NULL. */
const struct route6 *route6_at(const struct routes6 *r, uint32_t i);

/* Who stands next on the way to `dst`. */
static inline struct ip_addr route6_hop(const struct route6 *r, const struct ip_addr *dst)
{
    return r->gateway.half[0] | r->gateway.half[1] ? r->gateway : *dst;
}
