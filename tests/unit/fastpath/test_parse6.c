/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 frames before the session lookup: for each reason to drop one a frame that meets it; chains
 * of extension headers against what they were made of; damage of every kind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fastpath/worker.h"
#include "firewall.h"

enum {
    LAN = 1,
    WAN,
    DOWN
};

enum {
    HOP_BY_HOP = 0,
    ICMP = 1,
    UDP = 17,
    ROUTING = 43,
    FRAGMENT = 44,
    ESP = 50,
    AH = 51,
    NONE = 59,
    DESTINATION = 60,
};

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nconfig ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"
    "edit \"wan\"\nconfig ipv6\nset ip6-address 2001:db8:2::2/64\nend\nnext\n"
    "edit \"down\"\nset status down\nnext\n"
    "end\n"
    "config router static6\n"
    "edit 1\nset gateway fe80::1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr6 \"all\"\nset dstaddr6 \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nnext\n"
    "end\n";

#define HOST   "2001:db8:1::20"
#define SERVER "2001:db8:9::5"

static const struct ends out = {HOST, 1000, SERVER, 2000};

static struct frame udp(const char *src, const char *dst)
{
    struct frame f;
    frame6_udp(&f, (struct ends){src, 1000, dst, 2000}, SLICE_LIT("some payload of a datagram"));
    return f;
}

static struct frame set_byte(size_t at, unsigned char value)
{
    struct frame f = udp(HOST, SERVER);
    f.b[at] = value;
    return f;
}

static struct frame cut_to(size_t n)
{
    struct frame f = udp(HOST, SERVER);
    f.n = n;
    return f;
}

static struct frame protocol(uint8_t number, struct slice body)
{
    struct frame f;
    frame6_other(&f, out, number, body);
    return f;
}

static struct frame icmp(const char *src, const char *dst, uint8_t type, uint8_t code)
{
    struct frame f;
    frame6_icmp(&f, (struct ends){src, 0, dst, 0}, type, code, 0x00070001);
    return f;
}

static struct frame tcp(uint8_t data_offset)
{
    struct frame f;
    frame6_tcp(&f, out, (struct frame_tcp){.flags = 2}, SLICE_NONE);
    f.b[FRAME6_L4 + 12] = (unsigned char)(data_offset << 4);
    return f;
}

/* A datagram with an extension header, whose bytes are a string's. */
#define EXTENDED(kind, bytes) extended(kind, "" bytes, sizeof bytes - 1)

static struct frame extended(uint8_t kind, const char *header, size_t n)
{
    struct frame f = udp(HOST, SERVER);
    frame6_extend(&f, kind, header, n);
    return f;
}

/* `n` empty destination options headers, and behind the IPv6 header one of `kind`. */
static struct frame chain(unsigned n, uint8_t kind)
{
    struct frame f = udp(HOST, SERVER);
    for (unsigned i = 0; i < n; i++)
        frame6_extend(&f, i + 1 == n ? kind : DESTINATION, "\0\0\1\4\0\0\0\0", 8);
    return f;
}

/* A hop-by-hop header behind another one. */
static struct frame late_hop_by_hop(void)
{
    struct frame f = chain(1, HOP_BY_HOP);
    frame6_extend(&f, DESTINATION, "\0\0\1\4\0\0\0\0", 8);
    return f;
}

/* A neighbour solicitation. */
static struct frame solicitation(uint8_t hop_limit)
{
    struct frame f = icmp("fe80::20", "ff02::1:ff00:1", 135, 0);
    f.b[FRAME_IP + 7] = hop_limit;
    return f;
}

static struct frame to_group_mac(void)
{
    struct frame f = udp(HOST, SERVER);
    memcpy(f.b, "\x33\x33\0\0\0\1", 6);
    return f;
}

