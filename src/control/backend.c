/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the CLI sees of the firewall (cli/backend.h), gathered from where it lives. Sessions and
 * mappings are read in slices; calls belong to the ALG and come by message; everything else is
 * small.
 */
#include "alg/streams.h"
#include "config/rows.h"
#include "control/core.h"
#include "fastpath/alg_mail.h"
#include "fastpath/ports.h"
#include "fastpath/route.h"
#include "sessions/mapping6.h"
#include "sessions/pool.h"

#include <errno.h>

#define SLICE 4096

_Static_assert((int)BACKEND_SIP_METHODS == (int)ALG_METHODS, "one row per method in both");
_Static_assert(ALG_CALL_MEDIA <= 8 && ALG_CALL_CONTACTS <= 4 && ALG_CALL_TIMERS <= 6,
               "room for what a call has");
_Static_assert(sizeof((struct backend_sip_stat *)0)->method ==
                   sizeof((struct alg_stats *)0)->method,
               "the same table in both");
_Static_assert(sizeof((struct backend_sip_call *)0)->call_id ==
                       sizeof((struct alg_call *)0)->call_id &&
                   sizeof((struct backend_sip_call *)0)->profile ==
                       sizeof((struct alg_call *)0)->profile,
               "texts of one size in both");

static int commit(void *ctx, const struct config_tree *candidate, struct text *error)
{
    return control_commit(ctx, candidate, error);
}

/* ---- sessions ---- */

static int session_next(void *ctx, uint32_t *cursor, struct backend_session *out)
{
    const struct control *c = ctx;
    return sessions_view_next(&c->view, cursor, c->now_ms, out);
}

static int session_clear(void *ctx, uint32_t index, uint32_t epoch)
{
    struct control *c = ctx;
    return expiry_clear_session(c->expiry, (struct handle){index, epoch}, c->now_ms);
}

/* Control knows at once how many there are; of which family, the census says a little later. */
static uint32_t sessions_of(const struct expiry_stat *stat, const struct census *census, bool v6)
{
    uint32_t n6 = census->family[1].sessions;
    return v6 ? n6 : stat->sessions > n6 ? stat->sessions - n6 : 0;
}

static void session_stat(void *ctx, bool v6, struct backend_session_stat *out)
{
    struct control *c = ctx;
    struct expiry_stat stat;
    struct census census;
    expiry_stat(c->expiry, c->now_ms, &stat);
    sessions_view_census(&c->view, &census);
    *out = (struct backend_session_stat){
        .sessions = sessions_of(&stat, &census, v6),
        .capacity = c->dp->sessions.store.capacity,
        .mappings = v6 ? 0 : stat.mappings,
        .setup_rate = stat.setup_rate,
        .ephemeral = census.family[v6].ephemeral,
        .clash = stat.clashes,
        .deleted = stat.expired + stat.ended + stat.early,
        .flushed = stat.flushed,
        .table_full = control_drops(c, DROP_TABLE_FULL),
        .no_port = control_drops(c, DROP_NO_PORT),
        .denied = control_drops(c, DROP_NO_POLICY) + control_drops(c, DROP_POLICY_DENY),
    };
    memcpy(out->tcp_states, census.family[v6].tcp_states, sizeof out->tcp_states);
}

/* ---- SIP ---- */

/* A key of a mapping is in one of two buckets. */
static void sip_hashes(const struct control *c, uint32_t mappings, struct backend_sip_stat *out)
{
    struct alg_fill fill;
    alg_fill_read(c->alg->alg, &fill);
    out->dialog_hash.size = fill.buckets;
    out->dialog_hash.used = fill.used;
    out->dialog_hash.depth = fill.deepest;
    out->mapping_hash.size = c->dp->mappings.store.table.n_buckets * TABLE_BUCKET_SLOTS;
    out->mapping_hash.used = mappings;
    out->mapping_hash.depth = mappings ? 2 : 0;
}

