/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two receivers and two senders, tied together: what side 0 says is received by in[0], read by the
 * user, delivered to side 1 by out[0]; an acknowledgement from side 1 is for out[0].
 *
 * Windows. A side may send what the buffer has room for, and no more than the other side's window
 * lets us deliver; bytes of a message that is not complete do not count against that, or a receiver
 * with a small window would stop its sender in the middle of a message for ever. What was once
 * allowed stays allowed.
 *
 * A side that asks whether the other one lives (a keep-alive, a probe of a closed window) is not
 * answered for it while nothing waits to be delivered: the question is passed on, and the answer
 * comes back.
 *
 * FIN goes last, behind all that was read before it. A reset that carries the very next number goes
 * through at once; one that is only in the window is answered by a challenge, as is a SYN (RFC
 * 5961). When the user breaks the connection both sides are reset, and whatever they still say is
 * answered by resets.
 */
#include "alg/tcp_splice.h"

#include "base/be.h"
#include "sessions/tcp.h"

#define CHALLENGE_MS 100 /* between answers to stray segments: nobody plays ping-pong with us */
#define STARVED_MS   200
#define MSS_DEFAULT  536 /* RFC 9293 3.7.1 */
#define MSS_LEAST    64
#define TOS_SERVICE  0xfc /* without ECN (RFC 3168): we offer none */

void tcp_splice_init(struct tcp_splice *sp, const uint16_t most[2])
{
    *sp = (struct tcp_splice){
        .starved_ms = UINT64_MAX,
        .mss = {most[0], most[1]},
        .scale = {TCP_NO_SCALE, TCP_NO_SCALE},
    };
    sp->out[0].due_ms = sp->out[1].due_ms = UINT64_MAX;
}

/*
 * The options of a SYN
 */

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_SACK_PERMITTED = 4,
    OPTION_TIMESTAMPS = 8,
    OPTION_FAST_OPEN = 34
};

/* Length of the option at `i`, 0 at the end or where a length lies. */
static size_t option_len(const uint8_t *options, size_t n, size_t i)
{
    if (i >= n || options[i] == OPTION_END)
        return 0;
    if (options[i] == OPTION_NOP)
        return 1;
    if (n - i < 2 || options[i + 1] < 2 || options[i + 1] > n - i)
        return 0;
    return options[i + 1];
}

bool tcp_syn_strip(uint8_t *options, size_t n)
{
    bool stripped = false;
    size_t len;
    for (size_t i = 0; (len = option_len(options, n, i)) > 0; i += len) {
        uint8_t kind = options[i];
        if (kind != OPTION_SACK_PERMITTED && kind != OPTION_TIMESTAMPS && kind != OPTION_FAST_OPEN)
            continue;
        memset(options + i, OPTION_NOP, len);
        stripped = true;
    }
    return stripped;
}

static uint16_t option_mss(const struct tcp_arrival *a)
{
    size_t len;
    for (size_t i = 0; (len = option_len(a->options, a->n_options, i)) > 0; i += len)
        if (a->options[i] == OPTION_MSS && len == 4)
            return (uint16_t)(a->options[i + 2] << 8 | a->options[i + 3]);
    return MSS_DEFAULT;
}

/*
 * Sending
 */

/* How far side `s` may send by now. */
static uint32_t edge_of(const struct tcp_splice *sp, unsigned s)
{
    const struct tcp_in *in = &sp->in[s];
    const struct tcp_out *out = &sp->out[s];
    uint32_t room = seq_before(out->end, out->limit) ? out->limit - out->end : 0;
    uint32_t edge = in->next + room, most = in->base + TCP_BUFFER;
    if (seq_before(most, edge))
        edge = most;
    return seq_before(edge, sp->edge[s]) ? sp->edge[s] : edge;
}

/* The window to offer to side `s`, as in the header. */
static uint16_t window_offer(struct tcp_splice *sp, unsigned s)
{
    uint32_t ack = tcp_in_ack(&sp->in[s]), edge = edge_of(sp, s);
    uint32_t window = seq_before(ack, edge) ? edge - ack : 0;
    uint32_t field = window >> sp->scale[!s];
    if (field > UINT16_MAX)
        field = UINT16_MAX;
    sp->edge[s] = edge;
    sp->told[s] = ack + (field << sp->scale[!s]);
    return (uint16_t)field;
}

