/* SPDX-License-Identifier: BSD-3-Clause */
#include "replay/script.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SECONDS_MAX (10u * 366 * 24 * 3600)

int seconds_parse(struct slice text, uint64_t *ns)
{
    size_t dot = slice_find(text, '.');
    uint32_t whole, part = 0;
    if (slice_u32(slice_head(text, dot), SECONDS_MAX, &whole) != 0)
        return -EINVAL;
    if (dot < text.n) {
        struct slice decimals = slice_skip(text, dot + 1);
        if (decimals.n > 9 || slice_u32(decimals, 999999999, &part) != 0)
            return -EINVAL;
        for (size_t i = decimals.n; i < 9; i++)
            part *= 10;
    }
    *ns = (uint64_t)whole * 1000000000 + part;
    return 0;
}

static void line_add(struct script *s, unsigned *cap, struct script_line line)
{
    if (s->n == *cap) {
        *cap = *cap ? *cap * 2 : 64;
        s->lines = realloc(s->lines, *cap * sizeof *s->lines);
        assert(s->lines);
    }
    s->lines[s->n++] = line;
}

/* Take `@SECONDS` off the front of `line`. 0, or -EINVAL: no time, or one that goes back. */
static int time_take(struct slice *line, uint64_t *at_ns)
{
    struct slice word = slice_skip(*line, 1);
    word = slice_head(word, slice_find(word, ' '));
    uint64_t ns;
    if (seconds_parse(word, &ns) != 0 || ns < *at_ns)
        return -EINVAL;
    *at_ns = ns;
    *line = slice_trim(slice_skip(*line, 1 + word.n));
    return 0;
}

int script_parse(const char *name, struct slice text, struct script *out, struct text *error)
{
    struct script s = {0};
    unsigned cap = 0, number = 0;
    uint64_t at_ns = 0;
    text_put(&s.text, text);
    struct slice rest = text_slice(&s.text);
    while (rest.n) {
        size_t end = slice_find(rest, '\n');
        struct slice line = slice_trim(slice_head(rest, end));
        rest = slice_skip(rest, end + 1);
        number++;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (line.p[0] == '@' && time_take(&line, &at_ns) != 0) {
            text_printf(error, "%s:%u: a time is `@SECONDS`, not before that of the lines above",
                        name, number);
            script_free(&s);
            return -EINVAL;
        }
        if (line.n)
            line_add(&s, &cap, (struct script_line){at_ns, line});
    }
    *out = s;
    return 0;
}

int script_load(const char *path, struct script *out, struct text *error)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        int rc = -errno;
        text_printf(error, "%s: %s", path, strerror(-rc));
        return rc;
    }
    struct text text = {0};
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        text_put(&text, slice_of(block, n));
    int rc = ferror(file) ? -EIO : 0;
    fclose(file);
    if (rc != 0)
        text_printf(error, "%s: cannot be read", path);
    else
        rc = script_parse(path, text_slice(&text), out, error);
    text_free(&text);
    return rc;
}

void script_free(struct script *s)
{
    free(s->lines);
    text_free(&s->text);
    *s = (struct script){0};
}
