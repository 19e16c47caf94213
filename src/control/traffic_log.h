/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The traffic log: a line for each denied packet that opens a flow (`logtraffic all` of a deny
 * policy, `fwpolicy-implicit-log`) and for each session that ends under a policy with `logtraffic
 * all`; at most TRAFFIC_LOG_RATE a second. How many more there were, or were lost in the workers'
 * rings, is said once a second. In replay each line is an event instead. The control thread owns it
 * and calls everything here.
 */
#pragma once

#include "base/text.h"
#include "fastpath/dataplane.h"

#define TRAFFIC_LOG_RATE 100

struct traffic_log {
    struct dataplane *dp;
    uint64_t second;
    unsigned written;   /* in it */
    uint64_t unwritten; /* lines, not told yet */
    uint64_t lost;      /* of the workers' rings, told */
};

/* A round: denials that wait, with a budget. Returns how many denials it took. */
unsigned traffic_log_run(struct traffic_log *l, uint64_t now_ms);

/* A session has ended, after so many seconds. Nothing where its policy does not log. */
void traffic_log_session(struct traffic_log *l, uint32_t index, uint64_t duration_s,
                         uint64_t now_ms);

/* The lines, as key=value. */
void traffic_log_print_denial(const struct snapshot *s, const struct verdict_denial *d,
                              struct text *out);
void traffic_log_print_session(const struct dataplane *dp, uint32_t index, uint64_t duration_s,
                               struct text *out);