/* Has the window of side `s` opened a good deal since it was told? */
static bool window_news(const struct tcp_splice *sp, unsigned s)
{
    uint32_t ack = tcp_in_ack(&sp->in[s]), edge = edge_of(sp, s), told = sp->told[s];
    uint32_t was = seq_before(ack, told) ? told - ack : 0;
    uint32_t now = seq_before(ack, edge) ? edge - ack : 0;
    if (now >> sp->scale[!s] <= was >> sp->scale[!s])
        return false;
    return was <= sp->out[s].mss || now - was >= TCP_BUFFER / 4;
}

/* A segment for side !dir; it acknowledges what that side said. */
static void emit(struct tcp_splice *sp, const struct tcp_user *user, struct tcp_departure *d)
{
    unsigned to = !d->dir;
    if (sp->phase == TCP_LEAVING) {
        /* Of what side `dir` acknowledged and what we did the later one. */
        uint32_t ours = tcp_in_ack(&sp->in[to]), theirs = sp->said_ack[d->dir];
        d->ack = seq_before(ours, theirs) ? theirs : ours;
        d->window = sp->said_window[d->dir];
    } else {
        d->ack = tcp_in_ack(&sp->in[to]);
        d->window = window_offer(sp, to);
    }
    d->tos = sp->tos[d->dir];
    sp->ack_now[to] = false;
    user->send(user->ctx, d);
}

static void emit_piece(struct tcp_splice *sp, const struct tcp_user *user, unsigned dir,
                       const struct tcp_piece *piece)
{
    struct tcp_departure d = {
        .dir = dir,
        .seq = piece->seq,
        .flags = (uint8_t)(TCP_BIT_ACK | (piece->push ? TCP_BIT_PSH : 0) |
                           (piece->fin ? TCP_BIT_FIN : 0)),
        .data = piece->bytes,
    };
    emit(sp, user, &d);
}

static void transmit(struct tcp_splice *sp, const struct tcp_user *user, uint64_t now_ms)
{
    struct tcp_piece piece;
    for (unsigned dir = 0; dir < 2; dir++) {
        while (tcp_out_next(&sp->out[dir], now_ms, &piece))
            emit_piece(sp, user, dir, &piece);
        if (sp->phase == TCP_SPLICED && window_news(sp, dir))
            sp->ack_now[dir] = true;
    }
    for (unsigned s = 0; s < 2; s++) {
        struct tcp_departure d = {.dir = !s, .seq = sp->out[!s].max, .flags = TCP_BIT_ACK};
        if (sp->ack_now[s])
            emit(sp, user, &d);
    }
}

/* Reset side !dir. */
static void emit_reset(struct tcp_splice *sp, const struct tcp_user *user, unsigned dir)
{
    struct tcp_departure d = {
        .dir = dir,
        .seq = sp->out[dir].max,
        .flags = TCP_BIT_RST | TCP_BIT_ACK,
    };
    emit(sp, user, &d);
}

static void die(struct tcp_splice *sp, struct tcp_buffers *buffers)
{
    tcp_splice_drop(sp, buffers);
    sp->phase = TCP_DEAD;
}

void tcp_splice_break(struct tcp_splice *sp, struct tcp_buffers *buffers,
                      const struct tcp_user *user)
{
    emit_reset(sp, user, 0);
    emit_reset(sp, user, 1);
    die(sp, buffers);
}

/* Answer something stray from side `s` by saying where we are. */
static void challenge(struct tcp_splice *sp, const struct tcp_user *user, unsigned s,
                      uint64_t now_ms)
{
    if (now_ms - sp->challenged_ms < CHALLENGE_MS)
        return;
    sp->challenged_ms = now_ms;
    sp->ack_now[s] = true;
    transmit(sp, user, now_ms);
}

/*
 * Reading
 */

/* Step aside: what is held goes on as it is. False: there is no room for that. */
static bool leave(struct tcp_splice *sp, struct tcp_buffers *buffers)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        struct slice bytes = tcp_in_bytes(&sp->in[dir]);
        if (bytes.n && !tcp_splice_say(sp, buffers, dir, bytes))
            return false;
        tcp_in_take(&sp->in[dir], buffers, bytes.n);
        tcp_in_forget(&sp->in[dir], buffers);
        sp->in[dir].fin_came = tcp_in_ended(&sp->in[dir]);
        sp->out[dir].fin |= sp->in[dir].fin_came;
    }
    sp->phase = TCP_LEAVING;
    return true;
}

