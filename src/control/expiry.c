/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of a session as control sees it:
 *
 *   news          born: counted, filed at last_seen + the timer that runs now
 *   news again    a deadline that came nearer: filed anew; or DYING: buried
 *   wheel fires   the true deadline is computed: filed again, or LIVE -> DYING and buried
 *   buried        out of the wheel, keys out of the table, off its mapping's list; then the reaper
 *
 * A packet only writes last_seen, so a busy session costs one look per timer period. News may come
 * late or twice (a thread pushes after control saw the state change by itself); two bits per index
 * remember what was done in this life, so that nothing is done twice.
 *
 * A mapping without owners closes a moment after its last session is gone; one that never carried a
 * session, after MAPPING_FIRST_MS. A closed mapping is taken out of the table at once and its
 * sessions end; a thread that found it before may still hang a session on it, so the list is walked
 * again after the grace period, until it is empty. Only then the index returns.
 */
#include "control/expiry.h"

#include "base/mem.h"
#include "control/expiry_events.h"
#include "control/reaper.h"
#include "fastpath/dataplane.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_MS          100
#define MAPPING_FIRST_MS 10000
#define MAPPING_IDLE_MS  1000
#define AHEAD_MS         3600000u

/* What one round may do of each kind: about a millisecond. */
#define BUDGET 4096

/* Sessions whose memory is fetched together when they are due. */
#define DUE_BATCH 16

#define WATCHED_MAX (MAX_WORKERS + 2)

/* One bit per index of a store. */
struct bits {
    uint64_t *words;
    size_t bytes;
};

/* What was done in this life of an index. */
struct ledger {
    struct bits known; /* counted as born */
    struct bits ended; /* buried */
    uint32_t live;
};

struct watched {
    struct session_thread *thread;
    uint32_t sessions, mappings; /* of the stacks taken, not looked at yet */
};

struct expiry {
    struct expiry_setup setup;
    uint64_t now_ms; /* of the round */
    struct wheel session_wheel, mapping_wheel;
    struct reaper session_reaper, mapping_reaper;
    struct ledger sessions, mappings;
    unsigned n_watched;
    struct watched watched[WATCHED_MAX];
    uint64_t second; /* now_ms / 1000 that `made` counts */
    uint32_t made, made_before;
    uint64_t created, expired, ended, flushed;
    uint32_t alg_sessions;
};

/* ---- bits ---- */

static bool bits_make(struct bits *b, uint32_t n)
{
    b->bytes = ((size_t)n + 63) / 64 * sizeof *b->words;
    b->words = mem_map(b->bytes, false);
    return b->words != NULL;
}

static bool bit_get(const struct bits *b, uint32_t i)
{
    return b->words[i / 64] >> (i % 64) & 1;
}

static void bit_set(struct bits *b, uint32_t i)
{
    b->words[i / 64] |= (uint64_t)1 << (i % 64);
}

static void bit_clear(struct bits *b, uint32_t i)
{
    b->words[i / 64] &= ~((uint64_t)1 << (i % 64));
}

static bool ledger_make(struct ledger *l, uint32_t n)
{
    return bits_make(&l->known, n) && bits_make(&l->ended, n);
}

static void ledger_free(struct ledger *l)
{
    mem_unmap(l->known.words, l->known.bytes);
    mem_unmap(l->ended.words, l->ended.bytes);
}

/* True the first time in a life. */
static bool ledger_born(struct ledger *l, uint32_t index)
{
    if (bit_get(&l->known, index))
        return false;
    bit_set(&l->known, index);
    l->live++;
    return true;
}

static bool ledger_end(struct ledger *l, uint32_t index)
{
    if (bit_get(&l->ended, index))
        return false;
    bit_set(&l->ended, index);
    l->live--;
    return true;
}

static void ledger_forget(struct ledger *l, uint32_t index)
{
    bit_clear(&l->known, index);
    bit_clear(&l->ended, index);
}

/* ---- time ---- */

uint64_t expiry_elapsed_ms(uint64_t now_ms, uint32_t stamp_ms)
{
    uint32_t since = (uint32_t)now_ms - stamp_ms;
    return since > UINT32_MAX - AHEAD_MS ? 0 : since;
}

