/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A call keeps what it has opened by hash, so that closing needs no more than the record. A place
 * that was only named must have a port that anybody may use; where SIP of the call went it goes
 * again, whatever the port. The way out is that of the message itself: what a Contact names behind
 * another interface is nowhere.
 */
#include "alg/call_outlet.h"

#include "alg/alg_state.h"

#define PORT_MIN 1024 /* of places that are named: as for media */

static struct handle record_of(const struct alg *alg, const struct dialog *d)
{
    return (struct handle){dialog_index(&alg->dialogs, d), d->epoch};
}

static bool is_same(const struct outlet_call *a, const struct outlet_call *b)
{
    return a->policy_id == b->policy_id && a->public_side.ip == b->public_side.ip &&
           a->public_side.port == b->public_side.port;
}

static void place_open(struct alg *alg, struct dialog *d, const struct outlet_way *way,
                       const struct outlet_call *how)
{
    struct mappings *ms = alg->mappings;
    const uint64_t hash = outlet_hash(ms, way);
    struct dialog_outlet *at = NULL;
    for (int i = 0; i < DIALOG_OUTLETS; i++)
        if (d->outlets[i].way == hash)
            at = &d->outlets[i];
    if (at && is_same(&at->how, how))
        return;
    if (!at) {
        at = &d->outlets[d->outlet_turn];
        d->outlet_turn = (uint8_t)((d->outlet_turn + 1) % DIALOG_OUTLETS);
        if (at->way)
            outlet_close_call(ms, at->way, record_of(alg, d));
    }
    outlet_open_call(ms, way, record_of(alg, d), how);
    *at = (struct dialog_outlet){hash, *how};
}

void call_outlets_open(struct alg *alg, struct dialog *d, const struct alg_packet *packet)
{
    struct outlet_way way = {
        .inside = packet->inside.ip,
        .remote = packet->outside.ip,
        .port = packet->outside.port,
        .inside_port = packet->inside.port,
        .zone = packet->inside_zone,
        .outside_ifindex = packet->outward ? packet->out_ifindex : packet->in_ifindex,
    };
    struct outlet_call how = {.policy_id = packet->policy_id};
    if (packet->proto != 17 ||
        (d->outlets_stand && d->outlet_session.index == packet->session.index &&
         d->outlet_session.epoch == packet->session.epoch && d->outlet_policy == packet->policy_id))
        return;
    d->outlets_stand = !handle_none(packet->session);
    d->outlet_session = packet->session;
    d->outlet_policy = packet->policy_id;
    if (!ip_port_eq(packet->inside, packet->public_side))
        how.public_side = ip_port_v4(packet->public_side);
    place_open(alg, d, &way, &how);
    if (!packet->profile->open_contact_pinhole)
        return;
    for (int i = 0; i < 2; i++) {
        way.remote = d->targets[i].ip;
        way.port = d->targets[i].port;
        if (be16_host(way.port) >= PORT_MIN && !ip_addr_is_zero(&way.remote))
            place_open(alg, d, &way, &how);
    }
}

void call_outlets_close(struct alg *alg, struct dialog *d)
{
    for (int i = 0; i < DIALOG_OUTLETS; i++)
        if (d->outlets[i].way)
            outlet_close_call(alg->mappings, d->outlets[i].way, record_of(alg, d));
    memset(d->outlets, 0, sizeof(d->outlets));
    d->outlets_stand = false;
}
