/* SPDX-License-Identifier: BSD-3-Clause */
/* From configuration text to what the packet path reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/load.h"
#include "config/rows.h"
#include "fastpath/compile.h"
#include "fastpath/route.h"
#include "firewall.h"

#define INTERFACES                                                                          \
    "config system interface\n"                                                             \
    "edit \"lan\"\nset ip 10.0.0.1 255.255.255.0\nset allowaccess ping\nnext\n"             \
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nset macaddr 02:11:22:33:44:55\nnext\n" \
    "edit \"off\"\nset ip 10.9.0.1 255.255.0.0\nset status down\nnext\n"                    \
    "end\n"
#define ROUTES                                                              \
    "config router static\n"                                                \
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"           \
    "edit 2\nset dst 192.0.2.0 255.255.255.0\nset blackhole enable\nnext\n" \
    "end\n"
#define ADDRESSES                                                                              \
    "config firewall address\n"                                                                \
    "edit \"phone\"\nset subnet 10.0.0.20 255.255.255.255\nnext\n"                             \
    "edit \"desks\"\nset type iprange\nset start-ip 10.0.0.100\nset end-ip 10.0.0.199\nnext\n" \
    "end\n"                                                                                    \
    "config firewall addrgrp\nedit \"people\"\nset member \"phone\" \"desks\"\nnext\nend\n"
#define SERVICE                                                                      \
    "config firewall service custom\n"                                               \
    "edit \"SIP_Port\"\nset udp-portrange 5060-5061\nset udp-idle-timer 500\nnext\n" \
    "end\n"
#define PROFILE                                                                              \
    "config voip profile\n"                                                                  \
    "edit \"VoIP_Pro_Name\"\nconfig sip\nset call-keepalive 100\nset max-idle-dialogs 200\n" \
    "set provisional-invite-expiry-time 100\nend\nnext\nend\n"
#define POLICY(id, extra)                                                              \
    "edit " #id "\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"people\"\n" \
    "set dstaddr \"all\"\nset action accept\nset schedule \"always\"\n" extra "next\n"
#define POLICIES                                                               \
    "config firewall policy\n" POLICY(                                         \
        7, "set service \"SIP_Port\"\nset nat enable\nset utm-status enable\n" \
           "set voip-profile \"VoIP_Pro_Name\"\n")                             \
        POLICY(3, "set service \"ALL\"\nset session-ttl 700\n") "end\n"
#define PORTS                                                                                  \
    "config system session-ttl\nconfig port\n"                                                 \
    "edit 1\nset protocol 17\nset timeout 320\nset start-port 5000\nset end-port 6000\nnext\n" \
    "end\nend\n"
#define WHOLE INTERFACES ROUTES ADDRESSES SERVICE PROFILE POLICIES

struct compiled {
    struct timer_sets sets;
    struct pools *pools;
    struct config_rows *rows;
    struct snapshot *s;
};

static const struct snapshot_ports ports = {.mac = {[1] = {2, 1}, [2] = {2, 2}, [3] = {2, 3}}};

static void compile(struct compiled *c, const char *text, const struct snapshot *previous)
{
    struct text error = {0};
    struct config_tree *tree;
    if (config_load_text("test", slice_str(text), &tree, &error, NULL) != 0)
        fail_msg("%s", error.p);
    c->rows = config_rows_make(tree, &error);
    if (!c->rows)
        fail_msg("%s", error.p);
    c->s = snapshot_compile(c->rows, &c->sets, c->pools, previous, &ports, &error);
    if (!c->s)
        fail_msg("%s", error.p);
    tree_free(tree);
    text_free(&error);
}

static void begin(struct compiled *c, const char *text)
{
    *c = (struct compiled){.pools = pools_create()};
    assert_int_equal(timer_sets_init(&c->sets), 0);
    compile(c, text, NULL);
}

static void end(struct compiled *c)
{
    snapshot_free(c->s);
    config_rows_free(c->rows);
    pools_destroy(c->pools);
    timer_sets_free(&c->sets);
}

static void test_interfaces(void **state)
{
    struct compiled c;
    (void)state;
    begin(&c, WHOLE);
    const struct interface *f = c.s->interfaces;
    assert_int_equal(c.s->n_interfaces, 3);
    assert_string_equal(f[1].name, "lan");
    assert_int_equal(f[1].ip, frame_address("10.0.0.1"));
    assert_int_equal(f[1].mask, frame_address("255.255.255.0"));
    assert_memory_equal(f[1].mac, ports.mac[1], 6);
    assert_true(f[1].up && f[1].allow_ping && !f[2].allow_ping);
    assert_memory_equal(f[2].mac, "\x02\x11\x22\x33\x44\x55", 6);
    assert_int_equal(f[2].nat.ip, frame_address("203.0.113.2"));
    assert_int_equal(f[2].mtu, 1500);
    assert_false(f[3].up);
    assert_int_equal(snapshot_local(c.s, f[2].ip), 2);
    end(&c);
}

static const struct route_set *way_to(const struct compiled *c, const char *text)
{
    struct ip_addr ip = ip_addr_of4(frame_address(text));
    return route_find(c->s->routes, &ip);
}

static void test_routes(void **state)
{
    struct compiled c;
    (void)state;
    begin(&c, WHOLE);
    const struct route_set *r = way_to(&c, "10.0.0.77");
    assert_true(r && r->connected && r->len == 24 && r->n == 1 && r->hops[0].ifindex == 1);
    assert_true(ip_addr_is_zero(&r->hops[0].gateway));
    r = way_to(&c, "198.51.100.5");
    assert_true(r && !r->connected && r->hops[0].ifindex == 2);
    assert_int_equal(r->hops[0].gateway.word[3], frame_address("203.0.113.1"));
    r = way_to(&c, "192.0.2.1");
    assert_true(r && r->blackhole && r->n == 0);
    /* What is down leads nowhere: the default route has it. */
    assert_ptr_equal(way_to(&c, "10.9.0.5"), way_to(&c, "198.51.100.5"));
    end(&c);
}

