/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/sip_load.h"

#include "base/checksum.h"
#include "bench/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SIP_PORT    5060
#define SERVER_PORT 30000 /* of its media, all calls alike */
#define HEAD \
    (sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))

/* Who takes part in a call, in the words of its messages. */
struct parties {
    char host[IPV4_TEXT_MAX], server[IPV4_TEXT_MAX], public_side[ENDPOINT_TEXT_MAX];
    char public_ip[IPV4_TEXT_MAX];
    char call_id[64];
    unsigned user, rtp, round, call;
};

static const struct {
    const char *name;
    bool outward;
} kinds[] = {
#define X(id, name, outward) {name, outward},
    SIP_LOAD_KINDS(X)
#undef X
};

const char *sip_load_name(enum sip_load_kind kind)
{
    return kinds[kind].name;
}

bool sip_load_outward(enum sip_load_kind kind)
{
    return kinds[kind].outward;
}

int sip_load_init(struct sip_load *l, uint32_t n_calls)
{
    *l = (struct sip_load){.n_calls = n_calls};
    l->n_hosts = (n_calls + SIP_LOAD_CALLS_PER_HOST - 1) / SIP_LOAD_CALLS_PER_HOST;
    l->round = calloc(n_calls, sizeof *l->round);
    l->hosts = calloc(l->n_hosts, sizeof *l->hosts);
    if (l->round && l->hosts)
        return 0;
    sip_load_free(l);
    return -ENOMEM;
}

void sip_load_free(struct sip_load *l)
{
    free(l->round);
    free(l->hosts);
    *l = (struct sip_load){0};
}

static be32 host_ip(uint32_t i)
{
    return be32_of(0x0a010000u + i / SIP_LOAD_CALLS_PER_HOST);
}

static be32 server_ip(uint32_t i)
{
    return be32_of(0xc6120001u + i / SIP_LOAD_CALLS_PER_HOST % 8);
}

/* Two calls of one place follow each other within the grace of the first: other ports. */
static unsigned rtp_port(const struct sip_load *l, uint32_t i)
{
    return 10000 + i % SIP_LOAD_CALLS_PER_HOST * 4096 + l->round[i] * 2 % 4096;
}

static struct parties parties_of(const struct sip_load *l, uint32_t i)
{
    const struct sip_load_host *h = &l->hosts[i / SIP_LOAD_CALLS_PER_HOST];
    struct parties p = {.user = i / SIP_LOAD_CALLS_PER_HOST,
                        .rtp = rtp_port(l, i),
                        .round = l->round[i],
                        .call = i};
    ipv4_print(host_ip(i), p.host);
    ipv4_print(server_ip(i), p.server);
    ipv4_print(h->public_ip, p.public_ip);
    endpoint_print((struct endpoint){h->public_ip, h->public_port}, p.public_side);
    snprintf(p.call_id, sizeof p.call_id, "%08x%08x-2c7f@%s", i * 2654435761u, p.round, p.host);
    return p;
}

static size_t sdp_write(char *out, size_t cap, const char *ip, unsigned port, unsigned session)
{
    return (size_t)snprintf(out, cap,
                            "v=0\r\no=- %u 1 IN IP4 %s\r\ns=call\r\nc=IN IP4 %s\r\nt=0 0\r\n"
                            "m=audio %u RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\n"
                            "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
                            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
                            "a=ptime:20\r\na=sendrecv\r\n",
                            session, ip, ip, port);
}

static const char *method_of(enum sip_load_kind kind)
{
    switch (kind) {
    case SIP_LOAD_BYE:
    case SIP_LOAD_BYE_ANSWER:
        return "BYE";
    case SIP_LOAD_ACK:
        return "ACK";
    case SIP_LOAD_OPTIONS:
        return "OPTIONS";
    case SIP_LOAD_REGISTER:
    case SIP_LOAD_REGISTERED:
        return "REGISTER";
    default:
        return "INVITE";
    }
}

