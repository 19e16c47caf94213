/* SPDX-License-Identifier: BSD-3-Clause */
/* Precedence of every timer, the text of its source, port rows, and interning. */
#include "base/rng.h"
#include "sessions/tcp.h"
#include "sessions/timeouts.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct timeout_port row_sip = {
    .id = 1, .proto = 17, .first = 5060, .last = 5060, .timeout_s = 500};

/* What a configuration without any change says. */
static struct timeout_inputs inputs_fresh(void)
{
    return (struct timeout_inputs){.service = "SIP_Port",
                                   .policy_id = 3,
                                   .global_udp_idle_s = 180,
                                   .global_tcp_halfopen_s = 10,
                                   .global_tcp_halfclose_s = 120,
                                   .global_tcp_timewait_s = 1,
                                   .global_tcp_rst_s = 5,
                                   .ttl_default_s = 3600};
}

static void expect(const struct timeout_inputs *in, enum timer timer, uint32_t s, const char *from)
{
    struct timer_set set;
    char text[TIMER_SOURCE_TEXT];

    timeouts_resolve(in, &set);
    assert_int_equal(set.s[timer], s);
    assert_int_equal(timer_source_print(&set, timer, text, sizeof text), strlen(from));
    assert_string_equal(text, from);
}

static void defaults(void **state)
{
    (void)state;
    const struct timeout_inputs in = inputs_fresh();
    static const struct {
        enum timer timer;
        uint32_t s;
        const char *from;
    } rows[] = {
        {TIMER_UDP, 180, "global"},         {TIMER_ICMP, 60, "default"},
        {TIMER_OTHER, 3600, "default"},     {TIMER_TCP_ESTABLISHED, 3600, "default"},
        {TIMER_TCP_HALFOPEN, 10, "global"}, {TIMER_TCP_HALFCLOSE, 120, "global"},
        {TIMER_TCP_TIMEWAIT, 1, "global"},  {TIMER_TCP_RST, 5, "global"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(&in, rows[i].timer, rows[i].s, rows[i].from);
}

/* Each place for UDP in turn, from the weakest: the stronger one wins. */
static void udp_precedence(void **state)
{
    (void)state;
    struct timeout_inputs in = inputs_fresh();

    in.global_udp_idle_s = 501;
    expect(&in, TIMER_UDP, 501, "global");
    in.port = &row_sip;
    expect(&in, TIMER_UDP, 500, "port 1");
    in.policy_session_ttl_s = 502;
    expect(&in, TIMER_UDP, 502, "policy 3");
    in.service_session_ttl_s = 503;
    expect(&in, TIMER_UDP, 503, "service SIP_Port");
    in.service_udp_idle_s = 504;
    expect(&in, TIMER_UDP, 504, "service SIP_Port");
    expect(&in, TIMER_TCP_ESTABLISHED, 503, "service SIP_Port");
}

static void tcp_precedence(void **state)
{
    (void)state;
    struct timeout_inputs in = inputs_fresh();

    in.ttl_default_s = TIMER_NEVER;
    expect(&in, TIMER_TCP_ESTABLISHED, TIMER_NEVER, "default");
    in.port = &row_sip;
    expect(&in, TIMER_TCP_ESTABLISHED, 500, "port 1");
    in.policy_session_ttl_s = TIMER_NEVER;
    expect(&in, TIMER_TCP_ESTABLISHED, TIMER_NEVER, "policy 3");
    in.service_session_ttl_s = 300;
    expect(&in, TIMER_TCP_ESTABLISHED, 300, "service SIP_Port");
    expect(&in, TIMER_OTHER, 300, "service SIP_Port");
    expect(&in, TIMER_ICMP, 300, "service SIP_Port");

    /* The timers of single states ask the service and the global settings only. */
    expect(&in, TIMER_TCP_HALFOPEN, 10, "global");
    in.service_tcp_halfopen_s = 20;
    in.service_tcp_halfclose_s = 21;
    in.service_tcp_timewait_s = 22;
    in.service_tcp_rst_s = 23;
    expect(&in, TIMER_TCP_HALFOPEN, 20, "service SIP_Port");
    expect(&in, TIMER_TCP_HALFCLOSE, 21, "service SIP_Port");
    expect(&in, TIMER_TCP_TIMEWAIT, 22, "service SIP_Port");
    expect(&in, TIMER_TCP_RST, 23, "service SIP_Port");
    in.service_tcp_timewait_s = 0;
    in.global_tcp_timewait_s = 0;
    expect(&in, TIMER_TCP_TIMEWAIT, 0, "global");
}

static void nothing_configured(void **state)
{
    (void)state;
    const struct timeout_inputs in = {0};
    expect(&in, TIMER_UDP, 180, "default");
    expect(&in, TIMER_TCP_ESTABLISHED, 3600, "default");
    expect(&in, TIMER_TCP_RST, 5, "default");
}

/* A set names only what it took a value from, so that sets that act alike are one set. */
static void names_only_what_counts(void **state)
{
    (void)state;
    struct timeout_inputs in = inputs_fresh();
    struct timer_set a, b;

    timeouts_resolve(&in, &a);
    in.service = "other";
    in.policy_id = 4;
    timeouts_resolve(&in, &b);
    assert_memory_equal(&a, &b, sizeof a);
    assert_string_equal(a.service, "");

    struct timeout_port row = row_sip;
    row.refresh = TIMER_REFRESH_OUTGOING;
    in.port = &row;
    timeouts_resolve(&in, &a);
    assert_int_equal(a.refresh, TIMER_REFRESH_OUTGOING);
    assert_int_equal(a.port_row, 1);
    in.policy_session_ttl_s = 400;
    timeouts_resolve(&in, &a);
    assert_int_equal(a.refresh, TIMER_REFRESH_BOTH);
    assert_int_equal(a.port_row, 0);
    assert_int_equal(a.policy_id, 4);
}

static void long_names_are_cut(void **state)
{
    (void)state;
    struct timeout_inputs in = inputs_fresh();
    char name[200], text[TIMER_SOURCE_TEXT], small[8];
    struct timer_set set;

    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    in.service = name;
    in.service_udp_idle_s = 7;
    timeouts_resolve(&in, &set);
    assert_int_equal(strlen(set.service), 79);
    assert_int_equal(timer_source_print(&set, TIMER_UDP, text, sizeof text), 87);
    assert_int_equal(timer_source_print(&set, TIMER_UDP, small, sizeof small), 7);
    assert_string_equal(small, "service");
}

static void refresh_direction(void **state)
{
    (void)state;
    struct timer_set set = {.refresh = TIMER_REFRESH_BOTH};
    assert_true(timer_set_refreshes(&set, 0) && timer_set_refreshes(&set, 1));
    set.refresh = TIMER_REFRESH_OUTGOING;
    assert_true(timer_set_refreshes(&set, 0) && !timer_set_refreshes(&set, 1));
    set.refresh = TIMER_REFRESH_INCOMING;
    assert_true(!timer_set_refreshes(&set, 0) && timer_set_refreshes(&set, 1));
}

static void port_rows(void **state)
{
    (void)state;
    static const struct timeout_port rows[] = {
        {.id = 2, .proto = 17, .first = 5060, .last = 5061},
        {.id = 3, .proto = 17, .first = 5000, .last = 5100},
        {.id = 4, .proto = 6, .first = 0, .last = 0},
        {.id = 5, .proto = 47, .first = 1, .last = 2},
        {.id = 6, .proto = 0, .first = 80, .last = 80},
    };
    static const struct {
        size_t n;
        uint8_t proto;
        uint16_t port, id; /* id 0: no row */
    } cases[] = {
        {5, 17, 5060, 2}, {5, 17, 5061, 2}, {5, 17, 5062, 3}, {5, 17, 5100, 3}, {4, 17, 5101, 0},
        {5, 17, 5101, 6}, {5, 6, 443, 4},   {5, 47, 0, 5},    {5, 50, 0, 6},    {4, 50, 0, 0},
        {4, 1, 8, 0},     {3, 17, 4999, 0}, {0, 17, 5060, 0}, {4, 17, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct timeout_port *row =
            timeout_port_find(rows, cases[i].n, cases[i].proto, cases[i].port);
        assert_int_equal(row ? row->id : 0, cases[i].id);
    }
}

static void running_timer(void **state)
{
    (void)state;
    static const struct {
        uint8_t proto, tcp_state;
        enum timer timer;
    } rows[] = {
        {17, 0, TIMER_UDP},
        {17, TCP_STATE_CLOSE, TIMER_UDP},
        {136, 0, TIMER_UDP},
        {1, 0, TIMER_ICMP},
        {58, 0, TIMER_ICMP},
        {47, 0, TIMER_OTHER},
        {132, 0, TIMER_OTHER},
        {6, TCP_STATE_NONE, TIMER_TCP_HALFOPEN},
        {6, TCP_STATE_SYN_SENT, TIMER_TCP_HALFOPEN},
        {6, TCP_STATE_SYN_RECV, TIMER_TCP_HALFOPEN},
        {6, TCP_STATE_LISTEN, TIMER_TCP_HALFOPEN},
        {6, TCP_STATE_ESTABLISHED, TIMER_TCP_ESTABLISHED},
        {6, TCP_STATE_FIN_WAIT, TIMER_TCP_HALFCLOSE},
        {6, TCP_STATE_CLOSE_WAIT | 0x10, TIMER_TCP_HALFCLOSE},
        {6, TCP_STATE_LAST_ACK | 0x20, TIMER_TCP_HALFCLOSE},
        {6, TCP_STATE_TIME_WAIT, TIMER_TCP_TIMEWAIT},
        {6, TCP_STATE_CLOSE, TIMER_TCP_RST},
    };
    const struct timer_set set = {.s = {0, 1, 2, 3, 4, 5, 6, 7}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(timer_running(rows[i].proto, rows[i].tcp_state), rows[i].timer);
        assert_int_equal(session_timer_s(&set, rows[i].proto, rows[i].tcp_state), rows[i].timer);
    }
}

static void interning(void **state)
{
    (void)state;
    struct timer_sets sets;
    struct timeout_inputs in = inputs_fresh();
    struct timer_set set;

    assert_int_equal(timer_sets_init(&sets), 0);
    assert_int_equal(timer_set_get(&sets, 0)->s[TIMER_UDP], 180);
    assert_int_equal(timer_set_get(&sets, 0)->s[TIMER_TCP_TIMEWAIT], 1);
    timeouts_resolve(&in, &set);
    assert_int_equal(timer_set_intern(&sets, &set), 1);
    assert_int_equal(timer_set_intern(&sets, &set), 1);

    /* Bytes after the name's end do not make another set. */
    memset(set.service + 1, 'z', sizeof set.service - 1);
    assert_int_equal(timer_set_intern(&sets, &set), 1);

    const struct timer_set *first = timer_set_get(&sets, 1);
    for (uint32_t i = 2; i < 1000; i++) {
        in.global_udp_idle_s = 1000 + i;
        timeouts_resolve(&in, &set);
        assert_int_equal(timer_set_intern(&sets, &set), i);
    }
    assert_ptr_equal(timer_set_get(&sets, 1), first);
    for (uint32_t i = 999; i >= 2; i--) {
        assert_int_equal(timer_set_get(&sets, (uint16_t)i)->s[TIMER_UDP], 1000 + i);
        in.global_udp_idle_s = 1000 + i;
        timeouts_resolve(&in, &set);
        assert_int_equal(timer_set_intern(&sets, &set), i);
    }
    timer_sets_free(&sets);
}

static void interning_ends(void **state)
{
    (void)state;
    struct timer_sets sets;
    struct timer_set set = {0};

    assert_int_equal(timer_sets_init(&sets), 0);
    for (uint32_t i = 1; i < TIMER_SETS_MAX; i++) {
        set.s[TIMER_UDP] = i;
        assert_int_equal(timer_set_intern(&sets, &set), i);
    }
    set.s[TIMER_UDP] = 0;
    assert_int_equal(timer_set_intern(&sets, &set), -ENOSPC);
    set.s[TIMER_UDP] = 77;
    assert_int_equal(timer_set_intern(&sets, &set), 77);
    assert_int_equal(timer_set_get(&sets, TIMER_SETS_MAX - 1)->s[TIMER_UDP], TIMER_SETS_MAX - 1);
    timer_sets_free(&sets);
}

static int intern_number(struct timer_sets *sets, uint32_t number)
{
    struct timer_set set = {.s[TIMER_UDP] = number};
    return timer_set_intern(sets, &set);
}

/* What is kept keeps id and content, the rest makes room; against an array of who has which id. */
static void unused_are_forgotten(void **state)
{
    (void)state;
    enum {
        NUMBERS = 3000
    };
    struct timer_sets sets;
    struct rng rng = {21};
    static int id_of[NUMBERS];
    assert_int_equal(timer_sets_init(&sets), 0);
    for (int i = 0; i < NUMBERS; i++)
        id_of[i] = -1;
    for (int round = 0; round < 30; round++) {
        uint64_t used[TIMER_SETS_WORDS] = {0};
        uint32_t kept = 1, in_table = 1;
        for (int k = 0; k < 700; k++) {
            uint32_t number = 1 + rng_below(&rng, NUMBERS - 1);
            int id = intern_number(&sets, number);
            assert_true(id > 0 && (id_of[number] < 0 || id_of[number] == id));
            id_of[number] = id;
        }
        for (int i = 0; i < NUMBERS; i++) {
            in_table += id_of[i] >= 0;
            if (id_of[i] < 0)
                continue;
            assert_int_equal(timer_set_get(&sets, (uint16_t)id_of[i])->s[TIMER_UDP], i);
            if (rng_below(&rng, 3) == 0) {
                used[id_of[i] / 64] |= UINT64_C(1) << (id_of[i] % 64);
                kept++;
            } else {
                id_of[i] = -1;
            }
        }
        assert_int_equal(timer_sets_count(&sets), in_table);
        assert_int_equal(timer_sets_keep(&sets, used), in_table - kept);
        assert_int_equal(timer_sets_count(&sets), kept);
    }
    assert_true(sets.n < NUMBERS); /* ids were used again */
    timer_sets_free(&sets);
}

/* A full table has room again, and what every flow may fall back on stays. */
static void a_full_table_has_room_again(void **state)
{
    (void)state;
    struct timer_sets sets;
    static uint64_t used[TIMER_SETS_WORDS];
    assert_int_equal(timer_sets_init(&sets), 0);
    struct timer_set factory = *timer_set_get(&sets, 0);
    for (uint32_t i = 1; i < TIMER_SETS_MAX; i++)
        assert_int_equal(intern_number(&sets, i), i);
    assert_int_equal(intern_number(&sets, TIMER_SETS_MAX), -ENOSPC);
    used[(TIMER_SETS_MAX - 1) / 64] |= UINT64_C(1) << ((TIMER_SETS_MAX - 1) % 64);
    assert_int_equal(timer_sets_keep(&sets, used), TIMER_SETS_MAX - 2);
    assert_int_equal(intern_number(&sets, TIMER_SETS_MAX - 1), TIMER_SETS_MAX - 1);
    assert_int_equal(timer_set_intern(&sets, &factory), 0);
    for (uint32_t i = 100001; i < 100001 + TIMER_SETS_MAX - 2; i++)
        assert_true(intern_number(&sets, i) > 0);
    assert_int_equal(intern_number(&sets, 1), -ENOSPC);
    timer_sets_free(&sets);
}

struct reader {
    const struct timer_sets *sets;
    uint32_t published; /* highest id the writer has let out */
    bool all_good;
};

static void *read_sets(void *arg)
{
    struct reader *reader = arg;
    uint32_t id;
    reader->all_good = true;
    do {
        id = __atomic_load_n(&reader->published, __ATOMIC_ACQUIRE);
        if (id && timer_set_get(reader->sets, (uint16_t)id)->s[TIMER_UDP] != 1000 + id)
            reader->all_good = false;
    } while (id < 3000);
    return NULL;
}

/* A reader that is given an id sees the whole set, whatever the writer adds meanwhile. */
static void read_while_growing(void **state)
{
    (void)state;
    struct timer_sets sets;
    struct timer_set set = {0};
    struct reader reader = {.sets = &sets};
    pthread_t thread;

    assert_int_equal(timer_sets_init(&sets), 0);
    assert_int_equal(pthread_create(&thread, NULL, read_sets, &reader), 0);
    for (uint32_t i = 1; i <= 3000; i++) {
        set.s[TIMER_UDP] = 1000 + i;
        assert_int_equal(timer_set_intern(&sets, &set), i);
        __atomic_store_n(&reader.published, i, __ATOMIC_RELEASE);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(reader.all_good);
    timer_sets_free(&sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(udp_precedence),
        cmocka_unit_test(tcp_precedence),
        cmocka_unit_test(nothing_configured),
        cmocka_unit_test(names_only_what_counts),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(refresh_direction),
        cmocka_unit_test(port_rows),
        cmocka_unit_test(running_timer),
        cmocka_unit_test(interning),
        cmocka_unit_test(interning_ends),
        cmocka_unit_test(unused_are_forgotten),
        cmocka_unit_test(a_full_table_has_room_again),
        cmocka_unit_test(read_while_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
