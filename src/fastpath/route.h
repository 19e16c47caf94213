/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forwarding table of both families: longest prefix to the hops that lead there. Built by
 * control from connected networks and static routes; immutable once published, so lookups by any
 * thread need no lock. Tables are counted: snapshots with equal routes share one, and a table that
 * differs from the last in a few prefixes shares the rest of its tree with it.
 *
 * Of equal prefixes the lowest distance gets into the table; of those the lowest priority carries
 * traffic. Several of equal distance and priority are one set (ECMP), whose hop is chosen per
 * session. Those of higher priority number stay in the set as spare: nothing is sent by them first,
 * but who comes in by one is answered by it.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUTE_HOPS_MAX 255 /* of one set, spare ones not counted */

/* What becomes of a configured route. */
enum route_state {
    ROUTE_INACTIVE, /* another one of its prefix is better */
    ROUTE_DOWN,     /* its interface is down */
    ROUTE_SPARE,    /* in the table, another one has a lower priority number */
    ROUTE_ACTIVE,
};

/* Without padding: routes are compared as bytes. */
struct route {
    struct ip_addr dst;     /* IPv4 in its mapped form */
    struct ip_addr gateway; /* zero: the destination itself is the next hop */
    uint32_t seq;           /* of the configuration, 0 for a connected network */
    uint16_t ifindex;       /* 0 with blackhole */
    uint16_t priority;
    uint8_t len; /* in the family of dst: 0 to 32, 0 to 128 */
    uint8_t distance;
    uint8_t weight;
    uint8_t state; /* enum route_state; to routes_build ROUTE_DOWN or anything else */
    bool connected, blackhole;
    uint8_t unused[2];
};

_Static_assert(sizeof(struct route) == 48, "no padding");

struct route_hop {
    struct ip_addr gateway; /* zero: the destination itself */
    uint64_t id;            /* of gateway and interface, for the choice among hops */
    uint16_t ifindex;
    uint16_t weight;
};

/* What a prefix leads to. Equal ones are one object within a table. */
struct route_set {
    const struct route_set *shorter; /* of the next shorter prefix around, where the node has one */
    uint64_t interfaces; /* bit i: a hop, spare ones included, leads out of interface i */
    struct ip_addr dst;  /* of a connected network, for its broadcast address */
    uint8_t len;
    bool connected, blackhole;
    bool weighted;     /* some hop has a weight */
    uint16_t n, n_all; /* hops that carry traffic; with the spare ones behind them */
    struct route_hop hops[];
};

struct routes;

/*
 * The table of `n` routes in any order, with one reference. What `previous` (may be NULL) has in
 * common with it is shared; when all is equal, it is `previous` with one reference more. Control.
 */
struct routes *routes_build(const struct route *list, uint32_t n, struct routes *previous);

/* One reference more, one less; NULL is none. Control. */
struct routes *routes_share(struct routes *r);
void routes_free(struct routes *r);

/* The set of the longest prefix around `ip`, or NULL. Any thread, as all below. */
const struct route_set *route_find(const struct routes *r, const struct ip_addr *ip);

/* The same among the prefixes that have a hop, spare or not, out of interface `ifindex`: the ways
 * by which `ip` can be reached, or answered, through it. */
const struct route_set *route_find_via(const struct routes *r, const struct ip_addr *ip,
                                       uint16_t ifindex);

enum route_choice {
    ROUTE_BY_SOURCE,
    ROUTE_BY_PAIR,   /* source and destination */
    ROUTE_BY_WEIGHT, /* by source, in proportion to the weights; 0 for all: equal */
};

/* What the choice among hops hangs on: stable for a source (and destination), unknown to strangers.
 */
uint64_t route_flow(const struct hash_secret *secret, enum route_choice choice,
                    const struct ip_addr *src, const struct ip_addr *dst);

/*
 * The hop for a flow, among those that carry traffic. A hop that goes takes only its own flows
 * with it, one that comes takes its share from all (rendezvous hashing). NULL for a blackhole.
 */
const struct route_hop *route_pick(const struct route_set *set, enum route_choice choice,
                                   uint64_t flow);

/* The same among the hops, spare ones too, out of `ifindex`; NULL when there is none. */
const struct route_hop *route_pick_via(const struct route_set *set, uint16_t ifindex,
                                       enum route_choice choice, uint64_t flow);

/* Does a hop that carries traffic lead out of `ifindex`? */
bool route_set_has(const struct route_set *set, uint16_t ifindex);

/* Who stands next on the way to `dst`. */
static inline struct ip_addr route_next_hop(const struct route_hop *hop, const struct ip_addr *dst)
{
    return hop->gateway.half[0] | hop->gateway.half[1] ? hop->gateway : *dst;
}

/* Is `ip` the gateway of a route out of `ifindex` that is not down? */
bool routes_gateway(const struct routes *r, uint16_t ifindex, const struct ip_addr *ip);

/* Moves with everything that decides about ways. */
uint64_t routes_digest(const struct routes *r);

/* For listings: the i-th route, by family, prefix, distance, priority, sequence; or NULL. */
const struct route *route_at(const struct routes *r, uint32_t i);

/* Bytes of the table, what it shares with others included. */
size_t routes_bytes(const struct routes *r);
