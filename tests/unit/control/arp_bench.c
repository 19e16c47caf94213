/* SPDX-License-Identifier: BSD-3-Clause */
#include "arp_bench.h"

#include "eal.h"

#include <rte_arp.h>
#include <rte_ether.h>
#include <stdlib.h>

const uint8_t own_mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
const uint8_t phone_mac[6] = {2, 0, 0, 0, 0, 0x20};
const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 0x21};
const uint8_t everybody[6] = {255, 255, 255, 255, 255, 255};
const uint8_t nobody[6];

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

static void take_ask(void *ctx, const struct snapshot *s, const struct resolver_ask *ask)
{
    struct bench *b = ctx;
    if (ip_addr_is4(&ask->target))
        arp_ask(&b->arp, s, ask);
}

struct bench *bench_make(bool virtual_neighbours)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_int_equal(neighbours_init(&b->neighbours, ARP_ENTRIES), 0);
    b->snapshot = calloc(1, sizeof *b->snapshot);
    b->snapshot->n_interfaces = 2;
    for (int i = 0; i < 2; i++) {
        struct interface *f = &b->snapshot->interfaces[i + 1];
        f->ip = be32_of(i ? 0xcb007102u : OWN);
        memcpy(f->mac, own_mac[i], 6);
        f->up = true;
    }
    struct resolver_setup setup = {.neighbours = &b->neighbours,
                                   .held_max = HELD_MAX,
                                   .virtual_neighbours = virtual_neighbours,
                                   .ask = take_ask,
                                   .send = take_out,
                                   .drop = take_drop,
                                   .ctx = b};
    struct frame_out out = {.pool = pool, .send = take_out, .ctx = b};
    assert_int_equal(resolver_init(&b->resolver, &setup, 0), 0);
    arp_init(&b->arp, &(struct arp_setup){out, &b->resolver, virtual_neighbours});
    for (int i = 1; i <= 2; i++) /* announced before */
        b->arp.own[i].ip = b->snapshot->interfaces[i].ip;
    return b;
}

void out_clear(struct bench *b)
{
    rte_pktmbuf_free_bulk(b->out, b->n_out);
    b->n_out = 0;
}

void bench_free(struct bench *b)
{
    out_clear(b);
    resolver_free(&b->resolver);
    neighbours_free(&b->neighbours);
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    free(b->snapshot);
    free(b);
}

/* ---- frames ---- */

static struct rte_mbuf *frame_make(uint16_t n)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    assert_non_null(m);
    memset(rte_pktmbuf_append(m, n), 0, n);
    return m;
}

struct rte_mbuf *arp_frame(const struct arp_text *t)
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

void hear(struct bench *b, const struct arp_text *t, uint64_t now_ms)
{
    arp_input(&b->arp, b->snapshot, arp_frame(t), now_ms);
}

void answer_from(struct bench *b, const uint8_t *mac, uint64_t now_ms)
{
    hear(b, &(struct arp_text){2, mac, own_mac[0], PHONE, OWN}, now_ms);
}

void send_to(struct bench *b, uint32_t ip, uint64_t now_ms)
{
    struct rte_mbuf *m = frame_make(100);
    *note_of(m) =
        (struct note){.kind = NOTE_RESOLVE, .ifindex = 1, .next_hop = ip_addr_of4(be32_of(ip))};
    resolver_take(&b->resolver, b->snapshot, m, now_ms);
}

void run(struct bench *b, uint64_t now_ms)
{
    resolver_run(&b->resolver, b->snapshot, now_ms);
    arp_run(&b->arp, b->snapshot, now_ms);
}

void expect_arp(const struct bench *b, unsigned i, const uint8_t *to, const struct arp_text *t)
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

void expect_request(const struct bench *b, unsigned i, const uint8_t *to)
{
    expect_arp(b, i, to, &(struct arp_text){1, own_mac[0], nobody, OWN, PHONE});
}

void expect_forwarded(const struct bench *b, unsigned i, const uint8_t *to)
{
    assert_true(i < b->n_out);
    struct rte_mbuf *m = b->out[i];
    const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    assert_int_equal(note_of(m)->kind, NOTE_FORWARD);
    assert_int_equal(note_of(m)->ifindex, 1);
    assert_memory_equal(eth->dst_addr.addr_bytes, to, 6);
    assert_memory_equal(eth->src_addr.addr_bytes, own_mac[0], 6);
}

enum neighbour_state state_of(const struct bench *b, uint32_t ip)
{
    uint32_t i = neighbour_index(&b->neighbours, 1, ip_addr_of4(be32_of(ip)));
    return i == NEIGHBOUR_NONE ? NEIGHBOUR_UNUSED
                               : neighbour_state(neighbour_word(&b->neighbours, i));
}

struct bench *bench_with_phone(void)
{
    struct bench *b = bench_make(false);
    send_to(b, PHONE, 0);
    answer_from(b, phone_mac, 0);
    out_clear(b);
    return b;
}

void bench_start(void)
{
    eal_start();
    pool = rte_pktmbuf_pool_create("arp", 255, 0, sizeof(struct note), 2048 + 128, SOCKET_ID_ANY);
    assert_non_null(pool);
}
