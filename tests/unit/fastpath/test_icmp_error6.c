/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMPv6 errors that pass through, that do not, and that the firewall makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "firewall.h"
#include "frames6.h"

#include <netinet/in.h>
#include <string.h>

enum {
    LAN = 1,
    WAN
};

#define SECOND 1000000000ull
#define QUOTE  (FRAME6_L4 + 8)
#define HOST   "2001:db8:1::20"
#define SERVER "2001:db8:9::5"
#define ROUTER "2001:db8:8::99"
#define OWN    "2001:db8:1::1"

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nconfig ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"
    "edit \"wan\"\nset mtu-override enable\nset mtu 1280\n"
    "config ipv6\nset ip6-address 2001:db8:2::2/64\nend\nnext\n"
    "end\n"
    "config router static6\n"
    "edit 1\nset dst 2001:db8:8::/45\nset gateway fe80::1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 2\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr6 \"all\"\nset dstaddr6 \"all\"\n"
    "set action deny\nset schedule \"always\"\nset service \"TELNET\" \"TFTP\"\n"
    "set send-deny-packet enable\nnext\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr6 \"all\"\nset dstaddr6 \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nnext\n"
    "end\n";

static const struct ends out = {HOST, 1000, SERVER, 2000};
static const struct ends back = {SERVER, 2000, HOST, 1000};

static void error_about(struct frame *f, const char *from, const char *to, const struct frame *seen,
                        size_t quoted, uint8_t type)
{
    frame6_icmp(f, (struct ends){from, 0, to, 0}, type, 0, 1280);
    memcpy(f->b + QUOTE, seen->b + FRAME_IP, quoted);
    f->n = QUOTE + quoted;
    frame6_mend(f);
}

static void assert_whole(const struct frame *f)
{
    struct frame mended = *f;
    frame6_mend(&mended);
    assert_memory_equal(mended.b, f->b, f->n);
}

/* One frame of each kind of session; `answer`: what comes back. */
static void frame_of(struct frame *f, int kind, bool answer)
{
    const struct ends e = answer ? back : out;
    switch (kind) {
    case 0:
        frame6_udp(f, e, SLICE_LIT("some data"));
        break;
    case 1:
        frame6_tcp(f, e,
                   answer ? (struct frame_tcp){18, 5000, 1001} : (struct frame_tcp){2, 1000, 0},
                   SLICE_NONE);
        break;
    case 2:
        frame6_icmp(f, e, answer ? 129 : 128, 0, 0x00070001);
        break;
    case 3:
        frame6_other(f, e, IPPROTO_SCTP,
                     answer ? SLICE_LIT("\7\xd0\3\xe8taG2crc2chunk")
                            : SLICE_LIT("\3\xe8\7\xd0taG1crc1chunk"));
        break;
    default:
        frame6_other(f, e, IPPROTO_GRE, SLICE_LIT("carried along"));
    }
}

static void test_both_ways(void **state)
{
    struct firewall fw;
    struct frame f, there, home, error;
    (void)state;
    firewall_make(&fw, config);
    for (int kind = 0; kind < 5; kind++)
        for (uint8_t type = 1; type <= 4; type++) {
            frame_of(&f, kind, false);
            there = *firewall_passes(&fw, LAN, &f, WAN);
            error_about(&error, ROUTER, HOST, &there, there.n - FRAME_IP, type);
            const struct frame *got = firewall_passes(&fw, WAN, &error, LAN);
            assert_whole(got);
            assert_int_equal(got->n, error.n);
            assert_int_equal(got->b[FRAME_IP + 7], error.b[FRAME_IP + 7] - 1);
            assert_memory_equal(got->b + FRAME_IP + 8, error.b + FRAME_IP + 8,
                                error.n - FRAME_IP - 8);

            frame_of(&f, kind, true);
            home = *firewall_passes(&fw, WAN, &f, LAN);
            error_about(&error, "2001:db8:1::99", SERVER, &home, 48, type);
            assert_whole(firewall_passes(&fw, LAN, &error, WAN));
        }
    firewall_free(&fw);
}

