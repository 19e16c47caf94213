/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages before and after, by direction. The phone is 10.0.0.1:5060, outside it is
 * 203.0.113.9:40000. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alg/sip_header.h"
#include "asserts.h"
#include "base/rng.h"
#include "rows.h"

#define PUB "203.0.113.9:40000"

static void rows_run(const struct row *rows, size_t n)
{
    struct rig r;
    rig_init(&r, 64, 16);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    rows_check(&r, &phone, rows, n);
    rig_free(&r);
}

static void test_via(void **state)
{
    static const struct row rows[] = {
        {"own entry", OUT, OPTIONS("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport\r\n"),
         OPTIONS("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK1;rport\r\n")},
        {"back", IN, OPTIONS_OK("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK1;rport=40000\r\n"),
         OPTIONS_OK("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport=5060\r\n")},
        {"without a port", OUT, OPTIONS("Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n"),
         OPTIONS("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK1\r\n")},
        {"... back without a port", IN, OPTIONS_OK("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK1\r\n"),
         OPTIONS_OK("Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n")},
        {"a port of no mapping", OUT, OPTIONS("v:SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bK1\r\n"),
         OPTIONS("v:SIP/2.0/UDP " PUB ";branch=z9hG4bK1\r\n")},
        {"... back", IN, OPTIONS_OK("v:SIP/2.0/UDP " PUB ";branch=z9hG4bK1\r\n"),
         OPTIONS_OK("v:SIP/2.0/UDP 10.0.0.1:5099;branch=z9hG4bK1\r\n")},
        {"blanks around the colon", OUT,
         OPTIONS("Via: SIP / 2.0 / UDP 10.0.0.1 : 5060 ;branch=z9hG4bK1\r\n"),
         OPTIONS("Via: SIP / 2.0 / UDP 203.0.113.9 : 40000 ;branch=z9hG4bK1\r\n")},
        {"... back", IN,
         OPTIONS_OK("Via: SIP / 2.0 / UDP 203.0.113.9 : 40000 ;branch=z9hG4bK1\r\n"),
         OPTIONS_OK("Via: SIP / 2.0 / UDP 10.0.0.1 : 5060 ;branch=z9hG4bK1\r\n")},
        {"own entry between others", OUT,
         OPTIONS("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK2,\r\n"
                 " SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1\r\n"),
         OPTIONS("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK2,\r\n"
                 " SIP/2.0/UDP 10.0.0.7:5060;branch=z9hG4bK1\r\n")},
        {"received and rport", IN,
         OPTIONS_OK("Via: SIP/2.0/UDP " PUB
                    ";rport=40000;received=203.0.113.9;branch=z9hG4bK1\r\n"),
         OPTIONS_OK(
             "Via: SIP/2.0/UDP 10.0.0.1:5060;rport=5060;received=10.0.0.1;branch=z9hG4bK1\r\n")},
        {"received of a name", IN,
         OPTIONS_OK(
             "Via: SIP/2.0/UDP phone.lan;rport=40000;received=203.0.113.9;branch=z9hG4bK1\r\n"),
         OPTIONS_OK("Via: SIP/2.0/UDP phone.lan;rport=5060;received=10.0.0.1;branch=z9hG4bK1\r\n")},
        {"another rport", IN,
         OPTIONS_OK("Via: SIP/2.0/UDP " PUB
                    ";received=203.0.113.9;rport=40001;branch=z9hG4bK1\r\n"),
         OPTIONS_OK(
             "Via: SIP/2.0/UDP 10.0.0.1:5060;received=10.0.0.1;rport=40001;branch=z9hG4bK1\r\n")},
        {"maddr", OUT, OPTIONS("Via: SIP/2.0/UDP 10.0.0.1:5060;maddr=10.0.0.1;branch=z9hG4bK1\r\n"),
         OPTIONS("Via: SIP/2.0/UDP " PUB ";maddr=203.0.113.9;branch=z9hG4bK1\r\n")},
        {"a request that comes in", IN,
         OPTIONS("Via: SIP/2.0/UDP 198.51.100.44;branch=z9hG4bK9\r\nVia: SIP/2.0/UDP " PUB "\r\n"),
         "-"},
        {"a response that leaves", OUT,
         OPTIONS_OK("Via: SIP/2.0/UDP 198.51.100.44;branch=z9hG4bK9;received=10.0.0.1\r\n"), "-"},
        {"received, by the host itself", OUT,
         OPTIONS("Via: SIP/2.0/UDP 10.0.0.1;received=10.0.0.1;rport=5060;branch=z9hG4bK1\r\n"),
         OPTIONS("Via: SIP/2.0/UDP " PUB ";received=203.0.113.9;rport=40000;branch=z9hG4bK1\r\n")},
        {"... back", IN,
         OPTIONS_OK("Via: SIP/2.0/UDP " PUB
                    ";received=203.0.113.9;rport=40000;branch=z9hG4bK1\r\n"),
         OPTIONS_OK("Via: SIP/2.0/UDP 10.0.0.1;received=10.0.0.1;rport=5060;branch=z9hG4bK1\r\n")},
        {"received of a name, another rport", OUT,
         OPTIONS("Via: SIP/2.0/UDP phone.lan;received=10.0.0.1;rport=9;branch=z9hG4bK1\r\n"),
         OPTIONS("Via: SIP/2.0/UDP phone.lan;received=203.0.113.9;rport=9;branch=z9hG4bK1\r\n")},
        {"received of another host", OUT,
         OPTIONS("Via: SIP/2.0/UDP 10.0.0.7;received=10.0.0.8;rport=5060;branch=z9hG4bK1\r\n"),
         "-"},
        {"another host", OUT, OPTIONS("Via: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK1\r\n"), "-"},
        {"a name", OUT, OPTIONS(VIA_OUT), "-"},
        {"IPv6", OUT, OPTIONS("Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1\r\n"), "-"},
        {"the public address, by the host itself", OUT,
         OPTIONS("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK1;rport\r\n"), "-"},
        {"... stays on its way back", IN,
         OPTIONS_OK("Via: SIP/2.0/UDP " PUB ";branch=z9hG4bK1;rport=40000\r\n"), "-"},
        {"case and line ends", OUT,
         "OPTIONS sip:example.net SIP/2.0\nvIA :  sip/2.0/udp 10.0.0.1\n\t;branch=z9hG4bK1\n"
         "f:<sip:a@example.net>;tag=1\nt:<sip:b@example.net>\ni:c\ncseq:1 OPTIONS\n\n",
         "OPTIONS sip:example.net SIP/2.0\nvIA :  sip/2.0/udp " PUB "\n\t;branch=z9hG4bK1\n"
         "f:<sip:a@example.net>;tag=1\nt:<sip:b@example.net>\ni:c\ncseq:1 OPTIONS\n\n"},
    };
    (void)state;
    rows_run(rows, COUNT(rows));
}

