/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is let in because of a call: addresses that the mapping was not opened for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"

#define SERVER  "198.51.100.44"
#define GATEWAY "198.51.100.9"
#define CALLER  "198.51.100.66"
#define PROXY   "198.51.100.70"
#define FAR     "198.51.100.71"

static bool admits(struct fixture *f, uint16_t port, const char *ip)
{
    struct mapping *m = rig_mapping(&f->r, INSIDE, port);
    assert_non_null(m);
    return mapping_admits(&f->r.mappings, m, rig_endpoint(ip, 5060));
}

static struct say with(struct say s, const char *more)
{
    s.more = more;
    return s;
}

/* The mapping was opened for the registrar; the call goes to a gateway, which hangs up later. */
static void test_called_elsewhere(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.outside = rig_endpoint(GATEWAY, 5060);
    assert_false(admits(&f, 5060, GATEWAY));
    call_up(&f);
    assert_true(admits(&f, 5060, GATEWAY));
    assert_true(admits(&f, 5060, SERVER));
    assert_false(admits(&f, 5060, CALLER));
    tear_down(&f);
}

/* A call brought by the server; the caller itself sends ACK and BYE. */
static void test_caller_directly(void **state)
{
    static const char contact[] = "Contact: <sip:z@" CALLER ":5070>\r\n";
    static const unsigned too_little[] = {100, 302, 486};
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, false, with(first_say(theirs(7000)), contact));
    assert_false(admits(&f, 5060, CALLER)); /* the phone has not said a word */
    for (size_t i = 0; i < COUNT(too_little); i++) {
        struct fixture other;
        set_up(&other);
        request(&other, false, with(first_say(theirs(7000)), contact));
        respond(&other, true, too_little[i], say("INVITE", 1, NULL));
        assert_false(admits(&other, 5060, CALLER));
        tear_down(&other);
    }
    respond(&f, true, 180, with(say("INVITE", 1, NULL), CONTACT));
    assert_true(admits(&f, 5060, CALLER));
    tear_down(&f);

    set_up(&f);
    f.r.profile.open_contact_pinhole = false;
    request(&f, false, with(first_say(theirs(7000)), contact));
    respond(&f, true, 200, with(say("INVITE", 1, ours(6000)), CONTACT));
    assert_false(admits(&f, 5060, CALLER));
    tear_down(&f);
}

/* The nearest proxy is the first of a request, the last of a response. */
static void test_nearest_proxy(void **state)
{
    static const char routes[] = "Record-Route: <sip:" PROXY ";lr>, <sip:p.example.net;lr>\r\n"
                                 "Record-Route: <sip:" FAR ";lr>\r\n";
    struct fixture f;
    (void)state;
    for (int outward = 0; outward < 2; outward++) {
        set_up(&f);
        if (outward) {
            request(&f, true, with(first_say(ours(6000)), CONTACT));
            respond(&f, false, 302, with(say("INVITE", 1, NULL), routes));
            assert_false(admits(&f, 5060, FAR));
            respond(&f, false, 183, with(say("INVITE", 1, NULL), routes));
        } else {
            request(&f, false, with(first_say(theirs(7000)), routes));
            respond(&f, true, 180, say("INVITE", 1, NULL));
        }
        assert_int_equal(admits(&f, 5060, PROXY), !outward);
        assert_int_equal(admits(&f, 5060, FAR), outward);
        tear_down(&f);
    }
}

/* A contact on a port of its own is for the other party, not for the world. */
static void test_foreign_port(void **state)
{
    static const struct {
        const char *method;
        bool strict;
    } rows[] = {{"INVITE", true},   {"INVITE", false},  {"SUBSCRIBE", true},
                {"OPTIONS", false}, {"MESSAGE", false}, {"SUBSCRIBE", false}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.strict_register = rows[i].strict;
        struct say s = say(rows[i].method, 1, NULL);
        s.b_tag = NULL;
        request(&f, true, with(s, "Contact: <sip:x@10.0.0.1:5353>\r\nExpires: 600\r\n"));
        assert_true(admits(&f, 5353, SERVER));
        assert_false(admits(&f, 5353, CALLER));
        if (i < 3) {
            /* Where the answer says that it is, it is let in. */
            respond(&f, false, 200,
                    with(say(rows[i].method, 1, NULL),
                         "Contact: <sip:z@" CALLER ">\r\nExpires: 600\r\n"));
            assert_true(admits(&f, 5353, CALLER));
        }
        assert_false(admits(&f, 5353, FAR));
        tear_down(&f);
    }

    struct fixture f;
    set_up(&f);
    f.r.profile.strict_register = false;
    struct say s = say("REGISTER", 1, NULL);
    s.b_tag = NULL;
    request(&f, true, with(s, "Contact: <sip:x@10.0.0.1:5353>\r\nExpires: 600\r\n"));
    assert_true(admits(&f, 5353, FAR));
    tear_down(&f);
}

/* Places are kept for the address that the other side named for its media. */
static void test_media_places(void **state)
{
    struct fixture f;
    be32 media = rig_endpoint("198.51.100.77", 0).ip;
    (void)state;
    set_up(&f);
    call_up(&f);
    assert_true(mapping_knows(&f.r.mappings, rig_mapping(&f.r, INSIDE, 6000), media));
    assert_true(mapping_knows(&f.r.mappings, rig_mapping(&f.r, INSIDE, 6001), media));
    assert_false(mapping_knows(&f.r.mappings, rig_mapping(&f.r, INSIDE, 5060), media));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_called_elsewhere), cmocka_unit_test(test_caller_directly),
        cmocka_unit_test(test_nearest_proxy),    cmocka_unit_test(test_foreign_port),
        cmocka_unit_test(test_media_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
