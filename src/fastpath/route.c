/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table is a sorted list of what was configured and, for each family, a tree over it
 * (route_tree.h). Building sorts, decides what becomes of each route within its prefix, and makes
 * the trees; where list and tree of the table before say the same, its branches are taken over.
 *
 * DPDK's tables were measured against this (docs/architecture.md). What decided: a route table has
 * to share what did not change with the one before, hold sets of hops, answer "which way through
 * this interface", and cost next to nothing where there are ten routes.
 */
#include "fastpath/route.h"

#include "base/rng.h"
#include "fastpath/route_tree.h"

#include <stdlib.h>
#include <string.h>

/* Sets of a pool, at least, before those out of use are worth a fresh start. */
#define POOL_SLACK 4096

struct gateway {
    struct ip_addr ip;
    uint64_t ifindex;
};

struct routes {
    uint32_t refs;  /* atomic */
    uint32_t n, n6; /* IPv4 ones come first */
    struct route *list;
    struct route_sets *pool;
    uint32_t pool_fresh; /* sets in the pool when it was new */
    struct route_node *root4, *root6;
    uint64_t digest;
    uint32_t n_gateways, n_slots; /* n_slots a power of two */
    struct gateway *gateways;     /* by hash; ifindex 0: free */
};

static void *zeroed(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

/* ---- order ---- */

static int prefix_order(const struct route *a, const struct route *b)
{
    bool a4 = ip_addr_is4(&a->dst), b4 = ip_addr_is4(&b->dst);
    if (a4 != b4)
        return b4 - a4;
    int order = memcmp(&a->dst, &b->dst, sizeof a->dst);
    return order ? order : a->len - b->len;
}

static int order(const void *x, const void *y)
{
    const struct route *a = x, *b = y;
    int prefix = prefix_order(a, b);
    if (prefix != 0)
        return prefix;
    if (a->distance != b->distance)
        return a->distance - b->distance;
    if (a->priority != b->priority)
        return a->priority - b->priority;
    if (a->blackhole != b->blackhole)
        return a->blackhole - b->blackhole;
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    return a->ifindex - b->ifindex;
}

static void sort(struct route *list, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (order(&list[i - 1], &list[i]) > 0) {
            qsort(list, n, sizeof *list, order);
            return;
        }
}

/* ---- what becomes of each ---- */

/* Routes of one prefix, sorted: the first that is not down sets the measure. */
static void states_set(struct route *group, uint32_t n)
{
    const struct route *best = NULL;
    for (uint32_t i = 0; i < n; i++) {
        struct route *r = &group[i];
        if (r->state == ROUTE_DOWN)
            continue;
        if (!best)
            best = r;
        if (r->distance != best->distance || (r->blackhole && r != best))
            r->state = ROUTE_INACTIVE;
        else
            r->state = r->priority == best->priority ? ROUTE_ACTIVE : ROUTE_SPARE;
        if (best->blackhole && r != best)
            r->state = ROUTE_INACTIVE;
    }
}

static void groups_set(struct route *list, uint32_t n)
{
    for (uint32_t i = 0, k; i < n; i = k) {
        for (k = i + 1; k < n && prefix_order(&list[i], &list[k]) == 0; k++)
            ;
        states_set(&list[i], k - i);
    }
}

/* ---- gateways ---- */

static struct gateway *gateway_slot(const struct routes *r, const struct ip_addr *ip,
                                    uint16_t ifindex)
{
    struct rng mixed = {ip->half[0] ^ ifindex};
    mixed.state = rng_next(&mixed) ^ ip->half[1];
    for (uint64_t h = rng_next(&mixed);; h++) {
        struct gateway *g = &r->gateways[h & (r->n_slots - 1)];
        if (g->ifindex == 0 || (g->ifindex == ifindex && ip_addr_eq(&g->ip, ip)))
            return g;
    }
}

static void gateways_grow(struct routes *r)
{
    struct gateway *old = r->gateways;
    uint32_t n_old = r->n_slots;
    r->n_slots = n_old ? n_old * 2 : 16;
    r->gateways = zeroed(r->n_slots, sizeof *r->gateways);
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i].ifindex)
            *gateway_slot(r, &old[i].ip, (uint16_t)old[i].ifindex) = old[i];
    free(old);
}