static void test_addresses(void **state)
{
    static const struct row rows[] = {
        {"contacts, all of them", OUT,
         OPTIONS(VIA_OUT "Contact: \"10.0.0.1\" <sip:10.0.0.1@10.0.0.1:5060;x=10.0.0.1>;q=1, "
                         "<sip:b@10.0.0.2>\r\nm: sips:c@10.0.0.1:5060\r\n"),
         OPTIONS(VIA_OUT "Contact: \"10.0.0.1\" <sip:10.0.0.1@" PUB ";x=10.0.0.1>;q=1, "
                         "<sip:b@10.0.0.2>\r\nm: sips:c@" PUB "\r\n")},
        {"record-route and route", OUT,
         OPTIONS(VIA_OUT "Record-Route: <sip:10.0.0.1;lr>\r\n"
                         "Route: <sip:198.51.100.44;lr>, <sip:10.0.0.1:5060;lr>\r\n"),
         OPTIONS(VIA_OUT "Record-Route: <sip:" PUB ";lr>\r\n"
                         "Route: <sip:198.51.100.44;lr>, <sip:" PUB ";lr>\r\n")},
        {"path, service-route", OUT,
         OPTIONS(VIA_OUT
                 "Path: <sip:10.0.0.1:5060;lr>\r\nService-Route: <sip:10.0.0.1:5060;lr>\r\n"),
         OPTIONS(VIA_OUT "Path: <sip:" PUB ";lr>\r\nService-Route: <sip:" PUB ";lr>\r\n")},
        {"record-route echoed", IN, OPTIONS_OK(VIA_OUT "Record-Route: <sip:" PUB ";lr>\r\n"),
         OPTIONS_OK(VIA_OUT "Record-Route: <sip:10.0.0.1:5060;lr>\r\n")},
        {"a table of others", OUT,
         OPTIONS(VIA_OUT "Refer-To: <sip:x@10.0.0.1?Replaces=c%4010.0.0.1>\r\n"
                         "Referred-By: <sip:a@10.0.0.1:5060>\r\nP-Asserted-Identity: \"A\" "
                         "<sip:a@10.0.0.1>\r\nDiversion: <sip:a@10.0.0.1>;reason=unknown\r\n"),
         OPTIONS(VIA_OUT "Refer-To: <sip:x@" PUB "?Replaces=c%4010.0.0.1>\r\n"
                         "Referred-By: <sip:a@" PUB ">\r\nP-Asserted-Identity: \"A\" "
                         "<sip:a@" PUB ">\r\nDiversion: <sip:a@" PUB ">;reason=unknown\r\n")},
        {"never", OUT,
         OPTIONS(VIA_OUT "User-Agent: x/10.0.0.1\r\nX-Addr: 10.0.0.1\r\nSubject: 10.0.0.1\r\n"
                         "Authorization: Digest username=\"a\", uri=\"sip:10.0.0.1\"\r\n"),
         "-"},
        {"tel and names", OUT,
         OPTIONS(VIA_OUT "Contact: <tel:+1-201-555-0123>, <sip:a@phone.lan>\r\n"
                         "Route: <sip:proxy.example.net;lr>\r\n"),
         "-"},
        {"maddr of a contact", OUT, OPTIONS(VIA_OUT "Contact: <sip:a@10.0.0.1;maddr=10.0.0.1>\r\n"),
         OPTIONS(VIA_OUT "Contact: <sip:a@" PUB ";maddr=203.0.113.9>\r\n")},
        {"malformed refer-to is not ours to judge", OUT,
         OPTIONS(VIA_OUT "Refer-To: <sip:x@10.0.0.1\r\n"), "-"},
        {"the request URI", IN,
         "OPTIONS sip:a@" PUB ";transport=udp SIP/2.0\r\n" VIA_IN REST "CSeq: 1 OPTIONS\r\n\r\n",
         "OPTIONS sip:a@10.0.0.1;transport=udp SIP/2.0\r\n" VIA_IN REST "CSeq: 1 OPTIONS\r\n\r\n"},
        {"the request URI without port", IN,
         "OPTIONS sip:203.0.113.9 SIP/2.0\r\n" VIA_IN REST "CSeq: 1 OPTIONS\r\n\r\n",
         "OPTIONS sip:10.0.0.1 SIP/2.0\r\n" VIA_IN REST "CSeq: 1 OPTIONS\r\n\r\n"},
        {"a request URI that is not ours", IN,
         "OPTIONS sip:a@203.0.113.10:40000 SIP/2.0\r\n" VIA_IN REST "CSeq: 1 OPTIONS\r\n\r\n", "-"},
        {"a request URI outward", OUT,
         "OPTIONS sip:a@10.0.0.1 SIP/2.0\r\n" VIA_OUT REST "CSeq: 1 OPTIONS\r\n\r\n", "-"},
        {"route inward", IN, OPTIONS(VIA_IN "Route: <sip:" PUB ";lr>, <sip:198.51.100.44;lr>\r\n"),
         OPTIONS(VIA_IN "Route: <sip:10.0.0.1:5060;lr>, <sip:198.51.100.44;lr>\r\n")},
    };
    (void)state;
    rows_run(rows, COUNT(rows));
}

