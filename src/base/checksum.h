/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624). Sums are one's complement
 * sums of 16-bit words in wire order, kept unfolded in 32 bits.
 */
#pragma once

#include "base/be.h"

#include <stddef.h>
#include <string.h>

static inline uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Sum of `n` bytes; an odd last byte counts as the high half of a word. */
static inline uint64_t checksum_sum(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t sum = 0;
    for (; n >= 4; n -= 4, p += 4) {
        uint32_t w;
        memcpy(&w, p, 4);
        sum += w;
    }
    if (n >= 2) {
        uint16_t w;
        memcpy(&w, p, 2);
        sum += w;
        p += 2;
        n -= 2;
    }
    if (n)
        sum += *p;
    return sum;
}

/* What changes when 32-bit (or zero-extended 16-bit) field `from` becomes `to`. Deltas add up. */
static inline uint64_t checksum_delta(uint32_t from, uint32_t to)
{
    return (uint64_t)(uint32_t)~from + to;
}

/* A header checksum after deltas: ~(~old + delta), RFC 1624 equation 3. */
static inline uint16_t checksum_adjust(uint16_t old, uint64_t delta)
{
    return (uint16_t)~checksum_fold((uint64_t)(uint16_t)~old + delta);
}

/* Sum of the IPv4 pseudo header; `l4_len` in bytes. */
static inline uint64_t checksum_pseudo(be32 src, be32 dst, uint8_t proto, uint16_t l4_len)
{
    return (uint64_t)src + dst + be16_of(proto) + be16_of(l4_len);
}
