/* SPDX-License-Identifier: BSD-3-Clause */
/* The media of calls: hold, moves, forks, ports that calls share, calls that cross the box twice.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"

static void test_hold(void **state)
{
    static const char *const holds[] = {"a=sendonly\r\n", "a=inactive\r\n", NULL};
    (void)state;
    for (size_t i = 0; i < COUNT(holds); i++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.call_keepalive_s = 100;
        call_up(&f);
        struct handle before = handle_at(&f, 6000);
        const char *sdp = holds[i] ? sdp_of(INSIDE, 6000, holds[i]) : sdp_of("0.0.0.0", 6000, NULL);
        request(&f, true, say("INVITE", 2, sdp));
        assert_non_null(strstr(f.r.out, "m=audio 6000 "));
        respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
        request(&f, true, say("ACK", 2, NULL));
        rig_wait(&f.r, 9 * 3600 * 1000ull);
        assert_true(open_at(&f, 6000));
        request(&f, true, say("INVITE", 3, ours(6000)));
        respond(&f, false, 200, say("INVITE", 3, theirs(7000)));
        request(&f, true, say("ACK", 3, NULL));
        struct handle after = handle_at(&f, 6000);
        assert_true(after.index == before.index && after.epoch == before.epoch);
        assert_ends_after(&f, 100000, "call-keepalive");
        tear_down(&f);
    }
}

static void test_hold_refused(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.call_keepalive_s = 100;
    call_up(&f);
    request(&f, true, say("INVITE", 2, sdp_of(INSIDE, 6000, "a=sendonly\r\n")));
    respond(&f, false, 488, say("INVITE", 2, NULL));
    rig_media(&f.r, INSIDE, 6000);
    assert_ends_after(&f, 100000, "call-keepalive");
    tear_down(&f);
}

static void test_media_moves(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, true, say("INVITE", 2, ours(6100)));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 488, say("INVITE", 2, NULL));
    assert_true(open_at(&f, 6000) && !open_at(&f, 6100));

    request(&f, true, say("INVITE", 3, ours(6100)));
    respond(&f, false, 180, say("INVITE", 3, NULL));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 3, theirs(7000)));
    assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 3, theirs(7000)));
    request(&f, true, say("ACK", 3, NULL));
    request(&f, true, first_say(ours(6000))); /* a copy of the first one, hours late */
    request(&f, true, say("ACK", 3, NULL));
    assert_true(open_at(&f, 6100));

    /* The other side asks, we answer with another port. */
    struct say theirs_say = say("INVITE", 1, theirs(7100));
    theirs_say.by_b = true;
    request(&f, false, theirs_say);
    theirs_say.sdp = ours(6200);
    respond(&f, true, 200, theirs_say);
    assert_true(!open_at(&f, 6100) && open_at(&f, 6200));
    theirs_say.method = "ACK";
    theirs_say.sdp = NULL;
    request(&f, false, theirs_say);

    /* UPDATE, refused and taken. */
    request(&f, true, say("UPDATE", 4, ours(6300)));
    respond(&f, false, 491, say("UPDATE", 4, NULL));
    assert_true(open_at(&f, 6200) && !open_at(&f, 6300));
    request(&f, true, say("UPDATE", 5, ours(6300)));
    respond(&f, false, 200, say("UPDATE", 5, theirs(7000)));
    assert_true(!open_at(&f, 6200) && open_at(&f, 6300));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_late_offer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(NULL));
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    request(&f, true, say("ACK", 1, ours(6000)));
    assert_true(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "established");

    /* The other side asks for our offer in a 2xx, and answers in its ACK. */
    struct say re = say("INVITE", 1, NULL);
    re.by_b = true;
    request(&f, false, re);
    re.sdp = ours(6100);
    respond(&f, true, 200, re);
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, true, 200, re);
    re.method = "ACK";
    re.sdp = theirs(7000);
    request(&f, false, re);
    assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Reliable early media: an answer in 183, an UPDATE before the 2xx, a 2xx without description. */
