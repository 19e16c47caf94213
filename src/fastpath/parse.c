/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a frame to a key. Everything a later step reads has been checked here: lengths against the
 * bytes that are there, the IPv4 header checksum (unless the NIC did), addresses no host may use as
 * a source (RFC 1122 3.2.1.3), source routes (RFC 7126 4.3). IPv6 is in parse6.c. The checksums of
 * UDP, TCP and ICMP are the receiver's business: they are only ever adjusted, so a wrong one stays
 * wrong.
 */
#include "fastpath/parse.h"

#include "base/checksum.h"
#include "fastpath/icmp_error.h"
#include "fastpath/reassembly.h"

#include <rte_arp.h>

/* ARP goes to control, other protocols nowhere. */
static bool parse_other(struct worker *w, struct packet *p, uint16_t ether_type)
{
    const struct rte_arp_hdr *arp = rte_pktmbuf_mtod_offset(p->m, void *, RTE_ETHER_HDR_LEN);
    if (ether_type != RTE_ETHER_TYPE_ARP)
        return refuse(w, p, DROP_NOT_IP);
    if (p->m->data_len < RTE_ETHER_HDR_LEN + sizeof *arp ||
        arp->arp_hardware != rte_cpu_to_be_16(RTE_ARP_HRD_ETHER) ||
        arp->arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
        arp->arp_hlen != RTE_ETHER_ADDR_LEN || arp->arp_plen != sizeof(be32))
        return refuse(w, p, DROP_ARP_MALFORMED);
    *note_of(p->m) = (struct note){.kind = NOTE_ARP, .ifindex = p->ifindex};
    if (rte_ring_sp_enqueue(w->to_control, p->m) != 0)
        return refuse(w, p, DROP_CONTROL_RING_FULL);
    w->counts.consumed++;
    return false;
}

/* Options are carried, except those by which the sender chooses the way. */
static bool options_fit(const uint8_t *opt, size_t n)
{
    while (n > 0) {
        if (opt[0] == RTE_IPV4_HDR_OPT_EOL)
            return true;
        size_t len = opt[0] == RTE_IPV4_HDR_OPT_NOP ? 1 : n > 1 ? opt[1] : 0;
        if (len == 0 || len > n || (len == 1 && opt[0] != RTE_IPV4_HDR_OPT_NOP))
            return false;
        if (opt[0] == 131 || opt[0] == 137) /* loose and strict source route, RFC 791 */
            return false;
        opt += len;
        n -= len;
    }
    return true;
}

/* Multicast, reserved and limited broadcast addresses. */
static bool is_group(be32 address)
{
    return be32_host(address) >> 28 >= 14;
}

/* "This network" and loopback. */
static bool is_internal(be32 address)
{
    uint32_t net = be32_host(address) >> 24;
    return net == 0 || net == 127;
}

static uint32_t word_at(const void *p, size_t i)
{
    uint32_t v;
    memcpy(&v, (const char *)p + i * sizeof v, sizeof v);
    return v;
}

static bool checksum_fits(const struct rte_mbuf *m, const struct rte_ipv4_hdr *ip, size_t ihl)
{
    uint64_t flag = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK, sum = 0;
    if (flag == RTE_MBUF_F_RX_IP_CKSUM_GOOD)
        return true;
    if (ihl != sizeof *ip)
        return checksum_fold(checksum_sum(ip, ihl)) == 0xffff;
    for (size_t i = 0; i < sizeof *ip / sizeof(uint32_t); i++)
        sum += word_at(ip, i);
    return checksum_fold(sum) == 0xffff;
}

/* The IPv4 header; sets p->ip, p->l4, p->l4_len and cuts the frame to the datagram. */
static bool parse_ipv4(struct worker *w, struct packet *p)
{
    struct rte_mbuf *m = p->m;
    uint32_t have = m->data_len - PACKET_IP_OFFSET;
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    if (have < sizeof *ip)
        return refuse(w, p, DROP_SHORT_FRAME);
    uint32_t ihl = (ip->version_ihl & 15u) * 4, total = rte_be_to_cpu_16(ip->total_length);
    if (ip->version_ihl >> 4 != 4 || ihl < sizeof *ip || total < ihl)
        return refuse(w, p, DROP_IP_HEADER);
    if (total > have)
        return refuse(w, p, DROP_SHORT_FRAME);
    if (ihl != sizeof *ip && !options_fit((const uint8_t *)(ip + 1), ihl - sizeof *ip))
        return refuse(w, p, DROP_IP_HEADER);
    if (!checksum_fits(m, ip, ihl))
        return refuse(w, p, DROP_IP_CHECKSUM);
    if (is_internal(ip->src_addr) || is_group(ip->src_addr))
        return refuse(w, p, DROP_BAD_SOURCE);
    if (is_group(ip->dst_addr))
        return refuse(w, p, DROP_BROADCAST);
    if (is_internal(ip->dst_addr))
        return refuse(w, p, DROP_BAD_DESTINATION);
    m->data_len = (uint16_t)(PACKET_IP_OFFSET + total);
    m->pkt_len = m->data_len;
    p->ip = ip;
    p->is6 = false;
    p->l4 = (char *)ip + ihl;
    p->l3_len = (uint16_t)ihl;
    p->l4_len = (uint16_t)(total - ihl);
    return true;
}

