/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From fragments to packets. What a fragment says of itself is checked first, alone; then the table
 * (datagrams.h) says whether it fits the others. A fragment that is wrong by itself is dropped
 * alone; one that contradicts others takes its datagram with it, and what still comes of it.
 *
 * Pieces are held in the buffers they came in, and copied once, when all are there, into one
 * buffer: everything behind reads packets that lie in one piece. The copy is of the normal pool
 * where it fits, else of the large one.
 *
 * rte_ip_frag is not used here: it names a datagram without its protocol, says nothing of why it
 * dropped one, knows no bound per source, finds what is overdue only where it happens to look, and
 * gives chains of buffers.
 */
#include "fastpath/reassembly.h"

#include "fastpath/icmp_send.h"

#include "base/checksum.h"

/* An eighth of all buffers may wait here. */
#define HELD_SHARE 8
#define HELD_MIN   (8 * DATAGRAM_PIECES)
#define HELD_MAX   16384

#define ECN_NOT_ECT 1u /* bit of the codepoint 00 in datagram.ecn */
#define ECN_CE      8u /* 11 */

struct fragment6 {
    uint8_t next, reserved;
    be16 offset; /* bytes, and in the last bit: more follow */
    be32 id;
};

/* A fragment as it says it is. */
struct fragment {
    struct rte_mbuf *m;
    struct datagram_name name;
    struct datagram_piece piece; /* the last bytes of the frame */
    uint16_t packet;             /* bytes of the IP packet it came in */
    uint16_t ifindex;            /* where it arrived */
    uint8_t proto, ecn;
    bool more, df;
};

int reassembly_init(struct worker *w)
{
    uint32_t n = w->dp->pool->size / HELD_SHARE / w->dp->n_workers;
    n = n < HELD_MIN ? HELD_MIN : n > HELD_MAX ? HELD_MAX : n;
    return datagrams_init(&w->datagrams, n, &w->dp->sessions.store.table.secret);
}

static void free_pieces(const struct datagram *g)
{
    for (unsigned i = 0; i < g->n; i++)
        rte_pktmbuf_free(g->piece[i].frame);
}

void reassembly_free(struct worker *w)
{
    struct datagrams *d = &w->datagrams;
    if (!d->all)
        return;
    while (d->waiting.oldest != DATAGRAM_NONE) {
        struct datagram *g = &d->all[d->waiting.oldest];
        free_pieces(g);
        datagrams_close(d, g);
    }
    datagrams_free(d);
}

static void drop_pieces(struct worker *w, const struct datagram *g, enum drop_reason reason)
{
    for (unsigned i = 0; i < g->n; i++)
        drop(w, g->piece[i].frame, reason);
}

static void give_up(struct worker *w, struct datagram *g, enum drop_reason reason)
{
    drop_pieces(w, g, reason);
    datagrams_close(&w->datagrams, g);
}

/* --- one fragment */

/* Of a header that stands before, or begins, what is cut. */
static uint32_t extension_len(uint8_t kind, const uint8_t *header)
{
    if (kind == IPPROTO_FRAGMENT) /* one that cuts nothing */
        return sizeof(struct fragment6);
    return kind == IPPROTO_AH ? (header[1] + 2u) * 4 : (header[1] + 1u) * 8;
}

/*
 * Does the first piece hold the whole header by which packets are told apart? What does not is made
 * to slip past filters (RFC 1858, 7112).
 */
static bool header_fits(uint8_t proto, const uint8_t *p, uint32_t n)
{
    while (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
           proto == IPPROTO_AH) {
        if (n < 8 || n < extension_len(proto, p))
            return false;
        uint32_t len = extension_len(proto, p);
        proto = p[0];
        p += len;
        n -= len;
    }
    if (proto == IPPROTO_TCP)
        return n >= sizeof(struct rte_tcp_hdr) && n >= (p[12] >> 4) * 4u;
    return n >= sizeof(struct rte_udp_hdr); /* ICMP's is as long; so is every piece but the last */
}

