/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

#include <stdlib.h>

static int setup(void **state)
{
    struct fake *fake = malloc(sizeof(*fake));
    fake_open(fake);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    free(*state);
    return 0;
}

static const char *const configuration[] = {
    "config system interface",
    "edit port1",
    "next",
    "edit port2",
    "next",
    "end",
    "config firewall address",
    "edit branch",
    "set subnet 198.51.100.0/24",
    "next",
    "end",
    "config firewall ippool",
    "edit cgn",
    "set type port-block-allocation",
    "set startip 203.0.113.10",
    "set endip 203.0.113.19",
    "next",
    "edit over",
    "set startip 203.0.113.30",
    "set endip 203.0.113.31",
    "next",
    "edit unused",
    "set type fixed-port-range",
    "set startip 203.0.113.40",
    "set endip 203.0.113.49",
    "set source-startip 10.0.1.1",
    "set source-endip 10.0.1.253",
    "next",
    "edit one",
    "set type one-to-one",
    "set startip 203.0.113.60",
    "set endip 203.0.113.61",
    "next",
    "end",
    "config firewall vip",
    "edit web",
    "set extip 203.0.113.5",
    "set mappedip 10.0.0.5",
    "set extintf port1",
    "set portforward enable",
    "set extport 80-81",
    "set src-filter 192.0.2.0/24",
    "next",
    "edit host",
    "set extip 203.0.113.6",
    "set mappedip 10.0.0.6",
    "set extintf any",
    "set nat-source-vip enable",
    "next",
    "end",
    "config firewall policy",
    "edit 1",
    "set srcintf port2",
    "set dstintf port1",
    "set srcaddr all",
    "set dstaddr branch",
    "set srcaddr6 all",
    "set dstaddr6 none",
    "set schedule always",
    "set service SIP",
    "set action accept",
    "set nat enable",
    "set ippool enable",
    "set poolname over cgn",
    "next",
    "edit 7",
    "set srcintf any",
    "set dstintf port1 port2",
    "set srcaddr all",
    "set dstaddr web",
    "set srcaddr-negate enable",
    "set schedule always",
    "set service PING",
    "next",
    "end",
};

static void configure(struct fake *fake)
{
    for (size_t i = 0; i < sizeof(configuration) / sizeof(configuration[0]); i++) {
        fake_line(fake, configuration[i]);
        if (cli_status(fake->cli) != 0)
            fail_msg("%s", configuration[i]);
    }
}

#define GROUP                                                 \
    "cos_fwd=255  cos_rev=255\n"                              \
    "group=00100004 av=00000000 au=00000000 split=00000000\n" \
    "host=0 chk_client_info=0x0 app_list=0 ips_view=0\n"      \
    "misc=0 dd_type=0 dd_mode=0\n"
#define POLICY_7                                                                              \
    "policy index=7 uuid_idx=0 action=drop\nflag (0):\n" GROUP "zone(1): 0 -> zone(2): 1 2\n" \
    "source-negate(1): 0.0.0.0-255.255.255.255, uuid_idx=0, \n"                               \
    "vip(1): web\n"                                                                           \
    "service(1):\n"                                                                           \
    "        [1:0x0:23/(0,65535)->(0,65535)] helper:auto\n\n"

