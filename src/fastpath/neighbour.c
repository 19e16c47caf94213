/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries in chains by hash, with one writer and readers that never wait. Strangers make entries by
 * sending packets to addresses where nobody is, so entries must come and go:
 *
 *   free --neighbour_make--> INCOMPLETE --neighbour_set--> any state --neighbour_remove--> free
 *
 * A reader may stand on an entry while it is removed and made again for another next hop. It then
 * goes on in another chain and misses what it looked for, which control puts right (the packet goes
 * there); or it pairs the word of one life with the address of the next, hence it looks at the word
 * before and after the address. The writer makes the word unusable first, then changes the address,
 * and the generation has moved by the time that the word is usable again.
 */
#include "fastpath/neighbour.h"

#include <errno.h>
#include <stdlib.h>

#define NO_ENTRY UINT16_MAX

int neighbours_init(struct neighbours *ns, uint32_t capacity)
{
    *ns = (struct neighbours){.capacity = capacity};
    hash_secret_random(&ns->secret);
    ns->entries = aligned_alloc(64, (capacity * sizeof *ns->entries + 63) / 64 * 64);
    ns->heads = calloc(capacity, sizeof *ns->heads);
    ns->free = calloc(capacity, sizeof *ns->free);
    if (!ns->entries || !ns->heads || !ns->free) {
        neighbours_free(ns);
        return -ENOMEM;
    }
    memset(ns->entries, 0, capacity * sizeof *ns->entries);
    memset(ns->heads, 0xff, capacity * sizeof *ns->heads);
    for (uint32_t i = 0; i < capacity; i++)
        ns->free[i] = (uint16_t)i;
    return 0;
}

void neighbours_free(struct neighbours *ns)
{
    free(ns->entries);
    free(ns->heads);
    free(ns->free);
    *ns = (struct neighbours){0};
}

static uint16_t *head_of(const struct neighbours *ns, uint16_t ifindex, struct ip_addr ip)
{
    uint64_t h = hash_16(&ns->secret, ip.half[0] + ifindex, ip.half[1]);
    return &ns->heads[(uint32_t)h & (ns->capacity - 1)];
}

static bool entry_is(const struct neighbour *n, uint16_t ifindex, struct ip_addr ip)
{
    return __atomic_load_n(&n->ip.half[0], __ATOMIC_ACQUIRE) == ip.half[0] &&
           __atomic_load_n(&n->ip.half[1], __ATOMIC_ACQUIRE) == ip.half[1] &&
           __atomic_load_n(&n->ifindex, __ATOMIC_ACQUIRE) == ifindex;
}

uint64_t neighbour_look(const struct neighbours *ns, uint16_t ifindex, struct ip_addr ip,
                        uint32_t *ref)
{
    uint16_t i = __atomic_load_n(head_of(ns, ifindex, ip), __ATOMIC_ACQUIRE);
    while (i != NO_ENTRY) {
        const struct neighbour *n = &ns->entries[i];
        uint64_t word = __atomic_load_n(&n->word, __ATOMIC_ACQUIRE);
        if (entry_is(n, ifindex, ip)) {
            uint64_t again = __atomic_load_n(&n->word, __ATOMIC_RELAXED);
            *ref = neighbour_generation(word) << 16 | i;
            return (word ^ again) >> 48 == 0 && neighbour_state(word) ? word : 0;
        }
        i = __atomic_load_n(&n->next, __ATOMIC_ACQUIRE);
    }
    return 0;
}

uint32_t neighbour_find(const struct neighbours *ns, uint16_t ifindex, struct ip_addr ip)
{
    uint32_t ref;
    uint64_t word = neighbour_look(ns, ifindex, ip, &ref);
    return neighbour_word_usable(word) ? ref : NEIGHBOUR_NONE;
}

const struct neighbour *neighbour_of(const struct neighbours *ns, uint32_t ref)
{
    uint32_t index = ref & 0xffff;
    if (index >= ns->capacity || neighbour_generation(neighbour_word(ns, index)) != ref >> 16)
        return NULL;
    return &ns->entries[index];
}

uint32_t neighbour_index(const struct neighbours *ns, uint16_t ifindex, struct ip_addr ip)
{
    uint32_t ref;
    return neighbour_look(ns, ifindex, ip, &ref) ? ref & 0xffff : NEIGHBOUR_NONE;
}

uint32_t neighbour_make(struct neighbours *ns, uint16_t ifindex, struct ip_addr ip)
{
    uint32_t index = neighbour_index(ns, ifindex, ip);
    if (index != NEIGHBOUR_NONE)
        return index;
    if (ns->count == ns->capacity)
        return NEIGHBOUR_NONE;
    uint16_t i = ns->free[ns->free_first], *head = head_of(ns, ifindex, ip);
    struct neighbour *n = &ns->entries[i];
    uint64_t unused = n->word & (uint64_t)0x3ff << 48;
    ns->free_first = (ns->free_first + 1) & (ns->capacity - 1);
    ns->count++;
    __atomic_store_n(&n->ifindex, ifindex, __ATOMIC_RELEASE);
    __atomic_store_n(&n->ip.half[0], ip.half[0], __ATOMIC_RELEASE);
    __atomic_store_n(&n->ip.half[1], ip.half[1], __ATOMIC_RELEASE);
    __atomic_store_n(&n->next, *head, __ATOMIC_RELEASE);
    __atomic_store_n(&n->word, unused | (uint64_t)NEIGHBOUR_INCOMPLETE << 58, __ATOMIC_RELEASE);
    __atomic_store_n(head, i, __ATOMIC_RELEASE);
    return i;
}

/* The entry's own `next` stays: a reader that stands on it goes on in the chain. */
void neighbour_remove(struct neighbours *ns, uint32_t index)
{
    struct neighbour *n = &ns->entries[index];
    uint16_t *link = head_of(ns, n->ifindex, n->ip);
    while (*link != index)
        link = &ns->entries[*link].next;
    __atomic_store_n(&n->word, n->word & (uint64_t)0x3ff << 48, __ATOMIC_RELEASE);
    __atomic_store_n(link, n->next, __ATOMIC_RELEASE);
    ns->free[(ns->free_first + ns->capacity - ns->count) & (ns->capacity - 1)] = (uint16_t)index;
    ns->count--;
}

void neighbour_set(struct neighbours *ns, uint32_t index, const uint8_t mac[6],
                   enum neighbour_state state)
{
    uint64_t old = ns->entries[index].word, word = (uint64_t)state << 58;
    uint32_t generation = neighbour_generation(old);
    if (neighbour_word_usable(word) && !neighbour_word_usable(old))
        generation = (generation + 1) & 0x3ff;
    memcpy(&word, mac, 6);
    __atomic_store_n(&ns->entries[index].word, word | (uint64_t)generation << 48, __ATOMIC_RELEASE);
}

void neighbour_set_full(struct neighbours *ns, uint32_t index)
{
    uint64_t *word = &ns->entries[index].word;
    __atomic_store_n(word, *word | (uint64_t)NEIGHBOUR_FULL << 58, __ATOMIC_RELEASE);
}
