/* SPDX-License-Identifier: BSD-3-Clause */
/* Rule book, routes and addresses change under sessions that live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"

#include <stdio.h>

enum {
    LAN = 1,
    WAN,
    ALT
};

#define POLICY(id, from, to, more)                                     \
    "edit " #id "\nset srcintf \"" from "\"\nset dstintf \"" to "\"\n" \
    "set srcaddr \"all\"\nset dstaddr \"all\"\nset action accept\n"    \
    "set schedule \"always\"\nset service \"ALL\"\nset fixedport enable\n" more "next\n"

static const char config[] = "config system interface\n"
                             "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
                             "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
                             "edit \"alt\"\nset ip 192.0.2.2 255.255.255.0\nnext\n"
                             "end\n"
                             "config router static\n"
                             "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
                             "end\n"
                             "config firewall policy\n" POLICY(1, "lan", "wan", "set nat enable\n")
                                 POLICY(3, "lan", "alt", "set nat enable\n") "end\n";

static const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 2000};
static const struct ends translated = {"203.0.113.2", 1000, "198.51.100.5", 2000};
static const struct ends back = {"198.51.100.5", 2000, "203.0.113.2", 1000};
static const struct ends home = {"198.51.100.5", 2000, "10.0.0.20", 1000};

struct fixture {
    struct firewall fw;
    struct frame there, answer;
};

static struct frame udp(struct ends e)
{
    struct frame f;
    frame_udp(&f, e, SLICE_LIT("payload"));
    return f;
}

/* A firewall with a session from the LAN to the WAN. */
static void begin(struct fixture *f)
{
    f->there = udp(out);
    f->answer = udp(back);
    firewall_make(&f->fw, config);
    frame_assert_ends(firewall_passes(&f->fw, LAN, &f->there, WAN), translated);
    frame_assert_ends(firewall_passes(&f->fw, WAN, &f->answer, LAN), home);
    assert_int_equal(firewall_sessions(&f->fw), 1);
}

static void test_allows_the_same(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    COMMANDS(&f.fw, "config firewall policy", "edit 1", "set name \"other\"", "end");
    firewall_passes(&f.fw, WAN, &f.answer, LAN);
    COMMANDS(&f.fw, "config firewall policy", "edit 2", "set srcintf \"wan\"",
             "set dstintf \"lan\"", "set srcaddr \"all\"", "set dstaddr \"all\"",
             "set schedule \"always\"", "set service \"ALL\"", "end");
    firewall_passes(&f.fw, WAN, &f.answer, LAN);
    firewall_passes(&f.fw, LAN, &f.there, WAN);
    assert_int_equal(firewall_sessions(&f.fw), 1);
    /* Another policy than that of its first packet may carry it. */
    COMMANDS(&f.fw, "config firewall policy", "delete 1", "edit 7", "set srcintf \"lan\"",
             "set dstintf \"wan\"", "set srcaddr \"all\"", "set dstaddr \"all\"",
             "set action accept", "set schedule \"always\"", "set service \"ALL\"",
             "set nat enable", "end");
    firewall_passes(&f.fw, WAN, &f.answer, LAN);
    assert_int_equal(firewall_sessions(&f.fw), 1);
    firewall_free(&f.fw);
}

/* The packet that meets the change first is treated by what the rule book says now. */
static void test_no_longer_allowed(void **state)
{
    static const struct {
        const char *commands[4];
        enum drop_reason there, answer;
    } row[] = {
        {{"edit 1", "set action deny"}, DROP_POLICY_DENY, DROP_POLICY_CHANGED},
        {{"delete 1"}, DROP_NO_POLICY, DROP_POLICY_CHANGED},
        {{"edit 1", "set status disable"}, DROP_NO_POLICY, DROP_POLICY_CHANGED},
        {{"edit 1", "set service \"SIP\""}, DROP_NO_POLICY, DROP_POLICY_CHANGED},
        {{"edit 1", "set dstintf \"alt\""}, DROP_NO_POLICY, DROP_POLICY_CHANGED},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof row / sizeof row[0]; i++) {
        struct fixture f;
        bool reply_first = i % 2;
        begin(&f);
        COMMANDS(&f.fw, "config firewall policy");
        firewall_commands(&f.fw, row[i / 2].commands);
        COMMANDS(&f.fw, "end");
        if (reply_first)
            firewall_drops(&f.fw, WAN, &f.answer, row[i / 2].answer);
        firewall_drops(&f.fw, LAN, &f.there, row[i / 2].there);
        firewall_drops(&f.fw, WAN, &f.answer, DROP_LOCAL_DENIED);
        assert_int_equal(firewall_sessions(&f.fw), 0);
        firewall_free(&f.fw);
    }
}