/* What is wrong with it, or DROP_COUNT. */
static enum drop_reason fault_of(const struct worker *w, const struct fragment *f)
{
    const struct datagram_piece *p = &f->piece;
    uint32_t head = f->m->data_len - p->n;
    if (p->n == 0 || (f->more && p->n % 8 != 0))
        return DROP_FRAGMENT_LENGTH;
    if (head + p->offset + p->n > w->dp->large_room)
        return DROP_FRAGMENT_SIZE;
    if (p->offset == 0 &&
        !header_fits(f->proto, rte_pktmbuf_mtod_offset(f->m, uint8_t *, head), p->n))
        return DROP_FRAGMENT_TINY;
    /* RFC 3128: nothing but the first piece writes TCP's header. */
    if (p->offset > 0 && p->offset < sizeof(struct rte_tcp_hdr) && f->proto == IPPROTO_TCP)
        return DROP_FRAGMENT_TINY;
    return DROP_COUNT;
}

/* --- all of them */

/*
 * Ethernet and IP header of the first piece, as those of the whole. It gets an identification of
 * its own: to a server, hosts behind one public address are one host, and phones that were switched
 * on together count alike (RFC 6864 5.3).
 */
static void header4_finish(struct rte_mbuf *m, const struct datagram *g, be16 id)
{
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, PACKET_IP_OFFSET);
    /* The largest piece was not to be cut: neither is what replaces it, to more than its size. */
    ip->fragment_offset = g->largest_df == g->largest ? be16_of(RTE_IPV4_HDR_DF_FLAG) : 0;
    if (g->ecn & ECN_CE)
        ip->type_of_service |= 3;
    ip->packet_id = id;
    ip->total_length = be16_of((uint16_t)(m->data_len - PACKET_IP_OFFSET));
    ip->hdr_checksum = 0;
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, (ip->version_ihl & 15) * 4u));
}

/* The header that named the fragment header names what the fragment header named. `head`: where
 * the payload begins, that is, where the fragment header was. */
static void header6_finish(struct rte_mbuf *m, const struct datagram *g, uint16_t head,
                           uint8_t next)
{
    struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, PACKET_IP_OFFSET);
    uint8_t *name = &ip->proto, *p = (uint8_t *)(ip + 1);
    const uint8_t *end = rte_pktmbuf_mtod_offset(m, uint8_t *, head);
    while (p < end) {
        uint32_t len = extension_len(*name, p);
        name = p;
        p += len;
    }
    *name = next;
    if (g->ecn & ECN_CE)
        ip->vtc_flow |= be32_of(3u << 20);
    ip->payload_len = be16_of((uint16_t)(m->data_len - PACKET_IP_OFFSET - sizeof *ip));
}

static void pieces_copy(struct rte_mbuf *m, uint16_t head, const struct datagram *g)
{
    char *to = rte_pktmbuf_mtod_offset(m, char *, head);
    for (unsigned i = 0; i < g->n; i++) {
        const struct datagram_piece *p = &g->piece[i];
        const struct rte_mbuf *from = p->frame;
        memcpy(to + p->offset, rte_pktmbuf_mtod_offset(from, char *, from->data_len - p->n), p->n);
    }
}

/* Every byte is there: the packet, or NULL when there is none after all. */
static struct rte_mbuf *join(struct worker *w, struct datagram *g)
{
    const struct rte_mbuf *first = g->piece[0].frame;
    bool v4 = ip_addr_is4(&g->name.src);
    uint16_t at = (uint16_t)(first->data_len - g->piece[0].n);
    uint16_t head = v4 ? at : (uint16_t)(at - sizeof(struct fragment6));
    enum drop_reason fault = DROP_COUNT;
    struct rte_mbuf *m = NULL;
    if (g->ecn & ECN_CE && g->ecn & ECN_NOT_ECT) /* RFC 3168 5.3 */
        fault = DROP_FRAGMENT_ECN;
    else if (head + g->end > w->dp->large_room)
        fault = DROP_FRAGMENT_SIZE;
    else if (!(m = dataplane_buffer(w->dp, head + g->end)))
        fault = DROP_NO_MBUF;
    if (fault != DROP_COUNT) {
        give_up(w, g, fault);
        return NULL;
    }
    memcpy(rte_pktmbuf_mtod(m, char *), rte_pktmbuf_mtod(first, char *), head);
    m->data_len = (uint16_t)(head + g->end);
    m->pkt_len = m->data_len;
    m->ol_flags = RTE_MBUF_F_RX_LRO;
    uint16_t least = v4 ? RTE_ETHER_MIN_MTU : RTE_IPV6_MIN_MTU; /* every link takes that much */
    m->tso_segsz = g->largest > least ? g->largest : least;
    pieces_copy(m, head, g);
    if (v4)
        header4_finish(m, g, (be16)rng_next(&w->thread.rng));
    else
        header6_finish(m, g, head, *rte_pktmbuf_mtod_offset(first, uint8_t *, head));
    w->counts.joined += g->n - 1u;
    free_pieces(g);
    datagrams_close(&w->datagrams, g);
    return m;
}

