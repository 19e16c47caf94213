/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text out of the tree, driven by the schema: attributes in the order of their rows, then nested
 * nodes. `show` prints what is stored, because what is stored is what differs from the defaults;
 * `show full-configuration` and `get` ask for each value with its default.
 */
#include "config/print.h"

#include "config/store.h"
#include "config/value.h"

#include <stdlib.h>

#define STEP 4 /* blanks of indent for a level */

static void put_indent(struct text *out, unsigned indent)
{
    text_printf(out, "%*s", (int)indent, "");
}

void print_quoted(struct slice s, struct text *out)
{
    text_puts(out, "\"");
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\'' || s.p[i] == '\\')
            text_puts(out, "\\");
        text_put(out, slice_of(s.p + i, 1));
    }
    text_puts(out, "\"");
}

static bool is_quoted(const struct schema_attr *attr)
{
    return (attr->flags & SCHEMA_QUOTED) || attr->type == SCHEMA_STRING ||
           attr->type == SCHEMA_REFERENCE || attr->type == SCHEMA_REFERENCES;
}

static struct slice string_slice(const json_t *string)
{
    return slice_of(json_string_value(string), json_string_length(string));
}

void print_value(const struct schema_attr *attr, const json_t *value, struct text *out)
{
    if (!is_quoted(attr)) {
        value_print_plain(value, out);
    } else if (json_is_string(value)) {
        print_quoted(string_slice(value), out);
    } else {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i)
                text_puts(out, " ");
            print_quoted(string_slice(json_array_get(value, i)), out);
        }
    }
}

/* ---- show ---- */

struct show {
    const struct config_tree *tree;
    struct text *out;
    bool full;
};

static void show_attr(const struct show *show, const struct schema_node *node, const json_t *object,
                      const struct schema_attr *attr, unsigned indent)
{
    bool set = json_object_get(object, attr->name) != NULL;
    bool print_unset = attr->flags & SCHEMA_SHOW_UNSET;
    if (!tree_attr_visible(object, node, attr))
        return;
    if (!set && !show->full && !(attr->flags & SCHEMA_ALWAYS) && !print_unset)
        return;
    json_t *value = tree_value(object, attr);
    put_indent(show->out, indent);
    if (value) {
        text_printf(show->out, "set %s ", attr->name);
        print_value(attr, value, show->out);
    } else if (print_unset || attr->type != SCHEMA_STRING) {
        text_printf(show->out, "unset %s", attr->name);
    } else {
        text_printf(show->out, "set %s ''", attr->name);
    }
    text_puts(show->out, "\n");
    json_decref(value);
}

static void show_node(const struct show *show, const struct tree_path *path, unsigned indent);

static void show_body(const struct show *show, const struct tree_path *path, unsigned indent)
{
    const struct schema_node *node = tree_path_last(path)->node;
    const json_t *object = tree_at(show->tree, path);
    for (unsigned i = 0; i < node->n_attrs; i++)
        show_attr(show, node, object, &node->attrs[i], indent);
    for (unsigned i = 0; i < node->n_children; i++) {
        struct tree_path child = *path;
        tree_path_push(&child, &node->children[i]);
        bool empty_table = schema_is_table(&node->children[i]) && !tree_at(show->tree, &child);
        if (tree_at(show->tree, &child) || (show->full && !empty_table))
            show_node(show, &child, indent);
    }
}

/* `path` names an entry. */
static void show_entry(const struct show *show, const struct tree_path *path, unsigned indent)
{
    const struct tree_step *last = tree_path_last(path);
    put_indent(show->out, indent);
    text_puts(show->out, "edit ");
    if (last->node->kind == SCHEMA_TABLE_STRING)
        print_quoted(slice_str(last->key), show->out);
    else
        text_puts(show->out, last->key);
    text_puts(show->out, "\n");
    show_body(show, path, indent + STEP);
    put_indent(show->out, indent);
    text_puts(show->out, "next\n");
}

static void show_entries(const struct show *show, const struct tree_path *table, unsigned indent)
{
    unsigned n;
    const char **keys = tree_keys(show->tree, table, &n);
    struct tree_path path = *table;
    if (table->n == 1)
        references_order(show->tree, tree_path_last(table)->node, keys, n);
    for (unsigned i = 0; i < n; i++) {
        tree_path_key(&path, slice_str(keys[i]));
        show_entry(show, &path, indent);
    }
    free(keys);
}

