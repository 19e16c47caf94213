/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the check*.c files share. Inside config/ only.
 */
#pragma once

#include "config/errors.h"
#include "config/store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* An entry by itself, and beside the other entries of the tree; `key` is its own, which may be in
 * the tree in another version. 0 or a FortiOS code. */
typedef int entry_checker(const struct schema_node *node, const json_t *entry, struct text *error);
typedef int cross_checker(const struct config_tree *tree, const char *key, const json_t *entry,
                          struct text *error);

/* "Attribute '<attr>' MUST be set." */
int check_missing(struct text *error, const char *attr);

/* ---- check_nat.c ---- */

entry_checker vip_is_whole, pool_is_whole;
cross_checker vip_fits_others, vipgrp_members_fit, pool_fits_others, policy_fits_others;

/* Name of the zone the interface is a member of, NULL when of none. */
const char *zone_of(const struct config_tree *tree, const char *interface);

/* Whether a virtual IP without port forwarding has this address (host order) outside. */
bool vip_takes_address(const struct config_tree *tree, uint32_t ip);
