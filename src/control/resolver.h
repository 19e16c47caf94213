/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the MAC of next hops of both families, keeps what it found fresh, decides whom to believe,
 * and holds up to RESOLVER_HELD frames for a next hop that it is looking for. It speaks no protocol
 * itself: arp.h and nd.h ask for it and tell it what they heard. The control thread owns it and
 * calls everything here; it alone writes the neighbour table.
 *
 * Frames go in with a struct note (fastpath/dataplane.h) in their private area and come out through
 * the `send` of the setup, with the kind NOTE_FORWARD and their Ethernet addresses filled in.
 */
#pragma once

#include "fastpath/dataplane.h"
#include "sessions/wheel.h"

#define RESOLVER_HELD 4

/* A question for the wire: who is `target`? */
struct resolver_ask {
    uint16_t ifindex;
    struct ip_addr target;
    const uint8_t *mac; /* who should answer; NULL: everybody is asked */
};

struct resolver_setup {
    struct neighbours *neighbours;
    uint32_t held_max;             /* frames held for all next hops together */
    const struct rte_mempool *few; /* frames in buffers of it wait only while half of it is free */
    bool virtual_neighbours;       /* everybody is at 02:00 + (end of) address; nobody is asked */
    /* Ask by the protocol of the target's family. The interface is up. */
    void (*ask)(void *ctx, const struct snapshot *s, const struct resolver_ask *ask);
    /* Takes the frame in any case. */
    void (*send)(void *ctx, struct rte_mbuf *m);
    /* Counts, and frees, a frame of others that goes no further. */
    void (*drop)(void *ctx, struct rte_mbuf *m, enum drop_reason reason);
    void *ctx;
};

/* How good the MAC of a usable next hop is. */
enum resolver_trust {
    RESOLVER_SURE,    /* it answered a question of ours */
    RESOLVER_DOUBTED, /* somebody names another one; it has a moment to answer before others may */
    RESOLVER_OPEN,    /* heard only, or silent when doubted: the first answer is taken */
    RESOLVER_FIXED,   /* the operator says so: never asked, nobody is heard */
};

struct resolver_hop {
    struct wheel_link wheel;
    uint8_t tries, n_held;
    uint8_t trust; /* enum resolver_trust */
    struct rte_mbuf *held[RESOLVER_HELD];
    uint64_t since_ms; /* when its state began, or it was last confirmed */
};

struct resolver {
    struct resolver_setup setup;
    struct wheel wheel;
    struct resolver_hop *hops;                /* by neighbour index */
    uint64_t held;                            /* frames held in all */
    uint32_t searching;                       /* next hops that are INCOMPLETE */
    uint32_t searching_on[MAX_INTERFACES][2]; /* of those, IPv4 and IPv6 ones on an interface */
    uint32_t hand;                            /* where the search for room goes on */
};

/* 0 or -ENOMEM. */
int resolver_init(struct resolver *r, const struct resolver_setup *setup, uint64_t now_ms);

/* Frees what is held. */
void resolver_free(struct resolver *r);

/* A frame with NOTE_RESOLVE: sent, held or dropped. */
void resolver_take(struct resolver *r, const struct snapshot *s, struct rte_mbuf *m,
                   uint64_t now_ms);

/* What a frame says about an address. */
struct resolver_news {
    uint16_t ifindex; /* where it arrived; that interface is up */
    struct ip_addr ip;
    const uint8_t *mac; /* a host's; NULL: it does not say, the one in use has spoken */
    bool answer;        /* to a question, and sent to us */
    bool modest;        /* would not replace another MAC */
};

/* Its link is gone: forget who is there, but for whom the operator named. */
void resolver_forget(struct resolver *r, uint16_t ifindex);

/* Only addresses that are looked for, or known, are learned: nobody gets in by talking. */
void resolver_learn(struct resolver *r, const struct snapshot *s, const struct resolver_news *news,
                    uint64_t now_ms);

struct row_neighbour;

/*
 * The operator's own entries from here on: `n` rows, whose interfaces count from 0. One that is no
 * longer among them is forgotten. Returns how many found no room.
 */
uint32_t resolver_fix(struct resolver *r, const struct snapshot *s,
                      const struct row_neighbour *rows, uint32_t n, uint64_t now_ms);

/* Questions to repeat, neighbours to verify or give up. Returns how many. */
unsigned resolver_run(struct resolver *r, const struct snapshot *s, uint64_t now_ms);

/* Lower bound of when resolver_run has something to do, UINT64_MAX never. */
uint64_t resolver_next_deadline_ms(const struct resolver *r);

/* Milliseconds since the neighbour was last confirmed, or failed. */
uint64_t resolver_age_ms(const struct resolver *r, uint32_t neighbour, uint64_t now_ms);

static inline bool interface_usable(const struct snapshot *s, uint16_t ifindex)
{
    return ifindex >= 1 && ifindex <= s->n_interfaces && s->interfaces[ifindex].up;
}
