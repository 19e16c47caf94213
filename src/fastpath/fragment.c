/* SPDX-License-Identifier: BSD-3-Clause */
#include "fastpath/fragment.h"

#include "fastpath/packet.h"

#include <rte_ip_frag.h>

/* At most 9216 bytes, with an MTU of at least 68 (RFC 791): 48 bytes of payload a piece. */
#define MAX_PIECES 192

/* Put the Ethernet header of the whole before each piece, and finish its IPv4 header. */
static bool piece_finish(struct rte_mbuf *m, const struct rte_ether_hdr *eth)
{
    struct rte_ether_hdr *own = (void *)rte_pktmbuf_prepend(m, sizeof *own);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    if (!own)
        return false;
    *own = *eth;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    return true;
}

__attribute__((noinline, cold)) static void cut(struct worker *w, uint16_t ifindex,
                                                struct rte_mbuf *m, uint16_t mtu)
{
    struct rte_mbuf *piece[MAX_PIECES];
    struct rte_ether_hdr eth = *rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    rte_pktmbuf_adj(m, sizeof eth);
    int n = rte_ipv4_fragment_copy_nonseg_packet(m, piece, MAX_PIECES, mtu, w->dp->pool);
    if (n <= 0) {
        rte_pktmbuf_prepend(m, sizeof eth);
        return drop(w, m, n == -ENOMEM ? DROP_NO_MBUF : DROP_MTU);
    }
    for (int i = 0; i < n; i++)
        if (!piece_finish(piece[i], &eth)) {
            rte_pktmbuf_free_bulk(piece, (unsigned)n);
            return drop(w, m, DROP_NO_MBUF);
        }
    rte_pktmbuf_free(m);
    w->counts.pieces += (uint64_t)n - 1;
    for (int i = 0; i < n; i++)
        worker_send(w, ifindex, piece[i]);
}

void fragment_send(struct worker *w, uint16_t ifindex, struct rte_mbuf *m)
{
    const struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, PACKET_IP_OFFSET);
    uint16_t mtu = w->snapshot->interfaces[ifindex].mtu;
    if (m->pkt_len - PACKET_IP_OFFSET <= mtu)
        return worker_send(w, ifindex, m);
    if (ip->version_ihl >> 4 == 6 || ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG))
        return drop(w, m, DROP_MTU);
    /* The library cuts at a multiple of eight bytes of payload. */
    uint16_t ihl = (uint16_t)((ip->version_ihl & 15) * 4);
    cut(w, ifindex, m, (uint16_t)(ihl + ((mtu - ihl) & ~7)));
}
