/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of one message through the ALG: classify, parse, check, find what it belongs to, plan,
 * commit, and only then let it change that call or registration. A refusal on the way leaves
 * nothing behind but a count.
 *
 * What is not SIP passes untouched: keep-alives, STUN, anything else. What begins like SIP and is
 * not well-formed is dropped, because two phones could read it in two ways.
 */
#include "alg/alg_state.h"
#include "alg/call.h"
#include "alg/call_media.h"
#include "alg/registration.h"
#include "alg/sip_admit.h"
#include "alg/sip_commit.h"
#include "alg/subscription.h"

#include <stdlib.h>

#define FORMS_PER_DIALOG 4
#define STREAM_BUFFERS   1024

struct alg *alg_create(const struct alg_limits *limits, struct mappings *mappings,
                       struct session_thread *thread, const struct event_sink *events,
                       const struct hash_secret *secret)
{
    struct alg *alg = calloc(1, sizeof(*alg));
    if (!alg)
        return NULL;
    alg->mappings = mappings;
    alg->thread = thread;
    if (events)
        alg->events = *events;
    alg->secret = *secret;
    alg->secret2 = (struct hash_secret){{secret->k[2], secret->k[3], secret->k[0], secret->k[1]}};
    uint32_t capacity = limits->dialogs ? limits->dialogs : 1;
    alg->log = calloc(1, sizeof(*alg->log));
    alg->debug = sip_debug_create();
    if (alg->log && alg->debug && dialogs_init(&alg->dialogs, capacity) == 0 &&
        host_shares_init(&alg->hosts, capacity, HOST_SHARE, secret) == 0 &&
        host_shares_init(&alg->pin_hosts, capacity, HOST_SHARE, secret) == 0 &&
        host_shares_init(&alg->callers, capacity, HOST_SHARE_CALLER, secret) == 0 &&
        sip_forms_init(&alg->forms, capacity * FORMS_PER_DIALOG, secret) == 0 &&
        sip_meters_init(&alg->meters, secret) == 0 &&
        streams_init(&alg->streams, limits->streams ? limits->streams : capacity,
                     limits->stream_buffers ? limits->stream_buffers : STREAM_BUFFERS, secret) == 0)
        return alg;
    alg_destroy(alg);
    return NULL;
}

void alg_destroy(struct alg *alg)
{
    if (!alg)
        return;
    sip_meters_free(&alg->meters);
    streams_free(&alg->streams);
    sip_forms_free(&alg->forms);
    host_shares_free(&alg->hosts);
    host_shares_free(&alg->pin_hosts);
    host_shares_free(&alg->callers);
    if (alg->dialogs.at)
        dialogs_free(&alg->dialogs);
    free(alg->log);
    sip_debug_destroy(alg->debug);
    free(alg);
}

void alg_clock_set(struct alg *alg, struct alg_clock *clock)
{
    alg->clock = clock;
}

static void alg_start(struct alg *alg, uint64_t now_ms)
{
    alg->now_ms = now_ms;
    if (alg->started)
        return;
    alg->started = true;
    wheel_init(&alg->wheel, ALG_TICK_MS, now_ms, alg->dialogs.at, sizeof(struct dialog),
               offsetof(struct dialog, wheel));
}

/*
 * Finding
 */

struct dialog_key alg_key(const struct alg *alg, enum dialog_kind kind, struct slice name,
                          struct slice tag, const struct sip_message *m, bool inside_began)
{
    struct {
        uint64_t name[2], tag[2];
        struct ip_addr inside;
        uint16_t zone;
        uint8_t kind, inside_began;
        uint32_t unused;
    } part = {
        .inside = m->packet->inside.ip,
        .zone = m->packet->inside_zone,
        .kind = (uint8_t)kind,
        .inside_began = inside_began,
    };
    struct dialog_key key;
    _Static_assert(sizeof(part) == 56, "hashed whole: no padding");
    hash_bytes_128(&alg->secret, name.p, name.n, part.name);
    hash_bytes_128(&alg->secret, tag.p, tag.n, part.tag);
    hash_bytes_128(&alg->secret, &part, sizeof(part), key.h);
    return key;
}

/* The call of the message in hand; *key is what a new one would have. */
static void find_call(struct alg *alg, struct sip_message *m, struct dialog_key *key)
{
    const struct sip_facts *f = &m->facts;
    bool inside_asks = m->msg.is_request == m->packet->outward;
    *key = alg_key(alg, DIALOG_CALL, f->call_id, f->from.tag, m, inside_asks);
    m->from_began = true;
    m->call = dialog_find(&alg->dialogs, key);
    if (!m->call && f->to.tag.n) {
        struct dialog_key other = alg_key(alg, DIALOG_CALL, f->call_id, f->to.tag, m, !inside_asks);
        m->call = dialog_find(&alg->dialogs, &other);
        m->from_began = !m->call;
    }
    if (m->call)
        dialog_prefetch(&alg->dialogs, m->call);
}

