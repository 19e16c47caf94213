/* SPDX-License-Identifier: BSD-3-Clause */
/* First packets: for each reason to drop one a frame that meets it, and those that pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/worker.h"
#include "firewall.h"

enum {
    LAN = 1,
    WAN,
    DMZ,
    DOWN,
    BARE
};

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.255.255.0\nset allowaccess ping\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nset mtu-override enable\nset mtu 600\nnext\n"
    "edit \"dmz\"\nset ip 10.1.0.1 255.255.255.0\nnext\n"
    "edit \"down\"\nset ip 10.2.0.1 255.255.255.0\nset status down\nnext\n"
    "edit \"bare\"\nnext\n"
    "end\n"
    "config router static\n"
    "edit 1\nset dst 198.51.100.0 255.255.255.0\nset gateway 203.0.113.1\nset device "
    "\"wan\"\nnext\n"
    "edit 2\nset dst 192.0.2.0 255.255.255.0\nset blackhole enable\nnext\n"
    "edit 3\nset dst 100.64.0.0 255.192.0.0\nset gateway 203.0.113.1\nset device \"bare\"\nnext\n"
    "end\n"
    "config firewall service custom\n"
    "edit \"telnet-test\"\nset tcp-portrange 23\nset udp-portrange 23\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action deny\nset schedule \"always\"\nset service \"telnet-test\"\nnext\n"
    "edit 2\nset srcintf \"lan\"\nset dstintf \"wan\" \"bare\"\nset srcaddr \"all\"\n"
    "set dstaddr \"all\"\nset action accept\nset schedule \"always\"\nset service \"ALL\"\n"
    "set nat enable\nset fixedport enable\nnext\n"
    "edit 3\nset srcintf \"lan\"\nset dstintf \"dmz\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nnext\n"
    "end\n";

static const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 2000};

static struct frame udp(struct ends e)
{
    struct frame f;
    frame_udp(&f, e, SLICE_LIT("some payload of a datagram"));
    return f;
}

static struct frame tcp(struct ends e, uint8_t flags)
{
    struct frame f;
    frame_tcp(&f, e, (struct frame_tcp){.flags = flags, .seq = 1, .ack = 1}, SLICE_NONE);
    return f;
}

/* A datagram with byte `at` set, checksums right where `mended`. */
static struct frame set_byte(size_t at, unsigned char value, bool mended)
{
    struct frame f = udp(out);
    f.b[at] = value;
    if (mended)
        frame_mend(&f);
    return f;
}

static struct frame cut_to(size_t n)
{
    struct frame f = udp(out);
    f.n = n;
    return f;
}

static struct frame icmp(const char *src, const char *dst, uint8_t type, uint8_t code)
{
    struct frame f;
    frame_icmp(&f, (struct ends){src, 0, dst, 0}, type, code, 0x00070001);
    return f;
}

/* Four bytes of IP options. */
static struct frame with_options(const char *options)
{
    struct frame f = udp(out);
    memmove(f.b + FRAME_L4 + 4, f.b + FRAME_L4, f.n - FRAME_L4);
    memcpy(f.b + FRAME_L4, options, 4);
    f.n += 4;
    f.b[FRAME_IP] = 0x46;
    f.b[FRAME_IP + 3] = (unsigned char)(f.n - FRAME_IP);
    /* The same sum by hand: frame_mend knows no options. */
    uint32_t sum = 0;
    f.b[FRAME_IP + 10] = f.b[FRAME_IP + 11] = 0;
    for (size_t i = FRAME_IP; i < FRAME_L4 + 4; i += 2)
        sum += (uint32_t)f.b[i] << 8 | f.b[i + 1];
    sum = ~((sum & 0xffff) + (sum >> 16));
    f.b[FRAME_IP + 10] = (unsigned char)(sum >> 8);
    f.b[FRAME_IP + 11] = (unsigned char)sum;
    return f;
}

static struct frame big(size_t payload)
{
    static const char zeros[1400];
    struct frame f;
    frame_udp(&f, out, slice_of(zeros, payload));
    return f;
}

static struct frame with_body(uint8_t number, struct slice body)
{
    struct frame f;
    frame_ipv4(&f, out, number, body);
    return f;
}

