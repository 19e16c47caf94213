/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `?` and Tab (reference 1.9): what may stand where the cursor is. The words before the one being
 * typed choose a set of candidates, from the same tables that run the command; the unfinished word
 * narrows it. Values that are no fixed words have a line that says what is wanted.
 */
#include "cli/cli.h"

#include "cli/login.h"
#include "config/print.h"

#include <stdlib.h>

struct help {
    struct candidates set;
    struct text line; /* of a value that is no fixed word */
};

/* ---- values of `set` ---- */

static void number_help(const struct schema_attr *attr, struct text *out)
{
    text_printf(out, "%s    Enter an integer value from <%u> to <%u>", attr->name, attr->min,
                attr->max);
    if (attr->type == SCHEMA_TTL)
        text_puts(out, " or never");
    if (attr->flags & SCHEMA_SPECIAL) {
        text_printf(out, " or (special = <%u>)\n", attr->special);
        return;
    }
    if (attr->initial)
        text_printf(out, " (default = <%s>)", attr->initial);
    text_puts(out, ".\n");
}

static const char *form_of(enum schema_type type)
{
    switch (type) {
    case SCHEMA_IPV4:
        return "<ip>    any ip xxx.xxx.xxx.xxx";
    case SCHEMA_IPV4_NET:
        return "<ip&netmask>    xxx.xxx.xxx.xxx xxx.xxx.xxx.xxx or xxx.xxx.xxx.xxx/len";
    case SCHEMA_MAC:
        return "<mac>    xx:xx:xx:xx:xx:xx";
    case SCHEMA_UUID:
        return "<uuid>    xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    case SCHEMA_PORTRANGES:
        return "<portrange>    dst_low[-dst_high][:src_low[-src_high]], several by blanks";
    case SCHEMA_PORT_SPAN:
        return "<portrange>    low-high";
    case SCHEMA_PORTS:
        return "<integer>    port number, several by blanks";
    case SCHEMA_PORT_RANGE:
        return "<portrange>    port or low-high";
    case SCHEMA_IP_FILTERS:
        return "<iprange>    xxx.xxx.xxx.xxx[/len] or xxx.xxx.xxx.xxx-xxx.xxx.xxx.xxx, several by "
               "blanks";
    case SCHEMA_IPV6:
        return "<ipv6>    xxxx:xxxx::xxxx";
    case SCHEMA_IPV6_NET:
        return "<ipv6/len>    xxxx:xxxx::xxxx/len";
    case SCHEMA_IP_SPAN:
        return "<iprange>    xxx.xxx.xxx.xxx[-xxx.xxx.xxx.xxx]";
    case SCHEMA_CPUS:
        return "<cpu>    n or n-m, several by blanks";
    case SCHEMA_TIME:
        return "<time>    hh:mm";
    default:
        return "<string>    please input string value";
    }
}

static void name_add(void *ctx, const char *name)
{
    candidates_add(ctx, slice_str(name), NULL);
}

static void value_help(struct cli *cli, const struct schema_attr *attr, struct help *help)
{
    switch (attr->type) {
    case SCHEMA_OPTION:
    case SCHEMA_OPTIONS:
        for (const struct schema_option *option = attr->options; option->word; option++)
            candidates_add(&help->set, slice_str(option->word), option->help);
        break;
    case SCHEMA_REFERENCE:
    case SCHEMA_REFERENCES:
        tree_reference_names(edit_tree(cli->edit), attr, name_add, &help->set);
        break;
    case SCHEMA_INTEGER:
    case SCHEMA_TTL:
        number_help(attr, &help->line);
        break;
    default:
        text_printf(&help->line, "%s\n", form_of(attr->type));
        break;
    }
}

