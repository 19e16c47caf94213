/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands inside SIP header values: lists, parameters, hosts, URIs, addresses, Via, numbers,
 * media types and multipart bodies (RFC 3261 section 25). All results are slices of the caller's
 * bytes, so that an edit can replace exactly a host or a port; nothing is allocated and nothing is
 * kept. Any thread may call.
 *
 * Every parser returns 0, or -EINVAL with *fault set (which may be NULL); results are set only on
 * 0. Blanks and folded line ends around a value are no part of it.
 */
#pragma once

#include "alg/sip_msg.h"
#include "base/addr.h"

/*
 * Lists
 */

/*
 * Take the next comma-separated value off *rest, without blanks around it. Commas inside quotes and
 * angle brackets do not separate. Returns 1 with *item, 0 at the end, or -EINVAL (a quote or
 * bracket without its partner, an empty value); fault->offset counts from rest->p as it was at this
 * call.
 */
int sip_list_next(struct slice *rest, struct slice *item, struct sip_fault *fault);

/* All values of one header over all of its lines, in message order. */
struct sip_values {
    const struct sip_msg *msg;
    const struct sip_header *line; /* the line the last value came from */
    struct slice rest;
    bool comma; /* the header's lines are lists */
};

struct sip_values sip_values_of(const struct sip_msg *msg, enum sip_header_id id);

/*
 * Returns 1 with *item, 0 after the last, or -EINVAL. fault->offset counts from msg->bytes.p. A
 * header whose row lacks SIP_HEADER_COMMA gives each line as one value. A line with an empty value
 * gives no item.
 */
int sip_values_next(struct sip_values *it, struct slice *item, struct sip_fault *fault);

/*
 * Parameters
 */

/* `;name=value`; a quoted value keeps its quotes. */
struct sip_param {
    struct slice name;
    struct slice value; /* empty, at the end of the name, when there is none */
    bool has_value;
};

/*
 * Take the next parameter off *rest, which is empty or begins (after blanks) with ';'. Returns 1
 * with *param, 0 at the end, or -EINVAL.
 */
int sip_param_next(struct slice *rest, struct sip_param *param, struct sip_fault *fault);

/* The one parameter called `name`, any case. Returns 1, 0 when absent, -EINVAL when malformed or
 * there more than once. */
int sip_param_find(struct slice params, struct slice name, struct sip_param *param);

/*
 * Hosts and URIs
 */

enum sip_host_kind {
    SIP_HOST_NAME, /* a domain name: never edited */
    SIP_HOST_IPV4,
    SIP_HOST_IPV6,
};

/*
 * host[:port]. A host that ends in a number must be a strict dotted quad: "010.0.0.1" or "10.1" is
 * bad, since readers disagree about what it means.
 */
struct sip_host {
    enum sip_host_kind kind;
    struct slice host;   /* as written; an IPv6 address with its brackets */
    struct slice port;   /* digits only; when absent: empty, p is where ":port" would be inserted */
    bool has_port;       /* port.n > 0 */
    uint16_t port_value; /* host order; 0 when absent */
    struct ip_addr ip;   /* SIP_HOST_IPV4 and SIP_HOST_IPV6 */
};

/*
 * An address of this host is `ip`. IPv4 written as IPv6 (::ffff:10.0.0.1) is no address that a
 * packet could go to.
 */
static inline bool sip_host_is_ip(const struct sip_host *h)
{
    return h->kind == SIP_HOST_IPV4 || (h->kind == SIP_HOST_IPV6 && !ip_addr_is4(&h->ip));
}

/* All of `text` as host[:port]; blanks around the colon are allowed when `blanks` (Via). */
int sip_host_parse(struct slice text, bool blanks, struct sip_host *out, struct sip_fault *fault);

enum sip_scheme {
    SIP_SCHEME_SIP,
    SIP_SCHEME_SIPS,
    SIP_SCHEME_TEL,
    SIP_SCHEME_OTHER, /* tel and others are opaque: only text and scheme are set */
};

struct sip_uri {
    struct slice text; /* the whole URI */
    enum sip_scheme scheme;
    struct slice user; /* userinfo before '@', password included; empty when has_user is false */
    bool has_user;
    struct sip_host at;
    struct slice params;    /* from the first ';' up to '?' or the end; may be empty */
    struct slice headers;   /* from '?' to the end; may be empty */
    bool lr;                /* parameter lr */
    struct slice transport; /* value of the parameter, empty when absent */
    bool has_maddr;
    struct sip_host maddr; /* value of the parameter, without a port */
};

static inline bool sip_uri_is_sip(const struct sip_uri *uri)
{
    return uri->scheme <= SIP_SCHEME_SIPS;
}

/* All of `text` as a URI without angle brackets (RFC 3261 19.1). */
int sip_uri_parse(struct slice text, struct sip_uri *out, struct sip_fault *fault);

/*
 * Addresses: From, To, Contact, Route, Record-Route, Refer-To and every row with SIP_HEADER_ADDR
 */

