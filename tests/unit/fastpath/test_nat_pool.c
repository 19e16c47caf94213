/* SPDX-License-Identifier: BSD-3-Clause */
/* Source NAT through a whole firewall: IP pools of all types, and which port is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat.h"

/* ---- pools ---- */

static void test_overload(void **state)
{
    struct firewall fw;
    char first[16], second[16], third[16];
    (void)state;
    firewall_make(&fw, BASE POOLS(POOL("pool", "203.0.113.100", "203.0.113.101",
                                       "set startport 20000\nset endport 20003\n"))
                           POLICIES(BY_POOL("pool")));
    struct ends a = leaves(&fw, (struct ends){"10.0.0.20", 4000, server, 5060}, first);
    assert_in_range(a.sport, 20000, 20003);
    /* The same address again, also toward others; a port of the range is kept. */
    leaves(&fw, (struct ends){"10.0.0.20", 4001, other, 5060}, second);
    assert_string_equal(first, second);
    assert_int_equal(leaves(&fw, (struct ends){"10.0.0.20", 20002, other, 99}, second).sport,
                     20002);
    /* Three more ports, then those of the next address; then no more. */
    for (uint16_t i = 0; i < 7; i++) {
        leaves(&fw, (struct ends){"10.0.0.20", (uint16_t)(5000 + i), server, 5060}, third);
        assert_int_equal(strcmp(third, first) == 0, i < 3);
    }
    drops(&fw, LAN, (struct ends){"10.0.0.20", 6000, server, 5060}, DROP_NO_PORT);
    leaves(&fw, (struct ends){"10.0.0.20", 6000, server, 5061}, third); /* another destination */
    drops(&fw, WAN, (struct ends){server, 1, "203.0.113.100", 5060}, DROP_LOCAL_DENIED);
    firewall_free(&fw);
}

static void test_several_pools(void **state)
{
    struct firewall fw;
    char ip[16];
    (void)state;
    firewall_make(&fw, BASE POOLS(POOL("small", "203.0.113.100", "203.0.113.100",
                                       "set startport 20000\nset endport 20001\n")
                                      POOL("next", "203.0.113.110", "203.0.113.110", ""))
                           POLICIES(OUT("set ippool enable\nset poolname \"small\" \"next\"\n")));
    for (uint16_t i = 0; i < 4; i++) {
        leaves(&fw, (struct ends){"10.0.0.20", (uint16_t)(5000 + i), server, 5060}, ip);
        assert_string_equal(ip, i < 2 ? "203.0.113.100" : "203.0.113.110");
    }
    firewall_free(&fw);
}

static void test_one_to_one(void **state)
{
    struct firewall fw;
    char first[16], second[16];
    (void)state;
    firewall_make(&fw, BASE ONE_TO_ONE POLICIES(BY_POOL("pool")));
    assert_int_equal(leaves(&fw, (struct ends){"10.0.0.20", 53, server, 5060}, first).sport, 53);
    assert_int_equal(leaves(&fw, (struct ends){"10.0.0.21", 53, server, 5060}, second).sport, 53);
    assert_string_not_equal(first, second);
    drops(&fw, LAN, (struct ends){"10.0.0.22", 53, server, 5060}, DROP_POOL_FULL);
    leaves(&fw, (struct ends){"10.0.0.20", 7, other, 9}, second);
    assert_string_equal(first, second);
    /* When its sessions are gone the address is another's. */
    passes(&fw, 200 * SECOND);
    leaves(&fw, (struct ends){"10.0.0.22", 53, server, 5060}, first);
    leaves(&fw, (struct ends){"10.0.0.23", 53, server, 5060}, second);
    drops(&fw, LAN, (struct ends){"10.0.0.20", 53, server, 5060}, DROP_POOL_FULL);
    firewall_free(&fw);
}

static void test_fixed_port_range(void **state)
{
    struct firewall fw;
    char ip[16];
    (void)state;
    firewall_make(&fw,
                  BASE POOLS(POOL("pool", "203.0.113.100", "203.0.113.109",
                                  "set type fixed-port-range\nset source-startip 10.0.0.1\nset "
                                  "source-endip 10.0.0.253\n")) POLICIES(BY_POOL("pool")));
    assert_in_range(leaves(&fw, (struct ends){"10.0.0.2", 4000, server, 5060}, ip).sport, 7440,
                    9762);
    assert_string_equal(ip, "203.0.113.100");
    assert_int_equal(leaves(&fw, (struct ends){"10.0.0.2", 8000, server, 5060}, ip).sport, 8000);
    leaves(&fw, (struct ends){"10.0.0.27", 4000, server, 5060}, ip);
    assert_string_equal(ip, "203.0.113.101");
    drops(&fw, LAN, (struct ends){"10.0.0.254", 4000, server, 5060}, DROP_POOL_SOURCE);
    firewall_free(&fw);
}

