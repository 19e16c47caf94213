/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

enum {
    LAN = 1,
    WAN,
    DMZ
};

#define RULE(id, from, to, src, dst, service, more)                        \
    "edit " #id "\nset srcintf " from "\nset dstintf " to "\nset srcaddr " \
    "\"" src "\"\nset dstaddr \"" dst "\"\nset service " service           \
    "\nset action accept\nset schedule \"always\"\n" more "next\n"

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "edit \"dmz\"\nset ip 192.0.2.2 255.255.255.0\nnext\n"
    "end\n"
    "config firewall address\n"
    "edit \"desks\"\nset type iprange\nset start-ip 10.0.0.20\nset end-ip 10.0.0.29\nnext\n"
    "edit \"floor\"\nset subnet 10.0.1.0 255.255.255.0\nnext\n"
    "edit \"server\"\nset subnet 198.51.100.5 255.255.255.255\nnext\n"
    "end\n"
    "config firewall addrgrp\n"
    "edit \"floors\"\nset member \"floor\"\nnext\n"
    "edit \"phones\"\nset member \"desks\" \"floors\"\nnext\n"
    "end\n"
    "config firewall service custom\n"
    "edit \"sip\"\nset udp-portrange 5060-5061\nnext\n"
    "edit \"sip-tcp\"\nset tcp-portrange 5060\nnext\n"
    "edit \"dns\"\nset udp-portrange 53:1024-65535\nnext\n"
    "end\n"
    "config firewall service group\n"
    "edit \"voice\"\nset member \"sip\" \"sip-tcp\" \"dns\"\nnext\n"
    "end\n"
    "config firewall policy\n" /* Not in the order of ids. */
    RULE(70, "\"lan\"", "\"wan\"", "phones", "server", "\"voice\"",
         "") RULE(20, "\"lan\"", "\"wan\" \"dmz\"", "all", "all", "\"PING\"", "")
        RULE(30, "\"dmz\"", "\"wan\"", "phones", "all", "\"ALL\"", "set srcaddr-negate enable\n")
            RULE(40, "\"dmz\"", "\"lan\"", "all", "server", "\"ALL\"",
                 "set dstaddr-negate enable\n")
                RULE(55, "\"wan\"", "\"any\"", "all", "all", "\"ALL\"", "set status disable\n")
                    RULE(50, "\"wan\"", "\"any\"", "all", "all", "\"voice\"",
                         "set service-negate enable\n")
                        RULE(60, "\"wan\"", "\"lan\"", "all", "all", "\"ALL_ICMP\"", "")
                            RULE(10, "\"wan\"", "\"lan\"", "all", "all", "\"voice\"", "") "end\n";

static struct flow flow_of(uint16_t in, uint16_t out, uint32_t src, uint32_t dst, uint8_t proto)
{
    return (struct flow){.in_ifindex = in,
                         .out_ifindex = out,
                         .src = ip_addr_of4(be32_of(src)),
                         .dst = ip_addr_of4(be32_of(dst)),
                         .proto = proto};
}

