/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From an IPv6 frame to a key. As in parse.c everything a later step reads has been checked here.
 *
 * Extension headers are walked to the transport header, a bounded number of them (RFC 8504 5.3
 * allows a limit), each inside the datagram, options inside their header; what they say is carried,
 * not obeyed, with two exceptions. A routing header with segments left would take the packet past
 * the rule book to a destination that the rule book has not seen, as source routes of IPv4 would:
 * refused, and of type 0 always (RFC 5095). A jumbogram's length (RFC 2675) is not believed.
 * Behind ESP and behind protocols that we do not know nothing is looked for.
 *
 * Neighbour Discovery goes to control: from a neighbour it has a hop limit of 255, for no router
 * has seen it (RFC 4861 7.1). It is never forwarded; nor is other multicast.
 */
#include "fastpath/icmp_error.h"
#include "fastpath/parse.h"
#include "fastpath/reassembly.h"

/* Hop-by-hop, destination, routing, fragment, AH, destination: one each in the order of RFC 8200
 * 4.1. Two more for whom that is not enough. */
#define HEADERS_MAX 8

enum {
    ICMP6_ECHO_REQUEST = 128,
    ICMP6_ECHO_REPLY = 129,
    ICMP6_ND_FIRST = 133, /* router and neighbour solicitation and advertisement, redirect */
    ICMP6_ND_LAST = 137,
    ND_HOP_LIMIT = 255,
    OPTION_PAD1 = 0,
    OPTION_JUMBO = 0xc2,
};

