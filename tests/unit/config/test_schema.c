/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables themselves: every default is a value of its type, every name can be typed, what refers
 * exists. Then the searches.
 */
#include "config/value.h"
#include "script.h"

#include <stdlib.h>

static void check_attr(const struct schema_node *node, const struct schema_attr *attr)
{
    struct slice name = slice_str(attr->name);
    assert_true(name.n > 0 && attr->help && attr->help[0]);
    for (size_t i = 0; i < name.n; i++)
        assert_true(ascii_digit(name.p[i]) || name.p[i] == '-' ||
                    name.p[i] == ascii_lower(name.p[i]));
    const struct schema_attr *found;
    assert_int_equal(schema_attr_find(node, name, &found), SCHEMA_FOUND);
    assert_ptr_equal(found, attr); /* no name twice */
    if (attr->when)
        assert_non_null(schema_attr(node, attr->when));
    bool options = attr->type == SCHEMA_OPTION || attr->type == SCHEMA_OPTIONS;
    assert_int_equal(options, attr->options != NULL);
    bool refers = attr->type == SCHEMA_REFERENCE || attr->type == SCHEMA_REFERENCES;
    assert_true(!refers || attr->tables || attr->literal);
    for (const char *const *t = attr->tables; t && *t; t++)
        assert_non_null(schema_root(*t));
    for (const struct schema_option *o = attr->options; o && o->word; o++)
        assert_true(!o->same_as || schema_option(attr, slice_str(o->same_as)));
    json_t *initial = value_default(attr);
    assert_int_equal(initial != NULL, attr->initial != NULL);
    if (initial) {
        struct text text = {0};
        value_print_plain(initial, &text);
        /* tree_str hands out the default as it stands in the table. */
        assert_string_equal(text.p, attr->initial);
        text_free(&text);
    }
    json_decref(initial);
}

static void check_node(const struct schema_node *node, unsigned depth)
{
    assert_true(depth <= TREE_DEPTH);
    assert_non_null(node->help);
    assert_true(schema_is_table(node) == (node->key_name != NULL));
    if (node->kind == SCHEMA_TABLE_STRING)
        assert_true(node->key_max < TREE_KEY_MAX);
    for (unsigned i = 0; i < node->n_attrs; i++) {
        check_attr(node, &node->attrs[i]);
        /* Nested nodes refer to nothing: renaming relies on it. */
        assert_true(depth == 1 || !node->attrs[i].tables);
        for (unsigned c = 0; c < node->n_children; c++)
            assert_string_not_equal(node->attrs[i].name, node->children[c].path);
    }
    for (unsigned i = 0; i < node->n_children; i++)
        check_node(&node->children[i], depth + 1);
}

/* What a row refers to is printed before it, or is its own table. */
static void check_order(const struct schema_node *const *roots, unsigned at)
{
    for (unsigned a = 0; a < roots[at]->n_attrs; a++) {
        for (const char *const *t = roots[at]->attrs[a].tables; t && *t; t++) {
            unsigned target = 0;
            while (strcmp(roots[target]->path, *t) != 0)
                target++;
            assert_true(target <= at);
        }
    }
}

static void test_tables(void **state)
{
    (void)state;
    unsigned n;
    const struct schema_node *const *roots = schema_roots(&n);
    for (unsigned i = 0; i < n; i++) {
        check_node(roots[i], 1);
        check_order(roots, i);
        assert_ptr_equal(schema_root(roots[i]->path), roots[i]);
    }
    assert_null(schema_root("firewall"));
}

/* Ranges and defaults an operator relies on: path, attribute, default, lowest, highest. */
static const struct {
    const char *root, *child, *attr, *initial;
    uint32_t min, max;
} numbers[] = {
    {"system global", NULL, "udp-idle-timer", "180", 1, 86400},
    {"system global", NULL, "tcp-halfopen-timer", "10", 1, 86400},
    {"system global", NULL, "tcp-halfclose-timer", "120", 1, 86400},
    {"system global", NULL, "tcp-timewait-timer", "1", 0, 300},
    {"system global", NULL, "tcp-rst-timer", "5", 5, 300},
    {"system global", NULL, "admintimeout", "5", 1, 480},
    {"system session-ttl", NULL, "default", "3600", 300, 2764800},
    {"system session-ttl", "port", "timeout", "300", 1, 2764800},
    {"system session-ttl", "port", "protocol", "0", 0, 255},
    {"system session-ttl", "port", "start-port", "0", 0, 65535},
    {"firewall service custom", NULL, "udp-idle-timer", "0", 0, 86400},
    {"firewall service custom", NULL, "session-ttl", "0", 300, 2764800},
    {"firewall service custom", NULL, "tcp-rst-timer", "0", 5, 300},
    {"firewall policy", NULL, "session-ttl", "0", 300, 2764800},
    {"voip profile", "sip", "call-keepalive", "0", 0, 10080},
    {"voip profile", "sip", "max-dialogs", "0", 0, 4294967295},
    {"voip profile", "sip", "max-idle-dialogs", "0", 0, 4294967295},
    {"voip profile", "sip", "provisional-invite-expiry-time", "210", 10, 3600},
    {"voip profile", "sip", "max-line-length", "998", 78, 4096},
    {"voip profile", "sip", "invite-rate", "0", 0, 4294967295},
    {"voip profile", "sccp", "max-calls", "0", 0, 65535},
    {"voip profile", "msrp", "max-msg-size", "0", 0, 65535},
    {"router static", NULL, "distance", "10", 1, 255},
    {"router static6", NULL, "distance", "10", 1, 255},
    {"router static6", NULL, "priority", "1024", 1, 65535},
    {"firewall ippool", NULL, "startport", "5117", 1024, 65535},
    {"firewall ippool", NULL, "endport", "65533", 1024, 65535},
    {"firewall ippool", NULL, "block-size", "128", 64, 4096},
    {"firewall ippool", NULL, "num-blocks-per-user", "8", 1, 128},
    {"firewall ippool", NULL, "pba-timeout", "30", 3, 86400},
    {"firewall ippool", NULL, "port-per-user", "0", 32, 60417},
    {"firewall vip", NULL, "id", "0", 0, 65535},
    {"system interface", NULL, "tcp-mss", "0", 48, 65535},
    {"system global", NULL, "ip-fragment-timeout", "30", 3, 30},
    {"router static", NULL, "priority", "1", 1, 65535},
    {"dpdk global", NULL, "sessions", "65536", 1024, 200000000},
};

