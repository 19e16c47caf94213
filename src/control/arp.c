/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of a next hop (states after RFC 4861 7.3, which Linux uses for ARP too):
 *
 *   INCOMPLETE --answer--> REACHABLE --25 s--> PROBE --answer--> REACHABLE
 *       |                      |                 |
 *   3 s, 3 broadcasts   other MAC heard     3 s, 3 unicasts
 *       v                      v                 v
 *     FAILED <------------- STALE, then PROBE  FAILED        new demand after 3 s: INCOMPLETE
 *
 * A neighbour is verified by unicast before its 30 s are over and stays usable while that goes on,
 * so live traffic never waits. Workers do not tell which neighbours they use: all that answer are
 * kept, which is a frame in 25 s for each.
 *
 * Nobody gets into the table by talking: entries are made for frames that need one. For those, an
 * answer we asked for is believed; anything else with another MAC (a gratuitous announcement after
 * a fail-over, a request to us) is taken over but verified at once.
 */
#include "control/arp.h"

#include <rte_arp.h>
#include <rte_ether.h>

#include <errno.h>
#include <stdlib.h>

#define TICK_MS     100
#define TRIES       3
#define TRY_MS      1000
#define VERIFY_MS   25000
#define FAILED_MS   3000
#define RUN_BUDGET  256
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

/* To everybody, or to the MAC we believe in. */
static void request_send(struct arp *a, const struct snapshot *s, uint32_t index)
{
    const struct neighbour *n = &a->setup.neighbours->entries[index];
    uint64_t word = neighbour_word(a->setup.neighbours, index);
    bool known = neighbour_state(word) & (NEIGHBOUR_PROBE | NEIGHBOUR_STALE);
    if (!interface_usable(s, n->ifindex))
        return;
    const struct interface *i = &s->interfaces[n->ifindex];
    frame_send(a, &(struct arp_out){.ifindex = n->ifindex,
                                    .opcode = RTE_ARP_OP_REQUEST,
                                    .own = interface_mac(i),
                                    .target = *NOBODY,
                                    .to = known ? neighbour_mac(word) : *BROADCAST,
                                    .own_ip = i->ip,
                                    .target_ip = n->ip});
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

static void hold(struct arp *a, uint32_t index, struct rte_mbuf *m)
{
    struct arp_hop *hop = &a->hops[index];
    if (hop->n_held == ARP_HELD) {
        a->setup.drop(a->setup.ctx, m, DROP_NEIGHBOUR_QUEUE);
        return;
    }
    hop->held[hop->n_held++] = m;
    a->held++;
}

/* ---- states ---- */

static void state_set(struct arp *a, uint32_t index, const uint8_t mac[6],
                      enum neighbour_state state)
{
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
    hop->since_ms = now_ms;
    wheel_move(&a->wheel, index, now_ms + VERIFY_MS);
    held_send(a, s, index);
}

/* Somebody says that it moved: believed until the question to the new MAC is answered, or not. */
static void doubt(struct arp *a, const struct snapshot *s, uint32_t index,
                  const struct rte_ether_addr *mac, uint64_t now_ms)
{
    state_set(a, index, mac->addr_bytes, NEIGHBOUR_STALE);
    a->hops[index].tries = 0;
    wheel_move(&a->wheel, index, now_ms);
    held_send(a, s, index);
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
    held_drop(a, index);
}

static void hop_due(struct arp *a, const struct snapshot *s, uint32_t index, uint64_t now_ms)
{
    struct arp_hop *hop = &a->hops[index];
    enum neighbour_state state = neighbour_state(neighbour_word(a->setup.neighbours, index));
    if (state == NEIGHBOUR_FAILED)
        return;
    if (hop->tries == TRIES) {
        give_up(a, index, now_ms);
        return;
    }
    if (state != NEIGHBOUR_INCOMPLETE)
        state_keep_mac(a, index, NEIGHBOUR_PROBE);
    hop->tries++;
    request_send(a, s, index);
    wheel_add(&a->wheel, index, now_ms + TRY_MS);
}

unsigned arp_run(struct arp *a, const struct snapshot *s, uint64_t now_ms)
{
    uint32_t index, budget = RUN_BUDGET;
    while ((index = wheel_next_due(&a->wheel, now_ms, &budget)) != WHEEL_NONE)
        hop_due(a, s, index, now_ms);
    return RUN_BUDGET - budget;
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

/* What a packet says about its sender, for senders we know. */
static void learn(struct arp *a, const struct snapshot *s, uint16_t ifindex,
                  const struct rte_arp_hdr *arp, uint64_t now_ms)
{
    const struct rte_ether_addr *mac = &arp->arp_data.arp_sha;
    uint32_t index = neighbour_find(a->setup.neighbours, ifindex, arp->arp_data.arp_sip);
    if (index == NEIGHBOUR_NONE)
        return;

    uint64_t word = neighbour_word(a->setup.neighbours, index);
    struct rte_ether_addr believed = neighbour_mac(word);
    bool asked = neighbour_state(word) & (NEIGHBOUR_INCOMPLETE | NEIGHBOUR_PROBE);
    bool answer = arp->arp_opcode == be16_of(RTE_ARP_OP_REPLY) &&
                  arp->arp_data.arp_tip == s->interfaces[ifindex].ip;
    if (asked && answer)
        confirm(a, s, index, mac, now_ms);
    else if (neighbour_state(word) == NEIGHBOUR_REACHABLE && rte_is_same_ether_addr(mac, &believed))
        return;
    else if (neighbour_state(word) != NEIGHBOUR_PROBE || !rte_is_same_ether_addr(mac, &believed))
        doubt(a, s, index, mac, now_ms);
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
    if (own->ip == 0 || sender == own->ip)
        return; /* our own address from elsewhere: nothing that a firewall could mend */
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

static void resolve_virtually(struct arp *a, uint32_t index, be32 ip)
{
    uint8_t mac[6] = {0x02, 0x00};
    memcpy(mac + 2, &ip, sizeof ip);
    state_set(a, index, mac, NEIGHBOUR_REACHABLE);
}

void arp_resolve(struct arp *a, const struct snapshot *s, struct rte_mbuf *m, uint64_t now_ms)
{
    const struct note *note = note_of(m);
    uint32_t index = neighbour_make(a->setup.neighbours, note->ifindex, note->next_hop);
    uint64_t word;
    if (index == NEIGHBOUR_NONE) {
        a->setup.drop(a->setup.ctx, m, DROP_NEIGHBOUR_QUEUE);
        return;
    }
    if (a->setup.virtual_neighbours)
        resolve_virtually(a, index, note->next_hop);
    if (neighbour_usable(a->setup.neighbours, index, &word)) {
        frame_forward(a, s, m, word);
        return;
    }

    struct arp_hop *hop = &a->hops[index];
    word = neighbour_word(a->setup.neighbours, index);
    bool failed = neighbour_state(word) == NEIGHBOUR_FAILED;
    if (failed && now_ms < hop->since_ms + FAILED_MS) {
        a->setup.drop(a->setup.ctx, m, DROP_NEIGHBOUR_FAILED);
        return;
    }
    if (failed || !wheel_is_filed(&a->wheel, index))
        search_begin(a, s, index, now_ms);
    hold(a, index, m);
}