/* Outside calls, a request that may bring a contact of its own, or the response to one. */
static bool may_keep_contact(const struct sip_message *m)
{
    return m->msg.is_request == m->packet->outward && !m->call &&
           m->facts.method != SIP_METHOD_INVITE && m->facts.method != SIP_METHOD_ACK &&
           m->facts.method != SIP_METHOD_CANCEL && m->facts.method != SIP_METHOD_BYE;
}

/*
 * It must leave as it did before, although more may be known by now: how the phone writes its
 * address, or another public port. The CANCEL has the Request-URI of its INVITE (RFC 3261 9.1).
 */
static bool is_again(const struct sip_message *m)
{
    const struct dialog_txn *invite = &m->call->invite[m->packet->outward];
    return m->msg.is_request && invite->used && m->facts.cseq == invite->cseq &&
           (m->facts.method == SIP_METHOD_INVITE || m->facts.method == SIP_METHOD_CANCEL);
}

static bool is_invite(const struct sip_message *m)
{
    return m->msg.is_request && m->facts.method == SIP_METHOD_INVITE;
}

/*
 * What the message belongs to. ALG_REASON_NONE, or why it may not pass.
 */
static enum alg_reason find(struct alg *alg, struct sip_message *m, struct dialog_key *key)
{
    const struct voip_profile *profile = m->packet->profile;
    m->call = m->record = NULL;
    m->new_call = m->media = m->repeat = m->again = m->answers = false;
    if (m->facts.method == SIP_METHOD_REGISTER) {
        m->record = registration_find(alg, m, key);
        return ALG_REASON_NONE;
    }
    find_call(alg, m, key);
    if (m->call && m->call->state == DIALOG_BLOCKED)
        return ALG_REASON_SIP_CALL_ENDED;
    if (may_keep_contact(m))
        m->record = contact_find(alg, m, key);
    m->new_call = is_invite(m) && !m->call;
    m->media = m->new_call || (m->call && call_takes_media(m->call, m));
    m->repeat = m->call && call_repeats(alg, m->call, m);
    m->again = m->call && is_again(m);
    m->answers = m->call && media_answers(m->call, m);
    bool begins = m->new_call || (is_invite(m) && m->media && m->call->state == DIALOG_ENDED);
    if (begins && profile->max_dialogs &&
        dialog_policy_calls(&alg->dialogs, m->packet->policy_id) >= profile->max_dialogs)
        return ALG_REASON_SIP_DIALOG_LIMIT;
    return ALG_REASON_NONE;
}

/* A record for what the plan wants to hold, where there is none yet. */
static enum alg_reason own(struct alg *alg, struct sip_message *m, const struct dialog_key *key,
                           struct dialog **fresh)
{
    unsigned wanted = 0;
    *fresh = NULL;
    for (unsigned i = 0; i < alg->plan.n_maps; i++)
        wanted += !alg->plan.maps[i].held;
    if (m->new_call) {
        *fresh = m->call = call_begin(alg, m, key);
    } else if (wanted && !m->call && !m->record) {
        enum dialog_kind kind =
            m->facts.method == SIP_METHOD_REGISTER ? DIALOG_REGISTER : DIALOG_CONTACT;
        *fresh = m->record = alg_record(alg, m, kind, key);
    } else {
        return ALG_REASON_NONE;
    }
    return *fresh ? ALG_REASON_NONE : ALG_REASON_SIP_NO_DIALOG;
}

static void live(struct alg *alg, const struct sip_message *m)
{
    struct dialog *d = m->call ? m->call : m->record;
    if (d && d->kind != DIALOG_REGISTER)
        sip_admit(alg, m, d);
    if (m->facts.method == SIP_METHOD_REGISTER)
        registration_message(alg, m, &alg->plan);
    else if (m->call)
        call_message(alg, m, &alg->plan);
    else if (m->record)
        contact_message(alg, m, &alg->plan);
    else if (m->facts.method == SIP_METHOD_NOTIFY && m->msg.is_request && !m->packet->outward)
        subscription_notified(alg, m);
}

