/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "whole.h"

#include "base/checksum.h"

void whole_put16(unsigned char *p, size_t v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

unsigned whole_get16(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

void whole_mend_header(unsigned char *ip)
{
    memset(ip + 10, 0, 2);
    uint16_t sum = (uint16_t)~checksum_fold(checksum_sum(ip, 20));
    memcpy(ip + 10, &sum, 2);
}

void whole_udp(struct whole *d, struct ends e, const void *payload, size_t n)
{
    static uint16_t id = 0x1200;
    *d = (struct whole){.e = e, .proto = 17, .id = ++id, .n = 8 + n};
    whole_put16(d->b, e.sport);
    whole_put16(d->b + 2, e.dport);
    whole_put16(d->b + 4, 8 + n);
    for (size_t i = 0; i < n; i++)
        d->b[8 + i] =
            payload ? ((const unsigned char *)payload)[i] : (unsigned char)(i * 7 + i / 256 + id);
    uint16_t sum = (uint16_t)~checksum_fold(
        checksum_pseudo(frame_address(e.src), frame_address(e.dst), 17, (uint16_t)d->n) +
        checksum_sum(d->b, d->n));
    memcpy(d->b + 6, &sum, 2);
}

struct frame whole_cut(const struct whole *d, size_t at, size_t n, bool more)
{
    struct frame f;
    frame_ipv4(&f, d->e, d->proto, slice_of((const char *)d->b + at, n));
    memcpy(f.b + FRAME_L4, d->b + at, n); /* no checksum in the middle of it */
    f.b[FRAME_IP + 1] = d->tos;
    whole_put16(f.b + FRAME_IP + 4, d->id);
    whole_put16(f.b + FRAME_IP + 6, at / 8 | (more ? WHOLE_MF : 0) | d->flags);
    whole_mend_header(f.b + FRAME_IP);
    return f;
}

void whole_join(struct whole *d, const struct firewall *fw, uint16_t ifindex, size_t mtu)
{
    struct replay_counts c;
    replay_counts(fw->r, &c);
    for (int i = 0; i < DROP_COUNT && fw->n_sent == 0; i++)
        if (c.packets.drop[i])
            print_message("%s %lu\n", drop_name((enum drop_reason)i), c.packets.drop[i]);
    assert_true(fw->n_sent > 0);
    d->n = 0;
    for (unsigned i = 0; i < fw->n_sent; i++) {
        const struct frame *f = &fw->sent[i].f;
        bool last = i + 1 == fw->n_sent;
        unsigned field = whole_get16(f->b + FRAME_IP + 6);
        uint16_t id = (uint16_t)whole_get16(f->b + FRAME_IP + 4);
        assert_int_equal(fw->sent[i].ifindex, ifindex);
        assert_true(f->n - FRAME_IP <= mtu);
        assert_int_equal(whole_get16(f->b + FRAME_IP + 2), f->n - FRAME_IP);
        assert_int_equal(field & WHOLE_MF, last ? 0 : WHOLE_MF);
        assert_int_equal((field & 0x1fff) * 8, d->n);
        assert_int_equal(checksum_fold(checksum_sum(f->b + FRAME_IP, 20)), 0xffff);
        assert_true(i == 0 || (id == d->id && (field & WHOLE_DF) == d->flags));
        d->id = id;
        d->flags = field & WHOLE_DF;
        d->tos = f->b[FRAME_IP + 1];
        d->proto = f->b[FRAME_IP + 9];
        memcpy(d->b + d->n, f->b + FRAME_L4, f->n - FRAME_L4);
        d->n += f->n - FRAME_L4;
    }
}

void whole_assert_udp(const struct whole *got, const struct whole *d, const char *src)
{
    assert_int_equal(got->n, d->n);
    assert_memory_equal(got->b + 8, d->b + 8, d->n - 8);
    uint64_t pseudo =
        checksum_pseudo(frame_address(src), frame_address(d->e.dst), 17, (uint16_t)got->n);
    assert_int_equal(checksum_fold(pseudo + checksum_sum(got->b, got->n)), 0xffff);
}
