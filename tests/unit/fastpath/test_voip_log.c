/* SPDX-License-Identifier: BSD-3-Clause */
/* The VoIP log: lines of calls and violations come out of a whole firewall, and a flood ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/load.h"
#include "config/tree.h"
#include "control/voip_log.h"
#include "firewall.h"

enum {
    LAN = 1,
    WAN
};

#define SECOND_NS 1000000000ull

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.255.255.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "end\n"
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\nend\n"
    "config voip profile\nedit \"phones\"\nconfig sip\nset log-violations enable\nend\nnext\nend\n"
    "config firewall policy\nedit 7\nset srcintf \"lan\"\nset dstintf \"wan\"\n"
    "set srcaddr \"all\"\nset dstaddr \"all\"\nset action accept\nset schedule \"always\"\n"
    "set service \"ALL\"\nset voip-profile \"phones\"\nset nat enable\nnext\nend\n";

struct world {
    struct replay *r;
    struct text log; /* lines of the log, as they were printed */
    unsigned lines;
};

static void on_event(void *ctx, const struct event *e)
{
    struct world *w = ctx;
    if (strcmp(e->name, "log") != 0)
        return;
    text_printf(&w->log, "%s\n", e->detail);
    w->lines++;
}

static void nothing_sent(void *ctx, uint16_t ifindex, uint64_t at_ns, struct slice frame)
{
    (void)ctx, (void)ifindex, (void)at_ns, (void)frame;
}

static void world_make(struct world *w)
{
    struct text error = {0};
    *w = (struct world){0};
    struct replay_options o = {.events = {on_event, w}, .clock_ms = 5000, .sent = nothing_sent};
    if (config_load_text("test", slice_str(config), &o.config, &error, NULL) != 0)
        fail_msg("%s", error.p);
    w->r = replay_create(&o, &error);
    if (!w->r)
        fail_msg("%s", error.p);
    text_free(&error);
}

static void world_free(struct world *w)
{
    replay_free(w->r);
    text_free(&w->log);
}

static void forget(struct world *w)
{
    text_free(&w->log);
    w->log = (struct text){0};
    w->lines = 0;
}

static void say(struct world *w, bool outward, const char *text)
{
    struct frame f;
    struct ends out = {"10.0.0.20", 5060, "198.51.100.5", 5060};
    struct ends in = {"198.51.100.5", 5060, "203.0.113.2", 5060};
    frame_udp(&f, outward ? out : in, slice_str(text));
    assert_int_equal(replay_frame(w->r, outward ? LAN : WAN, frame_slice(&f)), 0);
}

static void command(struct world *w, const char *line)
{
    struct text out = {0};
    if (replay_command(w->r, slice_str(line), &out) != 0)
        fail_msg("%s", out.p);
    text_free(&out);
}

#define HEADERS(from, method)                             \
    "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK1\r\n" \
    "From: <sip:" from "@10.0.0.20>;tag=1\r\n"            \
    "To: <sip:bob@example.net>\r\n"                       \
    "Call-ID: one\r\nCSeq: 1 " method "\r\n"
#define INVITE(from) \
    "INVITE sip:bob@example.net SIP/2.0\r\n" HEADERS(from, "INVITE") "Content-Length: 0\r\n\r\n"
#define BUSY                                                                     \
    "SIP/2.0 486 Busy Here\r\n"                                                  \
    "Via: SIP/2.0/UDP 203.0.113.2:5060;branch=z9hG4bK1\r\n"                      \
    "From: <sip:alice@203.0.113.2>;tag=1\r\nTo: <sip:bob@example.net>;tag=2\r\n" \
    "Call-ID: one\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"

#define START                                                                                  \
    "\"line\":\"logid=\\\"08140440%s\\\" type=\\\"utm\\\" subtype=\\\"voip\\\" eventtype=\\\"" \
    "voip\\\" level=\\\"%s\\\" vd=\\\"root\\\" session_id=0 epoch=%u event_id=0 "              \
    "srcip=10.0.0.20 src_port=5060 dstip=198.51.100.5 dst_port=5060 proto=17 "                 \
    "src_int=\\\"lan\\\" dst_int=\\\"wan\\\" policy_id=7 profile=\\\"phones\\\" "              \
    "voip_proto=\\\"sip\\\" %s\"\n"
