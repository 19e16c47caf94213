/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest prefixes, sets of hops, what tables share: against looking through the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fastpath/route.h"

#include <stdlib.h>
#include <string.h>

#define PREFIXES 3000

static struct ip_addr ip_of(const char *text)
{
    struct ip_addr a;
    be32 v4;
    if (ipv4_parse(slice_str(text), &v4) == 0)
        return ip_addr_of4(v4);
    assert_int_equal(ipv6_parse(slice_str(text), &a), 0);
    return a;
}

static struct route route_of(const char *dst, uint8_t len, uint16_t ifindex)
{
    return (struct route){.dst = ip_of(dst), .len = len, .ifindex = ifindex};
}

/* The interface of the only hop. */
static uint16_t found(const struct routes *r, const char *text)
{
    struct ip_addr ip = ip_of(text);
    const struct route_set *set = route_find(r, &ip);
    if (!set)
        return 0;
    assert_int_equal(set->n, 1);
    return set->hops[0].ifindex;
}

static void test_longest_prefix(void **state)
{
    const struct route rows[] = {route_of("10.1.1.0", 24, 3),      route_of("10.0.0.0", 8, 1),
                                 route_of("10.1.1.1", 32, 4),      route_of("10.1.0.0", 16, 2),
                                 route_of("2001:db8::", 32, 5),    route_of("2001:db8::1", 128, 6),
                                 route_of("2001:db8:0:1::", 64, 7)};
    struct routes *r = routes_build(rows, 7, NULL);
    (void)state;
    assert_int_equal(found(r, "10.1.1.1"), 4);
    assert_int_equal(found(r, "10.1.1.2"), 3);
    assert_int_equal(found(r, "10.1.2.1"), 2);
    assert_int_equal(found(r, "10.2.1.1"), 1);
    assert_int_equal(found(r, "10.0.0.0"), 1);
    assert_int_equal(found(r, "10.255.255.255"), 1);
    assert_int_equal(found(r, "9.255.255.255"), 0);
    assert_int_equal(found(r, "11.0.0.0"), 0);
    assert_int_equal(found(r, "2001:db8::1"), 6);
    assert_int_equal(found(r, "2001:db8::2"), 5);
    assert_int_equal(found(r, "2001:db8:0:1:ffff::"), 7);
    assert_int_equal(found(r, "2001:db9::"), 0);
    assert_int_equal(route_at(r, 0)->ifindex, 1); /* in order */
    assert_int_equal(route_at(r, 3)->ifindex, 4);
    assert_int_equal(route_at(r, 6)->ifindex, 7);
    assert_null(route_at(r, 7));
    routes_free(r);
}

static void test_defaults_and_ends(void **state)
{
    const struct route rows[] = {route_of("0.0.0.0", 0, 1), route_of("255.255.255.255", 32, 2),
                                 route_of("255.255.0.0", 16, 3), route_of("::", 0, 4),
                                 route_of("0.0.0.0", 32, 5)};
    struct routes *r = routes_build(rows, 5, NULL);
    (void)state;
    assert_int_equal(found(r, "255.255.255.255"), 2);
    assert_int_equal(found(r, "255.255.255.254"), 3);
    assert_int_equal(found(r, "255.254.255.255"), 1);
    assert_int_equal(found(r, "0.0.0.0"), 5);
    assert_int_equal(found(r, "0.0.0.1"), 1);
    assert_int_equal(found(r, "::1"), 4);
    assert_int_equal(found(r, "ffff::"), 4);
    routes_free(r);
    r = routes_build(NULL, 0, NULL);
    assert_int_equal(found(r, "10.0.0.1"), 0);
    assert_int_equal(found(r, "::"), 0);
    assert_null(route_at(r, 0));
    routes_free(r);
}

