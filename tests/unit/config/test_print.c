/* SPDX-License-Identifier: BSD-3-Clause */
/* Layouts of `show full-configuration` and `get` (reference 1.8), row for row. */
#include "script.h"

struct row {
    const char *lines; /* run first */
    const char *root, *child, *key;
    bool full; /* print_show full, else print_get */
    const char *text;
};

static const struct row rows[] = {
    {"", "system console", NULL, NULL, true,
     "config system console\n"
     "    set output more\n"
     "    set login enable\n"
     "end\n"},
    {"config firewall address\nedit a\nset type iprange\nset start-ip 10.0.0.1\nset end-ip "
     "10.0.0.9\n"
     "next\nend",
     "firewall address", NULL, "a", true,
     "config firewall address\n"
     "    edit \"a\"\n"
     "        unset uuid\n"
     "        set type iprange\n"
     "        set start-ip 10.0.0.1\n"
     "        set end-ip 10.0.0.9\n"
     "        set comment ''\n"
     "        unset associated-interface\n"
     "        set color 0\n"
     "        set allow-routing disable\n"
     "    next\n"
     "end\n"},
    {"config system session-ttl\nconfig port\nedit 1\nset protocol 1\nend\nend",
     "system session-ttl", NULL, NULL, true,
     "config system session-ttl\n"
     "    set default 3600\n"
     "    config port\n"
     "        edit 1\n"
     "            set protocol 1\n"
     "            set timeout 300\n"
     "            set refresh-direction both\n"
     "        next\n"
     "    end\n"
     "end\n"},
    {"", "system session-ttl", NULL, NULL, true,
     "config system session-ttl\n"
     "    set default 3600\n"
     "end\n"},
    {"", "system console", NULL, NULL, false,
     "output              : more \n"
     "login               : enable \n"},
    {"config firewall addrgrp\nedit g\nset member all none\nset comment 'two words'\nend",
     "firewall addrgrp", NULL, "g", false,
     "name                : g\n"
     "uuid                : \n"
     "member              : \"all\" \"none\" \n"
     "comment             : two words\n"
     "color               : 0\n"
     "allow-routing       : disable \n"},
    {"config system session-ttl\nconfig port\nedit 1\nset protocol 17\nend\nend",
     "system session-ttl", NULL, NULL, false,
     "default             : 3600\n"
     "port:\n"
     "    == [ 1 ]\n"
     "    id: 1\n"},
    {"", "log setting", NULL, NULL, false,
     "resolve-ip          : disable \n"
     "resolve-port        : enable \n"
     "fwpolicy-implicit-log: disable \n"
     "fwpolicy6-implicit-log: disable \n"
     "local-in-allow      : disable \n"
     "local-in-deny-unicast: disable \n"
     "local-in-deny-broadcast: disable \n"
     "local-out           : enable \n"
     "extended-log        : disable \n"
     "brief-traffic-format: disable \n"},
    {"config system interface\nedit port1\nset ip 192.0.2.1/24\nnext\nedit port2\nend",
     "system interface", NULL, NULL, false,
     "== [ port1 ]\n"
     "name: port1   mode: static    ip: 192.0.2.1 255.255.255.0   status: up    type: physical    "
     "mtu-override: disable \n"
     "== [ port2 ]\n"
     "name: port2   mode: static    ip: 0.0.0.0 0.0.0.0   status: up    type: physical    "
     "mtu-override: disable \n"},
    {"", "firewall policy", NULL, NULL, false, ""},
    {"config voip profile\nedit p\nconfig sccp\nset max-calls 5\nend\nend", "voip profile", "sccp",
     "p", false,
     "status              : enable \n"
     "block-mcast         : disable \n"
     "verify-header       : disable \n"
     "log-call-summary    : disable \n"
     "log-violations      : disable \n"
     "max-calls           : 5\n"},
    {"config voip profile\nedit p\nconfig sccp\nset max-calls 5\nend\nend", "voip profile", "msrp",
     "p", true,
     "config msrp\n"
     "    set status enable\n"
     "    set log-violations enable\n"
     "    set max-msg-size 0\n"
     "    set max-msg-size-action pass\n"
     "end\n"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct script script;
        struct text out = {0};
        script_open(&script, NULL, NULL);
        assert_int_equal(script_run(&script, rows[i].lines), 0);
        struct tree_path path = tree_path_root(rows[i].root, rows[i].key);
        if (rows[i].child)
            tree_path_push(&path, schema_child(tree_path_last(&path)->node, rows[i].child));
        if (rows[i].full)
            print_show(script.running, &path, true, &out);
        else
            print_get(script.running, &path, &out);
        assert_string_equal(out.n ? out.p : "", rows[i].text);
        text_free(&out);
        script_close(&script);
    }
}

/* Inside an entry both print pending edits. */
static void test_pending(void **state)
{
    (void)state;
    struct script script;
    struct text out = {0};
    script_open(&script, NULL, NULL);
    script_run(&script, "config voip profile\nedit p\nconfig sip\nset call-keepalive 100");
    print_show(edit_tree(script.edit), edit_path(script.edit), false, &out);
    assert_string_equal(out.p, "config sip\n    set call-keepalive 100\nend\n");
    text_free(&out);
    script_close(&script);
}

/* Everything with its defaults is a file, too, and says the same. */
static void test_full_reads_back(void **state)
{
    (void)state;
    struct config_tree *factory = tree_factory(), *again = NULL;
    struct tree_path whole = {0};
    struct text text = {0}, error = {0}, warnings = {0};
    print_show(factory, &whole, true, &text);
    if (config_load_text("full", text_slice(&text), &again, &error, &warnings) != 0)
        print_message("%s\n", error.p);
    assert_non_null(again);
    assert_true(tree_eq(factory, again));
    assert_int_equal(warnings.n, 0);
    text_free(&text);
    tree_free(factory);
    tree_free(again);
}

/* A whole file goes in dependency order and leaves out what says nothing. */
static void test_whole_file(void **state)
{
    (void)state;
    struct config_tree *tree = NULL;
    struct text text = {0}, error = {0};
    struct tree_path whole = {0};
    static const char lines[] = "#config-version=X\n"
                                "config router static\nedit 1\nset blackhole enable\nnext\nend\n"
                                "config system global\nset hostname A\nend\n";
    assert_int_equal(config_load_text("t", slice_str(lines), &tree, &error, NULL), 0);
    print_show(tree, &whole, false, &text);
    assert_int_equal(strncmp(text.p,
                             "config system global\n    set hostname \"A\"\nend\n"
                             "config voip profile\n",
                             65),
                     0);
    static const char end[] = "config router static\n    edit 1\n        set blackhole enable\n"
                              "    next\nend\n";
    assert_string_equal(text.p + text.n - strlen(end), end);
    text_free(&text);
    tree_free(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_pending),
        cmocka_unit_test(test_full_reads_back),
        cmocka_unit_test(test_whole_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
