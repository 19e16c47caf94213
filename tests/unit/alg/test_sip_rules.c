/* SPDX-License-Identifier: BSD-3-Clause */
/* What a profile makes of messages: blocks, rates, lengths, discard and respond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "alg/sip_msg.h"
#include "calls.h"

static char text[16384];

/* A request of the phone. `more`: further header lines. */
static const char *request_text(const char *method, const char *via, const char *more)
{
    snprintf(text, sizeof(text),
             "%s sip:bob@example.net SIP/2.0\r\n"
             "Via: %s\r\n"
             "From: <sip:alice@10.0.0.1>;tag=1\r\n"
             "To: <sip:bob@example.net>\r\n"
             "Call-ID: c1\r\n"
             "CSeq: 7 %s\r\n"
             "%sContent-Length: 0\r\n\r\n",
             method, via, method, more);
    return text;
}

#define VIA "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1"

static const char *plain(const char *method)
{
    return request_text(method, VIA, "");
}

static struct fixture *begin(void)
{
    static struct fixture f;
    set_up(&f);
    return &f;
}

static enum alg_verdict send_text(struct fixture *f, const char *message)
{
    return rig_send(&f->r, &f->phone, true, slice_str(message));
}

static void assert_refused(struct fixture *f, const char *message, enum alg_verdict verdict,
                           enum alg_reason reason)
{
    assert_int_equal(send_text(f, message), verdict);
    assert_int_equal(f->r.reason, reason);
    assert_int_equal(rig_records(&f->r), 0);
}

#define DROPS(f, message, reason) assert_refused(f, message, ALG_DROP, ALG_REASON_##reason)

static void test_blocked_methods(void **state)
{
    static const struct {
        const char *word;
        unsigned bit;
    } methods[] = {
#define X(id, word) {#id, VOIP_METHOD_##id},
        VOIP_METHODS(X)
#undef X
    };
    struct fixture *f = begin();
    (void)state;
    for (size_t i = 0; i < VOIP_METHOD_COUNT; i++) {
        f->r.profile.rules.blocked = 1u << methods[i].bit;
        DROPS(f, plain(methods[i].word), SIP_BLOCKED);
        f->r.profile.rules.blocked = ~(1u << methods[i].bit);
        assert_int_not_equal(send_text(f, plain(methods[i].word)), ALG_DROP);
        tear_down(f);
        f = begin();
    }
    f->r.profile.rules.blocked = UINT32_MAX;
    /* Responses are not blocked, methods without an option neither. */
    assert_int_not_equal(send_text(f, plain("PING")), ALG_DROP);
    snprintf(text, sizeof(text),
             "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\n"
             "Call-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
             VIA);
    assert_int_not_equal(send_text(f, text), ALG_DROP);
    assert_int_equal(rig_stats(&f->r).method[SIP_METHOD_INVITE].blocked[0], 0);
    tear_down(f);
}

static void test_unknown_method(void **state)
{
    struct fixture *f = begin();
    (void)state;
    DROPS(f, plain("NEWMETHOD"), SIP_BLOCKED);
    assert_int_equal(rig_stats(&f->r).method[0].blocked[0], 1);
    f->r.profile.rules.block_unknown = false;
    assert_int_not_equal(send_text(f, plain("NEWMETHOD")), ALG_DROP);
    tear_down(f);
}

static void test_geo_red_options(void **state)
{
    struct fixture *f = begin();
    (void)state;
    f->r.profile.rules.block_geo_red_options = true;
    DROPS(f, plain("OPTIONS"), SIP_BLOCKED);
    assert_int_not_equal(send_text(f, plain("MESSAGE")), ALG_DROP);
    tear_down(f);
}

