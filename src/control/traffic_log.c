/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/traffic_log.h"

#include "control/log_line.h"

#include <inttypes.h>
#include <netinet/in.h>

/* Of one worker in one round. */
#define BUDGET 64

static const char *interface_name(const struct snapshot *s, uint16_t ifindex)
{
    return ifindex > 0 && ifindex <= s->n_interfaces ? s->interfaces[ifindex].name : "";
}

static bool has_ports(uint8_t proto)
{
    return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static bool is_icmp(uint8_t proto)
{
    return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

/* What both kinds of lines begin with; ports in host order. */
static void print_flow(const struct snapshot *s, const struct flow *f, struct text *out)
{
    char src[IPV6_TEXT_MAX], dst[IPV6_TEXT_MAX];
    ip_addr_print(&f->src, src);
    ip_addr_print(&f->dst, dst);
    text_printf(out, "type=\"traffic\" subtype=\"forward\" level=\"notice\" srcip=%s", src);
    if (has_ports(f->proto))
        text_printf(out, " srcport=%u", f->sport);
    text_printf(out, " srcintf=\"%s\" dstip=%s", interface_name(s, f->in_ifindex), dst);
    if (has_ports(f->proto))
        text_printf(out, " dstport=%u", f->dport);
    text_printf(out, " dstintf=\"%s\" proto=%u", interface_name(s, f->out_ifindex), f->proto);
}

static void print_verdict(const char *action, uint32_t policy_id, bool v6, struct text *out)
{
    text_printf(out, " action=\"%s\" policyid=%u policytype=\"%s\"", action, policy_id,
                v6 ? "policy6" : "policy");
}

void traffic_log_print_denial(const struct snapshot *s, const struct verdict_denial *d,
                              struct text *out)
{
    const struct flow *f = &d->flow;
    print_flow(s, f, out);
    if (is_icmp(f->proto))
        text_printf(out, " icmptype=%u icmpcode=%u", f->dport >> 8, f->dport & 255);
    print_verdict("deny", d->policy_id, !ip_addr_is4(&f->src), out);
}

static struct flow flow_of(const struct dataplane *dp, uint32_t index)
{
    const struct session *x = session_at(&dp->sessions, index);
    const struct key *k = &x->r.key[0];
    struct flow f = {.in_ifindex = x->ifindex[0], .out_ifindex = x->ifindex[1], .proto = k->proto};
    if (session_is6(x)) {
        const struct session_v6 *v6 = &dp->sessions.v6[index];
        f.src = v6->src;
        f.dst = v6->dst;
        f.sport = be16_host(v6->sport);
        f.dport = be16_host(v6->dport);
    } else {
        f.src = ip_addr_of4(k->src);
        f.dst = ip_addr_of4(k->dst);
        f.sport = be16_host(k->sport);
        f.dport = be16_host(k->dport);
    }
    return f;
}

static void print_translation(const struct session *x, struct text *out)
{
    const struct key *back = &x->r.key[1];
    bool snat = x->r.flags & SESSION_SNAT, dnat = x->r.flags & SESSION_DNAT;
    char e[ENDPOINT_TEXT_MAX];
    text_printf(out, " trandisp=\"%s\"",
                snat && dnat ? "snat+dnat"
                : snat       ? "snat"
                : dnat       ? "dnat"
                             : "noop");
    if (snat) {
        ipv4_print(back->dst, e);
        text_printf(out, " transip=%s transport=%u", e, be16_host(back->dport));
    }
    if (dnat) {
        ipv4_print(back->src, e);
        /* lint: allow spelling: the field is called so */
        text_printf(out, " tranip=%s tranport=%u", e, be16_host(back->sport));
    }
}

void traffic_log_print_session(const struct dataplane *dp, uint32_t index, uint64_t duration_s,
                               struct text *out)
{
    const struct session *x = session_at(&dp->sessions, index);
    struct flow f = flow_of(dp, index);
    print_flow(dataplane_snapshot(dp), &f, out);
    print_verdict("accept", session_policy(x), session_is6(x), out);
    print_translation(x, out);
    text_printf(out,
                " duration=%" PRIu64 " sentbyte=%" PRIu64 " rcvdbyte=%" PRIu64 " sentpkt=%" PRIu64
                " rcvdpkt=%" PRIu64,
                duration_s, x->bytes[0], x->bytes[1], x->packets[0], x->packets[1]);
}

/* A line, unless there were enough of them in this second. */
static bool may_write(struct traffic_log *l)
{
    bool may = l->written < TRAFFIC_LOG_RATE;
    l->written += may;
    l->unwritten += !may;
    return may;
}

static void tell_unwritten(struct traffic_log *l, uint64_t now_ms)
{
    uint64_t lost = verdicts_lost(&l->dp->verdicts), n = l->unwritten + lost - l->lost;
    l->unwritten = 0;
    l->lost = lost;
    log_line_unwritten(&l->dp->events, "lines of traffic", n, now_ms);
}

static void second_begin(struct traffic_log *l, uint64_t now_ms)
{
    if (now_ms / 1000 == l->second)
        return;
    l->second = now_ms / 1000;
    l->written = 0;
    tell_unwritten(l, now_ms);
}

static void denial_write(struct traffic_log *l, const struct verdict_denial *d)
{
    struct text line = {0};
    if (!may_write(l))
        return;
    traffic_log_print_denial(dataplane_snapshot(l->dp), d, &line);
    log_line_write(&l->dp->events, &line, d->at_ms);
    text_free(&line);
}

unsigned traffic_log_run(struct traffic_log *l, uint64_t now_ms)
{
    struct verdict_denial d;
    unsigned taken = 0;
    second_begin(l, now_ms);
    for (uint16_t i = 0; i < l->dp->n_workers; i++)
        for (unsigned n = 0; n < BUDGET && verdicts_take(&l->dp->verdicts, i, &d); n++) {
            denial_write(l, &d);
            taken++;
        }
    return taken;
}

void traffic_log_session(struct traffic_log *l, uint32_t index, uint64_t duration_s,
                         uint64_t now_ms)
{
    const struct session *x = session_at(&l->dp->sessions, index);
    const struct policy *policy = policy_by_id(dataplane_snapshot(l->dp), session_policy(x));
    struct text line = {0};
    if (!policy || !policy->log)
        return;
    second_begin(l, now_ms);
    if (!may_write(l))
        return;
    traffic_log_print_session(l->dp, index, duration_s, &line);
    log_line_write(&l->dp->events, &line, now_ms);
    text_free(&line);
}
