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

static struct mapping_want want_of(const struct rig *rig, struct endpoint inside)
{
    return (struct mapping_want){.proto = UDP,
                                 .zone = LAN,
                                 .inside = inside,
                                 .nat = rig->nat,
                                 .kind = MAPPING_RTP,
                                 .owned = true,
                                 .now_ms = 500};
}

static struct handle open_one(struct rig *rig, struct endpoint inside)
{
    struct mapping_want want = want_of(rig, inside);
    struct handle h;
    assert_int_equal(mapping_open(&rig->ms, &rig->t, &want, &h), 0);
    return h;
}

static uint16_t public_port(const struct rig *rig, struct handle h)
{
    return be16_host(mapping_public(mapping_at(&rig->ms, h.index)).port);
}

static uint32_t owners(const struct rig *rig, struct handle h)
{
    return mapping_at(&rig->ms, h.index)->owners;
}

static uint32_t by_source(const struct rig *rig, struct endpoint inside)
{
    return mapping_find_source(&rig->ms, UDP, LAN, inside, 0);
}

static uint32_t by_public(const struct rig *rig, uint16_t port)
{
    return mapping_find_public(&rig->ms, UDP, at(PUBLIC, port));
}

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

/* ---- pairs ---- */

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
    open_one(&rig, at("10.0.0.3", 1));
    open_one(&rig, at("10.0.0.3", 2));
    struct handle stranger = open_one(&rig, PHONE_B);
    assert_int_equal(stranger.index, a[1].index);
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
        cmocka_unit_test(ports_run_out),
        cmocka_unit_test(table_full),
        cmocka_unit_test(pairs_are_neighbours),
        cmocka_unit_test(pair_preserved_or_moved),
        cmocka_unit_test(pair_is_reused_whole),
        cmocka_unit_test(single_is_no_pair),
        cmocka_unit_test(pair_without_nat),
        cmocka_unit_test(pair_at_the_end_of_the_range),
        cmocka_unit_test(last_owner_closes),
        cmocka_unit_test(kept_after_the_last_owner),
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
