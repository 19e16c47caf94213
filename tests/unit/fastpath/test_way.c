/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways through a whole firewall: equal hops, spare ones, links that go, where sources may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "firewall.h"
#include "frames6.h"

enum {
    LAN = 1,
    WAN,
    ALT
};

#define POLICY(id, from, to, more)                                     \
    "edit " #id "\nset srcintf \"" from "\"\nset dstintf \"" to "\"\n" \
    "set srcaddr \"all\"\nset dstaddr \"all\"\n"                       \
    "set srcaddr6 \"all\"\nset dstaddr6 \"all\"\nset action accept\n"  \
    "set schedule \"always\"\nset service \"ALL\"\n" more "next\n"

#define CONFIG(settings, routes, more)                                                     \
    "config system interface\n"                                                            \
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\n"                                            \
    "config ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"                           \
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\n"                                     \
    "config ipv6\nset ip6-address 2001:db8:2::1/64\nend\nnext\n"                           \
    "edit \"alt\"\nset ip 192.0.2.2 255.255.255.0\n"                                       \
    "config ipv6\nset ip6-address 2001:db8:3::1/64\nend\nnext\n"                           \
    "end\n" settings "config router static\n" routes "end\n"                               \
    "config firewall policy\n" POLICY(1, "lan", "wan", more) POLICY(2, "lan", "alt", more) \
        POLICY(3, "wan", "lan", "") POLICY(4, "alt", "lan", "")                            \
            POLICY(5, "wan", "alt", "") "end\n"

#define BY_WAN "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\n"
#define BY_ALT "edit 2\nset gateway 192.0.2.1\nset device \"alt\"\n"
#define EQUAL  BY_WAN "next\n" BY_ALT "next\n"
#define NAT    "set nat enable\n"

static struct frame udp_of(const char *src, const char *dst)
{
    struct frame f;
    frame_udp(&f, (struct ends){src, 1000, dst, 2000}, SLICE_LIT("payload"));
    return f;
}

/* Where a first packet of the i-th host of the LAN leaves; with the next hop's address. */
static uint16_t way_of(struct firewall *fw, unsigned i, const char *dst, be32 *hop)
{
    char src[32];
    snprintf(src, sizeof src, "10.0.%u.%u", 1 + i / 200, 1 + i % 200);
    struct frame f = udp_of(src, dst);
    assert_int_equal(firewall_gives(fw, LAN, &f), 1);
    memcpy(hop, fw->sent[0].f.b + 2, sizeof *hop);
    return fw->sent[0].ifindex;
}

#define HOSTS 400

static void ways_of_all(struct firewall *fw, const char *dst, uint16_t ways[HOSTS])
{
    be32 hop;
    for (unsigned i = 0; i < HOSTS; i++) {
        ways[i] = way_of(fw, i, dst, &hop);
        assert_int_equal(hop, frame_address(ways[i] == WAN ? "203.0.113.1" : "192.0.2.1"));
    }
}

static unsigned count(const uint16_t ways[HOSTS], uint16_t way)
{
    unsigned n = 0;
    for (unsigned i = 0; i < HOSTS; i++)
        n += ways[i] == way;
    return n;
}

static void test_equal_by_source(void **state)
{
    struct firewall fw;
    uint16_t ways[HOSTS], others[HOSTS];
    (void)state;
    firewall_make(&fw, CONFIG("", EQUAL, NAT));
    ways_of_all(&fw, "198.51.100.5", ways);
    assert_in_range(count(ways, WAN), 150, 250);
    assert_int_equal(count(ways, WAN) + count(ways, ALT), HOSTS);
    ways_of_all(&fw, "198.51.100.6", others);
    assert_memory_equal(ways, others, sizeof ways);
    firewall_free(&fw);
}

