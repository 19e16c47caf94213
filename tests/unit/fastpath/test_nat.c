/* SPDX-License-Identifier: BSD-3-Clause */
/* Translation through a whole firewall: what leaves for what arrived, there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat.h"

/* ---- VIPs ---- */

#define STATIC VIP("one", "203.0.113.10", "10.0.0.5", "")
#define RANGE  VIP("range", "203.0.113.32-203.0.113.47", "10.1.0.32-10.1.0.47", "")
#define FORWARD                                                                            \
    VIP("web", "203.0.113.2", "10.0.0.6",                                                  \
        "set portforward enable\nset protocol udp\nset extport 8000-8009\nset mappedport " \
        "80-89\n")
#define INWARD \
    POLICY(2, "wan", "lan", "\"one\" \"web\"", "") POLICY(3, "wan", "dmz", "\"range\"", "")

static void test_vips(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC RANGE FORWARD) POLICIES(INWARD));
    both_ways(&fw, WAN, (struct ends){server, 4000, "203.0.113.10", 5060}, LAN,
              (struct ends){server, 4000, pbx, 5060});
    both_ways(&fw, WAN, (struct ends){server, 4000, "203.0.113.47", 5060}, DMZ,
              (struct ends){server, 4000, "10.1.0.47", 5060});
    both_ways(&fw, WAN, (struct ends){server, 4000, "203.0.113.2", 8009}, LAN,
              (struct ends){server, 4000, "10.0.0.6", 89});
    /* What no VIP takes is the firewall's own, and it is not at home. */
    drops(&fw, WAN, (struct ends){server, 4000, "203.0.113.2", 8010}, DROP_LOCAL_DENIED);
    struct frame f = tcp((struct ends){server, 4000, "203.0.113.2", 8000}, SYN);
    firewall_drops(&fw, WAN, &f, DROP_LOCAL_DENIED);
    /* Nobody outside uses our addresses. */
    drops(&fw, WAN, (struct ends){"203.0.113.10", 4000, "203.0.113.2", 8000}, DROP_BAD_SOURCE);
    firewall_free(&fw);
}

/* A policy that names addresses, not the VIP, is not about what a VIP changed. */
static void test_a_vip_needs_its_policy(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC) POLICIES(POLICY(2, "wan", "lan", "\"all\"", "")));
    drops(&fw, WAN, (struct ends){server, 4000, "203.0.113.10", 5060}, DROP_NO_POLICY);
    firewall_free(&fw);
}

static void test_ping_through_a_vip(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC) POLICIES(POLICY(2, "wan", "lan", "\"one\"", "")));
    frame_icmp(&f, (struct ends){server, 0, "203.0.113.10", 0}, 8, 0, 0x00070001);
    const struct frame *there = firewall_passes(&fw, WAN, &f, LAN);
    be32 to = frame_address(pbx);
    assert_memory_equal(there->b + FRAME_IP + 16, &to, 4);
    frame_icmp(&f, (struct ends){pbx, 0, server, 0}, 0, 0, 0x00070001);
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_free(&fw);
}

static void test_source_filter(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(VIP("one", "203.0.113.10", "10.0.0.5",
                                     "set src-filter \"198.51.100.0/29\"\n"))
                           POLICIES(POLICY(2, "wan", "lan", "\"one\"", "")));
    both_ways(&fw, WAN, (struct ends){server, 4000, "203.0.113.10", 5060}, LAN,
              (struct ends){server, 4000, pbx, 5060});
    drops(&fw, WAN, (struct ends){"198.51.100.9", 4000, "203.0.113.10", 5060}, DROP_LOCAL_DENIED);
    firewall_free(&fw);
}

/* The mapped host is known outside by the external address, whatever port it uses. */
static void test_mapped_host_goes_out(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw,
                  BASE VIPS(STATIC RANGE) POLICIES(OUT("") POLICY(2, "wan", "lan", "\"one\"", "")));
    both_ways(&fw, LAN, (struct ends){pbx, 5060, server, 5060}, WAN,
              (struct ends){"203.0.113.10", 5060, server, 5060});
    both_ways(&fw, LAN, (struct ends){pbx, 53, server, 5060}, WAN,
              (struct ends){"203.0.113.10", 53, server, 5060});
    both_ways(&fw, LAN, (struct ends){"10.0.0.7", 5060, server, 5060}, WAN,
              (struct ends){"203.0.113.2", 5060, server, 5060});
    firewall_free(&fw);
}