static struct frame protocol(uint8_t number)
{
    return with_body(number, SLICE_LIT("what that carries"));
}

static struct frame to(const char *dst)
{
    return udp((struct ends){"10.0.0.20", 1, dst, 53});
}

/* An ARP request with byte `at` set, of `n` bytes. */
static struct frame arp(size_t at, unsigned char value, size_t n)
{
    struct frame f;
    frame_arp(&f, 1, "10.0.0.20", "10.0.0.1");
    f.b[at] = value;
    f.n = n;
    return f;
}

static void test_drops(void **state)
{
    const struct {
        uint16_t in;
        enum drop_reason reason;
        struct frame f;
    } row[] = {
        {LAN, DROP_SHORT_FRAME, cut_to(0)},
        {LAN, DROP_SHORT_FRAME, cut_to(13)},
        {LAN, DROP_SHORT_FRAME, cut_to(14)},
        {LAN, DROP_SHORT_FRAME, cut_to(33)},
        {LAN, DROP_SHORT_FRAME, cut_to(50)},
        {LAN, DROP_NOT_IP, set_byte(12, 0x86, false)},
        {LAN, DROP_IP_HEADER, set_byte(FRAME_IP, 0x65, false)},
        {LAN, DROP_IP_HEADER, set_byte(FRAME_IP, 0x44, false)},
        {LAN, DROP_IP_HEADER, with_options("\x83\x04\x04\x00")},
        {LAN, DROP_IP_HEADER, with_options("\x89\x04\x04\x00")},
        {LAN, DROP_IP_HEADER, with_options("\x07\x05\x04\x00")},
        {LAN, DROP_IP_HEADER, with_options("\x07\x01\x04\x00")},
        {LAN, DROP_IP_HEADER, with_options("\x01\x01\x01\x07")},
        {LAN, DROP_IP_CHECKSUM, set_byte(FRAME_IP + 8, 65, false)},
        {LAN, DROP_BAD_SOURCE, set_byte(FRAME_IP + 12, 0, true)},
        {LAN, DROP_BAD_SOURCE, set_byte(FRAME_IP + 12, 127, true)},
        {LAN, DROP_BAD_SOURCE, set_byte(FRAME_IP + 12, 224, true)},
        {LAN, DROP_BAD_SOURCE, set_byte(FRAME_IP + 12, 255, true)},
        {LAN, DROP_BROADCAST, set_byte(FRAME_IP + 16, 224, true)},
        {LAN, DROP_BROADCAST, set_byte(FRAME_IP + 16, 255, true)},
        {LAN, DROP_BROADCAST, set_byte(0, 0xff, false)},
        {LAN, DROP_BROADCAST, to("203.0.113.255")},
        {LAN, DROP_BROADCAST, to("10.1.0.255")},
        {LAN, DROP_BROADCAST, udp((struct ends){"10.0.0.20", 1, "10.0.0.255", 53})},
        {LAN, DROP_BAD_DESTINATION, to("0.0.0.0")},
        {LAN, DROP_BAD_DESTINATION, to("0.1.2.3")},
        {LAN, DROP_BAD_DESTINATION, to("127.0.0.1")},
        {LAN, DROP_BAD_DESTINATION, to("127.255.255.255")},
        {LAN, DROP_BAD_SOURCE, udp((struct ends){"10.0.0.1", 1, "198.51.100.5", 53})},
        {WAN, DROP_BAD_SOURCE, udp((struct ends){"203.0.113.2", 1, "10.0.0.20", 53})},
        {LAN, DROP_ARP_MALFORMED, arp(FRAME_IP + 1, 6, 60)},
        {LAN, DROP_ARP_MALFORMED, arp(FRAME_IP + 2, 9, 60)},
        {LAN, DROP_ARP_MALFORMED, arp(FRAME_IP + 4, 8, 60)},
        {LAN, DROP_ARP_MALFORMED, arp(FRAME_IP + 5, 16, 60)},
        {LAN, DROP_ARP_MALFORMED, arp(FRAME_IP, 0, 41)},
        {LAN, DROP_ARP_MALFORMED, arp(FRAME_IP, 0, 14)},
        {LAN, DROP_FRAGMENT_LENGTH, set_byte(FRAME_IP + 6, 0x20, true)},
        {LAN, DROP_PROTOCOL, protocol(2)},
        {LAN, DROP_L4_HEADER, with_body(132, SLICE_LIT("12345678901"))},
        {LAN, DROP_L4_HEADER, with_body(136, SLICE_LIT("\0\1\0\2\0\0\0"))},
        {LAN, DROP_L4_HEADER, with_body(136, SLICE_LIT("\0\1\0\2\0\7\0\0xx"))},
        {LAN, DROP_L4_HEADER, with_body(136, SLICE_LIT("\0\1\0\2\0\13\0\0xx"))},
        {LAN, DROP_PROTOCOL, protocol(58)},
        {LAN, DROP_PROTOCOL, protocol(0)},
        {LAN, DROP_PROTOCOL, icmp("10.0.0.20", "198.51.100.5", 13, 0)},
        {LAN, DROP_PROTOCOL, icmp("10.0.0.20", "198.51.100.5", 8, 1)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME_L4 + 5, 7, false)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME_L4 + 4, 1, false)},
        {LAN, DROP_L4_HEADER, set_byte(FRAME_IP + 9, 6, true)},
        {DOWN, DROP_INTERFACE_DOWN, udp((struct ends){"10.2.0.20", 1, "198.51.100.5", 2})},
        {LAN, DROP_LOCAL_DENIED, udp((struct ends){"10.0.0.20", 1, "10.0.0.1", 5060})},
        {LAN, DROP_LOCAL_DENIED, udp((struct ends){"10.0.0.20", 1, "203.0.113.2", 53})},
        {LAN, DROP_LOCAL_DENIED, icmp("10.0.0.20", "10.0.0.1", 0, 0)},
        {WAN, DROP_LOCAL_DENIED, icmp("203.0.113.1", "203.0.113.2", 8, 0)},
        {WAN, DROP_LOCAL_DENIED, udp((struct ends){"198.51.100.5", 7, "203.0.113.2", 7})},
        {LAN, DROP_NO_ROUTE, udp((struct ends){"10.0.0.20", 1, "8.8.8.8", 53})},
        {LAN, DROP_BLACKHOLE, udp((struct ends){"10.0.0.20", 1, "192.0.2.1", 53})},
        {LAN, DROP_REVERSE_PATH, udp((struct ends){"198.51.100.5", 1, "198.51.100.6", 53})},
        {LAN, DROP_REVERSE_PATH, udp((struct ends){"9.9.9.9", 1, "198.51.100.6", 53})},
        {LAN, DROP_TTL, set_byte(FRAME_IP + 8, 1, true)},
        {LAN, DROP_TTL, set_byte(FRAME_IP + 8, 0, true)},
        {LAN, DROP_MTU, big(573)},
        {WAN, DROP_NO_POLICY, udp((struct ends){"198.51.100.5", 1, "10.0.0.20", 53})},
        {DMZ, DROP_NO_POLICY, udp((struct ends){"10.1.0.20", 1, "10.0.0.20", 53})},
        {LAN, DROP_POLICY_DENY, udp((struct ends){"10.0.0.20", 1, "198.51.100.5", 23})},
        {LAN, DROP_POLICY_DENY, tcp((struct ends){"10.0.0.20", 1, "198.51.100.5", 23}, 2)},
        {LAN, DROP_NO_NAT_ADDRESS, udp((struct ends){"10.0.0.20", 1, "100.64.0.1", 53})},
        {LAN, DROP_TCP_STATE, tcp(out, 16)},
        {LAN, DROP_TCP_STATE, tcp(out, 18)},
        {LAN, DROP_TCP_STATE, tcp(out, 4)},
        {LAN, DROP_TCP_STATE, tcp(out, 3)},
        {LAN, DROP_TCP_STATE, tcp(out, 0)},
    };
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        print_message("row %zu: %s\n", i, drop_name(row[i].reason));
        if (row[i].reason == DROP_NO_ROUTE || row[i].reason == DROP_TTL ||
            row[i].reason == DROP_MTU)
            firewall_refuses(&fw, row[i].in, &row[i].f, row[i].reason);
        else
            firewall_drops(&fw, row[i].in, &row[i].f, row[i].reason);
    }
    firewall_free(&fw);
}

