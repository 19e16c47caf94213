/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses in a session description (fortios.md 3.2, 3.6).
 *
 * Outward: o=, c=, m=, a=rtcp and other attributes where they name the sender's own address. Each
 * active UDP stream of it gets a pair of mappings, reserved when the description leaves, before
 * anybody answers. What names another address is not the sender's to open and stays as it is;
 * 0.0.0.0 is never translated, but a stream put on hold that way keeps its port. Ports below 1024
 * never get a mapping, nor does one that signalling uses: its mapping stands for it as it is, and
 * the call has no hold on it. An RTCP port apart from RTP's is taken only where nothing uses it;
 * what a browser can be brought to send must not open the ports of others. Without a call (an
 * OPTIONS answer), or with `rtp disable`, addresses are translated and ports are left: media then
 * needs a policy of its own. With `no-sdp-fixup` nothing is edited; where the PBX wrote its public
 * address itself, that very port is opened if it is free.
 *
 * A medium over TCP (MSRP, BFCP) gets a mapping where its sender waits for the connection; only
 * addresses that the other side named come in by it.
 *
 * Inward: where the other side wants its media is noted; of the text a=remote-candidates alone is
 * edited.
 */
#include "alg/sip_plan_sdp.h"

#include "alg/call_media.h"
#include "alg/media_name.h"
#include "alg/sip_plan_far.h"

#define PAIRS_MAX 8 /* of one stream: "port/count" */

