/* SPDX-License-Identifier: BSD-3-Clause */
/* The greedy leave room for the next one, and the lone one has most of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "alg/host_share.h"
#include "base/be.h"

#define CAPACITY 1000

static void test_greedy(void **state)
{
    static const uint32_t expected[] = {750, 188, 47, 12, 3};
    struct hash_secret secret;
    struct host_shares hs;
    uint32_t n_free = CAPACITY;
    (void)state;
    hash_secret_fixed(&secret, 5);
    assert_int_equal(host_shares_init(&hs, CAPACITY, HOST_SHARE, &secret), 0);
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct ip_addr ip = ip_addr_of4(be32_of(0x0a000001 + i));
        uint32_t n = 0;
        for (; n_free > 0 && host_share_room(&hs, &ip, 1, n_free); n++, n_free--)
            host_share_count(&hs, &ip, 1, 1);
        assert_int_equal(n, expected[i]);
    }
    assert_int_equal(n_free, 0); /* the last newcomer took the last */
    host_shares_free(&hs);
}

/* What is given back can be had again; the same address in another zone is another host. */
static void test_gives_back(void **state)
{
    struct hash_secret secret;
    struct host_shares hs;
    struct ip_addr ip = ip_addr_of4(be32_of(0x0a000001));
    (void)state;
    hash_secret_fixed(&secret, 5);
    assert_int_equal(host_shares_init(&hs, 4, HOST_SHARE, &secret), 0);
    for (int i = 0; i < 3; i++)
        host_share_count(&hs, &ip, 1, 1);
    assert_false(host_share_room(&hs, &ip, 1, 1));
    assert_true(host_share_room(&hs, &ip, 2, 1));
    host_share_count(&hs, &ip, 1, -1);
    assert_true(host_share_room(&hs, &ip, 1, 1));
    assert_false(host_share_room(&hs, &ip, 2, 0));
    host_shares_free(&hs);
    host_shares_free(&hs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