static bool find(const struct compiled *c, const char *src, uint16_t dport, struct policy_hit *hit)
{
    struct flow f = {.in_ifindex = 1,
                     .out_ifindex = 2,
                     .src = ip_addr_of4(frame_address(src)),
                     .dst = ip_addr_of4(frame_address("198.51.100.5")),
                     .sport = 1000,
                     .dport = dport,
                     .proto = 17};
    return policy_find(c->s, &f, hit);
}

static void test_policies(void **state)
{
    struct compiled c;
    struct policy_hit hit;
    (void)state;
    begin(&c, WHOLE);
    assert_int_equal(c.s->n_policies, 2);
    assert_true(find(&c, "10.0.0.20", 5060, &hit));
    assert_int_equal(hit.policy->id, 7);
    assert_true(hit.policy->accept && hit.policy->nat);
    assert_string_equal(c.s->profiles[hit.policy->profile].name, "VoIP_Pro_Name");
    assert_true(find(&c, "10.0.0.199", 5061, &hit) && hit.policy->id == 7);
    assert_true(find(&c, "10.0.0.100", 5062, &hit) && hit.policy->id == 3);
    assert_false(hit.policy->nat);
    assert_int_equal(hit.policy->profile, 0);
    assert_false(find(&c, "10.0.0.21", 5060, &hit));
    assert_false(find(&c, "10.0.0.99", 5060, &hit));
    assert_false(find(&c, "10.0.0.200", 5060, &hit));
    assert_ptr_equal(policy_by_id(c.s, 3), &c.s->policies[1]);
    end(&c);
}

static void test_profiles(void **state)
{
    struct compiled c;
    (void)state;
    begin(&c, WHOLE);
    assert_string_equal(c.s->profiles[0].name, "default");
    const struct voip_profile *p = NULL;
    for (uint16_t i = 0; i < c.s->n_profiles; i++)
        if (strcmp(c.s->profiles[i].name, "VoIP_Pro_Name") == 0)
            p = &c.s->profiles[i];
    assert_non_null(p);
    assert_int_equal(p->call_keepalive_s, 100);
    assert_int_equal(p->max_idle_dialogs, 200);
    assert_int_equal(p->provisional_invite_expiry_s, 100);
    assert_int_equal(c.s->profiles[0].provisional_invite_expiry_s, 210);
    assert_true(p->sip_status && p->rtp);
    assert_true(snapshot_sip_port(c.s, be16_of(5060)));
    end(&c);
}