static void test_early_update(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 183, say("INVITE", 1, theirs(7000)));
    request(&f, true, say("PRACK", 2, NULL));
    respond(&f, false, 200, say("PRACK", 2, NULL));
    request(&f, true, say("UPDATE", 3, ours(6100)));
    respond(&f, false, 500, say("UPDATE", 3, NULL));
    assert_true(open_at(&f, 6000) && !open_at(&f, 6100));
    request(&f, true, say("UPDATE", 4, ours(6100)));
    respond(&f, false, 200, say("UPDATE", 4, theirs(7000)));
    assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 1, NULL));
    request(&f, true, say("ACK", 1, NULL));
    assert_true(open_at(&f, 6100));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_call_in(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, false, first_say(theirs(7000)));
    assert_int_equal(f.r.verdict, ALG_PASS);
    respond(&f, true, 180, say("INVITE", 1, NULL));
    assert_false(open_at(&f, 6000));
    struct say ok = say("INVITE", 1, ours(6000));
    ok.more = CONTACT;
    respond(&f, true, 200, ok);
    assert_non_null(strstr(f.r.out, "Contact: <sip:x@203.0.113.9:40000>"));
    assert_non_null(strstr(f.r.out, "c=IN IP4 203.0.113.9"));
    assert_true(open_at(&f, 6000));
    assert_int_equal(rig_owners(&f.r, INSIDE, 5060), 1);
    struct text first = {0};
    text_puts(&first, f.r.out);
    respond(&f, true, 200, ok);
    assert_string_equal(f.r.out, first.p);
    text_free(&first);
    assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 1);
    request(&f, false, say("ACK", 1, NULL));
    assert_string_equal(state_of(&f), "established");
    struct say bye = say("BYE", 1, NULL);
    bye.by_b = true;
    request(&f, true, bye);
    respond(&f, false, 200, bye);
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_forking(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say one = say("INVITE", 1, theirs(7000)), two = one;
    two.b_tag = "other";
    respond(&f, false, 183, one);
    respond(&f, false, 183, two);
    respond(&f, false, 200, one);
    respond(&f, false, 200, two);
    one.sdp = two.sdp = NULL;
    one.method = two.method = "ACK";
    request(&f, true, one);
    request(&f, true, two);
    assert_int_equal(rig_records(&f.r), 1);
    assert_int_equal(rig_stats(&f.r).calls_established, 1);
    one.method = two.method = "BYE";
    one.cseq = two.cseq = 2;
    request(&f, true, two);
    respond(&f, false, 200, two);
    assert_string_equal(state_of(&f), "established");
    assert_true(open_at(&f, 6000));
    request(&f, true, one);
    respond(&f, false, 200, one);
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_shared_port(void **state)
{
    struct fixture f;
    char call[20][8];
    (void)state;
    set_up(&f);
    for (int i = 0; i < 20; i++) {
        snprintf(call[i], sizeof(call[i]), "n%d", i);
        struct say s = first_say(ours(6000));
        s.call = call[i];
        request(&f, true, s);
        s.b_tag = "b";
        s.sdp = theirs((unsigned)(7000 + 2 * i));
        respond(&f, false, 200, s);
        s.method = "ACK";
        s.sdp = NULL;
        request(&f, true, s);
    }
    assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 20);
    assert_int_equal(rig_owners(&f.r, INSIDE, 6001), 20);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(open_at(&f, 6000));
        struct say s = say("BYE", 2, NULL);
        s.call = call[i];
        request(&f, true, s);
        respond(&f, false, 200, s);
        rig_wait(&f.r, 5100);
        assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 19 - i);
        assert_int_equal(rig_stats(&f.r).calls_active, 19 - i);
    }
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Phone one calls phone two through an outside proxy: the same dialog crosses the box twice. */
static void test_hairpin(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    struct rig_phone one = f.phone, two = rig_phone(&f.r, "10.0.0.2", 5060, 40002);
    request(&f, true, first_say(ours(6000)));
    f.phone = two;
    request(&f, false, first_say(sdp_of("203.0.113.9", 6000, NULL)));
    assert_int_equal(rig_records(&f.r), 2);
    respond(&f, true, 200, say("INVITE", 1, sdp_of("10.0.0.2", 6000, NULL)));
    assert_non_null(strstr(f.r.out, "c=IN IP4 203.0.113.9"));
    assert_null(strstr(f.r.out, "m=audio 6000 ")); /* the first phone has that one */
    f.phone = one;
    respond(&f, false, 200, say("INVITE", 1, sdp_of("203.0.113.9", 8000, NULL)));
    request(&f, true, say("ACK", 1, NULL));
    f.phone = two;
    request(&f, false, say("ACK", 1, NULL));
    assert_int_equal(rig_stats(&f.r).calls_established, 2);
    request(&f, false, say("BYE", 2, NULL));
    respond(&f, true, 200, say("BYE", 2, NULL));
    rig_wait(&f.r, 6000);
    assert_int_equal(rig_records(&f.r), 1);
    assert_non_null(rig_mapping(&f.r, INSIDE, 6000));
    assert_null(rig_mapping(&f.r, "10.0.0.2", 6000));
    tear_down(&f);
}

/* The same host calls itself through the proxy. */
static void test_hairpin_to_itself(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    request(&f, false, first_say(sdp_of("203.0.113.9", 6000, NULL)));
    assert_int_equal(rig_records(&f.r), 2);
    respond(&f, true, 200, say("INVITE", 1, ours(6100)));
    respond(&f, false, 200, say("INVITE", 1, sdp_of("203.0.113.9", 6100, NULL)));
    request(&f, true, say("ACK", 1, NULL));
    request(&f, false, say("ACK", 1, NULL));
    assert_int_equal(rig_stats(&f.r).calls_established, 2);
    request(&f, true, say("BYE", 2, NULL));
    request(&f, false, say("BYE", 2, NULL));
    respond(&f, true, 200, say("BYE", 2, NULL));
    respond(&f, false, 200, say("BYE", 2, NULL));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Media on the port of signalling: the phone keeps its mapping when such a call ends. */
static void test_signalling_port(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    for (int i = 0; i < 2; i++) {
        struct say invite = first_say(ours(5060));
        invite.call = i ? "c2" : "c1";
        invite.more = i ? CONTACT : NULL;
        assert_int_equal(request(&f, true, invite), ALG_REPLACE);
        assert_non_null(strstr(f.r.out, "m=audio 40000 "));
        assert_int_equal(rig_owners(&f.r, INSIDE, 5060), i + 1); /* with a Contact or without */
        assert_null(rig_mapping(&f.r, INSIDE, 5061));
        invite.b_tag = "b";
        invite.sdp = NULL;
        respond(&f, false, 486, invite);
        rig_reap(&f.r);
        assert_non_null(rig_mapping(&f.r, INSIDE, 5060));
    }
    assert_nothing_left(&f);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_refused),
        cmocka_unit_test(test_media_moves),
        cmocka_unit_test(test_late_offer),
        cmocka_unit_test(test_early_update),
        cmocka_unit_test(test_call_in),
        cmocka_unit_test(test_forking),
        cmocka_unit_test(test_shared_port),
        cmocka_unit_test(test_hairpin),
        cmocka_unit_test(test_hairpin_to_itself),
        cmocka_unit_test(test_signalling_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
