/* SPDX-License-Identifier: BSD-3-Clause */
#include "damage.h"

#include "mutation.h"

#include <stdio.h>

struct slice frame_sip(struct slice frame)
{
    bool udp = frame.n > FRAME_L4 + 8 && frame.p[12] == 8 && frame.p[13] == 0 &&
               frame.p[FRAME_IP] == 0x45 && frame.p[FRAME_IP + 9] == 17;
    return udp ? frame_udp_payload(frame) : SLICE_NONE;
}

/* Let Content-Length say how long the body is, where both are to be found. Returns the length of
 * the message. */
static size_t length_mend(unsigned char *b, size_t n, size_t cap)
{
    static const char name[] = "\r\nContent-Length: ";
    char number[16];
    unsigned char *end = memmem(b, n, "\r\n\r\n", 4), *value = memmem(b, n, name, sizeof name - 1);
    if (!end || !value || value > end)
        return n;
    value += sizeof name - 1;
    size_t at = (size_t)(value - b), body = n - (size_t)(end + 4 - b), old = 0;
    size_t digits = (size_t)snprintf(number, sizeof number, "%zu", body);
    while (at + old < n && ascii_digit((char)value[old]))
        old++;
    if (n - old + digits > cap)
        return n;
    memmove(value + digits, value + old, n - at - old);
    memcpy(value, number, digits);
    return n - old + digits;
}

bool frame_damage(struct rng *rng, struct frame *f)
{
    struct slice sip = frame_sip(frame_slice(f));
    if (sip.n > 0 && rng_below(rng, 3)) {
        size_t start = f->n - sip.n, room = FRAME_SIZE - start;
        size_t n = mutation_apply(rng, f->b + start, sip.n, room);
        if (rng_below(rng, 3))
            n = length_mend(f->b + start, n, room);
        f->n = start + n;
        frame_mend(f);
        return true;
    }
    /* Addresses of Ethernet are of little interest here; lengths and ports behind them are. */
    size_t start = rng_below(rng, 8) && f->n > 12 ? 12 : 0;
    f->n = start + mutation_apply(rng, f->b + start, f->n - start, FRAME_SIZE - start);
    if (rng_below(rng, 2))
        frame_mend(f);
    return false;
}

static bool one_in(struct rng *rng, uint32_t n)
{
    return rng_below(rng, n) == 0;
}

static struct frame piece_of(const struct frame *f, size_t at, size_t n, bool more)
{
    struct frame piece = {.n = FRAME_L4 + n};
    size_t field = at / 8 | (more ? 0x2000 : 0);
    memcpy(piece.b, f->b, FRAME_L4);
    piece.b[FRAME_IP + 6] = (unsigned char)(field >> 8);
    piece.b[FRAME_IP + 7] = (unsigned char)field;
    frame_mend(&piece); /* and then the payload: it has no header to be mended */
    memcpy(piece.b + FRAME_L4, f->b + FRAME_L4 + at, n);
    return piece;
}

unsigned frame_cut(struct rng *rng, const struct frame *f, struct frame pieces[FRAME_PIECES])
{
    size_t total = f->n > FRAME_L4 ? f->n - FRAME_L4 : 0;
    unsigned n = 0;
    if (total < 16 || f->b[12] != 8 || f->b[13] != 0 || f->b[FRAME_IP] != 0x45)
        return 0;
    struct frame whole = *f;
    whole.b[FRAME_IP + 5] = (unsigned char)rng_below(rng, 64);
    size_t step = 8 * (1 + rng_below(rng, (uint32_t)total / 8));
    while ((total + step - 1) / step > 9)
        step += 8;
    for (size_t at = 0; at < total; at += step) {
        size_t here = total - at < step ? total - at : step, from = at;
        bool more = at + here < total;
        if (one_in(rng, 64))
            from = at >= 8 ? at - 8 : at + 8 < total ? at + 8 : at;
        if (one_in(rng, 64))
            more = !more;
        if (from + here > total)
            here = total - from;
        if (one_in(rng, 32) || n == FRAME_PIECES)
            continue;
        unsigned k = rng_below(rng, n + 1);
        pieces[n++] = pieces[k];
        pieces[k] = piece_of(&whole, from, here, more);
        if (one_in(rng, 32))
            frame_damage(rng, &pieces[k]);
    }
    if (n > 0 && n < FRAME_PIECES && one_in(rng, 16))
        pieces[n++] = pieces[0];
    return n;
}
