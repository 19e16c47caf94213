/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of all kinds through a whole firewall, begun, changed, ended and left alone at random, with
 * media both ways: when the timers have run, sessions, mappings, pools, buffers and calls are as
 * they were before the first packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/text.h"
#include "nat.h"
#include "sessions/pool.h"

#include <stdlib.h>
#include <string.h>

#define CALLS    10
#define STEPS    1500
#define MEDIA    7000
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* What the server knows of a call is what came out of the firewall. */
struct call {
    unsigned number, cseq, server_cseq, rtp;
    bool tagged;      /* the server has answered with a tag */
    char inside[16];  /* of the phone ... */
    char outside[16]; /* ... and what stands for it outside */
    uint16_t sip, media;
    struct frame last; /* request of the phone that left */
};

struct world {
    struct firewall fw;
    struct rng rng;
    unsigned n_calls, reached; /* calls, and messages that came to the other side */
    struct call calls[CALLS];
};

static uint32_t below(struct world *w, uint32_t n)
{
    return rng_below(&w->rng, n);
}

/* What left through `out` for the last frame, or NULL. */
static const struct frame *left(struct world *w, uint16_t in, const struct frame *f, uint16_t out)
{
    if (firewall_gives(&w->fw, in, f) == 0 || w->fw.sent[0].ifindex != out)
        return NULL;
    w->reached++;
    return &w->fw.sent[0].f;
}

static void call_begin(struct world *w, struct call *c)
{
    *c = (struct call){.number = w->n_calls++, .rtp = 6000 + 2 * below(w, 8)};
    snprintf(c->inside, sizeof c->inside, "10.0.0.%u", 20 + below(w, 4));
}

static unsigned describe(char *text, size_t n, const char *ip, unsigned port, const char *how)
{
    return (unsigned)snprintf(text, n,
                              "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
                              "m=audio %u RTP/AVP 0\r\n%s",
                              ip, ip, port, how);
}

static const char *hold_of(struct world *w)
{
    return below(w, 6) ? "" : below(w, 2) ? "a=sendonly\r\n" : "a=inactive\r\n";
}

/* A request of the phone; the server takes note of what stands outside. */
static void phone_asks(struct world *w, struct call *c, const char *method, bool offers)
{
    char text[1400], body[300] = "";
    unsigned n = offers ? describe(body, sizeof body, c->inside, c->rtp, hold_of(w)) : 0;
    bool same = !strcmp(method, "ACK") || !strcmp(method, "CANCEL");
    c->cseq += !same;
    snprintf(text, sizeof text,
             "%s sip:b@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%u-%u\r\n"
             "From: <sip:a@%s>;tag=a\r\nTo: <sip:b@%s>%s\r\nCall-ID: %u\r\nCSeq: %u %s\r\n"
             "Contact: <sip:a@%s:5060>\r\nExpires: %u\r\n%sContent-Length: %u\r\n\r\n%s",
             method, server, c->inside, c->number, c->cseq, c->inside, server,
             c->tagged ? ";tag=b" : "", c->number, c->cseq, method, c->inside, 60 + below(w, 4000),
             n ? "Content-Type: application/sdp\r\n" : "", n, body);
    struct frame f;
    frame_udp(&f, (struct ends){c->inside, 5060, server, 5060}, slice_str(text));
    const struct frame *out = left(w, LAN, &f, WAN);
    if (!out)
        return;
    struct slice payload = frame_udp_payload(frame_slice(out));
    const char *m = memmem(payload.p, payload.n, "m=audio ", 8);
    const unsigned char *ip = out->b + FRAME_IP + 12, *port = out->b + FRAME_L4;
    snprintf(c->outside, sizeof c->outside, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
    c->sip = (uint16_t)(port[0] << 8 | port[1]);
    if (m)
        c->media = (uint16_t)strtoul(m + 8, NULL, 10);
    if (!same)
        c->last = *out;
}

/* The server's answer to the phone's last request. */
static void server_answers(struct world *w, struct call *c, unsigned status, bool answers)
{
    char text[1400], lines[700] = "", body[300] = "";
    static const char *const names[] = {"Via:", "From:", "To:", "Call-ID:", "CSeq:"};
    struct slice in = frame_udp_payload(frame_slice(&c->last));
    size_t n = 0;
    if (c->last.n == 0)
        return;
    bool tag = !c->tagged && status > 100;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *at = memmem(in.p, in.n, names[i], strlen(names[i]));
        const char *end = memmem(at, in.n - (size_t)(at - in.p), "\r\n", 2);
        n += (size_t)snprintf(lines + n, sizeof lines - n, "%.*s%s\r\n", (int)(end - at), at,
                              i == 2 && tag && !memmem(at, (size_t)(end - at), "tag=", 4) ? ";tag=b"
                                                                                          : "");
    }
    unsigned length = answers ? describe(body, sizeof body, server, MEDIA, hold_of(w)) : 0;
    snprintf(text, sizeof text,
             "SIP/2.0 %u Whatever\r\n%sContact: <sip:b@%s>\r\n%s%sContent-Length: %u\r\n\r\n%s",
             status, lines, server, below(w, 3) ? "" : "Session-Expires: 300\r\n",
             length ? "Content-Type: application/sdp\r\n" : "", length, body);
    struct frame f;
    frame_udp(&f, (struct ends){server, 5060, c->outside, c->sip}, slice_str(text));
    left(w, WAN, &f, LAN);
    c->tagged |= status > 100;
}

