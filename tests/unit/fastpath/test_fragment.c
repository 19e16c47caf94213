/* SPDX-License-Identifier: BSD-3-Clause */
/* What is longer than the MTU of the way out: cut, or dropped, and counted either way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LAN = 1,
    WAN,
    ALT
};

#define POLICY(id, to, more)                                                           \
    "edit " #id "\nset srcintf \"lan\"\nset dstintf \"" to "\"\nset srcaddr \"all\"\n" \
    "set dstaddr \"all\"\nset action accept\nset schedule \"always\"\n"                \
    "set service \"ALL\"\n" more "next\n"

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nset mtu-override enable\nset mtu 2000\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nset mtu-override enable\nset mtu 601\nnext\n"
    "edit \"alt\"\nset ip 192.0.2.2 255.255.255.0\nset mtu-override enable\nset mtu 601\nnext\n"
    "end\n"
    "config router static\n"
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
    "edit 2\nset dst 198.18.0.0 255.254.0.0\nset gateway 192.0.2.1\nset device \"alt\"\nnext\n"
    "end\n"
    "config firewall policy\n" POLICY(1, "wan", "set nat enable\n") POLICY(2, "alt", "") "end\n";

#define MTU 601

static const struct ends sip = {"10.0.0.20", 5060, "198.51.100.5", 5060};
static const struct ends sip_as_is = {"10.0.0.20", 5060, "198.18.0.5", 5060};
static const struct ends plain = {"10.0.0.20", 1000, "198.51.100.5", 2000};

/* OPTIONS of `n` bytes, no line of which is long; the ALG makes three addresses in it two bytes
 * longer each. */
static struct frame message(struct ends e, size_t n)
{
    static const char format[] = "OPTIONS sip:bob@198.51.100.5 SIP/2.0\r\n"
                                 "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK1\r\n"
                                 "From: <sip:alice@10.0.0.20>;tag=1\r\n"
                                 "To: <sip:bob@198.51.100.5>\r\n"
                                 "Call-ID: 1\r\n"
                                 "CSeq: 1 OPTIONS\r\n"
                                 "Contact: <sip:alice@10.0.0.20:5060>\r\n"
                                 "Subject: %0*d\r\n"
                                 "Organization: %0*d\r\n"
                                 "Content-Length: 0\r\n\r\n";
    struct frame f;
    char text[FRAME_SIZE];
    int fill = (int)n - (snprintf(text, sizeof text, format, 1, 0, 1, 0) - 2);
    snprintf(text, sizeof text, format, fill / 2, 0, fill - fill / 2, 0);
    frame_udp(&f, e, slice_of(text, n));
    return f;
}

static struct frame datagram(size_t n, bool dont_fragment)
{
    struct frame f;
    char payload[FRAME_SIZE];
    for (size_t i = 0; i < n; i++)
        payload[i] = (char)(i * 7 + i / 256);
    frame_udp(&f, plain, slice_of(payload, n));
    if (!dont_fragment)
        f.b[FRAME_IP + 6] = 0;
    f.b[FRAME_IP + 4] = 0x12;
    f.b[FRAME_IP + 5] = 0x34;
    frame_mend(&f);
    return f;
}

static unsigned word(const struct frame *f, size_t at)
{
    return (unsigned)f->b[at] << 8 | f->b[at + 1];
}

