/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One CLI login: lines in, text out. Knows no socket and no terminal; the control thread owns it
 * and feeds it, replay and tests feed it from arrays. A command that lists much runs in steps.
 *
 * When an edit takes effect (config/edit.h does it through backend->commit): an entry of a root
 * table at its `next` or `end`, a root object at its `end`, with everything nested in it; delete,
 * purge, rename, clone and move at once. Inside a nested `config` nothing is committed before the
 * entry or object around it is left. A refused commit prints the reason and discards the entry.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>

struct backend;
struct config_tree;
struct cli;

enum cli_state {
    CLI_DONE, /* the command is finished; ready for the next line */
    CLI_MORE, /* call cli_step again (after draining the output) */
    CLI_EXIT, /* `exit` or `quit`: close the login */
};

/*
 * Open a login over the running configuration `running` (edited in place through copies: see
 * config/tree.h) and the dataplane `backend`; both outlive it.
 */
struct cli *cli_open(struct config_tree *running, const struct backend *backend);
void cli_close(struct cli *cli);

/*
 * Run one line (without its newline). Output is appended to cli_output. A line that leaves a quote
 * open or ends in `\` is kept and continued by the next one. Comments and empty lines do nothing.
 * Several configuration commands on one line run one after the other up to the first that fails.
 */
enum cli_state cli_line(struct cli *cli, struct slice line);
enum cli_state cli_step(struct cli *cli);

/*
 * Between commands: append debug output that waits, a bounded piece of it. True: there may be more
 * at once.
 */
bool cli_show_debug(struct cli *cli);

/* Ctrl-C while a listing runs: end it now. Its status is CLI_INTERRUPTED. */
void cli_interrupt(struct cli *cli);
#define CLI_INTERRUPTED 1

/* Ctrl-C at the prompt: forget the line that waits for its other quote, else leave all contexts
 * without saving. */
void cli_abandon(struct cli *cli);

/* Forget a half-typed line, a running listing and all contexts (lost client). */
void cli_reset(struct cli *cli);

/* What to send to the user; the caller drains it with text_clear. */
struct text *cli_output(struct cli *cli);

/* FortiOS return code of the last finished command: 0, or another number when it failed. */
int cli_status(const struct cli *cli);

/* "HOSTNAME (context) # ", or "> " inside an open quote. */
void cli_prompt(const struct cli *cli, struct text *out);

/* `?`: help for the word at the end of `line`, in the layouts of fortios.md 1.9. */
void cli_help(struct cli *cli, struct slice line, struct text *out);

/*
 * Tab: candidates for the last word of `line`, one per line, without descriptions, as they would be
 * typed (names that need it in quotes).
 */
void cli_complete(struct cli *cli, struct slice line, struct text *out);
