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

static void neighbours(void **state)
{
    struct fake *fake = *state;
    const struct backend_neighbour table[] = {
        {ip4("10.0.0.20"), {2, 0, 0x5e, 0, 0x53, 0x20}, 2, 5, "port2", 86},
        {ip4("10.0.0.99"), {0}, 0x20, 5, "port2", 3},
        {ip4("10.0.0.98"), {0}, 1, 5, "port2", 0},
    };
    fake->neighbours = table;
    fake->n_neighbours = 3;
    const struct transcript rows[] = {
        {"get system arp", "Address           Age(min)   Hardware Addr      Interface\n"
                           "10.0.0.20         1          02:00:5e:00:53:20 port2\n"},
        {"diagnose ip arp list",
         "index=5 ifname=port2 10.0.0.20 02:00:5e:00:53:20 state=00000002 use=8600 confirm=8600 "
         "update=8600 ref=1\n"
         "index=5 ifname=port2 10.0.0.99 state=00000020 use=300 confirm=300 update=300 ref=1\n"
         "index=5 ifname=port2 10.0.0.98 state=00000001 use=0 confirm=0 update=0 ref=1\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
    fake->busy_every = 2;
    fake_transcript(fake, rows);
}

#define CODES                                                                           \
    "Codes: K - kernel, C - connected, S - static, R - RIP, B - BGP\n"                  \
    "       O - OSPF, IA - OSPF inter area\n"                                           \
    "       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2\n"           \
    "       E1 - OSPF external type 1, E2 - OSPF external type 2\n"                     \
    "       i - IS-IS, L1 - IS-IS level-1, L2 - IS-IS level-2, ia - IS-IS inter area\n" \
    "       V - BGP VPNv4\n"                                                            \
    "       * - candidate default\n\n"                                                  \
    "Routing table for VRF=0\n"

static void routes(void **state)
{
    struct fake *fake = *state;
    const struct backend_route table[] = {
        {0, 0, ip4("203.0.113.1"), "port1", false, false, 10, 1},
        {ip4("10.0.0.0"), 24, 0, "port2", true, false, 0, 0},
        {ip4("10.9.0.0"), 16, 0, "", false, true, 10, 1},
        {ip4("10.8.0.0"), 16, 0, "port2", false, false, 20, 5},
    };
    fake->routes = table;
    fake->n_routes = 4;
    const struct transcript rows[] = {
        {"get router info routing-table all",
         CODES "S*      0.0.0.0/0 [10/0] via 203.0.113.1, port1, [1/0]\n"
               "C       10.0.0.0/24 is directly connected, port2\n"
               "S       10.9.0.0/16 [10/0] is a summary, Null, [1/0]\n"
               "S       10.8.0.0/16 [20/0] is directly connected, port2, [5/0]\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void interfaces(void **state)
{
    struct fake *fake = *state;
    const struct backend_interface table[] = {
        {"port1",
         "net_af_packet0,iface=veth1",
         3,
         1500,
         {2, 0, 0x5e, 0, 0x53, 1},
         ip4("203.0.113.2"),
         ip4("255.255.255.0"),
         true,
         10,
         1000,
         1,
         2,
         20,
         2000,
         3},
        {"port2", "0000:01:00.0", 5, 9000, {0}, 0, 0, false, 0, 0, 0, 0, 0, 0, 0},
    };
    fake->interfaces = table;
    fake->n_interfaces = 2;
    const struct transcript rows[] = {
        {"diagnose ip address list",
         "IP=203.0.113.2->203.0.113.2/255.255.255.0 index=3 devname=port1\n"},
        {"get system interface physical", "== [onboard]\n"
                                          "    ==[port1]\n"
                                          "        mode: static\n"
                                          "        ip: 203.0.113.2 255.255.255.0\n"
                                          "        ipv6: ::/0\n"
                                          "        status: up\n"
                                          "        speed: n/a\n"
                                          "    ==[port2]\n"
                                          "        mode: static\n"
                                          "        ip: 0.0.0.0 0.0.0.0\n"
                                          "        ipv6: ::/0\n"
                                          "        status: down\n"
                                          "        speed: n/a\n"},
        {"diagnose hardware deviceinfo nic port1", "Name:            port1\n"
                                                   "Driver:          net_af_packet0\n"
                                                   "HWaddr:          02:00:5e:00:53:01\n"
                                                   "Permanent Hwaddr:02:00:5e:00:53:01\n"
                                                   "State:           up\n"
                                                   "Link:            up\n"
                                                   "Mtu:             1500\n"
                                                   "Rx packets:              10\n"
                                                   "Rx bytes:                1000\n"
                                                   "Rx dropped:              1\n"
                                                   "Rx errors:               2\n"
                                                   "  Rx Missed packets:     1\n"
                                                   "Tx packets:              20\n"
                                                   "Tx bytes:                2000\n"
                                                   "Tx errors:               3\n"},
        {"diagnose hardware deviceinfo nic port7",
         "entry not found in datasource\n\nvalue parse error before 'port7'\n"
         "Command fail. Return code -3\n",
         -3},
        {"diagnose hardware deviceinfo nic",
         "incomplete command in the end\nCommand fail. Return code -160\n", -160},
        {"diagnose hardware deviceinfo nic "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "value parse error before "
         "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n"
         "Command fail. Return code -61\n",
         -61},
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

static void status(void **state)
{
    struct fake *fake = *state;
    fake->uptime_s = 3 * 86400 + 4 * 3600 + 5 * 60 + 59;
    const char *out = fake_line(fake, "get system status");
    assert_memory_equal(out, "Version: Pinhole v", 18);
    assert_non_null(strstr(out, "\nOperation Mode: NAT\n"));
    assert_non_null(strstr(out, "\nUptime: 3 days,  4 hours,  5 minutes\n"));
    fake_line(fake, "config system global");
    fake_line(fake, "set hostname SITE-A");
    fake_line(fake, "end");
    assert_non_null(strstr(fake_line(fake, "get sys stat"), "\nHostname: SITE-A\n"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(neighbours), TEST(routes), TEST(interfaces), TEST(drops), TEST(status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