/* Let the user read what side `dir` has said. False: the connection breaks. */
static bool pump(struct tcp_splice *sp, struct tcp_buffers *buffers, const struct tcp_user *user,
                 unsigned dir, uint64_t now_ms)
{
    struct tcp_in *in = &sp->in[dir];
    struct tcp_out *out = &sp->out[dir];
    struct slice bytes;
    while ((bytes = tcp_in_bytes(in)).n > 0) {
        struct tcp_output to = {0};
        to.p = tcp_out_tail(out, buffers, &to.cap);
        if (!to.p) {
            sp->starved_ms = now_ms + STARVED_MS;
            return true;
        }
        enum tcp_reading r = user->read(user->ctx, dir, bytes, tcp_in_ended(in), &to);
        tcp_out_add(out, buffers, r == TCP_READ_ON ? (uint32_t)to.made : 0);
        if (r == TCP_READ_LEAVE)
            return leave(sp, buffers);
        if (r == TCP_READ_BREAK)
            return false;
        if (r == TCP_READ_MORE)
            break;
        tcp_in_take(in, buffers, to.used);
    }
    if (tcp_in_ended(in) && in->base == in->next)
        out->fin = true;
    return true;
}

bool tcp_splice_say(struct tcp_splice *sp, struct tcp_buffers *buffers, unsigned dir,
                    struct slice bytes)
{
    size_t room;
    char *p = sp->out[dir].fin ? NULL : tcp_out_tail(&sp->out[dir], buffers, &room);
    if (!p)
        return false;
    bool fits = bytes.n <= room;
    if (fits)
        memcpy(p, bytes.p, bytes.n);
    tcp_out_add(&sp->out[dir], buffers, fits ? (uint32_t)bytes.n : 0);
    return fits;
}

/*
 * Segments
 */

/* A SYN, or the answer to one. */
static void syn_note(struct tcp_splice *sp, unsigned dir, const struct tcp_arrival *a)
{
    uint16_t mss = option_mss(a);
    if (a->flags & TCP_BIT_ACK && (!sp->syn[!dir] || a->ack != sp->in[!dir].base))
        return;
    if (!(a->flags & TCP_BIT_ACK) && sp->syn[dir] && sp->syn[!dir] &&
        a->seq + 1 != sp->in[dir].base)
        return; /* another attempt, after this one was answered */
    tcp_in_start(&sp->in[dir], a->seq + 1);
    sp->syn[dir] = true;
    sp->window[dir] = a->window;
    sp->scale[dir] = tcp_option_scale(a->options, a->n_options);
    sp->peer_mss[dir] = mss < MSS_LEAST ? MSS_LEAST : mss;
}

/* The handshake is over. */
static void splice_begin(struct tcp_splice *sp)
{
    if (sp->scale[0] == TCP_NO_SCALE || sp->scale[1] == TCP_NO_SCALE)
        sp->scale[0] = sp->scale[1] = 0;
    for (unsigned dir = 0; dir < 2; dir++) {
        uint16_t mss = sp->peer_mss[!dir] < sp->mss[!dir] ? sp->peer_mss[!dir] : sp->mss[!dir];
        uint32_t first = sp->in[dir].base;
        tcp_out_start(&sp->out[dir], first, mss, sp->window[!dir]);
        sp->out[dir].wl_seq = sp->in[!dir].base;
        sp->out[dir].wl_ack = first;
        sp->edge[dir] = sp->told[dir] = first + sp->window[!dir];
    }
    sp->phase = TCP_SPLICED;
}

static struct tcp_fate fate(enum tcp_fate_kind kind)
{
    return (struct tcp_fate){.kind = (uint8_t)kind};
}

/* What the segment acknowledges. False: something that was never sent. */
static bool acknowledged(struct tcp_splice *sp, struct tcp_buffers *buffers,
                         const struct tcp_user *user, unsigned dir, const struct tcp_arrival *a,
                         uint64_t now_ms)
{
    bool data = a->data.n || a->flags & TCP_BIT_FIN;
    struct tcp_out_ack ack = {
        .seq = a->seq,
        .ack = a->ack,
        .window = (uint32_t)a->window << sp->scale[dir],
        .data = data,
    };
    struct tcp_piece piece;
    sp->said_ack[dir] = a->ack;
    sp->said_window[dir] = a->window;
    if (sp->phase == TCP_LEAVING && seq_before(sp->out[!dir].max, ack.ack))
        ack.ack = sp->out[!dir].max; /* and bytes that went through as they were */
    enum tcp_out_said said = tcp_out_acked(&sp->out[!dir], buffers, &ack, now_ms, &piece);
    if (said == TCP_ACK_AGAIN)
        emit_piece(sp, user, !dir, &piece);
    if (said != TCP_ACK_WRONG && sp->asked[!dir] && !data) {
        sp->asked[!dir] = false;
        sp->ack_now[!dir] = sp->phase == TCP_SPLICED;
    }
    return said != TCP_ACK_WRONG;
}

