/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of a session description: rows of descriptions, flush against an inaccessible page. */
#include "alg/sdp.h"

#include "alg/sip_header.h"
#include "base/text.h"
#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"

static struct sdp sdp;

static int parse(const char *text)
{
    return sdp_parse(guard_put(slice_str(text)), &sdp, NULL);
}

static const char offer[] = "v=0\r\n"
                            "o=alice 2890844526 2890844527 IN IP4 10.0.0.5\r\n"
                            "s=A call\r\n"
                            "i=about it\r\n"
                            "c=IN IP4 10.0.0.6/127/3\r\n"
                            "b=AS:256\r\n"
                            "t=0 0\r\n"
                            "a=sendonly\r\n"
                            "a=ice-lite\r\n"
                            "y=what nobody knows\r\n"
                            "m=audio 49170/2 RTP/AVP 0 8 101\r\n"
                            "i=the left ear\r\n"
                            "a=rtpmap:0 PCMU/8000\r\n"
                            "a=rtcp:53020 IN IP4 10.0.0.7\r\n"
                            "a=candidate:1 1 UDP 2130706431 10.0.0.5 49170 typ host\r\n"
                            "a=candidate:1 2 UDP 2130706430 10.0.0.5 49171 typ host\r\n"
                            "m=video 0 RTP/SAVPF 31\r\n"
                            "c=IN IP6 2001:db8::1\r\n"
                            "a=recvonly\r\n"
                            "a=rtcp-mux\r\n"
                            "a=rtcp:9\r\n"
                            "m=message 7394 TCP/MSRP *\r\n"
                            "c=IN IP4 msrp.example.com\r\n"
                            "a=sendrecv\r\n"
                            "m=image 5000 udptl t38\r\n"
                            "c=IN IP4 0.0.0.0\r\n"
                            "a=sendrecv\r\n";

static void test_session(void **state)
{
    (void)state;
    assert_int_equal(parse(offer), 0);
    assert_true(sdp.origin.present);
    assert_slice(sdp.origin.user, "alice");
    assert_slice(sdp.origin.session_id, "2890844526");
    assert_slice(sdp.origin.session_version, "2890844527");
    assert_slice(sdp.origin.line, "o=alice 2890844526 2890844527 IN IP4 10.0.0.5");
    assert_int_equal(sdp.origin.addr.kind, SDP_ADDR_IP4);
    assert_slice(sdp.origin.addr.text, "10.0.0.5");
    assert_int_equal(be32_host(sdp.origin.addr.ip.word[3]), 0x0a000005);
    assert_slice(sdp.origin.addr.type, "IP4");
    assert_slice(sdp.name, "A call");
    assert_slice(sdp.info, "about it");
    assert_slice(sdp.timing, "0 0");
    assert_slice(sdp.connection.text, "10.0.0.6");
    assert_int_equal(sdp.direction, SDP_SENDONLY);
    assert_true(sdp.ice_lite);
    assert_int_equal(sdp.n_media, 4);
    assert_int_equal(sdp.media_over, 0);
    assert_int_equal(sdp.odd_lines, 0);
}