static const struct {
    const char *root, *child, *attr, *initial;
} words[] = {
    {"voip profile", "sip", "status", "enable"},
    {"voip profile", "sip", "rtp", "enable"},
    {"voip profile", "sip", "nat-port-range", "5117-65533"},
    {"voip profile", "sip", "open-register-pinhole", "enable"},
    {"voip profile", "sip", "open-contact-pinhole", "enable"},
    {"voip profile", "sip", "open-via-pinhole", "disable"},
    {"voip profile", "sip", "open-record-route-pinhole", "enable"},
    {"voip profile", "sip", "strict-register", "enable"},
    {"voip profile", "sip", "nat-trace", "enable"},
    {"voip profile", "sip", "preserve-override", "disable"},
    {"voip profile", "sip", "no-sdp-fixup", "disable"},
    {"voip profile", "sip", "contact-fixup", "enable"},
    {"voip profile", "sip", "block-long-lines", "enable"},
    {"voip profile", "sip", "block-unknown", "enable"},
    {"voip profile", "sip", "log-violations", "disable"},
    {"voip profile", "sip", "log-call-summary", "enable"},
    {"voip profile", "sip", "malformed-header-sdp-m", "pass"},
    {"voip profile", "sip", "unknown-header", "pass"},
    {"voip profile", "sip", "register-rate-track", "none"},
    {"voip profile", "msrp", "log-violations", "enable"},
    {"firewall policy", NULL, "action", "deny"},
    {"firewall policy", NULL, "match-vip", "enable"},
    {"firewall policy", NULL, "anti-replay", "enable"},
    {"firewall policy", NULL, "logtraffic", "utm"},
    {"firewall vip", NULL, "type", "static-nat"},
    {"firewall vip", NULL, "arp-reply", "enable"},
    {"firewall vip", NULL, "nat-source-vip", "disable"},
    {"firewall vip", NULL, "protocol", "tcp"},
    {"firewall ippool", NULL, "type", "overload"},
    {"firewall ippool", NULL, "permit-any-host", "disable"},
    {"system zone", NULL, "intrazone", "deny"},
    {"system interface", NULL, "src-check", "enable"},
    {"system interface", "ipv6", "ip6-address", "::/0"},
    {"system settings", NULL, "v4-ecmp-mode", "source-ip-based"},
    {"system settings", NULL, "firewall-session-dirty", "check-all"},
    {"system settings", NULL, "snat-hairpin-traffic", "enable"},
    {"firewall policy", NULL, "nat", "disable"},
    {"firewall policy", NULL, "port-preserve", "enable"},
    {"system settings", NULL, "default-voip-alg-mode", "proxy-based"},
    {"system settings", NULL, "sip-udp-port", "5060"},
    {"system settings", NULL, "sip-tcp-port", "5060"},
    {"system settings", NULL, "sip-helper", "enable"},
    {"system settings", NULL, "sip-expectation", "disable"},
    {"system settings", NULL, "sip-nat-trace", "enable"},
    {"firewall service custom", NULL, "helper", "auto"},
    {"dpdk cpus", NULL, "worker-cpus", "1"},
    {"dpdk global", NULL, "hugepages", "disable"},
};

static const struct schema_node *node_of(const char *root, const char *child)
{
    const struct schema_node *node = schema_root(root);
    assert_non_null(node);
    return child ? schema_child(node, child) : node;
}

