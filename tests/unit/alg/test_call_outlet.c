/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a call lets its inside party send SIP: from when, to whom, by what, and until when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"
#include "sessions/outlet.h"

#define SERVER "198.51.100.44"
#define CALLER "198.51.100.66"
#define PROXY  "198.51.100.70"
#define EXT    "203.0.113.10"

static struct outlet_way way(const char *ip, uint16_t port)
{
    return (struct outlet_way){.inside = ip_addr_of4(rig_endpoint(INSIDE, 0).ip),
                               .remote = ip_addr_of4(rig_endpoint(ip, 0).ip),
                               .port = be16_of(port),
                               .inside_port = be16_of(5060),
                               .zone = 1,
                               .outside_ifindex = 2};
}

static bool leads(struct fixture *f, const char *ip, uint16_t port)
{
    const struct outlet_way w = way(ip, port);
    struct outlet_call how;
    if (!outlet_find_call(&f->r.mappings, &w, &how))
        return false;
    assert_int_equal(how.policy_id, f->r.policy_id);
    assert_true(endpoint_eq(how.public_side, f->phone.public_side));
    return true;
}

static struct say with(struct say s, const char *more)
{
    s.more = more;
    return s;
}

/* A PBX behind a virtual IP is called. */
static void called(struct fixture *f, const char *contact)
{
    set_up(f);
    f->r.policy_id = 7;
    f->phone = rig_server(&f->r, INSIDE, EXT, 5060);
    request(f, false, with(first_say(theirs(7000)), contact));
    assert_false(leads(f, SERVER, 5060)); /* it has not said a word */
}

static void test_life(void **state)
{
    static const char contact[] = "Contact: <sip:z@" CALLER ":5070>\r\n"
                                  "Record-Route: <sip:" PROXY ";lr>\r\n";
    struct fixture f;
    (void)state;
    called(&f, contact);
    respond(&f, true, 100, say("INVITE", 1, NULL));
    assert_false(leads(&f, SERVER, 5060));
    respond(&f, true, 180, with(say("INVITE", 1, NULL), CONTACT));
    assert_true(leads(&f, SERVER, 5060) && leads(&f, CALLER, 5070) && leads(&f, PROXY, 5060));
    assert_false(leads(&f, CALLER, 5060) || leads(&f, SERVER, 5070));
    respond(&f, true, 200, with(say("INVITE", 1, ours(6000)), CONTACT));
    request(&f, false, say("ACK", 1, NULL));
    /* By another policy and another public side from here on. */
    f.r.policy_id = 8;
    f.phone.public_side = rig_endpoint("203.0.113.11", 5080);
    struct say update = say("UPDATE", 2, NULL);
    update.by_b = true;
    request(&f, true, with(update, CONTACT));
    assert_true(leads(&f, SERVER, 5060) && leads(&f, CALLER, 5070));
    rig_wait(&f.r, 1000 * 1000);
    assert_true(leads(&f, SERVER, 5060));
    request(&f, false, say("BYE", 3, NULL));
    respond(&f, true, 200, say("BYE", 3, NULL));
    assert_true(leads(&f, SERVER, 5060)); /* the answer may be lost */
    rig_wait(&f.r, 60 * 1000);
    assert_false(leads(&f, SERVER, 5060) || leads(&f, CALLER, 5070) || leads(&f, PROXY, 5060));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* What is named only: a port that anybody may use, by UDP. */
static void test_named(void **state)
{
    static const struct {
        const char *contact, *ip;
        uint16_t port;
        bool leads;
    } rows[] = {
        {"Contact: <sip:z@" CALLER ">\r\n", CALLER, 5060, true},
        {"Contact: <sip:z@" CALLER ";transport=UDP>\r\n", CALLER, 5060, true},
        {"Contact: <sip:z@" CALLER ";transport=tcp>\r\n", CALLER, 5060, false},
        {"Contact: <sips:z@" CALLER ":5061>\r\n", CALLER, 5061, false},
        {"Contact: <sip:z@" CALLER ":53>\r\n", CALLER, 53, false},
        {"Contact: <sip:z@" CALLER ":1024>\r\n", CALLER, 1024, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int open = 0; open < 2; open++) {
            struct fixture f;
            called(&f, rows[i].contact);
            f.r.profile.open_contact_pinhole = open;
            request(&f, false, with(say("INVITE", 1, theirs(7000)), rows[i].contact));
            respond(&f, true, 200, with(say("INVITE", 1, ours(6000)), CONTACT));
            assert_true(leads(&f, SERVER, 5060));
            assert_int_equal(leads(&f, rows[i].ip, rows[i].port), open && rows[i].leads);
            assert_nothing_left(&f);
            tear_down(&f);
        }
}

/* The latest few: a far side that is somewhere else each time holds no more than those. */
static void test_few(void **state)
{
    struct fixture f;
    (void)state;
    called(&f, NULL);
    respond(&f, true, 200, with(say("INVITE", 1, ours(6000)), CONTACT));
    request(&f, false, say("ACK", 1, NULL));
    for (uint16_t i = 0; i < 20; i++) {
        f.r.outside = rig_endpoint(SERVER, (uint16_t)(20000 + i));
        respond(&f, true, 200, say("OPTIONS", 2u + i, NULL));
        unsigned n = 0;
        for (uint16_t k = 0; k <= i; k++)
            n += leads(&f, SERVER, (uint16_t)(20000 + k));
        assert_true(leads(&f, SERVER, (uint16_t)(20000 + i)));
        assert_true(n <= 4);
    }
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A call that is refused, one that silence blocks for an hour, one that an operator clears, and
 * what is no call: nothing leads out. */
static void test_no_call(void **state)
{
    struct fixture f;
    (void)state;
    called(&f, NULL);
    respond(&f, true, 486, say("INVITE", 1, NULL));
    assert_false(leads(&f, SERVER, 5060));
    tear_down(&f);

    called(&f, NULL);
    f.r.profile.call_keepalive_s = 30;
    respond(&f, true, 200, with(say("INVITE", 1, ours(6000)), CONTACT));
    request(&f, false, say("ACK", 1, NULL));
    assert_true(leads(&f, SERVER, 5060));
    rig_wait(&f.r, 60 * 1000);
    assert_string_equal(state_of(&f), "blocked");
    assert_false(leads(&f, SERVER, 5060));
    assert_nothing_left(&f);
    tear_down(&f);

    set_up(&f);
    struct say s = say("SUBSCRIBE", 1, NULL);
    s.b_tag = NULL;
    request(&f, true, with(s, CONTACT "Expires: 600\r\n"));
    respond(&f, false, 200, with(say("SUBSCRIBE", 1, NULL), "Expires: 600\r\n"));
    assert_false(leads(&f, SERVER, 5060));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_no_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
