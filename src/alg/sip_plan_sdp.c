/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses in a session description (fortios.md 3.2, 3.6).
 *
 * Outward: o=, c=, m=, a=rtcp and a=candidate where they name the sender's own address. Each active
 * UDP stream of it gets a pair of mappings, reserved when the description leaves, before anybody
 * answers. What names another address is not the sender's to open and stays as it is; 0.0.0.0 is
 * never translated, but a stream put on hold that way keeps its port. Ports below 1024 never get a
 * mapping, nor does one that signalling uses: its mapping stands for it as it is, and the call has
 * no hold on it. An RTCP port apart from RTP's is taken only where nothing uses it; what a browser
 * can be brought to send must not open the ports of others. Without a call (an OPTIONS answer), or
 * with `rtp disable`, addresses are translated and ports are left: media then needs a policy of its
 * own. With `no-sdp-fixup` nothing is edited; where the PBX wrote its public address itself, that
 * very port is opened if it is free.
 *
 * Inward: nothing is edited; where the other side wants its media is noted.
 */
#include "alg/alg_mapping.h"
#include "alg/alg_state.h"

#define CANDIDATE_TCP_ACTIVE 9 /* RFC 6544 4.5: the port of a candidate that only connects */

struct sdp_planner {
    struct planner *p;
    const struct sdp *sdp;
    unsigned nth;
    bool edits;                               /* addresses are translated */
    uint8_t media_map[SDP_MEDIA_MAX];         /* the map of each stream or SIP_MAP_NONE */
    struct ip_port media[SDP_MEDIA_MAX];      /* its inside endpoint */
    struct ip_port signalling[SDP_MEDIA_MAX]; /* what stands for it already; port 0 nothing */
};

static bool is_ip(const struct sdp_addr *addr, const struct ip_addr *ip)
{
    return addr->kind == SDP_ADDR_IP4 && ip_addr_eq(&addr->ip, ip);
}

static bool edit_add(struct sdp_planner *s, struct slice at, enum sip_edit_kind kind, uint8_t map,
                     uint8_t side)
{
    struct sip_edit edit = {
        .at = (uint32_t)sip_offset(&s->p->m->msg, at),
        .cut = (uint32_t)at.n,
        .ep = s->p->m->packet->public_side,
        .kind = (uint8_t)kind,
        .map = map,
        .side = side,
    };
    return plan_edit(s->p->plan, &edit);
}

static bool edit_endpoint(struct sdp_planner *s, struct slice at, enum sip_edit_kind kind,
                          struct ip_port ep)
{
    struct sip_edit edit = {
        .at = (uint32_t)sip_offset(&s->p->m->msg, at),
        .cut = (uint32_t)at.n,
        .ep = ep,
        .kind = (uint8_t)kind,
        .map = SIP_MAP_NONE,
    };
    return plan_edit(s->p->plan, &edit);
}

/* The mapping that this inside port has, if any. */
static const struct mapping *mapping_of(const struct sdp_planner *s, be16 port)
{
    const struct alg_packet *packet = s->p->m->packet;
    struct ip_port e = {packet->inside.ip, port};
    uint32_t index = alg_mapping_find_source(s->p->alg->mappings, 17, packet->inside_zone, e,
                                             packet->outside_ifindex);
    return index == INDEX_NONE ? NULL : mapping_at(s->p->alg->mappings, index);
}

/* True, and the public side, when the port is one that signalling uses. */
static bool signalling_port(const struct sdp_planner *s, be16 port, struct ip_port *public_side)
{
    const struct alg_packet *packet = s->p->m->packet;
    const struct mapping *m = mapping_of(s, port);
    if (port == packet->inside.port)
        *public_side = packet->public_side;
    else if (m && m->kind == MAPPING_SIGNALLING)
        *public_side =
            alg_mapping_public(s->p->alg->mappings, mapping_index(s->p->alg->mappings, m));
    else
        return false;
    return true;
}

