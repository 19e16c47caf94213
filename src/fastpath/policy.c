/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule book, asked once per flow. The matcher finds the rule; which of its services admitted
 * the flow is looked up in the rule itself, as timers and helpers hang on it.
 */
#include "fastpath/matcher.h"
#include "fastpath/snapshot.h"

#include "fastpath/nat_rules.h"

#include <netinet/in.h>

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

static const struct policy_service *service_find(const struct snapshot *s, const struct policy *p,
                                                 const struct flow *f)
{
    for (uint16_t i = 0; i < p->n_services; i++) {
        const struct policy_service *service = &s->services[p->services[i]];
        for (uint32_t k = 0; k < service->n_matches; k++)
            if (service_fits(&service->matches[k], f))
                return service;
    }
    return NULL;
}

bool policy_find(const struct snapshot *s, const struct flow *flow, struct policy_hit *hit)
{
    uint32_t rule;
    if (!matcher_find(s->matcher, flow, &rule))
        return false;
    const struct policy *p = &s->policies[rule];
    *hit = (struct policy_hit){p, p->service_negate ? NULL : service_find(s, p, flow)};
    return true;
}

const struct policy *policy_by_id(const struct snapshot *s, uint32_t id)
{
    uint32_t slot, at = policy_id_hash(id);
    while ((slot = s->policy_slots[at & s->policy_slot_mask]) != 0) {
        if (s->policies[slot - 1].id == id)
            return &s->policies[slot - 1];
        at++;
    }
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

bool snapshot_owns(const struct snapshot *s, be32 ip)
{
    return snapshot_local(s, ip) || nat_owns(s->nat, ip);
}

uint16_t snapshot_local(const struct snapshot *s, be32 ip)
{
    for (uint16_t i = 1; i <= s->n_interfaces; i++)
        if (s->interfaces[i].ip == ip && ip != 0)
            return i;
    return 0;
}
