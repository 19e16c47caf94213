/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/bench.h"

#include "base/checksum.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/load.h"
#include "config/rows.h"
#include "fastpath/compile.h"
#include "fastpath/packet.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define PORTS_PER_HOST 64
#define RING_SIZE      1024

static uint16_t port_number[3];

static uint16_t bench_rx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                         uint16_t n)
{
    (void)ctx;
    return rte_eth_rx_burst(port_number[ifindex], queue, m, n);
}

static uint16_t bench_tx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                         uint16_t n)
{
    (void)ctx;
    return rte_eth_tx_burst(port_number[ifindex], queue, m, n);
}

static unsigned huge_free_mib(void)
{
    char line[128];
    unsigned pages = 0;
    FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
    if (!f)
        return 0;
    if (fgets(line, sizeof line, f))
        pages = (unsigned)strtoul(line, NULL, 10);
    fclose(f);
    return pages * 2;
}

/* The CPUs that the process was given at its start: EAL narrows the main thread's own set. */
static const cpu_set_t *cpus_allowed(void)
{
    static cpu_set_t allowed;
    if (CPU_COUNT(&allowed) == 0)
        sched_getaffinity(0, sizeof allowed, &allowed);
    return &allowed;
}

unsigned bench_cpus(void)
{
    return (unsigned)CPU_COUNT(cpus_allowed());
}

static int cpu_of(unsigned i)
{
    i %= bench_cpus();
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, cpus_allowed()) && i-- == 0)
            return cpu;
    return 0;
}

void bench_pin(unsigned i)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu_of(i), &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
}

/* Without huge pages DPDK never gets more than it began with; what is not touched is not there. */
#define NO_HUGE_MIB 512u

int bench_eal(const char *program, unsigned mib, bool *huge)
{
    char memory[16], lcores[32];
    *huge = huge_free_mib() >= mib;
    snprintf(memory, sizeof memory, "%u", *huge ? mib : NO_HUGE_MIB);
    snprintf(lcores, sizeof lcores, "0@%d", cpu_of(0));
    const char *argv[] = {program,
                          "-m",
                          memory,
                          "--no-pci",
                          "--log-level",
                          "error",
                          "--file-prefix=pinhole", /* nothing is shared: one folder for all */
                          "--no-telemetry",
                          "--lcores",
                          lcores,
                          *huge ? "--in-memory" : "--no-huge",
                          *huge ? NULL : "--no-shconf"};
    int argc = (int)(sizeof argv / sizeof argv[0]) - (*huge ? 1 : 0);
    return rte_eal_init(argc, (char **)(uintptr_t)argv);
}

void bench_frame_make(struct bench_frame *f, uint32_t i)
{
    uint32_t host = i / PORTS_PER_HOST;
    struct rte_ether_hdr *eth = (void *)f->bytes;
    struct rte_ipv4_hdr *ip = (void *)(eth + 1);
    struct rte_udp_hdr *udp = (void *)(ip + 1);
    memset(f, 0, sizeof *f);
    memcpy(eth->dst_addr.addr_bytes, (uint8_t[]){2, 0, 0, 0, 0, BENCH_LAN}, 6);
    memcpy(eth->src_addr.addr_bytes, (uint8_t[]){2, 0, 10, 0, 0, 2}, 6);
    eth->ether_type = be16_of(RTE_ETHER_TYPE_IPV4);
    *ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
                                .total_length = be16_of(46),
                                .time_to_live = 64,
                                .next_proto_id = IPPROTO_UDP,
                                .src_addr = be32_of(0x0a010000u + host),
                                .dst_addr = be32_of(0xc6120000u + host % 0x10000u + 256)};
    ip->hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(ip, sizeof *ip));
    *udp = (struct rte_udp_hdr){.src_port = be16_of((uint16_t)(1024 + i % PORTS_PER_HOST)),
                                .dst_port = be16_of(80),
                                .dgram_len = be16_of(26)};
    memcpy(&f->bytes[BENCH_PAYLOAD], &i, sizeof i);
    uint64_t sum = checksum_pseudo(ip->src_addr, ip->dst_addr, IPPROTO_UDP, 26);
    udp->dgram_cksum = (uint16_t)~checksum_fold(sum + checksum_sum(udp, 26));
}

/* lan 10.0.0.1/24 with all hosts behind 10.0.0.2, wan 203.0.113.1/24 with all servers behind .2. */
static const char net_config[] =
    "config system interface\n"
    "edit lan\nset ip 10.0.0.1 255.255.255.0\nset macaddr 02:00:00:00:00:01\nnext\n"
    "edit wan\nset ip 203.0.113.1 255.255.255.0\nset macaddr 02:00:00:00:00:02\nnext\nend\n"
    "config router static\n"
    "edit 1\nset dst 10.0.0.0 255.0.0.0\nset gateway 10.0.0.2\nset device lan\nnext\n"
    "edit 2\nset gateway 203.0.113.2\nset device wan\nnext\nend\n";

