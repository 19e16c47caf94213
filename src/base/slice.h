/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A slice names bytes that belong to somebody else: a packet, a configuration line. It is never
 * terminated by a zero byte and never freed. Any thread may use one as long as the bytes live.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p; /* first byte; may be NULL when n is 0 */
    size_t n;      /* bytes */
};

/* printf("%.*s", SLICE_ARG(s)) */
#define SLICE_ARG(s)    (int)(s).n, (s).p
#define SLICE_LIT(text) ((struct slice){(text), sizeof(text) - 1})
#define SLICE_NONE      ((struct slice){NULL, 0})

static inline struct slice slice_of(const char *p, size_t n)
{
    return (struct slice){p, n};
}

static inline struct slice slice_str(const char *zero_terminated)
{
    return (struct slice){zero_terminated, strlen(zero_terminated)};
}

/* From one pointer up to another (exclusive) in the same buffer. */
static inline struct slice slice_between(const char *from, const char *to)
{
    return (struct slice){from, (size_t)(to - from)};
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool ascii_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Space or tab. */
static inline bool ascii_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Begins with `prefix`, apart from the case of ASCII letters. */
static inline bool slice_istarts(struct slice s, struct slice prefix)
{
    if (s.n < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++)
        if (s.p[i] != prefix.p[i] && ascii_lower(s.p[i]) != ascii_lower(prefix.p[i]))
            return false;
    return true;
}

/* Equal apart from the case of ASCII letters. */
static inline bool slice_ieq(struct slice a, struct slice b)
{
    return a.n == b.n && slice_istarts(a, b);
}

/* Blank, CR or LF. */
static inline bool ascii_space(char c)
{
    return (unsigned char)c <= ' ' && (ascii_blank(c) || c == '\r' || c == '\n');
}

/* Without blanks, CR and LF at both ends. */
static inline struct slice slice_trim(struct slice s)
{
    const char *p = s.p, *end = s.p + s.n;
    while (p < end && ascii_space(*p))
        p++;
    while (p < end && ascii_space(end[-1]))
        end--;
    return slice_between(p, end);
}

/* Offset of the first `c`, or s.n when there is none. */
static inline size_t slice_find(struct slice s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

/* `s` without its first `n` bytes (all of it when it is shorter). */
static inline struct slice slice_skip(struct slice s, size_t n)
{
    n = n < s.n ? n : s.n;
    return (struct slice){s.p + n, s.n - n};
}

/* The first `n` bytes of `s` (all of it when it is shorter). */
static inline struct slice slice_head(struct slice s, size_t n)
{
    return (struct slice){s.p, n < s.n ? n : s.n};
}

/*
 * The whole slice as a decimal number. Digits only: no sign, no blank, at least one digit.
 * Returns 0, -EINVAL when it is no number, -ERANGE when it exceeds `max`; *out only on 0.
 */
int slice_u32(struct slice s, uint32_t max, uint32_t *out);