static enum drop_reason reason_of(enum datagram_verdict verdict)
{
    return verdict == DATAGRAM_DUPLICATE  ? DROP_FRAGMENT_DUPLICATE
           : verdict == DATAGRAM_OVERLAP  ? DROP_FRAGMENT_OVERLAP
           : verdict == DATAGRAM_TOO_MANY ? DROP_FRAGMENT_MANY
                                          : DROP_FRAGMENT_END;
}

static void refuse(struct worker *w, struct datagram *g, struct rte_mbuf *m,
                   enum drop_reason reason)
{
    drop(w, m, reason);
    drop_pieces(w, g, reason);
    datagrams_refuse(&w->datagrams, g, reason, w->now_ms);
}

/* What of the others has to go does; false when that is the fragment's own datagram. */
static bool make_room(struct worker *w, const struct fragment *f, const struct datagram *own)
{
    struct datagram *victim = datagrams_victim(&w->datagrams, &f->name.src);
    for (; victim; victim = datagrams_victim(&w->datagrams, &f->name.src)) {
        give_up(w, victim, DROP_FRAGMENT_LIMIT);
        if (victim == own)
            return false;
    }
    return true;
}

static void packet_note(struct datagram *g, const struct fragment *f)
{
    g->ecn |= (uint8_t)(1u << f->ecn);
    if (f->packet > g->largest)
        g->largest = f->packet;
    if (f->df && f->packet > g->largest_df)
        g->largest_df = f->packet;
}

static struct rte_mbuf *take(struct worker *w, const struct fragment *f)
{
    struct datagrams *d = &w->datagrams;
    enum drop_reason fault = fault_of(w, f);
    uint64_t hash = datagram_hash(d, &f->name);
    uint16_t owner = (uint16_t)(((hash >> 32) * w->dp->n_workers) >> 32);
    if (owner != w->id) {
        note_of(f->m)->ifindex = f->ifindex;
        worker_pass(w, owner, f->m, NOTE_FRAGMENT);
        return NULL;
    }
    struct datagram *g = datagrams_find(d, &f->name, hash);
    if (fault == DROP_COUNT && g && g->dead)
        fault = (enum drop_reason)g->dead;
    if (fault == DROP_COUNT && !make_room(w, f, g))
        fault = DROP_FRAGMENT_LIMIT;
    if (fault != DROP_COUNT) {
        drop(w, f->m, fault);
        return NULL;
    }
    if (!g)
        g = datagrams_open(d, &f->name, hash, w->now_ms);
    packet_note(g, f);
    note_of(f->m)->ifindex = f->ifindex;
    enum datagram_verdict verdict = datagrams_add(d, g, &f->piece, f->more);
    if (verdict == DATAGRAM_COMPLETE)
        return join(w, g);
    if (verdict != DATAGRAM_WAITS)
        refuse(w, g, f->m, reason_of(verdict));
    return NULL;
}

