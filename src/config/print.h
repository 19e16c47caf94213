/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration as text in the layouts of FortiOS (reference 1.8, 1.13). What print_show writes,
 * load reads back into an equal tree. Any thread that may read the tree.
 */
#pragma once

#include "config/tree.h"

/*
 * `show` of the place at `path` (n == 0: the whole file body), indented from column 0. With `full`
 * every visible attribute with its default (`show full-configuration`).
 */
void print_show(const struct config_tree *tree, const struct tree_path *path, bool full,
                struct text *out);

/* `get`: an object or entry as `name : value` lines, a table as `== [ key ]` blocks. */
void print_get(const struct config_tree *tree, const struct tree_path *path, struct text *out);

/* The header lines of a backup file; `date` is YYMMDD, `user` the administrator. */
void print_header(const char *date, const char *user, uint64_t file_version, struct text *out);

/* One value as `show` prints it after `set <name> `. */
void print_value(const struct schema_attr *attr, const json_t *value, struct text *out);

/* A string in double quotes with FortiOS escapes. */
void print_quoted(struct slice s, struct text *out);