uint64_t expiry_session_deadline_ms(const struct timer_sets *sets, const struct session *s,
                                    uint64_t now_ms)
{
    uint8_t tcp_state = __atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED);
    uint32_t seen_ms = __atomic_load_n(&s->last_seen_ms, __ATOMIC_RELAXED);
    uint32_t timer_s =
        session_timer_s(timer_set_get(sets, s->r.detail), s->r.key[0].proto, tcp_state);
    if (timer_s == TIMER_NEVER)
        return UINT64_MAX;
    uint32_t ahead_ms = seen_ms - (uint32_t)now_ms;
    uint64_t seen =
        ahead_ms <= AHEAD_MS ? now_ms + ahead_ms : now_ms - expiry_elapsed_ms(now_ms, seen_ms);
    return seen + (uint64_t)timer_s * 1000;
}

/* ---- sessions ---- */

static struct session *session_of(const struct expiry *e, uint32_t index)
{
    return session_at(e->setup.sessions, index);
}

static void tell_session(const struct expiry *e, uint32_t index, const char *name, const char *why)
{
    const struct session *s = session_of(e, index);
    struct session_event event = {name, e->now_ms, index,
                                  true, why,       session_v6_of(e->setup.sessions, index)};
    if (events_on(e->setup.events))
        session_event_emit(e->setup.events, e->setup.timer_sets, s, &event);
}

/* Most sessions hold nothing of a pool. */
static void pool_enter(struct expiry *e, uint32_t index)
{
    struct sessions *ss = e->setup.sessions;
    if (ss->cold[index].pool == 0)
        return;
    struct pool_lease lease = session_lease(ss, index);
    pools_count(ss->pools, lease.pool, session_of(e, index)->r.key[0].proto, 1);
    pools_seen(ss->pools, &lease, e->now_ms, e->setup.events);
}

static void pool_leave(struct expiry *e, uint32_t index)
{
    struct sessions *ss = e->setup.sessions;
    if (ss->cold[index].pool == 0)
        return;
    struct pool_lease lease = session_lease(ss, index);
    pools_count(ss->pools, lease.pool, session_of(e, index)->r.key[0].proto, -1);
    pools_ended(ss->pools, &lease, e->now_ms);
}

static void session_born(struct expiry *e, uint32_t index)
{
    if (!ledger_born(&e->sessions, index))
        return;
    e->created++;
    if (e->second != e->now_ms / 1000) {
        e->made_before = e->second + 1 == e->now_ms / 1000 ? e->made : 0;
        e->made = 0;
        e->second = e->now_ms / 1000;
    }
    e->made++;
    e->alg_sessions += (session_of(e, index)->r.flags & SESSION_ALG) != 0;
    pool_enter(e, index);
    if (events_on(e->setup.events)) {
        const struct session *s = session_of(e, index);
        uint64_t born_ms = e->now_ms - expiry_elapsed_ms(e->now_ms, s->created_ms);
        session_event_emit(e->setup.events, e->setup.timer_sets, s,
                           &(struct session_event){"session-created", born_ms, index, false, NULL,
                                                   session_v6_of(e->setup.sessions, index)});
    }
}

static void mapping_look_again(struct expiry *e, uint32_t index, uint32_t in_ms)
{
    wheel_move(&e->mapping_wheel, index, e->now_ms + in_ms);
}

static void session_leave(struct expiry *e, uint32_t mapping, uint32_t index)
{
    if (mapping == INDEX_NONE)
        return;
    mapping_detach(e->setup.mappings, mapping, index);
    if (record_state(&mapping_at(e->setup.mappings, mapping)->r) == RECORD_LIVE)
        mapping_look_again(e, mapping, MAPPING_IDLE_MS);
}

/* Of a DYING session: everything but giving the index back. False: done before. */
static bool session_bury(struct expiry *e, uint32_t index)
{
    struct session *s = session_of(e, index);
    session_born(e, index);
    if (!ledger_end(&e->sessions, index))
        return false;
    e->alg_sessions -= (s->r.flags & SESSION_ALG) != 0;
    wheel_del(&e->session_wheel, index);
    table_remove(&e->setup.sessions->store.table, index, 0);
    table_remove(&e->setup.sessions->store.table, index, 1);
    session_leave(e, s->mapping, index);
    session_leave(e, e->setup.sessions->cold[index].hairpin, index);
    pool_leave(e, index);
    reaper_add(&e->session_reaper, index);
    return true;
}

static bool session_ready(void *ctx, uint32_t index)
{
    struct expiry *e = ctx;
    ledger_forget(&e->sessions, index);
    return true;
}

/* One that some thread ended, for reasons of its own. */
static void session_bury_ended(struct expiry *e, uint32_t index, const char *why)
{
    if (!session_bury(e, index))
        return;
    e->ended++;
    tell_session(e, index, "session-ended", why);
}

