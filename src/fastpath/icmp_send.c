/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An error quotes as much of the packet as fits into 576 bytes (RFC 1812 4.3.2.3), of IPv6 into
 * 1280 (RFC 4443 2.4 (c)), beginning with its IP header as it came in. Parsing has dropped what no
 * error may answer: fragments other than the first, errors, addresses that name no single host,
 * frames to a group of stations.
 *
 * Both families are made in the same way: an answer has room for its IP header, then for what the
 * caller writes there, and is finished by lengths, addresses and checksums.
 */
#include "fastpath/icmp_send.h"

#include "base/checksum.h"

#define ERROR4_MOST 576
#define ERROR6_MOST 1280
#define OWN_HOPS    64
#define ERROR_TOS   0xc0 /* internetwork control: RFC 1812 4.3.2.5 */

/* Tokens a second, and as many at once. */
#define LIMIT_ALL  1000
#define LIMIT_HOST 30

/* ---- how many ---- */

static bool bucket_has(struct icmp_bucket *b, uint32_t now_ms, uint32_t per_s)
{
    const uint64_t back = (uint64_t)(now_ms - b->at_ms) * per_s;
    b->spent = back < b->spent ? b->spent - (uint32_t)back : 0;
    b->at_ms = now_ms;
    return b->spent + 1000 <= per_s * 1000;
}

bool icmp_limit_take(struct icmp_limit *limit, uint64_t now_ms, uint32_t host_hash)
{
    struct icmp_bucket *host = &limit->host[host_hash % ICMP_LIMIT_HOSTS];
    if (!bucket_has(host, (uint32_t)now_ms, LIMIT_HOST) ||
        !bucket_has(&limit->all, (uint32_t)now_ms, LIMIT_ALL))
        return false;
    host->spent += 1000;
    limit->all.spent += 1000;
    return true;
}

/* Of IPv6 the network counts: a host has as many addresses there as it likes. */
static uint32_t host_hash(const struct ip_addr *a)
{
    const uint64_t v = ip_addr_is4(a) ? a->word[3] : a->half[0];
    return (uint32_t)(v * 0x9e3779b97f4a7c15u >> 56);
}

/* ---- answers ---- */

struct answer {
    struct rte_mbuf *m;
    void *ip, *l4;
    struct ip_addr src, dst;
    uint16_t l4_len;
    uint8_t proto;
};

/* An answer to the sender of `p`, with room for `l4_len` bytes after its IP header. False: none is
 * made. */
static bool answer_begin(struct worker *w, const struct packet *p, struct ip_addr src,
                         uint16_t l4_len, struct answer *a)
{
    const struct rte_ether_hdr *came = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
    const size_t header = p->is6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
    *a = (struct answer){.src = src, .dst = packet_src(p), .l4_len = l4_len};
    if (!icmp_limit_take(&w->icmp_limit, w->now_ms, host_hash(&a->dst)))
        return false;
    a->m = rte_pktmbuf_alloc(w->dp->pool);
    if (!a->m)
        return false;
    struct rte_ether_hdr *eth =
        (void *)rte_pktmbuf_append(a->m, (uint16_t)(PACKET_IP_OFFSET + header + l4_len));
    if (!eth) {
        rte_pktmbuf_free(a->m);
        return false;
    }
    eth->dst_addr = came->src_addr;
    memcpy(eth->src_addr.addr_bytes, w->snapshot->interfaces[p->ifindex].mac, 6);
    eth->ether_type = came->ether_type;
    a->ip = eth + 1;
    a->l4 = (char *)a->ip + header;
    return true;
}

static void header4_fill(const struct answer *a)
{
    struct rte_ipv4_hdr *ip = a->ip;
    *ip = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .type_of_service = a->proto == IPPROTO_ICMP ? ERROR_TOS : 0,
        .total_length = be16_of((uint16_t)(sizeof *ip + a->l4_len)),
        .fragment_offset = be16_of(RTE_IPV4_HDR_DF_FLAG), /* so that its id means nothing */
        .time_to_live = OWN_HOPS,
        .next_proto_id = a->proto,
        .src_addr = a->src.word[3],
        .dst_addr = a->dst.word[3],
    };
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof *ip));
}

static void header6_fill(const struct answer *a)
{
    struct rte_ipv6_hdr *ip = a->ip;
    *ip = (struct rte_ipv6_hdr){.vtc_flow = be32_of(6u << 28),
                                .payload_len = be16_of(a->l4_len),
                                .proto = a->proto,
                                .hop_limits = OWN_HOPS};
    memcpy(ip->src_addr, &a->src, sizeof ip->src_addr);
    memcpy(ip->dst_addr, &a->dst, sizeof ip->dst_addr);
}

/* Sum of the pseudo header (RFC 9293 3.1, RFC 8200 8.1). */
static uint64_t pseudo_sum(const struct answer *a, bool is6)
{
    if (!is6)
        return checksum_pseudo(a->src.word[3], a->dst.word[3], a->proto, a->l4_len);
    return checksum_sum(&a->src, sizeof a->src) + checksum_sum(&a->dst, sizeof a->dst) +
           be16_of(a->l4_len) + be16_of(a->proto);
}

