/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of an own address:
 *
 *   NONE --new, or its interface comes up--> TENTATIVE --1 s of silence--> READY, announced
 *                                                |  ^
 *                        somebody answers or asks v  | 60 s
 *                                               DUPLICATE
 *
 * Only READY ones are answered for and used as a source; solicitations wait that second, which the
 * retries of the resolver bridge. Workers forward meanwhile, and carry on for a duplicate: taking
 * an address away is the operator's decision, who is told.
 *
 * A message counts when it passes the checks of RFC 4861 7.1 and comes without extension headers.
 * Whom to believe is the resolver's business, as with ARP. An advertisement without the override
 * flag never replaces another MAC; it makes us ask the old one, which is what the STALE of RFC 4861
 * 7.2.5 leads to. Nothing here grows with what others send.
 */
#include "control/nd.h"

#include "base/checksum.h"
#include "base/log.h"

#include <rte_ether.h>
#include <rte_ip.h>

#define SOLICIT   135
#define ADVERTISE 136

#define FLAG_ROUTER    0x80
#define FLAG_SOLICITED 0x40
#define FLAG_OVERRIDE  0x20

#define OPTION_SOURCE 1 /* link-layer addresses */
#define OPTION_TARGET 2

#define HOP_LIMIT   255
#define DAD_MS      1000 /* RFC 4861 10: RETRANS_TIMER; RFC 4862 5.1: one transmission */
#define DAD_AGAIN_S 60
#define ANNOUNCE_N  3 /* RFC 4861 10: MAX_NEIGHBOR_ADVERTISEMENT */
#define ANNOUNCE_MS 1000
#define DEFEND_MS   10000
#define LOG_MS      60000

struct message {
    uint8_t type, code;
    be16 checksum;
    uint8_t flags, reserved[3];
    struct ip_addr target;
} __attribute__((packed));

struct lladdr_option {
    uint8_t type, len; /* len in 8 bytes */
    uint8_t mac[6];
};

struct frame {
    struct rte_ether_hdr eth;
    struct rte_ipv6_hdr ip;
    struct message nd;
    struct lladdr_option option;
} __attribute__((packed, aligned(2)));

_Static_assert(sizeof(struct frame) == 14 + 40 + 24 + 8, "as on the wire");

#define HEADERS offsetof(struct frame, option)

void nd_init(struct nd *nd, const struct nd_setup *setup)
{
    *nd = (struct nd){.setup = *setup};
}

/* Set up, with a link. */
static bool is_live(const struct snapshot *s, uint16_t ifindex)
{
    return interface_usable(s, ifindex) && !(s->links_down >> ifindex & 1);
}

static bool is_group(const struct ip_addr *a)
{
    return a->byte[0] == 0xff;
}

static struct ip_addr all_nodes(void)
{
    return (struct ip_addr){.byte = {0xff, 0x02, [15] = 1}};
}

/* RFC 4291 2.7.1 */
static struct ip_addr solicited_node(const struct ip_addr *a)
{
    return (struct ip_addr){
        .byte = {0xff, 0x02, [11] = 1, [12] = 0xff, a->byte[13], a->byte[14], a->byte[15]}};
}

static uint16_t checksum_of(const struct rte_ipv6_hdr *ip, const void *body, uint16_t n)
{
    uint64_t sum = checksum_sum(ip->src_addr, sizeof ip->src_addr + sizeof ip->dst_addr);
    return checksum_fold(sum + be16_of(n) + be16_of(IPPROTO_ICMPV6) + checksum_sum(body, n));
}

/* ---- frames we make ---- */

struct nd_out {
    uint16_t ifindex;
    uint8_t type, flags;
    struct ip_addr src, dst, target;
    const uint8_t *to; /* MAC; NULL: that of the group dst */
    bool with_mac;     /* tell ours */
};

static void frame_write(struct frame *f, const struct nd_out *out, const uint8_t mac[6])
{
    uint16_t n = sizeof f->nd + (out->with_mac ? sizeof f->option : 0);
    f->eth.ether_type = be16_of(RTE_ETHER_TYPE_IPV6);
    memcpy(f->eth.src_addr.addr_bytes, mac, 6);
    if (out->to)
        memcpy(f->eth.dst_addr.addr_bytes, out->to, 6);
    else /* RFC 2464 7 */
        memcpy(f->eth.dst_addr.addr_bytes,
               (const uint8_t[6]){0x33, 0x33, out->dst.byte[12], out->dst.byte[13],
                                  out->dst.byte[14], out->dst.byte[15]},
               6);
    f->ip.vtc_flow = be32_of(6u << 28);
    f->ip.payload_len = be16_of(n);
    f->ip.proto = IPPROTO_ICMPV6;
    f->ip.hop_limits = HOP_LIMIT;
    memcpy(f->ip.src_addr, &out->src, sizeof out->src);
    memcpy(f->ip.dst_addr, &out->dst, sizeof out->dst);
    f->nd.type = out->type;
    f->nd.flags = out->flags;
    memcpy(&f->nd.target, &out->target, sizeof out->target);
    if (out->with_mac) {
        f->option.type = out->type == SOLICIT ? OPTION_SOURCE : OPTION_TARGET;
        f->option.len = 1;
        memcpy(f->option.mac, mac, 6);
    }
    f->nd.checksum = (be16)~checksum_of(&f->ip, &f->nd, n);
}

