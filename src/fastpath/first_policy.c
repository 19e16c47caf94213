/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The verdict: which rule admits the flow, and what is kept of it when none does. A denial costs a
 * line of counters and, where it is logged, a place in the worker's ring; control does the talking.
 */
#include "fastpath/first.h"

struct flow pipeline_flow(const struct key *key, const struct packet *p, uint16_t in_ifindex,
                          uint16_t out_ifindex)
{
    struct flow flow = {.in_ifindex = in_ifindex,
                        .out_ifindex = out_ifindex,
                        .src = ip_addr_of4(key->src),
                        .dst = ip_addr_of4(key->dst),
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

void flow_by_vip(struct flow *flow, const struct vip *vip, be32 dst, be16 dport)
{
    flow->vip = vip->number;
    flow->dst = ip_addr_of4(dst);
    if (flow->proto != IPPROTO_ICMP)
        flow->dport = be16_host(dport);
}

static struct flow flow_of(const struct first *f)
{
    const struct packet *p = f->p;
    struct flow flow = p->is6 ? pipeline_flow6(&f->v6, p->key.proto, p->ifindex, f->out_ifindex)
                              : pipeline_flow(&p->key, p, p->ifindex, f->out_ifindex);
    if (f->vip)
        flow_by_vip(&flow, f->vip, f->dst.word[3], f->dport);
    return flow;
}

/* By a policy, or by none: the implicit deny, policy 0. */
static enum step deny(struct worker *w, const struct first *f, const struct flow *flow,
                      const struct policy *policy)
{
    struct verdicts *v = &w->dp->verdicts;
    uint32_t bytes = rte_pktmbuf_pkt_len(f->p->m) - PACKET_IP_OFFSET;
    verdict_denied(v, w->id, policy ? policy->slot : 0, bytes, w->now_ms);
    bool implicit = !policy || policy->id == 0;
    if (implicit ? w->snapshot->log_implicit[f->p->is6] : policy->log)
        verdict_log(v, w->id,
                    &(struct verdict_denial){
                        .flow = *flow, .policy_id = policy ? policy->id : 0, .at_ms = w->now_ms});
    return first_refuse(w, f, policy ? DROP_POLICY_DENY : DROP_NO_POLICY);
}

/*
 * What comes through a pinhole is admitted by the policy of its owner. Signalling that leaves by
 * one still needs a policy of its own: an endpoint's mapping is no licence to talk to everybody. Or
 * it belongs to a call that may go on.
 */
enum step step_policy(struct worker *w, struct first *f)
{
    const struct mapping *m = f->inward;
    struct flow flow = flow_of(f);
    if (!m && f->outward && mapping_kind_is_media(f->outward->kind))
        m = f->outward;
    else if (!m && f->outlet_index != INDEX_NONE)
        m = mapping_at(&w->dp->mappings, f->outlet_index);
    if (m) {
        f->hit.policy = policy_by_id(w->snapshot, m->policy_id);
        if (!f->hit.policy)
            return first_refuse(w, f, DROP_POLICY_CHANGED);
    } else if (!policy_find(w->snapshot, &flow, &f->hit)) {
        return first_of_call(w, f) ? NEXT : deny(w, f, &flow, NULL);
    }
    if (f->hit.policy->accept || (!m && first_of_call(w, f)))
        return NEXT;
    return deny(w, f, &flow, f->hit.policy);
}
