/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices with more and with fewer queues than there are workers. net_null has as many queues as
 * one asks for and keeps key and redirection table like a NIC; net_ring has those it was made with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/rows.h"
#include "fastpath/ports.h"
#include "fastpath/worker.h"
#include "replay/replay.h"

#include <rte_eth_ring.h>
#include <rte_ethdev.h>

static struct dataplane *dataplane_open(uint16_t n_workers)
{
    struct text error = {0};
    struct dataplane_options options = {.sessions = 1024,
                                        .mappings = 64,
                                        .mbufs = 8191,
                                        .n_workers = n_workers,
                                        .fixed = true,
                                        .wire = ports_wire()};
    struct dataplane *dp = dataplane_create(&options, &error);
    if (!dp)
        fail_msg("%s", error.p);
    return dp;
}

static void ports_open_all(const struct config_rows *rows, struct dataplane *dp)
{
    struct text error = {0};
    if (ports_open(rows, dp, &error) != 0)
        fail_msg("%s", error.p);
}

static uint16_t port_number(const char *name)
{
    uint16_t port;
    assert_int_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
    return port;
}

/* What rss_worker believes is what the device was told. */
static void assert_programmed(const char *name, const struct dataplane *dp, uint16_t ifindex)
{
    uint8_t key[40], wanted[40];
    struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = sizeof key};
    struct rte_eth_rss_reta_entry64 table[RSS_ENTRIES_MAX / 64] = {0};
    const struct rss *rss = &dp->rss[ifindex];
    uint16_t port = port_number(name);
    rss_key_fill(wanted, sizeof wanted);
    assert_int_equal(rte_eth_dev_rss_hash_conf_get(port, &conf), 0);
    assert_memory_equal(key, wanted, sizeof key);
    for (unsigned i = 0; i < rss->entries; i++)
        table[i / 64].mask = UINT64_MAX;
    assert_int_equal(rte_eth_dev_rss_reta_query(port, table, rss->entries), 0);
    for (unsigned i = 0; i < rss->entries; i++)
        assert_int_equal(table[i / 64].reta[i % 64], i % rss->queues);
}

static void test_a_queue_pair_per_worker(void **state)
{
    struct row_interface f[] = {{.name = "a", .device = "net_null0", .mtu = 1500, .up = true},
                                {.name = "none", .device = "", .mtu = 1500}};
    struct config_rows rows = {.n_interfaces = 2, .interfaces = f};
    struct dataplane *dp = dataplane_open(3);
    (void)state;
    ports_open_all(&rows, dp);
    assert_int_equal(dp->queues[1].rx, 3);
    assert_int_equal(dp->queues[1].tx, 3);
    assert_int_equal(dp->queues[2].rx, 0);
    assert_int_equal(dp->rss[1].fields, RSS_BOTH);
    assert_int_equal(dp->rss[1].queues, 3);
    assert_int_equal(dp->rss[1].workers, 3);
    assert_programmed("net_null0", dp, 1);
    assert_int_equal(dp->rss[2].fields, RSS_UNKNOWN);
    ports_close();
    dataplane_destroy(dp);
}

static void test_one_worker_needs_no_spreading(void **state)
{
    struct row_interface f[] = {{.name = "a", .device = "net_null1", .mtu = 1500, .up = true}};
    struct config_rows rows = {.n_interfaces = 1, .interfaces = f};
    struct dataplane *dp = dataplane_open(1);
    struct key any = {.src = 1, .dst = 2, .proto = 17};
    (void)state;
    ports_open_all(&rows, dp);
    assert_int_equal(dp->queues[1].rx, 1);
    assert_int_equal(rss_worker(&dp->rss[1], &any), 0);
    ports_close();
    dataplane_destroy(dp);
}

/* Five receive queues that others fill, one to transmit: all are emptied, all frames leave. */
static void test_rings_of_any_number(void **state)
{
    struct rte_ring *in[5], *out[1];
    struct snapshot snapshot = {.n_interfaces = 1};
    struct dataplane *dp = dataplane_open(3);
    struct rte_mbuf *m;
    unsigned left = 0;
    (void)state;
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "in%d", i);
        in[i] = rte_ring_create(name, 64, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
        assert_non_null(in[i]);
    }
    out[0] = rte_ring_create("out0", 64, 0, RING_F_SP_ENQ | RING_F_SC_DEQ);
    assert_true(rte_eth_from_rings("test", in, 5, out, 1, 0) >= 0);
    struct row_interface f[] = {{.name = "a", .device = "net_ring_test", .mtu = 1500, .up = true}};
    struct config_rows rows = {.n_interfaces = 1, .interfaces = f};
    assert_int_equal(rte_eth_allmulticast_disable(port_number("net_ring_test")), 0);
    ports_open_all(&rows, dp);
    assert_int_equal(dp->queues[1].rx, 5);
    assert_int_equal(dp->queues[1].tx, 1);
    assert_int_equal(dp->rss[1].fields, RSS_UNKNOWN);
    assert_int_equal(rte_eth_allmulticast_get(port_number("net_ring_test")), 1);

    dp->snapshot = &snapshot;
    for (int i = 0; i < 5; i++) { /* too short to be frames: they end at whoever polls */
        m = rte_pktmbuf_alloc(dp->pool);
        rte_pktmbuf_append(m, 8);
        assert_int_equal(rte_ring_enqueue(in[i], m), 0);
    }
    for (int i = 0; i < 3; i++) {
        m = rte_pktmbuf_alloc(dp->pool);
        rte_pktmbuf_append(m, 60);
        worker_send(dp->workers[i], 1, m);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 3; i++)
            worker_run_once(dp->workers[i], 1000);
    for (int i = 0; i < 3; i++) /* queue q is worker q mod 3's */
        assert_int_equal(dp->workers[i]->counts.in, i < 2 ? 2 : 1);
    while (rte_ring_dequeue(out[0], (void **)&m) == 0) {
        rte_pktmbuf_free(m);
        left++;
    }
    assert_int_equal(left, 3);
    assert_int_equal(rte_mempool_in_use_count(dp->pool), 0);
    ports_close();
    dp->snapshot = NULL;
    dataplane_destroy(dp);
    for (int i = 0; i < 5; i++)
        rte_ring_free(in[i]);
    rte_ring_free(out[0]);
}

static int setup(void **state)
{
    struct text error = {0};
    (void)state;
    return replay_eal_init(&error);
}

static int teardown(void **state)
{
    (void)state;
    replay_eal_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_queue_pair_per_worker),
        cmocka_unit_test(test_one_worker_needs_no_spreading),
        cmocka_unit_test(test_rings_of_any_number),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
