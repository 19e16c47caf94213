/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mappings of IPv6 endpoints. Nothing is translated: the public side is the inside endpoint itself,
 * and the mapping says that it may be reached there, and by whom. Record and table are those of
 * mapping.h; the keys hold fingerprints (key6.h), and what they stand for is beside the mapping, in
 * memory that takes pages only where there are IPv6 mappings.
 *
 * A mapping has 32 bits for an address it admits. Of IPv6 they are key6_word: a stranger is let in
 * for another only if both agree in 32 bits that he cannot compute, and each try costs him a packet
 * that is counted as refused. His packets then reach the endpoint; they do not become another's
 * session, for sessions are told apart by the whole fingerprint.
 *
 * Opening, holding and releasing are those of mapping.h, with mapping_want.v6. Threads as there.
 */
#pragma once

#include "sessions/mapping.h"

static inline bool mapping_is6(const struct mapping *m)
{
    return key_is6(&m->r.key[0]);
}

/* The inside endpoint of an IPv6 mapping; it is the public one, too. */
static inline const struct ip_port *mapping_inside6(const struct mappings *ms, uint32_t index)
{
    return &ms->v6[index].inside;
}

/* What stands for a remote endpoint in mapping_want.peer, mapping_admit and mapping_admits. */
static inline struct endpoint mapping_remote6(const struct mappings *ms, const struct ip_addr *ip,
                                              be16 port)
{
    return (struct endpoint){key6_word(&ms->sessions->key6, ip), port};
}

/*
 * The peer of an IPv6 mapping: whom it was opened for, or who latched it and has a session of it.
 * False: nobody, or one of whom no more than a word is left. For listings; any thread.
 */
bool mapping_peer6(const struct mappings *ms, uint32_t index, struct ip_port *out);

/* The two keys of a mapping of `inside`. */
struct key mapping_source_key6(const struct mappings *ms, uint8_t proto, uint16_t zone,
                               const struct ip_port *inside, uint16_t outside_ifindex);
struct key mapping_public_key6(const struct mappings *ms, uint8_t proto,
                               const struct ip_port *inside);

/* As mapping_find_source and mapping_find_public. */
uint32_t mapping_find_source6(const struct mappings *ms, uint8_t proto, uint16_t zone,
                              const struct ip_port *inside, uint16_t outside_ifindex);
uint32_t mapping_find_public6(const struct mappings *ms, uint8_t proto,
                              const struct ip_port *inside);

/* As mapping_claim. */
void mapping_claim6(struct mappings *ms, struct session_thread *t, uint32_t index,
                    const struct ip_addr *remote, be16 port);