/* Of equal prefixes the lowest distance, then the lowest priority; the others by their states. */
static void test_better(void **state)
{
    static const struct {
        uint8_t distance;
        uint16_t priority;
        bool down, blackhole;
        enum route_state becomes;
    } row[] = {{10, 5, false, false, ROUTE_SPARE},   {10, 4, false, false, ROUTE_ACTIVE},
               {10, 4, true, false, ROUTE_DOWN},     {11, 1, false, false, ROUTE_INACTIVE},
               {10, 4, false, true, ROUTE_INACTIVE}, {9, 1, true, false, ROUTE_DOWN},
               {10, 4, false, false, ROUTE_ACTIVE},  {254, 1, false, true, ROUTE_INACTIVE}};
    enum {
        N = sizeof row / sizeof row[0]
    };
    struct route list[N];
    (void)state;
    for (uint16_t i = 0; i < N; i++) {
        list[i] = route_of("192.0.2.0", 24, row[i].blackhole ? 0 : (uint16_t)(i + 1));
        list[i].seq = i + 1;
        list[i].distance = row[i].distance;
        list[i].priority = row[i].priority;
        list[i].blackhole = row[i].blackhole;
        list[i].state = row[i].down ? ROUTE_DOWN : 0;
    }
    struct routes *r = routes_build(list, N, NULL);
    struct ip_addr ip = ip_of("192.0.2.7");
    const struct route_set *set = route_find(r, &ip);
    assert_int_equal(set->n, 2);
    assert_int_equal(set->n_all, 3);
    assert_int_equal(set->interfaces, 1 << 1 | 1 << 2 | 1 << 7);
    assert_true(route_set_has(set, 2) && route_set_has(set, 7));
    assert_false(route_set_has(set, 1)); /* spare */
    for (uint32_t i = 0; i < N; i++) {
        const struct route *x = route_at(r, i);
        assert_int_equal(x->state, row[x->seq - 1].becomes);
    }
    routes_free(r);
    r = routes_build(&list[7], 1, NULL);
    set = route_find(r, &ip);
    assert_true(set->blackhole);
    assert_int_equal(set->n_all, 0);
    assert_null(route_pick(set, ROUTE_BY_SOURCE, 1));
    routes_free(r);
    r = routes_build(&list[2], 1, NULL); /* down: as if it were not there */
    assert_null(route_find(r, &ip));
    routes_free(r);
}

/* Through an interface, a shorter prefix will do. */
static void test_via(void **state)
{
    struct route rows[] = {route_of("0.0.0.0", 0, 1),   route_of("10.0.0.0", 8, 2),
                           route_of("10.1.0.0", 16, 3), route_of("10.1.1.0", 24, 4),
                           route_of("10.1.1.0", 28, 5), route_of("0.0.0.0", 0, 6)};
    struct ip_addr ip = ip_of("10.1.1.1"), other = ip_of("10.1.2.1");
    (void)state;
    rows[5].priority = 7;
    struct routes *r = routes_build(rows, 6, NULL);
    for (uint16_t i = 1; i <= 6; i++) {
        const struct route_set *set = route_find_via(r, &ip, i);
        assert_non_null(set);
        assert_int_equal(route_pick_via(set, i, ROUTE_BY_SOURCE, 1)->ifindex, i);
        assert_int_equal(route_find_via(r, &other, i) != NULL, i <= 3 || i == 6);
    }
    assert_null(route_find_via(r, &ip, 7));
    assert_null(route_pick_via(route_find_via(r, &ip, 5), 4, ROUTE_BY_SOURCE, 1));
    routes_free(r);
}

/* ---- against the list ---- */

