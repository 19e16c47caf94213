/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams that arrive in fragments, through a whole firewall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "base/rng.h"
#include "fastpath/reassembly.h"
#include "whole.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LAN = 1,
    WAN,
    DMZ
};

#define COUNT(a)  (sizeof(a) / sizeof *(a))
#define SECOND_NS 1000000000ull

#define POLICY(id, to, more)                                                           \
    "edit " #id "\nset srcintf \"lan\"\nset dstintf \"" to "\"\nset srcaddr \"all\"\n" \
    "set dstaddr \"all\"\nset action accept\nset schedule \"always\"\n"                \
    "set service \"ALL\"\n" more "next\n"
#define CONFIG(lan, wan, dmz)                                                                \
    "config system global\nset ip-fragment-timeout 10\nend\n"                                \
    "config system interface\n"                                                              \
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nset mtu-override enable\n" lan "next\n"        \
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nset mtu-override enable\n" wan "next\n" \
    "edit \"dmz\"\nset ip 192.168.0.1 255.255.255.0\nset mtu-override enable\n" dmz "next\n" \
    "end\n"                                                                                  \
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\nend\n" \
    "config firewall policy\n" POLICY(1, "wan", "set nat enable\n") POLICY(2, "dmz", "") "end\n"

static const char config[] = CONFIG("set mtu 1500\n", "set mtu 1500\n", "set mtu 600\n");
static const char jumbo[] = CONFIG("set mtu 9000\n", "set mtu 1500\n", "set mtu 1500\n");

static const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 2000};
static const struct ends inward = {"10.0.0.20", 1000, "192.168.0.5", 2000};

static unsigned give(struct firewall *fw, const struct whole *d, size_t at, size_t n, bool more)
{
    struct frame f = whole_cut(d, at, n, more);
    return firewall_gives(fw, LAN, &f);
}

static struct replay_counts counts(const struct firewall *fw)
{
    struct replay_counts c;
    replay_counts(fw->r, &c);
    return c;
}

/* --- whole */

/* Every split in up to eight pieces, in every order, gives the datagram. */
static void test_random_splits(void **state)
{
    static struct whole d, got;
    struct rng rng = {11};
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (unsigned round = 0; round < 1500; round++) {
        unsigned n = 2 + rng_below(&rng, 7), at[9] = {0}, order[8];
        for (unsigned i = 1; i <= n; i++) {
            unsigned most = rng_below(&rng, 2) ? 185 : 4;
            at[i] = at[i - 1] + 8 * (1 + rng_below(&rng, most));
        }
        at[n] -= rng_below(&rng, 8);
        whole_udp(&d, out, NULL, at[n] - 8);
        for (unsigned i = 0; i < n; i++) {
            unsigned k = rng_below(&rng, i + 1);
            order[i] = order[k];
            order[k] = i;
        }
        struct replay_counts before = counts(&fw);
        for (unsigned i = 0; i < n; i++) {
            unsigned k = order[i], sent;
            sent = give(&fw, &d, at[k], at[k + 1] - at[k], k + 1 < n);
            if (i + 1 < n) {
                assert_int_equal(sent, 0);
                assert_int_equal(counts(&fw).held, i + 1);
            }
        }
        whole_join(&got, &fw, WAN, 1500);
        whole_assert_udp(&got, &d, "203.0.113.2");
        assert_int_equal(got.flags, 0);
        struct replay_counts after = counts(&fw);
        assert_int_equal(after.held, 0);
        assert_int_equal(after.packets.joined - before.packets.joined, n - 1);
        assert_int_equal(after.packets.pieces - before.packets.pieces, fw.n_sent - 1);
    }
    assert_int_equal(firewall_sessions(&fw), 1);
    firewall_free(&fw);
}

