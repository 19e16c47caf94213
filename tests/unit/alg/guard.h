/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes flush against a page that must not be touched: reading one too many ends the test at once,
 * with or without a sanitizer. And the optional corpus: a folder of folders with one message per
 * file, named by the environment variable PINHOLE_CORPUS.
 */
#pragma once

#include "base/slice.h"

/* One zone per test program; the slice is valid until the next call. Up to 64 KiB. */
struct slice guard_put(struct slice bytes);

/*
 * Call `each` with every message file of the corpus, flush against the guard page. Returns how many
 * there were, or -1 when the variable is not set.
 */
int corpus_each(void (*each)(const char *path, struct slice bytes));
