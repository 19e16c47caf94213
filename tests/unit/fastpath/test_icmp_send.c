/* SPDX-License-Identifier: BSD-3-Clause */
/* Errors and resets the firewall makes: to whom, from where, about what, and how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/icmp_limit.h"
#include "firewall.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
    LAN = 1,
    WAN,
    BARE /* without an address */
};

#define SECOND 1000000000ull
#define QUOTE  (FRAME_L4 + 8)

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nset mtu-override enable\nset mtu 1000\nnext\n"
    "edit \"bare\"\nnext\n"
    "end\n"
    "config router static\n"
    "edit 1\nset dst 198.51.100.0 255.255.255.0\nset gateway 203.0.113.1\nset device "
    "\"wan\"\nnext\n"
    "edit 2\nset dst 172.16.0.0 255.240.0.0\nset device \"bare\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 2\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action deny\nset schedule \"always\"\nset service \"TELNET\" \"GRE\"\nnext\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nset nat enable\nnext\n"
    "end\n";

static const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 2000};

static struct frame udp(struct ends e, size_t n)
{
    static const char data[1472];
    struct frame f;
    frame_udp(&f, e, slice_of(data, n));
    return f;
}

/* An error from `from` to the sender of `about`, which it quotes as it was sent. */
static void assert_error(const struct frame *got, const char *from, int type, int code,
                         const struct frame *about)
{
    const size_t ip_len = about->n - FRAME_IP;
    be32 src = frame_address(from);
    frame_assert_whole(got);
    assert_memory_equal(got->b, about->b + 6, 6);
    assert_memory_equal(got->b + FRAME_IP + 12, &src, 4);
    assert_memory_equal(got->b + FRAME_IP + 16, about->b + FRAME_IP + 12, 4);
    assert_int_equal(got->b[FRAME_IP + 9], IPPROTO_ICMP);
    assert_int_equal(got->b[FRAME_L4], type);
    assert_int_equal(got->b[FRAME_L4 + 1], code);
    assert_int_equal(got->n - QUOTE, ip_len < 548 ? ip_len : 548);
    assert_memory_equal(got->b + QUOTE, about->b + FRAME_IP, got->n - QUOTE);
}

/* The first packet of a flow and a later one, from inside and from outside. */
static void test_time_exceeded(void **state)
{
    struct firewall fw;
    struct frame f = udp(out, 10);
    (void)state;
    firewall_make(&fw, config);
    f.b[FRAME_IP + 8] = 1;
    frame_mend(&f);
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_TTL), "10.0.0.1", 11, 0, &f);
    assert_int_equal(firewall_sessions(&fw), 0);
    f.b[FRAME_IP + 8] = 2;
    frame_mend(&f);
    struct frame there = *firewall_passes(&fw, LAN, &f, WAN);
    f.b[FRAME_IP + 8] = 1;
    frame_mend(&f);
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_TTL), "10.0.0.1", 11, 0, &f);
    f = udp((struct ends){out.dst, out.dport, "203.0.113.2",
                          (uint16_t)(there.b[FRAME_L4] << 8 | there.b[FRAME_L4 + 1])},
            600);
    f.b[FRAME_IP + 8] = 1;
    frame_mend(&f);
    assert_error(firewall_refuses(&fw, WAN, &f, DROP_TTL), "203.0.113.2", 11, 0, &f);
    firewall_free(&fw);
}

static void test_too_big(void **state)
{
    struct firewall fw;
    struct frame f = udp(out, 973);
    (void)state;
    firewall_make(&fw, config);
    f.b[FRAME_IP + 6] = 0x40;
    frame_mend(&f);
    const struct frame *got = firewall_refuses(&fw, LAN, &f, DROP_MTU);
    assert_error(got, "10.0.0.1", 3, 4, &f);
    assert_memory_equal(got->b + FRAME_L4 + 4, "\0\0\x03\xe8", 4);
    f = udp(out, 972);
    f.b[FRAME_IP + 6] = 0x40;
    frame_mend(&f);
    firewall_passes(&fw, LAN, &f, WAN);
    f = udp(out, 973);
    f.b[FRAME_IP + 6] = 0;
    frame_mend(&f);
    assert_int_equal(firewall_gives(&fw, LAN, &f), 2);
    firewall_free(&fw);
}

