/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "splice_rig.h"

static enum tcp_reading lines(void *ctx, unsigned dir, struct slice bytes, bool last,
                              struct tcp_output *to)
{
    struct middle *m = ctx;
    size_t n = slice_find(bytes, '\n');
    (void)dir;
    if (bytes.p[0] == 'X' && !m->read_any)
        return TCP_READ_LEAVE;
    if (bytes.p[0] == '#')
        return TCP_READ_BREAK;
    if (n == bytes.n && !last)
        return TCP_READ_MORE;
    if (n < bytes.n)
        n++;
    if (to->cap < n + 2)
        return TCP_READ_MORE;
    m->read_any = true;
    to->used = n;
    to->made = 0;
    if (bytes.p[0] == '!')
        return TCP_READ_ON;
    to->p[0] = '<';
    memcpy(to->p + 1, bytes.p, n);
    to->p[n + 1] = '>';
    to->made = n + 2;
    return TCP_READ_ON;
}

static void keep(void *ctx, const struct tcp_departure *d)
{
    struct middle *m = ctx;
    if (m->n_sent == WIRE_MAX) {
        m->n_lost++;
        return;
    }
    struct wire_segment *w = &m->sent[m->n_sent++];
    assert_true(d->data.n <= sizeof w->bytes);
    w->dir = d->dir;
    if (d->data.n)
        memcpy(w->bytes, d->data.p, d->data.n);
    w->a = (struct tcp_arrival){.seq = d->seq,
                                .ack = d->ack,
                                .window = d->window,
                                .flags = d->flags,
                                .data = {NULL, d->data.n}};
}

void middle_init(struct middle *m)
{
    static const uint16_t most[2] = {1460, 1460};
    memset(m, 0, sizeof *m);
    assert_int_equal(tcp_buffers_init(&m->buffers, 8), 0);
    m->user = (struct tcp_user){.ctx = m, .read = lines, .send = keep};
    m->now_ms = 1000000;
    tcp_splice_init(&m->sp, most);
}

void middle_free(struct middle *m)
{
    tcp_splice_drop(&m->sp, &m->buffers);
    assert_int_equal(m->buffers.n_spare, m->buffers.n);
    tcp_buffers_free(&m->buffers);
}

struct tcp_fate input(struct middle *m, unsigned dir, const struct tcp_arrival *a)
{
    return tcp_splice_input(&m->sp, &m->buffers, &m->user, dir, a, m->now_ms);
}

static const uint8_t mss[] = {2, 4, 5, 0xb4};

void syn(struct middle *m, unsigned dir, uint32_t seq, uint32_t ack, uint16_t window)
{
    struct tcp_arrival a = {
        .seq = seq,
        .ack = ack,
        .window = window,
        .flags = (uint8_t)(TCP_BIT_SYN | (dir ? TCP_BIT_ACK : 0)),
        .options = mss,
        .n_options = sizeof mss,
    };
    assert_int_equal(input(m, dir, &a).kind, TCP_FATE_FORWARD);
}
