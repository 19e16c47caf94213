/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media types and multipart bodies: where in a message the session descriptions are.
 *
 * A part is found by its boundary lines and its header lines are read by the same scanner as those
 * of the message. The slice of a part is a slice of the datagram, so a description deep inside an
 * ISUP multipart is edited in place and only Content-Length moves. What is encoded is left alone.
 */
#include "alg/sip_header.h"
#include "alg/sip_scan.h"

#define PARTS_MAX 32 /* parts looked at in one multipart */

/* RFC 2046 5.1.1: 1 to 70 characters; without quotes and backslashes there is one way to read it.
 */
static bool boundary_ok(struct slice b)
{
    if (b.n == 0 || b.n > 70 || b.p[b.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] < ' ' || b.p[i] > '~' || b.p[i] == '"' || b.p[i] == '\\')
            return false;
    return true;
}

static int type_params(struct slice value, struct sip_content_type *t, struct sip_fault *fault)
{
    struct slice rest = t->params;
    struct sip_param p;
    bool found = false;
    for (;;) {
        const char *at = rest.p;
        int r = sip_param_next(&rest, &p, fault);
        if (r < 0)
            return sip_fail_at(fault, (size_t)(at - value.p));
        if (r == 0)
            break;
        if (!slice_ieq(p.name, SLICE_LIT("boundary")))
            continue;
        if (found)
            return sip_fail(fault, SIP_BAD_PARAMETER_TWICE, (size_t)(p.name.p - value.p));
        found = true;
        t->boundary = p.value;
        if (p.value.n >= 2 && p.value.p[0] == '"')
            t->boundary = slice_of(p.value.p + 1, p.value.n - 2);
        if (!boundary_ok(t->boundary))
            return sip_fail(fault, SIP_BAD_BOUNDARY, (size_t)(p.value.p - value.p));
    }
    if (t->is_multipart && !found)
        return sip_fail(fault, SIP_BAD_BOUNDARY, value.n);
    return 0;
}

int sip_content_type_parse(struct slice value, struct sip_content_type *out,
                           struct sip_fault *fault)
{
    struct sip_content_type t = {0};
    struct slice s = sip_skip_lws(value);
    t.type = slice_head(s, sip_span(s, SIP_CHAR_TOKEN));
    s = sip_skip_lws(slice_skip(s, t.type.n));
    if (t.type.n == 0 || s.n == 0 || s.p[0] != '/')
        return sip_fail(fault, SIP_BAD_MEDIA_TYPE, value.n - s.n);
    s = sip_skip_lws(slice_skip(s, 1));
    t.subtype = slice_head(s, sip_span(s, SIP_CHAR_TOKEN));
    if (t.subtype.n == 0)
        return sip_fail(fault, SIP_BAD_MEDIA_TYPE, value.n - s.n);
    t.params = sip_skip_lws(slice_skip(s, t.subtype.n));
    t.is_multipart = slice_ieq(t.type, SLICE_LIT("multipart"));
    t.is_sdp =
        slice_ieq(t.type, SLICE_LIT("application")) && slice_ieq(t.subtype, SLICE_LIT("sdp"));
    int err = type_params(value, &t, fault);
    if (err)
        return err;
    *out = t;
    return 0;
}

/* A boundary line inside a body. */
struct delimiter {
    size_t before; /* where the text before it ends, without its line end */
    size_t line;   /* where the line begins */
    size_t after;  /* where the next line begins */
    bool closing;
};

/* Is the line at `at` a boundary? Fills everything but `before`. */
static bool delimiter_at(struct slice body, struct slice boundary, size_t at, struct delimiter *d)
{
    struct slice s = slice_skip(body, at);
    if (s.n < boundary.n + 2 || s.p[0] != '-' || s.p[1] != '-' ||
        memcmp(s.p + 2, boundary.p, boundary.n) != 0)
        return false;
    struct slice tail = slice_skip(s, boundary.n + 2);
    d->closing = tail.n >= 2 && tail.p[0] == '-' && tail.p[1] == '-';
    if (d->closing)
        tail = slice_skip(tail, 2);
    size_t eol = slice_find(tail, '\n');
    d->line = at;
    d->after = (size_t)(tail.p - body.p) + eol + (eol < tail.n);
    if (eol == tail.n && !d->closing)
        return false;
    return slice_trim(slice_head(tail, eol)).n == 0;
}

/* The first boundary line at or behind `from`, which is the beginning of a line. */
static bool delimiter_find(struct slice body, struct slice boundary, size_t from,
                           struct delimiter *d)
{
    for (size_t at = from;;) {
        if (delimiter_at(body, boundary, at, d)) {
            d->before = at;
            if (at > from)
                d->before -= at > from + 1 && body.p[at - 2] == '\r' ? 2 : 1;
            return true;
        }
        size_t n = slice_find(slice_skip(body, at), '\n');
        if (at + n == body.n)
            return false;
        at += n + 1;
    }
}

int sip_parts_of(const struct sip_content_type *type, struct slice body, struct sip_parts *out,
                 struct sip_fault *fault)
{
    struct delimiter d;
    if (!type->is_multipart || type->boundary.n == 0)
        return sip_fail(fault, SIP_BAD_BOUNDARY, 0);
    if (!delimiter_find(body, type->boundary, 0, &d))
        return sip_fail(fault, SIP_BAD_PART, body.n);
    *out = (struct sip_parts){body, type->boundary, d.line, d.closing};
    return 0;
}

