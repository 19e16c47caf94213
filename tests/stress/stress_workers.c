/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real threads at once: three workers, the ALG and control, over a wire that makes frames up.
 *
 * Few hosts and ports, so that threads meet: both directions of a flow between lan and dmz begin at
 * the same time on different workers, flows to wan are translated, answered and not answered. The
 * table is so small that it is nearly full much of the time. Meanwhile control expires sessions
 * (time goes 1 ms per round of it), commits configurations of which each has other rules than the
 * one before, so that sessions are rechecked and die, and clears what a listing shows.
 *
 * Workers check every frame that leaves: whole, and between addresses that belong together. In the
 * end, with the wire silent, every session expires, every index and every buffer is back, and every
 * packet is accounted for.
 */
#include "../unit/control/eal.h"

#include "base/text.h"
#include "cli/backend.h"
#include "config/load.h"
#include "config/tree.h"
#include "control/core.h"

#include <pthread.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS  3
#define SESSIONS 2048
#define ROUNDS   12000 /* of each worker, with up to 3 * FRAMES frames */
#define FRAMES   8

enum {
    LAN = 1,
    WAN,
    DMZ
};

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

/* One worker's end of the wire. */
struct lane {
    struct rng rng;
    uint64_t in, out;
    bool silent;
} __attribute__((aligned(64)));

static struct {
    struct dataplane *dp;
    struct alg_core *alg;
    struct control *control;
    const struct backend *backend;
    struct lane lane[WORKERS];
    uint64_t now_ms;  /* atomic */
    unsigned running; /* atomic: workers not through yet */
    unsigned commits, cleared;
    int stop; /* atomic: the ALG may end */
} hall;

static const char rules[] =
    "config system global\nset udp-idle-timer 2\nset tcp-halfopen-timer 2\n"
    "set tcp-rst-timer 5\nset tcp-timewait-timer 1\nset tcp-halfclose-timer 2\nend\n"
    "config system session-ttl\nset default 300\nend\n"
    "config system interface\n"
    "edit lan\nset ip 10.0.0.1/24\nnext\n"
    "edit wan\nset ip 203.0.113.2/24\nnext\n"
    "edit dmz\nset ip 10.1.0.1/24\nnext\n"
    "end\n"
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device wan\nnext\nend\n"
    "config firewall policy\n"
    "edit 1\nset name out\nset srcintf lan\nset dstintf wan\nset srcaddr all\nset dstaddr all\n"
    "set action accept\nset schedule always\nset service ALL\nset nat enable\nnext\n"
    "edit 2\nset name there\nset srcintf lan\nset dstintf dmz\nset srcaddr all\nset dstaddr all\n"
    "set action accept\nset schedule always\nset service ALL\nnext\n"
    "edit 3\nset name back\nset srcintf dmz\nset dstintf lan\nset srcaddr all\nset dstaddr all\n"
    "set action accept\nset schedule always\nset service ALL\nnext\n"
    "end\n";

/* What is added for one commit and taken away again by the next. */
static const char *const variants[] = {
    "",
    "config firewall policy\nedit 2\nset action deny\nnext\nend\n",
    "config firewall policy\nedit 1\nset nat disable\nnext\nend\n",
    "config firewall policy\nedit 3\nset service DNS\nnext\nend\n",
    "config router static\nedit 2\nset dst 198.51.100.0/24\nset blackhole enable\nnext\nend\n",
};

/* ---- frames ---- */

static uint64_t time_now(void)
{
    return __atomic_load_n(&hall.now_ms, __ATOMIC_RELAXED);
}

static be32 host(uint32_t net, struct rng *rng, uint32_t n)
{
    return be32_of(net + 2 + rng_below(rng, n));
}

/* Addresses and ports of a packet that arrives on an interface: a small world. */
static void ends_draw(struct rng *rng, uint16_t ifindex, struct rte_ipv4_hdr *ip, be16 ports[2])
{
    const uint32_t lan = 0x0a000000, dmz = 0x0a010000;
    be16 service = be16_of(rng_below(rng, 4) ? 53 : 5000);
    be16 client = be16_of((uint16_t)(6000 + rng_below(rng, 40)));
    be32 server = be32_of(0xc6336400 + rng_below(rng, 3));
    ports[0] = ifindex == LAN ? client : service;
    ports[1] = ifindex == LAN ? service : client;
    switch (ifindex) {
    case LAN:
        ip->src_addr = host(lan, rng, 20);
        ip->dst_addr = rng_below(rng, 2) ? server : host(dmz, rng, 4);
        return;
    case WAN:
        ip->src_addr = server;
        ip->dst_addr = be32_of(0xcb007102);
        return;
    default:
        ip->src_addr = host(dmz, rng, 4);
        ip->dst_addr = host(lan, rng, 20);
    }
}

