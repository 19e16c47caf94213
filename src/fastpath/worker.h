/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one polling thread that carries packets from wire to wire. It owns its struct worker;
 * other threads touch only the far ends of its rings and read its counters relaxed. It takes no
 * lock, makes no system call, writes no log and allocates from pools only.
 */
#pragma once

#include "fastpath/datagrams.h"
#include "fastpath/dataplane.h"
#include "fastpath/icmp_limit.h"

struct tx_buffer {
    uint16_t n;
    struct rte_mbuf *m[BURST];
};

struct stage_clock;

struct worker {
    struct dataplane *dp;
    uint16_t id;                     /* number, queue and RCU reader id */
    const struct snapshot *snapshot; /* of this burst */
    uint64_t now_ms;                 /* of this burst */
    struct stage_clock *clock;       /* of a benchmark (stages.h); else NULL */
    const char *step;                /* of a first packet under way, for the event of its drop */
    struct session_thread thread;
    struct packet_counts counts;
    /* Single producer, single consumer. */
    struct rte_ring *to_alg, *from_alg, *to_control, *from_control;
    struct tx_buffer tx[MAX_INTERFACES];
    uint64_t tx_pending;        /* bit i: tx[i] is not empty */
    struct datagrams datagrams; /* of which pieces are held: reassembly.h */
    /* By number of the producer; all NULL while there is one worker, always at its own number. */
    struct rte_ring *from_worker[MAX_WORKERS];
    struct icmp_limit icmp_limit; /* of errors and resets made here */
    struct tx_buffer alg;         /* for to_alg, when the rest of the round has left */
} __attribute__((aligned(64)));

/* A worker with its four rings (`ring_size` a power of two), registered as RCU reader. NULL: no
 * memory. `seed` starts its port probing. */
struct worker *worker_create(struct dataplane *dp, uint16_t id, unsigned ring_size, uint64_t seed);
void worker_destroy(struct worker *w);

/* A ring from each of the other workers of its dataplane. 0 or -ENOMEM. */
int worker_connect(struct worker *w);

/*
 * Hand a frame to worker `to`, another one, which takes it in its next round; the rest of its note
 * is filled in by the caller. False: that worker is behind, and the frame is dropped.
 */
bool worker_pass(struct worker *w, uint16_t to, struct rte_mbuf *m, enum note_kind kind);

/* Frames that other workers handed to this one and that it has not taken. Any thread. */
unsigned worker_passed(const struct worker *w);

/*
 * One round: what ALG, control and other workers sent, a burst from every receive queue of its own,
 * transmit, report quiescent. Returns the packets it found, so that an idle worker may nap.
 */
unsigned worker_run_once(struct worker *w, uint64_t now_ms);

/* The parts, for replay: time and snapshot of what follows (before each of the others) ... */
void worker_begin(struct worker *w, uint64_t now_ms);
/* ... handle one burst that arrived on `ifindex` ... */
void worker_receive(struct worker *w, uint16_t ifindex, struct rte_mbuf **m, uint16_t n);
/* ... take what waits on the rings from ALG, control and workers (returns how many) ... */
unsigned worker_take_back(struct worker *w);
/* ... and put out what was queued: packets first, then what is for the ALG. */
void worker_flush(struct worker *w);

/* Queue a finished frame for `ifindex`. */
static inline void worker_send(struct worker *w, uint16_t ifindex, struct rte_mbuf *m);

/* Send a frame made here, not received, at once: it is counted apart from the balance. */
void worker_send_generated(struct worker *w, uint16_t ifindex, struct rte_mbuf *m);

void worker_flush_one(struct worker *w, uint16_t ifindex);

/* Hand what was set aside for the ALG to its ring. */
void worker_flush_alg(struct worker *w);

/*
 * Set a frame with its note aside for the ALG. It goes in the order it came in, at the end of the
 * round: media never waits for signalling.
 */
static inline void worker_to_alg(struct worker *w, struct rte_mbuf *m)
{
    struct tx_buffer *b = &w->alg;
    b->m[b->n++] = m;
    if (__builtin_expect(b->n == BURST, 0))
        worker_flush_alg(w);
}

/*
 * The only way to drop a packet: counts the reason, tells the event sink when one listens, frees.
 */
void drop_slow(struct worker *w, struct rte_mbuf *m, enum drop_reason reason);

static inline void drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
    w->counts.drop[reason]++;
    if (__builtin_expect(events_on(&w->dp->events), 0))
        drop_slow(w, m, reason);
    rte_pktmbuf_free(m);
}

static inline void worker_send(struct worker *w, uint16_t ifindex, struct rte_mbuf *m)
{
    struct tx_buffer *b = &w->tx[ifindex];
    b->m[b->n++] = m;
    w->tx_pending |= (uint64_t)1 << ifindex;
    if (b->n == BURST)
        worker_flush_one(w, ifindex);
}
