/* SPDX-License-Identifier: BSD-3-Clause */
/* Subscriptions: the answer to SUBSCRIBE and each NOTIFY say how long their contact lives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asks.h"
#include "asserts.h"

static void set_up_subscription(struct asks *f)
{
    set_up(f);
    f->method = "SUBSCRIBE";
}

/* How long the contact of a subscription lives after the answer. */
static void test_subscribe(void **state)
{
    static const struct {
        const char *asked;
        unsigned status;
        const char *answered;
        unsigned seconds; /* 0: gone with the answer; without one: 32 */
    } rows[] = {
        {"Expires: 600\r\n", 200, "Expires: 600\r\n", 632},
        {"Expires: 600\r\n", 202, "Expires: 60\r\n", 92},
        {"Expires: 600\r\n", 200, "", 632},
        {"", 200, "Expires: 90\r\n", 122},
        {"", 200, "", 3632},
        {"Expires: 604800\r\n", 200, "Expires: 0\r\n", 32}, /* its NOTIFY follows */
        {"Expires: 0\r\n", 200, "Expires: 0\r\n", 32},
        {"Expires: 0\r\n", 200, "", 32},
        {"Expires: 604800\r\n", 489, "", 0},
        {"Expires: 604800\r\n", 503, "", 0},
        {"Expires: 604800\r\n", 603, "", 0},
        {"Expires: 604800\r\n", 401, "", 32},
        {"Expires: 604800\r\n", 407, "", 32},
        {"Expires: 604800\r\n", 100, "", 32},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct asks f;
        char more[128];
        set_up_subscription(&f);
        snprintf(more, sizeof(more), "Contact: <sip:z@10.0.0.1:5070>\r\n%s", rows[i].asked);
        ask(&f, more);
        assert_non_null(rig_mapping(&f.r, "10.0.0.1", 5070));
        answer(&f, rows[i].status, rows[i].answered);
        if (rows[i].seconds) {
            rig_wait(&f.r, rows[i].seconds * 1000ull - 1000);
            if (owners(&f, 5070) != 1)
                fail_msg("row %zu: gone too early", i);
            rig_wait(&f.r, 1100);
        }
        if (owners(&f, 5070) != 0 || rig_records(&f.r) != 0)
            fail_msg("row %zu: still there", i);
        assert_int_equal(rig_stats(&f.r).registers_active, 0);
        rig_free(&f.r);
    }
}

static void test_subscribe_again(void **state)
{
    struct asks f;
    struct text first = {0};
    (void)state;
    set_up_subscription(&f);
    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    text_puts(&first, f.r.out);
    f.cseq--;
    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    assert_string_equal(f.r.out, first.p);
    text_free(&first);
    assert_int_equal(owners(&f, 5070), 1);
    answer(&f, 200, "Expires: 600\r\n");

    /* A refresh that is refused leaves what was granted (RFC 6665 4.1.2.2). */
    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    answer(&f, 500, "");
    rig_wait(&f.r, 631000);
    assert_int_equal(owners(&f, 5070), 1);
    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 0\r\n");
    assert_int_equal(owners(&f, 5070), 1);
    answer(&f, 200, "");
    rig_wait(&f.r, 31000);
    assert_int_equal(owners(&f, 5070), 1);
    rig_wait(&f.r, 1100);
    assert_int_equal(owners(&f, 5070), 0);
    assert_int_equal(rig_records(&f.r), 0);

    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    answer(&f, 200, "Expires: 600\r\n");
    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    answer(&f, 481, "");
    assert_int_equal(rig_records(&f.r), 0);
    rig_free(&f.r);
}

static void notify(struct asks *f, const char *from_tag, const char *state)
{
    char notice[512];
    snprintf(notice, sizeof(notice),
             "NOTIFY sip:z@203.0.113.9:40000 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.44\r\n"
             "From: <sip:a@example.net>;tag=%s\r\nTo: <sip:a@example.net>;tag=1\r\nCall-ID: %s\r\n"
             "CSeq: 1 NOTIFY\r\nSubscription-State: %s\r\n\r\n",
             from_tag, f->call_id, state);
    rig_in(&f->r, &f->phone, notice);
}

