/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worker's round, and what stands around the packet path: rings, transmit queues, drops.
 *
 * Everything a worker read from shared tables it read within one round; the quiescent report at the
 * end tells control that it holds nothing any more.
 */
#include "fastpath/worker.h"

#include "fastpath/fragment.h"
#include "fastpath/pipeline.h"

#include <rte_malloc.h>

#include <stdio.h>

static struct rte_ring *ring_create(const char *name, uint16_t id, unsigned size)
{
    char full[RTE_RING_NAMESIZE];
    snprintf(full, sizeof full, "%s-%u", name, id);
    return rte_ring_create(full, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

struct worker *worker_create(struct dataplane *dp, uint16_t id, unsigned ring_size, uint64_t seed)
{
    struct worker *w = rte_zmalloc("worker", sizeof *w, RTE_CACHE_LINE_SIZE);
    if (!w)
        return NULL;
    w->dp = dp;
    w->id = id;
    session_thread_init(&w->thread, seed);
    w->to_alg = ring_create("to-alg", id, ring_size);
    w->from_alg = ring_create("from-alg", id, ring_size);
    w->to_control = ring_create("to-control", id, ring_size);
    w->from_control = ring_create("from-control", id, ring_size);
    if (!w->to_alg || !w->from_alg || !w->to_control || !w->from_control) {
        worker_destroy(w);
        return NULL;
    }
    rte_rcu_qsbr_thread_register(dp->qsbr, id);
    rte_rcu_qsbr_thread_online(dp->qsbr, id);
    return w;
}

static void ring_destroy(struct rte_ring *ring)
{
    void *m;
    while (ring && rte_ring_dequeue(ring, &m) == 0)
        rte_pktmbuf_free(m);
    rte_ring_free(ring);
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    ring_destroy(w->to_alg);
    ring_destroy(w->from_alg);
    ring_destroy(w->to_control);
    ring_destroy(w->from_control);
    for (int i = 0; i < MAX_INTERFACES; i++)
        rte_pktmbuf_free_bulk(w->tx[i].m, w->tx[i].n);
    rte_free(w);
}

void worker_flush_one(struct worker *w, uint16_t ifindex)
{
    struct tx_buffer *b = &w->tx[ifindex];
    uint16_t sent = w->dp->wire.tx(w->dp->wire.ctx, ifindex, w->id, b->m, b->n);
    w->counts.out += sent;
    for (uint16_t i = sent; i < b->n; i++)
        drop(w, b->m[i], DROP_TX_FULL);
    b->n = 0;
    w->tx_pending &= ~((uint64_t)1 << ifindex);
}

void worker_flush(struct worker *w)
{
    while (w->tx_pending)
        worker_flush_one(w, (uint16_t)__builtin_ctzll(w->tx_pending));
}

/* Frames made by control are transmitted at once: they do not belong to the balance of packets. */
static void send_generated(struct worker *w, struct rte_mbuf *m)
{
    uint16_t ifindex = note_of(m)->ifindex;
    if (w->dp->wire.tx(w->dp->wire.ctx, ifindex, w->id, &m, 1) == 1)
        w->counts.generated++;
    else
        rte_pktmbuf_free(m);
}

unsigned worker_take_back(struct worker *w)
{
    struct rte_mbuf *m[BURST];
    unsigned n = rte_ring_sc_dequeue_burst(w->from_alg, (void **)m, BURST, NULL);
    for (unsigned i = 0; i < n; i++)
        pipeline_resume(w, m[i]);
    unsigned total = n;
    n = rte_ring_sc_dequeue_burst(w->from_control, (void **)m, BURST, NULL);
    for (unsigned i = 0; i < n; i++)
        if (note_of(m[i])->kind == NOTE_SEND)
            send_generated(w, m[i]);
        else
            fragment_send(w, note_of(m[i])->ifindex, m[i]);
    return total + n;
}

void worker_begin(struct worker *w, uint64_t now_ms)
{
    w->now_ms = now_ms;
    w->snapshot = dataplane_snapshot(w->dp);
}

void worker_receive(struct worker *w, uint16_t ifindex, struct rte_mbuf **m, uint16_t n)
{
    pipeline_run(w, m, n, ifindex);
}

unsigned worker_run_once(struct worker *w, uint64_t now_ms)
{
    struct dataplane *dp = w->dp;
    unsigned found = 0;
    worker_begin(w, now_ms);
    if (!rte_ring_empty(w->from_alg) || !rte_ring_empty(w->from_control))
        found += worker_take_back(w);
    for (uint16_t i = 1; i <= w->snapshot->n_interfaces; i++) {
        struct rte_mbuf *m[BURST];
        uint16_t n = dp->wire.rx(dp->wire.ctx, i, w->id, m, BURST);
        if (n == 0)
            continue;
        pipeline_run(w, m, n, i);
        found += n;
    }
    worker_flush(w);
    rte_rcu_qsbr_quiescent(dp->qsbr, w->id);
    return found;
}

void drop_slow(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
    char flow[128] = "";
    if (m->data_len >= PACKET_IP_OFFSET + sizeof(struct rte_ipv4_hdr)) {
        const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
        char src[IPV4_TEXT_MAX], dst[IPV4_TEXT_MAX];
        ipv4_print(ip->src_addr, src);
        ipv4_print(ip->dst_addr, dst);
        snprintf(flow, sizeof flow, ",\"src\":\"%s\",\"dst\":\"%s\",\"proto\":%u", src, dst,
                 ip->next_proto_id);
    }
    event_emit(&w->dp->events, "drop", w->now_ms, "\"reason\":\"%s\"%s%s%s%s", drop_name(reason),
               flow, w->step ? ",\"step\":\"" : "", w->step ? w->step : "", w->step ? "\"" : "");
}
