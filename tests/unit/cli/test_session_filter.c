/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

#include <stdlib.h>

/* Four sessions that differ in everything a filter looks at. */
static void four_sessions(struct fake *fake)
{
    fake_sessions(fake, 4);
    fake->sessions[0] = fake_session();
    fake->sessions[0].index = 0;

    struct backend_session s = fake_session();
    s.index = 1;
    s.proto = 6;
    s.proto_state = 12;
    s.snat = s.alg = false;
    s.src = end("10.0.0.21", 50112);
    s.dst = end("10.0.1.8", 443);
    s.policy_id = 7;
    s.duration_s = 600;
    s.expire_s = 3598;
    s.dirty = true;
    s.in_if = "port9";
    fake->sessions[1] = s;

    s = fake_session();
    s.index = 2;
    s.src = end("192.0.2.7", 5060);
    s.dst = end("198.51.100.9", 53);
    s.reply_dst = end("203.0.113.3", 40000);
    s.out_if = "port8";
    s.expire_s = 10;
    s.duration_s = 170;
    s.proto_state = 0;
    s.policy_id = 2;
    s.alg = false;
    fake->sessions[2] = s;

    s = fake_session();
    s.index = 3;
    s.local = true;
    s.snat = s.alg = false;
    s.src = end("10.0.0.20", 33000);
    s.dst = end("10.0.0.1", 22);
    s.proto = 6;
    s.expire_s = UINT32_MAX;
    fake->sessions[3] = s;
}

static int setup(void **state)
{
    struct fake *fake = malloc(sizeof(*fake));
    fake_open(fake);
    four_sessions(fake);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    free(*state);
    return 0;
}

/* Filter commands, ends with NULL; then the serials listed as a bit mask. */
static const struct {
    const char *set[5];
    unsigned selects;
} rows[] = {
    {{NULL}, 15},
    {{"vd 0"}, 15},
    {{"vd 1"}, 0},
    {{"vd 1", "vd -1"}, 15},
    {{"vd-name root"}, 15},
    {{"vd 1", "vd-name any"}, 15},
    {{"vd 1", "vd-name -1"}, 15},
    {{"sintf port2"}, 1 | 4 | 8},
    {{"sintf port9"}, 2},
    {{"sintf nowhere"}, 0},
    {{"dintf port8"}, 4},
    {{"src 10.0.0.20"}, 1 | 8},
    {{"src 10.0.0.0 10.0.0.255"}, 1 | 2 | 8},
    {{"src 10.0.0.0-10.0.0.20"}, 1 | 8},
    {{"nsrc 203.0.113.2"}, 1},
    {{"nsrc 203.0.113.0 203.0.113.255"}, 1 | 4},
    {{"nsrc 10.0.0.21"}, 0},
    {{"dst 10.0.1.8"}, 2},
    {{"dst 198.51.100.5 198.51.100.9"}, 1 | 4},
    {{"proto 17"}, 1 | 4},
    {{"proto 6"}, 2 | 8},
    {{"sport 5060"}, 1 | 4},
    {{"sport 5061 65535"}, 2 | 8},
    {{"nport 40000"}, 4},
    {{"dport 22"}, 8},
    {{"dport 0 100"}, 4 | 8},
    {{"port 5060"}, 1 | 4},
    {{"port 443"}, 2},
    {{"port 22 53"}, 4 | 8},
    {{"policy 1"}, 1},
    {{"policy 2 7"}, 2 | 4},
    {{"policy 4294967295"}, 8},
    {{"expire 0 100"}, 4},
    {{"expire 4294967295"}, 8},
    {{"duration 100 1000"}, 2 | 4},
    {{"proto-state 01"}, 1 | 8},
    {{"proto-state 12"}, 2},
    {{"proto-state 0"}, 4},
    {{"session-state1 8"}, 1},
    {{"session-state1 0x3"}, 2},
    {{"session-state1 4"}, 8},
    {{"session-state1 00000001"}, 1 | 2 | 4},
    {{"session-state2 1"}, 0},
    {{"proto 17", "dst 198.51.100.9"}, 4},
    {{"proto 17", "negate proto"}, 2 | 8},
    {{"negate proto", "proto 17"}, 2 | 8},
    {{"negate proto", "negate proto", "proto 17"}, 1 | 4},
    {{"negate src"}, 15},
    {{"port 5060", "negate port"}, 2 | 8},
    {{"nsrc 203.0.113.2", "negate nsrc"}, 2 | 4 | 8},
    {{"sintf port9", "negate sintf"}, 1 | 4 | 8},
    {{"session-state1 8", "negate session-state1"}, 2 | 4 | 8},
    {{"vd 1", "negate vd"}, 15},
    {{"ext-src 10.0.0.20"}, 1 | 8},
    {{"ext-src 10.0.0.20", "ext-src 10.0.0.21"}, 1 | 2 | 8},
    {{"ext-dst 10.0.1.8", "ext-dst 10.0.0.1"}, 2 | 8},
    {{"ext-src-negate 10.0.0.20"}, 2 | 4},
    {{"ext-dst-negate 10.0.0.1", "ext-dst-negate 198.51.100.9"}, 1 | 2},
    {{"proto 17", "clear"}, 15},
    {{"ext-src 10.0.0.99", "negate src", "clear", "src 10.0.0.21"}, 2},
    {{"pol 7"}, 2},
    {{"proto-s 12"}, 2},
};