/* The checksum of an IPv4 header, as its receiver forms it. */
static void assert_header(const struct frame *f)
{
    uint32_t sum = 0;
    for (size_t i = FRAME_IP; i < FRAME_L4; i += 2)
        sum += word(f, i);
    sum = (sum & 0xffff) + (sum >> 16);
    assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

/* Put what left together again; every piece is what a fragment has to be. */
static struct frame reassemble(const struct firewall *fw, uint16_t out)
{
    struct frame whole = fw->sent[0].f;
    size_t at = FRAME_L4;
    for (unsigned i = 0; i < fw->n_sent; i++) {
        const struct frame *f = &fw->sent[i].f;
        bool last = i + 1 == fw->n_sent;
        unsigned offset = word(f, FRAME_IP + 6);
        assert_int_equal(fw->sent[i].ifindex, out);
        assert_true(f->n - FRAME_IP <= MTU && f->n > FRAME_L4);
        assert_true(last || f->n + 8 - FRAME_IP > MTU); /* none is smaller than need be */
        assert_int_equal(word(f, FRAME_IP + 2), f->n - FRAME_IP);
        assert_int_equal(offset & 0x2000, last ? 0 : 0x2000);
        assert_int_equal(offset & 0xc000, 0);
        assert_int_equal((offset & 0x1fff) * 8, at - FRAME_L4);
        assert_memory_equal(f->b, whole.b, FRAME_IP);
        assert_memory_equal(f->b + FRAME_IP + 4, whole.b + FRAME_IP + 4, 2);
        assert_memory_equal(f->b + FRAME_IP + 8, whole.b + FRAME_IP + 8, 2);
        assert_memory_equal(f->b + FRAME_IP + 12, whole.b + FRAME_IP + 12, 8);
        assert_header(f);
        memcpy(whole.b + at, f->b + FRAME_L4, f->n - FRAME_L4);
        at += f->n - FRAME_L4;
    }
    whole.n = at;
    return whole;
}

static void assert_l4(const struct frame *f)
{
    struct frame mended = *f;
    frame_mend(&mended);
    assert_memory_equal(mended.b + FRAME_L4, f->b + FRAME_L4, f->n - FRAME_L4);
}

static uint64_t pieces(const struct firewall *fw)
{
    struct replay_counts c;
    replay_counts(fw->r, &c);
    return c.packets.pieces;
}

/* A datagram that may be cut is cut, at every length, into what it was. */
static void test_every_length(void **state)
{
    struct firewall fw;
    uint64_t more = 0;
    (void)state;
    firewall_make(&fw, config);
    for (size_t n = 560; n <= 1900; n += n < 580 || (n > 1150 && n < 1170) ? 1 : 97) {
        struct frame f = datagram(n, false);
        unsigned want = (unsigned)((n + 8 + 575) / 576);
        if (n + 28 <= MTU)
            want = 1;
        assert_int_equal(firewall_gives(&fw, LAN, &f), want);
        more += want - 1;
        assert_int_equal(pieces(&fw), more);
        struct frame whole = reassemble(&fw, WAN);
        assert_int_equal(whole.n, f.n);
        assert_memory_equal(whole.b + FRAME_L4 + 8, f.b + FRAME_L4 + 8, n);
        assert_int_equal(word(&whole, FRAME_IP + 4), 0x1234);
        assert_l4(&whole);
    }
    assert_true(more > 40);
    firewall_free(&fw);
}

static void test_not_to_be_cut(void **state)
{
    struct firewall fw;
    struct frame f = datagram(MTU - 28, true);
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &f, WAN);
    f = datagram(MTU - 28 + 1, true);
    firewall_refuses(&fw, LAN, &f, DROP_MTU);
    firewall_free(&fw);
}

/* The options of a cut datagram go where RFC 791 says: those with the copy bit into every piece. */
static void test_options(void **state)
{
    static const unsigned char copied[] = {0x94, 4, 0, 0}, once[] = {0x07, 3, 4, 0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct firewall fw;
        struct frame f = datagram(1100, false);
        memmove(f.b + FRAME_L4 + 4, f.b + FRAME_L4, f.n - FRAME_L4);
        memcpy(f.b + FRAME_L4, i ? once : copied, 4);
        f.n += 4;
        f.b[FRAME_IP] = 0x46;
        f.b[FRAME_IP + 2] = (unsigned char)((f.n - FRAME_IP) >> 8);
        f.b[FRAME_IP + 3] = (unsigned char)(f.n - FRAME_IP);
        f.b[FRAME_IP + 10] = f.b[FRAME_IP + 11] = 0;
        uint32_t sum = 0;
        for (size_t k = FRAME_IP; k < FRAME_L4 + 4; k += 2)
            sum += word(&f, k);
        sum = ~((sum & 0xffff) + (sum >> 16));
        f.b[FRAME_IP + 10] = (unsigned char)(sum >> 8);
        f.b[FRAME_IP + 11] = (unsigned char)sum;
        firewall_make(&fw, config);
        assert_int_equal(firewall_gives(&fw, LAN, &f), 2);
        size_t got = 0;
        for (unsigned k = 0; k < 2; k++) {
            const struct frame *p = &fw.sent[k].f;
            size_t header = (p->b[FRAME_IP] & 15) * 4u;
            assert_int_equal((word(p, FRAME_IP + 6) & 0x1fff) * 8, got);
            assert_int_equal(word(p, FRAME_IP + 2), p->n - FRAME_IP);
            assert_true(k == 1 || memcmp(p->b + FRAME_L4, i ? once : copied, 4) == 0);
            assert_true(k == 0 || i == 1 || memcmp(p->b + FRAME_L4, copied, 4) == 0);
            assert_true(k == 0 || i == 0 || header == 20 || p->b[FRAME_L4] <= 1);
            got += p->n - FRAME_IP - header;
        }
        assert_int_equal(got, 1108);
        firewall_free(&fw);
    }
}