static unsigned cseq_of(enum sip_load_kind kind, const struct parties *p)
{
    bool bye = kind == SIP_LOAD_BYE || kind == SIP_LOAD_BYE_ANSWER;
    return bye ? 2 : p->round + 1;
}

/* From, To, Call-ID and CSeq, the same in both directions; calls that stand have two tags. */
static size_t dialog_write(char *out, size_t cap, enum sip_load_kind kind, const struct parties *p)
{
    bool call = kind != SIP_LOAD_OPTIONS && kind != SIP_LOAD_REGISTER;
    bool tagged = call && kind != SIP_LOAD_INVITE && kind != SIP_LOAD_TRYING;
    return (size_t)snprintf(out, cap,
                            "From: \"Extension %u\" <sip:%u@pbx.example.net>;tag=f%x-%x\r\n"
                            "To: <sip:+4930%06u@pbx.example.net>%s\r\n"
                            "Call-ID: %s\r\nCSeq: %u %s\r\n",
                            p->user, p->user, p->call, p->round, p->user % 1000000,
                            tagged ? ";tag=as5f3c0a" : "", p->call_id, cseq_of(kind, p),
                            method_of(kind));
}

static size_t request_write(char *out, size_t cap, enum sip_load_kind kind, const struct parties *p)
{
    char sdp[512];
    size_t body = kind == SIP_LOAD_INVITE
                      ? sdp_write(sdp, sizeof sdp, p->host, p->rtp, p->user + p->round)
                      : 0;
    size_t n = (size_t)snprintf(
        out, cap,
        "%s sip:+4930%06u@%s:5060 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK%x-%x-%x;rport\r\nMax-Forwards: 70\r\n",
        method_of(kind), p->user % 1000000, p->server, p->host, (unsigned)kind, p->call, p->round);
    n += dialog_write(out + n, cap - n, kind, p);
    n += (size_t)snprintf(out + n, cap - n, "Contact: <sip:%u@%s:5060>\r\n", p->user, p->host);
    if (kind == SIP_LOAD_INVITE)
        n += (size_t)snprintf(out + n, cap - n,
                              "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO\r\n"
                              "Supported: replaces, timer\r\nSession-Expires: 1800\r\n");
    if (kind == SIP_LOAD_REGISTER)
        n += (size_t)snprintf(out + n, cap - n, "Expires: 3600\r\n");
    n += (size_t)snprintf(out + n, cap - n, "User-Agent: Phone 7.1.4\r\n");
    if (body)
        n += (size_t)snprintf(out + n, cap - n, "Content-Type: application/sdp\r\n");
    n += (size_t)snprintf(out + n, cap - n, "Content-Length: %zu\r\n\r\n", body);
    memcpy(out + n, sdp, body);
    return n + body;
}

static size_t response_write(char *out, size_t cap, enum sip_load_kind kind,
                             const struct parties *p)
{
    static const char *const lines[SIP_LOAD_KIND_COUNT] = {
        [SIP_LOAD_TRYING] = "100 Trying", [SIP_LOAD_RINGING] = "180 Ringing",
        [SIP_LOAD_ANSWER] = "200 OK",     [SIP_LOAD_BYE_ANSWER] = "200 OK",
        [SIP_LOAD_REGISTERED] = "200 OK",
    };
    char sdp[512];
    size_t body =
        kind == SIP_LOAD_ANSWER ? sdp_write(sdp, sizeof sdp, p->server, SERVER_PORT, p->user) : 0;
    unsigned request = kind == SIP_LOAD_BYE_ANSWER   ? SIP_LOAD_BYE
                       : kind == SIP_LOAD_REGISTERED ? SIP_LOAD_REGISTER
                                                     : SIP_LOAD_INVITE;
    size_t n = (size_t)snprintf(
        out, cap,
        "SIP/2.0 %s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%x-%x-%x;rport=%s;received=%s\r\n",
        lines[kind], p->public_side, request, p->call, p->round, strchr(p->public_side, ':') + 1,
        p->public_ip);
    n += dialog_write(out + n, cap - n, kind, p);
    if (kind == SIP_LOAD_REGISTERED)
        n += (size_t)snprintf(out + n, cap - n, "Contact: <sip:%u@%s>;expires=3600\r\n", p->user,
                              p->public_side);
    else
        n += (size_t)snprintf(out + n, cap - n, "Contact: <sip:%s:5060>\r\n", p->server);
    n += (size_t)snprintf(out + n, cap - n, "Server: PBX 18.9\r\n");
    if (body)
        n += (size_t)snprintf(out + n, cap - n,
                              "Session-Expires: 1800;refresher=uas\r\n"
                              "Content-Type: application/sdp\r\n");
    n += (size_t)snprintf(out + n, cap - n, "Content-Length: %zu\r\n\r\n", body);
    memcpy(out + n, sdp, body);
    return n + body;
}

