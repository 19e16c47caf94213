/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sequence windows of a TCP connection as a middle box knows them: may this segment belong to
 * it? 18 bytes per session, which sit in the session. Any number of threads may check segments
 * of one session at once; the words of a side change only with segments of that side, by
 * compare-and-swap, and never depend on what another thread is doing.
 *
 * Sequence numbers, lengths and windows are in host order.
 */
#pragma once

#include "sessions/tcp.h"

/* What the check needs of one segment. */
struct tcp_segment {
    uint32_t seq, ack;
    uint32_t len;    /* bytes of data */
    uint16_t window; /* as in the header */
    uint8_t flags;
    uint8_t scale; /* tcp_option_scale of a SYN; else not read */
};

/*
 * Where a session keeps what its sides have said, [0] the original side, [1] the reply side. All
 * of it is zero at first and private to tcp_window.c afterwards.
 */
struct tcp_window {
    uint64_t *edge; /* [2]; low half: the sequence number after the last one it sent; high half: how
                       far it lets the other side send, the highest ack + window it gave */
    uint8_t *said;  /* [2]; its scale, and which of all this is known; stored after its edge */
};

enum tcp_window_mode {
    TCP_WINDOW_STRICT, /* outside is what no correct pair of peers sends */
    TCP_WINDOW_LOOSE,  /* every bound has room for another window and 64 KiB */
    TCP_WINDOW_OFF     /* nothing is outside; what is said is recorded all the same */
};

struct tcp_window_result {
    bool inside;  /* false: drop; nothing was recorded */
    bool settles; /* for tcp_track; false unless inside */
};

/*
 * Check one segment of a session in `state` (the state before it), and record what it says if it
 * is inside. To be inside (after van Rooij, "Real Stateful TCP Packet Filtering", 2001)
 *
 *   its data begin no further than the receiver allows, and one byte for window probes;
 *   they are no older than a window: retransmissions and keep-alives are inside;
 *   it acknowledges nothing that was not sent, and nothing older than a window;
 *   a reset lies in the window, or acknowledges the SYN that it answers (RFC 5961, RFC 9293 3.5.2);
 *   it settles the connection if it is the next number of its side, or acknowledges that SYN.
 *
 * Where age is judged, a window is the largest that the scale can express. A SYN amid a connection
 * is inside and not recorded: tcp_track lets it stray. A connection picked up midway (tcp_pick_up)
 * is recorded but not checked, because its scale factors are unknown; its resets settle it only
 * with the next number. O(1).
 */
struct tcp_window_result tcp_window_check(struct tcp_window w, uint8_t state,
                                          unsigned int direction, const struct tcp_segment *seg,
                                          enum tcp_window_mode mode);

/*
 * May an ICMP error quote a segment that this side sent, with this sequence number: is it one that
 * can still be under way (RFC 5927 4.1)? True where nothing is known to judge by.
 */
bool tcp_window_sent(struct tcp_window w, unsigned int direction, uint32_t seq,
                     enum tcp_window_mode mode);
