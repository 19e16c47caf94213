/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses and blocks of IP pools taken and given back by several threads at once.
 *
 *   two meet a new host     tentative words in the set of clients: one of the two stays, and who
 *                           pins it pins the same slot (checked: a host has one address while it
 *                           holds any)
 *   taken while it closes   the last to leave closes the slot, a pin fails on a closed one: no
 *                           address or block is ever of two hosts (checked), none is lost (checked
 *                           in the end: everything is free again)
 *   a list that changes     a block seen in a host's list may be another host's by now: the swap
 *                           that joins it compares the owner
 *   freed by control        idle blocks go by swap of a word without holders, while members join
 */
#include "crew.h"
#include "sessions/pool.h"

#define MEMBERS 3
#define HOSTS   24
#define PLACES  16
#define HELD    8
#define TURNS   5000
#define RING    1024

/* Who holds a place, and how often; by place, and by host where a host has one place only. */
struct board {
    uint64_t place[PLACES]; /* atomic: host + 1 << 32 | holders */
    uint64_t host[HOSTS];   /* atomic: place + 1 << 32 | holders */
};

/* Leases on their way to control, which ends them: one member, one control. */
struct post {
    struct pool_lease lease[RING];
    uint32_t in, out; /* atomic */
} __attribute__((aligned(64)));

struct game {
    struct pools *ps;
    struct pool *pool;
    bool blocks;
    unsigned turns;
    struct board board;
    struct post post[MEMBERS];
    unsigned running; /* atomic */
    unsigned full, served;
};

static struct game game;

