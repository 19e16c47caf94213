/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From typed words to full ones, and what may come next: the one place that knows abbreviations
 * (reference 1.4) for paths of command rows and of configuration objects alike. `?`, Tab and
 * running a command all ask here, so they cannot disagree. Control thread; constant data.
 */
#pragma once

#include "base/slice.h"
#include "cli/command.h"

struct candidate {
    struct slice word; /* lives as long as what it was taken from */
    const char *help;  /* NULL: none */
};

enum {
    CANDIDATES_MAX = 512, /* more are left out of a list for people */
    RESOLVE_DEPTH = 8     /* words of the longest path */
};

/* Zero-initialise to start; with a `prefix` only words that begin with it get in. */
struct candidates {
    unsigned n;
    struct slice prefix;
    struct candidate v[CANDIDATES_MAX];
};

/* Add once; a later help fills in for a missing one. */
void candidates_add(struct candidates *set, struct slice word, const char *help);

enum match {
    MATCH_ONE,
    MATCH_NONE,
    MATCH_AMBIGUOUS
};

/* The candidate that `typed` stands for: in full, else the only one that begins with it. */
enum match candidates_match(const struct candidates *set, struct slice typed, struct slice *full);

struct resolved {
    unsigned n;                       /* path words understood, the verb included */
    struct slice word[RESOLVE_DEPTH]; /* in full */
    bool ambiguous;                   /* the word after them is several at once */
    const struct cli_command *row;    /* whose path they are, NULL none */
};

/* The first words of all command rows. */
void resolve_verbs(struct candidates *out);

/*
 * Follow `words` as far as they are path words; words[0] is a verb in full. With `get` and `show`
 * the paths of configuration objects count too, from `first` = 1 (words[1] begins the path).
 */
void resolve_path(unsigned n, const struct slice *words, struct resolved *out);

/* Path words that can follow. */
void resolve_next(const struct resolved *at, struct candidates *out);

/* Path words of configuration objects that can follow the `n` given: of root objects, or of those
 * nested in `parent`. */
struct schema_node;
void resolve_objects(const struct schema_node *parent, unsigned n, const struct slice *words,
                     struct candidates *out);
