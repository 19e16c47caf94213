/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files: the seed texts as an operator pastes them, errors with their place, complete files, joined
 * lines.
 */
#include "rows_unit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct seed {
    const char *name, *text, *root, *key, *shown;
};

/* Web pages lose line ends and indent as they like; what they mean is in `shown`. */
static const struct seed seeds[] = {
    {"keepalive",
     "config voip profile edit VoIP_Pro_Name\n\nconfig sip\n\nset call-keepalive 100 end\n\nend\n",
     "voip profile", "VoIP_Pro_Name",
     "config voip profile\n"
     "    edit \"VoIP_Pro_Name\"\n"
     "        config sip\n"
     "            set call-keepalive 100\n"
     "        end\n"
     "    next\n"
     "end\n"},
    {"idle dialogs",
     "config voip profile edit VoIP_Pro_Name\n\nconfig sip\n\nset max-idle-dialogs 200 end\n\nend",
     "voip profile", "VoIP_Pro_Name",
     "config voip profile\n"
     "    edit \"VoIP_Pro_Name\"\n"
     "        config sip\n"
     "            set max-idle-dialogs 200\n"
     "        end\n"
     "    next\n"
     "end\n"},
    {"provisional",
     "config voip profile edit VoIP_Pro_Name config sip set provisional-invite-expiry-time 100 "
     "end end",
     "voip profile", "VoIP_Pro_Name",
     "config voip profile\n"
     "    edit \"VoIP_Pro_Name\"\n"
     "        config sip\n"
     "            set provisional-invite-expiry-time 100\n"
     "        end\n"
     "    next\n"
     "end\n"},
    {"global", "       config system global\n         set udp-idle-timer 500\n       end\n",
     "system global", NULL,
     "config system global\n"
     "    set udp-idle-timer 500\n"
     "end\n"},
    {"service",
     "      config firewall service custom\n"
     "         edit \"SIP_Port\"\n"
     "            set category \"General\"\n"
     "            set protocol TCP/UDP/SCTP\n"
     "            set visibility enable\n"
     "            set udp-portrange 5060-5060\n"
     "            set udp-idle-timer 500\n"
     "         next\n"
     "      end\n",
     "firewall service custom", "SIP_Port",
     "config firewall service custom\n"
     "    edit \"SIP_Port\"\n"
     "        set category \"General\"\n"
     "        set udp-portrange 5060\n"
     "        set udp-idle-timer 500\n"
     "    next\n"
     "end\n"},
    {"port",
     "      config sys session-ttl\n"
     "         config port\n"
     "           edit 1\n"
     "             set protocol 17\n"
     "             set timeout 500\n"
     "             set start-port 5060\n"
     "             set end-port 5060\n"
     "          next\n"
     "        end\n"
     "      end\n",
     "system session-ttl", NULL,
     "config system session-ttl\n"
     "    config port\n"
     "        edit 1\n"
     "            set protocol 17\n"
     "            set start-port 5060\n"
     "            set end-port 5060\n"
     "            set timeout 500\n"
     "        next\n"
     "    end\n"
     "end\n"},
    {"two commands on a line with lists",
     "config system interface edit port1 set allowaccess ping set ip 192.0.2.1/24 set device x "
     "next "
     "end",
     "system interface", NULL,
     "config system interface\n"
     "    edit \"port1\"\n"
     "        set vdom \"root\"\n"
     "        set device \"x\"\n"
     "        set ip 192.0.2.1 255.255.255.0\n"
     "        set allowaccess ping\n"
     "        set type physical\n"
     "    next\n"
     "end\n"},
    {"a quoted verb is a value",
     "config firewall address\nedit end\nset comment \"set\"\nnext\n"
     "edit \"next\"\nset comment show\nnext\nend\n"
     "config firewall addrgrp\nedit g\nset member \"next\" \"end\"\nend\n",
     "firewall addrgrp", NULL,
     "config firewall addrgrp\n"
     "    edit \"g\"\n"
     "        set member \"next\" \"end\"\n"
     "    next\n"
     "end\n"},
    {"joined lines and line ends of both kinds",
     "config firewall address\r\nedit a\r\nset comment \"one\ntwo \\\"three\\\"\nfour\"\r\n"
     "set subnet \\\n10.0.0.0 \\\n255.0.0.0\r\nnext\r\nend\r\n",
     "firewall address", "a",
     "config firewall address\n"
     "    edit \"a\"\n"
     "        set subnet 10.0.0.0 255.0.0.0\n"
     "        set comment \"one\ntwo \\\"three\\\"\nfour\"\n"
     "    next\n"
     "end\n"},
};

