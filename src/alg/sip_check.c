/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message without Call-ID, CSeq, From, To or Via cannot be tied to anything, and two programs
 * would handle it differently; it is refused. A From without a tag is an old phone (RFC 2543) and
 * passes.
 */
#include "alg/sip_check.h"

#include <errno.h>

static int missing(const struct sip_msg *msg, struct sip_fault *fault)
{
    *fault = (struct sip_fault){SIP_BAD_HEADER_ABSENT, msg->head.n};
    return -EINVAL;
}

static int address_read(const struct sip_msg *msg, enum sip_header_id id, struct sip_addr *out,
                        struct sip_fault *fault)
{
    const struct sip_header *h = sip_header_first(msg, id);
    if (!h)
        return missing(msg, fault);
    if (sip_addr_parse(h->value, out, fault) != 0) {
        fault->offset += sip_offset(msg, h->value);
        return -EINVAL;
    }
    if (out->star) {
        *fault = (struct sip_fault){SIP_BAD_STAR, sip_offset(msg, h->value)};
        return -EINVAL;
    }
    return 0;
}

int sip_facts_read(const struct sip_msg *msg, struct sip_facts *out, struct sip_fault *fault)
{
    struct sip_cseq cseq;
    const struct sip_header *h = sip_header_first(msg, SIP_CSEQ);
    if (!h || !sip_header_first(msg, SIP_VIA))
        return missing(msg, fault);
    if (sip_cseq_parse(h->value, &cseq, fault) != 0) {
        fault->offset += sip_offset(msg, h->value);
        return -EINVAL;
    }
    if (msg->is_request && !slice_eq(cseq.method_text, msg->method_text)) {
        *fault = (struct sip_fault){SIP_BAD_METHOD, sip_offset(msg, h->value)};
        return -EINVAL;
    }
    out->method = cseq.method;
    out->cseq = cseq.number;
    out->call_id = sip_header_value(msg, SIP_CALL_ID);
    if (out->call_id.n == 0)
        return missing(msg, fault);
    if (address_read(msg, SIP_FROM, &out->from, fault) != 0)
        return -EINVAL;
    return address_read(msg, SIP_TO, &out->to, fault);
}
