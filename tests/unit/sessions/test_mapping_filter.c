/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses that a mapping admits beside its peer, and the places kept for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>

#include "rig.h"

#define PHONE at("10.0.0.2", 5060)

static struct handle open_for(struct rig *rig, enum mapping_filter filter, struct endpoint peer)
{
    struct mapping_want want = want_of(rig, PHONE);
    struct handle h;
    want.filter = filter;
    want.peer = peer;
    assert_int_equal(mapping_open(&rig->ms, &rig->t, &want, &h), 0);
    return h;
}

static be32 numbered(unsigned n)
{
    return at("192.0.2.0", 0).ip + be32_of(n);
}

static bool admits(struct rig *rig, struct handle h, be32 from)
{
    struct endpoint e = {from, be16_of(5060)};
    return mapping_admits(&rig->ms, mapping_at(&rig->ms, h.index), e);
}

static void admitted_beside_the_peer(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle h = open_for(&rig, MAPPING_ADDRESS, at("198.51.100.1", 5060));
    assert_false(admits(&rig, h, numbered(1)));
    mapping_admit(&rig.ms, h, numbered(1), MAPPING_LASTING);
    mapping_admit(&rig.ms, h, numbered(2), MAPPING_PASSING);
    assert_true(admits(&rig, h, numbered(1)));
    assert_true(admits(&rig, h, numbered(2)));
    assert_true(admits(&rig, h, at("198.51.100.1", 0).ip));
    assert_false(admits(&rig, h, numbered(3)));

    /* Nobody is admitted by being nobody. */
    mapping_admit(&rig.ms, h, 0, MAPPING_PASSING);
    assert_false(admits(&rig, h, 0));
    mapping_admit(&rig.ms, HANDLE_NONE, numbered(3), MAPPING_PASSING);
    rig_close(&rig);
}

/* The newest stay; a name that is there already takes no second place. */
static void oldest_goes(void **state)
{
    (void)state;
    struct rig rig;
    const unsigned passing = MAPPING_PASSING_MAX;
    rig_open(&rig, 10, 10);
    struct handle h = open_for(&rig, MAPPING_ADDRESS, at("198.51.100.1", 5060));
    mapping_admit(&rig.ms, h, numbered(250), MAPPING_LASTING);
    for (unsigned n = 1; n <= 200; n++) {
        mapping_admit(&rig.ms, h, numbered(n), MAPPING_PASSING);
        mapping_admit(&rig.ms, h, numbered(n), MAPPING_PASSING);
        mapping_admit(&rig.ms, h, numbered(250), MAPPING_PASSING);
        for (unsigned k = 1; k <= n; k++)
            assert_int_equal(admits(&rig, h, numbered(k)), n - k < passing);
        assert_true(admits(&rig, h, numbered(250)));
    }
    for (unsigned n = 1; n <= 30; n++)
        mapping_admit(&rig.ms, h, numbered(n), MAPPING_LASTING);
    for (unsigned n = 1; n <= 30; n++)
        assert_int_equal(admits(&rig, h, numbered(n)), n > 30 - MAPPING_LASTING_MAX);
    assert_false(admits(&rig, h, numbered(250)));
    assert_true(admits(&rig, h, numbered(200)));
    rig_close(&rig);
}

/* A registrar that was a caller before has a place of its own. */
static void lasting_after_passing(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle h = open_for(&rig, MAPPING_ADDRESS, at("198.51.100.1", 5060));
    mapping_admit(&rig.ms, h, numbered(100), MAPPING_PASSING);
    mapping_admit(&rig.ms, h, numbered(100), MAPPING_LASTING);
    for (unsigned n = 1; n <= 10; n++)
        mapping_admit(&rig.ms, h, numbered(n), MAPPING_PASSING);
    assert_true(admits(&rig, h, numbered(100)));
    rig_close(&rig);
}

static void next_life_knows_nobody(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 1);
    struct handle old = open_for(&rig, MAPPING_ADDRESS, at("198.51.100.1", 5060));
    mapping_admit(&rig.ms, old, numbered(1), MAPPING_LASTING);
    mapping_release(&rig.ms, &rig.t, old, false);
    mapping_widen(&rig.ms, old);
    reap(&rig);
    struct handle h = open_for(&rig, MAPPING_ADDRESS, at("198.51.100.1", 5060));
    assert_int_equal(h.index, old.index);
    mapping_admit(&rig.ms, old, numbered(2), MAPPING_LASTING);
    mapping_widen(&rig.ms, old);
    assert_false(admits(&rig, h, numbered(1)));
    assert_false(admits(&rig, h, numbered(2)));
    mapping_widen(&rig.ms, h);
    assert_true(admits(&rig, h, numbered(2)));
    rig_close(&rig);
}

static int arrive(struct rig *rig, struct handle h, be32 from, unsigned port)
{
    struct table_hit hit;
    struct session_new in = flow_in(rig, h.index, (struct endpoint){from, be16_of((uint16_t)port)});
    return create(rig, &in, &hit);
}

/* Strangers fill what strangers may; the party it was opened for still comes in. */
static void strangers_leave_places(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    const unsigned open = MAPPING_MAX_SESSIONS - MAPPING_KEPT;
    rig_open(&rig, MAPPING_MAX_SESSIONS + 10, 10);
    struct handle h = open_for(&rig, MAPPING_ANYONE, at("198.51.100.1", 5060));
    mapping_admit(&rig.ms, h, numbered(1), MAPPING_PASSING);
    for (unsigned i = 0; i < open; i++)
        assert_int_equal(arrive(&rig, h, numbered(2), 1024 + i), 0);
    assert_int_equal(arrive(&rig, h, numbered(2), 60000), -EMFILE);
    assert_int_equal(arrive(&rig, h, numbered(1), 60000), 0);
    assert_int_equal(arrive(&rig, h, at("198.51.100.1", 0).ip, 60000), 0);
    struct session_new out = flow_out(&rig, h.index, at("192.0.2.3", 5060));
    assert_int_equal(create(&rig, &out, &hit), 0);
    for (unsigned i = open + 3; i < MAPPING_MAX_SESSIONS; i++)
        assert_int_equal(arrive(&rig, h, numbered(1), i), 0);
    assert_int_equal(arrive(&rig, h, numbered(1), 60001), -EMFILE);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admitted_beside_the_peer), cmocka_unit_test(oldest_goes),
        cmocka_unit_test(lasting_after_passing),    cmocka_unit_test(next_life_knows_nobody),
        cmocka_unit_test(strangers_leave_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
