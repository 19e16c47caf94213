/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keyed hash of short keys that strangers choose (flow tuples, Call-IDs): without the boot-time
 * secret nobody can aim at one bucket. Flow keys take AES rounds where the build has them and
 * SipHash-1-3 (Aumasson, Bernstein 2012) elsewhere; text takes SipHash-1-3 always.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AES__
#include <wmmintrin.h>
#endif

struct hash_secret {
    uint64_t k[4];
} __attribute__((aligned(16)));

/* SipHash-1-3 of `n` bytes under k[0], k[1]. */
uint64_t hash_bytes(const struct hash_secret *secret, const void *data, size_t n);

/* SipHash-1-3 with 128 bits of output. */
void hash_bytes_128(const struct hash_secret *secret, const void *data, size_t n, uint64_t out[2]);

/* Fill from the kernel's random source; falls back to nothing: failure ends the process. */
void hash_secret_random(struct hash_secret *secret);

/* The same secret every time, for replay and tests. */
void hash_secret_fixed(struct hash_secret *secret, uint64_t seed);

/* Hash of one 16-byte key, given as two words. */
static inline uint64_t hash_16(const struct hash_secret *secret, uint64_t word0, uint64_t word1)
{
#ifdef __AES__
    const __m128i k0 = _mm_load_si128((const __m128i *)&secret->k[0]);
    const __m128i k1 = _mm_load_si128((const __m128i *)&secret->k[2]);
    __m128i v = _mm_xor_si128(_mm_set_epi64x((long long)word1, (long long)word0), k0);
    v = _mm_aesenc_si128(v, k1);
    v = _mm_aesenc_si128(v, k0);
    v = _mm_aesenc_si128(v, k1);
    return (uint64_t)_mm_cvtsi128_si64(v);
#else
    const uint64_t words[2] = {word0, word1};
    return hash_bytes(secret, words, sizeof words);
#endif
}
