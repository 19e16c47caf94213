/* SPDX-License-Identifier: BSD-3-Clause */
/* Each check of a VoIP profile: what it finds and what it leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alg/sip_grammar.h"

#define CHECK(id) VOIP_CHECK_##id

static const char *const names[VOIP_CHECK_COUNT] = {
#define X(id, option, text) option,
    VOIP_CHECKS(X)
#undef X
};

struct found {
    uint64_t checks;
    unsigned n;
    const char *from, *to; /* what may be pointed at */
};

static bool note(void *ctx, const struct sip_finding *finding)
{
    struct found *f = ctx;
    f->checks |= UINT64_C(1) << finding->check;
    f->n++;
    if (finding->at.p) {
        assert_true(finding->at.p >= f->from);
        assert_true(finding->at.p + finding->at.n <= f->to);
    }
    return false;
}

static uint64_t look(const char *text, size_t n, bool rfc2543_branch)
{
    char *bytes = malloc(n);
    static struct sip_msg msg;
    struct sip_fault fault;
    assert_non_null(bytes);
    memcpy(bytes, text, n);
    if (sip_msg_parse(slice_of(bytes, n), SIP_DATAGRAM, &msg, &fault, NULL) != SIP_DONE)
        fail_msg("%s: %s", sip_bad_text(fault.reason), text);
    struct found f = {.from = bytes, .to = bytes + n};
    struct sip_search search = {SIP_CHECKS_ALL, rfc2543_branch, note, &f};
    assert_false(sip_grammar(&msg, &search));
    free(bytes);
    return f.checks;
}

static uint64_t look_sdp(const char *text)
{
    size_t n = strlen(text);
    char *bytes = malloc(n);
    assert_non_null(bytes);
    memcpy(bytes, text, n);
    struct found f = {.from = bytes, .to = bytes + n};
    struct sip_search search = {SIP_CHECKS_ALL, false, note, &f};
    assert_false(sdp_grammar(slice_of(bytes, n), &search));
    free(bytes);
    return f.checks;
}

/* Every header once, well-formed; a row replaces the lines that begin with its name. */
static const char *const request_lines[] = {
    "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1",
    "From: \"A. Lice\" <sip:alice@example.com>;tag=1",
    "To: Bob <sip:bob@example.com>",
    "Call-ID: abc@10.0.0.1",
    "CSeq: 1 INVITE",
    "Contact: <sip:alice@10.0.0.1:5060;transport=udp>;expires=60;q=0.7",
    NULL,
};
static const char *const response_lines[] = {
    "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1",
    "From: <sip:alice@example.com>;tag=1",
    "To: <sip:bob@example.com>;tag=2",
    "Call-ID: abc@10.0.0.1",
    "CSeq: 1 INVITE",
    NULL,
};

static bool same_name(const char *line, const char *row)
{
    size_t n = strcspn(line, ":");
    return strncmp(line, row, n + 1) == 0;
}

/* `row`: header lines, several separated by CRLF. */
static size_t message(char *out, size_t size, const char *start, const char *const *lines,
                      const char *row)
{
    size_t n = (size_t)snprintf(out, size, "%s\r\n", start);
    for (; *lines; lines++)
        if (!same_name(*lines, row))
            n += (size_t)snprintf(out + n, size - n, "%s\r\n", *lines);
    n += (size_t)snprintf(out + n, size - n, "%s\r\nContent-Length: 0\r\n\r\n", row);
    assert_true(n < size);
    return n;
}

#define INVITE  "INVITE sip:bob@example.com SIP/2.0"
#define NOTHING VOIP_CHECK_COUNT

