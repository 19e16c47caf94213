/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/bench.h"

#include "base/checksum.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/rows.h"
#include "fastpath/compile.h"
#include "fastpath/packet.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>

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

int bench_eal(const char *program, unsigned mib, bool *huge)
{
    char memory[16];
    snprintf(memory, sizeof memory, "%u", mib);
    *huge = huge_free_mib() >= mib;
    const char *argv[] = {program,
                          "-m",
                          memory,
                          "--no-pci",
                          "--log-level",
                          "error",
                          "--file-prefix=pinhole", /* nothing is shared: one folder for all */
                          "--no-telemetry",
                          "-l",
                          "0",
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
    uint64_t sum = checksum_pseudo(ip->src_addr, ip->dst_addr, IPPROTO_UDP, 26);
    udp->dgram_cksum = (uint16_t)~checksum_fold(sum + checksum_sum(udp, 26));
}

/* lan 10.0.0.1/24 with all hosts behind 10.0.0.2, wan 203.0.113.1/24 with all servers behind .2. */
static struct snapshot *bench_rules(struct dataplane *dp, struct text *error)
{
    static const struct row_interface interfaces[] = {
        {.name = "lan", .device = "", .mtu = 1500, .up = true, .mac = {2, 0, 0, 0, 0, BENCH_LAN}},
        {.name = "wan", .device = "", .mtu = 1500, .up = true, .mac = {2, 0, 0, 0, 0, BENCH_WAN}}};
    static const struct row_range everything = {0, UINT32_MAX};
    static const struct row_address all = {"all", 1, &everything};
    static const struct row_service_match any = {
        .proto = 0, .dport_last = 65535, .sport_last = 65535};
    static const struct row_service service = {.name = "ALL", .n_matches = 1, .matches = &any};
    static const struct row_voip_profile profile = {.name = "default"};
    static const uint16_t zero = 0, one = 1;
    static const struct row_policy policy = {.id = 1,
                                             .name = "out",
                                             .enabled = true,
                                             .accept = true,
                                             .nat = true,
                                             .port_preserve = true,
                                             .n_srcintf = 1,
                                             .srcintf = &zero,
                                             .n_dstintf = 1,
                                             .dstintf = &one,
                                             .n_srcaddr = 1,
                                             .srcaddr = &zero,
                                             .n_dstaddr = 1,
                                             .dstaddr = &zero,
                                             .n_services = 1,
                                             .services = &zero,
                                             .voip_profile = ROW_NONE};
    struct row_interface f[2] = {interfaces[0], interfaces[1]};
    f[0].ip = be32_of(0x0a000001);
    f[1].ip = be32_of(0xcb007101);
    f[0].mask = f[1].mask = ipv4_mask(24);
    struct row_route routes[2] = {
        {.seq = 1,
         .dst = be32_of(0x0a000000),
         .len = 8,
         .gateway = be32_of(0x0a000002),
         .device = 0,
         .distance = 10},
        {.seq = 2, .gateway = be32_of(0xcb007102), .device = 1, .distance = 10}};
    struct config_rows rows = {.global = {.hostname = "bench",
                                          .udp_idle_s = 180,
                                          .tcp_halfopen_s = 10,
                                          .tcp_halfclose_s = 120,
                                          .tcp_timewait_s = 1,
                                          .tcp_rst_s = 5,
                                          .ttl_default_s = 3600},
                               .n_interfaces = 2,
                               .interfaces = f,
                               .n_addresses = 1,
                               .addresses = &all,
                               .n_services = 1,
                               .services = &service,
                               .n_policies = 1,
                               .policies = &policy,
                               .n_voip_profiles = 1,
                               .voip_profiles = &profile,
                               .n_routes = 2,
                               .routes = routes};
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
    for (uint16_t i = 0; i < 2; i++) {
        struct ip_addr gateway = ip_addr_of4(routes[i].gateway);
        uint16_t ifindex = i == 0 ? BENCH_LAN : BENCH_WAN;
        neighbour_set(&dp->neighbours, neighbour_make(&dp->neighbours, ifindex, gateway), mac,
                      NEIGHBOUR_REACHABLE);
    }
    return snapshot_compile(&rows, dp->timer_sets, NULL, NULL, error);
}

static int bench_port(struct bench *b, uint16_t ifindex)
{
    static unsigned serial;
    static const struct rte_eth_conf conf;
    char name[32];
    unsigned flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
    snprintf(name, sizeof name, "feed%u", serial);
    b->feed[ifindex] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, flags);
    snprintf(name, sizeof name, "drain%u", serial);
    b->drain[ifindex] = rte_ring_create(name, RING_SIZE, SOCKET_ID_ANY, flags);
    snprintf(name, sizeof name, "bench%u", serial++);
    int port = rte_eth_from_rings(name, &b->feed[ifindex], 1, &b->drain[ifindex], 1, 0);
    if (port < 0 || rte_eth_dev_configure((uint16_t)port, 1, 1, &conf) != 0 ||
        rte_eth_rx_queue_setup((uint16_t)port, 0, RING_SIZE, 0, NULL, b->dp->pool) != 0 ||
        rte_eth_tx_queue_setup((uint16_t)port, 0, RING_SIZE, 0, NULL) != 0 ||
        rte_eth_dev_start((uint16_t)port) != 0)
        return -1;
    port_number[ifindex] = b->port[ifindex] = (uint16_t)port;
    return 0;
}

