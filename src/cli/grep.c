/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines are judged one by one as they arrive. Those that did not match wait in `before` as long as
 * -B may still want them; `after` counts the lines that -A still wants. With -f nothing can be said
 * before the end, because a hit shows the whole block around it: the text is kept (bounded) and
 * each line learns which `config` or `edit` line opened the block it stands in.
 */
#include "cli/grep.h"

#include "cli/command.h"
#include "cli/pattern.h"

#include <stdlib.h>

enum {
    CONTEXT_MAX = 1000,
    BLOCK_BYTES_MAX = 8 << 20
};

struct grep {
    struct pattern pattern;
    bool inverse, numbers, count, blocks;
    uint32_t n_before, n_after;

    struct text partial; /* a line without its end yet; with -f the whole text */
    struct text before;  /* the last lines that did not match */
    uint32_t held;       /* how many */
    uint32_t after;      /* lines still to print */
    uint64_t line, hits;
    uint64_t printed; /* number of the last line printed, 0 none */
};

/* ---- options ---- */

static int refuse(struct text *error, struct slice word)
{
    text_printf(error, "command parse error before '%.*s'\n", SLICE_ARG(word));
    return CLI_E_INPUT;
}

static bool flag_set(struct grep *grep, char flag, bool *fold)
{
    switch (flag) {
    case 'i':
        *fold = true;
        return true;
    case 'v':
        return grep->inverse = true;
    case 'n':
        return grep->numbers = true;
    case 'c':
        return grep->count = true;
    case 'f':
        return grep->blocks = true;
    default:
        return false;
    }
}

/* -A, -B or -C with its number in the same word or the next; false when it is none. */
static bool context_set(struct grep *grep, char flag, struct slice number)
{
    uint32_t lines;
    if ((flag != 'A' && flag != 'B' && flag != 'C') || slice_u32(number, CONTEXT_MAX, &lines) != 0)
        return false;
    if (flag != 'A')
        grep->n_before = lines;
    if (flag != 'B')
        grep->n_after = lines;
    return true;
}

/* One word of flags; *i moves on when it takes the next word as its number. */
static bool option_read(struct grep *grep, unsigned n, const struct slice *words, unsigned *i,
                        bool *fold)
{
    struct slice word = words[*i];
    for (size_t at = 1; at < word.n; at++) {
        if (flag_set(grep, word.p[at], fold))
            continue;
        struct slice number = slice_skip(word, at + 1);
        if (number.n == 0 && *i + 1 < n)
            number = words[++*i];
        return context_set(grep, word.p[at], number);
    }
    return true;
}

static int grep_read(struct grep *grep, unsigned n, const struct slice *words, struct text *error)
{
    bool fold = false;
    if (n == 0 || !slice_eq(words[0], SLICE_LIT("grep")))
        return refuse(error, n > 0 ? words[0] : SLICE_LIT("|"));
    unsigned i = 1;
    for (; i < n && words[i].n > 1 && words[i].p[0] == '-'; i++) {
        struct slice option = words[i];
        if (!option_read(grep, n, words, &i, &fold))
            return refuse(error, option);
    }
    if (i == n) {
        text_puts(error, "incomplete command in the end\n");
        return CLI_E_INCOMPLETE;
    }
    if (i + 1 != n || pattern_compile(&grep->pattern, words[i], fold) != 0)
        return refuse(error, words[n - 1]);
    return 0;
}

int grep_open(unsigned n, const struct slice *words, struct grep **out, struct text *error)
{
    struct grep *grep = calloc(1, sizeof(*grep));
    if (!grep)
        abort();
    int code = grep_read(grep, n, words, error);
    if (code != 0)
        grep_close(grep);
    else
        *out = grep;
    return code;
}

void grep_close(struct grep *grep)
{
    if (!grep)
        return;
    text_free(&grep->partial);
    text_free(&grep->before);
    free(grep);
}

/* ---- line by line ---- */

static void line_print(struct grep *grep, uint64_t number, bool hit, struct slice line,
                       struct text *out)
{
    if ((grep->n_before || grep->n_after) && grep->printed && number > grep->printed + 1)
        text_puts(out, "--\n");
    if (grep->numbers)
        text_printf(out, "%llu%c", (unsigned long long)number, hit ? ':' : '-');
    text_put(out, line);
    text_puts(out, "\n");
    grep->printed = number;
}

static void before_drop_first(struct grep *grep)
{
    size_t n = slice_find(text_slice(&grep->before), '\n') + 1;
    memmove(grep->before.p, grep->before.p + n, grep->before.n - n);
    grep->before.n -= n;
    grep->held--;
}

static void before_print(struct grep *grep, struct text *out)
{
    struct slice rest = text_slice(&grep->before);
    for (; grep->held > 0; grep->held--) {
        struct slice line = slice_head(rest, slice_find(rest, '\n'));
        line_print(grep, grep->line - grep->held, false, line, out);
        rest = slice_skip(rest, line.n + 1);
    }
    text_clear(&grep->before);
}

