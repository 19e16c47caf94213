/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates by policy, source and destination, against virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alg/sip_meters.h"

static struct sip_meters meters;

static int set_up(void **state)
{
    struct hash_secret secret;
    (void)state;
    hash_secret_fixed(&secret, 5);
    return sip_meters_init(&meters, &secret);
}

static int tear_down(void **state)
{
    (void)state;
    sip_meters_free(&meters);
    return 0;
}

static bool take(uint64_t now_ms, uint32_t policy, uint32_t limit, enum voip_track track,
                 uint32_t host)
{
    struct sip_meter_ask ask = {.now_ms = now_ms,
                                .policy_id = policy,
                                .dialog_limit = 7,
                                .method = SIP_METHOD_INVITE,
                                .limit = limit,
                                .track = track,
                                .address = ip_addr_of4(be32_of(host))};
    return sip_meters_take(&meters, &ask);
}

static struct alg_meter meter_of(uint32_t policy, uint64_t now_ms)
{
    struct alg_meter m;
    for (uint32_t cursor = 0; sip_meters_next(&meters, &cursor, now_ms, &m);)
        if (m.policy_id == policy)
            return m;
    fail_msg("no meter of policy %u", policy);
    return m;
}

static void test_policy(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_true(take(0, 1, 3, VOIP_TRACK_NONE, 0));
    assert_false(take(0, 1, 3, VOIP_TRACK_NONE, 0));
    assert_false(take(999, 1, 3, VOIP_TRACK_NONE, 0));
    assert_true(take(999, 2, 3, VOIP_TRACK_NONE, 0)); /* another policy */
    struct alg_meter m = meter_of(1, 999);
    assert_int_equal(m.dialog_limit, 7);
    assert_int_equal(m.method[SIP_METHOD_INVITE].rate, 5);
    assert_int_equal(m.method[SIP_METHOD_INVITE].peak, 5);
    assert_int_equal(m.method[SIP_METHOD_INVITE].max, 3);
    assert_int_equal(m.method[SIP_METHOD_INVITE].count, 3);
    assert_int_equal(m.method[SIP_METHOD_INVITE].drop, 2);
    assert_int_equal(m.method[SIP_METHOD_BYE].count, 0);
    assert_true(take(1000, 1, 3, VOIP_TRACK_NONE, 0));
    assert_int_equal(meter_of(1, 1001).method[SIP_METHOD_INVITE].rate, 5); /* the second before */
    assert_int_equal(meter_of(1, 2000).method[SIP_METHOD_INVITE].rate, 1);
    assert_int_equal(meter_of(1, 3000).method[SIP_METHOD_INVITE].rate, 0);
    assert_int_equal(meter_of(1, 3000).method[SIP_METHOD_INVITE].peak, 5);
    /* Without a limit all is counted and nothing refused. */
    for (int i = 0; i < 1000; i++)
        assert_true(take(5000, 1, 0, VOIP_TRACK_SRC, 1));
    assert_int_equal(meter_of(1, 5000).method[SIP_METHOD_INVITE].rate, 1000);
}

static void test_addresses(void **state)
{
    (void)state;
    for (uint32_t host = 1; host <= 50; host++) {
        assert_true(take(10000, 1, 2, VOIP_TRACK_SRC, host));
        assert_true(take(10000, 1, 2, VOIP_TRACK_SRC, host));
        assert_false(take(10000, 1, 2, VOIP_TRACK_SRC, host));
    }
    assert_false(take(10999, 1, 2, VOIP_TRACK_DST, 50));
    assert_true(take(11000, 1, 2, VOIP_TRACK_DST, 50));
    assert_int_equal(meter_of(1, 10999).method[SIP_METHOD_INVITE].drop, 51);
    /* The same host under another policy is another count. */
    assert_true(take(10999, 3, 1, VOIP_TRACK_SRC, 7));
}

/* Made-up addresses push each other out, not the one that is held back. */
static void test_flood(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(20000, 1, 10, VOIP_TRACK_SRC, 1), i < 10);
    for (uint32_t host = 2; host < 200000; host++)
        take(20500, 1, 10, VOIP_TRACK_SRC, host);
    assert_false(take(20999, 1, 10, VOIP_TRACK_SRC, 1));
    assert_true(take(21000, 1, 10, VOIP_TRACK_SRC, 1));
}

/* More policies than there is room for: the quiet ones go. */
static void test_many_policies(void **state)
{
    (void)state;
    for (uint32_t policy = 1; policy <= 20000; policy++) {
        assert_true(take(30000, policy, 1, VOIP_TRACK_NONE, 0));
        assert_false(take(30000, policy, 1, VOIP_TRACK_NONE, 0));
        if (policy % 16 == 0)
            assert_false(take(30000, 16, 1, VOIP_TRACK_NONE, 0));
    }
    struct alg_meter m;
    uint32_t cursor = 0, n = 0;
    while (sip_meters_next(&meters, &cursor, 30000, &m))
        n++;
    assert_in_range(n, 3000, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_policies, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
