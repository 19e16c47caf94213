/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `show` and `get` of the configuration (reference 1.8). The words name a place: inside a context
 * first a key of its table or a nested object, then, like at the top level, a path from the root.
 * What is printed is what the operator would get by `end` now: pending edits are in it.
 */
#include "cli/login.h"
#include "config/print.h"

/* Of the version, as printed in the header of a configuration file. */
#define RELEASE_DATE "261120"

static int entry_missing(struct cli *cli, struct slice key)
{
    text_printf(&cli->out, "entry not found in datasource\n\nvalue parse error before '%.*s'\n",
                SLICE_ARG(key));
    return CLI_E_NOT_FOUND;
}

static bool wants_key(const struct tree_path *path)
{
    const struct tree_step *last = tree_path_last(path);
    return schema_is_table(last->node) && !last->entry;
}

/* Follow keys and nested names down from *path; 0, or a code after printing the reason. */
static int place_descend(struct cli *cli, unsigned n, const struct slice *words,
                         struct tree_path *path)
{
    for (unsigned i = 0; i < n; i++) {
        if (wants_key(path)) {
            if (tree_path_key(path, words[i]) != 0 || !tree_exists(edit_tree(cli->edit), path))
                return entry_missing(cli, words[i]);
            continue;
        }
        unsigned used;
        const struct schema_node *child;
        enum schema_miss miss =
            schema_path_find(tree_path_last(path)->node, 1, words + i, &used, &child);
        if (miss == SCHEMA_AMBIGUOUS)
            return cli_ambiguous(cli, words[i]);
        if (miss != SCHEMA_FOUND || tree_path_push(path, child) != 0)
            return cli_bad_word(cli, words[i]);
    }
    return 0;
}

static int place_from_top(struct cli *cli, unsigned n, const struct slice *words,
                          struct tree_path *path)
{
    unsigned used;
    const struct schema_node *node;
    path->n = 0;
    if (n == 0)
        return 0;
    switch (schema_path_find(NULL, n, words, &used, &node)) {
    case SCHEMA_SHORT:
        return cli_incomplete(cli);
    case SCHEMA_AMBIGUOUS:
        return cli_ambiguous(cli, words[used]);
    case SCHEMA_UNKNOWN:
        return cli_bad_word(cli, words[used]);
    case SCHEMA_FOUND:
        break;
    }
    if (tree_path_push(path, node) != 0)
        return cli_bad_word(cli, words[0]);
    return place_descend(cli, n - used, words + used, path);
}

/* The words as a place below the current context; nothing printed when they are none. */
static bool place_here(struct cli *cli, unsigned n, const struct slice *words,
                       struct tree_path *path)
{
    if (cli_at_top(cli))
        return false;
    *path = *edit_path(cli->edit);
    size_t before = cli->out.n;
    if (place_descend(cli, n, words, path) == 0)
        return true;
    cli->out.n = before;
    if (cli->out.p)
        cli->out.p[before] = '\0';
    return false;
}

static int place_find(struct cli *cli, unsigned n, const struct slice *words,
                      struct tree_path *path)
{
    if (place_here(cli, n, words, path))
        return 0;
    return place_from_top(cli, n, words, path);
}

/* `full-configuration`, from "fu" on ("f" is a firewall too). */
static bool is_full(struct slice word)
{
    struct slice full = SLICE_LIT("full-configuration");
    return word.n >= 2 && word.n <= full.n && slice_eq(slice_head(full, word.n), word);
}

int show_run(struct cli *cli, unsigned n, const struct slice *words)
{
    bool full = n > 1 && is_full(words[1]);
    struct tree_path path;
    int code = place_find(cli, n - 1 - full, words + 1 + full, &path);
    if (code != 0)
        return code;
    if (full && path.n == 0)
        print_header(RELEASE_DATE, "admin", 1, &cli->out);
    print_show(edit_tree(cli->edit), &path, full, &cli->out);
    return 0;
}

int get_run(struct cli *cli, unsigned n, const struct slice *words)
{
    struct tree_path path;
    if (n == 1 && cli_at_top(cli))
        return cli_incomplete(cli);
    int code = place_find(cli, n - 1, words + 1, &path);
    if (code == 0)
        print_get(edit_tree(cli->edit), &path, &cli->out);
    return code;
}
