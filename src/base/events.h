/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened, for replay and tests: a session, mapping or dialog came or went, a packet was
 * dropped. The sink turns an event into a line (JSON in replay). A sink without `emit` is off and
 * costs one comparison; the daemon's workers run with it off.
 */
#pragma once

#include "base/slice.h"

struct event {
    const char *name; /* "session-created", "mapping-opened", "dialog-answered", "drop", ... */
    uint64_t now_ms;
    const char *detail; /* JSON members without braces, e.g. "\"proto\":17,\"port\":5060" */
};

struct event_sink {
    void (*emit)(void *ctx, const struct event *event);
    void *ctx;
};

static inline bool events_on(const struct event_sink *sink)
{
    return sink && sink->emit;
}

/* Format `detail` printf-like and emit; only call when events_on(). */
__attribute__((format(printf, 4, 5))) void event_emit(const struct event_sink *sink,
                                                      const char *name, uint64_t now_ms,
                                                      const char *detail_format, ...);
