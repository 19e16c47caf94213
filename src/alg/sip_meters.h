/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many requests of each method a policy has seen, and the limits on them (`<method>-rate`).
 * Two tables of fixed size: a row of meters for each of the policies that carry SIP, and counts for
 * single addresses (`<method>-rate-track`). Owned by one struct alg and its thread.
 */
#pragma once

#include "alg/alg.h"
#include "alg/sip_msg.h"
#include "base/hash.h"

struct meter_set;
struct address_set;

struct sip_meters {
    struct meter_set *policies;
    struct address_set *addresses;
    uint32_t stamp;
    struct hash_secret secret;
};

/* What a request is counted by. */
struct sip_meter_ask {
    uint64_t now_ms;
    uint32_t policy_id, dialog_limit;
    enum sip_method method;
    uint32_t limit; /* a second; 0 none */
    enum voip_track track;
    struct ip_addr address; /* of the track; not looked at with VOIP_TRACK_NONE */
};

/* 0 or -ENOMEM. Memory is touched as it is used. */
int sip_meters_init(struct sip_meters *meters, const struct hash_secret *secret);
void sip_meters_free(struct sip_meters *meters);

/*
 * Count one request. False: it is above the limit. A second begins with the first request after the
 * one before has ended. Cost: two cache lines, a third with a track.
 */
bool sip_meters_take(struct sip_meters *meters, const struct sip_meter_ask *ask);

/* Row *cursor or the next one in use, without the count of dialogs. 1, or 0 at the end. */
int sip_meters_next(const struct sip_meters *meters, uint32_t *cursor, uint64_t now_ms,
                    struct alg_meter *out);
