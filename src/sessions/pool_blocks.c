/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks of ports on demand. Life of a block:
 *
 *   free        its bit in the map of places is clear
 *   taken       the bit is set by one thread, which writes the word (owner, one holder) and puts
 * the block into the owner's list by compare-and-swap; of two threads that do so for one host at
 * once, one takes its block back and uses the other's held        each flow or mapping is a holder;
 * to become one is a compare-and-swap that finds the owner still the same, so a block seen in a
 * list that has changed hands meanwhile is left alone known       control has seen the first flow,
 * told so and filed the block; before that, whoever leaves last frees it himself, and nobody ever
 * heard of it free again  a known one when it was idle for the pool's time-out: the word goes to 0
 * by compare-and-swap, then it leaves the list, then its bit is cleared
 *
 * A block keeps its owner's slot among the clients pinned; a host without blocks has no slot.
 */
#include "base/log.h"
#include "sessions/pool_private.h"

#define TICK_MS     1000
#define KNOWN       ((uint64_t)1 << 32)
#define HOLD_SHIFT  33
#define ONE_HOLDER  ((uint64_t)1 << HOLD_SHIFT)
#define OWNER(word) ((uint32_t)(word))

static uint64_t word_of(const struct pool *p, uint32_t place)
{
    return __atomic_load_n(&p->blocks[place].word, __ATOMIC_ACQUIRE);
}

