/* SPDX-License-Identifier: BSD-3-Clause */
/* Mappings end with their owners and sessions, and what is told about both. */
#include "expiry_bench.h"

#include <netinet/in.h>

static struct handle mapping_make(struct bench *b, uint16_t port, bool owned, uint64_t now_ms)
{
    struct handle h;
    struct mapping_want want = {.proto = IPPROTO_UDP,
                                .zone = 1,
                                .inside = {be32_of(0x0a000014), be16_of(port)},
                                .kind = MAPPING_RTP,
                                .owned = owned,
                                .now_ms = (uint32_t)now_ms};
    assert_int_equal(mapping_open(&b->mappings, &b->worker, &want, &h), 0);
    return h;
}

static bool mapping_live(const struct bench *b, struct handle h)
{
    return store_live(&b->mappings.store, h);
}

static void test_mapping_nobody_used_closes(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    struct handle h = mapping_make(b, 4000, false, 0);
    settle(b, 0);
    settle(b, 9900);
    assert_true(mapping_live(b, h));
    settle(b, 10000);
    assert_false(mapping_live(b, h));
    assert_int_equal(mapping_find_source(&b->mappings, IPPROTO_UDP, 1,
                                         (struct endpoint){be32_of(0x0a000014), be16_of(4000)}, 0),
                     INDEX_NONE);
    assert_int_equal(b->mappings.store.freed, 1);
    assert_int_equal(stat_of(b, 10000).mappings, 0);
    bench_free(b);
}

static void test_mapping_closes_after_its_last_session(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    struct handle h = mapping_make(b, 4000, false, 0);
    flow_make(b, SET_5, IPPROTO_UDP, h.index, 0);
    flow_make(b, SET_60, IPPROTO_UDP, h.index, 0);
    settle(b, 0);
    settle(b, 59900);
    assert_true(mapping_live(b, h));
    settle(b, 60000);
    assert_true(mapping_live(b, h));
    settle(b, 61100);
    assert_false(mapping_live(b, h));
    assert_int_equal(b->mappings.store.freed, 1);
    bench_free(b);
}

static void test_owned_mapping_keeps_the_last_seen(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    uint32_t seen_ms = 0;
    struct handle h = mapping_make(b, 4000, true, 0);
    uint32_t i = flow_make(b, SET_5, IPPROTO_UDP, h.index, 0);
    session_at(&b->sessions, i)->last_seen_ms = 1234;
    settle(b, 0);
    settle(b, 3600000);
    assert_false(is_live(b, i));
    assert_true(mapping_live(b, h));
    assert_true(mapping_last_seen(&b->mappings, h.index, &seen_ms));
    assert_int_equal(seen_ms, 1234);
    mapping_release(&b->mappings, &b->worker, h, false);
    settle(b, 3600000);
    assert_false(mapping_live(b, h));
    assert_int_equal(stat_of(b, 3600000).mappings, 0);
    bench_free(b);
}

static void test_closing_ends_its_sessions(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    struct handle h = mapping_make(b, 4000, true, 0);
    uint32_t i = flow_make(b, SET_60, IPPROTO_UDP, h.index, 0);
    uint32_t other = flow_make(b, SET_60, IPPROTO_UDP, INDEX_NONE, 0);
    settle(b, 0);
    /* This one hangs itself on the mapping before control hears that it closes. */
    mapping_release(&b->mappings, &b->worker, h, false);
    settle(b, 100);
    assert_int_equal(record_state(&session_at(&b->sessions, i)->r), RECORD_FREE);
    assert_true(is_live(b, other));
    assert_int_equal(b->mappings.store.freed, 1);
    assert_int_equal(stat_of(b, 100).ended, 1);
    bench_free(b);
}

/* A worker that found the mapping before it closed may make its session after control looked. */
static void test_session_made_while_the_mapping_closes(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    struct handle h = mapping_make(b, 4000, true, 0);
    settle(b, 0);
    uint32_t i = flow_make(b, SET_60, IPPROTO_UDP, h.index, 0);
    record_state_set(&session_at(&b->sessions, i)->r, RECORD_OPENING);
    (void)session_news_take(&b->worker);
    session_at(&b->sessions, i)->told = 0;
    mapping_release(&b->mappings, &b->worker, h, false);
    for (int round = 0; round < 5; round++)
        expiry_run(b->expiry, 0);
    assert_int_equal(b->mappings.store.freed, 0);
    record_state_set(&session_at(&b->sessions, i)->r, RECORD_LIVE);
    settle(b, 100);
    assert_int_equal(record_state(&session_at(&b->sessions, i)->r), RECORD_FREE);
    assert_int_equal(b->mappings.store.freed, 1);
    bench_free(b);
}

