/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each level keeps the first key of every line of the level below, until one line holds all. Lines
 * are filled up with UINT32_MAX, which no point exceeds; a point that equals it finds the filling
 * too, hence the last comparison of intervals_find.
 */
#include "fastpath/intervals.h"

#include <stdlib.h>
#include <string.h>

static uint32_t lines_of(uint32_t n)
{
    return (n + INTERVALS_LINE - 1) / INTERVALS_LINE;
}

static uint32_t *level_make(uint32_t n)
{
    size_t bytes = (size_t)lines_of(n) * INTERVALS_LINE * sizeof(uint32_t);
    uint32_t *level = aligned_alloc(INTERVALS_LINE * sizeof(uint32_t), bytes);
    if (!level)
        abort();
    memset(level, 0xff, bytes);
    return level;
}

void intervals_make(struct intervals *v, const uint32_t *first, const uint32_t *value, uint32_t n)
{
    *v = (struct intervals){.n = n};
    v->value = malloc(n * sizeof *value);
    if (!v->value)
        abort();
    memcpy(v->value, value, n * sizeof *value);
    for (;;) {
        uint32_t l = v->n_levels++;
        v->count[l] = n;
        v->level[l] = level_make(n);
        for (uint32_t i = 0; i < n; i++)
            v->level[l][i] = l == 0 ? first[i] : v->level[l - 1][(size_t)i * INTERVALS_LINE];
        if (n <= INTERVALS_LINE)
            return;
        n = lines_of(n);
    }
}

void intervals_free(struct intervals *v)
{
    for (uint32_t l = 0; l < v->n_levels; l++)
        free(v->level[l]);
    free(v->value);
    *v = (struct intervals){0};
}

size_t intervals_bytes(const struct intervals *v)
{
    size_t words = v->n;
    for (uint32_t l = 0; l < v->n_levels; l++)
        words += (size_t)lines_of(v->count[l]) * INTERVALS_LINE;
    return words * sizeof(uint32_t);
}
