/* SPDX-License-Identifier: BSD-3-Clause */
#include "sessions/mapping6.h"

static const struct ip_addr nobody;

struct key mapping_source_key6(const struct mappings *ms, uint8_t proto, uint16_t zone,
                               const struct ip_port *inside, uint16_t outside_ifindex)
{
    uint32_t ports = inside->port | (uint32_t)outside_ifindex << 16;
    return key6_of(&ms->sessions->key6, &inside->ip, &nobody, ports, proto, zone);
}

struct key mapping_public_key6(const struct mappings *ms, uint8_t proto,
                               const struct ip_port *inside)
{
    uint32_t ports = (uint32_t)inside->port << 16;
    return key6_of(&ms->sessions->key6, &nobody, &inside->ip, ports, proto, 0);
}

uint32_t mapping_find_source6(const struct mappings *ms, uint8_t proto, uint16_t zone,
                              const struct ip_port *inside, uint16_t outside_ifindex)
{
    struct key key = mapping_source_key6(ms, proto, zone, inside, outside_ifindex);
    return mapping_find_key(ms, &key);
}

uint32_t mapping_find_public6(const struct mappings *ms, uint8_t proto,
                              const struct ip_port *inside)
{
    struct key key = mapping_public_key6(ms, proto, inside);
    return mapping_find_key(ms, &key);
}

void mapping_claim6(struct mappings *ms, struct session_thread *t, uint32_t index,
                    const struct ip_addr *remote, be16 port)
{
    const struct mapping *m = mapping_at(ms, index);
    const struct ip_port *inside = mapping_inside6(ms, index);
    struct session_v6 flow = {inside->ip, *remote, inside->port, port};
    struct key key = session_key6(ms->sessions, &flow, m->r.key[0].proto, 0, m->r.key[0].zone);
    mapping_claim_key(ms, t, index, &key);
}
