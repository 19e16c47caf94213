/* SPDX-License-Identifier: BSD-3-Clause */
/* RTCP that comes, goes and moves while its call lives, and messages of such calls sent again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "calls.h"
#include "sessions/outlet.h"

#define MUX         "a=rtcp-mux\r\n"
#define AUDIO(port) "m=audio " #port " RTP/AVP 0\r\n"

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

/* The public port of an inside one, 0 without a mapping. */
static uint16_t public_of(struct fixture *f, uint16_t port)
{
    rig_reap(&f->r);
    const struct mapping *m = rig_mapping(&f->r, INSIDE, port);
    return m ? be16_host(mapping_public(m).port) : 0;
}

static uint16_t number_behind(const struct fixture *f, const char *word)
{
    const char *at = strstr(f->r.out, word);
    assert_non_null(at);
    return (uint16_t)strtoul(at + strlen(word), NULL, 10);
}

/* Requests of the side that a call with `outward` says; b is the one that did not begin. */
static struct say by(bool outward, const char *method, unsigned cseq, const char *text)
{
    struct say s = cseq == 1 && text ? first_say(text) : say(method, cseq, text);
    s.by_b = !outward;
    return s;
}

static void exchange(struct fixture *f, unsigned cseq, bool outward, const char *offer,
                     const char *answer)
{
    assert_int_not_equal(request(f, outward, by(outward, "INVITE", cseq, offer)), ALG_DROP);
    struct say s = by(outward, "INVITE", cseq, answer);
    s.b_tag = "b";
    assert_int_not_equal(respond(f, !outward, 200, s), ALG_DROP);
    request(f, outward, by(outward, "ACK", cseq, NULL));
}

/* A message sent again leaves as it did before. */
static void again(struct fixture *f, bool outward, unsigned status, struct say s)
{
    char first[RIG_ROOM + 1];
    memcpy(first, f->r.out, f->r.out_n + 1);
    enum alg_verdict verdict = status ? respond(f, outward, status, s) : request(f, outward, s);
    assert_int_not_equal(verdict, ALG_DROP);
    assert_string_equal(f->r.out, first);
}

static bool leads_out(struct fixture *f, uint16_t port)
{
    struct outlet_way way = {.inside = ip_addr_of4(rig_endpoint(INSIDE, 0).ip),
                             .remote = ip_addr_of4(rig_endpoint("198.51.100.77", 0).ip),
                             .port = be16_of(port),
                             .zone = 1,
                             .outside_ifindex = 2};
    return outlet_find(&f->r.mappings, &way) != INDEX_NONE;
}

static void ranged(struct fixture *f)
{
    set_up(f);
    f->r.profile.nat_port_first = 20000;
    f->r.profile.nat_port_last = 20401;
}

/* Both had agreed on one port. The phone offers it again: RTCP is there until the answer says so
 * once more. */
