/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole calls through the ALG, both ways, with every byte that leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

#define SDP_OUT                                       \
    "v=0\r\n"                                         \
    "o=alice 53655765 2353687637 IN IP4 10.0.0.1\r\n" \
    "s=-\r\n"                                         \
    "c=IN IP4 10.0.0.1\r\n"                           \
    "t=0 0\r\n"                                       \
    "m=audio 6000 RTP/AVP 0\r\n"                      \
    "a=rtpmap:0 PCMU/8000\r\n"

#define SDP_IN                                             \
    "v=0\r\n"                                              \
    "o=bob 2808844564 2808844564 IN IP4 198.51.100.44\r\n" \
    "s=-\r\n"                                              \
    "c=IN IP4 198.51.100.77\r\n"                           \
    "t=0 0\r\n"                                            \
    "m=audio 7000 RTP/AVP 0\r\n"

static char message[8192];

/* Head and body with the right Content-Length. */
static const char *with_body(const char *head, const char *body)
{
    snprintf(message, sizeof(message),
             "%sContent-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s", head, strlen(body),
             body);
    return message;
}

#define INVITE_HEAD                                               \
    "INVITE sip:bob@example.net SIP/2.0\r\n"                      \
    "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK776asdhds;rport\r\n" \
    "Max-Forwards: 70\r\n"                                        \
    "To: Bob <sip:bob@example.net>\r\n"                           \
    "From: Alice <sip:alice@10.0.0.1>;tag=1928301774\r\n"         \
    "Call-ID: a84b4c76e66710@10.0.0.1\r\n"                        \
    "CSeq: 314159 INVITE\r\n"                                     \
    "Contact: <sip:alice@10.0.0.1>\r\n"

#define RESPONSE(status, more)                                    \
    "SIP/2.0 " status "\r\n"                                      \
    "Via: SIP/2.0/UDP 203.0.113.9:40000;branch=z9hG4bK776asdhds;" \
    "received=203.0.113.9;rport=40000\r\n"                        \
    "To: Bob <sip:bob@example.net>;tag=a6c85cf\r\n"               \
    "From: Alice <sip:alice@203.0.113.9>;tag=1928301774\r\n"      \
    "Call-ID: a84b4c76e66710@10.0.0.1\r\n"                        \
    "CSeq: 314159 INVITE\r\n" more

#define IN_DIALOG(method, cseq)                                          \
    method " sip:bob@198.51.100.44 SIP/2.0\r\n"                          \
           "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx" cseq ";rport\r\n" \
           "To: Bob <sip:bob@example.net>;tag=a6c85cf\r\n"               \
           "From: Alice <sip:alice@10.0.0.1>;tag=1928301774\r\n"         \
           "Call-ID: a84b4c76e66710@10.0.0.1\r\n"                        \
           "CSeq: " cseq " " method "\r\n"                               \
           "Content-Length: 0\r\n\r\n"

static void test_call_out(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 16);
    struct rig_phone alice = rig_phone(&r, "10.0.0.1", 5060, 40000);

    const char *got = rig_out(&r, &alice, with_body(INVITE_HEAD, SDP_OUT));
    assert_string_equal(got, "INVITE sip:bob@example.net SIP/2.0\r\n"
                             "Via: SIP/2.0/UDP 203.0.113.9:40000;branch=z9hG4bK776asdhds;rport\r\n"
                             "Max-Forwards: 70\r\n"
                             "To: Bob <sip:bob@example.net>\r\n"
                             "From: Alice <sip:alice@203.0.113.9>;tag=1928301774\r\n"
                             "Call-ID: a84b4c76e66710@10.0.0.1\r\n"
                             "CSeq: 314159 INVITE\r\n"
                             "Contact: <sip:alice@203.0.113.9:40000>\r\n"
                             "Content-Type: application/sdp\r\nContent-Length: 133\r\n\r\n"
                             "v=0\r\n"
                             "o=alice 53655765 2353687637 IN IP4 203.0.113.9\r\n"
                             "s=-\r\n"
                             "c=IN IP4 203.0.113.9\r\n"
                             "t=0 0\r\n"
                             "m=audio 6000 RTP/AVP 0\r\n"
                             "a=rtpmap:0 PCMU/8000\r\n");
    assert_non_null(rig_mapping(&r, "10.0.0.1", 6000));
    assert_non_null(rig_mapping(&r, "10.0.0.1", 6001));
    assert_int_equal(rig_owners(&r, "10.0.0.1", 5060), 1);

    /* The same again: same bytes, nothing new. */
    struct text first = {0};
    text_put(&first, slice_of(r.out, r.out_n));
    assert_string_equal(rig_out(&r, &alice, with_body(INVITE_HEAD, SDP_OUT)), first.p);
    assert_int_equal(rig_owners(&r, "10.0.0.1", 6000), 1);
    text_free(&first);

    got = rig_in(&r, &alice,
                 with_body(RESPONSE("200 OK", "Contact: <sip:bob@198.51.100.44>\r\n"), SDP_IN));
    struct text want = {0};
    text_printf(&want,
                "SIP/2.0 200 OK\r\n"
                "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK776asdhds;received=10.0.0.1;rport=5060\r\n"
                "To: Bob <sip:bob@example.net>;tag=a6c85cf\r\n"
                "From: Alice <sip:alice@10.0.0.1>;tag=1928301774\r\n"
                "Call-ID: a84b4c76e66710@10.0.0.1\r\n"
                "CSeq: 314159 INVITE\r\n"
                "Contact: <sip:bob@198.51.100.44>\r\n"
                "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
                sizeof(SDP_IN) - 1, SDP_IN);
    assert_string_equal(got, want.p);
    text_free(&want);
    assert_int_equal(rig_events(&r, "dialog-answered"), 1);

    rig_out(&r, &alice, IN_DIALOG("ACK", "314159"));
    assert_int_equal(rig_stats(&r).calls_established, 1);
    assert_int_equal(rig_stats(&r).calls_active, 1);

    rig_wait(&r, 60000);
    rig_out(&r, &alice, IN_DIALOG("BYE", "314160"));
    rig_in(&r, &alice,
           "SIP/2.0 200 OK\r\n"
           "Via: SIP/2.0/UDP 203.0.113.9:40000;branch=z9hG4bKx314160\r\n"
           "To: Bob <sip:bob@example.net>;tag=a6c85cf\r\n"
           "From: Alice <sip:alice@203.0.113.9>;tag=1928301774\r\n"
           "Call-ID: a84b4c76e66710@10.0.0.1\r\n"
           "CSeq: 314160 BYE\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(rig_events(&r, "dialog-ended"), 1);
    assert_non_null(rig_mapping(&r, "10.0.0.1", 6000));
    rig_wait(&r, 4900);
    assert_non_null(rig_mapping(&r, "10.0.0.1", 6000));
    rig_wait(&r, 200);
    assert_null(rig_mapping(&r, "10.0.0.1", 6000));
    assert_null(rig_mapping(&r, "10.0.0.1", 6001));
    assert_int_equal(rig_records(&r), 0);
    assert_int_equal(rig_owners(&r, "10.0.0.1", 5060), 0);

    struct alg_stats s = rig_stats(&r);
    assert_int_equal(s.calls_attempted, 1);
    assert_int_equal(s.calls_failed, 0);
    assert_int_equal(s.calls_active, 0);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
