/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records are filled in place: what a text is shorter than its field ends with a zero byte, and the
 * bytes behind it are whatever an older record left there. A text from the network may hold zero
 * bytes itself; it is cut there, since nobody prints beyond.
 */
#include "alg/sip_log.h"

#include "alg/alg_state.h"

static void text_set(char *to, size_t cap, struct slice from)
{
    from = slice_head(from, cap - 1);
    if (from.n)
        memcpy(to, from.p, from.n);
    to[from.n] = '\0';
}

/* Room for the next record, or NULL. */
static struct sip_log_record *next(struct sip_log *log)
{
    uint32_t head = log->head;
    if (head - __atomic_load_n(&log->tail, __ATOMIC_ACQUIRE) == SIP_LOG_RING) {
        __atomic_store_n(&log->lost, log->lost + 1, __ATOMIC_RELAXED);
        return NULL;
    }
    return &log->record[head % SIP_LOG_RING];
}

static void publish(struct sip_log *log)
{
    __atomic_store_n(&log->head, log->head + 1, __ATOMIC_RELEASE);
}

static void event(struct alg *alg, const struct dialog *d, enum sip_log_status status,
                  uint64_t now_ms)
{
    if (d->kind == DIALOG_REGISTER && events_on(&alg->events))
        alg_event(alg, status == SIP_LOG_START ? "registration-started" : "registration-ended", d,
                  now_ms, status == SIP_LOG_TIMEOUT ? ",\"reason\":\"expired\"" : "");
}

void sip_log_call(struct alg *alg, const struct dialog *d, enum sip_log_status status,
                  const char *reason, uint64_t now_ms)
{
    event(alg, d, status, now_ms);
    sip_debug_call(alg, d, status == SIP_LOG_START ? "start" : "end", reason);
    struct sip_log_record *r = d->logs ? next(alg->log) : NULL;
    if (!r)
        return;
    r->at_ms = now_ms;
    r->kind = d->kind == DIALOG_CALL ? SIP_LOG_CALL : SIP_LOG_REGISTER;
    r->status = (uint8_t)status;
    r->passed = true;
    r->reply = d->reply;
    r->proto = d->proto;
    r->session = d->session;
    r->src = d->src;
    r->dst = d->dst;
    r->in_ifindex = d->in_ifindex;
    r->out_ifindex = d->out_ifindex;
    r->policy_id = d->policy_id;
    r->epoch = d->epoch;
    r->event = dialog_index(&alg->dialogs, d);
    r->duration_s = (uint32_t)((now_ms - d->begin_ms) / 1000);
    r->answer = d->status;
    r->method = d->kind == DIALOG_CALL ? "INVITE" : "REGISTER";
    r->reason = reason;
    r->line = r->column = 0;
    memcpy(r->profile, d->profile, sizeof(r->profile));
    memcpy(r->call_id, d->call_id, sizeof(r->call_id));
    memcpy(r->from, d->from, sizeof(r->from));
    memcpy(r->to, d->to, sizeof(r->to));
    r->data[0] = '\0';
    publish(alg->log);
}

/* Facts are there only when all of them could be read. */
static void message_set(struct sip_log_record *r, const struct sip_message *m)
{
    bool known = m->known;
    text_set(r->call_id, sizeof(r->call_id), known ? m->facts.call_id : SLICE_NONE);
    text_set(r->from, sizeof(r->from), known ? m->facts.from.uri.text : SLICE_NONE);
    text_set(r->to, sizeof(r->to), known ? m->facts.to.uri.text : SLICE_NONE);
    r->method = known ? sip_method_name(m->facts.method) : "";
    r->answer = known && !m->msg.is_request ? m->msg.status : 0;
}

static bool wanted(const struct alg *alg, const struct alg_packet *packet)
{
    return packet->log && packet->profile->log_violations &&
           !__atomic_load_n(&alg->log->muted, __ATOMIC_RELAXED);
}

