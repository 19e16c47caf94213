/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the keys of a session follows everything: key 0 is what arrives from whoever began, key 1
 * what arrives from the other end. The source is behind key 1's destination, the destination behind
 * key 0's. What a mapping of the session is keyed by is its way out, which in a hairpin is not the
 * interface where packets arrive. Which end is the inner one where neither is translated, the first
 * packet has found out: a commit does not turn calls round.
 */
#include "fastpath/alg_parties.h"

#include "fastpath/nat_rules.h"
#include "fastpath/pipeline.h"

static const struct mapping *mapping_or_null(const struct dataplane *dp, uint32_t index)
{
    return index == INDEX_NONE ? NULL : mapping_at(&dp->mappings, index);
}

/* Source or destination of what arrives under a key of a session. */
struct arrivals {
    struct ip_port src, dst;
};

static struct arrivals arrivals_of(const struct dataplane *dp, uint32_t index, int dir)
{
    const struct key *k = &session_at(&dp->sessions, index)->r.key[dir];
    const struct session_v6 *v6 = session_v6_of(&dp->sessions, index);
    if (!v6)
        return (struct arrivals){ip_port_of4((struct endpoint){k->src, k->sport}),
                                 ip_port_of4((struct endpoint){k->dst, k->dport})};
    struct ip_port ends[2] = {{v6->src, v6->sport}, {v6->dst, v6->dport}};
    return (struct arrivals){ends[dir], ends[!dir]};
}

static void mapped_by(const struct dataplane *dp, const struct mapping *m, struct alg_packet *out)
{
    out->outside_ifindex = m->outside_ifindex;
    out->lease = dp->mappings.cold[mapping_index(&dp->mappings, m)].lease;
}

/* Which way it travels, seen from this party. */
static void direct(struct alg_packet *out, bool outward)
{
    out->outward = outward;
    out->src = outward ? out->inside : out->outside;
    out->dst = outward ? out->outside : out->public_side;
}

/* No mapping: a virtual IP or nothing stands for the party. `dir` arrives from the other one. */
static void behind_vip(const struct snapshot *snap, const struct session *s, int dir,
                       struct alg_packet *out)
{
    const struct key *k = &s->r.key[dir];
    const bool translated = s->r.flags & (dir ? SESSION_SNAT : SESSION_DNAT);
    const struct vip *vip = translated ? nat_vip_of(snap, k, s->ifindex[dir]) : NULL;
    out->by_vip = true;
    if (vip)
        out->outside_ifindex = nat_vip_home(snap, vip, k->dst);
}

/* Whoever began the session. */
static void source_party(const struct dataplane *dp, const struct snapshot *snap, uint32_t index,
                         uint8_t dir, struct alg_packet *out)
{
    const struct session *s = session_at(&dp->sessions, index);
    uint32_t mapping = s->r.flags & SESSION_HAIRPIN  ? dp->sessions.cold[index].hairpin
                       : s->r.flags & SESSION_INWARD ? INDEX_NONE
                                                     : s->mapping;
    const struct mapping *m = mapping_or_null(dp, mapping);
    const struct arrivals there = arrivals_of(dp, index, 0), back = arrivals_of(dp, index, 1);
    out->inside = there.src;
    out->public_side = back.dst;
    out->outside = there.dst;
    out->inside_zone = s->r.key[0].zone;
    out->inside_ifindex = s->ifindex[0];
    out->outside_ifindex = s->ifindex[1];
    if (m)
        mapped_by(dp, m, out);
    else if (s->traits & TRAIT_OF_CALL)
        behind_vip(snap, s, 1, out);
    direct(out, dir == 0);
}

/*
 * The host that the session was begun with, behind a pinhole, a VIP, or nothing. Without a pinhole
 * policies have admitted what came, and they go on to say who may come.
 */
static void target_party(const struct dataplane *dp, const struct snapshot *snap, uint32_t index,
                         uint8_t dir, struct alg_packet *out)
{
    const struct session *s = session_at(&dp->sessions, index);
    const struct key *k = s->r.key;
    const struct mapping *m =
        mapping_or_null(dp, s->r.flags & SESSION_INWARD ? s->mapping : INDEX_NONE);
    const struct arrivals there = arrivals_of(dp, index, 0), back = arrivals_of(dp, index, 1);
    out->inside = back.src;
    out->public_side = there.dst;
    out->outside = back.dst;
    out->inside_zone = k[1].zone;
    out->inside_ifindex = s->ifindex[1];
    out->outside_ifindex = s->ifindex[0];
    if (m)
        mapped_by(dp, m, out);
    else
        behind_vip(snap, s, 0, out);
    direct(out, dir == 1);
}

unsigned alg_parties(const struct dataplane *dp, const struct snapshot *snap, uint32_t session,
                     uint8_t dir, struct alg_packet out[ALG_CROSSINGS])
{
    const struct session *s = session_at(&dp->sessions, session);
    bool target = s->r.flags & (SESSION_INWARD | SESSION_DNAT) ||
                  (s->traits & TRAIT_CALLED && !(s->r.flags & SESSION_MAPPED));
    bool source = s->r.flags & SESSION_SNAT || !target;
    if (source) {
        struct alg_packet *party = &out[target && dir == 1];
        source_party(dp, snap, session, dir, party);
        party->outer = snapshot_comes_in(snap, s->ifindex[0], s->ifindex[1]);
    }
    if (target)
        target_party(dp, snap, session, dir, &out[source && dir == 0]);
    bool external = snap->interfaces[s->ifindex[dir]].external;
    for (unsigned i = 0; i < ALG_CROSSINGS; i++)
        out[i].from_external = external;
    return (unsigned)source + (unsigned)target;
}
