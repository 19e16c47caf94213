/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is answered, who is found, who is believed. */
#include "arp_bench.h"
#include "config/rows.h"

/* ---- requests to us ---- */

static void test_request_for_our_address_is_answered(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, OWN}, 0);
    assert_int_equal(b->n_out, 1);
    expect_arp(b, 0, phone_mac, &(struct arp_text){2, own_mac[0], phone_mac, OWN, PHONE});
    assert_int_equal(state_of(b, PHONE), 0); /* asking is no way into the table */
    bench_free(b);
}

static void test_probe_without_an_address_is_answered(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    hear(b, &(struct arp_text){1, phone_mac, nobody, 0, OWN}, 0);
    assert_int_equal(b->n_out, 1);
    expect_arp(b, 0, phone_mac, &(struct arp_text){2, own_mac[0], phone_mac, OWN, 0});
    bench_free(b);
}

static void test_what_gets_no_answer(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, 0x0a000002}, 0); /* another host */
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, 0xcb007102}, 0); /* other interface */
    hear(b, &(struct arp_text){1, own_mac[0], nobody, OWN, OWN}, 0);         /* we ourselves */
    hear(b, &(struct arp_text){1, group, nobody, PHONE, OWN}, 0);
    hear(b, &(struct arp_text){1, nobody, nobody, PHONE, OWN}, 0);
    hear(b, &(struct arp_text){3, phone_mac, nobody, PHONE, OWN}, 0);
    b->snapshot->interfaces[1].up = false;
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, OWN}, 0);
    assert_int_equal(b->n_out, 0);
    bench_free(b);
}

static void test_malformed(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    const struct arp_text good = {1, phone_mac, nobody, PHONE, OWN};
    for (uint16_t n = 0; n < 42; n++) {
        struct rte_mbuf *m = arp_frame(&good);
        rte_pktmbuf_trim(m, (uint16_t)(42 - n));
        arp_input(&b->arp, b->snapshot, m, 0);
    }
    for (int at = 14; at < 20; at++) {
        struct rte_mbuf *m = arp_frame(&good);
        rte_pktmbuf_mtod(m, uint8_t *)[at] ^= 0x40;
        arp_input(&b->arp, b->snapshot, m, 0);
    }
    struct rte_mbuf *m = arp_frame(&good);
    note_of(m)->ifindex = 7;
    arp_input(&b->arp, b->snapshot, m, 0);
    assert_int_equal(b->n_out, 0);
    bench_free(b);
}

/* ---- next hops ---- */

static void test_resolution(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    send_to(b, PHONE, 10);
    assert_int_equal(b->n_out, 1);
    expect_request(b, 0, everybody);
    assert_int_equal(b->resolver.held, 2);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_INCOMPLETE);
    answer_from(b, phone_mac, 20);
    assert_int_equal(b->n_out, 3);
    expect_forwarded(b, 1, phone_mac);
    expect_forwarded(b, 2, phone_mac);
    assert_int_equal(b->resolver.held, 0);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
    /* A frame that was on its way when the answer came. */
    send_to(b, PHONE, 30);
    expect_forwarded(b, 3, phone_mac);
    bench_free(b);
}

static void test_fifth_frame_is_dropped(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    for (int i = 0; i < 6; i++)
        send_to(b, PHONE, 0);
    assert_int_equal(b->resolver.held, RESOLVER_HELD);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_QUEUE], 2);
    answer_from(b, phone_mac, 20);
    assert_int_equal(b->n_out, 1 + RESOLVER_HELD);
    bench_free(b);
}

static void test_nobody_answers(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    for (uint64_t now_ms = 0; now_ms < 3000; now_ms += 100)
        run(b, now_ms);
    assert_int_equal(b->n_out, 3);
    expect_request(b, 2, everybody);
    run(b, 3000);
    assert_int_equal(b->n_out, 3);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_FAILED], 1);
    assert_int_equal(b->resolver.held, 0);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_FAILED);

    send_to(b, PHONE, 4000); /* too soon */
    run(b, 5900);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_FAILED], 2);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_FAILED);
    run(b, 6000);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_UNUSED);
    assert_true(resolver_next_deadline_ms(&b->resolver) == UINT64_MAX);
    send_to(b, PHONE, 6000);
    assert_int_equal(b->n_out, 4);
    expect_request(b, 3, everybody);
    answer_from(b, phone_mac, 6010);
    expect_forwarded(b, 4, phone_mac);
    bench_free(b);
}

