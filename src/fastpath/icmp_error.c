/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An ICMP error (RFC 792, RFC 5508) comes back from somewhere on the way of a packet that left by
 * this interface. What it quotes is that packet as it left, so the quote turned round is the key
 * under which the answer to it would have arrived here: the error is found in the table like that
 * answer, and travels in its direction.
 *
 *   outside   to     whoever sent the quoted packet, under his own address
 *             from   the router or host that complains; where the session hides the hosts of that
 *                    side behind a public address, that address (RFC 5508 REQ-5)
 *   inside    as the packet first arrived here: addresses, ports or identifier of the other key
 *
 * An error is a stranger's word: it must quote enough to be recognised, of TCP a segment that can
 * still be under way (RFC 5927), and it changes nothing in the session. Errors are rare, so they
 * are looked up and sent on right here, in the midst of parsing, and the path of ordinary packets
 * knows nothing of them.
 */
#include "fastpath/icmp_error.h"

#include "fastpath/pipeline.h"
#include "fastpath/track.h"
#include "fastpath/translate.h"

#define QUOTE_L4_LEAST 8 /* RFC 792: "the first 64 bits of the original datagram's data" */

/* Of the quoted transport header, as much as a translation may touch: TCP's checksum ends at 18. */
#define QUOTE_L4_TOUCHED 20

/* The packet inside an error. */
struct quote {
    struct rte_ipv4_hdr *ip;
    void *l4;
    uint16_t ihl, have; /* bytes of its header; bytes from l4 on that are quoted */
    uint16_t whole;     /* bytes from l4 on that it had */
    struct key key;     /* under which its answer arrives here */
};

/* Why the message goes no further, or DROP_COUNT. Source quench: RFC 6633; a redirect speaks to the
 * hosts of its own link alone (RFC 1812 5.2.7.2). */
static enum drop_reason type_check(uint8_t type)
{
    switch (type) {
    case ICMP_UNREACHABLE:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETER_PROBLEM:
        return DROP_COUNT;
    case ICMP_SOURCE_QUENCH:
    case ICMP_REDIRECT:
        return DROP_ICMP_TYPE;
    default:
        return DROP_PROTOCOL;
    }
}

/* Ports of the quoted packet, as parsing would have found them. */
static bool quote_ports(const struct quote *q, uint32_t *ports)
{
    const struct rte_icmp_hdr *icmp = q->l4;
    *ports = 0;
    if (proto_has_ports(q->ip->next_proto_id))
        memcpy(ports, q->l4, sizeof *ports);
    if (q->ip->next_proto_id != IPPROTO_ICMP)
        return true;
    *ports = icmp->icmp_type == RTE_IP_ICMP_ECHO_REQUEST ? icmp->icmp_ident
                                                         : (uint32_t)icmp->icmp_ident << 16;
    return icmp->icmp_type == RTE_IP_ICMP_ECHO_REQUEST || icmp->icmp_type == RTE_IP_ICMP_ECHO_REPLY;
}