static void test_nat_source_vip(void **state)
{
    struct firewall fw;
    (void)state;
    /* Without nat in the policy, and by a way out that is not the VIP's. */
    firewall_make(&fw,
                  BASE VIPS(VIP("one", "203.0.113.10", "10.0.0.5", "set nat-source-vip enable\n")
                                VIP("two", "203.0.113.11", "10.0.0.6", ""))
                      POLICIES(POLICY(1, "lan", "wan", "\"all\"", "")
                                   POLICY(2, "lan", "dmz", "\"all\"", "")));
    both_ways(&fw, LAN, (struct ends){pbx, 5060, server, 5060}, WAN,
              (struct ends){"203.0.113.10", 5060, server, 5060});
    both_ways(&fw, LAN, (struct ends){pbx, 5060, "10.1.0.9", 5060}, DMZ,
              (struct ends){"203.0.113.10", 5060, "10.1.0.9", 5060});
    both_ways(&fw, LAN, (struct ends){"10.0.0.6", 5060, server, 5060}, WAN,
              (struct ends){"10.0.0.6", 5060, server, 5060});
    firewall_free(&fw);
}

/* Both addresses change in one session. */
static void test_twice_nat(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC) POOLS(POOL("in", "10.0.0.200", "10.0.0.200", "")) POLICIES(
                           POLICY(2, "wan", "lan", "\"one\"",
                                  "set nat enable\nset ippool enable\nset poolname \"in\"\n")));
    both_ways(&fw, WAN, (struct ends){server, 6000, "203.0.113.10", 5060}, LAN,
              (struct ends){"10.0.0.200", 6000, pbx, 5060});
    firewall_free(&fw);
}

static void test_tcp_through_a_forwarded_port(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(VIP("ssh", "203.0.113.2", "10.0.0.5",
                                     "set portforward enable\nset extport 2222\nset mappedport "
                                     "22\n")) POLICIES(POLICY(2, "wan", "lan", "\"ssh\"", "")));
    struct frame f = tcp((struct ends){server, 4000, "203.0.113.2", 2222}, SYN);
    frame_assert_ends(firewall_passes(&fw, WAN, &f, LAN), (struct ends){server, 4000, pbx, 22});
    f = tcp((struct ends){pbx, 22, server, 4000}, SYN | ACK);
    frame_assert_ends(firewall_passes(&fw, LAN, &f, WAN),
                      (struct ends){"203.0.113.2", 2222, server, 4000});
    firewall_free(&fw);
}

/* ---- hairpin ---- */

#define TURN POLICY(4, "lan", "lan", "\"one\" \"web\"", "")

static void test_hairpin_through_a_vip(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC FORWARD) POLICIES(OUT("") TURN));
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, "203.0.113.10", 5060}, LAN,
              (struct ends){"203.0.113.2", 4000, pbx, 5060});
    /* By the interface's own address; and a host that has a VIP is known by it here too. */
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, "203.0.113.2", 8001}, LAN,
              (struct ends){"203.0.113.2", 4000, "10.0.0.6", 81});
    both_ways(&fw, LAN, (struct ends){pbx, 4000, "203.0.113.2", 8001}, LAN,
              (struct ends){"203.0.113.10", 4000, "10.0.0.6", 81});
    /* To itself. */
    both_ways(&fw, LAN, (struct ends){pbx, 4000, "203.0.113.10", 4001}, LAN,
              (struct ends){"203.0.113.10", 4000, pbx, 4001});
    firewall_free(&fw);
}

static void test_hairpin_as_it_is(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, "config system settings\nset snat-hairpin-traffic disable\nend\n" BASE VIPS(
                           STATIC) POLICIES(POLICY(4, "lan", "lan", "\"one\"", "")));
    f = udp((struct ends){"10.0.0.20", 4000, "203.0.113.10", 5060});
    frame_assert_ends(firewall_passes(&fw, LAN, &f, LAN),
                      (struct ends){"10.0.0.20", 4000, pbx, 5060});
    firewall_free(&fw);
}

/* To another inside network the answer passes here anyway. */
static void test_from_inside_to_another_inside(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(RANGE) POLICIES(POLICY(5, "lan", "dmz", "\"range\"", "")));
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, "203.0.113.40", 5060}, DMZ,
              (struct ends){"10.0.0.20", 4000, "10.1.0.40", 5060});
    firewall_free(&fw);
}

/* ---- full cone, and hairpin through pinholes ---- */

#define CONE OUT("set permit-any-host enable\n")