static void attributes_add(struct cli *cli, struct candidates *out)
{
    const struct tree_path *path = edit_path(cli->edit);
    const struct schema_node *node = tree_path_last(path)->node;
    const json_t *object = tree_at(edit_tree(cli->edit), path);
    for (unsigned i = 0; i < node->n_attrs; i++) {
        if (tree_attr_visible(object, node, &node->attrs[i]))
            candidates_add(out, slice_str(node->attrs[i].name), node->attrs[i].help);
    }
}

static void field_help(struct cli *cli, unsigned n, const struct slice *words, struct help *help)
{
    const struct schema_attr *attr;
    if (n == 1)
        attributes_add(cli, &help->set);
    else if (!slice_eq(words[0], SLICE_LIT("unset")) &&
             schema_attr_find(tree_path_last(edit_path(cli->edit))->node, words[1], &attr) ==
                 SCHEMA_FOUND)
        value_help(cli, attr, help);
}

/* ---- places ---- */

static void keys_add(struct cli *cli, const struct tree_path *table, struct candidates *out)
{
    const struct tree_step *last = table->n > 0 ? tree_path_last(table) : NULL;
    if (!last || !schema_is_table(last->node) || last->entry)
        return;
    unsigned n;
    const char **key = tree_keys(edit_tree(cli->edit), table, &n);
    for (unsigned i = 0; i < n; i++)
        candidates_add(out, slice_str(key[i]), NULL);
    free(key);
}

/* Keys of the root table that the words are the path of. */
static void keys_of_root_add(struct cli *cli, unsigned n, const struct slice *words,
                             struct candidates *out)
{
    struct tree_path path = {0};
    const struct schema_node *node;
    unsigned used;
    if (schema_path_find(NULL, n, words, &used, &node) == SCHEMA_FOUND && used == n &&
        tree_path_push(&path, node) == 0)
        keys_add(cli, &path, out);
}

static void children_add(struct cli *cli, unsigned n, const struct slice *words,
                         struct candidates *out)
{
    const struct tree_path *path = edit_path(cli->edit);
    const struct schema_node *parent = path->n > 0 ? tree_path_last(path)->node : NULL;
    if (path->n > 0 && schema_is_table(parent) && !tree_path_last(path)->entry)
        return;
    resolve_objects(parent, n, words, out);
}

static void table_help(struct cli *cli, unsigned n, const struct slice *words, struct help *help)
{
    bool move = slice_eq(words[0], SLICE_LIT("move"));
    bool two = slice_eq(words[0], SLICE_LIT("rename")) || slice_eq(words[0], SLICE_LIT("clone"));
    if (n == 1 || (move && n == 3))
        keys_add(cli, edit_path(cli->edit), &help->set);
    if (two && n == 2)
        candidates_add(&help->set, SLICE_LIT("to"), "New key.");
    if (move && n == 2) {
        candidates_add(&help->set, SLICE_LIT("before"), "Move before this entry.");
        candidates_add(&help->set, SLICE_LIT("after"), "Move after this entry.");
    }
}

/* ---- operational commands ---- */

static void row_help(const struct cli_command *row, unsigned arg, struct help *help)
{
    const char *const *word = row->candidates ? row->candidates(arg) : NULL;
    for (; word && *word; word++)
        candidates_add(&help->set, slice_str(*word), NULL);
    if (help->set.n == 0 && row->args && arg < row->max_args)
        text_printf(&help->line, "%s    %s\n", row->args, row->help);
    else if (help->set.n == 0 && arg >= row->min_args && arg <= row->max_args)
        text_puts(&help->line, "<Enter>\n");
}

static void operation_help(struct cli *cli, unsigned n, const struct slice *words,
                           struct help *help)
{
    struct resolved at;
    bool show = slice_eq(words[0], SLICE_LIT("show"));
    if (n == 1 && (show || slice_eq(words[0], SLICE_LIT("get"))) && !cli_at_top(cli)) {
        keys_add(cli, edit_path(cli->edit), &help->set);
        children_add(cli, 0, NULL, &help->set);
    }
    if (n == 1 && show)
        candidates_add(&help->set, SLICE_LIT("full-configuration"), "Show full configuration.");
    if (n > 1 && (show || slice_eq(words[0], SLICE_LIT("get"))))
        keys_of_root_add(cli, n - 1, words + 1, &help->set);
    resolve_path(n, words, &at);
    if (at.n == n)
        resolve_next(&at, &help->set);
    if (at.row && at.row->start && !at.ambiguous)
        row_help(at.row, n - at.n, help);
}

