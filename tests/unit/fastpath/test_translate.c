/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation there and back is identity: for the pure function with any two keys, and for the
 * whole path with random flows, whose answers must arrive as if nobody had stood between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fastpath/translate.h"
#include "firewall.h"

#include <stdio.h>

enum {
    LAN = 1,
    WAN
};

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "end\n"
    "config router static\n"
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nset nat enable\nnext\n"
    "end\n";

static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP};

/* A frame with the headers of `key`, and a random payload. */
static void frame_of_key(struct frame *f, struct rng *rng, const struct key *key)
{
    char src[IPV4_TEXT_MAX], dst[IPV4_TEXT_MAX], payload[64];
    ipv4_print(key->src, src);
    ipv4_print(key->dst, dst);
    struct ends e = {src, be16_host(key->sport), dst, be16_host(key->dport)};
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)rng_next(rng);
    struct slice body = slice_of(payload, rng_below(rng, sizeof payload + 1));
    if (key->proto == IPPROTO_UDP)
        frame_udp(f, e, body);
    else if (key->proto == IPPROTO_TCP)
        frame_tcp(f, e, (struct frame_tcp){2, (uint32_t)rng_next(rng), 0}, body);
    else
        frame_icmp(f, e, key->sport ? 8 : 0, 0, (uint32_t)(e.sport | e.dport) << 16 | 1);
}

static struct key random_key(struct rng *rng, uint8_t proto, bool answer)
{
    struct key k = {.src = (be32)rng_next(rng),
                    .dst = (be32)rng_next(rng),
                    .sport = (be16)(1 + rng_below(rng, 65535)),
                    .dport = (be16)(1 + rng_below(rng, 65535)),
                    .proto = proto};
    if (proto == IPPROTO_ICMP && answer)
        k.sport = 0;
    else if (proto == IPPROTO_ICMP)
        k.dport = 0;
    return k;
}

static void translate(struct frame *f, const struct key *arrived, const struct key *opposite)
{
    struct packet p = {.ip = (void *)(f->b + FRAME_IP), .l4 = f->b + FRAME_L4};
    packet_translate(&p, arrived, opposite);
}

static void test_identity(void **state)
{
    struct rng rng = {1};
    (void)state;
    for (int i = 0; i < 30000; i++) {
        uint8_t proto = protocols[i % 3];
        struct key there = random_key(&rng, proto, false), back = random_key(&rng, proto, true);
        struct frame first, f;
        frame_of_key(&first, &rng, &there);
        f = first;
        translate(&f, &there, &back);
        frame_assert_whole(&f);
        assert_int_equal(f.b[FRAME_IP + 8], 63);

        /* What left is the inverse of `back`: arriving so, it becomes the inverse of `there`'s. */
        struct key left = key_reverse(&back, 0), origin = key_reverse(&there, 0);
        translate(&f, &left, &origin);
        first.b[FRAME_IP + 8] = 62;
        frame_mend(&first);
        assert_memory_equal(f.b, first.b, first.n);
    }
}

/* A datagram without a checksum gets none (RFC 768), and no sum ever turns into "none". */
static void test_udp_checksum(void **state)
{
    struct rng rng = {2};
    struct key there = random_key(&rng, IPPROTO_UDP, false);
    struct key back = random_key(&rng, IPPROTO_UDP, true);
    struct frame f;
    (void)state;
    frame_of_key(&f, &rng, &there);
    memset(f.b + FRAME_L4 + 6, 0, 2);
    translate(&f, &there, &back);
    assert_int_equal(f.b[FRAME_L4 + 6] | f.b[FRAME_L4 + 7], 0);
    for (int i = 0; i < 65536; i++) {
        char payload[2] = {(char)(i >> 8), (char)i};
        frame_udp(&f, (struct ends){"10.0.0.20", 1, "10.0.0.21", 2}, slice_of(payload, 2));
        struct key arrived = {.src = frame_address("10.0.0.20"),
                              .dst = frame_address("10.0.0.21"),
                              .sport = be16_of(1),
                              .dport = be16_of(2),
                              .proto = IPPROTO_UDP};
        translate(&f, &arrived, &back);
        assert_true(f.b[FRAME_L4 + 6] | f.b[FRAME_L4 + 7]);
        frame_assert_whole(&f);
    }
}

