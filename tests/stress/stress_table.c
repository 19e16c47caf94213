/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several makers enter equal keys at once. Whatever the interleaving, per key exactly one of them
 * enters it and one confirmed slot remains.
 *
 * The interleavings that matter, with makers A < B by index:
 *
 *   A and B tentative, each seen by the other   A clears B's slot, B's confirm fails; or B
 * withdraws B confirms between A's scan and A's clear   A's swap fails, A looks again, finds B
 * confirmed A cleared by nobody, B stalled before its confirm while A confirms, goes LIVE and dies
 *                                               B's slot was cleared by A: its confirm fails
 *   a dying twin                                taken over in place by one swap; who stands
 *                                               tentative beside it withdraws and starts again, so
 *                                               he cannot confirm after the taker took its slot
 *   a twin that dies as soon as it stands       the same, met by those already tentative
 *   a dying twin that control removes meanwhile the taker's swap fails, it starts again
 *   control removes after the taking over       the slot names another index, control leaves it
 *
 * A reader looks all the while: what it finds has the key it looked for. In a round without dying
 * twins, what it has found once it finds for the rest of the round.
 */
#include "crew.h"

#include <errno.h>
#include <string.h>

#define KEYS    64
#define MAKERS  3
#define ROUNDS  400
#define RECORDS (KEYS * (MAKERS + 1))

enum kind {
    FRESH,       /* nobody has the keys */
    TAKE_OVER,   /* dying records have them */
    REMOVED_TOO, /* ... and control takes these out at the same time */
    MORTAL,      /* nobody has them, and some of those who enter them die at once */
    KINDS
};

struct thing {
    struct record r;
    unsigned char rest[24];
};

static struct {
    struct table t;
    struct thing things[RECORDS] __attribute__((aligned(64)));
    bool mortal[MAKERS][KEYS];
    uint32_t index[MAKERS + 1][KEYS]; /* record of each maker per key; the last row is dying */
    int result[MAKERS][KEYS];
    enum kind kind;
    unsigned rounds;
    unsigned done; /* atomic: makers that are through with the round */
    pthread_barrier_t barrier;
} game;

static struct key key_of(uint32_t k)
{
    return (struct key){.src = be32_of(0x0a000000 + k), .dport = be16_of(5060), .proto = UDP};
}

static void record_reset(uint32_t index, uint32_t k, enum record_state state)
{
    struct key key = key_of(k);
    key_store(&game.things[index].r.key[0], &key);
    record_state_set(&game.things[index].r, state);
}

/* Which maker has the lowest index differs from key to key. */
static void round_prepare(struct rng *rng, enum kind kind)
{
    uint32_t order[RECORDS];
    struct table_hit twin;
    game.kind = kind;
    __atomic_store_n(&game.done, 0, __ATOMIC_RELEASE);
    memset(game.t.slots, 0, game.t.bytes);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint32_t j = rng_below(rng, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint32_t who = i / KEYS, k = i % KEYS;
        game.index[who][k] = order[i];
        record_reset(order[i], k, RECORD_OPENING);
        if (who < MAKERS)
            game.mortal[who][k] = kind == MORTAL && rng_below(rng, 2);
        if (who == MAKERS && (kind == TAKE_OVER || kind == REMOVED_TOO)) {
            CHECK(table_insert(&game.t, order[i], 0, &twin) == 0);
            record_state_set(&game.things[order[i]].r, RECORD_DYING);
        }
    }
}

static void round_check(void)
{
    for (uint32_t k = 0; k < KEYS; k++) {
        unsigned winners = 0;
        struct key key = key_of(k);
        struct table_hit hit;
        bool found = table_find(&game.t, &key, table_hash(&game.t, &key), &hit);
        for (int who = 0; who < MAKERS; who++) {
            int result = game.result[who][k];
            CHECK(result == 0 || result == -EEXIST || result == -EAGAIN);
            if (result != 0 || game.mortal[who][k])
                continue;
            CHECK(found && hit.index == game.index[who][k]);
            winners++;
        }
        /* Whoever met a mortal one may have lost to it. */
        CHECK(winners == 1 || (winners == 0 && game.kind == MORTAL));
    }
    CHECK(slots_used(&game.t) == KEYS);
}

static void *maker_main(void *p)
{
    unsigned who = (unsigned)(uintptr_t)p;
    for (unsigned round = 0; round < game.rounds; round++) {
        pthread_barrier_wait(&game.barrier);
        for (uint32_t k = 0; k < KEYS; k++) {
            uint32_t index = game.index[who][k];
            struct table_hit twin;
            int result = table_insert(&game.t, index, 0, &twin);
            if (result == 0)
                record_state_set(&game.things[index].r,
                                 game.mortal[who][k] ? RECORD_DYING : RECORD_LIVE);
            game.result[who][k] = result;
        }
        __atomic_add_fetch(&game.done, 1, __ATOMIC_RELEASE);
        pthread_barrier_wait(&game.barrier);
    }
    return NULL;
}

/* Control in rounds of REMOVED_TOO; a reader in the others. */
static void other_round(void)
{
    bool seen[KEYS] = {false};
    if (game.kind == REMOVED_TOO) {
        for (uint32_t k = 0; k < KEYS; k++)
            table_remove(&game.t, game.index[MAKERS][k], 0);
        return;
    }
    while (__atomic_load_n(&game.done, __ATOMIC_ACQUIRE) < MAKERS)
        for (uint32_t k = 0; k < KEYS; k++) {
            struct key key = key_of(k);
            struct table_hit hit;
            bool found = table_find(&game.t, &key, table_hash(&game.t, &key), &hit);
            CHECK(!found || key_equal(&game.things[hit.index].r.key[hit.dir], &key));
            CHECK(found || !seen[k] || game.kind == MORTAL);
            seen[k] = found;
        }
}

static void *other_main(void *p)
{
    (void)p;
    for (unsigned round = 0; round < game.rounds; round++) {
        pthread_barrier_wait(&game.barrier);
        other_round();
        pthread_barrier_wait(&game.barrier);
    }
    return NULL;
}

int main(void)
{
    pthread_t maker[MAKERS], other;
    struct rng rng = {1};
    game.rounds = ROUNDS * stress_factor();
    hash_secret_fixed(&game.t.secret, 9);
    /* Room for every tentative slot. */
    CHECK(table_init(&game.t, (uint64_t)RECORDS * 4, game.things, sizeof game.things[0], false) ==
          0);
    CHECK(pthread_barrier_init(&game.barrier, NULL, MAKERS + 2) == 0);
    for (uintptr_t i = 0; i < MAKERS; i++)
        CHECK(pthread_create(&maker[i], NULL, maker_main, (void *)i) == 0);
    CHECK(pthread_create(&other, NULL, other_main, NULL) == 0);
    for (unsigned round = 0; round < game.rounds; round++) {
        round_prepare(&rng, (enum kind)(round % KINDS));
        pthread_barrier_wait(&game.barrier);
        pthread_barrier_wait(&game.barrier);
        round_check();
    }
    for (int i = 0; i < MAKERS; i++)
        pthread_join(maker[i], NULL);
    pthread_join(other, NULL);
    table_free(&game.t);
    return 0;
}