static struct tcp_fate leaving_input(struct tcp_splice *sp, struct tcp_buffers *buffers,
                                     const struct tcp_user *user, unsigned dir,
                                     const struct tcp_arrival *a, uint64_t now_ms)
{
    if (a->flags & TCP_BIT_RST) {
        tcp_splice_drop(sp, buffers);
    } else if ((a->flags & (TCP_BIT_ACK | TCP_BIT_SYN)) == TCP_BIT_ACK) {
        acknowledged(sp, buffers, user, dir, a, now_ms);
        transmit(sp, user, now_ms);
    }
    if (tcp_out_idle(&sp->out[0]) && tcp_out_idle(&sp->out[1]))
        sp->phase = TCP_LEFT;
    return fate(TCP_FATE_FORWARD);
}

static struct tcp_fate reset_input(struct tcp_splice *sp, struct tcp_buffers *buffers,
                                   const struct tcp_user *user, unsigned dir,
                                   const struct tcp_arrival *a, uint64_t now_ms)
{
    uint32_t next = tcp_in_ack(&sp->in[dir]);
    struct tcp_fate f = fate(TCP_FATE_HELD);
    if (a->seq == next) {
        emit_reset(sp, user, dir);
        die(sp, buffers);
        f.settles = true;
        return f;
    }
    if (seq_before(next, a->seq) && seq_before(a->seq, sp->edge[dir]))
        challenge(sp, user, dir, now_ms);
    return fate(TCP_FATE_STRAY);
}

enum place {
    PLACE_IN,    /* of the window */
    PLACE_OLD,   /* its bytes were received before */
    PLACE_ASK,   /* a keep-alive, or a probe of a closed window */
    PLACE_STRAY, /* neither */
};

static enum place place_of(const struct tcp_splice *sp, unsigned dir, const struct tcp_arrival *a)
{
    uint32_t next = tcp_in_ack(&sp->in[dir]), edge = sp->edge[dir];
    uint32_t n = (uint32_t)a->data.n + !!(a->flags & TCP_BIT_FIN), end = a->seq + n;
    bool fin = a->flags & TCP_BIT_FIN;
    if (!fin && a->data.n <= 1 && a->seq == next - 1)
        return PLACE_ASK;
    if (n && a->seq == next && a->seq == edge && !fin)
        return PLACE_ASK;
    if (seq_before(edge, a->seq) || seq_before(end, next - TCP_BUFFER))
        return PLACE_STRAY;
    if (n == 0)
        return seq_before(a->seq, next) ? PLACE_STRAY : PLACE_IN;
    if (!seq_before(next, end))
        return PLACE_OLD;
    return a->seq == edge && !fin ? PLACE_STRAY : PLACE_IN;
}

/* Side `dir` wants to know whether the other one is there. */
static void ask(struct tcp_splice *sp, const struct tcp_user *user, unsigned dir)
{
    struct tcp_departure d = {.dir = dir, .seq = sp->out[dir].una - 1, .flags = TCP_BIT_ACK};
    if (!tcp_out_idle(&sp->out[dir]) || sp->out[dir].fin) {
        sp->ack_now[dir] = true; /* what waits there asks by itself */
        return;
    }
    sp->asked[dir] = true;
    emit(sp, user, &d);
}

/* Bytes and FIN. False: they could not be taken. */
static bool take(struct tcp_splice *sp, struct tcp_buffers *buffers, unsigned dir,
                 const struct tcp_arrival *a)
{
    struct tcp_in *in = &sp->in[dir];
    uint32_t end = a->seq + (uint32_t)a->data.n;
    sp->ack_now[dir] = true;
    if (a->data.n && tcp_in_put(in, buffers, a->seq, a->data) != 0)
        return false;
    if (a->flags & TCP_BIT_FIN && !seq_before(in->base + TCP_BUFFER, end))
        tcp_in_end(in, end);
    return true;
}

