/* SPDX-License-Identifier: BSD-3-Clause */
/* The firewall in one thread: its clock, its account of packets, the same bytes every time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "config/load.h"
#include "fastpath/worker.h"
#include "frames.h"
#include "replay/replay.h"

#include <errno.h>
#include <stdio.h>

#define MS 1000000ull
#define S  (1000 * MS)

static const char config[] =
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.255.255.0\nset allowaccess ping\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "end\n"
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\nend\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"ALL\"\nset nat enable\nnext\n"
    "end\n";

/* Everything that comes out, as text. */
struct record_of_run {
    struct text text;
    uint64_t last_event_ms;
};

static void sent(void *ctx, uint16_t ifindex, uint64_t at_ns, struct slice frame)
{
    struct record_of_run *r = ctx;
    text_printf(&r->text, "%u %lu ", ifindex, at_ns);
    text_put(&r->text, frame);
}

static void event(void *ctx, const struct event *e)
{
    struct record_of_run *r = ctx;
    r->last_event_ms = e->now_ms;
    text_printf(&r->text, "%s %lu %s\n", e->name, e->now_ms, e->detail);
}

static struct replay *make(struct record_of_run *record, uint64_t clock_ms)
{
    struct text error = {0};
    struct replay_options options = {.clock_ms = clock_ms,
                                     .sent = sent,
                                     .sent_ctx = record,
                                     .events = {.emit = event, .ctx = record}};
    *record = (struct record_of_run){0};
    if (config_load_text("test", slice_str(config), &options.config, &error, NULL) != 0)
        fail_msg("%s", error.p);
    struct replay *r = replay_create(&options, &error);
    if (!r)
        fail_msg("%s", error.p);
    return r;
}

static void give(struct replay *r, uint16_t sport)
{
    struct frame f;
    frame_udp(&f, (struct ends){"10.0.0.20", sport, "198.51.100.5", 9}, SLICE_LIT("x"));
    assert_int_equal(replay_frame(r, 1, frame_slice(&f)), 0);
}

static uint32_t sessions(const struct replay *r)
{
    struct replay_counts c;
    replay_counts(r, &c);
    return c.sessions;
}

static void test_interfaces(void **state)
{
    struct record_of_run record;
    struct replay *r = make(&record, 0);
    (void)state;
    assert_int_equal(replay_interface_count(r), 2);
    assert_int_equal(replay_interface(r, "lan"), 1);
    assert_int_equal(replay_interface(r, "wan"), 2);
    assert_int_equal(replay_interface(r, "wa"), 0);
    assert_string_equal(replay_interface_name(r, 2), "wan");
    replay_free(r);
    text_free(&record.text);
}

/* Whatever the clock shows, and wherever its low 32 bits run over. */
static void test_clock(void **state)
{
    static const uint64_t clocks[] = {0, 1, 999, 3600000, 4294967295, 4294967296 - 90000};
    (void)state;
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        struct record_of_run record;
        struct replay *r = make(&record, clocks[i]);
        replay_advance(r, 500 * MS);
        assert_int_equal(replay_now_ns(r), 500 * MS);
        give(r, 1000);
        assert_int_equal(record.last_event_ms, clocks[i] + 500);
        replay_advance(r, 100 * MS); /* it does not go back */
        assert_int_equal(replay_now_ns(r), 500 * MS);
        replay_advance(r, 180 * S + 499 * MS);
        assert_int_equal(sessions(r), 1);
        /* The wheel has a grain of a tenth of a second. */
        replay_advance(r, 180 * S + 600 * MS);
        assert_int_equal(sessions(r), 0);
        assert_in_range(record.last_event_ms, clocks[i] + 180500, clocks[i] + 180600);
        replay_free(r);
        text_free(&record.text);
    }
}

/* Timers fire at their own time however far one step goes. */
static void test_leap(void **state)
{
    struct record_of_run record;
    struct replay *r = make(&record, 1000);
    (void)state;
    give(r, 1000);
    replay_advance(r, 10 * S);
    give(r, 1001);
    replay_advance(r, 40ull * 86400 * S);
    assert_int_equal(sessions(r), 0);
    assert_int_equal(record.last_event_ms, 191000);
    assert_int_equal(replay_now_ns(r), 40ull * 86400 * S);
    replay_free(r);
    text_free(&record.text);
}