static void test_drops(void **state)
{
    const struct {
        uint16_t in;
        enum drop_reason reason;
        struct frame f;
    } row[] = {
        {LAN, DROP_SHORT_FRAME, cut_to(14)},
        {LAN, DROP_SHORT_FRAME, cut_to(53)},
        {LAN, DROP_SHORT_FRAME, cut_to(54)},
        {LAN, DROP_SHORT_FRAME, cut_to(87)},
        {LAN, DROP_SHORT_FRAME, set_byte(FRAME_IP + 4, 1)},
        {LAN, DROP_IP_HEADER, set_byte(FRAME_IP, 0x45)},
        {LAN, DROP_IP_HEADER, set_byte(FRAME_IP, 0x70)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME_IP + 5, 0)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME_IP + 5, 7)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME6_L4 + 5, 7)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME6_L4 + 5, 36)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME6_L4 + 4, 1)},
        {LAN, DROP_L4_HEADER, tcp(4)},
        {LAN, DROP_L4_HEADER, tcp(6)},
        {LAN, DROP_L4_HEADER, protocol(58, SLICE_LIT("\200\0\0\0\0\0\0"))},
        {LAN, DROP_BAD_SOURCE, udp("::", SERVER)},
        {LAN, DROP_BAD_SOURCE, udp("::1", SERVER)},
        {LAN, DROP_BAD_SOURCE, udp("ff02::1", SERVER)},
        {LAN, DROP_BAD_SOURCE, udp("ff0e::1", SERVER)},
        {LAN, DROP_BAD_SOURCE, udp("::ffff:10.0.0.20", SERVER)},
        {LAN, DROP_BAD_SOURCE, udp("::10.0.0.20", SERVER)},
        {LAN, DROP_BAD_DESTINATION, udp(HOST, "::")},
        {LAN, DROP_BAD_DESTINATION, udp(HOST, "::1")},
        {LAN, DROP_BAD_DESTINATION, udp(HOST, "::ffff:198.51.100.5")},
        {LAN, DROP_BAD_DESTINATION, udp(HOST, "::198.51.100.5")},
        {LAN, DROP_BROADCAST, udp(HOST, "ff02::1")},
        {LAN, DROP_BROADCAST, udp(HOST, "ff0e::101")},
        {LAN, DROP_BROADCAST, icmp(HOST, "ff02::1", 128, 0)},
        {LAN, DROP_BROADCAST, icmp("fe80::20", "ff02::16", 143, 0)},
        {LAN, DROP_BROADCAST, to_group_mac()},
        {LAN, DROP_ND_MALFORMED, solicitation(254)},
        {LAN, DROP_ND_MALFORMED, icmp(HOST, SERVER, 133, 0)},
        {LAN, DROP_ND_MALFORMED, icmp(HOST, SERVER, 137, 0)},
        {LAN, DROP_PROTOCOL, icmp(HOST, SERVER, 128, 1)},
        {LAN, DROP_PROTOCOL, icmp(HOST, SERVER, 132, 0)},
        {LAN, DROP_PROTOCOL, icmp(HOST, SERVER, 138, 0)},
        {LAN, DROP_PROTOCOL, protocol(ICMP, SLICE_LIT("12345678"))},
        {LAN, DROP_PROTOCOL, protocol(2, SLICE_LIT("12345678"))},
        {LAN, DROP_PROTOCOL, protocol(NONE, SLICE_LIT("12345678"))},
        {LAN, DROP_ROUTING_HEADER, EXTENDED(ROUTING, "\0\0\0\0\0\0\0\0")},
        {LAN, DROP_ROUTING_HEADER, EXTENDED(ROUTING, "\0\0\0\1\0\0\0\0")},
        {LAN, DROP_ROUTING_HEADER, EXTENDED(ROUTING, "\0\0\4\1\0\0\0\0")},
        {LAN, DROP_ROUTING_HEADER, EXTENDED(ROUTING, "\0\0\2\1\0\0\0\0")},
        {LAN, DROP_FRAGMENT_LENGTH, EXTENDED(FRAGMENT, "\0\0\0\1\0\0\0\7")},
        {LAN, DROP_IP_HEADER, EXTENDED(DESTINATION, "\0\x05\1\4\0\0\0\0")},
        {LAN, DROP_IP_HEADER, EXTENDED(DESTINATION, "\0\xff\1\4\0\0\0\0")},
        {LAN, DROP_IP_HEADER, EXTENDED(AH, "\0\x09\0\0\0\0\0\0")},
        {LAN, DROP_IP_HEADER, EXTENDED(DESTINATION, "\0\0\1\5\0\0\0\0")},
        {LAN, DROP_IP_HEADER, EXTENDED(DESTINATION, "\0\0\1\3\0\0\0\1")},
        {LAN, DROP_IP_HEADER, EXTENDED(HOP_BY_HOP, "\0\0\xc2\4\0\1\0\0")},
        {LAN, DROP_IP_HEADER, late_hop_by_hop()},
        {LAN, DROP_IP_HEADER, chain(9, DESTINATION)},
        {LAN, DROP_IP_HEADER, protocol(DESTINATION, SLICE_LIT("\x11\0\1\2\0\0\0"))},
        {LAN, DROP_IP_HEADER, protocol(ROUTING, SLICE_NONE)},
        {DOWN, DROP_INTERFACE_DOWN, udp(HOST, SERVER)},
    };
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        print_message("row %zu: %s\n", i, drop_name(row[i].reason));
        firewall_drops(&fw, row[i].in, &row[i].f, row[i].reason);
    }
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

