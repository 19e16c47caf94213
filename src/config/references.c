/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names that stand for entries of other tables. There is no index of them: the schema says which
 * attributes of which nodes can refer to a table, so a question about one name visits only entries
 * of those nodes. Questions about a whole table collect all names in one visit.
 */
#include "config/store.h"
#include "config/value.h"

#include <stdlib.h>

static bool attr_refers(const struct schema_attr *attr, const char *root)
{
    for (const char *const *t = attr->tables; t && *t; t++)
        if (strcmp(*t, root) == 0)
            return true;
    return false;
}

static bool node_refers(const struct schema_node *node, const char *root)
{
    for (unsigned i = 0; i < node->n_attrs; i++)
        if (attr_refers(&node->attrs[i], root))
            return true;
    for (unsigned i = 0; i < node->n_children; i++)
        if (node_refers(&node->children[i], root))
            return true;
    return false;
}

/* ---- one visit of every reference into a table ---- */

struct visit {
    const char *root; /* the table referred to */
    void (*each)(void *ctx, const char *name);
    void *ctx;
};

static void visit_value(const struct visit *visit, const json_t *value)
{
    if (json_is_string(value))
        visit->each(visit->ctx, json_string_value(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        visit->each(visit->ctx, json_string_value(json_array_get(value, i)));
}

static void visit_object(const struct visit *visit, const struct schema_node *node,
                         const json_t *object);

/* `at` is the object, or the table whose entries are objects. */
static void visit_node(const struct visit *visit, const struct schema_node *node, const json_t *at)
{
    if (!at || !schema_is_table(node)) {
        visit_object(visit, node, at);
        return;
    }
    const char *key;
    json_t *entry;
    json_object_foreach((json_t *)at, key, entry) visit_object(visit, node, entry);
}

static void visit_object(const struct visit *visit, const struct schema_node *node,
                         const json_t *object)
{
    for (unsigned i = 0; object && i < node->n_attrs; i++)
        if (attr_refers(&node->attrs[i], visit->root))
            visit_value(visit, json_object_get(object, node->attrs[i].name));
    for (unsigned i = 0; object && i < node->n_children; i++)
        visit_node(visit, &node->children[i], json_object_get(object, node->children[i].path));
}

/* ---- questions ---- */

struct match {
    const char *name;
    bool hit;
};

static void match_name(void *ctx, const char *name)
{
    struct match *match = ctx;
    match->hit |= strcmp(match->name, name) == 0;
}

static bool object_refers(const struct schema_node *node, const json_t *object, const char *root,
                          const char *name)
{
    struct match match = {.name = name};
    struct visit visit = {.root = root, .each = match_name, .ctx = &match};
    visit_object(&visit, node, object);
    return match.hit;
}

unsigned tree_uses(const struct config_tree *tree, const char *root, struct slice key)
{
    char name[TREE_KEY_MAX];
    unsigned n, uses = 0;
    const struct schema_node *const *roots = schema_roots(&n);
    if (!store_key(key, name))
        return 0;
    for (unsigned i = 0; i < n; i++) {
        json_t *at = json_object_get(tree->root, roots[i]->path);
        if (!at || !node_refers(roots[i], root))
            continue;
        if (!schema_is_table(roots[i])) {
            uses += object_refers(roots[i], at, root, name);
            continue;
        }
        const char *other;
        json_t *entry;
        json_object_foreach(at, other, entry) uses += object_refers(roots[i], entry, root, name);
    }
    return uses;
}

static void note_name(void *ctx, const char *name)
{
    json_object_set_new(ctx, name, json_true());
}

json_t *references_used(const struct config_tree *tree, const char *root)
{
    unsigned n;
    const struct schema_node *const *roots = schema_roots(&n);
    json_t *names = json_object();
    struct visit visit = {.root = root, .each = note_name, .ctx = names};
    for (unsigned i = 0; i < n; i++)
        if (strcmp(roots[i]->path, root) != 0 && node_refers(roots[i], root))
            visit_node(&visit, roots[i], json_object_get(tree->root, roots[i]->path));
    return names;
}

static bool name_exists(const struct config_tree *tree, const struct schema_attr *attr,
                        const char *name)
{
    if (attr->literal && strcmp(attr->literal, name) == 0)
        return true;
    for (const char *const *t = attr->tables; t && *t; t++)
        if (json_object_get(json_object_get(tree->root, *t), name))
            return true;
    return false;
}

int references_check(const struct config_tree *tree, const struct schema_attr *attr,
                     const json_t *value, struct text *error)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 1;
    if (attr->type != SCHEMA_REFERENCE && attr->type != SCHEMA_REFERENCES)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        const char *name = json_string_value(item);
        bool unset = attr->type == SCHEMA_REFERENCE && !attr->initial && *name == '\0';
        if (!unset && !name_exists(tree, attr, name))
            return error_value(error, "entry not found in datasource", slice_str(name),
                               ERROR_NOT_FOUND);
    }
    return 0;
}

