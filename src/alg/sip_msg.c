/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One pass over a SIP message. The head is read line by line; each header becomes one row of the
 * index and is linked to the row before it with the same id. The body is whatever Content-Length
 * says, checked against what is there.
 *
 * The rules that keep two readers from disagreeing:
 * - The first line end of the head decides between CRLF and bare LF; any other one after it, a bare
 *   CR and a zero byte are bad. A message all of bare LF is read by lenient phones and refused by
 *   strict ones, but nobody reads it as something else.
 * - A line that begins with a blank continues the one before; it must hold more than blanks,
 * because a phone that trims lines takes a blank one for the end of the head.
 * - The request line has exactly two blanks. A method that is known but for its case is bad.
 * - Headers that say where the body ends or which dialog this is come once.
 * - On a stream nothing is final before the empty line and the whole body are there: the byte after
 *   a line end could always be the blank of a fold.
 *
 * Invariant: slices of headers lie in order and end to end, so that start line, sip_header_line of
 * every header and the empty line give back the head byte by byte.
 */
#include "alg/sip_scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define METHOD_LEN_MAX 64 /* so that a stream of one endless word is known not to be SIP */

static const struct slice version_2 = {"SIP/2.0", 7};
static const struct slice version_any = {"SIP/", 4};

/* A byte at which a line may end or must not go on. */
static inline bool is_stop(char c)
{
    return c == '\n' || c == '\r' || c == '\0';
}

const char *sip_next_stop(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i limit = _mm_set1_epi8('\r');
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        unsigned low = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(v, limit), v));
        for (; low; low &= low - 1)
            if (is_stop(p[__builtin_ctz(low)]))
                return p + __builtin_ctz(low);
    }
#endif
    while (p < end && !is_stop(*p))
        p++;
    return p;
}

static enum sip_result scan_bad(struct sip_scan *s, enum sip_bad reason, const char *at)
{
    s->fault = (struct sip_fault){reason, (size_t)(at - s->start)};
    return SIP_BAD;
}

/* The bytes are over and the head is not. */
static enum sip_result scan_short(struct sip_scan *s)
{
    return s->mode == SIP_STREAM ? SIP_NEED_MORE : scan_bad(s, SIP_BAD_HEAD_END, s->end);
}

enum sip_result sip_scan_line(struct sip_scan *s, struct slice *line)
{
    const char *stop = sip_next_stop(s->p, s->end);
    if (stop == s->end)
        return scan_short(s);
    if (*stop == '\0')
        return scan_bad(s, SIP_BAD_ZERO_BYTE, stop);
    if (*stop == '\r') {
        if (stop + 1 == s->end)
            return scan_short(s);
        if (stop[1] != '\n')
            return scan_bad(s, SIP_BAD_BARE_CR, stop);
    }
    uint8_t eol = *stop == '\r' ? 2 : 1;
    if (s->eol == 0)
        s->eol = eol;
    if (s->eol != eol)
        return scan_bad(s, SIP_BAD_MIXED_EOL, stop);
    *line = slice_between(s->p, stop);
    if (line->n > s->longest_line) {
        s->longest_line = line->n < UINT32_MAX ? (uint32_t)line->n : UINT32_MAX;
        s->longest_offset = (size_t)(s->p - s->start);
    }
    s->p = stop + eol;
    return SIP_DONE;
}

static bool all_blank(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if (!ascii_blank(line.p[i]))
            return false;
    return true;
}

/* Name, blanks and colon of the line at s->p; *colon is where the colon stands. */
static enum sip_result scan_name(struct sip_scan *s, struct slice *name, const char **colon)
{
    const char *p = s->p + sip_span(slice_between(s->p, s->end), SIP_CHAR_TOKEN);
    *name = slice_between(s->p, p);
    while (p < s->end && ascii_blank(*p))
        p++;
    if (p == s->end)
        return scan_short(s);
    if (*p == '\0')
        return scan_bad(s, SIP_BAD_ZERO_BYTE, p);
    if (*p != ':')
        return scan_bad(s, is_stop(*p) ? SIP_BAD_HEADER_COLON : SIP_BAD_HEADER_NAME, p);
    if (name->n == 0)
        return scan_bad(s, SIP_BAD_HEADER_NAME, p);
    *colon = p;
    return SIP_DONE;
}

