/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * set, unset, append, select and unselect of one attribute. All of them first compute the value the
 * attribute would have, then ask everything that could refuse it (type, references, the rest of
 * the tree), and write last: a refusal leaves no trace.
 */
#include "config/store.h"
#include "config/value.h"

/* `list` with the items of `more` that it lacks. */
static json_t *list_union(const json_t *list, const json_t *more)
{
    json_t *all = json_array();
    for (size_t i = 0; i < json_array_size(list) + json_array_size(more); i++) {
        size_t n = json_array_size(list);
        json_t *item = i < n ? json_array_get(list, i) : json_array_get(more, i - n);
        bool known = false;
        for (size_t k = 0; k < json_array_size(all) && !known; k++)
            known = json_equal(json_array_get(all, k), item);
        if (!known)
            json_array_append(all, item);
    }
    return all;
}

/* `list` without the items of `less`; NULL when `less` has one that is not there: *missing. */
static json_t *list_minus(const json_t *list, const json_t *less, const json_t **missing)
{
    json_t *rest = json_copy((json_t *)list);
    if (!rest)
        rest = json_array();
    for (size_t i = 0; i < json_array_size(less); i++) {
        size_t at = 0;
        while (at < json_array_size(rest) &&
               !json_equal(json_array_get(rest, at), json_array_get(less, i)))
            at++;
        if (at == json_array_size(rest)) {
            *missing = json_array_get(less, i);
            json_decref(rest);
            return NULL;
        }
        json_array_remove(rest, at);
    }
    return rest;
}

static int unselect(const json_t *current, const json_t *typed, json_t **out, struct text *error)
{
    const json_t *missing = NULL;
    *out = list_minus(current, typed, &missing);
    if (*out)
        return 0;
    struct text name = {0};
    value_print_plain(missing, &name);
    int code =
        error_value(error, "entry not found in datasource", text_slice(&name), ERROR_NOT_FOUND);
    text_free(&name);
    return code;
}

/* An options list after `append`, back in table order and within its limit. */
static int normalise(const struct schema_attr *attr, json_t **list, struct text *error)
{
    size_t n = json_array_size(*list);
    if (attr->max_items && n > attr->max_items) {
        struct text last = {0};
        value_print_plain(json_array_get(*list, n - 1), &last);
        int code = error_value(error, "maximum number of entries has been reached",
                               text_slice(&last), ERROR_TOO_MANY);
        text_free(&last);
        return code;
    }
    if (attr->type == SCHEMA_OPTIONS)
        *list = value_in_table_order(attr, *list);
    return 0;
}

/* The value of `attr` after the command; *out stays NULL for unset. */
static int next_value(const struct config_tree *tree, const json_t *object,
                      const struct schema_attr *attr, const struct tree_command *command,
                      json_t **out, struct text *error)
{
    enum tree_verb verb = command->verb;
    json_t *typed = NULL, *current = NULL;
    int code = value_parse(attr, command->n, command->values, &typed, error);
    if (code == 0 && verb != TREE_UNSELECT)
        code = references_check(tree, attr, typed, error);
    if (code || verb == TREE_SET || verb == TREE_SELECT) {
        *out = code ? NULL : json_incref(typed);
        json_decref(typed);
        return code;
    }
    json_t *result = NULL;
    current = tree_value(object, attr);
    if (verb == TREE_APPEND) {
        result = list_union(current, typed);
        code = normalise(attr, &result, error);
    } else {
        code = unselect(current, typed, &result, error);
    }
    json_decref(typed);
    json_decref(current);
    if (code) {
        json_decref(result);
        return code;
    }
    *out = result;
    return 0;
}

static void warn(struct text *out, struct slice what, const char *lacks)
{
    text_printf(out,
                "Warning: '%.*s' is kept in the configuration but has no effect in this "
                "version%s%s.\n",
                SLICE_ARG(what), lacks ? ": " : "", lacks ? lacks : "");
}

static void warn_option(const struct schema_attr *attr, const json_t *word, struct text *out)
{
    const char *text = json_string_value(word);
    const struct schema_option *option = text ? schema_option(attr, slice_str(text)) : NULL;
    if (option && option->inert)
        warn(out, slice_str(text), attr->lacks);
}

/* The settings may keep a policy from deciding this. */
static void warn_overruled(const struct config_tree *tree, const struct tree_path *path,
                           const struct schema_attr *attr, const json_t *value, struct text *out)
{
    const struct schema_node *settings = schema_root("system settings");
    if (strcmp(attr->name, "firewall-session-dirty") != 0 || !value ||
        strcmp(path->step[0].node->path, "firewall policy") != 0 || value_is_default(attr, value) ||
        tree_is(json_object_get(tree->root, settings->path), settings, attr->name,
                "check-policy-option"))
        return;
    text_printf(out,
                "Warning: '%s' of a policy has no effect unless that of the system settings is "
                "'check-policy-option'.\n",
                attr->name);
}

