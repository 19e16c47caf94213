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

#define HEAD                                          \
    "origin-shaper=\nreply-shaper=\nper_ip_shaper=\n" \
    "class_id=0 ha_id=0 policy_dir=0 tunnel=/ vlan_cos=0/255\n"

static void the_example_of_the_documents(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 1);
    fake->sessions[0] = fake_session();
    const struct transcript rows[] = {
        {"diagnose sys session list",
         "session info: proto=17 proto_state=01 duration=2 expire=498 timeout=0 flags=00000000 "
         "sockflag=00000000 sockport=0 av_idx=0 use=3\n" HEAD "state=redir local may_dirty f00\n"
         "statistic(bytes/packets/allow_err): org=1128/2/1 reply=902/2/1 tuples=2\n"
         "tx speed(Bps/kbps): 564/4 rx speed(Bps/kbps): 451/3\n"
         "orgin->sink: org pre->post, reply pre->post dev=5->3/3->5 gwy=203.0.113.1/10.0.0.20\n"
         "hook=post dir=org act=snat 10.0.0.20:5060->198.51.100.5:5060(203.0.113.2:5060)\n"
         "hook=pre dir=reply act=dnat 198.51.100.5:5060->203.0.113.2:5060(10.0.0.20:5060)\n"
         "misc=0 policy_id=1 pol_uuid_idx=0 auth_info=0 chk_client_info=0 vd=0\n"
         "serial=0010ca5c tos=ff/ff app_list=0 app=0 url_cat=0\n"
         "rpdb_link_id=00000000 ngfwid=n/a\n"
         "timer=500 source=\"service SIP_Port\"\n"
         "total session 1\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void one_session(struct fake *fake, struct backend_session session)
{
    fake_sessions(fake, 1);
    fake->sessions[0] = session;
}

static void prints(struct fake *fake, const char *wanted)
{
    const char *out = fake_line(fake, "diagnose sys session list");
    if (!strstr(out, wanted))
        fail_msg("not printed: %s\n%s", wanted, out);
}

static void a_session_of_the_helper(void **state)
{
    struct fake *fake = *state;
    struct backend_session s = fake_session();
    s.alg = false;
    s.helper = true;
    one_session(fake, s);
    prints(fake, " tunnel=/ helper=sip vlan_cos=0/255\nstate=may_dirty f00\n");
}

static void a_session_through_a_vip(void **state)
{
    struct fake *fake = *state;
    struct backend_session s = fake_session();
    s.snat = s.alg = false;
    s.dnat = true;
    s.src = end("198.51.100.5", 40000);
    s.dst = end("203.0.113.2", 5060);
    s.reply_src = end("10.0.0.20", 5060);
    s.reply_dst = s.src;
    one_session(fake, s);
    prints(fake, "state=may_dirty f00\n");
    prints(fake,
           "hook=pre dir=org act=dnat 198.51.100.5:40000->203.0.113.2:5060(10.0.0.20:5060)\n"
           "hook=post dir=reply act=snat 10.0.0.20:5060->198.51.100.5:40000(203.0.113.2:5060)\n"
           "misc=0");
}

static void a_session_translated_on_both_sides(void **state)
{
    struct fake *fake = *state;
    struct backend_session s = fake_session();
    s.dnat = true;
    s.dst = end("203.0.113.9", 80);
    s.reply_src = end("10.0.1.8", 8080);
    s.reply_dst = end("10.0.1.1", 6000);
    one_session(fake, s);
    prints(fake, "tuples=4\n");
    prints(fake, "hook=pre dir=org act=dnat 10.0.0.20:5060->203.0.113.9:80(10.0.1.8:8080)\n"
                 "hook=post dir=org act=snat 10.0.0.20:5060->10.0.1.8:8080(10.0.1.1:6000)\n"
                 "hook=pre dir=reply act=dnat 10.0.1.8:8080->10.0.1.1:6000(10.0.0.20:5060)\n"
                 "hook=post dir=reply act=snat 10.0.1.8:8080->10.0.0.20:5060(203.0.113.9:80)\n");
}

static void tcp_without_nat_that_never_ends(void **state)
{
    struct fake *fake = *state;
    struct backend_session s = fake_session();
    s.proto = 6;
    s.proto_state = 11;
    s.snat = s.alg = false;
    s.dirty = true;
    s.duration_s = 0;
    s.expire_s = s.timer_s = UINT32_MAX;
    s.timeout_s = 3600;
    memcpy(s.timer_source, "port 1", 7);
    one_session(fake, s);
    prints(fake, "proto=6 proto_state=11 duration=0 expire=never timeout=3600 ");
    prints(fake, "state=dirty may_dirty f00\n");
    prints(fake, "tx speed(Bps/kbps): 1128/9 rx speed(Bps/kbps): 902/7\n");
    prints(fake, "hook=pre dir=org act=noop 10.0.0.20:5060->198.51.100.5:5060(0.0.0.0:0)\n"
                 "hook=post dir=reply act=noop 198.51.100.5:5060->10.0.0.20:5060(0.0.0.0:0)\n"
                 "pos/(before,after) 0/(0,0), 0/(0,0)\n");
    prints(fake, "timer=never source=\"port 1\"\n");
}

static void local_traffic(void **state)
{
    struct fake *fake = *state;
    struct backend_session s = fake_session();
    s.snat = s.alg = false;
    s.local = true;
    s.gateway[0] = (struct ip_addr){0};
    one_session(fake, s);
    prints(fake, "state=local f00\n");
    prints(fake, "orgin->sink: org pre->in, reply out->post dev=5->3/3->5 "
                 "gwy=0.0.0.0/10.0.0.20\n");
    prints(fake, "policy_id=4294967295 ");
    fake_line(fake, "diagnose sys session filter policy 4294967295");
    prints(fake, "total session 1\n");
}

static unsigned steps_of(struct fake *fake, const char *line, size_t *most)
{
    struct text *out = cli_output(fake->cli);
    text_clear(out);
    unsigned steps = 1;
    *most = 0;
    for (enum cli_state s = cli_line(fake->cli, slice_str(line)); s == CLI_MORE; steps++) {
        *most = out->n > *most ? out->n : *most;
        text_clear(out);
        s = cli_step(fake->cli);
    }
    return steps;
}

static void a_hundred_thousand_sessions_come_in_slices(void **state)
{
    struct fake *fake = *state;
    size_t most;
    fake_sessions(fake, 100000);
    unsigned steps = steps_of(fake, "diagnose sys session list", &most);
    assert_int_equal(steps, 100000 / 64 + 1);
    assert_true(most < 64 * 1100);
    assert_string_equal(cli_output(fake->cli)->p +
                            (cli_output(fake->cli)->n - strlen("total session 100000\n")),
                        "total session 100000\n");

    /* A filter that selects nothing must not make one step look at everything. */
    fake_line(fake, "diagnose sys session filter proto 99");
    steps = steps_of(fake, "diagnose sys session list", &most);
    assert_in_range(steps, 100000 / 512, 100000 / 512 + 2);
    assert_string_equal(cli_output(fake->cli)->p, "total session 0\n");
}

static void a_busy_backend_is_asked_again(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 200);
    fake->busy_every = 7;
    const char *out = fake_line(fake, "diagnose sys session list");
    assert_non_null(strstr(out, "total session 200\n"));
    out = fake_line(fake, "get system session list");
    unsigned lines = 0;
    for (const char *p = out; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 201);
}

static void clear_ends_what_the_filter_selects(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 1000);
    const struct transcript rows[] = {
        {"diagnose sys session filter policy 1 2", ""},
        {"diagnose sys session clear", ""},
        {"diagnose sys session list", "total session 0\n"},
        {"diagnose sys session filter clear", ""},
        {NULL},
    };
    fake_transcript(fake, rows);
    prints(fake, "total session 500\n");
    fake_line(fake, "diagnose sys session clear");
    prints(fake, "total session 0\n");
}

