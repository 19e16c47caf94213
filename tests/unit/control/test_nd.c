/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is answered, who is found, who is believed, and whose our addresses are. */
#include "nd_bench.h"

#include "base/rng.h"

#define OWN   "2001:db8::1"
#define LOCAL "fe80::1"
#define PHONE "2001:db8::20"
#define NODES "ff02::1"

static const uint8_t nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t own_group_mac[6] = {0x33, 0x33, 0xff, 0, 0, 1};
static const uint8_t phone_group_mac[6] = {0x33, 0x33, 0xff, 0, 0, 0x20};

#define OWN_GROUP   "ff02::1:ff00:1"
#define PHONE_GROUP "ff02::1:ff00:20"

static const struct nd_text question = {NS, 0, PHONE, OWN_GROUP, OWN, nd_phone_mac, nd_phone_mac};
static const struct nd_text reply = {NA, S | O, PHONE, LOCAL, PHONE, nd_phone_mac, nd_phone_mac};

static void expect_question(const struct nd_bench *b, unsigned i)
{
    nd_expect(b, i, phone_group_mac,
              &(struct nd_text){NS, 0, LOCAL, PHONE_GROUP, PHONE, nd_own_mac, nd_own_mac});
}

static void expect_verification(const struct nd_bench *b, unsigned i)
{
    nd_expect(b, i, nd_phone_mac,
              &(struct nd_text){NS, 0, LOCAL, PHONE, PHONE, nd_own_mac, nd_own_mac});
}

/* ---- solicitations to us ---- */

static void test_answers(void **state)
{
    struct nd_bench *b = nd_bench_make(false, true);
    (void)state;
    nd_hear(b, &question, 0);
    nd_expect(b, 0, nd_phone_mac,
              &(struct nd_text){NA, R | S | O, OWN, PHONE, OWN, nd_own_mac, nd_own_mac});
    assert_int_equal(nd_state(b, PHONE), 0); /* asking is no way into the table */
    nd_hear(b, &(struct nd_text){NS, 0, "fe80::20", LOCAL, LOCAL, nd_phone_mac, NULL}, 0);
    nd_expect(b, 1, nd_phone_mac,
              &(struct nd_text){NA, R | S | O, LOCAL, "fe80::20", LOCAL, nd_own_mac, nd_own_mac});
    /* Somebody wants our address: all are told whose it is. */
    nd_hear(b, &(struct nd_text){NS, 0, "::", OWN_GROUP, OWN, nd_phone_mac, NULL}, 0);
    nd_expect(b, 2, nodes_mac,
              &(struct nd_text){NA, R | O, OWN, NODES, OWN, nd_own_mac, nd_own_mac});
    /* The anycast address of routers: others may answer, too. */
    nd_hear(
        b,
        &(struct nd_text){NS, 0, PHONE, "ff02::1:ff00:0", "2001:db8::", nd_phone_mac, nd_phone_mac},
        0);
    nd_expect(b, 3, nd_phone_mac,
              &(struct nd_text){NA, R | S, OWN, PHONE, "2001:db8::", nd_own_mac, nd_own_mac});
    assert_int_equal(b->n_out, 4);
    nd_bench_free(b);
}

static void test_what_gets_no_answer(void **state)
{
    struct nd_bench *b = nd_bench_make(false, true);
    const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};
    static const uint8_t nobody[6];
    struct nd_text t = question;
    (void)state;
    nd_hear(b, &(struct nd_text){NS, 0, PHONE, PHONE_GROUP, PHONE, nd_phone_mac, NULL}, 0);
    nd_hear(b, &(struct nd_text){NS, 0, "::", NODES, OWN, nd_phone_mac, NULL}, 0);
    nd_hear(b, &(struct nd_text){NS, 0, "::", OWN_GROUP, OWN, nd_phone_mac, nd_phone_mac}, 0);
    nd_hear(b, &(struct nd_text){NS, 0, PHONE, OWN_GROUP, NODES, nd_phone_mac, NULL}, 0);
    nd_hear(b, &(struct nd_text){NS, 0, NODES, OWN_GROUP, OWN, nd_phone_mac, NULL}, 0);
    t.mac = group;
    nd_hear(b, &t, 0);
    t.mac = nobody;
    nd_hear(b, &t, 0);
    t = question;
    t.from = nd_own_mac; /* our own, looped back */
    nd_hear(b, &t, 0);
    for (uint8_t type = 133; type <= 137; type++) { /* RS, RA, redirect */
        t = question;
        t.type = type;
        if (type != NS && type != NA)
            nd_hear(b, &t, 0);
    }
    assert_int_equal(b->n_out, 0);
    b->snapshot->interfaces[1].up = false;
    nd_hear(b, &question, 0);
    assert_int_equal(b->n_out, 0);
    nd_bench_free(b);
}

