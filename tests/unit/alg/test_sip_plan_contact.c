/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * contact-fixup and register-contact-trace: messages before and after. The phone 10.0.0.1:5060 is
 * 203.0.113.9:40000 outside, its neighbour 10.0.0.2:5060 is 203.0.113.9:40002, 10.0.0.3 is nobody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "rows.h"

#define PUB   "203.0.113.9:40000"
#define OTHER "203.0.113.9:40002"
#define NEXT  "10.0.0.2:5060"
#define RR    "Record-Route: <sip:198.51.100.44;lr>\r\n"

struct fixture {
    struct rig r;
    struct rig_phone phone;
};

static void set_up(struct fixture *f)
{
    rig_init(&f->r, 64, 16);
    rig_phone(&f->r, "10.0.0.2", 5060, 40002);
    f->phone = rig_phone(&f->r, "10.0.0.1", 5060, 40000);
}

/* Whether the Contact of a message is edited: by setting, way, mark of the interface and proxy. */
static void test_leaves_contact(void **state)
{
    static const struct {
        bool fixup, external;
        enum way way;
        bool proxy, edited;
    } rows[] = {
        {true, true, IN, true, true},    {true, true, IN, false, true},
        {true, false, IN, true, true},   {true, false, IN, false, true},
        {false, true, IN, true, false},  {false, true, IN, false, true},
        {false, false, IN, true, true},  {false, false, IN, false, true},
        {true, true, OUT, true, true},   {true, true, OUT, false, true},
        {true, false, OUT, true, true},  {true, false, OUT, false, true},
        {false, true, OUT, true, true},  {false, true, OUT, false, true},
        {false, false, OUT, true, true}, {false, false, OUT, false, true},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int answer = 0; answer < 2; answer++) {
            static const char *const forms[] = {OPTIONS(VIA_OUT "Contact: <sip:x@%s>\r\n%s"),
                                                OPTIONS_OK(VIA_OUT "%s"
                                                                   "m: <sip:x@%s>\r\n")};
            struct fixture f;
            char what[32], text[2][512];
            set_up(&f);
            f.r.profile.contact_fixup = rows[i].fixup;
            f.r.external = rows[i].external;
            const char *at = rows[i].way == OUT ? "10.0.0.1:5060" : PUB;
            const char *to = rows[i].way == OUT ? PUB : "10.0.0.1:5060";
            const char *after = rows[i].edited ? to : at, *proxy = rows[i].proxy ? RR : "";
            snprintf(text[0], sizeof(text[0]), forms[answer], answer ? proxy : at,
                     answer ? at : proxy);
            snprintf(text[1], sizeof(text[1]), forms[answer], answer ? proxy : after,
                     answer ? after : proxy);
            snprintf(what, sizeof(what), "row %zu, %s", i, answer ? "response" : "request");
            row_check(&f.r, &f.phone, &(struct row){what, rows[i].way, text[0], text[1]});
            rig_free(&f.r);
        }
}

