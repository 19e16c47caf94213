/* SPDX-License-Identifier: BSD-3-Clause */
/* Known flows: bursts, full tables, connections, what is no SIP on a SIP port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"

#include <stdio.h>

enum {
    LAN = 1,
    WAN
};

#define SECOND 1000000000ull

static const char config[] =
    "config dpdk global\nset sessions 1024\nset mappings 64\nend\n"
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "end\n"
    "config router static\n"
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nset nat enable\n"
    "set fixedport enable\nnext\n"
    "end\n";

static const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 2000};
static const struct ends back = {"198.51.100.5", 2000, "203.0.113.2", 1000};

static struct frame udp(struct ends e, const char *payload)
{
    struct frame f;
    frame_udp(&f, e, slice_str(payload));
    return f;
}

/* A whole burst of one new flow makes one session and leaves in order. */
static void test_burst_of_one_flow(void **state)
{
    struct firewall fw;
    struct frame f[BURST];
    struct slice burst[BURST];
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < BURST; i++) {
        char payload[] = {(char)('0' + i), '\0'};
        f[i] = udp(out, payload);
        burst[i] = frame_slice(&f[i]);
    }
    replay_burst(fw.r, LAN, burst, BURST);
    assert_int_equal(fw.n_sent, BURST);
    assert_int_equal(firewall_sessions(&fw), 1);
    for (int i = 0; i < BURST; i++) {
        assert_int_equal(fw.sent[i].ifindex, WAN);
        assert_int_equal(fw.sent[i].f.b[FRAME_L4 + 8], '0' + i);
        frame_assert_whole(&fw.sent[i].f);
    }
    firewall_free(&fw);
}

/* Good, bad, new and known frames side by side: each gets what it would get alone. */
static void test_mixed_burst(void **state)
{
    struct firewall fw;
    struct frame f[BURST];
    struct slice burst[BURST];
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < BURST; i++) {
        char host[16];
        snprintf(host, sizeof host, "10.0.1.%d", 2 + i % 8);
        f[i] = udp((struct ends){host, 7000, "198.51.100.5", (uint16_t)(100 + i % 8)}, "x");
        if (i % 8 == 3)
            f[i].b[FRAME_IP + 10] ^= 1;
        if (i % 8 == 5)
            f[i].n = 30;
        burst[i] = frame_slice(&f[i]);
    }
    replay_burst(fw.r, LAN, burst, BURST);
    assert_int_equal(fw.n_sent, 48);
    assert_int_equal(firewall_sessions(&fw), 6);
    assert_int_equal(firewall_dropped(&fw, DROP_IP_CHECKSUM), 8);
    assert_int_equal(firewall_dropped(&fw, DROP_SHORT_FRAME), 8);
    firewall_free(&fw);
}

/* The same source port twice, toward one server: each answer finds its own host. */
static void test_port_clash(void **state)
{
    struct firewall fw;
    struct frame f, there[2];
    const char *const hosts[] = {"10.0.0.20", "10.0.0.21"};
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config firewall policy", "edit 1", "set fixedport disable", "end");
    for (int i = 0; i < 2; i++) {
        f = udp((struct ends){hosts[i], 1000, "198.51.100.5", 2000}, "x");
        there[i] = *firewall_passes(&fw, LAN, &f, WAN);
    }
    assert_memory_not_equal(there[0].b + FRAME_L4, there[1].b + FRAME_L4, 2);
    for (int i = 0; i < 2; i++) {
        uint16_t port = (uint16_t)(there[i].b[FRAME_L4] << 8 | there[i].b[FRAME_L4 + 1]);
        be32 host = frame_address(hosts[i]);
        f = udp((struct ends){"198.51.100.5", 2000, "203.0.113.2", port}, "y");
        const struct frame *home = firewall_passes(&fw, WAN, &f, LAN);
        assert_memory_equal(home->b + FRAME_IP + 16, &host, 4);
        assert_memory_equal(home->b + FRAME_L4 + 2, "\x03\xe8", 2);
    }
    firewall_free(&fw);
}

