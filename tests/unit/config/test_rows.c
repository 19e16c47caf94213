/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of small files: names resolved, groups expanded, defaults filled in, order kept. */
#include "rows_unit.h"

#include <stdlib.h>

static void test_defaults(void **state)
{
    (void)state;
    struct config_rows *rows = rows_of("");
    assert_string_equal(rows->global.hostname, "Pinhole");
    assert_int_equal(rows->global.udp_idle_s, 180);
    assert_int_equal(rows->global.tcp_halfopen_s, 10);
    assert_int_equal(rows->global.tcp_halfclose_s, 120);
    assert_int_equal(rows->global.tcp_timewait_s, 1);
    assert_int_equal(rows->global.tcp_rst_s, 5);
    assert_int_equal(rows->global.ttl_default_s, 3600);
    assert_true(rows->global.voip_alg_proxy);
    assert_int_equal(rows->global.n_sip_udp_ports, 1);
    assert_int_equal(rows->global.sip_udp_ports[0], 5060);
    assert_false(rows->dpdk.hugepages);
    assert_int_equal(rows->dpdk.memory_mib, 512);
    assert_int_equal(rows->dpdk.sessions, 65536);
    assert_int_equal(rows->dpdk.mappings, 16384);
    assert_int_equal(rows->dpdk.mbufs, 16384);
    assert_int_equal(rows->dpdk.dialogs, 8192);
    assert_int_equal(rows->dpdk.n_worker_cpus, 1);
    assert_int_equal(rows->dpdk.worker_cpus[0], 1);
    assert_int_equal(rows->n_interfaces, 0);
    assert_int_equal(rows->n_policies, 0);
    assert_int_equal(rows->n_routes, 0);
    assert_int_equal(rows->n_port_ttls, 0);
    assert_int_equal(rows->n_voip_profiles, 2);
    const struct row_voip_profile *p = &rows->voip_profiles[0];
    assert_string_equal(p->name, "default");
    assert_true(p->sip_status && p->rtp && p->nat_trace && p->open_register_pinhole &&
                p->open_contact_pinhole && p->strict_register);
    assert_false(p->preserve_override || p->no_sdp_fixup);
    assert_int_equal(p->nat_port_first, 5117);
    assert_int_equal(p->nat_port_last, 65533);
    assert_int_equal(p->max_dialogs, 0);
    assert_int_equal(p->max_idle_dialogs, 0);
    assert_int_equal(p->call_keepalive_s, 0);
    assert_int_equal(p->provisional_invite_expiry_s, 210);
    config_rows_free(rows);
    config_rows_free(NULL);
}

static void test_settings(void **state)
{
    (void)state;
    struct config_rows *rows = rows_of(
        "config system global\nset hostname EDGE\nset udp-idle-timer 500\nend\n"
        "config system settings\nset sip-udp-port 5060 5070\nset sip-tcp-port 5062 5072\n"
        "set default-voip-alg-mode kernel-helper-based\nend\n"
        "config system session-ttl\nset default never\nconfig port\n"
        "edit 20\nset protocol 17\nset timeout never\nset start-port 7000\nset end-port 8000\n"
        "set refresh-direction incoming\nnext\n"
        "edit 3\nset protocol 6\nnext\nend\nend\n"
        "config dpdk global\nset hugepages enable\nset sessions 1024\nend\n"
        "config dpdk cpus\nset worker-cpus 2-4 3 7\nset alg-cpu 5\nset control-cpu 6\nend\n"
        "config voip profile\nedit a\nconfig sip\nset status disable\nset max-idle-dialogs 200\n"
        "set nat-port-range 10000-20000\nend\nnext\nend\n");
    assert_string_equal(rows->global.hostname, "EDGE");
    assert_int_equal(rows->global.udp_idle_s, 500);
    assert_false(rows->global.voip_alg_proxy);
    assert_int_equal(rows->global.n_sip_udp_ports, 2);
    assert_int_equal(rows->global.sip_udp_ports[1], 5070);
    assert_int_equal(rows->global.n_sip_tcp_ports, 2);
    assert_int_equal(rows->global.sip_tcp_ports[0], 5062);
    assert_int_equal(rows->global.sip_tcp_ports[1], 5072);
    assert_true(rows->global.ttl_default_s == ROW_NEVER);
    assert_int_equal(rows->n_port_ttls, 2);
    const struct row_port_ttl *ttl = rows->port_ttls;
    assert_int_equal(ttl[0].id, 3);
    assert_int_equal(ttl[0].proto, 6);
    assert_int_equal(ttl[0].port_first, 0);
    assert_int_equal(ttl[0].port_last, 65535);
    assert_int_equal(ttl[0].timeout_s, 300);
    assert_int_equal(ttl[1].id, 20);
    assert_int_equal(ttl[1].port_first, 7000);
    assert_int_equal(ttl[1].port_last, 8000);
    assert_true(ttl[1].timeout_s == ROW_NEVER);
    assert_int_equal(ttl[1].refresh, ROW_REFRESH_INCOMING);
    assert_true(rows->dpdk.hugepages);
    assert_int_equal(rows->dpdk.n_worker_cpus, 4);
    assert_int_equal(rows->dpdk.worker_cpus[0], 2);
    assert_int_equal(rows->dpdk.worker_cpus[3], 7);
    assert_int_equal(rows->dpdk.alg_cpu, 5);
    assert_int_equal(rows->n_voip_profiles, 3);
    assert_string_equal(rows->voip_profiles[2].name, "a");
    assert_false(rows->voip_profiles[2].sip_status);
    assert_int_equal(rows->voip_profiles[2].max_idle_dialogs, 200);
    assert_int_equal(rows->voip_profiles[2].nat_port_first, 10000);
    config_rows_free(rows);
}

