/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries of tables: edit, delete, purge, rename, clone, move. Keys are checked and made canonical
 * here ("007" is entry 7), names are checked against sister tables, and nothing that is referred to
 * disappears. Order matters in two ways: string keys stay in the order they were made, and ordered
 * integer tables (policies) in the order `move` gave them; rename and move therefore rebuild the
 * table object.
 */
#include "config/store.h"
#include "config/value.h"

#include <stdio.h>
#include <stdlib.h>

/* The canonical form of a typed key. 0 with `out` filled, or a FortiOS code. */
static int read_key(const struct schema_node *node, struct slice key, char out[TREE_KEY_MAX],
                    struct text *error)
{
    if (node->kind == SCHEMA_TABLE_STRING) {
        int code = value_check_name(key, node->key_max, error);
        if (code)
            return code;
        json_t *utf8 = json_stringn(key.p, key.n);
        bool good = utf8 && store_key(key, out);
        json_decref(utf8);
        return good ? 0 : error_value(error, "invalid input", SLICE_NONE, ERROR_WORD);
    }
    uint32_t number;
    if (slice_u32(key, UINT32_MAX, &number) == 0) {
        if (number > node->key_max)
            return error_check(error, node->key_name, key, ERROR_VALUE);
        snprintf(out, TREE_KEY_MAX, "%u", number);
        return 0;
    }
    return error_value(error, "invalid unsigned integer value", key, ERROR_NUMBER);
}

/* The same for a key that must exist in `table`; fills `path` with the entry's. */
static int find_entry(const struct config_tree *tree, const struct tree_path *table,
                      struct slice key, struct tree_path *path, struct text *error)
{
    char name[TREE_KEY_MAX];
    int code = read_key(tree_path_last(table)->node, key, name, error);
    if (code)
        return code;
    *path = *table;
    tree_path_key(path, slice_str(name));
    if (!tree_at(tree, path))
        return error_value(error, "entry not found in table", key, ERROR_NOT_FOUND);
    return 0;
}

/* The same for a key that must be new. */
static int new_entry(const struct config_tree *tree, const struct tree_path *table,
                     struct slice key, struct tree_path *path, struct text *error)
{
    const struct schema_node *node = tree_path_last(table)->node;
    char name[TREE_KEY_MAX];
    int code = read_key(node, key, name, error);
    if (code)
        return code;
    *path = *table;
    tree_path_key(path, slice_str(name));
    if (tree_at(tree, path))
        return error_value(error, "A duplicate entry already exists.", key, ERROR_DUPLICATE);
    if (node->kind == SCHEMA_TABLE_INTEGER && strcmp(name, "0") == 0)
        return error_check(error, node->key_name, key, ERROR_VALUE);
    return check_new_key(tree, node, key, error);
}

static bool is_fixed(const struct schema_node *node, const char *key)
{
    for (const char *const *k = node->keys_fixed; k && *k; k++)
        if (strcmp(*k, key) == 0)
            return true;
    return false;
}

static int refuse_fixed(struct text *error, struct slice key)
{
    return error_value(error, "a built-in entry cannot be removed or renamed", key, ERROR_SYSTEM);
}

uint32_t tree_next_number(const struct config_tree *tree, const struct tree_path *table)
{
    const struct schema_node *node = tree_path_last(table)->node;
    json_t *entries = (json_t *)tree_at(tree, table);
    unsigned long long highest = 0;
    for (void *i = json_object_iter(entries); i; i = json_object_iter_next(entries, i)) {
        unsigned long long number = strtoull(json_object_iter_key(i), NULL, 10);
        highest = number > highest ? number : highest;
    }
    if (highest < node->key_max)
        return (uint32_t)highest + 1;
    /* The highest number is taken: the first gap, counted up; there are fewer entries than keys. */
    char key[24];
    for (uint32_t number = node->key_min; number < node->key_max; number++) {
        snprintf(key, sizeof(key), "%u", number);
        if (!json_object_get(entries, key))
            return number;
    }
    return 0;
}

int tree_edit(struct config_tree *tree, const struct tree_path *table, struct slice key,
              char *key_out, struct text *out)
{
    const struct schema_node *node = tree_path_last(table)->node;
    struct tree_path path = *table;
    char name[TREE_KEY_MAX], typed[TREE_KEY_MAX];
    int code = read_key(node, key, name, out);
    if (code)
        return code;
    memcpy(typed, name, sizeof(typed));
    if (node->kind == SCHEMA_TABLE_INTEGER && strcmp(name, "0") == 0) {
        uint32_t number = tree_next_number(tree, table);
        if (number == 0)
            return error_value(out, "maximum number of entries has been reached", key,
                               ERROR_TOO_MANY);
        snprintf(name, sizeof(name), "%u", number);
    }
    tree_path_key(&path, slice_str(name));
    if (!tree_at(tree, &path)) {
        code = check_new_key(tree, node, slice_str(name), out);
        if (code)
            return code;
        store_put(tree, &path, json_object());
        text_printf(out, "new entry '%s' added\n", typed);
    }
    memcpy(key_out, name, sizeof(name));
    return 0;
}

static int refuse_used(const struct schema_node *node, unsigned uses, struct text *error)
{
    text_printf(error, "The entry is used by other %u entries\n", uses);
    return strcmp(node->path, "firewall ippool") == 0 ? ERROR_POOL_IN_USE : ERROR_IN_USE;
}

