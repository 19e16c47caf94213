/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/rows.h"
#include "fake.h"

#include <stdlib.h>

static void calls_make(struct backend_sip_call *calls)
{
    calls[0] = (struct backend_sip_call){
        .id = 0xabc,
        .call_id = "619216389@10.0.0.20",
        .from = "sip:2001@198.51.100.44",
        .to = "sip:2002@198.51.100.44",
        .method = "INVITE",
        .cseq = 2,
        .status = 200,
        .state = "established",
        .src = ep("10.0.0.20", 5060),
        .dst = ep("198.51.100.5", 5060),
        .policy_id = 1,
        .profile = "default",
        .expire_s = 1790,
        .ends_by = "session-expires",
        .n_media = 2,
        .media = {{ep("10.0.0.20", 4000), ep("203.0.113.2", 4000), ep("198.51.100.5", 6000), 0},
                  {ep("10.0.0.20", 4002), ep("203.0.113.2", 4002), ep("198.51.100.5", 6002),
                   UINT32_MAX}},
        .session = 7,
        .age_s = 12,
        .n_timers = 3,
        .timers = {{"session-expires", 1790}, {"silence", 3590}, {"hard-limit", 43188}},
    };
    calls[1] = calls[0];
    calls[1].id = 0xdef;
    calls[1].registration = true;
    calls[1].method = "REGISTER";
    calls[1].idle = true;
    calls[1].n_media = calls[1].n_timers = 0;
    calls[1].reply = true;
    calls[1].n_contacts = 2;
    calls[1].contacts[0].inside = ep("10.0.0.11", 5062);
    calls[1].contacts[0].public_side = ep("203.0.113.2", 40000);
    calls[1].contacts[0].expire_s = 527;
    calls[1].contacts[1] = calls[1].contacts[0];
    calls[1].contacts[1].expire_s = UINT32_MAX;
    calls[1].more_contacts = 3;
    calls[1].expire_s = 527;
    calls[1].ends_by = "registration";
    calls[1].src = ep("10.0.0.11", 5062);
    calls[1].dst = ep("198.51.100.44", 5061);
    calls[1].policy_id = 2;
    memcpy(calls[1].profile, "VoIP_Pro_Name", sizeof("VoIP_Pro_Name"));
    calls[2] = calls[0];
    calls[2].id = 3;
    calls[2].n_media = 1;
    calls[2].held[0] = true;
    calls[2].more_media = 2;
    calls[2].n_timers = 0;
    calls[2].session = UINT32_MAX;
    calls[2].status = 180;
    calls[2].state = "early";
    calls[2].expire_s = UINT32_MAX;
    calls[2].ends_by = NULL;
    memcpy(calls[2].call_id, "evil\x1b[2J\n\xff", sizeof("evil\x1b[2J\n\xff"));
}

static int setup(void **state)
{
    struct fake *fake = malloc(sizeof(*fake));
    fake_open(fake);
    fake->calls = calloc(3, sizeof(*fake->calls));
    fake->n_calls = 3;
    calls_make(fake->calls);
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    struct fake *fake = *state;
    free(fake->calls);
    fake_close(fake);
    free(fake);
    return 0;
}

#define CALL_0                                                                               \
    "  vdom 0 (root) vrf 0 call 000000000abc\n"                                              \
    "    call-id: 619216389@10.0.0.20\n"                                                     \
    "    txn 000000000abc (INVITE)\n"                                                        \
    "      cseq 2 dir 0 state established status 200 expiry 1790 HA 0\n"                     \
    "      i_session: 00000007  r_session: 00000007\n"                                       \
    "      from: sip:2001@198.51.100.44\n"                                                   \
    "      to: sip:2002@198.51.100.44\n"                                                     \
    "      src: 10.0.0.20:5060\n"                                                            \
    "      dst: 198.51.100.5:5060\n"                                                         \
    "      policy: 1  voip-profile: \"default\"  state: established  age: 12\n"              \
    "      media 1: inside 10.0.0.20:4000 public 203.0.113.2:4000 remote 198.51.100.5:6000 " \
    "idle 0 hold none\n"                                                                     \
    "      media 2: inside 10.0.0.20:4002 public 203.0.113.2:4002 remote 198.51.100.5:6002 " \
    "idle - hold none\n"                                                                     \
    "      timers: session-expires 1790 silence 3590 hard-limit 43188\n"                     \
    "      ends: session-expires in 1790\n"