/* `strict` discards whatever is malformed; what passes unseen is not looked for. */
static void test_voip_rules(void **state)
{
    (void)state;
    struct config_rows *rows =
        rows_of("config voip profile\nedit a\nconfig sip\nset invite-rate 7\nset invite-rate-track "
                "dest-ip\n"
                "set options-rate-track src-ip\nset block-bye enable\nset unknown-header respond\n"
                "set max-line-length 78\nset max-body-length 9\nset block-long-lines disable\n"
                "set block-unknown disable\nset rfc2543-branch enable\nend\nnext\n"
                "edit b\nconfig sip\nset log-violations enable\nend\nnext\nend\n");
    const struct voip_rules *normal = &rows->voip_profiles[0].rules, *strict = NULL;
    assert_int_equal(normal->checked, 0);
    assert_int_equal(normal->blocked, 0);
    assert_int_equal(normal->max_line_length, 998);
    assert_int_equal(normal->max_body_length, 0);
    assert_true(normal->block_long_lines && normal->block_unknown);
    assert_false(normal->rfc2543_branch || normal->block_geo_red_options);
    for (int i = 0; i < rows->n_voip_profiles; i++)
        if (strcmp(rows->voip_profiles[i].name, "strict") == 0)
            strict = &rows->voip_profiles[i].rules;
    assert_non_null(strict);
    for (int i = 0; i < VOIP_CHECK_COUNT; i++) {
        bool passes = i == VOIP_CHECK_UNKNOWN_HEADER;
        assert_int_equal(strict->action[i], passes ? VOIP_PASS : VOIP_DISCARD);
        assert_int_equal(strict->checked >> i & 1, !passes);
    }
    const struct voip_rules *a = &rows->voip_profiles[2].rules;
    assert_int_equal(a->rate[VOIP_METHOD_INVITE], 7);
    assert_int_equal(a->track[VOIP_METHOD_INVITE], VOIP_TRACK_DST);
    assert_int_equal(a->track[VOIP_METHOD_OPTIONS], VOIP_TRACK_SRC);
    assert_int_equal(a->track[VOIP_METHOD_ACK], VOIP_TRACK_NONE);
    assert_int_equal(a->blocked, 1u << VOIP_METHOD_BYE);
    assert_int_equal(a->action[VOIP_CHECK_UNKNOWN_HEADER], VOIP_RESPOND);
    assert_int_equal(a->checked, 1u << VOIP_CHECK_UNKNOWN_HEADER);
    assert_int_equal(a->max_line_length, 78);
    assert_int_equal(a->max_body_length, 9);
    assert_true(a->rfc2543_branch);
    assert_false(a->block_long_lines || a->block_unknown);
    assert_true(rows->voip_profiles[3].rules.checked == (UINT64_C(1) << VOIP_CHECK_COUNT) - 1);
    config_rows_free(rows);
}