/* A wrong checksum stays wrong, so that the receiver finds out. */
static void test_wrong_stays_wrong(void **state)
{
    struct rng rng = {3};
    (void)state;
    for (int i = 0; i < 3000; i++) {
        uint8_t proto = protocols[i % 3];
        struct key there = random_key(&rng, proto, false), back = random_key(&rng, proto, true);
        struct frame f, mended;
        frame_of_key(&f, &rng, &there);
        f.b[f.n - 1] ^= (unsigned char)(1 + rng_below(&rng, 255));
        translate(&f, &there, &back);
        mended = f;
        frame_mend(&mended);
        assert_memory_not_equal(mended.b + FRAME_L4, f.b + FRAME_L4, f.n - FRAME_L4);
    }
}

/* The answer to a frame that left: both ends exchanged. */
static void answer_to(struct frame *f, const struct frame *sent)
{
    *f = *sent;
    memcpy(f->b + FRAME_IP + 12, sent->b + FRAME_IP + 16, 4);
    memcpy(f->b + FRAME_IP + 16, sent->b + FRAME_IP + 12, 4);
    if (f->b[FRAME_IP + 9] == IPPROTO_ICMP) {
        f->b[FRAME_L4] = 0;
    } else {
        memcpy(f->b + FRAME_L4, sent->b + FRAME_L4 + 2, 2);
        memcpy(f->b + FRAME_L4 + 2, sent->b + FRAME_L4, 2);
    }
    if (f->b[FRAME_IP + 9] == IPPROTO_TCP) {
        uint32_t seq;
        memcpy(&seq, sent->b + FRAME_L4 + 4, 4);
        seq = be32_of(be32_host(seq) + 1 + (uint32_t)(sent->n - FRAME_L4 - 20));
        memcpy(f->b + FRAME_L4 + 8, &seq, 4);
        f->b[FRAME_L4 + 13] = 18;
    }
    f->b[FRAME_IP + 8] = 60;
    frame_mend(f);
}

static void test_whole_path(void **state)
{
    struct firewall fw;
    struct rng rng = {4};
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < 3000; i++) {
        char inside[IPV4_TEXT_MAX];
        struct key k = random_key(&rng, protocols[i % 3], false);
        struct frame f, expected, there;
        snprintf(inside, sizeof inside, "10.%u.%u.%u", rng_below(&rng, 256), rng_below(&rng, 256),
                 2 + rng_below(&rng, 250));
        k.src = frame_address(inside);
        k.dst = be32_of(0x64000000 | rng_below(&rng, 1 << 24));
        if (k.proto == IPPROTO_UDP && be16_host(k.dport) == 5060)
            continue;
        frame_of_key(&f, &rng, &k);
        there = *firewall_passes(&fw, LAN, &f, WAN);
        frame_assert_whole(&there);
        assert_memory_equal(there.b + FRAME_IP + 12, "\xcb\x00\x71\x02", 4);
        assert_memory_equal(there.b + FRAME_IP + 16, f.b + FRAME_IP + 16, 4);

        /* What comes back to the inside host is the answer to what it sent. */
        answer_to(&expected, &f);
        answer_to(&f, &there);
        const struct frame *back = firewall_passes(&fw, WAN, &f, LAN);
        expected.b[FRAME_IP + 8] = 59;
        frame_mend(&expected);
        assert_int_equal(back->n, expected.n);
        assert_memory_equal(back->b + FRAME_IP, expected.b + FRAME_IP, expected.n - FRAME_IP);
        if (i % 100 == 99)
            replay_advance(fw.r, replay_now_ns(fw.r) + 1000000000);
    }
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_udp_checksum),
        cmocka_unit_test(test_wrong_stays_wrong),
        cmocka_unit_test(test_whole_path),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
