/* SPDX-License-Identifier: BSD-3-Clause */
/* IP pools: their arithmetic, who gets what, and when it comes back. */
#include "base/rng.h"
#include "sessions/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>

#define EXT 0xcb00710au /* 203.0.113.10 */
#define INT 0x0a000101u /* 10.0.1.1 */

static struct pools *ps;

static int setup(void **state)
{
    (void)state;
    ps = pools_create();
    return ps ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    pools_destroy(ps);
    return 0;
}

static struct pool *make(const struct pool_params *params)
{
    struct pool *p = NULL;
    const char *why = "";
    if (pools_take(ps, params, &p, &why) != 0)
        fail_msg("%s", why);
    return p;
}

static const struct pool_params overload = {
    .name = "overload", .first = EXT, .last = EXT + 2, .port_first = 5117, .port_last = 65533};
static const struct pool_params one_to_one = {
    .name = "one", .type = POOL_ONE_TO_ONE, .first = EXT, .last = EXT + 4};
/* The example of the reference: 10 addresses for 253 hosts. */
static const struct pool_params fixed_range = {.name = "fixed",
                                               .type = POOL_FIXED_RANGE,
                                               .first = EXT,
                                               .last = EXT + 9,
                                               .port_first = 5117,
                                               .port_last = 65533,
                                               .source_first = INT,
                                               .source_last = INT + 252};
static const struct pool_params blocks = {.name = "cgn",
                                          .type = POOL_BLOCKS,
                                          .first = EXT,
                                          .last = EXT + 9,
                                          .port_first = 5117,
                                          .port_last = 65533,
                                          .block_size = 128,
                                          .blocks_per_user = 8,
                                          .timeout_s = 30};

/* ---- arithmetic ---- */

static void plans(void **state)
{
    (void)state;
    struct pool_plan plan;
    const char *why;
    assert_int_equal(pool_plan(&fixed_range, &plan, &why), 0);
    assert_int_equal(plan.per_address, 26);
    assert_int_equal(plan.block, 2323);
    assert_int_equal(pool_plan(&blocks, &plan, &why), 0);
    assert_int_equal(plan.per_address, 472);
    assert_int_equal(plan.places, 4720);
    struct pool_params per_user = fixed_range;
    per_user.port_per_user = 2000;
    assert_int_equal(pool_plan(&per_user, &plan, &why), 0);
    assert_int_equal(plan.per_address, 30);
    assert_int_equal(plan.block, 2000);
}

static void plans_that_do_not_fit(void **state)
{
    (void)state;
    struct pool_plan plan;
    const char *why;
    struct pool_params bad[12];
    for (int i = 0; i < 12; i++)
        bad[i] = i < 6 ? fixed_range : blocks;
    bad[0].port_per_user = 2400; /* 25 on an address */
    bad[1].source_last = bad[1].source_first - 1;
    bad[2].source_first = 1; /* more hosts than ports */
    bad[3].last = bad[3].first - 1;
    bad[4].first = 0;
    bad[5].port_last = 5116;
    bad[6].block_size = 0;
    bad[7].blocks_per_user = 0;
    bad[8].blocks_per_user = 129;
    bad[9].port_last = 5117 + 126;
    bad[10].last = bad[10].first + 0x10000;
    bad[11].port_first = 0;
    for (int i = 0; i < 12; i++) {
        why = NULL;
        assert_int_equal(pool_plan(&bad[i], &plan, &why), -EINVAL);
        assert_non_null(why);
    }
    struct pool_params huge = one_to_one;
    huge.last = huge.first + POOL_PLACES_MAX;
    assert_int_equal(pool_plan(&huge, &plan, &why), -EINVAL);
}

/* Any fixed range: every host has ports, no two hosts share one, and all are within the pool. */
static void fixed_shares_are_disjoint(void **state)
{
    (void)state;
    struct rng rng = {21};
    for (int round = 0; round < 200; round++) {
        struct pool_params a = fixed_range;
        a.port_first = (uint16_t)(1024 + rng_below(&rng, 60000));
        a.port_last = (uint16_t)(a.port_first + rng_below(&rng, 65536u - a.port_first));
        a.last = a.first + rng_below(&rng, 20);
        a.source_last = a.source_first + rng_below(&rng, 400);
        a.port_per_user = (uint16_t)(rng_below(&rng, 2) ? 32 + rng_below(&rng, 2000) : 0);
        struct pool_plan plan;
        struct pool *p;
        const char *why;
        if (pools_take(ps, &a, &p, &why) != 0)
            continue;
        assert_int_equal(pool_plan(&a, &plan, &why), 0);
        uint32_t cursor = 0, n = 0;
        uint64_t next = 0; /* address and port where the next share may begin */
        struct pool_share share;
        for (; pool_share_next(p, &cursor, &share); n++) {
            assert_int_equal(be32_host(share.source), a.source_first + n);
            assert_true(share.first >= a.port_first && share.last <= a.port_last);
            assert_int_equal(share.last - share.first + 1, plan.block);
            assert_in_range(be32_host(share.ip), a.first, a.last);
            uint64_t begin = (uint64_t)be32_host(share.ip) << 16 | share.first;
            assert_true(begin >= next);
            next = begin + plan.block;
        }
        assert_int_equal(n, plan.sources);
        pool_drop(ps, p);
    }
}

