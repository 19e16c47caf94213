/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts, parameters and URIs.
 *
 * A host is kept apart from its port so that either can be replaced alone. What ends in a number
 * must be a strict dotted quad: some resolvers take "010.0.0.1" as octal and "10.1" as 10.0.0.1,
 * and a gateway that edits addresses must know which one the phone means.
 */
#include "alg/sip_header.h"
#include "alg/sip_scan.h"

#include <arpa/inet.h>

bool sip_ip6_parse(struct slice text, struct ip_addr *out)
{
    char zero_terminated[INET6_ADDRSTRLEN];
    if (text.n == 0 || text.n >= sizeof(zero_terminated))
        return false;
    memcpy(zero_terminated, text.p, text.n);
    zero_terminated[text.n] = '\0';
    return inet_pton(AF_INET6, zero_terminated, out->byte) == 1;
}

static bool all_digits(struct slice s)
{
    size_t n = 0;
    while (n < s.n && ascii_digit(s.p[n]))
        n++;
    return n > 0 && n == s.n;
}

/* The last label is decimal or 0x...: some reader takes the whole host as an IPv4 address. */
static bool ends_in_number(struct slice host)
{
    if (host.n && host.p[host.n - 1] == '.')
        host.n--;
    size_t at = host.n;
    while (at > 0 && host.p[at - 1] != '.')
        at--;
    struct slice label = slice_skip(host, at);
    return all_digits(label) || slice_istarts(label, SLICE_LIT("0x"));
}

static bool labels_ok(struct slice host)
{
    if (host.n == 0 || host.p[0] == '.')
        return false;
    for (size_t i = 1; i < host.n; i++)
        if (host.p[i] == '.' && host.p[i - 1] == '.')
            return false;
    return true;
}

/* The host alone; 0 or -EINVAL with an offset inside it. */
static int host_parse(struct slice host, struct sip_host *h, struct sip_fault *fault)
{
    h->host = host;
    if (host.n > 2 && host.p[0] == '[') {
        h->kind = SIP_HOST_IPV6;
        if (host.p[host.n - 1] != ']' || !sip_ip6_parse(slice_of(host.p + 1, host.n - 2), &h->ip))
            return sip_fail(fault, SIP_BAD_HOST, 0);
        return 0;
    }
    h->kind = SIP_HOST_IPV4;
    be32 ip4;
    if (host.n && ascii_digit(host.p[0]) && ipv4_parse(host, &ip4) == 0) {
        h->ip = ip_addr_of4(ip4);
        return 0;
    }
    size_t good = sip_span(host, SIP_CHAR_HOST);
    if (good < host.n || !labels_ok(host))
        return sip_fail(fault, SIP_BAD_HOST, good);
    if (ends_in_number(host))
        return sip_fail(fault, SIP_BAD_HOST, 0);
    h->kind = SIP_HOST_NAME;
    return 0;
}

int sip_host_parse(struct slice text, bool blanks, struct sip_host *out, struct sip_fault *fault)
{
    struct sip_host h = {0};
    size_t n = 0;
    if (text.n && text.p[0] == '[')
        n = slice_find(text, ']');
    n += slice_find(slice_skip(text, n), ':');
    struct slice host = slice_head(text, n);
    if (blanks)
        host = slice_trim(host);
    int err = host_parse(host, &h, fault);
    if (err)
        return err;
    h.port = slice_of(host.p + host.n, 0);
    if (n < text.n) {
        struct slice port = slice_skip(text, n + 1);
        uint32_t value;
        if (blanks)
            port = slice_trim(port);
        if (port.n > 5 || slice_u32(port, 65535, &value) != 0 || value == 0)
            return sip_fail(fault, SIP_BAD_PORT, n + 1);
        h.port = port;
        h.has_port = true;
        h.port_value = (uint16_t)value;
    }
    *out = h;
    return 0;
}

