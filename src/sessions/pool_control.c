/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What control does with pools: counts their sessions, frees idle blocks and pools nobody names any
 * more, and lists. It sees every session when it begins and when it ends, so its counts need no
 * atomics.
 */
#include "sessions/pool.h"
#include "sessions/pool_private.h"

#include <netinet/in.h>

/* A pool without sessions is kept so long after the last snapshot that named it: what a worker took
 * from it last has reached control by then. */
#define KEEP_MS 60000
/* How often it looks at them; and at least, while there are pools that nobody names any more. */
#define RUN_MS  100
#define LOOK_MS 1000

static struct pool *with_blocks(const struct pools *ps, const struct pool_lease *lease)
{
    struct pool *p = pools_at(ps, lease->pool);
    return p && p->params.type == POOL_BLOCKS ? p : NULL;
}

void pools_seen(struct pools *ps, const struct pool_lease *lease, uint64_t now_ms,
                const struct event_sink *events)
{
    struct pool *p = with_blocks(ps, lease);
    if (p && pool_block_know(p, lease->place, now_ms))
        pool_block_tell(p, lease->place, lease->source, "pool-block-allocated", now_ms, events);
}

void pools_ended(struct pools *ps, const struct pool_lease *lease, uint64_t now_ms)
{
    struct pool *p = with_blocks(ps, lease);
    if (!p) {
        pools_return(ps, lease);
        return;
    }
    if (!pool_block_return(p, lease->place))
        return;
    p->blocks[lease->place].idle_ms = (uint32_t)now_ms;
    wheel_move(p->idle, lease->place, now_ms + (uint64_t)p->params.timeout_s * 1000);
}

void pools_count(struct pools *ps, uint16_t id, uint8_t proto, int change)
{
    struct pool *p = pools_at(ps, id);
    if (!p || id == 0)
        return;
    p->sessions[0] += (uint64_t)(int64_t)change;
    if (proto == IPPROTO_TCP)
        p->sessions[1] += (uint64_t)(int64_t)change;
    else if (proto == IPPROTO_UDP)
        p->sessions[2] += (uint64_t)(int64_t)change;
    else if (proto == IPPROTO_ICMP)
        p->sessions[3] += (uint64_t)(int64_t)change;
}

/* Nobody names it, nobody holds anything of it, and that for a while. */
static bool forgotten(struct pool *p, uint64_t now_ms)
{
    if (p->refs || p->sessions[0] || __atomic_load_n(&p->n_used, __ATOMIC_ACQUIRE)) {
        p->idle_ms = 0;
        return false;
    }
    if (p->idle_ms == 0)
        p->idle_ms = now_ms;
    return now_ms >= p->idle_ms + KEEP_MS;
}

unsigned pools_run(struct pools *ps, uint64_t now_ms, const struct event_sink *events)
{
    unsigned done = 0;
    if (now_ms < ps->run_ms + RUN_MS && now_ms >= ps->run_ms)
        return 0;
    ps->run_ms = now_ms;
    pthread_mutex_lock(&ps->lock);
    for (uint32_t i = 1; i <= ps->n; i++) {
        struct pool *p = ps->by_id[i];
        if (!p)
            continue;
        done += pool_blocks_run(p, now_ms, events);
        if (forgotten(p, now_ms)) {
            __atomic_store_n(&ps->by_id[i], NULL, __ATOMIC_RELEASE);
            pool_free(p);
            done++;
        }
    }
    pthread_mutex_unlock(&ps->lock);
    return done;
}

uint64_t pools_next_deadline_ms(struct pools *ps)
{
    uint64_t next = UINT64_MAX;
    pthread_mutex_lock(&ps->lock);
    for (uint32_t i = 1; i <= ps->n; i++) {
        const struct pool *p = ps->by_id[i];
        uint64_t at = p && p->idle_begun ? wheel_next_deadline_ms(p->idle) : UINT64_MAX;
        if (p && p->refs == 0 && at > ps->run_ms + LOOK_MS)
            at = ps->run_ms + LOOK_MS;
        next = at < next ? at : next;
    }
    pthread_mutex_unlock(&ps->lock);
    return next;
}

/* ---- listings ---- */

static void stat_block(const struct pool *p, uint32_t place, uint32_t *address,
                       struct pool_stat *out)
{
    if (p->params.type == POOL_BLOCKS)
        out->places_expiring += pool_block_holders(p, place) == 0;
    uint32_t i = p->params.type == POOL_BLOCKS ? place / p->plan.per_address : place;
    out->addresses_in_use += i != *address;
    *address = i;
}

void pool_stat(const struct pool *p, struct pool_stat *out)
{
    uint32_t address = UINT32_MAX;
    *out = (struct pool_stat){
        .plan = p->plan,
        .places_in_use = __atomic_load_n(&p->n_used, __ATOMIC_RELAXED),
        .allocated = __atomic_load_n(&p->allocated, __ATOMIC_RELAXED),
        .reused = __atomic_load_n(&p->reused, __ATOMIC_RELAXED),
        .sessions = p->sessions[0],
        .tcp = p->sessions[1],
        .udp = p->sessions[2],
        .icmp = p->sessions[3],
    };
    for (uint32_t i = 0; i < p->plan.places; i++)
        if (pool_place_used(p, i))
            stat_block(p, i, &address, out);
    for (uint32_t i = 0; p->plan.places && i < pool_clients_slots(&p->clients); i++)
        out->clients += pool_client_at(&p->clients, i) != 0;
}

static bool share_of_slot(const struct pool *p, uint32_t slot, struct pool_share *out)
{
    be32 source = pool_client_at(&p->clients, slot);
    uint32_t place = __atomic_load_n(&p->of_client[slot], __ATOMIC_ACQUIRE);
    if (source == 0 || place == 0)
        return false;
    *out = (struct pool_share){.source = source,
                               .ip = pool_address(p, place - 1),
                               .first = 1,
                               .last = 65535,
                               .users = pool_client_users(&p->clients, slot)};
    return true;
}

static bool share_of_block(const struct pool *p, uint32_t place, struct pool_share *out)
{
    if (!pool_place_used(p, place))
        return false;
    *out = (struct pool_share){.source = pool_block_owner(p, place),
                               .ip = pool_address(p, place / p->plan.per_address),
                               .users = pool_block_holders(p, place)};
    pool_block_ports(p, place % p->plan.per_address, &out->first, &out->last);
    return out->source != 0;
}

static bool share_of_host(const struct pool *p, uint32_t i, struct pool_share *out)
{
    struct nat_want want;
    pool_fixed_share(p, i, &want);
    *out = (struct pool_share){.source = be32_of(p->params.source_first + i),
                               .ip = want.ip,
                               .first = want.first,
                               .last = want.last};
    return true;
}

bool pool_share_next(const struct pool *p, uint32_t *cursor, struct pool_share *out)
{
    static bool (*const share[])(const struct pool *p, uint32_t i, struct pool_share *out) = {
        [POOL_ONE_TO_ONE] = share_of_slot,
        [POOL_FIXED_RANGE] = share_of_host,
        [POOL_BLOCKS] = share_of_block,
    };
    uint32_t n = p->params.type == POOL_OVERLOAD      ? 0
                 : p->params.type == POOL_ONE_TO_ONE  ? pool_clients_slots(&p->clients)
                 : p->params.type == POOL_FIXED_RANGE ? p->plan.sources
                                                      : p->plan.places;
    while (*cursor < n)
        if (share[p->params.type](p, (*cursor)++, out))
            return true;
    return false;
}
