/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP over TCP by every way through a whole firewall but plain source NAT (test_alg_tcp.c): in
 * through virtual IPs, and over IPv6; what the gateway answers itself; sessions that end early.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "nat.h"
#include "sessions/tcp.h"

#include <stdlib.h>
#include <string.h>

#define F     TCP_BIT_FIN
#define S     TCP_BIT_SYN
#define R     TCP_BIT_RST
#define P     TCP_BIT_PSH
#define A     TCP_BIT_ACK
#define OUTER "203.0.113.10"

#define STATIC VIP("one", OUTER, "10.0.0.5", "")
#define FORWARD                   \
    VIP("one", OUTER, "10.0.0.5", \
        "set portforward enable\nset protocol tcp\nset extport 5070\nset mappedport 5060\n")
#define IN POLICY(2, "wan", "lan", "\"one\"", "")

#define PHONE6  "2001:db8:1::20"
#define SERVER6 "2001:db8:9::5"

static const char config6[] =
    "config system interface\n"
    "edit \"lan\"\nconfig ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"
    "edit \"wan\"\nconfig ipv6\nset ip6-address 2001:db8:2::2/64\nend\nnext\n"
    "end\n"
    "config router static6\nedit 1\nset gateway fe80::1\nset device \"wan\"\nnext\nend\n"
    "config voip profile\nedit \"default\"\nconfig sip\nset malformed-header-max-forwards "
    "respond\nend\n"
    "next\nend\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr6 \"all\"\nset dstaddr6 \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nnext\nend\n";

/* A connection as either end sees it: who begins is side 0. */
struct way {
    const char *config;
    bool six;
    uint16_t ifindex[2]; /* where each side is */
    struct ends sees[2]; /* what each side writes into its segments */
};

static const struct way by_static = {
    BASE VIPS(STATIC) POLICIES(IN),
    false,
    {WAN, LAN},
    {{"198.51.100.5", 41000, OUTER, 5060}, {"10.0.0.5", 5060, "198.51.100.5", 41000}}};
static const struct way by_forward = {
    BASE VIPS(FORWARD) POLICIES(IN),
    false,
    {WAN, LAN},
    {{"198.51.100.5", 41000, OUTER, 5070}, {"10.0.0.5", 5060, "198.51.100.5", 41000}}};
static const struct way by_six = {
    config6, true, {LAN, WAN}, {{PHONE6, 41000, SERVER6, 5060}, {SERVER6, 5060, PHONE6, 41000}}};

struct talk {
    struct firewall fw;
    const struct way *way;
    uint32_t seq[2], ack[2];
    char heard[2][6000]; /* by side 1 [0], by side 0 [1] */
    size_t heard_n[2];
    unsigned resets;
};

static uint32_t be_at(const struct frame *f, size_t at)
{
    be32 v;
    memcpy(&v, f->b + at, 4);
    return be32_host(v);
}

static void deliver(struct talk *t)
{
    const size_t l4 = t->way->six ? FRAME6_L4 : FRAME_L4;
    for (unsigned i = 0; i < t->fw.n_sent; i++) {
        const struct frame *f = &t->fw.sent[i].f;
        unsigned dir = t->fw.sent[i].ifindex == t->way->ifindex[1] ? 0 : 1;
        size_t head = (f->b[l4 + 12] >> 4) * 4u, n = f->n - l4 - head;
        uint8_t flags = f->b[l4 + 13];
        frame_assert_whole(f);
        if (t->way->six)
            frame6_assert_ends(f, turned(t->way->sees[!dir]));
        else
            frame_assert_ends(f, turned(t->way->sees[!dir]));
        t->resets += !!(flags & R);
        if (be_at(f, l4 + 4) == t->ack[!dir] && n && !(flags & R)) {
            memcpy(t->heard[dir] + t->heard_n[dir], f->b + l4 + head, n);
            t->heard_n[dir] += n;
            t->ack[!dir] += (uint32_t)n;
        }
    }
}

static void segment(struct talk *t, unsigned side, uint8_t flags, const char *text)
{
    struct frame f;
    struct frame_tcp tcp = {flags, t->seq[side], flags & A ? t->ack[side] : 0};
    struct slice data = slice_str(text);
    if (t->way->six)
        frame6_tcp(&f, t->way->sees[side], tcp, data);
    else
        frame_tcp(&f, t->way->sees[side], tcp, data);
    t->fw.n_sent = 0;
    firewall_gives(&t->fw, t->way->ifindex[side], &f);
    t->seq[side] += (uint32_t)data.n + !!(flags & (S | F));
    deliver(t);
}

static const char *heard(struct talk *t, unsigned by)
{
    t->heard[!by][t->heard_n[!by]] = '\0';
    return t->heard[!by];
}

/* As an operator sees them. */
static struct stream_stats {
    unsigned streams, buffers;
} streams(const struct talk *t)
{
    struct stream_stats stats;
    struct text out = {0};
    assert_int_equal(replay_command(t->fw.r, SLICE_LIT("diagnose sys sip-proxy stats tcp"), &out),
                     0);
    const char *connections = strstr(out.p, "connections: ");
    const char *buffers = strstr(out.p, "\nbuffers: ");
    assert_true(connections && buffers);
    stats.streams = (unsigned)strtoul(connections + 13, NULL, 10);
    stats.buffers = (unsigned)strtoul(buffers + 10, NULL, 10);
    text_free(&out);
    return stats;
}