/* Headers about the call that hold links or hosts. */
static void test_links(void **state)
{
    static const struct row rows[] = {
        {"warning", OUT,
         OPTIONS(VIA_OUT "Warning: 304 10.0.0.1:5060 \"a, b\", 399 10.0.0.7 \"x\",\r\n"
                         " 399 10.0.0.1 \"10.0.0.1\", 399 pc \"y\"\r\n"),
         OPTIONS(VIA_OUT "Warning: 304 " PUB " \"a, b\", 399 10.0.0.7 \"x\",\r\n"
                         " 399 " PUB " \"10.0.0.1\", 399 pc \"y\"\r\n")},
        {"... back", IN, OPTIONS(VIA_IN "Warning: 304 " PUB " \"x\"\r\n"),
         OPTIONS(VIA_IN "Warning: 304 10.0.0.1 \"x\"\r\n")},
        {"a warning of another kind", OUT,
         OPTIONS(VIA_OUT
                 "Warning: 10.0.0.1, 304, 304 , 304 10.0.0.1:x \"y\", \"304 10.0.0.1\"\r\n"),
         "-"},
        {"links", OUT,
         OPTIONS(VIA_OUT "Call-Info: <http://10.0.0.1:8080/a.png?x=10.0.0.1>;purpose=icon, "
                         "<https://u:p@10.0.0.1>, <http://10.0.0.7/>, <http://pc.lan/10.0.0.1>, "
                         "<cid:10.0.0.1>\r\nAlert-Info: <sip:10.0.0.1:5060>\r\n"
                         "Error-Info: <sip:10.0.0.1>\r\nGeolocation: <sips:a@10.0.0.1:5060>\r\n"),
         OPTIONS(VIA_OUT "Call-Info: <http://203.0.113.9:8080/a.png?x=10.0.0.1>;purpose=icon, "
                         "<https://u:p@203.0.113.9>, <http://10.0.0.7/>, <http://pc.lan/10.0.0.1>, "
                         "<cid:10.0.0.1>\r\nAlert-Info: <sip:" PUB ">\r\n"
                         "Error-Info: <sip:" PUB ">\r\nGeolocation: <sips:a@" PUB ">\r\n")},
        {"a bad one between good ones", OUT,
         OPTIONS(VIA_OUT
                 "Alert-Info: <sip:10.0.0.1:5060>, <sip:1@10.0.0.1:0>, <sip:10.0.0.1:5060>\r\n"),
         OPTIONS(VIA_OUT "Alert-Info: <sip:" PUB ">, <sip:1@10.0.0.1:0>, <sip:" PUB ">\r\n")},
        {"links inward", IN, OPTIONS(VIA_IN "Call-Info: <http://203.0.113.9/>\r\n"), "-"},
    };
    (void)state;
    rows_run(rows, COUNT(rows));
}