/* Without NAT the reply's destination is the host itself: with its session it loses its way in. */
static void test_nat_goes(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    COMMANDS(&f.fw, "config firewall policy", "edit 1", "set nat disable", "end");
    frame_assert_ends(firewall_passes(&f.fw, LAN, &f.there, WAN), out);
    firewall_drops(&f.fw, WAN, &f.answer, DROP_LOCAL_DENIED);
    assert_int_equal(firewall_sessions(&f.fw), 1);
    COMMANDS(&f.fw, "config firewall policy", "edit 1", "set nat enable", "end");
    frame_assert_ends(firewall_passes(&f.fw, LAN, &f.there, WAN), translated);
    frame_assert_ends(firewall_passes(&f.fw, WAN, &f.answer, LAN), home);
    firewall_free(&f.fw);
}

static void test_tcp_does_not_begin_in_the_middle(void **state)
{
    struct fixture f;
    struct frame syn, ack;
    (void)state;
    begin(&f);
    frame_tcp(&syn, out, (struct frame_tcp){.flags = 2}, SLICE_NONE);
    frame_tcp(&ack, out, (struct frame_tcp){.flags = 16}, SLICE_NONE);
    firewall_passes(&f.fw, LAN, &syn, WAN);
    COMMANDS(&f.fw, "config firewall policy", "edit 1", "set nat disable", "end");
    firewall_drops(&f.fw, LAN, &ack, DROP_TCP_STATE);
    frame_assert_ends(firewall_passes(&f.fw, LAN, &syn, WAN), out);
    firewall_free(&f.fw);
}

static void test_interface_goes_down(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    COMMANDS(&f.fw, "config system interface", "edit \"wan\"", "set status down", "end");
    firewall_drops(&f.fw, WAN, &f.answer, DROP_INTERFACE_DOWN);
    firewall_refuses(&f.fw, LAN, &f.there, DROP_NO_ROUTE);
    COMMANDS(&f.fw, "config system interface", "edit \"wan\"", "set status up", "end");
    firewall_passes(&f.fw, LAN, &f.there, WAN);
    firewall_passes(&f.fw, WAN, &f.answer, LAN);
    firewall_free(&f.fw);
}

static void assert_next_hop(const struct frame *f, const char *ip)
{
    be32 address = frame_address(ip);
    assert_memory_equal(f->b + 2, &address, 4);
}

/* The session lives on through another gateway. */
static void test_gateway_changes(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_next_hop(firewall_passes(&f.fw, LAN, &f.there, WAN), "203.0.113.1");
    COMMANDS(&f.fw, "config router static", "edit 1", "set gateway 203.0.113.9", "end");
    assert_next_hop(firewall_passes(&f.fw, LAN, &f.there, WAN), "203.0.113.9");
    COMMANDS(&f.fw, "config router static", "edit 2", "set dst 198.51.100.0 255.255.255.0",
             "set gateway 203.0.113.8", "set device \"wan\"", "end");
    assert_next_hop(firewall_passes(&f.fw, LAN, &f.there, WAN), "203.0.113.8");
    frame_assert_ends(firewall_passes(&f.fw, WAN, &f.answer, LAN), home);
    assert_int_equal(firewall_sessions(&f.fw), 1);
    firewall_free(&f.fw);
}

/* Its public address ties a session to its way out: it stays while there is any route that way. */
static void test_way_out_changes(void **state)
{
    struct fixture f;
    const struct ends by_alt = {"192.0.2.2", 1000, "198.51.100.5", 2000};
    (void)state;
    begin(&f);
    COMMANDS(&f.fw, "config router static", "edit 2", "set dst 198.51.100.0 255.255.255.0",
             "set gateway 192.0.2.1", "set device \"alt\"", "end");
    assert_next_hop(firewall_passes(&f.fw, LAN, &f.there, WAN), "203.0.113.1");
    COMMANDS(&f.fw, "config system global", "set snat-route-change enable", "end");
    frame_assert_ends(firewall_passes(&f.fw, LAN, &f.there, ALT), by_alt);
    firewall_drops(&f.fw, WAN, &f.answer, DROP_LOCAL_DENIED);
    assert_int_equal(firewall_sessions(&f.fw), 1);
    COMMANDS(&f.fw, "config router static", "edit 2", "set blackhole enable", "end");
    firewall_drops(&f.fw, LAN, &f.there, DROP_BLACKHOLE);
    COMMANDS(&f.fw, "config router static", "delete 1", "delete 2", "end");
    firewall_refuses(&f.fw, LAN, &f.there, DROP_NO_ROUTE);
    assert_int_equal(firewall_sessions(&f.fw), 0);
    firewall_free(&f.fw);
}