/* Each check of RFC 4861 7.1 by a message that fails it alone. */
static void test_malformed(void **state)
{
    static const struct {
        uint16_t at;
        uint8_t value;
        bool sum;
    } row[] = {
        {21, 254, true}, /* hop limit */
        {55, 1, true},   /* code */
        {57, 1, false},  /* checksum, whatever it was */
        {20, 0, true},   /* hop-by-hop options first */
        {79, 0, true},   /* option without length */
        {79, 2, true},   /* ... longer than the message */
        {19, 23, true},  /* shorter than a message */
        {19, 33, false}, /* longer than the frame */
    };
    struct nd_bench *b = nd_bench_make(false, true);
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct rte_mbuf *m = nd_frame(&question);
        uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
        p[row[i].at] = (uint8_t)(row[i].at == 57 ? p[57] ^ 1 : row[i].value);
        if (row[i].sum)
            nd_checksum(m);
        nd_hear_frame(b, m, 0);
        assert_int_equal(b->n_out, 0);
    }
    for (uint16_t cut = 1; cut <= 86; cut++) {
        struct rte_mbuf *m = nd_frame(&question);
        rte_pktmbuf_trim(m, cut);
        nd_hear_frame(b, m, 0);
        assert_int_equal(b->n_out, 0);
    }
    nd_bench_free(b);
}

/* Without an option the answer goes to whom the frame names: a host, not everybody. */
static void test_group_as_sender(void **state)
{
    const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};
    struct nd_bench *b = nd_bench_make(false, true);
    struct nd_text t = {NS, 0, PHONE, OWN_GROUP, OWN, group, NULL};
    (void)state;
    nd_hear(b, &t, 0);
    assert_int_equal(b->n_out, 0);
    t.from = (const uint8_t[6]){0};
    nd_hear(b, &t, 0);
    assert_int_equal(b->n_out, 0);
    t.from = nd_phone_mac;
    nd_hear(b, &t, 0);
    assert_int_equal(b->n_out, 1);
    nd_bench_free(b);
}

/* ---- next hops ---- */

static void test_resolution(void **state)
{
    struct nd_bench *b = nd_bench_make(false, true);
    (void)state;
    nd_send_to(b, PHONE, 0);
    nd_send_to(b, PHONE, 10);
    assert_int_equal(b->n_out, 1);
    expect_question(b, 0);
    assert_int_equal(b->resolver.held, 2);
    nd_hear(b, &reply, 20);
    assert_int_equal(b->n_out, 3);
    assert_int_equal(note_of(b->out[1])->kind, NOTE_FORWARD);
    assert_memory_equal(rte_pktmbuf_mtod(b->out[1], uint8_t *), nd_phone_mac, 6);
    nd_expect_in_use(b, PHONE, nd_phone_mac);
    nd_out_clear(b);
    /* Verified by unicast, answered without an option. */
    nd_run_to(b, 100, 26000);
    expect_verification(b, 0);
    assert_int_equal(nd_state(b, PHONE), NEIGHBOUR_PROBE);
    nd_hear(b, &(struct nd_text){NA, S, PHONE, LOCAL, PHONE, nd_phone_mac, NULL}, 26000);
    assert_int_equal(nd_state(b, PHONE), NEIGHBOUR_REACHABLE);
    nd_bench_free(b);
}

