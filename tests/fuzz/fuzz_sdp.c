/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a session description: sections lie end to end, addresses and ports are slices of
 * them that read as the numbers they were given, and every candidate walk ends.
 */
#include "alg/sdp.h"
#include "fuzz.h"

static bool inside(struct slice part, struct slice whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_addr(const struct sdp_addr *a, struct slice whole)
{
    be32 ip;
    require(inside(a->text, whole));
    require(a->kind == SDP_ADDR_NONE || a->text.n > 0);
    if (a->kind == SDP_ADDR_IP4)
        require(ipv4_parse(a->text, &ip) == 0 && ip == a->ip.word[3] && a->is_zero == (ip == 0));
}

static void check_port(struct slice text, uint16_t port, struct slice whole)
{
    uint32_t v;
    require(inside(text, whole) && slice_u32(text, UINT16_MAX, &v) == 0 && v == port);
}

static void check_media(const struct sdp_media *m, struct slice whole)
{
    struct slice rest = m->section;
    struct sdp_candidate c;
    check_port(m->port_text, m->port, m->section);
    check_addr(&m->connection, m->connection_own ? m->section : whole);
    require(m->count > 0 && inside(m->proto, m->section) && inside(m->formats, m->section));
    if (m->rtcp.present) {
        check_port(m->rtcp.port_text, m->rtcp.port, m->section);
        check_addr(&m->rtcp.addr, m->section);
    }
    while (sdp_candidate_next(&rest, &c, NULL) > 0) {
        require(inside(rest, m->section) && inside(c.line, m->section));
        check_addr(&c.addr, c.line);
        check_port(c.port_text, c.port, c.line);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct sdp sdp;
    struct slice bytes = slice_of((const char *)data, n);
    struct sdp_fault fault;
    if (sdp_parse(bytes, &sdp, &fault) != 0) {
        require(fault.reason != SDP_BAD_NONE && fault.offset <= n);
        return 0;
    }
    check_addr(&sdp.connection, bytes);
    check_addr(&sdp.origin.addr, bytes);
    require(sdp.n_media <= SDP_MEDIA_MAX);
    for (unsigned i = 0; i < sdp.n_media; i++) {
        const struct sdp_media *m = &sdp.media[i];
        require(i == 0 || m->section.p == m[-1].section.p + m[-1].section.n);
        check_media(m, bytes);
    }
    return 0;
}
