/* SPDX-License-Identifier: BSD-3-Clause */
#include "crew.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

unsigned pause_every = 64;

/* ---- quiescence ---- */

void quiescent(struct member *m)
{
    uint64_t token = __atomic_load_n(&m->crew->token, __ATOMIC_ACQUIRE);
    __atomic_store_n(&m->seen, token, __ATOMIC_RELEASE);
}

static void offline(struct member *m)
{
    __atomic_store_n(&m->seen, UINT64_MAX, __ATOMIC_RELEASE);
}

/* Online with a full barrier: no read of shared tables may come before it. */
static void online(struct member *m)
{
    uint64_t token = __atomic_load_n(&m->crew->token, __ATOMIC_ACQUIRE);
    __atomic_exchange_n(&m->seen, token, __ATOMIC_SEQ_CST);
}

void together(struct member *m)
{
    offline(m);
    pthread_barrier_wait(&m->crew->barrier);
    online(m);
}

/* An exchange for the same reason as online(): what was taken out is out before anyone is asked. */
static uint64_t grace_start(struct crew *c)
{
    return __atomic_add_fetch(&c->token, 1, __ATOMIC_SEQ_CST);
}

static bool grace_over(const struct crew *c, uint64_t token)
{
    for (unsigned i = 0; i < c->n; i++)
        if (__atomic_load_n(&c->member[i].seen, __ATOMIC_SEQ_CST) < token)
            return false;
    return true;
}

/* ---- control ---- */

static void morgue_make(struct morgue *g, uint32_t capacity)
{
    *g = (struct morgue){.open = calloc(capacity, sizeof *g->open),
                         .waiting = calloc(capacity, sizeof *g->waiting),
                         .ended = calloc(capacity, sizeof *g->ended)};
    CHECK(g->open && g->waiting && g->ended);
}

static void morgue_free(struct morgue *g)
{
    free(g->open);
    free(g->waiting);
    free(g->ended);
}

static void bury_session(struct crew *c, uint32_t index)
{
    struct session *s = session_at(&c->ss, index);
    if (c->sessions.ended[index])
        return;
    c->sessions.ended[index] = true;
    table_remove(&c->ss.store.table, index, 0);
    table_remove(&c->ss.store.table, index, 1);
    if (s->mapping != INDEX_NONE)
        mapping_detach(&c->ms, s->mapping, index);
    c->sessions.open[c->sessions.n_open++] = index;
}

static bool mapping_live_now(const struct crew *c, uint32_t index)
{
    return record_state(&mapping_at(&c->ms, index)->r) == RECORD_LIVE;
}

static void session_news(struct crew *c, uint32_t index)
{
    struct session *s = session_at(&c->ss, index);
    if (record_state(&s->r) == RECORD_LIVE && s->mapping != INDEX_NONE &&
        !mapping_live_now(c, s->mapping))
        record_state_swap(&s->r, RECORD_LIVE, RECORD_DYING);
    if (record_state(&s->r) == RECORD_DYING)
        bury_session(c, index);
}

/* End the sessions of a closed mapping. True when none is left. */
static bool mapping_emptied(struct crew *c, uint32_t index)
{
    uint32_t next;
    const uint32_t *first = &mapping_at(&c->ms, index)->first_session;
    for (uint32_t i = __atomic_load_n(first, __ATOMIC_ACQUIRE); i != INDEX_NONE; i = next) {
        struct record *r = &session_at(&c->ss, i)->r;
        next = __atomic_load_n(&c->ss.cold[i].mapping_next, __ATOMIC_ACQUIRE);
        record_state_swap(r, RECORD_LIVE, RECORD_DYING);
        if (record_state(r) == RECORD_DYING)
            bury_session(c, i);
    }
    return __atomic_load_n(first, __ATOMIC_ACQUIRE) == INDEX_NONE;
}

