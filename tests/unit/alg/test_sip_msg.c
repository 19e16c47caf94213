/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The message index: what is a message and what is not, at every split of a stream, flush against
 * an inaccessible page.
 */
#include "alg/sip_msg.h"

#include "base/text.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES(text)            \
    {                          \
        text, sizeof(text) - 1 \
    }

static struct sip_msg msg; /* large; one is enough */

/*
 * What a datagram is
 */

static void test_classify(void **state)
{
    (void)state;
    static const struct {
        struct slice bytes;
        enum sip_class expected;
    } rows[] = {
        {BYTES(""), SIP_CLASS_KEEPALIVE},
        {BYTES("\r\n\r\n"), SIP_CLASS_KEEPALIVE},
        {BYTES("\r\n"), SIP_CLASS_KEEPALIVE},
        {BYTES("\n"), SIP_CLASS_KEEPALIVE},
        {BYTES("\0"), SIP_CLASS_KEEPALIVE},
        {BYTES("\0\1\0\0\x21\x12\xa4\x42"), SIP_CLASS_STUN},
        {BYTES("\1\1\0\0\x21\x12\xa4\x42"), SIP_CLASS_STUN},
        {BYTES("\0\0\0\0"), SIP_CLASS_STUN},
        {BYTES("INVITE sip:a@b SIP/2.0\r\n"), SIP_CLASS_SIP},
        {BYTES("\r\n\r\nINVITE sip:a@b SIP/2.0\r\n"), SIP_CLASS_SIP},
        {BYTES("SIP/2.0 200 OK\r\n"), SIP_CLASS_SIP},
        {BYTES("sip/2.0 200 OK\r\n"), SIP_CLASS_SIP},
        {BYTES("SIP/7.0 200 OK\r\n"), SIP_CLASS_SIP},
        {BYTES("NEWMETHOD sip:a@b SIP/2.0"), SIP_CLASS_SIP},
        {BYTES("INVITE sip:a@b\r\n SIP/2.0\r\n"), SIP_CLASS_SIP},
        {BYTES("  OPTIONS sip:a@b SIP/2.0\r\n"), SIP_CLASS_SIP},
        {BYTES("bye\tsip:a@b"), SIP_CLASS_SIP},
        {BYTES("GET / HTTP/1.1\r\n"), SIP_CLASS_OTHER},
        {BYTES("INVITED guests"), SIP_CLASS_OTHER},
        {BYTES("\x80\x60\0\0"), SIP_CLASS_OTHER},
        {BYTES("x"), SIP_CLASS_OTHER},
        {BYTES("hello\r\nBYE sip:a SIP/2.0\r\n"), SIP_CLASS_OTHER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (sip_classify(guard_put(rows[i].bytes)) != rows[i].expected)
            fail_msg("row %zu: %.*s", i, SLICE_ARG(rows[i].bytes));
}

/*
 * Good messages
 */

#define SDP_BODY                                                              \
    "v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 10.0.0.5\r\nt=0 0\r\n" \
    "m=audio 16384 RTP/AVP 0\r\n"

static const char invite[] = "INVITE sip:bob@203.0.113.9:5060;transport=udp SIP/2.0\r\n"
                             "Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1;rport\r\n"
                             "Max-Forwards: 70\r\n"
                             "From: \"Alice\" <sip:alice@10.0.0.5>;tag=a1\r\n"
                             "To: <sip:bob@203.0.113.9>\r\n"
                             "Call-ID: 1@10.0.0.5\r\n"
                             "CSeq: 1 INVITE\r\n"
                             "Contact: <sip:alice@10.0.0.5:5060>\r\n"
                             "Content-Type: application/sdp\r\n"
                             "Content-Length: 86\r\n"
                             "\r\n" SDP_BODY;

/* Every strange thing RFC 3261 allows, in one head: folds, blanks at colons, compact names. */
static const char folded[] = "\r\n\r\nNEW-method*1 sip:a@b.example SIP/2.0\r\n"
                             "TO :\r\n sip:vivekg@chair.example.com ;   tag    = 1918\r\n"
                             "from   : \"J \\\\\\\"\"       <sip:jdrosen@example.com>\r\n"
                             "  ;\r\n"
                             "\ttag = 98asjd8\r\n"
                             "MaX-fOrWaRdS: 0068\r\n"
                             "i: wsinv.ndaksdj@192.0.2.1\r\n"
                             "v  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
                             "s :\r\n"
                             "Unknown: ;;,,;;,;\r\n"
                             "V: SIP/2.0/TCP spindle.example.com;branch=z\r\n"
                             "cseq: 0009\r\n  INVITE\r\n"
                             "L   : 0005\r\n"
                             "m:\"Quoted \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n"
                             "      newvalue\r\n"
                             "\r\n"
                             "01234";

static const char bare_lf[] = "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 10.0.0.5\n;rport\nl: 3\n\nabc";

struct good {
    const char *name;
    struct slice bytes;
    enum sip_method method;
    unsigned status;
    unsigned headers;
    size_t body;
    unsigned eol;
};

static const struct good good[] = {
    {"invite", BYTES(invite), SIP_METHOD_INVITE, 0, 9, 86, 2},
    {"folded", BYTES(folded), SIP_METHOD_UNKNOWN, 0, 11, 5, 2},
    {"LF only", BYTES("SIP/2.0 200 OK\nVia: SIP/2.0/UDP 10.0.0.5\n ;rport\nl: 3\n\nabc"), 0, 200, 2,
     3, 1},
    {"no reason phrase", BYTES("SIP/2.0 100 \r\nl:0\r\n\r\n"), 0, 100, 1, 0, 2},
    {"no blank after the status", BYTES("SIP/2.0 699\r\nl: 0\r\n\r\n"), 0, 699, 1, 0, 2},
    {"version in small letters", BYTES("BYE sip:a@b sip/2.0\r\nl: 0\r\n\r\n"), SIP_METHOD_BYE, 0, 1,
     0, 2},
    {"opaque URI", BYTES("OPTIONS urn:service:sos SIP/2.0\r\nl: 0\r\n\r\n"), SIP_METHOD_OPTIONS, 0,
     1, 0, 2},
    {"controls in a quoted name",
     BYTES("ACK sip:a@b SIP/2.0\r\nf: \"\\\x07\\\x7f\" <sip:a@b>\r\n"
           "l: 0\r\n\r\n"),
     SIP_METHOD_ACK, 0, 2, 0, 2},
    {"body of zero bytes and line ends", BYTES("INFO sip:a@b SIP/2.0\r\nl: 6\r\n\r\n\0\r\n\n\r\0"),
     SIP_METHOD_INFO, 0, 1, 6, 2},
    {"empty value before the length", BYTES("INFO sip:a@b SIP/2.0\r\nSubject:\r\nl: 0\r\n\r\n"),
     SIP_METHOD_INFO, 0, 2, 0, 2},
};
#define GOOD (sizeof(good) / sizeof(good[0]))

/* Head from its parts: start line, every header line, the empty line. */
static void assert_round_trip(struct slice bytes)
{
    char copy[65536];
    size_t n = sip_keepalive_len(bytes);
    size_t start = sip_msg_headers_offset(&msg);
    memcpy(copy, bytes.p, start);
    assert_true(n <= start);
    n = start;
    for (unsigned i = 0; i < msg.n_headers; i++) {
        struct slice line = sip_header_line(&msg, i), value = msg.headers[i].value;
        assert_true(line.n > msg.headers[i].name.n);
        assert_true(value.p > line.p && value.p + value.n <= line.p + line.n);
        memcpy(copy + n, line.p, line.n);
        n += line.n;
    }
    memcpy(copy + n, msg.head.p + msg.head.n - msg.eol, msg.eol);
    n += msg.eol;
    assert_ptr_equal(bytes.p + n, msg.body.p);
    memcpy(copy + n, msg.body.p, msg.body.n);
    n += msg.body.n;
    assert_int_equal(n, msg.bytes.n);
    assert_memory_equal(copy, bytes.p, n);
}

/* The chains lead through every indexed line once, in order. */
static void assert_chains(void)
{
    unsigned n = 0, others = 0;
    for (unsigned i = 0; i < msg.n_headers; i++)
        others += msg.headers[i].id == SIP_OTHER;
    for (unsigned id = 1; id < SIP_HEADER_COUNT; id++) {
        const struct sip_header *last = NULL;
        for (const struct sip_header *h = sip_header_first(&msg, id); h;
             h = sip_header_next(&msg, h)) {
            assert_int_equal(h->id, id);
            assert_true(!last || h > last);
            last = h;
            n++;
        }
    }
    assert_int_equal(n + others, msg.n_headers);
}

static void assert_good(const struct good *row, struct slice bytes, enum sip_mode mode)
{
    struct sip_fault fault = {0};
    enum sip_result r = sip_msg_parse(bytes, mode, &msg, &fault, NULL);
    if (r != SIP_DONE)
        fail_msg("%s: %d, %s at %zu", row->name, r, sip_bad_text(fault.reason), fault.offset);
    assert_int_equal(msg.method, row->method);
    assert_int_equal(msg.status, row->status);
    assert_int_equal(msg.is_request, row->status == 0);
    assert_int_equal(msg.n_headers, row->headers);
    assert_int_equal(msg.body.n, row->body);
    assert_int_equal(msg.eol, row->eol);
    assert_int_equal(msg.bytes.n, row->bytes.n);
    assert_int_equal(msg.length, SIP_LENGTH_EXACT);
    assert_int_equal(msg.trailing, 0);
    assert_round_trip(bytes);
    assert_chains();
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i++) {
        assert_good(&good[i], guard_put(good[i].bytes), SIP_DATAGRAM);
        assert_good(&good[i], guard_put(good[i].bytes), SIP_STREAM);
    }
}

/* Every prefix of a stream asks for more, for no more than the message has, and then it is done. */
static void test_stream_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i++) {
        size_t least = 0;
        for (size_t n = 0; n < good[i].bytes.n; n++) {
            size_t need = 0;
            struct sip_fault fault = {0};
            enum sip_result r = sip_msg_parse(guard_put(slice_head(good[i].bytes, n)), SIP_STREAM,
                                              &msg, &fault, &need);
            if (r != SIP_NEED_MORE)
                fail_msg("%s at %zu: %s", good[i].name, n, sip_bad_text(fault.reason));
            assert_true(need > n && need <= good[i].bytes.n && need >= least);
            least = need;
        }
    }
}

