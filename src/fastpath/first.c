/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first packet of a flow visits the rule book: one row of `steps` after the other, until one
 * has used the packet up. It ends in the same straight line as every later packet of the session it
 * made.
 */
#include "fastpath/first.h"
#include "base/checksum.h"
#include "fastpath/fragment.h"
#include "fastpath/stages.h"
#include "sessions/tcp.h"

#include <rte_pause.h>

#include <errno.h>

/* Rounds through the steps, and looks at a session another worker is making just now. */
#define RACE_ROUNDS 4
#define TWIN_LOOKS  256

/* Turn an echo request into its answer, in place. */
static void echo_answer(struct worker *w, struct packet *p)
{
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
    struct rte_icmp_hdr *icmp = p->l4;
    be32 src = p->ip->src_addr;
    p->ip->src_addr = p->ip->dst_addr;
    p->ip->dst_addr = src;
    uint64_t delta = checksum_delta(p->ip->time_to_live, 64);
    p->ip->time_to_live = 64;
    p->ip->hdr_checksum = checksum_adjust(p->ip->hdr_checksum, delta);
    icmp->icmp_type = RTE_IP_ICMP_ECHO_REPLY;
    delta = checksum_delta(RTE_IP_ICMP_ECHO_REQUEST, RTE_IP_ICMP_ECHO_REPLY);
    icmp->icmp_cksum = checksum_adjust(icmp->icmp_cksum, delta);
    eth->dst_addr = eth->src_addr;
    memcpy(eth->src_addr.addr_bytes, w->snapshot->interfaces[p->ifindex].mac, 6);
    fragment_send(w, p->ifindex, p->m); /* the question may have come in pieces */
}

/* To the firewall itself: pings where the interface allows them. */
static enum step step_local(struct worker *w, struct first *f)
{
    struct packet *p = f->p;
    be32 dst = f->dst.word[3];
    if (f->inward || !snapshot_owns(w->snapshot, dst))
        return NEXT;
    /* Addresses of VIPs and pools answer to nothing, nor is the firewall behind a VIP. */
    if (f->vip || !snapshot_local(w->snapshot, dst))
        return first_refuse(w, f, DROP_LOCAL_DENIED);
    if (p->key.proto != IPPROTO_ICMP || packet_icmp(p)->icmp_type != RTE_IP_ICMP_ECHO_REQUEST ||
        !w->snapshot->interfaces[p->ifindex].allow_ping)
        return first_refuse(w, f, DROP_LOCAL_DENIED);
    echo_answer(w, p);
    return DONE;
}

static enum step step_ttl(struct worker *w, struct first *f)
{
    return packet_hops(f->p) <= 1 ? first_refuse(w, f, DROP_TTL) : NEXT;
}

/* Timers, next hops, connection state: what the session remembers besides its keys. */
static enum step step_fill(struct worker *w, struct first *f)
{
    struct session_new *want = &f->want;
    const struct neighbours *ns = &w->dp->neighbours;
    const struct packet *p = f->p;
    /* Behind a pinhole or VIP what a `config port` row means is the port of the host. */
    uint16_t dport = p->key.proto == IPPROTO_ICMP ? 0 : be16_host(f->dport);

    if ((p->key.proto == IPPROTO_ICMP || p->key.proto == IPPROTO_ICMPV6) && !packet_is_ping(p))
        return first_refuse(w, f, DROP_ICMP_UNASKED);
    want->policy_id = f->hit.policy->id;
    want->generation = w->snapshot->generation;
    want->traits |= f->hit.policy->traits & TRAIT_LASTING;
    want->timer_set = snapshot_timer_set(w->snapshot, &f->hit, p->key.proto, dport);
    want->service = f->hit.service ? f->hit.service->service : UINT16_MAX;
    want->ifindex[0] = (uint8_t)p->ifindex;
    want->ifindex[1] = (uint8_t)f->out_ifindex;
    want->neighbour[0] = neighbour_find(ns, f->out_ifindex, f->next_hop);
    want->neighbour[1] = neighbour_find(ns, p->ifindex, f->back_hop);
    want->now_ms = (uint32_t)w->now_ms;

    uint8_t refresh = timer_set_get(w->dp->timer_sets, want->timer_set)->refresh;
    if (refresh == TIMER_REFRESH_OUTGOING)
        want->flags |= SESSION_QUIET << 1;
    else if (refresh == TIMER_REFRESH_INCOMING)
        want->flags |= SESSION_QUIET;
    return NEXT;
}