static void frame_send(struct nd *nd, const struct snapshot *s, const struct nd_out *out)
{
    char *p;
    uint16_t n = (uint16_t)(out->with_mac ? sizeof(struct frame) : HEADERS);
    struct rte_mbuf *m = frame_out_new(&nd->setup.out, sizeof(struct frame), &p);
    if (!m)
        return; /* asked again in a second, by us or by them */
    frame_write((struct frame *)p, out, s->interfaces[out->ifindex].mac);
    rte_pktmbuf_trim(m, (uint16_t)(sizeof(struct frame) - n));
    frame_out_send(&nd->setup.out, out->ifindex, m);
}

/* An address we may speak from, on that interface; NULL: none yet. */
static const struct nd_own *own_source(const struct nd *nd, uint16_t ifindex)
{
    for (int k = ND_OWN - 1; k >= 0; k--)
        if (nd->own[ifindex][k].state == ND_OWN_READY)
            return &nd->own[ifindex][k];
    return NULL;
}

void nd_ask(struct nd *nd, const struct snapshot *s, const struct resolver_ask *ask)
{
    const struct nd_own *own = own_source(nd, ask->ifindex);
    if (own)
        frame_send(nd, s,
                   &(struct nd_out){.ifindex = ask->ifindex,
                                    .type = SOLICIT,
                                    .src = own->ip,
                                    .dst = ask->mac ? ask->target : solicited_node(&ask->target),
                                    .target = ask->target,
                                    .to = ask->mac,
                                    .with_mac = true});
}

/* ---- our own addresses ---- */

/* Does anybody have it? From nobody, as it is not ours yet. */
static void probe(struct nd *nd, const struct snapshot *s, uint16_t ifindex,
                  const struct nd_own *own)
{
    frame_send(nd, s,
               &(struct nd_out){.ifindex = ifindex,
                                .type = SOLICIT,
                                .dst = solicited_node(&own->ip),
                                .target = own->ip});
}

/* To everybody, without being asked (RFC 4861 7.2.6). */
static void announce(struct nd *nd, const struct snapshot *s, uint16_t ifindex,
                     const struct nd_own *own)
{
    frame_send(nd, s,
               &(struct nd_out){.ifindex = ifindex,
                                .type = ADVERTISE,
                                .flags = FLAG_ROUTER | FLAG_OVERRIDE,
                                .src = own->ip,
                                .dst = all_nodes(),
                                .target = own->ip,
                                .with_mac = true});
}

static struct ip_addr own_wanted(const struct snapshot *s, uint16_t ifindex, int kind)
{
    const struct interface6 *i = &s->interfaces6[ifindex];
    if (!is_live(s, ifindex))
        return (struct ip_addr){0};
    return kind == ND_GLOBAL ? i->ip : i->link_local;
}

/* Follows the snapshot: what is new has to be asked about first. */
static void own_update(struct nd *nd, const struct snapshot *s, uint16_t ifindex, int kind,
                       uint64_t now_ms)
{
    struct nd_own *own = &nd->own[ifindex][kind];
    const uint8_t *mac = s->interfaces[ifindex].mac;
    struct ip_addr ip = own_wanted(s, ifindex, kind);
    if (ip_addr_eq(&own->ip, &ip) && memcmp(own->mac, mac, 6) == 0)
        return;
    *own = (struct nd_own){.ip = ip, .due_ms = now_ms};
    memcpy(own->mac, mac, 6);
    if (!ip_addr_is_zero(&ip))
        own->state = nd->setup.quiet ? ND_OWN_READY : ND_OWN_TENTATIVE;
    own->left = own->state == ND_OWN_TENTATIVE; /* probes, and then announcements */
}

