/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses in the head of a message.
 *
 * Outward, an address is edited when it is the inside party's own. It becomes the public side of
 * that very endpoint: of the session the message belongs to, of a mapping the endpoint has, or, in
 * a Contact, of a mapping opened for it. From and To name a person, not a place to send to: there a
 * missing port stays missing and no mapping is opened.
 *
 * Inward, an address is restored when it is such a public side: first as the inside host is
 * remembered to have written it (sip_forms.h), else from the session or the mapping. What the
 * inside host itself wrote with its public address goes back as it came.
 *
 * Which headers hold addresses is a table. Via is looked at where an own entry can stand: in
 * requests that leave and in responses that come back. Names, IPv6 and other hosts' addresses pass.
 */
#include "alg/alg_mapping.h"
#include "alg/alg_names.h"
#include "alg/alg_state.h"
#include "alg/sip_plan_far.h"
#include "alg/sip_scan.h"
#include "base/be.h"

enum rule_kind {
    RULE_NONE,
    RULE_STRICT,   /* a malformed value makes the message bad */
    RULE_LENIENT,  /* ... is passed over */
    RULE_LINK,     /* lenient; a URI that is not SIP's has its address translated, going out */
    RULE_WARNING,  /* lenient; code, host and text (RFC 3261 20.43) */
    RULE_CHARGING, /* lenient; the address in icid-generated-at (RFC 7315 5.6) */
};

static const struct rule {
    uint8_t kind, class;
} rules[SIP_HEADER_COUNT] = {
    [SIP_ROUTE] = {RULE_STRICT, SIP_FORM_ROUTE},
    [SIP_RECORD_ROUTE] = {RULE_STRICT, SIP_FORM_ROUTE},
    [SIP_PATH] = {RULE_STRICT, SIP_FORM_ROUTE},
    [SIP_SERVICE_ROUTE] = {RULE_STRICT, SIP_FORM_ROUTE},
    [SIP_REFER_TO] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_REFERRED_BY] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_REPLY_TO] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_DIVERSION] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_HISTORY_INFO] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_REMOTE_PARTY_ID] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_P_ASSERTED_IDENTITY] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_P_PREFERRED_IDENTITY] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_P_ASSOCIATED_URI] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_P_CALLED_PARTY_ID] = {RULE_LENIENT, SIP_FORM_OTHER},
    [SIP_ALERT_INFO] = {RULE_LINK, SIP_FORM_OTHER},
    [SIP_CALL_INFO] = {RULE_LINK, SIP_FORM_OTHER},
    [SIP_ERROR_INFO] = {RULE_LINK, SIP_FORM_OTHER},
    [SIP_GEOLOCATION] = {RULE_LINK, SIP_FORM_OTHER},
    [SIP_P_CHARGING_VECTOR] = {RULE_CHARGING, SIP_FORM_OTHER},
    [SIP_WARNING] = {RULE_WARNING, SIP_FORM_OTHER},
};

static bool is_person(enum sip_form_class class)
{
    return class == SIP_FORM_OWN || class == SIP_FORM_PEER;
}