static void fixed_range_of_the_reference(void **state)
{
    (void)state;
    static const struct {
        uint32_t source;
        enum pool_answer answer;
        uint32_t ip;
        uint16_t first, last;
    } rows[] = {
        {INT, POOL_OFFER, EXT, 5117, 7439},
        {INT + 1, POOL_OFFER, EXT, 7440, 9762},
        {INT + 25, POOL_OFFER, EXT, 5117 + 25 * 2323, 5117 + 26 * 2323 - 1},
        {INT + 26, POOL_OFFER, EXT + 1, 5117, 7439},
        {INT + 252, POOL_OFFER, EXT + 9, 5117 + 18 * 2323, 5117 + 19 * 2323 - 1},
        {INT + 253, POOL_SOURCE, 0, 0, 0},
        {INT - 1, POOL_SOURCE, 0, 0, 0},
    };
    struct pool *p = make(&fixed_range);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nat_want want = {0};
        struct pool_try at = {0};
        struct pool_lease lease;
        assert_int_equal(pool_offer(p, be32_of(rows[i].source), &at, &want, &lease),
                         rows[i].answer);
        assert_int_equal(be32_host(want.ip), rows[i].ip);
        assert_int_equal(want.first, rows[i].first);
        assert_int_equal(want.last, rows[i].last);
        if (rows[i].answer == POOL_OFFER)
            assert_int_equal(pool_offer(p, be32_of(rows[i].source), &at, &want, &lease),
                             POOL_NO_MORE);
    }
}

/* ---- the register ---- */

static void the_same_pool_again(void **state)
{
    (void)state;
    struct pool *p = make(&overload), *q = make(&overload);
    assert_ptr_equal(p, q);
    struct pool_params other = overload;
    other.last++;
    assert_ptr_not_equal(make(&other), p);
    other = overload;
    snprintf(other.name, sizeof other.name, "named otherwise");
    assert_ptr_not_equal(make(&other), p);
    assert_ptr_equal(pools_at(ps, pool_id(p)), p);
}

static void forgotten_when_nothing_is_left_of_it(void **state)
{
    (void)state;
    struct pool *p = make(&one_to_one);
    uint16_t id = pool_id(p);
    struct pool_try at = {0};
    struct nat_want want;
    struct pool_lease lease;
    assert_int_equal(pool_offer(p, be32_of(INT), &at, &want, &lease), POOL_OFFER);
    pools_count(ps, id, IPPROTO_TCP, 1);
    pool_drop(ps, p);
    for (uint64_t now = 1000; now < 200000; now += 1000)
        pools_run(ps, now, NULL);
    assert_ptr_equal(pools_at(ps, id), p); /* a session has an address of it */
    pools_count(ps, id, IPPROTO_TCP, -1);
    pools_ended(ps, &lease, 200000);
    pools_run(ps, 200000, NULL);
    pools_run(ps, 259000, NULL);
    assert_ptr_equal(pools_at(ps, id), p);
    pools_run(ps, 260000, NULL);
    assert_null(pools_at(ps, id));
    assert_int_equal(pool_id(make(&overload)), id); /* the number is free */
}

/* ---- overload ---- */

