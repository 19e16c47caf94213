/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls and registrations of IPv6 phones. Not a byte of a message changes, whatever it says; what
 * opens is what the phone says of its own address, and of no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "alg/alg_mapping.h"
#include "asserts.h"
#include "calls.h"
#include "sessions/mapping6.h"

#define PHONE   "2001:db8:1::20"
#define SERVER  "2001:db8:9::44"
#define MEDIA   "2001:db8:9::77"
#define NOBODY  "2001:db8:9::66"
#define AT      "Contact: <sip:x@[2001:db8:1::20]:5060>\r\n"
#define AUDIO   "m=audio 6000 RTP/AVP 0\r\n"
#define SESSION "v=0\r\no=- 1 1 IN IP6 " PHONE "\r\ns=-\r\n"
#define OURS    SESSION "c=IN IP6 " PHONE "\r\nt=0 0\r\n" AUDIO

static void phone_up(struct fixture *f)
{
    rig_init(&f->r, 128, 32);
    f->phone = rig_phone6(&f->r, PHONE, 5060);
}

static const char *sdp6(const char *ip, unsigned port)
{
    static char body[2][256];
    static int which;
    which = !which;
    snprintf(body[which], sizeof(body[0]),
             "v=0\r\no=- 1 1 IN IP6 %s\r\ns=-\r\nc=IN IP6 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n",
             ip, ip, port);
    return body[which];
}

/* Our INVITE with this description passes. */
static void offer(struct fixture *f, const char *sdp)
{
    struct say invite = first_say(sdp);
    invite.more = AT;
    assert_int_equal(request(f, true, invite), ALG_PASS);
}

static void answer(struct fixture *f, const char *sdp)
{
    assert_int_equal(respond(f, false, 200, say("INVITE", 1, sdp)), ALG_PASS);
    assert_int_equal(request(f, true, say("ACK", 1, NULL)), ALG_PASS);
}

static bool admits(struct fixture *f, const char *inside, uint16_t port, const char *from)
{
    struct mapping *m = rig_mapping(&f->r, inside, port);
    struct ip_port e = rig_ip_port(from, 7000);
    return m && mapping_admits(&f->r.mappings, m, mapping_remote6(&f->r.mappings, &e.ip, e.port));
}

/* Media and contact open, and close with the call. */
static void test_call(void **state)
{
    struct fixture f;
    struct alg_call call;
    uint32_t cursor = 0;
    (void)state;
    phone_up(&f);
    offer(&f, OURS);
    assert_true(admits(&f, PHONE, 6000, MEDIA) && admits(&f, PHONE, 6001, MEDIA));
    assert_null(rig_mapping(&f.r, PHONE, 6002));
    answer(&f, sdp6(MEDIA, 7000));
    assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 1);
    assert_string_equal(call.state, "established");
    assert_int_equal(call.n_media, 1);
    assert_true(ip_port_eq(call.src, rig_ip_port(PHONE, 5060)));
    assert_true(ip_port_eq(call.dst, rig_ip_port(SERVER, 5060)));
    assert_true(ip_port_eq(call.media[0].inside, rig_ip_port(PHONE, 6000)));
    assert_true(ip_port_eq(call.media[0].public_side, rig_ip_port(PHONE, 6000)));
    assert_true(ip_port_eq(call.media[0].remote, rig_ip_port(MEDIA, 7000)));

    assert_int_equal(request(&f, true, say("BYE", 2, NULL)), ALG_PASS);
    assert_int_equal(respond(&f, false, 200, say("BYE", 2, NULL)), ALG_PASS);
    rig_wait(&f.r, 60000);
    assert_null(rig_mapping(&f.r, PHONE, 6000));
    assert_null(rig_mapping(&f.r, PHONE, 6001));
    rig_wait(&f.r, 13 * 3600 * 1000ull);
    assert_int_equal(rig_records(&f.r), 0);
    assert_int_equal(rig_reap(&f.r), 1);
    tear_down(&f);
}

