/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way out for frames that control makes itself: a buffer, and somebody who takes it to a
 * worker. Control thread.
 */
#pragma once

#include "fastpath/dataplane.h"

struct frame_out {
    struct rte_mempool *pool;
    /* Takes the frame in any case; its note says where to. */
    void (*send)(void *ctx, struct rte_mbuf *m);
    void *ctx;
};

/* A zeroed frame of `n` bytes, at *p; NULL when there is no buffer: whoever needs it asks again. */
static inline struct rte_mbuf *frame_out_new(const struct frame_out *out, uint16_t n, char **p)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(out->pool);
    char *bytes = m ? rte_pktmbuf_append(m, n) : NULL;
    if (!bytes) {
        rte_pktmbuf_free(m);
        return NULL;
    }
    memset(bytes, 0, n);
    *p = bytes;
    return m;
}

static inline void frame_out_send(const struct frame_out *out, uint16_t ifindex, struct rte_mbuf *m)
{
    *note_of(m) = (struct note){.kind = NOTE_SEND, .ifindex = ifindex};
    out->send(out->ctx, m);
}
