/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "config/rows.h"
#include "fastpath/rss.h"

#include <rte_thash.h>

#include <netinet/in.h>

#define RUNS 20000

static struct key key_random(struct rng *rng)
{
    static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_GRE};
    return (struct key){.src = (be32)rng_next(rng),
                        .dst = (be32)rng_next(rng),
                        .sport = (be16)rng_next(rng),
                        .dport = (be16)rng_next(rng),
                        .proto = protos[rng_below(rng, 4)],
                        .zone = 1};
}

static bool has_ports(const struct key *k)
{
    return k->proto == IPPROTO_UDP || k->proto == IPPROTO_TCP;
}

/* What a NIC reads from a packet with this key, in order. */
static size_t input_of(enum rss_fields fields, const struct key *k, uint8_t out[12])
{
    size_t n = 0;
    if (fields != RSS_DESTINATION)
        memcpy(out + n, &k->src, 4), n += 4;
    if (fields != RSS_SOURCE)
        memcpy(out + n, &k->dst, 4), n += 4;
    if (has_ports(k) && fields != RSS_DESTINATION)
        memcpy(out + n, &k->sport, 2), n += 2;
    if (has_ports(k) && fields != RSS_SOURCE)
        memcpy(out + n, &k->dport, 2), n += 2;
    return n;
}

static struct key turned(const struct key *k)
{
    return key_reverse(k, 2);
}

/* The published example: 66.9.149.187:2794 -> 161.142.100.80:1766 under Microsoft's key. */
static void test_published_vector(void **state)
{
    static const uint8_t key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
    static const uint8_t input[12] = {66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6};
    (void)state;
    assert_int_equal(rss_toeplitz(key, input, 8), 0x323e8fc2);
    assert_int_equal(rss_toeplitz(key, input, 12), 0x51ccc178);
}

static void test_toeplitz_is_softrss(void **state)
{
    struct rng rng = {7};
    (void)state;
    for (int run = 0; run < RUNS; run++) {
        union {
            uint8_t bytes[52];
            uint32_t words[13];
        } key;
        uint8_t input[36];
        uint32_t tuple[9];
        uint32_t words = 1 + rng_below(&rng, 9);
        for (size_t i = 0; i < sizeof key.bytes; i++)
            key.bytes[i] = (uint8_t)rng_next(&rng);
        for (uint32_t i = 0; i < words; i++) {
            uint32_t big;
            tuple[i] = (uint32_t)rng_next(&rng);
            big = be32_of(tuple[i]);
            memcpy(input + 4 * i, &big, 4);
        }
        assert_int_equal(rss_toeplitz(key.bytes, input, 4 * words),
                         rte_softrss(tuple, words, key.bytes));
    }
}

static void test_hash_is_toeplitz_under_the_symmetric_key(void **state)
{
    struct rng rng = {8};
    uint8_t key[RSS_KEY_MAX];
    (void)state;
    rss_key_fill(key, sizeof key);
    for (int run = 0; run < RUNS; run++) {
        struct key k = key_random(&rng);
        for (int f = RSS_BOTH; f <= RSS_DESTINATION; f++) {
            uint8_t input[12];
            size_t n = input_of((enum rss_fields)f, &k, input);
            assert_int_equal(rss_hash((enum rss_fields)f, &k), rss_toeplitz(key, input, n));
        }
    }
}

static void test_both_directions_hash_alike(void **state)
{
    struct rng rng = {9};
    (void)state;
    for (int run = 0; run < RUNS; run++) {
        struct key there = key_random(&rng), back = turned(&there);
        assert_int_equal(rss_hash(RSS_BOTH, &there), rss_hash(RSS_BOTH, &back));
        assert_int_equal(rss_hash(RSS_SOURCE, &there), rss_hash(RSS_DESTINATION, &back));
    }
}

/* Rows of facts: what is not known, and a port with one queue. */
static void test_worker_where_known(void **state)
{
    struct rng rng = {10};
    struct key k = key_random(&rng), six = {.family = KEY_IPV6};
    struct rss unknown = {.fields = RSS_UNKNOWN, .entries = 128, .queues = 2, .workers = 2};
    struct rss one = {.fields = RSS_BOTH, .entries = 1, .queues = 1, .workers = 4};
    struct rss two_of_four = {.fields = RSS_BOTH, .entries = 128, .queues = 2, .workers = 4};
    struct rss more_queues = {.fields = RSS_BOTH, .entries = 128, .queues = 8, .workers = 3};
    bool seen[4] = {false};
    (void)state;
    assert_int_equal(rss_worker(&unknown, &k), -1);
    assert_int_equal(rss_worker(&two_of_four, &six), -1);
    for (int run = 0; run < 1000; run++) {
        k = key_random(&rng);
        assert_int_equal(rss_worker(&one, &k), 0);
        assert_true(rss_worker(&two_of_four, &k) < 2);
        seen[rss_worker(&more_queues, &k)] = true;
    }
    assert_true(seen[0] && seen[1] && seen[2] && !seen[3]);
}

/*
 * Flows of many hosts through one public address, whose public port is the first of a few drawn at
 * random that fits: how many meet, and how even the load is.
 */