static void test_network(void **state)
{
    (void)state;
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct config_rows *rows = rows_of(
        "config system interface\n"
        "edit port1\nset device net_null0\nset ip 192.0.2.1/24\nset allowaccess ping\n"
        "set external enable\nset mtu-override enable\nset mtu 1400\n"
        "set macaddr 02:00:00:00:00:01\nnext\n"
        "edit port2\nset status down\nnext\nend\n"
        "config router static\n"
        "edit 2\nset gateway 192.0.2.254\nset device port1\nset distance 5\nset priority 7\nnext\n"
        "edit 1\nset dst 10.1.2.3/8\nset blackhole enable\nnext\n"
        "edit 3\nset status disable\nset device port2\nnext\nend\n");
    const struct row_interface *port = rows->interfaces;
    assert_int_equal(rows->n_interfaces, 2);
    assert_string_equal(port[0].name, "port1");
    assert_string_equal(port[0].device, "net_null0");
    assert_int_equal(be32_host(port[0].ip), 0xc0000201);
    assert_int_equal(be32_host(port[0].mask), 0xffffff00);
    assert_true(port[0].up && port[0].allow_ping);
    assert_int_equal(port[0].mtu, 1400);
    assert_memory_equal(port[0].mac, mac, 6);
    assert_false(port[1].up || port[1].allow_ping);
    assert_int_equal(port[1].mtu, 1500);
    assert_int_equal(port[1].ip, 0);
    assert_int_equal(rows->n_routes, 2);
    const struct row_route *route = rows->routes;
    assert_int_equal(route[0].seq, 1);
    assert_true(route[0].blackhole);
    assert_int_equal(be32_host(route[0].dst), 0x0a000000);
    assert_int_equal(route[0].len, 8);
    assert_int_equal(route[0].device, ROW_NONE);
    assert_int_equal(route[1].seq, 2);
    assert_int_equal(route[1].len, 0);
    assert_int_equal(be32_host(route[1].gateway), 0xc00002fe);
    assert_int_equal(route[1].device, 0);
    assert_int_equal(route[1].distance, 5);
    assert_int_equal(route[1].priority, 7);
    config_rows_free(rows);
}

static const struct row_address *address(const struct config_rows *rows, const char *name)
{
    for (unsigned i = 0; i < rows->n_addresses; i++)
        if (strcmp(rows->addresses[i].name, name) == 0)
            return &rows->addresses[i];
    fail();
    return NULL;
}

static void ranges_are(const struct row_address *address, const char *expected)
{
    struct text got = {0};
    for (unsigned i = 0; i < address->n_ranges; i++)
        text_printf(&got, "%s%08x-%08x", i ? " " : "", address->ranges[i].first,
                    address->ranges[i].last);
    assert_string_equal(got.n ? got.p : "", expected);
    text_free(&got);
}

static void test_addresses(void **state)
{
    (void)state;
    struct config_rows *rows =
        rows_of("config firewall address\n"
                "edit a\nset subnet 10.0.0.7/24\nnext\n"
                "edit b\nset subnet 10.0.1.0/24\nnext\n"
                "edit c\nset type iprange\nset start-ip 10.0.1.128\nset end-ip 10.0.2.5\nnext\n"
                "edit d\nset subnet 192.0.2.9/32\nnext\n"
                "edit top\nset subnet 255.255.255.0/24\nnext\nend\n"
                "config firewall addrgrp\n"
                "edit inner\nset member c a\nnext\n"
                "edit outer\nset member d inner b inner\nnext\n"
                "edit every\nset member top all\nnext\nend\n");
    ranges_are(address(rows, "all"), "00000000-ffffffff");
    ranges_are(address(rows, "none"), "00000000-00000000");
    ranges_are(address(rows, "a"), "0a000000-0a0000ff");
    ranges_are(address(rows, "c"), "0a000180-0a000205");
    ranges_are(address(rows, "inner"), "0a000000-0a0000ff 0a000180-0a000205");
    ranges_are(address(rows, "outer"), "0a000000-0a000205 c0000209-c0000209");
    ranges_are(address(rows, "every"), "00000000-ffffffff");
    config_rows_free(rows);
}

static const struct row_service *service(const struct config_rows *rows, const char *name)
{
    for (unsigned i = 0; i < rows->n_services; i++)
        if (strcmp(rows->services[i].name, name) == 0)
            return &rows->services[i];
    fail();
    return NULL;
}

static void match_is(const struct row_service *row, unsigned i, unsigned proto, unsigned dst_first,
                     unsigned dst_last)
{
    assert_true(i < row->n_matches);
    assert_int_equal(row->matches[i].proto, proto);
    assert_int_equal(row->matches[i].dport_first, dst_first);
    assert_int_equal(row->matches[i].dport_last, dst_last);
}

