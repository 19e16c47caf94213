/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Order of a commit: mappings are opened (or found: an inside endpoint has one whoever asks), the
 * message is written, and only then are pins made and the written forms remembered. What can fail
 * comes first, so undoing means releasing the mappings in reverse. The ownership taken when a
 * mapping is opened passes to the pin.
 *
 * Bytes behind the body that Content-Length gives are not written (RFC 3261 18.3 has them
 * discarded): nobody looked at them here, and a phone that reads on would find a session
 * description in them that nobody has seen.
 */
#include "alg/sip_commit.h"

#include "alg/alg_mapping.h"
#include "alg/alg_state.h"
#include "alg/sip_plan_far.h"

#include <errno.h>

#define REGISTER_WAIT_MS 32000 /* 64 * T1: how long a registrar may take to answer */
#define SIP_PORT         5060
#define RUN_TRIES        16 /* places looked at for several pairs in a row */

/*
 * Mappings
 */

static enum alg_reason reason_of(int err)
{
    return err == -EADDRNOTAVAIL ? ALG_REASON_SIP_NO_PORT : ALG_REASON_SIP_NO_MAPPING;
}

static bool exists(const struct alg *alg, const struct mapping_want *want, struct ip_port inside)
{
    return alg_mapping_find_source(alg->mappings, want->proto, want->zone, inside,
                                   want->outside_ifindex) != INDEX_NONE;
}

static struct mapping_want want_of(const struct sip_message *m, const struct sip_map *map)
{
    const struct alg_packet *packet = m->packet;
    const struct voip_profile *profile = packet->profile;
    struct mapping_want want = {
        .proto = map->proto,
        .zone = packet->inside_zone,
        .nat = {.ip = m->nat ? ip_port_v4(packet->public_side).ip : 0,
                .first = profile->nat_port_first,
                .last = profile->nat_port_last,
                .preserve = true,
                .fixed = map->exact,
                .barred = map->proto == 6 ? packet->barred_tcp : packet->barred},
        .kind = (enum mapping_kind)map->kind,
        .filter = map->anyone ? MAPPING_ANYONE : MAPPING_ADDRESS,
        .policy_id = packet->policy_id,
        .profile = packet->profile_index,
        .outside_ifindex = packet->outside_ifindex,
        .flags = map->kind == MAPPING_SIGNALLING ? MAPPING_ALG : 0,
        .owned = true,
        .lease = packet->lease,
        .now_ms = (uint32_t)packet->now_ms,
    };
    alg_mapping_ends(&want, &map->inside, &packet->outside);
    struct ip_port peer;
    if (map->kind != MAPPING_SIGNALLING && map->anyone && far_latch(m, &peer)) {
        want.filter = MAPPING_LATCH;
        want.peer = ip_port_v4(peer);
    }
    uint16_t port = be16_host(map->inside.port);
    if (map->kind != MAPPING_SIGNALLING) /* `nat-port-range` is for media */
        want.nat.preserve = port >= want.nat.first && port <= want.nat.last;
    if (map->kind == MAPPING_SIGNALLING && map->proto == packet->proto &&
        ip_port_eq(map->inside, packet->inside)) {
        want.nat.first = want.nat.last = be16_host(packet->public_side.port);
        want.nat.preserve = false;
    }
    return want;
}

static int open_one(struct alg *alg, const struct mapping_want *want, struct sip_map *map)
{
    int err = mapping_open(alg->mappings, alg->thread, want, &map->h[0]);
    if (err == 0)
        map->alone = true;
    return err;
}

/*
 * RTP has a mapping, RTCP none: beside it, if that place is free, and else on another port, which
 * the description then names. Where its text does not change RTP goes alone.
 */
static void open_beside(struct alg *alg, const struct mapping_want *want, struct sip_map *map)
{
    struct mapping_want beside = *want;
    uint32_t port = be16_host(alg_mapping_public(alg->mappings, map->h[0].index).port) + 1u;
    if (exists(alg, want, map->rtcp))
        return;
    beside.kind = MAPPING_RTCP;
    beside.inside = ip_port_v4(map->rtcp);
    beside.v6 = want->v6 ? &map->rtcp : NULL;
    beside.nat.first = beside.nat.last = (uint16_t)port;
    beside.nat.preserve = beside.nat.fixed = false;
    int err = -EADDRNOTAVAIL;
    if (port <= UINT16_MAX)
        err = mapping_open(alg->mappings, alg->thread, &beside, &map->h[1]);
    beside.nat = want->nat;
    uint16_t rtcp = be16_host(map->rtcp.port);
    beside.nat.preserve = rtcp >= beside.nat.first && rtcp <= beside.nat.last;
    if (err == -EADDRNOTAVAIL && !map->exact && !map->named)
        err = mapping_open(alg->mappings, alg->thread, &beside, &map->h[1]);
    if (err == 0)
        map->alone = false;
    else
        map->h[1] = HANDLE_NONE;
}

