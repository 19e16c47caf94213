/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is who in a session, for the ALG. A party is translated when its own address and the one that
 * stands for it differ; of such parties a session has none (then the inside one is whoever is on
 * the inner side of the firewall, or began it where the sides are alike), one, or two: an inside
 * host that calls another by its public address, or a policy that translates both ends. A message
 * crosses the ALG once for each, as if it went out by the one and came back in by the other; no
 * message is edited for two parties at once.
 *
 * Pure; ALG thread.
 */
#pragma once

#include "fastpath/dataplane.h"
#include "fastpath/snapshot.h"

/*
 * The crossings of what travels in direction `dir` of a session, in their order: fills of each
 * packet who is who and where. Returns how many, 1 or 2.
 */
unsigned alg_parties(const struct dataplane *dp, const struct snapshot *snap, uint32_t session,
                     uint8_t dir, struct alg_packet out[ALG_CROSSINGS]);