static void talk_open(struct talk *t, const struct way *way)
{
    memset(t, 0, sizeof *t);
    t->way = way;
    firewall_make(&t->fw, way->config);
    t->seq[0] = 1000;
    t->seq[1] = 77000;
    segment(t, 0, S, "");
    t->ack[1] = 1001;
    segment(t, 1, S | A, "");
    t->ack[0] = 77001;
    segment(t, 0, A, "");
    assert_int_equal(t->fw.n_sent, 1);
    assert_int_equal(streams(t).streams, 1);
    assert_int_equal(streams(t).buffers, 0);
}

/* A request of the side that begins, by `uri`; it names itself by `self`. */
static const char *request(const char *uri, const char *self, const char *cseq)
{
    static char text[800];
    snprintf(text, sizeof text,
             "OPTIONS sip:x@%s SIP/2.0\r\nVia: SIP/2.0/TCP %s:41000;branch=z9hG4bK1\r\n"
             "From: <sip:a@%s>;tag=1\r\nTo: <sip:x@%s>\r\nCall-ID: 1\r\nCSeq: %s\r\n"
             "Contact: <sip:a@%s:41000;transport=tcp>\r\nContent-Length: 0\r\n\r\n",
             uri, self, self, uri, cseq, self);
    return text;
}

static const char *answer(const char *uri, const char *there, const char *self)
{
    static char text[800];
    snprintf(text, sizeof text,
             "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP %s:41000;branch=z9hG4bK1\r\n"
             "From: <sip:a@%s>;tag=1\r\nTo: <sip:x@%s>;tag=2\r\nCall-ID: 1\r\n"
             "CSeq: 1 OPTIONS\r\nContact: <sip:x@%s;transport=tcp>\r\n"
             "Content-Length: 0\r\n\r\n",
             there, there, uri, self);
    return text;
}

/* The host reads of itself, the caller of the VIP; nothing is mapped. */
static void assert_served(const struct way *way, const char *outer, const char *inner)
{
    struct talk t;
    talk_open(&t, way);
    segment(&t, 0, A | P, request(outer, "198.51.100.5", "1 OPTIONS"));
    assert_string_equal(heard(&t, 1), request(inner, "198.51.100.5", "1 OPTIONS"));
    segment(&t, 1, A | P, answer(inner, "198.51.100.5", "10.0.0.5:5060"));
    const char *contact = strstr(heard(&t, 0), "Contact: <sip:x@" OUTER);
    assert_non_null(contact);
    assert_int_equal(strncmp(contact + 16, outer, strlen(outer)), 0);
    assert_null(strstr(heard(&t, 0), "10.0.0.5"));
    segment(&t, 0, A, "");
    assert_int_equal(t.resets, 0);
    assert_int_equal(streams(&t).buffers, 0);
    assert_int_equal(firewall_mappings(&t.fw), 0);
    firewall_free(&t.fw);
}

static void test_static(void **state)
{
    (void)state;
    assert_served(&by_static, OUTER, "10.0.0.5");
}

static void test_forward(void **state)
{
    (void)state;
    assert_served(&by_forward, OUTER ":5070", "10.0.0.5:5060");
}

/* Not a byte changes; the numbers stay those of the two ends. */
static void test_six(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, &by_six);
    const char *sent = request("[" SERVER6 "]", "[" PHONE6 "]", "1 OPTIONS");
    for (size_t i = 0; sent[i]; i++)
        segment(&t, 0, A, (char[]){sent[i], '\0'});
    assert_string_equal(heard(&t, 1), sent);
    segment(&t, 1, A, "");
    sent = answer("[" SERVER6 "]", "[" PHONE6 "]", "[" SERVER6 "]:5060");
    segment(&t, 1, A | P, sent);
    assert_string_equal(heard(&t, 0), sent);
    segment(&t, 0, F | A, "");
    segment(&t, 1, A, "");
    segment(&t, 1, F | A, "");
    segment(&t, 0, A, "");
    assert_int_equal(t.resets, 0);
    assert_int_equal(streams(&t).buffers, 0);
    firewall_free(&t.fw);
}

static void test_six_other(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, &by_six);
    segment(&t, 0, A | P, "GET / HTTP/1.1\r\n\r\n");
    assert_string_equal(heard(&t, 1), "GET / HTTP/1.1\r\n\r\n");
    segment(&t, 1, A, "");
    assert_int_equal(streams(&t).streams, 0);
    segment(&t, 1, A | P, "HTTP/1.1 200 OK\r\n\r\n");
    assert_string_equal(heard(&t, 0), "HTTP/1.1 200 OK\r\n\r\n");
    firewall_free(&t.fw);

    talk_open(&t, &by_six);
    segment(&t, 0, A | P, request("[" SERVER6 "]", "[" PHONE6 "]", "1 OPTIONS"));
    segment(&t, 1, A, "");
    segment(&t, 0, A | P, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(t.resets, 2);
    firewall_free(&t.fw);
}