#define PEOPLE(line, head, from, to) line "\r\n" head FROM_TO(from, to) "CSeq: 1 MESSAGE\r\n\r\n"
#define MESSAGE                      "MESSAGE sip:example.net SIP/2.0"
#define ANSWER                       "SIP/2.0 200 OK"

static void test_people(void **state)
{
    static const struct row rows[] = {
        {"from, no port", OUT, PEOPLE(MESSAGE, VIA_OUT, "sip:a@10.0.0.1", "sip:b@example.net"),
         PEOPLE(MESSAGE, VIA_OUT, "sip:a@203.0.113.9", "sip:b@example.net")},
        {"... back", IN, PEOPLE(ANSWER, VIA_OUT, "sip:a@203.0.113.9", "sip:b@example.net"),
         PEOPLE(ANSWER, VIA_OUT, "sip:a@10.0.0.1", "sip:b@example.net")},
        {"from, with port", OUT, PEOPLE(MESSAGE, VIA_OUT, "sip:a@10.0.0.1:5060", "sip:b@x.net"),
         PEOPLE(MESSAGE, VIA_OUT, "sip:a@" PUB, "sip:b@x.net")},
        {"... back", IN, PEOPLE(ANSWER, VIA_OUT, "sip:a@" PUB, "sip:b@x.net"),
         PEOPLE(ANSWER, VIA_OUT, "sip:a@10.0.0.1:5060", "sip:b@x.net")},
        {"from, another port", OUT, PEOPLE(MESSAGE, VIA_OUT, "sip:a@10.0.0.1:5099", "sip:b@x.net"),
         PEOPLE(MESSAGE, VIA_OUT, "sip:a@203.0.113.9:5099", "sip:b@x.net")},
        {"... back", IN, PEOPLE(ANSWER, VIA_OUT, "sip:a@203.0.113.9:5099", "sip:b@x.net"),
         PEOPLE(ANSWER, VIA_OUT, "sip:a@10.0.0.1:5099", "sip:b@x.net")},
        {"two people behind one address", OUT,
         PEOPLE(MESSAGE, VIA_OUT, "sip:a@10.0.0.1", "sip:b@203.0.113.9"),
         PEOPLE(MESSAGE, VIA_OUT, "sip:a@203.0.113.9", "sip:b@203.0.113.9")},
        {"... back", IN, PEOPLE(ANSWER, VIA_OUT, "sip:a@203.0.113.9", "sip:b@203.0.113.9"),
         PEOPLE(ANSWER, VIA_OUT, "sip:a@10.0.0.1", "sip:b@203.0.113.9")},
        {"to inward", IN, PEOPLE(MESSAGE, VIA_IN, "sip:b@198.51.100.44", "sip:a@" PUB),
         PEOPLE(MESSAGE, VIA_IN, "sip:b@198.51.100.44", "sip:a@10.0.0.1:5060")},
        {"... and out again", OUT,
         PEOPLE(ANSWER, VIA_IN, "sip:b@198.51.100.44", "sip:a@10.0.0.1:5060"),
         PEOPLE(ANSWER, VIA_IN, "sip:b@198.51.100.44", "sip:a@" PUB)},
        {"signed", OUT,
         PEOPLE(MESSAGE, VIA_OUT "Identity: abc\r\n", "sip:a@10.0.0.1", "sip:b@example.net"), "-"},
        {"tel", OUT, PEOPLE(MESSAGE, VIA_OUT, "tel:+12015550123", "tel:+12015550124"), "-"},
    };
    (void)state;
    rows_run(rows, COUNT(rows));
}

