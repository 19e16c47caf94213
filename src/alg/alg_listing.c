/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls and registrations as an operator sees them. A row is made from the record alone and from
 * what its mappings have heard; making one changes nothing. As the table may be as good as empty,
 * looking for the next row ends after LOOKS records, to go on when it is asked again.
 */
#include "alg/alg_state.h"
#include "alg/call.h"
#include "alg/call_timer.h"
#include "alg/registration.h"

#include <errno.h>

#define LOOKS 64

static uint32_t seconds_to(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms > now_ms ? (uint32_t)((at_ms - now_ms + 999) / 1000) : 0;
}

/* When the pin's media were last heard: milliseconds ago, UINT32_MAX never. */
static uint32_t medium_age(const struct alg *alg, const struct pin *p, uint64_t now_ms)
{
    uint32_t seen, age;
    if (!store_live(&alg->mappings->store, p->h[0]) ||
        !mapping_last_seen(alg->mappings, p->h[0].index, &seen))
        return UINT32_MAX;
    age = (uint32_t)now_ms - seen; /* the clock of packets wraps */
    return (int32_t)age < 0 ? 0 : age;
}

static void list_medium(const struct alg *alg, const struct pin *p, uint64_t now_ms,
                        struct alg_call *out)
{
    uint32_t age = medium_age(alg, p, now_ms);
    out->idle = out->idle && age >= CALL_QUIET_MS;
    if (out->n_media == ALG_CALL_MEDIA) {
        out->more_media++;
        return;
    }
    unsigned i = out->n_media++;
    out->media[i].inside = p->inside;
    out->media[i].public_side = p->public_side[0];
    out->media[i].remote = p->remote;
    out->media[i].idle_s = age == UINT32_MAX ? UINT32_MAX : age / 1000;
}

static void list_contact(const struct dialog *d, const struct pin *p, uint64_t now_ms,
                         struct alg_call *out)
{
    if (out->n_contacts == ALG_CALL_CONTACTS) {
        out->more_contacts++;
        return;
    }
    unsigned i = out->n_contacts++;
    out->contacts[i].inside = p->inside;
    out->contacts[i].public_side = p->public_side[0];
    out->contacts[i].expire_s =
        d->kind == DIALOG_CALL ? UINT32_MAX : seconds_to(p->expires_ms, now_ms);
}

static void list_pins(const struct alg *alg, const struct dialog *d, uint64_t now_ms,
                      struct alg_call *out)
{
    for (const struct pin *p = pin_at(&alg->dialogs, d->pins); p;
         p = pin_at(&alg->dialogs, p->next)) {
        if (p->kind == MAPPING_RTP)
            list_medium(alg, p, now_ms, out);
        else if (p->kind == MAPPING_SIGNALLING)
            list_contact(d, p, now_ms, out);
    }
}

static void list_timers(const struct alg *alg, const struct dialog *d, uint64_t now_ms,
                        struct alg_call *out)
{
    struct call_limit limits[CALL_LIMITS];
    unsigned n = call_limits(alg, d, limits);
    _Static_assert(CALL_LIMITS <= ALG_CALL_TIMERS, "room for every timer");
    for (unsigned i = 0; i < n; i++) {
        out->timers[i].name = limits[i].name;
        out->timers[i].left_s = seconds_to(limits[i].at_ms, now_ms);
    }
    out->n_timers = (uint8_t)n;
}

/* Was it answered, and the media heard that are known without asking, long enough ago? */
static bool quiet_before(const struct dialog *d, uint64_t now_ms)
{
    uint64_t last = d->media_ms > d->heard_ms ? d->media_ms : d->heard_ms;
    return now_ms >= last + CALL_QUIET_MS;
}

static void list_one(const struct alg *alg, const struct dialog *d, uint64_t now_ms,
                     struct alg_call *out)
{
    uint64_t at;
    *out = (struct alg_call){
        .id = dialog_index(&alg->dialogs, d) | (uint64_t)d->epoch << 32,
        .registration = d->kind != DIALOG_CALL,
        .method = sip_method_name((enum sip_method)d->method),
        .cseq = d->cseq,
        .status = d->status,
        .state = dialog_state_text((enum dialog_state)d->state),
        .idle = d->idle && quiet_before(d, now_ms),
        .reply = d->reply,
        .held = {d->held[0], d->held[1]},
        .age_s = (uint32_t)((now_ms - d->begin_ms) / 1000),
        .src = d->src,
        .dst = d->dst,
        .policy_id = d->policy_id,
        .session = d->session,
        .ends_by = dialog_state_ends_by((enum dialog_state)d->state),
    };
    memcpy(out->call_id, d->call_id, sizeof(out->call_id));
    memcpy(out->from, d->from, sizeof(out->from));
    memcpy(out->to, d->to, sizeof(out->to));
    memcpy(out->profile, d->profile, sizeof(out->profile));
    if (d->kind == DIALOG_CALL) {
        at = call_deadline(alg, d, &out->ends_by);
        list_timers(alg, d, now_ms, out);
    } else {
        at = registration_deadline(alg, d);
    }
    out->expire_s = seconds_to(at, now_ms);
    list_pins(alg, d, now_ms, out);
}

int alg_call_next(const struct alg *alg, uint32_t *cursor, uint64_t now_ms, struct alg_call *out)
{
    for (unsigned looks = 0; *cursor < alg->dialogs.fresh; looks++) {
        if (looks == LOOKS)
            return -EAGAIN;
        const struct dialog *d = dialog_at(&alg->dialogs, (*cursor)++);
        if (d->state == DIALOG_FREE)
            continue;
        list_one(alg, d, now_ms, out);
        return 1;
    }
    return 0;
}

/* The record of this life, or NULL. */
static struct dialog *record_of(struct alg *alg, uint64_t id)
{
    uint32_t index = (uint32_t)id;
    if (index >= alg->dialogs.fresh)
        return NULL;
    struct dialog *d = dialog_at(&alg->dialogs, index);
    return d->state != DIALOG_FREE && d->epoch == id >> 32 ? d : NULL;
}

void alg_take_back(struct alg *alg)
{
    struct dialog *d = record_of(alg, alg->begun);
    if (d && d->kind == DIALOG_CALL)
        call_drop(alg, d, "refused", alg->now_ms);
    else if (d)
        registration_clear(alg, d);
    alg->begun = ALG_NOTHING;
}

int alg_call_clear(struct alg *alg, uint64_t id, uint64_t now_ms)
{
    struct dialog *d = record_of(alg, id);
    if (!d)
        return -ESTALE;
    alg->clearing = true;
    if (d->kind == DIALOG_CALL)
        call_clear(alg, d, now_ms);
    else
        registration_clear(alg, d);
    alg->clearing = false;
    return 0;
}
