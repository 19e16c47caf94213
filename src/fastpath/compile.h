/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of the configuration to a snapshot. Control thread. Nothing is changed when it fails.
 */
#pragma once

#include "fastpath/snapshot.h"

struct config_rows;
struct text;

/* What the ports say, by interface number from 1. */
struct snapshot_ports {
    uint8_t mac[MAX_INTERFACES][6];
    uint64_t links_down; /* bit i: interface i has no link, its routes are withdrawn */
};

/*
 * `sets` and `pools` outlive all snapshots and get what is new. `previous` may be NULL; the
 * generation stays when nothing that decides the fate of sessions differs from it. Routes
 * that `previous` has too are shared with it. MACs come from `ports` unless configured; NULL: all
 * links are up.
 * Returns the snapshot, or NULL with the reason in `error`.
 */
struct snapshot *snapshot_compile(const struct config_rows *rows, struct timer_sets *sets,
                                  struct pools *pools, const struct snapshot *previous,
                                  const struct snapshot_ports *ports, struct text *error);
void snapshot_free(struct snapshot *s);
