/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which inside hosts hold something of an IP pool: a lock-free set of addresses with a count of
 * users each. A host stands in it once, whoever asks; who has pinned it keeps its slot from being
 * freed. Any thread. Only first packets come here.
 */
#pragma once

#include "base/addr.h"

#include <stddef.h>
#include <stdint.h>

struct pool_clients {
    uint64_t *words; /* address, state, users; 0 is a free slot */
    uint32_t mask;
    uint32_t nonce; /* atomic: tells one attempt to enter from the next */
    size_t bytes;
};

/* Room for `n` clients at once. 0 or -ENOMEM. */
int pool_clients_init(struct pool_clients *c, uint32_t n);
void pool_clients_free(struct pool_clients *c);

/* Slots there are: what a caller keeps beside them is an array of this size. */
static inline uint32_t pool_clients_slots(const struct pool_clients *c)
{
    return c->mask + 1;
}

enum pool_client_found {
    POOL_CLIENT_PINNED,
    POOL_CLIENT_MADE, /* nobody else sees it before pool_client_confirm */
    POOL_CLIENT_BUSY, /* somebody is making it right now: ask again later */
    POOL_CLIENT_NO_ROOM,
};

/* Find the slot of `ip`, or make one, and pin it. `*word` names this attempt. */
enum pool_client_found pool_client_pin(struct pool_clients *c, be32 ip, uint32_t *slot,
                                       uint64_t *word);

/* Of POOL_CLIENT_MADE: from here on others find it, pinned once. False: another thread was first
 * and the slot is no longer ours. */
bool pool_client_confirm(struct pool_clients *c, uint32_t slot, uint64_t word);
/* Of POOL_CLIENT_MADE: as if it had never been asked for. */
void pool_client_withdraw(struct pool_clients *c, uint32_t slot, uint64_t word);

/* One user more, of a slot that is `ip`'s. False when it is not, or nobody uses it. */
bool pool_client_pin_at(struct pool_clients *c, uint32_t slot, be32 ip);

/* One user less. True for the one who left last: he clears what he keeps beside the slot, then
 * calls pool_client_free. Others no longer find it. */
bool pool_client_unpin(struct pool_clients *c, uint32_t slot);
void pool_client_free(struct pool_clients *c, uint32_t slot);

/* Whose slot it is, 0 when nobody's, and how many use it. */
be32 pool_client_at(const struct pool_clients *c, uint32_t slot);
uint32_t pool_client_users(const struct pool_clients *c, uint32_t slot);
