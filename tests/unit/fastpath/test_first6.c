/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 flows through a whole firewall: first packets, the sessions they make, and their ends. */
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
    DMZ,
    DOWN,
    BARE
};

#define HOST   "2001:db8:1::20"
#define SERVER "2001:db8:9::5"

#define ALLOW \
    "set srcaddr6 \"all\"\nset dstaddr6 \"all\"\nset schedule \"always\"\nset action accept\n"

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.255.255.0\n"
    "config ipv6\nset ip6-address 2001:db8:1::1/64\nset ip6-allowaccess ping\nend\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nset mtu-override enable\nset mtu 1280\n"
    "config ipv6\nset ip6-address 2001:db8:2::2/64\nend\nnext\n"
    "edit \"dmz\"\nconfig ipv6\nset ip6-address 2001:db8:3::1/127\nend\nnext\n"
    "edit \"down\"\nset status down\nconfig ipv6\nset ip6-address 2001:db8:4::1/64\nend\nnext\n"
    "edit \"bare\"\nnext\n"
    "end\n"
    "config router static\n"
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
    "end\n"
    "config router static6\n"
    "edit 1\nset dst 2001:db8:8::/45\nset gateway fe80::1\nset device \"wan\"\nnext\n"
    "edit 2\nset dst 2001:db8:a::/48\nset blackhole enable\nnext\n"
    "edit 3\nset dst 2001:db8:b::/48\nset gateway 2001:db8:2::9\nset device \"wan\"\nnext\n"
    "edit 4\nset dst 2001:db8:b::/48\nset gateway 2001:db8:2::8\nset device \"wan\"\n"
    "set distance 5\nnext\n"
    "end\n"
    "config firewall address6\n"
    "edit \"guests\"\nset ip6 2001:db8:1:0:6::/80\nnext\n"
    "end\n"
    "config firewall service custom\n"
    "edit \"telnet-test\"\nset tcp-portrange 23\nset udp-portrange 23\nnext\n"
    "edit \"ping-test\"\nset protocol ICMP6\nset icmptype 128\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set srcaddr6 \"all\"\nset dstaddr6 \"all\"\nset schedule \"always\"\n"
    "set service \"telnet-test\"\nnext\n"
    "edit 2\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr6 \"guests\"\n"
    "set dstaddr6 \"all\"\nset schedule \"always\"\nset service \"ALL\"\nnext\n"
    "edit 3\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr "
    "\"all\"\n" ALLOW "set service \"ALL\"\nset nat enable\nnext\n"
    "edit 4\nset srcintf \"wan\"\nset dstintf \"dmz\"\n" ALLOW "set service \"ping-test\"\nnext\n"
    "edit 5\nset srcintf \"lan\"\nset dstintf \"dmz\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set schedule \"always\"\nset action accept\nset service \"ALL\"\nnext\n"
    "end\n";

static struct frame udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    struct frame f;
    frame6_udp(&f, (struct ends){src, sport, dst, dport}, SLICE_LIT("what a datagram carries"));
    return f;
}

static struct frame to(const char *dst)
{
    return udp(HOST, 1000, dst, 2000);
}

static struct frame tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                        struct frame_tcp tcp)
{
    struct frame f;
    frame6_tcp(&f, (struct ends){src, sport, dst, dport}, tcp, SLICE_NONE);
    return f;
}

static struct frame icmp(const char *src, const char *dst, uint8_t type)
{
    struct frame f;
    frame6_icmp(&f, (struct ends){src, 0, dst, 0}, type, 0, 0x00070001);
    return f;
}

static struct frame hops(uint8_t n)
{
    struct frame f = to(SERVER);
    f.b[FRAME_IP + 7] = n;
    return f;
}

