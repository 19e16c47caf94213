/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first packet of a flow visits the rule book: one row of `steps` after the other, until one
 * has used the packet up. It ends in the same straight line as every later packet of the session it
 * made.
 */
#include "alg/sip_msg.h"
#include "base/checksum.h"
#include "fastpath/pipeline.h"
#include "fastpath/route.h"
#include "sessions/tcp.h"

#include <rte_pause.h>

#include <errno.h>

/* Rounds through the steps, and looks at a session another worker is making just now. */
#define RACE_ROUNDS 4
#define TWIN_LOOKS  256

enum step {
    NEXT,
    DONE,
    AGAIN /* something changed under way: from the first step on */
};

/* What the steps find out about the flow. */
struct first {
    struct packet *p;
    const struct mapping *inward, *outward; /* mapping it comes in by, goes out by */
    uint32_t inward_index, outward_index;
    uint16_t out_ifindex;
    be32 dst;                /* where it goes after destination NAT */
    be32 next_hop, back_hop; /* of the original and the reply direction */
    struct policy_hit hit;
    bool sip;
    struct nat_want nat;
    struct session_new want;
};

static enum step refuse(struct worker *w, const struct first *f, enum drop_reason reason)
{
    drop(w, f->p->m, reason);
    return DONE;
}

/* NAT toward an address the firewall no longer has: whoever owns the mapping, it is over. */
static bool mapping_stale(const struct worker *w, const struct mapping *m)
{
    return m->r.flags & MAPPING_NAT && !snapshot_local(w->snapshot, mapping_public(m).ip);
}

/* A pinhole it comes in by. Only UDP has them. */
static enum step step_inward(struct worker *w, struct first *f)
{
    struct mappings *ms = &w->dp->mappings;
    const struct key *key = &f->p->key;
    f->inward_index = f->outward_index = INDEX_NONE;
    f->dst = key->dst;
    if (key->proto != IPPROTO_UDP)
        return NEXT;
    uint32_t index = mapping_find_public(ms, key->proto, (struct endpoint){key->dst, key->dport});
    if (index == INDEX_NONE)
        return NEXT;
    struct mapping *m = mapping_at(ms, index);
    if (mapping_stale(w, m)) {
        mapping_retire(ms, &w->thread, index);
        return NEXT;
    }
    if (!mapping_admits(ms, m, (struct endpoint){key->src, key->sport}))
        return refuse(w, f, DROP_MAPPING_FILTER);
    f->inward = m;
    f->inward_index = index;
    f->dst = mapping_inside(m).ip;
    return NEXT;
}

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
    worker_send(w, p->ifindex, p->m);
}

/* To the firewall itself: pings where the interface allows them. */
static enum step step_local(struct worker *w, struct first *f)
{
    struct packet *p = f->p;
    uint16_t own = f->inward ? 0 : snapshot_local(w->snapshot, p->key.dst);
    if (!own)
        return NEXT;
    if (p->key.proto != IPPROTO_ICMP || packet_icmp(p)->icmp_type != RTE_IP_ICMP_ECHO_REQUEST ||
        !w->snapshot->interfaces[p->ifindex].allow_ping)
        return refuse(w, f, DROP_LOCAL_DENIED);
    echo_answer(w, p);
    return DONE;
}

/* The way there, and the way back must be the way it came. */
static enum step step_route(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    const struct route *there = route_find(s->routes, f->dst);
    const struct route *back = route_find(s->routes, f->p->key.src);
    if (!there)
        return refuse(w, f, DROP_NO_ROUTE);
    if (there->blackhole)
        return refuse(w, f, DROP_BLACKHOLE);
    if (!s->interfaces[there->ifindex].up)
        return refuse(w, f, DROP_INTERFACE_DOWN);
    if (!back || back->ifindex != f->p->ifindex)
        return refuse(w, f, DROP_REVERSE_PATH);
    if (snapshot_local(s, f->p->key.src))
        return refuse(w, f, DROP_BAD_SOURCE);
    if (there->connected && f->dst == (there->dst | ~ipv4_mask(there->len)) && there->len < 31)
        return refuse(w, f, DROP_BROADCAST);
    f->out_ifindex = there->ifindex;
    f->next_hop = there->gateway ? there->gateway : f->dst;
    f->back_hop = back->gateway ? back->gateway : f->p->key.src;
    return NEXT;
}

