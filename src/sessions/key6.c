/* SPDX-License-Identifier: BSD-3-Clause */
#include "sessions/key6.h"

#ifdef __AES__
void key6_schedule(const uint8_t key[16], uint8_t round[KEY6_ROUNDS][16])
{
    __m128i k = _mm_loadu_si128((const __m128i *)(const void *)key);
    unsigned constant = 1;
    _mm_storeu_si128((__m128i *)(void *)round[0], k);
    for (int i = 1; i < KEY6_ROUNDS; i++) {
        /* The last word, rotated and substituted, in all four places. */
        __m128i t = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(k, 0), 0xff);
        t = _mm_xor_si128(t, _mm_set1_epi32((int)constant));
        k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
        k = _mm_xor_si128(k, _mm_slli_si128(k, 8));
        k = _mm_xor_si128(k, t);
        _mm_storeu_si128((__m128i *)(void *)round[i], k);
        constant = constant & 0x80 ? 0x1b : constant << 1;
    }
}
#endif

static void schedules(struct key6_secret *s, const struct hash_secret *aes)
{
    memset(s->round, 0, sizeof s->round);
#ifdef __AES__
    for (int part = 0; part < 3; part++)
        key6_schedule((const uint8_t *)&aes[part / 2].k[part % 2 * 2], s->round[part]);
#else
    (void)aes;
#endif
}

void key6_secret_random(struct key6_secret *s)
{
    struct hash_secret aes[2];
    for (int i = 0; i < 2; i++) {
        hash_secret_random(&aes[i]);
        hash_secret_random(&s->sip[i]);
    }
    schedules(s, aes);
    explicit_bzero(aes, sizeof aes);
}

void key6_secret_fixed(struct key6_secret *s, uint64_t seed)
{
    struct hash_secret aes[2];
    for (uint64_t i = 0; i < 2; i++) {
        hash_secret_fixed(&aes[i], seed + i);
        hash_secret_fixed(&s->sip[i], seed + 2 + i);
    }
    schedules(s, aes);
}

void key6_portable(const struct key6_secret *s, const void *src, const void *dst, uint32_t ports,
                   uint64_t out[2])
{
    unsigned char tuple[36];
    struct hash_secret second = {.k = {s->sip[0].k[2], s->sip[0].k[3]}};
    memcpy(tuple, src, 16);
    memcpy(tuple + 16, dst, 16);
    memcpy(tuple + 32, &ports, 4);
    out[0] = hash_bytes(&s->sip[0], tuple, sizeof tuple);
    out[1] = (uint32_t)hash_bytes(&second, tuple, sizeof tuple);
}
