/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

#include <stdlib.h>

static int setup(void **state)
{
    struct fake *fake = malloc(sizeof(*fake));
    fake_open(fake);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    free(*state);
    return 0;
}

static struct text out;

static const char *help(struct fake *fake, const char *line)
{
    text_clear(&out);
    cli_help(fake->cli, slice_str(line), &out);
    return out.p ? out.p : "";
}

static const char *tab(struct fake *fake, const char *line)
{
    text_clear(&out);
    cli_complete(fake->cli, slice_str(line), &out);
    return out.p ? out.p : "";
}

struct row {
    const char *line, *help;
};

static void rows_check(struct fake *fake, const struct row *rows)
{
    for (; rows->line; rows++) {
        const char *printed = help(fake, rows->line);
        if (strcmp(printed, rows->help) != 0)
            fail_msg("%s?\n--- expected\n%s--- printed\n%s---", rows->line, rows->help, printed);
    }
}

static void at_the_top(void **state)
{
    static const struct row rows[] = {
        {"", "config      Configure object.\n"
             "show        Show configuration.\n"
             "get         Get dynamic and system information.\n"
             "diagnose    Diagnose facility.\n"
             "execute     Execute static commands.\n"
             "exit        Exit the CLI.\n"
             "quit        Exit the CLI.\n"},
        {"ex", "execute    Execute static commands.\nexit       Exit the CLI.\n"},
        {"con", "config    Configure object.\n"},
        {"config fir", "firewall    Policies and their objects.\n"},
        {"config firewall service ", "category    Configure service categories.\n"
                                     "custom      Configure custom services.\n"
                                     "group       Configure service groups.\n"},
        {"conf sys session", "session-ttl       Configure session timeouts.\n"
                             "session-helper    Configure session helpers.\n"},
        {"diag sys s", "session      Session table.\n"
                       "session6     IPv6 session table.\n"
                       "sip-proxy    SIP ALG.\n"
                       "sip          SIP session helper.\n"},
        {"diagnose sys session list ", "<Enter>\n"},
        {"diagnose sys session filter port ", "<from> [<to>]    Source or destination port.\n"},
        {"diagnose sys session filter port 1 ", "<from> [<to>]    Source or destination port.\n"},
        {"diagnose sys session filter port 1 2 ", "<Enter>\n"},
        {"diagnose sys session filter negate ds", "dst\n"},
        {"diagnose sys session filter ext-src",
         ""
         "ext-src           Add a source address to the extended match list.\n"
         "ext-src-negate    Add a source address that must not match.\n"},
        {"diagnose firewall drop list ", "all\n"},
        {"get system sess", "session           Session table.\n"
                            "session-info      Session table information.\n"
                            "session-ttl       Configure session timeouts.\n"
                            "session-helper    Configure session helpers.\n"},
        {"get system interface ", "physical    Physical interfaces.\n"},
        {"show voip profile ", "default\nstrict\n"},
        {"show voip profile s", "strict\n"},
        {"exit ", "<Enter>\n"},
        {"nonsense ", ""},
        {"d x ", ""},
        {"config system global ", ""},
        {"set ", ""},
        {"# comment ", ""},
        {"show \"open ", ""},
        {"\xff", ""},
        {NULL},
    };
    rows_check(*state, rows);
}

static void inside_a_table_and_an_entry(void **state)
{
    struct fake *fake = *state;
    fake_line(fake, "config voip profile");
    static const struct row table[] = {
        {"e", "edit    Add or edit a table value.\nend     End and save last config.\n"},
        {"edit ", "default\nstrict\n"},
        {"delete st", "strict\n"},
        {"rename strict ", "to    New key.\n"},
        {"clone strict t", "to    New key.\n"},
        {"show ", "default\n"
                  "strict\n"
                  "full-configuration    Show full configuration.\n"
                  "system                System settings.\n"
                  "dpdk                  Cores, memory, devices.\n"
                  "firewall              Policies and their objects.\n"
                  "voip                  VoIP profiles.\n"
                  "log                   Logging.\n"
                  "router                Routing.\n"},
        {"end ", "<Enter>\n"},
        {NULL},
    };
    rows_check(fake, table);
    fake_line(fake, "edit a");
    assert_string_equal(help(fake, "set comment "), "<string>    please input string value\n");
    assert_non_null(strstr(help(fake, "config "), "sip "));
    assert_non_null(strstr(help(fake, "set "), "comment "));
    fake_line(fake, "config sip");
    static const struct row sip[] = {
        {"set call-keepalive ",
         "call-keepalive    Enter an integer value from <0> to <10080> (default = <0>).\n"},
        {"set prov ", "provisional-invite-expiry-time    Enter an integer value from <10> to "
                      "<3600> (default = <210>).\n"},
        {"set rtp ", "enable     Enable setting.\ndisable    Disable setting.\n"},
        {"set rtp d", "disable    Disable setting.\n"},
        {"set nat-port-range ", "<portrange>    low-high\n"},
        {"unset rtp ", ""},
        {"set nonsense ", ""},
        {NULL},
    };
    rows_check(fake, sip);
}

