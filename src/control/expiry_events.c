/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One JSON object without its braces per event. Names from the configuration go through text_json;
 * everything else is numbers and words of ours.
 */
#include "control/expiry_events.h"

#include "base/text.h"
#include "sessions/mapping6.h"

#include <inttypes.h>

static void put_endpoint(struct text *t, const char *name, be32 ip, be16 port)
{
    char e[ENDPOINT_TEXT_MAX];
    endpoint_print((struct endpoint){ip, port}, e);
    text_printf(t, ",\"%s\":\"%s\"", name, e);
}

static void put_end6(struct text *t, const char *name, const struct ip_addr *ip, be16 port)
{
    char e[IP_PORT_TEXT_MAX];
    ip_port_print(ip, port, e);
    text_printf(t, ",\"%s\":\"%s\"", name, e);
}

/* Nothing is translated: the reply is the original turned round. */
static void put_ends6(struct text *t, const struct session_v6 *v6)
{
    put_end6(t, "src", &v6->src, v6->sport);
    put_end6(t, "dst", &v6->dst, v6->dport);
    put_end6(t, "reply_src", &v6->dst, v6->dport);
    put_end6(t, "reply_dst", &v6->src, v6->sport);
}

static void put_keys(struct text *t, const struct session *s)
{
    const struct key *there = &s->r.key[0], *back = &s->r.key[1];
    put_endpoint(t, "src", there->src, there->sport);
    put_endpoint(t, "dst", there->dst, there->dport);
    put_endpoint(t, "reply_src", back->src, back->sport);
    put_endpoint(t, "reply_dst", back->dst, back->dport);
}

static void put_timer(struct text *t, const struct timer_sets *sets, const struct session *s)
{
    char source[TIMER_SOURCE_TEXT];
    const struct timer_set *set = timer_set_get(sets, s->r.detail);
    enum timer timer = timer_running(s->r.key[0].proto, s->tcp_state);
    if (set->s[timer] == TIMER_NEVER)
        text_puts(t, ",\"timer_s\":null");
    else
        text_printf(t, ",\"timer_s\":%u", set->s[timer]);
    size_t n = timer_source_print(set, timer, source, sizeof source);
    text_puts(t, ",\"timer_source\":");
    text_json(t, slice_of(source, n));
}

void session_event_emit(const struct event_sink *sink, const struct timer_sets *sets,
                        const struct session *s, const struct session_event *event)
{
    struct text t = {0};
    text_printf(&t, "\"session\":%u,\"proto\":%u", event->index, s->r.key[0].proto);
    if (event->v6)
        put_ends6(&t, event->v6);
    else
        put_keys(&t, s);
    text_printf(&t, ",\"policy\":%u,\"mapped\":%s,\"alg\":%s", session_policy(s),
                s->mapping != INDEX_NONE ? "true" : "false",
                s->r.flags & SESSION_ALG ? "true" : "false");
    if (session_has_helper(s))
        text_puts(&t, ",\"helper\":\"sip\"");
    put_timer(&t, sets, s);
    if (event->over) {
        text_printf(&t, ",\"packets\":[%" PRIu64 ",%" PRIu64 "]", s->packets[0], s->packets[1]);
        text_printf(&t, ",\"bytes\":[%" PRIu64 ",%" PRIu64 "]", s->bytes[0], s->bytes[1]);
    }
    if (event->over && event->why)
        text_printf(&t, ",\"why\":\"%s\"", event->why);
    event_emit(sink, event->name, event->now_ms, "%s", t.p);
    text_free(&t);
}

void mapping_event_emit(const struct event_sink *sink, const char *name, uint64_t now_ms,
                        const struct mappings *ms, uint32_t index)
{
    const struct mapping *m = mapping_at(ms, index);
    static const char *const kinds[] = {"signalling", "rtp", "rtcp", "cone"};
    char inside[IP_PORT_TEXT_MAX], public_side[IP_PORT_TEXT_MAX];
    if (mapping_is6(m)) {
        const struct ip_port *at = mapping_inside6(ms, index);
        ip_port_print(&at->ip, at->port, inside);
        ip_port_print(&at->ip, at->port, public_side);
    } else {
        endpoint_print(mapping_inside(m), inside);
        endpoint_print(mapping_public(m), public_side);
    }
    event_emit(sink, name, now_ms,
               "\"mapping\":%u,\"kind\":\"%s\",\"proto\":%u,\"inside\":\"%s\",\"public\":\"%s\","
               "\"policy\":%u",
               index, kinds[m->kind], m->r.key[0].proto, inside, public_side, m->policy_id);
}
