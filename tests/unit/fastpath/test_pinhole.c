/* SPDX-License-Identifier: BSD-3-Clause */
/* Mappings in the packet path: whom they serve, toward where, and how many there may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"

#include <stdio.h>

enum {
    LAN = 1,
    WAN,
    ALT
};

#define SECOND 1000000000ull

/* Only SIP may leave by itself: audio has its pinholes or nothing. */
#define POLICY(id, to, more)                                                           \
    "edit " #id "\nset srcintf \"lan\"\nset dstintf \"" to "\"\nset srcaddr \"all\"\n" \
    "set dstaddr \"all\"\nset action accept\nset schedule \"always\"\n"                \
    "set service \"SIP\"\nset voip-profile \"plain\"\n" more "next\n"

#define BASE                                                                                    \
    "config dpdk global\nset sessions 1024\nset mappings 64\nend\n"                             \
    "config system session-ttl\nconfig port\n"                                                  \
    "edit 1\nset protocol 17\nset timeout 77\nset start-port 6000\nset end-port 6000\nnext\n"   \
    "end\nend\n"                                                                                \
    "config system interface\n"                                                                 \
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"                                           \
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"                                    \
    "edit \"alt\"\nset ip 192.0.2.2 255.255.255.0\nnext\n"                                      \
    "end\n"                                                                                     \
    "config voip profile\nedit \"plain\"\nconfig sip\nset nat-trace disable\nend\nnext\nend\n"  \
    "config router static\n"                                                                    \
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"                               \
    "edit 2\nset dst 198.18.0.0 255.254.0.0\nset gateway 192.0.2.1\nset device \"alt\"\nnext\n" \
    "end\n"
#define POLICIES(more) "config firewall policy\n" more "end\n"
#define TO_WAN         POLICY(1, "wan", "set nat enable\n")
#define TO_ALT         POLICY(2, "alt", "set nat enable\n")
#define TO_ALT_AS_IS   POLICY(2, "alt", "")

static const char server[] = "198.51.100.5", far[] = "198.18.0.5", phone[] = "10.0.0.20";
static const char wan_ip[] = "203.0.113.2", alt_ip[] = "192.0.2.2";

static struct frame udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    struct frame f;
    frame_udp(&f, (struct ends){src, sport, dst, dport}, SLICE_LIT("payload"));
    return f;
}

/* An INVITE of `host` from port 5060 with audio at `port`. */
static struct frame invite(const char *host, const char *to, const char *call, unsigned cseq,
                           unsigned port)
{
    struct frame f;
    char text[1400], sdp[300];
    int n = snprintf(sdp, sizeof sdp,
                     "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
                     "m=audio %u RTP/AVP 0\r\n",
                     host, host, port);
    snprintf(text, sizeof text,
             "INVITE sip:bob@%s SIP/2.0\r\n"
             "Via: SIP/2.0/UDP %s:5060;branch=z9hG4bK%s%u\r\n"
             "From: <sip:alice@%s>;tag=1\r\n"
             "To: <sip:bob@%s>\r\n"
             "Call-ID: %s\r\n"
             "CSeq: %u INVITE\r\n"
             "Contact: <sip:alice@%s:5060>\r\n"
             "Content-Type: application/sdp\r\n"
             "Content-Length: %d\r\n\r\n%s",
             to, host, call, cseq, host, to, call, cseq, host, n, sdp);
    frame_udp(&f, (struct ends){host, 5060, to, 5060}, slice_str(text));
    return f;
}

static bool says(const struct frame *f, const char *word)
{
    struct slice text = frame_udp_payload(frame_slice(f));
    return memmem(text.p, text.n, word, strlen(word)) != NULL;
}

/* An INVITE leaves by `out`, and says `ip` and nothing of the other two. */
static void assert_invites(struct firewall *fw, const struct frame *f, uint16_t out, const char *ip)
{
    const char *const all[] = {phone, wan_ip, alt_ip};
    const struct frame *there = firewall_passes(fw, LAN, f, out);
    be32 src = frame_address(ip);
    frame_assert_whole(there);
    assert_memory_equal(there->b + FRAME_IP + 12, &src, 4);
    for (int i = 0; i < 3; i++)
        if (says(there, all[i]) != (all[i] == ip))
            fail_msg("%s in what leaves as %s:\n%.*s", all[i], ip, (int)there->n - FRAME_L4 - 8,
                     (const char *)there->b + FRAME_L4 + 8);
}