/* Another port of the host: a contact opens a mapping, everything else uses what there is. */
static void test_other_port(void **state)
{
    struct rig r;
    char want[1024];
    (void)state;
    rig_init(&r, 64, 16);
    rig_phone(&r, "10.0.0.2", 5060, 5060);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 33333, 40000);
    const char *register_out = "REGISTER sip:example.net SIP/2.0\r\n"
                               "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n" REST
                               "CSeq: 1 REGISTER\r\nContact: <sip:a@10.0.0.1>\r\n\r\n";
    const char *got = rig_out(&r, &phone, register_out);
    struct mapping *m = rig_mapping(&r, "10.0.0.1", 5060);
    assert_non_null(m);
    assert_int_equal(m->kind, MAPPING_SIGNALLING);
    assert_int_equal(m->filter, MAPPING_ADDRESS);
    assert_true(m->r.flags & MAPPING_ALG);
    unsigned port = be16_host(mapping_public(m).port);
    snprintf(want, sizeof(want),
             "REGISTER sip:example.net SIP/2.0\r\n"
             "Via: SIP/2.0/UDP 203.0.113.9:%u;branch=z9hG4bK1\r\n" REST
             "CSeq: 1 REGISTER\r\nContact: <sip:a@203.0.113.9:%u>\r\n\r\n",
             port, port);
    assert_string_equal(got, want);
    snprintf(want, sizeof(want),
             "SIP/2.0 200 OK\r\n"
             "Via: SIP/2.0/UDP 203.0.113.9:%u;branch=z9hG4bK1\r\n" REST
             "CSeq: 1 REGISTER\r\nContact: <sip:a@203.0.113.9:%u>;expires=60\r\n\r\n",
             port, port);
    assert_string_equal(rig_in(&r, &phone, want),
                        "SIP/2.0 200 OK\r\n"
                        "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n" REST
                        "CSeq: 1 REGISTER\r\nContact: <sip:a@10.0.0.1>;expires=60\r\n\r\n");
    rig_free(&r);
}