static void test_rate(void **state)
{
    struct fixture *f = begin();
    (void)state;
    f->r.profile.rules.rate[VOIP_METHOD_OPTIONS] = 2;
    f->r.profile.max_dialogs = 9;
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_text(f, plain("OPTIONS")) == ALG_DROP, i >= 2);
    assert_int_equal(f->r.reason, ALG_REASON_SIP_RATE);
    assert_int_not_equal(send_text(f, plain("MESSAGE")), ALG_DROP);
    rig_wait(&f->r, 1000);
    assert_int_not_equal(send_text(f, plain("OPTIONS")), ALG_DROP);
    struct alg_meter m;
    uint32_t cursor = 0;
    assert_int_equal(alg_meters_next(f->r.alg, &cursor, f->r.now_ms, &m), 1);
    assert_int_equal(m.policy_id, 1);
    assert_int_equal(m.dialog_limit, 9);
    assert_int_equal(m.dialogs, 0);
    assert_int_equal(m.method[SIP_METHOD_OPTIONS].count, 3);
    assert_int_equal(m.method[SIP_METHOD_OPTIONS].drop, 3);
    assert_int_equal(m.method[SIP_METHOD_OPTIONS].peak, 5);
    assert_int_equal(m.method[SIP_METHOD_OPTIONS].max, 2);
    assert_int_equal(alg_meters_next(f->r.alg, &cursor, f->r.now_ms, &m), 0);
    /* By source: the phone's, whichever server it asks. */
    f->r.profile.rules.track[VOIP_METHOD_OPTIONS] = VOIP_TRACK_SRC;
    rig_wait(&f->r, 1000);
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_text(f, plain("OPTIONS")) == ALG_DROP, i >= 2);
    struct rig_phone other = rig_phone(&f->r, "10.0.0.9", 5060, 0);
    assert_int_not_equal(rig_send(&f->r, &other, true, slice_str(plain("OPTIONS"))), ALG_DROP);
    f->r.profile.rules.track[VOIP_METHOD_OPTIONS] = VOIP_TRACK_DST;
    assert_int_not_equal(rig_send(&f->r, &other, true, slice_str(plain("OPTIONS"))), ALG_DROP);
    assert_int_not_equal(send_text(f, plain("OPTIONS")), ALG_DROP);
    assert_int_equal(send_text(f, plain("OPTIONS")), ALG_DROP);
    tear_down(f);
}

/* The whole answer. */
#define ANSWER(status, via, to)                \
    "SIP/2.0 " status "\r\n"                   \
    "Via: " via "\r\n"                         \
    "From: <sip:alice@10.0.0.1>;tag=1\r\n"     \
    "To: <sip:bob@example.net>;tag=" to "\r\n" \
    "Call-ID: c1\r\n"                          \
    "CSeq: 7 MESSAGE\r\n"                      \
    "Content-Length: 0\r\n\r\n"

/* The tag of our answer, which follows from a secret: taken out of it. */
static const char *own_tag(struct fixture *f)
{
    static char tag[24];
    const char *at = strstr(f->r.out, "tag=fw-");
    assert_non_null(at);
    snprintf(tag, sizeof(tag), "%.19s", at + 4);
    return tag;
}

static void assert_answer(struct fixture *f, const char *status, const char *via)
{
    char want[4096];
    snprintf(want, sizeof(want), ANSWER("%s", "%s", "%s"), status, via, own_tag(f));
    assert_string_equal(f->r.out, want);
}

static void test_long_lines(void **state)
{
    struct fixture *f = begin();
    char line[1200];
    (void)state;
    /* "Subject: " and what makes exactly 998 */
    snprintf(line, sizeof(line), "Subject: %0989d\r\n", 0);
    assert_int_not_equal(send_text(f, request_text("MESSAGE", VIA, line)), ALG_DROP);
    assert_int_equal(rig_stats(&f->r).method[SIP_METHOD_MESSAGE].long_headers[0], 0);
    snprintf(line, sizeof(line), "Subject: %0990d\r\n", 0);
    assert_refused(f, request_text("MESSAGE", VIA, line), ALG_ANSWER, ALG_REASON_SIP_LONG_LINE);
    assert_answer(f, "413 Request Entity Too Large, long line", VIA);
    assert_int_equal(rig_stats(&f->r).method[SIP_METHOD_MESSAGE].long_headers[0], 1);
    assert_int_equal(rig_stats(&f->r).method[SIP_METHOD_MESSAGE].blocked[0], 1);
    f->r.profile.rules.block_long_lines = false;
    assert_int_not_equal(send_text(f, request_text("MESSAGE", VIA, line)), ALG_DROP);
    assert_int_equal(rig_stats(&f->r).method[SIP_METHOD_MESSAGE].long_headers[0], 2);
    tear_down(f);
}

