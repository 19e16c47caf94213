/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a configuration says about translation: its VIPs, its IP pools, and which pools a policy
 * uses. Made by compile, part of a snapshot, immutable. The state of pools is not in it: that is
 * shared between snapshots (sessions/pool.h).
 */
#pragma once

#include "fastpath/snapshot.h"
#include "fastpath/vip.h"
#include "sessions/pool.h"

struct text;

struct nat_pool {
    struct pool *pool;
    bool permit_any_host;
};

/* The NAT part of a policy, by its place in matching order. */
struct nat_policy {
    uint16_t n_pools;
    const uint16_t *pools; /* into nat_rules.pools; none: the address of the way out */
    bool permit_any_host, port_random;
};

/* Addresses that are the firewall's though no interface has them: of VIPs and pools. Host order. */
struct nat_range {
    uint32_t first, last;
    uint32_t last_max; /* of the ranges up to here, which are sorted by their first address */
};

struct nat_rules {
    struct pools *registry;
    struct vips *vips;
    uint16_t n_pools;
    struct nat_pool *pools;
    uint32_t n_policies;
    struct nat_policy *policies;
    uint16_t *lists; /* what nat_policy.pools points into */
    uint32_t n_owned;
    struct nat_range *owned;
    uint32_t n_arp;
    struct own_range *arp; /* those of them that are answered for, as the snapshot wants them */
    bool hairpin;          /* snat-hairpin-traffic */
};

/* NULL with path and reason in `error`. */
struct nat_rules *nat_rules_make(const struct config_rows *rows, struct pools *registry,
                                 struct text *error);
void nat_rules_free(struct nat_rules *n);

/* Is `ip` the outside address of a VIP, or of a pool? */
bool nat_owns(const struct nat_rules *n, be32 ip);