/* Only Contact stays: everything else of such a message is as ever. */
static void test_leaves_the_rest(void **state)
{
    static const struct row rows[] = {
        {"a request by a proxy", IN,
         "OPTIONS sip:x@" PUB " SIP/2.0\r\n" VIA_IN RR REST "CSeq: 1 OPTIONS\r\n"
         "Contact: <sip:x@" PUB ">\r\nRoute: <sip:" PUB ";lr>\r\nReferred-By: <sip:" PUB
         ">\r\n\r\n",
         "OPTIONS sip:x@10.0.0.1:5060 SIP/2.0\r\n" VIA_IN RR REST "CSeq: 1 OPTIONS\r\n"
         "Contact: <sip:x@" PUB ">\r\nRoute: <sip:10.0.0.1:5060;lr>\r\n"
         "Referred-By: <sip:10.0.0.1:5060>\r\n\r\n"},
        {"an answer by a proxy", IN,
         OPTIONS_OK("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK1\r\n" RR "m: <sip:x@" PUB ">, sip:" PUB
                    "\r\n"),
         OPTIONS_OK("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1\r\n" RR "m: <sip:x@" PUB
                    ">, sip:" PUB "\r\n")},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.contact_fixup = false;
    f.r.external = true;
    rows_check(&f.r, &f.phone, rows, COUNT(rows));
    rig_free(&f.r);
}

/* A far phone that comes by a proxy: nothing of hosted NAT traversal in its Contact either. */
static void test_leaves_far_contact(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.contact_fixup = false;
    f.r.profile.hosted_nat_traversal = true;
    f.r.external = true;
    static const struct row rows[] = {
        {"by a proxy", IN, OPTIONS(VIA_IN RR "Contact: <sip:x@192.168.1.20>\r\n"), "-"},
        {"straight", IN, OPTIONS(VIA_IN "Contact: <sip:x@192.168.1.20>\r\n"),
         OPTIONS(VIA_IN "Contact: <sip:x@198.51.100.44>\r\n")},
    };
    rows_check(&f.r, &f.phone, rows, COUNT(rows));
    rig_free(&f.r);
}

/* Other inside hosts: those who stand outside already, in places to send to. */
static void test_other_hosts(void **state)
{
    static const struct row rows[] = {
        {"a neighbour", OUT,
         OPTIONS(VIA_OUT "Contact: <sip:x@" NEXT
                         ">, <sip:y@10.0.0.3:5060>\r\nRefer-To: <sip:z@" NEXT ">\r\n"
                         "Diversion: <sip:z@10.0.0.2>\r\n"),
         OPTIONS(VIA_OUT "Contact: <sip:x@" OTHER
                         ">, <sip:y@10.0.0.3:5060>\r\nRefer-To: <sip:z@" OTHER ">\r\n"
                         "Diversion: <sip:z@" OTHER ">\r\n")},
        {"... back", IN, OPTIONS_OK(VIA_IN "Contact: <sip:x@" OTHER ">\r\n"),
         OPTIONS_OK(VIA_IN "Contact: <sip:x@" NEXT ">\r\n")},
        {"... called", IN,
         "MESSAGE sip:x@" OTHER " SIP/2.0\r\n" VIA_IN REST "CSeq: 1 MESSAGE\r\n\r\n",
         "MESSAGE sip:x@" NEXT " SIP/2.0\r\n" VIA_IN REST "CSeq: 1 MESSAGE\r\n\r\n"},
        {"... without a port", IN, OPTIONS(VIA_IN "Diversion: <sip:z@" OTHER ">\r\n"),
         OPTIONS(VIA_IN "Diversion: <sip:z@10.0.0.2>\r\n")},
        {"another port of a neighbour", OUT, OPTIONS(VIA_OUT "Contact: <sip:x@10.0.0.2:5062>\r\n"),
         "-"},
        {"not where a message goes or a person is named", OUT,
         "OPTIONS sip:x@" NEXT " SIP/2.0\r\nVia: SIP/2.0/UDP " NEXT ";branch=z9hG4bK1\r\n" FROM_TO(
             "sip:a@" NEXT, "sip:b@" NEXT) "CSeq: 1 OPTIONS\r\nRoute: <sip:" NEXT ";lr>\r\n"
                                           "Record-Route: <sip:" NEXT ";lr>\r\nPath: <sip:" NEXT
                                           ";lr>\r\n\r\n",
         "-"},
        {"one that nobody wrote", IN, OPTIONS(VIA_IN "Refer-To: <sip:z@203.0.113.9:40004>\r\n"),
         "-"},
    };
    static const struct row off[] = {
        {"without contact-fixup", OUT,
         OPTIONS(VIA_OUT "Contact: <sip:x@" NEXT ">\r\nRefer-To: <sip:z@" NEXT ">\r\n"), "-"},
        {"... the phone itself", OUT,
         OPTIONS(VIA_OUT "Contact: <sip:x@10.0.0.1:5060>\r\nRefer-To: <sip:z@10.0.0.1:5060>\r\n"),
         OPTIONS(VIA_OUT "Contact: <sip:x@" PUB ">\r\nRefer-To: <sip:z@" PUB ">\r\n")},
        {"... a neighbour is not restored either", IN,
         OPTIONS_OK(VIA_IN "Contact: <sip:x@" OTHER ">\r\n"), "-"},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    rows_check(&f.r, &f.phone, rows, COUNT(rows));
    rig_free(&f.r);
    set_up(&f);
    f.r.profile.contact_fixup = false;
    rows_check(&f.r, &f.phone, off, COUNT(off));
    rig_free(&f.r);
}

#define TRACE ";o=\"10.0.0.1:5060\""

static void test_trace(void **state)
{
    static const struct row rows[] = {
        {"in brackets", OUT, REGISTER(VIA_OUT "Contact: \"A\" <sip:x@10.0.0.1:5060;ob>;q=1\r\n"),
         REGISTER(VIA_OUT "Contact: \"A\" <sip:x@" PUB ";ob>;q=1" TRACE "\r\n")},
        {"... taken out", IN,
         REGISTER_OK(VIA_OUT "Contact: \"A\" <sip:x@" PUB ";ob>;q=1" TRACE ";expires=60\r\n"),
         REGISTER_OK(VIA_OUT "Contact: \"A\" <sip:x@10.0.0.1:5060;ob>;q=1;expires=60\r\n")},
        {"... wherever the registrar put it", IN,
         REGISTER_OK(VIA_OUT "Contact: <sip:x@" PUB ">" TRACE ";expires=60;q=1\r\n"),
         REGISTER_OK(VIA_OUT "Contact: <sip:x@10.0.0.1:5060>;expires=60;q=1\r\n")},
        {"... whatever it says", IN,
         REGISTER_OK(VIA_OUT "Contact: <sip:x@" PUB ">;o=\"\";expires=60\r\n"),
         REGISTER_OK(VIA_OUT "Contact: <sip:x@10.0.0.1:5060>;expires=60\r\n")},
        {"without brackets or a port", OUT, REGISTER(VIA_OUT "m: sip:x@10.0.0.1\r\n"),
         REGISTER(VIA_OUT "m: sip:x@" PUB TRACE "\r\n")},
        {"... taken out", IN, REGISTER_OK(VIA_OUT "m: sip:x@" PUB ";expires=60" TRACE "\r\n"),
         REGISTER_OK(VIA_OUT "m: sip:x@10.0.0.1;expires=60\r\n")},
        {"in each of a list", OUT,
         REGISTER(VIA_OUT
                  "Contact: <sip:x@10.0.0.1> , <sip:y@10.0.0.1>;q=1\r\n ,<sip:z@example.net>\r\n"),
         REGISTER(VIA_OUT "Contact: <sip:x@" PUB ">" TRACE " , <sip:y@" PUB ">;q=1" TRACE
                          "\r\n ,<sip:z@example.net>\r\n")},
        {"... taken out", IN,
         REGISTER_OK(VIA_OUT "Contact: <sip:x@" PUB ">" TRACE ", <sip:y@" PUB ">;q=1" TRACE
                             ",<sip:z@h>\r\n"),
         REGISTER_OK(VIA_OUT "Contact: <sip:x@10.0.0.1>, <sip:y@10.0.0.1>;q=1,<sip:z@h>\r\n")},
        {"others' and all", OUT,
         REGISTER(VIA_OUT
                  "Contact: *\r\nm: <sip:x@10.0.0.3>, <tel:+1>, <sip:x@pc.lan>, <sip:x@[fd00::1]>, "
                  "<sip:x@" PUB ">\r\n"),
         "-"},
        {"a name that looks like it", OUT,
         REGISTER(VIA_OUT "Contact: \"A;o=\" <sip:x@10.0.0.1:5060;o=1>\r\n"),
         REGISTER(VIA_OUT "Contact: \"A;o=\" <sip:x@" PUB ";o=1>" TRACE "\r\n")},
        {"... stays", IN,
         REGISTER_OK(VIA_OUT "Contact: \"A;o=\" <sip:x@" PUB ";o=1>" TRACE ";q=1\r\n"),
         REGISTER_OK(VIA_OUT "Contact: \"A;o=\" <sip:x@10.0.0.1:5060;o=1>;q=1\r\n")},
        {"a value that looks like it stays", IN,
         REGISTER_OK(VIA_OUT "Contact: <sip:x@" PUB ">;x=\";o=\"" TRACE ";q=\"1\"\r\n"),
         REGISTER_OK(VIA_OUT "Contact: <sip:x@10.0.0.1:5060>;x=\";o=\";q=\"1\"\r\n")},
        {"one without quotes is not ours", IN,
         REGISTER_OK(VIA_OUT "Contact: <sip:x@" PUB ">;o=1\r\n"),
         REGISTER_OK(VIA_OUT "Contact: <sip:x@10.0.0.1:5060>;o=1\r\n")},
        {"other methods", OUT, OPTIONS(VIA_OUT "Contact: <sip:x@10.0.0.1:5060>\r\n"),
         OPTIONS(VIA_OUT "Contact: <sip:x@" PUB ">\r\n")},
        {"... and back", IN, OPTIONS_OK(VIA_OUT "Contact: <sip:x@" PUB ">" TRACE "\r\n"),
         OPTIONS_OK(VIA_OUT "Contact: <sip:x@10.0.0.1:5060>" TRACE "\r\n")},
        {"a REGISTER that comes in", IN,
         REGISTER(VIA_IN "Contact: <sip:x@198.51.100.44>" TRACE "\r\n"), "-"},
        {"... and its answer", OUT,
         REGISTER_OK(VIA_IN "Contact: <sip:x@198.51.100.44>" TRACE ", <sip:x@10.0.0.1:5060>\r\n"),
         REGISTER_OK(VIA_IN "Contact: <sip:x@198.51.100.44>" TRACE ", <sip:x@" PUB ">\r\n")},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.register_contact_trace = true;
    rows_check(&f.r, &f.phone, rows, COUNT(rows));
    rig_free(&f.r);
}

/* Without translation there is nothing to tell, and without the setting nothing is told. */
static void test_no_trace(void **state)
{
    static const struct row rows[] = {
        {"out", OUT, REGISTER(VIA_OUT "Contact: <sip:x@%s>;q=1\r\n"), "-"},
        {"back", IN, REGISTER_OK(VIA_OUT "Contact: <sip:x@%s>;q=1;o=\"1.2.3.4:5\"\r\n"), "-"},
    };
    (void)state;
    for (int on = 0; on < 2; on++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            struct fixture f;
            char before[512], after[512];
            set_up(&f);
            f.r.profile.register_contact_trace = on;
            if (on)
                f.phone.public_side = f.phone.inside;
            bool out = rows[i].way == OUT;
            snprintf(before, sizeof(before), rows[i].before, out || on ? "10.0.0.1:5060" : PUB);
            snprintf(after, sizeof(after), rows[i].before, out && !on ? PUB : "10.0.0.1:5060");
            row_check(&f.r, &f.phone, &(struct row){rows[i].what, rows[i].way, before, after});
            rig_free(&f.r);
        }
}

/* More Contacts than there is room for traces: those that do not fit go without. */
static void test_trace_room(void **state)
{
    struct fixture f;
    struct text before = {0};
    unsigned traced = 0;
    (void)state;
    set_up(&f);
    f.r.profile.register_contact_trace = true;
    for (unsigned i = 0; i < 80; i++)
        text_puts(&before, "Contact: <sip:x@10.0.0.1:5060>\r\n");
    struct text whole = {0};
    text_printf(&whole, "REGISTER sip:b SIP/2.0\r\n" VIA_OUT REST "CSeq: 1 REGISTER\r\n%s\r\n",
                before.p);
    const char *p = rig_out(&f.r, &f.phone, whole.p);
    for (; (p = strstr(p, "Contact: <sip:x@" PUB ">")) != NULL; p++) {
        const char *end = p + strlen("Contact: <sip:x@" PUB ">");
        bool has = strncmp(end, TRACE "\r\n", strlen(TRACE "\r\n")) == 0;
        assert_true(has || strncmp(end, "\r\n", 2) == 0);
        traced += has;
    }
    assert_in_range(traced, 40, 79);
    text_free(&before);
    text_free(&whole);
    rig_free(&f.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaves_contact),
        cmocka_unit_test(test_leaves_the_rest),
        cmocka_unit_test(test_leaves_far_contact),
        cmocka_unit_test(test_other_hosts),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_no_trace),
        cmocka_unit_test(test_trace_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
