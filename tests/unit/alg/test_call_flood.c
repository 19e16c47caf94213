/* SPDX-License-Identifier: BSD-3-Clause */
/* What a flood of calls from outside may take, and what is left for others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"

#define ROOM 64

/* Calls begin until one is refused; returns how many there are. */
static unsigned flood(struct fixture *f, bool outward, const char *name, bool media)
{
    for (unsigned i = 0;; i++) {
        char call[32];
        struct say s = first_say(outward && media ? ours(6000 + 2 * i) : NULL);
        snprintf(call, sizeof(call), "%s%u", name, i);
        s.call = call;
        if (request(f, outward, s) == ALG_DROP) {
            assert_int_equal(f->r.reason, ALG_REASON_SIP_NO_DIALOG);
            return i;
        }
        assert_in_range(i, 0, ROOM);
        if (outward || !media)
            continue;
        s = say("INVITE", 1, ours(6000 + 2 * i));
        s.call = call;
        assert_int_not_equal(respond(f, true, 183, s), ALG_DROP);
    }
}

static void outside_is(struct fixture *f, const char *ip)
{
    f->r.outside = rig_endpoint(ip, 5060);
}

static bool one_more(struct fixture *f, bool outward, const char *call)
{
    struct say s = first_say(NULL);
    s.call = call;
    return request(f, outward, s) != ALG_DROP;
}

static void flood_set_up(struct fixture *f)
{
    rig_init(&f->r, 1024, ROOM);
    f->phone = rig_phone(&f->r, INSIDE, 5060, 40000);
}

/* One address has half of the table at most; another one may still call the same phone, and the
 * phone may call out. */
static void test_one_caller(void **state)
{
    struct fixture f;
    (void)state;
    flood_set_up(&f);
    assert_int_equal(flood(&f, false, "bad", true), ROOM / 2);
    outside_is(&f, "198.51.100.66");
    assert_true(one_more(&f, false, "good"));
    assert_true(one_more(&f, true, "own"));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Many addresses have nine sixteenths of the table; the phone may use what is left of its share,
 * and so may another phone. */
static void test_many_callers(void **state)
{
    struct fixture f;
    unsigned n = 0;
    (void)state;
    flood_set_up(&f);
    for (unsigned i = 0; i < ROOM; i++) {
        char ip[20], call[16];
        snprintf(ip, sizeof(ip), "198.51.100.%u", 100 + i);
        snprintf(call, sizeof(call), "bad%u", i);
        outside_is(&f, ip);
        n += one_more(&f, false, call);
    }
    assert_int_equal(n, ROOM * 9 / 16);
    assert_int_equal(flood(&f, true, "own", true), ROOM * 3 / 4 - n);
    f.phone = rig_phone(&f.r, "10.0.0.2", 5060, 40002);
    assert_true(one_more(&f, false, "other"));
    f.phone = (struct rig_phone){.inside = rig_endpoint(INSIDE, 5060),
                                 .public_side = rig_endpoint("203.0.113.9", 40000)};
    rig_wait(&f.r, 13 * 3600 * 1000ull);
    assert_tables_empty(f.r.alg);
    tear_down(&f);
}

/* Who ends his calls gets his share back. */
static void test_gives_back(void **state)
{
    struct fixture f;
    (void)state;
    flood_set_up(&f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(flood(&f, false, "a", false), ROOM / 2);
        rig_wait(&f.r, 13 * 3600 * 1000ull);
        assert_tables_empty(f.r.alg);
    }
    assert_nothing_left(&f);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_caller),
        cmocka_unit_test(test_many_callers),
        cmocka_unit_test(test_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
