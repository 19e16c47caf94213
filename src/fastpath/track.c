/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet of a known session does to it: TCP's state, the counters, the time it was last
 * seen.
 */
#include "fastpath/track.h"

#include "fastpath/pipeline.h"
#include "sessions/tcp.h"

/* The TCP state machine. False: dropped. A segment that counts for nothing clears *counts. */
static bool track_tcp(struct worker *w, struct packet *p, struct session *s, bool *counts)
{
    uint8_t old = __atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED);
    for (;;) {
        struct tcp_step step = tcp_track(old, p->dir, packet_tcp(p)->tcp_flags, true);
        switch ((enum tcp_verdict)step.verdict) {
        case TCP_INVALID:
            drop(w, p->m, DROP_TCP_STATE);
            return false;
        case TCP_STRAY:
            *counts = false;
            return true;
        case TCP_REOPEN:
            session_kill(&w->dp->sessions, &w->thread, p->session);
            p->session = INDEX_NONE;
            pipeline_first(w, p);
            return false;
        case TCP_PASS:
            break;
        }
        if (step.state == old)
            return true;
        if (__atomic_compare_exchange_n(&s->tcp_state, &old, step.state, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            if (step.nearer)
                session_tell(&w->dp->sessions, &w->thread, p->session);
            return true;
        }
    }
}

/* Plain loads and stores: a count may get lost between two workers, see session.h. */
static void relaxed_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

bool packet_track(struct worker *w, struct packet *p, struct session *s)
{
    bool counts = true;
    if (p->key.proto == IPPROTO_TCP && !track_tcp(w, p, s, &counts))
        return false;
    if (counts) {
        relaxed_add(&s->packets[p->dir], 1);
        relaxed_add(&s->bytes[p->dir], (uint64_t)p->m->pkt_len - PACKET_IP_OFFSET);
        if (!(s->r.flags & (SESSION_QUIET << p->dir)))
            __atomic_store_n(&s->last_seen_ms, (uint32_t)w->now_ms, __ATOMIC_RELAXED);
    }
    return true;
}
