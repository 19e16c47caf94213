/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/checksum.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* RFC 1071 word by word, the slow way. */
static uint16_t naive(const unsigned char *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

static void test_sum(void **state)
{
    (void)state;
    struct rng rng = {3};
    unsigned char room[256];
    for (int i = 0; i < 5000; i++) {
        size_t n = rng_below(&rng, 200), from = rng_below(&rng, 8);
        for (size_t k = 0; k < sizeof(room); k++)
            room[k] = i % 3 ? (unsigned char)rng_next(&rng) : 0xff;
        assert_int_equal(be16_of(checksum_fold(checksum_sum(room + from, n))),
                         naive(room + from, n));
    }
}

/* The IPv4 header that texts about checksums use: with its checksum in place the sum is all ones.
 */
static void test_ipv4_header(void **state)
{
    (void)state;
    static const unsigned char header[] = {0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40,
                                           0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8,
                                           0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7};
    assert_int_equal(checksum_fold(checksum_sum(header, sizeof(header))), 0xffff);
}

/* A header after random changes of its words: the adjusted checksum is that of a full sum. */
static void test_adjust(void **state)
{
    (void)state;
    struct rng rng = {4};
    for (int i = 0; i < 20000; i++) {
        uint32_t words[5];
        uint64_t delta = 0;
        words[0] = 0x73000045; /* no packet is all zeros: version and protocol are not */
        for (int k = 1; k < 5; k++)
            words[k] = rng_below(&rng, 4) ? (uint32_t)rng_next(&rng) : rng_below(&rng, 2) - 1;
        uint16_t before = (uint16_t)~checksum_fold(checksum_sum(words, sizeof(words)));
        for (uint32_t changes = rng_below(&rng, 4); changes; changes--) {
            uint32_t *word = &words[rng_below(&rng, 4) + 1];
            uint32_t to = rng_below(&rng, 3) ? (uint32_t)rng_next(&rng) : 0;
            delta += checksum_delta(*word, to);
            *word = to;
        }
        uint16_t after = checksum_adjust(before, delta);
        /* Both forms of zero are right; a receiver sums up to all ones with either. */
        assert_int_equal(checksum_fold(checksum_sum(words, sizeof(words)) + after), 0xffff);
    }
}

static void test_adjust_of_a_port(void **state)
{
    (void)state;
    be16 words[2] = {be16_of(5060), be16_of(16384)};
    uint16_t before = (uint16_t)~checksum_fold(checksum_sum(words, sizeof(words)));
    uint16_t after = checksum_adjust(before, checksum_delta(words[0], be16_of(65535)));
    words[0] = be16_of(65535);
    assert_int_equal(checksum_fold(checksum_sum(words, sizeof(words)) + after), 0xffff);
}

/* The pseudo header as the twelve bytes of RFC 768. */
static void test_pseudo(void **state)
{
    (void)state;
    static const unsigned char bytes[12] = {10, 0, 0, 5, 203, 0, 113, 9, 0, 17, 0x12, 0x34};
    be32 src, dst;
    memcpy(&src, bytes, 4);
    memcpy(&dst, bytes + 4, 4);
    assert_int_equal(checksum_fold(checksum_pseudo(src, dst, 17, 0x1234)),
                     checksum_fold(checksum_sum(bytes, sizeof(bytes))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum),    cmocka_unit_test(test_ipv4_header),
        cmocka_unit_test(test_adjust), cmocka_unit_test(test_adjust_of_a_port),
        cmocka_unit_test(test_pseudo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
