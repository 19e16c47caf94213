/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of other people's test suites: what becomes of each as a phone's, behind translation,
 * under the profiles `default` and `strict`, and which rule decides. Skipped where the corpus is
 * not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "calls.h"

#define PASSES "passes"

/* `normal`, `strict`: PASSES, or what the violation is called. */
static const struct {
    const char *file, *normal, *strict;
} rows[] = {
    {"belle-sip/401Unauthorized.txt", PASSES, PASSES},
    {"belle-sip/REGISTER.txt", PASSES, PASSES},
    {"belle-sip/SIP200RegSuccess.txt", PASSES, PASSES},
    {"from-captures/Asterisk_ZFONE_XLITE-f1-REGISTER.sip", PASSES, PASSES},
    {"from-captures/Asterisk_ZFONE_XLITE-f2-401-REGISTER.sip", PASSES, PASSES},
    {"from-captures/Asterisk_ZFONE_XLITE-f4-OPTIONS.sip", PASSES, PASSES},
    {"from-captures/Asterisk_ZFONE_XLITE-f5-200-REGISTER.sip", PASSES, PASSES},
    {"from-captures/DTMFsipinfo-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/DTMFsipinfo-f3-100-INVITE.sip", PASSES, PASSES},
    {"from-captures/DTMFsipinfo-f4-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/DTMFsipinfo-f6-CANCEL.sip", PASSES, PASSES},
    {"from-captures/SIP_CALL_RTP_G711-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/SIP_CALL_RTP_G711-f152-REGISTER.sip", PASSES, PASSES},
    {"from-captures/SIP_CALL_RTP_G711-f2-100-INVITE.sip", PASSES, PASSES},
    {"from-captures/SIP_CALL_RTP_G711-f3-180-INVITE.sip", PASSES, PASSES},
    {"from-captures/SIP_DTMF2-f1-REGISTER.sip", PASSES, PASSES},
    {"from-captures/SIP_DTMF2-f2-100-REGISTER.sip", PASSES, PASSES},
    {"from-captures/SIP_DTMF2-f3-200-REGISTER.sip", PASSES, PASSES},
    {"from-captures/SIP_DTMF2-f7-INVITE.sip", PASSES, PASSES},
    {"from-captures/aaa-f19-REGISTER.sip", PASSES, PASSES},
    {"from-captures/aaa-f20-401-REGISTER.sip", PASSES, PASSES},
    {"from-captures/aaa-f31-100-REGISTER.sip", PASSES, PASSES},
    {"from-captures/aaa-f32-403-REGISTER.sip", PASSES, PASSES},
    {"from-captures/cloudshark-sip-s0-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/cloudshark-sip-s0-f4-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/cloudshark-sip-s0-f5-ACK.sip", PASSES, PASSES},
    {"from-captures/cloudshark-sip-s0-f6-REGISTER.sip", PASSES, PASSES},
    {"from-captures/h263-over-rtp-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/h263-over-rtp-f2-100-INVITE.sip", PASSES, PASSES},
    {"from-captures/h263-over-rtp-f3-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/h263-over-rtp-f4-ACK.sip", PASSES, PASSES},
    {"from-captures/linphone-asterisk-auth-video-f4-INVITE.sip", PASSES, PASSES},
    {"from-captures/linphone-asterisk-auth-video-f5-401-INVITE.sip", PASSES, PASSES},
    {"from-captures/linphone-asterisk-auth-video-f6-ACK.sip", PASSES, PASSES},
    {"from-captures/linphone-asterisk-auth-video-f8-100-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-options-f1-OPTIONS.sip", PASSES, PASSES},
    {"from-captures/sip-options-f2-200-OPTIONS.sip", PASSES, PASSES},
    {"from-captures/sip-register-hello-keepaliveng-f10-401-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip-register-hello-keepaliveng-f12-200-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip-register-hello-keepaliveng-f9-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-g711-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-g711-f2-100-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-g711-f4-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-g711-f5-ACK.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-g722-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-g722-f433-200-BYE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-g722-f5-ACK.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-opus-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-opus-f432-BYE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-opus-f433-200-BYE.sip", PASSES, PASSES},
    {"from-captures/sip-rtp-opus-f5-ACK.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-5-calls-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-5-calls-f2-180-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-5-calls-f3-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-5-calls-f4-ACK.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-ipip-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-ipip-f2-183-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-ipip-f3-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-ipip-f4-BYE.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-register-401-f6-401-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-register-f6-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip-tcp-register-f8-200-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip_non_default_port-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip_non_default_port-f2-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip_not_sdp-f1-PUBLISH.sip", PASSES, PASSES},
    {"from-captures/sip_reqs-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/sip_reqs-f2-CANCEL.sip", PASSES, PASSES},
    {"from-captures/sip_resp-f4-401-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip_resp-f6-504-REGISTER.sip", PASSES, PASSES},
    {"from-captures/sip_resp-f7-503-REGISTER.sip", PASSES, PASSES},
    {"from-captures/trex-sip-video-call-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/trex-sip-video-call-f2-200-INVITE.sip", PASSES, PASSES},
    {"from-captures/trex-sip-video-call-f3-100-INVITE.sip", PASSES, PASSES},
    {"from-captures/trex-sip-video-call-f4-180-INVITE.sip", PASSES, PASSES},
    {"from-captures/trex-udp-sip-5-calls-f1-INVITE.sip", PASSES, PASSES},
    {"from-captures/trex-udp-sip-5-calls-f2-100-INVITE.sip", PASSES, PASSES},
    {"from-captures/trex-udp-sip-5-calls-f3-180-INVITE.sip", PASSES, PASSES},
    {"from-captures/trex-udp-sip-5-calls-f4-200-INVITE.sip", PASSES, PASSES},
    {"kamailio-misc/bad_uri.sip", "malformed Content-Length header",
     "malformed Content-Length header"},
    {"kamailio-misc/bad_via2.sip", "malformed request line", "malformed request line"},
    {"kamailio-misc/bc2.sip", PASSES, PASSES},
    {"kamailio-misc/bye_chris.sip", PASSES, PASSES},
    {"kamailio-misc/inv_srv.sip", "malformed Content-Length header",
     "malformed Content-Length header"},
    {"kamailio-misc/invite01.sip", PASSES, "malformed Via header"},
    {"kamailio-misc/invite03.sip", PASSES, "malformed Via header"},
    {"kamailio-misc/invite3-callid.sip", "malformed Content-Length header",
     "malformed Content-Length header"},
    {"kamailio-misc/invite5-callid.sip",
     "header name is empty or holds a character no name may hold",
     "header name is empty or holds a character no name may hold"},
    {"kamailio-misc/message02.sip", "header name is empty or holds a character no name may hold",
     "header name is empty or holds a character no name may hold"},
    {"kamailio-misc/ms-invite-00-rpl.sip", "datagram ends before the empty line",
     "datagram ends before the empty line"},
    {"kamailio-misc/ms-invite-01-rpl.sip", PASSES, "malformed To header"},
    {"kamailio-misc/pingtel.sip", PASSES, "malformed Via header"},
    {"kamailio-misc/register02.sip", PASSES, "malformed Via header"},
    {"kamailio-misc/register04.sip", "malformed To header", "malformed To header"},
    {"kamailio-misc/req-test1.sip", "malformed request line", "malformed request line"},
    {"kamailio-misc/req1.sip", "malformed From header", "malformed From header"},
    {"kamailio-misc/route.sip", "malformed Content-Length header",
     "malformed Content-Length header"},
    {"rfc4475/badbranch.dat", PASSES, "malformed Via header"},
    {"rfc4475/baddate.dat", PASSES, "malformed SDP a line"},
    {"rfc4475/badinv01.dat", "malformed Via header", "malformed Via header"},
    {"rfc4475/badvers.dat", "malformed request line", "malformed request line"},
    {"rfc4475/clerr.dat", "malformed Content-Length header", "malformed Content-Length header"},
    {"rfc4475/cparam01.dat", PASSES, PASSES},
    {"rfc4475/esc01.dat", PASSES, "malformed SDP a line"},
    {"rfc4475/escnull.dat", PASSES, PASSES},
    {"rfc4475/insuf.dat", "malformed From header", "malformed From header"},
    {"rfc4475/invut.dat", PASSES, PASSES},
    {"rfc4475/ltgtruri.dat", "malformed request line", "malformed request line"},
    {"rfc4475/lwsdisp.dat", PASSES, PASSES},
    {"rfc4475/lwsruri.dat", "malformed request line", "malformed request line"},
    {"rfc4475/mismatch01.dat", "malformed CSeq header", "malformed CSeq header"},
    {"rfc4475/ncl.dat", "malformed Content-Length header", "malformed Content-Length header"},
    {"rfc4475/noreason.dat", PASSES, PASSES},
    {"rfc4475/regaut01.dat", PASSES, PASSES},
    {"rfc4475/scalar02.dat", "malformed CSeq header", "malformed CSeq header"},
    {"rfc4475/sdp01.dat", PASSES, "malformed SDP a line"},
    {"rfc4475/semiuri.dat", PASSES, PASSES},
    {"rfc4475/transports.dat", PASSES, PASSES},
    {"rfc4475/trws.dat", "malformed request line", "malformed request line"},
    {"rfc4475/unkscm.dat", PASSES, PASSES},
    {"rfc4475/zeromf.dat", PASSES, PASSES},
    {"sofia-tests/own1.txt", "malformed SDP m line", "malformed From header"},
    {"sofia-tests/own3.txt", PASSES, "malformed Via header"},
    {"sofia-tests/test1.txt", "the first header line begins with a blank",
     "the first header line begins with a blank"},
    {"sofia-tests/test10b.txt", "datagram ends before the empty line",
     "datagram ends before the empty line"},
    {"sofia-tests/test11.txt", "malformed From header", "malformed From header"},
    {"sofia-tests/test13.txt", "malformed SDP m line", "malformed Via header"},
    {"sofia-tests/test14.txt", "malformed SDP m line", "malformed Via header"},
    {"sofia-tests/test16.txt", "malformed Content-Length header",
     "malformed Content-Length header"},
    {"sofia-tests/test18.txt", "malformed SDP m line", "malformed From header"},
    {"sofia-tests/test1a.txt", "the first header line begins with a blank",
     "the first header line begins with a blank"},
    {"sofia-tests/test20.txt", "malformed request line", "malformed request line"},
    {"sofia-tests/test22.txt", "malformed request line", "malformed request line"},
    {"sofia-tests/test24.txt", "malformed SDP m line", "malformed From header"},
    {"sofia-tests/test26.txt", "malformed SDP m line", "malformed From header"},
    {"sofia-tests/test28.txt", PASSES, "malformed From header"},
    {"sofia-tests/test3.txt", "line ends of both kinds in the header part",
     "line ends of both kinds in the header part"},
    {"sofia-tests/test31.txt", "malformed SDP m line", "malformed From header"},
    {"sofia-tests/test33.txt", "malformed Contact header", "malformed From header"},
    {"sofia-tests/test35.txt", "malformed To header", "malformed To header"},
    {"sofia-tests/test37.txt", PASSES, "malformed Via header"},
    {"sofia-tests/test39.txt", PASSES, "malformed Via header"},
    {"sofia-tests/test40.txt", "malformed From header", "malformed From header"},
    {"sofia-tests/test42.txt", "malformed request line", "malformed request line"},
    {"sofia-tests/test6.txt", PASSES, "malformed From header"},
    {"sofia-tests/test8.txt", "unknown method", "unknown method"},
};

