/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/grep.h"

#include "unit.h"

#include <stdlib.h>

static const char listing[] = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n";

static const char config[] = "config system interface\n"
                             "    edit \"fortilink\"\n"
                             "        set vdom \"root\"\n"
                             "        set fortilink enable\n"
                             "    next\n"
                             "    edit \"port1\"\n"
                             "        set vdom \"root\"\n"
                             "    next\n"
                             "end\n"
                             "config voip profile\n"
                             "    edit \"a\"\n"
                             "        set comment \"x\"\n"
                             "        config sip\n"
                             "            set call-keepalive 100\n"
                             "        end\n"
                             "    next\n"
                             "    edit \"b\"\n"
                             "    next\n"
                             "end\n";

static const struct {
    const char *words[6];
    const char *in, *out;
} rows[] = {
    {{"grep", "t"}, listing, "two\nthree\n"},
    {{"grep", "-i", "T"}, listing, "two\nthree\n"},
    {{"grep", "-v", "e"}, listing, "two\nfour\nsix\n"},
    {{"grep", "-n", "^f"}, listing, "4:four\n5:five\n"},
    {{"grep", "-c", "e$"}, listing, "3\n"},
    {{"grep", "-c", "-v", "e$"}, listing, "4\n"},
    {{"grep", "-A", "1", "two"}, listing, "two\nthree\n"},
    {{"grep", "-B", "1", "two"}, listing, "one\ntwo\n"},
    {{"grep", "-C1", "four"}, listing, "three\nfour\nfive\n"},
    {{"grep", "-B", "9", "two"}, listing, "one\ntwo\n"},
    {{"grep", "-nC", "1", "two"}, listing, "1-one\n2:two\n3-three\n"},
    {{"grep", "-A", "1", "[ow][no]"}, listing, "one\ntwo\nthree\n"},
    {{"grep", "-B", "1", "-A", "0", "s"}, listing, "five\nsix\nseven\n"},
    {{"grep", "-C", "1", "one\\|x"}, listing, ""},
    {{"grep", "-A", "1", "^o"}, "one\na\nb\nother\nc\n", "one\na\n--\nother\nc\n"},
    {{"grep", "nothing"}, listing, ""},
    {{"grep", "last"}, "first\nlast", "last\n"},
    {{"grep", "-"}, "a-b\nc\n", "a-b\n"},
    {{"grep", "x"}, "", ""},
    {{"grep", "-c", "x"}, "", "0\n"},
    {{"grep", "-f", "fortilink"},
     config,
     "config system interface\n"
     "    edit \"fortilink\" <---\n"
     "        set vdom \"root\"\n"
     "        set fortilink enable <---\n"
     "    next\n"
     "end\n"},
    {{"grep", "-fi", "KEEPALIVE"},
     config,
     "config voip profile\n"
     "    edit \"a\"\n"
     "        config sip\n"
     "            set call-keepalive 100 <---\n"
     "        end\n"
     "    next\n"
     "end\n"},
    {{"grep", "-f", "comment"},
     config,
     "config voip profile\n"
     "    edit \"a\"\n"
     "        set comment \"x\" <---\n"
     "        config sip\n"
     "            set call-keepalive 100\n"
     "        end\n"
     "    next\n"
     "end\n"},
    {{"grep", "-f", "edit \"b\""},
     config,
     "config voip profile\n"
     "    edit \"b\" <---\n"
     "    next\n"
     "end\n"},
    {{"grep", "-f", "hits"}, "plain text\nhits here\n", "hits here <---\n"},
    {{"grep", "-f", "zzz"}, config, ""},
    {{"grep", "-f", "zzz"}, "", ""},
};

static unsigned words_of(const char *const *text, struct slice *words)
{
    unsigned n = 0;
    for (; n < 6 && text[n]; n++)
        words[n] = slice_str(text[n]);
    return n;
}

/* Filter `in`, given in pieces of `piece` bytes. */
static void filtered(size_t row, size_t piece, struct text *out)
{
    struct slice words[6];
    struct grep *grep = NULL;
    unsigned n = words_of(rows[row].words, words);
    assert_int_equal(grep_open(n, words, &grep, out), 0);
    struct slice in = slice_str(rows[row].in);
    while (in.n > 0) {
        grep_feed(grep, slice_head(in, piece), out);
        in = slice_skip(in, piece);
    }
    grep_finish(grep, out);
    grep_close(grep);
}

static void rows_filter_as_written_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t piece = 1; piece < 400; piece = piece * 2 + 1) {
            struct text out = {0};
            filtered(i, piece, &out);
            assert_string_equal(out.p ? out.p : "", rows[i].out);
            text_free(&out);
        }
    }
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *words[6];
        int code;
        const char *error;
    } wrong[] = {
        {{NULL}, -61, "command parse error before '|'\n"},
        {{"less"}, -61, "command parse error before 'less'\n"},
        {{"grep"}, -160, "incomplete command in the end\n"},
        {{"grep", "-i"}, -160, "incomplete command in the end\n"},
        {{"grep", "-z", "x"}, -61, "command parse error before '-z'\n"},
        {{"grep", "-A", "x", "y"}, -61, "command parse error before '-A'\n"},
        {{"grep", "-A"}, -61, "command parse error before '-A'\n"},
        {{"grep", "-A", "99999999", "y"}, -61, "command parse error before '-A'\n"},
        {{"grep", "a", "b"}, -61, "command parse error before 'b'\n"},
        {{"grep", "[a"}, -61, "command parse error before '[a'\n"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct slice words[6];
        struct text error = {0};
        struct grep *grep = NULL;
        unsigned n = words_of(wrong[i].words, words);
        assert_int_equal(grep_open(n, words, &grep, &error), wrong[i].code);
        assert_null(grep);
        assert_string_equal(error.p, wrong[i].error);
        text_free(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_filter_as_written_in_pieces_of_any_size),
        cmocka_unit_test(wrong_words_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
