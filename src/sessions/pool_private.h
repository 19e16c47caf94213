/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the pool_*.c files share. Inside sessions/ only.
 */
#pragma once

#include "sessions/pool.h"
#include "sessions/pool_clients.h"
#include "sessions/wheel.h"

#include <pthread.h>

#define NO_PLACE UINT32_MAX

/* A block of a block pool. The word is the truth; the rest is control's. */
struct pool_block {
    uint64_t word; /* atomic: owner's slot + 1, known, holders; 0 nobody's */
    struct wheel_link wheel;
    uint32_t idle_ms; /* when its last holder went, low half of the clock */
};

struct pool {
    struct pool_params params;
    struct pool_plan plan;
    uint16_t id;
    uint32_t refs;    /* of snapshots; under the register's lock */
    uint64_t idle_ms; /* since when nobody refers to it; control */
    uint64_t hash;    /* of the parameters */

    struct pool_clients clients;
    uint64_t *used; /* a bit per place */
    size_t used_bytes;
    uint32_t n_used; /* atomic */
    /* One-to-one: the address + 1 of a client, by slot. Block pool: its blocks + 1, blocks_per_user
     * by slot. */
    uint32_t *of_client;
    size_t of_client_bytes;
    uint8_t *newest; /* block pool: which of its blocks a client tries first, by slot */
    struct pool_block *blocks;
    size_t blocks_bytes;
    uint64_t allocated, reused; /* atomic, relaxed */
    struct wheel *idle;         /* blocks control knows of; control */
    bool idle_begun;
    uint64_t sessions[4]; /* control: all, TCP, UDP, ICMP */
};

struct pools {
    pthread_mutex_t lock;
    uint32_t n;      /* numbers in use are not above it */
    uint64_t run_ms; /* of the last pools_run; control */
    struct pool *by_id[POOLS_MAX + 1];
};

/* ---- pool.c ---- */

void pool_free(struct pool *p);
/* The ports and address of host `i` of a fixed port range. */
void pool_fixed_share(const struct pool *p, uint32_t i, struct nat_want *want);

/* ---- pool_places.c ---- */

/* Memory for clients and places. 0 or -ENOMEM. */
int pool_places_init(struct pool *p);
void pool_places_free(struct pool *p);
/* The next free place from `start` on, around the end, now taken; or NO_PLACE. */
uint32_t pool_place_take(struct pool *p, uint32_t start);
void pool_place_give(struct pool *p, uint32_t place);
bool pool_place_used(const struct pool *p, uint32_t place);

/* ---- pool_blocks.c ---- */

enum pool_answer pool_block_offer(struct pool *p, be32 source, struct pool_try *at,
                                  struct pool_lease *lease);
bool pool_block_hold(struct pool *p, const struct pool_lease *lease);
/* One holder less. True when a block that control knows has none left. */
bool pool_block_return(struct pool *p, uint32_t place);
/* Control: from here on it is filed in p->idle. True the first time. */
bool pool_block_know(struct pool *p, uint32_t place, uint64_t now_ms);
/* Control: free those whose time is over. */
unsigned pool_blocks_run(struct pool *p, uint64_t now_ms, const struct event_sink *events);
uint32_t pool_block_holders(const struct pool *p, uint32_t place);
be32 pool_block_owner(const struct pool *p, uint32_t place);
void pool_block_tell(const struct pool *p, uint32_t place, be32 source, const char *event,
                     uint64_t now_ms, const struct event_sink *events);

/* ---- both ---- */

static inline be32 pool_address(const struct pool *p, uint32_t i)
{
    return be32_of(p->params.first + i);
}

/* Where a host begins to look, of n. Neighbours spread evenly. */
static inline uint32_t pool_home(be32 source, uint32_t n)
{
    uint32_t ip = be32_host(source);
    return (ip ^ ip >> 16) % n;
}

/* The ports of block `i` of an address. */
static inline void pool_block_ports(const struct pool *p, uint32_t i, uint16_t *first,
                                    uint16_t *last)
{
    *first = (uint16_t)(p->params.port_first + i * p->plan.block);
    *last = (uint16_t)(*first + p->plan.block - 1);
}
