/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of other projects and of RFC 4475 that carry session descriptions, and what is read in
 * each. Skipped where the corpus is not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alg/sdp.h"
#include "alg/sip_header.h"
#include "alg/sip_msg.h"
#include "asserts.h"

enum {
    NOT_SIP = -1,  /* the message is bad before its body is looked at */
    NO_PARTS = -2, /* its body cannot be taken apart */
};

static const struct row {
    const char *file;
    int n;            /* descriptions, or one of the above */
    enum sdp_bad bad; /* of the first of them */
    unsigned n_media; /* of the first of them */
    const char *why;
} rows[] = {
    {"belle-sip/REGISTER.txt", 0, SDP_BAD_NONE, 0, "names the type without such a body"},
    {"from-captures/DTMFsipinfo-f1-INVITE.sip", 1, SDP_BAD_NONE, 2, "one description of 2 streams"},
    {"from-captures/DTMFsipinfo-f4-200-INVITE.sip", 1, SDP_BAD_NONE, 2,
     "one description of 2 streams"},
    {"from-captures/SIP_CALL_RTP_G711-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/SIP_DTMF2-f1-REGISTER.sip", 0, SDP_BAD_NONE, 0,
     "names the type without such a body"},
    {"from-captures/SIP_DTMF2-f7-INVITE.sip", 0, SDP_BAD_NONE, 0,
     "names the type without such a body"},
    {"from-captures/cloudshark-sip-s0-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/cloudshark-sip-s0-f4-200-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/h263-over-rtp-f1-INVITE.sip", 1, SDP_BAD_NONE, 2,
     "one description of 2 streams"},
    {"from-captures/h263-over-rtp-f3-200-INVITE.sip", 1, SDP_BAD_NONE, 2,
     "one description of 2 streams"},
    {"from-captures/linphone-asterisk-auth-video-f4-INVITE.sip", 1, SDP_BAD_NONE, 2,
     "one description of 2 streams"},
    {"from-captures/sip-options-f1-OPTIONS.sip", 0, SDP_BAD_NONE, 0,
     "names the type without such a body"},
    {"from-captures/sip-rtp-g711-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-rtp-g711-f4-200-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-rtp-g722-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-rtp-opus-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-tcp-5-calls-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-tcp-5-calls-f3-200-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-tcp-ipip-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-tcp-ipip-f2-183-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip-tcp-ipip-f3-200-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip_non_default_port-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip_non_default_port-f2-200-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/sip_reqs-f1-INVITE.sip", 1, SDP_BAD_NONE, 1, "one description of one stream"},
    {"from-captures/trex-sip-video-call-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/trex-sip-video-call-f2-200-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/trex-udp-sip-5-calls-f1-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"from-captures/trex-udp-sip-5-calls-f4-200-INVITE.sip", 1, SDP_BAD_NONE, 1,
     "one description of one stream"},
    {"kamailio-misc/bad_uri.sip", NOT_SIP, SDP_BAD_NONE, 0,
     "Content-Length reaches beyond the datagram"},
    {"kamailio-misc/inv_srv.sip", NOT_SIP, SDP_BAD_NONE, 0,
     "Content-Length reaches beyond the datagram"},
    {"kamailio-misc/invite01.sip", 1, SDP_BAD_NONE, 1, "one description of one stream"},
    {"kamailio-misc/invite03.sip", 1, SDP_BAD_NONE, 1, "one description of one stream"},
    {"kamailio-misc/invite3-callid.sip", NOT_SIP, SDP_BAD_NONE, 0,
     "Content-Length reaches beyond the datagram"},
    {"kamailio-misc/invite5-callid.sip", NOT_SIP, SDP_BAD_NONE, 0,
     "header name is empty or holds a character no name may hold"},
    {"kamailio-misc/route.sip", NOT_SIP, SDP_BAD_NONE, 0,
     "Content-Length reaches beyond the datagram"},
    {"rfc4475/badbranch.dat", 0, SDP_BAD_NONE, 0, "names the type without such a body"},
    {"rfc4475/baddate.dat", 1, SDP_BAD_NONE, 2, "one description of 2 streams"},
    {"rfc4475/badinv01.dat", 1, SDP_BAD_NONE, 2, "one description of 2 streams"},
    {"rfc4475/clerr.dat", NOT_SIP, SDP_BAD_NONE, 0, "Content-Length reaches beyond the datagram"},
    {"rfc4475/esc01.dat", 1, SDP_BAD_NONE, 2, "one description of 2 streams"},
    {"rfc4475/insuf.dat", 1, SDP_BAD_NONE, 2, "one description of 2 streams"},
    {"rfc4475/ltgtruri.dat", NOT_SIP, SDP_BAD_NONE, 0,
     "request URI is empty or contains a bracket, quote or control character"},
    {"rfc4475/lwsruri.dat", NOT_SIP, SDP_BAD_NONE, 0,
     "start line is neither a request nor a response"},
    {"rfc4475/ncl.dat", NOT_SIP, SDP_BAD_NONE, 0, "Content-Length is no number"},
    {"rfc4475/sdp01.dat", 1, SDP_BAD_NONE, 2, "one description of 2 streams"},
    {"rfc4475/semiuri.dat", 0, SDP_BAD_NONE, 0, "names the type without such a body"},
    {"rfc4475/transports.dat", 0, SDP_BAD_NONE, 0, "names the type without such a body"},
    {"rfc4475/trws.dat", NOT_SIP, SDP_BAD_NONE, 0,
     "start line is neither a request nor a response"},
    {"sofia-tests/own1.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test1.txt", NOT_SIP, SDP_BAD_NONE, 0,
     "the first header line begins with a blank"},
    {"sofia-tests/test11.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test13.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test14.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test16.txt", NOT_SIP, SDP_BAD_NONE, 0,
     "Content-Length reaches beyond the datagram"},
    {"sofia-tests/test18.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test1a.txt", NOT_SIP, SDP_BAD_NONE, 0,
     "the first header line begins with a blank"},
    {"sofia-tests/test22.txt", NOT_SIP, SDP_BAD_NONE, 0,
     "start line is neither a request nor a response"},
    {"sofia-tests/test24.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test26.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test3.txt", NOT_SIP, SDP_BAD_NONE, 0,
     "line ends of both kinds in the header part"},
    {"sofia-tests/test31.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
    {"sofia-tests/test8.txt", 1, SDP_BAD_PORT, 0, "port 492170 is refused, not wrapped"},
};

static size_t file_read(const char *name, char *out, size_t cap)
{
    char path[256];
    snprintf(path, sizeof(path), CORPUS "%s", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(out, 1, cap, f);
    fclose(f);
    return n;
}

static void row_check(const struct row *row, struct slice bytes)
{
    static struct sip_msg msg;
    static struct sdp sdp;
    struct slice parts[SIP_SDP_MAX];
    struct sip_fault fault;
    struct sdp_fault bad = {SDP_BAD_NONE, 0, 0};
    int n = NOT_SIP;
    sdp.n_media = 0;
    if (sip_msg_parse(bytes, SIP_DATAGRAM, &msg, &fault, NULL) == SIP_DONE)
        n = sip_msg_sdp(&msg, parts, &fault);
    if (n < 0 && n != NOT_SIP)
        n = NO_PARTS;
    if (n > 0 && sdp_parse(parts[0], &sdp, &bad) != 0)
        sdp.n_media = 0;
    if (n != row->n || bad.reason != row->bad || sdp.n_media != row->n_media)
        fail_msg("{\"%s\", %d, SDP_BAD_%d (%s), %u}, expected %d, %d, %u: %s", row->file, n,
                 bad.reason, sdp_bad_text(bad.reason), sdp.n_media, row->n, row->bad, row->n_media,
                 row->why);
}

static void test_torture(void **state)
{
    static char bytes[65536];
    unsigned seen = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = file_read(rows[i].file, bytes, sizeof(bytes));
        if (n == 0)
            continue;
        seen++;
        row_check(&rows[i], slice_of(bytes, n));
    }
    if (seen == 0)
        skip();
    assert_int_equal(seen, COUNT(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_torture)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
