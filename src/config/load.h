/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole FortiOS-syntax file as one commit: either every line is right and there is a tree, or
 * there is an error that names file, line, path and value, with the text FortiOS would print.
 * Start-up, restore, tools and tests; any thread.
 */
#pragma once

#include "config/tree.h"

/*
 * Read the file at `path`. 0 with a new tree in *out (the caller frees it), or -errno with `error`
 * filled. Warnings (settings kept without effect) go to `warnings`, a line each with its line
 * number; it may be NULL. A file that begins with `#config-version=` is a complete configuration
 * and starts from an empty tree; any other starts from factory defaults.
 */
int config_load_file(const char *path, struct config_tree **out, struct text *error,
                     struct text *warnings);

/* The same from memory; `name` stands for the file in messages. */
int config_load_text(const char *name, struct slice text, struct config_tree **out,
                     struct text *error, struct text *warnings);
