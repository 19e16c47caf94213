/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that are more than one pair of ports: rtcp-mux, port counts, TCP, ICE, streams that end
 * and come again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"
#include "sessions/outlet.h"

#define MUX "a=rtcp-mux\r\n"

static char sdp[2][1024];

/* A description of `ip` with these media lines; two may be in use at a time. */
static const char *of(const char *ip, const char *media)
{
    static int which;
    which = !which;
    snprintf(sdp[which], sizeof(sdp[0]),
             "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n%s", ip, ip, media);
    return sdp[which];
}

static const char *mine(const char *media)
{
    return of(INSIDE, media);
}

static const char *yours(const char *media)
{
    return of("198.51.100.77", media);
}

static bool has(struct fixture *f, uint16_t port)
{
    rig_reap(&f->r);
    return rig_mapping(&f->r, INSIDE, port) != NULL;
}

static struct mapping *tcp_mapping(struct fixture *f, uint16_t port)
{
    rig_reap(&f->r);
    uint32_t index = mapping_find_source(&f->r.mappings, 6, 1, rig_endpoint(INSIDE, port), 2);
    return index == INDEX_NONE ? NULL : mapping_at(&f->r.mappings, index);
}

/* Offer and answer, and the ACK. */
static void exchange(struct fixture *f, unsigned cseq, bool outward, const char *offer,
                     const char *answer)
{
    struct say invite = cseq == 1 ? first_say(offer) : say("INVITE", cseq, offer);
    assert_int_not_equal(request(f, outward, invite), ALG_DROP);
    assert_int_not_equal(respond(f, !outward, 200, say("INVITE", cseq, answer)), ALG_DROP);
    request(f, outward, say("ACK", cseq, NULL));
}

#define AUDIO(port) "m=audio " #port " RTP/AVP 0\r\n"

