/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between mbufs and the ALG. A frame that comes in by ring carries the handle of its session and a
 * direction; from the session's keys follows who is inside, what stands for him outside, and who
 * the other party is (alg_parties.h), once or twice. The ALG answers with a verdict and perhaps
 * another payload; the header keeps what arrived (lengths and checksums made right), because the
 * worker translates it afterwards like any other packet of the session.
 */
#include "fastpath/alg_core.h"

#include "base/checksum.h"
#include "fastpath/alg_mail.h"
#include "fastpath/alg_parties.h"
#include "fastpath/alg_tcp.h"
#include "fastpath/alg_vips.h"
#include "fastpath/nat_rules.h"
#include "fastpath/packet.h"
#include "fastpath/snat.h"

#include <rte_malloc.h>

#define TIMER_BUDGET 256
#define OWN_HOPS     64 /* of answers made here */
#define BRING_BYTES  1024

struct alg_core *alg_core_create(struct dataplane *dp, const struct alg_limits *limits,
                                 const struct hash_secret *secret, uint64_t seed)
{
    struct alg_core *core = rte_zmalloc("alg core", sizeof *core, RTE_CACHE_LINE_SIZE);
    if (!core)
        return NULL;
    core->dp = dp;
    session_thread_init(&core->thread, seed);
    core->mail = alg_mail_create();
    for (int i = 0; i < ALG_CROSSINGS; i++)
        core->out[i] = rte_malloc("alg output", dp->large_room, 0);
    core->alg = alg_create(limits, &dp->mappings, &core->thread, &dp->events, secret);
    if (!core->alg || !core->mail || !core->out[0] || !core->out[1]) {
        alg_core_destroy(core);
        return NULL;
    }
    alg_tcp_begin(core);
    rte_rcu_qsbr_thread_register(dp->qsbr, dataplane_alg_reader(dp));
    rte_rcu_qsbr_thread_online(dp->qsbr, dataplane_alg_reader(dp));
    return core;
}

void alg_core_destroy(struct alg_core *core)
{
    if (!core)
        return;
    if (core->alg)
        alg_destroy(core->alg);
    if (core->mail)
        alg_mail_destroy(core->mail);
    for (int i = 0; i < ALG_CROSSINGS; i++)
        rte_free(core->out[i]);
    rte_free(core);
}

static void count_drop(struct alg_core *core, enum drop_reason reason, uint64_t now_ms)
{
    __atomic_store_n(&core->drop[reason], core->drop[reason] + 1, __ATOMIC_RELAXED);
    if (events_on(&core->dp->events))
        event_emit(&core->dp->events, "drop", now_ms, "\"reason\":\"%s\"", drop_name(reason));
}

void alg_core_drop(struct alg_core *core, struct rte_mbuf *m, enum drop_reason reason,
                   uint64_t now_ms)
{
    count_drop(core, reason, now_ms);
    rte_pktmbuf_free(m);
}

/* Bytes of the largest frame that fits its buffer. */
static size_t frame_room(const struct rte_mbuf *m)
{
    return (size_t)m->buf_len - m->data_off;
}

/*
 * A large buffer for what may become too long for its own: half as much again is allowed for. It is
 * taken before the ALG commits to anything; NULL: not needed, or there is none, and the message is
 * refused if it needs it.
 */
static struct rte_mbuf *spare_get(struct dataplane *dp, const struct rte_mbuf *m, size_t n)
{
    size_t own = frame_room(m);
    return m->data_len + n / 2 <= own || own >= dp->large_room
               ? NULL
               : dataplane_buffer(dp, dp->large_room);
}

/* Go on in the other buffer, with everything up to the payload. */
static void packet_move(struct packet *p, struct rte_mbuf *to, size_t head)
{
    struct rte_mbuf *m = p->m;
    memcpy(rte_pktmbuf_mtod(to, char *), rte_pktmbuf_mtod(m, char *), head);
    *note_of(to) = *note_of(m);
    to->ol_flags = RTE_MBUF_F_RX_LRO; /* to be cut before it leaves: reassembly.h */
    to->tso_segsz = m->ol_flags & RTE_MBUF_F_RX_LRO ? m->tso_segsz : 0;
    p->l4 = rte_pktmbuf_mtod_offset(to, char *, (char *)p->l4 - rte_pktmbuf_mtod(m, char *));
    p->ip = rte_pktmbuf_mtod_offset(to, struct rte_ipv4_hdr *, PACKET_IP_OFFSET);
    p->m = to;
    rte_pktmbuf_free(m);
}

