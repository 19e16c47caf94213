/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a VoIP profile checks and limits, as configuration and gateway both name it. A new check is
 * a new row here and its checker in the gateway. Filled by config/, read by the ALG thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Methods that can be blocked and limited, in the order of the options: X(identifier, word). */
#define VOIP_METHODS(X)       \
    X(ACK, "ack")             \
    X(BYE, "bye")             \
    X(CANCEL, "cancel")       \
    X(INFO, "info")           \
    X(INVITE, "invite")       \
    X(MESSAGE, "message")     \
    X(NOTIFY, "notify")       \
    X(OPTIONS, "options")     \
    X(PRACK, "prack")         \
    X(PUBLISH, "publish")     \
    X(REFER, "refer")         \
    X(REGISTER, "register")   \
    X(SUBSCRIBE, "subscribe") \
    X(UPDATE, "update")

enum voip_method {
#define X(id, word) VOIP_METHOD_##id,
    VOIP_METHODS(X)
#undef X
    VOIP_METHOD_COUNT
};

/* Checks in the order of the options: X(identifier, option, what is wrong). */
#define VOIP_CHECKS(X)                                                                       \
    X(UNKNOWN_HEADER, "unknown-header", "unknown header")                                    \
    X(REQUEST_LINE, "malformed-request-line", "malformed request line")                      \
    X(VIA, "malformed-header-via", "malformed Via header")                                   \
    X(FROM, "malformed-header-from", "malformed From header")                                \
    X(TO, "malformed-header-to", "malformed To header")                                      \
    X(CALL_ID, "malformed-header-call-id", "malformed Call-ID header")                       \
    X(CSEQ, "malformed-header-cseq", "malformed CSeq header")                                \
    X(RACK, "malformed-header-rack", "malformed RAck header")                                \
    X(RSEQ, "malformed-header-rseq", "malformed RSeq header")                                \
    X(CONTACT, "malformed-header-contact", "malformed Contact header")                       \
    X(RECORD_ROUTE, "malformed-header-record-route", "malformed Record-Route header")        \
    X(ROUTE, "malformed-header-route", "malformed Route header")                             \
    X(EXPIRES, "malformed-header-expires", "malformed Expires header")                       \
    X(CONTENT_TYPE, "malformed-header-content-type", "malformed Content-Type header")        \
    X(CONTENT_LENGTH, "malformed-header-content-length", "malformed Content-Length header")  \
    X(MAX_FORWARDS, "malformed-header-max-forwards", "malformed Max-Forwards header")        \
    X(ALLOW, "malformed-header-allow", "malformed Allow header")                             \
    X(P_ASSERTED_IDENTITY, "malformed-header-p-asserted-identity",                           \
      "malformed P-Asserted-Identity header")                                                \
    X(NO_REQUIRE, "malformed-header-no-require", "missing Require header")                   \
    X(NO_PROXY_REQUIRE, "malformed-header-no-proxy-require", "missing Proxy-Require header") \
    X(SDP_V, "malformed-header-sdp-v", "malformed SDP v line")                               \
    X(SDP_O, "malformed-header-sdp-o", "malformed SDP o line")                               \
    X(SDP_S, "malformed-header-sdp-s", "malformed SDP s line")                               \
    X(SDP_I, "malformed-header-sdp-i", "malformed SDP i line")                               \
    X(SDP_C, "malformed-header-sdp-c", "malformed SDP c line")                               \
    X(SDP_B, "malformed-header-sdp-b", "malformed SDP b line")                               \
    X(SDP_Z, "malformed-header-sdp-z", "malformed SDP z line")                               \
    X(SDP_K, "malformed-header-sdp-k", "malformed SDP k line")                               \
    X(SDP_A, "malformed-header-sdp-a", "malformed SDP a line")                               \
    X(SDP_T, "malformed-header-sdp-t", "malformed SDP t line")                               \
    X(SDP_R, "malformed-header-sdp-r", "malformed SDP r line")                               \
    X(SDP_M, "malformed-header-sdp-m", "malformed SDP m line")

enum voip_check {
#define X(id, option, text) VOIP_CHECK_##id,
    VOIP_CHECKS(X)
#undef X
    VOIP_CHECK_COUNT
};

enum voip_action {
    VOIP_PASS, /* go on with what can be read */
    VOIP_DISCARD,
    VOIP_RESPOND, /* discard, and answer a request with an error */
};

/* What a rate counts by. */
enum voip_track {
    VOIP_TRACK_NONE, /* the policy alone */
    VOIP_TRACK_SRC,
    VOIP_TRACK_DST,
};

struct voip_rules {
    uint64_t checked;                          /* bit per voip_check: it has to be looked for */
    uint32_t blocked;                          /* bit per voip_method */
    uint32_t max_line_length, max_body_length; /* bytes; 0 no limit */
    bool block_long_lines, block_unknown, block_geo_red_options;
    bool rfc2543_branch;              /* a Via branch needs no magic cookie */
    uint8_t action[VOIP_CHECK_COUNT]; /* enum voip_action */
    uint8_t track[VOIP_METHOD_COUNT]; /* enum voip_track */
    uint32_t rate[VOIP_METHOD_COUNT]; /* requests a second; 0 no limit */
};