static void test_passes(void **state)
{
    const struct frame row[] = {
        udp(HOST, SERVER),
        EXTENDED(HOP_BY_HOP, "\0\0\5\2\0\0\1\0"), /* router alert, padding */
        EXTENDED(DESTINATION, "\0\0\0\0\0\0\0\0"),
        EXTENDED(ROUTING, "\0\0\4\0\0\0\0\0"),
        EXTENDED(AH, "\0\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        EXTENDED(FRAGMENT, "\0\0\0\6\0\0\0\7"), /* RFC 6946: all of it, reserved bits set */
        chain(8, DESTINATION),
        chain(8, HOP_BY_HOP),
        protocol(ESP, SLICE_LIT("whatever it carries")),
        protocol(47, SLICE_NONE),
        icmp(HOST, SERVER, 128, 0),
    };
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct frame hop = row[i];
        print_message("row %zu\n", i);
        const struct frame *f = firewall_passes(&fw, LAN, &row[i], WAN);
        assert_int_equal(f->n, row[i].n);
        hop.b[FRAME_IP + 7]--;
        assert_memory_equal(f->b + FRAME_IP, hop.b + FRAME_IP, hop.n - FRAME_IP);
    }
    /* One flow of UDP whatever stands before it, one for each of the others. */
    assert_int_equal(firewall_sessions(&fw), 4);
    firewall_free(&fw);
}

/* Bytes behind the datagram are Ethernet's padding. */
static void test_padding(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    frame6_udp(&f, out, SLICE_NONE);
    size_t n = f.n;
    memset(f.b + n, 0xee, 20);
    f.n += 20;
    firewall_make(&fw, config);
    assert_int_equal(firewall_passes(&fw, LAN, &f, WAN)->n, n);
    firewall_free(&fw);
}

/* Where MACs are looked at: to this interface, or Neighbour Discovery's groups. */
static void test_macs(void **state)
{
    struct firewall fw;
    struct frame f = udp(HOST, SERVER);
    (void)state;
    firewall_make(&fw, config);
    fw.dp->any_mac = false;
    firewall_drops(&fw, LAN, &f, DROP_NOT_FOR_US);
    memcpy(f.b, dataplane_snapshot(fw.dp)->interfaces[LAN].mac, 6);
    firewall_passes(&fw, LAN, &f, WAN);
    f = icmp("fe80::20", "ff02::2", 133, 0);
    memcpy(f.b, "\x33\x33\0\0\0\2", 6);
    f.b[FRAME_IP + 7] = 255;
    firewall_gives(&fw, LAN, &f);
    assert_int_equal(firewall_dropped(&fw, DROP_NOT_FOR_US), 1);
    firewall_free(&fw);
}

