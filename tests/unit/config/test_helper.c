/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `config system session-helper`: the entries of a new machine, what an operator makes of them,
 * what is said of those that do nothing, and which rows remain for the SIP helper.
 */
#include "rows_unit.h"

#include <stdlib.h>

#define TABLE     "config system session-helper\n"
#define NO_HELPER ": there is no helper but that of SIP.\n"
#define KEPT(word) \
    "Warning: '" word "' is kept in the configuration but has no effect in this version"
#define SERVICE  "config firewall service custom\nedit SIP\n"
#define KERNEL   "config system settings\nset default-voip-alg-mode kernel-helper-based\nend\n"
#define NEW(key) "new entry '" key "' added\n"
#define ENTRY(id, name, protocol, port)                                               \
    "    edit " id "\n        set name " name "\n        set protocol " protocol "\n" \
    "        set port " port "\n    next\n"

/* clang-format off */
static const char factory_table[] =
    TABLE
    ENTRY("1", "pptp", "6", "1723")
    ENTRY("2", "h323", "6", "1720")
    ENTRY("3", "ras", "17", "1719")
    ENTRY("4", "tns", "6", "1521")
    ENTRY("5", "tftp", "17", "69")
    ENTRY("6", "rtsp", "6", "554")
    ENTRY("7", "rtsp", "6", "7070")
    ENTRY("8", "rtsp", "6", "8554")
    ENTRY("9", "ftp", "6", "21")
    ENTRY("10", "mms", "6", "1863")
    ENTRY("11", "pmap", "6", "111")
    ENTRY("12", "pmap", "17", "111")
    ENTRY("13", "sip", "17", "5060")
    ENTRY("14", "dns-udp", "17", "53")
    ENTRY("15", "rsh", "6", "514")
    ENTRY("16", "rsh", "6", "512")
    ENTRY("17", "dcerpc", "6", "135")
    ENTRY("18", "dcerpc", "17", "135")
    ENTRY("19", "mgcp", "17", "2427")
    ENTRY("20", "mgcp", "17", "2727")
    "end\n";
/* clang-format on */

static void shows(const struct config_tree *tree, const char *key, bool full, const char *wanted)
{
    struct text out = {0};
    struct tree_path path = tree_path_root("system session-helper", key);
    print_show(tree, &path, full, &out);
    assert_string_equal(out.n ? out.p : "", wanted);
    text_free(&out);
}

static void test_factory(void **state)
{
    (void)state;
    struct config_tree *tree = tree_factory();
    shows(tree, NULL, false, factory_table);
    shows(tree, NULL, true, factory_table); /* nothing in it has a default */
    shows(tree, "13", false, TABLE ENTRY("13", "sip", "17", "5060") "end\n");
    tree_free(tree);
}

/* Off by `delete 13`, on again under another number and port. */
static void test_delete_and_add(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, NULL, NULL);
    assert_int_equal(script_run(&s, TABLE "delete 13\nend"), 0);
    assert_false(tree_has_entry(s.running, "system session-helper", SLICE_LIT("13")));
    assert_true(tree_has_entry(s.running, "system session-helper", SLICE_LIT("14")));
    assert_int_equal(
        script_run(&s, TABLE "edit 33\nset name sip\nset protocol 6\nset port 5080\nend"), 0);
    assert_string_equal(script_output(&s), NEW("33"));
    shows(s.running, "33", false, TABLE ENTRY("33", "sip", "6", "5080") "end\n");
    script_close(&s);
}

/* ---- what is refused, what is said ---- */

