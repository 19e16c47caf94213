/* SPDX-License-Identifier: BSD-3-Clause */
#include "control_bench.h"

#include "base/checksum.h"
#include "config/load.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stdlib.h>

const char bench_config[] = "config system interface\n"
                            "edit lan\nset ip 10.0.0.1/24\nset allowaccess ping\nnext\n"
                            "edit wan\nset ip 203.0.113.2/24\nnext\n"
                            "end\n"
                            "config router static\n"
                            "edit 1\nset gateway 203.0.113.1\nset device wan\nnext\n"
                            "end\n"
                            "config firewall policy\n"
                            "edit 1\nset name out\nset srcintf lan\nset dstintf wan\n"
                            "set srcaddr all\nset dstaddr all\nset action accept\n"
                            "set schedule always\nset service ALL\nset nat enable\nnext\n"
                            "end\n";

struct config_tree *bench_tree(const char *config)
{
    struct config_tree *tree;
    struct text error = {0};
    if (config_load_text("test", slice_str(config), &tree, &error, NULL) != 0)
        fail_msg("%s", error.p);
    text_free(&error);
    return tree;
}

static uint16_t wire_rx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    struct bench *b = ctx;
    uint16_t taken = 0;
    unsigned kept = 0;
    (void)queue;
    for (unsigned i = 0; i < b->n_in; i++) {
        if (b->in_ifindex[i] == ifindex && taken < n) {
            m[taken++] = b->in[i];
            continue;
        }
        b->in_ifindex[kept] = b->in_ifindex[i];
        b->in[kept++] = b->in[i];
    }
    b->n_in = kept;
    return taken;
}

static uint16_t wire_tx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    struct bench *b = ctx;
    (void)queue;
    for (uint16_t i = 0; i < n; i++) {
        assert_true(b->n_out < FRAMES);
        b->out_ifindex[b->n_out] = ifindex;
        b->out[b->n_out++] = m[i];
    }
    return n;
}

struct bench *bench_make(const struct control_options *options)
{
    struct bench *b = calloc(1, sizeof *b);
    struct text error = {0};
    struct hash_secret secret;
    const struct dataplane_options size = {.sessions = 1024,
                                           .mappings = 64,
                                           .mbufs = 1023,
                                           .n_workers = 1,
                                           .fixed = true,
                                           .any_mac = true,
                                           .wire = {wire_rx, wire_tx, b}};
    hash_secret_fixed(&secret, 3);
    b->now_ms = 1000;
    b->dp = dataplane_create(&size, &error);
    if (!b->dp)
        fail_msg("%s", error.p);
    b->alg = alg_core_create(b->dp, &(struct alg_limits){.dialogs = 64}, &secret, 4);
    assert_non_null(b->alg);
    b->running = bench_tree(bench_config);
    b->control = control_create(b->dp, b->alg, options, b->running, b->now_ms, &error);
    if (!b->control)
        fail_msg("%s", error.p);
    b->backend = control_backend(b->control);
    text_free(&error);
    return b;
}

void bench_clear(struct bench *b)
{
    rte_pktmbuf_free_bulk(b->out, b->n_out);
    b->n_out = 0;
}

void bench_free(struct bench *b)
{
    bench_clear(b);
    control_destroy(b->control);
    alg_core_destroy(b->alg);
    assert_int_equal(rte_mempool_in_use_count(b->dp->pool), 0);
    dataplane_destroy(b->dp);
    free(b);
}

static void put(struct rte_mbuf *m, const void *p, size_t n)
{
    char *to = rte_pktmbuf_append(m, (uint16_t)n);
    assert_non_null(to);
    memcpy(to, p, n);
}

void bench_payload(struct bench *b, uint16_t ifindex, const struct endpoint ends[2],
                   struct slice payload)
{
    const uint16_t n = (uint16_t)(sizeof(struct rte_udp_hdr) + payload.n);
    struct rte_ether_hdr eth = {.src_addr = {{2, 0, 0, 0, 0, 9}},
                                .ether_type = be16_of(RTE_ETHER_TYPE_IPV4)};
    struct rte_udp_hdr udp = {
        .src_port = ends[0].port, .dst_port = ends[1].port, .dgram_len = be16_of(n)};
    struct rte_ipv4_hdr ip = {.version_ihl = 0x45,
                              .total_length = be16_of((uint16_t)(sizeof ip + n)),
                              .time_to_live = 64,
                              .next_proto_id = IPPROTO_UDP,
                              .src_addr = ends[0].ip,
                              .dst_addr = ends[1].ip};
    ip.hdr_checksum = (uint16_t)~checksum_fold(checksum_sum(&ip, sizeof ip));

    struct rte_mbuf *m = rte_pktmbuf_alloc(b->dp->pool);
    assert_non_null(m);
    put(m, &eth, sizeof eth);
    put(m, &ip, sizeof ip);
    put(m, &udp, sizeof udp);
    put(m, payload.p, payload.n);
    assert_true(b->n_in < FRAMES);
    b->in_ifindex[b->n_in] = ifindex;
    b->in[b->n_in++] = m;
}

void bench_udp(struct bench *b, uint16_t ifindex, struct endpoint src, struct endpoint dst)
{
    bench_payload(b, ifindex, (struct endpoint[2]){src, dst}, SLICE_LIT("twenty bytes of talk"));
}

void bench_run(struct bench *b, uint64_t now_ms)
{
    unsigned moved = 1;
    b->now_ms = now_ms;
    for (int rounds = 0; moved > 0; rounds++) {
        assert_true(rounds < 1000);
        moved = worker_run_once(b->dp->workers[0], now_ms);
        moved += alg_core_run_once(b->alg, now_ms);
        moved += control_take_frames(b->control, now_ms);
        moved += control_run_timers(b->control, now_ms);
    }
}
