/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of the configuration to a snapshot. Control thread. Nothing is changed when it fails.
 */
#pragma once

#include "fastpath/snapshot.h"

struct config_rows;
struct text;

/*
 * `sets` outlives all snapshots and gets the timer sets that are new. `previous` may be NULL; the
 * generation stays when nothing that decides the fate of sessions differs from it. MACs of the
 * interfaces come from `macs` (6 bytes each, by interface number from 1) unless configured.
 * Returns the snapshot, or NULL with the reason in `error`.
 */
struct snapshot *snapshot_compile(const struct config_rows *rows, struct timer_sets *sets,
                                  const struct snapshot *previous, const uint8_t (*macs)[6],
                                  struct text *error);
void snapshot_free(struct snapshot *s);
