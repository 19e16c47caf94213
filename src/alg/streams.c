/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream is found by its session's index. It lives as long as the session: nobody tells us when
 * that ends, so each stream looks from time to time, and the wheel that does so also runs its
 * retransmissions. Idle connections cost their record and no buffer.
 *
 * A buffer is 64 KiB for whoever sends a byte. So the rest of a message must come within REST_MS,
 * or the connection is reset; a receiver that takes nothing is the splice's matter (TCP_OUT_TRIES).
 * Connections and buffers are on the account of the host that opened the connection, whoever fills
 * them: it chose the other end. Nobody has more than a share of either (host_share.h).
 *
 * What a message becomes is written straight into the buffer from which it is delivered. For that
 * there must be room before anybody commits to anything, so a message waits until there is, and its
 * sender with it (the window closes).
 */
#include "alg/alg_state.h"

#include "base/mem.h"
#include "sessions/tcp.h"

#include <errno.h>
#include <stdlib.h>

#define TICK_MS 100
#define GROWTH  16384 /* room for what a message may become longer by, or an empty buffer */
#define LOOK_MS 10000 /* between looks whether the session lives */
#define HELD_MS 1000  /* the same while it holds buffers */
#define REST_MS                                                                       \
    32000 /* for the rest of a message: 64 * T1, as for an answer (RFC 3261 17.1.1.2) \
           */

int streams_init(struct streams *ss, uint32_t n, uint32_t buffers, const struct hash_secret *secret)
{
    uint32_t places = 64;
    *ss = (struct streams){.n = n};
    while (places < n && places < 1u << 30)
        places *= 2;
    ss->mask = places - 1;
    ss->at = mem_map_sparse((size_t)n * sizeof(*ss->at));
    ss->first = mem_map_sparse((size_t)places * sizeof(*ss->first));
    ss->between = malloc(TCP_BUFFER);
    if (ss->at && ss->first && ss->between && tcp_buffers_init(&ss->buffers, buffers) == 0 &&
        host_shares_init(&ss->openers, n, HOST_SHARE, secret) == 0 &&
        host_shares_init(&ss->holders, buffers, HOST_SHARE, secret) == 0)
        return 0;
    streams_free(ss);
    return -ENOMEM;
}

void streams_free(struct streams *ss)
{
    if (ss->at)
        mem_unmap(ss->at, (size_t)ss->n * sizeof(*ss->at));
    if (ss->first)
        mem_unmap(ss->first, ((size_t)ss->mask + 1) * sizeof(*ss->first));
    if (ss->buffers.memory)
        tcp_buffers_free(&ss->buffers);
    host_shares_free(&ss->openers);
    host_shares_free(&ss->holders);
    free(ss->between);
    ss->at = NULL;
    ss->first = NULL;
    ss->between = NULL;
}

void alg_stream_host(struct alg *alg, const struct stream_host *host)
{
    alg->streams.host = *host;
}

void alg_stream_stats(const struct alg *alg, struct stream_stats *out)
{
    const struct streams *ss = &alg->streams;
    uint32_t spare = __atomic_load_n(&ss->buffers.n_spare, __ATOMIC_RELAXED);
    *out = (struct stream_stats){
        .streams = __atomic_load_n(&ss->n_used, __ATOMIC_RELAXED),
        .buffers = ss->buffers.n - spare,
        .max_streams = ss->n,
        .max_buffers = ss->buffers.n,
    };
}

/*
 * The table
 */

static uint32_t index_of(const struct streams *ss, const struct stream *s)
{
    return (uint32_t)(s - ss->at);
}

/* Sessions' indexes are handed out one after the other: their low bits spread well. */
static uint32_t *place_of(const struct streams *ss, struct handle session)
{
    return &ss->first[session.index & ss->mask];
}

static struct stream *stream_find(const struct streams *ss, struct handle session)
{
    for (uint32_t i = *place_of(ss, session); i; i = ss->at[i - 1].chain) {
        struct stream *s = &ss->at[i - 1];
        if (s->session.index == session.index && s->session.epoch == session.epoch)
            return s;
    }
    return NULL;
}

