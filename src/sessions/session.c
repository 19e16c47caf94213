/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making and ending sessions.
 *
 * A session is born by the thread that met its first packet: take an index, write the record, enter
 * the original key, then the reply key (port by port where it is translated), then say LIVE.
 * Whoever meets the same flow at the same time finds one of the keys taken and follows the winner.
 * Where both keys are known beforehand the smaller one goes in first, so that two threads that see
 * the two directions of one flow at the same instant meet on the same key.
 *
 * Ending is one compare-and-swap to DYING; from then on lookups miss it. Control learns of it
 * through the thread's stack of news, takes the keys out and returns the index when nobody can hold
 * it.
 */
#include "sessions/session.h"

#include "base/mem.h"
#include "sessions/mapping.h"

#include <errno.h>
#include <netinet/in.h>

void session_thread_init(struct session_thread *t, uint64_t seed)
{
    *t = (struct session_thread){.sessions = STORE_CACHE_EMPTY,
                                 .mappings = STORE_CACHE_EMPTY,
                                 .rng = {seed},
                                 .session_news = INDEX_NONE,
                                 .mapping_news = INDEX_NONE};
}

static void beside_free(struct sessions *ss, uint32_t capacity)
{
    mem_unmap(ss->cold, (size_t)capacity * sizeof *ss->cold);
    mem_unmap(ss->v6, (size_t)capacity * sizeof *ss->v6);
}

int sessions_init(struct sessions *ss, uint32_t capacity, struct mappings *mappings, bool huge)
{
    ss->mappings = mappings;
    ss->cold = mem_map((size_t)capacity * sizeof *ss->cold, huge);
    ss->v6 = mem_map_sparse((size_t)capacity * sizeof *ss->v6);
    int result = -ENOMEM;
    if (ss->cold && ss->v6)
        result = store_init(&ss->store, capacity, sizeof(struct session), huge);
    if (result != 0)
        beside_free(ss, capacity);
    return result;
}

void sessions_free(struct sessions *ss)
{
    beside_free(ss, ss->store.capacity);
    store_free(&ss->store);
}

struct key session_key6(const struct sessions *ss, const struct session_v6 *flow, uint8_t proto,
                        int dir, uint16_t zone)
{
    uint32_t sport = flow->sport, dport = flow->dport;
    return dir == 0 ? key6_of(&ss->key6, &flow->src, &flow->dst, sport | dport << 16, proto, zone)
                    : key6_of(&ss->key6, &flow->dst, &flow->src, dport | sport << 16, proto, zone);
}

size_t sessions_bytes(const struct sessions *ss)
{
    return ss->store.bytes + ss->store.table.bytes + (size_t)ss->store.capacity * sizeof *ss->cold;
}

static void session_fill(struct sessions *ss, uint32_t index, const struct session_new *want)
{
    struct session *s = session_at(ss, index);
    struct session_cold *c = &ss->cold[index];

    key_store(&s->r.key[0], &want->key[0]);
    key_store(&s->r.key[1], &want->key[1]);
    s->r.flags = want->flags;
    s->r.detail = want->timer_set;
    s->policy_id = want->policy_id;
    s->generation = want->generation;
    s->mapping = want->mapping;
    s->traits = want->traits;
    for (int d = 0; d < 2; d++) {
        s->neighbour[d] = want->neighbour[d];
        s->ifindex[d] = want->ifindex[d];
        s->packets[d] = s->bytes[d] = s->tcp_seq[d] = 0;
        s->tcp_scale[d] = 0;
    }
    s->last_seen_ms = s->created_ms = want->now_ms;
    s->tcp_state = want->tcp_state;
    s->told = 0;
    wheel_link_init(&c->wheel);
    c->mapping_next = INDEX_NONE;
    c->service = want->service;
    c->pool = want->lease.pool;
    c->place = want->lease.place;
    c->hairpin = want->flags & SESSION_HAIRPIN ? want->hairpin : INDEX_NONE;
    c->hairpin_next = INDEX_NONE;
    if (want->v6)
        ss->v6[index] = *want->v6;
    record_state_set(&s->r, RECORD_OPENING);
}

/*
 * A mapping's flow takes a key from an ordinary session: the ordinary one dies. One that is still
 * OPENING is left alone, for its index may be another flow's in a moment; it finds the mapping
 * itself (overtaken).
 */
