/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The 16-byte key of an IPv6 flow: protocol, family and zone as in any key, and before them 96 bits
 * that stand for both addresses and both ports. So an IPv6 session is a session like any other, in
 * the same table, and an IPv4 session does not grow for it.
 *
 * Two flows with one key would be one session: the packets of the second would pass under the
 * verdict of the first. Strangers choose addresses and ports, so the 96 bits must be such that
 * nobody without the secret can find two tuples that agree in them. They are
 *
 *     AES_k1(source) ^ AES_k2(destination) ^ AES_k3(ports), cut to 96 bits,
 *
 * AES-128 with all ten rounds under three keys drawn at start. As long as AES is a pseudo-random
 * permutation, for two tuples that differ in a part, that part's two values are 128 bits nobody can
 * foretell, and their difference equals what is needed for a collision with probability 2^-96,
 * whatever was chosen for the other parts. The values never leave the machine, and that two flows
 * share a session is all an attacker could see: he guesses blindly, and choosing tuples that are
 * alike gains him nothing. Among the keys of ten million sessions there are 2^47.5 pairs: one
 * collision in 2^48 such tables. A cheaper sum (fewer rounds, one key for all parts) would not do:
 * with one key source and destination could be exchanged, and reduced rounds have differentials of
 * high probability that need no key.
 *
 * Without AES instructions the bits are two SipHash-1-3 over the whole tuple under two keys.
 *
 * The secret is its own: that of the table's hash spreads keys over buckets with fewer rounds and
 * may be learned from timing one day; it opens no way to this one.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"
#include "sessions/record.h"

#define KEY6_ROUNDS 11 /* ten, and the key that is added before them */

/* Written at start, then read by any thread. */
struct key6_secret {
    uint8_t round[3][KEY6_ROUNDS][16]; /* AES key schedules: source, destination, ports */
    struct hash_secret sip[2];         /* where there is no AES; and key6_word */
} __attribute__((aligned(64)));

void key6_secret_random(struct key6_secret *s);

/* The same secret every time, for replay and tests. */
void key6_secret_fixed(struct key6_secret *s, uint64_t seed);

/* Key schedule of AES-128 (FIPS 197, 5.2). Only where the build has AES. */
void key6_schedule(const uint8_t key[16], uint8_t round[KEY6_ROUNDS][16]);

/* 96 bits in the low words of out[0..1], by SipHash. */
void key6_portable(const struct key6_secret *s, const void *src, const void *dst, uint32_t ports,
                   uint64_t out[2]);

#ifdef __AES__
static inline __m128i key6_round_key(const struct key6_secret *s, int part, int round)
{
    return _mm_load_si128((const __m128i *)(const void *)s->round[part][round]);
}

/* Three blocks side by side: the latency of one. */
static inline __m128i key6_sum(const struct key6_secret *s, __m128i a, __m128i b, __m128i c)
{
    a = _mm_xor_si128(a, key6_round_key(s, 0, 0));
    b = _mm_xor_si128(b, key6_round_key(s, 1, 0));
    c = _mm_xor_si128(c, key6_round_key(s, 2, 0));
    for (int i = 1; i < KEY6_ROUNDS - 1; i++) {
        a = _mm_aesenc_si128(a, key6_round_key(s, 0, i));
        b = _mm_aesenc_si128(b, key6_round_key(s, 1, i));
        c = _mm_aesenc_si128(c, key6_round_key(s, 2, i));
    }
    a = _mm_aesenclast_si128(a, key6_round_key(s, 0, KEY6_ROUNDS - 1));
    b = _mm_aesenclast_si128(b, key6_round_key(s, 1, KEY6_ROUNDS - 1));
    c = _mm_aesenclast_si128(c, key6_round_key(s, 2, KEY6_ROUNDS - 1));
    return _mm_xor_si128(_mm_xor_si128(a, b), c);
}
#endif

/*
 * The key of what travels from `src` to `dst` (16 bytes each, any alignment). `ports`: both as they
 * stand in the header, source first; an identifier or 0 where the protocol has none.
 */
static inline struct key key6_of(const struct key6_secret *s, const void *src, const void *dst,
                                 uint32_t ports, uint8_t proto, uint16_t zone)
{
    uint64_t sum[2];
#ifdef __AES__
    __m128i v =
        key6_sum(s, _mm_loadu_si128(src), _mm_loadu_si128(dst), _mm_cvtsi32_si128((int)ports));
    sum[0] = (uint64_t)_mm_cvtsi128_si64(v);
    sum[1] = (uint64_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(v, v));
#else
    key6_portable(s, src, dst, ports, sum);
#endif
    return (struct key){.word = {sum[0], key_word1((uint32_t)sum[1], proto, zone) | KEY6_FAMILY}};
}

/*
 * 32 bits that stand for an address where a record has no room for it (who a mapping admits); never
 * 0. A stranger cannot aim at one: he has to try 2^31 addresses, each with a packet.
 */
static inline uint32_t key6_word(const struct key6_secret *s, const struct ip_addr *a)
{
    uint32_t v = (uint32_t)hash_16(&s->sip[1], a->half[0], a->half[1]);
    return v ? v : 1;
}
