/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets the firewall makes to say what became of another one: ICMP errors (RFC 792, RFC 1812
 * 4.3) and TCP resets (RFC 9293 3.10.7.1). They quote that packet as it was received, so they are
 * made before anything in it is changed; it is still the caller's afterwards, to drop. Worker
 * threads only.
 *
 * An answer leaves by the interface and toward the station that the packet came from, bears the
 * address of that interface, and is sent at once; none is made where RFC 1812 4.3.2.7 forbids it,
 * where the interface has no address, or beyond a rate (icmp_limit.h). Counted as `generated`.
 */
#pragma once

#include "fastpath/packet.h"

enum icmp_send_error {
    ICMP_SEND_TIME_EXCEEDED, /* in transit */
    ICMP_SEND_REASSEMBLY,    /* time exceeded in reassembly: `p` is the first piece */
    ICMP_SEND_TOO_BIG,       /* fragmentation needed; with the MTU of the next hop */
    ICMP_SEND_NO_ROUTE,      /* network unreachable */
    ICMP_SEND_HOST,          /* host unreachable: the next hop does not answer */
    ICMP_SEND_PROHIBITED,    /* administratively */
};

/*
 * Report an error about `p`, which is filled in up to its key. `mtu` counts with TOO_BIG only, in
 * bytes of an IP packet.
 */
void icmp_send(struct worker *w, const struct packet *p, enum icmp_send_error error, uint16_t mtu);

/* Answer a TCP segment for which there is no connection. A reset is not answered. */
void icmp_send_reset(struct worker *w, const struct packet *p);
