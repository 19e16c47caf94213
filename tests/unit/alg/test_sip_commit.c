/* SPDX-License-Identifier: BSD-3-Clause */
/* Refusals leave nothing behind: full tables, no port, no room for the message; hostile input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "base/rng.h"
#include "rig.h"

static char text[8192];

static const char *invite(const char *call, const char *media)
{
    char sdp[4096];
    snprintf(sdp, sizeof(sdp),
             "v=0\r\no=a 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n%s", media);
    snprintf(text, sizeof(text),
             "INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK7\r\n"
             "From: <sip:z@10.0.0.1>;tag=z\r\nTo: <sip:a@example.net>\r\nCall-ID: %s\r\n"
             "CSeq: 1 INVITE\r\nContact: <sip:z@10.0.0.1:5070>\r\nContent-Type: application/sdp\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             call, strlen(sdp), sdp);
    return text;
}

#define AUDIO "m=audio 6000 RTP/AVP 0\r\n"
#define VIDEO "m=video 6002 RTP/AVP 31\r\n"

static void assert_untouched(struct rig *r, unsigned mappings)
{
    assert_int_equal(rig_reap(r), mappings);
    assert_int_equal(rig_records(r), 0);
    assert_int_equal(rig_stats(r).calls_attempted, 0);
    assert_int_equal(rig_stats(r).calls_active, 0);
    assert_int_equal(rig_events(r, "dialog-started"), 0);
    assert_int_equal(alg_next_deadline_ms(r->alg), UINT64_MAX);
}

/* However many mappings the table still takes, a message gets all it needs or nothing. */
static void test_mappings_full(void **state)
{
    (void)state;
    for (uint32_t room = 0; room <= 5; room++) {
        struct rig r;
        rig_init(&r, 1 + room, 8);
        struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
        rig_out(&r, &phone, invite("x", AUDIO VIDEO));
        if (room < 5) {
            assert_int_equal(r.verdict, ALG_DROP);
            assert_int_equal(r.reason, ALG_REASON_SIP_NO_MAPPING);
            assert_untouched(&r, 1);
            assert_int_equal(rig_stats(&r).method[5].blocked[0], 0);
        } else {
            assert_int_equal(r.verdict, ALG_REPLACE);
            assert_int_equal(rig_reap(&r), 6);
        }
        rig_free(&r);
    }
}

static void test_no_port(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 8);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    struct rig_phone other = rig_phone(&r, "10.0.0.2", 5060, 40001);
    /* One pair, and the other host's media have taken it. */
    r.profile.nat_port_first = 6000;
    r.profile.nat_port_last = 6001;
    rig_send(&r, &other, true,
             slice_str("INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK7\r\n"
                       "From: <sip:z@x>;tag=z\r\nTo: <sip:a@x>\r\nCall-ID: o\r\nCSeq: 1 INVITE\r\n"
                       "Content-Type: application/sdp\r\n\r\nv=0\r\no=a 1 1 IN IP4 10.0.0.2\r\n"
                       "s=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"));
    assert_int_equal(r.verdict, ALG_REPLACE);
    rig_events_forget(&r);
    rig_out(&r, &phone, invite("x", AUDIO));
    assert_int_equal(r.verdict, ALG_DROP);
    assert_int_equal(r.reason, ALG_REASON_SIP_NO_PORT);
    assert_int_equal(rig_reap(&r), 4);
    assert_int_equal(rig_records(&r), 1);
    rig_free(&r);
}

static void test_no_dialog(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 1);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    rig_out(&r, &phone, invite("x", AUDIO));
    assert_int_equal(r.verdict, ALG_REPLACE);
    rig_out(&r, &phone, invite("y", VIDEO));
    assert_int_equal(r.verdict, ALG_DROP);
    assert_int_equal(r.reason, ALG_REASON_SIP_NO_DIALOG);
    assert_null(rig_mapping(&r, "10.0.0.1", 6002));
    rig_wait(&r, 300000);
    rig_out(&r, &phone, invite("y", VIDEO));
    assert_int_equal(r.verdict, ALG_REPLACE);
    rig_free(&r);
}

static void test_no_room(void **state)
{
    struct rig r;
    char small[64];
    size_t n;
    enum alg_reason reason;
    (void)state;
    rig_init(&r, 64, 8);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    struct alg_packet packet = {
        .payload = slice_str(invite("x", AUDIO)),
        .now_ms = r.now_ms,
        .proto = 17,
        .outward = true,
        .inside = ip_port_of4(phone.inside),
        .public_side = ip_port_of4(phone.public_side),
        .outside = ip_port_of4(r.outside),
        .inside_zone = 1,
        .profile = &r.profile,
    };
    assert_int_equal(alg_input(r.alg, &packet, small, sizeof(small), &n, &reason), ALG_DROP);
    assert_int_equal(reason, ALG_REASON_SIP_TOO_LARGE);
    assert_untouched(&r, 1);
    rig_free(&r);
}