/* What a check refuses with an answer is answered in the stream, which goes on. */
static void test_respond(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, &by_six);
    segment(&t, 0, A | P, request("[" SERVER6 "]", "[" PHONE6 "]", "1 OPTIONS\r\nMax-Forwards: x"));
    assert_int_equal(t.heard_n[0], 0);
    assert_non_null(strstr(heard(&t, 0), "SIP/2.0 400 "));
    segment(&t, 0, A, "");
    const char *sent = request("[" SERVER6 "]", "[" PHONE6 "]", "2 OPTIONS");
    segment(&t, 0, A | P, sent);
    assert_string_equal(heard(&t, 1), sent);
    segment(&t, 1, A, "");
    assert_int_equal(t.resets, 0);
    assert_int_equal(streams(&t).buffers, 0);
    firewall_free(&t.fw);
}

/* The same over UDP: an IPv6 frame of our own goes back. */
static void test_respond_datagram(void **state)
{
    const struct ends e = {PHONE6, 5060, SERVER6, 5060};
    struct firewall fw;
    struct frame f;
    char text[900];
    (void)state;
    firewall_make(&fw, config6);
    for (int hops = 0; hops < 2; hops++) {
        snprintf(text, sizeof text, "%s",
                 request("[" SERVER6 "]", "[" PHONE6 "]",
                         hops ? "1 OPTIONS" : "1 OPTIONS\r\nMax-Forwards: x"));
        memcpy(strstr(text, "/TCP"), "/UDP", 4);
        frame6_udp(&f, e, slice_str(text));
        if (hops) {
            firewall_passes(&fw, LAN, &f, WAN);
            continue;
        }
        const struct frame *back = firewall_refuses(&fw, LAN, &f, DROP_SIP_VIOLATION);
        frame_assert_whole(back);
        frame6_assert_ends(back, turned(e));
        assert_int_equal(back->b[FRAME_IP + 7], 64);
        assert_memory_equal(back->b + FRAME6_L4 + 8, "SIP/2.0 400 ", 12);
    }
    firewall_free(&fw);
}

/* In the midst of a message the session ends: its memory is back within a second and a bit. */
static void test_cleared(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, &by_static);
    segment(&t, 0, A | P, "OPTIONS sip:x@" OUTER " SIP/2.0\r\nVia: ");
    assert_int_equal(streams(&t).buffers, 1);
    COMMANDS(&t.fw, "diagnose sys session clear");
    assert_int_equal(firewall_sessions(&t.fw), 0);
    passes(&t.fw, 2 * SECOND);
    assert_int_equal(streams(&t).buffers, 0);
    assert_int_equal(streams(&t).streams, 0);
    firewall_free(&t.fw);
}

/* A policy that is gone ends the connection with its next segment. */
static void test_policy_gone(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, &by_static);
    segment(&t, 0, A | P, "OPTIONS sip:x@" OUTER " SIP/2.0\r\nVia: ");
    COMMANDS(&t.fw, "config firewall policy", "delete 2", "end");
    segment(&t, 0, A | P, "SIP/2.0/TCP ");
    assert_int_equal(t.heard_n[0], 0);
    passes(&t.fw, 2 * SECOND);
    assert_int_equal(streams(&t).buffers, 0);
    assert_int_equal(streams(&t).streams, 0);
    firewall_free(&t.fw);
}

/* Who begins a message and never ends it does not keep its buffer for ever. */
static void test_stalled(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, &by_static);
    segment(&t, 0, A | P, "OPTIONS sip:x@" OUTER " SIP/2.0\r\n");
    passes(&t.fw, 20 * SECOND);
    segment(&t, 0, A | P, "Via: ");
    assert_int_equal(streams(&t).buffers, 1);
    assert_int_equal(t.resets, 0);
    t.fw.n_sent = 0;
    passes(&t.fw, 50 * SECOND);
    deliver(&t);
    assert_int_equal(streams(&t).buffers, 0);
    assert_int_equal(t.resets, 2);
    firewall_free(&t.fw);
}

/* One that is idle between messages is left alone. */
static void test_idle(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, &by_static);
    segment(&t, 0, A | P, request(OUTER, "198.51.100.5", "1 OPTIONS"));
    segment(&t, 1, A, "");
    t.fw.n_sent = 0;
    passes(&t.fw, 300 * SECOND);
    deliver(&t);
    assert_int_equal(t.resets, 0);
    assert_int_equal(streams(&t).streams, 1);
    segment(&t, 0, A | P, "\r\n\r\n");
    assert_non_null(strstr(heard(&t, 1), "\r\n\r\n\r\n\r\n"));
    firewall_free(&t.fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_static),  cmocka_unit_test(test_forward),
        cmocka_unit_test(test_six),     cmocka_unit_test(test_six_other),
        cmocka_unit_test(test_respond), cmocka_unit_test(test_cleared),
        cmocka_unit_test(test_stalled), cmocka_unit_test(test_policy_gone),
        cmocka_unit_test(test_idle),    cmocka_unit_test(test_respond_datagram),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