static void test_services(void **state)
{
    (void)state;
    struct config_rows *rows =
        rows_of("config firewall service custom\n"
                "edit x\nset tcp-portrange 80 8000-8080:1024-65535\nset udp-portrange 5060-5060\n"
                "set sctp-portrange 36412\nset udp-idle-timer 500\nset session-ttl 900\n"
                "set tcp-halfopen-timer 1\nset tcp-halfclose-timer 2\nset tcp-timewait-timer 3\n"
                "set tcp-rst-timer 6\nset helper disable\nnext\n"
                "edit six\nset protocol ICMP6\nnext\n"
                "edit unreach\nset protocol ICMP\nset icmptype 3\nset icmpcode 4\nnext\nend\n");
    const struct row_service *x = service(rows, "x");
    assert_int_equal(x->n_matches, 4);
    match_is(x, 0, 6, 80, 80);
    match_is(x, 1, 6, 8000, 8080);
    assert_int_equal(x->matches[0].sport_first, 0);
    assert_int_equal(x->matches[0].sport_last, 65535);
    assert_int_equal(x->matches[1].sport_first, 1024);
    assert_int_equal(x->matches[1].sport_last, 65535);
    match_is(x, 2, 17, 5060, 5060);
    match_is(x, 3, 132, 36412, 36412);
    assert_int_equal(x->udp_idle_s, 500);
    assert_int_equal(x->session_ttl_s, 900);
    assert_int_equal(x->tcp_halfopen_s, 1);
    assert_int_equal(x->tcp_halfclose_s, 2);
    assert_int_equal(x->tcp_timewait_s, 3);
    assert_int_equal(x->tcp_rst_s, 6);
    assert_int_equal(x->helper, ROW_HELPER_OFF);
    match_is(service(rows, "ALL"), 0, 0, 0, 65535);
    match_is(service(rows, "ALL_UDP"), 0, 17, 1, 65535);
    match_is(service(rows, "GRE"), 0, 47, 0, 65535);
    const struct row_service *ping = service(rows, "PING");
    assert_int_equal(ping->matches[0].proto, 1);
    assert_false(ping->matches[0].any_icmp_type);
    assert_true(ping->matches[0].any_icmp_code);
    assert_int_equal(ping->matches[0].icmp_type, 8);
    assert_true(service(rows, "ALL_ICMP")->matches[0].any_icmp_type);
    assert_int_equal(service(rows, "unreach")->matches[0].icmp_code, 4);
    match_is(service(rows, "six"), 0, 58, 0, 65535);
    assert_true(service(rows, "six")->matches[0].any_icmp_type);
    assert_int_equal(service(rows, "SIP")->n_matches, 2);
    config_rows_free(rows);
}

#define INTERFACES "config system interface\nedit lan\nnext\nedit wan\nnext\nend\n"
#define MATCHES    "set schedule always\nset service ALL\n"

static void test_policies(void **state)
{
    (void)state;
    struct config_rows *rows = rows_of(
        INTERFACES
        "config firewall service group\nedit web\nset member HTTPS HTTP\nnext\n"
        "edit more\nset member SSH web DNS\nnext\nend\n"
        "config firewall schedule recurring\nedit never\nnext\nend\n"
        "config voip profile\nedit phones\nnext\nend\n"
        "config firewall policy\n"
        "edit 7\nset name out\nset srcintf lan\nset dstintf wan\nset srcaddr none all\n"
        "set dstaddr all\nset schedule always\nset service web more SIP HTTP\nset action accept\n"
        "set nat enable\nset fixedport enable\nset port-preserve disable\n"
        "set voip-profile phones\nset session-ttl never\nset srcaddr-negate enable\nnext\n"
        "edit 5\nset srcintf any\nset dstintf lan wan\nset srcaddr all\nset dstaddr all\n" MATCHES
        "next\n"
        "edit 9\nset srcintf any\nset dstintf any\nset srcaddr all\nset dstaddr all\n" MATCHES
        "set status disable\nnext\n"
        "edit 10\nset srcintf any\nset dstintf any\nset srcaddr all\nset dstaddr all\n" MATCHES
        "set schedule never\nnext\n"
        "move 5 before 7\nend\n");
    assert_int_equal(rows->n_policies, 2);
    const struct row_policy *p = &rows->policies[0];
    assert_int_equal(p->id, 5);
    assert_true(p->enabled && p->any_srcintf && !p->any_dstintf && !p->accept && !p->nat);
    assert_true(p->port_preserve);
    assert_int_equal(p->n_srcintf, 0);
    assert_int_equal(p->n_dstintf, 2);
    assert_int_equal(p->session_ttl_s, 0);
    assert_int_equal(p->voip_profile, ROW_NONE);
    p = &rows->policies[1];
    assert_int_equal(p->id, 7);
    assert_string_equal(p->name, "out");
    assert_true(p->accept && p->nat && p->fixedport && !p->port_preserve && p->src_negate);
    assert_int_equal(p->n_srcintf, 1);
    assert_string_equal(rows->interfaces[p->srcintf[0]].name, "lan");
    assert_string_equal(rows->interfaces[p->dstintf[0]].name, "wan");
    assert_int_equal(p->n_srcaddr, 2);
    assert_true(p->srcaddr[0] < p->srcaddr[1]);
    assert_true(p->session_ttl_s == ROW_NEVER);
    assert_string_equal(rows->voip_profiles[p->voip_profile].name, "phones");
    struct text names = {0};
    for (unsigned i = 0; i < p->n_services; i++)
        text_printf(&names, "%s ", rows->services[p->services[i]].name);
    assert_string_equal(names.p, "DNS HTTP HTTPS SIP SSH ");
    text_free(&names);
    config_rows_free(rows);
}

