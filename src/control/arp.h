/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP (RFC 826, RFC 5227): asks for the resolver, answers for the firewall's own addresses and
 * those it answers for besides (snapshot.own_ranges), announces them when they are new, and tells
 * when somebody else uses one. The control thread owns it and calls everything here.
 */
#pragma once

#include "control/frame_out.h"
#include "control/resolver.h"

struct arp_setup {
    struct frame_out out;
    struct resolver *resolver;
    bool quiet; /* replay: answers only, nothing is announced or logged */
};

/* An address of ours, as others on the wire should know it. */
struct arp_own {
    be32 ip;      /* announced; 0: none, or the interface is down */
    uint8_t left; /* announcements still to make */
    uint64_t announce_ms;
    uint64_t conflicts; /* frames of others that claim an address of this interface */
    uint64_t defended_ms, logged_ms;
};

/* The way through the own ranges, announcing. */
struct arp_tour {
    uint64_t digest; /* of the ranges and of which interfaces are up */
    uint32_t range, offset;
    uint8_t left; /* rounds still to make */
    uint32_t announced;
    uint64_t next_ms;
};

struct arp {
    struct arp_setup setup;
    struct arp_own own[MAX_INTERFACES];
    struct arp_tour tour;
};

void arp_init(struct arp *a, const struct arp_setup *setup);

/* A frame with NOTE_ARP that arrived; it is used up. */
void arp_input(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms);

/* Ask everybody, or the one who should answer, for an IPv4 address. */
void arp_ask(struct arp *a, const struct snapshot *s, const struct resolver_ask *ask);

/* Addresses of ours to announce. Returns how many were. */
unsigned arp_run(struct arp *a, const struct snapshot *s, uint64_t now_ms);
