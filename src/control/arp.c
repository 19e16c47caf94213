/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP messages: what they say is the resolver's business, whose addresses are whose is ours.
 *
 * Own addresses come in two kinds. Those of interfaces are announced at once, twice, and defended
 * (RFC 5227 2.4 (b)). Those the firewall answers for besides - VIPs and pools, in ranges - are
 * announced too, so that a fail-over or a moved range is noticed, but in the background: TOUR_BURST
 * at a time, at most TOUR_MAX of them in a round, and a larger set waits to be asked for.
 */
#include "control/arp.h"

#include "base/hash.h"
#include "base/log.h"

#include <rte_arp.h>
#include <rte_ether.h>

#define ANNOUNCE_N  2 /* RFC 5227 1.1: ANNOUNCE_NUM, ANNOUNCE_INTERVAL, DEFEND_INTERVAL */
#define ANNOUNCE_MS 2000
#define DEFEND_MS   10000
#define LOG_MS      60000
#define TOUR_MS     100
#define TOUR_BURST  8
#define TOUR_MAX    1024
#define FRAME_BYTES 60 /* shortest Ethernet frame without its checksum */
#define ARP_BYTES   (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))
#define HTYPE_ETHER 1
#define BROADCAST   (&(const struct rte_ether_addr){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
#define NOBODY      (&(const struct rte_ether_addr){{0}})

void arp_init(struct arp *a, const struct arp_setup *setup)
{
    *a = (struct arp){.setup = *setup};
}

/* ---- frames we make ---- */

/* An ARP frame of one of our interfaces. */
struct arp_out {
    uint16_t ifindex, opcode;
    struct rte_ether_addr own, target; /* MACs in the ARP packet */
    struct rte_ether_addr to;          /* of the Ethernet header */
    be32 own_ip, target_ip;
};

static void frame_write(char *p, const struct arp_out *out)
{
    struct rte_ether_hdr eth = {
        .dst_addr = out->to, .src_addr = out->own, .ether_type = be16_of(RTE_ETHER_TYPE_ARP)};
    struct rte_arp_hdr arp = {
        .arp_hardware = be16_of(HTYPE_ETHER),
        .arp_protocol = be16_of(RTE_ETHER_TYPE_IPV4),
        .arp_hlen = RTE_ETHER_ADDR_LEN,
        .arp_plen = sizeof(be32),
        .arp_opcode = be16_of(out->opcode),
        .arp_data = {.arp_sha = out->own,
                     .arp_sip = out->own_ip,
                     .arp_tha = out->target,
                     .arp_tip = out->target_ip},
    };
    memset(p, 0, FRAME_BYTES);
    memcpy(p, &eth, sizeof eth);
    memcpy(p + sizeof eth, &arp, sizeof arp);
}

static void frame_send(struct arp *a, const struct arp_out *out)
{
    char *p;
    struct rte_mbuf *m = frame_out_new(&a->setup.out, FRAME_BYTES, &p);
    if (!m)
        return; /* asked again in a second, by us or by them */
    frame_write(p, out);
    frame_out_send(&a->setup.out, out->ifindex, m);
}

static struct rte_ether_addr interface_mac(const struct interface *i)
{
    struct rte_ether_addr mac;
    memcpy(mac.addr_bytes, i->mac, sizeof i->mac);
    return mac;
}

void arp_ask(struct arp *a, const struct snapshot *s, const struct resolver_ask *ask)
{
    const struct interface *i = &s->interfaces[ask->ifindex];
    struct rte_ether_addr to = *BROADCAST;
    if (ask->mac)
        memcpy(to.addr_bytes, ask->mac, sizeof to.addr_bytes);
    frame_send(a, &(struct arp_out){.ifindex = ask->ifindex,
                                    .opcode = RTE_ARP_OP_REQUEST,
                                    .own = interface_mac(i),
                                    .target = *NOBODY,
                                    .to = to,
                                    .own_ip = i->ip,
                                    .target_ip = ask->target.word[3]});
}

