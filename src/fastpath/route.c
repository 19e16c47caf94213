/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prefixes live in an rte_rib whose next hop is an index into our entries: longest prefix match is
 * the library's, which of two equal prefixes counts is ours.
 */
#include "fastpath/route.h"

#include <rte_memory.h>
#include <rte_rib.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct routes {
    struct rte_rib *rib;
    uint32_t n, capacity;
    struct route entries[];
};

struct routes *routes_create(uint32_t capacity)
{
    /* Names of RIBs are global to the process; an old table may still be in its grace period. */
    static unsigned serial;
    char name[32];
    /* A trie needs at most one branching node per prefix besides its own. */
    struct rte_rib_conf conf = {.ext_sz = 0, .max_nodes = (int)(capacity * 2 + 2)};
    struct routes *r = calloc(1, sizeof *r + capacity * sizeof r->entries[0]);
    if (!r)
        return NULL;
    snprintf(name, sizeof name, "routes-%u", serial++);
    r->capacity = capacity;
    r->rib = rte_rib_create(name, SOCKET_ID_ANY, &conf);
    if (r->rib)
        return r;
    free(r);
    return NULL;
}

void routes_free(struct routes *r)
{
    if (!r)
        return;
    rte_rib_free(r->rib);
    free(r);
}

static bool better(const struct route *a, const struct route *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    return a->priority < b->priority;
}

int route_add(struct routes *r, const struct route *route)
{
    uint32_t dst = be32_host(route->dst);
    struct rte_rib_node *node = rte_rib_lookup_exact(r->rib, dst, route->len);
    uint64_t i;
    if (node) {
        rte_rib_get_nh(node, &i);
        if (better(route, &r->entries[i]))
            r->entries[i] = *route;
        return 0;
    }
    if (r->n == r->capacity)
        return -ENOSPC;
    node = rte_rib_insert(r->rib, dst, route->len);
    if (!node)
        return -ENOMEM;
    r->entries[r->n] = *route;
    rte_rib_set_nh(node, r->n++);
    return 0;
}

const struct route *route_find(const struct routes *r, be32 ip)
{
    uint64_t i;
    struct rte_rib_node *node = rte_rib_lookup(r->rib, be32_host(ip));
    if (!node || rte_rib_get_nh(node, &i) != 0)
        return NULL;
    return &r->entries[i];
}

const struct route *route_at(const struct routes *r, uint32_t i)
{
    return i < r->n ? &r->entries[i] : NULL;
}
