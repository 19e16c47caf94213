/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A checker per header, found by its row. A checker gets one line and says where it stops being
 * what the specification allows, or nothing. Values have been cut into lines and lists by the same
 * reader that the rest of the gateway uses, so a check and a plan never see two different headers.
 */
#include "alg/sip_grammar.h"

#include "alg/sip_scan.h"

struct grammar {
    const struct sip_msg *msg;
    bool rfc2543_branch;
};

#define GOOD SLICE_NONE

static struct slice bad(struct slice whole, const char *from)
{
    return slice_between(from, whole.p + whole.n);
}

/* ---- pieces ---- */

static bool is_hex(char c)
{
    return ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

/* All of `s` is of letters, digits and `more`, and "%" stands before two hex digits. */
static bool is_text(struct slice s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
                return false;
            i += 2;
        } else if (c == '\0' ||
                   !(ascii_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                     strchr(more, c))) {
            return false;
        }
    }
    return true;
}

static bool is_token(struct slice s)
{
    return s.n > 0 && sip_span(s, SIP_CHAR_TOKEN) == s.n;
}

static bool is_number(struct slice s, uint32_t max)
{
    uint32_t value;
    return slice_u32(s, max, &value) == 0;
}

#define MARK        "-_.!~*'()"
#define USER_MORE   MARK "&=+$,;?/:"
#define PARAM_MORE  MARK "[]/:&+$"
#define HEADER_MORE MARK "[]/?:+$"

/* RFC 3261 25.1: user, parameters, headers of a SIP URI. */
static bool uri_ok(const struct sip_uri *uri, bool may_have_headers)
{
    struct slice rest = uri->params;
    struct sip_param p;
    if (!sip_uri_is_sip(uri))
        return is_text(uri->text, MARK "&=+$,;?/:@[]#");
    if (!is_text(uri->user, USER_MORE) || (uri->has_user && uri->user.n == 0))
        return false;
    while (sip_param_next(&rest, &p, NULL) > 0)
        if (!is_text(p.name, PARAM_MORE) || !is_text(p.value, PARAM_MORE))
            return false;
    return uri->headers.n == 0 ||
           (may_have_headers && is_text(slice_skip(uri->headers, 1), HEADER_MORE "=&"));
}

/* A display name without quotes is tokens and blanks. */
static bool display_ok(struct slice s)
{
    if (s.n && s.p[0] == '"')
        return true;
    for (size_t i = 0; i < s.n; i++)
        if (!sip_lws(s.p[i]) && !sip_is(s.p[i], SIP_CHAR_TOKEN))
            return false;
    return true;
}

/* ---- addresses ---- */

static bool is_address(struct slice item, struct sip_addr *addr)
{
    return sip_addr_parse(item, addr, NULL) == 0 && !addr->star && display_ok(addr->display) &&
           uri_ok(&addr->uri, true);
}

static struct slice party(const struct sip_header *h, bool needs_tag)
{
    struct sip_addr addr;
    struct sip_param tag;
    if (!is_address(h->value, &addr))
        return h->value;
    int has = sip_param_find(addr.params, SLICE_LIT("tag"), &tag);
    if (has > 0 && !is_token(tag.value))
        return bad(h->value, tag.name.p);
    return has == 0 && needs_tag ? h->value : GOOD;
}

static struct slice on_from(const struct grammar *g, const struct sip_header *h)
{
    (void)g;
    return party(h, true);
}

static struct slice on_to(const struct grammar *g, const struct sip_header *h)
{
    return party(h, !g->msg->is_request && g->msg->status > 100);
}

/* Each value of a list that is not empty must be one that `ok` likes. */
static struct slice list(const struct sip_header *h, bool (*ok)(struct slice item))
{
    struct slice rest = h->value, item;
    for (;;) {
        const char *from = rest.p;
        int r = sip_list_next(&rest, &item, NULL);
        if (r == 0)
            return h->value.n ? GOOD : slice_between(h->name.p, h->value.p);
        if (r < 0 || !ok(item))
            return bad(h->value, from);
    }
}

/* Route, Record-Route: name-addr, which has angle brackets. */
static bool is_route(struct slice item)
{
    struct sip_addr addr;
    return is_address(item, &addr) && addr.bracketed;
}