static void values_of_every_kind(void **state)
{
    struct fake *fake = *state;
    fake_line(fake, "config firewall policy");
    static const struct row table[] = {
        {"move 1 ", "before    Move before this entry.\nafter     Move after this entry.\n"},
        {NULL},
    };
    rows_check(fake, table);
    fake_line(fake, "edit 5");
    static const struct row entry[] = {
        {"set session-ttl ", "session-ttl    Enter an integer value from <300> to <2764800> or "
                             "never or (special = <0>)\n"},
        {"set srcaddr a", "all\n"},
        {"append dstaddr al", "all\n"},
        {"set voip-profile ", "default\nstrict\n"},
        {NULL},
    };
    rows_check(fake, entry);
    fake_line(fake, "abort");
    fake_line(fake, "config system interface");
    fake_line(fake, "edit port1");
    assert_non_null(strstr(help(fake, "set ip "), "<ip&netmask>"));
    assert_non_null(strstr(help(fake, "set macaddr "), "<mac>"));
    fake_line(fake, "abort");
    fake_line(fake, "config firewall service custom");
    fake_line(fake, "edit s");
    assert_non_null(strstr(help(fake, "set udp-portrange "), "<portrange>"));
    fake_line(fake, "abort");
    fake_line(fake, "config system session-helper");
    static const struct row helpers[] = {
        {"edit 1", "1\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n"},
        {"delete 13", "13\n"},
        {NULL},
    };
    rows_check(fake, helpers);
    fake_line(fake, "edit 13");
    static const struct row helper[] = {
        {"set ", "name        Helper.\nprotocol    Protocol: 6 TCP, 17 UDP.\n"
                 "port        Destination port.\n"},
        {"set name s", "sip    SIP of policies that name no VoIP profile, where the mode is "
                       "kernel-helper-based.\n"},
        {"set name dns", "dns-udp    DNS over UDP.\ndns-tcp    DNS over TCP.\n"},
        {NULL},
    };
    rows_check(fake, helper);
    fake_line(fake, "abort");
    assert_string_equal(fake_line(fake, "get system session-helper 13"),
                        "id                  : 13\nname                : sip \n"
                        "protocol            : 17\nport                : 5060\n");
    assert_non_null(strstr(fake_line(fake, "get system session-helper"),
                           "== [ 13 ]\nid: 13   name: sip    protocol: 17   port: 5060"));
}

static void tab_gives_words_as_typed(void **state)
{
    struct fake *fake = *state;
    static const struct row rows[] = {
        {"conf", "config\n"},
        {"diag sys session l", "list\n"},
        {"diagnose sys session filter po", "port\npolicy\n"},
        {"show voip profile ", "default\nstrict\n"},
        {"config system global ", ""},
        {NULL},
    };
    for (const struct row *row = rows; row->line; row++)
        assert_string_equal(tab(fake, row->line), row->help);
    fake_line(fake, "config voip profile");
    fake_line(fake, "edit 'two words'");
    fake_line(fake, "next");
    assert_string_equal(tab(fake, "edit t"), "\"two words\"\n");
    fake_line(fake, "edit 'x");
    assert_string_equal(tab(fake, "edit t"), "");
}

static void help_changes_nothing(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 3);
    help(fake, "diagnose sys session clear");
    tab(fake, "diagnose sys session clear");
    help(fake, "config voip profile edit x ");
    assert_string_equal(fake_prompt(fake), "Pinhole # ");
    assert_non_null(strstr(fake_line(fake, "diagnose sys session list"), "total session 3\n"));
}

static int release(void **state)
{
    (void)state;
    text_free(&out);
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(at_the_top),           TEST(inside_a_table_and_an_entry),
        TEST(values_of_every_kind), TEST(tab_gives_words_as_typed),
        TEST(help_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