static enum alg_reason handle(struct alg *alg, struct sip_message *m, struct sip_output *out)
{
    struct dialog_key key;
    struct dialog *fresh = NULL;
    enum alg_reason reason = find(alg, m, &key);
    sip_debug_found(alg, m);
    alg_mark(alg->clock, ALG_STEP_FIND);
    if (reason == ALG_REASON_NONE)
        reason = sip_plan(alg, m, &alg->sdp, &alg->plan);
    alg_mark(alg->clock, ALG_STEP_PLAN);
    if (reason == ALG_REASON_NONE)
        reason = own(alg, m, &key, &fresh);
    if (reason == ALG_REASON_NONE)
        reason = sip_commit(alg, m, &alg->plan, m->call ? m->call : m->record, out);
    alg_mark(alg->clock, ALG_STEP_COMMIT);
    if (reason == ALG_REASON_NONE)
        live(alg, m);
    else if (fresh)
        alg_forget(alg, fresh);
    if (reason == ALG_REASON_NONE && fresh && !m->packet->checked)
        alg->begun = dialog_index(&alg->dialogs, fresh) | (uint64_t)fresh->epoch << 32;
    alg_mark(alg->clock, ALG_STEP_LIVE);
    return reason;
}

/* A request or a response, as far as its first bytes tell. */
static unsigned payload_side(struct slice payload)
{
    return stat_side(!slice_istarts(slice_trim(payload), SLICE_LIT("SIP/")));
}

static enum alg_reason read(struct alg *alg, struct sip_message *m)
{
    struct sip_fault fault;
    struct slice payload = m->packet->payload;
    unsigned side = payload_side(payload);
    m->known = false;
    stat_add(&alg->stats.received[m->packet->proto == 6][side], 1);
    enum sip_mode mode = m->packet->proto == 6 ? SIP_STREAM : SIP_DATAGRAM;
    bool parsed = sip_msg_parse(payload, mode, &m->msg, &fault, NULL) == SIP_DONE;
    alg_mark(alg->clock, ALG_STEP_PARSE);
    if (!parsed || sip_facts_read(&m->msg, &m->facts, &fault) != 0) {
        stat_add(&alg->stats.method[SIP_METHOD_UNKNOWN].received[side], 1);
        stat_add(&alg->stats.method[SIP_METHOD_UNKNOWN].unknown_form[side], 1);
        if (parsed)
            sip_rules_blame_facts(alg, m, &fault);
        else
            sip_rules_blame_parse(alg, m, &fault);
        return ALG_REASON_SIP_MALFORMED;
    }
    m->known = true;
    stat_add(&alg->stats.method[m->facts.method].received[side], 1);
    uint32_t longest = m->packet->profile->rules.max_line_length;
    if (longest && m->msg.longest_line > longest)
        stat_add(&alg->stats.method[m->facts.method].long_headers[side], 1);
    return ALG_REASON_NONE;
}

/* The ACK of an answer that the firewall gave itself: nobody else knows its transaction. */
static bool is_own_ack(const struct alg *alg, const struct sip_message *m)
{
    struct sip_reply_id id = {m->facts.call_id, sip_header_value(&m->msg, SIP_FROM), m->facts.cseq};
    return m->msg.is_request && m->msg.method == SIP_METHOD_ACK &&
           sip_reply_is_own(&alg->secret2, &id, m->facts.to.tag);
}

/* The sender is told, where the profile wants that. */
static enum alg_verdict refuse(struct alg *alg, const struct alg_packet *packet, char *out,
                               size_t cap, size_t *out_n)
{
    const struct sip_reply *reply = &alg->refusal.reply;
    stat_add(&alg->stats.dropped[packet->proto == 6][payload_side(packet->payload)], 1);
    if (reply->status == 0 || packet->checked)
        return ALG_DROP;
    size_t n = sip_reply_make(&alg->secret2, packet, reply, out, cap);
    if (n == 0 || !sip_reply_allowed(&alg->replies, &alg->secret, &packet->src.ip, packet->now_ms))
        return ALG_DROP;
    *out_n = n;
    return ALG_ANSWER;
}

/* Count a message that was read and not let through; the other reasons have drop counters alone. */
static void count_refusal(struct alg *alg, const struct sip_message *m, enum alg_reason reason)
{
    unsigned side = stat_side(m->msg.is_request);
    sip_log_refusal(alg, m, reason);
    switch (reason) {
    case ALG_REASON_SIP_MALFORMED:
    case ALG_REASON_SIP_SDP_MALFORMED:
        stat_add(&alg->stats.method[m->facts.method].unknown_form[side], 1);
        break;
    case ALG_REASON_SIP_BLOCKED:
    case ALG_REASON_SIP_RATE:
    case ALG_REASON_SIP_LONG_LINE:
    case ALG_REASON_SIP_BODY_LENGTH:
    case ALG_REASON_SIP_VIOLATION:
    case ALG_REASON_SIP_DIALOG_LIMIT:
    case ALG_REASON_SIP_CALL_ENDED:
        stat_add(&alg->stats.method[m->facts.method].blocked[side], 1);
        break;
    default:
        break;
    }
}

