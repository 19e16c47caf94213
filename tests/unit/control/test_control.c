/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core with a real dataplane around it. */
#include "control/core.h"
#include "control_bench.h"
#include "eal.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <stdlib.h>
#include <unistd.h>

static const struct control_options at_once = {.virtual_neighbours = true};
static const struct control_options by_arp = {0};

static struct endpoint ep(uint32_t ip, uint16_t port)
{
    return (struct endpoint){be32_of(ip), be16_of(port)};
}

static struct endpoint of4(struct ip_port e)
{
    assert_true(ip_addr_is4(&e.ip));
    return (struct endpoint){e.ip.word[3], e.port};
}

#define PHONE   0x0a000014u
#define SERVER  0xc6336405u
#define GATEWAY 0xcb007101u

static void expect_balance(const struct bench *b)
{
    struct packet_counts n;
    uint64_t drops = 0;
    control_counts(b->control, &n);
    for (int i = 0; i < DROP_COUNT; i++)
        drops += n.drop[i];
    assert_int_equal(n.in + n.pieces,
                     n.out + drops + n.consumed + n.joined + control_held(b->control));
}

/* One that has told the wire its addresses. */
static struct bench *bench_by_arp(void)
{
    struct bench *b = bench_make(&by_arp);
    bench_run(b, 1000);
    assert_int_equal(b->n_out, 2);
    bench_clear(b);
    return b;
}

static uint32_t sessions_listed(struct bench *b, struct backend_session *last)
{
    uint32_t cursor = 0, n = 0;
    while (b->backend->session_next(b->backend->ctx, &cursor, last) == 1)
        n++;
    return n;
}

static uint64_t dropped(struct bench *b, const char *name)
{
    struct backend_counter counter;
    uint32_t cursor = 0;
    while (b->backend->drop_next(b->backend->ctx, &cursor, &counter) == 1)
        if (strcmp(counter.name, name) == 0)
            return counter.count;
    fail_msg("no counter %s", name);
    return 0;
}

static void hear_gateway(struct bench *b)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(b->dp->pool);
    struct rte_ether_hdr eth = {.ether_type = be16_of(RTE_ETHER_TYPE_ARP)};
    struct rte_arp_hdr arp = {.arp_hardware = be16_of(1),
                              .arp_protocol = be16_of(RTE_ETHER_TYPE_IPV4),
                              .arp_hlen = 6,
                              .arp_plen = 4,
                              .arp_opcode = be16_of(RTE_ARP_OP_REPLY),
                              .arp_data = {.arp_sha = {{2, 0, 0, 0, 0, 1}},
                                           .arp_sip = be32_of(GATEWAY),
                                           .arp_tip = be32_of(0xcb007102u)}};
    memcpy(rte_pktmbuf_append(m, sizeof eth), &eth, sizeof eth);
    memcpy(rte_pktmbuf_append(m, sizeof arp), &arp, sizeof arp);
    b->in_ifindex[b->n_in] = 2;
    b->in[b->n_in++] = m;
}

static void test_a_packet_finds_its_way(void **state)
{
    (void)state;
    struct bench *b = bench_by_arp();
    bench_udp(b, 1, ep(PHONE, 4000), ep(SERVER, 53));
    bench_run(b, 1000);
    assert_int_equal(b->n_out, 1); /* who has the gateway */
    assert_int_equal(b->out_ifindex[0], 2);
    const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(b->out[0], const struct rte_ether_hdr *);
    assert_int_equal(eth->ether_type, be16_of(RTE_ETHER_TYPE_ARP));
    assert_int_equal(control_held(b->control), 1);
    expect_balance(b);

    hear_gateway(b);
    bench_run(b, 1010);
    assert_int_equal(b->n_out, 2);
    assert_int_equal(b->out_ifindex[1], 2);
    eth = rte_pktmbuf_mtod(b->out[1], const struct rte_ether_hdr *);
    const struct rte_ipv4_hdr *ip = (const void *)(eth + 1);
    assert_int_equal(eth->dst_addr.addr_bytes[5], 1);
    assert_int_equal(ip->src_addr, be32_of(0xcb007102u));
    assert_int_equal(ip->dst_addr, be32_of(SERVER));
    assert_int_equal(control_held(b->control), 0);
    expect_balance(b);

    struct backend_neighbour n;
    uint32_t cursor = 0;
    assert_int_equal(b->backend->neighbour_next(b->backend->ctx, &cursor, &n), 1);
    assert_int_equal(n.ip.word[3], be32_of(GATEWAY));
    assert_true(ip_addr_is4(&n.ip));
    assert_int_equal(n.state, NEIGHBOUR_REACHABLE);
    assert_string_equal(n.interface, "wan");
    assert_int_equal(b->backend->neighbour_next(b->backend->ctx, &cursor, &n), 0);
    bench_free(b);
}