static void stream_free(struct streams *ss, struct stream *s)
{
    uint32_t number = index_of(ss, s) + 1, *link = place_of(ss, s->session);
    while (*link != number)
        link = &ss->at[*link - 1].chain;
    *link = s->chain;
    wheel_del(&ss->wheel, number - 1);
    tcp_splice_drop(&s->splice, &ss->buffers);
    --*s->n_streams;
    ss->n_outside -= s->outside;
    s->chain = ss->spare;
    ss->spare = number;
    __atomic_store_n(&ss->n_used, ss->n_used - 1, __ATOMIC_RELAXED);
}

/* On whose account buffers are taken from here on. */
static void charge(struct streams *ss, const struct stream *s)
{
    ss->buffers.held = s->n_buffers;
    ss->buffers.outside = s->outside;
}

/* A connection for whoever began the session, or NULL: all are in use, or his share is. */
static struct stream *stream_make(struct streams *ss, const struct stream_segment *g)
{
    struct alg_packet packets[ALG_CROSSINGS];
    uint32_t number = ss->spare;
    if (ss->host.describe(ss->host.ctx, g->session, 0, packets) == 0)
        return NULL;
    bool outside = packets[0].outward == packets[0].outer;
    const struct ip_addr *opener = &packets[0].src.ip;
    uint16_t zone = outside ? 0 : packets[0].inside_zone;
    uint32_t n_free = ss->n - ss->n_used;
    if (outside)
        n_free = host_share_outside(n_free, ss->n, ss->n_outside);
    if (!host_share_room(&ss->openers, opener, zone, n_free))
        return NULL;
    if (number)
        ss->spare = ss->at[number - 1].chain;
    else if (ss->n_fresh < ss->n)
        number = ++ss->n_fresh;
    else
        return NULL;
    struct stream *s = &ss->at[number - 1];
    uint32_t *first = place_of(ss, g->session);
    *s = (struct stream){.session = g->session,
                         .chain = *first,
                         .outside = outside,
                         .n_streams = host_share_of(&ss->openers, opener, zone),
                         .n_buffers = host_share_of(&ss->holders, opener, zone)};
    ++*s->n_streams;
    ss->n_outside += outside;
    *first = number;
    tcp_splice_init(&s->splice, g->most);
    __atomic_store_n(&ss->n_used, ss->n_used + 1, __ATOMIC_RELAXED);
    return s;
}

/*
 * Reading
 */

static bool any_sip(const struct stream *s)
{
    return s->framing[0].sip || s->framing[1].sip;
}

static enum tcp_reading read_break(struct streams *ss, enum alg_reason reason)
{
    ss->reason = reason;
    return TCP_READ_BREAK;
}

/* `n` bytes as they are, or as many as there is room for. */
static enum tcp_reading read_copy(struct tcp_output *to, struct slice bytes, size_t n)
{
    n = n < to->cap ? n : to->cap;
    memcpy(to->p, bytes.p, n);
    to->used = to->made = n;
    return n ? TCP_READ_ON : TCP_READ_MORE;
}

/* The message, crossing by crossing; what becomes of it is put into *to. False: it is dropped. */
static bool cross(struct alg *alg, struct alg_packet *packets, unsigned n, struct slice message,
                  struct tcp_output *to)
{
    const unsigned back = packets[0].reply ? 0 : 1;
    struct streams *ss = &alg->streams;
    for (unsigned i = 0; i < n; i++) {
        char *out = i + 1 == n ? to->p : ss->between;
        size_t length = 0, room = i + 1 == n ? to->cap : TCP_BUFFER;
        enum alg_reason reason = ALG_REASON_NONE;
        packets[i].payload = message;
        packets[i].checked = i > 0;
        enum alg_verdict verdict = alg_input(alg, &packets[i], out, room, &length, &reason);
        if (verdict == ALG_ANSWER) /* to its sender, among what comes from the other side */
            tcp_splice_say(&ss->in_hand->splice, &ss->buffers, back, slice_of(out, length));
        if (verdict == ALG_DROP && i > 0)
            alg_take_back(alg);
        if (verdict == ALG_DROP || verdict == ALG_ANSWER) {
            if (ss->reason == ALG_REASON_NONE)
                ss->reason = reason;
            return false;
        }
        if (verdict == ALG_REPLACE)
            message = slice_of(out, length);
    }
    if (message.n > to->cap)
        return false;
    if (message.p != to->p)
        memcpy(to->p, message.p, message.n);
    to->made = message.n;
    return true;
}

