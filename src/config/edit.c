/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stack of places in a working tree. Each level remembers the JSON it found when it was entered;
 * by the sharing rules of tree.c that is one reference, not a copy, and `abort` or a refused entry
 * puts it back. So a level costs nothing however large its table is.
 *
 * A login works on a copy of the running tree, taken anew at each root `config` and each root
 * `edit`. Saving never commits that copy: it puts the one entry or object into a fresh copy of what
 * is running by then, so that two logins do not undo each other's work. What the entry refers to
 * may have gone meanwhile, its name or address may be taken: both are checked once more.
 *
 * A file works directly on the tree under construction, where nobody else edits.
 */
#include "config/edit.h"

#include "config/errors.h"
#include "config/store.h"

#include <stdio.h>
#include <stdlib.h>

struct level {
    json_t *node;  /* object or table as it was at `config`; NULL: absent */
    json_t *entry; /* entry as it was at `edit`; NULL: new */
    bool numbered; /* `edit 0` */
};

struct edit {
    struct config_tree *running, *work;
    edit_commit *commit;
    void *ctx;
    bool direct; /* work is running */
    struct tree_path path;
    struct level levels[TREE_DEPTH];
    struct schema_option verbs[24];
};

/* ---- life ---- */

static struct edit *open_on(struct config_tree *running, struct config_tree *work)
{
    struct edit *edit = calloc(1, sizeof(*edit));
    if (!edit)
        abort();
    edit->running = running;
    edit->work = work;
    return edit;
}

struct edit *edit_open(struct config_tree *running, edit_commit *commit, void *ctx)
{
    struct edit *edit = open_on(running, tree_copy(running));
    edit->commit = commit;
    edit->ctx = ctx;
    return edit;
}

struct edit *edit_open_direct(struct config_tree *tree)
{
    struct edit *edit = open_on(tree, tree);
    edit->direct = true;
    return edit;
}

static void refresh(struct edit *edit)
{
    if (!edit->direct)
        tree_assign(edit->work, edit->running);
}

static void forget_entry(struct edit *edit)
{
    struct level *level = &edit->levels[edit->path.n - 1];
    json_decref(level->entry);
    level->entry = NULL;
    level->numbered = false;
    edit->path.step[edit->path.n - 1].entry = false;
}

static void pop(struct edit *edit)
{
    struct level *level = &edit->levels[edit->path.n - 1];
    forget_entry(edit);
    json_decref(level->node);
    level->node = NULL;
    edit->path.n--;
    if (edit->path.n == 0)
        refresh(edit);
}

static void restore(struct edit *edit)
{
    struct tree_path *path = &edit->path;
    const struct tree_step *last = tree_path_last(path);
    struct level *level = &edit->levels[path->n - 1];
    if (last->entry)
        store_put(edit->work, path, json_incref(level->entry));
    else if (path->n > 1 || !schema_is_table(last->node))
        store_put(edit->work, path, json_incref(level->node));
}

void edit_reset(struct edit *edit)
{
    while (edit->path.n) {
        restore(edit);
        pop(edit);
    }
}

void edit_close(struct edit *edit)
{
    if (!edit)
        return;
    edit_reset(edit);
    if (!edit->direct)
        tree_free(edit->work);
    free(edit);
}

/* ---- saving ---- */

/* Make `next` (taken over) the running tree. */
static int commit_tree(struct edit *edit, struct config_tree *next, struct text *out)
{
    struct text error = {0};
    int code = 0;
    if (edit->commit && edit->commit(edit->ctx, next, &error) != 0) {
        text_put(out, text_slice(&error));
        if (error.n && error.p[error.n - 1] != '\n')
            text_puts(out, "\n");
        code = ERROR_REFUSED;
    } else {
        tree_assign(edit->running, next);
    }
    text_free(&error);
    tree_free(next);
    return code;
}

/* A number given by `edit 0` that somebody else took meanwhile is exchanged. */
static void renumber(const struct edit *edit, const struct config_tree *next,
                     struct tree_path *saved)
{
    char key[16];
    struct tree_path table = *saved;
    if (!edit->levels[0].numbered || !tree_exists(next, saved))
        return;
    table.step[0].entry = false;
    snprintf(key, sizeof(key), "%u", tree_next_number(next, &table));
    tree_path_key(saved, slice_str(key));
}

/* What was right when it was typed must still be: another login may have saved since. */
static int check_against(const struct config_tree *next, const struct tree_path *saved,
                         const json_t *object, struct text *out)
{
    const struct tree_step *step = tree_path_last(saved);
    int code = 0;
    if (step->entry && !tree_exists(next, saved))
        code = check_new_key(next, step->node, slice_str(step->key), out);
    if (code == 0)
        code = references_check_object(next, step->node, object, out);
    if (code == 0)
        code = check_values(next, saved, object, out);
    return code || !step->entry ? code : check_others(next, saved, object, out);
}

