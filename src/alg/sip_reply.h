/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers that the gateway gives itself, to requests its profile refuses (`respond`, long lines):
 * stateless (RFC 3261 8.2.7), so a request that comes again is answered with the same bytes.
 */
#pragma once

#include "alg/alg.h"
#include "base/hash.h"

#define SIP_REPLY_HOSTS 256

/* Tokens spent, and when: per sender and in all. Zeroed at first. */
struct sip_reply_limit {
    struct sip_reply_bucket {
        uint64_t at_ms;
        uint32_t spent; /* in thousandths */
    } all, host[SIP_REPLY_HOSTS];
};

struct sip_reply {
    uint16_t status;
    const char *phrase; /* "Bad Request" */
    const char *why;    /* what follows it: "malformed Via header" */
};

/*
 * The answer to the request in `packet`, which may be one that could not be parsed. Returns its
 * bytes in `out` (at most ALG_ANSWER_MAX and `cap`), or 0: a response, an ACK, headers that an
 * answer copies are missing or unreadable, no room.
 */
size_t sip_reply_make(const struct hash_secret *secret, const struct alg_packet *packet,
                      const struct sip_reply *reply, char *out, size_t cap);

/* May one more answer go to this sender? At most 30 a second to one address, 1000 to all. */
bool sip_reply_allowed(struct sip_reply_limit *limit, const struct hash_secret *secret,
                       const struct ip_addr *to, uint64_t now_ms);

/* What identifies a transaction to the tag of our answer. */
struct sip_reply_id {
    struct slice call_id, from; /* whole values */
    uint32_t cseq;
};

/* Is this the tag that our answer to the request with that identity has? */
bool sip_reply_is_own(const struct hash_secret *secret, const struct sip_reply_id *id,
                      struct slice tag);