/* The edits that put `t` where `h` stands. */
static enum alg_reason put(struct planner *p, enum sip_form_class class, const struct sip_host *h,
                           const struct target *t)
{
    bool noted = (p->m->packet->outward || t->far) && class != SIP_FORM_RECEIVED;
    const char *host_end = h->host.p + h->host.n;
    bool apart = h->has_port && h->port.p != host_end + 1 && !t->no_port;
    struct sip_edit edit = {
        .at = (uint32_t)sip_offset(&p->m->msg, h->host),
        .cut = (uint32_t)h->host.n,
        .ep = t->ep,
        .kind = SIP_EDIT_IP,
        .map = t->map,
        .class = (uint8_t) class,
        .noted = noted && !apart,
        .other = t->other,
        .far = t->far ? h->ip.word[3] : 0,
        .form_port = h->has_port ? h->port_value : 0,
    };
    if (!t->keep_port && !apart) {
        edit.kind = t->no_port ? SIP_EDIT_IP : SIP_EDIT_ENDPOINT;
        edit.bare = !h->has_port;
        if (h->has_port)
            edit.cut = (uint32_t)(h->port.p + h->port.n - h->host.p);
    }
    if (!plan_edit(p->plan, &edit))
        return ALG_REASON_SIP_TOO_LARGE;
    if (t->keep_port || !apart)
        return ALG_REASON_NONE;
    edit.kind = SIP_EDIT_PORT;
    edit.at = (uint32_t)sip_offset(&p->m->msg, h->port);
    edit.cut = (uint32_t)h->port.n;
    edit.noted = noted;
    return plan_edit(p->plan, &edit) ? ALG_REASON_NONE : ALG_REASON_SIP_TOO_LARGE;
}

static void note_kept(struct planner *p, enum sip_form_class class, const struct sip_host *h)
{
    struct sip_plan *plan = p->plan;
    if (plan->n_notes < SIP_PLAN_NOTES)
        plan->notes[plan->n_notes++] = (struct sip_note){
            .ep = {h->ip, be16_of(h->has_port ? h->port_value : 0)},
            .class = (uint8_t) class,
        };
}

/* The public side of an inside endpoint that is not the packet's own. */
static bool public_of(const struct planner *p, struct ip_port e, struct ip_port *out)
{
    const struct alg_packet *packet = p->m->packet;
    const struct mappings *ms = p->alg->mappings;
    uint32_t index =
        alg_mapping_find_source(ms, p->proto, packet->inside_zone, e, packet->outside_ifindex);
    if (index == INDEX_NONE)
        return alg_name_outer(packet, p->proto, e, out) != ALG_NAME_NONE;
    *out = alg_mapping_public(ms, index);
    return true;
}

/*
 * Another inside host's (contact-fixup): a phone that is sent for, or handed a call. It is
 * translated where it stands outside already, by a mapping of its own or a VIP; nothing is opened
 * for it. What the host itself wrote for the outside is left alone and remembered.
 */
static bool other_target(struct planner *p, enum sip_form_class class, const struct sip_host *h,
                         struct target *t)
{
    const struct alg_packet *packet = p->m->packet;
    struct ip_port e = host_endpoint(h), inside, outer;
    if (ip_addr_eq(&e.ip, &packet->public_side.ip) ||
        (alg_name_inner(packet, p->proto, e, &inside) &&
         ip_addr_eq(&inside.ip, &packet->inside.ip))) {
        note_kept(p, class, h);
        return false;
    }
    if (!packet->profile->contact_fixup || (class != SIP_FORM_CONTACT && class != SIP_FORM_OTHER) ||
        !public_of(p, e, &outer) || ip_port_eq(e, outer))
        return false;
    *t = target_of(outer);
    t->other = true;
    return true;
}

/* True, and what to put, when the host is the inside party's own. */
static bool outward_target(struct planner *p, enum sip_form_class class, const struct sip_host *h,
                           struct target *t)
{
    const struct alg_packet *packet = p->m->packet;
    struct ip_port e = host_endpoint(h);
    if (!ip_addr_eq(&e.ip, &packet->inside.ip))
        return other_target(p, class, h, t);
    *t = target_of(packet->public_side);
    t->keep_port = is_person(class) && !h->has_port;
    if (t->keep_port || (e.port == packet->inside.port && p->proto == packet->proto))
        return true;
    for (unsigned i = 0; i < p->plan->n_maps; i++) {
        const struct sip_map *map = &p->plan->maps[i];
        if (map->kind == MAPPING_SIGNALLING && map->proto == p->proto &&
            ip_port_eq(map->inside, e)) {
            t->map = (uint8_t)i;
            return true;
        }
    }
    if (!public_of(p, e, &t->ep) && e.port != packet->inside.port)
        t->keep_port = class != SIP_FORM_VIA;
    return true;
}