static void test_defaults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct schema_attr *attr =
            schema_attr(node_of(numbers[i].root, numbers[i].child), numbers[i].attr);
        assert_string_equal(attr->initial, numbers[i].initial);
        assert_int_equal(attr->min, numbers[i].min);
        assert_int_equal(attr->max, numbers[i].max);
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct schema_attr *attr =
            schema_attr(node_of(words[i].root, words[i].child), words[i].attr);
        assert_string_equal(attr->initial, words[i].initial);
    }
}

/* Words joined by blanks; *used comes back. */
static enum schema_miss find(const char *line, unsigned *used, const struct schema_node **node)
{
    struct words cut = {0};
    assert_int_equal(words_read(&cut, slice_str(line)), WORDS_DONE);
    enum schema_miss miss = schema_path_find(NULL, cut.n, cut.w, used, node);
    words_free(&cut);
    return miss;
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum schema_miss miss;
        const char *path;
        unsigned used;
    } rows[] = {
        {"system global", SCHEMA_FOUND, "system global", 2},
        {"sys session-ttl", SCHEMA_FOUND, "system session-ttl", 2},
        {"s g", SCHEMA_FOUND, "system global", 2},
        {"fire serv cus", SCHEMA_FOUND, "firewall service custom", 3},
        {"firewall sched r extra", SCHEMA_FOUND, "firewall schedule recurring", 3},
        {"firewall address", SCHEMA_FOUND, "firewall address", 2},
        {"voip prof edit x", SCHEMA_FOUND, "voip profile", 2},
        {"firewall addr", SCHEMA_AMBIGUOUS, NULL, 1},
        {"firewall s", SCHEMA_AMBIGUOUS, NULL, 1},
        {"router stat", SCHEMA_FOUND, "router static", 2},
        {"router static6", SCHEMA_FOUND, "router static6", 2},
        {"firewall vi", SCHEMA_AMBIGUOUS, NULL, 1},
        {"firewall addrg", SCHEMA_FOUND, "firewall addrgrp", 2},
        {"system se", SCHEMA_AMBIGUOUS, NULL, 1},
        {"firewall", SCHEMA_SHORT, NULL, 1},
        {"firewall service", SCHEMA_SHORT, NULL, 2},
        {"wanopt", SCHEMA_UNKNOWN, NULL, 0},
        {"system bogus", SCHEMA_UNKNOWN, NULL, 1},
        {"system ''", SCHEMA_UNKNOWN, NULL, 1},
        {"", SCHEMA_SHORT, NULL, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned used = 99;
        const struct schema_node *node = NULL;
        if (find(rows[i].line, &used, &node) != rows[i].miss)
            print_message("%s\n", rows[i].line);
        assert_int_equal(find(rows[i].line, &used, &node), rows[i].miss);
        assert_int_equal(used, rows[i].used);
        if (rows[i].path)
            assert_string_equal(node->path, rows[i].path);
    }
}

static void candidates(const char *words_before, const char *prefix, const char *expected)
{
    struct words cut = {0};
    struct schema_option out[32];
    struct text got = {0};
    assert_int_equal(words_read(&cut, slice_str(words_before)), WORDS_DONE);
    unsigned n = schema_path_next(NULL, cut.n, cut.w, slice_str(prefix), out, 32);
    for (unsigned i = 0; i < n; i++)
        text_printf(&got, "%s%s%s", i ? " " : "", out[i].word, out[i].help ? "*" : "");
    assert_string_equal(got.n ? got.p : "", expected);
    text_free(&got);
    words_free(&cut);
}

static void test_path_candidates(void **state)
{
    (void)state;
    candidates("", "", "system dpdk firewall voip log router");
    candidates("", "v", "voip");
    candidates("sys", "s", "settings* session-ttl* session-helper*");
    candidates(
        "firewall", "",
        "address* addrgrp* address6* addrgrp6* service ippool* vip* vipgrp* schedule policy*");
    candidates("firewall serv", "c", "category* custom*");
    candidates("bogus", "", "");
    candidates("system global", "", "");
    struct schema_option few[2];
    assert_int_equal(schema_path_next(NULL, 0, NULL, SLICE_NONE, few, 2), 2);
}

static void test_attr_prefixes(void **state)
{
    (void)state;
    const struct schema_node *node = schema_root("firewall policy");
    const struct schema_attr *attr;
    assert_int_equal(schema_attr_find(node, SLICE_LIT("srci"), &attr), SCHEMA_FOUND);
    assert_string_equal(attr->name, "srcintf");
    assert_int_equal(schema_attr_find(node, SLICE_LIT("srcaddr"), &attr), SCHEMA_FOUND);
    assert_string_equal(attr->name, "srcaddr");
    assert_int_equal(schema_attr_find(node, SLICE_LIT("src"), &attr), SCHEMA_AMBIGUOUS);
    assert_int_equal(schema_attr_find(node, SLICE_LIT("x"), &attr), SCHEMA_UNKNOWN);
    assert_int_equal(schema_attr_find(node, SLICE_NONE, &attr), SCHEMA_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_paths),         cmocka_unit_test(test_path_candidates),
        cmocka_unit_test(test_attr_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