static enum tcp_reading read_message(struct alg *alg, unsigned dir, struct slice message,
                                     struct tcp_output *to)
{
    struct streams *ss = &alg->streams;
    struct alg_packet packets[ALG_CROSSINGS];
    if (to->cap < TCP_BUFFER && to->cap < message.n + GROWTH)
        return TCP_READ_MORE; /* room */
    unsigned n = ss->host.describe(ss->host.ctx, ss->in_hand->session, dir, packets);
    if (n == 0)
        return read_break(ss, ALG_REASON_NONE);
    to->used = message.n;
    to->made = 0;
    cross(alg, packets, n, message, to);
    return TCP_READ_ON;
}

/* The sender has ended in the midst of something. */
static enum tcp_reading read_rest(struct streams *ss, struct slice bytes, struct tcp_output *to)
{
    if (!any_sip(ss->in_hand))
        return read_copy(to, bytes, bytes.n);
    ss->reason = ALG_REASON_SIP_STREAM_CUT;
    to->used = bytes.n;
    to->made = 0;
    return TCP_READ_ON;
}

static enum tcp_reading stream_read(void *ctx, unsigned dir, struct slice bytes, bool last,
                                    struct tcp_output *to)
{
    struct alg *alg = ctx;
    struct streams *ss = &alg->streams;
    size_t n = 0;
    switch (sip_framing_next(&ss->in_hand->framing[dir], bytes, &alg->message.msg, &n)) {
    case SIP_FRAMED_MORE:
        return last ? read_rest(ss, bytes, to) : TCP_READ_MORE;
    case SIP_FRAMED_LINES:
        return read_copy(to, bytes, n);
    case SIP_FRAMED_MESSAGE:
        return read_message(alg, dir, slice_head(bytes, n), to);
    case SIP_FRAMED_OTHER:
        if (!any_sip(ss->in_hand))
            return TCP_READ_LEAVE;
        break;
    case SIP_FRAMED_LONG:
        return read_break(ss, ALG_REASON_SIP_STREAM_LONG);
    case SIP_FRAMED_BAD:
        break;
    }
    return read_break(ss, ALG_REASON_SIP_STREAM_BROKEN);
}

static void stream_send(void *ctx, const struct tcp_departure *segment)
{
    const struct alg *alg = ctx;
    const struct streams *ss = &alg->streams;
    ss->host.send(ss->host.ctx, ss->in_hand->session, ss->in_hand->way, segment);
}

/*
 * Segments and timers
 */

static struct tcp_user begin(struct alg *alg, struct stream *s, uint64_t now_ms)
{
    struct streams *ss = &alg->streams;
    ss->in_hand = s;
    if (s)
        charge(ss, s);
    ss->now_ms = now_ms;
    ss->reason = ALG_REASON_NONE;
    if (!ss->started)
        wheel_init(&ss->wheel, TICK_MS, now_ms, ss->at, sizeof(struct stream),
                   offsetof(struct stream, wheel));
    ss->started = true;
    return (struct tcp_user){.ctx = alg, .read = stream_read, .send = stream_send};
}

static bool holds(const struct tcp_splice *sp)
{
    return sp->in[0].buffer || sp->in[1].buffer || sp->out[0].buffer || sp->out[1].buffer;
}

/* The rest of something is awaited from side `dir`, and not because the other one is slow. */
static bool awaits(const struct tcp_splice *sp, unsigned dir)
{
    return sp->phase == TCP_SPLICED && sp->in[dir].buffer && tcp_out_idle(&sp->out[dir]);
}

/* When a side has kept us waiting for too long, after what has just come; UINT64_MAX: none does. */
static uint64_t rest_due_ms(struct stream *s, uint64_t now_ms)
{
    uint64_t due = UINT64_MAX;
    for (unsigned dir = 0; dir < 2; dir++) {
        uint32_t front = s->splice.in[dir].base;
        bool waits = awaits(&s->splice, dir);
        if (!waits || s->front[dir] != front)
            s->since_ms[dir] = now_ms;
        s->front[dir] = front;
        if (waits && s->since_ms[dir] + REST_MS < due)
            due = s->since_ms[dir] + REST_MS;
    }
    return due;
}

/* A deadline that has passed comes out at the next tick: see alg_file. */
static void stream_file(struct streams *ss, struct stream *s)
{
    uint64_t due = tcp_splice_due_ms(&s->splice), rest = rest_due_ms(s, ss->now_ms);
    uint64_t look = ss->now_ms + (holds(&s->splice) ? HELD_MS : LOOK_MS);
    if (rest < due)
        due = rest;
    if (due <= ss->now_ms)
        due = ss->now_ms + 1;
    wheel_move(&ss->wheel, index_of(ss, s), due < look ? due : look);
}

