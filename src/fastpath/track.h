/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet of a known session and the state of that session. Worker threads; the ALG too, for the
 * connections it follows (the functions that take no worker).
 */
#pragma once

#include "fastpath/packet.h"
#include "sessions/tcp_window.h"

/* Record it in the session. False: it was dropped, or became the first packet of a new session. */
bool packet_track(struct worker *w, struct packet *p, struct session *s);

/*
 * May an ICMP error quote a TCP segment with this sequence number, which went the way `direction`
 * of the session? Changes nothing.
 */
bool track_quoted(const struct session *s, unsigned int direction, be32 seq);

/* A TCP segment of a session. */
struct track_of {
    uint32_t session;
    uint8_t dir;
    uint8_t flags;
};

/* Hold it against the windows, where they are watched; what is inside is recorded. */
struct tcp_window_result track_window(struct session *s, const struct track_of *t,
                                      const struct tcp_segment *seg);

/* Move the state of its session; what control must know is put on the stack of `thread`. */
enum tcp_verdict track_state(struct dataplane *dp, struct session_thread *thread,
                             const struct track_of *t, bool settles);

/* Count a packet of `bytes`, from the IP header on, that its session was made longer by. */
void track_count(struct session *s, unsigned int dir, uint32_t bytes, uint64_t now_ms);
