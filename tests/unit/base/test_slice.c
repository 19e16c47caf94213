/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/slice.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_equal(void **state)
{
    (void)state;
    assert_true(slice_eq(SLICE_NONE, SLICE_LIT("")));
    assert_true(slice_eq(SLICE_LIT("a\0b"), slice_of("a\0b", 3)));
    assert_false(slice_eq(SLICE_LIT("a"), SLICE_LIT("A")));
    assert_true(slice_ieq(SLICE_LIT("Via-x"), SLICE_LIT("vIA-X")));
    assert_false(slice_ieq(SLICE_LIT("via"), SLICE_LIT("via ")));
    assert_false(slice_ieq(SLICE_LIT("["), SLICE_LIT("{"))); /* '[' | 0x20 is '{' */
    assert_true(slice_istarts(SLICE_LIT("SIP/2.0"), SLICE_LIT("sip/")));
    assert_true(slice_istarts(SLICE_LIT("x"), SLICE_NONE));
    assert_false(slice_istarts(SLICE_LIT("SIP"), SLICE_LIT("SIP/")));
}

static void test_parts(void **state)
{
    (void)state;
    struct slice s = SLICE_LIT("ab,cd");
    assert_int_equal(slice_find(s, ','), 2);
    assert_int_equal(slice_find(s, 'x'), 5);
    assert_int_equal(slice_find(SLICE_NONE, 'x'), 0);
    assert_true(slice_eq(slice_head(s, 2), SLICE_LIT("ab")));
    assert_true(slice_eq(slice_skip(s, 3), SLICE_LIT("cd")));
    assert_int_equal(slice_skip(s, 9).n, 0);
    assert_int_equal(slice_head(s, 9).n, 5);
    assert_int_equal(slice_between(s.p, s.p + 3).n, 3);
}

static void test_trim(void **state)
{
    (void)state;
    assert_true(slice_eq(slice_trim(SLICE_LIT(" \t\r\n a b \r\n")), SLICE_LIT("a b")));
    assert_int_equal(slice_trim(SLICE_LIT(" \r\n")).n, 0);
    assert_int_equal(slice_trim(SLICE_NONE).n, 0);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t max;
        int err;
        uint32_t expected;
    } rows[] = {
        {"0", 0, 0, 0},
        {"0005", 9, 0, 5},
        {"4294967295", UINT32_MAX, 0, UINT32_MAX},
        {"4294967296", UINT32_MAX, -ERANGE, 0},
        {"99999999999999999999999999", UINT32_MAX, -ERANGE, 0},
        {"18446744073709551617", UINT32_MAX, -ERANGE, 0}, /* 1 in 64 bits */
        {"65536", 65535, -ERANGE, 0},
        {"", 9, -EINVAL, 0},
        {"-1", 9, -EINVAL, 0},
        {"+1", 9, -EINVAL, 0},
        {" 1", 9, -EINVAL, 0},
        {"1 ", 9, -EINVAL, 0},
        {"0x1", 9, -EINVAL, 0},
        {"99999999999999999999x", 9, -EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t v = 12345;
        assert_int_equal(slice_u32(slice_str(rows[i].text), rows[i].max, &v), rows[i].err);
        assert_int_equal(v, rows[i].err ? 12345 : rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
