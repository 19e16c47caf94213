/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration text. Whatever the bytes: an answer; a refusal has a reason. A text that is
 * accepted shows as text that is accepted again, as an equal tree, and its rows can be made or the
 * reason is given.
 */
#include "config/load.h"
#include "config/print.h"
#include "config/rows.h"
#include "fuzz.h"

static void show_reads_back(const struct config_tree *tree)
{
    struct tree_path whole = {0};
    struct text shown = {0}, error = {0};
    struct config_tree *again = NULL;
    print_header("260101", "admin", 1, &shown);
    print_show(tree, &whole, false, &shown);
    require(config_load_text("shown", text_slice(&shown), &again, &error, NULL) == 0);
    require(tree_eq(tree, again));
    tree_free(again);
    text_free(&shown);
}

static void full_and_get_print(const struct config_tree *tree)
{
    struct tree_path whole = {0};
    struct text out = {0};
    unsigned n;
    const struct schema_node *const *roots = schema_roots(&n);
    print_show(tree, &whole, true, &out);
    for (unsigned i = 0; i < n; i++) {
        struct tree_path path = tree_path_root(roots[i]->path, NULL);
        print_get(tree, &path, &out);
    }
    require(out.n > 0);
    text_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct text error = {0}, warnings = {0};
    struct config_tree *tree = NULL;
    struct slice text = slice_of((const char *)data, n);
    int rc = config_load_text("input", text, &tree, &error, &warnings);
    require(rc == 0 ? tree != NULL : error.n > 0);
    if (rc == 0) {
        show_reads_back(tree);
        full_and_get_print(tree);
        struct config_rows *rows = config_rows_make(tree, &error);
        require(rows || error.n > 0);
        config_rows_free(rows);
        tree_free(tree);
    }
    text_free(&error);
    text_free(&warnings);
    return 0;
}
