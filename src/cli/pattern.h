/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small regular expression over one line, run as a set of states in one machine word: no
 * backtracking, so an operator's pattern can never hold up the control thread. Any thread.
 */
#pragma once

#include "base/slice.h"

enum {
    PATTERN_ATOMS = 62
};

struct pattern {
    unsigned n;
    bool from_start, to_end, fold; /* `^`, `$`, letters of either case alike */
    uint64_t skippable;            /* atoms that may be left out: `*` and `?` */
    uint64_t repeatable;           /* atoms that may come again: `*` and `+` */
    uint64_t accepts[256];         /* by byte: the atoms it may be */
};

/* 0, -EINVAL (nothing to repeat, open bracket, trailing `\`) or -E2BIG (over PATTERN_ATOMS). */
int pattern_compile(struct pattern *pattern, struct slice text, bool fold);

/* Whether the pattern occurs in the line. */
bool pattern_matches(const struct pattern *pattern, struct slice line);
