/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments in, segments out. What comes in has the header it arrived with, and what is made here
 * gets one as if it had arrived, so that the worker translates and forwards both alike. Segments
 * that are taken over are counted as consumed, those sent instead as made.
 *
 * The streams judge sequence numbers while they have the connection in hand. Before (the handshake)
 * and after (a connection that turned out not to be SIP) segments go through as they are and are
 * held against the windows here as workers do with ordinary ones, so that the windows are right
 * when the session becomes one.
 *
 * As a checksum that was wrong would leave as a right one, it is looked at first.
 */
#include "fastpath/alg_tcp.h"

#include "base/checksum.h"
#include "fastpath/packet.h"
#include "fastpath/track.h"

struct segment {
    struct rte_mbuf *m;
    struct worker *w;
    struct session *s;
    struct note note;
    struct rte_tcp_hdr *tcp;
    struct tcp_segment seen;
    struct stream_segment stream;
};

static bool is6(const void *ip)
{
    return *(const uint8_t *)ip >> 4 == 6;
}

/* Over pseudo header and segment. */
static uint16_t checksum_of(const void *ip, const void *tcp, uint16_t n)
{
    const struct rte_ipv4_hdr *v4 = ip;
    const struct rte_ipv6_hdr *v6 = ip;
    uint64_t sum = checksum_sum(tcp, n);
    if (!is6(ip))
        return checksum_fold(sum + checksum_pseudo(v4->src_addr, v4->dst_addr, IPPROTO_TCP, n));
    sum += checksum_sum(v6->src_addr, sizeof v6->src_addr + sizeof v6->dst_addr);
    return checksum_fold(sum + be16_of(n) + be16_of(IPPROTO_TCP));
}

static void checksum_set(const void *ip, struct rte_tcp_hdr *tcp, uint16_t n)
{
    tcp->cksum = 0;
    tcp->cksum = (uint16_t)~checksum_of(ip, tcp, n);
}

static bool checksum_is_right(const struct rte_mbuf *m, const void *ip, const void *tcp, uint16_t n)
{
    uint64_t flag = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    return flag == RTE_MBUF_F_RX_L4_CKSUM_GOOD || checksum_of(ip, tcp, n) == 0xffff;
}

/*
 * What is made here
 */

/* The IP header of a segment of `n` bytes as it arrives in `dir`. Returns its length. */
static size_t ip_write(struct alg_core *core, uint32_t session, const struct tcp_departure *d,
                       void *at, uint16_t n)
{
    const struct sessions *ss = &core->dp->sessions;
    const struct session *s = session_at(ss, session);
    const struct session_v6 *flow = session_v6_of(ss, session);
    const struct key *key = &s->r.key[d->dir];
    struct rte_ipv4_hdr *v4 = at;
    struct rte_ipv6_hdr *v6 = at;
    if (flow) {
        *v6 = (struct rte_ipv6_hdr){
            .vtc_flow = be32_of(UINT32_C(6) << 28 | (uint32_t)d->tos << 20),
            .payload_len = be16_of(n),
            .proto = IPPROTO_TCP,
            .hop_limits = 64,
        };
        memcpy(v6->src_addr, d->dir ? &flow->dst : &flow->src, sizeof v6->src_addr);
        memcpy(v6->dst_addr, d->dir ? &flow->src : &flow->dst, sizeof v6->dst_addr);
        return sizeof *v6;
    }
    *v4 = (struct rte_ipv4_hdr){
        .version_ihl = RTE_IPV4_VHL_DEF,
        .type_of_service = d->tos,
        .total_length = be16_of((uint16_t)(sizeof *v4 + n)),
        .packet_id = (be16)rng_next(&core->thread.rng),
        .time_to_live = 64,
        .next_proto_id = IPPROTO_TCP,
        .src_addr = key->src,
        .dst_addr = key->dst,
    };
    v4->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(v4, sizeof *v4));
    return sizeof *v4;
}