/* RTCP's pinhole stays until both have said that they do without. */
static void test_mux(void **state)
{
    static const struct {
        const char *offer, *answer;
        bool rtcp_during, rtcp_after;
    } rows[] = {
        {AUDIO(6000), AUDIO(7000), true, true},
        {AUDIO(6000) MUX, AUDIO(7000), true, true},
        {AUDIO(6000), AUDIO(7000) MUX, true, true},
        {AUDIO(6000) MUX, AUDIO(7000) MUX, true, false},
        {AUDIO(6000) "a=rtcp-mux-only\r\n", AUDIO(7000) MUX, false, false},
        {AUDIO(6000) "a=rtcp:6000\r\n" MUX, AUDIO(7000) MUX, false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        set_up(&f);
        request(&f, true, first_say(mine(rows[i].offer)));
        assert_int_equal(has(&f, 6001), rows[i].rtcp_during);
        respond(&f, false, 180, say("INVITE", 1, NULL));
        respond(&f, false, 183, say("INVITE", 1, yours(rows[i].answer)));
        assert_int_equal(has(&f, 6001), rows[i].rtcp_during);
        respond(&f, false, 200, say("INVITE", 1, yours(rows[i].answer)));
        request(&f, true, say("ACK", 1, NULL));
        assert_true(has(&f, 6000));
        assert_int_equal(has(&f, 6001), rows[i].rtcp_after);
        tear_down(&f);
        /* Called from outside. */
        set_up(&f);
        exchange(&f, 1, false, yours(rows[i].answer), mine(rows[i].offer));
        assert_true(has(&f, 6000));
        assert_int_equal(has(&f, 6001), rows[i].rtcp_after);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* The same message gets the same bytes after RTCP's mapping is gone; and RTCP may come back. */
static void test_mux_again(void **state)
{
    static const char media[] = "m=audio 6000 RTP/AVP 0\r\na=rtcp:6001\r\n" MUX;
    struct fixture f;
    char first[RIG_ROOM];
    (void)state;
    set_up(&f);
    f.r.profile.nat_port_first = 20000;
    f.r.profile.nat_port_last = 20401;
    request(&f, true, first_say(mine(media)));
    memcpy(first, f.r.out, f.r.out_n + 1);
    assert_non_null(strstr(first, "a=rtcp:20"));
    respond(&f, false, 200, say("INVITE", 1, yours(AUDIO(7000) MUX)));
    request(&f, true, first_say(mine(media)));
    assert_string_equal(f.r.out, first);
    request(&f, true, say("ACK", 1, NULL));
    assert_false(has(&f, 6001));
    struct endpoint rtp = mapping_public(rig_mapping(&f.r, INSIDE, 6000));

    exchange(&f, 2, true, mine(media), yours(AUDIO(7000) MUX));
    assert_false(has(&f, 6001));
    assert_true(endpoint_eq(mapping_public(rig_mapping(&f.r, INSIDE, 6000)), rtp));

    exchange(&f, 3, true, mine("m=audio 6000 RTP/AVP 0\r\na=rtcp:6001\r\n"), yours(AUDIO(7000)));
    assert_true(has(&f, 6000) && has(&f, 6001));
    assert_true(endpoint_eq(mapping_public(rig_mapping(&f.r, INSIDE, 6000)), rtp));
    assert_int_equal(be16_host(mapping_public(rig_mapping(&f.r, INSIDE, 6001)).port),
                     be16_host(rtp.port) + 1);
    assert_nothing_left(&f);
    tear_down(&f);
}

static uint16_t number_behind(const struct fixture *f, const char *word)
{
    const char *at = strstr(f->r.out, word);
    assert_non_null(at);
    return (uint16_t)strtoul(at + strlen(word), NULL, 10);
}

/* Two pairs by one m= line: their public ports follow each other, too. */
static void test_port_counts(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 40; seed++) {
        struct fixture f;
        set_up(&f);
        f.r.thread.rng.state = seed;
        f.r.profile.nat_port_first = 20001;
        f.r.profile.nat_port_last = 20016;
        struct handle h;
        struct mapping_want want = {.proto = 17,
                                    .zone = 1,
                                    .inside = rig_endpoint("10.0.0.9", 20008),
                                    .outside_ifindex = 2,
                                    .kind = MAPPING_RTP,
                                    .owned = true,
                                    .nat = {.ip = f.r.public_ip, .first = 20008, .last = 20008}};
        assert_int_equal(mapping_open(&f.r.mappings, &f.r.thread, &want, &h), 0);
        assert_int_equal(request(&f, true, first_say(mine("m=audio 6000/3 RTP/AVP 0\r\n"))),
                         ALG_REPLACE);
        uint16_t base = number_behind(&f, "m=audio ");
        assert_non_null(strstr(f.r.out, "/3 RTP/AVP"));
        for (uint16_t k = 0; k < 6; k++) {
            const struct mapping *m = rig_mapping(&f.r, INSIDE, (uint16_t)(6000 + k));
            assert_non_null(m);
            assert_int_equal(be16_host(mapping_public(m).port), base + k);
        }
        respond(&f, false, 200, say("INVITE", 1, yours("m=audio 7000/3 RTP/AVP 0\r\n")));
        request(&f, true, say("ACK", 1, NULL));
        for (uint16_t k = 0; k < 6; k++)
            assert_true(has(&f, (uint16_t)(6000 + k)));
        mapping_release(&f.r.mappings, &f.r.thread, h, false);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* No room for all pairs: none is opened. */
static void test_port_counts_refused(void **state)
{
    static const struct {
        const char *media;
        enum alg_reason reason;
    } rows[] = {
        {"m=audio 6000/4 RTP/AVP 0\r\n", ALG_REASON_SIP_NO_PORT},
        {"m=audio 6000/9 RTP/AVP 0\r\n", ALG_REASON_SIP_MEDIA_LIMIT},
        {"m=audio 6000/2 RTP/AVP 0\r\nm=audio 6100 RTP/AVP 0\r\nm=audio 6102 RTP/AVP 0\r\n",
         ALG_REASON_SIP_NO_PORT},
        {"m=audio 5058/2 RTP/AVP 0\r\n", ALG_REASON_SIP_NO_PORT},
        {"m=message 6000 TCP/MSRP *\r\nm=message 6001 TCP/MSRP *\r\nm=message 6002 TCP/MSRP *\r\n"
         "m=message 6003 TCP/MSRP *\r\nm=message 6004 TCP/MSRP *\r\nm=message 6005 TCP/MSRP *\r\n"
         "m=message 6006 TCP/MSRP *\r\n",
         ALG_REASON_SIP_NO_PORT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.nat_port_first = 20000;
        f.r.profile.nat_port_last = 20005;
        if (request(&f, true, first_say(mine(rows[i].media))) != ALG_DROP)
            fail_msg("%s\n%s", rows[i].media, f.r.out);
        assert_int_equal(f.r.reason, rows[i].reason);
        assert_int_equal(rig_reap(&f.r), 1);
        assert_int_equal(rig_records(&f.r), 0);
        tear_down(&f);
    }
}

/* A copy of an INVITE that is long answered, with more pairs than it had, opens nothing: neither
 * for its sender nor for whoever spoke before it. */
static void test_port_counts_again(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.nat_port_first = 20000;
    f.r.profile.nat_port_last = 20401;
    struct rig_phone phone = f.phone, third = rig_phone(&f.r, "10.0.0.9", 5060, 40009);
    struct say other = first_say(sdp_of("10.0.0.9", 7000,
                                        "m=audio 7002 RTP/AVP 0\r\nm=audio 7004 RTP/AVP 0\r\n"
                                        "m=audio 7006 RTP/AVP 0\r\n"));
    call_up(&f);
    exchange(&f, 2, true, mine(AUDIO(6000)), yours(AUDIO(7000)));
    f.phone = third;
    other.call = "other";
    request(&f, true, other);
    respond(&f, false, 486, other);
    rig_reap(&f.r);
    assert_null(rig_mapping(&f.r, "10.0.0.9", 7004));
    f.phone = phone;
    assert_int_equal(request(&f, true, first_say(mine("m=audio 6000/4 RTP/AVP 0\r\n"))),
                     ALG_REPLACE);
    assert_true(has(&f, 6000));
    for (uint16_t k = 2; k < 8; k++) {
        assert_null(rig_mapping(&f.r, INSIDE, (uint16_t)(6000 + k)));
        assert_null(rig_mapping(&f.r, "10.0.0.9", (uint16_t)(7000 + k)));
    }
    rig_wait(&f.r, 86400000);
    assert_int_equal(rig_reap(&f.r), 2);
    assert_int_equal(rig_records(&f.r), 0);
    tear_down(&f);
}

/* What is not RTP has no RTCP. */
static void test_fax(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    exchange(&f, 1, true, mine("m=image 6000 udptl t38\r\n"), yours("m=image 7000 udptl t38\r\n"));
    assert_true(has(&f, 6000));
    assert_false(has(&f, 6001));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A stream that had no RTCP gets some, beside its port; sent again, the offer is the same. */
static void test_rtcp_comes(void **state)
{
    static const struct {
        const char *before, *after;
        uint16_t rtcp;
    } rows[] = {
        {"m=image 6000 udptl t38\r\n", AUDIO(6000) "a=rtcp:6001\r\n", 6001},
        {"m=image 6000 udptl t38\r\n", AUDIO(6000) "a=rtcp:6007 IN IP4 " INSIDE "\r\n", 6007},
        {AUDIO(6000) "a=rtcp:6000\r\n" MUX, AUDIO(6000) "a=rtcp:6001\r\n", 6001},
        {AUDIO(6000) "a=rtcp-mux-only\r\n", AUDIO(6000) "a=rtcp:6007\r\n", 6007},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        char first[RIG_ROOM];
        set_up(&f);
        f.r.profile.nat_port_first = 20000;
        f.r.profile.nat_port_last = 20401;
        exchange(&f, 1, true, mine(rows[i].before), yours(rows[i].before));
        assert_false(has(&f, rows[i].rtcp));
        struct endpoint rtp = mapping_public(rig_mapping(&f.r, INSIDE, 6000));
        request(&f, true, say("INVITE", 2, mine(rows[i].after)));
        memcpy(first, f.r.out, f.r.out_n + 1);
        assert_true(has(&f, rows[i].rtcp));
        assert_int_equal(number_behind(&f, "m=audio "), be16_host(rtp.port));
        assert_int_equal(number_behind(&f, "a=rtcp:"), be16_host(rtp.port) + 1);
        assert_int_equal(be16_host(mapping_public(rig_mapping(&f.r, INSIDE, rows[i].rtcp)).port),
                         be16_host(rtp.port) + 1);
        request(&f, true, say("INVITE", 2, mine(rows[i].after)));
        assert_string_equal(f.r.out, first);
        respond(&f, false, 200, say("INVITE", 2, yours(AUDIO(7000))));
        request(&f, true, say("ACK", 2, NULL));
        assert_true(has(&f, 6000) && has(&f, rows[i].rtcp));
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* ... but not while it is on hold, which keeps what there is. */
static void test_rtcp_of_a_held_stream(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.nat_port_first = 20000;
    f.r.profile.nat_port_last = 20401;
    exchange(&f, 1, true, mine("m=image 6000 udptl t38\r\n"), yours("m=image 7000 udptl t38\r\n"));
    struct endpoint rtp = mapping_public(rig_mapping(&f.r, INSIDE, 6000));
    request(&f, true, say("INVITE", 2, of("0.0.0.0", AUDIO(6000) "a=rtcp:6001\r\n")));
    assert_int_equal(number_behind(&f, "m=audio "), be16_host(rtp.port));
    assert_int_equal(number_behind(&f, "a=rtcp:"), 6001);
    respond(&f, false, 200, say("INVITE", 2, yours(AUDIO(7000))));
    request(&f, true, say("ACK", 2, NULL));
    assert_true(has(&f, 6000));
    assert_false(has(&f, 6001));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A stream that was closed with port 0 comes again; the other one never notices. */
static void test_reopened(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    exchange(&f, 1, true, mine(AUDIO(6000) "m=video 6100 RTP/AVP 31\r\n"),
             yours(AUDIO(7000) "m=video 7100 RTP/AVP 31\r\n"));
    struct handle audio = handle_at(&f, 6000);
    assert_true(has(&f, 6100));
    exchange(&f, 2, true, mine(AUDIO(6000) "m=video 0 RTP/AVP 31\r\n"),
             yours(AUDIO(7000) "m=video 0 RTP/AVP 31\r\n"));
    assert_false(has(&f, 6100));
    exchange(&f, 3, true, mine(AUDIO(6000) "m=video 6200 RTP/AVP 31\r\n"),
             yours(AUDIO(7000) "m=video 7200 RTP/AVP 31\r\n"));
    assert_true(has(&f, 6200) && has(&f, 6201));
    struct handle now = handle_at(&f, 6000);
    assert_true(now.index == audio.index && now.epoch == audio.epoch);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Media over TCP come in from where the other side said, and from nobody else. */
static void test_tcp(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    exchange(&f, 1, true, mine("m=message 6000 TCP/MSRP *\r\na=setup:actpass\r\n"),
             yours("m=message 9 TCP/MSRP *\r\na=setup:active\r\n"));
    struct mapping *m = tcp_mapping(&f, 6000);
    assert_non_null(m);
    assert_false(has(&f, 6000)); /* of UDP */
    struct mappings *ms = &f.r.mappings;
    assert_true(mapping_admits(ms, m, rig_endpoint("198.51.100.77", 45000)));
    assert_true(mapping_admits(ms, m, f.r.outside));
    assert_false(mapping_admits(ms, m, rig_endpoint("198.51.100.78", 45000)));
    assert_nothing_left(&f);
    assert_null(tcp_mapping(&f, 6000));
    tear_down(&f);
}

static void test_tcp_active(void **state)
{
    static const char *const media[] = {
        "m=message 6000 TCP/MSRP *\r\na=setup:active\r\n",
        "m=message 6000 TCP/MSRP *\r\na=setup:holdconn\r\n",
        "m=message 9 TCP/MSRP *\r\n",
        "m=message 3389 TCP/MSRP *\r\na=setup:active\r\n",
        "m=message 445 TCP/MSRP *\r\na=setup:passive\r\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(media); i++) {
        struct fixture f;
        set_up(&f);
        request(&f, true, first_say(mine(media[i])));
        assert_int_equal(rig_reap(&f.r), 1);
        tear_down(&f);
    }
}

/* Candidates on ports of their own are opened, and called by their old names on the way back. */
static void test_ice(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.nat_port_first = 20000;
    f.r.profile.nat_port_last = 20401;
    request(&f, true,
            first_say(mine(AUDIO(6000) "a=candidate:1 1 UDP 3 10.0.0.1 6000 typ host\r\n"
                                       "a=candidate:1 2 UDP 2 10.0.0.1 6001 typ host\r\n"
                                       "a=candidate:2 1 UDP 1 10.0.0.1 6500 typ host\r\n"
                                       "a=candidate:2 1 UDP 1 10.0.0.1 80 typ host\r\n"
                                       "a=candidate:2 1 UDP 1 10.0.0.7 6500 typ host\r\n")));
    assert_true(has(&f, 6500));
    assert_null(rig_mapping(&f.r, INSIDE, 80));
    assert_null(rig_mapping(&f.r, "10.0.0.7", 6500));
    unsigned rtp = be16_host(mapping_public(rig_mapping(&f.r, INSIDE, 6000)).port);
    unsigned other = be16_host(mapping_public(rig_mapping(&f.r, INSIDE, 6500)).port);
    char line[200];
    snprintf(line, sizeof(line), "a=candidate:2 1 UDP 1 203.0.113.9 %u typ host\r\n", other);
    assert_non_null(strstr(f.r.out, line));
    respond(&f, false, 200, say("INVITE", 1, yours(AUDIO(7000))));
    request(&f, true, say("ACK", 1, NULL));

    snprintf(line, sizeof(line),
             AUDIO(7000) "a=remote-candidates:1 203.0.113.9 %u 2 203.0.113.9 %u 1 203.0.113.9 %u "
                         "1 203.0.113.9 9 1 192.0.2.1 5\r\n",
             rtp, rtp + 1, other);
    struct say theirs_now = say("INVITE", 2, yours(line));
    theirs_now.by_b = true;
    assert_int_equal(request(&f, false, theirs_now), ALG_REPLACE);
    assert_non_null(strstr(f.r.out, "a=remote-candidates:1 10.0.0.1 6000 2 10.0.0.1 6001 "
                                    "1 10.0.0.1 6500 1 203.0.113.9 9 1 192.0.2.1 5\r\n"));
    theirs_now.sdp = mine(AUDIO(6000));
    respond(&f, true, 200, theirs_now);
    theirs_now = say("ACK", 2, NULL);
    theirs_now.by_b = true;
    request(&f, false, theirs_now);
    assert_false(has(&f, 6500));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* A port that a flow of another kind uses is shown as it stands, and stays that flow's. */
static void test_cone(void **state)
{
    struct fixture f;
    struct handle h;
    (void)state;
    set_up(&f);
    struct mapping_want want = {.proto = 17,
                                .zone = 1,
                                .inside = rig_endpoint(INSIDE, 6000),
                                .outside_ifindex = 2,
                                .kind = MAPPING_CONE,
                                .owned = true,
                                .nat = {.ip = f.r.public_ip, .first = 31000, .last = 31000}};
    assert_int_equal(mapping_open(&f.r.mappings, &f.r.thread, &want, &h), 0);
    exchange(&f, 1, true, mine(AUDIO(6000)), yours(AUDIO(7000)));
    request(&f, true, first_say(mine(AUDIO(6000))));
    assert_int_equal(number_behind(&f, "m=audio "), 31000);
    assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 1);
    rig_wait(&f.r, 13 * 3600 * 1000ull);
    assert_true(has(&f, 6000));
    tear_down(&f);
}

static struct outlet_way way(const char *ip, uint16_t port)
{
    return (struct outlet_way){.inside = ip_addr_of4(rig_endpoint(INSIDE, 0).ip),
                               .remote = ip_addr_of4(rig_endpoint(ip, 0).ip),
                               .port = be16_of(port),
                               .zone = 1,
                               .outside_ifindex = 2};
}

/* Where the other side wants RTCP: beside RTP, where a=rtcp says, or where RTP is. */
static void test_rtcp_outlet(void **state)
{
    static const struct {
        const char *answer, *ip;
        uint16_t rtcp;
    } rows[] = {
        {AUDIO(7000), "198.51.100.77", 7001},
        {AUDIO(7000) "a=rtcp:7500\r\n", "198.51.100.77", 7500},
        {AUDIO(7000) "a=rtcp:7500 IN IP4 198.51.100.78\r\n", "198.51.100.78", 7500},
        {AUDIO(7000) "a=rtcp:53\r\n", NULL, 0},
        {AUDIO(7000) "a=rtcp-mux-only\r\n", NULL, 0},
        {"m=audio 7000 udptl t38\r\n", NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        set_up(&f);
        exchange(&f, 1, true, mine(AUDIO(6000)), yours(rows[i].answer));
        struct outlet_way rtp = way("198.51.100.77", 7000), rtcp = way("198.51.100.77", 7001);
        struct outlet_way small = way("198.51.100.77", 53);
        if (rows[i].ip)
            rtcp = way(rows[i].ip, rows[i].rtcp);
        assert_int_not_equal(outlet_find(&f.r.mappings, &rtp), INDEX_NONE);
        assert_int_equal(outlet_find(&f.r.mappings, &rtcp) != INDEX_NONE, rows[i].ip != NULL);
        assert_int_equal(outlet_find(&f.r.mappings, &small), INDEX_NONE);
        assert_nothing_left(&f);
        assert_int_equal(outlet_find(&f.r.mappings, &rtp), INDEX_NONE);
        tear_down(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mux),
        cmocka_unit_test(test_mux_again),
        cmocka_unit_test(test_rtcp_comes),
        cmocka_unit_test(test_rtcp_of_a_held_stream),
        cmocka_unit_test(test_port_counts),
        cmocka_unit_test(test_port_counts_refused),
        cmocka_unit_test(test_port_counts_again),
        cmocka_unit_test(test_fax),
        cmocka_unit_test(test_reopened),
        cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp_active),
        cmocka_unit_test(test_ice),
        cmocka_unit_test(test_cone),
        cmocka_unit_test(test_rtcp_outlet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
