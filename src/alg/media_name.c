/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole host keeps its ports, whatever `nat-port-range` says: they are its own. A forwarded port
 * becomes the one that leads to it; its neighbour may lead elsewhere or nowhere, and then RTCP does
 * not go along.
 */
#include "alg/media_name.h"

static struct ip_port next_port(struct ip_port e)
{
    return (struct ip_port){e.ip, be16_of((uint16_t)(be16_host(e.port) + 1))};
}

static bool pairs(const struct alg_packet *packet, enum alg_name kind, const struct media_name *n)
{
    struct ip_port outer;
    if (be16_host(n->inside.port) == UINT16_MAX || be16_host(n->outer.port) == UINT16_MAX)
        return false;
    return kind == ALG_NAME_HOST ||
           (alg_name_outer(packet, 17, next_port(n->inside), &outer) == ALG_NAME_PORT &&
            ip_port_eq(outer, next_port(n->outer)));
}

bool media_name(const struct alg_packet *packet, const struct sdp_media *m, struct media_name *out)
{
    const struct ip_port e = {m->connection.ip, be16_of(m->port)};
    struct media_name n = {.inside = e, .outer = e};
    if (!packet->names || m->connection.kind != SDP_ADDR_IP4 || m->connection.is_zero)
        return false;
    enum alg_name kind = alg_name_outer(packet, 17, e, &n.outer);
    if (kind == ALG_NAME_NONE) {
        n.written = alg_name_inner(packet, 17, e, &n.inside);
        if (!n.written)
            return false;
        struct ip_port back;
        kind = alg_name_outer(packet, 17, n.inside, &back);
    }
    if (be16_host(n.inside.port) < 1024 || !alg_speaks_for(packet, n.inside.ip))
        return false;
    n.pair = pairs(packet, kind, &n);
    *out = n;
    return true;
}
