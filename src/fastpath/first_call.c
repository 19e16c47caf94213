/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP of a host that is called, to whom it has a call with, where no policy lets it out: the UDP
 * session of the call has idled out, and now it hangs up or refreshes. The call has an outlet for
 * that (sessions/outlet.h), with the policy of the call and the endpoint that stands for the host.
 *
 * By that endpoint it leaves, without a mapping: a virtual IP or nothing stands for the host, and
 * policies go on to say who comes in there. Where a mapping stands for it the session hangs on that
 * one. An endpoint that is the host's no longer, because the configuration or the mapping has
 * changed, is nobody's to leave by.
 */
#include "fastpath/first.h"
#include "fastpath/nat_rules.h"

static struct outlet_way way_of(const struct first *f)
{
    const struct packet *p = f->p;
    return (struct outlet_way){.inside = f->src,
                               .remote = f->dst,
                               .port = f->dport,
                               .inside_port = p->is6 ? f->v6.sport : p->key.sport,
                               .zone = p->key.zone,
                               .outside_ifindex = f->out_ifindex};
}

static bool vip_stands(const struct worker *w, struct endpoint outer, struct endpoint inside)
{
    return snapshot_owns(w->snapshot, outer.ip) &&
           vips_lead(w->snapshot->nat->vips, IPPROTO_UDP, outer, inside);
}

/* May it leave by the endpoint that stood for it? Then f->outward is the mapping, if it has one. */
static bool leaves_as(const struct worker *w, struct first *f, struct endpoint outer)
{
    const struct key *key = &f->p->key;
    const struct mapping *m = f->outward;
    const bool mapped =
        m && (f->p->is6 ||
              (m->r.flags & MAPPING_NAT ? outer.ip != 0 && endpoint_eq(mapping_public(m), outer)
                                        : outer.ip == 0));
    if (!mapped)
        f->outward = NULL;
    f->public_side = outer;
    return mapped || outer.ip == 0 || vip_stands(w, outer, (struct endpoint){key->src, key->sport});
}

bool first_of_call(struct worker *w, struct first *f)
{
    const struct mappings *ms = &w->dp->mappings;
    struct outlet_call how;
    if (f->p->key.proto != IPPROTO_UDP || f->inward || f->vip || !outlets_any(&ms->outlets) ||
        !first_looks_like_sip(f->p))
        return false;
    const struct outlet_way way = way_of(f);
    if (!outlet_find_call(ms, &way, &how))
        return false;
    const struct policy *policy = policy_by_id(w->snapshot, how.policy_id);
    if (!policy || !policy->accept || policy->engine == SIP_ENGINE_NONE ||
        !leaves_as(w, f, how.public_side))
        return false;
    f->hit = (struct policy_hit){.policy = policy};
    f->of_call = true;
    return true;
}

bool first_of_call_holds(const struct worker *w, uint32_t session)
{
    const struct session *x = session_at(&w->dp->sessions, session);
    const struct key *k = x->r.key;
    const struct endpoint outer = {k[1].dst, k[1].dport};
    if (!(x->r.flags & SESSION_SNAT))
        return true;
    if (x->r.flags & SESSION_MAPPED)
        return !first_mapping_stale(w, mapping_at(&w->dp->mappings, x->mapping));
    return vip_stands(w, outer, (struct endpoint){k[0].src, k[0].sport});
}
