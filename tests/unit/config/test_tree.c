/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trees under random hands. Lines of random commands, half of them sensible, run on a login; after
 * each save the `show` text of the running tree must read back into an equal tree, copies taken
 * earlier must not have changed, and rows can be made. Then the real configurations of
 * PINHOLE_CORPUS, where that is set: whatever they hold, an answer and no crash.
 */
#include "config/rows.h"
#include "config/value.h"

#include "base/rng.h"
#include "script.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- random values ---- */

static const char *const shared_names[] = {"a", "b", "c d", "e\\f", "g&h", "all", "SIP", "port1"};

static const char *pick(struct rng *rng, const char *const *words, unsigned n)
{
    return words[rng_below(rng, n)];
}

struct names {
    const char *name[64];
    unsigned n;
};

static void collect(void *ctx, const char *name)
{
    struct names *names = ctx;
    if (names->n < 64)
        names->name[names->n++] = name;
}

static void put_quoted(struct text *out, const char *word)
{
    text_puts(out, " ");
    print_quoted(slice_str(word), out);
}

static void put_reference(struct rng *rng, const struct config_tree *tree,
                          const struct schema_attr *attr, struct text *out)
{
    struct names names = {0};
    tree_reference_names(tree, attr, collect, &names);
    for (unsigned i = attr->type == SCHEMA_REFERENCE ? 2 : rng_below(rng, 3); i < 3; i++)
        put_quoted(out, names.n ? names.name[rng_below(rng, names.n)] : "none");
}

static uint32_t random_number(struct rng *rng, const struct schema_attr *attr)
{
    switch (rng_below(rng, 4)) {
    case 0:
        return attr->min;
    case 1:
        return attr->max;
    case 2:
        return rng_below(rng, 300);
    default:
        return attr->min + rng_below(rng, attr->max - attr->min ? attr->max - attr->min : 1);
    }
}

static void put_option(struct rng *rng, const struct schema_attr *attr, struct text *out)
{
    unsigned n = 0;
    while (attr->options[n].word)
        n++;
    text_printf(out, " %s", attr->options[rng_below(rng, n)].word);
}

static void put_text(struct rng *rng, struct text *out)
{
    static const char *const texts[] = {"x",    "two words", "it's", "\"q\"", "back\\slash",
                                        "a\nb", "\xc3\xa4",  "end",  ""};
    put_quoted(out, pick(rng, texts, sizeof(texts) / sizeof(texts[0])));
}

