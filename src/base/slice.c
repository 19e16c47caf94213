/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/slice.h"

#include <errno.h>

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