static void overload_keeps_the_address(void **state)
{
    (void)state;
    struct pool *p = make(&overload);
    unsigned homes[3] = {0};
    for (uint32_t host = 0; host < 300; host++) {
        struct pool_try at = {0}, again = {0};
        struct nat_want want = {0};
        struct pool_lease lease;
        uint32_t seen = 0, first = 0;
        for (int i = 0; i < 3; i++) {
            assert_int_equal(pool_offer(p, be32_of(INT + host), &at, &want, &lease), POOL_OFFER);
            assert_true(want.first == 5117 && want.last == 65533 && want.within);
            seen |= 1u << (be32_host(want.ip) - EXT);
            first = i == 0 ? be32_host(want.ip) : first;
        }
        assert_int_equal(seen, 7); /* each of the three once */
        assert_int_equal(pool_offer(p, be32_of(INT + host), &at, &want, &lease), POOL_NO_MORE);
        pool_offer(p, be32_of(INT + host), &again, &want, &lease);
        assert_int_equal(be32_host(want.ip), first);
        homes[first - EXT]++;
    }
    for (int i = 0; i < 3; i++)
        assert_in_range(homes[i], 95, 105);
}

/* ---- one-to-one, against a list ---- */

#define HOSTS 12

static void one_to_one_against_a_list(void **state)
{
    (void)state;
    struct pool *p = make(&one_to_one);
    struct rng rng = {8};
    unsigned held[HOSTS] = {0}, refused = 0;
    struct pool_lease lease_of[HOSTS];
    be32 ip_of[HOSTS] = {0};
    for (int round = 0; round < 20000; round++) {
        uint32_t h = rng_below(&rng, HOSTS), holders = 0;
        for (uint32_t i = 0; i < HOSTS; i++)
            holders += held[i] > 0;
        if (held[h] && rng_below(&rng, 2)) {
            held[h]--;
            pools_ended(ps, &lease_of[h], (uint64_t)round);
            continue;
        }
        struct pool_try at = {0};
        struct nat_want want = {0};
        struct pool_lease lease;
        enum pool_answer answer = pool_offer(p, be32_of(INT + h), &at, &want, &lease);
        if (held[h] == 0 && holders == 5) {
            assert_int_equal(answer, POOL_FULL);
            refused++;
            continue;
        }
        assert_int_equal(answer, POOL_OFFER);
        assert_int_equal(pool_offer(p, be32_of(INT + h), &at, &want, &lease_of[h]), POOL_NO_MORE);
        assert_true(pool_contains(p, want.ip));
        for (uint32_t i = 0; i < HOSTS; i++)
            if (held[i])
                assert_int_equal(ip_of[i] == want.ip, i == h);
        lease_of[h] = lease;
        ip_of[h] = want.ip;
        held[h]++;
        if (rng_below(&rng, 4) == 0) {
            assert_true(pools_hold(ps, &lease));
            pools_return(ps, &lease);
        }
        struct pool_stat stat;
        pool_stat(p, &stat);
        assert_int_equal(stat.clients, holders + (held[h] == 1));
        assert_int_equal(stat.places_in_use, stat.clients);
        assert_int_equal(stat.addresses_in_use, stat.clients);
    }
    assert_true(refused > 100);
}

/* What was given back cannot be held, whoever has the place now. */
static void a_lease_that_is_over(void **state)
{
    (void)state;
    const struct pool_params *kinds[] = {&one_to_one, &blocks};
    for (int i = 0; i < 2; i++) {
        struct pool *p = make(kinds[i]);
        struct nat_want want;
        struct pool_lease lease, others;
        pool_offer(p, be32_of(INT), &(struct pool_try){0}, &want, &lease);
        assert_true(pools_hold(ps, &lease));
        pools_return(ps, &lease);
        pools_return(ps, &lease);
        assert_false(pools_hold(ps, &lease));
        for (uint32_t h = 1; h < 5; h++)
            pool_offer(p, be32_of(INT + h), &(struct pool_try){0}, &want, &others);
        assert_false(pools_hold(ps, &lease));
    }
    const struct pool_lease none = {0}, gone = {.pool = 4711};
    assert_true(pools_hold(ps, &none));
    assert_false(pools_hold(ps, &gone));
}

/* ---- blocks ---- */

static unsigned told;
static char last_told[256];

static void count_event(void *ctx, const struct event *event)
{
    (void)ctx;
    told++;
    snprintf(last_told, sizeof last_told, "%s %s", event->name, event->detail);
}

static const struct event_sink sink = {.emit = count_event};

