/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Letting the other party of a call or subscription in: its messages may come from another address
 * than the server the phone talks to. ALG thread only.
 */
#pragma once

#include "alg/sip_plan.h"

struct alg;

/*
 * A message of `d` was committed: what the outside party names as its place is noted, and once the
 * inside party has taken part its addresses are admitted to the signalling mappings in use.
 */
void sip_admit(struct alg *alg, const struct sip_message *m, struct dialog *d);
