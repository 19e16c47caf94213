/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What calls and registrations have in common: their timer, their pins, their end, and how they
 * look in events.
 */
#include "alg/alg_mapping.h"
#include "alg/alg_state.h"
#include "alg/call.h"
#include "alg/call_media.h"
#include "alg/call_outlet.h"
#include "alg/registration.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>

void alg_file(struct alg *alg, struct dialog *d, uint64_t deadline_ms)
{
    uint32_t i = dialog_index(&alg->dialogs, d);
    sip_debug_timer(alg, d, deadline_ms);
    if (deadline_ms == UINT64_MAX)
        wheel_del(&alg->wheel, i);
    else
        wheel_move(&alg->wheel, i, deadline_ms > alg->now_ms ? deadline_ms : alg->now_ms + 1);
}

void alg_claim(struct alg *alg, const struct pin *pin)
{
    for (int i = 0; i < 2; i++)
        alg_mapping_admit(alg->mappings, pin->h[i], &pin->remote.ip, MAPPING_PASSING);
    if (pin->remote_rtcp.port)
        alg_mapping_admit(alg->mappings, pin->h[1], &pin->remote_rtcp.ip, MAPPING_PASSING);
    if (store_live(&alg->mappings->store, pin->h[0]))
        alg_mapping_claim(alg->mappings, alg->thread, pin->h[0].index, &pin->remote);
    if (pin->remote_rtcp.port && store_live(&alg->mappings->store, pin->h[1]))
        alg_mapping_claim(alg->mappings, alg->thread, pin->h[1].index, &pin->remote_rtcp);
    alg_outlets_open(alg, pin);
}

bool alg_pin_stands(const struct alg *alg, const struct pin *pin, const struct sip_message *m)
{
    const struct store *store = &alg->mappings->store;
    bool same = pin->named || ip_addr_eq(&pin->public_side[0].ip, &m->packet->public_side.ip);
    return (!m->nat || same) && store_live(store, pin->h[0]) &&
           (handle_none(pin->h[1]) || store_live(store, pin->h[1]));
}

void alg_unpin(struct alg *alg, struct dialog *d, struct pin *pin)
{
    struct mappings *ms = alg->mappings;
    sip_debug_mapping(alg, d, pin, "closed");
    alg_outlets_close(alg, pin);
    for (int i = 1; i >= 0; i--) {
        /* A flow may have opened it and need it, whatever this record took it for. */
        bool keep = store_live(&ms->store, pin->h[i]) &&
                    mapping_at(ms, pin->h[i].index)->kind == MAPPING_SIGNALLING;
        if (!handle_none(pin->h[i]))
            mapping_release(ms, alg->thread, pin->h[i], keep);
    }
    host_share_count(&alg->pin_hosts, &d->inside.ip, d->inside_zone, -1);
    alg->n_called_pins -= d->from_outside;
    pin_delete(&alg->dialogs, d, pin);
}

void alg_forget(struct alg *alg, struct dialog *d)
{
    while (d->pins != PIN_NONE)
        alg_unpin(alg, d, pin_at(&alg->dialogs, d->pins));
    call_outlets_close(alg, d);
    alg_file(alg, d, UINT64_MAX);
    host_share_count(&alg->hosts, &d->inside.ip, d->inside_zone, -1);
    if (d->from_outside)
        host_share_count(&alg->callers, &d->src.ip, 0, -1);
    alg->n_called -= d->from_outside;
    dialog_delete(&alg->dialogs, d);
}

static void text_copy(char *to, size_t cap, struct slice from)
{
    from = slice_head(from, cap - 1);
    if (from.n)
        memcpy(to, from.p, from.n);
    to[from.n] = '\0';
}

/* What the listing shows: who, when first seen, from the message in hand. */
static void describe(struct dialog *d, const struct sip_message *m)
{
    const struct alg_packet *packet = m->packet;
    d->src = packet->src;
    d->dst = packet->dst;
    d->inside = packet->inside;
    d->inside_zone = packet->inside_zone;
    d->in_ifindex = packet->in_ifindex;
    d->out_ifindex = packet->out_ifindex;
    d->session = packet->session;
    d->proto = packet->proto;
    d->reply = packet->reply;
    d->logs = packet->log && packet->profile->log_call_summary;
    d->begin_ms = packet->now_ms;
    d->method = (uint8_t)m->facts.method;
    d->cseq = m->facts.cseq;
    d->last_ms = packet->now_ms;
    d->call_keepalive_s = packet->profile->call_keepalive_s;
    d->max_idle = packet->profile->max_idle_dialogs;
    text_copy(d->call_id, sizeof(d->call_id), m->facts.call_id);
    text_copy(d->from, sizeof(d->from), m->facts.from.uri.text);
    text_copy(d->to, sizeof(d->to), m->facts.to.uri.text);
    text_copy(d->profile, sizeof(d->profile), slice_str(packet->profile->name));
}

#define BLOCKED_GO 4 /* blocked calls that may go for one message */

static bool has_room(const struct alg *alg, const struct alg_packet *packet, bool outside)
{
    const struct dialogs *ds = &alg->dialogs;
    uint32_t n_free = ds->capacity - ds->n_used;
    if (outside)
        n_free = host_share_outside(n_free, ds->capacity, alg->n_called);
    return host_share_room(&alg->hosts, &packet->inside.ip, packet->inside_zone, n_free) &&
           (!outside || host_share_room(&alg->callers, &packet->src.ip, 0, n_free));
}

struct dialog *alg_record(struct alg *alg, const struct sip_message *m, enum dialog_kind kind,
                          const struct dialog_key *key)
{
    const struct alg_packet *packet = m->packet;
    struct dialogs *ds = &alg->dialogs;
    bool outside = (m->msg.is_request != packet->outward) != packet->outer;
    /* What is only remembered to refuse its messages goes first. */
    for (int i = 0; i < BLOCKED_GO && !has_room(alg, packet, outside); i++)
        if (ds->blocked_head != DIALOG_NONE)
            alg_forget(alg, dialog_at(ds, ds->blocked_head));
    if (!has_room(alg, packet, outside))
        return NULL;
    struct dialog *d = dialog_new(ds, kind, key, packet->policy_id);
    if (!d)
        return NULL;
    describe(d, m);
    host_share_count(&alg->hosts, &packet->inside.ip, packet->inside_zone, 1);
    d->from_outside = outside;
    if (outside)
        host_share_count(&alg->callers, &d->src.ip, 0, 1);
    alg->n_called += outside;
    return d;
}

void alg_event(struct alg *alg, const char *name, const struct dialog *d, uint64_t now_ms,
               const char *more)
{
    char inside[IP_PORT_TEXT_MAX];
    struct text call_id = {0};
    ip_port_print(&d->inside.ip, d->inside.port, inside);
    text_json(&call_id, slice_str(d->call_id));
    event_emit(&alg->events, name, now_ms, "\"call_id\":%s,\"inside\":\"%s\",\"policy\":%u%s",
               call_id.p, inside, d->policy_id, more);
    text_free(&call_id);
}