/* Echo and its answer are a flow by their identifier, on the asking side's end. */
static bool parse_icmp(struct worker *w, struct packet *p, uint32_t *ports)
{
    const struct rte_icmp_hdr *icmp = p->l4;
    if (p->l4_len < sizeof *icmp)
        return refuse(w, p, DROP_L4_HEADER);
    if (icmp->icmp_type == RTE_IP_ICMP_ECHO_REQUEST && icmp->icmp_code == 0) {
        *ports = icmp->icmp_ident;
        return true;
    }
    if (icmp->icmp_type == RTE_IP_ICMP_ECHO_REPLY && icmp->icmp_code == 0) {
        *ports = (uint32_t)icmp->icmp_ident << 16;
        return true;
    }
    icmp_error_pass(w, p);
    return false;
}

/* Others have no more than their addresses. What is for routers and hosts of this link alone goes
 * nowhere. */
static bool parse_other_l4(struct worker *w, struct packet *p, uint32_t *ports)
{
    const uint8_t proto = p->ip->next_proto_id;
    if (proto == IPPROTO_HOPOPTS || proto == IPPROTO_IGMP || proto == IPPROTO_ICMPV6)
        return refuse(w, p, DROP_PROTOCOL);
    *ports = 0;
    if (!proto_has_ports(proto))
        return true;
    if (!port_header_fits(p, proto))
        return refuse(w, p, DROP_L4_HEADER);
    memcpy(ports, p->l4, sizeof *ports);
    return true;
}

/* Both ports as they stand in the header. */
static bool parse_l4(struct worker *w, struct packet *p, uint32_t *ports)
{
    switch (p->ip->next_proto_id) {
    case IPPROTO_UDP:
        if (!udp_fits(p))
            return refuse(w, p, DROP_L4_HEADER);
        break;
    case IPPROTO_TCP:
        if (!tcp_fits(p))
            return refuse(w, p, DROP_L4_HEADER);
        break;
    case IPPROTO_ICMP:
        return parse_icmp(w, p, ports);
    default:
        return parse_other_l4(w, p, ports);
    }
    memcpy(ports, p->l4, sizeof *ports); /* TCP has its ports in the same place */
    return true;
}

/* A fragment waits for the others; the last one brings the whole datagram, which has no bit of a
 * fragment in its header. */
__attribute__((noinline, cold)) static bool parse_fragment(struct worker *w, struct packet *p,
                                                           const struct interface *iface)
{
    if (iface->drop_fragment)
        return refuse(w, p, DROP_FRAGMENT);
    p->m = reassembly_take(w, p, iface);
    return p->m && packet_parse(w, p, iface);
}

bool packet_parse(struct worker *w, struct packet *p, const struct interface *iface)
{
    struct rte_mbuf *m = p->m;
    uint32_t ports = 0;
    if (!iface->up)
        return refuse(w, p, DROP_INTERFACE_DOWN);
    if (m->nb_segs > 1 && rte_pktmbuf_linearize(m) != 0)
        return refuse(w, p, DROP_TOO_LONG);
    if (m->data_len < RTE_ETHER_HDR_LEN)
        return refuse(w, p, DROP_SHORT_FRAME);
    const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
    if (eth->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
        return eth->ether_type == rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV6)
                   ? packet_parse6(w, p, iface)
                   : parse_other(w, p, rte_be_to_cpu_16(eth->ether_type));
    if (eth->dst_addr.addr_bytes[0] & 1)
        return refuse(w, p, DROP_BROADCAST);
    if (!ether_is(eth->dst_addr.addr_bytes, iface->mac) && !w->dp->any_mac)
        return refuse(w, p, DROP_NOT_FOR_US);
    if (!parse_ipv4(w, p))
        return false;
    if (p->ip->fragment_offset & be16_of(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK))
        return parse_fragment(w, p, iface);
    if (!parse_l4(w, p, &ports))
        return false;
    memcpy(&p->key.word[0], &p->ip->src_addr, sizeof p->key.word[0]); /* both addresses */
    p->key.word[1] = key_word1(ports, p->ip->next_proto_id, iface->zone);
    p->hash = table_hash(&w->dp->sessions.store.table, &p->key);
    return true;
}
