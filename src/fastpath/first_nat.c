/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of a first packet that have to do with translation: the pinhole it comes in by, the VIP
 * that changes its destination, the pinhole it leaves by, what becomes of its source, and from all
 * that the key under which its reply will arrive.
 *
 * From inside to inside through a public address (hairpin): the destination changes as for anybody
 * from outside. The source becomes what the outside knows it by, for two reasons: the other host
 * may expect it (RFC 4787 REQ-9), and where both are on one network the answer would otherwise go
 * past the firewall.
 */
#include "fastpath/first.h"
#include "fastpath/nat_rules.h"
#include "fastpath/route.h"

#include <errno.h>

bool first_mapping_stale(const struct worker *w, const struct mapping *m)
{
    const struct snapshot *s = w->snapshot;
    const struct vips *vips = s->nat->vips;
    uint8_t proto = m->r.key[1].proto;
    struct endpoint e = mapping_public(m);
    return m->r.flags & MAPPING_NAT &&
           (!snapshot_owns(s, e.ip) || (vips_forward(vips, proto, e.ip, e.port) &&
                                        !vips_lead(vips, proto, e, mapping_inside(m))));
}

/* The mapping of the source toward `ifindex`, unless its address is gone. */
static uint32_t source_mapping(struct worker *w, const struct key *key, uint16_t ifindex)
{
    struct mappings *ms = &w->dp->mappings;
    uint32_t index = mapping_find_source(ms, key->proto, key->zone,
                                         (struct endpoint){key->src, key->sport}, ifindex);
    if (index == INDEX_NONE || !first_mapping_stale(w, mapping_at(ms, index)))
        return index;
    mapping_retire(ms, &w->thread, index);
    return INDEX_NONE;
}

/*
 * Is the public side of a SIP host's mapping what a VIP leads to that host by? Such a host speaks
 * from where it is called. The mapping is for those it speaks with; everybody else is the VIP's and
 * its policies' to admit.
 */
static bool shares_vip(const struct worker *w, const struct mapping *m)
{
    const struct vips *vips = w->snapshot->nat->vips;
    struct endpoint e = mapping_public(m);
    return m->kind == MAPPING_SIGNALLING && vips_has(vips, e.ip) &&
           vips_lead(vips, m->r.key[1].proto, e, mapping_inside(m));
}

/* Is the sender another inside host, whose public side the mapping knows? */
static bool takes_as_public(struct worker *w, const struct packet *p, const struct mapping *m)
{
    if (!(m->r.flags & MAPPING_NAT) || p->ifindex == m->outside_ifindex)
        return false;
    uint32_t index = source_mapping(w, &p->key, m->outside_ifindex);
    return index != INDEX_NONE &&
           mapping_knows(&w->dp->mappings, m,
                         mapping_public(mapping_at(&w->dp->mappings, index)).ip);
}

/* Does the mapping take the packet? */
static bool takes(struct worker *w, const struct packet *p, struct mapping *m, bool shared)
{
    const struct key *key = &p->key;
    if (shared && __atomic_load_n(&m->filter, __ATOMIC_RELAXED) == MAPPING_ANYONE)
        return mapping_knows(&w->dp->mappings, m, key->src);
    return mapping_admits(&w->dp->mappings, m, (struct endpoint){key->src, key->sport}) ||
           takes_as_public(w, p, m);
}

/* Only these have pinholes. */
static bool may_have_pinhole(uint8_t proto)
{
    return proto == IPPROTO_UDP || proto == IPPROTO_TCP;
}

/* A pinhole it comes in by. */
enum step step_inward(struct worker *w, struct first *f)
{
    struct mappings *ms = &w->dp->mappings;
    const struct key *key = &f->p->key;
    f->inward_index = f->outward_index = f->hairpin_index = f->outlet_index = INDEX_NONE;
    f->dport = key->dport;
    if (!may_have_pinhole(key->proto))
        return NEXT;
    uint32_t index = mapping_find_public(ms, key->proto, (struct endpoint){key->dst, key->dport});
    if (index == INDEX_NONE)
        return NEXT;
    struct mapping *m = mapping_at(ms, index);
    if (first_mapping_stale(w, m)) {
        mapping_retire(ms, &w->thread, index);
        return NEXT;
    }
    bool shared = shares_vip(w, m);
    if (!takes(w, f->p, m, shared))
        return shared ? NEXT : first_refuse(w, f, DROP_MAPPING_FILTER);
    f->inward = m;
    f->inward_index = index;
    f->dst = ip_addr_of4(mapping_inside(m).ip);
    f->dport = mapping_inside(m).port;
    return NEXT;
}