static void test_nobody_answers(void **state)
{
    struct nd_bench *b = nd_bench_make(false, true);
    (void)state;
    nd_send_to(b, PHONE, 0);
    nd_run_to(b, 100, 2900);
    assert_int_equal(b->n_out, 3);
    expect_question(b, 2);
    nd_run_to(b, 3000, 3000);
    assert_int_equal(nd_state(b, PHONE), NEIGHBOUR_FAILED);
    assert_int_equal(b->n_dropped[DROP_NEIGHBOUR_FAILED], 1);
    nd_bench_free(b);
}

/* An answer has to be one: solicited, to us, about what was asked, by its rules. */
static void test_what_is_no_answer(void **state)
{
    struct nd_bench *b = nd_bench_make(false, true);
    (void)state;
    nd_send_to(b, PHONE, 0);
    nd_hear(b, &(struct nd_text){NA, S | O, PHONE, NODES, PHONE, nd_other_mac, nd_other_mac}, 1);
    nd_hear(b, &(struct nd_text){NA, S | O, "::", LOCAL, PHONE, nd_other_mac, nd_other_mac}, 1);
    nd_hear(b, &(struct nd_text){NA, S | O, PHONE, LOCAL, PHONE, nd_other_mac, NULL}, 1);
    nd_hear(b,
            &(struct nd_text){NA, S | O, PHONE, LOCAL, "2001:db8::21", nd_other_mac, nd_other_mac},
            1);
    assert_int_equal(nd_state(b, PHONE), NEIGHBOUR_INCOMPLETE);
    assert_int_equal(b->neighbours.count, 1);
    /* Unsolicited: better than nothing, but not to be relied on. */
    nd_hear(b, &(struct nd_text){NA, O, PHONE, NODES, PHONE, nd_other_mac, nd_other_mac}, 2);
    assert_int_equal(nd_state(b, PHONE), NEIGHBOUR_STALE);
    nd_expect_in_use(b, PHONE, nd_other_mac);
    nd_run_to(b, 100, 100);
    nd_hear(b, &reply, 120);
    nd_expect_in_use(b, PHONE, nd_phone_mac);
    nd_bench_free(b);
}

static struct nd_bench *with_phone(void)
{
    struct nd_bench *b = nd_bench_make(false, true);
    nd_send_to(b, PHONE, 0);
    nd_hear(b, &reply, 0);
    nd_out_clear(b);
    return b;
}

static void test_forged_mac_changes_nothing(void **state)
{
    struct nd_bench *b = with_phone();
    const struct nd_text forged[] = {
        {NA, O, PHONE, NODES, PHONE, nd_other_mac, nd_other_mac},
        {NA, S | O, PHONE, LOCAL, PHONE, nd_other_mac, nd_other_mac},
        {NA, 0, PHONE, NODES, PHONE, nd_other_mac, nd_other_mac},
        {NS, 0, PHONE, OWN_GROUP, "2001:db8::77", nd_other_mac, nd_other_mac}};
    uint64_t now_ms = 1000;
    (void)state;
    for (size_t i = 0; i < 4; i++, now_ms += 1000) {
        nd_out_clear(b);
        for (size_t k = i; k < 4; k++)
            nd_hear(b, &forged[k], now_ms);
        nd_expect_in_use(b, PHONE, nd_phone_mac);
        assert_int_equal(b->n_out, 1); /* the phone is asked, once */
        expect_verification(b, 0);
        nd_hear(b, &reply, now_ms + 10);
        assert_int_equal(nd_state(b, PHONE), NEIGHBOUR_REACHABLE);
    }
    nd_bench_free(b);
}

static void test_fail_over(void **state)
{
    struct nd_bench *b = with_phone();
    const struct nd_text modest = {NA, S, PHONE, LOCAL, PHONE, nd_other_mac, nd_other_mac};
    const struct nd_text other = {NA, S | O, PHONE, LOCAL, PHONE, nd_other_mac, nd_other_mac};
    (void)state;
    nd_hear(b, &(struct nd_text){NA, O, PHONE, NODES, PHONE, nd_other_mac, nd_other_mac}, 2000);
    expect_verification(b, 0);
    nd_run_to(b, 2100, 2300);
    expect_question(b, 1);
    nd_hear(b, &modest, 2310); /* a proxy: does not replace anybody */
    nd_expect_in_use(b, PHONE, nd_phone_mac);
    nd_hear(b, &other, 2320);
    nd_expect_in_use(b, PHONE, nd_other_mac);
    nd_bench_free(b);
}

