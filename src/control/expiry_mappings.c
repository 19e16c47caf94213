/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A mapping without owners closes a moment after its last session is gone; one that never carried a
 * session, after MAPPING_FIRST_MS. A closed mapping is taken out of the table at once and its
 * sessions end; a thread that found it before may still hang a session on it, so the list is walked
 * again after the grace period, until it is empty. Only then the index returns.
 */
#include "control/expiry_events.h"
#include "control/expiry_private.h"

#define MAPPING_FIRST_MS 10000
#define MAPPING_IDLE_MS  1000

static void mapping_look_again(struct expiry *e, uint32_t index, uint32_t in_ms)
{
    wheel_move(&e->mapping_wheel, index, e->now_ms + in_ms);
}

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
        expiry_to_dying(e, i);
        if (record_state(&session_of(e, i)->r) == RECORD_DYING)
            expiry_bury_ended(e, i, "mapping-closed");
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
        mapping_event_emit(e->setup.events, "mapping-closed", e->now_ms, e->setup.mappings, index);
    reaper_add(&e->mapping_reaper, index);
}

/* A session that hung itself on it late was seen by threads: it too waits for a grace period. */
bool expiry_mapping_ready(void *ctx, uint32_t index)
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
                           e->now_ms - expiry_elapsed_ms(e->now_ms, m->created_ms),
                           e->setup.mappings, index);
    return true;
}

void expiry_mapping_news(struct expiry *e, uint32_t index)
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

void expiry_mapping_due(struct expiry *e, uint32_t index)
{
    struct mapping *m = mapping_of(e, index);
    bool unused = __atomic_load_n(&m->first_session, __ATOMIC_ACQUIRE) == INDEX_NONE;
    /* It does not close when it has owners: the last of them will tell. */
    if (record_state(&m->r) == RECORD_LIVE && unused)
        mapping_close(e->setup.mappings, NULL, index);
    if (record_state(&m->r) == RECORD_DYING)
        mapping_bury(e, index);
}

void expiry_mapping_left(struct expiry *e, uint32_t index)
{
    if (record_state(&mapping_of(e, index)->r) == RECORD_LIVE)
        mapping_look_again(e, index, MAPPING_IDLE_MS);
}
