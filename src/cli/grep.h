/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The output filter `<command> | grep [-ivncf] [-A N] [-B N] [-C N] <pattern>` (reference 1.10):
 * text in as it is printed, the chosen lines out. A pattern is a regular expression of characters,
 * `.`, `[...]`, `*`, `+`, `?`, `^` and `$`, with `\` before a character that is meant as such; time
 * is linear in the text whatever the pattern. Belongs to one login.
 */
#pragma once

#include "base/text.h"

struct grep;

/*
 * From the words after the `|`. Returns 0 with a filter in *out, or a FortiOS return code with the
 * reason in `error`.
 */
int grep_open(unsigned n, const struct slice *words, struct grep **out, struct text *error);
void grep_close(struct grep *grep); /* NULL is fine */

/* More text, cut anywhere; the lines that are decided go to `out`. */
void grep_feed(struct grep *grep, struct slice text, struct text *out);

/* The text is over: the last line, the count of -c, the blocks of -f. */
void grep_finish(struct grep *grep, struct text *out);
