/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree is one JSON object in a struct, so that the struct can be handed around while the JSON
 * is shared. Sharing works by jansson's reference counts: a copy takes one more reference on the
 * root. Whoever writes walks down from the root, and each object on the way that somebody else
 * refers to as well is replaced by a shallow copy first (store_own). So an object with one
 * reference, reached through objects with one reference, is ours alone. Scalars and arrays are
 * never changed in place, only replaced.
 *
 * Invariants: no value equal to its default, no empty object or table is stored (an entry may be
 * empty), so that equal configurations are equal JSON.
 */
#include "config/tree.h"

#include "config/store.h"
#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* ---- life ---- */

static struct config_tree *tree_around(json_t *root)
{
    struct config_tree *tree = malloc(sizeof(*tree));
    if (!tree || !root)
        abort();
    *tree = (struct config_tree){.root = root};
    return tree;
}

/*
 * The names of policies are looked up for every `set name`; without an index a file of ten thousand
 * policies would compare fifty million of them. Names come in one by one through store_value, which
 * adds them; whatever else may bring one in (a put of something filled, an assignment) drops the
 * index, and the next question makes it anew.
 */
static void forget_names(struct config_tree *tree)
{
    json_decref(tree->policy_names);
    tree->policy_names = NULL;
}

/* Entries that claim addresses, whole tables of them, or all there is. */
static bool is_claim(const struct tree_path *path)
{
    const char *root = path->n ? path->step[0].node->path : "";
    return strcmp(root, "firewall vip") == 0 || strcmp(root, "firewall ippool") == 0;
}

static bool is_policy(const struct tree_path *path)
{
    return path->n && strcmp(path->step[0].node->path, "firewall policy") == 0;
}

static void make_names(struct config_tree *tree)
{
    const char *id;
    json_t *policy;
    tree->policy_names = json_object();
    json_object_foreach(json_object_get(tree->root, "firewall policy"), id, policy)
    {
        const char *name = json_string_value(json_object_get(policy, "name"));
        if (name)
            json_object_set_new(tree->policy_names, name, json_string(id));
    }
}

const char *store_policy_named(const struct config_tree *tree, const char *name)
{
    if (!tree->policy_names)
        make_names((struct config_tree *)tree);
    const char *id = json_string_value(json_object_get(tree->policy_names, name));
    if (!id)
        return NULL;
    const json_t *policy = json_object_get(json_object_get(tree->root, "firewall policy"), id);
    const char *now = json_string_value(json_object_get(policy, "name"));
    return now && strcmp(now, name) == 0 ? id : NULL;
}

struct config_tree *tree_bare(void)
{
    return tree_around(json_object());
}

struct config_tree *tree_copy(const struct config_tree *tree)
{
    return tree_around(json_incref(tree->root));
}

void tree_free(struct config_tree *tree)
{
    if (!tree)
        return;
    json_decref(tree->root);
    json_decref(tree->policy_names);
    ranges_forget(tree);
    free(tree);
}

void tree_assign(struct config_tree *tree, const struct config_tree *from)
{
    json_incref(from->root);
    json_decref(tree->root);
    tree->root = from->root;
    forget_names(tree);
    ranges_forget(tree);
}

/* Same keys in the same order. */
static bool same_order(const json_t *a, const json_t *b)
{
    void *i = json_object_iter((json_t *)a), *j = json_object_iter((json_t *)b);
    for (; i && j;
         i = json_object_iter_next((json_t *)a, i), j = json_object_iter_next((json_t *)b, j))
        if (strcmp(json_object_iter_key(i), json_object_iter_key(j)) != 0)
            return false;
    return !i && !j;
}

bool tree_eq(const struct config_tree *a, const struct config_tree *b)
{
    if (!json_equal(a->root, b->root))
        return false;
    unsigned n;
    const struct schema_node *const *roots = schema_roots(&n);
    for (unsigned i = 0; i < n; i++) {
        const char *path = roots[i]->path;
        if (roots[i]->ordered &&
            !same_order(json_object_get(a->root, path), json_object_get(b->root, path)))
            return false;
    }
    return true;
}

