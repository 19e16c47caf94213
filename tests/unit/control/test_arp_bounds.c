/* SPDX-License-Identifier: BSD-3-Clause */
/* What strangers can fill up, and how our own addresses become known. */
#include "arp_bench.h"

#include "config/rows.h"
#include "fastpath/route.h"

static void test_held_in_all(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    for (uint32_t i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++)
            send_to(b, PHONE + i, 0);
    assert_int_equal(b->resolver.held, HELD_MAX);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_QUEUE], 3);
    uint32_t last = neighbour_index(&b->neighbours, 1, ip_addr_of4(be32_of(PHONE + 3)));
    assert_true(neighbour_full(neighbour_word(&b->neighbours, last)));
    assert_int_equal(b->n_out, 4); /* all are searched for */
    bench_free(b);
}

/* A scan of a connected network, and what becomes of others meanwhile. */
static void test_scan(void **state)
{
    (void)state;
    struct bench *b = bench_with_phone();
    for (uint64_t now_ms = 0, ip = 0; now_ms < 60000; now_ms += 100, ip++) {
        send_to(b, 0x0a010000u + (uint32_t)ip, now_ms);
        assert_true(b->resolver.searching <= 8);
        if (now_ms % 25000 == 0)
            answer_from(b, phone_mac, now_ms);
        out_clear(b);
        run(b, now_ms);
    }
    assert_true(b->n_dropped[DROP_NEIGHBOUR_TABLE] > 0);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_QUEUE], 0);
    for (uint64_t now_ms = 60000; now_ms < 70000; now_ms += 100)
        run(b, now_ms);
    /* It is over. */
    out_clear(b);
    send_to(b, PHONE + 1, 70000);
    assert_int_equal(b->resolver.searching, 1);
    bench_free(b);
}

static void test_found_ones_give_way(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    for (uint32_t i = 0; i < 100; i++) {
        send_to(b, PHONE + i, 0);
        hear(b, &(struct arp_text){2, phone_mac, own_mac[0], PHONE + i, OWN}, 0);
        assert_int_equal(state_of(b, PHONE + i), NEIGHBOUR_REACHABLE);
        out_clear(b);
    }
    assert_int_equal(b->neighbours.count, ARP_ENTRIES);
    bench_free(b);
}

static void test_gateway_always_has_an_entry(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    const struct route via = {
        .dst = ip_addr_of4(0), .gateway = ip_addr_of4(be32_of(PHONE)), .ifindex = 1};
    struct routes *routes = routes_build(&via, 1, NULL);
    b->snapshot->routes = routes;
    for (uint32_t i = 1; i <= 16; i++)
        send_to(b, PHONE + i, 0);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_TABLE], 8);
    send_to(b, PHONE, 0);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_INCOMPLETE);
    answer_from(b, phone_mac, 10);
    for (uint32_t i = 1; i <= 100; i++) {
        run(b, 100);
        hear(b, &(struct arp_text){2, other_mac, own_mac[0], PHONE + i, OWN}, 0);
        send_to(b, PHONE + i, 0);
        out_clear(b);
    }
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
    routes_free(routes);
    bench_free(b);
}

/* A frame in a buffer of which there are few. */
static struct rte_mempool *few;

static void send_few(struct bench *b, uint16_t ifindex, struct ip_addr next_hop)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(few);
    assert_non_null(m);
    rte_pktmbuf_append(m, 100);
    *note_of(m) = (struct note){.kind = NOTE_RESOLVE, .ifindex = ifindex, .next_hop = next_hop};
    resolver_take(&b->resolver, b->snapshot, m, 0);
}

/* What waits leaves half of the large buffers to what is under way. */
static void test_few_buffers(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    b->resolver.setup.few = few;
    b->resolver.setup.held_max = 64;
    for (uint32_t i = 0; i < 16; i++)
        send_few(b, 1, ip_addr_of4(be32_of(PHONE + i / 4)));
    assert_int_equal(rte_mempool_in_use_count(few), 8);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_QUEUE], 8);
    for (uint32_t i = 0; i < 4; i++)
        send_to(b, PHONE + 3, 0); /* others wait as before */
    assert_int_equal(b->resolver.held, 8 + 4);
    bench_free(b);
    assert_int_equal(rte_mempool_in_use_count(few), 0);
}

/* Who scans one network shuts nobody out of others, nor out of the other family, nor out what the
 * operator says. */
static void test_scan_of_one_network(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    const struct ip_addr host6 = {.byte = {0x20, 1, 0xd, 0xb8, [15] = 5}};
    const struct ip_addr other = ip_addr_of4(be32_of(0xcb007105));
    struct row_neighbour fixed = {.device = 0, .ip = ip_addr_of4(be32_of(PHONE - 1))};
    memcpy(fixed.mac, phone_mac, 6);
    for (uint32_t i = 0; i < ARP_ENTRIES; i++)
        send_to(b, PHONE + i, 0);
    assert_int_equal(b->resolver.searching, ARP_ENTRIES / 8);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_TABLE], ARP_ENTRIES - ARP_ENTRIES / 8);
    send_few(b, 1, host6);
    send_few(b, 2, other);
    assert_true(neighbour_index(&b->neighbours, 1, host6) != NEIGHBOUR_NONE);
    assert_true(neighbour_index(&b->neighbours, 2, other) != NEIGHBOUR_NONE);
    assert_int_equal(b->resolver.searching, ARP_ENTRIES / 8 + 2);
    assert_int_equal(resolver_fix(&b->resolver, b->snapshot, &fixed, 1, 0), 0);
    assert_int_equal(state_of(b, PHONE - 1), NEIGHBOUR_REACHABLE);
    /* It is over, and everything counted down again. */
    for (uint64_t now_ms = 0; now_ms < 10000; now_ms += 100) {
        out_clear(b);
        run(b, now_ms);
    }
    assert_int_equal(b->resolver.searching, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(b->resolver.searching_on[1 + i / 2][i % 2], 0);
    assert_int_equal(b->neighbours.count, 1);
    bench_free(b);
}

