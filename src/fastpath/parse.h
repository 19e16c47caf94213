/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What parsing has in common for both families; for parse.c and parse6.c alone. Worker threads.
 */
#pragma once

#include "fastpath/packet.h"

/* Out of line: the checks that lead here are many and seldom fail. */
__attribute__((noinline, cold)) static bool refuse(struct worker *w, struct packet *p,
                                                   enum drop_reason reason)
{
    drop(w, p->m, reason);
    return false;
}

static inline bool ether_is(const uint8_t *a, const uint8_t *b)
{
    uint16_t x[3], y[3];
    memcpy(x, a, 6);
    memcpy(y, b, 6);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) == 0;
}

/* Do the lengths in the header agree with each other and with the bytes from p->l4 on? */
static inline bool udp_fits(const struct packet *p)
{
    const struct rte_udp_hdr *udp = packet_udp(p);
    return p->l4_len >= sizeof *udp && rte_be_to_cpu_16(udp->dgram_len) >= sizeof *udp &&
           rte_be_to_cpu_16(udp->dgram_len) <= p->l4_len;
}

static inline bool tcp_fits(const struct packet *p)
{
    const struct rte_tcp_hdr *tcp = packet_tcp(p);
    return p->l4_len >= sizeof *tcp && (tcp->data_off >> 4) * 4u >= sizeof *tcp &&
           (tcp->data_off >> 4) * 4u <= p->l4_len;
}

/* The same of SCTP (RFC 9260 3.1) and UDP-Lite, whose second field is what the checksum covers: 0
 * for everything (RFC 3828 3.1). */
static inline bool port_header_fits(const struct packet *p, uint8_t proto)
{
    enum {
        SCTP_HEADER = 12
    };
    const struct rte_udp_hdr *lite = packet_udp(p);
    if (proto == IPPROTO_SCTP)
        return p->l4_len >= SCTP_HEADER;
    if (p->l4_len < sizeof *lite)
        return false;
    const uint16_t covered = rte_be_to_cpu_16(lite->dgram_len);
    return covered <= p->l4_len && (covered == 0 || covered >= sizeof *lite);
}

/* The IPv6 part of packet_parse: the frame has an Ethernet header and came in by an interface that
 * is up. */
bool packet_parse6(struct worker *w, struct packet *p, const struct interface *iface);
