/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/log_line.h"

#include "base/log.h"

#include <inttypes.h>

void log_line_write(const struct event_sink *events, const struct text *line, uint64_t at_ms)
{
    struct text quoted = {0};
    if (!events_on(events)) {
        log_info("%s", line->p);
        return;
    }
    text_json(&quoted, slice_of(line->p, line->n));
    event_emit(events, "log", at_ms, "\"line\":%s", quoted.p);
    text_free(&quoted);
}

void log_line_unwritten(const struct event_sink *events, const char *what, uint64_t n,
                        uint64_t now_ms)
{
    if (n == 0)
        return;
    if (events_on(events))
        event_emit(events, "log-unwritten", now_ms, "\"lines\":%" PRIu64, n);
    else
        log_warn("%" PRIu64 " more %s were not logged", n, what);
}

void log_line_field(struct text *line, const char *name, const char *value)
{
    text_printf(line, " %s=\"", name);
    for (const char *p = value; *p; p++) {
        char c = *p >= ' ' && *p <= '~' ? *p : '.';
        if (c == '"' || c == '\\')
            text_puts(line, "\\");
        text_put(line, slice_of(&c, 1));
    }
    text_puts(line, "\"");
}