static bool mapping_is_gone(const struct expiry *e, uint32_t index)
{
    return index != INDEX_NONE &&
           record_state(&mapping_at(e->setup.mappings, index)->r) != RECORD_LIVE;
}

static bool session_to_dying(const struct expiry *e, uint32_t index)
{
    return record_state_swap(&session_of(e, index)->r, RECORD_LIVE, RECORD_DYING);
}

static void session_file(struct expiry *e, uint32_t index)
{
    uint64_t deadline_ms =
        expiry_session_deadline_ms(e->setup.timer_sets, session_of(e, index), e->now_ms);
    wheel_del(&e->session_wheel, index);
    if (deadline_ms != UINT64_MAX)
        wheel_add(&e->session_wheel, index, deadline_ms);
}

static void session_news(struct expiry *e, uint32_t index)
{
    struct session *s = session_of(e, index);
    if (record_state(&s->r) == RECORD_LIVE) {
        session_born(e, index);
        if (!mapping_is_gone(e, s->mapping) &&
            !mapping_is_gone(e, e->setup.sessions->cold[index].hairpin)) {
            session_file(e, index);
            return;
        }
        session_to_dying(e, index);
        session_bury_ended(e, index, "mapping-closed");
    } else if (record_state(&s->r) == RECORD_DYING) {
        session_bury_ended(e, index, NULL);
    }
}

static void session_due(struct expiry *e, uint32_t index)
{
    const struct session *s = session_of(e, index);
    uint64_t deadline_ms = expiry_session_deadline_ms(e->setup.timer_sets, s, e->now_ms);
    if (record_state(&s->r) == RECORD_LIVE && deadline_ms > e->now_ms) {
        if (deadline_ms != UINT64_MAX)
            wheel_add(&e->session_wheel, index, deadline_ms);
        return;
    }
    if (!session_to_dying(e, index)) {
        session_bury_ended(e, index, NULL);
        return;
    }
    if (session_bury(e, index)) {
        e->expired++;
        tell_session(e, index, "session-expired", NULL);
    }
}

int expiry_clear_session(struct expiry *e, struct handle h, uint64_t now_ms)
{
    e->now_ms = now_ms;
    if (!store_live(&e->setup.sessions->store, h) || !session_to_dying(e, h.index))
        return -ESTALE;
    if (session_bury(e, h.index)) {
        e->flushed++;
        tell_session(e, h.index, "session-ended", "cleared");
    }
    return 0;
}

/* ---- mappings ---- */

static struct mapping *mapping_of(const struct expiry *e, uint32_t index)
{
    return mapping_at(e->setup.mappings, index);
}

/* End every session on the list that is past its birth. True when nothing is left. */
static bool mapping_empty(struct expiry *e, uint32_t index)
{
    uint32_t i = __atomic_load_n(&mapping_of(e, index)->first_session, __ATOMIC_ACQUIRE);
    while (i != INDEX_NONE) {
        uint32_t next = mapping_list_next(e->setup.sessions, index, i);
        session_to_dying(e, i);
        if (record_state(&session_of(e, i)->r) == RECORD_DYING)
            session_bury_ended(e, i, "mapping-closed");
        i = next;
    }
    return __atomic_load_n(&mapping_of(e, index)->first_session, __ATOMIC_ACQUIRE) == INDEX_NONE;
}

static void mapping_bury(struct expiry *e, uint32_t index)
{
    if (!ledger_end(&e->mappings, index))
        return;
    wheel_del(&e->mapping_wheel, index);
    table_remove(&e->setup.mappings->store.table, index, 0);
    table_remove(&e->setup.mappings->store.table, index, 1);
    mapping_empty(e, index);
    pools_ended(e->setup.mappings->pools, &e->setup.mappings->cold[index].lease, e->now_ms);
    if (events_on(e->setup.events))
        mapping_event_emit(e->setup.events, "mapping-closed", e->now_ms, index,
                           mapping_of(e, index));
    reaper_add(&e->mapping_reaper, index);
}

/* A session that hung itself on it late was seen by threads: it too waits for a grace period. */
static bool mapping_ready(void *ctx, uint32_t index)
{
    struct expiry *e = ctx;
    if (__atomic_load_n(&mapping_of(e, index)->first_session, __ATOMIC_ACQUIRE) != INDEX_NONE) {
        mapping_empty(e, index);
        return false;
    }
    ledger_forget(&e->mappings, index);
    return true;
}