static void sip_stat(void *ctx, struct backend_sip_stat *out)
{
    const struct control *c = ctx;
    struct alg_stats stats;
    struct stream_stats streams;
    struct expiry_stat stat;
    alg_stats_read(c->alg->alg, &stats);
    alg_stream_stats(c->alg->alg, &streams);
    *out = (struct backend_sip_stat){.calls_attempted = stats.calls_attempted,
                                     .calls_established = stats.calls_established,
                                     .calls_failed = stats.calls_failed,
                                     .calls_active = stats.calls_active,
                                     .registers_active = stats.registers_active,
                                     .streams = streams.streams,
                                     .max_streams = streams.max_streams,
                                     .stream_buffers = streams.buffers,
                                     .max_stream_buffers = streams.max_buffers};
    memcpy(out->method, stats.method, sizeof out->method);
    memcpy(out->transport_received, stats.received, sizeof out->transport_received);
    memcpy(out->transport_dropped, stats.dropped, sizeof out->transport_dropped);
    expiry_stat(c->expiry, c->now_ms, &stat);
    out->active_sessions = stat.alg_sessions;
    sip_hashes(c, stat.mappings, out);
}

static void sip_stat_clear(void *ctx)
{
    const struct control *c = ctx;
    alg_mail_clear_stats(c->alg->mail);
}

static void call_media(const struct alg_call *call, struct backend_sip_call *out)
{
    out->n_media = call->n_media;
    for (uint8_t i = 0; i < call->n_media && i < ALG_CALL_MEDIA; i++) {
        out->media[i].inside = call->media[i].inside;
        out->media[i].public_side = call->media[i].public_side;
        out->media[i].remote = ip_addr_is_zero(&call->media[i].remote.ip)
                                   ? (struct ip_port){.ip = ip_addr_of4(0)}
                                   : call->media[i].remote;
        out->media[i].idle_s = call->media[i].idle_s;
    }
}

static void call_timers(const struct alg_call *call, struct backend_sip_call *out)
{
    out->n_timers = call->n_timers;
    for (uint8_t i = 0; i < call->n_timers; i++) {
        out->timers[i].name = call->timers[i].name;
        out->timers[i].left_s = call->timers[i].left_s;
    }
    out->n_contacts = call->n_contacts;
    for (uint8_t i = 0; i < call->n_contacts; i++) {
        out->contacts[i].inside = call->contacts[i].inside;
        out->contacts[i].public_side = call->contacts[i].public_side;
        out->contacts[i].expire_s = call->contacts[i].expire_s;
    }
    out->more_contacts = call->more_contacts;
    out->more_media = call->more_media;
}

static int sip_call_next(void *ctx, uint32_t *cursor, struct backend_sip_call *out)
{
    const struct control *c = ctx;
    struct alg_call call;
    int result = alg_mail_call(c->alg->mail, cursor, c->now_ms, &call);
    if (result != 1)
        return result;
    *out = (struct backend_sip_call){.id = call.id,
                                     .registration = call.registration,
                                     .method = call.method,
                                     .cseq = call.cseq,
                                     .status = call.status,
                                     .state = call.state,
                                     .idle = call.idle,
                                     .reply = call.reply,
                                     .held = {call.held[0], call.held[1]},
                                     .age_s = call.age_s,
                                     .session = handle_none(call.session) ? UINT32_MAX
                                                                          : call.session.index,
                                     .src = call.src,
                                     .dst = call.dst,
                                     .policy_id = call.policy_id,
                                     .expire_s = call.expire_s,
                                     .ends_by = call.ends_by};
    memcpy(out->call_id, call.call_id, sizeof out->call_id);
    memcpy(out->from, call.from, sizeof out->from);
    memcpy(out->to, call.to, sizeof out->to);
    memcpy(out->profile, call.profile, sizeof out->profile);
    call_media(&call, out);
    call_timers(&call, out);
    return 1;
}

static int sip_meter_next(void *ctx, uint32_t *cursor, struct backend_sip_meter *out)
{
    const struct control *c = ctx;
    struct alg_meter meter;
    int result = alg_mail_meter(c->alg->mail, cursor, c->now_ms, &meter);
    if (result != 1)
        return result;
    *out = (struct backend_sip_meter){
        .policy_id = meter.policy_id, .dialogs = meter.dialogs, .dialog_limit = meter.dialog_limit};
    for (int i = 0; i < BACKEND_SIP_METHODS; i++) {
        out->method[i].rate = meter.method[i].rate;
        out->method[i].peak = meter.method[i].peak;
        out->method[i].max = meter.method[i].max;
        out->method[i].count = meter.method[i].count;
        out->method[i].drop = meter.method[i].drop;
    }
    return 1;
}

