/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual IPs: what media and places are called outside. A PBX 10.0.0.5 is 203.0.113.10, its media
 * gateway 10.0.0.6 is 203.0.113.11, and of 10.0.0.8 single ports are forwarded. For 10.0.0.7 nobody
 * speaks, and 10.0.0.9 has no name.
 */
#include "alg/media_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "rows.h"
#include "vips.h"

static const struct vip_row table[] = {
    {"203.0.113.10", "10.0.0.5", 0, 0, false},
    {"203.0.113.11", "10.0.0.6", 0, 0, true},
    {"203.0.113.12", "10.0.0.7", 0, 0, false},
    {"203.0.113.20", "10.0.0.8", 7000, 6000, true}, /* two in a row */
    {"203.0.113.20", "10.0.0.8", 7001, 6001, true},
    {"203.0.113.20", "10.0.0.8", 7010, 6010, true}, /* the next one leads elsewhere */
    {"203.0.113.20", "10.0.0.8", 7020, 6011, true},
    {"203.0.113.20", "10.0.0.8", 7030, 6020, true}, /* the next one leads nowhere */
    {"203.0.113.20", "10.0.0.8", 900, 6030, true},
    {"203.0.113.20", "10.0.0.8", 7040, 900, true},
    {"203.0.113.20", "10.0.0.8", 65535, 6040, true},
    {"203.0.113.20", "10.0.0.8", 7050, 65535, true},
};

struct fixture {
    struct rig r;
    struct vips vips;
    struct rig_phone pbx;
};

static void set_up(struct fixture *f)
{
    rig_init(&f->r, 64, 16);
    vips_init(&f->vips, table, COUNT(table));
    f->r.names = &f->vips.names;
    f->pbx = rig_server(&f->r, "10.0.0.5", "203.0.113.10", 5060);
}

/* What one stream of the PBX is called. */
static void test_names(void **state)
{
    static const struct {
        const char *ip;
        uint16_t port;
        bool named;
        const char *inside;
        uint16_t inside_port;
        const char *outer;
        uint16_t outer_port;
        bool pair, written;
    } rows[] = {
        {"10.0.0.5", 6000, true, "10.0.0.5", 6000, "203.0.113.10", 6000, true, false},
        {"10.0.0.5", 1024, true, "10.0.0.5", 1024, "203.0.113.10", 1024, true, false},
        {"10.0.0.5", 65535, true, "10.0.0.5", 65535, "203.0.113.10", 65535, false, false},
        {"10.0.0.5", 1023, .named = false},
        {"203.0.113.10", 6000, true, "10.0.0.5", 6000, "203.0.113.10", 6000, true, true},
        {"203.0.113.10", 1023, .named = false},
        {"10.0.0.6", 6000, true, "10.0.0.6", 6000, "203.0.113.11", 6000, true, false},
        {"203.0.113.11", 6000, true, "10.0.0.6", 6000, "203.0.113.11", 6000, true, true},
        {"10.0.0.7", 6000, .named = false},
        {"203.0.113.12", 6000, .named = false},
        {"10.0.0.8", 6000, true, "10.0.0.8", 6000, "203.0.113.20", 7000, true, false},
        {"203.0.113.20", 7000, true, "10.0.0.8", 6000, "203.0.113.20", 7000, true, true},
        {"10.0.0.8", 6001, true, "10.0.0.8", 6001, "203.0.113.20", 7001, false, false},
        {"10.0.0.8", 6010, true, "10.0.0.8", 6010, "203.0.113.20", 7010, false, false},
        {"203.0.113.20", 7010, true, "10.0.0.8", 6010, "203.0.113.20", 7010, false, true},
        {"10.0.0.8", 6020, true, "10.0.0.8", 6020, "203.0.113.20", 7030, false, false},
        {"10.0.0.8", 6030, true, "10.0.0.8", 6030, "203.0.113.20", 900, false, false},
        {"10.0.0.8", 6040, true, "10.0.0.8", 6040, "203.0.113.20", 65535, false, false},
        {"10.0.0.8", 65535, true, "10.0.0.8", 65535, "203.0.113.20", 7050, false, false},
        {"10.0.0.8", 900, .named = false},
        {"203.0.113.20", 7040, .named = false},
        {"10.0.0.8", 6002, .named = false},
        {"203.0.113.20", 7002, .named = false},
        {"10.0.0.9", 6000, .named = false},
        {"198.51.100.7", 6000, .named = false},
        {"2001:db8::1", 6000, .named = false},
    };
    struct vips vips;
    (void)state;
    vips_init(&vips, table, COUNT(table));
    struct alg_packet packet = {.names = &vips.names, .inside = rig_ip_port("10.0.0.5", 5060)};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ip_port at = rig_ip_port(rows[i].ip, rows[i].port);
        struct sdp_media m = {.port = rows[i].port};
        struct media_name name;
        m.connection.ip = at.ip;
        m.connection.kind = ip_addr_is4(&at.ip) ? SDP_ADDR_IP4 : SDP_ADDR_IP6;
        bool named = media_name(&packet, &m, &name);
        if (named != rows[i].named)
            fail_msg("%s:%u: %d", rows[i].ip, rows[i].port, named);
        if (!named)
            continue;
        if (!ip_port_eq(name.inside, rig_ip_port(rows[i].inside, rows[i].inside_port)) ||
            !ip_port_eq(name.outer, rig_ip_port(rows[i].outer, rows[i].outer_port)) ||
            name.pair != rows[i].pair || name.written != rows[i].written)
            fail_msg("%s:%u: inside port %u, outer port %u, pair %d, written %d", rows[i].ip,
                     rows[i].port, be16_host(name.inside.port), be16_host(name.outer.port),
                     name.pair, name.written);
        m.connection.is_zero = true;
        assert_false(media_name(&packet, &m, &name));
        m.connection.is_zero = false;
        packet.names = NULL;
        assert_false(media_name(&packet, &m, &name));
        packet.names = &vips.names;
    }
}

