/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in, frames out: ARP of a firewall at 10.0.0.1 (port 1) and 203.0.113.2 (port 2). */
#include "control/arp.h"

#include "eal.h"

#include <rte_arp.h>
#include <rte_ether.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define OUT_MAX 64

static const uint8_t own_mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
static const uint8_t phone_mac[6] = {2, 0, 0, 0, 0, 0x20};
static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 0x21};
static const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t nobody[6];

#define OWN   0x0a000001u
#define PHONE 0x0a000014u

struct bench {
    struct neighbours neighbours;
    struct snapshot *snapshot;
    struct arp arp;
    unsigned n_out, n_dropped[DROP_COUNT];
    struct rte_mbuf *out[OUT_MAX];
};

static struct rte_mempool *pool;

static void take_out(void *ctx, struct rte_mbuf *m)
{
    struct bench *b = ctx;
    assert_true(b->n_out < OUT_MAX);
    b->out[b->n_out++] = m;
}

static void take_drop(void *ctx, struct rte_mbuf *m, enum drop_reason reason)
{
    struct bench *b = ctx;
    b->n_dropped[reason]++;
    rte_pktmbuf_free(m);
}

static struct bench *bench_make(bool virtual_neighbours)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_int_equal(neighbours_init(&b->neighbours, 16), 0);
    b->snapshot = calloc(1, sizeof *b->snapshot);
    b->snapshot->n_interfaces = 2;
    for (int i = 0; i < 2; i++) {
        struct interface *f = &b->snapshot->interfaces[i + 1];
        f->ip = be32_of(i ? 0xcb007102u : OWN);
        memcpy(f->mac, own_mac[i], 6);
        f->up = true;
    }
    struct arp_setup setup = {&b->neighbours, pool, virtual_neighbours, take_out, take_drop, b};
    assert_int_equal(arp_init(&b->arp, &setup, 0), 0);
    return b;
}

static void out_clear(struct bench *b)
{
    rte_pktmbuf_free_bulk(b->out, b->n_out);
    b->n_out = 0;
}

static void bench_free(struct bench *b)
{
    out_clear(b);
    arp_free(&b->arp);
    neighbours_free(&b->neighbours);
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    free(b->snapshot);
    free(b);
}

/* ---- frames ---- */

struct arp_text {
    uint16_t opcode;
    const uint8_t *sender, *target;
    uint32_t sender_ip, target_ip;
};

static struct rte_mbuf *frame_make(uint16_t n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    assert_non_null(m);
    memset(rte_pktmbuf_append(m, n), 0, n);
    return m;
}

static struct rte_mbuf *arp_frame(const struct arp_text *t)
{
    struct rte_mbuf *m = frame_make(42);
    struct rte_arp_hdr *a = rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, 14);
    a->arp_hardware = be16_of(1);
    a->arp_protocol = be16_of(0x0800);
    a->arp_hlen = 6;
    a->arp_plen = 4;
    a->arp_opcode = be16_of(t->opcode);
    memcpy(a->arp_data.arp_sha.addr_bytes, t->sender, 6);
    memcpy(a->arp_data.arp_tha.addr_bytes, t->target, 6);
    a->arp_data.arp_sip = be32_of(t->sender_ip);
    a->arp_data.arp_tip = be32_of(t->target_ip);
    *note_of(m) = (struct note){.kind = NOTE_ARP, .ifindex = 1};
    return m;
}

static void hear(struct bench *b, const struct arp_text *t, uint64_t now_ms)
{
    arp_input(&b->arp, b->snapshot, arp_frame(t), now_ms);
}

static void answer_from(struct bench *b, const uint8_t *mac, uint64_t now_ms)
{
    hear(b, &(struct arp_text){2, mac, own_mac[0], PHONE, OWN}, now_ms);
}

static void send_to(struct bench *b, uint32_t ip, uint64_t now_ms)
{
    struct rte_mbuf *m = frame_make(100);
    *note_of(m) = (struct note){.kind = NOTE_RESOLVE, .ifindex = 1, .next_hop = be32_of(ip)};
    arp_resolve(&b->arp, b->snapshot, m, now_ms);
}

static void run(struct bench *b, uint64_t now_ms)
{
    arp_run(&b->arp, b->snapshot, now_ms);
}

static void expect_arp(const struct bench *b, unsigned i, const uint8_t *to,
                       const struct arp_text *t)
{
    assert_true(i < b->n_out);
    struct rte_mbuf *m = b->out[i];
    const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    const struct rte_arp_hdr *a = (const void *)(eth + 1);
    assert_int_equal(note_of(m)->kind, NOTE_SEND);
    assert_int_equal(note_of(m)->ifindex, 1);
    assert_int_equal(rte_pktmbuf_data_len(m), 60);
    assert_memory_equal(eth->dst_addr.addr_bytes, to, 6);
    assert_memory_equal(eth->src_addr.addr_bytes, own_mac[0], 6);
    assert_int_equal(eth->ether_type, be16_of(0x0806));
    assert_int_equal(a->arp_opcode, be16_of(t->opcode));
    assert_memory_equal(a->arp_data.arp_sha.addr_bytes, t->sender, 6);
    assert_memory_equal(a->arp_data.arp_tha.addr_bytes, t->target, 6);
    assert_int_equal(a->arp_data.arp_sip, be32_of(t->sender_ip));
    assert_int_equal(a->arp_data.arp_tip, be32_of(t->target_ip));
}