static void put_value(struct rng *rng, const struct config_tree *tree,
                      const struct schema_attr *attr, struct text *out)
{
    static const char *const nets[] = {"10.0.0.0/8", "192.0.2.9 255.255.255.0", "0.0.0.0/0",
                                       "198.51.100.1/32", "192.0.2.129/25"};
    static const char *const ips[] = {"10.0.0.1", "10.0.0.9", "192.0.2.1", "0.0.0.0"};
    static const char *const macs[] = {"02:00:00:00:00:01", "02:AB:cd:00:00:09"};
    static const char *const ranges[] = {"80", "443 8080-8090", "5060-5060:1024-65535", "1-65535"};
    static const char *const spans[] = {"5117-65533", "10000-20000", "7-7"};
    static const char *const cpus[] = {"1", "1-3", "2 4 6-7", "5-5"};
    static const char *const filters[] = {"10.0.0.0/8 192.0.2.1", "192.0.2.1-192.0.2.9"};
    static const char *const ips6[] = {"2001:db8::1", "2001:DB8::1:9", "fe80::1", "::"};
    static const char *const nets6[] = {"2001:db8::7/64", "2001:db8:0:1::1/64", "::/0", "::1/128"};
    static const char *const times[] = {"00:00", "08:30", "9:05"};
    switch (attr->type) {
    case SCHEMA_STRING:
        put_text(rng, out);
        break;
    case SCHEMA_INTEGER:
    case SCHEMA_PORTS:
        text_printf(out, " %u", random_number(rng, attr));
        break;
    case SCHEMA_TTL:
        if (rng_below(rng, 3))
            text_printf(out, " %u", random_number(rng, attr));
        else
            text_puts(out, " never");
        break;
    case SCHEMA_OPTION:
    case SCHEMA_OPTIONS:
        put_option(rng, attr, out);
        if (attr->type == SCHEMA_OPTIONS)
            put_option(rng, attr, out);
        break;
    case SCHEMA_REFERENCE:
    case SCHEMA_REFERENCES:
        put_reference(rng, tree, attr, out);
        break;
    case SCHEMA_IPV4:
    case SCHEMA_IP_SPAN:
        text_printf(out, " %s", pick(rng, ips, 4));
        break;
    case SCHEMA_IPV4_NET:
        text_printf(out, " %s", pick(rng, nets, 5));
        break;
    case SCHEMA_MAC:
        text_printf(out, " %s", pick(rng, macs, 2));
        break;
    case SCHEMA_UUID:
        text_puts(out, " 01234567-89ab-cdef-0123-456789abcdef");
        break;
    case SCHEMA_PORTRANGES:
        text_printf(out, " %s", pick(rng, ranges, 4));
        break;
    case SCHEMA_PORT_SPAN:
        text_printf(out, " %s", pick(rng, spans, 3));
        break;
    case SCHEMA_PORT_RANGE:
        text_printf(out, " %s", pick(rng, spans, 3));
        break;
    case SCHEMA_IP_FILTERS:
        text_printf(out, " %s", pick(rng, filters, 2));
        break;
    case SCHEMA_IPV6:
        text_printf(out, " %s", pick(rng, ips6, 4));
        break;
    case SCHEMA_IPV6_NET:
        text_printf(out, " %s", pick(rng, nets6, 4));
        break;
    case SCHEMA_CPUS:
        text_printf(out, " %s", pick(rng, cpus, 4));
        break;
    case SCHEMA_TIME:
        text_printf(out, " %s", pick(rng, times, 3));
        break;
    }
}

/* ---- random commands ---- */

static void put_key(struct rng *rng, const struct schema_node *node, struct text *out)
{
    if (node->kind == SCHEMA_TABLE_INTEGER)
        text_printf(out, " %u", rng_below(rng, 12));
    else
        put_quoted(out, pick(rng, shared_names, 8));
}

static void put_config(struct rng *rng, const struct schema_node *parent, struct text *out)
{
    unsigned n;
    const struct schema_node *const *roots = schema_roots(&n);
    if (parent)
        text_printf(out, "config %s", parent->children[rng_below(rng, parent->n_children)].path);
    else
        text_printf(out, "config %s", roots[rng_below(rng, n)]->path);
}

/* Mostly what is still missing of the mandatory attributes, so that entries get saved. */
static const struct schema_attr *pick_attr(struct rng *rng, const struct edit *edit)
{
    const struct tree_step *at = tree_path_last(edit_path(edit));
    const json_t *entry = tree_at(edit_tree(edit), edit_path(edit));
    for (unsigned i = 0; i < at->node->n_attrs && rng_below(rng, 8); i++) {
        const struct schema_attr *attr = &at->node->attrs[i];
        if ((attr->flags & SCHEMA_MANDATORY) && !json_object_get(entry, attr->name))
            return attr;
    }
    return &at->node->attrs[rng_below(rng, at->node->n_attrs)];
}

static void put_change(struct rng *rng, const struct edit *edit, struct text *out)
{
    static const char *const verbs[] = {"set", "set", "set", "set", "append", "unselect", "unset"};
    const struct schema_attr *attr = pick_attr(rng, edit);
    const char *verb = pick(rng, verbs, 7);
    text_printf(out, "%s %s", verb, attr->name);
    if (strcmp(verb, "unset") != 0)
        put_value(rng, edit_tree(edit), attr, out);
}