/* Save the root entry or object we are about to leave. */
static int save(struct edit *edit, struct text *out)
{
    if (edit->direct || edit->path.n > 1)
        return 0;
    struct config_tree *next = tree_copy(edit->running);
    struct tree_path saved = edit->path;
    renumber(edit, next, &saved);
    int code = check_against(next, &saved, tree_at(edit->work, &edit->path), out);
    if (code) {
        tree_free(next);
        return code;
    }
    tree_adopt(next, edit->work, &edit->path, saved.step[0].entry ? saved.step[0].key : NULL);
    return commit_tree(edit, next, out);
}

/* Check and save what the path ends in, an entry or an object; refused, it is as before. */
static int close_place(struct edit *edit, struct text *out)
{
    int code = tree_check(edit->work, &edit->path, out);
    if (code == 0)
        code = save(edit, out);
    if (code)
        restore(edit);
    return code;
}

/* ---- verbs ---- */

enum place {
    AT_TOP = 1,
    AT_TABLE = 2,
    AT_ENTRY = 4,
    AT_OBJECT = 8
};

static enum place place_of(const struct edit *edit)
{
    if (edit->path.n == 0)
        return AT_TOP;
    const struct tree_step *last = tree_path_last(&edit->path);
    return !schema_is_table(last->node) ? AT_OBJECT : last->entry ? AT_ENTRY : AT_TABLE;
}

static const struct schema_node *parent_node(const struct edit *edit)
{
    return edit->path.n ? tree_path_last(&edit->path)->node : NULL;
}

static int verb_config(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    const struct schema_node *node;
    unsigned used;
    switch (schema_path_find(parent_node(edit), n, args, &used, &node)) {
    case SCHEMA_FOUND:
        break;
    case SCHEMA_AMBIGUOUS:
        return error_ambiguous(out, args[used]);
    case SCHEMA_UNKNOWN:
        return error_word(out, args[used]);
    case SCHEMA_SHORT:
        return error_incomplete(out);
    }
    if (used < n)
        return error_word(out, args[used]);
    if (edit->path.n == 0)
        refresh(edit);
    if (tree_path_push(&edit->path, node) != 0)
        return error_word(out, args[0]);
    edit->levels[edit->path.n - 1] =
        (struct level){.node = json_incref((json_t *)tree_at(edit->work, &edit->path))};
    /* A table held by two is copied at its first write: root tables are never put back whole. */
    if (edit->path.n == 1 && schema_is_table(node)) {
        json_decref(edit->levels[0].node);
        edit->levels[0].node = NULL;
    }
    return 0;
}

static bool is_zero(struct slice key)
{
    for (size_t i = 0; i < key.n; i++)
        if (key.p[i] != '0')
            return false;
    return key.n > 0;
}

static int verb_edit(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    (void)n;
    char key[TREE_KEY_MAX];
    struct level *level = &edit->levels[edit->path.n - 1];
    if (edit->path.n == 1)
        refresh(edit);
    size_t before = json_object_size(tree_at(edit->work, &edit->path));
    int code = tree_edit(edit->work, &edit->path, args[0], key, out);
    if (code)
        return code;
    bool made = json_object_size(tree_at(edit->work, &edit->path)) > before;
    level->numbered =
        made && is_zero(args[0]) && tree_path_last(&edit->path)->node->kind == SCHEMA_TABLE_INTEGER;
    tree_path_key(&edit->path, slice_str(key));
    if (!made)
        level->entry = json_incref((json_t *)tree_at(edit->work, &edit->path));
    return 0;
}

static int change(struct edit *edit, enum tree_verb verb, unsigned n, const struct slice *args,
                  struct text *out)
{
    struct tree_command command = {.verb = verb, .attr = args[0], .n = n - 1, .values = args + 1};
    return tree_change(edit->work, &edit->path, &command, out);
}

static int verb_set(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    return change(edit, TREE_SET, n, args, out);
}

static int verb_unset(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    return change(edit, TREE_UNSET, n, args, out);
}

static int verb_append(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    return change(edit, TREE_APPEND, n, args, out);
}

static int verb_select(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    return change(edit, TREE_SELECT, n, args, out);
}

static int verb_unselect(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    return change(edit, TREE_UNSELECT, n, args, out);
}

static int verb_next(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    (void)n;
    (void)args;
    int code = close_place(edit, out);
    forget_entry(edit);
    return code;
}

static int verb_end(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    (void)n;
    (void)args;
    int code = place_of(edit) == AT_TABLE ? 0 : close_place(edit, out);
    pop(edit);
    return code;
}

static int verb_abort(struct edit *edit, unsigned n, const struct slice *args, struct text *out)
{
    (void)n;
    (void)args;
    (void)out;
    restore(edit);
    pop(edit);
    return 0;
}

