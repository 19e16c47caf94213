/* SPDX-License-Identifier: BSD-3-Clause */
/* What ends a call without a message: the idle list, silence, an ACK that does not come; and that
 * no timer fires for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"

/* Runs the timers that are due now: few, and the next one comes later. */
static void assert_timers_rest(struct rig *r)
{
    assert_true(alg_run_timers(r->alg, r->now_ms, 1000) < 100);
    assert_true(alg_next_deadline_ms(r->alg) > r->now_ms);
}

/* Time passes in steps, timers at every step. */
static void steps(struct fixture *f, unsigned n, uint64_t ms)
{
    for (unsigned i = 0; i < n; i++) {
        f->r.now_ms += ms;
        assert_timers_rest(&f->r);
    }
    rig_reap(&f->r);
}

static void bye(struct fixture *f, const char *call)
{
    struct say s = say("BYE", 2, NULL);
    s.call = call;
    request(f, true, s);
    respond(f, false, 200, s);
}

/* The call that was to look at the list again ends. */
static void test_idle_check_and_bye(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 1;
    several(&f, 0, 2);
    rig_media(&f.r, INSIDE, 6000);
    rig_media(&f.r, INSIDE, 6002);
    bye(&f, "m1");
    steps(&f, 200, 100);
    assert_int_equal(rig_records(&f.r), 1);
    assert_true(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* One that ends hands the look on: of two that are left one is too many. */
static void test_idle_check_is_handed_on(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 1;
    several(&f, 0, 3);
    for (uint16_t port = 6000; port < 6006; port += 2)
        rig_media(&f.r, INSIDE, port);
    bye(&f, "m2");
    steps(&f, 60, 100);
    assert_int_equal(rig_stats(&f.r).calls_active, 2);
    steps(&f, 100, 100);
    assert_int_equal(rig_stats(&f.r).calls_active, 1);
    assert_true(!open_at(&f, 6000) && open_at(&f, 6002));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* ... also when it leaves the list for a transaction, or to be silent. */
static void test_idle_check_and_reinvite(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 1;
    several(&f, 0, 3);
    struct say re = say("INVITE", 2, ours(6004));
    re.call = "m2";
    request(&f, true, re);
    steps(&f, 200, 100);
    assert_int_equal(rig_records(&f.r), 2);
    respond(&f, false, 500, re);
    assert_int_equal(rig_records(&f.r), 1);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* RTP has not begun, or there is none: ten seconds from the answer all the same. */
static void test_idle_just_answered(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 1;
    several(&f, 0, 2);
    f.r.profile.rtp = false;
    several(&f, 2, 3);
    f.r.profile.rtp = true;
    steps(&f, 69, 100);
    assert_int_equal(rig_records(&f.r), 3);
    rig_media(&f.r, INSIDE, 6002);
    steps(&f, 2, 100);
    assert_int_equal(rig_records(&f.r), 2);
    assert_true(open_at(&f, 6002));
    steps(&f, 30, 100);
    assert_int_equal(rig_records(&f.r), 1);
    assert_true(open_at(&f, 6002));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void retire(struct fixture *f, uint16_t port)
{
    mapping_retire(&f->r.mappings, &f->r.thread, handle_at(f, port).index);
    mapping_retire(&f->r.mappings, &f->r.thread, handle_at(f, (uint16_t)(port + 1)).index);
    rig_reap(&f->r);
    assert_false(open_at(f, port));
}

/* The public address changes: the mappings close under the call. */
static void test_silence_without_mappings(void **state)
{
    static const uint32_t keepalives[] = {0, 30};
    (void)state;
    for (size_t i = 0; i < COUNT(keepalives); i++) {
        struct fixture f;
        const char *why;
        uint32_t left;
        uint64_t limit_s = keepalives[i] ? keepalives[i] : 3600;
        set_up(&f);
        f.r.profile.call_keepalive_s = keepalives[i];
        call_up(&f);
        rig_wait(&f.r, 20000);
        rig_media(&f.r, INSIDE, 6000);
        rig_wait(&f.r, (limit_s - 20) * 1000); /* the timer fired and heard of it */
        retire(&f, 6000);
        only_state(&f, &why, &left);
        assert_string_equal(why, keepalives[i] ? "call-keepalive" : "silence");
        assert_int_equal(left, 20);
        steps(&f, 202, 100); /* now it is noticed, and counts from there */
        assert_string_equal(state_of(&f), "established");
        only_state(&f, &why, &left);
        assert_int_equal(left, limit_s);
        rig_wait(&f.r, (limit_s - 1) * 1000);
        assert_string_equal(state_of(&f), "established");
        steps(&f, 11, 100);
        assert_string_equal(state_of(&f), keepalives[i] ? "blocked" : "none");
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* A new offer gets new mappings, and the call goes on. */
static void test_new_mappings(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.call_keepalive_s = 30;
    call_up(&f);
    rig_wait(&f.r, 25000);
    retire(&f, 6000);
    request(&f, true, say("INVITE", 2, ours(6000)));
    assert_true(open_at(&f, 6000));
    respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
    request(&f, true, say("ACK", 2, NULL));
    rig_media(&f.r, INSIDE, 6000);
    assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 1);
    assert_ends_after(&f, 30000, "call-keepalive");
    assert_nothing_left(&f);
    tear_down(&f);
}

/* ... also when the address changes while the offer waits for its answer. */
static void test_new_mappings_for_a_copy(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, true, say("INVITE", 2, ours(6100)));
    retire(&f, 6100);
    request(&f, true, say("INVITE", 2, ours(6100)));
    assert_true(open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
    assert_true(open_at(&f, 6100) && !open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* What was heard on the old port counts when media move to a new one. */
static void test_silence_after_a_move(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.call_keepalive_s = 100;
    call_up(&f);
    rig_wait(&f.r, 95000);
    rig_media(&f.r, INSIDE, 6000);
    request(&f, true, say("INVITE", 2, ours(6100)));
    respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
    request(&f, true, say("ACK", 2, NULL));
    assert_false(open_at(&f, 6000));
    assert_ends_after(&f, 100000, "call-keepalive");
    tear_down(&f);
}

static void test_no_ack(void **state)
{
    static const bool described[] = {true, false};
    (void)state;
    for (size_t i = 0; i < COUNT(described); i++) {
        struct fixture f;
        const char *why;
        uint32_t left;
        set_up(&f);
        request(&f, true, first_say(described[i] ? ours(6000) : NULL));
        respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
        only_state(&f, &why, &left);
        assert_string_equal(why, "ack");
        assert_int_equal(left, 37);
        rig_wait(&f.r, 4000);
        respond(&f, false, 200, say("INVITE", 1, theirs(7000))); /* sent again */
        assert_ends_after(&f, 33000, "no-ack");
        assert_string_equal(state_of(&f), "none");
        assert_int_equal(rig_stats(&f.r).calls_established, 0);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* Media flow: the ACK went another way. */
static void test_no_ack_but_media(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    for (int i = 0; i < 20; i++) {
        rig_wait(&f.r, 5000);
        rig_media(&f.r, INSIDE, 6000);
    }
    assert_string_equal(state_of(&f), "answered");
    rig_wait(&f.r, 50000);
    assert_string_equal(state_of(&f), "none");
    assert_nothing_left(&f);
    tear_down(&f);
}

/* No media pass through here: an hour without signalling. */
static void test_silence_without_media(void **state)
{
    struct fixture f;
    const char *why;
    uint32_t left;
    (void)state;
    set_up(&f);
    f.r.profile.rtp = false;
    f.r.profile.call_keepalive_s = 100;
    call_up(&f);
    only_state(&f, &why, &left);
    assert_string_equal(why, "silence");
    assert_int_equal(left, 3600);
    rig_wait(&f.r, 3000 * 1000ull);
    request(&f, true, say("INFO", 5, NULL));
    assert_ends_after(&f, 3600 * 1000ull, "silence");
    assert_string_equal(state_of(&f), "none");
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A challenged BYE that is not sent again: Session-Expires holds as before. */
static void test_session_expires_after_a_challenged_bye(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say ok = say("INVITE", 1, theirs(7000));
    ok.more = "Session-Expires: 90\r\n";
    respond(&f, false, 200, ok);
    request(&f, true, say("ACK", 1, NULL));
    rig_wait(&f.r, 10000);
    request(&f, true, say("BYE", 2, NULL));
    assert_string_equal(state_of(&f), "ending");
    respond(&f, false, 401, say("BYE", 2, NULL));
    assert_string_equal(state_of(&f), "established");
    assert_ends_after(&f, 80000, "session-expires");
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Calls that are only remembered to be refused give way, the oldest first, to any new record. */
static void test_blocked_give_way(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.call_keepalive_s = 10;
    several(&f, 0, 20);
    rig_wait(&f.r, 30000);
    assert_int_equal(rig_records(&f.r), 20);
    assert_int_equal(rig_stats(&f.r).calls_active, 0);
    assert_int_equal(rig_reap(&f.r), 1); /* they hold nothing */
    struct say bye = say("BYE", 2, NULL);
    bye.call = "m0";
    assert_int_equal(request(&f, true, bye), ALG_DROP);
    f.r.profile.call_keepalive_s = 0;
    several(&f, 20, 40);
    assert_int_equal(rig_stats(&f.r).calls_active, 20);
    assert_int_equal(request(&f, true, bye), ALG_PASS); /* forgotten */
    bye.call = "m19";
    assert_int_equal(request(&f, true, bye), ALG_DROP);
    assert_nothing_left(&f);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocked_give_way),
        cmocka_unit_test(test_idle_check_and_bye),
        cmocka_unit_test(test_idle_check_is_handed_on),
        cmocka_unit_test(test_idle_check_and_reinvite),
        cmocka_unit_test(test_idle_just_answered),
        cmocka_unit_test(test_silence_without_mappings),
        cmocka_unit_test(test_new_mappings),
        cmocka_unit_test(test_new_mappings_for_a_copy),
        cmocka_unit_test(test_silence_after_a_move),
        cmocka_unit_test(test_no_ack),
        cmocka_unit_test(test_no_ack_but_media),
        cmocka_unit_test(test_silence_without_media),
        cmocka_unit_test(test_session_expires_after_a_challenged_bye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
