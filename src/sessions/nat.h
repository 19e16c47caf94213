/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which public ports to try, in which order. The table is the allocator: a port is taken by
 * entering the reply key that uses it, so this is only a sequence of proposals. Pure.
 */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

/* Proposals before a flow is refused for want of a port; the first of them are ports that fit,
 * which are looked for at so many places of the walk. */
#define NAT_PROBES     128
#define NAT_FIT_PROBES 16
#define NAT_FIT_LOOKS  256

/* The ports FortiOS gives to translated sources (fortios.md 5.6). */
#define NAT_PORT_FIRST 5117
#define NAT_PORT_LAST  65533

/* A question about a public port. */
struct nat_fit {
    bool (*fits)(const void *ctx, be32 ip, be16 port);
    const void *ctx;
};

struct nat_want {
    be32 ip;              /* public address */
    uint16_t first, last; /* port range, inclusive */
    bool preserve;        /* begin with the source port where that is possible */
    bool fixed;           /* the source port or nothing (`fixedport`) */
    bool within;          /* a source port outside the range is not kept; one inside it always */
    const struct nat_fit *barred; /* ports that are spoken for (a VIP forwards them); NULL: none */
    /* Ports that lead replies to the core that asks: a preference, never a condition. NULL: every
     * port is as good as another. */
    const struct nat_fit *fit;
};

struct nat_probe {
    const struct nat_want *want;
    uint16_t source; /* host order */
    uint16_t step;   /* 2 keeps the parity of the source port (RTP and RTCP), else 1 */
    uint16_t tried;
    uint16_t looked, fitting; /* places looked at for ports that fit, and those proposed */
    uint32_t random;
    uint32_t first, places; /* of the range, with the right parity; set when first needed */
    uint32_t at, stride;    /* a walk that visits every place once */
};

/*
 * Begin: `source` port as the inside host sent it; `random` any number; `step` 1, or 2 to propose
 * only ports of the parity of `source`.
 */
void nat_probe_init(struct nat_probe *p, const struct nat_want *want, be16 source, uint32_t random,
                    uint16_t step);

/* The next proposal into *port; false when there is none left. */
bool nat_probe_next(struct nat_probe *p, be16 *port);

static inline bool nat_barred(const struct nat_want *want, be16 port)
{
    return want->barred && want->barred->fits(want->barred->ctx, want->ip, port);
}