/* 64 KiB less Ethernet's header is the most a buffer holds. */
static void test_largest(void **state)
{
    static struct whole d, got;
    static unsigned char big[9100];
    const size_t most = UINT16_MAX - FRAME_L4, step = 8192;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, jumbo);
    for (size_t n = most - 1; n <= most + 1; n++) {
        whole_udp(&d, out, NULL, n - 8);
        for (size_t at = 0; at < n; at += step) {
            size_t here = n - at < step ? n - at : step;
            struct frame f = whole_cut(&d, at, 8, at + here < n); /* its header, made longer */
            memcpy(big, f.b, FRAME_L4);
            memcpy(big + FRAME_L4, d.b + at, here);
            whole_put16(big + FRAME_IP + 2, 20 + here);
            whole_mend_header(big + FRAME_IP);
            fw.n_sent = 0;
            assert_int_equal(replay_frame(fw.r, LAN, slice_of((const char *)big, FRAME_L4 + here)),
                             0);
        }
        if (n <= most) {
            whole_join(&got, &fw, WAN, 1500);
            whole_assert_udp(&got, &d, "203.0.113.2");
        } else {
            assert_int_equal(firewall_dropped(&fw, DROP_FRAGMENT_SIZE), 1);
        }
    }
    replay_advance(fw.r, 11 * SECOND_NS);
    assert_int_equal(firewall_dropped(&fw, DROP_FRAGMENT_TIMEOUT), 7);
    firewall_free(&fw);
}

/* A ping of the firewall itself is answered as it came: in pieces that the interface takes. */
static void test_ping(void **state)
{
    static struct whole d, got;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config system interface", "edit lan", "set allowaccess ping", "end");
    for (size_t n = 100; n < 6000; n += 1450) {
        whole_udp(&d, (struct ends){"10.0.0.20", 0, "10.0.0.1", 0}, NULL, n);
        d.proto = 1;
        memcpy(d.b, (const unsigned char[8]){8, 0, 0, 0, 0, 7, 0, 1}, 8);
        uint16_t sum = (uint16_t)~checksum_fold(checksum_sum(d.b, d.n));
        memcpy(d.b + 2, &sum, sizeof sum);
        for (size_t at = 0; at < d.n; at += 1200)
            give(&fw, &d, at, d.n - at < 1200 ? d.n - at : 1200, d.n - at > 1200);
        whole_join(&got, &fw, LAN, 1220);
        assert_int_equal(got.n, d.n);
        assert_int_equal(got.b[0], 0);
        assert_memory_equal(got.b + 4, d.b + 4, d.n - 4);
        assert_int_equal(checksum_fold(checksum_sum(got.b, got.n)), 0xffff);
    }
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* The whole is subject to all rules of a packet: its length and its ports among them. */
static void test_parsed_again(void **state)
{
    static struct whole d;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    whole_udp(&d, out, NULL, 100);
    whole_put16(d.b + 4, 200); /* says more than there is */
    give(&fw, &d, 0, 64, true);
    give(&fw, &d, 64, 44, false);
    assert_int_equal(fw.n_sent, 0);
    assert_int_equal(firewall_dropped(&fw, DROP_L4_HEADER), 1);
    assert_int_equal(counts(&fw).packets.joined, 1);
    firewall_free(&fw);
}

/* Pieces of two datagrams that differ in one part of their names do not mix. */
static void test_not_mixed(void **state)
{
    static struct whole d, other;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    whole_udp(&d, out, NULL, 100);
    for (int i = 0; i < 4; i++) {
        other = d;
        if (i == 0)
            other.id++;
        else if (i == 1)
            other.e.src = "10.0.0.21";
        else if (i == 2)
            other.e.dst = "198.51.100.6";
        else
            other.proto = 132;
        give(&fw, &d, 0, 64, true);
        assert_int_equal(give(&fw, &other, 64, 44, false), 0);
        assert_int_equal(give(&fw, &d, 64, 44, false), 2);
    }
    /* Nor do those of two interfaces. */
    struct frame f = whole_cut(&d, 64, 44, false);
    give(&fw, &d, 0, 64, true);
    assert_int_equal(firewall_gives(&fw, DMZ, &f), 0);
    assert_int_equal(give(&fw, &d, 64, 44, false), 2);
    assert_int_equal(counts(&fw).held, 5);
    firewall_free(&fw);
}

/* --- not whole */

struct row {
    struct {
        unsigned at, n;
        bool more;
    } piece[10];
    enum datagram_verdict none;
    enum drop_reason reason; /* of all pieces given */
};

/* One piece that contradicts the others takes them with it, and those still to come. */
static void test_contradictions(void **state)
{
    static const struct row rows[] = {
        {{{0, 64, true}, {56, 64, true}}, .reason = DROP_FRAGMENT_OVERLAP},
        {{{64, 64, true}, {0, 72, true}}, .reason = DROP_FRAGMENT_OVERLAP},
        {{{0, 64, true}, {128, 64, true}, {8, 512, true}}, .reason = DROP_FRAGMENT_OVERLAP},
        {{{0, 64, true}, {0, 64, true}}, .reason = DROP_FRAGMENT_DUPLICATE},
        {{{64, 44, false}, {64, 44, false}}, .reason = DROP_FRAGMENT_DUPLICATE},
        {{{0, 64, true}, {64, 44, false}, {128, 64, true}}, .reason = DROP_COUNT},
        {{{128, 44, false}, {64, 36, false}}, .reason = DROP_FRAGMENT_END},
        {{{128, 44, false}, {256, 64, true}}, .reason = DROP_FRAGMENT_END},
        {{{256, 64, true}, {128, 44, false}}, .reason = DROP_FRAGMENT_END},
        {{{8, 8, true},
          {16, 8, true},
          {24, 8, true},
          {32, 8, true},
          {40, 8, true},
          {48, 8, true},
          {56, 8, true},
          {64, 4, false},
          {0, 8, true}},
         .reason = DROP_FRAGMENT_MANY},
    };
    static struct whole d;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct firewall fw;
        unsigned k = 0, sent = 0;
        firewall_make(&fw, config);
        whole_udp(&d, out, NULL, 1000);
        if (rows[i].reason == DROP_COUNT)
            whole_put16(d.b + 4, 108);
        for (; k < COUNT(rows[i].piece) && rows[i].piece[k].n; k++)
            sent += give(&fw, &d, rows[i].piece[k].at, rows[i].piece[k].n, rows[i].piece[k].more);
        if (rows[i].reason == DROP_COUNT) { /* what comes after the end begins another one */
            assert_int_equal(sent, 2);
            assert_int_equal(counts(&fw).held, 1);
            firewall_free(&fw);
            continue;
        }
        assert_int_equal(sent, 0);
        assert_int_equal(firewall_dropped(&fw, rows[i].reason), k);
        assert_int_equal(counts(&fw).held, 0);
        give(&fw, &d, 512, 64, true);
        assert_int_equal(firewall_dropped(&fw, rows[i].reason), k + 1);
        /* After some seconds the identification may be used again. */
        replay_advance(fw.r, 3 * SECOND_NS);
        whole_udp(&d, out, NULL, 100);
        give(&fw, &d, 0, 64, true);
        assert_int_equal(give(&fw, &d, 64, 44, false), 2);
        firewall_free(&fw);
    }
}