/* A pinhole it leaves by, on this way out. */
static enum step step_outward(struct worker *w, struct first *f)
{
    struct mappings *ms = &w->dp->mappings;
    const struct key *key = &f->p->key;
    if (f->inward || key->proto != IPPROTO_UDP)
        return NEXT;
    uint32_t index = mapping_find_source(ms, key->proto, key->zone,
                                         (struct endpoint){key->src, key->sport}, f->out_ifindex);
    if (index == INDEX_NONE)
        return NEXT;
    if (mapping_stale(w, mapping_at(ms, index))) {
        mapping_retire(ms, &w->thread, index);
        return NEXT;
    }
    f->outward = mapping_at(ms, index);
    f->outward_index = index;
    return NEXT;
}

static enum step step_ttl(struct worker *w, struct first *f)
{
    return f->p->ip->time_to_live <= 1 ? refuse(w, f, DROP_TTL) : NEXT;
}

struct flow pipeline_flow(const struct key *key, const struct packet *p, uint16_t in_ifindex,
                          uint16_t out_ifindex)
{
    struct flow flow = {.in_ifindex = in_ifindex,
                        .out_ifindex = out_ifindex,
                        .src = key->src,
                        .dst = key->dst,
                        .sport = be16_host(key->sport),
                        .dport = be16_host(key->dport),
                        .proto = key->proto};
    if (key->proto == IPPROTO_ICMP) {
        const struct rte_icmp_hdr *icmp = p ? p->l4 : NULL;
        flow.sport = 0;
        flow.dport = icmp ? (uint16_t)(icmp->icmp_type << 8 | icmp->icmp_code)
                          : RTE_IP_ICMP_ECHO_REQUEST << 8;
    }
    return flow;
}

/*
 * What comes through a pinhole is admitted by the policy of its owner. Signalling that leaves by
 * one still needs a policy of its own: an endpoint's mapping is no licence to talk to everybody.
 */
static enum step step_policy(struct worker *w, struct first *f)
{
    const struct mapping *m = f->inward;
    if (!m && f->outward && f->outward->kind != MAPPING_SIGNALLING)
        m = f->outward;
    if (m) {
        f->hit.policy = policy_by_id(w->snapshot, m->policy_id);
        if (!f->hit.policy)
            return refuse(w, f, DROP_POLICY_CHANGED);
        return f->hit.policy->accept ? NEXT : refuse(w, f, DROP_POLICY_DENY);
    }
    struct flow flow = pipeline_flow(&f->p->key, f->p, f->p->ifindex, f->out_ifindex);
    if (!policy_find(w->snapshot, &flow, &f->hit))
        return refuse(w, f, DROP_NO_POLICY);
    return f->hit.policy->accept ? NEXT : refuse(w, f, DROP_POLICY_DENY);
}

/* Does the first message look like SIP, or like what SIP phones keep a way open with? */
static bool looks_like_sip(const struct packet *p)
{
    size_t n = be16_host(packet_udp(p)->dgram_len) - sizeof(struct rte_udp_hdr);
    struct slice payload = slice_of((const char *)(packet_udp(p) + 1), n);
    return sip_classify(payload) != SIP_CLASS_OTHER;
}

