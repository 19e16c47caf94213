/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host that is called, and that no policy lets out: while its call lives its SIP leaves to whom
 * the call is with, by what stands for it, also when the session of the call has idled out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat.h"

#include <string.h>

static const char wan_ip[] = "203.0.113.2", ext[] = "203.0.113.10";

#define IDLE (300 * SECOND)
#define NO_CONTACTS                                                                              \
    "config voip profile\nedit \"default\"\nconfig sip\nset open-contact-pinhole disable\nend\n" \
    "next\nend\n"

/* How the host is called. */
static const struct called {
    const char *config, *ip;
    uint16_t port;
} vip = {BASE VIPS(VIP("one", "203.0.113.10", "10.0.0.5", ""))
             POLICIES(POLICY(2, "wan", "lan", "\"one\"", "")),
         ext, 5060},
  forward = {BASE VIPS(VIP("one", "203.0.113.2", "10.0.0.5",
                           "set portforward enable\nset protocol udp\nset extport 5070\n"
                           "set mappedport 5060\n"))
                 POLICIES(POLICY(2, "wan", "lan", "\"one\"", "")),
             wan_ip, 5070},
  plain = {BASE POLICIES(POLICY(2, "wan", "lan", "\"all\"", "")), pbx, 5060};

static const struct called *const ways[] = {&vip, &forward, &plain};
#define WAYS (sizeof ways / sizeof ways[0])

/* A message of the call, whose Contact outside is elsewhere. */
static struct frame message(struct ends e, const char *start, const char *cseq, bool by_pbx)
{
    struct frame f;
    char text[900];
    const bool response = strncmp(start, "SIP", 3) == 0;
    const char *caller = "<sip:a@example.net>;tag=1", *called = "<sip:b@example.net>;tag=2";
    if (strcmp(start, "INVITE") == 0)
        called = "<sip:b@example.net>";
    const bool turned_round = by_pbx != response;
    snprintf(text, sizeof text,
             "%s%s\r\nVia: SIP/2.0/UDP h.example.net;branch=z9hG4bK%c\r\n"
             "From: %s\r\nTo: %s\r\nCall-ID: call\r\nCSeq: %s\r\nContact: <sip:%s>\r\n"
             "Content-Length: 0\r\n\r\n",
             start, response ? "" : " sip:x@example.net SIP/2.0", *cseq,
             turned_round ? called : caller, turned_round ? caller : called, cseq,
             by_pbx ? "b@10.0.0.5" : "a@198.51.100.6:5090");
    frame_udp(&f, e, slice_str(text));
    return f;
}

static void caller_says(struct firewall *fw, const struct called *c, const char *start,
                        const char *cseq)
{
    struct frame f = message((struct ends){server, 5060, c->ip, c->port}, start, cseq, false);
    frame_assert_ends(firewall_passes(fw, WAN, &f, LAN), (struct ends){server, 5060, pbx, 5060});
}

static void pbx_says(struct firewall *fw, const struct called *c, const char *start,
                     const char *cseq)
{
    struct frame f = message((struct ends){pbx, 5060, server, 5060}, start, cseq, true);
    const struct frame *there = firewall_passes(fw, LAN, &f, WAN);
    frame_assert_ends(there, (struct ends){c->ip, c->port, server, 5060});
    struct slice text = frame_udp_payload(frame_slice(there));
    char contact[64];
    snprintf(contact, sizeof contact, c->port == 5060 ? "sip:b@%s>" : "sip:b@%s:%u>", c->ip,
             c->port);
    assert_non_null(memmem(text.p, text.n, contact, strlen(contact)));
}

static struct frame options(struct ends e)
{
    struct frame f;
    frame_udp(&f, e,
              SLICE_LIT("OPTIONS sip:x@example.net SIP/2.0\r\n"
                        "Via: SIP/2.0/UDP h.example.net;branch=z9hG4bKo\r\n"
                        "From: <sip:b@example.net>;tag=9\r\nTo: <sip:a@example.net>\r\n"
                        "Call-ID: other\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"));
    return f;
}

static void refused(struct firewall *fw, struct ends e)
{
    struct frame f = options(e);
    firewall_drops(fw, LAN, &f, DROP_NO_POLICY);
}

