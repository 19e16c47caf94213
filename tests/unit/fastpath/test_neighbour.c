/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fastpath/neighbour.h"

#define CAPACITY 256

static const uint8_t mac[] = {2, 0, 10, 0, 0, 20}, other_mac[] = {2, 0, 10, 0, 0, 21};

/* Hosts of both families; some differ in one half of their address only. */
static struct ip_addr host(uint32_t i)
{
    switch (i % 3) {
    case 0:
        return ip_addr_of4(be32_of(0x0a000000 + i));
    case 1:
        return (struct ip_addr){.word = {be32_of(0x20010db8), 0, 0, be32_of(i)}};
    default:
        return (struct ip_addr){.word = {be32_of(0x20010db8), be32_of(i), 0, be32_of(1)}};
    }
}

static void test_life(void **state)
{
    struct neighbours ns;
    uint64_t word;
    uint32_t ref;
    (void)state;
    assert_int_equal(neighbours_init(&ns, CAPACITY), 0);
    assert_int_equal(neighbour_index(&ns, 1, host(7)), NEIGHBOUR_NONE);
    assert_false(neighbour_usable(&ns, NEIGHBOUR_NONE, &word));
    uint32_t i = neighbour_make(&ns, 1, host(7));
    assert_int_equal(neighbour_index(&ns, 1, host(7)), i);
    assert_int_equal(neighbour_make(&ns, 1, host(7)), i);
    assert_int_equal(neighbour_find(&ns, 1, host(7)), NEIGHBOUR_NONE);
    assert_int_equal(neighbour_state(neighbour_look(&ns, 1, host(7), &ref)), NEIGHBOUR_INCOMPLETE);
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
        word = neighbour_look(&ns, 1, host(7), &ref);
        assert_int_equal(neighbour_word_usable(word), row[k].usable);
        assert_int_equal(neighbour_find(&ns, 1, host(7)) != NEIGHBOUR_NONE, row[k].usable);
        assert_int_equal(neighbour_usable(&ns, ref, &word), row[k].usable);
        assert_memory_equal(&word, mac, 6);
        assert_int_equal(neighbour_state(word), row[k].state);
        assert_false(neighbour_full(word));
    }
    neighbour_set_full(&ns, i);
    assert_true(neighbour_full(neighbour_word(&ns, i)));
    assert_int_equal(neighbour_state(neighbour_word(&ns, i)), NEIGHBOUR_INCOMPLETE);
    neighbour_set(&ns, i, mac, NEIGHBOUR_REACHABLE);
    assert_false(neighbour_full(neighbour_word(&ns, i)));
    neighbours_free(&ns);
}

/* A reference holds while the entry is usable, whatever its MAC, and never again. */
static void test_references(void **state)
{
    struct neighbours ns;
    uint64_t word;
    (void)state;
    assert_int_equal(neighbours_init(&ns, 1), 0);
    uint32_t i = neighbour_make(&ns, 1, host(7));
    neighbour_set(&ns, i, mac, NEIGHBOUR_REACHABLE);
    uint32_t ref = neighbour_find(&ns, 1, host(7));
    neighbour_set(&ns, i, other_mac, NEIGHBOUR_PROBE);
    assert_true(neighbour_usable(&ns, ref, &word));
    assert_memory_equal(&word, other_mac, 6);
    struct ip_addr seven = host(7);
    assert_true(ip_addr_eq(&neighbour_of(&ns, ref)->ip, &seven));
    neighbour_remove(&ns, i);
    assert_int_equal(neighbour_index(&ns, 1, host(7)), NEIGHBOUR_NONE);
    for (uint32_t ip = 8; ip < 1000; ip++) {
        assert_int_equal(neighbour_make(&ns, 1, host(ip)), i);
        assert_false(neighbour_usable(&ns, ref, &word));
        neighbour_set(&ns, i, mac, NEIGHBOUR_REACHABLE);
        assert_false(neighbour_usable(&ns, ref, &word));
        assert_null(neighbour_of(&ns, ref));
        assert_true(neighbour_usable(&ns, neighbour_find(&ns, 1, host(ip)), &word));
        neighbour_remove(&ns, i);
    }
    assert_null(neighbour_of(&ns, NEIGHBOUR_NONE));
    neighbours_free(&ns);
}

