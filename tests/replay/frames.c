/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames6.h"

#include "base/checksum.h"

#include <assert.h>

enum {
    PROTO_ICMP = 1,
    PROTO_TCP = 6,
    PROTO_UDP = 17
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

be32 frame_address(const char *dotted_quad)
{
    be32 ip = 0;
    int rc = ipv4_parse(slice_str(dotted_quad), &ip);
    assert(rc == 0);
    (void)rc;
    return ip;
}

static void put_mac(unsigned char *p, const char *ip)
{
    be32 address = frame_address(ip);
    p[0] = 2;
    p[1] = 0;
    memcpy(p + 2, &address, 4);
}

/* One's complement checksum of `n` bytes on top of `sum`, in the order of the wire. */
static void put_checksum(unsigned char *at, const unsigned char *data, size_t n, uint64_t sum)
{
    memset(at, 0, 2);
    uint16_t folded = (uint16_t)~checksum_fold(sum + checksum_sum(data, n));
    memcpy(at, &folded, 2);
}

static void mend_l4(struct frame *f, uint8_t proto, size_t n)
{
    unsigned char *l4 = f->b + FRAME_L4;
    be32 src, dst;
    memcpy(&src, f->b + FRAME_IP + 12, 4);
    memcpy(&dst, f->b + FRAME_IP + 16, 4);
    uint64_t pseudo = checksum_pseudo(src, dst, proto, (uint16_t)n);
    if (proto == PROTO_UDP && n >= 8) {
        put16(l4 + 4, (uint32_t)n);
        put_checksum(l4 + 6, l4, n, pseudo);
        if (l4[6] == 0 && l4[7] == 0)
            memset(l4 + 6, 0xff, 2); /* 0 would say that there is none */
    } else if (proto == PROTO_TCP && n >= 20) {
        put_checksum(l4 + 16, l4, n, pseudo);
    } else if (proto == PROTO_ICMP && n >= 8) {
        put_checksum(l4 + 2, l4, n, 0);
    }
}

void frame_mend(struct frame *f)
{
    unsigned char *ip = f->b + FRAME_IP;
    frame6_mend(f);
    if (f->n < FRAME_L4 || f->b[12] != 8 || f->b[13] != 0 || ip[0] != 0x45)
        return;
    put16(ip + 2, (uint32_t)(f->n - FRAME_IP));
    mend_l4(f, ip[9], f->n - FRAME_L4);
    put_checksum(ip + 10, ip, 20, 0);
}

/* Everything up to the transport header, whose `header` bytes are zero, and the payload. */
static void begin(struct frame *f, struct ends e, uint8_t proto, size_t header,
                  struct slice payload)
{
    be32 src = frame_address(e.src), dst = frame_address(e.dst);
    unsigned char *ip = f->b + FRAME_IP;
    payload = slice_head(payload, FRAME_SIZE - FRAME_L4 - header);
    memset(f->b, 0, FRAME_L4 + header);
    put_mac(f->b, e.dst);
    put_mac(f->b + 6, e.src);
    put16(f->b + 12, 0x0800);
    ip[0] = 0x45;
    ip[6] = 0x40; /* do not fragment */
    ip[8] = 64;
    ip[9] = proto;
    memcpy(ip + 12, &src, 4);
    memcpy(ip + 16, &dst, 4);
    if (payload.n)
        memcpy(f->b + FRAME_L4 + header, payload.p, payload.n);
    f->n = FRAME_L4 + header + payload.n;
}

void frame_udp(struct frame *f, struct ends e, struct slice payload)
{
    begin(f, e, PROTO_UDP, 8, payload);
    put16(f->b + FRAME_L4, e.sport);
    put16(f->b + FRAME_L4 + 2, e.dport);
    frame_mend(f);
}

void frame_tcp(struct frame *f, struct ends e, struct frame_tcp tcp, struct slice payload)
{
    begin(f, e, PROTO_TCP, 20, payload);
    unsigned char *l4 = f->b + FRAME_L4;
    put16(l4, e.sport);
    put16(l4 + 2, e.dport);
    put32(l4 + 4, tcp.seq);
    put32(l4 + 8, tcp.ack);
    l4[12] = 5 << 4;
    l4[13] = tcp.flags;
    put16(l4 + 14, 64240);
    frame_mend(f);
}

void frame_icmp(struct frame *f, struct ends e, uint8_t type, uint8_t code, uint32_t rest)
{
    begin(f, e, PROTO_ICMP, 8, SLICE_LIT("pinhole!"));
    f->b[FRAME_L4] = type;
    f->b[FRAME_L4 + 1] = code;
    put32(f->b + FRAME_L4 + 4, rest);
    frame_mend(f);
}

void frame_ipv4(struct frame *f, struct ends e, uint8_t proto, struct slice body)
{
    begin(f, e, proto, 0, body);
    frame_mend(f);
}

void frame_arp(struct frame *f, uint16_t opcode, const char *sender, const char *target)
{
    static const unsigned char start[] = {0, 1, 8, 0, 6, 4};
    be32 src = frame_address(sender), dst = frame_address(target);
    unsigned char *arp = f->b + FRAME_IP;
    memset(f->b, 0, 60);
    memset(f->b, 0xff, 6);
    if (opcode == 2)
        put_mac(f->b, target);
    put_mac(f->b + 6, sender);
    put16(f->b + 12, 0x0806);
    memcpy(arp, start, sizeof start);
    put16(arp + 6, opcode);
    put_mac(arp + 8, sender);
    memcpy(arp + 14, &src, 4);
    if (opcode == 2)
        put_mac(arp + 18, target);
    memcpy(arp + 24, &dst, 4);
    f->n = 60;
}