static bool word_swap(struct pool *p, uint32_t place, uint64_t *from, uint64_t to)
{
    return __atomic_compare_exchange_n(&p->blocks[place].word, from, to, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static uint32_t *list_of(const struct pool *p, uint32_t slot)
{
    return p->of_client + (size_t)slot * p->params.blocks_per_user;
}

static void client_leave(struct pool *p, uint32_t slot)
{
    if (!pool_client_unpin(&p->clients, slot))
        return;
    __atomic_store_n(&p->newest[slot], 0, __ATOMIC_RELAXED);
    pool_client_free(&p->clients, slot);
}

/* One holder more, if it is still this client's. */
static bool block_join(struct pool *p, uint32_t place, uint32_t slot)
{
    uint64_t word = word_of(p, place);
    do
        if (OWNER(word) != slot + 1)
            return false;
    while (!word_swap(p, place, &word, word + ONE_HOLDER));
    if (word & KNOWN && word >> HOLD_SHIFT == 0)
        __atomic_add_fetch(&p->reused, 1, __ATOMIC_RELAXED);
    return true;
}

/* Nobody's: its word is 0 by our doing. */
static void block_free(struct pool *p, uint32_t place, uint32_t slot)
{
    uint32_t *list = list_of(p, slot);
    for (uint16_t k = 0; k < p->params.blocks_per_user; k++) {
        uint32_t mine = place + 1;
        if (__atomic_compare_exchange_n(&list[k], &mine, 0, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            break;
    }
    pool_place_give(p, place);
    client_leave(p, slot);
}

/* The next of the client's blocks that it holds, from where the flow stands. */
static bool block_next(struct pool *p, uint32_t slot, struct pool_try *at, uint32_t *place)
{
    uint32_t *list = list_of(p, slot);
    uint16_t n = p->params.blocks_per_user;
    if (at->n == 0 && at->at == 0)
        at->first = __atomic_load_n(&p->newest[slot], __ATOMIC_RELAXED);
    while (at->at < n && at->n < POOL_TRIES) {
        uint8_t k = (uint8_t)((at->first + at->at++) % n);
        uint32_t block = __atomic_load_n(&list[k], __ATOMIC_ACQUIRE);
        if (block == 0 || !block_join(p, block - 1, slot))
            continue;
        __atomic_store_n(&p->newest[slot], k, __ATOMIC_RELAXED);
        *place = block - 1;
        return true;
    }
    return false;
}

/* Where to look for a further block: on the address of those it has. */
static uint32_t search_start(const struct pool *p, uint32_t slot, be32 source)
{
    const uint32_t *list = list_of(p, slot);
    for (uint16_t k = 0; k < p->params.blocks_per_user; k++) {
        uint32_t block = __atomic_load_n(&list[k], __ATOMIC_RELAXED);
        if (block)
            return (block - 1) / p->plan.per_address * p->plan.per_address;
    }
    return pool_home(source, p->plan.addresses) * p->plan.per_address;
}

static enum pool_answer block_take(struct pool *p, uint32_t slot, be32 source, uint32_t *place)
{
    uint32_t *list = list_of(p, slot), nothing = 0;
    uint16_t k = 0, n = p->params.blocks_per_user;
    while (k < n && __atomic_load_n(&list[k], __ATOMIC_RELAXED))
        k++;
    if (k == n)
        return POOL_NO_MORE;
    *place = pool_place_take(p, search_start(p, slot, source));
    if (*place == NO_PLACE)
        return POOL_FULL;
    pool_client_pin_at(&p->clients, slot, source);
    __atomic_store_n(&p->blocks[*place].word, (slot + 1) | ONE_HOLDER, __ATOMIC_RELEASE);
    if (__atomic_compare_exchange_n(&list[k], &nothing, *place + 1, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&p->newest[slot], (uint8_t)k, __ATOMIC_RELAXED);
        __atomic_add_fetch(&p->allocated, 1, __ATOMIC_RELAXED);
        return POOL_OFFER;
    }
    /* Another thread was faster: its block will do. */
    __atomic_store_n(&p->blocks[*place].word, 0, __ATOMIC_RELEASE);
    pool_place_give(p, *place);
    client_leave(p, slot);
    *place = nothing - 1;
    return block_join(p, *place, slot) ? POOL_OFFER : POOL_BUSY;
}

static enum pool_answer offer_to(struct pool *p, uint32_t slot, be32 source, struct pool_try *at,
                                 uint32_t *place)
{
    uint16_t n = p->params.blocks_per_user;
    if (block_next(p, slot, at, place))
        return POOL_OFFER;
    if (at->at > n)
        return POOL_NO_MORE;
    at->at = (uint8_t)(n + 1);
    return block_take(p, slot, source, place);
}

enum pool_answer pool_block_offer(struct pool *p, be32 source, struct pool_try *at,
                                  struct pool_lease *lease)
{
    uint32_t slot, place;
    uint64_t word;
    switch (pool_client_pin(&p->clients, source, &slot, &word)) {
    case POOL_CLIENT_NO_ROOM:
        return POOL_FULL;
    case POOL_CLIENT_BUSY:
        return POOL_BUSY;
    case POOL_CLIENT_MADE:
        if (!pool_client_confirm(&p->clients, slot, word))
            return POOL_BUSY;
        break;
    case POOL_CLIENT_PINNED:
        break;
    }
    enum pool_answer answer = offer_to(p, slot, source, at, &place);
    client_leave(p, slot);
    if (answer != POOL_OFFER)
        return answer;
    at->n++;
    *lease = (struct pool_lease){.pool = p->id, .place = place, .source = source};
    return POOL_OFFER;
}

bool pool_block_hold(struct pool *p, const struct pool_lease *lease)
{
    uint64_t word = word_of(p, lease->place);
    do
        if (word >> HOLD_SHIFT == 0 ||
            pool_client_at(&p->clients, OWNER(word) - 1) != lease->source)
            return false;
    while (!word_swap(p, lease->place, &word, word + ONE_HOLDER));
    return true;
}

bool pool_block_return(struct pool *p, uint32_t place)
{
    uint64_t word = word_of(p, place);
    while (!word_swap(p, place, &word, word - ONE_HOLDER))
        ;
    word -= ONE_HOLDER;
    if (word >> HOLD_SHIFT)
        return false;
    if (word & KNOWN)
        return true;
    if (word_swap(p, place, &word, 0))
        block_free(p, place, OWNER(word) - 1);
    return false;
}

/* ---- control ---- */

static uint64_t timeout_ms(const struct pool *p)
{
    return (uint64_t)p->params.timeout_s * 1000;
}

bool pool_block_know(struct pool *p, uint32_t place, uint64_t now_ms)
{
    if (__atomic_fetch_or(&p->blocks[place].word, KNOWN, __ATOMIC_ACQ_REL) & KNOWN)
        return false;
    if (!p->idle_begun)
        wheel_init(p->idle, TICK_MS, now_ms, p->blocks, sizeof *p->blocks,
                   offsetof(struct pool_block, wheel));
    p->idle_begun = true;
    wheel_move(p->idle, place, now_ms + timeout_ms(p));
    return true;
}

void pool_block_tell(const struct pool *p, uint32_t place, be32 source, const char *event,
                     uint64_t now_ms, const struct event_sink *events)
{
    char inside[IPV4_TEXT_MAX], outside[IPV4_TEXT_MAX];
    uint16_t first, last;
    ipv4_print(source, inside);
    ipv4_print(pool_address(p, place / p->plan.per_address), outside);
    pool_block_ports(p, place % p->plan.per_address, &first, &last);
    if (events_on(events))
        event_emit(events, event, now_ms,
                   "\"pool\":\"%s\",\"inside\":\"%s\",\"public\":\"%s\",\"first\":%u,\"last\":%u",
                   p->params.name, inside, outside, first, last);
    else
        log_info("%s: ippool \"%s\", %s has %s ports %u-%u", event, p->params.name, inside, outside,
                 first, last);
}

/* Free it, unless somebody holds it again. */
static bool block_expire(struct pool *p, uint32_t place, uint64_t now_ms,
                         const struct event_sink *events)
{
    uint64_t word = word_of(p, place);
    uint32_t idle_ms = (uint32_t)now_ms - p->blocks[place].idle_ms;
    be32 source = pool_block_owner(p, place);
    if (word >> HOLD_SHIFT) {
        wheel_add(p->idle, place, now_ms + timeout_ms(p));
        return false;
    }
    if (idle_ms < timeout_ms(p)) {
        wheel_add(p->idle, place, now_ms + timeout_ms(p) - idle_ms);
        return false;
    }
    if (!word_swap(p, place, &word, 0)) {
        wheel_add(p->idle, place, now_ms + timeout_ms(p));
        return false;
    }
    pool_block_tell(p, place, source, "pool-block-released", now_ms, events);
    block_free(p, place, OWNER(word) - 1);
    return true;
}

unsigned pool_blocks_run(struct pool *p, uint64_t now_ms, const struct event_sink *events)
{
    uint32_t place, budget = 1024;
    unsigned n = 0;
    if (!p->idle_begun)
        return 0;
    while ((place = wheel_next_due(p->idle, now_ms, &budget)) != WHEEL_NONE)
        n += block_expire(p, place, now_ms, events);
    return n;
}

uint32_t pool_block_holders(const struct pool *p, uint32_t place)
{
    return (uint32_t)(word_of(p, place) >> HOLD_SHIFT);
}

be32 pool_block_owner(const struct pool *p, uint32_t place)
{
    uint64_t word = word_of(p, place);
    return OWNER(word) ? pool_client_at(&p->clients, OWNER(word) - 1) : 0;
}