static int signalling_open(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    const struct policy *policy = f->hit.policy;
    const struct key *key = &f->p->key;
    struct nat_want nat = s->interfaces[f->out_ifindex].nat;
    nat.preserve = policy->preserve;
    nat.fixed = policy->fixed;
    struct mapping_want want = {
        .proto = key->proto,
        .zone = key->zone,
        .inside = {key->src, key->sport},
        .nat = policy->nat ? nat : (struct nat_want){0},
        .kind = MAPPING_SIGNALLING,
        .filter = s->profiles[policy->profile].strict_register ? MAPPING_ADDRESS : MAPPING_ANYONE,
        .peer = {key->dst, key->dport},
        .policy_id = policy->id,
        .profile = policy->profile,
        .outside_ifindex = f->out_ifindex,
        .flags = MAPPING_ALG,
        .now_ms = (uint32_t)w->now_ms,
    };
    struct handle h;
    int result = mapping_open(&w->dp->mappings, &w->thread, &want, &h);
    if (result == 0) {
        f->outward_index = h.index;
        f->outward = mapping_at(&w->dp->mappings, h.index);
    }
    return result;
}

/* To a SIP port, or from a SIP phone's own port to wherever the other party's Contact points. */
static bool toward_sip(const struct snapshot *s, const struct first *f)
{
    return snapshot_sip_port(s, f->p->key.dport) ||
           (f->outward && f->outward->r.flags & MAPPING_ALG);
}

/* SIP gets the ALG, and a mapping for its inside endpoint before its first session is made. */
static enum step step_alg(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    const struct policy *policy = f->hit.policy;
    bool wanted = policy->sip && s->profiles[policy->profile].sip_status;
    if (f->inward) {
        f->sip = wanted && f->inward->r.flags & MAPPING_ALG;
        return NEXT;
    }
    /* One endpoint may have policies with and without NAT: then the mapping serves those alike. */
    if (f->outward && policy->nat != (bool)(f->outward->r.flags & MAPPING_NAT))
        f->outward = NULL;
    else if (f->outward && !wanted)
        return NEXT;
    if (!wanted || f->p->key.proto != IPPROTO_UDP || !toward_sip(s, f) ||
        (f->hit.service && f->hit.service->no_helper) || !looks_like_sip(f->p))
        return NEXT;
    f->sip = true;
    if (f->outward || f->outward_index != INDEX_NONE)
        return NEXT;
    if (policy->nat && s->interfaces[f->out_ifindex].nat.ip == 0)
        return refuse(w, f, DROP_NO_NAT_ADDRESS);
    switch (signalling_open(w, f)) {
    case 0:
        return NEXT;
    case -ENOSPC:
        return refuse(w, f, DROP_NO_MAPPING);
    case -EADDRNOTAVAIL:
        return refuse(w, f, DROP_NO_PORT);
    default:
        return AGAIN;
    }
}

/* The key of the reply: where the translation is decided. */
static enum step step_nat(struct worker *w, struct first *f)
{
    const struct interface *egress = &w->snapshot->interfaces[f->out_ifindex];
    const struct policy *policy = f->hit.policy;
    struct session_new *want = &f->want;
    const struct mapping *m = f->inward ? f->inward : f->outward;

    *want = (struct session_new){.key[0] = f->p->key, .mapping = INDEX_NONE};
    want->key[1] = key_reverse(&f->p->key, egress->zone);
    if (m) {
        want->mapping = f->inward ? f->inward_index : f->outward_index;
        want->flags |= SESSION_MAPPED;
    }
    if (f->inward) {
        want->key[1].src = mapping_inside(m).ip;
        want->key[1].sport = mapping_inside(m).port;
        want->flags |= SESSION_INWARD | (m->r.flags & MAPPING_NAT ? SESSION_DNAT : 0);
    } else if (m) {
        want->key[1].dst = mapping_public(m).ip;
        want->key[1].dport = mapping_public(m).port;
        want->flags |= m->r.flags & MAPPING_NAT ? SESSION_SNAT : 0;
    } else if (policy->nat) {
        if (egress->nat.ip == 0)
            return refuse(w, f, DROP_NO_NAT_ADDRESS);
        f->nat = egress->nat;
        f->nat.preserve = policy->preserve || f->p->key.proto == IPPROTO_ICMP;
        f->nat.fixed = policy->fixed;
        want->nat = &f->nat;
        want->key[1].dst = egress->nat.ip;
        want->flags |= SESSION_SNAT;
    }
    if (f->sip)
        want->flags |= SESSION_ALG;
    session_prepare(&w->dp->sessions, want->key);
    return NEXT;
}