static unsigned listed(struct fake *fake)
{
    unsigned mask = 0;
    for (const char *p = fake_line(fake, "diagnose sys session list"); (p = strstr(p, "serial="));
         p++)
        mask |= 1u << strtoul(p + 7, NULL, 16);
    return mask;
}

static void every_key_selects_as_written(void **state)
{
    struct fake *fake = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fake_line(fake, "diagnose sys session filter clear");
        for (unsigned k = 0; k < 5 && rows[i].set[k]; k++) {
            struct text line = {0};
            text_printf(&line, "diagnose sys session filter %s", rows[i].set[k]);
            assert_string_equal(fake_line(fake, line.p), "");
            text_free(&line);
        }
        if (listed(fake) != rows[i].selects)
            fail_msg("filter %s ...: %x, expected %x", rows[i].set[0] ? rows[i].set[0] : "",
                     listed(fake), rows[i].selects);
    }
}

static void clear_uses_the_same_filter(void **state)
{
    struct fake *fake = *state;
    const struct transcript transcript[] = {
        {"diagnose sys session filter clear", ""},
        {"diagnose sys session filter proto 17", ""},
        {"diagnose sys session filter port 5060", ""},
        {"diagnose sys session clear", ""},
        {"diagnose sys session list", "total session 0\n"},
        {"diagnose sys session filter clear", ""},
        {NULL},
    };
    fake_transcript(fake, transcript);
    assert_int_equal(listed(fake), 2 | 8);
}

static void the_filter_is_printed(void **state)
{
    struct fake *fake = *state;
    const struct transcript transcript[] = {
        {"diagnose sys session filter", "session filter:\n"
                                        "        vd: any\n"
                                        "        sintf: any\n"
                                        "        dintf: any\n"
                                        "        proto: any\n"
                                        "        proto-state: any\n"
                                        "        source ip: any\n"
                                        "        NAT'd source ip: any\n"
                                        "        dest ip: any\n"
                                        "        source port: any\n"
                                        "        NAT'd source port: any\n"
                                        "        dest port: any\n"
                                        "        policy id: any\n"
                                        "        expire: any\n"
                                        "        duration: any\n"
                                        "        state1: any\n"
                                        "        state2: any\n"},
        {"diagnose sys session filter proto 17", ""},
        {"diagnose sys session filter dport 5060", ""},
        {"diagnose sys session filter port 1000 2000", ""},
        {"diagnose sys session filter src 10.0.0.1 10.0.0.9", ""},
        {"diagnose sys session filter negate src", ""},
        {"diagnose sys session filter vd 0", ""},
        {"diagnose sys session filter sintf port2", ""},
        {"diagnose sys session filter session-state1 1f", ""},
        {"diagnose sys session filter ext-dst 192.0.2.1", ""},
        {"diagnose sys session filter ext-dst 192.0.2.2", ""},
        {"diagnose sys session filter", "session filter:\n"
                                        "        vd: 0\n"
                                        "        sintf: port2\n"
                                        "        dintf: any\n"
                                        "        proto: 17-17\n"
                                        "        proto-state: any\n"
                                        "        source ip: not 10.0.0.1-10.0.0.9\n"
                                        "        NAT'd source ip: any\n"
                                        "        dest ip: any\n"
                                        "        source port: any\n"
                                        "        NAT'd source port: any\n"
                                        "        dest port: 5060-5060\n"
                                        "        source or dest port: 1000-2000\n"
                                        "        policy id: any\n"
                                        "        expire: any\n"
                                        "        duration: any\n"
                                        "        state1: 0000001f\n"
                                        "        state2: any\n"
                                        "Extended filters:\n"
                                        "Destination IP List:\n"
                                        "        192.0.2.1\n"
                                        "        192.0.2.2\n"},
        {NULL},
    };
    fake_transcript(fake, transcript);
}

