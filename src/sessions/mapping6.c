/* SPDX-License-Identifier: BSD-3-Clause */
#include "sessions/mapping6.h"

#define LOOKED_AT 16 /* sessions, when the peer is asked for */

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

static const struct ip_port *remote6_of(const struct mappings *ms, uint32_t session,
                                        struct ip_port ends[2])
{
    const struct session *s = session_at(ms->sessions, session);
    const struct session_v6 *v6 = session_v6_of(ms->sessions, session);
    if (!v6)
        return NULL;
    ends[0] = (struct ip_port){v6->src, v6->sport};
    ends[1] = (struct ip_port){v6->dst, v6->dport};
    return &ends[s->r.flags & SESSION_INWARD ? 0 : 1];
}

bool mapping_peer6(const struct mappings *ms, uint32_t index, struct ip_port *out)
{
    const struct mapping *m = mapping_at(ms, index);
    be32 word = (be32)__atomic_load_n(&m->peer, __ATOMIC_RELAXED);
    const struct ip_port *opened_for = &ms->v6[index].peer, *remote;
    struct ip_port ends[2];
    if (!ip_addr_is_zero(&opened_for->ip) &&
        key6_word(&ms->sessions->key6, &opened_for->ip) == word) {
        *out = *opened_for;
        return true;
    }
    uint32_t i = __atomic_load_n(&m->first_session, __ATOMIC_ACQUIRE);
    for (int n = 0; word != 0 && i != INDEX_NONE && n < LOOKED_AT; n++) {
        remote = remote6_of(ms, i, ends);
        if (remote && key6_word(&ms->sessions->key6, &remote->ip) == word) {
            *out = *remote;
            return true;
        }
        i = mapping_list_next(ms->sessions, index, i);
    }
    return false;
}
