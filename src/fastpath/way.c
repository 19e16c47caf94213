/* SPDX-License-Identifier: BSD-3-Clause */
#include "fastpath/way.h"

/* Source of the original direction, and its destination as it leaves. */
struct ends {
    struct ip_addr end[2];
};

static struct ends ends_of(const struct worker *w, uint32_t session)
{
    const struct session *x = session_at(&w->dp->sessions, session);
    const struct session_v6 *v6 = &w->dp->sessions.v6[session];
    if (session_is6(x))
        return (struct ends){{v6->src, v6->dst}};
    return (struct ends){{ip_addr_of4(x->r.key[0].src), ip_addr_of4(x->r.key[1].src)}};
}

static enum route_choice choice_of(const struct worker *w)
{
    return w->snapshot->route_choice;
}

uint64_t way_flow(const struct worker *w, const struct ip_addr *src, const struct ip_addr *dst)
{
    return route_flow(&w->dp->sessions.store.table.secret, choice_of(w), src, dst);
}

bool way_checked(const struct snapshot *s, uint16_t ifindex)
{
    return s->interfaces[ifindex].src_check && !s->asymroute;
}

const struct route_set *way_back(const struct snapshot *s, const struct ip_addr *src,
                                 uint16_t ifindex)
{
    if (!s->strict_src_check)
        return route_find_via(s->routes, src, ifindex);
    const struct route_set *best = route_find(s->routes, src);
    return best && route_set_has(best, ifindex) ? best : NULL;
}

bool way_next_hop(const struct worker *w, uint32_t session, uint8_t dir, uint16_t *ifindex,
                  struct ip_addr *hop)
{
    const struct snapshot *s = w->snapshot;
    const struct ends e = ends_of(w, session);
    const struct ip_addr *to = &e.end[!dir];
    uint64_t flow = way_flow(w, &e.end[0], &e.end[1]);
    const struct route_set *set = route_find_via(s->routes, to, *ifindex);
    const struct route_hop *next = set ? route_pick_via(set, *ifindex, choice_of(w), flow) : NULL;
    if (!next && dir == 1 && !way_checked(s, *ifindex)) {
        set = route_find(s->routes, to);
        next = set ? route_pick(set, choice_of(w), flow) : NULL;
    }
    if (!next)
        return false;
    *ifindex = next->ifindex;
    *hop = route_next_hop(next, to);
    return true;
}

bool way_holds(const struct worker *w, uint32_t session)
{
    const struct snapshot *s = w->snapshot;
    const struct session *x = session_at(&w->dp->sessions, session);
    const struct ends e = ends_of(w, session);
    const struct route_set *there = route_find(s->routes, &e.end[1]);
    if (!there || there->blackhole)
        return false;
    if (!route_set_has(there, x->ifindex[1]) &&
        (!(x->r.flags & SESSION_SNAT) || s->snat_route_change ||
         !route_find_via(s->routes, &e.end[1], x->ifindex[1])))
        return false;
    return !way_checked(s, x->ifindex[0]) || way_back(s, &e.end[0], x->ifindex[0]);
}

bool way_moves(const struct worker *w, uint32_t session)
{
    const struct session *x = session_at(&w->dp->sessions, session);
    return !(x->r.flags & (SESSION_SNAT | SESSION_DNAT)) && !way_holds(w, session);
}

static bool names(const struct route_set *set, const struct neighbour *n, const struct ip_addr *to)
{
    for (uint16_t i = 0; i < set->n_all; i++) {
        struct ip_addr hop = route_next_hop(&set->hops[i], to);
        if (set->hops[i].ifindex == n->ifindex && ip_addr_eq(&hop, &n->ip))
            return true;
    }
    return false;
}

void way_refresh(const struct worker *w, uint32_t session)
{
    struct session *x = session_at(&w->dp->sessions, session);
    const struct ends e = ends_of(w, session);
    for (int dir = 0; dir < 2; dir++) {
        const struct neighbour *n =
            neighbour_of(&w->dp->neighbours, __atomic_load_n(&x->neighbour[dir], __ATOMIC_RELAXED));
        const struct ip_addr *to = &e.end[!dir];
        const struct route_set *set =
            n ? route_find_via(w->snapshot->routes, to, x->ifindex[!dir]) : NULL;
        if (!set || n->ifindex != x->ifindex[!dir] || !names(set, n, to))
            __atomic_store_n(&x->neighbour[dir], NEIGHBOUR_NONE, __ATOMIC_RELAXED);
    }
}
