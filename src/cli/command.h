/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operational commands (`diagnose`, `get`, `execute`) as table rows. The word matcher, `?` and Tab
 * work from the rows alone: a new command is one row and its function.
 */
#pragma once

#include "cli/cli.h"

struct cli_command {
    const char *path; /* every word in full: "diagnose sys session list" */
    const char *help; /* one line for `?` */
    const char *args; /* shown by `?` after the path, NULL when it takes none */
    unsigned min_args, max_args;
    /*
     * Called with the words after the path. Returns 0 done, 1 to be continued by `step`, or a
     * negative FortiOS return code after printing the reason (the caller prints the code line).
     */
    int (*start)(struct cli *cli, unsigned n_args, const struct slice *args);
    /* NULL unless start can return 1. Same returns; state lives in cli_scratch. */
    int (*step)(struct cli *cli);
    /* Candidates for argument `arg`: zero-terminated words, NULL ends. May be NULL. */
    const char *const *(*candidates)(unsigned arg);
};

/* Tables end with a row whose path is NULL. */
extern const struct cli_command cli_session_commands[]; /* diagnose_session.c */
extern const struct cli_command cli_sip_commands[];     /* diagnose_sip.c */
extern const struct cli_command cli_system_commands[];  /* get_system.c */

const struct backend *cli_backend(const struct cli *cli);

/* State of filters that belong to this login; zero at cli_open, CLI_FILTER_SIZE bytes each. */
enum {
    CLI_FILTER_SESSION,
    CLI_FILTER_SIP,
    CLI_FILTERS
};
#define CLI_FILTER_SIZE 512
void *cli_filter(struct cli *cli, int which);

/* State of the running listing; zeroed before each `start`. */
#define CLI_SCRATCH_SIZE 1024
void *cli_scratch(struct cli *cli);
