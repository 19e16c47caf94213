/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP over TCP through a whole firewall with source NAT: the handshake, messages, what is not SIP,
 * and what the session looks like meanwhile. Each side keeps its own numbers, as a real one would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"
#include "sessions/tcp.h"

#include <stdio.h>
#include <string.h>

enum {
    LAN = 1,
    WAN
};

enum {
    F = TCP_BIT_FIN,
    S = TCP_BIT_SYN,
    R = TCP_BIT_RST,
    P = TCP_BIT_PSH,
    A = TCP_BIT_ACK
};

static const char config[] =
    "config dpdk global\nset sessions 1024\nset mappings 64\nend\n"
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "end\n"
    "config voip profile\nedit \"plain\"\nconfig sip\nset nat-trace disable\nend\nnext\nend\n"
    "config router static\n"
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nset nat enable\n"
    "set voip-profile \"plain\"\nnext\n"
    "end\n";

static const char phone[] = "10.0.0.20", server[] = "198.51.100.5", wan[] = "203.0.113.2";

/* Both sides of a connection from the phone's port 41000. */
struct talk {
    struct firewall fw;
    uint32_t seq[2], ack[2]; /* the next each side sends, and what it has got */
    char heard[2][8000];     /* by the server [0], by the phone [1] */
    size_t heard_n[2];
    unsigned resets;
};

static uint32_t be_at(const struct frame *f, size_t at)
{
    be32 v;
    memcpy(&v, f->b + at, 4);
    return be32_host(v);
}

/* What the firewall sent reaches whom it is for. */
static void deliver(struct talk *t, unsigned from)
{
    for (unsigned i = from; i < t->fw.n_sent; i++) {
        const struct frame *f = &t->fw.sent[i].f;
        unsigned dir = t->fw.sent[i].ifindex == WAN ? 0 : 1;
        size_t head = (f->b[FRAME_L4 + 12] >> 4) * 4u, n = f->n - FRAME_L4 - head;
        uint8_t flags = f->b[FRAME_L4 + 13];
        frame_assert_whole(f);
        frame_assert_ends(f, dir ? (struct ends){server, 5060, phone, 41000}
                                 : (struct ends){wan, 41000, server, 5060});
        if (flags & R) {
            t->resets++;
            continue;
        }
        if (be_at(f, FRAME_L4 + 4) == t->ack[!dir] && n) {
            memcpy(t->heard[dir] + t->heard_n[dir], f->b + FRAME_L4 + head, n);
            t->heard_n[dir] += n;
            t->ack[!dir] += (uint32_t)n;
        }
        if (flags & F && be_at(f, FRAME_L4 + 4) + n == t->ack[!dir])
            t->ack[!dir]++;
    }
}

static void segment(struct talk *t, unsigned side, uint8_t flags, struct slice data)
{
    struct frame f;
    struct ends e =
        side ? (struct ends){server, 5060, wan, 41000} : (struct ends){phone, 41000, server, 5060};
    frame_tcp(&f, e, (struct frame_tcp){flags, t->seq[side], flags & A ? t->ack[side] : 0}, data);
    t->fw.n_sent = 0;
    firewall_gives(&t->fw, side ? WAN : LAN, &f);
    t->seq[side] += (uint32_t)data.n + !!(flags & (S | F));
    deliver(t, 0);
}

static void say(struct talk *t, unsigned side, const char *text)
{
    segment(t, side, A | P, slice_str(text));
}

static void ack(struct talk *t, unsigned side)
{
    segment(t, side, A, SLICE_NONE);
}

/* The handshake goes through end to end. */
static void talk_open(struct talk *t)
{
    memset(t, 0, sizeof *t);
    firewall_make(&t->fw, config);
    t->seq[0] = 1000;
    t->seq[1] = 77000;
    segment(t, 0, S, SLICE_NONE);
    assert_int_equal(t->fw.n_sent, 1);
    assert_int_equal(be_at(&t->fw.sent[0].f, FRAME_L4 + 4), 1000);
    t->ack[1] = 1001;
    segment(t, 1, S | A, SLICE_NONE);
    assert_int_equal(t->fw.n_sent, 1);
    t->ack[0] = 77001;
    ack(t, 0);
    assert_int_equal(t->fw.n_sent, 1);
    assert_int_equal(t->fw.sent[0].ifindex, WAN);
}