/* Lengths and flags of a header before `l4_len` bytes; `id` is for what may be cut now. */
static void header4_set(struct packet *p, uint16_t l4_len, be16 id)
{
    uint16_t ihl = p->l3_len;
    if (ihl + l4_len > be16_host(p->ip->total_length) &&
        p->ip->fragment_offset & be16_of(RTE_IPV4_HDR_DF_FLAG)) {
        /* Longer than its sender knew: now it may be cut, and needs an identification of its own.
         */
        p->ip->fragment_offset = 0;
        p->ip->packet_id = id;
    }
    p->ip->total_length = be16_of((uint16_t)(ihl + l4_len));
    p->ip->hdr_checksum = 0;
    p->ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(p->ip, ihl));
}

/*
 * What has grown is cut by us, who wrote it: other than in IPv4 nobody on the way may do it (RFC
 * 8200 5), and its sender cannot know that it is too long.
 */
static void header6_set(struct packet *p, uint16_t l4_len)
{
    if (l4_len > p->l4_len && !(p->m->ol_flags & RTE_MBUF_F_RX_LRO)) {
        p->m->ol_flags |= RTE_MBUF_F_RX_LRO;
        p->m->tso_segsz = 0;
    }
    p->ip6->payload_len = be16_of((uint16_t)(p->l3_len - sizeof *p->ip6 + l4_len));
}

static uint64_t pseudo_sum(const struct packet *p, uint16_t l4_len)
{
    if (!p->is6)
        return checksum_pseudo(p->ip->src_addr, p->ip->dst_addr, IPPROTO_UDP, l4_len);
    return checksum_sum(p->ip6->src_addr, 2 * sizeof p->ip6->src_addr) + be16_of(l4_len) +
           be16_of(IPPROTO_UDP);
}

/* Put the new payload into the frame, which has room for it, and make its headers right. */
static void payload_set(struct packet *p, struct slice payload, be16 id)
{
    struct rte_mbuf *m = p->m;
    struct rte_udp_hdr *udp = p->l4;
    size_t head = (size_t)((char *)(udp + 1) - rte_pktmbuf_mtod(m, char *));
    memcpy(udp + 1, payload.p, payload.n);
    m->data_len = (uint16_t)(head + payload.n);
    m->pkt_len = m->data_len;

    uint16_t l4_len = (uint16_t)(sizeof *udp + payload.n);
    if (p->is6)
        header6_set(p, l4_len);
    else
        header4_set(p, l4_len, id);
    udp->dgram_len = be16_of(l4_len);
    udp->dgram_cksum = 0;
    uint64_t sum = pseudo_sum(p, l4_len) + checksum_sum(udp, l4_len);
    udp->dgram_cksum = (uint16_t)~checksum_fold(sum);
    if (udp->dgram_cksum == 0)
        udp->dgram_cksum = 0xffff;
}

/* The ALG has the message, once for each party that is translated. ALG_PASS: nobody edited it. */
static enum alg_verdict cross(struct alg_core *core, struct alg_packet *packets, unsigned n,
                              size_t room, struct slice *payload, enum alg_reason *reason)
{
    enum alg_verdict result = ALG_PASS;
    for (unsigned i = 0; i < n; i++) {
        size_t length = 0;
        packets[i].payload = *payload;
        packets[i].checked = i > 0;
        enum alg_verdict verdict =
            alg_input(core->alg, &packets[i], core->out[i], room, &length, reason);
        if (verdict == ALG_DROP && i > 0)
            alg_take_back(core->alg);
        if (verdict == ALG_DROP)
            return ALG_DROP;
        if (verdict == ALG_PASS)
            continue;
        *payload = slice_of(core->out[i], length);
        if (verdict == ALG_ANSWER)
            return ALG_ANSWER;
        result = ALG_REPLACE;
    }
    return result;
}

static void header4_turn(struct rte_ipv4_hdr *ip, be16 id)
{
    const be32 src = ip->src_addr;
    ip->src_addr = ip->dst_addr;
    ip->dst_addr = src;
    ip->time_to_live = OWN_HOPS;
    ip->fragment_offset = 0;
    ip->packet_id = id;
}

