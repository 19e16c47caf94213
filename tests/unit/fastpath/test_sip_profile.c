/* SPDX-License-Identifier: BSD-3-Clause */
/* What the checks of a VoIP profile become on the wire: drops, and answers to their senders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "firewall.h"

enum {
    LAN = 1,
    WAN
};

#define BASE                                                                                 \
    "config system interface\n"                                                              \
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"                                        \
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\nend\n"                            \
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\nend\n" \
    "config voip profile\nedit \"checks\"\nconfig sip\n"                                     \
    "set malformed-header-via respond\nset malformed-header-expires discard\n"               \
    "set options-rate 2\nset block-info enable\nend\nnext\nend\n"                            \
    "config firewall policy\nedit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\n"             \
    "set srcaddr \"all\"\nset dstaddr \"all\"\nset action accept\nset schedule \"always\"\n" \
    "set service \"ALL\"\nset nat enable\nset voip-profile \"checks\"\nnext\nend\n"

static struct frame say(const char *method, const char *branch, const char *more)
{
    struct frame f;
    char text[1024];
    snprintf(text, sizeof text,
             "%s sip:bob@198.51.100.5 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.20:5062;%s;rport\r\n"
             "From: <sip:alice@10.0.0.20>;tag=1\r\nTo: <sip:bob@198.51.100.5>\r\nCall-ID: 1\r\n"
             "CSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
             method, branch, method, more);
    frame_udp(&f, (struct ends){"10.0.0.20", 5062, "198.51.100.5", 5060}, slice_str(text));
    return f;
}

static void test_answer(void **state)
{
    struct firewall fw;
    char want[1024], got[2048];
    (void)state;
    firewall_make(&fw, BASE);
    struct frame f = say("OPTIONS", "branch=old", "");
    const struct frame *back = firewall_refuses(&fw, LAN, &f, DROP_SIP_VIOLATION);
    frame_assert_whole(back);
    frame_assert_ends(back, (struct ends){"198.51.100.5", 5060, "10.0.0.20", 5062});
    assert_memory_equal(back->b, f.b + 6, 6); /* to the station it came from */
    snprintf(got, sizeof got, "%.*s", (int)(back->n - FRAME_L4 - 8),
             (const char *)back->b + FRAME_L4 + 8);
    const char *tag = strstr(got, ";tag=fw-");
    assert_non_null(tag);
    snprintf(
        want, sizeof want,
        "SIP/2.0 400 Bad Request, malformed Via header\r\n"
        "Via: SIP/2.0/UDP 10.0.0.20:5062;branch=old;rport=5062;received=10.0.0.20\r\n"
        "From: <sip:alice@10.0.0.20>;tag=1\r\nTo: <sip:bob@198.51.100.5>%.24s\r\nCall-ID: 1\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        tag);
    assert_string_equal(got, want);
    firewall_free(&fw);
}

static void test_drops(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE);
    struct frame f = say("OPTIONS", "branch=z9hG4bK1", "");
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_drops(&fw, LAN, &f, DROP_SIP_RATE);
    f = say("INFO", "branch=z9hG4bK2", "");
    firewall_drops(&fw, LAN, &f, DROP_SIP_BLOCKED);
    f = say("MESSAGE", "branch=z9hG4bK3", "Expires: soon\r\n");
    firewall_drops(&fw, LAN, &f, DROP_SIP_VIOLATION);
    f = say("NONSENSE", "branch=z9hG4bK4", "");
    firewall_drops(&fw, LAN, &f, DROP_SIP_BLOCKED);
    /* A change of the profile counts at once. */
    COMMANDS(&fw, "config voip profile", "edit checks", "config sip", "unset block-info",
             "set block-unknown disable", "end", "end");
    firewall_passes(&fw, LAN, &f, WAN);
    f = say("INFO", "branch=z9hG4bK5", "");
    firewall_passes(&fw, LAN, &f, WAN);
    firewall_free(&fw);
}

/* An answer that does not fit the way back is not sent. */
static void test_no_answer(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE);
    COMMANDS(&fw, "config system interface", "edit lan", "set mtu-override enable", "set mtu 300",
             "end");
    char branch[256];
    snprintf(branch, sizeof branch, "branch=%0200d", 0);
    struct frame f = say("OPTIONS", branch, "");
    firewall_drops(&fw, LAN, &f, DROP_SIP_VIOLATION);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_drops),
        cmocka_unit_test(test_no_answer),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
