/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose messages end a call: tags that name no leg, strangers, copies of what is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"

/* From here on the outside speaks from this address. */
static void outside_is(struct fixture *f, const char *ip)
{
    f->r.outside = rig_endpoint(ip, 5060);
}

#define SERVER   "198.51.100.44"
#define STRANGER "198.51.100.66"

/* A request of the side that did not begin. */
static struct say by_b(const char *method, unsigned cseq, const char *tag)
{
    struct say s = say(method, cseq, NULL);
    s.by_b = true;
    s.b_tag = tag;
    return s;
}

static void test_bye_without_leg(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, false, by_b("BYE", 1, "wrong"));
    assert_string_equal(state_of(&f), "established");
    respond(&f, true, 481, by_b("BYE", 1, "wrong"));
    assert_string_equal(state_of(&f), "established");
    struct say out = say("BYE", 2, NULL);
    out.b_tag = "wrong";
    request(&f, true, out);
    respond(&f, false, 481, out);
    assert_string_equal(state_of(&f), "established");
    assert_true(open_at(&f, 6000));
    request(&f, false, by_b("BYE", 2, "b"));
    respond(&f, true, 200, by_b("BYE", 2, "b"));
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_bye_of_a_stranger(void **state)
{
    static const unsigned statuses[] = {481, 401, 500, 200};
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct fixture f;
        bool granted = statuses[i] == 200;
        set_up(&f);
        call_up(&f);
        outside_is(&f, STRANGER);
        request(&f, false, by_b("BYE", 1, "b"));
        assert_string_equal(state_of(&f), "established");
        respond(&f, true, statuses[i], by_b("BYE", 1, "b"));
        assert_string_equal(state_of(&f), granted ? "ended" : "established");
        rig_wait(&f.r, 5100);
        assert_int_equal(open_at(&f, 6000), !granted);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* An INVITE of a call that rings, from elsewhere: it is delivered, and whoever sent it is as
 * strange as before. */
static void test_invite_of_a_stranger(void **state)
{
    struct fixture f;
    struct say again = first_say(theirs(7100));
    (void)state;
    set_up(&f);
    request(&f, false, first_say(theirs(7000)));
    respond(&f, true, 183, say("INVITE", 1, ours(6000)));
    assert_string_equal(state_of(&f), "early");
    outside_is(&f, STRANGER);
    again.cseq = 2;
    assert_int_not_equal(request(&f, false, again), ALG_DROP);
    request(&f, false, say("CANCEL", 2, NULL));
    request(&f, false, say("CANCEL", 1, NULL));
    assert_string_equal(state_of(&f), "early");
    assert_true(open_at(&f, 6000));
    outside_is(&f, SERVER);
    request(&f, false, say("CANCEL", 1, NULL));
    assert_string_equal(state_of(&f), "cancelled");
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* The callee's own address, once the inside party has sent there: no proxy on the way any more. */
static void test_bye_of_the_callee_itself(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    outside_is(&f, "198.51.100.77");
    request(&f, true, say("ACK", 1, NULL));
    request(&f, false, by_b("BYE", 1, "b"));
    assert_string_equal(state_of(&f), "ending");
    assert_nothing_left(&f);
    tear_down(&f);
}

/* The answers to our BYE. */
static void test_answers_of_a_stranger(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    outside_is(&f, STRANGER);
    respond(&f, false, 486, say("INVITE", 1, NULL));
    respond(&f, false, 407, say("INVITE", 1, NULL));
    assert_string_equal(state_of(&f), "trying");
    outside_is(&f, SERVER);
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    request(&f, true, say("ACK", 1, NULL));

    request(&f, true, say("UPDATE", 2, ours(6100)));
    outside_is(&f, STRANGER);
    respond(&f, false, 488, say("UPDATE", 2, NULL));
    assert_true(open_at(&f, 6100));
    outside_is(&f, SERVER);
    respond(&f, false, 488, say("UPDATE", 2, NULL));
    assert_true(!open_at(&f, 6100) && open_at(&f, 6000));

    request(&f, true, say("BYE", 3, NULL));
    outside_is(&f, STRANGER);
    respond(&f, false, 401, say("BYE", 3, NULL));
    respond(&f, false, 200, say("BYE", 3, NULL));
    assert_string_equal(state_of(&f), "ending");
    outside_is(&f, SERVER);
    respond(&f, false, 200, say("BYE", 3, NULL));
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_cancel_of_a_stranger(void **state)
{
    struct fixture f;
    struct say cancel = first_say(NULL);
    cancel.method = "CANCEL";
    (void)state;
    set_up(&f);
    request(&f, false, first_say(theirs(7000)));
    respond(&f, true, 183, say("INVITE", 1, ours(6000)));
    outside_is(&f, STRANGER);
    request(&f, false, cancel);
    assert_true(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "early");
    outside_is(&f, SERVER);
    request(&f, false, cancel);
    assert_false(open_at(&f, 6000));
    respond(&f, true, 487, say("INVITE", 1, NULL));
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Six early forks fill the legs; the one that answers is a leg all the same. */
static void test_more_forks_than_legs(void **state)
{
    struct fixture f;
    char tag[8];
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say fork = say("INVITE", 1, NULL);
    fork.b_tag = tag;
    for (int i = 0; i < 8; i++) {
        snprintf(tag, sizeof(tag), "t%d", i);
        respond(&f, false, 180, fork);
    }
    fork.sdp = theirs(7000);
    respond(&f, false, 200, fork);
    struct say s = say("ACK", 1, NULL);
    s.b_tag = tag;
    request(&f, true, s);
    s = by_b("BYE", 1, tag);
    request(&f, false, s);
    respond(&f, true, 200, s);
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A late copy of a re-INVITE that was refused, and of other messages whose media are gone. */
static void test_copies_open_nothing(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, true, say("INVITE", 2, ours(6100)));
    respond(&f, false, 488, say("INVITE", 2, NULL));
    request(&f, true, say("ACK", 2, NULL));
    assert_false(open_at(&f, 6100));
    request(&f, true, say("INVITE", 2, ours(6100)));
    assert_false(open_at(&f, 6100));

    request(&f, true, say("UPDATE", 3, ours(6200)));
    respond(&f, false, 488, say("UPDATE", 3, NULL));
    request(&f, true, say("UPDATE", 3, ours(6200)));
    assert_false(open_at(&f, 6200));

    struct say re = by_b("INVITE", 1, "b"); /* they ask, we answer with 6300, then with 6400 */
    for (unsigned i = 1; i <= 2; i++) {
        re.cseq = i;
        re.sdp = theirs(7000);
        request(&f, false, re);
        re.sdp = ours(6200 + 100 * i);
        respond(&f, true, 200, re);
        re.method = "ACK";
        re.sdp = NULL;
        request(&f, false, re);
        re.method = "INVITE";
    }
    re.cseq = 1;
    re.sdp = ours(6300);
    respond(&f, true, 200, re);
    assert_true(!open_at(&f, 6300) && open_at(&f, 6400));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A copy of what stands names the same ports. */
static void test_copies_are_alike(void **state)
{
    struct fixture f;
    struct text before = {0};
    (void)state;
    set_up(&f);
    struct rig_phone phone = f.phone;
    f.phone = rig_phone(&f.r, "10.0.0.2", 5060, 40002);
    struct say s = first_say(sdp_of("10.0.0.2", 6000, NULL));
    request(&f, true, s); /* it has the public port 6000 */
    f.phone = phone;
    s.call = "other";
    s.sdp = ours(6000);
    request(&f, true, s);
    text_puts(&before, f.r.out);
    assert_null(strstr(before.p, "m=audio 6000 "));
    s.b_tag = "b";
    respond(&f, false, 200, s);
    s.b_tag = NULL;
    request(&f, true, s);
    assert_string_equal(f.r.out, before.p);
    assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 1);
    text_free(&before);
    tear_down(&f);
}

/* Behind somebody's NAT: who is heard stays it until the other party itself says otherwise. */
static void test_latch_of_a_stranger(void **state)
{
    (void)state;
    for (int restricted = 0; restricted < 2; restricted++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.hosted_nat_traversal = true;
        f.r.profile.hnt_restrict_source_ip = restricted;
        call_up(&f);
        struct mappings *ms = &f.r.mappings;
        struct mapping *m = rig_mapping(&f.r, INSIDE, 6000);
        assert_true(mapping_admits(ms, m, rig_endpoint(SERVER, 30000)));
        outside_is(&f, STRANGER);
        struct say update = by_b("UPDATE", 1, "b");
        update.sdp = theirs(7100);
        request(&f, false, update);
        assert_false(mapping_admits(ms, m, rig_endpoint(STRANGER, 30000)));
        assert_true(mapping_admits(ms, m, rig_endpoint(SERVER, 30000)));
        outside_is(&f, SERVER);
        update.cseq = 2;
        update.sdp = theirs(7200);
        request(&f, false, update);
        assert_true(mapping_admits(ms, m, rig_endpoint(SERVER, 30002)));
        assert_false(mapping_admits(ms, m, rig_endpoint(SERVER, 30000)));
        tear_down(&f);
    }
}

/* A 2xx of a stranger, who guessed the rest, does not bound the call; the real one does. */
static void test_bound_of_a_stranger(void **state)
{
    struct fixture f;
    const char *ends_by;
    uint32_t left_s;
    struct say real = first_say(theirs(7000)), forged = first_say(theirs(7000));
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    forged.b_tag = "x";
    forged.more = "Contact: <sip:x@198.51.100.66>\r\nSession-Expires: 90\r\n";
    outside_is(&f, STRANGER);
    respond(&f, false, 200, forged);
    real.b_tag = "b";
    real.more = "Contact: <sip:b@198.51.100.44>\r\nSession-Expires: 1800\r\n";
    outside_is(&f, SERVER);
    respond(&f, false, 200, real);
    request(&f, true, say("ACK", 1, NULL));
    assert_string_equal(only_state(&f, &ends_by, &left_s), "established");
    assert_string_equal(ends_by, "session-expires");
    assert_in_range(left_s, 1799, 1800);
    request(&f, true, say("BYE", 2, NULL));
    respond(&f, false, 200, say("BYE", 2, NULL));
    assert_nothing_left(&f);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bye_without_leg),
        cmocka_unit_test(test_bye_of_a_stranger),
        cmocka_unit_test(test_invite_of_a_stranger),
        cmocka_unit_test(test_bye_of_the_callee_itself),
        cmocka_unit_test(test_answers_of_a_stranger),
        cmocka_unit_test(test_cancel_of_a_stranger),
        cmocka_unit_test(test_more_forks_than_legs),
        cmocka_unit_test(test_copies_open_nothing),
        cmocka_unit_test(test_copies_are_alike),
        cmocka_unit_test(test_latch_of_a_stranger),
        cmocka_unit_test(test_bound_of_a_stranger),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
