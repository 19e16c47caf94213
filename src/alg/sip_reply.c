/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RFC 3261 8.2.6: Via, From, To, Call-ID and CSeq come back as they were sent, To with a tag. The
 * request may be one that the parser refused, so its lines are read once more here, by the scanner
 * alone; where even that fails nothing is said. Folds become blanks, names their full form, line
 * ends CRLF: whatever came, what leaves is one message to every reader.
 *
 * The tag is a keyed hash of what an ACK repeats, so that the ACK of such an answer is known and
 * goes no further: no server ever saw its INVITE.
 */
#include "alg/sip_reply.h"

#include "alg/sip_header.h"
#include "alg/sip_scan.h"

#include <inttypes.h>
#include <stdio.h>

#define PER_HOST   30
#define PER_ALL    1000
#define TAG_LEN    19 /* "fw-" and 16 hex digits */
#define LINES_MOST 256

struct writer {
    char *p;
    size_t n, cap;
    bool full;
};

static void put(struct writer *w, struct slice s)
{
    if (s.n > w->cap - w->n) {
        w->full = true;
        return;
    }
    memcpy(w->p + w->n, s.p, s.n);
    w->n += s.n;
}

static void put_text(struct writer *w, const char *s)
{
    put(w, slice_str(s));
}

/* A value without its folds. */
static void put_value(struct writer *w, struct slice s)
{
    while (s.n) {
        size_t n = 0;
        while (n < s.n && s.p[n] != '\r' && s.p[n] != '\n')
            n++;
        put(w, slice_head(s, n));
        if (n == s.n)
            return;
        s = sip_skip_lws(slice_skip(s, n));
        put(w, SLICE_LIT(" "));
    }
}

static void tag_print(const struct hash_secret *secret, const struct sip_reply_id *id,
                      char out[TAG_LEN + 1])
{
    uint64_t part[3] = {hash_bytes(secret, id->call_id.p, id->call_id.n),
                        hash_bytes(secret, id->from.p, id->from.n), id->cseq};
    snprintf(out, TAG_LEN + 1, "fw-%016" PRIx64, hash_bytes(secret, part, sizeof(part)));
}

bool sip_reply_is_own(const struct hash_secret *secret, const struct sip_reply_id *id,
                      struct slice tag)
{
    char own[TAG_LEN + 1];
    if (tag.n != TAG_LEN)
        return false;
    tag_print(secret, id, own);
    return memcmp(own, tag.p, TAG_LEN) == 0;
}

/* ---- limits ---- */

static bool bucket_has(struct sip_reply_bucket *b, uint64_t now_ms, uint32_t per_s)
{
    uint64_t back = (now_ms - b->at_ms) * per_s;
    b->spent = back < b->spent ? b->spent - (uint32_t)back : 0;
    b->at_ms = now_ms;
    return b->spent + 1000 <= per_s * 1000;
}

bool sip_reply_allowed(struct sip_reply_limit *limit, const struct hash_secret *secret,
                       const struct ip_addr *to, uint64_t now_ms)
{
    uint64_t hash = hash_16(secret, to->half[0], to->half[1]);
    struct sip_reply_bucket *host = &limit->host[hash % SIP_REPLY_HOSTS];
    if (!bucket_has(host, now_ms, PER_HOST) || !bucket_has(&limit->all, now_ms, PER_ALL))
        return false;
    host->spent += 1000;
    limit->all.spent += 1000;
    return true;
}

/* ---- the answer ---- */

/* The headers an answer copies; those but Via come once. */
struct copied {
    struct slice from, to, call_id, cseq;
    bool via;
};

/* False: one of them came twice. */
static bool copied_note(struct copied *c, enum sip_header_id id, struct slice value)
{
    struct slice *at = id == SIP_FROM      ? &c->from
                       : id == SIP_TO      ? &c->to
                       : id == SIP_CALL_ID ? &c->call_id
                       : id == SIP_CSEQ    ? &c->cseq
                                           : NULL;
    c->via |= id == SIP_VIA && value.n;
    if (!at)
        return true;
    if (at->p)
        return false;
    *at = value;
    return true;
}

static bool host_is(const struct sip_host *h, const struct ip_addr *ip)
{
    return h->kind != SIP_HOST_NAME && ip_addr_eq(&h->ip, ip);
}

/*
 * The value of our neighbour's Via, with the address it was seen to come from: `received` where it
 * says another one, and both where `rport` is asked for (RFC 3261 18.2.1, RFC 3581 4).
 */
