/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP segments of ALG sessions: between mbufs and the streams of the ALG (alg/streams.h). ALG
 * thread only.
 */
#pragma once

#include "fastpath/alg_core.h"

/* Serve the streams of core->alg. Once, before the first segment. */
void alg_tcp_begin(struct alg_core *core);

/* A segment that a worker handed over; it is forwarded, dropped, or used up. */
void alg_tcp_input(struct alg_core *core, struct worker *w, struct rte_mbuf *m, uint64_t now_ms);
