/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers for the bytes of TCP streams: a fixed number of one size, made at start. A stream takes
 * one when it has something to hold and gives it back when it has not; the one given back last is
 * the next to go, so that few are warm. Owned by the ALG thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Bytes in one buffer. A SYN offers at most 65535, and what was offered is held. */
#define TCP_BUFFER 65536u

struct tcp_buffers {
    char *memory;
    uint32_t *spare; /* numbers of those that are free: a stack */
    uint32_t n, n_spare;
};

/* 0 or -ENOMEM. */
int tcp_buffers_init(struct tcp_buffers *b, uint32_t n);
void tcp_buffers_free(struct tcp_buffers *b);

/* NULL: all are in use. */
char *tcp_buffer_take(struct tcp_buffers *b);

/* Nothing happens with NULL. */
void tcp_buffer_give(struct tcp_buffers *b, char *buffer);