static bool is_plain_encoding(struct slice value)
{
    return slice_ieq(value, SLICE_LIT("7bit")) || slice_ieq(value, SLICE_LIT("8bit")) ||
           slice_ieq(value, SLICE_LIT("binary")) || slice_ieq(value, SLICE_LIT("identity"));
}

/* What a header of a part says about it; offsets count from the header's value. */
static int part_header(struct sip_part *part, const struct sip_header *h, struct sip_fault *fault)
{
    if (sip_header_find(h->name) == SIP_CONTENT_TYPE) {
        if (part->has_type)
            return sip_fail(fault, SIP_BAD_HEADER_TWICE, 0);
        part->has_type = true;
        return sip_content_type_parse(h->value, &part->type, fault);
    }
    if (sip_header_find(h->name) == SIP_CONTENT_ENCODING ||
        slice_ieq(h->name, SLICE_LIT("Content-Transfer-Encoding")))
        part->encoded |= !is_plain_encoding(h->value);
    return 0;
}

/* Split the bytes between two boundaries into head and body; offsets count from `bytes`. */
static int part_parse(struct slice bytes, struct sip_part *part, struct sip_fault *fault)
{
    struct sip_scan s = {
        .start = bytes.p, .p = bytes.p, .end = bytes.p + bytes.n, .mode = SIP_DATAGRAM};
    struct sip_header h;
    *part = (struct sip_part){.head = bytes, .body = bytes};
    while (bytes.n) {
        if (sip_scan_header(&s, &h) != SIP_DONE)
            return sip_fail(fault, SIP_BAD_PART, s.fault.offset);
        if (h.name.n == 0)
            break;
        if (part_header(part, &h, fault) != 0)
            return sip_fail_at(fault, (size_t)(h.value.p - bytes.p));
    }
    part->head = slice_between(bytes.p, s.p);
    part->body = slice_between(s.p, bytes.p + bytes.n);
    return 0;
}

int sip_parts_next(struct sip_parts *it, struct sip_part *part, struct sip_fault *fault)
{
    struct delimiter open, close;
    struct sip_part found;
    if (it->ended)
        return 0;
    if (!delimiter_at(it->body, it->boundary, it->offset, &open) ||
        !delimiter_find(it->body, it->boundary, open.after, &close))
        return sip_fail(fault, SIP_BAD_PART, it->offset);
    struct slice bytes = slice_of(it->body.p + open.after, close.before - open.after);
    if (part_parse(bytes, &found, fault) != 0)
        return sip_fail_at(fault, open.after);
    it->offset = close.line;
    it->ended = close.closing;
    *part = found;
    return 1;
}

/* What the walk through nested bodies has found. */
struct sdp_walk {
    struct slice *out;
    int n;
};

static int sdp_add(struct sdp_walk *walk, struct slice body, struct sip_fault *fault)
{
    if (walk->n == SIP_SDP_MAX)
        return sip_fail(fault, SIP_BAD_PART, 0);
    walk->out[walk->n++] = body;
    return 0;
}

static int sdp_walk(struct sdp_walk *walk, const struct sip_content_type *type, struct slice body,
                    unsigned depth, struct sip_fault *fault)
{
    struct sip_parts parts;
    struct sip_part part;
    int r;
    if (type->is_sdp)
        return sdp_add(walk, body, fault);
    if (!type->is_multipart)
        return 0;
    if (depth == 0)
        return sip_fail(fault, SIP_BAD_PART_DEPTH, 0);
    if (sip_parts_of(type, body, &parts, fault) != 0)
        return -EINVAL;
    for (unsigned i = 0; (r = sip_parts_next(&parts, &part, fault)) > 0; i++) {
        size_t offset = (size_t)(part.body.p - body.p);
        if (i == PARTS_MAX)
            return sip_fail(fault, SIP_BAD_PART, offset);
        if (!part.has_type || part.encoded)
            continue;
        if (sdp_walk(walk, &part.type, part.body, depth - 1, fault) != 0)
            return sip_fail_at(fault, offset);
    }
    return r;
}

int sip_msg_sdp(const struct sip_msg *msg, struct slice out[SIP_SDP_MAX], struct sip_fault *fault)
{
    struct sdp_walk walk = {out, 0};
    const struct sip_header *type_line = sip_header_first(msg, SIP_CONTENT_TYPE);
    const struct sip_header *encoding = sip_header_first(msg, SIP_CONTENT_ENCODING);
    struct sip_content_type type;
    if (msg->body.n == 0 || (encoding && !is_plain_encoding(encoding->value)))
        return 0;
    if (!type_line) {
        if (slice_istarts(msg->body, SLICE_LIT("v=")))
            (void)sdp_add(&walk, msg->body, NULL);
        return walk.n;
    }
    if (sip_content_type_parse(type_line->value, &type, fault) != 0)
        return sip_fail_at(fault, sip_offset(msg, type_line->value));
    if (sdp_walk(&walk, &type, msg->body, 2, fault) != 0)
        return sip_fail_at(fault, sip_offset(msg, msg->body));
    return walk.n;
}