static void test_passes_with_nat(void **state)
{
    struct firewall fw;
    struct frame f = udp(out);
    (void)state;
    firewall_make(&fw, config);
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    frame_assert_ends(there, (struct ends){"203.0.113.2", 1000, "198.51.100.5", 2000});
    assert_int_equal(there->n, f.n);
    assert_int_equal(there->b[FRAME_IP + 8], 63);
    /* To the gateway, from the firewall. */
    assert_memory_equal(there->b, "\x02\x00\xcb\x00\x71\x01\x02\x00\xcb\x00\x71\x02", 12);

    f = udp((struct ends){"198.51.100.5", 2000, "203.0.113.2", 1000});
    const struct frame *back = firewall_passes(&fw, WAN, &f, LAN);
    frame_assert_ends(back, (struct ends){"198.51.100.5", 2000, "10.0.0.20", 1000});
    assert_memory_equal(back->b, "\x02\x00\x0a\x00\x00\x14\x02\x00\x0a\x00\x00\x01", 12);

    /* The port is open to that server alone. */
    f = udp((struct ends){"198.51.100.6", 2000, "203.0.113.2", 1000});
    firewall_drops(&fw, WAN, &f, DROP_LOCAL_DENIED);
    firewall_free(&fw);
}

static void test_passes_without_nat(void **state)
{
    struct firewall fw;
    const struct ends there = {"10.0.0.20", 1000, "10.1.0.9", 2000};
    const struct ends back = {"10.1.0.9", 2000, "10.0.0.20", 1000};
    struct frame f = udp(there);
    (void)state;
    firewall_make(&fw, config);
    frame_assert_ends(firewall_passes(&fw, LAN, &f, DMZ), there);
    f = udp(back);
    frame_assert_ends(firewall_passes(&fw, DMZ, &f, LAN), back);
    firewall_free(&fw);
}

