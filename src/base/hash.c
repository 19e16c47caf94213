/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hash.h"

#include "base/rng.h"

#include <stdlib.h>
#include <sys/random.h>

static inline uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotl(v[1], 13) ^ v[0];
    v[0] = rotl(v[0], 32);
    v[2] += v[3];
    v[3] = rotl(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotl(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotl(v[1], 17) ^ v[2];
    v[2] = rotl(v[2], 32);
}

/* Everything but the finalization. */
static inline void sip_absorb(uint64_t v[4], const struct hash_secret *secret, const void *data,
                              size_t n)
{
    const unsigned char *p = data;
    uint64_t last = (uint64_t)n << 56;
    v[0] = secret->k[0] ^ 0x736f6d6570736575u;
    v[1] ^= secret->k[1] ^ 0x646f72616e646f6du;
    v[2] = secret->k[0] ^ 0x6c7967656e657261u;
    v[3] = secret->k[1] ^ 0x7465646279746573u;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t m;
        memcpy(&m, p, 8);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)p[i] << (8 * i);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
}

static inline uint64_t sip_finish(uint64_t v[4])
{
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_bytes(const struct hash_secret *secret, const void *data, size_t n)
{
    uint64_t v[4] = {0};
    sip_absorb(v, secret, data, n);
    v[2] ^= 0xff;
    return sip_finish(v);
}

void hash_bytes_128(const struct hash_secret *secret, const void *data, size_t n, uint64_t out[2])
{
    uint64_t v[4] = {0, 0xee, 0, 0};
    sip_absorb(v, secret, data, n);
    v[2] ^= 0xee;
    out[0] = sip_finish(v);
    v[1] ^= 0xdd;
    out[1] = sip_finish(v);
}

void hash_secret_random(struct hash_secret *secret)
{
    if (getrandom(secret, sizeof *secret, 0) != (ssize_t)sizeof *secret)
        abort();
}

void hash_secret_fixed(struct hash_secret *secret, uint64_t seed)
{
    struct rng r = {seed};
    for (int i = 0; i < 4; i++)
        secret->k[i] = rng_next(&r);
}