/* How long a subscription of 600 s that was answered by `n` lives after a NOTIFY. */
static void test_notify(void **state)
{
    static const struct {
        const char *from_tag, *says;
        unsigned seconds;
    } rows[] = {
        {"n", "active;expires=60", 92},
        {"n", "pending ; expires=60;x=\"y\"", 92},
        {"n", "active", 632},
        {"n", "active;expires=600", 632},
        {"n", "active;expires=86400", 632}, /* no longer than was asked for */
        {"n", "active;expires=4294967296", 632},
        {"n", "active;expires=4294967295", 632},
        {"n", "active;expires", 632},
        {"n", "active;expires=1;expires=2", 632},
        {"n", "terminated;reason=noresource", 32},
        {"n", "Terminated", 32},
        {"n", "terminatedly", 632},
        {"other", "terminated", 632}, /* another of several that were reached */
        {"other", "active;expires=60", 632},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct asks f;
        set_up_subscription(&f);
        ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
        f.to_tag = "n";
        answer(&f, 200, "Expires: 600\r\n");
        notify(&f, rows[i].from_tag, rows[i].says);
        assert_int_not_equal(f.r.verdict, ALG_DROP);
        rig_wait(&f.r, rows[i].seconds * 1000ull - 1000);
        if (owners(&f, 5070) != 1)
            fail_msg("row %zu: gone too early", i);
        rig_wait(&f.r, 1100);
        if (owners(&f, 5070) != 0 || rig_records(&f.r) != 0)
            fail_msg("row %zu: still there", i);
        rig_free(&f.r);
    }
}

/* Which of two readers counts a Subscription-State that comes twice? None. */
static void test_notify_twice(void **state)
{
    struct asks f;
    (void)state;
    set_up_subscription(&f);
    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    notify(&f, "n", "active\r\nSubscription-State: terminated");
    assert_int_equal(f.r.verdict, ALG_DROP);
    /* Nor does the NOTIFY of another dialog. */
    f.call_id = "x";
    notify(&f, "n", "terminated");
    f.call_id = "r";
    answer(&f, 200, "Expires: 600\r\n");
    rig_wait(&f.r, 631000);
    assert_int_equal(owners(&f, 5070), 1);
    rig_free(&f.r);
}

/* Refused subscriptions take no room; unanswered ones for 32 s. */
static void test_subscribe_flood(void **state)
{
    struct asks f;
    char id[16];
    (void)state;
    set_up_subscription(&f);
    f.call_id = id;
    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        ask(&f, "Contact: <sip:z@10.0.0.1>\r\nExpires: 604800\r\n");
        answer(&f, 489, "");
    }
    assert_int_equal(rig_records(&f.r), 0);
    rig_free(&f.r);
}

/* A host that asks without end leaves room for the others. */
static void test_one_host_alone(void **state)
{
    struct asks f;
    char id[16];
    unsigned n = 0;
    (void)state;
    set_up_subscription(&f);
    struct rig_phone other = rig_phone(&f.r, "10.0.0.2", 5060, 40002);
    f.call_id = id;
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof(id), "s%d", i);
        rig_send(&f.r, &f.phone, true,
                 slice_str(message(&f, "SUBSCRIBE sip:example.net SIP/2.0",
                                   "Contact: <sip:z@10.0.0.1>\r\n")));
        n += f.r.verdict != ALG_DROP;
        assert_true(f.r.verdict != ALG_DROP || f.r.reason == ALG_REASON_SIP_NO_DIALOG);
    }
    assert_int_equal(n, 12);
    rig_send(&f.r, &other, true,
             slice_str(message(&f, "SUBSCRIBE sip:example.net SIP/2.0",
                               "Contact: <sip:z@10.0.0.2>\r\n")));
    assert_int_equal(f.r.verdict, ALG_REPLACE);
    rig_wait(&f.r, 33000);
    assert_int_equal(rig_records(&f.r), 0);
    ask(&f, "Contact: <sip:z@10.0.0.1>\r\n");
    rig_free(&f.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subscribe),       cmocka_unit_test(test_subscribe_again),
        cmocka_unit_test(test_notify),          cmocka_unit_test(test_notify_twice),
        cmocka_unit_test(test_subscribe_flood), cmocka_unit_test(test_one_host_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
