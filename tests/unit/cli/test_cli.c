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

#define FAIL(code)  "Command fail. Return code " #code "\n"
#define PARSE(word) "command parse error before '" word "'\n"

#define SEED_SHOW                                          \
    "config voip profile\n"                                \
    "    edit \"VoIP_Pro_Name\"\n"                         \
    "        config sip\n"                                 \
    "            set call-keepalive 100\n"                 \
    "            set max-idle-dialogs 200\n"               \
    "            set provisional-invite-expiry-time 100\n" \
    "        end\n"                                        \
    "    next\n"                                           \
    "end\n"

static void the_seed_commands(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 3);
    const struct transcript rows[] = {
        {"config system global", ""},
        {"    set udp-idle-timer 500", ""},
        {"end", ""},
        {"show system global", "config system global\n    set udp-idle-timer 500\nend\n"},
        {"config firewall service custom", ""},
        {"    edit \"SIP_Port\"", "new entry 'SIP_Port' added\n"},
        {"        set category \"General\"", ""},
        {"        set protocol TCP/UDP/SCTP", ""},
        {"        set visibility enable", ""},
        {"        set udp-portrange 5060-5060", ""},
        {"        set udp-idle-timer 500", ""},
        {"    next", ""},
        {"end", ""},
        {"show firewall service custom SIP_Port", "config firewall service custom\n"
                                                  "    edit \"SIP_Port\"\n"
                                                  "        set category \"General\"\n"
                                                  "        set udp-portrange 5060\n"
                                                  "        set udp-idle-timer 500\n"
                                                  "    next\n"
                                                  "end\n"},
        {"config sys session-ttl", ""},
        {"    config port", ""},
        {"        edit 1", "new entry '1' added\n"},
        {"            set protocol 17", ""},
        {"            set timeout 500", ""},
        {"            set start-port 5060", ""},
        {"            set end-port 5060", ""},
        {"        next", ""},
        {"    end", ""},
        {"end", ""},
        {"show sys session-ttl", "config system session-ttl\n"
                                 "    config port\n"
                                 "        edit 1\n"
                                 "            set protocol 17\n"
                                 "            set start-port 5060\n"
                                 "            set end-port 5060\n"
                                 "            set timeout 500\n"
                                 "        next\n"
                                 "    end\n"
                                 "end\n"},
        {"config voip profile", ""},
        {"edit VoIP_Pro_Name", "new entry 'VoIP_Pro_Name' added\n"},
        {"config sip", ""},
        {"set call-keepalive 100", ""},
        {"set max-idle-dialogs 200", ""},
        {"set provisional-invite-expiry-time 100", ""},
        {"end", ""},
        {"end", ""},
        {"show voip profile VoIP_Pro_Name", SEED_SHOW},
        {"diagnose sys session filter clear", ""},
        {"diagnose sys session filter proto 17", ""},
        {"diagnose sys session filter port 5060", ""},
        {"diagnose sys session clear", ""},
        {"diagnose sys session list", "total session 0\n"},
        {"diagnose sys sip-proxy filter policy 1", ""},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_int_equal(fake->commits, 4);
    assert_true(tree_eq(fake->committed, fake->running));
    assert_memory_equal(fake_line(fake, "diagnose sys sip-proxy stats list"), "sip stats\n", 10);
}

static void the_seed_commands_as_pasted_from_a_web_page(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"config voip profile edit VoIP_Pro_Name", "new entry 'VoIP_Pro_Name' added\n"},
        {"config sip", ""},
        {"set max-idle-dialogs 200", ""},
        {"set provisional-invite-expiry-time 100", ""},
        {"set call-keepalive 100 end", ""},
        {"end", ""},
        {"show voip profile VoIP_Pro_Name", SEED_SHOW},
        {"config voip profile edit other config sip set call-keepalive 7 end next end",
         "new entry 'other' added\n"},
        {"show voip profile other | grep call", "            set call-keepalive 7\n"},
        {"config system global set udp-idle-timer 500 end", ""},
        {"show system global", "config system global\n    set udp-idle-timer 500\nend\n"},
        {"config firewall service custom edit \"SIP_Port\" set udp-portrange 5060-5060 set "
         "udp-idle-timer 500 next end",
         "new entry 'SIP_Port' added\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_string_equal(fake_prompt(fake), "Pinhole # ");
    assert_int_equal(fake->commits, 4);
}

static void a_failing_command_ends_its_line(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"config system global set nonsense 1 set udp-idle-timer 500 end",
         PARSE("nonsense") FAIL(-61), -61},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_string_equal(fake_prompt(fake), "Pinhole (global) # ");
    assert_int_equal(fake->commits, 0);
}