static void tcp_write(const struct session *s, const struct session_v6 *flow,
                      const struct tcp_departure *d, struct rte_tcp_hdr *tcp)
{
    const struct key *key = &s->r.key[d->dir];
    *tcp = (struct rte_tcp_hdr){
        .src_port = key->sport,
        .dst_port = key->dport,
        .sent_seq = be32_of(d->seq),
        .recv_ack = be32_of(d->flags & TCP_BIT_ACK ? d->ack : 0),
        .data_off = sizeof *tcp / 4 << 4,
        .tcp_flags = d->flags,
        .rx_win = be16_of(d->window),
    };
    if (flow) {
        tcp->src_port = d->dir ? flow->dport : flow->sport;
        tcp->dst_port = d->dir ? flow->sport : flow->dport;
    }
    if (d->data.n)
        memcpy(tcp + 1, d->data.p, d->data.n);
}

static void forward(struct alg_core *core, struct worker *w, struct rte_mbuf *m, uint64_t now_ms)
{
    if (rte_ring_sp_enqueue(w->from_alg, m) != 0)
        alg_core_drop(core, m, DROP_ALG_RING_FULL, now_ms);
}

static void count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* No buffer for it, or no room in the ring: it is lost as on any wire, and sent again. */
static void segment_send(void *ctx, struct handle session, uint16_t way,
                         const struct tcp_departure *d)
{
    struct alg_core *core = ctx;
    const struct sessions *ss = &core->dp->sessions;
    struct session *s = session_at(ss, session.index);
    uint16_t n = (uint16_t)(sizeof(struct rte_tcp_hdr) + d->data.n);
    struct rte_mbuf *m = rte_pktmbuf_alloc(core->dp->pool);
    if (!m)
        return;
    char *b = rte_pktmbuf_append(m, (uint16_t)(PACKET_IP_OFFSET + sizeof(struct rte_ipv6_hdr) + n));
    if (!b) {
        rte_pktmbuf_free(m);
        return;
    }
    struct rte_ether_hdr *eth = (void *)b;
    bool v6 = session_is6(s);
    *eth = (struct rte_ether_hdr){.ether_type =
                                      be16_of(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4)};
    char *ip = b + PACKET_IP_OFFSET;
    size_t l3 = ip_write(core, session.index, d, ip, n);
    struct rte_tcp_hdr *tcp = (void *)(ip + l3);
    tcp_write(s, session_v6_of(ss, session.index), d, tcp);
    checksum_set(ip, tcp, n);
    m->data_len = (uint16_t)(PACKET_IP_OFFSET + l3 + n);
    m->pkt_len = m->data_len;
    *note_of(m) = (struct note){
        .kind = NOTE_SIP,
        .dir = (uint8_t)d->dir,
        .ifindex = s->ifindex[d->dir],
        .session = session,
    };
    if (d->flags & TCP_BIT_RST) {
        struct track_of t = {session.index, (uint8_t)d->dir, TCP_BIT_RST};
        /* A connection that was silent for long must not be gone before its reset has left. */
        __atomic_store_n(&s->last_seen_ms, (uint32_t)core->now_ms, __ATOMIC_RELAXED);
        track_state(core->dp, &core->thread, &t, true);
    }
    count(&core->made);
    forward(core, core->dp->workers[way], m, core->now_ms);
}

static unsigned describe(void *ctx, struct handle session, unsigned dir,
                         struct alg_packet packets[ALG_CROSSINGS])
{
    return alg_core_describe(ctx, session, dir, packets);
}

static bool lives(void *ctx, struct handle session)
{
    const struct alg_core *core = ctx;
    return store_live(&core->dp->sessions.store, session);
}

void alg_tcp_begin(struct alg_core *core)
{
    const struct stream_host host = {
        .ctx = core, .describe = describe, .send = segment_send, .lives = lives};
    alg_stream_host(core->alg, &host);
}

/*
 * What comes in
 */

/* Where the TCP header begins: workers have checked all headers. */
static void *l4_of(struct rte_mbuf *m, uint16_t *n)
{
    char *ip = rte_pktmbuf_mtod_offset(m, char *, PACKET_IP_OFFSET);
    size_t l3 = note_of(m)->l3_len;
    *n = (uint16_t)(m->data_len - PACKET_IP_OFFSET - l3);
    return ip + l3;
}