static const char *heard(struct talk *t, unsigned by)
{
    t->heard[by][t->heard_n[by]] = '\0';
    return t->heard[by];
}

static const char options[] = "OPTIONS sip:198.51.100.5 SIP/2.0\r\n"
                              "Via: SIP/2.0/TCP 10.0.0.20:41000;branch=z9hG4bK1\r\n"
                              "From: <sip:alice@10.0.0.20>;tag=1\r\n"
                              "To: <sip:198.51.100.5>\r\n"
                              "Call-ID: 1\r\n"
                              "CSeq: 1 OPTIONS\r\n"
                              "Contact: <sip:alice@10.0.0.20:41000;transport=tcp>\r\n"
                              "Content-Length: 0\r\n\r\n";

static const char options_out[] = "OPTIONS sip:198.51.100.5 SIP/2.0\r\n"
                                  "Via: SIP/2.0/TCP 203.0.113.2:41000;branch=z9hG4bK1\r\n"
                                  "From: <sip:alice@203.0.113.2>;tag=1\r\n"
                                  "To: <sip:198.51.100.5>\r\n"
                                  "Call-ID: 1\r\n"
                                  "CSeq: 1 OPTIONS\r\n"
                                  "Contact: <sip:alice@203.0.113.2:41000;transport=tcp>\r\n"
                                  "Content-Length: 0\r\n\r\n";

/* A message and its answer; afterwards the connection closes in order. */
static void test_message(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t);
    say(&t, 0, options);
    assert_string_equal(heard(&t, 0), options_out);
    ack(&t, 1);
    say(&t, 1,
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 203.0.113.2:41000;branch=z9hG4bK1\r\n"
        "From: <sip:alice@203.0.113.2>;tag=1\r\nTo: <sip:198.51.100.5>;tag=2\r\nCall-ID: 1\r\n"
        "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(heard(&t, 1), "Via: SIP/2.0/TCP 10.0.0.20:41000;branch=z9hG4bK1"));
    assert_null(strstr(heard(&t, 1), "203.0.113"));
    ack(&t, 0);
    segment(&t, 0, F | A, SLICE_NONE);
    ack(&t, 1);
    segment(&t, 1, F | A, SLICE_NONE);
    ack(&t, 0);
    assert_int_equal(t.resets, 0);
    assert_int_equal(firewall_dropped(&t.fw, DROP_TCP_STATE), 0);
    const struct session *s = session_at(&t.fw.dp->sessions, 0);
    for (uint32_t i = 0; i < 64; i++)
        if (record_state(&session_at(&t.fw.dp->sessions, i)->r) == RECORD_LIVE)
            s = session_at(&t.fw.dp->sessions, i);
    assert_int_equal(tcp_state_digit(s->tcp_state), TCP_STATE_TIME_WAIT);
    firewall_free(&t.fw);
}

/* Byte by byte, each in a segment of its own. */
static void test_bytes(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t);
    for (size_t i = 0; i < sizeof options - 1; i++)
        segment(&t, 0, A, slice_of(options + i, 1));
    assert_string_equal(heard(&t, 0), options_out);
    firewall_free(&t.fw);
}

/* Several messages in a segment, keep-alives between them. */
static void test_several(void **state)
{
    struct talk t;
    char text[1400], want[1500];
    (void)state;
    talk_open(&t);
    snprintf(text, sizeof text, "\r\n\r\n%s\r\n%s", options, options);
    snprintf(want, sizeof want, "\r\n\r\n%s\r\n%s", options_out, options_out);
    say(&t, 0, text);
    assert_string_equal(heard(&t, 0), want);
    say(&t, 1, "\r\n");
    assert_string_equal(heard(&t, 1), "\r\n");
    firewall_free(&t.fw);
}