static void test_too_many_cpus(void **state)
{
    (void)state;
    struct text error = {0};
    struct config_tree *tree = NULL;
    static const char lines[] = "config dpdk cpus\nset worker-cpus 1-65\nend\n";
    assert_int_equal(config_load_text("t", slice_str(lines), &tree, &error, NULL), 0);
    assert_null(config_rows_make(tree, &error));
    assert_string_equal(error.p, "config dpdk cpus: worker-cpus: more than 64 CPUs\n");
    text_free(&error);
    tree_free(tree);
}

/* A chain of groups, each in the next, written last first: expansion and `show` follow it. */
static void test_deep_groups(void **state)
{
    (void)state;
    enum {
        GROUPS = 1000
    };
    struct text lines = {0};
    text_puts(&lines, "config firewall addrgrp\n");
    for (int i = GROUPS; i >= 0; i--)
        text_printf(&lines, "edit g%d\nset member none\nnext\n", i);
    for (int i = 1; i <= GROUPS; i++)
        text_printf(&lines, "edit g%d\nset member g%d\nnext\n", i, i - 1);
    text_puts(&lines, "edit g0\nset member all\nnext\nend\n");
    struct config_rows *rows = rows_of(lines.p);
    ranges_are(address(rows, "g1000"), "00000000-ffffffff");
    config_rows_free(rows);

    struct text error = {0}, shown = {0};
    struct config_tree *tree = NULL, *again = NULL;
    struct tree_path groups = tree_path_root("firewall addrgrp", NULL);
    assert_int_equal(config_load_text("t", text_slice(&lines), &tree, &error, NULL), 0);
    print_show(tree, &groups, false, &shown);
    assert_int_equal(config_load_text("t", text_slice(&shown), &again, &error, NULL), 0);
    assert_true(tree_eq(tree, again));
    tree_free(tree);
    tree_free(again);
    text_free(&shown);
    text_free(&lines);
}

static void test_neighbours(void **state)
{
    (void)state;
    struct config_rows *rows = rows_of(
        "config system interface\nedit lan\nset ip 10.0.0.1/24\nnext\nedit wan\nnext\nend\n"
        "config system arp-table\nedit 7\nset interface wan\nset ip 203.0.113.1\n"
        "set mac 02:00:cb:00:71:01\nnext\nend\n"
        "config system ipv6-neighbor-cache\nedit 1\nset interface lan\nset ipv6 2001:db8::5\n"
        "set mac 02:00:00:00:00:05\nnext\nend\n");
    static const uint8_t mac[6] = {2, 0, 0xcb, 0, 0x71, 1};
    char text[IPV6_TEXT_MAX];
    assert_int_equal(rows->n_neighbours, 2);
    assert_int_equal(rows->neighbours[0].device, 1);
    assert_memory_equal(rows->neighbours[0].mac, mac, sizeof mac);
    ip_addr_print(&rows->neighbours[0].ip, text);
    assert_string_equal(text, "203.0.113.1");
    assert_int_equal(rows->neighbours[1].device, 0);
    ip_addr_print(&rows->neighbours[1].ip, text);
    assert_string_equal(text, "2001:db8::5");
    config_rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_settings),
        cmocka_unit_test(test_voip_rules), cmocka_unit_test(test_network),
        cmocka_unit_test(test_addresses),  cmocka_unit_test(test_services),
        cmocka_unit_test(test_policies),   cmocka_unit_test(test_too_many_cpus),
        cmocka_unit_test(test_neighbours), cmocka_unit_test(test_deep_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
