/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Does a flow get the ALG? If so its inside endpoint gets a mapping before its first session is
 * made, so that source port, Via and Contact agree toward every server.
 *
 * The host behind a VIP needs none: the VIP stands for it, and who may come in there is for its
 * filters and the policies to say each time. Nor does one that is called at its own address. Where
 * such a flow, or one that comes in by a pinhole, has its source translated as well, it has two
 * inside parties (a hairpin), and the source gets its mapping toward the interface where the public
 * address is.
 */
#include "alg/sip_msg.h"
#include "fastpath/first.h"
#include "sessions/tcp.h"

/* The port that `sip-expectation` opens. */
#define EXPECTED_PORT 5060

/* A connection from its beginning; whether it is SIP is found out later (alg/streams.h). */
static bool starts(const struct packet *p)
{
    return (packet_tcp(p)->tcp_flags & (TCP_BIT_SYN | TCP_BIT_ACK | TCP_BIT_FIN | TCP_BIT_RST)) ==
           TCP_BIT_SYN;
}

bool first_looks_like_sip(const struct packet *p)
{
    if (p->key.proto == IPPROTO_TCP)
        return starts(p);
    size_t n = be16_host(packet_udp(p)->dgram_len) - sizeof(struct rte_udp_hdr);
    struct slice payload = slice_of((const char *)(packet_udp(p) + 1), n);
    return sip_classify(payload) != SIP_CLASS_OTHER;
}

static bool by_helper(const struct first *f)
{
    return f->hit.policy->engine == SIP_ENGINE_HELPER;
}

void first_mark_sip(struct first *f)
{
    if (!f->sip)
        return;
    f->want.flags |= SESSION_ALG;
    if (by_helper(f))
        f->want.traits |= TRAIT_HELPER;
    if (f->called)
        f->want.traits |= TRAIT_CALLED;
    if (f->of_call)
        f->want.traits |= TRAIT_OF_CALL;
}

/* Who may come in by the mapping of a source. */
static enum mapping_filter filter_of(const struct snapshot *s, const struct first *f,
                                     uint16_t profile)
{
    const be16 sport = f->p->is6 ? f->v6.sport : f->p->key.sport;
    if (by_helper(f) && s->helper_expects && be16_host(sport) == EXPECTED_PORT)
        return MAPPING_ANYONE;
    return s->profiles[profile].strict_register ? MAPPING_ADDRESS : MAPPING_ANYONE;
}

static enum step signalling_open(struct worker *w, struct first *f, uint16_t outside_ifindex)
{
    const struct snapshot *s = w->snapshot;
    const struct policy *policy = f->hit.policy;
    const uint16_t profile = by_helper(f) ? s->n_profiles : policy->profile;
    const struct key *key = &f->p->key;
    const struct ip_port inside6 = {f->src, f->v6.sport}, peer6 = {f->dst, f->v6.dport};
    struct mapping_want want = {
        .proto = key->proto,
        .zone = key->zone,
        .inside = {key->src, key->sport},
        .kind = MAPPING_SIGNALLING,
        .filter = filter_of(s, f, profile),
        .peer = {key->dst, key->dport},
        .policy_id = policy->id,
        .profile = profile,
        .outside_ifindex = outside_ifindex,
        .flags = MAPPING_ALG,
        .now_ms = (uint32_t)w->now_ms,
    };
    if (f->p->is6) {
        want.v6 = &inside6;
        want.peer6 = &peer6;
    }
    return first_map(w, f, &want);
}

/* The ALG and the session helper have ports of their own. */
static bool is_sip_port(const struct snapshot *s, const struct first *f, be16 port)
{
    const bool tcp = f->p->key.proto == IPPROTO_TCP;
    if (by_helper(f))
        return (f->hit.service && f->hit.service->helper_sip) || snapshot_helper_port(s, tcp, port);
    return tcp ? snapshot_sip_tcp_port(s, port) : snapshot_sip_port(s, port);
}

/* To a SIP port, or from a SIP phone's own port to wherever the other party's Contact points. */
static bool toward_sip(const struct snapshot *s, const struct first *f)
{
    return is_sip_port(s, f, f->dport) || (f->outward && f->outward->r.flags & MAPPING_ALG);
}

/* Somebody reads the SIP of the flow. */
static bool wanted(const struct first *f)
{
    return f->hit.policy->engine != SIP_ENGINE_NONE &&
           (f->p->key.proto == IPPROTO_UDP || f->p->key.proto == IPPROTO_TCP) &&
           !(f->hit.service && f->hit.service->no_sip);
}

/* Where the way back to a translated source begins: outside of the public address it turns round
 * at, or where it leaves. */
static uint16_t outside_of(const struct worker *w, const struct first *f)
{
    uint16_t turned = first_turned_at(w->snapshot, f);
    return turned ? turned : f->out_ifindex;
}

/* It came in by a pinhole. Its own source may be an inside host, too. */
static enum step alg_inward(struct worker *w, struct first *f)
{
    f->sip = wanted(f) && f->inward->r.flags & MAPPING_ALG &&
             (f->p->key.proto != IPPROTO_TCP || starts(f->p));
    if (!f->sip || f->snat.kind == SNAT_NONE || f->hairpin_index != INDEX_NONE ||
        !first_looks_like_sip(f->p))
        return NEXT;
    enum step step = signalling_open(w, f, outside_of(w, f));
    if (step == NEXT && f->outward_index != f->inward_index)
        f->hairpin_index = f->outward_index;
    f->outward = NULL;
    f->outward_index = INDEX_NONE;
    return step;
}

/*
 * A mapping of the source serves the policies that translate as it does. Media leave by theirs
 * whatever the policy says of the source: the other party was told so, and the policy of a call
 * that came in says nothing of what the host inside sends.
 */
static void outward_check(struct first *f)
{
    if (f->outward && !mapping_kind_is_media(f->outward->kind) &&
        (f->snat.kind != SNAT_NONE) != (bool)(f->outward->r.flags & MAPPING_NAT))
        f->outward = NULL;
}

/* Behind a VIP: the ports on both sides of it count as SIP ports. */
static enum step alg_vip(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    outward_check(f);
    f->sip = wanted(f) && first_looks_like_sip(f->p) &&
             (is_sip_port(s, f, f->p->key.dport) || is_sip_port(s, f, f->dport));
    if (!f->sip || f->snat.kind == SNAT_NONE || f->outward_index != INDEX_NONE)
        return NEXT;
    return signalling_open(w, f, outside_of(w, f));
}

/* Nothing is translated, and who sends is outside: the inside party is the host that is called. */
static bool is_called(const struct snapshot *s, const struct first *f)
{
    return f->snat.kind == SNAT_NONE && snapshot_comes_in(s, f->p->ifindex, f->out_ifindex);
}

/* SIP gets the ALG, and a mapping for its inside endpoint before its first session is made. */
enum step step_alg(struct worker *w, struct first *f)
{
    if (f->inward)
        return alg_inward(w, f);
    if (f->vip)
        return alg_vip(w, f);
    if (f->of_call) {
        f->sip = true; /* no mapping for it: first_call.c */
        return NEXT;
    }
    /* One endpoint may have policies with and without NAT: then the mapping serves those alike. */
    outward_check(f);
    if (!wanted(f) || !toward_sip(w->snapshot, f) || !first_looks_like_sip(f->p))
        return NEXT;
    f->sip = true;
    f->called = is_called(w->snapshot, f);
    if (f->outward || f->outward_index != INDEX_NONE || f->called)
        return NEXT;
    return signalling_open(w, f, f->out_ifindex);
}
