/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 sessions: their layout, their own filter, and that neither family touches the other. */
#include "fake.h"

#include <stdlib.h>

static struct backend_session session6(uint32_t index, const char *src, const char *dst)
{
    struct backend_session s = fake_session();
    s.index = index;
    s.v6 = true;
    s.snat = s.alg = false;
    s.src = s.reply_dst = end(src, 36867);
    s.dst = s.reply_src = end(dst, 80);
    s.proto = 6;
    s.timeout_s = 3600;
    s.gateway[0] = ip("fe80::1");
    s.gateway[1] = (struct ip_addr){0};
    return s;
}

static int setup(void **state)
{
    struct fake *fake = malloc(sizeof(*fake));
    fake_open(fake);
    fake_sessions(fake, 4);
    fake->sessions[1] = session6(1, "2001:db8:10::41", "2001:db8:172::55");
    fake->sessions[3] = session6(3, "2001:db8:10::42", "2001:db8:172::56");
    fake->sessions[3].proto = 58;
    *state = fake;
    return 0;
}

static int teardown(void **state)
{
    fake_close(*state);
    free(*state);
    return 0;
}

#define FIRST                                                                                  \
    "session6 info: proto=6 proto_state=01 duration=2 expire=498 timeout=3600 flags=00000000 " \
    "sockflag=00000000 sockport=0 av_idx=0 use=3\n"                                            \
    "origin-shaper=\nreply-shaper=\nper_ip_shaper=\n"                                          \
    "class_id=0 ha_id=0 policy_dir=0 tunnel=/ vlan_cos=0/255\n"                                \
    "state=may_dirty f00\n"                                                                    \
    "statistic(bytes/packets/allow_err): org=1128/2/1 reply=902/2/1 tuples=2\n"                \
    "tx speed(Bps/kbps): 564/4 rx speed(Bps/kbps): 451/3\n"                                    \
    "orgin->sink: org pre->post, reply pre->post dev=5->3/3->5 gwy=fe80::1/::\n"               \
    "hook=pre dir=org act=noop 2001:db8:10::41:36867->2001:db8:172::55:80(:::0)\n"             \
    "hook=post dir=reply act=noop 2001:db8:172::55:80->2001:db8:10::41:36867(:::0)\n"          \
    "pos/(before,after) 0/(0,0), 0/(0,0)\n"                                                    \
    "misc=0 policy_id=1 pol_uuid_idx=0 auth_info=0 chk_client_info=0 vd=0\n"                   \
    "serial=00000001 tos=ff/ff app_list=0 app=0 url_cat=0\n"                                   \
    "rpdb_link_id=00000000 ngfwid=n/a\n"                                                       \
    "timer=500 source=\"service SIP_Port\"\n"

static void the_list(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"diagnose sys session6 filter src 2001:db8:10::40 2001:db8:10::41", ""},
        {"diagnose sys session6 list", FIRST "total session 1\n"},
        {"diagnose sys session6 filter negate src", ""},
        {"diagnose sys session6 filter proto 6", ""},
        {"diagnose sys session6 list", "total session 0\n"},
        {NULL},
    };
    fake_transcript(fake, rows);
    const char *out = fake_line(fake, "diagnose sys session list");
    assert_null(strstr(out, "session6"));
    assert_non_null(strstr(out, "total session 2\n"));
}

static void the_filter(void **state)
{
    struct fake *fake = *state;
    const struct transcript rows[] = {
        {"diagnose sys session6 filter dst 2001:db8:172::56", ""},
        {"diagnose sys session6 filter dport 80", ""},
        {"diagnose sys session6 filter", "session6 filter:\n"
                                         "        vd: any\n"
                                         "        sintf: any\n"
                                         "        dintf: any\n"
                                         "        proto: any\n"
                                         "        proto-state: any\n"
                                         "        source ip: any\n"
                                         "        dest ip: 2001:db8:172::56-2001:db8:172::56\n"
                                         "        source port: any\n"
                                         "        dest port: 80-80\n"
                                         "        policy id: any\n"
                                         "        expire: any\n"
                                         "        duration: any\n"
                                         "        state1: any\n"
                                         "        state2: any\n"},
        {"diagnose sys session6 filter dst 10.0.0.1",
         "invalid ip address\n\nvalue parse error before '10.0.0.1'\nCommand fail. Return code "
         "-8\n",
         -8},
        {"diagnose sys session6 filter src 2001:db8::9 2001:db8::1",
         "invalid ip address\n\nvalue parse error before '2001:db8::1'\n"
         "Command fail. Return code -8\n",
         -8},
        {"diagnose sys session6 filter nsrc ::1",
         "command parse error before 'nsrc'\nCommand fail. Return code -61\n", -61},
        {NULL},
    };
    fake_transcript(fake, rows);
    assert_non_null(strstr(fake_line(fake, "diagnose sys session6 list"), "serial=00000003 "));
    assert_non_null(strstr(cli_output(fake->cli)->p, "total session 1\n"));
    /* The other family has a filter of its own. */
    assert_non_null(strstr(fake_line(fake, "diagnose sys session filter"), "dest port: any\n"));
}

static void clear(void **state)
{
    struct fake *fake = *state;
    fake_line(fake, "diagnose sys session6 filter proto 58");
    fake_line(fake, "diagnose sys session6 clear");
    assert_true(!fake->session_gone[0] && !fake->session_gone[1] && !fake->session_gone[2] &&
                fake->session_gone[3]);
    fake_line(fake, "diagnose sys session clear");
    assert_true(fake->session_gone[0] && !fake->session_gone[1] && fake->session_gone[2]);
    fake_line(fake, "diagnose sys session6 filter clear");
    fake_line(fake, "diagnose sys session6 clear");
    assert_true(fake->session_gone[1]);
}

static void statistics(void **state)
{
    struct fake *fake = *state;
    fake->session_stat.sessions = 5;
    const char *out = fake_line(fake, "diagnose sys session6 stat");
    assert_non_null(strstr(out, "session_count=5 "));
    assert_non_null(strstr(out, "ses6_walkers=0\n"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(the_list), TEST(the_filter), TEST(clear),
                                       TEST(statistics)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