/* The public form is remembered: how the inside host wrote it. */
static bool remembered(const struct planner *p, enum sip_form_class class, const struct sip_host *h,
                       struct sip_form *form)
{
    struct sip_form_key key = {
        .inside = p->m->packet->inside.ip,
        .ip = h->ip,
        .port = be16_of(h->has_port ? h->port_value : 0),
        .zone = p->m->packet->inside_zone,
        .class = class,
    };
    return p->m->again && !p->m->packet->outward
               ? sip_forms_find_before(&p->alg->forms, &key, p->m->call->invited_ms, form)
               : sip_forms_find(&p->alg->forms, &key, form);
}

/* The inside endpoint behind a public one of this inside host. */
static bool inside_of(const struct planner *p, struct ip_port e, struct ip_port *inside)
{
    const struct alg_packet *packet = p->m->packet;
    const struct mappings *ms = p->alg->mappings;
    if (ip_port_eq(e, packet->public_side) && p->proto == packet->proto) {
        *inside = packet->inside;
        return true;
    }
    uint32_t index = alg_mapping_find_public(ms, p->proto, e);
    if (index == INDEX_NONE) /* it may not say by which of the two */
        index = alg_mapping_find_public(ms, p->proto == 6 ? 17 : 6, e);
    if (index == INDEX_NONE)
        return alg_name_inner(packet, p->proto, e, inside) &&
               ip_addr_eq(&inside->ip, &packet->inside.ip);
    struct ip_port found = alg_mapping_inside(ms, index);
    if (!ip_addr_eq(&found.ip, &packet->inside.ip) ||
        mapping_at(ms, index)->r.key[0].zone != packet->inside_zone)
        return false;
    *inside = found;
    return true;
}

/* Another inside host's, as this one wrote it. */
static bool other_back(const struct planner *p, const struct sip_host *h,
                       const struct sip_form *form, struct target *t)
{
    const struct mappings *ms = p->alg->mappings;
    struct ip_port e = host_endpoint(h), inside;
    uint32_t index = alg_mapping_find_public(ms, 17, e);
    if (index != INDEX_NONE)
        inside = alg_mapping_inside(ms, index);
    else if (!alg_name_inner(p->m->packet, p->proto, e, &inside))
        return false;
    *t = target_of(inside);
    t->no_port = form->port == 0;
    return true;
}

static bool inward_target(const struct planner *p, enum sip_form_class class,
                          const struct sip_host *h, struct target *t)
{
    const struct alg_packet *packet = p->m->packet;
    struct sip_form form;
    if (ip_addr_eq(&h->ip, &packet->outside.ip) && !ip_addr_eq(&h->ip, &packet->public_side.ip))
        return false;
    if (remembered(p, class, h, &form)) {
        if (form.other)
            return other_back(p, h, &form, t);
        *t = target_of((struct ip_port){packet->inside.ip, be16_of(form.port)});
        t->no_port = form.port == 0;
        return !form.kept;
    }
    bool person = is_person(class) && !h->has_port;
    struct ip_port inside;
    if (!person && inside_of(p, host_endpoint(h), &inside)) {
        *t = target_of(inside);
        return true;
    }
    *t = target_of(packet->inside);
    t->keep_port = true;
    return person && ip_addr_eq(&h->ip, &packet->public_side.ip);
}

static enum alg_reason plan_host(struct planner *p, enum sip_form_class class,
                                 const struct sip_host *h, bool *edited)
{
    struct target t;
    *edited = false;
    if (h->kind != SIP_HOST_IPV4)
        return ALG_REASON_NONE;
    if (far_target(p, class, h, &t)) {
        *edited = true;
        return put(p, class, h, &t);
    }
    if (!p->m->nat)
        return ALG_REASON_NONE;
    if (!(p->m->packet->outward ? outward_target(p, class, h, &t) : inward_target(p, class, h, &t)))
        return ALG_REASON_NONE;
    *edited = true;
    return put(p, class, h, &t);
}

