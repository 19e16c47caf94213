/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/neighbour.h"

#define CAPACITY 256

static void test_life(void **state)
{
    static const uint8_t mac[] = {2, 0, 10, 0, 0, 20};
    struct neighbours ns;
    uint64_t word;
    (void)state;
    assert_int_equal(neighbours_init(&ns, CAPACITY), 0);
    assert_int_equal(neighbour_find(&ns, 1, 7), NEIGHBOUR_NONE);
    assert_false(neighbour_usable(&ns, NEIGHBOUR_NONE, &word));
    uint32_t i = neighbour_make(&ns, 1, 7);
    assert_int_equal(neighbour_find(&ns, 1, 7), i);
    assert_int_equal(neighbour_make(&ns, 1, 7), i);
    assert_false(neighbour_usable(&ns, i, &word));
    assert_int_equal(neighbour_state(neighbour_word(&ns, i)), NEIGHBOUR_INCOMPLETE);
    static const struct {
        enum neighbour_state state;
        bool usable;
    } row[] = {{NEIGHBOUR_REACHABLE, true},
               {NEIGHBOUR_STALE, true},
               {NEIGHBOUR_PROBE, true},
               {NEIGHBOUR_FAILED, false},
               {NEIGHBOUR_INCOMPLETE, false}};
    for (size_t k = 0; k < sizeof row / sizeof row[0]; k++) {
        neighbour_set(&ns, i, mac, row[k].state);
        assert_int_equal(neighbour_usable(&ns, i, &word), row[k].usable);
        word = neighbour_word(&ns, i);
        assert_memory_equal(&word, mac, 6);
        assert_int_equal(neighbour_state(word), row[k].state);
    }
    neighbours_free(&ns);
}

/* The same address on two interfaces is two neighbours; indexes stay; three quarters fill. */
static void test_full(void **state)
{
    struct neighbours ns;
    uint32_t index[CAPACITY];
    unsigned n = 0;
    (void)state;
    assert_int_equal(neighbours_init(&ns, CAPACITY), 0);
    for (; n < CAPACITY; n++) {
        index[n] = neighbour_make(&ns, (uint16_t)(1 + n % 2), be32_of(0x0a000000 + n / 2));
        if (index[n] == NEIGHBOUR_NONE)
            break;
    }
    assert_int_equal(n, CAPACITY / 4 * 3);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(neighbour_find(&ns, (uint16_t)(1 + i % 2), be32_of(0x0a000000 + i / 2)),
                         index[i]);
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(index[i], index[k]);
    assert_int_equal(neighbour_find(&ns, 3, be32_of(0x0a000000)), NEIGHBOUR_NONE);
    neighbours_free(&ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life), cmocka_unit_test(test_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
