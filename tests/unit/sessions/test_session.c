/* SPDX-License-Identifier: BSD-3-Clause */
/* Birth and death of sessions, by one thread; several at once are in tests/stress. */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define PHONE_A at("10.0.0.1", 5060)
#define PHONE_B at("10.0.0.2", 5060)
#define SERVER  at("198.51.100.7", 5060)

static struct key reply_of(const struct rig *rig, uint32_t index)
{
    return session_at(&rig->ss, index)->r.key[1];
}

static void without_nat(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 10, 10);
    struct session_new want = flow(TCP, PHONE_A, SERVER);
    want.policy_id = 7;
    want.generation = 3;
    want.neighbour[0] = 11;
    want.neighbour[1] = 12;
    want.ifindex[0] = 1;
    want.ifindex[1] = 2;
    want.timer_set = 5;
    want.service = 9;
    want.tcp_state = 1;
    assert_int_equal(create(&rig, &want, &hit), 0);
    assert_int_equal(hit.dir, 0);

    const struct session *s = session_at(&rig.ss, hit.index);
    assert_int_equal(record_state(&s->r), RECORD_LIVE);
    assert_memory_equal(s->r.key, want.key, sizeof want.key);
    assert_int_equal(s->policy_id, 7);
    assert_int_equal(s->generation, 3);
    assert_int_equal(s->neighbour[0], 11);
    assert_int_equal(s->neighbour[1], 12);
    assert_int_equal(s->ifindex[0], 1);
    assert_int_equal(s->ifindex[1], 2);
    assert_int_equal(s->r.detail, 5);
    assert_int_equal(rig.ss.cold[hit.index].service, 9);
    assert_int_equal(s->tcp_state, 1);
    assert_int_equal(s->mapping, INDEX_NONE);
    assert_int_equal(s->created_ms, 1000);
    assert_int_equal(s->last_seen_ms, 1000);
    assert_int_equal(s->packets[0] + s->packets[1] + s->bytes[0] + s->bytes[1], 0);
    assert_int_equal(session_find(&rig, &want.key[0]), hit.index);
    assert_int_equal(session_find(&rig, &want.key[1]), hit.index);
    rig_close(&rig);
}

/* The same flow again, from either side: the first one stays and is named the right way round. */
static void twins_from_both_sides(void **state)
{
    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct rig rig;
        struct table_hit hit, again = {99, 9};
        rig_open(&rig, 10, 10);
        struct session_new one = flow(UDP, swapped ? SERVER : PHONE_A, swapped ? PHONE_A : SERVER);
        struct session_new other = one;
        other.key[0] = one.key[1];
        other.key[1] = one.key[0];
        assert_int_equal(create(&rig, &one, &hit), 0);
        assert_int_equal(create(&rig, &one, &again), -EEXIST);
        assert_int_equal(again.index, hit.index);
        assert_int_equal(again.dir, 0);
        assert_int_equal(create(&rig, &other, &again), -EEXIST);
        assert_int_equal(again.index, hit.index);
        assert_int_equal(again.dir, 1);
        assert_int_equal(slots_used(&rig.ss.store.table), 2);
        rig_close(&rig);
    }
}

/* One key of two is taken by another flow: nothing of the refused one is left. */
static void half_a_twin(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 2, 10);
    struct session_new one = flow(UDP, PHONE_A, SERVER), other = one;
    other.key[0].zone = 7; /* arrives by another interface; the answer would be the same */
    assert_int_equal(create(&rig, &one, &hit), 0);
    for (int i = 0; i < 100; i++) /* nor is its index lost */
        assert_int_equal(create(&rig, &other, &hit), -EEXIST);
    assert_int_equal(slots_used(&rig.ss.store.table), 2);
    assert_int_equal(session_find(&rig, &other.key[0]), INDEX_NONE);
    rig_close(&rig);
}

static void nat_there_and_back_is_identity(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    struct rng rng = {9};
    rig_open(&rig, 2000, 10);
    for (uint32_t i = 0; i < 2000; i++) {
        struct endpoint src = {be32_of(0x0a000000 + rng_below(&rng, 4)),
                               be16_of((uint16_t)(1 + rng_below(&rng, 65535)))};
        struct endpoint dst = {be32_of(0xc6336400 + rng_below(&rng, 4)),
                               be16_of((uint16_t)(1 + rng_below(&rng, 50)))};
        struct session_new want = flow_nat(&rig, rng_below(&rng, 2) ? UDP : TCP, src, dst);
        int result = create(&rig, &want, &hit);
        if (result == -EEXIST)
            continue;
        assert_int_equal(result, 0);
        const struct key *k = session_at(&rig.ss, hit.index)->r.key;
        /* What leaves is the inverse of the reply key; what the answer becomes, of the original. */
        struct key leaves = key_reverse(&k[1], 0), returned = key_reverse(&k[0], 0);
        assert_int_equal(leaves.src, rig.nat.ip);
        assert_int_equal(leaves.dst, dst.ip);
        assert_int_equal(leaves.dport, dst.port);
        assert_int_equal(returned.dst, src.ip);
        assert_int_equal(returned.dport, src.port);
        assert_int_equal(session_find(&rig, &k[0]), hit.index);
        assert_int_equal(session_find(&rig, &k[1]), hit.index);
    }
    rig_close(&rig);
}