/* The address alone, where it is `from`. */
static enum alg_reason plan_ip(struct planner *p, const struct sip_host *h,
                               const struct ip_addr *from, const struct ip_addr *to)
{
    struct target t = target_of((struct ip_port){*to, 0});
    t.keep_port = true;
    if (!p->m->nat || h->kind != SIP_HOST_IPV4 || !ip_addr_eq(&h->ip, from))
        return ALG_REASON_NONE;
    return put(p, SIP_FORM_RECEIVED, h, &t);
}

/*
 * How the host of a URI is reached, by its transport (RFC 3263 4.1): 17, 6, or 0 for what there are
 * no mappings for. A registration by UDP may be for a contact on TCP, and the other way round.
 * Without a transport it is UDP; but an address that a message comes from is meant as it came, and
 * where no contact is meant nobody will be asked to open anything.
 */
uint8_t plan_uri_proto(const struct planner *p, enum sip_form_class class,
                       const struct sip_uri *uri)
{
    const struct alg_packet *packet = p->m->packet;
    const struct ip_port e = host_endpoint(&uri->at);
    bool own = ip_port_eq(e, packet->inside) || ip_port_eq(e, packet->public_side);
    if (uri->scheme == SIP_SCHEME_SIPS || slice_ieq(uri->transport, SLICE_LIT("tcp")) ||
        slice_ieq(uri->transport, SLICE_LIT("tls")))
        return 6;
    if (uri->transport.n && !slice_ieq(uri->transport, SLICE_LIT("udp")))
        return 0;
    return uri->transport.n || (class == SIP_FORM_CONTACT && !own) ? 17 : packet->proto;
}

enum alg_reason plan_uri(struct planner *p, enum sip_form_class class, const struct sip_uri *uri)
{
    const struct alg_packet *packet = p->m->packet;
    bool edited;
    if (!sip_uri_is_sip(uri))
        return ALG_REASON_NONE;
    p->proto = plan_uri_proto(p, class, uri);
    enum alg_reason reason = plan_host(p, class, &uri->at, &edited);
    p->proto = packet->proto;
    if (reason != ALG_REASON_NONE || !uri->has_maddr)
        return reason;
    return packet->outward ? plan_ip(p, &uri->maddr, &packet->inside.ip, &packet->public_side.ip)
           : edited        ? plan_ip(p, &uri->maddr, &packet->public_side.ip, &packet->inside.ip)
                           : ALG_REASON_NONE;
}

/*
 * Pinholes for Via and Record-Route (fortios.md 3.3): where the inside party wants responses, or
 * requests, on a port that it does not send from. The other party alone is let in, and whoever else
 * takes part in the call; without room there is none.
 */
static void place_map(struct planner *p, const struct sip_host *h)
{
    const struct sip_message *m = p->m;
    struct ip_port e = host_endpoint(h);
    const struct dialog *owner = m->call ? m->call : m->record;
    bool fresh;
    if (m->packet->proto != 17 || !plan_may_hold(m) || !ip_addr_eq(&e.ip, &m->packet->inside.ip) ||
        e.port == m->packet->inside.port || be16_host(e.port) < 1024)
        return;
    struct sip_map *map = plan_map(p->plan, MAPPING_SIGNALLING, 17, 0, e, &fresh);
    if (!map || !fresh)
        return;
    map->optional = true;
    const struct pin *pin =
        owner ? pin_find(&p->alg->dialogs, owner, MAPPING_SIGNALLING, 17, 0, e) : NULL;
    if (pin && alg_pin_stands(p->alg, pin, m)) {
        map->held = true;
        map->public_side[0] = pin->public_side[0];
    } else if (m->repeat) {
        p->plan->n_maps--;
    }
}

