/* SPDX-License-Identifier: BSD-3-Clause */
#include "nd_bench.h"

#include "eal.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <stdlib.h>

const uint8_t nd_own_mac[6] = {2, 0, 0, 0, 0, 1};
const uint8_t nd_phone_mac[6] = {2, 0, 0, 0, 0, 0x20};
const uint8_t nd_other_mac[6] = {2, 0, 0, 0, 0, 0x21};

static struct rte_mempool *pool;

static void take_out(void *ctx, struct rte_mbuf *m)
{
    struct nd_bench *b = ctx;
    assert_true(b->n_out < ND_OUT_MAX);
    b->out[b->n_out++] = m;
}

static void take_drop(void *ctx, struct rte_mbuf *m, enum drop_reason reason)
{
    struct nd_bench *b = ctx;
    b->n_dropped[reason]++;
    rte_pktmbuf_free(m);
}

static void take_ask(void *ctx, const struct snapshot *s, const struct resolver_ask *ask)
{
    struct nd_bench *b = ctx;
    nd_ask(&b->nd, s, ask);
}

struct ip_addr nd_ip(const char *text)
{
    struct ip_addr ip;
    assert_int_equal(ipv6_parse(slice_str(text), &ip), 0);
    return ip;
}

struct nd_bench *nd_bench_make(bool quiet, bool ready)
{
    struct nd_bench *b = calloc(1, sizeof *b);
    struct frame_out out = {.pool = pool, .send = take_out, .ctx = b};
    struct resolver_setup setup = {.neighbours = &b->neighbours,
                                   .held_max = ND_HELD,
                                   .virtual_neighbours = quiet,
                                   .ask = take_ask,
                                   .send = take_out,
                                   .drop = take_drop,
                                   .ctx = b};
    assert_int_equal(neighbours_init(&b->neighbours, ND_ENTRIES), 0);
    b->snapshot = calloc(1, sizeof *b->snapshot);
    b->snapshot->n_interfaces = 1;
    b->snapshot->interfaces[1].up = true;
    memcpy(b->snapshot->interfaces[1].mac, nd_own_mac, 6);
    b->snapshot->interfaces6[1] = (struct interface6){.ip = nd_ip("2001:db8::1"),
                                                      .anycast = nd_ip("2001:db8::"),
                                                      .link_local = nd_ip("fe80::1"),
                                                      .len = 64};
    assert_int_equal(resolver_init(&b->resolver, &setup, 0), 0);
    nd_init(&b->nd, &(struct nd_setup){out, &b->resolver, quiet});
    if (ready) {
        nd_run(&b->nd, b->snapshot, 0);
        for (int k = 0; k < ND_OWN; k++) {
            b->nd.own[1][k].state = ND_OWN_READY;
            b->nd.own[1][k].left = 0;
        }
        nd_out_clear(b);
    }
    return b;
}

void nd_out_clear(struct nd_bench *b)
{
    rte_pktmbuf_free_bulk(b->out, b->n_out);
    b->n_out = 0;
}

void nd_bench_free(struct nd_bench *b)
{
    nd_out_clear(b);
    resolver_free(&b->resolver);
    neighbours_free(&b->neighbours);
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
    free(b->snapshot);
    free(b);
}

/* ---- frames ---- */

void nd_checksum(struct rte_mbuf *m)
{
    uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
    const struct rte_ipv6_hdr *ip = (const void *)(p + 14);
    uint16_t sum;
    memset(p + 56, 0, 2);
    sum = (uint16_t)~rte_raw_cksum(p + 54, be16_host(ip->payload_len));
    sum = (uint16_t)~__rte_raw_cksum_reduce((uint32_t)(uint16_t)~sum + rte_ipv6_phdr_cksum(ip, 0));
    memcpy(p + 56, &sum, 2);
}

