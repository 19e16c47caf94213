/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An error quotes as much of the packet as fits into 576 bytes (RFC 1812 4.3.2.3), beginning with
 * its IP header as it came in. Parsing has dropped what no error may answer: fragments other than
 * the first, errors, addresses that name no single host, frames to a group of stations.
 */
#include "fastpath/icmp_send.h"

#include "base/checksum.h"

#define ERROR_MOST 576
#define ERROR_TTL  64
#define ERROR_TOS  0xc0 /* internetwork control: RFC 1812 4.3.2.5 */

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

static bool may_answer(struct worker *w, const struct packet *p)
{
    if (p->is6)
        return false;
    const be32 src = p->ip->src_addr;
    return w->snapshot->interfaces[p->ifindex].ip != 0 &&
           icmp_limit_take(&w->icmp_limit, w->now_ms, (src * 0x9e3779b1u) >> 24);
}

/* ---- frames ---- */

/* A frame for `n` bytes of IP, back to where `p` came from; the bytes after its header in *ip. */
static struct rte_mbuf *answer_begin(struct worker *w, const struct packet *p, uint16_t n,
                                     void **ip)
{
    const struct rte_ether_hdr *came = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
    struct rte_mbuf *m = rte_pktmbuf_alloc(w->dp->pool);
    if (!m)
        return NULL;
    struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, (uint16_t)(PACKET_IP_OFFSET + n));
    if (!eth) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    eth->dst_addr = came->src_addr;
    memcpy(eth->src_addr.addr_bytes, w->snapshot->interfaces[p->ifindex].mac, 6);
    eth->ether_type = came->ether_type;
    *ip = eth + 1;
    return m;
}

static void ipv4_fill(struct rte_ipv4_hdr *ip, be32 src, be32 dst, uint8_t proto, uint16_t n)
{
    *ip = (struct rte_ipv4_hdr){
        .version_ihl = 0x45,
        .type_of_service = proto == IPPROTO_ICMP ? ERROR_TOS : 0,
        .total_length = be16_of(n),
        .fragment_offset = be16_of(RTE_IPV4_HDR_DF_FLAG), /* so that its id means nothing */
        .time_to_live = ERROR_TTL,
        .next_proto_id = proto,
        .src_addr = src,
        .dst_addr = dst,
    };
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof *ip));
}

/* ---- errors ---- */

static const struct {
    uint8_t type, code;
} errors[] = {
    [ICMP_SEND_TIME_EXCEEDED] = {ICMP_TIME_EXCEEDED, 0},
    [ICMP_SEND_REASSEMBLY] = {ICMP_TIME_EXCEEDED, 1},
    [ICMP_SEND_TOO_BIG] = {ICMP_UNREACHABLE, 4},
    [ICMP_SEND_NO_ROUTE] = {ICMP_UNREACHABLE, 0},
    [ICMP_SEND_HOST] = {ICMP_UNREACHABLE, 1},
    [ICMP_SEND_PROHIBITED] = {ICMP_UNREACHABLE, 13},
};

void icmp_send(struct worker *w, const struct packet *p, enum icmp_send_error error, uint16_t mtu)
{
    enum {
        HEADERS = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_icmp_hdr)
    };
    const uint16_t datagram = (uint16_t)(p->l3_len + p->l4_len);
    const uint16_t quote = datagram < ERROR_MOST - HEADERS ? datagram : ERROR_MOST - HEADERS;
    const be16 next_mtu = error == ICMP_SEND_TOO_BIG ? be16_of(mtu) : 0;
    void *at;

    if (!may_answer(w, p))
        return;
    struct rte_mbuf *m = answer_begin(w, p, (uint16_t)(HEADERS + quote), &at);
    if (!m)
        return;
    ipv4_fill(at, w->snapshot->interfaces[p->ifindex].ip, p->ip->src_addr, IPPROTO_ICMP,
              (uint16_t)(HEADERS + quote));
    struct rte_icmp_hdr *icmp = (void *)((struct rte_ipv4_hdr *)at + 1);
    *icmp = (struct rte_icmp_hdr){.icmp_type = errors[error].type,
                                  .icmp_code = errors[error].code,
                                  .icmp_seq_nb = next_mtu}; /* RFC 1191 4: the last 16 bits */
    memcpy(icmp + 1, p->ip, quote);
    icmp->icmp_cksum = (uint16_t)~checksum_fold(checksum_sum(icmp, sizeof *icmp + quote));
    worker_send_generated(w, p->ifindex, m);
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
    enum {
        LENGTH = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr)
    };
    void *at;

    if (packet_tcp(p)->tcp_flags & RTE_TCP_RST_FLAG || !may_answer(w, p))
        return;
    struct rte_mbuf *m = answer_begin(w, p, LENGTH, &at);
    if (!m)
        return;
    const struct rte_ipv4_hdr *ip = at;
    struct rte_tcp_hdr *rst = (void *)((struct rte_ipv4_hdr *)at + 1);
    ipv4_fill(at, p->ip->dst_addr, p->ip->src_addr, IPPROTO_TCP, LENGTH);
    reset_fill(rst, p);
    rst->cksum = (uint16_t)~checksum_fold(
        checksum_sum(rst, sizeof *rst) +
        checksum_pseudo(ip->src_addr, ip->dst_addr, IPPROTO_TCP, sizeof *rst));
    worker_send_generated(w, p->ifindex, m);
}