static void expect_request(const struct bench *b, unsigned i, const uint8_t *to)
{
    expect_arp(b, i, to, &(struct arp_text){1, own_mac[0], nobody, OWN, PHONE});
}

static void expect_forwarded(const struct bench *b, unsigned i, const uint8_t *to)
{
    assert_true(i < b->n_out);
    struct rte_mbuf *m = b->out[i];
    const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    assert_int_equal(note_of(m)->kind, NOTE_FORWARD);
    assert_int_equal(note_of(m)->ifindex, 1);
    assert_memory_equal(eth->dst_addr.addr_bytes, to, 6);
    assert_memory_equal(eth->src_addr.addr_bytes, own_mac[0], 6);
}

static enum neighbour_state state_of(const struct bench *b, uint32_t ip)
{
    uint32_t i = neighbour_find(&b->neighbours, 1, be32_of(ip));
    return i == NEIGHBOUR_NONE ? 0 : neighbour_state(neighbour_word(&b->neighbours, i));
}

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
    hear(b, &(struct arp_text){1, phone_mac, nobody, OWN, OWN}, 0);          /* our own address */
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
    assert_int_equal(b->arp.held, 2);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_INCOMPLETE);
    answer_from(b, phone_mac, 20);
    assert_int_equal(b->n_out, 3);
    expect_forwarded(b, 1, phone_mac);
    expect_forwarded(b, 2, phone_mac);
    assert_int_equal(b->arp.held, 0);
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
    assert_int_equal(b->arp.held, ARP_HELD);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_QUEUE], 2);
    answer_from(b, phone_mac, 20);
    assert_int_equal(b->n_out, 1 + ARP_HELD);
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
    assert_int_equal(b->arp.held, 0);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_FAILED);
    assert_true(arp_next_deadline_ms(&b->arp) == UINT64_MAX);

    send_to(b, PHONE, 4000); /* too soon */
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_FAILED], 2);
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
    uint32_t index = neighbour_find(&b->neighbours, 1, be32_of(PHONE));
    for (uint64_t now_ms = 100; now_ms < 120000; now_ms += 100) {
        run(b, now_ms);
        assert_true(neighbour_usable(&b->neighbours, index, &word));
        if (b->n_out == 0)
            continue;
        expect_request(b, 0, phone_mac);
        assert_int_equal(state_of(b, PHONE), NEIGHBOUR_PROBE);
        out_clear(b);
        answer_from(b, phone_mac, now_ms);
        assert_int_equal(b->n_out, 0);
    }
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
    assert_true(arp_age_ms(&b->arp, index, 120000) <= 25000);
    bench_free(b);
}

static void test_gone_after_three_probes(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    answer_from(b, phone_mac, 0);
    out_clear(b);
    for (uint64_t now_ms = 0; now_ms <= 28000; now_ms += 100)
        run(b, now_ms);
    assert_int_equal(b->n_out, 3);
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

static void test_gratuitous_is_followed_and_verified(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    answer_from(b, phone_mac, 0);
    out_clear(b);
    hear(b, &(struct arp_text){1, phone_mac, nobody, PHONE, PHONE}, 1000);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE); /* nothing new */
    hear(b, &(struct arp_text){1, other_mac, nobody, PHONE, PHONE}, 2000);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_STALE);
    send_to(b, PHONE, 2000);
    expect_forwarded(b, 0, other_mac);
    run(b, 2000);
    expect_request(b, 1, other_mac);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_PROBE);
    answer_from(b, other_mac, 2010);
    assert_int_equal(state_of(b, PHONE), NEIGHBOUR_REACHABLE);
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
    bench_free(b);
}

static void test_table_full(void **state)
{
    (void)state;
    struct bench *b = bench_make(false);
    for (uint32_t i = 0; i < 16; i++)
        send_to(b, PHONE + i, 0);
    assert_int_equal(b->n_out, 12);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_QUEUE], 4);
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
        cmocka_unit_test(test_gone_after_three_probes),
        cmocka_unit_test(test_unasked_answers_make_no_entry),
        cmocka_unit_test(test_gratuitous_is_followed_and_verified),
        cmocka_unit_test(test_request_to_us_helps_a_search),
        cmocka_unit_test(test_table_full),
        cmocka_unit_test(test_virtual_neighbours),
        cmocka_unit_test(test_held_frames_are_freed_at_the_end),
    };
    eal_start();
    pool = rte_pktmbuf_pool_create("arp", 255, 0, sizeof(struct note), 2048 + 128, SOCKET_ID_ANY);
    assert_non_null(pool);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