static bool twin_yields(struct sessions *ss, struct session_thread *t, const struct record *mine,
                        int dir, const struct table_hit *twin)
{
    const struct record *other = &session_at(ss, twin->index)->r;
    if (!(mine->flags & SESSION_MAPPED) || !record_live_as(other, twin->dir, &mine->key[dir]) ||
        other->flags & SESSION_MAPPED)
        return false;
    session_kill(ss, t, twin->index);
    return true;
}

static int key_enter(struct sessions *ss, struct session_thread *t, uint32_t index, int dir,
                     struct table_hit *twin)
{
    int result = table_insert(&ss->store.table, index, dir, twin);
    while (result == -EEXIST && twin_yields(ss, t, &session_at(ss, index)->r, dir, twin))
        result = table_insert(&ss->store.table, index, dir, twin);
    return result;
}

/* Both keys are known: the smaller first. On failure nothing is entered. */
static int keys_enter(struct sessions *ss, struct session_thread *t, uint32_t index,
                      struct table_hit *twin)
{
    struct session *s = session_at(ss, index);
    int first = memcmp(&s->r.key[0], &s->r.key[1], sizeof(struct key)) > 0;
    int result = key_enter(ss, t, index, first, twin);
    if (result != 0) {
        if (result == -EEXIST)
            twin->dir ^= first;
        return result;
    }
    result = key_enter(ss, t, index, !first, twin);
    if (result != 0) {
        if (result == -EEXIST)
            twin->dir ^= !first;
        table_remove(&ss->store.table, index, first);
    }
    return result;
}

/* The original key, then the reply key with the first public port nobody uses for it. */
static int nat_enter(struct sessions *ss, struct session_thread *t, uint32_t index,
                     const struct nat_want *nat, struct table_hit *twin)
{
    struct session *s = session_at(ss, index);
    int result = key_enter(ss, t, index, 0, twin);
    if (result != 0)
        return result;

    struct nat_probe probe;
    struct key reply = s->r.key[1];
    struct table_hit other;
    nat_probe_init(&probe, nat, s->r.key[0].sport, (uint32_t)rng_next(&t->rng), 1);
    result = -EADDRNOTAVAIL;
    while (nat_probe_next(&probe, &reply.dport)) {
        struct endpoint port = {nat->ip, reply.dport};
        if (mapping_has_port(ss->mappings, reply.proto, port))
            continue;
        key_store(&s->r.key[1], &reply);
        result = table_insert(&ss->store.table, index, 1, &other);
        if (result == 0)
            return 0;
        if (result == -ENOSPC)
            break;
        result = -EADDRNOTAVAIL;
    }
    table_remove(&ss->store.table, index, 0);
    return result;
}

/*
 * Did a mapping of this source open while the ordinary session was being made? mapping_claim cannot
 * end a session that is not LIVE yet; so both sides first say LIVE, then look for the other, and
 * whoever is later sees it.
 */
static bool overtaken(const struct sessions *ss, const struct session_new *want)
{
    const struct key *k = &want->key[0];
    if (!want->nat || k->proto != IPPROTO_UDP)
        return false;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint32_t m = mapping_find_source(ss->mappings, k->proto, k->zone,
                                     (struct endpoint){k->src, k->sport}, want->ifindex[1]);
    return m != INDEX_NONE && mapping_public(mapping_at(ss->mappings, m)).ip == want->nat->ip;
}

/*
 * The mapping of its source. The session hangs on that of its destination already and control alone
 * takes it off, so it is LIVE by now and ends like any other where this fails.
 */
static int hairpin_attach(struct sessions *ss, uint32_t index, const struct session_new *want)
{
    return want->flags & SESSION_HAIRPIN ? mapping_attach(ss->mappings, want->hairpin, index) : 0;
}

/* It was never used: what it was to hold of a pool remains its maker's. */
static void session_ends_at_once(struct sessions *ss, struct session_thread *t, uint32_t index)
{
    ss->cold[index].pool = 0;
    session_kill(ss, t, index);
}

static void buckets_prefetch(const struct sessions *ss, const struct key *key)
{
    const struct table *t = &ss->store.table;
    uint64_t hash = table_hash(t, key);
    __builtin_prefetch(table_bucket(t, hash, 0), 1);
    __builtin_prefetch(table_bucket(t, hash, 1), 1);
}

/* The lines that the next session of this thread will be written to. */
static void next_prefetch(const struct sessions *ss, const struct store_cache *cache)
{
    uint32_t next = store_next(cache);
    if (next == INDEX_NONE)
        return;
    __builtin_prefetch(session_at(ss, next), 1);
    __builtin_prefetch(&session_at(ss, next)->last_seen_ms, 1);
    __builtin_prefetch(&ss->cold[next], 1);
}

