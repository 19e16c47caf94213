/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of virtual IPs, pools, IPv6 objects, and what policies name of them. */
#include "rows_unit.h"

#include <stdlib.h>

#define PORTS                                                                 \
    "config system interface\nedit lan\nset ip 10.0.0.1/24\nnext\nedit wan\n" \
    "set ip 203.0.113.2/24\nconfig ipv6\nset ip6-address 2001:db8::1/64\n"    \
    "set ip6-allowaccess ping\nend\nnext\nend\n"
#define POLICY \
    "set srcintf any\nset dstintf any\nset schedule always\nset service ALL\nset action accept\n"

static void test_vips(void **state)
{
    (void)state;
    struct config_rows *rows = rows_of(
        PORTS "config firewall vip\n"
              "edit plain\nset extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\n"
              "set nat-source-vip enable\nset arp-reply disable\nnext\n"
              "edit off\nset extip 203.0.113.6\nset mappedip 10.0.0.6\nset extintf wan\n"
              "set status disable\nnext\n"
              "edit range\nset extip 203.0.113.10-203.0.113.19\nset mappedip 10.0.0.10\n"
              "set extintf any\nset src-filter 192.0.2.0/24 192.0.3.0-192.0.3.9 198.51.100.7\n"
              "set srcintf-filter wan lan\nnext\n"
              "edit ports\nset extip 203.0.113.2\nset mappedip 10.0.0.7\nset extintf wan\n"
              "set portforward enable\nset protocol udp\nset extport 5000-5010\n"
              "set mappedport 6000\nnext\n"
              "edit same\nset extip 203.0.113.2\nset mappedip 10.0.0.7\nset extintf wan\n"
              "set portforward enable\nset extport 443\nnext\n"
              "edit echo\nset extip 203.0.113.2\nset mappedip 10.0.0.7\nset extintf wan\n"
              "set portforward enable\nset protocol icmp\nnext\nend\n"
              "config firewall vipgrp\nedit group\nset interface any\nset member range off same\n"
              "next\nedit none-left\nset interface any\nset member off\nnext\nend\n"
              "config firewall address\nedit host\nset subnet 10.0.0.9/32\nnext\nend\n"
              "config firewall policy\n"
              "edit 1\n" POLICY "set srcaddr all\nset dstaddr plain group host same\nnext\n"
              "edit 2\n" POLICY "set srcaddr all\nset dstaddr none-left\nnext\nend\n");
    assert_int_equal(rows->n_vips, 5);
    const struct row_vip *v = rows->vips;
    assert_string_equal(v[0].name, "plain");
    assert_int_equal(v[0].ext_first, 0xcb007105);
    assert_int_equal(v[0].ext_last, 0xcb007105);
    assert_int_equal(v[0].mapped_last, 0x0a000005);
    assert_string_equal(rows->interfaces[v[0].extintf].name, "wan");
    assert_true(v[0].nat_source_vip && !v[0].arp_reply && !v[0].portforward);
    assert_int_equal(v[0].n_src_filter, 0);
    assert_string_equal(v[1].name, "range");
    assert_int_equal(v[1].extintf, ROW_NONE);
    assert_int_equal(v[1].mapped_first, 0x0a00000a);
    assert_int_equal(v[1].mapped_last, 0x0a000013);
    assert_true(v[1].arp_reply && !v[1].nat_source_vip);
    assert_int_equal(v[1].n_src_filter, 2);
    assert_int_equal(v[1].src_filter[0].first, 0xc0000200);
    assert_int_equal(v[1].src_filter[0].last, 0xc0000309);
    assert_int_equal(v[1].src_filter[1].last, 0xc6336407);
    assert_int_equal(v[1].n_srcintf_filter, 2);
    assert_int_equal(v[1].srcintf_filter[0], 0);
    assert_true(v[2].portforward);
    assert_int_equal(v[2].proto, 17);
    assert_int_equal(v[2].ext_port_first, 5000);
    assert_int_equal(v[2].ext_port_last, 5010);
    assert_int_equal(v[2].mapped_port_first, 6000);
    assert_int_equal(v[2].mapped_port_last, 6010);
    assert_int_equal(v[3].proto, 6);
    assert_int_equal(v[3].mapped_port_first, 443);
    assert_int_equal(v[3].mapped_port_last, 443);
    assert_int_equal(v[4].proto, 1);
    const struct row_policy *p = rows->policies;
    assert_int_equal(p[0].n_dstaddr, 1);
    assert_string_equal(rows->addresses[p[0].dstaddr[0]].name, "host");
    assert_int_equal(p[0].n_vips, 3);
    assert_int_equal(p[0].vips[0], 0);
    assert_int_equal(p[0].vips[1], 1);
    assert_int_equal(p[0].vips[2], 3);
    assert_int_equal(p[1].n_dstaddr, 0);
    assert_int_equal(p[1].n_vips, 0);
    config_rows_free(rows);
}