static const char policy_config[] =
    "config firewall policy\nedit 1\nset name out\nset srcintf lan\nset dstintf wan\n"
    "set srcaddr all\nset dstaddr all\nset action accept\nset schedule always\n"
    "set service ALL\nset nat enable\n%s\nnext\nend\n";

/* Both gateways are known. */
static void gateways_set(struct dataplane *dp)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    const struct ip_addr lan = ip_addr_of4(be32_of(0x0a000002));
    const struct ip_addr wan = ip_addr_of4(be32_of(0xcb007102));
    struct neighbours *ns = &dp->neighbours;
    neighbour_set(ns, neighbour_make(ns, BENCH_LAN, lan), mac, NEIGHBOUR_REACHABLE);
    neighbour_set(ns, neighbour_make(ns, BENCH_WAN, wan), mac, NEIGHBOUR_REACHABLE);
}

/* The snapshot of the plan's configuration. */
static const struct snapshot *bench_rules(struct bench *b, const struct bench_plan *plan,
                                          struct text *error)
{
    struct text config = {0};
    struct config_tree *tree = NULL;
    text_printf(&config, "config system global\nset udp-idle-timer %u\nend\n%s%s", plan->idle_s,
                net_config, plan->config ? plan->config : "");
    text_printf(&config, policy_config, plan->policy ? plan->policy : "set port-preserve enable");
    int rc = config_load_text("bench", slice_of(config.p, config.n), &tree, error, NULL);
    text_free(&config);
    if (rc != 0)
        return NULL;
    b->rows = config_rows_make(tree, error);
    tree_free(tree);
    gateways_set(b->dp);
    return b->rows ? snapshot_compile(b->rows, b->dp->timer_sets, b->dp->pools, NULL, NULL, error)
                   : NULL;
}