static void port_is_preserved_for_the_first_only(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit a, b, c;
    rig_open(&rig, 10, 10);
    struct session_new want_a = flow_nat(&rig, UDP, PHONE_A, SERVER);
    struct session_new want_b = flow_nat(&rig, UDP, PHONE_B, SERVER);
    struct session_new want_c = flow_nat(&rig, UDP, PHONE_B, at("198.51.100.8", 5060));
    assert_int_equal(create(&rig, &want_a, &a), 0);
    assert_int_equal(create(&rig, &want_b, &b), 0);
    assert_int_equal(create(&rig, &want_c, &c), 0);
    assert_int_equal(reply_of(&rig, a.index).dport, be16_of(5060));
    assert_int_not_equal(reply_of(&rig, b.index).dport, be16_of(5060));
    assert_in_range(be16_host(reply_of(&rig, b.index).dport), 5117, 65533);
    /* Another destination: the port is free for it. */
    assert_int_equal(reply_of(&rig, c.index).dport, be16_of(5060));
    assert_int_equal(create(&rig, &want_b, &c), -EEXIST);
    assert_int_equal(c.index, b.index);
    assert_int_equal(c.dir, 0);
    rig_close(&rig);
}

/* ICMP queries are told apart by their identifier, which is translated like a port. */
static void icmp_identifiers(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit a, b;
    rig_open(&rig, 10, 10);
    struct session_new want_a = flow_nat(&rig, ICMP, PHONE_A, at("198.51.100.7", 0));
    struct session_new want_b = flow_nat(&rig, ICMP, PHONE_B, at("198.51.100.7", 0));
    assert_int_equal(create(&rig, &want_a, &a), 0);
    assert_int_equal(create(&rig, &want_b, &b), 0);
    assert_int_not_equal(reply_of(&rig, a.index).dport, reply_of(&rig, b.index).dport);
    rig_close(&rig);
}

static void ports_run_out(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 50, 10);
    rig.nat.first = 7000;
    rig.nat.last = 7007;
    rig.nat.preserve = false;
    for (uint16_t i = 0; i < 8; i++) {
        struct session_new want = flow_nat(&rig, UDP, at("10.0.0.1", 2000 + i), SERVER);
        assert_int_equal(create(&rig, &want, &hit), 0);
    }
    struct session_new late = flow_nat(&rig, UDP, PHONE_B, SERVER);
    for (int i = 0; i < 100; i++)
        assert_int_equal(create(&rig, &late, &hit), -EADDRNOTAVAIL);
    assert_int_equal(slots_used(&rig.ss.store.table), 16);
    /* Other destinations and protocols are not concerned; and a port that is free again serves. */
    struct session_new elsewhere = flow_nat(&rig, UDP, PHONE_B, at("198.51.100.7", 5061));
    struct session_new tcp = flow_nat(&rig, TCP, PHONE_B, SERVER);
    assert_int_equal(create(&rig, &elsewhere, &hit), 0);
    assert_int_equal(create(&rig, &tcp, &hit), 0);
    assert_true(session_kill(&rig.ss, &rig.t, 3));
    be16 port = reply_of(&rig, 3).dport;
    assert_int_equal(create(&rig, &late, &hit), 0); /* taken over before control came */
    assert_int_equal(reply_of(&rig, hit.index).dport, port);
    reap(&rig);
    assert_int_equal(session_find(&rig, &late.key[0]), hit.index);
    rig_close(&rig);
}

static void fixed_port_or_nothing(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 10, 10);
    rig.nat.fixed = true;
    struct session_new a = flow_nat(&rig, UDP, PHONE_A, SERVER);
    struct session_new b = flow_nat(&rig, UDP, PHONE_B, SERVER);
    assert_int_equal(create(&rig, &a, &hit), 0);
    assert_int_equal(create(&rig, &b, &hit), -EADDRNOTAVAIL);
    rig_close(&rig);
}