/* A call that comes in: the answer opens. */
static void test_inbound(void **state)
{
    struct fixture f;
    (void)state;
    phone_up(&f);
    assert_int_equal(request(&f, false, first_say(sdp6(MEDIA, 7000))), ALG_PASS);
    assert_null(rig_mapping(&f.r, PHONE, 6000));
    assert_int_equal(respond(&f, true, 180, say("INVITE", 1, NULL)), ALG_PASS);
    assert_int_equal(respond(&f, true, 200, say("INVITE", 1, OURS)), ALG_PASS);
    assert_true(admits(&f, PHONE, 6000, MEDIA));
    assert_int_equal(request(&f, false, say("ACK", 1, NULL)), ALG_PASS);
    assert_string_equal(state_of(&f), "established");
    assert_int_equal(request(&f, false, say("BYE", 2, NULL)), ALG_PASS);
    assert_int_equal(respond(&f, true, 200, say("BYE", 2, NULL)), ALG_PASS);
    rig_wait(&f.r, 60000);
    assert_null(rig_mapping(&f.r, PHONE, 6000));
    tear_down(&f);
}

/* Which of the phone's ports a description opens. */
static void test_opens(void **state)
{
    static const struct {
        const char *sdp;
        uint16_t open[3]; /* 0 no more; nothing else is open */
    } rows[] = {
        {OURS, {6000, 6001}},
        {SESSION "t=0 0\r\n" AUDIO "c=IN IP6 " PHONE "\r\n", {6000, 6001}},
        /* The same address written otherwise. */
        {SESSION "c=IN IP6 2001:0DB8:0001:0:0:0:0:0020\r\nt=0 0\r\n" AUDIO, {6000, 6001}},
        {SESSION "c=IN IP6 " PHONE "\r\nt=0 0\r\n" AUDIO "a=rtcp:6101 IN IP6 " PHONE "\r\n",
         {6000, 6101}},
        /* RTCP at another host is that host's. */
        {SESSION "c=IN IP6 " PHONE "\r\nt=0 0\r\n" AUDIO "a=rtcp:6101 IN IP6 2001:db8:1::21\r\n",
         {6000}},
        {SESSION "c=IN IP6 " PHONE "\r\nt=0 0\r\n" AUDIO "a=rtcp:6101 IN IP4 10.0.0.1\r\n", {6000}},
        /* Another host, and a name. */
        {SESSION "c=IN IP6 2001:db8:1::21\r\nt=0 0\r\n" AUDIO, {0}},
        {SESSION "c=IN IP6 phone.example.net\r\nt=0 0\r\n" AUDIO, {0}},
        /* The phone's IPv4 side: it did not come from there. */
        {SESSION "c=IN IP4 10.0.0.1\r\nt=0 0\r\n" AUDIO, {0}},
        /* One stream of each family. */
        {SESSION "t=0 0\r\nm=audio 6000 RTP/AVP 0\r\nc=IN IP4 10.0.0.1\r\n"
                 "m=video 6010 RTP/AVP 31\r\nc=IN IP6 " PHONE "\r\n",
         {6010, 6011}},
        /* Alternatives (RFC 8445): the address of c= and m= is what opens. */
        {SESSION "c=IN IP6 " PHONE "\r\nt=0 0\r\n" AUDIO "a=candidate:1 1 UDP 2130706431 " PHONE
                 " 6000 typ host\r\n"
                 "a=candidate:2 1 UDP 2130706175 10.0.0.1 6100 typ host\r\n"
                 "a=candidate:3 1 UDP 2130706175 2001:db8:1::21 6200 typ host\r\n",
         {6000, 6001}},
        {SESSION "c=IN IP6 " PHONE "\r\nt=0 0\r\nm=audio 1022 RTP/AVP 0\r\n", {0}},
        {SESSION "c=IN IP6 " PHONE "\r\nt=0 0\r\nm=audio 5060 RTP/AVP 0\r\n", {5060}},
        {SESSION "c=IN IP6 ::\r\nt=0 0\r\n" AUDIO, {0}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        unsigned n = 0;
        phone_up(&f);
        offer(&f, rows[i].sdp);
        for (unsigned k = 0; k < COUNT(rows[i].open) && rows[i].open[k]; k++, n++)
            if (!rig_mapping(&f.r, PHONE, rows[i].open[k]))
                fail_msg("row %zu: %u is closed", i, rows[i].open[k]);
        bool own = n == 1 && rows[i].open[0] == 5060;
        assert_null(rig_mapping(&f.r, "2001:db8:1::21", 6000));
        assert_null(rig_mapping(&f.r, "10.0.0.1", 6000));
        if (rig_reap(&f.r) != n + !own)
            fail_msg("row %zu: more is open", i);
        tear_down(&f);
    }
}

/* IPv4 written as IPv6 names nobody: neither an IPv6 phone's address nor an IPv4 phone's. */
static void test_mapped_text(void **state)
{
    static const char body[] = "v=0\r\no=- 1 1 IN IP6 ::ffff:10.0.0.1\r\ns=-\r\nc=IN IP6 "
                               "::ffff:10.0.0.1\r\nt=0 0\r\n" AUDIO;
    struct fixture f;
    (void)state;
    rig_init(&f.r, 128, 32);
    f.phone = rig_phone(&f.r, "10.0.0.1", 5060, 40000);
    struct say invite = first_say(body);
    invite.more = "Contact: <sip:x@[::ffff:10.0.0.1]:5070>\r\n";
    assert_int_equal(request(&f, true, invite), ALG_PASS);
    assert_null(rig_mapping(&f.r, "10.0.0.1", 6000));
    assert_null(rig_mapping(&f.r, "10.0.0.1", 5070));
    assert_int_equal(rig_reap(&f.r), 1);
    tear_down(&f);
}

/* The IPv4 phone that names an IPv6 address of its own: left alone, beside what is translated. */
static void test_ipv4_beside(void **state)
{
    static const char body[] = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nt=0 0\r\n"
                               "m=audio 6000 RTP/AVP 0\r\nc=IN IP4 10.0.0.1\r\n"
                               "m=video 6010 RTP/AVP 31\r\nc=IN IP6 " PHONE "\r\n"
                               "a=rtcp:6011 IN IP6 " PHONE "\r\n"
                               "a=candidate:1 1 UDP 2130706431 " PHONE " 6010 typ host\r\n";
    struct fixture f;
    (void)state;
    rig_init(&f.r, 128, 32);
    f.phone = rig_phone(&f.r, "10.0.0.1", 5060, 40000);
    assert_int_equal(request(&f, true, first_say(body)), ALG_REPLACE);
    assert_non_null(strstr(f.r.out, "m=video 6010 RTP/AVP 31\r\nc=IN IP6 " PHONE "\r\n"
                                    "a=rtcp:6011 IN IP6 " PHONE "\r\n"
                                    "a=candidate:1 1 UDP 2130706431 " PHONE " 6010 typ host\r\n"));
    assert_non_null(strstr(f.r.out, "c=IN IP4 203.0.113.9\r\n"));
    assert_non_null(rig_mapping(&f.r, "10.0.0.1", 6000));
    assert_null(rig_mapping(&f.r, PHONE, 6010));
    assert_null(rig_mapping(&f.r, "10.0.0.1", 6010));
    tear_down(&f);
}

/* An answer in the other family does not count as a place to send to. */
static void test_remote_of_other_family(void **state)
{
    struct fixture f;
    struct alg_call call;
    uint32_t cursor = 0;
    (void)state;
    phone_up(&f);
    offer(&f, OURS);
    answer(&f, sdp_of("198.51.100.77", 7000, NULL));
    assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 1);
    assert_true(ip_addr_is_zero(&call.media[0].remote.ip));
    assert_non_null(rig_mapping(&f.r, PHONE, 6000));
    tear_down(&f);
}

