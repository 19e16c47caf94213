/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A SIP message as an index of slices (RFC 3261 sections 7 and 25). The parser makes one pass over
 * the caller's bytes, allocates nothing and keeps nothing: every slice points into those bytes and
 * lives as long as they do. A `struct sip_msg` belongs to whoever declared it; any thread may parse
 * into its own.
 *
 * Only what decides where things begin and end is judged here: line ends, names, folding, the start
 * line, the length of the body, and headers that may not come twice. Where a strict and a lenient
 * reader would see two different messages the verdict is SIP_BAD with a reason; nothing is guessed.
 * What stands inside a header value is read by sip_header.h, on demand.
 */
#pragma once

#include "base/slice.h"

/* What a datagram on a SIP port is, from its first line alone. */
enum sip_class {
    SIP_CLASS_SIP,       /* begins like a request or a response, well formed or not */
    SIP_CLASS_KEEPALIVE, /* empty, only CR and LF, or one zero byte (RFC 5626 4.4.1) */
    SIP_CLASS_STUN,      /* first byte 0 or 1 (RFC 5626 4.4.2) */
    SIP_CLASS_OTHER,     /* none of these: not ours to judge */
};

/* Cost: the first line. For datagrams; a stream asks sip_msg_parse and sip_keepalive_len. */
enum sip_class sip_classify(struct slice datagram);

/* Bytes of CR and LF at the front: on a stream, keep-alives before the next message. */
size_t sip_keepalive_len(struct slice bytes);

/*
 * Methods in the order of the statistics: X(identifier, text). Methods are compared with their case
 * (RFC 3261 7.1); one of these in another case is SIP_BAD_METHOD_CASE, since a lenient phone would
 * obey it and a strict one would not.
 */
#define SIP_METHOD_LIST(X)    \
    X(UNKNOWN, "UNKNOWN")     \
    X(ACK, "ACK")             \
    X(BYE, "BYE")             \
    X(CANCEL, "CANCEL")       \
    X(INFO, "INFO")           \
    X(INVITE, "INVITE")       \
    X(MESSAGE, "MESSAGE")     \
    X(NOTIFY, "NOTIFY")       \
    X(OPTIONS, "OPTIONS")     \
    X(PRACK, "PRACK")         \
    X(PUBLISH, "PUBLISH")     \
    X(REFER, "REFER")         \
    X(REGISTER, "REGISTER")   \
    X(SUBSCRIBE, "SUBSCRIBE") \
    X(UPDATE, "UPDATE")       \
    X(PING, "PING")

enum sip_method {
#define X(id, text) SIP_METHOD_##id,
    SIP_METHOD_LIST(X)
#undef X
    SIP_METHOD_COUNT
};

/* Text of a method, zero-terminated; "UNKNOWN" for one without a row. */
const char *sip_method_name(enum sip_method method);

/* The row of `text`, compared in full and with case; SIP_METHOD_UNKNOWN when there is none. */
enum sip_method sip_method_find(struct slice text);

/* What a row of the header table says about its header. */
enum sip_header_flags {
    SIP_HEADER_ONCE = 1,  /* a second one would let two readers disagree: the message is bad */
    SIP_HEADER_COMMA = 2, /* one line may carry several values, separated by commas */
    SIP_HEADER_ADDR = 4,  /* each value is a name-addr or addr-spec */
};

/*
 * Headers: X(identifier, name, compact form or "", flags). Names are compared in full, in any case.
 * A new header is a new row. OTHER, the first row, is every name without a row.
 */
