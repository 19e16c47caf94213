/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of a first packet where IPv6 is different: longer addresses, scopes, and no
 * translation, so that the reply's key follows from the original at once.
 */
#include "fastpath/first.h"

#include "base/checksum.h"
#include "fastpath/fragment.h"
#include "sessions/mapping6.h"

enum {
    ICMP6_ECHO_REQUEST = 128,
    ICMP6_ECHO_REPLY = 129,
};

/* Hop limit of what the firewall itself sends (RFC 4861 6.3.2 leaves it open; the usual one). */
#define OWN_HOP_LIMIT 64

struct session_v6 packet_flow6(const struct packet *p)
{
    struct session_v6 flow = {.src = packet_src(p), .dst = packet_dst(p)};
    switch (p->key.proto) {
    case IPPROTO_UDP:
    case IPPROTO_TCP:
    case IPPROTO_SCTP:
    case IPPROTO_UDPLITE:
        flow.sport = packet_udp(p)->src_port;
        flow.dport = packet_udp(p)->dst_port;
        break;
    case IPPROTO_ICMPV6:
        if (packet_icmp(p)->icmp_type == ICMP6_ECHO_REQUEST)
            flow.sport = packet_icmp(p)->icmp_ident;
        else
            flow.dport = packet_icmp(p)->icmp_ident;
        break;
    default:
        break;
    }
    return flow;
}

struct flow pipeline_flow6(const struct session_v6 *v6, uint8_t proto, uint16_t in_ifindex,
                           uint16_t out_ifindex)
{
    bool icmp = proto == IPPROTO_ICMPV6;
    return (struct flow){.in_ifindex = in_ifindex,
                         .out_ifindex = out_ifindex,
                         .src = v6->src,
                         .dst = v6->dst,
                         .sport = icmp ? 0 : be16_host(v6->sport),
                         /* What begins a session is a question (step_fill). */
                         .dport = icmp ? ICMP6_ECHO_REQUEST << 8 : be16_host(v6->dport),
                         .proto = proto};
}

uint16_t snapshot_local6(const struct snapshot *s, const struct ip_addr *ip, uint16_t ifindex)
{
    if (ip_addr_is_link_local(ip)) {
        const struct interface6 *f = &s->interfaces6[ifindex];
        return ip_addr_eq(ip, &f->link_local) || ip_addr_eq(ip, &f->ip) ? ifindex : 0;
    }
    if (ip_addr_is_zero(ip))
        return 0;
    for (uint16_t i = 1; i <= s->n_interfaces; i++)
        if (ip_addr_eq(ip, &s->interfaces6[i].ip) || ip_addr_eq(ip, &s->interfaces6[i].anycast))
            return i;
    return 0;
}

/* Headers that the question had between IPv6 and ICMPv6 the answer has not: the two in front move
 * up. */
static struct rte_ipv6_hdr *extensions_cut(struct packet *p)
{
    uint16_t more = (uint16_t)(p->l3_len - sizeof *p->ip6);
    char *frame = rte_pktmbuf_mtod(p->m, char *);
    if (more == 0)
        return p->ip6;
    memmove(frame + more, frame, PACKET_IP_OFFSET + sizeof *p->ip6);
    rte_pktmbuf_adj(p->m, more);
    struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(p->m, void *, PACKET_IP_OFFSET);
    ip->proto = IPPROTO_ICMPV6;
    ip->payload_len = be16_of(p->l4_len);
    return ip;
}

