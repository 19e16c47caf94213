/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CLI commands with times, for a replay that changes the configuration while it runs, clears
 * sessions or lists them. A text of lines:
 *
 *   # a comment
 *   @12.5 config system global
 *   set udp-idle-timer 500
 *   end
 *   @14 diagnose sys session list
 *   @20 link wan down
 *
 * `@SECONDS` counts from the first packet and holds for the lines after it, too; it never goes
 * back. Lines before the first `@` belong to second 0. `link INTERFACE up|down` is no command of
 * the CLI: it takes a cable out, or puts it in. One owner thread.
 */
#pragma once

#include "base/slice.h"
#include "base/text.h"

struct script_line {
    uint64_t at_ns; /* since the first packet */
    struct slice command;
};

struct script {
    unsigned n;
    struct script_line *lines;
    struct text text; /* what the commands point into */
};

/* Read `text`; `name` stands for the file in messages. 0, or -EINVAL with `error`. */
int script_parse(const char *name, struct slice text, struct script *out, struct text *error);

/* The same from the file at `path`. */
int script_load(const char *path, struct script *out, struct text *error);
void script_free(struct script *s);

/*
 * "12", "12.5", "0.000001": seconds with at most nine decimals, at most ten years. 0 with
 * nanoseconds, or -EINVAL.
 */
int seconds_parse(struct slice text, uint64_t *ns);