static void test_media(void **state)
{
    (void)state;
    assert_int_equal(parse(offer), 0);
    const struct sdp_media *m = &sdp.media[0];
    assert_slice(m->kind, "audio");
    assert_slice(m->port_text, "49170");
    assert_int_equal(m->port, 49170);
    assert_slice(m->count_text, "2");
    assert_int_equal(m->count, 2);
    assert_slice(m->proto, "RTP/AVP");
    assert_int_equal(m->transport, SDP_TRANSPORT_UDP);
    assert_slice(m->formats, "0 8 101");
    assert_slice(m->connection.text, "10.0.0.6");
    assert_false(m->connection_own);
    assert_true(m->rtcp.present && !m->rtcp_mux && m->held);
    assert_int_equal(m->rtcp.port, 53020);
    assert_slice(m->rtcp.addr.text, "10.0.0.7");
    assert_int_equal(m->direction, SDP_SENDONLY);
    assert_int_equal(m->n_candidates, 2);
    m = &sdp.media[1];
    assert_int_equal(m->port, 0);
    assert_int_equal(m->count, 1);
    assert_int_equal(m->connection.kind, SDP_ADDR_IP6);
    assert_true(m->connection_own && m->rtcp_mux && !m->held);
    assert_memory_equal(m->connection.ip.byte, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    assert_int_equal(m->direction, SDP_RECVONLY);
    assert_int_equal(m->rtcp.port, 9);
    assert_int_equal(m->rtcp.addr.kind, SDP_ADDR_NONE);
    m = &sdp.media[2];
    assert_int_equal(m->transport, SDP_TRANSPORT_TCP);
    assert_int_equal(m->connection.kind, SDP_ADDR_NAME);
    assert_false(m->held);
    m = &sdp.media[3];
    assert_int_equal(m->transport, SDP_TRANSPORT_UDP);
    assert_true(m->connection.is_zero && m->held);
    assert_int_equal(m->direction, SDP_SENDRECV);
}

/* The session part and the sections lie end to end: nothing lost, nothing twice. */
static void assert_sections(void)
{
    const char *at = sdp.n_media ? sdp.media[0].section.p : NULL;
    for (unsigned i = 0; i < sdp.n_media; i++) {
        assert_ptr_equal(sdp.media[i].section.p, at);
        assert_memory_equal(at, "m=", 2);
        at += sdp.media[i].section.n;
    }
    if (sdp.n_media && !sdp.media_over)
        assert_ptr_equal(at, sdp.bytes.p + sdp.bytes.n);
}

static void test_sections(void **state)
{
    (void)state;
    assert_int_equal(parse(offer), 0);
    assert_sections();
}

/* A description that ends anywhere within its last line's end still ends there. */
static void test_ends(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "\r\n", "\r", "\r\n\r\n", "\r\n\r\n\r\n", "\n"};
    char text[256];
    for (size_t i = 0; i < COUNT(ends); i++) {
        snprintf(text, sizeof(text), "v=0\r\nm=audio 7 RTP/AVP 0\r\nc=IN IP4 10.0.0.9%s", ends[i]);
        assert_int_equal(parse(text), 0);
        assert_slice(sdp.media[0].connection.text, "10.0.0.9");
        assert_sections();
    }
    assert_int_equal(parse("v=0\nc=IN IP4 10.0.0.9\nm=audio 7 RTP/AVP 0\n\n"), 0);
    assert_int_equal(sdp.n_media, 1);
}

static void test_directions(void **state)
{
    (void)state;
    static const struct {
        const char *session, *media, *connection;
        enum sdp_direction expected;
        bool held;
    } rows[] = {
        {"", "", "IP4 10.0.0.5", SDP_SENDRECV, false},
        {"a=inactive\r\n", "", "IP4 10.0.0.5", SDP_INACTIVE, true},
        {"a=inactive\r\n", "a=sendrecv\r\n", "IP4 10.0.0.5", SDP_SENDRECV, false},
        {"", "a=sendonly\r\n", "IP4 10.0.0.5", SDP_SENDONLY, true},
        {"", "a=SendOnly\r\na=sendonly\r\n", "IP4 10.0.0.5", SDP_SENDONLY, true},
        {"", "a=recvonly\r\n", "IP4 10.0.0.5", SDP_RECVONLY, false},
        {"", "", "IP4 0.0.0.0", SDP_SENDRECV, true},
        {"", "", "IP6 ::", SDP_SENDRECV, true},
    };
    char text[512];
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(text, sizeof(text), "v=0\r\nc=IN %s\r\n%sm=audio 7 RTP/AVP 0\r\n%s",
                 rows[i].connection, rows[i].session, rows[i].media);
        assert_int_equal(parse(text), 0);
        assert_int_equal(sdp.media[0].direction, rows[i].expected);
        assert_int_equal(sdp.media[0].held, rows[i].held);
    }
}