void sip_log_violation(struct alg *alg, const struct sip_message *m, const struct sip_violation *v)
{
    const struct alg_packet *packet = m->packet;
    alg->told |= !v->passed;
    if (events_on(&alg->events))
        event_emit(&alg->events, "violation", packet->now_ms,
                   "\"kind\":\"%s\",\"action\":\"%s\",\"reason\":\"%s\",\"line\":%u,\"column\":%u",
                   v->malformed ? "fuzzing" : "block", v->passed ? "permit" : "block", v->what,
                   v->line, v->column);
    if (!wanted(alg, packet))
        return;
    struct sip_log_record *r = next(alg->log);
    if (!r)
        return;
    r->at_ms = packet->now_ms;
    r->kind = v->malformed ? SIP_LOG_FUZZING : SIP_LOG_BLOCK;
    r->status = SIP_LOG_START;
    r->passed = v->passed;
    r->reply = packet->reply;
    r->proto = packet->proto;
    r->session = packet->session;
    r->src = packet->src;
    r->dst = packet->dst;
    r->in_ifindex = packet->in_ifindex;
    r->out_ifindex = packet->out_ifindex;
    r->policy_id = packet->policy_id;
    r->epoch = r->event = r->duration_s = 0;
    r->reason = v->what;
    r->line = v->line;
    r->column = v->column;
    text_set(r->profile, sizeof(r->profile), slice_str(packet->profile->name));
    message_set(r, m);
    text_set(r->data, sizeof(r->data), v->data);
    publish(alg->log);
}

bool sip_log_listens(const struct alg *alg, const struct sip_message *m)
{
    return wanted(alg, m->packet) || events_on(&alg->events);
}

void sip_log_place(struct slice text, size_t at, struct sip_violation *v)
{
    size_t begin = 0;
    v->line = 1;
    for (size_t i = 0; i < at && i < text.n; i++)
        if (text.p[i] == '\n') {
            begin = i + 1;
            v->line++;
        }
    v->column = (uint32_t)(at - begin + 1);
    struct slice line = slice_skip(text, begin);
    v->data = slice_trim(slice_head(line, slice_find(line, '\n')));
}

void sip_log_fault(struct alg *alg, const struct sip_message *m, const struct sip_fault *fault,
                   bool passed)
{
    struct sip_violation v = {
        .malformed = true, .passed = passed, .what = sip_bad_text(fault->reason)};
    if (sip_log_listens(alg, m))
        sip_log_place(m->packet->payload, fault->offset, &v);
    sip_log_violation(alg, m, &v);
}

static const char *reason_text(enum alg_reason reason)
{
    switch (reason) {
#define X(id, name, text) \
    case ALG_REASON_##id: \
        return text;
        ALG_REASONS(X)
#undef X
    default:
        return "";
    }
}

void sip_log_refusal(struct alg *alg, const struct sip_message *m, enum alg_reason reason)
{
    if (alg->told)
        return;
    sip_log_violation(alg, m,
                      &(struct sip_violation){
                          .malformed = reason == ALG_REASON_SIP_MALFORMED ||
                                       reason == ALG_REASON_SIP_SDP_MALFORMED,
                          .what = reason_text(reason),
                      });
}

bool sip_log_take(struct sip_log *log, struct sip_log_record *out)
{
    uint32_t tail = log->tail;
    if (tail == __atomic_load_n(&log->head, __ATOMIC_ACQUIRE))
        return false;
    *out = log->record[tail % SIP_LOG_RING];
    __atomic_store_n(&log->tail, tail + 1, __ATOMIC_RELEASE);
    return true;
}

uint64_t sip_log_lost(const struct sip_log *log)
{
    return __atomic_load_n(&log->lost, __ATOMIC_RELAXED);
}

void sip_log_mute(struct sip_log *log, bool on)
{
    __atomic_store_n(&log->muted, on, __ATOMIC_RELAXED);
}
