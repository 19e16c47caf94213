/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 datagrams that arrive in fragments (RFC 8200 4.5), through a whole firewall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fastpath/worker.h"
#include "firewall.h"
#include "frames6.h"

enum {
    LAN = 1,
    WAN,
    DMZ
};

#define COUNT(a)  (sizeof(a) / sizeof *(a))
#define SECOND_NS 1000000000ull
#define HOST      "2001:db8:1::20"
#define SERVER    "2001:db8:9::5"
#define HEADER    8 /* of a fragment */
#define ID_AT     4 /* in it */

enum {
    HOP_BY_HOP = 0,
    UDP = 17,
    ROUTING = 43,
    FRAGMENT = 44,
    ICMP6 = 58,
    DESTINATION = 60
};

static const char config[] =
    "config system global\nset ip-fragment-timeout 10\nend\n"
    "config system interface\n"
    "edit \"lan\"\nset mtu-override enable\nset mtu 2000\n"
    "config ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"
    "edit \"wan\"\nconfig ipv6\nset ip6-address 2001:db8:2::2/64\nend\nnext\n"
    "edit \"dmz\"\nset mtu-override enable\nset mtu 1280\n"
    "config ipv6\nset ip6-address 2001:db8:3::1/64\nend\nnext\n"
    "end\n"
    "config router static6\n"
    "edit 1\nset dst 2001:db8:8::/45\nset gateway fe80::1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"any\"\n"
    "set srcaddr6 \"all\"\nset dstaddr6 \"all\"\nset schedule \"always\"\nset action accept\n"
    "set service \"ALL\"\nnext\n"
    "end\n";

static const struct ends out = {HOST, 1000, SERVER, 2000};
static const struct ends narrow = {HOST, 1000, "2001:db8:3::5", 2000};