#define CALL_1                                                                             \
    "  vdom 0 (root) vrf 0 call 000000000def\n"                                            \
    "    call-id: 619216389@10.0.0.20\n"                                                   \
    "    txn 000000000def (REGISTER)\n"                                                    \
    "      cseq 2 dir 1 state established status 200 expiry 527 HA 0\n"                    \
    "      i_session: 00000007  r_session: 00000007\n"                                     \
    "      register: present\n"                                                            \
    "      from: sip:2001@198.51.100.44\n"                                                 \
    "      to: sip:2002@198.51.100.44\n"                                                   \
    "      src: 10.0.0.11:5062\n"                                                          \
    "      dst: 198.51.100.44:5061\n"                                                      \
    "      policy: 2  voip-profile: \"VoIP_Pro_Name\"  state: established idle  age: 12\n" \
    "      contact 1: inside 10.0.0.11:5062 public 203.0.113.2:40000 expires 527\n"        \
    "      contact 2: inside 10.0.0.11:5062 public 203.0.113.2:40000 expires -\n"          \
    "      contact: 3 more\n"                                                              \
    "      ends: registration in 527\n"
#define CALL_2                                                                               \
    "  vdom 0 (root) vrf 0 call 000000000003\n"                                              \
    "    call-id: evil.[2J..\n"                                                              \
    "    txn 000000000003 (INVITE)\n"                                                        \
    "      cseq 2 dir 0 state early status 180 expiry never HA 0\n"                          \
    "      from: sip:2001@198.51.100.44\n"                                                   \
    "      to: sip:2002@198.51.100.44\n"                                                     \
    "      src: 10.0.0.20:5060\n"                                                            \
    "      dst: 198.51.100.5:5060\n"                                                         \
    "      policy: 1  voip-profile: \"default\"  state: early  age: 12\n"                    \
    "      media 1: inside 10.0.0.20:4000 public 203.0.113.2:4000 remote 198.51.100.5:6000 " \
    "idle 0 hold outside\n"                                                                  \
    "      media: 2 more\n"                                                                  \
    "      ends: never\n"
#define SIP "diagnose sys sip-proxy "

static void calls_are_listed(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {SIP "calls list", "sip calls\n" CALL_0 CALL_1 CALL_2},
        {SIP "calls idle", "sip calls\n" CALL_1},
        {SIP "calls invite", "sip calls\n" CALL_2},
        {NULL},
    };
    fake_transcript(fake, rows);
    fake->busy_every = 2;
    fake_transcript(fake, rows);
}