static bool covers(const struct route *r, const struct ip_addr *ip)
{
    unsigned bits = r->len;
    if (ip_addr_is4(&r->dst) != ip_addr_is4(ip))
        return false;
    if (ip_addr_is4(ip))
        bits += 96;
    for (unsigned i = 0; i < bits; i++)
        if ((r->dst.byte[i / 8] ^ ip->byte[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

/* Longest prefix with a usable route; `via` not 0: with one out of that interface, of the distance
 * that counts for the prefix. */
static int naive_len(const struct route *rows, size_t n, const struct ip_addr *ip, uint16_t via)
{
    int best = -1;
    for (size_t i = 0; i < n; i++) {
        const struct route *r = &rows[i];
        if (!covers(r, ip) || r->state == ROUTE_DOWN || r->len <= best ||
            (via && (r->ifindex != via || r->blackhole)))
            continue;
        bool beaten = false;
        for (size_t k = 0; k < n && via; k++)
            beaten |= rows[k].len == r->len && covers(&rows[k], ip) &&
                      rows[k].state != ROUTE_DOWN && rows[k].distance < r->distance;
        if (!beaten)
            best = r->len;
    }
    return best;
}

static void bits_clear(struct ip_addr *ip, unsigned from)
{
    for (unsigned i = from; i < 128; i++)
        ip->byte[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

/* Addresses of both families that lie close together, now and then far away. */
static struct ip_addr random_ip(struct rng *rng, bool v6)
{
    struct ip_addr ip = {0};
    if (!v6)
        return ip_addr_of4(be32_of(
            rng_below(rng, 8) == 0 ? (uint32_t)rng_next(rng)
                                   : 0x0a000000 | rng_below(rng, 1 << 14) << rng_below(rng, 11)));
    ip.half[0] = rng_next(rng);
    ip.half[1] = rng_next(rng);
    if (ip.byte[15] & 1)
        memset(ip.byte + 4, 0, 8);
    if (ip.byte[15] & 2)
        memset(ip.byte + 2, 7, 6);
    ip.byte[0] = 0x20;
    ip.byte[1] &= 3;
    ip.byte[8] &= 1;
    return ip;
}

static struct route random_route(struct rng *rng, uint32_t seq)
{
    bool v6 = rng_below(rng, 2);
    struct route r = {.dst = random_ip(rng, v6),
                      .len = (uint8_t)rng_below(rng, v6 ? 129 : 33),
                      .seq = seq,
                      .distance = (uint8_t)(1 + rng_below(rng, 2)),
                      .state = rng_below(rng, 8) == 0 ? ROUTE_DOWN : 0};
    bits_clear(&r.dst, v6 ? r.len : r.len + 96u);
    r.ifindex = (uint16_t)(1 + r.len % 40);
    return r;
}

static void expect_like_list(const struct routes *r, const struct route *rows, size_t n,
                             struct rng *rng, int looks)
{
    for (int i = 0; i < looks; i++) {
        struct ip_addr ip = random_ip(rng, i & 1);
        uint16_t via = (uint16_t)(1 + rng_below(rng, 40));
        int len = naive_len(rows, n, &ip, 0);
        const struct route_set *set = route_find(r, &ip);
        assert_int_equal(set != NULL, len >= 0);
        if (set)
            assert_int_equal(set->hops[0].ifindex, 1 + len % 40);
        len = naive_len(rows, n, &ip, via);
        set = route_find_via(r, &ip, via);
        assert_int_equal(set != NULL, len >= 0);
        if (set)
            assert_true(set->interfaces >> via & 1);
    }
}

static void test_against_list(void **state)
{
    struct rng rng = {5};
    struct route *rows = calloc(PREFIXES, sizeof *rows);
    (void)state;
    for (size_t i = 0; i < PREFIXES; i++)
        rows[i] = random_route(&rng, (uint32_t)i);
    struct routes *r = routes_build(rows, PREFIXES, NULL);
    expect_like_list(r, rows, PREFIXES, &rng, 3000);
    routes_free(r);
    free(rows);
}

/* Tables that follow from each other by small changes are what they would be on their own. */
static void test_successors(void **state)
{
    enum {
        N = 300
    };
    struct rng rng = {11};
    struct route rows[N];
    struct routes *r = NULL;
    (void)state;
    for (uint32_t i = 0; i < N; i++)
        rows[i] = random_route(&rng, i);
    for (int round = 0; round < 300; round++) {
        for (uint32_t k = rng_below(&rng, 4); k > 0; k--) {
            uint32_t i = rng_below(&rng, N);
            if (rng_below(&rng, 2))
                rows[i] = random_route(&rng, i);
            else
                rows[i].state = rows[i].state == ROUTE_DOWN ? 0 : ROUTE_DOWN;
        }
        struct routes *next = routes_build(rows, N - rng_below(&rng, 2) * 7, r);
        uint32_t n = 0;
        while (route_at(next, n))
            n++;
        routes_free(r);
        r = next;
        expect_like_list(r, rows, n, &rng, 40);
    }
    routes_free(r);
}

static void test_equal_tables_are_one(void **state)
{
    struct rng rng = {3};
    struct route rows[200];
    (void)state;
    for (uint32_t i = 0; i < 200; i++)
        rows[i] = random_route(&rng, i);
    struct routes *a = routes_build(rows, 200, NULL);
    struct route first = rows[0];
    rows[0] = rows[199];
    rows[199] = first; /* in any order */
    struct routes *b = routes_build(rows, 200, a);
    assert_ptr_equal(a, b);
    rows[0].distance++;
    struct routes *c = routes_build(rows, 200, b);
    assert_ptr_not_equal(b, c);
    assert_true(routes_digest(b) != routes_digest(c));
    routes_free(a);
    routes_free(b);
    expect_like_list(c, rows, 200, &rng, 100);
    routes_free(c);
}

/* ---- hops ---- */

static struct routes *ecmp(uint16_t n, const uint8_t *weights)
{
    struct route list[ROUTE_HOPS_MAX + 10];
    for (uint16_t i = 0; i < n; i++) {
        list[i] = route_of("0.0.0.0", 0, (uint16_t)(1 + i % 8));
        list[i].gateway = ip_addr_of4(be32_of(0x0a000001u + i));
        list[i].weight = weights ? weights[i] : 0;
        list[i].seq = i + 1;
    }
    return routes_build(list, n, NULL);
}

static const struct hash_secret secret = {{1, 2, 3, 4}};

static uint64_t flow_of(uint32_t i)
{
    struct ip_addr src = ip_addr_of4(be32_of(0xc0a80000 + i)), dst = ip_addr_of4(7);
    return route_flow(&secret, ROUTE_BY_SOURCE, &src, &dst);
}

static uint32_t hop_of(const struct routes *r, enum route_choice choice, uint32_t i)
{
    struct ip_addr any = ip_addr_of4(be32_of(0x08080808));
    const struct route_hop *hop = route_pick(route_find(r, &any), choice, flow_of(i));
    return be32_host(hop->gateway.word[3]) - 0x0a000001;
}

/* Each hop gets its share of the flows, within five standard deviations. */
static void expect_shares(const struct routes *r, enum route_choice choice, uint32_t n,
                          const uint8_t *weights)
{
    enum {
        FLOWS = 100000
    };
    uint32_t count[ROUTE_HOPS_MAX] = {0}, total = 0;
    for (uint32_t i = 0; i < FLOWS; i++)
        count[hop_of(r, choice, i)]++;
    for (uint32_t i = 0; i < n; i++)
        total += weights ? weights[i] : 1;
    for (uint32_t i = 0; i < n; i++) {
        int64_t w = weights ? weights[i] : 1, expected = w * FLOWS / total;
        int64_t off = (int64_t)count[i] - expected;
        assert_true(off * off <= 25 * expected + expected * expected / 10000 + 1);
    }
}

static void test_shares(void **state)
{
    static const uint8_t weights[] = {10, 20, 0, 30, 255, 1};
    static const uint16_t sizes[] = {1, 2, 3, 7, 8, 64, 255};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct routes *r = ecmp(sizes[i], NULL);
        expect_shares(r, ROUTE_BY_SOURCE, sizes[i], NULL);
        expect_shares(r, ROUTE_BY_WEIGHT, sizes[i], NULL); /* none has a weight */
        routes_free(r);
    }
    struct routes *r = ecmp(6, weights);
    expect_shares(r, ROUTE_BY_WEIGHT, 6, weights);
    expect_shares(r, ROUTE_BY_SOURCE, 6, NULL);
    routes_free(r);
    r = ecmp(ROUTE_HOPS_MAX + 10, NULL); /* no more than that */
    struct ip_addr any = ip_addr_of4(be32_of(0x08080808));
    assert_int_equal(route_find(r, &any)->n, ROUTE_HOPS_MAX);
    routes_free(r);
}

/* Who is on a hop that stays, stays; a hop that comes takes from all. */
static void test_stability(void **state)
{
    static const uint8_t weights[] = {10, 20, 30, 40, 5};
    (void)state;
    for (int by_weight = 0; by_weight < 2; by_weight++) {
        enum route_choice choice = by_weight ? ROUTE_BY_WEIGHT : ROUTE_BY_SOURCE;
        struct routes *five = ecmp(5, weights), *four = ecmp(4, weights);
        uint32_t moved = 0;
        for (uint32_t i = 0; i < 10000; i++) {
            uint32_t a = hop_of(five, choice, i), b = hop_of(four, choice, i);
            assert_int_equal(a, hop_of(five, choice, i));
            assert_true(a == b || a == 4);
            moved += a != b;
        }
        assert_in_range(moved, by_weight ? 350 : 1800, by_weight ? 600 : 2200);
        routes_free(five);
        routes_free(four);
    }
}

/* By source: wherever it goes. By pair: not. */
static void test_choice(void **state)
{
    struct routes *r = ecmp(4, NULL);
    struct ip_addr any = ip_addr_of4(be32_of(0x08080808)), src = ip_of("2001:db8::1");
    const struct route_set *set = route_find(r, &any);
    uint32_t used[2] = {0};
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        struct ip_addr dst = ip_addr_of4(be32_of(i));
        for (int by_pair = 0; by_pair < 2; by_pair++) {
            enum route_choice choice = by_pair ? ROUTE_BY_PAIR : ROUTE_BY_SOURCE;
            const struct route_hop *hop =
                route_pick(set, choice, route_flow(&secret, choice, &src, &dst));
            used[by_pair] |= 1u << hop->ifindex;
        }
    }
    assert_int_equal(__builtin_popcount(used[0]), 1);
    assert_int_equal(used[1], 0x1e);
    routes_free(r);
}

static void test_gateways(void **state)
{
    struct route rows[1000];
    struct ip_addr ip;
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        ip = ip_addr_of4(be32_of(i << 12));
        rows[i] = (struct route){.dst = ip, .len = 20, .ifindex = (uint16_t)(1 + i % 3)};
        rows[i].gateway = ip_addr_of4(be32_of(0x0a000001 + i / 2));
        rows[i].state = i == 10 || i == 11 ? ROUTE_DOWN : 0;
    }
    struct routes *r = routes_build(rows, 1000, NULL);
    for (uint32_t i = 0; i < 1000; i++) {
        ip = rows[i].gateway;
        assert_int_equal(routes_gateway(r, rows[i].ifindex, &ip), i != 10 && i != 11);
        assert_false(routes_gateway(r, 4, &ip));
    }
    ip = ip_addr_of4(be32_of(0x0a000000));
    assert_false(routes_gateway(r, 1, &ip));
    assert_false(routes_gateway(r, 0, &(struct ip_addr){0}));
    routes_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_prefix),
        cmocka_unit_test(test_defaults_and_ends),
        cmocka_unit_test(test_better),
        cmocka_unit_test(test_via),
        cmocka_unit_test(test_against_list),
        cmocka_unit_test(test_successors),
        cmocka_unit_test(test_equal_tables_are_one),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_stability),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_gateways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