static void test_many_streams(void **state)
{
    struct rig r;
    char media[3000];
    size_t n = 0;
    (void)state;
    for (unsigned i = 0; i < 32; i++)
        n += (size_t)snprintf(media + n, sizeof(media) - n, "m=audio %u RTP/AVP 0\r\n",
                              6000 + 2 * i);
    rig_init(&r, 256, 8);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    rig_out(&r, &phone, invite("x", media));
    assert_int_equal(r.verdict, ALG_REPLACE);
    assert_int_equal(rig_reap(&r), 1 + 1 + 64);
    /* Again and again with other ports: bounded by what one call may hold. */
    bool refused = false;
    for (unsigned round = 1; round < 6; round++) {
        n = 0;
        for (unsigned i = 0; i < 32; i++)
            n += (size_t)snprintf(media + n, sizeof(media) - n, "m=audio %u RTP/AVP 0\r\n",
                                  6000 + 100 * round + 2 * i);
        rig_out(&r, &phone, invite("x", media));
        refused |= r.verdict == ALG_DROP && r.reason == ALG_REASON_SIP_MEDIA_LIMIT;
    }
    assert_true(refused);
    assert_true(rig_reap(&r) <= 2 + 2 * 72);
    rig_wait(&r, 300000);
    assert_int_equal(rig_reap(&r), 1);
    rig_free(&r);
}

/* With rtcp-mux two streams may use neighbouring ports: each still gets its own mapping. */
static void test_neighbours(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 8);
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    rig_out(&r, &phone,
            invite("x", "m=audio 6000 RTP/AVP 0\r\na=rtcp-mux\r\nm=video 6001 RTP/AVP 31\r\n"
                        "a=rtcp-mux\r\n"));
    assert_int_equal(r.verdict, ALG_REPLACE);
    assert_non_null(strstr(r.out, "m=audio 6000 "));
    assert_non_null(strstr(r.out, "m=video 6001 "));
    assert_int_equal(rig_owners(&r, "10.0.0.1", 6001), 2);
    rig_wait(&r, 300000);
    assert_int_equal(rig_reap(&r), 1);
    rig_free(&r);
}

/* A PBX that writes its public address: its ports are opened as they are. */
static void test_public_by_itself(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r, 64, 8);
    r.profile.no_sdp_fixup = true;
    struct rig_phone pbx = rig_phone(&r, "10.0.0.1", 5060, 5060);
    const char *offer =
        "INVITE sip:b@example.net SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK7\r\n"
        "From: <sip:z@203.0.113.9>;tag=z\r\nTo: <sip:a@example.net>\r\nCall-ID: p\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:z@203.0.113.9:5060>\r\nContent-Type: application/sdp\r\n"
        "\r\nv=0\r\no=a 1 1 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n"
        "m=audio 6000 RTP/AVP 0\r\n";
    assert_string_equal(rig_out(&r, &pbx, offer), offer);
    assert_int_equal(r.verdict, ALG_PASS);
    struct mapping *m = rig_mapping(&r, "10.0.0.1", 6000);
    assert_non_null(m);
    assert_int_equal(be16_host(mapping_public(m).port), 6000);
    assert_int_equal(rig_owners(&r, "10.0.0.1", 5060), 1);
    rig_free(&r);
}

static void mutate(struct rng *rng, char *bytes, size_t *n, size_t cap)
{
    static const char spice[] = "\r\n\0 ;,:<>\"@=/?*[]()09azAZ\xff\x80";
    for (unsigned edits = 1 + rng_below(rng, 6); edits > 0; edits--) {
        size_t at = *n ? rng_below(rng, (uint32_t)*n) : 0;
        size_t len = 1 + rng_below(rng, 40);
        switch (rng_below(rng, 6)) {
        case 0:
            if (*n)
                bytes[at] = spice[rng_below(rng, sizeof(spice) - 1)];
            break;
        case 1:
            if (*n)
                bytes[at] = (char)rng_next(rng);
            break;
        case 2: /* drop some */
            len = len < *n - at ? len : *n - at;
            memmove(bytes + at, bytes + at + len, *n - at - len);
            *n -= len;
            break;
        case 3: /* say some twice */
            len = len < *n - at ? len : *n - at;
            if (*n + len > cap)
                break;
            memmove(bytes + at + len, bytes + at, *n - at);
            *n += len;
            break;
        case 4:
            *n = at;
            break;
        default: /* other digits */
            for (size_t i = at; i < *n && i < at + len; i++)
                if (bytes[i] >= '0' && bytes[i] <= '9')
                    bytes[i] = (char)('0' + rng_below(rng, 10));
        }
    }
}

