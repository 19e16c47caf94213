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
