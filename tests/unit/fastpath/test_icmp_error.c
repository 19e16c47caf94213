/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors about packets that were translated. Whoever sent the packet must find in the error
 * what he sent, as far as it is quoted: random flows of every kind of protocol are held against
 * that, in both directions, with all checksums computed anew. Then what must not pass.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/checksum.h"
#include "base/rng.h"
#include "fastpath/packet.h"
#include "firewall.h"

#include <netinet/in.h>
#include <string.h>

enum {
    LAN = 1,
    WAN
};

#define SECOND 1000000000ull

/* Of an error frame: the quoted IP packet. */
#define QUOTE (FRAME_L4 + 8)

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

#define PUBLIC        "203.0.113.2"
#define ROUTER        "100.64.7.7" /* somewhere outside */
#define INSIDE_ROUTER "10.99.0.1"

/* ---- frames of every protocol ---- */

static uint32_t crc32c(const unsigned char *p, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* Checksums of SCTP and UDP-Lite, which frame_mend does not know, computed whole. */
static void mend(struct frame *f)
{
    unsigned char *l4 = f->b + FRAME_L4;
    const size_t n = f->n - FRAME_L4;
    frame_mend(f);
    if (f->b[FRAME_IP + 9] == IPPROTO_SCTP) {
        memset(l4 + 8, 0, 4);
        uint32_t crc = crc32c(l4, n);
        memcpy(l4 + 8, &crc, 4);
    } else if (f->b[FRAME_IP + 9] == IPPROTO_UDPLITE) {
        /* The sum of UDP, but for the protocol. */
        struct frame twin = *f;
        twin.b[FRAME_IP + 9] = IPPROTO_UDP;
        twin.b[FRAME_L4 + 4] = (unsigned char)(n >> 8);
        twin.b[FRAME_L4 + 5] = (unsigned char)n;
        frame_mend(&twin);
        uint16_t sum;
        memcpy(&sum, twin.b + FRAME_L4 + 6, 2);
        sum = checksum_adjust(sum, checksum_delta(be16_of(IPPROTO_UDP), be16_of(IPPROTO_UDPLITE)));
        memcpy(l4 + 6, &sum, 2);
    }
}

static const uint8_t protocols[] = {IPPROTO_UDP,  IPPROTO_TCP,     IPPROTO_ICMP,
                                    IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_GRE};

static void frame_random(struct frame *f, struct rng *rng, uint8_t proto)
{
    char body[200], dst[IPV4_TEXT_MAX], src[IPV4_TEXT_MAX];
    const uint16_t sport = (uint16_t)(1024 + rng_below(rng, 60000));
    ipv4_print(be32_of(0x64000000 | rng_below(rng, 1 << 24)), dst);
    ipv4_print(be32_of(0x0a000100 | rng_below(rng, 1 << 16)), src);
    struct ends e = {src, sport, dst, (uint16_t)(6000 + rng_below(rng, 50000))};
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)rng_next(rng);
    struct slice payload = slice_of(body, 12 + rng_below(rng, sizeof body - 12));
    switch (proto) {
    case IPPROTO_UDP:
        frame_udp(f, e, payload);
        break;
    case IPPROTO_TCP:
        frame_tcp(f, e, (struct frame_tcp){2, (uint32_t)rng_next(rng), 0}, payload);
        break;
    case IPPROTO_ICMP:
        frame_icmp(f, e, 8, 0, (uint32_t)rng_next(rng));
        break;
    default:
        frame_ipv4(f, e, proto, payload);
        if (proto == IPPROTO_UDPLITE) {
            f->b[FRAME_L4 + 4] = (unsigned char)(payload.n >> 8);
            f->b[FRAME_L4 + 5] = (unsigned char)payload.n;
        }
        mend(f);
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
    } else if (f->b[FRAME_IP + 9] != IPPROTO_GRE) {
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
    mend(f);
}

/* An error of `from` about a frame it has seen, with `quoted` bytes of its IP packet. */
static void error_about(struct frame *f, const char *from, const struct frame *seen, size_t quoted,
                        uint8_t type, uint8_t code)
{
    char to[IPV4_TEXT_MAX];
    be32 dst;
    memcpy(&dst, seen->b + FRAME_IP + 12, 4);
    ipv4_print(dst, to);
    frame_icmp(f, (struct ends){from, 0, to, 0}, type, code, 1400);
    memcpy(f->b + QUOTE, seen->b + FRAME_IP, quoted);
    f->n = QUOTE + quoted;
    frame_mend(f);
}

/* `got` came to the address `to` from `from`, and quotes what `sent` is, one hop later. */
static void assert_error(const struct frame *got, const char *from, const unsigned char *to,
                         const struct frame *sent, size_t quoted)
{
    struct frame hop = *sent;
    be32 src = frame_address(from);
    hop.b[FRAME_IP + 8]--;
    mend(&hop);
    frame_assert_whole(got);
    assert_int_equal(got->n, QUOTE + quoted);
    assert_memory_equal(got->b + FRAME_IP + 12, &src, 4);
    assert_memory_equal(got->b + FRAME_IP + 16, to, 4);
    assert_int_equal(got->b[FRAME_IP + 8], 63);
    assert_memory_equal(got->b + QUOTE, hop.b + FRAME_IP, quoted);
}

/* How much of a frame's IP packet to quote. Not half a checksum, which nobody can adjust. */
static size_t some(struct rng *rng, const struct frame *f)
{
    const size_t most = f->n - FRAME_IP;
    size_t n = most > 28 ? 28 + rng_below(rng, (uint32_t)(most - 27)) : 28;
    if (f->b[FRAME_IP + 9] == IPPROTO_TCP && n == 37)
        n = 36;
    if (f->b[FRAME_IP + 9] == IPPROTO_SCTP && n < 32)
        n = 28;
    return n;
}

static void test_both_ways(void **state)
{
    static const uint8_t errors[][2] = {{3, 0},  {3, 1},  {3, 3},  {3, 4},
                                        {3, 13}, {11, 0}, {11, 1}, {12, 0}};
    struct firewall fw;
    struct rng rng = {7};
    (void)state;
    firewall_make(&fw, config);
    for (unsigned i = 0; i < 3000; i++) {
        struct frame sent, there, answer, home, error;
        const uint8_t *kind = errors[rng_below(&rng, 8)];
        frame_random(&sent, &rng, protocols[i % 6]);
        there = *firewall_passes(&fw, LAN, &sent, WAN);
        assert_memory_equal(there.b + FRAME_IP + 12, "\xcb\x00\x71\x02", 4);
        struct frame whole = there;
        mend(&whole);
        assert_memory_equal(whole.b, there.b, there.n);

        /* A router outside complains to the sender inside. */
        size_t n = some(&rng, &there);
        error_about(&error, ROUTER, &there, n, kind[0], kind[1]);
        const struct frame *got = firewall_passes(&fw, WAN, &error, LAN);
        assert_error(got, ROUTER, sent.b + FRAME_IP + 12, &sent, n);
        assert_memory_equal(got->b + FRAME_L4 + 4, error.b + FRAME_L4 + 4, 4); /* the MTU */

        /* A router inside complains to the one outside who answered. */
        answer_to(&answer, &there);
        home = *firewall_passes(&fw, WAN, &answer, LAN);
        n = some(&rng, &home);
        error_about(&error, INSIDE_ROUTER, &home, n, kind[0], kind[1]);
        got = firewall_passes(&fw, LAN, &error, WAN);
        assert_error(got, PUBLIC, answer.b + FRAME_IP + 12, &answer, n);
        if (i % 50 == 49)
            replay_advance(fw.r, replay_now_ns(fw.r) + 4000 * SECOND);
    }
    firewall_free(&fw);
}

/* A server behind a virtual IP: who complains inside bears its public address outside. */
static void test_virtual_ip(void **state)
{
    static const struct ends in = {"198.51.100.5", 4000, "203.0.113.5", 80};
    static const struct ends reply = {"10.0.0.20", 8080, "198.51.100.5", 4000};
    struct firewall fw;
    struct frame sent, home, answer, there, error;
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config firewall vip", "edit v", "set extip 203.0.113.5", "set extintf wan",
             "set mappedip 10.0.0.20", "set portforward enable", "set protocol udp",
             "set extport 80", "set mappedport 8080", "end", "config firewall policy", "edit 9",
             "set srcintf wan", "set dstintf lan", "set srcaddr all", "set dstaddr v",
             "set action accept", "set schedule always", "set service ALL", "end");
    frame_udp(&sent, in, SLICE_LIT("question"));
    home = *firewall_passes(&fw, WAN, &sent, LAN);
    error_about(&error, INSIDE_ROUTER, &home, 36, 3, 1);
    assert_error(firewall_passes(&fw, LAN, &error, WAN), "203.0.113.5", sent.b + FRAME_IP + 12,
                 &sent, 36);
    error_about(&error, "10.0.0.20", &home, 36, 3, 3);
    assert_error(firewall_passes(&fw, LAN, &error, WAN), "203.0.113.5", sent.b + FRAME_IP + 12,
                 &sent, 36);
    frame_udp(&answer, reply, SLICE_LIT("answer"));
    there = *firewall_passes(&fw, LAN, &answer, WAN);
    error_about(&error, ROUTER, &there, 34, 11, 0);
    assert_error(firewall_passes(&fw, WAN, &error, LAN), ROUTER, answer.b + FRAME_IP + 12, &answer,
                 34);
    firewall_free(&fw);
}

