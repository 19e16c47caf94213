/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the operator typed: jansson objects shaped by the schema, without values equal to a default.
 * The root object has a member per root path; a table is an object of entries by key; an entry or
 * object holds attributes and nested nodes by name. Integers are JSON integers, lists are arrays,
 * all else is a string in printed form.
 *
 * A tree belongs to one thread. tree_copy is cheap whatever its size: copies share their parts, and
 * writing to one first takes apart what it shares. A copy may go to another thread: what is shared
 * is never written, and jansson counts its references atomically.
 *
 * Editing functions return 0 or a FortiOS return code (negative, or 1), and append to `out` the
 * lines FortiOS would print, without the line `Command fail. Return code N`. Text with return 0 is
 * a notice or a warning. On failure the tree is unchanged.
 */
#pragma once

#include "base/text.h"
#include "config/schema.h"

#include <jansson.h>

#define TREE_DEPTH   4   /* levels of `config` */
#define TREE_KEY_MAX 128 /* bytes of a key with its zero byte */

struct config_tree;

struct tree_step {
    const struct schema_node *node;
    bool entry;             /* `key` names an entry of the table `node` */
    char key[TREE_KEY_MAX]; /* zero-terminated */
};

/* A place: a table, an entry or an object. n == 0 is the whole tree. */
struct tree_path {
    unsigned n;
    struct tree_step step[TREE_DEPTH];
};

struct config_tree *tree_empty(void);   /* only entries that can never be deleted */
struct config_tree *tree_factory(void); /* a new machine: factory addresses, services ... */
struct config_tree *tree_copy(const struct config_tree *tree);
void tree_free(struct config_tree *tree);                                   /* NULL is fine */
void tree_assign(struct config_tree *tree, const struct config_tree *from); /* become a copy */
bool tree_eq(const struct config_tree *a, const struct config_tree *b);

/* ---- paths ---- */

/* Path of a root node, by full path; `key` NULL for the node itself. Asserts that it exists. */
struct tree_path tree_path_root(const char *root, const char *key);
/* Step down into a nested or root node; 0, or -ENAMETOOLONG below TREE_DEPTH. */
int tree_path_push(struct tree_path *path, const struct schema_node *node);
/* Name an entry of the table the path ends in. 0, or -ENAMETOOLONG. */
int tree_path_key(struct tree_path *path, struct slice key);
/* The last step; path->n > 0. */
static inline const struct tree_step *tree_path_last(const struct tree_path *path)
{
    return &path->step[path->n - 1];
}

/* ---- reading ---- */

/* The JSON object at `path`, NULL when nothing is stored there. Borrowed. */
const json_t *tree_at(const struct config_tree *tree, const struct tree_path *path);
/* True for whatever exists: objects always, entries when they were made. */
bool tree_exists(const struct config_tree *tree, const struct tree_path *path);
bool tree_has_entry(const struct config_tree *tree, const char *root, struct slice key);

/*
 * Keys of the table at `path` in printing order, as a new array of pointers that live as long as
 * the tree is not written; free() it. *n is their number.
 */
const char **tree_keys(const struct config_tree *tree, const struct tree_path *path, unsigned *n);

/*
 * Value of an attribute, the default where nothing was set, NULL where there is neither. `object`
 * may be NULL. A new reference: json_decref it.
 */
json_t *tree_value(const json_t *object, const struct schema_attr *attr);
/* The same for code that knows the type; `fallback` where there is no value. TTL never: UINT32_MAX.
 */
uint32_t tree_u32(const json_t *object, const struct schema_node *node, const char *name,
                  uint32_t fallback);
/* Text of a string-like value, "" where there is none; lives as long as tree and schema. */
const char *tree_str(const json_t *object, const struct schema_node *node, const char *name);
/* Whether a string-like value is `word`. */
bool tree_is(const json_t *object, const struct schema_node *node, const char *name,
             const char *word);

/* Whether `attr` exists for this entry (its `when` condition holds). */
bool tree_attr_visible(const json_t *object, const struct schema_node *node,
                       const struct schema_attr *attr);

/* Calls `each` with every name the reference attribute accepts now (the literal first). */
void tree_reference_names(const struct config_tree *tree, const struct schema_attr *attr,
                          void (*each)(void *ctx, const char *name), void *ctx);

/* How many entries refer to entry `key` of root table `root`. */
unsigned tree_uses(const struct config_tree *tree, const char *root, struct slice key);

/* ---- attributes: `path` names an entry or object ---- */

enum tree_verb {
    TREE_SET,
    TREE_UNSET, /* no values */
    TREE_APPEND,
    TREE_SELECT,
    TREE_UNSELECT
};

struct tree_command {
    enum tree_verb verb;
    struct slice attr; /* may be a prefix */
    unsigned n;
    const struct slice *values;
};

/* `<verb> <attr> <values>` on the entry or object. Warns when the attribute is inert. */
int tree_change(struct config_tree *tree, const struct tree_path *path,
                const struct tree_command *command, struct text *out);

/* ---- entries: `table` names a table ---- */

/*
 * `edit <key>`: the entry's key, checked and canonical, goes to `key` (TREE_KEY_MAX bytes). Makes
 * the entry when it is absent, with the notice `new entry '<key>' added`. Integer key 0 where 0
 * means "next": the next free number.
 */
int tree_edit(struct config_tree *tree, const struct tree_path *table, struct slice key,
              char *key_out, struct text *out);
int tree_delete(struct config_tree *tree, const struct tree_path *table, struct slice key,
                struct text *out);
/* Every entry but the fixed ones; refused as a whole when one is in use outside the table. */
int tree_purge(struct config_tree *tree, const struct tree_path *table, struct text *out);
int tree_rename(struct config_tree *tree, const struct tree_path *table, struct slice from,
                struct slice to, struct text *out);
int tree_clone(struct config_tree *tree, const struct tree_path *table, struct slice from,
               struct slice to, struct text *out);
int tree_move(struct config_tree *tree, const struct tree_path *table, struct slice key,
              bool before, struct slice ref, struct text *out);

/*
 * The second check of an entry or object, at next/end: mandatory attributes, and what one value
 * says of another. Attributes whose `when` no longer holds are dropped. The caller discards the
 * entry on failure.
 */
int tree_check(struct config_tree *tree, const struct tree_path *path, struct text *out);

/*
 * Take what `from` has at the first step of `path` (the object, or only its entry) into `tree`:
 * how an edited entry gets into a tree that others changed meanwhile. The entry is filed under
 * `key` (NULL: its own).
 */
void tree_adopt(struct config_tree *tree, const struct config_tree *from,
                const struct tree_path *path, const char *key);

/* The number `edit 0` would give in the table at `path`; 0 when none is left. */
uint32_t tree_next_number(const struct config_tree *tree, const struct tree_path *table);
