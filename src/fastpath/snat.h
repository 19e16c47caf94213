/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which address a flow's source gets. Decided once from the snapshot; a first packet then takes one
 * offer after the other until a port is found, a session that exists is asked whether the answer is
 * still the same. Workers.
 */
#pragma once

#include "fastpath/drop.h"
#include "fastpath/snapshot.h"

enum snat_kind {
    SNAT_NONE,
    SNAT_ADDRESS, /* one: of a VIP or an interface */
    SNAT_POOLS,
};

struct snat_flow {
    const struct policy *policy;
    be32 src, dst; /* dst: after destination NAT */
    be16 sport;
    uint8_t proto;
    uint16_t out_ifindex;
    bool inward;  /* it comes in by a mapping: its policy is about flows the other way round */
    bool of_call; /* its call has a public address, whatever the policy of the call does */
    /* From inside to inside through a public address: the interface where that address is, and the
     * answer would not pass here unless the source changes too. 0: it is none such. */
    uint16_t outside;
};

/* Ports of a protocol that VIPs forward. */
struct snat_spoken {
    const struct vips *vips;
    uint8_t proto;
};

/* Whether it is one: for nat_want.barred, with a struct snat_spoken. */
bool snat_spoken_for(const void *spoken, be32 ip, be16 port);

struct snat {
    enum snat_kind kind;
    struct nat_want nat; /* with SNAT_ADDRESS; with pools what is common to their offers */
    const struct nat_policy *policy;
    be32 src;
    be16 sport;
    bool ports;         /* the protocol has some */
    bool any_host;      /* of the pool of the last offer */
    uint8_t n;          /* offers made */
    uint16_t pool;      /* of policy->pools ... */
    struct pool_try at; /* ... and how far it has been tried */
    struct snat_spoken spoken;
    struct nat_fit barred;    /* of the last offer */
    enum drop_reason refusal; /* why there is no further offer */
};

/* Offers one flow takes before it is refused. */
#define SNAT_TRIES 16

void snat_decide(const struct snapshot *s, const struct snat_flow *flow, struct snat *out);

/*
 * The next address and ports to try; the lease is the caller's to return or hand on. False: there
 * is none, snat->refusal says why; DROP_RACE: begin anew.
 */
bool snat_offer(const struct nat_rules *rules, struct snat *snat, struct nat_want *want,
                struct pool_lease *lease);

/* Would `ip`, held by `lease`, still be the answer? */
bool snat_is(const struct nat_rules *rules, const struct snat *snat, be32 ip, uint16_t pool);

/* Does it ask for a mapping that admits anyone (permit-any-host)? */
bool snat_wants_cone(const struct nat_rules *rules, const struct snat *snat);