/* In the place of whoever was asked for. */
static void reply_send(struct arp *a, const struct interface *own, uint16_t ifindex,
                       const struct rte_arp_hdr *request)
{
    frame_send(a, &(struct arp_out){.ifindex = ifindex,
                                    .opcode = RTE_ARP_OP_REPLY,
                                    .own = interface_mac(own),
                                    .target = request->arp_data.arp_sha,
                                    .to = request->arp_data.arp_sha,
                                    .own_ip = request->arp_data.arp_tip,
                                    .target_ip = request->arp_data.arp_sip});
}

/* ---- our own addresses ---- */

/* RFC 5227 2.3: a request for our own address, so that others forget who had it before. */
static void announce(struct arp *a, const struct snapshot *s, uint16_t ifindex, be32 ip)
{
    frame_send(a, &(struct arp_out){.ifindex = ifindex,
                                    .opcode = RTE_ARP_OP_REQUEST,
                                    .own = interface_mac(&s->interfaces[ifindex]),
                                    .target = *NOBODY,
                                    .to = *BROADCAST,
                                    .own_ip = ip,
                                    .target_ip = ip});
}

/* An address that is new, or whose interface has come up, is announced twice. */
static unsigned announcements(struct arp *a, const struct snapshot *s, uint64_t now_ms)
{
    unsigned n = 0;
    for (uint16_t i = 1; i <= s->n_interfaces; i++) {
        struct arp_own *own = &a->own[i];
        be32 ip = s->interfaces[i].up ? s->interfaces[i].ip : 0;
        if (own->ip != ip)
            *own = (struct arp_own){.ip = ip, .left = ip ? ANNOUNCE_N : 0, .announce_ms = now_ms};
        if (own->left == 0 || now_ms < own->announce_ms)
            continue;
        own->left--;
        own->announce_ms = now_ms + ANNOUNCE_MS;
        announce(a, s, i, own->ip);
        n++;
    }
    return n;
}

static uint64_t ranges_digest(const struct snapshot *s)
{
    static const struct hash_secret secret;
    uint64_t up = 0;
    for (uint16_t i = 1; i <= s->n_interfaces; i++)
        up |= (uint64_t)s->interfaces[i].up << i;
    const uint64_t parts[2] = {
        up, hash_bytes(&secret, s->own_ranges, s->n_own_ranges * sizeof *s->own_ranges)};
    return hash_bytes(&secret, parts, sizeof parts);
}

/* The next few addresses of the tour. */
static unsigned tour_go_on(struct arp *a, const struct snapshot *s)
{
    struct arp_tour *t = &a->tour;
    unsigned n = 0;
    while (n < TOUR_BURST && t->range < s->n_own_ranges && t->announced < TOUR_MAX) {
        const struct own_range *r = &s->own_ranges[t->range];
        if (interface_usable(s, r->ifindex)) {
            announce(a, s, r->ifindex, be32_of(r->first + t->offset));
            t->announced++;
            n++;
        }
        bool end = r->first + t->offset == r->last || !interface_usable(s, r->ifindex);
        t->offset = end ? 0 : t->offset + 1;
        t->range += end;
    }
    return n;
}

static unsigned tour(struct arp *a, const struct snapshot *s, uint64_t now_ms)
{
    struct arp_tour *t = &a->tour;
    if (now_ms < t->next_ms || (s->n_own_ranges == 0 && t->digest == 0))
        return 0;
    uint64_t digest = s->n_own_ranges ? ranges_digest(s) | 1 : 0;
    if (digest != t->digest)
        *t = (struct arp_tour){.digest = digest, .left = ANNOUNCE_N};
    t->next_ms = now_ms + TOUR_MS;
    if (t->left == 0)
        return 0;
    unsigned n = tour_go_on(a, s);
    if (t->range >= s->n_own_ranges || t->announced >= TOUR_MAX) {
        t->left--;
        t->range = t->offset = t->announced = 0;
        t->next_ms = now_ms + ANNOUNCE_MS;
    }
    return n;
}

