/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A finished line of a log on its way out: to syslog or standard error, or, in replay and tests, an
 * event. Control thread only.
 */
#pragma once

#include "base/events.h"
#include "base/text.h"

void log_line_write(const struct event_sink *events, const struct text *line, uint64_t at_ms);

/* So many more were not written; nothing for none. `what`: "lines of traffic". */
void log_line_unwritten(const struct event_sink *events, const char *what, uint64_t n,
                        uint64_t now_ms);

/* Append ` name="value"`, what came from the network made safe: no quote ends it early, bytes that
 * are not printable ASCII become `.`. */
void log_line_field(struct text *line, const char *name, const char *value);
