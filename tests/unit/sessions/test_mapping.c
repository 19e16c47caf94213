/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of mappings, by one thread; several at once are in tests/stress. */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PHONE_A at("10.0.0.1", 5060)
#define PHONE_B at("10.0.0.2", 5060)
#define MEDIA   at("198.51.100.7", 30000)

/* ---- opening ---- */

static void open_and_find(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct mapping_want want = want_of(&rig, PHONE_A);
    want.kind = MAPPING_SIGNALLING;
    want.filter = MAPPING_ADDRESS;
    want.peer = MEDIA;
    want.policy_id = 4;
    want.profile = 6;
    want.outside_ifindex = 3;
    want.flags = MAPPING_ALG;
    struct handle h;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0);
    const struct mapping *m = mapping_at(&rig.ms, h.index);
    assert_true(store_live(&rig.ms.store, h));
    assert_true(endpoint_eq(mapping_inside(m), PHONE_A));
    assert_true(endpoint_eq(mapping_public(m), at(PUBLIC, 5060)));
    assert_int_equal(m->r.flags, MAPPING_ALG | MAPPING_NAT);
    assert_int_equal(m->r.detail, 6);
    assert_int_equal(m->policy_id, 4);
    assert_int_equal(m->outside_ifindex, 3);
    assert_int_equal(mapping_find_source(&rig.ms, UDP, LAN, PHONE_A, 3), h.index);
    assert_int_equal(m->kind, MAPPING_SIGNALLING);
    assert_int_equal(m->owners, 1);
    assert_int_equal(m->created_ms, 500);
    assert_int_equal(m->partner, INDEX_NONE);

    assert_int_equal(by_source(&rig, PHONE_A), INDEX_NONE);
    assert_int_equal(by_public(&rig, 5060), h.index);
    assert_true(mapping_has_port(&rig.ms, UDP, at(PUBLIC, 5060)));
    assert_false(mapping_has_port(&rig.ms, UDP, at(PUBLIC, 5062)));
    assert_int_equal(by_source(&rig, PHONE_B), INDEX_NONE);
    assert_int_equal(by_public(&rig, 5061), INDEX_NONE);
    assert_int_equal(mapping_find_source(&rig.ms, UDP, WAN, PHONE_A, 0), INDEX_NONE);
    assert_int_equal(mapping_find_source(&rig.ms, TCP, LAN, PHONE_A, 0), INDEX_NONE);
    assert_int_equal(mapping_find_public(&rig.ms, TCP, at(PUBLIC, 5060)), INDEX_NONE);
    rig_close(&rig);
}

static void one_mapping_per_inside_endpoint(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle a = open_one(&rig, PHONE_A), b = open_one(&rig, PHONE_B);
    struct handle again = open_one(&rig, PHONE_A);
    assert_memory_equal(&again, &a, sizeof a);
    assert_int_equal(owners(&rig, a), 2);
    assert_int_equal(public_port(&rig, a), 5060);
    assert_int_not_equal(public_port(&rig, b), 5060);
    struct mapping_want unowned = want_of(&rig, PHONE_A);
    unowned.owned = false;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &unowned, &again), 0);
    assert_memory_equal(&again, &a, sizeof a);
    assert_int_equal(owners(&rig, a), 2);
    assert_int_equal(slots_used(&rig.ms.store.table), 4);
    rig_close(&rig);
}

static void without_nat(void **state)
{
    (void)state;
    struct rig rig;
    struct handle h, other;
    rig_open(&rig, 10, 10);
    struct mapping_want want = want_of(&rig, PHONE_A);
    want.nat = (struct nat_want){0};
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0);
    const struct mapping *m = mapping_at(&rig.ms, h.index);
    assert_true(endpoint_eq(mapping_public(m), PHONE_A));
    assert_int_equal(m->r.flags, 0);
    assert_int_equal(mapping_find_public(&rig.ms, UDP, PHONE_A), h.index);
    /* The same address in another zone: the public side is taken. */
    want.zone = 7;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &other), -EADDRNOTAVAIL);
    assert_int_equal(slots_used(&rig.ms.store.table), 2);
    rig_close(&rig);
}

