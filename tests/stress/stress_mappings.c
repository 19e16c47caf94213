/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mappings opened, held, released, closed and used by several threads at once.
 *
 * Rounds: all members open the same inside endpoints, singles and pairs. One mapping each results,
 * with as many owners as members; then all release, one of them as the last, and control drains.
 *
 * Churn:
 *   open while it closes      CLOSED is set by swap from "no owner", an owner is added unless it is
 *                             set: who owns a mapping sees it LIVE until he lets go (checked), and
 *                             nobody owns a closed one
 *   found while it is opened  only LIVE ones are found; what was found keeps both endpoints until
 *                             quiescent() (checked), though makers that get no port refill their
 *                             record for another endpoint at once: the ports are few here
 *   attach while it closes    the session is either on the list that control walks, or finds the
 *                             mapping not LIVE; one that got on after the walk is met by the walk
 *                             after the grace period, or by control when the session is news
 *   attach while others are   control takes from any place, members push at the head; in the end
 *   taken off the list        every list was empty, else the mapping would never have come back
 *
 * Claim: a mapping opens while an ordinary session of its endpoint is being made. Either the maker
 * sees the mapping, or the claim sees the session: never both alive afterwards. (Both say LIVE,
 * pass a fence, then look for the other.)
 */
#include "crew.h"

#include <errno.h>
#include <sched.h>

#define MEMBERS   3
#define ENDPOINTS 24
#define ROUNDS    150
#define CHURNS    15000
#define CLAIMS    3000

struct board {
    unsigned rounds, churns, claims;
    struct handle opened[MEMBERS][ENDPOINTS][2];
};

static struct board board;

static struct endpoint inside_of(uint32_t k)
{
    return endpoint_make(0x0a000000 + k, 20000);
}

static struct endpoint rtcp_of(uint32_t k)
{
    return endpoint_make(0x0a000000 + k, 20001);
}

static struct mapping_want want_of(const struct crew *c, uint32_t k, bool owned)
{
    return (struct mapping_want){.proto = UDP,
                                 .zone = LAN,
                                 .inside = inside_of(k),
                                 .nat = c->nat,
                                 .kind = MAPPING_RTP,
                                 .owned = owned};
}

/* Odd endpoints are pairs. */
static int open_any(struct member *m, uint32_t k, bool owned, struct handle out[2])
{
    struct mapping_want want = want_of(m->crew, k, owned);
    out[1] = HANDLE_NONE;
    if (k % 2)
        return mapping_open_pair(&m->crew->ms, &m->thread, &want, rtcp_of(k), out);
    return mapping_open(&m->crew->ms, &m->thread, &want, &out[0]);
}

static void release_any(struct member *m, const struct handle h[2], bool keep)
{
    mapping_release(&m->crew->ms, &m->thread, h[0], keep);
    if (!handle_none(h[1]))
        mapping_release(&m->crew->ms, &m->thread, h[1], keep);
}

/* ---- rounds ---- */

static bool handle_same(struct handle a, struct handle b)
{
    return a.index == b.index && a.epoch == b.epoch;
}

static void check_opened(const struct crew *c)
{
    for (uint32_t k = 0; k < ENDPOINTS; k++)
        for (int side = 0; side <= (int)(k % 2); side++) {
            struct handle h = board.opened[0][k][side];
            const struct mapping *m = mapping_at(&c->ms, h.index);
            for (int who = 1; who < MEMBERS; who++)
                CHECK(handle_same(h, board.opened[who][k][side]));
            CHECK(store_live(&c->ms.store, h));
            CHECK(m->owners == MEMBERS);
            CHECK(endpoint_eq(mapping_inside(m), side ? rtcp_of(k) : inside_of(k)));
            CHECK(mapping_find_public(&c->ms, UDP, mapping_public(m)) == h.index);
        }
    CHECK(slots_used(&c->ms.store.table) == ENDPOINTS * 3);
}

