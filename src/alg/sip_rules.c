/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cheap rules first: what a flood is held back by must cost less than the flood. A profile that
 * lets every malformed message pass and logs none has no bit in `checked`, and then the grammar is
 * not looked at.
 *
 * A message may break several rules. Those that pass are told of, up to a number; the first that
 * does not ends the search.
 */
#include "alg/sip_rules.h"

#include "alg/alg_state.h"
#include "alg/sip_grammar.h"
#include "alg/sip_scan.h"

#define TOLD_MOST 8 /* violations told of one message */

static const char *const check_texts[VOIP_CHECK_COUNT] = {
#define X(id, option, text) text,
    VOIP_CHECKS(X)
#undef X
};

/* Row of a method in the profile; VOIP_METHOD_COUNT where it has none. */
static enum voip_method method_row(enum sip_method method)
{
    static const uint8_t rows[SIP_METHOD_COUNT] = {
#define X(id, word) [SIP_METHOD_##id] = VOIP_METHOD_##id + 1,
        VOIP_METHODS(X)
#undef X
    };
    return rows[method] ? rows[method] - 1u : VOIP_METHOD_COUNT;
}

/* ---- telling ---- */

static void tell(struct alg *alg, const struct sip_message *m, const char *what, struct slice at,
                 bool malformed, bool passed)
{
    struct sip_violation v = {.malformed = malformed, .passed = passed, .what = what};
    if (at.p && sip_log_listens(alg, m))
        sip_log_place(m->packet->payload, (size_t)(at.p - m->packet->payload.p), &v);
    sip_log_violation(alg, m, &v);
}

static enum alg_reason refuse(struct alg *alg, const struct sip_message *m, enum alg_reason reason,
                              const char *what, struct slice at)
{
    tell(alg, m, what, at, false, false);
    return reason;
}

/* ---- blocks and limits ---- */

static enum alg_reason method_rules(struct alg *alg, const struct sip_message *m)
{
    const struct voip_rules *rules = &m->packet->profile->rules;
    enum voip_method row = method_row(m->msg.method);
    struct sip_meter_ask ask = {
        .now_ms = m->packet->now_ms,
        .policy_id = m->packet->policy_id,
        .dialog_limit = m->packet->profile->max_dialogs,
        .method = m->msg.method,
    };
    if (row == VOIP_METHOD_COUNT) {
        if (m->msg.method == SIP_METHOD_UNKNOWN && rules->block_unknown)
            return refuse(alg, m, ALG_REASON_SIP_BLOCKED, "unknown method", m->msg.method_text);
    } else {
        if (rules->blocked >> row & 1)
            return refuse(alg, m, ALG_REASON_SIP_BLOCKED, "blocked method", m->msg.method_text);
        ask.limit = rules->rate[row];
        ask.track = rules->track[row];
        ask.address = ask.track == VOIP_TRACK_SRC ? m->packet->src.ip : m->packet->dst.ip;
    }
    if (!sip_meters_take(&alg->meters, &ask))
        return refuse(alg, m, ALG_REASON_SIP_RATE, "rate limit", m->msg.method_text);
    if (row == VOIP_METHOD_OPTIONS && rules->block_geo_red_options)
        return refuse(alg, m, ALG_REASON_SIP_BLOCKED, "block-geo-red-options", m->msg.method_text);
    return ALG_REASON_NONE;
}

static enum alg_reason length_rules(struct alg *alg, const struct sip_message *m)
{
    const struct voip_rules *rules = &m->packet->profile->rules;
    const struct sip_msg *msg = &m->msg;
    if (rules->max_line_length && msg->longest_line > rules->max_line_length) {
        struct slice line = slice_of(msg->bytes.p + msg->longest_offset, msg->longest_line);
        if (!rules->block_long_lines) {
            tell(alg, m, "long line", line, false, true);
        } else {
            alg->refusal.reply = (struct sip_reply){413, "Request Entity Too Large", "long line"};
            return refuse(alg, m, ALG_REASON_SIP_LONG_LINE, "long line", line);
        }
    }
    if (rules->max_body_length && msg->body.n > rules->max_body_length) {
        alg->refusal.reply = (struct sip_reply){413, "Request Entity Too Large", "long body"};
        return refuse(alg, m, ALG_REASON_SIP_BODY_LENGTH, "long body", SLICE_NONE);
    }
    return ALG_REASON_NONE;
}

/* ---- malformed messages ---- */

struct checking {
    struct alg *alg;
    const struct sip_message *m;
    unsigned found;
    bool refused;
    bool hard; /* refused already: the first finding is the one to blame, whatever its action */
};

static bool on_finding(void *ctx, const struct sip_finding *finding)
{
    struct checking *c = ctx;
    uint8_t action = c->m->packet->profile->rules.action[finding->check];
    bool passes = action == VOIP_PASS && !c->hard;
    if (c->found++ < TOLD_MOST || !passes)
        tell(c->alg, c->m, check_texts[finding->check], finding->at, true, passes);
    if (action == VOIP_RESPOND)
        c->alg->refusal.reply = (struct sip_reply){400, "Bad Request", check_texts[finding->check]};
    c->refused = !passes;
    return c->refused;
}

