/* SPDX-License-Identifier: BSD-3-Clause */
/* What is kept of the rule book's verdicts, and what an operator sees of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/load.h"
#include "fastpath/verdicts.h"
#include "firewall.h"

#include <errno.h>
#include <stdlib.h>

enum {
    LAN = 1,
    WAN
};

/* ---- the counters themselves ---- */

static void test_lines(void **state)
{
    struct verdicts v;
    struct verdict_total t;
    (void)state;
    assert_int_equal(verdicts_init(&v, 2), 0);
    verdicts_total(&v, 7, &t);
    assert_int_equal(t.hits + t.bytes + t.denied + t.first_ms + t.last_ms, 0);
    verdict_admitted(&v, 0, 7, 500);
    verdict_denied(&v, 1, 7, 60, 400);
    verdict_denied(&v, 1, 7, 40, 900);
    verdict_admitted(&v, 0, 8, 1);
    verdicts_total(&v, 7, &t);
    assert_int_equal(t.hits, 3);
    assert_int_equal(t.denied, 2);
    assert_int_equal(t.bytes, 100);
    assert_int_equal(t.first_ms, 400);
    assert_int_equal(t.last_ms, 900);
    /* Cleared, and hit again by one of the two. */
    verdicts_clear(&v, 7);
    verdicts_total(&v, 7, &t);
    assert_int_equal(t.hits, 0);
    verdict_admitted(&v, 1, 7, 2000);
    verdicts_total(&v, 7, &t);
    assert_int_equal(t.hits, 1);
    assert_int_equal(t.bytes, 0);
    assert_int_equal(t.first_ms, 2000);
    verdicts_total(&v, 8, &t);
    assert_int_equal(t.hits, 1);
    verdicts_free(&v);
}

static void test_ring(void **state)
{
    struct verdicts v;
    struct verdict_denial d = {0};
    (void)state;
    assert_int_equal(verdicts_init(&v, 1), 0);
    assert_false(verdicts_take(&v, 0, &d));
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < VERDICT_RING + 3; i++) {
            d.policy_id = i;
            verdict_log(&v, 0, &d);
        }
        assert_int_equal(verdicts_lost(&v), 3 * (round + 1));
        for (uint32_t i = 0; i < VERDICT_RING; i++) {
            assert_true(verdicts_take(&v, 0, &d));
            assert_int_equal(d.policy_id, i);
        }
        assert_false(verdicts_take(&v, 0, &d));
    }
    verdicts_free(&v);
}

/* A rule book of these ids, as far as verdicts_assign looks at one. */
static struct snapshot *book(const uint32_t *ids, uint32_t n)
{
    struct snapshot *s = calloc(1, sizeof *s);
    struct policy *p = calloc(n, sizeof *p);
    uint32_t *slots = calloc(64, sizeof *slots);
    assert_true(s && p && slots && n < 32);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = policy_id_hash(ids[i]) & 63;
        p[i].id = ids[i];
        while (slots[at])
            at = (at + 1) & 63;
        slots[at] = i + 1;
    }
    *s = (struct snapshot){
        .n_policies = n, .policies = p, .policy_slots = slots, .policy_slot_mask = 63};
    return s;
}

static void book_free(struct snapshot *s)
{
    free((void *)(uintptr_t)s->policies);
    free((void *)(uintptr_t)s->policy_slots);
    free(s);
}

static uint32_t slot(const struct snapshot *s, uint32_t id)
{
    const struct policy *p = policy_by_id(s, id);
    assert_non_null(p);
    return p->slot;
}

