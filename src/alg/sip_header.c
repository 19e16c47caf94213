/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header values: lists, addresses, Via, and the small ones.
 *
 * Values come with their folded lines, so every place where the grammar allows blanks allows a line
 * end too; the message parser has already made sure that each is followed by a blank. A value is
 * either read to its last byte or refused: nothing that stands behind what was understood may carry
 * meaning for somebody else.
 */
#include "alg/sip_header.h"
#include "alg/sip_scan.h"

/* Length of the value at the front of a list, up to its comma or the end. */
static int item_len(struct slice s, size_t *len, struct sip_fault *fault)
{
    bool bracket = false;
    size_t i = 0, opened = 0;
    for (;; i++) {
        i += sip_span_not(slice_skip(s, i), SIP_CHAR_LIST);
        char c = i < s.n ? s.p[i] : ',';
        if (i == s.n || (c == ',' && !bracket))
            break;
        if (c == ',')
            continue;
        if (c == '"' && !bracket) {
            size_t n = sip_quoted_len(slice_skip(s, i));
            if (n == 0)
                return sip_fail(fault, SIP_BAD_QUOTE, i);
            i += n - 1;
        } else if ((c == '<' || c == '"') && bracket) {
            return sip_fail(fault, SIP_BAD_BRACKET, i);
        } else if (c == '<') {
            bracket = true;
            opened = i;
        } else if (c == '>') {
            if (!bracket)
                return sip_fail(fault, SIP_BAD_BRACKET, i);
            bracket = false;
        }
    }
    if (bracket)
        return sip_fail(fault, SIP_BAD_BRACKET, opened);
    *len = i;
    return 0;
}

int sip_list_next(struct slice *rest, struct slice *item, struct sip_fault *fault)
{
    struct slice s = sip_skip_lws(*rest);
    size_t skipped = rest->n - s.n, n;
    if (s.n == 0)
        return 0;
    if (item_len(s, &n, fault) != 0)
        return sip_fail_at(fault, skipped);
    struct slice value = slice_trim(slice_head(s, n));
    if (value.n == 0)
        return sip_fail(fault, SIP_BAD_ITEM_EMPTY, skipped);
    s = slice_skip(s, n);
    if (s.n) {
        s = sip_skip_lws(slice_skip(s, 1));
        if (s.n == 0)
            return sip_fail(fault, SIP_BAD_ITEM_EMPTY, skipped + n);
    }
    *item = value;
    *rest = s;
    return 1;
}

struct sip_values sip_values_of(const struct sip_msg *msg, enum sip_header_id id)
{
    const struct sip_header *line = sip_header_first(msg, id);
    return (struct sip_values){
        .msg = msg,
        .line = line,
        .rest = line ? line->value : SLICE_NONE,
        .comma = sip_header_flags(id) & SIP_HEADER_COMMA,
    };
}

int sip_values_next(struct sip_values *it, struct slice *item, struct sip_fault *fault)
{
    while (it->line && it->rest.n == 0) {
        it->line = sip_header_next(it->msg, it->line);
        it->rest = it->line ? it->line->value : SLICE_NONE;
    }
    if (!it->line)
        return 0;
    if (!it->comma) {
        *item = it->rest;
        it->rest = SLICE_NONE;
        return 1;
    }
    size_t offset = sip_offset(it->msg, it->rest);
    int r = sip_list_next(&it->rest, item, fault);
    return r < 0 ? sip_fail_at(fault, offset) : r;
}

/* Fill an address's own parameters; offsets count from addr->text. */
static int addr_params(struct sip_addr *addr, struct sip_fault *fault)
{
    struct slice rest = addr->params;
    struct sip_param p;
    bool has_tag = false, seen_expires = false;
    for (;;) {
        const char *at = rest.p;
        int r = sip_param_next(&rest, &p, fault);
        if (r < 0)
            return sip_fail_at(fault, (size_t)(at - addr->text.p));
        if (r == 0)
            return 0;
        bool tag = slice_ieq(p.name, SLICE_LIT("tag"));
        bool expires = slice_ieq(p.name, SLICE_LIT("expires"));
        if ((tag && has_tag) || (expires && seen_expires))
            return sip_fail(fault, SIP_BAD_PARAMETER_TWICE, (size_t)(p.name.p - addr->text.p));
        if (tag) {
            has_tag = true;
            addr->tag = p.value;
        } else if (expires) {
            seen_expires = true;
            addr->expires = p.value;
            addr->has_expires = slice_u32(p.value, UINT32_MAX, &addr->expires_s) == 0;
        }
    }
}