/* Does the message ask for any? */
static bool wants_places(const struct sip_message *m)
{
    const struct voip_profile *profile = m->packet->profile;
    return m->packet->outward &&
           ((profile->open_via_pinhole && m->msg.is_request) ||
            (profile->open_record_route_pinhole && sip_header_first(&m->msg, SIP_RECORD_ROUTE)));
}

/*
 * All of them, behind those of the contacts and before a line is edited that may name such a port,
 * whatever the order of the lines: sent again, the message becomes the same bytes. Record-Route
 * asks for one where there is a record, or will be one. What is malformed is the business of who
 * edits it.
 */
static enum alg_reason plan_places(struct planner *p)
{
    const struct sip_message *m = p->m;
    const struct voip_profile *profile = m->packet->profile;
    struct sip_values it = sip_values_of(&m->msg, SIP_VIA);
    struct slice item;
    struct sip_via via;
    struct sip_addr addr;
    enum alg_reason reason = plan_contact_maps(p);
    if (reason != ALG_REASON_NONE)
        return reason;
    while (profile->open_via_pinhole && m->msg.is_request && sip_values_next(&it, &item, NULL) > 0)
        if (sip_via_parse(item, &via, NULL) == 0 && sip_host_is_ip(&via.sent_by))
            place_map(p, &via.sent_by);
    it = sip_values_of(&m->msg, SIP_RECORD_ROUTE);
    if (!profile->open_record_route_pinhole ||
        !(m->new_call || m->call || m->record || p->plan->n_maps > 0))
        return ALG_REASON_NONE;
    while (sip_values_next(&it, &item, NULL) > 0)
        if (sip_addr_parse(item, &addr, NULL) == 0 && !addr.star && sip_uri_is_sip(&addr.uri) &&
            sip_host_is_ip(&addr.uri.at))
            place_map(p, &addr.uri.at);
    return ALG_REASON_NONE;
}

/* `received` and `rport`, which say where a request was seen to come from. */
static enum alg_reason plan_seen(struct planner *p, const struct sip_via *via, struct ip_port from,
                                 struct ip_port to, bool received)
{
    enum alg_reason reason = ALG_REASON_NONE;
    if (received)
        reason = plan_ip(p, &via->received, &from.ip, &to.ip);
    if (reason != ALG_REASON_NONE || via->rport != SIP_RPORT_GIVEN ||
        via->rport_value != be16_host(from.port))
        return reason;
    struct sip_edit edit = {
        .at = (uint32_t)sip_offset(&p->m->msg, via->rport_text),
        .cut = (uint32_t)via->rport_text.n,
        .ep = to,
        .kind = SIP_EDIT_PORT,
        .map = SIP_MAP_NONE,
    };
    return plan_edit(p->plan, &edit) ? ALG_REASON_NONE : ALG_REASON_SIP_TOO_LARGE;
}

static enum alg_reason plan_via_value(struct planner *p, struct slice item)
{
    const struct alg_packet *packet = p->m->packet;
    struct ip_port from = packet->outward ? packet->inside : packet->public_side;
    struct ip_port to = packet->outward ? packet->public_side : packet->inside;
    struct sip_via via;
    struct sip_form form;
    bool edited;
    if (sip_via_parse(item, &via, NULL) != 0)
        return ALG_REASON_SIP_MALFORMED;
    enum alg_reason reason = plan_host(p, SIP_FORM_VIA, &via.sent_by, &edited);
    if (reason != ALG_REASON_NONE || !p->m->nat)
        return reason;
    if (edited && via.has_maddr)
        reason = plan_ip(p, &via.maddr, &from.ip, &to.ip);
    bool kept = !packet->outward && via.sent_by.kind == SIP_HOST_IPV4 && !edited &&
                remembered(p, SIP_FORM_VIA, &via.sent_by, &form);
    if (reason != ALG_REASON_NONE || kept)
        return reason;
    bool received = via.has_received && via.received.kind == SIP_HOST_IPV4 &&
                    ip_addr_eq(&via.received.ip, &from.ip);
    bool own = received || (!packet->outward && edited && !via.has_received);
    return own ? plan_seen(p, &via, from, to, received) : ALG_REASON_NONE;
}

