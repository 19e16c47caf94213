/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writing into a tree, below the checks: what tree_*.c and edit.c share. Inside config/ only.
 */
#pragma once

#include "config/tree.h"

/* Tables whose entries claim addresses (ranges.h). */
enum ranges_table {
    RANGES_VIP,
    RANGES_POOL,
    RANGES_TABLES
};

struct ranges;

struct config_tree {
    json_t *root;
    /* Policy id by policy name, NULL: not made yet. Holds every name in the tree, and may hold
     * names that are gone: whoever asks looks the policy up. Never shared. */
    json_t *policy_names;
    struct ranges *ranges[RANGES_TABLES]; /* in the same way */
};

/* Id of a policy that has this name, NULL when none has. */
const char *store_policy_named(const struct config_tree *tree, const char *name);

/* What is kept beside the tree may no longer be all there is: make it anew when it is asked for. */
void ranges_forget(struct config_tree *tree);

/* A tree without anything. */
struct config_tree *tree_bare(void);

/* Whether a new machine holds this value there (factory.c). */
bool factory_holds(const struct tree_path *path, const struct schema_attr *attr,
                   const json_t *value);

/* The object at `path` for writing, shared parts copied on the way; NULL when absent (or made). */
json_t *store_own(struct config_tree *tree, const struct tree_path *path, bool make);

/* Put `json` (taken over) at `path`, or remove what is there when it is NULL. */
void store_put(struct config_tree *tree, const struct tree_path *path, json_t *json);

/* Put a value (taken over) of the entry or object at `path`; NULL or a default removes it. */
void store_value(struct config_tree *tree, const struct tree_path *path,
                 const struct schema_attr *attr, json_t *value);

/* Zero-terminated copy of a key; false when it does not fit or holds a zero byte. */
bool store_key(struct slice key, char out[TREE_KEY_MAX]);

/* ---- references.c ---- */

/* Whether `value` (a name or list of names) of `attr` names only what exists; else its FortiOS
 * error. */
int references_check(const struct config_tree *tree, const struct schema_attr *attr,
                     const json_t *value, struct text *error);
/* The same for every reference in `object`, an entry or object of `node`. */
int references_check_object(const struct config_tree *tree, const struct schema_node *node,
                            const json_t *object, struct text *error);
/* Names in root table `root` that something outside that table refers to: members of an object. */
json_t *references_used(const struct config_tree *tree, const char *root);
/* Every reference to `from` in root table `root` names `to` afterwards. */
void references_rename(struct config_tree *tree, const char *root, const char *from,
                       const char *to);

/* Sort the keys of a root table whose entries name one another (groups): members come first. */
void references_order(const struct config_tree *tree, const struct schema_node *node,
                      const char **keys, unsigned n);

/* ---- load.c ---- */

/* Run the lines of `text` on `tree` itself. 0, or -EINVAL with `error` filled. */
int load_into(struct config_tree *tree, const char *name, struct slice text, struct text *error,
              struct text *warnings);

/* ---- check.c ---- */

/* What a value says of the rest of the tree, at `set`. 0 or a FortiOS code. */
int check_value(const struct config_tree *tree, const struct tree_path *path,
                const struct schema_attr *attr, const json_t *value, struct text *error);
/* The same for every value of `object`, which is to be put at `path` but is not there yet. */
int check_values(const struct config_tree *tree, const struct tree_path *path, const json_t *object,
                 struct text *error);
/* What an entry must hold, at next/end. */
int check_entry(const struct config_tree *tree, const struct tree_path *path, struct text *error);
/* What an entry of a root table says of the others in `tree`, where it may stand in another
 * version. Part of check_entry. */
int check_others(const struct config_tree *tree, const struct tree_path *path, const json_t *object,
                 struct text *error);
/* Whether `key` may be a new name in the root table `node` (clashes with sister tables). */
int check_new_key(const struct config_tree *tree, const struct schema_node *node, struct slice key,
                  struct text *error);
