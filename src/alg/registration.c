/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The request names contacts and commit opens their mappings, since the registrar must be told the
 * public ones; but the response decides. It lists every binding the address of record has now: ours
 * are those whose host and port are the public side of a pin. A contact that was asked for and is
 * not listed is one the registrar wrote its own way: it lives as long as it asked for. Any other
 * that is not listed is gone.
 *
 * The record is found by the address of record in To, so that a phone that reboots with another
 * Call-ID finds its registration again. That address is no secret and the phone talks to others
 * than its registrar, so a response counts only when it answers a request under way: the same
 * Call-ID, From tag and CSeq, from where the request went. Several may be under way, for several
 * contacts or at several registrars; each contact remembers which request named it last and who
 * granted it, and no other registrar's silence takes it away.
 *
 * A subscription (RFC 6665) is answered for in the same way: until the 2xx says how long it lives
 * its contact waits as a registration does, and a refusal ends it. An Expires of 0, which fetches
 * the state once or ends a subscription, still leaves it open for the NOTIFY that follows.
 */
#include "alg/registration.h"

#include "alg/alg_mapping.h"
#include "alg/alg_state.h"
#include "base/be.h"

#define SIP_PORT 5060

struct dialog *registration_find(const struct alg *alg, const struct sip_message *m,
                                 struct dialog_key *key)
{
    const struct sip_uri *uri = &m->facts.to.uri;
    struct slice user = uri->text, host = SLICE_NONE;
    if (sip_uri_is_sip(uri)) {
        bool own =
            sip_host_is_ip(&uri->at) && (ip_addr_eq(&uri->at.ip, &m->packet->inside.ip) ||
                                         ip_addr_eq(&uri->at.ip, &m->packet->public_side.ip));
        user = uri->user;
        host = own ? SLICE_NONE : uri->at.host;
    }
    *key = alg_key(alg, DIALOG_REGISTER, user, host, m, true);
    return dialog_find(&alg->dialogs, key);
}

struct dialog *contact_find(const struct alg *alg, const struct sip_message *m,
                            struct dialog_key *key)
{
    *key = alg_key(alg, DIALOG_CONTACT, m->facts.call_id, m->facts.from.tag, m, true);
    return dialog_find(&alg->dialogs, key);
}

uint64_t registration_deadline(const struct alg *alg, const struct dialog *d)
{
    uint64_t last = 0;
    for (const struct pin *p = pin_at(&alg->dialogs, d->pins); p;
         p = pin_at(&alg->dialogs, p->next))
        if (p->expires_ms > last)
            last = p->expires_ms;
    return last;
}

static void registration_file(struct alg *alg, struct dialog *d)
{
    uint64_t next = UINT64_MAX;
    for (const struct pin *p = pin_at(&alg->dialogs, d->pins); p;
         p = pin_at(&alg->dialogs, p->next))
        if (p->expires_ms < next)
            next = p->expires_ms;
    alg_file(alg, d, next);
}

static void count(struct alg *alg, struct dialog *d, bool on)
{
    if (d->kind != DIALOG_REGISTER || d->counted == on)
        return;
    dialog_count(&alg->dialogs, d, on);
    stat_add(&alg->stats.registers_active, on ? 1 : -1);
    if (on)
        sip_log_call(alg, d, SIP_LOG_START, "", alg->now_ms);
    else if (alg->clearing)
        sip_log_call(alg, d, SIP_LOG_END, "cleared", alg->now_ms);
    else if (d->last_ms == alg->now_ms)
        sip_log_call(alg, d, SIP_LOG_END, "unregistered", alg->now_ms);
    else
        sip_log_call(alg, d, SIP_LOG_TIMEOUT, "expired", alg->now_ms);
}

void registration_clear(struct alg *alg, struct dialog *d)
{
    count(alg, d, false);
    alg_forget(alg, d);
}

/* Drop the contacts whose time has come; the record goes with the last one. */
static void contacts_expire(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    struct pin *pin = pin_at(&alg->dialogs, d->pins);
    while (pin) {
        uint32_t next = pin->next;
        if (now_ms >= pin->expires_ms)
            alg_unpin(alg, d, pin);
        pin = pin_at(&alg->dialogs, next);
    }
    if (d->n_pins == 0)
        registration_clear(alg, d);
    else
        registration_file(alg, d);
}

void registration_timer(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    contacts_expire(alg, d, now_ms);
}

static void touch(struct dialog *d, const struct sip_message *m)
{
    d->last_ms = m->packet->now_ms;
    d->method = (uint8_t)m->facts.method;
    d->cseq = m->facts.cseq;
}

static void at_least(uint64_t *at, uint64_t ms)
{
    if (*at < ms)
        *at = ms;
}

/*
 * Requests under way
 */

static bool ask_is(const struct alg *alg, const struct dialog_ask *ask, const struct sip_message *m)
{
    return ask->serial != 0 && ask->cseq == m->facts.cseq &&
           ip_addr_eq(&ask->to, &m->packet->outside.ip) &&
           ask->call_id == alg_tag(alg, m->facts.call_id) &&
           ask->tag == alg_tag(alg, m->facts.from.tag);
}