struct rte_mbuf *reassembly_take(struct worker *w, const struct packet *p,
                                 const struct interface *iface)
{
    const struct rte_ipv4_hdr *ip = p->ip;
    uint16_t field = be16_host(ip->fragment_offset);
    struct fragment f = {
        .m = p->m,
        .name = {ip_addr_of4(ip->src_addr), ip_addr_of4(ip->dst_addr), ip->packet_id, iface->zone,
                 ip->next_proto_id, 0},
        .piece = {p->m, (uint16_t)((field & RTE_IPV4_HDR_OFFSET_MASK) * 8), p->l4_len},
        .packet = be16_host(ip->total_length),
        .ifindex = p->ifindex,
        .proto = ip->next_proto_id,
        .ecn = ip->type_of_service & 3,
        .more = field & RTE_IPV4_HDR_MF_FLAG,
        .df = field & RTE_IPV4_HDR_DF_FLAG,
    };
    return take(w, &f);
}

struct rte_mbuf *reassembly_take6(struct worker *w, const struct packet *p, uint16_t at,
                                  const struct interface *iface)
{
    struct rte_mbuf *m = p->m;
    const struct rte_ipv6_hdr *ip =
        rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, PACKET_IP_OFFSET);
    struct fragment6 header;
    memcpy(&header, rte_pktmbuf_mtod_offset(m, const char *, at), sizeof header);
    uint16_t field = be16_host(header.offset);
    uint16_t n = (uint16_t)(m->data_len - at - sizeof header);
    struct fragment f = {
        .m = m,
        .name = {.id = header.id, .zone = iface->zone},
        .piece = {m, (uint16_t)(field & ~7), n},
        .packet = (uint16_t)(m->data_len - PACKET_IP_OFFSET),
        .ifindex = p->ifindex,
        .proto = header.next,
        .ecn = (be32_host(ip->vtc_flow) >> 20) & 3,
        .more = field & 1,
    };
    memcpy(&f.name.src, ip->src_addr, sizeof f.name.src);
    memcpy(&f.name.dst, ip->dst_addr, sizeof f.name.dst);
    return take(w, &f);
}

/* --- time */

static uint32_t timeout_ms(const struct snapshot *s)
{
    return s->fragment_timeout_ms;
}

/* An error about an error is made by nobody (RFC 1122 3.2.2, RFC 4443 2.4). */
static bool may_be_answered(uint8_t proto, const uint8_t *payload, uint32_t n)
{
    if (proto == IPPROTO_ICMP)
        return n > 0 && payload[0] == RTE_IP_ICMP_ECHO_REQUEST;
    return proto != IPPROTO_ICMPV6 || (n > 0 && payload[0] >= 128);
}

/* Who sent the beginning of a datagram is told that the rest did not come (RFC 792, RFC 4443 3.3).
 */
static void tell_sender(struct worker *w, const struct datagram *g)
{
    const struct datagram_piece *first = &g->piece[0];
    if (g->n == 0 || first->offset != 0)
        return;
    struct rte_mbuf *m = first->frame;
    struct packet p = {.m = m,
                       .ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET),
                       .l4 = rte_pktmbuf_mtod_offset(m, void *, m->data_len - first->n),
                       .is6 = !ip_addr_is4(&g->name.src),
                       .ifindex = note_of(m)->ifindex,
                       .l3_len = (uint16_t)(m->data_len - PACKET_IP_OFFSET - first->n),
                       .l4_len = first->n};
    /* What the fragment header of IPv6, which stands before the piece, says of it; not aligned. */
    const uint8_t *next6 = (const uint8_t *)p.l4 - sizeof(struct fragment6);
    /* The source of IPv6 has not been looked at yet: global unicast (RFC 4291 2.4) is answered. */
    if (p.is6 && (g->name.src.byte[0] & 0xe0) != 0x20)
        return;
    if (may_be_answered(p.is6 ? *next6 : g->name.proto, p.l4, first->n))
        icmp_send(w, &p, ICMP_SEND_REASSEMBLY, 0);
}

unsigned reassembly_expire(struct worker *w)
{
    struct datagrams *d = &w->datagrams;
    unsigned n = 0;
    for (struct datagram *g; (g = datagrams_overdue(d, w->now_ms, timeout_ms(w->snapshot))); n++) {
        tell_sender(w, g);
        give_up(w, g, DROP_FRAGMENT_TIMEOUT);
    }
    return n;
}

uint64_t reassembly_next_ms(const struct worker *w)
{
    return datagrams_next_ms(&w->datagrams, timeout_ms(dataplane_snapshot(w->dp)));
}