static void header6_turn(struct rte_ipv6_hdr *ip)
{
    uint8_t src[sizeof ip->src_addr];
    memcpy(src, ip->src_addr, sizeof src);
    memcpy(ip->src_addr, ip->dst_addr, sizeof src);
    memcpy(ip->dst_addr, src, sizeof src);
    ip->hop_limits = OWN_HOPS;
}

/* The frame becomes the answer to itself: back to whence it came, from where it was sent to. */
static void frame_turn(struct packet *p, const struct interface *came, struct slice answer, be16 id)
{
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
    struct rte_udp_hdr *udp = p->l4;
    const be16 sport = udp->src_port;
    eth->dst_addr = eth->src_addr;
    memcpy(eth->src_addr.addr_bytes, came->mac, sizeof came->mac);
    if (p->is6)
        header6_turn(p->ip6);
    else
        header4_turn(p->ip, id);
    udp->src_port = udp->dst_port;
    udp->dst_port = sport;
    payload_set(p, answer, id);
    p->m->ol_flags = 0; /* it fits */
}

/* What the ALG answers goes out as a frame of our own; the one it answers counts as dropped. */
static void answer_send(struct alg_core *core, struct worker *w, struct packet *p, uint16_t ifindex,
                        struct slice text)
{
    const struct interface *came = &dataplane_snapshot(core->dp)->interfaces[ifindex];
    const size_t plain = p->is6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
    const bool fits =
        p->l3_len == plain && text.n + plain + sizeof(struct rte_udp_hdr) <= came->mtu;
    if (fits) {
        frame_turn(p, came, text, (be16)rng_next(&core->thread.rng));
        *note_of(p->m) = (struct note){.kind = NOTE_SEND, .ifindex = ifindex};
    }
    if (!fits || rte_ring_sp_enqueue(w->from_alg, p->m) != 0)
        rte_pktmbuf_free(p->m);
}

/* Let the ALG have the message. What there is room for is known to it: beyond that it refuses
 * before it commits to anything. *answer: a response to it, empty where there is none. */
static enum alg_reason edit(struct alg_core *core, struct packet *p, struct alg_packet *packets,
                            unsigned n, struct slice *answer)
{
    struct dataplane *dp = core->dp;
    struct slice payload = packets[0].payload;
    size_t head = (size_t)(payload.p - rte_pktmbuf_mtod(p->m, char *));
    struct rte_mbuf *spare = spare_get(dp, p->m, payload.n);
    size_t own = frame_room(p->m), most = spare ? dp->large_room : own;
    size_t room = (most < dp->large_room ? most : dp->large_room) - head;
    enum alg_reason reason = ALG_REASON_NONE;
    enum alg_verdict verdict = cross(core, packets, n, room, &payload, &reason);
    if (verdict == ALG_REPLACE) {
        if (head + payload.n > own) {
            packet_move(p, spare, head);
            spare = NULL;
        }
        payload_set(p, payload, (be16)rng_next(&core->thread.rng));
    }
    rte_pktmbuf_free(spare);
    *answer = verdict == ALG_ANSWER && head + payload.n <= own ? payload : SLICE_NONE;
    return verdict == ALG_DROP || verdict == ALG_ANSWER ? reason : ALG_REASON_NONE;
}

unsigned alg_core_describe(struct alg_core *core, struct handle session, unsigned dir,
                           struct alg_packet packets[ALG_CROSSINGS])
{
    struct dataplane *dp = core->dp;
    const struct snapshot *snap = dataplane_snapshot(dp);
    if (!store_live(&dp->sessions.store, session))
        return 0;
    const struct session *s = session_at(&dp->sessions, session.index);
    uint32_t policy_id = session_policy(s);
    const struct policy *policy = policy_by_id(snap, policy_id);
    uint16_t profile = session_has_helper(s) ? snap->n_profiles : policy ? policy->profile : 0;
    packets[0] = (struct alg_packet){
        .session = session,
        .now_ms = core->now_ms,
        .policy_id = policy_id,
        .profile_index = profile,
        .in_ifindex = s->ifindex[dir],
        .out_ifindex = s->ifindex[!dir],
        .proto = s->r.key[0].proto,
        .reply = dir == 1,
        .log = policy && policy->log_utm,
        .profile = &snap->profiles[profile],
    };
    packets[1] = packets[0];
    unsigned crossings = alg_parties(dp, snap, session.index, (uint8_t)dir, packets);
    for (int i = 0; i < 2; i++) {
        core->spoken[i] = (struct snat_spoken){snap->nat->vips, i ? IPPROTO_TCP : IPPROTO_UDP};
        core->barred[i] = (struct nat_fit){snat_spoken_for, &core->spoken[i]};
    }
    core->names = alg_vips(snap);
    for (unsigned i = 0; i < crossings; i++) {
        if (!ip_addr_is4(&packets[i].public_side.ip))
            continue;
        packets[i].names = vips_count(snap->nat->vips) ? &core->names : NULL;
        if (vips_has(snap->nat->vips, ip_port_v4(packets[i].public_side).ip)) {
            packets[i].barred = &core->barred[0];
            packets[i].barred_tcp = &core->barred[1];
        }
    }
    return crossings;
}