/* ---- our own addresses ---- */

static void test_duplicate_detection(void **state)
{
    struct nd_bench *b = nd_bench_make(false, false);
    (void)state;
    nd_run_to(b, 0, 900);
    assert_int_equal(b->n_out, 2); /* both addresses are asked about, once */
    nd_expect(b, 0, own_group_mac,
              &(struct nd_text){NS, 0, "::", OWN_GROUP, OWN, nd_own_mac, NULL});
    nd_expect(b, 1, own_group_mac,
              &(struct nd_text){NS, 0, "::", OWN_GROUP, LOCAL, nd_own_mac, NULL});
    nd_hear(b, &question, 900); /* not ours yet */
    nd_send_to(b, PHONE, 900);  /* no address to ask from yet */
    assert_int_equal(b->n_out, 2);
    nd_out_clear(b);
    nd_run_to(b, 1000, 1000);
    assert_int_equal(b->n_out, 2);
    nd_expect(b, 0, nodes_mac,
              &(struct nd_text){NA, R | O, OWN, NODES, OWN, nd_own_mac, nd_own_mac});
    nd_expect(b, 1, nodes_mac,
              &(struct nd_text){NA, R | O, LOCAL, NODES, LOCAL, nd_own_mac, nd_own_mac});
    nd_out_clear(b);
    nd_run_to(b, 1100, 2000); /* the second announcement, and the question that had to wait */
    assert_int_equal(b->n_out, 3);
    expect_question(b, 0);
    nd_hear(b, &reply, 2000);
    nd_out_clear(b);
    nd_run_to(b, 2100, 20000);
    assert_int_equal(b->n_out, 2); /* the third */
    nd_out_clear(b);
    /* Another link-local address: the global one stays. */
    b->snapshot->interfaces6[1].link_local = nd_ip("fe80::2");
    nd_run_to(b, 20100, 20100);
    assert_int_equal(b->n_out, 1);
    assert_int_equal(b->nd.own[1][ND_GLOBAL].state, ND_OWN_READY);
    /* Without a link, and with one again. */
    b->snapshot->links_down = 1 << 1;
    nd_run_to(b, 20200, 20200);
    nd_out_clear(b);
    b->snapshot->links_down = 0;
    nd_run_to(b, 20300, 20300);
    assert_int_equal(b->n_out, 2);
    assert_int_equal(b->nd.own[1][ND_GLOBAL].state, ND_OWN_TENTATIVE);
    nd_bench_free(b);
}

static void test_duplicates(void **state)
{
    static const struct nd_text claim[] = {
        {NA, O, OWN, NODES, OWN, nd_other_mac, nd_other_mac},         /* it has it */
        {NS, 0, "::", OWN_GROUP, OWN, nd_other_mac, NULL},            /* it wants it */
        {NS, 0, OWN, PHONE_GROUP, PHONE, nd_other_mac, nd_other_mac}, /* it uses it */
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct nd_bench *b = nd_bench_make(false, false);
        nd_run_to(b, 0, 100);
        nd_hear(b, &claim[i], 200);
        assert_int_equal(b->nd.own[1][ND_GLOBAL].state, ND_OWN_DUPLICATE);
        nd_run_to(b, 300, 30000);
        nd_out_clear(b);
        nd_hear(b, &question, 30000); /* not ours */
        assert_int_equal(b->n_out, 0);
        nd_send_to(b, PHONE, 30000); /* the other address will do */
        expect_question(b, 0);
        nd_run_to(b, 60000, 62000); /* a minute later it is free */
        assert_int_equal(b->nd.own[1][ND_GLOBAL].state, ND_OWN_READY);
        nd_bench_free(b);
    }
}

