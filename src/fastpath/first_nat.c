/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steps of a first packet that have to do with translation: the pinhole it comes in by, the one
 * it leaves by, and the key under which its reply will arrive.
 */
#include "fastpath/first.h"

/* NAT toward an address the firewall no longer has: whoever owns the mapping, it is over. */
static bool mapping_stale(const struct worker *w, const struct mapping *m)
{
    return m->r.flags & MAPPING_NAT && !snapshot_local(w->snapshot, mapping_public(m).ip);
}

/* A pinhole it comes in by. Only UDP has them. */
enum step step_inward(struct worker *w, struct first *f)
{
    struct mappings *ms = &w->dp->mappings;
    const struct key *key = &f->p->key;
    f->inward_index = f->outward_index = INDEX_NONE;
    if (key->proto != IPPROTO_UDP || f->p->is6)
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
        return first_refuse(w, f, DROP_MAPPING_FILTER);
    f->inward = m;
    f->inward_index = index;
    f->dst = ip_addr_of4(mapping_inside(m).ip);
    return NEXT;
}

/* A pinhole it leaves by, on this way out. */
enum step step_outward(struct worker *w, struct first *f)
{
    struct mappings *ms = &w->dp->mappings;
    const struct key *key = &f->p->key;
    if (f->inward || key->proto != IPPROTO_UDP || f->p->is6)
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

/* The key of the reply: where the translation is decided. */
enum step step_nat(struct worker *w, struct first *f)
{
    const struct interface *egress = &w->snapshot->interfaces[f->out_ifindex];
    const struct policy *policy = f->hit.policy;
    struct session_new *want = &f->want;
    const struct mapping *m = f->inward ? f->inward : f->outward;
    if (f->p->is6)
        return step_keys6(w, f);

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
            return first_refuse(w, f, DROP_NO_NAT_ADDRESS);
        f->nat = egress->nat;
        f->nat.preserve = policy->preserve || f->p->key.proto == IPPROTO_ICMP;
        /* Of a protocol without ports the public address carries one flow to a destination. */
        f->nat.fixed =
            policy->fixed || (f->p->key.proto != IPPROTO_ICMP && !proto_has_ports(f->p->key.proto));
        want->nat = &f->nat;
        want->key[1].dst = egress->nat.ip;
        if (w->dp->n_workers > 1)
            f->nat.fit = rss_fit_make(&f->fit, &w->dp->rss[f->out_ifindex], w->id, &want->key[1]);
        want->flags |= SESSION_SNAT;
    }
    if (f->sip)
        want->flags |= SESSION_ALG;
    session_prepare(&w->dp->sessions, want->key);
    return NEXT;
}