static void test_largest(void **state)
{
    struct firewall fw;
    struct frame f = big(572);
    (void)state;
    firewall_make(&fw, config);
    assert_int_equal(firewall_passes(&fw, LAN, &f, WAN)->n, 614);
    firewall_free(&fw);
}

static void test_padding_goes(void **state)
{
    struct firewall fw;
    struct frame f = udp(out);
    size_t n = f.n;
    (void)state;
    firewall_make(&fw, config);
    memset(f.b + n, 0xee, 20);
    f.n = n + 20;
    assert_int_equal(firewall_passes(&fw, LAN, &f, WAN)->n, n);
    firewall_free(&fw);
}

/* IP options that choose no way are carried along. */
static void test_options_pass(void **state)
{
    struct firewall fw;
    struct frame f = with_options("\x94\x04\x00\x00");
    (void)state;
    firewall_make(&fw, config);
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    assert_int_equal(there->n, f.n);
    assert_memory_equal(there->b + FRAME_L4, "\x94\x04\x00\x00", 4);
    firewall_free(&fw);
}

static void test_ping(void **state)
{
    struct firewall fw;
    struct frame f = icmp("10.0.0.20", "10.0.0.1", 8, 0);
    (void)state;
    firewall_make(&fw, config);
    const struct frame *answer = firewall_passes(&fw, LAN, &f, LAN);
    assert_int_equal(answer->b[FRAME_L4], 0);
    assert_memory_equal(answer->b + FRAME_L4 + 4, f.b + FRAME_L4 + 4, f.n - FRAME_L4 - 4);
    assert_memory_equal(answer->b + FRAME_IP + 12, f.b + FRAME_IP + 16, 4);
    assert_memory_equal(answer->b + FRAME_IP + 16, f.b + FRAME_IP + 12, 4);
    frame_assert_whole(answer);

    f = icmp("10.0.0.20", "198.51.100.5", 8, 0);
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    assert_memory_equal(there->b + FRAME_L4 + 4, f.b + FRAME_L4 + 4, f.n - FRAME_L4 - 4);
    frame_assert_whole(there);
    f = icmp("198.51.100.5", "203.0.113.2", 0, 0);
    const struct frame *back = firewall_passes(&fw, WAN, &f, LAN);
    assert_memory_equal(back->b + FRAME_IP + 16, "\x0a\x00\x00\x14", 4);
    frame_assert_whole(back);
    firewall_free(&fw);
}

