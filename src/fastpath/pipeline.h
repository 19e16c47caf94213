/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path: bursts of frames in, verdicts out. Worker threads only.
 */
#pragma once

#include "fastpath/packet.h"

/* Carry a burst that arrived on one interface. `n` is at most BURST. */
void pipeline_run(struct worker *w, struct rte_mbuf **m, uint16_t n, uint16_t ifindex);

/* The same for frames that are counted as received already. */
void pipeline_carry(struct worker *w, struct rte_mbuf **m, uint16_t n, uint16_t ifindex);

/* Carry on with a frame the ALG hands back: its session, unless that died meanwhile. */
void pipeline_resume(struct worker *w, struct rte_mbuf *m);

/* The straight line of a packet whose session is p->session, direction p->dir. */
void pipeline_known(struct worker *w, struct packet *p);

/* The i-th step of a first packet, or NULL. */
const char *pipeline_step_name(unsigned i);

/* The last steps of a packet of this session, its headers as they leave: next hop, wire. */
void pipeline_out(struct worker *w, struct packet *p, struct session *s);

/* Everything a flow's first packet visits; ends in pipeline_known, or drops. */
void pipeline_first(struct worker *w, struct packet *p);

/* The same for a packet whose session p->session has just ended, since rules or routes changed. A
 * connection that was open and not translated goes on in the middle. */
void pipeline_successor(struct worker *w, struct packet *p);

/*
 * The rule book has changed since the session was admitted: is it still allowed, with the same
 * translation? Updates the session, or ends it and returns false.
 */
bool pipeline_recheck(struct worker *w, uint32_t index);

struct vip;

/* The VIP that such a packet meets, or NULL. IPv4. */
const struct vip *nat_vip_of(const struct snapshot *s, const struct key *key, uint16_t ifindex);

/* The interface outside of which the VIP's address `ext` is. */
uint16_t nat_vip_home(const struct snapshot *s, const struct vip *vip, be32 ext);

/* Let `flow` go where the VIP leads. */
void flow_by_vip(struct flow *flow, const struct vip *vip, be32 dst, be16 dport);

/* Are the public addresses of this IPv4 session still the firewall's? */
bool nat_holds(const struct worker *w, uint32_t session);

/* Would the flow of this IPv4 session, admitted by `policy`, be translated as it is? */
bool nat_is_unchanged(const struct worker *w, uint32_t session, const struct policy *policy);

/* The flow of a session's or packet's original direction, as the rule book sees it. */
struct flow pipeline_flow6(const struct session_v6 *v6, uint8_t proto, uint16_t in_ifindex,
                           uint16_t out_ifindex);
struct flow pipeline_flow(const struct key *key, const struct packet *p, uint16_t in_ifindex,
                          uint16_t out_ifindex);