static void test_slots(void **state)
{
    static const uint32_t first[] = {10, 20, 30}, second[] = {30, 40, 10}, third[] = {50, 40, 20};
    struct verdicts v;
    struct verdict_total t;
    (void)state;
    assert_int_equal(verdicts_init(&v, 1), 0);
    struct snapshot *a = book(first, 3), *b = book(second, 3), *c = book(third, 3);
    assert_int_equal(verdicts_assign(&v, NULL, a), 0);
    assert_true(slot(a, 10) && slot(a, 20) && slot(a, 30));
    assert_true(slot(a, 10) != slot(a, 20) && slot(a, 20) != slot(a, 30));
    verdict_admitted(&v, 0, slot(a, 10), 5);
    verdict_admitted(&v, 0, slot(a, 20), 5);
    assert_int_equal(verdicts_assign(&v, a, b), 0);
    assert_int_equal(slot(b, 10), slot(a, 10));
    assert_int_equal(slot(b, 30), slot(a, 30));
    /* Not that of 20, which workers may still hit. */
    assert_true(slot(b, 40) > slot(a, 30) && slot(b, 40) > slot(a, 20));
    verdicts_total(&v, slot(b, 10), &t);
    assert_int_equal(t.hits, 1);
    assert_int_equal(verdicts_assign(&v, b, c), 0);
    assert_int_equal(slot(c, 40), slot(b, 40));
    assert_int_equal(slot(c, 50), slot(a, 20));
    /* A policy that comes back, as one that gets another's slot, begins with nothing. */
    verdicts_total(&v, slot(c, 20), &t);
    assert_int_equal(t.hits, 0);
    verdicts_total(&v, slot(c, 50), &t);
    assert_int_equal(t.hits, 0);
    book_free(a);
    book_free(b);
    book_free(c);
    verdicts_free(&v);
}

/* ---- through a firewall ---- */

#define POLICY(id, service, more)                                         \
    "edit " #id "\nset srcintf \"lan\"\nset dstintf \"wan\"\n"            \
    "set srcaddr \"all\"\nset dstaddr \"all\"\nset schedule \"always\"\n" \
    "set service \"" service "\"\n" more "next\n"

static const char config[] = "config system interface\n"
                             "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
                             "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
                             "end\n"
                             "config router static\n"
                             "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
                             "end\n"
                             "config firewall policy\n"       //
    POLICY(1, "DNS", "set action accept\n")                   //
    POLICY(2, "SSH", "set action deny\nset logtraffic all\n") //
    POLICY(3, "HTTP",
           "set action accept\nset nat enable\nset fixedport enable\nset logtraffic all\n") "end\n";

struct world {
    struct replay *r;
    struct text log; /* lines of the log, one after the other */
    unsigned n_unwritten;
};

static void on_event(void *ctx, const struct event *e)
{
    struct world *w = ctx;
    if (strcmp(e->name, "log") == 0)
        text_printf(&w->log, "%s\n", e->detail);
    w->n_unwritten += strcmp(e->name, "log-unwritten") == 0;
}

static void nothing_sent(void *ctx, uint16_t ifindex, uint64_t at_ns, struct slice frame)
{
    (void)ctx, (void)ifindex, (void)at_ns, (void)frame;
}

static void world_make(struct world *w)
{
    struct text error = {0};
    *w = (struct world){0};
    struct replay_options o = {.events = {on_event, w}, .clock_ms = 5000, .sent = nothing_sent};
    if (config_load_text("test", slice_str(config), &o.config, &error, NULL) != 0)
        fail_msg("%s", error.p);
    w->r = replay_create(&o, &error);
    if (!w->r)
        fail_msg("%s", error.p);
    text_free(&error);
}

static void world_free(struct world *w)
{
    replay_free(w->r);
    text_free(&w->log);
}

static void udp_at(struct world *w, uint64_t at_s, uint16_t ifindex, struct ends e)
{
    struct frame f;
    frame_udp(&f, e, SLICE_LIT("hello"));
    replay_advance(w->r, at_s * 1000000000u);
    assert_int_equal(replay_frame(w->r, ifindex, frame_slice(&f)), 0);
}

