/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside of one login; for the files of cli/ that share it: cli.c (lines), show.c (show and get),
 * help.c (`?` and Tab). Everybody else takes cli.h or command.h.
 */
#pragma once

#include "cli/command.h"
#include "cli/debug.h"
#include "cli/grep.h"
#include "cli/resolve.h"
#include "config/edit.h"
#include "config/words.h"

#include <stdalign.h>

struct cli {
    struct config_tree *running;
    const struct backend *backend;
    struct edit *edit;

    struct text line; /* what a quote or `\` left open */
    struct words words;
    struct text out;
    int status;

    const struct cli_command *row; /* whose start or step runs */
    struct cli_debug debug;
    struct grep *grep; /* filters its output, NULL none */
    alignas(16) uint8_t scratch[CLI_SCRATCH_SIZE];
    alignas(16) uint8_t filter[CLI_FILTERS][CLI_FILTER_SIZE];
};

static inline bool cli_at_top(const struct cli *cli)
{
    return edit_path(cli->edit)->n == 0;
}

/* Verbs that mean something here; abbreviations are taken from these first. */
void cli_verbs(const struct cli *cli, struct candidates *out);

/* The verb a first word stands for, in full. Inside a context the verbs of the top level that
 * have no namesake there are understood as well. */
enum match cli_verb(const struct cli *cli, struct slice typed, struct slice *full);

/* show.c: `show ...` and `get ...` of the configuration. Words after the verb. Return codes of
 * FortiOS, the reason printed. */
int show_run(struct cli *cli, unsigned n, const struct slice *words);
int get_run(struct cli *cli, unsigned n, const struct slice *words);

/* `command parse error before '<word>'`; returns CLI_E_INPUT. */
int cli_bad_word(struct cli *cli, struct slice word);
/* `ambiguous command before '<word>'`; returns CLI_E_INPUT. */
int cli_ambiguous(struct cli *cli, struct slice word);
/* `incomplete command in the end`; returns CLI_E_INCOMPLETE. */
int cli_incomplete(struct cli *cli);