static struct config_tree *load(const char *text)
{
    struct text error = {0};
    struct config_tree *tree = NULL;
    if (config_load_text("test.conf", slice_str(text), &tree, &error, NULL) != 0)
        print_message("%s\n", error.p);
    assert_non_null(tree);
    assert_int_equal(error.n, 0);
    text_free(&error);
    return tree;
}

static void test_seeds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        struct config_tree *tree = load(seeds[i].text);
        struct text shown = script_show(tree, seeds[i].root, seeds[i].key);
        assert_string_equal(shown.p, seeds[i].shown);
        text_free(&shown);
        tree_free(tree);
    }
}

/* Cut anywhere, at both ends: an answer, with a reason where it is no. */
static void answers(struct slice text)
{
    struct text error = {0}, warnings = {0};
    struct config_tree *tree = NULL;
    int rc = config_load_text("cut", text, &tree, &error, &warnings);
    assert_true(rc == 0 ? tree != NULL && error.n == 0 : tree == NULL && error.n > 0);
    tree_free(tree);
    text_free(&error);
    text_free(&warnings);
}

static void test_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        struct slice whole = slice_str(seeds[i].text);
        for (size_t n = 0; n <= whole.n; n += 1 + whole.n / 64) {
            answers(slice_head(whole, n));
            answers(slice_skip(whole, n));
        }
    }
}

struct fault {
    const char *text, *error;
};

static const struct fault faults[] = {
    {"config system global\nset udp-idle-timer 0\nend\n",
     "test.conf:2: config system global: set udp-idle-timer 0\n"
     "node_check_object fail! for udp-idle-timer 0\n\n"
     "value parse error before '0'\n"
     "Command fail. Return code -651\n"},
    {"\n# x\nconfig firewall policy\nedit 1\nset srcaddr nobody\n",
     "test.conf:5: config firewall policy / edit 1: set srcaddr nobody\n"
     "entry not found in datasource\n\n"
     "value parse error before 'nobody'\n"
     "Command fail. Return code -3\n"},
    {"config firewall DoS-policy\n", "test.conf:1: config firewall DoS-policy\n"
                                     "command parse error before 'DoS-policy'\n"
                                     "Command fail. Return code -61\n"},
    {"config system global\nset no-such-thing 1\n",
     "test.conf:2: config system global: set no-such-thing 1\n"
     "command parse error before 'no-such-thing'\n"
     "Command fail. Return code -61\n"},
    {"config firewall service custom\nedit x\nnext\nend\n",
     "test.conf:3: config firewall service custom / edit x: next\n"
     "TCP/UDP/SCTP portrange cannot all be empty.\n"
     "object check operator error, -651, discard the setting\n"
     "Command fail. Return code 1\n"},
    {"set hostname x\n", "test.conf:1: set hostname x\nUnknown action 0\n"},
    {"config system global\nset hostname \"x\n",
     "test.conf:2: config system global: unmatched double quote\n"},
    {"config system global\nset hostname 'x\ny\n",
     "test.conf:2: config system global: unmatched single quote\n"},
    {"config system global\nset hostname \\",
     "test.conf:2: config system global: the file ends in a continued line\n"},
    {"config system global\nset hostname x\n",
     "test.conf:3: config system global: the file ends before `end`\n"},
    {"config system global\nset hostname a(b\n",
     "test.conf:2: character must be quoted at byte 15 of the command\n"
     "command parse error before '(b'\n"},
    {"config system global\nset comment \"one\ntwo\" \nset x\n",
     "test.conf:2: config system global: set comment one\ntwo\n"
     "command parse error before 'comment'\nCommand fail. Return code -61\n"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct text error = {0};
        struct config_tree *tree = NULL;
        int rc = config_load_text("test.conf", slice_str(faults[i].text), &tree, &error, NULL);
        assert_int_equal(rc, -EINVAL);
        assert_null(tree);
        assert_string_equal(error.p, faults[i].error);
        text_free(&error);
    }
}

