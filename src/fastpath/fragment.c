/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 is cut by rte_ip_frag, into copies. IPv6 is cut here, as the library would give pieces that
 * share the buffer they are cut from, which a port must not be handed (dataplane_buffer).
 */
#include "fastpath/fragment.h"

#include "fastpath/packet.h"

#include <rte_ip_frag.h>

/* Bounds what one packet makes leave: 64 KiB still go through an MTU of 380; what would take more
 * pieces is not carried (DROP_MTU). */
#define MAX_PIECES 192

struct cut {
    struct worker *w;
    uint16_t ifindex;
    struct rte_mbuf *m;
    uint16_t limit; /* of an IP packet */
    uint16_t n;
    struct rte_mbuf *piece[MAX_PIECES];
};

static void pieces_send(struct cut *c)
{
    rte_pktmbuf_free(c->m);
    c->w->counts.pieces += c->n - 1u;
    for (uint16_t i = 0; i < c->n; i++)
        worker_send(c->w, c->ifindex, c->piece[i]);
}

static void pieces_free(struct cut *c)
{
    rte_pktmbuf_free_bulk(c->piece, c->n);
}

/* Put the Ethernet header of the whole before each piece, and finish its IPv4 header. */
static bool piece4_finish(struct rte_mbuf *m, const struct rte_ether_hdr *eth, be16 df)
{
    struct rte_ether_hdr *own = (void *)rte_pktmbuf_prepend(m, sizeof *own);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    if (!own)
        return false;
    *own = *eth;
    m->ol_flags = 0;
    ip->fragment_offset |= df;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    return true;
}

/* The DF bit stands again on every piece of a datagram whose pieces came with it. */
static void cut4(struct cut *c)
{
    struct rte_mbuf *m = c->m;
    struct rte_ether_hdr eth = *rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    be16 df = ip->fragment_offset & be16_of(RTE_IPV4_HDR_DF_FLAG);
    ip->fragment_offset = 0;
    /* The library cuts at a multiple of eight bytes of payload. */
    uint16_t ihl = (uint16_t)((ip->version_ihl & 15) * 4);
    uint16_t size = (uint16_t)(ihl + ((c->limit - ihl) & ~7));
    rte_pktmbuf_adj(m, sizeof eth);
    int n = rte_ipv4_fragment_copy_nonseg_packet(m, c->piece, MAX_PIECES, size, c->w->dp->pool);
    if (n <= 0) {
        rte_pktmbuf_prepend(m, sizeof eth);
        return drop(c->w, m, n == -ENOMEM ? DROP_NO_MBUF : DROP_MTU);
    }
    c->n = (uint16_t)n;
    for (uint16_t i = 0; i < c->n; i++)
        if (!piece4_finish(c->piece[i], &eth, df)) {
            pieces_free(c);
            return drop(c->w, m, DROP_NO_MBUF);
        }
    pieces_send(c);
}

struct fragment6 {
    uint8_t next, reserved;
    be16 offset; /* bytes, and in the last bit: more follow */
    be32 id;
};

/*
 * RFC 8200 4.5: hop-by-hop options, routing header and what stands before it go into every piece.
 * Returns where they end; *name is the place of the number of the header behind them.
 */
static uint32_t fixed_part(const struct rte_mbuf *m, uint32_t *name)
{
    const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);
    uint32_t at = PACKET_IP_OFFSET + sizeof(struct rte_ipv6_hdr);
    uint32_t link = PACKET_IP_OFFSET + offsetof(struct rte_ipv6_hdr, proto);
    uint32_t end = at;
    *name = link;
    while (b[link] == IPPROTO_HOPOPTS || b[link] == IPPROTO_ROUTING || b[link] == IPPROTO_DSTOPTS) {
        bool fixed = b[link] != IPPROTO_DSTOPTS;
        if (at + 8 > m->data_len)
            break;
        link = at;
        at += (b[at + 1] + 1u) * 8;
        if (fixed && at <= m->data_len) {
            end = at;
            *name = link;
        }
    }
    return end;
}