static int sip_call_clear(void *ctx, uint64_t id)
{
    const struct control *c = ctx;
    return alg_mail_clear_call(c->alg->mail, id);
}

static uint64_t debug_want(void *ctx, const void *who, uint32_t mask)
{
    struct control *c = ctx;
    return debug_hub_want(&c->debug_hub, who, mask);
}

static int debug_next(void *ctx, uint64_t *number, struct backend_debug *out)
{
    const struct control *c = ctx;
    return debug_hub_line(&c->debug_hub, number, out);
}

/* ---- mappings ---- */

/*
 * An owned one lives as long as its dialog or registration, which the list of calls shows; else it
 * ends with its last session.
 */
static uint32_t mapping_expire_s(const struct control *c, const struct mapping *m)
{
    const struct sessions *ss = &c->dp->sessions;
    uint64_t last_ms = c->now_ms;
    uint32_t i = __atomic_load_n(&m->first_session, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&m->owners, __ATOMIC_RELAXED) & ~MAPPING_CLOSED)
        return UINT32_MAX;
    for (int n = 0; i != INDEX_NONE && n < MAPPING_MAX_SESSIONS; n++) {
        uint64_t ms = expiry_session_deadline_ms(c->dp->timer_sets, session_at(ss, i), c->now_ms);
        if (ms == UINT64_MAX)
            return UINT32_MAX;
        last_ms = ms > last_ms ? ms : last_ms;
        i = mapping_list_next(ss, mapping_index(&c->dp->mappings, m), i);
    }
    return (uint32_t)((last_ms - c->now_ms + 999) / 1000);
}

static void mapping_ends(const struct control *c, uint32_t index, struct backend_mapping *out)
{
    const struct mappings *ms = &c->dp->mappings;
    const struct mapping *m = mapping_at(ms, index);
    uint64_t peer = __atomic_load_n(&m->peer, __ATOMIC_RELAXED);
    bool anyone = __atomic_load_n(&m->filter, __ATOMIC_RELAXED) == MAPPING_ANYONE;
    if (mapping_is6(m)) {
        out->inside = out->public_side = *mapping_inside6(ms, index);
        if (!anyone && !mapping_peer6(ms, index, &out->peer))
            out->peer = (struct ip_port){ip_addr_of4(0), (be16)(peer >> 32)};
        return;
    }
    out->inside = ip_port_of4(mapping_inside(m));
    out->public_side = ip_port_of4(mapping_public(m));
    if (!anyone)
        out->peer = (struct ip_port){ip_addr_of4((be32)peer), (be16)(peer >> 32)};
}

static void mapping_fill(const struct control *c, uint32_t index, struct backend_mapping *out)
{
    static const char *const kinds[] = {"signalling", "rtp", "rtcp", "cone"};
    const struct mapping *m = mapping_at(&c->dp->mappings, index);
    *out = (struct backend_mapping){
        .index = index,
        .proto = m->r.key[0].proto,
        .kind = kinds[m->kind],
        .owners = __atomic_load_n(&m->owners, __ATOMIC_RELAXED) & ~MAPPING_CLOSED,
        .sessions = __atomic_load_n(&m->n_sessions, __ATOMIC_RELAXED),
        .policy_id = m->policy_id,
        .expire_s = mapping_expire_s(c, m),
    };
    mapping_ends(c, index, out);
}

static int mapping_next(void *ctx, uint32_t *cursor, struct backend_mapping *out)
{
    const struct control *c = ctx;
    uint32_t end = __atomic_load_n(&c->dp->mappings.store.fresh, __ATOMIC_RELAXED);
    for (uint32_t n = 0; *cursor < end && n < SLICE; n++) {
        uint32_t index = (*cursor)++;
        const struct mapping *m = mapping_at(&c->dp->mappings, index);
        if (record_state(&m->r) != RECORD_LIVE)
            continue;
        mapping_fill(c, index, out);
        return 1;
    }
    return *cursor < end ? -EAGAIN : 0;
}

/* ---- the rest ---- */