/* A VIP: the destination is another host's, perhaps with another port. */
enum step step_vip(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    if (f->inward)
        return NEXT;
    f->vip = nat_vip_of(s, &f->p->key, f->p->ifindex);
    if (!f->vip)
        return NEXT;
    struct endpoint to = vip_mapped(f->vip, f->p->key.dst, f->p->key.dport);
    f->dst = ip_addr_of4(to.ip);
    f->dport = to.port;
    return NEXT;
}

/* The interface that leads to a public address, as if somebody else had it; 0: none. */
static uint16_t home_of(const struct snapshot *s, be32 ip)
{
    struct ip_addr dst = ip_addr_of4(ip);
    const struct route_set *set = route_find(s->routes, &dst);
    return set && set->n ? set->hops[0].ifindex : 0;
}

const struct vip *nat_vip_of(const struct snapshot *s, const struct key *key, uint16_t ifindex)
{
    if (!vips_has(s->nat->vips, key->dst))
        return NULL;
    return vip_find(s->nat->vips, &(struct vip_flow){.src = key->src,
                                                     .dst = key->dst,
                                                     .dport = key->dport,
                                                     .proto = key->proto,
                                                     .ifindex = ifindex,
                                                     .home = home_of(s, key->dst)});
}

/* It comes in by a pinhole, from inside: the pinhole by which its sender is known outside. */
static void hairpin_find(struct worker *w, struct first *f)
{
    const struct mapping *m = f->inward;
    if (!(m->r.flags & MAPPING_NAT) || f->p->ifindex == m->outside_ifindex)
        return;
    uint32_t index = source_mapping(w, &f->p->key, m->outside_ifindex);
    if (index == INDEX_NONE || index == f->inward_index ||
        !(mapping_at(&w->dp->mappings, index)->r.flags & MAPPING_NAT))
        return;
    f->hairpin_index = index;
}

void first_outlet(struct worker *w, struct first *f, const struct ip_addr *src, be16 dport)
{
    const struct mappings *ms = &w->dp->mappings;
    const struct outlet_way way = {.inside = *src,
                                   .remote = f->dst,
                                   .port = dport,
                                   .zone = f->p->key.zone,
                                   .outside_ifindex = f->out_ifindex};
    if (f->p->key.proto == IPPROTO_UDP && !f->vip && outlets_any(&ms->outlets))
        f->outlet_index = outlet_find(ms, &way);
}

/* A pinhole it leaves by, on this way out. */
enum step step_outward(struct worker *w, struct first *f)
{
    const struct key *key = &f->p->key;
    if (!may_have_pinhole(key->proto))
        return NEXT;
    if (f->inward) {
        hairpin_find(w, f);
        return NEXT;
    }
    uint32_t index = source_mapping(w, key, f->out_ifindex);
    if (index == INDEX_NONE) {
        struct ip_addr src = ip_addr_of4(key->src);
        first_outlet(w, f, &src, key->dport);
        return NEXT;
    }
    f->outward = mapping_at(&w->dp->mappings, index);
    f->outward_index = index;
    return NEXT;
}

uint16_t nat_vip_home(const struct snapshot *s, const struct vip *vip, be32 ext)
{
    return vip->ifindex ? vip->ifindex : home_of(s, ext);
}

uint16_t first_turned_at(const struct snapshot *s, const struct first *f)
{
    const struct key *key = &f->p->key;
    if (!s->nat->hairpin || f->out_ifindex != f->p->ifindex)
        return 0;
    if (f->inward)
        return f->inward->r.flags & MAPPING_NAT ? f->inward->outside_ifindex : 0;
    return f->vip ? nat_vip_home(s, f->vip, key->dst) : 0;
}

/* From another port than the other party of a call was told, which sees a public address. */
static bool of_call(const struct worker *w, const struct first *f)
{
    return f->outlet_index != INDEX_NONE &&
           mapping_at(&w->dp->mappings, f->outlet_index)->r.flags & MAPPING_NAT;
}

/* What becomes of its source. */
enum step step_snat(struct worker *w, struct first *f)
{
    const struct key *key = &f->p->key;
    if (f->of_call)
        return NEXT; /* as its call did */
    snat_decide(w->snapshot,
                &(struct snat_flow){.policy = f->hit.policy,
                                    .src = key->src,
                                    .dst = f->dst.word[3],
                                    .sport = key->sport,
                                    .proto = key->proto,
                                    .out_ifindex = f->out_ifindex,
                                    .inward = f->inward != NULL,
                                    .of_call = of_call(w, f),
                                    .outside = first_turned_at(w->snapshot, f)},
                &f->snat);
    return NEXT;
}

/* ---- mappings for flows ---- */

