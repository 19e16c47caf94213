/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of calls: every timer to the second, and every way a call can end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"

static void test_provisional(void **state)
{
    struct fixture f;
    const char *why;
    uint32_t left;
    (void)state;
    set_up(&f);
    f.r.profile.provisional_invite_expiry_s = 100;
    request(&f, true, first_say(ours(6000)));
    assert_string_equal(only_state(&f, &why, &left), "trying");
    assert_string_equal(why, "provisional-invite-expiry-time");
    assert_int_equal(left, 100);
    assert_ends_after(&f, 100000, "provisional-expiry");
    assert_false(open_at(&f, 6000));
    assert_int_equal(rig_stats(&f.r).calls_failed, 1);

    request(&f, true, first_say(ours(6000)));
    rig_wait(&f.r, 60000);
    request(&f, true, first_say(ours(6000))); /* sent again: restarts nothing */
    rig_wait(&f.r, 30000);
    respond(&f, false, 183, say("INVITE", 1, theirs(7000)));
    assert_string_equal(state_of(&f), "early");
    assert_ends_after(&f, 100000, "provisional-expiry");
    assert_int_equal(rig_stats(&f.r).calls_attempted, 2);

    struct say expires = first_say(ours(6000));
    expires.more = "Expires: 10\r\n";
    request(&f, true, expires);
    assert_ends_after(&f, 42000, "provisional-expiry");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_early_media_longer_than_the_timer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    for (int i = 0; i < 6; i++) {
        rig_wait(&f.r, 60000);
        respond(&f, false, 183, say("INVITE", 1, theirs(7000)));
    }
    assert_true(open_at(&f, 6000));
    respond(&f, false, 200, say("INVITE", 1, NULL));
    request(&f, true, say("ACK", 1, NULL));
    assert_true(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "established");
    tear_down(&f);
}

static void test_cancel(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 180, say("INVITE", 1, NULL));
    struct say cancel = first_say(NULL);
    cancel.method = "CANCEL";
    cancel.cseq = 2;
    request(&f, true, cancel); /* of nothing */
    assert_true(open_at(&f, 6000));
    cancel.cseq = 1;
    request(&f, false, cancel); /* from the wrong side */
    assert_true(open_at(&f, 6000));
    request(&f, true, cancel);
    assert_false(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "cancelled");
    respond(&f, false, 200, cancel);
    assert_string_equal(state_of(&f), "cancelled");
    respond(&f, false, 487, say("INVITE", 1, NULL));
    assert_int_equal(rig_events(&f.r, "dialog-ended"), 1);
    assert_int_equal(rig_stats(&f.r).calls_failed, 1);
    request(&f, true, say("ACK", 1, NULL));
    request(&f, true, first_say(ours(6000))); /* a late copy of the INVITE */
    assert_int_equal(rig_stats(&f.r).calls_attempted, 1);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_cancel_crosses_answer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say cancel = first_say(NULL);
    cancel.method = "CANCEL";
    request(&f, true, cancel);
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    assert_string_equal(state_of(&f), "answered");
    request(&f, true, say("ACK", 1, NULL));
    request(&f, true, say("BYE", 2, NULL));
    respond(&f, false, 200, say("BYE", 2, NULL));
    assert_int_equal(rig_stats(&f.r).calls_failed, 0);
    assert_int_equal(rig_stats(&f.r).calls_established, 1);
    assert_nothing_left(&f);

    request(&f, true, first_say(ours(6000)));
    request(&f, true, cancel);
    assert_ends_after(&f, 32000, "cancelled");
    tear_down(&f);
}

static void test_final_refusals(void **state)
{
    static const unsigned statuses[] = {404, 403, 486, 500, 503, 600, 603, 480};
    struct fixture f;
    (void)state;
    set_up(&f);
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct say s = first_say(ours(6000));
        s.call = "other";
        s.cseq = (unsigned)i + 1;
        request(&f, true, s);
        assert_true(open_at(&f, 6000));
        rig_events_forget(&f.r);
        s.b_tag = "b";
        respond(&f, false, statuses[i], s);
        assert_false(open_at(&f, 6000));
        assert_int_equal(rig_events(&f.r, "dialog-ended"), 1);
        assert_int_equal(rig_stats(&f.r).calls_failed, i + 1);
        rig_wait(&f.r, 1000);
    }
    assert_int_equal(rig_stats(&f.r).calls_attempted, COUNT(statuses));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* 401, 407, 302: the next INVITE finds the same public port, and it is the same attempt. */
