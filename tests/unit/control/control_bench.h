/* SPDX-License-Identifier: BSD-3-Clause */
/* A whole firewall in one thread: lan 10.0.0.1/24 (1), wan 203.0.113.2/24 (2), frames in arrays. */
#pragma once

#include "config/tree.h"
#include "control/control.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FRAMES 64

struct bench {
    struct dataplane *dp;
    struct alg_core *alg;
    struct config_tree *running; /* control's */
    struct control *control;
    const struct backend *backend;
    uint64_t now_ms;
    unsigned n_in, n_out;
    struct rte_mbuf *in[FRAMES], *out[FRAMES];
    uint16_t in_ifindex[FRAMES], out_ifindex[FRAMES];
};

extern const char bench_config[];

struct config_tree *bench_tree(const char *config);
struct bench *bench_make(const struct control_options *options);
void bench_free(struct bench *b);

/* A frame of UDP that will arrive on `ifindex` in the next round. */
void bench_udp(struct bench *b, uint16_t ifindex, struct endpoint src, struct endpoint dst);
void bench_payload(struct bench *b, uint16_t ifindex, const struct endpoint ends[2],
                   struct slice payload);

/* Everybody takes a turn, until nothing moves. */
void bench_run(struct bench *b, uint64_t now_ms);

/* Forget the frames that came out. */
void bench_clear(struct bench *b);
