/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a connection as a middle box sees it. The state tables of an end point do not fit: we
 * see both sides' segments, before they arrive, and some of them never do. So a state here says
 * what has passed by: SYN, its answer, FIN of one side, its acknowledgement. Which side it was
 * matters (a retransmitted FIN is not the other side's FIN), so the closing states exist once per
 * side; the side is in the upper half of the byte, and what people see is the digit below.
 *
 *   NONE -> SYN_SENT -> SYN_RECV -> ESTABLISHED -> FIN_WAIT -> CLOSE_WAIT -> LAST_ACK -> TIME_WAIT
 *              \-> LISTEN -/                           \----------------------/
 *   RST leads to CLOSE from anywhere but TIME_WAIT; SYN leads out of CLOSE and TIME_WAIT (REOPEN).
 *
 * A reset ends a connection if it carries the very number its receiver expects. One that is only in
 * the window is answered by a challenge ACK, and ends nothing unless the reset that follows from
 * that one does (RFC 5961 3.2). It may still be right, when what the sender sent last was lost, or
 * when the sender has forgotten the connection and takes its number from an old acknowledgement. So
 * an open connection is in doubt from then on: any other segment settles that it lives, and if none
 * comes it ends by the half-close timer. A stranger who hits the window so shortens the life of a
 * connection that is silent for longer than that; he ends none that speaks. Where a FIN waits for
 * its acknowledgement, for a round trip as a rule, a reset in the window counts: it is what the one
 * who closed says to segments that were under way, with the number of an old acknowledgement.
 *
 * A FIN is acknowledged when the other side acknowledges all that was sent. The windows know that;
 * without them every ACK is taken for one that does.
 *
 * Segments that could belong to an older or a newer connection of the same addresses (a SYN in
 * an established connection, an ACK in answer to a SYN) go through without any effect: the peers
 * find out by challenge ACK and RST (RFC 5961), and the RST is judged by the window.
 */
#include "sessions/tcp.h"

#include "base/checksum.h"
#include "sessions/timeouts.h"

#include <assert.h>
#include <string.h>

/* States with a side in the upper half. The name tells whose FIN or SYN+ACK it is about. */
enum {
    NONE = TCP_STATE_NONE,
    SYN_SENT = TCP_STATE_SYN_SENT,
    BOTH_SYN = TCP_STATE_LISTEN,
    SYN_RECV = TCP_STATE_SYN_RECV,          /* the reply side answered */
    SYN_RECV_O = TCP_STATE_SYN_RECV | 0x10, /* the original side did, after BOTH_SYN */
    OPEN = TCP_STATE_ESTABLISHED,           /* no FIN */
    FIN_O = TCP_STATE_FIN_WAIT,             /* FIN of the original side */
    FIN_R = TCP_STATE_FIN_WAIT | 0x10,      /* FIN of the reply side */
    HALF_O = TCP_STATE_CLOSE_WAIT,          /* FIN_O and acknowledged */
    HALF_R = TCP_STATE_CLOSE_WAIT | 0x10,   /* FIN_R and acknowledged */
    FINS = TCP_STATE_LAST_ACK,              /* both, none acknowledged */
    FINS_O = TCP_STATE_LAST_ACK | 0x10,     /* both, that of the original side acknowledged */
    FINS_R = TCP_STATE_LAST_ACK | 0x20,     /* both, that of the reply side acknowledged */
    DOUBT = TCP_STATE_CLOSE_WAIT | 0x20,    /* open, after a reset that may count or not */
    DONE = TCP_STATE_TIME_WAIT,
    RESET = TCP_STATE_CLOSE,
    STATES = 0x30,

    /* In a table cell instead of a new state. */
    STRAY = 0xfd,
    AGAIN = 0xfe,
    BAD = 0xff
};

enum event {
    EV_SYN,
    EV_SYNACK,
    EV_ACK,     /* does not acknowledge all the other side has sent */
    EV_ACK_ALL, /* does */
    EV_FIN,     /* the same of a FIN+ACK */
    EV_FIN_ALL,
    EV_RST,      /* carries the very number its receiver expects */
    EV_RST_NEAR, /* does not, but one in the window */
    EV_COUNT
};

/* clang-format off */
static const uint8_t transitions[STATES][2][EV_COUNT] = {
    /*                 SYN       SYN+ACK     ACK     ACK all  FIN     FIN all  RST     RST? */
    [NONE] = {       { SYN_SENT, BAD,        BAD,    BAD,     BAD,    BAD,     BAD,   BAD   },
                     { BAD,      BAD,        BAD,    BAD,     BAD,    BAD,     BAD,   BAD   } },
    /* An ACK from a peer that remembers an older connection makes the client reset that one. */
    [SYN_SENT] = {   { SYN_SENT, BAD,        BAD,    BAD,     BAD,    BAD,     RESET, STRAY },
                     { BOTH_SYN, SYN_RECV,   STRAY,  STRAY,   BAD,    BAD,     RESET, STRAY } },
    [BOTH_SYN] = {   { BOTH_SYN, SYN_RECV_O, STRAY,  STRAY,   BAD,    BAD,     RESET, STRAY },
                     { BOTH_SYN, SYN_RECV,   STRAY,  STRAY,   BAD,    BAD,     RESET, STRAY } },
    /* Data may come before the last ACK of the handshake (RFC 7413), and so may a FIN. */
    [SYN_RECV] = {   { SYN_RECV, OPEN,       OPEN,   OPEN,    FIN_O,  FIN_O,   RESET, STRAY },
                     { STRAY,    SYN_RECV,   SYN_RECV, SYN_RECV, FIN_R, FIN_R, RESET, STRAY } },
    [SYN_RECV_O] = { { STRAY,    SYN_RECV_O, SYN_RECV_O, SYN_RECV_O, FIN_O, FIN_O, RESET, STRAY },
                     { SYN_RECV_O, OPEN,     OPEN,   OPEN,    FIN_R,  FIN_R,   RESET, STRAY } },
    [OPEN] = {       { STRAY,    OPEN,       OPEN,   OPEN,    FIN_O,  FIN_O,   RESET, DOUBT },
                     { STRAY,    OPEN,       OPEN,   OPEN,    FIN_R,  FIN_R,   RESET, DOUBT } },
    /* Whoever got the reset answers it, and if by an ACK, the connection lives. */
    [DOUBT] = {      { STRAY,    STRAY,      OPEN,   OPEN,    FIN_O,  FIN_O,   RESET, DOUBT },
                     { STRAY,    STRAY,      OPEN,   OPEN,    FIN_R,  FIN_R,   RESET, DOUBT } },
    [FIN_O] = {      { STRAY,    STRAY,      FIN_O,  FIN_O,   FIN_O,  FIN_O,   RESET, RESET },
                     { STRAY,    STRAY,      FIN_O,  HALF_O,  FINS,   FINS_O,  RESET, RESET } },
    [FIN_R] = {      { STRAY,    STRAY,      FIN_R,  HALF_R,  FINS,   FINS_R,  RESET, RESET },
                     { STRAY,    STRAY,      FIN_R,  FIN_R,   FIN_R,  FIN_R,   RESET, RESET } },
    [HALF_O] = {     { STRAY,    STRAY,      HALF_O, HALF_O,  HALF_O, HALF_O,  RESET, STRAY },
                     { STRAY,    STRAY,      HALF_O, HALF_O,  FINS_O, FINS_O,  RESET, STRAY } },
    [HALF_R] = {     { STRAY,    STRAY,      HALF_R, HALF_R,  FINS_R, FINS_R,  RESET, STRAY },
                     { STRAY,    STRAY,      HALF_R, HALF_R,  HALF_R, HALF_R,  RESET, STRAY } },
    [FINS] = {       { STRAY,    STRAY,      FINS,   FINS_R,  FINS,   FINS_R,  RESET, RESET },
                     { STRAY,    STRAY,      FINS,   FINS_O,  FINS,   FINS_O,  RESET, RESET } },
    [FINS_O] = {     { STRAY,    STRAY,      FINS_O, DONE,    FINS_O, DONE,    RESET, RESET },
                     { STRAY,    STRAY,      FINS_O, FINS_O,  FINS_O, FINS_O,  RESET, RESET } },
    [FINS_R] = {     { STRAY,    STRAY,      FINS_R, FINS_R,  FINS_R, FINS_R,  RESET, RESET },
                     { STRAY,    STRAY,      FINS_R, DONE,    FINS_R, DONE,    RESET, RESET } },
    /* A reset does not cut TIME_WAIT short (RFC 1337). */
    [DONE] = {       { AGAIN,    STRAY,      DONE,   DONE,    DONE,   DONE,    DONE,  DONE  },
                     { AGAIN,    STRAY,      DONE,   DONE,    DONE,   DONE,    DONE,  DONE  } },
    /* A reset the peer did not take for one: what they still say goes on, on the short timer. */
    [RESET] = {      { AGAIN,    STRAY,      RESET,  RESET,   RESET,  RESET,   RESET, RESET },
                     { AGAIN,    STRAY,      RESET,  RESET,   RESET,  RESET,   RESET, RESET } },
};
/* clang-format on */

/* Rows of bytes that are no state are all zero, and no state has a zero there. */
static bool state_is_known(uint8_t state)
{
    return state < STATES && transitions[state][0][EV_RST] != 0;
}

/* PSH, URG, ECE and CWR say nothing about the state. */
static int event_of(uint8_t flags, bool settles)
{
    switch (flags & (TCP_BIT_SYN | TCP_BIT_ACK | TCP_BIT_FIN | TCP_BIT_RST)) {
    case TCP_BIT_SYN:
        return EV_SYN;
    case TCP_BIT_SYN | TCP_BIT_ACK:
        return EV_SYNACK;
    case TCP_BIT_ACK:
        return settles ? EV_ACK_ALL : EV_ACK;
    case TCP_BIT_FIN | TCP_BIT_ACK:
        return settles ? EV_FIN_ALL : EV_FIN;
    case TCP_BIT_RST:
    case TCP_BIT_RST | TCP_BIT_ACK:
        return settles ? EV_RST : EV_RST_NEAR;
    default:
        return -1;
    }
}

struct tcp_step tcp_track(uint8_t state, unsigned int direction, uint8_t flags, bool settles)
{
    const int event = event_of(flags, settles);

    assert(direction < 2 && state_is_known(state));
    if (event < 0)
        return (struct tcp_step){TCP_INVALID, state, false};
    const uint8_t next = transitions[state][direction][event];
    switch (next) {
    case BAD:
        return (struct tcp_step){TCP_INVALID, state, false};
    case STRAY:
        return (struct tcp_step){TCP_STRAY, state, false};
    case AGAIN:
        return (struct tcp_step){TCP_REOPEN, state, false};
    default:
        return (struct tcp_step){TCP_PASS, next, timer_running(6, next) != timer_running(6, state)};
    }
}

struct tcp_step tcp_pick_up(uint8_t flags)
{
    switch (event_of(flags, true)) {
    case EV_SYNACK:
    case EV_ACK_ALL:
        return (struct tcp_step){TCP_PASS, OPEN, true};
    case EV_FIN_ALL:
        return (struct tcp_step){TCP_PASS, FIN_O, true};
    default:
        return tcp_track(NONE, 0, flags, true);
    }
}

const char *tcp_state_name(uint8_t state)
{
    static const char *const names[TCP_STATE_DIGITS] = {
        "NONE",      "ESTABLISHED", "SYN_SENT",   "SYN_RECV", "FIN_WAIT",
        "TIME_WAIT", "CLOSE",       "CLOSE_WAIT", "LAST_ACK", "LISTEN"};
    const char *name = names[tcp_state_digit(state)];
    return name ? name : "?";
}

enum {
    OPTION_END = 0,
    OPTION_NOP = 1,
    OPTION_MSS = 2,
    OPTION_SCALE = 3,
    SCALE_MAX = 14
};

/* Where the first option of this kind and length begins, or `n`. */
static size_t option_find(const uint8_t *options, size_t n, uint8_t kind, uint8_t length)
{
    size_t i = 0;
    while (i < n && options[i] != OPTION_END) {
        if (options[i] == OPTION_NOP) {
            i++;
            continue;
        }
        if (n - i < 2 || options[i + 1] < 2 || options[i + 1] > n - i)
            break;
        if (options[i] == kind && options[i + 1] == length)
            return i;
        i += options[i + 1];
    }
    return n;
}

uint8_t tcp_option_scale(const uint8_t *options, size_t n)
{
    const size_t i = option_find(options, n, OPTION_SCALE, 3);
    if (i == n)
        return TCP_NO_SCALE;
    return options[i + 2] < SCALE_MAX ? options[i + 2] : SCALE_MAX;
}

void tcp_option_mss_clamp(uint8_t *options, size_t n, uint16_t most, uint64_t *delta)
{
    const size_t i = option_find(options, n, OPTION_MSS, 4);
    be16 old, new = be16_of(most);

    if (i == n)
        return;
    memcpy(&old, &options[i + 2], sizeof old);
    if (be16_host(old) <= most)
        return;
    memcpy(&options[i + 2], &new, sizeof new);
    /* At an odd place the bytes belong to the other halves of two words. */
    *delta += i & 1 ? checksum_delta(be16_host(old), most) : checksum_delta(old, new);
}
