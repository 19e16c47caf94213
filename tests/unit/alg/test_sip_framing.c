/* SPDX-License-Identifier: BSD-3-Clause */
/* Cutting a stream into messages: each split point, the limits, what is no SIP. */
#include "alg/sip_framing.h"

#include "base/rng.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CUTS     32

#define HEAD                                               \
    "OPTIONS sip:198.51.100.5 SIP/2.0\r\n"                 \
    "Via: SIP/2.0/TCP 10.0.0.20:41000;branch=z9hG4bK1\r\n" \
    "From: <sip:alice@10.0.0.20>;tag=1\r\n"                \
    "To: <sip:198.51.100.5>\r\n"                           \
    "Call-ID: 1\r\n"                                       \
    "CSeq: 1 OPTIONS\r\n"

#define EMPTY   HEAD "Content-Length: 0\r\n\r\n"
#define BODY(n) HEAD "Content-Length: " #n "\r\n\r\n"

struct cuts {
    size_t n, used;
    struct {
        enum sip_framed what;
        size_t length;
    } at[CUTS];
    enum sip_framed end;
};

static struct sip_msg msg;

/* Cut what can be cut off the first `n` bytes; each try sees them flush against the guard page. */
static void cut(struct cuts *c, struct sip_framing *f, struct slice all, size_t n)
{
    while (c->used < n && c->end == SIP_FRAMED_MORE) {
        struct slice bytes = guard_put(slice_skip(slice_head(all, n), c->used));
        size_t length = 0;
        enum sip_framed r = sip_framing_next(f, bytes, &msg, &length);
        if (r != SIP_FRAMED_LINES && r != SIP_FRAMED_MESSAGE) {
            c->end = r;
            return;
        }
        assert_in_range(length, 1, bytes.n);
        assert_true(c->n < CUTS);
        /* Line ends that come apart are as good as ones that come together. */
        if (r == SIP_FRAMED_LINES && c->n && c->at[c->n - 1].what == r) {
            c->at[c->n - 1].length += length;
        } else {
            c->at[c->n].what = r;
            c->at[c->n++].length = length;
        }
        c->used += length;
    }
}

static void assert_same(const struct cuts *a, const struct cuts *b)
{
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->used, b->used);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_int_equal(a->at[i].what, b->at[i].what);
        assert_int_equal(a->at[i].length, b->at[i].length);
    }
}

static struct cuts cut_whole(struct slice all)
{
    struct sip_framing f = {0};
    struct cuts c = {0};
    cut(&c, &f, all, all.n);
    return c;
}

/* In two at each place, byte by byte, and at random places, it is cut as it is as a whole. */
static void check_splits(struct slice all, const struct cuts *whole)
{
    struct rng rng = {all.n};
    for (size_t at = 1; at < all.n; at++) {
        struct sip_framing f = {0};
        struct cuts c = {0};
        cut(&c, &f, all, at);
        cut(&c, &f, all, all.n);
        assert_same(&c, whole);
    }
    for (uint32_t step = 1; step < 40; step++) {
        struct sip_framing f = {0};
        struct cuts c = {0};
        for (size_t n = 0; n < all.n;) {
            n += step == 1 ? 1 : 1 + rng_below(&rng, step * 4);
            cut(&c, &f, all, n < all.n ? n : all.n);
        }
        assert_same(&c, whole);
    }
}