static void test_permit_any_host(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE POLICIES(CONE));
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, server, 5060}, WAN,
              (struct ends){"203.0.113.2", 4000, server, 5060});
    assert_int_equal(firewall_mappings(&fw), 1);
    /* The same public end toward everybody, and from everybody. */
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, other, 5061}, WAN,
              (struct ends){"203.0.113.2", 4000, other, 5061});
    both_ways(&fw, WAN, (struct ends){"192.0.2.77", 9, "203.0.113.2", 4000}, LAN,
              (struct ends){"192.0.2.77", 9, "10.0.0.20", 4000});
    assert_int_equal(firewall_mappings(&fw), 1);
    /* Another host with that source port gets another. */
    char ip[16];
    assert_int_not_equal(leaves(&fw, (struct ends){"10.0.0.21", 4000, server, 5060}, ip).sport,
                         4000);
    assert_int_equal(firewall_mappings(&fw), 2);
    passes(&fw, 400 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 0);
    assert_int_equal(firewall_mappings(&fw), 0);
    drops(&fw, WAN, (struct ends){"192.0.2.77", 9, "203.0.113.2", 4000}, DROP_LOCAL_DENIED);
    firewall_free(&fw);
}

static void test_hairpin_through_pinholes(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE POLICIES(CONE));
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, server, 5060}, WAN,
              (struct ends){"203.0.113.2", 4000, server, 5060});
    both_ways(&fw, LAN, (struct ends){"10.0.0.21", 4001, server, 5060}, WAN,
              (struct ends){"203.0.113.2", 4001, server, 5060});
    /* From the outside end of the one to that of the other: RFC 4787 REQ-9. */
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, "203.0.113.2", 4001}, LAN,
              (struct ends){"203.0.113.2", 4000, "10.0.0.21", 4001});
    /* One that has no pinhole is translated all the same. */
    char ip[16];
    struct frame f = udp((struct ends){"10.0.0.22", 4002, "203.0.113.2", 4001});
    const struct frame *there = firewall_passes(&fw, LAN, &f, LAN);
    be32 own = frame_address("203.0.113.2");
    assert_memory_equal(there->b + FRAME_IP + 12, &own, 4);
    (void)ip;
    firewall_free(&fw);
}

/* It hangs on both: when either pinhole closes it ends. */
static void test_a_hairpin_ends_with_either(void **state)
{
    for (int which = 0; which < 2; which++) {
        struct firewall fw;
        (void)state;
        firewall_make(&fw, BASE POLICIES(CONE));
        both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, server, 5060}, WAN,
                  (struct ends){"203.0.113.2", 4000, server, 5060});
        both_ways(&fw, LAN, (struct ends){"10.0.0.21", 4001, server, 5060}, WAN,
                  (struct ends){"203.0.113.2", 4001, server, 5060});
        both_ways(&fw, LAN, (struct ends){"10.0.0.20", 4000, "203.0.113.2", 4001}, LAN,
                  (struct ends){"203.0.113.2", 4000, "10.0.0.21", 4001});
        assert_int_equal(firewall_sessions(&fw), 3);
        struct mappings *ms = &fw.dp->mappings;
        uint32_t index = mapping_find_public(
            ms, 17,
            (struct endpoint){frame_address("203.0.113.2"), be16_of((uint16_t)(4000 + which))});
        assert_int_not_equal(index, INDEX_NONE);
        mapping_retire(ms, &fw.dp->workers[0]->thread, index);
        drops(&fw, WAN, (struct ends){server, 1, "203.0.113.2", 1}, DROP_LOCAL_DENIED);
        passes(&fw, SECOND);
        assert_int_equal(firewall_sessions(&fw), 1); /* that of the other one to the server */
        assert_int_equal(firewall_mappings(&fw), 1);
        passes(&fw, 600 * SECOND);
        assert_int_equal(firewall_sessions(&fw), 0);
        assert_int_equal(firewall_mappings(&fw), 0);
        firewall_free(&fw);
    }
}

/* A port that a VIP forwards is no host's: neither is it kept for a source, nor for a pinhole. */
static void test_forwarded_ports_are_spoken_for(void **state)
{
    static const char *const configs[] = {
        BASE VIPS(STATIC FORWARD) POLICIES(OUT("") POLICY(2, "wan", "lan", "\"web\"", "")),
        BASE VIPS(STATIC FORWARD) POLICIES(CONE POLICY(2, "wan", "lan", "\"web\"", "")),
    };
    for (int i = 0; i < 2; i++) {
        struct firewall fw;
        char ip[16];
        (void)state;
        firewall_make(&fw, configs[i]);
        assert_int_not_equal(leaves(&fw, (struct ends){"10.0.0.20", 8003, server, 5060}, ip).sport,
                             8003);
        both_ways(&fw, LAN, (struct ends){"10.0.0.20", 8010, server, 5060}, WAN,
                  (struct ends){"203.0.113.2", 8010, server, 5060});
        both_ways(&fw, WAN, (struct ends){server, 5060, "203.0.113.2", 8003}, LAN,
                  (struct ends){server, 5060, "10.0.0.6", 83});
        firewall_free(&fw);
    }
}

