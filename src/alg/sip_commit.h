/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Carrying a plan out: open its mappings, resolve its edits, copy the message once with the edits
 * applied. All or nothing.
 */
#pragma once

#include "alg/sip_plan.h"

struct alg;

/* Where the new message goes. */
struct sip_output {
    char *p;
    size_t cap;
    size_t n; /* bytes written */
};

/*
 * Commit `plan` for `m`. `owner` gets a pin for every mapping taken; it may be NULL when the plan
 * opens none. On ALG_REASON_NONE the message stands in `out`; out->n is 0 when it goes out as it
 * came. Otherwise the reason for the refusal, and nothing was changed but bytes of `out`.
 *
 * Cost: one copy of the message.
 */
enum alg_reason sip_commit(struct alg *alg, const struct sip_message *m, struct sip_plan *plan,
                           struct dialog *owner, struct sip_output *out);