static void handle(struct alg_core *core, struct worker *w, struct rte_mbuf *m, uint64_t now_ms)
{
    struct note note = *note_of(m);
    struct packet p = {.m = m, .l3_len = note.l3_len};
    p.ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    struct alg_packet packets[ALG_CROSSINGS];
    unsigned crossings = alg_core_describe(core, note.session, note.dir, packets);
    if (crossings == 0)
        return alg_core_drop(core, m, DROP_SESSION_GONE, now_ms);
    if (packets[0].proto == IPPROTO_TCP)
        return alg_tcp_input(core, w, m, now_ms);
    p.is6 = !ip_addr_is4(&packets[0].src.ip);
    p.l4 = (char *)p.ip + p.l3_len;
    p.l4_len = be16_host(packet_udp(&p)->dgram_len);
    size_t n = p.l4_len - sizeof(struct rte_udp_hdr);
    packets[0].payload = slice_of((const char *)p.l4 + sizeof(struct rte_udp_hdr), n);

    struct slice answer;
    enum alg_reason reason = edit(core, &p, packets, crossings, &answer);
    if (answer.n) {
        count_drop(core, drop_of_alg(reason), now_ms);
        return answer_send(core, w, &p, note.ifindex, answer);
    }
    if (reason != ALG_REASON_NONE)
        return alg_core_drop(core, p.m, drop_of_alg(reason), now_ms);
    if (rte_ring_sp_enqueue(w->from_alg, p.m) != 0)
        alg_core_drop(core, p.m, DROP_ALG_RING_FULL, now_ms);
}

/* The lines that a message brings along, from the caches of the worker that handed it over. */
static void bring(const struct alg_core *core, struct rte_mbuf *m)
{
    const char *text = rte_pktmbuf_mtod(m, const char *);
    for (uint32_t at = 0; at < m->data_len && at < BRING_BYTES; at += RTE_CACHE_LINE_SIZE)
        rte_prefetch0(text + at);
    const struct session *s = session_at(&core->dp->sessions, note_of(m)->session.index);
    rte_prefetch0(s);
    rte_prefetch0((const char *)s + RTE_CACHE_LINE_SIZE);
}

/* ... and the mapping that its session came through. */
static void bring_mapping(const struct alg_core *core, struct rte_mbuf *m)
{
    const struct mappings *ms = &core->dp->mappings;
    uint32_t mapping = session_at(&core->dp->sessions, note_of(m)->session.index)->mapping;
    if (mapping == INDEX_NONE)
        return;
    rte_prefetch0(mapping_at(ms, mapping));
    rte_prefetch0(&ms->cold[mapping]);
}

static unsigned take(struct alg_core *core, struct worker *w, uint64_t now_ms)
{
    struct rte_mbuf *m[BURST];
    unsigned n = rte_ring_sc_dequeue_burst(w->to_alg, (void **)m, BURST, NULL);
    for (unsigned k = 0; k < n; k++) {
        if (k + 3 < n)
            rte_prefetch0(note_of(m[k + 3]));
        if (k + 2 < n)
            bring(core, m[k + 2]);
        if (k + 1 < n)
            bring_mapping(core, m[k + 1]);
        handle(core, w, m[k], now_ms);
    }
    return n;
}

unsigned alg_core_run_once(struct alg_core *core, uint64_t now_ms)
{
    struct dataplane *dp = core->dp;
    core->now_ms = now_ms;
    unsigned done = alg_run_timers(core->alg, now_ms, TIMER_BUDGET);
    for (uint16_t i = 0; i < dp->n_workers; i++)
        done += take(core, dp->workers[i], now_ms);
    alg_mail_serve(core->mail, core->alg, now_ms);
    rte_rcu_qsbr_quiescent(dp->qsbr, dataplane_alg_reader(dp));
    return done;
}
