/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of calls, registrations and violations, and the ring they wait in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "alg/sip_log.h"
#include "calls.h"

static struct sip_log_record one(struct fixture *f)
{
    struct sip_log_record r;
    if (!sip_log_take(alg_log(f->r.alg), &r))
        fail_msg("no record");
    return r;
}

static void none(struct fixture *f)
{
    struct sip_log_record r;
    if (sip_log_take(alg_log(f->r.alg), &r))
        fail_msg("a record of kind %d, %s", r.kind, r.reason);
}

static void set_up_logging(struct fixture *f)
{
    set_up(f);
    f->r.log = true;
    f->r.profile.log_call_summary = f->r.profile.log_violations = true;
}

static void test_call(void **state)
{
    struct fixture f;
    (void)state;
    set_up_logging(&f);
    uint64_t began_ms = f.r.now_ms;
    call_up(&f);
    struct sip_log_record r = one(&f);
    assert_int_equal(r.kind, SIP_LOG_CALL);
    assert_int_equal(r.status, SIP_LOG_START);
    assert_int_equal(r.at_ms, began_ms);
    assert_int_equal(be16_host(r.src.port), 5060);
    assert_string_equal(r.call_id, "c1");
    assert_string_equal(r.from, "sip:x@example.net");
    assert_string_equal(r.profile, "default");
    none(&f);
    rig_wait(&f.r, 7000);
    request(&f, true, say("BYE", 2, NULL));
    respond(&f, false, 200, say("BYE", 2, NULL));
    struct sip_log_record end = one(&f);
    assert_int_equal(end.status, SIP_LOG_END);
    assert_string_equal(end.reason, "bye");
    assert_int_equal(end.duration_s, (f.r.now_ms - began_ms) / 1000);
    assert_int_equal(end.event, r.event);
    assert_int_equal(end.epoch, r.epoch);
    rig_wait(&f.r, 60000);
    none(&f);
    tear_down(&f);
}

static void test_failed_and_timed_out(void **state)
{
    struct fixture f;
    struct sip_log_record r;
    (void)state;
    set_up_logging(&f);
    request(&f, true, first_say(ours(6000)));
    one(&f);
    rig_wait(&f.r, 211000);
    r = one(&f);
    assert_int_equal(r.status, SIP_LOG_FAILED);
    assert_string_equal(r.reason, "provisional-expiry");
    call_up(&f);
    one(&f);
    rig_wait(&f.r, 13 * 3600 * 1000);
    r = one(&f);
    assert_int_equal(r.status, SIP_LOG_TIMEOUT);
    tear_down(&f);
}

static void registers(struct fixture *f, unsigned cseq, const char *more)
{
    struct say s = say("REGISTER", cseq, NULL);
    s.b_tag = NULL;
    s.more = more;
    request(f, true, s);
    s.more = "Contact: <sip:x@203.0.113.9:40000>\r\nExpires: 60\r\n";
    if (strstr(more, "Expires: 0"))
        s.more = NULL;
    respond(f, false, 200, s);
}

static void test_registration(void **state)
{
    struct fixture f;
    (void)state;
    set_up_logging(&f);
    registers(&f, 1, "Contact: <sip:x@10.0.0.1>\r\nExpires: 60\r\n");
    struct sip_log_record r = one(&f);
    assert_int_equal(r.kind, SIP_LOG_REGISTER);
    assert_int_equal(r.status, SIP_LOG_START);
    registers(&f, 2, "Contact: <sip:x@10.0.0.1>\r\nExpires: 60\r\n");
    none(&f); /* a refresh is no begin */
    rig_wait(&f.r, 200000);
    r = one(&f);
    assert_int_equal(r.status, SIP_LOG_TIMEOUT);
    assert_string_equal(r.reason, "expired");
    assert_int_equal(rig_events(&f.r, "registration-started"), 1);
    assert_int_equal(rig_events(&f.r, "registration-ended"), 1);
    registers(&f, 3, "Contact: <sip:x@10.0.0.1>\r\nExpires: 60\r\n");
    one(&f);
    registers(&f, 4, "Contact: <sip:x@10.0.0.1>\r\nExpires: 0\r\n");
    r = one(&f);
    assert_int_equal(r.status, SIP_LOG_END);
    assert_string_equal(r.reason, "unregistered");
    tear_down(&f);
}

