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
        {ip("10.0.0.20"), {2, 0, 0x5e, 0, 0x53, 0x20}, 2, 5, "port2", 86},
        {ip("10.0.0.99"), {0}, 0x20, 5, "port2", 3},
        {ip("2001:db8::20"), {2, 0, 0x5e, 0, 0x53, 0x21}, 4, 5, "port2", 7},
        {ip("10.0.0.98"), {0}, 1, 5, "port2", 0},
        {ip("fe80::99"), {0}, 0x20, 3, "port1", 2},
    };
    fake->neighbours = table;
    fake->n_neighbours = 5;
    const struct transcript rows[] = {
        {"get system arp", "Address           Age(min)   Hardware Addr      Interface\n"
                           "10.0.0.20         1          02:00:5e:00:53:20 port2\n"},
        {"diagnose ip arp list",
         "index=5 ifname=port2 10.0.0.20 02:00:5e:00:53:20 state=00000002 use=8600 confirm=8600 "
         "update=8600 ref=1\n"
         "index=5 ifname=port2 10.0.0.99 state=00000020 use=300 confirm=300 update=300 ref=1\n"
         "index=5 ifname=port2 10.0.0.98 state=00000001 use=0 confirm=0 update=0 ref=1\n"},
        {"diagnose ipv6 neighbor-cache list",
         "ifindex=5 ifname=port2 2001:db8::20 02:00:5e:00:53:21 state=00000004 use=700 confirm=700 "
         "update=700 ref=1\n"
         "ifindex=3 ifname=port1 fe80::99 state=00000020 use=200 confirm=200 update=200 ref=1\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
    fake->busy_every = 2;
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
         ip("2001:db8::1"),
         64,
         true,
         10,
         1000,
         1,
         2,
         20,
         2000,
         3},
        {"port2", "0000:01:00.0", 5, 9000, {0}, 0, 0, {{{0}}}, 0, false, 0, 0, 0, 0, 0, 0, 0},
    };
    fake->interfaces = table;
    fake->n_interfaces = 2;
    const struct transcript rows[] = {
        {"diagnose ip address list",
         "IP=203.0.113.2->203.0.113.2/255.255.255.0 index=3 devname=port1\n"},
        {"diagnose ipv6 address list",
         "dev=3 devname=port1 flag=P scope=0 prefix=64 addr=2001:db8::1 preferred=4294967295 "
         "valid=4294967295 cstamp=0 tstamp=0\n"
         "dev=3 devname=port1 flag=P scope=253 prefix=64 addr=fe80::5eff:fe00:5301 "
         "preferred=4294967295 valid=4294967295 cstamp=0 tstamp=0\n"},
        {"get system interface physical", "== [onboard]\n"
                                          "    ==[port1]\n"
                                          "        mode: static\n"
                                          "        ip: 203.0.113.2 255.255.255.0\n"
                                          "        ipv6: 2001:db8::1/64\n"
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
        TEST(neighbours),
        TEST(interfaces),
        TEST(status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
