/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations: the response decides, the mapping lives as long as it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "rig.h"

#define PUB     "203.0.113.9:40000"
#define MINUTES 60000ull

struct fixture {
    struct rig r;
    struct rig_phone phone;
    unsigned cseq;
    const char *to;
};

static char text[2048];

static const char *message(struct fixture *f, const char *start, const char *more)
{
    snprintf(text, sizeof(text),
             "%s\r\nVia: SIP/2.0/UDP h.lan;branch=z9hG4bK%u\r\nFrom: <sip:a@example.net>;tag=1\r\n"
             "To: <%s>\r\nCall-ID: r\r\nCSeq: %u REGISTER\r\n%s\r\n",
             start, f->cseq, f->to, f->cseq, more);
    return text;
}

static void ask(struct fixture *f, const char *more)
{
    f->cseq++;
    rig_send(&f->r, &f->phone, true,
             slice_str(message(f, "REGISTER sip:example.net SIP/2.0", more)));
    assert_int_not_equal(f->r.verdict, ALG_DROP);
}

static void answer(struct fixture *f, unsigned status, const char *more)
{
    char start[32];
    snprintf(start, sizeof(start), "SIP/2.0 %u X", status);
    rig_send(&f->r, &f->phone, false, slice_str(message(f, start, more)));
    assert_int_not_equal(f->r.verdict, ALG_DROP);
}

static void set_up(struct fixture *f)
{
    *f = (struct fixture){.to = "sip:a@example.net"};
    rig_init(&f->r, 64, 16);
    f->phone = rig_phone(&f->r, "10.0.0.1", 5060, 40000);
}

static unsigned active(struct fixture *f)
{
    return (unsigned)rig_stats(&f->r).registers_active;
}

static unsigned owners(struct fixture *f, uint16_t port)
{
    rig_reap(&f->r);
    return rig_owners(&f->r, "10.0.0.1", port);
}

static void test_granted(void **state)
{
    static const struct {
        const char *asked, *granted;
        unsigned seconds;
    } rows[] = {
        {"Contact: <sip:a@10.0.0.1>\r\nExpires: 3600\r\n",
         "Contact: <sip:a@" PUB ">;expires=60\r\n", 60},
        {"Contact: <sip:a@10.0.0.1>\r\n", "Contact: <sip:a@" PUB ">\r\nExpires: 100\r\n", 100},
        {"Contact: <sip:a@10.0.0.1>;expires=90\r\n", "Contact: <sip:a@" PUB ">\r\n", 90},
        {"Contact: <sip:a@10.0.0.1>\r\n", "Contact: <sip:a@" PUB ">\r\n", 3600},
        {"Contact: <sip:a@10.0.0.1>\r\n", "Contact: <sip:o@192.0.2.1>;expires=5\r\nExpires: 70\r\n",
         70},
        {"Contact: <sip:a@10.0.0.1>\r\nExpires: 200\r\n", "", 200},
        {"Contact: <sip:a@10.0.0.1:5060>;expires=4294967295\r\n",
         "Contact: <sip:a@" PUB ">;expires=4294967295\r\n", 7 * 86400},
        {"Contact: <sip:a@203.0.113.9:40000>;expires=80\r\n",
         "Contact: <sip:a@" PUB ">;expires=80\r\n", 80},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        set_up(&f);
        ask(&f, rows[i].asked);
        assert_int_equal(active(&f), 0);
        assert_int_equal(owners(&f, 5060), 1);
        answer(&f, 200, rows[i].granted);
        assert_int_equal(active(&f), 1);
        rig_wait(&f.r, (rows[i].seconds + 31) * 1000ull);
        if (owners(&f, 5060) != 1)
            fail_msg("row %zu: gone too early", i);
        rig_wait(&f.r, 1100);
        if (owners(&f, 5060) != 0)
            fail_msg("row %zu: still there", i);
        assert_int_equal(active(&f), 0);
        assert_int_equal(rig_records(&f.r), 0);
        rig_free(&f.r);
    }
}

static void test_refused(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    ask(&f, "Contact: <sip:a@10.0.0.1:5062>\r\n");
    answer(&f, 401, "");
    assert_int_equal(owners(&f, 5062), 1);
    rig_wait(&f.r, 20000);
    ask(&f, "Contact: <sip:a@10.0.0.1:5062>\r\n");
    answer(&f, 403, "");
    rig_wait(&f.r, 31900);
    assert_int_equal(owners(&f, 5062), 1);
    rig_wait(&f.r, 200);
    assert_int_equal(owners(&f, 5062), 0);
    assert_int_equal(rig_records(&f.r), 0);
    assert_int_equal(active(&f), 0);
    rig_free(&f.r);
}