static const char options[] = "OPTIONS sip:bob@198.51.100.5 SIP/2.0\r\n"
                              "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK1\r\n"
                              "From: <sip:alice@10.0.0.20>;tag=1\r\n"
                              "To: <sip:bob@198.51.100.5>\r\n"
                              "Call-ID: 1\r\n"
                              "CSeq: 1 OPTIONS\r\n"
                              "Contact: <sip:alice@10.0.0.20:5060>\r\n"
                              "Content-Length: 0\r\n\r\n";

/* SIP is edited on its way out, and its pinhole admits the server it was sent to. */
static void test_sip(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, BASE POLICIES(TO_WAN));
    frame_udp(&f, (struct ends){phone, 5060, server, 5060}, slice_str(options));
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    frame_assert_whole(there);
    assert_false(says(there, phone));
    assert_true(says(there, "Via: SIP/2.0/UDP 203.0.113.2:5060;"));
    assert_true(says(there, "Contact: <sip:alice@203.0.113.2:5060>"));
    f = udp(server, 5062, wan_ip, 5060);
    f.n = FRAME_L4 + 8;
    frame_mend(&f);
    firewall_passes(&fw, WAN, &f, LAN);
    f = udp("198.51.100.6", 5060, wan_ip, 5060);
    firewall_drops(&fw, WAN, &f, DROP_MAPPING_FILTER);
    f = udp(server, 5060, wan_ip, 5061);
    firewall_drops(&fw, WAN, &f, DROP_LOCAL_DENIED);
    replay_advance(fw.r, replay_now_ns(fw.r) + 300 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 0);
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_free(&fw);
}

/* Where the other party's Contact points is SIP too, for an endpoint that speaks SIP. */
static void test_sip_to_any_port(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, BASE POLICIES(TO_WAN));
    COMMANDS(&fw, "config firewall policy", "edit 1", "set service \"ALL\"", "end");
    frame_udp(&f, (struct ends){phone, 5070, server, 49172}, slice_str(options));
    assert_true(says(firewall_passes(&fw, LAN, &f, WAN), phone));
    frame_udp(&f, (struct ends){phone, 5060, server, 5060}, slice_str(options));
    firewall_passes(&fw, LAN, &f, WAN);
    frame_udp(&f, (struct ends){phone, 5060, server, 49172}, slice_str(options));
    assert_false(says(firewall_passes(&fw, LAN, &f, WAN), phone));
    firewall_free(&fw);
}

static void test_sip_malformed(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, BASE POLICIES(TO_WAN));
    frame_udp(&f, (struct ends){phone, 5060, server, 5060},
              SLICE_LIT("OPTIONS sip:bob@198.51.100.5 SIP/2.0\r\nno header at all\r\n\r\n"));
    firewall_drops(&fw, LAN, &f, DROP_SIP_MALFORMED);
    firewall_free(&fw);
}

/* On a SIP port, what is neither SIP nor what keeps its way open opens no mapping. */
static void test_other_on_sip_port(void **state)
{
    static const struct {
        struct slice payload;
        bool opens;
    } row[] = {
        {SLICE_LIT("x"), false},
        {SLICE_LIT("hello, this is no SIP\n"), false},
        {SLICE_LIT("\x80\x00\x00\x01 audio"), false},
        {SLICE_LIT("OPTIONS sip:bob@198.51.100.5 SIP/2.0\r\nVia: "), true},
    };
    struct firewall fw;
    struct frame f;
    uint32_t mappings = 0;
    (void)state;
    firewall_make(&fw, BASE POLICIES(TO_WAN));
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        frame_udp(&f, (struct ends){phone, (uint16_t)(5060 + i), server, 5060}, row[i].payload);
        firewall_gives(&fw, LAN, &f);
        mappings += row[i].opens;
        assert_int_equal(firewall_mappings(&fw), mappings);
    }
    firewall_free(&fw);
}