/* The other party's topmost Via, where that needs help. */
static enum alg_reason plan_far_via(struct planner *p)
{
    struct sip_values it = sip_values_of(&p->m->msg, SIP_VIA);
    struct sip_via via;
    struct slice item;
    struct target t;
    if (!far_via(p->m))
        return ALG_REASON_NONE;
    if (sip_values_next(&it, &item, NULL) <= 0 || sip_via_parse(item, &via, NULL) != 0)
        return ALG_REASON_SIP_MALFORMED;
    if (via.sent_by.kind != SIP_HOST_IPV4 || !far_target(p, SIP_FORM_VIA, &via.sent_by, &t))
        return ALG_REASON_NONE;
    return put(p, SIP_FORM_VIA, &via.sent_by, &t);
}

static enum alg_reason plan_via(struct planner *p)
{
    struct sip_values it = sip_values_of(&p->m->msg, SIP_VIA);
    struct slice item;
    int r;
    if (p->m->msg.is_request != p->m->packet->outward)
        return plan_far_via(p);
    if (!p->m->nat)
        return ALG_REASON_NONE;
    while ((r = sip_values_next(&it, &item, NULL)) > 0) {
        enum alg_reason reason = plan_via_value(p, item);
        if (reason != ALG_REASON_NONE)
            return reason;
    }
    return r < 0 ? ALG_REASON_SIP_MALFORMED : ALG_REASON_NONE;
}

/* `305 10.0.0.1:5060 "text"` */
static enum alg_reason plan_warning(struct planner *p, enum sip_form_class class, struct slice item)
{
    struct sip_host host;
    bool edited;
    size_t n = 0;
    while (n < item.n && ascii_digit(item.p[n]))
        n++;
    struct slice rest = sip_skip_lws(slice_skip(item, n));
    if (n == 0 || rest.n + n == item.n)
        return ALG_REASON_NONE;
    for (n = 0; n < rest.n && !sip_lws(rest.p[n]); n++)
        ;
    if (sip_host_parse(slice_head(rest, n), false, &host, NULL) != 0)
        return ALG_REASON_NONE;
    return plan_host(p, class, &host, &edited);
}

/* `icid-value="AyretyU0;x";icid-generated-at=10.0.0.1;orig-ioi=example.net` */
static enum alg_reason plan_charging(struct planner *p, struct slice value)
{
    const struct alg_packet *packet = p->m->packet;
    const struct ip_addr *inside = &packet->inside.ip, *outside = &packet->public_side.ip;
    struct sip_param param;
    struct sip_host host;
    bool quoted = false;
    size_t n = 0;
    for (; n < value.n && (quoted || value.p[n] != ';'); n++)
        quoted ^= value.p[n] == '"';
    for (struct slice rest = slice_skip(value, n); sip_param_next(&rest, &param, NULL) > 0;)
        if (slice_ieq(param.name, SLICE_LIT("icid-generated-at")))
            return sip_host_parse(param.value, false, &host, NULL) == 0
                       ? plan_ip(p, &host, packet->outward ? inside : outside,
                                 packet->outward ? outside : inside)
                       : ALG_REASON_NONE;
    return ALG_REASON_NONE;
}

static enum alg_reason plan_link(struct planner *p, struct slice uri)
{
    const struct alg_packet *packet = p->m->packet;
    struct sip_host host;
    if (!packet->outward || !plan_uri_host(uri, &host))
        return ALG_REASON_NONE;
    return plan_ip(p, &host, &packet->inside.ip, &packet->public_side.ip);
}

