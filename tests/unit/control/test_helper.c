/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/helper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define JOBS 1000

static unsigned order[JOBS], n_done; /* written by the helper, read when it is idle */

struct numbered {
    struct helper_job job;
    unsigned number;
};

static void note(struct helper_job *job)
{
    struct numbered *n = (struct numbered *)job;
    order[n_done++] = n->number;
    free(n);
}

static void post(struct helper *h, unsigned number)
{
    struct numbered *n = malloc(sizeof *n);
    assert_non_null(n);
    *n = (struct numbered){{.run = note}, number};
    helper_post(h, &n->job);
}

static void test_in_order(void **state)
{
    struct helper *h = helper_create();
    (void)state;
    n_done = 0;
    assert_true(helper_idle(h));
    for (unsigned i = 0; i < JOBS; i++)
        post(h, i);
    while (!helper_idle(h))
        helper_nap(h);
    assert_int_equal(n_done, JOBS);
    for (unsigned i = 0; i < JOBS; i++)
        assert_int_equal(order[i], i);
    helper_destroy(h);
}

static void test_ends_after_what_was_posted(void **state)
{
    struct helper *h = helper_create();
    (void)state;
    n_done = 0;
    for (unsigned i = 0; i < JOBS; i++)
        post(h, i);
    helper_destroy(h);
    assert_int_equal(n_done, JOBS);
    helper_destroy(helper_create()); /* never used */
    helper_destroy(NULL);
}

static void slow(struct helper_job *job)
{
    (void)job;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

/* The caller goes on meanwhile: naps end before a long job does. */
static void test_a_nap_is_short(void **state)
{
    struct helper *h = helper_create();
    struct helper_job job = {.run = slow};
    unsigned naps = 0;
    (void)state;
    helper_post(h, &job);
    for (; !helper_idle(h); naps++)
        helper_nap(h);
    assert_true(naps > 1);
    helper_destroy(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_ends_after_what_was_posted),
        cmocka_unit_test(test_a_nap_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
