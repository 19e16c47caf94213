/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as what one side of a connection says: where messages end must not depend on how the
 * bytes came. They are cut as a whole, in two at a place that they choose themselves, and byte by
 * byte; each message is one to the parser, too, and one byte less of it is none.
 */
#include "alg/sip_framing.h"
#include "fuzz.h"

#define CUTS 64

/* Messages and line ends in order, and how it ended: SIP_FRAMED_MORE, or a reason to give up. */
struct cuts {
    size_t at[CUTS], used;
    unsigned n;
    enum sip_framed end;
};

static struct sip_msg msg;

static bool goes_on(enum sip_framed r)
{
    return r == SIP_FRAMED_LINES || r == SIP_FRAMED_MESSAGE;
}

static void check_message(struct slice bytes, size_t n)
{
    static struct sip_msg again;
    struct sip_fault fault;
    size_t need;
    require(sip_msg_parse(bytes, SIP_STREAM, &again, &fault, &need) == SIP_DONE);
    require(again.bytes.n == n && n <= SIP_FRAMING_MAX);
    require(sip_msg_parse(slice_head(bytes, n - 1), SIP_STREAM, &again, &fault, &need) ==
            SIP_NEED_MORE);
}

/* What can be cut off the first `n` bytes. */
static void cut(struct cuts *c, struct sip_framing *f, struct slice all, size_t n)
{
    while (c->used < n && c->end == SIP_FRAMED_MORE) {
        struct slice bytes = slice_skip(slice_head(all, n), c->used);
        size_t length = 0;
        enum sip_framed r = sip_framing_next(f, bytes, &msg, &length);
        if (!goes_on(r)) {
            c->end = r;
            return;
        }
        require(length > 0 && length <= bytes.n);
        if (r == SIP_FRAMED_MESSAGE) {
            require(f->sip && f->need == 0 && f->scanned == 0 && !f->begun);
            check_message(bytes, length);
            if (c->n < CUTS)
                c->at[c->n++] = c->used;
        }
        c->used += length;
    }
}

static struct cuts cut_in_steps(struct slice all, size_t first, size_t step)
{
    struct sip_framing f = {0};
    struct cuts c = {.end = SIP_FRAMED_MORE};
    for (size_t n = first; c.end == SIP_FRAMED_MORE; n = all.n - n < step ? all.n : n + step) {
        cut(&c, &f, all, n);
        if (n == all.n)
            break;
    }
    return c;
}

/* Whoever gives up a start line early may call it something else: the same end to the sender. */
static void check_same(const struct cuts *a, const struct cuts *b, size_t n)
{
    bool ended = a->end != SIP_FRAMED_MORE && b->end != SIP_FRAMED_MORE;
    if (n > SIP_FRAMING_LINE && !ended)
        return; /* a long start line is judged by what has come of it */
    require((a->end == SIP_FRAMED_MORE) == (b->end == SIP_FRAMED_MORE));
    require(a->n == b->n && a->used == b->used);
    require(memcmp(a->at, b->at, a->n * sizeof(a->at[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice all = slice_of((const char *)data, n);
    if (n == 0)
        return 0;
    struct cuts whole = cut_in_steps(all, n, n);
    struct cuts halves = cut_in_steps(all, (data[0] * 256u + data[n - 1] + n / 2) % n, n);
    struct cuts steps = cut_in_steps(all, 1, n < 3000 ? 1 : n / 1000);
    check_same(&whole, &halves, n);
    check_same(&whole, &steps, n);
    return 0;
}
