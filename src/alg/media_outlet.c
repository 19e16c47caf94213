/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outlets of media pins: one to where the other side wants RTP, one to where it wants RTCP. Both
 * follow from the pin and its mappings, so nothing is kept beside them: what was opened with some
 * contents of a pin is closed with the same. A mapping that is gone takes its outlets along.
 */
#include "alg/alg_state.h"

#define PORT_MIN 1024 /* as for media inside */

/* RTCP without a mapping of its own belongs to that of RTP. */
static struct handle mapping_of(const struct pin *pin, int side)
{
    return handle_none(pin->h[side]) ? pin->h[0] : pin->h[side];
}

/* The way to the remote end of one side of the pin; false: there is none. */
static bool way_of(const struct alg *alg, const struct pin *pin, int side, struct outlet_way *way)
{
    const struct mappings *ms = alg->mappings;
    const struct ip_port *remote = side ? &pin->remote_rtcp : &pin->remote;
    struct handle h = mapping_of(pin, side);
    if (!mapping_kind_is_media(pin->kind) || pin->proto != 17 || ip_addr_is_zero(&remote->ip) ||
        be16_host(remote->port) < PORT_MIN || !store_live(&ms->store, h))
        return false;
    const struct mapping *m = mapping_at(ms, h.index);
    *way = (struct outlet_way){.inside = pin->inside.ip,
                               .remote = remote->ip,
                               .port = remote->port,
                               .zone = m->r.key[0].zone,
                               .outside_ifindex = m->outside_ifindex};
    return true;
}

void alg_outlets_open(struct alg *alg, const struct pin *pin)
{
    struct outlet_way way;
    for (int side = 0; side < 2; side++)
        if (way_of(alg, pin, side, &way))
            outlet_open(alg->mappings, &way, mapping_of(pin, side));
}

void alg_outlets_close(struct alg *alg, const struct pin *pin)
{
    struct outlet_way way;
    for (int side = 0; side < 2; side++)
        if (way_of(alg, pin, side, &way))
            outlet_close(alg->mappings, &way, mapping_of(pin, side));
}
