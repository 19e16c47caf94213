/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour Discovery of a router (RFC 4861), without what routers tell hosts: solicits for the
 * resolver, answers for the firewall's own addresses, makes sure that nobody else has them
 * (duplicate address detection, RFC 4862 5.4) and announces them. Router advertisements are neither
 * sent nor heard, redirects not heard: ways come from the configuration. The control thread owns it
 * and calls everything here.
 */
#pragma once

#include "control/frame_out.h"
#include "control/resolver.h"

struct nd_setup {
    struct frame_out out;
    struct resolver *resolver;
    bool quiet; /* replay: answers only; addresses are ours without asking */
};

enum nd_own_state {
    ND_OWN_NONE,
    ND_OWN_TENTATIVE, /* asked whether somebody has it */
    ND_OWN_READY,     /* answered for */
    ND_OWN_DUPLICATE, /* somebody else has it: not answered for, asked again later */
};

struct nd_own {
    struct ip_addr ip;
    uint8_t mac[6];
    uint8_t state; /* enum nd_own_state */
    uint8_t left;  /* announcements still to make */
    uint64_t due_ms;
    uint64_t conflicts; /* frames of others that claim it */
    uint64_t defended_ms, logged_ms;
};

enum {
    ND_GLOBAL,
    ND_LINK_LOCAL,
    ND_OWN
};

struct nd {
    struct nd_setup setup;
    struct nd_own own[MAX_INTERFACES][ND_OWN];
};

void nd_init(struct nd *nd, const struct nd_setup *setup);

/* A frame with NOTE_ND that arrived; it is used up. */
void nd_input(struct nd *nd, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms);

/* Solicit everybody, or the one who should answer, for an IPv6 address. */
void nd_ask(struct nd *nd, const struct snapshot *s, const struct resolver_ask *ask);

/* Addresses to ask about and to announce. Returns how many were. */
unsigned nd_run(struct nd *nd, const struct snapshot *s, uint64_t now_ms);