static void test_mux_withdrawn(void **state)
{
    static const char *const offers[] = {AUDIO(6000) MUX, AUDIO(6000) "a=rtcp:6001\r\n" MUX};
    static const struct {
        const char *answer;
        unsigned status;
        bool rtcp;
    } rows[] = {
        {AUDIO(7000), 200, true},
        {AUDIO(7000) MUX, 200, false},
        {NULL, 488, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows) * COUNT(offers); i++) {
        const char *offer = offers[i % COUNT(offers)];
        size_t row = i / COUNT(offers);
        struct fixture f;
        ranged(&f);
        exchange(&f, 1, true, mine(offer), yours(AUDIO(7000) MUX));
        uint16_t rtp = public_of(&f, 6000);
        assert_int_equal(public_of(&f, 6001), 0);
        request(&f, true, say("INVITE", 2, mine(offer)));
        assert_int_equal(public_of(&f, 6001), rtp + 1);
        assert_int_equal(number_behind(&f, "m=audio "), rtp);
        again(&f, true, 0, say("INVITE", 2, mine(offer)));
        respond(&f, false, rows[row].status,
                say("INVITE", 2, rows[row].answer ? yours(rows[row].answer) : NULL));
        request(&f, true, say("ACK", 2, NULL));
        assert_int_equal(public_of(&f, 6000), rtp);
        assert_int_equal(public_of(&f, 6001), rows[row].rtcp ? rtp + 1 : 0);
        assert_true(leads_out(&f, 7000) && leads_out(&f, 7001));
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* The other side offers it again, and the phone thinks better of it. */
static void test_mux_withdrawn_inside(void **state)
{
    (void)state;
    for (int mux = 0; mux < 2; mux++) {
        struct fixture f;
        const char *answer = mux ? AUDIO(6000) MUX : AUDIO(6000);
        ranged(&f);
        exchange(&f, 1, true, mine(AUDIO(6000) MUX), yours(AUDIO(7000) MUX));
        uint16_t rtp = public_of(&f, 6000);
        exchange(&f, 2, false, yours(AUDIO(7000) MUX), mine(answer));
        assert_int_equal(public_of(&f, 6000), rtp);
        assert_int_equal(public_of(&f, 6001), mux ? 0 : rtp + 1);
        assert_true(leads_out(&f, 7000) && leads_out(&f, 7001));
        struct say ok = by(false, "INVITE", 2, mine(answer));
        respond(&f, true, 200, ok);
        again(&f, true, 200, ok);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* An offer of one port that was refused, or is not answered yet, closes nothing. */
static void test_mux_refused(void **state)
{
    struct fixture f;
    (void)state;
    ranged(&f);
    exchange(&f, 1, true, mine(AUDIO(6000) MUX), yours(AUDIO(7000)));
    uint16_t rtp = public_of(&f, 6000);
    request(&f, false, by(false, "INVITE", 2, yours(AUDIO(7000) MUX)));
    assert_int_equal(public_of(&f, 6001), rtp + 1);
    respond(&f, true, 488, by(false, "INVITE", 2, NULL));
    assert_int_equal(public_of(&f, 6001), rtp + 1);
    exchange(&f, 3, true, mine(AUDIO(6000) MUX), yours(AUDIO(7000)));
    assert_int_equal(public_of(&f, 6001), rtp + 1);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Takes a public port away from everybody. */
static struct handle take(struct fixture *f, uint16_t port)
{
    struct handle h;
    struct mapping_want want = {.proto = 17,
                                .zone = 1,
                                .inside = rig_endpoint("10.0.0.9", port),
                                .outside_ifindex = 2,
                                .kind = MAPPING_RTP,
                                .owned = true,
                                .nat = {.ip = f->r.public_ip, .first = port, .last = port}};
    assert_int_equal(mapping_open(&f->r.mappings, &f->r.thread, &want, &h), 0);
    return h;
}

/* The port beside RTP's is somebody else's by now: the description says where RTCP is instead. */
static void test_rtcp_apart(void **state)
{
    static const char *const offers[] = {
        AUDIO(6000),
        AUDIO(6000) "a=sendrecv\r\n",
        AUDIO(6000) "a=rtcp:6001\r\n",
        AUDIO(6000) "a=rtcp:6001 IN IP4 " INSIDE "\r\na=sendrecv\r\n",
        AUDIO(6000) "a=sendrecv\r\nm=video 0 RTP/AVP 31\r\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(offers); i++) {
        char first[RIG_ROOM + 1];
        struct fixture f;
        ranged(&f);
        exchange(&f, 1, true, mine(AUDIO(6000) MUX), yours(AUDIO(7000) MUX));
        uint16_t rtp = public_of(&f, 6000);
        struct handle other = take(&f, (uint16_t)(rtp + 1));
        request(&f, true, say("INVITE", 2, mine(offers[i])));
        uint16_t rtcp = public_of(&f, 6001);
        assert_true(rtcp >= 20000 && rtcp <= 20401 && rtcp != rtp && rtcp != rtp + 1);
        assert_int_equal(number_behind(&f, "m=audio "), rtp);
        assert_int_equal(number_behind(&f, "\r\na=rtcp:"), rtcp);
        assert_null(strstr(strstr(f.r.out, "a=rtcp:") + 1, "a=rtcp:"));
        const char *body = strstr(f.r.out, "\r\n\r\n") + 4;
        assert_int_equal(number_behind(&f, "Content-Length: "), strlen(body));
        assert_string_equal(body + strlen(body) - 2, "\r\n");
        again(&f, true, 0, say("INVITE", 2, mine(offers[i])));
        memcpy(first, f.r.out, f.r.out_n + 1);
        respond(&f, false, 200, say("INVITE", 2, yours(AUDIO(7000))));
        request(&f, true, say("INVITE", 2, mine(offers[i])));
        assert_string_equal(f.r.out, first);
        request(&f, true, say("ACK", 2, NULL));
        assert_int_equal(public_of(&f, 6001), rtcp);
        mapping_release(&f.r.mappings, &f.r.thread, other, false);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* Lines that end with LF alone get another such one. */
static void test_rtcp_apart_lf(void **state)
{
    struct fixture f;
    char want[80];
    (void)state;
    ranged(&f);
    exchange(&f, 1, true, mine(AUDIO(6000) MUX), yours(AUDIO(7000) MUX));
    struct handle other = take(&f, (uint16_t)(public_of(&f, 6000) + 1));
    request(&f, true,
            say("INVITE", 2,
                "v=0\no=- 1 1 IN IP4 " INSIDE "\ns=-\nc=IN IP4 " INSIDE
                "\nt=0 0\nm=audio 6000 RTP/AVP 0\n"));
    snprintf(want, sizeof(want), "\nm=audio %u RTP/AVP 0\na=rtcp:%u\n", public_of(&f, 6000),
             public_of(&f, 6001));
    assert_non_null(strstr(f.r.out, want));
    mapping_release(&f.r.mappings, &f.r.thread, other, false);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* RTCP moves while RTP stays. The old port lives until the other side has agreed, and on when it
 * refuses. */
static void test_rtcp_moves(void **state)
{
    static const struct {
        const char *before, *after;
        uint16_t old, new;
    } rows[] = {
        {AUDIO(6000), AUDIO(6000) "a=rtcp:6051\r\n", 6001, 6051},
        {AUDIO(6000) "a=rtcp:6051\r\n", AUDIO(6000), 6051, 6001},
        {AUDIO(6000) "a=rtcp:6051\r\n", AUDIO(6000) "a=rtcp:6061 IN IP4 " INSIDE "\r\n", 6051,
         6061},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows) * 2; i++) {
        struct fixture f;
        size_t row = i / 2;
        bool refused = i % 2;
        ranged(&f);
        exchange(&f, 1, true, mine(rows[row].before), yours(AUDIO(7000)));
        uint16_t rtp = public_of(&f, 6000), old = public_of(&f, rows[row].old);
        assert_int_equal(old, rtp + 1);
        request(&f, true, say("INVITE", 2, mine(rows[row].after)));
        uint16_t new = public_of(&f, rows[row].new);
        assert_true(new != 0 && new != old);
        assert_int_equal(public_of(&f, rows[row].old), old);
        assert_int_equal(number_behind(&f, "m=audio "), rtp);
        assert_int_equal(number_behind(&f, "a=rtcp:"), new);
        again(&f, true, 0, say("INVITE", 2, mine(rows[row].after)));
        respond(&f, false, refused ? 488 : 200,
                say("INVITE", 2, refused ? NULL : yours(AUDIO(7000))));
        request(&f, true, say("ACK", 2, NULL));
        assert_int_equal(public_of(&f, 6000), rtp);
        assert_int_equal(public_of(&f, rows[row].old), refused ? old : 0);
        assert_int_equal(public_of(&f, rows[row].new), refused ? 0 : new);
        assert_true(leads_out(&f, 7000) && leads_out(&f, 7001));
        /* And back again. */
        exchange(&f, 3, true, mine(rows[row].before), yours(AUDIO(7000)));
        assert_int_equal(public_of(&f, 6000), rtp);
        assert_true(public_of(&f, rows[row].old) != 0);
        assert_int_equal(public_of(&f, rows[row].new), 0);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* A medium over TCP turns from waiting to connecting on its old port; said again it is the same. */
static void test_path_again(void **state)
{
    static const char *const setups[] = {"active", "passive", "actpass"};
    (void)state;
    for (size_t i = 0; i < COUNT(setups); i++) {
        char media[200];
        struct fixture f;
        ranged(&f);
        exchange(&f, 1, true,
                 mine("m=message 6000 TCP/MSRP *\r\na=setup:passive\r\n"
                      "a=path:msrp://" INSIDE ":6000/s;tcp\r\n"),
                 yours("m=message 7000 TCP/MSRP *\r\na=setup:active\r\n"));
        snprintf(media, sizeof(media),
                 "m=message 6000 TCP/MSRP *\r\na=setup:%s\r\n"
                 "a=path:msrp://" INSIDE ":6000/s;tcp\r\n",
                 setups[i]);
        request(&f, false,
                by(false, "INVITE", 2, yours("m=message 7000 TCP/MSRP *\r\na=setup:actpass\r\n")));
        respond(&f, true, 200, by(false, "INVITE", 2, mine(media)));
        uint16_t shown = number_behind(&f, "m=message ");
        assert_int_equal(number_behind(&f, "a=path:msrp://203.0.113.9:"), shown);
        again(&f, true, 200, by(false, "INVITE", 2, mine(media)));
        rig_reap(&f.r);
        again(&f, true, 200, by(false, "INVITE", 2, mine(media)));
        request(&f, false, by(false, "ACK", 2, NULL));
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* A request from outside, to the phone's public side. */
static enum alg_verdict call_in(struct fixture *f, const char *method, unsigned cseq)
{
    char text[1024];
    int n = snprintf(text, sizeof(text),
                     "%s sip:x@203.0.113.9:40000 SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP 198.51.100.44;branch=z9hG4bK%u\r\n"
                     "From: <sip:y@example.net>;tag=a\r\nTo: <sip:x@203.0.113.9:40000>\r\n"
                     "Call-ID: c1\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
                     method, cseq, cseq, method);
    return rig_send(&f->r, &f->phone, false, slice_of(text, (size_t)n));
}

/* The phone says how it writes itself only after it was called. The INVITE that comes again, and
 * its CANCEL, are for it what the first one was. */
static void test_invite_again(void **state)
{
    char first[RIG_ROOM + 1];
    struct fixture f;
    (void)state;
    set_up(&f);
    for (unsigned cseq = 1; cseq < 4; cseq += 2) {
        assert_int_equal(call_in(&f, "INVITE", cseq), ALG_REPLACE);
        memcpy(first, f.r.out, f.r.out_n + 1);
        assert_non_null(strstr(first, cseq == 1 ? "INVITE sip:x@10.0.0.1:5060 SIP"
                                                : "INVITE sip:x@10.0.0.1 SIP"));
        struct say ringing = by(false, "INVITE", cseq, NULL);
        ringing.more = CONTACT;
        respond(&f, true, 180, ringing);
        call_in(&f, "INVITE", cseq);
        assert_string_equal(f.r.out, first);
        rig_wait(&f.r, 500);
        call_in(&f, "INVITE", cseq);
        assert_string_equal(f.r.out, first);
        call_in(&f, "CANCEL", cseq);
        assert_memory_equal(f.r.out + 6, first + 6, strlen(" sip:x@10.0.0.1"));
        assert_int_equal(f.r.out[strlen("CANCEL sip:x@10.0.0.1")],
                         first[strlen("INVITE sip:x@10.0.0.1")]);
        respond(&f, true, 487, ringing);
        rig_wait(&f.r, 500);
    }
    assert_nothing_left(&f);
    tear_down(&f);
}

/* One pair becomes several, where the ports behind the first one are somebody else's by now: as
 * many as have room, and the line says so. The rest of the call goes on. */
static void test_more_pairs(void **state)
{
    static const struct {
        unsigned wanted, taken, got;
    } rows[] = {{2, 0, 2}, {2, 2, 1}, {2, 3, 1}, {3, 4, 2}, {8, 2, 1}, {8, 14, 7}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        struct handle other = HANDLE_NONE;
        char offer[64], line[80];
        unsigned wanted = rows[i].wanted, got = rows[i].got;
        ranged(&f);
        exchange(&f, 1, true, mine(AUDIO(6000)), yours(AUDIO(7000)));
        uint16_t rtp = public_of(&f, 6000);
        if (rows[i].taken)
            other = take(&f, (uint16_t)(rtp + rows[i].taken));
        snprintf(offer, sizeof(offer), "m=audio 6000/%u RTP/AVP 0\r\n", wanted);
        snprintf(line, sizeof(line), "m=audio %u/%u RTP/AVP 0\r\n", rtp, got);
        assert_int_equal(request(&f, true, say("INVITE", 2, mine(offer))), ALG_REPLACE);
        assert_non_null(strstr(f.r.out, line));
        if (rows[i].taken)
            mapping_release(&f.r.mappings, &f.r.thread, other, false);
        rig_reap(&f.r);
        again(&f, true, 0, say("INVITE", 2, mine(offer)));
        respond(&f, false, 200, say("INVITE", 2, yours(AUDIO(7000))));
        request(&f, true, say("ACK", 2, NULL));
        for (unsigned k = 0; k < 2 * wanted; k++)
            assert_int_equal(public_of(&f, (uint16_t)(6000 + k)), k < 2 * got ? rtp + k : 0);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* A candidate that there is no port for is left as it is. */
static void test_candidate_without_port(void **state)
{
    static const char line[] = "a=candidate:2 1 UDP 1 " INSIDE " 6500 typ host\r\n";
    char media[200];
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.nat_port_first = 20000;
    f.r.profile.nat_port_last = 20001;
    snprintf(media, sizeof(media), AUDIO(6000) "%s", line);
    assert_int_equal(request(&f, true, first_say(mine(media))), ALG_REPLACE);
    assert_int_equal(number_behind(&f, "m=audio "), 20000);
    assert_int_equal(public_of(&f, 6500), 0);
    assert_non_null(strstr(f.r.out, line));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* An answer that refuses a stream frees its ports with the exchange, those of all its pairs. */
static void test_refused_stream(void **state)
{
    static const char *const offers[] = {
        AUDIO(6000) "m=video 6100 RTP/AVP 31\r\n",
        AUDIO(6000) "m=video 6100/2 RTP/AVP 31\r\n",
        AUDIO(6000) "m=video 6100 RTP/AVP 31\r\na=rtcp:6103\r\n",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(offers); i++) {
        struct fixture f;
        ranged(&f);
        request(&f, true, first_say(mine(offers[i])));
        assert_true(public_of(&f, 6100) != 0);
        respond(&f, false, 183, say("INVITE", 1, yours(AUDIO(7000) "m=video 0 RTP/AVP 31\r\n")));
        assert_true(public_of(&f, 6100) != 0);
        respond(&f, false, 200, say("INVITE", 1, yours(AUDIO(7000) "m=video 0 RTP/AVP 31\r\n")));
        request(&f, true, say("ACK", 1, NULL));
        assert_true(public_of(&f, 6000) && public_of(&f, 6001));
        for (uint16_t k = 0; k < 4; k++)
            assert_int_equal(public_of(&f, (uint16_t)(6100 + k)), 0);
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

/* RTCP of another host is that host's: it keeps its address, and nothing is opened for it. */
static void test_rtcp_of_another(void **state)
{
    static const char line[] = "a=rtcp:6055 IN IP4 10.0.0.9\r\n";
    char media[100];
    struct fixture f;
    (void)state;
    ranged(&f);
    snprintf(media, sizeof(media), AUDIO(6000) "%s", line);
    exchange(&f, 1, true, mine(AUDIO(6000)), yours(AUDIO(7000)));
    uint16_t rtp = public_of(&f, 6000);
    request(&f, true, say("INVITE", 2, mine(media)));
    assert_non_null(strstr(f.r.out, line));
    assert_int_equal(number_behind(&f, "m=audio "), rtp);
    assert_null(rig_mapping(&f.r, "10.0.0.9", 6055));
    assert_int_equal(public_of(&f, 6055), 0);
    again(&f, true, 0, say("INVITE", 2, mine(media)));
    respond(&f, false, 200, say("INVITE", 2, yours(AUDIO(7000))));
    request(&f, true, say("ACK", 2, NULL));
    assert_int_equal(public_of(&f, 6000), rtp);
    assert_nothing_left(&f);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mux_withdrawn),  cmocka_unit_test(test_mux_withdrawn_inside),
        cmocka_unit_test(test_mux_refused),    cmocka_unit_test(test_rtcp_apart),
        cmocka_unit_test(test_rtcp_apart_lf),  cmocka_unit_test(test_rtcp_moves),
        cmocka_unit_test(test_path_again),     cmocka_unit_test(test_invite_again),
        cmocka_unit_test(test_more_pairs),     cmocka_unit_test(test_candidate_without_port),
        cmocka_unit_test(test_refused_stream), cmocka_unit_test(test_rtcp_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