static bool quote_parse(const struct packet *p, uint16_t zone, struct quote *q)
{
    const size_t n = p->l4_len - sizeof(struct rte_icmp_hdr);
    uint32_t ports;

    q->ip = (struct rte_ipv4_hdr *)((char *)p->l4 + sizeof(struct rte_icmp_hdr));
    if (n < sizeof *q->ip || q->ip->version_ihl >> 4 != 4)
        return false;
    q->ihl = (uint16_t)((q->ip->version_ihl & 15) * 4);
    const uint16_t total = be16_host(q->ip->total_length);
    if (q->ihl < sizeof *q->ip || n < q->ihl + (size_t)QUOTE_L4_LEAST ||
        total < q->ihl + QUOTE_L4_LEAST ||
        q->ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
        return false;
    q->l4 = (char *)q->ip + q->ihl;
    q->have = (uint16_t)(n - q->ihl);
    q->whole = (uint16_t)(total - q->ihl);
    if (q->have > q->whole)
        q->have = q->whole; /* what follows is padding, or an extension (RFC 4884) */
    if (!quote_ports(q, &ports))
        return false;
    q->key.src = q->ip->dst_addr;
    q->key.dst = q->ip->src_addr;
    q->key.word[1] = key_word1(ports >> 16 | ports << 16, q->ip->next_proto_id, zone);
    return true;
}

struct session *icmp_error_find(const struct worker *w, struct packet *p, const struct key *key)
{
    const struct sessions *ss = &w->dp->sessions;
    struct table_hit hit;
    if (!table_find_live(&ss->store.table, key, table_hash(&ss->store.table, key), &hit))
        return NULL;
    p->session = hit.index;
    p->dir = hit.dir;
    return session_at(ss, hit.index);
}

/* The quoted packet again as it arrived, which `arrived` is the key of. */
static void quote_restore(const struct quote *q, const struct key *arrived)
{
    struct rte_ipv4_hdr *ip = q->ip;
    const uint64_t l3 =
        checksum_delta(ip->src_addr, arrived->src) + checksum_delta(ip->dst_addr, arrived->dst);

    ip->src_addr = arrived->src;
    ip->dst_addr = arrived->dst;
    ip->hdr_checksum = checksum_adjust(ip->hdr_checksum, l3);
    translate_l4(&(struct translate_l4){.proto = ip->next_proto_id,
                                        .l4 = q->l4,
                                        .have = q->have,
                                        .whole = q->whole,
                                        .sport = arrived->sport,
                                        .dport = arrived->dport,
                                        .l3 = l3});
}

/* Header of the error itself. What the session puts in the place of its hosts on the side where the
 * error comes from stands for the router there, too. */
static void outside_translate(struct packet *p, const struct key *arrives, const struct key *other)
{
    struct rte_ipv4_hdr *ip = p->ip;
    const be32 src = other->dst != arrives->src ? other->dst : ip->src_addr;
    const uint64_t l3 =
        checksum_delta(ip->src_addr, src) + checksum_delta(ip->dst_addr, other->src);

    ip->src_addr = src;
    ip->dst_addr = other->src;
    ip->time_to_live--;
    ip->hdr_checksum = checksum_adjust(ip->hdr_checksum, l3 + (uint16_t)~be16_of(0x0100));
}

static void translate(struct packet *p, const struct session *s, const struct quote *q)
{
    struct rte_icmp_hdr *icmp = p->l4;
    const size_t n =
        q->ihl + (size_t)((q->have < QUOTE_L4_TOUCHED ? q->have : QUOTE_L4_TOUCHED) & ~1);
    const uint16_t before = checksum_fold(checksum_sum(q->ip, n));

    quote_restore(q, &s->r.key[!p->dir]);
    const uint16_t after = checksum_fold(checksum_sum(q->ip, n));
    icmp->icmp_cksum = checksum_adjust(icmp->icmp_cksum, checksum_delta(before, after));
    outside_translate(p, &s->r.key[p->dir], &s->r.key[!p->dir]);
}

enum drop_reason icmp_error_check(struct worker *w, const struct packet *p, const void *quoted_l4)
{
    const struct session *s = session_at(&w->dp->sessions, p->session);
    be32 seq;
    memcpy(&seq, (const char *)quoted_l4 + offsetof(struct rte_tcp_hdr, sent_seq), sizeof seq);
    if (s->r.key[0].proto == IPPROTO_TCP && !track_quoted(s, !p->dir, seq))
        return DROP_TCP_WINDOW;
    if (s->generation != w->snapshot->generation && !pipeline_recheck(w, p->session))
        return DROP_POLICY_CHANGED;
    if (packet_hops(p) <= 1)
        return DROP_TTL;
    return w->snapshot->interfaces[s->ifindex[!p->dir]].up ? DROP_COUNT : DROP_INTERFACE_DOWN;
}

void icmp_error_pass(struct worker *w, struct packet *p)
{
    const struct interface *iface = &w->snapshot->interfaces[p->ifindex];
    struct quote q = {.ip = NULL};
    enum drop_reason reason = type_check(packet_icmp(p)->icmp_type);
    if (reason != DROP_COUNT)
        return drop(w, p->m, reason);
    struct session *s = quote_parse(p, iface->zone, &q) ? icmp_error_find(w, p, &q.key) : NULL;
    if (!s || p->ip->dst_addr != q.ip->src_addr)
        return drop(w, p->m, DROP_ICMP_QUOTE);
    reason = icmp_error_check(w, p, q.l4);
    if (reason != DROP_COUNT)
        return drop(w, p->m, reason);
    p->key.proto = IPPROTO_ICMP;
    translate(p, s, &q);
    pipeline_out(w, p, s);
}
