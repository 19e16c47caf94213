/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in, frames out: ARP of a firewall at 10.0.0.1 (port 1) and 203.0.113.2 (port 2). */
#pragma once

#include "control/arp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OUT_MAX     64
#define HELD_MAX    9
#define ARP_ENTRIES 64
#define ENTRIES     16

#define OWN   0x0a000001u
#define PHONE 0x0a000014u

struct bench {
    struct neighbours neighbours;
    struct snapshot *snapshot; /* no route but where a test says so */
    struct resolver resolver;
    struct arp arp;
    unsigned n_out, n_dropped[DROP_COUNT];
    struct rte_mbuf *out[OUT_MAX];
};

struct arp_text {
    uint16_t opcode;
    const uint8_t *sender, *target;
    uint32_t sender_ip, target_ip;
};

extern const uint8_t own_mac[2][6], phone_mac[6], other_mac[6], everybody[6], nobody[6];

void bench_start(void);
struct bench *bench_make(bool virtual_neighbours);
struct bench *bench_with_phone(void);
void bench_free(struct bench *b);
void out_clear(struct bench *b);

struct rte_mbuf *arp_frame(const struct arp_text *t);
void hear(struct bench *b, const struct arp_text *t, uint64_t now_ms);
void answer_from(struct bench *b, const uint8_t *mac, uint64_t now_ms);
void send_to(struct bench *b, uint32_t ip, uint64_t now_ms);
void run(struct bench *b, uint64_t now_ms);

void expect_arp(const struct bench *b, unsigned i, const uint8_t *to, const struct arp_text *t);
void expect_request(const struct bench *b, unsigned i, const uint8_t *to);
void expect_forwarded(const struct bench *b, unsigned i, const uint8_t *to);
enum neighbour_state state_of(const struct bench *b, uint32_t ip);
