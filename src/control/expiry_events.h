/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions and mappings as events (base/events.h). Control thread; only when events_on.
 *
 * session-created, session-expired, session-ended
 *     session proto src dst reply_src reply_dst policy mapped alg timer_s timer_source
 *     and at the end: packets bytes (original, reply) why
 * mapping-opened, mapping-closed
 *     mapping kind proto inside public policy
 *
 * table-low, table-full
 *     sessions capacity; once when it begins, see room.h
 *
 * timer_s is null where the session never idles out.
 */
#pragma once

#include "base/events.h"
#include "sessions/mapping.h"
#include "sessions/timeouts.h"

struct session_event {
    const char *name;
    uint64_t now_ms;
    uint32_t index;
    bool over;                   /* with counters and `why` */
    const char *why;             /* a plain word; NULL: not known */
    const struct session_v6 *v6; /* NULL: IPv4 */
};

void session_event_emit(const struct event_sink *sink, const struct timer_sets *sets,
                        const struct session *s, const struct session_event *event);

void mapping_event_emit(const struct event_sink *sink, const char *name, uint64_t now_ms,
                        const struct mappings *ms, uint32_t index);