/* Options in the quoted header, and an extension behind the quote (RFC 4884). */
static void test_quote_forms(void **state)
{
    struct firewall fw;
    struct frame sent, there, error;
    struct rng rng = {8};
    (void)state;
    firewall_make(&fw, config);
    frame_random(&sent, &rng, IPPROTO_UDP);
    memmove(sent.b + FRAME_L4 + 4, sent.b + FRAME_L4, sent.n - FRAME_L4);
    memcpy(sent.b + FRAME_L4, "\x94\x04\x00\x00", 4);
    sent.n += 4;
    sent.b[FRAME_IP] = 0x46;
    sent.b[FRAME_IP + 3] = (unsigned char)(sent.n - FRAME_IP);
    memset(sent.b + FRAME_IP + 10, 0, 2);
    uint16_t sum = (uint16_t)~checksum_fold(checksum_sum(sent.b + FRAME_IP, 24));
    memcpy(sent.b + FRAME_IP + 10, &sum, 2);
    there = *firewall_passes(&fw, LAN, &sent, WAN);
    error_about(&error, ROUTER, &there, 32, 11, 0);
    const struct frame *got = firewall_passes(&fw, WAN, &error, LAN);
    frame_assert_whole(got);
    assert_memory_equal(got->b + QUOTE + 12, sent.b + FRAME_IP + 12, 20);
    assert_int_equal(checksum_fold(checksum_sum(got->b + QUOTE, 24)), 0xffff);

    frame_random(&sent, &rng, IPPROTO_UDP);
    there = *firewall_passes(&fw, LAN, &sent, WAN);
    const size_t n = there.n - FRAME_IP;
    error_about(&error, ROUTER, &there, n, 11, 0);
    memset(error.b + QUOTE + n, 0xee, 100);
    error.n += 100;
    frame_mend(&error);
    got = firewall_passes(&fw, WAN, &error, LAN);
    assert_int_equal(got->n, error.n);
    assert_memory_equal(got->b + QUOTE + n, error.b + QUOTE + n, 100);
    frame_assert_whole(got);
    firewall_free(&fw);
}

