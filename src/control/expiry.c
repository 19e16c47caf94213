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
 * Sessions of one packet and half-open ones are young: they are filed by the same deadlines, but in
 * a wheel of their own. Where the table gets tight (room.h) the first of that wheel end early, or
 * go to the other wheel when they have grown up since, which happens to a session once. Each costs
 * O(1), no session is looked at that is not young or was so at its last filing, and with one timer
 * for all the order is that of age. Mapped sessions are never young: their number is bounded by
 * their mappings.
 */
#include "base/log.h"
#include "control/expiry_events.h"
#include "control/expiry_private.h"
#include "sessions/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#define TICK_MS        100
#define AHEAD_MS       3600000u
#define YOUNG_NEVER_MS 86400000u

/* What one round may do of each kind: about a millisecond. */
#define BUDGET 4096

/* Sessions whose memory is fetched together when they are due. */
#define DUE_BATCH 16

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

static void tell_session(const struct expiry *e, uint32_t index, const char *name, const char *why)
{
    const struct session *s = session_of(e, index);
    struct session_event event = {name, e->now_ms, index,
                                  true, why,       session_v6_of(e->setup.sessions, index)};
    if (events_on(e->setup.events))
        session_event_emit(e->setup.events, e->setup.timer_sets, s, &event);
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
    session_pool_enter(e->setup.sessions, index, e->now_ms, e->setup.events);
    if (events_on(e->setup.events)) {
        const struct session *s = session_of(e, index);
        uint64_t born_ms = e->now_ms - expiry_elapsed_ms(e->now_ms, s->created_ms);
        session_event_emit(e->setup.events, e->setup.timer_sets, s,
                           &(struct session_event){"session-created", born_ms, index, false, NULL,
                                                   session_v6_of(e->setup.sessions, index)});
    }
}

/* Nothing has answered it yet, or it was a single packet. */
static bool session_is_young(const struct session *s)
{
    if (s->r.flags & SESSION_MAPPED)
        return false;
    if (s->r.key[0].proto != IPPROTO_TCP)
        return __atomic_load_n(&s->packets[0], __ATOMIC_RELAXED) +
                   __atomic_load_n(&s->packets[1], __ATOMIC_RELAXED) <=
               1;
    switch (tcp_state_digit(__atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED))) {
    case TCP_STATE_NONE:
    case TCP_STATE_SYN_SENT:
    case TCP_STATE_SYN_RECV:
    case TCP_STATE_LISTEN:
        return true;
    default:
        return false;
    }
}

static void session_unfile(struct expiry *e, uint32_t index)
{
    wheel_del(bit_get(&e->young, index) ? &e->young_wheel : &e->session_wheel, index);
}

/* Into its wheel, which it is not in. */
static void session_put(struct expiry *e, uint32_t index, uint64_t deadline_ms)
{
    bool young = session_is_young(session_of(e, index));
    (young ? bit_set : bit_clear)(&e->young, index);
    if (young && deadline_ms == UINT64_MAX) /* may have to go all the same */
        deadline_ms = e->now_ms + YOUNG_NEVER_MS;
    if (deadline_ms != UINT64_MAX)
        wheel_add(young ? &e->young_wheel : &e->session_wheel, index, deadline_ms);
}

static void session_leave(struct expiry *e, uint32_t mapping, uint32_t index)
{
    if (mapping == INDEX_NONE)
        return;
    mapping_detach(e->setup.mappings, mapping, index);
    expiry_mapping_left(e, mapping);
}

/* Of a DYING session: everything but giving the index back. False: done before. */
static bool session_bury(struct expiry *e, uint32_t index)
{
    struct session *s = session_of(e, index);
    session_born(e, index);
    if (!ledger_end(&e->sessions, index))
        return false;
    e->alg_sessions -= (s->r.flags & SESSION_ALG) != 0;
    session_unfile(e, index);
    if (e->setup.over)
        e->setup.over(e->setup.over_ctx, index);
    table_remove(&e->setup.sessions->store.table, index, 0);
    table_remove(&e->setup.sessions->store.table, index, 1);
    session_leave(e, s->mapping, index);
    session_leave(e, e->setup.sessions->cold[index].hairpin, index);
    session_pool_leave(e->setup.sessions, index, e->now_ms);
    reaper_add(&e->session_reaper, index);
    return true;
}

