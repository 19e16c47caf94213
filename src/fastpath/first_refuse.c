/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A first packet that goes nowhere, and whether its sender hears of it: always, where a router has
 * to say so (RFC 1812 4.3.3.1, 5.3.1); where the rule book says no, only if it is told to.
 */
#include "fastpath/first.h"
#include "fastpath/icmp_send.h"

static bool is_tcp(const struct first *f)
{
    return f->p->key.proto == IPPROTO_TCP;
}

/* `send-deny-packet`, `deny-tcp-with-icmp` */
static void answer_denied(struct worker *w, const struct first *f)
{
    if (!f->hit.policy || !f->hit.policy->send_deny)
        return;
    if (is_tcp(f) && !w->snapshot->deny_tcp_with_icmp)
        icmp_send_reset(w, f->p);
    else
        icmp_send(w, f->p, ICMP_SEND_PROHIBITED, 0);
}

/* `reset-sessionless-tcp`: the peer still holds a connection that the firewall has forgotten. */
static void answer_sessionless(struct worker *w, const struct first *f)
{
    if (w->snapshot->reset_sessionless && is_tcp(f) &&
        !(packet_tcp(f->p)->tcp_flags & RTE_TCP_SYN_FLAG))
        icmp_send_reset(w, f->p);
}

enum step first_refuse(struct worker *w, const struct first *f, enum drop_reason reason)
{
    switch (reason) {
    case DROP_TTL:
        icmp_send(w, f->p, ICMP_SEND_TIME_EXCEEDED, 0);
        break;
    case DROP_NO_ROUTE:
        icmp_send(w, f->p, ICMP_SEND_NO_ROUTE, 0);
        break;
    case DROP_POLICY_DENY:
        answer_denied(w, f);
        break;
    case DROP_LOCAL_DENIED:
    case DROP_NO_POLICY:
    case DROP_TCP_STATE:
        answer_sessionless(w, f);
        break;
    default:
        break;
    }
    drop(w, f->p->m, reason);
    return DONE;
}