enum sip_result sip_scan_header(struct sip_scan *s, struct sip_header *header)
{
    struct slice line, name = {s->p, 0};
    const char *colon = s->p;
    enum sip_result r;
    if (s->p == s->end)
        return scan_short(s);
    if (*s->p == '\r' || *s->p == '\n') {
        header->name = header->value = name;
        return sip_scan_line(s, &line);
    }
    if (ascii_blank(*s->p))
        return scan_bad(s, SIP_BAD_FOLD_FIRST, s->p);
    if ((r = scan_name(s, &name, &colon)) != SIP_DONE || (r = sip_scan_line(s, &line)) != SIP_DONE)
        return r;
    while (s->p < s->end && ascii_blank(*s->p)) {
        const char *fold = s->p;
        if ((r = sip_scan_line(s, &line)) != SIP_DONE)
            return r;
        if (all_blank(line))
            return scan_bad(s, SIP_BAD_FOLD_BLANK, fold);
    }
    header->name = name;
    header->value = slice_trim(slice_between(colon + 1, line.p + line.n));
    return SIP_DONE;
}

static enum sip_result parse_status_line(struct sip_scan *s, struct slice line, struct sip_msg *msg)
{
    if (!slice_istarts(line, version_2) ||
        (line.n > version_2.n && !ascii_blank(line.p[version_2.n])))
        return scan_bad(s, SIP_BAD_VERSION, line.p);
    struct slice rest = slice_skip(line, version_2.n);
    uint32_t status;
    if (rest.n < 4 || rest.p[0] != ' ' || (rest.n > 4 && rest.p[4] != ' ') ||
        slice_u32(slice_of(rest.p + 1, 3), 699, &status) != 0 || status < 100)
        return scan_bad(s, SIP_BAD_STATUS, rest.p);
    msg->is_request = false;
    msg->status = (uint16_t)status;
    msg->method = SIP_METHOD_UNKNOWN;
    msg->method_text = msg->uri = SLICE_NONE;
    msg->version = slice_head(line, version_2.n);
    msg->reason = slice_skip(rest, 5);
    return SIP_DONE;
}

/* A method without a row that would have one in capitals. */
static bool method_in_other_case(struct slice text)
{
    for (unsigned i = 1; i < SIP_METHOD_COUNT; i++)
        if (slice_ieq(text, slice_str(sip_method_name(i))))
            return true;
    return false;
}

static enum sip_result parse_request_line(struct sip_scan *s, struct slice line,
                                          struct sip_msg *msg)
{
    struct slice method = slice_head(line, sip_span(line, SIP_CHAR_TOKEN));
    struct slice rest = slice_skip(line, method.n);
    if (method.n == 0 || method.n > METHOD_LEN_MAX)
        return scan_bad(s, SIP_BAD_START_LINE, line.p);
    if (rest.n == 0 || rest.p[0] != ' ')
        return scan_bad(s, SIP_BAD_START_LINE, rest.p);
    rest = slice_skip(rest, 1);
    struct slice uri = slice_head(rest, slice_find(rest, ' '));
    struct slice version = slice_skip(rest, uri.n + 1);
    if (!slice_istarts(version, version_any))
        return scan_bad(s, SIP_BAD_START_LINE, version.p);
    if (!slice_istarts(version, version_2))
        return scan_bad(s, SIP_BAD_VERSION, version.p);
    if (version.n != version_2.n)
        return scan_bad(s, SIP_BAD_START_LINE, version.p + version_2.n);
    size_t good = sip_span(uri, SIP_CHAR_URI);
    if (uri.n == 0 || good < uri.n)
        return scan_bad(s, SIP_BAD_REQUEST_URI, uri.p + good);
    msg->method = sip_method_find(method);
    if (msg->method == SIP_METHOD_UNKNOWN && method_in_other_case(method))
        return scan_bad(s, SIP_BAD_METHOD_CASE, method.p);
    msg->is_request = true;
    msg->status = 0;
    msg->method_text = method;
    msg->uri = uri;
    msg->version = version;
    msg->reason = SLICE_NONE;
    return SIP_DONE;
}

