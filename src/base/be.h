/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers in wire order. A be16 or be32 holds the bytes as they stand in a packet header; nothing
 * but these four functions turns one into a number.
 */
#pragma once

#include <stdint.h>

typedef uint16_t be16;
typedef uint32_t be32;

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Pinhole is built for little-endian machines"
#endif

static inline be16 be16_of(uint16_t host)
{
    return __builtin_bswap16(host);
}

static inline be32 be32_of(uint32_t host)
{
    return __builtin_bswap32(host);
}

static inline uint16_t be16_host(be16 wire)
{
    return __builtin_bswap16(wire);
}

static inline uint32_t be32_host(be32 wire)
{
    return __builtin_bswap32(wire);
}
