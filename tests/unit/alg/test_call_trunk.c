/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A trunk: hundreds of calls at once on one flow, of both directions, ended one by one in an order
 * of their own. Whatever happens to one, the others keep their ports.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rng.h"
#include "calls.h"

#define CALLS   500
#define CALL_ID 16

static char names[CALLS][CALL_ID];

static uint16_t port_of(unsigned call)
{
    return (uint16_t)(6000 + 4 * call);
}

/* Even calls go out, odd ones come in. */
static bool goes_out(unsigned call)
{
    return call % 2 == 0;
}

static struct say of_call(unsigned call, const char *method, unsigned cseq, const char *sdp)
{
    struct say s = say(method, cseq, sdp);
    s.call = names[call];
    return s;
}

static void begin(struct fixture *f, unsigned call)
{
    bool out = goes_out(call);
    struct say s = first_say(out ? ours(port_of(call)) : theirs(7000));
    s.call = names[call];
    request(f, out, s);
    respond(f, !out, 180, of_call(call, "INVITE", 1, NULL));
    respond(f, !out, 200, of_call(call, "INVITE", 1, out ? theirs(7000) : ours(port_of(call))));
    request(f, out, of_call(call, "ACK", 1, NULL));
}

/* By either side. */
static void end(struct fixture *f, unsigned call, bool by_inside)
{
    struct say s = of_call(call, "BYE", 2, NULL);
    s.by_b = by_inside != goes_out(call);
    request(f, by_inside, s);
    respond(f, !by_inside, 200, s);
}

static void test_trunk(void **state)
{
    struct fixture f;
    struct rng rng = {7};
    unsigned order[CALLS];
    uint16_t public_port[CALLS];
    (void)state;
    rig_init(&f.r, 4 * CALLS, CALLS + CALLS / 2);
    f.phone = rig_phone(&f.r, INSIDE, 5060, 40000);
    for (unsigned i = 0; i < CALLS; i++) {
        snprintf(names[i], CALL_ID, "trunk-%u", i);
        order[i] = i;
        begin(&f, i);
        public_port[i] = be16_host(mapping_public(rig_mapping(&f.r, INSIDE, port_of(i))).port);
    }
    assert_int_equal(rig_stats(&f.r).calls_active, CALLS);
    assert_int_equal(rig_stats(&f.r).calls_established, CALLS);
    for (unsigned i = CALLS - 1; i > 0; i--) {
        unsigned other = rng_below(&rng, i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (unsigned n = 0; n < CALLS; n++) {
        end(&f, order[n], rng_below(&rng, 2));
        rig_wait(&f.r, 5100);
        assert_int_equal(rig_stats(&f.r).calls_active, CALLS - n - 1);
        assert_int_equal(rig_reap(&f.r), 1 + 2 * (CALLS - n - 1));
        assert_null(rig_mapping(&f.r, INSIDE, port_of(order[n])));
        if (n + 1 == CALLS)
            break;
        unsigned left = order[n + 1 + rng_below(&rng, CALLS - n - 1)];
        struct mapping *m = rig_mapping(&f.r, INSIDE, port_of(left));
        assert_non_null(m);
        assert_int_equal(be16_host(mapping_public(m).port), public_port[left]);
    }
    assert_nothing_left(&f);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_trunk)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
