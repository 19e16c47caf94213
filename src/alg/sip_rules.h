/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the VoIP profile says about a message: methods it blocks, rates, long lines, long bodies,
 * and the malformed-message checks with pass, discard and respond. ALG thread only.
 *
 * Checks come after the reader (sip_msg.h, sip_check.h) and never soften it: what two phones could
 * read differently is dropped whatever the profile says, but with `respond` the sender is told.
 */
#pragma once

#include "alg/sip_plan.h"
#include "alg/sip_reply.h"

struct alg;

/* How the refusal of the message in hand is to be answered; status 0: not at all. */
struct sip_refusal {
    struct sip_reply reply;
};

/*
 * A message that was read, before anything is planned: ALG_REASON_NONE, or why it is refused, with
 * alg->refusal filled in. Counts it in the meters of its policy.
 */
enum alg_reason sip_rules_apply(struct alg *alg, const struct sip_message *m);

/*
 * The message in hand was refused as malformed: find the check it falls under, tell of it, and fill
 * in alg->refusal. By the parser (m->msg is not filled in); ...
 */
void sip_rules_blame_parse(struct alg *alg, const struct sip_message *m,
                           const struct sip_fault *fault);
/* ... by sip_facts_read; ... */
void sip_rules_blame_facts(struct alg *alg, const struct sip_message *m,
                           const struct sip_fault *fault);
/* ... or by the plan. Other reasons are nothing to blame anybody for. */
void sip_rules_blame(struct alg *alg, const struct sip_message *m, enum alg_reason reason);