static enum step map_with(struct worker *w, struct first *f, struct mapping_want *want, bool *again)
{
    struct handle h;
    int result = mapping_open(&w->dp->mappings, &w->thread, want, &h);
    *again = result == -EADDRNOTAVAIL;
    if (*again)
        return NEXT;
    if (result == -ENOSPC)
        return first_refuse(w, f, DROP_NO_MAPPING);
    if (result != 0)
        return AGAIN;
    f->outward_index = h.index;
    f->outward = mapping_at(&w->dp->mappings, h.index);
    return NEXT;
}

/*
 * A SIP host leaves by the port that a VIP of that address forwards to it: there it is called. It
 * is nobody else's, but two such hosts may share it (by source filters): then the second one leaves
 * by another.
 */
static bool map_by_vip(struct worker *w, struct first *f, const struct mapping_want *want,
                       enum step *step)
{
    struct mapping_want own = *want;
    struct endpoint e;
    bool again;
    struct vip_host host = {.inside = want->inside,
                            .ext = want->nat.ip,
                            .ifindex = want->outside_ifindex,
                            .proto = want->proto};
    if (want->kind != MAPPING_SIGNALLING || f->snat.kind != SNAT_ADDRESS ||
        !vips_has(w->snapshot->nat->vips, want->nat.ip) ||
        !vip_name(w->snapshot->nat->vips, &host, &e))
        return false;
    own.nat = (struct nat_want){.ip = e.ip, .first = be16_host(e.port), .last = be16_host(e.port)};
    *step = map_with(w, f, &own, &again);
    return !again;
}

enum step first_map(struct worker *w, struct first *f, struct mapping_want *want)
{
    enum step step;
    bool again;
    if (f->snat.kind == SNAT_NONE) {
        want->nat = (struct nat_want){0};
        step = map_with(w, f, want, &again);
        return again ? first_refuse(w, f, DROP_NO_PORT) : step;
    }
    struct snat snat = f->snat;
    while (snat_offer(w->snapshot->nat, &snat, &want->nat, &want->lease)) {
        again = !map_by_vip(w, f, want, &step);
        if (again)
            step = map_with(w, f, want, &again);
        pools_return(w->dp->pools, &want->lease);
        if (!again)
            return step;
    }
    return snat.refusal == DROP_RACE ? AGAIN : first_refuse(w, f, snat.refusal);
}

/* permit-any-host: the inside endpoint gets a mapping that admits everybody (full cone NAT). */
enum step step_cone(struct worker *w, struct first *f)
{
    const struct key *key = &f->p->key;
    if (key->proto != IPPROTO_UDP || f->sip || f->inward || f->outward_index != INDEX_NONE ||
        f->outlet_index != INDEX_NONE || !snat_wants_cone(w->snapshot->nat, &f->snat))
        return NEXT;
    struct mapping_want want = {
        .proto = key->proto,
        .zone = key->zone,
        .inside = {key->src, key->sport},
        .kind = MAPPING_CONE,
        .filter = MAPPING_ANYONE,
        .policy_id = f->hit.policy->id,
        .outside_ifindex = f->out_ifindex,
        .now_ms = (uint32_t)w->now_ms,
    };
    return first_map(w, f, &want);
}

/* ---- the reply ---- */

bool first_next_offer(struct worker *w, struct first *f)
{
    pools_return(w->dp->pools, &f->lease);
    if (!snat_offer(w->snapshot->nat, &f->snat, &f->nat, &f->lease))
        return false;
    f->want.nat = &f->nat;
    f->want.lease = f->lease;
    f->want.key[1].dst = f->nat.ip;
    if (w->dp->n_workers > 1)
        f->nat.fit = rss_fit_make(&f->fit, &w->dp->rss[f->out_ifindex], w->id, &f->want.key[1]);
    return true;
}

static void leaves_by(struct first *f, const struct mapping *m)
{
    f->want.key[1].dst = mapping_public(m).ip;
    f->want.key[1].dport = mapping_public(m).port;
    f->want.flags |= m->r.flags & MAPPING_NAT ? SESSION_SNAT : 0;
}

static void hang_on(const struct worker *w, struct first *f)
{
    struct session_new *want = &f->want;
    if (f->inward) {
        want->mapping = f->inward_index;
        want->flags |= SESSION_MAPPED | SESSION_INWARD;
        want->flags |= f->inward->r.flags & MAPPING_NAT ? SESSION_DNAT : 0;
    } else if (f->outward) {
        want->mapping = f->outward_index;
        want->flags |= SESSION_MAPPED;
        leaves_by(f, f->outward);
    } else if (f->outlet_index != INDEX_NONE) {
        want->mapping = f->outlet_index;
        want->flags |= SESSION_MAPPED;
    } else if (f->public_side.ip) {
        want->key[1].dst = f->public_side.ip;
        want->key[1].dport = f->public_side.port;
        want->flags |= SESSION_SNAT;
    }
    if (f->hairpin_index != INDEX_NONE) {
        want->hairpin = f->hairpin_index;
        want->flags |= SESSION_HAIRPIN;
        leaves_by(f, mapping_at(&w->dp->mappings, f->hairpin_index));
    }
}