static void test_refresh_and_removal(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    ask(&f, "Contact: <sip:a@10.0.0.1>;expires=120\r\n");
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=120\r\n");
    rig_wait(&f.r, 100000);
    ask(&f, "Contact: <sip:a@10.0.0.1>;expires=120\r\n");
    assert_int_equal(owners(&f, 5060), 1);
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=120\r\n");
    assert_int_equal(active(&f), 1);
    rig_wait(&f.r, 150000);
    assert_int_equal(owners(&f, 5060), 1);
    ask(&f, "Contact: <sip:a@10.0.0.1>;expires=0\r\n");
    assert_non_null(strstr(f.r.out, "<sip:a@" PUB ">;expires=0"));
    assert_int_equal(owners(&f, 5060), 1);
    answer(&f, 200, "");
    assert_int_equal(owners(&f, 5060), 0);
    assert_int_equal(active(&f), 0);
    rig_free(&f.r);
}

static void test_several_and_star(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    rig_phone(&f.r, "10.0.0.2", 5062, 5062);
    ask(&f, "Contact: <sip:a@10.0.0.1>, <sip:a@10.0.0.1:5062>\r\nm: <sip:a@10.0.0.7>, "
            "<sip:a@10.0.0.1:5064>;expires=0, <sip:a@10.0.0.1:1000>\r\n");
    assert_int_equal(owners(&f, 5060), 1);
    assert_int_equal(owners(&f, 5062), 1);
    assert_null(rig_mapping(&f.r, "10.0.0.1", 5064));
    assert_null(rig_mapping(&f.r, "10.0.0.1", 1000));
    assert_null(rig_mapping(&f.r, "10.0.0.7", 5060));
    assert_non_null(strstr(f.r.out, "<sip:a@10.0.0.7>"));

    /* The registrar lists both, and one of another device. */
    char list[256];
    unsigned port = be16_host(mapping_public(rig_mapping(&f.r, "10.0.0.1", 5062)).port);
    assert_int_not_equal(port, 5062);
    snprintf(list, sizeof(list),
             "Contact: <sip:a@" PUB ">;expires=60\r\nContact: <sip:o@192.0.2.1>;expires=9, "
             "<sip:a@203.0.113.9:%u>;expires=600\r\n",
             port);
    answer(&f, 200, list);
    assert_non_null(strstr(f.r.out, "<sip:a@10.0.0.1>;expires=60"));
    assert_non_null(strstr(f.r.out, "<sip:o@192.0.2.1>;expires=9, <sip:a@10.0.0.1:5062>"));
    rig_wait(&f.r, 93000);
    assert_int_equal(owners(&f, 5060), 0);
    assert_int_equal(owners(&f, 5062), 1);
    assert_int_equal(active(&f), 1);

    ask(&f, "Contact: *\r\nExpires: 0\r\n");
    assert_string_equal(strstr(f.r.out, "Contact"), "Contact: *\r\nExpires: 0\r\n\r\n");
    answer(&f, 200, "");
    assert_int_equal(owners(&f, 5062), 0);
    assert_int_equal(rig_records(&f.r), 0);
    rig_free(&f.r);
}

/* A query brings no contacts; what the registrar no longer lists is gone. */
static void test_query(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    ask(&f, "Contact: <sip:a@10.0.0.1>\r\n");
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3600\r\n");
    ask(&f, "");
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3000\r\n");
    assert_int_equal(active(&f), 1);
    ask(&f, "");
    answer(&f, 200, "Contact: <sip:o@192.0.2.1>;expires=3000\r\n");
    assert_int_equal(active(&f), 0);
    rig_free(&f.r);
}