static uint16_t largest(const struct alg_core *core, const struct session *s, unsigned side)
{
    const struct snapshot *snap = dataplane_snapshot(core->dp);
    uint32_t mtu = snap->interfaces[s->ifindex[side]].mtu, room = core->dp->room;
    uint32_t head = (uint32_t)(sizeof(struct rte_tcp_hdr) + sizeof(struct rte_ipv6_hdr));
    if (!session_is6(s))
        head = (uint32_t)(sizeof(struct rte_tcp_hdr) + sizeof(struct rte_ipv4_hdr));
    if (mtu > room - PACKET_IP_OFFSET)
        mtu = room - PACKET_IP_OFFSET;
    return (uint16_t)(mtu > head + 64 ? mtu - head : 64);
}

static void segment_read(struct alg_core *core, struct segment *g, uint64_t now_ms, uint16_t n)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(g->m, const uint8_t *, PACKET_IP_OFFSET);
    const struct rte_tcp_hdr *tcp = g->tcp;
    size_t head = (tcp->data_off >> 4) * 4u;
    g->stream = (struct stream_segment){
        .session = g->note.session,
        .dir = g->note.dir,
        .way = g->w->id,
        .most = {largest(core, g->s, 0), largest(core, g->s, 1)},
        .tcp = {.seq = be32_host(tcp->sent_seq),
                .ack = be32_host(tcp->recv_ack),
                .window = be16_host(tcp->rx_win),
                .flags = tcp->tcp_flags &
                         (TCP_BIT_FIN | TCP_BIT_SYN | TCP_BIT_RST | TCP_BIT_PSH | TCP_BIT_ACK),
                .tos = is6(ip) ? (uint8_t)(ip[0] << 4 | ip[1] >> 4) : ip[1],
                .data = slice_of((const char *)tcp + head, n - head),
                .options = (const uint8_t *)(tcp + 1),
                .n_options = head - sizeof *tcp},
        .now_ms = now_ms,
    };
    g->seen = (struct tcp_segment){
        .seq = g->stream.tcp.seq,
        .ack = g->stream.tcp.ack,
        .len = (uint32_t)g->stream.tcp.data.n,
        .window = g->stream.tcp.window,
        .flags = g->stream.tcp.flags,
        .scale = tcp_option_scale(g->stream.tcp.options, g->stream.tcp.n_options),
    };
}

static struct track_of track_of(const struct segment *g)
{
    return (struct track_of){g->note.session.index, g->note.dir, g->stream.tcp.flags};
}

/* A segment that goes through as it is, as a worker would judge it. False: it was dropped. */
static bool track_through(struct alg_core *core, const struct segment *g, uint64_t now_ms)
{
    struct track_of t = track_of(g);
    struct tcp_window_result r = track_window(g->s, &t, &g->seen);
    if (!r.inside) {
        alg_core_drop(core, g->m, DROP_TCP_WINDOW, now_ms);
        return false;
    }
    switch (track_state(core->dp, &core->thread, &t, r.settles)) {
    case TCP_INVALID:
    case TCP_REOPEN: /* workers see to that: another one was faster */
        alg_core_drop(core, g->m, DROP_TCP_STATE, now_ms);
        return false;
    case TCP_PASS:
        track_count(g->s, g->note.dir, g->m->pkt_len - PACKET_IP_OFFSET, now_ms);
        break;
    case TCP_STRAY:
        break;
    }
    return true;
}

/* A SYN goes on without the options that would make us rewrite more than it is worth, and without
 * data: nobody has looked at them, and its sender will send them again. */
