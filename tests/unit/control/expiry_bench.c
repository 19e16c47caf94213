/* SPDX-License-Identifier: BSD-3-Clause */
#include "expiry_bench.h"

#include <errno.h>

#include <netinet/in.h>

static void log_event(void *ctx, const struct event *event)
{
    struct bench *b = ctx;
    text_printf(&b->log, "%s %llu %s\n", event->name, (unsigned long long)event->now_ms,
                event->detail);
}

static int set_make(struct bench *b, uint32_t seconds)
{
    struct timer_set set = {0};
    for (int i = 0; i < TIMER_COUNT; i++)
        set.s[i] = seconds;
    int id = timer_set_intern(&b->sets, &set);
    assert_true(id >= 0);
    return id;
}

static void sets_make(struct bench *b)
{
    struct timer_set tcp = {.s[TIMER_TCP_HALFOPEN] = 10,
                            .s[TIMER_TCP_ESTABLISHED] = 3600,
                            .s[TIMER_TCP_HALFCLOSE] = 120,
                            .s[TIMER_TCP_TIMEWAIT] = 1,
                            .s[TIMER_TCP_RST] = 5};
    assert_int_equal(timer_sets_init(&b->sets), 0);
    b->set[SET_5] = set_make(b, 5);
    b->set[SET_60] = set_make(b, 60);
    b->set[SET_NEVER] = set_make(b, TIMER_NEVER);
    b->set[SET_TCP] = timer_set_intern(&b->sets, &tcp);
}

static struct bench *make(uint64_t now_ms, uint32_t sessions)
{
    struct bench *b = aligned_alloc(64, sizeof *b);
    assert_non_null(b);
    memset(b, 0, sizeof *b);
    hash_secret_fixed(&b->sessions.store.table.secret, 1);
    hash_secret_fixed(&b->mappings.store.table.secret, 2);
    assert_int_equal(sessions_init(&b->sessions, sessions, &b->mappings, false), 0);
    assert_int_equal(mappings_init(&b->mappings, MAPPINGS, &b->sessions, false), 0);
    sets_make(b);
    b->qsbr = aligned_alloc(64, (rte_rcu_qsbr_get_memsize(1) + 63) / 64 * 64);
    assert_int_equal(rte_rcu_qsbr_init(b->qsbr, 1), 0);
    rte_rcu_qsbr_thread_register(b->qsbr, 0);
    rte_rcu_qsbr_thread_online(b->qsbr, 0);
    session_thread_init(&b->worker, 7);
    session_thread_init(&b->own, 8);
    b->expiry = expiry_create(&(struct expiry_setup){.sessions = &b->sessions,
                                                     .mappings = &b->mappings,
                                                     .timer_sets = &b->sets,
                                                     .qsbr = b->qsbr,
                                                     .events = &b->events},
                              now_ms);
    assert_non_null(b->expiry);
    assert_int_equal(expiry_watch(b->expiry, &b->worker), 0);
    assert_int_equal(expiry_watch(b->expiry, &b->own), 0);
    return b;
}

struct bench *bench_make_at(uint64_t now_ms)
{
    return make(now_ms, SESSIONS);
}

struct bench *bench_make_sized(uint32_t sessions)
{
    return make(0, sessions);
}

struct bench *bench_make(void)
{
    return bench_make_at(0);
}

void bench_free(struct bench *b)
{
    expiry_destroy(b->expiry);
    sessions_free(&b->sessions);
    mappings_free(&b->mappings);
    timer_sets_free(&b->sets);
    text_free(&b->log);
    free(b->qsbr);
    free(b);
}

void events_start(struct bench *b)
{
    b->events = (struct event_sink){log_event, b};
}

void settle(struct bench *b, uint64_t now_ms)
{
    do
        rte_rcu_qsbr_quiescent(b->qsbr, 0);
    while (expiry_run(b->expiry, now_ms) > 0);
}

uint32_t flow_try(struct bench *b, enum set set, uint8_t proto, uint32_t mapping, uint64_t now_ms)
{
    struct table_hit hit;
    uint32_t n = b->next_flow++;
    struct key there = {.src = be32_of(0x0a000000 + n),
                        .dst = be32_of(0xc6336405),
                        .sport = be16_of(4000),
                        .dport = be16_of(5060),
                        .proto = proto,
                        .zone = 1};
    struct session_new want = {.key = {there, key_reverse(&there, 2)},
                               .mapping = mapping,
                               .ifindex = {1, 2},
                               .timer_set = (uint16_t)b->set[set],
                               .now_ms = (uint32_t)now_ms};
    int result = session_create(&b->sessions, &b->worker, &want, &hit);
    assert_true(result == 0 || result == -ENOSPC);
    return result == 0 ? hit.index : INDEX_NONE;
}

uint32_t flow_make(struct bench *b, enum set set, uint8_t proto, uint32_t mapping, uint64_t now_ms)
{
    uint32_t index = flow_try(b, set, proto, mapping, now_ms);
    assert_true(index != INDEX_NONE);
    return index;
}

bool is_live(const struct bench *b, uint32_t index)
{
    return record_state(&session_at(&b->sessions, index)->r) == RECORD_LIVE;
}

struct expiry_stat stat_of(const struct bench *b, uint64_t now_ms)
{
    struct expiry_stat stat;
    expiry_stat(b->expiry, now_ms, &stat);
    return stat;
}
