/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of both sides that cross on the way, and calls that several answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "calls.h"

static struct say by_b(const char *method, unsigned cseq, const char *sdp)
{
    struct say s = say(method, cseq, sdp);
    s.by_b = true;
    return s;
}

static struct say of_leg(const char *method, unsigned cseq, const char *tag, const char *sdp)
{
    struct say s = say(method, cseq, sdp);
    s.b_tag = tag;
    return s;
}

/* Both ask at once. What the inside party asked for is port 6100, what it has is 6000. */
static void cross(struct fixture *f, const char *method)
{
    set_up(f);
    call_up(f);
    request(f, true, say(method, 2, ours(6100)));
    request(f, false, by_b(method, 1, sdp_of("198.51.100.77", 7100, "a=sendonly\r\n")));
    assert_true(open_at(f, 6000) && open_at(f, 6100));
}

static void test_both_refused(void **state)
{
    static const char *const methods[] = {"INVITE", "UPDATE"};
    struct fixture f;
    (void)state;
    for (int order = 0; order < 4; order++) {
        const char *method = methods[order / 2];
        cross(&f, method);
        for (int i = 0; i < 2; i++) {
            if (i == order % 2)
                respond(&f, false, 491, say(method, 2, NULL));
            else
                respond(&f, true, 491, by_b(method, 1, NULL));
        }
        assert_true(open_at(&f, 6000) && !open_at(&f, 6100));
        /* Nobody is on hold: without call-keepalive an hour of silence ends the call. */
        assert_ends_after(&f, 3600 * 1000, "silence");
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

static void test_one_refused(void **state)
{
    static const char *const methods[] = {"INVITE", "UPDATE"};
    struct fixture f;
    (void)state;
    for (int i = 0; i < 4; i++) { /* ours is granted, before or after theirs was refused */
        const char *method = methods[i / 2];
        cross(&f, method);
        if (i % 2)
            respond(&f, true, 491, by_b(method, 1, NULL));
        respond(&f, false, 200, say(method, 2, theirs(7000)));
        assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
        if (!(i % 2))
            respond(&f, true, 491, by_b(method, 1, NULL));
        assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
        assert_nothing_left(&f);
        tear_down(&f);
    }
    for (int i = 0; i < 2; i++) { /* theirs is granted */
        cross(&f, methods[i]);
        respond(&f, false, 491, say(methods[i], 2, NULL));
        assert_true(open_at(&f, 6000) && !open_at(&f, 6100));
        respond(&f, true, 200, by_b(methods[i], 1, ours(6000)));
        assert_true(open_at(&f, 6000));
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* Against all rules both are granted: whatever the peers believe now, it is open. */
static void test_both_granted(void **state)
{
    struct fixture f;
    (void)state;
    cross(&f, "INVITE");
    respond(&f, true, 200, by_b("INVITE", 1, ours(6000)));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
    assert_true(open_at(&f, 6100));
    request(&f, true, say("INVITE", 3, ours(6200)));
    respond(&f, false, 200, say("INVITE", 3, theirs(7000)));
    assert_true(!open_at(&f, 6000) && !open_at(&f, 6100) && open_at(&f, 6200));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* The one that is called cannot begin the call anew, while it rings or when it is over. */
static void test_invite_of_the_callee(void **state)
{
    struct fixture f;
    uint32_t left_s;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 180, say("INVITE", 1, NULL));
    rig_wait(&f.r, 100 * 1000);
    request(&f, false, by_b("INVITE", 7, theirs(7000)));
    assert_string_equal(only_state(&f, NULL, &left_s), "early");
    assert_int_equal(left_s, 110);
    respond(&f, true, 491, by_b("INVITE", 7, NULL));
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    request(&f, true, say("ACK", 1, NULL));
    request(&f, true, say("BYE", 2, NULL));
    respond(&f, false, 200, say("BYE", 2, NULL));
    assert_string_equal(state_of(&f), "ended");
    request(&f, false, by_b("INVITE", 8, theirs(7000)));
    respond(&f, true, 200, by_b("INVITE", 8, ours(6200)));
    assert_string_equal(state_of(&f), "ended");
    assert_false(open_at(&f, 6200));
    assert_int_equal(rig_stats(&f.r).calls_attempted, 1);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A PRACK without media does not make the answer to an UPDATE forgotten. */
static void test_prack_beside_update(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 183, say("INVITE", 1, theirs(7000)));
    request(&f, true, say("UPDATE", 2, ours(6100)));
    request(&f, true, say("PRACK", 3, NULL));
    respond(&f, false, 200, say("PRACK", 3, NULL));
    respond(&f, false, 200, say("UPDATE", 2, theirs(7000)));
    assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
    /* A late copy of the UPDATE opens nothing. */
    request(&f, true, say("UPDATE", 2, ours(6300)));
    assert_false(open_at(&f, 6300));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A PBX inside forks: each of those that answer has media of its own. */
static void test_several_answer_inside(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, false, first_say(theirs(7000)));
    respond(&f, true, 180, of_leg("INVITE", 1, "one", NULL));
    respond(&f, true, 180, of_leg("INVITE", 1, "two", NULL));
    respond(&f, true, 200, of_leg("INVITE", 1, "one", ours(6000)));
    respond(&f, true, 200, of_leg("INVITE", 1, "two", ours(6100)));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, true, 200, of_leg("INVITE", 1, "two", ours(6200))); /* no copy, and no new leg */
    assert_false(open_at(&f, 6200));
    request(&f, false, of_leg("ACK", 1, "one", NULL));
    request(&f, false, of_leg("ACK", 1, "two", NULL));
    request(&f, false, of_leg("BYE", 2, "one", NULL));
    respond(&f, true, 200, of_leg("BYE", 2, "one", NULL));
    assert_string_equal(state_of(&f), "established");
    assert_true(open_at(&f, 6100));
    request(&f, false, of_leg("BYE", 2, "two", NULL));
    respond(&f, true, 200, of_leg("BYE", 2, "two", NULL));
    assert_string_equal(state_of(&f), "ended");
    rig_wait(&f.r, 5100);
    assert_false(open_at(&f, 6000) || open_at(&f, 6100));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Several 200s with an offer each: every ACK brings an answer. */
static void test_several_late_offers(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(NULL));
    respond(&f, false, 200, of_leg("INVITE", 1, "one", theirs(7000)));
    respond(&f, false, 200, of_leg("INVITE", 1, "two", theirs(7100)));
    request(&f, true, of_leg("ACK", 1, "one", ours(6000)));
    request(&f, true, of_leg("ACK", 1, "two", ours(6100)));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    request(&f, true, of_leg("ACK", 1, "two", ours(6200))); /* has had its answer */
    request(&f, true, of_leg("ACK", 1, "three", ours(6300)));
    assert_false(open_at(&f, 6200) || open_at(&f, 6300));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* An inside party that answers without end opens no more than there are legs. */
static void test_answers_without_end(void **state)
{
    struct fixture f;
    char tag[64][8];
    unsigned open = 0;
    (void)state;
    set_up(&f);
    request(&f, false, first_say(theirs(7000)));
    for (unsigned i = 0; i < 64; i++) {
        snprintf(tag[i], sizeof(tag[i]), "t%u", i);
        respond(&f, true, 200, of_leg("INVITE", 1, tag[i], ours(6000 + 10 * i)));
    }
    for (unsigned i = 0; i < 64; i++)
        open += open_at(&f, (uint16_t)(6000 + 10 * i));
    assert_int_equal(open, 6);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* CANCEL of a re-INVITE ends the re-INVITE, not the call. */
static void test_cancel_of_reinvite(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, true, say("INVITE", 2, ours(6100)));
    respond(&f, false, 100, say("INVITE", 2, NULL));
    request(&f, true, say("CANCEL", 2, NULL));
    respond(&f, false, 200, say("CANCEL", 2, NULL));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 487, say("INVITE", 2, NULL));
    request(&f, true, say("ACK", 2, NULL));
    assert_string_equal(state_of(&f), "established");
    assert_true(open_at(&f, 6000) && !open_at(&f, 6100));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Both hang up at once; whichever answers come, the call ends once. */
static void test_byes_cross(void **state)
{
    struct fixture f;
    (void)state;
    for (int answers = 0; answers < 4; answers++) {
        set_up(&f);
        call_up(&f);
        request(&f, true, say("BYE", 2, NULL));
        request(&f, false, by_b("BYE", 1, NULL));
        if (answers & 1)
            respond(&f, true, 481, by_b("BYE", 1, NULL));
        if (answers & 2)
            respond(&f, false, 200, say("BYE", 2, NULL));
        assert_string_equal(state_of(&f), answers & 2 ? "ended" : "ending");
        rig_wait(&f.r, answers & 2 ? 5100 : 32100);
        assert_string_equal(state_of(&f), "none");
        assert_int_equal(rig_events(&f.r, "dialog-ended"), 1);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_refused),        cmocka_unit_test(test_one_refused),
        cmocka_unit_test(test_both_granted),        cmocka_unit_test(test_invite_of_the_callee),
        cmocka_unit_test(test_prack_beside_update), cmocka_unit_test(test_several_answer_inside),
        cmocka_unit_test(test_several_late_offers), cmocka_unit_test(test_answers_without_end),
        cmocka_unit_test(test_cancel_of_reinvite),  cmocka_unit_test(test_byes_cross),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