/* ---- paths ---- */

bool store_key(struct slice key, char out[TREE_KEY_MAX])
{
    if (key.n >= TREE_KEY_MAX || (key.n && memchr(key.p, '\0', key.n)))
        return false;
    if (key.n)
        memcpy(out, key.p, key.n);
    out[key.n] = '\0';
    return true;
}

int tree_path_push(struct tree_path *path, const struct schema_node *node)
{
    if (path->n == TREE_DEPTH)
        return -ENAMETOOLONG;
    path->step[path->n] = (struct tree_step){.node = node};
    path->n++;
    return 0;
}

int tree_path_key(struct tree_path *path, struct slice key)
{
    struct tree_step *step = &path->step[path->n - 1];
    if (!store_key(key, step->key))
        return -ENAMETOOLONG;
    step->entry = true;
    return 0;
}

struct tree_path tree_path_root(const char *root, const char *key)
{
    struct tree_path path = {0};
    const struct schema_node *node = schema_root(root);
    assert(node);
    tree_path_push(&path, node);
    if (key) {
        int rc = tree_path_key(&path, slice_str(key));
        assert(rc == 0);
        (void)rc;
    }
    return path;
}

/* ---- walking ---- */

const json_t *tree_at(const struct config_tree *tree, const struct tree_path *path)
{
    const json_t *at = tree->root;
    for (unsigned i = 0; i < path->n && at; i++) {
        at = json_object_get(at, path->step[i].node->path);
        if (at && path->step[i].entry)
            at = json_object_get(at, path->step[i].key);
    }
    return at;
}

bool tree_exists(const struct config_tree *tree, const struct tree_path *path)
{
    struct tree_path up = *path;
    while (up.n && !up.step[up.n - 1].entry)
        up.n--;
    return up.n == 0 || tree_at(tree, &up) != NULL;
}

bool tree_has_entry(const struct config_tree *tree, const char *root, struct slice key)
{
    char k[TREE_KEY_MAX];
    return store_key(key, k) && json_object_get(json_object_get(tree->root, root), k) != NULL;
}

static int compare_numbers(const void *a, const void *b)
{
    unsigned long long x = strtoull(*(const char *const *)a, NULL, 10);
    unsigned long long y = strtoull(*(const char *const *)b, NULL, 10);
    return (x > y) - (x < y);
}

const char **tree_keys(const struct config_tree *tree, const struct tree_path *path, unsigned *n)
{
    json_t *table = (json_t *)tree_at(tree, path);
    const struct schema_node *node = tree_path_last(path)->node;
    const char **keys = malloc((json_object_size(table) + 1) * sizeof(*keys));
    if (!keys)
        abort();
    *n = 0;
    for (void *i = json_object_iter(table); i; i = json_object_iter_next(table, i))
        keys[(*n)++] = json_object_iter_key(i);
    if (node->kind == SCHEMA_TABLE_INTEGER && !node->ordered)
        qsort(keys, *n, sizeof(*keys), compare_numbers);
    return keys;
}

/* ---- reading ---- */

json_t *tree_value(const json_t *object, const struct schema_attr *attr)
{
    json_t *value = json_object_get(object, attr->name);
    return value ? json_incref(value) : value_default(attr);
}

uint32_t tree_u32(const json_t *object, const struct schema_node *node, const char *name,
                  uint32_t fallback)
{
    json_t *value = tree_value(object, schema_attr(node, name));
    uint32_t number = fallback;
    if (json_is_integer(value))
        number = (uint32_t)json_integer_value(value);
    else if (value)
        number = UINT32_MAX;
    json_decref(value);
    return number;
}

const char *tree_str(const json_t *object, const struct schema_node *node, const char *name)
{
    const struct schema_attr *attr = schema_attr(node, name);
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : attr->initial ? attr->initial : "";
}

bool tree_is(const json_t *object, const struct schema_node *node, const char *name,
             const char *word)
{
    return strcmp(tree_str(object, node, name), word) == 0;
}

