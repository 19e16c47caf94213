/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of a next hop (states after RFC 4861 7.3, which Linux uses for ARP too):
 *
 *   INCOMPLETE --answer--> REACHABLE --25 s--> PROBE --answer--> REACHABLE
 *       |     ^                |                 |
 *   3 s, 3    |         other MAC heard     3 s, 3 unicasts
 *  broadcasts |                v                 |
 *       v     |       PROBE, the old one first   |
 *     FAILED  +----------------------------------+
 *       |
 *      3 s: the entry is free; new demand makes another
 *
 * A neighbour is verified by unicast before its 30 s are over and stays usable while that goes on,
 * so live traffic never waits. Workers do not tell which neighbours they use: all that answer are
 * kept, which is a frame in 25 s for each.
 *
 * Nobody gets into the table by talking: entries are made for frames that need one. A MAC that has
 * answered us stays in use until it fails to: who names another one (a fail-over announces itself
 * that way, and so does an impostor) makes us ask the old one, and only when that is silent for
 * DOUBT_MS everybody, the old one in use until somebody answers.
 *
 * The table fills with addresses where nobody is, while somebody scans a connected network. At most
 * half of it is searched for at once, entries in their last 3 s give way, then those that were
 * found: a session of theirs asks again. The gateways of the configuration always find room and
 * never give way.
 */
#include "control/arp.h"

#include "base/log.h"
#include "fastpath/route.h"

#include <rte_arp.h>
#include <rte_ether.h>

#include <errno.h>
#include <stdlib.h>

#define TICK_MS     100
#define TRIES       3
#define TRY_MS      1000
#define VERIFY_MS   25000
#define FAILED_MS   3000
#define DOUBT_MS    300
#define RUN_BUDGET  256
#define ROOM_LOOKS  64 /* entries looked at to make room */
#define ANNOUNCE_N  2  /* RFC 5227 1.1: ANNOUNCE_NUM, ANNOUNCE_INTERVAL, DEFEND_INTERVAL */
#define ANNOUNCE_MS 2000
#define DEFEND_MS   10000
#define LOG_MS      60000
#define FRAME_BYTES 60 /* shortest Ethernet frame without its checksum */
#define ARP_BYTES   (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))
#define HTYPE_ETHER 1
#define BROADCAST   (&(const struct rte_ether_addr){{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
#define NOBODY      (&(const struct rte_ether_addr){{0}})

int arp_init(struct arp *a, const struct arp_setup *setup, uint64_t now_ms)
{
    *a = (struct arp){.setup = *setup};
    a->hops = calloc(setup->neighbours->capacity, sizeof *a->hops);
    if (!a->hops)
        return -ENOMEM;
    wheel_init(&a->wheel, TICK_MS, now_ms, a->hops, sizeof *a->hops,
               offsetof(struct arp_hop, wheel));
    return 0;
}

void arp_free(struct arp *a)
{
    for (uint32_t i = 0; a->hops && i < a->setup.neighbours->capacity; i++)
        rte_pktmbuf_free_bulk(a->hops[i].held, a->hops[i].n_held);
    free(a->hops);
    a->hops = NULL;
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
    struct rte_mbuf *m = rte_pktmbuf_alloc(a->setup.pool);
    if (!m)
        return; /* asked again in a second, by us or by them */
    char *p = rte_pktmbuf_append(m, FRAME_BYTES);
    if (!p) {
        rte_pktmbuf_free(m);
        return;
    }
    frame_write(p, out);
    *note_of(m) = (struct note){.kind = NOTE_SEND, .ifindex = out->ifindex};
    a->setup.send(a->setup.ctx, m);
}

static struct rte_ether_addr interface_mac(const struct interface *i)
{
    struct rte_ether_addr mac;
    memcpy(mac.addr_bytes, i->mac, sizeof i->mac);
    return mac;
}

static struct rte_ether_addr neighbour_mac(uint64_t word)
{
    struct rte_ether_addr mac;
    memcpy(mac.addr_bytes, &word, sizeof mac.addr_bytes);
    return mac;
}

static bool interface_usable(const struct snapshot *s, uint16_t ifindex)
{
    return ifindex >= 1 && ifindex <= s->n_interfaces && s->interfaces[ifindex].up;
}

