/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 datagrams of any size, cut into the fragments a firewall is given, and put together again
 * from what it sent.
 */
#pragma once

#include "firewall.h"

#define WHOLE_DF 0x4000u
#define WHOLE_MF 0x2000u

/* A datagram as it would be in one piece: its IPv4 payload. */
struct whole {
    struct ends e;
    uint8_t proto, tos;
    uint16_t id, flags; /* WHOLE_DF */
    size_t n;
    unsigned char b[65536];
};

/* UDP with `payload`, or where that is NULL with `n` bytes that differ; with an identification of
 * its own and a right checksum. */
void whole_udp(struct whole *d, struct ends e, const void *payload, size_t n);

/* The fragment that carries bytes [at, at + n); at most FRAME_SIZE with its headers. */
struct frame whole_cut(const struct whole *d, size_t at, size_t n, bool more);

/* Big-endian, and the checksum of an IPv4 header without options. */
void whole_put16(unsigned char *p, size_t v);
unsigned whole_get16(const unsigned char *p);
void whole_mend_header(unsigned char *ip);

/* What left through `ifindex`, put together. Every frame fits `mtu` and is a proper fragment. */
void whole_join(struct whole *d, const struct firewall *fw, uint16_t ifindex, size_t mtu);

/* `got` has the payload of `d`, came from `src`, and its UDP checksum is right. */
void whole_assert_udp(const struct whole *got, const struct whole *d, const char *src);