bool sdp_edit_map(struct sdp_planner *s, struct slice at, enum sip_edit_kind kind, uint8_t map,
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

bool sdp_edit_endpoint(struct sdp_planner *s, struct slice at, enum sip_edit_kind kind,
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

const struct mapping *sdp_mapping_of(const struct sdp_planner *s, uint8_t proto, be16 port)
{
    const struct alg_packet *packet = s->p->m->packet;
    struct ip_port e = {packet->inside.ip, port};
    uint32_t index = alg_mapping_find_source(s->p->alg->mappings, proto, packet->inside_zone, e,
                                             packet->outside_ifindex);
    return index == INDEX_NONE ? NULL : mapping_at(s->p->alg->mappings, index);
}

bool sdp_port_taken(const struct sdp_planner *s, uint8_t proto, be16 port,
                    struct ip_port *public_side)
{
    const struct alg_packet *packet = s->p->m->packet;
    const struct mapping *m = sdp_mapping_of(s, proto, port);
    if (proto == packet->proto && port == packet->inside.port)
        *public_side = packet->public_side;
    else if (m && !mapping_kind_is_media(m->kind))
        *public_side =
            alg_mapping_public(s->p->alg->mappings, mapping_index(s->p->alg->mappings, m));
    else
        return false;
    return true;
}

/* Does the call hold these ports for this stream? */
static bool rtcp_held(const struct sdp_planner *s, unsigned stream, struct ip_port rtcp,
                      struct ip_port rtp)
{
    const struct dialog *call = s->p->m->call;
    struct sip_map map = {
        .proto = 17, .stream = (uint8_t)stream, .inside = rtp, .rtcp = rtcp, .rtcp_own = true};
    const struct pin *pin = call ? media_pin(s->p->alg, call, &map) : NULL;
    return pin && !handle_none(pin->h[1]) && ip_port_eq(pin->rtcp, rtcp);
}

/* Does nothing but this stream's own RTCP use the port? Its mapping has no partner where RTP had
 * one before. */
static bool rtcp_free(const struct sdp_planner *s, unsigned stream, struct ip_port rtcp,
                      struct ip_port rtp)
{
    const struct mapping *m = sdp_mapping_of(s, 17, rtcp.port);
    if (!m)
        return rtcp.port != s->p->m->packet->inside.port;
    uint32_t partner = __atomic_load_n(&m->partner, __ATOMIC_RELAXED);
    return rtcp_held(s, stream, rtcp, rtp) ||
           (m->kind == MAPPING_RTCP && partner != INDEX_NONE &&
            ip_port_eq(alg_mapping_inside(s->p->alg->mappings, partner), rtp));
}

/* Where the inside party wants RTCP; false when that is not its own, or not a port apart. */
static bool rtcp_endpoint(const struct sdp_planner *s, const struct sdp_media *m,
                          const struct media_name *name, struct ip_port *out)
{
    const struct alg_packet *packet = s->p->m->packet;
    struct ip_port rtp = {packet->inside.ip, be16_of(m->port)};
    uint32_t port = m->rtcp.present ? m->rtcp.port : m->port + 1u;
    if (!m->rtp || m->transport != SDP_TRANSPORT_UDP || m->rtcp_mux_only)
        return false;
    if (port < 1024 || port > UINT16_MAX || port == m->port)
        return false;
    if (name) {
        uint16_t rtp_port = be16_host(name->inside.port);
        *out = (struct ip_port){name->inside.ip, be16_of((uint16_t)(rtp_port + 1))};
        return name->pair && port == m->port + 1u;
    }
    if (m->rtcp.present && m->rtcp.addr.kind != SDP_ADDR_NONE &&
        !sdp_is_ip(&m->rtcp.addr, &packet->inside.ip) &&
        !sdp_is_ip(&m->rtcp.addr, &packet->public_side.ip))
        return false;
    struct ip_port rtcp = {packet->inside.ip, be16_of((uint16_t)port)};
    unsigned stream = s->nth * SDP_MEDIA_MAX + (unsigned)(m - s->sdp->media);
    if (port != m->port + 1u && !rtcp_free(s, stream, rtcp, rtp))
        return false;
    *out = rtcp;
    return true;
}

/*
 * Must RTCP of a map be opened anew: it moves, or is to have a port again? An offer of rtcp-mux
 * leaves the other side the choice, so RTCP is there until that has answered (RFC 5761 5.1.1).
 */
static bool rtcp_opens(const struct sdp_planner *s, const struct sip_map *map,
                       const struct pin *pin)
{
    const struct sip_message *m = s->p->m;
    bool chosen =
        map->mux && m->answers && map->stream < DIALOG_REMOTES && m->call->remotes[map->stream].mux;
    return !ip_port_eq(pin->rtcp, map->rtcp) || (pin->flags & PIN_MUXED && !chosen);
}

/* The call holds the mapping already. `zero`: all that is asked for is that it stays. */
static bool map_take_pin(struct sdp_planner *s, struct sip_map *map, bool zero)
{
    const struct dialog *call = s->p->m->call;
    const struct pin *pin = call ? media_pin(s->p->alg, call, map) : NULL;
    if (!pin || !alg_pin_stands(s->p->alg, pin, s->p->m))
        return false;
    if (!zero && !s->p->m->repeat && map->rtcp_own && pin->rtcp.port && rtcp_opens(s, map, pin))
        return false;
    if (map->rtcp_own && pin->rtcp.port == 0) {
        if (!zero && !s->p->m->repeat)
            return false; /* it had none so far: the stream was of another kind, or multiplexed */
        map->rtcp_own = false;
    }
    map->held = true;
    map->alone = handle_none(pin->h[1]);
    map->apart = pin->flags & PIN_APART;
    map->public_side[0] = pin->public_side[0];
    map->public_side[1] = pin->public_side[1];
    return true;
}

/*
 * Does the sender wait for this medium on a port that may have a mapping? Over TCP the active side
 * connects, and says where from in m= for form's sake alone (RFC 4145 4.1).
 */
static bool media_listens(const struct sdp_media *m)
{
    if (m->port < 1024)
        return false;
    return m->transport == SDP_TRANSPORT_UDP ||
           (m->transport == SDP_TRANSPORT_TCP && m->setup != SDP_SETUP_ACTIVE &&
            m->setup != SDP_SETUP_HOLDCONN);
}

/* May this stream have a mapping, and on which terms? */
static bool media_opens(const struct sdp_planner *s, const struct sdp_media *m,
                        const struct media_name *name, bool *own, bool *zero)
{
    const struct alg_packet *packet = s->p->m->packet;
    bool already_public = s->p->m->nat && sdp_is_ip(&m->connection, &packet->public_side.ip);
    *own = name ? !name->written : sdp_is_ip(&m->connection, &packet->inside.ip);
    *zero = m->connection.is_zero;
    if (!s->p->m->media || !packet->profile->rtp || !media_listens(m))
        return false;
    if (*own)
        return s->edits || !s->p->m->nat;
    return already_public || name || *zero;
}

/* A map for one pair of the stream; NULL: the plan is full. */
static struct sip_map *pair_map(struct sdp_planner *s, unsigned i, struct ip_port inside)
{
    const struct sdp_media *m = &s->sdp->media[i];
    bool fresh;
    struct sip_map *map =
        plan_map(s->p->plan, MAPPING_RTP, m->transport == SDP_TRANSPORT_TCP ? 6 : 17,
                 s->nth * SDP_MEDIA_MAX + i, inside, &fresh);
    if (!map)
        return NULL;
    map->anyone = m->transport == SDP_TRANSPORT_UDP;
    map->mux = m->rtcp_mux;
    map->pairs = 1;
    return map;
}

/*
 * Where the call holds the first pair its public port is settled, and the next ones may be
 * somebody else's by now. Then there are fewer pairs, and the line says how many.
 */
static enum alg_reason plan_count(struct sdp_planner *s, const struct sdp_media *m,
                                  struct sip_map *map)
{
    if (!map->held || !s->edits || m->count_text.n != 1)
        return ALG_REASON_NONE;
    map->fewer = true;
    return sdp_edit_map(s, m->count_text, SIP_EDIT_COUNT, plan_map_index(s->p->plan, map), 0)
               ? ALG_REASON_NONE
               : ALG_REASON_SIP_TOO_LARGE;
}

/*
 * "m=audio 6000/2 RTP/AVP 0": further pairs, whose public ports must follow the first's, since the
 * line has room for one number.
 */
static enum alg_reason plan_further_pairs(struct sdp_planner *s, unsigned i)
{
    const struct sdp_media *m = &s->sdp->media[i];
    unsigned first = s->media_map[i], n = m->count;
    if (n > PAIRS_MAX)
        return ALG_REASON_SIP_MEDIA_LIMIT;
    s->p->plan->maps[first].pairs = (uint8_t)n;
    enum alg_reason reason = plan_count(s, m, &s->p->plan->maps[first]);
    for (unsigned k = 1; k < n && reason == ALG_REASON_NONE; k++) {
        struct ip_port e = {s->media[i].ip, be16_of((uint16_t)(m->port + 2 * k))}, taken;
        if (sdp_port_taken(s, 17, e.port, &taken))
            return ALG_REASON_SIP_NO_PORT;
        struct sip_map *map = pair_map(s, i, e);
        if (!map)
            return ALG_REASON_SIP_MEDIA_LIMIT;
        map->alone = m->rtcp_mux_only || m->port + 2 * k == UINT16_MAX;
        map->rtcp_own = !map->alone;
        map->rtcp = (struct ip_port){e.ip, be16_of((uint16_t)(m->port + 2 * k + 1))};
        map->optional = map->exact = s->p->plan->maps[first].exact;
        if (!map_take_pin(s, map, false) &&
            (s->p->m->repeat || (s->p->m->again && s->p->plan->maps[first].fewer))) {
            s->p->plan->n_maps--; /* sent again: nothing is opened, and the run ends here */
            s->p->plan->maps[first].pairs = (uint8_t)k;
            break;
        }
    }
    return reason;
}

/* Its public side is a VIP's. Where that is taken, media of the sender itself get another one. */
static void map_name(const struct sdp_planner *s, struct sip_map *map,
                     const struct media_name *name)
{
    map->named = true;
    map->name = name->outer;
    map->renames = !name->written && ip_addr_eq(&name->inside.ip, &s->p->m->packet->inside.ip);
}

static enum alg_reason plan_media_map(struct sdp_planner *s, unsigned i)
{
    const struct alg_packet *packet = s->p->m->packet;
    const struct sdp_media *m = &s->sdp->media[i];
    bool own, zero;
    struct media_name named;
    const struct media_name *name =
        s->p->m->nat && m->transport == SDP_TRANSPORT_UDP && media_name(packet, m, &named) ? &named
                                                                                           : NULL;
    s->media_map[i] = SIP_MAP_NONE;
    s->media[i] = (struct ip_port){packet->inside.ip, be16_of(m->port)};
    s->signalling[i].port = 0;
    if (name)
        s->media[i] = name->inside;
    if (!media_opens(s, m, name, &own, &zero) ||
        (ip_addr_eq(&s->media[i].ip, &packet->inside.ip) &&
         sdp_port_taken(s, m->transport == SDP_TRANSPORT_TCP ? 6 : 17, s->media[i].port,
                        &s->signalling[i])))
        return ALG_REASON_NONE;
    struct sip_map *map = pair_map(s, i, s->media[i]);
    if (!map)
        return ALG_REASON_SIP_MEDIA_LIMIT;
    map->rtcp_own = rtcp_endpoint(s, m, name, &map->rtcp);
    map->alone = !map->rtcp_own;
    map->optional = map->exact = !own;
    if (name)
        map_name(s, map, name);
    if (!map_take_pin(s, map, zero) && (zero || s->p->m->repeat)) {
        s->p->plan->n_maps--; /* on hold from the start, or sent again: nothing to keep */
        return ALG_REASON_NONE;
    }
    s->media_map[i] = plan_map_index(s->p->plan, map);
    return m->rtp && m->transport == SDP_TRANSPORT_UDP && m->count > 1 ? plan_further_pairs(s, i)
                                                                       : ALG_REASON_NONE;
}

/* The address is that of the media gateway whose map this is. */
static bool is_gateway(const struct sdp_planner *s, const struct sdp_addr *addr, uint8_t map)
{
    return map != SIP_MAP_NONE && s->p->plan->maps[map].named &&
           sdp_is_ip(addr, &s->p->plan->maps[map].inside.ip);
}

/* The address of a c= or a=rtcp line: that of the stream it speaks for. */
static bool plan_address(struct sdp_planner *s, const struct sdp_addr *addr, uint8_t map,
                         uint8_t side)
{
    if (!is_gateway(s, addr, map) && !sdp_is_ip(addr, &s->p->m->packet->inside.ip))
        return true;
    return sdp_edit_map(s, addr->text, SIP_EDIT_IP, map, side);
}

/*
 * The sender said nothing of RTCP, which means beside RTP (RFC 3550 11). Where it cannot be there
 * outside, the last line of the medium is followed by one that says so (RFC 3605).
 */
static bool plan_rtcp_line(struct sdp_planner *s, const struct sdp_media *m, uint8_t map)
{
    size_t n = m->section.n;
    if (map == SIP_MAP_NONE || !s->p->plan->maps[map].rtcp_own ||
        (s->p->plan->maps[map].held && !s->p->plan->maps[map].apart))
        return true;
    while (n > 0 && (m->section.p[n - 1] == '\n' || m->section.p[n - 1] == '\r'))
        n--;
    struct sip_edit edit = {
        .at = (uint32_t)sip_offset(&s->p->m->msg, slice_skip(m->section, n)),
        .kind = SIP_EDIT_RTCP,
        .map = map,
        .side = 1,
        .bare = slice_find(m->section, '\r') == m->section.n,
    };
    return plan_edit(s->p->plan, &edit);
}

static bool plan_rtcp(struct sdp_planner *s, const struct sdp_media *m, uint8_t map)
{
    uint8_t side = m->rtcp.port != m->port;
    if (!m->rtcp.present)
        return plan_rtcp_line(s, m, map);
    if (map != SIP_MAP_NONE && side == 1 && !s->p->plan->maps[map].rtcp_own)
        return plan_address(s, &m->rtcp.addr,
                            is_gateway(s, &m->rtcp.addr, map) ? map : SIP_MAP_NONE, 0);
    return (map == SIP_MAP_NONE || sdp_edit_map(s, m->rtcp.port_text, SIP_EDIT_PORT, map, side)) &&
           plan_address(s, &m->rtcp.addr, map, side);
}

static enum alg_reason plan_media(struct sdp_planner *s, unsigned i)
{
    const struct sdp_media *m = &s->sdp->media[i];
    uint8_t map = s->media_map[i];
    if (map != SIP_MAP_NONE && s->p->plan->maps[map].exact && !m->connection.is_zero)
        return ALG_REASON_NONE; /* the sender wrote the public side itself */
    if ((map != SIP_MAP_NONE && !sdp_edit_map(s, m->port_text, SIP_EDIT_PORT, map, 0)) ||
        (m->connection_own && !plan_address(s, &m->connection, map, 0)) || !plan_rtcp(s, m, map))
        return ALG_REASON_SIP_TOO_LARGE;
    if (s->signalling[i].port && sdp_is_ip(&m->connection, &s->p->m->packet->inside.ip) &&
        !sdp_edit_endpoint(s, m->port_text, SIP_EDIT_PORT, s->signalling[i]))
        return ALG_REASON_SIP_TOO_LARGE;
    return sdp_plan_attributes(s, m->section, false);
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

/* The part before the first medium. */
static struct slice session_part(const struct sdp *sdp)
{
    const char *end = sdp->n_media ? sdp->media[0].section.p : sdp->bytes.p + sdp->bytes.n;
    return slice_between(sdp->bytes.p, end);
}

/* The map of a media gateway that o= names, or SIP_MAP_NONE. */
static uint8_t origin_of(const struct sdp_planner *s)
{
    for (unsigned i = 0; i < s->sdp->n_media; i++) {
        uint8_t map = s->media_map[i];
        if (map != SIP_MAP_NONE && s->p->plan->maps[map].named &&
            sdp_is_ip(&s->sdp->origin.addr, &s->p->plan->maps[map].inside.ip))
            return map;
    }
    return SIP_MAP_NONE;
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
    for (unsigned i = 0; i < sdp->n_media && reason == ALG_REASON_NONE; i++)
        if (sdp->media[i].n_candidates)
            reason = sdp_plan_candidate_maps(s, i);
    if (reason != ALG_REASON_NONE || !s->edits)
        return reason;
    uint8_t origin_map = origin_of(s);
    if (origin_map != SIP_MAP_NONE || sdp_is_ip(&sdp->origin.addr, &s->p->m->packet->inside.ip)) {
        if (!sdp_edit_map(s, sdp->origin.addr.text, SIP_EDIT_IP, origin_map, 0))
            return ALG_REASON_SIP_TOO_LARGE;
        if (s->p->m->packet->profile->nat_trace)
            reason = plan_trace(s);
    }
    if (reason == ALG_REASON_NONE && !plan_address(s, &sdp->connection, session_map, 0))
        reason = ALG_REASON_SIP_TOO_LARGE;
    if (reason == ALG_REASON_NONE)
        reason = sdp_plan_attributes(s, session_part(sdp), true);
    for (unsigned i = 0; i < sdp->n_media && reason == ALG_REASON_NONE; i++)
        reason = plan_media(s, i);
    return reason;
}

/* A place to send to for the inside party: in the family of its signalling. */
static bool is_named(const struct sdp_planner *s, const struct sdp_addr *addr)
{
    return sdp_addr_is_ip(addr) && !addr->is_zero &&
           ip_addr_is4(&addr->ip) == ip_addr_is4(&s->p->m->packet->inside.ip);
}

/* Where the sender of a stream wants RTP and RTCP. */
static struct sip_stream stream_of(const struct sdp_planner *s, const struct sdp_media *m,
                                   unsigned i)
{
    struct sip_stream stream = {.stream = (uint8_t)i, .mux = m->rtcp_mux};
    if (!is_named(s, &m->connection))
        return stream;
    stream.remote = (struct ip_port){m->connection.ip, be16_of(m->port)};
    if (!m->rtp || m->rtcp_mux_only || m->port == UINT16_MAX)
        return stream;
    stream.rtcp = (struct ip_port){m->connection.ip, be16_of((uint16_t)(m->port + 1))};
    if (m->rtcp.present)
        stream.rtcp.port = m->rtcp.port == m->port ? 0 : be16_of(m->rtcp.port);
    if (m->rtcp.present && is_named(s, &m->rtcp.addr))
        stream.rtcp.ip = m->rtcp.addr.ip;
    return stream;
}

_Static_assert(SDP_MEDIA_MAX <= 32, "a bit for each stream in sip_plan.refused");

/* What the call needs to know of a description, whichever way it goes. */
static void note_streams(struct sdp_planner *s)
{
    struct sip_plan *plan = s->p->plan;
    unsigned active = 0, held = 0;
    plan->has_sdp = true;
    for (unsigned i = 0; i < s->sdp->n_media; i++) {
        const struct sdp_media *m = &s->sdp->media[i];
        if (m->port == 0) {
            plan->refused |= UINT32_C(1) << i;
            continue;
        }
        active++;
        held += m->held;
        struct sip_stream stream = stream_of(s, m, i);
        stream.remote.ip = far_media(s->p->m, &stream.remote.ip);
        stream.rtcp.ip = far_media(s->p->m, &stream.rtcp.ip);
        plan->streams[plan->n_streams++] = stream;
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
    bool far = !m->packet->outward && m->packet->profile->hosted_nat_traversal;
    if (!m->media && !(m->packet->outward && s.edits) && !far)
        return ALG_REASON_NONE;
    if (sdp_parse(body, p->sdp, NULL) != 0)
        return ALG_REASON_SIP_SDP_MALFORMED;
    if (m->media && nth == 0)
        note_streams(&s);
    if (m->packet->outward)
        return plan_outward(&s);
    enum alg_reason reason = far ? far_sdp(p, p->sdp) : ALG_REASON_NONE;
    return reason == ALG_REASON_NONE && s.edits ? sdp_restore_attributes(&s) : reason;
}
