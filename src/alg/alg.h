/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The SIP application-layer gateway as the rest of the house sees it: a message in, the same
 * message with edited addresses out, mappings opened and closed on the way. Knows no mbuf and no
 * NIC.
 *
 * One thread (the ALG core; in replay the only thread) owns a struct alg and calls everything here,
 * except the counters, which any thread may read. `now_ms` never goes back.
 */
#pragma once

#include "base/events.h"
#include "base/voip.h"
#include "sessions/mapping.h"

struct alg;
struct sip_debug;
struct sip_log;

/* What a VoIP profile means to the ALG; filled by fastpath/compile, part of the snapshot. */
struct voip_profile {
    char name[48];
    bool sip_status, rtp, nat_trace, preserve_override, no_sdp_fixup;
    bool open_register_pinhole, open_contact_pinhole, strict_register;
    bool open_via_pinhole, open_record_route_pinhole;
    bool log_violations, log_call_summary;
    bool contact_fixup, register_contact_trace, hosted_nat_traversal, hnt_restrict_source_ip;
    uint16_t nat_port_first, nat_port_last;
    uint32_t max_dialogs, max_idle_dialogs; /* per policy; 0 no limit */
    uint32_t call_keepalive_s;              /* 0 off */
    uint32_t provisional_invite_expiry_s;
    struct voip_rules rules; /* what a message is checked for, and how many there may be */
};

/*
 * Why the ALG dropped a message: identifier, name in counters and JSON, text for people. The
 * fastpath's list of drop reasons takes these rows in.
 */
#define ALG_REASONS(X)                                                                             \
    X(SIP_MALFORMED, "sip-malformed", "message that is not well-formed SIP")                       \
    X(SIP_TOO_LARGE, "sip-too-large", "message larger than a datagram after editing")              \
    X(SIP_SDP_MALFORMED, "sip-sdp-malformed", "session description that is not well-formed")       \
    X(SIP_NO_PORT, "sip-no-port", "no public port left for media or signalling")                   \
    X(SIP_NO_MAPPING, "sip-no-mapping", "mapping table full")                                      \
    X(SIP_NO_DIALOG, "sip-no-dialog", "dialog table full")                                         \
    X(SIP_DIALOG_LIMIT, "sip-dialog-limit", "max-dialogs of the policy reached")                   \
    X(SIP_CALL_ENDED, "sip-call-ended", "message of a call that call-keepalive has ended")         \
    X(SIP_MEDIA_LIMIT, "sip-media-limit", "more media streams than one dialog may open")           \
    X(SIP_MEDIA_HOST, "sip-media-host", "more media streams than one inside host may have")        \
    X(SIP_MEDIA_FULL, "sip-media-full", "no room for media streams left")                          \
    X(SIP_BLOCKED, "sip-blocked", "method that the VoIP profile blocks")                           \
    X(SIP_RATE, "sip-rate", "more requests a second than the VoIP profile allows")                 \
    X(SIP_LONG_LINE, "sip-long-line", "line longer than max-line-length")                          \
    X(SIP_BODY_LENGTH, "sip-body-length", "body longer than max-body-length")                      \
    X(SIP_VIOLATION, "sip-violation", "malformed in a way that the VoIP profile discards")         \
    X(SIP_ANSWERED, "sip-answered", "ACK of an answer that the firewall gave")                     \
    X(SIP_STREAM_LIMIT, "sip-stream-limit", "more TCP connections than the ALG holds")             \
    X(SIP_STREAM_FULL, "sip-stream-full", "no buffer left for bytes of a TCP connection")          \
    X(SIP_STREAM_STRAY, "sip-stream-stray", "TCP segment outside the window, or of no connection") \
    X(SIP_STREAM_CHECKSUM, "sip-stream-checksum", "TCP segment with a wrong checksum")             \
    X(SIP_STREAM_BROKEN, "sip-stream-broken", "TCP connection that stopped being SIP, reset")      \
    X(SIP_STREAM_LONG, "sip-stream-long", "message too long for a TCP connection, reset")          \
    X(SIP_STREAM_CUT, "sip-stream-cut", "TCP connection that ended within a message")              \
    X(SIP_STREAM_SILENT, "sip-stream-silent", "TCP connection with a side that fell silent, reset")