/* The key of the reply. */
enum step step_nat(struct worker *w, struct first *f)
{
    const struct interface *egress = &w->snapshot->interfaces[f->out_ifindex];
    struct session_new *want = &f->want;

    *want = (struct session_new){.key[0] = f->p->key, .mapping = INDEX_NONE};
    want->key[1] = key_reverse(&f->p->key, egress->zone);
    want->key[1].src = f->dst.word[3];
    want->key[1].sport = f->dport;
    if (f->vip)
        want->flags |= SESSION_DNAT;
    hang_on(w, f);
    if (!f->outward && f->hairpin_index == INDEX_NONE && f->snat.kind != SNAT_NONE) {
        want->flags |= SESSION_SNAT;
        if (!first_next_offer(w, f))
            return f->snat.refusal == DROP_RACE ? AGAIN : first_refuse(w, f, f->snat.refusal);
    }
    first_mark_sip(f);
    session_prepare(&w->dp->sessions, want->key);
    return NEXT;
}

/* ---- sessions that exist ---- */

bool nat_holds(const struct worker *w, uint32_t index)
{
    const struct session *x = session_at(&w->dp->sessions, index);
    return (!(x->r.flags & SESSION_SNAT) || snapshot_owns(w->snapshot, x->r.key[1].dst)) &&
           (!(x->r.flags & SESSION_DNAT) || snapshot_owns(w->snapshot, x->r.key[0].dst));
}

/*
 * Media leave, as they come in, by the address that the other party was told, whether or not the
 * policy of the call translates: that of a call that came in does not.
 */
static bool leaves_as_told(const struct session *x, const struct mapping *m)
{
    struct endpoint e = mapping_public(m);
    return mapping_kind_is_media(m->kind) && x->r.key[1].dst == e.ip && x->r.key[1].dport == e.port;
}

bool nat_is_unchanged(const struct worker *w, uint32_t index, const struct policy *policy)
{
    const struct sessions *ss = &w->dp->sessions;
    const struct session *x = session_at(ss, index);
    const struct snapshot *s = w->snapshot;
    const struct key *k = x->r.key;
    const struct mapping *m =
        x->r.flags & SESSION_MAPPED ? mapping_at(&w->dp->mappings, x->mapping) : NULL;
    struct packet p = {.key = k[0], .ifindex = x->ifindex[0]};
    struct first f = {.p = &p};
    f.out_ifindex = x->ifindex[1];
    f.inward = x->r.flags & SESSION_INWARD ? m : NULL;
    f.outlet_index = m && !f.inward && mapping_kind_is_media(m->kind) ? x->mapping : INDEX_NONE;
    if (!f.inward)
        f.vip = nat_vip_of(s, &k[0], x->ifindex[0]);
    if (f.vip) {
        struct endpoint to = vip_mapped(f.vip, k[0].dst, k[0].dport);
        if (!endpoint_eq(to, (struct endpoint){k[1].src, k[1].sport}))
            return false;
    } else if (!f.inward && x->r.flags & SESSION_DNAT) {
        return false;
    }
    if (x->traits & TRAIT_OF_CALL)
        return first_of_call_holds(w, index);
    struct snat snat;
    snat_decide(s,
                &(struct snat_flow){.policy = policy,
                                    .src = k[0].src,
                                    .dst = k[1].src,
                                    .sport = k[0].sport,
                                    .proto = k[0].proto,
                                    .out_ifindex = x->ifindex[1],
                                    .inward = f.inward != NULL,
                                    .of_call = of_call(w, &f),
                                    .outside = first_turned_at(s, &f)},
                &snat);
    bool translated = x->r.flags & SESSION_SNAT;
    if (m && first_mapping_stale(w, m))
        return false;
    if (x->r.flags & SESSION_HAIRPIN)
        return !first_mapping_stale(w, mapping_at(&w->dp->mappings, ss->cold[index].hairpin));
    if (f.inward)
        return (mapping_kind_is_media(m->kind) ||
                policy->nat == (bool)(m->r.flags & MAPPING_NAT)) &&
               translated == (snat.kind != SNAT_NONE);
    if (m && leaves_as_told(x, m))
        return true;
    if (translated != (snat.kind != SNAT_NONE))
        return false;
    uint16_t pool = ss->cold[index].pool;
    if (m && pool == 0)
        pool = w->dp->mappings.cold[x->mapping].lease.pool;
    return !translated || snat_is(s->nat, &snat, k[1].dst, pool);
}
