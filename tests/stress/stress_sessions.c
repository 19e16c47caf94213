/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions made, found and ended by several threads at once, while control removes them and the
 * store hands their indexes out again.
 *
 * Rounds: all members make the same flows at once, each from the side it likes, then all end them.
 *   - Without NAT the two sides know the same two keys, each as its own original; both enter the
 *     smaller first, so exactly one gets past it. With NAT all come from inside and meet on the
 *     original key. In both cases exactly one session per flow is left, with two slots.
 *   - Each flow is ended by exactly one member; control hears of every death (a member that finds a
 *     session told leaves it at that, so control must see in its look at the record what was done
 *     before: `told` is cleared by an exchange) and in the end every slot is empty and every index
 *     is back, though the store is so small that indexes come round many times in a run.
 *
 * Churn: no rounds. Few flows, and few public ports, so that makers fail late, after their original
 * key was confirmed and visible, and refill the same record for another flow at once, without a
 * grace period. A reader may have found that record by its old key:
 *
 *   reader                      maker
 *   slot -> X, OPENING, key A
 *                               withdraws A, X refilled for B, LIVE
 *   X is LIVE                   <- not enough: X is B's by now
 *
 * so it must see LIVE first and compare the key after that (record_live_as). What a member has
 * found this way keeps its keys until it says quiescent: checked after giving up the CPU. The slot
 * a reader compares may be stale in the other direction too (the link of a free record overwrites
 * the first key): such a key is no flow's, the reader misses.
 */
#include "crew.h"

#include <sched.h>

#define MEMBERS 3
#define FLOWS   48
#define ROUNDS  150
#define CHURNS  20000

struct board {
    unsigned rounds, churns;
    unsigned killed[FLOWS]; /* atomic: in this round */
};

static const struct board *board_of(const struct member *m)
{
    return m->crew->game;
}

/* Even flows are routed, and begun from either side; odd ones are translated. */
static struct session_new flow_of(const struct crew *c, uint32_t k)
{
    struct endpoint host = endpoint_make(0x0a000000 + k, 5060);
    struct endpoint server = endpoint_make(k % 4 < 2 ? 0xc6336401 : 0x01010101, 5060);
    return k % 2 ? flow_nat(c, host, server) : flow_routed(host, server);
}

static void make_all(struct member *m)
{
    uint32_t from = rng_below(&m->rng, 4);
    for (uint32_t i = 0; i < FLOWS; i++) {
        uint32_t k = (i + from) % FLOWS;
        struct session_new want = flow_of(m->crew, k);
        if (k % 2 == 0 && rng_below(&m->rng, 2))
            want = flow_turned(&want);
        uint32_t index = session_meet(m, &want);
        CHECK(index != INDEX_NONE);
        const struct record *r = &session_at(&m->crew->ss, index)->r;
        CHECK(key_equal(&r->key[0], &want.key[0]) || key_equal(&r->key[1], &want.key[0]));
        if (i % 8 == 7)
            quiescent(m);
    }
}

static void check_made(struct crew *c)
{
    CHECK(slots_used(&c->ss.store.table) == 2 * FLOWS);
    for (uint32_t k = 0; k < FLOWS; k++) {
        struct session_new want = flow_of(c, k);
        uint32_t index = session_of(c, &want.key[0]);
        CHECK(index != INDEX_NONE);
        const struct record *r = &session_at(&c->ss, index)->r;
        CHECK(session_of(c, &r->key[0]) == index);
        CHECK(session_of(c, &r->key[1]) == index);
    }
}

static void kill_all(struct member *m, unsigned *killed)
{
    for (uint32_t i = 0; i < FLOWS; i++) {
        uint32_t k = (i * 7 + m->number) % FLOWS;
        struct session_new want = flow_of(m->crew, k);
        uint32_t index = session_of(m->crew, &want.key[0]);
        if (index != INDEX_NONE && session_kill(&m->crew->ss, &m->thread, index))
            __atomic_add_fetch(&killed[k], 1, __ATOMIC_RELAXED);
        if (index != INDEX_NONE && rng_below(&m->rng, 2))
            session_tell(&m->crew->ss, &m->thread, index);
    }
}