/* Behind another interface the endpoint has another public side. */
static void one_mapping_per_way_out(void **state)
{
    (void)state;
    struct rig rig;
    struct handle a, b;
    rig_open(&rig, 10, 10);
    struct mapping_want want = want_of(&rig, PHONE_A);
    want.outside_ifindex = 2;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &a), 0);
    want.outside_ifindex = 3;
    want.nat.ip = ip("192.0.2.200");
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &b), 0);
    assert_int_not_equal(a.index, b.index);
    assert_int_equal(mapping_find_source(&rig.ms, UDP, LAN, PHONE_A, 2), a.index);
    assert_int_equal(mapping_find_source(&rig.ms, UDP, LAN, PHONE_A, 3), b.index);
    assert_int_equal(mapping_find_source(&rig.ms, UDP, LAN, PHONE_A, 4), INDEX_NONE);

    /* A session that leaves by the other way is not overtaken by it. */
    struct session_new own = flow_nat(&rig, UDP, PHONE_A, MEDIA);
    struct table_hit hit;
    own.ifindex[1] = 4;
    assert_int_equal(create(&rig, &own, &hit), 0);
    rig_close(&rig);
}

/* Flows do not get the last quarter; a call does. */
static void flows_leave_room_for_calls(void **state)
{
    (void)state;
    struct rig rig;
    struct handle h[8], more;
    rig_open(&rig, 10, 8);
    struct mapping_want want = want_of(&rig, PHONE_A);
    want.owned = false;
    for (uint16_t i = 0; i < 6; i++) {
        want.inside = at("10.0.0.3", 1 + i);
        assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h[i]), 0);
    }
    want.inside = at("10.0.0.3", 100);
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &more), -ENOSPC);
    want.owned = true;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &more), 0);
    want.owned = false;
    want.inside = at("10.0.0.3", 1); /* it has one already */
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &more), 0);
    /* Room again, once and not twice per mapping that closes. */
    for (int i = 0; i < 2; i++) {
        mapping_close(&rig.ms, &rig.t, h[i].index);
        mapping_close(&rig.ms, &rig.t, h[i].index);
    }
    assert_int_equal(rig.ms.n_live, 5);
    reap(&rig);
    want.inside = at("10.0.0.3", 101);
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &more), 0);
    want.inside = at("10.0.0.3", 102);
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &more), -ENOSPC);
    rig_close(&rig);
}

static void ports_run_out(void **state)
{
    (void)state;
    struct rig rig;
    struct handle h = {77, 7};
    rig_open(&rig, 10, 10);
    rig.nat = (struct nat_want){.ip = ip(PUBLIC), .first = 7000, .last = 7002};
    for (uint16_t i = 0; i < 3; i++)
        open_one(&rig, at("10.0.0.1", 4000 + i));
    struct mapping_want want = want_of(&rig, PHONE_B);
    for (int i = 0; i < 100; i++)
        assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), -EADDRNOTAVAIL);
    assert_int_equal(h.index, 77);
    assert_int_equal(slots_used(&rig.ms.store.table), 6);
    assert_int_equal(by_source(&rig, PHONE_B), INDEX_NONE);
    rig_close(&rig);
}

static void table_full(void **state)
{
    (void)state;
    struct rig rig;
    struct handle h;
    rig_open(&rig, 10, 2);
    open_one(&rig, PHONE_A);
    struct mapping_want want = want_of(&rig, PHONE_B);
    struct handle pair[2];
    for (int i = 0; i < 10; i++)
        assert_int_equal(mapping_open_pair(&rig.ms, &rig.t, &want, at("10.0.0.2", 5061), pair),
                         -ENOSPC);
    assert_int_equal(slots_used(&rig.ms.store.table), 2);
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0);
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0); /* it has one */
    assert_int_equal(owners(&rig, h), 2);
    want.inside = MEDIA;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), -ENOSPC);
    rig_close(&rig);
}

/* ---- owners ---- */