#define V                   "v=0\r\n"
#define O(ip)               "o=a 1 1 IN IP4 " ip "\r\ns=-\r\n"
#define C(ip)               "c=IN IP4 " ip "\r\n"
#define T                   "t=0 0\r\n"
#define AUDIO(port)         "m=audio " port " RTP/AVP 0\r\n"
#define VIDEO(port)         "m=video " port " RTP/AVP 31\r\n"
#define CANDIDATE(id, rest) "a=candidate:" id " UDP 9 " rest "\r\n"
#define ONE(ip, at)         V O(ip) C(ip) T AUDIO(at)

/* Descriptions of the PBX before and after, and the public end of what they open. */
static void test_descriptions(void **state)
{
    static const struct {
        const char *what, *before, *after;
        struct {
            const char *inside;
            uint16_t port;
            const char *outer;
            uint16_t outer_port;
        } opens[4];
    } rows[] = {
        {"its own media keep their ports, whatever the range is",
         ONE("10.0.0.5", "6000"),
         ONE("203.0.113.10", "6000"),
         {{"10.0.0.5", 6000, "203.0.113.10", 6000}, {"10.0.0.5", 6001, "203.0.113.10", 6001}}},
        {"its public address, which it wrote itself",
         ONE("203.0.113.10", "6000"),
         "-",
         {{"10.0.0.5", 6000, "203.0.113.10", 6000}, {"10.0.0.5", 6001, "203.0.113.10", 6001}}},
        {"its gateway's",
         ONE("10.0.0.6", "6000"),
         ONE("203.0.113.11", "6000"),
         {{"10.0.0.6", 6000, "203.0.113.11", 6000}, {"10.0.0.6", 6001, "203.0.113.11", 6001}}},
        {"its gateway's public address",
         ONE("203.0.113.11", "6000"),
         "-",
         {{"10.0.0.6", 6000, "203.0.113.11", 6000}, {"10.0.0.6", 6001, "203.0.113.11", 6001}}},
        {"the session is the PBX's, media are the gateway's",
         V O("10.0.0.5") C("10.0.0.6") T AUDIO("6000") "a=rtcp:6001\r\n",
         V O("203.0.113.10") C("203.0.113.11") T AUDIO("6000") "a=rtcp:6001\r\n",
         {{"10.0.0.6", 6000, "203.0.113.11", 6000}, {"10.0.0.6", 6001, "203.0.113.11", 6001}}},
        {"a stream of each",
         V O("10.0.0.5") C("10.0.0.5") T AUDIO("6000") VIDEO("6002") C("10.0.0.6"),
         V O("203.0.113.10") C("203.0.113.10") T AUDIO("6000") VIDEO("6002") C("203.0.113.11"),
         {{"10.0.0.5", 6000, "203.0.113.10", 6000}, {"10.0.0.6", 6002, "203.0.113.11", 6002}}},
        {"RTCP of the gateway",
         V O("10.0.0.6") C("10.0.0.6") T AUDIO("6000") "a=rtcp:6001 IN IP4 10.0.0.6\r\n",
         V O("203.0.113.11") C("203.0.113.11")
             T AUDIO("6000") "a=rtcp:6001 IN IP4 203.0.113.11\r\n",
         {{"10.0.0.6", 6000, "203.0.113.11", 6000}, {"10.0.0.6", 6001, "203.0.113.11", 6001}}},
        {"... on another port, which nobody opens",
         V O("10.0.0.6") C("10.0.0.6") T AUDIO("6000") "a=rtcp:6009 IN IP4 10.0.0.6\r\n",
         V O("203.0.113.11") C("203.0.113.11")
             T AUDIO("6000") "a=rtcp:6009 IN IP4 203.0.113.11\r\n",
         {{"10.0.0.6", 6000, "203.0.113.11", 6000}, {"10.0.0.6", 6009, NULL, 0}}},
        {"forwarded ports of a gateway",
         ONE("10.0.0.8", "6000"),
         ONE("203.0.113.20", "7000"),
         {{"10.0.0.8", 6000, "203.0.113.20", 7000}, {"10.0.0.8", 6001, "203.0.113.20", 7001}}},
        {"... whose neighbour leads elsewhere: no RTCP",
         ONE("10.0.0.8", "6010"),
         ONE("203.0.113.20", "7010"),
         {{"10.0.0.8", 6010, "203.0.113.20", 7010}, {"10.0.0.8", 6011, NULL, 0}}},
        {"a port of it that is not forwarded",
         ONE("10.0.0.8", "6002"),
         "-",
         {{"10.0.0.8", 6002, NULL, 0}}},
        {"candidates of the gateway: those of the stream, which c= and m= must agree with",
         V O("10.0.0.5") C("10.0.0.8") T AUDIO("6000") CANDIDATE("1 1", "10.0.0.8 6000 typ host")
             CANDIDATE("1 2", "10.0.0.8 6001 typ host")
                 CANDIDATE("2 1", "192.0.2.3 4 typ srflx raddr 10.0.0.8 rport 6000") CANDIDATE(
                     "3 1", "10.0.0.8 6002 typ host") CANDIDATE("4 1", "10.0.0.7 6000 typ host"),
         V O("203.0.113.10") C("203.0.113.20") T AUDIO("7000") CANDIDATE(
             "1 1", "203.0.113.20 7000 typ host") CANDIDATE("1 2", "203.0.113.20 7001 typ host")
             CANDIDATE("2 1", "192.0.2.3 4 typ srflx raddr 203.0.113.20 rport 7000") CANDIDATE(
                 "3 1", "10.0.0.8 6002 typ host") CANDIDATE("4 1", "10.0.0.7 6000 typ host"),
         {{"10.0.0.8", 6000, "203.0.113.20", 7000}, {"10.0.0.8", 6002, NULL, 0}}},
        {"... which wrote its public address",
         V O("203.0.113.10") C("203.0.113.20") T AUDIO("7000")
             CANDIDATE("1 1", "203.0.113.20 7000 typ host"),
         "-",
         {{"10.0.0.8", 6000, "203.0.113.20", 7000}}},
        {"a host it does not speak for",
         V O("10.0.0.5") C("10.0.0.7") T AUDIO("6000"),
         V O("203.0.113.10") C("10.0.0.7") T AUDIO("6000"),
         {{"10.0.0.7", 6000, NULL, 0}}},
        {"... by its public address",
         V O("10.0.0.5") C("203.0.113.12") T AUDIO("6000"),
         V O("203.0.113.10") C("203.0.113.12") T AUDIO("6000"),
         {{"10.0.0.7", 6000, NULL, 0}}},
        {"a host without a name",
         V O("10.0.0.5") C("10.0.0.9") T AUDIO("6000"),
         V O("203.0.113.10") C("10.0.0.9") T AUDIO("6000"),
         {{"10.0.0.9", 6000, NULL, 0}}},
        {"hold of a gateway's stream",
         V O("10.0.0.6") C("0.0.0.0") T AUDIO("6000"),
         "-",
         {{"10.0.0.6", 6000, NULL, 0}}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int answers = 0; answers < 2; answers++) {
            struct fixture f;
            char before[2048];
            const char *after = strcmp(rows[i].after, "-") == 0 ? rows[i].before : rows[i].after;
            const char *(*message)(const char *) = answers ? row_answer : row_invite;
            set_up(&f);
            f.r.profile.nat_port_first = 20000;
            f.r.profile.nat_port_last = 20999;
            if (answers)
                rig_in(&f.r, &f.pbx, row_invite(ONE("198.51.100.44", "8000")));
            snprintf(before, sizeof(before), "%s", message(rows[i].before));
            row_check(&f.r, &f.pbx, &(struct row){rows[i].what, OUT, before, message(after)});
            for (size_t k = 0; k < COUNT(rows[i].opens) && rows[i].opens[k].inside; k++) {
                const struct mapping *m =
                    rig_mapping(&f.r, rows[i].opens[k].inside, rows[i].opens[k].port);
                const char *outer = rows[i].opens[k].outer;
                if (!m != !outer ||
                    (outer && !endpoint_eq(mapping_public(m),
                                           rig_endpoint(outer, rows[i].opens[k].outer_port))))
                    fail_msg("%s: %s:%u is not open as it should be", rows[i].what,
                             rows[i].opens[k].inside, rows[i].opens[k].port);
            }
            row_check(&f.r, &f.pbx, &(struct row){"again", OUT, before, message(after)});
            rig_free(&f.r);
        }
}

/* The other side calls the gateway's candidates by their public names. */
static void test_remote_candidates(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    rig_out(&f.r, &f.pbx,
            row_invite(ONE("10.0.0.8", "6000") CANDIDATE("1 1", "10.0.0.8 6000 typ host")));
    assert_non_null(strstr(f.r.out, " 203.0.113.20 7000 typ host"));
    rig_in(&f.r, &f.pbx,
           row_answer(ONE("198.51.100.44", "8000") "a=remote-candidates:1 203.0.113.20 7000 "
                                                   "2 203.0.113.20 7001 1 203.0.113.20 7010\r\n"));
    assert_non_null(strstr(f.r.out, "a=remote-candidates:1 10.0.0.8 6000 2 10.0.0.8 6001 "
                                    "1 203.0.113.20 7010\r\n"));
    rig_free(&f.r);
}

/* Where the name's port is another's, the PBX's own media get one of the range; a gateway's none.
 */
static void test_taken(void **state)
{
    static const struct {
        const char *host, *ext, *after; /* NULL: refused */
    } rows[] = {
        {"10.0.0.5", "203.0.113.10", "m=audio 20000 "},
        {"10.0.0.6", "203.0.113.11", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fixture f;
        struct handle h;
        char sdp[256];
        set_up(&f);
        f.r.profile.nat_port_first = 20000;
        f.r.profile.nat_port_last = 20001;
        struct mapping_want want = {
            .proto = 17,
            .zone = 1,
            .inside = rig_endpoint("10.0.0.99", 6000),
            .nat = {.ip = rig_endpoint(rows[i].ext, 0).ip, .first = 6000, .last = 6000},
            .kind = MAPPING_RTP,
            .owned = true,
        };
        assert_int_equal(mapping_open(&f.r.mappings, &f.r.thread, &want, &h), 0);
        snprintf(sdp, sizeof(sdp), V O("-") C("%s") T AUDIO("6000"), rows[i].host);
        rig_out(&f.r, &f.pbx, row_invite(sdp));
        if (rows[i].after) {
            assert_int_equal(f.r.verdict, ALG_REPLACE);
            assert_non_null(strstr(f.r.out, rows[i].after));
            assert_non_null(strstr(f.r.out, "c=IN IP4 203.0.113.10\r\n"));
        } else {
            assert_int_equal(f.r.verdict, ALG_DROP);
            assert_int_equal(f.r.reason, ALG_REASON_SIP_NO_PORT);
            assert_int_equal(rig_records(&f.r), 0);
        }
        rig_free(&f.r);
    }
}

/* Places to send signalling to. */
static void test_places(void **state)
{
    static const struct row rows[] = {
        {"the PBX's own", OUT,
         OPTIONS("Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\nContact: <sip:x@10.0.0.5:5060>\r\n"),
         OPTIONS("Via: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK1\r\n"
                 "Contact: <sip:x@203.0.113.10:5060>\r\n")},
        {"... back", IN,
         OPTIONS_OK("Via: SIP/2.0/UDP 203.0.113.10;branch=z9hG4bK1\r\n"
                    "Contact: <sip:x@203.0.113.10:5060>\r\n"),
         OPTIONS_OK("Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1\r\n"
                    "Contact: <sip:x@10.0.0.5:5060>\r\n")},
        {"another port of it", OUT,
         OPTIONS(VIA_OUT "Contact: <sip:x@10.0.0.5:5062>\r\nRoute: <sip:10.0.0.5:5064;lr>\r\n"),
         OPTIONS(VIA_OUT
                 "Contact: <sip:x@203.0.113.10:5062>\r\nRoute: <sip:203.0.113.10:5064;lr>\r\n")},
        {"... called", IN,
         "MESSAGE sip:x@203.0.113.10:5062 SIP/2.0\r\n" VIA_IN REST "CSeq: 1 MESSAGE\r\n\r\n",
         "MESSAGE sip:x@10.0.0.5:5062 SIP/2.0\r\n" VIA_IN REST "CSeq: 1 MESSAGE\r\n\r\n"},
        {"... one that nobody wrote", IN, OPTIONS(VIA_IN "Route: <sip:203.0.113.10:5066;lr>\r\n"),
         OPTIONS(VIA_IN "Route: <sip:10.0.0.5:5066;lr>\r\n")},
        {"other hosts with a name", OUT,
         OPTIONS(VIA_OUT "Refer-To: <sip:x@10.0.0.6>\r\nReferred-By: <sip:x@10.0.0.7:5060>\r\n"
                         "Contact: <sip:x@10.0.0.8:6000>, <sip:y@10.0.0.8:6002>\r\n"),
         OPTIONS(VIA_OUT
                 "Refer-To: <sip:x@203.0.113.11>\r\nReferred-By: <sip:x@203.0.113.12:5060>\r\n"
                 "Contact: <sip:x@203.0.113.20:7000>, <sip:y@10.0.0.8:6002>\r\n")},
        {"... back", IN,
         OPTIONS(VIA_IN
                 "Referred-By: <sip:x@203.0.113.12:5060>\r\nRefer-To: <sip:x@203.0.113.11>\r\n"
                 "Contact: <sip:x@203.0.113.20:7000>\r\n"),
         OPTIONS(VIA_IN "Referred-By: <sip:x@10.0.0.7:5060>\r\nRefer-To: <sip:x@10.0.0.6>\r\n"
                        "Contact: <sip:x@10.0.0.8:6000>\r\n")},
        {"... not where a message goes or a person is named", OUT,
         "OPTIONS sip:x@10.0.0.6 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.6;branch=z9hG4bK1\r\n" FROM_TO(
             "sip:a@10.0.0.6", "sip:b@10.0.0.7") "CSeq: 1 OPTIONS\r\nRoute: <sip:10.0.0.6;lr>\r\n"
                                                 "\r\n",
         "-"},
        {"... that nobody wrote", IN, OPTIONS(VIA_IN "Diversion: <sip:x@203.0.113.11:5070>\r\n"),
         "-"},
        {"what the PBX wrote by its public address", OUT,
         OPTIONS("Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK1\r\n"
                 "Record-Route: <sip:203.0.113.10:5068;lr>\r\n"),
         "-"},
        {"... stays on its way back", IN,
         OPTIONS_OK("Via: SIP/2.0/UDP 203.0.113.10:5060;branch=z9hG4bK1\r\n"
                    "Record-Route: <sip:203.0.113.10:5068;lr>\r\n"),
         "-"},
    };
    struct fixture f;
    (void)state;
    set_up(&f);
    rows_check(&f.r, &f.pbx, rows, COUNT(rows));
    assert_null(rig_mapping(&f.r, "10.0.0.5", 5060)); /* the virtual IP stands for it */
    assert_null(rig_mapping(&f.r, "10.0.0.6", 5060));
    rig_free(&f.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_descriptions),
        cmocka_unit_test(test_remote_candidates),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