static void tcp_at(struct world *w, uint64_t at_s, uint16_t sport, uint16_t dport)
{
    struct frame f;
    struct ends e = {"10.0.0.20", sport, "198.51.100.5", dport};
    frame_tcp(&f, e, (struct frame_tcp){.flags = 2}, SLICE_NONE);
    replay_advance(w->r, at_s * 1000000000u);
    assert_int_equal(replay_frame(w->r, LAN, frame_slice(&f)), 0);
}

static void expect(struct world *w, const char *command, const char *answer)
{
    struct text out = {0};
    replay_command(w->r, slice_str(command), &out);
    if (!strstr(out.p, answer))
        fail_msg("%s: no '%s' in '%s'", command, answer, out.p);
    text_free(&out);
}

static void command(struct world *w, const char *line)
{
    struct text out = {0};
    if (replay_command(w->r, slice_str(line), &out) != 0)
        fail_msg("%s", out.p);
    text_free(&out);
}

#define SHOW(id) "diagnose firewall iprope show 100004 " #id

static const struct ends dns = {"10.0.0.20", 1000, "198.51.100.5", 53};
static const struct ends dns_back = {"198.51.100.5", 53, "10.0.0.20", 1000};

/* 33 bytes of IP in each of the packets. */
static void test_counts(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    expect(&w, SHOW(1), "idx=1 pkts/bytes=0/0 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:0");
    udp_at(&w, 1, LAN, dns);
    udp_at(&w, 2, WAN, dns_back);
    udp_at(&w, 3, LAN, dns);
    udp_at(&w, 3, LAN, (struct ends){"10.0.0.21", 1000, "198.51.100.5", 53});
    expect(&w, SHOW(1),
           "pkts/bytes=4/132 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:2\n"
           "    first:2s ago last:0s ago established session count:2");
    /* 40 bytes each; a denied packet is a hit each time. */
    tcp_at(&w, 5, 1, 22);
    tcp_at(&w, 6, 1, 22);
    expect(&w, SHOW(2),
           "pkts/bytes=2/80 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:2\n"
           "    first:1s ago last:0s ago established session count:0");
    udp_at(&w, 7, LAN, (struct ends){"10.0.0.20", 1, "198.51.100.5", 99});
    expect(&w, "diagnose firewall iprope show 100004", "idx=0 pkts/bytes=1/33");
    /* The sessions have ended, the counters stay; those of a commit, too. */
    replay_advance(w.r, 400000000000u);
    expect(&w, SHOW(1),
           "pkts/bytes=4/132 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:2\n"
           "    first:399s ago last:397s ago established session count:0");
    command(&w, "config firewall policy");
    command(&w, "edit 1");
    command(&w, "set comments \"changed\"");
    command(&w, "next");
    command(&w, "move 1 after 3");
    command(&w, "end");
    expect(&w, SHOW(1), "pkts/bytes=4/132 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:2\n");
    expect(&w, SHOW(2), "hit count:2\n");
    world_free(&w);
}

static void test_clear(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    udp_at(&w, 1, LAN, dns);
    udp_at(&w, 1, LAN, (struct ends){"10.0.0.21", 1000, "198.51.100.5", 53});
    tcp_at(&w, 1, 1, 22);
    expect(&w, SHOW(1), "pkts/bytes=2/66 ");
    command(&w, "diagnose firewall iprope clear 100004 1");
    expect(&w, SHOW(1), "pkts/bytes=0/0 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:0\n");
    expect(&w, SHOW(2), "pkts/bytes=1/40 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:1\n");
    /* What living sessions carried before is not counted, what they carry now is. */
    udp_at(&w, 10, WAN, dns_back);
    expect(&w, SHOW(1), "pkts/bytes=1/33 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:0\n");
    udp_at(&w, 12, LAN, (struct ends){"10.0.0.22", 1000, "198.51.100.5", 53});
    expect(&w, SHOW(1),
           "pkts/bytes=2/66 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:1\n"
           "    first:0s ago last:0s ago established session count:3");
    replay_advance(w.r, 400000000000u);
    expect(&w, SHOW(1), "pkts/bytes=2/66 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:1\n");
    /* Deleted and made anew it is another policy. */
    command(&w, "config firewall policy");
    command(&w, "delete 2");
    command(&w, "end");
    command(&w, "config firewall policy");
    command(&w, "edit 2");
    command(&w, "set srcintf lan");
    command(&w, "set dstintf wan");
    command(&w, "set srcaddr all");
    command(&w, "set dstaddr all");
    command(&w, "set schedule always");
    command(&w, "set service SSH");
    command(&w, "end");
    expect(&w, SHOW(2), "hit count:0\n");
    command(&w, "diagnose firewall iprope clear 100004");
    expect(&w, SHOW(1), "pkts/bytes=0/0 asic_pkts/asic_bytes=0/0 flag=0x0 hit count:0\n");
    world_free(&w);
}