static void test_long_body(void **state)
{
    struct fixture *f = begin();
    (void)state;
    f->r.profile.rules.max_body_length = 5;
    for (int n = 4; n <= 6; n++) {
        snprintf(text, sizeof(text),
                 "MESSAGE sip:bob@example.net SIP/2.0\r\nVia: %s\r\n"
                 "From: <sip:alice@10.0.0.1>;tag=1\r\nTo: <sip:bob@example.net>\r\n"
                 "Call-ID: c1\r\nCSeq: 7 MESSAGE\r\nContent-Type: text/plain\r\n"
                 "Content-Length: %d\r\n\r\n%.*s",
                 VIA, n, n, "abcdefgh");
        assert_int_equal(send_text(f, text) == ALG_ANSWER, n > 5);
    }
    assert_int_equal(f->r.reason, ALG_REASON_SIP_BODY_LENGTH);
    assert_answer(f, "413 Request Entity Too Large, long body", VIA);
    tear_down(f);
}

static void check_set(struct fixture *f, enum voip_check check, enum voip_action action)
{
    struct voip_rules *r = &f->r.profile.rules;
    r->action[check] = (uint8_t)action;
    r->checked &= ~(UINT64_C(1) << check);
    if (action != VOIP_PASS)
        r->checked |= UINT64_C(1) << check;
}

#define OLD_VIA "SIP/2.0/UDP 10.0.0.1;branch=1"

static void test_actions(void **state)
{
    struct fixture *f = begin();
    (void)state;
    assert_int_equal(send_text(f, request_text("MESSAGE", OLD_VIA, "")), ALG_REPLACE);
    check_set(f, VOIP_CHECK_VIA, VOIP_DISCARD);
    DROPS(f, request_text("MESSAGE", OLD_VIA, ""), SIP_VIOLATION);
    check_set(f, VOIP_CHECK_VIA, VOIP_RESPOND);
    assert_refused(f, request_text("MESSAGE", OLD_VIA, ""), ALG_ANSWER, ALG_REASON_SIP_VIOLATION);
    assert_answer(f, "400 Bad Request, malformed Via header", OLD_VIA);
    assert_int_equal(rig_stats(&f->r).method[SIP_METHOD_MESSAGE].unknown_form[0], 2);
    assert_int_equal(rig_stats(&f->r).method[SIP_METHOD_MESSAGE].blocked[0], 2);
    /* The first that does not pass decides. */
    check_set(f, VOIP_CHECK_EXPIRES, VOIP_DISCARD);
    assert_refused(f, request_text("MESSAGE", OLD_VIA, "Expires: x\r\n"), ALG_ANSWER,
                   ALG_REASON_SIP_VIOLATION);
    f->r.profile.rules.rfc2543_branch = true;
    DROPS(f, request_text("MESSAGE", OLD_VIA, "Expires: x\r\n"), SIP_VIOLATION);
    tear_down(f);
}

/* What no answer can be made to, or none may be. */
static void test_unanswerable(void **state)
{
    struct fixture *f = begin();
    (void)state;
    check_set(f, VOIP_CHECK_VIA, VOIP_RESPOND);
    check_set(f, VOIP_CHECK_CSEQ, VOIP_RESPOND);
    check_set(f, VOIP_CHECK_CALL_ID, VOIP_RESPOND);
    check_set(f, VOIP_CHECK_TO, VOIP_RESPOND);
    DROPS(f, request_text("ACK", OLD_VIA, ""), SIP_VIOLATION);
    DROPS(f,
          "MESSAGE sip:a SIP/2.0\r\nVia: " VIA "\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
          "Call-ID: 1\r\nCSeq: x MESSAGE\r\n\r\n",
          SIP_MALFORMED);
    DROPS(f,
          "MESSAGE sip:a SIP/2.0\r\nVia: " VIA "\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
          "CSeq: 1 MESSAGE\r\n\r\n",
          SIP_MALFORMED);
    DROPS(f,
          "SIP/2.0 200 OK\r\nVia: " VIA "\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
          "Call-ID: 1\r\nCSeq: 1 MESSAGE\r\n\r\n",
          SIP_VIOLATION);
    /* An answer longer than any is. */
    char more[2048];
    int n = 0;
    for (int i = 0; i < 24; i++)
        n += snprintf(more + n, sizeof(more) - (size_t)n,
                      "Via: SIP/2.0/UDP proxy%d.example.net;branch=%032d\r\n", i, i);
    DROPS(f, request_text("MESSAGE", OLD_VIA, more), SIP_VIOLATION);
    tear_down(f);
}

