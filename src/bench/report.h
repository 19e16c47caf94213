/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the cases print: a line of text for people, or an object in a JSON array. A result is opened
 * with the name of its case, gets its figures one by one, and is closed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct report {
    bool json;
    unsigned results; /* so far */
};

/* The first and last bytes of the output. */
void report_begin(struct report *r, bool huge_pages);
void report_end(struct report *r);

/* A result of case `name` with `n` of something, as "sessions". */
void report_open(struct report *r, const char *name, uint32_t n, const char *of);
void report_close(struct report *r);

/*
 * A figure of the open result: `key` names it in JSON, `unit` follows it for people ("ns",
 * "M/s"). Printed with `digits` decimals.
 */
void report_figure(struct report *r, const char *key, double value, int digits, const char *unit);

/* Time per packet (or session) in ticks of the time-stamp counter: ns, cycles, millions a second.
 */
void report_cost(struct report *r, double cycles);
