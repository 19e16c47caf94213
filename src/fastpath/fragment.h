/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last step out: a frame that fits is queued, one that does not is cut into fragments where it
 * may be. That is so for IPv4 without the DF bit (RFC 791; what the ALG has lengthened carries
 * none, alg_core.c) and for what arrived in fragments (reassembly.h). Worker threads only.
 *
 * What arrived in fragments leaves in fragments, none larger than the largest that arrived: its
 * sender may know of a narrow place further on. Whole it could be lost there, and the sender would
 * be told to send what he sends already.
 */
#pragma once

#include "fastpath/worker.h"

#include <rte_ether.h>

/* The same for the others: too large, or put together here. */
void fragment_send_cut(struct worker *w, uint16_t ifindex, struct rte_mbuf *m);

/*
 * Queue a finished IPv4 or IPv6 frame for `ifindex`, in as many pieces as it needs. Drops it when
 * it may not be cut or buffers are short.
 */
static inline void fragment_send(struct worker *w, uint16_t ifindex, struct rte_mbuf *m)
{
    uint32_t room = RTE_ETHER_HDR_LEN + (uint32_t)w->snapshot->interfaces[ifindex].mtu;
    if (__builtin_expect(m->pkt_len > room || m->ol_flags & RTE_MBUF_F_RX_LRO, 0))
        return fragment_send_cut(w, ifindex, m);
    worker_send(w, ifindex, m);
}