static void prompts_name_the_innermost_context(void **state)
{
    struct fake *fake = *state;
    static const struct {
        const char *line, *prompt;
    } steps[] = {
        {"config voip profile", "Pinhole (profile) # "},
        {"edit VoIP_Pro_Name", "Pinhole (VoIP_Pro_Name) # "},
        {"config sip", "Pinhole (sip) # "},
        {"end", "Pinhole (VoIP_Pro_Name) # "},
        {"end", "Pinhole # "},
        {"config sys session-ttl", "Pinhole (session-ttl) # "},
        {"config port", "Pinhole (port) # "},
        {"edit 1", "Pinhole (1) # "},
        {"next", "Pinhole (port) # "},
        {"end", "Pinhole (session-ttl) # "},
        {"end", "Pinhole # "},
        {"config system global", "Pinhole (global) # "},
        {"set alias \"two", "> "},
        {"words\"", "Pinhole (global) # "},
        {"set hostname \\", "> "},
        {"SITE-A", "Pinhole (global) # "},
        {"end", "SITE-A # "},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        fake_line(fake, steps[i].line);
        assert_string_equal(fake_prompt(fake), steps[i].prompt);
    }
}

static void words_may_be_shortened(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"diag sys sess list", "total session 0\n"},
        {"get sys sess list", "ambiguous command before 'sess'\n" FAIL(-61), -61},
        {"diag sys session li", "total session 0\n"},
        {"dia sy session list", "total session 0\n"},
        {"g sy session stat", "The total number of sessions for the current VDOM: 0\n"},
        {"conf sys glo", ""},
        {"se udp-i 77", "ambiguous command before 'se'\n" FAIL(-61), -61},
        {"set udp-i 77", ""},
        {"set tcp 9", "ambiguous command before 'tcp'\n" FAIL(-61), -61},
        {"sh", "config system global\n    set udp-idle-timer 77\nend\n"},
        {"uns udp", "ambiguous command before 'uns'\n" FAIL(-61), -61},
        {"unset udp", ""},
        {"show", "config system global\nend\n"},
        {"en", ""},
        {"e", "ambiguous command before 'e'\n" FAIL(-61), -61},
        {"get system se", "ambiguous command before 'se'\n" FAIL(-61), -61},
        {"config system se", "ambiguous command before 'se'\n" FAIL(-61), -61},
        {"show system se", "ambiguous command before 'se'\n" FAIL(-61), -61},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void errors_are_those_of_fortios(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"frobnicate", "Unknown action 0\n", -61},
        {"set opmode transparent", "Unknown action 0\n", -61},
        {"\"show\"", "Unknown action 0\n", -61},
        {"''", "Unknown action 0\n", -61},
        {"SHOW FUL", PARSE("SHOW"), -61},
        {"config", "incomplete command in the end\n" FAIL(-160), -160},
        {"config system", "incomplete command in the end\n" FAIL(-160), -160},
        {"config system nothing", PARSE("nothing") FAIL(-61), -61},
        {"config nothing", PARSE("nothing") FAIL(-61), -61},
        {"show nothing", PARSE("nothing") FAIL(-61), -61},
        {"show system", "incomplete command in the end\n" FAIL(-160), -160},
        {"show system global x", PARSE("x") FAIL(-61), -61},
        {"get", "incomplete command in the end\n" FAIL(-160), -160},
        {"get system", "incomplete command in the end\n" FAIL(-160), -160},
        {"get nothing", PARSE("nothing") FAIL(-61), -61},
        {"diagnose", "incomplete command in the end\n" FAIL(-160), -160},
        {"diagnose sys session", "incomplete command in the end\n" FAIL(-160), -160},
        {"diagnose sys session lost", PARSE("lost") FAIL(-61), -61},
        {"diagnose sys session list x", PARSE("x") FAIL(-61), -61},
        {"execute", "incomplete command in the end\n" FAIL(-160), -160},
        {"execute ping", PARSE("ping") FAIL(-61), -61},
        {"show voip profile nobody",
         "entry not found in datasource\n\nvalue parse error before 'nobody'\n" FAIL(-3), -3},
        {"exit now", PARSE("now") FAIL(-61), -61},
        {"set a <b>", "character must be quoted\n" PARSE("<b>") FAIL(-61), -61},
        {"config system global", ""},
        {"set", "incomplete command in the end\n" FAIL(-160), -160},
        {"set udp-idle-timer", "incomplete command in the end\n" FAIL(-160), -160},
        {"set nothing 1", PARSE("nothing") FAIL(-61), -61},
        {"END", PARSE("END") FAIL(-61), -61},
        {"edit x", "Unknown action 0\n", -61},
        {"exit", "please use 'end' to return to root shell\n", -61},
        {"show nothing", PARSE("nothing") FAIL(-61), -61},
        {"abort", ""},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_int_equal(fake->commits, 0);
}

