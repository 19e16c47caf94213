/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pin is CURRENT when a finished exchange agreed on it, PENDING when the inside party's latest
 * description names it (or nothing else was said since). Commit makes pins with neither; media_ask
 * marks, settle and revert clean up. Before the first exchange is complete nothing is CURRENT; an
 * exchange that begins in that time (UPDATE, PRACK) builds on what the first one asked for.
 */
#include "alg/call_media.h"

#include "alg/alg_state.h"
#include "alg/sip_plan_far.h"

bool media_answers(const struct dialog *d, const struct sip_message *m)
{
    unsigned side = m->msg.is_request == m->packet->outward;
    bool invite = m->facts.method == SIP_METHOD_INVITE;
    const struct dialog_txn *txn = invite ? &d->invite[side] : &d->other[side];
    if (m->msg.is_request)
        return m->facts.method == SIP_METHOD_ACK;
    return txn->used && txn->offer && txn->cseq == m->facts.cseq;
}

static struct pin *next_media(const struct alg *alg, uint32_t from)
{
    struct pin *pin = pin_at(&alg->dialogs, from);
    while (pin && pin->kind != MAPPING_RTP)
        pin = pin_at(&alg->dialogs, pin->next);
    return pin;
}

struct pin *media_pin(const struct alg *alg, const struct dialog *d, const struct sip_map *map)
{
    struct pin *found = NULL;
    for (struct pin *pin = next_media(alg, d->pins); pin; pin = next_media(alg, pin->next)) {
        if (pin->proto != map->proto || pin->stream != map->stream ||
            !ip_port_eq(pin->inside, map->inside))
            continue;
        if (!map->rtcp_own || ip_port_eq(pin->rtcp, map->rtcp))
            return pin;
        if (!found)
            found = pin;
    }
    return found;
}

/*
 * Both sides take RTCP by RTP's port, and the exchange that says so is complete: the mapping of
 * RTCP goes. What was written about it stays known, so that the same message gets the same bytes.
 */
static void media_unmux(struct alg *alg, struct pin *pin)
{
    const uint8_t agreed = PIN_CURRENT | PIN_MUX_IN | PIN_MUX_OUT;
    if ((pin->flags & agreed) != agreed || handle_none(pin->h[1]))
        return;
    alg_outlets_close(alg, pin);
    mapping_release(alg->mappings, alg->thread, pin->h[1], false);
    pin->h[1] = HANDLE_NONE;
    pin->flags |= PIN_MUXED;
    alg_outlets_open(alg, pin);
}

void media_rest(struct alg *alg, struct dialog *d)
{
    if (dialog_busy(d) || d->invite[0].late || d->invite[1].late)
        return;
    for (struct pin *pin = next_media(alg, d->pins); pin; pin = next_media(alg, pin->next))
        media_unmux(alg, pin);
}

/*
 * Close the media pins that lack `flags`; the others are what both sides agreed on. Where two of
 * them had one RTP port, the one that goes takes the way out of the other along.
 */
static void media_sweep(struct alg *alg, struct dialog *d, uint8_t flags)
{
    struct pin *pin = next_media(alg, d->pins);
    bool closed = false;
    while (pin) {
        uint32_t next = pin->next;
        if ((pin->flags & flags) == flags) {
            pin->flags |= PIN_CURRENT | PIN_PENDING;
        } else {
            alg_unpin(alg, d, pin);
            closed = true;
        }
        pin = next_media(alg, next);
    }
    for (pin = next_media(alg, d->pins); closed && pin; pin = next_media(alg, pin->next))
        alg_outlets_open(alg, pin);
}

/* An exchange is complete: what the other party said of rtcp-mux, in its offer too, holds. */
static void media_mux_out(struct alg *alg, struct dialog *d)
{
    for (struct pin *pin = next_media(alg, d->pins); pin; pin = next_media(alg, pin->next)) {
        bool mux = pin->stream < DIALOG_REMOTES && d->remotes[pin->stream].mux;
        pin->flags = (uint8_t)((pin->flags & ~PIN_MUX_OUT) | (mux ? PIN_MUX_OUT : 0));
    }
}

void media_ask_again(struct alg *alg, struct dialog *d, const struct sip_plan *plan)
{
    for (unsigned i = 0; i < plan->n_maps; i++) {
        const struct sip_map *map = &plan->maps[i];
        if (map->kind != MAPPING_RTP)
            continue;
        struct pin *pin = media_pin(alg, d, map);
        if (!pin)
            continue;
        pin->flags |= PIN_PENDING;
        pin->flags = (uint8_t)((pin->flags & ~PIN_MUX_IN) | (map->mux ? PIN_MUX_IN : 0));
    }
}

