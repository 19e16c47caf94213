/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line of 32-bit points cut into intervals, each with a value: sorted first points, sixteen of
 * them per cache line, searched line by line from the top (131,000 intervals: five lines). Made
 * once, then read by any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define INTERVALS_LINE   16
#define INTERVALS_LEVELS 8 /* enough for 2^32 of them */

struct intervals {
    uint32_t n;
    uint32_t n_levels;
    uint32_t count[INTERVALS_LEVELS];  /* keys of each level */
    uint32_t *level[INTERVALS_LEVELS]; /* [0]: first points; [k + 1]: first key of each line of k */
    uint32_t *value;
};

/* `first` is ascending and begins with 0, n > 0. Both arrays are copied. Ends the process when
 * there is no memory. */
void intervals_make(struct intervals *v, const uint32_t *first, const uint32_t *value, uint32_t n);
void intervals_free(struct intervals *v);

/* Bytes it takes. */
size_t intervals_bytes(const struct intervals *v);

/* The number of the interval that holds `point`. */
static inline uint32_t intervals_find(const struct intervals *v, uint32_t point)
{
    uint32_t at = 0;
    for (uint32_t l = v->n_levels; l-- > 0;) {
        const uint32_t *line = &v->level[l][at * INTERVALS_LINE];
        uint32_t n = 0;
        for (int i = 0; i < INTERVALS_LINE; i++)
            n += line[i] <= point;
        at = at * INTERVALS_LINE + n - 1;
        if (at >= v->count[l]) /* the filling of the last line is UINT32_MAX */
            at = v->count[l] - 1;
    }
    return at;
}