/* Timers, next hops, connection state: what the session remembers besides its keys. */
static enum step step_fill(struct worker *w, struct first *f)
{
    struct session_new *want = &f->want;
    const struct neighbours *ns = &w->dp->neighbours;
    const struct packet *p = f->p;
    /* Of a pinhole's inside: what a `config port` row means is the port of the host. */
    uint16_t dport = p->key.proto == IPPROTO_ICMP ? 0
                     : f->inward                  ? be16_host(mapping_inside(f->inward).port)
                                                  : be16_host(p->key.dport);

    if (p->key.proto == IPPROTO_TCP) {
        struct tcp_step step = tcp_track(TCP_STATE_NONE, 0, packet_tcp(p)->tcp_flags, true);
        if (step.verdict != TCP_PASS)
            return refuse(w, f, DROP_TCP_STATE);
    }
    if (p->key.proto == IPPROTO_ICMP && packet_icmp(p)->icmp_type != RTE_IP_ICMP_ECHO_REQUEST)
        return refuse(w, f, DROP_ICMP_UNASKED);
    want->tcp_state = TCP_STATE_NONE;
    want->policy_id = f->hit.policy->id;
    want->generation = w->snapshot->generation;
    want->timer_set = snapshot_timer_set(w->snapshot, &f->hit, p->key.proto, dport);
    want->service = f->hit.service ? f->hit.service->service : UINT16_MAX;
    want->ifindex[0] = p->ifindex;
    want->ifindex[1] = f->out_ifindex;
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

static enum drop_reason create_reason(int result)
{
    switch (result) {
    case -ENOSPC:
        return DROP_TABLE_FULL;
    case -EADDRNOTAVAIL:
        return DROP_NO_PORT;
    case -EMFILE:
        return DROP_MAPPING_FULL;
    default:
        return DROP_RACE;
    }
}

static enum step step_create(struct worker *w, struct first *f)
{
    struct table_hit hit;
    int result = session_create(&w->dp->sessions, &w->thread, &f->want, &hit);
    if (result == -EEXIST || result == -EAGAIN) {
        if (!wait_for_twin(w, f->p))
            return AGAIN;
    } else if (result != 0) {
        return refuse(w, f, create_reason(result));
    } else {
        f->p->session = hit.index;
        f->p->dir = hit.dir;
    }
    pipeline_known(w, f->p);
    return DONE;
}

static const struct {
    const char *name; /* in the event of a drop */
    enum step (*run)(struct worker *w, struct first *f);
} steps[] = {
    {"inward", step_inward},   {"local", step_local}, {"route", step_route},
    {"outward", step_outward}, {"ttl", step_ttl},     {"policy", step_policy},
    {"alg", step_alg},         {"nat", step_nat},     {"fill", step_fill},
    {"create", step_create},
};

static enum step steps_run(struct worker *w, struct first *f)
{
    enum step step = NEXT;
    for (size_t i = 0; step == NEXT; i++) {
        w->step = steps[i].name;
        step = steps[i].run(w, f);
    }
    w->step = NULL;
    return step;
}

void pipeline_first(struct worker *w, struct packet *p)
{
    for (int round = 0; round < RACE_ROUNDS; round++) {
        struct first f = {.p = p};
        if (steps_run(w, &f) == DONE)
            return;
    }
    drop(w, p->m, DROP_RACE);
}
