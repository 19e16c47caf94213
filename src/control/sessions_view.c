/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control alone gives indexes back, so a session that is LIVE or DYING here keeps its keys while it
 * is copied. Only indexes below the store's high-water mark were ever used.
 */
#include "control/sessions_view.h"

#include "control/expiry.h"
#include "sessions/tcp.h"

#include <errno.h>
#include <netinet/in.h>

#define SLICE       4096
#define SMALL_TABLE 65536

static uint32_t high_water(const struct sessions *ss)
{
    return __atomic_load_n(&ss->store.fresh, __ATOMIC_RELAXED);
}

static uint64_t relaxed(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static uint8_t proto_state(const struct session *s)
{
    switch (s->r.key[0].proto) {
    case IPPROTO_TCP:
        return (uint8_t)tcp_state_digit(__atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED));
    case IPPROTO_UDP:
        return relaxed(&s->packets[1]) > 0;
    default:
        return 0;
    }
}

/* The whole life of the state, which FortiOS gives as 0 for UDP and ICMP. */
static uint32_t state_life_s(const struct timer_set *set, uint8_t proto)
{
    return proto == IPPROTO_UDP || proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ? 0
           : proto == IPPROTO_TCP ? set->s[TIMER_TCP_ESTABLISHED]
                                  : set->s[TIMER_OTHER];
}

static void row_timers(const struct sessions_view *v, const struct session *s, uint64_t now_ms,
                       struct backend_session *out)
{
    const struct timer_set *set = timer_set_get(v->dp->timer_sets, s->r.detail);
    enum timer timer = timer_running(out->proto, __atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED));
    uint64_t deadline_ms = expiry_session_deadline_ms(v->dp->timer_sets, s, now_ms);
    out->duration_s = (uint32_t)(expiry_elapsed_ms(now_ms, s->created_ms) / 1000);
    out->timer_s = set->s[timer];
    timer_source_print(set, timer, out->timer_source, sizeof out->timer_source);
    out->timeout_s = state_life_s(set, out->proto);
    if (deadline_ms == UINT64_MAX)
        out->expire_s = UINT32_MAX;
    else
        out->expire_s = deadline_ms > now_ms ? (uint32_t)((deadline_ms - now_ms + 999) / 1000) : 0;
}

static void row_interfaces(const struct sessions_view *v, const struct session *s,
                           struct backend_session *out)
{
    const struct snapshot *snap = dataplane_snapshot(v->dp);
    const struct neighbours *ns = &v->dp->neighbours;
    const char *name[2] = {"", ""};
    for (int d = 0; d < 2; d++) {
        if (s->ifindex[d] <= snap->n_interfaces)
            name[d] = snap->interfaces[s->ifindex[d]].name;
        const struct neighbour *n =
            neighbour_of(ns, __atomic_load_n(&s->neighbour[d], __ATOMIC_RELAXED));
        if (n)
            out->gateway[d] = n->ip;
    }
    out->in_if = name[0];
    out->out_if = name[1];
    out->in_ifindex = s->ifindex[0];
    out->out_ifindex = s->ifindex[1];
    out->dirty = __atomic_load_n(&s->generation, __ATOMIC_RELAXED) != snap->generation;
}

static struct ip_port end4(be32 ip, be16 port)
{
    return (struct ip_port){ip_addr_of4(ip), port};
}

/* Where the session goes from and to, in each direction as it arrives. */
static void row_ends(const struct sessions *ss, uint32_t index, struct backend_session *out)
{
    const struct session *s = session_at(ss, index);
    const struct key *there = &s->r.key[0], *back = &s->r.key[1];
    out->v6 = session_is6(s);
    if (!out->v6) {
        out->src = end4(there->src, there->sport);
        out->dst = end4(there->dst, there->dport);
        out->reply_src = end4(back->src, back->sport);
        out->reply_dst = end4(back->dst, back->dport);
        return;
    }
    const struct session_v6 *v6 = &ss->v6[index];
    out->src = out->reply_dst = (struct ip_port){v6->src, v6->sport};
    out->dst = out->reply_src = (struct ip_port){v6->dst, v6->dport};
}

static void row_fill(const struct sessions_view *v, uint32_t index, uint64_t now_ms,
                     struct backend_session *out)
{
    const struct session *s = session_at(&v->dp->sessions, index);
    *out = (struct backend_session){
        .index = index,
        .epoch = s->r.epoch,
        .proto = s->r.key[0].proto,
        .proto_state = proto_state(s),
        .policy_id = session_policy(s),
        .snat = s->r.flags & SESSION_SNAT,
        .dnat = s->r.flags & SESSION_DNAT,
        .alg = session_has_alg(s) && !session_has_helper(s),
        .helper = session_has_helper(s),
        .bytes = {relaxed(&s->bytes[0]), relaxed(&s->bytes[1])},
        .packets = {relaxed(&s->packets[0]), relaxed(&s->packets[1])},
    };
    row_ends(&v->dp->sessions, index, out);
    row_timers(v, s, now_ms, out);
    row_interfaces(v, s, out);
}

int sessions_view_next(const struct sessions_view *v, uint32_t *cursor, uint64_t now_ms,
                       struct backend_session *out)
{
    const struct sessions *ss = &v->dp->sessions;
    uint32_t end = high_water(ss);
    for (uint32_t n = 0; *cursor < end && n < SLICE; n++) {
        uint32_t index = (*cursor)++;
        if (record_state(&session_at(ss, index)->r) != RECORD_LIVE)
            continue;
        row_fill(v, index, now_ms, out);
        return 1;
    }
    return *cursor < end ? -EAGAIN : 0;
}

static bool is_ephemeral(const struct session *s, uint8_t digit)
{
    if (s->r.key[0].proto == IPPROTO_TCP)
        return digit == TCP_STATE_NONE || digit == TCP_STATE_SYN_SENT ||
               digit == TCP_STATE_SYN_RECV;
    return s->r.key[0].proto == IPPROTO_UDP &&
           relaxed(&s->packets[0]) + relaxed(&s->packets[1]) <= 1;
}

static void census_count(struct sessions_view *v, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        const struct session *s = session_at(&v->dp->sessions, i);
        if (record_state(&s->r) != RECORD_LIVE)
            continue;
        uint8_t digit = (uint8_t)tcp_state_digit(__atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED));
        int family = session_is6(s);
        v->counting.family[family].sessions++;
        if (s->r.key[0].proto == IPPROTO_TCP && digit < CENSUS_STATES)
            v->counting.family[family].tcp_states[digit]++;
        v->counting.family[family].ephemeral += is_ephemeral(s, digit);
    }
}

static void census_finish(struct sessions_view *v)
{
    v->now = v->counting;
    v->counting = (struct census){0};
    v->cursor = 0;
    v->wanted = false;
}

unsigned sessions_view_run(struct sessions_view *v)
{
    if (!v->wanted)
        return 0;
    uint32_t end = high_water(&v->dp->sessions);
    uint32_t to = end - v->cursor > SLICE ? v->cursor + SLICE : end;
    census_count(v, v->cursor, to);
    v->cursor = to;
    if (to == end)
        census_finish(v);
    return 1;
}

void sessions_view_census(struct sessions_view *v, struct census *out)
{
    v->wanted = true;
    if (high_water(&v->dp->sessions) <= SMALL_TABLE)
        while (v->wanted)
            sessions_view_run(v);
    *out = v->now;
}
