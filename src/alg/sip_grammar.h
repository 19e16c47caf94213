/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the grammar of RFC 3261 and its extensions says about a message that could be read: stricter
 * than the reader (sip_header.h), which only refuses what two phones could take differently. Pure;
 * any thread; bounded by the length of the message.
 */
#pragma once

#include "alg/sip_header.h"
#include "base/voip.h"

/* A rule that a message breaks. */
struct sip_finding {
    enum voip_check check;
    struct slice at; /* where, up to the end of what was looked at; a NULL pointer: what lacks */
};

/* What to look for, and whom to tell. */
struct sip_search {
    uint64_t checks;     /* bit per voip_check */
    bool rfc2543_branch; /* Via branches need no cookie */
    /* Told each finding in the order of the message; true ends the search. */
    bool (*found)(void *ctx, const struct sip_finding *finding);
    void *ctx;
};

/* Request line, headers, and headers that are missing. True: the search was ended by `found`. */
bool sip_grammar(const struct sip_msg *msg, const struct sip_search *search);

/* The same of a session description (RFC 8866, RFC 4566). */
bool sdp_grammar(struct slice description, const struct sip_search *search);

/* The check that a header comes under; VOIP_CHECK_COUNT: none. */
enum voip_check sip_grammar_check(enum sip_header_id id);
/* The same of a line of a description, by its letter. */
enum voip_check sdp_grammar_check(char letter);

/* Is this a header of a published specification, though this gateway has no row for it? */
bool sip_header_published(struct slice name);

static inline bool sip_search_wants(const struct sip_search *search, enum voip_check check)
{
    return search->checks >> check & 1;
}

static inline bool sip_search_tell(const struct sip_search *search, enum voip_check check,
                                   struct slice at)
{
    return search->found(search->ctx, &(struct sip_finding){check, at});
}

#define SIP_CHECKS_ALL ((UINT64_C(1) << VOIP_CHECK_COUNT) - 1)