/* Verbs of tables that take effect at once: on root tables they are committed, too. */
typedef int table_verb(struct config_tree *tree, const struct tree_path *table,
                       const struct slice *args, struct text *out);

static int on_table(struct edit *edit, table_verb *verb, const struct slice *args, struct text *out)
{
    if (edit->direct || edit->path.n > 1)
        return verb(edit->work, &edit->path, args, out);
    struct config_tree *next = tree_copy(edit->running);
    int code = verb(next, &edit->path, args, out);
    if (code) {
        tree_free(next);
        return code;
    }
    code = commit_tree(edit, next, out);
    refresh(edit);
    return code;
}

static int table_delete(struct config_tree *tree, const struct tree_path *table,
                        const struct slice *args, struct text *out)
{
    return tree_delete(tree, table, args[0], out);
}

static int table_purge(struct config_tree *tree, const struct tree_path *table,
                       const struct slice *args, struct text *out)
{
    (void)args;
    return tree_purge(tree, table, out);
}

static int table_rename(struct config_tree *tree, const struct tree_path *table,
                        const struct slice *args, struct text *out)
{
    if (!slice_eq(args[1], SLICE_LIT("to")))
        return error_word(out, args[1]);
    return tree_rename(tree, table, args[0], args[2], out);
}

static int table_clone(struct config_tree *tree, const struct tree_path *table,
                       const struct slice *args, struct text *out)
{
    if (!slice_eq(args[1], SLICE_LIT("to")))
        return error_word(out, args[1]);
    return tree_clone(tree, table, args[0], args[2], out);
}

static int table_move(struct config_tree *tree, const struct tree_path *table,
                      const struct slice *args, struct text *out)
{
    bool before = slice_eq(args[1], SLICE_LIT("before"));
    if (!before && !slice_eq(args[1], SLICE_LIT("after")))
        return error_word(out, args[1]);
    return tree_move(tree, table, args[0], before, args[2], out);
}

typedef int edit_verb(struct edit *edit, unsigned n, const struct slice *args, struct text *out);

enum takes {
    TAKES_COUNT, /* `args` words */
    TAKES_PATH,  /* a path of the schema */
    TAKES_VALUES /* an attribute and what its type takes */
};

static const struct verb {
    const char *word, *help;
    unsigned where; /* enum place */
    enum takes takes;
    unsigned args; /* fewest words; with TAKES_COUNT also most */
    edit_verb *run;
    table_verb *table;
} verbs[] = {
    {"config", "Configure object.", AT_TOP | AT_ENTRY | AT_OBJECT, TAKES_PATH, 1, verb_config,
     NULL},
    {"edit", "Add or edit a table value.", AT_TABLE, TAKES_COUNT, 1, verb_edit, NULL},
    {"delete", "Delete a table value.", AT_TABLE, TAKES_COUNT, 1, NULL, table_delete},
    {"purge", "Clear all table values.", AT_TABLE, TAKES_COUNT, 0, NULL, table_purge},
    {"rename", "Rename a table entry.", AT_TABLE, TAKES_COUNT, 3, NULL, table_rename},
    {"clone", "Clone a table entry.", AT_TABLE, TAKES_COUNT, 3, NULL, table_clone},
    {"move", "Move an ordered table value.", AT_TABLE, TAKES_COUNT, 3, NULL, table_move},
    {"set", "Modify value.", AT_ENTRY | AT_OBJECT, TAKES_VALUES, 1, verb_set, NULL},
    {"unset", "Set to default value.", AT_ENTRY | AT_OBJECT, TAKES_COUNT, 1, verb_unset, NULL},
    {"select", "Select multi-option values.", AT_ENTRY | AT_OBJECT, TAKES_VALUES, 1, verb_select,
     NULL},
    {"unselect", "Unselect multi-option values.", AT_ENTRY | AT_OBJECT, TAKES_VALUES, 1,
     verb_unselect, NULL},
    {"append", "Append values to multi-option.", AT_ENTRY | AT_OBJECT, TAKES_VALUES, 1, verb_append,
     NULL},
    {"next", "Configure next table entry.", AT_ENTRY, TAKES_COUNT, 0, verb_next, NULL},
    {"abort", "End and discard last config.", AT_TABLE | AT_ENTRY | AT_OBJECT, TAKES_COUNT, 0,
     verb_abort, NULL},
    {"end", "End and save last config.", AT_TABLE | AT_ENTRY | AT_OBJECT, TAKES_COUNT, 0, verb_end,
     NULL},
};

enum {
    N_VERBS = sizeof(verbs) / sizeof(verbs[0])
};

/* What stands beside them at the same prompt and makes prefixes ambiguous. */
static const char *const other_verbs[] = {"get",   "show", "diagnose", "execute",
                                          "alias", "exit", "quit"};