/* Does nothing but this stream's own RTCP use the port? */
static bool rtcp_free(const struct sdp_planner *s, be16 port, struct ip_port rtp)
{
    const struct mapping *m = mapping_of(s, port);
    if (!m)
        return port != s->p->m->packet->inside.port;
    uint32_t partner = __atomic_load_n(&m->partner, __ATOMIC_RELAXED);
    return m->kind == MAPPING_RTCP && partner != INDEX_NONE &&
           ip_port_eq(alg_mapping_inside(s->p->alg->mappings, partner), rtp);
}

/* Where the inside party wants RTCP; false when that is not its own, or not a port apart. */
static bool rtcp_endpoint(const struct sdp_planner *s, const struct sdp_media *m,
                          struct ip_port *out)
{
    const struct alg_packet *packet = s->p->m->packet;
    struct ip_port rtp = {packet->inside.ip, be16_of(m->port)};
    uint32_t port = m->rtcp.present ? m->rtcp.port : m->port + 1u;
    if (port < 1024 || port > UINT16_MAX || port == m->port)
        return false;
    if (m->rtcp.present && m->rtcp.addr.kind != SDP_ADDR_NONE &&
        !is_ip(&m->rtcp.addr, &packet->inside.ip) && !is_ip(&m->rtcp.addr, &packet->public_side.ip))
        return false;
    if (port != m->port + 1u && !rtcp_free(s, be16_of((uint16_t)port), rtp))
        return false;
    *out = (struct ip_port){packet->inside.ip, be16_of((uint16_t)port)};
    return true;
}

static bool map_take_pin(struct sdp_planner *s, struct sip_map *map)
{
    const struct alg *alg = s->p->alg;
    const struct dialog *call = s->p->m->call;
    const struct pin *pin =
        call ? pin_find(&alg->dialogs, call, MAPPING_RTP, map->stream, map->inside) : NULL;
    if (!pin || !alg_pin_stands(alg, pin, s->p->m))
        return false;
    map->held = true;
    map->alone = handle_none(pin->h[1]);
    map->public_side[0] = pin->public_side[0];
    map->public_side[1] = pin->public_side[1];
    return true;
}

/* May this stream have a mapping, and on which terms? */
static bool media_opens(const struct sdp_planner *s, const struct sdp_media *m, bool *own,
                        bool *zero)
{
    const struct alg_packet *packet = s->p->m->packet;
    bool already_public = s->p->m->nat && is_ip(&m->connection, &packet->public_side.ip);
    *own = is_ip(&m->connection, &packet->inside.ip);
    *zero = m->connection.kind == SDP_ADDR_IP4 && m->connection.is_zero;
    if (!s->p->m->media || !packet->profile->rtp || m->transport != SDP_TRANSPORT_UDP ||
        m->port < 1024)
        return false;
    if (*own)
        return s->edits || !s->p->m->nat;
    return already_public || *zero;
}

static enum alg_reason plan_media_map(struct sdp_planner *s, unsigned i)
{
    const struct alg_packet *packet = s->p->m->packet;
    const struct sdp_media *m = &s->sdp->media[i];
    bool own, zero, fresh;
    s->media_map[i] = SIP_MAP_NONE;
    s->media[i] = (struct ip_port){packet->inside.ip, be16_of(m->port)};
    s->signalling[i].port = 0;
    if (!media_opens(s, m, &own, &zero) || signalling_port(s, be16_of(m->port), &s->signalling[i]))
        return ALG_REASON_NONE;
    struct sip_map *map =
        plan_map(s->p->plan, MAPPING_RTP, s->nth * SDP_MEDIA_MAX + i, s->media[i], &fresh);
    if (!map)
        return ALG_REASON_SIP_MEDIA_LIMIT;
    map->alone = !rtcp_endpoint(s, m, &map->rtcp);
    map->anyone = true;
    map->optional = map->exact = !own;
    if (!map_take_pin(s, map) && (zero || s->p->m->repeat)) {
        s->p->plan->n_maps--; /* on hold from the start, or sent again: nothing to keep */
        return ALG_REASON_NONE;
    }
    s->media_map[i] = plan_map_index(s->p->plan, map);
    return ALG_REASON_NONE;
}

/* The address of a c= line: that of the stream it speaks for. */
static bool plan_connection(struct sdp_planner *s, const struct sdp_addr *addr, uint8_t map)
{
    if (!is_ip(addr, &s->p->m->packet->inside.ip))
        return true;
    return edit_add(s, addr->text, SIP_EDIT_IP, map, 0);
}

