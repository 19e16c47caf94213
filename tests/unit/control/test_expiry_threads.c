/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers make and end sessions and mappings as fast as they can in tables so small that every
 * index is used again and again, while control ends them too. At the end the books must agree and
 * every index must be free. Worth most under ThreadSanitizer.
 */
#include "control/expiry.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WORKERS  2
#define SESSIONS 512
#define MAPPINGS 64
#define ROUNDS   20000

struct shared {
    struct sessions sessions;
    struct mappings mappings;
    struct timer_sets sets;
    uint16_t short_set;
    struct rte_rcu_qsbr *qsbr;
    struct expiry *expiry;
    uint64_t now_ms; /* atomic; control moves it */
    unsigned ended;  /* atomic: workers that are through */
};

struct worker_of_test {
    struct shared *shared;
    unsigned id;
    pthread_t thread;
    struct session_thread own;
    uint64_t made;
};

static struct endpoint inside_of(uint32_t n)
{
    return (struct endpoint){be32_of(0x0a000000 + n), be16_of(4000)};
}

static void session_try(struct worker_of_test *w, struct rng *rng, uint32_t now_ms)
{
    struct shared *s = w->shared;
    struct table_hit hit;
    uint32_t n = rng_below(rng, MAPPINGS);
    struct endpoint inside = inside_of(n);
    struct key there = {.src = inside.ip,
                        .dst = be32_of(0xc6336400 + rng_below(rng, 16)),
                        .sport = inside.port,
                        .dport = be16_of(5060),
                        .proto = IPPROTO_UDP,
                        .zone = 1};
    struct session_new want = {.key = {there, key_reverse(&there, 2)},
                               .mapping =
                                   mapping_find_source(&s->mappings, IPPROTO_UDP, 1, inside, 0),
                               .timer_set = s->short_set,
                               .now_ms = now_ms};
    if (want.mapping != INDEX_NONE)
        want.flags = SESSION_MAPPED;
    int result = session_create(&s->sessions, &w->own, &want, &hit);
    if (result == 0)
        w->made++;
    if (result != -EEXIST || record_state(&session_at(&s->sessions, hit.index)->r) != RECORD_LIVE)
        return;
    if (rng_below(rng, 4) == 0)
        session_kill(&s->sessions, &w->own, hit.index);
    else
        session_tell(&s->sessions, &w->own, hit.index);
}

static void mapping_try(struct worker_of_test *w, struct rng *rng, uint32_t now_ms)
{
    struct shared *s = w->shared;
    struct handle h;
    struct mapping_want want = {.proto = IPPROTO_UDP,
                                .zone = 1,
                                .inside = inside_of(rng_below(rng, MAPPINGS)),
                                .owned = rng_below(rng, 2),
                                .now_ms = now_ms};
    if (mapping_open(&s->mappings, &w->own, &want, &h) == 0 && want.owned)
        mapping_release(&s->mappings, &w->own, h, rng_below(rng, 2));
}

static void *worker_main(void *arg)
{
    struct worker_of_test *w = arg;
    struct rng rng = {w->id + 1};
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t now_ms = (uint32_t)__atomic_load_n(&w->shared->now_ms, __ATOMIC_RELAXED);
        for (int k = 0; k < 4; k++)
            session_try(w, &rng, now_ms);
        mapping_try(w, &rng, now_ms);
        rte_rcu_qsbr_quiescent(w->shared->qsbr, w->id);
        if (i % 16 == 0)
            sched_yield(); /* where there are fewer CPUs than threads */
    }
    rte_rcu_qsbr_thread_offline(w->shared->qsbr, w->id);
    __atomic_add_fetch(&w->shared->ended, 1, __ATOMIC_RELEASE);
    return NULL;
}

static struct shared *shared_make(void)
{
    struct shared *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
    struct timer_set set = {0};
    memset(s, 0, sizeof *s);
    hash_secret_fixed(&s->sessions.store.table.secret, 1);
    hash_secret_fixed(&s->mappings.store.table.secret, 2);
    assert_int_equal(sessions_init(&s->sessions, SESSIONS, &s->mappings, false), 0);
    assert_int_equal(mappings_init(&s->mappings, MAPPINGS, &s->sessions, false), 0);
    assert_int_equal(timer_sets_init(&s->sets), 0);
    for (int i = 0; i < TIMER_COUNT; i++)
        set.s[i] = 1;
    s->short_set = (uint16_t)timer_set_intern(&s->sets, &set);
    s->qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(WORKERS) + 63) / 64 * 64);
    assert_int_equal(rte_rcu_qsbr_init(s->qsbr, WORKERS), 0);
    s->expiry = expiry_create(&(struct expiry_setup){.sessions = &s->sessions,
                                                     .mappings = &s->mappings,
                                                     .timer_sets = &s->sets,
                                                     .qsbr = s->qsbr},
                              0);
    assert_non_null(s->expiry);
    return s;
}

static void shared_free(struct shared *s)
{
    expiry_destroy(s->expiry);
    sessions_free(&s->sessions);
    mappings_free(&s->mappings);
    timer_sets_free(&s->sets);
    free(s->qsbr);
    free(s);
}

static void expect_all_free(const struct store *store)
{
    for (uint32_t i = 0; i < store->fresh; i++)
        assert_true(record_state(store_record(store, i)) == RECORD_FREE);
    for (size_t i = 0; i < (size_t)store->table.n_buckets * TABLE_BUCKET_SLOTS; i++)
        assert_true(store->table.slots[i] == 0);
}

static void test_books_agree(void **state)
{
    (void)state;
    struct shared *s = shared_make();
    struct worker_of_test *w = aligned_alloc(64, WORKERS * sizeof *w);
    struct expiry_stat stat;
    memset(w, 0, WORKERS * sizeof *w);
    for (unsigned i = 0; i < WORKERS; i++) {
        w[i].shared = s;
        w[i].id = i;
        session_thread_init(&w[i].own, i + 1);
        assert_int_equal(expiry_watch(s->expiry, &w[i].own), 0);
        rte_rcu_qsbr_thread_register(s->qsbr, i);
        rte_rcu_qsbr_thread_online(s->qsbr, i);
        assert_int_equal(pthread_create(&w[i].thread, NULL, worker_main, &w[i]), 0);
    }
    while (__atomic_load_n(&s->ended, __ATOMIC_ACQUIRE) < WORKERS) {
        expiry_run(s->expiry, s->now_ms);
        __atomic_store_n(&s->now_ms, s->now_ms + 200, __ATOMIC_RELAXED);
    }
    uint64_t made = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        pthread_join(w[i].thread, NULL);
        made += w[i].made;
    }
    for (uint64_t end_ms = s->now_ms + 20000; s->now_ms < end_ms; s->now_ms += 100)
        while (expiry_run(s->expiry, s->now_ms) > 0)
            ;
    expiry_stat(s->expiry, s->now_ms, &stat);
    assert_true(made > SESSIONS);
    assert_int_equal(stat.created, made);
    /* Where control falls behind the small table gets tight, and sessions end early. */
    assert_int_equal(stat.expired + stat.ended + stat.early, made);
    assert_int_equal(s->sessions.store.freed, made);
    assert_int_equal(stat.sessions, 0);
    assert_int_equal(stat.mappings, 0);
    expect_all_free(&s->sessions.store);
    expect_all_free(&s->mappings.store);
    free(w);
    shared_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_books_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
