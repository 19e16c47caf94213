/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree of a route table: one node for each 16 bits of address, two levels for IPv4 and eight
 * for IPv6. Nodes are immutable and counted, so that tables share what they have in common. Control
 * builds and frees, any thread finds.
 */
#pragma once

#include "fastpath/route_set.h"

#define ROUTE_LEVELS 8
#define ROUTE_LEVEL4 6 /* where IPv4 begins: behind ::ffff */

struct route_node;

/* Routes in the order of their prefixes. */
struct route_slice {
    const struct route *routes;
    uint32_t n;
};

/* What a node was built of before: its routes, and it; none and NULL when there was none. */
struct route_before {
    struct route_slice slice;
    const struct route_node *node;
};

/*
 * The node of `slice`, whose prefixes begin alike in the first 16 * `level` bits and are longer
 * than that (or as long, in a root). The sets of `before` are in the same pool.
 */
struct route_node *route_node_build(struct route_sets *pool, unsigned level,
                                    struct route_slice slice, const struct route_before *before);
struct route_node *route_node_share(struct route_node *node);
void route_node_free(struct route_node *node);

/* The sets on the way down, shortest prefixes first, at most one for each level. Returns how many.
 */
unsigned route_node_walk(const struct route_node *root, unsigned level, const struct ip_addr *ip,
                         const struct route_set *sets[ROUTE_LEVELS]);

/* The last of them, or NULL. */
const struct route_set *route_node_find(const struct route_node *root, unsigned level,
                                        const struct ip_addr *ip);

size_t route_node_bytes(const struct route_node *node);

/* Length of a prefix in the 128 bits of its address. */
static inline unsigned route_bits(const struct route *r)
{
    return ip_addr_is4(&r->dst) ? r->len + 96u : r->len;
}
