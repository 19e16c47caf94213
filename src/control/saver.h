/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the configuration file on a thread of its own, so that waiting for the disk never holds up
 * the control loop. Control owns it and calls everything here.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>

struct saver;

/*
 * For the file at `path`. Its thread starts at the first save. NULL with the reason in `error`.
 */
struct saver *saver_create(const char *path, struct text *error);

/* Finishes what is under way first. */
void saver_destroy(struct saver *s);

/*
 * Replace the file's content by `content` (taken over, empty afterwards): temporary file in the
 * same folder, write, fsync, rename, fsync of the folder. A content that waits already is replaced.
 * Failure is logged; the file then is what it was. 0, or -errno when the thread cannot start.
 */
int saver_put(struct saver *s, struct text *content);

/* True while something is not on the disk yet. */
bool saver_busy(const struct saver *s);