static void test_port_blocks(void **state)
{
    struct firewall fw;
    struct pool_stat stat;
    char ip[16];
    (void)state;
    firewall_make(&fw,
                  BASE POOLS(POOL("pool", "203.0.113.100", "203.0.113.100",
                                  "set type port-block-allocation\nset block-size 64\nset "
                                  "num-blocks-per-user 2\nset startport 5120\nset endport 5311\n"))
                      POLICIES(BY_POOL("pool")));
    const struct pool *p = pools_at(fw.dp->pools, 1);
    uint16_t first = leaves(&fw, (struct ends){"10.0.0.20", 4000, server, 5060}, ip).sport & 0xffc0;
    for (uint16_t i = 1; i < 64; i++)
        assert_int_equal(
            leaves(&fw, (struct ends){"10.0.0.20", (uint16_t)(4000 + i), server, 5060}, ip).sport &
                0xffc0,
            first);
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use, 1);
    /* The second block; another host has the third; then neither can have more. */
    for (uint16_t i = 0; i < 64; i++)
        leaves(&fw, (struct ends){"10.0.0.20", (uint16_t)(5000 + i), server, 5060}, ip);
    drops(&fw, LAN, (struct ends){"10.0.0.20", 6000, server, 5060}, DROP_NO_PORT);
    leaves(&fw, (struct ends){"10.0.0.21", 4000, server, 5060}, ip);
    drops(&fw, LAN, (struct ends){"10.0.0.22", 4000, server, 5060}, DROP_POOL_FULL);
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use, 3);
    assert_int_equal(stat.clients, 2);
    assert_int_equal(stat.sessions, 129);
    assert_int_equal(stat.udp, 129);
    passes(&fw, 185 * SECOND); /* sessions end, blocks are kept a while */
    pool_stat(p, &stat);
    assert_int_equal(stat.sessions, 0);
    assert_int_equal(stat.places_expiring, 3);
    passes(&fw, 35 * SECOND);
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use + stat.clients, 0);
    firewall_free(&fw);
}

static void test_a_cone_by_the_pool(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE POOLS(POOL("pool", "203.0.113.100", "203.0.113.100",
                                       "set type one-to-one\nset permit-any-host enable\n"))
                           POLICIES(BY_POOL("pool")));
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, server, 5060}, WAN,
              (struct ends){"203.0.113.100", 4000, server, 5060});
    both_ways(&fw, WAN, (struct ends){"192.0.2.77", 9, "203.0.113.100", 4000}, LAN,
              (struct ends){"192.0.2.77", 9, "10.0.0.20", 4000});
    /* The mapping holds the address as long as it lives. */
    drops(&fw, LAN, (struct ends){"10.0.0.21", 4000, server, 5060}, DROP_POOL_FULL);
    passes(&fw, 400 * SECOND);
    both_ways(&fw, LAN, (struct ends){"10.0.0.21", 4000, server, 5060}, WAN,
              (struct ends){"203.0.113.100", 4000, server, 5060});
    firewall_free(&fw);
}

/* ---- ports ---- */

static void test_fixedport(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE POLICIES(OUT("set fixedport enable\n")));
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 53, server, 53}, WAN,
              (struct ends){"203.0.113.2", 53, server, 53});
    drops(&fw, LAN, (struct ends){"10.0.0.21", 53, server, 53}, DROP_NO_PORT);
    both_ways(&fw, LAN, (struct ends){"10.0.0.21", 53, other, 53}, WAN,
              (struct ends){"203.0.113.2", 53, other, 53});
    firewall_free(&fw);
}

static void test_port_random(void **state)
{
    struct firewall fw;
    char ip[16];
    unsigned kept = 0;
    (void)state;
    firewall_make(&fw, BASE POLICIES(OUT("set port-random enable\n")));
    for (uint16_t i = 0; i < 50; i++)
        kept +=
            leaves(&fw, (struct ends){"10.0.0.20", (uint16_t)(6000 + i), server, 53}, ip).sport ==
            6000 + i;
    assert_in_range(kept, 0, 1);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overload),    cmocka_unit_test(test_several_pools),
        cmocka_unit_test(test_one_to_one),  cmocka_unit_test(test_fixed_port_range),
        cmocka_unit_test(test_port_blocks), cmocka_unit_test(test_a_cone_by_the_pool),
        cmocka_unit_test(test_fixedport),   cmocka_unit_test(test_port_random),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