static void test_drops(void **state)
{
    const struct {
        uint16_t in;
        enum drop_reason reason;
        struct frame f;
    } row[] = {
        {LAN, DROP_LINK_LOCAL, udp("fe80::20", 1, SERVER, 2)},
        {LAN, DROP_LINK_LOCAL, udp("febf::20", 1, SERVER, 2)},
        {LAN, DROP_LINK_LOCAL, to("fe80::1")},
        {LAN, DROP_NO_ROUTE, to("2001:db8:7::1")},
        {LAN, DROP_NO_ROUTE, to("2001:db8:4::20")},
        {LAN, DROP_BLACKHOLE, to("2001:db8:a::1")},
        {LAN, DROP_REVERSE_PATH, udp("2001:db8:2::20", 1, SERVER, 2)},
        {LAN, DROP_REVERSE_PATH, udp("2001:db8:7::20", 1, SERVER, 2)},
        {BARE, DROP_REVERSE_PATH, to(SERVER)},
        {LAN, DROP_BAD_SOURCE, udp("2001:db8:1::1", 1, SERVER, 2)},
        {LAN, DROP_BAD_SOURCE, udp("2001:db8:1::", 1, SERVER, 2)},
        {LAN, DROP_TTL, hops(1)},
        {LAN, DROP_TTL, hops(0)},
        {LAN, DROP_LOCAL_DENIED, to("2001:db8:1::1")},
        {LAN, DROP_LOCAL_DENIED, to("2001:db8:2::2")},
        {LAN, DROP_LOCAL_DENIED, to("2001:db8:1::")},
        {LAN, DROP_LOCAL_DENIED, icmp(HOST, "2001:db8:1::1", 129)},
        {WAN, DROP_LOCAL_DENIED, icmp("2001:db8:2::20", "2001:db8:2::2", 128)},
        {LAN, DROP_POLICY_DENY, udp(HOST, 1, SERVER, 23)},
        {LAN, DROP_POLICY_DENY, udp("2001:db8:1:0:6::20", 1, SERVER, 24)},
        {WAN, DROP_NO_POLICY, udp(SERVER, 1, HOST, 2)},
        {WAN, DROP_NO_POLICY, udp(SERVER, 1, "2001:db8:3::", 2)},
        {LAN, DROP_NO_POLICY, to("2001:db8:3::")},
        {LAN, DROP_ICMP_UNASKED, icmp(HOST, SERVER, 129)},
        {LAN, DROP_TCP_STATE, tcp(HOST, 1, SERVER, 2, (struct frame_tcp){.flags = 16})},
    };
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        print_message("row %zu: %s\n", i, drop_name(row[i].reason));
        if (row[i].reason == DROP_NO_ROUTE || row[i].reason == DROP_TTL)
            firewall_refuses(&fw, row[i].in, &row[i].f, row[i].reason);
        else
            firewall_drops(&fw, row[i].in, &row[i].f, row[i].reason);
    }
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* There and back, through NAT for IPv4 but not for IPv6; one hop less, nothing else changed. */
static void test_udp(void **state)
{
    struct firewall fw;
    struct frame f = to(SERVER), hop = f;
    (void)state;
    firewall_make(&fw, config);
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    frame6_assert_ends(there, (struct ends){HOST, 1000, SERVER, 2000});
    hop.b[FRAME_IP + 7]--;
    assert_memory_equal(there->b + FRAME_IP, hop.b + FRAME_IP, hop.n - FRAME_IP);
    /* To the gateway's link-local address. */
    assert_memory_equal(there->b, "\x02\x00\x00\x00\x00\x01\x02\x00\xcb\x00\x71\x02", 12);

    f = udp(SERVER, 2000, HOST, 1000);
    const struct frame *back = firewall_passes(&fw, WAN, &f, LAN);
    frame6_assert_ends(back, (struct ends){SERVER, 2000, HOST, 1000});
    assert_memory_equal(back->b, "\x02\x00\x00\x00\x00\x20\x02\x00\x0a\x00\x00\x01", 12);
    assert_int_equal(firewall_sessions(&fw), 1);

    /* Any other end is another flow. */
    const struct frame strangers[] = {udp(SERVER, 2001, HOST, 1000), udp(SERVER, 2000, HOST, 1001),
                                      udp("2001:db8:9::6", 2000, HOST, 1000),
                                      udp(SERVER, 2000, "2001:db8:1::21", 1000),
                                      udp(HOST, 2000, SERVER, 1000)};
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
        firewall_drops(&fw, WAN, &strangers[i], i < 4 ? DROP_NO_POLICY : DROP_REVERSE_PATH);
    firewall_free(&fw);
}