/* The same address on two interfaces is two neighbours; all entries can be used. */
static void test_full(void **state)
{
    struct neighbours ns;
    uint32_t index[CAPACITY];
    (void)state;
    assert_int_equal(neighbours_init(&ns, CAPACITY), 0);
    for (unsigned n = 0; n < CAPACITY; n++)
        index[n] = neighbour_make(&ns, (uint16_t)(1 + n % 2), host(n / 2));
    assert_int_equal(neighbour_make(&ns, 3, host(7)), NEIGHBOUR_NONE);
    for (unsigned i = 0; i < CAPACITY; i++)
        assert_int_equal(neighbour_index(&ns, (uint16_t)(1 + i % 2), host(i / 2)), index[i]);
    for (unsigned i = 0; i < CAPACITY; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(index[i], index[k]);
    assert_int_equal(neighbour_index(&ns, 3, host(0)), NEIGHBOUR_NONE);
    neighbours_free(&ns);
}

/* Whatever comes and goes, exactly what is there is found. */
static void test_come_and_go(void **state)
{
    enum {
        ADDRESSES = 3 * CAPACITY
    };
    static uint32_t index[ADDRESSES];
    struct neighbours ns;
    uint32_t rng = 1;
    (void)state;
    assert_int_equal(neighbours_init(&ns, CAPACITY), 0);
    memset(index, 0xff, sizeof index);
    for (int round = 0; round < 20000; round++) {
        rng = rng * 1664525 + 1013904223;
        uint32_t ip = (rng >> 8) % ADDRESSES;
        if (index[ip] != NEIGHBOUR_NONE) {
            neighbour_remove(&ns, index[ip]);
            index[ip] = NEIGHBOUR_NONE;
        } else {
            bool full = ns.count == CAPACITY;
            index[ip] = neighbour_make(&ns, 1, host(ip));
            assert_int_equal(index[ip] == NEIGHBOUR_NONE, full);
        }
        rng = rng * 1664525 + 1013904223;
        ip = (rng >> 8) % ADDRESSES;
        assert_int_equal(neighbour_index(&ns, 1, host(ip)), index[ip]);
    }
    for (uint32_t ip = 0; ip < ADDRESSES; ip++)
        assert_int_equal(neighbour_index(&ns, 1, host(ip)), index[ip]);
    neighbours_free(&ns);
}

/* ---- a writer and readers ---- */

#define HOSTS  8192u
#define ROUNDS 300000

static struct neighbours shared;
static int over; /* atomic */

static void mac_of(uint32_t ip, uint8_t out[6])
{
    out[0] = 2;
    out[1] = 0;
    memcpy(out + 2, &ip, sizeof ip);
}

/* Whoever finds a host, or still holds a reference to one, gets the MAC of that host. */
static void *read_along(void *arg)
{
    uint32_t rng = 7, refs[16], ips[16] = {0}, wrong = 0;
    memset(refs, 0xff, sizeof refs);
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        uint64_t word;
        uint8_t expected[6];
        rng = rng * 1664525 + 1013904223;
        unsigned k = rng >> 28;
        mac_of(ips[k], expected);
        if (neighbour_usable(&shared, refs[k], &word))
            wrong += memcmp(&word, expected, 6) != 0;
        ips[k] = (rng >> 8) % HOSTS;
        refs[k] = neighbour_find(&shared, 1, host(ips[k]));
        mac_of(ips[k], expected);
        if (neighbour_usable(&shared, refs[k], &word))
            wrong += memcmp(&word, expected, 6) != 0;
    }
    *(uint32_t *)arg = wrong;
    return NULL;
}

static void test_readers_get_the_right_host(void **state)
{
    static uint32_t index[HOSTS];
    pthread_t reader;
    uint32_t rng = 1, wrong = 1;
    (void)state;
    assert_int_equal(neighbours_init(&shared, 4096), 0);
    memset(index, 0xff, sizeof index);
    assert_int_equal(pthread_create(&reader, NULL, read_along, &wrong), 0);
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t its[6];
        rng = rng * 1664525 + 1013904223;
        uint32_t ip = (rng >> 8) % HOSTS;
        if (index[ip] != NEIGHBOUR_NONE) {
            neighbour_remove(&shared, index[ip]);
            index[ip] = NEIGHBOUR_NONE;
        } else if ((index[ip] = neighbour_make(&shared, 1, host(ip))) != NEIGHBOUR_NONE) {
            mac_of(ip, its);
            neighbour_set(&shared, index[ip], its, NEIGHBOUR_REACHABLE);
        }
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
    pthread_join(reader, NULL);
    assert_int_equal(wrong, 0);
    neighbours_free(&shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_come_and_go),
        cmocka_unit_test(test_readers_get_the_right_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
