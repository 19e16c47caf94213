/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many records each inside host has, so that one host cannot fill the table for all. Of IPv6 a
 * host is its /64, for each has as many addresses there as it likes (RFC 8981). Owned by one struct
 * alg and its thread.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"

/* A host may have this many times as many records as are free. */
#define HOST_SHARE 3

struct host_shares {
    uint32_t *counts;
    uint32_t n; /* a power of two */
    struct hash_secret secret;
};

/* For a table of `capacity` records. 0 or -ENOMEM. */
int host_shares_init(struct host_shares *hs, uint32_t capacity, const struct hash_secret *secret);
void host_shares_free(struct host_shares *hs);

/* May this host have one more record while `n_free` are free? */
bool host_share_room(const struct host_shares *hs, const struct ip_addr *ip, uint16_t zone,
                     uint32_t n_free);

/* It has one more, or one less. */
void host_share_count(struct host_shares *hs, const struct ip_addr *ip, uint16_t zone, int32_t by);
