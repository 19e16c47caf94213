/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes of a snapshot, and how they are used. Control thread, for compile.c.
 */
#pragma once

#include "fastpath/snapshot.h"

struct config_rows;

/*
 * Networks of interfaces and static routes of both families. Interfaces in `links_down` (bit i) are
 * as good as set down: their networks are not there, routes through them are listed only. What
 * `previous` (may be NULL) has alike is shared.
 */
void compile_routes(const struct config_rows *rows, uint64_t links_down,
                    const struct snapshot *previous, struct snapshot *s);

/* `d` and what decides about the ways of sessions that exist. */
uint64_t compile_digest_routes(const struct snapshot *s, uint64_t d);