static void syn_forward(struct alg_core *core, struct segment *g, uint64_t now_ms)
{
    struct rte_mbuf *m = g->m;
    char *ip = rte_pktmbuf_mtod_offset(m, char *, PACKET_IP_OFFSET);
    uint16_t head = (uint16_t)((g->tcp->data_off >> 4) * 4), cut = (uint16_t)g->seen.len;
    bool stripped = tcp_syn_strip((uint8_t *)(g->tcp + 1), head - sizeof *g->tcp);
    if (cut) {
        struct rte_ipv4_hdr *v4 = (void *)ip;
        struct rte_ipv6_hdr *v6 = (void *)ip;
        m->data_len = (uint16_t)(m->data_len - cut);
        m->pkt_len = m->data_len;
        if (is6(ip)) {
            v6->payload_len = be16_of((uint16_t)(be16_host(v6->payload_len) - cut));
        } else {
            be16 was = v4->total_length;
            v4->total_length = be16_of((uint16_t)(be16_host(was) - cut));
            v4->hdr_checksum =
                checksum_adjust(v4->hdr_checksum, checksum_delta(was, v4->total_length));
        }
    }
    if (cut || stripped)
        checksum_set(ip, g->tcp, head);
    forward(core, g->w, m, now_ms);
}

static void segment_forward(struct alg_core *core, struct segment *g, uint64_t now_ms)
{
    if (g->seen.flags & TCP_BIT_SYN)
        return syn_forward(core, g, now_ms);
    forward(core, g->w, g->m, now_ms);
}

/* The connection is no SIP: from here on its windows are those of an ordinary one. */
static void let_go(struct segment *g, const struct stream_fate *fate)
{
    const struct tcp_window window = {g->s->tcp_seq, g->s->tcp_scale};
    for (unsigned dir = 0; fate->leaves && dir < 2; dir++)
        (void)tcp_window_check(window, TCP_STATE_ESTABLISHED, dir, &fate->side[dir],
                               TCP_WINDOW_OFF);
    if (fate->left)
        __atomic_fetch_or(&g->s->traits, TRAIT_TCP_PLAIN, __ATOMIC_RELAXED);
}

/* What the streams made of it. */
static void segment_end(struct alg_core *core, struct segment *g, const struct stream_fate *fate,
                        uint64_t now_ms)
{
    switch ((enum tcp_fate_kind)fate->tcp.kind) {
    case TCP_FATE_FORWARD:
        return segment_forward(core, g, now_ms);
    case TCP_FATE_HELD:
        if (fate->reason == ALG_REASON_NONE) {
            count(&core->consumed);
            return rte_pktmbuf_free(g->m);
        }
        break;
    case TCP_FATE_FULL:
    case TCP_FATE_STRAY:
    case TCP_FATE_GONE:
        break;
    }
    alg_core_drop(core, g->m, fate->reason ? drop_of_alg(fate->reason) : DROP_TCP_STATE, now_ms);
}

static void segment_judge(struct alg_core *core, struct segment *g, uint64_t now_ms)
{
    bool through = alg_stream_passes(core->alg, g->note.session);
    if (through && !track_through(core, g, now_ms))
        return;
    struct stream_fate fate = alg_stream_input(core->alg, &g->stream);
    bool held = fate.tcp.kind == TCP_FATE_HELD || fate.tcp.kind == TCP_FATE_FULL;
    if (!through && held) {
        struct track_of t = track_of(g);
        track_state(core->dp, &core->thread, &t, fate.tcp.settles);
        track_count(g->s, g->note.dir, g->m->pkt_len - PACKET_IP_OFFSET, now_ms);
    }
    if (fate.leaves || fate.left)
        let_go(g, &fate);
    segment_end(core, g, &fate, now_ms);
}

void alg_tcp_input(struct alg_core *core, struct worker *w, struct rte_mbuf *m, uint64_t now_ms)
{
    struct segment g = {.m = m, .w = w, .note = *note_of(m)};
    char *ip = rte_pktmbuf_mtod_offset(m, char *, PACKET_IP_OFFSET);
    uint16_t n;
    g.s = session_at(&core->dp->sessions, g.note.session.index);
    g.tcp = l4_of(m, &n);
    if (!checksum_is_right(m, ip, g.tcp, n))
        return alg_core_drop(core, m, DROP_SIP_STREAM_CHECKSUM, now_ms);
    segment_read(core, &g, now_ms, n);
    if (session_has_alg(g.s))
        return segment_judge(core, &g, now_ms);
    if (track_through(core, &g, now_ms)) /* it was let go while this was on its way */
        forward(core, w, m, now_ms);
}