/* One piece: the fixed part, a fragment header, `n` bytes from `from` on. */
static struct rte_mbuf *piece6_make(struct cut *c, uint32_t fixed, uint32_t name,
                                    const struct fragment6 *header, struct slice body)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(c->w->dp->pool);
    if (!m)
        return NULL;
    char *b = rte_pktmbuf_append(m, (uint16_t)(fixed + sizeof *header + body.n));
    memcpy(b, rte_pktmbuf_mtod(c->m, const char *), fixed);
    memcpy(b + fixed, header, sizeof *header);
    memcpy(b + fixed + sizeof *header, body.p, body.n);
    b[name] = IPPROTO_FRAGMENT;
    struct rte_ipv6_hdr *ip = (void *)(b + PACKET_IP_OFFSET);
    ip->payload_len = be16_of((uint16_t)(m->data_len - PACKET_IP_OFFSET - sizeof *ip));
    return m;
}

static void cut6(struct cut *c)
{
    uint32_t name, fixed = fixed_part(c->m, &name);
    const char *b = rte_pktmbuf_mtod(c->m, const char *);
    uint32_t head = fixed - PACKET_IP_OFFSET + (uint32_t)sizeof(struct fragment6);
    uint32_t body = c->m->data_len - fixed, step = (c->limit - head) & ~7u;
    struct fragment6 header = {
        .next = (uint8_t)b[name],
        .id = (be32)rng_next(&c->w->thread.rng),
    };
    if (c->limit < head + 8 || body > step * MAX_PIECES)
        return drop(c->w, c->m, DROP_MTU);
    for (uint32_t at = 0; at < body; at += step) {
        uint32_t n = body - at < step ? body - at : step;
        header.offset = be16_of((uint16_t)(at | (at + n < body)));
        c->piece[c->n] = piece6_make(c, fixed, name, &header, slice_of(b + fixed + at, n));
        if (!c->piece[c->n]) {
            pieces_free(c);
            return drop(c->w, c->m, DROP_NO_MBUF);
        }
        c->n++;
    }
    pieces_send(c);
}

/* Whole after all. Ports are given buffers of the normal pool alone. */
static void send_whole(struct cut *c)
{
    struct rte_mbuf *m = c->m;
    if (m->pool != c->w->dp->pool) {
        m = rte_pktmbuf_alloc(c->w->dp->pool);
        if (!m)
            return drop(c->w, c->m, DROP_NO_MBUF);
        memcpy(rte_pktmbuf_append(m, c->m->data_len), rte_pktmbuf_mtod(c->m, const char *),
               c->m->data_len);
        rte_pktmbuf_free(c->m);
    }
    m->ol_flags = 0;
    worker_send(c->w, c->ifindex, m);
}

__attribute__((cold)) void fragment_send_cut(struct worker *w, uint16_t ifindex, struct rte_mbuf *m)
{
    const struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, PACKET_IP_OFFSET);
    bool v4 = ip->version_ihl >> 4 == 4;
    uint16_t came = m->ol_flags & RTE_MBUF_F_RX_LRO ? m->tso_segsz : 0;
    uint32_t mtu = w->snapshot->interfaces[ifindex].mtu, size = m->pkt_len - PACKET_IP_OFFSET;
    struct cut c = {.w = w, .ifindex = ifindex, .m = m};
    bool fixed = v4 ? ip->fragment_offset & be16_of(RTE_IPV4_HDR_DF_FLAG) : true;
    if (mtu > w->dp->room - PACKET_IP_OFFSET)
        mtu = w->dp->room - PACKET_IP_OFFSET;
    c.limit = (uint16_t)(came && came < mtu ? came : mtu);
    if (size <= c.limit)
        return send_whole(&c);
    /* Not to be cut; or cut already, and not to be cut into smaller ones. */
    if (fixed && (came == 0 || came > mtu))
        return drop(w, m, DROP_MTU);
    if (v4)
        cut4(&c);
    else
        cut6(&c);
}