static void table_full(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 3, 10);
    for (uint16_t i = 0; i < 4; i++) {
        struct session_new want = flow_nat(&rig, UDP, at("10.0.0.1", 2000 + i), SERVER);
        assert_int_equal(create(&rig, &want, &hit), i < 3 ? 0 : -ENOSPC);
    }
    assert_true(session_kill(&rig.ss, &rig.t, 1));
    reap(&rig);
    struct session_new want = flow_nat(&rig, UDP, PHONE_B, SERVER);
    assert_int_equal(create(&rig, &want, &hit), 0);
    assert_int_equal(hit.index, 1);
    rig_close(&rig);
}

/* ---- death and news ---- */

static void killed_once(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, 10, 10);
    struct session_new want = flow_nat(&rig, UDP, PHONE_A, SERVER);
    assert_int_equal(create(&rig, &want, &hit), 0);
    uint32_t old = hit.index;
    struct handle h = store_handle(&rig.ss.store, old);
    assert_true(store_live(&rig.ss.store, h));
    assert_true(session_kill(&rig.ss, &rig.t, old));
    assert_false(session_kill(&rig.ss, &rig.t, old));
    assert_false(store_live(&rig.ss.store, h));
    assert_int_equal(session_find(&rig, &want.key[0]), INDEX_NONE);

    /* The flow goes on at once with another session, which control's removal leaves alone. */
    assert_int_equal(create(&rig, &want, &hit), 0);
    assert_int_not_equal(hit.index, old);
    reap(&rig);
    assert_int_equal(session_state(&rig, old), RECORD_FREE);
    assert_int_equal(session_find(&rig, &want.key[0]), hit.index);
    assert_int_equal(slots_used(&rig.ss.store.table), 2);
    rig_close(&rig);
}

static void news_once_each(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit[5];
    rig_open(&rig, 10, 10);
    assert_int_equal(session_news_take(&rig.t), INDEX_NONE);
    for (uint16_t i = 0; i < 5; i++) {
        struct session_new want = flow_nat(&rig, UDP, at("10.0.0.1", 2000 + i), SERVER);
        assert_int_equal(create(&rig, &want, &hit[i]), 0);
        session_tell(&rig.ss, &rig.t, hit[i].index); /* told already */
    }
    /* Newest first; a session told while control goes through the stack is on the next one. */
    uint32_t index = session_news_take(&rig.t);
    assert_int_equal(session_news_take(&rig.t), INDEX_NONE);
    for (int i = 4; i >= 0; i--) {
        assert_int_equal(index, hit[i].index);
        uint32_t next = session_news_next(&rig.ss, index);
        if (i % 2 == 0)
            session_tell(&rig.ss, &rig.t, index);
        index = next;
    }
    assert_int_equal(index, INDEX_NONE);
    assert_int_equal(reap(&rig), 3);
    assert_int_equal(reap(&rig), 0);

    /* Told LIVE, then killed before control looks: one entry, and control sees the death. */
    session_tell(&rig.ss, &rig.t, hit[0].index);
    session_kill(&rig.ss, &rig.t, hit[0].index);
    assert_int_equal(reap(&rig), 1);
    assert_int_equal(session_state(&rig, hit[0].index), RECORD_FREE);
    rig_close(&rig);
}

/* ---- with mappings ---- */

static struct handle open_mapping(struct rig *rig, struct endpoint inside)
{
    struct handle h;
    const struct mapping_want want = {
        .proto = UDP, .zone = LAN, .inside = inside, .nat = rig->nat, .owned = true};
    assert_int_equal(mapping_open(&rig->ms, &rig->t, &want, &h), 0);
    return h;
}

static void through_a_mapping(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit out, in, again;
    rig_open(&rig, 10, 10);
    struct handle m = open_mapping(&rig, PHONE_A);
    struct session_new want_out = flow_out(&rig, m.index, SERVER);
    struct session_new want_in = flow_in(&rig, m.index, at("198.51.100.9", 9000));
    struct session_new same = flow_in(&rig, m.index, SERVER);
    assert_int_equal(create(&rig, &want_out, &out), 0);
    assert_int_equal(create(&rig, &want_in, &in), 0);
    assert_int_equal(create(&rig, &same, &again), -EEXIST);
    assert_int_equal(again.index, out.index);
    assert_int_equal(again.dir, 1);
    assert_int_equal(mapping_at(&rig.ms, m.index)->n_sessions, 2);
    assert_int_equal(session_at(&rig.ss, in.index)->mapping, m.index);

    /* Its port serves nobody else, whatever the destination. */
    struct session_new b = flow_nat(&rig, UDP, PHONE_B, at("192.0.2.1", 53));
    assert_int_equal(create(&rig, &b, &again), 0);
    assert_int_not_equal(reply_of(&rig, again.index).dport, be16_of(5060));
    rig_close(&rig);
}