static unsigned get16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static void put16(unsigned char *p, size_t v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

/* UDP with `n` bytes that differ. */
static struct frame datagram(struct ends e, size_t n)
{
    struct frame f;
    char payload[FRAME_SIZE];
    for (size_t i = 0; i < n; i++)
        payload[i] = (char)(i * 7 + i / 256);
    frame6_udp(&f, e, slice_of(payload, n));
    return f;
}

/*
 * The fragment that carries bytes [at, at + n) behind byte `fixed` of the frame, where its fragment
 * header goes; `name` is the byte that names what follows there.
 */
static struct frame cut_behind(const struct frame *f, size_t fixed, size_t name, size_t at,
                               size_t n, bool more)
{
    static const unsigned char id[4] = {1, 2, 3, 4};
    struct frame g = {.n = fixed + HEADER + n};
    memcpy(g.b, f->b, fixed);
    memset(g.b + fixed, 0, HEADER);
    g.b[fixed] = f->b[name];
    g.b[name] = FRAGMENT;
    put16(g.b + fixed + 2, at | more);
    memcpy(g.b + fixed + ID_AT, id, sizeof id);
    memcpy(g.b + fixed + HEADER, f->b + fixed + at, n);
    put16(g.b + FRAME_IP + 4, g.n - FRAME6_L4);
    return g;
}

static struct frame cut(const struct frame *f, size_t at, size_t n, bool more)
{
    return cut_behind(f, FRAME6_L4, FRAME_IP + 6, at, n, more);
}

/* What left through `ifindex`, put together: as `f` but for the hop limit, and the MACs. */
static void assert_sent(const struct firewall *fw, uint16_t ifindex, size_t mtu,
                        const struct frame *f, size_t fixed, size_t name)
{
    struct frame whole = fw->sent[0].f;
    size_t at = fixed;
    for (unsigned i = 0; i < fw->n_sent; i++) {
        const struct frame *g = &fw->sent[i].f;
        unsigned field = get16(g->b + fixed + 2);
        assert_int_equal(fw->sent[i].ifindex, ifindex);
        assert_true(g->n - FRAME_IP <= mtu);
        assert_int_equal(get16(g->b + FRAME_IP + 4), g->n - FRAME6_L4);
        assert_int_equal(g->b[name], FRAGMENT);
        assert_int_equal(g->b[fixed], f->b[name]);
        assert_int_equal(field & 1, i + 1 < fw->n_sent);
        assert_int_equal(field & ~7u, at - fixed);
        assert_memory_equal(g->b + fixed + ID_AT, fw->sent[0].f.b + fixed + ID_AT, 4);
        memcpy(whole.b + at, g->b + fixed + HEADER, g->n - fixed - HEADER);
        at += g->n - fixed - HEADER;
    }
    whole.n = at;
    whole.b[name] = f->b[name];
    put16(whole.b + FRAME_IP + 4, whole.n - FRAME6_L4);
    assert_int_equal(whole.b[FRAME_IP + 7], f->b[FRAME_IP + 7] - 1);
    whole.b[FRAME_IP + 7]++;
    assert_int_equal(whole.n, f->n);
    assert_memory_equal(whole.b + 12, f->b + 12, f->n - 12);
}

static struct replay_counts counts(const struct firewall *fw)
{
    struct replay_counts c;
    replay_counts(fw->r, &c);
    return c;
}

static void test_random_splits(void **state)
{
    struct rng rng = {13};
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (unsigned round = 0; round < 500; round++) {
        struct frame f = datagram(out, 200 + rng_below(&rng, 1700));
        size_t total = f.n - FRAME6_L4, at[9] = {0}, order[8];
        unsigned n = 2 + rng_below(&rng, 7);
        for (unsigned i = 1; i <= n; i++) {
            size_t left = (total - at[i - 1]) / 8 - (n - i);
            at[i] = i == n ? total : at[i - 1] + 8 * (1 + rng_below(&rng, (uint32_t)left / 2));
        }
        if (at[n] - at[n - 1] > 1400)
            continue; /* too large for the way out: test_sizes */
        for (unsigned i = 0; i < n; i++) {
            unsigned k = rng_below(&rng, i + 1);
            order[i] = order[k];
            order[k] = i;
        }
        for (unsigned i = 0; i < n; i++) {
            size_t k = order[i];
            struct frame g = cut(&f, at[k], at[k + 1] - at[k], k + 1 < n);
            unsigned sent = firewall_gives(&fw, LAN, &g);
            assert_int_equal(sent > 0, i + 1 == n);
        }
        if (fw.n_sent > 1)
            assert_sent(&fw, WAN, 1500, &f, FRAME6_L4, FRAME_IP + 6);
        else /* what every link takes whole */
            assert_true(f.n - FRAME_IP <= 1280 || fw.sent[0].f.n - FRAME_IP <= 1500);
    }
    assert_int_equal(firewall_sessions(&fw), 1);
    firewall_free(&fw);
}

/* Headers for the way go into every piece, those for the end are part of what is cut. */
static void test_extension_headers(void **state)
{
    static const unsigned char pad[16] = {0, 0, 1, 4}, pad16[16] = {0, 1, 1, 12};
    static const unsigned char route[8] = {0, 0, 4, 0};
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    struct frame f = datagram(out, 1900);
    frame6_extend(&f, DESTINATION, pad, 8);
    size_t fixed = FRAME6_L4 + 16 + 8, name = FRAME6_L4 + 16;
    frame6_extend(&f, ROUTING, route, 8);
    frame6_extend(&f, HOP_BY_HOP, pad16, 16);
    put16(f.b + FRAME_IP + 4, f.n - FRAME6_L4);
    struct frame a = cut_behind(&f, fixed, name, 0, 1024, true);
    struct frame b = cut_behind(&f, fixed, name, 1024, f.n - fixed - 1024, false);
    assert_int_equal(firewall_gives(&fw, LAN, &b), 0);
    assert_int_equal(firewall_gives(&fw, LAN, &a), 2);
    assert_sent(&fw, WAN, 1500, &f, fixed, name);
    firewall_free(&fw);
}

/* Reserved bytes say nothing, whatever they hold (RFC 8200 4.5). */
static void test_reserved(void **state)
{
    static const unsigned char whole[8] = {0, 5, 0, 6, 1, 1, 1, 1}, pad[8] = {0, 0, 1, 4};
    struct firewall fw;
    struct frame f = datagram(out, 900), got;
    (void)state;
    firewall_make(&fw, config);
    frame6_extend(&f, DESTINATION, pad, sizeof pad);
    frame6_extend(&f, FRAGMENT, whole, sizeof whole);
    const size_t fixed = FRAME6_L4 + sizeof whole + sizeof pad, name = FRAME6_L4 + sizeof whole;
    struct frame a = cut_behind(&f, fixed, name, 0, 512, true);
    struct frame b = cut_behind(&f, fixed, name, 512, f.n - fixed - 512, false);
    assert_int_equal(firewall_gives(&fw, LAN, &a), 0);
    got = *firewall_passes(&fw, LAN, &b, WAN);
    got.b[FRAME_IP + 7]++;
    assert_int_equal(got.n, f.n);
    assert_memory_equal(got.b + FRAME_IP, f.b + FRAME_IP, f.n - FRAME_IP);
    firewall_free(&fw);
}

/* A ping of the firewall itself is answered as it came: in pieces that the interface takes. */
static void test_ping(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config system interface", "edit lan", "config ipv6", "set ip6-allowaccess ping",
             "end", "end");
    frame6_icmp(&f, (struct ends){HOST, 0, "2001:db8:1::1", 0}, 128, 0, 7);
    memset(f.b + f.n, 'p', 1900);
    f.n += 1900;
    frame6_mend(&f);
    struct frame a = cut(&f, 0, 1280, true), b = cut(&f, 1280, f.n - FRAME6_L4 - 1280, false);
    assert_int_equal(firewall_gives(&fw, LAN, &a), 0);
    assert_int_equal(firewall_gives(&fw, LAN, &b), 2);
    assert_int_equal(fw.sent[0].f.b[FRAME6_L4 + HEADER], 129);
    for (unsigned i = 0; i < 2; i++) {
        const unsigned char *g = fw.sent[i].f.b;
        assert_int_equal(fw.sent[i].ifindex, LAN);
        assert_int_equal(g[FRAME_IP + 6], FRAGMENT);
        assert_true(fw.sent[i].f.n <= a.n);
        assert_int_equal(get16(g + FRAME6_L4 + 2), i == 0 ? 1 : 1280);
        assert_memory_equal(g + FRAME_IP + 8, f.b + FRAME_IP + 24, 16);
        assert_memory_equal(g + FRAME_IP + 24, f.b + FRAME_IP + 8, 16);
    }
    firewall_free(&fw);
}

