/* SPDX-License-Identifier: BSD-3-Clause */
/* How many connections and buffers a host may have: connections without packets, between addresses
 * that follow from the number of the session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alg/streams.h"
#include "base/be.h"
#include "sessions/tcp.h"

#define STREAMS 32
#define BUFFERS 16

/* Sessions from 1000 on are opened by the outside host 198.51.100.(n / 1000), others from inside by
 * 10.0.0.(n / 100 + 1). */
static unsigned describe(void *ctx, struct handle session, unsigned dir,
                         struct alg_packet packets[ALG_CROSSINGS])
{
    uint32_t n = session.index;
    bool outside = n >= 1000;
    struct ip_port host = {ip_addr_of4(be32_of(0x0a000001 + n / 100)), be16_of(5060)};
    struct ip_port far = {ip_addr_of4(be32_of(0xc6336400)), be16_of(5060)};
    static const struct voip_profile profile = {.sip_status = true};
    (void)ctx;
    if (outside) {
        host.ip = ip_addr_of4(be32_of(0x0a000001));
        far.ip = ip_addr_of4(be32_of(0xc6336400 + n / 1000));
    }
    packets[0] = (struct alg_packet){.session = session,
                                     .proto = 6,
                                     .outward = outside == (dir == 1),
                                     .inside = host,
                                     .public_side = host,
                                     .outside = far,
                                     .src = outside == (dir == 1) ? host : far,
                                     .profile = &profile,
                                     .inside_zone = 1};
    return 1;
}

static void no_send(void *ctx, struct handle session, uint16_t way,
                    const struct tcp_departure *segment)
{
    (void)ctx;
    (void)session;
    (void)way;
    (void)segment;
}

static bool lives(void *ctx, struct handle session)
{
    const uint32_t *gone = ctx;
    return session.index >= *gone;
}

struct fixture {
    struct sessions sessions;
    struct mappings mappings;
    struct session_thread thread;
    struct alg *alg;
    uint32_t gone; /* sessions below this number are */
    uint64_t now_ms;
};

static void set_up(struct fixture *f)
{
    struct hash_secret secret;
    const struct alg_limits limits = {.dialogs = 16, .streams = STREAMS, .stream_buffers = BUFFERS};
    *f = (struct fixture){.now_ms = 1000};
    hash_secret_fixed(&secret, 7);
    session_thread_init(&f->thread, 7);
    assert_int_equal(sessions_init(&f->sessions, 64, &f->mappings, false), 0);
    assert_int_equal(mappings_init(&f->mappings, 64, &f->sessions, false), 0);
    f->alg = alg_create(&limits, &f->mappings, &f->thread, NULL, &secret);
    assert_non_null(f->alg);
    const struct stream_host host = {
        .ctx = &f->gone, .describe = describe, .send = no_send, .lives = lives};
    alg_stream_host(f->alg, &host);
}

static void tear_down(struct fixture *f)
{
    struct stream_stats stats;
    f->gone = UINT32_MAX;
    f->now_ms += 60000;
    while (alg_run_timers(f->alg, f->now_ms, 1000))
        ;
    alg_stream_stats(f->alg, &stats);
    assert_int_equal(stats.streams, 0);
    assert_int_equal(stats.buffers, 0);
    alg_destroy(f->alg);
    mappings_free(&f->mappings);
    sessions_free(&f->sessions);
}

static struct stream_fate segment(struct fixture *f, uint32_t session, unsigned dir, uint8_t flags,
                                  uint32_t seq, uint32_t ack, const char *text)
{
    const struct stream_segment g = {
        .session = {session, 1},
        .dir = dir,
        .most = {1460, 1460},
        .tcp = {.seq = seq, .ack = ack, .window = 65535, .flags = flags, .data = slice_str(text)},
        .now_ms = f->now_ms,
    };
    return alg_stream_input(f->alg, &g);
}

