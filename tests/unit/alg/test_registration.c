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
    const char *to, *tag, *call_id, *method;
};

static char text[2048];

static const char *message(struct fixture *f, const char *start, const char *more)
{
    snprintf(text, sizeof(text),
             "%s\r\nVia: SIP/2.0/UDP h.lan;branch=z9hG4bK%u\r\nFrom: <sip:a@example.net>;tag=%s\r\n"
             "To: <%s>\r\nCall-ID: %s\r\nCSeq: %u %s\r\n%s\r\n",
             start, f->cseq, f->tag, f->to, f->call_id, f->cseq, f->method, more);
    return text;
}

static void ask(struct fixture *f, const char *more)
{
    char start[64];
    f->cseq++;
    snprintf(start, sizeof(start), "%s sip:example.net SIP/2.0", f->method);
    rig_send(&f->r, &f->phone, true, slice_str(message(f, start, more)));
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
    *f = (struct fixture){
        .to = "sip:a@example.net", .tag = "1", .call_id = "r", .method = "REGISTER"};
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
        struct fixture f;
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
        if (active(&f) != (i == 4) || mapping_knows(m, rig_endpoint("198.51.100.66", 0).ip))
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
        struct fixture f;
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
    struct fixture f;
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
    struct fixture f;
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

/* A mapping that was for one address is for anyone once a registration says so. */
static void test_widened(void **state)
{
    struct fixture f;
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

/*
 * Subscriptions
 */

static void set_up_subscription(struct fixture *f)
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
        {"Expires: 604800\r\n", 200, "Expires: 0\r\n", 0},
        {"Expires: 604800\r\n", 489, "", 0},
        {"Expires: 604800\r\n", 503, "", 0},
        {"Expires: 604800\r\n", 603, "", 0},
        {"Expires: 604800\r\n", 401, "", 32},
        {"Expires: 604800\r\n", 407, "", 32},
        {"Expires: 604800\r\n", 100, "", 32},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
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
    struct fixture f;
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
    assert_int_equal(owners(&f, 5070), 0);
    assert_int_equal(rig_records(&f.r), 0);

    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    answer(&f, 200, "Expires: 600\r\n");
    ask(&f, "Contact: <sip:z@10.0.0.1:5070>\r\nExpires: 600\r\n");
    answer(&f, 481, "");
    assert_int_equal(rig_records(&f.r), 0);
    rig_free(&f.r);
}

/* Refused subscriptions take no room; unanswered ones for 32 s. */
static void test_subscribe_flood(void **state)
{
    struct fixture f;
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
    struct fixture f;
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
        cmocka_unit_test(test_widened),
        cmocka_unit_test(test_subscribe),
        cmocka_unit_test(test_subscribe_again),
        cmocka_unit_test(test_subscribe_flood),
        cmocka_unit_test(test_one_host_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
