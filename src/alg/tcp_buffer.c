/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory is mapped, not touched: pages of buffers that were never taken do not exist. */
#include "alg/tcp_buffer.h"

#include "alg/host_share.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int tcp_buffers_init(struct tcp_buffers *b, uint32_t n)
{
    *b = (struct tcp_buffers){.n = n, .n_spare = n};
    b->memory = mem_map_sparse((size_t)n * TCP_BUFFER);
    b->spare = calloc(n, sizeof(*b->spare));
    if (!b->memory || !b->spare) {
        tcp_buffers_free(b);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++)
        b->spare[i] = n - 1 - i;
    return 0;
}

void tcp_buffers_free(struct tcp_buffers *b)
{
    if (b->memory)
        mem_unmap(b->memory, (size_t)b->n * TCP_BUFFER);
    free(b->spare);
    *b = (struct tcp_buffers){0};
}

char *tcp_buffer_take(struct tcp_buffers *b, uint32_t more)
{
    uint32_t n_free = b->n_spare;
    if (b->outside)
        n_free = host_share_outside(n_free, b->n, b->n_outside);
    if (n_free <= more || (b->held && *b->held + more >= (uint64_t)HOST_SHARE * (n_free - more)))
        return NULL;
    if (b->held)
        ++*b->held;
    b->n_outside += b->outside;
    return b->memory + (size_t)b->spare[--b->n_spare] * TCP_BUFFER;
}

void tcp_buffer_give(struct tcp_buffers *b, char *buffer)
{
    if (!buffer)
        return;
    size_t at = (size_t)(buffer - b->memory);
    assert(at % TCP_BUFFER == 0 && at / TCP_BUFFER < b->n && b->n_spare < b->n);
    if (b->held)
        --*b->held;
    b->n_outside -= b->outside;
    b->spare[b->n_spare++] = (uint32_t)(at / TCP_BUFFER);
}
