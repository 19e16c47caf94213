/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/timer_sweep.h"

#include <string.h>

/* Sets in the table before the first walk, and more of them before another one. */
#define WORTH TIMER_SETS_MAX / 2
#define MORE  4096

/* Sessions looked at in one round. */
#define SLICE 4096

void timer_sweep_init(struct timer_sweep *s, struct dataplane *dp, struct publish *publish)
{
    *s = (struct timer_sweep){.dp = dp, .publish = publish, .next_at = WORTH};
}

static void mark(struct timer_sweep *s, uint16_t id)
{
    s->used[id / 64] |= UINT64_C(1) << (id % 64);
}

static void begin(struct timer_sweep *s)
{
    const struct snapshot *snap = dataplane_snapshot(s->dp);
    size_t n =
        (size_t)snap->n_service_classes * snap->n_policy_classes * (snap->n_port_timers + 1u);
    memset(s->used, 0, sizeof s->used);
    for (size_t i = 0; i < n; i++)
        mark(s, snap->timer_set_ids[i]);
    s->on = true;
    s->cursor = 0;
    s->swaps = s->publish->swaps;
}

static void forget_unused(struct helper_job *job)
{
    struct timer_sweep *s = ((struct timer_sweep_job *)job)->sweep;
    timer_sets_keep(s->dp->timer_sets, s->used);
    uint32_t next_at = timer_sets_count(s->dp->timer_sets) + MORE;
    s->next_at = next_at < WORTH ? WORTH : next_at < TIMER_SETS_MAX ? next_at : TIMER_SETS_MAX;
}

/* A session that opens behind the cursor has a set of the snapshot in force, which is marked. */
static bool slice_mark(struct timer_sweep *s)
{
    const struct sessions *ss = &s->dp->sessions;
    uint32_t end = __atomic_load_n(&ss->store.fresh, __ATOMIC_RELAXED);
    uint32_t to = end - s->cursor > SLICE ? s->cursor + SLICE : end;
    for (; s->cursor < to; s->cursor++) {
        const struct record *r = &session_at(ss, s->cursor)->r;
        if (record_state(r) != RECORD_FREE)
            mark(s, r->detail);
    }
    return to == end;
}

unsigned timer_sweep_run(struct timer_sweep *s)
{
    if (!s->on) {
        if (!publish_quiet(s->publish) || timer_sets_count(s->dp->timer_sets) < s->next_at)
            return 0;
        begin(s);
        return 1;
    }
    s->on = s->publish->swaps == s->swaps && publish_quiet(s->publish);
    if (s->on && slice_mark(s)) {
        s->on = false;
        s->job = (struct timer_sweep_job){{.run = forget_unused}, s};
        publish_do(s->publish, &s->job.job);
    }
    return 1;
}
