/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters of the ALG in the layout of `diagnose sys sip-proxy stats list` (fortios.md 6.6). The
 * ALG thread writes, any thread reads; a count is a relaxed load and store, as there is one writer.
 */
#pragma once

#include "alg/alg.h"
#include "alg/sip_msg.h"

static inline void stat_add(uint64_t *counter, int64_t n)
{
    uint64_t v = __atomic_load_n(counter, __ATOMIC_RELAXED);
    __atomic_store_n(counter, v + (uint64_t)n, __ATOMIC_RELAXED);
}

/* Which column of a row a message belongs to: 0 requests, 1 responses. */
static inline unsigned stat_side(bool is_request)
{
    return is_request ? 0 : 1;
}

/* Copy word by word, as another thread may be writing. */
void sip_stats_copy(const struct alg_stats *from, struct alg_stats *to);

/* Zero all but the active counts. */
void sip_stats_clear(struct alg_stats *stats);