static void assert_timer(const struct compiled *c, uint16_t dport, uint32_t seconds,
                         const char *source)
{
    struct policy_hit hit;
    char text[TIMER_SOURCE_TEXT];
    assert_true(find(c, "10.0.0.20", dport, &hit));
    const struct timer_set *set =
        timer_set_get(&c->sets, snapshot_timer_set(c->s, &hit, 17, dport));
    assert_int_equal(set->s[TIMER_UDP], seconds);
    timer_source_print(set, TIMER_UDP, text, sizeof text);
    assert_string_equal(text, source);
}

#define UDP_IDLE(n) "config system global\nset udp-idle-timer " #n "\nend\n"
#define PLAIN       "config firewall policy\n" POLICY(1, "set service \"ALL\"\n") "end\n"

static void test_timers(void **state)
{
    static const struct {
        const char *text;
        uint16_t dport;
        uint32_t seconds;
        const char *source;
    } row[] = {
        {INTERFACES ADDRESSES PLAIN, 5060, 180, "global"},
        {INTERFACES ADDRESSES PLAIN UDP_IDLE(500), 5060, 500, "global"},
        {INTERFACES ADDRESSES PLAIN UDP_IDLE(500) PORTS, 5060, 320, "port 1"},
        {INTERFACES ADDRESSES PLAIN UDP_IDLE(500) PORTS, 4999, 500, "global"},
        {INTERFACES ADDRESSES PLAIN UDP_IDLE(500) PORTS, 6001, 500, "global"},
        {WHOLE UDP_IDLE(90) PORTS, 5060, 500, "service SIP_Port"},
        {WHOLE UDP_IDLE(90) PORTS, 5061, 500, "service SIP_Port"},
        {WHOLE UDP_IDLE(90) PORTS, 5062, 700, "policy 3"},
        {WHOLE UDP_IDLE(90), 80, 700, "policy 3"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct compiled c;
        begin(&c, row[i].text);
        assert_timer(&c, row[i].dport, row[i].seconds, row[i].source);
        end(&c);
    }
}

/* Does the generation move when `before` becomes `after`? */
static bool moves(const char *before, const char *after)
{
    struct compiled c;
    begin(&c, before);
    struct snapshot *old = c.s;
    struct config_rows *old_rows = c.rows;
    compile(&c, after, old);
    bool moved = c.s->generation != old->generation;
    snapshot_free(old);
    config_rows_free(old_rows);
    end(&c);
    return moved;
}

/* Sessions are looked at again only after a change that may decide over them. */
static void test_generation(void **state)
{
    (void)state;
    assert_false(moves(WHOLE, WHOLE));
    assert_false(moves(WHOLE, WHOLE UDP_IDLE(500)));
    assert_false(moves(WHOLE, WHOLE PORTS));
    assert_false(moves(WHOLE, WHOLE "config system interface\nedit \"lan\"\n"
                                    "unset allowaccess\nnext\nend\n"));
    assert_true(moves(WHOLE, INTERFACES ADDRESSES SERVICE PROFILE POLICIES));
    assert_true(moves(WHOLE, WHOLE "config router static\nedit 1\n"
                                   "set gateway 203.0.113.9\nnext\nend\n"));
    assert_true(moves(WHOLE, WHOLE "config router static\nedit 2\n"
                                   "set dst 192.0.2.0 255.255.255.128\nnext\nend\n"));
    assert_true(moves(WHOLE, WHOLE "config router static\nedit 2\nset blackhole disable\n"
                                   "set gateway 10.0.0.2\nset device \"lan\"\nnext\nend\n"));
    assert_true(moves(WHOLE, WHOLE "config system interface\nedit \"wan\"\n"
                                   "set ip 203.0.113.3 255.255.255.0\nnext\nend\n"));
    assert_true(moves(WHOLE, WHOLE "config system interface\nedit \"lan\"\n"
                                   "set status down\nnext\nend\n"));
    assert_true(moves(WHOLE, INTERFACES ROUTES ADDRESSES SERVICE PROFILE));
    assert_true(moves(WHOLE, WHOLE "config firewall policy\nedit 3\nset action deny\nnext\nend\n"));
    assert_true(moves(WHOLE, WHOLE "config firewall policy\nedit 3\nset nat enable\nnext\nend\n"));
    assert_true(
        moves(WHOLE, WHOLE "config firewall policy\nedit 3\nset dstaddr \"phone\"\nnext\nend\n"));
    assert_true(moves(WHOLE, WHOLE "config firewall policy\nmove 3 before 7\nend\n"));
    assert_true(
        moves(WHOLE, WHOLE
              "config firewall address\nedit \"phone\"\nset subnet 10.0.0.21/32\nnext\nend\n"));
    assert_true(moves(WHOLE, WHOLE "config firewall service custom\nedit \"SIP_Port\"\n"
                                   "set udp-portrange 5060\nnext\nend\n"));
}

#define ROLE(name, role) \
    "config system interface\nedit \"" name "\"\nset role " role "\nnext\nend\n"
#define NAT_POLICY(id, from, to)                                                               \
    "config firewall policy\nedit " #id "\nset srcintf \"" from "\"\nset dstintf \"" to "\"\n" \
    "set srcaddr \"all\"\nset dstaddr \"all\"\nset action accept\nset schedule \"always\"\n"   \
    "set service \"ALL\"\nset nat enable\nnext\nend\n"
#define STATIC6 \
    "config router static6\nedit 1\nset gateway fe80::1\nset device \"off\"\nnext\nend\n"

/* Who is inside whom, by role, else by source NAT, else by a default route. */
static void test_depth(void **state)
{
    static const struct {
        const char *text;
        uint8_t lan, wan, other;
    } rows[] = {
        {INTERFACES, 1, 1, 1},
        {INTERFACES ROUTES, 1, 0, 1},
        {INTERFACES ROUTES STATIC6, 1, 0, 0},
        {INTERFACES ROUTES "config router static\nedit 1\nset blackhole enable\nnext\nend\n", 1, 1,
         1},
        {INTERFACES NAT_POLICY(1, "lan", "wan"), 2, 0, 1},
        {INTERFACES ROUTES NAT_POLICY(1, "lan", "off"), 2, 0, 0},
        /* translated both ways: NAT tells nothing, the default route does */
        {INTERFACES ROUTES NAT_POLICY(1, "lan", "wan") NAT_POLICY(2, "wan", "lan"), 1, 0, 1},
        {INTERFACES ROUTES NAT_POLICY(1, "lan", "wan") NAT_POLICY(2, "wan", "off"), 2, 0, 0},
        /* the two contradict each other: nothing is told */
        {INTERFACES ROUTES NAT_POLICY(1, "wan", "lan"), 1, 1, 1},
        {INTERFACES ROUTES NAT_POLICY(1, "wan", "lan") ROLE("wan", "wan"), 0, 0, 1},
        {INTERFACES ROUTES NAT_POLICY(1, "wan", "lan") ROLE("wan", "wan") ROLE("lan", "lan"), 2, 0,
         1},
        /* a role is stronger than both */
        {INTERFACES ROUTES NAT_POLICY(1, "lan", "wan") ROLE("wan", "lan"), 2, 2, 1},
        {INTERFACES ROUTES NAT_POLICY(1, "lan", "wan") ROLE("lan", "wan"), 0, 0, 1},
        {INTERFACES ROUTES ROLE("off", "dmz"), 1, 0, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct compiled c;
        begin(&c, rows[i].text);
        const struct interface *f = c.s->interfaces;
        if (f[1].depth != rows[i].lan || f[2].depth != rows[i].wan || f[3].depth != rows[i].other)
            fail_msg("row %zu: lan %u, wan %u, off %u", i, f[1].depth, f[2].depth, f[3].depth);
        assert_int_equal(snapshot_comes_in(c.s, 2, 1), rows[i].wan < rows[i].lan);
        end(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interfaces), cmocka_unit_test(test_routes),
        cmocka_unit_test(test_policies),   cmocka_unit_test(test_profiles),
        cmocka_unit_test(test_timers),     cmocka_unit_test(test_generation),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