#define SIP_HEADER_LIST(X)                                                                  \
    X(OTHER, "", "", 0)                                                                     \
    X(ACCEPT, "Accept", "", SIP_HEADER_COMMA)                                               \
    X(ACCEPT_CONTACT, "Accept-Contact", "a", SIP_HEADER_COMMA)                              \
    X(ACCEPT_ENCODING, "Accept-Encoding", "", SIP_HEADER_COMMA)                             \
    X(ACCEPT_LANGUAGE, "Accept-Language", "", SIP_HEADER_COMMA)                             \
    X(ALERT_INFO, "Alert-Info", "", SIP_HEADER_COMMA)                                       \
    X(ALLOW, "Allow", "", SIP_HEADER_COMMA)                                                 \
    X(ALLOW_EVENTS, "Allow-Events", "u", SIP_HEADER_COMMA)                                  \
    X(AUTHENTICATION_INFO, "Authentication-Info", "", SIP_HEADER_COMMA)                     \
    X(AUTHORIZATION, "Authorization", "", 0)                                                \
    X(CALL_ID, "Call-ID", "i", SIP_HEADER_ONCE)                                             \
    X(CALL_INFO, "Call-Info", "", SIP_HEADER_COMMA)                                         \
    X(CONTACT, "Contact", "m", SIP_HEADER_COMMA | SIP_HEADER_ADDR)                          \
    X(CONTENT_DISPOSITION, "Content-Disposition", "", 0)                                    \
    X(CONTENT_ENCODING, "Content-Encoding", "e", SIP_HEADER_COMMA)                          \
    X(CONTENT_LANGUAGE, "Content-Language", "", SIP_HEADER_COMMA)                           \
    X(CONTENT_LENGTH, "Content-Length", "l", SIP_HEADER_ONCE)                               \
    X(CONTENT_TYPE, "Content-Type", "c", SIP_HEADER_ONCE)                                   \
    X(CSEQ, "CSeq", "", SIP_HEADER_ONCE)                                                    \
    X(DATE, "Date", "", 0)                                                                  \
    X(DIVERSION, "Diversion", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)                       \
    X(ERROR_INFO, "Error-Info", "", SIP_HEADER_COMMA)                                       \
    X(EVENT, "Event", "o", SIP_HEADER_ONCE)                                                 \
    X(EXPIRES, "Expires", "", SIP_HEADER_ONCE)                                              \
    X(FLOW_TIMER, "Flow-Timer", "", 0)                                                      \
    X(FROM, "From", "f", SIP_HEADER_ONCE | SIP_HEADER_ADDR)                                 \
    X(GEOLOCATION, "Geolocation", "", SIP_HEADER_COMMA)                                     \
    X(HISTORY_INFO, "History-Info", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)                 \
    X(IDENTITY, "Identity", "y", 0)                                                         \
    X(IDENTITY_INFO, "Identity-Info", "n", 0)                                               \
    X(IN_REPLY_TO, "In-Reply-To", "", SIP_HEADER_COMMA)                                     \
    X(JOIN, "Join", "", 0)                                                                  \
    X(MAX_FORWARDS, "Max-Forwards", "", SIP_HEADER_ONCE)                                    \
    X(MIME_VERSION, "MIME-Version", "", 0)                                                  \
    X(MIN_EXPIRES, "Min-Expires", "", 0)                                                    \
    X(MIN_SE, "Min-SE", "", 0)                                                              \
    X(ORGANIZATION, "Organization", "", 0)                                                  \
    X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", "", SIP_HEADER_COMMA)                 \
    X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)   \
    X(P_ASSOCIATED_URI, "P-Associated-URI", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)         \
    X(P_CALLED_PARTY_ID, "P-Called-Party-ID", "", SIP_HEADER_ADDR)                          \
    X(P_CHARGING_VECTOR, "P-Charging-Vector", "", 0)                                        \
    X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR) \
    X(PATH, "Path", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)                                 \
    X(PRIORITY, "Priority", "", 0)                                                          \
    X(PRIVACY, "Privacy", "", 0)                                                            \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate", "", 0)                                      \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization", "", 0)                                    \
    X(PROXY_REQUIRE, "Proxy-Require", "", SIP_HEADER_COMMA)                                 \
    X(RACK, "RAck", "", SIP_HEADER_ONCE)                                                    \
    X(REASON, "Reason", "", SIP_HEADER_COMMA)                                               \
    X(RECORD_ROUTE, "Record-Route", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)                 \
    X(REFER_SUB, "Refer-Sub", "", 0)                                                        \
    X(REFER_TO, "Refer-To", "r", SIP_HEADER_ONCE | SIP_HEADER_ADDR)                         \
    X(REFERRED_BY, "Referred-By", "b", SIP_HEADER_ADDR)                                     \
    X(REJECT_CONTACT, "Reject-Contact", "j", SIP_HEADER_COMMA)                              \
    X(REMOTE_PARTY_ID, "Remote-Party-ID", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)           \
    X(REPLACES, "Replaces", "", 0)                                                          \
    X(REPLY_TO, "Reply-To", "", SIP_HEADER_ADDR)                                            \
    X(REQUEST_DISPOSITION, "Request-Disposition", "d", SIP_HEADER_COMMA)                    \
    X(REQUIRE, "Require", "", SIP_HEADER_COMMA)                                             \
    X(RETRY_AFTER, "Retry-After", "", 0)                                                    \
    X(ROUTE, "Route", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)                               \
    X(RSEQ, "RSeq", "", SIP_HEADER_ONCE)                                                    \
    X(SECURITY_CLIENT, "Security-Client", "", SIP_HEADER_COMMA)                             \
    X(SERVER, "Server", "", 0)                                                              \
    X(SERVICE_ROUTE, "Service-Route", "", SIP_HEADER_COMMA | SIP_HEADER_ADDR)               \
    X(SESSION_EXPIRES, "Session-Expires", "x", SIP_HEADER_ONCE)                             \
    X(SIP_ETAG, "SIP-ETag", "", 0)                                                          \
    X(SIP_IF_MATCH, "SIP-If-Match", "", 0)                                                  \
    X(SUBJECT, "Subject", "s", 0)                                                           \
    X(SUBSCRIPTION_STATE, "Subscription-State", "", SIP_HEADER_ONCE)                        \
    X(SUPPORTED, "Supported", "k", SIP_HEADER_COMMA)                                        \
    X(TIMESTAMP, "Timestamp", "", 0)                                                        \
    X(TO, "To", "t", SIP_HEADER_ONCE | SIP_HEADER_ADDR)                                     \
    X(UNSUPPORTED, "Unsupported", "", SIP_HEADER_COMMA)                                     \
    X(USER_AGENT, "User-Agent", "", 0)                                                      \
    X(VIA, "Via", "v", SIP_HEADER_COMMA)                                                    \
    X(WARNING, "Warning", "", SIP_HEADER_COMMA)                                             \
    X(WWW_AUTHENTICATE, "WWW-Authenticate", "", 0)

