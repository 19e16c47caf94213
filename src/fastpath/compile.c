/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From rows to a snapshot: names became numbers in config/; here they become the structs the packet
 * path reads. Everything a snapshot points to lives in one arena and is freed with it.
 *
 * Timers: a flow's set follows from the service object that matched, the policy, and the
 * session-ttl row of its port. Services without timers of their own share class 0, as do policies;
 * the sets of all combinations are resolved and interned here, so that a worker only indexes.
 */
#include "fastpath/compile.h"

#include "base/hash.h"
#include "base/text.h"
#include "config/rows.h"
#include "fastpath/compile6.h"
#include "fastpath/compile_tcp.h"
#include "fastpath/route.h"
#include "fastpath/route6.h"

#include <stdio.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *next;
    max_align_t data[];
};

struct compile {
    const struct config_rows *rows;
    struct snapshot *s;
    struct timer_sets *sets;
    struct text *error;
    uint16_t *service_class; /* of each service row */
    uint16_t *class_service; /* a service row of each class */
    uint32_t *class_policy;  /* a policy row of each class */
    bool failed;
};

static void *arena_alloc(struct compile *c, size_t n, size_t size)
{
    struct arena_chunk *chunk = calloc(1, sizeof *chunk + n * size);
    if (!chunk)
        abort();
    chunk->next = c->s->arena;
    c->s->arena = chunk;
    return chunk->data;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    routes_free((struct routes *)(uintptr_t)s->routes);
    routes6_free((struct routes6 *)(uintptr_t)s->routes6);
    for (struct arena_chunk *chunk = s->arena, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(s);
}

static void fail(struct compile *c, const char *path, const char *why)
{
    if (!c->failed)
        text_printf(c->error, "%s: %s", path, why);
    c->failed = true;
}

static void compile_interfaces(struct compile *c, const uint8_t (*macs)[6])
{
    const struct config_rows *rows = c->rows;
    static const uint8_t no_mac[6];
    if (rows->n_interfaces >= MAX_INTERFACES)
        return fail(c, "config system interface", "more than 63 interfaces");
    c->s->n_interfaces = rows->n_interfaces;
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        const struct row_interface *row = &rows->interfaces[i];
        struct interface *f = &c->s->interfaces[i + 1];
        snprintf(f->name, sizeof f->name, "%s", row->name);
        f->ip = row->ip;
        f->mask = row->mask;
        f->mtu = row->mtu;
        f->zone = (uint16_t)(row->zone + 1);
        f->up = row->up;
        f->allow_ping = row->allow_ping;
        f->tcp_mss = row->tcp_mss;
        memcpy(f->mac, memcmp(row->mac, no_mac, 6) != 0 || !macs ? row->mac : macs[i + 1], 6);
        f->nat = (struct nat_want){
            .ip = row->ip, .first = NAT_PORT_FIRST, .last = NAT_PORT_LAST, .preserve = true};
    }
    compile_interfaces6(rows, c->s);
}

static uint64_t interface_mask(bool any, const uint16_t *list, uint16_t n)
{
    uint64_t mask = any ? ~(uint64_t)0 : 0;
    for (uint16_t i = 0; i < n; i++)
        mask |= (uint64_t)1 << (list[i] + 1);
    return mask;
}

static const struct address_range *compile_addresses(struct compile *c, const uint16_t *list,
                                                     uint16_t n, uint16_t *n_out)
{
    const struct row_address *rows = c->rows->addresses;
    size_t total = 0, k = 0;
    for (uint16_t i = 0; i < n; i++)
        total += rows[list[i]].n_ranges;
    if (total > UINT16_MAX) {
        fail(c, "config firewall policy", "more than 65535 address ranges in one field");
        return NULL;
    }
    struct address_range *out = arena_alloc(c, total, sizeof *out);
    for (uint16_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < rows[list[i]].n_ranges; j++) {
            const struct row_range *r = &rows[list[i]].ranges[j];
            out[k++] = (struct address_range){r->first, r->last};
        }
    *n_out = (uint16_t)total;
    return out;
}

static const struct row_range6 *compile_addresses6(struct compile *c, const uint16_t *list,
                                                   uint16_t n, uint16_t *n_out)
{
    const struct row_address6 *rows = c->rows->addresses6;
    size_t total = 0, k = 0;
    for (uint16_t i = 0; i < n; i++)
        total += rows[list[i]].n_ranges;
    if (total > UINT16_MAX) {
        fail(c, "config firewall policy", "more than 65535 address ranges in one field");
        return NULL;
    }
    struct row_range6 *out = arena_alloc(c, total, sizeof *out);
    for (uint16_t i = 0; i < n; i++)
        for (uint32_t j = 0; j < rows[list[i]].n_ranges; j++)
            out[k++] = rows[list[i]].ranges[j];
    *n_out = (uint16_t)total;
    return out;
}

