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

/* ---- SIP behind a pool ---- */

static const char invite[] = "INVITE sip:bob@198.51.100.5 SIP/2.0\r\n"
                             "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK1\r\n"
                             "From: <sip:alice@10.0.0.20>;tag=1\r\n"
                             "To: <sip:bob@198.51.100.5>\r\n"
                             "Call-ID: 1\r\n"
                             "CSeq: 1 INVITE\r\n"
                             "Contact: <sip:alice@10.0.0.20:5060>\r\n"
                             "Content-Type: application/sdp\r\n"
                             "Content-Length: 100\r\n\r\n"
                             "v=0\r\no=- 1 1 IN IP4 10.0.0.20\r\ns=-\r\nc=IN IP4 10.0.0.20\r\n"
                             "t=0 0\r\nm=audio 30000 RTP/AVP 0\r\na=sendrecv\r\n";

static unsigned number_after(const struct frame *f, const char *word)
{
    struct slice text = frame_udp_payload(frame_slice(f));
    const char *at = memmem(text.p, text.n, word, strlen(word));
    unsigned n = 0;
    assert_non_null(at);
    for (at += strlen(word); *at >= '0' && *at <= '9'; at++)
        n = 10 * n + (unsigned)(*at - '0');
    return n;
}

/* Signalling and media of a host come from its block, and the block is kept while a pinhole is. */
static void test_sip_behind_port_blocks(void **state)
{
    struct firewall fw;
    struct frame f;
    struct pool_stat stat;
    (void)state;
    firewall_make(&fw, BASE POOLS(POOL("pool", "203.0.113.100", "203.0.113.100",
                                       "set type port-block-allocation\nset block-size 64\nset "
                                       "num-blocks-per-user 2\nset startport 5120\nset endport "
                                       "5311\n")) POLICIES(BY_POOL("pool")));
    frame_udp(&f, (struct ends){"10.0.0.20", 5060, server, 5060}, slice_str(invite));
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    frame_assert_whole(there);
    unsigned signalling = (unsigned)(there->b[FRAME_L4] << 8 | there->b[FRAME_L4 + 1]);
    unsigned media = number_after(there, "m=audio ");
    assert_in_range(signalling, 5120, 5311);
    assert_int_equal(signalling / 64, media / 64);
    assert_int_equal(number_after(there, "Via: SIP/2.0/UDP 203.0.113.100:"), signalling);
    assert_int_equal(number_after(there, "c=IN IP4 203.0.113."), 100);
    pool_stat(pools_at(fw.dp->pools, 1), &stat);
    assert_int_equal(stat.places_in_use, 1);
    assert_int_equal(stat.places_expiring, 0);
    passes(&fw, 4000 * SECOND);
    pool_stat(pools_at(fw.dp->pools, 1), &stat);
    assert_int_equal(firewall_mappings(&fw), 0);
    assert_int_equal(stat.places_in_use, 0);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overload),
        cmocka_unit_test(test_several_pools),
        cmocka_unit_test(test_one_to_one),
        cmocka_unit_test(test_fixed_port_range),
        cmocka_unit_test(test_port_blocks),
        cmocka_unit_test(test_a_cone_by_the_pool),
        cmocka_unit_test(test_fixedport),
        cmocka_unit_test(test_port_random),
        cmocka_unit_test(test_sip_behind_port_blocks),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
