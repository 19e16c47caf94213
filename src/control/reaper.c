/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A record goes: open chain -> batch with a token -> (every reader was quiescent) -> store.
 *
 * A thread that ended or found the record may push it on its stack of news at any time before its
 * next quiescent report, so after the grace period the record can still be on such a stack. Giving
 * the index back then would let a new life be pushed a second time and tie the stack into a knot.
 * Hence a record that is `told` starts over; control clears `told` when it takes the news.
 */
#include "control/reaper.h"

void reaper_init(struct reaper *r, const struct reaper *init)
{
    *r = *init;
    r->open = INDEX_NONE;
    r->first = r->n = 0;
    r->waiting = 0;
}

/* The word that chains waiting records: the wheel reads it in filed links only. */
static uint32_t *chain_of(const struct reaper *r, uint32_t index)
{
    struct wheel_link *link = (void *)(r->links + (size_t)index * r->link_stride);
    return &link->tick;
}

static void chain_put(struct reaper *r, uint32_t index)
{
    *chain_of(r, index) = r->open;
    r->open = index;
}

void reaper_add(struct reaper *r, uint32_t index)
{
    chain_put(r, index);
    r->waiting++;
}

static bool told(const struct reaper *r, uint32_t index)
{
    const unsigned char *record = (const unsigned char *)store_record(r->store, index);
    return __atomic_load_n(record + r->told_offset, __ATOMIC_ACQUIRE);
}

static void batch_begin(struct reaper *r)
{
    if (r->open == INDEX_NONE || r->n == REAPER_BATCHES)
        return;
    struct reaper_batch *b = &r->batch[(r->first + r->n) % REAPER_BATCHES];
    b->head = r->open;
    b->token = rte_rcu_qsbr_start(r->qsbr);
    r->open = INDEX_NONE;
    r->n++;
}

/* Empty the batch as far as the budget goes. */
static unsigned batch_return(struct reaper *r, struct reaper_batch *b, unsigned budget)
{
    unsigned n = 0;
    for (; b->head != INDEX_NONE && n < budget; n++) {
        uint32_t index = b->head;
        b->head = *chain_of(r, index);
        if (b->head != INDEX_NONE) {
            __builtin_prefetch(chain_of(r, b->head));
            __builtin_prefetch((const char *)store_record(r->store, b->head) + r->told_offset);
            __builtin_prefetch(store_record(r->store, b->head));
        }
        if (told(r, index) || (r->ready && !r->ready(r->ctx, index))) {
            chain_put(r, index);
            continue;
        }
        r->waiting--;
        store_return(r->store, index);
    }
    return n;
}

unsigned reaper_run(struct reaper *r, unsigned budget)
{
    unsigned total = 0;
    while (r->n > 0 && total < budget) {
        struct reaper_batch *b = &r->batch[r->first];
        if (rte_rcu_qsbr_check(r->qsbr, b->token, false) != 1)
            break;
        total += batch_return(r, b, budget - total);
        if (b->head != INDEX_NONE)
            break;
        r->first = (r->first + 1) % REAPER_BATCHES;
        r->n--;
    }
    if (total > 0)
        store_flush(r->store);
    batch_begin(r);
    return total;
}
