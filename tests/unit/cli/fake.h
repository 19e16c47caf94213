/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dataplane made of arrays, and transcripts: lines in, expected text out. The backend answers
 * every question from what the test put into the arrays.
 */
#pragma once

#include "cli/backend.h"
#include "cli/cli.h"
#include "config/tree.h"

#include "unit.h"

struct fake {
    struct backend backend;
    struct config_tree *running;
    struct cli *cli;

    struct backend_session *sessions;
    bool *session_gone; /* ended by session_clear */
    uint32_t n_sessions;
    uint32_t busy_every; /* a listing says "later" before each n-th row; 0 never */
    uint32_t asked;
    struct backend_session_stat session_stat;

    struct backend_sip_stat sip_stat;
    struct backend_sip_call *calls;
    bool call_gone[32];
    uint32_t n_calls;
    const struct backend_sip_meter *sip_meters;
    uint32_t n_sip_meters;
    struct backend_debug debug[8]; /* number 1 is [0] */
    uint32_t n_debug, debug_mask;  /* mask: what is wanted */
    bool debug_full, debug_flood;  /* flood: number 1 again and again */
    const struct backend_mapping *mappings;
    uint32_t n_mappings;
    const struct backend_counter *counters;
    uint32_t n_counters;
    const struct backend_interface *interfaces;
    uint32_t n_interfaces;
    const struct backend_neighbour *neighbours;
    uint32_t n_neighbours;
    const struct backend_route *routes;
    uint32_t n_routes;
    uint64_t uptime_s;
    struct config_rows *rows;                  /* of the running tree, made when asked for */
    const struct backend_policy_count *counts; /* by policy id */
    uint32_t n_counts;
    bool count_gone[32];
    const struct backend_pool_stat *pool_stats; /* of every pool */
    const struct backend_pool_share *shares;
    uint32_t n_shares;

    const char *refuse; /* reason the next commits are refused with, NULL: accepted */
    unsigned commits;
    struct config_tree *committed; /* copy of the last candidate accepted */
};

/* A login over factory settings and an empty dataplane. */
void fake_open(struct fake *fake);
void fake_close(struct fake *fake);

/* `n` UDP sessions 10.x -> 198.51.100.5:5060 with source NAT, a little different each. */
void fake_sessions(struct fake *fake, uint32_t n);

/* A session as most tests want it: the example of the FortiOS documents. */
struct backend_session fake_session(void);

struct ip_port ep(const char *ip, uint16_t port);
/* The same of either family. */
struct ip_port end(const char *ip, uint16_t port);
struct ip_addr ip(const char *text);
be32 ip4(const char *ip);

/* Run a line to its end; what it printed, valid until the next one. */
const char *fake_line(struct fake *fake, const char *line);

struct transcript {
    const char *in, *out;
    int status;
};

/* Run rows up to one whose `in` is NULL and compare output and status. */
void fake_transcript(struct fake *fake, const struct transcript *rows);

/* The prompt now. */
const char *fake_prompt(struct fake *fake);