enum sip_header_id {
#define X(id, name, compact, flags) SIP_##id,
    SIP_HEADER_LIST(X)
#undef X
    SIP_HEADER_COUNT
};

/* Full name of a header, zero-terminated; "" for SIP_OTHER. */
const char *sip_header_name(enum sip_header_id id);

/* enum sip_header_flags of a header. */
unsigned sip_header_flags(enum sip_header_id id);

/* The row of a name or compact form, any case; SIP_OTHER when there is none. */
enum sip_header_id sip_header_find(struct slice name);

/* Why a message or a value is bad: X(identifier, text). */
#define SIP_BAD_LIST(X)                                                                      \
    X(NONE, "well formed")                                                                   \
    X(EMPTY, "no start line")                                                                \
    X(START_LINE, "start line is neither a request nor a response")                          \
    X(VERSION, "protocol version is not SIP/2.0")                                            \
    X(METHOD_CASE, "known method in another case")                                           \
    X(REQUEST_URI, "request URI is empty or contains a bracket, quote or control character") \
    X(STATUS, "status code is not 100 to 699")                                               \
    X(ZERO_BYTE, "zero byte in the header part")                                             \
    X(BARE_CR, "CR without LF in the header part")                                           \
    X(MIXED_EOL, "line ends of both kinds in the header part")                               \
    X(FOLD_FIRST, "the first header line begins with a blank")                               \
    X(FOLD_BLANK, "a folded line holds nothing but blanks")                                  \
    X(HEADER_NAME, "header name is empty or holds a character no name may hold")             \
    X(HEADER_COLON, "header line without a colon")                                           \
    X(HEADER_COUNT, "more header lines than are indexed")                                    \
    X(HEADER_TWICE, "a header that may come once came twice")                                \
    X(HEAD_END, "datagram ends before the empty line")                                       \
    X(LENGTH_VALUE, "Content-Length is no number")                                           \
    X(LENGTH_RANGE, "Content-Length is out of range")                                        \
    X(LENGTH_BEYOND, "Content-Length reaches beyond the datagram")                           \
    X(LENGTH_ABSENT, "no Content-Length on a stream")                                        \
    X(QUOTE, "quoted string does not end")                                                   \
    X(BRACKET, "angle brackets do not match")                                                \
    X(ITEM_EMPTY, "empty value in a list")                                                   \
    X(HEADER_ABSENT, "no Call-ID, CSeq, From, To or Via")                                    \
    X(URI_SCHEME, "URI without a scheme")                                                    \
    X(URI_USER, "URI with more than one '@'")                                                \
    X(URI_CHARACTER, "character that may not stand in a URI")                                \
    X(URI_BARE, "URI that needs angle brackets stands without them")                         \
    X(HOST, "host is neither a name nor an address")                                         \
    X(PORT, "port is not 1 to 65535")                                                        \
    X(PARAMETER, "malformed parameter")                                                      \
    X(PARAMETER_TWICE, "a parameter that may come once came twice")                          \
    X(TRAILING, "bytes after the value")                                                     \
    X(STAR, "'*' stands beside other contacts")                                              \
    X(VIA_PROTOCOL, "Via does not begin with SIP/2.0/transport")                             \
    X(NUMBER, "not a number, or out of range")                                               \
    X(METHOD, "method is no token")                                                          \
    X(MEDIA_TYPE, "malformed media type")                                                    \
    X(BOUNDARY, "multipart without a usable boundary")                                       \
    X(PART, "malformed part of a multipart body")                                            \
    X(PART_DEPTH, "multipart bodies nested too deep")

