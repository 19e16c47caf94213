/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session description (RFC 8866) as an index of slices: what a gateway edits and what it needs to
 * know about each medium. One pass, no allocation; every slice points into the caller's bytes. Any
 * thread may call.
 *
 * Lines of unknown type and attributes are passed over. Lines that carry addresses or ports must be
 * well formed; a malformed s=, b= or t= is only noted. Whatever two readers could take differently
 * (bare CR, line ends of both kinds, an empty line inside, a second c= at one level) is bad.
 */
#pragma once

#include "base/addr.h"

/* Why a description is bad: X(identifier, text). */
#define SDP_BAD_LIST(X)                                      \
    X(NONE, "well formed")                                   \
    X(EMPTY, "empty description")                            \
    X(LINE, "line is not of the form letter=value")          \
    X(EOL, "bare CR, zero byte, or line ends of both kinds") \
    X(BLANK, "lines after an empty line")                    \
    X(VERSION, "does not begin with v=0")                    \
    X(TWICE, "a line that may come once came twice")         \
    X(ORDER, "a line of the session stands behind a medium") \
    X(ORIGIN, "malformed o= line")                           \
    X(CONNECTION, "malformed c= line")                       \
    X(ADDRESS, "address is neither valid nor a name")        \
    X(MEDIA, "malformed m= line")                            \
    X(PORT, "port or number of ports out of range")          \
    X(RTCP, "malformed a=rtcp attribute")                    \
    X(CANDIDATE, "malformed a=candidate attribute")          \
    X(DIRECTION, "two different directions at one level")

enum sdp_bad {
#define X(id, text) SDP_BAD_##id,
    SDP_BAD_LIST(X)
#undef X
    SDP_BAD_COUNT
};

/* A sentence for people, zero-terminated. */
const char *sdp_bad_text(enum sdp_bad reason);

/* What is wrong and where: the offset counts from the first byte given, `line` is the type letter
 * of the line (0 when it has none). */
struct sdp_fault {
    enum sdp_bad reason;
    size_t offset;
    char line;
};

enum sdp_addr_kind {
    SDP_ADDR_NONE, /* there is none */
    SDP_ADDR_IP4,
    SDP_ADDR_IP6,
    SDP_ADDR_NAME,  /* a domain name: never edited */
    SDP_ADDR_OTHER, /* a network or address type not known here */
};

struct sdp_addr {
    enum sdp_addr_kind kind;
    struct slice type; /* "IP4", "IP6" as written */
    struct slice text; /* the address alone, without "/ttl" */
    struct ip_addr ip; /* SDP_ADDR_IP4 and SDP_ADDR_IP6 */
    bool is_zero;      /* 0.0.0.0 or ::, which means hold and is never translated */
};

/* `ip` is an address that media can go to; IPv4 written as IPv6 is none. */
static inline bool sdp_addr_is_ip(const struct sdp_addr *a)
{
    return a->kind == SDP_ADDR_IP4 || (a->kind == SDP_ADDR_IP6 && !ip_addr_is4(&a->ip));
}

struct sdp_origin {
    bool present;
    struct slice line; /* without line end, as all lines here */
    struct slice user;
    struct slice session_id;
    struct slice session_version;
    struct sdp_addr addr;
};

enum sdp_direction {
    SDP_SENDRECV,
    SDP_SENDONLY,
    SDP_RECVONLY,
    SDP_INACTIVE,
};

enum sdp_transport {
    SDP_TRANSPORT_UDP, /* RTP/..., UDP/..., udp, udptl, DTLS/SCTP */
    SDP_TRANSPORT_TCP, /* TCP, TCP/... */
    SDP_TRANSPORT_OTHER,
};

/* Who opens the connection of a medium over TCP (RFC 4145 4). */
enum sdp_setup {
    SDP_SETUP_NONE,
    SDP_SETUP_ACTIVE,
    SDP_SETUP_PASSIVE,
    SDP_SETUP_ACTPASS,
    SDP_SETUP_HOLDCONN,
};

struct sdp_rtcp {
    bool present;
    struct slice port_text;
    uint16_t port;        /* host order */
    struct sdp_addr addr; /* SDP_ADDR_NONE when the attribute gives a port alone */
};

struct sdp_media {
    struct slice section; /* from "m=" to the next one or the end, line ends included */
    struct slice kind;    /* audio, video, image, ... */
    struct slice port_text;
    uint16_t port;           /* host order; 0: the stream is refused or gone */
    struct slice count_text; /* of "port/count"; empty when absent */
    uint16_t count;          /* 1 when absent; the last pair begins at or below 65535 */
    struct slice proto;
    enum sdp_transport transport;
    struct slice formats;
    struct sdp_addr connection; /* its own, else that of the session */
    bool connection_own;        /* `connection` stands in this section */
    struct sdp_rtcp rtcp;
    bool rtp;             /* its protocol is RTP, over whatever: RTCP belongs to it */
    bool rtcp_mux;        /* a=rtcp-mux or a=rtcp-mux-only */
    bool rtcp_mux_only;   /* RFC 8858: no other port is offered */
    enum sdp_setup setup; /* its own, else that of the session */
    enum sdp_direction direction;
    bool held;             /* sendonly, inactive, or a zero connection address */
    uint16_t n_candidates; /* a=candidate lines in this section */
};

#define SDP_MEDIA_MAX 32 /* media indexed; those beyond are counted and pass as they are */

struct sdp {
    struct slice bytes;
    struct sdp_origin origin;
    struct slice name;          /* s=, empty when absent */
    struct slice info;          /* i= of the session, empty when absent */
    struct sdp_addr connection; /* of the session */
    struct slice timing;        /* first t= value, empty when absent */
    enum sdp_direction direction;
    enum sdp_setup setup;
    bool ice_lite;
    uint32_t odd_lines;  /* bit (letter - 'a'): such a line breaks the grammar without harm */
    unsigned n_media;    /* indexed, at most SDP_MEDIA_MAX */
    unsigned media_over; /* further m= lines */
    struct sdp_media media[SDP_MEDIA_MAX];
};

/* Index `bytes`. Returns 0, or -EINVAL with *fault (which may be NULL); *out holds nothing of use
 * then. */
int sdp_parse(struct slice bytes, struct sdp *out, struct sdp_fault *fault);

/* a=candidate (RFC 8839 5.1). */
struct sdp_candidate {
    struct slice line; /* from "a=" without line end */
    struct slice foundation;
    uint16_t component;
    struct slice transport;
    uint32_t priority;
    struct sdp_addr addr;
    struct slice port_text;
    uint16_t port;
    struct slice type;         /* host, srflx, prflx, relay */
    struct sdp_addr related;   /* raddr, SDP_ADDR_NONE when absent */
    struct slice related_port; /* rport, empty when absent */
    uint16_t related_port_value;
};

/*
 * Walk the candidates of a medium: *rest starts as media->section. Returns 1 with *out, 0 after the
 * last, -EINVAL with *fault (offset from rest->p as it was at this call) when one is malformed.
 */
int sdp_candidate_next(struct slice *rest, struct sdp_candidate *out, struct sdp_fault *fault);