static void server_asks(struct world *w, struct call *c, const char *method)
{
    char text[900];
    if (c->sip == 0)
        return;
    c->server_cseq++;
    snprintf(text, sizeof text,
             "%s sip:a@%s:%u SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKs%u-%u\r\n"
             "From: <sip:b@%s>;tag=b\r\nTo: <sip:a@%s>;tag=a\r\nCall-ID: %u\r\nCSeq: %u %s\r\n"
             "Contact: <sip:b@%s>\r\nContent-Length: 0\r\n\r\n",
             method, c->outside, c->sip, server, c->number, c->server_cseq, server, c->outside,
             c->number, c->server_cseq, method, server);
    struct frame f;
    frame_udp(&f, (struct ends){server, 5060, c->outside, c->sip}, slice_str(text));
    left(w, WAN, &f, LAN);
}

static void talk(struct world *w, struct call *c)
{
    struct frame f;
    frame_udp(&f, (struct ends){c->inside, (uint16_t)c->rtp, server, MEDIA},
              SLICE_LIT("\x80voice"));
    left(w, LAN, &f, WAN);
    if (c->media == 0)
        return;
    frame_udp(&f, (struct ends){server, MEDIA, c->outside, c->media}, SLICE_LIT("\x80voice"));
    left(w, WAN, &f, LAN);
}

/* The life of a call as it is meant to be, up to where its number says. */
static void usual(struct world *w, struct call *c)
{
    unsigned steps = below(w, 7);
    phone_asks(w, c, "INVITE", true);
    if (steps > 0)
        server_answers(w, c, 180, below(w, 2));
    if (steps > 1)
        server_answers(w, c, below(w, 4) ? 200 : 486, true);
    if (steps > 2)
        phone_asks(w, c, "ACK", false);
    if (steps > 3)
        talk(w, c);
    if (steps > 4)
        phone_asks(w, c, "BYE", false);
    if (steps > 5)
        server_answers(w, c, 200, false);
}