void session_prepare(const struct sessions *ss, const struct key key[2])
{
    buckets_prefetch(ss, &key[0]);
    buckets_prefetch(ss, &key[1]);
}

static void count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* What became of an attempt that made no session. */
static int failed(struct session_thread *t, int result)
{
    if (result == -ENOSPC)
        count(&t->refused);
    else if (result == -EEXIST || result == -EAGAIN)
        count(&t->clashes);
    return result;
}

int session_create(struct sessions *ss, struct session_thread *t, const struct session_new *want,
                   struct table_hit *hit)
{
    uint32_t index = store_take(&ss->store, &t->sessions);
    if (index == INDEX_NONE)
        return failed(t, -ENOSPC);
    next_prefetch(ss, &t->sessions);
    session_fill(ss, index, want);

    int result =
        want->nat ? nat_enter(ss, t, index, want->nat, hit) : keys_enter(ss, t, index, hit);
    if (result == 0 && want->mapping != INDEX_NONE) {
        result = mapping_attach(ss->mappings, want->mapping, index);
        if (result != 0) {
            table_remove(&ss->store.table, index, 0);
            table_remove(&ss->store.table, index, 1);
        }
    }
    if (result != 0) {
        store_untake(&ss->store, &t->sessions, index);
        return failed(t, result);
    }
    record_state_set(&session_at(ss, index)->r, RECORD_LIVE);
    result = overtaken(ss, want) ? -EAGAIN : hairpin_attach(ss, index, want);
    if (result != 0) {
        session_ends_at_once(ss, t, index);
        return failed(t, result);
    }
    session_tell(ss, t, index);
    *hit = (struct table_hit){index, 0};
    return 0;
}

bool session_kill(struct sessions *ss, struct session_thread *t, uint32_t index)
{
    if (!record_state_swap(&session_at(ss, index)->r, RECORD_LIVE, RECORD_DYING))
        return false;
    session_tell(ss, t, index);
    return true;
}

void session_tell(struct sessions *ss, struct session_thread *t, uint32_t index)
{
    struct session *s = session_at(ss, index);
    if (__atomic_exchange_n(&s->told, 1, __ATOMIC_ACQ_REL))
        return;
    uint32_t top = __atomic_load_n(&t->session_news, __ATOMIC_RELAXED);
    do
        __atomic_store_n(&s->news_next, top, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&t->session_news, &top, index, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
}

uint32_t session_news_take(struct session_thread *t)
{
    return __atomic_exchange_n(&t->session_news, INDEX_NONE, __ATOMIC_ACQUIRE);
}

/*
 * An exchange, not a store: a thread that changes the session and finds it still told leaves it at
 * that, so whoever clears `told` must see the change in all he reads from here on.
 */
uint32_t session_news_next(struct sessions *ss, uint32_t index)
{
    struct session *s = session_at(ss, index);
    uint32_t next = __atomic_load_n(&s->news_next, __ATOMIC_RELAXED);
    __atomic_exchange_n(&s->told, 0, __ATOMIC_ACQ_REL);
    return next;
}

/* Through a mapping it is the mapping that holds something of the pool, unless it leaves by an
 * outlet, with a port of its own. */
static uint16_t pool_of(const struct sessions *ss, uint32_t index)
{
    uint32_t mapping = session_at(ss, index)->mapping;
    if (mapping != INDEX_NONE && ss->cold[index].pool == 0)
        return ss->mappings->cold[mapping].lease.pool;
    return ss->cold[index].pool;
}

void session_pool_enter(struct sessions *ss, uint32_t index, uint64_t now_ms,
                        const struct event_sink *events)
{
    uint16_t pool = pool_of(ss, index);
    if (pool == 0)
        return;
    struct pool_lease lease = session_lease(ss, index);
    pools_count(ss->pools, pool, session_at(ss, index)->r.key[0].proto, 1);
    pools_seen(ss->pools, &lease, now_ms, events);
}

void session_pool_leave(struct sessions *ss, uint32_t index, uint64_t now_ms)
{
    uint16_t pool = pool_of(ss, index);
    if (pool == 0)
        return;
    struct pool_lease lease = session_lease(ss, index);
    pools_count(ss->pools, pool, session_at(ss, index)->r.key[0].proto, -1);
    pools_ended(ss->pools, &lease, now_ms);
}
