/* SPDX-License-Identifier: BSD-3-Clause */
/* Pinholes for Via and Record-Route, the share of media that one host may have, and addresses in
 * P-Charging-Vector. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"

static bool open_sip(struct fixture *f, uint16_t port)
{
    rig_reap(&f->r);
    const struct mapping *m = rig_mapping(&f->r, INSIDE, port);
    return m && m->kind == MAPPING_SIGNALLING;
}

static const char via_elsewhere[] = "OPTIONS sip:b@example.net SIP/2.0\r\n"
                                    "Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1\r\n"
                                    "From: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\n"
                                    "Call-ID: v\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

/* Responses come where Via says, for as long as there may be some. */
static void test_via(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.open_via_pinhole = on;
        assert_int_equal(rig_send(&f.r, &f.phone, true, slice_str(via_elsewhere)), ALG_REPLACE);
        assert_int_equal(open_sip(&f, 5070), on);
        assert_non_null(strstr(f.r.out, on ? "Via: SIP/2.0/UDP 203.0.113.9:5070;"
                                           : "Via: SIP/2.0/UDP 203.0.113.9:40000;"));
        if (on) {
            struct mappings *ms = &f.r.mappings;
            struct mapping *m = rig_mapping(&f.r, INSIDE, 5070);
            assert_true(mapping_admits(ms, m, f.r.outside));
            assert_false(mapping_admits(ms, m, rig_endpoint("192.0.2.1", 5060)));
            char first[RIG_ROOM];
            memcpy(first, f.r.out, f.r.out_n + 1);
            rig_send(&f.r, &f.phone, true, slice_str(via_elsewhere));
            assert_string_equal(f.r.out, first);
        }
        assert_nothing_left(&f);
        assert_false(open_sip(&f, 5070));
        tear_down(&f);
    }
}

/* Without translation the port is opened as well: the other side could not come to it either. */
static void test_via_as_it_is(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        struct fixture f;
        rig_init(&f.r, 128, 32);
        f.r.public_ip = 0;
        f.phone = rig_phone(&f.r, INSIDE, 5060, 0);
        f.r.profile.open_via_pinhole = on;
        assert_int_equal(rig_send(&f.r, &f.phone, true, slice_str(via_elsewhere)), ALG_PASS);
        assert_int_equal(open_sip(&f, 5070), on);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* A message sent again opens nothing more and is the same, whatever asked for a port first. */
static void test_sent_again(void **state)
{
    static const char *const heads[] = {
        "Route: <sip:10.0.0.1:5090;lr>\r\nRecord-Route: <sip:10.0.0.1:5090;lr>\r\n",
        "Record-Route: <sip:10.0.0.1:5090;lr>\r\nContact: <sip:a@10.0.0.1:5072>\r\n",
        "Refer-To: <sip:a@10.0.0.1:5070>\r\n",
        "Contact: <sip:a@10.0.0.1:5070>\r\n",
    };
    static const char *const methods[] = {"INVITE", "REFER", "UPDATE"};
    (void)state;
    for (size_t i = 0; i < COUNT(heads); i++)
        for (size_t k = 0; k < COUNT(methods); k++) {
            struct fixture f;
            char text[600], first[RIG_ROOM];
            const char *method = methods[k];
            set_up(&f);
            f.r.profile.nat_port_first = 20000;
            f.r.profile.open_via_pinhole = f.r.profile.open_record_route_pinhole = true;
            for (uint16_t port = 5070; port < 5100; port++) {
                rig_phone(&f.r, "10.0.0.9", port, port);
                f.r.n_flows = 1;
            }
            snprintf(text, sizeof(text),
                     "%s sip:b@example.net SIP/2.0\r\nFrom: <sip:a@10.0.0.1:5070>;tag=a\r\n%s"
                     "To: <sip:b@example.net>\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1\r\n"
                     "Call-ID: c1\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
                     method, heads[i], method);
            assert_int_equal(rig_send(&f.r, &f.phone, true, slice_str(text)), ALG_REPLACE);
            memcpy(first, f.r.out, f.r.out_n + 1);
            assert_null(strstr(first, ":5070")); /* whichever line names it */
            assert_null(strstr(first, ":5090"));
            rig_send(&f.r, &f.phone, true, slice_str(text));
            assert_string_equal(f.r.out, first);
            tear_down(&f);
        }
}

/* What ends a call that nobody knows opens nothing, and stands in no later call's way. */
static void test_via_of_an_end(void **state)
{
    static const char *const methods[] = {"BYE", "ACK", "CANCEL"};
    (void)state;
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct fixture f;
        char text[600];
        set_up(&f);
        f.r.profile.open_via_pinhole = f.r.profile.open_contact_pinhole = true;
        snprintf(text, sizeof(text),
                 "%s sip:b@example.net SIP/2.0\r\n"
                 "Via: SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1\r\n"
                 "From: <sip:a@example.net>;tag=a\r\nTo: <sip:b@example.net>;tag=b\r\n"
                 "Contact: <sip:a@10.0.0.1:5072>\r\n"
                 "Call-ID: c1\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
                 methods[i], methods[i]);
        assert_int_equal(rig_send(&f.r, &f.phone, true, slice_str(text)), ALG_REPLACE);
        assert_int_equal(rig_records(&f.r), 0);
        assert_false(open_sip(&f, 5070) || open_sip(&f, 5072));
        call_up(&f);
        assert_string_equal(state_of(&f), "established");
        rig_wait(&f.r, 60000);
        assert_true(open_at(&f, 6000));
        assert_nothing_left(&f);
        assert_int_equal(rig_stats(&f.r).calls_active, 0);
        tear_down(&f);
    }
}

