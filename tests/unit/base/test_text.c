/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_growth(void **state)
{
    (void)state;
    struct text t = {0};
    assert_int_equal(text_slice(&t).n, 0);
    text_clear(&t);
    for (int i = 0; i < 1000; i++)
        text_printf(&t, "%03d,", i);
    assert_int_equal(t.n, 4000);
    assert_int_equal(strlen(t.p), 4000);
    assert_memory_equal(t.p + 3996, "999,", 5);
    size_t cap = t.cap;
    text_clear(&t);
    assert_string_equal(t.p, "");
    text_put(&t, SLICE_LIT("a\0b"));
    text_put(&t, SLICE_NONE);
    text_puts(&t, "");
    text_printf(&t, "%s", "");
    assert_int_equal(t.n, 3);
    assert_int_equal(t.cap, cap);
    assert_memory_equal(t.p, "a\0b", 4);
    text_free(&t);
    assert_null(t.p);
    text_puts(&t, "again");
    assert_string_equal(t.p, "again");
    text_free(&t);
}

static void test_json(void **state)
{
    (void)state;
    static const struct {
        struct slice in;
        const char *out;
    } rows[] = {
        {{"", 0}, "\"\""},
        {{"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
        {{"\x1f", 1}, "\"\\u001f\""},
        {{"\0", 1}, "\"\\u0000\""},
        {{"J\xc3\xbcrg \xe2\x82\xac \xf0\x9f\x93\x9e", 14}, NULL}, /* as it is */
        {{"\xc3", 1}, "\"\\ufffd\""},                              /* cut */
        {{"\xc0\xaf", 2}, "\"\\ufffd\\ufffd\""},                   /* overlong */
        {{"\xed\xa0\x80", 3}, "\"\\ufffd\\ufffd\\ufffd\""},        /* half a surrogate */
        {{"\xff-", 2}, "\"\\ufffd-\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text t = {0};
        text_json(&t, rows[i].in);
        if (rows[i].out)
            assert_string_equal(t.p, rows[i].out);
        else
            assert_memory_equal(t.p + 1, rows[i].in.p, rows[i].in.n);
        text_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