static size_t any_message(struct rng *rng, char *out, size_t cap)
{
    static const char *const starts[] = {
        "INVITE sip:b@203.0.113.9:40000 SIP/2.0",
        "SIP/2.0 200 OK",
        "SIP/2.0 183 Progress",
        "ACK sip:b@example.net SIP/2.0",
        "BYE sip:b@x SIP/2.0",
        "CANCEL sip:b@x SIP/2.0",
        "REGISTER sip:x SIP/2.0",
        "UPDATE sip:x SIP/2.0",
        "SIP/2.0 407 No",
        "SUBSCRIBE sip:x SIP/2.0",
        "SIP/2.0 487 No",
    };
    static const char *const methods[] = {"INVITE",   "INVITE", "ACK",       "BYE",   "CANCEL",
                                          "REGISTER", "UPDATE", "SUBSCRIBE", "PRACK", "INVITE"};
    const char *start = starts[rng_below(rng, 11)];
    size_t word = strcspn(start, " ");
    char method[16];
    snprintf(method, sizeof(method), "%.*s", start[0] == 'S' && start[3] == '/' ? 0 : (int)word,
             start);
    const char *cseq = method[0] ? method : methods[rng_below(rng, 10)];
    int n = snprintf(
        out, cap,
        "%s\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK7;rport=40000;received=203.0.113.9\r\n"
        "From: <sip:z@%s>;tag=%u\r\nTo: <sip:a@10.0.0.1>%s\r\nCall-ID: %u\r\nCSeq: %u %s\r\n"
        "Contact: <sip:z@10.0.0.1:50%u0>;expires=%u\r\nRecord-Route: <sip:203.0.113.9:40000;lr>\r\n"
        "Session-Expires: 90\r\nContent-Type: application/sdp\r\n\r\n"
        "v=0\r\no=a 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
        "m=audio %u RTP/AVP 0\r\na=rtcp:%u\r\na=candidate:1 1 UDP 2130706431 10.0.0.1 6000 typ "
        "host "
        "raddr 10.0.0.1 rport 9\r\nm=video %u RTP/AVP 31\r\nc=IN IP4 %s\r\n",
        start, rng_below(rng, 2) ? "10.0.0.1" : "203.0.113.9:40000",
        rng_below(rng, 2) ? "10.0.0.1" : "203.0.113.9", rng_below(rng, 3),
        rng_below(rng, 2) ? ";tag=2" : "", rng_below(rng, 4), 1 + rng_below(rng, 3), cseq,
        6 + rng_below(rng, 3), rng_below(rng, 3) * 100, 6000 + 2 * rng_below(rng, 4),
        6001 + rng_below(rng, 3), rng_below(rng, 3) * 5001,
        rng_below(rng, 2) ? "10.0.0.1" : "0.0.0.0");
    return (size_t)n;
}

/* Nothing a stranger writes does more than be refused, and all of it is forgotten in the end. */
static void test_hostile(void **state)
{
    struct rng rng = {4711};
    struct rig r;
    static char bytes[4096];
    unsigned let_through = 0;
    (void)state;
    rig_init(&r, 48, 8);
    r.profile.nat_trace = true;
    r.profile.max_idle_dialogs = 3;
    r.profile.call_keepalive_s = 20;
    r.profile.provisional_invite_expiry_s = 10;
    struct rig_phone phone = rig_phone(&r, "10.0.0.1", 5060, 40000);
    for (int round = 0; round < 20000; round++) {
        size_t n = any_message(&rng, bytes, sizeof(bytes));
        if (rng_below(&rng, 3))
            mutate(&rng, bytes, &n, sizeof(bytes));
        rig_send(&r, &phone, rng_below(&rng, 2), slice_of(bytes, n));
        let_through += r.verdict != ALG_DROP;
        if (rng_below(&rng, 4) == 0)
            rig_wait(&r, rng_below(&rng, 3000));
        rig_reap(&r);
    }
    assert_true(let_through > 2000);
    rig_wait(&r, 8 * 86400 * 1000ull);
    assert_int_equal(rig_records(&r), 0);
    assert_int_equal(rig_reap(&r), 1);
    assert_int_equal(rig_stats(&r).calls_active, 0);
    assert_int_equal(rig_stats(&r).registers_active, 0);
    assert_int_equal(alg_next_deadline_ms(r.alg), UINT64_MAX);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mappings_full),    cmocka_unit_test(test_no_port),
        cmocka_unit_test(test_no_dialog),        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_many_streams),     cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_public_by_itself), cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