/* A call that is up and whose session has idled out. */
static void call_made(struct firewall *fw, const struct called *c, const char *more)
{
    char config[3000];
    snprintf(config, sizeof config, "%s%s", more, c->config);
    firewall_make(fw, config);
    refused(fw, (struct ends){pbx, 5060, server, 5060});
    caller_says(fw, c, "INVITE", "1 INVITE");
    refused(fw, (struct ends){pbx, 5060, other, 5090}); /* it has not said a word */
    pbx_says(fw, c, "SIP/2.0 200 OK", "1 INVITE");
    caller_says(fw, c, "ACK", "1 ACK");
    passes(fw, IDLE);
    assert_int_equal(firewall_sessions(fw), 0);
    assert_int_equal(firewall_mappings(fw), 0);
}

static void test_hangs_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct firewall fw;
        call_made(&fw, ways[i], "");
        pbx_says(&fw, ways[i], "UPDATE", "1 UPDATE");
        struct frame f = message((struct ends){server, 5060, ways[i]->ip, ways[i]->port},
                                 "SIP/2.0 200 OK", "1 UPDATE", false);
        firewall_passes(&fw, WAN, &f, LAN);
        assert_int_equal(firewall_sessions(&fw), 1);
        assert_int_equal(firewall_mappings(&fw), 0); /* nothing is opened to anybody */
        passes(&fw, IDLE);
        pbx_says(&fw, ways[i], "BYE", "2 BYE");
        f = message((struct ends){server, 5060, ways[i]->ip, ways[i]->port}, "SIP/2.0 200 OK",
                    "2 BYE", false);
        firewall_passes(&fw, WAN, &f, LAN);
        passes(&fw, IDLE);
        refused(&fw, (struct ends){pbx, 5060, server, 5060});
        assert_int_equal(firewall_sessions(&fw), 0);
        firewall_free(&fw);
    }
}

/* The target of the call, and nobody else; the host's own endpoint, and no other. */
static void test_whom(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct firewall fw;
        const struct called *c = ways[i];
        call_made(&fw, c, "");
        refused(&fw, (struct ends){"10.0.0.9", 5060, server, 5060});
        refused(&fw, (struct ends){pbx, 5061, server, 5060});
        refused(&fw, (struct ends){pbx, 5060, server, 5061});
        refused(&fw, (struct ends){pbx, 5060, other, 5060});
        refused(&fw, (struct ends){pbx, 5060, "198.51.100.7", 5060});
        struct frame f = udp((struct ends){pbx, 5060, server, 5060}); /* not SIP */
        firewall_drops(&fw, LAN, &f, DROP_NO_POLICY);
        f = options((struct ends){pbx, 5060, other, 5090});
        frame_assert_ends(firewall_passes(&fw, LAN, &f, WAN),
                          (struct ends){c->ip, c->port, other, 5090});
        f = options((struct ends){other, 5090, c->ip, c->port});
        firewall_passes(&fw, WAN, &f, LAN);
        firewall_free(&fw);
    }
}

/* Without open-contact-pinhole what a Contact names is nobody's place. */
static void test_contact_closed(void **state)
{
    struct firewall fw;
    (void)state;
    call_made(&fw, &vip, NO_CONTACTS);
    refused(&fw, (struct ends){pbx, 5060, other, 5090});
    pbx_says(&fw, &vip, "BYE", "1 BYE");
    firewall_free(&fw);
}

/* After a change it is judged by the policy of its call. */
static void test_recheck(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct firewall fw;
        const struct called *c = ways[i];
        call_made(&fw, c, "");
        pbx_says(&fw, c, "UPDATE", "1 UPDATE");
        COMMANDS(&fw, "config firewall policy", "edit 9", "set srcintf \"lan\"",
                 "set dstintf \"wan\"", "set srcaddr \"all\"", "set dstaddr \"all\"",
                 "set schedule \"always\"", "set service \"ALL\"", "end");
        pbx_says(&fw, c, "UPDATE", "2 UPDATE");
        assert_int_equal(firewall_sessions(&fw), 1);
        passes(&fw, IDLE); /* a denial of everything else does not end the call either */
        pbx_says(&fw, c, "UPDATE", "3 UPDATE");
        COMMANDS(&fw, "config firewall policy", "edit 2", "set action deny", "end");
        struct frame f = options((struct ends){pbx, 5060, server, 5060});
        firewall_drops(&fw, LAN, &f, DROP_POLICY_DENY);
        firewall_drops(&fw, LAN, &f, DROP_POLICY_DENY);
        firewall_free(&fw);
    }
}