static void test_equal_by_pair_and_weight(void **state)
{
    struct firewall fw;
    uint16_t ways[HOSTS], others[HOSTS];
    (void)state;
    firewall_make(&fw, CONFIG("config system settings\nset v4-ecmp-mode source-dest-ip-based\n"
                              "end\n",
                              EQUAL, NAT));
    ways_of_all(&fw, "198.51.100.5", ways);
    ways_of_all(&fw, "198.51.100.6", others);
    assert_in_range(count(ways, WAN), 150, 250);
    assert_memory_not_equal(ways, others, sizeof ways);
    firewall_free(&fw);
    firewall_make(&fw, CONFIG("config system settings\nset v4-ecmp-mode weight-based\nend\n",
                              BY_WAN "set weight 30\nnext\n" BY_ALT "set weight 10\nnext\n", NAT));
    ways_of_all(&fw, "198.51.100.5", ways);
    assert_in_range(count(ways, WAN), 260, 340);
    COMMANDS(&fw, "config router static", "edit 2", "set weight 0", "end");
    ways_of_all(&fw, "198.51.100.7", ways);
    assert_int_equal(count(ways, WAN), HOSTS);
    firewall_free(&fw);
}

/* Two gateways of one interface: sessions stay with theirs, also after commits and expired MACs. */
static void test_gateways_of_one_interface(void **state)
{
    struct firewall fw;
    be32 hops[HOSTS], hop;
    unsigned second = 0;
    (void)state;
    firewall_make(&fw, CONFIG("",
                              BY_WAN "next\nedit 2\nset gateway 203.0.113.9\nset device \"wan\"\n"
                                     "next\n",
                              NAT));
    for (unsigned i = 0; i < HOSTS; i++) {
        assert_int_equal(way_of(&fw, i, "198.51.100.5", &hops[i]), WAN);
        second += hops[i] == frame_address("203.0.113.9");
    }
    assert_in_range(second, 150, 250);
    for (unsigned i = 0; i < HOSTS; i++) /* the first ones did not know their MAC yet */
        way_of(&fw, i, "198.51.100.5", &hop);
    COMMANDS(&fw, "config firewall policy", "edit 3", "set action deny", "end");
    COMMANDS(&fw, "config router static", "edit 7", "set gateway 203.0.113.7", "set device \"wan\"",
             "end");
    for (unsigned i = 0; i < HOSTS; i++) {
        way_of(&fw, i, "198.51.100.5", &hop);
        assert_int_equal(hop, hops[i]);
    }
    COMMANDS(&fw, "config router static", "delete 7", "delete 2", "end");
    for (unsigned i = 0; i < HOSTS; i++) {
        way_of(&fw, i, "198.51.100.5", &hop);
        assert_int_equal(hop, frame_address("203.0.113.1"));
    }
    assert_int_equal(firewall_sessions(&fw), HOSTS);
    firewall_free(&fw);
}

