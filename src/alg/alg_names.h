/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands outside for inside endpoints by configuration alone, without a mapping: virtual IPs.
 * Given with each packet by who knows them, valid during the call; ALG thread.
 */
#pragma once

#include "alg/alg.h"

enum alg_name {
    ALG_NAME_NONE,
    ALG_NAME_HOST, /* the whole host, every port of it */
    ALG_NAME_PORT, /* this port is forwarded */
};

struct alg_names {
    const void *ctx;
    /* The endpoint by which the outside of this packet reaches `inside` over `proto` (17 or 6),
     * into *out. */
    enum alg_name (*outer)(const void *ctx, const struct alg_packet *packet, uint8_t proto,
                           const struct ip_port *inside, struct ip_port *out);
    /* Where a name leads for this packet's outside party, into *inside. */
    bool (*inner)(const void *ctx, const struct alg_packet *packet, uint8_t proto,
                  const struct ip_port *outer, struct ip_port *inside);
    /* May this packet's inside party describe media of another host? Its policy would let that host
     * be called in its place. */
    bool (*speaks_for)(const void *ctx, const struct alg_packet *packet,
                       const struct ip_addr *host);
};

static inline enum alg_name alg_name_outer(const struct alg_packet *packet, uint8_t proto,
                                           struct ip_port inside, struct ip_port *out)
{
    const struct alg_names *names = packet->names;
    return names ? names->outer(names->ctx, packet, proto, &inside, out) : ALG_NAME_NONE;
}

static inline bool alg_name_inner(const struct alg_packet *packet, uint8_t proto,
                                  struct ip_port outer, struct ip_port *inside)
{
    const struct alg_names *names = packet->names;
    return names && names->inner(names->ctx, packet, proto, &outer, inside);
}

static inline bool alg_speaks_for(const struct alg_packet *packet, struct ip_addr host)
{
    const struct alg_names *names = packet->names;
    return ip_addr_eq(&host, &packet->inside.ip) ||
           (names && names->speaks_for(names->ctx, packet, &host));
}
