/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host may stand in any slot of a window that begins where its address hashes to. Slots come and
 * go, so a search always looks at the whole window.
 *
 * Two threads that meet a new host at once must not both enter it. Each puts a tentative word into
 * a free slot and then looks through the window: a live twin wins, of two tentative ones the one
 * further back gives way, and the one in front clears it. Then the word is confirmed by
 * compare-and-swap, and whoever's swap fails has lost. Each side writes before it looks, so at
 * least one sees the other. A tentative word carries the number of its attempt: a slot that was
 * cleared and taken again by a third thread for the same host is not mistaken for one's own.
 */
#include "sessions/pool_clients.h"

#include "base/mem.h"

#include <errno.h>

/* A word: address (32 bits), state (2), users or attempt (30). */
#define STATE_SHIFT 32
#define USERS_SHIFT 34
#define ONE_USER    ((uint64_t)1 << USERS_SHIFT)

enum {
    TENTATIVE = 1,
    LIVE,
    CLOSING
};

/* With the set a quarter full a window without a free slot is not met in practice. */
#define SPARE   4
#define WINDOW  64
#define MIN_SET 64
#define LOOKS   256

static uint64_t word_make(be32 ip, unsigned state, uint32_t users)
{
    return ip | (uint64_t)state << STATE_SHIFT | (uint64_t)users << USERS_SHIFT;
}

static unsigned state_of(uint64_t word)
{
    return (unsigned)(word >> STATE_SHIFT) & 3;
}

static bool is(uint64_t word, be32 ip, unsigned state)
{
    return (uint32_t)word == ip && state_of(word) == state;
}

static uint32_t slot_at(const struct pool_clients *c, be32 ip, uint32_t i)
{
    uint64_t h = ((uint64_t)ip + 1) * 0x9e3779b97f4a7c15u;
    return ((uint32_t)(h >> 32) + i) & c->mask;
}

static uint64_t word_at(const struct pool_clients *c, uint32_t slot)
{
    return __atomic_load_n(&c->words[slot], __ATOMIC_SEQ_CST);
}

static bool swap(struct pool_clients *c, uint32_t slot, uint64_t *from, uint64_t to)
{
    return __atomic_compare_exchange_n(&c->words[slot], from, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

int pool_clients_init(struct pool_clients *c, uint32_t n)
{
    uint64_t slots = MIN_SET;
    while (slots < (uint64_t)n * SPARE)
        slots *= 2;
    *c = (struct pool_clients){.mask = (uint32_t)(slots - 1), .bytes = slots * sizeof *c->words};
    c->words = mem_map_sparse(c->bytes);
    return c->words ? 0 : -ENOMEM;
}

void pool_clients_free(struct pool_clients *c)
{
    mem_unmap(c->words, c->bytes);
    c->words = NULL;
}

static bool pin_live(struct pool_clients *c, uint32_t slot, be32 ip)
{
    uint64_t word = word_at(c, slot);
    while (is(word, ip, LIVE))
        if (swap(c, slot, &word, word + ONE_USER))
            return true;
    return false;
}

/* Look through the window: pinned, being made, or not there, with the first free place in *room. */
static enum pool_client_found look(struct pool_clients *c, be32 ip, uint32_t *slot, uint32_t *room)
{
    *room = WINDOW;
    for (uint32_t i = 0; i < WINDOW; i++) {
        uint32_t at = slot_at(c, ip, i);
        uint64_t word = word_at(c, at);
        if (word == 0 && *room == WINDOW)
            *room = i;
        if (is(word, ip, TENTATIVE))
            return POOL_CLIENT_BUSY;
        if (is(word, ip, LIVE) && pin_live(c, at, ip)) {
            *slot = at;
            return POOL_CLIENT_PINNED;
        }
    }
    return *room == WINDOW ? POOL_CLIENT_NO_ROOM : POOL_CLIENT_MADE;
}

/* Is the tentative word at place `mine` the only one, or the first? */
static bool first_in_window(struct pool_clients *c, be32 ip, uint32_t mine)
{
    for (uint32_t i = 0; i < WINDOW; i++) {
        uint32_t at = slot_at(c, ip, i);
        uint64_t word = word_at(c, at);
        if (i == mine)
            continue;
        if (is(word, ip, LIVE) || (is(word, ip, TENTATIVE) && i < mine))
            return false;
        if (is(word, ip, TENTATIVE) && !swap(c, at, &word, 0) && is(word, ip, LIVE))
            return false;
    }
    return true;
}

static bool enter(struct pool_clients *c, be32 ip, uint32_t room, uint32_t *slot, uint64_t *word)
{
    uint32_t nonce = __atomic_add_fetch(&c->nonce, 1, __ATOMIC_RELAXED);
    uint64_t none = 0;
    *slot = slot_at(c, ip, room);
    *word = word_make(ip, TENTATIVE, nonce);
    if (!swap(c, *slot, &none, *word))
        return false;
    if (first_in_window(c, ip, room))
        return true;
    pool_client_withdraw(c, *slot, *word);
    return false;
}

enum pool_client_found pool_client_pin(struct pool_clients *c, be32 ip, uint32_t *slot,
                                       uint64_t *word)
{
    enum pool_client_found found = POOL_CLIENT_BUSY;
    uint32_t room;
    for (int i = 0; i < LOOKS; i++) {
        found = look(c, ip, slot, &room);
        if (found == POOL_CLIENT_PINNED ||
            (found == POOL_CLIENT_MADE && enter(c, ip, room, slot, word)))
            return found;
        __builtin_ia32_pause();
    }
    return found == POOL_CLIENT_NO_ROOM ? found : POOL_CLIENT_BUSY;
}

bool pool_client_confirm(struct pool_clients *c, uint32_t slot, uint64_t word)
{
    return swap(c, slot, &word, word_make((be32)word, LIVE, 1));
}

void pool_client_withdraw(struct pool_clients *c, uint32_t slot, uint64_t word)
{
    swap(c, slot, &word, 0);
}

bool pool_client_pin_at(struct pool_clients *c, uint32_t slot, be32 ip)
{
    return slot <= c->mask && pin_live(c, slot, ip);
}

bool pool_client_unpin(struct pool_clients *c, uint32_t slot)
{
    uint64_t word = word_at(c, slot), next;
    do
        next = word >> USERS_SHIFT == 1 ? word_make((be32)word, CLOSING, 0) : word - ONE_USER;
    while (!swap(c, slot, &word, next));
    return state_of(next) == CLOSING;
}

void pool_client_free(struct pool_clients *c, uint32_t slot)
{
    __atomic_store_n(&c->words[slot], 0, __ATOMIC_SEQ_CST);
}

be32 pool_client_at(const struct pool_clients *c, uint32_t slot)
{
    uint64_t word = word_at(c, slot);
    return state_of(word) == LIVE ? (be32)word : 0;
}

uint32_t pool_client_users(const struct pool_clients *c, uint32_t slot)
{
    uint64_t word = word_at(c, slot);
    return state_of(word) == LIVE ? (uint32_t)(word >> USERS_SHIFT) : 0;
}