/*
 * RTP and RTCP. When one of the two endpoints has a mapping already that is not the other's
 * partner, RTP goes alone: two streams may use neighbouring ports with rtcp-mux. It gets its RTCP
 * back where both had agreed to do without, and one thinks better of it.
 */
static int open_two(struct alg *alg, const struct mapping_want *want, struct sip_map *map)
{
    int err = mapping_open_pair(alg->mappings, alg->thread, want, ip_port_v4(map->rtcp), map->h);
    if (err == -EADDRNOTAVAIL && (exists(alg, want, map->inside) || exists(alg, want, map->rtcp))) {
        err = open_one(alg, want, map);
        if (err == 0)
            open_beside(alg, want, map);
        return err;
    }
    if (err != 0)
        return err;
    if (!ip_port_eq(alg_mapping_inside(alg->mappings, map->h[1].index), map->rtcp)) {
        mapping_release(alg->mappings, alg->thread, map->h[1], false);
        map->h[1] = HANDLE_NONE;
        map->alone = true;
    }
    return 0;
}

/* Where RTCP of a stream without a pair goes: its own mapping if it has one. */
static struct ip_port rtcp_alone(const struct alg *alg, const struct mapping_want *want,
                                 const struct sip_map *map)
{
    uint32_t index = alg_mapping_find_source(alg->mappings, want->proto, want->zone, map->rtcp,
                                             want->outside_ifindex);
    if (index != INDEX_NONE)
        return alg_mapping_public(alg->mappings, index);
    return (struct ip_port){map->public_side[0].ip, map->rtcp.port};
}

/* Its public side is given by configuration. */
static int open_named(struct alg *alg, const struct mapping_want *want, struct sip_map *map,
                      bool pair)
{
    struct mapping_want named = *want;
    uint16_t port = be16_host(map->name.port);
    named.nat = (struct nat_want){.ip = ip_port_v4(map->name).ip,
                                  .first = port,
                                  .last = (uint16_t)(port + (pair && port < UINT16_MAX))};
    named.lease = (struct pool_lease){0};
    return pair ? open_two(alg, &named, map) : open_one(alg, &named, map);
}

/* `at`: the public port it must get, 0 any. */
static enum alg_reason map_open(struct alg *alg, const struct sip_message *m, struct sip_map *map,
                                uint32_t at)
{
    struct mapping_want want = want_of(m, map);
    if (at > UINT16_MAX)
        return ALG_REASON_SIP_NO_PORT;
    if (at) {
        want.nat.first = (uint16_t)at;
        want.nat.last = (uint16_t)(at + (!map->alone && at < UINT16_MAX));
        want.nat.preserve = want.nat.fixed = false;
    }
    bool pair = map->kind == MAPPING_RTP && !map->alone;
    map->opened[0] = !exists(alg, &want, map->inside);
    map->opened[1] = pair && !exists(alg, &want, map->rtcp);
    int err = map->named && at == 0 ? open_named(alg, &want, map, pair) : -EADDRNOTAVAIL;
    if (err == -EADDRNOTAVAIL && (!map->named || map->renames))
        err = pair ? open_two(alg, &want, map) : open_one(alg, &want, map);
    if (err != 0) {
        map->h[0] = map->h[1] = HANDLE_NONE;
        map->public_side[0] = map->inside; /* what names it stays as it is */
        map->public_side[1] = map->rtcp;
        return map->optional ? ALG_REASON_NONE : reason_of(err);
    }
    map->public_side[0] = alg_mapping_public(alg->mappings, map->h[0].index);
    if (handle_none(map->h[1]))
        map->public_side[1] = rtcp_alone(alg, &want, map);
    else
        map->public_side[1] = alg_mapping_public(alg->mappings, map->h[1].index);
    map->apart = m->nat && !handle_none(map->h[1]) &&
                 be16_host(map->public_side[1].port) != be16_host(map->public_side[0].port) + 1;
    return ALG_REASON_NONE;
}

