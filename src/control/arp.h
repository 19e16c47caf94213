/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP (RFC 826, RFC 5227): answers for the firewall's own addresses, finds the MAC of next hops,
 * keeps what it found fresh, and holds up to ARP_HELD frames for a next hop that it is looking for.
 * The control thread owns it and calls everything here; it alone writes the neighbour table.
 *
 * Frames go in with a struct note (fastpath/dataplane.h) in their private area, and come out
 * through the `send` of the setup: with the kind NOTE_SEND where they were made here, NOTE_FORWARD
 * where they are frames of others with their Ethernet addresses filled in.
 */
#pragma once

#include "fastpath/dataplane.h"
#include "sessions/wheel.h"

#define ARP_HELD 4

struct arp_setup {
    struct neighbours *neighbours;
    struct rte_mempool *pool;
    uint32_t held_max;       /* frames held for all next hops together */
    bool virtual_neighbours; /* everybody is at 02:00 + address; no request is sent */
    /* Takes the frame in any case. */
    void (*send)(void *ctx, struct rte_mbuf *m);
    /* Counts, and frees, a frame of others that goes no further. */
    void (*drop)(void *ctx, struct rte_mbuf *m, enum drop_reason reason);
    void *ctx;
};

/* How good the MAC of a usable next hop is. */
enum arp_trust {
    ARP_SURE,    /* it answered a question of ours */
    ARP_DOUBTED, /* somebody names another one; it has a moment to answer before anybody else may */
    ARP_OPEN,    /* heard only, or silent when doubted: the first answer is taken */
};

struct arp_hop {
    struct wheel_link wheel;
    uint8_t tries, n_held;
    uint8_t trust; /* enum arp_trust */
    struct rte_mbuf *held[ARP_HELD];
    uint64_t since_ms; /* when its state began, or it was last confirmed */
};

/* An address of ours, as others on the wire should know it. */
struct arp_own {
    be32 ip;      /* announced; 0: none, or the interface is down */
    uint8_t left; /* announcements still to make */
    uint64_t announce_ms;
    uint64_t conflicts; /* frames of others that claim it */
    uint64_t defended_ms, logged_ms;
};

struct arp {
    struct arp_setup setup;
    struct wheel wheel;
    struct arp_hop *hops; /* by neighbour index */
    uint64_t held;        /* frames held in all */
    uint32_t searching;   /* next hops that are INCOMPLETE */
    uint32_t hand;        /* where the search for room goes on */
    struct arp_own own[MAX_INTERFACES];
};

/* 0 or -ENOMEM. */
int arp_init(struct arp *a, const struct arp_setup *setup, uint64_t now_ms);

/* Frees what is held. */
void arp_free(struct arp *a);

/* A frame with NOTE_ARP that arrived; it is used up. */
void arp_input(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms);

/* A frame with NOTE_RESOLVE: sent, held or dropped. */
void arp_resolve(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms);

/*
 * Requests to repeat, neighbours to verify or give up, addresses of ours to announce. Returns how
 * many.
 */
unsigned arp_run(struct arp *a, const struct snapshot *s, uint64_t now_ms);

/* Lower bound of when arp_run has something to do, UINT64_MAX never. */
uint64_t arp_next_deadline_ms(const struct arp *a);

/* Milliseconds since the neighbour was last confirmed, or failed. */
uint64_t arp_age_ms(const struct arp *a, uint32_t neighbour, uint64_t now_ms);