/* Which known public endpoint stands for this inside port; false when there is none. */
static bool known_port(struct sdp_planner *s, be16 port, uint8_t *map, uint8_t *side,
                       struct ip_port *ep)
{
    const struct sip_plan *plan = s->p->plan;
    const struct alg_packet *packet = s->p->m->packet;
    struct ip_port e = {packet->inside.ip, port};
    for (unsigned i = 0; i < plan->n_maps; i++) {
        const struct sip_map *at = &plan->maps[i];
        if (at->kind != MAPPING_RTP)
            continue;
        *map = (uint8_t)i;
        *side = !ip_port_eq(at->inside, e);
        if (*side == 0 || (!at->alone && ip_port_eq(at->rtcp, e)))
            return true;
    }
    const struct mapping *m = mapping_of(s, port);
    if (!m)
        return false;
    *map = SIP_MAP_NONE;
    *ep = alg_mapping_public(s->p->alg->mappings, mapping_index(s->p->alg->mappings, m));
    return true;
}

/* An address and its port in one candidate. */
static bool plan_candidate_part(struct sdp_planner *s, const struct sdp_addr *addr,
                                struct slice port_text, uint16_t port, bool address_alone)
{
    uint8_t map, side;
    struct ip_port ep;
    if (!is_ip(addr, &s->p->m->packet->inside.ip))
        return true;
    if (port && known_port(s, be16_of(port), &map, &side, &ep)) {
        if (map == SIP_MAP_NONE)
            return edit_endpoint(s, addr->text, SIP_EDIT_IP, ep) &&
                   edit_endpoint(s, port_text, SIP_EDIT_PORT, ep);
        return edit_add(s, addr->text, SIP_EDIT_IP, map, side) &&
               edit_add(s, port_text, SIP_EDIT_PORT, map, side);
    }
    return !address_alone || edit_add(s, addr->text, SIP_EDIT_IP, SIP_MAP_NONE, 0);
}

static enum alg_reason plan_candidates(struct sdp_planner *s, struct slice rest)
{
    struct sdp_candidate c;
    int r;
    while ((r = sdp_candidate_next(&rest, &c, NULL)) > 0) {
        bool udp = slice_ieq(c.transport, SLICE_LIT("udp"));
        bool ok =
            udp ? plan_candidate_part(s, &c.addr, c.port_text, c.port, false)
                : plan_candidate_part(s, &c.addr, c.port_text, 0, c.port == CANDIDATE_TCP_ACTIVE);
        if (!ok || !plan_candidate_part(s, &c.related, c.related_port,
                                        udp ? c.related_port_value : 0, true))
            return ALG_REASON_SIP_TOO_LARGE;
    }
    return r < 0 ? ALG_REASON_SIP_SDP_MALFORMED : ALG_REASON_NONE;
}

static bool plan_rtcp(struct sdp_planner *s, const struct sdp_media *m, uint8_t map)
{
    uint8_t side = m->rtcp.port != m->port;
    if (!m->rtcp.present)
        return true;
    if (map != SIP_MAP_NONE && side == 1 && s->p->plan->maps[map].alone)
        map = SIP_MAP_NONE;
    if (map != SIP_MAP_NONE && !edit_add(s, m->rtcp.port_text, SIP_EDIT_PORT, map, side))
        return false;
    return !is_ip(&m->rtcp.addr, &s->p->m->packet->inside.ip) ||
           edit_add(s, m->rtcp.addr.text, SIP_EDIT_IP, map, side);
}

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

static bool plan_path_uri(struct sdp_planner *s, struct slice uri)
{
    struct sip_host host;
    if (!plan_uri_host(uri, &host) || host.kind != SIP_HOST_IPV4 ||
        !ip_addr_eq(&host.ip, &s->p->m->packet->inside.ip))
        return true;
    return edit_add(s, host.host, SIP_EDIT_IP, SIP_MAP_NONE, 0);
}

/*
 * Where a medium over TCP listens (MSRP, RFC 4975 6) stands in c=, m= and a=path. It has no
 * mapping: in all three the address changes and the port stays.
 */