static void test_drops_of_control_are_counted(void **state)
{
    (void)state;
    struct bench *b = bench_by_arp();
    for (uint16_t i = 0; i < 6; i++)
        bench_udp(b, 1, ep(PHONE, 4000), ep(SERVER, (uint16_t)(1000 + i)));
    bench_run(b, 1000);
    assert_int_equal(dropped(b, "neighbour-queue"), 2);
    expect_balance(b);
    for (uint64_t now_ms = 1100; now_ms <= 4000; now_ms += 100)
        bench_run(b, now_ms);
    assert_int_equal(dropped(b, "neighbour-failed"), 4);
    assert_int_equal(control_held(b->control), 0);
    expect_balance(b);
    bench_free(b);
}

/* In every order of turns; ARP of both directions waits on the same rings. */
static void test_balance_between_any_two_rounds(void **state)
{
    (void)state;
    struct bench *b = bench_make(&by_arp);
    struct worker *w = b->dp->workers[0];
    uint32_t rng = 1;
    for (uint64_t now_ms = 1000; now_ms < 60000; now_ms += 37) {
        rng = rng * 1664525 + 1013904223;
        for (unsigned i = 0; i < (rng >> 20) % 4; i++)
            bench_udp(b, 1, ep(PHONE + i, 4000), ep(SERVER + (rng >> 24) % 8, 53));
        if ((rng >> 10) % 8 == 0)
            hear_gateway(b);
        if ((rng >> 14) % 4 != 0)
            worker_run_once(w, now_ms);
        expect_balance(b);
        if ((rng >> 16) % 4 != 0)
            control_take_frames(b->control, now_ms);
        expect_balance(b);
        if ((rng >> 18) % 4 != 0)
            control_run_timers(b->control, now_ms);
        expect_balance(b);
        if (b->n_out > FRAMES / 2)
            bench_clear(b);
    }
    bench_run(b, 60000);
    bench_free(b);
}

static void flood(struct bench *b, uint64_t now_ms)
{
    for (int i = 0; i < 2000; i++) {
        bench_udp(b, 1, ep(PHONE, 4000), ep(SERVER, 53));
        worker_run_once(b->dp->workers[0], now_ms);
    }
}

static void test_flood_leaves_room_for_arp(void **state)
{
    (void)state;
    struct bench *b = bench_by_arp();
    struct backend_neighbour n;
    uint32_t cursor = 0;
    flood(b, 1000);
    assert_true(dropped(b, "control-ring-full") > 1000);
    hear_gateway(b);
    bench_run(b, 1000);
    assert_int_equal(b->backend->neighbour_next(b->backend->ctx, &cursor, &n), 1);
    assert_int_equal(n.state, NEIGHBOUR_REACHABLE);
    expect_balance(b);
    bench_free(b);
}

/* Once control has said so, the worker drops by itself; when a while has passed it asks again. */
static void test_packets_to_a_dead_next_hop(void **state)
{
    (void)state;
    struct bench *b = bench_by_arp();
    struct rte_ring *ring = b->dp->workers[0]->to_control;
    for (int i = 0; i < RESOLVER_HELD; i++)
        bench_udp(b, 1, ep(PHONE, 4000), ep(SERVER, 53));
    bench_run(b, 1000);
    flood(b, 1100);
    assert_int_equal(rte_ring_count(ring), 0);
    assert_int_equal(dropped(b, "neighbour-queue"), 2000);
    for (uint64_t now_ms = 1100; now_ms <= 4000; now_ms += 100)
        bench_run(b, now_ms);
    flood(b, 5000);
    assert_int_equal(rte_ring_count(ring), 0);
    assert_int_equal(dropped(b, "neighbour-failed"), 2000 + RESOLVER_HELD);
    expect_balance(b);

    bench_run(b, 7000);
    bench_udp(b, 1, ep(PHONE, 4000), ep(SERVER, 53));
    bench_run(b, 7000);
    assert_int_equal(control_held(b->control), 1);
    hear_gateway(b);
    bench_run(b, 7010);
    assert_int_equal(control_held(b->control), 0);
    expect_balance(b);
    bench_free(b);
}

