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
#include "fastpath/reassembly.h"
#include "fastpath/stages.h"

#include <rte_debug.h>
#include <rte_malloc.h>

#include <errno.h>
#include <stdio.h>

/*
 * Between two workers. Where these rings carry much, devices have few transmit queues and CPUs are
 * often shared: a worker that waits for its CPU must find what another one read from a whole
 * receive queue meanwhile. The rings grow with the square of the workers, so many workers have
 * short ones.
 */
#define PASS_RING_SIZE 2048
#define PASS_RING_MANY 512
#define MANY_WORKERS   16

static struct rte_ring *ring_create(const char *name, unsigned size)
{
    return rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static struct rte_ring *ring_numbered(const char *name, uint16_t id, unsigned size)
{
    char full[RTE_RING_NAMESIZE];
    snprintf(full, sizeof full, "%s-%u", name, id);
    return ring_create(full, size);
}

struct worker *worker_create(struct dataplane *dp, uint16_t id, unsigned ring_size, uint64_t seed)
{
    struct worker *w = rte_zmalloc("worker", sizeof *w, RTE_CACHE_LINE_SIZE);
    if (!w)
        return NULL;
    w->dp = dp;
    w->id = id;
    session_thread_init(&w->thread, seed);
    w->to_alg = ring_numbered("to-alg", id, ring_size);
    w->from_alg = ring_numbered("from-alg", id, ring_size);
    w->to_control = ring_numbered("to-control", id, ring_size);
    w->from_control = ring_numbered("from-control", id, ring_size);
    if (!w->to_alg || !w->from_alg || !w->to_control || !w->from_control ||
        reassembly_init(w) != 0) {
        worker_destroy(w);
        return NULL;
    }
    rte_rcu_qsbr_thread_register(dp->qsbr, id);
    rte_rcu_qsbr_thread_online(dp->qsbr, id);
    return w;
}

int worker_connect(struct worker *w)
{
    unsigned size = w->dp->n_workers < MANY_WORKERS ? PASS_RING_SIZE : PASS_RING_MANY;
    for (uint16_t i = 0; i < w->dp->n_workers; i++) {
        char name[RTE_RING_NAMESIZE];
        if (i == w->id)
            continue;
        snprintf(name, sizeof name, "worker-%u-%u", i, w->id);
        w->from_worker[i] = ring_create(name, size);
        if (!w->from_worker[i])
            return -ENOMEM;
    }
    return 0;
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
    for (int i = 0; i < MAX_WORKERS; i++)
        ring_destroy(w->from_worker[i]);
    reassembly_free(w);
    for (int i = 0; i < MAX_INTERFACES; i++)
        rte_pktmbuf_free_bulk(w->tx[i].m, w->tx[i].n);
    rte_pktmbuf_free_bulk(w->alg.m, w->alg.n);
    rte_free(w);
}

bool worker_pass(struct worker *w, uint16_t to, struct rte_mbuf *m, enum note_kind kind)
{
    note_of(m)->kind = kind;
    if (rte_ring_sp_enqueue(w->dp->workers[to]->from_worker[w->id], m) == 0)
        return true;
    drop(w, m, DROP_WORKER_RING_FULL);
    return false;
}

unsigned worker_passed(const struct worker *w)
{
    unsigned n = 0;
    for (uint16_t i = 0; i < w->dp->n_workers; i++)
        n += w->from_worker[i] ? rte_ring_count(w->from_worker[i]) : 0;
    return n;
}

/* The device has fewer transmit queues than there are workers: a worker that has one sends them. */
static void flush_elsewhere(struct worker *w, uint16_t ifindex, uint16_t to)
{
    const struct tx_buffer *b = &w->tx[ifindex];
    for (uint16_t i = 0; i < b->n; i++) {
        note_of(b->m[i])->ifindex = ifindex;
        worker_pass(w, to, b->m[i], NOTE_TRANSMIT);
    }
}

static void flush_here(struct worker *w, uint16_t ifindex)
{
    struct tx_buffer *b = &w->tx[ifindex];
    uint16_t sent = w->dp->wire.tx(w->dp->wire.ctx, ifindex, w->id, b->m, b->n);
    w->counts.out += sent;
    for (uint16_t i = sent; i < b->n; i++)
        drop(w, b->m[i], DROP_TX_FULL);
}

void worker_flush_one(struct worker *w, uint16_t ifindex)
{
    uint16_t queues = w->dp->queues[ifindex].tx;
    if (__builtin_expect(w->id < queues || queues == 0, 1))
        flush_here(w, ifindex);
    else
        flush_elsewhere(w, ifindex, w->id % queues);
    w->tx[ifindex].n = 0;
    w->tx_pending &= ~((uint64_t)1 << ifindex);
}

void worker_flush_alg(struct worker *w)
{
    struct tx_buffer *b = &w->alg;
    unsigned sent = rte_ring_sp_enqueue_burst(w->to_alg, (void **)b->m, b->n, NULL);
    for (unsigned i = sent; i < b->n; i++)
        drop(w, b->m[i], DROP_ALG_RING_FULL);
    b->n = 0;
}

void worker_flush(struct worker *w)
{
    while (w->tx_pending)
        worker_flush_one(w, (uint16_t)__builtin_ctzll(w->tx_pending));
    if (w->alg.n)
        worker_flush_alg(w);
}

/* Where this worker has no queue another one sends it; when that is behind, nobody does. */
void worker_send_generated(struct worker *w, uint16_t ifindex, struct rte_mbuf *m)
{
    const uint16_t queues = w->dp->queues[ifindex].tx;
    if (queues != 0 && w->id >= queues) {
        *note_of(m) = (struct note){.kind = NOTE_SEND, .ifindex = ifindex};
        if (rte_ring_sp_enqueue(w->dp->workers[w->id % queues]->from_worker[w->id], m) != 0)
            rte_pktmbuf_free(m);
    } else if (w->dp->wire.tx(w->dp->wire.ctx, ifindex, w->id, &m, 1) == 1)
        w->counts.generated++;
    else
        rte_pktmbuf_free(m);
}

static void take_note(struct worker *w, struct rte_mbuf *m)
{
    uint16_t ifindex = note_of(m)->ifindex;
    switch ((enum note_kind)note_of(m)->kind) {
    case NOTE_SIP:
        pipeline_resume(w, m);
        return;
    case NOTE_SEND:
        worker_send_generated(w, ifindex, m);
        return;
    case NOTE_FORWARD:
        fragment_send(w, ifindex, m);
        return;
    case NOTE_FRAGMENT:
        pipeline_carry(w, &m, 1, ifindex);
        return;
    case NOTE_TRANSMIT:
        worker_send(w, ifindex, m);
        return;
    case NOTE_ARP:
    case NOTE_ND:
    case NOTE_RESOLVE:
        break;
    }
    rte_panic("worker: a frame that is for control\n");
}

static unsigned take_from(struct worker *w, struct rte_ring *ring)
{
    struct rte_mbuf *m[BURST];
    if (rte_ring_empty(ring))
        return 0;
    unsigned n = rte_ring_sc_dequeue_burst(ring, (void **)m, BURST, NULL);
    for (unsigned i = 0; i < n; i++)
        take_note(w, m[i]);
    return n;
}

unsigned worker_take_back(struct worker *w)
{
    unsigned n = take_from(w, w->from_alg) + take_from(w, w->from_control);
    for (uint16_t i = 0; i < w->dp->n_workers; i++)
        if (w->from_worker[i])
            n += take_from(w, w->from_worker[i]);
    return n;
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

/* For a benchmark; once or twice a burst. */
static void mark(const struct worker *w, enum stage stage)
{
    if (__builtin_expect(w->clock != NULL, 0))
        stage_mark(w->clock, &w->clock->stage[stage]);
}

unsigned worker_run_once(struct worker *w, uint64_t now_ms)
{
    struct dataplane *dp = w->dp;
    worker_begin(w, now_ms);
    unsigned found = worker_take_back(w);
    for (uint16_t i = 1; i <= w->snapshot->n_interfaces; i++)
        for (uint16_t queue = w->id; queue < dp->queues[i].rx; queue += dp->n_workers) {
            struct rte_mbuf *m[BURST];
            uint16_t n = dp->wire.rx(dp->wire.ctx, i, queue, m, BURST);
            mark(w, STAGE_RECEIVE);
            if (n == 0)
                continue;
            pipeline_run(w, m, n, i);
            found += n;
        }
    found += reassembly_run(w);
    worker_flush(w);
    mark(w, STAGE_TRANSMIT);
    rte_rcu_qsbr_quiescent(dp->qsbr, w->id);
    return found;
}

/* Addresses and protocol of a frame that may be damaged: as they would be read. */
static void flow_print(const struct rte_mbuf *m, char *out, size_t size)
{
    const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    const struct rte_ipv6_hdr *ip6 = (const void *)ip;
    char text[2][IPV6_TEXT_MAX];
    struct ip_addr a[2];
    uint8_t proto;
    if (m->data_len < PACKET_IP_OFFSET + sizeof *ip)
        return;
    if (ip->version_ihl >> 4 == 6 && m->data_len >= PACKET_IP_OFFSET + sizeof *ip6) {
        memcpy(&a[0], ip6->src_addr, sizeof a[0]);
        memcpy(&a[1], ip6->dst_addr, sizeof a[1]);
        proto = ip6->proto;
    } else {
        a[0] = ip_addr_of4(ip->src_addr);
        a[1] = ip_addr_of4(ip->dst_addr);
        proto = ip->next_proto_id;
    }
    ip_addr_print(&a[0], text[0]);
    ip_addr_print(&a[1], text[1]);
    snprintf(out, size, ",\"src\":\"%s\",\"dst\":\"%s\",\"proto\":%u", text[0], text[1], proto);
}

void drop_slow(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
    char flow[160] = "";
    flow_print(m, flow, sizeof flow);
    event_emit(&w->dp->events, "drop", w->now_ms, "\"reason\":\"%s\"%s%s%s%s", drop_name(reason),
               flow, w->step ? ",\"step\":\"" : "", w->step ? w->step : "", w->step ? "\"" : "");
}