static void last_owner_closes(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle h = open_one(&rig, PHONE_A);
    assert_true(mapping_hold(&rig.ms, h));
    assert_false(mapping_close(&rig.ms, &rig.t, h.index)); /* it has owners */
    mapping_release(&rig.ms, &rig.t, h, false);
    assert_true(store_live(&rig.ms.store, h));
    mapping_release(&rig.ms, &rig.t, h, false);
    assert_int_equal(owners(&rig, h), MAPPING_CLOSED);

    /* Closed: never found, never owned again. */
    assert_false(store_live(&rig.ms.store, h));
    assert_false(mapping_hold(&rig.ms, h));
    assert_false(mapping_close(&rig.ms, &rig.t, h.index));
    mapping_release(&rig.ms, &rig.t, h, false);
    assert_int_equal(owners(&rig, h), MAPPING_CLOSED);
    assert_int_equal(by_source(&rig, PHONE_A), INDEX_NONE);
    assert_int_equal(by_public(&rig, 5060), INDEX_NONE);
    assert_false(mapping_has_port(&rig.ms, UDP, at(PUBLIC, 5060)));
    assert_int_equal(mapping_attach(&rig.ms, h.index, 0), -EAGAIN);

    /* The endpoint gets a new one at once, before control has removed the old one. */
    struct handle next = open_one(&rig, PHONE_A);
    assert_int_not_equal(next.index, h.index);
    assert_int_equal(public_port(&rig, next), 5060);
    reap(&rig);
    assert_int_equal(by_source(&rig, PHONE_A), next.index);
    assert_int_equal(by_public(&rig, 5060), next.index);
    rig_close(&rig);
}

static void kept_after_the_last_owner(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle h = open_one(&rig, PHONE_A);
    assert_int_equal(reap(&rig), 1);
    mapping_release(&rig.ms, &rig.t, h, true);
    assert_true(store_live(&rig.ms.store, h));
    assert_int_equal(mapping_news_take(&rig.t), h.index); /* control looks after it */
    assert_int_equal(mapping_news_next(&rig.ms, h.index), INDEX_NONE);
    mapping_release(&rig.ms, &rig.t, h, false); /* no owner: nothing happens */
    assert_true(store_live(&rig.ms.store, h));
    assert_int_equal(owners(&rig, h), 0);
    assert_true(mapping_hold(&rig.ms, h));
    mapping_release(&rig.ms, &rig.t, h, true);
    assert_true(mapping_close(&rig.ms, &rig.t, h.index));
    assert_false(mapping_close(&rig.ms, &rig.t, h.index));
    rig_close(&rig);
}

/* Retired: closed though it has owners, whose releases come later and find it so. */
static void retired_under_its_owners(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 10);
    struct handle h = open_one(&rig, PHONE_A);
    assert_true(mapping_hold(&rig.ms, h));
    reap(&rig);
    mapping_retire(&rig.ms, &rig.t, h.index);
    mapping_retire(&rig.ms, &rig.t, h.index);
    assert_int_equal(rig.ms.n_live, 0);
    assert_false(store_live(&rig.ms.store, h));
    assert_false(mapping_hold(&rig.ms, h));
    assert_false(mapping_close(&rig.ms, &rig.t, h.index));
    assert_int_equal(by_source(&rig, PHONE_A), INDEX_NONE);
    mapping_release(&rig.ms, &rig.t, h, false);
    assert_int_equal(reap(&rig), 1);
    struct handle next = open_one(&rig, PHONE_A);
    mapping_release(&rig.ms, &rig.t, h, false);
    assert_int_equal(owners(&rig, next), 1);
    rig_close(&rig);
}

static void old_handles_own_nothing(void **state)
{
    (void)state;
    struct rig rig;
    rig_open(&rig, 10, 1);
    struct handle old = open_one(&rig, PHONE_A);
    mapping_release(&rig.ms, &rig.t, old, false);
    reap(&rig);
    struct handle next = open_one(&rig, PHONE_B);
    assert_int_equal(next.index, old.index);
    assert_int_not_equal(next.epoch, old.epoch);
    assert_false(mapping_hold(&rig.ms, old));
    mapping_release(&rig.ms, &rig.t, old, false);
    mapping_release(&rig.ms, &rig.t, HANDLE_NONE, false);
    assert_true(store_live(&rig.ms.store, next));
    assert_int_equal(owners(&rig, next), 1);
    rig_close(&rig);
}