#define PARTIES \
    "call_id=\\\"one\\\" from=\\\"sip:alice@10.0.0.20\\\" to=\\\"sip:bob@example.net\\\""

static void expect(struct world *w, const char *id, const char *level, unsigned epoch,
                   const char *rest)
{
    char want[2048];
    snprintf(want, sizeof want, START, id, level, epoch, rest);
    assert_string_equal(w->log.p ? w->log.p : "", want);
    forget(w);
}

static void test_call(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    say(&w, true, INVITE("alice"));
    expect(&w, "32", "information", 1,
           "kind=\\\"call\\\" action=\\\"permit\\\" status=\\\"start\\\" duration=0 "
           "dir=\\\"session_origin\\\" " PARTIES);
    say(&w, true, INVITE("alice"));
    assert_int_equal(w.lines, 0); /* sent again: nothing new */
    replay_advance(w.r, 4 * SECOND_NS);
    say(&w, false, BUSY);
    expect(&w, "32", "information", 1,
           "kind=\\\"call\\\" action=\\\"permit\\\" status=\\\"failed\\\" duration=4 "
           "dir=\\\"session_origin\\\" " PARTIES " reason=\\\"rejected\\\" response=486");
    world_free(&w);
}

/* What a phone writes cannot end a value early. */
static void test_hostile(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    say(&w, true, INVITE("a%22\\\x7f"));
    assert_int_equal(w.lines, 1);
    forget(&w);
    struct sip_log_record r = {.kind = SIP_LOG_FUZZING,
                               .session = HANDLE_NONE,
                               .method = "",
                               .reason = "",
                               .data = "a\" status=\"end\\\x01\xff"};
    struct text line = {0};
    voip_log_print(dataplane_snapshot(replay_dataplane(w.r)), &r, &line);
    assert_non_null(strstr(line.p, " malform_data=\"a\\\" status=\\\"end\\\\..\""));
    text_free(&line);
    world_free(&w);
}

static const char malformed[] =
    "INVITE sip:bob@example.net SIP/2.0\r\n" HEADERS("alice", "INVITE") "Contact\r\n\r\n";

static void test_violation(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    say(&w, true, INVITE("alice"));
    forget(&w);
    say(&w, true, malformed);
    expect(&w, "34", "notice", 0,
           "action=\\\"block\\\" dir=\\\"session_origin\\\" malform_desc=\\\"header line without a "
           "colon\\\" malform_data=\\\"Contact\\\" line=7 column=8");
    command(&w, "config voip profile");
    command(&w, "edit phones");
    command(&w, "config sip");
    command(&w, "set log-violations disable");
    command(&w, "end");
    command(&w, "end");
    say(&w, true, malformed);
    assert_int_equal(w.lines, 0);
    world_free(&w);
}

/* Neither does a policy without utm logs log, nor a log that takes no VoIP. */
static void test_switches(void **state)
{
    static const char *const off[][4] = {
        {"config firewall policy", "edit 7", "set logtraffic disable", "end"},
        {"config log syslogd filter", "set voip disable", "end", "get log syslogd filter"},
    };
    struct world w;
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        world_make(&w);
        for (unsigned k = 0; k < 4; k++)
            command(&w, off[i][k]);
        say(&w, true, INVITE("alice"));
        say(&w, true, malformed);
        assert_int_equal(w.lines, 0);
        world_free(&w);
    }
}

/* A flood is told once, then there is quiet for a while. */
static void test_flood(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    say(&w, true, INVITE("alice"));
    forget(&w);
    for (unsigned i = 0; i < 2 * VOIP_LOG_VIOLATIONS; i++)
        say(&w, true, malformed);
    assert_int_equal(w.lines, VOIP_LOG_VIOLATIONS + 1);
    assert_non_null(strstr(w.log.p, "level=\\\"critical\\\""));
    forget(&w);
    replay_advance(w.r, (VOIP_LOG_QUIET_MS - 1) * 1000000ull);
    say(&w, true, malformed);
    assert_int_equal(w.lines, 0);
    replay_advance(w.r, VOIP_LOG_QUIET_MS * 1000000ull);
    say(&w, true, malformed);
    assert_int_equal(w.lines, 1);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),      cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_violation), cmocka_unit_test(test_switches),
        cmocka_unit_test(test_flood),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
