/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A phone that sends audio from a port it did not advertise: it is let out to where the other side
 * wants its media, under the policy of the call, and to nowhere else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat.h"

static const char relay[] = "198.51.100.77", phone[] = "10.0.0.20";
static const char wan_ip[] = "203.0.113.2", pool_ip[] = "203.0.113.100";

/* Only SIP may leave by itself. */
#define SIP_OUT(more)                                                                        \
    "config firewall policy\n"                                                               \
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\n"                \
    "set dstaddr \"all\"\nset action accept\nset schedule \"always\"\nset service \"SIP\"\n" \
    "set nat enable\n" more "next\nend\n"

struct call {
    const char *method; /* or the status line of a response */
    unsigned cseq;
    const char *ip; /* of the sender's media; NULL: no description */
    unsigned port;
};

static struct frame message(const struct call *c, bool from_phone, bool request)
{
    struct frame f;
    char sdp[200] = "", text[1400];
    int n = 0;
    if (c->ip)
        n = snprintf(sdp, sizeof sdp,
                     "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
                     "m=audio %u RTP/AVP 0\r\n",
                     c->ip, c->ip, c->port);
    const char *host = from_phone == request ? phone : server;
    if (from_phone != request && !from_phone)
        host = wan_ip;
    const char *method = request ? c->method : c->cseq == 9 ? "BYE" : "INVITE";
    char first[80];
    snprintf(first, sizeof first, request ? "%s sip:bob@198.51.100.5 SIP/2.0" : "SIP/2.0 %s",
             c->method);
    snprintf(text, sizeof text,
             "%s\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bK%u\r\n"
             "From: <sip:alice@example.net>;tag=1\r\nTo: <sip:bob@example.net>%s\r\n"
             "Call-ID: outlet\r\nCSeq: %u %s\r\nContact: <sip:x@%s:5060>\r\n"
             "Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
             first, host, c->cseq, request && c->cseq == 1 ? "" : ";tag=2", c->cseq, method,
             from_phone ? phone : server, n, sdp);
    struct ends out = {phone, 5060, server, 5060}, in = {server, 5060, wan_ip, 5060};
    frame_udp(&f, from_phone ? out : in, slice_str(text));
    return f;
}

static void phone_says(struct firewall *fw, struct call c)
{
    struct frame f = message(&c, true, true);
    firewall_passes(fw, LAN, &f, WAN);
}

static void server_says(struct firewall *fw, struct call c)
{
    struct frame f = message(&c, false, false);
    firewall_passes(fw, WAN, &f, LAN);
}

static void call_made(struct firewall *fw, const char *media_ip, unsigned media_port)
{
    phone_says(fw, (struct call){"INVITE", 1, phone, 6000});
    server_says(fw, (struct call){"200 OK", 1, media_ip, media_port});
    phone_says(fw, (struct call){"ACK", 1, NULL, 0});
}

static void leaves_as(struct firewall *fw, struct ends in, struct ends out)
{
    struct frame f = udp(in);
    frame_assert_ends(firewall_passes(fw, LAN, &f, WAN), out);
}

static void comes_as(struct firewall *fw, struct ends in, struct ends out)
{
    struct frame f = udp(in);
    frame_assert_ends(firewall_passes(fw, WAN, &f, LAN), out);
}

static void refused(struct firewall *fw, struct ends e)
{
    struct frame f = udp(e);
    firewall_drops(fw, LAN, &f, DROP_NO_POLICY);
}

static void test_asymmetric(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE SIP_OUT(""));
    phone_says(&fw, (struct call){"INVITE", 1, phone, 6000});
    refused(&fw, (struct ends){phone, 16000, relay, 7000}); /* not before the answer */
    server_says(&fw, (struct call){"200 OK", 1, relay, 7000});
    phone_says(&fw, (struct call){"ACK", 1, NULL, 0});

    leaves_as(&fw, (struct ends){phone, 16000, relay, 7000},
              (struct ends){wan_ip, 16000, relay, 7000});
    leaves_as(&fw, (struct ends){phone, 16001, relay, 7001},
              (struct ends){wan_ip, 16001, relay, 7001});
    /* The other side answers there, or where it was told to. */
    comes_as(&fw, (struct ends){relay, 7000, wan_ip, 16000},
             (struct ends){relay, 7000, phone, 16000});
    comes_as(&fw, (struct ends){relay, 7000, wan_ip, 6000},
             (struct ends){relay, 7000, phone, 6000});
    /* What was advertised goes out as it was. */
    leaves_as(&fw, (struct ends){phone, 6000, relay, 7000},
              (struct ends){wan_ip, 6000, relay, 7000});

    refused(&fw, (struct ends){phone, 16000, relay, 7002});
    refused(&fw, (struct ends){phone, 16000, server, 7000});
    refused(&fw, (struct ends){"10.0.0.21", 16000, relay, 7000});
    struct frame in = udp((struct ends){server, 7000, wan_ip, 16000});
    firewall_drops(&fw, WAN, &in, DROP_LOCAL_DENIED);
    firewall_free(&fw);
}