static void test_splits(void **state)
{
    static const struct {
        const char *stream;
        unsigned messages, pieces;
        enum sip_framed end;
    } rows[] = {
        {EMPTY, 1, 1, SIP_FRAMED_MORE},
        {EMPTY EMPTY, 2, 2, SIP_FRAMED_MORE},
        {"\r\n\r\n" EMPTY "\r\n" EMPTY "\r\n\r\n", 2, 5, SIP_FRAMED_MORE},
        {BODY(4) "\r\n\r\n" BODY(1) "x\r\n", 2, 3, SIP_FRAMED_MORE},
        {HEAD "l:\r\n 3\r\n\r\nOPT" EMPTY, 2, 2, SIP_FRAMED_MORE}, /* folded, compact */
        {"SIP/2.0 200 OK\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: 2\n\n\n\n" EMPTY, 2, 2,
         SIP_FRAMED_MORE},
        {BODY(9999) "not all", 0, 0, SIP_FRAMED_MORE},
        {EMPTY HEAD, 1, 1, SIP_FRAMED_MORE},
        {"GET / HTTP/1.1\r\n\r\n", 0, 0, SIP_FRAMED_OTHER},
        {"\r\nGET / HTTP/1.1\r\n\r\n", 0, 1, SIP_FRAMED_OTHER},
        {EMPTY "GET / HTTP/1.1\r\n\r\n", 1, 1, SIP_FRAMED_BAD},
        {HEAD "\r\n" EMPTY, 0, 0, SIP_FRAMED_BAD}, /* no length on a stream */
        {HEAD "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 0, 0, SIP_FRAMED_BAD},
        {BODY(-1) "x", 0, 0, SIP_FRAMED_BAD},
        {BODY(4294967296) "x", 0, 0, SIP_FRAMED_BAD},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice all = slice_str(rows[i].stream);
        struct cuts whole = cut_whole(all);
        unsigned messages = 0;
        for (size_t k = 0; k < whole.n; k++)
            messages += whole.at[k].what == SIP_FRAMED_MESSAGE;
        if (messages != rows[i].messages || whole.n != rows[i].pieces || whole.end != rows[i].end)
            fail_msg("row %zu: %u messages, %zu pieces, end %d", i, messages, whole.n, whole.end);
        check_splits(all, &whole);
    }
}

/* As long as may be, and one more: said at once, not when it has come. */
static void test_longest(void **state)
{
    static char stream[SIP_FRAMING_MAX + 2];
    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        struct sip_framing f = {0};
        size_t head = sizeof(BODY(12345)) - 1, body = SIP_FRAMING_MAX - head + more, n = 0;
        memset(stream, 'x', sizeof(stream));
        int w = snprintf(stream, sizeof(stream), HEAD "Content-Length: %zu\r\n\r\n", body);
        assert_int_equal(w, head);
        stream[head] = 'x';
        assert_int_equal(sip_framing_next(&f, slice_of(stream, head), &msg, &n),
                         more ? SIP_FRAMED_LONG : SIP_FRAMED_MORE);
        if (more)
            continue;
        assert_int_equal(sip_framing_next(&f, slice_of(stream, head + body - 1), &msg, &n),
                         SIP_FRAMED_MORE);
        assert_int_equal(sip_framing_next(&f, slice_of(stream, head + body), &msg, &n),
                         SIP_FRAMED_MESSAGE);
        assert_int_equal(n, SIP_FRAMING_MAX);
    }
}

/* A head, or a start line, that does not end. */
static void test_endless(void **state)
{
    static char stream[SIP_FRAMING_MAX + 64];
    static const char start[] = "OPTIONS sip:a SIP/2.0\r\n", line[] = "OPTIONS sip:";
    (void)state;
    struct sip_framing f = {0};
    size_t n = 0, at = sizeof(start) - 1;
    memcpy(stream, start, at);
    while (at + 6 < sizeof(stream)) {
        memcpy(stream + at, "A: b\r\n", 6);
        at += 6;
        enum sip_framed r = sip_framing_next(&f, slice_of(stream, at), &msg, &n);
        if (at < SIP_FRAMING_MAX)
            assert_int_equal(r, SIP_FRAMED_MORE);
        else
            assert_int_equal(r, SIP_FRAMED_LONG);
    }
    f = (struct sip_framing){0};
    memset(stream, 'a', sizeof(stream));
    memcpy(stream, line, sizeof(line) - 1);
    assert_int_equal(sip_framing_next(&f, slice_of(stream, 1000), &msg, &n), SIP_FRAMED_MORE);
    assert_true(sip_framing_next(&f, slice_of(stream, SIP_FRAMING_LINE + 1), &msg, &n) >=
                SIP_FRAMED_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