static void test_oversize(void **state)
{
    static const char zeros[4000];
    struct record_of_run record;
    struct replay *r = make(&record, 0);
    struct text why = {0};
    struct replay_counts c;
    (void)state;
    assert_int_equal(replay_frame(r, 1, slice_of(zeros, 4000)), -EMSGSIZE);
    assert_int_equal(replay_frame(r, 1, slice_of(zeros, 2048)), 0);
    assert_int_equal(replay_frame(r, 1, SLICE_NONE), 0);
    replay_counts(r, &c);
    assert_int_equal(c.given, 2);
    assert_int_equal(c.packets.in, 2);
    assert_true(replay_balance(r, &why));
    assert_null(why.p);
    replay_free(r);
    text_free(&record.text);
}

static void assert_uneven(struct replay *r, const char *figure)
{
    struct text why = {0};
    assert_false(replay_balance(r, &why));
    assert_non_null(strstr(why.p, figure));
    text_free(&why);
}

/* A packet that is lost, counted twice or kept is found out. */
static void test_balance_finds(void **state)
{
    struct record_of_run record;
    struct replay *r = make(&record, 0);
    struct dataplane *dp = replay_dataplane(r);
    struct packet_counts *c = &dp->workers[0]->counts;
    struct text why = {0};
    uint64_t *const figures[] = {&c->in, &c->out, &c->consumed, &c->generated, &c->drop[DROP_TTL]};
    (void)state;
    give(r, 1000);
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        assert_true(replay_balance(r, &why));
        ++*figures[i];
        assert_uneven(r, "in ");
        --*figures[i];
    }
    struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
    assert_uneven(r, "buffers in use 1");
    rte_pktmbuf_free(m);
    assert_true(replay_balance(r, &why));
    replay_free(r);
    text_free(&record.text);
}

static void test_commands(void **state)
{
    struct record_of_run record;
    struct replay *r = make(&record, 0);
    struct text answer = {0};
    (void)state;
    give(r, 1000);
    replay_advance(r, 2 * S);
    assert_int_equal(replay_command(r, SLICE_LIT("diagnose sys session list"), &answer), 0);
    assert_non_null(strstr(answer.p, "# diagnose sys session list\n"));
    assert_non_null(strstr(answer.p, "duration=2 expire=178 "));
    assert_non_null(strstr(answer.p, "total session 1\n"));
    assert_true(replay_command(r, SLICE_LIT("no such command"), &answer) < 0);
    text_clear(&answer);
    assert_int_equal(replay_command(r, SLICE_LIT("diagnose sys sip-proxy calls list"), &answer), 0);
    text_free(&answer);
    replay_free(r);
    text_free(&record.text);
}

/* Random frames at random times, from both sides. */
static void run_random(struct text *out)
{
    struct record_of_run record;
    struct replay *r = make(&record, 7);
    struct rng rng = {9};
    struct text why = {0};
    for (int i = 0; i < 2000; i++) {
        struct frame f;
        uint16_t port = (uint16_t)(1000 + rng_below(&rng, 50));
        bool inward = rng_below(&rng, 3) == 0;
        struct ends there = {"10.0.0.20", port, "198.51.100.5", 9};
        struct ends back = {"198.51.100.5", 9, "203.0.113.2", (uint16_t)(5117 + port)};
        if (rng_below(&rng, 2))
            frame_udp(&f, inward ? back : there, SLICE_LIT("datagram"));
        else
            frame_tcp(&f, inward ? back : there,
                      (struct frame_tcp){.flags = (uint8_t)rng_below(&rng, 32)}, SLICE_NONE);
        replay_advance(r, replay_now_ns(r) + rng_below(&rng, 2000) * MS);
        replay_frame(r, inward ? 2 : 1, frame_slice(&f));
        assert_true(replay_balance(r, &why));
    }
    replay_advance(r, replay_now_ns(r) + 7200 * S);
    assert_int_equal(sessions(r), 0);
    replay_free(r);
    *out = record.text;
}

static void test_same_every_time(void **state)
{
    struct text first, second;
    (void)state;
    run_random(&first);
    run_random(&second);
    assert_in_range(first.n, 100000, 100000000);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.p, second.p, first.n);
    text_free(&first);
    text_free(&second);
}

static int setup(void **state)
{
    struct text error = {0};
    (void)state;
    return replay_eal_init(&error);
}

static int teardown(void **state)
{
    (void)state;
    replay_eal_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_leap),
        cmocka_unit_test(test_oversize),
        cmocka_unit_test(test_balance_finds),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_same_every_time),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
