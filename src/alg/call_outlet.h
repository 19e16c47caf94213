/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a call lets its inside party say by itself: a BYE or a session refresh when the UDP session
 * of its signalling has idled out and no policy is for the way out. ALG thread only.
 */
#pragma once

#include "alg/alg.h"

struct dialog;

/*
 * The inside party has taken part: from the endpoint of this message it may send SIP to the other
 * side of the message and to the target of the call, as this message's policy and public side have
 * it, until the record goes.
 */
void call_outlets_open(struct alg *alg, struct dialog *d, const struct alg_packet *packet);

void call_outlets_close(struct alg *alg, struct dialog *d);
