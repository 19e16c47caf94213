/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes on their way to one side of a connection, under numbers of our own: kept until that side
 * has acknowledged them, sent as far as its window and the network allow, sent again when they are
 * lost (RFC 6298, RFC 5681, RFC 6582). What is sent again is what was sent before.
 *
 * Part of a struct tcp_splice, whose thread owns it. Numbers are in host order and wrap; times are
 * milliseconds.
 */
#pragma once

#include "alg/tcp_in.h"

struct tcp_out {
    char *buffer;   /* NULL: nothing is held */
    uint32_t head;  /* where in it `una` stands */
    uint32_t una;   /* the first byte that is not acknowledged */
    uint32_t next;  /* the next to be sent; goes back to `una` when all is to be sent again */
    uint32_t max;   /* the first number that was never sent */
    uint32_t end;   /* behind the last byte; the number of FIN */
    uint32_t limit; /* how far the receiver lets us send */
    uint32_t wl_seq, wl_ack; /* of the segment that said so */
    uint32_t cwnd, ssthresh; /* congestion window, bytes */
    uint32_t recover;        /* fast recovery ends when this is acknowledged */
    uint32_t timed;          /* the round trip of this number is being measured ... */
    uint64_t timed_ms;       /* ... since then; 0: of none */
    uint64_t due_ms;         /* retransmission or probe; UINT64_MAX: no timer runs */
    uint32_t srtt_ms, var_ms, rto_ms;
    uint16_t mss;
    uint8_t dups, tries;
    bool fin; /* a FIN follows the bytes */
    bool recovering;
    bool probed; /* its window was full: one byte beyond it is under way */
};

/* A piece to be sent. */
struct tcp_piece {
    uint32_t seq;
    struct slice bytes;
    bool fin, push;
};

#define TCP_OUT_TRIES 9 /* without an answer: three minutes and more (RFC 9293 3.8.3) */

/* The first byte will have this number; the receiver takes `mss` at a time and `window` in all. */
void tcp_out_start(struct tcp_out *out, uint32_t seq, uint16_t mss, uint32_t window);

/* Bytes and FIN that are there and not acknowledged. */
static inline bool tcp_out_idle(const struct tcp_out *out)
{
    return out->una == out->end + out->fin;
}

/*
 * Where the next bytes may be written, *room of them: all of a buffer when nothing is held, and
 * half a buffer less what is held at least. NULL when no buffer is left. Then tcp_out_add says how
 * many were.
 */
char *tcp_out_tail(struct tcp_out *out, struct tcp_buffers *buffers, size_t *room);
void tcp_out_add(struct tcp_out *out, struct tcp_buffers *buffers, uint32_t n);

/* Is there a piece to send now? Time and numbers are taken as if it were sent. */
bool tcp_out_next(struct tcp_out *out, uint64_t now_ms, struct tcp_piece *piece);

/* What an acknowledgement says. */
struct tcp_out_ack {
    uint32_t seq, ack;
    uint32_t window; /* bytes */
    bool data;       /* the segment carries data or FIN */
};

enum tcp_out_said {
    TCP_ACK_OLD,   /* nothing new */
    TCP_ACK_NEW,   /* something was received */
    TCP_ACK_AGAIN, /* *piece is to be sent again at once */
    TCP_ACK_WRONG, /* acknowledges what was never sent */
};

enum tcp_out_said tcp_out_acked(struct tcp_out *out, struct tcp_buffers *buffers,
                                const struct tcp_out_ack *ack, uint64_t now_ms,
                                struct tcp_piece *piece);

/* Its time has come: *piece is to be sent. False: the receiver is gone for good. */
bool tcp_out_due(struct tcp_out *out, uint64_t now_ms, struct tcp_piece *piece);

/* Give the buffer back, whatever is in it, and stop the timer. */
void tcp_out_drop(struct tcp_out *out, struct tcp_buffers *buffers);