/* A service may ask for the session helper where the ALG is the engine. */
static void warn_no_helper(const struct config_tree *tree, const struct tree_path *path,
                           const struct schema_attr *attr, const json_t *value, struct text *out)
{
    const struct schema_node *settings = schema_root("system settings");
    const char *word = json_string_value(value);
    if (strcmp(path->step[0].node->path, "firewall service custom") != 0 ||
        strcmp(attr->name, "helper") != 0 || !word || strcmp(word, "sip") != 0 ||
        tree_is(json_object_get(tree->root, settings->path), settings, "default-voip-alg-mode",
                "kernel-helper-based"))
        return;
    text_puts(out, "Warning: 'helper sip' has no effect unless 'default-voip-alg-mode' of the "
                   "system settings is 'kernel-helper-based'.\n");
}

/* Say so when a new value changes nothing but the text, or less than it says. What a new machine
 * holds needs no word: nobody chose it. */
static void warn_inert(const struct tree_path *path, const struct schema_attr *attr,
                       const json_t *before, const json_t *value, struct text *out)
{
    if (!value || value_is_default(attr, value) || (before && json_equal(before, value)) ||
        factory_holds(path, attr, value))
        return;
    if (attr->partly)
        text_printf(out, "Warning: '%s' does not do all it does in FortiOS: %s.\n", attr->name,
                    attr->partly);
    if (attr->flags & SCHEMA_INERT) {
        warn(out, slice_str(attr->name), attr->lacks);
        return;
    }
    warn_option(attr, value, out);
    for (size_t i = 0; i < json_array_size(value); i++)
        warn_option(attr, json_array_get(value, i), out);
}

static int find_attr(const json_t *object, const struct schema_node *node, struct slice name,
                     const struct schema_attr **attr, struct text *error)
{
    enum schema_miss miss = schema_attr_find(node, name, attr);
    if (miss == SCHEMA_AMBIGUOUS)
        return error_ambiguous(error, name);
    if (miss != SCHEMA_FOUND || !tree_attr_visible(object, node, *attr))
        return error_word(error, name);
    return 0;
}

int tree_change(struct config_tree *tree, const struct tree_path *path,
                const struct tree_command *command, struct text *out)
{
    const json_t *object = tree_at(tree, path);
    const struct schema_attr *attr;
    int code = find_attr(object, tree_path_last(path)->node, command->attr, &attr, out);
    if (code)
        return code;
    if (command->verb == TREE_UNSET) {
        if (command->n)
            return error_word(out, command->values[0]);
        store_value(tree, path, attr, NULL);
        return 0;
    }
    if (command->verb != TREE_SET && !schema_is_list(attr->type))
        return error_word(out, command->attr);
    json_t *value = NULL;
    code = next_value(tree, object, attr, command, &value, out);
    if (code == 0)
        code = check_value(tree, path, attr, value, out);
    if (code) {
        json_decref(value);
        return code;
    }
    warn_inert(path, attr, json_object_get(object, attr->name), value, out);
    warn_overruled(tree, path, attr, value, out);
    warn_no_helper(tree, path, attr, value, out);
    store_value(tree, path, attr, value);
    return 0;
}

/* The SIP helper reads TCP and UDP; FortiOS takes every number here. */
static void warn_helper(const struct schema_node *node, const json_t *entry, struct text *out)
{
    uint32_t protocol = tree_u32(entry, node, "protocol", 0);
    if (!tree_is(entry, node, "name", "sip") || protocol == 6 || protocol == 17)
        return;
    text_printf(out,
                "Warning: 'sip' on protocol %u is kept in the configuration but has no effect in "
                "this version: SIP is read from TCP (6) and UDP (17).\n",
                protocol);
}

int tree_check(struct config_tree *tree, const struct tree_path *path, struct text *out)
{
    const struct schema_node *node = tree_path_last(path)->node;
    for (unsigned i = 0; i < node->n_attrs; i++) {
        const json_t *object = tree_at(tree, path);
        const struct schema_attr *attr = &node->attrs[i];
        if (json_object_get(object, attr->name) && !tree_attr_visible(object, node, attr))
            store_value(tree, path, attr, NULL);
    }
    int code = check_entry(tree, path, out);
    if (code == 0 && strcmp(node->path, "system session-helper") == 0)
        warn_helper(node, tree_at(tree, path), out);
    return code;
}
