/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the ALG's cycles go. A clock that hangs on it is told at the end of each step of a
 * message's way; what has passed since the last mark is that step's. Without a clock the way has
 * none of this but a test per step. The ALG's thread writes it; read it when the ALG rests.
 */
#pragma once

#include <stdint.h>

/* identifier, name */
#define ALG_STEPS(X)    \
    X(PARSE, "parse")   \
    X(CHECK, "check")   \
    X(FIND, "find")     \
    X(PLAN, "plan")     \
    X(COMMIT, "commit") \
    X(LIVE, "live")

enum alg_step {
#define X(id, name) ALG_STEP_##id,
    ALG_STEPS(X)
#undef X
    ALG_STEP_COUNT
};

struct alg_clock {
    uint64_t (*now)(void); /* the benchmark's: the ALG itself reads no clock */
    uint64_t last;         /* time stamp of the last mark */
    uint64_t cycles[ALG_STEP_COUNT];
};

/* One more step of the message in hand is done; `clock` may be NULL. */
static inline void alg_mark(struct alg_clock *clock, enum alg_step step)
{
    if (__builtin_expect(!clock, 1))
        return;
    uint64_t now = clock->now();
    clock->cycles[step] += now - clock->last;
    clock->last = now;
}

/* A message begins. */
static inline void alg_clock_begin(struct alg_clock *clock)
{
    if (__builtin_expect(clock != 0, 0))
        clock->last = clock->now();
}

struct alg;

/* Hang a clock on the ALG, or take it off (NULL). */
void alg_clock_set(struct alg *alg, struct alg_clock *clock);