/* What a fragment says of itself alone: it is dropped and nothing else. */
static void test_bad_alone(void **state)
{
    static struct whole d, tcp;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    whole_udp(&d, out, NULL, 200);
    give(&fw, &d, 0, 64, true);
    struct frame f = whole_cut(&d, 64, 63, true);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_LENGTH);
    f = whole_cut(&d, 64, 0, true);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_LENGTH);
    f = whole_cut(&d, 64, 0, false);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_LENGTH);
    f = whole_cut(&d, 65528, 8, false);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_SIZE);
    f = whole_cut(&d, 65520, 8, true);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_SIZE);

    tcp = d;
    tcp.proto = 6;
    tcp.b[12] = 5 << 4;
    f = whole_cut(&tcp, 0, 16, true);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_TINY);
    f = whole_cut(&tcp, 8, 64, false); /* RFC 3128 */
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_TINY);
    f = whole_cut(&tcp, 16, 64, false);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_TINY);
    tcp.b[12] = 7 << 4;
    f = whole_cut(&tcp, 0, 24, true);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT_TINY);
    assert_int_equal(counts(&fw).held, 1);
    assert_int_equal(give(&fw, &d, 64, 144, false), 2);
    firewall_free(&fw);
}

static void test_timeout(void **state)
{
    static struct whole d;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    whole_udp(&d, out, NULL, 200);
    give(&fw, &d, 0, 64, true);
    replay_advance(fw.r, 9 * SECOND_NS);
    give(&fw, &d, 64, 64, true); /* does not prolong */
    replay_advance(fw.r, 10 * SECOND_NS - 1000000);
    assert_int_equal(counts(&fw).held, 2);
    replay_advance(fw.r, 10 * SECOND_NS);
    assert_int_equal(counts(&fw).held, 0);
    assert_int_equal(firewall_dropped(&fw, DROP_FRAGMENT_TIMEOUT), 2);
    /* In time, to the millisecond. */
    give(&fw, &d, 0, 64, true);
    replay_advance(fw.r, 20 * SECOND_NS - 1000000);
    assert_int_equal(give(&fw, &d, 64, 144, false), 2);
    COMMANDS(&fw, "config system global", "set ip-fragment-timeout 3", "end");
    give(&fw, &d, 0, 64, true);
    replay_advance(fw.r, 23 * SECOND_NS);
    assert_int_equal(firewall_dropped(&fw, DROP_FRAGMENT_TIMEOUT), 3);
    firewall_free(&fw);
}

