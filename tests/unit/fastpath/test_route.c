/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fastpath/route.h"
#include "firewall.h"

#include <errno.h>
#include <stdlib.h>

#define PREFIXES 2000

static struct route route_of(const char *dst, uint8_t len, uint16_t ifindex)
{
    return (struct route){.dst = frame_address(dst), .len = len, .ifindex = ifindex};
}

static uint16_t found(const struct routes *r, const char *ip)
{
    const struct route *hit = route_find(r, frame_address(ip));
    return hit ? hit->ifindex : 0;
}

static void test_longest_prefix(void **state)
{
    struct routes *r = routes_create(8);
    const struct route rows[] = {route_of("10.0.0.0", 8, 1), route_of("10.1.0.0", 16, 2),
                                 route_of("10.1.1.0", 24, 3), route_of("10.1.1.1", 32, 4)};
    (void)state;
    assert_null(route_find(r, frame_address("10.0.0.1")));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(route_add(r, &rows[i]), 0);
    assert_int_equal(found(r, "10.1.1.1"), 4);
    assert_int_equal(found(r, "10.1.1.2"), 3);
    assert_int_equal(found(r, "10.1.2.1"), 2);
    assert_int_equal(found(r, "10.2.1.1"), 1);
    assert_int_equal(found(r, "11.0.0.0"), 0);
    struct route all = route_of("0.0.0.0", 0, 9);
    assert_int_equal(route_add(r, &all), 0);
    assert_int_equal(found(r, "11.0.0.0"), 9);
    assert_int_equal(found(r, "255.255.255.255"), 9);
    assert_int_equal(found(r, "10.1.1.1"), 4);
    assert_int_equal(route_at(r, 0)->ifindex, 1);
    assert_int_equal(route_at(r, 4)->ifindex, 9);
    assert_null(route_at(r, 5));
    routes_free(r);
}

/* Of equal prefixes the lowest distance, then the lowest priority, then the first. */
static void test_better(void **state)
{
    static const struct {
        uint8_t distance;
        uint16_t priority;
        uint16_t wins; /* interface that is found afterwards */
    } row[] = {{10, 5, 1}, {10, 5, 1}, {10, 6, 1}, {10, 4, 4}, {11, 0, 4}, {9, 9, 6}, {0, 1, 7}};
    struct routes *r = routes_create(1);
    (void)state;
    for (uint16_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct route x = route_of("192.0.2.0", 24, (uint16_t)(i + 1));
        x.distance = row[i].distance;
        x.priority = row[i].priority;
        assert_int_equal(route_add(r, &x), 0);
        assert_int_equal(found(r, "192.0.2.7"), row[i].wins);
    }
    struct route other = route_of("192.0.3.0", 24, 8);
    assert_int_equal(route_add(r, &other), -ENOSPC);
    routes_free(r);
}

static bool naive_find(const struct route *rows, size_t n, uint32_t ip, uint8_t *len)
{
    bool hit = false;
    for (size_t i = 0; i < n; i++)
        if ((be32_of(ip) & ipv4_mask(rows[i].len)) == rows[i].dst && (!hit || rows[i].len > *len)) {
            hit = true;
            *len = rows[i].len;
        }
    return hit;
}

/* Against looking through the list, with prefixes that lie in each other. */
static void test_against_list(void **state)
{
    struct rng rng = {5};
    struct route *rows = calloc(PREFIXES, sizeof *rows);
    struct routes *r = routes_create(PREFIXES);
    (void)state;
    for (size_t i = 0; i < PREFIXES; i++) {
        uint8_t len = (uint8_t)rng_below(&rng, 33);
        uint32_t ip = 0x0a000000 | rng_below(&rng, 1 << 14) << rng_below(&rng, 11);
        rows[i] = (struct route){
            .dst = be32_of(ip) & ipv4_mask(len), .len = len, .ifindex = (uint16_t)(len + 1)};
        assert_int_equal(route_add(r, &rows[i]), 0);
    }
    for (int i = 0; i < 20000; i++) {
        uint32_t ip = 0x0a000000 | rng_below(&rng, 1 << 14) << rng_below(&rng, 11);
        uint8_t len = 0;
        if (i % 8 == 0)
            ip = (uint32_t)rng_next(&rng);
        bool hit = naive_find(rows, PREFIXES, ip, &len);
        const struct route *x = route_find(r, be32_of(ip));
        assert_int_equal(x != NULL, hit);
        if (hit)
            assert_int_equal(x->ifindex, len + 1);
    }
    routes_free(r);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_prefix),
        cmocka_unit_test(test_better),
        cmocka_unit_test(test_against_list),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
