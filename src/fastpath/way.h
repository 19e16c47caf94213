/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ways of a session through the routes: which interface, which next hop, and whether they still
 * hold after a change. Worker threads only.
 *
 * Both directions choose among equal hops by the ends of the original direction, translation
 * undone, so that a session always comes to the same hops however often it has to look.
 */
#pragma once

#include "fastpath/route.h"
#include "fastpath/worker.h"

/* What the choice among equal hops hangs on: who asks, and whom (after destination NAT). */
uint64_t way_flow(const struct worker *w, const struct ip_addr *src, const struct ip_addr *dst);

/* Must what arrives on that interface come from where its answers go? (asymroute, src-check) */
bool way_checked(const struct snapshot *s, uint16_t ifindex);

/* The routes by which `src` may arrive on `ifindex`, or NULL: any that leads back through it, with
 * strict-src-check only the best. */
const struct route_set *way_back(const struct snapshot *s, const struct ip_addr *src,
                                 uint16_t ifindex);

/*
 * Who stands next on the way of direction `dir`, which leaves by *ifindex. Where answers need not
 * go back the way the question came and cannot, *ifindex becomes the way they go. False: there is
 * no way any more.
 */
bool way_next_hop(const struct worker *w, uint32_t session, uint8_t dir, uint16_t *ifindex,
                  struct ip_addr *hop);

/*
 * The routes have changed: may the session stay on its ways? Its original direction stays while
 * the best route, or one of several equal ones, leads out of its interface; with source NAT, which
 * cannot move, while any route does (unless snat-route-change).
 */
bool way_holds(const struct worker *w, uint32_t session);

/* Its way does not hold, and nothing ties it to it: the original direction will find another. */
bool way_moves(const struct worker *w, uint32_t session);

/* Forget next hops of the session that no route names any more. */
void way_refresh(const struct worker *w, uint32_t session);