/* A pinhole toward one interface lets its endpoint out there and nowhere else. */
static void test_rtp_way_out(void **state)
{
    static const struct {
        const char *config;
        enum drop_reason reason;
    } row[] = {
        {BASE POLICIES(TO_WAN), DROP_NO_POLICY},
        {BASE POLICIES(TO_WAN TO_ALT), DROP_NO_POLICY},
        {BASE POLICIES(TO_WAN POLICY(2, "alt", "set action deny\nset service \"ALL\"\n")),
         DROP_POLICY_DENY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct firewall fw;
        struct frame f = invite(phone, server, "c1", 1, 6000), rtp;
        firewall_make(&fw, row[i].config);
        assert_invites(&fw, &f, WAN, wan_ip);
        rtp = udp(phone, 6000, far, 7000);
        firewall_drops(&fw, LAN, &rtp, row[i].reason);
        rtp = udp(phone, 6001, far, 7001);
        firewall_drops(&fw, LAN, &rtp, row[i].reason);
        /* By its own way it has no other policy either, and passes. */
        rtp = udp(phone, 6000, server, 7000);
        frame_assert_ends(firewall_passes(&fw, LAN, &rtp, WAN),
                          (struct ends){wan_ip, 6000, server, 7000});
        rtp = udp(phone, 6002, server, 7002);
        firewall_drops(&fw, LAN, &rtp, DROP_NO_POLICY);
        firewall_free(&fw);
    }
}

/* One phone, two ways out: each has an address and a mapping of its own, whichever came first. */
static void test_two_ways_out(void **state)
{
    static const struct {
        const char *config, *alt;
    } row[] = {
        {BASE POLICIES(TO_WAN TO_ALT), alt_ip},
        {BASE POLICIES(TO_WAN TO_ALT_AS_IS), phone},
    };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct firewall fw;
        struct frame by_wan = invite(phone, server, "c1", 1, 6000);
        struct frame by_alt = invite(phone, far, "c2", 1, 6000), rtp;
        const char *alt = row[i / 2].alt;
        firewall_make(&fw, row[i / 2].config);
        if (i % 2)
            assert_invites(&fw, &by_alt, ALT, alt);
        assert_invites(&fw, &by_wan, WAN, wan_ip);
        assert_invites(&fw, &by_alt, ALT, alt);
        assert_invites(&fw, &by_wan, WAN, wan_ip);
        assert_int_equal(firewall_mappings(&fw), 6);
        rtp = udp(phone, 6000, server, 7000);
        frame_assert_ends(firewall_passes(&fw, LAN, &rtp, WAN),
                          (struct ends){wan_ip, 6000, server, 7000});
        rtp = udp(phone, 6000, far, 7000);
        frame_assert_ends(firewall_passes(&fw, LAN, &rtp, ALT),
                          (struct ends){alt, 6000, far, 7000});
        rtp = udp(far, 7000, alt, 6000);
        frame_assert_ends(firewall_passes(&fw, ALT, &rtp, LAN),
                          (struct ends){far, 7000, phone, 6000});
        firewall_free(&fw);
    }
}

/* Audio comes in through its pinhole from the side it was opened toward. */
static void test_inward(void **state)
{
    struct firewall fw;
    struct frame f = invite(phone, server, "c1", 1, 6000), rtp = udp(server, 7000, wan_ip, 6000);
    (void)state;
    firewall_make(&fw, BASE POLICIES(TO_WAN TO_ALT));
    firewall_drops(&fw, WAN, &rtp, DROP_LOCAL_DENIED);
    assert_invites(&fw, &f, WAN, wan_ip);
    frame_assert_ends(firewall_passes(&fw, WAN, &rtp, LAN),
                      (struct ends){server, 7000, phone, 6000});
    /* `config port` speaks of the port of the phone. */
    replay_advance(fw.r, replay_now_ns(fw.r) + 76 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 2);
    replay_advance(fw.r, replay_now_ns(fw.r) + 2 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 1);
    /* A sender behind the other interface is not believed. */
    rtp = udp(server, 7010, wan_ip, 6000);
    firewall_drops(&fw, ALT, &rtp, DROP_REVERSE_PATH);
    firewall_free(&fw);
}

