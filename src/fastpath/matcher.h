/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule book as the packet path asks it: which is the first rule that fits this flow? In two
 * stages: each field of the flow to the set of rules it satisfies, then the sets to the first rule
 * that is in all of them. Sets are bit vectors over the rules in matching order, so neither the
 * addresses of a group nor the product of addresses and services multiply anything.
 *
 * Made from rows by control (or its helper) and then never changed; belongs to its snapshot and is
 * read by any thread.
 */
#pragma once

#include "fastpath/intervals.h"

#include <stdbool.h>

struct config_rows;
struct flow;
struct text;

/* Fields that are not interfaces, as bits of a combination. */
enum {
    MATCHER_SRC = 1,
    MATCHER_DST = 2,
    MATCHER_SERVICE = 4,
    MATCHER_FIELDS = 8 /* combinations */
};

/* One word of every field's set for a flow of which nothing is known, and the rules that see what a
 * VIP has changed. */
struct matcher_base {
    uint64_t src, dst, service, vip_sees;
};

/* Where an IPv6 interval begins, in host order. */
struct matcher_point6 {
    uint64_t high, low;
};

struct matcher_map6 {
    uint32_t n;
    struct matcher_point6 *first;
    uint32_t *value;
};

struct matcher_vip {
    uint32_t named;   /* rules that name it */
    uint32_t unnamed; /* rules that name it and are negated */
};

struct matcher {
    uint32_t n_rules, n_words; /* words of 64 rules */
    uint32_t n_sums;           /* words of 64 words */
    uint16_t n_interfaces, n_vips;
    uint64_t *sets;         /* sparse sets: n_sums words say which words follow */
    uint64_t *interfaces;   /* whole sets: in of interface 0, out of interface 0, in of 1 ... */
    struct intervals v4[2]; /* source, destination to set */
    struct matcher_map6 v6[2];
    struct matcher_base *base[2];        /* by word; IPv4, IPv6 */
    uint64_t (*sums[2])[MATCHER_FIELDS]; /* by word of words: where a combination is not empty */
    uint16_t port_map[256];              /* protocol to number of ports */
    uint32_t n_ports, n_splits;
    struct intervals *ports;  /* destination port to set, or MATCHER_SPLIT and a number of splits */
    struct intervals *splits; /* source port to set */
    struct matcher_vip *vips; /* by number, [0] unused */
    size_t bytes;             /* all of it */
};

#define MATCHER_SPLIT 0x80000000u

/*
 * For rows->policies in their order. NULL with the reason in `error` when the sets would take more
 * than 512 MiB. Ends the process when there is no memory.
 */
struct matcher *matcher_create(const struct config_rows *rows, struct text *error);
void matcher_destroy(struct matcher *m);

/* The first rule that fits, into *rule. False: none. */
bool matcher_find(const struct matcher *m, const struct flow *flow, uint32_t *rule);
