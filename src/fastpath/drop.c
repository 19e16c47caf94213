/* SPDX-License-Identifier: BSD-3-Clause */
#include "fastpath/drop.h"

static const struct {
    const char *name, *text;
} reasons[DROP_COUNT] = {
#define X(id, name, text) {name, text},
    DROP_REASONS(X)
#undef X
};

_Static_assert((int)DROP_SIP_MALFORMED ==
                   (int)DROP_COUNT - (int)ALG_REASON_COUNT + (int)ALG_REASON_SIP_MALFORMED,
               "the ALG's reasons are the tail of the list");

const char *drop_name(enum drop_reason reason)
{
    return reasons[reason].name;
}

const char *drop_text(enum drop_reason reason)
{
    return reasons[reason].text;
}