/* A node in its frame; a path to an entry shows the table with that entry alone. */
static void show_node(const struct show *show, const struct tree_path *path, unsigned indent)
{
    const struct tree_step *last = tree_path_last(path);
    put_indent(show->out, indent);
    text_printf(show->out, "config %s\n", last->node->path);
    if (last->entry)
        show_entry(show, path, indent + STEP);
    else if (schema_is_table(last->node))
        show_entries(show, path, indent + STEP);
    else
        show_body(show, path, indent + STEP);
    put_indent(show->out, indent);
    text_puts(show->out, "end\n");
}

void print_show(const struct config_tree *tree, const struct tree_path *path, bool full,
                struct text *out)
{
    struct show show = {.tree = tree, .out = out, .full = full};
    if (path->n) {
        show_node(&show, path, 0);
        return;
    }
    unsigned n;
    const struct schema_node *const *roots = schema_roots(&n);
    for (unsigned i = 0; i < n; i++) {
        struct tree_path root = tree_path_root(roots[i]->path, NULL);
        if (tree_at(tree, &root) || (full && !schema_is_table(roots[i])))
            show_node(&show, &root, 0);
    }
}

void print_header(const char *date, const char *user, uint64_t file_version, struct text *out)
{
    text_printf(out,
                "#config-version=PINHOLE-0.1.0-FW-build0001-%s:opmode=0:vdom=0:user=%s\n"
                "#conf_file_ver=%llu\n"
                "#buildno=0001\n"
                "#global_vdom=1\n",
                date, user, (unsigned long long)file_version);
}

/* ---- get ---- */

/* FortiOS leaves a blank behind words it knows, none behind text and numbers. */
static bool has_trailing_blank(enum schema_type type)
{
    return type == SCHEMA_OPTION || type == SCHEMA_OPTIONS || type == SCHEMA_REFERENCE ||
           type == SCHEMA_REFERENCES;
}

static void get_value(const json_t *object, const struct schema_attr *attr, struct text *out)
{
    json_t *value = tree_value(object, attr);
    if (attr->type == SCHEMA_REFERENCES)
        print_value(attr, value, out);
    else if (value)
        value_print_plain(value, out);
    if (has_trailing_blank(attr->type))
        text_puts(out, " ");
    json_decref(value);
}

static void get_table(const struct config_tree *tree, const struct tree_path *table,
                      unsigned indent, struct text *out)
{
    const struct schema_node *node = tree_path_last(table)->node;
    unsigned n;
    const char **keys = tree_keys(tree, table, &n);
    struct tree_path path = *table;
    for (unsigned i = 0; i < n; i++) {
        tree_path_key(&path, slice_str(keys[i]));
        const json_t *entry = tree_at(tree, &path);
        put_indent(out, indent);
        text_printf(out, "== [ %s ]\n", keys[i]);
        put_indent(out, indent);
        text_printf(out, "%s: %s", node->key_name, keys[i]);
        for (unsigned a = 0; a < node->n_attrs; a++) {
            const struct schema_attr *attr = &node->attrs[a];
            if (!(attr->flags & SCHEMA_BRIEF) || !tree_attr_visible(entry, node, attr))
                continue;
            text_printf(out, "   %s: ", attr->name);
            get_value(entry, attr, out);
        }
        text_puts(out, "\n");
    }
    free(keys);
}

/* An object or entry; nested nodes follow with their name and one more level of indent. */
static void get_object(const struct config_tree *tree, const struct tree_path *path,
                       unsigned indent, struct text *out)
{
    const struct tree_step *last = tree_path_last(path);
    const json_t *object = tree_at(tree, path);
    if (last->entry) {
        put_indent(out, indent);
        text_printf(out, "%-20s: %s\n", last->node->key_name, last->key);
    }
    for (unsigned i = 0; i < last->node->n_attrs; i++) {
        const struct schema_attr *attr = &last->node->attrs[i];
        if (!tree_attr_visible(object, last->node, attr))
            continue;
        put_indent(out, indent);
        text_printf(out, "%-20s: ", attr->name);
        get_value(object, attr, out);
        text_puts(out, "\n");
    }
    for (unsigned i = 0; i < last->node->n_children; i++) {
        const struct schema_node *child = &last->node->children[i];
        struct tree_path below = *path;
        tree_path_push(&below, child);
        put_indent(out, indent);
        text_printf(out, "%s:\n", child->path);
        if (schema_is_table(child))
            get_table(tree, &below, indent + STEP, out);
        else
            get_object(tree, &below, indent + STEP, out);
    }
}

void print_get(const struct config_tree *tree, const struct tree_path *path, struct text *out)
{
    const struct tree_step *last = tree_path_last(path);
    if (schema_is_table(last->node) && !last->entry)
        get_table(tree, path, 0, out);
    else
        get_object(tree, path, 0, out);
}
