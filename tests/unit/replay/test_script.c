/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void test_seconds(void **state)
{
    static const struct {
        const char *text;
        int rc;
        uint64_t ns;
    } row[] = {
        {"0", 0, 0},
        {"12", 0, 12000000000},
        {"12.5", 0, 12500000000},
        {"0.000000001", 0, 1},
        {"1.123456789", 0, 1123456789},
        {"007.010", 0, 7010000000},
        {"", -EINVAL, 0},
        {".", -EINVAL, 0},
        {".5", -EINVAL, 0},
        {"5.", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"1.5.5", -EINVAL, 0},
        {"1e3", -EINVAL, 0},
        {"0.0000000001", -EINVAL, 0},
        {"999999999", -EINVAL, 0},
        {"99999999999999999999", -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        uint64_t ns = 77;
        assert_int_equal(seconds_parse(slice_str(row[i].text), &ns), row[i].rc);
        assert_int_equal(ns, row[i].rc == 0 ? row[i].ns : 77);
    }
}

static void assert_command(const struct script *s, unsigned i, uint64_t at_ns, const char *command)
{
    assert_true(i < s->n);
    assert_int_equal(s->lines[i].at_ns, at_ns);
    assert_true(slice_eq(s->lines[i].command, slice_str(command)));
}

static void test_lines(void **state)
{
    static const char text[] = "first\n"
                               "# a comment\n"
                               "\n"
                               "@2.5 config system global\r\n"
                               "    set udp-idle-timer 500\n"
                               "end\n"
                               "@2.5\n"
                               "again\n"
                               "  @3   last  ";
    struct script s;
    struct text error = {0};
    (void)state;
    assert_int_equal(script_parse("t", SLICE_LIT(text), &s, &error), 0);
    assert_int_equal(s.n, 6);
    assert_command(&s, 0, 0, "first");
    assert_command(&s, 1, 2500000000, "config system global");
    assert_command(&s, 2, 2500000000, "set udp-idle-timer 500");
    assert_command(&s, 3, 2500000000, "end");
    assert_command(&s, 4, 2500000000, "again");
    assert_command(&s, 5, 3000000000, "last");
    script_free(&s);
    assert_int_equal(script_parse("t", SLICE_NONE, &s, &error), 0);
    assert_int_equal(s.n, 0);
    script_free(&s);
    assert_null(error.p);
}

static void test_bad_times(void **state)
{
    static const char *const bad[] = {"a\n@", "a\n@x b", "a\n@1x b", "@5 a\n@4.9 b", "a\n@ 5 b"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct script s;
        struct text error = {0};
        assert_int_equal(script_parse("name", slice_str(bad[i]), &s, &error), -EINVAL);
        assert_non_null(strstr(error.p, "name:2: "));
        text_free(&error);
    }
}

/* Every prefix of a script is a script or an error. */
static void test_every_length(void **state)
{
    static const char text[] = "a\n@1 b\n# c\n@1.5\n@2.25 d e\r\n\n@3 f";
    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        struct script s;
        struct text error = {0};
        if (script_parse("t", slice_of(text, n), &s, &error) == 0)
            script_free(&s);
        else
            assert_true(error.n > 0);
        text_free(&error);
    }
}

static void test_files(void **state)
{
    char path[] = "/tmp/pinhole-script-XXXXXX";
    struct script s;
    struct text error = {0};
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    for (int i = 0; i < 1000; i++)
        fprintf(file, "@%d command %d\n", i, i);
    fclose(file);
    assert_int_equal(script_load(path, &s, &error), 0);
    assert_int_equal(s.n, 1000);
    assert_command(&s, 999, 999000000000, "command 999");
    script_free(&s);
    unlink(path);
    assert_int_equal(script_load(path, &s, &error), -ENOENT);
    assert_non_null(strstr(error.p, path));
    text_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds),   cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bad_times), cmocka_unit_test(test_every_length),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