static struct slice on_route(const struct grammar *g, const struct sip_header *h)
{
    (void)g;
    return list(h, is_route);
}

/* 0 to 1 with at most three digits behind the point. */
static bool is_qvalue(struct slice s)
{
    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return false;
    for (size_t i = 2; i < s.n; i++)
        if (!ascii_digit(s.p[i]) || (s.p[0] == '1' && s.p[i] != '0'))
            return false;
    return true;
}

static bool is_contact(struct slice item)
{
    struct sip_addr addr;
    struct sip_param p;
    if (!is_address(item, &addr))
        return false;
    for (struct slice rest = addr.params; sip_param_next(&rest, &p, NULL) > 0;) {
        if (slice_ieq(p.name, SLICE_LIT("q")) && !is_qvalue(p.value))
            return false;
        if (slice_ieq(p.name, SLICE_LIT("expires")) && !is_number(p.value, UINT32_MAX))
            return false;
    }
    return true;
}

/* "*" removes all bindings: alone, in a REGISTER, with Expires 0 (RFC 3261 10.2.2). */
static bool star_ok(const struct sip_msg *msg, const struct sip_header *h)
{
    uint32_t expires = 1;
    return msg->is_request && msg->method == SIP_METHOD_REGISTER && h->next == 0 &&
           sip_header_first(msg, SIP_CONTACT) == h &&
           slice_u32(sip_header_value(msg, SIP_EXPIRES), 0, &expires) == 0;
}

static struct slice on_contact(const struct grammar *g, const struct sip_header *h)
{
    if (slice_eq(h->value, SLICE_LIT("*")))
        return star_ok(g->msg, h) ? GOOD : h->value;
    return list(h, is_contact);
}

/* RFC 3325 9.1: one value, or two of which one is a telephone number. */
static struct slice on_identity(const struct grammar *g, const struct sip_header *h)
{
    struct sip_values it = sip_values_of(g->msg, SIP_P_ASSERTED_IDENTITY);
    struct sip_addr addr;
    struct slice item;
    unsigned sip = 0, tel = 0;
    int r;
    if (h != it.line)
        return GOOD; /* all lines were looked at with the first */
    while ((r = sip_values_next(&it, &item, NULL)) > 0) {
        if (!is_address(item, &addr) || addr.uri.scheme == SIP_SCHEME_OTHER)
            return item;
        sip += sip_uri_is_sip(&addr.uri);
        tel += addr.uri.scheme == SIP_SCHEME_TEL;
    }
    return r == 0 && sip <= 1 && tel <= 1 && sip + tel > 0 ? GOOD : h->value;
}

/* ---- other values ---- */

static bool branch_ok(struct slice branch)
{
    const struct slice cookie = SLICE_LIT("z9hG4bK");
    return slice_istarts(branch, cookie) && branch.n > cookie.n && is_token(branch);
}

static struct slice on_via(const struct grammar *g, const struct sip_header *h)
{
    struct slice rest = h->value, item;
    struct sip_via via;
    for (;;) {
        const char *from = rest.p;
        int r = sip_list_next(&rest, &item, NULL);
        if (r == 0)
            return h->value.n ? GOOD : slice_between(h->name.p, h->value.p);
        if (r < 0 || sip_via_parse(item, &via, NULL) != 0)
            return bad(h->value, from);
        if (!g->rfc2543_branch && !branch_ok(via.branch))
            return via.branch.n ? bad(h->value, via.branch.p) : bad(h->value, from);
    }
}

/* word [ "@" word ] */
static struct slice on_call_id(const struct grammar *g, const struct sip_header *h)
{
    bool at = false;
    (void)g;
    for (size_t i = 0; i < h->value.n; i++) {
        char c = h->value.p[i];
        if (c == '@' && !at && i > 0 && i + 1 < h->value.n)
            at = true;
        else if (!sip_is(c, SIP_CHAR_TOKEN) && (c == '\0' || !strchr("()<>:\\\"/[]?{}", c)))
            return bad(h->value, h->value.p + i);
    }
    return h->value.n ? GOOD : slice_between(h->name.p, h->value.p);
}

