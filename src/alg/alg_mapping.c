/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The family of a mapping is that of its inside endpoint; all that is asked of it with an address
 * of the other one has no answer.
 */
#include "alg/alg_mapping.h"

#include "sessions/mapping6.h"

static bool family_is(const struct mapping *m, const struct ip_addr *ip)
{
    return mapping_is6(m) != ip_addr_is4(ip);
}

struct ip_port alg_mapping_inside(const struct mappings *ms, uint32_t index)
{
    const struct mapping *m = mapping_at(ms, index);
    return mapping_is6(m) ? *mapping_inside6(ms, index) : ip_port_of4(mapping_inside(m));
}

struct ip_port alg_mapping_public(const struct mappings *ms, uint32_t index)
{
    const struct mapping *m = mapping_at(ms, index);
    return mapping_is6(m) ? *mapping_inside6(ms, index) : ip_port_of4(mapping_public(m));
}

uint32_t alg_mapping_find_source(const struct mappings *ms, uint8_t proto, uint16_t zone,
                                 struct ip_port inside, uint16_t outside_ifindex)
{
    if (ip_addr_is4(&inside.ip))
        return mapping_find_source(ms, proto, zone, ip_port_v4(inside), outside_ifindex);
    return mapping_find_source6(ms, proto, zone, &inside, outside_ifindex);
}

uint32_t alg_mapping_find_public(const struct mappings *ms, uint8_t proto,
                                 struct ip_port public_side)
{
    if (ip_addr_is4(&public_side.ip))
        return mapping_find_public(ms, proto, ip_port_v4(public_side));
    return mapping_find_public6(ms, proto, &public_side);
}

void alg_mapping_ends(struct mapping_want *want, const struct ip_port *inside,
                      const struct ip_port *peer)
{
    bool is4 = ip_addr_is4(&inside->ip);
    want->inside = ip_port_v4(*inside);
    want->v6 = is4 ? NULL : inside;
    want->peer = (struct endpoint){0, 0};
    want->peer6 = NULL;
    if (ip_addr_is_zero(&peer->ip) || ip_addr_is4(&peer->ip) != is4)
        return;
    if (is4)
        want->peer = ip_port_v4(*peer);
    else
        want->peer6 = peer;
}

void alg_mapping_admit(struct mappings *ms, struct handle h, const struct ip_addr *ip,
                       enum mapping_friend kind)
{
    if (ip_addr_is_zero(ip) || !store_live(&ms->store, h) ||
        !family_is(mapping_at(ms, h.index), ip))
        return;
    be32 word = ip_addr_is4(ip) ? ip->word[3] : key6_word(&ms->sessions->key6, ip);
    mapping_admit(ms, h, word, kind);
}

void alg_mapping_claim(struct mappings *ms, struct session_thread *t, uint32_t index,
                       const struct ip_port *remote)
{
    if (ip_addr_is_zero(&remote->ip) || !family_is(mapping_at(ms, index), &remote->ip))
        return;
    if (ip_addr_is4(&remote->ip))
        mapping_claim(ms, t, index, ip_port_v4(*remote));
    else
        mapping_claim6(ms, t, index, &remote->ip, remote->port);
}