static void stream_event(const struct alg *alg, const struct stream *s, enum alg_reason reason)
{
    if (events_on(&alg->events))
        event_emit(&alg->events, "sip-stream-reset", alg->streams.now_ms,
                   "\"session\":%u,\"reason\":\"%s\"", s->session.index, alg_reason_name(reason));
}

static void stream_sides(const struct tcp_splice *sp, struct tcp_segment side[2])
{
    for (unsigned dir = 0; dir < 2; dir++)
        side[dir] = (struct tcp_segment){
            .seq = tcp_in_ack(&sp->in[dir]),
            .ack = sp->said_ack[dir],
            .window = sp->said_window[dir],
            .flags = TCP_BIT_ACK,
        };
}

struct stream_fate alg_stream_input(struct alg *alg, const struct stream_segment *g)
{
    struct streams *ss = &alg->streams;
    struct stream_fate f = {.tcp.kind = TCP_FATE_GONE};
    struct stream *s = stream_find(ss, g->session);
    struct tcp_user user = begin(alg, s, g->now_ms);
    if (!s) {
        if ((g->tcp.flags & (TCP_BIT_SYN | TCP_BIT_ACK | TCP_BIT_RST)) != TCP_BIT_SYN)
            return f;
        s = ss->in_hand = stream_make(ss, g);
        f.reason = ALG_REASON_SIP_STREAM_LIMIT;
        if (!s)
            return f;
        charge(ss, s);
    }
    s->way = g->way;
    uint8_t phase = s->splice.phase;
    f.tcp = tcp_splice_input(&s->splice, &ss->buffers, &user, g->dir, &g->tcp, g->now_ms);
    f.reason = ss->reason;
    if (f.tcp.kind == TCP_FATE_FULL)
        f.reason = ALG_REASON_SIP_STREAM_FULL;
    else if (f.tcp.kind == TCP_FATE_STRAY)
        f.reason = ALG_REASON_SIP_STREAM_STRAY;
    if (f.tcp.broken)
        stream_event(alg, s, f.reason);
    f.leaves =
        phase < TCP_LEAVING && (s->splice.phase == TCP_LEAVING || s->splice.phase == TCP_LEFT);
    f.left = s->splice.phase == TCP_LEFT;
    stream_sides(&s->splice, f.side);
    if (f.left)
        stream_free(ss, s);
    else
        stream_file(ss, s);
    return f;
}

bool alg_stream_passes(const struct alg *alg, struct handle session)
{
    const struct stream *s = stream_find(&alg->streams, session);
    return !s || s->splice.phase == TCP_OPENING || s->splice.phase == TCP_LEAVING ||
           s->splice.phase == TCP_LEFT;
}

static void stream_timer(struct alg *alg, struct stream *s, uint64_t now_ms)
{
    struct streams *ss = &alg->streams;
    struct tcp_user user = begin(alg, s, now_ms);
    if (!ss->host.lives(ss->host.ctx, s->session))
        return stream_free(ss, s);
    if (tcp_splice_due_ms(&s->splice) <= now_ms &&
        !tcp_splice_timer(&s->splice, &ss->buffers, &user, now_ms))
        stream_event(alg, s, ss->reason ? ss->reason : ALG_REASON_SIP_STREAM_SILENT);
    if (rest_due_ms(s, now_ms) <= now_ms) {
        tcp_splice_break(&s->splice, &ss->buffers, &user);
        stream_event(alg, s, ALG_REASON_SIP_STREAM_SILENT);
    }
    stream_file(ss, s);
}

unsigned streams_run_timers(struct alg *alg, uint64_t now_ms, unsigned budget)
{
    struct streams *ss = &alg->streams;
    unsigned ran = 0;
    uint32_t left = budget;
    while (ss->started && left > 0) {
        uint32_t i = wheel_next_due(&ss->wheel, now_ms, &left);
        if (i == WHEEL_NONE)
            break;
        stream_timer(alg, &ss->at[i], now_ms);
        ran++;
    }
    return ran;
}

uint64_t streams_next_deadline_ms(const struct streams *ss)
{
    return ss->started ? wheel_next_deadline_ms(&ss->wheel) : UINT64_MAX;
}
