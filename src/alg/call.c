/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call from its INVITE to its end:
 *
 *   TRYING, EARLY       the INVITE has no final response; restarted by every 1xx
 *   CANCELLED           CANCEL closed the media; the final response decides, 487 or a 2xx that
 *                       crossed it
 *   RETRY               refused in a way that lets the caller try again (401, 302 ...): its media
 *                       stay for a moment, so that the next INVITE finds the same ports
 *   ANSWERED            a 2xx was seen; ESTABLISHED by the ACK
 *                       An ACK that never comes ends it too (RFC 3261 13.3.1.4), unless media flow:
 *                       then the ACK took another way
 *   ENDING              BYE was seen; ENDED by its final response, with a grace for late packets
 *   BLOCKED             call-keepalive ended it; its messages are refused for an hour, or until
 *                       its record is needed for another
 *
 * Each is left by a message or by the timer; nothing else keeps a record. While it lasts each side
 * has at most one INVITE transaction under way, and one of PRACK or UPDATE: those of the two sides
 * cross on the way (RFC 3261 14), and usually both are refused. A retransmission is told by CSeq
 * and direction, changes nothing and restarts no timer.
 *
 * Who forks is answered more than once. Each 2xx is a leg with media and an ACK of its own; the
 * first completes the exchange, the others only add to it.
 *
 * Who may end a call: whoever speaks from outside and knows the Call-ID and our tag has his message
 * delivered, since the phone can judge it; but what ends a call here or takes media away counts
 * only when it comes from an address that the inside party has sent to in this call, or that the
 * INVITE came from. (Hosts in Contact and Record-Route are often names, so they cannot be compared;
 * the inside party's own ACK or BYE goes to where they lead.) A BYE must name a leg besides: the
 * other tag of a dialog that was seen. One from a stranger that names a leg ends the call when the
 * other end of the BYE grants it with a 2xx. Whatever only gives something is believed.
 *
 * The timers of a call, and its end, are in call_timer.c.
 */
#include "alg/call.h"

#include "alg/alg_state.h"
#include "alg/call_media.h"
#include "alg/call_timer.h"

#include <stdio.h>

static bool is_ringing(const struct dialog *d)
{
    return d->state == DIALOG_TRYING || d->state == DIALOG_EARLY;
}

struct dialog *call_begin(struct alg *alg, const struct sip_message *m,
                          const struct dialog_key *key)
{
    struct dialog *d = alg_record(alg, m, DIALOG_CALL, key);
    if (!d)
        return NULL;
    d->inside_began = m->packet->outward;
    return d;
}

/* The side that sent the request, or that the response goes to: 1 inside. */
static unsigned side_of(const struct sip_message *m)
{
    return m->msg.is_request == m->packet->outward;
}

/* The tag of the side that did not begin the call. */
static struct slice other_tag(const struct sip_message *m)
{
    return m->from_began ? m->facts.to.tag : m->facts.from.tag;
}

static bool is_granted(const struct sip_message *m)
{
    return !m->msg.is_request && m->msg.status >= 200 && m->msg.status < 300;
}

bool call_takes_media(const struct dialog *d, const struct sip_message *m)
{
    bool invite = m->msg.is_request && m->facts.method == SIP_METHOD_INVITE;
    unsigned side = side_of(m);
    switch (m->facts.method) {
    case SIP_METHOD_INVITE:
    case SIP_METHOD_ACK:
    case SIP_METHOD_PRACK:
    case SIP_METHOD_UPDATE:
        break;
    default:
        return false;
    }
    switch ((enum dialog_state)d->state) {
    case DIALOG_ENDED:
        return invite && side == d->inside_began && m->facts.cseq >= d->invite_seen[side];
    case DIALOG_CANCELLED:
        return !m->msg.is_request;
    case DIALOG_BLOCKED:
        return false;
    default:
        return true;
    }
}

/* A 2xx of a leg that had none yet, and that there is room for. */
static bool is_new_leg(const struct alg *alg, const struct dialog *d, const struct sip_message *m)
{
    const struct dialog_leg *leg = dialog_leg_find(d, alg_tag(alg, other_tag(m)));
    return side_of(m) == d->inside_began && is_granted(m) &&
           (leg ? leg->state == LEG_EARLY : d->n_legs < DIALOG_LEGS);
}

/* Is the answer to a late offer due in this ACK? */
static bool is_late(const struct alg *alg, const struct dialog *d, const struct sip_message *m)
{
    const struct dialog_leg *leg = dialog_leg_find(d, alg_tag(alg, other_tag(m)));
    return leg ? leg->late : d->invite[side_of(m)].late;
}

bool call_repeats(const struct alg *alg, const struct dialog *d, const struct sip_message *m)
{
    unsigned side = side_of(m);
    const struct dialog_txn *txn = &d->invite[side];
    uint32_t cseq = m->facts.cseq;
    switch (m->facts.method) {
    case SIP_METHOD_INVITE:
        if (m->msg.is_request && cseq >= d->invite_seen[side])
            return false;
        return cseq != txn->cseq || !(txn->pending || is_new_leg(alg, d, m));
    case SIP_METHOD_ACK:
        return !is_late(alg, d, m);
    case SIP_METHOD_PRACK:
    case SIP_METHOD_UPDATE:
        txn = &d->other[side];
        if (m->msg.is_request && (!txn->used || cseq > txn->cseq))
            return false;
        return cseq != txn->cseq || !txn->pending;
    default:
        return false;
    }
}

/*
 * Begin
 */

static void call_started(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    dialog_count(&alg->dialogs, d, true);
    d->answered = false;
    d->hard_ms = m->packet->now_ms + CALL_HARD_LIMIT_MS;
    d->ack_ms = 0;
    memset(d->held, 0, sizeof(d->held));
    memset(d->invite, 0, sizeof(d->invite));
    memset(d->other, 0, sizeof(d->other));
    stat_add(&alg->stats.calls_attempted, 1);
    stat_add(&alg->stats.calls_active, 1);
    if (events_on(&alg->events))
        alg_event(alg, "dialog-started", d, m->packet->now_ms, "");
    d->begin_ms = m->packet->now_ms;
    sip_log_call(alg, d, SIP_LOG_START, "", d->begin_ms);
}

static void ring_restart(struct dialog *d, const struct sip_message *m)
{
    uint64_t until =
        m->packet->now_ms + m->packet->profile->provisional_invite_expiry_s * UINT64_C(1000);
    d->expires_ms = until < d->ring_ms ? until : d->ring_ms;
}

/* From outside, and not from an address that belongs to the call. */
static bool is_stranger(const struct dialog *d, const struct sip_message *m)
{
    return !m->packet->outward && !dialog_peer_known(d, &m->packet->outside.ip);
}

/*
 * Requests. Each returns whether the message's description is news.
 */

static void txn_begin(struct dialog *d, struct dialog_txn *txn, const struct sip_message *m,
                      const struct sip_plan *plan)
{
    *txn = (struct dialog_txn){
        .cseq = m->facts.cseq,
        .used = true,
        .inside = m->packet->outward,
        .pending = true,
        .offer = plan->has_sdp,
        .held = {d->held[0], d->held[1]},
    };
}

static void txn_ask(struct alg *alg, struct dialog *d, struct dialog_txn *txn,
                    const struct sip_plan *plan, bool first)
{
    txn->asked = true;
    media_ask(alg, d, plan, first);
}

/* The INVITE that begins the call, or another try. */
static void ring(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    uint32_t expires_s;
    if (d->state == DIALOG_FREE || d->state == DIALOG_ENDED)
        call_started(alg, d, m);
    d->n_legs = 0;
    if (!m->packet->outward)
        dialog_peer_add(d, &m->packet->outside.ip);
    d->ring_ms = UINT64_MAX;
    if (sip_number_parse(sip_header_value(&m->msg, SIP_EXPIRES), UINT32_MAX, &expires_s, NULL) == 0)
        d->ring_ms = m->packet->now_ms + expires_s * UINT64_C(1000) + CALL_WAIT_MS;
    d->state = DIALOG_TRYING;
    ring_restart(d, m);
}

/* May the call have this INVITE now? Who tries again while it rings is who called. */
static bool takes_invite(const struct dialog *d, const struct sip_message *m)
{
    if (call_is_up(d))
        return true;
    return m->packet->outward == d->inside_began &&
           (d->state == DIALOG_FREE || d->state == DIALOG_ENDED || d->state == DIALOG_RETRY ||
            (is_ringing(d) && !is_stranger(d, m)));
}

static bool on_invite(struct alg *alg, struct dialog *d, const struct sip_message *m,
                      const struct sip_plan *plan)
{
    bool outward = m->packet->outward;
    struct dialog_txn *txn = &d->invite[outward];
    if (m->facts.cseq < d->invite_seen[outward]) {
        if (outward && !m->repeat && txn->asked)
            media_ask_again(alg, d, plan);
        return false; /* sent again */
    }
    if (!takes_invite(d, m))
        return false;
    d->invite_seen[outward] = m->facts.cseq + 1;
    if (!call_is_up(d))
        ring(alg, d, m);
    txn_begin(d, txn, m, plan);
    if (!outward)
        d->invited_ms = (uint32_t)m->packet->now_ms;
    if (outward && plan->has_sdp)
        txn_ask(alg, d, txn, plan, !call_is_up(d));
    return true;
}

/* The answer in an ACK: the first completes the exchange, that of another leg adds to it. */
static void late_answer(struct alg *alg, struct dialog *d, const struct sip_message *m,
                        const struct sip_plan *plan)
{
    struct dialog_txn *txn = &d->invite[m->packet->outward];
    bool described = m->packet->outward && plan->has_sdp;
    if (!txn->late) {
        if (described)
            media_ask_again(alg, d, plan);
        return;
    }
    txn->late = false;
    if (described)
        txn_ask(alg, d, txn, plan, false);
    media_heard(alg, d, m->packet->now_ms);
    if (txn->asked)
        media_settle(alg, d);
}

static bool on_ack(struct alg *alg, struct dialog *d, const struct sip_message *m,
                   const struct sip_plan *plan)
{
    struct dialog_txn *txn = &d->invite[m->packet->outward];
    struct dialog_leg *leg = dialog_leg(d, alg_tag(alg, other_tag(m)), false);
    bool news = is_late(alg, d, m);
    if (m->facts.cseq != txn->cseq || !call_is_up(d))
        return false;
    if (news)
        late_answer(alg, d, m, plan);
    if (leg)
        leg->late = false;
    if (d->state == DIALOG_ANSWERED && txn->inside == d->inside_began) {
        d->state = DIALOG_ESTABLISHED;
        d->ack_ms = 0;
        stat_add(&alg->stats.calls_established, 1);
    }
    return news;
}

static bool on_cancel(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    const struct dialog_txn *txn = &d->invite[d->inside_began];
    if (!is_ringing(d) || is_stranger(d, m) || m->facts.cseq != txn->cseq ||
        txn->inside != m->packet->outward)
        return false;
    media_close(alg, d);
    call_wait(d, DIALOG_CANCELLED, m->packet->now_ms + CALL_WAIT_MS);
    return false;
}

/* With several 2xx (forking) BYE ends one of them. */
static bool on_bye(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    uint64_t tag = alg_tag(alg, other_tag(m));
    struct dialog_leg *leg = dialog_leg(d, tag, false);
    unsigned others = 0;
    if (!call_is_up(d) || !dialog_leg_known(d, tag))
        return false;
    for (unsigned i = 0; i < d->n_legs; i++)
        others += &d->legs[i] != leg && d->legs[i].state == LEG_CONFIRMED;
    if (others > 0) {
        if (leg && !is_stranger(d, m))
            leg->state = LEG_ENDED;
        return false;
    }
    d->bye = (struct dialog_txn){
        .cseq = m->facts.cseq,
        .used = true,
        .inside = m->packet->outward,
        .pending = true,
        .doubt = is_stranger(d, m),
    };
    if (d->bye.doubt)
        return false;
    d->before_bye = d->state;
    d->before_bye_ms = d->expires_ms;
    call_wait(d, DIALOG_ENDING, m->packet->now_ms + CALL_WAIT_MS);
    return false;
}

static bool on_offer(struct alg *alg, struct dialog *d, const struct sip_message *m,
                     const struct sip_plan *plan)
{
    struct dialog_txn *txn = &d->other[m->packet->outward];
    if (txn->used && m->facts.cseq <= txn->cseq) {
        if (m->packet->outward && !m->repeat && txn->asked)
            media_ask_again(alg, d, plan);
        return !m->repeat;
    }
    if (txn->pending && txn->offer && !plan->has_sdp)
        return false; /* the answer is awaited; this one has nothing to say about media */
    txn_begin(d, txn, m, plan);
    if (m->packet->outward && plan->has_sdp)
        txn_ask(alg, d, txn, plan, false);
    return true;
}

/*
 * Responses
 */

static bool is_answer_to(const struct dialog_txn *txn, const struct sip_message *m)
{
    return txn->used && txn->cseq == m->facts.cseq && txn->inside != m->packet->outward;
}

/* Session-Expires of a 2xx bounds the call until the next one; what a stranger says bounds nothing.
 */
static void refresh(struct dialog *d, const struct sip_message *m)
{
    struct sip_session_expires se;
    struct slice value = sip_header_value(&m->msg, SIP_SESSION_EXPIRES);
    d->expires_ms = 0;
    if (is_stranger(d, m) || value.n == 0 || sip_session_expires_parse(value, &se, NULL) != 0)
        return;
    if (se.seconds < CALL_SESSION_MIN_S)
        se.seconds = CALL_SESSION_MIN_S;
    d->expires_ms = m->packet->now_ms + se.seconds * UINT64_C(1000);
}

/* The request of the other side that may have crossed this one's. */
static const struct dialog_txn *rival_of(const struct dialog *d, const struct sip_message *m)
{
    unsigned other = !side_of(m);
    return m->facts.method == SIP_METHOD_INVITE ? &d->invite[other] : &d->other[other];
}

/* A 2xx: the offer of its request has its answer, or it carries the offer itself. */
static void exchange(struct alg *alg, struct dialog *d, const struct sip_message *m,
                     const struct sip_plan *plan, struct dialog_txn *txn)
{
    bool invite = m->facts.method == SIP_METHOD_INVITE, first = !d->answered && invite;
    const struct dialog_txn *rival = rival_of(d, m);
    if (m->packet->outward && plan->has_sdp)
        txn_ask(alg, d, txn, plan, first);
    txn->late = invite && !txn->offer && plan->has_sdp;
    if (txn->late)
        return;
    media_heard(alg, d, m->packet->now_ms);
    if (first && m->packet->outward && !plan->has_sdp)
        media_keep(alg, d); /* answered in a 1xx, perhaps in several */
    else if (rival->pending && rival->asked)
        media_keep(alg, d);
    else if (txn->asked)
        media_settle(alg, d);
}

static void refused(struct alg *alg, struct dialog *d, const struct sip_message *m,
                    const struct dialog_txn *txn)
{
    const struct dialog_txn *rival = rival_of(d, m);
    if (txn->asked)
        media_revert(alg, d);
    if (!txn->offer)
        return;
    d->held[txn->inside] = txn->held[txn->inside];
    if (!rival->pending)
        d->held[!txn->inside] = txn->held[!txn->inside];
}

/* May the caller send the INVITE again with what this response told it? */
static bool may_retry(uint16_t status)
{
    static const uint16_t again[] = {401, 407, 413, 415, 416, 420, 421, 422, 423, 484, 491, 494};
    for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++)
        if (again[i] == status)
            return true;
    return status < 400;
}