/* To everybody, or to the MAC that should answer. */
static void request_send(struct arp *a, const struct snapshot *s, uint32_t index)
{
    const struct neighbour *n = &a->setup.neighbours->entries[index];
    uint64_t word = neighbour_word(a->setup.neighbours, index);
    bool known = neighbour_word_usable(word) && a->hops[index].trust != ARP_OPEN;
    if (!interface_usable(s, n->ifindex))
        return;
    const struct interface *i = &s->interfaces[n->ifindex];
    frame_send(a, &(struct arp_out){.ifindex = n->ifindex,
                                    .opcode = RTE_ARP_OP_REQUEST,
                                    .own = interface_mac(i),
                                    .target = *NOBODY,
                                    .to = known ? neighbour_mac(word) : *BROADCAST,
                                    .own_ip = i->ip,
                                    .target_ip = n->ip.word[3]});
}

static void reply_send(struct arp *a, const struct interface *own, uint16_t ifindex,
                       const struct rte_arp_hdr *request)
{
    frame_send(a, &(struct arp_out){.ifindex = ifindex,
                                    .opcode = RTE_ARP_OP_REPLY,
                                    .own = interface_mac(own),
                                    .target = request->arp_data.arp_sha,
                                    .to = request->arp_data.arp_sha,
                                    .own_ip = own->ip,
                                    .target_ip = request->arp_data.arp_sip});
}

/* ---- frames of others ---- */

static void frame_forward(struct arp *a, const struct snapshot *s, struct rte_mbuf *m,
                          uint64_t word)
{
    uint16_t ifindex = note_of(m)->ifindex;
    if (!interface_usable(s, ifindex)) {
        a->setup.drop(a->setup.ctx, m, DROP_INTERFACE_DOWN);
        return;
    }
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    eth->dst_addr = neighbour_mac(word);
    eth->src_addr = interface_mac(&s->interfaces[ifindex]);
    note_of(m)->kind = NOTE_FORWARD;
    a->setup.send(a->setup.ctx, m);
}

static void held_send(struct arp *a, const struct snapshot *s, uint32_t index)
{
    struct arp_hop *hop = &a->hops[index];
    uint64_t word = neighbour_word(a->setup.neighbours, index);
    for (uint8_t i = 0; i < hop->n_held; i++)
        frame_forward(a, s, hop->held[i], word);
    a->held -= hop->n_held;
    hop->n_held = 0;
}

static void held_drop(struct arp *a, uint32_t index)
{
    struct arp_hop *hop = &a->hops[index];
    for (uint8_t i = 0; i < hop->n_held; i++)
        a->setup.drop(a->setup.ctx, hop->held[i], DROP_NEIGHBOUR_FAILED);
    a->held -= hop->n_held;
    hop->n_held = 0;
}

/* Workers are told when there is no room for one more. */
static void hold(struct arp *a, uint32_t index, struct rte_mbuf *m)
{
    struct arp_hop *hop = &a->hops[index];
    bool room = hop->n_held < ARP_HELD && a->held < a->setup.held_max;
    if (room) {
        hop->held[hop->n_held++] = m;
        a->held++;
    } else {
        a->setup.drop(a->setup.ctx, m, DROP_NEIGHBOUR_QUEUE);
    }
    if (hop->n_held == ARP_HELD || a->held >= a->setup.held_max)
        neighbour_set_full(a->setup.neighbours, index);
}

/* ---- states ---- */

static enum neighbour_state state_of(const struct arp *a, uint32_t index)
{
    return neighbour_state(neighbour_word(a->setup.neighbours, index));
}

static void state_set(struct arp *a, uint32_t index, const uint8_t mac[6],
                      enum neighbour_state state)
{
    a->searching -= state_of(a, index) == NEIGHBOUR_INCOMPLETE;
    a->searching += state == NEIGHBOUR_INCOMPLETE;
    neighbour_set(a->setup.neighbours, index, mac, state);
}

static void state_keep_mac(struct arp *a, uint32_t index, enum neighbour_state state)
{
    struct rte_ether_addr mac = neighbour_mac(neighbour_word(a->setup.neighbours, index));
    state_set(a, index, mac.addr_bytes, state);
}