static struct rte_ring *ring_make(void)
{
    static unsigned serial;
    char name[32];
    snprintf(name, sizeof name, "bench-ring%u", serial++);
    return rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* A port with one queue per lane. */
static int bench_port(struct bench *b, uint16_t ifindex)
{
    static unsigned serial;
    static const struct rte_eth_conf conf;
    struct rte_ring *feed[BENCH_WORKERS], *drain[BENCH_WORKERS];
    char name[32];
    for (uint16_t i = 0; i < b->n_lanes; i++) {
        feed[i] = b->lanes[i].feed[ifindex] = ring_make();
        drain[i] = b->lanes[i].drain[ifindex] = ring_make();
        if (!feed[i] || !drain[i])
            return -1;
    }
    snprintf(name, sizeof name, "bench%u", serial++);
    int port = rte_eth_from_rings(name, feed, b->n_lanes, drain, b->n_lanes, 0);
    if (port < 0 || rte_eth_dev_configure((uint16_t)port, b->n_lanes, b->n_lanes, &conf) != 0)
        return -1;
    for (uint16_t i = 0; i < b->n_lanes; i++)
        if (rte_eth_rx_queue_setup((uint16_t)port, i, RING_SIZE, 0, NULL, b->dp->pool) != 0 ||
            rte_eth_tx_queue_setup((uint16_t)port, i, RING_SIZE, 0, NULL) != 0)
            return -1;
    port_number[ifindex] = b->port[ifindex] = (uint16_t)port;
    return rte_eth_dev_start((uint16_t)port);
}

static int frames_make(struct bench *b, bool creation_order)
{
    struct rng rng = {42};
    if (b->n_flows == 0)
        return 0;
    b->frames_bytes = (size_t)b->n_flows * sizeof *b->frames;
    b->frames = mem_map(b->frames_bytes, false);
    b->played = mem_map(b->frames_bytes, false);
    if (!b->frames || !b->played)
        return -1;
    for (uint32_t i = 0; i < b->n_flows; i++)
        bench_frame_make(&b->frames[i], i);
    memcpy(b->played, b->frames, b->frames_bytes);
    for (uint32_t i = b->n_flows; i > 1 && !creation_order; i--) {
        uint32_t k = rng_below(&rng, i);
        struct bench_frame f = b->played[i - 1];
        b->played[i - 1] = b->played[k];
        b->played[k] = f;
    }
    return 0;
}

static int lanes_make(struct bench *b)
{
    for (uint16_t i = 0; i < b->n_lanes; i++) {
        struct bench_lane *lane = &b->lanes[i];
        lane->b = b;
        lane->id = i;
        lane->worker = b->dp->workers[i];
        lane->first = (uint32_t)((uint64_t)b->n_flows * i / b->n_lanes);
        lane->n = (uint32_t)((uint64_t)b->n_flows * (i + 1u) / b->n_lanes) - lane->first;
        if (rte_pktmbuf_alloc_bulk(b->dp->pool, lane->free, 4 * BURST) != 0)
            return -1;
        lane->n_free = 4 * BURST;
    }
    return 0;
}

struct bench *bench_create(const struct bench_options *o, const struct bench_plan *plan)
{
    struct text error = {0};
    struct dataplane_options options = {.sessions = plan->sessions,
                                        .mappings = plan->mappings ? plan->mappings : 1024,
                                        .mbufs =
                                            plan->mbufs ? plan->mbufs : o->workers * 1024u + 3071u,
                                        .n_workers = o->workers,
                                        .huge = o->huge,
                                        .wire = {.rx = bench_rx, .tx = bench_tx}};
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->n_lanes = o->workers;
    b->n_flows = plan->flows;
    b->now_ms = 1000;
    b->dp = dataplane_create(&options, &error);
    if (b->dp)
        b->dp->snapshot = bench_rules(b, plan, &error);
    if (!b->dp || !b->dp->snapshot || bench_port(b, BENCH_LAN) != 0 ||
        bench_port(b, BENCH_WAN) != 0 || frames_make(b, o->creation_order) != 0 ||
        lanes_make(b) != 0) {
        fprintf(stderr, "pinhole-bench: cannot set up %u flows: %s\n", plan->flows,
                error.p ? error.p : "no memory");
        text_free(&error);
        bench_destroy(b);
        return NULL;
    }
    rte_rcu_qsbr_thread_offline(b->dp->qsbr, dataplane_alg_reader(b->dp));
    return b;
}

void bench_destroy(struct bench *b)
{
    for (int i = BENCH_LAN; i <= BENCH_WAN; i++)
        if (b->port[i]) {
            rte_eth_dev_stop(b->port[i]);
            rte_eth_dev_close(b->port[i]);
        }
    for (uint16_t k = 0; k < b->n_lanes; k++) {
        struct bench_lane *lane = &b->lanes[k];
        rte_pktmbuf_free_bulk(lane->free, lane->n_free);
        for (int i = BENCH_LAN; i <= BENCH_WAN; i++) {
            rte_ring_free(lane->feed[i]);
            rte_ring_free(lane->drain[i]);
        }
    }
    if (b->frames)
        mem_unmap(b->frames, b->frames_bytes);
    if (b->played)
        mem_unmap(b->played, b->frames_bytes);
    if (b->dp) {
        snapshot_free((struct snapshot *)(uintptr_t)b->dp->snapshot);
        dataplane_destroy(b->dp);
    }
    config_rows_free(b->rows);
    free(b);
}

struct lane_body {
    struct bench_lane *lane;
    void (*body)(struct bench_lane *lane, void *arg);
    void *arg;
};

static void *lane_thread(void *p)
{
    const struct lane_body *x = p;
    bench_pin(x->lane->id);
    bool registered = rte_thread_register() == 0; /* for the mempool's cache */
    x->body(x->lane, x->arg);
    if (registered)
        rte_thread_unregister();
    return NULL;
}

void bench_lanes_run(struct bench *b, void (*body)(struct bench_lane *lane, void *arg), void *arg)
{
    pthread_t thread[BENCH_WORKERS];
    struct lane_body x[BENCH_WORKERS];
    if (b->n_lanes == 1)
        return body(&b->lanes[0], arg);
    for (uint16_t i = 0; i < b->n_lanes; i++) {
        x[i] = (struct lane_body){&b->lanes[i], body, arg};
        if (pthread_create(&thread[i], NULL, lane_thread, &x[i]) != 0)
            abort();
    }
    for (uint16_t i = 0; i < b->n_lanes; i++)
        pthread_join(thread[i], NULL);
}

void bench_feed(struct bench_lane *lane, const struct bench_frame *frames, unsigned n)
{
    struct rte_mbuf **m = &lane->free[lane->n_free - n];
    for (unsigned i = 0; i < n; i++) {
        m[i]->data_len = sizeof frames[i].bytes;
        m[i]->pkt_len = sizeof frames[i].bytes;
        m[i]->ol_flags = 0;
        memcpy(rte_pktmbuf_mtod(m[i], void *), &frames[i], sizeof frames[i].bytes);
    }
    lane->n_free -= rte_ring_sp_enqueue_bulk(lane->feed[BENCH_LAN], (void **)m, n, NULL);
}

unsigned bench_drain(struct bench_lane *lane)
{
    unsigned n =
        rte_ring_sc_dequeue_burst(lane->drain[BENCH_WAN], (void **)&lane->free[lane->n_free],
                                  (unsigned)(4 * BURST) - lane->n_free, NULL);
    lane->n_free += n;
    return n;
}

/* The flows of one lane; counts in *arg. */
static void lane_open(struct bench_lane *lane, void *arg)
{
    const struct bench *b = lane->b;
    uint32_t out = 0;
    for (uint32_t i = 0; i < lane->n; i += BURST) {
        unsigned n = lane->n - i < BURST ? lane->n - i : BURST;
        bench_feed(lane, &b->frames[lane->first + i], n);
        worker_run_once(lane->worker, b->now_ms);
        out += bench_drain(lane);
    }
    __atomic_add_fetch((uint32_t *)arg, out, __ATOMIC_RELAXED);
}

bool bench_open_all(struct bench *b)
{
    uint32_t out = 0;
    bench_lanes_run(b, lane_open, &out);
    return out == b->n_flows;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
