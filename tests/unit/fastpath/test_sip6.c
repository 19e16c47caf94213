/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP over IPv6 through a whole firewall: frames keep every byte, but for bytes behind the body,
 * which go; headers before UDP stay; calls end with what let them in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "alg/alg_mapping.h"
#include "fastpath/worker.h"
#include "firewall.h"

enum {
    LAN = 1,
    WAN
};

#define PHONE  "2001:db8:1::20"
#define SERVER "2001:db8:9::5"
#define OTHER  "2001:db8:9::6"
#define BODY                                                                                 \
    "v=0\r\no=- 1 1 IN IP6 " PHONE "\r\ns=-\r\nc=IN IP6 " PHONE "\r\nt=0 0\r\nm=audio 6000 " \
    "RTP/AVP 8\r\n"

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nconfig ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"
    "edit \"wan\"\nconfig ipv6\nset ip6-address 2001:db8:2::2/64\nend\nnext\n"
    "end\n"
    "config router static6\n"
    "edit 1\nset gateway fe80::1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr6 \"all\"\nset dstaddr6 \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"SIP\"\nnext\n"
    "edit 2\nset srcintf \"wan\"\nset dstintf \"lan\"\nset srcaddr6 \"all\"\nset dstaddr6 \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"HTTP\"\nnext\n"
    "end\n";

static struct frame udp(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                        const char *payload)
{
    struct frame f;
    frame6_udp(&f, (struct ends){src, sport, dst, dport}, slice_str(payload));
    return f;
}

/* The phone's INVITE for its port 6000, with `behind` behind the body. */
static struct frame invite(const char *behind)
{
    char text[1024];
    int n =
        snprintf(text, sizeof(text),
                 "INVITE sip:b@[" SERVER "] SIP/2.0\r\nVia: SIP/2.0/UDP [" PHONE
                 "]:5060;branch=z9hG4bK1\r\nFrom: <sip:a@[" PHONE "]>;tag=1\r\nTo: <sip:b@[" SERVER
                 "]>\r\nCall-ID: six\r\nCSeq: 1 INVITE\r\nContact: <sip:a@[" PHONE
                 "]>\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s%s",
                 strlen(BODY), BODY, behind);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    return udp(PHONE, 5060, SERVER, 5060, text);
}

/* All of a frame behind the Ethernet header but the hop limit, which is one less. */
static void assert_carried(const struct frame *got, const struct frame *sent)
{
    struct frame want = *sent;
    want.b[FRAME_IP + 7]--;
    assert_int_equal(got->n, want.n);
    assert_memory_equal(got->b + FRAME_IP, want.b + FRAME_IP, want.n - FRAME_IP);
}

static bool open_at(struct firewall *fw, uint16_t port)
{
    struct ip_port e = {frame6_address(PHONE), be16_of(port)};
    return alg_mapping_find_source(&fw->dp->mappings, 17, LAN, e, WAN) != INDEX_NONE;
}

static void test_call(void **state)
{
    struct firewall fw;
    struct frame there = invite("");
    struct frame media = udp(OTHER, 7000, PHONE, 6000, "audio");
    struct frame own = udp(PHONE, 6000, OTHER, 7000, "audio");
    struct frame stranger = udp(OTHER, 5060, PHONE, 5060, "OPTIONS sip:a SIP/2.0\r\n\r\n");
    (void)state;
    firewall_make(&fw, config);
    firewall_drops(&fw, WAN, &media, DROP_NO_POLICY);
    assert_carried(firewall_passes(&fw, LAN, &there, WAN), &there);
    assert_true(open_at(&fw, 5060) && open_at(&fw, 6000) && open_at(&fw, 6001));
    assert_carried(firewall_passes(&fw, WAN, &media, LAN), &media);
    assert_carried(firewall_passes(&fw, LAN, &own, WAN), &own);
    assert_carried(firewall_passes(&fw, LAN, &there, WAN), &there); /* sent again */
    assert_int_equal(firewall_mappings(&fw), 3);
    firewall_drops(&fw, WAN, &stranger, DROP_MAPPING_FILTER);
    firewall_free(&fw);
}

/* Bytes behind the body go, and lengths and checksum are right without them. */
static void test_trailing(void **state)
{
    static const uint8_t options[16] = {0, 1, 1, 12};
    struct firewall fw;
    struct frame there = invite(""), longer = invite("v=0\r\nm=audio 1 RTP/AVP 0\r\n");
    (void)state;
    firewall_make(&fw, config);
    const struct frame *got = firewall_passes(&fw, LAN, &longer, WAN);
    assert_int_equal(got->n, there.n);
    frame6_assert_ends(got, (struct ends){PHONE, 5060, SERVER, 5060});
    assert_memory_equal(got->b + FRAME6_L4 + 8, there.b + FRAME6_L4 + 8, there.n - FRAME6_L4 - 8);

    /* The same behind a header of destination options, which stays. */
    frame6_extend(&there, 60, options, sizeof(options));
    frame6_extend(&longer, 60, options, sizeof(options));
    got = firewall_passes(&fw, LAN, &longer, WAN);
    frame_assert_whole(got);
    assert_carried(got, &there);
    firewall_free(&fw);
}