/* What the reader refuses is dropped with `pass`, and answered with `respond`. */
static void test_hard_faults(void **state)
{
    static const struct {
        const char *message;
        enum voip_check check;
        enum alg_reason reason;
        const char *status;
    } row[] = {
#define REST(cseq)                                                                      \
    "Via: " VIA "\r\nFrom: <sip:alice@10.0.0.1>;tag=1\r\nTo: <sip:bob@example.net>\r\n" \
    "Call-ID: c1\r\nCSeq: " cseq "\r\n"
        {"MESSAGE sip:a@b; lr SIP/2.0\r\n" REST("7 MESSAGE") "\r\n", VOIP_CHECK_REQUEST_LINE,
         ALG_REASON_SIP_MALFORMED, "400 Bad Request, malformed request line"},
        {"MESSAGE sip:a@b SIP/2.0\r\n" REST("7 MESSAGE") "Content-Length: 999\r\n\r\n",
         VOIP_CHECK_CONTENT_LENGTH, ALG_REASON_SIP_MALFORMED,
         "400 Bad Request, malformed Content-Length header"},
        {"MESSAGE sip:a@b SIP/2.0\r\n" REST("7 MESSAGE") "Content-Length: -1\r\n\r\n",
         VOIP_CHECK_CONTENT_LENGTH, ALG_REASON_SIP_MALFORMED,
         "400 Bad Request, malformed Content-Length header"},
        {"MESSAGE sip:a@b SIP/2.0\r\n" REST("7 MESSAGE") "Expires: 1\r\nExpires: 2\r\n\r\n",
         VOIP_CHECK_EXPIRES, ALG_REASON_SIP_MALFORMED, "400 Bad Request, malformed Expires header"},
        {"INFO sip:a@b SIP/2.0\r\n" REST("7 MESSAGE") "\r\n", VOIP_CHECK_CSEQ,
         ALG_REASON_SIP_MALFORMED, "400 Bad Request, malformed CSeq header"},
        {"MESSAGE sip:a@b SIP/2.0\r\n" REST("7 MESSAGE") "Contact: <sip:a@10.1>\r\n\r\n",
         VOIP_CHECK_CONTACT, ALG_REASON_SIP_MALFORMED, "400 Bad Request, malformed Contact header"},
        {"MESSAGE sip:a@b SIP/2.0\r\n" REST("7 MESSAGE") "Route: <sip:a@b\r\n\r\n",
         VOIP_CHECK_ROUTE, ALG_REASON_SIP_MALFORMED, "400 Bad Request, malformed Route header"},
        {"MESSAGE sip:a@b SIP/2.0\r\n" REST("7 MESSAGE") "Content-Type: x\r\n\r\nbody",
         VOIP_CHECK_CONTENT_TYPE, ALG_REASON_SIP_MALFORMED,
         "400 Bad Request, malformed Content-Type header"},
    };
    struct fixture *f = begin();
    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        DROPS(f, row[i].message, SIP_MALFORMED);
        check_set(f, row[i].check, VOIP_RESPOND);
        f->r.profile.rules.checked = 0; /* not even looked for */
        assert_refused(f, row[i].message, ALG_ANSWER, row[i].reason);
        assert_answer(f, row[i].status, VIA);
        check_set(f, row[i].check, VOIP_PASS);
    }
    tear_down(f);
}

static void test_hard_sdp(void **state)
{
    struct fixture *f = begin();
    (void)state;
    check_set(f, VOIP_CHECK_SDP_C, VOIP_RESPOND);
    struct say s = first_say("v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.1\r\nt=0 0\r\n"
                             "m=audio 6000 RTP/AVP 0\r\n");
    f->r.profile.rules.checked = 0;
    assert_int_equal(request(f, true, s), ALG_ANSWER);
    assert_int_equal(f->r.reason, ALG_REASON_SIP_SDP_MALFORMED);
    assert_memory_equal(f->r.out, "SIP/2.0 400 Bad Request, malformed SDP c line\r\n", 47);
    assert_int_equal(rig_records(&f->r), 0);
    tear_down(f);
}