static enum alg_reason plan_paths(struct sdp_planner *s, struct slice rest)
{
    static const struct slice path = SLICE_LIT("a=path:");
    struct slice line;
    while (line_next(&rest, &line)) {
        if (!slice_istarts(line, path))
            continue;
        line = slice_skip(line, path.n);
        for (struct slice uri = word_next(&line); uri.n; uri = word_next(&line))
            if (!plan_path_uri(s, uri))
                return ALG_REASON_SIP_TOO_LARGE;
    }
    return ALG_REASON_NONE;
}

/* a=rtcp of the session, which speaks for no stream: "a=rtcp:6001 IN IP4 10.0.0.1". */
static bool plan_session_rtcp(struct sdp_planner *s, struct slice value)
{
    uint8_t map, side;
    struct ip_port ep;
    uint32_t port;
    be32 ip;
    struct slice port_text = word_next(&value), net = word_next(&value), type = word_next(&value);
    struct slice address = word_next(&value);
    if (!slice_ieq(net, SLICE_LIT("IN")) || !slice_ieq(type, SLICE_LIT("IP4")) ||
        ipv4_parse(address, &ip) != 0 || ip != ip_port_v4(s->p->m->packet->inside).ip)
        return true;
    if (slice_u32(port_text, UINT16_MAX, &port) != 0 ||
        !known_port(s, be16_of((uint16_t)port), &map, &side, &ep))
        return edit_add(s, address, SIP_EDIT_IP, SIP_MAP_NONE, 0);
    if (map == SIP_MAP_NONE)
        return edit_endpoint(s, port_text, SIP_EDIT_PORT, ep) &&
               edit_endpoint(s, address, SIP_EDIT_IP, ep);
    return edit_add(s, port_text, SIP_EDIT_PORT, map, side) &&
           edit_add(s, address, SIP_EDIT_IP, map, side);
}

/* Attributes that belong to media and stand in the session's part nevertheless. */
static enum alg_reason plan_session(struct sdp_planner *s)
{
    static const struct slice rtcp = SLICE_LIT("a=rtcp:");
    const struct sdp *sdp = s->sdp;
    const char *end = sdp->n_media ? sdp->media[0].section.p : sdp->bytes.p + sdp->bytes.n;
    struct slice part = slice_between(sdp->bytes.p, end), rest = part, line;
    while (line_next(&rest, &line))
        if (slice_istarts(line, rtcp) && !plan_session_rtcp(s, slice_skip(line, rtcp.n)))
            return ALG_REASON_SIP_TOO_LARGE;
    enum alg_reason reason = plan_candidates(s, part);
    return reason == ALG_REASON_NONE ? plan_paths(s, part) : reason;
}

static enum alg_reason plan_media(struct sdp_planner *s, unsigned i)
{
    const struct sdp_media *m = &s->sdp->media[i];
    uint8_t map = s->media_map[i];
    if (map != SIP_MAP_NONE && s->p->plan->maps[map].exact && !m->connection.is_zero)
        return ALG_REASON_NONE; /* the sender wrote the public side itself */
    if ((map != SIP_MAP_NONE && !edit_add(s, m->port_text, SIP_EDIT_PORT, map, 0)) ||
        (m->connection_own && !plan_connection(s, &m->connection, map)) || !plan_rtcp(s, m, map))
        return ALG_REASON_SIP_TOO_LARGE;
    if (s->signalling[i].port && is_ip(&m->connection, &s->p->m->packet->inside.ip) &&
        !edit_endpoint(s, m->port_text, SIP_EDIT_PORT, s->signalling[i]))
        return ALG_REASON_SIP_TOO_LARGE;
    enum alg_reason reason = m->n_candidates ? plan_candidates(s, m->section) : ALG_REASON_NONE;
    return reason == ALG_REASON_NONE ? plan_paths(s, m->section) : reason;
}