static bool is_extension(uint8_t next)
{
    return next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING ||
           next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* Next headers that no session can stand for: what is not for IPv6, and the end of the chain. */
static bool is_foreign(uint8_t next)
{
    return next == IPPROTO_ICMP || next == IPPROTO_IGMP || next == IPPROTO_NONE;
}

/* Options one after the other, the last ends with the header. */
static bool options_fit(const uint8_t *option, size_t n)
{
    while (n > 0) {
        size_t len = option[0] == OPTION_PAD1 ? 1 : n > 1 ? option[1] + 2u : n + 1;
        if (len > n || option[0] == OPTION_JUMBO)
            return false;
        option += len;
        n -= len;
    }
    return true;
}

/* One extension header of `len` bytes; `first`: it stands behind the IPv6 header. */
static bool extension_fits(uint8_t kind, const uint8_t *header, size_t len, bool first)
{
    switch (kind) {
    case IPPROTO_HOPOPTS:
        return first && options_fit(header + 2, len - 2);
    case IPPROTO_DSTOPTS:
        return options_fit(header + 2, len - 2);
    default:
        return true;
    }
}

static size_t extension_len(uint8_t kind, const uint8_t *header)
{
    switch (kind) {
    case IPPROTO_FRAGMENT:
        return 8;
    case IPPROTO_AH:
        return (header[1] + 2u) * 4;
    default:
        return (header[1] + 1u) * 8;
    }
}

/* Type and segments left. */
static bool routing_passes(const uint8_t *header)
{
    return header[2] != 0 && header[3] == 0;
}

/* A fragment header that cuts nothing (RFC 6946) is an extension header like others. */
static bool fragment_is_whole(const uint8_t *header)
{
    return header[2] == 0 && (header[3] & ~6) == 0; /* but for two reserved bits */
}

/*
 * Sets p->l4, p->l3_len, p->l4_len and *proto to the first header that is no extension, or to the
 * header of a fragment. The datagram has `total` bytes.
 */
static bool headers_walk(struct worker *w, struct packet *p, size_t total, uint8_t *proto)
{
    const uint8_t *ip = (const uint8_t *)p->ip6;
    uint8_t next = p->ip6->proto;
    size_t at = sizeof *p->ip6;
    for (int n = 0; is_extension(next); n++) {
        const uint8_t *header = ip + at;
        if (n == HEADERS_MAX || total - at < 8)
            return refuse(w, p, DROP_IP_HEADER);
        size_t len = extension_len(next, header);
        if (len > total - at || !extension_fits(next, header, len, n == 0))
            return refuse(w, p, DROP_IP_HEADER);
        if (next == IPPROTO_ROUTING && !routing_passes(header))
            return refuse(w, p, DROP_ROUTING_HEADER);
        if (next == IPPROTO_FRAGMENT && !fragment_is_whole(header))
            break;
        next = header[0];
        at += len;
    }
    p->l4 = (char *)p->ip6 + at;
    p->l3_len = (uint16_t)at;
    p->l4_len = (uint16_t)(total - at);
    *proto = next;
    return true;
}

/* ff00::/8 */
static bool is_group(const struct ip_addr *a)
{
    return a->byte[0] == 0xff;
}

/* ::, ::1 and all that is IPv4 in disguise (RFC 4291 2.5.2, 2.5.3, 2.5.5): on no wire. */
static bool is_internal(const struct ip_addr *a)
{
    return a->half[0] == 0 && (a->word[2] == 0 || a->word[2] == be32_of(0xffff));
}

/*
 * Neighbour Discovery: control's. It does not come in fragments, nor in one that is whole (RFC
 * 6980), and nobody puts other headers before it.
 */
static bool to_control(struct worker *w, struct packet *p)
{
    if (p->ip6->hop_limits != ND_HOP_LIMIT || p->l3_len != sizeof *p->ip6 ||
        p->m->ol_flags & RTE_MBUF_F_RX_LRO)
        return refuse(w, p, DROP_ND_MALFORMED);
    *note_of(p->m) = (struct note){.kind = NOTE_ND, .ifindex = p->ifindex};
    if (rte_ring_sp_enqueue(w->to_control, p->m) != 0)
        return refuse(w, p, DROP_CONTROL_RING_FULL);
    w->counts.consumed++;
    return false;
}

static bool is_nd(const struct packet *p, uint8_t proto)
{
    const struct rte_icmp_hdr *icmp = packet_icmp(p);
    return proto == IPPROTO_ICMPV6 && p->l4_len >= sizeof *icmp &&
           icmp->icmp_type >= ICMP6_ND_FIRST && icmp->icmp_type <= ICMP6_ND_LAST;
}

static bool addresses_fit(struct worker *w, struct packet *p, bool group_frame)
{
    struct ip_addr src = packet_src(p), dst = packet_dst(p);
    if (is_internal(&src))
        return refuse(w, p, DROP_BAD_SOURCE);
    if (is_group(&dst) || group_frame)
        return refuse(w, p, DROP_BROADCAST);
    if (is_internal(&dst))
        return refuse(w, p, DROP_BAD_DESTINATION);
    return true;
}

/* Echo and its answer are a flow by their identifier, on the asking side's end. */
static bool parse_icmp6(struct worker *w, struct packet *p, uint32_t *ports)
{
    const struct rte_icmp_hdr *icmp = packet_icmp(p);
    if (p->l4_len < sizeof *icmp)
        return refuse(w, p, DROP_L4_HEADER);
    if (icmp->icmp_type < ICMP6_ECHO_REQUEST) {
        icmp_error_pass6(w, p);
        return false;
    }
    if (icmp->icmp_code != 0)
        return refuse(w, p, DROP_PROTOCOL);
    if (icmp->icmp_type == ICMP6_ECHO_REQUEST)
        *ports = icmp->icmp_ident;
    else if (icmp->icmp_type == ICMP6_ECHO_REPLY)
        *ports = (uint32_t)icmp->icmp_ident << 16;
    else
        return refuse(w, p, DROP_PROTOCOL);
    return true;
}

/* The header of a protocol with ports. */
static bool ports_fit(const struct packet *p, uint8_t proto)
{
    switch (proto) {
    case IPPROTO_UDP:
        return udp_fits(p);
    case IPPROTO_TCP:
        return tcp_fits(p);
    default:
        return port_header_fits(p, proto);
    }
}

/* Both ports as they stand in the header; other protocols have none. */
static bool parse_l4(struct worker *w, struct packet *p, uint8_t proto, uint32_t *ports)
{
    if (proto == IPPROTO_ICMPV6)
        return parse_icmp6(w, p, ports);
    if (is_foreign(proto))
        return refuse(w, p, DROP_PROTOCOL);
    if (!proto_has_ports(proto))
        return true;
    if (!ports_fit(p, proto))
        return refuse(w, p, DROP_L4_HEADER);
    memcpy(ports, p->l4, sizeof *ports);
    return true;
}

/* Held until its datagram is there; that has no fragment header, or is refused. */
static bool parse_fragment(struct worker *w, struct packet *p, const struct interface *iface)
{
    if (iface->drop_fragment)
        return refuse(w, p, DROP_FRAGMENT);
    if (p->m->ol_flags & RTE_MBUF_F_RX_LRO)
        return refuse(w, p, DROP_IP_HEADER);
    p->m = reassembly_take6(w, p, (uint16_t)(PACKET_IP_OFFSET + p->l3_len), iface);
    return p->m && packet_parse6(w, p, iface);
}

bool packet_parse6(struct worker *w, struct packet *p, const struct interface *iface)
{
    struct rte_mbuf *m = p->m;
    const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
    struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    bool group_frame = eth->dst_addr.addr_bytes[0] & 1;
    size_t have = m->data_len - PACKET_IP_OFFSET;
    uint32_t ports = 0;
    uint8_t proto = 0;
    if (!group_frame && !ether_is(eth->dst_addr.addr_bytes, iface->mac) && !w->dp->any_mac)
        return refuse(w, p, DROP_NOT_FOR_US);
    if (have < sizeof *ip)
        return refuse(w, p, DROP_SHORT_FRAME);
    size_t total = sizeof *ip + rte_be_to_cpu_16(ip->payload_len);
    if (total > have)
        return refuse(w, p, DROP_SHORT_FRAME);
    if ((rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6)
        return refuse(w, p, DROP_IP_HEADER);
    m->data_len = (uint16_t)(PACKET_IP_OFFSET + total);
    m->pkt_len = m->data_len;
    p->ip6 = ip;
    p->is6 = true;
    if (ip->src_addr[0] == 0xff)
        return refuse(w, p, DROP_BAD_SOURCE);
    if (!headers_walk(w, p, total, &proto))
        return false;
    if (is_nd(p, proto))
        return to_control(w, p);
    if (!addresses_fit(w, p, group_frame))
        return false;
    if (proto == IPPROTO_FRAGMENT)
        return parse_fragment(w, p, iface);
    if (!parse_l4(w, p, proto, &ports))
        return false;
    p->key = key6_of(&w->dp->sessions.key6, ip->src_addr, ip->dst_addr, ports, proto, iface->zone);
    p->hash = table_hash(&w->dp->sessions.store.table, &p->key);
    return true;
}
