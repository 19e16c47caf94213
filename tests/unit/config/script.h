/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs lines of configuration as a login would and keeps what it answers. Test code only.
 */
#pragma once

#include "config/edit.h"
#include "config/load.h"
#include "config/print.h"
#include "config/words.h"

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

struct script {
    struct config_tree *running;
    struct edit *edit;
    struct words words;
    struct text out;
    int code; /* of the last command */
};

static inline void script_open(struct script *script, edit_commit *commit, void *ctx)
{
    *script = (struct script){.running = tree_factory()};
    script->edit = edit_open(script->running, commit, ctx);
}

static inline void script_close(struct script *script)
{
    edit_close(script->edit);
    tree_free(script->running);
    words_free(&script->words);
    text_free(&script->out);
}

/* Runs lines separated by "\n"; stops at the first that fails. Answers go to script->out. */
static inline int script_run(struct script *script, const char *lines)
{
    struct slice rest = slice_str(lines);
    script->code = 0;
    while (rest.n && script->code == 0) {
        size_t end = slice_find(rest, '\n');
        struct words *words = &script->words;
        assert_int_equal(words_read(words, slice_head(rest, end)), WORDS_DONE);
        for (unsigned at = 0, n; at < words->n && script->code == 0; at += n) {
            n = edit_statement(script->edit, words->n - at, words->w + at, words->quoted + at);
            script->code = edit_run(script->edit, n, words->w + at, &script->out);
        }
        rest = slice_skip(rest, end + 1);
    }
    return script->code;
}

static inline const char *script_output(const struct script *script)
{
    return script->out.n ? script->out.p : "";
}

/* `show` of "root path", or of one entry of it. The caller frees. */
static inline struct text script_show(const struct config_tree *tree, const char *root,
                                      const char *key)
{
    struct text out = {0};
    struct tree_path path = tree_path_root(root, key);
    print_show(tree, &path, false, &out);
    return out;
}
