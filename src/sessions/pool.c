/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arithmetic of pools, the register that keeps them, and the offers of those that need no
 * memory. One-to-one: a host's slot among the clients names its address. Blocks are in
 * pool_blocks.c.
 */
#include "sessions/pool.h"

#include "base/hash.h"
#include "sessions/pool_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Looks at a client whose address another thread is just choosing. */
#define TWIN_LOOKS 256

/* ---- arithmetic ---- */

static int refuse(const char **why, const char *text)
{
    *why = text;
    return -EINVAL;
}

/* As many hosts on each address as are needed to serve all; as many ports as they leave to each. */
static int plan_fixed(const struct pool_params *a, struct pool_plan *plan, const char **why)
{
    uint32_t ports = a->port_last - a->port_first + 1u;
    if (a->source_first > a->source_last || a->source_last - a->source_first >= UINT32_MAX / 2)
        return refuse(why, "source-startip is after source-endip, or the range too large");
    plan->sources = a->source_last - a->source_first + 1;
    if (a->port_per_user) {
        plan->block = a->port_per_user;
        plan->per_address = ports / plan->block;
    } else {
        plan->per_address = (plan->sources - 1) / plan->addresses + 1;
        plan->block = ports / plan->per_address;
    }
    if (plan->block == 0 || (uint64_t)plan->per_address * plan->addresses < plan->sources)
        return refuse(why, "more source addresses than there are blocks of ports");
    return 0;
}

static int plan_blocks(const struct pool_params *a, struct pool_plan *plan, const char **why)
{
    uint32_t ports = a->port_last - a->port_first + 1u;
    if (a->block_size == 0 || a->blocks_per_user == 0 || a->blocks_per_user > 128)
        return refuse(why, "block-size and num-blocks-per-user must be set");
    plan->block = a->block_size;
    plan->per_address = ports / plan->block;
    if (plan->per_address == 0)
        return refuse(why, "fewer ports than block-size");
    if ((uint64_t)plan->per_address * plan->addresses > POOL_PLACES_MAX)
        return refuse(why, "more than 4194304 blocks");
    plan->places = plan->per_address * plan->addresses;
    return 0;
}

int pool_plan(const struct pool_params *a, struct pool_plan *plan, const char **why)
{
    struct pool_plan out = {0};
    int result = 0;
    if (a->first == 0 || a->first > a->last || a->last - a->first >= UINT32_MAX / 2)
        return refuse(why, "startip is unset or after endip, or the range too large");
    out.addresses = a->last - a->first + 1;
    if (a->type != POOL_ONE_TO_ONE && (a->port_first == 0 || a->port_first > a->port_last))
        return refuse(why, "startport is after endport");
    if (a->type == POOL_FIXED_RANGE)
        result = plan_fixed(a, &out, why);
    else if (a->type == POOL_BLOCKS)
        result = plan_blocks(a, &out, why);
    else if (a->type == POOL_ONE_TO_ONE && out.addresses > POOL_PLACES_MAX)
        result = refuse(why, "more than 4194304 addresses");
    else if (a->type == POOL_ONE_TO_ONE)
        out.places = out.addresses;
    if (result == 0)
        *plan = out;
    return result;
}

/* ---- the register ---- */

static uint64_t params_hash(const struct pool_params *a)
{
    const uint64_t words[] = {a->type, (uint64_t)a->first << 32 | a->last,
                              (uint64_t)a->source_first << 32 | a->source_last,
                              (uint64_t)a->port_first << 48 | (uint64_t)a->port_last << 32 |
                                  (uint64_t)a->port_per_user << 16 | a->block_size,
                              (uint64_t)a->blocks_per_user << 32 | a->timeout_s};
    struct hash_secret secret;
    hash_secret_fixed(&secret, 0);
    return hash_bytes(&secret, words, sizeof words) ^
           hash_bytes(&secret, a->name, strnlen(a->name, sizeof a->name));
}

static bool params_equal(const struct pool_params *a, const struct pool_params *b)
{
    return strncmp(a->name, b->name, sizeof a->name) == 0 && a->type == b->type &&
           a->first == b->first && a->last == b->last && a->port_first == b->port_first &&
           a->port_last == b->port_last && a->source_first == b->source_first &&
           a->source_last == b->source_last && a->port_per_user == b->port_per_user &&
           a->block_size == b->block_size && a->blocks_per_user == b->blocks_per_user &&
           a->timeout_s == b->timeout_s;
}

struct pools *pools_create(void)
{
    struct pools *ps = calloc(1, sizeof *ps);
    if (ps)
        pthread_mutex_init(&ps->lock, NULL);
    return ps;
}

