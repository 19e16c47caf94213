/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet frames made by hand, for tests that put them through a firewall. Lengths and checksums
 * are right; a test breaks them on purpose. MACs are 02:00 and the IPv4 address of the sender and
 * of the receiver, whoever that is on the segment.
 */
#pragma once

#include "base/addr.h"

#define FRAME_SIZE 2048

/* Where the parts of a frame made here begin. */
#define FRAME_IP 14
#define FRAME_L4 34

struct frame {
    size_t n;
    unsigned char b[FRAME_SIZE];
};

/* Both ends of a packet, as dotted quads, with ports where the protocol has them. */
struct ends {
    const char *src;
    uint16_t sport;
    const char *dst;
    uint16_t dport;
};

struct frame_tcp {
    uint8_t flags;
    uint32_t seq, ack;
};

be32 frame_address(const char *dotted_quad);

/* A payload that is too long for a frame is cut. */
void frame_udp(struct frame *f, struct ends e, struct slice payload);
void frame_tcp(struct frame *f, struct ends e, struct frame_tcp tcp, struct slice payload);
/* ICMP of any type; `rest` is the second word of its header (identifier and sequence number). */
void frame_icmp(struct frame *f, struct ends e, uint8_t type, uint8_t code, uint32_t rest);
/* Any other protocol. */
void frame_ipv4(struct frame *f, struct ends e, uint8_t proto, struct slice body);
/* opcode 1: who has `target`?, to everybody; 2: `sender` answers it. */
void frame_arp(struct frame *f, uint16_t opcode, const char *sender, const char *target);

/*
 * Make lengths and checksums right again after a change: of IPv4, and of UDP, TCP or ICMP where the
 * frame has room for their header; the same of IPv6 (frames6.h). Other frames, those with IPv4
 * options too, stay as they are.
 */
void frame_mend(struct frame *f);

static inline struct slice frame_slice(const struct frame *f)
{
    return slice_of((const char *)f->b, f->n);
}

/* The payload of a frame made by frame_udp. */
static inline struct slice frame_udp_payload(struct slice frame)
{
    return slice_skip(frame, FRAME_L4 + 8);
}