static void assert_log(struct world *w, const char *want)
{
    assert_string_equal(w->log.p ? w->log.p : "", want);
    text_free(&w->log);
    w->log = (struct text){0};
}

#define LINE(rest) \
    "\"line\":\"type=\\\"traffic\\\" subtype=\\\"forward\\\" level=\\\"notice\\\" " rest "\"\n"

static void test_log(void **state)
{
    struct world w;
    (void)state;
    world_make(&w);
    tcp_at(&w, 1, 1000, 22);
    assert_log(&w, LINE("srcip=10.0.0.20 srcport=1000 srcintf=\\\"lan\\\" dstip=198.51.100.5 "
                        "dstport=22 dstintf=\\\"wan\\\" proto=6 action=\\\"deny\\\" policyid=2 "
                        "policytype=\\\"policy\\\""));
    /* What no policy admits only where the operator wants it. */
    udp_at(&w, 2, LAN, (struct ends){"10.0.0.20", 1, "198.51.100.5", 99});
    assert_log(&w, "");
    command(&w, "config log setting");
    command(&w, "set fwpolicy-implicit-log enable");
    command(&w, "end");
    udp_at(&w, 3, LAN, (struct ends){"10.0.0.20", 1, "198.51.100.5", 99});
    assert_log(&w, LINE("srcip=10.0.0.20 srcport=1 srcintf=\\\"lan\\\" dstip=198.51.100.5 "
                        "dstport=99 dstintf=\\\"wan\\\" proto=17 action=\\\"deny\\\" policyid=0 "
                        "policytype=\\\"policy\\\""));
    /* A session says what it carried when it ends; of one without a log there is no word. */
    udp_at(&w, 4, LAN, dns);
    tcp_at(&w, 5, 1000, 80);
    replay_advance(w.r, 400000000000u);
    assert_log(&w, LINE("srcip=10.0.0.20 srcport=1000 srcintf=\\\"lan\\\" dstip=198.51.100.5 "
                        "dstport=80 dstintf=\\\"wan\\\" proto=6 action=\\\"accept\\\" policyid=3 "
                        "policytype=\\\"policy\\\" trandisp=\\\"snat\\\" transip=203.0.113.2 "
                        "transport=1000 duration=10 sentbyte=40 rcvdbyte=0 sentpkt=1 rcvdpkt=0"));
    world_free(&w);
}

/* So many a second and no more; how many more there were is said afterwards. */
static void test_log_rate(void **state)
{
    struct world w;
    unsigned lines = 0;
    (void)state;
    world_make(&w);
    for (uint16_t i = 0; i < 150; i++)
        tcp_at(&w, 1, (uint16_t)(1000 + i), 22);
    for (const char *p = w.log.p; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, 100);
    assert_int_equal(w.n_unwritten, 0);
    text_free(&w.log);
    w.log = (struct text){0};
    tcp_at(&w, 2, 1, 22);
    assert_non_null(strstr(w.log.p, "srcport=1 "));
    assert_int_equal(w.n_unwritten, 1);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),    cmocka_unit_test(test_ring),  cmocka_unit_test(test_slots),
        cmocka_unit_test(test_counts),   cmocka_unit_test(test_clear), cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_rate),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