/* `nat-trace`: the address o= had before goes into i= of the session. */
static enum alg_reason plan_trace(struct sdp_planner *s)
{
    static const struct slice begins[] = {SLICE_LIT("\r\ni="), SLICE_LIT("\ni=")};
    static const struct slice before = SLICE_LIT("(o=IN IP4 ");
    const struct sdp *sdp = s->sdp;
    bool fresh = !sdp->info.p, replace = !fresh && s->p->m->packet->profile->preserve_override;
    struct slice at = !fresh ? sdp->info : sdp->name.p ? sdp->name : sdp->origin.line;
    const char *end = at.p + at.n;
    bool lf = end < sdp->bytes.p + sdp->bytes.n && *end == '\n';
    struct slice begin = fresh ? begins[lf] : SLICE_NONE;
    char text[48];
    size_t n = 0;
    if (begin.n)
        memcpy(text, begin.p, begin.n);
    n = begin.n;
    memcpy(text + n, before.p, before.n);
    n += before.n;
    n += ip_addr_print(&sdp->origin.addr.ip, text + n);
    text[n++] = ')';
    struct sip_edit edit = {
        .at = (uint32_t)((replace ? at.p : end) - s->p->m->msg.bytes.p),
        .cut = replace ? (uint32_t)at.n : 0,
    };
    if (!plan_text(s->p->plan, &edit, slice_of(text, n)) || !plan_edit(s->p->plan, &edit))
        return ALG_REASON_SIP_TOO_LARGE;
    return ALG_REASON_NONE;
}

static enum alg_reason plan_outward(struct sdp_planner *s)
{
    const struct sdp *sdp = s->sdp;
    uint8_t session_map = SIP_MAP_NONE;
    enum alg_reason reason = ALG_REASON_NONE;
    for (unsigned i = 0; i < sdp->n_media && reason == ALG_REASON_NONE; i++) {
        reason = plan_media_map(s, i);
        if (session_map == SIP_MAP_NONE && !sdp->media[i].connection_own)
            session_map = s->media_map[i];
    }
    if (reason != ALG_REASON_NONE || !s->edits)
        return reason;
    if (is_ip(&sdp->origin.addr, &s->p->m->packet->inside.ip)) {
        if (!edit_add(s, sdp->origin.addr.text, SIP_EDIT_IP, SIP_MAP_NONE, 0))
            return ALG_REASON_SIP_TOO_LARGE;
        if (s->p->m->packet->profile->nat_trace)
            reason = plan_trace(s);
    }
    if (reason == ALG_REASON_NONE && !plan_connection(s, &sdp->connection, session_map))
        reason = ALG_REASON_SIP_TOO_LARGE;
    if (reason == ALG_REASON_NONE)
        reason = plan_session(s);
    for (unsigned i = 0; i < sdp->n_media && reason == ALG_REASON_NONE; i++)
        reason = plan_media(s, i);
    return reason;
}

/* What the call needs to know of a description, whichever way it goes. */
static void note_streams(struct sdp_planner *s)
{
    struct sip_plan *plan = s->p->plan;
    unsigned active = 0, held = 0;
    plan->has_sdp = true;
    for (unsigned i = 0; i < s->sdp->n_media; i++) {
        const struct sdp_media *m = &s->sdp->media[i];
        if (m->port == 0)
            continue;
        active++;
        held += m->held;
        bool named = m->connection.kind == SDP_ADDR_IP4 && !m->connection.is_zero;
        plan->streams[plan->n_streams++] = (struct sip_stream){
            .stream = (uint8_t)i,
            .remote = named ? (struct ip_port){m->connection.ip, be16_of(m->port)}
                            : (struct ip_port){.port = 0},
        };
    }
    plan->held = active > 0 && held == active;
}

enum alg_reason plan_sdp(struct planner *p, struct slice body, unsigned nth)
{
    const struct sip_message *m = p->m;
    struct sdp_planner s = {
        .p = p,
        .sdp = p->sdp,
        .nth = nth,
        .edits = m->nat && !m->packet->profile->no_sdp_fixup,
    };
    if (!m->media && !(m->packet->outward && s.edits))
        return ALG_REASON_NONE;
    if (sdp_parse(body, p->sdp, NULL) != 0)
        return ALG_REASON_SIP_SDP_MALFORMED;
    if (m->media && nth == 0)
        note_streams(&s);
    return m->packet->outward ? plan_outward(&s) : ALG_REASON_NONE;
}
