/* SPDX-License-Identifier: BSD-3-Clause */
/* What the client itself must know of a line that is being typed. Pure. */
#pragma once

#include "base/slice.h"

/* Inside '...' or "..." at its end. */
static inline bool quote_open(struct slice line)
{
    char open = '\0';
    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];
        if (c == '\\' && open != '\'')
            i++;
        else if (open != '\0')
            open = c == open ? '\0' : open;
        else if (c == '"' || c == '\'')
            open = c;
    }
    return open != '\0';
}

/* Bytes of the unfinished word. */
static inline size_t word_tail(struct slice line)
{
    size_t n = 0;
    while (n < line.n && !ascii_blank(line.p[line.n - 1 - n]))
        n++;
    return n;
}