/* Somebody else makes this session: wait for it a moment. */
static bool wait_for_twin(struct worker *w, struct packet *p)
{
    const struct sessions *ss = &w->dp->sessions;
    for (int i = 0; i < TWIN_LOOKS; i++) {
        struct table_hit hit;
        if (!table_find(&ss->store.table, &p->key, p->hash, &hit))
            return false;
        if (record_live_as(&session_at(ss, hit.index)->r, hit.dir, &p->key)) {
            p->session = hit.index;
            p->dir = hit.dir;
            return true;
        }
        rte_pause();
    }
    return false;
}

static enum drop_reason create_reason(const struct first *f, int result)
{
    switch (result) {
    case -ENOSPC:
        return DROP_TABLE_FULL;
    case -EADDRNOTAVAIL:
        return f->want.nat ? f->snat.refusal : DROP_NO_PORT;
    case -EMFILE:
        return DROP_MAPPING_FULL;
    default:
        return DROP_RACE;
    }
}

static enum step step_create(struct worker *w, struct first *f)
{
    struct table_hit hit;
    int result;
    do
        result = session_create(&w->dp->sessions, &w->thread, &f->want, &hit);
    while (result == -EADDRNOTAVAIL && f->want.nat && first_next_offer(w, f));
    if (result == -EADDRNOTAVAIL && f->snat.refusal == DROP_RACE)
        return AGAIN;
    if (result == -EEXIST || result == -EAGAIN) {
        if (!wait_for_twin(w, f->p))
            return AGAIN;
    } else if (result != 0) {
        return first_refuse(w, f, create_reason(f, result));
    } else {
        f->lease.pool = 0; /* the session's now */
        f->p->session = hit.index;
        f->p->dir = hit.dir;
        verdict_admitted(&w->dp->verdicts, w->id, f->hit.policy->slot, w->now_ms);
    }
    pipeline_known(w, f->p);
    return DONE;
}

static const struct {
    const char *name; /* in the event of a drop */
    /* Of IPv4 and of IPv6; NULL: nothing to do there. */
    enum step (*run[2])(struct worker *w, struct first *f);
} steps[] = {
    {"inward", {step_inward, step_inward6}},
    {"vip", {step_vip, NULL}},
    {"local", {step_local, step_local6}},
    {"route", {step_route, step_route}},
    {"outward", {step_outward, step_outward6}},
    {"ttl", {step_ttl, step_ttl}},
    {"policy", {step_policy, step_policy}},
    {"snat", {step_snat, NULL}},
    {"alg", {step_alg, step_alg}},
    {"cone", {step_cone, NULL}},
    {"nat", {step_nat, step_keys6}},
    {"tcp", {step_tcp, step_tcp}},
    {"fill", {step_fill, step_fill}},
    {"create", {step_create, step_create}},
};

_Static_assert(RTE_DIM(steps) <= STAGE_STEPS, "a clock has a place for each step");

const char *pipeline_step_name(unsigned i)
{
    return i < RTE_DIM(steps) ? steps[i].name : NULL;
}

static enum step steps_run(struct worker *w, struct first *f)
{
    enum step step = NEXT;
    for (size_t i = 0; step == NEXT; i++) {
        w->step = steps[i].name;
        if (steps[i].run[f->p->is6])
            step = steps[i].run[f->p->is6](w, f);
        if (__builtin_expect(w->clock != NULL, 0))
            stage_mark(w->clock, &w->clock->step[i]);
    }
    w->step = NULL;
    return step;
}

static void first_run(struct worker *w, struct packet *p, bool open)
{
    for (int round = 0; round < RACE_ROUNDS; round++) {
        struct first f = {.p = p, .src = packet_src(p), .dst = packet_dst(p), .open = open};
        if (p->is6)
            f.v6 = packet_flow6(p);
        enum step step = steps_run(w, &f);
        pools_return(w->dp->pools, &f.lease);
        if (step == DONE)
            return;
    }
    drop(w, p->m, DROP_RACE);
}

void pipeline_first(struct worker *w, struct packet *p)
{
    first_run(w, p, false);
}

void pipeline_successor(struct worker *w, struct packet *p)
{
    const struct session *was = session_at(&w->dp->sessions, p->session);
    enum tcp_state state = tcp_state_digit(__atomic_load_n(&was->tcp_state, __ATOMIC_RELAXED));
    /* Not one that the ALG has changed: its numbers are others on each side. */
    first_run(w, p,
              p->key.proto == IPPROTO_TCP && !session_has_alg(was) &&
                  !(was->r.flags & (SESSION_SNAT | SESSION_DNAT)) &&
                  (state == TCP_STATE_ESTABLISHED || state == TCP_STATE_FIN_WAIT ||
                   state == TCP_STATE_CLOSE_WAIT));
}