static const struct session *the_session(const struct firewall *fw)
{
    assert_int_equal(firewall_sessions(fw), 1);
    for (uint32_t i = 0; i < fw->dp->sessions.store.fresh; i++)
        if (record_state(&session_at(&fw->dp->sessions, i)->r) == RECORD_LIVE)
            return session_at(&fw->dp->sessions, i);
    fail();
    return NULL;
}

/* What the session remembers: beside it the addresses, in it what every session has. */
static void test_record(void **state)
{
    struct firewall fw;
    struct frame f = to(SERVER);
    struct ip_addr src = frame6_address(HOST), dst = frame6_address(SERVER);
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_passes(&fw, LAN, &f, WAN);
    f = udp(SERVER, 2000, HOST, 1000);
    firewall_passes(&fw, WAN, &f, LAN);

    const struct session *s = the_session(&fw);
    const struct sessions *ss = &fw.dp->sessions;
    const struct session_v6 *v6 = &ss->v6[s - session_at(ss, 0)];
    assert_true(session_is6(s));
    assert_true(ip_addr_eq(&v6->src, &src) && ip_addr_eq(&v6->dst, &dst));
    assert_int_equal(be16_host(v6->sport), 1000);
    assert_int_equal(be16_host(v6->dport), 2000);
    assert_int_equal(s->policy_id, 3);
    assert_int_equal(s->r.flags, 0);
    assert_int_equal(s->packets[0], 2);
    assert_int_equal(s->packets[1], 1);
    assert_int_equal(s->bytes[0], 2 * (f.n - FRAME_IP));
    assert_int_equal(s->ifindex[0], LAN);
    assert_int_equal(s->ifindex[1], WAN);
    for (int d = 0; d < 2; d++) {
        struct key k = session_key6(ss, v6, UINT8_C(17), d, d ? WAN : LAN);
        assert_true(key_equal(&s->r.key[d], &k));
    }
    firewall_free(&fw);
}

