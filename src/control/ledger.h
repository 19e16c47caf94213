/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One bit per index of a store, and what was done in this life of each index. The control thread
 * owns them.
 */
#pragma once

#include "base/mem.h"

#include <stdbool.h>
#include <stdint.h>

struct bits {
    uint64_t *words;
    size_t bytes;
};

struct ledger {
    struct bits known; /* counted as born */
    struct bits ended; /* buried */
    uint32_t live;
};

/* `n` bits, all clear; pages nobody touches cost nothing. False: no memory. */
static inline bool bits_make(struct bits *b, uint32_t n)
{
    b->bytes = ((size_t)n + 63) / 64 * sizeof *b->words;
    b->words = mem_map(b->bytes, false);
    return b->words != NULL;
}

static inline void bits_free(struct bits *b)
{
    mem_unmap(b->words, b->bytes);
}

static inline bool bit_get(const struct bits *b, uint32_t i)
{
    return b->words[i / 64] >> (i % 64) & 1;
}

static inline void bit_set(struct bits *b, uint32_t i)
{
    b->words[i / 64] |= (uint64_t)1 << (i % 64);
}

static inline void bit_clear(struct bits *b, uint32_t i)
{
    b->words[i / 64] &= ~((uint64_t)1 << (i % 64));
}

static inline bool ledger_make(struct ledger *l, uint32_t n)
{
    return bits_make(&l->known, n) && bits_make(&l->ended, n);
}

static inline void ledger_free(struct ledger *l)
{
    bits_free(&l->known);
    bits_free(&l->ended);
}

/* True the first time in a life. */
static inline bool ledger_born(struct ledger *l, uint32_t index)
{
    if (bit_get(&l->known, index))
        return false;
    bit_set(&l->known, index);
    l->live++;
    return true;
}

/* True the first time in a life. */
static inline bool ledger_end(struct ledger *l, uint32_t index)
{
    if (bit_get(&l->ended, index))
        return false;
    bit_set(&l->ended, index);
    l->live--;
    return true;
}

static inline void ledger_forget(struct ledger *l, uint32_t index)
{
    bit_clear(&l->known, index);
    bit_clear(&l->ended, index);
}
