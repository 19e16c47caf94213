/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/events.h"

#include <stdarg.h>
#include <stdio.h>

void event_emit(const struct event_sink *sink, const char *name, uint64_t now_ms,
                const char *detail_format, ...)
{
    char detail[4096];
    va_list args;
    va_start(args, detail_format);
    vsnprintf(detail, sizeof detail, detail_format, args);
    va_end(args);
    sink->emit(sink->ctx, &(struct event){name, now_ms, detail});
}