/* A wrong checksum, of the error or of what it quotes, stays wrong. */
static void test_wrong_stays_wrong(void **state)
{
    struct firewall fw;
    struct frame sent, there, error, mended;
    struct rng rng = {9};
    (void)state;
    firewall_make(&fw, config);
    for (int i = 0; i < 60; i++) {
        frame_random(&sent, &rng, protocols[i % 6]);
        there = *firewall_passes(&fw, LAN, &sent, WAN);
        error_about(&error, ROUTER, &there, 28, 3, 1);
        error.b[FRAME_L4 + 2] ^= (unsigned char)(1 + rng_below(&rng, 255));
        mended = *firewall_passes(&fw, WAN, &error, LAN);
        unsigned char was[2] = {mended.b[FRAME_L4 + 2], mended.b[FRAME_L4 + 3]};
        frame_mend(&mended);
        assert_memory_not_equal(mended.b + FRAME_L4 + 2, was, 2);
        there.b[FRAME_IP + 10] ^= 0x40;
        error_about(&error, ROUTER, &there, 28, 3, 1);
        const struct frame *got = firewall_passes(&fw, WAN, &error, LAN);
        assert_int_not_equal(checksum_fold(checksum_sum(got->b + QUOTE, 20)), 0xffff);
        frame_assert_whole(got);
    }
    firewall_free(&fw);
}