static void put_on_table(struct rng *rng, const struct schema_node *node, struct text *out)
{
    static const char *const verbs[] = {"edit",  "edit", "edit", "edit", "edit", "delete", "rename",
                                        "clone", "move", "end",  "end",  "edit", "purge",  "abort"};
    /* The last two undo a lot: seldom. */
    const char *verb = pick(rng, verbs, rng_below(rng, 6) ? 12 : 14);
    text_puts(out, verb);
    if (strcmp(verb, "end") == 0 || strcmp(verb, "abort") == 0 || strcmp(verb, "purge") == 0)
        return;
    put_key(rng, node, out);
    if (strcmp(verb, "rename") == 0 || strcmp(verb, "clone") == 0)
        text_puts(out, " to");
    else if (strcmp(verb, "move") == 0)
        text_puts(out, rng_below(rng, 2) ? " before" : " after");
    else
        return;
    put_key(rng, node, out);
}

static void put_line(struct rng *rng, const struct edit *edit, struct text *out)
{
    const struct tree_path *path = edit_path(edit);
    const struct tree_step *at = path->n ? tree_path_last(path) : NULL;
    if (!at)
        put_config(rng, NULL, out);
    else if (schema_is_table(at->node) && !at->entry)
        put_on_table(rng, at->node, out);
    else if (at->node->n_children && rng_below(rng, 3) == 0)
        put_config(rng, at->node, out);
    else if (rng_below(rng, 12) == 0)
        text_puts(out, at->entry && rng_below(rng, 2) ? "next"
                       : rng_below(rng, 6)            ? "end"
                                                      : "abort");
    else
        put_change(rng, edit, out);
}

/* ---- properties ---- */

static void reads_back(const struct config_tree *tree)
{
    struct tree_path whole = {0};
    struct text text = {0}, error = {0};
    struct config_tree *again = NULL;
    print_header("260101", "admin", 1, &text);
    print_show(tree, &whole, false, &text);
    if (config_load_text("shown", text_slice(&text), &again, &error, NULL) != 0)
        print_message("%s\n%s\n", error.p, text.p);
    assert_non_null(again);
    if (!tree_eq(tree, again))
        print_message("%s\n", text.p);
    assert_true(tree_eq(tree, again));
    struct config_rows *rows = config_rows_make(again, &error);
    if (!rows)
        print_message("%s\n", error.p);
    assert_non_null(rows);
    assert_string_equal(rows->voip_profiles[0].name, "default");
    config_rows_free(rows);
    text_free(&text);
    tree_free(again);
}

static void random_login(uint64_t seed, unsigned lines, unsigned *saved)
{
    struct rng rng = {.state = seed};
    struct script script;
    struct text line = {0}, before = {0}, after = {0};
    struct tree_path whole = {0};
    script_open(&script, NULL, NULL);
    struct config_tree *kept = tree_copy(script.running);
    print_show(kept, &whole, false, &before);
    for (unsigned i = 0; i < lines; i++) {
        text_clear(&line);
        put_line(&rng, script.edit, &line);
        struct words *words = &script.words;
        assert_int_equal(words_read(words, text_slice(&line)), WORDS_DONE);
        text_clear(&script.out);
        int code = edit_run(script.edit, words->n, words->w, &script.out);
        /* A refusal says why. */
        assert_true(code == 0 || script.out.n > 0);
        *saved += code == 0 && slice_istarts(text_slice(&line), SLICE_LIT("next"));
    }
    edit_reset(script.edit);
    reads_back(script.running);
    print_show(kept, &whole, false, &after);
    assert_string_equal(before.p, after.p);
    tree_free(kept);
    text_free(&line);
    text_free(&before);
    text_free(&after);
    script_close(&script);
}

