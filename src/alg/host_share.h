/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many records each host has, so that one host cannot fill the table for all. Of IPv6 a host is
 * its /64, for each has as many addresses there as it likes (RFC 8981). Owned by one struct alg and
 * its thread.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"

/* A host may have this many times as many records as are free: one inside, one outside. */
#define HOST_SHARE        3
#define HOST_SHARE_CALLER 2

/* One part in so many of a table is not for what hosts outside begin. */
#define HOST_RESERVE 4

struct host_shares {
    uint32_t *counts;
    uint32_t n;     /* a power of two */
    uint32_t times; /* HOST_SHARE or HOST_SHARE_CALLER */
    struct hash_secret secret;
};

/* For a table of `capacity` records, of which a host may have `times` what is free. 0 or -ENOMEM.
 */
int host_shares_init(struct host_shares *hs, uint32_t capacity, uint32_t times,
                     const struct hash_secret *secret);
void host_shares_free(struct host_shares *hs);

/* What of `n_free` out of `capacity` may be taken for what begins outside, which has `n_outside`.
 */
static inline uint32_t host_share_outside(uint32_t n_free, uint32_t capacity, uint32_t n_outside)
{
    uint32_t most = capacity - capacity / HOST_RESERVE;
    uint32_t left = n_outside < most ? most - n_outside : 0;
    return left < n_free ? left : n_free;
}

/* May this host have one more record while `n_free` are free? */
bool host_share_room(const struct host_shares *hs, const struct ip_addr *ip, uint16_t zone,
                     uint32_t n_free);

/* Where its number is kept. */
uint32_t *host_share_of(const struct host_shares *hs, const struct ip_addr *ip, uint16_t zone);

/* It has one more, or one less. */
void host_share_count(struct host_shares *hs, const struct ip_addr *ip, uint16_t zone, int32_t by);
