/* SPDX-License-Identifier: BSD-3-Clause */
/* Session descriptions before and after. The phone is 10.0.0.1, outside 203.0.113.9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "rig.h"

/* What every message needs and no row is about. */
#define REST    "From: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\nCall-ID: c\r\n"
#define VIA_OUT "Via: SIP/2.0/UDP h.example.net;branch=z9hG4bK1\r\n"
#define PUB     "203.0.113.9:40000"

static char message[16384];

static const char *invite(const char *sdp)
{
    snprintf(message, sizeof(message),
             "INVITE sip:b@example.net SIP/2.0\r\n" VIA_OUT REST
             "CSeq: 1 INVITE\r\nc: application/sdp\r\nl:  %zu\r\n\r\n%s",
             strlen(sdp), sdp);
    return message;
}

struct sdp_row {
    const char *what, *before, *after;
};

#define V "v=0\r\n"
#define S "s=-\r\n"
#define T "t=0 0\r\n"

/* A fresh ALG for every row: preserved ports come out as they are. */
static void sdp_check(const struct sdp_row *row, void (*set)(struct rig *r))
{
    struct rig r;
    static char want[sizeof(message)];
    rig_init(&r, 128, 16);
    if (set)
        set(&r);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    const char *after = strcmp(row->after, "-") == 0 ? row->before : row->after;
    snprintf(want, sizeof(want), "%s", invite(after));
    const char *got = rig_out(&r, &phone, invite(row->before));
    if (strcmp(got, want) != 0)
        fail_msg("%s: verdict %d reason %d\n--- got\n%s\n--- not\n%s", row->what, r.verdict,
                 r.reason, got, want);
    rig_free(&r);
}

#define O_IN  "o=a 1 1 IN IP4 10.0.0.1\r\n"
#define O_OUT "o=a 1 1 IN IP4 203.0.113.9\r\n"
#define C_IN  "c=IN IP4 10.0.0.1\r\n"
#define C_OUT "c=IN IP4 203.0.113.9\r\n"

/* Port 6000 is taken outside, so that translated ports show: the pair becomes another one. */
static void ports_taken(struct rig *r)
{
    struct handle h[2];
    struct mapping_want want = {
        .proto = 17,
        .zone = 1,
        .inside = rig_endpoint("10.0.0.99", 6000),
        .nat = {.ip = r->public_ip, .first = 7000, .last = 7010, .preserve = true},
        .kind = MAPPING_RTP,
        .owned = true,
    };
    assert_int_equal(
        mapping_open_pair(&r->mappings, &r->thread, &want, rig_endpoint("10.0.0.99", 6001), h), 0);
    r->profile.nat_port_first = 8000;
    r->profile.nat_port_last = 8001;
}

