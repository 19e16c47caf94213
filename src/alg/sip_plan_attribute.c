/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attributes that hold addresses. Outward, what is the inside party's own becomes its public side,
 * the same that c=, m= and a=rtcp show: a=candidate with raddr and rport, a=path, a=alt,
 * a=source-filter, and a=rtcp in the session's part. A candidate of a port that nothing else in the
 * description names gets a mapping, for the other side will try it; one that this firewall showed
 * to a STUN server (its address is the public one already, its base a known port) is given the port
 * that the mapping has, since the one STUN saw leads to that server alone. Candidates of a media
 * gateway and passive ones of TCP are translated where they are what c= and m= of a stream say.
 *
 * Inward, a=remote-candidates names the inside party's candidates as the other side knows them:
 * they become what they were. The rest is the other side's own.
 *
 * An address in a=ssrc (cname:user@host) stays: the media say the same name, and it must agree.
 */
#include "alg/sip_plan_sdp.h"

#define CANDIDATE_TCP_ACTIVE 9 /* RFC 6544 4.5: the port of a candidate that only connects */
#define CANDIDATE_MAPS       8 /* of one stream */
#define PORT_MIN             1024

/* A public endpoint: one side of a map, or known already. */
struct place {
    uint8_t map, side;
    struct ip_port ep;
};

/* What stands for an endpoint of a stream; false when the description opens nothing there. */
static bool place_planned(const struct sdp_planner *s, uint8_t proto, struct ip_port e,
                          struct place *out)
{
    const struct sip_plan *plan = s->p->plan;
    for (unsigned i = 0; i < plan->n_maps; i++) {
        const struct sip_map *at = &plan->maps[i];
        if (at->kind != MAPPING_RTP || at->proto != proto)
            continue;
        *out = (struct place){.map = (uint8_t)i, .side = !ip_port_eq(at->inside, e)};
        if (out->side == 0 || (at->rtcp_own && ip_port_eq(at->rtcp, e)))
            return true;
    }
    return false;
}

/*
 * What stands for this port of the inside party; false when nothing does. Over TCP media have a
 * mapping only where their sender waits: one that this exchange ends would be gone when the message
 * is sent again, and the text another one.
 */
static bool place_of(const struct sdp_planner *s, uint8_t proto, be16 port, struct place *out)
{
    struct ip_port e = {s->p->m->packet->inside.ip, port};
    if (place_planned(s, proto, e, out))
        return true;
    const struct mapping *m = sdp_mapping_of(s, proto, port);
    if (!m || (proto == 6 && mapping_kind_is_media(m->kind)))
        return false;
    *out = (struct place){
        .map = SIP_MAP_NONE,
        .ep = alg_mapping_public(s->p->alg->mappings, mapping_index(s->p->alg->mappings, m))};
    return true;
}

static bool place_put(struct sdp_planner *s, const struct place *place, struct slice at,
                      enum sip_edit_kind kind)
{
    if (place->map == SIP_MAP_NONE)
        return sdp_edit_endpoint(s, at, kind, place->ep);
    return sdp_edit_map(s, at, kind, place->map, place->side);
}

/* An address of the inside party and its port. Where nothing stands for that port, the address
 * alone, or nothing. */
static bool plan_pair(struct sdp_planner *s, struct slice addr, struct slice port_text,
                      uint8_t proto, bool address_alone)
{
    struct place place;
    uint32_t port;
    if (slice_u32(port_text, UINT16_MAX, &port) == 0 && port > 0 &&
        place_of(s, proto, be16_of((uint16_t)port), &place))
        return place_put(s, &place, addr, SIP_EDIT_IP) &&
               place_put(s, &place, port_text, SIP_EDIT_PORT);
    return !address_alone || sdp_edit_map(s, addr, SIP_EDIT_IP, SIP_MAP_NONE, 0);
}

/*
 * Lines and words
 */

/* Take a line off *rest, without its end. */
static bool line_next(struct slice *rest, struct slice *line)
{
    size_t n = slice_find(*rest, '\n');
    if (rest->n == 0)
        return false;
    *line = slice_trim(slice_head(*rest, n));
    *rest = slice_skip(*rest, n + 1);
    return true;
}