static void test_warnings(void **state)
{
    (void)state;
    struct text error = {0}, warnings = {0};
    struct config_tree *tree = NULL;
    static const char lines[] =
        "config firewall policy\nedit 1\nset firewall-session-dirty check-new\nabort\n"
        "config system settings\nset firewall-session-dirty check-policy-option\nend\n"
        "config firewall policy\nedit 1\nset firewall-session-dirty check-new\nabort\n"
        "config system global\nset admintimeout 5\nset admintimeout 7\nend\n"
        "config system interface\nedit p\nset allowaccess ping ssh\nnext\n"
        "end\n"
        "config voip profile\nedit default\nconfig sip\nset ips-rtp disable\nend\nend\n";
    assert_int_equal(config_load_text("f", slice_str(lines), &tree, &error, &warnings), 0);
    assert_string_equal(
        warnings.p, "f:3: config firewall policy / edit 1: Warning: "
                    "'firewall-session-dirty' of a policy has no effect unless that of the "
                    "system settings is 'check-policy-option'.\n"
                    "f:14: config system global: Warning: 'admintimeout' is kept in the "
                    "configuration but has no effect in this version.\n"
                    "f:18: config system interface / edit p: Warning: 'ssh' is kept in the "
                    "configuration but has no effect in this version.\n"
                    "f:24: config voip profile / edit default / config sip: Warning: 'ips-rtp' is "
                    "kept in the configuration but has no effect in this version: there is no "
                    "IPS.\n");
    text_free(&warnings);
    tree_free(tree);
}

/* A file with the header holds everything: factory objects that it leaves out are gone. */
static void test_complete_file(void **state)
{
    (void)state;
    struct text text = {0};
    struct config_tree *factory = tree_factory();
    print_header("260101", "admin", 7, &text);
    assert_string_equal(text.p, "#config-version=PINHOLE-0.1.0-FW-build0001-260101:opmode=0:vdom=0:"
                                "user=admin\n#conf_file_ver=7\n#buildno=0001\n#global_vdom=1\n");
    struct config_tree *tree = load(text.p);
    assert_false(tree_has_entry(tree, "firewall address", SLICE_LIT("all")));
    assert_true(tree_has_entry(tree, "voip profile", SLICE_LIT("strict")));
    tree_free(tree);

    struct tree_path whole = {0};
    print_show(factory, &whole, false, &text);
    tree = load(text.p);
    assert_true(tree_eq(tree, factory));
    tree_free(tree);
    tree_free(factory);
    text_free(&text);
}

static void test_file(void **state)
{
    (void)state;
    char path[] = "/tmp/config-test-XXXXXX";
    struct text error = {0};
    struct config_tree *tree = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char lines[] = "\xef\xbb\xbf"
                                "config system global\nset hostname EDGE\nend\n";
    assert_int_equal(write(fd, lines, sizeof(lines) - 1), sizeof(lines) - 1);
    close(fd);
    assert_int_equal(config_load_file(path, &tree, &error, NULL), 0);
    struct tree_path global = tree_path_root("system global", NULL);
    assert_string_equal(tree_str(tree_at(tree, &global), schema_root("system global"), "hostname"),
                        "EDGE");
    tree_free(tree);
    unlink(path);
    assert_int_equal(config_load_file(path, &tree, &error, NULL), -ENOENT);
    assert_true(error.n > 0);
    text_free(&error);
}

