/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings that become one member of one row: what it is by default, and after the line. */
#include "rows_unit.h"

enum place {
    GLOBAL,
    INTERFACE,
    POLICY,
    ROUTE
};

static const struct {
    enum place place;
    const char *before, *line; /* settings elsewhere, the line in the entry */
    size_t at, size;
    uint32_t initial, after;
} facts[] = {
#define FACT(place, row, member, before, line, initial, after)                                \
    {                                                                                         \
        place, before, line, offsetof(struct row, member), sizeof(((struct row *)0)->member), \
            initial, after                                                                    \
    }
#define SETTING(member, line, initial, after)                                                    \
    FACT(GLOBAL, row_global, member, "config system settings\nset " line "\nend\n", "", initial, \
         after)
#define SYSTEM(member, line, initial, after)                                                   \
    FACT(GLOBAL, row_global, member, "config system global\nset " line "\nend\n", "", initial, \
         after)
#define PORT(member, line, initial, after) \
    FACT(INTERFACE, row_interface, member, "", "set " line "\n", initial, after)
#define RULE(member, line, initial, after) \
    FACT(POLICY, row_policy, member, "", "set " line "\n", initial, after)
    SETTING(asymroute, "asymroute enable", false, true),
    SETTING(strict_src_check, "strict-src-check enable", false, true),
    SETTING(block_land_attack, "block-land-attack enable", false, true),
    SETTING(snat_hairpin, "snat-hairpin-traffic disable", true, false),
    SETTING(ecmp, "v4-ecmp-mode source-dest-ip-based", ROW_ECMP_SOURCE, ROW_ECMP_SOURCE_DEST),
    SETTING(ecmp, "v4-ecmp-mode weight-based", ROW_ECMP_SOURCE, ROW_ECMP_WEIGHT),
    SYSTEM(anti_replay, "anti-replay loose", ROW_REPLAY_STRICT, ROW_REPLAY_LOOSE),
    SYSTEM(anti_replay, "anti-replay disable", ROW_REPLAY_STRICT, ROW_REPLAY_OFF),
    SYSTEM(fragment_timeout_s, "ip-fragment-timeout 3", 30, 3),
    SYSTEM(reset_sessionless_tcp, "reset-sessionless-tcp enable", false, true),
    FACT(GLOBAL, row_global, log_implicit_deny,
         "config log setting\nset fwpolicy-implicit-log enable\nend\n", "", false, true),
    FACT(GLOBAL, row_global, log_implicit_deny6,
         "config log setting\nset fwpolicy6-implicit-log enable\nend\n", "", false, true),
    FACT(GLOBAL, row_global, log_forward,
         "config log syslogd filter\nset forward-traffic disable\nend\n", "", true, false),
    FACT(GLOBAL, row_global, log_voip, "config log syslogd filter\nset voip disable\nend\n", "",
         true, false),
    PORT(tcp_mss, "tcp-mss 1360", 0, 1360),
    PORT(src_check, "src-check disable", true, false),
    PORT(drop_fragment, "drop-fragment enable", false, true),
    PORT(external, "external enable", false, true),
    RULE(match_vip, "match-vip disable", true, false),
    RULE(port_random, "port-random enable", false, true),
    RULE(permit_any_host, "permit-any-host enable", false, true),
    RULE(anti_replay, "anti-replay disable", true, false),
    RULE(mss_sender, "tcp-mss-sender 1300", 0, 1300),
    RULE(mss_receiver, "tcp-mss-receiver 1301", 0, 1301),
    RULE(send_deny_packet, "send-deny-packet enable", false, true),
    RULE(log, "logtraffic all", ROW_LOG_UTM, ROW_LOG_ALL),
    RULE(log, "logtraffic disable", ROW_LOG_UTM, ROW_LOG_NONE),
    RULE(log_start, "logtraffic-start enable", false, true),
    RULE(without_syn, "tcp-session-without-syn data-only", ROW_SYN_NEEDED, ROW_SYN_OR_DATA),
    RULE(without_syn, "tcp-session-without-syn all", ROW_SYN_NEEDED, ROW_SYN_NOT_NEEDED),
    FACT(POLICY, row_policy, without_syn,
         "config system settings\nset tcp-session-without-syn enable\nend\n", "", ROW_SYN_NEEDED,
         ROW_SYN_NOT_NEEDED),
    /* The policy is asked only where the settings leave it to the policy. */
    RULE(check_new, "firewall-session-dirty check-new", false, false),
    FACT(POLICY, row_policy, check_new,
         "config system settings\nset firewall-session-dirty check-new\nend\n", "", false, true),
    FACT(POLICY, row_policy, check_new,
         "config system settings\nset firewall-session-dirty check-policy-option\nend\n", "", false,
         false),
    FACT(POLICY, row_policy, check_new,
         "config system settings\nset firewall-session-dirty check-policy-option\nend\n",
         "set firewall-session-dirty check-new\n", false, true),
    FACT(ROUTE, row_route, weight, "", "set weight 7\n", 0, 7),
};

static struct config_rows *rows_with(const char *before, enum place place, const char *line)
{
    struct text lines = {0};
    text_printf(&lines, "%sconfig system interface\nedit lan\n%snext\nend\n", before,
                place == INTERFACE ? line : "");
    text_printf(&lines,
                "config firewall policy\nedit 1\nset srcintf lan\nset dstintf any\n"
                "set srcaddr all\nset dstaddr all\nset schedule always\nset service ALL\n%snext\n"
                "end\n",
                place == POLICY ? line : "");
    text_printf(&lines, "config router static\nedit 1\nset device lan\n%snext\nend\n",
                place == ROUTE ? line : "");
    struct config_rows *rows = rows_of(lines.p);
    text_free(&lines);
    return rows;
}

static uint32_t value_of(const struct config_rows *rows, size_t fact)
{
    const void *const row[] = {[GLOBAL] = &rows->global,
                               [INTERFACE] = rows->interfaces,
                               [POLICY] = rows->policies,
                               [ROUTE] = rows->routes};
    uint32_t value = 0;
    memcpy(&value, (const char *)row[facts[fact].place] + facts[fact].at, facts[fact].size);
    return value;
}

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        struct config_rows *rows = rows_with("", facts[i].place, "");
        if (value_of(rows, i) != facts[i].initial)
            fail_msg("fact %zu: %u by default", i, value_of(rows, i));
        config_rows_free(rows);
        rows = rows_with(facts[i].before, facts[i].place, facts[i].line);
        if (value_of(rows, i) != facts[i].after)
            fail_msg("fact %zu: %u after %s%s", i, value_of(rows, i), facts[i].before,
                     facts[i].line);
        config_rows_free(rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_facts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