/* It ends with the call, and with the answer that moves the media. */
static void test_ends(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE SIP_OUT(""));
    call_made(&fw, relay, 7000);
    struct ends out = {phone, 16000, relay, 7000};
    leaves_as(&fw, out, (struct ends){wan_ip, 16000, relay, 7000});

    phone_says(&fw, (struct call){"INVITE", 2, phone, 6000});
    server_says(&fw, (struct call){"200 OK", 2, relay, 7010});
    phone_says(&fw, (struct call){"ACK", 2, NULL, 0});
    refused(&fw, (struct ends){phone, 17000, relay, 7000});
    leaves_as(&fw, (struct ends){phone, 17000, relay, 7010},
              (struct ends){wan_ip, 17000, relay, 7010});

    phone_says(&fw, (struct call){"BYE", 9, NULL, 0});
    server_says(&fw, (struct call){"200 OK", 9, NULL, 0});
    replay_advance(fw.r, replay_now_ns(fw.r) + 60 * SECOND);
    refused(&fw, (struct ends){phone, 17000, relay, 7010});
    refused(&fw, out);
    replay_advance(fw.r, replay_now_ns(fw.r) + 300 * SECOND);
    assert_int_equal(firewall_sessions(&fw), 0);
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_free(&fw);
}

/* What the other side names may be anything: no way into another network, nor to small ports. */
static void test_hostile_answers(void **state)
{
    static const struct {
        const char *ip;
        unsigned port;
    } row[] = {{"10.1.0.5", 7000}, {"10.0.0.9", 7000}, {relay, 53}, {relay, 1023}};
    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct firewall fw;
        firewall_make(&fw, BASE SIP_OUT(""));
        call_made(&fw, row[i].ip, row[i].port);
        refused(&fw, (struct ends){phone, 16000, row[i].ip, (uint16_t)row[i].port});
        firewall_free(&fw);
    }
}

/* A session that left by an outlet is judged by the policy of its call after a change, too. */
static void test_recheck(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE SIP_OUT(""));
    call_made(&fw, relay, 7000);
    struct ends out = {phone, 16000, relay, 7000};
    leaves_as(&fw, out, (struct ends){wan_ip, 16000, relay, 7000});
    uint32_t sessions = firewall_sessions(&fw);
    COMMANDS(&fw, "config firewall policy", "edit 9", "set srcintf \"lan\"", "set dstintf \"dmz\"",
             "set srcaddr \"all\"", "set dstaddr \"all\"", "set action accept",
             "set schedule \"always\"", "set service \"ALL\"", "end");
    leaves_as(&fw, out, (struct ends){wan_ip, 16000, relay, 7000});
    comes_as(&fw, (struct ends){relay, 7000, wan_ip, 16000},
             (struct ends){relay, 7000, phone, 16000});
    assert_int_equal(firewall_sessions(&fw), sessions);
    COMMANDS(&fw, "config firewall policy", "edit 1", "set action deny", "end");
    struct frame f = udp(out);
    firewall_drops(&fw, LAN, &f, DROP_POLICY_DENY);
    firewall_free(&fw);
}

/* The public port of such a flow is of the host's block, and goes back to it. */
static void test_port_blocks(void **state)
{
    struct firewall fw;
    struct pool_stat stat;
    const uint16_t first_port = 5117; /* of the only block taken */
    (void)state;
    firewall_make(&fw, BASE POOLS(POOL("pool", "203.0.113.100", "203.0.113.100",
                                       "set type port-block-allocation\nset block-size 64\n"
                                       "set num-blocks-per-user 1\n"))
                           SIP_OUT("set ippool enable\nset poolname \"pool\"\n"));
    struct frame f = message(&(struct call){"INVITE", 1, phone, 6000}, true, true);
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    uint16_t port = (uint16_t)(there->b[FRAME_L4] << 8 | there->b[FRAME_L4 + 1]);
    f = message(&(struct call){"200 OK", 1, relay, 7000}, false, false);
    struct slice text = frame_udp_payload(frame_slice(&f));
    frame_udp(&f, (struct ends){server, 5060, pool_ip, port}, text);
    firewall_passes(&fw, WAN, &f, LAN);
    f = udp((struct ends){phone, 16000, relay, 7000});
    there = firewall_passes(&fw, LAN, &f, WAN);
    assert_memory_equal(there->b + FRAME_IP + 12, &(be32){frame_address(pool_ip)}, 4);
    uint16_t rtp = (uint16_t)(there->b[FRAME_L4] << 8 | there->b[FRAME_L4 + 1]);
    assert_in_range(rtp, first_port, first_port + 63);
    assert_in_range(port, first_port, first_port + 63);
    pool_stat(pools_at(fw.dp->pools, 1), &stat);
    assert_int_equal(stat.udp, 2);
    pool_stat(pools_at(fw.dp->pools, 1), &stat);
    assert_int_equal(stat.places_in_use, 1);
    replay_advance(fw.r, replay_now_ns(fw.r) + 4000 * SECOND);
    pool_stat(pools_at(fw.dp->pools, 1), &stat);
    assert_int_equal(stat.places_in_use, 0);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asymmetric),      cmocka_unit_test(test_ends),
        cmocka_unit_test(test_hostile_answers), cmocka_unit_test(test_recheck),
        cmocka_unit_test(test_port_blocks),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
