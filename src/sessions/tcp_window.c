/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The box sees what each side has sent, so it knows an upper bound of what the other side can have
 * received, and it sees every acknowledgement and window before the peer does. So for each side two
 * edges are enough: `end`, after the last byte it sent, and `limit`, the furthest it ever allowed
 * the other to send. Both only grow, windows that shrink included: bytes sent under an old promise
 * may still be on their way. The lower bounds follow, since nobody may have more in flight than the
 * other side's largest window; the scale bounds that one, and stacks choose it no larger than
 * their buffer needs.
 *
 * Life: a SYN sets its side's end, and may set it anew until the other side answers (a client may
 * try again from another number). The answer brings the first limit. Until both sides have spoken
 * only SYN segments are recorded. A scale factor counts if both SYNs offered one (RFC 7323 2.2),
 * and never for the window of a SYN itself.
 *
 * Two threads with segments of one side both raise its edges; compare-and-swap keeps the higher.
 */
#include "sessions/tcp_window.h"

#include <assert.h>

#define WINDOW_MAX 65535u              /* of the header field, and so of any SYN */
#define ROOM_MAX   (UINT32_C(1) << 30) /* largest window (RFC 7323); bounds compare below 2^31 */

/* struct tcp_window said[]: the offered scale and what is known. */
#define SAID_SCALE  0x0fu
#define SAID_HEARD  0x10u /* end is valid */
#define SAID_LIMIT  0x20u /* limit is valid */
#define SAID_SCALED 0x40u /* its SYN offered a scale */
#define SAID_MIDWAY 0x80u /* its SYN was not seen */

/* One side as loaded. */
struct side {
    uint32_t end, limit;
    uint32_t room; /* the largest window it can give, bytes */
    uint8_t said;
};

static bool seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static uint32_t seq_max(uint32_t a, uint32_t b)
{
    return seq_after(a, b) ? a : b;
}

static struct side side_load(struct tcp_window w, unsigned int direction)
{
    struct side side = {.said = __atomic_load_n(&w.said[direction], __ATOMIC_ACQUIRE)};
    const uint64_t edge = __atomic_load_n(&w.edge[direction], __ATOMIC_RELAXED);
    side.end = (uint32_t)edge;
    side.limit = (uint32_t)(edge >> 32);
    return side;
}

static unsigned int side_scale(const struct side *side, const struct side *other)
{
    return side->said & other->said & SAID_SCALED ? side->said & SAID_SCALE : 0;
}

static uint32_t segment_end(const struct tcp_segment *seg)
{
    return seg->seq + seg->len + !!(seg->flags & TCP_BIT_SYN) + !!(seg->flags & TCP_BIT_FIN);
}

/* The state is one in which a SYN opens the connection. */
static bool state_opens(uint8_t state)
{
    const enum tcp_state digit = tcp_state_digit(state);
    return digit == TCP_STATE_NONE || digit == TCP_STATE_SYN_SENT || digit == TCP_STATE_SYN_RECV ||
           digit == TCP_STATE_LISTEN;
}

/* First words of a side; what it said before, if anything, is forgotten. */
static void side_start(struct tcp_window w, unsigned int direction, const struct tcp_segment *seg,
                       uint8_t said)
{
    uint64_t edge = segment_end(seg);
    if (seg->flags & TCP_BIT_ACK) {
        edge |= (uint64_t)(seg->ack + seg->window) << 32;
        said |= SAID_LIMIT;
    }
    if ((seg->flags & TCP_BIT_SYN) && seg->scale != TCP_NO_SCALE)
        said |= SAID_SCALED | (seg->scale & SAID_SCALE);
    __atomic_store_n(&w.edge[direction], edge, __ATOMIC_RELAXED);
    __atomic_store_n(&w.said[direction], said | SAID_HEARD, __ATOMIC_RELEASE);
}

