/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The `config` contexts of one login or one file (reference 1.2, 1.5, 1.6): a stack of places in a
 * candidate tree, and the verbs config edit set unset append select unselect delete purge rename
 * clone move next end abort. The CLI and the file loader both run on it. Owned by one login; one
 * thread.
 *
 * Saving: an entry of a root table is saved at its `next` or `end`, a root object at its `end`,
 * with everything nested in it. delete, purge, rename, clone and move of a root table are saved at
 * once. Saving puts the entry into a copy of the running tree, commits the copy, and only then
 * makes it the running tree.
 */
#pragma once

#include "config/tree.h"

struct edit;

/* Same shape as commit of the CLI's backend: 0, or -errno with the reason in `error`. */
typedef int edit_commit(void *ctx, const struct config_tree *candidate, struct text *error);

/* `running` is read at each command and replaced at each save. `commit` NULL accepts everything. */
struct edit *edit_open(struct config_tree *running, edit_commit *commit, void *ctx);
/* Commands work on `tree` itself, for files: no copies, no commits. */
struct edit *edit_open_direct(struct config_tree *tree);
void edit_close(struct edit *edit);

/* Leave all contexts without saving (Ctrl-C, lost client). */
void edit_reset(struct edit *edit);

/* The word is a configuration verb of the current context, in full or as an unambiguous prefix. */
bool edit_is_verb(const struct edit *edit, struct slice word);

/* The configuration verbs usable in the current context, for `?` and Tab; ends with a NULL word. */
const struct schema_option *edit_verbs(const struct edit *edit);

/*
 * How many of the `n` words belong to the first command. Where it has all it takes and an unquoted
 * verb follows, that verb starts the next command: `config voip profile edit X` is two commands,
 * `set call-keepalive 100 end` too. n >= 1; returns 1..n.
 */
unsigned edit_statement(const struct edit *edit, unsigned n, const struct slice *words,
                        const bool *quoted);

/*
 * Run one command. 0, or a FortiOS return code (the caller prints `Command fail. Return code N`);
 * EDIT_NO_CODE where FortiOS prints no such line. Text for the operator is appended to `out`.
 */
#define EDIT_NO_CODE (-1000)
int edit_run(struct edit *edit, unsigned n, const struct slice *words, struct text *out);

/* Where we are; n == 0 at top level. */
const struct tree_path *edit_path(const struct edit *edit);
/* The tree as the operator sees it here, pending edits included. Borrowed until the next command.
 */
const struct config_tree *edit_tree(const struct edit *edit);
/* What the prompt shows in brackets: innermost name; "" at top level. */
const char *edit_context_name(const struct edit *edit);