/* Which one to forget: one that is answered, else the oldest. */
static struct dialog_ask *ask_oldest(struct dialog *d)
{
    struct dialog_ask *oldest = &d->asks[0];
    for (int i = 1; i < DIALOG_ASKS; i++) {
        struct dialog_ask *at = &d->asks[i];
        if (at->pending != oldest->pending ? oldest->pending : at->serial < oldest->serial)
            oldest = at;
    }
    return oldest;
}

/* The request in hand is under way. */
static struct dialog_ask *ask_begin(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    for (int i = 0; i < DIALOG_ASKS; i++)
        if (ask_is(alg, &d->asks[i], m)) {
            d->asks[i].pending = true; /* sent again */
            return &d->asks[i];
        }
    struct dialog_ask *ask = ask_oldest(d);
    *ask = (struct dialog_ask){
        .call_id = alg_tag(alg, m->facts.call_id),
        .tag = alg_tag(alg, m->facts.from.tag),
        .cseq = m->facts.cseq,
        .serial = ++d->n_asks,
        .expires_s = UINT32_MAX,
        .to = m->packet->outside.ip,
        .pending = true,
    };
    (void)sip_number_parse(sip_header_value(&m->msg, SIP_EXPIRES), UINT32_MAX, &ask->expires_s,
                           NULL);
    return ask;
}

/* The request that the response in hand answers for good, which is no longer under way; or NULL. */
static struct dialog_ask *ask_end(struct alg *alg, struct dialog *d, const struct sip_message *m)
{
    if (m->msg.is_request || m->packet->outward || m->msg.status < 200)
        return NULL;
    for (int i = 0; i < DIALOG_ASKS; i++)
        if (d->asks[i].pending && ask_is(alg, &d->asks[i], m)) {
            d->asks[i].pending = false;
            d->status = m->msg.status;
            d->last_ms = m->packet->now_ms;
            return &d->asks[i];
        }
    return NULL;
}

/* Does a request under way name this contact? */
static bool pin_waits(const struct dialog *d, const struct pin *pin)
{
    for (int i = 0; i < DIALOG_ASKS; i++)
        if (d->asks[i].pending && d->asks[i].serial == pin->ask)
            return true;
    return false;
}

/* The contacts that the request in hand names. */
static void pins_ask(struct alg *alg, struct dialog *d, const struct sip_message *m,
                     const struct sip_plan *plan, const struct dialog_ask *ask)
{
    for (unsigned i = 0; i < plan->n_maps; i++) {
        const struct sip_map *map = &plan->maps[i];
        struct pin *pin =
            pin_find(&alg->dialogs, d, MAPPING_SIGNALLING, map->proto, 0, map->inside);
        if (!pin)
            continue;
        pin->asked_s = map->granted_s;
        pin->ask = ask->serial;
        at_least(&pin->expires_ms, m->packet->now_ms + REGISTRATION_WAIT_MS);
    }
}

/*
 * Registrations
 */

static void on_register(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    struct dialog *d = m->record;
    touch(d, m);
    if (d->state == DIALOG_FREE)
        d->state = DIALOG_REGISTERING;
    struct dialog_ask *ask = ask_begin(alg, d, m);
    pins_ask(alg, d, m, plan, ask);
    contacts_expire(alg, d, m->packet->now_ms);
}

static struct pin *pin_of_public(const struct alg *alg, const struct dialog *d, struct ip_port e)
{
    struct pin *pin = pin_at(&alg->dialogs, d->pins);
    while (pin && !ip_port_eq(pin->public_side[0], e))
        pin = pin_at(&alg->dialogs, pin->next);
    return pin;
}

#define LISTED 0x80 /* in pin.flags while a response is read */

static void grant(struct pin *pin, uint32_t seconds, const struct sip_message *m)
{
    if (seconds > REGISTRATION_MAX_S)
        seconds = REGISTRATION_MAX_S;
    pin->expires_ms =
        seconds ? m->packet->now_ms + seconds * UINT64_C(1000) + REGISTRATION_WAIT_MS : 0;
    pin->registrar = m->packet->outside.ip;
}

/*
 * Who granted is let in through the contact's mapping, whichever server it was opened for;
 * without `strict-register` everybody is.
 */
static void admit(struct alg *alg, const struct pin *pin, const struct sip_message *m)
{
    if (m->packet->profile->strict_register)
        alg_mapping_admit(alg->mappings, pin->h[0], &m->packet->outside.ip, MAPPING_LASTING);
    else
        mapping_widen(alg->mappings, pin->h[0]);
}

