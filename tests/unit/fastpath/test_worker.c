/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several workers in one thread, stepped by hand: what arrives at one and must go on at another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/worker.h"
#include "replay/replay.h"

#include "base/text.h"

#define WORKERS 3
#define MANY    36 /* bursts: more than a ring holds */
#define PORT    1  /* two queues each way */
#define QUEUES  2
#define WIDE    2 /* five receive queues, one to transmit */

/* A wire that remembers which queue was used for what. */
struct rig {
    struct dataplane *dp;
    struct snapshot snapshot;
    unsigned polled[3][8];
    unsigned sent[3][8];
    uint16_t room; /* frames the wire takes in a call */
};

static uint16_t wire_rx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    struct rig *rig = ctx;
    (void)m;
    (void)n;
    rig->polled[ifindex][queue]++;
    return 0;
}

static uint16_t wire_tx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                        uint16_t n)
{
    struct rig *rig = ctx;
    n = n < rig->room ? n : rig->room;
    rig->sent[ifindex][queue] += n;
    rte_pktmbuf_free_bulk(m, n);
    return n;
}

static void rig_open(struct rig *rig, uint16_t n_workers)
{
    struct text error = {0};
    *rig = (struct rig){.room = BURST};
    rig->snapshot.n_interfaces = 2;
    struct dataplane_options options = {.sessions = 1024,
                                        .mappings = 64,
                                        .mbufs = 4095,
                                        .n_workers = n_workers,
                                        .fixed = true,
                                        .wire = {wire_rx, wire_tx, rig}};
    rig->dp = dataplane_create(&options, &error);
    if (!rig->dp)
        fail_msg("%s", error.p);
    rig->dp->snapshot = &rig->snapshot;
    rig->dp->queues[PORT] = (struct queues){QUEUES, QUEUES};
    rig->dp->queues[WIDE] = (struct queues){5, 1};
}

static void rig_close(struct rig *rig)
{
    struct packet_counts n;
    uint64_t dropped = 0;
    dataplane_counts(rig->dp, &n);
    for (int i = 0; i < DROP_COUNT; i++)
        dropped += n.drop[i];
    assert_int_equal(n.in, n.out + dropped);
    assert_int_equal(rte_mempool_in_use_count(rig->dp->pool), 0);
    rig->dp->snapshot = NULL;
    dataplane_destroy(rig->dp);
}

static void rounds(struct rig *rig, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        for (uint16_t i = 0; i < rig->dp->n_workers; i++)
            worker_run_once(rig->dp->workers[i], 1000);
}

/* `n` finished frames for an interface, at one worker. */
static void send(struct rig *rig, uint16_t worker, uint16_t ifindex, unsigned n)
{
    struct worker *w = rig->dp->workers[worker];
    w->counts.in += n;
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *m = rte_pktmbuf_alloc(rig->dp->pool);
        assert_non_null(m);
        rte_pktmbuf_append(m, 60);
        worker_send(w, ifindex, m);
    }
}

static void test_receive_queues_are_shared_out(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, WORKERS);
    rounds(&rig, 2);
    for (int q = 0; q < 8; q++) {
        assert_int_equal(rig.polled[PORT][q], q < QUEUES ? 2 : 0);
        assert_int_equal(rig.polled[WIDE][q], q < 5 ? 2 : 0);
    }
    /* Nobody's queue is touched by another worker. */
    for (int i = 0; i < WORKERS; i++) {
        memset(rig.polled, 0, sizeof rig.polled);
        worker_run_once(rig.dp->workers[i], 1000);
        for (int q = 0; q < 5; q++) {
            assert_int_equal(rig.polled[WIDE][q], q % WORKERS == i);
            assert_int_equal(rig.polled[PORT][q], q == i && q < QUEUES);
        }
    }
    rig_close(&rig);
}

static void test_a_worker_without_a_transmit_queue_hands_over(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, WORKERS);
    send(&rig, 0, PORT, 3);
    send(&rig, 1, PORT, 4);
    send(&rig, 2, PORT, 5);
    send(&rig, 1, WIDE, 7);
    send(&rig, 2, WIDE, 8);
    rounds(&rig, 1);
    assert_int_equal(worker_passed(rig.dp->workers[0]), 5 + 7 + 8); /* handed over just now */
    rounds(&rig, 1);
    assert_int_equal(rig.sent[PORT][0], 3 + 5);
    assert_int_equal(rig.sent[PORT][1], 4);
    assert_int_equal(rig.sent[WIDE][0], 7 + 8);
    assert_int_equal(rig.sent[PORT][2] + rig.sent[WIDE][1] + rig.sent[WIDE][2], 0);
    rig_close(&rig);
}

static void test_a_worker_that_is_behind_gets_no_more(void **state)
{
    struct rig rig;
    struct packet_counts n;
    (void)state;
    rig_open(&rig, WORKERS);
    for (int i = 0; i < MANY; i++)
        send(&rig, 2, WIDE, BURST); /* worker 0 does not run meanwhile */
    unsigned held = worker_passed(rig.dp->workers[0]);
    dataplane_counts(rig.dp, &n);
    assert_true(held > 0 && n.drop[DROP_WORKER_RING_FULL] > 0);
    assert_int_equal(held + n.drop[DROP_WORKER_RING_FULL], MANY * BURST);
    rounds(&rig, 40);
    assert_int_equal(rig.sent[WIDE][0], held);
    rig_close(&rig);
}

static void test_what_waits_between_workers_is_freed_at_the_end(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, 2);
    send(&rig, 1, WIDE, BURST);
    assert_int_equal(worker_passed(rig.dp->workers[0]), BURST);
    assert_int_equal(rte_mempool_in_use_count(rig.dp->pool), BURST);
    worker_destroy(rig.dp->workers[0]);
    rig.dp->workers[0] = NULL;
    assert_int_equal(rte_mempool_in_use_count(rig.dp->pool), 0);
    rig.dp->snapshot = NULL;
    dataplane_destroy(rig.dp);
}

static void test_a_wire_that_takes_part_of_a_burst(void **state)
{
    struct rig rig;
    struct packet_counts n;
    (void)state;
    rig_open(&rig, WORKERS);
    rig.room = 10;
    send(&rig, 2, WIDE, 16);
    rounds(&rig, 2);
    dataplane_counts(rig.dp, &n);
    assert_int_equal(n.out, 10);
    assert_int_equal(n.drop[DROP_TX_FULL], 6);
    rig_close(&rig);
}

static void test_one_worker_needs_no_rings(void **state)
{
    struct rig rig;
    (void)state;
    rig_open(&rig, 1);
    for (int i = 0; i < MAX_WORKERS; i++)
        assert_null(rig.dp->workers[0]->from_worker[i]);
    rig_close(&rig);
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
        cmocka_unit_test(test_receive_queues_are_shared_out),
        cmocka_unit_test(test_a_worker_without_a_transmit_queue_hands_over),
        cmocka_unit_test(test_a_worker_that_is_behind_gets_no_more),
        cmocka_unit_test(test_what_waits_between_workers_is_freed_at_the_end),
        cmocka_unit_test(test_a_wire_that_takes_part_of_a_burst),
        cmocka_unit_test(test_one_worker_needs_no_rings),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
