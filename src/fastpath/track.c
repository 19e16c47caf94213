/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet of a known session does to it: TCP's windows and state, the counters, the time it
 * was last seen.
 *
 * A segment is first held against the windows (sessions/tcp_window.h), where the session has them
 * watched, then against the state (sessions/tcp.h). Only one that passes both is recorded, and one
 * that strays counts for nothing: it restarts no timer. Control hears of a state only when its
 * timer ends sooner than the last one's would.
 */
#include "fastpath/track.h"

#include "base/checksum.h"
#include "fastpath/pipeline.h"
#include "sessions/tcp_window.h"

static size_t tcp_header_len(const struct rte_tcp_hdr *tcp)
{
    return (tcp->data_off >> 4) * 4u;
}

static const uint8_t *tcp_options(const struct rte_tcp_hdr *tcp)
{
    return (const uint8_t *)(tcp + 1);
}

static struct tcp_segment segment_of(const struct packet *p)
{
    const struct rte_tcp_hdr *tcp = packet_tcp(p);
    const size_t header = tcp_header_len(tcp);
    struct tcp_segment seg = {
        .seq = be32_host(tcp->sent_seq),
        .ack = be32_host(tcp->recv_ack),
        .len = (uint32_t)(p->l4_len - header),
        .window = be16_host(tcp->rx_win),
        .flags = tcp->tcp_flags,
    };
    if (__builtin_expect(tcp->tcp_flags & TCP_BIT_SYN, 0))
        seg.scale = tcp_option_scale(tcp_options(tcp), header - sizeof *tcp);
    return seg;
}

static enum tcp_window_mode mode_of(uint16_t traits)
{
    return traits & TRAIT_TCP_STRICT  ? TCP_WINDOW_STRICT
           : traits & TRAIT_TCP_LOOSE ? TCP_WINDOW_LOOSE
                                      : TCP_WINDOW_OFF;
}

/* What may end a connection from outside, resets and ICMP errors, may have a measure of its own. */
static enum tcp_window_mode reset_mode(const struct session *s)
{
    return s->traits & TRAIT_RESET_STRICT ? TCP_WINDOW_STRICT
           : s->traits & TRAIT_RESET_OFF  ? TCP_WINDOW_OFF
                                          : mode_of(s->traits);
}

/* A SYN or its answer: no larger segments than policy and interfaces allow (RFC 9293 3.7.1). */
__attribute__((noinline, cold)) static void mss_clamp(const struct worker *w, struct packet *p,
                                                      const struct session *s)
{
    const struct interface *ifs = w->snapshot->interfaces;
    const struct policy *policy = policy_by_id(w->snapshot, session_policy(s));
    const uint16_t limits[] = {policy ? policy->mss[p->dir] : 0, ifs[s->ifindex[0]].tcp_mss,
                               ifs[s->ifindex[1]].tcp_mss};
    struct rte_tcp_hdr *tcp = p->l4;
    uint16_t most = UINT16_MAX;
    uint64_t delta = 0;

    for (size_t i = 0; i < RTE_DIM(limits); i++)
        if (limits[i] != 0 && limits[i] < most)
            most = limits[i];
    tcp_option_mss_clamp((uint8_t *)(tcp + 1), tcp_header_len(tcp) - sizeof *tcp, most, &delta);
    if (delta)
        tcp->cksum = checksum_adjust(tcp->cksum, delta);
}

/* Where only one direction comes by, the state is whatever a segment says (asymmetric routes). */
static struct tcp_step step_of(const struct session *s, const struct track_of *t, uint8_t state,
                               bool settles)
{
    struct tcp_step step = tcp_track(state, t->dir, t->flags, settles);
    if (__builtin_expect(step.verdict == TCP_INVALID && s->traits & TRAIT_TCP_HALF, 0))
        step = tcp_pick_up(t->flags);
    return step;
}

/* Does the timer of the state that begins end sooner than that of the one before? */
static bool ends_sooner(const struct dataplane *dp, const struct session *s, uint8_t old,
                        uint8_t new)
{
    const struct timer_set *set = timer_set_get(dp->timer_sets, s->r.detail);
    return session_timer_s(set, IPPROTO_TCP, new) < session_timer_s(set, IPPROTO_TCP, old);
}

static inline __attribute__((always_inline)) enum tcp_verdict
state_move(struct dataplane *dp, struct session_thread *thread, const struct track_of *t,
           bool settles)
{
    struct session *s = session_at(&dp->sessions, t->session);
    uint8_t old = __atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED);
    for (;;) {
        struct tcp_step step = step_of(s, t, old, settles);
        if (step.verdict != TCP_PASS || step.state == old)
            return (enum tcp_verdict)step.verdict;
        if (__atomic_compare_exchange_n(&s->tcp_state, &old, step.state, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            if (step.nearer && ends_sooner(dp, s, old, step.state))
                session_tell(&dp->sessions, thread, t->session);
            return TCP_PASS;
        }
    }
}