/* What the registrar lists as ours. */
static void read_bindings(struct alg *alg, const struct sip_message *m, uint32_t expires_s,
                          bool expires_said)
{
    struct sip_values it = sip_values_of(&m->msg, SIP_CONTACT);
    struct sip_addr contact;
    struct slice item;
    while (sip_values_next(&it, &item, NULL) > 0) {
        if (sip_addr_parse(item, &contact, NULL) != 0 || contact.star ||
            !sip_uri_is_sip(&contact.uri) || !sip_host_is_ip(&contact.uri.at))
            continue;
        const struct sip_host *h = &contact.uri.at;
        struct ip_port e = {h->ip, be16_of(h->has_port ? h->port_value : SIP_PORT)};
        struct pin *pin = pin_of_public(alg, m->record, e);
        if (!pin)
            continue;
        pin->flags |= LISTED;
        grant(pin,
              contact.has_expires ? contact.expires_s
              : expires_said      ? expires_s
                                  : pin->asked_s,
              m);
    }
}

/* A contact that the registrar does not list. */
static void not_listed(struct pin *pin, const struct sip_message *m, const struct dialog_ask *ask,
                       uint32_t expires_s, bool said)
{
    if (pin->ask == ask->serial)
        grant(pin, said ? expires_s : pin->asked_s, m);
    else if (!pin_waits(m->record, pin) && (ip_addr_is_zero(&pin->registrar) ||
                                            ip_addr_eq(&pin->registrar, &m->packet->outside.ip)))
        pin->expires_ms = 0;
}

static void on_registered(struct alg *alg, const struct sip_message *m,
                          const struct dialog_ask *ask)
{
    struct dialog *d = m->record;
    uint32_t expires_s = 0;
    bool said =
        sip_number_parse(sip_header_value(&m->msg, SIP_EXPIRES), UINT32_MAX, &expires_s, NULL) == 0;
    read_bindings(alg, m, expires_s, said);
    for (struct pin *pin = pin_at(&alg->dialogs, d->pins); pin;
         pin = pin_at(&alg->dialogs, pin->next)) {
        if (!(pin->flags & LISTED))
            not_listed(pin, m, ask, expires_s, said);
        pin->flags &= (uint8_t)~LISTED;
        if (ip_addr_eq(&pin->registrar, &m->packet->outside.ip) && pin->expires_ms)
            admit(alg, pin, m);
    }
    d->state = DIALOG_REGISTERED;
    count(alg, d, true);
    contacts_expire(alg, d, m->packet->now_ms);
}

void registration_message(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    struct dialog *d = m->record;
    if (!d)
        return;
    if (m->msg.is_request && m->packet->outward) {
        on_register(alg, m, plan);
        return;
    }
    struct dialog_ask *ask = ask_end(alg, d, m);
    if (ask && m->msg.status < 300)
        on_registered(alg, m, ask);
}

/*
 * Subscriptions and other contacts
 */

/* May the same be asked again with what this response told? */
static bool may_ask_again(uint16_t status)
{
    return status < 400 || status == 401 || status == 407 || status == 423;
}

static void on_subscribed(struct alg *alg, const struct sip_message *m,
                          const struct dialog_ask *ask)
{
    struct dialog *d = m->record;
    uint32_t expires_s = ask->expires_s;
    bool granted = m->msg.status < 300, gone = m->msg.status == 481;
    (void)sip_number_parse(sip_header_value(&m->msg, SIP_EXPIRES), UINT32_MAX, &expires_s, NULL);
    for (struct pin *pin = pin_at(&alg->dialogs, d->pins); pin;
         pin = pin_at(&alg->dialogs, pin->next)) {
        bool asked = pin->ask == ask->serial;
        if (granted && (asked || expires_s == 0)) {
            grant(pin, expires_s == UINT32_MAX ? pin->asked_s : expires_s, m);
            at_least(&pin->expires_ms, m->packet->now_ms + REGISTRATION_WAIT_MS);
        } else if (gone || (!granted && asked && ip_addr_is_zero(&pin->registrar) &&
                            !may_ask_again(d->status)))
            pin->expires_ms = 0;
    }
    if (granted)
        (void)dialog_leg(d, alg_tag(alg, m->facts.to.tag), true);
    contacts_expire(alg, d, m->packet->now_ms);
}

static void on_contact(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    struct dialog *d = m->record;
    touch(d, m);
    d->state = DIALOG_KEPT;
    if (m->facts.method == SIP_METHOD_SUBSCRIBE) {
        pins_ask(alg, d, m, plan, ask_begin(alg, d, m));
    } else {
        for (unsigned i = 0; i < plan->n_maps; i++) {
            struct pin *pin = pin_find(&alg->dialogs, d, MAPPING_SIGNALLING, plan->maps[i].proto, 0,
                                       plan->maps[i].inside);
            if (pin)
                at_least(&pin->expires_ms, m->packet->now_ms + CONTACT_LIFE_MS);
        }
    }
    contacts_expire(alg, d, m->packet->now_ms);
}

void contact_message(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    if (m->msg.is_request) {
        on_contact(alg, m, plan);
        return;
    }
    struct dialog_ask *ask = ask_end(alg, m->record, m);
    if (ask)
        on_subscribed(alg, m, ask);
}