/* The same answer to the same request; its ACK goes no further, others do. */
static void test_own_ack(void **state)
{
    struct fixture *f = begin();
    char first[RIG_ROOM + 1], ack[2048];
    (void)state;
    check_set(f, VOIP_CHECK_EXPIRES, VOIP_RESPOND);
    assert_refused(f, request_text("INVITE", VIA, "Expires: x\r\n"), ALG_ANSWER,
                   ALG_REASON_SIP_VIOLATION);
    memcpy(first, f->r.out, f->r.out_n + 1);
    assert_refused(f, request_text("INVITE", VIA, "Expires: x\r\n"), ALG_ANSWER,
                   ALG_REASON_SIP_VIOLATION);
    assert_string_equal(f->r.out, first);
    const char *format = "ACK sip:bob@example.net SIP/2.0\r\nVia: " VIA "\r\n"
                         "From: <sip:alice@10.0.0.1>;tag=1\r\nTo: <sip:bob@example.net>;tag=%s\r\n"
                         "Call-ID: c1\r\nCSeq: %d ACK\r\n\r\n";
    char tag[24];
    snprintf(tag, sizeof(tag), "%s", own_tag(f));
    snprintf(ack, sizeof(ack), format, tag, 7);
    DROPS(f, ack, SIP_ANSWERED);
    snprintf(ack, sizeof(ack), format, tag, 8);
    assert_int_not_equal(send_text(f, ack), ALG_DROP);
    snprintf(ack, sizeof(ack), format, "fw-0123456789abcdef", 7);
    assert_int_not_equal(send_text(f, ack), ALG_DROP);
    tear_down(f);
}

/* received and rport (RFC 3581), folds, compact names. */
static void test_answer_via(void **state)
{
    struct fixture *f = begin();
    (void)state;
    check_set(f, VOIP_CHECK_EXPIRES, VOIP_RESPOND);
    send_text(f, request_text("MESSAGE", "SIP/2.0/UDP phone.lan;rport;branch=z9hG4bK1",
                              "Expires: x\r\n"));
    assert_answer(f, "400 Bad Request, malformed Expires header",
                  "SIP/2.0/UDP phone.lan;rport=5060;branch=z9hG4bK1;received=10.0.0.1");
    send_text(f, request_text("MESSAGE",
                              "SIP/2.0/UDP 10.0.0.77:5080;branch=z9hG4bK1,\r\n"
                              " SIP/2.0/UDP 10.0.0.78;branch=z9hG4bK2",
                              "Expires: x\r\n"));
    assert_answer(f, "400 Bad Request, malformed Expires header",
                  "SIP/2.0/UDP 10.0.0.77:5080;branch=z9hG4bK1;received=10.0.0.1, "
                  "SIP/2.0/UDP 10.0.0.78;branch=z9hG4bK2");
    tear_down(f);
}

/* No more than 30 a second to one sender. */
static void test_answer_limit(void **state)
{
    struct fixture *f = begin();
    (void)state;
    check_set(f, VOIP_CHECK_EXPIRES, VOIP_RESPOND);
    for (int i = 0; i < 100; i++)
        assert_int_equal(send_text(f, request_text("MESSAGE", VIA, "Expires: x\r\n")),
                         i < 30 ? ALG_ANSWER : ALG_DROP);
    rig_wait(&f->r, 1000);
    assert_int_equal(send_text(f, request_text("MESSAGE", VIA, "Expires: x\r\n")), ALG_ANSWER);
    tear_down(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked_methods), cmocka_unit_test(test_unknown_method),
        cmocka_unit_test(test_geo_red_options), cmocka_unit_test(test_rate),
        cmocka_unit_test(test_long_lines),      cmocka_unit_test(test_long_body),
        cmocka_unit_test(test_actions),         cmocka_unit_test(test_unanswerable),
        cmocka_unit_test(test_hard_faults),     cmocka_unit_test(test_hard_sdp),
        cmocka_unit_test(test_own_ack),         cmocka_unit_test(test_answer_via),
        cmocka_unit_test(test_answer_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