/* RFC 6946: one piece that is all is no fragment, whatever waits under its name. */
static void test_atomic(void **state)
{
    struct firewall fw;
    struct frame f = datagram(out, 500);
    (void)state;
    firewall_make(&fw, config);
    struct frame first = cut(&f, 0, 256, true), atomic = cut(&f, 0, 508, false),
                 last = cut(&f, 256, 252, false);
    assert_int_equal(firewall_gives(&fw, LAN, &first), 0);
    const struct frame *there = firewall_passes(&fw, LAN, &atomic, WAN);
    assert_memory_equal(there->b + FRAME6_L4, atomic.b + FRAME6_L4, atomic.n - FRAME6_L4);
    assert_int_equal(counts(&fw).held, 1);
    assert_int_equal(firewall_gives(&fw, LAN, &last), 1);
    firewall_free(&fw);
}

/* Pieces no larger than the way out takes go on in pieces; larger ones do not: no router cuts. */
static void test_sizes(void **state)
{
    struct firewall fw;
    struct frame f = datagram(narrow, 1900);
    (void)state;
    firewall_make(&fw, config);
    struct frame a = cut(&f, 0, 1232, true), b = cut(&f, 1232, f.n - FRAME6_L4 - 1232, false);
    firewall_gives(&fw, LAN, &a);
    assert_int_equal(firewall_gives(&fw, LAN, &b), 2);
    assert_sent(&fw, DMZ, 1280, &f, FRAME6_L4, FRAME_IP + 6);
    a = cut(&f, 0, 1240, true);
    b = cut(&f, 1240, f.n - FRAME6_L4 - 1240, false);
    firewall_gives(&fw, LAN, &a);
    firewall_refuses(&fw, LAN, &b, DROP_MTU);
    firewall_free(&fw);
}

static void test_bad(void **state)
{
    struct firewall fw;
    struct frame f = datagram(out, 500), g;
    (void)state;
    firewall_make(&fw, config);
    g = cut(&f, 0, 255, true);
    firewall_drops(&fw, LAN, &g, DROP_FRAGMENT_LENGTH);
    g = cut(&f, 8, 0, false);
    firewall_drops(&fw, LAN, &g, DROP_FRAGMENT_LENGTH);
    g = cut(&f, 0, 8, true);
    put16(g.b + FRAME6_L4 + 2, 0xfff9);
    firewall_drops(&fw, LAN, &g, DROP_FRAGMENT_SIZE);

    struct frame_tcp tcp = {.flags = 2};
    struct frame t;
    frame6_tcp(&t, out, tcp, SLICE_LIT("and what it carries"));
    g = cut(&t, 0, 16, true);
    firewall_drops(&fw, LAN, &g, DROP_FRAGMENT_TINY);
    static const unsigned char pad[8] = {0, 0, 1, 4};
    frame6_extend(&t, DESTINATION, pad, sizeof pad);
    g = cut(&t, 0, 24, true); /* RFC 7112 */
    firewall_drops(&fw, LAN, &g, DROP_FRAGMENT_TINY);
    g = cut(&t, 0, 8, true);
    firewall_drops(&fw, LAN, &g, DROP_FRAGMENT_TINY);

    /* Every byte of the header may be missing. */
    g = cut(&f, 0, 8, true);
    for (size_t n = FRAME6_L4; n < FRAME6_L4 + HEADER; n++) {
        struct frame shorter = g;
        shorter.n = n;
        put16(shorter.b + FRAME_IP + 4, n - FRAME6_L4);
        firewall_drops(&fw, LAN, &shorter, DROP_IP_HEADER);
    }
    assert_int_equal(counts(&fw).held, 0);
    firewall_free(&fw);
}

