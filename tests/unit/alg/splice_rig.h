/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection with somebody in the middle who puts every line in brackets, takes out those that
 * begin with '!', breaks off at '#', and leaves where the first byte is 'X'. What the splice sends
 * is kept, in order.
 */
#pragma once

#include "alg/tcp_splice.h"
#include "sessions/tcp.h"

#define WIRE_MAX 512

struct wire_segment {
    struct tcp_arrival a; /* data points into bytes */
    unsigned dir;         /* side !dir gets it */
    char bytes[1500];
};

struct middle {
    struct tcp_buffers buffers;
    struct tcp_splice sp;
    struct tcp_user user;
    bool read_any;
    uint64_t now_ms;
    struct wire_segment sent[WIRE_MAX]; /* what the splice sent, in order */
    unsigned n_sent;
    unsigned n_lost; /* beyond WIRE_MAX */
};

void middle_init(struct middle *m);

/* Everything that was held has gone back. */
void middle_free(struct middle *m);

struct tcp_fate input(struct middle *m, unsigned dir, const struct tcp_arrival *a);

/* The SYN of side 0 or the answer of side 1; no window scale. */
void syn(struct middle *m, unsigned dir, uint32_t seq, uint32_t ack, uint16_t window);
