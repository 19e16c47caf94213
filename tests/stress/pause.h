/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Put before every source of the stress tests by the compiler (-include): now and then a thread
 * gives up its CPU just before an atomic operation. On a machine with few CPUs threads would
 * otherwise hardly ever meet between two steps of an algorithm. The operations are unchanged.
 */
#pragma once

#include <sched.h>
#include <stdint.h>

/* One atomic operation in about this many; 0: never. Races of a few nanoseconds, between the write
 * buffers of two processors, need that. Set while no other thread runs; in crew.c. */
extern unsigned pause_every;

static inline void pause_perhaps(void)
{
    static __thread uint64_t x;
    if (pause_every == 0)
        return;
    if (x == 0)
        x = (uintptr_t)&x | 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    if (x % pause_every == 0)
        sched_yield();
}

#define __atomic_load_n(...)             (pause_perhaps(), __atomic_load_n(__VA_ARGS__))
#define __atomic_store_n(...)            (pause_perhaps(), __atomic_store_n(__VA_ARGS__))
#define __atomic_exchange_n(...)         (pause_perhaps(), __atomic_exchange_n(__VA_ARGS__))
#define __atomic_add_fetch(...)          (pause_perhaps(), __atomic_add_fetch(__VA_ARGS__))
#define __atomic_sub_fetch(...)          (pause_perhaps(), __atomic_sub_fetch(__VA_ARGS__))
#define __atomic_compare_exchange_n(...) (pause_perhaps(), __atomic_compare_exchange_n(__VA_ARGS__))