/* SIP that became too long by its addresses leaves in pieces, though its sender forbade that. */
static void test_lengthened_sip(void **state)
{
    struct firewall fw;
    uint16_t ids[16];
    (void)state;
    firewall_make(&fw, config);
    for (unsigned i = 0; i < 16; i++) {
        struct frame f = message(sip, MTU - 28 - 5 + i);
        assert_int_equal(firewall_gives(&fw, LAN, &f), 2);
        struct frame whole = reassemble(&fw, WAN);
        struct slice text = frame_udp_payload(frame_slice(&whole));
        assert_true(whole.n > f.n);
        assert_null(memmem(text.p, text.n, "10.0.0.20", 9));
        assert_memory_equal(text.p + text.n - 4, "\r\n\r\n", 4);
        assert_l4(&whole);
        ids[i] = (uint16_t)word(&whole, FRAME_IP + 4);
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(ids[k], ids[i]);
    }
    assert_int_equal(pieces(&fw), 16);
    firewall_free(&fw);
}

/* One that fits stays in one piece, and one that nobody edited is as it was. */
static void test_sip_that_fits(void **state)
{
    struct firewall fw;
    struct frame f = message(sip, MTU - 28 - 6);
    (void)state;
    firewall_make(&fw, config);
    frame_assert_whole(firewall_passes(&fw, LAN, &f, WAN));
    f = message(sip_as_is, MTU - 28);
    const struct frame *there = firewall_passes(&fw, LAN, &f, ALT);
    assert_int_equal(there->n, f.n);
    assert_int_equal(word(there, FRAME_IP + 6), 0x4000);
    assert_memory_equal(there->b + FRAME_L4, f.b + FRAME_L4, f.n - FRAME_L4);
    f = message(sip_as_is, MTU - 28 + 1);
    firewall_refuses(&fw, LAN, &f, DROP_MTU);
    firewall_free(&fw);
}

/* A message that outgrows its buffer goes on in a large one. When there is none, the ALG knows how
 * long a message may become: beyond that it does nothing. */
static void test_larger_than_a_buffer(void **state)
{
    struct firewall fw;
    struct replay_counts c;
    struct rte_mbuf *taken[1024];
    unsigned n = 0;
    const size_t most = 2048 - FRAME_L4 - 8;
    char text[sizeof config];
    (void)state;
    memcpy(text, config, sizeof text);
    memcpy(strstr(text, "2000"), "1500", 4); /* so that a buffer takes 2048 bytes */
    firewall_make(&fw, text);
    while ((taken[n] = rte_pktmbuf_alloc(fw.dp->large)))
        n++;
    fw.n_sent = 0;
    for (size_t i = 0; i < 7; i++) {
        struct frame f = message(sip, most - 6 + i);
        replay_frame(fw.r, LAN, frame_slice(&f));
        assert_int_equal(fw.n_sent, 4);
        assert_int_equal(firewall_dropped(&fw, DROP_SIP_TOO_LARGE), i);
    }
    replay_counts(fw.r, &c);
    assert_int_equal(c.mappings, 1);
    rte_pktmbuf_free_bulk(taken, n);
    for (size_t i = 0; i < 7; i++) {
        struct frame f = message(sip, most - 6 + i);
        assert_int_equal(firewall_gives(&fw, LAN, &f), 4);
        size_t got = 0;
        for (unsigned k = 0; k < fw.n_sent; k++)
            got += fw.sent[k].f.n - FRAME_L4;
        assert_int_equal(got, f.n - FRAME_L4 + 6);
        const struct frame *last = &fw.sent[fw.n_sent - 1].f;
        assert_memory_equal(last->b + last->n - 4, "\r\n\r\n", 4);
    }
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length),  cmocka_unit_test(test_not_to_be_cut),
        cmocka_unit_test(test_options),       cmocka_unit_test(test_lengthened_sip),
        cmocka_unit_test(test_sip_that_fits), cmocka_unit_test(test_larger_than_a_buffer),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