static void test_retry(void **state)
{
    static const unsigned statuses[] = {401, 407, 302, 422, 488};
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct fixture f;
        bool again = statuses[i] != 488;
        set_up(&f);
        request(&f, true, first_say(ours(6000)));
        struct handle before = handle_at(&f, 6000);
        respond(&f, false, statuses[i], say("INVITE", 1, NULL));
        request(&f, true, say("ACK", 1, NULL));
        assert_int_equal(open_at(&f, 6000), again);
        assert_int_equal(rig_stats(&f.r).calls_failed, !again);
        struct say s = first_say(ours(6000));
        s.cseq = 2;
        request(&f, true, s);
        struct handle after = handle_at(&f, 6000);
        assert_int_equal(after.index == before.index && after.epoch == before.epoch, again);
        assert_int_equal(rig_stats(&f.r).calls_attempted, again ? 1 : 2);
        respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
        request(&f, true, say("ACK", 2, NULL));
        assert_int_equal(rig_stats(&f.r).calls_established, 1);
        assert_true(open_at(&f, 6000));
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

static void test_retry_that_does_not_come(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 407, say("INVITE", 1, NULL));
    assert_int_equal(rig_stats(&f.r).calls_failed, 0);
    assert_ends_after(&f, 5000, "rejected");
    assert_int_equal(rig_stats(&f.r).calls_failed, 1);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_bye(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, true, say("BYE", 2, NULL));
    assert_string_equal(state_of(&f), "ending");
    respond(&f, false, 407, say("BYE", 2, NULL));
    assert_string_equal(state_of(&f), "established");
    request(&f, true, say("BYE", 3, NULL));
    assert_ends_after(&f, 32000, "bye-unanswered");
    assert_nothing_left(&f);

    call_up(&f);
    struct say bye = say("BYE", 1, NULL);
    bye.by_b = true;
    request(&f, false, bye);
    respond(&f, true, 481, bye);
    assert_string_equal(state_of(&f), "ended");
    rig_wait(&f.r, 4900);
    assert_true(open_at(&f, 6000));
    respond(&f, true, 481, bye); /* sent again */
    rig_wait(&f.r, 200);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_session_expires(void **state)
{
    struct fixture f;
    const char *why;
    uint32_t left;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say ok = say("INVITE", 1, theirs(7000));
    ok.more = "Session-Expires: 120;refresher=uac\r\n";
    respond(&f, false, 200, ok);
    request(&f, true, say("ACK", 1, NULL));
    only_state(&f, &why, &left);
    assert_string_equal(why, "session-expires");
    assert_int_equal(left, 120);

    rig_wait(&f.r, 100000);
    request(&f, true, say("UPDATE", 2, NULL));
    struct say updated = say("UPDATE", 2, NULL);
    updated.more = "x: 200\r\n";
    respond(&f, false, 200, updated);
    assert_ends_after(&f, 200000, "session-expires");
    assert_nothing_left(&f);

    /* Too short is 90 s; without it the default, here by a re-INVITE. */
    request(&f, true, first_say(ours(6000)));
    ok.more = "Session-Expires: 1\r\n";
    respond(&f, false, 200, ok);
    request(&f, true, say("ACK", 1, NULL));
    only_state(&f, &why, &left);
    assert_int_equal(left, 90);
    request(&f, true, say("INVITE", 2, ours(6000)));
    respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
    request(&f, true, say("ACK", 2, NULL));
    only_state(&f, &why, &left);
    assert_string_equal(why, "silence");
    assert_int_equal(left, 3600);
    tear_down(&f);
}

static void test_hard_limit(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    for (int hour = 0; hour < 11; hour++) {
        rig_wait(&f.r, 3599 * 1000ull);
        rig_media(&f.r, INSIDE, 6000);
    }
    rig_wait(&f.r, 11000); /* 11 hours since the INVITE */
    rig_media(&f.r, INSIDE, 6000);
    rig_wait(&f.r, 3500 * 1000ull);
    rig_media(&f.r, INSIDE, 6000);
    assert_ends_after(&f, 100000, "hard-limit");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_silence(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    rig_wait(&f.r, 3000 * 1000ull);
    request(&f, true, say("INFO", 5, NULL)); /* signalling counts too */
    assert_ends_after(&f, 3600 * 1000ull, "silence");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_keepalive(void **state)
{
    struct fixture f;
    const char *why;
    uint32_t left;
    (void)state;
    set_up(&f);
    f.r.profile.call_keepalive_s = 100;
    call_up(&f);
    only_state(&f, &why, &left);
    assert_string_equal(why, "call-keepalive");
    assert_int_equal(left, 100);
    rig_wait(&f.r, 60000);
    rig_media(&f.r, INSIDE, 6000);
    rig_wait(&f.r, 30000);
    request(&f, true, say("INFO", 5, NULL)); /* signalling does not count */
    assert_ends_after(&f, 70000, "call-keepalive");
    assert_false(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "blocked");
    assert_int_equal(rig_stats(&f.r).calls_active, 0);

    rig_wait(&f.r, 3600 * 1000 - 300);
    assert_int_equal(request(&f, true, say("BYE", 6, NULL)), ALG_DROP);
    assert_int_equal(f.r.reason, ALG_REASON_SIP_CALL_ENDED);
    struct say info = say("INFO", 7, NULL);
    info.by_b = true;
    assert_int_equal(request(&f, false, info), ALG_DROP);
    assert_int_equal(rig_stats(&f.r).method[2].blocked[0], 1); /* BYE */
    rig_wait(&f.r, 300);
    assert_int_equal(request(&f, true, say("BYE", 6, NULL)), ALG_PASS);
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_max_idle(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 3;
    several(&f, 0, 3);
    assert_int_equal(rig_records(&f.r), 3);
    several(&f, 3, 4);
    assert_int_equal(rig_records(&f.r), 4); /* nobody is silent for long enough */
    rig_wait(&f.r, 5900);
    assert_int_equal(rig_records(&f.r), 4);
    rig_wait(&f.r, 200);
    assert_int_equal(rig_records(&f.r), 3);
    assert_false(open_at(&f, 6000)); /* the oldest */
    assert_true(open_at(&f, 6002));
    assert_non_null(strstr(f.r.events.p, "max-idle-dialogs"));

    struct say info = say("INFO", 9, NULL); /* a message makes it the youngest */
    info.call = "m1";
    request(&f, true, info);
    rig_wait(&f.r, 10000);
    several(&f, 4, 5);
    assert_true(open_at(&f, 6002));
    assert_false(open_at(&f, 6004));

    /* A call that is spoken in is not idle; when it falls silent it is, without any message. */
    rig_media(&f.r, INSIDE, 6006);
    rig_media(&f.r, INSIDE, 6002);
    rig_media(&f.r, INSIDE, 6008);
    several(&f, 5, 6);
    assert_int_equal(rig_records(&f.r), 4);
    rig_wait(&f.r, 5000);
    rig_media(&f.r, INSIDE, 6006);
    rig_media(&f.r, INSIDE, 6002);
    rig_media(&f.r, INSIDE, 6008);
    rig_wait(&f.r, 5000);
    assert_int_equal(rig_records(&f.r), 3);
    assert_false(open_at(&f, 6010));
    f.r.policy_id = 2; /* another policy has its own count */
    several(&f, 6, 8);
    assert_int_equal(rig_records(&f.r), 5);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* All that are there are spoken in: nobody ends, until one falls silent. */
static void test_max_idle_later(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 2;
    several(&f, 0, 2);
    rig_media(&f.r, INSIDE, 6000);
    rig_media(&f.r, INSIDE, 6002);
    struct say s = first_say(NULL);
    s.call = "m9";
    request(&f, true, s);
    s.b_tag = "b";
    respond(&f, false, 200, s);
    s.method = "ACK";
    request(&f, true, s);
    assert_int_equal(rig_records(&f.r), 3);
    rig_wait(&f.r, 9000);
    rig_media(&f.r, INSIDE, 6000);
    rig_media(&f.r, INSIDE, 6002);
    rig_wait(&f.r, 1100); /* the youngest itself is the idle one too many */
    assert_int_equal(rig_records(&f.r), 2);
    assert_true(open_at(&f, 6000) && open_at(&f, 6002));
    tear_down(&f);
}

static void test_max_dialogs(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_dialogs = 2;
    several(&f, 0, 2);
    struct say s = first_say(ours(6100));
    s.call = "m8";
    assert_int_equal(request(&f, true, s), ALG_DROP);
    assert_int_equal(f.r.reason, ALG_REASON_SIP_DIALOG_LIMIT);
    assert_false(open_at(&f, 6100));
    assert_int_equal(request(&f, false, s), ALG_DROP);
    assert_int_equal(rig_stats(&f.r).method[5].blocked[0], 2);
    struct say bye = say("BYE", 2, NULL);
    bye.call = "m0";
    request(&f, true, bye);
    respond(&f, false, 200, bye);
    assert_int_equal(request(&f, true, s), ALG_REPLACE);
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_clear(void **state)
{
    struct fixture f;
    struct alg_call call;
    uint32_t cursor = 0;
    (void)state;
    set_up(&f);
    call_up(&f);
    assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 1);
    assert_string_equal(call.call_id, "c1");
    assert_string_equal(call.from, "sip:x@example.net");
    assert_string_equal(call.method, "ACK");
    assert_string_equal(call.state, "established");
    assert_string_equal(call.profile, "default");
    assert_false(call.idle); /* just answered */
    assert_int_equal(call.n_media, 1);
    assert_int_equal(be16_host(call.media[0].inside.port), 6000);
    assert_int_equal(be16_host(call.media[0].remote.port), 7000);
    assert_int_equal(call.media[0].idle_s, UINT32_MAX);
    assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 0);
    assert_int_equal(alg_call_clear(f.r.alg, call.id, f.r.now_ms), 0);
    assert_int_equal(alg_call_clear(f.r.alg, call.id, f.r.now_ms), -ESTALE);
    assert_int_equal(alg_call_clear(f.r.alg, 77, f.r.now_ms), -ESTALE);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static bool listed_idle(struct fixture *f)
{
    struct alg_call call;
    uint32_t cursor = 0;
    assert_int_equal(alg_call_next(f->r.alg, &cursor, f->r.now_ms, &call), 1);
    return call.idle;
}

/* Idle is who was answered, and last heard, ten seconds ago. */
static void test_idle_listing(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    rig_wait(&f.r, 9900);
    assert_false(listed_idle(&f));
    rig_wait(&f.r, 200);
    assert_true(listed_idle(&f));
    rig_media(&f.r, INSIDE, 6000);
    assert_false(listed_idle(&f));
    rig_wait(&f.r, 9900);
    assert_false(listed_idle(&f));
    rig_wait(&f.r, 200);
    assert_true(listed_idle(&f));
    tear_down(&f);
}

static void test_fill(void **state)
{
    struct fixture f;
    struct alg_fill fill;
    (void)state;
    rig_init(&f.r, 1024, 512);
    f.phone = rig_phone(&f.r, INSIDE, 5060, 40000);
    alg_fill_read(f.r.alg, &fill);
    assert_int_equal(fill.used, 0);
    assert_int_equal(fill.deepest, 0);
    several(&f, 0, 200);
    alg_fill_read(f.r.alg, &fill);
    assert_int_equal(fill.used, 200);
    assert_true(fill.buckets >= 200);
    assert_in_range(fill.deepest, 2, 10); /* 200 in so few buckets meet, and not many at once */
    tear_down(&f);
}

static void test_stats_clear(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    struct alg_stats s = rig_stats(&f.r);
    assert_int_equal(s.received[0][0], 2); /* UDP */
    assert_int_equal(s.received[0][1], 2);
    assert_int_equal(s.received[1][0], 0);
    assert_int_equal(s.method[5].received[0], 1); /* INVITE */
    assert_int_equal(s.method[5].received[1], 2);
    assert_int_equal(s.method[1].received[0], 1); /* ACK */
    rig_send(&f.r, &f.phone, true, slice_str("INVITE x\r\n\r\n"));
    s = rig_stats(&f.r);
    assert_int_equal(s.method[0].received[0] + s.method[0].unknown_form[0],
                     f.r.verdict == ALG_DROP ? 2 : 0);
    assert_int_equal(s.dropped[0][0], f.r.verdict == ALG_DROP);
    alg_stats_clear(f.r.alg);
    s = rig_stats(&f.r);
    assert_int_equal(s.calls_attempted, 0);
    assert_int_equal(s.method[5].received[1], 0);
    assert_int_equal(s.calls_active, 1);
    tear_down(&f);
}

/* Every timer that runs, the next one first; an emptied table is read in bounded steps. */
static void test_listing(void **state)
{
    struct fixture f;
    struct alg_call call;
    uint32_t cursor = 0;
    unsigned pauses = 0, n = 0;
    int rc;
    (void)state;
    rig_init(&f.r, 1024, 512);
    f.phone = rig_phone(&f.r, INSIDE, 5060, 40000);
    several(&f, 0, 200);
    while ((rc = alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call)) == 1)
        if (strcmp(call.call_id, "m199") != 0)
            assert_int_equal(alg_call_clear(f.r.alg, call.id, f.r.now_ms), 0);
    assert_int_equal(rc, 0);
    for (cursor = 0; (rc = alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call)) != 0;) {
        pauses += rc == -EAGAIN;
        n += rc == 1;
    }
    assert_int_equal(n, 1);
    assert_in_range(pauses, 3, 4);
    for (cursor = 0; alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call) != 1;)
        ;
    assert_string_equal(call.call_id, "m199");
    assert_int_equal(call.n_timers, 2);
    assert_string_equal(call.timers[0].name, "silence");
    assert_int_equal(call.timers[0].left_s, call.expire_s);
    assert_string_equal(call.timers[1].name, "hard-limit");
    assert_int_equal(call.timers[1].left_s, 12 * 3600 - call.age_s);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_provisional),
        cmocka_unit_test(test_early_media_longer_than_the_timer),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_crosses_answer),
        cmocka_unit_test(test_final_refusals),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_retry_that_does_not_come),
        cmocka_unit_test(test_bye),
        cmocka_unit_test(test_session_expires),
        cmocka_unit_test(test_hard_limit),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_max_idle),
        cmocka_unit_test(test_max_idle_later),
        cmocka_unit_test(test_max_dialogs),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_stats_clear),
        cmocka_unit_test(test_idle_listing),
        cmocka_unit_test(test_fill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
