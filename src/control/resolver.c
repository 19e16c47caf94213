/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of a next hop (states after RFC 4861 7.3, for both families):
 *
 *   INCOMPLETE --answer--> REACHABLE --25 s--> PROBE --answer--> REACHABLE
 *       |     ^                |                 |
 *   3 s, 3    |         other MAC heard     3 s, 3 unicasts
 *  to all     |                v                 |
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
 * The table fills with addresses where nobody is, while somebody scans a connected network (RFC
 * 6583). At most half of it is searched for at once, and an eighth on one interface and of one
 * family, so that the others still find their hosts. Entries in their last 3 s give way, then those
 * that were found: a session of theirs asks again. The gateways of the configuration, and what the
 * operator says himself, always find room and never give way.
 */
#include "control/resolver.h"

#include "config/rows.h"

#include "fastpath/route.h"

#include <rte_ether.h>

#include <errno.h>
#include <stdlib.h>

#define TICK_MS    100
#define TRIES      3
#define TRY_MS     1000
#define VERIFY_MS  25000
#define FAILED_MS  3000
#define DOUBT_MS   300
#define RUN_BUDGET 256
#define ROOM_LOOKS 64 /* entries looked at to make room */

static const uint8_t nobody[6];

int resolver_init(struct resolver *r, const struct resolver_setup *setup, uint64_t now_ms)
{
    *r = (struct resolver){.setup = *setup};
    r->hops = calloc(setup->neighbours->capacity, sizeof *r->hops);
    if (!r->hops)
        return -ENOMEM;
    wheel_init(&r->wheel, TICK_MS, now_ms, r->hops, sizeof *r->hops,
               offsetof(struct resolver_hop, wheel));
    return 0;
}

