/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Contacts: the mappings they ask for, who may open which, and what stands in them afterwards.
 */
#include "alg/alg_mapping.h"
#include "alg/alg_names.h"
#include "alg/alg_state.h"
#include "alg/registration.h"
#include "alg/sip_plan_target.h"
#include "base/be.h"

#define REGISTER_LIFE_S 3600

/* How long a contact of a REGISTER asks to live. */
static uint32_t contact_life(const struct sip_message *m, const struct sip_addr *contact)
{
    uint32_t life = REGISTER_LIFE_S;
    if (contact->has_expires)
        life = contact->expires_s;
    else
        (void)sip_number_parse(sip_header_value(&m->msg, SIP_EXPIRES), UINT32_MAX, &life, NULL);
    return life < REGISTRATION_MAX_S ? life : REGISTRATION_MAX_S;
}

/*
 * May this contact open a mapping, and how long does it ask for? One on a port that signalling does
 * not use is opened for the other party alone, whatever the profile says: any program behind the
 * firewall, even a page in a browser, can be brought to send such a request. Only a registration
 * opens it to more.
 */
static bool contact_opens(const struct planner *p, const struct sip_addr *contact,
                          uint32_t *granted_s)
{
    const struct sip_message *m = p->m;
    const struct voip_profile *profile = m->packet->profile;
    bool own_port = host_endpoint(&contact->uri.at).port != m->packet->inside.port;
    *granted_s = 0;
    switch (m->facts.method) {
    case SIP_METHOD_REGISTER:
        *granted_s = contact_life(m, contact);
        return m->msg.is_request && *granted_s > 0 && profile->open_register_pinhole;
    case SIP_METHOD_INVITE:
    case SIP_METHOD_UPDATE:
        return m->media && profile->open_contact_pinhole;
    case SIP_METHOD_SUBSCRIBE: /* a NOTIFY follows even when it asks for no time (RFC 6665 4.4.3) */
        *granted_s = contact_life(m, contact);
        return m->msg.is_request && profile->open_contact_pinhole;
    default:
        return m->msg.is_request && own_port && !m->call && plan_may_hold(m) &&
               profile->open_contact_pinhole;
    }
}

static enum alg_reason contact_map(struct planner *p, const struct sip_addr *contact)
{
    const struct sip_message *m = p->m;
    struct ip_port e = host_endpoint(&contact->uri.at);
    uint32_t granted_s;
    bool fresh;
    struct ip_port inside, outer;
    uint8_t proto = plan_uri_proto(p, SIP_FORM_CONTACT, &contact->uri);
    if (ip_port_eq(e, m->packet->public_side))
        e = m->packet->inside; /* it wrote its public address itself */
    else if (alg_name_inner(m->packet, proto, e, &inside))
        e = inside; /* ... that of a VIP */
    /* Where a VIP or nothing stands for the endpoint, filters and policies say who comes in. */
    if ((m->packet->by_vip && ip_port_eq(e, m->packet->inside) &&
         (proto == m->packet->proto ||
          alg_name_outer(m->packet, proto, e, &outer) != ALG_NAME_NONE)) ||
        (!ip_port_eq(e, m->packet->inside) &&
         alg_name_outer(m->packet, proto, e, &outer) == ALG_NAME_PORT))
        return ALG_REASON_NONE;
    if (!ip_addr_eq(&e.ip, &m->packet->inside.ip) || proto == 0 || be16_host(e.port) < 1024 ||
        !contact_opens(p, contact, &granted_s))
        return ALG_REASON_NONE;
    struct sip_map *map = plan_map(p->plan, MAPPING_SIGNALLING, proto, 0, e, &fresh);
    if (!map)
        return ALG_REASON_SIP_MEDIA_LIMIT;
    if (granted_s > map->granted_s)
        map->granted_s = granted_s;
    if (!fresh)
        return ALG_REASON_NONE;
    map->optional = ip_port_eq(e, m->packet->inside) && proto == m->packet->proto;
    map->anyone = (map->optional || m->facts.method == SIP_METHOD_REGISTER) &&
                  !m->packet->profile->strict_register;
    const struct dialog *owner = m->call ? m->call : m->record;
    const struct pin *pin =
        owner ? pin_find(&p->alg->dialogs, owner, MAPPING_SIGNALLING, proto, 0, e) : NULL;
    if (pin && alg_pin_stands(p->alg, pin, m)) {
        map->held = true;
        map->public_side[0] = pin->public_side[0];
    }
    return ALG_REASON_NONE;
}

/*
 * A call holds the mapping that its signalling goes by, whatever its Contact says: BYE or a session
 * refresh of the other party may come when the UDP session has idled out. Nothing is opened for it.
 */
static void call_holds(struct planner *p)
{
    const struct sip_message *m = p->m;
    const struct alg_packet *packet = m->packet;
    bool fresh;
    if (!packet->outward || packet->proto != 17 || packet->by_vip || !m->media || m->repeat ||
        (m->facts.method != SIP_METHOD_INVITE && m->facts.method != SIP_METHOD_UPDATE))
        return;
    uint32_t own = alg_mapping_find_source(p->alg->mappings, 17, packet->inside_zone,
                                           packet->inside, packet->outside_ifindex);
    if (own == INDEX_NONE || mapping_at(p->alg->mappings, own)->kind != MAPPING_SIGNALLING ||
        !ip_port_eq(alg_mapping_public(p->alg->mappings, own), packet->public_side))
        return;
    struct sip_map *map = plan_map(p->plan, MAPPING_SIGNALLING, 17, 0, packet->inside, &fresh);
    if (!map || !fresh)
        return;
    map->optional = true;
    const struct pin *pin =
        m->call ? pin_find(&p->alg->dialogs, m->call, MAPPING_SIGNALLING, 17, 0, packet->inside)
                : NULL;
    if (pin && alg_pin_stands(p->alg, pin, m)) {
        map->held = true;
        map->public_side[0] = pin->public_side[0];
    }
}

