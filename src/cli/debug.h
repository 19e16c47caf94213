/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `diagnose debug` of one login: what it wants to see, and whether it wants to see it now. Output
 * comes between commands, when the login has nothing else to print.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cli;

#define DEBUG_MINUTES 30

struct cli_debug {
    bool enabled, timestamp;
    uint32_t sip;      /* mask */
    bool lasts;        /* `duration` was said ... */
    uint32_t duration; /* ... minutes, 0 for ever; else DEBUG_MINUTES */
    uint64_t until_s;  /* uptime at which `enable` ends, 0 never */
    uint64_t next;     /* number of the next line, 0: not looking on */
};

/* Append what there is to cli_output; a bounded piece. True: there may be more at once. */
bool debug_show(struct cli *cli);

/* The login ends. */
void debug_end(struct cli *cli);
