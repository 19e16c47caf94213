/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One pass over the text, copying the bytes that count into one buffer: a word never grows longer
 * than what it was written as, so a buffer of the text's size plus a zero byte per word is enough
 * and no pointer moves while the line is read. Slices are made from offsets as words end.
 *
 * The text is checked for control bytes and UTF-8 first, so that everything behind the lexer (JSON,
 * prompts, terminals) holds clean text and the lexer itself sees only grammar.
 */
#include "config/words.h"

#include <stdlib.h>

struct reader {
    struct words *words;
    struct slice in;
    size_t at;   /* next byte of `in` */
    size_t used; /* bytes written to words->bytes */
};

static enum words_result bad(struct words *words, const char *reason, size_t offset)
{
    words->n = 0;
    words->reason = reason;
    words->offset = offset;
    return WORDS_BAD;
}

static enum words_result more(struct words *words, char open_quote)
{
    words->n = 0;
    words->open_quote = open_quote;
    return WORDS_MORE;
}

/* Length of the UTF-8 sequence at p, 0 when it is none (RFC 3629, table of section 4). */
static size_t sequence_len(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len == 0 || len > n || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    unsigned second = len > 1 ? p[1] : 0;
    bool overlong = (p[0] == 0xe0 && second < 0xa0) || (p[0] == 0xf0 && second < 0x90);
    bool outside = (p[0] == 0xed && second > 0x9f) || (p[0] == 0xf4 && second > 0x8f);
    return overlong || outside ? 0 : len;
}

static enum words_result check_text(struct words *words, struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.p;
    for (size_t at = 0; at < text.n;) {
        size_t len = sequence_len(p + at, text.n - at);
        if (len == 0)
            return bad(words, "text is not UTF-8", at);
        if ((p[at] < 0x20 && p[at] != '\t' && p[at] != '\n' && p[at] != '\r') || p[at] == 0x7f)
            return bad(words, "control character", at);
        at += len;
    }
    return WORDS_DONE;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void put(struct reader *r, char c)
{
    r->words->bytes[r->used++] = c;
}

/* Inside quotes; r->at is behind the opening one. False: the closing one is missing. */
static bool read_quoted(struct reader *r, char quote)
{
    for (; r->at < r->in.n; r->at++) {
        char c = r->in.p[r->at];
        if (c == quote) {
            r->at++;
            return true;
        }
        bool escape = quote == '"' && c == '\\' && r->at + 1 < r->in.n;
        char next = escape ? r->in.p[r->at + 1] : '\0';
        if (next == '"' || next == '\'' || next == '\\') {
            c = next;
            r->at++;
        }
        put(r, c);
    }
    return false;
}

/* One word from r->at, which is no blank. */
static enum words_result read_word(struct reader *r, bool *quoted)
{
    while (r->at < r->in.n && !is_blank(r->in.p[r->at])) {
        char c = r->in.p[r->at++];
        if (c == '"' || c == '\'') {
            *quoted = true;
            if (!read_quoted(r, c))
                return more(r->words, c);
        } else if (c == '\\') {
            if (r->at == r->in.n)
                return more(r->words, '\\');
            if (r->in.p[r->at] != '\n') {
                *quoted = true;
                put(r, r->in.p[r->at]);
            }
            r->at++;
        } else if (strchr("#()<>?", c)) {
            return bad(r->words, "character must be quoted", r->at - 1);
        } else {
            put(r, c);
        }
    }
    return WORDS_DONE;
}

static void reserve(struct words *words, size_t text_bytes)
{
    size_t n_max = text_bytes / 2 + 1;
    if (n_max > WORDS_MAX)
        n_max = WORDS_MAX;
    words->bytes = realloc(words->bytes, text_bytes + n_max + 1);
    if (n_max > words->cap) {
        words->w = realloc(words->w, n_max * sizeof(*words->w));
        words->quoted = realloc(words->quoted, n_max * sizeof(*words->quoted));
        words->cap = (unsigned)n_max;
    }
    if (!words->bytes || !words->w || !words->quoted)
        abort();
}

/* A joined line (`\` newline) may leave nothing behind: then there is no word, unless quoted. */
static enum words_result end_word(struct reader *r, size_t from, bool quoted)
{
    struct words *words = r->words;
    if (r->used == from && !quoted)
        return WORDS_DONE;
    if (words->n == words->cap)
        return bad(words, "too many words", r->at);
    words->w[words->n] = slice_of(words->bytes + from, r->used - from);
    words->quoted[words->n] = quoted;
    words->n++;
    put(r, '\0');
    return WORDS_DONE;
}

enum words_result words_read(struct words *words, struct slice text)
{
    words->n = 0;
    words->open_quote = '\0';
    words->reason = NULL;
    if (text.n > WORDS_BYTES_MAX)
        return bad(words, "line is too long", WORDS_BYTES_MAX);
    if (check_text(words, text) != WORDS_DONE)
        return WORDS_BAD;
    struct reader r = {.words = words, .in = text};
    reserve(words, text.n);
    while (true) {
        while (r.at < text.n && is_blank(text.p[r.at]))
            r.at++;
        if (r.at == text.n || (words->n == 0 && text.p[r.at] == '#'))
            return WORDS_DONE;
        size_t from = r.used;
        bool quoted = false;
        enum words_result result = read_word(&r, &quoted);
        if (result == WORDS_DONE)
            result = end_word(&r, from, quoted);
        if (result != WORDS_DONE)
            return result;
    }
}

void words_free(struct words *words)
{
    free(words->bytes);
    free(words->w);
    free(words->quoted);
    *words = (struct words){0};
}