enum alg_reason {
    ALG_REASON_NONE,
#define X(id, name, text) ALG_REASON_##id,
    ALG_REASONS(X)
#undef X
    ALG_REASON_COUNT
};

/* Its name in counters and JSON. */
const char *alg_reason_name(enum alg_reason reason);

/* One UDP payload of a session that has an ALG, or one message out of its TCP connection. */
struct alg_packet {
    struct slice payload;
    struct handle session;
    uint64_t now_ms;
    bool outward;               /* it travels from the inside party to the outside */
    struct ip_port src, dst;    /* as it arrived */
    struct ip_port inside;      /* the inside party of this session ... */
    struct ip_port public_side; /* ... and what stands for it outside; equal without NAT */
    struct ip_port outside;     /* the other party */
    /* Public ports that no pinhole may have, of UDP and TCP; valid during the call. */
    const struct nat_fit *barred, *barred_tcp;
    struct pool_lease lease; /* what the public side is held by; pool 0: nothing */
    bool by_vip;             /* policies, mostly of a VIP, let others in: no mapping */
    bool from_external;      /* it came in by an interface that is marked `external` */
    bool outer;              /* the inside party is outside: a policy translates who comes in */
    const struct alg_names *names; /* by configuration (alg_names.h); NULL: there are none */
    uint16_t inside_zone;          /* for mappings of the inside party */
    uint16_t inside_ifindex, outside_ifindex;
    uint16_t in_ifindex, out_ifindex; /* its way, for the log */
    uint8_t proto;                    /* 17 or 6 */
    bool reply;                       /* against the direction in which the session began */
    bool log;                         /* the policy wants utm logs */
    uint32_t policy_id;
    uint16_t profile_index;
    const struct voip_profile *profile; /* valid during the call */
    bool checked; /* its profile has had its say: it comes for the second party translated */
};

/* A message crosses the ALG once for each party that is translated: fastpath/alg_parties.h. */
#define ALG_CROSSINGS 2

enum alg_verdict {
    ALG_PASS,
    ALG_REPLACE,
    ALG_DROP,
    ALG_ANSWER /* drop it, and send its sender the answer */
};

struct alg_limits {
    uint32_t dialogs;        /* calls and registrations together */
    uint32_t streams;        /* TCP connections; 0: as many as dialogs */
    uint32_t stream_buffers; /* of 64 KiB, for bytes that are under way on them; 0: some */
};

/*
 * `thread` is the ALG thread's own; `events` may have no emit. The secret keys the hash of
 * Call-IDs. NULL when memory is short.
 */
struct alg *alg_create(const struct alg_limits *limits, struct mappings *mappings,
                       struct session_thread *thread, const struct event_sink *events,
                       const struct hash_secret *secret);
void alg_destroy(struct alg *alg);

/*
 * Handle one payload. ALG_PASS: forward it as it is. ALG_REPLACE: forward `out` (*out_n bytes, at
 * most `cap`) instead. ALG_DROP: *reason says why; nothing was changed. ALG_ANSWER: the same, and
 * `out` is a response for packet->src, from packet->dst; at most ALG_ANSWER_MAX bytes.
 */
#define ALG_ANSWER_MAX 1300
enum alg_verdict alg_input(struct alg *alg, const struct alg_packet *packet, char *out, size_t cap,
                           size_t *out_n, enum alg_reason *reason);

/*
 * The message of the last call of alg_input goes no further after all, since its second crossing
 * was refused: what the first one began ends.
 */
void alg_take_back(struct alg *alg);

/* Run what is due; at most `budget` timers. Returns how many ran. */
unsigned alg_run_timers(struct alg *alg, uint64_t now_ms, unsigned budget);