/* Contacts before, between and behind the entries of Via: edits are found in another order. */
static void test_any_order(void **state)
{
    struct rig r;
    struct text before = {0}, after = {0};
    (void)state;
    text_puts(&before, "OPTIONS sip:b SIP/2.0\r\n" REST "CSeq: 1 OPTIONS\r\n");
    text_puts(&after, before.p);
    for (int i = 0; i < 100; i++) {
        bool via = i * 7 % 3 == 1;
        const char *begin = via ? "v: SIP/2.0/UDP " : "m: <sip:";
        const char *end = via ? ";branch=z9hG4bK1\r\n" : ">\r\n";
        text_printf(&before, "%s10.0.0.1:5060%s", begin, end);
        text_printf(&after, "%s" PUB "%s", begin, end);
    }
    text_puts(&before, "\r\n");
    text_puts(&after, "\r\n");
    rig_init(&r, 64, 16);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    assert_string_equal(rig_out(&r, &phone, before.p), after.p);
    text_free(&before);
    text_free(&after);
    rig_free(&r);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        enum alg_verdict verdict;
        enum alg_reason reason;
    } rows[] = {
        {"", ALG_PASS, ALG_REASON_NONE},
        {"\r\n\r\n", ALG_PASS, ALG_REASON_NONE},
        {"\1\1", ALG_PASS, ALG_REASON_NONE},
        {"GET / HTTP/1.1\r\n\r\n", ALG_PASS, ALG_REASON_NONE},
        {"OPTIONS sip:b SIP/2.0\r\n\r\n", ALG_DROP, ALG_REASON_SIP_MALFORMED},
        {"OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST "CSeq: 1 INVITE\r\n\r\n", ALG_DROP,
         ALG_REASON_SIP_MALFORMED},
        {"OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST "CSeq: x OPTIONS\r\n\r\n", ALG_DROP,
         ALG_REASON_SIP_MALFORMED},
        {OPTIONS("Via: SIP/2.0/UDP\r\n"), ALG_DROP, ALG_REASON_SIP_MALFORMED},
        {OPTIONS(VIA_OUT "Contact: <sip:a@10.0.0.1\r\n"), ALG_DROP, ALG_REASON_SIP_MALFORMED},
        {OPTIONS(VIA_OUT "Route: sip:a@10.0.0.1>\r\n"), ALG_DROP, ALG_REASON_SIP_MALFORMED},
        {OPTIONS(VIA_OUT "Content-Type: application/sdp\r\nContent-Length: 9\r\n"), ALG_DROP,
         ALG_REASON_SIP_MALFORMED},
        {"OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST
         "CSeq: 1 OPTIONS\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 "
         "10.0.0.1\r\nc=\r\n",
         ALG_DROP, ALG_REASON_SIP_SDP_MALFORMED},
    };
    struct rig r;
    (void)state;
    rig_init(&r, 64, 16);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    for (size_t i = 0; i < COUNT(rows); i++) {
        rig_send(&r, &phone, true, slice_str(rows[i].text));
        if (r.verdict != rows[i].verdict || r.reason != rows[i].reason)
            fail_msg("row %zu: verdict %d, reason %d", i, r.verdict, r.reason);
    }
    r.profile.sip_status = false;
    rig_send(&r, &phone, true, slice_str(OPTIONS("Via: SIP/2.0/UDP 10.0.0.1\r\n")));
    assert_int_equal(r.verdict, ALG_PASS);
    rig_free(&r);
}

/*
 * There and back
 */

static const char *pick(struct rng *rng, const char *const *of, unsigned n)
{
    return of[rng_below(rng, n)];
}