/* The MAC is the right one, as of now. */
static void confirm(struct arp *a, const struct snapshot *s, uint32_t index,
                    const struct rte_ether_addr *mac, uint64_t now_ms)
{
    struct arp_hop *hop = &a->hops[index];
    state_set(a, index, mac->addr_bytes, NEIGHBOUR_REACHABLE);
    hop->tries = 0;
    hop->trust = ARP_SURE;
    hop->since_ms = now_ms;
    wheel_move(&a->wheel, index, now_ms + VERIFY_MS);
    held_send(a, s, index);
}

/* Nothing better is known: used while everybody is asked. */
static void believe(struct arp *a, const struct snapshot *s, uint32_t index,
                    const struct rte_ether_addr *mac, uint64_t now_ms)
{
    struct arp_hop *hop = &a->hops[index];
    state_set(a, index, mac->addr_bytes, NEIGHBOUR_STALE);
    hop->tries = 0;
    hop->trust = ARP_OPEN;
    hop->since_ms = now_ms;
    wheel_move(&a->wheel, index, now_ms);
    held_send(a, s, index);
}

/* Somebody names another MAC: does the old one still answer? */
static void doubt(struct arp *a, const struct snapshot *s, uint32_t index, uint64_t now_ms)
{
    struct arp_hop *hop = &a->hops[index];
    state_keep_mac(a, index, NEIGHBOUR_PROBE);
    hop->tries = 0;
    hop->trust = ARP_DOUBTED;
    request_send(a, s, index);
    wheel_move(&a->wheel, index, now_ms + DOUBT_MS);
}

static void search_begin(struct arp *a, const struct snapshot *s, uint32_t index, uint64_t now_ms)
{
    struct arp_hop *hop = &a->hops[index];
    state_set(a, index, NOBODY->addr_bytes, NEIGHBOUR_INCOMPLETE);
    hop->tries = 1;
    hop->since_ms = now_ms;
    wheel_move(&a->wheel, index, now_ms + TRY_MS);
    request_send(a, s, index);
}

static void give_up(struct arp *a, uint32_t index, uint64_t now_ms)
{
    state_set(a, index, NOBODY->addr_bytes, NEIGHBOUR_FAILED);
    a->hops[index].since_ms = now_ms;
    wheel_move(&a->wheel, index, now_ms + FAILED_MS);
    held_drop(a, index);
}

static void forget(struct arp *a, uint32_t index)
{
    a->searching -= state_of(a, index) == NEIGHBOUR_INCOMPLETE;
    wheel_del(&a->wheel, index);
    held_drop(a, index);
    neighbour_remove(a->setup.neighbours, index);
}

static void hop_due(struct arp *a, const struct snapshot *s, uint32_t index, uint64_t now_ms)
{
    struct arp_hop *hop = &a->hops[index];
    enum neighbour_state state = state_of(a, index);
    if (state == NEIGHBOUR_FAILED) {
        forget(a, index);
        return;
    }
    if (hop->tries == TRIES && state == NEIGHBOUR_INCOMPLETE) {
        give_up(a, index, now_ms);
        return;
    }
    if (hop->tries == TRIES) {
        search_begin(a, s, index, now_ms);
        return;
    }
    if (state != NEIGHBOUR_INCOMPLETE)
        state_keep_mac(a, index, NEIGHBOUR_PROBE);
    if (hop->trust == ARP_DOUBTED)
        hop->trust = ARP_OPEN;
    hop->tries++;
    request_send(a, s, index);
    wheel_add(&a->wheel, index, now_ms + TRY_MS);
}

/* ---- room ---- */

static bool is_gateway(const struct snapshot *s, uint16_t ifindex, struct ip_addr ip)
{
    const struct route *r;
    for (uint32_t i = 0; s->routes && (r = route_at(s->routes, i)); i++)
        if (r->gateway == ip.word[3] && r->ifindex == ifindex)
            return true;
    return false;
}