/* Do we answer for `ip` on that interface? */
static bool is_ours(const struct snapshot *s, uint16_t ifindex, be32 ip)
{
    uint32_t host = be32_host(ip), low = 0, high = s->n_own_ranges;
    if (s->interfaces[ifindex].ip == ip)
        return true;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct own_range *r = &s->own_ranges[middle];
        if (r->ifindex < ifindex || (r->ifindex == ifindex && r->last < host))
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n_own_ranges && s->own_ranges[low].ifindex == ifindex &&
           s->own_ranges[low].first <= host;
}

/* Somebody else uses our address: nothing that a firewall could mend, but it can say so. */
static void conflict(struct arp *a, const struct snapshot *s, uint16_t ifindex,
                     const struct rte_arp_hdr *arp, uint64_t now_ms)
{
    const struct interface *i = &s->interfaces[ifindex];
    struct arp_own *own = &a->own[ifindex];
    const uint8_t *b = arp->arp_data.arp_sha.addr_bytes;
    char ip[IPV4_TEXT_MAX];
    bool first = own->conflicts++ == 0;
    if (a->setup.quiet)
        return; /* a capture made beside the firewall has its own frames */
    if (first || now_ms >= own->logged_ms + LOG_MS) {
        own->logged_ms = now_ms;
        ipv4_print(arp->arp_data.arp_sip, ip);
        log_warn("interface \"%s\": %02x:%02x:%02x:%02x:%02x:%02x uses our address %s too "
                 "(ARP frames so far: %llu)",
                 i->name, b[0], b[1], b[2], b[3], b[4], b[5], ip,
                 (unsigned long long)own->conflicts);
    }
    if (!first && now_ms < own->defended_ms + DEFEND_MS)
        return;
    own->defended_ms = now_ms;
    announce(a, s, ifindex, arp->arp_data.arp_sip);
}

unsigned arp_run(struct arp *a, const struct snapshot *s, uint64_t now_ms)
{
    return a->setup.quiet ? 0 : announcements(a, s, now_ms) + tour(a, s, now_ms);
}

/* ---- what comes in ---- */

static bool arp_well_formed(const struct rte_mbuf *m)
{
    if (rte_pktmbuf_data_len(m) < ARP_BYTES)
        return false;
    const struct rte_arp_hdr *arp =
        rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));
    const struct rte_ether_addr *sender = &arp->arp_data.arp_sha;
    return arp->arp_hardware == be16_of(HTYPE_ETHER) &&
           arp->arp_protocol == be16_of(RTE_ETHER_TYPE_IPV4) &&
           arp->arp_hlen == RTE_ETHER_ADDR_LEN && arp->arp_plen == sizeof(be32) &&
           rte_is_unicast_ether_addr(sender) && !rte_is_zero_ether_addr(sender);
}

static void input(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms)
{
    uint16_t ifindex = note_of(m)->ifindex;
    if (!interface_usable(s, ifindex) || !arp_well_formed(m))
        return;
    const struct interface *own = &s->interfaces[ifindex];
    const struct rte_arp_hdr *arp =
        rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));
    be32 sender = arp->arp_data.arp_sip, target = arp->arp_data.arp_tip;
    bool reply = arp->arp_opcode == be16_of(RTE_ARP_OP_REPLY);
    if (own->ip == 0)
        return;
    if (sender != 0 && is_ours(s, ifindex, sender)) {
        if (memcmp(arp->arp_data.arp_sha.addr_bytes, own->mac, sizeof own->mac) != 0)
            conflict(a, s, ifindex, arp, now_ms);
        return;
    }
    if (sender != 0)
        resolver_learn(a->setup.resolver, s,
                       &(struct resolver_news){.ifindex = ifindex,
                                               .ip = ip_addr_of4(sender),
                                               .mac = arp->arp_data.arp_sha.addr_bytes,
                                               .answer = reply && target == own->ip},
                       now_ms);
    if (arp->arp_opcode == be16_of(RTE_ARP_OP_REQUEST) && is_ours(s, ifindex, target))
        reply_send(a, own, ifindex, arp);
}

void arp_input(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms)
{
    input(a, s, m, now_ms);
    rte_pktmbuf_free(m);
}