/* ---- filters ---- */

static bool admits(struct rig *rig, struct handle h, struct endpoint from)
{
    return mapping_admits(&rig->ms, mapping_at(&rig->ms, h.index), from);
}

static void filter_anyone_and_address(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    struct handle h;
    rig_open(&rig, 40, 10);
    struct handle any = open_one(&rig, PHONE_A);
    assert_true(admits(&rig, any, MEDIA));

    struct mapping_want want = want_of(&rig, PHONE_B);
    want.filter = MAPPING_ADDRESS;
    want.peer = at("192.0.2.1", 5060);
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0);
    assert_true(admits(&rig, h, at("192.0.2.1", 1)));
    assert_false(admits(&rig, h, at("192.0.2.2", 5060)));
    assert_false(admits(&rig, h, at("10.0.0.2", 5060)));

    /* It spoke to another server: that one may answer from any port, and only while it speaks. */
    struct session_new out = flow_out(&rig, h.index, at("192.0.2.2", 5060));
    assert_int_equal(create(&rig, &out, &hit), 0);
    assert_true(admits(&rig, h, at("192.0.2.2", 9)));
    struct session_new in = flow_in(&rig, h.index, at("192.0.2.1", 5061));
    assert_int_equal(create(&rig, &in, &hit), 0);
    assert_true(admits(&rig, h, at("192.0.2.1", 9)));
    assert_false(admits(&rig, h, at("192.0.2.3", 5060)));
    assert_false(admits(&rig, h, at("10.0.0.2", 5060)));
    assert_true(session_kill(&rig.ss, &rig.t, session_find(&rig, &out.key[0])));
    reap(&rig);
    assert_false(admits(&rig, h, at("192.0.2.2", 9)));
    rig_close(&rig);
}

static void filter_address_without_peer(void **state)
{
    (void)state;
    struct rig rig;
    struct handle h;
    rig_open(&rig, 10, 10);
    struct mapping_want want = want_of(&rig, PHONE_A);
    want.filter = MAPPING_ADDRESS;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0);
    assert_false(admits(&rig, h, MEDIA));
    rig_close(&rig);
}

static void filter_latch(void **state)
{
    (void)state;
    struct rig rig;
    struct handle h;
    rig_open(&rig, 10, 10);
    struct mapping_want want = want_of(&rig, PHONE_A);
    want.filter = MAPPING_LATCH;
    assert_int_equal(mapping_open(&rig.ms, &rig.t, &want, &h), 0);
    assert_true(admits(&rig, h, MEDIA));
    assert_true(admits(&rig, h, MEDIA));
    assert_false(admits(&rig, h, at("198.51.100.7", 30002)));
    assert_false(admits(&rig, h, at("198.51.100.8", 30000)));
    /* A new answer opens the latch again. */
    __atomic_store_n(&mapping_at(&rig.ms, h.index)->peer, 0, __ATOMIC_RELAXED);
    assert_true(admits(&rig, h, at("198.51.100.8", 30000)));
    assert_false(admits(&rig, h, MEDIA));
    rig_close(&rig);
}

/* ---- the list of sessions ---- */

static void attach_and_detach_in_any_order(void **state)
{
    (void)state;
    enum {
        N = 6
    };
    struct rng rng = {3};
    for (int round = 0; round < 200; round++) {
        struct rig rig;
        uint32_t left[N], n = N;
        rig_open(&rig, N, 4);
        struct handle h = open_one(&rig, PHONE_A);
        for (uint32_t i = 0; i < N; i++) {
            left[i] = i;
            assert_int_equal(mapping_attach(&rig.ms, h.index, i), 0);
        }
        while (n > 0) {
            uint32_t k = rng_below(&rng, n), out = left[k], seen = 0;
            left[k] = left[--n];
            mapping_detach(&rig.ms, h.index, out);
            mapping_detach(&rig.ms, h.index, out); /* not on the list: nothing happens */
            assert_int_equal(mapping_at(&rig.ms, h.index)->n_sessions, n);
            uint32_t i = mapping_at(&rig.ms, h.index)->first_session;
            for (; i != INDEX_NONE; i = rig.ss.cold[i].mapping_next)
                seen |= 1u << i;
            for (uint32_t j = 0; j < n; j++)
                seen ^= 1u << left[j];
            assert_int_equal(seen, 0);
        }
        rig_close(&rig);
    }
}

