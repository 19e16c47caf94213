/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams that arrive in fragments, IPv4 (RFC 791, 815) and IPv6 (RFC 8200 4.5): their pieces
 * are held until all are there, then one packet goes on as if it had arrived so. A worker thread
 * puts together the datagrams whose names hash to it.
 *
 * The packet is marked with RTE_MBUF_F_RX_LRO, its tso_segsz being the size of the largest packet a
 * piece came in: fragment_send cuts it again to that size.
 */
#pragma once

#include "fastpath/packet.h"

/* The worker's table, its share of the packet buffers taken from those of dp->pool. 0 or -ENOMEM.
 */
int reassembly_init(struct worker *w);
/* Frees what is held, too. */
void reassembly_free(struct worker *w);

/*
 * Take the IPv4 fragment p->m; everything up to p->l4_len is checked and the frame cut to its
 * packet. Returns the whole datagram, to be parsed as if it arrived now; NULL when pieces are
 * still missing or the fragment was dropped.
 */
struct rte_mbuf *reassembly_take(struct worker *w, const struct packet *p,
                                 const struct interface *iface);

/*
 * The same for an IPv6 fragment: p->m is cut to its packet, its fragment header begins at byte `at`
 * of the frame, is there completely, and all headers before it are extension headers of IPv6 and
 * well-formed. An atomic fragment (RFC 6946) is not for here: it is whole.
 */
struct rte_mbuf *reassembly_take6(struct worker *w, const struct packet *p, uint16_t at,
                                  const struct interface *iface);

/* Drop what waits too long. Returns how many datagrams that were. */
unsigned reassembly_expire(struct worker *w);

/* Once per round. */
static inline unsigned reassembly_run(struct worker *w)
{
    const struct datagrams *d = &w->datagrams;
    bool none = d->waiting.oldest == DATAGRAM_NONE && d->dead.oldest == DATAGRAM_NONE;
    return __builtin_expect(none, 1) ? 0 : reassembly_expire(w);
}

/* When reassembly_run next has something to do, UINT64_MAX never. */
uint64_t reassembly_next_ms(const struct worker *w);