static void test_random_logins(void **state)
{
    (void)state;
    unsigned saved = 0;
    for (uint64_t seed = 1; seed <= 30; seed++)
        random_login(seed, 2000, &saved);
    assert_true(saved > 300); /* the lines are sensible enough to test something */
}

/* ---- copies ---- */

static void test_copies_are_apart(void **state)
{
    (void)state;
    struct config_tree *a = tree_factory(), *b = tree_copy(a);
    struct tree_path all = tree_path_root("firewall address", "all");
    struct slice value = SLICE_LIT("10.0.0.0/8");
    struct tree_command set = {.attr = SLICE_LIT("subnet"), .n = 1, .values = &value};
    struct text out = {0};
    assert_true(tree_eq(a, b));
    assert_int_equal(tree_change(b, &all, &set, &out), 0);
    assert_false(tree_eq(a, b));
    assert_null(json_object_get(tree_at(a, &all), "subnet"));
    tree_assign(a, b);
    assert_true(tree_eq(a, b));
    set.verb = TREE_UNSET;
    set.n = 0;
    assert_int_equal(tree_change(a, &all, &set, &out), 0);
    assert_false(tree_eq(a, b));
    assert_non_null(json_object_get(tree_at(b, &all), "subnet"));
    tree_free(a);
    tree_free(b);
    tree_free(NULL);
    text_free(&out);
}

static void test_reading(void **state)
{
    (void)state;
    struct config_tree *tree = tree_factory();
    struct tree_path path = tree_path_root("system global", NULL);
    const struct schema_node *node = schema_root("system global");
    assert_null(tree_at(tree, &path));
    assert_true(tree_exists(tree, &path));
    assert_int_equal(tree_u32(tree_at(tree, &path), node, "udp-idle-timer", 7), 180);
    assert_true(tree_is(NULL, node, "cfg-save", "automatic"));
    node = schema_root("firewall service custom");
    assert_int_equal(tree_u32(NULL, node, "icmptype", 7), 7);
    assert_string_equal(tree_str(NULL, node, "comment"), "");
    path = tree_path_root("firewall service custom", "nothing");
    assert_false(tree_exists(tree, &path));
    path = tree_path_root("voip profile", "strict");
    tree_path_push(&path, schema_child(schema_root("voip profile"), "msrp"));
    assert_true(tree_exists(tree, &path));
    while (path.n < TREE_DEPTH)
        assert_int_equal(tree_path_push(&path, node), 0);
    assert_true(tree_path_push(&path, node) < 0);
    char key[TREE_KEY_MAX + 1];
    memset(key, 'k', sizeof(key));
    assert_true(tree_path_key(&path, slice_of(key, TREE_KEY_MAX)) < 0);
    assert_true(tree_path_key(&path, slice_of("a\0b", 3)) < 0);
    assert_int_equal(tree_path_key(&path, slice_of(key, TREE_KEY_MAX - 1)), 0);
    tree_free(tree);
}

/* ---- files nobody here wrote ---- */

static void load_folder(const char *folder, unsigned *files)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct text path = {0}, error = {0}, warnings = {0};
        struct config_tree *tree = NULL;
        text_printf(&path, "%s/%s", folder, entry->d_name);
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            load_folder(path.p, files);
        } else if (entry->d_type == DT_REG) {
            int rc = config_load_file(path.p, &tree, &error, &warnings);
            assert_true(rc == 0 || error.n > 0);
            tree_free(tree);
            (*files)++;
        }
        text_free(&path);
        text_free(&error);
        text_free(&warnings);
    }
    closedir(dir);
}

static void test_corpus(void **state)
{
    (void)state;
    const char *corpus = getenv("PINHOLE_CORPUS");
    struct text folder = {0};
    unsigned files = 0;
    if (!corpus)
        skip();
    text_printf(&folder, "%s/fortios/configs", corpus);
    load_folder(folder.p, &files);
    assert_true(files > 0);
    text_free(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_logins),
        cmocka_unit_test(test_copies_are_apart),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
