/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/slice.h"

#include <errno.h>

bool slice_istarts(struct slice s, struct slice prefix)
{
    if (s.n < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++)
        if (s.p[i] != prefix.p[i] && ascii_lower(s.p[i]) != ascii_lower(prefix.p[i]))
            return false;
    return true;
}

bool slice_ieq(struct slice a, struct slice b)
{
    return a.n == b.n && slice_istarts(a, b);
}

static bool is_space(char c)
{
    return (unsigned char)c <= ' ' && (ascii_blank(c) || c == '\r' || c == '\n');
}

struct slice slice_trim(struct slice s)
{
    const char *p = s.p, *end = s.p + s.n;
    while (p < end && is_space(*p))
        p++;
    while (p < end && is_space(end[-1]))
        end--;
    return slice_between(p, end);
}

size_t slice_find(struct slice s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : s.n;
}

int slice_u32(struct slice s, uint32_t max, uint32_t *out)
{
    uint64_t v = 0;
    if (s.n == 0)
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_digit(s.p[i]))
            return -EINVAL;
        if (v <= UINT32_MAX)
            v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    if (v > max)
        return -ERANGE;
    *out = (uint32_t)v;
    return 0;
}
