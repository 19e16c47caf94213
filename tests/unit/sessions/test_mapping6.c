/* SPDX-License-Identifier: BSD-3-Clause */
/* Mappings of IPv6 endpoints: who finds them, whom they admit, the sessions that hang on them. */
#include "rig.h"

#include "sessions/mapping6.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ip_addr ip6(const char *text)
{
    struct ip_addr a = {0};
    assert_int_equal(ipv6_parse(slice_str(text), &a), 0);
    return a;
}

static struct ip_port at6(const char *text, uint16_t port)
{
    return (struct ip_port){ip6(text), be16_of(port)};
}

static struct mapping_want want6(const struct ip_port *inside)
{
    return (struct mapping_want){.proto = UDP,
                                 .zone = LAN,
                                 .v6 = inside,
                                 .outside_ifindex = WAN,
                                 .kind = MAPPING_RTP,
                                 .owned = true,
                                 .now_ms = 500};
}

static struct handle open6(struct rig *rig, const struct mapping_want *want)
{
    struct handle h = HANDLE_NONE;
    assert_int_equal(mapping_open(&rig->ms, &rig->t, want, &h), 0);
    return h;
}

static uint32_t by_source6(const struct rig *rig, const struct ip_port *inside)
{
    return mapping_find_source6(&rig->ms, UDP, LAN, inside, WAN);
}

static uint32_t by_public6(const struct rig *rig, const struct ip_port *inside)
{
    return mapping_find_public6(&rig->ms, UDP, inside);
}

/* A session of the mapping, begun by the inside host or by `remote`. */
static int flow6(struct rig *rig, uint32_t mapping, const struct ip_port *inside,
                 const struct ip_port *remote, bool inward, struct table_hit *hit)
{
    const struct ip_port *from = inward ? remote : inside, *to = inward ? inside : remote;
    struct session_v6 v6 = {from->ip, to->ip, from->port, to->port};
    struct session_new want = {.mapping = mapping, .v6 = &v6, .now_ms = 1000};
    want.key[0] = session_key6(&rig->ss, &v6, UDP, 0, inward ? WAN : LAN);
    want.key[1] = session_key6(&rig->ss, &v6, UDP, 1, inward ? LAN : WAN);
    if (mapping != INDEX_NONE)
        want.flags = (uint8_t)(SESSION_MAPPED | (inward ? SESSION_INWARD : 0));
    return create(rig, &want, hit);
}

static bool admits(struct rig *rig, struct handle h, const struct ip_port *remote)
{
    struct endpoint from = mapping_remote6(&rig->ms, &remote->ip, remote->port);
    return mapping_admits(&rig->ms, mapping_at(&rig->ms, h.index), from);
}

static void test_found(void **state)
{
    struct rig rig;
    const struct ip_port inside = at6("2001:db8:1::20", 4000);
    const struct ip_port others[] = {at6("2001:db8:1::20", 4001), at6("2001:db8:1::21", 4000),
                                     at6("2001:db8:1::4000", 20), at6("::", 4000)};
    struct mapping_want want = want6(&inside);
    (void)state;
    rig_open(&rig, 64, 64);
    struct handle h = open6(&rig, &want);
    assert_int_equal(by_source6(&rig, &inside), h.index);
    assert_int_equal(by_public6(&rig, &inside), h.index);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(by_source6(&rig, &others[i]), INDEX_NONE);
        assert_int_equal(by_public6(&rig, &others[i]), INDEX_NONE);
    }
    assert_int_equal(mapping_find_source6(&rig.ms, UDP, WAN, &inside, WAN), INDEX_NONE);
    assert_int_equal(mapping_find_source6(&rig.ms, UDP, LAN, &inside, 3), INDEX_NONE);
    assert_int_equal(mapping_find_public6(&rig.ms, TCP, &inside), INDEX_NONE);

    const struct mapping *m = mapping_at(&rig.ms, h.index);
    assert_true(mapping_is6(m));
    assert_false(m->r.flags & MAPPING_NAT);
    assert_true(ip_addr_eq(&mapping_inside6(&rig.ms, h.index)->ip, &inside.ip));
    assert_int_equal(mapping_inside6(&rig.ms, h.index)->port, inside.port);

    /* Whoever asks for it again has the same; the last owner to leave closes it. */
    assert_int_equal(open6(&rig, &want).index, h.index);
    mapping_release(&rig.ms, &rig.t, h, false);
    assert_int_equal(by_source6(&rig, &inside), h.index);
    mapping_release(&rig.ms, &rig.t, h, false);
    assert_int_equal(by_source6(&rig, &inside), INDEX_NONE);
    assert_int_equal(by_public6(&rig, &inside), INDEX_NONE);
    reap(&rig);
    assert_int_equal(slots_used(&rig.ms.store.table), 0);
    rig_close(&rig);
}