static void test_two_people(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    ask(&f, "Contact: <sip:a@10.0.0.1>\r\n");
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=60\r\n");
    f.to = "sip:b@10.0.0.1";
    ask(&f, "Contact: <sip:b@10.0.0.1>\r\n");
    f.to = "sip:b@203.0.113.9"; /* the same, as it stands outside */
    answer(&f, 200, "Contact: <sip:b@" PUB ">;expires=3600\r\n");
    assert_int_equal(active(&f), 2);
    assert_int_equal(owners(&f, 5060), 2);
    rig_wait(&f.r, 2 * MINUTES);
    assert_int_equal(owners(&f, 5060), 1);
    struct alg_call call;
    uint32_t cursor = 0;
    assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 1);
    assert_true(call.registration);
    assert_string_equal(call.state, "registered");
    assert_int_equal(call.expire_s, 3600 + 32 - 120);
    assert_int_equal(alg_call_clear(f.r.alg, call.id, f.r.now_ms), 0);
    assert_int_equal(active(&f), 0);
    assert_int_equal(owners(&f, 5060), 0);
    rig_free(&f.r);
}

static void test_options(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.strict_register = false;
    ask(&f, "Contact: <sip:a@10.0.0.1:5062>\r\n");
    assert_int_equal(rig_mapping(&f.r, "10.0.0.1", 5062)->filter, MAPPING_ANYONE);
    rig_free(&f.r);

    set_up(&f);
    f.r.profile.open_register_pinhole = false;
    ask(&f, "Contact: <sip:a@10.0.0.1:5062>, <sip:a@10.0.0.1>\r\n");
    assert_null(rig_mapping(&f.r, "10.0.0.1", 5062));
    assert_int_equal(owners(&f, 5060), 0);
    assert_non_null(strstr(f.r.out, "<sip:a@203.0.113.9:5062>, <sip:a@" PUB ">"));
    rig_free(&f.r);
}

/* The phone spoke to another server first: the registrar's calls come in all the same. */
static void test_admits_registrar(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    struct mapping *m = rig_mapping(&f.r, "10.0.0.1", 5060);
    m->peer = rig_endpoint("192.0.2.200", 5060).ip;
    assert_false(mapping_admits(&f.r.mappings, m, f.r.outside));
    ask(&f, "Contact: <sip:a@10.0.0.1>\r\n");
    assert_false(mapping_admits(&f.r.mappings, m, f.r.outside));
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3600\r\n");
    assert_true(mapping_admits(&f.r.mappings, m, f.r.outside));
    rig_free(&f.r);
}

/* A call 50 minutes after registering, long after the flow's own timer. */
static void test_inbound_much_later(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    ask(&f, "Contact: <sip:a@10.0.0.1>\r\n");
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3600\r\n");
    rig_wait(&f.r, 50 * MINUTES);
    mapping_close(&f.r.mappings, &f.r.thread, f.phone.mapping.index); /* has an owner: stays */
    assert_int_equal(owners(&f, 5060), 1);
    rig_in(&f.r, &f.phone,
           "INVITE sip:a@" PUB " SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.44;branch=z9hG4bK7\r\n"
           "From: <sip:z@example.net>;tag=z\r\nTo: <sip:a@example.net>\r\nCall-ID: in\r\n"
           "CSeq: 1 INVITE\r\n\r\n");
    assert_memory_equal(f.r.out, "INVITE sip:a@10.0.0.1 SIP/2.0\r\n", 31);
    rig_free(&f.r);
}

/* A subscription keeps its contact for as long as it asks. */
static void test_subscribe(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 16);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    const char *subscribe =
        "SUBSCRIBE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP h.lan;branch=z9hG4bK7\r\n"
        "From: <sip:z@example.net>;tag=z\r\nTo: <sip:a@example.net>\r\nCall-ID: s\r\n"
        "CSeq: 1 SUBSCRIBE\r\nEvent: presence\r\nExpires: 600\r\nContact: "
        "<sip:z@10.0.0.1:5070>\r\n\r\n";
    rig_out(&r, &phone, subscribe);
    assert_non_null(rig_mapping(&r, "10.0.0.1", 5070));
    struct text first = {0};
    text_puts(&first, r.out);
    assert_string_equal(rig_out(&r, &phone, subscribe), first.p);
    text_free(&first);
    assert_int_equal(rig_owners(&r, "10.0.0.1", 5070), 1);
    rig_wait(&r, 631000);
    assert_int_equal(rig_owners(&r, "10.0.0.1", 5070), 1);
    assert_int_equal(rig_stats(&r).registers_active, 0);
    rig_wait(&r, 1100);
    assert_null(rig_mapping(&r, "10.0.0.1", 5070));
    assert_int_equal(rig_records(&r), 0);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_granted),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_refresh_and_removal),
        cmocka_unit_test(test_several_and_star),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_two_people),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_admits_registrar),
        cmocka_unit_test(test_inbound_much_later),
        cmocka_unit_test(test_subscribe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