bool tree_attr_visible(const json_t *object, const struct schema_node *node,
                       const struct schema_attr *attr)
{
    if (!attr->when)
        return true;
    if (!tree_attr_visible(object, node, schema_attr(node, attr->when)))
        return false;
    struct text holds = {0};
    json_t *value = tree_value(object, schema_attr(node, attr->when));
    value_print_plain(value, &holds);
    json_decref(value);
    bool visible = false;
    for (struct slice rest = slice_str(attr->when_is); rest.n && !visible;) {
        size_t blank = slice_find(rest, ' ');
        visible = slice_eq(slice_head(rest, blank), text_slice(&holds));
        rest = slice_skip(rest, blank + 1);
    }
    text_free(&holds);
    return visible;
}

/* ---- writing ---- */

/* Member `key` of `parent`, which is ours alone, made ours alone too. */
static json_t *own_member(json_t *parent, const char *key, bool make)
{
    json_t *child = json_object_get(parent, key);
    if (child && child->refcount == 1)
        return child;
    if (!child && !make)
        return NULL;
    json_t *own = child ? json_copy(child) : json_object();
    if (!own || json_object_set_new(parent, key, own) != 0)
        abort();
    return own;
}

json_t *store_own(struct config_tree *tree, const struct tree_path *path, bool make)
{
    if (tree->root->refcount > 1) {
        json_t *own = json_copy(tree->root);
        if (!own)
            abort();
        json_decref(tree->root);
        tree->root = own;
    }
    json_t *at = tree->root;
    for (unsigned i = 0; i < path->n && at; i++) {
        at = own_member(at, path->step[i].node->path, make);
        if (at && path->step[i].entry)
            at = own_member(at, path->step[i].key, make);
    }
    return at;
}

/* `path` without its last name: the object that has it as a member; *name is that member. */
static struct tree_path parent_of(const struct tree_path *path, const char **name)
{
    struct tree_path up = *path;
    struct tree_step *last = &up.step[up.n - 1];
    if (last->entry) {
        *name = path->step[path->n - 1].key;
        last->entry = false;
    } else {
        *name = last->node->path;
        up.n--;
    }
    return up;
}

/* Remove what is empty from `path` upwards; entries may be empty. */
static void prune(struct config_tree *tree, struct tree_path path)
{
    while (path.n && !path.step[path.n - 1].entry) {
        const json_t *at = tree_at(tree, &path);
        const char *name;
        if (at && json_object_size(at) > 0)
            return;
        path = parent_of(&path, &name);
        if (at)
            json_object_del(store_own(tree, &path, false), name);
    }
}

void store_put(struct config_tree *tree, const struct tree_path *path, json_t *json)
{
    const char *name;
    struct tree_path up = parent_of(path, &name);
    json_t *parent = store_own(tree, &up, json != NULL);
    if (is_policy(path) && json_object_size(json) > 0)
        forget_names(tree);
    if (is_claim(path) && json_object_size(json) > 0)
        ranges_forget(tree);
    if (json) {
        if (json_object_set_new(parent, name, json) != 0)
            abort();
    } else if (parent) {
        json_object_del(parent, name);
        prune(tree, up);
    }
}

void store_value(struct config_tree *tree, const struct tree_path *path,
                 const struct schema_attr *attr, json_t *value)
{
    bool keep = value && !value_is_default(attr, value);
    json_t *object = store_own(tree, path, keep);
    if (keep) {
        if (tree->policy_names && is_policy(path) && strcmp(attr->name, "name") == 0)
            json_object_set_new(tree->policy_names, json_string_value(value),
                                json_string(tree_path_last(path)->key));
        if (json_object_set_new(object, attr->name, value) != 0)
            abort();
        return;
    }
    json_decref(value);
    if (object) {
        json_object_del(object, attr->name);
        prune(tree, *path);
    }
}

void tree_adopt(struct config_tree *tree, const struct config_tree *from,
                const struct tree_path *path, const char *key)
{
    struct tree_path first = *path;
    first.n = 1;
    json_t *json = (json_t *)tree_at(from, &first);
    json_incref(json);
    if (key)
        tree_path_key(&first, slice_str(key));
    store_put(tree, &first, json);
}