struct sip_addr {
    struct slice text;    /* the whole value */
    bool star;            /* Contact: * (nothing else is set then) */
    bool bracketed;       /* <uri>; without brackets every ';' belongs to the header */
    struct slice display; /* display name as written, quotes included; may be empty */
    struct sip_uri uri;
    struct slice params;  /* header parameters from their first ';'; may be empty */
    struct slice tag;     /* value of the parameter, empty when absent */
    struct slice expires; /* value of the parameter, empty when absent */
    bool has_expires;     /* `expires` is a number of seconds */
    uint32_t expires_s;
};

/* One value (an item of a list) as name-addr or addr-spec with parameters (RFC 3261 20.10). */
int sip_addr_parse(struct slice item, struct sip_addr *out, struct sip_fault *fault);

/*
 * Via
 */

enum sip_rport {
    SIP_RPORT_ABSENT,
    SIP_RPORT_ASKED, /* `;rport` without a value (RFC 3581 3) */
    SIP_RPORT_GIVEN, /* `;rport=5060` */
};

struct sip_via {
    struct slice text;      /* the whole value */
    struct slice transport; /* UDP, TCP, TLS, ... as written */
    struct sip_host sent_by;
    struct slice params; /* from the first ';'; may be empty. Its end is where one is appended */
    struct slice branch; /* value, empty when absent */
    bool has_received;
    struct sip_host received; /* without a port; IPv6 with or without brackets */
    enum sip_rport rport;
    struct slice rport_text; /* digits; when asked: empty, p is where "=port" would be inserted */
    uint16_t rport_value;    /* when given, host order */
    bool has_maddr;
    struct sip_host maddr;
    bool has_ttl;
    uint8_t ttl;
};

/* One Via value (RFC 3261 20.42, RFC 3581). */
int sip_via_parse(struct slice item, struct sip_via *out, struct sip_fault *fault);

/*
 * Small values
 */

/* "314159 INVITE"; the number is below 2^31 (RFC 3261 8.1.1.5). */
struct sip_cseq {
    uint32_t number;
    struct slice method_text;
    enum sip_method method;
};

int sip_cseq_parse(struct slice value, struct sip_cseq *out, struct sip_fault *fault);

/* "776656 1 INVITE" (RFC 3262 7.2). */
struct sip_rack {
    uint32_t response;
    struct sip_cseq cseq;
};

int sip_rack_parse(struct slice value, struct sip_rack *out, struct sip_fault *fault);

/*
 * Expires, Min-Expires, Min-SE, Max-Forwards, RSeq, Content-Length: decimal digits alone, at most
 * `max`.
 */
int sip_number_parse(struct slice value, uint32_t max, uint32_t *out, struct sip_fault *fault);

enum sip_refresher {
    SIP_REFRESHER_NONE,
    SIP_REFRESHER_UAC,
    SIP_REFRESHER_UAS,
};

/* "1800;refresher=uac" (RFC 4028 4). */
struct sip_session_expires {
    uint32_t seconds;
    enum sip_refresher refresher;
};

int sip_session_expires_parse(struct slice value, struct sip_session_expires *out,
                              struct sip_fault *fault);

struct sip_content_type {
    struct slice type;
    struct slice subtype;
    struct slice params;
    struct slice boundary; /* of a multipart, without quotes; empty otherwise */
    bool is_sdp;           /* application/sdp */
    bool is_multipart;     /* multipart/... */
};

int sip_content_type_parse(struct slice value, struct sip_content_type *out,
                           struct sip_fault *fault);

/*
 * Bodies
 */

/* One part of a multipart body (RFC 2046 5.1). */
struct sip_part {
    struct slice head; /* its header lines, may be empty */
    struct slice body; /* without the line end before the next boundary */
    bool has_type;
    struct sip_content_type type;
    bool encoded; /* Content-Encoding or Content-Transfer-Encoding says the bytes are not plain */
};

struct sip_parts {
    struct slice body;
    struct slice boundary;
    size_t offset; /* of the line of the boundary that opens the next part */
    bool ended;
};

/* Start over the parts of `body`, whose type is `type` (a multipart with a boundary). */
int sip_parts_of(const struct sip_content_type *type, struct slice body, struct sip_parts *out,
                 struct sip_fault *fault);

/* Returns 1 with *part, 0 after the closing boundary, -EINVAL; offsets count from the body. */
int sip_parts_next(struct sip_parts *it, struct sip_part *part, struct sip_fault *fault);

#define SIP_SDP_MAX 4 /* session descriptions looked for in one message */

/*
 * The session descriptions of a message: its body, or parts of its multipart body (two levels). A
 * body without Content-Type counts when it begins with "v=". Bodies that are encoded (gzip, base64)
 * are left alone. Writes at most SIP_SDP_MAX slices; returns how many, or -EINVAL when the media
 * type or the multipart is malformed or there are more (fault->offset counts from msg->bytes.p).
 */
int sip_msg_sdp(const struct sip_msg *msg, struct slice out[SIP_SDP_MAX], struct sip_fault *fault);