static void rounds(struct member *m)
{
    for (unsigned round = 0; round < board.rounds; round++) {
        for (uint32_t k = 0; k < ENDPOINTS; k++) {
            struct handle h[2];
            int result;
            while ((result = open_any(m, k, true, h)) == -EAGAIN)
                sched_yield();
            CHECK(result == 0);
            board.opened[m->number][k][0] = h[0];
            board.opened[m->number][k][1] = h[1];
        }
        together(m);
        if (m->number == 0)
            check_opened(m->crew);
        together(m);
        for (uint32_t k = 0; k < ENDPOINTS; k++)
            release_any(m, board.opened[m->number][k], false);
        while (slots_used(&m->crew->ms.store.table) > 0) {
            quiescent(m);
            sched_yield();
        }
        together(m);
    }
}

/* ---- churn ---- */

static void own_for_a_while(struct member *m)
{
    const struct crew *c = m->crew;
    uint32_t k = rng_below(&m->rng, ENDPOINTS);
    struct handle h[2];
    if (open_any(m, k, true, h) != 0)
        return;
    bool twice = mapping_hold(&m->crew->ms, h[0]);
    CHECK(twice); /* an owner can always take one more */
    quiescent(m); /* what is owned outlives a burst */
    sched_yield();
    for (int side = 0; side <= (int)(k % 2); side++) {
        CHECK(store_live(&c->ms.store, h[side]));
        const struct mapping *found = mapping_at(&c->ms, h[side].index);
        CHECK(endpoint_eq(mapping_inside(found), side ? rtcp_of(k) : inside_of(k)));
    }
    if (m->number == 0) { /* as the ALG, who alone admits */
        struct endpoint remote = endpoint_make(0xc6336400 + rng_below(&m->rng, 4), 0);
        mapping_admit(&m->crew->ms, h[0], remote.ip,
                      rng_below(&m->rng, 2) ? MAPPING_LASTING : MAPPING_PASSING);
        CHECK(mapping_knows(&c->ms, mapping_at(&c->ms, h[0].index), remote.ip));
        mapping_widen(&m->crew->ms, h[0]);
    }
    mapping_release(&m->crew->ms, &m->thread, h[0], true);
    CHECK(store_live(&c->ms.store, h[0]));
    release_any(m, h, rng_below(&m->rng, 2));
}

/* As a worker: look it up, make a session through it, from either side. */
static void use(struct member *m)
{
    struct crew *c = m->crew;
    uint32_t k = rng_below(&m->rng, ENDPOINTS), seen_ms;
    uint32_t index = mapping_of(c, inside_of(k));
    if (index == INDEX_NONE)
        return;
    struct mapping *found = mapping_at(&c->ms, index);
    struct endpoint public_side = mapping_public(found);
    struct endpoint remote = endpoint_make(0xc6336400 + rng_below(&m->rng, 4), 30000);
    struct session_new want = flow_mapped(c, index, remote);
    struct table_hit hit;
    if (rng_below(&m->rng, 2))
        want = flow_turned(&want);
    int result = session_create(&c->ss, &m->thread, &want, &hit);
    CHECK(result == 0 || result == -EEXIST || result == -EAGAIN || result == -ENOSPC);
    CHECK(mapping_admits(&c->ms, found, remote));
    mapping_knows(&c->ms, found, remote.ip);
    mapping_last_seen(&c->ms, index, &seen_ms);
    CHECK(endpoint_eq(mapping_inside(found), inside_of(k)));
    CHECK(endpoint_eq(mapping_public(found), public_side));
    if (result == 0 && rng_below(&m->rng, 2))
        session_kill(&c->ss, &m->thread, hit.index);
}

/* As control: close one that nobody owns. */
static void close_one(struct member *m)
{
    struct crew *c = m->crew;
    uint32_t index = mapping_of(c, inside_of(rng_below(&m->rng, ENDPOINTS)));
    if (index != INDEX_NONE && mapping_close(&c->ms, &m->thread, index))
        CHECK(__atomic_load_n(&mapping_at(&c->ms, index)->owners, __ATOMIC_RELAXED) ==
              MAPPING_CLOSED);
}