static bool opens(struct fixture *f, uint32_t session)
{
    struct stream_fate fate = segment(f, session, 0, TCP_BIT_SYN, 100, 0, "");
    if (fate.reason == ALG_REASON_SIP_STREAM_LIMIT)
        return false;
    assert_int_equal(fate.tcp.kind, TCP_FATE_FORWARD);
    segment(f, session, 1, TCP_BIT_SYN | TCP_BIT_ACK, 500, 101, "");
    segment(f, session, 0, TCP_BIT_ACK, 101, 501, "");
    return true;
}

/* Connections `from` and following, until one is refused. */
static unsigned opens_many(struct fixture *f, uint32_t from)
{
    unsigned n = 0;
    while (n <= STREAMS && opens(f, from + n))
        n++;
    return n;
}

/* The beginning of a message by each of n connections; how many of them are held. */
static unsigned half_messages(struct fixture *f, uint32_t from, unsigned n)
{
    unsigned held = 0;
    for (unsigned i = 0; i < n; i++)
        held += segment(f, from + i, 0, TCP_BIT_ACK, 101, 501, "OPTIONS sip:a@b").tcp.kind ==
                TCP_FATE_HELD;
    return held;
}

/* What an outside host may open is three times what it leaves, less the reserve; then others
 * outside may, and hosts inside. */
static void test_connections(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    assert_int_equal(opens_many(&f, 1000), STREAMS * 9 / 16);
    assert_int_equal(opens_many(&f, 2000), 5);
    assert_in_range(opens_many(&f, 0), 5, STREAMS / 4);
    assert_true(opens(&f, 100));
    tear_down(&f);
}

/* The same for what they hold; who is refused gets it when others have ended. */
static void test_buffers(void **state)
{
    struct fixture f;
    struct stream_stats stats;
    (void)state;
    set_up(&f);
    unsigned n = opens_many(&f, 1000);
    assert_in_range(half_messages(&f, 1000, n), 1, BUFFERS * 9 / 16);
    assert_true(opens(&f, 2000) && opens(&f, 0) && opens(&f, 100));
    assert_int_equal(half_messages(&f, 2000, 1), 1);
    assert_int_equal(half_messages(&f, 0, 1), 1);
    assert_int_equal(half_messages(&f, 100, 1), 1);
    assert_int_equal(segment(&f, 1000 + n - 1, 0, TCP_BIT_ACK, 101, 501, "OPTIONS ").reason,
                     ALG_REASON_SIP_STREAM_FULL);
    alg_stream_stats(f.alg, &stats);
    assert_in_range(stats.buffers, 4, BUFFERS);
    for (unsigned i = 0; i < n / 2; i++)
        segment(&f, 1000 + i, 0, TCP_BIT_RST, 101 + 15, 501, "");
    assert_int_equal(segment(&f, 1000 + n - 1, 0, TCP_BIT_ACK, 101, 501, "OPTIONS ").tcp.kind,
                     TCP_FATE_HELD);
    tear_down(&f);
}

/* Whole messages of many connections pass although each is short of a buffer now and then. */
static void test_all_pass(void **state)
{
    static const char text[] = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\n"
                               "From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\n"
                               "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    uint32_t n = sizeof(text) - 1;
    struct fixture f;
    (void)state;
    set_up(&f);
    unsigned many = opens_many(&f, 1000);
    for (unsigned i = 0; i < many; i++) {
        struct stream_fate fate = segment(&f, 1000 + i, 0, TCP_BIT_ACK, 101, 501, text);
        if (fate.tcp.kind == TCP_FATE_HELD) /* ... and the other side has got it */
            segment(&f, 1000 + i, 1, TCP_BIT_ACK, 501, 101 + n, "");
        assert_int_equal(fate.reason, ALG_REASON_NONE);
    }
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connections),
        cmocka_unit_test(test_buffers),
        cmocka_unit_test(test_all_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