void media_ask(struct alg *alg, struct dialog *d, const struct sip_plan *plan, bool first)
{
    for (struct pin *pin = next_media(alg, d->pins); pin; pin = next_media(alg, pin->next)) {
        if (!first && pin->flags & PIN_PENDING)
            pin->flags |= PIN_CURRENT;
        pin->flags &= (uint8_t)~PIN_PENDING;
    }
    media_ask_again(alg, d, plan);
}

void media_settle(struct alg *alg, struct dialog *d)
{
    media_mux_out(alg, d);
    media_sweep(alg, d, PIN_PENDING);
}

void media_keep(struct alg *alg, struct dialog *d)
{
    media_mux_out(alg, d);
    media_sweep(alg, d, 0);
}

void media_revert(struct alg *alg, struct dialog *d)
{
    media_sweep(alg, d, PIN_CURRENT);
}

/*
 * With hosted NAT traversal: the other side listens elsewhere now, and whoever sends next is it. A
 * stranger who knows the tags does not take the media of the one who is heard.
 */
static void media_unlatch(struct alg *alg, const struct dialog *d, const struct pin *pin)
{
    struct ip_port peer;
    if (!far_latch(&alg->message, &peer) || !dialog_peer_known(d, &alg->message.packet->outside.ip))
        return;
    for (int i = 0; i < 2; i++)
        mapping_unlatch(alg->mappings, pin->h[i], ip_port_v4(peer).ip);
}

/* What the other party says of the pin's stream. */
static void media_aim(struct alg *alg, const struct dialog *d, struct pin *pin,
                      const struct sip_stream *s)
{
    if (!ip_port_eq(pin->remote, s->remote) || !ip_port_eq(pin->remote_rtcp, s->rtcp)) {
        alg_outlets_close(alg, pin);
        pin->remote = s->remote;
        pin->remote_rtcp = s->rtcp;
        media_unlatch(alg, d, pin);
        alg_claim(alg, pin);
    }
    if (alg->message.answers) /* else nobody has agreed to it yet */
        pin->flags = (uint8_t)((pin->flags & ~PIN_MUX_OUT) | (s->mux ? PIN_MUX_OUT : 0));
}

/*
 * A final answer refuses streams with port 0 (RFC 3264 6): what the offer opened for them closes.
 * Not while another leg of the call may have taken them, or another exchange is under way.
 */
static void media_refuse(struct alg *alg, struct dialog *d, uint32_t refused)
{
    const struct sip_message *m = &alg->message;
    struct pin *pin = next_media(alg, d->pins);
    if (refused == 0 || !m->answers || d->n_legs > 1 || dialog_busy(d) ||
        !(m->msg.is_request || m->msg.status >= 200))
        return;
    while (pin) {
        uint32_t next = pin->next;
        if (pin->stream < SDP_MEDIA_MAX && refused >> pin->stream & 1)
            alg_unpin(alg, d, pin);
        pin = next_media(alg, next);
    }
}

void media_remote(struct alg *alg, struct dialog *d, const struct sip_plan *plan)
{
    for (unsigned i = 0; i < plan->n_streams; i++) {
        const struct sip_stream *s = &plan->streams[i];
        if (ip_addr_is_zero(&s->remote.ip))
            continue;
        if (s->stream < DIALOG_REMOTES)
            d->remotes[s->stream] = (struct dialog_remote){s->remote, s->rtcp, s->mux};
        struct pin *pin = next_media(alg, d->pins);
        for (; pin; pin = next_media(alg, pin->next))
            if (pin->stream == s->stream)
                media_aim(alg, d, pin, s);
    }
    media_refuse(alg, d, plan->refused);
}

void media_close(struct alg *alg, struct dialog *d)
{
    struct pin *pin = next_media(alg, d->pins);
    while (pin) {
        uint32_t next = pin->next;
        alg_unpin(alg, d, pin);
        pin = next_media(alg, next);
    }
}

bool media_has(const struct alg *alg, const struct dialog *d)
{
    return next_media(alg, d->pins) != NULL;
}

uint64_t media_heard(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    for (struct pin *pin = next_media(alg, d->pins); pin; pin = next_media(alg, pin->next)) {
        uint32_t seen;
        if (!store_live(&alg->mappings->store, pin->h[0])) {
            if (!(pin->flags & PIN_LOST))
                d->heard_ms = now_ms;
            pin->flags |= PIN_LOST;
            continue;
        }
        if (!mapping_last_seen(alg->mappings, pin->h[0].index, &seen))
            continue;
        uint32_t age = (uint32_t)now_ms - seen; /* the clock of packets wraps */
        if ((int32_t)age < 0)
            age = 0;
        if (age <= now_ms && now_ms - age > d->heard_ms)
            d->heard_ms = now_ms - age;
    }
    return d->media_ms > d->heard_ms ? d->media_ms : d->heard_ms;
}