void resolver_free(struct resolver *r)
{
    for (uint32_t i = 0; r->hops && i < r->setup.neighbours->capacity; i++)
        rte_pktmbuf_free_bulk(r->hops[i].held, r->hops[i].n_held);
    free(r->hops);
    r->hops = NULL;
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

/* Everybody, or the MAC that should answer. */
static void ask(struct resolver *r, const struct snapshot *s, uint32_t index)
{
    const struct neighbour *n = &r->setup.neighbours->entries[index];
    uint64_t word = neighbour_word(r->setup.neighbours, index);
    struct rte_ether_addr mac = neighbour_mac(word);
    bool known = neighbour_word_usable(word) && r->hops[index].trust != RESOLVER_OPEN;
    if (!interface_usable(s, n->ifindex))
        return;
    r->setup.ask(r->setup.ctx, s,
                 &(struct resolver_ask){
                     .ifindex = n->ifindex, .target = n->ip, .mac = known ? mac.addr_bytes : NULL});
}

/* ---- frames of others ---- */

static void frame_forward(struct resolver *r, const struct snapshot *s, struct rte_mbuf *m,
                          uint64_t word)
{
    uint16_t ifindex = note_of(m)->ifindex;
    if (!interface_usable(s, ifindex)) {
        r->setup.drop(r->setup.ctx, m, DROP_INTERFACE_DOWN);
        return;
    }
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    eth->dst_addr = neighbour_mac(word);
    eth->src_addr = interface_mac(&s->interfaces[ifindex]);
    note_of(m)->kind = NOTE_FORWARD;
    r->setup.send(r->setup.ctx, m);
}

static void held_send(struct resolver *r, const struct snapshot *s, uint32_t index)
{
    struct resolver_hop *hop = &r->hops[index];
    uint64_t word = neighbour_word(r->setup.neighbours, index);
    for (uint8_t i = 0; i < hop->n_held; i++)
        frame_forward(r, s, hop->held[i], word);
    r->held -= hop->n_held;
    hop->n_held = 0;
}

static void held_drop(struct resolver *r, uint32_t index)
{
    struct resolver_hop *hop = &r->hops[index];
    for (uint8_t i = 0; i < hop->n_held; i++)
        r->setup.drop(r->setup.ctx, hop->held[i], DROP_NEIGHBOUR_FAILED);
    r->held -= hop->n_held;
    hop->n_held = 0;
}

/* Workers are told when there is no room for one more. */
static void hold(struct resolver *r, uint32_t index, struct rte_mbuf *m)
{
    struct resolver_hop *hop = &r->hops[index];
    bool room = hop->n_held < RESOLVER_HELD && r->held < r->setup.held_max &&
                (m->pool != r->setup.few || rte_mempool_avail_count(m->pool) >= m->pool->size / 2);
    if (room) {
        hop->held[hop->n_held++] = m;
        r->held++;
    } else {
        r->setup.drop(r->setup.ctx, m, DROP_NEIGHBOUR_QUEUE);
    }
    if (hop->n_held == RESOLVER_HELD || r->held >= r->setup.held_max)
        neighbour_set_full(r->setup.neighbours, index);
}

/* ---- states ---- */

static enum neighbour_state state_of(const struct resolver *r, uint32_t index)
{
    return neighbour_state(neighbour_word(r->setup.neighbours, index));
}

static uint32_t *searching_on(struct resolver *r, uint16_t ifindex, const struct ip_addr *ip)
{
    return &r->searching_on[ifindex][!ip_addr_is4(ip)];
}

/* One more, or one less, is searched for. */
static void searching_add(struct resolver *r, uint32_t index, int n)
{
    const struct neighbour *x = &r->setup.neighbours->entries[index];
    r->searching += (uint32_t)n;
    *searching_on(r, x->ifindex, &x->ip) += (uint32_t)n;
}

static void state_set(struct resolver *r, uint32_t index, const uint8_t mac[6],
                      enum neighbour_state state)
{
    searching_add(r, index,
                  (state == NEIGHBOUR_INCOMPLETE) - (state_of(r, index) == NEIGHBOUR_INCOMPLETE));
    neighbour_set(r->setup.neighbours, index, mac, state);
}

static void state_keep_mac(struct resolver *r, uint32_t index, enum neighbour_state state)
{
    struct rte_ether_addr mac = neighbour_mac(neighbour_word(r->setup.neighbours, index));
    state_set(r, index, mac.addr_bytes, state);
}

/* The MAC is the right one, as of now. */
static void confirm(struct resolver *r, const struct snapshot *s, uint32_t index,
                    const uint8_t *mac, uint64_t now_ms)
{
    struct resolver_hop *hop = &r->hops[index];
    state_set(r, index, mac, NEIGHBOUR_REACHABLE);
    hop->tries = 0;
    hop->trust = RESOLVER_SURE;
    hop->since_ms = now_ms;
    wheel_move(&r->wheel, index, now_ms + VERIFY_MS);
    held_send(r, s, index);
}

/* Nothing better is known: used while everybody is asked. */
static void believe(struct resolver *r, const struct snapshot *s, uint32_t index,
                    const uint8_t *mac, uint64_t now_ms)
{
    struct resolver_hop *hop = &r->hops[index];
    state_set(r, index, mac, NEIGHBOUR_STALE);
    hop->tries = 0;
    hop->trust = RESOLVER_OPEN;
    hop->since_ms = now_ms;
    wheel_move(&r->wheel, index, now_ms);
    held_send(r, s, index);
}

/* Somebody names another MAC: does the old one still answer? */
static void doubt(struct resolver *r, const struct snapshot *s, uint32_t index, uint64_t now_ms)
{
    struct resolver_hop *hop = &r->hops[index];
    state_keep_mac(r, index, NEIGHBOUR_PROBE);
    hop->tries = 0;
    hop->trust = RESOLVER_DOUBTED;
    ask(r, s, index);
    wheel_move(&r->wheel, index, now_ms + DOUBT_MS);
}

static void search_begin(struct resolver *r, const struct snapshot *s, uint32_t index,
                         uint64_t now_ms)
{
    struct resolver_hop *hop = &r->hops[index];
    state_set(r, index, nobody, NEIGHBOUR_INCOMPLETE);
    hop->tries = 1;
    hop->since_ms = now_ms;
    wheel_move(&r->wheel, index, now_ms + TRY_MS);
    ask(r, s, index);
}

static void give_up(struct resolver *r, uint32_t index, uint64_t now_ms)
{
    state_set(r, index, nobody, NEIGHBOUR_FAILED);
    r->hops[index].since_ms = now_ms;
    wheel_move(&r->wheel, index, now_ms + FAILED_MS);
    held_drop(r, index);
}

static void forget(struct resolver *r, uint32_t index)
{
    searching_add(r, index, -(state_of(r, index) == NEIGHBOUR_INCOMPLETE));
    r->hops[index].trust = RESOLVER_OPEN;
    wheel_del(&r->wheel, index);
    held_drop(r, index);
    neighbour_remove(r->setup.neighbours, index);
}

static void hop_due(struct resolver *r, const struct snapshot *s, uint32_t index, uint64_t now_ms)
{
    struct resolver_hop *hop = &r->hops[index];
    enum neighbour_state state = state_of(r, index);
    if (state == NEIGHBOUR_FAILED) {
        forget(r, index);
        return;
    }
    if (hop->tries == TRIES && state == NEIGHBOUR_INCOMPLETE) {
        give_up(r, index, now_ms);
        return;
    }
    if (hop->tries == TRIES) {
        search_begin(r, s, index, now_ms);
        return;
    }
    if (state != NEIGHBOUR_INCOMPLETE)
        state_keep_mac(r, index, NEIGHBOUR_PROBE);
    if (hop->trust == RESOLVER_DOUBTED)
        hop->trust = RESOLVER_OPEN;
    hop->tries++;
    ask(r, s, index);
    wheel_add(&r->wheel, index, now_ms + TRY_MS);
}

void resolver_forget(struct resolver *r, uint16_t ifindex)
{
    const struct neighbours *ns = r->setup.neighbours;
    for (uint32_t i = 0; i < ns->capacity; i++)
        if (state_of(r, i) != NEIGHBOUR_UNUSED && ns->entries[i].ifindex == ifindex &&
            r->hops[i].trust != RESOLVER_FIXED)
            forget(r, i);
}

/* ---- room ---- */

static bool is_gateway(const struct snapshot *s, uint16_t ifindex, const struct ip_addr *ip)
{
    return s->routes && routes_gateway(s->routes, ifindex, ip);
}

/* One of a few entries makes room: a failed one if possible, else one that was found. */
static void room_make(struct resolver *r, const struct snapshot *s, uint32_t looks)
{
    const struct neighbours *ns = r->setup.neighbours;
    uint32_t found = NEIGHBOUR_NONE;
    for (; looks > 0; looks--) {
        uint32_t i = r->hand++ & (ns->capacity - 1);
        enum neighbour_state state = state_of(r, i);
        if (state == NEIGHBOUR_FAILED) {
            forget(r, i);
            return;
        }
        if (found == NEIGHBOUR_NONE && state != NEIGHBOUR_INCOMPLETE && state != NEIGHBOUR_UNUSED &&
            r->hops[i].trust != RESOLVER_FIXED &&
            !is_gateway(s, ns->entries[i].ifindex, &ns->entries[i].ip))
            found = i;
    }
    if (found != NEIGHBOUR_NONE)
        forget(r, found);
}

static bool is_crowded(struct resolver *r, uint16_t ifindex, const struct ip_addr *ip)
{
    uint32_t capacity = r->setup.neighbours->capacity;
    return r->searching >= capacity / 2 || *searching_on(r, ifindex, ip) >= capacity / 8;
}

/* The entry for a next hop, NEIGHBOUR_NONE when there are too many. `fixed`: the operator's. */
static uint32_t hop_make(struct resolver *r, const struct snapshot *s, uint16_t ifindex,
                         struct ip_addr ip, bool fixed)
{
    struct neighbours *ns = r->setup.neighbours;
    uint32_t index = neighbour_index(ns, ifindex, ip);
    bool crowded = is_crowded(r, ifindex, &ip), full = ns->count == ns->capacity;
    if (index != NEIGHBOUR_NONE)
        return index;
    if (crowded || full) {
        bool firm = fixed || is_gateway(s, ifindex, &ip);
        if (crowded && !firm)
            return NEIGHBOUR_NONE;
        if (full)
            room_make(r, s, firm ? ns->capacity : ROOM_LOOKS);
    }
    index = neighbour_make(ns, ifindex, ip);
    if (index != NEIGHBOUR_NONE)
        searching_add(r, index, 1);
    return index;
}

/* ---- what the operator says ---- */

static bool fixed_among(const struct row_neighbour *rows, uint32_t n, const struct neighbour *x)
{
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].device + 1 == x->ifindex && ip_addr_eq(&rows[i].ip, &x->ip))
            return true;
    return false;
}