/* True the first time in a life. */
static bool mapping_born(struct expiry *e, uint32_t index)
{
    const struct mapping *m = mapping_of(e, index);
    if (!ledger_born(&e->mappings, index))
        return false;
    pools_seen(e->setup.mappings->pools, &e->setup.mappings->cold[index].lease, e->now_ms,
               e->setup.events);
    if (events_on(e->setup.events))
        mapping_event_emit(e->setup.events, "mapping-opened",
                           e->now_ms - expiry_elapsed_ms(e->now_ms, m->created_ms), index, m);
    return true;
}

static void mapping_news(struct expiry *e, uint32_t index)
{
    enum record_state state = record_state(&mapping_of(e, index)->r);
    if (state != RECORD_LIVE && state != RECORD_DYING)
        return;
    bool first = mapping_born(e, index);
    if (state == RECORD_DYING)
        mapping_bury(e, index);
    else
        mapping_look_again(e, index, first ? MAPPING_FIRST_MS : MAPPING_IDLE_MS);
}

static void mapping_due(struct expiry *e, uint32_t index)
{
    struct mapping *m = mapping_of(e, index);
    bool unused = __atomic_load_n(&m->first_session, __ATOMIC_ACQUIRE) == INDEX_NONE;
    /* It does not close when it has owners: the last of them will tell. */
    if (record_state(&m->r) == RECORD_LIVE && unused)
        mapping_close(e->setup.mappings, NULL, index);
    if (record_state(&m->r) == RECORD_DYING)
        mapping_bury(e, index);
}

/* ---- rounds ---- */

/* Stacks hand out the newest first; a log reads better the other way round. */
static uint32_t sessions_oldest_first(const struct expiry *e, uint32_t top)
{
    uint32_t out = INDEX_NONE;
    while (top != INDEX_NONE) {
        uint32_t next = __atomic_load_n(&session_of(e, top)->news_next, __ATOMIC_RELAXED);
        __atomic_store_n(&session_of(e, top)->news_next, out, __ATOMIC_RELAXED);
        out = top;
        top = next;
    }
    return out;
}

/* The lines that the next round of the loop will want. */
static void session_prefetch(const struct expiry *e, uint32_t index)
{
    const struct session *s = session_of(e, index);
    __builtin_prefetch(s);
    __builtin_prefetch(&s->last_seen_ms);
    __builtin_prefetch(&e->setup.sessions->cold[index]);
}

static unsigned take_session_news(struct expiry *e, struct watched *w, unsigned budget)
{
    unsigned n = 0;
    if (w->sessions == INDEX_NONE) {
        w->sessions = session_news_take(w->thread);
        if (events_on(e->setup.events))
            w->sessions = sessions_oldest_first(e, w->sessions);
    }
    for (; w->sessions != INDEX_NONE && n < budget; n++) {
        uint32_t index = w->sessions;
        w->sessions = session_news_next(e->setup.sessions, index);
        if (w->sessions != INDEX_NONE)
            session_prefetch(e, w->sessions);
        session_news(e, index);
    }
    return n;
}

static unsigned take_mapping_news(struct expiry *e, struct watched *w, unsigned budget)
{
    unsigned n = 0;
    if (w->mappings == INDEX_NONE)
        w->mappings = mapping_news_take(w->thread);
    for (; w->mappings != INDEX_NONE && n < budget; n++) {
        uint32_t index = w->mappings;
        w->mappings = mapping_news_next(e->setup.mappings, index);
        mapping_news(e, index);
    }
    return n;
}

static void buckets_prefetch(const struct expiry *e, uint32_t index)
{
    const struct table *t = &e->setup.sessions->store.table;
    const struct session *s = session_of(e, index);
    table_prefetch(t, table_hash(t, &s->r.key[0]), 0);
    table_prefetch(t, table_hash(t, &s->r.key[1]), 0);
}

/* What is due, a few at a time, so that the cache misses of one overlap with those of others. */
static unsigned take_due_sessions(struct expiry *e, uint32_t budget)
{
    uint32_t due[DUE_BATCH], before = budget;
    unsigned n;
    do {
        uint32_t index;
        n = 0;
        while (n < DUE_BATCH &&
               (index = wheel_next_due(&e->session_wheel, e->now_ms, &budget)) != WHEEL_NONE) {
            session_prefetch(e, index);
            due[n++] = index;
        }
        for (unsigned i = 0; i < n; i++)
            buckets_prefetch(e, due[i]);
        for (unsigned i = 0; i < n; i++)
            session_due(e, due[i]);
    } while (n == DUE_BATCH);
    return before - budget;
}

