/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The buffer is a straight line, because what is read out of it (a message) must lie in one piece:
 * byte s stands at head + (s - base). When the line gets too long what is there moves to its
 * beginning, at most once for each buffer of bytes that came.
 *
 * First bytes win, in whatever order they come: bytes are written only into the holes between
 * pieces, and a hole that is filled joins its neighbours. So what is read does not depend on what a
 * sender (or somebody else who guesses numbers) sends a second time.
 */
#include "alg/tcp_in.h"

#include <errno.h>

void tcp_in_start(struct tcp_in *in, uint32_t seq)
{
    *in = (struct tcp_in){.base = seq, .next = seq};
}

/* The last byte that is held, and one. */
static uint32_t in_end(const struct tcp_in *in)
{
    return in->n_pieces ? in->pieces[in->n_pieces - 1].to : in->next;
}

static void make_room(struct tcp_in *in, uint32_t end)
{
    if (in->head + (end - in->base) <= TCP_BUFFER)
        return;
    memmove(in->buffer, in->buffer + in->head, in_end(in) - in->base);
    in->head = 0;
}

static void copy(struct tcp_in *in, uint32_t from, uint32_t to, const char *p, uint32_t seq)
{
    memcpy(in->buffer + in->head + (from - in->base), p + (from - seq), to - from);
}

/* Pieces that `next` has reached are pieces no more. */
static void join(struct tcp_in *in)
{
    unsigned n = 0;
    while (n < in->n_pieces && !seq_before(in->next, in->pieces[n].from)) {
        if (seq_before(in->next, in->pieces[n].to))
            in->next = in->pieces[n].to;
        n++;
    }
    if (n == 0)
        return;
    in->n_pieces = (uint8_t)(in->n_pieces - n);
    memmove(in->pieces, in->pieces + n, in->n_pieces * sizeof(in->pieces[0]));
}

/*
 * Put [from, to) into the holes. Pieces first[i]..last that it touches become one with it; the
 * caller has seen to it that there is a place for one more.
 */
static void fill(struct tcp_in *in, uint32_t from, uint32_t to, const char *p, uint32_t seq)
{
    unsigned i = 0, j;
    uint32_t at = from, whole_from = from, whole_to = to;
    while (i < in->n_pieces && seq_before(in->pieces[i].to, from))
        i++;
    for (j = i; j < in->n_pieces && !seq_before(to, in->pieces[j].from); j++) {
        if (seq_before(at, in->pieces[j].from))
            copy(in, at, in->pieces[j].from, p, seq);
        if (seq_before(at, in->pieces[j].to))
            at = in->pieces[j].to;
    }
    if (seq_before(at, to))
        copy(in, at, to, p, seq);
    if (j > i) {
        if (seq_before(in->pieces[i].from, whole_from))
            whole_from = in->pieces[i].from;
        if (seq_before(whole_to, in->pieces[j - 1].to))
            whole_to = in->pieces[j - 1].to;
    }
    memmove(in->pieces + i + 1, in->pieces + j, (in->n_pieces - j) * sizeof(in->pieces[0]));
    in->n_pieces = (uint8_t)(in->n_pieces - (j - i) + 1);
    in->pieces[i].from = whole_from;
    in->pieces[i].to = whole_to;
}

/* Does [from, to) touch a piece, or `next`? */
static bool touches(const struct tcp_in *in, uint32_t from, uint32_t to)
{
    if (from == in->next)
        return true;
    for (unsigned i = 0; i < in->n_pieces; i++)
        if (!seq_before(in->pieces[i].to, from) && !seq_before(to, in->pieces[i].from))
            return true;
    return false;
}

int tcp_in_put(struct tcp_in *in, struct tcp_buffers *buffers, uint32_t seq, struct slice data)
{
    uint32_t from = seq, to = seq + (uint32_t)data.n, most = in->base + TCP_BUFFER;
    if (seq_before(from, in->next))
        from = in->next;
    if (seq_before(most, to))
        to = most;
    if (in->fin_came && seq_before(in->fin, to))
        to = in->fin; /* behind its FIN there is nothing */
    if (!seq_before(from, to))
        return 0;
    if (in->n_pieces == TCP_PIECES && !touches(in, from, to))
        return -ENOSPC;
    if (!in->buffer) {
        in->buffer = tcp_buffer_take(buffers, 1); /* what is read has to go somewhere */
        in->head = 0;
        if (!in->buffer)
            return -ENOMEM;
    }
    make_room(in, to);
    if (from == in->next && (in->n_pieces == 0 || seq_before(to, in->pieces[0].from))) {
        copy(in, from, to, data.p, seq);
        in->next = to;
        return 0;
    }
    fill(in, from, to, data.p, seq);
    join(in);
    return 0;
}

bool tcp_in_end(struct tcp_in *in, uint32_t seq)
{
    if (in->fin_came)
        return in->fin == seq;
    if (seq_before(seq, in_end(in)))
        return false;
    in->fin = seq;
    in->fin_came = true;
    return true;
}

void tcp_in_take(struct tcp_in *in, struct tcp_buffers *buffers, size_t n)
{
    in->base += (uint32_t)n;
    in->head += (uint32_t)n;
    if (in->base == in->next && in->n_pieces == 0)
        tcp_in_drop(in, buffers);
}

void tcp_in_forget(struct tcp_in *in, struct tcp_buffers *buffers)
{
    in->n_pieces = 0;
    if (in->base == in->next)
        tcp_in_drop(in, buffers);
}

void tcp_in_drop(struct tcp_in *in, struct tcp_buffers *buffers)
{
    tcp_buffer_give(buffers, in->buffer);
    in->buffer = NULL;
    in->head = 0;
    in->n_pieces = 0;
}