static void test_arp(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    frame_arp(&f, 1, "10.0.0.20", "10.0.0.1");
    const struct frame *answer = firewall_passes(&fw, LAN, &f, LAN);
    assert_memory_equal(answer->b, "\x02\x00\x0a\x00\x00\x14\x02\x00\x0a\x00\x00\x01\x08\x06", 14);
    assert_memory_equal(answer->b + 20, "\x00\x02\x02\x00\x0a\x00\x00\x01\x0a\x00\x00\x01", 12);
    assert_memory_equal(answer->b + 32, "\x02\x00\x0a\x00\x00\x14\x0a\x00\x00\x14", 10);
    /* Cut short, or for somebody else: no answer. */
    fw.n_sent = 0;
    for (size_t n = 14; n < 42; n++)
        assert_int_equal(replay_frame(fw.r, LAN, slice_head(frame_slice(&f), n)), 0);
    frame_arp(&f, 1, "10.0.0.20", "10.0.0.2");
    assert_int_equal(replay_frame(fw.r, LAN, frame_slice(&f)), 0);
    assert_int_equal(fw.n_sent, 0);
    firewall_free(&fw);
}

static struct rte_mbuf *segment(struct firewall *fw, const void *bytes, size_t n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(fw->dp->pool);
    assert_non_null(m);
    n = n < rte_pktmbuf_tailroom(m) ? n : rte_pktmbuf_tailroom(m);
    memcpy(rte_pktmbuf_append(m, (uint16_t)n), bytes, n);
    return m;
}

/* A port may hand over a frame in several buffers: it is carried if it fits into one. */
static void test_several_buffers(void **state)
{
    struct firewall fw;
    static const char zeros[4096];
    struct frame f = udp(out);
    (void)state;
    firewall_make(&fw, config);
    struct worker *w = fw.dp->workers[0];
    for (int i = 0; i < 2; i++) {
        struct rte_mbuf *m = segment(&fw, f.b, 20);
        assert_int_equal(rte_pktmbuf_chain(m, i ? segment(&fw, zeros, sizeof zeros)
                                                : segment(&fw, f.b + 20, f.n - 20)),
                         0);
        worker_begin(w, 1000000);
        worker_receive(w, LAN, &m, 1);
        worker_flush(w);
        COMMANDS(&fw, "get system status"); /* and everything comes to rest */
        assert_int_equal(fw.n_sent, 1);
        assert_int_equal(firewall_dropped(&fw, DROP_TOO_LONG), i);
    }
    frame_assert_whole(&fw.sent[0].f);
    firewall_abandon(&fw);
}

/* However a frame is cut, it is dropped with a reason; padding does no harm. */
static void test_every_length(void **state)
{
    struct firewall fw;
    struct frame whole[] = {udp(out), tcp(out, 2), icmp("10.0.0.20", "198.51.100.5", 8, 0)};
    (void)state;
    firewall_make(&fw, config);
    for (size_t i = 0; i < 3; i++)
        for (size_t n = 0; n < whole[i].n; n++) {
            struct frame f = whole[i];
            f.n = n;
            firewall_drops(&fw, LAN, &f, DROP_SHORT_FRAME);
            /* The IP length says the same: the transport header is short, or fits. */
            if (n < FRAME_L4)
                continue;
            frame_mend(&f);
            size_t header = i == 1 ? 20 : 8;
            if (n < FRAME_L4 + header)
                firewall_drops(&fw, LAN, &f, DROP_L4_HEADER);
            else
                frame_assert_whole(firewall_passes(&fw, LAN, &f, WAN));
        }
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drops),
        cmocka_unit_test(test_passes_with_nat),
        cmocka_unit_test(test_passes_without_nat),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_padding_goes),
        cmocka_unit_test(test_options_pass),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_arp),
        cmocka_unit_test(test_several_buffers),
        cmocka_unit_test(test_every_length),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