static struct tcp_fate spliced_input(struct tcp_splice *sp, struct tcp_buffers *buffers,
                                     const struct tcp_user *user, unsigned dir,
                                     const struct tcp_arrival *a, uint64_t now_ms)
{
    struct tcp_fate f = fate(TCP_FATE_HELD);
    if (a->flags & TCP_BIT_RST)
        return reset_input(sp, buffers, user, dir, a, now_ms);
    enum place place = place_of(sp, dir, a);
    bool plain = (a->flags & (TCP_BIT_SYN | TCP_BIT_ACK)) == TCP_BIT_ACK;
    if (place == PLACE_STRAY || !plain) {
        challenge(sp, user, dir, now_ms);
        return fate(TCP_FATE_STRAY);
    }
    if (!acknowledged(sp, buffers, user, dir, a, now_ms)) {
        challenge(sp, user, dir, now_ms);
        return fate(TCP_FATE_STRAY);
    }
    if (place == PLACE_OLD)
        sp->ack_now[dir] = true;
    else if (place == PLACE_ASK)
        ask(sp, user, dir);
    else if (a->data.n || a->flags & TCP_BIT_FIN)
        f.kind = take(sp, buffers, dir, a) ? TCP_FATE_HELD : TCP_FATE_FULL;
    if (!pump(sp, buffers, user, dir, now_ms) ||
        (sp->phase == TCP_SPLICED && !pump(sp, buffers, user, !dir, now_ms))) {
        tcp_splice_break(sp, buffers, user);
        f.broken = true;
        return f;
    }
    transmit(sp, user, now_ms);
    f.settles = !tcp_in_ended(&sp->in[!dir]) || (sp->out[!dir].fin && tcp_out_idle(&sp->out[!dir]));
    return f;
}

struct tcp_fate tcp_splice_input(struct tcp_splice *sp, struct tcp_buffers *buffers,
                                 const struct tcp_user *user, unsigned dir,
                                 const struct tcp_arrival *a, uint64_t now_ms)
{
    sp->tos[dir] = a->tos & TOS_SERVICE;
    switch ((enum tcp_phase)sp->phase) {
    case TCP_OPENING:
        if (a->flags & TCP_BIT_SYN && !(a->flags & TCP_BIT_RST))
            syn_note(sp, dir, a);
        if (a->flags & (TCP_BIT_SYN | TCP_BIT_RST) || !(a->flags & TCP_BIT_ACK) || !sp->syn[0] ||
            !sp->syn[1])
            return fate(TCP_FATE_FORWARD);
        splice_begin(sp);
        sp->ack_now[!dir] = true; /* of its SYN */
        return spliced_input(sp, buffers, user, dir, a, now_ms);
    case TCP_SPLICED:
        return spliced_input(sp, buffers, user, dir, a, now_ms);
    case TCP_LEAVING:
    case TCP_LEFT:
        return leaving_input(sp, buffers, user, dir, a, now_ms);
    case TCP_DEAD:
        break;
    }
    if ((a->flags & (TCP_BIT_RST | TCP_BIT_ACK)) == TCP_BIT_ACK) {
        struct tcp_departure d = {.dir = !dir, .seq = a->ack, .flags = TCP_BIT_RST};
        user->send(user->ctx, &d);
    }
    return fate(TCP_FATE_GONE);
}

uint64_t tcp_splice_due_ms(const struct tcp_splice *sp)
{
    uint64_t due = sp->starved_ms;
    for (unsigned dir = 0; dir < 2; dir++)
        if (sp->out[dir].due_ms < due)
            due = sp->out[dir].due_ms;
    return due;
}

bool tcp_splice_timer(struct tcp_splice *sp, struct tcp_buffers *buffers,
                      const struct tcp_user *user, uint64_t now_ms)
{
    struct tcp_piece piece;
    bool good = true;
    for (unsigned dir = 0; dir < 2 && good; dir++) {
        if (sp->out[dir].due_ms > now_ms)
            continue;
        good = tcp_out_due(&sp->out[dir], now_ms, &piece);
        if (good)
            emit_piece(sp, user, dir, &piece);
    }
    if (good && sp->starved_ms <= now_ms) {
        sp->starved_ms = UINT64_MAX;
        for (unsigned dir = 0; dir < 2 && good && sp->phase == TCP_SPLICED; dir++)
            good = pump(sp, buffers, user, dir, now_ms);
    }
    if (good)
        transmit(sp, user, now_ms);
    else
        tcp_splice_break(sp, buffers, user);
    return good;
}

void tcp_splice_drop(struct tcp_splice *sp, struct tcp_buffers *buffers)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        tcp_in_drop(&sp->in[dir], buffers);
        tcp_out_drop(&sp->out[dir], buffers);
    }
    sp->starved_ms = UINT64_MAX;
}
