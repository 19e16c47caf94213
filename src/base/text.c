/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

static void reserve(struct text *t, size_t more)
{
    size_t need = t->n + more + 1;
    if (need <= t->cap)
        return;
    size_t cap = t->cap ? t->cap : 256;
    while (cap < need)
        cap *= 2;
    t->p = realloc(t->p, cap);
    if (!t->p)
        abort();
    t->cap = cap;
}

void text_put(struct text *t, struct slice s)
{
    reserve(t, s.n);
    if (s.n)
        memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
    t->p[t->n] = '\0';
}

void text_puts(struct text *t, const char *zero_terminated)
{
    text_put(t, slice_str(zero_terminated));
}

void text_vprintf(struct text *t, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n > 0) {
        reserve(t, (size_t)n);
        vsnprintf(t->p + t->n, (size_t)n + 1, format, again);
        t->n += (size_t)n;
    }
    va_end(again);
}

void text_printf(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(t, format, args);
    va_end(args);
}

void text_free(struct text *t)
{
    free(t->p);
    *t = (struct text){0};
}

/* Length of the UTF-8 sequence at p (n bytes left), or 0 when it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                 : (p[0] & 0xf0) == 0xe0       ? 3
                 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                               : 0;
    if (len == 0 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
        return 0;
    return len;
}

void text_json(struct text *t, struct slice s)
{
    text_puts(t, "\"");
    while (s.n) {
        unsigned char c = (unsigned char)s.p[0];
        size_t len = utf8_len((const unsigned char *)s.p, s.n);
        if (len == 0)
            text_puts(t, "\\ufffd");
        else if (c == '"' || c == '\\')
            text_printf(t, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            text_printf(t, "\\u%04x", c);
        else
            text_put(t, slice_head(s, len));
        s = slice_skip(s, len ? len : 1);
    }
    text_puts(t, "\"");
}
