/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The translated header of a direction is the inverse of the other direction's key: write it, and
 * adjust the checksums by the difference (RFC 1624). Pure but for the packet.
 */
#pragma once

#include "base/checksum.h"
#include "fastpath/packet.h"

/* A transport header, or the beginning of one, and what it becomes. */
struct translate_l4 {
    uint8_t proto;
    void *l4;
    uint16_t have, whole; /* bytes that are there, and that the packet has or had; both from l4 */
    be16 sport, dport;    /* ICMP query: the identifier in one of them */
    uint64_t l3;          /* checksum delta of the addresses */
};

/*
 * Write ports or identifier into the header of any protocol, and adjust its checksum, as far as
 * they are there: ports and identifier must be, if the protocol has them. For what is not worth a
 * place in packet_translate, and for quotes.
 */
void translate_l4(const struct translate_l4 *t);

/*
 * Rewrite addresses and ports of `p`, whose headers equal `arrived`, so that it leaves as the
 * inverse of `opposite`; and count one hop.
 */
static inline void packet_translate(struct packet *p, const struct key *arrived,
                                    const struct key *opposite)
{
    struct rte_ipv4_hdr *ip = p->ip;
    uint64_t l3 =
        checksum_delta(arrived->src, opposite->dst) + checksum_delta(arrived->dst, opposite->src);
    uint64_t l4 = checksum_delta(arrived->sport, opposite->dport) +
                  checksum_delta(arrived->dport, opposite->sport);

    ip->src_addr = opposite->dst;
    ip->dst_addr = opposite->src;
    ip->time_to_live--;
    /* One hop is 0x0100 less in the word of TTL and protocol, in wire order 0x0001 less. */
    ip->hdr_checksum = checksum_adjust(ip->hdr_checksum, l3 + (uint16_t)~be16_of(0x0100));

    if (arrived->proto == IPPROTO_UDP) {
        struct rte_udp_hdr *udp = p->l4;
        udp->src_port = opposite->dport;
        udp->dst_port = opposite->sport;
        if (udp->dgram_cksum != 0) {
            uint16_t sum = checksum_adjust(udp->dgram_cksum, l3 + l4);
            udp->dgram_cksum = sum ? sum : 0xffff; /* RFC 768: 0 means none */
        }
    } else if (arrived->proto == IPPROTO_TCP) {
        struct rte_tcp_hdr *tcp = p->l4;
        tcp->src_port = opposite->dport;
        tcp->dst_port = opposite->sport;
        tcp->cksum = checksum_adjust(tcp->cksum, l3 + l4);
    } else {
        translate_l4(&(struct translate_l4){.proto = arrived->proto,
                                            .l4 = p->l4,
                                            .have = p->l4_len,
                                            .whole = p->l4_len,
                                            .sport = opposite->dport,
                                            .dport = opposite->sport,
                                            .l3 = l3});
    }
}