/* A datagram cut anywhere is never a message, save where only the trust in its length is cut. */
static void test_datagram_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOOD; i++)
        for (size_t n = 0; n < good[i].bytes.n; n++)
            assert_int_equal(sip_msg_parse(guard_put(slice_head(good[i].bytes, n)), SIP_DATAGRAM,
                                           &msg, NULL, NULL),
                             SIP_BAD);
}

static void test_stream_of_messages(void **state)
{
    (void)state;
    static char bytes[sizeof(invite) + sizeof(folded) + 8];
    size_t n = (size_t)snprintf(bytes, sizeof(bytes), "%s%s\r\n\r\n", invite, folded);
    struct slice rest = guard_put(slice_of(bytes, n));
    assert_good(&good[0], rest, SIP_STREAM);
    rest = slice_skip(rest, msg.bytes.n);
    assert_good(&good[1], rest, SIP_STREAM);
    rest = slice_skip(rest, msg.bytes.n);
    assert_int_equal(sip_keepalive_len(rest), rest.n);
    assert_int_equal(sip_msg_parse(rest, SIP_STREAM, &msg, NULL, NULL), SIP_NEED_MORE);
}

static void test_fields(void **state)
{
    (void)state;
    struct slice bytes = guard_put(good[1].bytes);
    assert_int_equal(sip_msg_parse(bytes, SIP_DATAGRAM, &msg, NULL, NULL), SIP_DONE);
    assert_true(slice_eq(msg.method_text, SLICE_LIT("NEW-method*1")));
    assert_true(slice_eq(msg.uri, SLICE_LIT("sip:a@b.example")));
    assert_true(slice_eq(msg.version, SLICE_LIT("SIP/2.0")));
    assert_true(
        slice_eq(sip_header_value(&msg, SIP_CALL_ID), SLICE_LIT("wsinv.ndaksdj@192.0.2.1")));
    assert_true(slice_eq(sip_header_value(&msg, SIP_FROM),
                         SLICE_LIT("\"J \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n"
                                   "\ttag = 98asjd8")));
    assert_int_equal(sip_header_value(&msg, SIP_SUBJECT).n, 0);
    assert_null(sip_header_value(&msg, SIP_ROUTE).p);
    assert_null(sip_header_first(&msg, SIP_ROUTE));
    const struct sip_header *via = sip_header_first(&msg, SIP_VIA);
    assert_true(slice_eq(via->name, SLICE_LIT("v")));
    via = sip_header_next(&msg, via);
    assert_true(slice_eq(via->value, SLICE_LIT("SIP/2.0/TCP spindle.example.com;branch=z")));
    assert_null(sip_header_next(&msg, via));
    assert_int_equal(sip_offset(&msg, msg.uri), 4 + 13);
    assert_int_equal(msg.length_value, 5);
    assert_int_equal(msg.longest_line, strlen("m:\"Quoted \\\"\\\"\" <sip:jdrosen@example.com> ; "
                                              "newparam ="));
    assert_memory_equal(bytes.p + msg.longest_offset, "m:\"Quoted", 9);
}

