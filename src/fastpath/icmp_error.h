/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors that pass through: each quotes the packet it is about, and belongs to the session of
 * that packet. Worker threads only.
 */
#pragma once

#include "fastpath/packet.h"

/*
 * An ICMP message that is neither an echo request nor its answer, its header present. One that
 * reports an error about a packet of a session goes to whoever sent that packet, with the headers
 * inside and outside as he knows them; everything else is dropped. It makes no session, prolongs
 * none and ends none. `p` is filled in but for its key, and is used up.
 */
void icmp_error_pass(struct worker *w, struct packet *p);