static void test_session_row(void **state)
{
    (void)state;
    struct bench *b = bench_make(&at_once);
    struct backend_session s;
    bench_udp(b, 1, ep(PHONE, 4000), ep(SERVER, 53));
    bench_run(b, 2000);
    bench_run(b, 5500);
    assert_int_equal(sessions_listed(b, &s), 1);
    assert_int_equal(s.proto, IPPROTO_UDP);
    assert_int_equal(s.proto_state, 0);
    assert_int_equal(s.duration_s, 3);
    assert_int_equal(s.expire_s, 177);
    assert_int_equal(s.timer_s, 180);
    assert_string_equal(s.timer_source, "global");
    assert_int_equal(s.timeout_s, 0);
    assert_int_equal(s.policy_id, 1);
    assert_string_equal(s.in_if, "lan");
    assert_string_equal(s.out_if, "wan");
    assert_true(endpoint_eq(of4(s.src), ep(PHONE, 4000)));
    assert_true(endpoint_eq(of4(s.dst), ep(SERVER, 53)));
    assert_true(endpoint_eq(of4(s.reply_src), ep(SERVER, 53)));
    assert_int_equal(s.reply_dst.ip.word[3], be32_of(0xcb007102u));
    assert_true(s.snat && !s.dnat && !s.alg && !s.dirty);
    assert_int_equal(s.packets[0], 1);
    assert_int_equal(s.bytes[0], 48);

    bench_udp(b, 2, of4(s.reply_src), of4(s.reply_dst));
    bench_run(b, 6000);
    assert_int_equal(sessions_listed(b, &s), 1);
    assert_int_equal(s.proto_state, 1);
    assert_int_equal(s.expire_s, 180);
    bench_run(b, 185900);
    assert_int_equal(sessions_listed(b, &s), 1);
    assert_int_equal(s.expire_s, 1);
    bench_run(b, 186000);
    assert_int_equal(sessions_listed(b, &s), 0);
    expect_balance(b);
    bench_free(b);
}

static void test_clear_and_statistics(void **state)
{
    (void)state;
    struct bench *b = bench_make(&at_once);
    struct backend_session s;
    struct backend_session_stat stat;
    for (uint16_t i = 0; i < 10; i++)
        bench_udp(b, 1, ep(PHONE, (uint16_t)(4000 + i)), ep(SERVER, 53));
    bench_run(b, 2000);
    bench_run(b, 3000);
    b->backend->session_stat(b->backend->ctx, false, &stat);
    assert_int_equal(stat.sessions, 10);
    assert_int_equal(stat.capacity, 1024);
    assert_int_equal(stat.setup_rate, 10);
    assert_int_equal(stat.ephemeral, 10);
    assert_int_equal(sessions_listed(b, &s), 10);
    assert_int_equal(b->backend->session_clear(b->backend->ctx, s.index, s.epoch), 0);
    assert_int_equal(b->backend->session_clear(b->backend->ctx, s.index, s.epoch), -ESTALE);
    assert_int_equal(sessions_listed(b, &s), 9);
    b->backend->session_stat(b->backend->ctx, false, &stat);
    assert_int_equal(stat.sessions, 9);
    assert_int_equal(stat.flushed, 1);
    bench_free(b);
}

/* ---- calls, which the ALG tells of by mail ---- */

#define CALLS 20

