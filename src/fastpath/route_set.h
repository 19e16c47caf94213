/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sets of hops of route tables that share parts with each other: equal ones are one object, so
 * that a million prefixes by a few gateways are a few objects. A pool lives as long as a table
 * refers to it and only grows; its user begins a new one when most of it is out of use. Control.
 */
#pragma once

#include "fastpath/route.h"

struct route_sets;

struct route_sets *route_sets_create(void);
struct route_sets *route_sets_share(struct route_sets *pool);
void route_sets_free(struct route_sets *pool);

/*
 * The set of `n` routes of one prefix, best first with their states set; NULL when none of them
 * may be used. `shorter`: see struct route_set.
 */
const struct route_set *route_sets_get(struct route_sets *pool, const struct route *group,
                                       uint32_t n, const struct route_set *shorter);

uint32_t route_sets_count(const struct route_sets *pool);
size_t route_sets_bytes(const struct route_sets *pool);