static void test_tcp(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    struct frame f = tcp(HOST, 1, SERVER, 80, (struct frame_tcp){.flags = 2, .seq = 100});
    frame6_assert_ends(firewall_passes(&fw, LAN, &f, WAN), (struct ends){HOST, 1, SERVER, 80});
    f = tcp(SERVER, 80, HOST, 1, (struct frame_tcp){.flags = 18, .seq = 500, .ack = 101});
    frame6_assert_ends(firewall_passes(&fw, WAN, &f, LAN), (struct ends){SERVER, 80, HOST, 1});
    f = tcp(HOST, 1, SERVER, 80, (struct frame_tcp){.flags = 16, .seq = 101, .ack = 501});
    firewall_passes(&fw, LAN, &f, WAN);
    /* The windows are followed as those of IPv4 are. */
    f = tcp(SERVER, 80, HOST, 1, (struct frame_tcp){.flags = 16, .seq = 9000000, .ack = 101});
    firewall_drops(&fw, WAN, &f, DROP_TCP_WINDOW);
    f = tcp(SERVER, 80, HOST, 1, (struct frame_tcp){.flags = 20, .seq = 501, .ack = 101});
    firewall_passes(&fw, WAN, &f, LAN);
    assert_int_equal(firewall_sessions(&fw), 1);
    replay_advance(fw.r, replay_now_ns(fw.r) + 20 * 1000000000ull); /* tcp-rst-timer */
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

static void test_ping(void **state)
{
    struct firewall fw;
    struct frame f = icmp(HOST, SERVER, 128);
    (void)state;
    firewall_make(&fw, config);
    frame_assert_whole(firewall_passes(&fw, LAN, &f, WAN));
    f = icmp(SERVER, HOST, 129);
    frame_assert_whole(firewall_passes(&fw, WAN, &f, LAN));
    assert_int_equal(firewall_sessions(&fw), 1);
    /* The other side's question is another flow, and needs a policy of its own. */
    f = icmp(SERVER, HOST, 128);
    firewall_drops(&fw, WAN, &f, DROP_NO_POLICY);
    f = icmp(SERVER, "2001:db8:3::", 128);
    firewall_passes(&fw, WAN, &f, DMZ);
    assert_int_equal(firewall_sessions(&fw), 2);
    replay_advance(fw.r, replay_now_ns(fw.r) + 61 * 1000000000ull);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

static void assert_pong(struct firewall *fw, const struct frame *ask, const char *from)
{
    struct ip_addr src = frame6_address(from);
    const struct frame *f = firewall_passes(fw, LAN, ask, LAN);
    assert_int_equal(f->n, 70);
    assert_memory_equal(f->b + FRAME_IP + 8, &src, 16);
    assert_memory_equal(f->b + FRAME_IP + 24, ask->b + FRAME_IP + 8, 16);
    assert_memory_equal(f->b, ask->b + 6, 6);
    assert_memory_equal(f->b + 6, "\x02\x00\x0a\x00\x00\x01", 6);
    assert_int_equal(f->b[FRAME_IP + 6], 58);
    assert_int_equal(f->b[FRAME_IP + 7], 64);
    assert_int_equal(f->b[FRAME6_L4], 129);
    assert_memory_equal(f->b + FRAME6_L4 + 4, "\0\7\0\1pinhole!", 12);
    frame_assert_whole(f);
}

static void test_own_ping(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    f = icmp(HOST, "2001:db8:1::1", 128);
    assert_pong(&fw, &f, "2001:db8:1::1");
    f = icmp(HOST, "2001:db8:2::2", 128); /* another interface's address */
    assert_pong(&fw, &f, "2001:db8:2::2");
    f = icmp("fe80::20", "fe80::aff:fe00:1", 128); /* made of the MAC 02:00:0a:00:00:01 */
    assert_pong(&fw, &f, "fe80::aff:fe00:1");
    f = icmp(HOST, "2001:db8:1::", 128); /* any router: answered by one address */
    assert_pong(&fw, &f, "2001:db8:1::1");
    f = icmp(HOST, "2001:db8:2::", 128);
    assert_pong(&fw, &f, "2001:db8:2::2");
    f = icmp(HOST, "2001:db8:1::1", 128); /* extension headers are not sent back */
    frame6_extend(&f, 60, "\0\0\1\4\0\0\0\0", 8);
    frame6_extend(&f, 0, "\0\1\1\x0c\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    assert_pong(&fw, &f, "2001:db8:1::1");
    /* The link-local address of another interface is nobody's here. */
    f = icmp("fe80::20", "fe80::cbff:fe00:7102", 128);
    firewall_drops(&fw, LAN, &f, DROP_LINK_LOCAL);
    /* With two addresses in the prefix none is everybody's (RFC 6164). */
    f = icmp(HOST, "2001:db8:3::", 128);
    firewall_drops(&fw, LAN, &f, DROP_NO_POLICY);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* The longest prefix, then the nearest distance, says who is next. */
static void test_next_hops(void **state)
{
    static const struct {
        const char *dst;
        uint16_t out;
        uint8_t mac[4];
    } row[] = {
        {SERVER, WAN, {0, 0, 0, 1}},              /* fe80::1 */
        {"2001:db8:b::1", WAN, {0, 0, 0, 8}},     /* 2001:db8:2::8 */
        {"2001:db8:2::77", WAN, {0, 0, 0, 0x77}}, /* on the link */
        {"2001:db8:c::1", WAN, {0, 0, 0, 1}},
        {"2001:db8:f:ffff::1", WAN, {0, 0, 0, 1}},
    };
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct frame f = to(row[i].dst);
        assert_memory_equal(firewall_passes(&fw, LAN, &f, row[i].out)->b + 2, row[i].mac, 4);
    }
    firewall_free(&fw);
}

static void test_hop_limit_of_known(void **state)
{
    struct firewall fw;
    struct frame f = to(SERVER);
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &f, WAN);
    f = hops(1);
    firewall_refuses(&fw, LAN, &f, DROP_TTL);
    f = hops(2);
    assert_int_equal(firewall_passes(&fw, LAN, &f, WAN)->b[FRAME_IP + 7], 1);
    firewall_free(&fw);
}

/* A changed rule book: asked again on the next packet, as the first packet was. */
static void test_recheck(void **state)
{
    struct firewall fw;
    struct frame f = to(SERVER), back = udp(SERVER, 2000, HOST, 1000);
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &f, WAN);

    /* It lives on by another policy, and by another gateway. */
    COMMANDS(&fw, "config firewall policy", "move 3 before 1", "edit 2", "set action accept",
             "end");
    COMMANDS(&fw, "config router static6", "edit 1", "set gateway fe80::2", "end");
    firewall_passes(&fw, WAN, &back, LAN);
    assert_memory_equal(firewall_passes(&fw, LAN, &f, WAN)->b, "\x02\x00\x00\x00\x00\x02", 6);
    assert_int_equal(firewall_sessions(&fw), 1);

    COMMANDS(&fw, "config firewall policy", "edit 3", "set service \"telnet-test\"", "end");
    firewall_drops(&fw, WAN, &back, DROP_POLICY_CHANGED);
    firewall_drops(&fw, LAN, &f, DROP_NO_POLICY);
    assert_int_equal(firewall_sessions(&fw), 0);

    COMMANDS(&fw, "config firewall policy", "edit 3", "set service \"ALL\"", "end");
    firewall_passes(&fw, LAN, &f, WAN);
    COMMANDS(&fw, "config router static6", "delete 1", "end");
    firewall_refuses(&fw, LAN, &f, DROP_NO_ROUTE);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

static const struct ends flows6[] = {
    {HOST, 1000, SERVER, 2000},
    {HOST, 2000, SERVER, 1000},
    {"2001:db8:1::21", 1000, SERVER, 2000},
    {HOST, 1000, "2001:db8:9::6", 2000},
};

/* Both families through one table, policy 3 for both: none takes the other's packets. */
static void test_both_families(void **state)
{
    struct firewall fw;
    struct rng rng = {6};
    bool open[8] = {0};
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < 4000; i++) {
        unsigned which = rng_below(&rng, 8);
        bool answer = rng_below(&rng, 2);
        struct frame f;
        struct ends e =
            which < 4 ? flows6[which]
                      : (struct ends){"10.0.0.20", (uint16_t)(6000 + which), "198.51.100.5", 2000};
        struct ends back = which < 4 ? (struct ends){e.dst, e.dport, e.src, e.sport}
                                     : (struct ends){e.dst, e.dport, "203.0.113.2", e.sport};
        (which < 4 ? frame6_udp : frame_udp)(&f, answer ? back : e, SLICE_LIT("x"));
        assert_int_equal(firewall_gives(&fw, answer ? WAN : LAN, &f), !answer || open[which]);
        if (!answer)
            open[which] = true;
    }
    assert_int_equal(firewall_sessions(&fw), 8);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drops),     cmocka_unit_test(test_udp),
        cmocka_unit_test(test_record),    cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_ping),      cmocka_unit_test(test_own_ping),
        cmocka_unit_test(test_next_hops), cmocka_unit_test(test_hop_limit_of_known),
        cmocka_unit_test(test_recheck),   cmocka_unit_test(test_both_families),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