/* What is due for it. */
static bool own_run(struct nd *nd, const struct snapshot *s, uint16_t ifindex, struct nd_own *own,
                    uint64_t now_ms)
{
    if (own->state == ND_OWN_NONE || now_ms < own->due_ms ||
        (own->state == ND_OWN_READY && own->left == 0))
        return false;
    if (own->state == ND_OWN_DUPLICATE) {
        own->state = ND_OWN_TENTATIVE;
        own->left = 1;
    }
    if (own->state == ND_OWN_TENTATIVE && own->left == 0) {
        own->state = ND_OWN_READY;
        own->left = ANNOUNCE_N;
    }
    own->left--;
    own->due_ms = now_ms + (own->state == ND_OWN_TENTATIVE ? DAD_MS : ANNOUNCE_MS);
    if (own->state == ND_OWN_TENTATIVE)
        probe(nd, s, ifindex, own);
    else
        announce(nd, s, ifindex, own);
    return true;
}

unsigned nd_run(struct nd *nd, const struct snapshot *s, uint64_t now_ms)
{
    unsigned n = 0;
    for (uint16_t i = 1; i <= s->n_interfaces; i++)
        for (int kind = 0; kind < ND_OWN; kind++) {
            own_update(nd, s, i, kind, now_ms);
            n += own_run(nd, s, i, &nd->own[i][kind], now_ms);
        }
    return n;
}

static void conflict_log(const struct snapshot *s, uint16_t ifindex, struct nd_own *own,
                         const uint8_t *mac, uint64_t now_ms)
{
    char ip[IPV6_TEXT_MAX];
    if (own->conflicts++ != 0 && now_ms < own->logged_ms + LOG_MS)
        return;
    own->logged_ms = now_ms;
    ip_addr_print(&own->ip, ip);
    log_warn("interface \"%s\": %02x:%02x:%02x:%02x:%02x:%02x uses our address %s too%s "
             "(frames so far: %llu)",
             s->interfaces[ifindex].name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], ip,
             own->state == ND_OWN_READY ? "" : ", which is not answered for",
             (unsigned long long)own->conflicts);
}

/* Somebody else has, or asks for, an address of ours. */
static void conflict(struct nd *nd, const struct snapshot *s, uint16_t ifindex, struct nd_own *own,
                     const uint8_t *mac, uint64_t now_ms)
{
    if (nd->setup.quiet)
        return; /* a capture made beside the firewall has its own frames */
    bool first = own->conflicts == 0;
    if (own->state == ND_OWN_TENTATIVE) {
        own->state = ND_OWN_DUPLICATE;
        own->due_ms = now_ms + DAD_AGAIN_S * 1000;
    }
    conflict_log(s, ifindex, own, mac, now_ms);
    if (own->state != ND_OWN_READY || (!first && now_ms < own->defended_ms + DEFEND_MS))
        return;
    own->defended_ms = now_ms;
    announce(nd, s, ifindex, own);
}

/* ---- what comes in ---- */

struct heard {
    uint16_t ifindex;
    uint8_t flags;
    const uint8_t *from; /* MAC of the frame */
    const uint8_t *mac;  /* of the option; NULL: there is none */
    struct ip_addr src, dst, target;
};

static bool is_host_mac(const uint8_t *mac)
{
    static const uint8_t nobody[6];
    return !(mac[0] & 1) && memcmp(mac, nobody, 6) != 0;
}

/* The options behind the message: whole, and none of length 0. The first of `type` that is a MAC
 * is what counts. */
static bool options_read(const uint8_t *p, size_t n, uint8_t type, const uint8_t **mac)
{
    *mac = NULL;
    while (n > 0) {
        size_t len = n >= 2 ? p[1] * 8u : 0;
        if (len == 0 || len > n)
            return false;
        if (p[0] == type && !*mac) {
            if (len != sizeof(struct lladdr_option) || !is_host_mac(p + 2))
                return false;
            *mac = p + 2;
        }
        p += len;
        n -= len;
    }
    return true;
}

/* RFC 4861 7.1.1 and 7.1.2, what both have in common. */
static bool frame_read(const struct rte_mbuf *m, uint8_t type, struct heard *h)
{
    size_t have = rte_pktmbuf_data_len(m);
    const struct frame *f = rte_pktmbuf_mtod(m, const struct frame *);
    if (have < HEADERS || f->ip.proto != IPPROTO_ICMPV6 || f->ip.hop_limits != HOP_LIMIT)
        return false;
    uint16_t n = be16_host(f->ip.payload_len);
    if (n < sizeof f->nd || n > have - offsetof(struct frame, nd) || f->nd.type != type ||
        f->nd.code != 0 || checksum_of(&f->ip, &f->nd, n) != 0xffff)
        return false;
    *h = (struct heard){.ifindex = note_of((struct rte_mbuf *)(uintptr_t)m)->ifindex,
                        .flags = f->nd.flags,
                        .from = f->eth.src_addr.addr_bytes};
    memcpy(&h->src, f->ip.src_addr, sizeof h->src);
    memcpy(&h->dst, f->ip.dst_addr, sizeof h->dst);
    memcpy(&h->target, &f->nd.target, sizeof h->target);
    return !is_group(&h->target) && !is_group(&h->src) && is_host_mac(h->from) &&
           options_read((const uint8_t *)f + HEADERS, n - sizeof f->nd,
                        type == SOLICIT ? OPTION_SOURCE : OPTION_TARGET, &h->mac);
}