#define FAIL(code)   "Command fail. Return code " #code "\n"
#define BAD(word)    "value parse error before '" word "'\n" FAIL(-61)
#define BAD_IP(word) "invalid ip address\n\nvalue parse error before '" word "'\n" FAIL(-8)
#define SHORT        "incomplete command in the end\n" FAIL(-160)

static void wrong_values_leave_the_filter_alone(void **state)
{
    struct fake *fake = *state;
    fake_line(fake, "diagnose sys session filter proto 6");
#define FILTER "diagnose sys session filter "
    const struct transcript transcript[] = {
        {FILTER "proto", SHORT, -160},
        {FILTER "proto 256", BAD("256"), -61},
        {FILTER "proto -1", BAD("-1"), -61},
        {FILTER "proto udp", BAD("udp"), -61},
        {FILTER "proto 6 17", "command parse error before '17'\n" FAIL(-61), -61},
        {FILTER "port 65536", BAD("65536"), -61},
        {FILTER "port 10 9", BAD("9"), -61},
        {FILTER "port 10-9", BAD("10-9"), -61},
        {FILTER "port 1 2 3", "command parse error before '3'\n" FAIL(-61), -61},
        {FILTER "port ''", BAD(""), -61},
        {FILTER "src 10.0.0", BAD_IP("10.0.0"), -8},
        {FILTER "src 10.0.0.1 10.0.0.256", BAD_IP("10.0.0.256"), -8},
        {FILTER "ext-src x", BAD_IP("x"), -8},
        {FILTER "session-state1 xyz", BAD("xyz"), -61},
        {FILTER "session-state1 123456789", BAD("123456789"), -61},
        {FILTER "vd x", BAD("x"), -61},
        {FILTER "vd-name blue", BAD("blue"), -61},
        {FILTER "sintf 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
         BAD("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), -61},
        {FILTER "negate", SHORT, -160},
        {FILTER "negate nothing", "command parse error before 'nothing'\n" FAIL(-61), -61},
        {FILTER "nothing", "command parse error before 'nothing'\n" FAIL(-61), -61},
        {FILTER "s", "ambiguous command before 's'\n" FAIL(-61), -61},
        {FILTER "clear now", "command parse error before 'now'\n" FAIL(-61), -61},
        {NULL},
    };
    fake_transcript(fake, transcript);
    assert_int_equal(listed(fake), 2 | 8);
}

static void extended_lists_are_bounded(void **state)
{
    struct fake *fake = *state;
    for (int i = 0; i < 8; i++)
        assert_string_equal(fake_line(fake, "diagnose sys session filter ext-src 10.0.0.20"), "");
    assert_string_equal(fake_line(fake, "diagnose sys session filter ext-src 10.0.0.20"),
                        "the list holds at most 8 addresses\n" FAIL(-4));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_key_selects_as_written), TEST(clear_uses_the_same_filter),
        TEST(the_filter_is_printed),        TEST(wrong_values_leave_the_filter_alone),
        TEST(extended_lists_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
