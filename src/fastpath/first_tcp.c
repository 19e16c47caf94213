/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A connection begins with SYN, unless the policy lets it be picked up midway: after a restart, or
 * where its beginning took another way. A session
 * that ended because its way did leaves its connection to the next one, too. What is picked up has
 * its windows recorded but not checked, since its scale factors went by unseen
 * (sessions/tcp_window.h).
 */
#include "fastpath/first.h"
#include "sessions/tcp.h"

static bool has_data(const struct packet *p)
{
    return p->l4_len > (packet_tcp(p)->data_off >> 4) * 4u;
}

enum step step_tcp(struct worker *w, struct first *f)
{
    const struct packet *p = f->p;
    const struct policy *policy = f->hit.policy;
    if (p->key.proto != IPPROTO_TCP)
        return NEXT;

    const uint8_t flags = packet_tcp(p)->tcp_flags;
    struct tcp_step step = tcp_track(TCP_STATE_NONE, 0, flags, true);
    f->want.tcp_state = TCP_STATE_NONE;
    if (step.verdict != TCP_PASS &&
        ((f->open && !policy->nat) || policy->midway == TCP_MIDWAY_ALL ||
         (policy->midway == TCP_MIDWAY_DATA && has_data(p)))) {
        step = tcp_pick_up(flags);
        f->want.tcp_state = step.state;
    }
    if (step.verdict != TCP_PASS)
        return first_refuse(w, f, DROP_TCP_STATE);
    f->want.traits |= policy->traits;
    if (f->hit.service && !(policy->traits & TRAIT_TCP_HALF))
        f->want.traits |= f->hit.service->traits;
    return NEXT;
}