void pool_free(struct pool *p)
{
    pool_places_free(p);
    free(p);
}

void pools_destroy(struct pools *ps)
{
    if (!ps)
        return;
    for (uint32_t i = 1; i <= ps->n; i++)
        if (ps->by_id[i])
            pool_free(ps->by_id[i]);
    pthread_mutex_destroy(&ps->lock);
    free(ps);
}

/* The number of an equal pool, else of a free place, else 0. Under the lock. */
static uint32_t register_find(const struct pools *ps, const struct pool_params *params,
                              uint64_t hash, bool *found)
{
    uint32_t room = 0;
    for (uint32_t i = 1; i <= ps->n; i++) {
        const struct pool *p = ps->by_id[i];
        *found = p && p->hash == hash && params_equal(&p->params, params);
        if (*found)
            return i;
        if (!p && !room)
            room = i;
    }
    *found = false;
    return room || ps->n == POOLS_MAX ? room : ps->n + 1;
}

static int pool_make(const struct pool_params *params, uint64_t hash, struct pool **out,
                     const char **why)
{
    struct pool_plan plan;
    int result = pool_plan(params, &plan, why);
    if (result != 0)
        return result;
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->params = *params;
    p->plan = plan;
    p->hash = hash;
    result = pool_places_init(p);
    if (result != 0) {
        pool_free(p);
        return result;
    }
    *out = p;
    return 0;
}

int pools_take(struct pools *ps, const struct pool_params *params, struct pool **out,
               const char **why)
{
    uint64_t hash = params_hash(params);
    bool found;
    int result = 0;
    pthread_mutex_lock(&ps->lock);
    uint32_t id = register_find(ps, params, hash, &found);
    struct pool *p = found ? ps->by_id[id] : NULL;
    if (id == 0)
        result = -ENOSPC;
    else if (!p)
        result = pool_make(params, hash, &p, why);
    if (result == 0) {
        p->id = (uint16_t)id;
        p->refs++;
        p->idle_ms = 0;
        __atomic_store_n(&ps->by_id[id], p, __ATOMIC_RELEASE);
        if (id > ps->n)
            __atomic_store_n(&ps->n, id, __ATOMIC_RELEASE);
        *out = p;
    }
    pthread_mutex_unlock(&ps->lock);
    return result;
}

void pool_drop(struct pools *ps, struct pool *p)
{
    pthread_mutex_lock(&ps->lock);
    p->refs--;
    pthread_mutex_unlock(&ps->lock);
}

struct pool *pools_at(const struct pools *ps, uint16_t id)
{
    return ps && id <= POOLS_MAX ? __atomic_load_n(&ps->by_id[id], __ATOMIC_ACQUIRE) : NULL;
}

uint16_t pool_id(const struct pool *p)
{
    return p->id;
}

const struct pool_params *pool_params(const struct pool *p)
{
    return &p->params;
}

bool pool_contains(const struct pool *p, be32 ip)
{
    return be32_host(ip) >= p->params.first && be32_host(ip) <= p->params.last;
}

/* ---- offers ---- */

static enum pool_answer offer_overload(const struct pool *p, be32 source, struct pool_try *at,
                                       struct nat_want *want)
{
    if (at->n == POOL_TRIES || at->n >= p->plan.addresses)
        return POOL_NO_MORE;
    uint32_t home = pool_home(source, p->plan.addresses);
    want->ip = pool_address(p, (uint32_t)(((uint64_t)home + at->n++) % p->plan.addresses));
    want->first = p->params.port_first;
    want->last = p->params.port_last;
    return POOL_OFFER;
}

void pool_fixed_share(const struct pool *p, uint32_t i, struct nat_want *want)
{
    want->ip = pool_address(p, i / p->plan.per_address);
    pool_block_ports(p, i % p->plan.per_address, &want->first, &want->last);
}

static enum pool_answer offer_fixed(const struct pool *p, be32 source, struct pool_try *at,
                                    struct nat_want *want)
{
    uint32_t i = be32_host(source) - p->params.source_first;
    if (be32_host(source) < p->params.source_first || i >= p->plan.sources)
        return POOL_SOURCE;
    if (at->n++)
        return POOL_NO_MORE;
    pool_fixed_share(p, i, want);
    return POOL_OFFER;
}

/*
 * A new client is visible before it has its address: only then the slot is certainly ours to write
 * to. Others wait for it.
 */
static enum pool_answer client_equip(struct pool *p, be32 source, uint32_t slot, uint64_t word)
{
    if (!pool_client_confirm(&p->clients, slot, word))
        return POOL_BUSY;
    uint32_t place = pool_place_take(p, pool_home(source, p->plan.places));
    if (place == NO_PLACE)
        return POOL_FULL;
    __atomic_store_n(&p->of_client[slot], place + 1, __ATOMIC_RELEASE);
    return POOL_OFFER;
}