/* What alone is found in a message with this line. */
static const struct row {
    const char *start, *line;
    int check;
} rows[] = {
    {INVITE, "Subject: x", NOTHING},
    {"SIP/2.0 200 OK", "Subject: x", NOTHING},
    /* request line */
    {"INVITE sip:bob%20x@example.com;user=phone SIP/2.0", "Subject: x", NOTHING},
    {"INVITE tel:+358-555-1234567;phone-context=5 SIP/2.0", "Subject: x", NOTHING},
    {"INVITE sip:bob%2@example.com SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    {"INVITE sip:bob%xy@example.com SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    {"INVITE sip:bob@example.com?Route=%3Csip:a%3E SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    {"INVITE sip:*97#@example.com SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    {"INVITE sip:@example.com SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    {"INVITE sip:bob@10.1 SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    {"INVITE sip:bob@example.com:0 SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    {"INVITE 1234 SIP/2.0", "Subject: x", CHECK(REQUEST_LINE)},
    /* Via */
    {INVITE, "Via: SIP / 2.0 / UDP [2001:db8::1]:5060 ;branch=z9hG4bKx;rport", NOTHING},
    {INVITE, "Via: SIP/2.0/TCP a.example;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2", NOTHING},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1", CHECK(VIA)},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1;branch=1", CHECK(VIA)},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK", CHECK(VIA)},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1, ", CHECK(VIA)},
    {INVITE, "Via: SIP/1.0/UDP 10.0.0.1;branch=z9hG4bK1", CHECK(VIA)},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1:99999;branch=z9hG4bK1", CHECK(VIA)},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;ttl=256", CHECK(VIA)},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP", CHECK(VIA)},
    {INVITE, "Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\nVia:", CHECK(VIA)},
    /* From, To */
    {INVITE, "From: sip:alice@example.com;tag=1", NOTHING},
    {INVITE, "From: caller<sip:caller@example.com>;tag=1", NOTHING},
    {INVITE, "From: <sip:alice@example.com>", CHECK(FROM)},
    {INVITE, "From: <sip:alice@example.com>;tag=", CHECK(FROM)},
    {INVITE, "From: <sip:alice@example.com>;tag=\"1\"", CHECK(FROM)},
    {INVITE, "From: <sip:alice@example.com>;tag=1;tag=2", CHECK(FROM)},
    {INVITE, "From: Bell, A. <sip:a@example.com>;tag=1", CHECK(FROM)},
    {INVITE, "From: A (home) <sip:a@example.com>;tag=1", CHECK(FROM)},
    {INVITE, "From: \"A <sip:a@example.com>;tag=1", CHECK(FROM)},
    {INVITE, "From: *", CHECK(FROM)},
    {INVITE, "To: <sip:bob@example.com", CHECK(TO)},
    {INVITE, "To: <sip:bo b@example.com>", CHECK(TO)},
    {"SIP/2.0 200 OK", "To: <sip:bob@example.com>", CHECK(TO)},
    {"SIP/2.0 100 Trying", "To: <sip:bob@example.com>", NOTHING},
    /* Call-ID, CSeq, RAck, RSeq */
    {INVITE, "Call-ID: a(b)<c>:\\\"/[]?{}@x", NOTHING},
    {INVITE, "Call-ID: a@b@c", CHECK(CALL_ID)},
    {INVITE, "Call-ID: @b", CHECK(CALL_ID)},
    {INVITE, "Call-ID: a b", CHECK(CALL_ID)},
    {INVITE, "Call-ID: a@", CHECK(CALL_ID)},
    {INVITE, "Call-ID:", CHECK(CALL_ID)},
    {INVITE, "CSeq: 2147483647   INVITE", NOTHING},
    {INVITE, "CSeq: 2147483648 INVITE", CHECK(CSEQ)},
    {INVITE, "CSeq: 1", CHECK(CSEQ)},
    {INVITE, "CSeq: 1 ACK", CHECK(CSEQ)},
    {INVITE, "RAck: 776656 1 INVITE", NOTHING},
    {INVITE, "RAck: 4294967295 1 INVITE", NOTHING},
    {INVITE, "RAck: 4294967296 1 INVITE", CHECK(RACK)},
    {INVITE, "RAck: 776656 INVITE", CHECK(RACK)},
    {INVITE, "RAck: 776656", CHECK(RACK)},
    {INVITE, "RSeq: 1", NOTHING},
    {INVITE, "RSeq: 0", CHECK(RSEQ)},
    {INVITE, "RSeq: x", CHECK(RSEQ)},
    /* Contact, routes */
    {INVITE, "Contact: <sip:a@b>;q=1.000, <sip:c@d;x?y=z>;q=0", NOTHING},
    {INVITE, "Contact: <sip:a@b>;q=1.1", CHECK(CONTACT)},
    {INVITE, "Contact: <sip:a@b>;q=0.1234", CHECK(CONTACT)},
    {INVITE, "Contact: <sip:a@b>;expires=4294967296", CHECK(CONTACT)},
    {INVITE, "Contact: <sip:a@b>;expires=soon", CHECK(CONTACT)},
    {INVITE, "Contact: <sip:a@b>,,<sip:c@d>", CHECK(CONTACT)},
    {INVITE, "Contact: sip:a@b?x=y", CHECK(CONTACT)},
    {INVITE, "Contact:", CHECK(CONTACT)},
    {INVITE, "Contact: *", CHECK(CONTACT)},
    {INVITE, "Route: <sip:a;lr>,\r\n <sip:b;lr>", NOTHING},
    {INVITE, "Route: sip:a", CHECK(ROUTE)},
    {INVITE, "Route: <sip:a;lr>,", CHECK(ROUTE)},
    {INVITE, "Record-Route: <sip:a;lr>", NOTHING},
    {INVITE, "Record-Route: <http://a>", NOTHING},
    {INVITE, "Record-Route: <sip:a:x>", CHECK(RECORD_ROUTE)},
    /* numbers, media types, lists of methods */
    {INVITE, "Expires: 4294967295", NOTHING},
    {INVITE, "Expires: 4294967296", CHECK(EXPIRES)},
    {INVITE, "Expires: Thu, 01 Dec 1994 16:00:00 GMT", CHECK(EXPIRES)},
    {INVITE, "Max-Forwards: 255", NOTHING},
    {INVITE, "Max-Forwards: 256", CHECK(MAX_FORWARDS)},
    {INVITE, "Max-Forwards: -1", CHECK(MAX_FORWARDS)},
    {INVITE, "Content-Type: multipart/mixed;boundary=x", NOTHING},
    {INVITE, "Content-Type: text", CHECK(CONTENT_TYPE)},
    {INVITE, "Content-Type: text/", CHECK(CONTENT_TYPE)},
    {INVITE, "Allow: INVITE, ACK", NOTHING},
    {INVITE, "Allow:", NOTHING},
    {INVITE, "Allow: INVITE ACK", CHECK(ALLOW)},
    {INVITE, "Allow: INVITE,,ACK", CHECK(ALLOW)},
    {INVITE, "P-Asserted-Identity: <sip:a@b>, <tel:+123>", NOTHING},
    {INVITE, "P-Asserted-Identity: <sip:a@b>, <sip:c@d>", CHECK(P_ASSERTED_IDENTITY)},
    {INVITE, "P-Asserted-Identity: <sip:a@b>\r\nP-Asserted-Identity: <http://a>",
     CHECK(P_ASSERTED_IDENTITY)},
    {INVITE, "P-Asserted-Identity:", CHECK(P_ASSERTED_IDENTITY)},
    /* what lacks */
    {"SIP/2.0 183 x", "RSeq: 1", CHECK(NO_REQUIRE)},
    {"SIP/2.0 183 x", "RSeq: 1\r\nRequire: 100rel", NOTHING},
    {"SIP/2.0 200 OK", "Session-Expires: 1800;refresher=uac", CHECK(NO_REQUIRE)},
    {"SIP/2.0 200 OK", "Session-Expires: 1800;refresher=uas", NOTHING},
    {INVITE, "Security-Client: tls\r\nRequire: sec-agree", CHECK(NO_PROXY_REQUIRE)},
    {INVITE, "Security-Client: tls\r\nProxy-Require: sec-agree", CHECK(NO_REQUIRE)},
    /* unknown */
    {INVITE, "X-Mine: 1", CHECK(UNKNOWN_HEADER)},
    {INVITE, "User-to-User: 1", NOTHING},
    {INVITE, "q: 1", CHECK(UNKNOWN_HEADER)},
};