/* A display name without quotes: what could be read as part of a URI may not stand in it. */
static bool display_ok(struct slice s)
{
    return sip_span_not(s, SIP_CHAR_NAME) == s.n;
}

/* Take the display name off *s, which then begins at '<' or is an addr-spec. */
static int addr_display(struct slice *s, struct sip_addr *addr, struct sip_fault *fault)
{
    addr->display = slice_head(*s, 0);
    if (s->p[0] == '"') {
        size_t n = sip_quoted_len(*s);
        if (n == 0)
            return sip_fail(fault, SIP_BAD_QUOTE, 0);
        addr->display = slice_head(*s, n);
        *s = sip_skip_lws(slice_skip(*s, n));
        return s->n && s->p[0] == '<' ? 0 : sip_fail(fault, SIP_BAD_BRACKET, n);
    }
    size_t open = slice_find(*s, '<');
    size_t quote = slice_find(*s, '"');
    if (open == s->n || quote < open)
        return 0; /* an addr-spec, whose parameters may hold a quoted '<' */
    if (!display_ok(slice_head(*s, open)))
        return sip_fail(fault, SIP_BAD_BRACKET, open);
    addr->display = slice_trim(slice_head(*s, open));
    *s = slice_skip(*s, open);
    return 0;
}

/* The URI at the front of *s, with or without brackets; *s is what follows it. */
static int addr_uri(struct slice *s, struct sip_addr *addr, struct slice *uri,
                    struct sip_fault *fault)
{
    size_t offset = (size_t)(s->p - addr->text.p), n = 0;
    addr->bracketed = s->p[0] == '<';
    if (addr->bracketed) {
        n = slice_find(*s, '>');
        if (n == s->n)
            return sip_fail(fault, SIP_BAD_BRACKET, offset);
        *uri = slice_of(s->p + 1, n - 1);
        *s = slice_skip(*s, n + 1);
        return 0;
    }
    while (n < s->n && s->p[n] != ';' && !sip_lws(s->p[n]))
        n++;
    *uri = slice_head(*s, n);
    for (size_t i = 0; i < n; i++)
        if (s->p[i] == '?' || s->p[i] == ',')
            return sip_fail(fault, SIP_BAD_URI_BARE, offset + i);
    *s = slice_skip(*s, n);
    return 0;
}

int sip_addr_parse(struct slice item, struct sip_addr *out, struct sip_fault *fault)
{
    struct slice s = slice_trim(item), uri;
    struct sip_addr addr = {.text = s};
    size_t skipped = (size_t)(s.p - item.p);
    if (s.n == 0)
        return sip_fail(fault, SIP_BAD_ITEM_EMPTY, skipped);
    if (s.p[0] == '*' && slice_trim(slice_skip(s, 1)).n == 0) {
        addr.star = true;
        *out = addr;
        return 0;
    }
    if (addr_display(&s, &addr, fault) != 0 || addr_uri(&s, &addr, &uri, fault) != 0)
        return sip_fail_at(fault, skipped);
    if (sip_uri_read(uri, &addr.uri, fault) != 0)
        return sip_fail_at(fault, (size_t)(uri.p - item.p));
    addr.params = sip_skip_lws(s);
    if (addr_params(&addr, fault) != 0)
        return sip_fail_at(fault, skipped);
    *out = addr;
    return 0;
}

