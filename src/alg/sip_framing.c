/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser judges a head when it is complete, so a head that comes byte by byte is looked through
 * only for its end, once. The start line is different: it tells whether this is SIP at all, and a
 * stream of something else must not be held up until a blank line happens to come by. So the parser
 * sees it as often as it grows, which its limit bounds.
 */
#include "alg/sip_framing.h"

static bool head_ends(struct sip_framing *f, struct slice bytes)
{
    size_t at = f->scanned;
    while (at < bytes.n) {
        at += slice_find(slice_skip(bytes, at), '\n');
        if (at == bytes.n)
            break;
        size_t left = bytes.n - at - 1;
        const char *p = bytes.p + at + 1;
        if ((left >= 1 && p[0] == '\n') || (left >= 2 && p[0] == '\r' && p[1] == '\n'))
            return true;
        if (left == 0 || (left == 1 && p[0] == '\r'))
            break; /* the next bytes tell */
        at++;
    }
    f->scanned = (uint32_t)at;
    return false;
}

static bool speaks_of_sip(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if (slice_istarts(slice_skip(line, i), SLICE_LIT("sip")))
            return true;
    return false;
}

/*
 * A start line that is none. It may be another protocol's, which may have a method of the same name
 * (HTTP has OPTIONS), or SIP that some phone would read all the same.
 */
static enum sip_framed start_bad(struct sip_framing *f, struct slice bytes, enum sip_bad reason)
{
    struct slice line = slice_head(bytes, slice_find(bytes, '\n'));
    if (f->sip || f->begun || !sip_bad_is_start(reason))
        return SIP_FRAMED_BAD;
    if (sip_classify(line) != SIP_CLASS_SIP)
        return SIP_FRAMED_OTHER;
    if (speaks_of_sip(line))
        return SIP_FRAMED_BAD;
    if (line.n == bytes.n && line.n <= SIP_FRAMING_LINE)
        return SIP_FRAMED_MORE;
    return SIP_FRAMED_OTHER;
}

/* The head has not ended. */
static enum sip_framed head_open(struct sip_framing *f, struct slice bytes, struct sip_msg *msg)
{
    struct sip_fault fault;
    if (bytes.n >= SIP_FRAMING_MAX)
        return SIP_FRAMED_LONG;
    if (f->begun)
        return SIP_FRAMED_MORE;
    /* Nothing but the start line: what comes behind is judged when all of it is there. */
    size_t line = slice_find(bytes, '\n');
    bool whole = line < bytes.n;
    if (sip_msg_parse(slice_head(bytes, line + whole), SIP_STREAM, msg, &fault, NULL) == SIP_BAD)
        return start_bad(f, bytes, fault.reason);
    if (!whole && bytes.n > SIP_FRAMING_LINE)
        return SIP_FRAMED_LONG;
    f->begun = whole;
    return SIP_FRAMED_MORE;
}

enum sip_framed sip_framing_next(struct sip_framing *f, struct slice bytes, struct sip_msg *msg,
                                 size_t *n)
{
    struct sip_fault fault;
    size_t need;
    if (f->need > bytes.n)
        return SIP_FRAMED_MORE;
    *n = sip_keepalive_len(bytes);
    if (*n)
        return SIP_FRAMED_LINES;
    if (f->need == 0 && !head_ends(f, bytes))
        return head_open(f, bytes, msg);
    switch (sip_msg_parse(bytes, SIP_STREAM, msg, &fault, &need)) {
    case SIP_BAD:
        return start_bad(f, bytes, fault.reason);
    case SIP_NEED_MORE:
        if (need > SIP_FRAMING_MAX)
            return SIP_FRAMED_LONG;
        f->begun = true;
        f->need = (uint32_t)need;
        return SIP_FRAMED_MORE;
    case SIP_DONE:
        break;
    }
    *n = msg->bytes.n;
    if (*n > SIP_FRAMING_MAX)
        return SIP_FRAMED_LONG;
    *f = (struct sip_framing){.sip = true};
    return SIP_FRAMED_MESSAGE;
}