/* ---- what does not pass ---- */

struct flow_seen {
    struct firewall fw;
    struct frame sent, there;
};

static void flow_make(struct flow_seen *f, uint8_t proto)
{
    struct rng rng = {10};
    firewall_make(&f->fw, config);
    frame_random(&f->sent, &rng, proto);
    f->there = *firewall_passes(&f->fw, LAN, &f->sent, WAN);
}

static void test_types(void **state)
{
    static const struct {
        uint8_t type, code;
        enum drop_reason reason;
    } rows[] = {{4, 0, DROP_ICMP_TYPE},
                {5, 1, DROP_ICMP_TYPE},
                {6, 0, DROP_PROTOCOL},
                {13, 0, DROP_PROTOCOL},
                {255, 0, DROP_PROTOCOL}};
    struct flow_seen f;
    struct frame error;
    (void)state;
    flow_make(&f, IPPROTO_UDP);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        error_about(&error, ROUTER, &f.there, 28, rows[i].type, rows[i].code);
        firewall_drops(&f.fw, WAN, &error, rows[i].reason);
    }
    firewall_free(&f.fw);
}

/* Every length there is: nothing is read that is not there, and less than 28 bytes never pass. */
static void test_every_length(void **state)
{
    struct flow_seen f;
    struct frame error;
    (void)state;
    for (size_t k = 0; k < sizeof protocols; k++) {
        flow_make(&f, protocols[k]);
        for (size_t n = 0; n < 28; n++) {
            error_about(&error, ROUTER, &f.there, n, 11, 0);
            firewall_drops(&f.fw, WAN, &error, DROP_ICMP_QUOTE);
        }
        for (size_t n = 28; n < f.there.n - FRAME_IP; n++) {
            error_about(&error, ROUTER, &f.there, n, 11, 0);
            firewall_passes(&f.fw, WAN, &error, LAN);
        }
        firewall_free(&f.fw);
    }
}