/* With fixedport the second one is refused, and the first never notices. */
static void test_no_port(void **state)
{
    struct firewall fw;
    struct frame first = udp(out, "x"), answer = udp(back, "y");
    struct frame second = udp((struct ends){"10.0.0.21", 1000, "198.51.100.5", 2000}, "x");
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &first, WAN);
    firewall_drops(&fw, LAN, &second, DROP_NO_PORT);
    firewall_passes(&fw, WAN, &answer, LAN);
    firewall_free(&fw);
}

static void test_table_full(void **state)
{
    struct firewall fw;
    struct frame first = udp(out, "x"), answer = udp(back, "y"), f;
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &first, WAN);
    firewall_passes(&fw, WAN, &answer, LAN);
    /* Flows that were answered: those of one packet would make room for others. */
    for (int i = 0; i < 2000; i++) {
        struct frame reply;
        f = udp((struct ends){"10.0.0.21", (uint16_t)(6000 + i), "198.51.100.5", 9}, "x");
        reply = udp((struct ends){"198.51.100.5", 9, "203.0.113.2", (uint16_t)(6000 + i)}, "y");
        fw.n_sent = 0;
        replay_frame(fw.r, LAN, frame_slice(&f));
        replay_frame(fw.r, WAN, frame_slice(&reply));
    }
    assert_in_range(firewall_sessions(&fw), 990, 1024);
    firewall_passes(&fw, WAN, &answer, LAN);
    /* When the old ones have ended there is room again. */
    replay_advance(fw.r, replay_now_ns(fw.r) + 200 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_free(&fw);
}

static void test_cleared(void **state)
{
    struct firewall fw;
    struct frame f = udp(out, "x"), answer = udp(back, "y");
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &f, WAN);
    COMMANDS(&fw, "diagnose sys session filter proto 17", "diagnose sys session filter dport 9",
             "diagnose sys session clear");
    firewall_passes(&fw, WAN, &answer, LAN);
    COMMANDS(&fw, "diagnose sys session filter dport 2000", "diagnose sys session clear");
    firewall_drops(&fw, WAN, &answer, DROP_LOCAL_DENIED);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* A session's own checks: hops and size. */
static void test_known_checks(void **state)
{
    static const char zeros[1600];
    struct firewall fw;
    struct frame f = udp(out, "x"), old = f, large;
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &f, WAN);
    old.b[FRAME_IP + 8] = 1;
    frame_mend(&old);
    firewall_refuses(&fw, LAN, &old, DROP_TTL);
    frame_udp(&large, out, slice_of(zeros, 1473));
    firewall_refuses(&fw, LAN, &large, DROP_MTU);
    frame_udp(&large, out, slice_of(zeros, 1472));
    firewall_passes(&fw, LAN, &large, WAN);
    firewall_free(&fw);
}

static void assert_untouched(struct firewall *fw, const struct frame *f)
{
    const struct frame *there = firewall_passes(fw, LAN, f, WAN);
    assert_int_equal(there->n, f->n);
    assert_memory_equal(there->b + FRAME_L4 + 8, f->b + FRAME_L4 + 8, f->n - FRAME_L4 - 8);
    frame_assert_whole(there);
}

/* On a SIP port, what is no SIP passes as it is. */
static void test_not_sip(void **state)
{
    static const char *const payloads[] = {"\r\n\r\n", "\r\n", "", "x", "hello, this is no SIP\n"};
    const struct ends sip = {"10.0.0.20", 5060, "198.51.100.5", 5060};
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        f = udp(sip, payloads[i]);
        assert_untouched(&fw, &f);
    }
    frame_udp(&f, sip, SLICE_LIT("\x00\x01\x00\x00\x21\x12\xa4\x42 a STUN request"));
    assert_untouched(&fw, &f);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_of_one_flow), cmocka_unit_test(test_mixed_burst),
        cmocka_unit_test(test_port_clash),        cmocka_unit_test(test_no_port),
        cmocka_unit_test(test_table_full),        cmocka_unit_test(test_cleared),
        cmocka_unit_test(test_known_checks),      cmocka_unit_test(test_not_sip),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
