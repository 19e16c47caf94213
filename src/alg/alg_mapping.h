/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mappings by endpoints of either family, so that the rest of the ALG never asks which one it has.
 * IPv4 stands in the keys of a mapping, IPv6 beside it (sessions/mapping6.h). An IPv4 address is
 * nobody to an IPv6 mapping and the other way round. Nothing is owned here; threads as in
 * sessions/mapping.h.
 */
#pragma once

#include "sessions/mapping.h"

/* The two sides of a mapping, which are the same one in IPv6. */
struct ip_port alg_mapping_inside(const struct mappings *ms, uint32_t index);
struct ip_port alg_mapping_public(const struct mappings *ms, uint32_t index);

/* As mapping_find_source and mapping_find_public. */
uint32_t alg_mapping_find_source(const struct mappings *ms, uint8_t proto, uint16_t zone,
                                 struct ip_port inside, uint16_t outside_ifindex);
uint32_t alg_mapping_find_public(const struct mappings *ms, uint8_t proto,
                                 struct ip_port public_side);

/*
 * Write inside endpoint and peer into *want. Both must stay where they are as long as `want` is
 * used. A peer of the other family is nobody.
 */
void alg_mapping_ends(struct mapping_want *want, const struct ip_port *inside,
                      const struct ip_port *peer);

/* As mapping_admit; an address of the other family, or none, changes nothing. */
void alg_mapping_admit(struct mappings *ms, struct handle h, const struct ip_addr *ip,
                       enum mapping_friend kind);

/* As mapping_claim; no flow of a mapping goes to the other family. */
void alg_mapping_claim(struct mappings *ms, struct session_thread *t, uint32_t index,
                       const struct ip_port *remote);
