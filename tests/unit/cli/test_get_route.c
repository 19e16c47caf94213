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

#define CODES                                                                           \
    "Codes: K - kernel, C - connected, S - static, R - RIP, B - BGP\n"                  \
    "       O - OSPF, IA - OSPF inter area\n"                                           \
    "       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2\n"           \
    "       E1 - OSPF external type 1, E2 - OSPF external type 2\n"                     \
    "       i - IS-IS, L1 - IS-IS level-1, L2 - IS-IS level-2, ia - IS-IS inter area\n" \
    "       V - BGP VPNv4\n"
#define ALL CODES "       * - candidate default\n\nRouting table for VRF=0\n"
#define DATABASE                                                       \
    CODES "       > - selected route, * - FIB route, p - stale info\n" \
          "\nRouting table for VRF=0\n"
#define ALL6                                                                   \
    "IPv6 Routing Table\n"                                                     \
    "Codes: K - kernel route, C - connected, S - static, R - RIP, O - OSPF,\n" \
    "       I - IS-IS, B - BGP\n"                                              \
    "       * - candidate default\n\nRouting table for VRF=0\n"

#define ACTIVE   BACKEND_ROUTE_ACTIVE
#define SPARE    BACKEND_ROUTE_SPARE
#define INACTIVE BACKEND_ROUTE_INACTIVE
#define DOWN     BACKEND_ROUTE_DOWN

static struct backend_route route(const char *dst, uint8_t len, const char *gateway,
                                  const char *interface, enum backend_route_state state)
{
    struct backend_route r = {.dst = ip(dst), .len = len, .interface = interface, .state = state};
    r.distance = 10;
    r.priority = 1;
    if (gateway)
        r.gateway = ip(gateway);
    return r;
}

static struct backend_route connected(const char *dst, uint8_t len, const char *interface)
{
    struct backend_route r = route(dst, len, NULL, interface, ACTIVE);
    r.connected = true;
    r.distance = 0;
    r.priority = 0;
    return r;
}

enum {
    ROUTES = 14
};

static void fill(struct fake *fake, struct backend_route *table)
{
    table[0] = route("0.0.0.0", 0, "203.0.113.1", "port1", ACTIVE);
    table[1] = route("0.0.0.0", 0, "198.51.100.1", "port3", ACTIVE);
    table[1].weight = 7;
    table[2] = route("0.0.0.0", 0, "198.51.100.2", "port3", SPARE);
    table[2].priority = 5;
    table[3] = route("0.0.0.0", 0, "192.0.2.1", "port4", INACTIVE);
    table[3].distance = 20;
    table[4] = connected("10.0.0.0", 24, "port2");
    table[5] = route("10.8.0.0", 16, NULL, "port2", ACTIVE);
    table[6] = route("10.8.9.0", 24, "192.0.2.1", "port4", DOWN);
    table[7] = route("10.9.0.0", 16, NULL, "", ACTIVE);
    table[7].blackhole = true;
    table[8] = route("::", 0, "2001:db8::fe", "port1", ACTIVE);
    table[8].priority = 1024;
    table[9] = connected("2001:db8::", 64, "port1");
    table[10] = route("2001:db8:5::", 48, "2001:db8::fd", "port1", ACTIVE);
    table[11] = route("2001:db8:5::", 48, "2001:db8::fc", "port1", ACTIVE);
    table[12] = route("2001:db8:6::", 48, NULL, "", ACTIVE);
    table[12].blackhole = true;
    table[13] = route("2001:db8:7::", 48, "2001:db8:1::1", "port4", DOWN);
    fake->routes = table;
    fake->n_routes = ROUTES;
}

