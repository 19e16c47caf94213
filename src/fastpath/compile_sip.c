/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who reads SIP, where, and how. `default-voip-alg-mode` chooses between two engines that are one:
 * the ALG with the profile of the policy, and the session helper, which is the ALG with a profile
 * of its own. What tells them apart is decided here once for each policy, and by the ports of a
 * flow's first packet; its session then remembers whose it is.
 */
#include "fastpath/compile_parts.h"

#include <netinet/in.h>
#include <stdio.h>

static void profile_fill(const struct row_voip_profile *row, struct voip_profile *p)
{
    snprintf(p->name, sizeof p->name, "%s", row->name);
    p->sip_status = row->sip_status;
    p->rtp = row->rtp;
    p->nat_trace = row->nat_trace;
    p->preserve_override = row->preserve_override;
    p->no_sdp_fixup = row->no_sdp_fixup;
    p->open_register_pinhole = row->open_register_pinhole;
    p->open_contact_pinhole = row->open_contact_pinhole;
    p->open_via_pinhole = row->open_via_pinhole;
    p->open_record_route_pinhole = row->open_record_route_pinhole;
    p->strict_register = row->strict_register;
    p->log_violations = row->log_violations;
    p->log_call_summary = row->log_call_summary;
    p->contact_fixup = row->contact_fixup;
    p->register_contact_trace = row->register_contact_trace;
    p->hosted_nat_traversal = row->hosted_nat_traversal;
    p->hnt_restrict_source_ip = row->hnt_restrict_source_ip;
    p->nat_port_first = row->nat_port_first;
    p->nat_port_last = row->nat_port_last;
    p->max_dialogs = row->max_dialogs;
    p->max_idle_dialogs = row->max_idle_dialogs;
    p->call_keepalive_s = row->call_keepalive_s;
    p->provisional_invite_expiry_s = row->provisional_invite_expiry_s;
    p->rules = row->rules;
}

static void compile_profiles(struct compile *c)
{
    const struct config_rows *rows = c->rows;
    struct voip_profile *profiles = compile_alloc(c, rows->n_voip_profiles + 1u, sizeof *profiles);
    for (uint16_t i = 0; i < rows->n_voip_profiles; i++)
        profile_fill(&rows->voip_profiles[i], &profiles[i]);
    profile_fill(&rows->helper_profile, &profiles[rows->n_voip_profiles]);
    c->s->profiles = profiles;
    c->s->n_profiles = rows->n_voip_profiles;
}

static void compile_ports(struct compile *c)
{
    const struct row_global *g = &c->rows->global;
    c->s->n_sip_ports = g->n_sip_udp_ports;
    for (int i = 0; i < c->s->n_sip_ports; i++)
        c->s->sip_ports[i] = be16_of(g->sip_udp_ports[i]);
    c->s->n_sip_tcp_ports = g->n_sip_tcp_ports;
    for (int i = 0; i < c->s->n_sip_tcp_ports; i++)
        c->s->sip_tcp_ports[i] = be16_of(g->sip_tcp_ports[i]);
}

/* There may be an entry for every port, so it is a bit for each instead of a list. */
static void compile_helper_ports(struct compile *c)
{
    uint64_t *ports[2] = {NULL, NULL};
    for (uint32_t i = 0; i < c->rows->n_helper_ports; i++) {
        const struct row_helper_port *row = &c->rows->helper_ports[i];
        bool tcp = row->proto == IPPROTO_TCP;
        if (!ports[tcp])
            ports[tcp] = compile_alloc(c, 65536 / 64, sizeof *ports[tcp]);
        ports[tcp][row->port / 64] |= UINT64_C(1) << row->port % 64;
    }
    for (int i = 0; i < 2; i++)
        c->s->helper_ports[i] = ports[i];
    c->s->helper_expects = c->rows->global.sip_expectation;
}

void compile_sip(struct compile *c)
{
    compile_profiles(c);
    compile_ports(c);
    compile_helper_ports(c);
}

/*
 * `status disable` of a profile: nobody reads the SIP of its policies where the ALG is the engine.
 * A profile says nothing to the session helper, so where that is the engine it takes such policies
 * as it takes those that name no profile.
 */
enum sip_engine compile_engine(const struct config_rows *rows, const struct row_policy *row)
{
    bool named = row->voip_profile != ROW_NONE;
    bool reads = rows->voip_profiles[named ? row->voip_profile : 0].sip_status;
    if (reads && (named || rows->global.voip_alg_proxy))
        return SIP_ENGINE_ALG;
    return !rows->global.voip_alg_proxy && rows->n_helper_ports ? SIP_ENGINE_HELPER
                                                                : SIP_ENGINE_NONE;
}