/* Lower bound of the next timer, UINT64_MAX when there is none. */
uint64_t alg_next_deadline_ms(const struct alg *alg);

/* What waits to be written to the log (sip_log.h); control takes it. */
struct sip_log *alg_log(struct alg *alg);

/* What waits to be shown to who looks on (sip_debug.h); control takes it. */
struct sip_debug *alg_debug(struct alg *alg);

/* Counters, in the order of fortios.md 6.6. Written by the ALG thread, read relaxed by any. */
enum {
    ALG_METHODS = 16
};
struct alg_stats {
    uint64_t calls_attempted, calls_established, calls_failed, calls_active, registers_active;
    struct {
        uint64_t received[2], blocked[2], unknown_form[2], long_headers[2]; /* [0] req [1] resp */
    } method[ALG_METHODS];
    uint64_t received[2][2], dropped[2][2]; /* of UDP [0], TCP [1]: [0] req [1] resp */
};
void alg_stats_read(const struct alg *alg, struct alg_stats *out);

/* How full the table of calls is; any thread. `deepest`: the longest chain there ever was. */
struct alg_fill {
    uint32_t buckets, used, deepest;
};
void alg_fill_read(const struct alg *alg, struct alg_fill *out);
/* ALG thread only. The active counts stay. */
void alg_stats_clear(struct alg *alg);

/*
 * What a policy has seen of each method, for `meters list`. Requests only; row 0 is methods that
 * are not known. `rate` and `peak` count all that came in a second, `count` those let through by
 * the limits.
 */
struct alg_meter {
    uint32_t policy_id;
    uint32_t dialogs, dialog_limit; /* calls now; max-dialogs, 0 no limit */
    struct {
        uint32_t rate, peak, max; /* a second; max: the limit when the last one came, 0 none */
        uint64_t count, drop;
    } method[ALG_METHODS];
};

/* The next one from *cursor on (begin with 0). 1, or 0 at the end. ALG thread only. */
int alg_meters_next(const struct alg *alg, uint32_t *cursor, uint64_t now_ms,
                    struct alg_meter *out);

/* One dialog or registration, for listings. ALG thread only. */
#define ALG_CALL_MEDIA    8
#define ALG_CALL_CONTACTS 4
#define ALG_CALL_TIMERS   6
struct alg_call {
    uint64_t id; /* names this life of the dialog: handle as index | epoch << 32 */
    bool registration;
    char call_id[128], from[128], to[128]; /* cut if longer */
    const char *method;
    uint32_t cseq;
    uint16_t status;
    const char *state;
    bool idle;
    bool reply;   /* its first message went against the direction its session began in */
    bool held[2]; /* hold asked for by the outside [0] and the inside [1] party */
    uint32_t age_s;
    struct ip_port src, dst;
    struct handle session; /* of its first message */
    uint32_t policy_id;
    char profile[48];
    uint32_t expire_s;
    const char *ends_by;
    uint8_t n_timers, n_contacts, n_media;
    uint8_t more_contacts, more_media; /* for which there is no room */
    struct {
        const char *name;
        uint32_t left_s;
    } timers[ALG_CALL_TIMERS]; /* of a call, the next one first */
    struct {
        struct ip_port inside, public_side;
        uint32_t expire_s; /* UINT32_MAX: with the call */
    } contacts[ALG_CALL_CONTACTS];
    struct {
        struct ip_port inside, public_side, remote;
        uint32_t idle_s; /* UINT32_MAX: no packet seen */
    } media[ALG_CALL_MEDIA];
};

/* The next one from *cursor on (begin with 0). 1, 0 at the end, or -EAGAIN: none so far, go on. */
int alg_call_next(const struct alg *alg, uint32_t *cursor, uint64_t now_ms, struct alg_call *out);

/* End one call as an operator's clear: mappings close, messages are not sent. -ESTALE when gone. */
int alg_call_clear(struct alg *alg, uint64_t id, uint64_t now_ms);