static void call_refused(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    uint64_t now_ms = m->packet->now_ms, until_ms = now_ms + CALL_GRACE_MS;
    d->status = m->msg.status;
    if (d->state != DIALOG_CANCELLED && may_retry(m->msg.status)) {
        call_wait(d, DIALOG_RETRY, until_ms);
        return;
    }
    call_over(alg, d, d->state == DIALOG_CANCELLED ? "cancelled" : "rejected", now_ms);
    media_close(alg, d);
    call_wait(d, DIALOG_ENDED, until_ms);
}

static bool on_provisional(struct alg *alg, struct dialog *d, const struct sip_message *m,
                           const struct sip_plan *plan)
{
    struct dialog_txn *txn = &d->invite[side_of(m)];
    struct slice tag = other_tag(m);
    if (is_ringing(d)) {
        if (m->msg.status > 100)
            d->state = DIALOG_EARLY;
        if (tag.n)
            dialog_leg(d, alg_tag(alg, tag), true);
        ring_restart(d, m);
    }
    if (m->packet->outward && plan->has_sdp && txn->pending)
        txn_ask(alg, d, txn, plan, !call_is_up(d));
    return txn->pending;
}

/* Another one has answered as well. Returns whether its description is news. */
static bool on_other_leg(struct alg *alg, struct dialog *d, const struct sip_message *m,
                         const struct sip_plan *plan)
{
    if (m->packet->outward && plan->has_sdp)
        media_ask_again(alg, d, plan);
    if (!is_stranger(d, m))
        refresh(d, m);
    return true;
}