enum sip_bad {
#define X(id, text) SIP_BAD_##id,
    SIP_BAD_LIST(X)
#undef X
    SIP_BAD_COUNT
};

/* A sentence for people, zero-terminated. */
const char *sip_bad_text(enum sip_bad reason);

/* What is wrong and where: `offset` counts from the first byte of the slice that was parsed. */
struct sip_fault {
    enum sip_bad reason;
    size_t offset;
};

/* One header line. The line itself (with folds and line end) is given by sip_header_line. */
struct sip_header {
    struct slice name;     /* as written, without blanks before the colon */
    struct slice value;    /* folding included, blanks and line ends trimmed at both ends */
    enum sip_header_id id; /* SIP_OTHER when it has no row */
    uint8_t next;          /* index + 1 of the next line with this id (not for SIP_OTHER), or 0 */
};

#define SIP_HEADERS_MAX 128       /* header lines in one message */
#define SIP_LENGTH_MAX  0xffffffu /* the largest Content-Length that is believed, in bytes */

/* How Content-Length and the bytes that came relate. Reaching beyond them is a fault instead. */
enum sip_length {
    SIP_LENGTH_ABSENT, /* no such header: the rest of the datagram is the body */
    SIP_LENGTH_EXACT,  /* the body ends where the datagram ends; on a stream, always */
    SIP_LENGTH_SHORT,  /* bytes follow the body: see `trailing` */
};

