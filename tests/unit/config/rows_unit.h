/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of a text, and the reason where it gives none. Test code only.
 */
#pragma once

#include "config/rows.h"

#include "script.h"

static inline struct config_rows *rows_of(const char *lines)
{
    struct text error = {0};
    struct config_tree *tree = NULL;
    if (config_load_text("t", slice_str(lines), &tree, &error, NULL) != 0)
        print_message("%s\n", error.p);
    assert_non_null(tree);
    struct config_rows *rows = config_rows_make(tree, &error);
    if (!rows)
        print_message("%s\n", error.p);
    assert_non_null(rows);
    text_free(&error);
    tree_free(tree); /* rows stand on their own */
    return rows;
}