/* "SIP / 2.0 / UDP" with blanks; *s begins behind the transport. */
static int via_protocol(struct slice *s, struct sip_via *via, struct sip_fault *fault)
{
    static const struct slice words[] = {{"SIP", 3}, {"2.0", 3}};
    const char *start = s->p;
    for (int i = 0; i < 3; i++) {
        size_t n = sip_span(*s, SIP_CHAR_TOKEN);
        struct slice word = slice_head(*s, n);
        if (n == 0 || (i < 2 && !slice_ieq(word, words[i])))
            return sip_fail(fault, SIP_BAD_VIA_PROTOCOL, (size_t)(s->p - start));
        via->transport = word;
        *s = slice_skip(*s, n);
        if (i == 2)
            break;
        *s = sip_skip_lws(*s);
        if (s->n == 0 || s->p[0] != '/')
            return sip_fail(fault, SIP_BAD_VIA_PROTOCOL, (size_t)(s->p - start));
        *s = sip_skip_lws(slice_skip(*s, 1));
    }
    if (s->n == 0 || !sip_lws(s->p[0]))
        return sip_fail(fault, SIP_BAD_VIA_PROTOCOL, (size_t)(s->p - start));
    *s = sip_skip_lws(*s);
    return 0;
}

/* A host in a parameter: no port, IPv6 with or without brackets. */
static int param_host(struct slice value, struct sip_host *out, struct sip_fault *fault)
{
    char bracketed[64];
    bool bare6 = value.n && value.p[0] != '[' && slice_find(value, ':') < value.n;
    struct slice text = value;
    if (bare6 && value.n + 2 <= sizeof(bracketed)) {
        bracketed[0] = '[';
        memcpy(bracketed + 1, value.p, value.n);
        bracketed[value.n + 1] = ']';
        text = slice_of(bracketed, value.n + 2);
    }
    struct sip_host h;
    int err = sip_host_parse(text, false, &h, fault);
    if (err)
        return err;
    if (h.has_port)
        return sip_fail(fault, SIP_BAD_HOST, 0);
    h.host = value;
    h.port = slice_of(value.p + value.n, 0);
    *out = h;
    return 0;
}

enum via_param {
    VIA_BRANCH,
    VIA_RECEIVED,
    VIA_RPORT,
    VIA_MADDR,
    VIA_TTL,
    VIA_OTHER,
};

static enum via_param via_param_of(struct slice name)
{
    static const struct slice names[] = {
        {"branch", 6}, {"received", 8}, {"rport", 5}, {"maddr", 5}, {"ttl", 3}};
    for (unsigned i = 0; i < VIA_OTHER; i++)
        if (slice_ieq(name, names[i]))
            return i;
    return VIA_OTHER;
}

static int via_rport(struct sip_via *via, const struct sip_param *p, struct sip_fault *fault)
{
    uint32_t port;
    via->rport_text = p->value;
    via->rport = SIP_RPORT_ASKED;
    if (!p->has_value)
        return 0;
    if (p->value.n > 5 || slice_u32(p->value, 65535, &port) != 0 || port == 0)
        return sip_fail(fault, SIP_BAD_PORT, 0);
    via->rport = SIP_RPORT_GIVEN;
    via->rport_value = (uint16_t)port;
    return 0;
}

/* One known parameter; offsets count from its value. */
static int via_param(struct sip_via *via, enum via_param which, const struct sip_param *p,
                     struct sip_fault *fault)
{
    uint32_t ttl;
    switch (which) {
    case VIA_BRANCH:
        via->branch = p->value;
        return 0;
    case VIA_RECEIVED:
        via->has_received = true;
        return param_host(p->value, &via->received, fault);
    case VIA_RPORT:
        return via_rport(via, p, fault);
    case VIA_MADDR:
        via->has_maddr = true;
        return param_host(p->value, &via->maddr, fault);
    case VIA_TTL:
        if (sip_number_parse(p->value, 255, &ttl, fault) != 0)
            return -EINVAL;
        via->has_ttl = true;
        via->ttl = (uint8_t)ttl;
        return 0;
    case VIA_OTHER:
        break;
    }
    return 0;
}

static int via_params(struct sip_via *via, struct sip_fault *fault)
{
    struct slice rest = via->params;
    struct sip_param p;
    unsigned seen = 0;
    for (;;) {
        const char *at = rest.p;
        int r = sip_param_next(&rest, &p, fault);
        if (r < 0)
            return sip_fail_at(fault, (size_t)(at - via->text.p));
        if (r == 0)
            return 0;
        enum via_param which = via_param_of(p.name);
        if (which != VIA_OTHER && seen & 1u << which)
            return sip_fail(fault, SIP_BAD_PARAMETER_TWICE, (size_t)(p.name.p - via->text.p));
        seen |= 1u << which;
        if (via_param(via, which, &p, fault) != 0)
            return sip_fail_at(fault, (size_t)(p.value.p - via->text.p));
    }
}