/* Entries of an earlier list that are not in this one. */
static void unfix(struct resolver *r, const struct row_neighbour *rows, uint32_t n)
{
    const struct neighbours *ns = r->setup.neighbours;
    for (uint32_t i = 0; i < ns->capacity; i++)
        if (r->hops[i].trust == RESOLVER_FIXED && state_of(r, i) != NEIGHBOUR_UNUSED &&
            !fixed_among(rows, n, &ns->entries[i]))
            forget(r, i);
}

uint32_t resolver_fix(struct resolver *r, const struct snapshot *s,
                      const struct row_neighbour *rows, uint32_t n, uint64_t now_ms)
{
    uint32_t missed = 0;
    unfix(r, rows, n);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t index = hop_make(r, s, (uint16_t)(rows[i].device + 1), rows[i].ip, true);
        if (index == NEIGHBOUR_NONE) {
            missed++;
            continue;
        }
        state_set(r, index, rows[i].mac, NEIGHBOUR_REACHABLE);
        wheel_del(&r->wheel, index);
        r->hops[index].trust = RESOLVER_FIXED;
        r->hops[index].since_ms = now_ms;
        held_send(r, s, index);
    }
    return missed;
}

/* ---- time ---- */

unsigned resolver_run(struct resolver *r, const struct snapshot *s, uint64_t now_ms)
{
    uint32_t index, budget = RUN_BUDGET;
    while ((index = wheel_next_due(&r->wheel, now_ms, &budget)) != WHEEL_NONE)
        hop_due(r, s, index, now_ms);
    return RUN_BUDGET - budget;
}

