/* SPDX-License-Identifier: BSD-3-Clause */
/* The sequence of proposed ports: what is first, what is allowed, and when it ends. */
#include "base/rng.h"
#include "sessions/nat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* All proposals, in host order, into `out` of at least 1000; returns how many. */
static unsigned propose(const struct nat_want *want, uint16_t source, uint32_t random,
                        uint16_t step, uint16_t *out)
{
    struct nat_probe p;
    be16 port;
    unsigned n = 0;
    nat_probe_init(&p, want, be16_of(source), random, step);
    while (n < 1000 && nat_probe_next(&p, &port))
        out[n++] = be16_host(port);
    for (int i = 0; i < 70000; i += 7) /* once it ended it remains so */
        assert_false(nat_probe_next(&p, &port));
    return n;
}

static void source_port_first(void **state)
{
    (void)state;
    const struct nat_want want = {.first = 5117, .last = 65533, .preserve = true};
    const struct {
        uint16_t source;
        bool kept;
    } rows[] = {{5060, true}, {1024, true}, {65535, true}, {1023, false}, {53, false}, {0, false}};
    uint16_t ports[1000];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(propose(&want, rows[i].source, 900, 1, ports), NAT_PROBES);
        assert_int_equal(ports[0], rows[i].kept ? rows[i].source : 5117 + 900);
        if (rows[i].kept)
            assert_int_equal(ports[1], 5117 + 900);
    }
}

/* With the lower half of the range taken, every walk soon leaves it: nobody is refused. */
static void long_runs_are_left(void **state)
{
    (void)state;
    const struct nat_want want = {.first = 5117, .last = 65533};
    struct rng rng = {11};
    uint16_t ports[1000];
    unsigned most = 0;
    for (int round = 0; round < 20000; round++) {
        unsigned tried = 0;
        propose(&want, 6000, (uint32_t)rng_next(&rng), 2, ports);
        while (tried < NAT_PROBES && ports[tried] < 35325)
            tried++;
        most = tried > most ? tried : most;
    }
    assert_in_range(most, 1, NAT_PROBES - 1);
}

static void fixed_is_one_proposal(void **state)
{
    (void)state;
    const struct nat_want want = {.first = 5117, .last = 65533, .fixed = true};
    uint16_t ports[1000];
    assert_int_equal(propose(&want, 123, 900, 1, ports), 1);
    assert_int_equal(ports[0], 123);
    assert_int_equal(propose(&want, 40000, 900, 2, ports), 1);
    assert_int_equal(ports[0], 40000);
}

static void small_range_is_exhausted(void **state)
{
    (void)state;
    const struct nat_want want = {.first = 7000, .last = 7004};
    /* Starts near the end of the number space too: none is proposed twice, none left out. */
    const uint32_t starts[] = {0, 3, 1000000, UINT32_MAX, UINT32_MAX - 1, UINT32_MAX - 2};
    uint16_t ports[1000];
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        unsigned seen = 0;
        assert_int_equal(propose(&want, 5060, starts[i], 1, ports), 5);
        for (int k = 0; k < 5; k++)
            seen |= 1u << (ports[k] - 7000);
        assert_int_equal(seen, 31);
    }
    const struct nat_want one = {.first = 65535, .last = 65535};
    assert_int_equal(propose(&one, 5060, 12345, 1, ports), 1);
    assert_int_equal(ports[0], 65535);
}

static void ranges_without_a_port(void **state)
{
    (void)state;
    uint16_t ports[1000];
    const struct nat_want reversed = {.first = 7001, .last = 7000};
    assert_int_equal(propose(&reversed, 5060, 1, 1, ports), 0);
    const struct nat_want odd = {.first = 7001, .last = 7001};
    assert_int_equal(propose(&odd, 5060, 1, 2, ports), 0); /* no even port in it */
    assert_int_equal(propose(&odd, 5061, 1, 2, ports), 1);
    const struct nat_want top = {.first = 65535, .last = 65535};
    assert_int_equal(propose(&top, 5060, 1, 2, ports), 0);
    const struct nat_want kept = {.first = 7001, .last = 7000, .preserve = true};
    assert_int_equal(propose(&kept, 5060, 1, 1, ports), 1);
}

/* Any want: within the range (but for the source port), of the right parity, no repetition, at most
 * NAT_PROBES, and all ports there are when they are fewer. */
static void any_sequence(void **state)
{
    (void)state;
    struct rng rng = {5};
    for (int round = 0; round < 3000; round++) {
        uint16_t ports[1000], source = (uint16_t)rng_next(&rng);
        struct nat_want want = {.first = (uint16_t)rng_next(&rng), .preserve = rng_below(&rng, 2)};
        uint32_t width = rng_below(&rng, rng_below(&rng, 2) ? 300 : 60000);
        uint16_t step = (uint16_t)(1 + rng_below(&rng, 2));
        want.last = (uint16_t)(want.first + width > 65535 ? 65535 : want.first + width);
        unsigned n = propose(&want, source, (uint32_t)rng_next(&rng), step, ports);

        unsigned kept = want.preserve && source >= 1024, places = 0;
        for (uint32_t p = want.first; p <= want.last; p++)
            places += step == 1 || (p & 1) == (source & 1);
        assert_int_equal(n, kept + places < NAT_PROBES ? kept + places : NAT_PROBES);
        static uint8_t seen[65536];
        memset(seen, 0, sizeof seen);
        if (kept)
            assert_int_equal(ports[0], source);
        for (unsigned i = kept; i < n; i++) {
            assert_in_range(ports[i], want.first, want.last);
            assert_true(step == 1 || (ports[i] & 1) == (source & 1));
            assert_false(seen[ports[i]]++);
        }
    }
}