int sip_via_parse(struct slice item, struct sip_via *out, struct sip_fault *fault)
{
    struct slice s = slice_trim(item);
    struct sip_via via = {.text = s};
    size_t skipped = (size_t)(s.p - item.p);
    if (via_protocol(&s, &via, fault) != 0)
        return sip_fail_at(fault, skipped);
    struct slice sent_by = slice_head(s, slice_find(s, ';'));
    if (sip_host_parse(sent_by, true, &via.sent_by, fault) != 0)
        return sip_fail_at(fault, (size_t)(sent_by.p - item.p));
    via.params = slice_skip(s, sent_by.n);
    if (via_params(&via, fault) != 0)
        return sip_fail_at(fault, skipped);
    *out = via;
    return 0;
}

int sip_number_parse(struct slice value, uint32_t max, uint32_t *out, struct sip_fault *fault)
{
    return slice_u32(value, max, out) == 0 ? 0 : sip_fail(fault, SIP_BAD_NUMBER, 0);
}

/* Take digits and the blanks behind them off *s. */
static int take_number(struct slice *s, uint32_t max, uint32_t *out)
{
    size_t n = 0;
    while (n < s->n && ascii_digit(s->p[n]))
        n++;
    if (slice_u32(slice_head(*s, n), max, out) != 0)
        return -EINVAL;
    *s = slice_skip(*s, n);
    if (s->n && !sip_lws(s->p[0]) && s->p[0] != ';')
        return -EINVAL;
    *s = sip_skip_lws(*s);
    return 0;
}

int sip_cseq_parse(struct slice value, struct sip_cseq *out, struct sip_fault *fault)
{
    struct sip_cseq cseq;
    struct slice s = value;
    if (take_number(&s, INT32_MAX, &cseq.number) != 0)
        return sip_fail(fault, SIP_BAD_NUMBER, 0);
    size_t n = sip_span(s, SIP_CHAR_TOKEN);
    if (n == 0 || n < s.n)
        return sip_fail(fault, SIP_BAD_METHOD, value.n - s.n);
    cseq.method_text = s;
    cseq.method = sip_method_find(s);
    *out = cseq;
    return 0;
}

int sip_rack_parse(struct slice value, struct sip_rack *out, struct sip_fault *fault)
{
    struct sip_rack rack;
    struct slice s = value;
    if (take_number(&s, INT32_MAX, &rack.response) != 0)
        return sip_fail(fault, SIP_BAD_NUMBER, 0);
    if (sip_cseq_parse(s, &rack.cseq, fault) != 0)
        return sip_fail_at(fault, value.n - s.n);
    *out = rack;
    return 0;
}

int sip_session_expires_parse(struct slice value, struct sip_session_expires *out,
                              struct sip_fault *fault)
{
    struct sip_session_expires se = {0};
    struct slice s = value;
    struct sip_param p;
    int r;
    if (take_number(&s, UINT32_MAX, &se.seconds) != 0)
        return sip_fail(fault, SIP_BAD_NUMBER, 0);
    size_t offset = value.n - s.n;
    while ((r = sip_param_next(&s, &p, fault)) > 0) {
        offset = value.n - s.n;
        if (!slice_ieq(p.name, SLICE_LIT("refresher")))
            continue;
        if (se.refresher != SIP_REFRESHER_NONE)
            return sip_fail(fault, SIP_BAD_PARAMETER_TWICE, (size_t)(p.name.p - value.p));
        if (slice_ieq(p.value, SLICE_LIT("uac")))
            se.refresher = SIP_REFRESHER_UAC;
        else if (slice_ieq(p.value, SLICE_LIT("uas")))
            se.refresher = SIP_REFRESHER_UAS;
        else
            return sip_fail(fault, SIP_BAD_PARAMETER, (size_t)(p.value.p - value.p));
    }
    if (r < 0)
        return sip_fail_at(fault, offset);
    *out = se;
    return 0;
}