/* Raise the side's edges by what the segment says; `scale` is 0 for one with SYN. */
static void side_raise(struct tcp_window w, unsigned int direction, const struct tcp_segment *seg,
                       unsigned int scale)
{
    const bool acks = seg->flags & TCP_BIT_ACK;
    const bool bounded = __atomic_load_n(&w.said[direction], __ATOMIC_ACQUIRE) & SAID_LIMIT;
    const uint32_t limit = seg->ack + ((uint32_t)seg->window << scale);
    uint64_t edge = __atomic_load_n(&w.edge[direction], __ATOMIC_RELAXED), raised;

    do {
        uint32_t far = (uint32_t)(edge >> 32);
        if (acks)
            far = bounded ? seq_max(far, limit) : limit;
        raised = (uint64_t)far << 32 | seq_max((uint32_t)edge, segment_end(seg));
    } while (raised != edge &&
             !__atomic_compare_exchange_n(&w.edge[direction], &edge, raised, false,
                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    if (acks && !bounded)
        __atomic_fetch_or(&w.said[direction], SAID_LIMIT, __ATOMIC_RELEASE);
}

static uint32_t room_capped(uint32_t room, enum tcp_window_mode mode)
{
    if (mode == TCP_WINDOW_LOOSE)
        room = 2 * room + WINDOW_MAX;
    return room < ROOM_MAX ? room : ROOM_MAX;
}

/* The segment's data against both sides' edges. `me` sends it. */
static bool seq_is_inside(const struct side *me, const struct side *peer, uint32_t seq,
                          uint32_t end, enum tcp_window_mode mode)
{
    const uint32_t beyond = mode == TCP_WINDOW_LOOSE ? room_capped(peer->room, mode) : 1;

    if ((peer->said & SAID_LIMIT) && seq_after(seq, peer->limit + beyond))
        return false;
    return !seq_after(me->end - room_capped(peer->room, mode) - 1, end);
}

static bool ack_is_inside(const struct side *me, const struct side *peer, uint32_t ack,
                          enum tcp_window_mode mode)
{
    const uint32_t beyond = mode == TCP_WINDOW_LOOSE ? room_capped(me->room, mode) : 0;

    return !seq_after(ack, peer->end + beyond) &&
           !seq_after(peer->end - room_capped(me->room, mode), ack);
}

static bool segment_is_inside(const struct side *me, const struct side *peer,
                              const struct tcp_segment *seg, enum tcp_window_mode mode)
{
    if (mode == TCP_WINDOW_OFF)
        return true;
    return seq_is_inside(me, peer, seg->seq, segment_end(seg), mode) &&
           (!(seg->flags & TCP_BIT_ACK) || ack_is_inside(me, peer, seg->ack, mode));
}

static struct tcp_window_result reset_check(const struct side *me, const struct side *peer,
                                            const struct tcp_segment *seg,
                                            enum tcp_window_mode mode)
{
    const bool next = !(me->said & SAID_HEARD) || seg->seq == me->end;

    if (mode == TCP_WINDOW_OFF || !(peer->said & SAID_HEARD))
        return (struct tcp_window_result){true, true}; /* its own attempt is anyone's to end */
    if ((me->said | peer->said) & SAID_MIDWAY)
        return (struct tcp_window_result){true, next};
    if (!(me->said & SAID_HEARD)) {
        const bool answers = (seg->flags & TCP_BIT_ACK) && seg->ack == peer->end;
        return (struct tcp_window_result){answers, answers};
    }
    const bool inside = seq_is_inside(me, peer, seg->seq, seg->seq, mode);
    return (struct tcp_window_result){inside, inside && next};
}

/* A segment with SYN in a state that it may open. True when it is inside. */
static bool open_check(struct tcp_window w, unsigned int direction, const struct side sides[2],
                       const struct tcp_segment *seg, enum tcp_window_mode mode)
{
    const struct side *me = &sides[direction], *peer = &sides[!direction];
    const bool me_heard = me->said & SAID_HEARD, peer_heard = peer->said & SAID_HEARD;

    if (me_heard && peer_heard) {
        if (!segment_is_inside(me, peer, seg, mode))
            return false;
        side_raise(w, direction, seg, 0);
        return true;
    }
    if (seg->flags & TCP_BIT_ACK) {
        if (peer_heard && mode != TCP_WINDOW_OFF && !ack_is_inside(me, peer, seg->ack, mode))
            return false;
        side_start(w, direction, seg, peer_heard ? 0 : SAID_MIDWAY);
        return true;
    }
    side_start(w, direction, seg, 0);
    return true;
}

/* A segment of a connection picked up midway: recorded, not judged. */
static void midway_record(struct tcp_window w, unsigned int direction, const struct side *me,
                          const struct tcp_segment *seg)
{
    if (me->said & SAID_HEARD)
        side_raise(w, direction, seg, 0);
    else
        side_start(w, direction, seg, SAID_MIDWAY);
}

struct tcp_window_result tcp_window_check(struct tcp_window w, uint8_t state,
                                          unsigned int direction, const struct tcp_segment *seg,
                                          enum tcp_window_mode mode)
{
    assert(direction < 2);
    struct side sides[2] = {side_load(w, 0), side_load(w, 1)};
    struct side *me = &sides[direction], *peer = &sides[!direction];
    const bool heard = me->said & peer->said & SAID_HEARD, acks = seg->flags & TCP_BIT_ACK;
    const bool midway = ((me->said | peer->said) & SAID_MIDWAY) ||
                        (!(me->said & SAID_HEARD) && !state_opens(state));
    bool inside = true;

    me->room = WINDOW_MAX << side_scale(me, peer);
    peer->room = WINDOW_MAX << side_scale(peer, me);
    if (seg->flags & TCP_BIT_RST)
        return reset_check(me, peer, seg, mode);
    if (seg->flags & TCP_BIT_SYN) {
        if (state_opens(state))
            inside = open_check(w, direction, sides, seg, mode);
        else if (acks && heard && !midway)
            inside = segment_is_inside(me, peer, seg, mode);
    } else if (midway) {
        midway_record(w, direction, me, seg);
    } else if (heard) {
        inside = segment_is_inside(me, peer, seg, mode);
        if (inside)
            side_raise(w, direction, seg, side_scale(me, peer));
    }
    const bool peer_sent_more = (peer->said & SAID_HEARD) && seq_after(peer->end, seg->ack);
    return (struct tcp_window_result){inside, inside && acks && !peer_sent_more};
}

bool tcp_window_sent(struct tcp_window w, unsigned int direction, uint32_t seq,
                     enum tcp_window_mode mode)
{
    assert(direction < 2);
    struct side me = side_load(w, direction), peer = side_load(w, !direction);

    if (mode == TCP_WINDOW_OFF || !(me.said & SAID_HEARD) || ((me.said | peer.said) & SAID_MIDWAY))
        return true;
    peer.room = WINDOW_MAX << side_scale(&peer, &me);
    return !seq_after(seq, me.end) && !seq_after(me.end - room_capped(peer.room, mode) - 1, seq);
}