/* Never a small port, another host's, nor for what goes through. */
static void test_via_refused(void **state)
{
    static const char *const hosts[] = {"10.0.0.1:80", "10.0.0.9:5070", "203.0.113.9:5070",
                                        "pc.lan:5070"};
    (void)state;
    for (size_t i = 0; i < COUNT(hosts); i++) {
        struct fixture f;
        char text[600];
        set_up(&f);
        f.r.profile.open_via_pinhole = true;
        snprintf(text, sizeof(text),
                 "OPTIONS sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK1\r\n"
                 "From: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\n"
                 "Call-ID: v\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
                 hosts[i]);
        rig_send(&f.r, &f.phone, true, slice_str(text));
        assert_int_equal(rig_reap(&f.r), 1);
        tear_down(&f);
    }
}

/* A proxy inside wants the requests of the dialog on another port than it sends from. */
static void test_record_route(void **state)
{
    (void)state;
    for (int on = 0; on < 2; on++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.open_record_route_pinhole = on;
        struct say invite = first_say(ours(6000));
        invite.more = "Record-Route: <sip:10.0.0.1:5090;lr>\r\n";
        request(&f, true, invite);
        assert_int_equal(open_sip(&f, 5090), on);
        if (on)
            assert_non_null(strstr(f.r.out, "Record-Route: <sip:203.0.113.9:5090;lr>"));
        respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
        request(&f, true, say("ACK", 1, NULL));
        rig_wait(&f.r, 600000);
        assert_int_equal(open_sip(&f, 5090), on); /* as long as the call */
        request(&f, true, say("BYE", 2, NULL));
        respond(&f, false, 200, say("BYE", 2, NULL));
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* One host cannot take all places for media: another one still gets some. */
static void test_host_share(void **state)
{
    struct fixture f;
    enum alg_verdict verdict = ALG_REPLACE;
    unsigned calls = 0;
    (void)state;
    rig_init(&f.r, 4096, 32);
    f.phone = rig_phone(&f.r, INSIDE, 5060, 40000);
    while (verdict != ALG_DROP && calls < 32) {
        char call[16], sdp[700];
        size_t n = (size_t)snprintf(sdp, sizeof(sdp),
                                    "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\n"
                                    "t=0 0\r\n");
        for (unsigned i = 0; i < 16; i++)
            n += (size_t)snprintf(sdp + n, sizeof(sdp) - n, "m=audio %u RTP/AVP 0\r\n",
                                  10000 + 40 * calls + 2 * i);
        snprintf(call, sizeof(call), "m%u", calls);
        struct say s = first_say(sdp);
        s.call = call;
        verdict = request(&f, true, s);
        calls += verdict != ALG_DROP;
    }
    assert_int_equal(verdict, ALG_DROP);
    assert_int_equal(f.r.reason, ALG_REASON_SIP_MEDIA_HOST);
    assert_in_range(calls, 4, 31);
    struct rig_phone first = f.phone;
    f.phone = rig_phone(&f.r, "10.0.0.2", 5060, 40002);
    struct say s = first_say(sdp_of("10.0.0.2", 6000, NULL));
    assert_int_equal(request(&f, true, s), ALG_REPLACE);
    assert_non_null(rig_mapping(&f.r, "10.0.0.2", 6000));
    f.phone = first;
    rig_wait(&f.r, 13 * 3600 * 1000ull);
    assert_int_equal(rig_records(&f.r), 0);
    assert_int_equal(rig_reap(&f.r), 2);
    s = first_say(ours(6000));
    s.call = "again";
    assert_int_equal(request(&f, true, s), ALG_REPLACE);
    tear_down(&f);
}

static void test_charging(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"icid-value=\"a;icid-generated-at=10.0.0.1\";icid-generated-at=10.0.0.1;orig-ioi=x.net",
         "icid-value=\"a;icid-generated-at=10.0.0.1\";icid-generated-at=203.0.113.9;orig-ioi=x."
         "net"},
        {"icid-value=1;icid-generated-at=10.0.0.9", "icid-value=1;icid-generated-at=10.0.0.9"},
        {"icid-value=1;icid-generated-at=pc.lan", "icid-value=1;icid-generated-at=pc.lan"},
        {"icid-value=1;ICID-Generated-At=10.0.0.1", "icid-value=1;ICID-Generated-At=203.0.113.9"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        char line[200];
        set_up(&f);
        struct say s = say("OPTIONS", 1, NULL);
        s.b_tag = NULL;
        snprintf(line, sizeof(line), "P-Charging-Vector: %s\r\n", rows[i].before);
        s.more = line;
        request(&f, true, s);
        assert_non_null(strstr(f.r.out, rows[i].after));
        snprintf(line, sizeof(line), "P-Charging-Vector: %s\r\n", rows[i].after);
        respond(&f, false, 200, s);
        assert_non_null(strstr(f.r.out, rows[i].before));
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_via),           cmocka_unit_test(test_via_refused),
        cmocka_unit_test(test_via_as_it_is),  cmocka_unit_test(test_sent_again),
        cmocka_unit_test(test_via_of_an_end), cmocka_unit_test(test_record_route),
        cmocka_unit_test(test_host_share),    cmocka_unit_test(test_charging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