/* Without contact-fixup a proxy that stays in the path makes an outside Contact unimportant. */
static bool leaves_contact(const struct sip_message *m)
{
    return !m->packet->profile->contact_fixup && !m->packet->outward && m->packet->from_external &&
           sip_header_first(&m->msg, SIP_RECORD_ROUTE);
}

static bool traces_contact(const struct sip_message *m)
{
    return m->packet->profile->register_contact_trace && m->nat &&
           m->facts.method == SIP_METHOD_REGISTER && m->msg.is_request == m->packet->outward;
}

/* The parameter that was added, from its ';' on: that of the Contact, not what a name or a value
 * says. Empty when there is none. */
static struct slice contact_trace(const struct sip_addr *contact)
{
    struct slice rest = contact->params;
    const char *begin = rest.p;
    struct sip_param param;
    while (sip_param_next(&rest, &param, NULL) > 0) {
        if (slice_eq(param.name, SLICE_LIT("o")) && param.value.n && param.value.p[0] == '"')
            return slice_between(begin, param.value.p + param.value.n);
        begin = rest.p;
    }
    return SLICE_NONE;
}

/*
 * register-contact-trace: a parameter of the Contact tells the registrar the original address. What
 * comes back with a binding is taken out again. Where there is no room it is left out.
 */
static enum alg_reason plan_contact_trace(struct planner *p, const struct sip_addr *contact)
{
    struct sip_edit edit = {
        .at = (uint32_t)(sip_offset(&p->m->msg, contact->text) + contact->text.n)};
    char text[sizeof(";o=\"\"") + IP_PORT_TEXT_MAX];
    size_t n = 0;
    if (p->m->packet->outward) {
        static const struct slice begin = SLICE_LIT(";o=\"");
        struct ip_port e = host_endpoint(&contact->uri.at);
        if (contact->uri.at.kind != SIP_HOST_IPV4 || !ip_addr_eq(&e.ip, &p->m->packet->inside.ip))
            return ALG_REASON_NONE;
        memcpy(text, begin.p, begin.n);
        n = begin.n + ip_port_print(&e.ip, e.port, text + begin.n);
        text[n++] = '"';
    } else {
        struct slice trace = contact_trace(contact);
        if (trace.n == 0)
            return ALG_REASON_NONE;
        edit.at = (uint32_t)sip_offset(&p->m->msg, trace);
        edit.cut = (uint32_t)trace.n;
    }
    if (!plan_text(p->plan, &edit, slice_of(text, n)))
        return ALG_REASON_NONE;
    return plan_edit(p->plan, &edit) ? ALG_REASON_NONE : ALG_REASON_SIP_TOO_LARGE;
}

/* May the contact have a mapping, as far as its form tells? */
static bool is_place(const struct sip_addr *contact)
{
    return !contact->star && sip_uri_is_sip(&contact->uri) && sip_host_is_ip(&contact->uri.at);
}

enum alg_reason plan_contact_maps(struct planner *p)
{
    struct sip_values it = sip_values_of(&p->m->msg, SIP_CONTACT);
    struct sip_addr contact;
    struct slice item;
    enum alg_reason reason = ALG_REASON_NONE;
    while (reason == ALG_REASON_NONE && sip_values_next(&it, &item, NULL) > 0)
        if (sip_addr_parse(item, &contact, NULL) == 0 && is_place(&contact))
            reason = contact_map(p, &contact);
    return reason;
}

/* First the mappings of all contacts, so that a Via of the same port finds them. */
enum alg_reason plan_contacts(struct planner *p)
{
    const struct sip_message *m = p->m;
    struct sip_values it = sip_values_of(&m->msg, SIP_CONTACT);
    struct sip_addr contact;
    struct slice item;
    int r;
    for (bool first = true; (r = sip_values_next(&it, &item, NULL)) > 0; first = false) {
        enum alg_reason reason = ALG_REASON_NONE;
        if (sip_addr_parse(item, &contact, NULL) != 0) {
            if (m->nat)
                return ALG_REASON_SIP_MALFORMED;
            continue; /* nothing is edited, and nothing opened for it */
        }
        bool place = is_place(&contact);
        if (first && place)
            p->plan->contact = uri_place(&contact.uri);
        if (place && m->packet->outward)
            reason = contact_map(p, &contact);
        if (reason == ALG_REASON_NONE && !contact.star && !leaves_contact(m))
            reason = plan_uri(p, SIP_FORM_CONTACT, &contact.uri);
        if (reason == ALG_REASON_NONE && !contact.star && traces_contact(m))
            reason = plan_contact_trace(p, &contact);
        if (reason != ALG_REASON_NONE)
            return reason;
    }
    call_holds(p);
    return r < 0 && m->nat ? ALG_REASON_SIP_MALFORMED : ALG_REASON_NONE;
}