static void map_undo(struct alg *alg, struct sip_map *map)
{
    for (int i = 1; i >= 0; i--) {
        bool keep = map->kind == MAPPING_SIGNALLING && !map->opened[i];
        if (!map->held && !handle_none(map->h[i]))
            mapping_release(alg->mappings, alg->thread, map->h[i], keep);
    }
}

static void maps_undo(struct alg *alg, struct sip_plan *plan, unsigned from, unsigned to)
{
    while (to-- > from)
        map_undo(alg, &plan->maps[to]);
}

/* The pairs behind the first one, each two ports further. */
static enum alg_reason pairs_follow(struct alg *alg, const struct sip_message *m,
                                    struct sip_plan *plan, unsigned first)
{
    struct sip_map *base = &plan->maps[first];
    uint32_t port = be16_host(base->public_side[0].port);
    enum alg_reason reason = ALG_REASON_NONE;
    if (!base->held && handle_none(base->h[0]))
        return ALG_REASON_NONE; /* done without */
    for (unsigned k = 1; k < base->pairs && reason == ALG_REASON_NONE; k++) {
        struct sip_map *map = &plan->maps[first + k];
        if (m->nat && port + 2 * k + 1 > m->packet->profile->nat_port_last)
            reason = ALG_REASON_SIP_NO_PORT;
        else if (!map->held)
            reason = map_open(alg, m, map, m->nat ? port + 2 * k : 0);
        if (reason == ALG_REASON_NONE && be16_host(map->public_side[0].port) != port + 2 * k)
            reason = ALG_REASON_SIP_NO_PORT;
        if (reason == ALG_REASON_SIP_NO_PORT && base->fewer) {
            map_undo(alg, map);
            map->h[0] = map->h[1] = HANDLE_NONE;
            base->pairs = (uint8_t)k;
            return ALG_REASON_NONE;
        }
        if (reason != ALG_REASON_NONE)
            maps_undo(alg, plan, first + 1, first + k + 1);
    }
    return reason;
}

/* Map number `i` and those that belong to it: where there is no room behind the first pair, all of
 * them elsewhere. */
static enum alg_reason run_open(struct alg *alg, const struct sip_message *m, struct sip_plan *plan,
                                unsigned i)
{
    struct sip_map *base = &plan->maps[i];
    const struct voip_profile *profile = m->packet->profile;
    unsigned tries = base->pairs > 1 && !base->held && m->nat ? RUN_TRIES : 1;
    uint32_t places = profile->nat_port_last - profile->nat_port_first + 1u, at = 0;
    enum alg_reason reason = ALG_REASON_NONE;
    for (; tries > 0; tries--) {
        if (!base->held)
            reason = map_open(alg, m, base, at);
        if (reason == ALG_REASON_NONE && base->pairs > 1)
            reason = pairs_follow(alg, m, plan, i);
        else if (at == 0)
            return reason;
        if (reason == ALG_REASON_NONE)
            return reason;
        map_undo(alg, base);
        base->h[0] = base->h[1] = HANDLE_NONE;
        base->alone = !base->rtcp_own;
        at = profile->nat_port_first + rng_below(&alg->thread->rng, places);
        at += (at ^ be16_host(base->inside.port)) & 1;
    }
    return reason;
}

static enum alg_reason maps_open(struct alg *alg, const struct sip_message *m,
                                 struct sip_plan *plan)
{
    for (unsigned i = 0; i < plan->n_maps;) {
        unsigned n = plan->maps[i].pairs > 1 ? plan->maps[i].pairs : 1;
        enum alg_reason reason =
            plan->maps[i].held && n == 1 ? ALG_REASON_NONE : run_open(alg, m, plan, i);
        if (reason != ALG_REASON_NONE) {
            maps_undo(alg, plan, 0, i);
            return reason;
        }
        i += n;
    }
    return ALG_REASON_NONE;
}

/*
 * Writing
 */

static struct ip_port edit_endpoint(const struct sip_plan *plan, const struct sip_edit *e)
{
    return e->map == SIP_MAP_NONE ? e->ep : plan->maps[e->map].public_side[e->side];
}

