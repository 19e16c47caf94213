/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 and IPv6 addresses and transport endpoints, in wire order, and their text forms.
 */
#pragma once

#include "base/be.h"
#include "base/slice.h"

#include <stdbool.h>

struct endpoint {
    be32 ip;
    be16 port;
};

/*
 * An address of either family; IPv4 is written ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so that both
 * kinds compare, sort and hash alike.
 */
struct ip_addr {
    union {
        uint8_t byte[16];
        be32 word[4];
        uint64_t half[2];
    };
};

static inline struct ip_addr ip_addr_of4(be32 ip)
{
    return (struct ip_addr){.word = {0, 0, be32_of(0xffff), ip}};
}

static inline bool ip_addr_is4(const struct ip_addr *a)
{
    return a->half[0] == 0 && a->word[2] == be32_of(0xffff);
}

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

static inline bool ip_addr_is_zero(const struct ip_addr *a)
{
    return (a->half[0] | a->half[1]) == 0;
}

/* fe80::/10, RFC 4291 2.5.6 */
static inline bool ip_addr_is_link_local(const struct ip_addr *a)
{
    return a->byte[0] == 0xfe && (a->byte[1] & 0xc0) == 0x80;
}

/* An endpoint of either family. Hashed or compared as bytes it has padding: use ip_port_eq. */
struct ip_port {
    struct ip_addr ip;
    be16 port;
};

static inline bool ip_port_eq(struct ip_port a, struct ip_port b)
{
    return ip_addr_eq(&a.ip, &b.ip) && a.port == b.port;
}

static inline struct ip_port ip_port_of4(struct endpoint e)
{
    return (struct ip_port){ip_addr_of4(e.ip), e.port};
}

/* The IPv4 address of an endpoint that has one. */
static inline struct endpoint ip_port_v4(struct ip_port e)
{
    return (struct endpoint){e.ip.word[3], e.port};
}

static inline bool endpoint_eq(struct endpoint a, struct endpoint b)
{
    return a.ip == b.ip && a.port == b.port;
}

#define IPV4_TEXT_MAX     16 /* "255.255.255.255" and its zero byte */
#define IPV6_TEXT_MAX     46 /* the longest form with a dotted quad, and its zero byte */
#define IP_PORT_TEXT_MAX  54 /* the longest IPv6 form in brackets, ":65535" and its zero byte */
#define ENDPOINT_TEXT_MAX 22 /* "255.255.255.255:65535" and its zero byte */

/* Strict dotted quad: four decimal numbers, no leading zeros, nothing around it (RFC 6943 3.1.1).
 */
int ipv4_parse(struct slice text, be32 *out);

/* Write the dotted quad with a zero byte; returns its length. `out` has IPV4_TEXT_MAX bytes. */
size_t ipv4_print(be32 ip, char *out);

/* "a.b.c.d:port" with a zero byte; returns its length. `out` has ENDPOINT_TEXT_MAX bytes. */
size_t endpoint_print(struct endpoint e, char *out);

/* RFC 4291 2.2 text, nothing around it, no zone index. 0 or -EINVAL. */
int ipv6_parse(struct slice text, struct ip_addr *out);

/* RFC 5952 text, IPv4 as a dotted quad; with a zero byte; returns its length. `out` has
 * IPV6_TEXT_MAX bytes. */
size_t ip_addr_print(const struct ip_addr *a, char *out);

/* The first `len` bits of `a`, zeros behind; `len` at most 128. */
struct ip_addr ip_addr_prefix(const struct ip_addr *a, unsigned len);

/* The link-local address that an Ethernet interface gives itself: RFC 4291 appendix A. */
struct ip_addr ip_addr_link_local(const uint8_t mac[6]);

/* "a.b.c.d:port" or, of IPv6, "[address]:port" (RFC 5952 6) with a zero byte; returns its length.
 * `out` has IP_PORT_TEXT_MAX bytes. */
size_t ip_port_print(const struct ip_addr *a, be16 port, char *out);

/* Prefix length of a contiguous netmask, or -EINVAL. */
int ipv4_mask_len(be32 mask);

static inline be32 ipv4_mask(unsigned len)
{
    return len == 0 ? 0 : be32_of(UINT32_MAX << (32 - len));
}
