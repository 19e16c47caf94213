/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/snapshot.h"

#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define ANY            (~(uint64_t)0)

enum {
    LAN = 1,
    WAN,
    DMZ
};

static const struct address_range all[] = {{0, UINT32_MAX}};
static const struct address_range phones[] = {{IP(10, 0, 0, 20), IP(10, 0, 0, 29)},
                                              {IP(10, 0, 1, 0), IP(10, 0, 1, 255)}};
static const struct address_range server[] = {{IP(198, 51, 100, 5), IP(198, 51, 100, 5)}};
static const struct policy_service any_service[] = {{.match = {.proto = 0}}};
static const struct policy_service sip[] = {
    {.match = {17, .dport_first = 5060, .dport_last = 5061, .sport_last = 65535}, .service = 7},
    {.match = {6, .dport_first = 5060, .dport_last = 5060, .sport_last = 65535}, .service = 8},
    {.match = {17, .dport_first = 53, .dport_last = 53, .sport_first = 1024, .sport_last = 65535}}};
static const struct policy_service ping[] = {
    {.match = {.proto = 1, .icmp_type = 8, .any_icmp_code = true}}};
static const struct policy_service icmp_all[] = {{.match = {.proto = 1, .any_icmp_type = true}}};

#define LIST(field, list) .field = (list), .n_##field = sizeof(list) / sizeof((list)[0])
#define ALL               LIST(src, all), LIST(dst, all)

static const struct policy book[] = {
    {.id = 10,
     .in_mask = 1 << LAN,
     .out_mask = 1 << WAN,
     LIST(src, phones),
     LIST(dst, server),
     LIST(services, sip)},
    {.id = 20, .in_mask = 1 << LAN, .out_mask = 1 << WAN | 1 << DMZ, ALL, LIST(services, ping)},
    {.id = 30,
     .in_mask = 1 << DMZ,
     .out_mask = 1 << WAN,
     LIST(src, phones),
     .src_negate = true,
     LIST(dst, all),
     LIST(services, any_service)},
    {.id = 40,
     .in_mask = 1 << DMZ,
     .out_mask = 1 << LAN,
     LIST(src, all),
     LIST(dst, server),
     .dst_negate = true,
     LIST(services, any_service)},
    {.id = 50,
     .in_mask = 1 << WAN,
     .out_mask = ANY,
     ALL,
     LIST(services, sip),
     .service_negate = true},
    {.id = 60, .in_mask = 1 << WAN, .out_mask = 1 << LAN, ALL, LIST(services, icmp_all)},
    {.id = 70, .in_mask = 1 << WAN, .out_mask = 1 << LAN, ALL, LIST(services, sip)},
};

static const struct snapshot snapshot = {.n_policies = 7, .policies = book};

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
        {10, LAN, WAN, inside, outside, 17, 5060, 5060},
        {10, LAN, WAN, inside, outside, 17, 1, 5061},
        {10, LAN, WAN, inside, outside, 6, 1, 5060},
        {0, LAN, WAN, inside, outside, 6, 1, 5061},
        {0, LAN, WAN, inside, outside, 17, 1, 5059},
        {0, LAN, WAN, inside, outside, 17, 1, 5062},
        {10, LAN, WAN, inside, outside, 17, 1024, 53},
        {0, LAN, WAN, inside, outside, 17, 1023, 53},
        {0, LAN, WAN, IP(10, 0, 0, 19), outside, 17, 1, 5060},
        {10, LAN, WAN, IP(10, 0, 0, 29), outside, 17, 1, 5060},
        {0, LAN, WAN, IP(10, 0, 0, 30), outside, 17, 1, 5060},
        {10, LAN, WAN, IP(10, 0, 1, 0), outside, 17, 1, 5060},
        {10, LAN, WAN, IP(10, 0, 1, 255), outside, 17, 1, 5060},
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
        {70, WAN, LAN, 1, 1, 6, 1, 5060},
        {50, WAN, LAN, 1, 1, 1, 0, 13 << 8 | 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct flow f = {.in_ifindex = row[i].in,
                         .out_ifindex = row[i].out,
                         .src = ip_addr_of4(be32_of(row[i].src)),
                         .dst = ip_addr_of4(be32_of(row[i].dst)),
                         .sport = row[i].sport,
                         .dport = row[i].dport,
                         .proto = row[i].proto};
        struct policy_hit hit = {0};
        bool found = policy_find(&snapshot, &f, &hit);
        if ((found ? hit.policy->id : 0) != row[i].id)
            fail_msg("row %zu: policy %u", i, found ? hit.policy->id : 0);
    }
}

/* Which service matched decides over timers and helpers. */
static void test_service_of_hit(void **state)
{
    struct flow f = {.in_ifindex = LAN,
                     .out_ifindex = WAN,
                     .src = ip_addr_of4(be32_of(IP(10, 0, 0, 20))),
                     .dst = ip_addr_of4(be32_of(IP(198, 51, 100, 5))),
                     .sport = 1,
                     .dport = 5060,
                     .proto = 6};
    struct policy_hit hit;
    (void)state;
    assert_true(policy_find(&snapshot, &f, &hit));
    assert_int_equal(hit.service->service, 8);
    f.in_ifindex = WAN;
    f.out_ifindex = DMZ;
    f.dport = 80;
    assert_true(policy_find(&snapshot, &f, &hit));
    assert_null(hit.service);
}

static void test_by_id(void **state)
{
    (void)state;
    assert_ptr_equal(policy_by_id(&snapshot, 30), &book[2]);
    assert_null(policy_by_id(&snapshot, 31));
    assert_null(policy_by_id(&snapshot, 0));
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
    return cmocka_run_group_tests(tests, NULL, NULL);
}
