/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/voip_log.h"

#include "control/log_line.h"

#include <inttypes.h>

#define BUDGET 64

static const char *interface_name(const struct snapshot *s, uint16_t ifindex)
{
    return ifindex > 0 && ifindex <= s->n_interfaces ? s->interfaces[ifindex].name : "";
}

static bool is_violation(const struct sip_log_record *r)
{
    return r->kind == SIP_LOG_BLOCK || r->kind == SIP_LOG_FUZZING;
}

/* What all lines begin with. */
static void print_head(const struct snapshot *s, const struct sip_log_record *r, struct text *out)
{
    static const char *const ids[] = {"0814044032", "0814044032", "0814044033", "0814044034"};
    char src[IPV6_TEXT_MAX], dst[IPV6_TEXT_MAX];
    ip_addr_print(&r->src.ip, src);
    ip_addr_print(&r->dst.ip, dst);
    text_printf(out,
                "logid=\"%s\" type=\"utm\" subtype=\"voip\" eventtype=\"voip\" level=\"%s\" "
                "vd=\"root\" session_id=%u epoch=%u event_id=%u srcip=%s src_port=%u dstip=%s "
                "dst_port=%u proto=%u src_int=\"%s\" dst_int=\"%s\" policy_id=%u",
                ids[r->kind], is_violation(r) ? "notice" : "information",
                handle_none(r->session) ? 0 : r->session.index, r->epoch, r->event, src,
                be16_host(r->src.port), dst, be16_host(r->dst.port), r->proto,
                interface_name(s, r->in_ifindex), interface_name(s, r->out_ifindex), r->policy_id);
    log_line_field(out, "profile", r->profile);
    text_puts(out, " voip_proto=\"sip\"");
}

static void print_call(const struct sip_log_record *r, struct text *out)
{
    static const char *const words[] = {"start", "end", "timeout", "failed"};
    text_printf(out, " kind=\"%s\" action=\"permit\" status=\"%s\" duration=%u",
                r->kind == SIP_LOG_CALL ? "call" : "register", words[r->status], r->duration_s);
}

static void print_violation(const struct sip_log_record *r, struct text *out)
{
    text_printf(out, " action=\"%s\"", r->passed ? "permit" : "block");
    if (r->method[0])
        text_printf(out, " message_type=\"%s\" request_name=\"%s\"",
                    r->answer ? "response" : "request", r->method);
}

void voip_log_print(const struct snapshot *s, const struct sip_log_record *r, struct text *out)
{
    print_head(s, r, out);
    if (is_violation(r))
        print_violation(r, out);
    else
        print_call(r, out);
    text_printf(out, " dir=\"%s\"", r->reply ? "session_reverse" : "session_origin");
    if (r->call_id[0])
        log_line_field(out, "call_id", r->call_id);
    if (r->from[0])
        log_line_field(out, "from", r->from);
    if (r->to[0])
        log_line_field(out, "to", r->to);
    if (r->reason[0])
        log_line_field(out, r->kind == SIP_LOG_FUZZING ? "malform_desc" : "reason", r->reason);
    if (!is_violation(r) && r->status != SIP_LOG_START && r->answer)
        text_printf(out, " response=%u", r->answer);
    if (r->data[0])
        log_line_field(out, "malform_data", r->data);
    if (r->line)
        text_printf(out, " line=%u column=%u", r->line, r->column);
}

static void tell_unwritten(struct voip_log *l, uint64_t now_ms)
{
    uint64_t lost = sip_log_lost(l->from), n = l->unwritten + lost - l->lost;
    l->unwritten = 0;
    l->lost = lost;
    log_line_unwritten(&l->dp->events, "VoIP records", n, now_ms);
}

static void second_begin(struct voip_log *l, uint64_t now_ms)
{
    if (now_ms / 1000 == l->second)
        return;
    l->second = now_ms / 1000;
    l->calls = l->violations = 0;
    tell_unwritten(l, now_ms);
}

static void quiet_begin(struct voip_log *l, uint64_t now_ms)
{
    struct text line = {0};
    sip_log_mute(l->from, true);
    l->quiet_until_ms = now_ms + VOIP_LOG_QUIET_MS;
    text_printf(&line,
                "logid=\"0814044033\" type=\"utm\" subtype=\"voip\" eventtype=\"voip\" "
                "level=\"critical\" vd=\"root\" msg=\"More than %d SIP violations in a second: "
                "they are not logged for %u seconds\"",
                VOIP_LOG_VIOLATIONS, VOIP_LOG_QUIET_MS / 1000);
    log_line_write(&l->dp->events, &line, now_ms);
    text_free(&line);
}

/* May this line be written? */
static bool admit(struct voip_log *l, const struct sip_log_record *r, uint64_t now_ms)
{
    if (!is_violation(r)) {
        bool may = l->calls < VOIP_LOG_CALLS;
        l->calls += may;
        l->unwritten += !may;
        return may;
    }
    if (l->quiet_until_ms)
        return false; /* it was on its way already */
    if (l->violations++ < VOIP_LOG_VIOLATIONS)
        return true;
    quiet_begin(l, now_ms);
    return false;
}

static void record_write(struct voip_log *l, const struct sip_log_record *r, uint64_t now_ms)
{
    struct text line = {0};
    if (!admit(l, r, now_ms))
        return;
    voip_log_print(dataplane_snapshot(l->dp), r, &line);
    log_line_write(&l->dp->events, &line, r->at_ms);
    text_free(&line);
}

unsigned voip_log_run(struct voip_log *l, uint64_t now_ms)
{
    struct sip_log_record r;
    unsigned taken = 0;
    second_begin(l, now_ms);
    if (l->quiet_until_ms && now_ms >= l->quiet_until_ms) {
        l->quiet_until_ms = 0;
        sip_log_mute(l->from, false);
    }
    while (taken < BUDGET && sip_log_take(l->from, &r)) {
        record_write(l, &r, now_ms);
        taken++;
    }
    return taken;
}

uint64_t voip_log_deadline_ms(const struct voip_log *l)
{
    return l->quiet_until_ms ? l->quiet_until_ms : UINT64_MAX;
}
