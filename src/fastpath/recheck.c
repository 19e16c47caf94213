/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When rule book, routes or addresses have changed, each session is looked at again on its next
 * packet, as its first packet was: same way out, same verdict, same translation, and it lives on
 * under the new generation; else it dies. What came through a pinhole is checked by its owner's
 * policy.
 *
 * A session made under `firewall-session-dirty check-new` keeps the verdict of its first packet:
 * of it only the way and the address are looked at, without which it could not go on.
 */
#include "fastpath/pipeline.h"
#include "fastpath/way.h"

/* The public address of the session is still that of the interface it leaves by. */
static bool same_address(const struct snapshot *s, const struct session *x)
{
    if (x->r.flags & SESSION_SNAT)
        return s->interfaces[x->ifindex[1]].nat.ip == x->r.key[1].dst;
    if (x->r.flags & SESSION_DNAT)
        return s->interfaces[x->ifindex[0]].nat.ip == x->r.key[0].dst;
    return true;
}

/* As in the policy step of a first packet. */
static const struct policy *policy_of(const struct worker *w, const struct session *x,
                                      const struct session_v6 *v6)
{
    struct policy_hit hit;
    bool pinhole = x->r.flags & SESSION_MAPPED &&
                   (x->r.flags & SESSION_INWARD ||
                    mapping_at(&w->dp->mappings, x->mapping)->kind != MAPPING_SIGNALLING);
    if (pinhole)
        return policy_by_id(w->snapshot, x->policy_id);
    struct flow flow = v6 ? pipeline_flow6(v6, x->r.key[0].proto, x->ifindex[0], x->ifindex[1])
                          : pipeline_flow(&x->r.key[0], NULL, x->ifindex[0], x->ifindex[1]);
    return policy_find(w->snapshot, &flow, &hit) ? hit.policy : NULL;
}

/* The same verdict and translation, by whichever rule says so now; its id, or false. */
static bool same_verdict(const struct worker *w, const struct session *x,
                         const struct session_v6 *v6, uint32_t *policy_id)
{
    const struct policy *policy = policy_of(w, x, v6);
    bool nat = x->r.flags & (SESSION_SNAT | SESSION_DNAT);
    if (!policy || !policy->accept || (!v6 && policy->nat != nat))
        return false;
    *policy_id = policy->id;
    return true;
}

bool pipeline_recheck(struct worker *w, uint32_t index)
{
    struct session *x = session_at(&w->dp->sessions, index);
    const struct snapshot *s = w->snapshot;
    const struct session_v6 *v6 = session_v6_of(&w->dp->sessions, index);
    uint32_t policy_id = x->policy_id;

    if ((!(x->traits & TRAIT_LASTING) && !same_verdict(w, x, v6, &policy_id)) ||
        !way_holds(w, index) || !(v6 || same_address(s, x))) {
        session_kill(&w->dp->sessions, &w->thread, index);
        return false;
    }
    way_refresh(w, index);
    __atomic_store_n(&x->policy_id, policy_id, __ATOMIC_RELAXED);
    __atomic_store_n(&x->generation, s->generation, __ATOMIC_RELAXED);
    return true;
}