static void test_released_but_kept(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    struct handle h = mapping_make(b, 4000, true, 0);
    flow_make(b, SET_5, IPPROTO_UDP, h.index, 20000);
    settle(b, 20000);
    mapping_release(&b->mappings, &b->worker, h, true);
    settle(b, 20000);
    settle(b, 24000);
    assert_true(mapping_live(b, h));
    settle(b, 25000);
    settle(b, 25900);
    assert_true(mapping_live(b, h));
    settle(b, 26000);
    assert_false(mapping_live(b, h));
    bench_free(b);
}

static void test_events(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    events_start(b);
    flow_make(b, SET_5, IPPROTO_UDP, INDEX_NONE, 100);
    flow_make(b, SET_60, IPPROTO_UDP, INDEX_NONE, 100);
    struct handle h = mapping_make(b, 4000, true, 100);
    flow_make(b, SET_60, IPPROTO_UDP, h.index, 100);
    settle(b, 200);
    settle(b, 5100);
    mapping_release(&b->mappings, &b->worker, h, false);
    settle(b, 6000);
    const char *want =
        "mapping-opened 100 \"mapping\":0,\"kind\":\"rtp\",\"proto\":17,"
        "\"inside\":\"10.0.0.20:4000\",\"public\":\"10.0.0.20:4000\",\"policy\":0\n"
        "session-created 100 \"session\":0,\"proto\":17,\"src\":\"10.0.0.0:4000\","
        "\"dst\":\"198.51.100.5:5060\",\"reply_src\":\"198.51.100.5:5060\","
        "\"reply_dst\":\"10.0.0.0:4000\",\"policy\":0,\"mapped\":false,\"alg\":false,"
        "\"timer_s\":5,\"timer_source\":\"default\"\n"
        "session-created 100 \"session\":1,";
    assert_int_equal(strncmp(b->log.p, want, strlen(want)), 0);
    assert_non_null(strstr(b->log.p, "session-expired 5100 \"session\":0,"));
    assert_non_null(strstr(b->log.p, "\"packets\":[0,0],\"bytes\":[0,0]\n"));
    assert_non_null(strstr(b->log.p, "session-ended 6000 \"session\":2,"));
    assert_non_null(strstr(b->log.p, "\"why\":\"mapping-closed\"\n"));
    assert_non_null(strstr(b->log.p, "mapping-closed 6000 \"mapping\":0,\"kind\":\"rtp\","
                                     "\"proto\":17,\"inside\":\"10.0.0.20:4000\","
                                     "\"public\":\"10.0.0.20:4000\",\"policy\":0\n"));
    bench_free(b);
}

/* Control may hear of a mapping when it is over already: it is told of as any other. */
static void test_events_of_a_short_life(void **state)
{
    (void)state;
    struct bench *b = bench_make();
    events_start(b);
    struct handle h = mapping_make(b, 4000, true, 100);
    mapping_release(&b->mappings, &b->worker, h, false);
    settle(b, 200);
    settle(b, 300);
    static const char rest[] = " \"mapping\":0,\"kind\":\"rtp\",\"proto\":17,"
                               "\"inside\":\"10.0.0.20:4000\","
                               "\"public\":\"10.0.0.20:4000\",\"policy\":0\n";
    struct text want = {0};
    text_printf(&want, "mapping-opened 100%smapping-closed 200%s", rest, rest);
    assert_string_equal(b->log.p, want.p);
    text_free(&want);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapping_nobody_used_closes),
        cmocka_unit_test(test_mapping_closes_after_its_last_session),
        cmocka_unit_test(test_owned_mapping_keeps_the_last_seen),
        cmocka_unit_test(test_closing_ends_its_sessions),
        cmocka_unit_test(test_session_made_while_the_mapping_closes),
        cmocka_unit_test(test_released_but_kept),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_events_of_a_short_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