static void test_transports(void **state)
{
    (void)state;
    static const struct {
        const char *proto;
        enum sdp_transport expected;
    } rows[] = {
        {"RTP/AVP", SDP_TRANSPORT_UDP},
        {"RTP/SAVPF", SDP_TRANSPORT_UDP},
        {"UDP/TLS/RTP/SAVPF", SDP_TRANSPORT_UDP},
        {"udp", SDP_TRANSPORT_UDP},
        {"UDPTL", SDP_TRANSPORT_UDP},
        {"DTLS/SCTP", SDP_TRANSPORT_UDP},
        {"TCP", SDP_TRANSPORT_TCP},
        {"TCP/TLS/MSRP", SDP_TRANSPORT_TCP},
        {"tcp/rtp/avp", SDP_TRANSPORT_TCP},
        {"SCTP", SDP_TRANSPORT_OTHER},
        {"TCPX", SDP_TRANSPORT_OTHER},
        {"/AVP", SDP_TRANSPORT_OTHER},
    };
    char text[256];
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(text, sizeof(text), "v=0\r\nm=audio 7 %s 0", rows[i].proto);
        assert_int_equal(parse(text), 0);
        assert_int_equal(sdp.media[0].transport, rows[i].expected);
    }
}

/* The 33rd medium is counted, judged and left alone. */
static void test_many_media(void **state)
{
    (void)state;
    struct text text = {0};
    text_puts(&text, "v=0\r\nc=IN IP4 10.0.0.5\r\n");
    for (int i = 0; i < SDP_MEDIA_MAX + 2; i++)
        text_printf(&text, "m=audio %d RTP/AVP 0\r\na=rtcp:%d\r\n", 1000 + i, 2000 + i);
    assert_int_equal(parse(text.p), 0);
    assert_int_equal(sdp.n_media, SDP_MEDIA_MAX);
    assert_int_equal(sdp.media_over, 2);
    assert_int_equal(sdp.media[31].port, 1031);
    assert_int_equal(sdp.media[31].rtcp.port, 2031);
    assert_sections();
    text_puts(&text, "a=rtcp:1\r\n");
    assert_int_equal(parse(text.p), -EINVAL);
    text_free(&text);
}

static void test_odd_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        char letter;
    } rows[] = {{"s=", 's'},      {"b=AS", 'b'},  {"b=:1", 'b'},  {"b=AS:x", 'b'},  {"t=0", 't'},
                {"t=0 0 0", 't'}, {"t=- -", 't'}, {"b=X-y:1", 0}, {"t=1 2", 0},     {"z=0 1h", 0},
                {"k=prompt", 0},  {"a=", 0},      {"a=:", 0},     {"x=\x01\xff", 0}};
    char text[256];
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(text, sizeof(text), "v=0\r\n%s\r\n", rows[i].line);
        assert_int_equal(parse(text), 0);
        assert_int_equal(sdp.odd_lines, rows[i].letter ? 1u << (rows[i].letter - 'a') : 0);
    }
}

/*
 * Bad descriptions: reason, letter, and the text at which it is found
 */

#define HEAD "v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\n"
#define ROW(text, reason, line, at)                          \
    {                                                        \
        {text, sizeof(text) - 1}, SDP_BAD_##reason, line, at \
    }

