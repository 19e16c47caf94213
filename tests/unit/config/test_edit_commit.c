/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts, their verbs, and when an edit takes effect: logins side by side, order, references. */
#include "script.h"

#include <errno.h>
#include <stdlib.h>

#define NODE(attr, value) \
    "node_check_object fail! for " attr " " value "\n\nvalue parse error before '" value "'\n"

/* ---- contexts ---- */

static void test_context_names(void **state)
{
    (void)state;
    static const struct {
        const char *line, *name;
    } steps[] = {
        {"config voip profile", "profile"},
        {"edit VoIP_Pro_Name", "VoIP_Pro_Name"},
        {"config sip", "sip"},
        {"end", "VoIP_Pro_Name"},
        {"end", ""},
        {"config sys session-ttl", "session-ttl"},
        {"config port", "port"},
        {"edit 1", "1"},
        {"next", "port"},
        {"edit 0", "0"},
        {"abort", "session-ttl"},
        {"end", ""},
        {"config firewall service custom", "custom"},
        {"abort", ""},
    };
    struct script script;
    script_open(&script, NULL, NULL);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_int_equal(script_run(&script, steps[i].line), 0);
        assert_string_equal(edit_context_name(script.edit), steps[i].name);
    }
    script_run(&script, "config voip profile\nedit a\nconfig sip");
    assert_int_equal(edit_path(script.edit)->n, 2);
    edit_reset(script.edit);
    assert_int_equal(edit_path(script.edit)->n, 0);
    assert_false(tree_has_entry(script.running, "voip profile", SLICE_LIT("a")));
    script_close(&script);
}

static void has_verbs(const struct script *script, const char *expected)
{
    struct text got = {0};
    for (const struct schema_option *v = edit_verbs(script->edit); v->word; v++)
        text_printf(&got, "%s%s", got.n ? " " : "", v->word);
    assert_string_equal(got.p, expected);
    text_free(&got);
}

static void test_verbs(void **state)
{
    (void)state;
    struct script script;
    script_open(&script, NULL, NULL);
    has_verbs(&script, "config");
    script_run(&script, "config firewall address");
    has_verbs(&script, "edit delete purge rename clone abort end");
    assert_true(edit_is_verb(script.edit, SLICE_LIT("del")));
    assert_false(edit_is_verb(script.edit, SLICE_LIT("e")));
    assert_false(edit_is_verb(script.edit, SLICE_LIT("exit")));
    assert_false(edit_is_verb(script.edit, SLICE_LIT("show")));
    script_run(&script, "edit x");
    has_verbs(&script, "set unset select unselect append next abort end");
    assert_true(edit_is_verb(script.edit, SLICE_LIT("n")));
    assert_false(edit_is_verb(script.edit, SLICE_LIT("se")));
    assert_true(edit_is_verb(script.edit, SLICE_LIT("set")));
    script_run(&script, "end\nconfig firewall policy");
    has_verbs(&script, "edit delete purge rename clone move abort end");
    script_run(&script, "end\nconfig voip profile\nedit default");
    has_verbs(&script, "config set unset select unselect append next abort end");
    script_run(&script, "config sip");
    has_verbs(&script, "set unset select unselect append abort end");
    script_close(&script);
}

/* ---- saving ---- */

struct commits {
    int count;
    int refuse; /* -errno to answer */
    bool has_x; /* policy or address x in the last candidate */
};

static int count_commit(void *ctx, const struct config_tree *candidate, struct text *error)
{
    struct commits *commits = ctx;
    commits->count++;
    commits->has_x = tree_has_entry(candidate, "firewall address", SLICE_LIT("x"));
    if (commits->refuse)
        text_puts(error, "no room for it");
    return commits->refuse;
}