static void test_foreign_quotes(void **state)
{
    struct flow_seen f;
    struct frame error, seen;
    (void)state;
    flow_make(&f, IPPROTO_UDP);
    static const struct {
        size_t at;
        unsigned char change;
    } rows[] = {
        {FRAME_IP, 0x20},      /* version 6 */
        {FRAME_IP, 0x03},      /* header longer than what is there */
        {FRAME_IP, 0x01},      /* header of 16 bytes */
        {FRAME_IP + 7, 0x01},  /* not the first fragment */
        {FRAME_IP + 9, 0x17},  /* TCP */
        {FRAME_IP + 15, 0x01}, /* another sender */
        {FRAME_IP + 19, 0x01}, /* another destination */
        {FRAME_L4 + 1, 0x01},  /* another port */
        {FRAME_L4 + 3, 0x01},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        seen = f.there;
        seen.b[rows[i].at] ^= rows[i].change;
        error_about(&error, ROUTER, &seen, 28, 3, 1);
        memcpy(error.b + FRAME_IP + 16, f.there.b + FRAME_IP + 12, 4);
        frame_mend(&error);
        print_message("row %zu\n", i);
        firewall_drops(&f.fw, WAN, &error, DROP_ICMP_QUOTE);
    }
    /* To somebody else than the sender; from the other side; as it was before translation. */
    error_about(&error, ROUTER, &f.there, 28, 3, 1);
    memcpy(error.b + FRAME_IP + 16, "\x0a\x00\x00\x20", 4);
    frame_mend(&error);
    firewall_drops(&f.fw, WAN, &error, DROP_ICMP_QUOTE);
    error_about(&error, INSIDE_ROUTER, &f.there, 28, 3, 1);
    firewall_drops(&f.fw, LAN, &error, DROP_ICMP_QUOTE);
    error_about(&error, ROUTER, &f.sent, 28, 3, 1);
    firewall_drops(&f.fw, WAN, &error, DROP_ICMP_QUOTE);
    /* At the end of its own hops: no error about an error. */
    error_about(&error, ROUTER, &f.there, 28, 3, 1);
    error.b[FRAME_IP + 8] = 1;
    frame_mend(&error);
    firewall_drops(&f.fw, WAN, &error, DROP_TTL);
    firewall_free(&f.fw);
}

/* An error makes no session, and none lives longer for it. */
static void test_no_effect(void **state)
{
    struct flow_seen f;
    struct frame error;
    (void)state;
    flow_make(&f, IPPROTO_UDP);
    for (int i = 0; i < 5; i++) {
        replay_advance(f.fw.r, replay_now_ns(f.fw.r) + 35 * SECOND);
        error_about(&error, ROUTER, &f.there, 28, 3, 3);
        firewall_passes(&f.fw, WAN, &error, LAN);
        assert_int_equal(firewall_sessions(&f.fw), 1);
    }
    replay_advance(f.fw.r, replay_now_ns(f.fw.r) + 7 * SECOND);
    assert_int_equal(firewall_sessions(&f.fw), 0);
    firewall_drops(&f.fw, WAN, &error, DROP_ICMP_QUOTE);
    assert_int_equal(firewall_sessions(&f.fw), 0);
    firewall_free(&f.fw);
}

/* A stranger who guesses the ports still has to guess a sequence number (RFC 5927). */
static void test_tcp_sequence(void **state)
{
    struct flow_seen f;
    struct frame error;
    (void)state;
    flow_make(&f, IPPROTO_TCP);
    error_about(&error, ROUTER, &f.there, 28, 3, 4);
    firewall_passes(&f.fw, WAN, &error, LAN);
    f.there.b[FRAME_L4 + 4] ^= 0x40;
    error_about(&error, ROUTER, &f.there, 28, 3, 4);
    firewall_drops(&f.fw, WAN, &error, DROP_TCP_WINDOW);
    firewall_free(&f.fw);
}

/* Random damage to the quote: it passes whole, or it is dropped; every packet is accounted for. */
static void test_damage(void **state)
{
    struct rng rng = {11};
    struct frame error;
    (void)state;
    for (size_t k = 0; k < sizeof protocols; k++) {
        struct flow_seen f;
        flow_make(&f, protocols[k]);
        for (int i = 0; i < 2000; i++) {
            error_about(&error, ROUTER, &f.there, some(&rng, &f.there), 3, 3);
            for (uint32_t d = 1 + rng_below(&rng, 3); d > 0; d--)
                error.b[QUOTE + rng_below(&rng, 28)] = (unsigned char)rng_next(&rng);
            frame_mend(&error);
            if (firewall_gives(&f.fw, WAN, &error) == 1)
                frame_assert_whole(&f.fw.sent[0].f);
        }
        assert_int_equal(firewall_sessions(&f.fw), 1);
        firewall_free(&f.fw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),      cmocka_unit_test(test_quote_forms),
        cmocka_unit_test(test_virtual_ip),     cmocka_unit_test(test_wrong_stays_wrong),
        cmocka_unit_test(test_types),          cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_foreign_quotes), cmocka_unit_test(test_no_effect),
        cmocka_unit_test(test_tcp_sequence),   cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