static void test_no_route(void **state)
{
    struct firewall fw;
    struct frame f = udp((struct ends){"10.0.0.20", 1, "8.8.8.8", 53}, 10);
    (void)state;
    firewall_make(&fw, config);
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_NO_ROUTE), "10.0.0.1", 3, 0, &f);
    /* An interface without an address speaks to nobody. */
    f = udp((struct ends){"172.16.0.20", 1, "8.8.8.8", 53}, 10);
    firewall_drops(&fw, BARE, &f, DROP_NO_ROUTE);
    firewall_free(&fw);
}

/* A next hop that went silent: the packet is quoted as it came, and errors are not answered. */
static void test_next_hop_fails(void **state)
{
    static const uint8_t no_mac[6];
    struct firewall fw;
    struct frame f = udp(out, 33), there, answer, error;
    (void)state;
    firewall_make(&fw, config);
    there = *firewall_passes(&fw, LAN, &f, WAN);
    answer = udp((struct ends){out.dst, out.dport, "203.0.113.2",
                               (uint16_t)(there.b[FRAME_L4] << 8 | there.b[FRAME_L4 + 1])},
                 10);
    firewall_passes(&fw, WAN, &answer, LAN);
    struct neighbours *ns = &fw.dp->neighbours;
    const be32 hops[] = {frame_address("203.0.113.1"), frame_address("10.0.0.20")};
    for (uint16_t i = 0; i < 2; i++) {
        const uint32_t index = neighbour_index(ns, i ? LAN : WAN, ip_addr_of4(hops[i]));
        neighbour_set(ns, index, no_mac, NEIGHBOUR_FAILED);
    }
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_NEIGHBOUR_FAILED), "10.0.0.1", 3, 1, &f);
    frame_icmp(&error, (struct ends){"198.51.100.5", 0, "203.0.113.2", 0}, 3, 3, 0);
    memcpy(error.b + QUOTE, there.b + FRAME_IP, 28);
    error.n = QUOTE + 28;
    frame_mend(&error);
    firewall_drops(&fw, WAN, &error, DROP_NEIGHBOUR_FAILED);
    firewall_free(&fw);
}

static struct frame tcp(struct ends e, struct frame_tcp t, size_t n)
{
    static const char data[100];
    struct frame f;
    frame_tcp(&f, e, t, slice_of(data, n));
    return f;
}

static void assert_reset(const struct frame *got, struct ends e, uint8_t flags, uint32_t seq,
                         uint32_t ack)
{
    struct frame expected = tcp(e, (struct frame_tcp){flags, seq, ack}, 0);
    frame_assert_whole(got);
    assert_int_equal(got->n, expected.n);
    assert_memory_equal(got->b + FRAME_IP + 12, expected.b + FRAME_IP + 12, 8 + 14);
}

static void test_denied(void **state)
{
    static const struct ends telnet = {"10.0.0.20", 1000, "198.51.100.5", 23};
    static const struct ends back = {"198.51.100.5", 23, "10.0.0.20", 1000};
    struct firewall fw;
    struct frame gre, syn = tcp(telnet, (struct frame_tcp){2, 5000, 0}, 0);
    (void)state;
    frame_ipv4(&gre, telnet, IPPROTO_GRE, SLICE_LIT("carried"));
    firewall_make(&fw, config);
    firewall_drops(&fw, LAN, &syn, DROP_POLICY_DENY);
    firewall_drops(&fw, LAN, &gre, DROP_POLICY_DENY);
    COMMANDS(&fw, "config firewall policy", "edit 2", "set send-deny-packet enable", "end");
    assert_reset(firewall_refuses(&fw, LAN, &syn, DROP_POLICY_DENY), back, 20, 0, 5001);
    COMMANDS(&fw, "config system settings", "set deny-tcp-with-icmp enable", "end");
    assert_error(firewall_refuses(&fw, LAN, &syn, DROP_POLICY_DENY), "10.0.0.1", 3, 13, &syn);
    COMMANDS(&fw, "config system settings", "set deny-tcp-with-icmp disable", "end");
    struct frame data = tcp(telnet, (struct frame_tcp){16, 7000, 9000}, 10);
    assert_reset(firewall_refuses(&fw, LAN, &data, DROP_POLICY_DENY), back, 4, 9000, 0);
    struct frame rst = tcp(telnet, (struct frame_tcp){4, 7000, 9000}, 0);
    firewall_drops(&fw, LAN, &rst, DROP_POLICY_DENY);
    assert_error(firewall_refuses(&fw, LAN, &gre, DROP_POLICY_DENY), "10.0.0.1", 3, 13, &gre);
    firewall_free(&fw);
}

