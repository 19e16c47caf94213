/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the steps of a flow's first packet share. The list of steps is in first.c; each step is a
 * function of first.c, first_nat.c or first_alg.c. Worker threads only, for the time of one packet.
 */
#pragma once

#include "fastpath/pipeline.h"
#include "fastpath/snat.h"
#include "fastpath/vip.h"

enum step {
    NEXT,
    DONE,
    AGAIN /* something changed under way: from the first step on */
};

/* What the steps find out about the flow. */
struct first {
    struct packet *p;
    const struct mapping *inward, *outward; /* mapping it comes in by, goes out by */
    uint32_t inward_index, outward_index;
    uint32_t hairpin_index; /* the mapping of a source that comes in by another one */
    uint32_t outlet_index;  /* the mapping of the stream to whose remote end it goes (outlet.h) */
    const struct vip *vip;  /* what changed the destination */
    be16 dport;             /* where it goes after destination NAT */
    uint16_t out_ifindex;
    struct ip_addr src, dst;           /* dst: where it goes after destination NAT */
    struct ip_addr next_hop, back_hop; /* of the original and the reply direction */
    struct policy_hit hit;
    struct session_v6 v6; /* where it is IPv6 */
    bool sip;
    bool of_call; /* no policy admits it, but a call it belongs to; it leaves by public_side */
    struct endpoint public_side;
    bool called; /* with sip: nothing is translated, and its source is on the outer side */
    bool open;   /* a connection that goes on from a session that ended */
    struct snat snat;
    struct nat_want nat;     /* the offer of public address and ports under trial ... */
    struct rss_fit fit;      /* of nat */
    struct pool_lease lease; /* ... and what is held for it */
    struct session_new want;
};

/* The packet ends here, for this reason, and its sender is told where that is due. DONE. */
enum step first_refuse(struct worker *w, const struct first *f, enum drop_reason reason);

/* Who reads its SIP, in the traits and flags of its session. */
void first_mark_sip(struct first *f);

/* A pinhole it comes in by. */
enum step step_inward(struct worker *w, struct first *f);

/* A virtual IP it goes to. */
enum step step_vip(struct worker *w, struct first *f);

/* A pinhole it leaves by, on this way out. */
enum step step_outward(struct worker *w, struct first *f);

/* No pinhole, but perhaps an outlet: media from a port that was not advertised. */
void first_outlet(struct worker *w, struct first *f, const struct ip_addr *src, be16 dport);

/* SIP that the rule book does not admit, but a call: f->hit is the call's policy. */
bool first_of_call(struct worker *w, struct first *f);

/* Whether a session that a call admitted is still translated as it was. */
bool first_of_call_holds(const struct worker *w, uint32_t session);

/* Does the first message look like SIP, or like what SIP phones keep a way open with? */
bool first_looks_like_sip(const struct packet *p);

/* NAT toward an address the firewall no longer has, or a port that a VIP forwards to somebody else
 * by now: whoever owns the mapping, it is over. */
bool first_mapping_stale(const struct worker *w, const struct mapping *m);

/* The interface outside of which the public address is, where the flow turns round there from
 * inside to inside and its source must change, too; else 0. */
uint16_t first_turned_at(const struct snapshot *s, const struct first *f);

/* The rule book. */
enum step step_policy(struct worker *w, struct first *f);

/* SIP gets the ALG, and a mapping for its inside endpoint before its first session is made. */
enum step step_alg(struct worker *w, struct first *f);

/* Which address its source gets. */
enum step step_snat(struct worker *w, struct first *f);

/* Full cone NAT, where the policy or the pool asks for it. */
enum step step_cone(struct worker *w, struct first *f);

/* Open the mapping of the flow's source, with the first offer that has a port. f->outward is it. */
enum step first_map(struct worker *w, struct first *f, struct mapping_want *want);

/* The next address and ports for f->want; false: there is none, f->snat.refusal says why. */
bool first_next_offer(struct worker *w, struct first *f);

/* The way there, and the way back. */
enum step step_route(struct worker *w, struct first *f);

/* The IPv6 forms of steps `inward`, `local`, `outward` and `nat`. */
enum step step_inward6(struct worker *w, struct first *f);
enum step step_outward6(struct worker *w, struct first *f);
enum step step_local6(struct worker *w, struct first *f);
enum step step_keys6(struct worker *w, struct first *f);

/* The key of the reply: where the translation is decided. */
enum step step_nat(struct worker *w, struct first *f);

/* How the connection begins, and how closely it is followed. */
enum step step_tcp(struct worker *w, struct first *f);
