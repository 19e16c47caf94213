/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Birth and death of the dataplane. Tables come straight from the kernel (base/mem.h), packet
 * buffers, rings and the RCU variable from DPDK. Order: buffers, tables, workers; the reverse at
 * the end.
 */
#include "fastpath/dataplane.h"

#include "base/text.h"
#include "fastpath/worker.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#define RING_SIZE       1024
#define MBUF_CACHE      256
#define NEIGHBOUR_TABLE 4096

static struct rte_rcu_qsbr *qsbr_create(unsigned readers)
{
    struct rte_rcu_qsbr *q =
        rte_zmalloc("qsbr", rte_rcu_qsbr_get_memsize(readers), RTE_CACHE_LINE_SIZE);
    if (q && rte_rcu_qsbr_init(q, readers) != 0) {
        rte_free(q);
        return NULL;
    }
    return q;
}

static void secrets_set(struct dataplane *dp, bool fixed)
{
    struct hash_secret *sessions = &dp->sessions.store.table.secret;
    struct hash_secret *mappings = &dp->mappings.store.table.secret;
    if (fixed) {
        hash_secret_fixed(sessions, 1);
        hash_secret_fixed(mappings, 2);
        key6_secret_fixed(&dp->sessions.key6, 3);
    } else {
        hash_secret_random(sessions);
        hash_secret_random(mappings);
        key6_secret_random(&dp->sessions.key6);
    }
}

static const char *tables_create(struct dataplane *dp, const struct dataplane_options *o)
{
    secrets_set(dp, o->fixed);
    if (sessions_init(&dp->sessions, o->sessions, &dp->mappings, o->huge) != 0)
        return "session table";
    if (mappings_init(&dp->mappings, o->mappings, &dp->sessions, o->huge) != 0)
        return "mapping table";
    dp->pools = dp->sessions.pools = dp->mappings.pools = pools_create();
    if (!dp->pools)
        return "IP pools";
    if (verdicts_init(&dp->verdicts, o->n_workers) != 0)
        return "policy counters";
    if (neighbours_init(&dp->neighbours, NEIGHBOUR_TABLE) != 0)
        return "neighbour table";
    dp->timer_sets = rte_zmalloc("timer sets", sizeof *dp->timer_sets, 0);
    return dp->timer_sets && timer_sets_init(dp->timer_sets) == 0 ? NULL : "timer table";
}

static uint64_t worker_seed(const struct dataplane_options *o, uint16_t id)
{
    struct hash_secret s;
    if (o->fixed)
        return id + 1u;
    hash_secret_random(&s);
    return s.k[0];
}

/* A frame of the largest MTU in one buffer, and never less than 2 KiB: SIP grows in its buffer. */
static uint32_t frame_room(uint16_t mtu)
{
    unsigned frame = RTE_ALIGN_CEIL(mtu + 64u, 64u);
    return frame > 2048 ? frame : 2048;
}

/* All pieces a datagram may come in, and some more for a message that grows; at most what an mbuf
 * can hold: with Ethernet's header 14 bytes less than IP allows. */
static uint32_t large_room(uint32_t room)
{
    uint32_t n = DATAGRAM_PIECES * room + 2048;
    return n < UINT16_MAX ? n : UINT16_MAX;
}

/* One large buffer for 64 others: they are needed for what is under way, not for what waits. */
static uint32_t large_count(uint32_t mbufs)
{
    uint32_t n = mbufs / 64;
    return n < 16 ? 16 : n > 1024 ? 1024 : n;
}

static int buffers_create(struct dataplane *dp, const struct dataplane_options *o)
{
    dp->room = frame_room(o->mtu);
    dp->large_room = large_room(dp->room);
    /* The name of a pool is global to the process. */
    dp->pool = rte_pktmbuf_pool_create("packets", o->mbufs, MBUF_CACHE, sizeof(struct note),
                                       (uint16_t)(RTE_PKTMBUF_HEADROOM + dp->room), SOCKET_ID_ANY);
    dp->large =
        rte_pktmbuf_pool_create("large packets", large_count(o->mbufs), 0, sizeof(struct note),
                                (uint16_t)dp->large_room, SOCKET_ID_ANY);
    return dp->pool && dp->large ? 0 : -ENOMEM;
}

