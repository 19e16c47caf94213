/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Buffers for the bytes of TCP streams: a fixed number of one size, made at start. A stream takes
 * one when it has something to hold and gives it back when it has not; the one given back last is
 * the next to go, so that few are warm. Each is on somebody's account (host_share.h). Owned by the
 * ALG thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes in one buffer. A SYN offers at most 65535, and what was offered is held. */
#define TCP_BUFFER 65536u

struct tcp_buffers {
    char *memory;
    uint32_t *spare;                /* numbers of those that are free: a stack */
    uint32_t n, n_spare, n_outside; /* n_outside: taken by hosts outside */
    uint32_t *held;                 /* how many the host in hand has; NULL: nobody counts them */
    bool outside;                   /* he is outside */
};

/* 0 or -ENOMEM. */
int tcp_buffers_init(struct tcp_buffers *b, uint32_t n);
void tcp_buffers_free(struct tcp_buffers *b);

/* One for the host in hand, who could have `more` afterwards. NULL: too few are left for him. */
char *tcp_buffer_take(struct tcp_buffers *b, uint32_t more);

/* By the host in hand. Nothing happens with NULL. */
void tcp_buffer_give(struct tcp_buffers *b, char *buffer);