/* A block of ports is its holder's alone, and a host with an address to itself keeps any port. */
static void kept_within(void **state)
{
    (void)state;
    const struct nat_want block = {.first = 7440, .last = 9762, .preserve = true, .within = true};
    const struct nat_want own = {.first = 1, .last = 65535, .preserve = true, .within = true};
    const struct {
        const struct nat_want *want;
        uint16_t source;
        bool kept;
    } rows[] = {{&block, 7439, false}, {&block, 7440, true}, {&block, 9762, true},
                {&block, 9763, false}, {&block, 53, false},  {&own, 53, true},
                {&own, 1, true},       {&own, 65535, true},  {&own, 0, false}};
    uint16_t ports[1000];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned n = propose(rows[i].want, rows[i].source, 77, 1, ports);
        assert_int_equal(n, NAT_PROBES);
        assert_int_equal(ports[0] == rows[i].source, rows[i].kept);
        for (unsigned k = 1; k < n; k++)
            assert_true(ports[k] >= 1024 && ports[k] >= rows[i].want->first &&
                        ports[k] <= rows[i].want->last);
    }
}

static bool every_fourth(const void *ctx, be32 ip, be16 port)
{
    return ip == *(const be32 *)ctx && be16_host(port) % 4 == 3;
}

static bool never(const void *ctx, be32 ip, be16 port)
{
    (void)ctx;
    (void)ip;
    (void)port;
    return false;
}

/* Ports that fit come first; where there are none, or all are taken, any port will do. */
static void fitting_ports_first(void **state)
{
    (void)state;
    const be32 ip = be32_of(0xcb007102);
    const struct nat_fit fourth = {every_fourth, &ip}, none = {never, NULL};
    struct nat_want want = {.ip = ip, .first = 5117, .last = 65533, .fit = &fourth};
    uint16_t ports[1000];
    struct rng rng = {3};
    for (int round = 0; round < 200; round++) {
        assert_int_equal(propose(&want, 6000, (uint32_t)rng_next(&rng), 1, ports), NAT_PROBES);
        for (unsigned i = 0; i < NAT_FIT_PROBES; i++)
            assert_int_equal(ports[i] % 4, 3);
        unsigned others = 0;
        for (unsigned i = NAT_FIT_PROBES; i < NAT_PROBES; i++)
            others += ports[i] % 4 != 3;
        assert_true(others > 0);
    }
    want.preserve = true; /* port preservation wins */
    propose(&want, 6000, 1, 1, ports);
    assert_int_equal(ports[0], 6000);
    assert_int_equal(ports[1] % 4, 3);

    struct nat_want few = {.ip = ip, .first = 7000, .last = 7007, .fit = &none};
    unsigned seen = 0;
    assert_int_equal(propose(&few, 6000, 12, 1, ports), 8);
    for (int i = 0; i < 8; i++)
        seen |= 1u << (ports[i] - 7000);
    assert_int_equal(seen, 0xff);
    few.fit = &fourth;
    assert_int_equal(propose(&few, 6000, 12, 1, ports), 10); /* 7003 and 7007, then all eight */
    assert_true(ports[0] % 4 == 3 && ports[1] % 4 == 3);
}

/* What is spoken for is not proposed, neither as source port nor in the walk. */
static void barred_ports_are_left_out(void **state)
{
    (void)state;
    const be32 ip = be32_of(0xcb007102);
    const struct nat_fit barred = {every_fourth, &ip};
    struct nat_want want = {
        .ip = ip, .first = 7000, .last = 7007, .preserve = true, .barred = &barred};
    uint16_t ports[1000];
    unsigned seen = 0;
    assert_int_equal(propose(&want, 6003, 12, 1, ports), 6);
    for (int i = 0; i < 6; i++)
        seen |= 1u << (ports[i] - 7000);
    assert_int_equal(seen, 0x77);
    want.fixed = true;
    assert_int_equal(propose(&want, 6003, 12, 1, ports), 0);
    assert_int_equal(propose(&want, 6004, 12, 1, ports), 1);
    assert_true(nat_barred(&want, be16_of(7003)) && !nat_barred(&want, be16_of(7004)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(source_port_first),
        cmocka_unit_test(long_runs_are_left),
        cmocka_unit_test(fixed_is_one_proposal),
        cmocka_unit_test(small_range_is_exhausted),
        cmocka_unit_test(ranges_without_a_port),
        cmocka_unit_test(any_sequence),
        cmocka_unit_test(kept_within),
        cmocka_unit_test(fitting_ports_first),
        cmocka_unit_test(barred_ports_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