/*
 * Length of the body
 */

static void test_length_states(void **state)
{
    (void)state;
#define HEAD "MESSAGE sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n"
    struct slice absent = SLICE_LIT(HEAD "\r\nhello");
    assert_int_equal(sip_msg_parse(absent, SIP_DATAGRAM, &msg, NULL, NULL), SIP_DONE);
    assert_int_equal(msg.length, SIP_LENGTH_ABSENT);
    assert_int_equal(msg.body.n, 5);
    struct slice tail = SLICE_LIT(HEAD "l: 2\r\n\r\nhello");
    assert_int_equal(sip_msg_parse(tail, SIP_DATAGRAM, &msg, NULL, NULL), SIP_DONE);
    assert_int_equal(msg.length, SIP_LENGTH_SHORT);
    assert_int_equal(msg.trailing, 3);
    assert_int_equal(msg.bytes.n + msg.trailing, tail.n);
    assert_true(slice_eq(msg.body, SLICE_LIT("he")));
    assert_int_equal(sip_msg_parse(tail, SIP_STREAM, &msg, NULL, NULL), SIP_DONE);
    assert_int_equal(msg.length, SIP_LENGTH_EXACT);
    assert_int_equal(msg.trailing, 0);
    struct slice large = SLICE_LIT(HEAD "l: 16777215\r\n\r\n");
    size_t need = 0;
    assert_int_equal(sip_msg_parse(large, SIP_STREAM, &msg, NULL, &need), SIP_NEED_MORE);
    assert_int_equal(need, large.n + SIP_LENGTH_MAX);
}