static void anything(struct world *w, struct call *c)
{
    static const char *const methods[] = {"INVITE", "ACK",     "BYE",      "CANCEL",   "UPDATE",
                                          "PRACK",  "OPTIONS", "REGISTER", "SUBSCRIBE"};
    static const unsigned statuses[] = {100, 180, 183, 200, 200, 200, 302, 401, 481, 487, 488, 503};
    switch (below(w, 5)) {
    case 0:
        c->rtp = 6000 + 2 * below(w, 8);
        phone_asks(w, c, methods[below(w, COUNT(methods))], below(w, 2));
        break;
    case 1:
        server_answers(w, c, statuses[below(w, COUNT(statuses))], below(w, 2));
        break;
    case 2:
        server_asks(w, c, methods[below(w, COUNT(methods))]);
        break;
    default:
        talk(w, c);
    }
}

static void step(struct world *w)
{
    static const uint32_t spans_ms[] = {50, 3000, 40000, 400000};
    struct call *c = &w->calls[below(w, CALLS)];
    unsigned what = below(w, 20);
    if (what < 4) {
        call_begin(w, c);
        usual(w, c);
    } else if (what < 18) {
        anything(w, c);
    } else {
        uint32_t ms = below(w, spans_ms[below(w, COUNT(spans_ms))]);
        replay_advance(w->fw.r, replay_now_ns(w->fw.r) + ms * (SECOND / 1000));
    }
}

static void nothing_is_left(struct world *w)
{
    struct text list = {0};
    struct replay_counts counts;
    replay_counts(w->fw.r, &counts);
    assert_int_equal(counts.sessions, 0);
    assert_int_equal(counts.mappings, 0);
    assert_int_equal(counts.held, 0);
    assert_int_equal(replay_command(w->fw.r, SLICE_LIT("diagnose sys sip-proxy calls list"), &list),
                     0);
    assert_null(list.p ? strstr(list.p, "call-id") : NULL);
    text_free(&list);
    const struct pool *p = pools_at(w->fw.dp->pools, 1);
    if (!p)
        return;
    struct pool_stat stat;
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use + stat.clients + stat.sessions, 0);
}

static void play(uint64_t seed, const char *config)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->rng = (struct rng){seed};
    firewall_make(&w->fw, config);
    for (unsigned i = 0; i < CALLS; i++)
        call_begin(w, &w->calls[i]);
    for (unsigned i = 0; i < STEPS; i++)
        step(w);
    assert_true(w->n_calls > STEPS / 10 && w->reached > STEPS);
    replay_advance(w->fw.r, replay_now_ns(w->fw.r) + 14 * 3600 * SECOND);
    nothing_is_left(w);
    firewall_free(&w->fw);
    free(w);
}

#define PROFILE(more)                                                                        \
    "config voip profile\nedit \"default\"\nconfig sip\nset log-call-summary disable\n" more \
    "end\nnext\nend\n"
#define QUIET     PROFILE("")
#define KEEPALIVE PROFILE("set call-keepalive 60\nset max-idle-dialogs 4\n")
#define ROOM      "config dpdk global\nset mappings 512\nend\n"

static void test_interface(void **state)
{
    (void)state;
    play(1, BASE ROOM QUIET POLICIES(OUT("")));
    play(2, BASE ROOM KEEPALIVE POLICIES(OUT("")));
}

static void test_pool(void **state)
{
    (void)state;
    play(3, BASE ROOM QUIET POOLS(POOL("pool", "203.0.113.100", "203.0.113.103",
                                       "set type port-block-allocation\nset block-size 64\n"))
                POLICIES(BY_POOL("pool")));
    play(4, BASE ROOM KEEPALIVE POOLS(POOL("pool", "203.0.113.100", "203.0.113.101", ""))
                POLICIES(BY_POOL("pool")));
}

/* The table is full most of the time. */
static void test_no_room(void **state)
{
    (void)state;
    play(5, BASE QUIET POLICIES(OUT("")));
}

static void test_plain(void **state)
{
    (void)state;
    play(6, BASE ROOM QUIET POLICIES(POLICY(1, "lan", "wan", "\"all\"", "")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interface),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_plain),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