static void test_distance_and_priority(void **state)
{
    static const struct {
        const char *wan, *alt;
        uint16_t way;
        bool alt_answers; /* sources beyond alt are believed there */
    } row[] = {
        {"set distance 5\n", "set distance 6\n", WAN, false},
        {"set distance 7\n", "set distance 6\n", ALT, true},
        {"set priority 1\n", "set priority 2\n", WAN, true}, /* spare: in the table, too */
        {"set priority 3\n", "set priority 2\n", ALT, true},
        {"set distance 5\nset priority 3\n", "set distance 6\nset priority 2\n", WAN, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct firewall fw;
        struct text config = {0};
        be32 hop;
        text_printf(&config, CONFIG("", BY_WAN "%snext\n" BY_ALT "%snext\n", NAT), row[i].wan,
                    row[i].alt);
        firewall_make(&fw, config.p);
        assert_int_equal(way_of(&fw, 1, "198.51.100.5", &hop), row[i].way);
        struct frame in = udp_of("198.51.100.9", "10.0.0.20");
        struct frame out = udp_of("10.0.0.20", "198.51.100.9");
        if (row[i].alt_answers) {
            firewall_passes(&fw, ALT, &in, LAN);
            memmove(out.b + FRAME_L4, in.b + FRAME_L4 + 2, 2);
            memcpy(out.b + FRAME_L4 + 2, in.b + FRAME_L4, 2);
            frame_mend(&out);
            firewall_passes(&fw, LAN, &out, ALT); /* who comes in there is answered there */
        } else {
            firewall_drops(&fw, ALT, &in, DROP_REVERSE_PATH);
        }
        firewall_free(&fw);
        text_free(&config);
    }
}

static void test_reverse_path(void **state)
{
    struct firewall fw;
    struct frame spoofed = udp_of("10.9.9.9", "192.0.2.77");      /* a LAN source, from the WAN */
    struct frame nowhere = udp_of("198.51.100.5", "203.0.113.7"); /* from the LAN */
    struct frame own = udp_of("10.0.0.1", "192.0.2.77");
    (void)state;
    firewall_make(&fw, CONFIG("", BY_WAN "next\n", ""));
    firewall_passes(&fw, WAN, &spoofed, ALT); /* the default route leads there, too */
    firewall_drops(&fw, LAN, &nowhere, DROP_REVERSE_PATH);
    firewall_drops(&fw, WAN, &own, DROP_BAD_SOURCE);
    firewall_free(&fw);
    firewall_make(&fw,
                  CONFIG("config system settings\nset strict-src-check enable\nend\n", EQUAL, ""));
    struct frame far = udp_of("198.51.100.5", "10.0.0.20");
    firewall_drops(&fw, WAN, &spoofed, DROP_REVERSE_PATH);
    firewall_passes(&fw, WAN, &far, LAN); /* any of several equal ones */
    COMMANDS(&fw, "config system settings", "set strict-src-check disable", "end");
    firewall_passes(&fw, WAN, &spoofed, ALT);
    COMMANDS(&fw, "config system settings", "set strict-src-check enable", "end");
    firewall_drops(&fw, WAN, &spoofed, DROP_REVERSE_PATH); /* the session does not outlive it */
    firewall_free(&fw);
}

/* Not checked: answers go where a route leads. */
static void test_unchecked(void **state)
{
    struct frame in = udp_of("198.51.100.5", "10.0.0.20"), out;
    frame_udp(&out, (struct ends){"10.0.0.20", 2000, "198.51.100.5", 1000}, SLICE_LIT("answer"));
    static const char *const how[] = {
        "config system interface\nedit \"alt\"\nset src-check disable\nnext\nend\n",
        "config system settings\nset asymroute enable\nend\n"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct firewall fw;
        struct text config = {0};
        text_printf(&config, CONFIG("%s", BY_WAN "next\n", ""), how[i]);
        firewall_make(&fw, config.p);
        firewall_passes(&fw, ALT, &in, LAN);
        for (int k = 0; k < 2; k++)
            assert_memory_equal(firewall_passes(&fw, LAN, &out, WAN)->b + 2, "\xcb\x00\x71\x01", 4);
        firewall_passes(&fw, ALT, &in, LAN);
        assert_int_equal(firewall_sessions(&fw), 1);
        firewall_free(&fw);
        text_free(&config);
    }
}

/* ---- links ---- */

static void test_link_goes(void **state)
{
    struct firewall fw;
    uint16_t ways[HOSTS], after[HOSTS];
    (void)state;
    firewall_make(&fw, CONFIG("", EQUAL, ""));
    ways_of_all(&fw, "198.51.100.5", ways);
    replay_link(fw.r, ALT, false);
    ways_of_all(&fw, "198.51.100.5", after); /* sessions without NAT move along */
    assert_int_equal(count(after, WAN), HOSTS);
    struct frame direct = udp_of("10.0.0.20", "192.0.2.77");
    assert_memory_equal(firewall_passes(&fw, LAN, &direct, WAN)->b + 2, "\xcb\x00\x71\x01", 4);
    replay_link(fw.r, WAN, false);
    firewall_refuses(&fw, LAN, &direct, DROP_NO_ROUTE);
    replay_link(fw.r, ALT, true);
    ways_of_all(&fw, "198.51.100.6", after);
    assert_int_equal(count(after, ALT), HOSTS);
    replay_link(fw.r, WAN, true);
    ways_of_all(&fw, "198.51.100.7", after);
    assert_memory_equal(ways, after, sizeof ways);
    firewall_free(&fw);
}

/* A session with source NAT cannot move: it ends, and another one begins elsewhere. */
static void test_link_goes_under_nat(void **state)
{
    struct firewall fw;
    uint16_t ways[HOSTS], after[HOSTS];
    (void)state;
    firewall_make(&fw, CONFIG("", EQUAL, NAT));
    ways_of_all(&fw, "198.51.100.5", ways);
    replay_link(fw.r, ALT, false);
    ways_of_all(&fw, "198.51.100.5", after);
    assert_int_equal(count(after, WAN), HOSTS);
    assert_int_equal(firewall_sessions(&fw), HOSTS);
    replay_link(fw.r, ALT, true); /* those stay where they are now */
    ways_of_all(&fw, "198.51.100.5", after);
    assert_int_equal(count(after, WAN), HOSTS);
    firewall_free(&fw);
}

/* A connection without NAT that moves goes on as what it was. */
static void test_connection_moves(void **state)
{
    struct firewall fw;
    struct frame syn, answer, ack, data;
    const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 80};
    const struct ends in = {"198.51.100.5", 80, "10.0.0.20", 1000};
    (void)state;
    frame_tcp(&syn, out, (struct frame_tcp){0x02, 100, 0}, SLICE_LIT(""));
    frame_tcp(&answer, in, (struct frame_tcp){0x12, 500, 101}, SLICE_LIT(""));
    frame_tcp(&ack, out, (struct frame_tcp){0x10, 101, 501}, SLICE_LIT(""));
    frame_tcp(&data, out, (struct frame_tcp){0x18, 101, 501}, SLICE_LIT("GET /"));
    firewall_make(&fw, CONFIG("", BY_WAN "next\n" BY_ALT "set distance 20\nnext\n", ""));
    firewall_passes(&fw, LAN, &syn, WAN);
    firewall_passes(&fw, WAN, &answer, LAN);
    firewall_passes(&fw, LAN, &ack, WAN);
    replay_link(fw.r, WAN, false);
    firewall_passes(&fw, LAN, &data, ALT);
    firewall_passes(&fw, ALT, &answer, LAN);
    assert_int_equal(firewall_sessions(&fw), 1);
    replay_link(fw.r, ALT, false);
    firewall_refuses(&fw, LAN, &data, DROP_NO_ROUTE);
    firewall_free(&fw);
}

