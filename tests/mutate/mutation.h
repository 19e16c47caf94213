/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random damage of the kinds that break parsers, the same for the same seed: bits, cuts, repeats,
 * length fields, numbers at their limits, line ends and zero bytes, lines swapped, repeated or
 * lost, other addresses.
 */
#pragma once

#include "base/rng.h"

#include <stddef.h>

/*
 * Damage the `n` bytes at `b` in one to four ways; there is room for `cap`. Returns how many bytes
 * there are now.
 */
size_t mutation_apply(struct rng *rng, unsigned char *b, size_t n, size_t cap);
