/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMPv6 errors that pass through (RFC 4443, RFC 4890 4.3.1). As icmp_error.c says, but nothing is
 * translated: the quote only has to name a session. Extension headers in the quote are walked
 * inside what is quoted; behind a fragment header only a first fragment has ports.
 */
#include "fastpath/icmp_error.h"

#include "fastpath/pipeline.h"

#define HEADERS_MAX    8
#define QUOTE_L4_LEAST 8

enum {
    ECHO_REQUEST = 128,
    ECHO_REPLY = 129
};

/* The packet inside an error: its transport header, of which QUOTE_L4_LEAST bytes are there. */
struct quote6 {
    const struct rte_ipv6_hdr *ip;
    const void *l4;
    uint8_t proto;
};

static size_t extension_len(uint8_t kind, const uint8_t *header)
{
    switch (kind) {
    case IPPROTO_FRAGMENT:
        return 8;
    case IPPROTO_AH:
        return (header[1] + 2u) * 4;
    default:
        return (header[1] + 1u) * 8;
    }
}

static bool is_extension(uint8_t next)
{
    return next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_ROUTING ||
           next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

static bool quote_parse(const struct packet *p, struct quote6 *q)
{
    const uint8_t *at = (const uint8_t *)p->l4 + sizeof(struct rte_icmp_hdr);
    size_t n = p->l4_len - sizeof(struct rte_icmp_hdr);

    q->ip = (const struct rte_ipv6_hdr *)at;
    if (n < sizeof *q->ip || at[0] >> 4 != 6)
        return false;
    q->proto = q->ip->proto;
    at += sizeof *q->ip;
    n -= sizeof *q->ip;
    for (int i = 0; is_extension(q->proto); i++) {
        if (i == HEADERS_MAX || n < 8 || extension_len(q->proto, at) > n)
            return false;
        if (q->proto == IPPROTO_FRAGMENT && ((unsigned)at[2] << 8 | at[3]) >> 3 != 0)
            return false;
        const size_t len = extension_len(q->proto, at);
        q->proto = at[0];
        at += len;
        n -= len;
    }
    q->l4 = at;
    return n >= QUOTE_L4_LEAST;
}

/* Ports of the quoted packet, as parsing would have found them. */
static bool quote_ports(const struct quote6 *q, uint32_t *ports)
{
    const struct rte_icmp_hdr *icmp = q->l4;
    *ports = 0;
    if (proto_has_ports(q->proto))
        memcpy(ports, q->l4, sizeof *ports);
    if (q->proto != IPPROTO_ICMPV6)
        return true;
    *ports = icmp->icmp_type == ECHO_REQUEST ? icmp->icmp_ident : (uint32_t)icmp->icmp_ident << 16;
    return icmp->icmp_type == ECHO_REQUEST || icmp->icmp_type == ECHO_REPLY;
}

static struct session *quote_find(const struct worker *w, struct packet *p, struct quote6 *q)
{
    const uint16_t zone = w->snapshot->interfaces[p->ifindex].zone;
    uint32_t ports;
    if (!quote_parse(p, q) || !quote_ports(q, &ports) ||
        memcmp(p->ip6->dst_addr, q->ip->src_addr, sizeof p->ip6->dst_addr) != 0)
        return NULL;
    const struct key key = key6_of(&w->dp->sessions.key6, q->ip->dst_addr, q->ip->src_addr,
                                   ports >> 16 | ports << 16, q->proto, zone);
    return icmp_error_find(w, p, &key);
}

void icmp_error_pass6(struct worker *w, struct packet *p)
{
    const uint8_t type = packet_icmp(p)->icmp_type;
    struct quote6 q = {.ip = NULL};
    if (type < ICMP6_UNREACHABLE || type > ICMP6_PARAMETER_PROBLEM)
        return drop(w, p->m, DROP_PROTOCOL);
    struct session *s = quote_find(w, p, &q);
    if (!s)
        return drop(w, p->m, DROP_ICMP_QUOTE);
    const enum drop_reason reason = icmp_error_check(w, p, q.l4);
    if (reason != DROP_COUNT)
        return drop(w, p->m, reason);
    p->key.proto = IPPROTO_ICMPV6;
    p->ip6->hop_limits--;
    pipeline_out(w, p, s);
}