static struct slice word_next(struct slice *rest)
{
    *rest = slice_trim(*rest);
    struct slice word = slice_head(*rest, slice_find(*rest, ' '));
    *rest = slice_skip(*rest, word.n);
    return word;
}

/* Is the word an address, of either family? */
static bool word_address(struct slice word, struct ip_addr *out)
{
    be32 ip4;
    if (ipv4_parse(word, &ip4) != 0)
        return ipv6_parse(word, out) == 0;
    *out = ip_addr_of4(ip4);
    return true;
}

/* Is it this address? */
static bool word_is(struct slice word, const struct ip_addr *ip)
{
    struct ip_addr found;
    return word_address(word, &found) && ip_addr_eq(&found, ip);
}

/*
 * Candidates
 */

static bool is_own(const struct sdp_planner *s, const struct sdp_addr *addr)
{
    return sdp_is_ip(addr, &s->p->m->packet->inside.ip);
}

static bool is_udp(const struct sdp_candidate *c)
{
    return slice_ieq(c->transport, SLICE_LIT("udp"));
}

/* One that STUN was told of: the public address, behind which is a port we know. */
static bool is_reflexive(const struct sdp_planner *s, const struct sdp_candidate *c)
{
    return is_udp(c) && sdp_is_ip(&c->addr, &s->p->m->packet->public_side.ip) &&
           is_own(s, &c->related);
}

/*
 * Not the sender's own UDP: of a media gateway it speaks for, or a passive one of TCP. Where c= and
 * m= of a stream say this very endpoint the candidate must agree with them (RFC 8839 5.4); any
 * other is left alone.
 */
static bool plan_foreign(struct sdp_planner *s, const struct sdp_candidate *c)
{
    struct place place, related;
    struct ip_port e = {c->addr.ip, be16_of(c->port)};
    struct ip_port base = {c->related.ip, be16_of(c->related_port_value)};
    uint8_t proto = is_udp(c) ? 17 : 6;
    if (sdp_addr_is_ip(&c->addr) && place_planned(s, proto, e, &place) &&
        (!place_put(s, &place, c->addr.text, SIP_EDIT_IP) ||
         !place_put(s, &place, c->port_text, SIP_EDIT_PORT)))
        return false;
    if (!sdp_addr_is_ip(&c->related) || is_own(s, &c->related) ||
        !place_planned(s, proto, base, &related))
        return true;
    return place_put(s, &related, c->related.text, SIP_EDIT_IP) &&
           place_put(s, &related, c->related_port, SIP_EDIT_PORT);
}

static bool plan_candidate(struct sdp_planner *s, const struct sdp_candidate *c)
{
    struct place place;
    bool udp = is_udp(c);
    if ((!is_own(s, &c->addr) || !udp) && !plan_foreign(s, c))
        return false;
    if (is_reflexive(s, c) && place_of(s, 17, be16_of(c->related_port_value), &place) &&
        !place_put(s, &place, c->port_text, SIP_EDIT_PORT))
        return false;
    if (is_own(s, &c->addr) && udp && !plan_pair(s, c->addr.text, c->port_text, 17, false))
        return false;
    if (is_own(s, &c->addr) && !udp && c->port == CANDIDATE_TCP_ACTIVE &&
        !sdp_edit_map(s, c->addr.text, SIP_EDIT_IP, SIP_MAP_NONE, 0))
        return false;
    return !is_own(s, &c->related) ||
           plan_pair(s, c->related.text, udp ? c->related_port : SLICE_NONE, 17, true);
}

static enum alg_reason plan_candidates(struct sdp_planner *s, struct slice rest)
{
    struct sdp_candidate c;
    int r;
    while ((r = sdp_candidate_next(&rest, &c, NULL)) > 0)
        if (!plan_candidate(s, &c))
            return ALG_REASON_SIP_TOO_LARGE;
    return r < 0 ? ALG_REASON_SIP_SDP_MALFORMED : ALG_REASON_NONE;
}

