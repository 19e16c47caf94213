/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last step out: a frame that fits is queued, one that does not is cut into fragments (RFC 791)
 * with rte_ip_frag where its DF bit allows that: what the ALG has lengthened carries none
 * (alg_core.c). Worker threads only.
 */
#pragma once

#include "fastpath/worker.h"

/*
 * Queue a finished IPv4 frame for `ifindex`, in as many pieces as its MTU asks for. Drops it when
 * it may not be fragmented or buffers are short.
 */
void fragment_send(struct worker *w, uint16_t ifindex, struct rte_mbuf *m);