static void test_conflict_is_counted_and_answered(void **state)
{
    struct nd_bench *b = nd_bench_make(false, true);
    (void)state;
    for (uint64_t now_ms = 0; now_ms < 20000; now_ms += 1000)
        nd_hear(b, &(struct nd_text){NA, O, OWN, NODES, OWN, nd_other_mac, nd_other_mac}, now_ms);
    assert_int_equal(b->nd.own[1][ND_GLOBAL].conflicts, 20);
    assert_int_equal(b->nd.own[1][ND_GLOBAL].state, ND_OWN_READY);
    assert_int_equal(b->n_out, 2); /* at 0 s and 10 s */
    nd_expect(b, 1, nodes_mac,
              &(struct nd_text){NA, R | O, OWN, NODES, OWN, nd_own_mac, nd_own_mac});
    nd_bench_free(b);
}

static void test_quiet(void **state)
{
    struct nd_bench *b = nd_bench_make(true, false);
    const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x20}; /* the last four bytes */
    (void)state;
    nd_run_to(b, 0, 5000);
    assert_int_equal(b->n_out, 0);
    nd_hear(b, &question, 5000);
    assert_int_equal(b->n_out, 1);
    nd_send_to(b, PHONE, 5000);
    assert_memory_equal(rte_pktmbuf_mtod(b->out[1], uint8_t *), mac, 6);
    nd_hear(b, &(struct nd_text){NA, O, OWN, NODES, OWN, nd_other_mac, nd_other_mac}, 6000);
    assert_int_equal(b->n_out, 2);
    nd_bench_free(b);
}

/* ---- what strangers can do ---- */

/* A scan of the prefix. */
static void test_scan(void **state)
{
    struct nd_bench *b = with_phone();
    (void)state;
    for (uint64_t now_ms = 0, i = 0; now_ms < 60000; now_ms += 100, i++) {
        char ip[32];
        snprintf(ip, sizeof ip, "2001:db8::5:%x", (unsigned)i);
        nd_send_to(b, ip, now_ms);
        assert_true(b->resolver.searching <= 8);
        assert_true(b->resolver.held <= ND_HELD);
        if (now_ms % 25000 == 0)
            nd_hear(b, &reply, now_ms);
        nd_out_clear(b);
        nd_run_to(b, now_ms, now_ms);
    }
    assert_true(b->n_dropped[DROP_NEIGHBOUR_TABLE] > 0);
    nd_run_to(b, 60000, 70000);
    nd_out_clear(b);
    nd_send_to(b, "2001:db8::21", 70000);
    assert_int_equal(b->resolver.searching, 1);
    nd_bench_free(b);
}

/* Thousands of messages of strangers, right and wrong ones, leave no trace. */
static void test_flood(void **state)
{
    struct nd_bench *b = with_phone();
    struct rng rng = {1};
    (void)state;
    for (int i = 0; i < 20000; i++) {
        char ip[40];
        snprintf(ip, sizeof ip, "2001:db8::9:%x", rng_below(&rng, 0xffff));
        struct rte_mbuf *m = nd_frame(&(struct nd_text){
            rng_below(&rng, 2) ? NS : NA, (uint8_t)(rng_below(&rng, 8) << 5), ip,
            rng_below(&rng, 2) ? LOCAL : NODES, rng_below(&rng, 2) ? ip : "2001:db8::77",
            nd_other_mac, rng_below(&rng, 2) ? nd_other_mac : NULL});
        uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
        for (uint32_t k = rng_below(&rng, 4); k > 0; k--)
            p[14 + rng_below(&rng, rte_pktmbuf_data_len(m) - 14u)] = (uint8_t)rng_next(&rng);
        if (rng_below(&rng, 4) && p[20] == 58 && p[18] == 0 &&
            p[19] <= rte_pktmbuf_data_len(m) - 54)
            nd_checksum(m);
        nd_hear_frame(b, m, 1000);
        nd_out_clear(b);
    }
    assert_int_equal(b->neighbours.count, 1);
    nd_expect_in_use(b, PHONE, nd_phone_mac);
    assert_int_equal(b->resolver.held, 0);
    nd_bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_what_gets_no_answer),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_group_as_sender),
        cmocka_unit_test(test_resolution),
        cmocka_unit_test(test_nobody_answers),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_forged_mac_changes_nothing),
        cmocka_unit_test(test_fail_over),
        cmocka_unit_test(test_duplicate_detection),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_conflict_is_counted_and_answered),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_flood),
    };
    nd_bench_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
