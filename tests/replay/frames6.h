/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same as frames.h for IPv6. The ends are texts of RFC 4291; MACs are 02:00 and the last four
 * bytes of the address.
 */
#pragma once

#include "frames.h"

/* Where the transport header of a frame made here begins, as long as nothing is put before it. */
#define FRAME6_L4 54

struct ip_addr frame6_address(const char *text);

void frame6_udp(struct frame *f, struct ends e, struct slice payload);
void frame6_tcp(struct frame *f, struct ends e, struct frame_tcp tcp, struct slice payload);
/* ICMPv6 of any type; `rest` is the second word of its header. */
void frame6_icmp(struct frame *f, struct ends e, uint8_t type, uint8_t code, uint32_t rest);
/* Any other protocol. */
void frame6_other(struct frame *f, struct ends e, uint8_t proto, struct slice body);

/*
 * Put an extension header of `kind` and `n` bytes, a multiple of 8, behind the IPv6 header. Its
 * first byte, which names what follows, is filled in.
 */
void frame6_extend(struct frame *f, uint8_t kind, const void *header, size_t n);

/*
 * Make the payload length and the checksum of UDP, TCP or ICMPv6 right again after a change, as
 * frame_mend does, which calls it.
 */
void frame6_mend(struct frame *f);