/* A quote that never closes over many lines must not cost more than reading them. */
static void test_long_open_quote(void **state)
{
    (void)state;
    struct text text = {0}, error = {0};
    struct config_tree *tree = NULL;
    text_puts(&text, "config system global\nset alias \"");
    for (int i = 0; i < 5000; i++)
        text_puts(&text, "line of text\n");
    assert_int_equal(config_load_text("f", text_slice(&text), &tree, &error, NULL), -EINVAL);
    assert_string_equal(error.p, "f:2: config system global: too many lines in one command\n");
    text_free(&text);
    text_free(&error);
}

/* What we hand out as examples is right, and nothing in it is without effect. */
static void test_examples(void **state)
{
    (void)state;
    unsigned files = 0;
    DIR *dir = opendir(CONF_DIR);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct text path = {0}, error = {0}, warnings = {0};
        struct config_tree *tree = NULL;
        if (!strstr(entry->d_name, ".conf"))
            continue;
        text_printf(&path, CONF_DIR "/%s", entry->d_name);
        if (config_load_file(path.p, &tree, &error, &warnings) != 0)
            fail_msg("%s", error.p);
        if (warnings.n)
            fail_msg("%s", warnings.p);
        struct config_rows *rows = config_rows_make(tree, &error);
        assert_non_null(rows);
        assert_true(rows->n_policies > 0 && rows->n_interfaces > 1);
        config_rows_free(rows);
        tree_free(tree);
        text_free(&path);
        files++;
    }
    closedir(dir);
    assert_true(files >= 4);
}

/* Thousands of everything: what is slow for many would take minutes here. */
static void test_many(void **state)
{
    (void)state;
    enum {
        MANY = 2000
    };
    struct text lines = {0}, error = {0};
    struct config_tree *tree = NULL;
    text_puts(&lines, "config system interface\nedit p\nnext\nend\nconfig firewall address\n");
    for (int i = 0; i < MANY; i++)
        text_printf(&lines, "edit a%d\nset subnet 10.%d.%d.0/24\nnext\n", i, i >> 8, i & 255);
    text_puts(&lines, "end\nconfig firewall ippool\n");
    for (int i = 0; i < MANY; i++)
        text_printf(&lines, "edit p%d\nset startip 198.18.%d.%d\nset endip 198.18.%d.%d\nnext\n", i,
                    i >> 8, i & 255, i >> 8, i & 255);
    text_puts(&lines, "end\nconfig firewall vip\n");
    for (int i = 0; i < MANY; i++)
        text_printf(
            &lines,
            "edit v%d\nset extip 198.19.%d.%d\nset mappedip 10.0.0.1\nset extintf p\nnext\n", i,
            i >> 8, i & 255);
    text_puts(&lines, "end\nconfig firewall policy\n");
    for (int i = 1; i <= MANY; i++)
        text_printf(&lines,
                    "edit %d\nset name n%d\nset srcintf p\nset dstintf any\nset srcaddr a%d\n"
                    "set dstaddr v%d\nset schedule always\nset service ALL\nset nat enable\n"
                    "set ippool enable\nset poolname p%d\nnext\n",
                    i, i, i - 1, i - 1, i - 1);
    text_puts(&lines, "end\nconfig router static\n");
    for (int i = 1; i <= MANY; i++)
        text_printf(&lines, "edit %d\nset dst 11.%d.%d.0/24\nset device p\nnext\n", i, i >> 8,
                    i & 255);
    text_puts(&lines, "end\n");
    assert_int_equal(config_load_text("many", text_slice(&lines), &tree, &error, NULL), 0);
    struct config_rows *rows = config_rows_make(tree, &error);
    assert_non_null(rows);
    assert_int_equal(rows->n_policies, MANY);
    assert_int_equal(rows->policies[MANY - 1].pools[0], MANY - 1);
    assert_int_equal(rows->policies[MANY - 1].vips[0], MANY - 1);
    assert_int_equal(rows->n_routes, MANY);
    config_rows_free(rows);
    tree_free(tree);
    text_free(&lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_complete_file),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_long_open_quote),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