static void invite(struct bench *b, unsigned call)
{
    const struct endpoint ends[2] = {ep(PHONE, 5060), ep(SERVER, 5060)};
    struct text t = {0};
    text_printf(&t,
                "INVITE sip:service@198.51.100.5 SIP/2.0\r\n"
                "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bK%u\r\n"
                "Max-Forwards: 70\r\n"
                "From: <sip:a@10.0.0.20>;tag=%u\r\n"
                "To: <sip:service@198.51.100.5>\r\n"
                "Call-ID: call-%u\r\n"
                "CSeq: 1 INVITE\r\n"
                "Contact: <sip:a@10.0.0.20:5060>\r\n"
                "Content-Length: 0\r\n\r\n",
                call, call, call);
    bench_payload(b, 1, ends, text_slice(&t));
    text_free(&t);
}

/* One listing, read while others may be. */
struct listing {
    uint32_t cursor;
    bool end, seen[CALLS];
    unsigned n;
    uint64_t id; /* of the last one */
};

static void listing_step(struct bench *b, struct listing *l)
{
    struct backend_sip_call call;
    int result = b->backend->sip_call_next(b->backend->ctx, &l->cursor, &call);
    l->end = result == 0;
    if (result != 1)
        return;
    assert_int_equal(strncmp(call.call_id, "call-", 5), 0);
    unsigned number = (unsigned)strtoul(call.call_id + 5, NULL, 10);
    assert_true(number < CALLS && !l->seen[number]);
    assert_false(call.registration);
    assert_string_equal(call.method, "INVITE");
    l->seen[number] = true;
    l->id = call.id;
    l->n++;
}

static void expect_calls(struct bench *b, unsigned n, uint64_t *id)
{
    struct listing l = {0};
    for (int i = 0; !l.end; i++) {
        assert_true(i < 1000);
        listing_step(b, &l);
        bench_run(b, b->now_ms);
    }
    assert_int_equal(l.n, n);
    *id = l.id;
}

static void test_calls_are_listed_and_cleared_by_mail(void **state)
{
    (void)state;
    struct bench *b = bench_make(&at_once);
    struct listing one = {0}, two = {0};
    struct backend_sip_stat stat;
    uint64_t id;
    for (unsigned i = 0; i < CALLS; i++)
        invite(b, i);
    bench_run(b, 2000);
    b->backend->sip_stat(b->backend->ctx, &stat);
    assert_int_equal(stat.calls_attempted, CALLS);
    assert_int_equal(stat.active_sessions, 1);

    for (int i = 0; !one.end || !two.end; i++) {
        assert_true(i < 10000);
        if (!one.end)
            listing_step(b, &one);
        if (i % 3 == 0)
            alg_core_run_once(b->alg, b->now_ms);
        if (!two.end)
            listing_step(b, &two);
        bench_run(b, ++b->now_ms);
    }
    assert_int_equal(one.n, CALLS);
    assert_int_equal(two.n, CALLS);

    assert_int_equal(b->backend->sip_call_clear(b->backend->ctx, one.id), 0);
    expect_calls(b, CALLS - 1, &id);
    for (unsigned left = CALLS - 1; left > 0; left--) {
        assert_int_equal(b->backend->sip_call_clear(b->backend->ctx, id), 0);
        expect_calls(b, left - 1, &id);
    }
    b->backend->sip_stat_clear(b->backend->ctx);
    bench_run(b, b->now_ms);
    b->backend->sip_stat(b->backend->ctx, &stat);
    assert_int_equal(stat.calls_attempted, 0);
    bench_free(b);
}

static void test_mapping_rows(void **state)
{
    (void)state;
    struct bench *b = bench_make(&at_once);
    struct backend_mapping m;
    uint32_t cursor = 0;
    invite(b, 0);
    bench_run(b, 2000);
    assert_int_equal(b->backend->mapping_next(b->backend->ctx, &cursor, &m), 1);
    assert_string_equal(m.kind, "signalling");
    assert_true(ip_port_eq(m.inside, ip_port_of4(ep(PHONE, 5060))));
    assert_true(ip_port_eq(m.public_side, ip_port_of4(ep(0xcb007102u, 5060))));
    assert_int_equal(m.sessions, 1);
    assert_int_equal(b->backend->mapping_next(b->backend->ctx, &cursor, &m), 0);
    bench_free(b);
}

/* ---- commits ---- */

static int commit(struct bench *b, const char *more, struct text *error)
{
    struct text config = {0};
    text_printf(&config, "%s%s", bench_config, more);
    struct config_tree *tree = bench_tree(config.p);
    int result = b->backend->commit(b->backend->ctx, tree, error);
    tree_free(tree);
    text_free(&config);
    return result;
}

