/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header values: lists, addresses, Via and the small ones. Values stand flush against an
 * inaccessible page.
 */
#include "alg/sip_header.h"

#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"

static struct sip_msg msg;

/*
 * Lists
 */

static void test_lists(void **state)
{
    (void)state;
    static const struct {
        const char *value, *items[4];
    } rows[] = {
        {"", {NULL}},
        {"  ", {NULL}},
        {"a", {"a"}},
        {"a,b", {"a", "b"}},
        {" a\r\n , b ,\tc ", {"a", "b", "c"}},
        {"<sip:a,b@c>,<sip:d>;x=\"1,2\"", {"<sip:a,b@c>", "<sip:d>;x=\"1,2\""}},
        {"\"a, <b\" <sip:c>, d", {"\"a, <b\" <sip:c>", "d"}},
        {"\"a\\\", b\" <sip:c>, d", {"\"a\\\", b\" <sip:c>", "d"}},
        {"\"\\\\\", b", {"\"\\\\\"", "b"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice rest = guard_put(slice_str(rows[i].value)), item;
        for (int k = 0; rows[i].items[k]; k++) {
            assert_int_equal(sip_list_next(&rest, &item, NULL), 1);
            assert_slice(item, rows[i].items[k]);
        }
        assert_int_equal(sip_list_next(&rest, &item, NULL), 0);
    }
}

static void test_bad_lists(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum sip_bad reason;
        const char *at;
    } rows[] = {
        {",a", SIP_BAD_ITEM_EMPTY, ",a"},     {"a,,b", SIP_BAD_ITEM_EMPTY, ",b"},
        {"a, ,b", SIP_BAD_ITEM_EMPTY, ",b"},  {"a,", SIP_BAD_ITEM_EMPTY, ","},
        {"a, \"b", SIP_BAD_QUOTE, "\"b"},     {"\"a\\\"", SIP_BAD_QUOTE, "\"a"},
        {"\"a\\", SIP_BAD_QUOTE, "\"a"},      {"<a, b", SIP_BAD_BRACKET, "<a"},
        {"a>, b", SIP_BAD_BRACKET, ">, b"},   {"<a<b>>", SIP_BAD_BRACKET, "<b"},
        {"<a\"b\">", SIP_BAD_BRACKET, "\"b"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice all = guard_put(slice_str(rows[i].value)), rest = all, item;
        struct sip_fault fault = {0};
        int r;
        size_t before = 0;
        do
            before = (size_t)(rest.p - all.p);
        while ((r = sip_list_next(&rest, &item, &fault)) > 0);
        assert_int_equal(r, -EINVAL);
        fault.offset += before;
        assert_fault(all, fault, rows[i].reason, rows[i].at);
    }
}

static void message_of(const char *headers)
{
    static char bytes[4096];
    snprintf(bytes, sizeof(bytes), "OPTIONS sip:a@b SIP/2.0\r\n%s\r\n", headers);
    assert_int_equal(sip_msg_parse(guard_put(slice_str(bytes)), SIP_DATAGRAM, &msg, NULL, NULL),
                     SIP_DONE);
}

static void test_values_over_lines(void **state)
{
    (void)state;
    message_of("Route: <sip:a>, <sip:b>\r\nVia: x\r\nRoute:\r\nroute: <sip:c>\r\n"
               "Subject: a, b\r\nSubject: c\r\n");
    struct sip_values it = sip_values_of(&msg, SIP_ROUTE);
    struct slice item;
    static const char *const routes[] = {"<sip:a>", "<sip:b>", "<sip:c>"};
    for (size_t i = 0; i < COUNT(routes); i++) {
        assert_int_equal(sip_values_next(&it, &item, NULL), 1);
        assert_slice(item, routes[i]);
        assert_slice(it.line->name, i < 2 ? "Route" : "route");
    }
    assert_int_equal(sip_values_next(&it, &item, NULL), 0);
    assert_int_equal(sip_values_next(&it, &item, NULL), 0);
    it = sip_values_of(&msg, SIP_SUBJECT);
    assert_int_equal(sip_values_next(&it, &item, NULL), 1);
    assert_slice(item, "a, b");
    assert_int_equal(sip_values_next(&it, &item, NULL), 1);
    assert_slice(item, "c");
    assert_int_equal(sip_values_next(&it, &item, NULL), 0);
    it = sip_values_of(&msg, SIP_CONTACT);
    assert_int_equal(sip_values_next(&it, &item, NULL), 0);
}

static void test_values_fault(void **state)
{
    (void)state;
    message_of("Route: <sip:a>\r\nRoute: <sip:b>, <sip:c\r\n");
    struct sip_values it = sip_values_of(&msg, SIP_ROUTE);
    struct slice item;
    struct sip_fault fault = {0};
    assert_int_equal(sip_values_next(&it, &item, &fault), 1);
    assert_int_equal(sip_values_next(&it, &item, &fault), 1);
    assert_int_equal(sip_values_next(&it, &item, &fault), -EINVAL);
    assert_fault(msg.bytes, fault, SIP_BAD_BRACKET, "<sip:c\r\n");
}

/*
 * Addresses
 */

static void test_addr(void **state)
{
    (void)state;
    static const struct {
        const char *text, *display, *host, *params, *tag;
        bool bracketed;
        long expires; /* -1: none */
    } rows[] = {
        {"<sip:a@10.0.0.5>", "", "10.0.0.5", "", "", true, -1},
        {"\"Alice <x>\" <sip:a@10.0.0.5;lr>;tag=1", "\"Alice <x>\"", "10.0.0.5", ";tag=1", "1",
         true, -1},
        {"\"caller\"<sip:a@10.0.0.5>", "\"caller\"", "10.0.0.5", "", "", true, -1},
        {"A. G. Bell <sip:a@b.example> ;TAG = x ; expires=3600", "A. G. Bell", "b.example",
         ";TAG = x ; expires=3600", "x", true, 3600},
        {"J\xc3\xbcrgen <sip:a@b>", "J\xc3\xbcrgen", "b", "", "", true, -1},
        {"sip:a@10.0.0.5:5060;tag=1;transport=udp", "", "10.0.0.5", ";tag=1;transport=udp", "1",
         false, -1},
        {"sip:a@b;x=\"<\"", "", "b", ";x=\"<\"", "", false, -1},
        {"  sip:b\r\n ;tag=\r\n y  ", "", "b", ";tag=\r\n y", "y", false, -1},
        {"<sip:a,b@c>;expires=4294967295;q=0.5", "", "c", ";expires=4294967295;q=0.5", "", true,
         4294967295},
        {"<sip:c>;expires=4294967296", "", "c", ";expires=4294967296", "", true, -1},
        {"<sip:c>;expires=never", "", "c", ";expires=never", "", true, -1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = guard_put(slice_str(rows[i].text));
        struct sip_addr a;
        struct sip_fault fault = {0};
        if (sip_addr_parse(text, &a, &fault) != 0)
            fail_msg("%s: %s", rows[i].text, sip_bad_text(fault.reason));
        assert_slice(a.display, rows[i].display);
        assert_slice(a.uri.at.host, rows[i].host);
        assert_slice(a.params, rows[i].params);
        assert_slice(a.tag, rows[i].tag);
        assert_int_equal(a.bracketed, rows[i].bracketed);
        assert_int_equal(a.has_expires, rows[i].expires >= 0);
        if (a.has_expires)
            assert_int_equal(a.expires_s, rows[i].expires);
        assert_false(a.star);
        assert_true(a.uri.text.p >= text.p && a.params.p >= a.uri.text.p + a.uri.text.n);
    }
}

static void test_star_and_tel(void **state)
{
    (void)state;
    struct sip_addr a;
    assert_int_equal(sip_addr_parse(guard_put(slice_str(" * ")), &a, NULL), 0);
    assert_true(a.star);
    assert_int_equal(sip_addr_parse(guard_put(slice_str("<tel:+1;a=b>;tag=x")), &a, NULL), 0);
    assert_int_equal(a.uri.scheme, SIP_SCHEME_TEL);
    assert_slice(a.uri.text, "tel:+1;a=b");
    assert_slice(a.tag, "x");
}

static void test_bad_addrs(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sip_bad reason;
        const char *at;
    } rows[] = {
        {"", SIP_BAD_ITEM_EMPTY, ""},
        {"*;expires=0", SIP_BAD_URI_SCHEME, "*"},
        {"\"Alice <sip:a@b>", SIP_BAD_QUOTE, "\"Alice"},
        {"\"Alice\" sip:a@b", SIP_BAD_BRACKET, " sip"},
        {"Alice, Bob <sip:a@b>", SIP_BAD_BRACKET, "<sip"},
        {"sip:a@b;x=<sip:c@d>", SIP_BAD_BRACKET, "<sip:c"},
        {"<sip:a@b", SIP_BAD_BRACKET, "<sip"},
        {"< sip:a@b>", SIP_BAD_URI_CHARACTER, " sip"},
        {"<sip:a@b >", SIP_BAD_URI_CHARACTER, " >"},
        {"<sip:a@b>>", SIP_BAD_TRAILING, ">"},
        {"<sip:a@b>, <sip:c@d>", SIP_BAD_TRAILING, ", <sip:c"},
        {"<sip:a@b> x", SIP_BAD_TRAILING, "x"},
        {"sip:a@b x", SIP_BAD_TRAILING, "x"},
        {"sip:a@b?Route=%3Csip:c%3E", SIP_BAD_URI_BARE, "?Route"},
        {"sip:a,b@c", SIP_BAD_URI_BARE, ",b"},
        {"  <sip:a@b>;;tag=1", SIP_BAD_PARAMETER, ";tag"},
        {"<sip:a@b>;tag=1;tag=2", SIP_BAD_PARAMETER_TWICE, "tag=2"},
        {"<sip:a@b>;expires=1;EXPIRES=2", SIP_BAD_PARAMETER_TWICE, "EXPIRES=2"},
        {"Alice <alice@b>", SIP_BAD_URI_SCHEME, "alice@b"},
        {"<>", SIP_BAD_URI_SCHEME, ">"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = guard_put(slice_str(rows[i].text));
        struct sip_addr a;
        struct sip_fault fault = {0};
        if (sip_addr_parse(text, &a, &fault) == 0)
            fail_msg("%s is taken", rows[i].text);
        assert_fault(text, fault, rows[i].reason, rows[i].at);
    }
}

/*
 * Via
 */

static void test_via(void **state)
{
    (void)state;
    struct sip_via v;
    struct slice text = guard_put(slice_str(
        "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;rport=1024;received=203.0.113.9;x;ttl=16"));
    assert_int_equal(sip_via_parse(text, &v, NULL), 0);
    assert_slice(v.transport, "UDP");
    assert_slice(v.sent_by.host, "10.0.0.5");
    assert_slice(v.sent_by.port, "5060");
    assert_slice(v.branch, "z9hG4bK1");
    assert_int_equal(v.rport, SIP_RPORT_GIVEN);
    assert_slice(v.rport_text, "1024");
    assert_int_equal(v.rport_value, 1024);
    assert_true(v.has_received && v.has_ttl && !v.has_maddr);
    assert_slice(v.received.host, "203.0.113.9");
    assert_int_equal(v.received.kind, SIP_HOST_IPV4);
    assert_int_equal(v.ttl, 16);
    assert_slice(v.params, ";branch=z9hG4bK1;rport=1024;received=203.0.113.9;x;ttl=16");

    text = guard_put(slice_str("sip / 2.0\r\n /TLS\t[2001:db8::9] : 5061 ; rport ; "
                               "received=2001:db8::10;maddr=224.0.1.75"));
    assert_int_equal(sip_via_parse(text, &v, NULL), 0);
    assert_slice(v.transport, "TLS");
    assert_slice(v.sent_by.host, "[2001:db8::9]");
    assert_int_equal(v.sent_by.port_value, 5061);
    assert_int_equal(v.rport, SIP_RPORT_ASKED);
    assert_int_equal(v.rport_text.n, 0);
    assert_memory_equal(v.rport_text.p - 5, "rport", 5);
    assert_slice(v.received.host, "2001:db8::10");
    assert_int_equal(v.received.kind, SIP_HOST_IPV6);
    assert_ptr_equal(v.received.port.p, v.received.host.p + v.received.host.n);
    assert_int_equal(v.maddr.kind, SIP_HOST_IPV4);

    text = guard_put(slice_str("SIP/2.0/WS df7jal23ls0d.invalid"));
    assert_int_equal(sip_via_parse(text, &v, NULL), 0);
    assert_int_equal(v.rport, SIP_RPORT_ABSENT);
    assert_int_equal(v.params.n, 0);
    assert_ptr_equal(v.params.p, text.p + text.n);
}

static void test_bad_vias(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sip_bad reason;
        const char *at;
    } rows[] = {
        {"", SIP_BAD_VIA_PROTOCOL, ""},
        {"SIP/2.0/UDP", SIP_BAD_VIA_PROTOCOL, ""},
        {"SIP/3.0/UDP a", SIP_BAD_VIA_PROTOCOL, "3.0"},
        {"HTTP/2.0/UDP a", SIP_BAD_VIA_PROTOCOL, "HTTP"},
        {"SIP 2.0/UDP a", SIP_BAD_VIA_PROTOCOL, "2.0"},
        {"SIP/2.0/ a", SIP_BAD_VIA_PROTOCOL, ""},
        {"SIP/2.0/UDP;a", SIP_BAD_VIA_PROTOCOL, ";a"},
        {"SIP/2.0/UDP ;branch=x", SIP_BAD_HOST, ";branch"},
        {"SIP/2.0/UDP a b;branch=x", SIP_BAD_HOST, " b"},
        {"SIP/2.0/UDP 10.0.0.5:70000", SIP_BAD_PORT, "70000"},
        {"SIP/2.0/UDP a;;", SIP_BAD_PARAMETER, ";"},
        {"SIP/2.0/UDP a;branch=1;branch=2", SIP_BAD_PARAMETER_TWICE, "branch=2"},
        {"SIP/2.0/UDP a;rport;rport=5", SIP_BAD_PARAMETER_TWICE, "rport=5"},
        {"SIP/2.0/UDP a;rport=0", SIP_BAD_PORT, "0"},
        {"SIP/2.0/UDP a;rport=x", SIP_BAD_PORT, "x"},
        {"SIP/2.0/UDP a;received=010.1.1.1", SIP_BAD_HOST, "010"},
        {"SIP/2.0/UDP a;received=10.1.1.1:5", SIP_BAD_HOST, "10.1"},
        {"SIP/2.0/UDP a;received=", SIP_BAD_HOST, ""},
        {"SIP/2.0/UDP a;ttl=256", SIP_BAD_NUMBER, "256"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = guard_put(slice_str(rows[i].text));
        struct sip_via v;
        struct sip_fault fault = {0};
        if (sip_via_parse(text, &v, &fault) == 0)
            fail_msg("%s is taken", rows[i].text);
        if (fault.reason != rows[i].reason || rows[i].at[0])
            assert_fault(text, fault, rows[i].reason, rows[i].at);
    }
}

/*
 * Small values
 */

static void test_cseq_and_rack(void **state)
{
    (void)state;
    struct sip_cseq c;
    struct sip_rack r;
    assert_int_equal(sip_cseq_parse(guard_put(slice_str("0009\r\n  INVITE")), &c, NULL), 0);
    assert_int_equal(c.number, 9);
    assert_int_equal(c.method, SIP_METHOD_INVITE);
    assert_int_equal(sip_cseq_parse(guard_put(slice_str("2147483647 FOO")), &c, NULL), 0);
    assert_int_equal(c.method, SIP_METHOD_UNKNOWN);
    assert_slice(c.method_text, "FOO");
    assert_int_equal(sip_rack_parse(guard_put(slice_str("776656 1 INVITE")), &r, NULL), 0);
    assert_int_equal(r.response, 776656);
    assert_int_equal(r.cseq.number, 1);
    assert_int_equal(r.cseq.method, SIP_METHOD_INVITE);
    static const char *const bad[] = {
        "",      "1",         "INVITE",     "1INVITE",        "-1 INVITE",
        "1;ACK", "1 IN VITE", "1 INVITE;x", "2147483648 ACK", "36893488147419103232 REGISTER"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(sip_cseq_parse(guard_put(slice_str(bad[i])), &c, NULL), -EINVAL);
    struct sip_fault fault;
    struct slice rack = guard_put(slice_str("1 x INVITE"));
    assert_int_equal(sip_rack_parse(rack, &r, &fault), -EINVAL);
    assert_fault(rack, fault, SIP_BAD_NUMBER, "x INV");
}

static void test_numbers(void **state)
{
    (void)state;
    uint32_t v = 7;
    assert_int_equal(sip_number_parse(SLICE_LIT("4294967295"), UINT32_MAX, &v, NULL), 0);
    assert_int_equal(v, UINT32_MAX);
    v = 7;
    static const char *const bad[] = {"", "-1", "256", "1 ", "99999999999999999999", "0x1"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(sip_number_parse(slice_str(bad[i]), 255, &v, NULL), -EINVAL);
    assert_int_equal(v, 7);
}

static void test_session_expires(void **state)
{
    (void)state;
    struct sip_session_expires se;
    assert_int_equal(sip_session_expires_parse(guard_put(slice_str("1800")), &se, NULL), 0);
    assert_int_equal(se.seconds, 1800);
    assert_int_equal(se.refresher, SIP_REFRESHER_NONE);
    assert_int_equal(
        sip_session_expires_parse(guard_put(slice_str("90 ;x=1; Refresher = UAS")), &se, NULL), 0);
    assert_int_equal(se.seconds, 90);
    assert_int_equal(se.refresher, SIP_REFRESHER_UAS);
    static const char *const bad[] = {"",        "x",
                                      "1800 x",  "1800;refresher=both",
                                      "1800;;",  "1800;refresher=uac;refresher=uas",
                                      "1800,90", "4294967296"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(sip_session_expires_parse(guard_put(slice_str(bad[i])), &se, NULL),
                         -EINVAL);
}

/*
 * Corpus
 */

static void corpus_one(const char *path, struct slice bytes)
{
    struct slice item;
    struct sip_fault fault = {0};
    if (sip_msg_parse(bytes, SIP_DATAGRAM, &msg, NULL, NULL) != SIP_DONE)
        return;
    bool real = strstr(path, "from-captures");
    for (unsigned id = 1; id < SIP_HEADER_COUNT; id++) {
        struct sip_values it = sip_values_of(&msg, id);
        int r;
        while ((r = sip_values_next(&it, &item, &fault)) > 0) {
            struct sip_addr a;
            struct sip_via v;
            struct sip_cseq c;
            int err = 0;
            if (sip_header_flags(id) & SIP_HEADER_ADDR)
                err = sip_addr_parse(item, &a, &fault);
            else if (id == SIP_VIA)
                err = sip_via_parse(item, &v, &fault);
            else if (id == SIP_CSEQ)
                err = sip_cseq_parse(item, &c, &fault);
            if (err && real)
                fail_msg("%s: %s: %s", path, sip_header_name(id), sip_bad_text(fault.reason));
        }
        if (r < 0 && real)
            fail_msg("%s: %s: %s", path, sip_header_name(id), sip_bad_text(fault.reason));
    }
}

static void test_corpus(void **state)
{
    (void)state;
    if (corpus_each(corpus_one) < 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_values_over_lines),
        cmocka_unit_test(test_values_fault),
        cmocka_unit_test(test_addr),
        cmocka_unit_test(test_star_and_tel),
        cmocka_unit_test(test_bad_addrs),
        cmocka_unit_test(test_via),
        cmocka_unit_test(test_bad_vias),
        cmocka_unit_test(test_cseq_and_rack),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_session_expires),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
