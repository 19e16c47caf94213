/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/drop.h"

/* Names go into JSON and scripts: short, lower case, each one once. */
static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < DROP_COUNT; i++) {
        const char *name = drop_name((enum drop_reason)i);
        assert_in_range(strlen(name), 3, 24);
        for (const char *p = name; *p; p++)
            assert_true((*p >= 'a' && *p <= 'z') || ascii_digit(*p) || *p == '-');
        assert_in_range(strlen(drop_text((enum drop_reason)i)), 5, 70);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name, drop_name((enum drop_reason)k));
    }
}

static void test_of_alg(void **state)
{
    (void)state;
#define X(id, name, text) assert_int_equal(drop_of_alg(ALG_REASON_##id), DROP_##id);
    ALG_REASONS(X)
#undef X
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_of_alg)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
