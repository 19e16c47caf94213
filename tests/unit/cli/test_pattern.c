/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/pattern.h"

#include "unit.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
    const char *pattern, *line;
    bool fold, matches;
} rows[] = {
    {"", "", false, true},
    {"", "anything", false, true},
    {"set", "    set status enable", false, true},
    {"SET", "    set status enable", false, false},
    {"SET", "    set status enable", true, true},
    {"set", "    SET status", true, true},
    {"^set", "    set", false, false},
    {"^ *set", "    set", false, true},
    {"end$", "end", false, true},
    {"end$", "endless", false, false},
    {"^end$", "end", false, true},
    {"^end$", " end", false, false},
    {"^$", "", false, true},
    {"^$", "x", false, false},
    {"a.c", "xabcx", false, true},
    {"a.c", "ac", false, false},
    {"ab*c", "ac", false, true},
    {"ab*c", "abbbbc", false, true},
    {"ab+c", "ac", false, false},
    {"ab+c", "abbc", false, true},
    {"ab?c", "abbc", false, false},
    {"ab?c", "abc", false, true},
    {"[0-9]+ms", "took 15ms", false, true},
    {"[0-9]+ms", "took ms", false, false},
    {"[^0-9]x", "1x", false, false},
    {"[^0-9]x", "ax", false, true},
    {"[]]", "]", false, true},
    {"[a-c-]", "-", false, true},
    {"[^a]", "A", true, false},
    {"10\\.0\\.0\\.1", "10.0.0.1", false, true},
    {"10\\.0\\.0\\.1", "10x0x0x1", false, false},
    {"a\\*", "a*", false, true},
    {"$x", "a$x", false, true},
    {"x^", "x^", false, true},
    {".*.*.*.*.*.*.*.*z", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false, false},
    {"5060", "10.0.0.20:5060->198.51.100.5:5060", false, true},
};

static void rows_match_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pattern pattern;
        assert_int_equal(pattern_compile(&pattern, slice_str(rows[i].pattern), rows[i].fold), 0);
        if (pattern_matches(&pattern, slice_str(rows[i].line)) != rows[i].matches)
            fail_msg("/%s/ on \"%s\"", rows[i].pattern, rows[i].line);
    }
}

static void broken_patterns_are_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"*", "+a", "?", "^*", "[abc", "[", "[]", "a\\", "a**"};
    struct pattern pattern;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_int_equal(pattern_compile(&pattern, slice_str(broken[i]), false), -EINVAL);
    char longest[PATTERN_ATOMS + 2];
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(pattern_compile(&pattern, slice_of(longest, PATTERN_ATOMS), false), 0);
    assert_true(pattern_matches(&pattern, slice_of(longest, PATTERN_ATOMS)));
    assert_false(pattern_matches(&pattern, slice_of(longest, PATTERN_ATOMS - 1)));
    assert_int_equal(pattern_compile(&pattern, slice_of(longest, PATTERN_ATOMS + 1), false),
                     -E2BIG);
}

/* The textbook matcher by backtracking, for patterns of letters, `.`, `*`, `^` and `$`. */
static bool naive_here(const char *p, const char *s);

static bool naive_star(char c, const char *p, const char *s)
{
    do {
        if (naive_here(p, s))
            return true;
    } while (*s && (*s++ == c || c == '.'));
    return false;
}

static bool naive_here(const char *p, const char *s)
{
    if (!*p)
        return true;
    if (p[1] == '*')
        return naive_star(*p, p + 2, s);
    if (p[0] == '$' && !p[1])
        return !*s;
    return *s && (*p == '.' || *p == *s) && naive_here(p + 1, s + 1);
}

static bool naive(const char *p, const char *s)
{
    if (*p == '^')
        return naive_here(p + 1, s);
    do {
        if (naive_here(p, s))
            return true;
    } while (*s++);
    return false;
}

static void random_patterns_agree_with_the_textbook(void **state)
{
    (void)state;
    srand(11);
    for (int round = 0; round < 50000; round++) {
        char pattern[10] = {0}, line[12] = {0};
        for (int i = 0, n = rand() % 7; i < n; i++) {
            pattern[i] = "ab.*^$"[rand() % (i > 0 && pattern[i - 1] != '*' ? 4 : 3)];
            if (i == 0 && rand() % 4 == 0)
                pattern[i] = '^';
        }
        if (pattern[0] == '^' && pattern[1] == '*')
            pattern[1] = 'a';
        size_t n = strlen(pattern);
        if (rand() % 4 == 0 && n > 0)
            pattern[n] = '$';
        for (int i = 0, m = rand() % 11; i < m; i++)
            line[i] = "abc"[rand() % 3];
        struct pattern compiled;
        assert_int_equal(pattern_compile(&compiled, slice_str(pattern), false), 0);
        if (pattern_matches(&compiled, slice_str(line)) != naive(pattern, line))
            fail_msg("/%s/ on \"%s\"", pattern, line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_match_as_written),
        cmocka_unit_test(broken_patterns_are_refused),
        cmocka_unit_test(random_patterns_agree_with_the_textbook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