static void test_headers(void **state)
{
    char text[4096];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        bool response = strncmp(r->start, "SIP/", 4) == 0;
        size_t n = message(text, sizeof(text), r->start, response ? response_lines : request_lines,
                           r->line);
        uint64_t want = r->check < VOIP_CHECK_COUNT ? UINT64_C(1) << r->check : 0;
        uint64_t got = look(text, n, false);
        if (got != want)
            fail_msg("row %zu: found %llx, not %llx (%s): %s / %s", i, (unsigned long long)got,
                     (unsigned long long)want, want ? names[r->check] : "nothing", r->start,
                     r->line);
    }
}

static void test_missing(void **state)
{
    static const struct {
        const char *text;
        uint64_t checks;
    } row[] = {
        {"INVITE sip:a@b SIP/2.0\r\n\r\n", 1u << CHECK(VIA) | 1u << CHECK(FROM) | 1u << CHECK(TO) |
                                               1u << CHECK(CALL_ID) | 1u << CHECK(CSEQ)},
        {"REGISTER sip:b SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n"
         "t: <sip:a@b>\r\ni: 1\r\nCSeq: 1 REGISTER\r\nm: *\r\nExpires: 0\r\n\r\n",
         0},
        {"REGISTER sip:b SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n"
         "t: <sip:a@b>\r\ni: 1\r\nCSeq: 1 REGISTER\r\nm: *\r\nExpires: 1\r\n\r\n",
         1u << CHECK(CONTACT)},
        {"MESSAGE sip:b SIP/2.0\r\nv: SIP/2.0/UDP a;branch=z9hG4bK1\r\nf: <sip:a@b>;tag=1\r\n"
         "t: <sip:a@b>\r\ni: 1\r\nCSeq: 1 MESSAGE\r\n\r\nhello",
         1u << CHECK(CONTENT_TYPE)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
        assert_int_equal(look(row[i].text, strlen(row[i].text), false), row[i].checks);
}

static void test_old_branch(void **state)
{
    char text[4096];
    (void)state;
    static const char *const lines[] = {"Via: SIP/2.0/UDP 10.0.0.1", "Via: SIP/2.0/UDP a;branch=1",
                                        "Via: SIP/2.0/UDP a;branch=z9hG4bK"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = message(text, sizeof(text), INVITE, request_lines, lines[i]);
        assert_int_equal(look(text, n, true), 0);
        assert_int_equal(look(text, n, false), 1u << CHECK(VIA));
    }
}

#define HEAD  "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n"
#define CONN  "c=IN IP4 10.0.0.1\r\n"
#define TIME  "t=0 0\r\n"
#define AUDIO "m=audio 6000 RTP/AVP 0 101\r\n"

static const struct {
    const char *text;
    int check;
} sdp_rows[] = {
    {HEAD CONN TIME AUDIO "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\na=rtcp:6001\r\n", NOTHING},
    {HEAD "i=x\r\nu=http://a\r\n" CONN "b=AS:64\r\n" TIME "r=7d 1h 0 25h\r\n"
          "z=2882844526 -1h 2898848070 0\r\nk=prompt\r\na=x\r\n" AUDIO,
     NOTHING},
    {HEAD TIME "m=audio 6000 RTP/AVP 0\r\ni=y\r\nc=IN IP6 2001:db8::1\r\nk=clear:x\r\n", NOTHING},
    {HEAD "c=IN IP4 224.2.36.42/127/3\r\n" TIME AUDIO, NOTHING},
    {HEAD TIME "m=audio 0 RTP/AVP 0\r\n", NOTHING},
    {HEAD CONN TIME "m=message 7394 TCP/MSRP *\r\n", NOTHING},
    {HEAD CONN TIME "m=image 5000 udptl t38\n", NOTHING},
    {"v=1\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n" CONN TIME, CHECK(SDP_V)},
    {"v=0\r\n" HEAD CONN TIME, CHECK(SDP_V)},
    {"o=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\n" CONN TIME, CHECK(SDP_V)},
    {"v=0\r\ns=-\r\n" CONN TIME, CHECK(SDP_O)},
    {"v=0\r\no=- x 1 IN IP4 10.0.0.1\r\ns=-\r\n" CONN TIME, CHECK(SDP_O)},
    {"v=0\r\no=- 1 1 IN IP4\r\ns=-\r\n" CONN TIME, CHECK(SDP_O)},
    {"v=0\r\no=- 1 1 IN IP4 10.0.0.1 x\r\ns=-\r\n" CONN TIME, CHECK(SDP_O)},
    {"v=0\r\no=- 1 1 IN IP4 10.0.0.1/1\r\ns=-\r\n" CONN TIME, CHECK(SDP_O)},
    {"v=0\r\no=- 1  1 IN IP4 10.0.0.1\r\ns=-\r\n" CONN TIME, CHECK(SDP_O)},
    {"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\n" CONN TIME, CHECK(SDP_S)},
    {"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=\r\n" CONN TIME, CHECK(SDP_S)},
    {HEAD "i=\r\n" CONN TIME, CHECK(SDP_I)},
    {HEAD "c=IN IP4 10.1\r\n" TIME, CHECK(SDP_C)},
    {HEAD "c=IN IP4\r\n" TIME, CHECK(SDP_C)},
    {HEAD "c=IN IP6 10.0.0.1\r\n" TIME, CHECK(SDP_C)},
    {HEAD "c=IN IP4 224.2.36.42/999\r\n" TIME, CHECK(SDP_C)},
    {HEAD TIME AUDIO, CHECK(SDP_C)},
    {HEAD TIME AUDIO CONN AUDIO, CHECK(SDP_C)},
    {HEAD CONN "b=64\r\n" TIME, CHECK(SDP_B)},
    {HEAD CONN "b=AS:x\r\n" TIME, CHECK(SDP_B)},
    {HEAD CONN TIME "z=1\r\n", CHECK(SDP_Z)},
    {HEAD CONN TIME "z=1 x\r\n", CHECK(SDP_Z)},
    {HEAD CONN TIME "k=secret\r\n", CHECK(SDP_K)},
    {HEAD CONN TIME "k=clear:\r\n", CHECK(SDP_K)},
    {HEAD CONN TIME "a=\r\n", CHECK(SDP_A)},
    {HEAD CONN TIME "a=x:\r\n", CHECK(SDP_A)},
    {HEAD CONN TIME AUDIO "a=rtpmap:0 PCMU\r\n", CHECK(SDP_A)},
    {HEAD CONN TIME AUDIO "a=rtpmap:128 PCMU/8000\r\n", CHECK(SDP_A)},
    {HEAD CONN TIME AUDIO "a=rtcp:99999\r\n", CHECK(SDP_A)},
    {HEAD CONN TIME AUDIO "a=sendonly:1\r\n", CHECK(SDP_A)},
    {HEAD CONN, CHECK(SDP_T)},
    {HEAD CONN "t=0\r\n", CHECK(SDP_T)},
    {HEAD CONN "t=0 0 0\r\n", CHECK(SDP_T)},
    {HEAD CONN "t=now 0\r\n", CHECK(SDP_T)},
    {HEAD CONN TIME "r=7d 1h\r\n", CHECK(SDP_R)},
    {HEAD CONN TIME "r=7w 1h 0\r\n", CHECK(SDP_R)},
    {HEAD CONN TIME "m=audio 6000 RTP/AVP\r\n", CHECK(SDP_M)},
    {HEAD CONN TIME "m=audio x RTP/AVP 0\r\n", CHECK(SDP_M)},
    {HEAD CONN TIME "m=audio 65536 RTP/AVP 0\r\n", CHECK(SDP_M)},
    {HEAD CONN TIME "m=audio 6000/x RTP/AVP 0\r\n", CHECK(SDP_M)},
    {HEAD CONN TIME "m=audio 6000 RTP/AVP 128\r\n", CHECK(SDP_M)},
    {HEAD CONN TIME "m=audio\r\n", CHECK(SDP_M)},
};

static void test_sdp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sdp_rows) / sizeof(sdp_rows[0]); i++) {
        uint64_t want = sdp_rows[i].check == NOTHING ? 0 : UINT64_C(1) << sdp_rows[i].check;
        uint64_t got = look_sdp(sdp_rows[i].text);
        if (got != want)
            fail_msg("row %zu: found %llx, not %llx: %s", i, (unsigned long long)got,
                     (unsigned long long)want, sdp_rows[i].text);
    }
}

/* Hostile bytes: findings point into the text, and the search ends. */
static void test_random(void **state)
{
    static const char alphabet[] = "voscbtzkarim=:/ 0123IN\r\n%\"<>;,@\t";
    unsigned seed = 1;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[96];
        size_t n = 0;
        for (; n < sizeof(text) - 1; n++)
            text[n] =
                alphabet[(seed = seed * 1103515245u + 12345u) / 65536 % (sizeof(alphabet) - 1)];
        text[n] = '\0';
        (void)look_sdp(text);
        if (round % 4 != 0)
            continue;
        for (size_t i = 0; i < n; i++)
            if (text[i] == '\r' || text[i] == '\n')
                text[i] = 'x';
        char whole[4096], line[256];
        static const char *const fields[] = {
            "Via",   "From", "Contact", "Call-ID", "RAck", "Allow", "P-Asserted-Identity",
            "Route", "CSeq"};
        snprintf(line, sizeof(line), "%s: %s", fields[seed / 7 % 9], text);
        (void)look(whole, message(whole, sizeof(whole), INVITE, request_lines, line), false);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),    cmocka_unit_test(test_missing),
        cmocka_unit_test(test_old_branch), cmocka_unit_test(test_sdp),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
