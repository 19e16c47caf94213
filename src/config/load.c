/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file is a script of the same commands a person types, run on a tree nobody sees until the last
 * line was right. A command is one line, unless a quote is open or the line ends in `\`; then it is
 * read again together with the next line. A line can hold several commands (edit_statement).
 */
#include "config/load.h"

#include "config/edit.h"
#include "config/store.h"
#include "config/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FILE_MAX = 256 << 20, /* bytes: a million routes take 80 MB */
    JOINED_MAX = 4096,    /* lines of one command */
    SHOWN_MAX = 255       /* bytes of a command repeated in a message */
};

struct load {
    const char *name;
    struct edit *edit;
    struct text *error, *warnings;
    struct words words;
    struct text reply;
    unsigned line; /* of the command's first byte, from 1 */
};

/* "name:12: config firewall policy / edit 1: " */
static void put_place(const struct load *load, struct text *out)
{
    const struct tree_path *path = edit_path(load->edit);
    text_printf(out, "%s:%u: ", load->name, load->line);
    for (unsigned i = 0; i < path->n; i++) {
        text_printf(out, "%sconfig %s", i ? " / " : "", path->step[i].node->path);
        if (path->step[i].entry)
            text_printf(out, " / edit %s", path->step[i].key);
    }
    if (path->n)
        text_puts(out, ": ");
}

static void put_command(const struct load *load, unsigned from, unsigned n, struct text *out)
{
    struct text command = {0};
    for (unsigned i = from; i < from + n && command.n <= SHOWN_MAX; i++) {
        text_puts(&command, i > from ? " " : "");
        text_put(&command, slice_head(load->words.w[i], SHOWN_MAX));
    }
    text_put(out, slice_head(text_slice(&command), SHOWN_MAX));
    text_puts(out, "\n");
    text_free(&command);
}

/* Warnings keep their line; the notice of a new entry is for people at a prompt. */
static void put_warnings(const struct load *load)
{
    struct slice rest = text_slice(&load->reply);
    while (rest.n && load->warnings) {
        size_t end = slice_find(rest, '\n');
        struct slice line = slice_head(rest, end);
        if (slice_istarts(line, SLICE_LIT("Warning:"))) {
            put_place(load, load->warnings);
            text_put(load->warnings, line);
            text_puts(load->warnings, "\n");
        }
        rest = slice_skip(rest, end + 1);
    }
}

static int run_words(struct load *load)
{
    const struct words *words = &load->words;
    unsigned n;
    for (unsigned at = 0; at < words->n; at += n) {
        n = edit_statement(load->edit, words->n - at, words->w + at, words->quoted + at);
        struct text place = {0};
        put_place(load, &place);
        text_clear(&load->reply);
        int code = edit_run(load->edit, n, words->w + at, &load->reply);
        if (code) {
            text_put(load->error, text_slice(&place));
            put_command(load, at, n, load->error);
            text_put(load->error, text_slice(&load->reply));
            if (code != EDIT_NO_CODE)
                text_printf(load->error, "Command fail. Return code %d\n", code);
        } else {
            put_warnings(load);
        }
        text_free(&place);
        if (code)
            return -EINVAL;
    }
    return 0;
}

static int refuse(const struct load *load, const char *reason)
{
    put_place(load, load->error);
    text_printf(load->error, "%s\n", reason);
    return -EINVAL;
}

static int refuse_open(const struct load *load)
{
    char quote = load->words.open_quote;
    return refuse(load, quote == '"'    ? "unmatched double quote"
                        : quote == '\'' ? "unmatched single quote"
                                        : "the file ends in a continued line");
}

/* `text` holds the command; what stands at the bad byte is shown up to the end of its line. */
static int refuse_bad(const struct load *load, struct slice text)
{
    struct slice at = slice_skip(text, load->words.offset);
    at = slice_head(slice_head(at, slice_find(at, '\n')), 16);
    text_printf(load->error,
                "%s:%u: %s at byte %zu of the command\ncommand parse error before '%.*s'\n",
                load->name, load->line, load->words.reason, load->words.offset + 1, SLICE_ARG(at));
    return -EINVAL;
}

/* Whether reading again makes sense: a line without the quote leaves the quote open. */
static bool may_close(const struct words *words, struct slice line)
{
    return words->open_quote == '\\' || slice_find(line, words->open_quote) < line.n;
}

/* One command from the front of `rest`; *bytes and *lines are how much it took. */
static int read_command(struct load *load, struct slice rest, size_t *bytes, unsigned *lines)
{
    enum words_result result = WORDS_MORE;
    size_t end = 0;
    unsigned n = 0;
    while (result == WORDS_MORE) {
        if (n && end >= rest.n)
            return refuse_open(load);
        if (n == JOINED_MAX)
            return refuse(load, "too many lines in one command");
        struct slice line = slice_skip(rest, end);
        line = slice_head(line, slice_find(line, '\n'));
        bool again = n == 0 || may_close(&load->words, line);
        size_t stop = end + line.n;
        if (again)
            result = words_read(&load->words, slice_head(rest, stop));
        end = stop + 1;
        n++;
    }
    if (result == WORDS_BAD)
        return refuse_bad(load, rest);
    *bytes = end;
    *lines = n;
    return 0;
}

static int run_text(struct load *load, struct slice rest)
{
    while (rest.n) {
        size_t bytes = 0;
        unsigned lines = 0;
        int rc = read_command(load, rest, &bytes, &lines);
        if (rc == 0)
            rc = run_words(load);
        if (rc)
            return rc;
        rest = slice_skip(rest, bytes);
        load->line += lines;
    }
    return edit_path(load->edit)->n ? refuse(load, "the file ends before `end`") : 0;
}

int load_into(struct config_tree *tree, const char *name, struct slice text, struct text *error,
              struct text *warnings)
{
    struct load load = {.name = name, .error = error, .warnings = warnings, .line = 1};
    load.edit = edit_open_direct(tree);
    int rc = run_text(&load, text);
    edit_close(load.edit);
    words_free(&load.words);
    text_free(&load.reply);
    return rc;
}

int config_load_text(const char *name, struct slice text, struct config_tree **out,
                     struct text *error, struct text *warnings)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (slice_istarts(text, slice_str(byte_order_mark)))
        text = slice_skip(text, 3);
    bool complete = slice_istarts(text, SLICE_LIT("#config-version="));
    struct config_tree *tree = complete ? tree_empty() : tree_factory();
    int rc = load_into(tree, name, text, error, warnings);
    if (rc)
        tree_free(tree);
    else
        *out = tree;
    return rc;
}

/* The whole file into `text`. 0 or -errno. */
static int read_file(const char *path, struct text *text)
{
    char chunk[65536];
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    size_t n;
    int rc = 0;
    while (rc == 0 && (n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        if (text->n + n > FILE_MAX)
            rc = -EFBIG;
        else
            text_put(text, slice_of(chunk, n));
    }
    if (rc == 0 && ferror(file))
        rc = -EIO;
    fclose(file);
    return rc;
}

int config_load_file(const char *path, struct config_tree **out, struct text *error,
                     struct text *warnings)
{
    struct text text = {0};
    int rc = read_file(path, &text);
    if (rc)
        text_printf(error, "%s: %s\n", path, strerror(-rc));
    else
        rc = config_load_text(path, text_slice(&text), out, error, warnings);
    text_free(&text);
    return rc;
}
