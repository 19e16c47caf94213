/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet of a known session and the state of that session. Worker threads only.
 */
#pragma once

#include "fastpath/packet.h"

/* Record it in the session. False: it was dropped, or became the first packet of a new session. */
bool packet_track(struct worker *w, struct packet *p, struct session *s);

/*
 * May an ICMP error quote a TCP segment with this sequence number, which went the way `direction`
 * of the session? Changes nothing.
 */
bool track_quoted(const struct session *s, unsigned int direction, be32 seq);