static void test_address_changes(void **state)
{
    struct fixture f;
    const struct ends with_new = {"203.0.113.3", 1000, "198.51.100.5", 2000};
    (void)state;
    begin(&f);
    COMMANDS(&f.fw, "config system interface", "edit \"wan\"", "set ip 203.0.113.3 255.255.255.0",
             "end");
    frame_assert_ends(firewall_passes(&f.fw, LAN, &f.there, WAN), with_new);
    firewall_drops(&f.fw, WAN, &f.answer, DROP_NO_POLICY);
    assert_int_equal(firewall_sessions(&f.fw), 1);
    firewall_free(&f.fw);
}

/* What was admitted under check-new outlives its rule; what comes after is asked anew. */
static void test_check_new(void **state)
{
    static const struct {
        const char *settings, *policy;
        bool lasts;
    } row[] = {
        {"check-all", "check-all", false},
        {"check-all", "check-new", false},
        {"check-new", "check-all", true},
        {"check-new", "check-new", true},
        {"check-policy-option", "check-all", false},
        {"check-policy-option", "check-new", true},
    };
    static const struct ends other_out = {"10.0.0.20", 1001, "198.51.100.5", 2000};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char dirty[64], policy[64];
        struct fixture f;
        struct frame other = udp(other_out);
        begin(&f);
        snprintf(dirty, sizeof dirty, "set firewall-session-dirty %s", row[i].settings);
        snprintf(policy, sizeof policy, "set firewall-session-dirty %s", row[i].policy);
        COMMANDS(&f.fw, "config system settings", dirty, "end");
        COMMANDS(&f.fw, "config firewall policy", "edit 1", policy, "end");
        /* The first session is older than the setting. */
        firewall_passes(&f.fw, LAN, &other, WAN);
        COMMANDS(&f.fw, "config firewall policy", "edit 1", "set action deny", "end");
        firewall_drops(&f.fw, LAN, &f.there, DROP_POLICY_DENY);
        if (row[i].lasts)
            firewall_passes(&f.fw, LAN, &other, WAN);
        else
            firewall_drops(&f.fw, LAN, &other, DROP_POLICY_DENY);
        assert_int_equal(firewall_sessions(&f.fw), row[i].lasts);
        COMMANDS(&f.fw, "config firewall policy", "delete 1", "end");
        if (row[i].lasts)
            firewall_passes(&f.fw, LAN, &other, WAN);
        /* Without its way out it ends in any case. */
        COMMANDS(&f.fw, "config router static", "delete 1", "end");
        firewall_refuses(&f.fw, LAN, &other, DROP_NO_ROUTE);
        assert_int_equal(firewall_sessions(&f.fw), 0);
        firewall_free(&f.fw);
    }
}

/* A deny rule behind the rule that admitted a session does nothing; moved before it, it does. */
static void test_order(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    COMMANDS(&f.fw, "config firewall policy", "edit 9", "set srcintf \"lan\"",
             "set dstintf \"wan\"", "set srcaddr \"all\"", "set dstaddr \"all\"",
             "set schedule \"always\"", "set service \"ALL\"", "end");
    firewall_passes(&f.fw, LAN, &f.there, WAN);
    COMMANDS(&f.fw, "config firewall policy", "move 9 before 1", "end");
    firewall_drops(&f.fw, WAN, &f.answer, DROP_POLICY_CHANGED);
    firewall_drops(&f.fw, LAN, &f.there, DROP_POLICY_DENY);
    COMMANDS(&f.fw, "config firewall policy", "move 9 after 1", "end");
    firewall_passes(&f.fw, LAN, &f.there, WAN);
    firewall_free(&f.fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allows_the_same),
        cmocka_unit_test(test_no_longer_allowed),
        cmocka_unit_test(test_nat_goes),
        cmocka_unit_test(test_tcp_does_not_begin_in_the_middle),
        cmocka_unit_test(test_interface_goes_down),
        cmocka_unit_test(test_gateway_changes),
        cmocka_unit_test(test_way_out_changes),
        cmocka_unit_test(test_address_changes),
        cmocka_unit_test(test_check_new),
        cmocka_unit_test(test_order),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