/* Whether `s` is the front of `whole`, or goes on behind it; any case. */
static bool agrees(struct slice s, struct slice whole)
{
    return slice_istarts(whole, slice_head(s, whole.n));
}

/*
 * A start line whose end has not come: could it still become one? So that a stream of something
 * else is let go after its first bytes and not when a buffer is full.
 */
static enum sip_result start_so_far(struct sip_scan *s)
{
    struct slice line = slice_between(s->p, sip_next_stop(s->p, s->end));
    if (agrees(line, version_any))
        return SIP_NEED_MORE;
    struct slice rest = slice_skip(line, sip_span(line, SIP_CHAR_TOKEN));
    if (line.n - rest.n > METHOD_LEN_MAX)
        return scan_bad(s, SIP_BAD_START_LINE, s->p);
    if (rest.n == 0)
        return SIP_NEED_MORE;
    if (rest.p == line.p || rest.p[0] != ' ')
        return scan_bad(s, SIP_BAD_START_LINE, rest.p);
    rest = slice_skip(rest, 1);
    rest = slice_skip(rest, sip_span(rest, SIP_CHAR_URI));
    if (rest.n && (rest.p[0] != ' ' || !agrees(slice_skip(rest, 1), version_any)))
        return scan_bad(s, SIP_BAD_START_LINE, rest.p);
    return SIP_NEED_MORE;
}

static enum sip_result parse_start(struct sip_scan *s, struct sip_msg *msg)
{
    struct slice line;
    if (s->p == s->end)
        return s->mode == SIP_STREAM ? SIP_NEED_MORE : scan_bad(s, SIP_BAD_EMPTY, s->p);
    enum sip_result r = sip_scan_line(s, &line);
    if (r == SIP_NEED_MORE)
        return start_so_far(s);
    if (r != SIP_DONE)
        return r;
    if (slice_istarts(line, version_any))
        return parse_status_line(s, line, msg);
    return parse_request_line(s, line, msg);
}

static enum sip_result parse_headers(struct sip_scan *s, struct sip_msg *msg)
{
    uint8_t last[SIP_HEADER_COUNT];
    memset(last, 0, sizeof(last));
    memset(msg->first, 0, sizeof(msg->first));
    for (msg->n_headers = 0;; msg->n_headers++) {
        struct sip_header header;
        enum sip_result r = sip_scan_header(s, &header);
        if (r != SIP_DONE || header.name.n == 0)
            return r;
        if (msg->n_headers == SIP_HEADERS_MAX)
            return scan_bad(s, SIP_BAD_HEADER_COUNT, header.name.p);
        header.id = sip_header_find(header.name);
        header.next = 0;
        if (header.id != SIP_OTHER) {
            uint8_t number = (uint8_t)(msg->n_headers + 1);
            if (!last[header.id])
                msg->first[header.id] = number;
            else if (sip_header_flags(header.id) & SIP_HEADER_ONCE)
                return scan_bad(s, SIP_BAD_HEADER_TWICE, header.name.p);
            else
                msg->headers[last[header.id] - 1].next = number;
            last[header.id] = number;
        }
        msg->headers[msg->n_headers] = header;
    }
}