/* What stood for the host is another one's: it does not leave by that any more. */
static void test_other_vip(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct firewall fw;
        call_made(&fw, &vip, "");
        if (before)
            pbx_says(&fw, &vip, "UPDATE", "1 UPDATE");
        COMMANDS(&fw, "config firewall vip", "edit \"one\"", "set mappedip \"10.0.0.6\"", "end");
        refused(&fw, (struct ends){pbx, 5060, server, 5060});
        firewall_free(&fw);
    }
}

static struct frame text_frame(struct ends e, const char *start, const char *rest)
{
    struct frame f;
    char text[900];
    snprintf(text, sizeof text,
             "%s\r\nVia: SIP/2.0/UDP h.example.net;branch=z9hG4bK1\r\nCall-ID: out\r\n%s"
             "Content-Length: 0\r\n\r\n",
             start, rest);
    frame_udp(&f, e, slice_str(text));
    return f;
}

/* The other way round: whom an inside host called hangs up when the session has idled out. */
static void caller_hears(const char *config, const char *contact)
{
    static const char phone[] = "10.0.0.20";
    struct firewall fw;
    char rest[400];
    firewall_make(&fw, config);
    snprintf(rest, sizeof rest,
             "From: <sip:a@x.net>;tag=1\r\nTo: <sip:b@x.net>\r\nCSeq: 1 INVITE\r\n%s", contact);
    struct frame f = text_frame((struct ends){phone, 5060, server, 5060},
                                "INVITE sip:b@198.51.100.5 SIP/2.0", rest);
    frame_assert_ends(firewall_passes(&fw, LAN, &f, WAN),
                      (struct ends){wan_ip, 5060, server, 5060});
    const struct ends back = {server, 5060, wan_ip, 5060};
    f = text_frame(back, "SIP/2.0 200 OK",
                   "From: <sip:a@x.net>;tag=1\r\nTo: <sip:b@x.net>;tag=2\r\n"
                   "CSeq: 1 INVITE\r\n");
    firewall_passes(&fw, WAN, &f, LAN);
    f = text_frame((struct ends){phone, 5060, server, 5060}, "ACK sip:b@198.51.100.5 SIP/2.0",
                   "From: <sip:a@x.net>;tag=1\r\nTo: <sip:b@x.net>;tag=2\r\nCSeq: 1 ACK\r\n");
    firewall_passes(&fw, LAN, &f, WAN);
    passes(&fw, IDLE);
    assert_int_equal(firewall_sessions(&fw), 0);
    f = options((struct ends){other, 5060, wan_ip, 5060});
    firewall_drops(&fw, WAN, &f, DROP_MAPPING_FILTER);
    f = text_frame(back, "BYE sip:a@203.0.113.2 SIP/2.0",
                   "From: <sip:b@x.net>;tag=2\r\nTo: <sip:a@x.net>;tag=1\r\nCSeq: 1 BYE\r\n");
    frame_assert_ends(firewall_passes(&fw, WAN, &f, LAN), (struct ends){server, 5060, phone, 5060});
    f = text_frame((struct ends){phone, 5060, server, 5060}, "SIP/2.0 200 OK",
                   "From: <sip:b@x.net>;tag=2\r\nTo: <sip:a@x.net>;tag=1\r\nCSeq: 1 BYE\r\n");
    firewall_passes(&fw, LAN, &f, WAN);
    passes(&fw, IDLE);
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_free(&fw);
}

static void test_caller_inside(void **state)
{
    static const char *const contacts[] = {"Contact: <sip:a@10.0.0.20:5060>\r\n",
                                           "Contact: <sip:a@phone.example.net>\r\n",
                                           "Contact: <sip:a@10.0.0.20:5070>\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof contacts / sizeof contacts[0]; i++) {
        caller_hears(BASE POLICIES(OUT("")), contacts[i]);
        caller_hears(NO_CONTACTS BASE POLICIES(OUT("")), contacts[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hangs_up),       cmocka_unit_test(test_whom),
        cmocka_unit_test(test_contact_closed), cmocka_unit_test(test_recheck),
        cmocka_unit_test(test_other_vip),      cmocka_unit_test(test_caller_inside),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