static struct slice on_cseq(const struct grammar *g, const struct sip_header *h)
{
    struct sip_cseq cseq;
    struct sip_fault fault;
    if (sip_cseq_parse(h->value, &cseq, &fault) != 0)
        return bad(h->value, h->value.p + fault.offset);
    return !g->msg->is_request || slice_eq(cseq.method_text, g->msg->method_text)
               ? GOOD
               : cseq.method_text;
}

static struct slice on_rack(const struct grammar *g, const struct sip_header *h)
{
    struct slice s = h->value;
    struct sip_cseq cseq;
    size_t n = 0;
    (void)g;
    while (n < s.n && ascii_digit(s.p[n]))
        n++;
    if (!is_number(slice_head(s, n), UINT32_MAX) || n == s.n || !sip_lws(s.p[n]))
        return h->value;
    s = sip_skip_lws(slice_skip(s, n));
    return sip_cseq_parse(s, &cseq, NULL) == 0 ? GOOD : s;
}

/* RFC 3262 7.1: from 1 on. */
static struct slice on_rseq(const struct grammar *g, const struct sip_header *h)
{
    uint32_t value;
    (void)g;
    return slice_u32(h->value, UINT32_MAX, &value) == 0 && value > 0 ? GOOD : h->value;
}

static struct slice on_expires(const struct grammar *g, const struct sip_header *h)
{
    (void)g;
    return is_number(h->value, UINT32_MAX) ? GOOD : h->value;
}

static struct slice on_max_forwards(const struct grammar *g, const struct sip_header *h)
{
    (void)g;
    return is_number(h->value, 255) ? GOOD : h->value;
}

static struct slice on_content_length(const struct grammar *g, const struct sip_header *h)
{
    (void)g;
    return is_number(h->value, SIP_LENGTH_MAX) ? GOOD : h->value;
}

static struct slice on_content_type(const struct grammar *g, const struct sip_header *h)
{
    struct sip_content_type type;
    struct sip_fault fault;
    (void)g;
    return sip_content_type_parse(h->value, &type, &fault) == 0
               ? GOOD
               : bad(h->value, h->value.p + fault.offset);
}

static struct slice on_allow(const struct grammar *g, const struct sip_header *h)
{
    (void)g;
    return h->value.n ? list(h, is_token) : GOOD;
}

static const struct {
    /* NULL pointer: well-formed; else from where on it is not. */
    struct slice (*look)(const struct grammar *g, const struct sip_header *h);
    uint8_t check;
} checkers[SIP_HEADER_COUNT] = {
    [SIP_VIA] = {on_via, VOIP_CHECK_VIA},
    [SIP_FROM] = {on_from, VOIP_CHECK_FROM},
    [SIP_TO] = {on_to, VOIP_CHECK_TO},
    [SIP_CALL_ID] = {on_call_id, VOIP_CHECK_CALL_ID},
    [SIP_CSEQ] = {on_cseq, VOIP_CHECK_CSEQ},
    [SIP_RACK] = {on_rack, VOIP_CHECK_RACK},
    [SIP_RSEQ] = {on_rseq, VOIP_CHECK_RSEQ},
    [SIP_CONTACT] = {on_contact, VOIP_CHECK_CONTACT},
    [SIP_RECORD_ROUTE] = {on_route, VOIP_CHECK_RECORD_ROUTE},
    [SIP_ROUTE] = {on_route, VOIP_CHECK_ROUTE},
    [SIP_EXPIRES] = {on_expires, VOIP_CHECK_EXPIRES},
    [SIP_CONTENT_TYPE] = {on_content_type, VOIP_CHECK_CONTENT_TYPE},
    [SIP_CONTENT_LENGTH] = {on_content_length, VOIP_CHECK_CONTENT_LENGTH},
    [SIP_MAX_FORWARDS] = {on_max_forwards, VOIP_CHECK_MAX_FORWARDS},
    [SIP_ALLOW] = {on_allow, VOIP_CHECK_ALLOW},
    [SIP_P_ASSERTED_IDENTITY] = {on_identity, VOIP_CHECK_P_ASSERTED_IDENTITY},
};

