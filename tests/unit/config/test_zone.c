/* SPDX-License-Identifier: BSD-3-Clause */
/* Zones: who may be a member and who may be named, and what policies and rows make of them. */
#include "rows_unit.h"

#define PORTS \
    "config system interface\nedit a\nnext\nedit b\nnext\nedit c\nnext\nedit d\nnext\nend\n"
#define ZONE "config system zone\nedit z\nset interface b d\nend\n"
#define POLICY(from, to)                                                    \
    "config firewall policy\nedit 1\nset srcintf " from "\nset dstintf " to \
    "\nset srcaddr all\nset dstaddr all\nset schedule always\nset service ALL\nend\n"

static const struct {
    const char *lines;
    int code;
    const char *tail;
} rows[] = {
    {PORTS ZONE POLICY("z", "a c"), 0, "new entry '1' added\n"},
    {PORTS ZONE POLICY("b", "a"), -3,
     "entry not found in datasource\n\nvalue parse error before 'b'\n"},
    {PORTS ZONE POLICY("a", "d"), -3,
     "entry not found in datasource\n\nvalue parse error before 'd'\n"},
    {PORTS POLICY("b", "a") "config system zone\nedit z\nset interface b", -23,
     "The entry is used by other 1 entries\n"},
    {PORTS ZONE "config system zone\nedit y\nset interface a d", -651,
     "node_check_object fail! for interface d\n\nvalue parse error before 'd'\n"},
    {PORTS ZONE "config system zone\nedit z\nset interface d a\nend\n" POLICY("b", "z"), 0,
     "new entry '1' added\n"},
    {PORTS "config system zone\nedit a", -553,
     "Name 'a' conflict: 'interface' and 'zone' cannot be the same name.\n"
     "node_check_object fail! for name a\n\nvalue parse error before 'a'\n"},
    {PORTS ZONE "config system interface\nedit z", -553,
     "Name 'z' conflict: 'interface' and 'zone' cannot be the same name.\n"
     "node_check_object fail! for name z\n\nvalue parse error before 'z'\n"},
    {"config system zone\nedit any", -553,
     "node_check_object fail! for name any\n\nvalue parse error before 'any'\n"},
    {PORTS ZONE "config system interface\ndelete d", -23, "The entry is used by other 1 entries\n"},
    {PORTS ZONE POLICY("z", "any") "config system zone\ndelete z", -23,
     "The entry is used by other 1 entries\n"},
};

static void test_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct script script;
        script_open(&script, NULL, NULL);
        script_run(&script, rows[i].lines);
        const char *out = script_output(&script);
        size_t n = strlen(out), tail = strlen(rows[i].tail);
        const char *end = out + (n > tail ? n - tail : 0);
        if (script.code != rows[i].code || strcmp(end, rows[i].tail) != 0)
            fail_msg("row %zu:\n%s\n-> %d\n%s", i, rows[i].lines, script.code, out);
        script_close(&script);
    }
}

static void test_members(void **state)
{
    (void)state;
    struct config_rows *r =
        rows_of(PORTS ZONE "config system zone\nedit empty\nend\n" POLICY("z a", "empty"));
    static const uint16_t zones[] = {0, 1, 2, 1};
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(r->interfaces[i].zone, zones[i]);
    const struct row_policy *p = r->policies;
    assert_int_equal(r->n_policies, 1);
    assert_int_equal(p->n_srcintf, 3);
    assert_int_equal(p->srcintf[0], 0);
    assert_int_equal(p->srcintf[1], 1);
    assert_int_equal(p->srcintf[2], 3);
    assert_int_equal(p->n_dstintf, 0);
    assert_false(p->any_dstintf || p->any_srcintf);
    config_rows_free(r);
}

static void test_intrazone(void **state)
{
    (void)state;
    struct config_rows *r = rows_of(
        PORTS ZONE "config system zone\nedit z\nset intrazone allow\nend\n"
                   "config firewall service custom\ndelete ALL_TCP\nend\n" POLICY("a", "z"));
    assert_int_equal(r->n_policies, 2);
    const struct row_policy *p = &r->policies[1];
    assert_int_equal(p->id, 0);
    assert_true(p->accept && !p->nat && p->anti_replay);
    assert_int_equal(p->n_srcintf, 2);
    assert_int_equal(p->dstintf[1], 3);
    const struct row_address *a = &r->addresses[p->srcaddr[0]];
    assert_int_equal(a->n_ranges, 1);
    assert_true(a->ranges[0].first == 0 && a->ranges[0].last == UINT32_MAX);
    const struct row_address6 *a6 = &r->addresses6[p->dstaddr6[0]];
    assert_int_equal(a6->ranges[0].last.byte[15], 0xff);
    assert_int_equal(r->services[p->services[0]].matches[0].proto, 0);
    assert_int_equal(r->services[p->services[0]].matches[0].dport_last, 65535);
    config_rows_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_members),
                                       cmocka_unit_test(test_intrazone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