/* From 0 holders anybody may begin; from then on the other half of the word stays. */
static void hold_word(uint64_t *word, uint32_t owner)
{
    uint64_t old = __atomic_load_n(word, __ATOMIC_ACQUIRE), next;
    do {
        CHECK((uint32_t)old == 0 || old >> 32 == owner + 1u);
        next = ((uint64_t)(owner + 1) << 32) | ((uint32_t)old + 1);
    } while (
        !__atomic_compare_exchange_n(word, &old, next, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

static void leave_word(uint64_t *word, uint32_t owner)
{
    uint64_t old = __atomic_sub_fetch(word, 1, __ATOMIC_ACQ_REL);
    CHECK(old >> 32 == owner + 1u);
}

static uint32_t host_of(const struct pool_lease *lease)
{
    return be32_host(lease->source) - 0x0a000001;
}

/* The address of a one-to-one pool, the block of the other. */
static uint32_t place_of(const struct pool_lease *lease, const struct nat_want *want)
{
    return game.blocks ? lease->place : be32_host(want->ip) - 0xcb007100;
}

struct held {
    struct pool_lease lease;
    uint32_t place;
    bool used;
};

static void take(struct member *m, struct held *h)
{
    uint32_t host = rng_below(&m->rng, HOSTS);
    struct nat_want want;
    struct pool_try at = {0};
    unsigned skip = game.blocks ? rng_below(&m->rng, 2) : 0;
    enum pool_answer answer;
    while ((answer = pool_offer(game.pool, be32_of(0x0a000001 + host), &at, &want, &h->lease)) ==
               POOL_OFFER &&
           skip--)
        pools_return(game.ps, &h->lease);
    __atomic_add_fetch(&game.full, answer == POOL_FULL, __ATOMIC_RELAXED);
    if (answer != POOL_OFFER)
        return;
    h->place = place_of(&h->lease, &want);
    CHECK(h->place < PLACES);
    hold_word(&game.board.place[h->place], host);
    if (!game.blocks)
        hold_word(&game.board.host[host], h->place);
    CHECK(pools_hold(game.ps, &h->lease));
    pools_return(game.ps, &h->lease);
    h->used = true;
    __atomic_add_fetch(&game.served, 1, __ATOMIC_RELAXED);
}

/* Some by the member himself, as what came to nothing; some through control. */
static void give(struct member *m, struct held *h)
{
    struct post *post = &game.post[m->number];
    uint32_t in = post->in;
    leave_word(&game.board.place[h->place], host_of(&h->lease));
    if (!game.blocks)
        leave_word(&game.board.host[host_of(&h->lease)], h->place);
    h->used = false;
    if (rng_below(&m->rng, 2) || in - __atomic_load_n(&post->out, __ATOMIC_ACQUIRE) == RING) {
        pools_return(game.ps, &h->lease);
        return;
    }
    post->lease[in % RING] = h->lease;
    __atomic_store_n(&post->in, in + 1, __ATOMIC_RELEASE);
}

static void work(struct member *m)
{
    struct held held[HELD] = {0};
    together(m);
    for (unsigned i = 0; i < game.turns; i++) {
        struct held *h = &held[rng_below(&m->rng, HELD)];
        if (h->used)
            give(m, h);
        else
            take(m, h);
        quiescent(m);
    }
    for (int i = 0; i < HELD; i++)
        if (held[i].used)
            give(m, &held[i]);
    __atomic_sub_fetch(&game.running, 1, __ATOMIC_ACQ_REL);
}

static void hush(void *ctx, const struct event *event)
{
    (void)ctx;
    (void)event;
}

static const struct event_sink sink = {.emit = hush};

static unsigned take_post(uint64_t now_ms)
{
    unsigned n = 0;
    for (int i = 0; i < MEMBERS; i++) {
        struct post *post = &game.post[i];
        while (post->out != __atomic_load_n(&post->in, __ATOMIC_ACQUIRE)) {
            struct pool_lease lease = post->lease[post->out % RING];
            pools_seen(game.ps, &lease, now_ms, &sink);
            pools_ended(game.ps, &lease, now_ms);
            __atomic_store_n(&post->out, post->out + 1, __ATOMIC_RELEASE);
            n++;
        }
    }
    return n;
}

/* Time goes fast: a block is idle for two hundred turns of control. */
static void *control(void *arg)
{
    uint64_t now_ms = 1000000;
    (void)arg;
    while (__atomic_load_n(&game.running, __ATOMIC_ACQUIRE)) {
        take_post(now_ms);
        pools_run(game.ps, now_ms, &sink);
        now_ms += 20;
    }
    take_post(now_ms);
    for (int i = 0; i < 100; i++)
        pools_run(game.ps, now_ms += 500, &sink);
    return NULL;
}

static void play(struct crew *c, const struct pool_params *params)
{
    const char *why = NULL;
    struct pool_stat stat;
    pthread_t thread;
    game = (struct game){.ps = pools_create(),
                         .blocks = params->type == POOL_BLOCKS,
                         .turns = TURNS * stress_factor(),
                         .running = MEMBERS};
    CHECK(pools_take(game.ps, params, &game.pool, &why) == 0);
    CHECK(pthread_create(&thread, NULL, control, NULL) == 0);
    crew_run(c, work);
    CHECK(pthread_join(thread, NULL) == 0);
    pool_stat(game.pool, &stat);
    printf("%s: %u served, %u found all taken, %llu blocks, %llu taken up again\n", params->name,
           game.served, game.full, (unsigned long long)stat.allocated,
           (unsigned long long)stat.reused);
    CHECK(stat.places_in_use == 0 && stat.clients == 0);
    CHECK(game.served > game.turns / 8); /* how many find something is the scheduler's choice */
    pools_destroy(game.ps);
}

int main(void)
{
    struct crew crew;
    const struct pool_params one = {.name = "one-to-one",
                                    .type = POOL_ONE_TO_ONE,
                                    .first = 0xcb007100,
                                    .last = 0xcb007100 + PLACES - 1};
    const struct pool_params blocks = {.name = "blocks",
                                       .type = POOL_BLOCKS,
                                       .first = 0xcb007100,
                                       .last = 0xcb007103,
                                       .port_first = 1024,
                                       .port_last = 1024 + PLACES / 4 * 64 - 1,
                                       .block_size = 64,
                                       .blocks_per_user = 2,
                                       .timeout_s = 4};
    crew_open(&crew, MEMBERS, 64, 64);
    play(&crew, &one);
    play(&crew, &blocks);
    crew_close(&crew);
    return 0;
}