static void a_block_lives_until_it_is_idle(void **state)
{
    (void)state;
    struct pool *p = make(&blocks);
    struct nat_want want;
    struct pool_lease lease, second;
    told = 0;
    assert_int_equal(pool_offer(p, be32_of(INT), &(struct pool_try){0}, &want, &lease), POOL_OFFER);
    pools_seen(ps, &lease, 1000000, &sink);
    assert_int_equal(told, 1);
    assert_int_equal(pool_offer(p, be32_of(INT), &(struct pool_try){0}, &want, &second),
                     POOL_OFFER);
    assert_int_equal(second.place, lease.place);
    pools_seen(ps, &second, 1000000, &sink);
    assert_int_equal(told, 1); /* once a block */
    pools_ended(ps, &lease, 1010000);
    pools_ended(ps, &second, 1020500);
    for (uint64_t now = 1021000; now < 1050000; now += 500)
        pools_run(ps, now, &sink);
    struct pool_stat stat;
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use, 1);
    assert_int_equal(stat.places_expiring, 1);
    assert_int_equal(stat.clients, 1);
    assert_int_equal(told, 1);
    for (uint64_t now = 1050000; now <= 1052000; now += 500)
        pools_run(ps, now, &sink);
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use, 0);
    assert_int_equal(stat.clients, 0);
    assert_int_equal(told, 2);
    assert_non_null(
        strstr(last_told, "pool-block-released \"pool\":\"cgn\",\"inside\":\"10.0.1.1\""));
}

static void a_block_taken_up_again(void **state)
{
    (void)state;
    struct pool *p = make(&blocks);
    struct nat_want want;
    struct pool_lease lease;
    struct pool_stat stat;
    uint32_t place = UINT32_MAX;
    for (uint64_t now = 1000000; now < 2000000; now += 25000) {
        pool_offer(p, be32_of(INT), &(struct pool_try){0}, &want, &lease);
        assert_true(place == UINT32_MAX || place == lease.place);
        place = lease.place;
        pools_seen(ps, &lease, now, &sink);
        pools_ended(ps, &lease, now + 1000);
        for (uint64_t at = now; at < now + 25000; at += 1000)
            pools_run(ps, at, &sink);
    }
    pool_stat(p, &stat);
    assert_int_equal(stat.allocated, 1);
    assert_int_equal(stat.reused, 39);
}

/* What no session was made with goes back unseen. */
static void an_unused_block_goes_back_at_once(void **state)
{
    (void)state;
    struct pool *p = make(&blocks);
    struct nat_want want;
    struct pool_lease lease;
    struct pool_stat stat;
    pool_offer(p, be32_of(INT), &(struct pool_try){0}, &want, &lease);
    pools_return(ps, &lease);
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use + stat.clients, 0);
}

/* A flow that finds no port in one block is offered the next, as many as the host may have. */
static void blocks_on_demand(void **state)
{
    (void)state;
    struct pool *p = make(&blocks);
    struct pool_lease lease[16];
    struct pool_stat stat;
    be32 ip = 0;
    for (unsigned flows = 0; flows < 9; flows++) {
        struct pool_try at = {0};
        struct nat_want want;
        unsigned n = 0;
        uint64_t seen[74] = {0};
        while (pool_offer(p, be32_of(INT), &at, &want, &lease[n]) == POOL_OFFER) {
            assert_false(seen[lease[n].place / 64] >> lease[n].place % 64 & 1);
            seen[lease[n].place / 64] |= (uint64_t)1 << lease[n].place % 64;
            assert_int_equal(want.last - want.first, 127);
            assert_true(ip == 0 || ip == want.ip); /* all on one address while it has some */
            ip = want.ip;
            pools_seen(ps, &lease[n], 1000000, &sink);
            n++;
        }
        assert_int_equal(n, flows < 8 ? flows + 1 : 8);
        for (unsigned i = 0; i < n; i++)
            pools_return(ps, &lease[i]);
    }
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use, 8);
    assert_int_equal(stat.clients, 1);
    assert_int_equal(stat.addresses_in_use, 1);
}

static void all_blocks_are_used(void **state)
{
    (void)state;
    struct pool_params few = blocks;
    few.last = few.first;
    few.port_last = (uint16_t)(few.port_first + 4 * 128); /* four, and a port too many */
    struct pool *p = make(&few);
    struct nat_want want;
    struct pool_lease lease[5];
    for (uint32_t h = 0; h < 4; h++)
        assert_int_equal(pool_offer(p, be32_of(INT + h), &(struct pool_try){0}, &want, &lease[h]),
                         POOL_OFFER);
    assert_int_equal(pool_offer(p, be32_of(INT + 4), &(struct pool_try){0}, &want, &lease[4]),
                     POOL_FULL);
    struct pool_stat stat;
    pool_stat(p, &stat);
    assert_int_equal(stat.clients, 4); /* who got nothing is forgotten */
    pools_return(ps, &lease[2]);
    assert_int_equal(pool_offer(p, be32_of(INT + 4), &(struct pool_try){0}, &want, &lease[4]),
                     POOL_OFFER);
    assert_int_equal(lease[4].place, lease[2].place);
}