static const struct transcript transcript[] = {
    {"get router info routing-table all",
     ALL "S*      0.0.0.0/0 [10/0] via 203.0.113.1, port1, [1/0]\n"
         "                  [10/0] via 198.51.100.1, port3, [1/7]\n"
         "                  [10/0] via 198.51.100.2, port3, [5/0]\n"
         "C       10.0.0.0/24 is directly connected, port2\n"
         "S       10.8.0.0/16 [10/0] is directly connected, port2, [1/0]\n"
         "S       10.9.0.0/16 [10/0] is a summary, Null, [1/0]\n"},
    {"get router info routing-table database",
     DATABASE "S    *> 0.0.0.0/0 [10/0] via 203.0.113.1, port1, [1/0]\n"
              "     *>           [10/0] via 198.51.100.1, port3, [1/7]\n"
              "     *>           [10/0] via 198.51.100.2, port3, [5/0]\n"
              "                  [20/0] via 192.0.2.1, port4, [1/0]\n"
              "C    *> 10.0.0.0/24 is directly connected, port2\n"
              "S    *> 10.8.0.0/16 [10/0] is directly connected, port2, [1/0]\n"
              "S       10.8.9.0/24 [10/0] via 192.0.2.1, port4 inactive, [1/0]\n"
              "S    *> 10.9.0.0/16 [10/0] is a summary, Null, [1/0]\n"},
    {"get router info routing-table details 10.8.9.1",
     "\nRouting table for VRF=0\nRouting entry for 10.8.0.0/16\n"
     "  Known via \"static\", distance 10, metric 0, best\n"
     "  * directly connected, port2\n\n"},
    {"get router info routing-table details 10.9.0.1",
     "\nRouting table for VRF=0\nRouting entry for 10.9.0.0/16\n"
     "  Known via \"static\", distance 10, metric 0, best\n"
     "  * directly connected, Null\n\n"},
    {"get router info routing-table details 192.0.2.77",
     "\nRouting table for VRF=0\nRouting entry for 0.0.0.0/0\n"
     "  Known via \"static\", distance 10, metric 0, best\n"
     "  * vrf 0 203.0.113.1, via port1\n\n"
     "  Known via \"static\", distance 10, metric 0, best\n"
     "  * vrf 0 198.51.100.1, via port3\n\n"
     "  Known via \"static\", distance 10, metric 0\n"
     "    vrf 0 198.51.100.2, via port3\n\n"},
    {"get router info routing-table details 10.0.0",
     "invalid ip address\n\nvalue parse error before '10.0.0'\nCommand fail. Return code -8\n", -8},
    {"get router info6 routing-table",
     ALL6 "S*      ::/0 [10/0] via 2001:db8::fe, port1, [1024/0]\n"
          "C       2001:db8::/64 via ::, port1\n"
          "S       2001:db8:5::/48 [10/0] via 2001:db8::fd, port1, [1/0]\n"
          "                        [10/0] via 2001:db8::fc, port1, [1/0]\n"
          "S       2001:db8:6::/48 [10/0] is a summary, Null, [1/0]\n"},
    {"get router info6 routing-table details 2001:db8:5::9",
     "\nRouting table for VRF=0\nRouting entry for 2001:db8:5::/48\n"
     "  Known via \"static\", distance 10, metric 0, best\n"
     "  * vrf 0 2001:db8::fd, via port1\n\n"
     "  Known via \"static\", distance 10, metric 0, best\n"
     "  * vrf 0 2001:db8::fc, via port1\n\n"},
    {"get router info6 routing-table details 10.0.0.1",
     "invalid ip address\n\nvalue parse error before '10.0.0.1'\nCommand fail. Return code -8\n",
     -8},
    {NULL},
};

static void tables(void **state)
{
    struct fake *fake = *state;
    struct backend_route table[ROUTES];
    fill(fake, table);
    fake_transcript(fake, transcript);
    fake->busy_every = 3;
    fake_transcript(fake, transcript);
}

static void no_route(void **state)
{
    struct fake *fake = *state;
    struct backend_route table[] = {connected("10.0.0.0", 24, "port2")};
    fake->routes = table;
    fake->n_routes = 1;
    const struct transcript rows[] = {
        {"get router info routing-table details 10.0.1.1",
         "\nRouting table for VRF=0\n% Network not in table\n"},
        {"get router info routing-table details 10.0.0.255",
         "\nRouting table for VRF=0\nRouting entry for 10.0.0.0/24\n"
         "  Known via \"connected\", distance 0, metric 0, best\n"
         "  * directly connected, port2\n\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

/* Many routes take many steps; the address is in the last of them. */
static void a_long_table(void **state)
{
    enum {
        MANY = 1000
    };
    struct fake *fake = *state;
    struct backend_route *table = calloc(MANY, sizeof(*table));
    assert_non_null(table);
    for (unsigned i = 0; i < MANY; i++) {
        table[i] = route("10.0.0.0", 24, "192.0.2.1", "port1", ACTIVE);
        table[i].dst = ip_addr_of4(be32_of(0x0a000000 + (i << 8)));
    }
    fake->routes = table;
    fake->n_routes = MANY;
    const char *out = fake_line(fake, "get router info routing-table details 10.3.231.1");
    assert_non_null(strstr(out, "Routing entry for 10.3.231.0/24\n"));
    out = fake_line(fake, "get router info routing-table all");
    assert_non_null(strstr(out, "\nS       10.3.231.0/24 [10/0] via 192.0.2.1, port1, [1/0]\n"));
    free(table);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(tables), TEST(no_route), TEST(a_long_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