static bool on_invite_response(struct alg *alg, struct dialog *d, const struct sip_message *m,
                               const struct sip_plan *plan)
{
    struct dialog_txn *txn = &d->invite[side_of(m)];
    bool setup = is_ringing(d) || d->state == DIALOG_CANCELLED;
    bool new_leg = is_new_leg(alg, d, m);
    if (!is_answer_to(txn, m) || (!setup && !call_is_up(d)))
        return false;
    if (m->msg.status < 200)
        return on_provisional(alg, d, m, plan);
    if (is_granted(m)) {
        struct dialog_leg *leg = dialog_leg_confirm(d, alg_tag(alg, other_tag(m)));
        if (leg && (txn->pending || new_leg))
            leg->late = !txn->offer && plan->has_sdp;
        if (!txn->pending && new_leg)
            return on_other_leg(alg, d, m, plan);
    }
    if (!txn->pending || (m->msg.status >= 300 && is_stranger(d, m)))
        return false; /* sent again */
    txn->pending = false;
    if (m->msg.status >= 300) {
        if (setup)
            call_refused(alg, d, m);
        else
            refused(alg, d, m, txn);
        return false;
    }
    exchange(alg, d, m, plan, txn);
    refresh(d, m);
    if (setup) {
        d->state = DIALOG_ANSWERED;
        d->answered = true;
        d->ack_ms = m->packet->now_ms + CALL_WAIT_MS + CALL_GRACE_MS;
        d->media_ms = m->packet->now_ms;
        if (events_on(&alg->events))
            alg_event(alg, "dialog-answered", d, m->packet->now_ms, "");
    }
    return true;
}