/* Random comings and goings: a block has one owner, an owner no more than he may, and in the end
 * everything is free again. */
static void blocks_against_a_list(void **state)
{
    (void)state;
    struct pool_params some = blocks;
    some.last = some.first + 1;
    some.port_last = (uint16_t)(some.port_first + 20 * 64 - 1);
    some.block_size = 64;
    some.blocks_per_user = 3;
    some.timeout_s = 5;
    struct pool *p = make(&some);
    struct rng rng = {77};
    struct {
        struct pool_lease lease;
        bool used;
    } flow[256] = {0};
    uint64_t now = 5000000;
    unsigned full = 0;
    for (int round = 0; round < 40000; round++) {
        unsigned i = rng_below(&rng, 256);
        uint32_t host = INT + rng_below(&rng, 25), owner[40] = {0};
        now += rng_below(&rng, 40);
        pools_run(ps, now, &sink);
        if (flow[i].used) {
            pools_ended(ps, &flow[i].lease, now);
            flow[i].used = false;
            continue;
        }
        struct pool_try at = {0};
        struct nat_want want;
        unsigned skip = rng_below(&rng, 3); /* blocks where it found no port */
        enum pool_answer answer = pool_offer(p, be32_of(host), &at, &want, &flow[i].lease);
        for (; answer == POOL_OFFER && skip; skip--) {
            pools_return(ps, &flow[i].lease);
            answer = pool_offer(p, be32_of(host), &at, &want, &flow[i].lease);
        }
        full += answer == POOL_FULL;
        flow[i].used = answer == POOL_OFFER;
        if (!flow[i].used)
            continue;
        pools_seen(ps, &flow[i].lease, now, &sink);
        for (unsigned k = 0; k < 256; k++)
            if (flow[k].used) {
                uint32_t source = be32_host(flow[k].lease.source);
                assert_true(owner[flow[k].lease.place] == 0 ||
                            owner[flow[k].lease.place] == source);
                owner[flow[k].lease.place] = source;
            }
        for (uint32_t h = 0; h < 25; h++) {
            unsigned n = 0;
            for (int b = 0; b < 40; b++)
                n += owner[b] == INT + h;
            assert_in_range(n, 0, 3);
        }
    }
    assert_true(full > 0);
    for (unsigned i = 0; i < 256; i++)
        if (flow[i].used)
            pools_ended(ps, &flow[i].lease, now);
    for (uint64_t end = now + 12000; now < end; now += 500)
        pools_run(ps, now, &sink);
    struct pool_stat stat;
    pool_stat(p, &stat);
    assert_int_equal(stat.places_in_use + stat.clients, 0);
}

/* Ports of a mapping stay in the host's block; where the wish and the block do not meet the block
 * wins: who has a port must be found by the block. */
static void wishes_are_narrowed(void **state)
{
    (void)state;
    static const struct {
        uint16_t first, last, to_first, to_last;
    } rows[] = {{5000, 60000, 7440, 9762},
                {8000, 9000, 8000, 9000},
                {8000, 60000, 8000, 9762},
                {20000, 30000, 7440, 9762}};
    struct pool *p = make(&fixed_range);
    const struct pool_lease lease = {.pool = pool_id(p), .source = be32_of(INT + 1)};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nat_want want = {.first = rows[i].first, .last = rows[i].last};
        pools_narrow(ps, &lease, &want);
        assert_int_equal(want.first, rows[i].to_first);
        assert_int_equal(want.last, rows[i].to_last);
    }
    struct nat_want want = {.first = 20000, .last = 30000};
    pools_narrow(ps, &(struct pool_lease){.pool = pool_id(make(&overload))}, &want);
    assert_int_equal(want.first, 20000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(plans),
        TEST(plans_that_do_not_fit),
        TEST(fixed_shares_are_disjoint),
        TEST(fixed_range_of_the_reference),
        TEST(the_same_pool_again),
        TEST(forgotten_when_nothing_is_left_of_it),
        TEST(overload_keeps_the_address),
        TEST(one_to_one_against_a_list),
        TEST(a_lease_that_is_over),
        TEST(a_block_lives_until_it_is_idle),
        TEST(a_block_taken_up_again),
        TEST(an_unused_block_goes_back_at_once),
        TEST(blocks_on_demand),
        TEST(all_blocks_are_used),
        TEST(blocks_against_a_list),
        TEST(wishes_are_narrowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
