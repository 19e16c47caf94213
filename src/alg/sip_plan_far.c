/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What counts as the far party's own address is one of private use that is not where the packet
 * came from: the phone knows no other, and nobody outside could be reached by it anyway. Only the
 * topmost Via is its own; behind a proxy outside there is nothing to traverse.
 *
 * The way back is remembered (sip_forms.h) by the address the packets come from, port included,
 * so that two phones behind one NAT keep apart. The media of such a phone come from a port that
 * only the NAT knows: the pinhole belongs to whoever sends first (MAPPING_LATCH).
 */
#include "alg/sip_plan_far.h"

#include "alg/alg_state.h"

/* RFC 1918, RFC 3927, RFC 6598. */
static bool is_private(be32 ip)
{
    uint32_t a = be32_host(ip);
    return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe ||
           a >> 22 == 0x64400000u >> 22;
}

static bool is_far(const struct alg_packet *packet, const struct ip_addr *ip)
{
    return ip_addr_is4(ip) && ip_addr_is4(&packet->outside.ip) && is_private(ip->word[3]) &&
           !ip_addr_eq(ip, &packet->outside.ip) && !ip_addr_eq(ip, &packet->inside.ip) &&
           !ip_addr_eq(ip, &packet->public_side.ip);
}

struct sip_form_key far_key(const struct alg_packet *packet, struct ip_port ep,
                            enum sip_form_class class)
{
    return (struct sip_form_key){.inside = packet->outside.ip,
                                 .ip = ep.ip,
                                 .port = ep.port,
                                 .zone = SIP_FORM_FAR,
                                 .class = class};
}

/* Its own again, as it wrote it. Of another phone behind that NAT it hears as all others do: the
 * private address may mean nothing where it stands. */
static bool far_back(const struct planner *p, enum sip_form_class class, const struct sip_host *h,
                     struct target *t)
{
    const struct alg_packet *packet = p->m->packet;
    const struct ip_port at = {h->ip, be16_of(h->has_port ? h->port_value : 0)};
    struct sip_form_key key = far_key(packet, at, class);
    struct sip_form form;
    if (!ip_port_eq(host_endpoint(h), packet->outside) ||
        !sip_forms_find(&p->alg->forms, &key, &form))
        return false;
    *t = target_of((struct ip_port){ip_addr_of4(form.ip), be16_of(form.port)});
    t->no_port = form.port == 0;
    return true;
}

bool far_target(const struct planner *p, enum sip_form_class class, const struct sip_host *h,
                struct target *t)
{
    const struct alg_packet *packet = p->m->packet;
    if (!packet->profile->hosted_nat_traversal ||
        (class != SIP_FORM_VIA && class != SIP_FORM_CONTACT))
        return false;
    if (packet->outward)
        return far_back(p, class, h, t);
    *t = target_of(packet->outside);
    t->far = true;
    return is_far(packet, &h->ip);
}

bool far_via(const struct sip_message *m)
{
    return m->packet->profile->hosted_nat_traversal && m->msg.is_request != m->packet->outward;
}

struct ip_addr far_media(const struct sip_message *m, const struct ip_addr *ip)
{
    return m->packet->profile->hosted_nat_traversal && !m->packet->outward && is_far(m->packet, ip)
               ? m->packet->outside.ip
               : *ip;
}

static bool edit_address(struct planner *p, const struct sdp_addr *addr)
{
    struct sip_edit edit = {
        .at = (uint32_t)sip_offset(&p->m->msg, addr->text),
        .cut = (uint32_t)addr->text.n,
        .ep = p->m->packet->outside,
        .kind = SIP_EDIT_IP,
        .map = SIP_MAP_NONE,
    };
    if (addr->kind != SDP_ADDR_IP4 || !is_far(p->m->packet, &addr->ip))
        return true;
    return plan_edit(p->plan, &edit);
}

enum alg_reason far_sdp(struct planner *p, const struct sdp *sdp)
{
    bool ok = edit_address(p, &sdp->origin.addr) && edit_address(p, &sdp->connection);
    for (unsigned i = 0; i < sdp->n_media && ok; i++) {
        const struct sdp_media *m = &sdp->media[i];
        if (m->connection_own)
            ok = edit_address(p, &m->connection);
        if (ok && m->rtcp.present)
            ok = edit_address(p, &m->rtcp.addr);
    }
    return ok ? ALG_REASON_NONE : ALG_REASON_SIP_TOO_LARGE;
}

bool far_latch(const struct sip_message *m, struct ip_port *peer)
{
    const struct voip_profile *profile = m->packet->profile;
    *peer = (struct ip_port){ip_addr_of4(0), 0};
    if (profile->hnt_restrict_source_ip)
        peer->ip = m->packet->outside.ip;
    return profile->hosted_nat_traversal && ip_addr_is4(&m->packet->outside.ip);
}