static double share_that_meets(enum rss_fields inside, enum rss_fields outside, uint16_t workers,
                               unsigned looks, double *busiest)
{
    struct rng rng = {11};
    const struct rss in = {(uint8_t)inside, 128, workers, workers};
    const struct rss out = {(uint8_t)outside, 128, workers, workers};
    unsigned met = 0, load[64] = {0}, most = 0;
    for (int run = 0; run < RUNS; run++) {
        struct key there = {.src = be32_of(0x0a000000 + rng_below(&rng, 5000)),
                            .dst = (be32)rng_next(&rng),
                            .sport = be16_of((uint16_t)(1024 + rng_below(&rng, 60000))),
                            .dport = be16_of(443),
                            .proto = IPPROTO_TCP};
        struct key back = turned(&there);
        int worker = rss_worker(&in, &there);
        load[worker]++;
        back.dst = be32_of(0xcb007101);
        for (unsigned look = 0; look < looks; look++) {
            back.dport = be16_of((uint16_t)(5117 + rng_below(&rng, 60000)));
            if (rss_worker(&out, &back) == worker)
                break;
        }
        met += rss_worker(&out, &back) == worker;
    }
    for (int i = 0; i < workers; i++)
        most = load[i] > most ? load[i] : most;
    *busiest = (double)most * workers / RUNS;
    return (double)met / RUNS;
}

static void test_share_of_flows_that_meet(void **state)
{
    static const uint16_t workers[] = {2, 3, 4, 8};
    static const enum rss_fields sides[][2] = {{RSS_BOTH, RSS_BOTH}, {RSS_SOURCE, RSS_DESTINATION}};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        for (int s = 0; s < 2; s++) {
            double busiest, chance, fitted, n = workers[i];
            chance = share_that_meets(sides[s][0], sides[s][1], workers[i], 1, &busiest);
            fitted = share_that_meets(sides[s][0], sides[s][1], workers[i], 64, &busiest);
            assert_true(chance > 0.9 / n && chance < 1.15 / n);
            assert_true(fitted > 0.99);
            assert_true(busiest < 1.25);
        }
}

/* The walk over the ports proposes those first that lead back to the worker. */
static void test_fitting_ports_come_first(void **state)
{
    struct rng rng = {13};
    const struct rss rss = {RSS_BOTH, 128, 4, 4};
    struct nat_want want = {.ip = be32_of(0xcb007101), .first = 5117, .last = 65533};
    (void)state;
    for (int run = 0; run < 2000; run++) {
        struct key there = key_random(&rng), back = turned(&there);
        struct rss_fit fit;
        struct nat_probe probe;
        be16 port;
        int worker = (int)rng_below(&rng, 4);
        want.fit = rss_fit_make(&fit, &rss, worker, &back);
        assert_int_equal(want.fit != NULL, has_ports(&there));
        nat_probe_init(&probe, &want, there.sport, (uint32_t)rng_next(&rng), 1);
        for (int i = 0; i < 4; i++) {
            assert_true(nat_probe_next(&probe, &port));
            back.dst = want.ip;
            back.dport = port;
            assert_true(!want.fit || rss_worker(&rss, &back) == worker);
        }
    }
}

static void test_no_wish_where_it_makes_no_difference(void **state)
{
    struct rng rng = {14};
    struct rss_fit fit;
    const struct rss unknown = {RSS_UNKNOWN, 128, 4, 4}, one = {RSS_BOTH, 1, 1, 4};
    const struct rss two = {RSS_BOTH, 128, 2, 4};
    struct key k = key_random(&rng);
    (void)state;
    k.proto = IPPROTO_UDP;
    assert_null(rss_fit_make(&fit, &unknown, 0, &k));
    assert_null(rss_fit_make(&fit, &one, 0, &k));
    assert_null(rss_fit_make(&fit, &two, 3, &k)); /* a worker without a queue there */
    assert_non_null(rss_fit_make(&fit, &two, 1, &k));
    k.family = KEY_IPV6;
    assert_null(rss_fit_make(&fit, &two, 1, &k));
}

static void test_sides_follow_role_and_nat(void **state)
{
    static const uint16_t lan = 0, wan = 1, dmz = 2;
    struct row_interface f[] = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
    struct row_policy p[] = {
        {.accept = true,
         .nat = true,
         .n_srcintf = 1,
         .srcintf = &lan,
         .n_dstintf = 1,
         .dstintf = &wan},
        {.accept = true, .n_srcintf = 1, .srcintf = &wan, .n_dstintf = 1, .dstintf = &dmz},
        {.nat = true, .n_srcintf = 1, .srcintf = &dmz, .n_dstintf = 1, .dstintf = &wan}};
    struct config_rows rows = {.n_interfaces = 3, .interfaces = f, .n_policies = 3, .policies = p};
    (void)state;
    assert_int_equal(rss_side(&rows, 0), RSS_SOURCE);
    assert_int_equal(rss_side(&rows, 1), RSS_DESTINATION);
    assert_int_equal(rss_side(&rows, 2), RSS_BOTH); /* a denied NAT is none */
    f[2].role = ROW_ROLE_INSIDE;
    f[0].role = ROW_ROLE_OUTSIDE;
    assert_int_equal(rss_side(&rows, 2), RSS_SOURCE);
    assert_int_equal(rss_side(&rows, 0), RSS_DESTINATION);
    f[0].role = ROW_ROLE_NONE;
    p[0].any_dstintf = true;
    assert_int_equal(rss_side(&rows, 0), RSS_BOTH); /* inside and outside */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vector),
        cmocka_unit_test(test_toeplitz_is_softrss),
        cmocka_unit_test(test_hash_is_toeplitz_under_the_symmetric_key),
        cmocka_unit_test(test_both_directions_hash_alike),
        cmocka_unit_test(test_worker_where_known),
        cmocka_unit_test(test_share_of_flows_that_meet),
        cmocka_unit_test(test_fitting_ports_come_first),
        cmocka_unit_test(test_no_wish_where_it_makes_no_difference),
        cmocka_unit_test(test_sides_follow_role_and_nat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