static void test_rows(void **state)
{
    static const uint32_t inside = IP(10, 0, 0, 20), outside = IP(198, 51, 100, 5);
    static const struct {
        uint32_t id; /* 0: implicit deny */
        uint16_t in, out;
        uint32_t src, dst;
        uint8_t proto;
        uint16_t sport, dport;
    } row[] = {
        {70, LAN, WAN, inside, outside, 17, 5060, 5060},
        {70, LAN, WAN, inside, outside, 17, 1, 5061},
        {70, LAN, WAN, inside, outside, 6, 1, 5060},
        {0, LAN, WAN, inside, outside, 6, 1, 5061},
        {0, LAN, WAN, inside, outside, 17, 1, 5059},
        {0, LAN, WAN, inside, outside, 17, 1, 5062},
        {70, LAN, WAN, inside, outside, 17, 1024, 53},
        {0, LAN, WAN, inside, outside, 17, 1023, 53},
        {0, LAN, WAN, IP(10, 0, 0, 19), outside, 17, 1, 5060},
        {70, LAN, WAN, IP(10, 0, 0, 29), outside, 17, 1, 5060},
        {0, LAN, WAN, IP(10, 0, 0, 30), outside, 17, 1, 5060},
        {70, LAN, WAN, IP(10, 0, 1, 0), outside, 17, 1, 5060},
        {70, LAN, WAN, IP(10, 0, 1, 255), outside, 17, 1, 5060},
        {0, LAN, WAN, inside, outside + 1, 17, 1, 5060},
        {0, LAN, DMZ, inside, outside, 17, 1, 5060},
        {20, LAN, WAN, 1, 1, 1, 0, 8 << 8},
        {20, LAN, DMZ, 1, 1, 1, 0, 8 << 8 | 5},
        {0, LAN, WAN, 1, 1, 1, 0, 0 << 8},
        {0, LAN, LAN, 1, 1, 1, 0, 8 << 8},
        {0, DMZ, WAN, inside, outside, 17, 1, 5060},
        {30, DMZ, WAN, inside + 100, outside, 17, 1, 5060},
        {30, DMZ, WAN, inside + 100, outside, 47, 0, 0},
        {40, DMZ, LAN, inside, inside, 6, 1, 2},
        {0, DMZ, LAN, inside, outside, 6, 1, 2},
        {50, WAN, DMZ, 1, 1, 6, 1, 80},
        {50, WAN, LAN, 1, 1, 6, 1, 80},
        {0, WAN, DMZ, 1, 1, 6, 1, 5060},
        {10, WAN, LAN, 1, 1, 6, 1, 5060},
        {50, WAN, LAN, 1, 1, 1, 0, 13 << 8 | 1},
    };
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct flow f = flow_of(row[i].in, row[i].out, row[i].src, row[i].dst, row[i].proto);
        struct policy_hit hit = {0};
        f.sport = row[i].sport;
        f.dport = row[i].dport;
        bool found = policy_find(fw.dp->snapshot, &f, &hit);
        if ((found ? hit.policy->id : 0) != row[i].id)
            fail_msg("row %zu: policy %u", i, found ? hit.policy->id : 0);
    }
    firewall_free(&fw);
}

/* Which service matched decides over timers and helpers. */
static void test_service_of_hit(void **state)
{
    static const uint32_t phone = IP(10, 0, 0, 20), server = IP(198, 51, 100, 5);
    struct firewall fw;
    struct policy_hit hit, other;
    (void)state;
    firewall_make(&fw, config);
    struct flow f = flow_of(LAN, WAN, phone, server, 6);
    f.dport = 5060;
    assert_true(policy_find(fw.dp->snapshot, &f, &hit));
    f.proto = 17;
    assert_true(policy_find(fw.dp->snapshot, &f, &other));
    assert_ptr_equal(hit.policy, other.policy);
    assert_int_equal(other.service->service + 1, hit.service->service);
    f = flow_of(WAN, DMZ, 1, 1, 6);
    f.dport = 80;
    assert_true(policy_find(fw.dp->snapshot, &f, &hit));
    assert_null(hit.service);
    firewall_free(&fw);
}

static void test_by_id(void **state)
{
    static const uint32_t ids[] = {70, 20, 30, 40, 50, 60, 10};
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (uint32_t i = 0; i < 7; i++)
        assert_ptr_equal(policy_by_id(fw.dp->snapshot, ids[i]), &fw.dp->snapshot->policies[i]);
    for (uint32_t id = 0; id < 200; id++)
        assert_true(id % 10 == 0 || !policy_by_id(fw.dp->snapshot, id));
    assert_null(policy_by_id(fw.dp->snapshot, 0));
    assert_null(policy_by_id(fw.dp->snapshot, UINT32_MAX));
    firewall_free(&fw);
}

static void test_local(void **state)
{
    struct snapshot s = {.n_interfaces = 3};
    (void)state;
    s.interfaces[1].ip = be32_of(IP(10, 0, 0, 1));
    s.interfaces[3].ip = be32_of(IP(203, 0, 113, 2));
    assert_int_equal(snapshot_local(&s, be32_of(IP(10, 0, 0, 1))), 1);
    assert_int_equal(snapshot_local(&s, be32_of(IP(203, 0, 113, 2))), 3);
    assert_int_equal(snapshot_local(&s, be32_of(IP(10, 0, 0, 2))), 0);
    assert_int_equal(snapshot_local(&s, 0), 0);
}

static void test_sip_ports(void **state)
{
    struct snapshot s = {.n_sip_ports = 2, .sip_ports = {be16_of(5060), be16_of(5080)}};
    (void)state;
    assert_true(snapshot_sip_port(&s, be16_of(5060)));
    assert_true(snapshot_sip_port(&s, be16_of(5080)));
    assert_false(snapshot_sip_port(&s, be16_of(5061)));
    assert_false(snapshot_sip_port(&s, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),      cmocka_unit_test(test_service_of_hit),
        cmocka_unit_test(test_by_id),     cmocka_unit_test(test_local),
        cmocka_unit_test(test_sip_ports),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