enum voip_check sip_grammar_check(enum sip_header_id id)
{
    return checkers[id].look ? checkers[id].check : VOIP_CHECK_COUNT;
}

/* ---- the message ---- */

/* Status lines are not checked. */
static bool request_line_ok(const struct sip_msg *msg)
{
    struct sip_uri uri;
    return !msg->is_request || (sip_uri_parse(msg->uri, &uri, NULL) == 0 && uri_ok(&uri, false));
}

static bool line_search(const struct grammar *g, const struct sip_header *h,
                        const struct sip_search *search)
{
    if (h->id == SIP_OTHER)
        return sip_search_wants(search, VOIP_CHECK_UNKNOWN_HEADER) &&
               !sip_header_published(h->name) &&
               sip_search_tell(search, VOIP_CHECK_UNKNOWN_HEADER, h->name);
    if (!checkers[h->id].look || !sip_search_wants(search, checkers[h->id].check))
        return false;
    struct slice at = checkers[h->id].look(g, h);
    return at.p && sip_search_tell(search, checkers[h->id].check, at);
}

/*
 * Must the message have a Require header? A reliable provisional response (RFC 3262 3), a 2xx that
 * makes its receiver refresh the session (RFC 4028 9), a request that wants to agree on security
 * (RFC 3329 2.3.1).
 */
static bool needs_require(const struct sip_msg *msg)
{
    struct sip_session_expires se;
    if (msg->is_request)
        return sip_header_first(msg, SIP_SECURITY_CLIENT);
    if (msg->status < 200)
        return msg->status > 100 && sip_header_first(msg, SIP_RSEQ);
    return msg->status < 300 &&
           sip_session_expires_parse(sip_header_value(msg, SIP_SESSION_EXPIRES), &se, NULL) == 0 &&
           se.refresher == SIP_REFRESHER_UAC;
}

/* Headers that every message has, and those that what is there calls for. */
static bool missing_search(const struct sip_msg *msg, const struct sip_search *search)
{
    static const struct {
        uint8_t id, check;
    } rows[] = {
        {SIP_VIA, VOIP_CHECK_VIA},         {SIP_FROM, VOIP_CHECK_FROM}, {SIP_TO, VOIP_CHECK_TO},
        {SIP_CALL_ID, VOIP_CHECK_CALL_ID}, {SIP_CSEQ, VOIP_CHECK_CSEQ},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (sip_search_wants(search, rows[i].check) && !sip_header_first(msg, rows[i].id) &&
            sip_search_tell(search, rows[i].check, SLICE_NONE))
            return true;
    if (sip_search_wants(search, VOIP_CHECK_CONTENT_TYPE) && msg->body.n &&
        !sip_header_first(msg, SIP_CONTENT_TYPE) &&
        sip_search_tell(search, VOIP_CHECK_CONTENT_TYPE, SLICE_NONE))
        return true;
    if (sip_search_wants(search, VOIP_CHECK_NO_REQUIRE) && !sip_header_first(msg, SIP_REQUIRE) &&
        needs_require(msg) && sip_search_tell(search, VOIP_CHECK_NO_REQUIRE, SLICE_NONE))
        return true;
    return sip_search_wants(search, VOIP_CHECK_NO_PROXY_REQUIRE) && msg->is_request &&
           sip_header_first(msg, SIP_SECURITY_CLIENT) &&
           !sip_header_first(msg, SIP_PROXY_REQUIRE) &&
           sip_search_tell(search, VOIP_CHECK_NO_PROXY_REQUIRE, SLICE_NONE);
}

bool sip_grammar(const struct sip_msg *msg, const struct sip_search *search)
{
    struct grammar g = {.msg = msg, .rfc2543_branch = search->rfc2543_branch};
    if (sip_search_wants(search, VOIP_CHECK_REQUEST_LINE) && !request_line_ok(msg) &&
        sip_search_tell(search, VOIP_CHECK_REQUEST_LINE, msg->uri))
        return true;
    for (unsigned i = 0; i < msg->n_headers; i++)
        if (line_search(&g, &msg->headers[i], search))
            return true;
    return missing_search(msg, search);
}
