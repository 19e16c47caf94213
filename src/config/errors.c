/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/errors.h"

#define VALUE_MAX 255 /* bytes of a value that are repeated in a message */

static struct slice cut(struct slice value)
{
    return slice_head(value, VALUE_MAX);
}

int error_word(struct text *out, struct slice word)
{
    text_printf(out, "command parse error before '%.*s'\n", SLICE_ARG(cut(word)));
    return ERROR_WORD;
}

int error_ambiguous(struct text *out, struct slice word)
{
    text_printf(out, "ambiguous command before '%.*s'\n", SLICE_ARG(cut(word)));
    return ERROR_WORD;
}

int error_incomplete(struct text *out)
{
    text_puts(out, "incomplete command in the end\n");
    return ERROR_INCOMPLETE;
}

int error_value(struct text *out, const char *reason, struct slice value, int code)
{
    text_printf(out, "%s\n\nvalue parse error before '%.*s'\n", reason, SLICE_ARG(cut(value)));
    return code;
}

int error_too_long(struct text *out, struct slice value, size_t limit)
{
    text_printf(out,
                "string value is too long. the size is %zu, the limit is %zu\n"
                "value parse error before '%.*s'\n",
                value.n, limit, SLICE_ARG(cut(value)));
    return ERROR_LENGTH;
}

int error_check(struct text *out, const char *name, struct slice value, int code)
{
    /* FortiOS leaves no blank line where it refuses a port range. */
    text_printf(out, "node_check_object fail! for %s %.*s\n%svalue parse error before '%.*s'\n",
                name, SLICE_ARG(cut(value)), code == ERROR_PORTRANGE ? "" : "\n",
                SLICE_ARG(cut(value)));
    return code;
}

int error_object(struct text *out, const char *reason, int code)
{
    text_printf(out, "%s\nobject check operator error, %d, discard the setting\n", reason, code);
    return ERROR_REFUSED;
}