struct sip_msg {
    struct slice bytes; /* the whole message: line ends before it, head and body */
    struct slice head;  /* start line up to and including the empty line */
    struct slice body;  /* may be empty; its pointer is the end of the head then */
    size_t trailing;    /* bytes of the datagram behind the body; 0 on a stream */
    bool is_request;
    uint8_t eol;              /* bytes of every line end in the head: 1 (LF) or 2 (CRLF) */
    uint16_t status;          /* response: 100 to 699 */
    enum sip_method method;   /* request; SIP_METHOD_UNKNOWN in a response */
    struct slice method_text; /* request: as written */
    struct slice uri;         /* request: Request-URI as written */
    struct slice version;     /* SIP/2.0 as written */
    struct slice reason;      /* response: reason phrase, may be empty */
    enum sip_length length;
    uint32_t length_value; /* Content-Length when it is present */
    uint32_t longest_line; /* bytes of the longest line of the head, without its line end */
    size_t longest_offset; /* where that line begins, from bytes.p */
    unsigned n_headers;
    uint8_t first[SIP_HEADER_COUNT]; /* index + 1 of the first line with this id, or 0 */
    struct sip_header headers[SIP_HEADERS_MAX];
};

enum sip_mode {
    SIP_DATAGRAM, /* all bytes of one datagram */
    SIP_STREAM,   /* the front of a stream; more may come */
};

enum sip_result {
    SIP_DONE,      /* *msg is valid; msg->bytes.n bytes belong to it */
    SIP_BAD,       /* *fault says why; *msg holds nothing of use */
    SIP_NEED_MORE, /* streams only: *need says how many bytes in all are known to be needed */
};

/*
 * Index the message at the front of `bytes`. Leading line ends are skipped and counted in
 * msg->bytes (RFC 3261 7.5). `fault` is set on SIP_BAD, `need` on SIP_NEED_MORE: the length of the
 * whole message once its head is complete, else one byte more than there is; each may be NULL. On a
 * stream a fault of the start line (sip_bad_is_start) means that it does not begin with SIP.
 */
enum sip_result sip_msg_parse(struct slice bytes, enum sip_mode mode, struct sip_msg *msg,
                              struct sip_fault *fault, size_t *need);

/* True for faults of the start line: what came may not be SIP at all. */
static inline bool sip_bad_is_start(enum sip_bad reason)
{
    return reason >= SIP_BAD_EMPTY && reason <= SIP_BAD_STATUS;
}

/* First line with this id (not SIP_OTHER), or NULL. */
static inline const struct sip_header *sip_header_first(const struct sip_msg *msg,
                                                        enum sip_header_id id)
{
    return msg->first[id] ? &msg->headers[msg->first[id] - 1] : NULL;
}

/* Next line with the same id, or NULL. */
static inline const struct sip_header *sip_header_next(const struct sip_msg *msg,
                                                       const struct sip_header *h)
{
    return h->next ? &msg->headers[h->next - 1] : NULL;
}

/* Value of the first line with this id, or an empty slice with a NULL pointer. */
static inline struct slice sip_header_value(const struct sip_msg *msg, enum sip_header_id id)
{
    const struct sip_header *h = sip_header_first(msg, id);
    return h ? h->value : SLICE_NONE;
}

/* The bytes of header line `i` (i < n_headers) with folds and its line end: lines lie end to end.
 */
static inline struct slice sip_header_line(const struct sip_msg *msg, unsigned i)
{
    const char *end =
        i + 1 < msg->n_headers ? msg->headers[i + 1].name.p : msg->head.p + msg->head.n - msg->eol;
    return slice_between(msg->headers[i].name.p, end);
}

/* Where a new header line may be inserted so that it becomes the first, from msg->bytes.p. */
static inline size_t sip_msg_headers_offset(const struct sip_msg *msg)
{
    const char *end =
        msg->n_headers ? msg->headers[0].name.p : msg->head.p + msg->head.n - msg->eol;
    return (size_t)(end - msg->bytes.p);
}

/* Offset of a slice's first byte inside the message. */
static inline size_t sip_offset(const struct sip_msg *msg, struct slice s)
{
    return (size_t)(s.p - msg->bytes.p);
}