static void last_seen(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit a, b;
    uint32_t seen_ms = 1;
    rig_open(&rig, 10, 10);
    struct handle h = open_one(&rig, PHONE_A);
    assert_false(mapping_last_seen(&rig.ms, h.index, &seen_ms));
    assert_int_equal(seen_ms, 1);

    struct session_new want_a = flow_in(&rig, h.index, at("192.0.2.1", 1));
    struct session_new want_b = flow_in(&rig, h.index, at("192.0.2.1", 2));
    want_a.now_ms = UINT32_MAX - 10; /* the clock is about to wrap */
    want_b.now_ms = 5;
    assert_int_equal(create(&rig, &want_a, &a), 0);
    assert_true(mapping_last_seen(&rig.ms, h.index, &seen_ms));
    assert_int_equal(seen_ms, UINT32_MAX - 10);
    assert_int_equal(create(&rig, &want_b, &b), 0);
    assert_true(mapping_last_seen(&rig.ms, h.index, &seen_ms));
    assert_int_equal(seen_ms, 5);

    /* Remembered when the sessions are gone, in whichever order they go. */
    session_kill(&rig.ss, &rig.t, b.index);
    reap(&rig);
    assert_true(mapping_last_seen(&rig.ms, h.index, &seen_ms));
    assert_int_equal(seen_ms, 5);
    session_kill(&rig.ss, &rig.t, a.index);
    reap(&rig);
    assert_true(mapping_last_seen(&rig.ms, h.index, &seen_ms));
    assert_int_equal(seen_ms, 5);
    rig_close(&rig);
}

/* ---- claims ---- */

static void claim_ends_the_ordinary_session(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit early, other, own;
    rig_open(&rig, 10, 10);
    struct session_new want = flow_nat(&rig, UDP, PHONE_A, MEDIA);
    struct session_new elsewhere = flow_nat(&rig, UDP, PHONE_A, at("198.51.100.7", 30001));
    assert_int_equal(create(&rig, &want, &early), 0);
    assert_int_equal(create(&rig, &elsewhere, &other), 0);
    struct handle h = open_one(&rig, PHONE_A);
    mapping_claim(&rig.ms, &rig.t, h.index, MEDIA);
    assert_int_equal(session_state(&rig, early.index), RECORD_DYING);
    assert_int_equal(session_state(&rig, other.index), RECORD_LIVE); /* that one 5-tuple only */

    struct session_new through = flow_out(&rig, h.index, MEDIA);
    assert_int_equal(create(&rig, &through, &own), 0);
    mapping_claim(&rig.ms, &rig.t, h.index, MEDIA);
    assert_int_equal(session_state(&rig, own.index), RECORD_LIVE); /* its own */
    mapping_claim(&rig.ms, &rig.t, h.index, at("192.0.2.1", 1));   /* none there */
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open_and_find),
        cmocka_unit_test(one_mapping_per_inside_endpoint),
        cmocka_unit_test(without_nat),
        cmocka_unit_test(one_mapping_per_way_out),
        cmocka_unit_test(flows_leave_room_for_calls),
        cmocka_unit_test(ports_run_out),
        cmocka_unit_test(table_full),
        cmocka_unit_test(last_owner_closes),
        cmocka_unit_test(kept_after_the_last_owner),
        cmocka_unit_test(retired_under_its_owners),
        cmocka_unit_test(old_handles_own_nothing),
        cmocka_unit_test(filter_anyone_and_address),
        cmocka_unit_test(filter_address_without_peer),
        cmocka_unit_test(filter_latch),
        cmocka_unit_test(attach_and_detach_in_any_order),
        cmocka_unit_test(last_seen),
        cmocka_unit_test(claim_ends_the_ordinary_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