/* Hold by `::` keeps what is open, as 0.0.0.0 does. */
static void test_hold(void **state)
{
    struct fixture f;
    (void)state;
    phone_up(&f);
    offer(&f, OURS);
    answer(&f, sdp6(MEDIA, 7000));
    assert_int_equal(request(&f, true, say("INVITE", 2, sdp6("::", 6000))), ALG_PASS);
    assert_int_equal(respond(&f, false, 200, say("INVITE", 2, sdp6(MEDIA, 7000))), ALG_PASS);
    assert_int_equal(request(&f, true, say("ACK", 2, NULL)), ALG_PASS);
    rig_wait(&f.r, 600000);
    assert_non_null(rig_mapping(&f.r, PHONE, 6000));
    assert_string_equal(state_of(&f), "established");
    tear_down(&f);
}

/* A registered contact on a port of its own admits its registrar for as long as it granted. */
static void test_register(void **state)
{
    struct fixture f;
    struct say s = first_say(NULL);
    (void)state;
    phone_up(&f);
    s.method = "REGISTER";
    s.more = "Contact: <sip:x@[" PHONE "]:5070>;expires=300\r\n";
    assert_int_equal(request(&f, true, s), ALG_PASS);
    assert_non_null(rig_mapping(&f.r, PHONE, 5070));
    /* The registrar writes the address its own way. */
    s.more = "Contact: <sip:x@[2001:0db8:1:0::20]:5070>;expires=120\r\n";
    assert_int_equal(respond(&f, false, 200, s), ALG_PASS);
    assert_int_equal(rig_stats(&f.r).registers_active, 1);
    rig_wait(&f.r, 119000);
    assert_true(admits(&f, PHONE, 5070, SERVER));
    assert_false(admits(&f, PHONE, 5070, NOBODY));
    rig_wait(&f.r, 40000); /* and what a registrar may take to answer */
    assert_null(rig_mapping(&f.r, PHONE, 5070));
    assert_int_equal(rig_stats(&f.r).registers_active, 0);
    tear_down(&f);
}

