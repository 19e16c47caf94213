/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys of IPv6 flows: AES is AES, every bit of the tuple counts in its place, and no two of some
 * million tuples, chosen to be alike, have the same key.
 */
#include "sessions/key6.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct tuple {
    unsigned char src[16], dst[16];
    unsigned char ports[4];
};

#define TUPLE_BITS (36 * 8)

struct print {
    uint64_t word[2];
};

static struct key6_secret secret;

static int secret_setup(void **state)
{
    (void)state;
    key6_secret_fixed(&secret, 1);
    return 0;
}

static uint32_t ports_of(const struct tuple *t)
{
    uint32_t ports;
    memcpy(&ports, t->ports, 4);
    return ports;
}

static struct print print_of(const struct tuple *t)
{
    struct key k = key6_of(&secret, t->src, t->dst, ports_of(t), 17, 1);
    return (struct print){{k.word[0], k.word[1]}};
}

static struct print print_portable(const struct tuple *t)
{
    struct print out;
    key6_portable(&secret, t->src, t->dst, ports_of(t), out.word);
    return out;
}

static int print_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct print));
}

/* All different: `n` prints, which are sorted. */
static void assert_different(struct print *prints, size_t n)
{
    qsort(prints, n, sizeof *prints, print_order);
    for (size_t i = 1; i < n; i++)
        assert_memory_not_equal(&prints[i - 1], &prints[i], sizeof *prints);
}

static void flip(struct tuple *t, unsigned bit)
{
    ((unsigned char *)t)[bit / 8] ^= (unsigned char)(1u << bit % 8);
}

#ifdef __AES__
/* FIPS 197, appendices A.1 and C.1. */
static void test_aes(void **state)
{
    (void)state;
    static const uint8_t a1[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                   0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
    static const uint8_t a1_last[16] = {0xd0, 0x14, 0xf9, 0xa8, 0xc9, 0xee, 0x25, 0x89,
                                        0xe1, 0x3f, 0x0c, 0xc8, 0xb6, 0x63, 0x0c, 0xa6};
    static const uint8_t cipher[16] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                       0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
    static const uint8_t zero[16];
    struct key6_secret same;
    uint8_t key[16], plain[16];
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = i;
        plain[i] = (uint8_t)(i * 0x11);
    }
    key6_schedule(a1, same.round[0]);
    assert_memory_equal(same.round[0][10], a1_last, 16);
    for (int part = 0; part < 3; part++)
        key6_schedule(key, same.round[part]);
    /* Under one key the zero blocks of destination and ports cancel each other. */
    struct key k = key6_of(&same, plain, zero, 0, 0, 0);
    assert_memory_equal(&k, cipher, 12);
}
#endif

/* Protocol, family and zone stand where every key has them. */
static void test_rest_of_key(void **state)
{
    (void)state;
    struct tuple t = {.src = {0x20, 1}, .dst = {0x20, 2}, .ports = {1, 2, 3, 4}};
    struct key k = key6_of(&secret, t.src, t.dst, ports_of(&t), 6, 0x1234);
    assert_int_equal(k.proto, 6);
    assert_int_equal(k.zone, 0x1234);
    assert_int_equal(k.family, KEY_IPV6);
    assert_true(key_is6(&k));
    /* The same, wherever the addresses stand in memory. */
    unsigned char odd[48];
    memcpy(odd + 1, t.src, 16);
    memcpy(odd + 18, t.dst, 16);
    struct key again = key6_of(&secret, odd + 1, odd + 18, ports_of(&t), 6, 0x1234);
    assert_memory_equal(&k, &again, sizeof k);
}

