/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a worker's cycles go. A clock that hangs on the worker is told at the end of each stage of
 * the packet path, and of each step of a first packet; what has passed since the last mark is that
 * stage's. Without a clock the path has none of this but a test per burst and per first packet's
 * step. The worker's thread writes it; read it when the worker rests.
 */
#pragma once

#include <stdint.h>

/* identifier, name */
#define STAGES(X)           \
    X(RECEIVE, "receive")   \
    X(PARSE, "parse")       \
    X(FIND, "find")         \
    X(CONFIRM, "confirm")   \
    X(TRACK, "track")       \
    X(FORWARD, "forward")   \
    X(FIRST, "first")       \
    X(TRANSMIT, "transmit") \
    X(REST, "rest")

enum stage {
#define X(id, name) STAGE_##id,
    STAGES(X)
#undef X
    STAGE_COUNT
};

#define STAGE_STEPS 24 /* room for the steps of a first packet */

struct stage_time {
    uint64_t cycles, marks;
};

struct stage_clock {
    uint64_t (*now)(void); /* the benchmark's: the path itself reads no clock */
    uint64_t last;         /* time stamp of the last mark */
    struct stage_time stage[STAGE_COUNT];
    struct stage_time step[STAGE_STEPS]; /* by place in the list of first.c */
};

static inline void stage_mark(struct stage_clock *clock, struct stage_time *t)
{
    uint64_t now = clock->now();
    t->cycles += now - clock->last;
    t->marks++;
    clock->last = now;
}

const char *stage_name(enum stage stage);
