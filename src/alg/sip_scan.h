/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the SIP parser: characters, and the reader of header lines that messages and the parts of
 * multipart bodies share. Nothing here is for the users of sip_msg.h and sip_header.h.
 */
#pragma once

#include "alg/sip_msg.h"
#include "base/addr.h"

#include <errno.h>

enum sip_char {
    SIP_CHAR_TOKEN = 1, /* RFC 3261 25.1 token */
    SIP_CHAR_HOST = 2,  /* letters, digits, '-', '.', and '_', which people use */
    SIP_CHAR_URI = 4,   /* printable ASCII but for quotes, angle brackets and the backslash */
    SIP_CHAR_LWS = 8,   /* blank or part of a folded line end */
    SIP_CHAR_STOP = 16, /* may not stand in the value of a parameter */
    SIP_CHAR_EQUALS = 32,
    SIP_CHAR_LIST = 64,  /* comma, quote, angle brackets: what gives lists their form */
    SIP_CHAR_NAME = 128, /* may not stand in a display name without quotes */
};

extern const uint8_t sip_char[256];

static inline bool sip_is(char c, unsigned classes)
{
    return sip_char[(unsigned char)c] & classes;
}

/* Blank or part of a folded line end. */
static inline bool sip_lws(char c)
{
    return sip_is(c, SIP_CHAR_LWS);
}

/* Bytes at the front that are all of the classes. */
static inline size_t sip_span(struct slice s, unsigned classes)
{
    size_t n = 0;
    while (n < s.n && sip_is(s.p[n], classes))
        n++;
    return n;
}

/* Bytes at the front that are of none of them. */
static inline size_t sip_span_not(struct slice s, unsigned classes)
{
    size_t n = 0;
    while (n < s.n && !sip_is(s.p[n], classes))
        n++;
    return n;
}

/* Without blanks and folds at the front. */
static inline struct slice sip_skip_lws(struct slice s)
{
    size_t n = sip_span(s, SIP_CHAR_LWS);
    return (struct slice){s.p + n, s.n - n};
}

/* slice_ieq, decided by length without a call where lengths differ: most comparisons do. */
static inline bool sip_ieq(struct slice a, struct slice b)
{
    return a.n == b.n && slice_ieq(a, b);
}

/* Length of the quoted string at the front, quotes included, or 0 when it does not end. */
size_t sip_quoted_len(struct slice s);

/* Set the fault, if anybody asked, and return -EINVAL. */
static inline int sip_fail(struct sip_fault *fault, enum sip_bad reason, size_t offset)
{
    if (fault)
        *fault = (struct sip_fault){reason, offset};
    return -EINVAL;
}

/* -EINVAL again, with the offset of an inner parse moved to the outer slice. */
static inline int sip_fail_at(struct sip_fault *fault, size_t offset)
{
    if (fault)
        fault->offset += offset;
    return -EINVAL;
}

/* The first CR, LF or zero byte, or `end`. Reads nothing at or behind `end`. */
const char *sip_next_stop(const char *p, const char *end);

/* An IPv6 address without brackets. */
bool sip_ip6_parse(struct slice text, struct ip_addr *out);

/* A place in a head, line by line. */
struct sip_scan {
    const char *start; /* faults count from here */
    const char *p;     /* the line that comes next */
    const char *end;
    enum sip_mode mode;
    uint8_t eol; /* bytes of a line end, 0 before the first */
    uint32_t longest_line;
    size_t longest_offset;
    struct sip_fault fault;
};

/*
 * Find the end of the line that begins at s->p: *line without its end; s->p moves behind it.
 * SIP_DONE, SIP_BAD with s->fault, or SIP_NEED_MORE.
 */
enum sip_result sip_scan_line(struct sip_scan *s, struct slice *line);

/*
 * Read one header with its folded lines; `id` and `next` stay untouched. After the empty line the
 * result is SIP_DONE with an empty name.
 */
enum sip_result sip_scan_header(struct sip_scan *s, struct sip_header *header);
