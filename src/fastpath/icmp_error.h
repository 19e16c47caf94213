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

/* The same of an ICMPv6 message whose type reports an error; nothing in it is translated. */
void icmp_error_pass6(struct worker *w, struct packet *p);

/* For the two of them. The session under this key, and into `p` its index and the direction of the
 * key; NULL: none. */
struct session *icmp_error_find(const struct worker *w, struct packet *p, const struct key *key);

/*
 * Why an error about a packet of the session p->session, whose transport header begins with the 8
 * bytes at `quoted_l4`, is not passed on; DROP_COUNT: it may be.
 */
enum drop_reason icmp_error_check(struct worker *w, const struct packet *p, const void *quoted_l4);