static void put_top_via(struct writer *w, struct slice value, const struct alg_packet *packet)
{
    struct slice rest = value, item;
    struct sip_via via;
    char text[IPV6_TEXT_MAX];
    if (sip_list_next(&rest, &item, NULL) <= 0 || sip_via_parse(item, &via, NULL) != 0 ||
        via.has_received) {
        put_value(w, value);
        return;
    }
    bool asked = via.rport == SIP_RPORT_ASKED;
    const char *end = via.params.p + via.params.n;
    ip_addr_print(&packet->src.ip, text);
    if (asked) {
        char port[8];
        snprintf(port, sizeof(port), "=%u", be16_host(packet->src.port));
        put_value(w, slice_between(value.p, via.rport_text.p));
        put_text(w, port);
        put_value(w, slice_between(via.rport_text.p, end));
    } else {
        put_value(w, slice_between(value.p, end));
    }
    if (asked || !host_is(&via.sent_by, &packet->src.ip)) {
        put_text(w, ";received=");
        put_text(w, text);
    }
    put_value(w, slice_between(end, value.p + value.n));
}

/* Behind the start line: note the headers that are copied, and write every Via. */
static bool headers_read(struct sip_scan *s, struct copied *c, struct writer *w,
                         const struct alg_packet *packet)
{
    for (unsigned i = 0; i < LINES_MOST; i++) {
        struct sip_header h;
        if (sip_scan_header(s, &h) != SIP_DONE)
            return false;
        if (h.name.n == 0)
            return c->via && c->from.n && c->to.n && c->call_id.n && c->cseq.n;
        enum sip_header_id id = sip_header_find(h.name);
        if (id == SIP_VIA && h.value.n) {
            put_text(w, "Via: ");
            if (c->via)
                put_value(w, h.value);
            else
                put_top_via(w, h.value, packet);
            put_text(w, "\r\n");
        }
        if (!copied_note(c, id, h.value))
            return false;
    }
    return false;
}

/* Does To have a tag already? It may be malformed, so its parameters are looked for in any case. */
static bool has_tag(struct slice to)
{
    size_t close = to.n;
    while (close > 0 && to.p[close - 1] != '>')
        close--;
    for (struct slice s = slice_skip(to, close); s.n;) {
        s = slice_skip(s, slice_find(s, ';') + 1);
        if (slice_istarts(sip_skip_lws(s), SLICE_LIT("tag")))
            return true;
    }
    return false;
}

static void put_header(struct writer *w, const char *name, struct slice value)
{
    put_text(w, name);
    put_value(w, value);
    put_text(w, "\r\n");
}

/* A request other than ACK, as far as its first word tells; *s then stands behind its line. */
static bool is_answerable(struct sip_scan *s)
{
    struct slice line;
    if (sip_scan_line(s, &line) != SIP_DONE)
        return false;
    struct slice method = slice_head(line, sip_span(line, SIP_CHAR_TOKEN));
    return method.n && method.n < line.n && ascii_blank(line.p[method.n]) &&
           !slice_ieq(method, SLICE_LIT("ACK"));
}

size_t sip_reply_make(const struct hash_secret *secret, const struct alg_packet *packet,
                      const struct sip_reply *reply, char *out, size_t cap)
{
    struct slice bytes = packet->payload;
    struct sip_scan s = {.start = bytes.p,
                         .p = bytes.p + sip_keepalive_len(bytes),
                         .end = bytes.p + bytes.n,
                         .mode = SIP_DATAGRAM};
    struct writer w = {.p = out, .cap = cap < ALG_ANSWER_MAX ? cap : ALG_ANSWER_MAX};
    struct copied c = {0};
    struct sip_cseq cseq;
    char line[160], tag[TAG_LEN + 1];
    if (!is_answerable(&s))
        return 0;
    snprintf(line, sizeof(line), "SIP/2.0 %u %s, %s\r\n", reply->status, reply->phrase, reply->why);
    put_text(&w, line);
    if (!headers_read(&s, &c, &w, packet) || sip_cseq_parse(c.cseq, &cseq, NULL) != 0)
        return 0;
    put_header(&w, "From: ", c.from);
    put_text(&w, "To: ");
    put_value(&w, c.to);
    if (!has_tag(c.to)) {
        struct sip_reply_id id = {c.call_id, c.from, cseq.number};
        tag_print(secret, &id, tag);
        put_text(&w, ";tag=");
        put_text(&w, tag);
    }
    put_text(&w, "\r\n");
    put_header(&w, "Call-ID: ", c.call_id);
    put_header(&w, "CSeq: ", c.cseq);
    put_text(&w, "Content-Length: 0\r\n\r\n");
    return w.full ? 0 : w.n;
}