/*
 * Bad messages: reason and the text at which it is found
 */

struct bad {
    struct slice bytes;
    enum sip_bad reason;
    const char *at; /* the rest of the message begins so; "" is the end */
};

#define REQ  "OPTIONS sip:a@b SIP/2.0\r\n"
#define REST "l: 0\r\n\r\n"
#define ROW(text, reason, at)                          \
    {                                                  \
        {text, sizeof(text) - 1}, SIP_BAD_##reason, at \
    }

static const struct bad bad[] = {
    /* start lines */
    ROW("OPTIONS  sip:a@b SIP/2.0\r\n" REST, START_LINE, "sip:a@b SIP"),
    ROW("OPTIONS sip:a@b  SIP/2.0\r\n" REST, START_LINE, " SIP/2.0"),
    ROW("OPTIONS sip:a@b SIP/2.0 \r\n" REST, START_LINE, " \r\n"),
    ROW("OPTIONS sip:a@b; lr SIP/2.0\r\n" REST, START_LINE, "lr SIP"),
    ROW("OPTIONS\tsip:a@b SIP/2.0\r\n" REST, START_LINE, "\tsip"),
    ROW(" OPTIONS sip:a@b SIP/2.0\r\n" REST, START_LINE, " OPT"),
    ROW("OPTIONS sip:a@b\r\n" REST, START_LINE, "\r\nl"),
    ROW("OPTIONS\r\n" REST, START_LINE, "\r\n"),
    ROW("OPT(IONS sip:a@b SIP/2.0\r\n" REST, START_LINE, "("),
    ROW("OPTIONS sip:a@b HTTP/1.1\r\n" REST, START_LINE, "HTTP"),
    ROW("OPTIONS sip:a@b SIP/2.00\r\n" REST, START_LINE, "0\r\n"),
    ROW("OPTIONS sip:a@b SIP/7.0\r\n" REST, VERSION, "SIP/7.0"),
    ROW("SIP/3.0 200 OK\r\n" REST, VERSION, "SIP/3"),
    ROW("SIP/2.01 200 OK\r\n" REST, VERSION, "SIP/2"),
    ROW("invite sip:a@b SIP/2.0\r\n" REST, METHOD_CASE, "invite"),
    ROW("OPTIONS <sip:a@b> SIP/2.0\r\n" REST, REQUEST_URI, "<sip"),
    ROW("OPTIONS sip:a\"@b SIP/2.0\r\n" REST, REQUEST_URI, "\"@"),
    ROW("OPTIONS sip:\xc3\xa4@b SIP/2.0\r\n" REST, REQUEST_URI, "\xc3"),
    ROW("OPTIONS sip:a\t@b SIP/2.0\r\n" REST, REQUEST_URI, "\t@"),
    ROW("SIP/2.0 99 low\r\n" REST, STATUS, " 99"),
    ROW("SIP/2.0 700 high\r\n" REST, STATUS, " 700"),
    ROW("SIP/2.0 4294967301 overflow\r\n" REST, STATUS, " 4294"),
    ROW("SIP/2.0  200 OK\r\n" REST, STATUS, "  200"),
    ROW("SIP/2.0 20x OK\r\n" REST, STATUS, " 20x"),
    ROW("SIP/2.0 -20 OK\r\n" REST, STATUS, " -20"),
    ROW("SIP/2.0\r\n" REST, STATUS, "\r\n"),
    ROW("", EMPTY, ""),
    ROW("\r\n\r\n", EMPTY, ""),
    ROW("Maaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa sip:a@b "
        "SIP/2.0\r\n" REST,
        START_LINE, "Maa"),
    /* line ends and zero bytes: where readers part ways */
    ROW("OPTIONS sip:a@b SIP/2.0\nTo: x\r\nl: 0\n\n", MIXED_EOL, "\r\nl"),
    ROW(REQ "To: x\nl: 0\r\n\r\n", MIXED_EOL, "\nl"),
    ROW(REQ "l: 0\r\n\n", MIXED_EOL, "\n"),
    ROW(REQ "Subject: a\rl: 5\r\n" REST, BARE_CR, "\rl"),
    ROW(REQ "Subject: a\r\r\n" REST, BARE_CR, "\r\r"),
    ROW(REQ "Subject: a\0b\r\n" REST, ZERO_BYTE, ""),
    ROW("OPTIONS sip:a\0@b SIP/2.0\r\n" REST, ZERO_BYTE, ""),
    ROW(REQ "Sub\0ject: b\r\n" REST, ZERO_BYTE, ""),
    ROW(REQ " folded: start line\r\n" REST, FOLD_FIRST, " folded"),
    ROW(REQ "Subject: a\r\n  \r\n b\r\n" REST, FOLD_BLANK, "  \r\n b"),
    ROW(REQ "Subject: a\r\n\t\r\n" REST, FOLD_BLANK, "\t\r\n"),
    /* names */
    ROW(REQ "Subject a\r\n" REST, HEADER_NAME, "a\r\n"),
    ROW(REQ "Subject\r\n : a\r\n" REST, HEADER_COLON, "\r\n :"),
    ROW(REQ "Subject\r\n" REST, HEADER_COLON, "\r\n"),
    ROW(REQ ": a\r\n" REST, HEADER_NAME, ": a"),
    ROW(REQ "Sub(ject): a\r\n" REST, HEADER_NAME, "("),
    ROW(REQ "Content-Length\xa0: 5\r\n" REST, HEADER_NAME, "\xa0"),
    ROW(REQ "\"l\": 5\r\n" REST, HEADER_NAME, "\"l"),
    /* headers that may come once */
    ROW(REQ "l: 0\r\nContent-Length: 0\r\n\r\n", HEADER_TWICE, "Content-Length"),
    ROW(REQ "i: 1\r\nCALL-ID: 1\r\n" REST, HEADER_TWICE, "CALL-ID"),
    ROW(REQ "CSeq: 1 OPTIONS\r\ncseq: 1 OPTIONS\r\n" REST, HEADER_TWICE, "cseq"),
    ROW(REQ "f: <sip:a@b>\r\nFrom: <sip:a@b>\r\n" REST, HEADER_TWICE, "From"),
    ROW(REQ "t: <sip:a@b>\r\nTo: <sip:a@b>\r\n" REST, HEADER_TWICE, "To"),
    ROW(REQ "Max-Forwards: 1\r\nMax-Forwards: 1\r\n" REST, HEADER_TWICE, "Max-Forwards"),
    /* length */
    ROW(REQ "l: -1\r\n\r\n", LENGTH_VALUE, "-1"),
    ROW(REQ "l: +1\r\n\r\na", LENGTH_VALUE, "+1"),
    ROW(REQ "l: 0x1\r\n\r\na", LENGTH_VALUE, "0x1"),
    ROW(REQ "l: 1 1\r\n\r\na", LENGTH_VALUE, "1 1"),
    ROW(REQ "l: 1,1\r\n\r\na", LENGTH_VALUE, "1,1"),
    ROW(REQ "l: 1\r\n 0\r\n\r\n0123456789", LENGTH_VALUE, "1\r\n 0"),
    ROW(REQ "l:\r\n\r\n", LENGTH_VALUE, "\r\n\r\n"),
    ROW(REQ "l: 16777216\r\n\r\n", LENGTH_RANGE, "16777216"),
    ROW(REQ "l: 4294967297\r\n\r\na", LENGTH_RANGE, "4294967297"),
    ROW(REQ "l: 18446744073709551617\r\n\r\na", LENGTH_RANGE, "184467"),
    /* the fold trick: the fold ends the empty line for one reader only */
    ROW(REQ "l: 0\r\n\r", HEAD_END, ""),
};