size_t sip_quoted_len(struct slice s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

/* The value at the front of `s`: a quoted string or bytes up to what may not stand in one. */
static int param_value(struct slice s, struct slice *value)
{
    size_t n = 0;
    if (s.n && s.p[0] == '"') {
        n = sip_quoted_len(s);
        if (n == 0)
            return -EINVAL;
    } else {
        n = sip_span_not(s, SIP_CHAR_STOP);
    }
    *value = slice_head(s, n);
    return 0;
}

int sip_param_next(struct slice *rest, struct sip_param *param, struct sip_fault *fault)
{
    const char *start = rest->p;
    struct slice s = sip_skip_lws(*rest);
    if (s.n == 0)
        return 0;
    if (s.p[0] != ';')
        return sip_fail(fault, SIP_BAD_TRAILING, (size_t)(s.p - start));
    s = sip_skip_lws(slice_skip(s, 1));
    size_t n = sip_span_not(s, SIP_CHAR_STOP | SIP_CHAR_EQUALS);
    if (n == 0)
        return sip_fail(fault, SIP_BAD_PARAMETER, (size_t)(s.p - start));
    struct sip_param found = {.name = slice_head(s, n), .value = slice_of(s.p + n, 0)};
    s = sip_skip_lws(slice_skip(s, n));
    if (s.n && s.p[0] == '=') {
        s = sip_skip_lws(slice_skip(s, 1));
        if (param_value(s, &found.value) != 0)
            return sip_fail(fault, SIP_BAD_QUOTE, (size_t)(s.p - start));
        found.has_value = true;
        s = sip_skip_lws(slice_skip(s, found.value.n));
    }
    if (s.n && s.p[0] != ';')
        return sip_fail(fault, SIP_BAD_PARAMETER, (size_t)(s.p - start));
    *rest = s;
    *param = found;
    return 1;
}

int sip_param_find(struct slice params, struct slice name, struct sip_param *param)
{
    struct sip_param p, found;
    int r, n = 0;
    while ((r = sip_param_next(&params, &p, NULL)) > 0) {
        if (!slice_ieq(p.name, name))
            continue;
        if (n++)
            return -EINVAL;
        found = p;
    }
    if (r < 0 || n == 0)
        return r;
    *param = found;
    return 1;
}

/* Parameters of a sip: URI; offsets count from uri->text. */
static int uri_params(struct sip_uri *uri, struct sip_fault *fault)
{
    struct slice rest = uri->params;
    struct sip_param p;
    bool has_transport = false;
    for (;;) {
        const char *at = rest.p;
        int r = sip_param_next(&rest, &p, fault);
        if (r < 0)
            return sip_fail_at(fault, (size_t)(at - uri->text.p));
        if (r == 0)
            return 0;
        size_t offset = (size_t)(p.name.p - uri->text.p);
        if (slice_ieq(p.name, SLICE_LIT("lr"))) {
            uri->lr = true;
        } else if (slice_ieq(p.name, SLICE_LIT("transport"))) {
            if (has_transport)
                return sip_fail(fault, SIP_BAD_PARAMETER_TWICE, offset);
            has_transport = true;
            uri->transport = p.value;
        } else if (slice_ieq(p.name, SLICE_LIT("maddr"))) {
            if (uri->has_maddr)
                return sip_fail(fault, SIP_BAD_PARAMETER_TWICE, offset);
            uri->has_maddr = true;
            if (sip_host_parse(p.value, false, &uri->maddr, fault) != 0)
                return sip_fail_at(fault, (size_t)(p.value.p - uri->text.p));
            if (uri->maddr.has_port)
                return sip_fail(fault, SIP_BAD_HOST, (size_t)(p.value.p - uri->text.p));
        }
    }
}

/* What stands behind "sip:" or "sips:". */
static int uri_rest(struct slice rest, struct sip_uri *uri, struct sip_fault *fault)
{
    size_t at = slice_find(rest, '@');
    if (at < rest.n) {
        size_t second = slice_find(slice_skip(rest, at + 1), '@');
        if (at + 1 + second < rest.n)
            return sip_fail(fault, SIP_BAD_URI_USER,
                            (size_t)(rest.p - uri->text.p) + at + 1 + second);
        uri->has_user = true;
        uri->user = slice_head(rest, at);
        rest = slice_skip(rest, at + 1);
    } else {
        uri->user = slice_head(rest, 0);
    }
    size_t n = sip_span(rest, SIP_CHAR_HOST); /* most of it, or all */
    while (n < rest.n && rest.p[n] != ';' && rest.p[n] != '?')
        n++;
    struct slice host = slice_head(rest, n);
    rest = slice_skip(rest, n);
    size_t headers = slice_find(rest, '?');
    uri->headers = slice_skip(rest, headers);
    uri->params = slice_head(rest, headers);
    if (sip_host_parse(host, false, &uri->at, fault) != 0)
        return sip_fail_at(fault, (size_t)(host.p - uri->text.p));
    uri->transport = SLICE_NONE;
    return uri_params(uri, fault);
}

static enum sip_scheme scheme_of(struct slice name)
{
    if (slice_ieq(name, SLICE_LIT("sip")))
        return SIP_SCHEME_SIP;
    if (slice_ieq(name, SLICE_LIT("sips")))
        return SIP_SCHEME_SIPS;
    return slice_ieq(name, SLICE_LIT("tel")) ? SIP_SCHEME_TEL : SIP_SCHEME_OTHER;
}

int sip_uri_read(struct slice text, struct sip_uri *uri, struct sip_fault *fault)
{
    uri->text = text;
    size_t good = sip_span(text, SIP_CHAR_URI), colon = 0;
    if (good < text.n)
        return sip_fail(fault, SIP_BAD_URI_CHARACTER, good);
    while (colon < text.n && sip_is(text.p[colon], SIP_CHAR_TOKEN))
        colon++;
    if (colon == 0 || colon == text.n || text.p[colon] != ':' || ascii_digit(text.p[0]))
        return sip_fail(fault, SIP_BAD_URI_SCHEME, 0);
    uri->scheme = scheme_of(slice_head(text, colon));
    return sip_uri_is_sip(uri) ? uri_rest(slice_skip(text, colon + 1), uri, fault) : 0;
}

int sip_uri_parse(struct slice text, struct sip_uri *out, struct sip_fault *fault)
{
    struct sip_uri uri = {0};
    int err = sip_uri_read(text, &uri, fault);
    if (err == 0)
        *out = uri;
    return err;
}