/* Another protocol: untouched, and soon an ordinary session. */
static void test_not_sip(void **state)
{
    struct talk t;
    const char *get = "GET /10.0.0.20 HTTP/1.1\r\n\r\n";
    (void)state;
    talk_open(&t);
    say(&t, 0, get);
    assert_string_equal(heard(&t, 0), get);
    ack(&t, 1);
    say(&t, 1, "HTTP/1.1 200 OK\r\n\r\n");
    assert_string_equal(heard(&t, 1), "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(t.fw.n_sent, 1); /* as it is: nobody else acknowledges it */
    ack(&t, 0);
    for (int i = 0; i < 20; i++) {
        say(&t, 0, "more");
        assert_int_equal(t.fw.n_sent, 1);
        ack(&t, 1);
    }
    assert_int_equal(t.resets, 0);
    firewall_free(&t.fw);
}

/* SIP at first, then something else: both sides are reset. */
static void test_breaks(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t);
    say(&t, 0, options);
    ack(&t, 1);
    say(&t, 0, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(t.resets, 2);
    assert_int_equal(firewall_dropped(&t.fw, DROP_SIP_STREAM_BROKEN), 1);
    assert_string_equal(heard(&t, 0), options_out);
    firewall_free(&t.fw);
}

/* A length that no one believes. */
static void test_length(void **state)
{
    static const char *const lengths[] = {"99999999999", "-1", "4294967297", "40000"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct talk t;
        char text[600];
        talk_open(&t);
        snprintf(text, sizeof text, "%.*s%s\r\n\r\n", (int)(sizeof options - 6), options,
                 lengths[i]);
        say(&t, 0, text);
        assert_int_equal(t.resets, 2);
        assert_int_equal(t.heard_n[0], 0);
        firewall_free(&t.fw);
    }
}

/* A wrong checksum would leave as a right one. */
static void test_checksum(void **state)
{
    struct talk t;
    struct frame f;
    (void)state;
    talk_open(&t);
    frame_tcp(&f, (struct ends){phone, 41000, server, 5060},
              (struct frame_tcp){A, t.seq[0], t.ack[0]}, slice_str(options));
    f.b[FRAME_L4 + 30] ^= 1;
    t.fw.n_sent = 0;
    firewall_drops(&t.fw, LAN, &f, DROP_SIP_STREAM_CHECKSUM);
    say(&t, 0, options);
    assert_string_equal(heard(&t, 0), options_out);
    firewall_free(&t.fw);
}

/* SACK and time stamps go, the segment size stays. */
static void test_syn_options(void **state)
{
    static const unsigned char in[20] = {2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2,
                                         3, 4, 0, 0,    0, 0, 1, 3,  3, 7};
    static const unsigned char out[20] = {2, 4, 5, 0xb4, 1, 1, 1, 1, 1, 1,
                                          1, 1, 1, 1,    1, 1, 1, 3, 3, 7};
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    frame_tcp(&f, (struct ends){phone, 41000, server, 5060}, (struct frame_tcp){S, 1000, 0},
              slice_of((const char *)in, sizeof in));
    f.b[FRAME_L4 + 12] = 10 << 4;
    frame_mend(&f);
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    frame_assert_whole(there);
    assert_memory_equal(there->b + FRAME_L4 + 20, out, sizeof out);
    firewall_free(&fw);
}

/* Midstream, and another port: plain TCP. */
static void test_plain(void **state)
{
    struct firewall fw;
    struct frame f;
    (void)state;
    firewall_make(&fw, config);
    frame_tcp(&f, (struct ends){phone, 41000, server, 5061}, (struct frame_tcp){S, 1000, 0},
              SLICE_NONE);
    firewall_passes(&fw, LAN, &f, WAN);
    assert_int_equal(firewall_mappings(&fw), 0);
    frame_tcp(&f, (struct ends){phone, 41000, server, 5060}, (struct frame_tcp){A, 1000, 7},
              SLICE_LIT("x"));
    firewall_drops(&fw, LAN, &f, DROP_TCP_STATE);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message),  cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_several),  cmocka_unit_test(test_not_sip),
        cmocka_unit_test(test_breaks),   cmocka_unit_test(test_length),
        cmocka_unit_test(test_checksum), cmocka_unit_test(test_syn_options),
        cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