static void rounds(struct member *m)
{
    struct board *b = (struct board *)(uintptr_t)board_of(m);
    for (unsigned round = 0; round < b->rounds; round++) {
        make_all(m);
        together(m);
        if (m->number == 0)
            check_made(m->crew);
        together(m);
        kill_all(m, b->killed);
        together(m);
        for (uint32_t k = m->number; k < FLOWS; k += MEMBERS) {
            CHECK(__atomic_load_n(&b->killed[k], __ATOMIC_RELAXED) == 1);
            __atomic_store_n(&b->killed[k], 0, __ATOMIC_RELAXED);
        }
        /* Wait until control has emptied the table: the store does not hold two rounds. */
        while (slots_used(&m->crew->ss.store.table) > 0) {
            quiescent(m);
            sched_yield();
        }
        together(m);
    }
}

/* A flow of the churn: many hosts to one place, behind a handful of ports. */
static struct session_new churn_flow(struct member *m)
{
    struct endpoint host = endpoint_make(0x0a000000 + rng_below(&m->rng, 12), 2000);
    return flow_nat(m->crew, host, endpoint_make(0xc6336401, 5060));
}

static void churn(struct member *m)
{
    const struct crew *c = m->crew;
    for (unsigned i = 0; i < board_of(m)->churns; i++) {
        struct session_new want = churn_flow(m), other = churn_flow(m);
        struct table_hit hit;
        uint32_t index = session_of(c, &want.key[0]);
        if (index == INDEX_NONE)
            session_create(&m->crew->ss, &m->thread, &want, &hit);
        uint32_t found = session_of(c, &other.key[0]);
        if (found != INDEX_NONE) {
            const struct record *r = &session_at(&c->ss, found)->r;
            struct handle h = store_handle(&c->ss.store, found);
            struct key reply = r->key[1];
            if (rng_below(&m->rng, 4) == 0)
                sched_yield();
            CHECK(key_equal(&r->key[0], &other.key[0]) && key_equal(&r->key[1], &reply));
            CHECK(record_state(r) == RECORD_LIVE || record_state(r) == RECORD_DYING);
            CHECK(store_handle(&c->ss.store, found).epoch == h.epoch);
        }
        if (index != INDEX_NONE && rng_below(&m->rng, 3) == 0)
            session_kill(&m->crew->ss, &m->thread, index);
        quiescent(m);
    }
    for (uint32_t i = 0; i < 12; i++) { /* leave nothing */
        struct session_new want =
            flow_nat(c, endpoint_make(0x0a000000 + i, 2000), endpoint_make(0xc6336401, 5060));
        uint32_t index = session_of(c, &want.key[0]);
        if (index != INDEX_NONE)
            session_kill(&m->crew->ss, &m->thread, index);
    }
}

/* All indexes can be had again, each once. */
static void check_drained(struct crew *c)
{
    uint32_t n = 0;
    bool *seen = calloc(c->ss.store.capacity, sizeof *seen);
    CHECK(seen && slots_used(&c->ss.store.table) == 0);
    for (unsigned i = 0; i < c->n; i++) {
        uint32_t index;
        while ((index = store_take(&c->ss.store, &c->member[i].thread.sessions)) != INDEX_NONE) {
            CHECK(index < c->ss.store.capacity && !seen[index]);
            seen[index] = true;
            n++;
        }
    }
    CHECK(n == c->ss.store.capacity);
    free(seen);
}

static void play(uint32_t capacity, unsigned n_ports, void (*work)(struct member *))
{
    static struct crew c;
    struct board board = {.rounds = ROUNDS * stress_factor(), .churns = CHURNS * stress_factor()};
    crew_open(&c, MEMBERS, capacity, 8);
    c.game = &board;
    if (n_ports > 0)
        c.nat = (struct nat_want){
            .ip = c.nat.ip, .first = 7000, .last = (uint16_t)(7000 + n_ports - 1)};
    crew_run(&c, work);
    check_drained(&c);
    crew_close(&c);
}

int main(void)
{
    /* Beside what is in use, each member may keep a chain and lose some races. */
    const unsigned rates[] = {64, 0};
    for (int i = 0; i < 2; i++) {
        pause_every = rates[i];
        play(4 * FLOWS + MEMBERS * STORE_CHAIN, 0, rounds);
        play(12 + MEMBERS * STORE_CHAIN, 4, churn);
    }
    return 0;
}
