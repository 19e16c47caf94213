/* SPDX-License-Identifier: BSD-3-Clause */
/* RTP and RTCP together: neighbouring public ports, both or none. */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PHONE_A at("10.0.0.1", 5060)
#define PHONE_B at("10.0.0.2", 5060)

static void pairs_are_neighbours(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 200);
    rig.nat.first = 7000;
    rig.nat.last = 7101;
    for (uint16_t i = 0; i < 40; i++) {
        uint16_t port = (uint16_t)(4000 + 3 * i); /* even and odd; none is in the range */
        struct mapping_want want = want_of(&rig, at("10.0.0.1", port));
        struct handle h[2];
        want.nat.preserve = false;
        int result = mapping_open_pair(&rig.ms, &rig.t, &want, at("10.0.0.1", port + 1), h);
        if (result == -EADDRNOTAVAIL && i > 30)
            continue; /* crowded: a pair needs two neighbours */
        assert_int_equal(result, 0);
        const struct mapping *rtp = mapping_at(&rig.ms, h[0].index);
        const struct mapping *rtcp = mapping_at(&rig.ms, h[1].index);
        assert_in_range(public_port(&rig, h[0]), 7000, 7100);
        assert_int_equal(public_port(&rig, h[1]), public_port(&rig, h[0]) + 1);
        assert_int_equal(public_port(&rig, h[0]) & 1, port & 1);
        assert_int_equal(rtp->partner, h[1].index);
        assert_int_equal(rtcp->partner, h[0].index);
        assert_int_equal(rtp->kind, MAPPING_RTP);
        assert_int_equal(rtcp->kind, MAPPING_RTCP);
        assert_true(endpoint_eq(mapping_inside(rtcp), at("10.0.0.1", port + 1)));
        assert_int_equal(rtp->owners, 1);
        assert_int_equal(rtcp->owners, 1);
    }
    rig_close(&rig);
}

static void pair_preserved_or_moved(void **state)
{
    (void)state;
    struct rig rig;
    struct handle a[2], b[2];
    rig_open(&rig, 10, 20);
    /* Only P + 1 is taken: the pair moves as a whole and leaves nothing at P. */
    struct handle single = open_one(&rig, at("10.0.0.3", 20001));
    assert_int_equal(public_port(&rig, single), 20001);
    struct mapping_want want_a = want_of(&rig, at("10.0.0.1", 20000));
    struct mapping_want want_b = want_of(&rig, at("10.0.0.2", 30000));
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want_a, at("10.0.0.1", 20001), a), 0);
    assert_int_not_equal(public_port(&rig, a[0]), 20000);
    assert_int_equal(by_public(&rig, 20000), INDEX_NONE);
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want_b, at("10.0.0.2", 30001), b), 0);
    assert_int_equal(public_port(&rig, b[0]), 30000);
    assert_int_equal(public_port(&rig, b[1]), 30001);
    assert_int_equal(slots_used(&rig.ms.store.table), 10);
    rig_close(&rig);
}

static void pair_is_reused_whole(void **state)
{
    (void)state;
    struct rig rig;
    struct handle a[2], again[2];
    rig_open(&rig, 10, 4);
    struct endpoint rtp = at("10.0.0.1", 20000), rtcp = at("10.0.0.1", 20001);
    struct mapping_want want = want_of(&rig, rtp);
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, rtcp, a), 0);
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, rtcp, again), 0);
    assert_memory_equal(again, a, sizeof a);
    assert_int_equal(owners(&rig, a[0]), 2);
    assert_int_equal(owners(&rig, a[1]), 2);

    /* RTCP elsewhere is another pair, which this endpoint cannot have; nothing changes. */
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, at("10.0.0.1", 20005), again),
                     -EADDRNOTAVAIL);
    assert_int_equal(owners(&rig, a[0]), 2);
    /* Its RTCP port as RTP port of another pair. */
    struct mapping_want odd = want_of(&rig, at("10.0.0.1", 19999));
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &odd, rtp, again), -EADDRNOTAVAIL);
    assert_int_equal(slots_used(&rig.ms.store.table), 4);

    /* RTCP has closed before RTP, and its index serves somebody else. */
    for (int i = 0; i < 2; i++)
        mapping_release(&rig.ms, &rig.t, a[1], false);
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, rtcp, again), -EAGAIN);
    reap(&rig);
    struct handle stranger;
    uint16_t port = 1;
    do
        stranger = open_one(&rig, at("10.0.0.3", port++));
    while (stranger.index != a[1].index);
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, rtcp, again), -EADDRNOTAVAIL);
    assert_int_equal(owners(&rig, a[0]), 2);
    assert_int_equal(owners(&rig, stranger), 1);
    rig_close(&rig);
}

/* A single mapping does not become a pair; it is not closed by the attempt either. */
static void single_is_no_pair(void **state)
{
    (void)state;
    struct rig rig;
    struct handle h, pair[2];
    rig_open(&rig, 10, 20);
    struct mapping_want flow_made = want_of(&rig, PHONE_A), want = flow_made;
    flow_made.owned = false;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &flow_made, &h), 0);
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, at("10.0.0.1", 5061), pair),
                     -EADDRNOTAVAIL);
    assert_true(store_live(&rig.ms.store, h));
    assert_int_equal(owners(&rig, h), 0);
    rig_close(&rig);
}

static void pair_without_nat(void **state)
{
    (void)state;
    struct rig rig;
    struct handle a[2];
    rig_open(&rig, 10, 20);
    struct mapping_want want = want_of(&rig, at("10.0.0.1", 20000));
    want.nat = (struct nat_want){0};
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, at("10.0.0.1", 20010), a), 0);
    assert_int_equal(public_port(&rig, a[0]), 20000);
    assert_int_equal(public_port(&rig, a[1]), 20010);
    rig_close(&rig);
}

static void pair_at_the_end_of_the_range(void **state)
{
    (void)state;
    struct rig rig;
    struct handle a[2];
    rig_open(&rig, 10, 20);
    rig.nat = (struct nat_want){.ip = ip(PUBLIC), .first = 65534, .last = 65535, .preserve = true};
    struct mapping_want want = want_of(&rig, at("10.0.0.1", 65535));
    /* 65535 has no neighbour. */
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, at("10.0.0.1", 1), a),
                     -EADDRNOTAVAIL);
    want.inside = at("10.0.0.1", 4000);
    want.nat.preserve = false;
    assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, at("10.0.0.1", 4001), a), 0);
    assert_int_equal(public_port(&rig, a[0]), 65534);
    assert_int_equal(public_port(&rig, a[1]), 65535);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_neighbours), cmocka_unit_test(pair_preserved_or_moved),
        cmocka_unit_test(pair_is_reused_whole), cmocka_unit_test(single_is_no_pair),
        cmocka_unit_test(pair_without_nat),     cmocka_unit_test(pair_at_the_end_of_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
