/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A command line cut into words the FortiOS way (reference 1.3): blanks separate; `\` makes the
 * next byte ordinary; "..." groups with the escapes \" \' \\; '...' groups literally; pieces
 * without a blank between them are one word; a `\` before a newline joins lines; a line that begins
 * with `#` is a comment. A newline outside quotes is a blank. One thread at a time per struct
 * words.
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>

#define WORDS_MAX       4096    /* words of one line */
#define WORDS_BYTES_MAX 1048576 /* bytes of one line, continued lines included */

enum words_result {
    WORDS_DONE,
    WORDS_MORE, /* a quote is open, or `\` ends the text: append "\n" and the next line, read again
                 */
    WORDS_BAD   /* `reason` and `offset` say why and where */
};

/* Zero-initialise to start. Owns what the slices name, until the next words_read or words_free. */
struct words {
    unsigned n;
    struct slice *w; /* w[i].p is also zero-terminated */
    bool *quoted;    /* [i]: some part of the word was quoted or escaped (it is no verb then) */

    char open_quote;    /* WORDS_MORE: '"', '\'' or '\\' */
    const char *reason; /* WORDS_BAD */
    size_t offset;      /* WORDS_BAD: offending byte */

    char *bytes;
    unsigned cap;
};

/*
 * Cut `text` (one line, or several joined by "\n" after WORDS_MORE) into words. A comment or an
 * empty line is WORDS_DONE with n == 0. Bad: a byte that must be quoted (# ( ) < > ?), control
 * bytes, text that is not UTF-8, too many words or bytes. On other results than WORDS_DONE n is 0.
 */
enum words_result words_read(struct words *words, struct slice text);

/* Release the memory; usable again afterwards. */
void words_free(struct words *words);