static void comments_and_empty_lines_do_nothing(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"", ""},
        {"   ", ""},
        {"# a comment 'with a quote", ""},
        {"   # another", ""},
        {"get system session status\r", "The total number of sessions for the current VDOM: 0\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void a_refused_commit_changes_nothing(void **state)
{
    struct fake *fake = *state;
    struct config_tree *before = tree_copy(fake->running);
    fake->refuse = "no memory for the session table\n";
    const char *out = fake_line(fake, "config system global set udp-idle-timer 500 end");
    assert_memory_equal(out, fake->refuse, strlen(fake->refuse));
    assert_non_null(strstr(out, "Command fail. Return code "));
    assert_int_not_equal(cli_status(fake->cli), 0);
    assert_true(tree_eq(before, fake->running));
    assert_string_equal(fake_prompt(fake), "Pinhole # ");
    fake->refuse = NULL;
    assert_string_equal(fake_line(fake, "show system global"), "config system global\nend\n");
    tree_free(before);
}

static void commits_happen_when_the_outermost_place_is_left(void **state)
{
    struct fake *fake = *state;
    static const struct {
        const char *line;
        unsigned commits;
    } steps[] = {
        {"config system session-ttl", 0},
        {"config port", 0},
        {"edit 1", 0},
        {"set protocol 17", 0},
        {"next", 0},
        {"end", 0},
        {"end", 1},
        {"config voip profile", 1},
        {"edit a", 1},
        {"config sip", 1},
        {"set call-keepalive 5", 1},
        {"end", 1},
        {"next", 2},
        {"edit b", 2},
        {"end", 3},
        {"config voip profile", 3},
        {"delete b", 4},
        {"rename a to c", 5},
        {"end", 5},
        {"config system global", 5},
        {"set alias x", 5},
        {"abort", 5},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        fake_line(fake, steps[i].line);
        assert_int_equal(cli_status(fake->cli), 0);
        assert_int_equal(fake->commits, steps[i].commits);
    }
}

static void show_and_get_inside_contexts(void **state)
{
    struct fake *fake = *state;
    fake_line(fake, "config voip profile");
    fake_line(fake, "edit a");
    fake_line(fake, "config sip");
    fake_line(fake, "set max-idle-dialogs 3");
    fake_line(fake, "end");
    const struct transcript rows[] = {
        {"show sip", "config sip\n    set max-idle-dialogs 3\nend\n"},
        {"show system global", "config system global\nend\n"},
        {"get sip | grep ^max-idle", "max-idle-dialogs    : 3\n"},
        {"get system session status", "The total number of sessions for the current VDOM: 0\n"},
        {"diagnose sys session list", "total session 0\n"},
        {"next", ""},
        {"show a", "config voip profile\n    edit \"a\"\n        config sip\n"
                   "            set max-idle-dialogs 3\n        end\n    next\nend\n"},
        {"get a | grep ^name", "name                : a\n"},
        {"end", ""},
        {"get voip profile a sip | grep ^rtp", "rtp                 : enable \n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void output_goes_through_grep(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 500);
    const struct transcript rows[] = {
        {"diagnose sys session list | grep -c serial", "500\n"},
        {"diagnose sys session list | grep 'total session'", "total session 500\n"},
        {"diagnose sys session list |grep total", "total session 500\n"},
        {"diagnose sys session list | grep -n zzz", ""},
        {"diagnose sys session list | less", PARSE("less") FAIL(-61), -61},
        {"diagnose sys session list |", PARSE("|") FAIL(-61), -61},
        {"diagnose sys session list | grep", "incomplete command in the end\n" FAIL(-160), -160},
        {"get system session status | grep -v total", ""},
        {"show nothing | grep x", PARSE("nothing") FAIL(-61), -61},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void abandoning_a_line_a_context_and_a_login(void **state)
{
    struct fake *fake = *state;
    fake_line(fake, "config voip profile");
    fake_line(fake, "edit a");
    fake_line(fake, "set comment \"half");
    assert_string_equal(fake_prompt(fake), "> ");
    cli_abandon(fake->cli);
    assert_string_equal(fake_prompt(fake), "Pinhole (a) # ");
    cli_abandon(fake->cli);
    assert_string_equal(fake_prompt(fake), "Pinhole # ");
    fake_line(fake, "config voip profile");
    fake_line(fake, "edit a");
    fake_line(fake, "set comment \"half");
    cli_reset(fake->cli);
    assert_string_equal(fake_prompt(fake), "Pinhole # ");
    assert_int_equal(fake->commits, 0);
    assert_int_equal(cli_line(fake->cli, SLICE_LIT("quit")), CLI_EXIT);
    assert_int_equal(cli_line(fake->cli, SLICE_LIT("exit")), CLI_EXIT);
    assert_int_equal(cli_step(fake->cli), CLI_DONE);
}

static void two_logins_see_each_other(void **state)
{
    struct fake *fake = *state;
    struct cli *first = fake->cli, *second = cli_open(fake->running, &fake->backend);
    fake_line(fake, "config voip profile edit a set comment mine");
    fake->cli = second;
    fake_line(fake, "diagnose sys session filter proto 17");
    fake_line(fake, "config voip profile edit b set comment yours end");
    fake->cli = first;
    fake_line(fake, "end");
    const struct transcript rows[] = {
        {"show voip profile | grep comment.*[my]",
         "        set comment \"yours\"\n        set comment \"mine\"\n"},
        {"diagnose sys session filter | grep proto:", "        proto: any\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
    cli_close(second);
}

/* ---- hostile lines ---- */

static void line_random(char *line, size_t n)
{
    static const char *const words[] = {
        "config ",
        "edit ",
        "set ",
        "end ",
        "next ",
        "show ",
        "get ",
        "diagnose ",
        "sys ",
        "session ",
        "list ",
        "filter ",
        "port ",
        "voip ",
        "profile ",
        "sip ",
        "\"",
        "'",
        "\\",
        "| ",
        "grep ",
        "-f ",
        "-A ",
        "0 ",
        "4294967296 ",
        "system ",
        "global ",
        "firewall ",
        "policy ",
        "service ",
        "custom ",
        "a ",
        "udp-idle-timer ",
        "delete ",
        "purge ",
        "move ",
        "1 ",
        "before ",
        "rename ",
        "to ",
        "clone ",
        "append ",
        "unselect ",
        "unset ",
        "abort ",
        "full-configuration ",
        "negate ",
        "calls ",
        "sip-proxy ",
        "mapping ",
        "?",
        "\t",
        "#",
        "[",
        "*",
        "stats ",
        "clear ",
        "\xc3\xa4",
        "\xff",
    };
    size_t at = 0;
    line[0] = '\0';
    for (int i = rand() % 9; i >= 0; i--) {
        const char *word = words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))];
        if (at + strlen(word) + 1 >= n)
            return;
        memcpy(line + at, word, strlen(word) + 1);
        at += strlen(word);
    }
}

static void random_lines_never_hurt(void **state)
{
    struct fake *fake = *state;
    struct text out = {0};
    srand(5);
    fake_sessions(fake, 50);
    for (int round = 0; round < 6000; round++) {
        char line[256];
        line_random(line, sizeof(line));
        struct slice s = slice_str(line);
        if (round % 5 == 0) {
            s.n = (size_t)rand() % 60;
            for (size_t i = 0; i < s.n; i++)
                line[i] = (char)rand();
        }
        text_clear(&out);
        cli_help(fake->cli, s, &out);
        cli_complete(fake->cli, s, &out);
        enum cli_state next = cli_line(fake->cli, s);
        while (next == CLI_MORE)
            next = cli_step(fake->cli);
        cli_prompt(fake->cli, &out);
        text_clear(cli_output(fake->cli));
        if (round % 50 == 0)
            cli_reset(fake->cli);
    }
    text_free(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_seed_commands),
        TEST(the_seed_commands_as_pasted_from_a_web_page),
        TEST(a_failing_command_ends_its_line),
        TEST(prompts_name_the_innermost_context),
        TEST(words_may_be_shortened),
        TEST(errors_are_those_of_fortios),
        TEST(comments_and_empty_lines_do_nothing),
        TEST(a_refused_commit_changes_nothing),
        TEST(commits_happen_when_the_outermost_place_is_left),
        TEST(show_and_get_inside_contexts),
        TEST(output_goes_through_grep),
        TEST(abandoning_a_line_a_context_and_a_login),
        TEST(two_logins_see_each_other),
        TEST(random_lines_never_hurt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
