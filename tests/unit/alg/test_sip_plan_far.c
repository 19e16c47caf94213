/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosted NAT traversal: messages before and after. A PBX 10.0.0.5, which a virtual IP makes
 * 203.0.113.10, and phones behind a NAT outside: they write 192.168.1.20 and come from 192.0.2.50.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "rows.h"

#define PHONE      "192.168.1.20"
#define FAR_IP     "192.0.2.50"
#define FAR        FAR_IP ":31000"
#define VIA(at)    "Via: SIP/2.0/UDP " at ";branch=z9hG4bK1\r\n"
#define VIA_PBX    "Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK7\r\n"
#define FROM(a, b) FROM_TO("sip:a@" a, "sip:b@" b)
#define CALL(line, head) \
    line "\r\n" VIA("h.example.net") REST "CSeq: 1 MESSAGE\r\n" head "Content-Length: 0\r\n\r\n"

struct fixture {
    struct rig r;
    struct rig_phone pbx;
};

static void set_up(struct fixture *f)
{
    rig_init(&f->r, 64, 16);
    f->r.profile.hosted_nat_traversal = true;
    f->r.outside = rig_endpoint(FAR_IP, 31000);
    f->pbx = rig_server(&f->r, "10.0.0.5", "203.0.113.10", 5060);
}

static void far_rows(const struct row *rows, size_t n)
{
    struct fixture f;
    set_up(&f);
    rows_check(&f.r, &f.pbx, rows, n);
    rig_free(&f.r);
}

static void test_places(void **state)
{
    static const struct row rows[] = {
        {"Via and Contact", IN,
         REGISTER("Via: SIP/2.0/UDP " PHONE ":5060;branch=z9hG4bK1;rport\r\n"
                  "Contact: <sip:a@" PHONE ":5060;ob>;q=1\r\n"),
         REGISTER("Via: SIP/2.0/UDP " FAR ";branch=z9hG4bK1;rport\r\n"
                  "Contact: <sip:a@" FAR ";ob>;q=1\r\n")},
        {"... back", OUT,
         REGISTER_OK("Via: SIP/2.0/UDP " FAR ";branch=z9hG4bK1;rport=31000;received=" FAR_IP "\r\n"
                     "Contact: <sip:a@" FAR ";ob>;q=1;expires=60\r\n"),
         REGISTER_OK("Via: SIP/2.0/UDP " PHONE ":5060;branch=z9hG4bK1;rport=31000;received=" FAR_IP
                     "\r\n"
                     "Contact: <sip:a@" PHONE ":5060;ob>;q=1;expires=60\r\n")},
        {"a call to what it registered", OUT,
         CALL("MESSAGE sip:a@" FAR ";ob SIP/2.0", "Contact: <sip:pbx@10.0.0.5:5060>\r\n"),
         CALL("MESSAGE sip:a@" PHONE ":5060;ob SIP/2.0",
              "Contact: <sip:pbx@203.0.113.10:5060>\r\n")},
        {"a call to another port of that NAT", OUT,
         CALL("MESSAGE sip:a@" FAR_IP ":31001 SIP/2.0", ""), "-"},
        {"without a port", IN, REGISTER(VIA(PHONE) "m: sip:a@" PHONE "\r\n"),
         REGISTER(VIA(FAR) "m: sip:a@" FAR "\r\n")},
        {"... back without one", OUT, REGISTER_OK(VIA(FAR) "m: sip:a@" FAR "\r\n"),
         REGISTER_OK(VIA(PHONE) "m: sip:a@" PHONE "\r\n")},
        {"blanks around the colon", IN, OPTIONS(VIA(PHONE " : 5062")),
         OPTIONS(VIA(FAR_IP " : 31000"))},
        {"... back", OUT, OPTIONS_OK(VIA(FAR_IP " : 31000")), OPTIONS_OK(VIA(PHONE " : 5062"))},
        {"the topmost Via alone", IN, OPTIONS(VIA(PHONE) VIA("192.168.1.21")),
         OPTIONS(VIA(FAR) VIA("192.168.1.21"))},
        {"... also in one line", IN,
         OPTIONS("v: SIP/2.0/UDP " PHONE ",SIP/2.0/UDP 192.168.1.21;branch=z9hG4bK1\r\n"),
         OPTIONS("v: SIP/2.0/UDP " FAR ",SIP/2.0/UDP 192.168.1.21;branch=z9hG4bK1\r\n")},
        {"every Contact", IN,
         REGISTER(VIA("h.example.net") "Contact: <sip:a@" PHONE ">, <sip:a@172.16.0.1:5062>\r\n"),
         REGISTER(VIA("h.example.net") "Contact: <sip:a@" FAR ">, <sip:a@" FAR ">\r\n")},
        {"Contact: *", IN, REGISTER(VIA("h.example.net") "Contact: *\r\nExpires: 0\r\n"), "-"},
        {"people and routes stay", IN,
         "OPTIONS sip:example.net SIP/2.0\r\n" VIA("h.example.net")
             FROM(PHONE, PHONE) "CSeq: 1 OPTIONS\r\nRecord-Route: <sip:" PHONE
                                ";lr>\r\nRoute: <sip:" PHONE ";lr>\r\n"
                                "Refer-To: <sip:" PHONE ">\r\nWarning: 399 " PHONE " \"x\"\r\n\r\n",
         "-"},
        {"the request URI of who comes in is the PBX", IN,
         CALL("MESSAGE sip:203.0.113.10 SIP/2.0", ""), CALL("MESSAGE sip:10.0.0.5 SIP/2.0", "")},
        {"... and never the far party's", IN, CALL("MESSAGE sip:" PHONE " SIP/2.0", ""), "-"},
        {"an answer of the far phone", IN,
         OPTIONS_OK(VIA_PBX "Contact: <sip:a@" PHONE ":5060>\r\n"),
         OPTIONS_OK("Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK7\r\nContact: <sip:a@" FAR
                    ">\r\n")},
        {"a request of the PBX shows its own place alone", OUT,
         OPTIONS("Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK7\r\n"), OPTIONS(VIA_PBX)},
    };
    (void)state;
    far_rows(rows, COUNT(rows));
}

