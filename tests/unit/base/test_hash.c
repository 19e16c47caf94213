/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* SipHash-1-3 of no bytes under the key 00 01 .. 0f, as its reference implementations give it. */
static void test_known_value(void **state)
{
    (void)state;
    struct hash_secret secret = {{0x0706050403020100u, 0x0f0e0d0c0b0a0908u, 0, 0}};
    assert_true(hash_bytes(&secret, "", 0) == 0xabac0158050fc4dcu);
}

/* Length counts, position counts, and alignment does not. */
static void test_bytes(void **state)
{
    (void)state;
    struct hash_secret secret;
    unsigned char room[80], *odd = room + 1;
    hash_secret_fixed(&secret, 1);
    memset(room, 0, sizeof(room));
    uint64_t seen[64];
    for (size_t n = 0; n < 64; n++) {
        seen[n] = hash_bytes(&secret, room, n);
        assert_true(seen[n] == hash_bytes(&secret, odd, n));
        for (size_t i = 0; i < n; i++)
            assert_true(seen[i] != seen[n]);
    }
    for (unsigned bit = 0; bit < 64 * 8; bit++) {
        room[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_true(hash_bytes(&secret, room, 64) != hash_bytes(&secret, odd + 7, 64));
        room[bit / 8] = 0;
    }
}

/* Tuples that differ by a port spread over buckets like balls thrown at random. */
static void test_16_spreads(void **state)
{
    (void)state;
    struct hash_secret a, b;
    unsigned buckets[256] = {0}, same = 0;
    hash_secret_fixed(&a, 1);
    hash_secret_fixed(&b, 2);
    for (uint32_t port = 0; port < 65536; port++) {
        uint64_t key[2] = {0x0500000a0900cb71, port | (uint64_t)17 << 32};
        uint64_t h = hash_16(&a, key[0], key[1]);
        buckets[h & 255]++;
        same += (h & 0xffff) == (hash_16(&b, key[0], key[1]) & 0xffff);
    }
    for (int i = 0; i < 256; i++)
        assert_in_range(buckets[i], 256 - 100, 256 + 100); /* six standard deviations */
    assert_in_range(same, 0, 16);                          /* one expected */
}

static void test_secrets(void **state)
{
    (void)state;
    struct hash_secret a, b;
    hash_secret_fixed(&a, 5);
    hash_secret_fixed(&b, 5);
    assert_memory_equal(&a, &b, sizeof(a));
    hash_secret_random(&a);
    hash_secret_random(&b);
    assert_memory_not_equal(&a, &b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_value),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_16_spreads),
        cmocka_unit_test(test_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
