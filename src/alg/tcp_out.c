/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sender as RFC 9293 has it, without options: no SACK, no time stamps. One round trip is measured
 * at a time, and none of what was sent twice (Karn). After a timeout all that is not acknowledged
 * is sent again from the front, as fast as the slow start allows; after three duplicate
 * acknowledgements the first segment alone (fast retransmit), and what a partial acknowledgement
 * shows to be missing too (NewReno).
 *
 * A window of zero, or one too small for what waits while nothing is under way, is probed with one
 * byte (RFC 9293 3.8.6.1) by the same timer; whoever answers probes is not given up.
 *
 * Invariant: una <= next <= max <= end + fin, and the bytes una..end are in the buffer.
 */
#include "alg/tcp_out.h"

#define RTO_FIRST_MS 1000
#define RTO_LEAST_MS 1000
#define RTO_MOST_MS  60000
#define CLOCK_MS     100 /* grain of the timers (G of RFC 6298) */
#define FIRST_CWND   10  /* segments (RFC 6928) */

void tcp_out_start(struct tcp_out *out, uint32_t seq, uint16_t mss, uint32_t window)
{
    *out = (struct tcp_out){
        .una = seq,
        .next = seq,
        .max = seq,
        .end = seq,
        .limit = seq + window,
        .mss = mss,
        .cwnd = FIRST_CWND * (uint32_t)mss,
        .ssthresh = TCP_BUFFER,
        .rto_ms = RTO_FIRST_MS,
        .due_ms = UINT64_MAX,
    };
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

char *tcp_out_tail(struct tcp_out *out, struct tcp_buffers *buffers, size_t *room)
{
    uint32_t held = seq_before(out->una, out->end) ? out->end - out->una : 0;
    if (!out->buffer) {
        out->buffer = tcp_buffer_take(buffers, 0);
        out->head = 0;
        if (!out->buffer)
            return NULL;
    }
    if (out->head && TCP_BUFFER - out->head - held < TCP_BUFFER / 2) {
        memmove(out->buffer, out->buffer + out->head, held);
        out->head = 0;
    }
    *room = TCP_BUFFER - out->head - held;
    return out->buffer + out->head + held;
}

static void give_if_empty(struct tcp_out *out, struct tcp_buffers *buffers)
{
    if (seq_before(out->una, out->end))
        return;
    tcp_buffer_give(buffers, out->buffer);
    out->buffer = NULL;
    out->head = 0;
}

void tcp_out_add(struct tcp_out *out, struct tcp_buffers *buffers, uint32_t n)
{
    out->end += n;
    give_if_empty(out, buffers);
}

void tcp_out_drop(struct tcp_out *out, struct tcp_buffers *buffers)
{
    tcp_buffer_give(buffers, out->buffer);
    out->buffer = NULL;
    out->head = 0;
    out->end = out->una = out->next = out->max;
    out->fin = false;
    out->due_ms = UINT64_MAX;
}

/* `n` bytes from `seq` on, and the FIN where it follows them. */
static struct tcp_piece piece_of(const struct tcp_out *out, uint32_t seq, uint32_t n)
{
    struct tcp_piece piece = {.seq = seq, .bytes = SLICE_NONE};
    if (n)
        piece.bytes = slice_of(out->buffer + out->head + (seq - out->una), n);
    piece.push = n && seq + n == out->end;
    piece.fin = out->fin && seq + n == out->end;
    return piece;
}

/* Up to one segment from `seq` on, no further than `to`. */
static struct tcp_piece segment_at(const struct tcp_out *out, uint32_t seq, uint32_t to)
{
    uint32_t last = seq_before(out->end, to) ? out->end : to;
    uint32_t n = seq_before(seq, last) ? least(last - seq, out->mss) : 0;
    struct tcp_piece piece = piece_of(out, seq, n);
    piece.fin = piece.fin && seq_before(out->end, to);
    return piece;
}

/* Bytes that may be sent from `next` on. */
static uint32_t allowed(const struct tcp_out *out)
{
    uint32_t edge = out->una + out->cwnd;
    if (seq_before(out->limit, edge))
        edge = out->limit;
    return seq_before(out->next, edge) ? edge - out->next : 0;
}

static void timer_run(struct tcp_out *out, uint64_t now_ms)
{
    if (out->due_ms == UINT64_MAX)
        out->due_ms = now_ms + out->rto_ms;
}

bool tcp_out_next(struct tcp_out *out, uint64_t now_ms, struct tcp_piece *piece)
{
    uint32_t left = seq_before(out->next, out->end) ? out->end - out->next : 0;
    uint32_t n = least(least(left, out->mss), allowed(out));
    bool fin = out->fin && out->next + n == out->end;
    if (tcp_out_idle(out) || (n == 0 && !fin))
        goto nothing;
    /* Nothing small while something is under way, but the last piece (RFC 9293 3.8.6.2.1). */
    if (n < out->mss && n < left && out->next != out->una)
        goto nothing;
    *piece = piece_of(out, out->next, n);
    bool fresh = out->next == out->max;
    out->next += n + fin;
    if (seq_before(out->max, out->next))
        out->max = out->next;
    if (fresh && out->timed_ms == 0) {
        out->timed = out->next;
        out->timed_ms = now_ms;
    }
    timer_run(out, now_ms);
    return true;
nothing:
    if (!tcp_out_idle(out))
        timer_run(out, now_ms);
    return false;
}

/* RFC 6298 2.3; what timeouts have doubled is over. */
static void rto_set(struct tcp_out *out)
{
    uint32_t rto = out->srtt_ms + most(CLOCK_MS, 4 * out->var_ms);
    out->rto_ms = out->srtt_ms ? least(most(rto, RTO_LEAST_MS), RTO_MOST_MS) : RTO_FIRST_MS;
}

/* RFC 6298 2.2, 2.3. */
static void rtt_sample(struct tcp_out *out, uint32_t rtt_ms)
{
    if (out->srtt_ms == 0) {
        out->srtt_ms = most(rtt_ms, 1);
        out->var_ms = rtt_ms / 2;
    } else {
        uint32_t off = out->srtt_ms > rtt_ms ? out->srtt_ms - rtt_ms : rtt_ms - out->srtt_ms;
        out->var_ms = (3 * out->var_ms + off) / 4;
        out->srtt_ms = most((7 * out->srtt_ms + rtt_ms) / 8, 1);
    }
}

static void window_grow(struct tcp_out *out, uint32_t acked)
{
    if (out->cwnd < out->ssthresh)
        out->cwnd += least(acked, out->mss);
    else
        out->cwnd += most((uint32_t)out->mss * out->mss / out->cwnd, 1);
    out->cwnd = least(out->cwnd, TCP_BUFFER);
}

/* The receiver's window, from a segment that is not older than the last that spoke of it. */
static bool window_note(struct tcp_out *out, const struct tcp_out_ack *ack)
{
    uint32_t limit = ack->ack + ack->window;
    bool newer = seq_before(out->wl_seq, ack->seq) ||
                 (out->wl_seq == ack->seq && !seq_before(ack->ack, out->wl_ack));
    if (!newer && !seq_before(out->limit, limit))
        return false;
    out->wl_seq = ack->seq;
    out->wl_ack = ack->ack;
    bool changed = out->limit != limit;
    out->limit = limit;
    return changed;
}

static void halve(struct tcp_out *out)
{
    uint32_t flight = out->max - out->una;
    out->ssthresh = most(flight / 2, 2u * out->mss);
}

/* New bytes are acknowledged. True: *piece is missing. */
static bool ack_new(struct tcp_out *out, struct tcp_buffers *buffers, uint32_t ack, uint64_t now_ms,
                    struct tcp_piece *piece)
{
    uint32_t n = ack - out->una;
    uint32_t bytes = seq_before(out->end, ack) ? out->end - out->una : n;
    if (out->timed_ms && !seq_before(ack, out->timed)) {
        rtt_sample(out, (uint32_t)(now_ms - out->timed_ms));
        out->timed_ms = 0;
    }
    out->head += bytes;
    out->una = ack;
    if (seq_before(out->next, ack))
        out->next = ack;
    out->dups = out->tries = 0;
    out->probed = false;
    rto_set(out);
    out->due_ms = UINT64_MAX;
    give_if_empty(out, buffers);
    if (tcp_out_idle(out)) {
        out->recovering = false;
        return false;
    }
    timer_run(out, now_ms);
    if (out->recovering && seq_before(ack, out->recover)) {
        out->timed_ms = 0;
        *piece = segment_at(out, out->una, out->max);
        return true;
    }
    if (out->recovering)
        out->cwnd = out->ssthresh;
    else
        window_grow(out, n);
    out->recovering = false;
    return false;
}

enum tcp_out_said tcp_out_acked(struct tcp_out *out, struct tcp_buffers *buffers,
                                const struct tcp_out_ack *ack, uint64_t now_ms,
                                struct tcp_piece *piece)
{
    if (seq_before(out->max, ack->ack))
        return TCP_ACK_WRONG;
    if (seq_before(ack->ack, out->una))
        return TCP_ACK_OLD;
    bool changed = window_note(out, ack);
    if (seq_before(out->una, ack->ack))
        return ack_new(out, buffers, ack->ack, now_ms, piece) ? TCP_ACK_AGAIN : TCP_ACK_NEW;
    if (out->probed) {
        out->tries = 0; /* it has no room, and it lives */
        if (changed) {
            out->probed = false;
            out->next = out->una;
            rto_set(out);
            out->due_ms = now_ms + out->rto_ms;
        }
    }
    bool dup = !ack->data && !changed && out->max != out->una;
    if (!dup || ++out->dups != 3 || out->recovering)
        return changed ? TCP_ACK_NEW : TCP_ACK_OLD;
    halve(out);
    out->cwnd = out->ssthresh;
    out->recovering = true;
    out->recover = out->max;
    out->timed_ms = 0;
    *piece = segment_at(out, out->una, out->max);
    return TCP_ACK_AGAIN;
}

bool tcp_out_due(struct tcp_out *out, uint64_t now_ms, struct tcp_piece *piece)
{
    if (out->tries++ == TCP_OUT_TRIES)
        return false;
    uint32_t doubled = out->tries > 1 || out->max != out->una ? 2 * out->rto_ms : out->rto_ms;
    out->due_ms = now_ms + least(doubled, RTO_MOST_MS);
    out->rto_ms = least(doubled, RTO_MOST_MS);
    out->timed_ms = 0;
    out->recovering = false;
    out->dups = 0;
    if (out->max != out->una)
        halve(out);
    out->cwnd = out->mss;
    out->next = out->una;
    uint32_t n = least(least(out->end - out->una, out->mss), allowed(out));
    out->probed = n == 0 && out->end != out->una;
    if (out->probed)
        n = 1;
    *piece = piece_of(out, out->una, n);
    out->next += n + piece->fin;
    if (seq_before(out->max, out->next))
        out->max = out->next;
    return true;
}