#define PICK(...)                                 \
    pick(rng, (const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/*
 * What a response echoes of a request (RFC 3261 8.2.6.2, 12.1.1; 10.3 for contacts), each header
 * class with one way of writing, as a phone does.
 */
static void random_head(struct rng *rng, struct text *t)
{
    const char *via =
        PICK("10.0.0.1", "10.0.0.1:5060", "10.0.0.1:5099", "phone.lan", "10.0.0.2:5060",
             "203.0.113.9:40000", "10.0.0.1:40000", "10.0.0.1 : 5060");
    const char *route = PICK("10.0.0.1", "10.0.0.1:5060", "10.0.0.1:5070", "proxy.lan");
    const char *own = PICK("10.0.0.1", "10.0.0.1:5060", "10.0.0.1:5099", "example.net",
                           "203.0.113.9", "10.0.0.2");
    const char *peer = PICK("example.net", "198.51.100.44", "203.0.113.9", "203.0.113.9:40000",
                            "10.0.0.1", "203.0.113.9:5060");
    const char *contact = PICK("10.0.0.1", "10.0.0.1:5060", "10.0.0.1:5062", "203.0.113.9:40000",
                               "phone.lan", "10.0.0.2:5060");
    text_printf(t, "%s: SIP/2.0/UDP %s;branch=z9hG4bK%u%s\r\n", PICK("Via", "v", "VIA "), via,
                rng_below(rng, 1000), PICK("", ";rport", ";x=10.0.0.1"));
    if (rng_below(rng, 3) == 0)
        text_printf(t, "Via: SIP/2.0/UDP %s;branch=z9hG4bKb,%sSIP/2.0/UDP 10.0.0.3;branch=c\r\n",
                    via, PICK("", " ", "\r\n "));
    if (rng_below(rng, 2))
        text_printf(t, "Record-Route: <sip:%s;lr>%s\r\n", route,
                    PICK("", ", <sip:198.51.100.44;lr>"));
    text_printf(t, "%s: %s<sip:%s@%s>;tag=%u\r\n", PICK("From", "f"),
                PICK("", "\"x, <y>\" ", "Al "), PICK("a", "10.0.0.1"), own, rng_below(rng, 1000));
    text_printf(t, "%s:%s<sip:b@%s>\r\n", PICK("To", "t"), PICK(" ", "", "\r\n "), peer);
    text_printf(t, "Call-ID: %u@10.0.0.1\r\nCSeq: %u REGISTER\r\n", rng_below(rng, 99999),
                rng_below(rng, 100));
    for (unsigned i = rng_below(rng, 3); i > 0; i--)
        text_printf(t, "%s: <sip:a%u@%s%s>%s\r\n", PICK("Contact", "m"), i, contact,
                    PICK("", ";ob", ";transport=udp"), PICK("", ";expires=60", ";q=0.5"));
    text_printf(t, "%s\r\n", PICK("", "Content-Length: 0\r\n", "l:0\r\n"));
}

static void test_there_and_back(void **state)
{
    struct rng random = {42}, *rng = &random;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct rig r;
        struct text out = {0}, back = {0}, head = {0};
        rig_init(&r, 64, 16);
        struct rig_phone phone = rig_phone(&r, "10.0.0.1", rng_below(rng, 2) ? 5060 : 33333,
                                           rng_below(rng, 2) ? 40000 : 5060);
        random_head(rng, &head);
        text_printf(&out, "REGISTER sip:example.net SIP/2.0\r\n%s", head.p);
        rig_send(&r, &phone, true, text_slice(&out));
        if (r.verdict == ALG_DROP)
            fail_msg("dropped for reason %d:\n%s", r.reason, out.p);
        assert_non_null(strstr(r.out, "\r\n"));
        text_printf(&back, "SIP/2.0 200 OK%s", strstr(r.out, "\r\n"));
        rig_send(&r, &phone, false, text_slice(&back));
        assert_int_not_equal(r.verdict, ALG_DROP);
        if (strcmp(strstr(r.out, "\r\n") + 2, head.p) != 0)
            fail_msg("round %d\n--- sent\n%s--- outside\n%s--- back\n%s", round, head.p, back.p,
                     r.out);
        text_free(&out);
        text_free(&back);
        text_free(&head);
        rig_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_via),        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_links),      cmocka_unit_test(test_people),
        cmocka_unit_test(test_other_port), cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
