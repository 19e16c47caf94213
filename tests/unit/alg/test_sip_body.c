/* SPDX-License-Identifier: BSD-3-Clause */
/* Media types and multipart bodies: where the session descriptions of a message are. */
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

static void test_content_type(void **state)
{
    (void)state;
    static const struct {
        const char *text, *type, *subtype, *boundary;
        bool is_sdp, is_multipart;
    } rows[] = {
        {"application/sdp", "application", "sdp", "", true, false},
        {"Application / SDP ; charset=utf-8", "Application", "SDP", "", true, false},
        {"application/sdpx", "application", "sdpx", "", false, false},
        {"multipart/mixed;boundary=b1", "multipart", "mixed", "b1", false, true},
        {"multipart/mixed; a=b; Boundary=\"b 1\"", "multipart", "mixed", "b 1", false, true},
        {"multipart/mixed;boundary=\"\r\n\"", NULL, NULL, NULL, false, true},
        {"text/plain;boundary=x", "text", "plain", "x", false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sip_content_type t;
        int err = sip_content_type_parse(guard_put(slice_str(rows[i].text)), &t, NULL);
        assert_int_equal(err, rows[i].type ? 0 : -EINVAL);
        if (err)
            continue;
        assert_slice(t.type, rows[i].type);
        assert_slice(t.subtype, rows[i].subtype);
        assert_slice(t.boundary, rows[i].boundary);
        assert_int_equal(t.is_sdp, rows[i].is_sdp);
        assert_int_equal(t.is_multipart, rows[i].is_multipart);
    }
}

static void test_bad_content_types(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sip_bad reason;
        const char *at;
    } rows[] = {
        {"", SIP_BAD_MEDIA_TYPE, ""},
        {"application", SIP_BAD_MEDIA_TYPE, ""},
        {"application/", SIP_BAD_MEDIA_TYPE, ""},
        {"/sdp", SIP_BAD_MEDIA_TYPE, "/sdp"},
        {"application/sdp, text/plain", SIP_BAD_TRAILING, ","},
        {"application/sdp text/plain", SIP_BAD_TRAILING, "text"},
        {"multipart/mixed", SIP_BAD_BOUNDARY, ""},
        {"multipart/mixed;boundary=", SIP_BAD_BOUNDARY, ""},
        {"multipart/mixed;boundary=\"\"", SIP_BAD_BOUNDARY, "\"\""},
        {"multipart/mixed;boundary=\"a\\b\"", SIP_BAD_BOUNDARY, "\"a"},
        {"multipart/mixed;boundary=\"a \"", SIP_BAD_BOUNDARY, "\"a"},
        {"multipart/mixed;boundary=a;boundary=b", SIP_BAD_PARAMETER_TWICE, "boundary=b"},
        {"multipart/mixed;boundary="
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         SIP_BAD_BOUNDARY, "aaa"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice text = guard_put(slice_str(rows[i].text));
        struct sip_content_type t;
        struct sip_fault fault = {0};
        assert_int_equal(sip_content_type_parse(text, &t, &fault), -EINVAL);
        assert_fault(text, fault, rows[i].reason, rows[i].at);
    }
}

/*
 * Session descriptions of a message: headers and body in, descriptions or a fault out
 */

#define SDP "v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\n"

static const struct {
    const char *name, *headers, *body;
    int n; /* -EINVAL: `reason` at `at` */
    const char *sdp[SIP_SDP_MAX];
    enum sip_bad reason;
    const char *at;
} bodies[] = {
    {"plain", "c: application/sdp\r\n", SDP, 1, {SDP}, 0, NULL},
    {"no type, begins like one", "", SDP, 1, {SDP}, 0, NULL},
    {"no type, something else", "", "hello", 0, {NULL}, 0, NULL},
    {"empty", "c: application/sdp\r\n", "", 0, {NULL}, 0, NULL},
    {"another type", "c: text/plain\r\n", SDP, 0, {NULL}, 0, NULL},
    {"encoded", "c: application/sdp\r\ne: gzip\r\n", SDP, 0, {NULL}, 0, NULL},
    {"encoded as it is", "c: application/sdp\r\ne: Identity\r\n", SDP, 1, {SDP}, 0, NULL},
    {"bad type", "c: application\r\n", SDP, -EINVAL, {NULL}, SIP_BAD_MEDIA_TYPE, "\r\n"},
    {"ISUP beside it",
     "c: multipart/mixed;boundary=b\r\n",
     "preamble\r\n--b\r\nContent-Type: application/ISUP;version=nxv3\r\n\r\n\1\2\r\n--bb\r\n"
     "\r\n--b\r\nContent-Type: application/sdp\r\n\r\n" SDP "\r\n--b--\r\nepilogue --b",
     1,
     {SDP},
     0,
     NULL},
    {"blanks behind boundaries",
     "c: multipart/mixed;boundary=\"b c\"\r\n",
     "--b c \t\r\nc : application/\r\n sdp\r\n\r\n" SDP "\r\n--b c-- ",
     1,
     {SDP},
     0,
     NULL},
    {"LF only",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\nc: application/sdp\n\nv=0\n\n--b--",
     1,
     {"v=0\n"},
     0,
     NULL},
    {"parts without heads, types or bodies",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\n\r\n" SDP "\r\n--b\r\n\r\n--b\r\nc: application/sdp\r\n\r\n\r\n--b--",
     1,
     {""},
     0,
     NULL},
    {"base64",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n"
     "--b--",
     0,
     {NULL},
     0,
     NULL},
    {"8bit",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nContent-Type: application/sdp\r\ncontent-transfer-encoding: 8BIT\r\n\r\nv=0\r\n--b--",
     1,
     {"v=0"},
     0,
     NULL},
    {"nested",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nc: multipart/alternative;boundary=b2\r\n\r\n--b2\r\nc: application/sdp\r\n\r\nv=1\r\n"
     "--b2\r\nc: text/plain\r\n\r\nv=2\r\n--b2--\r\n--b\r\nc: application/sdp\r\n\r\nv=3\r\n--b--",
     2,
     {"v=1", "v=3"},
     0,
     NULL},
    {"nested too deep",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nc: multipart/mixed;boundary=c\r\n\r\n--c\r\nc: multipart/mixed;boundary=d\r\n\r\n"
     "--d--\r\n--c--\r\n--b--",
     -EINVAL,
     {NULL},
     SIP_BAD_PART_DEPTH,
     "--d--"},
    {"more than are looked for",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nc: application/sdp\r\n\r\n1\r\n--b\r\nc: application/sdp\r\n\r\n2\r\n"
     "--b\r\nc: application/sdp\r\n\r\n3\r\n--b\r\nc: application/sdp\r\n\r\n4\r\n"
     "--b\r\nc: application/sdp\r\n\r\n5\r\n--b--",
     -EINVAL,
     {NULL},
     SIP_BAD_PART,
     "5\r\n"},
    {"no boundary in the body",
     "c: multipart/mixed;boundary=b\r\n",
     SDP,
     -EINVAL,
     {NULL},
     SIP_BAD_PART,
     ""},
    {"not closed",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nc: application/sdp\r\n\r\n" SDP "\r\n--b-",
     -EINVAL,
     {NULL},
     SIP_BAD_PART,
     "--b\r\n"},
    {"type twice",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nc: text/plain\r\nContent-Type: application/sdp\r\n\r\n" SDP "\r\n--b--",
     -EINVAL,
     {NULL},
     SIP_BAD_HEADER_TWICE,
     "application/sdp"},
    {"head without end",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nc: text/plain\r\n\r--b--",
     -EINVAL,
     {NULL},
     SIP_BAD_PART,
     "--b"},
    {"head of one line",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nc: text/plain\r\n--b--",
     -EINVAL,
     {NULL},
     SIP_BAD_PART,
     "\r\n--b--"},
    {"zero byte in a head",
     "c: multipart/mixed;boundary=b\r\n",
     "--b\r\nSubject: \x01\r\nc text/plain\r\n\r\n\r\n--b--",
     -EINVAL,
     {NULL},
     SIP_BAD_PART,
     "text/plain"},
};

static void test_bodies(void **state)
{
    (void)state;
    char bytes[4096];
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct slice out[SIP_SDP_MAX];
        struct sip_fault fault = {0};
        snprintf(bytes, sizeof(bytes), "MESSAGE sip:a@b SIP/2.0\r\n%s\r\n%s", bodies[i].headers,
                 bodies[i].body);
        struct slice all = guard_put(slice_str(bytes));
        assert_int_equal(sip_msg_parse(all, SIP_DATAGRAM, &msg, NULL, NULL), SIP_DONE);
        int n = sip_msg_sdp(&msg, out, &fault);
        if (n != bodies[i].n)
            fail_msg("%s: %d, %s", bodies[i].name, n, sip_bad_text(fault.reason));
        if (n < 0)
            assert_fault(all, fault, bodies[i].reason, bodies[i].at);
        for (int k = 0; k < n; k++)
            assert_slice(out[k], bodies[i].sdp[k]);
    }
}

