/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pinholes of IPv6 hosts through a whole firewall: nothing may come in but through a mapping, which
 * admits whom it was opened for, and ends what hangs on it when it closes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/worker.h"
#include "firewall.h"
#include "sessions/mapping6.h"

enum {
    LAN = 1,
    WAN
};

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nconfig ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"
    "edit \"wan\"\nconfig ipv6\nset ip6-address 2001:db8:2::2/64\nend\nnext\n"
    "end\n"
    "config router static6\n"
    "edit 1\nset gateway fe80::1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr6 \"all\"\nset dstaddr6 \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"DNS\"\nnext\n"
    "end\n";

#define HOST   "2001:db8:1::20"
#define REMOTE "2001:db8:9::5"
#define OTHER  "2001:db8:9::6"

static struct frame udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    struct frame f;
    frame6_udp(&f, (struct ends){src, sport, dst, dport}, SLICE_LIT("twenty milliseconds"));
    return f;
}

/* What the ALG does when it opens media: a mapping of HOST:4000 for REMOTE, owned once. */
static struct handle media_open(struct firewall *fw)
{
    struct mappings *ms = &fw->dp->mappings;
    const struct ip_port inside = {frame6_address(HOST), be16_of(4000)};
    const struct ip_addr remote = frame6_address(REMOTE);
    struct handle h = HANDLE_NONE;
    struct mapping_want want = {.proto = 17,
                                .zone = LAN,
                                .v6 = &inside,
                                .kind = MAPPING_RTP,
                                .filter = MAPPING_ADDRESS,
                                .peer = mapping_remote6(ms, &remote, 0),
                                .policy_id = 1,
                                .outside_ifindex = WAN,
                                .owned = true,
                                .now_ms = (uint32_t)fw->dp->workers[0]->now_ms};
    assert_int_equal(mapping_open(ms, &fw->dp->workers[0]->thread, &want, &h), 0);
    return h;
}

static void advance(struct firewall *fw, uint64_t ms)
{
    replay_advance(fw->r, replay_now_ns(fw->r) + ms * 1000000);
}

static void test_admits_and_ends(void **state)
{
    struct firewall fw;
    struct frame in = udp(REMOTE, 6000, HOST, 4000), stranger = udp(OTHER, 6000, HOST, 4000);
    struct frame out = udp(HOST, 4000, REMOTE, 6000);
    (void)state;
    firewall_make(&fw, config);
    firewall_drops(&fw, WAN, &in, DROP_NO_POLICY);
    firewall_drops(&fw, LAN, &out, DROP_NO_POLICY);

    struct handle h = media_open(&fw);
    firewall_drops(&fw, WAN, &stranger, DROP_MAPPING_FILTER);
    frame6_assert_ends(firewall_passes(&fw, WAN, &in, LAN),
                       (struct ends){REMOTE, 6000, HOST, 4000});
    frame6_assert_ends(firewall_passes(&fw, LAN, &out, WAN),
                       (struct ends){HOST, 4000, REMOTE, 6000});
    assert_int_equal(firewall_sessions(&fw), 1);
    assert_int_equal(mapping_at(&fw.dp->mappings, h.index)->n_sessions, 1);
    /* Beside the port there is nothing. */
    stranger = udp(REMOTE, 6000, HOST, 4001);
    firewall_drops(&fw, WAN, &stranger, DROP_NO_POLICY);

    mapping_release(&fw.dp->mappings, &fw.dp->workers[0]->thread, h, false);
    firewall_drops(&fw, WAN, &stranger, DROP_NO_POLICY); /* in this round control hears of it */
    advance(&fw, 1000);
    assert_int_equal(firewall_sessions(&fw), 0);
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_drops(&fw, WAN, &in, DROP_NO_POLICY);
    firewall_drops(&fw, LAN, &out, DROP_NO_POLICY);
    firewall_free(&fw);
}

/* Media leaves without a policy of its own; the reply of a session made so passes. */
static void test_outward(void **state)
{
    struct firewall fw;
    struct frame out = udp(HOST, 4000, OTHER, 6000), back = udp(OTHER, 6000, HOST, 4000);
    (void)state;
    firewall_make(&fw, config);
    struct handle h = media_open(&fw);
    firewall_drops(&fw, WAN, &back, DROP_MAPPING_FILTER);
    firewall_passes(&fw, LAN, &out, WAN);
    firewall_passes(&fw, WAN, &back, LAN);
    assert_int_equal(mapping_at(&fw.dp->mappings, h.index)->n_sessions, 1);
    /* From another port, or with its policy gone, it does not. */
    out = udp(HOST, 4001, OTHER, 6000);
    firewall_drops(&fw, LAN, &out, DROP_NO_POLICY);
    COMMANDS(&fw, "config firewall policy", "delete 1", "end");
    firewall_drops(&fw, WAN, &back, DROP_POLICY_CHANGED);
    out = udp(HOST, 4000, OTHER, 6000);
    firewall_drops(&fw, LAN, &out, DROP_POLICY_CHANGED);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admits_and_ends),
        cmocka_unit_test(test_outward),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