static void frame_fill(struct rng *rng, uint16_t ifindex, struct rte_mbuf *m)
{
    static const uint8_t flags[] = {RTE_TCP_SYN_FLAG, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG,
                                    RTE_TCP_ACK_FLAG, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG,
                                    RTE_TCP_RST_FLAG};
    bool tcp = rng_below(rng, 3) == 0;
    uint16_t l4 = tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr) + 8;
    uint16_t size = (uint16_t)(RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + l4);
    char *p = rte_pktmbuf_append(m, size);
    memset(p, 0, size);
    struct rte_ether_hdr *eth = (void *)p;
    struct rte_ipv4_hdr *ip = (void *)(eth + 1);
    be16 ports[2];
    eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
    eth->src_addr.addr_bytes[0] = 2;
    ip->version_ihl = 0x45;
    ip->total_length = be16_of((uint16_t)(size - RTE_ETHER_HDR_LEN));
    ip->time_to_live = 64;
    ip->next_proto_id = tcp ? IPPROTO_TCP : IPPROTO_UDP;
    ends_draw(rng, ifindex, ip, ports);
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    memcpy(ip + 1, ports, sizeof ports);
    if (tcp) {
        struct rte_tcp_hdr *h = (void *)(ip + 1);
        h->data_off = 5 << 4;
        h->tcp_flags = flags[rng_below(rng, sizeof flags)];
        h->rx_win = 0xffff;
        h->cksum = rte_ipv4_udptcp_cksum(ip, h);
    } else {
        struct rte_udp_hdr *h = (void *)(ip + 1);
        h->dgram_len = be16_of(l4);
        h->dgram_cksum = rte_ipv4_udptcp_cksum(ip, h);
    }
}

static uint16_t wire_rx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    struct lane *lane = &hall.lane[queue];
    uint16_t want = (uint16_t)rng_below(&lane->rng, FRAMES), got = 0;
    (void)ctx;
    (void)n;
    if (lane->silent)
        return 0;
    for (; got < want && (m[got] = rte_pktmbuf_alloc(hall.dp->pool)); got++)
        frame_fill(&lane->rng, ifindex, m[got]);
    lane->in += got;
    return got;
}

/* Does the packet belong there? */
static void frame_check(uint16_t ifindex, const struct rte_mbuf *m)
{
    const struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
    uint32_t src = be32_host(ip->src_addr) >> 8, dst = be32_host(ip->dst_addr) >> 8;
    const uint32_t lan = 0x0a0000, dmz = 0x0a0100, servers = 0xc63364, public = 0xcb0071;
    if (rte_pktmbuf_mtod(m, const struct rte_ether_hdr *)->ether_type !=
        rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4))
        return; /* what the firewall says by itself */
    CHECK(rte_raw_cksum(ip, sizeof *ip) == 0xffff);
    if (ip->next_proto_id == IPPROTO_ICMP)
        return;
    uint16_t sum = rte_ipv4_udptcp_cksum(ip, ip + 1); /* the field itself included */
    CHECK(sum == (ip->next_proto_id == IPPROTO_UDP ? 0xffff : 0));
    if (src == public && dst == servers)
        CHECK(ifindex == WAN);
    else if (ifindex == WAN)
        CHECK(src == lan && dst == servers); /* while policy 1 has no NAT */
    else if (ifindex == LAN)
        CHECK(dst == lan && (src == dmz || src == servers));
    else
        CHECK(src == lan && dst == dmz);
}

static uint16_t wire_tx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    (void)ctx;
    for (uint16_t i = 0; i < n; i++)
        frame_check(ifindex, m[i]);
    rte_pktmbuf_free_bulk(m, n);
    hall.lane[queue].out += n;
    return n;
}

/* ---- threads ---- */

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        worker_run_once(w, time_now());
        if (round % 16 == 0)
            sched_yield();
    }
    rte_rcu_qsbr_thread_offline(hall.dp->qsbr, w->id);
    __atomic_sub_fetch(&hall.running, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void *alg_main(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&hall.stop, __ATOMIC_ACQUIRE)) {
        alg_core_run_once(hall.alg, time_now());
        sched_yield();
    }
    rte_rcu_qsbr_thread_offline(hall.dp->qsbr, dataplane_alg_reader(hall.dp));
    return NULL;
}

static void commit(unsigned n)
{
    struct text error = {0}, config = {0};
    struct config_tree *tree;
    text_printf(&config, "%s%s", rules, variants[n % RTE_DIM(variants)]);
    CHECK(config_load_text("stress", text_slice(&config), &tree, &error, NULL) == 0);
    if (control_commit(hall.control, tree, &error) == 0)
        hall.commits++; /* else too many wait for their grace period */
    tree_free(tree);
    text_free(&config);
    text_free(&error);
}

static void clear_some(struct rng *rng)
{
    struct backend_session row;
    uint32_t cursor = rng_below(rng, SESSIONS);
    for (int i = 0; i < 20; i++)
        if (hall.backend->session_next(hall.backend->ctx, &cursor, &row) == 1 &&
            hall.backend->session_clear(hall.backend->ctx, row.index, row.epoch) == 0)
            hall.cleared++;
}

static void control_main(void)
{
    struct rng rng = {77};
    for (unsigned round = 1; __atomic_load_n(&hall.running, __ATOMIC_ACQUIRE) > 0; round++) {
        uint64_t now_ms = __atomic_add_fetch(&hall.now_ms, 1, __ATOMIC_RELAXED);
        control_run_once(hall.control, now_ms);
        if (round % 32 == 0)
            commit(round / 32);
        if (round % 16 == 0)
            clear_some(&rng);
        sched_yield();
    }
}