struct rte_mbuf *dataplane_buffer(struct dataplane *dp, uint32_t n)
{
    if (n > dp->large_room)
        return NULL;
    struct rte_mbuf *m = rte_pktmbuf_alloc(n <= dp->room ? dp->pool : dp->large);
    if (m && n > dp->room)
        m->data_off = 0;
    return m;
}

/* What is made by a call that leaves its reason in rte_errno. */
static const char buffers[] = "packet buffers", rings[] = "worker rings";

static const char *parts_create(struct dataplane *dp, const struct dataplane_options *o)
{
    if (buffers_create(dp, o) != 0)
        return buffers;
    dp->qsbr = qsbr_create(o->n_workers + 1u);
    if (!dp->qsbr)
        return "RCU state";
    const char *missing = tables_create(dp, o);
    if (missing)
        return missing;
    for (uint16_t i = 0; i < o->n_workers; i++) {
        dp->workers[i] = worker_create(dp, i, RING_SIZE, worker_seed(o, i));
        if (!dp->workers[i])
            return rings;
    }
    for (uint16_t i = 0; i < o->n_workers; i++)
        if (worker_connect(dp->workers[i]) != 0)
            return rings;
    return NULL;
}

struct dataplane *dataplane_create(const struct dataplane_options *options, struct text *error)
{
    struct dataplane *dp = rte_zmalloc("dataplane", sizeof *dp, RTE_CACHE_LINE_SIZE);
    if (!dp) {
        text_printf(error, "no memory for the dataplane");
        return NULL;
    }
    dp->wire = options->wire;
    dp->events = options->events;
    dp->any_mac = options->any_mac;
    dp->n_workers = options->n_workers;
    for (int i = 0; i < MAX_INTERFACES; i++)
        dp->queues[i] = (struct queues){options->n_workers, options->n_workers};
    const char *missing = parts_create(dp, options);
    if (missing) {
        bool reason = missing == buffers || missing == rings;
        text_printf(error, "no memory for the %s (%u sessions, %u mappings, %u packet buffers)%s%s",
                    missing, options->sessions, options->mappings, options->mbufs,
                    reason ? ": " : "", reason ? rte_strerror(rte_errno) : "");
        dataplane_destroy(dp);
        return NULL;
    }
    return dp;
}

void dataplane_destroy(struct dataplane *dp)
{
    for (uint16_t i = 0; i < dp->n_workers; i++)
        worker_destroy(dp->workers[i]);
    if (dp->timer_sets)
        timer_sets_free(dp->timer_sets);
    rte_free(dp->timer_sets);
    neighbours_free(&dp->neighbours);
    verdicts_free(&dp->verdicts);
    if (dp->mappings.store.records)
        mappings_free(&dp->mappings);
    if (dp->sessions.store.records)
        sessions_free(&dp->sessions);
    pools_destroy(dp->pools);
    rte_free(dp->qsbr);
    rte_mempool_free(dp->pool);
    rte_mempool_free(dp->large);
    rte_free(dp);
}

void dataplane_counts(const struct dataplane *dp, struct packet_counts *out)
{
    *out = (struct packet_counts){0};
    for (uint16_t i = 0; i < dp->n_workers; i++) {
        const struct packet_counts *c = &dp->workers[i]->counts;
        out->in += __atomic_load_n(&c->in, __ATOMIC_RELAXED);
        out->out += __atomic_load_n(&c->out, __ATOMIC_RELAXED);
        out->joined += __atomic_load_n(&c->joined, __ATOMIC_RELAXED);
        out->pieces += __atomic_load_n(&c->pieces, __ATOMIC_RELAXED);
        out->consumed += __atomic_load_n(&c->consumed, __ATOMIC_RELAXED);
        out->generated += __atomic_load_n(&c->generated, __ATOMIC_RELAXED);
        for (int r = 0; r < DROP_COUNT; r++)
            out->drop[r] += __atomic_load_n(&c->drop[r], __ATOMIC_RELAXED);
    }
}