static void gateways_collect(struct routes *r)
{
    gateways_grow(r);
    for (uint32_t i = 0; i < r->n; i++) {
        const struct route *x = &r->list[i];
        if (!(x->gateway.half[0] | x->gateway.half[1]) || x->state == ROUTE_DOWN || !x->ifindex)
            continue;
        struct gateway *g = gateway_slot(r, &x->gateway, x->ifindex);
        if (g->ifindex)
            continue;
        *g = (struct gateway){x->gateway, x->ifindex};
        if (++r->n_gateways > r->n_slots / 2)
            gateways_grow(r);
    }
}

bool routes_gateway(const struct routes *r, uint16_t ifindex, const struct ip_addr *ip)
{
    return ifindex != 0 && gateway_slot(r, ip, ifindex)->ifindex != 0;
}

/* ---- tables ---- */

static struct route_slice slice4(const struct routes *r)
{
    return (struct route_slice){r->list, r->n - r->n6};
}

static struct route_slice slice6(const struct routes *r)
{
    return (struct route_slice){r->list + (r->n - r->n6), r->n6};
}

static struct route_node *root_build(struct routes *r, unsigned level, struct route_slice now,
                                     struct route_slice before, struct route_node *old)
{
    if (now.n == 0)
        return NULL;
    if (old && now.n == before.n &&
        memcmp(now.routes, before.routes, now.n * sizeof *now.routes) == 0)
        return route_node_share(old);
    return route_node_build(r->pool, level, now, &(struct route_before){before, old});
}

static void trees_build(struct routes *r, const struct routes *previous)
{
    static const struct routes none;
    if (previous && route_sets_count(previous->pool) > 2 * previous->pool_fresh + POOL_SLACK)
        previous = NULL;
    r->pool = previous ? route_sets_share(previous->pool) : route_sets_create();
    const struct routes *old = previous ? previous : &none;
    r->root4 = root_build(r, ROUTE_LEVEL4, slice4(r), slice4(old), old->root4);
    r->root6 = root_build(r, 0, slice6(r), slice6(old), old->root6);
    r->pool_fresh = previous ? previous->pool_fresh : route_sets_count(r->pool);
}

struct routes *routes_build(const struct route *list, uint32_t n, struct routes *previous)
{
    struct hash_secret secret;
    struct routes *r = zeroed(1, sizeof *r);
    r->refs = 1;
    r->n = n;
    r->list = zeroed(n, sizeof *r->list);
    if (n)
        memcpy(r->list, list, n * sizeof *list);
    sort(r->list, n);
    groups_set(r->list, n);
    if (previous && previous->n == n && memcmp(previous->list, r->list, n * sizeof *list) == 0) {
        routes_free(r);
        return routes_share(previous);
    }
    for (r->n6 = 0; r->n6 < n && !ip_addr_is4(&r->list[n - 1 - r->n6].dst);)
        r->n6++;
    trees_build(r, previous);
    gateways_collect(r);
    hash_secret_fixed(&secret, 0);
    r->digest = hash_bytes(&secret, r->list, n * sizeof *r->list);
    return r;
}

struct routes *routes_share(struct routes *r)
{
    __atomic_add_fetch(&r->refs, 1, __ATOMIC_RELAXED);
    return r;
}

