/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one side of a connection has sent, put in order: bytes from `base` on that nobody has used
 * yet, without a hole up to `next`, and a few pieces further on that came too early. Of bytes that
 * come twice the first ones count. Sequence numbers are the sender's own, in host order; they wrap.
 *
 * Part of a struct tcp_splice, whose thread owns it.
 */
#pragma once

#include "alg/tcp_buffer.h"
#include "base/slice.h"

#define TCP_PIECES 8 /* that came too early */

struct tcp_in {
    char *buffer;  /* NULL: nothing is held */
    uint32_t head; /* where in it `base` stands */
    uint32_t base; /* the first byte that was not used */
    uint32_t next; /* the first byte that has not come */
    uint32_t fin;  /* the number of its FIN */
    bool fin_came; /* perhaps before bytes that it follows */
    uint8_t n_pieces;
    struct {
        uint32_t from, to;
    } pieces[TCP_PIECES]; /* behind `next`, in order, without touching each other */
};

static inline bool seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

/* The first byte will have this number. */
void tcp_in_start(struct tcp_in *in, uint32_t seq);

/*
 * Bytes that came; those outside of `base` + TCP_BUFFER are not taken. 0, -ENOMEM when no buffer
 * is left, -ENOSPC when there are too many pieces: then nothing was taken and the sender will send
 * them again.
 */
int tcp_in_put(struct tcp_in *in, struct tcp_buffers *buffers, uint32_t seq, struct slice data);

/* A FIN of this number came. False: another one was there before, or bytes behind it. */
bool tcp_in_end(struct tcp_in *in, uint32_t seq);

/* It has sent everything up to its FIN. */
static inline bool tcp_in_ended(const struct tcp_in *in)
{
    return in->fin_came && in->next == in->fin;
}

/* What can be used. */
static inline struct slice tcp_in_bytes(const struct tcp_in *in)
{
    return in->buffer ? slice_of(in->buffer + in->head, in->next - in->base) : SLICE_NONE;
}

/* The number to acknowledge. */
static inline uint32_t tcp_in_ack(const struct tcp_in *in)
{
    return in->next + tcp_in_ended(in);
}

/* `n` of them were used. */
void tcp_in_take(struct tcp_in *in, struct tcp_buffers *buffers, size_t n);

/* Pieces that came too early are forgotten: they will come again. */
void tcp_in_forget(struct tcp_in *in, struct tcp_buffers *buffers);

/* Give the buffer back, whatever is in it. */
void tcp_in_drop(struct tcp_in *in, struct tcp_buffers *buffers);