/* The own address `ip` is, or NULL. */
static struct nd_own *own_of(struct nd *nd, uint16_t ifindex, const struct ip_addr *ip)
{
    for (int kind = 0; kind < ND_OWN; kind++) {
        struct nd_own *own = &nd->own[ifindex][kind];
        if (own->state != ND_OWN_NONE && ip_addr_eq(&own->ip, ip))
            return own;
    }
    return NULL;
}

/* Answers of many for an anycast address must not override each other (RFC 4861 7.2.7). */
static void answer(struct nd *nd, const struct snapshot *s, const struct heard *h,
                   const struct nd_own *own, bool anycast)
{
    bool nobody = ip_addr_is_zero(&h->src);
    frame_send(nd, s,
               &(struct nd_out){.ifindex = h->ifindex,
                                .type = ADVERTISE,
                                .flags = (uint8_t)(FLAG_ROUTER | (anycast ? 0 : FLAG_OVERRIDE) |
                                                   (nobody ? 0 : FLAG_SOLICITED)),
                                .src = own->ip,
                                .dst = nobody ? all_nodes() : h->src,
                                .target = h->target,
                                .to = nobody   ? NULL
                                      : h->mac ? h->mac
                                               : h->from,
                                .with_mac = true});
}

static void solicited(struct nd *nd, const struct snapshot *s, const struct heard *h,
                      uint64_t now_ms)
{
    struct nd_own *own = own_of(nd, h->ifindex, &h->target);
    const struct nd_own *global = &nd->own[h->ifindex][ND_GLOBAL];
    const struct ip_addr *any = &s->interfaces6[h->ifindex].anycast;
    if (own && own->state != ND_OWN_READY) {
        if (ip_addr_is_zero(&h->src)) /* whoever asks about it, too, may have it (RFC 4862 5.4.3) */
            conflict(nd, s, h->ifindex, own, h->from, now_ms);
    } else if (own) {
        answer(nd, s, h, own, false);
    } else if (global->state == ND_OWN_READY && !ip_addr_is_zero(any) &&
               ip_addr_eq(any, &h->target)) {
        answer(nd, s, h, global, true);
    }
}

static void take_solicitation(struct nd *nd, const struct snapshot *s, const struct heard *h,
                              uint64_t now_ms)
{
    struct ip_addr group = solicited_node(&h->target);
    bool nobody = ip_addr_is_zero(&h->src);
    if (nobody && (h->mac || !ip_addr_eq(&h->dst, &group)))
        return;
    struct nd_own *own = own_of(nd, h->ifindex, &h->src);
    if (own) {
        conflict(nd, s, h->ifindex, own, h->from, now_ms);
        return;
    }
    if (!nobody && h->mac)
        resolver_learn(nd->setup.resolver, s,
                       &(struct resolver_news){.ifindex = h->ifindex, .ip = h->src, .mac = h->mac},
                       now_ms);
    solicited(nd, s, h, now_ms);
}

static void take_advertisement(struct nd *nd, const struct snapshot *s, const struct heard *h,
                               uint64_t now_ms)
{
    bool asked = h->flags & FLAG_SOLICITED;
    if (ip_addr_is_zero(&h->src) || (asked && is_group(&h->dst)))
        return;
    struct nd_own *own = own_of(nd, h->ifindex, &h->target);
    if (own)
        conflict(nd, s, h->ifindex, own, h->from, now_ms);
    else
        resolver_learn(nd->setup.resolver, s,
                       &(struct resolver_news){.ifindex = h->ifindex,
                                               .ip = h->target,
                                               .mac = h->mac,
                                               .answer = asked && own_of(nd, h->ifindex, &h->dst),
                                               .modest = !(h->flags & FLAG_OVERRIDE)},
                       now_ms);
}

void nd_input(struct nd *nd, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms)
{
    struct heard h;
    uint16_t ifindex = note_of(m)->ifindex;
    bool ours = interface_usable(s, ifindex) && rte_pktmbuf_data_len(m) >= HEADERS &&
                memcmp(rte_pktmbuf_mtod(m, const struct frame *)->eth.src_addr.addr_bytes,
                       s->interfaces[ifindex].mac, 6) == 0; /* looped back */
    if (interface_usable(s, ifindex) && !ours) {
        if (frame_read(m, SOLICIT, &h))
            take_solicitation(nd, s, &h, now_ms);
        else if (frame_read(m, ADVERTISE, &h))
            take_advertisement(nd, s, &h, now_ms);
    }
    rte_pktmbuf_free(m);
}