static void look(struct checking *c, uint64_t checks)
{
    const struct voip_rules *rules = &c->m->packet->profile->rules;
    struct sip_search search = {
        .checks = checks,
        .rfc2543_branch = rules->rfc2543_branch || c->hard,
        .found = on_finding,
        .ctx = c,
    };
    struct slice descriptions[SIP_SDP_MAX];
    if (sip_grammar(&c->m->msg, &search) || checks >> VOIP_CHECK_SDP_V == 0)
        return;
    int n = sip_msg_sdp(&c->m->msg, descriptions, NULL);
    for (int i = 0; i < n && !c->refused; i++)
        (void)sdp_grammar(descriptions[i], &search);
}

enum alg_reason sip_rules_apply(struct alg *alg, const struct sip_message *m)
{
    const struct voip_rules *rules = &m->packet->profile->rules;
    struct checking c = {.alg = alg, .m = m};
    enum alg_reason reason = m->msg.is_request ? method_rules(alg, m) : ALG_REASON_NONE;
    if (reason == ALG_REASON_NONE)
        reason = length_rules(alg, m);
    if (reason != ALG_REASON_NONE || rules->checked == 0)
        return reason;
    look(&c, rules->checked);
    if (c.found)
        stat_add(&alg->stats.method[m->facts.method].unknown_form[stat_side(m->msg.is_request)], 1);
    return c.refused ? ALG_REASON_SIP_VIOLATION : ALG_REASON_NONE;
}

/* ---- blame ---- */

/* What the parser could not read. */
static enum voip_check check_of_fault(struct slice payload, const struct sip_fault *fault)
{
    if (sip_bad_is_start(fault->reason))
        return slice_istarts(slice_trim(payload), SLICE_LIT("SIP/")) ? VOIP_CHECK_COUNT
                                                                     : VOIP_CHECK_REQUEST_LINE;
    if (fault->reason >= SIP_BAD_LENGTH_VALUE && fault->reason <= SIP_BAD_LENGTH_ABSENT)
        return VOIP_CHECK_CONTENT_LENGTH;
    if (fault->reason != SIP_BAD_HEADER_TWICE)
        return VOIP_CHECK_COUNT;
    struct slice name = slice_skip(payload, fault->offset);
    return sip_grammar_check(sip_header_find(slice_head(name, sip_span(name, SIP_CHAR_TOKEN))));
}

static void blame(struct alg *alg, const struct sip_message *m, const struct sip_fault *fault,
                  enum voip_check check, struct slice at)
{
    struct checking c = {.alg = alg, .m = m, .hard = true};
    if (check != VOIP_CHECK_COUNT)
        (void)on_finding(&c, &(struct sip_finding){check, at});
    else
        sip_log_fault(alg, m, fault, false);
}

void sip_rules_blame_parse(struct alg *alg, const struct sip_message *m,
                           const struct sip_fault *fault)
{
    struct slice payload = m->packet->payload;
    blame(alg, m, fault, check_of_fault(payload, fault), slice_skip(payload, fault->offset));
}

#define CHECK(id)    (UINT64_C(1) << VOIP_CHECK_##id)
#define CHECKS_FACTS (CHECK(VIA) | CHECK(FROM) | CHECK(TO) | CHECK(CALL_ID) | CHECK(CSEQ))
#define CHECKS_PLAN  (CHECK(VIA) | CHECK(CONTACT) | CHECK(ROUTE) | CHECK(RECORD_ROUTE))

void sip_rules_blame_facts(struct alg *alg, const struct sip_message *m,
                           const struct sip_fault *fault)
{
    const struct sip_msg *msg = &m->msg;
    for (unsigned i = 0; i < msg->n_headers; i++) {
        struct slice value = msg->headers[i].value;
        size_t from = sip_offset(msg, value);
        if (fault->offset < from || fault->offset > from + value.n || value.n == 0)
            continue;
        blame(alg, m, fault, sip_grammar_check(msg->headers[i].id),
              slice_skip(value, fault->offset - from));
        return;
    }
    struct checking c = {.alg = alg, .m = m, .hard = true};
    look(&c, CHECKS_FACTS); /* one is missing */
    if (!c.found)
        sip_log_fault(alg, m, fault, false);
}

/* The line of a description that cannot be read; what only its attributes say, the plan read. */
static void blame_sdp(struct alg *alg, const struct sip_message *m)
{
    struct slice part[SIP_SDP_MAX];
    int n = sip_msg_sdp(&m->msg, part, NULL);
    for (int i = 0; i < n; i++) {
        struct sdp_fault fault = {.line = 'a'};
        if (sdp_parse(part[i], &alg->sdp, &fault) == 0 && i + 1 < n)
            continue;
        struct slice at = slice_skip(part[i], fault.offset);
        struct sip_fault where = {SIP_BAD_PART, sip_offset(&m->msg, at)};
        enum voip_check check = sdp_grammar_check(fault.line);
        if (check != VOIP_CHECK_COUNT)
            blame(alg, m, &where, check, at);
        return;
    }
}

void sip_rules_blame(struct alg *alg, const struct sip_message *m, enum alg_reason reason)
{
    struct checking c = {.alg = alg, .m = m, .hard = true};
    if (reason == ALG_REASON_SIP_SDP_MALFORMED)
        blame_sdp(alg, m);
    else if (reason == ALG_REASON_SIP_MALFORMED)
        look(&c, CHECKS_PLAN | CHECK(CONTENT_TYPE));
}
