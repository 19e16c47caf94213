/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One session description while its edits and mappings are worked out, for the files that do it:
 * sip_plan_sdp.c the lines and the streams, sip_plan_attribute.c what attributes say. Lives on the
 * stack of one message; ALG thread.
 */
#pragma once

#include "alg/alg_mapping.h"
#include "alg/alg_state.h"

struct sdp_planner {
    struct planner *p;
    const struct sdp *sdp;
    unsigned nth;
    bool edits;                               /* addresses are translated */
    uint8_t media_map[SDP_MEDIA_MAX];         /* the map of each stream or SIP_MAP_NONE */
    struct ip_port media[SDP_MEDIA_MAX];      /* its inside endpoint */
    struct ip_port signalling[SDP_MEDIA_MAX]; /* what stands for it already; port 0 nothing */
};

static inline bool sdp_is_ip(const struct sdp_addr *addr, const struct ip_addr *ip)
{
    return sdp_addr_is_ip(addr) && ip_addr_eq(&addr->ip, ip);
}

/* Put one side of a map there, or with SIP_MAP_NONE the public side of the session. False: the plan
 * is full. */
bool sdp_edit_map(struct sdp_planner *s, struct slice at, enum sip_edit_kind kind, uint8_t map,
                  uint8_t side);

/* Put `ep` there. */
bool sdp_edit_endpoint(struct sdp_planner *s, struct slice at, enum sip_edit_kind kind,
                       struct ip_port ep);

/* The mapping that this port of the inside party has, or NULL. */
const struct mapping *sdp_mapping_of(const struct sdp_planner *s, uint8_t proto, be16 port);

/*
 * The port of the inside party is not the call's to open: signalling or a flow of another kind uses
 * it, and *public_side is what stands for it.
 */
bool sdp_port_taken(const struct sdp_planner *s, uint8_t proto, be16 port,
                    struct ip_port *public_side);

/* Mappings for the candidates of stream `i` that its m= and a=rtcp do not name, as far as there is
 * room. */
enum alg_reason sdp_plan_candidate_maps(struct sdp_planner *s, unsigned i);

/* The edits of the attributes in one part of the description, when all maps are known. */
enum alg_reason sdp_plan_attributes(struct sdp_planner *s, struct slice part, bool of_session);

/* The same for a description that comes in. */
enum alg_reason sdp_restore_attributes(struct sdp_planner *s);
