/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP that arrives in fragments, and fragments that arrive at several workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fastpath/worker.h"
#include "whole.h"

#include <stdio.h>

enum {
    LAN = 1,
    WAN
};

#define SECOND_NS 1000000000ull

static const char config[] =
    "config system global\nset ip-fragment-timeout 10\nend\n"
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "end\n"
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\nend\n"
    "config firewall policy\nedit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\n"
    "set srcaddr \"all\"\nset dstaddr \"all\"\nset action accept\nset schedule \"always\"\n"
    "set service \"ALL\"\nset nat enable\nnext\nend\n";

static const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 2000};

static unsigned give(struct firewall *fw, const struct whole *d, size_t at, size_t n, bool more)
{
    struct frame f = whole_cut(d, at, n, more);
    return firewall_gives(fw, LAN, &f);
}

static struct replay_counts counts(const struct firewall *fw)
{
    struct replay_counts c;
    replay_counts(fw->r, &c);
    return c;
}

/* An INVITE with `n` candidates of 80 bytes, all of the phone's own address. */
static size_t invite(char *text, size_t cap, unsigned n)
{
    static const char format[] = "INVITE sip:bob@198.51.100.5 SIP/2.0\r\n"
                                 "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK%u\r\n"
                                 "From: <sip:alice@10.0.0.20>;tag=1\r\n"
                                 "To: <sip:bob@198.51.100.5>\r\n"
                                 "Call-ID: large-%u\r\n"
                                 "CSeq: 1 INVITE\r\n"
                                 "Contact: <sip:alice@10.0.0.20:5060>\r\n"
                                 "Content-Type: application/sdp\r\n"
                                 "Content-Length: %zu\r\n\r\n";
    char sdp[16384];
    size_t at = (size_t)snprintf(sdp, sizeof sdp,
                                 "v=0\r\no=- 1 1 IN IP4 10.0.0.20\r\ns=-\r\n"
                                 "c=IN IP4 10.0.0.20\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n");
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(sdp + at, sizeof sdp - at, "a=x-note:%069u\r\n", i);
    int head = snprintf(text, cap, format, n, n, at);
    assert_true((size_t)head + at < cap);
    memcpy(text + head, sdp, at);
    return (size_t)head + at;
}

/* Offers too large for a packet, pieces in any order: the ALG rewrites them as it does others. */
static void test_invite(void **state)
{
    static const struct ends sip = {"10.0.0.20", 5060, "198.51.100.5", 5060};
    static struct whole d, got;
    static char text[16384];
    struct rng rng = {23};
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (unsigned n = 14; n < 130; n += 5) {
        size_t size = invite(text, sizeof text, n), step = 1480;
        unsigned pieces = (unsigned)((size + 8 + step - 1) / step), order[8];
        whole_udp(&d, sip, text, size);
        for (unsigned i = 0; i < pieces; i++) {
            unsigned k = rng_below(&rng, i + 1);
            order[i] = order[k];
            order[k] = i;
        }
        for (unsigned i = 0; i < pieces; i++) {
            size_t at = order[i] * step, here = d.n - at < step ? d.n - at : step;
            give(&fw, &d, at, here, at + here < d.n);
        }
        whole_join(&got, &fw, WAN, 1500);
        assert_null(memmem(got.b, got.n, "@10.0.0.20", 10));
        assert_null(memmem(got.b, got.n, "c=IN IP4 10.0.0.20", 18));
        assert_non_null(memmem(got.b, got.n, "c=IN IP4 203.0.113.2", 20));
        assert_true(got.n > d.n && got.n < d.n + 100);
        assert_memory_equal(got.b + got.n - 80, d.b + d.n - 80, 80);
        d.n = got.n;
        memcpy(d.b + 8, got.b + 8, got.n - 8);
        whole_assert_udp(&got, &d, "203.0.113.2");
    }
    firewall_free(&fw);
}

/* Whichever worker a piece arrives at, one of them puts the datagram together. */
static void test_workers(void **state)
{
    static struct whole d, got;
    struct rng rng = {31};
    struct firewall fw;
    (void)state;
    firewall_make_workers(&fw, config, 3);
    for (unsigned round = 0; round < 200; round++) {
        unsigned n = 2 + rng_below(&rng, 7);
        whole_udp(&d, out, NULL, n * 400 - 8);
        for (unsigned i = 0; i < n; i++)
            give(&fw, &d, i * 400, 400, i + 1 < n);
        whole_join(&got, &fw, WAN, 1500);
        whole_assert_udp(&got, &d, "203.0.113.2");
        whole_udp(&d, out, NULL, 800);
        give(&fw, &d, 0, 400, true);
    }
    for (uint16_t i = 0; i < 3; i++)
        assert_true(fw.dp->workers[i]->datagrams.pieces > 5);
    fw.counts_only = true; /* senders are told */
    replay_advance(fw.r, 11 * SECOND_NS);
    assert_int_equal(counts(&fw).held, 0);
    assert_true(firewall_dropped(&fw, DROP_FRAGMENT_TIMEOUT) +
                    firewall_dropped(&fw, DROP_FRAGMENT_LIMIT) ==
                200);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_invite),
        cmocka_unit_test(test_workers),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
