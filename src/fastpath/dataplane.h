/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all threads of the dataplane share, and what travels between them. Made at start, freed at
 * the end; the members say who writes. Workers, ALG and control each own their own struct beside
 * it.
 */
#pragma once

#include "fastpath/drop.h"
#include "fastpath/neighbour.h"
#include "fastpath/rss.h"
#include "fastpath/snapshot.h"
#include "fastpath/verdicts.h"
#include "sessions/mapping.h"

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#define MAX_WORKERS 64
#define BURST       64

struct worker;
struct text;

/* How a worker reaches the wire: DPDK ports in the daemon, capture files in replay, rings in the
 * benchmark. Same meaning as rte_eth_rx_burst and rte_eth_tx_burst, by interface number. A queue is
 * used by one worker alone, see struct queues. */
struct wire {
    uint16_t (*rx)(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m, uint16_t n);
    uint16_t (*tx)(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m, uint16_t n);
    void *ctx;
    /* Control: can the interface carry anything just now? NULL: all can. */
    bool (*link)(void *ctx, uint16_t ifindex);
};

/*
 * How many queues the device of an interface has. Receive queue q is polled by worker q mod
 * workers; worker i transmits on queue i, or, where there are fewer, hands its frames to worker i
 * mod queues.
 */
struct queues {
    uint16_t rx, tx;
};

struct dataplane {
    struct sessions sessions;
    struct mappings mappings;
    struct neighbours neighbours;    /* control writes */
    struct timer_sets *timer_sets;   /* control writes */
    struct pools *pools;             /* for source NAT */
    const struct snapshot *snapshot; /* control stores, everybody loads: dataplane_snapshot */
    struct verdicts verdicts;
    struct rte_mempool *pool;  /* mbufs with a struct note in their private area */
    struct rte_mempool *large; /* the same, for what does not fit: dataplane_buffer */
    uint32_t room, large_room; /* bytes of the largest frame in a buffer of either pool */
    struct rte_rcu_qsbr *qsbr; /* reader ids: workers by number, then the ALG */
    struct wire wire;
    struct queues queues[MAX_INTERFACES]; /* one per worker until ports_open says otherwise */
    struct rss rss[MAX_INTERFACES];       /* where packets arrive; unknown until then, too */
    struct event_sink events;
    bool any_mac;
    uint16_t n_workers;
    struct worker *workers[MAX_WORKERS];
};

static inline const struct snapshot *dataplane_snapshot(const struct dataplane *dp)
{
    return __atomic_load_n(&dp->snapshot, __ATOMIC_ACQUIRE);
}

/* What a frame on a ring between two threads is. */
enum note_kind {
    NOTE_SIP,      /* worker -> ALG: UDP or TCP of an ALG session; back: the same, edited, or new */
    NOTE_ARP,      /* worker -> control: an ARP packet that arrived on ifindex */
    NOTE_ND,       /* worker -> control: Neighbour Discovery that arrived on ifindex */
    NOTE_RESOLVE,  /* worker -> control: frame for next_hop on ifindex, whose MAC is not known */
    NOTE_SEND,     /* control -> worker: frame made by control (ARP), transmit on ifindex */
    NOTE_FORWARD,  /* control -> worker: frame that waited for its next hop, MACs filled in */
    NOTE_FRAGMENT, /* worker -> worker: fragment as it arrived on ifindex, to where it is held */
    NOTE_TRANSMIT, /* worker -> worker: finished frame for ifindex, where the first has no queue */
};

/* In the mbuf's private area while it is on a ring. */
struct note {
    uint8_t kind;
    uint8_t dir;
    uint16_t ifindex;
    uint16_t l3_len; /* NOTE_SIP, to the ALG: bytes before the UDP or TCP header, from IP on */
    struct ip_addr next_hop;
    struct handle session;
};

static inline struct note *note_of(struct rte_mbuf *m)
{
    return rte_mbuf_to_priv(m);
}

/*
 * Packets are counted once on each side of:
 * in + pieces + made = out + dropped + consumed + joined + held.
 */
struct packet_counts {
    uint64_t in;        /* received from the wire */
    uint64_t out;       /* of those, handed to the wire */
    uint64_t consumed;  /* of those, ended here on purpose (ARP, keep-alive to us, TCP of SIP) */
    uint64_t joined;    /* of those, fragments that became part of the packet they complete */
    uint64_t pieces;    /* further fragments of packets that were cut on the way out */
    uint64_t made;      /* TCP segments that the ALG sends instead of those it consumed */
    uint64_t generated; /* made here and sent (ARP): not part of the balance */
    uint64_t drop[DROP_COUNT];
};

struct dataplane_options {
    uint32_t sessions, mappings, mbufs;
    uint16_t n_workers;
    uint16_t mtu; /* largest of the interfaces; 0 means 1500 */
    bool huge;    /* 2 MiB pages for the tables */
    bool any_mac; /* accept frames whatever their destination MAC: captures from elsewhere */
    bool fixed;   /* fixed secrets and seeds: replay and tests */
    struct wire wire;
    struct event_sink events;
};

/*
 * Tables, buffers, rings and workers (dp->workers[0..n-1]) of a dataplane without a snapshot yet.
 * After rte_eal_init. NULL with the reason in `error`.
 */
struct dataplane *dataplane_create(const struct dataplane_options *options, struct text *error);
void dataplane_destroy(struct dataplane *dp);

/*
 * A buffer without data for a frame of `n` bytes: of the normal pool where it fits, else a large
 * one, in which the frame begins at the first byte. NULL: there is none, or none so large. Ports
 * transmit from the normal pool only (fragment_send sees to that), because drivers may give back
 * what they sent to one pool (RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE).
 */
struct rte_mbuf *dataplane_buffer(struct dataplane *dp, uint32_t n);

/* RCU reader id of the ALG core. */
static inline unsigned dataplane_alg_reader(const struct dataplane *dp)
{
    return dp->n_workers;
}

/* Totals over workers; the ALG's drops are added by who asks. */
void dataplane_counts(const struct dataplane *dp, struct packet_counts *out);
