/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A firewall with a lan, a wan and a dmz for the tests of translation, and what they all look at:
 * what leaves for what arrived. Included after cmocka.h.
 */
#pragma once

#include "fastpath/worker.h"
#include "firewall.h"

#include <stdio.h>

enum {
    LAN = 1,
    WAN,
    DMZ
};

#define SECOND 1000000000ull
#define SYN    2
#define ACK    16

#define BASE                                                                       \
    "config dpdk global\nset sessions 4096\nset mappings 64\nend\n"                \
    "config system interface\n"                                                    \
    "edit \"lan\"\nset ip 10.0.0.1 255.255.255.0\nset allowaccess ping\nnext\n"    \
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nset allowaccess ping\nnext\n" \
    "edit \"dmz\"\nset ip 10.1.0.1 255.255.255.0\nnext\n"                          \
    "end\n"                                                                        \
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\nend\n"
#define VIPS(rows)  "config firewall vip\n" rows "end\n"
#define POOLS(rows) "config firewall ippool\n" rows "end\n"
#define VIP(name, ext, mapped, more)                               \
    "edit \"" name "\"\nset extip " ext "\nset mappedip \"" mapped \
    "\"\nset extintf \"wan\"\n" more "next\n"
#define POOL(name, first, last, more) \
    "edit \"" name "\"\n" more "set startip " first "\nset endip " last "\nnext\n"
#define POLICY(id, from, to, dst, more)                                                           \
    "edit " #id "\nset srcintf \"" from "\"\nset dstintf \"" to "\"\nset srcaddr \"all\"\n"       \
    "set dstaddr " dst "\nset action accept\nset schedule \"always\"\nset service \"ALL\"\n" more \
    "next\n"
#define POLICIES(rows) "config firewall policy\n" rows "end\n"
#define OUT(more)      POLICY(1, "lan", "wan", "\"all\"", "set nat enable\n" more)
#define BY_POOL(name)  OUT("set ippool enable\nset poolname \"" name "\"\n")

#define ONE_TO_ONE POOLS(POOL("pool", "203.0.113.100", "203.0.113.101", "set type one-to-one\n"))

static inline struct frame udp(struct ends e)
{
    struct frame f;
    frame_udp(&f, e, SLICE_LIT("payload"));
    return f;
}

static inline struct frame tcp(struct ends e, uint8_t flags)
{
    struct frame f;
    frame_tcp(&f, e, (struct frame_tcp){.flags = flags, .seq = 1, .ack = flags & ACK ? 2 : 0},
              SLICE_NONE);
    return f;
}

static inline struct ends turned(struct ends e)
{
    return (struct ends){e.dst, e.dport, e.src, e.sport};
}

/* A datagram passes as `there`, and the answer to that as the answer to what was sent. */
static inline void both_ways(struct firewall *fw, uint16_t in, struct ends sent, uint16_t out,
                             struct ends there)
{
    struct frame f = udp(sent);
    frame_assert_ends(firewall_passes(fw, in, &f, out), there);
    f = udp(turned(there));
    frame_assert_ends(firewall_passes(fw, out, &f, in), turned(sent));
}

static inline void drops(struct firewall *fw, uint16_t in, struct ends e, enum drop_reason reason)
{
    struct frame f = udp(e);
    firewall_drops(fw, in, &f, reason);
}

/* The public address and port a datagram leaves with. */
static inline struct ends leaves(struct firewall *fw, struct ends e, char ip[16])
{
    struct frame f = udp(e);
    const struct frame *there = firewall_passes(fw, LAN, &f, WAN);
    const unsigned char *b = there->b + FRAME_IP + 12;
    snprintf(ip, 16, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    frame_assert_whole(there);
    return (struct ends){ip, (uint16_t)(there->b[FRAME_L4] << 8 | there->b[FRAME_L4 + 1]), e.dst,
                         e.dport};
}

static inline void passes(struct firewall *fw, uint64_t ns)
{
    replay_advance(fw->r, replay_now_ns(fw->r) + ns);
}

static const char server[] = "198.51.100.5", other[] = "198.51.100.6", pbx[] = "10.0.0.5";
