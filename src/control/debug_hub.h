/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Debug output on its way from the ALG to the logins that look on. The last DEBUG_LINES of it are
 * kept with a running number; each login reads on from the number it knows, so a slow one loses
 * lines and is told how many, and nobody waits for it. The ALG is asked for what all logins want
 * together, and for nothing when none does.
 *
 * The control thread owns it and calls everything here.
 */
#pragma once

#include "alg/sip_debug.h"
#include "cli/backend.h"

#define DEBUG_LINES    512
#define DEBUG_WATCHERS 64

struct debug_line {
    struct sip_debug_record r;
    struct text text;
};

struct debug_hub {
    struct sip_debug *from;
    int64_t wall_s; /* wall clock at time 0; 0: none, times count from 1970 */
    uint64_t next;  /* number of the next line, from 1 */
    uint64_t lost;  /* of the ring, told */
    struct {
        const void *who;
        uint32_t mask;
    } watchers[DEBUG_WATCHERS];
    struct debug_line lines[DEBUG_LINES]; /* by number */
};

void debug_hub_init(struct debug_hub *hub, struct sip_debug *from, int64_t wall_s);
void debug_hub_free(struct debug_hub *hub);

/* A round: what waits, with a budget. Returns how many lines it took. */
unsigned debug_hub_run(struct debug_hub *hub);

/* What `who` wants to see from now on, 0 nothing. The number of the next line, or 0: no room for
 * one more. */
uint64_t debug_hub_want(struct debug_hub *hub, const void *who, uint32_t mask);

/* Line *number or, where that is gone, the oldest later one; *number is the one after it then.
 * False: there is none yet. */
bool debug_hub_line(const struct debug_hub *hub, uint64_t *number, struct backend_debug *out);