static void test_commits(void **state)
{
    (void)state;
    struct commits commits = {0};
    struct script script;
    script_open(&script, count_commit, &commits);
    script_run(&script, "config firewall address\nedit x\nset subnet 10.0.0.0/8");
    assert_int_equal(commits.count, 0);
    assert_false(tree_has_entry(script.running, "firewall address", SLICE_LIT("x")));
    assert_true(tree_has_entry(edit_tree(script.edit), "firewall address", SLICE_LIT("x")));
    script_run(&script, "next");
    assert_int_equal(commits.count, 1);
    assert_true(commits.has_x);
    assert_true(tree_has_entry(script.running, "firewall address", SLICE_LIT("x")));
    script_run(&script, "delete x");
    assert_int_equal(commits.count, 2);
    assert_false(commits.has_x);
    script_run(&script, "end");
    assert_int_equal(commits.count, 2);
    script_run(&script, "config system session-ttl\nconfig port\nedit 1\nnext\nend");
    assert_int_equal(commits.count, 2);
    script_run(&script, "end");
    assert_int_equal(commits.count, 3);

    commits.refuse = -ENOMEM;
    text_clear(&script.out);
    assert_int_equal(script_run(&script, "config firewall address\nedit x\nend"), 1);
    assert_string_equal(script_output(&script), "new entry 'x' added\nno room for it\n");
    assert_false(tree_has_entry(script.running, "firewall address", SLICE_LIT("x")));
    assert_int_equal(edit_path(script.edit)->n, 0);
    script_close(&script);
}

static int run(struct edit *edit, const char *line, struct text *out)
{
    struct words words = {0};
    assert_int_equal(words_read(&words, slice_str(line)), WORDS_DONE);
    int code = edit_run(edit, words.n, words.w, out);
    words_free(&words);
    return code;
}

/* Two logins: what one saves does not undo the other, and nothing dangles. */
static void test_two_logins(void **state)
{
    (void)state;
    struct config_tree *running = tree_factory();
    struct edit *a = edit_open(running, NULL, NULL), *b = edit_open(running, NULL, NULL);
    struct text out = {0};
    run(a, "config firewall addrgrp", &out);
    run(a, "edit g", &out);
    run(a, "set member none", &out);
    run(b, "config firewall address", &out);
    run(b, "edit x", &out);
    run(b, "next", &out);
    run(b, "delete none", &out);
    text_clear(&out);
    assert_int_equal(run(a, "next", &out), -3);
    assert_string_equal(out.p,
                        "entry not found in datasource\n\nvalue parse error before 'none'\n");
    assert_false(tree_has_entry(running, "firewall addrgrp", SLICE_LIT("g")));
    assert_true(tree_has_entry(running, "firewall address", SLICE_LIT("x")));

    run(a, "end", &out);
    run(b, "end", &out);
    run(a, "config router static", &out);
    run(b, "config router static", &out);
    run(a, "edit 0", &out);
    run(b, "edit 0", &out);
    run(a, "set blackhole enable", &out);
    run(b, "set blackhole enable", &out);
    assert_int_equal(run(a, "next", &out), 0);
    assert_int_equal(run(b, "next", &out), 0);
    assert_true(tree_has_entry(running, "router static", SLICE_LIT("1")));
    assert_true(tree_has_entry(running, "router static", SLICE_LIT("2")));

    run(a, "end", &out);
    run(b, "end", &out);
    run(a, "config system interface", &out);
    run(b, "config system interface", &out);
    run(a, "edit p", &out);
    run(b, "edit q", &out);
    assert_int_equal(run(a, "set ip 192.0.2.1/24", &out), 0);
    assert_int_equal(run(b, "set ip 192.0.2.2/24", &out), 0);
    assert_int_equal(run(a, "next", &out), 0);
    assert_int_equal(run(b, "next", &out), -54);

    run(a, "end", &out);
    run(b, "end", &out);
    static const char *const policy[] = {
        "config firewall policy", "edit 0",          "set name same",   "set srcintf any",
        "set dstintf any",        "set srcaddr all", "set dstaddr all", "set schedule always",
        "set service ALL"};
    for (size_t i = 0; i < sizeof(policy) / sizeof(policy[0]); i++) {
        assert_int_equal(run(a, policy[i], &out), 0);
        assert_int_equal(run(b, policy[i], &out), 0);
    }
    assert_int_equal(run(a, "next", &out), 0);
    assert_int_equal(run(b, "next", &out), -651);

    run(a, "end", &out);
    run(b, "end", &out);
    run(a, "config firewall address", &out);
    run(b, "config firewall addrgrp", &out);
    run(a, "edit same", &out);
    run(b, "edit same", &out);
    run(b, "set member all", &out);
    assert_int_equal(run(a, "next", &out), 0);
    assert_int_equal(run(b, "next", &out), -163);
    text_free(&out);
    edit_close(a);
    edit_close(b);
    tree_free(running);
}