static bool session_ready(void *ctx, uint32_t index)
{
    struct expiry *e = ctx;
    ledger_forget(&e->sessions, index);
    return true;
}

void expiry_bury_ended(struct expiry *e, uint32_t index, const char *why)
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

static void session_file(struct expiry *e, uint32_t index)
{
    uint64_t deadline_ms =
        expiry_session_deadline_ms(e->setup.timer_sets, session_of(e, index), e->now_ms);
    session_unfile(e, index);
    session_put(e, index, deadline_ms);
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
        expiry_to_dying(e, index);
        expiry_bury_ended(e, index, "mapping-closed");
    } else if (record_state(&s->r) == RECORD_DYING) {
        expiry_bury_ended(e, index, NULL);
    }
}

static void session_due(struct expiry *e, uint32_t index)
{
    const struct session *s = session_of(e, index);
    uint64_t deadline_ms = expiry_session_deadline_ms(e->setup.timer_sets, s, e->now_ms);
    if (record_state(&s->r) == RECORD_LIVE && deadline_ms > e->now_ms) {
        session_put(e, index, deadline_ms);
        return;
    }
    if (!expiry_to_dying(e, index)) {
        expiry_bury_ended(e, index, NULL);
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
    if (!store_live(&e->setup.sessions->store, h) || !expiry_to_dying(e, h.index))
        return -ESTALE;
    if (session_bury(e, h.index)) {
        e->flushed++;
        tell_session(e, h.index, "session-ended", "cleared");
    }
    return 0;
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
        expiry_mapping_news(e, index);
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

/* The young one that comes first, due or not. As take_due, with a budget of its own. */
static uint32_t take_young(struct expiry *e, uint32_t *budget)
{
    if (*budget == 0)
        return WHEEL_NONE;
    --*budget;
    return wheel_take_first(&e->young_wheel);
}

static uint32_t take_due(struct expiry *e, uint32_t *budget)
{
    uint32_t index = wheel_next_due(&e->young_wheel, e->now_ms, budget);
    return index != WHEEL_NONE ? index : wheel_next_due(&e->session_wheel, e->now_ms, budget);
}

/* A few at a time, so that the cache misses of one overlap with those of others. */
static unsigned take_sessions(struct expiry *e, uint32_t (*take)(struct expiry *, uint32_t *),
                              void (*then)(struct expiry *, uint32_t), uint32_t budget)
{
    uint32_t some[DUE_BATCH], before = budget;
    unsigned n;
    do {
        uint32_t index;
        n = 0;
        while (n < DUE_BATCH && (index = take(e, &budget)) != WHEEL_NONE) {
            session_prefetch(e, index);
            some[n++] = index;
        }
        for (unsigned i = 0; i < n; i++)
            buckets_prefetch(e, some[i]);
        for (unsigned i = 0; i < n; i++)
            then(e, some[i]);
    } while (n == DUE_BATCH);
    return before - budget;
}

/* ---- room ---- */

static void session_end_early(struct expiry *e, uint32_t index)
{
    if (record_state(&session_of(e, index)->r) == RECORD_LIVE &&
        !session_is_young(session_of(e, index))) {
        session_file(e, index);
        return;
    }
    if (!e->room.scarce &&
        expiry_elapsed_ms(e->now_ms, session_of(e, index)->created_ms) < ROOM_GRACE_MS) {
        e->room.pause_ms = e->now_ms + ROOM_PAUSE_MS;
        session_file(e, index);
        return;
    }
    if (!expiry_to_dying(e, index)) {
        expiry_bury_ended(e, index, NULL);
        return;
    }
    if (session_bury(e, index)) {
        e->early++;
        tell_session(e, index, "session-ended", "table-low");
    }
}

/* Once per episode, however many packets and rounds it has. */
static void tell_room(struct expiry *e, enum room_change change, const char *name, const char *text)
{
    uint32_t capacity = e->room.capacity, sessions = e->sessions.live;
    if (change == ROOM_BEGINS)
        log_warn("%s: %u sessions of %u", text, sessions, capacity);
    else if (change == ROOM_ENDS)
        log_info("over: %s: %u sessions of %u", text, sessions, capacity);
    if (change == ROOM_BEGINS && events_on(e->setup.events))
        event_emit(e->setup.events, name, e->now_ms, "\"sessions\":%u,\"capacity\":%u", sessions,
                   capacity);
}

/* Indexes that wait for their grace period are as good as free. */
static unsigned make_room(struct expiry *e)
{
    uint32_t unused = store_unused(&e->setup.sessions->store) + e->session_reaper.waiting;
    uint32_t missing = room_missing(&e->room, unused);
    uint64_t refused = 0;
    for (unsigned i = 0; i < e->n_watched; i++)
        refused += __atomic_load_n(&e->watched[i].thread->refused, __ATOMIC_RELAXED);
    tell_room(e, room_low(&e->room, e->now_ms), "table-low",
              "session table nearly full, half-open and one-packet sessions end early");
    tell_room(e, room_full(&e->room, refused, e->now_ms), "table-full",
              "session table full, new flows are refused");
    bool wait = e->now_ms < e->room.pause_ms && !e->room.scarce;
    if (missing == 0 || e->young_wheel.n_filed == 0 || wait)
        return 0;
    return take_sessions(e, take_young, session_end_early, missing < BUDGET ? missing : BUDGET);
}

/* News of all threads within one budget; when it does not last, the next round begins there. */
static unsigned take_news(struct expiry *e)
{
    unsigned left = BUDGET, from = e->turn;
    for (unsigned i = 0; i < e->n_watched && left > 0; i++) {
        e->turn = (from + i) % e->n_watched;
        left -= take_mapping_news(e, &e->watched[e->turn], left);
        left -= take_session_news(e, &e->watched[e->turn], left);
    }
    if (left > 0)
        e->turn = 0;
    return BUDGET - left;
}

unsigned expiry_run(struct expiry *e, uint64_t now_ms)
{
    unsigned done = 0;
    uint32_t index, budget = BUDGET;
    e->now_ms = now_ms;
    done += take_news(e);
    done += take_sessions(e, take_due, session_due, BUDGET);
    done += make_room(e);
    while ((index = wheel_next_due(&e->mapping_wheel, now_ms, &budget)) != WHEEL_NONE)
        expiry_mapping_due(e, index);
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
    uint64_t pools =
        e->setup.sessions->pools ? pools_next_deadline_ms(e->setup.sessions->pools) : UINT64_MAX;
    const struct wheel *const wheels[] = {&e->young_wheel, &e->session_wheel, &e->mapping_wheel};
    uint64_t first = pools;
    for (size_t i = 0; i < sizeof wheels / sizeof wheels[0]; i++) {
        uint64_t ms = wheel_next_deadline_ms(wheels[i]);
        first = ms < first ? ms : first;
    }
    return first;
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
        .early = e->early,
    };
    for (unsigned i = 0; i < e->n_watched; i++) {
        out->refused += __atomic_load_n(&e->watched[i].thread->refused, __ATOMIC_RELAXED);
        out->clashes += __atomic_load_n(&e->watched[i].thread->clashes, __ATOMIC_RELAXED);
    }
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
                                 .ready = expiry_mapping_ready,
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
        !ledger_make(&e->mappings, setup->mappings->store.capacity) ||
        !bits_make(&e->young, setup->sessions->store.capacity)) {
        expiry_destroy(e);
        return NULL;
    }
    e->room.capacity = setup->sessions->store.capacity;
    wheel_init(&e->session_wheel, TICK_MS, now_ms, setup->sessions->cold,
               sizeof(struct session_cold), offsetof(struct session_cold, wheel));
    wheel_init(&e->young_wheel, TICK_MS, now_ms, setup->sessions->cold, sizeof(struct session_cold),
               offsetof(struct session_cold, wheel));
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
    bits_free(&e->young);
    free(e);
}

int expiry_watch(struct expiry *e, struct session_thread *thread)
{
    if (e->n_watched == WATCHED_MAX)
        return -ENOSPC;
    e->watched[e->n_watched++] = (struct watched){thread, INDEX_NONE, INDEX_NONE};
    return 0;
}