static void policies(void **state)
{
    struct fake *fake = *state;
    static const struct backend_policy_count counts[] = {
        {9, 900, 9}, {144967, 135758174, 663}, [7] = {1, 60, 1}};
    configure(fake);
    fake->counts = counts;
    fake->n_counts = 8;
    const struct transcript rows[] = {
        {"diagnose firewall iprope list 100004",
         "policy index=1 uuid_idx=0 action=accept\nflag (0): nat pol_stats\n" GROUP
         "zone(1): 2 -> zone(1): 1\n"
         "source(1): 0.0.0.0-255.255.255.255, uuid_idx=0, \n"
         "dest(1): 198.51.100.0-198.51.100.255, uuid_idx=2, \n"
         "source6(1): ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff, uuid_idx=0, \n"
         "dest6(1): ::-::, uuid_idx=1, \n"
         "ippool(2): cgn over\n"
         "service(2):\n"
         "        [6:0x0:31/(0,65535)->(5060,5060)] helper:auto\n"
         "        [17:0x0:31/(0,65535)->(5060,5060)] helper:auto\n\n" POLICY_7},
        {"diagnose firewall iprope list 100004 7", POLICY_7},
        {"diagnose firewall iprope show 100004 1",
         "idx=1 pkts/bytes=144967/135758174 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:663\n"
         "    first:0s ago last:0s ago established session count:0\n"},
        {"diagnose firewall iprope clear 100004 1", ""},
        {"diagnose firewall iprope show 100004",
         "idx=1 pkts/bytes=0/0 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:0\n"
         "idx=7 pkts/bytes=1/60 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:1\n"
         "    first:0s ago last:0s ago established session count:0\n"
         "idx=0 pkts/bytes=9/900 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:9\n"
         "    first:0s ago last:0s ago established session count:0\n"},
        {"diagnose firewall iprope clear 100004", ""},
        {"diagnose firewall iprope show 100004 0",
         "idx=0 pkts/bytes=0/0 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:0\n"},
        {"diagnose firewall iprope show 100005",
         "value parse error before '100005'\nCommand fail. Return code -61\n", -61},
        {"diagnose firewall iprope show 100004 x",
         "value parse error before 'x'\nCommand fail. Return code -61\n", -61},
        {"diagnose firewall iprope show",
         "incomplete command in the end\nCommand fail. Return code -160\n", -160},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void pools(void **state)
{
    struct fake *fake = *state;
    static const struct backend_pool_stat stat = {472,  128, 3,  2,  4720, 1180, 5,
                                                  1200, 20,  30, 10, 19,   1};
    configure(fake);
    fake->pool_stats = &stat;
    const struct transcript rows[] = {
        {"diagnose firewall ippool list",
         "list ippool info:(vf=root)\n"
         "ippool cgn: id=1, block-sz=128, num-block=8, fixed-port=no, use=3\n"
         "   nat ip-range=203.0.113.10-203.0.113.19 start-port=5117, num-pba-per-ip=472\n"
         "   clients=3, inuse-NAT-IPs=2\n"
         "   total-PBAs=4720, inuse-PBAs=1180, expiring-PBAs=5, free-PBAs=75.00%\n"
         "   allocate-PBA-times=1200, reuse-PBA-times=20\n"
         "ippool unused: id=3, block-sz=0, num-block=1, fixed-port=yes, use=0\n"
         "   nat ip-range=203.0.113.40-203.0.113.49 start-port=5117, num-pba-per-ip=0\n"
         "   source ip-range=10.0.1.1-10.0.1.253\n"
         "   clients=0, inuse-NAT-IPs=0\n"
         "   total-PBAs=0, inuse-PBAs=0, expiring-PBAs=0, free-PBAs=100.00%\n"
         "   allocate-PBA-times=0, reuse-PBA-times=0\n"},
        {"diagnose firewall ippool-all list",
         "name: cgn\ntype: port-block-allocation\nstartip: 203.0.113.10\nendip: 203.0.113.19\n"
         "startport: 5117\nendport: 65533\n\n"
         "name: over\ntype: overload\nstartip: 203.0.113.30\nendip: 203.0.113.31\n"
         "startport: 5117\nendport: 65533\n\n"
         "name: unused\ntype: fixed-port-range\nstartip: 203.0.113.40\nendip: 203.0.113.49\n"
         "startport: 5117\nendport: 65533\n\n"
         "name: one\ntype: one-to-one\nstartip: 203.0.113.60\nendip: 203.0.113.61\n\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
    const char *out = fake_line(fake, "diagnose firewall ippool stats");
    assert_non_null(strstr(out, "name: over\ntype: overload\nstartip: 203.0.113.30\n"
                                "endip: 203.0.113.31\nstartport: 5117\nendport: 65533\n"
                                "total ses: 30\ntcp ses: 10\nudp ses: 19\nother ses: 1\n"
                                "clients: 3\naddresses in use: 2\n\n"));
}

static void shares(void **state)
{
    struct fake *fake = *state;
    const struct backend_pool_share table[] = {
        {ip4("10.0.1.1"), ip4("203.0.113.40"), 5117, 7439, 2},
        {ip4("10.0.1.2"), ip4("203.0.113.41"), 5117, 7439, 1}};
    configure(fake);
    fake->shares = table;
    fake->n_shares = 2;
    const struct transcript rows[] = {
        {"diagnose firewall ippool-fixed-range list natip 203.0.113.40",
         "internal ip=10.0.1.1, nat ip=203.0.113.40, range=5117~7439\n"},
        {"diagnose firewall ippool-fixed-range list natip",
         "internal ip=10.0.1.1, nat ip=203.0.113.40, range=5117~7439\n"
         "internal ip=10.0.1.2, nat ip=203.0.113.41, range=5117~7439\n"},
        /* the same from each of the three pools whose hosts hold something */
        {"diagnose firewall ippool shares 203.0.113.41",
         "internal ip=10.0.1.2, nat ip=203.0.113.41, range=5117~7439, use=1\n"
         "internal ip=10.0.1.2, nat ip=203.0.113.41, range=5117~7439, use=1\n"
         "internal ip=10.0.1.2, nat ip=203.0.113.41, range=5117~7439, use=1\n"},
        {"diagnose firewall ippool shares 203.0.113",
         "value parse error before '203.0.113'\nCommand fail. Return code -61\n", -61},
        {NULL},
    };
    fake_transcript(fake, rows);
    fake->busy_every = 2;
    fake_transcript(fake, rows);
}

static void vips(void **state)
{
    struct fake *fake = *state;
    configure(fake);
    const struct transcript rows[] = {
        {"diagnose firewall vip list",
         "vip web: extintf=port1 extip=203.0.113.5-203.0.113.5 mappedip=10.0.0.5-10.0.0.5 "
         "proto=tcp extport=80-81 mappedport=80-81 arp-reply=enable nat-source-vip=disable "
         "src-filter=1 srcintf-filter=0\n"
         "vip host: extintf=any extip=203.0.113.6-203.0.113.6 mappedip=10.0.0.6-10.0.0.6 "
         "arp-reply=enable nat-source-vip=enable src-filter=0 srcintf-filter=0\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void drops(void **state)
{
    struct fake *fake = *state;
    struct backend_counter table[100] = {{"no-policy", "no policy admits it", 12},
                                         {"ttl", "time to live used up", 0}};
    for (int i = 2; i < 100; i++)
        table[i] = (struct backend_counter){"x", "y", 0};
    table[99] = (struct backend_counter){"table-full", "no room for a session", 3};
    fake->counters = table;
    fake->n_counters = 100;
    const struct transcript rows[] = {
        {"diagnose firewall drop list",
         "          12 no-policy                    no policy admits it\n"
         "           3 table-full                   no room for a session\n"
         "total dropped 15\n"},
        {"diagnose firewall drop list x",
         "value parse error before 'x'\nCommand fail. Return code -61\n", -61},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_non_null(strstr(fake_line(fake, "diagnose firewall drop list all"),
                           "           0 ttl                          time to live used up\n"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(policies), TEST(pools), TEST(shares), TEST(vips),
                                       TEST(drops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
