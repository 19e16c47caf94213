/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule book of a snapshot: services and policies as the packet path needs them once a rule is
 * found, and the matcher that finds it.
 *
 * Timers: a flow's set follows from the service object that matched, the policy, and the
 * session-ttl row of its port. Services without timers of their own share class 0, as do policies;
 * the sets of all combinations are resolved and interned here, so that a worker only indexes.
 */
#include "base/hash.h"
#include "base/text.h"
#include "fastpath/compile_parts.h"
#include "fastpath/compile_tcp.h"
#include "fastpath/matcher.h"

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

static bool service_has_timers(const struct row_service *s)
{
    return s->session_ttl_s || s->udp_idle_s || s->tcp_halfopen_s || s->tcp_halfclose_s ||
           s->tcp_timewait_s || s->tcp_rst_s;
}

static void compile_services(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct policy_service *services = compile_alloc(c, rows->n_services, sizeof *services);
    c->class_service = compile_alloc(c, rows->n_services + 1u, sizeof(uint16_t));
    c->s->n_service_classes = 1;
    for (uint16_t i = 0; i < rows->n_services; i++) {
        const struct row_service *row = &rows->services[i];
        struct service_match *matches = compile_alloc(c, row->n_matches, sizeof *matches);
        for (uint32_t k = 0; k < row->n_matches; k++)
            matches[k] = service_match_of(&row->matches[k]);
        services[i] = (struct policy_service){.n_matches = row->n_matches,
                                              .matches = matches,
                                              .service = i,
                                              .traits = compile_tcp_service(row),
                                              .no_sip = row->helper == ROW_HELPER_OFF,
                                              .helper_sip = row->helper == ROW_HELPER_SIP};
        if (service_has_timers(row)) {
            services[i].timer_class = c->s->n_service_classes++;
            c->class_service[services[i].timer_class] = i;
        }
    }
    c->s->services = services;
}

static uint16_t policy_class(struct compile *c, uint32_t row)
{
    if (c->rows->policies[row].session_ttl_s == 0)
        return 0;
    if (c->s->n_policy_classes == UINT16_MAX) {
        compile_fail(c, "config firewall policy", "more than 65534 policies with a session-ttl");
        return 0;
    }
    c->class_policy[c->s->n_policy_classes] = row;
    return c->s->n_policy_classes++;
}

static void policy_fill(struct compile *c, uint32_t i, struct policy *p)
{
    const struct config_rows *rows = c->rows;
    const struct row_policy *row = &rows->policies[i];
    uint16_t *services = compile_alloc(c, row->n_services, sizeof *services);
    memcpy(services, row->services, row->n_services * sizeof *services);
    *p = (struct policy){
        .id = row->id,
        .log = row->log == ROW_LOG_ALL && rows->global.log_forward,
        .log_utm = row->log != ROW_LOG_NONE && rows->global.log_voip,
        .accept = row->accept,
        .nat = row->nat,
        .preserve = row->port_preserve,
        .fixed = row->fixedport,
        .service_negate = row->service_negate,
        .n_services = row->n_services,
        .services = services,
        .engine = compile_engine(rows, row),
        .profile = row->voip_profile == ROW_NONE ? 0 : row->voip_profile,
        .timer_class = policy_class(c, i),
    };
    compile_tcp_policy(rows, row, p);
    if (row->check_new)
        p->traits |= TRAIT_LASTING;
}

/* Half empty, so that a search ends after a step or two. */
static void compile_ids(struct compile *c)
{
    struct snapshot *s = c->s;
    uint32_t room = 4;
    while (room < 2 * s->n_policies)
        room *= 2;
    uint32_t *slots = compile_alloc(c, room, sizeof *slots);
    for (uint32_t i = 0; i < s->n_policies; i++) {
        uint32_t at = policy_id_hash(s->policies[i].id) & (room - 1);
        while (slots[at] != 0)
            at = (at + 1) & (room - 1);
        slots[at] = i + 1;
    }
    s->policy_slots = slots;
    s->policy_slot_mask = room - 1;
}

void compile_policies(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct policy *policies = compile_alloc(c, rows->n_policies, sizeof *policies);
    compile_services(c);
    c->class_policy = compile_alloc(c, rows->n_policies + 1u, sizeof(uint32_t));
    c->s->n_policy_classes = 1;
    for (uint32_t i = 0; i < rows->n_policies && !c->failed; i++)
        policy_fill(c, i, &policies[i]);
    c->s->policies = policies;
    c->s->n_policies = rows->n_policies;
    c->s->log_implicit[0] = rows->global.log_implicit_deny && rows->global.log_forward;
    c->s->log_implicit[1] = rows->global.log_implicit_deny6 && rows->global.log_forward;
    compile_ids(c);
    c->s->matcher = matcher_create(rows, c->error);
    c->failed |= !c->s->matcher;
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
        compile_fail(c, "config system session-ttl", "more than 65535 different sets of timers");
    return id < 0 ? 0 : (uint16_t)id;
}

void compile_timers(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct snapshot *s = c->s;
    struct timeout_port *ports = compile_alloc(c, rows->n_port_ttls, sizeof *ports);
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
        return compile_fail(c, "config firewall policy", "too many combinations of timers");
    uint16_t *ids = compile_alloc(c, n, sizeof *ids);
    for (uint16_t service = 0; service < s->n_service_classes; service++)
        for (uint16_t policy = 0; policy < s->n_policy_classes; policy++)
            for (uint16_t row = 0; row < row_n && !c->failed; row++)
                ids[k++] = timer_set_of(c, service, policy, row);
    s->timer_set_ids = ids;
}