/* Ethernet, IPv4 and UDP in front of `n` bytes that stand behind them already. */
static void headers_write(unsigned char *out, bool outward, struct endpoint src,
                          struct endpoint dst, size_t n)
{
    struct rte_ether_hdr *eth = (void *)out;
    struct rte_ipv4_hdr *ip = (void *)(eth + 1);
    struct rte_udp_hdr *udp = (void *)(ip + 1);
    uint16_t l4 = (uint16_t)(sizeof *udp + n);
    unsigned ifindex = outward ? BENCH_LAN : BENCH_WAN;
    memcpy(eth->dst_addr.addr_bytes, (uint8_t[]){2, 0, 0, 0, 0, (uint8_t)ifindex}, 6);
    memcpy(eth->src_addr.addr_bytes, (uint8_t[]){2, 0, 0, 0, 0, 9}, 6);
    eth->ether_type = be16_of(RTE_ETHER_TYPE_IPV4);
    *ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                .total_length = be16_of((uint16_t)(sizeof *ip + l4)),
                                .time_to_live = 64,
                                .next_proto_id = IPPROTO_UDP,
                                .src_addr = src.ip,
                                .dst_addr = dst.ip};
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof *ip));
    *udp =
        (struct rte_udp_hdr){.src_port = src.port, .dst_port = dst.port, .dgram_len = be16_of(l4)};
    uint64_t sum = checksum_pseudo(src.ip, dst.ip, IPPROTO_UDP, l4) + checksum_sum(udp, l4);
    udp->dgram_cksum = (uint16_t)~checksum_fold(sum);
}

size_t sip_load_frame(const struct sip_load *l, enum sip_load_kind kind, uint32_t i,
                      unsigned char *out)
{
    const struct sip_load_host *h = &l->hosts[i / SIP_LOAD_CALLS_PER_HOST];
    struct parties p = parties_of(l, i);
    bool outward = kinds[kind].outward;
    char *text = (char *)out + HEAD;
    size_t cap = SIP_LOAD_FRAME - HEAD;
    size_t n = outward ? request_write(text, cap, kind, &p) : response_write(text, cap, kind, &p);
    struct endpoint server = {server_ip(i), be16_of(SIP_PORT)};
    struct endpoint phone = {host_ip(i), be16_of(SIP_PORT)};
    struct endpoint outside = {h->public_ip, h->public_port};
    headers_write(out, outward, outward ? phone : server, outward ? server : outside, n);
    return HEAD + n;
}

void sip_load_learn(struct sip_load *l, uint32_t i, const unsigned char *frame)
{
    const struct rte_ipv4_hdr *ip = (const void *)(frame + sizeof(struct rte_ether_hdr));
    const struct rte_udp_hdr *udp = (const void *)(ip + 1);
    l->hosts[i / SIP_LOAD_CALLS_PER_HOST] = (struct sip_load_host){ip->src_addr, udp->src_port};
}

void sip_load_rtp(const struct sip_load *l, uint32_t i, unsigned char *out, size_t n)
{
    struct endpoint phone = {host_ip(i), be16_of((uint16_t)rtp_port(l, i))};
    struct endpoint server = {server_ip(i), be16_of(SERVER_PORT)};
    memset(out, 0, n);
    headers_write(out, true, phone, server, n - HEAD);
}
