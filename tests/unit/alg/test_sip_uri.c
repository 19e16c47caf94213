/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters, hosts and URIs, flush against an inaccessible page. */
#include "alg/sip_header.h"

#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"

/*
 * Parameters
 */

static void test_params(void **state)
{
    (void)state;
    struct slice rest = guard_put(slice_str(" ;a;B=1 ; c = \"x;\\\"y\"\r\n ;d=;e=[::1]"));
    static const struct {
        const char *name, *value;
        bool has_value;
    } rows[] = {{"a", "", false},
                {"B", "1", true},
                {"c", "\"x;\\\"y\"", true},
                {"d", "", true},
                {"e", "[::1]", true}};
    struct slice all = rest;
    struct sip_param p;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(sip_param_next(&rest, &p, NULL), 1);
        assert_slice(p.name, rows[i].name);
        assert_slice(p.value, rows[i].value);
        assert_int_equal(p.has_value, rows[i].has_value);
        assert_true(p.value.p >= p.name.p + p.name.n);
    }
    assert_int_equal(sip_param_next(&rest, &p, NULL), 0);
    assert_int_equal(sip_param_find(all, SLICE_LIT("b"), &p), 1);
    assert_slice(p.value, "1");
    assert_int_equal(sip_param_find(all, SLICE_LIT("f"), &p), 0);
    assert_int_equal(sip_param_find(slice_str(";a;b;A=1"), SLICE_LIT("a"), &p), -EINVAL);
    assert_int_equal(sip_param_find(slice_str(";a;;"), SLICE_LIT("a"), &p), -EINVAL);
    assert_int_equal(sip_param_find(SLICE_NONE, SLICE_LIT("a"), &p), 0);
}

static void test_bad_params(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum sip_bad reason;
        const char *at;
    } rows[] = {
        {"a=1", SIP_BAD_TRAILING, "a"},     {";", SIP_BAD_PARAMETER, ""},
        {";;a", SIP_BAD_PARAMETER, ";a"},   {";=1", SIP_BAD_PARAMETER, "=1"},
        {";a b", SIP_BAD_PARAMETER, "b"},   {";a=1 b", SIP_BAD_PARAMETER, "b"},
        {";a=\"1", SIP_BAD_QUOTE, "\"1"},   {";a=\"1\"2", SIP_BAD_PARAMETER, "2"},
        {";a=<b>", SIP_BAD_PARAMETER, "<"}, {";a\"b\"", SIP_BAD_PARAMETER, "\"b"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice all = guard_put(slice_str(rows[i].value)), rest = all;
        struct sip_param p;
        struct sip_fault fault = {0};
        assert_int_equal(sip_param_next(&rest, &p, &fault), -EINVAL);
        assert_fault(all, fault, rows[i].reason, rows[i].at);
    }
}

/*
 * Hosts
 */

static void test_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool blanks;
        enum sip_host_kind kind;
        const char *host, *port;
        unsigned value;
    } rows[] = {
        {"10.0.0.5", false, SIP_HOST_IPV4, "10.0.0.5", "", 0},
        {"10.0.0.5:1", false, SIP_HOST_IPV4, "10.0.0.5", "1", 1},
        {"10.0.0.5:65535", false, SIP_HOST_IPV4, "10.0.0.5", "65535", 65535},
        {"10.0.0.5:05060", false, SIP_HOST_IPV4, "10.0.0.5", "05060", 5060},
        {"0.0.0.0", false, SIP_HOST_IPV4, "0.0.0.0", "", 0},
        {"[2001:db8::1]", false, SIP_HOST_IPV6, "[2001:db8::1]", "", 0},
        {"[::ffff:10.0.0.5]:5060", false, SIP_HOST_IPV6, "[::ffff:10.0.0.5]", "5060", 5060},
        {"pbx.example.com:5070", false, SIP_HOST_NAME, "pbx.example.com", "5070", 5070},
        {"localhost", false, SIP_HOST_NAME, "localhost", "", 0},
        {"example.com.", false, SIP_HOST_NAME, "example.com.", "", 0},
        {"10.0.0.5.example", false, SIP_HOST_NAME, "10.0.0.5.example", "", 0},
        {"phone_1", false, SIP_HOST_NAME, "phone_1", "", 0},
        {"5g-core", false, SIP_HOST_NAME, "5g-core", "", 0},
        {"host :\r\n 5060 ", true, SIP_HOST_NAME, "host", "5060", 5060},
        {"[::1] : 7", true, SIP_HOST_IPV6, "[::1]", "7", 7},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = guard_put(slice_str(rows[i].text));
        struct sip_host h;
        if (sip_host_parse(text, rows[i].blanks, &h, NULL) != 0)
            fail_msg("%s", rows[i].text);
        assert_int_equal(h.kind, rows[i].kind);
        assert_slice(h.host, rows[i].host);
        assert_slice(h.port, rows[i].port);
        assert_int_equal(h.has_port, rows[i].port[0] != '\0');
        assert_int_equal(h.port_value, rows[i].value);
        if (!h.has_port)
            assert_ptr_equal(h.port.p, h.host.p + h.host.n);
    }
    struct sip_host h;
    assert_int_equal(sip_host_parse(SLICE_LIT("192.168.1.2:5060"), false, &h, NULL), 0);
    assert_int_equal(be32_host(h.ip.word[3]), 0xc0a80102);
    assert_int_equal(sip_host_parse(SLICE_LIT("[2001:db8::5]"), false, &h, NULL), 0);
    assert_memory_equal(h.ip.byte, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\5", 16);
}

