/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet of the burst under way: the frame and what parsing found in it. Lives on the worker's
 * stack for one burst.
 */
#pragma once

#include "fastpath/worker.h"

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#define PACKET_IP_OFFSET RTE_ETHER_HDR_LEN

/* Types of ICMP besides echo (RFC 792). */
enum icmp_type {
    ICMP_UNREACHABLE = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12
};

/* Types of ICMPv6 that report errors (RFC 4443); all below 128 do. */
enum icmp6_type {
    ICMP6_UNREACHABLE = 1,
    ICMP6_TOO_BIG = 2,
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_PARAMETER_PROBLEM = 4
};

struct packet {
    struct rte_mbuf *m;
    union {
        struct rte_ipv4_hdr *ip;
        struct rte_ipv6_hdr *ip6; /* where is6 */
    };
    void *l4;
    uint64_t hash; /* of key */
    struct key key;
    uint32_t session; /* guess, then certainty; INDEX_NONE: none */
    uint8_t dir;      /* of the session this packet travels */
    bool is6;
    uint16_t ifindex; /* where it arrived */
    uint16_t l3_len;  /* bytes from the IP header to l4: options and extension headers too */
    uint16_t l4_len;  /* bytes from l4 to the end of the datagram */
};

_Static_assert(sizeof(struct packet) == 64, "one line of the stack for each packet of a burst");

/*
 * Check every header of the frame in p->m and fill the rest of `p`. False when the packet is used
 * up: dropped with a reason, or an ARP packet handed to control. `iface` is where it arrived.
 */
bool packet_parse(struct worker *w, struct packet *p, const struct interface *iface);

static inline struct ip_addr packet_src(const struct packet *p)
{
    struct ip_addr a;
    if (!p->is6)
        return ip_addr_of4(p->ip->src_addr);
    memcpy(&a, p->ip6->src_addr, sizeof a);
    return a;
}

static inline struct ip_addr packet_dst(const struct packet *p)
{
    struct ip_addr a;
    if (!p->is6)
        return ip_addr_of4(p->ip->dst_addr);
    memcpy(&a, p->ip6->dst_addr, sizeof a);
    return a;
}

/* Hops it may still make, this one included. */
static inline uint8_t packet_hops(const struct packet *p)
{
    return __builtin_expect(p->is6, 0) ? p->ip6->hop_limits : p->ip->time_to_live;
}

static inline const struct rte_udp_hdr *packet_udp(const struct packet *p)
{
    return p->l4;
}

static inline const struct rte_tcp_hdr *packet_tcp(const struct packet *p)
{
    return p->l4;
}

static inline const struct rte_icmp_hdr *packet_icmp(const struct packet *p)
{
    return p->l4;
}

/* An echo request, of either ICMP? */
static inline bool packet_is_ping(const struct packet *p)
{
    return p->is6 ? p->key.proto == IPPROTO_ICMPV6 && packet_icmp(p)->icmp_type == 128
                  : p->key.proto == IPPROTO_ICMP &&
                        packet_icmp(p)->icmp_type == RTE_IP_ICMP_ECHO_REQUEST;
}

/* Addresses and ports of an IPv6 packet. */
struct session_v6 packet_flow6(const struct packet *p);