/* ---- our own addresses ---- */

static void expect_announcement(const struct bench *b, unsigned i)
{
    expect_arp(b, i, everybody, &(struct arp_text){1, own_mac[0], nobody, OWN, OWN});
}

static void test_announced_twice_when_new(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    struct interface *lan = &b->snapshot->interfaces[1];
    run(b, 0);
    assert_int_equal(b->n_out, 0);
    lan->up = false;
    run(b, 100);
    lan->up = true;
    for (uint64_t now_ms = 200; now_ms < 10000; now_ms += 100)
        run(b, now_ms);
    assert_int_equal(b->n_out, 2);
    expect_announcement(b, 0);
    expect_announcement(b, 1);
    out_clear(b);
    lan->ip = be32_of(OWN + 5);
    run(b, 10000);
    assert_int_equal(b->n_out, 1);
    expect_arp(b, 0, everybody, &(struct arp_text){1, own_mac[0], nobody, OWN + 5, OWN + 5});
    bench_free(b);
}

static void test_conflict_is_counted_and_answered(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    hear(b, &(struct arp_text){1, own_mac[0], nobody, OWN, OWN}, 0); /* our own, looped */
    assert_int_equal(b->arp.own[1].conflicts, 0);
    for (uint64_t now_ms = 0; now_ms < 20000; now_ms += 1000)
        hear(b, &(struct arp_text){1, phone_mac, nobody, OWN, OWN}, now_ms);
    assert_int_equal(b->arp.own[1].conflicts, 20);
    assert_int_equal(b->n_out, 2); /* at 0 s and 10 s */
    expect_announcement(b, 1);
    bench_free(b);
}

/* VIPs and pools. */
static const struct own_range besides[] = {
    {0x0a000032, 0x0a000032, 1}, {0x0a000040, 0x0a00005f, 1}, {0xcb007110, 0xcb00711f, 2}};

static bool is_answered(struct bench *b, uint32_t ip)
{
    out_clear(b);
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, ip}, 0);
    if (b->n_out == 1)
        expect_arp(b, 0, phone_mac, &(struct arp_text){2, own_mac[0], phone_mac, ip, PHONE});
    return b->n_out == 1;
}

static void test_answers_for_ranges(void **state)
{
    (void)state;
    static const struct {
        uint32_t ip;
        bool ours;
    } row[] = {{OWN, true},         {0x0a000031, false}, {0x0a000032, true},  {0x0a000033, false},
               {0x0a00003f, false}, {0x0a000040, true},  {0x0a00005f, true},  {0x0a000060, false},
               {0xcb007110, false}, {0x00000000, false}, {0xffffffff, false}, {0x0a00004a, true}};
    struct bench *b = bench_make(false);
    b->snapshot->own_ranges = besides;
    b->snapshot->n_own_ranges = 3;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        assert_int_equal(is_answered(b, row[i].ip), row[i].ours);
    out_clear(b);
    hear(b, &(struct arp_text){1, phone_mac, nobody, 0x0a000041, OWN}, 0);
    assert_int_equal(b->arp.own[1].conflicts, 1);
    assert_int_equal(b->n_out, 1); /* defended, not answered */
    expect_arp(b, 0, everybody, &(struct arp_text){1, own_mac[0], nobody, 0x0a000041, 0x0a000041});
    bench_free(b);
}

static unsigned announced_until(struct bench *b, uint64_t *now_ms, uint64_t end_ms)
{
    unsigned n = 0;
    for (; *now_ms < end_ms; *now_ms += 50) {
        run(b, *now_ms);
        assert_true(b->n_out <= 8);
        n += b->n_out;
        out_clear(b);
    }
    return n;
}

static void test_ranges_are_announced(void **state)
{
    (void)state;
    struct own_range one[] = {besides[0]}, many[] = {{0x0a100000, 0x0a10ffff, 1}};
    struct bench *b = bench_make(false);
    uint64_t now_ms = 0;
    b->snapshot->own_ranges = besides;
    b->snapshot->n_own_ranges = 3;
    assert_int_equal(announced_until(b, &now_ms, 10000), 2 * (1 + 32 + 16));
    assert_int_equal(announced_until(b, &now_ms, 20000), 0);
    b->snapshot->own_ranges = one;
    b->snapshot->n_own_ranges = 1;
    assert_int_equal(announced_until(b, &now_ms, 30000), 2);
    b->snapshot->interfaces[2].up = false; /* who comes or goes: all are told again */
    assert_int_equal(announced_until(b, &now_ms, 40000), 2);
    b->snapshot->own_ranges = many;
    assert_int_equal(announced_until(b, &now_ms, 100000), 2 * 1024);
    b->snapshot->n_own_ranges = 0;
    assert_int_equal(announced_until(b, &now_ms, 110000), 0);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_in_all),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_found_ones_give_way),
        cmocka_unit_test(test_gateway_always_has_an_entry),
        cmocka_unit_test(test_few_buffers),
        cmocka_unit_test(test_scan_of_one_network),
        cmocka_unit_test(test_announced_twice_when_new),
        cmocka_unit_test(test_conflict_is_counted_and_answered),
        cmocka_unit_test(test_answers_for_ranges),
        cmocka_unit_test(test_ranges_are_announced),
    };
    bench_start();
    few = rte_pktmbuf_pool_create("few", 16, 0, sizeof(struct note), 2048, SOCKET_ID_ANY);
    assert_non_null(few);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
