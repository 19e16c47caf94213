/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule book, asked once per flow: policies in table order, the first that fits. A policy fits
 * when each of its fields does; interfaces are a bit test and come first.
 */
#include "config/rows.h"
#include "fastpath/snapshot.h"

#include <netinet/in.h>

static bool address_in(const struct address_range *r, uint16_t n, be32 address)
{
    uint32_t ip = be32_host(address);
    for (uint16_t i = 0; i < n; i++)
        if (ip >= r[i].first && ip <= r[i].last)
            return true;
    return false;
}

static bool address6_in(const struct row_range6 *r, uint16_t n, const struct ip_addr *ip)
{
    for (uint16_t i = 0; i < n; i++)
        if (memcmp(ip, &r[i].first, sizeof *ip) >= 0 && memcmp(ip, &r[i].last, sizeof *ip) <= 0)
            return true;
    return false;
}

/* A rule without addresses of the flow's family matches nothing of it, negated or not. */
static bool source_fits(const struct policy *p, const struct flow *f)
{
    if (ip_addr_is4(&f->src))
        return p->n_src > 0 && address_in(p->src, p->n_src, f->src.word[3]) != p->src_negate;
    return p->n_src6 > 0 && address6_in(p->src6, p->n_src6, &f->src) != p->src_negate;
}

static bool vip_named(const struct policy *p, uint16_t vip)
{
    for (uint16_t i = 0; i < p->n_vips; i++)
        if (p->vips[i] == vip)
            return true;
    return false;
}

/* What a VIP has changed is for rules that name the VIP; a deny rule may see its new address. */
static bool destination_fits(const struct policy *p, const struct flow *f)
{
    if (f->vip) {
        bool named = vip_named(p, f->vip);
        bool seen = !p->accept && p->match_vip && p->n_dst > 0;
        bool in = address_in(p->dst, p->n_dst, f->dst.word[3]);
        return p->dst_negate ? seen && !in && !named : named || (seen && in);
    }
    if (ip_addr_is4(&f->dst))
        return p->n_dst > 0 && address_in(p->dst, p->n_dst, f->dst.word[3]) != p->dst_negate;
    return p->n_dst6 > 0 && address6_in(p->dst6, p->n_dst6, &f->dst) != p->dst_negate;
}

static bool icmp_fits(const struct service_match *m, uint16_t type_code)
{
    return (m->any_icmp_type || m->icmp_type == type_code >> 8) &&
           (m->any_icmp_type || m->any_icmp_code || m->icmp_code == (type_code & 255));
}

static bool service_fits(const struct service_match *m, const struct flow *f)
{
    if (m->proto == 0)
        return true;
    if (m->proto != f->proto)
        return false;
    if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6)
        return icmp_fits(m, f->dport);
    return f->dport >= m->dport_first && f->dport <= m->dport_last && f->sport >= m->sport_first &&
           f->sport <= m->sport_last;
}

static const struct policy_service *service_find(const struct policy *p, const struct flow *f)
{
    for (uint16_t i = 0; i < p->n_services; i++)
        if (service_fits(&p->services[i].match, f))
            return &p->services[i];
    return NULL;
}

static bool policy_fits(const struct policy *p, const struct flow *f,
                        const struct policy_service **service)
{
    if (!(p->in_mask >> f->in_ifindex & 1) || !(p->out_mask >> f->out_ifindex & 1))
        return false;
    if (!source_fits(p, f) || !destination_fits(p, f))
        return false;
    *service = service_find(p, f);
    return (*service != NULL) != p->service_negate;
}

bool policy_find(const struct snapshot *s, const struct flow *flow, struct policy_hit *hit)
{
    for (uint32_t i = 0; i < s->n_policies; i++) {
        const struct policy_service *service;
        if (policy_fits(&s->policies[i], flow, &service)) {
            *hit = (struct policy_hit){&s->policies[i], service};
            return true;
        }
    }
    return false;
}

const struct policy *policy_by_id(const struct snapshot *s, uint32_t id)
{
    for (uint32_t i = 0; i < s->n_policies; i++)
        if (s->policies[i].id == id)
            return &s->policies[i];
    return NULL;
}

/* 0, or the number of the session-ttl row that matches, from 1. */
static uint16_t port_row(const struct snapshot *s, uint8_t proto, uint16_t dport)
{
    const struct timeout_port *row =
        timeout_port_find(s->port_timers, s->n_port_timers, proto, dport);
    return row ? (uint16_t)(row - s->port_timers + 1) : 0;
}

uint16_t snapshot_timer_set(const struct snapshot *s, const struct policy_hit *hit, uint8_t proto,
                            uint16_t dport)
{
    uint32_t service = hit->service ? hit->service->timer_class : 0;
    uint32_t i = service * s->n_policy_classes + hit->policy->timer_class;
    return s->timer_set_ids[i * (s->n_port_timers + 1u) + port_row(s, proto, dport)];
}

uint16_t snapshot_local(const struct snapshot *s, be32 ip)
{
    for (uint16_t i = 1; i <= s->n_interfaces; i++)
        if (s->interfaces[i].ip == ip && ip != 0)
            return i;
    return 0;
}