/* What begins like SIP and is not; keep-alives and other things on the same flow. */
static void test_not_sip(void **state)
{
    struct firewall fw;
    struct frame there = invite(""), bad = udp(PHONE, 5060, SERVER, 5060, "BYE x SIP/2.0\r\n\r\n");
    struct frame ping = udp(PHONE, 5060, SERVER, 5060, "\r\n\r\n");
    struct frame pong = udp(SERVER, 5060, PHONE, 5060, "\r\n");
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &there, WAN);
    firewall_drops(&fw, LAN, &bad, DROP_SIP_MALFORMED);
    assert_carried(firewall_passes(&fw, LAN, &ping, WAN), &ping);
    assert_carried(firewall_passes(&fw, WAN, &pong, LAN), &pong);
    firewall_free(&fw);
}

/* A policy that is gone takes the call's pinholes along; one that no longer wants SIP stops it. */
static void test_policy_gone(void **state)
{
    struct firewall fw;
    struct frame there = invite(""), media = udp(OTHER, 7000, PHONE, 6000, "audio");
    (void)state;
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &there, WAN);
    assert_carried(firewall_passes(&fw, WAN, &media, LAN), &media);
    COMMANDS(&fw, "config firewall policy", "delete 1", "end");
    firewall_gives(&fw, WAN, &media);
    assert_int_equal(fw.n_sent, 0);
    firewall_gives(&fw, LAN, &there);
    assert_int_equal(fw.n_sent, 0);
    firewall_free(&fw);
}

/* Without the ALG the flow is one like others, and nothing opens. */
static void test_off(void **state)
{
    struct firewall fw;
    struct frame there = invite(""), media = udp(OTHER, 7000, PHONE, 6000, "audio");
    struct frame back = udp(SERVER, 5060, PHONE, 5060, "SIP/2.0 100 Trying\r\n\r\n");
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config voip profile", "edit \"default\"", "config sip", "set status disable",
             "end", "next", "end");
    assert_carried(firewall_passes(&fw, LAN, &there, WAN), &there);
    assert_carried(firewall_passes(&fw, WAN, &back, LAN), &back);
    firewall_drops(&fw, WAN, &media, DROP_NO_POLICY);
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_free(&fw);
}

/* A message of the call that SERVER begins, with the audio of `sender` at `port`. */
static struct frame of_call(const char *line, const char *sender, uint16_t port, unsigned cseq)
{
    char body[256], text[1024];
    snprintf(body, sizeof(body),
             "v=0\r\no=- 1 1 IN IP6 %s\r\ns=-\r\nc=IN IP6 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 8\r\n",
             sender, sender, port);
    snprintf(
        text, sizeof(text),
        "%s\r\nVia: SIP/2.0/UDP [" SERVER "]:5060;branch=z9hG4bK%u\r\nFrom: <sip:b@[" SERVER
        "]>;tag=2\r\nTo: <sip:a@[" PHONE "]>%s\r\nCall-ID: in\r\nCSeq: %u INVITE\r\n"
        "Contact: <sip:x@[%s]>\r\nContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
        line, cseq, cseq > 1 || line[0] == 'S' ? ";tag=1" : "", cseq, sender, strlen(body), body);
    bool out = strcmp(sender, PHONE) == 0;
    return udp(sender, 5060, out ? SERVER : PHONE, 5060, text);
}

/* The host that is called is the inside party, and stays it for the call whatever is committed: a
 * caller opens nothing for itself. */
static void test_called(void **state)
{
    struct firewall fw;
    struct frame there = of_call("INVITE sip:a@[" PHONE "] SIP/2.0", SERVER, 7000, 1);
    struct frame back = of_call("SIP/2.0 200 OK", PHONE, 6000, 1);
    struct frame again = of_call("INVITE sip:a@[" PHONE "] SIP/2.0", SERVER, 7100, 2);
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config firewall policy", "edit 2", "set service \"SIP\"", "next", "end");
    firewall_passes(&fw, WAN, &there, LAN);
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_passes(&fw, LAN, &back, WAN);
    assert_int_equal(firewall_mappings(&fw), 2);
    assert_true(open_at(&fw, 6000) && open_at(&fw, 6001));
    COMMANDS(&fw, "config system interface", "edit \"wan\"", "set role lan", "next", "end");
    assert_carried(firewall_passes(&fw, WAN, &again, LAN), &again);
    assert_int_equal(firewall_mappings(&fw), 2);
    assert_true(open_at(&fw, 6000) && open_at(&fw, 6001));
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),    cmocka_unit_test(test_trailing),
        cmocka_unit_test(test_not_sip), cmocka_unit_test(test_policy_gone),
        cmocka_unit_test(test_off),     cmocka_unit_test(test_called),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