/* The place of a client that is pinned, or NO_PLACE. */
static uint32_t client_place(const struct pool *p, uint32_t slot)
{
    uint32_t place = 0;
    for (int i = 0; i < TWIN_LOOKS && place == 0; i++) {
        place = __atomic_load_n(&p->of_client[slot], __ATOMIC_ACQUIRE);
        if (place == 0)
            __builtin_ia32_pause();
    }
    return place - 1;
}

static void address_return(struct pool *p, uint32_t slot)
{
    if (!pool_client_unpin(&p->clients, slot))
        return;
    uint32_t place = __atomic_exchange_n(&p->of_client[slot], 0, __ATOMIC_ACQ_REL);
    if (place)
        pool_place_give(p, place - 1);
    pool_client_free(&p->clients, slot);
}

static enum pool_answer offer_address(struct pool *p, be32 source, struct pool_try *at,
                                      struct nat_want *want, struct pool_lease *lease)
{
    uint32_t slot;
    uint64_t word;
    enum pool_answer answer = POOL_OFFER;
    if (at->n)
        return POOL_NO_MORE;
    switch (pool_client_pin(&p->clients, source, &slot, &word)) {
    case POOL_CLIENT_NO_ROOM:
        return POOL_FULL;
    case POOL_CLIENT_BUSY:
        return POOL_BUSY;
    case POOL_CLIENT_MADE:
        answer = client_equip(p, source, slot, word);
        if (answer == POOL_BUSY)
            return answer;
        break;
    case POOL_CLIENT_PINNED:
        answer = client_place(p, slot) == NO_PLACE ? POOL_BUSY : POOL_OFFER;
        break;
    }
    if (answer != POOL_OFFER) {
        address_return(p, slot);
        return answer;
    }
    at->n++;
    want->ip = pool_address(p, client_place(p, slot));
    want->first = 1;
    want->last = 65535;
    want->preserve = true;
    lease->place = slot;
    return POOL_OFFER;
}

enum pool_answer pool_offer(struct pool *p, be32 source, struct pool_try *at, struct nat_want *want,
                            struct pool_lease *lease)
{
    enum pool_answer answer = POOL_NO_MORE;
    *lease = (struct pool_lease){.pool = p->id, .source = source};
    want->within = true;
    switch (p->params.type) {
    case POOL_OVERLOAD:
        return offer_overload(p, source, at, want);
    case POOL_ONE_TO_ONE:
        return offer_address(p, source, at, want, lease);
    case POOL_FIXED_RANGE:
        return offer_fixed(p, source, at, want);
    case POOL_BLOCKS:
        answer = pool_block_offer(p, source, at, lease);
        if (answer == POOL_OFFER) {
            want->ip = pool_address(p, lease->place / p->plan.per_address);
            pool_block_ports(p, lease->place % p->plan.per_address, &want->first, &want->last);
        }
        break;
    }
    return answer;
}

bool pools_hold(struct pools *ps, const struct pool_lease *lease)
{
    struct pool *p = pools_at(ps, lease->pool);
    if (lease->pool == 0)
        return true;
    if (!p)
        return false;
    if (p->params.type == POOL_ONE_TO_ONE)
        return pool_client_pin_at(&p->clients, lease->place, lease->source);
    return p->params.type != POOL_BLOCKS || pool_block_hold(p, lease);
}

void pools_narrow(struct pools *ps, const struct pool_lease *lease, struct nat_want *want)
{
    const struct pool *p = pools_at(ps, lease->pool);
    struct nat_want block;
    if (!p || (p->params.type != POOL_BLOCKS && p->params.type != POOL_FIXED_RANGE))
        return;
    if (p->params.type == POOL_FIXED_RANGE)
        pool_fixed_share(p, be32_host(lease->source) - p->params.source_first, &block);
    else
        pool_block_ports(p, lease->place % p->plan.per_address, &block.first, &block.last);
    bool meet = want->first <= block.last && want->last >= block.first;
    if (!meet || want->first < block.first)
        want->first = block.first;
    if (!meet || want->last > block.last)
        want->last = block.last;
    want->within = true;
}

void pools_return(struct pools *ps, const struct pool_lease *lease)
{
    struct pool *p = pools_at(ps, lease->pool);
    if (p && p->params.type == POOL_ONE_TO_ONE)
        address_return(p, lease->place);
    else if (p && p->params.type == POOL_BLOCKS)
        pool_block_return(p, lease->place);
}