static bool usable(const struct edit *edit, const struct verb *verb)
{
    if (!(verb->where & place_of(edit)))
        return false;
    if (verb->run == verb_config && edit->path.n)
        return tree_path_last(&edit->path)->node->n_children > 0;
    return verb->table != table_move || tree_path_last(&edit->path)->node->ordered;
}

static bool starts(const char *word, struct slice prefix)
{
    return strlen(word) >= prefix.n && memcmp(word, prefix.p, prefix.n) == 0;
}

static const struct verb *find_verb(const struct edit *edit, struct slice word)
{
    const struct verb *found = NULL;
    unsigned hits = 0;
    if (word.n == 0)
        return NULL;
    for (size_t i = 0; i < sizeof(other_verbs) / sizeof(other_verbs[0]); i++)
        hits += starts(other_verbs[i], word);
    for (size_t i = 0; i < N_VERBS; i++) {
        if (!usable(edit, &verbs[i]) || !starts(verbs[i].word, word))
            continue;
        if (strlen(verbs[i].word) == word.n)
            return &verbs[i];
        found = &verbs[i];
        hits++;
    }
    return hits == 1 ? found : NULL;
}

bool edit_is_verb(const struct edit *edit, struct slice word)
{
    return find_verb(edit, word) != NULL;
}

const struct schema_option *edit_verbs(const struct edit *edit)
{
    struct schema_option *list = ((struct edit *)edit)->verbs;
    unsigned n = 0;
    for (size_t i = 0; i < N_VERBS; i++)
        if (usable(edit, &verbs[i]))
            list[n++] = (struct schema_option){.word = verbs[i].word, .help = verbs[i].help};
    list[n] = (struct schema_option){0};
    return list;
}

int edit_run(struct edit *edit, unsigned n, const struct slice *words, struct text *out)
{
    const struct verb *verb = n ? find_verb(edit, words[0]) : NULL;
    if (!verb) {
        text_puts(out, "Unknown action 0\n");
        return EDIT_NO_CODE;
    }
    if (n - 1 < verb->args)
        return error_incomplete(out);
    if (verb->takes == TAKES_COUNT && n - 1 > verb->args)
        return error_word(out, words[1 + verb->args]);
    if (verb->table)
        return on_table(edit, verb->table, words + 1, out);
    return verb->run(edit, n - 1, words + 1, out);
}

/* ---- where a command ends ---- */

/* A word that begins a command wherever it stands behind a complete one: verbs in full. */
static bool begins_command(struct slice word)
{
    for (size_t i = 0; i < N_VERBS; i++)
        if (slice_eq(slice_str(verbs[i].word), word))
            return true;
    return slice_eq(word, SLICE_LIT("show")) || slice_eq(word, SLICE_LIT("get"));
}

/* Words that `set <attr>` takes at least, the two included; 0: the attribute is unknown. */
static unsigned values_end(const struct edit *edit, unsigned n, const struct slice *words,
                           bool *list)
{
    const struct schema_attr *attr;
    if (n < 3 || schema_attr_find(parent_node(edit), words[1], &attr) != SCHEMA_FOUND)
        return 0;
    *list = schema_is_list(attr->type);
    bool two = attr->type == SCHEMA_IPV4_NET && slice_find(words[2], '/') == words[2].n;
    return two ? 4 : 3;
}

unsigned edit_statement(const struct edit *edit, unsigned n, const struct slice *words,
                        const bool *quoted)
{
    const struct verb *verb = find_verb(edit, words[0]);
    const struct schema_node *node;
    unsigned end = 0, used = 0;
    bool list = false;
    if (!verb)
        return n;
    if (verb->takes == TAKES_COUNT)
        end = 1 + verb->args;
    else if (verb->takes == TAKES_VALUES)
        end = values_end(edit, n, words, &list);
    else if (schema_path_find(parent_node(edit), n - 1, words + 1, &used, &node) == SCHEMA_FOUND)
        end = 1 + used;
    for (unsigned i = end; end && i < n; i++) {
        if (!(quoted && quoted[i]) && begins_command(words[i]))
            return i;
        if (!list)
            break;
    }
    return n;
}

/* ---- where we are ---- */

const struct tree_path *edit_path(const struct edit *edit)
{
    return &edit->path;
}

const struct config_tree *edit_tree(const struct edit *edit)
{
    return edit->path.n ? edit->work : edit->running;
}

const char *edit_context_name(const struct edit *edit)
{
    if (edit->path.n == 0)
        return "";
    const struct tree_step *last = tree_path_last(&edit->path);
    if (!last->entry)
        return schema_node_name(last->node);
    return edit->levels[edit->path.n - 1].numbered ? "0" : last->key;
}