/* One of a few entries makes room: a failed one if possible, else one that was found. */
static void room_make(struct arp *a, const struct snapshot *s, uint32_t looks)
{
    const struct neighbours *ns = a->setup.neighbours;
    uint32_t found = NEIGHBOUR_NONE;
    for (; looks > 0; looks--) {
        uint32_t i = a->hand++ & (ns->capacity - 1);
        enum neighbour_state state = state_of(a, i);
        if (state == NEIGHBOUR_FAILED) {
            forget(a, i);
            return;
        }
        if (found == NEIGHBOUR_NONE && state != NEIGHBOUR_INCOMPLETE &&
            !is_gateway(s, ns->entries[i].ifindex, ns->entries[i].ip))
            found = i;
    }
    if (found != NEIGHBOUR_NONE)
        forget(a, found);
}

/* The entry for a frame's next hop, NEIGHBOUR_NONE when there are too many. */
static uint32_t hop_make(struct arp *a, const struct snapshot *s, uint16_t ifindex,
                         struct ip_addr ip)
{
    struct neighbours *ns = a->setup.neighbours;
    uint32_t index = neighbour_index(ns, ifindex, ip);
    bool crowded = a->searching >= ns->capacity / 2, full = ns->count == ns->capacity;
    if (index != NEIGHBOUR_NONE)
        return index;
    if (crowded || full) {
        bool gateway = is_gateway(s, ifindex, ip);
        if (crowded && !gateway)
            return NEIGHBOUR_NONE;
        if (full)
            room_make(a, s, gateway ? ns->capacity : ROOM_LOOKS);
    }
    index = neighbour_make(ns, ifindex, ip);
    a->searching += index != NEIGHBOUR_NONE;
    return index;
}

/* ---- our own addresses ---- */

/* RFC 5227 2.3: a request for our own address, so that others forget who had it before. */
static void announce(struct arp *a, const struct snapshot *s, uint16_t ifindex)
{
    const struct interface *i = &s->interfaces[ifindex];
    frame_send(a, &(struct arp_out){.ifindex = ifindex,
                                    .opcode = RTE_ARP_OP_REQUEST,
                                    .own = interface_mac(i),
                                    .target = *NOBODY,
                                    .to = *BROADCAST,
                                    .own_ip = i->ip,
                                    .target_ip = i->ip});
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
        announce(a, s, i);
        n++;
    }
    return n;
}

/* Somebody else uses our address: nothing that a firewall could mend, but it can say so. */
static void conflict(struct arp *a, const struct snapshot *s, uint16_t ifindex,
                     const struct rte_ether_addr *mac, uint64_t now_ms)
{
    const struct interface *i = &s->interfaces[ifindex];
    struct arp_own *own = &a->own[ifindex];
    const uint8_t *b = mac->addr_bytes;
    char ip[IPV4_TEXT_MAX];
    bool first = own->conflicts++ == 0;
    if (a->setup.virtual_neighbours)
        return; /* a capture made beside the firewall has its own frames */
    if (first || now_ms >= own->logged_ms + LOG_MS) {
        own->logged_ms = now_ms;
        ipv4_print(i->ip, ip);
        log_warn("interface \"%s\": %02x:%02x:%02x:%02x:%02x:%02x uses our address %s too "
                 "(ARP frames so far: %llu)",
                 i->name, b[0], b[1], b[2], b[3], b[4], b[5], ip,
                 (unsigned long long)own->conflicts);
    }
    if (!first && now_ms < own->defended_ms + DEFEND_MS)
        return;
    own->defended_ms = now_ms;
    announce(a, s, ifindex);
}

/* ---- time ---- */

unsigned arp_run(struct arp *a, const struct snapshot *s, uint64_t now_ms)
{
    uint32_t index, budget = RUN_BUDGET;
    while ((index = wheel_next_due(&a->wheel, now_ms, &budget)) != WHEEL_NONE)
        hop_due(a, s, index, now_ms);
    unsigned announced = a->setup.virtual_neighbours ? 0 : announcements(a, s, now_ms);
    return RUN_BUDGET - budget + announced;
}

uint64_t arp_next_deadline_ms(const struct arp *a)
{
    return wheel_next_deadline_ms(&a->wheel);
}