static void mapping_news(struct crew *c, uint32_t index)
{
    if (record_state(&mapping_at(&c->ms, index)->r) != RECORD_DYING || c->mappings.ended[index])
        return;
    c->mappings.ended[index] = true;
    table_remove(&c->ms.store.table, index, 0);
    table_remove(&c->ms.store.table, index, 1);
    mapping_emptied(c, index);
    c->mappings.open[c->mappings.n_open++] = index;
}

static unsigned take_news(struct crew *c, struct session_thread *t)
{
    unsigned n = 0;
    uint32_t next;
    for (uint32_t i = mapping_news_take(t); i != INDEX_NONE; i = next, n++) {
        next = mapping_news_next(&c->ms, i);
        mapping_news(c, i);
    }
    for (uint32_t i = session_news_take(t); i != INDEX_NONE; i = next, n++) {
        next = session_news_next(&c->ss, i);
        session_news(c, i);
    }
    return n;
}

/* May the index go back? What was told after its burial waits until the news are taken. */
static bool session_ready(struct crew *c, uint32_t index)
{
    return !__atomic_load_n(&session_at(&c->ss, index)->told, __ATOMIC_ACQUIRE);
}

static bool mapping_ready(struct crew *c, uint32_t index)
{
    return !__atomic_load_n(&mapping_at(&c->ms, index)->told, __ATOMIC_ACQUIRE) &&
           mapping_emptied(c, index);
}

static void morgue_run(struct crew *c, struct morgue *g, struct store *s,
                       bool (*ready)(struct crew *c, uint32_t index))
{
    if (g->n_waiting > 0 && grace_over(c, g->token)) {
        for (uint32_t i = 0; i < g->n_waiting; i++) {
            uint32_t index = g->waiting[i];
            if (!ready(c, index)) {
                g->open[g->n_open++] = index;
                continue;
            }
            g->ended[index] = false;
            store_return(s, index);
        }
        g->n_waiting = 0;
        store_flush(s);
    }
    if (g->n_waiting == 0 && g->n_open > 0) {
        memcpy(g->waiting, g->open, g->n_open * sizeof *g->open);
        g->n_waiting = g->n_open;
        g->n_open = 0;
        g->token = grace_start(c);
    }
}

static bool morgue_empty(const struct morgue *g)
{
    return g->n_open == 0 && g->n_waiting == 0;
}

static void *control_main(void *p)
{
    struct crew *c = p;
    for (;;) {
        bool last = __atomic_load_n(&c->stop, __ATOMIC_ACQUIRE);
        unsigned n = 0;
        for (unsigned i = 0; i < c->n; i++)
            n += take_news(c, &c->member[i].thread);
        morgue_run(c, &c->sessions, &c->ss.store, session_ready);
        morgue_run(c, &c->mappings, &c->ms.store, mapping_ready);
        if (last && n == 0 && morgue_empty(&c->sessions) && morgue_empty(&c->mappings))
            return NULL;
        if (n == 0)
            sched_yield();
    }
}

/* ---- the crew ---- */

void crew_open(struct crew *c, unsigned n, uint32_t sessions, uint32_t mappings)
{
    memset(c, 0, sizeof *c);
    c->n = n;
    c->token = 1;
    hash_secret_fixed(&c->ss.store.table.secret, 1);
    hash_secret_fixed(&c->ms.store.table.secret, 2);
    CHECK(mappings_init(&c->ms, mappings, &c->ss, false) == 0);
    CHECK(sessions_init(&c->ss, sessions, &c->ms, false) == 0);
    CHECK(pthread_barrier_init(&c->barrier, NULL, n) == 0);
    morgue_make(&c->sessions, sessions);
    morgue_make(&c->mappings, mappings);
    c->nat = (struct nat_want){
        .ip = be32_of(0xcb007101), .first = 5117, .last = 65533, .preserve = true};
    for (unsigned i = 0; i < n; i++) {
        struct member *m = &c->member[i];
        session_thread_init(&m->thread, 100 + i);
        m->rng.state = 200 + i;
        m->crew = c;
        m->number = i;
    }
}

struct job {
    struct member *member;
    void (*work)(struct member *);
};