static const struct {
    const char *lines;
    int code;
    const char *out;
} answers[] = {
    {TABLE "edit 30\nset name sip\nset protocol 17\nset port 5070\nend", 0, NEW("30")},
    {TABLE "edit 30\nset protocol 17\nset port 5070\nnext", 1,
     NEW("30") "node_check_object fail! for name \n\nAttribute 'name' MUST be set.\n"},
    {TABLE "edit 30\nset name sip\nset port 5070\nnext", 1,
     NEW("30") "node_check_object fail! for protocol \n\nAttribute 'protocol' MUST be set.\n"},
    {TABLE "edit 30\nset name sip\nset protocol 17\nnext", 1,
     NEW("30") "node_check_object fail! for port \n\nAttribute 'port' MUST be set.\n"},
    {TABLE "edit 13\nset port 0", -651,
     "node_check_object fail! for port 0\n\nvalue parse error before '0'\n"},
    {TABLE "edit 13\nset protocol 256", -651,
     "node_check_object fail! for protocol 256\n\nvalue parse error before '256'\n"},
    {TABLE "edit 13\nset name skype", -61, "command parse error before 'skype'\n"},
    {TABLE "edit x", -89, "invalid unsigned integer value\n\nvalue parse error before 'x'\n"},
    /* Others than SIP do nothing; what a new machine has of them needs no word. */
    {TABLE "edit 30\nset name tftp", 0, NEW("30") KEPT("tftp") NO_HELPER},
    {TABLE "edit 13\nset name dns-tcp", 0, KEPT("dns-tcp") NO_HELPER},
    {TABLE "edit 5\nset name tftp\nset protocol 17\nset port 69\nend", 0, ""},
    {TABLE "delete 9\nedit 9\nset name ftp\nset protocol 6\nset port 21\nend", 0, NEW("9")},
    {TABLE "edit 9\nset name sip\nend", 0, ""},
    {TABLE "edit 13\nset protocol 132\nend", 0,
     "Warning: 'sip' on protocol 132 is kept in the configuration but has no effect in this "
     "version: SIP is read from TCP (6) and UDP (17).\n"},
    {TABLE "edit 5\nset protocol 132\nend", 0, ""}, /* it did nothing before */
    /* Settings of the helper work. */
    {"config system settings\nset sip-helper disable\nset sip-expectation enable\n"
     "set sip-nat-trace disable\nset default-voip-alg-mode kernel-helper-based\nend",
     0, ""},
    {KERNEL SERVICE "set helper sip\nset helper disable\nend", 0, ""},
    {SERVICE "set helper sip\nend", 0,
     "Warning: 'helper sip' has no effect unless 'default-voip-alg-mode' of the system settings is "
     "'kernel-helper-based'.\n"},
    {SERVICE "set helper disable\nset helper auto\nend", 0, ""},
    {SERVICE "set helper mgcp\nend", 0, KEPT("mgcp") NO_HELPER},
    {"config voip profile\nedit default\nconfig sip\nset block-geo-red-options enable\nend", 0,
     "Warning: 'block-geo-red-options' does not do all it does in FortiOS: OPTIONS are dropped, "
     "but there is no standby server they could be a heartbeat for.\n"},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct script s;
        script_open(&s, NULL, NULL);
        int code = script_run(&s, answers[i].lines);
        if (code != answers[i].code || strcmp(script_output(&s), answers[i].out) != 0)
            fail_msg("%s\n--- %d\n%s--- expected %d\n%s", answers[i].lines, code, script_output(&s),
                     answers[i].code, answers[i].out);
        script_close(&s);
    }
}

/* A saved configuration comes back as it was, without a word on what nobody chose. */
static void test_saved(void **state)
{
    (void)state;
    struct text text = {0}, error = {0}, warnings = {0};
    struct config_tree *tree = NULL, *again = NULL;
    struct tree_path whole = {0};
    assert_int_equal(
        config_load_text("f", SLICE_LIT(TABLE "delete 13\nend\n"), &tree, &error, NULL), 0);
    print_header("260101", "admin", 7, &text);
    print_show(tree, &whole, false, &text);
    assert_int_equal(config_load_text("f", text_slice(&text), &again, &error, &warnings), 0);
    assert_true(tree_eq(tree, again));
    assert_int_equal(warnings.n, 0);
    tree_free(again);
    tree_free(tree);
    text_free(&text);
    text_free(&error);
    text_free(&warnings);
}

