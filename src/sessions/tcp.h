/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Following the state of a TCP connection from the middle (RFC 9293, RFC 5961), by the flags of
 * the segments that pass. Pure functions over a const table, for any thread: old state in, new
 * state out. The caller changes the session's byte by compare-and-swap and, when that fails, asks
 * again with the state it found.
 *
 * Sequence numbers are the matter of tcp_window.h. Where they are checked, a segment goes through
 * tcp_window_check first and takes `settles` from there; otherwise `settles` is true.
 * Direction 0 is that of the session's first packet, 1 the reply.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Byte 13 of the TCP header. */
enum tcp_flag {
    TCP_BIT_FIN = 0x01,
    TCP_BIT_SYN = 0x02,
    TCP_BIT_RST = 0x04,
    TCP_BIT_PSH = 0x08,
    TCP_BIT_ACK = 0x10,
    TCP_BIT_URG = 0x20
};

/*
 * A state is one byte. Its low half is the digit that FortiOS prints as proto_state; its high half
 * tells which side a state is about, 0 where it makes no difference or the original side is meant.
 */
enum tcp_state {
    TCP_STATE_NONE = 0,        /* nothing seen yet */
    TCP_STATE_ESTABLISHED = 1, /* handshake complete */
    TCP_STATE_SYN_SENT = 2,
    TCP_STATE_SYN_RECV = 3,  /* SYN+ACK seen, from the reply side */
    TCP_STATE_FIN_WAIT = 4,  /* one side sent FIN, not acknowledged yet */
    TCP_STATE_TIME_WAIT = 5, /* both sides sent FIN, both are acknowledged */
    TCP_STATE_CLOSE = 6,     /* reset */
    /* One side's FIN is acknowledged; the other may still send. Or: open, but a reset went by that
     * only its receiver can judge. */
    TCP_STATE_CLOSE_WAIT = 7,
    TCP_STATE_LAST_ACK = 8, /* both sides sent FIN, at least one is not acknowledged */
    TCP_STATE_LISTEN = 9,   /* both sides sent SYN: a simultaneous open */
    TCP_STATE_DIGITS = 16   /* size of an array by digit; 10 to 15 do not occur */
};

static inline enum tcp_state tcp_state_digit(uint8_t state)
{
    return (enum tcp_state)(state & 15);
}

enum tcp_verdict {
    TCP_PASS,
    /* Let it through, but let it count for nothing: no state, no window, no last_seen. Something
     * stray that the peers must settle between them, as a SYN in the middle of a connection that
     * is answered by a challenge ACK (RFC 5961 section 4). */
    TCP_STRAY,
    /* A new SYN after the end. The session is over; treat the segment as a first packet. */
    TCP_REOPEN,
    TCP_INVALID /* drop */
};

struct tcp_step {
    uint8_t verdict; /* enum tcp_verdict */
    uint8_t state;   /* the new state; the old one unless verdict is TCP_PASS */
    /* Another timer runs now, so the deadline may have come nearer; compare session_timer_s of
     * both states to know. */
    bool nearer;
};

/*
 * One segment of a session in `state`. A session begins with TCP_STATE_NONE and a SYN; anything
 * else there is TCP_INVALID (see tcp_pick_up). `settles`, as tcp_window_check found: it
 * acknowledges everything the other side has sent, FIN included; or, of a reset, it carries the
 * very number its receiver expects. Flag combinations that no stack sends are TCP_INVALID in every
 * state. O(1), one table row.
 */
struct tcp_step tcp_track(uint8_t state, unsigned int direction, uint8_t flags, bool settles);

/*
 * The first segment of a session where connections may be picked up midway (the option
 * `tcp-session-without-syn`): as tcp_track, but a plain ACK, SYN+ACK or FIN+ACK opens the session
 * too. Its windows are never checked, since the scale factors went by unseen.
 */
struct tcp_step tcp_pick_up(uint8_t flags);

/* "SYN_SENT" for any byte whose digit is a state, "?" for others. */
const char *tcp_state_name(uint8_t state);

#define TCP_NO_SCALE 0xff

/*
 * The window scale option (RFC 7323) in the `n` bytes of options: 0 to 14 (more counts as 14), or
 * TCP_NO_SCALE when it is absent or a length before it lies. Only SYN segments may carry it.
 */
uint8_t tcp_option_scale(const uint8_t *options, size_t n);

/*
 * Lower the maximum segment size option (RFC 9293 3.7.1) in the `n` bytes of options of a SYN to at
 * most `most`. It is never raised and never added: without the option a peer sends 536 bytes. A
 * length that lies ends the search. Adds what the checksum must change by to *delta (checksum.h).
 */
void tcp_option_mss_clamp(uint8_t *options, size_t n, uint16_t most, uint64_t *delta);