static void *member_main(void *p)
{
    const struct job *job = p;
    online(job->member);
    job->work(job->member);
    offline(job->member);
    return NULL;
}

void crew_run(struct crew *c, void (*work)(struct member *))
{
    struct job job[CREW_MAX];
    c->stop = 0;
    CHECK(pthread_create(&c->control, NULL, control_main, c) == 0);
    for (unsigned i = 0; i < c->n; i++) {
        job[i] = (struct job){&c->member[i], work};
        CHECK(pthread_create(&c->member[i].id, NULL, member_main, &job[i]) == 0);
    }
    for (unsigned i = 0; i < c->n; i++)
        pthread_join(c->member[i].id, NULL);
    __atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
    pthread_join(c->control, NULL);
}

void crew_close(struct crew *c)
{
    pthread_barrier_destroy(&c->barrier);
    morgue_free(&c->sessions);
    morgue_free(&c->mappings);
    sessions_free(&c->ss);
    mappings_free(&c->ms);
}

/* ---- flows ---- */

struct endpoint endpoint_make(uint32_t host, uint16_t port)
{
    return (struct endpoint){be32_of(host), be16_of(port)};
}

struct session_new flow_routed(struct endpoint src, struct endpoint dst)
{
    struct session_new want = {.mapping = INDEX_NONE, .now_ms = 1};
    want.key[0] = (struct key){.src = src.ip,
                               .dst = dst.ip,
                               .sport = src.port,
                               .dport = dst.port,
                               .proto = UDP,
                               .zone = LAN};
    want.key[1] = key_reverse(&want.key[0], WAN);
    return want;
}

struct session_new flow_nat(const struct crew *c, struct endpoint src, struct endpoint dst)
{
    struct session_new want = flow_routed(src, dst);
    want.nat = &c->nat;
    want.key[1].dst = c->nat.ip;
    want.flags = SESSION_SNAT;
    return want;
}

struct session_new flow_mapped(const struct crew *c, uint32_t mapping, struct endpoint remote)
{
    const struct mapping *m = mapping_at(&c->ms, mapping);
    struct session_new want = flow_routed(mapping_inside(m), remote);
    want.key[1].dst = mapping_public(m).ip;
    want.key[1].dport = mapping_public(m).port;
    want.flags = SESSION_MAPPED;
    want.mapping = mapping;
    return want;
}

struct session_new flow_turned(const struct session_new *flow)
{
    struct session_new want = *flow;
    want.key[0] = flow->key[1];
    want.key[1] = flow->key[0];
    want.flags ^= SESSION_INWARD;
    return want;
}

uint32_t session_of(const struct crew *c, const struct key *key)
{
    struct table_hit hit;
    const struct table *t = &c->ss.store.table;
    return table_find_live(t, key, table_hash(t, key), &hit) ? hit.index : INDEX_NONE;
}

uint32_t mapping_of(const struct crew *c, struct endpoint inside)
{
    return mapping_find_source(&c->ms, UDP, LAN, inside, 0);
}

uint32_t session_meet(struct member *m, const struct session_new *want)
{
    struct table_hit hit;
    for (int i = 0; i < 1000; i++) {
        int result = session_create(&m->crew->ss, &m->thread, want, &hit);
        if (result == 0)
            return hit.index;
        if (result != -EEXIST && result != -EAGAIN)
            return INDEX_NONE;
        uint32_t index = session_of(m->crew, &want->key[0]);
        if (index != INDEX_NONE)
            return index;
        sched_yield();
    }
    return INDEX_NONE;
}

unsigned slots_used(const struct table *t)
{
    unsigned used = 0;
    for (size_t i = 0; i < (size_t)t->n_buckets * TABLE_BUCKET_SLOTS; i++)
        used += __atomic_load_n(&t->slots[i], __ATOMIC_ACQUIRE) != 0;
    return used;
}

unsigned stress_factor(void)
{
    const char *text = getenv("PINHOLE_STRESS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 1;
    return n >= 1 && n <= 10000 ? (unsigned)n : 1;
}
