/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 addresses and transport endpoints, in wire order, and their text forms.
 */
#pragma once

#include "base/be.h"
#include "base/slice.h"

struct endpoint {
    be32 ip;
    be16 port;
};

static inline bool endpoint_eq(struct endpoint a, struct endpoint b)
{
    return a.ip == b.ip && a.port == b.port;
}

#define IPV4_TEXT_MAX     16 /* "255.255.255.255" and its zero byte */
#define ENDPOINT_TEXT_MAX 22 /* "255.255.255.255:65535" and its zero byte */

/* Strict dotted quad: four decimal numbers, no leading zeros, nothing around it (RFC 6943 3.1.1).
 */
int ipv4_parse(struct slice text, be32 *out);

/* Write the dotted quad with a zero byte; returns its length. `out` has IPV4_TEXT_MAX bytes. */
size_t ipv4_print(be32 ip, char *out);

/* "a.b.c.d:port" with a zero byte; returns its length. `out` has ENDPOINT_TEXT_MAX bytes. */
size_t endpoint_print(struct endpoint e, char *out);

/* Prefix length of a contiguous netmask, or -EINVAL. */
int ipv4_mask_len(be32 mask);

static inline be32 ipv4_mask(unsigned len)
{
    return len == 0 ? 0 : be32_of(UINT32_MAX << (32 - len));
}
