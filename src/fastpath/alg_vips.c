/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A SIP server and its media gateway may have different virtual IPs. The server speaks for the
 * gateway when it has a VIP itself, the gateway has one, both are behind the same interface, and
 * the policy of the call is the one that would let SIP go to the gateway by its VIP, or from it, in
 * the server's place. So whoever writes the policies says for whom a server opens media, and a host
 * without a VIP speaks for nobody but itself.
 */
#include "fastpath/alg_vips.h"

#include "fastpath/nat_rules.h"
#include "fastpath/pipeline.h"

static const struct vip *name_of(const struct snapshot *s, const struct alg_packet *packet,
                                 uint8_t proto, const struct ip_port *inside, struct endpoint *out)
{
    struct vip_host host = {.inside = ip_port_v4(*inside),
                            .ext = ip_port_v4(packet->public_side).ip,
                            .ifindex = packet->outside_ifindex,
                            .proto = proto};
    if (!ip_addr_is4(&inside->ip))
        return NULL;
    const struct vip *vip = vip_name(s->nat->vips, &host, out);
    host.ext = 0; /* rather by the address that stands for the packet's own host */
    return vip ? vip : vip_name(s->nat->vips, &host, out);
}

static enum alg_name outer(const void *ctx, const struct alg_packet *packet, uint8_t proto,
                           const struct ip_port *inside, struct ip_port *out)
{
    struct endpoint e;
    const struct vip *vip = name_of(ctx, packet, proto, inside, &e);
    if (!vip)
        return ALG_NAME_NONE;
    *out = ip_port_of4(e);
    return vip->portforward ? ALG_NAME_PORT : ALG_NAME_HOST;
}

static bool inner(const void *ctx, const struct alg_packet *packet, uint8_t proto,
                  const struct ip_port *outer, struct ip_port *inside)
{
    const struct snapshot *s = ctx;
    struct endpoint e = ip_port_v4(*outer);
    const struct vip_flow flow = {.src = ip_port_v4(packet->outside).ip,
                                  .dst = e.ip,
                                  .dport = e.port,
                                  .proto = proto,
                                  .ifindex = packet->outside_ifindex,
                                  .home = packet->outside_ifindex};
    const struct vip *vip = ip_addr_is4(&outer->ip) ? vip_find(s->nat->vips, &flow) : NULL;
    if (!vip)
        return false;
    *inside = ip_port_of4(vip_mapped(vip, e.ip, e.port));
    return true;
}

static bool admits(const struct snapshot *s, const struct alg_packet *packet,
                   const struct flow *flow)
{
    struct policy_hit hit;
    return policy_find(s, flow, &hit) && hit.policy->accept && hit.policy->id == packet->policy_id;
}

static bool speaks_for(const void *ctx, const struct alg_packet *packet, const struct ip_addr *host)
{
    const struct snapshot *s = ctx;
    const struct ip_port there = {*host, packet->inside.port};
    struct endpoint e;
    const struct vip *own = name_of(s, packet, packet->proto, &packet->inside, &e);
    const struct vip *vip = own ? name_of(s, packet, packet->proto, &there, &e) : NULL;
    const struct route_set *way = vip ? route_find(s->routes, host) : NULL;
    if (!way || way->n == 0 || way->hops[0].ifindex != packet->inside_ifindex)
        return false;
    struct flow in = {.in_ifindex = packet->outside_ifindex,
                      .out_ifindex = packet->inside_ifindex,
                      .src = packet->outside.ip,
                      .dst = *host,
                      .sport = be16_host(packet->outside.port),
                      .dport = be16_host(packet->inside.port),
                      .proto = packet->proto,
                      .vip = vip->number};
    struct flow out = {.in_ifindex = packet->inside_ifindex,
                       .out_ifindex = packet->outside_ifindex,
                       .src = *host,
                       .dst = packet->outside.ip,
                       .sport = in.dport,
                       .dport = in.sport,
                       .proto = packet->proto};
    return admits(s, packet, &in) || admits(s, packet, &out);
}

struct alg_names alg_vips(const struct snapshot *s)
{
    return (struct alg_names){.ctx = s, .outer = outer, .inner = inner, .speaks_for = speaks_for};
}