static int drop_next(void *ctx, uint32_t *cursor, struct backend_counter *out)
{
    if (*cursor >= DROP_COUNT)
        return 0;
    enum drop_reason reason = (enum drop_reason)(*cursor)++;
    *out =
        (struct backend_counter){drop_name(reason), drop_text(reason), control_drops(ctx, reason)};
    return 1;
}

static int interface_next(void *ctx, uint32_t *cursor, struct backend_interface *out)
{
    const struct control *c = ctx;
    const struct snapshot *s = dataplane_snapshot(c->dp);
    const struct config_rows *rows = c->publish.rows;
    if (*cursor >= s->n_interfaces || *cursor >= rows->n_interfaces)
        return 0;
    const struct row_interface *row = &rows->interfaces[*cursor];
    uint16_t index = (uint16_t)(++*cursor);
    const struct interface *i = &s->interfaces[index];
    struct port_counts n = {0};
    ports_counts(index, &n);
    *out = (struct backend_interface){.name = i->name,
                                      .device = row->device,
                                      .index = index,
                                      .mtu = i->mtu,
                                      .ip = i->ip,
                                      .mask = i->mask,
                                      .ip6 = row->ip6,
                                      .ip6_len = row->ip6_len,
                                      .link_up = i->up && ports_link_up(index),
                                      .rx_packets = n.rx_packets,
                                      .rx_bytes = n.rx_bytes,
                                      .rx_missed = n.rx_missed,
                                      .rx_errors = n.rx_errors,
                                      .tx_packets = n.tx_packets,
                                      .tx_bytes = n.tx_bytes,
                                      .tx_errors = n.tx_errors};
    memcpy(out->mac, i->mac, sizeof out->mac);
    return 1;
}

static int neighbour_next(void *ctx, uint32_t *cursor, struct backend_neighbour *out)
{
    const struct control *c = ctx;
    const struct snapshot *s = dataplane_snapshot(c->dp);
    const struct neighbours *ns = &c->dp->neighbours;
    for (; *cursor < ns->capacity; ++*cursor) {
        const struct neighbour *n = &ns->entries[*cursor];
        uint64_t word = neighbour_word(ns, *cursor);
        if (neighbour_state(word) == NEIGHBOUR_UNUSED)
            continue;
        *out = (struct backend_neighbour){
            .ip = n->ip,
            .state = (uint8_t)neighbour_state(word),
            .ifindex = n->ifindex,
            .interface = n->ifindex <= s->n_interfaces ? s->interfaces[n->ifindex].name : "",
            .age_s = (uint32_t)(resolver_age_ms(&c->resolver, *cursor, c->now_ms) / 1000)};
        memcpy(out->mac, &word, sizeof out->mac);
        ++*cursor;
        return 1;
    }
    return 0;
}

static int route_next(void *ctx, uint32_t *cursor, struct backend_route *out)
{
    static const enum backend_route_state states[] = {
        [ROUTE_INACTIVE] = BACKEND_ROUTE_INACTIVE,
        [ROUTE_DOWN] = BACKEND_ROUTE_DOWN,
        [ROUTE_SPARE] = BACKEND_ROUTE_SPARE,
        [ROUTE_ACTIVE] = BACKEND_ROUTE_ACTIVE,
    };
    const struct control *c = ctx;
    const struct snapshot *s = dataplane_snapshot(c->dp);
    const struct route *r = route_at(s->routes, *cursor);
    if (!r)
        return 0;
    ++*cursor;
    *out = (struct backend_route){.dst = r->dst,
                                  .len = r->len,
                                  .gateway = r->gateway,
                                  .interface = r->blackhole ? "" : s->interfaces[r->ifindex].name,
                                  .state = states[r->state],
                                  .connected = r->connected,
                                  .blackhole = r->blackhole,
                                  .distance = r->distance,
                                  .priority = r->priority,
                                  .weight = r->weight};
    return 1;
}

static const struct config_rows *rows_in_force(void *ctx)
{
    const struct control *c = ctx;
    return c->publish.rows;
}

/* ---- policies and pools ---- */

/* Clocks of two threads: what is a little ahead is now. */
static uint32_t seconds_since(const struct control *c, uint64_t then_ms)
{
    return then_ms < c->now_ms ? (uint32_t)((c->now_ms - then_ms) / 1000) : 0;
}