/* ---- the whole ---- */

static void hall_open(void)
{
    struct text error = {0};
    struct hash_secret secret;
    struct config_tree *tree;
    const struct alg_limits limits = {.dialogs = 64};
    const struct dataplane_options size = {.sessions = SESSIONS,
                                           .mappings = 64,
                                           .mbufs = 4095,
                                           .n_workers = WORKERS,
                                           .fixed = true,
                                           .any_mac = true,
                                           .wire = {wire_rx, wire_tx, NULL}};
    hash_secret_fixed(&secret, 3);
    hall.now_ms = 1000;
    for (int i = 0; i < WORKERS; i++)
        hall.lane[i].rng.state = (uint64_t)i + 1;
    hall.dp = dataplane_create(&size, &error);
    CHECK(hall.dp);
    hall.alg = alg_core_create(hall.dp, &limits, &secret, 5);
    CHECK(hall.alg);
    CHECK(config_load_text("stress", slice_str(rules), &tree, &error, NULL) == 0);
    hall.control =
        control_create(hall.dp, hall.alg, &(struct control_options){.virtual_neighbours = true},
                       tree, hall.now_ms, &error);
    CHECK(hall.control);
    hall.backend = control_backend(hall.control);
}

/* With the wire silent: minutes go by, and everything ends. */
static void hall_drain(void)
{
    for (int i = 0; i < WORKERS; i++) {
        hall.lane[i].silent = true;
        rte_rcu_qsbr_thread_online(hall.dp->qsbr, (unsigned)i);
    }
    rte_rcu_qsbr_thread_online(hall.dp->qsbr, dataplane_alg_reader(hall.dp));
    for (int step = 0; step < 4000; step++) {
        hall.now_ms += 100;
        for (int i = 0; i < WORKERS; i++)
            worker_run_once(hall.dp->workers[i], hall.now_ms);
        alg_core_run_once(hall.alg, hall.now_ms);
        control_run_once(hall.control, hall.now_ms);
    }
}

static void hall_check(void)
{
    struct packet_counts n;
    struct backend_session_stat stat;
    uint64_t dropped = 0, in = 0, out = 0;
    control_counts(hall.control, &n);
    hall.backend->session_stat(hall.backend->ctx, false, &stat);
    for (int r = 0; r < DROP_COUNT; r++)
        dropped += n.drop[r];
    for (int i = 0; i < WORKERS; i++) {
        in += hall.lane[i].in;
        out += hall.lane[i].out;
    }
    fprintf(stderr, "frames %lu, out %lu, sessions made %lu, clashes %lu, commits %u, cleared %u\n",
            in, out, (unsigned long)stat.deleted + stat.flushed, (unsigned long)stat.clash,
            hall.commits, hall.cleared);
    CHECK(stat.sessions == 0 && control_held(hall.control) == 0);
    CHECK(n.in == in && n.out + n.generated == out);
    CHECK(n.in + n.pieces == n.out + dropped + n.consumed + n.joined);
    CHECK(rte_mempool_in_use_count(hall.dp->pool) == 0);
    CHECK(hall.commits > 5 && hall.cleared > 0 && stat.deleted > SESSIONS);
    CHECK(n.out > 1000 && n.drop[DROP_POLICY_CHANGED] + n.drop[DROP_POLICY_DENY] > 0);
    /* Every index is with the store or in the cache of a worker. */
    unsigned slots = 0, indexes = 0;
    const struct table *t = &hall.dp->sessions.store.table;
    for (size_t i = 0; i < (size_t)t->n_buckets * TABLE_BUCKET_SLOTS; i++)
        slots += t->slots[i] != 0;
    CHECK(slots == 0);
    for (int i = 0; i < WORKERS; i++)
        while (store_take(&hall.dp->sessions.store, &hall.dp->workers[i]->thread.sessions) !=
               INDEX_NONE)
            indexes++;
    CHECK(indexes == SESSIONS);
}

int main(void)
{
    pthread_t worker[WORKERS], alg;
    cpu_set_t cpus;
    CHECK(sched_getaffinity(0, sizeof cpus, &cpus) == 0);
    eal_start();
    sched_setaffinity(0, sizeof cpus, &cpus); /* EAL ties the thread to one CPU */
    hall_open();
    hall.running = WORKERS;
    CHECK(pthread_create(&alg, NULL, alg_main, NULL) == 0);
    for (int i = 0; i < WORKERS; i++)
        CHECK(pthread_create(&worker[i], NULL, worker_main, hall.dp->workers[i]) == 0);
    control_main();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(worker[i], NULL);
    __atomic_store_n(&hall.stop, 1, __ATOMIC_RELEASE);
    pthread_join(alg, NULL);
    hall_drain();
    hall_check();
    control_destroy(hall.control);
    alg_core_destroy(hall.alg);
    dataplane_destroy(hall.dp);
    return 0;
}
