/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the SIP parser: characters, and the reader of header lines that messages and the parts of
 * multipart bodies share. Nothing here is for the users of sip_msg.h and sip_header.h.
 */
#pragma once

#include "alg/sip_header.h"

#include <errno.h>

#ifdef __SSSE3__
#include <tmmintrin.h>
#endif

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

#ifdef __SSSE3__
/* A class as the instruction PSHUFB reads it: at the low half of a character one bit for each high
 * half that makes it one of the class; characters from 128 on are of none. Filled before main. */
extern uint8_t sip_char_bits[8][16];

/* Which of sixteen bytes are of any of the classes. */
static inline unsigned sip_is_16(const char *p, unsigned classes)
{
    const __m128i half = _mm_set1_epi8(0x0f);
    const __m128i bits = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i table = _mm_setzero_si128();
    for (unsigned k = 0; k < 8; k++)
        if (classes >> k & 1)
            table = _mm_or_si128(table, _mm_loadu_si128((const __m128i *)sip_char_bits[k]));
    __m128i low = _mm_shuffle_epi8(table, _mm_and_si128(v, half));
    __m128i high = _mm_shuffle_epi8(bits, _mm_and_si128(_mm_srli_epi16(v, 4), half));
    __m128i none = _mm_cmpeq_epi8(_mm_and_si128(low, high), _mm_setzero_si128());
    return ~(unsigned)_mm_movemask_epi8(none) & 0xffff;
}
#endif

/* Bytes at the front of which each is of any of the classes (`in`), or none is. */
static inline size_t sip_run(struct slice s, unsigned classes, bool in)
{
    size_t n = 0;
#ifdef __SSSE3__
    for (; s.n - n >= 16; n += 16) {
        unsigned other = sip_is_16(s.p + n, classes) ^ (in ? 0xffff : 0);
        if (other)
            return n + (unsigned)__builtin_ctz(other);
    }
    if (n) { /* the last sixteen, of which the first ones were looked at */
        unsigned seen = (unsigned)(n + 16 - s.n);
        unsigned other = (sip_is_16(s.p + s.n - 16, classes) ^ (in ? 0xffff : 0)) >> seen;
        return other ? n + (unsigned)__builtin_ctz(other) : s.n;
    }
#endif
    while (n < s.n && sip_is(s.p[n], classes) == in)
        n++;
    return n;
}

/* Bytes at the front that are all of the classes. */
static inline size_t sip_span(struct slice s, unsigned classes)
{
    return sip_run(s, classes, true);
}

/* Bytes at the front that are of none of them. */
static inline size_t sip_span_not(struct slice s, unsigned classes)
{
    return sip_run(s, classes, false);
}

/* Without blanks and folds at the front, of which there are few. */
static inline struct slice sip_skip_lws(struct slice s)
{
    size_t n = 0;
    while (n < s.n && sip_lws(s.p[n]))
        n++;
    return (struct slice){s.p + n, s.n - n};
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

/* As sip_uri_parse, into what is all zero; on a fault it holds anything. */
int sip_uri_read(struct slice text, struct sip_uri *uri, struct sip_fault *fault);

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