static void test_refused(void **state)
{
    struct firewall fw;
    struct frame f, there, seen, error;
    (void)state;
    firewall_make(&fw, config);
    frame_of(&f, 0, false);
    there = *firewall_passes(&fw, LAN, &f, WAN);
    for (size_t n = 0; n < 48; n++) {
        error_about(&error, ROUTER, HOST, &there, n, 3);
        firewall_drops(&fw, WAN, &error, DROP_ICMP_QUOTE);
    }
    static const size_t changed[] = {FRAME_IP,      FRAME_IP + 6,  FRAME_IP + 20,
                                     FRAME_IP + 39, FRAME6_L4 + 1, FRAME6_L4 + 3};
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        seen = there;
        seen.b[changed[i]] ^= 0x10;
        error_about(&error, ROUTER, HOST, &seen, 48, 1);
        firewall_drops(&fw, WAN, &error, DROP_ICMP_QUOTE);
    }
    error_about(&error, ROUTER, "2001:db8:1::21", &there, 48, 1);
    firewall_drops(&fw, WAN, &error, DROP_ICMP_QUOTE);
    error_about(&error, ROUTER, HOST, &there, 48, 5);
    firewall_drops(&fw, WAN, &error, DROP_PROTOCOL);
    error_about(&error, ROUTER, HOST, &there, 48, 1);
    error.b[FRAME_IP + 7] = 1;
    firewall_drops(&fw, WAN, &error, DROP_TTL);
    /* Of TCP a segment that was sent. */
    frame_of(&f, 1, false);
    there = *firewall_passes(&fw, LAN, &f, WAN);
    there.b[FRAME6_L4 + 4] ^= 0x40;
    error_about(&error, ROUTER, HOST, &there, 48, 2);
    firewall_drops(&fw, WAN, &error, DROP_TCP_WINDOW);
    assert_int_equal(firewall_sessions(&fw), 2);
    replay_advance(fw.r, replay_now_ns(fw.r) + 182 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* Behind extension headers, and behind the header of a first fragment; never past the quote. */
static void test_extensions(void **state)
{
    static const unsigned char options[8] = {0, 0, 1, 4}, first[8] = {0, 0, 0, 1},
                               later[8] = {0, 0, 1, 0}, lie[8] = {0, 200};
    struct firewall fw;
    struct frame f, there, error;
    (void)state;
    firewall_make(&fw, config);
    frame_of(&f, 0, false);
    there = *firewall_passes(&fw, LAN, &f, WAN);
    const struct {
        uint8_t kind;
        const unsigned char *header;
        bool passes;
    } rows[] = {{IPPROTO_HOPOPTS, options, true},
                {IPPROTO_DSTOPTS, options, true},
                {IPPROTO_FRAGMENT, first, true},
                {IPPROTO_FRAGMENT, later, false},
                {IPPROTO_DSTOPTS, lie, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct frame seen = there;
        frame6_extend(&seen, rows[i].kind, rows[i].header, 8);
        error_about(&error, ROUTER, HOST, &seen, 56, 3);
        print_message("row %zu\n", i);
        if (rows[i].passes)
            assert_whole(firewall_passes(&fw, WAN, &error, LAN));
        else
            firewall_drops(&fw, WAN, &error, DROP_ICMP_QUOTE);
        error_about(&error, ROUTER, HOST, &seen, 55, 3);
        firewall_drops(&fw, WAN, &error, DROP_ICMP_QUOTE);
    }
    firewall_free(&fw);
}

static void test_damage(void **state)
{
    struct firewall fw;
    struct rng rng = {12};
    struct frame f, there, error;
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < 4000; i++) {
        frame_of(&f, i % 5, false);
        there = *firewall_passes(&fw, LAN, &f, WAN);
        const size_t most = there.n - FRAME_IP;
        error_about(&error, ROUTER, HOST, &there, rng_below(&rng, (uint32_t)most + 1), 3);
        for (uint32_t d = rng_below(&rng, 4); d > 0 && error.n > QUOTE; d--)
            error.b[QUOTE + rng_below(&rng, (uint32_t)(error.n - QUOTE))] =
                (unsigned char)rng_next(&rng);
        frame6_mend(&error);
        if (firewall_gives(&fw, WAN, &error) == 1)
            assert_whole(&fw.sent[0].f);
    }
    assert_int_equal(firewall_sessions(&fw), 5);
    firewall_free(&fw);
}

/* ---- made here ---- */

static void assert_error(const struct frame *got, int type, int code, uint32_t rest,
                         const struct frame *about)
{
    const struct ip_addr own = frame6_address(OWN);
    const size_t ip_len = about->n - FRAME_IP;
    be32 word;
    memcpy(&word, got->b + FRAME6_L4 + 4, 4);
    assert_whole(got);
    assert_memory_equal(got->b, about->b + 6, 6);
    assert_memory_equal(got->b + FRAME_IP + 8, &own, 16);
    assert_memory_equal(got->b + FRAME_IP + 24, about->b + FRAME_IP + 8, 16);
    assert_int_equal(got->b[FRAME6_L4], type);
    assert_int_equal(got->b[FRAME6_L4 + 1], code);
    assert_int_equal(be32_host(word), rest);
    assert_int_equal(got->n - QUOTE, ip_len < 1232 ? ip_len : 1232);
    assert_memory_equal(got->b + QUOTE, about->b + FRAME_IP, got->n - QUOTE);
}

static void test_made(void **state)
{
    static const char data[1240];
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    frame_of(&f, 0, false);
    f.b[FRAME_IP + 7] = 1;
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_TTL), 3, 0, 0, &f);
    frame6_udp(&f, out, slice_of(data, 1232));
    firewall_passes(&fw, LAN, &f, WAN);
    frame6_udp(&f, out, slice_of(data, 1233));
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_MTU), 2, 0, 1280, &f);
    frame6_udp(&f, (struct ends){HOST, 1, "2001:db8:ffff::1", 2}, slice_of(data, 10));
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_NO_ROUTE), 1, 0, 0, &f);
    frame6_udp(&f, (struct ends){HOST, 1, SERVER, 69}, slice_of(data, 10));
    assert_error(firewall_refuses(&fw, LAN, &f, DROP_POLICY_DENY), 1, 1, 0, &f);

    frame6_tcp(&f, (struct ends){HOST, 1, SERVER, 23}, (struct frame_tcp){2, 5000, 0}, SLICE_NONE);
    const struct frame *got = firewall_refuses(&fw, LAN, &f, DROP_POLICY_DENY);
    struct frame expected;
    frame6_tcp(&expected, (struct ends){SERVER, 23, HOST, 1}, (struct frame_tcp){20, 0, 5001},
               SLICE_NONE);
    assert_whole(got);
    assert_int_equal(got->n, expected.n);
    assert_memory_equal(got->b + FRAME_IP + 8, expected.b + FRAME_IP + 8, 32 + 14);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_extensions), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_made),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