static bool on_bye_response(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    bool granted = is_granted(m);
    if (!d->bye.pending || !is_answer_to(&d->bye, m) || m->msg.status < 200 || is_stranger(d, m) ||
        !(d->state == DIALOG_ENDING || (d->bye.doubt && granted && call_is_up(d))))
        return false;
    d->bye.pending = false;
    if (m->msg.status == 401 || m->msg.status == 407) {
        d->state = d->before_bye;
        d->expires_ms = d->before_bye_ms;
        return false;
    }
    call_over(alg, d, "bye", m->packet->now_ms);
    call_wait(d, DIALOG_ENDED, m->packet->now_ms + CALL_GRACE_MS);
    return false;
}

static bool on_offer_response(struct alg *alg, struct dialog *d, const struct sip_message *m,
                              const struct sip_plan *plan)
{
    struct dialog_txn *txn = &d->other[side_of(m)];
    if (!is_answer_to(txn, m) || !txn->pending || m->msg.status < 200 ||
        (m->msg.status >= 300 && is_stranger(d, m)))
        return false;
    txn->pending = false;
    if (m->msg.status >= 300) {
        refused(alg, d, m, txn);
        return false;
    }
    exchange(alg, d, m, plan, txn);
    if (m->facts.method == SIP_METHOD_UPDATE && call_is_up(d))
        refresh(d, m);
    return true;
}

