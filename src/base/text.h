/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A growing text for answers to people and for files. Allocates; never used by workers.
 * Zero-initialise to start; running out of memory ends the process (text_put asserts).
 */
#pragma once

#include "base/slice.h"

#include <stdarg.h>

struct text {
    char *p;    /* zero-terminated once something was added; NULL before */
    size_t n;   /* bytes without the zero byte */
    size_t cap; /* bytes allocated */
};

void text_put(struct text *t, struct slice s);
void text_puts(struct text *t, const char *zero_terminated);
__attribute__((format(printf, 2, 3))) void text_printf(struct text *t, const char *format, ...);
void text_vprintf(struct text *t, const char *format, va_list args);

/* Forget the content, keep the memory. */
static inline void text_clear(struct text *t)
{
    t->n = 0;
    if (t->p)
        t->p[0] = '\0';
}

/* Release the memory; `t` is empty and usable afterwards. */
void text_free(struct text *t);

static inline struct slice text_slice(const struct text *t)
{
    return slice_of(t->p, t->n);
}

/* Append `s` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_json(struct text *t, struct slice s);
