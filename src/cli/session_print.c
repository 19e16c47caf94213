/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines of FortiOS stay as its parsers know them; counters of hardware that is not there print
 * 0 and the npu lines are left out. Each session ends in one line of our own: the timer that is
 * running now and where its value came from.
 */
#include "cli/session_print.h"

#include "cli/session_filter.h"

#include <inttypes.h>

static void state_words(const struct backend_session *s, struct text *out)
{
    /* A session of the SIP ALG is redirected to a local proxy in the eyes of FortiOS. */
    text_printf(out, "state=%s%s%s%sf00\n", s->alg ? "redir " : "",
                s->local || s->alg ? "local " : "", s->dirty ? "dirty " : "",
                s->local ? "" : "may_dirty ");
}

static void hook_line(struct text *out, const char *head, struct ip_port from, struct ip_port to,
                      struct ip_port translated)
{
    text_printf(out, "hook=%s %s->%s(%s)\n", head, cli_end(from).s, cli_end(to).s,
                cli_end(translated).s);
}

static void hook_lines(const struct backend_session *s, struct text *out)
{
    struct ip_port none = {0};
    if (!s->v6)
        none.ip = ip_addr_of4(0);
    if (s->dnat)
        hook_line(out, "pre dir=org act=dnat", s->src, s->dst, s->reply_src);
    if (s->snat) {
        hook_line(out, "post dir=org act=snat", s->src, s->reply_src, s->reply_dst);
        hook_line(out, "pre dir=reply act=dnat", s->reply_src, s->reply_dst, s->src);
    }
    if (s->dnat)
        hook_line(out, "post dir=reply act=snat", s->reply_src, s->src, s->dst);
    if (!s->dnat && !s->snat) {
        hook_line(out, "pre dir=org act=noop", s->src, s->dst, none);
        hook_line(out, "post dir=reply act=noop", s->dst, s->src, none);
    }
    if (s->proto == 6)
        text_puts(out, "pos/(before,after) 0/(0,0), 0/(0,0)\n");
}

static void traffic_lines(const struct backend_session *s, struct text *out)
{
    uint64_t seconds = s->duration_s > 0 ? s->duration_s : 1;
    uint64_t tx = s->bytes[0] / seconds, rx = s->bytes[1] / seconds;
    text_printf(out,
                "statistic(bytes/packets/allow_err): org=%" PRIu64 "/%" PRIu64 "/1 reply=%" PRIu64
                "/%" PRIu64 "/1 tuples=%d\n",
                s->bytes[0], s->packets[0], s->bytes[1], s->packets[1], s->snat && s->dnat ? 4 : 2);
    text_printf(out,
                "tx speed(Bps/kbps): %" PRIu64 "/%" PRIu64 " rx speed(Bps/kbps): %" PRIu64
                "/%" PRIu64 "\n",
                tx, tx * 8 / 1000, rx, rx * 8 / 1000);
}

static void path_line(const struct backend_session *s, struct text *out)
{
    struct ip_addr gateway[2];
    for (int i = 0; i < 2; i++)
        gateway[i] = cli_ip_is_zero(&s->gateway[i]) && !s->v6 ? ip_addr_of4(0) : s->gateway[i];
    text_printf(out, "orgin->sink: org pre->%s, reply %s->post dev=%u->%u/%u->%u gwy=%s/%s\n",
                s->local ? "in" : "post", s->local ? "out" : "pre", s->in_ifindex, s->out_ifindex,
                s->out_ifindex, s->in_ifindex, cli_ip(gateway[0]).s, cli_ip(gateway[1]).s);
}

void session_print(const struct backend_session *s, struct text *out)
{
    text_printf(out,
                "session%s info: proto=%u proto_state=%02u duration=%u expire=%s timeout=%s "
                "flags=00000000 sockflag=00000000 sockport=0 av_idx=0 use=3\n",
                s->v6 ? "6" : "", s->proto, s->proto_state, s->duration_s,
                cli_seconds(s->expire_s, "never").s, cli_seconds(s->timeout_s, "never").s);
    text_printf(out,
                "origin-shaper=\nreply-shaper=\nper_ip_shaper=\n"
                "class_id=0 ha_id=0 policy_dir=0 tunnel=/%s vlan_cos=0/255\n",
                s->helper ? " helper=sip" : "");
    state_words(s, out);
    traffic_lines(s, out);
    path_line(s, out);
    hook_lines(s, out);
    text_printf(out,
                "misc=0 policy_id=%u pol_uuid_idx=0 auth_info=0 chk_client_info=0 vd=0\n"
                "serial=%08x tos=ff/ff app_list=0 app=0 url_cat=0\n"
                "rpdb_link_id=00000000 ngfwid=n/a\n",
                session_policy_id(s), s->index);
    text_printf(out, "timer=%s source=\"%s\"\n", cli_seconds(s->timer_s, "never").s,
                s->timer_source);
}