static void test_drop_fragment(void **state)
{
    static struct whole d;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config system interface", "edit lan", "set drop-fragment enable", "end");
    whole_udp(&d, out, NULL, 200);
    struct frame f = whole_cut(&d, 0, 64, true);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT);
    f = whole_cut(&d, 64, 144, false);
    firewall_drops(&fw, LAN, &f, DROP_FRAGMENT);
    f = whole_cut(&d, 0, 208, false); /* not a fragment */
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_free(&fw);
}

/* First pieces in large numbers: buffers stay bounded, and a call among them gets through. */
static void test_flood(void **state)
{
    static struct whole d, call;
    struct firewall fw;
    struct rng rng = {5};
    const uint32_t most = 4095 / 8;
    (void)state;
    for (int spoofed = 0; spoofed < 2; spoofed++) {
        char src[24];
        firewall_make(&fw, config);
        whole_udp(&d, out, NULL, 200);
        d.e.src = src;
        whole_udp(&call, out, NULL, 2000);
        for (uint32_t i = 0; i < 5000; i++) {
            snprintf(src, sizeof src, "10.1.%u.%u", spoofed ? rng_below(&rng, 250) : 1,
                     1 + (spoofed ? rng_below(&rng, 250) : 0));
            d.id++;
            give(&fw, &d, 0, 64, true);
            if (i % 50 == 7)
                assert_int_equal(give(&fw, &call, 1000, 1008, false), 0);
            if (i % 50 == 40) {
                assert_int_equal(give(&fw, &call, 0, 1000, true), 2);
                call.id++;
            }
            assert_true(counts(&fw).held <= (spoofed ? most : most / 4 + 1));
        }
        assert_int_equal(counts(&fw).held, spoofed ? most : most / 4);
        assert_true(firewall_dropped(&fw, DROP_FRAGMENT_LIMIT) > 4000);
        fw.counts_only = true; /* senders are told */
        replay_advance(fw.r, 11 * SECOND_NS);
        assert_int_equal(counts(&fw).held, 0);
        firewall_free(&fw);
    }
}

/* What still waits at the end goes with the worker. */
static void test_end(void **state)
{
    static struct whole d;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < 20; i++) {
        whole_udp(&d, out, NULL, 200);
        give(&fw, &d, 0, 64, true);
        if (i % 3 == 0)
            give(&fw, &d, 0, 64, true);
    }
    assert_int_equal(counts(&fw).held, 13);
    reassembly_free(fw.dp->workers[0]);
    assert_int_equal(rte_mempool_in_use_count(fw.dp->pool), 0);
    firewall_abandon(&fw);
}

/* --- out again */

/* What came in pieces leaves in pieces no larger than those, and no larger than the way out takes.
 */