/* An endpoint of each family, one of them after the other at the same place: none is the other. */
static void test_beside_ipv4(void **state)
{
    struct rig rig;
    const struct ip_port inside = at6("2001:db8:1::20", 4000);
    struct mapping_want want = want6(&inside);
    (void)state;
    rig_open(&rig, 64, 64);
    struct handle h6 = open6(&rig, &want), h4 = open_one(&rig, at("10.0.0.20", 4000));
    assert_int_not_equal(h6.index, h4.index);
    assert_int_equal(by_source(&rig, at("10.0.0.20", 4000)), h4.index);
    assert_int_equal(by_source6(&rig, &inside), h6.index);
    assert_false(mapping_is6(mapping_at(&rig.ms, h4.index)));
    mapping_release(&rig.ms, &rig.t, h6, false);
    reap(&rig);
    struct handle again = open_one(&rig, at("10.0.0.21", 4000));
    assert_int_equal(again.index, h6.index);
    assert_false(mapping_is6(mapping_at(&rig.ms, again.index)));
    rig_close(&rig);
}

static void test_filters(void **state)
{
    struct rig rig;
    const struct ip_port inside = at6("2001:db8:1::20", 4000);
    const struct ip_port peer = at6("2001:db8:9::5", 5060), same = at6("2001:db8:9::5", 7);
    const struct ip_port friend = at6("2001:db8:9::6", 5060);
    const struct ip_port stranger = at6("2001:db8:9::7", 5060);
    struct mapping_want want = want6(&inside);
    (void)state;
    rig_open(&rig, 64, 64);
    want.filter = MAPPING_ADDRESS;
    want.peer = mapping_remote6(&rig.ms, &peer.ip, peer.port);
    struct handle h = open6(&rig, &want);
    assert_true(admits(&rig, h, &peer));
    assert_true(admits(&rig, h, &same));
    assert_false(admits(&rig, h, &friend));
    mapping_admit(&rig.ms, h, mapping_remote6(&rig.ms, &friend.ip, 0).ip, MAPPING_PASSING);
    assert_true(admits(&rig, h, &friend));
    assert_false(admits(&rig, h, &stranger));

    /* Whom the inside host talks to may answer from any port, as long as it does. */
    struct table_hit hit;
    assert_int_equal(flow6(&rig, h.index, &inside, &stranger, false, &hit), 0);
    assert_true(admits(&rig, h, &stranger));
    session_kill(&rig.ss, &rig.t, hit.index);
    reap(&rig);
    assert_false(admits(&rig, h, &stranger));
    mapping_widen(&rig.ms, h);
    assert_true(admits(&rig, h, &stranger));
    rig_close(&rig);
}

static void test_latch(void **state)
{
    struct rig rig;
    const struct ip_port inside = at6("2001:db8:1::20", 4000);
    const struct ip_port first = at6("2001:db8:9::5", 5060), port = at6("2001:db8:9::5", 5061);
    const struct ip_port later = at6("2001:db8:9::6", 5060);
    struct mapping_want want = want6(&inside);
    (void)state;
    rig_open(&rig, 64, 64);
    want.filter = MAPPING_LATCH;
    struct handle h = open6(&rig, &want);
    assert_true(admits(&rig, h, &first));
    assert_true(admits(&rig, h, &first));
    assert_false(admits(&rig, h, &port));
    assert_false(admits(&rig, h, &later));
    rig_close(&rig);
}