static void test_verified_before_it_gets_old(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    uint64_t word;
    send_to(b, PHONE, 0);
    answer_from(b, phone_mac, 0);
    out_clear(b);
    uint32_t index = neighbour_index(&b->neighbours, 1, ip_addr_of4(be32_of(PHONE)));
    uint32_t ref = neighbour_find(&b->neighbours, 1, ip_addr_of4(be32_of(PHONE)));
    for (uint64_t now_ms = 100; now_ms < 120000; now_ms += 100) {
        run(b, now_ms);
        assert_true(neighbour_usable(&b->neighbours, ref, &word));
        if (b->n_out == 0)
            continue;
        expect_request(b, 0, phone_mac);
        assert_int_equal(state_of(b, PHONE), NEIGHBOUR_PROBE);
        out_clear(b);
        answer_from(b, phone_mac, now_ms);
        assert_int_equal(b->n_out, 0);
    }
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
    assert_true(resolver_age_ms(&b->resolver, index, 120000) <= 25000);
    bench_free(b);
}

/* Silent when asked itself: everybody is asked, and frames wait meanwhile. */
static void test_searched_after_three_probes(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    answer_from(b, phone_mac, 0);
    out_clear(b);
    for (uint64_t now_ms = 0; now_ms < 28000; now_ms += 100)
        run(b, now_ms);
    assert_int_equal(b->n_out, 3);
    expect_request(b, 2, phone_mac);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_PROBE);
    run(b, 28000);
    assert_int_equal(b->n_out, 4);
    expect_request(b, 3, everybody);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_INCOMPLETE);
    send_to(b, PHONE, 28100);
    answer_from(b, other_mac, 28200);
    expect_forwarded(b, 4, other_mac);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
    for (uint64_t now_ms = 28300; now_ms <= 59300; now_ms += 100)
        run(b, now_ms);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_FAILED);
    bench_free(b);
}

/* ---- who is believed ---- */

static void test_unasked_answers_make_no_entry(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    answer_from(b, phone_mac, 0);
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, PHONE}, 0); /* gratuitous */
    assert_int_equal(state_of(b, PHONE), 0);
    assert_int_equal(b->neighbours.count, 0);
    bench_free(b);
}

static void other_is_named(struct bench *b, uint64_t now_ms)
{
    hear(b, &(struct arp_text){1, other_mac, nobody, PHONE, PHONE}, now_ms);
}

static void expect_in_use(struct bench *b, const uint8_t *mac)
{
    uint64_t word;
    uint32_t ref = neighbour_find(&b->neighbours, 1, ip_addr_of4(be32_of(PHONE)));
    assert_true(neighbour_usable(&b->neighbours, ref, &word));
    assert_memory_equal(&word, mac, 6);
}

static void test_forged_mac_changes_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_with_phone();
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, PHONE}, 1000);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE); /* nothing new */
    assert_int_equal(b->n_out, 0);
    for (uint64_t now_ms = 2000; now_ms < 20000; now_ms += 1000) {
        out_clear(b);
        other_is_named(b, now_ms);
        answer_from(b, other_mac, now_ms + 1); /* faster than the phone */
        expect_in_use(b, phone_mac);
        assert_int_equal(b->n_out, 1); /* asked once, whoever names what */
        expect_request(b, 0, phone_mac);
        answer_from(b, phone_mac, now_ms + 10);
        run(b, now_ms + 900);
        assert_int_equal(b->n_out, 1);
        assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
        expect_in_use(b, phone_mac);
    }
    bench_free(b);
}

static void test_fail_over_is_followed_when_the_old_one_is_silent(void **state)
{
    (void)state;
    struct bench *b = bench_with_phone();
    other_is_named(b, 2000);
    expect_request(b, 0, phone_mac);
    run(b, 2200);
    assert_int_equal(b->n_out, 1);
    run(b, 2300);
    expect_request(b, 1, everybody);
    expect_in_use(b, phone_mac);
    other_is_named(b, 2310); /* no answer */
    expect_in_use(b, phone_mac);
    answer_from(b, other_mac, 2320);
    expect_in_use(b, other_mac);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
    bench_free(b);
}

