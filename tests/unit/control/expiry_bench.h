/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables, one worker thread, and control's expiry over them, for tests. */
#pragma once

#include "base/text.h"
#include "control/expiry.h"

#include <rte_rcu_qsbr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SESSIONS 32768
#define MAPPINGS 256

enum set {
    SET_5,
    SET_60,
    SET_NEVER,
    SET_TCP,
    SETS
};

struct bench {
    struct sessions sessions;
    struct mappings mappings;
    struct timer_sets sets;
    int set[SETS];
    struct rte_rcu_qsbr *qsbr;
    struct session_thread worker, own;
    struct event_sink events;
    struct text log;
    struct expiry *expiry;
    uint32_t next_flow;
};

struct bench *bench_make_at(uint64_t now_ms);
struct bench *bench_make(void); /* at 0 */
struct bench *bench_make_sized(uint32_t sessions);
void bench_free(struct bench *b);

/* Events go to b->log, a line each. */
void events_start(struct bench *b);

/* The worker passes a quiescent point and control does what there is to do, until all is done. */
void settle(struct bench *b, uint64_t now_ms);

/* A new flow's session, made by the worker. */
uint32_t flow_make(struct bench *b, enum set set, uint8_t proto, uint32_t mapping, uint64_t now_ms);

/* The same; INDEX_NONE when the table is full. */
uint32_t flow_try(struct bench *b, enum set set, uint8_t proto, uint32_t mapping, uint64_t now_ms);

bool is_live(const struct bench *b, uint32_t session);
struct expiry_stat stat_of(const struct bench *b, uint64_t now_ms);