struct rte_mbuf *nd_frame(const struct nd_text *t)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    uint16_t n = t->mac ? 86 : 78;
    uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, n);
    const struct ip_addr src = nd_ip(t->src), dst = nd_ip(t->dst), target = nd_ip(t->target);
    memset(p, 0, n);
    memcpy(p, (const uint8_t[]){0x33, 0x33, 0, 0, 0, 1}, 6);
    memcpy(p + 6, t->from, 6);
    p[12] = 0x86;
    p[13] = 0xdd;
    p[14] = 0x60;
    p[19] = (uint8_t)(n - 54);
    p[20] = 58;
    p[21] = 255;
    memcpy(p + 22, &src, 16);
    memcpy(p + 38, &dst, 16);
    p[54] = t->type;
    p[58] = t->flags;
    memcpy(p + 62, &target, 16);
    if (t->mac) {
        p[78] = t->type == NS ? 1 : 2;
        p[79] = 1;
        memcpy(p + 80, t->mac, 6);
    }
    nd_checksum(m);
    *note_of(m) = (struct note){.kind = NOTE_ND, .ifindex = 1};
    return m;
}

void nd_hear_frame(struct nd_bench *b, struct rte_mbuf *m, uint64_t now_ms)
{
    nd_input(&b->nd, b->snapshot, m, now_ms);
}

void nd_hear(struct nd_bench *b, const struct nd_text *t, uint64_t now_ms)
{
    nd_hear_frame(b, nd_frame(t), now_ms);
}

void nd_send_to(struct nd_bench *b, const char *ip, uint64_t now_ms)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
    memset(rte_pktmbuf_append(m, 100), 0, 100);
    *note_of(m) = (struct note){.kind = NOTE_RESOLVE, .ifindex = 1, .next_hop = nd_ip(ip)};
    resolver_take(&b->resolver, b->snapshot, m, now_ms);
}

void nd_run_to(struct nd_bench *b, uint64_t from_ms, uint64_t to_ms)
{
    for (; from_ms <= to_ms; from_ms += 100) {
        resolver_run(&b->resolver, b->snapshot, from_ms);
        nd_run(&b->nd, b->snapshot, from_ms);
    }
}

void nd_expect(const struct nd_bench *b, unsigned i, const uint8_t *to, const struct nd_text *t)
{
    struct rte_mbuf *expected = nd_frame(t);
    assert_true(i < b->n_out);
    const uint8_t *p = rte_pktmbuf_mtod(b->out[i], const uint8_t *);
    assert_int_equal(note_of(b->out[i])->kind, NOTE_SEND);
    assert_int_equal(note_of(b->out[i])->ifindex, 1);
    memcpy(rte_pktmbuf_mtod(expected, uint8_t *), to, 6);
    assert_int_equal(rte_pktmbuf_data_len(b->out[i]), rte_pktmbuf_data_len(expected));
    assert_memory_equal(p, rte_pktmbuf_mtod(expected, const uint8_t *),
                        rte_pktmbuf_data_len(expected));
    rte_pktmbuf_free(expected);
}

enum neighbour_state nd_state(const struct nd_bench *b, const char *ip)
{
    uint32_t i = neighbour_index(&b->neighbours, 1, nd_ip(ip));
    return i == NEIGHBOUR_NONE ? NEIGHBOUR_UNUSED
                               : neighbour_state(neighbour_word(&b->neighbours, i));
}

void nd_expect_in_use(const struct nd_bench *b, const char *ip, const uint8_t *mac)
{
    uint64_t word;
    assert_true(
        neighbour_usable(&b->neighbours, neighbour_find(&b->neighbours, 1, nd_ip(ip)), &word));
    assert_memory_equal(&word, mac, 6);
}

void nd_bench_start(void)
{
    eal_start();
    pool = rte_pktmbuf_pool_create("nd", 511, 0, sizeof(struct note), 2048 + 128, SOCKET_ID_ANY);
    assert_non_null(pool);
}