unsigned expiry_run(struct expiry *e, uint64_t now_ms)
{
    unsigned done = 0;
    uint32_t index, budget = BUDGET;
    e->now_ms = now_ms;
    for (unsigned i = 0; i < e->n_watched; i++) {
        done += take_mapping_news(e, &e->watched[i], BUDGET);
        done += take_session_news(e, &e->watched[i], BUDGET);
    }
    done += take_due_sessions(e, BUDGET);
    while ((index = wheel_next_due(&e->mapping_wheel, now_ms, &budget)) != WHEEL_NONE)
        mapping_due(e, index);
    done += BUDGET - budget;
    if (e->setup.sessions->pools)
        done += pools_run(e->setup.sessions->pools, now_ms, e->setup.events);
    done += reaper_run(&e->session_reaper, BUDGET);
    done += reaper_run(&e->mapping_reaper, BUDGET);
    return done;
}

uint64_t expiry_next_deadline_ms(const struct expiry *e)
{
    for (unsigned i = 0; i < e->n_watched; i++)
        if (e->watched[i].sessions != INDEX_NONE || e->watched[i].mappings != INDEX_NONE)
            return e->now_ms;
    uint64_t sessions = wheel_next_deadline_ms(&e->session_wheel);
    uint64_t mappings = wheel_next_deadline_ms(&e->mapping_wheel);
    uint64_t pools =
        e->setup.sessions->pools ? pools_next_deadline_ms(e->setup.sessions->pools) : UINT64_MAX;
    uint64_t next = sessions < mappings ? sessions : mappings;
    return next < pools ? next : pools;
}

void expiry_stat(const struct expiry *e, uint64_t now_ms, struct expiry_stat *out)
{
    uint64_t second = now_ms / 1000;
    *out = (struct expiry_stat){
        .sessions = e->sessions.live,
        .mappings = e->mappings.live,
        .alg_sessions = e->alg_sessions,
        .setup_rate = second == e->second       ? e->made_before
                      : second == e->second + 1 ? e->made
                                                : 0,
        .created = e->created,
        .expired = e->expired,
        .ended = e->ended,
        .flushed = e->flushed,
    };
}

/* ---- birth and death ---- */

static void reapers_init(struct expiry *e)
{
    const struct expiry_setup *s = &e->setup;
    reaper_init(&e->session_reaper, &(struct reaper){.qsbr = s->qsbr,
                                                     .store = &s->sessions->store,
                                                     .links = (void *)&s->sessions->cold[0].wheel,
                                                     .link_stride = sizeof(struct session_cold),
                                                     .told_offset = offsetof(struct session, told),
                                                     .ready = session_ready,
                                                     .ctx = e});
    reaper_init(&e->mapping_reaper,
                &(struct reaper){.qsbr = s->qsbr,
                                 .store = &s->mappings->store,
                                 .links = (void *)&mapping_at(s->mappings, 0)->wheel,
                                 .link_stride = sizeof(struct mapping),
                                 .told_offset = offsetof(struct mapping, told),
                                 .ready = mapping_ready,
                                 .ctx = e});
}

struct expiry *expiry_create(const struct expiry_setup *setup, uint64_t now_ms)
{
    struct expiry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->setup = *setup;
    e->now_ms = now_ms;
    if (!ledger_make(&e->sessions, setup->sessions->store.capacity) ||
        !ledger_make(&e->mappings, setup->mappings->store.capacity)) {
        expiry_destroy(e);
        return NULL;
    }
    wheel_init(&e->session_wheel, TICK_MS, now_ms, setup->sessions->cold,
               sizeof(struct session_cold), offsetof(struct session_cold, wheel));
    wheel_init(&e->mapping_wheel, TICK_MS, now_ms, setup->mappings->store.records,
               sizeof(struct mapping), offsetof(struct mapping, wheel));
    reapers_init(e);
    return e;
}

void expiry_destroy(struct expiry *e)
{
    if (!e)
        return;
    ledger_free(&e->sessions);
    ledger_free(&e->mappings);
    free(e);
}

int expiry_watch(struct expiry *e, struct session_thread *thread)
{
    if (e->n_watched == WATCHED_MAX)
        return -ENOSPC;
    e->watched[e->n_watched++] = (struct watched){thread, INDEX_NONE, INDEX_NONE};
    return 0;
}