/* The pin that a map of this stream and endpoint would take. */
static bool candidate_held(const struct sdp_planner *s, struct sip_map *map)
{
    const struct dialog *call = s->p->m->call;
    const struct pin *pin =
        call ? pin_find(&s->p->alg->dialogs, call, MAPPING_RTP, 17, map->stream, map->inside)
             : NULL;
    if (!pin || !alg_pin_stands(s->p->alg, pin, s->p->m))
        return false;
    map->held = true;
    map->public_side[0] = pin->public_side[0];
    return true;
}

static void candidate_map(struct sdp_planner *s, unsigned i, const struct sdp_candidate *c)
{
    struct sip_plan *plan = s->p->plan;
    struct ip_port e = {s->p->m->packet->inside.ip, be16_of(c->port)}, taken;
    struct place place;
    bool fresh;
    if (!is_own(s, &c->addr) || !is_udp(c) || c->port < PORT_MIN ||
        sdp_port_taken(s, 17, e.port, &taken))
        return;
    bool planned = place_of(s, 17, e.port, &place) && place.map != SIP_MAP_NONE;
    struct sip_map *map =
        planned ? NULL : plan_map(plan, MAPPING_RTP, 17, s->nth * SDP_MEDIA_MAX + i, e, &fresh);
    if (!map)
        return;
    map->alone = map->anyone = map->optional = true;
    map->pairs = 1;
    if (!candidate_held(s, map) && s->p->m->repeat)
        plan->n_maps--;
}

enum alg_reason sdp_plan_candidate_maps(struct sdp_planner *s, unsigned i)
{
    const struct sdp_media *m = &s->sdp->media[i];
    const struct alg_packet *packet = s->p->m->packet;
    struct slice rest = m->section;
    struct sdp_candidate c;
    int r = 0;
    if (!s->p->m->media || !packet->profile->rtp || m->port == 0 || !(s->edits || !s->p->m->nat))
        return ALG_REASON_NONE;
    unsigned most = s->p->plan->n_maps + CANDIDATE_MAPS;
    while (s->p->plan->n_maps < most && (r = sdp_candidate_next(&rest, &c, NULL)) > 0)
        candidate_map(s, i, &c);
    return r < 0 ? ALG_REASON_SIP_SDP_MALFORMED : ALG_REASON_NONE;
}

/*
 * The others
 */

/*
 * Where a medium over TCP listens (MSRP, RFC 4975 6) stands in c=, m= and a=path. A port without a
 * mapping stays.
 */
static bool plan_path(struct sdp_planner *s, struct slice value)
{
    for (struct slice uri = word_next(&value); uri.n; uri = word_next(&value)) {
        struct sip_host host;
        if (plan_uri_host(uri, &host) && host.kind == SIP_HOST_IPV4 &&
            ip_addr_eq(&host.ip, &s->p->m->packet->inside.ip) &&
            !plan_pair(s, host.host, host.has_port ? host.port : SLICE_NONE, 6, true))
            return false;
    }
    return true;
}

/* "1 1 : user password 10.0.0.1 6000": an address and its port. */
static bool plan_alternative(struct sdp_planner *s, struct slice value)
{
    for (struct slice word = word_next(&value); word.n; word = word_next(&value)) {
        struct slice rest = value;
        if (word_is(word, &s->p->m->packet->inside.ip) &&
            !plan_pair(s, word, word_next(&rest), 17, true))
            return false;
    }
    return true;
}

/* "incl IN IP4 * 10.0.0.1" (RFC 4570): addresses alone. */
static bool plan_filter(struct sdp_planner *s, struct slice value)
{
    for (struct slice word = word_next(&value); word.n; word = word_next(&value))
        if (word_is(word, &s->p->m->packet->inside.ip) &&
            !sdp_edit_map(s, word, SIP_EDIT_IP, SIP_MAP_NONE, 0))
            return false;
    return true;
}

