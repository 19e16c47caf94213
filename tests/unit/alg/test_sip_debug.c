/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator who looks on is told, and the ring of bytes it goes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alg/sip_debug.h"
#include "base/rng.h"
#include "calls.h"

/* All lines that wait, one after the other; messages as MESSAGE. */
static char *lines(struct fixture *f)
{
    static char all[16384];
    struct sip_debug_record r;
    char text[SIP_DEBUG_TEXT];
    size_t n = 0;
    all[0] = '\0';
    while (sip_debug_take(alg_debug(f->r.alg), &r, text)) {
        if (r.whole)
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%s %u of %u\n",
                                  r.written ? "write" : "read", r.n, r.whole);
        else
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%.*s\n", r.n, text);
        assert_true(n < sizeof(all));
    }
    return all;
}

static void test_call(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    assert_string_equal(lines(&f), ""); /* nobody looks on */
    sip_debug_want(alg_debug(f.r.alg), SIP_DEBUG_EDITS | SIP_DEBUG_CALLS);
    struct say other = first_say(ours(6010));
    other.call = "c2";
    request(&f, true, other);
    const char *all = lines(&f);
    assert_non_null(strstr(all, "INVITE cseq 1 belongs to no call yet\n"));
    assert_null(strstr(all, "\"6010\" -> \"6010\""));
    assert_non_null(strstr(all, "edit body: \"10.0.0.1\" -> \"203.0.113.9\"\n"));
    assert_non_null(
        strstr(all, "mapping rtp opened 203.0.113.9:6010 for 10.0.0.1:6010, call 000100000001\n"));
    assert_non_null(strstr(all, "call 000100000001 start, call-id c2\n"));
    respond(&f, false, 486, other);
    all = lines(&f);
    assert_non_null(strstr(all, "486 to INVITE cseq 1 belongs to call 000100000001, state trying"));
    assert_non_null(strstr(all, "call 000100000001 end: rejected, call-id c2\n"));
    assert_non_null(strstr(all, "mapping rtp closed 203.0.113.9:6010 for 10.0.0.1:6010"));
    tear_down(&f);
}

static void test_bits(void **state)
{
    static const struct {
        unsigned bit;
        const char *want;
    } rows[] = {
        {SIP_DEBUG_SESSION, "port 1 locate session for 10.0.0.1:5060 -> 198.51.100.44:5060\n"},
        {SIP_DEBUG_PROFILE, "policy 1 profile \"default\"\n"},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sip_debug_want(alg_debug(f.r.alg), rows[i].bit);
        request(&f, true, say("OPTIONS", 1, NULL));
        assert_string_equal(lines(&f), rows[i].want);
    }
    sip_debug_want(alg_debug(f.r.alg), SIP_DEBUG_ASCII);
    rig_out(&f.r, &f.phone, "OPTIONS sip:x@e.net SIP/2.0\r\nnonsense\r\n\r\n");
    assert_string_equal(lines(&f), "read 41 of 41\n");
    sip_debug_want(alg_debug(f.r.alg), SIP_DEBUG_IO);
    rig_out(&f.r, &f.phone, "OPTIONS sip:x@e.net SIP/2.0\r\nnonsense\r\n\r\n");
    assert_string_equal(lines(&f), "port 1 10.0.0.1:5060 -> 198.51.100.44:5060\n"
                                   "port 1 drops it: sip-malformed\n");
    sip_debug_want(alg_debug(f.r.alg), SIP_DEBUG_TIMERS);
    request(&f, true, first_say(ours(6000)));
    assert_non_null(strstr(lines(&f), "state trying, timer in 210.000 s\n"));
    tear_down(&f);
}

/* Messages of any size against a queue of their sizes: none is changed, what is lost is counted. */
static void test_ring(void **state)
{
    static char message[4096];
    static uint32_t sizes[65536];
    struct fixture f;
    struct rng rng = {7};
    struct sip_debug_record r;
    char text[SIP_DEBUG_TEXT];
    uint32_t head = 0, tail = 0;
    uint64_t lost = 0;
    (void)state;
    set_up(&f);
    struct sip_debug *debug = alg_debug(f.r.alg);
    sip_debug_want(debug, SIP_DEBUG_HEX);
    memcpy(message, "OPTIONS x", 9);
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = 16 + rng_below(&rng, sizeof(message) - 17);
        memset(message + 9, 'a' + i % 26, n - 9);
        rig_send(&f.r, &f.phone, true, slice_of(message, n)); /* dropped: a record for reading */
        if (sip_debug_lost(debug) == lost)
            sizes[head++ % 65536] = (uint32_t)n;
        lost = sip_debug_lost(debug);
        for (unsigned k = rng_below(&rng, 3); i / 2000 % 2 && k > 0; k--) {
            if (tail == head)
                break;
            assert_true(sip_debug_take(debug, &r, text));
            assert_int_equal(r.whole, sizes[tail++ % 65536]);
            assert_int_equal(r.n, r.whole < SIP_DEBUG_TEXT ? r.whole : SIP_DEBUG_TEXT);
            for (unsigned b = 10; b < r.n; b++)
                assert_int_equal(text[b], text[9]);
        }
    }
    while (sip_debug_take(debug, &r, text))
        assert_int_equal(r.whole, sizes[tail++ % 65536]);
    assert_int_equal(tail, head);
    assert_true(lost > 0);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
