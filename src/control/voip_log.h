/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VoIP log (fortios.md 3.12): a line for each begin and end of a call or registration, and for
 * each message that was blocked (44033) or malformed (44034). The records come from the ALG's ring.
 *
 * Calls are told at VOIP_LOG_CALLS a second; how many more there were is said once a second.
 * Violations cost more than they are worth when somebody floods: after VOIP_LOG_VIOLATIONS in one
 * second a critical line says so, and none is logged for VOIP_LOG_QUIET_MS.
 *
 * The control thread owns it and calls everything here.
 */
#pragma once

#include "alg/sip_log.h"
#include "base/text.h"
#include "fastpath/dataplane.h"

#define VOIP_LOG_CALLS      1000
#define VOIP_LOG_VIOLATIONS 100
#define VOIP_LOG_QUIET_MS   60000u

struct voip_log {
    const struct dataplane *dp;
    struct sip_log *from;
    uint64_t second;
    unsigned calls, violations; /* of it */
    uint64_t unwritten;         /* calls, not told yet */
    uint64_t lost;              /* of the ring, told */
    uint64_t quiet_until_ms;    /* 0: violations are logged */
};

/* A round: records that wait, with a budget. Returns how many it took. */
unsigned voip_log_run(struct voip_log *l, uint64_t now_ms);

/* When it has something to do by itself, UINT64_MAX never. */
uint64_t voip_log_deadline_ms(const struct voip_log *l);

/* The line, as key=value. */
void voip_log_print(const struct snapshot *s, const struct sip_log_record *r, struct text *out);