/* Line and column of a fault count from 1, and one message makes one record. */
static void test_violations(void **state)
{
    static const struct {
        const char *message, *what, *data;
        unsigned kind, line, column;
    } rows[] = {
        {"INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom\r\n\r\n",
         "header line without a colon", "From", SIP_LOG_FUZZING, 3, 5},
        {"INVITE sip:b@example.net SIP/2.0\nVia: SIP/2.0/UDP h\n"
         "From: <sip:x@e.net>;tag=1\nTo: <sip:y@e.net\nCall-ID: 1\nCSeq: 1 INVITE\n\n",
         "malformed To header", "To: <sip:y@e.net", SIP_LOG_FUZZING, 4, 5},
        {"INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
         "From: <sip:x@e.net>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n",
         "malformed To header", "", SIP_LOG_FUZZING, 0, 0},
        {"INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
         "From: <sip:x@e.net>;tag=1\r\nTo: <sip:y@e.net>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
         "Content-Type: application/sdp\r\n\r\nv=0\r\nnonsense\r\n",
         "session description that is not well-formed", "", SIP_LOG_FUZZING, 0, 0},
    };
    struct fixture f;
    (void)state;
    set_up_logging(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rig_events_forget(&f.r);
        rig_out(&f.r, &f.phone, rows[i].message);
        assert_int_equal(f.r.verdict, ALG_DROP);
        struct sip_log_record r = one(&f);
        assert_string_equal(r.reason, rows[i].what);
        assert_string_equal(r.data, rows[i].data);
        assert_int_equal(r.kind, rows[i].kind);
        assert_int_equal(r.line, rows[i].line);
        assert_int_equal(r.column, rows[i].column);
        assert_false(r.passed);
        none(&f);
        assert_int_equal(rig_events(&f.r, "violation"), 1);
    }
    tear_down(&f);
}

/* What is malformed and passes all the same is told of, and that it passed. */
static void test_passing_violation(void **state)
{
    struct fixture f;
    (void)state;
    set_up_logging(&f);
    f.r.profile.rules.action[VOIP_CHECK_MAX_FORWARDS] = VOIP_PASS;
    f.r.profile.rules.checked = UINT64_C(1) << VOIP_CHECK_MAX_FORWARDS;
    rig_out(
        &f.r, &f.phone,
        "OPTIONS sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\n"
        "From: <sip:x@e.net>;tag=1\r\nTo: <sip:y@e.net>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: many\r\n\r\n");
    assert_int_not_equal(f.r.verdict, ALG_DROP);
    struct sip_log_record r = one(&f);
    assert_int_equal(r.kind, SIP_LOG_FUZZING);
    assert_true(r.passed);
    assert_string_equal(r.data, "Max-Forwards: many");
    assert_int_equal(r.line, 7);
    none(&f);
    tear_down(&f);
}

/* A limit of the profile blocks, and says who asked. */
static void test_blocked(void **state)
{
    struct fixture f;
    (void)state;
    set_up_logging(&f);
    f.r.profile.max_dialogs = 1;
    call_up(&f);
    one(&f);
    struct say other = first_say(ours(6010));
    other.call = "c2";
    request(&f, true, other);
    assert_int_equal(f.r.verdict, ALG_DROP);
    struct sip_log_record r = one(&f);
    assert_int_equal(r.kind, SIP_LOG_BLOCK);
    assert_string_equal(r.call_id, "c2");
    assert_string_equal(r.method, "INVITE");
    assert_string_equal(r.reason, "max-dialogs of the policy reached");
    none(&f);
    tear_down(&f);
}

/* Every switch on the way is obeyed. */
static void test_switches(void **state)
{
    struct fixture f;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        set_up_logging(&f);
        if (i == 0)
            f.r.log = false;
        if (i == 1)
            f.r.profile.log_call_summary = false;
        if (i == 2)
            f.r.profile.log_violations = false;
        if (i == 3)
            sip_log_mute(alg_log(f.r.alg), true);
        rig_out(&f.r, &f.phone, "INVITE sip:b@example.net SIP/2.0\r\nFrom\r\n\r\n");
        call_up(&f);
        bool violation = i == 1, call = i >= 2;
        if (violation)
            assert_int_equal(one(&f).kind, SIP_LOG_FUZZING);
        if (call)
            assert_int_equal(one(&f).kind, SIP_LOG_CALL);
        none(&f);
        tear_down(&f);
    }
}

/* Where nobody takes, the oldest stay and the rest is counted. */
static void test_ring(void **state)
{
    struct fixture f;
    struct sip_log_record r;
    char call[16];
    unsigned n = 0;
    (void)state;
    set_up_logging(&f);
    for (unsigned i = 0; i < SIP_LOG_RING + 10; i++) {
        struct say s = first_say(NULL);
        snprintf(call, sizeof(call), "r%u", i);
        s.call = call;
        f.r.profile.max_dialogs = 1;
        request(&f, true, s);
    }
    assert_int_equal(sip_log_lost(alg_log(f.r.alg)), 10);
    for (; sip_log_take(alg_log(f.r.alg), &r); n++) {
        snprintf(call, sizeof(call), "r%u", n);
        assert_string_equal(r.call_id, call);
    }
    assert_int_equal(n, SIP_LOG_RING);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),         cmocka_unit_test(test_failed_and_timed_out),
        cmocka_unit_test(test_registration), cmocka_unit_test(test_violations),
        cmocka_unit_test(test_blocked),      cmocka_unit_test(test_passing_violation),
        cmocka_unit_test(test_switches),     cmocka_unit_test(test_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