static size_t load(const char *file, char *out, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), CORPUS "%s", file);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(out, 1, size, f);
    fclose(f);
    return n;
}

/* As the factory has it. */
static void be_strict(struct voip_rules *rules)
{
    for (unsigned i = 0; i < VOIP_CHECK_COUNT; i++)
        if (i != VOIP_CHECK_UNKNOWN_HEADER) {
            rules->action[i] = VOIP_DISCARD;
            rules->checked |= UINT64_C(1) << i;
        }
}

/* What the last violation that blocked was called. */
static const char *verdict_of(struct fixture *f, struct slice message)
{
    static char what[128];
    rig_events_forget(&f->r);
    if (rig_send(&f->r, &f->phone, true, message) != ALG_DROP && f->r.verdict != ALG_ANSWER)
        return PASSES;
    const char *at =
        f->r.events.p ? strstr(f->r.events.p, "\"action\":\"block\",\"reason\":\"") : NULL;
    if (!at)
        return "dropped, and nobody was told why";
    at += strlen("\"action\":\"block\",\"reason\":\"");
    snprintf(what, sizeof(what), "%.*s", (int)strcspn(at, "\""), at);
    return what;
}

static void test_torture(void **state)
{
    static char bytes[RIG_ROOM];
    unsigned there = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = load(rows[i].file, bytes, sizeof(bytes));
        if (n == 0)
            continue;
        there++;
        for (int strict = 0; strict < 2; strict++) {
            struct fixture f;
            set_up(&f);
            if (strict)
                be_strict(&f.r.profile.rules);
            const char *got = verdict_of(&f, slice_of(bytes, n));
            const char *want = strict ? rows[i].strict : rows[i].normal;
            if (strcmp(got, want) != 0)
                fail_msg("%s, %s: %s, not %s", rows[i].file, strict ? "strict" : "default", got,
                         want);
            tear_down(&f);
        }
    }
    if (there == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_torture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
