/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of methods, headers and reasons, and of the classes of characters. */
#include "alg/sip_scan.h"

#include "base/rng.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_methods(void **state)
{
    (void)state;
    for (unsigned i = 1; i < SIP_METHOD_COUNT; i++)
        assert_int_equal(sip_method_find(slice_str(sip_method_name(i))), i);
    assert_int_equal(sip_method_find(SLICE_LIT("UNKNOWN")), SIP_METHOD_UNKNOWN);
    assert_int_equal(sip_method_find(SLICE_LIT("invite")), SIP_METHOD_UNKNOWN);
    assert_int_equal(sip_method_find(SLICE_LIT("INVIT")), SIP_METHOD_UNKNOWN);
    assert_int_equal(sip_method_find(SLICE_NONE), SIP_METHOD_UNKNOWN);
    assert_int_equal(SIP_METHOD_INVITE, 5);
    assert_int_equal(SIP_METHOD_PING, 15);
}

/* A name in upper, lower and mixed case. */
static void in_case(const char *name, int how, char out[32])
{
    size_t n = strlen(name);
    for (size_t i = 0; i <= n; i++) {
        char lower = ascii_lower(name[i]);
        bool up = (how == 1 || (how == 2 && i % 2)) && lower >= 'a' && lower <= 'z';
        out[i] = up ? (char)(lower - 0x20) : lower;
    }
}

static void test_header_names(void **state)
{
    (void)state;
    char name[32];
    for (unsigned id = 1; id < SIP_HEADER_COUNT; id++)
        for (int how = 0; how < 3; how++) {
            in_case(sip_header_name(id), how, name);
            assert_int_equal(sip_header_find(guard_put(slice_str(name))), id);
        }
    assert_string_equal(sip_header_name(SIP_OTHER), "");
}

/* One letter off in any place, one more or one less: never a row, whatever it hashes to. */
static void test_header_near_misses(void **state)
{
    (void)state;
    char name[32];
    for (unsigned id = 1; id < SIP_HEADER_COUNT; id++) {
        size_t n = strlen(sip_header_name(id));
        memcpy(name, sip_header_name(id), n);
        for (size_t i = 0; i < n; i++) {
            char kept = name[i];
            name[i] = (char)(kept ^ 0x40);
            assert_int_equal(sip_header_find(slice_of(name, n)), SIP_OTHER);
            name[i] = '~';
            assert_int_equal(sip_header_find(slice_of(name, n)), SIP_OTHER);
            name[i] = kept;
        }
        name[n] = 'x';
        assert_int_equal(sip_header_find(slice_of(name, n + 1)), SIP_OTHER);
        enum sip_header_id shorter = sip_header_find(slice_of(name, n - 1));
        assert_true(shorter == SIP_OTHER || n == 2 || strlen(sip_header_name(shorter)) == n - 1);
    }
    assert_int_equal(sip_header_find(SLICE_NONE), SIP_OTHER);
    assert_int_equal(sip_header_find(SLICE_LIT("P-Access-Network-Infoooo")), SIP_OTHER);
    assert_int_equal(sip_header_find(SLICE_LIT("P-Access-Network-Infooooo")), SIP_OTHER);
}

static void test_compact_forms(void **state)
{
    (void)state;
    static const struct {
        char compact;
        enum sip_header_id id;
    } rows[] = {
        {'v', SIP_VIA},
        {'f', SIP_FROM},
        {'t', SIP_TO},
        {'i', SIP_CALL_ID},
        {'m', SIP_CONTACT},
        {'c', SIP_CONTENT_TYPE},
        {'l', SIP_CONTENT_LENGTH},
        {'e', SIP_CONTENT_ENCODING},
        {'k', SIP_SUPPORTED},
        {'s', SIP_SUBJECT},
        {'r', SIP_REFER_TO},
        {'b', SIP_REFERRED_BY},
        {'x', SIP_SESSION_EXPIRES},
        {'o', SIP_EVENT},
        {'u', SIP_ALLOW_EVENTS},
        {'a', SIP_ACCEPT_CONTACT},
        {'j', SIP_REJECT_CONTACT},
        {'d', SIP_REQUEST_DISPOSITION},
        {'y', SIP_IDENTITY},
        {'n', SIP_IDENTITY_INFO},
    };
    unsigned found = 0;
    for (int c = 0; c < 256; c++) {
        char name = (char)c;
        enum sip_header_id expected = SIP_OTHER;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            if (rows[i].compact == ascii_lower(name))
                expected = rows[i].id;
        assert_int_equal(sip_header_find(slice_of(&name, 1)), expected);
        found += expected != SIP_OTHER;
    }
    assert_int_equal(found, 2 * sizeof(rows) / sizeof(rows[0]));
}

static void test_reason_texts(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIP_BAD_COUNT; i++)
        assert_true(strlen(sip_bad_text(i)) > 5);
    assert_non_null(sip_bad_text(SIP_BAD_COUNT));
}

static size_t slow_span(struct slice s, unsigned classes, bool in)
{
    size_t n = 0;
    while (n < s.n && ((sip_char[(unsigned char)s.p[n]] & classes) != 0) == in)
        n++;
    return n;
}

/* Sixteen at a time is as one by one: any byte, any classes, any length, flush against a page. */
static void test_runs(void **state)
{
    struct rng rng = {.state = 11};
    char text[80];
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        unsigned classes = 1 + rng_below(&rng, 255);
        bool in = rng_below(&rng, 2);
        size_t n = rng_below(&rng, sizeof(text) + 1), odd = rng_below(&rng, sizeof(text) + 1);
        unsigned char same = (unsigned char)rng_below(&rng, 256);
        for (unsigned k = 0; k < 256 && ((sip_char[same] & classes) != 0) != in; k++)
            same++; /* a long run, if there can be one */
        memset(text, same, sizeof(text));
        if (odd < n)
            text[odd] = (char)rng_below(&rng, 256);
        struct slice s = guard_put(slice_of(text, n));
        size_t got = in ? sip_span(s, classes) : sip_span_not(s, classes);
        if (got != slow_span(s, classes, in))
            fail_msg("classes %#x, in %d, %zu bytes of %#x, odd one %zu: %zu", classes, in, n, same,
                     odd, got);
    }
    for (unsigned c = 0; c < 256; c++)
        for (unsigned classes = 1; classes < 256; classes <<= 1) {
            memset(text, (int)c, 16);
            assert_int_equal(sip_span(slice_of(text, 16), classes), sip_char[c] & classes ? 16 : 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_header_names),
        cmocka_unit_test(test_header_near_misses),
        cmocka_unit_test(test_compact_forms),
        cmocka_unit_test(test_reason_texts),
        cmocka_unit_test(test_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