static const struct {
    struct slice text;
    enum sdp_bad reason;
    char line;
    const char *at;
} bad[] = {
    ROW("", EMPTY, 0, ""),
    ROW("o=- 1 1 IN IP4 10.0.0.5\r\n", VERSION, 'o', "o=-"),
    ROW("v=1\r\n", VERSION, 'v', "v=1"),
    ROW("v=0 \r\n", VERSION, 'v', "v=0 "),
    ROW("\r\nv=0\r\n", VERSION, 0, "\r\nv"),
    ROW(HEAD "v=0\r\n", TWICE, 'v', "v=0\r\n"),
    ROW(HEAD "o=- 1 1 IN IP4 10.0.0.6\r\n", TWICE, 'o', "o=- 1 1 IN IP4 10.0.0.6"),
    ROW("v=0\r\nm=audio 7 RTP/AVP 0\r\no=- 1 1 IN IP4 10.0.0.5\r\n", ORDER, 'o', "o=-"),
    ROW("v=0\r\no=- 1 1 IN IP4\r\n", ORIGIN, 'o', " IN IP4"),
    ROW("v=0\r\no=John Doe 1 1 IN IP4 10.0.0.5\r\n", ORIGIN, 'o', " 1 IN"),
    ROW("v=0\r\no=- 1 1 IN IP4 10.0.0.256\r\n", ADDRESS, 'o', " IN IP4 10.0.0.256"),
    ROW(HEAD "c=IN IP4 10.0.0.5\r\nc=IN IP4 10.0.0.6\r\n", TWICE, 'c', "c=IN IP4 10.0.0.6"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\nc=IN IP4 1.1.1.1\r\nc=IN IP4 1.1.1.2\r\n", TWICE, 'c',
        "c=IN IP4 1.1.1.2"),
    ROW(HEAD "c=\r\n", CONNECTION, 'c', "\r\n"),
    ROW(HEAD "c=IN IP4\r\n", CONNECTION, 'c', "IN IP4\r"),
    ROW(HEAD "c=IN IP4 10.0.0.5 10.0.0.6\r\n", CONNECTION, 'c', "IN IP4 10"),
    ROW(HEAD "c=IN IP4 010.0.0.5\r\n", ADDRESS, 'c', "IN IP4"),
    ROW(HEAD "c=IN IP4 10.5\r\n", ADDRESS, 'c', "IN IP4"),
    ROW(HEAD "c=IN IP4 ::1\r\n", ADDRESS, 'c', "IN IP4"),
    ROW(HEAD "c=IN IP4 [::1]\r\n", ADDRESS, 'c', "IN IP4"),
    ROW(HEAD "c=IN IP6 10.0.0.5\r\n", ADDRESS, 'c', "IN IP6"),
    ROW(HEAD "c=IN IP6 ::g\r\n", ADDRESS, 'c', "IN IP6"),
    ROW(HEAD "c=IN IP4 10.0.0.5:80\r\n", ADDRESS, 'c', "IN IP4"),
    ROW(HEAD "c=IN IP4 /127\r\n", ADDRESS, 'c', "IN IP4"),
    ROW(HEAD "m=audio 7\r\n", MEDIA, 'm', "m=audio"),
    ROW(HEAD "m=\r\n", MEDIA, 'm', "m="),
    ROW(HEAD "m=audio x RTP/AVP 0\r\n", PORT, 'm', "x RTP"),
    ROW(HEAD "m=audio -1 RTP/AVP 0\r\n", PORT, 'm', "-1"),
    ROW(HEAD "m=audio 65536 RTP/AVP 0\r\n", PORT, 'm', "65536"),
    ROW(HEAD "m=audio 492170 RTP/AVP 0\r\n", PORT, 'm', "492170"),
    ROW(HEAD "m=audio 000007 RTP/AVP 0\r\n", PORT, 'm', "000007"),
    ROW(HEAD "m=audio 4294968296 RTP/AVP 0\r\n", PORT, 'm', "4294"),
    ROW(HEAD "m=audio /2 RTP/AVP 0\r\n", PORT, 'm', "/2"),
    ROW(HEAD "m=audio 7/ RTP/AVP 0\r\n", PORT, 'm', " RTP"),
    ROW(HEAD "m=audio 7/0 RTP/AVP 0\r\n", PORT, 'm', "0 RTP"),
    ROW(HEAD "m=audio 65534/2 RTP/AVP 0\r\n", PORT, 'm', "2 RTP"),
    ROW(HEAD "m=audio 7/40000 RTP/AVP 0\r\n", PORT, 'm', "40000"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\na=rtcp\r\n", RTCP, 'a', "rtcp"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\na=rtcp:\r\n", RTCP, 'a', "rtcp:"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\na=rtcp:70000\r\n", RTCP, 'a', "rtcp:7"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\na=rtcp:8 IN IP4\r\n", RTCP, 'a', " IN IP4"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\na=rtcp:8 IN IP4 1.2.3\r\n", ADDRESS, 'a', " IN IP4"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\na=rtcp:8\r\na=rtcp:9\r\n", TWICE, 'a', "a=rtcp:9"),
    ROW(HEAD "a=sendonly\r\na=inactive\r\n", DIRECTION, 'a', "a=inactive"),
    ROW(HEAD "m=audio 7 RTP/AVP 0\r\na=sendonly\r\na=sendrecv\r\n", DIRECTION, 'a', "a=sendrecv"),
    ROW(HEAD "C=IN IP4 10.0.0.5\r\n", LINE, 'C', "C=IN"),
    ROW(HEAD " c=IN IP4 10.0.0.5\r\n", LINE, 0, " c=IN"),
    ROW(HEAD "c =IN IP4 10.0.0.5\r\n", LINE, 0, "c =IN"),
    ROW(HEAD "c\r\n", LINE, 0, "c\r\n"),
    ROW(HEAD "\r\nc=IN IP4 10.0.0.5\r\n", BLANK, 'c', "c=IN"),
    ROW(HEAD "s=a\rc=IN IP4 1.1.1.1\r\n", EOL, 's', "\rc="),
    ROW(HEAD "s=a\nc=IN IP4 1.1.1.1\r\n", EOL, 's', "\nc="),
    ROW("v=0\ns=a\r\nt=0 0\n", EOL, 's', "\r\nt"),
    ROW("v=0\ns=a\r\r", EOL, 's', "\r\r"),
    ROW(HEAD "s=a\0\r\n", EOL, 's', ""),
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct slice text = guard_put(bad[i].text);
        struct sdp_fault fault = {0};
        if (sdp_parse(text, &sdp, &fault) == 0)
            fail_msg("taken: %.*s", SLICE_ARG(text));
        struct slice rest = slice_skip(text, fault.offset);
        if (fault.reason != bad[i].reason || fault.line != bad[i].line ||
            !slice_istarts(rest, slice_str(bad[i].at)))
            fail_msg("%.*s: %s, line %d, at %.*s", SLICE_ARG(text), sdp_bad_text(fault.reason),
                     fault.line, SLICE_ARG(rest));
    }
}