/* One value of a line. */
static enum alg_reason plan_item(struct planner *p, const struct rule *rule, struct slice item)
{
    struct sip_addr addr;
    if (rule->kind == RULE_WARNING)
        return plan_warning(p, rule->class, item);
    if (rule->kind == RULE_CHARGING)
        return plan_charging(p, item);
    if (sip_addr_parse(item, &addr, NULL) != 0 || addr.star)
        return rule->kind == RULE_STRICT ? ALG_REASON_SIP_MALFORMED : ALG_REASON_NONE;
    if (rule->kind == RULE_LINK && !sip_uri_is_sip(&addr.uri))
        return plan_link(p, addr.uri.text);
    return plan_uri(p, rule->class, &addr.uri);
}

/* All values of one line. */
static enum alg_reason plan_line(struct planner *p, const struct sip_header *h,
                                 const struct rule *rule)
{
    struct slice rest = h->value, item;
    if (!(sip_header_flags(h->id) & SIP_HEADER_COMMA))
        return rest.n ? plan_item(p, rule, rest) : ALG_REASON_NONE;
    for (;;) {
        int r = sip_list_next(&rest, &item, NULL);
        if (r == 0)
            return ALG_REASON_NONE;
        if (r < 0)
            return rule->kind == RULE_STRICT ? ALG_REASON_SIP_MALFORMED : ALG_REASON_NONE;
        enum alg_reason reason = plan_item(p, rule, item);
        if (reason != ALG_REASON_NONE)
            return reason;
    }
}

/* Where a request that comes in was sent: the inside host's own contact, or the public address. */
static enum alg_reason plan_request_uri(struct planner *p)
{
    const struct alg_packet *packet = p->m->packet;
    struct sip_uri uri;
    struct target t;
    if (!p->m->msg.is_request || sip_uri_parse(p->m->msg.uri, &uri, NULL) != 0 ||
        !sip_uri_is_sip(&uri) || uri.at.kind != SIP_HOST_IPV4)
        return ALG_REASON_NONE;
    if (packet->outward && far_target(p, SIP_FORM_CONTACT, &uri.at, &t))
        return put(p, SIP_FORM_CONTACT, &uri.at, &t);
    if (packet->outward || !p->m->nat)
        return ALG_REASON_NONE;
    struct sip_form form;
    if (remembered(p, SIP_FORM_CONTACT, &uri.at, &form) && form.kept)
        return ALG_REASON_NONE;
    if (!inward_target(p, SIP_FORM_CONTACT, &uri.at, &t)) {
        if (!ip_addr_eq(&uri.at.ip, &packet->public_side.ip))
            return ALG_REASON_NONE;
        t = target_of(packet->inside);
        t.keep_port = true;
    }
    return put(p, SIP_FORM_CONTACT, &uri.at, &t);
}

enum alg_reason plan_headers(struct planner *p)
{
    const struct sip_message *m = p->m;
    enum alg_reason reason = plan_request_uri(p);
    if (reason == ALG_REASON_NONE && wants_places(m))
        reason = plan_places(p);
    if (reason == ALG_REASON_NONE)
        reason = plan_contacts(p);
    if (reason == ALG_REASON_NONE)
        reason = plan_via(p);
    if (reason == ALG_REASON_NONE && !sip_header_first(&m->msg, SIP_IDENTITY)) {
        bool own_first = m->msg.is_request == m->packet->outward;
        reason = plan_uri(p, own_first ? SIP_FORM_OWN : SIP_FORM_PEER, &m->facts.from.uri);
        if (reason == ALG_REASON_NONE)
            reason = plan_uri(p, own_first ? SIP_FORM_PEER : SIP_FORM_OWN, &m->facts.to.uri);
    }
    for (unsigned i = 0; m->nat && i < m->msg.n_headers && reason == ALG_REASON_NONE; i++) {
        const struct sip_header *h = &m->msg.headers[i];
        const struct rule *rule = &rules[h->id];
        if (rule->kind != RULE_NONE)
            reason = plan_line(p, h, rule);
    }
    return reason;
}