static const struct bad bad_datagrams[] = {
    ROW(REQ "l: 2\r\n\r\na", LENGTH_BEYOND, "2\r\n"),
    ROW(REQ "l: 9999\r\n\r\n", LENGTH_BEYOND, "9999"),
    ROW(REQ "l: 0\r\n", HEAD_END, ""),
    ROW(REQ "l: 0", HEAD_END, ""),
    ROW(REQ "l", HEAD_END, ""),
    ROW(REQ, HEAD_END, ""),
    ROW("OPTIONS sip:a@b SIP/2.0", HEAD_END, ""),
};

static const struct bad bad_streams[] = {
    ROW(REQ "\r\n", LENGTH_ABSENT, ""),
    ROW(REQ "To: x\r\n\r\nSIP/2.0 200 OK\r\n", LENGTH_ABSENT, "SIP"),
    /* not SIP, known from the first bytes */
    ROW("\x16\x03\x01", START_LINE, "\x16"),
    ROW("GET / HTTP/1.1", START_LINE, " HTTP"),
    ROW("220 mail.example.com ESMTP", START_LINE, " ESMTP"),
    ROW("(", START_LINE, "("),
    ROW("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        START_LINE, "aaa"),
};

static void assert_bad(const struct bad *row, enum sip_mode mode)
{
    struct slice bytes = guard_put(row->bytes);
    struct sip_fault fault = {0};
    enum sip_result r = sip_msg_parse(bytes, mode, &msg, &fault, NULL);
    if (r != SIP_BAD || fault.reason != row->reason)
        fail_msg("%.*s: result %d, %s", SLICE_ARG(row->bytes), r, sip_bad_text(fault.reason));
    assert_true(fault.offset <= bytes.n);
    struct slice rest = slice_skip(bytes, fault.offset);
    if (row->reason == SIP_BAD_ZERO_BYTE)
        assert_int_equal(rest.p[0], 0);
    else if (!slice_istarts(rest, slice_str(row->at)) || (row->at[0] == '\0') != (rest.n == 0))
        fail_msg("%.*s: %s at %.*s", SLICE_ARG(row->bytes), sip_bad_text(fault.reason),
                 SLICE_ARG(rest));
}

/* A row that is only about bytes that are there is as bad on a stream. */
static bool needs_end(const struct bad *row)
{
    return row->reason == SIP_BAD_HEAD_END || row->reason == SIP_BAD_EMPTY;
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_bad(&bad[i], SIP_DATAGRAM);
        if (!needs_end(&bad[i]))
            assert_bad(&bad[i], SIP_STREAM);
    }
    for (size_t i = 0; i < sizeof(bad_datagrams) / sizeof(bad[0]); i++)
        assert_bad(&bad_datagrams[i], SIP_DATAGRAM);
    for (size_t i = 0; i < sizeof(bad_streams) / sizeof(bad[0]); i++)
        assert_bad(&bad_streams[i], SIP_STREAM);
}