int tree_delete(struct config_tree *tree, const struct tree_path *table, struct slice key,
                struct text *out)
{
    struct tree_path path;
    int code = find_entry(tree, table, key, &path, out);
    if (code)
        return code;
    const struct tree_step *step = tree_path_last(&path);
    if (is_fixed(step->node, step->key))
        return refuse_fixed(out, key);
    unsigned uses = table->n == 1 ? tree_uses(tree, step->node->path, slice_str(step->key)) : 0;
    if (uses)
        return refuse_used(step->node, uses, out);
    store_put(tree, &path, NULL);
    return 0;
}

int tree_purge(struct config_tree *tree, const struct tree_path *table, struct text *out)
{
    const struct schema_node *node = tree_path_last(table)->node;
    json_t *kept = json_object(), *used = NULL;
    json_t *entries = (json_t *)tree_at(tree, table);
    const char *in_use = NULL;
    if (table->n == 1)
        used = references_used(tree, node->path);
    for (void *i = json_object_iter(entries); i; i = json_object_iter_next(entries, i)) {
        const char *key = json_object_iter_key(i);
        if (is_fixed(node, key))
            json_object_set(kept, key, json_object_iter_value(i));
        else if (!in_use && json_object_get(used, key))
            in_use = key;
    }
    json_decref(used);
    if (in_use) {
        json_decref(kept);
        return refuse_used(node, tree_uses(tree, node->path, slice_str(in_use)), out);
    }
    if (json_object_size(kept) == 0) {
        json_decref(kept);
        kept = NULL;
    }
    store_put(tree, table, kept);
    return 0;
}

int tree_rename(struct config_tree *tree, const struct tree_path *table, struct slice from,
                struct slice to, struct text *out)
{
    struct tree_path old, new;
    int code = find_entry(tree, table, from, &old, out);
    if (code)
        return code;
    const char *old_key = tree_path_last(&old)->key;
    if (is_fixed(tree_path_last(table)->node, old_key))
        return refuse_fixed(out, from);
    code = new_entry(tree, table, to, &new, out);
    if (code)
        return code;
    const char *new_key = tree_path_last(&new)->key;
    json_t *entries = (json_t *)tree_at(tree, table);
    json_t *rebuilt = json_object();
    for (void *i = json_object_iter(entries); i; i = json_object_iter_next(entries, i)) {
        const char *key = json_object_iter_key(i);
        json_object_set(rebuilt, strcmp(key, old_key) == 0 ? new_key : key,
                        json_object_iter_value(i));
    }
    store_put(tree, table, rebuilt);
    if (table->n == 1)
        references_rename(tree, tree_path_last(table)->node->path, old_key, new_key);
    return 0;
}

/*
 * Take out of `copy`, soon at `clone`, what may not be there twice: a policy's name, an interface's
 * addresses. They stay with the original, whose nested objects are copied where they lose
 * something.
 */
static void drop_unique(const struct config_tree *tree, const struct tree_path *clone, json_t *copy)
{
    const struct schema_node *node = tree_path_last(clone)->node;
    for (unsigned i = 0; i < node->n_attrs; i++) {
        const struct schema_attr *attr = &node->attrs[i];
        const json_t *value = json_object_get(copy, attr->name);
        struct text reason = {0};
        if (value &&
            (attr->type == SCHEMA_UUID || check_value(tree, clone, attr, value, &reason) != 0))
            json_object_del(copy, attr->name);
        text_free(&reason);
    }
    for (unsigned i = 0; i < node->n_children; i++) {
        struct tree_path child = *clone;
        json_t *object = json_object_get(copy, node->children[i].path);
        if (!object || schema_is_table(&node->children[i]) ||
            tree_path_push(&child, &node->children[i]) != 0)
            continue;
        object = json_copy(object);
        drop_unique(tree, &child, object);
        if (json_object_size(object))
            json_object_set(copy, node->children[i].path, object);
        else
            json_object_del(copy, node->children[i].path);
        json_decref(object);
    }
}

int tree_clone(struct config_tree *tree, const struct tree_path *table, struct slice from,
               struct slice to, struct text *out)
{
    struct tree_path source, target;
    int code = find_entry(tree, table, from, &source, out);
    if (code == 0)
        code = new_entry(tree, table, to, &target, out);
    if (code)
        return code;
    json_t *copy = json_copy((json_t *)tree_at(tree, &source));
    drop_unique(tree, &target, copy);
    code = check_others(tree, &target, copy, out);
    if (code) {
        json_decref(copy);
        return code;
    }
    store_put(tree, &target, copy);
    return 0;
}

int tree_move(struct config_tree *tree, const struct tree_path *table, struct slice key,
              bool before, struct slice ref, struct text *out)
{
    struct tree_path moved, place;
    if (!tree_path_last(table)->node->ordered)
        return error_word(out, SLICE_LIT("move"));
    int code = find_entry(tree, table, key, &moved, out);
    if (code == 0)
        code = find_entry(tree, table, ref, &place, out);
    if (code)
        return code;
    const char *moved_key = tree_path_last(&moved)->key;
    const char *place_key = tree_path_last(&place)->key;
    json_t *entries = (json_t *)tree_at(tree, table);
    json_t *entry = json_object_get(entries, moved_key);
    json_t *rebuilt = json_object();
    if (strcmp(moved_key, place_key) == 0) {
        json_decref(rebuilt);
        return 0;
    }
    for (void *i = json_object_iter(entries); i; i = json_object_iter_next(entries, i)) {
        const char *at = json_object_iter_key(i);
        bool here = strcmp(at, place_key) == 0;
        if (here && before)
            json_object_set(rebuilt, moved_key, entry);
        if (strcmp(at, moved_key) != 0)
            json_object_set(rebuilt, at, json_object_iter_value(i));
        if (here && !before)
            json_object_set(rebuilt, moved_key, entry);
    }
    store_put(tree, table, rebuilt);
    return 0;
}