static void test_pools(void **state)
{
    (void)state;
    struct config_rows *rows = rows_of(
        PORTS "config firewall ippool\n"
              "edit over\nset startip 203.0.113.30\nset endip 203.0.113.31\nset startport 10000\n"
              "set endport 20000\nset permit-any-host enable\nset arp-intf wan\nnext\n"
              "edit one\nset type one-to-one\nset startip 203.0.113.40\nset endip 203.0.113.49\n"
              "set arp-reply disable\nnext\n"
              "edit fixed\nset type fixed-port-range\nset startip 203.0.113.50\n"
              "set endip 203.0.113.51\nset source-startip 10.0.0.10\nset source-endip 10.0.0.20\n"
              "set port-per-user 100\nnext\n"
              "edit blocks\nset type port-block-allocation\nset startip 203.0.113.60\n"
              "set endip 203.0.113.61\nset block-size 256\nset num-blocks-per-user 4\n"
              "set pba-timeout 60\nnext\nend\n"
              "config firewall policy\n"
              "edit 1\n" POLICY "set srcaddr all\nset dstaddr all\nset nat enable\n"
              "set ippool enable\nset poolname fixed over\nnext\n"
              "edit 2\n" POLICY "set srcaddr all\nset dstaddr all\nset nat enable\nnext\nend\n");
    assert_int_equal(rows->n_pools, 4);
    const struct row_pool *p = rows->pools;
    assert_int_equal(p[0].type, ROW_POOL_OVERLOAD);
    assert_int_equal(p[0].first, 0xcb00711e);
    assert_int_equal(p[0].last, 0xcb00711f);
    assert_int_equal(p[0].port_first, 10000);
    assert_int_equal(p[0].port_last, 20000);
    assert_true(p[0].permit_any_host && p[0].arp_reply);
    assert_int_equal(p[0].arp_intf, 1);
    assert_int_equal(p[1].type, ROW_POOL_ONE_TO_ONE);
    assert_int_equal(p[1].arp_intf, ROW_NONE);
    assert_true(!p[1].arp_reply && !p[1].permit_any_host);
    assert_int_equal(p[2].type, ROW_POOL_FIXED_PORT_RANGE);
    assert_int_equal(p[2].port_first, 5117);
    assert_int_equal(p[2].port_last, 65533);
    assert_int_equal(p[2].source_first, 0x0a00000a);
    assert_int_equal(p[2].source_last, 0x0a000014);
    assert_int_equal(p[2].port_per_user, 100);
    assert_int_equal(p[3].type, ROW_POOL_PORT_BLOCK);
    assert_int_equal(p[3].block_size, 256);
    assert_int_equal(p[3].blocks_per_user, 4);
    assert_int_equal(p[3].pba_timeout_s, 60);
    assert_int_equal(rows->policies[0].n_pools, 2);
    assert_int_equal(rows->policies[0].pools[1], 2);
    assert_int_equal(rows->policies[1].n_pools, 0);
    config_rows_free(rows);
}