/* A fragment within a fragment: nobody's business. */
static void test_nested(void **state)
{
    struct firewall fw;
    struct frame f = datagram(out, 500);
    (void)state;
    firewall_make(&fw, config);
    struct frame inner = cut(&f, 0, 256, true);
    struct frame a = cut(&inner, 0, 64, true), b = cut(&inner, 64, 200, false);
    firewall_gives(&fw, LAN, &a);
    assert_int_equal(firewall_gives(&fw, LAN, &b), 0);
    assert_int_equal(firewall_dropped(&fw, DROP_IP_HEADER), 1);
    assert_int_equal(counts(&fw).held, 0);
    firewall_free(&fw);
}

/* RFC 5722: an overlap ends the datagram and what still comes of it. */
static void test_overlap_and_time(void **state)
{
    struct firewall fw;
    struct frame f = datagram(out, 500);
    (void)state;
    firewall_make(&fw, config);
    struct frame a = cut(&f, 0, 256, true), b = cut(&f, 248, 256, true),
                 c = cut(&f, 256, 252, false);
    firewall_gives(&fw, LAN, &a);
    firewall_gives(&fw, LAN, &b);
    firewall_drops(&fw, LAN, &c, DROP_FRAGMENT_OVERLAP);
    assert_int_equal(firewall_dropped(&fw, DROP_FRAGMENT_OVERLAP), 3);
    replay_advance(fw.r, 3 * SECOND_NS);
    firewall_gives(&fw, LAN, &a);
    assert_int_equal(counts(&fw).held, 1);
    replay_advance(fw.r, 13 * SECOND_NS);
    assert_int_equal(firewall_dropped(&fw, DROP_FRAGMENT_TIMEOUT), 1);
    COMMANDS(&fw, "config system interface", "edit lan", "set drop-fragment enable", "end");
    firewall_drops(&fw, LAN, &a, DROP_FRAGMENT);
    firewall_free(&fw);
}

/* RFC 6980: Neighbour Discovery does not come in fragments. */
static void test_neighbour_discovery(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    frame6_icmp(&f, (struct ends){HOST, 0, "2001:db8:1::1", 0}, 136, 0, 0x60000000);
    f.b[FRAME_IP + 7] = 255;
    frame6_mend(&f);
    struct frame a = cut(&f, 0, 8, true), b = cut(&f, 8, f.n - FRAME6_L4 - 8, false);
    firewall_gives(&fw, LAN, &a);
    firewall_gives(&fw, LAN, &b);
    assert_int_equal(firewall_dropped(&fw, DROP_ND_MALFORMED), 1);
    struct frame whole = cut(&f, 0, f.n - FRAME6_L4, false);
    firewall_drops(&fw, LAN, &whole, DROP_ND_MALFORMED);
    firewall_free(&fw);
}

/* Random damage among good pieces: every packet stays accounted for, and nothing stays. */
static void test_damage(void **state)
{
    struct rng rng = {17};
    struct firewall fw;
    struct frame f = datagram(out, 900);
    (void)state;
    firewall_make(&fw, config);
    for (unsigned i = 0; i < 20000; i++) {
        size_t at = 8 * rng_below(&rng, 100), n = 8 * (1 + rng_below(&rng, 13));
        struct frame g = cut(&f, at, n, rng_below(&rng, 4));
        g.b[FRAME6_L4 + ID_AT + 3] = (unsigned char)rng_below(&rng, 20);
        for (unsigned k = rng_below(&rng, 3); k > 0; k--)
            g.b[12 + rng_below(&rng, (uint32_t)g.n - 12)] = (unsigned char)rng_next(&rng);
        if (rng_below(&rng, 8) == 0)
            g.n = 14 + rng_below(&rng, (uint32_t)g.n - 14);
        firewall_gives(&fw, LAN, &g);
        if (rng_below(&rng, 50) == 0)
            replay_advance(fw.r, replay_now_ns(fw.r) + rng_below(&rng, 3) * SECOND_NS);
    }
    replay_advance(fw.r, replay_now_ns(fw.r) + 20 * SECOND_NS);
    assert_int_equal(fw.dp->workers[0]->datagrams.pieces, 0);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_splits),
        cmocka_unit_test(test_extension_headers),
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_atomic),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_overlap_and_time),
        cmocka_unit_test(test_neighbour_discovery),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
