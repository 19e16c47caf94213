/* SPDX-License-Identifier: BSD-3-Clause */
/* Assertions about slices and faults, for the tests of header values. Include after cmocka.h. */
#pragma once

#include "alg/sip_msg.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define assert_slice(s, text)                                            \
    do {                                                                 \
        struct slice got_ = (s);                                         \
        if (!slice_eq(got_, slice_str(text)))                            \
            fail_msg("\"%.*s\" is not \"%s\"", SLICE_ARG(got_), (text)); \
    } while (0)

/* A fault of `reason` whose place in `value` reads `at`; "" is the end. */
static inline void assert_fault(struct slice value, struct sip_fault fault, enum sip_bad reason,
                                const char *at)
{
    if (fault.reason != reason)
        fail_msg("\"%.*s\": %s, not %s", SLICE_ARG(value), sip_bad_text(fault.reason),
                 sip_bad_text(reason));
    assert_true(fault.offset <= value.n);
    struct slice rest = slice_skip(value, fault.offset);
    if (!slice_istarts(rest, slice_str(at)) || (at[0] == '\0') != (rest.n == 0))
        fail_msg("\"%.*s\": fault at \"%.*s\"", SLICE_ARG(value), SLICE_ARG(rest));
}