static void mapping_wins_over_ordinary(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit a, b, hit;
    rig_open(&rig, 10, 10);
    /* A's own flow behind another port, and B's behind the port that A's mapping will have. */
    struct session_new want_b = flow_nat(&rig, UDP, PHONE_B, SERVER);
    struct session_new want_a = flow_nat(&rig, UDP, PHONE_A, SERVER);
    assert_int_equal(create(&rig, &want_b, &b), 0);
    assert_int_equal(create(&rig, &want_a, &a), 0);
    struct handle m = open_mapping(&rig, PHONE_A);
    assert_int_equal(mapping_public(mapping_at(&rig.ms, m.index)).port, be16_of(5060));

    struct session_new want = flow_out(&rig, m.index, SERVER);
    assert_int_equal(create(&rig, &want, &hit), 0);
    assert_int_equal(session_state(&rig, a.index), RECORD_DYING);
    assert_int_equal(session_state(&rig, b.index), RECORD_DYING);
    assert_int_equal(session_find(&rig, &want.key[0]), hit.index);
    assert_int_equal(session_find(&rig, &want.key[1]), hit.index);
    reap(&rig);
    assert_int_equal(session_find(&rig, &want.key[0]), hit.index);
    assert_int_equal(session_find(&rig, &want.key[1]), hit.index);
    assert_int_equal(slots_used(&rig.ss.store.table), 2);

    /* Not the other way round. */
    assert_int_equal(create(&rig, &want_a, &a), -EEXIST);
    assert_int_equal(a.index, hit.index);
    rig_close(&rig);
}

/* A worker that looked before the mapping opened makes an ordinary session after it: refused. */
static void mapping_opened_meanwhile(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit = {99, 9};
    rig_open(&rig, 10, 10);
    struct session_new want = flow_nat(&rig, UDP, PHONE_A, SERVER);
    struct session_new tcp = flow_nat(&rig, TCP, PHONE_A, SERVER);
    struct session_new routed = flow(UDP, PHONE_A, at("192.0.2.1", 1));
    open_mapping(&rig, PHONE_A);
    assert_int_equal(create(&rig, &want, &hit), -EAGAIN);
    assert_int_equal(hit.index, 99);
    assert_int_equal(session_find(&rig, &want.key[0]), INDEX_NONE);
    assert_int_equal(create(&rig, &tcp, &hit), 0); /* mappings are per protocol */
    assert_int_equal(create(&rig, &routed, &hit), 0);
    reap(&rig);
    assert_int_equal(slots_used(&rig.ss.store.table), 4);
    rig_close(&rig);
}

static void refused_by_the_mapping(void **state)
{
    (void)state;
    struct rig rig;
    struct table_hit hit;
    rig_open(&rig, MAPPING_MAX_SESSIONS + 10, 10);
    struct handle m = open_mapping(&rig, PHONE_A);
    mapping_admit(&rig.ms, m, at("192.0.2.1", 0).ip, MAPPING_PASSING);
    for (uint16_t i = 0; i < MAPPING_MAX_SESSIONS; i++) {
        struct session_new want = flow_in(&rig, m.index, at("192.0.2.1", 1 + i));
        assert_int_equal(create(&rig, &want, &hit), 0);
    }
    struct session_new more = flow_in(&rig, m.index, at("192.0.2.1", 60000));
    for (int i = 0; i < 30; i++)
        assert_int_equal(create(&rig, &more, &hit), -EMFILE);
    assert_int_equal(slots_used(&rig.ss.store.table), 2 * MAPPING_MAX_SESSIONS);
    assert_true(session_kill(&rig.ss, &rig.t, 5));
    reap(&rig);
    assert_int_equal(create(&rig, &more, &hit), 0);

    /* Closed: the packet is to be looked up again. */
    mapping_release(&rig.ms, &rig.t, m, false);
    struct session_new late = flow_in(&rig, m.index, at("192.0.2.1", 60001));
    unsigned used = slots_used(&rig.ss.store.table);
    assert_int_equal(create(&rig, &late, &hit), -EAGAIN);
    assert_int_equal(slots_used(&rig.ss.store.table), used);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_nat),
        cmocka_unit_test(twins_from_both_sides),
        cmocka_unit_test(half_a_twin),
        cmocka_unit_test(nat_there_and_back_is_identity),
        cmocka_unit_test(port_is_preserved_for_the_first_only),
        cmocka_unit_test(icmp_identifiers),
        cmocka_unit_test(ports_run_out),
        cmocka_unit_test(fixed_port_or_nothing),
        cmocka_unit_test(table_full),
        cmocka_unit_test(killed_once),
        cmocka_unit_test(news_once_each),
        cmocka_unit_test(through_a_mapping),
        cmocka_unit_test(mapping_wins_over_ordinary),
        cmocka_unit_test(mapping_opened_meanwhile),
        cmocka_unit_test(refused_by_the_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
