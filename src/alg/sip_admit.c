/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * With `strict-register` a phone's mapping admits whom it was opened for, its registrars, and
 * whoever a session of it talks to. A call needs more. Its BYE may come from a server that the
 * phone called long ago, when the session has idled out; and where no proxy stays in the path (RFC
 * 3261 12.2.1.1) ACK and BYE come from where the other party's Contact says. So the other party's
 * addresses are admitted: the one it sends from and, with `open-contact-pinhole`, the addresses in
 * its Contact and of the proxy nearest to us. That is the first Record-Route of a request and the
 * last of a response, for each proxy puts itself on top.
 *
 * A request that comes in names places freely, and the phone's server passes on what anybody sent.
 * They count when the phone has answered it with more than a 100 and less than a 300.
 *
 * To the same places the inside party may say what belongs to the call (call_outlet.h).
 */
#include "alg/sip_admit.h"

#include "alg/alg_mapping.h"
#include "alg/alg_state.h"
#include "alg/call_outlet.h"
#include "alg/sip_plan_target.h"

static struct ip_port address_place(struct slice item)
{
    struct sip_addr addr;
    if (sip_addr_parse(item, &addr, NULL) != 0 || addr.star || !sip_uri_is_sip(&addr.uri) ||
        !sip_host_is_ip(&addr.uri.at))
        return (struct ip_port){0};
    return uri_place(&addr.uri);
}

static void target_set(struct dialog *d, int which, struct ip_port place)
{
    if (ip_port_eq(d->targets[which], place))
        return;
    d->targets[which] = place;
    d->outlets_stand = false;
}

static void targets_note(struct dialog *d, const struct sip_message *m,
                         const struct ip_port *contact)
{
    struct ip_port route = d->targets[1];
    struct sip_values routes = sip_values_of(&m->msg, SIP_RECORD_ROUTE);
    struct slice item;
    if (sip_header_first(&m->msg, SIP_CONTACT))
        target_set(d, 0, *contact);
    while (sip_values_next(&routes, &item, NULL) > 0) {
        route = address_place(item);
        if (m->msg.is_request)
            break;
    }
    target_set(d, 1, route);
}

/* `own`: the mapping of the phone itself, or INDEX_NONE. */
static void admit(struct alg *alg, const struct dialog *d, uint32_t own, const struct ip_addr *ip)
{
    struct mappings *ms = alg->mappings;
    if (own != INDEX_NONE)
        alg_mapping_admit(ms, store_handle(&ms->store, own), ip, MAPPING_PASSING);
    for (const struct pin *pin = pin_at(&alg->dialogs, d->pins); pin;
         pin = pin_at(&alg->dialogs, pin->next))
        if (pin->kind == MAPPING_SIGNALLING)
            alg_mapping_admit(ms, pin->h[0], ip, MAPPING_PASSING);
}

void sip_admit(struct alg *alg, const struct sip_message *m, struct dialog *d)
{
    const struct alg_packet *packet = m->packet;
    bool good = m->msg.status > 100 && m->msg.status < 300;
    if (!m->msg.is_request && !good)
        return;
    if (!packet->outward && packet->profile->open_contact_pinhole)
        targets_note(d, m, &alg->plan.contact);
    if (m->msg.is_request && !packet->outward)
        return;
    uint32_t own = alg_mapping_find_source(alg->mappings, packet->proto, packet->inside_zone,
                                           packet->inside, packet->outside_ifindex);
    admit(alg, d, own, &packet->outside.ip);
    if (packet->profile->open_contact_pinhole)
        for (int i = 0; i < 2; i++)
            if (!ip_addr_is_zero(&d->targets[i].ip))
                admit(alg, d, own, &d->targets[i].ip);
    if (d->kind == DIALOG_CALL)
        call_outlets_open(alg, d, packet);
}