static void calls_are_dropped_by_filter(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {SIP "filter policy 1", ""},
        {SIP "calls clear", ""},
        {SIP "filter clear", ""},
        {SIP "calls list", "sip calls\n" CALL_1},
        {SIP "calls clear", ""},
        {SIP "calls list", "sip calls\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void every_filter_key_selects_as_written(void **state)
{
    struct fake *fake = *state;
    static const struct {
        const char *set;
        unsigned selects;
    } keys[] = {
        {"vd 0", 7},
        {"vd 3", 0},
        {"dst-addr4 198.51.100.44", 2},
        {"dst-addr4 198.51.100.0 198.51.100.9", 5},
        {"dst-addr6 2001:db8::1", 0},
        {"src-addr6 2001:db8::1 2001:db8::2", 0},
        {"dst-port 5061", 2},
        {"src-addr4 10.0.0.20", 5},
        {"src-port 5062 6000", 2},
        {"identity-policy 0", 7},
        {"identity-policy 4", 0},
        {"policy 2", 2},
        {"policy-type IPv4", 7},
        {"policy-type IPv6", 0},
        {"profile-group x", 0},
        {"voip-profile VoIP_Pro_Name", 2},
    };
    for (size_t i = 0; i < 2 * (sizeof(keys) / sizeof(keys[0])); i++) {
        bool negate = i % 2;
        struct text line = {0};
        unsigned mask = 0;
        fake_line(fake, SIP "filter clear");
        text_printf(&line, SIP "filter %s", keys[i / 2].set);
        assert_string_equal(fake_line(fake, line.p), "");
        text_clear(&line);
        text_printf(&line, SIP "filter negate %.*s", (int)strcspn(keys[i / 2].set, " "),
                    keys[i / 2].set);
        if (negate)
            assert_string_equal(fake_line(fake, line.p), "");
        const char *out = fake_line(fake, SIP "calls list");
        mask |= strstr(out, " call 000000000abc\n") ? 1 : 0;
        mask |= strstr(out, " call 000000000def\n") ? 2 : 0;
        mask |= strstr(out, " call 000000000003\n") ? 4 : 0;
        if (mask != (negate ? 7 ^ keys[i / 2].selects : keys[i / 2].selects))
            fail_msg("%s%s: %x", negate ? "not " : "", keys[i / 2].set, mask);
        text_free(&line);
    }
}

#define ANY_FILTER                   \
    "sip filter:\n"                  \
    "        vd: any\n"              \
    "        dst-addr4: any\n"       \
    "        dst-addr6: any\n"       \
    "        dst-port: any\n"        \
    "        src-addr4: any\n"       \
    "        src-addr6: any\n"       \
    "        src-port: any\n"        \
    "        identity-policy: any\n" \
    "        policy: any\n"          \
    "        policy-type: any\n"     \
    "        profile-group: any\n"   \
    "        voip-profile: any\n"

static void the_filter_is_printed_and_guarded(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {SIP "filter list", ANY_FILTER},
        {SIP "filter", ANY_FILTER},
        {SIP "filter dst-addr6 nonsense",
         "invalid ip address\n\nvalue parse error before 'nonsense'\n"
         "Command fail. Return code -8\n",
         -8},
        {SIP "filter src-port 70000",
         "value parse error before '70000'\nCommand fail. Return code -61\n", -61},
        {SIP "filter src-port", "incomplete command in the end\nCommand fail. Return code -160\n",
         -160},
        {SIP "filter negate bogus",
         "command parse error before 'bogus'\nCommand fail. Return code -61\n", -61},
        {SIP "filter list", ANY_FILTER},
        {NULL},
    };
    fake_transcript(fake, rows);
}

#define STATS_TABLE                                                                            \
    "         |     received      |     blocked       |   unknown form    |   long headers\n"  \
    "req-type |    req     resp   |    req     resp   |    req     resp   |    req     resp\n" \
    "UNKNOWN         0        0          0        0          0        0          0        0\n" \
    "ACK            27        0          0        0          0        0          0        0\n" \
    "BYE             0        0          0        0          0        0          0        0\n" \
    "CANCEL          0        0          0        0          0        0          0        0\n" \
    "INFO            0        0          0        0          0        0          0        0\n" \
    "INVITE         57       84          1        2          3        4          5        6\n" \
    "MESSAGE         0        0          0        0          0        0          0        0\n" \
    "NOTIFY          0        0          0        0          0        0          0        0\n" \
    "OPTIONS         0        0          0        0          0        0          0        0\n" \
    "PRACK           0        0          0        0          0        0          0        0\n" \
    "PUBLISH         0        0          0        0          0        0          0        0\n" \
    "REFER           0        0          0        0          0        0          0        0\n" \
    "REGISTER        0        0          0        0          0        0          0        0\n" \
    "SUBSCRIBE       0        0          0        0          0        0          0        0\n" \
    "UPDATE          0        0          0        0          0        0          0        0\n" \
    "PING            0        0          0        0          0        0          0        0\n"
#define STATS_HEAD                  \
    "sip stats\n"                   \
    "vdom name:        root\n"      \
    "---------------------------\n" \
    "active-sessions: 1\n"          \
    "calls-attempted: 57\n"         \
    "calls-established: 27\n"       \
    "calls-failed: 30\n"            \
    "calls-active: 0\n"             \
    "registers-active: 1\n"

#define STATS_UDP                                      \
    "         |     received      |     blocked\n"     \
    "protocol |    req     resp   |    req     resp\n" \
    "UDP            10       20          1        2\n"

static void statistics(void **state)
{
    struct fake *fake = *state;
    fake->sip_stat = (struct backend_sip_stat){
        .active_sessions = 1,
        .calls_attempted = 57,
        .calls_established = 27,
        .calls_failed = 30,
        .registers_active = 1,
        .transport_received = {{10, 20}, {30, 40}},
        .transport_dropped = {{1, 2}, {3, 4}},
        .method = {[1] = {.received = {27, 0}},
                   [5] = {.received = {57, 84},
                          .blocked = {1, 2},
                          .unknown_form = {3, 4},
                          .long_headers = {5, 6}}},
    };
    const struct transcript rows[] = {
        {SIP "stats list", STATS_HEAD STATS_TABLE},
        {"diag sys sip-proxy stat", STATS_HEAD STATS_TABLE},
        {SIP "stats call", STATS_HEAD},
        {SIP "stats proto",
         STATS_UDP "TCP            30       40          3        4\n" STATS_TABLE},
        {SIP "stats udp", STATS_UDP},
        {SIP "stats clear", ""},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_non_null(strstr(fake_line(fake, SIP "stats list"), "calls-attempted: 0\n"));
}

static void mappings_and_signalling_sessions(void **state)
{
    struct fake *fake = *state;
    const struct backend_mapping mappings[] = {
        {1,
         17,
         ep("10.0.0.20", 5060),
         ep("203.0.113.2", 5060),
         {.port = 0},
         "signalling",
         1,
         2,
         1,
         3600},
        {2, 17, ep("10.0.0.20", 4000), ep("203.0.113.2", 4000), ep("198.51.100.5", 6000), "rtp", 2,
         1, 1, UINT32_MAX},
    };
    fake->mappings = mappings;
    fake->n_mappings = 2;
    fake_sessions(fake, 2);
    fake->sessions[0] = fake_session();
    fake->sessions[1] = fake_session();
    fake->sessions[1].alg = false;
    const struct transcript rows[] = {
        {SIP "mapping list",
         "KIND       PROTO INSIDE                PUBLIC                PEER                  "
         "OWNERS SESSIONS POLICY EXPIRE\n"
         "signalling udp   10.0.0.20:5060        203.0.113.2:5060      any                   "
         "     1        2      1 3600\n"
         "rtp        udp   10.0.0.20:4000        203.0.113.2:4000      198.51.100.5:6000     "
         "     2        1      1 -\n"
         "total mapping 2\n"},
        {SIP "session list",
         "sip sessions\n"
         "  vdom 0 (root) session 0010ca5c udp "
         "10.0.0.20:5060->198.51.100.5:5060(203.0.113.2:5060) policy 1 expire 498\n"
         "total 1\n"},
        {SIP "filter src-port 1", ""},
        {SIP "session list", "sip sessions\ntotal 0\n"},
        {SIP "vdom", "VDOM list by id:\n vdom 0 root (Kernel: root)\n"
                     "VDOM list by name:\n vdom 0 root (Kernel: root)\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
    fake->busy_every = 2;
    assert_non_null(strstr(fake_line(fake, SIP "mapping list"), "total mapping 2\n"));
}

/* The log filter is a filter of its own, with the same keys. */
static void the_log_filter_is_kept_apart(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {SIP "log-filter policy 2", ""},
        {SIP "log-filter negate policy", ""},
        {SIP "filter list", ANY_FILTER},
        {SIP "calls list", "sip calls\n" CALL_0 CALL_1 CALL_2},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_non_null(strstr(fake_line(fake, SIP "log-filter list"), "        policy: not 2-2\n"));
    fake_line(fake, SIP "log-filter clear");
    assert_string_equal(fake_line(fake, SIP "log-filter"), ANY_FILTER);
}

/* The tables are the ALG's, the dialogs its own. */
static void the_helper_speaks_of_its_dialogs(void **state)
{
    struct fake *fake = *state;
    fake->sip_stat.calls_active = 3;
    fake->sip_stat.registers_active = 4;
    fake->session_stat.mappings = 9;
    fake->sip_stat.dialog_hash.size = 64;
    fake->sip_stat.dialog_hash.used = 8;
    fake->sip_stat.dialog_hash.depth = 3;
    fake->sip_stat.mapping_hash.size = 128;
    fake->sip_stat.mapping_hash.used = 9;
    fake->sip_stat.mapping_hash.depth = 2;
    fake->sip_stat.method[1].received[0] = 1;
    fake->sip_stat.method[5].received[0] = 2;
    fake->sip_stat.method[5].received[1] = 2;
    fake->sip_stat.method[5].blocked[1] = 4;
    fake->sip_stat.method[6].unknown_form[0] = 5;
    fake->sip_stat.method[7].long_headers[0] = 6;
    const struct transcript rows[] = {
        {"diagnose sys sip status", "dialogs: max=8192, used=7\nmappings: used=9\n"
                                    "dialog hash by ID: size=64, used=8, depth=3\n"
                                    "dialog hash by RTP: size=0, used=0, depth=0\n"
                                    "mapping hash: size=128, used=9, depth=2\n"
                                    "count0: 3\ncount1: 2\ncount2: 4\ncount3: 5\ncount4: 6\n"},
        {"diagnose sys sip dialog list", "sip calls\n"},
        {"diagnose sys sip dialog clear", ""},
        {SIP "calls list", "sip calls\n" CALL_0 CALL_1 CALL_2},
        {NULL},
    };
    fake_transcript(fake, rows);
    for (int i = 1; i < 3; i++)
        memcpy(fake->calls[i].profile, ROW_HELPER_NAME, sizeof(ROW_HELPER_NAME));
    const char *list = fake_line(fake, "diagnose sys sip dialog list");
    assert_null(strstr(list, "call 000000000abc\n"));
    assert_non_null(strstr(list, "call 000000000def\n"));
    assert_non_null(strstr(list, "call 000000000003\n"));
    const struct transcript then[] = {
        {SIP "filter policy 1", ""},
        {"diagnose sys sip dialog clear", ""},
        {SIP "filter clear", ""},
        {NULL},
    };
    fake_transcript(fake, then);
    list = fake_line(fake, SIP "calls list");
    assert_non_null(strstr(list, "call 000000000abc\n"));
    assert_non_null(strstr(list, "call 000000000def\n"));
    assert_null(strstr(list, "call 000000000003\n"));
}

/* What does something is listed with its value, what does nothing is not. */
static void profiles_are_listed_as_obeyed(void **state)
{
    struct fake *fake = *state;
    static const char *const lines[] = {
        "config voip profile", "edit loud",       "config sip", "set log-violations enable",
        "set max-dialogs 7",   "set rtp disable", "end",        "end",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        fake_line(fake, lines[i]);
    const char *out = fake_line(fake, SIP "config list");
    assert_ptr_equal(out, strstr(out, "sip config\n  vdom 0 (root) voip-profile \"default\"\n"
                                      "    policies: none\n    status: enable\n"));
    const char *loud = strstr(out, "  vdom 0 (root) voip-profile \"loud\"\n");
    assert_non_null(loud);
    assert_non_null(strstr(loud, "    log-violations: enable\n"));
    assert_non_null(strstr(loud, "    max-dialogs: 7\n"));
    assert_non_null(strstr(loud, "    rtp: disable\n"));
    assert_null(strstr(out, "ssl-mode"));
}

static void meters_are_listed(void **state)
{
    struct fake *fake = *state;
    struct backend_sip_meter meters[2] = {{.policy_id = 1, .dialogs = 18}, {.policy_id = 9}};
    meters[0].dialog_limit = 20;
    meters[0].method[5].rate = 1;
    meters[0].method[5].peak = 4;
    meters[0].method[5].max = 10;
    meters[0].method[5].count = 18;
    meters[0].method[5].drop = 2;
    fake->sip_meters = meters;
    fake->n_sip_meters = 2;
    const char *out = fake_line(fake, SIP "meters list");
    assert_ptr_equal(
        out, strstr(out, "sip\nsip vd: 0\nsip policy: 1\nsip identity-policy: 0\n"
                         "sip policy-type: IPv4\nsip profile-group:\nsip dialogs: 18\n"
                         "sip dialog-limit: 20\nsip UNKNOWN: rate 0 peak 0 max 0 count 0 drop 0\n"
                         "sip ACK: rate 0 peak 0 max 0 count 0 drop 0\n"));
    assert_non_null(strstr(out, "sip INVITE: rate 1 peak 4 max 10 count 18 drop 2\n"));
    assert_non_null(strstr(out, "sip PING: rate 0 peak 0 max 0 count 0 drop 0\n"
                                "sip YAHOOREF: rate 0 peak 0 max 0 count 0 drop 0\nsip vd: 0\n"
                                "sip policy: 9\n"));
    fake_line(fake, SIP "filter policy 9");
    out = fake_line(fake, SIP "meters list");
    assert_ptr_equal(out, strstr(out, "sip\nsip vd: 0\nsip policy: 9\n"));
    assert_null(strstr(out, "sip policy: 1\n"));
    fake_line(fake, SIP "filter clear");
    fake_line(fake, SIP "filter policy-type IPv6");
    assert_string_equal(fake_line(fake, SIP "meters list"), "sip\n");
    fake_line(fake, SIP "filter clear");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_log_filter_is_kept_apart),
        TEST(the_helper_speaks_of_its_dialogs),
        TEST(profiles_are_listed_as_obeyed),
        TEST(meters_are_listed),
        TEST(calls_are_listed),
        TEST(calls_are_dropped_by_filter),
        TEST(every_filter_key_selects_as_written),
        TEST(the_filter_is_printed_and_guarded),
        TEST(statistics),
        TEST(mappings_and_signalling_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
