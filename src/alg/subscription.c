/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A NOTIFY belongs to the record of the SUBSCRIBE with its Call-ID, whose From tag stands in To
 * now.
 *
 * The notifier that answered the SUBSCRIBE may end or shorten the subscription; its tag was
 * remembered. Others, which a forking proxy reached, speak for themselves: they may lengthen the
 * life of the contact that all of them send to, and never end it.
 *
 * Nothing closes at once. The answer to this NOTIFY has to go out, and a copy of it may come in.
 */
#include "alg/subscription.h"

#include "alg/alg_state.h"
#include "alg/registration.h"
#include "alg/sip_scan.h"

static bool says(struct slice value, struct slice state)
{
    size_t n = sip_span(value, SIP_CHAR_TOKEN);
    return slice_ieq(slice_head(value, n), state);
}

/* Seconds left as the header says; UINT32_MAX when it says nothing. */
static uint32_t seconds_left(struct slice value)
{
    struct sip_param param;
    uint32_t seconds = UINT32_MAX;
    struct slice params = slice_skip(value, slice_find(value, ';'));
    if (says(value, SLICE_LIT("terminated")))
        return 0;
    if (sip_param_find(params, SLICE_LIT("expires"), &param) == 1 && param.has_value)
        (void)slice_u32(param.value, UINT32_MAX, &seconds);
    return seconds;
}

/* Does the notifier that answered speak? Before anybody answered it is whoever is first. */
static bool is_the_notifier(const struct dialog *d, uint64_t tag)
{
    return d->n_legs == 0 || d->legs[0].tag == tag;
}

void subscription_notified(struct alg *alg, const struct sip_message *m)
{
    struct dialog_key key =
        alg_key(alg, DIALOG_CONTACT, m->facts.call_id, m->facts.to.tag, m, true);
    struct dialog *d = dialog_find(&alg->dialogs, &key);
    uint32_t left = seconds_left(sip_header_value(&m->msg, SIP_SUBSCRIPTION_STATE));
    if (!d || d->method != SIP_METHOD_SUBSCRIBE || left == UINT32_MAX)
        return;
    bool may_shorten = is_the_notifier(d, alg_tag(alg, m->facts.from.tag));
    for (struct pin *pin = pin_at(&alg->dialogs, d->pins); pin;
         pin = pin_at(&alg->dialogs, pin->next)) {
        uint64_t seconds = left < pin->asked_s ? left : pin->asked_s;
        uint64_t end = m->packet->now_ms + seconds * 1000 + REGISTRATION_WAIT_MS;
        if (end > pin->expires_ms || may_shorten)
            pin->expires_ms = end;
    }
    d->last_ms = m->packet->now_ms;
    registration_timer(alg, d, m->packet->now_ms);
}