uint64_t resolver_next_deadline_ms(const struct resolver *r)
{
    return wheel_next_deadline_ms(&r->wheel);
}

uint64_t resolver_age_ms(const struct resolver *r, uint32_t neighbour, uint64_t now_ms)
{
    uint64_t since_ms = r->hops[neighbour].since_ms;
    return now_ms > since_ms ? now_ms - since_ms : 0;
}

/* ---- what others tell ---- */

/* Another MAC than the one in use. */
static void learn_other(struct resolver *r, const struct snapshot *s, uint32_t index,
                        const uint8_t *mac, bool answer, uint64_t now_ms)
{
    struct resolver_hop *hop = &r->hops[index];
    if (hop->trust == RESOLVER_SURE)
        doubt(r, s, index, now_ms);
    else if (hop->trust == RESOLVER_OPEN && answer)
        confirm(r, s, index, mac, now_ms);
}

void resolver_learn(struct resolver *r, const struct snapshot *s, const struct resolver_news *news,
                    uint64_t now_ms)
{
    uint32_t index = neighbour_index(r->setup.neighbours, news->ifindex, news->ip);
    if (index == NEIGHBOUR_NONE || r->setup.virtual_neighbours ||
        r->hops[index].trust == RESOLVER_FIXED)
        return;
    uint64_t word = neighbour_word(r->setup.neighbours, index);
    struct rte_ether_addr believed = neighbour_mac(word);
    const uint8_t *mac = news->mac;
    bool usable = neighbour_word_usable(word);
    bool asked = neighbour_state(word) & (NEIGHBOUR_INCOMPLETE | NEIGHBOUR_PROBE);
    if (!mac && (!usable || r->hops[index].trust == RESOLVER_OPEN))
        return;
    if (!mac)
        mac = believed.addr_bytes;
    if (!usable && !(asked && news->answer))
        believe(r, s, index, mac, now_ms);
    else if (usable && memcmp(mac, believed.addr_bytes, 6) != 0)
        learn_other(r, s, index, mac, news->answer && !news->modest, now_ms);
    else if (asked && news->answer)
        confirm(r, s, index, mac, now_ms);
}

/* ---- frames that need a next hop ---- */

static void resolve_virtually(struct resolver *r, uint32_t index, struct ip_addr ip)
{
    uint8_t mac[6] = {0x02, 0x00};
    memcpy(mac + 2, &ip.word[3], sizeof ip.word[3]);
    state_set(r, index, mac, NEIGHBOUR_REACHABLE);
}

void resolver_take(struct resolver *r, const struct snapshot *s, struct rte_mbuf *m,
                   uint64_t now_ms)
{
    const struct note *note = note_of(m);
    uint32_t index = hop_make(r, s, note->ifindex, note->next_hop, false);
    if (index == NEIGHBOUR_NONE) {
        r->setup.drop(r->setup.ctx, m, DROP_NEIGHBOUR_TABLE);
        return;
    }
    if (r->setup.virtual_neighbours && r->hops[index].trust != RESOLVER_FIXED)
        resolve_virtually(r, index, note->next_hop);
    uint64_t word = neighbour_word(r->setup.neighbours, index);
    if (neighbour_word_usable(word)) {
        frame_forward(r, s, m, word);
        return;
    }

    struct resolver_hop *hop = &r->hops[index];
    bool failed = neighbour_state(word) == NEIGHBOUR_FAILED;
    if (failed && now_ms < hop->since_ms + FAILED_MS) {
        r->setup.drop(r->setup.ctx, m, DROP_NEIGHBOUR_FAILED);
        return;
    }
    if (failed || !wheel_is_filed(&r->wheel, index))
        search_begin(r, s, index, now_ms);
    hold(r, index, m);
}