static void ranges_are(const struct config_rows *rows, const char *name, const char *expected)
{
    struct text got = {0};
    char first[IPV6_TEXT_MAX], last[IPV6_TEXT_MAX];
    for (unsigned i = 0; i < rows->n_addresses6; i++) {
        const struct row_address6 *a = &rows->addresses6[i];
        for (uint32_t k = 0; k < a->n_ranges && strcmp(a->name, name) == 0; k++) {
            ip_addr_print(&a->ranges[k].first, first);
            ip_addr_print(&a->ranges[k].last, last);
            text_printf(&got, "%s%s-%s", k ? " " : "", first, last);
        }
    }
    assert_string_equal(got.n ? got.p : "", expected);
    text_free(&got);
}

static void test_addresses6(void **state)
{
    (void)state;
    struct config_rows *rows = rows_of(
        PORTS "config firewall address6\n"
              "edit a\nset ip6 2001:db8::7/64\nnext\n"
              "edit b\nset ip6 2001:db8:0:1::/64\nnext\n"
              "edit c\nset type iprange\nset start-ip 2001:db8:0:1:8000::\n"
              "set end-ip 2001:db8:0:2::5\nnext\n"
              "edit d\nset ip6 2001:db8:ffff::9/128\nnext\n"
              "edit top\nset ip6 ffff::/16\nnext\nend\n"
              "config firewall addrgrp6\nedit g\nset member d c a b\nnext\n"
              "edit outer\nset member top g all\nnext\nend\n"
              "config firewall policy\nedit 1\n" POLICY "set srcaddr6 g\nset dstaddr6 all\nnext\n"
              "end\n"
              "config router static6\nedit 3\nset dst 2001:db8:5::9/48\nset gateway 2001:db8::fe\n"
              "set device wan\nset distance 20\nset priority 7\nnext\n"
              "edit 1\nset dst 2001:db8:6::/48\nset blackhole enable\nnext\n"
              "edit 2\nset status disable\nset device wan\nnext\nend\n");
    ranges_are(rows, "all", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    ranges_are(rows, "none", "::-::");
    ranges_are(rows, "a", "2001:db8::-2001:db8::ffff:ffff:ffff:ffff");
    ranges_are(rows, "g", "2001:db8::-2001:db8:0:2::5 2001:db8:ffff::9-2001:db8:ffff::9");
    ranges_are(rows, "outer", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    const struct row_policy *p = rows->policies;
    assert_int_equal(p->n_srcaddr + p->n_dstaddr, 0);
    assert_int_equal(p->n_srcaddr6, 1);
    assert_string_equal(rows->addresses6[p->srcaddr6[0]].name, "g");
    assert_string_equal(rows->addresses6[p->dstaddr6[0]].name, "all");
    char text[IPV6_TEXT_MAX];
    const struct row_interface *wan = &rows->interfaces[1];
    ip_addr_print(&wan->ip6, text);
    assert_string_equal(text, "2001:db8::1");
    assert_int_equal(wan->ip6_len, 64);
    assert_true(wan->allow_ping6 && !wan->allow_ping && !rows->interfaces[0].allow_ping6);
    assert_int_equal(rows->n_routes6, 2);
    const struct row_route6 *r = rows->routes6;
    assert_int_equal(r[0].seq, 1);
    assert_true(r[0].blackhole && r[0].device == ROW_NONE);
    ip_addr_print(&r[1].dst, text);
    assert_string_equal(text, "2001:db8:5::");
    assert_int_equal(r[1].len, 48);
    ip_addr_print(&r[1].gateway, text);
    assert_string_equal(text, "2001:db8::fe");
    assert_int_equal(r[1].device, 1);
    assert_int_equal(r[1].distance, 20);
    assert_int_equal(r[1].priority, 7);
    config_rows_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vips), cmocka_unit_test(test_pools),
                                       cmocka_unit_test(test_addresses6)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