/* a=rtcp of the session, which speaks for no stream: "a=rtcp:6001 IN IP4 10.0.0.1". */
static bool plan_session_rtcp(struct sdp_planner *s, struct slice value)
{
    struct slice port = word_next(&value), net = word_next(&value), type = word_next(&value);
    struct slice address = word_next(&value);
    if (!slice_ieq(net, SLICE_LIT("IN")) || !slice_istarts(type, SLICE_LIT("IP")) ||
        !word_is(address, &s->p->m->packet->inside.ip))
        return true;
    return plan_pair(s, address, port, 17, true);
}

/* u= of the session: a page about it, on the inside party's own server. */
static bool plan_page(struct sdp_planner *s, struct slice value)
{
    struct sip_host host;
    if (!plan_uri_host(value, &host) || host.kind != SIP_HOST_IPV4 ||
        !ip_addr_eq(&host.ip, &s->p->m->packet->inside.ip))
        return true;
    return sdp_edit_map(s, host.host, SIP_EDIT_IP, SIP_MAP_NONE, 0);
}

static const struct attribute {
    struct slice begins;
    bool session_only;
    bool (*plan)(struct sdp_planner *s, struct slice value);
} attributes[] = {
    {SLICE_LIT("a=rtcp:"), true, plan_session_rtcp},
    {SLICE_LIT("a=path:"), false, plan_path},
    {SLICE_LIT("a=alt:"), false, plan_alternative},
    {SLICE_LIT("a=source-filter:"), false, plan_filter},
    {SLICE_LIT("u="), true, plan_page},
};

static bool plan_line(struct sdp_planner *s, struct slice line, bool of_session)
{
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        const struct attribute *a = &attributes[i];
        if (slice_istarts(line, a->begins) && (of_session || !a->session_only))
            return a->plan(s, slice_skip(line, a->begins.n));
    }
    return true;
}

enum alg_reason sdp_plan_attributes(struct sdp_planner *s, struct slice part, bool of_session)
{
    struct slice rest = part, line;
    while (line_next(&rest, &line))
        if (!plan_line(s, line, of_session))
            return ALG_REASON_SIP_TOO_LARGE;
    return plan_candidates(s, part);
}

/*
 * Inward
 */

/* The inside end of a mapping that this call holds, by its public one. */
static bool inside_of(const struct sdp_planner *s, struct ip_port e, struct ip_port *inside)
{
    const struct dialogs *ds = &s->p->alg->dialogs;
    const struct dialog *call = s->p->m->call;
    for (const struct pin *pin = call ? pin_at(ds, call->pins) : NULL; pin;
         pin = pin_at(ds, pin->next)) {
        if (pin->kind != MAPPING_RTP)
            continue;
        for (int side = 0; side < 2; side++)
            if (!handle_none(pin->h[side]) && ip_port_eq(pin->public_side[side], e)) {
                *inside = side ? pin->rtcp : pin->inside;
                return true;
            }
    }
    return false;
}

/* "1 203.0.113.9 8000 2 203.0.113.9 8001" (RFC 8839 5.2) */
static bool restore_candidates(struct sdp_planner *s, struct slice value)
{
    while (word_next(&value).n) {
        struct slice address = word_next(&value), port_text = word_next(&value);
        struct ip_port inside;
        struct ip_addr ip;
        uint32_t port;
        if (!word_address(address, &ip) || slice_u32(port_text, UINT16_MAX, &port) != 0 ||
            !inside_of(s, (struct ip_port){ip, be16_of((uint16_t)port)}, &inside))
            continue;
        if (!sdp_edit_endpoint(s, address, SIP_EDIT_IP, inside) ||
            !sdp_edit_endpoint(s, port_text, SIP_EDIT_PORT, inside))
            return false;
    }
    return true;
}

enum alg_reason sdp_restore_attributes(struct sdp_planner *s)
{
    static const struct slice begins = SLICE_LIT("a=remote-candidates:");
    struct slice rest = s->sdp->bytes, line;
    while (line_next(&rest, &line))
        if (slice_istarts(line, begins) && !restore_candidates(s, slice_skip(line, begins.n)))
            return ALG_REASON_SIP_TOO_LARGE;
    return ALG_REASON_NONE;
}
