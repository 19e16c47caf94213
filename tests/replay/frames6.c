/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames6.h"

#include "base/checksum.h"

#include <assert.h>

enum {
    HOP_BY_HOP = 0,
    PROTO_TCP = 6,
    PROTO_UDP = 17,
    ROUTING = 43,
    PROTO_ICMP6 = 58,
    DESTINATION = 60,
    IP6_HEADER = FRAME6_L4 - FRAME_IP,
};

static void put16(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

static void put32(unsigned char *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

struct ip_addr frame6_address(const char *text)
{
    struct ip_addr a = {0};
    int rc = ipv6_parse(slice_str(text), &a);
    assert(rc == 0);
    (void)rc;
    return a;
}

static void put_mac(unsigned char *p, const struct ip_addr *a)
{
    p[0] = 2;
    p[1] = 0;
    memcpy(p + 2, &a->word[3], 4);
}

/* The checksum field stands `at` bytes into the header. */
static void mend_l4(struct frame *f, uint8_t proto, size_t l4, size_t at)
{
    size_t n = f->n - l4;
    const unsigned char pseudo[8] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
                                     (unsigned char)(n >> 8), (unsigned char)n, [7] = proto};
    if (n < at + 2)
        return;
    memset(f->b + l4 + at, 0, 2);
    uint64_t sum = checksum_sum(f->b + FRAME_IP + 8, 32) + checksum_sum(pseudo, sizeof pseudo) +
                   checksum_sum(f->b + l4, n);
    uint16_t folded = (uint16_t)~checksum_fold(sum);
    if (proto == PROTO_UDP && folded == 0)
        folded = 0xffff;
    memcpy(f->b + l4 + at, &folded, 2);
}

void frame6_mend(struct frame *f)
{
    if (f->n < FRAME6_L4 || f->b[12] != 0x86 || f->b[13] != 0xdd || f->b[FRAME_IP] >> 4 != 6)
        return;
    put16(f->b + FRAME_IP + 4, (uint32_t)(f->n - FRAME6_L4));
    uint8_t next = f->b[FRAME_IP + 6];
    size_t at = FRAME6_L4;
    while ((next == HOP_BY_HOP || next == ROUTING || next == DESTINATION) && f->n >= at + 8) {
        next = f->b[at];
        at += (f->b[at + 1] + 1u) * 8;
    }
    if (f->n <= at)
        return;
    if (next == PROTO_UDP && f->n >= at + 8) {
        put16(f->b + at + 4, (uint32_t)(f->n - at));
        mend_l4(f, next, at, 6);
    } else if (next == PROTO_TCP) {
        mend_l4(f, next, at, 16);
    } else if (next == PROTO_ICMP6) {
        mend_l4(f, next, at, 2);
    }
}

/* Everything up to the transport header, whose `header` bytes are zero, and the payload. */
static void begin(struct frame *f, struct ends e, uint8_t proto, size_t header,
                  struct slice payload)
{
    struct ip_addr src = frame6_address(e.src), dst = frame6_address(e.dst);
    unsigned char *ip = f->b + FRAME_IP;
    payload = slice_head(payload, FRAME_SIZE - FRAME6_L4 - header);
    memset(f->b, 0, FRAME6_L4 + header);
    put_mac(f->b, &dst);
    put_mac(f->b + 6, &src);
    put16(f->b + 12, 0x86dd);
    ip[0] = 0x60;
    ip[6] = proto;
    ip[7] = 64;
    memcpy(ip + 8, &src, 16);
    memcpy(ip + 24, &dst, 16);
    if (payload.n)
        memcpy(f->b + FRAME6_L4 + header, payload.p, payload.n);
    f->n = FRAME6_L4 + header + payload.n;
}

void frame6_udp(struct frame *f, struct ends e, struct slice payload)
{
    begin(f, e, PROTO_UDP, 8, payload);
    put16(f->b + FRAME6_L4, e.sport);
    put16(f->b + FRAME6_L4 + 2, e.dport);
    frame6_mend(f);
}

void frame6_tcp(struct frame *f, struct ends e, struct frame_tcp tcp, struct slice payload)
{
    begin(f, e, PROTO_TCP, 20, payload);
    unsigned char *l4 = f->b + FRAME6_L4;
    put16(l4, e.sport);
    put16(l4 + 2, e.dport);
    put32(l4 + 4, tcp.seq);
    put32(l4 + 8, tcp.ack);
    l4[12] = 5 << 4;
    l4[13] = tcp.flags;
    put16(l4 + 14, 64240);
    frame6_mend(f);
}

void frame6_icmp(struct frame *f, struct ends e, uint8_t type, uint8_t code, uint32_t rest)
{
    begin(f, e, PROTO_ICMP6, 8, SLICE_LIT("pinhole!"));
    f->b[FRAME6_L4] = type;
    f->b[FRAME6_L4 + 1] = code;
    put32(f->b + FRAME6_L4 + 4, rest);
    frame6_mend(f);
}

void frame6_other(struct frame *f, struct ends e, uint8_t proto, struct slice body)
{
    begin(f, e, proto, 0, body);
    frame6_mend(f);
}

void frame6_extend(struct frame *f, uint8_t kind, const void *header, size_t n)
{
    assert(f->n + n <= FRAME_SIZE);
    memmove(f->b + FRAME6_L4 + n, f->b + FRAME6_L4, f->n - FRAME6_L4);
    memcpy(f->b + FRAME6_L4, header, n);
    f->b[FRAME6_L4] = f->b[FRAME_IP + 6];
    f->b[FRAME_IP + 6] = kind;
    f->n += n;
    put16(f->b + FRAME_IP + 4, (uint32_t)(f->n - FRAME6_L4));
}