static void test_sdp(void **state)
{
    static const struct sdp_row rows[] = {
        {"session level", V O_IN S C_IN T "m=audio 6002 RTP/AVP 0\r\n",
         V O_OUT S C_OUT T "m=audio 6002 RTP/AVP 0\r\n"},
        {"media level",
         V O_IN S T "m=audio 6002 RTP/AVP 0\r\n" C_IN "m=video 6004 RTP/AVP 31\r\n" C_IN,
         V O_OUT S T "m=audio 6002 RTP/AVP 0\r\n" C_OUT "m=video 6004 RTP/AVP 31\r\n" C_OUT},
        {"another host's media", V O_IN S "c=IN IP4 10.0.0.9\r\n" T "m=audio 6002 RTP/AVP 0\r\n",
         V O_OUT S "c=IN IP4 10.0.0.9\r\n" T "m=audio 6002 RTP/AVP 0\r\n"},
        {"one stream of another host",
         V O_IN S C_IN T
         "m=audio 6002 RTP/AVP 0\r\nm=video 6004 RTP/AVP 31\r\nc=IN IP4 10.0.0.9\r\n",
         V O_OUT S C_OUT T
         "m=audio 6002 RTP/AVP 0\r\nm=video 6004 RTP/AVP 31\r\nc=IN IP4 10.0.0.9\r\n"},
        {"names",
         V "o=a 1 1 IN IP4 pc.example.net\r\n" S "c=IN IP4 pc.example.net\r\n" T
           "m=audio 6002 RTP/AVP 0\r\n",
         "-"},
        {"hold from the start", V O_IN S "c=IN IP4 0.0.0.0\r\n" T "m=audio 6002 RTP/AVP 0\r\n",
         V O_OUT S "c=IN IP4 0.0.0.0\r\n" T "m=audio 6002 RTP/AVP 0\r\n"},
        {"refused stream", V O_IN S C_IN T "m=audio 6002 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n",
         V O_OUT S C_OUT T "m=audio 6002 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n"},
        {"rtcp", V O_IN S C_IN T "m=audio 6002 RTP/AVP 0\r\na=rtcp:6003 IN IP4 10.0.0.1\r\n",
         V O_OUT S C_OUT T "m=audio 6002 RTP/AVP 0\r\na=rtcp:6003 IN IP4 203.0.113.9\r\n"},
        {"ports below 1024", V O_IN S C_IN T "m=audio 22 RTP/AVP 0\r\n",
         V O_OUT S C_OUT T "m=audio 22 RTP/AVP 0\r\n"},
        {"TCP media", V O_IN S C_IN T "m=message 12855 TCP/MSRP *\r\n",
         V O_OUT S C_OUT T "m=message 12855 TCP/MSRP *\r\n"},
        {"T.38", V O_IN S C_IN T "m=image 6002 udptl t38\r\n",
         V O_OUT S C_OUT T "m=image 6002 udptl t38\r\n"},
        {"LF alone",
         "v=0\no=a 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\nm=audio 6002 RTP/AVP 0\n",
         "v=0\no=a 1 1 IN IP4 203.0.113.9\ns=-\nc=IN IP4 203.0.113.9\nt=0 0\nm=audio 6002 RTP/AVP "
         "0\n"},
        {"MSRP",
         V O_IN S C_IN T
         "m=message 12855 TCP/MSRP *\r\n"
         "a=path:msrp://10.0.0.1:12855/s;tcp  msrps://u@10.0.0.1;tls msrp://10.0.0.9:1/s;tcp x\r\n",
         V O_OUT S C_OUT T
         "m=message 12855 TCP/MSRP *\r\n"
         "a=path:msrp://203.0.113.9:12855/s;tcp  msrps://u@203.0.113.9;tls msrp://10.0.0.9:1/s;tcp "
         "x\r\n"},
        {"passive candidates of TCP: the stream's own, and one that nothing is opened for",
         V O_IN S C_IN T "m=message 12855 TCP/MSRP *\r\na=setup:passive\r\n"
                         "a=candidate:1 1 TCP 9 10.0.0.1 12855 typ host tcptype passive\r\n"
                         "a=candidate:2 1 TCP 8 10.0.0.1 12856 typ host tcptype passive\r\n",
         V O_OUT S C_OUT T "m=message 12855 TCP/MSRP *\r\na=setup:passive\r\n"
                           "a=candidate:1 1 TCP 9 203.0.113.9 12855 typ host tcptype passive\r\n"
                           "a=candidate:2 1 TCP 8 10.0.0.1 12856 typ host tcptype passive\r\n"},
        {"TCP media of the active side",
         V O_IN S C_IN T "m=message 12855 TCP/MSRP *\r\na=setup:active\r\n",
         V O_OUT S C_OUT T "m=message 12855 TCP/MSRP *\r\na=setup:active\r\n"},
        {"ICE: STUN's view of a known port",
         V O_IN S C_IN T
         "m=audio 6002 RTP/AVP 0\r\n"
         "a=candidate:1 1 UDP 9 203.0.113.9 51000 typ srflx raddr 10.0.0.1 rport 6002\r\n"
         "a=candidate:2 1 UDP 9 203.0.113.9 51001 typ srflx raddr 10.0.0.1 rport 7000\r\n",
         V O_OUT S C_OUT T
         "m=audio 6002 RTP/AVP 0\r\n"
         "a=candidate:1 1 UDP 9 203.0.113.9 6002 typ srflx raddr 203.0.113.9 rport 6002\r\n"
         "a=candidate:2 1 UDP 9 203.0.113.9 51001 typ srflx raddr 203.0.113.9 rport 7000\r\n"},
        {"other attributes",
         V O_IN S "u=http://10.0.0.1/x\r\ne=a@10.0.0.1\r\n" C_IN T
                  "m=audio 6002 RTP/AVP 0\r\na=alt:1 1 : u p 10.0.0.1 6002\r\n"
                  "a=alt:2 2 : u p 10.0.0.9 6002\r\na=source-filter: incl IN IP4 * 10.0.0.1\r\n"
                  "a=ssrc:1 cname:a@10.0.0.1\r\na=remote-candidates:1 203.0.113.9 6002\r\n",
         V O_OUT S "u=http://203.0.113.9/x\r\ne=a@10.0.0.1\r\n" C_OUT T
                   "m=audio 6002 RTP/AVP 0\r\na=alt:1 1 : u p 203.0.113.9 6002\r\n"
                   "a=alt:2 2 : u p 10.0.0.9 6002\r\na=source-filter: incl IN IP4 * 203.0.113.9\r\n"
                   "a=ssrc:1 cname:a@10.0.0.1\r\na=remote-candidates:1 203.0.113.9 6002\r\n"},
        {"attributes of a medium in the session's part",
         V O_IN S C_IN T
         "a=rtcp:6003 IN IP4 10.0.0.1\r\na=rtcp:9 IN IP4 10.0.0.1\r\n"
         "a=rtcp:6003 IN IP4 10.0.0.9\r\na=rtcp:6003\r\n"
         "a=candidate:1 1 UDP 1 10.0.0.1 6002 typ host\r\nm=audio 6002 RTP/AVP 0\r\n",
         V O_OUT S C_OUT T
         "a=rtcp:6003 IN IP4 203.0.113.9\r\na=rtcp:9 IN IP4 203.0.113.9\r\n"
         "a=rtcp:6003 IN IP4 10.0.0.9\r\na=rtcp:6003\r\n"
         "a=candidate:1 1 UDP 1 203.0.113.9 6002 typ host\r\nm=audio 6002 RTP/AVP 0\r\n"},
        {"a session without media", V O_IN S C_IN T "a=rtcp:6003 IN IP4 10.0.0.1\r\n",
         V O_OUT S C_OUT T "a=rtcp:6003 IN IP4 203.0.113.9\r\n"},
        {"signalling's own port", V O_IN S C_IN T "m=audio 5060 RTP/AVP 0\r\na=rtcp:5061\r\n",
         V O_OUT S C_OUT T "m=audio 40000 RTP/AVP 0\r\na=rtcp:5061\r\n"},
        {"RTCP on signalling's port", V O_IN S C_IN T "m=audio 6002 RTP/AVP 0\r\na=rtcp:5060\r\n",
         V O_OUT S C_OUT T "m=audio 6002 RTP/AVP 0\r\na=rtcp:5060\r\n"},
        {"already public", V O_OUT S C_OUT T "m=audio 6002 RTP/AVP 0\r\n", "-"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        sdp_check(&rows[i], NULL);
}

static void test_sdp_ports(void **state)
{
    static const struct sdp_row rows[] = {
        {"another pair", V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\n",
         V O_OUT S C_OUT T "m=audio 8000 RTP/AVP 0\r\n"},
        {"rtcp follows", V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001\r\n",
         V O_OUT S C_OUT T "m=audio 8000 RTP/AVP 0\r\na=rtcp:8001\r\n"},
        {"rtcp on a port of its own", V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\na=rtcp:7777\r\n",
         V O_OUT S C_OUT T "m=audio 8000 RTP/AVP 0\r\na=rtcp:8001\r\n"},
        {"muxed on one port or two",
         V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001\r\na=rtcp-mux\r\n",
         V O_OUT S C_OUT T "m=audio 8000 RTP/AVP 0\r\na=rtcp:8001\r\na=rtcp-mux\r\n"},
        {"MSRP, a pair elsewhere",
         V O_IN S C_IN T
         "m=audio 6000 RTP/AVP 0\r\nm=message 8000 TCP/MSRP *\r\na=setup:passive\r\n"
         "a=path:msrp://10.0.0.1:8000/s;tcp\r\n",
         V O_OUT S C_OUT T
         "m=audio 8000 RTP/AVP 0\r\nm=message 8000 TCP/MSRP *\r\na=setup:passive\r\n"
         "a=path:msrp://203.0.113.9:8000/s;tcp\r\n"},
        {"BFCP over TCP", V O_IN S C_IN T "m=application 6000 TCP/BFCP *\r\na=setup:actpass\r\n",
         V O_OUT S C_OUT T "m=application 8000 TCP/BFCP *\r\na=setup:actpass\r\n"},
        {"muxed on one port",
         V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\na=rtcp:6000\r\na=rtcp-mux\r\n",
         V O_OUT S C_OUT T "m=audio 8000 RTP/AVP 0\r\na=rtcp:8000\r\na=rtcp-mux\r\n"},
        {"candidates",
         V O_IN S C_IN T
         "m=audio 6000 RTP/AVP 0\r\n"
         "a=candidate:1 1 UDP 2130706431 10.0.0.1 6000 typ host\r\n"
         "a=candidate:1 2 UDP 2130706430 10.0.0.1 6001 typ host\r\n"
         "a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.0.1 rport 6000\r\n"
         "a=candidate:3 1 TCP 2105458943 10.0.0.1 9 typ host tcptype active\r\n"
         "a=candidate:4 1 UDP 2130706431 10.0.0.9 6000 typ host\r\n",
         V O_OUT S C_OUT T
         "m=audio 8000 RTP/AVP 0\r\n"
         "a=candidate:1 1 UDP 2130706431 203.0.113.9 8000 typ host\r\n"
         "a=candidate:1 2 UDP 2130706430 203.0.113.9 8001 typ host\r\n"
         "a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.9 rport 8000\r\n"
         "a=candidate:3 1 TCP 2105458943 203.0.113.9 9 typ host tcptype active\r\n"
         "a=candidate:4 1 UDP 2130706431 10.0.0.9 6000 typ host\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        sdp_check(&rows[i], ports_taken);
}

static void set_range(struct rig *r)
{
    r->profile.nat_port_first = 20000;
    r->profile.nat_port_last = 20003;
}

/* Ports of the same host that something else uses: signalling, and media of another call. */
static void set_in_use(struct rig *r)
{
    struct handle h[2];
    struct mapping_want want = {
        .proto = 17,
        .zone = 1,
        .inside = rig_endpoint("10.0.0.1", 6100),
        .outside_ifindex = 2,
        .nat = {.ip = r->public_ip, .first = 6100, .last = 6101, .preserve = true},
        .kind = MAPPING_RTP,
        .owned = true,
    };
    rig_phone(r, "10.0.0.1", 7777, 40001);
    assert_int_equal(
        mapping_open_pair(&r->mappings, &r->thread, &want, rig_endpoint("10.0.0.1", 6101), h), 0);
}

static void set_trace(struct rig *r)
{
    r->profile.nat_trace = true;
}

static void set_override(struct rig *r)
{
    r->profile.nat_trace = r->profile.preserve_override = true;
}

static void set_no_fixup(struct rig *r)
{
    r->profile.nat_trace = r->profile.no_sdp_fixup = true;
}

static void set_no_rtp(struct rig *r)
{
    r->profile.rtp = false;
    ports_taken(r);
}

static void test_sdp_options(void **state)
{
    static const struct {
        void (*set)(struct rig *r);
        struct sdp_row row;
    } rows[] = {
        {set_trace,
         {"trace added", V O_IN S C_IN T, V O_OUT S "i=(o=IN IP4 10.0.0.1)\r\n" C_OUT T}},
        {set_trace,
         {"trace appended", V O_IN S "i=a talk\r\n" C_IN T,
          V O_OUT S "i=a talk(o=IN IP4 10.0.0.1)\r\n" C_OUT T}},
        {set_trace,
         {"trace in place of nothing", V O_IN S "i=\r\n" C_IN T,
          V O_OUT S "i=(o=IN IP4 10.0.0.1)\r\n" C_OUT T}},
        {set_trace,
         {"nothing to trace", V "o=a 1 1 IN IP4 pc.lan\r\n" S C_IN T,
          V "o=a 1 1 IN IP4 pc.lan\r\n" S C_OUT T}},
        {set_trace,
         {"trace with LF", "v=0\no=a 1 1 IN IP4 10.0.0.1\ns=-\nt=0 0\n",
          "v=0\no=a 1 1 IN IP4 203.0.113.9\ns=-\ni=(o=IN IP4 10.0.0.1)\nt=0 0\n"}},
        {set_override,
         {"trace replaces", V O_IN S "i=a talk\r\n" C_IN T,
          V O_OUT S "i=(o=IN IP4 10.0.0.1)\r\n" C_OUT T}},
        {set_override,
         {"trace added all the same", V O_IN S C_IN T,
          V O_OUT S "i=(o=IN IP4 10.0.0.1)\r\n" C_OUT T}},
        {set_range,
         {"outside nat-port-range", V O_IN S C_IN T "m=audio 6001 RTP/AVP 0\r\na=rtcp:6002\r\n",
          V O_OUT S C_OUT T "m=audio 20001 RTP/AVP 0\r\na=rtcp:20002\r\n"}},
        {set_range,
         {"within nat-port-range", V O_IN S C_IN T "m=audio 20002 RTP/AVP 0\r\n",
          V O_OUT S C_OUT T "m=audio 20002 RTP/AVP 0\r\n"}},
        {set_in_use,
         {"RTCP where signalling is", V O_IN S C_IN T "m=audio 6002 RTP/AVP 0\r\na=rtcp:7777\r\n",
          V O_OUT S C_OUT T "m=audio 6002 RTP/AVP 0\r\na=rtcp:7777\r\n"}},
        {set_in_use,
         {"RTCP where other media are",
          V O_IN S C_IN T "m=audio 6002 RTP/AVP 0\r\na=rtcp:6101 IN IP4 10.0.0.1\r\n",
          V O_OUT S C_OUT T "m=audio 6002 RTP/AVP 0\r\na=rtcp:6101 IN IP4 203.0.113.9\r\n"}},
        {set_in_use,
         {"RTP where signalling is",
          V O_IN S T "m=audio 7777 RTP/AVP 0\r\n" C_IN "m=audio 6002 RTP/AVP 0\r\n" C_IN,
          V O_OUT S T "m=audio 40001 RTP/AVP 0\r\n" C_OUT "m=audio 6002 RTP/AVP 0\r\n" C_OUT}},
        {set_no_fixup, {"no-sdp-fixup", V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\n", "-"}},
        {set_no_rtp,
         {"rtp disable", V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001\r\n",
          V O_OUT S C_OUT T "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001\r\n"}},
        {set_no_rtp,
         {"rtp disable, rtcp with address",
          V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001 IN IP4 10.0.0.1\r\n",
          V O_OUT S C_OUT T "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001 IN IP4 203.0.113.9\r\n"}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        sdp_check(&rows[i].row, rows[i].set);
}

/* A body of several parts is edited where the description stands. */
static void test_multipart(void **state)
{
    static const char *const head =
        "INVITE sip:b@example.net SIP/2.0\r\n" VIA_OUT REST
        "CSeq: 1 INVITE\r\nContent-Type: multipart/mixed;boundary=xx\r\n"
        "Content-Length: ";
    static const char *const body =
        "--xx\r\nContent-Type: application/ISUP\r\n\r\nv=10.0.0.1\r\n"
        "--xx\r\nContent-Type: application/sdp\r\n\r\n%s"
        "\r\n--xx\r\nContent-Type: text/plain\r\n\r\n10.0.0.1\r\n--xx--\r\n";
    struct rig r;
    char before[2048], want[2048], part[1024];
    (void)state;
    rig_init(&r, 64, 16);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    int n = snprintf(part, sizeof(part), body, V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\n");
    snprintf(before, sizeof(before), "%s%d\r\n\r\n%s", head, n, part);
    n = snprintf(part, sizeof(part), body, V O_OUT S C_OUT T "m=audio 6000 RTP/AVP 0\r\n");
    snprintf(want, sizeof(want), "%s%d\r\n\r\n%s", head, n, part);
    assert_string_equal(rig_out(&r, &phone, before), want);
    assert_non_null(rig_mapping(&r, "10.0.0.1", 6000));
    rig_free(&r);
}

/* Without Content-Length, and with bytes behind the body. */
static void test_length(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 16);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    assert_string_equal(rig_out(&r, &phone,
                                "OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST
                                "CSeq: 1 OPTIONS\r\nc: application/sdp\r\n\r\n" V O_IN S T),
                        "OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST
                        "CSeq: 1 OPTIONS\r\nc: application/sdp\r\n\r\n" V O_OUT S T);
    assert_string_equal(rig_out(&r, &phone,
                                "OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST
                                "CSeq: 1 OPTIONS\r\nContact: <sip:10.0.0.1>\r\nl: 0\r\n\r\njunk"),
                        "OPTIONS sip:b SIP/2.0\r\n" VIA_OUT REST
                        "CSeq: 1 OPTIONS\r\nContact: <sip:" PUB ">\r\nl: 0\r\n\r\n");

    /* Cut where nothing else is edited, either way. */
    static const char plain[] =
        "MESSAGE sip:b SIP/2.0\r\n" VIA_OUT REST "CSeq: 1 MESSAGE\r\nl: 2\r\n\r\nhi";
    static const char more[] =
        "MESSAGE sip:b SIP/2.0\r\n" VIA_OUT REST "CSeq: 1 MESSAGE\r\nl: 2\r\n\r\nhi" V O_IN C_IN;
    assert_string_equal(rig_out(&r, &phone, more), plain);
    assert_string_equal(rig_in(&r, &phone, more), plain);
    rig_in(&r, &phone, plain);
    assert_int_equal(r.verdict, ALG_PASS);
    rig_free(&r);
}

static void test_without_nat(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 16);
    r.public_ip = 0;
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 0);
    rig_out(&r, &phone, invite(V O_IN S C_IN T "m=audio 6000 RTP/AVP 0\r\n"));
    assert_int_equal(r.verdict, ALG_PASS);
    struct mapping *m = rig_mapping(&r, "10.0.0.1", 6000);
    assert_non_null(m);
    assert_true(endpoint_eq(mapping_public(m), mapping_inside(m)));
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sdp),         cmocka_unit_test(test_sdp_ports),
        cmocka_unit_test(test_sdp_options), cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_length),      cmocka_unit_test(test_without_nat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