static void test_ipv6(void **state)
{
    struct firewall fw;
    unsigned by_wan = 0;
    struct frame f;
    (void)state;
    firewall_make(&fw, CONFIG("config router static6\n"
                              "edit 1\nset gateway 2001:db8:2::fe\nset device \"wan\"\nnext\n"
                              "edit 2\nset gateway 2001:db8:3::fe\nset device \"alt\"\nnext\n"
                              "edit 3\nset dst 2001:db8:9::/48\nset blackhole enable\nnext\nend\n",
                              "", ""));
    for (unsigned i = 0; i < HOSTS; i++) {
        char src[IPV6_TEXT_MAX];
        snprintf(src, sizeof src, "2001:db8:1::%x", 2 + i);
        frame6_udp(&f, (struct ends){src, 1000, "2001:db8:8::1", 2000}, SLICE_LIT("payload"));
        assert_int_equal(firewall_gives(&fw, LAN, &f), 1);
        by_wan += fw.sent[0].ifindex == WAN;
    }
    assert_in_range(by_wan, 150, 250);
    replay_link(fw.r, ALT, false);
    firewall_passes(&fw, LAN, &f, WAN);
    frame6_udp(&f, (struct ends){"2001:db8:1::2", 1000, "2001:db8:9::1", 2000}, SLICE_LIT("x"));
    firewall_drops(&fw, LAN, &f, DROP_BLACKHOLE);
    frame6_udp(&f, (struct ends){"2001:db8:8::1", 1000, "2001:db8:1::2", 2000}, SLICE_LIT("x"));
    firewall_drops(&fw, LAN, &f, DROP_REVERSE_PATH);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_by_source),
        cmocka_unit_test(test_equal_by_pair_and_weight),
        cmocka_unit_test(test_gateways_of_one_interface),
        cmocka_unit_test(test_distance_and_priority),
        cmocka_unit_test(test_reverse_path),
        cmocka_unit_test(test_unchecked),
        cmocka_unit_test(test_link_goes),
        cmocka_unit_test(test_link_goes_under_nat),
        cmocka_unit_test(test_connection_moves),
        cmocka_unit_test(test_ipv6),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
