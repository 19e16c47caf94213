/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

static struct backend_debug line(uint32_t bits, const char *text)
{
    return (struct backend_debug){.when = "2024-05-01 10:11:12",
                                  .bits = bits,
                                  .src = ep("10.0.0.20", 5060),
                                  .dst = ep("198.51.100.5", 5060),
                                  .policy_id = 1,
                                  .profile = "default",
                                  .port = 26,
                                  .text = slice_str(text)};
}

/* What the login shows now. */
static const char *shown(struct fake *fake)
{
    static char text[4096];
    text_clear(cli_output(fake->cli));
    assert_false(cli_show_debug(fake->cli));
    struct slice out = text_slice(cli_output(fake->cli));
    assert_true(out.n < sizeof(text));
    if (out.n)
        memcpy(text, out.p, out.n);
    text[out.n] = '\0';
    text_clear(cli_output(fake->cli));
    return text;
}

static void add(struct fake *fake, struct backend_debug what)
{
    fake->debug[fake->n_debug++] = what;
}

#define DEBUG "diagnose debug "
#define WHEN  "2024-05-01 10:11:12 sip "

static void a_level_counts_while_enabled(void **state)
{
    struct fake fake;
    (void)state;
    fake_open(&fake);
    fake_line(&fake, DEBUG "application sip 24");
    assert_int_equal(fake.debug_mask, 0);
    add(&fake, line(8, "before"));
    fake_line(&fake, DEBUG "enable");
    assert_int_equal(fake.debug_mask, 24);
    assert_string_equal(shown(&fake), "");
    add(&fake, line(8, "edit Via: \x1b -> b"));
    add(&fake, line(4, "not asked for"));
    assert_string_equal(shown(&fake), WHEN "edit Via: . -> b\n");
    assert_string_equal(shown(&fake), "");
    fake_line(&fake, DEBUG "console timestamp enable");
    add(&fake, line(16, "one"));
    assert_string_equal(shown(&fake), "2024-05-01 10:11:12 " WHEN "one\n");
    assert_string_equal(fake_line(&fake, DEBUG "info"),
                        "debug output: enable\nconsole timestamp: enable\n"
                        "debug duration: 30 minutes\n"
                        "sip debug level is 24 (0x18)\n");
    fake_line(&fake, DEBUG "disable");
    assert_int_equal(fake.debug_mask, 0);
    fake_line(&fake, DEBUG "enable");
    assert_int_equal(fake.debug_mask, 24);
    fake_line(&fake, DEBUG "reset");
    assert_int_equal(fake.debug_mask, 0);
    assert_string_equal(fake_line(&fake, DEBUG "application sip"), "sip debug level is 0 (0x0)\n");
    fake_line(&fake, DEBUG "enable");
    fake_line(&fake, "diagnose sys sip debug-mask -1");
    assert_int_equal(fake.debug_mask, UINT32_MAX);
    cli_close(fake.cli);
    assert_int_equal(fake.debug_mask, 0);
    fake.cli = cli_open(fake.running, &fake.backend);
    fake_close(&fake);
}

static void a_message_is_shown_as_the_mask_says(void **state)
{
    struct fake fake;
    struct backend_debug message = line(96, "AB\r\n");
    (void)state;
    fake_open(&fake);
    message.whole = 4;
    fake_line(&fake, DEBUG "enable");
    fake_line(&fake, DEBUG "application sip 32");
    add(&fake, message);
    assert_string_equal(shown(&fake), WHEN "port 26 read [(0,4) (AB..)]\n");
    fake_line(&fake, DEBUG "application sip 64");
    message.written = true;
    add(&fake, message);
    assert_string_equal(shown(&fake), WHEN "port 26 write [(0,4) (41420d0a)]\n");
    fake_line(&fake, DEBUG "application sip 96");
    message.whole = 900;
    message.missed = 3;
    add(&fake, message);
    assert_string_equal(shown(&fake), "3 lines are missing\n" WHEN
                                      "port 26 write [(0,900) (41420d0a)(AB..)...]\n");
    fake_close(&fake);
}