/* The other party's BYE may come from where its Contact says, once the phone has taken part. */
static void test_admits_contact(void **state)
{
    struct fixture f;
    struct say s;
    (void)state;
    phone_up(&f);
    offer(&f, OURS);
    s = say("INVITE", 1, sdp6(MEDIA, 7000));
    s.more = "Record-Route: <sip:[2001:db8:9::50];lr>\r\nContact: <sip:y@[" MEDIA "]:5080>\r\n";
    assert_int_equal(respond(&f, false, 200, s), ALG_PASS);
    assert_int_equal(request(&f, true, say("ACK", 1, NULL)), ALG_PASS);
    assert_true(admits(&f, PHONE, 5060, MEDIA));
    assert_true(admits(&f, PHONE, 5060, "2001:db8:9::50"));
    assert_false(admits(&f, PHONE, 5060, NOBODY));
    tear_down(&f);
}

/* Addresses of one /64 are one host when places are short; those of another are not refused. */
static void test_places(void **state)
{
    struct fixture f;
    unsigned got = 0;
    (void)state;
    rig_init(&f.r, 256, 16);
    for (int i = 0; i < 14; i++) {
        char ip[64], call[16];
        snprintf(ip, sizeof(ip), "2001:db8:1::%x", 0x100 + i);
        snprintf(call, sizeof(call), "c%d", i);
        f.phone = rig_phone6(&f.r, ip, 5060);
        struct say s = first_say(NULL);
        s.call = call;
        got += request(&f, true, s) == ALG_PASS;
    }
    assert_int_equal(got, 12); /* three quarters of 16 */
    assert_int_equal(f.r.reason, ALG_REASON_SIP_NO_DIALOG);
    f.phone = rig_phone6(&f.r, "2001:db8:2::1", 5060);
    assert_int_equal(request(&f, true, first_say(NULL)), ALG_PASS);
    tear_down(&f);
}

/* The same Call-ID and tag from an IPv4 and an IPv6 phone are two calls. */
static void test_two_families(void **state)
{
    struct fixture f;
    (void)state;
    phone_up(&f);
    offer(&f, OURS);
    f.phone = rig_phone(&f.r, "10.0.0.1", 5060, 40000);
    assert_int_equal(request(&f, true, first_say(ours(6000))), ALG_REPLACE);
    assert_int_equal(rig_records(&f.r), 2);
    assert_non_null(rig_mapping(&f.r, PHONE, 6000));
    assert_non_null(rig_mapping(&f.r, "10.0.0.1", 6000));
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),           cmocka_unit_test(test_inbound),
        cmocka_unit_test(test_opens),          cmocka_unit_test(test_mapped_text),
        cmocka_unit_test(test_ipv4_beside),    cmocka_unit_test(test_remote_of_other_family),
        cmocka_unit_test(test_hold),           cmocka_unit_test(test_register),
        cmocka_unit_test(test_admits_contact), cmocka_unit_test(test_places),
        cmocka_unit_test(test_two_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