static void flow_opens(struct member *m)
{
    struct handle h[2];
    uint32_t k = 2 * rng_below(&m->rng, ENDPOINTS / 2);
    if (open_any(m, k, false, h) == 0)
        CHECK(endpoint_eq(mapping_inside(mapping_at(&m->crew->ms, h[0].index)), inside_of(k)));
}

static void close_all(struct member *m)
{
    struct crew *c = m->crew;
    for (uint32_t k = 0; k < ENDPOINTS; k++)
        for (int side = 0; side < 2; side++) {
            uint32_t index = mapping_of(c, side ? rtcp_of(k) : inside_of(k));
            if (index != INDEX_NONE)
                mapping_close(&c->ms, &m->thread, index);
        }
}

static void churn(struct member *m)
{
    for (unsigned i = 0; i < board.churns; i++) {
        switch (rng_below(&m->rng, 6)) {
        case 0:
        case 1:
            own_for_a_while(m);
            break;
        case 2:
            flow_opens(m);
            break;
        case 3:
            close_one(m);
            break;
        default:
            use(m);
        }
        quiescent(m);
    }
    together(m);
    close_all(m);
}

/* ---- claim ---- */

static void check_claimed(const struct crew *c, uint32_t k, struct endpoint remote)
{
    struct session_new ordinary = flow_nat(c, inside_of(k), remote);
    uint32_t index = session_of(c, &ordinary.key[0]);
    CHECK(index == INDEX_NONE || session_at(&c->ss, index)->mapping != INDEX_NONE);
}

static void claims(struct member *m)
{
    struct crew *c = m->crew;
    struct endpoint remote = endpoint_make(0xc6336401, 30000);
    for (unsigned round = 0; round < board.claims; round++) {
        uint32_t k = 2 * (round % (ENDPOINTS / 2));
        struct handle h[2];
        together(m);
        if (m->number == 0) {
            int result;
            while ((result = open_any(m, k, true, h)) == -ENOSPC) { /* control is behind */
                quiescent(m);
                sched_yield();
            }
            CHECK(result == 0);
            mapping_claim(&c->ms, &m->thread, h[0].index, remote);
        } else {
            struct session_new want = flow_nat(c, inside_of(k), remote);
            struct table_hit hit;
            if (mapping_of(c, inside_of(k)) == INDEX_NONE)
                session_create(&c->ss, &m->thread, &want, &hit);
        }
        together(m);
        check_claimed(c, k, remote);
        together(m);
        if (m->number == 0)
            release_any(m, h, false);
    }
}

/* ---- */

static void check_drained(struct crew *c)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < c->n; i++)
        while (store_take(&c->ms.store, &c->member[i].thread.mappings) != INDEX_NONE)
            n++;
    CHECK(n == c->ms.store.capacity);
    n = 0;
    for (unsigned i = 0; i < c->n; i++)
        while (store_take(&c->ss.store, &c->member[i].thread.sessions) != INDEX_NONE)
            n++;
    CHECK(n == c->ss.store.capacity);
    CHECK(slots_used(&c->ms.store.table) == 0);
    CHECK(slots_used(&c->ss.store.table) == 0);
}

static void play(unsigned n_ports, void (*work)(struct member *))
{
    static struct crew c;
    crew_open(&c, MEMBERS, 512, 4 * ENDPOINTS + MEMBERS * STORE_CHAIN);
    if (n_ports > 0)
        c.nat = (struct nat_want){
            .ip = c.nat.ip, .first = 7000, .last = (uint16_t)(7000 + n_ports - 1)};
    crew_run(&c, work);
    check_drained(&c);
    crew_close(&c);
}

int main(void)
{
    unsigned factor = stress_factor();
    board.rounds = ROUNDS * factor;
    board.churns = CHURNS * factor;
    board.claims = CLAIMS * factor;
    const unsigned rates[] = {64, 0};
    for (int i = 0; i < 2; i++) {
        pause_every = rates[i];
        play(0, rounds);
        play(14, churn);
        play(0, claims);
    }
    return 0;
}