void routes_free(struct routes *r)
{
    if (!r || __atomic_sub_fetch(&r->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    route_node_free(r->root4);
    route_node_free(r->root6);
    route_sets_free(r->pool);
    free(r->gateways);
    free(r->list);
    free(r);
}

uint64_t routes_digest(const struct routes *r)
{
    return r->digest;
}

const struct route *route_at(const struct routes *r, uint32_t i)
{
    return i < r->n ? &r->list[i] : NULL;
}

size_t routes_bytes(const struct routes *r)
{
    return sizeof *r + r->n * sizeof *r->list + r->n_slots * sizeof *r->gateways +
           route_sets_bytes(r->pool) + route_node_bytes(r->root4) + route_node_bytes(r->root6);
}

/* ---- lookups ---- */

const struct route_set *route_find(const struct routes *r, const struct ip_addr *ip)
{
    return ip_addr_is4(ip) ? route_node_find(r->root4, ROUTE_LEVEL4, ip)
                           : route_node_find(r->root6, 0, ip);
}

const struct route_set *route_find_via(const struct routes *r, const struct ip_addr *ip,
                                       uint16_t ifindex)
{
    const struct route_set *sets[ROUTE_LEVELS];
    unsigned n = ip_addr_is4(ip) ? route_node_walk(r->root4, ROUTE_LEVEL4, ip, sets)
                                 : route_node_walk(r->root6, 0, ip, sets);
    while (n > 0)
        for (const struct route_set *set = sets[--n]; set; set = set->shorter)
            if (set->interfaces >> ifindex & 1)
                return set;
    return NULL;
}

bool route_set_has(const struct route_set *set, uint16_t ifindex)
{
    for (uint16_t i = 0; i < set->n; i++)
        if (set->hops[i].ifindex == ifindex)
            return true;
    return false;
}

/* ---- the choice among hops ---- */

uint64_t route_flow(const struct hash_secret *secret, enum route_choice choice,
                    const struct ip_addr *src, const struct ip_addr *dst)
{
    uint64_t flow = hash_16(secret, src->half[0], src->half[1]);
    if (choice == ROUTE_BY_PAIR)
        flow = hash_16(secret, dst->half[0] ^ flow, dst->half[1]);
    return flow;
}

/* The draw of a hop for a flow, uniform over 64 bits. */
static uint64_t draw_of(uint64_t flow, const struct route_hop *hop)
{
    struct rng mixed = {flow ^ hop->id};
    return rng_next(&mixed);
}

/*
 * -log2 of a draw as a fraction of 2^64, in units of 2^-24; log2(1 + x) is taken as
 * x + 0.3438 x (1 - x), which is off by 0.009 at most. With u uniform, -log(u) / weight is least
 * for a hop with the probability of its share of the weights.
 */
static uint64_t distance_of(uint64_t draw)
{
    unsigned top = 63 - (unsigned)__builtin_clzll(draw | 1);
    uint64_t x = (top >= 24 ? draw >> (top - 24) : draw << (24 - top)) & 0xffffff;
    uint64_t log2 = ((uint64_t)top << 24) + x + ((x * (0x1000000 - x) >> 24) * 88 >> 8);
    return ((uint64_t)64 << 24) - log2;
}

/* The less, the better. */
static uint64_t cost_of(const struct route_hop *hop, bool by_weight, uint64_t flow)
{
    uint64_t draw = draw_of(flow, hop);
    if (!by_weight)
        return draw;
    return hop->weight ? (distance_of(draw) << 16) / hop->weight : UINT64_MAX;
}

const struct route_hop *route_pick(const struct route_set *set, enum route_choice choice,
                                   uint64_t flow)
{
    bool by_weight = choice == ROUTE_BY_WEIGHT && set->weighted;
    const struct route_hop *best = set->n ? &set->hops[0] : NULL;
    if (set->n < 2)
        return best;
    uint64_t least = cost_of(best, by_weight, flow);
    for (uint16_t i = 1; i < set->n; i++) {
        uint64_t cost = cost_of(&set->hops[i], by_weight, flow);
        if (cost < least) {
            least = cost;
            best = &set->hops[i];
        }
    }
    return best;
}

const struct route_hop *route_pick_via(const struct route_set *set, uint16_t ifindex,
                                       enum route_choice choice, uint64_t flow)
{
    bool by_weight = choice == ROUTE_BY_WEIGHT && set->weighted;
    const struct route_hop *best = NULL;
    uint64_t least = UINT64_MAX;
    for (uint16_t i = 0; i < set->n_all; i++) {
        if (i == set->n && best)
            break;
        if (set->hops[i].ifindex != ifindex)
            continue;
        uint64_t cost = cost_of(&set->hops[i], by_weight && i < set->n, flow);
        if (!best || cost < least) {
            least = cost;
            best = &set->hops[i];
        }
    }
    return best;
}