static void line_judge(struct grep *grep, struct slice line, struct text *out)
{
    bool hit = pattern_matches(&grep->pattern, line) != grep->inverse;
    grep->line++;
    grep->hits += hit;
    if (grep->count)
        return;
    if (hit) {
        before_print(grep, out);
        line_print(grep, grep->line, true, line, out);
        grep->after = grep->n_after;
    } else if (grep->after > 0) {
        grep->after--;
        line_print(grep, grep->line, false, line, out);
    } else if (grep->n_before > 0) {
        text_put(&grep->before, line);
        text_puts(&grep->before, "\n");
        if (++grep->held > grep->n_before)
            before_drop_first(grep);
    }
}

void grep_feed(struct grep *grep, struct slice text, struct text *out)
{
    if (grep->blocks) {
        size_t room = BLOCK_BYTES_MAX - grep->partial.n;
        text_put(&grep->partial, slice_head(text, room));
        return;
    }
    while (text.n > 0) {
        struct slice line = slice_head(text, slice_find(text, '\n'));
        bool whole = line.n < text.n;
        text = slice_skip(text, line.n + 1);
        if (grep->partial.n > 0 || !whole) {
            text_put(&grep->partial, line);
            line = text_slice(&grep->partial);
        }
        if (!whole)
            return;
        line_judge(grep, line, out);
        text_clear(&grep->partial);
    }
}

/* ---- blocks ---- */

enum {
    NO_BLOCK = UINT32_MAX
};

struct block_line {
    struct slice text;
    uint32_t opener; /* line that opened the innermost block it belongs to */
    bool hit;
    bool shown; /* of an opener: a hit stands directly in its block */
    bool frame; /* of an opener: a hit stands deeper */
};

static bool word_is(struct slice line, struct slice word)
{
    return line.n >= word.n && slice_eq(slice_head(line, word.n), word) &&
           (line.n == word.n || ascii_blank(line.p[word.n]));
}

static uint32_t lines_split(struct slice text, struct block_line *lines)
{
    uint32_t n = 0;
    for (; text.n > 0; n++) {
        struct slice line = slice_head(text, slice_find(text, '\n'));
        lines[n] = (struct block_line){.text = line, .opener = NO_BLOCK};
        text = slice_skip(text, line.n + 1);
    }
    return n;
}

static void lines_nest(struct block_line *lines, uint32_t n)
{
    uint32_t open = NO_BLOCK;
    for (uint32_t i = 0; i < n; i++) {
        struct slice line = slice_trim(lines[i].text);
        lines[i].opener = open;
        if (word_is(line, SLICE_LIT("config")) || word_is(line, SLICE_LIT("edit")))
            open = i;
        else if (open != NO_BLOCK &&
                 (slice_eq(line, SLICE_LIT("end")) || slice_eq(line, SLICE_LIT("next"))))
            open = lines[open].opener;
    }
}

static bool opens(const struct block_line *lines, uint32_t n, uint32_t i)
{
    return i + 1 < n && lines[i + 1].opener == i;
}

/* The block a hit shows: its own when the line opens one. Frames of all around it. */
static void hit_mark(struct block_line *lines, uint32_t n, uint32_t i)
{
    uint32_t block = opens(lines, n, i) ? i : lines[i].opener;
    lines[i].hit = true;
    if (block == NO_BLOCK)
        return;
    lines[block].shown = true;
    for (block = lines[block].opener; block != NO_BLOCK; block = lines[block].opener)
        lines[block].frame = true;
}

/* Inside a shown block at any depth, or one of the two lines that frame a block on the way. */
static bool line_shown(const struct block_line *lines, uint32_t n, uint32_t i)
{
    uint32_t block = opens(lines, n, i) ? i : lines[i].opener;
    if (lines[i].hit)
        return true;
    struct slice line = slice_trim(lines[i].text);
    bool edge = block == i || slice_eq(line, SLICE_LIT("end")) || slice_eq(line, SLICE_LIT("next"));
    if (edge && block != NO_BLOCK && lines[block].frame)
        return true;
    for (; block != NO_BLOCK; block = lines[block].opener) {
        if (lines[block].shown)
            return true;
    }
    return false;
}

static void blocks_print(struct grep *grep, struct text *out)
{
    struct slice text = text_slice(&grep->partial);
    size_t most = 1;
    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == '\n';
    struct block_line *lines = calloc(most, sizeof(*lines));
    if (!lines)
        abort();
    uint32_t n = lines_split(text, lines);
    lines_nest(lines, n);
    for (uint32_t i = 0; i < n; i++) {
        if (pattern_matches(&grep->pattern, lines[i].text) != grep->inverse)
            hit_mark(lines, n, i);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (line_shown(lines, n, i))
            text_printf(out, "%.*s%s\n", SLICE_ARG(lines[i].text), lines[i].hit ? " <---" : "");
    }
    free(lines);
}

void grep_finish(struct grep *grep, struct text *out)
{
    if (grep->blocks) {
        if (grep->partial.n > 0)
            blocks_print(grep, out);
        return;
    }
    if (grep->partial.n > 0)
        line_judge(grep, text_slice(&grep->partial), out);
    if (grep->count)
        text_printf(out, "%llu\n", (unsigned long long)grep->hits);
}