static int policy_count(void *ctx, uint32_t id, struct backend_policy_count *out)
{
    struct control *c = ctx;
    struct policy_count n;
    if (policy_counts_get(&c->policy_counts, id, c->now_ms, &n) != 0)
        return -ENOENT;
    *out = (struct backend_policy_count){.packets = n.packets,
                                         .bytes = n.bytes,
                                         .hits = n.hits,
                                         .sessions = n.sessions,
                                         .first_s = seconds_since(c, n.first_ms),
                                         .last_s = seconds_since(c, n.last_ms)};
    return 0;
}

static int policy_count_clear(void *ctx, uint32_t id)
{
    struct control *c = ctx;
    return policy_counts_clear(&c->policy_counts, id);
}

/*
 * The pool a row in force is: pools live in a register of their own and outlast configurations, so
 * a changed pool can be there twice, the old one until its last session has ended.
 */
static const struct pool *pool_of(const struct control *c, const char *name)
{
    const struct config_rows *rows = c->publish.rows;
    const struct row_pool *row = NULL;
    for (uint16_t i = 0; i < rows->n_pools && !row; i++)
        if (strcmp(rows->pools[i].name, name) == 0)
            row = &rows->pools[i];
    for (unsigned id = 0; row && id <= POOLS_MAX; id++) {
        const struct pool *p = pools_at(c->dp->pools, (uint16_t)id);
        const struct pool_params *params = p ? pool_params(p) : NULL;
        if (params && strcmp(params->name, name) == 0 && params->first == row->first &&
            params->last == row->last && (int)params->type == (int)row->type)
            return p;
    }
    return NULL;
}

_Static_assert((int)ROW_POOL_ONE_TO_ONE == (int)POOL_ONE_TO_ONE &&
                   (int)ROW_POOL_FIXED_PORT_RANGE == (int)POOL_FIXED_RANGE &&
                   (int)ROW_POOL_PORT_BLOCK == (int)POOL_BLOCKS,
               "one order of types in both");

static int pool_stat_of(void *ctx, const char *name, struct backend_pool_stat *out)
{
    const struct control *c = ctx;
    const struct pool *p = pool_of(c, name);
    struct pool_stat stat;
    if (!p)
        return -ENOENT;
    pool_stat(p, &stat);
    *out = (struct backend_pool_stat){
        .per_address = stat.plan.per_address,
        .block = stat.plan.block,
        .clients = stat.clients,
        .addresses_in_use = stat.addresses_in_use,
        .places = stat.plan.places,
        .places_in_use = stat.places_in_use,
        .places_expiring = stat.places_expiring,
        .allocated = stat.allocated,
        .reused = stat.reused,
        .sessions = stat.sessions,
        .tcp = stat.tcp,
        .udp = stat.udp,
        .icmp = stat.icmp,
    };
    return 0;
}

static int pool_share(void *ctx, const char *name, uint32_t *cursor, struct backend_pool_share *out)
{
    const struct control *c = ctx;
    const struct pool *p = pool_of(c, name);
    struct pool_share share;
    if (!p || !pool_share_next(p, cursor, &share))
        return 0;
    *out =
        (struct backend_pool_share){share.source, share.ip, share.first, share.last, share.users};
    return 1;
}

static uint64_t uptime_s(void *ctx)
{
    const struct control *c = ctx;
    return (c->now_ms - c->start_ms) / 1000;
}

void control_backend_init(struct control *c)
{
    c->backend = (struct backend){
        .ctx = c,
        .commit = commit,
        .session_next = session_next,
        .session_clear = session_clear,
        .session_stat = session_stat,
        .sip_stat = sip_stat,
        .sip_stat_clear = sip_stat_clear,
        .sip_meter_next = sip_meter_next,
        .sip_call_next = sip_call_next,
        .sip_call_clear = sip_call_clear,
        .debug_want = debug_want,
        .debug_next = debug_next,
        .mapping_next = mapping_next,
        .drop_next = drop_next,
        .interface_next = interface_next,
        .neighbour_next = neighbour_next,
        .route_next = route_next,
        .rows = rows_in_force,
        .policy_count = policy_count,
        .policy_count_clear = policy_count_clear,
        .pool_stat = pool_stat_of,
        .pool_share_next = pool_share,
        .uptime_s = uptime_s,
    };
}