/* ---- rows ---- */

static const struct {
    const char *lines, *ports; /* "protocol/port ..." */
} rows_table[] = {
    {"", "17/5060 "},
    {TABLE "delete 13\nend\n", ""},
    {TABLE "purge\nend\n", ""},
    {TABLE "edit 13\nset port 5070\nend\n", "17/5070 "},
    {TABLE "edit 40\nset name sip\nset protocol 6\nset port 5060\nnext\n"
           "edit 30\nset name sip\nset protocol 17\nset port 65535\nend\n",
     "17/5060 17/65535 6/5060 "},
    {TABLE "edit 13\nset protocol 132\nend\n", ""},
    {TABLE "edit 13\nset name ftp\nend\n", ""},
    {TABLE "edit 9\nset name sip\nend\n", "6/21 17/5060 "},
    {"config system settings\nset sip-helper disable\nend\n", ""},
    {"config system settings\nset sip-udp-port 5080\nend\n", "17/5060 "},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows_table) / sizeof(rows_table[0]); i++) {
        struct config_rows *rows = rows_of(rows_table[i].lines);
        struct text ports = {0};
        for (uint32_t k = 0; k < rows->n_helper_ports; k++)
            text_printf(&ports, "%u/%u ", rows->helper_ports[k].proto, rows->helper_ports[k].port);
        assert_string_equal(ports.n ? ports.p : "", rows_table[i].ports);
        text_free(&ports);
        config_rows_free(rows);
    }
}

/* The profile of the helper: that of nobody, whatever `default` has become. */
static void test_profile(void **state)
{
    (void)state;
    struct config_rows *rows =
        rows_of("config voip profile\nedit default\nconfig sip\nset rtp disable\n"
                "set strict-register disable\nset invite-rate 3\nset log-violations enable\n"
                "set max-dialogs 2\nset malformed-header-via discard\nset block-bye enable\n"
                "end\nnext\nend\n");
    static const struct voip_rules no_rules;
    const struct row_voip_profile *p = &rows->helper_profile;
    assert_string_equal(p->name, ROW_HELPER_NAME);
    assert_true(p->sip_status && p->rtp && p->nat_trace && p->strict_register &&
                p->open_register_pinhole && p->open_contact_pinhole && p->contact_fixup &&
                p->open_record_route_pinhole);
    assert_false(p->log_violations || p->log_call_summary || p->preserve_override ||
                 p->no_sdp_fixup || p->hosted_nat_traversal || p->open_via_pinhole);
    assert_int_equal(p->max_dialogs + p->max_idle_dialogs + p->call_keepalive_s, 0);
    assert_int_equal(p->nat_port_first, 5117);
    assert_int_equal(p->nat_port_last, 65533);
    assert_int_equal(p->provisional_invite_expiry_s, 210);
    assert_memory_equal(&p->rules, &no_rules, sizeof(no_rules));
    assert_false(rows->global.sip_expectation);
    config_rows_free(rows);
    rows = rows_of("config system settings\nset sip-nat-trace disable\nset sip-expectation enable\n"
                   "end\n");
    assert_false(rows->helper_profile.nat_trace);
    assert_true(rows->voip_profiles[0].nat_trace);
    assert_true(rows->global.sip_expectation);
    config_rows_free(rows);
}

/* No profile can be taken for the helper's. */
static void test_name_is_free(void **state)
{
    struct script s;
    (void)state;
    script_open(&s, NULL, NULL);
    assert_int_not_equal(script_run(&s, "config voip profile\nedit \"" ROW_HELPER_NAME "\"\nend"),
                         0);
    script_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factory),      cmocka_unit_test(test_delete_and_add),
        cmocka_unit_test(test_answers),      cmocka_unit_test(test_saved),
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_profile),
        cmocka_unit_test(test_name_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