/* Turn an echo request into its answer, in place, from the address `own`. */
static void echo_answer6(struct worker *w, struct packet *p, const struct ip_addr *own)
{
    struct rte_ipv6_hdr *ip = extensions_cut(p);
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
    struct rte_icmp_hdr *icmp = p->l4;
    struct ip_addr asked;
    memcpy(&asked, ip->dst_addr, sizeof asked);
    uint64_t delta = checksum_delta(ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY);
    for (int i = 0; i < 4; i++)
        delta += checksum_delta(asked.word[i], own->word[i]);
    memcpy(ip->dst_addr, ip->src_addr, sizeof ip->dst_addr);
    memcpy(ip->src_addr, own, sizeof *own);
    ip->hop_limits = OWN_HOP_LIMIT;
    icmp->icmp_type = ICMP6_ECHO_REPLY;
    icmp->icmp_cksum = checksum_adjust(icmp->icmp_cksum, delta);
    eth->dst_addr = eth->src_addr;
    memcpy(eth->src_addr.addr_bytes, w->snapshot->interfaces[p->ifindex].mac, 6);
    fragment_send(w, p->ifindex, p->m);
}

/* Only these have pinholes. */
static bool may_have_pinhole6(uint8_t proto)
{
    return proto == IPPROTO_UDP || proto == IPPROTO_TCP;
}

/* A pinhole it comes in by. Nothing is translated, so its destination is the host itself. */
enum step step_inward6(struct worker *w, struct first *f)
{
    struct mappings *ms = &w->dp->mappings;
    const struct ip_port to = {f->dst, f->v6.dport};
    f->inward_index = f->outward_index = f->hairpin_index = f->outlet_index = INDEX_NONE;
    f->dport = f->v6.dport;
    if (!may_have_pinhole6(f->p->key.proto))
        return NEXT;
    uint32_t index = mapping_find_public6(ms, f->p->key.proto, &to);
    if (index == INDEX_NONE)
        return NEXT;
    struct mapping *m = mapping_at(ms, index);
    if (!mapping_admits(ms, m, mapping_remote6(ms, &f->src, f->v6.sport)))
        return first_refuse(w, f, DROP_MAPPING_FILTER);
    f->inward = m;
    f->inward_index = index;
    return NEXT;
}

/* A pinhole it leaves by, on this way out. */
enum step step_outward6(struct worker *w, struct first *f)
{
    struct mappings *ms = &w->dp->mappings;
    const struct ip_port from = {f->src, f->v6.sport};
    if (f->inward || !may_have_pinhole6(f->p->key.proto))
        return NEXT;
    f->outward_index =
        mapping_find_source6(ms, f->p->key.proto, f->p->key.zone, &from, f->out_ifindex);
    if (f->outward_index != INDEX_NONE)
        f->outward = mapping_at(ms, f->outward_index);
    else
        first_outlet(w, f, &f->src, f->v6.dport);
    return NEXT;
}

enum step step_local6(struct worker *w, struct first *f)
{
    struct packet *p = f->p;
    uint16_t own = snapshot_local6(w->snapshot, &f->dst, p->ifindex);
    if (f->inward || !own)
        return NEXT;
    if (!packet_is_ping(p) || !w->snapshot->interfaces6[p->ifindex].allow_ping)
        return first_refuse(w, f, DROP_LOCAL_DENIED);
    const struct interface6 *at = &w->snapshot->interfaces6[own];
    echo_answer6(w, p, ip_addr_eq(&f->dst, &at->anycast) ? &at->ip : &f->dst);
    return DONE;
}

/* Nothing is translated. */
enum step step_keys6(struct worker *w, struct first *f)
{
    const struct sessions *ss = &w->dp->sessions;
    struct session_new *want = &f->want;
    uint16_t zone = w->snapshot->interfaces[f->out_ifindex].zone;
    *want = (struct session_new){.key[0] = f->p->key, .mapping = INDEX_NONE, .v6 = &f->v6};
    want->key[1] = session_key6(ss, &f->v6, f->p->key.proto, 1, zone);
    if (f->inward || f->outward) {
        want->mapping = f->inward ? f->inward_index : f->outward_index;
        want->flags = (uint8_t)(SESSION_MAPPED | (f->inward ? SESSION_INWARD : 0));
    } else if (f->outlet_index != INDEX_NONE) {
        want->mapping = f->outlet_index;
        want->flags = SESSION_MAPPED;
    }
    first_mark_sip(f);
    session_prepare(ss, want->key);
    return NEXT;
}
