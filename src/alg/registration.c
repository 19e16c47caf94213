/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The request names contacts and commit opens their mappings, since the registrar must be told the
 * public ones; but the response decides. It lists every binding the address of record has now: ours
 * are those whose host and port are the public side of a pin. A contact that was asked for and is
 * not listed is one the registrar wrote its own way: it lives as long as it asked for. Any other
 * that is not listed is gone.
 *
 * The record is found by the address of record in To, so that a phone that reboots with another
 * Call-ID finds its registration again.
 */
#include "alg/registration.h"

#include "alg/alg_state.h"
#include "base/be.h"

#define SIP_PORT 5060

struct dialog *registration_find(const struct alg *alg, const struct sip_message *m,
                                 struct dialog_key *key)
{
    const struct sip_uri *uri = &m->facts.to.uri;
    struct slice user = uri->text, host = SLICE_NONE;
    if (sip_uri_is_sip(uri)) {
        bool own = uri->at.kind == SIP_HOST_IPV4 &&
                   (uri->at.ip == m->packet->inside.ip || uri->at.ip == m->packet->public_side.ip);
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

static void on_register(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    struct dialog *d = m->record;
    touch(d, m);
    d->star = plan->star;
    if (d->state == DIALOG_FREE)
        d->state = DIALOG_REGISTERING;
    for (unsigned i = 0; i < plan->n_maps; i++) {
        const struct sip_map *map = &plan->maps[i];
        struct pin *pin = pin_find(&alg->dialogs, d, MAPPING_SIGNALLING, 0, map->inside);
        if (!pin)
            continue;
        pin->asked_s = map->granted_s;
        pin->cseq = m->facts.cseq;
        at_least(&pin->expires_ms, m->packet->now_ms + REGISTRATION_WAIT_MS);
    }
    contacts_expire(alg, d, m->packet->now_ms);
}

static struct pin *pin_of_public(const struct alg *alg, const struct dialog *d, struct endpoint e)
{
    struct pin *pin = pin_at(&alg->dialogs, d->pins);
    while (pin && !endpoint_eq(pin->public_side[0], e))
        pin = pin_at(&alg->dialogs, pin->next);
    return pin;
}

#define LISTED 0x80 /* in pin.flags while a response is read */

static void grant(struct pin *pin, uint32_t seconds, uint64_t now_ms)
{
    if (seconds > REGISTRATION_MAX_S)
        seconds = REGISTRATION_MAX_S;
    pin->expires_ms = seconds ? now_ms + seconds * UINT64_C(1000) + REGISTRATION_WAIT_MS : 0;
}

/*
 * `strict-register`: the mapping admits the registrar. It may have been opened by a flow to another
 * server, so it is told who granted.
 */
static void admit(struct alg *alg, const struct pin *pin, struct endpoint registrar)
{
    if (!store_live(&alg->mappings->store, pin->h[0]))
        return;
    struct mapping *map = mapping_at(alg->mappings, pin->h[0].index);
    if (map->filter == MAPPING_ADDRESS)
        __atomic_store_n(&map->peer, registrar.ip | (uint64_t)registrar.port << 32,
                         __ATOMIC_RELAXED);
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
            !sip_uri_is_sip(&contact.uri) || contact.uri.at.kind != SIP_HOST_IPV4)
            continue;
        const struct sip_host *h = &contact.uri.at;
        struct endpoint e = {h->ip, be16_of(h->has_port ? h->port_value : SIP_PORT)};
        struct pin *pin = pin_of_public(alg, m->record, e);
        if (!pin)
            continue;
        pin->flags |= LISTED;
        grant(pin,
              contact.has_expires ? contact.expires_s
              : expires_said      ? expires_s
                                  : pin->asked_s,
              m->packet->now_ms);
    }
}

static void on_registered(struct alg *alg, const struct sip_message *m)
{
    struct dialog *d = m->record;
    uint32_t expires_s = 0;
    bool said =
        sip_number_parse(sip_header_value(&m->msg, SIP_EXPIRES), UINT32_MAX, &expires_s, NULL) == 0;
    read_bindings(alg, m, expires_s, said);
    for (struct pin *pin = pin_at(&alg->dialogs, d->pins); pin;
         pin = pin_at(&alg->dialogs, pin->next)) {
        bool listed = pin->flags & LISTED;
        pin->flags &= (uint8_t)~LISTED;
        if (listed)
            continue;
        bool asked = pin->cseq == m->facts.cseq && !d->star;
        grant(pin, !asked ? 0 : said ? expires_s : pin->asked_s, m->packet->now_ms);
    }
    d->state = DIALOG_REGISTERED;
    count(alg, d, true);
    for (struct pin *pin = pin_at(&alg->dialogs, d->pins); pin;
         pin = pin_at(&alg->dialogs, pin->next))
        admit(alg, pin, m->packet->outside);
    contacts_expire(alg, d, m->packet->now_ms);
}

void registration_message(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    struct dialog *d = m->record;
    if (!d)
        return;
    if (m->msg.is_request && m->packet->outward) {
        on_register(alg, m, plan);
    } else if (!m->msg.is_request && !m->packet->outward && m->facts.cseq == d->cseq) {
        d->status = m->msg.status;
        d->last_ms = m->packet->now_ms;
        if (m->msg.status >= 200 && m->msg.status < 300)
            on_registered(alg, m);
    }
}

void contact_message(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    struct dialog *d = m->record;
    touch(d, m);
    d->state = DIALOG_KEPT;
    for (unsigned i = 0; i < plan->n_maps; i++) {
        const struct sip_map *map = &plan->maps[i];
        struct pin *pin = pin_find(&alg->dialogs, d, MAPPING_SIGNALLING, 0, map->inside);
        uint64_t life = map->granted_s * UINT64_C(1000) + REGISTRATION_WAIT_MS;
        if (pin)
            at_least(&pin->expires_ms,
                     m->packet->now_ms + (map->granted_s ? life : CONTACT_LIFE_MS));
    }
    contacts_expire(alg, d, m->packet->now_ms);
}