static void test_bad_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sip_bad reason;
    } rows[] = {
        {"", SIP_BAD_HOST},
        {":5060", SIP_BAD_HOST},
        {"010.0.0.1", SIP_BAD_HOST}, /* octal for some */
        {"10.1", SIP_BAD_HOST},      /* 10.0.0.1 for some */
        {"167772161", SIP_BAD_HOST}, /* 10.0.0.1 for some */
        {"0x0a000001", SIP_BAD_HOST},
        {"10.0.0.0x1", SIP_BAD_HOST},
        {"10.0.0.256", SIP_BAD_HOST},
        {"10.0.0.1.", SIP_BAD_HOST},
        {"10.0.0.5.6", SIP_BAD_HOST},
        {".example", SIP_BAD_HOST},
        {"a..b", SIP_BAD_HOST},
        {"a b", SIP_BAD_HOST},
        {"h\xc3\xa4", SIP_BAD_HOST},
        {"[]", SIP_BAD_HOST},
        {"[", SIP_BAD_HOST},
        {"[::1", SIP_BAD_HOST},
        {"[::1]x", SIP_BAD_HOST},
        {"[::g]", SIP_BAD_HOST},
        {"[fe80::1%eth0]", SIP_BAD_HOST},
        {"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]", SIP_BAD_HOST},
        {"2001:db8::1", SIP_BAD_HOST},
        {"a:", SIP_BAD_PORT},
        {"a:0", SIP_BAD_PORT},
        {"a:65536", SIP_BAD_PORT},
        {"a:005060", SIP_BAD_PORT},
        {"a:+5060", SIP_BAD_PORT},
        {"a:5060x", SIP_BAD_PORT},
        {"a:5060:5060", SIP_BAD_PORT},
        {"a :5060", SIP_BAD_HOST},
        {"a: 5060", SIP_BAD_PORT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = guard_put(slice_str(rows[i].text));
        struct sip_host h;
        struct sip_fault fault = {0};
        if (sip_host_parse(text, false, &h, &fault) == 0)
            fail_msg("%s is taken", rows[i].text);
        if (fault.reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].text, sip_bad_text(fault.reason));
    }
}

/*
 * URIs
 */

static void test_uri(void **state)
{
    (void)state;
    struct sip_uri u;
    assert_int_equal(
        sip_uri_parse(guard_put(slice_str("sips:alice;x:pw@10.0.0.5:5061;transport=TCP;"
                                          "maddr=10.0.0.6;lr?Subject=a%20b&X=1")),
                      &u, NULL),
        0);
    assert_int_equal(u.scheme, SIP_SCHEME_SIPS);
    assert_true(sip_uri_is_sip(&u));
    assert_true(u.has_user);
    assert_slice(u.user, "alice;x:pw");
    assert_slice(u.at.host, "10.0.0.5");
    assert_slice(u.at.port, "5061");
    assert_slice(u.params, ";transport=TCP;maddr=10.0.0.6;lr");
    assert_slice(u.headers, "?Subject=a%20b&X=1");
    assert_slice(u.transport, "TCP");
    assert_true(u.lr && u.has_maddr);
    assert_slice(u.maddr.host, "10.0.0.6");
    assert_int_equal(sip_uri_parse(guard_put(slice_str("SIP:[::1]")), &u, NULL), 0);
    assert_false(u.has_user);
    assert_int_equal(u.at.kind, SIP_HOST_IPV6);
    assert_int_equal(u.params.n + u.headers.n + u.user.n + u.transport.n, 0);
    assert_int_equal(
        sip_uri_parse(guard_put(slice_str("sip:user;par=u%40example.net@example.com")), &u, NULL),
        0);
    assert_slice(u.user, "user;par=u%40example.net");
    assert_slice(u.at.host, "example.com");
    assert_int_equal(sip_uri_parse(guard_put(slice_str("sip:host?a=b;c")), &u, NULL), 0);
    assert_slice(u.at.host, "host");
    assert_slice(u.headers, "?a=b;c");
    assert_int_equal(u.params.n, 0);
}