static const uint16_t *compile_vips(struct compile *c, const struct row_policy *row)
{
    uint16_t *out = arena_alloc(c, row->n_vips, sizeof *out);
    for (uint16_t i = 0; i < row->n_vips; i++)
        out[i] = (uint16_t)(row->vips[i] + 1);
    return out;
}

static struct service_match service_match_of(const struct row_service_match *m)
{
    return (struct service_match){
        .proto = m->proto,
        .any_icmp_type = m->any_icmp_type,
        .any_icmp_code = m->any_icmp_code,
        .icmp_type = m->icmp_type,
        .icmp_code = m->icmp_code,
        .dport_first = m->dport_first,
        .dport_last = m->dport_last,
        .sport_first = m->sport_first,
        .sport_last = m->sport_last,
    };
}

static void compile_services(struct compile *c, const struct row_policy *row, struct policy *p)
{
    size_t total = 0, k = 0;
    for (uint16_t i = 0; i < row->n_services; i++)
        total += c->rows->services[row->services[i]].n_matches;
    if (total > UINT16_MAX)
        return fail(c, "config firewall policy", "more than 65535 port ranges in one field");
    struct policy_service *out = arena_alloc(c, total, sizeof *out);
    for (uint16_t i = 0; i < row->n_services; i++) {
        const struct row_service *service = &c->rows->services[row->services[i]];
        for (uint32_t j = 0; j < service->n_matches; j++)
            out[k++] = (struct policy_service){
                .match = service_match_of(&service->matches[j]),
                .timer_class = c->service_class[row->services[i]],
                .service = row->services[i],
                .traits = compile_tcp_service(service),
                .no_helper = service->no_helper,
            };
    }
    p->services = out;
    p->n_services = (uint16_t)total;
}

static bool service_has_timers(const struct row_service *s)
{
    return s->session_ttl_s || s->udp_idle_s || s->tcp_halfopen_s || s->tcp_halfclose_s ||
           s->tcp_timewait_s || s->tcp_rst_s;
}

static void compile_service_classes(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    c->service_class = arena_alloc(c, rows->n_services + 1u, sizeof(uint16_t));
    c->class_service = arena_alloc(c, rows->n_services + 1u, sizeof(uint16_t));
    c->s->n_service_classes = 1;
    for (uint16_t i = 0; i < rows->n_services; i++)
        if (service_has_timers(&rows->services[i])) {
            c->class_service[c->s->n_service_classes] = i;
            c->service_class[i] = c->s->n_service_classes++;
        }
}

static uint16_t policy_class(struct compile *c, uint32_t row)
{
    if (c->rows->policies[row].session_ttl_s == 0)
        return 0;
    if (c->s->n_policy_classes == UINT16_MAX) {
        fail(c, "config firewall policy", "more than 65534 policies with a session-ttl");
        return 0;
    }
    c->class_policy[c->s->n_policy_classes] = row;
    return c->s->n_policy_classes++;
}

static void compile_policies(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct policy *policies = arena_alloc(c, rows->n_policies, sizeof *policies);
    c->class_policy = arena_alloc(c, rows->n_policies + 1u, sizeof(uint32_t));
    c->s->n_policy_classes = 1;
    for (uint32_t i = 0; i < rows->n_policies && !c->failed; i++) {
        const struct row_policy *row = &rows->policies[i];
        struct policy *p = &policies[i];
        *p = (struct policy){
            .id = row->id,
            .in_mask = interface_mask(row->any_srcintf, row->srcintf, row->n_srcintf),
            .out_mask = interface_mask(row->any_dstintf, row->dstintf, row->n_dstintf),
            .accept = row->accept,
            .nat = row->nat,
            .preserve = row->port_preserve,
            .fixed = row->fixedport,
            .src_negate = row->src_negate,
            .dst_negate = row->dst_negate,
            .service_negate = row->service_negate,
            .match_vip = row->match_vip,
            .n_vips = row->n_vips,
            .vips = compile_vips(c, row),
            .sip = row->voip_profile != ROW_NONE || rows->global.voip_alg_proxy,
            .profile = row->voip_profile == ROW_NONE ? 0 : row->voip_profile,
            .timer_class = policy_class(c, i),
        };
        p->src = compile_addresses(c, row->srcaddr, row->n_srcaddr, &p->n_src);
        p->dst = compile_addresses(c, row->dstaddr, row->n_dstaddr, &p->n_dst);
        p->src6 = compile_addresses6(c, row->srcaddr6, row->n_srcaddr6, &p->n_src6);
        p->dst6 = compile_addresses6(c, row->dstaddr6, row->n_dstaddr6, &p->n_dst6);
        compile_services(c, row, p);
        compile_tcp_policy(rows, row, p);
    }
    c->s->policies = policies;
    c->s->n_policies = rows->n_policies;
}