static void an_interrupt_stops_a_listing(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 1000);
    assert_int_equal(cli_line(fake->cli, SLICE_LIT("diagnose sys session list")), CLI_MORE);
    cli_interrupt(fake->cli);
    assert_int_equal(cli_step(fake->cli), CLI_DONE);
    assert_int_equal(cli_status(fake->cli), CLI_INTERRUPTED);
    prints(fake, "total session 1000\n");
}

static void the_brief_list(void **state)
{
    struct fake *fake = *state;
    fake_sessions(fake, 3);
    fake->sessions[0] = fake_session();
    fake->sessions[0].src = end("10.0.0.20", 3308);
    fake->sessions[0].reply_dst = end("203.0.113.2", 3308);
    fake->sessions[0].dst = end("198.51.100.53", 53);
    fake->sessions[0].expire_s = 175;
    fake->sessions[1] = fake_session();
    fake->sessions[1].proto = 6;
    fake->sessions[1].snat = false;
    fake->sessions[1].expire_s = 3598;
    fake->sessions[1].src = end("10.0.0.21", 50112);
    fake->sessions[1].dst = end("10.0.1.8", 443);
    fake->sessions[2] = fake_session();
    fake->sessions[2].proto = 47;
    fake->sessions[2].snat = false;
    fake->sessions[2].dnat = true;
    fake->sessions[2].reply_src = end("10.100.200.100", 50600);
    const struct transcript rows[] = {
        {"get system session list",
         "PROTO   EXPIRE SOURCE           SOURCE-NAT       DESTINATION      DESTINATION-NAT \n"
         "udp     175    10.0.0.20:3308   203.0.113.2:3308 198.51.100.53:53 -               \n"
         "tcp     3598   10.0.0.21:50112  -                10.0.1.8:443     -               \n"
         "47      498    10.0.0.20:5060   -                198.51.100.5:5060 "
         "10.100.200.100:50600\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

#define ERROR_BLOCK                                                         \
    "firewall error stat:\n"                                                \
    "error1=00000000\nerror2=00000000\nerror3=00000000\nerror4=00000000\n"  \
    "tt=00000000\ncont=00000000\nips_recv=00000000\npolicy_deny=00079e27\n" \
    "av_recv=00000000\nfqdn_count=00000000\nfqdn6_count=00000000\n"         \
    "global: ses_limit=1000 ses6_limit=1000 rt_limit=0 rt6_limit=0\n"       \
    "refused: table_full=9 no_port=6\n"

#define STAT                                                                               \
    "misc info:       session_count=21 setup_rate=4 exp_count=2 reflect_count=0 clash=3\n" \
    "        memory_tension_drop=8 ephemeral=5/1000 removeable=5 extreme_low_mem=0\n"      \
    "        npu_session_count=0\n"                                                        \
    "        nturbo_session_count=0\n"                                                     \
    "delete=7, flush=1, dev_down=0/0 ses_walkers=0\n"                                      \
    "session walkers: active=0, vf-0, dev-0, saddr-0, npu-0, wildcard-0\n"                 \
    "TCP sessions:\n"                                                                      \
    "         7 in ESTABLISHED state\n"                                                    \
    "         1 in SYN_SENT state\n" ERROR_BLOCK

static void statistics(void **state)
{
    struct fake *fake = *state;
    fake->session_stat = (struct backend_session_stat){.sessions = 21,
                                                       .capacity = 1000,
                                                       .mappings = 2,
                                                       .setup_rate = 4,
                                                       .tcp_states = {[1] = 7, [2] = 1},
                                                       .ephemeral = 5,
                                                       .clash = 3,
                                                       .deleted = 7,
                                                       .flushed = 1,
                                                       .early = 8,
                                                       .table_full = 9,
                                                       .no_port = 6,
                                                       .denied = 0x79e27};
    const struct transcript rows[] = {
        {"diagnose sys session stat", STAT},
        {"get system session-info statistics", STAT},
        {"diagnose sys session full-stat",
         "session table:           table_size=1000 max_depth=1 used=21\n"
         "expect session table:    table_size=0 max_depth=0 used=2\n" STAT},
        {"get system session status", "The total number of sessions for the current VDOM: 21\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

static void timeouts_by_port(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"get system session-info ttl", "list session timeout:\nDefault timeout=3600\n"},
        {"config sys session-ttl", ""},
        {"set default 7200", ""},
        {"config port", ""},
        {"edit 1", "new entry '1' added\n"},
        {"set protocol 17", ""},
        {"set timeout 500", ""},
        {"set start-port 5060", ""},
        {"set end-port 5060", ""},
        {"end", ""},
        {"end", ""},
        {"diagnose sys session ttl", "list session timeout:\nDefault timeout=7200\n"
                                     "id=1 proto=17 port=5060-5060 timeout=500\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_example_of_the_documents),
        TEST(a_session_of_the_helper),
        TEST(a_session_through_a_vip),
        TEST(a_session_translated_on_both_sides),
        TEST(tcp_without_nat_that_never_ends),
        TEST(local_traffic),
        TEST(a_hundred_thousand_sessions_come_in_slices),
        TEST(a_busy_backend_is_asked_again),
        TEST(clear_ends_what_the_filter_selects),
        TEST(an_interrupt_stops_a_listing),
        TEST(the_brief_list),
        TEST(statistics),
        TEST(timeouts_by_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