static void test_silent_after_doubt(void **state)
{
    (void)state;
    struct bench *b = bench_with_phone();
    other_is_named(b, 2000);
    for (uint64_t now_ms = 2000; now_ms < 5300; now_ms += 100) {
        run(b, now_ms);
        expect_in_use(b, phone_mac);
    }
    assert_int_equal(b->n_out, 4);
    run(b, 5300);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_INCOMPLETE);
    bench_free(b);
}

static void test_request_to_us_helps_a_search(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, OWN}, 10);
    assert_int_equal(b->n_out, 3);
    expect_forwarded(b, 1, phone_mac);
    expect_arp(b, 2, phone_mac, &(struct arp_text){2, own_mac[0], phone_mac, OWN, PHONE});
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_STALE);
    run(b, 100); /* what it said of itself is asked of everybody */
    expect_request(b, 3, everybody);
    answer_from(b, other_mac, 110);
    expect_in_use(b, other_mac);
    bench_free(b);
}

static void test_virtual_neighbours(void **state)
{
    (void)state;
    struct bench *b = bench_make(true);
    const uint8_t mac[6] = {2, 0, 10, 0, 0, 20};
    send_to(b, PHONE, 0);
    assert_int_equal(b->n_out, 1);
    expect_forwarded(b, 0, mac);
    answer_from(b, phone_mac, 10);
    send_to(b, PHONE, 60000);
    run(b, 60000);
    assert_int_equal(b->n_out, 2);
    expect_forwarded(b, 1, mac);
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, OWN}, 60000);
    expect_arp(b, 2, phone_mac, &(struct arp_text){2, own_mac[0], phone_mac, OWN, PHONE});
    bench_free(b);
}

static void test_fixed_neighbours(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    static const uint8_t said[6] = {2, 0, 0, 0, 0, 77};
    struct row_neighbour row = {.ip = ip_addr_of4(be32_of(PHONE)), .device = 0};
    memcpy(row.mac, said, sizeof row.mac);
    send_to(b, PHONE, 0); /* a search is under way: what waits goes to the MAC that is told */
    assert_int_equal(b->n_out, 1);
    assert_int_equal(resolver_fix(&b->resolver, b->snapshot, &row, 1, 10), 0);
    assert_int_equal(b->n_out, 2);
    expect_forwarded(b, 1, said);
    /* Nobody is asked and nobody believed, however long it lasts. */
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, OWN}, 20);
    unsigned answered = b->n_out;
    for (uint64_t now_ms = 100; now_ms < 100000; now_ms += 1000)
        run(b, now_ms);
    answer_from(b, phone_mac, 100000);
    assert_int_equal(b->n_out, answered);
    send_to(b, PHONE, 100010);
    expect_forwarded(b, answered, said);
    /* No longer among them: searched for like any other. */
    assert_int_equal(resolver_fix(&b->resolver, b->snapshot, NULL, 0, 100020), 0);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_UNUSED);
    send_to(b, PHONE, 100030);
    expect_request(b, answered + 1, everybody);
    bench_free(b);
}

static void test_held_frames_are_freed_at_the_end(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    send_to(b, PHONE + 1, 0);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_for_our_address_is_answered),
        cmocka_unit_test(test_probe_without_an_address_is_answered),
        cmocka_unit_test(test_what_gets_no_answer),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_resolution),
        cmocka_unit_test(test_fifth_frame_is_dropped),
        cmocka_unit_test(test_nobody_answers),
        cmocka_unit_test(test_verified_before_it_gets_old),
        cmocka_unit_test(test_searched_after_three_probes),
        cmocka_unit_test(test_unasked_answers_make_no_entry),
        cmocka_unit_test(test_forged_mac_changes_nothing),
        cmocka_unit_test(test_fail_over_is_followed_when_the_old_one_is_silent),
        cmocka_unit_test(test_silent_after_doubt),
        cmocka_unit_test(test_request_to_us_helps_a_search),
        cmocka_unit_test(test_virtual_neighbours),
        cmocka_unit_test(test_fixed_neighbours),
        cmocka_unit_test(test_held_frames_are_freed_at_the_end),
    };
    bench_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