static void test_opaque_uris(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sip_scheme scheme;
    } rows[] = {
        {"tel:+1-201-555-0123;phone-context=x", SIP_SCHEME_TEL},
        {"TEL:1", SIP_SCHEME_TEL},
        {"urn:service:sos", SIP_SCHEME_OTHER},
        {"name:John_Smith", SIP_SCHEME_OTHER},
        {"sip2:a@b", SIP_SCHEME_OTHER},
        {"http://10.0.0.5/", SIP_SCHEME_OTHER},
    };
    struct sip_uri u;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(sip_uri_parse(guard_put(slice_str(rows[i].text)), &u, NULL), 0);
        assert_int_equal(u.scheme, rows[i].scheme);
        assert_false(sip_uri_is_sip(&u));
        assert_slice(u.text, rows[i].text);
    }
}

static void test_bad_uris(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sip_bad reason;
        const char *at;
    } rows[] = {
        {"", SIP_BAD_URI_SCHEME, ""},
        {"alice@10.0.0.5", SIP_BAD_URI_SCHEME, "alice"},
        {":a@b", SIP_BAD_URI_SCHEME, ":a"},
        {"1sip:a@b", SIP_BAD_URI_SCHEME, "1sip"},
        {"s@p:a", SIP_BAD_URI_SCHEME, "s@p"},
        {"sip:", SIP_BAD_HOST, ""},
        {"sip:a@", SIP_BAD_HOST, ""},
        {"sip:a@b@c", SIP_BAD_URI_USER, "@c"},
        {"sip:a@b;maddr=x@y", SIP_BAD_URI_USER, "@y"},
        {"sip:a @b", SIP_BAD_URI_CHARACTER, " @b"},
        {"sip:a@b\r\n ;lr", SIP_BAD_URI_CHARACTER, "\r\n"},
        {"sip:\xff@b", SIP_BAD_URI_CHARACTER, "\xff"},
        {"sip:\"a\"@b", SIP_BAD_URI_CHARACTER, "\"a"},
        {"sip:a@b:0", SIP_BAD_PORT, "0"},
        {"sip:a@10.0.0", SIP_BAD_HOST, "10.0.0"},
        {"sip:a@b;;lr", SIP_BAD_PARAMETER, ";lr"},
        {"sip:a@b;transport=udp;x;Transport=tcp", SIP_BAD_PARAMETER_TWICE, "Transport=tcp"},
        {"sip:a@b;maddr=1.2.3.4;maddr=1.2.3.5", SIP_BAD_PARAMETER_TWICE, "maddr=1.2.3.5"},
        {"sip:a@b;maddr=1.2.3", SIP_BAD_HOST, "1.2.3"},
        {"sip:a@b;maddr=1.2.3.4:5", SIP_BAD_HOST, "1.2.3.4:5"},
        {"sip:a@b;maddr", SIP_BAD_HOST, ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = guard_put(slice_str(rows[i].text));
        struct sip_uri u;
        struct sip_fault fault = {0};
        if (sip_uri_parse(text, &u, &fault) == 0)
            fail_msg("%s is taken", rows[i].text);
        assert_fault(text, fault, rows[i].reason, rows[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params),   cmocka_unit_test(test_bad_params),
        cmocka_unit_test(test_hosts),    cmocka_unit_test(test_bad_hosts),
        cmocka_unit_test(test_uri),      cmocka_unit_test(test_opaque_uris),
        cmocka_unit_test(test_bad_uris),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