/* Where the inside party sends what it means for the call, the outside party is. */
static void note_peer(struct dialog *d, const struct sip_message *m)
{
    if (m->packet->outward && (m->msg.is_request || is_granted(m)))
        dialog_peer_add(d, &m->packet->outside.ip);
}

static bool on_message(struct alg *alg, struct dialog *d, const struct sip_message *m,
                       const struct sip_plan *plan)
{
    bool request = m->msg.is_request;
    switch (m->facts.method) {
    case SIP_METHOD_INVITE:
        return request ? on_invite(alg, d, m, plan) : on_invite_response(alg, d, m, plan);
    case SIP_METHOD_ACK:
        return request && on_ack(alg, d, m, plan);
    case SIP_METHOD_CANCEL:
        return request && on_cancel(alg, d, m);
    case SIP_METHOD_BYE:
        return request ? on_bye(alg, d, m) : on_bye_response(alg, d, m);
    case SIP_METHOD_PRACK:
    case SIP_METHOD_UPDATE:
        return request ? on_offer(alg, d, m, plan) : on_offer_response(alg, d, m, plan);
    default:
        return false;
    }
}

void call_message(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    struct dialog *d = m->call;
    const struct alg_packet *packet = m->packet;
    d->last_ms = packet->now_ms;
    d->call_keepalive_s = packet->profile->call_keepalive_s;
    d->max_idle = packet->profile->max_idle_dialogs;
    d->method = (uint8_t)m->facts.method;
    d->cseq = m->facts.cseq;
    if (!m->msg.is_request && d->state != DIALOG_ENDED)
        d->status = m->msg.status;
    note_peer(d, m);
    bool news = on_message(alg, d, m, plan) && plan->has_sdp;
    if (news && !packet->outward)
        media_remote(alg, d, plan);
    if (news && d->held[packet->outward] != plan->held) {
        d->held[packet->outward] = plan->held;
        d->media_ms = packet->now_ms;
    }
    media_rest(alg, d);
    call_settled(alg, d, packet->now_ms);
}
