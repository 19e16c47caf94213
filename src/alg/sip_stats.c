/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The struct is nothing but 64-bit words, so copying and clearing go word by word: a reader sees
 * each counter whole, though not all of them at one instant.
 */
#include "alg/sip_stats.h"

_Static_assert((int)SIP_METHOD_COUNT == (int)ALG_METHODS, "a row of counters for each method");
_Static_assert(sizeof(struct alg_stats) % sizeof(uint64_t) == 0, "words only");

void sip_stats_copy(const struct alg_stats *from, struct alg_stats *to)
{
    const uint64_t *a = (const uint64_t *)from;
    uint64_t *b = (uint64_t *)to;
    for (size_t i = 0; i < sizeof(*from) / sizeof(*a); i++)
        b[i] = __atomic_load_n(&a[i], __ATOMIC_RELAXED);
}

void sip_stats_clear(struct alg_stats *stats)
{
    uint64_t *a = (uint64_t *)stats;
    for (size_t i = 0; i < sizeof(*stats) / sizeof(*a); i++)
        if (&a[i] != &stats->calls_active && &a[i] != &stats->registers_active)
            __atomic_store_n(&a[i], 0, __ATOMIC_RELAXED);
}
