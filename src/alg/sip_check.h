/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every step after parsing needs to know about a message, read and checked once: the headers
 * that RFC 3261 8.1.1 makes mandatory. Pure; any thread.
 */
#pragma once

#include "alg/sip_header.h"

/* All slices point into the message. */
struct sip_facts {
    enum sip_method method; /* of the transaction: the one in CSeq */
    uint32_t cseq;
    struct slice call_id;
    struct sip_addr from, to;
};

/*
 * Read them. -EINVAL with *fault (offset from msg->bytes.p) when one is missing or malformed, or
 * when the method of a request is not the one in its CSeq.
 */
int sip_facts_read(const struct sip_msg *msg, struct sip_facts *out, struct sip_fault *fault);