static void test_reason_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= SDP_BAD_COUNT; i++)
        assert_true(strlen(sdp_bad_text(i)) > 5);
}

/* No prefix reads beyond its end; the index of what is taken holds together. */
static void test_cuts(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(offer) - 1; n++)
        if (sdp_parse(guard_put(slice_of(offer, n)), &sdp, NULL) == 0)
            assert_sections();
}

/*
 * Candidates
 */

static void test_candidates(void **state)
{
    (void)state;
    struct slice rest = guard_put(slice_str(
        "m=audio 7 RTP/AVP 0\r\n"
        "a=candidate:4 1 UDP 1694498815 203.0.113.9 45664 typ srflx raddr 10.0.0.5 rport 8998\r\n"
        "a=sendrecv\r\n"
        "a=candidate:1 2 tcp 1 2001:db8::5 9 typ host tcptype active\r\n"
        "a=candidate:2 1 udp 1 abcd-1.local 5000 typ host"));
    struct sdp_candidate c;
    assert_int_equal(sdp_candidate_next(&rest, &c, NULL), 1);
    assert_slice(c.foundation, "4");
    assert_int_equal(c.component, 1);
    assert_slice(c.transport, "UDP");
    assert_int_equal(c.priority, 1694498815);
    assert_slice(c.addr.text, "203.0.113.9");
    assert_int_equal(c.addr.kind, SDP_ADDR_IP4);
    assert_slice(c.port_text, "45664");
    assert_int_equal(c.port, 45664);
    assert_slice(c.type, "srflx");
    assert_slice(c.related.text, "10.0.0.5");
    assert_slice(c.related_port, "8998");
    assert_int_equal(c.related_port_value, 8998);
    assert_int_equal(sdp_candidate_next(&rest, &c, NULL), 1);
    assert_int_equal(c.addr.kind, SDP_ADDR_IP6);
    assert_int_equal(c.related.kind, SDP_ADDR_NONE);
    assert_int_equal(sdp_candidate_next(&rest, &c, NULL), 1);
    assert_int_equal(c.addr.kind, SDP_ADDR_NAME);
    assert_slice(c.line, "a=candidate:2 1 udp 1 abcd-1.local 5000 typ host");
    assert_int_equal(sdp_candidate_next(&rest, &c, NULL), 0);
}

