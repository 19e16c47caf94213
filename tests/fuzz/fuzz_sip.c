/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a SIP datagram and as a stream: what is taken for a message must be made of its
 * slices end to end, be the same message on a stream, and not be a message one byte earlier. Every
 * value is read as everything it could be; what it gives lies inside the value.
 */
#include "alg/sdp.h"
#include "alg/sip_header.h"
#include "fuzz.h"

static struct sip_msg msg, again;

static bool inside(struct slice part, struct slice whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_host(const struct sip_host *h, struct slice whole)
{
    require(inside(h->host, whole) && h->host.n > 0);
    require(inside(h->port, whole) && h->has_port == (h->port.n > 0));
    require(h->has_port == (h->port_value != 0));
    require(h->port.p >= h->host.p + h->host.n);
}

static void check_uri(struct slice text)
{
    struct sip_uri u;
    struct sip_fault fault;
    if (sip_uri_parse(text, &u, &fault) != 0) {
        require(fault.reason != SIP_BAD_NONE && fault.offset <= text.n);
        return;
    }
    if (!sip_uri_is_sip(&u))
        return;
    check_host(&u.at, text);
    require(inside(u.user, text) && inside(u.params, text) && inside(u.headers, text));
    require(u.headers.p + u.headers.n == text.p + text.n);
}

static void check_addr(struct slice item)
{
    struct sip_addr a;
    struct sip_fault fault;
    if (sip_addr_parse(item, &a, &fault) != 0) {
        require(fault.reason != SIP_BAD_NONE && fault.offset <= item.n);
        return;
    }
    require(a.star || inside(a.uri.text, item));
    require(inside(a.display, item) && inside(a.params, item) && inside(a.tag, item));
    if (!a.star && sip_uri_is_sip(&a.uri))
        check_host(&a.uri.at, item);
}

static void check_via(struct slice item)
{
    struct sip_via v;
    struct sip_fault fault;
    if (sip_via_parse(item, &v, &fault) != 0) {
        require(fault.reason != SIP_BAD_NONE && fault.offset <= item.n);
        return;
    }
    check_host(&v.sent_by, item);
    require(inside(v.params, item) && inside(v.branch, item) && inside(v.rport_text, item));
    require(v.params.p + v.params.n == v.text.p + v.text.n);
    if (v.has_received)
        check_host(&v.received, item);
}

static void check_small(struct slice item)
{
    struct sip_cseq cseq;
    struct sip_rack rack;
    struct sip_session_expires se;
    struct sip_content_type type;
    struct sip_fault fault;
    uint32_t v;
    if (sip_cseq_parse(item, &cseq, &fault) != 0)
        require(fault.offset <= item.n);
    if (sip_rack_parse(item, &rack, &fault) != 0)
        require(fault.offset <= item.n);
    if (sip_session_expires_parse(item, &se, &fault) != 0)
        require(fault.offset <= item.n);
    if (sip_content_type_parse(item, &type, &fault) != 0)
        require(fault.offset <= item.n);
    else
        require(inside(type.boundary, item));
    (void)sip_number_parse(item, UINT32_MAX, &v, NULL);
}

static void check_values(void)
{
    for (unsigned id = 1; id < SIP_HEADER_COUNT; id++) {
        struct sip_values it = sip_values_of(&msg, id);
        struct slice item;
        struct sip_fault fault;
        int r;
        while ((r = sip_values_next(&it, &item, &fault)) > 0) {
            require(inside(item, msg.head) && item.n > 0);
            check_addr(item);
            check_via(item);
            check_small(item);
        }
        require(r == 0 || fault.offset <= msg.bytes.n);
    }
}

static void check_lines(void)
{
    const char *at = msg.bytes.p + sip_msg_headers_offset(&msg);
    for (unsigned i = 0; i < msg.n_headers; i++) {
        struct slice line = sip_header_line(&msg, i);
        require(line.p == at && inside(msg.headers[i].value, line));
        require(line.n > msg.eol && line.p[line.n - 1] == '\n');
        at += line.n;
    }
    require(at + msg.eol == msg.body.p);
    require(msg.body.p + msg.body.n == msg.bytes.p + msg.bytes.n);
}

static void check_bodies(void)
{
    static struct sdp sdp;
    struct slice bodies[SIP_SDP_MAX];
    struct sip_fault fault;
    int n = sip_msg_sdp(&msg, bodies, &fault);
    require(n >= 0 || fault.offset <= msg.bytes.n);
    for (int i = 0; i < n; i++) {
        require(inside(bodies[i], msg.body));
        (void)sdp_parse(bodies[i], &sdp, NULL);
    }
}

static void check_stream(struct slice bytes)
{
    struct sip_fault fault;
    size_t need = 0;
    enum sip_result r = sip_msg_parse(bytes, SIP_STREAM, &again, &fault, &need);
    require(r != SIP_NEED_MORE || need > bytes.n);
    require(r != SIP_BAD || fault.offset <= bytes.n);
    if (r != SIP_DONE)
        return;
    size_t total = again.bytes.n;
    for (size_t n = total - 1; n > 0; n /= 2) {
        r = sip_msg_parse(slice_head(bytes, n), SIP_STREAM, &again, &fault, &need);
        require(r == SIP_NEED_MORE && need <= total);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice bytes = slice_of((const char *)data, n);
    struct sip_fault fault;
    (void)sip_classify(bytes);
    check_uri(bytes);
    check_addr(bytes);
    check_via(bytes);
    check_stream(bytes);
    enum sip_result r = sip_msg_parse(bytes, SIP_DATAGRAM, &msg, &fault, NULL);
    require(r != SIP_NEED_MORE);
    if (r == SIP_BAD) {
        require(fault.reason != SIP_BAD_NONE && fault.offset <= n);
        return 0;
    }
    require(msg.bytes.n + msg.trailing == n);
    check_lines();
    check_values();
    check_bodies();
    if (msg.is_request)
        check_uri(msg.uri);
    if (msg.length != SIP_LENGTH_ABSENT) {
        require(sip_msg_parse(bytes, SIP_STREAM, &again, &fault, NULL) == SIP_DONE);
        require(slice_eq(again.bytes, msg.bytes) && again.n_headers == msg.n_headers);
    }
    return 0;
}
