/* SPDX-License-Identifier: BSD-3-Clause */
/* The matcher against the rule book read line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "fastpath/matcher.h"
#include "rulebook.h"

#include <stdio.h>

static void check_flow(const struct rulebook *b, const struct matcher *m, const struct flow *f,
                       uint64_t seed)
{
    char src[IPV6_TEXT_MAX], dst[IPV6_TEXT_MAX];
    uint32_t want = rulebook_find(b, f), got = UINT32_MAX;
    if (!matcher_find(m, f, &got))
        assert_int_equal(got, UINT32_MAX);
    if (got == want)
        return;
    ip_addr_print(&f->src, src);
    ip_addr_print(&f->dst, dst);
    fail_msg("seed %llu: rule %d, not %d: %u -> %u proto %u %s:%u -> %s:%u vip %u",
             (unsigned long long)seed, (int)got, (int)want, f->in_ifindex, f->out_ifindex, f->proto,
             src, f->sport, dst, f->dport, f->vip);
}

/* Returns how many flows found a rule. */
static uint32_t check_book(const struct rulebook_size *size, uint64_t seed, uint32_t flows)
{
    struct rulebook b;
    struct text error = {0};
    uint32_t found = 0, rule;
    rulebook_make(&b, size, seed);
    struct matcher *m = matcher_create(&b.rows, &error);
    assert_non_null(m);
    for (uint32_t i = 0; i < flows; i++) {
        struct flow f = rulebook_flow(&b);
        check_flow(&b, m, &f, seed);
        found += matcher_find(m, &f, &rule);
    }
    matcher_destroy(m);
    rulebook_free(&b);
    return found;
}

static void test_small_books(void **state)
{
    uint32_t found = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 600; seed++) {
        struct rng rng = {seed};
        struct rulebook_size size = {.policies = rng_below(&rng, 12),
                                     .interfaces = (uint16_t)(1 + rng_below(&rng, 4)),
                                     .addresses = (uint16_t)(1 + rng_below(&rng, 12)),
                                     .addresses6 = (uint16_t)rng_below(&rng, 12),
                                     .services = (uint16_t)(1 + rng_below(&rng, 8)),
                                     .vips = (uint16_t)rng_below(&rng, 4),
                                     .ranges = (uint16_t)(1 + rng_below(&rng, 6)),
                                     .names = (uint16_t)(1 + rng_below(&rng, 5))};
        found += check_book(&size, seed, 200);
    }
    /* Neither everything nor nothing: the comparison has something to compare. */
    assert_in_range(found, 30000, 90000);
}

/* More than one word of rules, and than one word of words. */
static void test_large_books(void **state)
{
    static const struct rulebook_size size[] = {
        {64, 2, 30, 10, 10, 2, 4, 3},       {65, 3, 30, 0, 10, 0, 4, 3},
        {500, 8, 200, 40, 60, 20, 10, 6},   {4096, 4, 300, 30, 40, 10, 10, 2},
        {4097, 20, 300, 30, 100, 10, 3, 2}, {9000, 63, 900, 100, 200, 300, 20, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++)
        assert_true(check_book(&size[i], 1000 + i, 3000) > 0);
}

/* The last rule of a long book, all others being for somebody else. */
static void test_far_down(void **state)
{
    static const struct rulebook_size size = {9999, 1, 2, 1, 1, 0, 1, 1};
    struct rulebook b;
    struct text error = {0};
    uint32_t rule;
    (void)state;
    rulebook_make(&b, &size, 7);
    struct row_policy *policies = (struct row_policy *)(uintptr_t)b.rows.policies;
    static const uint16_t all = 0, other = 1;
    for (uint32_t i = 0; i < size.policies; i++)
        policies[i] = (struct row_policy){.n_srcintf = 1,
                                          .srcintf = &all,
                                          .any_dstintf = true,
                                          .n_srcaddr = 1,
                                          .srcaddr = i + 1 == size.policies ? &all : &other,
                                          .n_dstaddr = 1,
                                          .dstaddr = &all,
                                          .n_services = 1,
                                          .services = &all};
    struct matcher *m = matcher_create(&b.rows, &error);
    assert_non_null(m);
    uint32_t inside = b.rows.addresses[1].ranges[0].first;
    struct flow f = {.in_ifindex = 1,
                     .out_ifindex = 1,
                     .src = ip_addr_of4(be32_of(inside ^ 0x40000000)),
                     .dst = ip_addr_of4(1),
                     .proto = 6};
    assert_true(matcher_find(m, &f, &rule));
    assert_int_equal(rule, size.policies - 1);
    f.src = ip_addr_of4(be32_of(inside));
    assert_true(matcher_find(m, &f, &rule));
    assert_int_equal(rule, 0);
    /* An interface that no rule was made for. */
    f.in_ifindex = 5;
    assert_false(matcher_find(m, &f, &rule));
    matcher_destroy(m);
    rulebook_free(&b);
}

static void test_intervals(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct rng rng = {seed};
        struct intervals v;
        uint32_t n = 1 + rng_below(&rng, seed < 40 ? 40 : 5000), at = 0;
        uint32_t first[5000], value[5000];
        for (uint32_t i = 0; i < n; i++, at += 1 + rng_below(&rng, UINT32_MAX / (n + 1))) {
            first[i] = at;
            value[i] = i * 3;
        }
        if (seed % 2 && n > 1)
            first[n - 1] = UINT32_MAX;
        intervals_make(&v, first, value, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t last = i + 1 < n ? first[i + 1] - 1 : UINT32_MAX;
            assert_int_equal(intervals_find(&v, first[i]), i);
            assert_int_equal(intervals_find(&v, last), i);
            assert_int_equal(intervals_find(&v, first[i] + (last - first[i]) / 2), i);
        }
        assert_true(intervals_bytes(&v) >= n * 8u);
        intervals_free(&v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_books),
        cmocka_unit_test(test_large_books),
        cmocka_unit_test(test_far_down),
        cmocka_unit_test(test_intervals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