static size_t put_number(char *out, uint32_t v)
{
    char digits[10];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

static size_t put_rtcp(char *out, bool lf, uint32_t port)
{
    static const char line[] = "\r\na=rtcp:";
    size_t n = sizeof(line) - 1 - lf;
    memcpy(out, line + lf, n);
    return n + put_number(out + n, port);
}

#define EDIT_MAX IP_PORT_TEXT_MAX /* bytes of any edit but text */

/* The new bytes of an edit into `out` (EDIT_MAX bytes); returns how many. Not for text. */
static size_t edit_print(const struct sip_plan *plan, const struct sip_edit *e, uint32_t length,
                         char *out)
{
    struct ip_port ep = edit_endpoint(plan, e);
    size_t n;
    switch ((enum sip_edit_kind)e->kind) {
    case SIP_EDIT_IP:
        return ip_addr_print(&ep.ip, out);
    case SIP_EDIT_PORT:
        return put_number(out, be16_host(ep.port));
    case SIP_EDIT_ENDPOINT:
        n = ip_addr_print(&ep.ip, out);
        if (e->bare && be16_host(ep.port) == SIP_PORT)
            return n;
        out[n++] = ':';
        return n + put_number(out + n, be16_host(ep.port));
    case SIP_EDIT_LENGTH:
        return put_number(out, length);
    case SIP_EDIT_COUNT:
        return put_number(out, plan->maps[e->map].pairs);
    case SIP_EDIT_RTCP:
        return plan->maps[e->map].apart ? put_rtcp(out, e->bare, be16_host(ep.port)) : 0;
    case SIP_EDIT_TEXT:
        break;
    }
    return 0;
}

/* Content-Length after the edits of the body. */
static uint32_t body_length(const struct sip_plan *plan)
{
    char scratch[EDIT_MAX];
    int64_t n = (int64_t)plan->body_end - plan->body_at;
    for (unsigned i = 0; i < plan->n_edits; i++) {
        const struct sip_edit *e = &plan->edits[i];
        if (e->at < plan->body_at)
            continue;
        n -= e->cut;
        n += e->kind == SIP_EDIT_TEXT ? e->text_n : (int64_t)edit_print(plan, e, 0, scratch);
    }
    return (uint32_t)n;
}

static bool output_put(struct sip_output *w, const char *p, size_t n)
{
    if (n > w->cap - w->n)
        return false;
    memcpy(w->p + w->n, p, n);
    w->n += n;
    return true;
}

static enum alg_reason message_write(struct alg *alg, const struct sip_message *m,
                                     const struct sip_plan *plan, struct sip_output *w)
{
    struct slice from = {m->packet->payload.p, m->packet->payload.n};
    uint32_t length = plan->body_at == UINT32_MAX ? 0 : body_length(plan);
    size_t at = 0, base = (size_t)(m->msg.bytes.p - from.p);
    bool debug = sip_debug_on(alg, SIP_DEBUG_EDITS);
    for (unsigned i = 0; i < plan->n_edits; i++) {
        const struct sip_edit *e = &plan->edits[i];
        char text[EDIT_MAX];
        const char *put = text;
        size_t n, place = base + e->at;
        if (place < at || place + e->cut > from.n)
            return ALG_REASON_SIP_MALFORMED;
        if (e->kind == SIP_EDIT_TEXT) {
            put = plan->text + e->text;
            n = e->text_n;
        } else {
            n = edit_print(plan, e, length, text);
        }
        if (debug)
            sip_debug_edit(alg, m, e, slice_of(put, n));
        if (!output_put(w, from.p + at, place - at) || !output_put(w, put, n))
            return ALG_REASON_SIP_TOO_LARGE;
        at = place + e->cut;
    }
    size_t end = from.n - m->msg.trailing;
    if (at > end)
        return ALG_REASON_SIP_MALFORMED;
    return output_put(w, from.p + at, end - at) ? ALG_REASON_NONE : ALG_REASON_SIP_TOO_LARGE;
}

/*
 * Afterwards
 */

static void form_note(struct alg *alg, const struct sip_message *m, struct ip_port ep,
                      unsigned class, struct sip_form form)
{
    struct sip_form_key key = {
        .inside = m->packet->inside.ip,
        .ip = ep.ip,
        .port = ep.port,
        .zone = m->packet->inside_zone,
        .class = class,
    };
    sip_forms_note(&alg->forms, &key, form);
}

/* Remember how the inside host wrote what now stands there as public. */
static void forms_note(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan)
{
    for (unsigned i = 0; i < plan->n_notes; i++)
        form_note(alg, m, plan->notes[i].ep, plan->notes[i].class, (struct sip_form){.kept = true});
    for (unsigned i = 0; i < plan->n_edits; i++) {
        const struct sip_edit *e = &plan->edits[i];
        struct ip_port ep = edit_endpoint(plan, e);
        if (!e->noted)
            continue;
        if (e->kind == SIP_EDIT_IP)
            ep.port = be16_of(e->form_port);
        else if (e->kind == SIP_EDIT_ENDPOINT && e->bare && be16_host(ep.port) == SIP_PORT)
            ep.port = 0;
        struct sip_form form = {.port = e->form_port, .other = e->other, .ip = e->far};
        if (e->far) {
            struct sip_form_key key = far_key(m->packet, ep, (enum sip_form_class)e->class);
            sip_forms_note(&alg->forms, &key, form);
        } else {
            form_note(alg, m, ep, e->class, form);
        }
    }
}

static void map_pin(struct alg *alg, const struct sip_message *m, const struct sip_map *map,
                    struct dialog *owner)
{
    struct pin *pin = pin_new(&alg->dialogs, owner);
    host_share_count(&alg->pin_hosts, &owner->inside.ip, owner->inside_zone, 1);
    alg->n_called_pins += owner->from_outside;
    pin->kind = map->kind;
    pin->stream = map->stream;
    pin->proto = map->proto;
    pin->named = map->named;
    pin->inside = map->inside;
    pin->rtcp = map->rtcp;
    pin->flags = (uint8_t)((map->mux ? PIN_MUX_IN : 0) | (map->apart ? PIN_APART : 0));
    pin->expires_ms = m->packet->now_ms + REGISTER_WAIT_MS;
    for (int side = 0; side < 2; side++) {
        pin->h[side] = map->h[side];
        pin->public_side[side] = map->public_side[side];
    }
    if (map->kind == MAPPING_RTP && map->stream < DIALOG_REMOTES) {
        const struct dialog_remote *remote = &owner->remotes[map->stream];
        pin->remote = remote->rtp;
        pin->remote_rtcp = remote->rtcp;
        pin->flags |= remote->mux ? PIN_MUX_OUT : 0;
    }
    if (map->kind == MAPPING_SIGNALLING && !ip_port_eq(map->inside, m->packet->inside))
        alg_mapping_claim(alg->mappings, alg->thread, map->h[0].index, &m->packet->outside);
    if (!ip_addr_is_zero(&pin->remote.ip))
        alg_claim(alg, pin);
    sip_debug_mapping(alg, owner, pin, "opened");
}

/* Why the owner may not have `n` more pins: its own number, those of its host, or all there are. */
static enum alg_reason pins_refuse(const struct alg *alg, const struct dialog *owner, unsigned n)
{
    const struct dialogs *ds = &alg->dialogs;
    if (n == 0)
        return ALG_REASON_NONE;
    if (!owner || owner->n_pins + n > DIALOG_PINS_MAX)
        return ALG_REASON_SIP_MEDIA_LIMIT;
    if (!pins_room(ds, owner, n))
        return ALG_REASON_SIP_MEDIA_FULL;
    uint32_t n_free = ds->pin_capacity - ds->n_pins;
    if (owner->from_outside)
        n_free = host_share_outside(n_free, ds->pin_capacity, alg->n_called_pins);
    return host_share_room(&alg->pin_hosts, &owner->inside.ip, owner->inside_zone, n_free)
               ? ALG_REASON_NONE
               : ALG_REASON_SIP_MEDIA_HOST;
}

enum alg_reason sip_commit(struct alg *alg, const struct sip_message *m, struct sip_plan *plan,
                           struct dialog *owner, struct sip_output *out)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < plan->n_maps; i++)
        wanted += !plan->maps[i].held;
    enum alg_reason reason = pins_refuse(alg, owner, wanted);
    if (reason == ALG_REASON_NONE)
        reason = maps_open(alg, m, plan);
    if (reason != ALG_REASON_NONE)
        return reason;

    out->n = 0;
    if (plan->n_edits || m->msg.trailing)
        reason = message_write(alg, m, plan, out);
    if (reason != ALG_REASON_NONE) {
        for (unsigned i = plan->n_maps; i-- > 0;)
            map_undo(alg, &plan->maps[i]);
        return reason;
    }
    forms_note(alg, m, plan);
    for (unsigned i = 0; i < plan->n_maps; i++)
        if (!plan->maps[i].held && !handle_none(plan->maps[i].h[0]))
            map_pin(alg, m, &plan->maps[i], owner);
    return ALG_REASON_NONE;
}