/* The public address is another one now: the call gets mappings there, the old ones are over. */
static void test_address_changes(void **state)
{
    static const char new_ip[] = "203.0.113.3";
    struct firewall fw;
    struct frame f = invite(phone, server, "c1", 1, 6000), rtp = udp(server, 7000, wan_ip, 6000);
    struct frame sip_in = udp(server, 5062, wan_ip, 5060), out = udp(phone, 6000, server, 7000);
    (void)state;
    for (int who = 0; who < 3; who++) {
        firewall_make(&fw, BASE POLICIES(TO_WAN));
        assert_invites(&fw, &f, WAN, wan_ip);
        frame_assert_ends(firewall_passes(&fw, LAN, &out, WAN),
                          (struct ends){wan_ip, 6000, server, 7000});
        firewall_passes(&fw, WAN, &rtp, LAN);
        assert_int_equal(firewall_mappings(&fw), 3);
        COMMANDS(&fw, "config system interface", "edit \"wan\"", "set ip 203.0.113.3 255.255.255.0",
                 "end");
        if (who == 1) {
            /* To the old address: nobody's any more. */
            firewall_drops(&fw, WAN, &sip_in, DROP_NO_POLICY);
            firewall_drops(&fw, WAN, &rtp, DROP_POLICY_CHANGED);
            firewall_drops(&fw, WAN, &rtp, DROP_NO_POLICY);
            assert_int_equal(firewall_mappings(&fw), 1);
        } else if (who == 2) {
            firewall_drops(&fw, LAN, &out, DROP_NO_POLICY);
        }
        assert_invites(&fw, &f, WAN, new_ip);
        struct frame again = invite(phone, server, "c2", 1, 6000);
        assert_invites(&fw, &again, WAN, new_ip);
        frame_assert_ends(firewall_passes(&fw, LAN, &out, WAN),
                          (struct ends){new_ip, 6000, server, 7000});
        struct frame in = udp(server, 7000, new_ip, 6000);
        frame_assert_ends(firewall_passes(&fw, WAN, &in, LAN),
                          (struct ends){server, 7000, phone, 6000});
        assert_int_equal(firewall_mappings(&fw), 3);
        firewall_free(&fw);
    }
}

/* What leaves by the mapping of its endpoint still needs a policy, after a change as before. */
static void test_signalling_needs_policy(void **state)
{
    struct firewall fw;
    struct frame f = invite(phone, server, "c1", 1, 6000), again = udp(phone, 5060, server, 5060);
    struct frame other = udp(phone, 5060, server, 9999);
    (void)state;
    firewall_make(&fw, BASE POLICIES(TO_WAN));
    assert_invites(&fw, &f, WAN, wan_ip);
    firewall_drops(&fw, LAN, &other, DROP_NO_POLICY);
    COMMANDS(&fw, "config firewall policy", "edit 9", "set srcintf \"lan\"", "set dstintf \"wan\"",
             "set srcaddr \"all\"", "set dstaddr \"all\"", "set schedule \"always\"",
             "set service \"ALL\"", "next", "move 9 before 1", "end");
    firewall_drops(&fw, LAN, &again, DROP_POLICY_DENY);
    firewall_free(&fw);
}

static unsigned phones_try(struct firewall *fw, unsigned n)
{
    unsigned left = 0;
    for (unsigned i = 0; i < n; i++) {
        struct frame f;
        char host[24];
        snprintf(host, sizeof host, "10.0.1.%u", 1 + i);
        frame_udp(&f, (struct ends){host, 5060, server, 5060}, slice_str(options));
        left += firewall_gives(fw, LAN, &f);
    }
    return left;
}

/* Flows leave a quarter of the mappings to calls: who is known can still talk. */
static void test_share_of_flows(void **state)
{
    struct firewall fw;
    struct frame f = invite(phone, server, "c1", 1, 6000), rtp = udp(phone, 6000, server, 7000);
    (void)state;
    firewall_make(&fw, BASE POLICIES(TO_WAN));
    frame_udp(&rtp, (struct ends){phone, 5060, server, 5060}, slice_str(options));
    firewall_passes(&fw, LAN, &rtp, WAN);
    assert_int_equal(phones_try(&fw, 100), 47);
    assert_int_equal(firewall_mappings(&fw), 48);
    assert_int_equal(firewall_dropped(&fw, DROP_NO_MAPPING), 53);
    assert_invites(&fw, &f, WAN, wan_ip);
    assert_int_equal(firewall_mappings(&fw), 50);
    rtp = udp(phone, 6000, server, 7000);
    firewall_passes(&fw, LAN, &rtp, WAN);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sip),
        cmocka_unit_test(test_sip_to_any_port),
        cmocka_unit_test(test_sip_malformed),
        cmocka_unit_test(test_other_on_sip_port),
        cmocka_unit_test(test_rtp_way_out),
        cmocka_unit_test(test_two_ways_out),
        cmocka_unit_test(test_inward),
        cmocka_unit_test(test_address_changes),
        cmocka_unit_test(test_signalling_needs_policy),
        cmocka_unit_test(test_share_of_flows),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
