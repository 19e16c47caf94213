/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces of one zone: who may reach whom, and answers that come back by another of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"

enum {
    LAN = 1,
    WAN,
    ALT
};

/* wan and alt are a zone; the way out is wan. */
static const char config[] =
    "config system interface\n"
    "edit lan\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit wan\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "edit alt\nset ip 192.0.2.2 255.255.255.0\nset src-check disable\nnext\n"
    "end\n"
    "config system zone\nedit outside\nset interface wan alt\nnext\nend\n"
    "config router static\n"
    "edit 1\nset gateway 203.0.113.1\nset device wan\nnext\n"
    "end\n"
    "config firewall policy\nedit 1\nset srcintf lan\nset dstintf outside\n"
    "set srcaddr all\nset dstaddr all\nset action accept\n"
    "set schedule always\nset service ALL\nnext\nend\n";

static struct frame udp(struct ends e)
{
    struct frame f;
    frame_udp(&f, e, SLICE_LIT("payload"));
    return f;
}

static void test_members_apart(void **state)
{
    (void)state;
    struct firewall fw;
    struct frame f = udp((struct ends){"203.0.113.9", 1000, "192.0.2.9", 2000});
    firewall_make(&fw, config);
    firewall_drops(&fw, WAN, &f, DROP_NO_POLICY);
    COMMANDS(&fw, "config system zone", "edit outside", "set intrazone allow", "end");
    firewall_passes(&fw, WAN, &f, ALT);
    /* What is allowed among them allows nothing from outside to the LAN. */
    f = udp((struct ends){"203.0.113.9", 1000, "10.0.0.20", 2000});
    firewall_drops(&fw, WAN, &f, DROP_NO_POLICY);
    firewall_free(&fw);
}

static void test_policy_between_members(void **state)
{
    (void)state;
    struct firewall fw;
    struct frame f = udp((struct ends){"203.0.113.9", 1000, "192.0.2.9", 2000});
    firewall_make(&fw, config);
    COMMANDS(&fw, "config firewall policy", "edit 2", "set srcintf outside", "set dstintf outside",
             "set srcaddr all", "set dstaddr all", "set action accept", "set schedule always",
             "set service ALL", "end");
    firewall_passes(&fw, WAN, &f, ALT);
    firewall_free(&fw);
}

/* The session is that of the zone, by whichever member the answer comes. */
static void test_answer_by_other_member(void **state)
{
    (void)state;
    struct firewall fw;
    struct frame there = udp((struct ends){"10.0.0.20", 1000, "198.51.100.5", 2000});
    struct frame back = udp((struct ends){"198.51.100.5", 2000, "10.0.0.20", 1000});
    firewall_make(&fw, config);
    firewall_passes(&fw, LAN, &there, WAN);
    firewall_passes(&fw, ALT, &back, LAN);
    assert_int_equal(firewall_sessions(&fw), 1);
    COMMANDS(&fw, "config firewall policy", "delete 1", "end", "config system zone",
             "delete outside", "end", "config firewall policy", "edit 1", "set srcintf lan",
             "set dstintf wan", "set srcaddr all", "set dstaddr all", "set action accept",
             "set schedule always", "set service ALL", "end");
    firewall_passes(&fw, LAN, &there, WAN);
    assert_int_equal(firewall_gives(&fw, ALT, &back), 0);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members_apart),
                                       cmocka_unit_test(test_policy_between_members),
                                       cmocka_unit_test(test_answer_by_other_member)};
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