#define FULL_POLICY                                                                             \
    "set srcintf any\nset dstintf any\nset srcaddr all\nset dstaddr all\nset schedule always\n" \
    "set service ALL\n"

static void policy_order(const struct script *script, const char *expected)
{
    struct tree_path path = tree_path_root("firewall policy", NULL);
    struct text got = {0};
    unsigned n;
    const char **keys = tree_keys(script->running, &path, &n);
    for (unsigned i = 0; i < n; i++)
        text_printf(&got, "%s%s", i ? " " : "", keys[i]);
    assert_string_equal(got.p, expected);
    free(keys);
    text_free(&got);
}

static void test_order(void **state)
{
    (void)state;
    struct script script;
    script_open(&script, NULL, NULL);
    script_run(&script, "config firewall policy\n"
                        "edit 5\nset name five\n" FULL_POLICY "next\n"
                        "edit 2\n" FULL_POLICY "next\n"
                        "edit 0\n" FULL_POLICY "next\n");
    policy_order(&script, "5 2 6");
    assert_int_equal(script_run(&script, "move 6 before 5"), 0);
    policy_order(&script, "6 5 2");
    assert_int_equal(script_run(&script, "move 6 after 2"), 0);
    policy_order(&script, "5 2 6");
    assert_int_equal(script_run(&script, "move 2 before 2"), 0);
    policy_order(&script, "5 2 6");
    assert_int_equal(script_run(&script, "clone 5 to 9"), 0);
    policy_order(&script, "5 2 6 9");
    assert_int_equal(script_run(&script, "rename 2 to 3"), 0);
    policy_order(&script, "5 3 6 9");
    struct tree_path nine = tree_path_root("firewall policy", "9");
    assert_null(json_object_get(tree_at(script.running, &nine), "name"));
    script_run(&script, "move 6 before 7");
    assert_int_equal(script.code, -3);
    script_close(&script);
}

/* References follow a rename; deletion waits for them. */
static void test_references(void **state)
{
    (void)state;
    struct script script;
    script_open(&script, NULL, NULL);
    script_run(&script, "config firewall address\nedit lan\nset subnet 10.0.0.0/8\nnext\nend\n"
                        "config firewall addrgrp\nedit g\nset member lan none\nnext\n"
                        "edit h\nset member g\nnext\nend\n"
                        "config firewall policy\nedit 1\n" FULL_POLICY
                        "set srcaddr lan h\nset dstaddr lan\nnext\nend\n"
                        "config firewall address\nrename lan to home\nend\n");
    assert_int_equal(script.code, 0);
    struct text shown = script_show(script.running, "firewall policy", "1");
    assert_non_null(strstr(shown.p, "set srcaddr \"home\" \"h\"\n"));
    assert_non_null(strstr(shown.p, "set dstaddr \"home\"\n"));
    text_free(&shown);
    assert_int_equal(tree_uses(script.running, "firewall address", SLICE_LIT("home")), 2);
    text_clear(&script.out);
    assert_int_equal(script_run(&script, "config firewall address\ndelete home"), -23);
    assert_string_equal(script_output(&script), "The entry is used by other 2 entries\n");
    script_run(&script, "end");
    text_clear(&script.out);
    assert_int_equal(script_run(&script, "config firewall addrgrp\nedit g\nappend member h"), -651);
    assert_string_equal(script_output(&script), NODE("member", "h"));
    script_close(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_context_names), cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_commits),       cmocka_unit_test(test_two_logins),
        cmocka_unit_test(test_order),         cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
