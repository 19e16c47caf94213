/* SPDX-License-Identifier: BSD-3-Clause */
/* The lexer: rows of {text, result, words joined by `|`}, and a guard page behind every prefix. */
#include "script.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct row {
    const char *text;
    enum words_result result;
    const char *words; /* joined by `|`, a quoted word followed by `'` */
};

static const struct row rows[] = {
    {"", WORDS_DONE, ""},
    {"   \t ", WORDS_DONE, ""},
    {"# set nothing \"", WORDS_DONE, ""},
    {"   # a comment", WORDS_DONE, ""},
    {"config system global", WORDS_DONE, "config|system|global"},
    {"  set\tudp-idle-timer   500\r", WORDS_DONE, "set|udp-idle-timer|500"},
    {"edit \"SIP_Port\"", WORDS_DONE, "edit|SIP_Port'"},
    {"set comment ''", WORDS_DONE, "set|comment|'"},
    {"set comment \"\"", WORDS_DONE, "set|comment|'"},
    {"set a \"one \\\"two\\\" \\'x\\' \\\\ \\n\"", WORDS_DONE, "set|a|one \"two\" 'x' \\ \\n'"},
    {"set a 'one \\\" # ( two'", WORDS_DONE, "set|a|one \\\" # ( two'"},
    {"set a one\" two\"' three'", WORDS_DONE, "set|a|one two three'"},
    {"set a b\\ c\\#d", WORDS_DONE, "set|a|b c#d'"},
    {"set device net_af_packet0,iface=veth1", WORDS_DONE, "set|device|net_af_packet0,iface=veth1"},
    {"set subnet \\\n10.0.0.0/8", WORDS_DONE, "set|subnet|10.0.0.0/8"},
    {"set sub\\\nnet x", WORDS_DONE, "set|subnet|x"},
    {"set a \\\n", WORDS_DONE, "set|a"},
    {"set a \"x\ny\"", WORDS_DONE, "set|a|x\ny'"},
    {"show | grep -f voip", WORDS_DONE, "show|||grep|-f|voip"},
    {"set a \"x", WORDS_MORE, "\""},
    {"set a 'x\"", WORDS_MORE, "'"},
    {"set a \\", WORDS_MORE, "\\"},
    {"set a \"x\\\"", WORDS_MORE, "\""},
    {"set a b#c", WORDS_BAD, "character must be quoted"},
    {"set a (b", WORDS_BAD, "character must be quoted"},
    {"set a b<c", WORDS_BAD, "character must be quoted"},
    {"set a ?", WORDS_BAD, "character must be quoted"},
    {"set a \x01", WORDS_BAD, "control character"},
    {"set a \x7f", WORDS_BAD, "control character"},
    {"set a \"\xc3\xa4\"", WORDS_DONE, "set|a|\xc3\xa4'"},
    {"set a \xc3", WORDS_BAD, "text is not UTF-8"},
    {"set a \xc0\x80", WORDS_BAD, "text is not UTF-8"},
    {"set a \xed\xa0\x80", WORDS_BAD, "text is not UTF-8"},
    {"set a \xf4\x90\x80\x80", WORDS_BAD, "text is not UTF-8"},
    {"set a \xf0\x9f\x98\x80", WORDS_DONE, "set|a|\xf0\x9f\x98\x80"},
};

static void join(const struct words *words, struct text *out)
{
    for (unsigned i = 0; i < words->n; i++) {
        text_puts(out, i ? "|" : "");
        assert_int_equal(words->w[i].p[words->w[i].n], '\0');
        text_put(out, words->w[i]);
        text_puts(out, words->quoted[i] ? "'" : "");
    }
}

static void test_rows(void **state)
{
    (void)state;
    struct words words = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text got = {0};
        enum words_result result = words_read(&words, slice_str(rows[i].text));
        if (result != rows[i].result)
            print_message("row %zu: %s\n", i, rows[i].text);
        assert_int_equal(result, rows[i].result);
        if (result == WORDS_BAD)
            text_puts(&got, words.reason);
        else if (result == WORDS_MORE)
            text_printf(&got, "%c", words.open_quote);
        else
            join(&words, &got);
        assert_string_equal(got.n ? got.p : "", rows[i].words);
        text_free(&got);
    }
    words_free(&words);
}

static void test_bad_offset(void **state)
{
    (void)state;
    struct words words = {0};
    assert_int_equal(words_read(&words, SLICE_LIT("set a(b")), WORDS_BAD);
    assert_int_equal(words.offset, 5);
    assert_int_equal(words_read(&words, SLICE_LIT("a\xff")), WORDS_BAD);
    assert_int_equal(words.offset, 1);
    assert_int_equal(words_read(&words, slice_of("a\0b", 3)), WORDS_BAD);
    assert_int_equal(words.offset, 1);
    words_free(&words);
}

static void test_limits(void **state)
{
    (void)state;
    struct words words = {0};
    struct text line = {0};
    for (int i = 0; i < WORDS_MAX; i++)
        text_puts(&line, "a ");
    assert_int_equal(words_read(&words, text_slice(&line)), WORDS_DONE);
    assert_int_equal(words.n, WORDS_MAX);
    text_puts(&line, "b");
    assert_int_equal(words_read(&words, text_slice(&line)), WORDS_BAD);
    assert_string_equal(words.reason, "too many words");
    text_clear(&line);
    while (line.n <= WORDS_BYTES_MAX)
        text_puts(&line, "0123456789abcdef");
    assert_int_equal(words_read(&words, text_slice(&line)), WORDS_BAD);
    assert_string_equal(words.reason, "line is too long");
    text_free(&line);
    words_free(&words);
}

/* Every prefix and suffix of every row, flush against an inaccessible page. */
static void test_guard_page(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(two != MAP_FAILED);
    assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
    struct words words = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = strlen(rows[i].text);
        for (size_t from = 0; from <= n; from++) {
            for (size_t len = 0; len <= n - from; len++) {
                char *at = two + page - len;
                memcpy(at, rows[i].text + from, len);
                words_read(&words, slice_of(at, len));
            }
        }
    }
    words_free(&words);
    munmap(two, 2 * page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bad_offset),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_guard_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
