/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session as far as TCP goes, for tests of the windows.
 */
#pragma once

#include "sessions/tcp_window.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Passes segments as a worker does. */
struct middle {
    uint64_t edge[2];
    uint8_t said[2], state;
    enum tcp_window_mode mode;
};

/* False when the window or the state drops it. */
static inline bool middle_pass(struct middle *m, unsigned int direction,
                               const struct tcp_segment *seg)
{
    const struct tcp_window w = {m->edge, m->said};
    const struct tcp_window_result r = tcp_window_check(w, m->state, direction, seg, m->mode);
    assert_true(r.inside || !r.settles);
    if (!r.inside)
        return false;
    const struct tcp_step step = tcp_track(m->state, direction, seg->flags, r.settles);
    m->state = step.state;
    return step.verdict == TCP_PASS || step.verdict == TCP_STRAY;
}
