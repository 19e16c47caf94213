/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many packets of its own a worker may make: so many in all, and so many toward one host, lest
 * one who asks for errors all the time leaves none for others. Token buckets; part of struct
 * worker, all zero at first (and then full). RFC 1812 4.3.2.8, RFC 4443 2.4 (f).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ICMP_LIMIT_HOSTS 256

struct icmp_bucket {
    uint32_t at_ms; /* low half of the clock */
    uint32_t spent; /* thousandths of a token that are missing */
};

struct icmp_limit {
    struct icmp_bucket all;
    struct icmp_bucket host[ICMP_LIMIT_HOSTS]; /* by hash: two hosts may share one */
};

/* May another one be made now, toward the host with this hash? If so it counts. */
bool icmp_limit_take(struct icmp_limit *limit, uint64_t now_ms, uint32_t host_hash);
