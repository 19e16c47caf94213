/* SPDX-License-Identifier: BSD-3-Clause */
/* Registrations: the response decides, the mapping lives as long as it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asks.h"
#include "asserts.h"

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
        struct asks f;
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
    struct asks f;
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
    struct asks f;
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
    struct asks f;
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
    struct asks f;
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
    struct asks f;
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
    struct asks f;
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
    struct asks f;
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
    struct asks f;
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

/* Only what answers a request under way counts, and it counts once. */
static void test_strangers(void **state)
{
    static const struct {
        const char *what, *call_id, *tag, *server;
        unsigned cseq;
    } rows[] = {
        {"another Call-ID", "x", "1", "198.51.100.44", 1},
        {"another From tag", "r", "2", "198.51.100.44", 1},
        {"another CSeq", "r", "1", "198.51.100.44", 2},
        {"another server", "r", "1", "198.51.100.66", 1},
        {"the answer again", "r", "1", "198.51.100.44", 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct asks f;
        set_up(&f);
        struct mapping *m = rig_mapping(&f.r, "10.0.0.1", 5060);
        ask(&f, "Contact: <sip:a@10.0.0.1>;expires=3600\r\n");
        if (i == 4)
            answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3600\r\n");
        f.call_id = rows[i].call_id;
        f.tag = rows[i].tag;
        f.cseq = rows[i].cseq;
        f.r.outside = rig_endpoint(rows[i].server, 5060);
        answer(&f, 200, i == 4 ? "" : "Contact: <sip:a@" PUB ">;expires=600000\r\n");
        answer(&f, 403, "");
        if (active(&f) != (i == 4) ||
            mapping_knows(&f.r.mappings, m, rig_endpoint("198.51.100.66", 0).ip))
            fail_msg("%s counted", rows[i].what);
        f.call_id = f.tag = "";
        rig_wait(&f.r, 33000);
        if (owners(&f, 5060) != (i == 4))
            fail_msg("%s: the contact %s", rows[i].what, i == 4 ? "went" : "stayed");
        rig_free(&f.r);
    }
}

/* Two requests for one address of record cross; each answer grants its own contact. */
static void test_two_under_way(void **state)
{
    static const char *const servers[] = {"198.51.100.44", "198.51.100.45"};
    (void)state;
    for (size_t i = 0; i < COUNT(servers); i++) {
        struct asks f;
        char list[128];
        set_up(&f);
        ask(&f, "Contact: <sip:a@10.0.0.1>\r\n");
        f.r.outside = rig_endpoint(servers[i], 5060);
        f.call_id = "other";
        ask(&f, "Contact: <sip:a@10.0.0.1:5062>\r\n");
        unsigned port = be16_host(mapping_public(rig_mapping(&f.r, "10.0.0.1", 5062)).port);

        f.r.outside = rig_endpoint(servers[0], 5060);
        f.call_id = "r";
        f.cseq = 1;
        answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3600\r\n");
        assert_int_equal(owners(&f, 5062), 1);
        f.r.outside = rig_endpoint(servers[i], 5060);
        f.call_id = "other";
        f.cseq = 2;
        snprintf(list, sizeof(list), "Contact: <sip:a@203.0.113.9:%u>;expires=3600\r\n%s", port,
                 i == 0 ? "Contact: <sip:a@" PUB ">;expires=3600\r\n" : "");
        answer(&f, 200, list);
        rig_wait(&f.r, 10 * MINUTES);
        assert_int_equal(owners(&f, 5060), 1);
        assert_int_equal(owners(&f, 5062), 1);

        /* A registrar that no longer lists what it granted itself ends it. */
        ask(&f, "");
        snprintf(list, sizeof(list), "Contact: <sip:a@203.0.113.9:%u>;expires=3600\r\n", port);
        answer(&f, 200, list);
        assert_int_equal(owners(&f, 5060), i == 1);
        assert_int_equal(owners(&f, 5062), 1);
        rig_free(&f.r);
    }
}

/* More requests under way than are remembered: the oldest is nobody's any more. */
static void test_many_under_way(void **state)
{
    struct asks f;
    (void)state;
    set_up(&f);
    for (int i = 0; i < 20; i++)
        ask(&f, "Contact: <sip:a@10.0.0.1>;expires=60\r\n");
    f.cseq = 16;
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=60\r\n");
    assert_int_equal(active(&f), 0);
    f.cseq = 17;
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=60\r\n");
    assert_int_equal(active(&f), 1);
    rig_free(&f.r);
}

/* Two accounts at two registrars behind one port: both bring calls, whoever came last. */
static void test_two_registrars(void **state)
{
    struct asks f;
    (void)state;
    set_up(&f);
    struct mapping *m = rig_mapping(&f.r, "10.0.0.1", 5060);
    m->peer = 0;
    ask(&f, "Contact: <sip:a@10.0.0.1>\r\n");
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3600\r\n");
    f.r.outside = rig_endpoint("198.51.100.9", 5060);
    f.to = "sip:b@example.org";
    f.call_id = "b";
    ask(&f, "Contact: <sip:b@10.0.0.1>\r\n");
    answer(&f, 200, "Contact: <sip:b@" PUB ">;expires=3600\r\n");
    assert_true(mapping_admits(&f.r.mappings, m, rig_endpoint("198.51.100.9", 5060)));
    assert_true(mapping_admits(&f.r.mappings, m, rig_endpoint("198.51.100.44", 9)));
    assert_false(mapping_admits(&f.r.mappings, m, rig_endpoint("198.51.100.10", 5060)));
    rig_free(&f.r);
}

/* A PBX with a trunk to each of ten providers, all on one port. */
static void test_many_registrars(void **state)
{
    struct asks f;
    char name[32], ip[32];
    (void)state;
    set_up(&f);
    struct mapping *m = rig_mapping(&f.r, "10.0.0.1", 5060);
    m->peer = 0;
    f.to = f.call_id = name;
    for (int i = 1; i <= 10; i++) {
        snprintf(name, sizeof(name), "sip:trunk@p%d.example.net", i);
        snprintf(ip, sizeof(ip), "198.51.100.%d", i);
        f.r.outside = rig_endpoint(ip, 5060);
        ask(&f, "Contact: <sip:trunk@10.0.0.1>\r\n");
        answer(&f, 200, "Contact: <sip:trunk@" PUB ">;expires=3600\r\n");
    }
    for (int i = 1; i <= 11; i++) {
        snprintf(ip, sizeof(ip), "198.51.100.%d", i);
        assert_int_equal(mapping_admits(&f.r.mappings, m, rig_endpoint(ip, 5060)), i <= 10);
    }
    assert_int_equal(active(&f), 10);
    rig_free(&f.r);
}

/* A mapping that was for one address is for anyone once a registration says so. */
static void test_widened(void **state)
{
    struct asks f;
    (void)state;
    set_up(&f);
    f.r.profile.strict_register = false;
    struct mapping *m = rig_mapping(&f.r, "10.0.0.1", 5060);
    ask(&f, "Contact: <sip:a@10.0.0.1>\r\n");
    assert_false(mapping_admits(&f.r.mappings, m, rig_endpoint("192.0.2.200", 5060)));
    answer(&f, 200, "Contact: <sip:a@" PUB ">;expires=3600\r\n");
    assert_true(mapping_admits(&f.r.mappings, m, rig_endpoint("192.0.2.200", 5060)));
    rig_free(&f.r);
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
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_two_under_way),
        cmocka_unit_test(test_many_under_way),
        cmocka_unit_test(test_two_registrars),
        cmocka_unit_test(test_many_registrars),
        cmocka_unit_test(test_widened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
