/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP pools: addresses and ports for source NAT (fortios.md 5.6). A pool outlives the snapshots that
 * name it: what its hosts hold must not change with every commit. It is kept in a register by its
 * whole description, so that an unchanged pool of the next configuration is the same object.
 *
 *   overload          many hosts share the addresses; a host begins with the same one each time
 *   one-to-one        a host has an address to itself for as long as it has sessions
 *   fixed port range  each host of the source range has a block of ports, computed
 *   port block        a host gets blocks of ports when it needs them, and keeps them a while
 *
 * Overload and fixed ranges are arithmetic. Of the other two, what a flow takes it holds by a
 * lease; the last lease that goes back frees an address at once, a block after its time-out.
 *
 * Threads: workers and the ALG make offers and hold and return leases; control counts sessions,
 * frees idle blocks and lists. The register is for whoever compiles and frees snapshots.
 */
#pragma once

#include "base/events.h"
#include "sessions/nat.h"

#define POOL_NAME_MAX   80
#define POOL_PLACES_MAX (1u << 22) /* addresses of a one-to-one pool, blocks of a block pool */
#define POOLS_MAX       16383

/* Ways a pool offers to one flow before it says that there are no more. */
#define POOL_TRIES 8

enum pool_type {
    POOL_OVERLOAD,
    POOL_ONE_TO_ONE,
    POOL_FIXED_RANGE,
    POOL_BLOCKS,
};

/* Host order, inclusive. What a type has no use for is 0. */
struct pool_params {
    char name[POOL_NAME_MAX];
    enum pool_type type;
    uint32_t first, last;
    uint16_t port_first, port_last;
    uint32_t source_first, source_last; /* fixed port range */
    uint16_t port_per_user;             /* the same; 0: as many as the ranges give */
    uint16_t block_size, blocks_per_user;
    uint32_t timeout_s; /* of an idle block */
};

/* The arithmetic of a pool. */
struct pool_plan {
    uint32_t addresses;   /* public ones */
    uint32_t sources;     /* inside ones of a fixed port range */
    uint32_t per_address; /* hosts (fixed port range) or blocks (port block) on one address */
    uint32_t block;       /* ports of a host or block */
    uint32_t places;      /* what is handed out one by one: addresses or blocks */
};

/* 0, or -EINVAL and in *why (a constant) what does not fit. */
int pool_plan(const struct pool_params *params, struct pool_plan *plan, const char **why);

/* A part of a pool that a flow or mapping holds. pool 0: none. */
struct pool_lease {
    uint32_t place;
    uint16_t pool;
    be32 source; /* the inside host */
};

struct pool;

/* ---- the register ---- */

struct pools;
struct pools *pools_create(void);
void pools_destroy(struct pools *ps);

/*
 * The pool of this description, made if there is none. One use more: pool_drop gives it back. 0,
 * -EINVAL with *why, -ENOSPC (POOLS_MAX), -ENOMEM. Takes a lock that workers never take.
 */
int pools_take(struct pools *ps, const struct pool_params *params, struct pool **out,
               const char **why);
void pool_drop(struct pools *ps, struct pool *p);

/* By its number while anybody uses it or holds a lease of it, else NULL. */
struct pool *pools_at(const struct pools *ps, uint16_t id);

uint16_t pool_id(const struct pool *p);
const struct pool_params *pool_params(const struct pool *p);

/* Is `ip` one of its public addresses? */
bool pool_contains(const struct pool *p, be32 ip);

/* ---- offers, for first packets ---- */

enum pool_answer {
    POOL_OFFER,   /* *want and *lease are set */
    POOL_NO_MORE, /* every way has been offered */
    POOL_FULL,    /* all addresses or blocks are in use */
    POOL_SOURCE,  /* it does not serve this host */
    POOL_BUSY,    /* another thread is at the same host: begin anew */
};

/* Where a flow stands with a pool. Zeroed before the first offer. */
struct pool_try {
    uint8_t n;     /* offers made */
    uint8_t at;    /* block pools: how many of the host's blocks were looked at ... */
    uint8_t first; /* ... beginning with this one */
};

/*
 * The next way for `source` to be translated by this pool: address and ports into *want (its
 * `preserve`, `fixed` and `fit` are the caller's), and the lease, which is held until it is
 * returned or handed to a session or mapping.
 */
enum pool_answer pool_offer(struct pool *p, be32 source, struct pool_try *at, struct nat_want *want,
                            struct pool_lease *lease);

/* One holder more of a lease that is held by somebody. False when it no longer is. Any thread. */
bool pools_hold(struct pools *ps, const struct pool_lease *lease);

/* Of the port block a lease is for: cut *want down to it, or all of it where they do not meet. */
void pools_narrow(struct pools *ps, const struct pool_lease *lease, struct nat_want *want);

/* One holder less. Workers and the ALG, for what came to nothing. */
void pools_return(struct pools *ps, const struct pool_lease *lease);

/* ---- control ---- */

/* A session or mapping with this lease has been seen; where it is the first of a block, tells so.
 */
void pools_seen(struct pools *ps, const struct pool_lease *lease, uint64_t now_ms,
                const struct event_sink *events);

/* It has ended: as pools_return, and a block begins to be idle. */
void pools_ended(struct pools *ps, const struct pool_lease *lease, uint64_t now_ms);

/* A session more (+1) or less (-1) of this protocol. */
void pools_count(struct pools *ps, uint16_t id, uint8_t proto, int change);

/* Free idle blocks, and pools that nobody uses any more. Returns how many. */
unsigned pools_run(struct pools *ps, uint64_t now_ms, const struct event_sink *events);

/* When pools_run should be called at the latest; UINT64_MAX: it has nothing to wait for. */
uint64_t pools_next_deadline_ms(struct pools *ps);

/* ---- listings, by control ---- */

struct pool_stat {
    struct pool_plan plan;
    uint32_t clients;       /* hosts that hold an address or block */
    uint32_t places_in_use; /* addresses or blocks */
    uint32_t addresses_in_use;
    uint32_t places_expiring;   /* blocks nobody uses, until their time-out */
    uint64_t allocated, reused; /* blocks given out; of those expiring, taken up again */
    uint64_t sessions, tcp, udp, icmp;
};

/* Walks everything the pool holds. */
void pool_stat(const struct pool *p, struct pool_stat *out);

/* What a host or place has: for `diagnose firewall ippool`. */
struct pool_share {
    be32 source, ip;
    uint16_t first, last; /* ports */
    uint32_t users;
};

/*
 * The next share from *cursor on (begin with 0): addresses or blocks in use, or every host of a
 * fixed port range. False at the end.
 */
bool pool_share_next(const struct pool *p, uint32_t *cursor, struct pool_share *out);