/* Every length from nothing to all: only the whole passes. */
static void test_every_cut(void **state)
{
    struct firewall fw;
    struct frame f = chain(3, HOP_BY_HOP);
    size_t whole = f.n;
    (void)state;
    firewall_make(&fw, config);
    for (size_t n = 0; n < whole; n++) {
        f.n = n;
        assert_int_equal(firewall_gives(&fw, LAN, &f), 0);
        /* The same with a payload length that fits. */
        struct frame fitting = f;
        if (n < FRAME6_L4)
            continue;
        fitting.b[FRAME_IP + 4] = 0;
        fitting.b[FRAME_IP + 5] = (unsigned char)(n - FRAME6_L4);
        assert_int_equal(firewall_gives(&fw, LAN, &fitting), 0);
    }
    f.n = whole;
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_free(&fw);
}

/* A chain of random headers, right or wrong in one place; true: it is to pass. */
static bool random_chain(struct rng *rng, struct frame *f)
{
    static const uint8_t kinds[] = {DESTINATION, ROUTING, AH};
    unsigned n = rng_below(rng, 11);
    bool fits = n <= 8;
    *f = udp(HOST, SERVER);
    for (unsigned i = 0; i < n; i++) {
        bool first = i + 1 == n; /* the last one put in stands first */
        uint8_t kind = kinds[rng_below(rng, sizeof kinds)];
        unsigned units = rng_below(rng, 4); /* of 8 bytes beyond the first */
        unsigned char header[32] = {0};
        if (kind == DESTINATION && rng_below(rng, 4) == 0 && (first || rng_below(rng, 8) == 0)) {
            kind = HOP_BY_HOP;
            fits &= first;
        }
        header[1] = (unsigned char)(kind == AH ? units * 2 : units);
        if (kind == ROUTING) {
            header[2] = (unsigned char)rng_below(rng, 5);
            header[3] = rng_below(rng, 8) == 0;
            fits &= header[2] != 0 && header[3] == 0;
        } else if (kind != AH) { /* one option over all of it, perhaps too long */
            header[2] = 1;
            header[3] = (unsigned char)(4 + units * 8 + (rng_below(rng, 16) == 0));
            fits &= header[3] == 4 + units * 8;
        }
        frame6_extend(f, kind, header, 8 + units * 8);
    }
    return fits;
}

static void test_random_chains(void **state)
{
    struct firewall fw;
    struct rng rng = {61};
    unsigned passed = 0;
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < 20000; i++) {
        struct frame f;
        bool fits = random_chain(&rng, &f);
        assert_int_equal(firewall_gives(&fw, LAN, &f), fits);
        passed += fits;
    }
    assert_in_range(passed, 1000, 19000);
    firewall_free(&fw);
}

/* A few bytes of a good frame become others: nothing is read beyond it, each packet is counted. */
static void test_mutations(void **state)
{
    struct firewall fw;
    struct rng rng = {62};
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < 20000; i++) {
        struct frame f;
        random_chain(&rng, &f);
        for (unsigned n = 1 + rng_below(&rng, 4); n > 0; n--) {
            size_t at = 12 + rng_below(&rng, (uint32_t)(f.n - 12));
            f.b[at] = (unsigned char)rng_next(&rng);
        }
        if (rng_below(&rng, 4) == 0)
            f.n = rng_below(&rng, (uint32_t)f.n);
        firewall_gives(&fw, (uint16_t)(LAN + rng_below(&rng, 2)), &f);
    }
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drops),     cmocka_unit_test(test_passes),
        cmocka_unit_test(test_padding),   cmocka_unit_test(test_macs),
        cmocka_unit_test(test_every_cut), cmocka_unit_test(test_random_chains),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