/* ---- the cursor ---- */

static bool is_one_of(struct slice word, const char *const *words)
{
    for (; *words; words++) {
        if (slice_eq(slice_str(*words), word))
            return true;
    }
    return false;
}

static void verb_help(struct cli *cli, unsigned n, struct slice *words, struct help *help)
{
    static const char *const fields[] = {"set", "unset", "append", "select", "unselect", NULL};
    static const char *const tables[] = {"edit", "delete", "rename", "clone", "move", NULL};
    static const char *const operations[] = {"show", "get", "diagnose", "execute", NULL};
    if (n == 0) {
        cli_verbs(cli, &help->set);
        return;
    }
    if (cli_verb(cli, words[0], &words[0]) != MATCH_ONE)
        return;
    if (slice_eq(words[0], SLICE_LIT("config")))
        children_add(cli, n - 1, words + 1, &help->set);
    else if (is_one_of(words[0], fields) && !cli_at_top(cli))
        field_help(cli, n, words, help);
    else if (is_one_of(words[0], tables))
        table_help(cli, n, words, help);
    else if (is_one_of(words[0], operations))
        operation_help(cli, n, words, help);
    else if (n == 1)
        text_puts(&help->line, "<Enter>\n");
}

/* False inside a quote, in a comment or after bytes that are refused: there is no help there. */
static bool help_find(struct cli *cli, struct slice line, struct words *words, struct help *help)
{
    if (cli->line.n > 0 || words_read(words, line) != WORDS_DONE)
        return false;
    if (words->n == 0 && slice_trim(line).n > 0)
        return false;
    bool fresh = line.n == 0 || ascii_blank(line.p[line.n - 1]) || words->n == 0;
    unsigned n = fresh ? words->n : words->n - 1;
    help->set.prefix = fresh ? SLICE_NONE : words->w[n];
    verb_help(cli, n, words->w, help);
    return true;
}

void cli_help(struct cli *cli, struct slice line, struct text *out)
{
    struct words words = {0};
    struct help help = {0};
    int width = 0;
    if (help_find(cli, line, &words, &help)) {
        for (unsigned i = 0; i < help.set.n; i++)
            width = (int)help.set.v[i].word.n > width ? (int)help.set.v[i].word.n : width;
        for (unsigned i = 0; i < help.set.n; i++) {
            const struct candidate *c = &help.set.v[i];
            if (c->help)
                text_printf(out, "%-*.*s    %s\n", width, SLICE_ARG(c->word), c->help);
            else
                text_printf(out, "%.*s\n", SLICE_ARG(c->word));
        }
        text_put(out, text_slice(&help.line));
    }
    text_free(&help.line);
    words_free(&words);
}

static bool needs_quotes(struct slice word)
{
    for (size_t i = 0; i < word.n; i++) {
        if (memchr(" \t#()<>?'\"\\|", word.p[i], 12))
            return true;
    }
    return word.n == 0;
}

void cli_complete(struct cli *cli, struct slice line, struct text *out)
{
    struct words words = {0};
    struct help help = {0};
    if (help_find(cli, line, &words, &help)) {
        for (unsigned i = 0; i < help.set.n; i++) {
            if (needs_quotes(help.set.v[i].word))
                print_quoted(help.set.v[i].word, out);
            else
                text_put(out, help.set.v[i].word);
            text_puts(out, "\n");
        }
    }
    text_free(&help.line);
    words_free(&words);
}
