/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the configuration file on a thread of its own, so that waiting for the disk never holds up
 * the control loop. Control owns it and calls everything here.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

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
 * Failure is logged; the file then is what it was. Returns the content's number, from 1 on.
 */
uint64_t saver_put(struct saver *s, struct text *content);

/*
 * What became of a content: 0 when it, or a later one, is on the disk; -EINPROGRESS; or -errno of
 * the last failure.
 */
int saver_result(const struct saver *s, uint64_t number);

/* True while something is neither on the disk nor failed. */
bool saver_busy(const struct saver *s);

/* The file. */
const char *saver_path(const struct saver *s);