static int frames_make(struct bench *b)
{
    struct rng rng = {42};
    b->frames_bytes = (size_t)b->n_flows * sizeof *b->frames;
    b->frames = mem_map(b->frames_bytes, false);
    b->shuffled = mem_map(b->frames_bytes, false);
    if (!b->frames || !b->shuffled)
        return -1;
    for (uint32_t i = 0; i < b->n_flows; i++)
        bench_frame_make(&b->frames[i], i);
    memcpy(b->shuffled, b->frames, b->frames_bytes);
    for (uint32_t i = b->n_flows; i > 1; i--) {
        uint32_t k = rng_below(&rng, i);
        struct bench_frame f = b->shuffled[i - 1];
        b->shuffled[i - 1] = b->shuffled[k];
        b->shuffled[k] = f;
    }
    return 0;
}

struct bench *bench_create(uint32_t flows, uint32_t sessions, bool huge)
{
    struct text error = {0};
    struct dataplane_options options = {.sessions = sessions,
                                        .mappings = 1024,
                                        .mbufs = 4095,
                                        .n_workers = 1,
                                        .huge = huge,
                                        .wire = {.rx = bench_rx, .tx = bench_tx}};
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->n_flows = flows;
    b->now_ms = 1000;
    b->dp = dataplane_create(&options, &error);
    if (b->dp)
        b->dp->snapshot = bench_rules(b->dp, &error);
    if (!b->dp || !b->dp->snapshot || bench_port(b, BENCH_LAN) != 0 ||
        bench_port(b, BENCH_WAN) != 0 || frames_make(b) != 0 ||
        rte_pktmbuf_alloc_bulk(b->dp->pool, b->free, 4 * BURST) != 0) {
        fprintf(stderr, "pinhole-bench: cannot set up %u flows: %s\n", flows,
                error.p ? error.p : "no memory");
        text_free(&error);
        bench_destroy(b);
        return NULL;
    }
    b->n_free = 4 * BURST;
    b->worker = b->dp->workers[0];
    return b;
}

void bench_destroy(struct bench *b)
{
    rte_pktmbuf_free_bulk(b->free, b->n_free);
    for (int i = BENCH_LAN; i <= BENCH_WAN; i++)
        if (b->feed[i]) {
            rte_eth_dev_stop(b->port[i]);
            rte_eth_dev_close(b->port[i]);
            rte_ring_free(b->feed[i]);
            rte_ring_free(b->drain[i]);
        }
    mem_unmap(b->frames, b->frames_bytes);
    mem_unmap(b->shuffled, b->frames_bytes);
    if (b->dp) {
        snapshot_free((struct snapshot *)(uintptr_t)b->dp->snapshot);
        dataplane_destroy(b->dp);
    }
    free(b);
}

void bench_feed(struct bench *b, const struct bench_frame *frames, unsigned n)
{
    struct rte_mbuf **m = &b->free[b->n_free - n];
    for (unsigned i = 0; i < n; i++) {
        m[i]->data_len = sizeof frames[i].bytes;
        m[i]->pkt_len = sizeof frames[i].bytes;
        m[i]->ol_flags = 0;
        memcpy(rte_pktmbuf_mtod(m[i], void *), &frames[i], sizeof frames[i].bytes);
    }
    b->n_free -= rte_ring_sp_enqueue_bulk(b->feed[BENCH_LAN], (void **)m, n, NULL);
}

unsigned bench_drain(struct bench *b)
{
    unsigned wan = rte_ring_sc_dequeue_burst(b->drain[BENCH_WAN], (void **)&b->free[b->n_free],
                                             (unsigned)(4 * BURST) - b->n_free, NULL);
    b->n_free += wan;
    return wan;
}

bool bench_open_all(struct bench *b)
{
    uint32_t out = 0;
    for (uint32_t i = 0; i < b->n_flows; i += BURST) {
        unsigned n = b->n_flows - i < BURST ? b->n_flows - i : BURST;
        bench_feed(b, &b->frames[i], n);
        worker_run_once(b->worker, b->now_ms);
        out += bench_drain(b);
    }
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
