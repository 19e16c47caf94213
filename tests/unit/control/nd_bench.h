/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour Discovery of a firewall at 2001:db8::1/64 and fe80::1, port 1. */
#pragma once

#include "control/nd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ND_OUT_MAX 256
#define ND_HELD    9
#define ND_ENTRIES 64

struct nd_bench {
    struct neighbours neighbours;
    struct snapshot *snapshot;
    struct resolver resolver;
    struct nd nd;
    unsigned n_out, n_dropped[DROP_COUNT];
    struct rte_mbuf *out[ND_OUT_MAX];
};

/* A message, as bytes follow. */
struct nd_text {
    uint8_t type, flags; /* flags of an advertisement */
    const char *src, *dst, *target;
    const uint8_t *from; /* of the frame */
    const uint8_t *mac;  /* in the option; NULL: none */
};

#define NS 135
#define NA 136
#define R  0x80
#define S  0x40
#define O  0x20

extern const uint8_t nd_own_mac[6], nd_phone_mac[6], nd_other_mac[6];

void nd_bench_start(void);
/* `ready`: its addresses have been asked about, and announced. */
struct nd_bench *nd_bench_make(bool quiet, bool ready);
void nd_bench_free(struct nd_bench *b);
void nd_out_clear(struct nd_bench *b);

struct ip_addr nd_ip(const char *text);
struct rte_mbuf *nd_frame(const struct nd_text *t);
/* After bytes were changed. */
void nd_checksum(struct rte_mbuf *m);
void nd_hear(struct nd_bench *b, const struct nd_text *t, uint64_t now_ms);
void nd_hear_frame(struct nd_bench *b, struct rte_mbuf *m, uint64_t now_ms);
void nd_send_to(struct nd_bench *b, const char *ip, uint64_t now_ms);
void nd_run_to(struct nd_bench *b, uint64_t from_ms, uint64_t to_ms);

/* The i-th frame that left is this message; `to` is the MAC of its frame. */
void nd_expect(const struct nd_bench *b, unsigned i, const uint8_t *to, const struct nd_text *t);
enum neighbour_state nd_state(const struct nd_bench *b, const char *ip);
void nd_expect_in_use(const struct nd_bench *b, const char *ip, const uint8_t *mac);