/* The body, from the end of the head; *need is the length of the whole message. */
static enum sip_result parse_body(struct sip_scan *s, struct sip_msg *msg, size_t *need)
{
    size_t left = (size_t)(s->end - s->p);
    const struct sip_header *h = sip_header_first(msg, SIP_CONTENT_LENGTH);
    if (!h && s->mode == SIP_STREAM)
        return scan_bad(s, SIP_BAD_LENGTH_ABSENT, s->p);
    if (!h) {
        msg->length = SIP_LENGTH_ABSENT;
        msg->length_value = 0;
        msg->body = slice_of(s->p, left);
        msg->trailing = 0;
        return SIP_DONE;
    }
    int err = slice_u32(h->value, SIP_LENGTH_MAX, &msg->length_value);
    if (err)
        return scan_bad(s, err == -ERANGE ? SIP_BAD_LENGTH_RANGE : SIP_BAD_LENGTH_VALUE,
                        h->value.p);
    if (msg->length_value > left) {
        if (s->mode == SIP_DATAGRAM)
            return scan_bad(s, SIP_BAD_LENGTH_BEYOND, h->value.p);
        *need = (size_t)(s->p - s->start) + msg->length_value;
        return SIP_NEED_MORE;
    }
    msg->body = slice_of(s->p, msg->length_value);
    msg->trailing = s->mode == SIP_DATAGRAM ? left - msg->length_value : 0;
    msg->length = msg->trailing ? SIP_LENGTH_SHORT : SIP_LENGTH_EXACT;
    return SIP_DONE;
}

enum sip_result sip_msg_parse(struct slice bytes, enum sip_mode mode, struct sip_msg *msg,
                              struct sip_fault *fault, size_t *need)
{
    size_t lead = sip_keepalive_len(bytes), wanted = bytes.n + 1;
    struct sip_scan s = {.start = bytes.p, .p = bytes.p, .end = bytes.p, .mode = mode};
    if (bytes.n) {
        s.p += lead;
        s.end += bytes.n;
    }
    const char *start = s.p;
    enum sip_result r = parse_start(&s, msg);
    if (r == SIP_DONE)
        r = parse_headers(&s, msg);
    if (r == SIP_DONE) {
        msg->head = slice_between(start, s.p);
        r = parse_body(&s, msg, &wanted);
    }
    if (r == SIP_DONE) {
        msg->bytes = slice_between(bytes.p, msg->body.p + msg->body.n);
        msg->eol = s.eol;
        msg->longest_line = s.longest_line;
        msg->longest_offset = s.longest_offset;
    } else if (r == SIP_BAD && fault) {
        *fault = s.fault;
    } else if (r == SIP_NEED_MORE && need) {
        *need = wanted;
    }
    return r;
}

size_t sip_keepalive_len(struct slice bytes)
{
    size_t n = 0;
    while (n < bytes.n && (bytes.p[n] == '\r' || bytes.p[n] == '\n'))
        n++;
    return n;
}

/* A known method in any case with a blank behind it. */
static bool begins_with_method(struct slice line)
{
    struct slice word = slice_head(line, sip_span(line, SIP_CHAR_TOKEN));
    if (word.n == line.n || !ascii_blank(line.p[word.n]))
        return false;
    return sip_method_find(word) != SIP_METHOD_UNKNOWN || method_in_other_case(word);
}

enum sip_class sip_classify(struct slice datagram)
{
    if (datagram.n == 0 || (datagram.n == 1 && datagram.p[0] == 0))
        return SIP_CLASS_KEEPALIVE;
    if ((unsigned char)datagram.p[0] <= 1)
        return SIP_CLASS_STUN;
    struct slice line = slice_skip(datagram, sip_keepalive_len(datagram));
    if (line.n == 0)
        return SIP_CLASS_KEEPALIVE;
    line = slice_head(line, slice_find(line, '\n'));
    if (slice_istarts(line, version_any) || begins_with_method(line))
        return SIP_CLASS_SIP;
    for (size_t i = 1; i + version_any.n <= line.n; i++)
        if (ascii_blank(line.p[i - 1]) && slice_istarts(slice_skip(line, i), version_any))
            return SIP_CLASS_SIP;
    return SIP_CLASS_OTHER;
}