enum tcp_verdict track_state(struct dataplane *dp, struct session_thread *thread,
                             const struct track_of *t, bool settles)
{
    return state_move(dp, thread, t, settles);
}

/* The connection is over, and another one of the same addresses begins. */
__attribute__((noinline, cold)) static void begin_anew(struct worker *w, struct packet *p)
{
    session_kill(&w->dp->sessions, &w->thread, p->session);
    p->session = INDEX_NONE;
    pipeline_first(w, p);
}

/* The state machine. False: dropped. A segment that counts for nothing clears *counts. */
static bool move(struct worker *w, struct packet *p, bool settles, bool *counts)
{
    const struct track_of t = {p->session, p->dir, packet_tcp(p)->tcp_flags};
    switch (state_move(w->dp, &w->thread, &t, settles)) {
    case TCP_INVALID:
        drop(w, p->m, DROP_TCP_STATE);
        return false;
    case TCP_STRAY:
        *counts = false;
        return true;
    case TCP_REOPEN:
        begin_anew(w, p);
        return false;
    case TCP_PASS:
        break;
    }
    return true;
}

struct tcp_window_result track_window(struct session *s, const struct track_of *t,
                                      const struct tcp_segment *seg)
{
    const struct tcp_window window = {s->tcp_seq, s->tcp_scale};
    const uint8_t state = __atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED);
    if (!(s->traits & TRAIT_TCP_WINDOWS))
        return (struct tcp_window_result){true, true};
    return tcp_window_check(window, state, t->dir, seg,
                            t->flags & TCP_BIT_RST ? reset_mode(s) : mode_of(s->traits));
}

/* A connection of the ALG, which follows it. What begins a new one is found here all the same. */
__attribute__((noinline)) static bool track_alg(struct worker *w, struct packet *p,
                                                struct session *s, bool *counts)
{
    const uint8_t flags = packet_tcp(p)->tcp_flags;
    const uint8_t state = __atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED);
    *counts = false;
    if (!(flags & TCP_BIT_SYN))
        return true;
    if (tcp_track(state, p->dir, flags, true).verdict == TCP_REOPEN) {
        begin_anew(w, p);
        return false;
    }
    if (s->traits & TRAIT_TCP_MSS)
        mss_clamp(w, p, s);
    return true;
}

static bool track_tcp(struct worker *w, struct packet *p, struct session *s, bool *counts)
{
    const uint16_t traits = s->traits;
    const uint8_t flags = packet_tcp(p)->tcp_flags;
    bool settles = true;

    if (__builtin_expect(session_has_alg(s), 0))
        return track_alg(w, p, s, counts);
    if (__builtin_expect(traits & TRAIT_TCP_WINDOWS, 1)) {
        const struct tcp_segment seg = segment_of(p);
        const struct track_of t = {p->session, p->dir, flags};
        const struct tcp_window_result result = track_window(s, &t, &seg);
        if (!result.inside) {
            drop(w, p->m, DROP_TCP_WINDOW);
            return false;
        }
        settles = result.settles;
    }
    if (__builtin_expect(flags & TCP_BIT_SYN && traits & TRAIT_TCP_MSS, 0))
        mss_clamp(w, p, s);
    return move(w, p, settles, counts);
}

bool track_quoted(const struct session *s, unsigned int direction, be32 seq)
{
    const struct tcp_window window = {(uint64_t *)(uintptr_t)s->tcp_seq,
                                      (uint8_t *)(uintptr_t)s->tcp_scale};
    if (!(s->traits & TRAIT_TCP_WINDOWS))
        return true;
    return tcp_window_sent(window, direction, be32_host(seq), reset_mode(s));
}

/* Plain loads and stores: a count may get lost between two workers, see session.h. */
static void relaxed_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

void track_count(struct session *s, unsigned int dir, uint32_t bytes, uint64_t now_ms)
{
    relaxed_add(&s->packets[dir], 1);
    relaxed_add(&s->bytes[dir], bytes);
    if (!(s->r.flags & (SESSION_QUIET << dir)))
        __atomic_store_n(&s->last_seen_ms, (uint32_t)now_ms, __ATOMIC_RELAXED);
}

bool packet_track(struct worker *w, struct packet *p, struct session *s)
{
    bool counts = true;
    if (p->key.proto == IPPROTO_TCP && !track_tcp(w, p, s, &counts))
        return false;
    if (counts)
        track_count(s, p->dir, p->m->pkt_len - PACKET_IP_OFFSET, w->now_ms);
    return true;
}