/* As of IPv4: a flow made without the mapping yields to it, and claiming ends one. */
static void test_sessions(void **state)
{
    struct rig rig;
    const struct ip_port inside = at6("2001:db8:1::20", 4000);
    const struct ip_port remote = at6("2001:db8:9::5", 6000), other = at6("2001:db8:9::6", 6);
    struct mapping_want want = want6(&inside);
    struct table_hit plain, claimed, in, twin;
    uint32_t seen_ms;
    (void)state;
    rig_open(&rig, 64, 64);
    assert_int_equal(flow6(&rig, INDEX_NONE, &inside, &remote, false, &plain), 0);
    assert_int_equal(flow6(&rig, INDEX_NONE, &inside, &other, false, &claimed), 0);
    struct handle h = open6(&rig, &want);
    mapping_claim6(&rig.ms, &rig.t, h.index, &other.ip, other.port);
    assert_int_equal(session_state(&rig, claimed.index), RECORD_DYING);
    assert_int_equal(session_state(&rig, plain.index), RECORD_LIVE);

    assert_int_equal(flow6(&rig, h.index, &inside, &remote, true, &in), 0);
    assert_int_equal(session_state(&rig, plain.index), RECORD_DYING);
    reap(&rig);
    assert_int_equal(mapping_at(&rig.ms, h.index)->n_sessions, 1);
    assert_int_equal(flow6(&rig, h.index, &inside, &remote, false, &twin), -EEXIST);
    assert_int_equal(twin.index, in.index);
    mapping_claim6(&rig.ms, &rig.t, h.index, &remote.ip, remote.port);
    assert_int_equal(session_state(&rig, in.index), RECORD_LIVE); /* its own */
    assert_true(mapping_last_seen(&rig.ms, h.index, &seen_ms));
    assert_int_equal(seen_ms, 1000);
    rig_close(&rig);
}

static void test_strangers_leave_places(void **state)
{
    struct rig rig;
    const struct ip_port inside = at6("2001:db8:1::20", 4000);
    const struct ip_port peer = at6("2001:db8:9::5", 5060);
    struct mapping_want want = want6(&inside);
    struct table_hit hit;
    (void)state;
    rig_open(&rig, 4096, 64);
    want.peer = mapping_remote6(&rig.ms, &peer.ip, peer.port);
    struct handle h = open6(&rig, &want);
    for (uint16_t i = 0; i < MAPPING_MAX_SESSIONS - MAPPING_KEPT; i++) {
        struct ip_port stranger = at6("2001:db8:9::6", (uint16_t)(1000 + i));
        assert_int_equal(flow6(&rig, h.index, &inside, &stranger, true, &hit), 0);
    }
    struct ip_port stranger = at6("2001:db8:9::6", 7);
    assert_int_equal(flow6(&rig, h.index, &inside, &stranger, true, &hit), -EMFILE);
    assert_int_equal(flow6(&rig, h.index, &inside, &peer, true, &hit), 0);
    assert_int_equal(flow6(&rig, h.index, &inside, &stranger, false, &hit), 0);
    rig_close(&rig);
}

/* RTP and RTCP stand where the host put them: nothing is translated, so nothing is paired anew. */
static void test_pair(void **state)
{
    struct rig rig;
    const struct ip_port rtp = at6("2001:db8:1::20", 4000), rtcp = at6("2001:db8:1::20", 4007);
    struct mapping_want want = want6(&rtp);
    struct handle h[2], again[2];
    (void)state;
    rig_open(&rig, 64, 64);
    const struct endpoint rtcp_end = {0, rtcp.port};
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, rtcp_end, h), 0);
    assert_int_equal(by_public6(&rig, &rtp), h[0].index);
    assert_int_equal(by_public6(&rig, &rtcp), h[1].index);
    assert_int_equal(mapping_at(&rig.ms, h[0].index)->partner, h[1].index);
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, rtcp_end, again), 0);
    assert_int_equal(again[1].index, h[1].index);
    assert_int_equal(owners(&rig, h[1]), 2);

    /* The port of RTCP is taken by another mapping: none of both. */
    const struct ip_port taken = at6("2001:db8:1::21", 4001), alone = at6("2001:db8:1::21", 4000);
    struct mapping_want blocker = want6(&taken), blocked = want6(&alone);
    open6(&rig, &blocker);
    assert_int_equal(
        mapping_open_pair(&rig.ms, &rig.t, &blocked, (struct endpoint){0, taken.port}, again),
        -EADDRNOTAVAIL);
    assert_int_equal(by_public6(&rig, &alone), INDEX_NONE);
    assert_int_equal(by_source6(&rig, &alone), INDEX_NONE);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),    cmocka_unit_test(test_beside_ipv4),
        cmocka_unit_test(test_filters),  cmocka_unit_test(test_latch),
        cmocka_unit_test(test_sessions), cmocka_unit_test(test_strangers_leave_places),
        cmocka_unit_test(test_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