/* A prefix of a bad stream is bad or asks for more; it is never taken for a message. */
static void test_bad_splits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        for (size_t n = 0; n < bad[i].bytes.n; n++)
            assert_int_not_equal(
                sip_msg_parse(guard_put(slice_head(bad[i].bytes, n)), SIP_STREAM, &msg, NULL, NULL),
                SIP_DONE);
}

/* A line of bare LF that a lenient reader would fold: ";rport" is no header. */
static void test_missing_blank_of_a_fold(void **state)
{
    (void)state;
    struct sip_fault fault;
    assert_int_equal(sip_msg_parse(slice_str(bare_lf), SIP_DATAGRAM, &msg, &fault, NULL), SIP_BAD);
    assert_int_equal(fault.reason, SIP_BAD_HEADER_NAME);
    assert_memory_equal(bare_lf + fault.offset, ";rport", 6);
}

static void test_header_count(void **state)
{
    (void)state;
    struct text bytes = {0};
    struct sip_fault fault;
    text_puts(&bytes, REQ);
    for (int i = 0; i < SIP_HEADERS_MAX - 1; i++)
        text_puts(&bytes, i % 2 ? "v: x\r\n" : "Strange: x\r\n");
    size_t before = bytes.n;
    text_puts(&bytes, REST);
    assert_int_equal(sip_msg_parse(text_slice(&bytes), SIP_DATAGRAM, &msg, NULL, NULL), SIP_DONE);
    assert_int_equal(msg.n_headers, SIP_HEADERS_MAX);
    assert_chains();
    bytes.n = before;
    text_puts(&bytes, "k: 100rel\r\n" REST);
    assert_int_equal(sip_msg_parse(text_slice(&bytes), SIP_DATAGRAM, &msg, &fault, NULL), SIP_BAD);
    assert_int_equal(fault.reason, SIP_BAD_HEADER_COUNT);
    assert_memory_equal(bytes.p + fault.offset, "l: 0", 4);
    text_free(&bytes);
}

static void corpus_one(const char *path, struct slice bytes)
{
    struct sip_fault fault = {0};
    enum sip_result r = sip_msg_parse(bytes, SIP_DATAGRAM, &msg, &fault, NULL);
    if (r == SIP_DONE) {
        assert_round_trip(bytes);
        assert_chains();
    } else if (strstr(path, "from-captures")) {
        fail_msg("%s: %s at %zu", path, sip_bad_text(fault.reason), fault.offset);
    }
    for (size_t n = 0; n < bytes.n; n++) /* the guard page stands behind every prefix in turn */
        (void)sip_msg_parse(slice_of(bytes.p + n, bytes.n - n), SIP_STREAM, &msg, NULL, NULL);
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
        cmocka_unit_test(test_classify),           cmocka_unit_test(test_good),
        cmocka_unit_test(test_stream_splits),      cmocka_unit_test(test_datagram_cuts),
        cmocka_unit_test(test_stream_of_messages), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_length_states),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_bad_splits),         cmocka_unit_test(test_missing_blank_of_a_fold),
        cmocka_unit_test(test_header_count),       cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