uint64_t arp_age_ms(const struct arp *a, uint32_t neighbour, uint64_t now_ms)
{
    uint64_t since_ms = a->hops[neighbour].since_ms;
    return now_ms > since_ms ? now_ms - since_ms : 0;
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

/* Another MAC than the one in use. */
static void learn_other(struct arp *a, const struct snapshot *s, uint32_t index,
                        const struct rte_ether_addr *mac, bool answer, uint64_t now_ms)
{
    struct arp_hop *hop = &a->hops[index];
    if (hop->trust == ARP_SURE)
        doubt(a, s, index, now_ms);
    else if (hop->trust == ARP_OPEN && answer)
        confirm(a, s, index, mac, now_ms);
}

/* What a packet says about its sender, for senders we know. */
static void learn(struct arp *a, const struct snapshot *s, uint16_t ifindex,
                  const struct rte_arp_hdr *arp, uint64_t now_ms)
{
    const struct rte_ether_addr *mac = &arp->arp_data.arp_sha;
    uint32_t index =
        neighbour_index(a->setup.neighbours, ifindex, ip_addr_of4(arp->arp_data.arp_sip));
    if (index == NEIGHBOUR_NONE)
        return;

    uint64_t word = neighbour_word(a->setup.neighbours, index);
    struct rte_ether_addr believed = neighbour_mac(word);
    bool answer = arp->arp_opcode == be16_of(RTE_ARP_OP_REPLY) &&
                  arp->arp_data.arp_tip == s->interfaces[ifindex].ip;
    bool asked = neighbour_state(word) & (NEIGHBOUR_INCOMPLETE | NEIGHBOUR_PROBE);
    if (!neighbour_word_usable(word) && !(asked && answer))
        believe(a, s, index, mac, now_ms);
    else if (neighbour_word_usable(word) && !rte_is_same_ether_addr(mac, &believed))
        learn_other(a, s, index, mac, answer, now_ms);
    else if (asked && answer)
        confirm(a, s, index, mac, now_ms);
}

static void input(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms)
{
    uint16_t ifindex = note_of(m)->ifindex;
    if (!interface_usable(s, ifindex) || !arp_well_formed(m))
        return;
    const struct interface *own = &s->interfaces[ifindex];
    const struct rte_arp_hdr *arp =
        rte_pktmbuf_mtod_offset(m, const struct rte_arp_hdr *, sizeof(struct rte_ether_hdr));
    be32 sender = arp->arp_data.arp_sip;
    if (own->ip == 0)
        return;
    if (sender == own->ip) {
        struct rte_ether_addr mac = interface_mac(own);
        if (!rte_is_same_ether_addr(&arp->arp_data.arp_sha, &mac))
            conflict(a, s, ifindex, &arp->arp_data.arp_sha, now_ms);
        return;
    }
    if (sender != 0 && !a->setup.virtual_neighbours)
        learn(a, s, ifindex, arp, now_ms);
    if (arp->arp_opcode == be16_of(RTE_ARP_OP_REQUEST) && arp->arp_data.arp_tip == own->ip)
        reply_send(a, own, ifindex, arp);
}

void arp_input(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms)
{
    input(a, s, m, now_ms);
    rte_pktmbuf_free(m);
}

static void resolve_virtually(struct arp *a, uint32_t index, struct ip_addr ip)
{
    uint8_t mac[6] = {0x02, 0x00};
    memcpy(mac + 2, &ip.word[3], sizeof ip.word[3]);
    state_set(a, index, mac, NEIGHBOUR_REACHABLE);
}

void arp_resolve(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms)
{
    const struct note *note = note_of(m);
    uint32_t index = hop_make(a, s, note->ifindex, note->next_hop);
    if (index == NEIGHBOUR_NONE) {
        a->setup.drop(a->setup.ctx, m, DROP_NEIGHBOUR_TABLE);
        return;
    }
    if (a->setup.virtual_neighbours)
        resolve_virtually(a, index, note->next_hop);
    uint64_t word = neighbour_word(a->setup.neighbours, index);
    if (neighbour_word_usable(word)) {
        frame_forward(a, s, m, word);
        return;
    }

    struct arp_hop *hop = &a->hops[index];
    bool failed = neighbour_state(word) == NEIGHBOUR_FAILED;
    if (failed && now_ms < hop->since_ms + FAILED_MS) {
        a->setup.drop(a->setup.ctx, m, DROP_NEIGHBOUR_FAILED);
        return;
    }
    if (failed || !wheel_is_filed(&a->wheel, index))
        search_begin(a, s, index, now_ms);
    hold(a, index, m);
}