/* Every one and every two bits changed; parts exchanged. */
static void neighbours_differ(struct print (*print)(const struct tuple *))
{
    size_t n = 0, room = 1 + TUPLE_BITS + TUPLE_BITS * (TUPLE_BITS - 1) / 2;
    struct print *prints = malloc(room * sizeof *prints);
    struct tuple t = {.src = {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
                      .dst = {0x20, 0x01, 0x0d, 0xb8, [15] = 2},
                      .ports = {0x13, 0xc4, 0x13, 0xc4}};
    prints[n++] = print(&t);
    for (unsigned a = 0; a < TUPLE_BITS; a++) {
        flip(&t, a);
        prints[n++] = print(&t);
        for (unsigned b = 0; b < a; b++) {
            flip(&t, b);
            prints[n++] = print(&t);
            flip(&t, b);
        }
        flip(&t, a);
    }
    assert_int_equal(n, room);
    assert_different(prints, n);
    free(prints);
}

static void test_neighbours(void **state)
{
    (void)state;
    neighbours_differ(print_of);
    neighbours_differ(print_portable);
}

/* The reply is another key than the original, though all of it is the same bytes. */
static void test_exchanged(void **state)
{
    (void)state;
    struct rng rng = {7};
    for (int i = 0; i < 10000; i++) {
        struct tuple t, back;
        for (size_t at = 0; at < sizeof t; at += 4) {
            uint32_t r = (uint32_t)rng_next(&rng);
            memcpy((char *)&t + at, &r, 4);
        }
        back = t;
        memcpy(back.src, t.dst, 16);
        memcpy(back.dst, t.src, 16);
        struct print prints[4] = {print_of(&t), print_of(&back)};
        memcpy(back.ports, t.ports + 2, 2);
        memcpy(back.ports + 2, t.ports, 2);
        prints[2] = print_of(&back);
        memcpy(back.src, t.src, 16);
        memcpy(back.dst, t.dst, 16);
        prints[3] = print_of(&back);
        assert_different(prints, 4);
    }
}

#define MANY ((size_t)1 << 20)

/* Bit i of `which` goes to bit place[i] of the tuple: as many tuples as numbers, all different. */
static struct tuple tuple_spread(const unsigned char *base, size_t which, const unsigned *place)
{
    struct tuple t;
    memcpy(&t, base, sizeof t);
    for (unsigned i = 0; which >> i; i++)
        if (which >> i & 1)
            flip(&t, place[i]);
    return t;
}

/* All 2^20 tuples that differ in twenty bits, wherever those are. */
static void test_millions(void **state)
{
    (void)state;
    struct rng rng = {11};
    struct print *prints = malloc(MANY * sizeof *prints);
    for (int round = 0; round < 4; round++) {
        unsigned char base[sizeof(struct tuple)];
        unsigned place[20], at = rng_below(&rng, TUPLE_BITS);
        for (size_t i = 0; i < sizeof base; i++)
            base[i] = (unsigned char)rng_next(&rng);
        for (unsigned i = 0; i < 20; i++) /* side by side, then 29 apart: over all parts */
            place[i] = (at + i * (round % 2 ? 29 : 1)) % TUPLE_BITS;
        for (size_t i = 0; i < MANY; i++) {
            struct tuple t = tuple_spread(base, i, place);
            prints[i] = round < 2 ? print_of(&t) : print_portable(&t);
        }
        assert_different(prints, MANY);
    }
    free(prints);
}

/* Half of the bits change when one bit of the tuple does, under each secret in another way. */
static void test_avalanche(void **state)
{
    (void)state;
    struct tuple t = {.src = {1}, .dst = {2}};
    for (unsigned bit = 0; bit < TUPLE_BITS; bit++) {
        unsigned changed = 0;
        for (uint64_t seed = 1; seed <= 32; seed++) {
            key6_secret_fixed(&secret, seed * 8);
            struct print a = print_of(&t);
            flip(&t, bit);
            struct print b = print_of(&t);
            flip(&t, bit);
            changed += (unsigned)__builtin_popcountll(a.word[0] ^ b.word[0]) +
                       (unsigned)__builtin_popcountll(a.word[1] ^ b.word[1]);
        }
        assert_in_range(changed, 32 * 48 - 200, 32 * 48 + 200); /* seven sigma */
    }
}

static void test_word(void **state)
{
    (void)state;
    struct ip_addr a = {.byte = {0x20, 1}}, b = a;
    assert_int_equal(key6_word(&secret, &a), key6_word(&secret, &b));
    for (unsigned i = 1; i < 10000; i++) {
        memcpy(&b.byte[12], &i, sizeof i);
        assert_int_not_equal(key6_word(&secret, &b), 0);
        assert_int_not_equal(key6_word(&secret, &b), key6_word(&secret, &a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef __AES__
        cmocka_unit_test(test_aes),
#endif
        cmocka_unit_test_setup(test_rest_of_key, secret_setup),
        cmocka_unit_test_setup(test_neighbours, secret_setup),
        cmocka_unit_test_setup(test_exchanged, secret_setup),
        cmocka_unit_test_setup(test_millions, secret_setup),
        cmocka_unit_test(test_avalanche),
        cmocka_unit_test_setup(test_word, secret_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