/* Everything after the IP header is written, its checksum, `sum_at` bytes on, still 0. */
static void answer_send(struct worker *w, const struct packet *p, const struct answer *a,
                        size_t sum_at)
{
    const uint64_t pseudo = a->proto == IPPROTO_ICMP ? 0 : pseudo_sum(a, p->is6);
    const uint16_t sum = (uint16_t)~checksum_fold(checksum_sum(a->l4, a->l4_len) + pseudo);
    memcpy((char *)a->l4 + sum_at, &sum, sizeof sum);
    if (p->is6)
        header6_fill(a);
    else
        header4_fill(a);
    worker_send_generated(w, p->ifindex, a->m);
}

/* ---- errors ---- */

static const struct {
    uint8_t type4, code4, type6, code6;
} errors[] = {
    [ICMP_SEND_TIME_EXCEEDED] = {ICMP_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0},
    [ICMP_SEND_REASSEMBLY] = {ICMP_TIME_EXCEEDED, 1, ICMP6_TIME_EXCEEDED, 1},
    [ICMP_SEND_TOO_BIG] = {ICMP_UNREACHABLE, 4, ICMP6_TOO_BIG, 0},
    [ICMP_SEND_NO_ROUTE] = {ICMP_UNREACHABLE, 0, ICMP6_UNREACHABLE, 0},
    [ICMP_SEND_HOST] = {ICMP_UNREACHABLE, 1, ICMP6_UNREACHABLE, 3},
    [ICMP_SEND_PROHIBITED] = {ICMP_UNREACHABLE, 13, ICMP6_UNREACHABLE, 1},
};

/* The address of the interface it came in by; zero: it has none, and is silent. */
static struct ip_addr own_address(const struct worker *w, const struct packet *p)
{
    const be32 ip = w->snapshot->interfaces[p->ifindex].ip;
    if (p->is6)
        return w->snapshot->interfaces6[p->ifindex].ip;
    return ip ? ip_addr_of4(ip) : (struct ip_addr){.half = {0}};
}

void icmp_send(struct worker *w, const struct packet *p, enum icmp_send_error error, uint16_t mtu)
{
    const uint16_t most =
        p->is6 ? ERROR6_MOST - sizeof(struct rte_ipv6_hdr) - sizeof(struct rte_icmp_hdr)
               : ERROR4_MOST - sizeof(struct rte_ipv4_hdr) - sizeof(struct rte_icmp_hdr);
    const uint16_t datagram = (uint16_t)(p->l3_len + p->l4_len);
    const uint16_t quote = datagram < most ? datagram : most;
    const struct ip_addr src = own_address(w, p);
    struct answer a;

    if (ip_addr_is_zero(&src) ||
        !answer_begin(w, p, src, (uint16_t)(sizeof(struct rte_icmp_hdr) + quote), &a))
        return;
    struct rte_icmp_hdr *icmp = a.l4;
    *icmp = (struct rte_icmp_hdr){
        .icmp_type = p->is6 ? errors[error].type6 : errors[error].type4,
        .icmp_code = p->is6 ? errors[error].code6 : errors[error].code4,
        /* The last 16 bits of RFC 1191 4, and the last of the 32 of RFC 4443 3.2. */
        .icmp_seq_nb = error == ICMP_SEND_TOO_BIG ? be16_of(mtu) : 0,
    };
    memcpy(icmp + 1, p->ip, quote);
    a.proto = p->is6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    answer_send(w, p, &a, offsetof(struct rte_icmp_hdr, icmp_cksum));
}

/* ---- resets ---- */

/* RFC 9293 3.10.7.1: with an ACK the reset takes its number from there; without, it acknowledges
 * all of the segment. */
static void reset_fill(struct rte_tcp_hdr *rst, const struct packet *p)
{
    const struct rte_tcp_hdr *tcp = packet_tcp(p);
    const uint8_t flags = tcp->tcp_flags;
    const uint32_t len = p->l4_len - (tcp->data_off >> 4) * 4u + !!(flags & RTE_TCP_SYN_FLAG) +
                         !!(flags & RTE_TCP_FIN_FLAG);
    const bool acks = flags & RTE_TCP_ACK_FLAG;

    *rst = (struct rte_tcp_hdr){
        .src_port = tcp->dst_port,
        .dst_port = tcp->src_port,
        .sent_seq = acks ? tcp->recv_ack : 0,
        .recv_ack = acks ? 0 : be32_of(be32_host(tcp->sent_seq) + len),
        .data_off = sizeof *rst / 4 << 4,
        .tcp_flags = acks ? RTE_TCP_RST_FLAG : RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG,
    };
}

void icmp_send_reset(struct worker *w, const struct packet *p)
{
    struct answer a;
    if (packet_tcp(p)->tcp_flags & RTE_TCP_RST_FLAG ||
        !answer_begin(w, p, packet_dst(p), sizeof(struct rte_tcp_hdr), &a))
        return;
    struct rte_tcp_hdr *rst = a.l4;
    reset_fill(rst, p);
    a.proto = IPPROTO_TCP;
    answer_send(w, p, &a, offsetof(struct rte_tcp_hdr, cksum));
}