int references_check_object(const struct config_tree *tree, const struct schema_node *node,
                            const json_t *object, struct text *error)
{
    int code = 0;
    for (unsigned i = 0; i < node->n_attrs && code == 0; i++) {
        const json_t *value = json_object_get(object, node->attrs[i].name);
        if (value)
            code = references_check(tree, &node->attrs[i], value, error);
    }
    return code;
}

void tree_reference_names(const struct config_tree *tree, const struct schema_attr *attr,
                          void (*each)(void *ctx, const char *name), void *ctx)
{
    if (attr->literal)
        each(ctx, attr->literal);
    for (const char *const *t = attr->tables; t && *t; t++) {
        json_t *table = json_object_get(tree->root, *t);
        for (void *i = json_object_iter(table); i; i = json_object_iter_next(table, i))
            each(ctx, json_object_iter_key(i));
    }
}

/* ---- order ---- */

static const json_t *own_members(const struct schema_node *node, const json_t *entries,
                                 const char *key)
{
    for (unsigned i = 0; i < node->n_attrs; i++)
        if (attr_refers(&node->attrs[i], node->path))
            return json_object_get(json_object_get(entries, key), node->attrs[i].name);
    return NULL;
}

/*
 * Depth first with a stack of our own. A name is pushed with its members above it; when it comes to
 * the top for the second time, all it needs has been written.
 */
void references_order(const struct config_tree *tree, const struct schema_node *node,
                      const char **keys, unsigned n)
{
    const json_t *entries = json_object_get(tree->root, node->path);
    json_t *stack = json_array(), *opened = json_object(), *written = json_object();
    if (!node_refers(node, node->path))
        n = 0;
    for (unsigned i = n; i-- > 0;)
        json_array_append_new(stack, json_string(keys[i]));
    for (unsigned at = 0; json_array_size(stack) > 0;) {
        size_t top = json_array_size(stack) - 1;
        json_t *name = json_incref(json_array_get(stack, top));
        const char *key = json_string_value(name);
        json_t *members = (json_t *)own_members(node, entries, key);
        bool known = json_object_get(entries, key) && !json_object_get(written, key);
        if (known && members && !json_object_get(opened, key)) {
            json_object_set_new(opened, key, json_true());
            json_array_extend(stack, members);
        } else {
            json_array_remove(stack, top);
            if (known) {
                json_object_set_new(written, key, json_true());
                keys[at++] = json_object_iter_key(json_object_iter_at((json_t *)entries, key));
            }
        }
        json_decref(name);
    }
    json_decref(stack);
    json_decref(opened);
    json_decref(written);
}

/* ---- renaming ---- */

static json_t *renamed(const json_t *value, const char *from, const char *to)
{
    if (json_is_string(value))
        return json_string(strcmp(json_string_value(value), from) == 0 ? to
                                                                       : json_string_value(value));
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(value); i++)
        json_array_append_new(list, renamed(json_array_get(value, i), from, to));
    return list;
}

/* Only attributes of root tables and root objects refer to anything (asserted by a unit test). */
static void rename_in(struct config_tree *tree, const struct tree_path *path, const char *root,
                      const char *from, const char *to)
{
    const struct schema_node *node = tree_path_last(path)->node;
    if (!object_refers(node, tree_at(tree, path), root, from))
        return;
    json_t *object = store_own(tree, path, false);
    for (unsigned i = 0; i < node->n_attrs; i++) {
        const struct schema_attr *attr = &node->attrs[i];
        json_t *value = attr_refers(attr, root) ? json_object_get(object, attr->name) : NULL;
        if (value)
            json_object_set_new(object, attr->name, renamed(value, from, to));
    }
}

void references_rename(struct config_tree *tree, const char *root, const char *from, const char *to)
{
    unsigned n, n_keys;
    const struct schema_node *const *roots = schema_roots(&n);
    for (unsigned i = 0; i < n; i++) {
        if (!node_refers(roots[i], root))
            continue;
        struct tree_path path = tree_path_root(roots[i]->path, NULL);
        if (!schema_is_table(roots[i])) {
            rename_in(tree, &path, root, from, to);
            continue;
        }
        /* The keys outlive the writing: entries are replaced, never moved, and this copy of the
         * tree keeps what they point into. */
        struct config_tree *before = tree_copy(tree);
        const char **keys = tree_keys(before, &path, &n_keys);
        for (unsigned k = 0; k < n_keys; k++) {
            tree_path_key(&path, slice_str(keys[k]));
            rename_in(tree, &path, root, from, to);
        }
        free(keys);
        tree_free(before);
    }
}
