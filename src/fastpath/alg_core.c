/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between mbufs and the ALG. A frame that comes in by ring carries the handle of its session and a
 * direction; from the session's keys follows who is inside, what stands for him outside, and who
 * the other party is. The ALG answers with a verdict and perhaps another payload; the header keeps
 * what arrived (lengths and checksums made right), because the worker translates it afterwards like
 * any other packet of the session.
 */
#include "fastpath/alg_core.h"

#include "base/checksum.h"
#include "fastpath/alg_mail.h"
#include "fastpath/packet.h"

#include <rte_malloc.h>

#define TIMER_BUDGET 256
/* Largest payload the ALG may make of a message. */
#define ALG_OUT_MAX 4096

struct alg_core *alg_core_create(struct dataplane *dp, const struct alg_limits *limits,
                                 const struct hash_secret *secret, uint64_t seed)
{
    struct alg_core *core = rte_zmalloc("alg core", sizeof *core, RTE_CACHE_LINE_SIZE);
    if (!core)
        return NULL;
    core->dp = dp;
    session_thread_init(&core->thread, seed);
    core->mail = alg_mail_create();
    core->alg = alg_create(limits, &dp->mappings, &core->thread, &dp->events, secret);
    if (!core->alg || !core->mail) {
        alg_core_destroy(core);
        return NULL;
    }
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
    rte_free(core);
}

static void core_drop(struct alg_core *core, struct rte_mbuf *m, enum drop_reason reason,
                      uint64_t now_ms)
{
    __atomic_store_n(&core->drop[reason], core->drop[reason] + 1, __ATOMIC_RELAXED);
    if (events_on(&core->dp->events))
        event_emit(&core->dp->events, "drop", now_ms, "\"reason\":\"%s\"", drop_name(reason));
    rte_pktmbuf_free(m);
}

/* Who is who in this session. */
static void parties_of(const struct session *s, uint8_t dir, struct alg_packet *out)
{
    const struct key *k = s->r.key;
    bool inward = s->r.flags & SESSION_INWARD; /* the first packet came from outside */
    int in = inward ? 1 : 0;
    out->outward = inward ? dir == 1 : dir == 0;
    out->src = (struct endpoint){k[dir].src, k[dir].sport};
    out->dst = (struct endpoint){k[dir].dst, k[dir].dport};
    out->inside = (struct endpoint){k[in].src, k[in].sport};
    out->public_side = (struct endpoint){k[!in].dst, k[!in].dport};
    out->outside = (struct endpoint){k[in].dst, k[in].dport};
    out->inside_zone = k[in].zone;
    out->outside_ifindex = s->ifindex[!in];
}

/* Put the new payload into the frame. False: it does not fit. */
static bool payload_set(struct rte_mbuf *m, struct packet *p, struct slice payload, be16 id)
{
    struct rte_udp_hdr *udp = p->l4;
    size_t head = (size_t)((char *)(udp + 1) - rte_pktmbuf_mtod(m, char *));
    if (head + payload.n > (size_t)m->buf_len - m->data_off)
        return false;
    memcpy(udp + 1, payload.p, payload.n);
    m->data_len = (uint16_t)(head + payload.n);
    m->pkt_len = m->data_len;

    uint16_t l4_len = (uint16_t)(sizeof *udp + payload.n);
    uint16_t ihl = (uint16_t)((char *)udp - (char *)p->ip);
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
    udp->dgram_len = be16_of(l4_len);
    udp->dgram_cksum = 0;
    uint64_t sum = checksum_pseudo(p->ip->src_addr, p->ip->dst_addr, IPPROTO_UDP, l4_len) +
                   checksum_sum(udp, l4_len);
    udp->dgram_cksum = (uint16_t)~checksum_fold(sum);
    if (udp->dgram_cksum == 0)
        udp->dgram_cksum = 0xffff;
    return true;
}

static void handle(struct alg_core *core, struct worker *w, struct rte_mbuf *m, uint64_t now_ms)
{
    struct dataplane *dp = core->dp;
    const struct snapshot *snap = dataplane_snapshot(dp);
    struct note note = *note_of(m);
    if (!store_live(&dp->sessions.store, note.session))
        return core_drop(core, m, DROP_SESSION_GONE, now_ms);
    const struct session *s = session_at(&dp->sessions, note.session.index);
    const struct policy *policy = policy_by_id(snap, s->policy_id);
    uint16_t profile = policy ? policy->profile : 0;

    struct packet p = {.m = m, .ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET)};
    p.l4 = (char *)p.ip + (p.ip->version_ihl & 15) * 4;
    size_t n = be16_host(packet_udp(&p)->dgram_len) - sizeof(struct rte_udp_hdr);
    struct alg_packet packet = {
        .payload = slice_of((const char *)p.l4 + sizeof(struct rte_udp_hdr), n),
        .session = note.session,
        .now_ms = now_ms,
        .policy_id = s->policy_id,
        .profile_index = profile,
        .profile = &snap->profiles[profile],
    };
    parties_of(s, note.dir, &packet);

    /* What the frame has room for: beyond it the ALG refuses before it commits to anything. */
    char out[ALG_OUT_MAX];
    size_t head = (size_t)(packet.payload.p - rte_pktmbuf_mtod(m, char *));
    size_t room = (size_t)m->buf_len - m->data_off - head;
    room = room < sizeof out ? room : sizeof out;
    size_t out_n = 0;
    enum alg_reason reason = ALG_REASON_NONE;
    switch (alg_input(core->alg, &packet, out, room, &out_n, &reason)) {
    case ALG_DROP:
        return core_drop(core, m, drop_of_alg(reason), now_ms);
    case ALG_REPLACE:
        if (!payload_set(m, &p, slice_of(out, out_n), (be16)rng_next(&core->thread.rng)))
            return core_drop(core, m, DROP_SIP_TOO_LARGE, now_ms);
        break;
    case ALG_PASS:
        break;
    }
    if (rte_ring_sp_enqueue(w->from_alg, m) != 0)
        core_drop(core, m, DROP_ALG_RING_FULL, now_ms);
}

unsigned alg_core_run_once(struct alg_core *core, uint64_t now_ms)
{
    struct dataplane *dp = core->dp;
    unsigned done = alg_run_timers(core->alg, now_ms, TIMER_BUDGET);
    for (uint16_t i = 0; i < dp->n_workers; i++) {
        struct worker *w = dp->workers[i];
        struct rte_mbuf *m[BURST];
        unsigned n = rte_ring_sc_dequeue_burst(w->to_alg, (void **)m, BURST, NULL);
        for (unsigned k = 0; k < n; k++)
            handle(core, w, m[k], now_ms);
        done += n;
    }
    alg_mail_serve(core->mail, core->alg, now_ms);
    rte_rcu_qsbr_quiescent(dp->qsbr, dataplane_alg_reader(dp));
    return done;
}