static void test_sizes(void **state)
{
    static const struct {
        size_t n, piece, mtu, out;
        unsigned frames;
        bool dmz;
    } rows[] = {
        {3000, 1480, 1500, 1500, 3, false}, {3000, 1000, 1500, 1020, 4, false},
        {2000, 1000, 1500, 1020, 3, false}, {3000, 1480, 600, 596, 6, true},
        {900, 304, 600, 324, 3, true},
    };
    static struct whole d, got;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < COUNT(rows); i++) {
        whole_udp(&d, rows[i].dmz ? inward : out, NULL, rows[i].n);
        for (size_t at = 0; at < d.n; at += rows[i].piece) {
            size_t n = d.n - at < rows[i].piece ? d.n - at : rows[i].piece;
            give(&fw, &d, at, n, at + n < d.n);
        }
        assert_int_equal(fw.n_sent, rows[i].frames);
        whole_join(&got, &fw, rows[i].dmz ? DMZ : WAN, rows[i].out);
        whole_assert_udp(&got, &d, rows[i].dmz ? d.e.src : "203.0.113.2");
        assert_int_equal(got.flags, 0);
    }
    firewall_free(&fw);
}

/* Pieces with WHOLE_DF: they leave with WHOLE_DF, or not at all where the way out is too narrow for
 * them. */
static void test_df(void **state)
{
    static struct whole d, got;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    whole_udp(&d, out, NULL, 2992);
    d.flags = WHOLE_DF;
    give(&fw, &d, 0, 1480, true);
    give(&fw, &d, 1480, 1520 - 1000, true);
    assert_int_equal(give(&fw, &d, 2000, 1000, false), 3);
    whole_join(&got, &fw, WAN, 1500);
    whole_assert_udp(&got, &d, "203.0.113.2");
    assert_int_equal(got.flags, WHOLE_DF);
    assert_int_equal(whole_get16(fw.sent[0].f.b + FRAME_IP + 2), 1500);

    d.e = inward;
    give(&fw, &d, 0, 1480, true);
    give(&fw, &d, 1480, 1480, true);
    assert_int_equal(give(&fw, &d, 2960, 40, false), 1); /* the error */
    assert_int_equal(firewall_dropped(&fw, DROP_MTU), 1);

    /* A small piece with WHOLE_DF among larger ones without says nothing of the whole. */
    whole_udp(&d, inward, NULL, 2992);
    give(&fw, &d, 0, 1480, true);
    give(&fw, &d, 1480, 1480, true);
    d.flags = WHOLE_DF;
    assert_int_equal(give(&fw, &d, 2960, 40, false), 6);
    whole_join(&got, &fw, DMZ, 600);
    assert_int_equal(got.flags, 0);
    firewall_free(&fw);
}

/* RFC 3168 5.3: congestion that one piece met is the whole's; a piece that cannot say so ends it.
 */
static void test_ecn(void **state)
{
    static struct whole d, got;
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (uint8_t a = 0; a < 4; a++)
        for (uint8_t b = 0; b < 4; b++) {
            bool clash = (a == 0 && b == 3) || (a == 3 && b == 0);
            uint64_t before = firewall_dropped(&fw, DROP_FRAGMENT_ECN);
            whole_udp(&d, out, NULL, 200);
            d.tos = 0xb8 | b;
            give(&fw, &d, 64, 144, false);
            d.tos = 0xb8 | a;
            give(&fw, &d, 0, 64, true);
            assert_int_equal(firewall_dropped(&fw, DROP_FRAGMENT_ECN) - before, clash ? 2 : 0);
            assert_int_equal(fw.n_sent, clash ? 0 : 1 + (d.n + 20 > 164));
            if (clash)
                continue;
            whole_join(&got, &fw, WAN, 1500);
            assert_int_not_equal(got.id, d.id); /* one of its own */
            assert_int_equal(got.tos, 0xb8 | (b == 3 ? 3 : a));
        }
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_splits),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_parsed_again),
        cmocka_unit_test(test_not_mixed),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_bad_alone),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_drop_fragment),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_df),
        cmocka_unit_test(test_ecn),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