static void compile_profiles(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct voip_profile *profiles = arena_alloc(c, rows->n_voip_profiles, sizeof *profiles);
    for (uint16_t i = 0; i < rows->n_voip_profiles; i++) {
        const struct row_voip_profile *row = &rows->voip_profiles[i];
        struct voip_profile *p = &profiles[i];
        snprintf(p->name, sizeof p->name, "%s", row->name);
        p->sip_status = row->sip_status;
        p->rtp = row->rtp;
        p->nat_trace = row->nat_trace;
        p->preserve_override = row->preserve_override;
        p->no_sdp_fixup = row->no_sdp_fixup;
        p->open_register_pinhole = row->open_register_pinhole;
        p->open_contact_pinhole = row->open_contact_pinhole;
        p->strict_register = row->strict_register;
        p->nat_port_first = row->nat_port_first;
        p->nat_port_last = row->nat_port_last;
        p->max_dialogs = row->max_dialogs;
        p->max_idle_dialogs = row->max_idle_dialogs;
        p->call_keepalive_s = row->call_keepalive_s;
        p->provisional_invite_expiry_s = row->provisional_invite_expiry_s;
    }
    c->s->profiles = profiles;
    c->s->n_profiles = rows->n_voip_profiles;
}

static void timer_inputs_set(const struct compile *c, struct timeout_inputs *in, uint16_t service,
                             uint16_t policy)
{
    const struct row_global *g = &c->rows->global;
    *in = (struct timeout_inputs){
        .global_udp_idle_s = g->udp_idle_s,
        .global_tcp_halfopen_s = g->tcp_halfopen_s,
        .global_tcp_halfclose_s = g->tcp_halfclose_s,
        .global_tcp_rst_s = g->tcp_rst_s,
        .global_tcp_timewait_s = g->tcp_timewait_s,
        .ttl_default_s = g->ttl_default_s,
    };
    if (service) {
        const struct row_service *row = &c->rows->services[c->class_service[service]];
        in->service = row->name;
        in->service_session_ttl_s = row->session_ttl_s;
        in->service_udp_idle_s = row->udp_idle_s;
        in->service_tcp_halfopen_s = row->tcp_halfopen_s;
        in->service_tcp_halfclose_s = row->tcp_halfclose_s;
        in->service_tcp_timewait_s = row->tcp_timewait_s;
        in->service_tcp_rst_s = row->tcp_rst_s;
    }
    if (policy) {
        const struct row_policy *row = &c->rows->policies[c->class_policy[policy]];
        in->policy_id = row->id;
        in->policy_session_ttl_s = row->session_ttl_s;
    }
}

static uint16_t timer_set_of(struct compile *c, uint16_t service, uint16_t policy, uint16_t row)
{
    struct timeout_inputs in;
    struct timer_set set;
    timer_inputs_set(c, &in, service, policy);
    in.port = row ? &c->s->port_timers[row - 1] : NULL;
    timeouts_resolve(&in, &set);
    int id = timer_set_intern(c->sets, &set);
    if (id < 0)
        fail(c, "config system session-ttl", "more than 65535 different sets of timers");
    return id < 0 ? 0 : (uint16_t)id;
}

static void compile_timers(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct snapshot *s = c->s;
    struct timeout_port *ports = arena_alloc(c, rows->n_port_ttls, sizeof *ports);
    for (uint16_t i = 0; i < rows->n_port_ttls; i++) {
        const struct row_port_ttl *r = &rows->port_ttls[i];
        ports[i] = (struct timeout_port){
            .id = r->id,
            .proto = r->proto,
            .first = r->port_first,
            .last = r->port_last,
            .timeout_s = r->timeout_s,
            .refresh = (uint8_t)r->refresh,
        };
    }
    s->port_timers = ports;
    s->n_port_timers = rows->n_port_ttls;

    size_t row_n = s->n_port_timers + 1u;
    size_t n = s->n_service_classes * (size_t)s->n_policy_classes * row_n, k = 0;
    if (n > (size_t)16 << 20)
        return fail(c, "config firewall policy", "too many combinations of timers");
    uint16_t *ids = arena_alloc(c, n, sizeof *ids);
    for (uint16_t service = 0; service < s->n_service_classes; service++)
        for (uint16_t policy = 0; policy < s->n_policy_classes; policy++)
            for (uint16_t row = 0; row < row_n && !c->failed; row++)
                ids[k++] = timer_set_of(c, service, policy, row);
    s->timer_set_ids = ids;
}