enum alg_verdict alg_input(struct alg *alg, const struct alg_packet *packet, char *out, size_t cap,
                           size_t *out_n, enum alg_reason *reason)
{
    struct sip_message *m = &alg->message;
    struct sip_output output = {.p = out, .cap = cap};
    alg_start(alg, packet->now_ms);
    if (!packet->profile->sip_status || sip_classify(packet->payload) != SIP_CLASS_SIP)
        return ALG_PASS;
    alg_clock_begin(alg->clock);
    m->packet = packet;
    alg->told = false;
    if (!packet->checked)
        alg->begun = ALG_NOTHING;
    sip_debug_read(alg, packet);
    m->nat = !ip_port_eq(packet->inside, packet->public_side);
    alg->forms.now_ms = (uint32_t)packet->now_ms;
    alg->refusal = (struct sip_refusal){0};
    *reason = read(alg, m);
    if (*reason != ALG_REASON_NONE) {
        sip_debug_dropped(alg, packet, *reason);
        return refuse(alg, packet, out, cap, out_n);
    }
    alg->told = is_own_ack(alg, m); /* and nobody's fault */
    if (alg->told)
        *reason = ALG_REASON_SIP_ANSWERED;
    if (*reason == ALG_REASON_NONE && !packet->checked)
        *reason = sip_rules_apply(alg, m);
    alg_mark(alg->clock, ALG_STEP_CHECK);
    if (*reason == ALG_REASON_NONE)
        *reason = handle(alg, m, &output);
    if (*reason != ALG_REASON_NONE) {
        sip_rules_blame(alg, m, *reason);
        count_refusal(alg, m, *reason);
        sip_debug_dropped(alg, packet, *reason);
        return refuse(alg, packet, out, cap, out_n);
    }
    sip_debug_written(alg, packet, output.n ? slice_of(out, output.n) : packet->payload);
    if (output.n == 0)
        return ALG_PASS;
    *out_n = output.n;
    return ALG_REPLACE;
}

unsigned alg_run_timers(struct alg *alg, uint64_t now_ms, unsigned budget)
{
    unsigned ran = streams_run_timers(alg, now_ms, budget);
    uint32_t left = budget;
    alg_start(alg, now_ms);
    while (left > 0) {
        uint32_t i = wheel_next_due(&alg->wheel, now_ms, &left);
        if (i == WHEEL_NONE)
            break;
        struct dialog *d = dialog_at(&alg->dialogs, i);
        if (d->kind == DIALOG_CALL)
            call_timer(alg, d, now_ms);
        else
            registration_timer(alg, d, now_ms);
        ran++;
    }
    return ran;
}

uint64_t alg_next_deadline_ms(const struct alg *alg)
{
    uint64_t streams = streams_next_deadline_ms(&alg->streams);
    uint64_t own = alg->started ? wheel_next_deadline_ms(&alg->wheel) : UINT64_MAX;
    return own < streams ? own : streams;
}

struct sip_log *alg_log(struct alg *alg)
{
    return alg->log;
}

int alg_meters_next(const struct alg *alg, uint32_t *cursor, uint64_t now_ms, struct alg_meter *out)
{
    if (!sip_meters_next(&alg->meters, cursor, now_ms, out))
        return 0;
    out->dialogs = dialog_policy_calls(&alg->dialogs, out->policy_id);
    return 1;
}

struct sip_debug *alg_debug(struct alg *alg)
{
    return alg->debug;
}

void alg_stats_read(const struct alg *alg, struct alg_stats *out)
{
    sip_stats_copy(&alg->stats, out);
}

void alg_fill_read(const struct alg *alg, struct alg_fill *out)
{
    const struct dialogs *ds = &alg->dialogs;
    *out = (struct alg_fill){.buckets = ds->n_buckets,
                             .used = __atomic_load_n(&ds->n_used, __ATOMIC_RELAXED),
                             .deepest = __atomic_load_n(&ds->deepest, __ATOMIC_RELAXED)};
}

void alg_stats_clear(struct alg *alg)
{
    sip_stats_clear(&alg->stats);
}

const char *alg_reason_name(enum alg_reason reason)
{
    static const char *const names[] = {[ALG_REASON_NONE] = "none",
#define X(id, name, text) [ALG_REASON_##id] = name,
                                        ALG_REASONS(X)
#undef X
    };
    return names[reason];
}
