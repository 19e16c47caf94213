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

/* As in the policy step of a first packet. */
static const struct policy *policy_of(const struct worker *w, const struct session *x,
                                      const struct session_v6 *v6)
{
    struct policy_hit hit;
    bool pinhole = x->r.flags & SESSION_MAPPED &&
                   (x->r.flags & SESSION_INWARD ||
                    mapping_kind_is_media(mapping_at(&w->dp->mappings, x->mapping)->kind));
    if (pinhole || x->traits & TRAIT_OF_CALL)
        return policy_by_id(w->snapshot, session_policy(x));
    struct flow flow = v6 ? pipeline_flow6(v6, x->r.key[0].proto, x->ifindex[0], x->ifindex[1])
                          : pipeline_flow(&x->r.key[0], NULL, x->ifindex[0], x->ifindex[1]);
    const struct vip *vip = v6 ? NULL : nat_vip_of(w->snapshot, &x->r.key[0], x->ifindex[0]);
    if (vip)
        flow_by_vip(&flow, vip, x->r.key[1].src, x->r.key[1].sport);
    return policy_find(w->snapshot, &flow, &hit) ? hit.policy : NULL;
}

/* The same verdict and translation, by whichever rule says so now; its id, or false. */
static bool same_verdict(const struct worker *w, uint32_t index, const struct session_v6 *v6,
                         uint32_t *policy_id)
{
    const struct session *x = session_at(&w->dp->sessions, index);
    const struct policy *policy = policy_of(w, x, v6);
    if (!policy || !policy->accept || (!v6 && !nat_is_unchanged(w, index, policy)))
        return false;
    *policy_id = policy->id;
    return true;
}

bool pipeline_recheck(struct worker *w, uint32_t index)
{
    struct session *x = session_at(&w->dp->sessions, index);
    const struct snapshot *s = w->snapshot;
    const struct session_v6 *v6 = session_v6_of(&w->dp->sessions, index);
    uint32_t policy_id = session_policy(x);

    if ((!(x->traits & TRAIT_LASTING) && !same_verdict(w, index, v6, &policy_id)) ||
        !way_holds(w, index) || !(v6 || nat_holds(w, index))) {
        session_kill(&w->dp->sessions, &w->thread, index);
        return false;
    }
    way_refresh(w, index);
    __atomic_store_n(&x->policy_id, policy_id, __ATOMIC_RELAXED);
    __atomic_store_n(&x->generation, s->generation, __ATOMIC_RELAXED);
    return true;
}