static void test_commit_holds_for_new_sessions(void **state)
{
    (void)state;
    struct bench *b = bench_make(&at_once);
    struct text error = {0};
    struct backend_session s;
    bench_udp(b, 1, ep(PHONE, 4000), ep(SERVER, 53));
    bench_run(b, 2000);
    assert_int_equal(commit(b, "config system global\nset udp-idle-timer 500\nend\n", &error), 0);
    bench_udp(b, 1, ep(PHONE, 4001), ep(SERVER, 53));
    bench_run(b, 2000);
    assert_int_equal(sessions_listed(b, &s), 2);
    bench_run(b, 182000);
    assert_int_equal(sessions_listed(b, &s), 1);
    assert_int_equal(s.timer_s, 500);
    text_free(&error);
    bench_free(b);
}

static void test_interfaces_keep_their_numbers(void **state)
{
    (void)state;
    struct bench *b = bench_make(&at_once);
    struct text error = {0};
    const struct snapshot *before = b->dp->snapshot;
    assert_int_equal(
        commit(b, "config system interface\nedit lan\nset device net_null0\nend\n", &error),
        -EBUSY);
    assert_non_null(strstr(error.p, "system interface \"lan\""));
    assert_ptr_equal(b->dp->snapshot, before);
    text_clear(&error);
    /* A new one behind them is kept for the next start, and may go again. */
    assert_int_equal(
        commit(b, "config system interface\nedit dmz\nset ip 10.1.0.1/24\nend\n", &error), 0);
    assert_int_equal(b->dp->snapshot->n_interfaces, 3);
    assert_int_equal(commit(b, "", &error), 0);
    assert_int_equal(b->dp->snapshot->n_interfaces, 2);
    text_free(&error);
    bench_free(b);
}

static void test_old_snapshots_wait_for_their_readers(void **state)
{
    (void)state;
    struct bench *b = bench_make(&at_once);
    struct text error = {0};
    int done = 0;
    while (commit(b, "", &error) == 0)
        assert_true(++done < 100);
    assert_int_equal(done, PUBLISH_OLD);
    assert_non_null(strstr(error.p, "too many commits"));
    bench_run(b, 2000);
    assert_int_equal(b->control->publish.n_old, 0);
    text_clear(&error);
    assert_int_equal(commit(b, "", &error), 0);
    text_free(&error);
    bench_free(b);
}

static void test_commit_is_saved(void **state)
{
    (void)state;
    char path[] = "/tmp/control-XXXXXX", content[65536];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct control_options options = {.config_path = path, .virtual_neighbours = true};
    struct bench *b = bench_make(&options);
    struct text error = {0};
    assert_int_equal(commit(b, "config system global\nset udp-idle-timer 500\nend\n", &error), 0);
    bench_free(b); /* waits for the disk */
    fd = open(path, O_RDONLY);
    ssize_t n = read(fd, content, sizeof content - 1);
    assert_true(n > 0);
    content[n] = '\0';
    close(fd);
    assert_int_equal(strncmp(content, "#config-version=", 16), 0);
    assert_non_null(strstr(content, "    set udp-idle-timer 500\n"));
    struct config_tree *again = bench_tree(content);
    tree_free(again);
    unlink(path);
    text_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_packet_finds_its_way),
        cmocka_unit_test(test_drops_of_control_are_counted),
        cmocka_unit_test(test_balance_between_any_two_rounds),
        cmocka_unit_test(test_flood_leaves_room_for_arp),
        cmocka_unit_test(test_packets_to_a_dead_next_hop),
        cmocka_unit_test(test_session_row),
        cmocka_unit_test(test_clear_and_statistics),
        cmocka_unit_test(test_calls_are_listed_and_cleared_by_mail),
        cmocka_unit_test(test_mapping_rows),
        cmocka_unit_test(test_commit_holds_for_new_sessions),
        cmocka_unit_test(test_interfaces_keep_their_numbers),
        cmocka_unit_test(test_old_snapshots_wait_for_their_readers),
        cmocka_unit_test(test_commit_is_saved),
    };
    eal_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
