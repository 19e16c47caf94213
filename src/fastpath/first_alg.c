/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does a flow get the ALG? If so its inside endpoint gets a mapping before its first session is
 * made, so that source port, Via and Contact agree toward every server.
 */
#include "alg/sip_msg.h"
#include "fastpath/first.h"

/* Does the first message look like SIP, or like what SIP phones keep a way open with? */
static bool looks_like_sip(const struct packet *p)
{
    size_t n = be16_host(packet_udp(p)->dgram_len) - sizeof(struct rte_udp_hdr);
    struct slice payload = slice_of((const char *)(packet_udp(p) + 1), n);
    return sip_classify(payload) != SIP_CLASS_OTHER;
}

static enum step signalling_open(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    const struct policy *policy = f->hit.policy;
    const struct key *key = &f->p->key;
    struct mapping_want want = {
        .proto = key->proto,
        .zone = key->zone,
        .inside = {key->src, key->sport},
        .kind = MAPPING_SIGNALLING,
        .filter = s->profiles[policy->profile].strict_register ? MAPPING_ADDRESS : MAPPING_ANYONE,
        .peer = {key->dst, key->dport},
        .policy_id = policy->id,
        .profile = policy->profile,
        .outside_ifindex = f->out_ifindex,
        .flags = MAPPING_ALG,
        .now_ms = (uint32_t)w->now_ms,
    };
    return first_map(w, f, &want);
}

/* To a SIP port, or from a SIP phone's own port to wherever the other party's Contact points. */
static bool toward_sip(const struct snapshot *s, const struct first *f)
{
    return snapshot_sip_port(s, f->p->key.dport) ||
           (f->outward && f->outward->r.flags & MAPPING_ALG);
}

/* SIP gets the ALG, and a mapping for its inside endpoint before its first session is made. */
enum step step_alg(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    const struct policy *policy = f->hit.policy;
    bool wanted = policy->sip && s->profiles[policy->profile].sip_status;
    /* Behind a VIP the inside party is the destination, which the mappings below are not for. */
    if (f->vip)
        return NEXT;
    if (f->inward) {
        f->sip = wanted && f->inward->r.flags & MAPPING_ALG;
        return NEXT;
    }
    /* One endpoint may have policies with and without NAT: then the mapping serves those alike. */
    if (f->outward && (f->snat.kind != SNAT_NONE) != (bool)(f->outward->r.flags & MAPPING_NAT))
        f->outward = NULL;
    else if (f->outward && !wanted)
        return NEXT;
    if (!wanted || f->p->key.proto != IPPROTO_UDP || !toward_sip(s, f) ||
        (f->hit.service && f->hit.service->no_helper) || !looks_like_sip(f->p))
        return NEXT;
    f->sip = true;
    if (f->outward || f->outward_index != INDEX_NONE)
        return NEXT;
    return signalling_open(w, f);
}