/* A server goes on with a connection that the firewall has no memory of. */
static void test_sessionless(void **state)
{
    static const struct ends late = {"198.51.100.5", 2000, "203.0.113.2", 1000};
    static const struct ends answer = {"203.0.113.2", 1000, "198.51.100.5", 2000};
    static const struct ends in = {"198.51.100.5", 2000, "10.0.0.20", 1000};
    struct firewall fw;
    struct frame f = tcp(late, (struct frame_tcp){16, 7000, 9000}, 10);
    (void)state;
    firewall_make(&fw, config);
    firewall_drops(&fw, WAN, &f, DROP_LOCAL_DENIED);
    COMMANDS(&fw, "config system global", "set reset-sessionless-tcp enable", "end");
    assert_reset(firewall_refuses(&fw, WAN, &f, DROP_LOCAL_DENIED), answer, 4, 9000, 0);
    f = tcp(out, (struct frame_tcp){17, 7000, 9000}, 10);
    firewall_refuses(&fw, LAN, &f, DROP_TCP_STATE);
    f = tcp(in, (struct frame_tcp){16, 7000, 9000}, 10);
    firewall_refuses(&fw, WAN, &f, DROP_NO_POLICY);
    f = tcp(in, (struct frame_tcp){2, 7000, 0}, 0); /* a beginning is no leftover */
    firewall_drops(&fw, WAN, &f, DROP_NO_POLICY);
    f = tcp(late, (struct frame_tcp){4, 7000, 9000}, 0);
    firewall_drops(&fw, WAN, &f, DROP_LOCAL_DENIED);
    firewall_free(&fw);
}

/* One who asks all the time gets thirty at once and thirty a second; another still gets his. */
static void test_rate(void **state)
{
    struct firewall fw;
    unsigned n = 0;
    (void)state;
    firewall_make(&fw, config);
    struct frame f = udp((struct ends){"10.0.0.20", 1, "8.8.8.8", 53}, 10);
    for (int i = 0; i < 100; i++)
        n += firewall_gives(&fw, LAN, &f);
    assert_int_equal(n, 30);
    struct frame other = udp((struct ends){"10.0.0.21", 1, "8.8.8.8", 53}, 10);
    assert_int_equal(firewall_gives(&fw, LAN, &other), 1);
    replay_advance(fw.r, replay_now_ns(fw.r) + SECOND / 2);
    for (int i = 0; i < 100; i++)
        n += firewall_gives(&fw, LAN, &f);
    assert_in_range(n, 44, 46);
    firewall_free(&fw);
}

static void test_limit_of_all(void **state)
{
    static struct icmp_limit limit;
    uint64_t now_ms = UINT32_MAX - 500ull; /* the low half runs over */
    unsigned n = 0;
    (void)state;
    for (uint32_t i = 0; i < 100000; i++)
        n += icmp_limit_take(&limit, now_ms, i);
    assert_int_equal(n, 1000);
    for (uint32_t i = 0; i < 100000; i++)
        n += icmp_limit_take(&limit, now_ms + i / 100, i);
    assert_in_range(n, 1999, 2001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_exceeded), cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_no_route),      cmocka_unit_test(test_next_hop_fails),
        cmocka_unit_test(test_denied),        cmocka_unit_test(test_sessionless),
        cmocka_unit_test(test_rate),          cmocka_unit_test(test_limit_of_all),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