static void test_bad_candidates(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "a=candidate:",
        "a=candidate:1 1 UDP 1 10.0.0.5 7",
        "a=candidate:1 1 UDP 1 10.0.0.5 7 host",
        "a=candidate:1 1 UDP 1 10.0.0.5 7 typ",
        "a=candidate:1 x UDP 1 10.0.0.5 7 typ host",
        "a=candidate:1 1 UDP 4294967296 10.0.0.5 7 typ host",
        "a=candidate:1 1 UDP 1 10.0.5 7 typ host",
        "a=candidate:1 1 UDP 1 10.0.0.5 70000 typ host",
        "a=candidate:1 1 UDP 1 10.0.0.5 7 typ host raddr x:1",
        "a=candidate:1 1 UDP 1 10.0.0.5 7 typ host raddr",
        "a=candidate:1 1 UDP 1 10.0.0.5 7 typ host rport x",
        "a=candidate:1 1 UDP 1 10.0.0.5 7 typ host rport 1 rport 2",
        "a=candidate:1 1 UDP 1 10.0.0.5 7 typ host raddr 1.1.1.1 raddr 1.1.1.1",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[256];
        snprintf(text, sizeof(text), "a=x\r\n%s\r\n", rows[i]);
        struct slice rest = guard_put(slice_str(text));
        struct sdp_candidate c;
        struct sdp_fault fault = {0};
        if (sdp_candidate_next(&rest, &c, &fault) != -EINVAL)
            fail_msg("%s is taken", rows[i]);
        assert_int_equal(fault.reason, SDP_BAD_CANDIDATE);
        assert_int_equal(fault.offset, 5);
    }
}

static void corpus_one(const char *path, struct slice bytes)
{
    static struct sip_msg msg;
    struct slice bodies[SIP_SDP_MAX];
    struct sdp_fault fault = {0};
    if (sip_msg_parse(bytes, SIP_DATAGRAM, &msg, NULL, NULL) != SIP_DONE)
        return;
    int n = sip_msg_sdp(&msg, bodies, NULL);
    if (n < 0 && strstr(path, "from-captures"))
        fail_msg("%s: multipart", path);
    for (int i = 0; i < n; i++) {
        if (sdp_parse(bodies[i], &sdp, &fault) == 0)
            assert_sections();
        else if (strstr(path, "from-captures"))
            fail_msg("%s: %s at %zu", path, sdp_bad_text(fault.reason), fault.offset);
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
        cmocka_unit_test(test_session),
        cmocka_unit_test(test_media),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_transports),
        cmocka_unit_test(test_many_media),
        cmocka_unit_test(test_odd_lines),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_reason_texts),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_bad_candidates),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