/* Which addresses are the far party's own: those of private use that its packets do not come from.
 */
static void test_whose(void **state)
{
    static const struct {
        const char *host;
        bool far;
    } rows[] = {
        {"10.0.0.0", true},           {"10.255.255.255", true},   {"9.255.255.255", false},
        {"11.0.0.0", false},          {"172.16.0.0", true},       {"172.31.255.255", true},
        {"172.15.255.255", false},    {"172.32.0.0", false},      {"192.168.0.0", true},
        {"192.168.255.255", true},    {"192.167.255.255", false}, {"192.169.0.0", false},
        {"169.254.0.0", true},        {"169.254.255.255", true},  {"169.253.255.255", false},
        {"169.255.0.0", false},       {"100.64.0.0", true},       {"100.127.255.255", true},
        {"100.63.255.255", false},    {"100.128.0.0", false},     {"192.0.2.50", false},
        {"198.51.100.7", false},      {"10.0.0.5", false},        {"127.0.0.1", false},
        {"0.0.0.0", false},           {"phone.lan", false},       {"[fd00::20]", false},
        {"[::ffff:10.0.0.9]", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int on = 0; on < 2; on++) {
            struct fixture f;
            char before[512], after[512];
            set_up(&f);
            f.r.profile.hosted_nat_traversal = on;
            const char *to = on && rows[i].far ? FAR : rows[i].host;
            snprintf(before, sizeof(before), OPTIONS(VIA("%s") "Contact: <sip:a@%s>\r\n"),
                     rows[i].host, rows[i].host);
            snprintf(after, sizeof(after), OPTIONS(VIA("%s") "Contact: <sip:a@%s>\r\n"), to, to);
            row_check(&f.r, &f.pbx, &(struct row){rows[i].host, IN, before, after});
            rig_free(&f.r);
        }
}

/* A phone on a private address without a NAT before it: its packets come from there, and it is
 * found at whatever port it says. */
static void test_no_nat(void **state)
{
    static const struct row rows[] = {
        {"its own address", IN, REGISTER(VIA(PHONE ":5062") "Contact: <sip:a@" PHONE ">\r\n"), "-"},
        {"back", OUT, REGISTER_OK(VIA(PHONE ":5062") "Contact: <sip:a@" PHONE ">\r\n"), "-"},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.outside = rig_endpoint(PHONE, 31000);
    rows_check(&f.r, &f.pbx, rows, COUNT(rows));
    rig_free(&f.r);
}

/* Two phones that write the same, or that come by 5060, behind one NAT. */
static void test_ports(void **state)
{
    static const struct {
        uint16_t port;
        struct row row;
    } rows[] = {
        {31000,
         {"one", IN, REGISTER(VIA(PHONE) "Contact: <sip:a@" PHONE ">\r\n"),
          REGISTER(VIA(FAR) "Contact: <sip:a@" FAR ">\r\n")}},
        {31001,
         {"the other", IN, REGISTER(VIA(PHONE ":5062") "Contact: <sip:a@" PHONE ":5062>\r\n"),
          REGISTER(VIA(FAR_IP ":31001") "Contact: <sip:a@" FAR_IP ":31001>\r\n")}},
        {31000,
         {"one's own", OUT, REGISTER_OK(VIA(FAR) "Contact: <sip:a@" FAR ">\r\n"),
          REGISTER_OK(VIA(PHONE) "Contact: <sip:a@" PHONE ">\r\n")}},
        {31001,
         {"the other's", OUT,
          REGISTER_OK(VIA(FAR_IP ":31001") "Contact: <sip:a@" FAR_IP ":31001>\r\n"),
          REGISTER_OK(VIA(PHONE ":5062") "Contact: <sip:a@" PHONE ":5062>\r\n")}},
        {31000,
         {"one hears of the other", OUT, OPTIONS(VIA_PBX "Contact: <sip:b@" FAR_IP ":31001>\r\n"),
          "-"}},
        {5060,
         {"a port that need not be said", IN,
          REGISTER(VIA(PHONE) "Contact: <sip:a@" PHONE ":5060>\r\n"),
          REGISTER(VIA(FAR_IP) "Contact: <sip:a@" FAR_IP ":5060>\r\n")}},
        {5060,
         {"... back", OUT, REGISTER_OK(VIA(FAR_IP) "Contact: <sip:a@" FAR_IP ":5060>\r\n"),
          REGISTER_OK(VIA(PHONE) "Contact: <sip:a@" PHONE ":5060>\r\n")}},
        {31002, {"one that nobody wrote", OUT, OPTIONS_OK(VIA(FAR_IP ":31002")), "-"}},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    for (size_t i = 0; i < COUNT(rows); i++) {
        f.r.outside.port = be16_of(rows[i].port);
        row_check(&f.r, &f.pbx, &rows[i].row);
    }
    rig_free(&f.r);
}

#define V     "v=0\r\n"
#define O(ip) "o=a 1 1 IN IP4 " ip "\r\ns=-\r\n"
#define C(ip) "c=IN IP4 " ip "\r\n"
#define T     "t=0 0\r\n"
#define AUDIO "m=audio 7000 RTP/AVP 0\r\n"
#define VIDEO "m=video 7002 RTP/AVP 31\r\n"

/* Addresses become the far NAT's, ports stay: which one the NAT takes nobody knows yet. */
static void test_descriptions(void **state)
{
    static const struct {
        const char *what, *before, *after;
    } rows[] = {
        {"of the session", V O(PHONE) C(PHONE) T AUDIO, V O(FAR_IP) C(FAR_IP) T AUDIO},
        {"of each medium", V O(PHONE) T AUDIO C(PHONE) VIDEO C("172.16.0.9"),
         V O(FAR_IP) T AUDIO C(FAR_IP) VIDEO C(FAR_IP)},
        {"RTCP",
         V O(PHONE) C(PHONE) T AUDIO "a=rtcp:7001 IN IP4 " PHONE "\r\n" VIDEO "a=rtcp:7003\r\n",
         V O(FAR_IP) C(FAR_IP) T AUDIO "a=rtcp:7001 IN IP4 " FAR_IP "\r\n" VIDEO "a=rtcp:7003\r\n"},
        {"ICE finds its way by itself",
         V O(PHONE) C(PHONE) T AUDIO "a=candidate:1 1 UDP 9 " PHONE " 7000 typ host\r\n",
         V O(FAR_IP) C(FAR_IP) T AUDIO "a=candidate:1 1 UDP 9 " PHONE " 7000 typ host\r\n"},
        {"hold", V O(PHONE) C("0.0.0.0") T AUDIO, V O(FAR_IP) C("0.0.0.0") T AUDIO},
        {"public ones", V O("192.0.2.50") C("198.51.100.7") T AUDIO, "-"},
        {"names", V O("pc.lan") C("pc.lan") T AUDIO, "-"},
        {"the PBX's own", V O("10.0.0.5") C("203.0.113.10") T AUDIO, "-"},
        {"IPv6", "v=0\r\no=a 1 1 IN IP6 fd00::20\r\ns=-\r\nc=IN IP6 fd00::20\r\n" T AUDIO, "-"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        char before[2048];
        const char *after = strcmp(rows[i].after, "-") == 0 ? rows[i].before : rows[i].after;
        set_up(&f);
        snprintf(before, sizeof(before), "%s", row_invite(rows[i].before));
        row_check(&f.r, &f.pbx, &(struct row){rows[i].what, IN, before, row_invite(after)});
        f.r.profile.hosted_nat_traversal = false;
        row_check(&f.r, &f.pbx, &(struct row){"without", IN, before, "-"});
        rig_free(&f.r);
    }
}

/* A description that answers, and one of no call at all. */
static void test_further_descriptions(void **state)
{
    static const char private[] = V O(PHONE) C(PHONE) T AUDIO;
    static const char seen[] = V O(FAR_IP) C(FAR_IP) T AUDIO;
    static const char inside[] = V O("10.0.0.5") C("10.0.0.5") T "m=audio 6000 RTP/AVP 0\r\n";
    static const char outside[] =
        V O("203.0.113.10") C("203.0.113.10") T "m=audio 6000 RTP/AVP 0\r\n";
    struct fixture f;
    char before[2048];
    (void)state;
    set_up(&f);
    snprintf(before, sizeof(before), "%s", row_invite(inside));
    row_check(&f.r, &f.pbx, &(struct row){"the PBX calls", OUT, before, row_invite(outside)});
    snprintf(before, sizeof(before), "%s", row_answer(private));
    row_check(&f.r, &f.pbx, &(struct row){"the far phone answers", IN, before, row_answer(seen)});
    rig_free(&f.r);

    static const char head[] = "OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST
                               "CSeq: 1 OPTIONS\r\nContent-Type: application/sdp\r\n\r\n%s";
    char after[2048];
    set_up(&f);
    snprintf(before, sizeof(before), head, private);
    snprintf(after, sizeof(after), head, seen);
    row_check(&f.r, &f.pbx, &(struct row){"no call, no Content-Length", IN, before, after});
    rig_free(&f.r);
}

/* A server without translation: the far party's addresses alone are edited. */
static void test_transparent(void **state)
{
    static const struct row rows[] = {
        {"out of the far NAT", IN,
         REGISTER(VIA(PHONE ":5060") "Contact: <sip:a@" PHONE ">\r\nRoute: <sip:10.0.0.5;lr>\r\n"),
         REGISTER(VIA(FAR) "Contact: <sip:a@" FAR ">\r\nRoute: <sip:10.0.0.5;lr>\r\n")},
        {"back into it", OUT,
         REGISTER_OK(VIA(FAR) "Contact: <sip:a@" FAR ">, <sip:b@10.0.0.5>\r\n"),
         REGISTER_OK(VIA(PHONE ":5060") "Contact: <sip:a@" PHONE ">, <sip:b@10.0.0.5>\r\n")},
        {"a call into it", OUT, CALL("MESSAGE sip:a@" FAR " SIP/2.0", ""),
         CALL("MESSAGE sip:a@" PHONE " SIP/2.0", "")},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    f.pbx.public_side = f.pbx.inside;
    rows_check(&f.r, &f.pbx, rows, COUNT(rows));
    rig_free(&f.r);
}

/* Who may send to the PBX's port once it is open, one after the other. */
static void test_latch(void **state)
{
    static const struct {
        bool traversal, restricted;
        struct {
            const char *ip;
            uint16_t port;
            bool in;
        } sender[4];
    } rows[] = {
        {false,
         false,
         {{"198.51.100.7", 9, true},
          {FAR_IP, 50001, true},
          {FAR_IP, 50002, true},
          {"192.0.2.1", 9, true}}},
        {false,
         true,
         {{"198.51.100.7", 9, true},
          {FAR_IP, 50001, true},
          {FAR_IP, 50002, true},
          {"192.0.2.1", 9, true}}},
        {true,
         false,
         {{"198.51.100.7", 9, true},
          {FAR_IP, 50001, false},
          {"198.51.100.7", 10, false},
          {"198.51.100.7", 9, true}}},
        {true,
         true,
         {{"198.51.100.7", 9, false},
          {FAR_IP, 50001, true},
          {FAR_IP, 50002, false},
          {FAR_IP, 50001, true}}},
    };
    static const char answer[] = V O("10.0.0.5") C("10.0.0.5") T "m=audio 6000 RTP/AVP 0\r\n";
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.hosted_nat_traversal = rows[i].traversal;
        f.r.profile.hnt_restrict_source_ip = rows[i].restricted;
        rig_in(&f.r, &f.pbx, row_invite(V O(PHONE) C(PHONE) T AUDIO));
        assert_null(rig_mapping(&f.r, "10.0.0.5", 6000));
        rig_out(&f.r, &f.pbx, row_answer(answer));
        struct mapping *m = rig_mapping(&f.r, "10.0.0.5", 6000);
        assert_non_null(m);
        for (size_t k = 0; k < COUNT(rows[i].sender); k++) {
            struct endpoint from = rig_endpoint(rows[i].sender[k].ip, rows[i].sender[k].port);
            if (mapping_admits(&f.r.mappings, m, from) != rows[i].sender[k].in)
                fail_msg("row %zu: %s:%u", i, rows[i].sender[k].ip, rows[i].sender[k].port);
        }
        rig_free(&f.r);
    }
}

/* Media of the far phone are said to be at its NAT: outlets and listings go by that. */
static void test_remote(void **state)
{
    static const struct {
        const char *said, *remote;
    } rows[] = {{PHONE, FAR_IP}, {"198.51.100.7", "198.51.100.7"}, {FAR_IP, FAR_IP}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        struct alg_call call;
        uint32_t cursor = 0;
        char sdp[256];
        set_up(&f);
        rig_out(&f.r, &f.pbx,
                row_invite(V O("10.0.0.5") C("10.0.0.5") T "m=audio 6000 RTP/AVP 0\r\n"));
        snprintf(sdp, sizeof(sdp), V O("-") C("%s") T AUDIO, rows[i].said);
        rig_in(&f.r, &f.pbx, row_answer(sdp));
        assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 1);
        assert_int_equal(call.n_media, 1);
        assert_true(ip_port_eq(call.media[0].remote, rig_ip_port(rows[i].remote, 7000)));
        rig_free(&f.r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),       cmocka_unit_test(test_whose),
        cmocka_unit_test(test_no_nat),       cmocka_unit_test(test_ports),
        cmocka_unit_test(test_descriptions), cmocka_unit_test(test_further_descriptions),
        cmocka_unit_test(test_transparent),  cmocka_unit_test(test_latch),
        cmocka_unit_test(test_remote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