static void compile_routes(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct routes *r = routes_create(rows->n_routes + rows->n_interfaces + 1u);
    if (!r)
        return fail(c, "config router static", "no memory for the routes");
    c->s->routes = r;
    int result = 0;
    for (uint16_t i = 0; i < rows->n_interfaces && result == 0; i++) {
        const struct row_interface *f = &rows->interfaces[i];
        if (f->ip && f->up)
            result = route_add(r, &(struct route){.dst = f->ip & f->mask,
                                                  .len = (uint8_t)ipv4_mask_len(f->mask),
                                                  .ifindex = (uint16_t)(i + 1),
                                                  .connected = true});
    }
    for (uint32_t i = 0; i < rows->n_routes && result == 0; i++) {
        const struct row_route *row = &rows->routes[i];
        bool down = !row->blackhole && !rows->interfaces[row->device].up;
        if (!down)
            result = route_add(
                r, &(struct route){.dst = row->dst,
                                   .len = row->len,
                                   .gateway = row->gateway,
                                   .ifindex = row->blackhole ? 0 : (uint16_t)(row->device + 1),
                                   .distance = row->distance,
                                   .priority = row->priority,
                                   .blackhole = row->blackhole});
    }
    if (result != 0)
        fail(c, "config router static", "no memory for the routes");
    c->s->routes6 = compile_routes6(rows);
    if (!c->s->routes6)
        fail(c, "config router static6", "no memory for the routes");
}

/* What decides whether a session that exists may live on. */
static uint64_t digest_of(const struct snapshot *s)
{
    struct hash_secret secret;
    uint64_t d = s->n_policies;
    hash_secret_fixed(&secret, 0);
    for (uint32_t i = 0; i < s->n_policies; i++) {
        struct policy p = s->policies[i];
        uint64_t parts[5] = {d, hash_bytes(&secret, p.src, p.n_src * sizeof *p.src),
                             hash_bytes(&secret, p.dst, p.n_dst * sizeof *p.dst), p.in_mask,
                             p.out_mask};
        uint64_t bits = (uint64_t)p.id << 8 | p.accept | p.nat << 1 | p.src_negate << 2 |
                        p.dst_negate << 3 | p.service_negate << 4 | p.fixed << 5;
        for (uint16_t k = 0; k < p.n_services; k++) {
            const struct service_match *m = &p.services[k].match;
            uint64_t ports[3] = {bits,
                                 (uint64_t)m->dport_first << 48 | (uint64_t)m->dport_last << 32 |
                                     (uint64_t)m->sport_first << 16 | m->sport_last,
                                 (uint64_t)m->proto << 32 | m->icmp_type << 16 | m->icmp_code << 8 |
                                     m->any_icmp_type << 1 | m->any_icmp_code};
            bits = hash_bytes(&secret, ports, sizeof ports);
        }
        d = hash_bytes(&secret, parts, sizeof parts) ^ bits;
    }
    for (uint16_t i = 1; i <= s->n_interfaces; i++) {
        uint64_t parts[3] = {d, s->interfaces[i].nat.ip, s->interfaces[i].up};
        d = hash_bytes(&secret, parts, sizeof parts);
    }
    const struct route *r;
    for (uint32_t i = 0; (r = route_at(s->routes, i)) != NULL; i++) {
        uint64_t parts[3] = {d, (uint64_t)r->dst << 32 | r->gateway,
                             (uint64_t)r->ifindex << 16 | r->len << 8 | r->blackhole};
        d = hash_bytes(&secret, parts, sizeof parts);
    }
    return compile_digest6(s, d);
}

struct snapshot *snapshot_compile(const struct config_rows *rows, struct timer_sets *sets,
                                  const struct snapshot *previous, const uint8_t (*macs)[6],
                                  struct text *error)
{
    struct compile c = {.rows = rows, .sets = sets, .error = error};
    c.s = calloc(1, sizeof *c.s);
    if (!c.s)
        abort();
    c.s->n_sip_ports = rows->global.n_sip_udp_ports;
    for (int i = 0; i < c.s->n_sip_ports; i++)
        c.s->sip_ports[i] = be16_of(rows->global.sip_udp_ports[i]);
    c.s->reset_sessionless = rows->global.reset_sessionless_tcp;
    snprintf(c.s->hostname, sizeof c.s->hostname, "%s", rows->global.hostname);
    compile_interfaces(&c, macs);
    if (!c.failed)
        compile_service_classes(&c);
    if (!c.failed)
        compile_policies(&c);
    if (!c.failed) {
        compile_profiles(&c);
        compile_timers(&c);
        compile_routes(&c);
    }
    if (c.failed) {
        snapshot_free(c.s);
        return NULL;
    }
    c.s->digest = digest_of(c.s);
    c.s->generation = !previous                         ? 1
                      : previous->digest == c.s->digest ? previous->generation
                                                        : previous->generation + 1;
    return c.s;
}