static void the_log_filter_chooses(void **state)
{
    struct fake fake;
    (void)state;
    fake_open(&fake);
    fake_line(&fake, DEBUG "enable");
    fake_line(&fake, DEBUG "application sip -1");
    fake_line(&fake, "diagnose sys sip-proxy log-filter policy 2");
    add(&fake, line(8, "of policy 1"));
    assert_string_equal(shown(&fake), "");
    fake_line(&fake, "diagnose sys sip-proxy log-filter negate policy");
    add(&fake, line(8, "of policy 1"));
    assert_string_equal(shown(&fake), WHEN "of policy 1\n");
    fake_line(&fake, "diagnose sys sip-proxy log-filter src-addr4 10.0.0.1 10.0.0.9");
    add(&fake, line(8, "of 10.0.0.20"));
    assert_string_equal(shown(&fake), "");
    fake_close(&fake);
}

#define OVER "debug output ends: its duration is over\n"

static void enable_ends_by_itself(void **state)
{
    struct fake fake;
    (void)state;
    fake_open(&fake);
    fake.uptime_s = 100;
    fake_line(&fake, DEBUG "application sip 8");
    fake_line(&fake, DEBUG "enable");
    fake.uptime_s += 30 * 60 - 1;
    assert_string_equal(shown(&fake), "");
    assert_int_equal(fake.debug_mask, 8);
    fake.uptime_s++;
    assert_string_equal(shown(&fake), OVER);
    assert_int_equal(fake.debug_mask, 0);
    assert_string_equal(shown(&fake), "");
    /* Said while enabled it counts from there on. */
    fake_line(&fake, DEBUG "enable");
    fake.uptime_s += 60;
    fake_line(&fake, DEBUG "duration 2");
    fake.uptime_s += 119;
    assert_string_equal(shown(&fake), "");
    fake.uptime_s++;
    assert_string_equal(shown(&fake), OVER);
    fake_line(&fake, DEBUG "duration 0");
    assert_string_equal(fake_line(&fake, DEBUG "duration"), "debug duration: unlimited\n");
    fake_line(&fake, DEBUG "enable");
    fake.uptime_s += 1000000;
    assert_string_equal(shown(&fake), "");
    fake_line(&fake, DEBUG "reset");
    assert_string_equal(fake_line(&fake, DEBUG "duration"), "debug duration: 30 minutes\n");
    fake_close(&fake);
}

static void mistakes(void **state)
{
    struct fake fake;
    (void)state;
    fake_open(&fake);
    const struct transcript rows[] = {
        {DEBUG "application sip many",
         "value parse error before 'many'\nCommand fail. Return code -61\n", -61},
        {DEBUG "console timestamp maybe",
         "value parse error before 'maybe'\nCommand fail. Return code -61\n", -61},
        {DEBUG "application sip 1", "Warning: bits 0x1 show nothing.\n"},
        {DEBUG "application sip 3100", "Warning: bits 0xc00 show nothing.\n"},
        {DEBUG "application sip 1020", ""},
        {DEBUG "duration long", "value parse error before 'long'\nCommand fail. Return code -61\n",
         -61},
        {DEBUG "duration 4294967295",
         "value parse error before '4294967295'\nCommand fail. Return code -61\n", -61},
        {NULL},
    };
    fake_transcript(&fake, rows);
    fake.debug_full = true;
    assert_non_null(strstr(fake_line(&fake, DEBUG "enable"), "too many logins look on already\n"));
    assert_string_equal(shown(&fake), "");
    fake_close(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_counts_while_enabled),
        cmocka_unit_test(a_message_is_shown_as_the_mask_says),
        cmocka_unit_test(the_log_filter_chooses),
        cmocka_unit_test(enable_ends_by_itself),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
