/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In this order: the VIP of the host, the pools of the policy, the address of the way out. Within a
 * pool an offer is tried until no port is left there for this destination; then comes the next
 * address or block, then the next pool.
 */
#include "fastpath/snat.h"

#include "fastpath/nat_rules.h"

#include <netinet/in.h>

static const struct nat_policy *nat_policy_of(const struct snapshot *s, const struct policy *p)
{
    return &s->nat->policies[p - s->policies];
}

/* The address a VIP gives the host. One that is the host's alone keeps every port. */
static bool decide_vip(const struct snapshot *s, const struct snat_flow *f, uint16_t out_ifindex,
                       bool asked, struct snat *out)
{
    const struct vip *vip = vip_find_source(s->nat->vips, f->src, f->dst, out_ifindex);
    if (!vip || !(asked || vip->nat_source))
        return false;
    out->kind = SNAT_ADDRESS;
    out->nat.ip = vip_external(vip, f->src);
    out->nat.within = !vip->portforward;
    out->nat.first = vip->portforward ? NAT_PORT_FIRST : 1;
    out->nat.last = vip->portforward ? NAT_PORT_LAST : UINT16_MAX;
    out->nat.preserve = true;
    return true;
}

static void decide_interface(const struct snapshot *s, uint16_t ifindex, uint16_t else_ifindex,
                             struct snat *out)
{
    const struct nat_want *own = &s->interfaces[ifindex].nat;
    if (own->ip == 0)
        own = &s->interfaces[else_ifindex].nat;
    out->kind = SNAT_ADDRESS;
    out->nat.ip = own->ip;
    out->nat.first = own->first;
    out->nat.last = own->last;
    out->refusal = DROP_NO_NAT_ADDRESS;
}

void snat_decide(const struct snapshot *s, const struct snat_flow *f, struct snat *out)
{
    const struct policy *policy = f->policy;
    bool asked = f->outside || f->of_call || (!f->inward && policy->nat);
    /* Who goes out by himself and who is turned round are seen from different sides. */
    bool turned = f->outside && (f->inward || !policy->nat);
    uint16_t egress = turned ? f->outside : f->out_ifindex;
    *out = (struct snat){.policy = nat_policy_of(s, policy),
                         .src = f->src,
                         .sport = f->sport,
                         .refusal = DROP_NO_PORT};
    /* Of a protocol without ports the public address carries one flow to a destination. */
    out->ports = f->proto == IPPROTO_ICMP || proto_has_ports(f->proto);
    out->nat.preserve = (policy->preserve && !out->policy->port_random) || f->proto == IPPROTO_ICMP;
    out->spoken = (struct snat_spoken){s->nat->vips, f->proto};
    out->nat.fixed = policy->fixed || !out->ports;
    if (!f->inward || asked)
        if (decide_vip(s, f, egress, asked, out))
            return;
    if (!asked)
        return;
    if (policy->nat && out->policy->n_pools)
        out->kind = SNAT_POOLS;
    else
        decide_interface(s, egress, f->out_ifindex, out);
}

/* A host of a block is known by its ports: a source port elsewhere cannot stay as it is. */
static bool may_use(const struct snat *snat, const struct pool *p, const struct nat_want *want)
{
    uint16_t port = be16_host(snat->sport);
    bool blocks = pool_params(p)->type == POOL_FIXED_RANGE || pool_params(p)->type == POOL_BLOCKS;
    return !blocks || !snat->ports || !want->fixed || (port >= want->first && port <= want->last);
}

static bool offer_pool(const struct nat_rules *rules, struct snat *snat, struct nat_want *want,
                       struct pool_lease *lease)
{
    const struct nat_pool *p = &rules->pools[snat->policy->pools[snat->pool]];
    *want = snat->nat;
    switch (pool_offer(p->pool, snat->src, &snat->at, want, lease)) {
    case POOL_OFFER:
        snat->any_host = p->permit_any_host;
        snat->refusal = DROP_NO_PORT;
        if (may_use(snat, p->pool, want))
            return true;
        pools_return(rules->registry, lease);
        return false;
    case POOL_BUSY:
        snat->refusal = DROP_RACE;
        snat->pool = snat->policy->n_pools;
        return false;
    case POOL_FULL:
        snat->refusal = DROP_POOL_FULL;
        break;
    case POOL_SOURCE:
        snat->refusal = DROP_POOL_SOURCE;
        break;
    case POOL_NO_MORE:
        break;
    }
    snat->pool++;
    snat->at = (struct pool_try){0};
    return false;
}

bool snat_spoken_for(const void *ctx, be32 ip, be16 port)
{
    const struct snat_spoken *spoken = ctx;
    return vips_forward(spoken->vips, spoken->proto, ip, port);
}

/* What a VIP forwards on this address is not given to anybody else. */
static void bar(struct snat *snat, struct nat_want *want)
{
    if (!snat->ports || !vips_has(snat->spoken.vips, want->ip))
        return;
    snat->barred = (struct nat_fit){snat_spoken_for, &snat->spoken};
    want->barred = &snat->barred;
}

static bool offer(const struct nat_rules *rules, struct snat *snat, struct nat_want *want,
                  struct pool_lease *lease)
{
    *lease = (struct pool_lease){0};
    if (snat->kind == SNAT_ADDRESS) {
        if (snat->n++ || snat->nat.ip == 0)
            return false;
        snat->refusal = DROP_NO_PORT;
        *want = snat->nat;
        return true;
    }
    while (snat->kind == SNAT_POOLS && snat->pool < snat->policy->n_pools && snat->n++ < SNAT_TRIES)
        if (offer_pool(rules, snat, want, lease))
            return true;
    *lease = (struct pool_lease){0};
    return false;
}

bool snat_offer(const struct nat_rules *rules, struct snat *snat, struct nat_want *want,
                struct pool_lease *lease)
{
    if (!offer(rules, snat, want, lease))
        return false;
    bar(snat, want);
    return true;
}

bool snat_is(const struct nat_rules *rules, const struct snat *snat, be32 ip, uint16_t pool)
{
    if (snat->kind == SNAT_ADDRESS)
        return snat->nat.ip == ip;
    for (uint16_t i = 0; i < snat->policy->n_pools; i++) {
        const struct pool *p = rules->pools[snat->policy->pools[i]].pool;
        if (pool_id(p) == pool && pool_contains(p, ip))
            return true;
    }
    return false;
}

bool snat_wants_cone(const struct nat_rules *rules, const struct snat *snat)
{
    bool any = snat->policy->permit_any_host;
    for (uint16_t i = 0; snat->kind == SNAT_POOLS && i < snat->policy->n_pools; i++)
        any |= rules->pools[snat->policy->pools[i]].permit_any_host;
    return any && snat->kind != SNAT_NONE;
}
