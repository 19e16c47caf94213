/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * As route.c: longest prefix match is the library's, which of two equal prefixes counts is ours.
 */
#include "fastpath/route6.h"

#include <rte_memory.h>
#include <rte_rib6.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct routes6 {
    struct rte_rib6 *rib;
    uint32_t n, capacity;
    struct route6 entries[];
};

struct routes6 *routes6_create(uint32_t capacity)
{
    /* Names of RIBs are global to the process; an old table may still be in its grace period. */
    static unsigned serial;
    char name[32];
    /* A trie needs at most one branching node per prefix besides its own. */
    struct rte_rib6_conf conf = {.ext_sz = 0, .max_nodes = (int)(capacity * 2 + 2)};
    struct routes6 *r = calloc(1, sizeof *r + capacity * sizeof r->entries[0]);
    if (!r)
        return NULL;
    snprintf(name, sizeof name, "routes6-%u", serial++);
    r->capacity = capacity;
    r->rib = rte_rib6_create(name, SOCKET_ID_ANY, &conf);
    if (r->rib)
        return r;
    free(r);
    return NULL;
}

void routes6_free(struct routes6 *r)
{
    if (!r)
        return;
    rte_rib6_free(r->rib);
    free(r);
}

static bool better(const struct route6 *a, const struct route6 *b)
{
    if (a->distance != b->distance)
        return a->distance < b->distance;
    return a->priority < b->priority;
}

int route6_add(struct routes6 *r, const struct route6 *route)
{
    struct rte_rib6_node *node = rte_rib6_lookup_exact(r->rib, route->dst.byte, route->len);
    uint64_t i;
    if (node) {
        rte_rib6_get_nh(node, &i);
        if (better(route, &r->entries[i]))
            r->entries[i] = *route;
        return 0;
    }
    if (r->n == r->capacity)
        return -ENOSPC;
    node = rte_rib6_insert(r->rib, route->dst.byte, route->len);
    if (!node)
        return -ENOMEM;
    r->entries[r->n] = *route;
    rte_rib6_set_nh(node, r->n++);
    return 0;
}

const struct route6 *route6_find(const struct routes6 *r, const struct ip_addr *ip)
{
    uint64_t i;
    struct rte_rib6_node *node = rte_rib6_lookup(r->rib, ip->byte);
    if (!node || rte_rib6_get_nh(node, &i) != 0)
        return NULL;
    return &r->entries[i];
}

const struct route6 *route6_at(const struct routes6 *r, uint32_t i)
{
    return i < r->n ? &r->entries[i] : NULL;
}
