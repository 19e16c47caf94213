/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IPv4 forwarding table over rte_rib: longest prefix to an entry. Built by control from the
 * connected networks and `config router static`; immutable once published, so lookups by any thread
 * need no lock. Of equal prefixes the lowest distance, then the lowest priority is kept.
 */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

struct route {
    be32 dst;
    uint8_t len;
    be32 gateway;     /* 0: the destination itself is the next hop */
    uint16_t ifindex; /* 0 with blackhole */
    uint8_t distance;
    uint16_t priority;
    bool connected, blackhole;
};

struct routes;

/* An empty table for at most `capacity` prefixes, or NULL. */
struct routes *routes_create(uint32_t capacity);
void routes_free(struct routes *r);

/* Add, or replace a worse one for the same prefix. 0, or -errno. Before publication only. */
int route_add(struct routes *r, const struct route *route);

/* The best route for `ip`, or NULL. Any thread. */
const struct route *route_find(const struct routes *r, be32 ip);

/* For listings: the i-th route in prefix order as added, or NULL. */
const struct route *route_at(const struct routes *r, uint32_t i);
