/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of a first packet: where it goes, and whether it may come from where it came.
 */
#include "fastpath/first.h"
#include "fastpath/way.h"

/* Directed broadcast of a network of ours (RFC 2644). */
static bool is_broadcast(const struct route_set *set, const struct ip_addr *dst)
{
    return set->connected && ip_addr_is4(dst) && set->len < 31 &&
           dst->word[3] == (set->dst.word[3] | ~ipv4_mask(set->len));
}

static bool is_own(const struct snapshot *s, const struct ip_addr *ip, uint16_t ifindex)
{
    return ip_addr_is4(ip) ? snapshot_owns(s, ip->word[3]) : snapshot_local6(s, ip, ifindex);
}

/* Link-local addresses mean nothing beyond their link (RFC 4291 2.5.6). */
static bool is_link_local(const struct first *f)
{
    return f->p->is6 && (ip_addr_is_link_local(&f->src) || ip_addr_is_link_local(&f->dst));
}

static enum step step_back(struct worker *w, struct first *f, uint64_t flow)
{
    const struct snapshot *s = w->snapshot;
    uint16_t in = f->p->ifindex;
    const struct route_set *back = way_back(s, &f->src, in);
    if (!back && way_checked(s, in))
        return first_refuse(w, f, DROP_REVERSE_PATH);
    if (is_own(s, &f->src, in))
        return first_refuse(w, f, DROP_BAD_SOURCE);
    /* Where there is none, the first answer looks for another way (way_next_hop). */
    f->back_hop = (struct ip_addr){0};
    if (back)
        f->back_hop = route_next_hop(route_pick_via(back, in, s->route_choice, flow), &f->src);
    return NEXT;
}

enum step step_route(struct worker *w, struct first *f)
{
    const struct snapshot *s = w->snapshot;
    if (is_link_local(f))
        return first_refuse(w, f, DROP_LINK_LOCAL);
    const struct route_set *there = route_find(s->routes, &f->dst);
    if (!there)
        return first_refuse(w, f, DROP_NO_ROUTE);
    if (there->blackhole)
        return first_refuse(w, f, DROP_BLACKHOLE);
    if (is_broadcast(there, &f->dst))
        return first_refuse(w, f, DROP_BROADCAST);
    uint64_t flow = way_flow(w, &f->src, &f->dst);
    const struct route_hop *hop = route_pick(there, s->route_choice, flow);
    f->out_ifindex = hop->ifindex;
    f->next_hop = route_next_hop(hop, &f->dst);
    return step_back(w, f, flow);
}