static void test_parts(void **state)
{
    (void)state;
    struct sip_content_type type;
    struct sip_parts it;
    struct sip_part part;
    struct slice body =
        guard_put(slice_str("--b\r\nc: text/plain\r\n\r\nab\r\n--b\r\n\r\n\r\n--b--"));
    assert_int_equal(sip_content_type_parse(slice_str("multipart/mixed;boundary=b"), &type, NULL),
                     0);
    assert_int_equal(sip_parts_of(&type, body, &it, NULL), 0);
    assert_int_equal(sip_parts_next(&it, &part, NULL), 1);
    assert_slice(part.head, "c: text/plain\r\n\r\n");
    assert_slice(part.body, "ab");
    assert_true(part.has_type && !part.encoded);
    assert_int_equal(sip_parts_next(&it, &part, NULL), 1);
    assert_slice(part.head, "\r\n");
    assert_slice(part.body, "");
    assert_false(part.has_type);
    assert_int_equal(sip_parts_next(&it, &part, NULL), 0);
    assert_int_equal(sip_parts_next(&it, &part, NULL), 0);
    assert_int_equal(sip_parts_of(&type, slice_str("--b--"), &it, NULL), 0);
    assert_int_equal(sip_parts_next(&it, &part, NULL), 0);
    assert_int_equal(sip_content_type_parse(slice_str("text/plain"), &type, NULL), 0);
    assert_int_equal(sip_parts_of(&type, body, &it, NULL), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content_type),
        cmocka_unit_test(test_bad_content_types),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