/* A pinhole that was there before the VIP gives way. */
static void test_a_vip_takes_its_port(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC) POLICIES(CONE POLICY(2, "wan", "lan", "\"one\"", "")));
    both_ways(&fw, LAN, (struct ends){"10.0.0.20", 8003, server, 5060}, WAN,
              (struct ends){"203.0.113.2", 8003, server, 5060});
    COMMANDS(&fw, "config firewall vip", "edit \"web\"", "set extip 203.0.113.2",
             "set mappedip \"10.0.0.6\"", "set extintf \"wan\"", "set portforward enable",
             "set protocol udp", "set extport 8003", "set mappedport 83", "next", "end",
             "config firewall policy", "edit 2", "set dstaddr \"one\" \"web\"", "next", "end");
    both_ways(&fw, WAN, (struct ends){other, 5060, "203.0.113.2", 8003}, LAN,
              (struct ends){other, 5060, "10.0.0.6", 83});
    passes(&fw, SECOND);
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_free(&fw);
}

/* ---- a changed configuration ---- */

static void test_changes(void **state)
{
    struct firewall fw;
    struct frame f = udp((struct ends){server, 4000, "203.0.113.10", 5060});
    struct frame out = udp((struct ends){"10.0.0.20", 4000, server, 5060});
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC) ONE_TO_ONE POLICIES(
                           BY_POOL("pool") POLICY(2, "wan", "lan", "\"one\"", "")));
    firewall_passes(&fw, WAN, &f, LAN);
    firewall_passes(&fw, LAN, &out, WAN);
    assert_int_equal(firewall_sessions(&fw), 2);
    uint32_t generation = dataplane_snapshot(fw.dp)->generation;
    /* Something that concerns neither. */
    COMMANDS(&fw, "config firewall vip", "edit \"two\"", "set extip 203.0.113.11",
             "set mappedip \"10.0.0.9\"", "set extintf \"wan\"", "next", "end");
    assert_int_not_equal(dataplane_snapshot(fw.dp)->generation, generation);
    firewall_passes(&fw, WAN, &f, LAN);
    firewall_passes(&fw, LAN, &out, WAN);
    assert_int_equal(firewall_sessions(&fw), 2);
    /* The VIP leads elsewhere: the old session is over, a new one begins. */
    COMMANDS(&fw, "config firewall vip", "edit \"one\"", "set mappedip \"10.0.0.6\"", "next",
             "end");
    frame_assert_ends(firewall_passes(&fw, WAN, &f, LAN),
                      (struct ends){server, 4000, "10.0.0.6", 5060});
    /* The pool has other addresses. */
    COMMANDS(&fw, "config firewall ippool", "edit \"pool\"", "set startip 203.0.113.120",
             "set endip 203.0.113.120", "next", "end");
    frame_assert_ends(firewall_passes(&fw, LAN, &out, WAN),
                      (struct ends){"203.0.113.120", 4000, server, 5060});
    /* Of the old pool nothing is left after a while. */
    passes(&fw, 300 * SECOND);
    assert_null(pools_at(fw.dp->pools, 1));
    firewall_free(&fw);
}

/* Timers and services look at the port behind the VIP. */
static void test_timers_behind_a_vip(void **state)
{
    struct firewall fw;
    struct frame f = udp((struct ends){server, 4000, "203.0.113.2", 8000});
    (void)state;
    firewall_make(&fw, BASE VIPS(FORWARD) "config system session-ttl\nconfig port\nedit 1\nset "
                                          "protocol 17\nset timeout 50\nset start-port 80\nset "
                                          "end-port 80\nnext\nend\nend\n" POLICIES(
                                              POLICY(2, "wan", "lan", "\"web\"", "")));
    firewall_passes(&fw, WAN, &f, LAN);
    passes(&fw, 49 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 1);
    passes(&fw, 2 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vips),
        cmocka_unit_test(test_a_vip_needs_its_policy),
        cmocka_unit_test(test_ping_through_a_vip),
        cmocka_unit_test(test_source_filter),
        cmocka_unit_test(test_mapped_host_goes_out),
        cmocka_unit_test(test_nat_source_vip),
        cmocka_unit_test(test_twice_nat),
        cmocka_unit_test(test_tcp_through_a_forwarded_port),
        cmocka_unit_test(test_hairpin_through_a_vip),
        cmocka_unit_test(test_hairpin_as_it_is),
        cmocka_unit_test(test_from_inside_to_another_inside),
        cmocka_unit_test(test_permit_any_host),
        cmocka_unit_test(test_hairpin_through_pinholes),
        cmocka_unit_test(test_a_hairpin_ends_with_either),
        cmocka_unit_test(test_forwarded_ports_are_spoken_for),
        cmocka_unit_test(test_a_vip_takes_its_port),

        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_timers_behind_a_vip),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
