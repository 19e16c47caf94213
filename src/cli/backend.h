/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one small window through which the CLI sees the dataplane: plain rows out, a few verbs in.
 * control/ implements it; tests implement it over arrays. Called on the control thread only. A
 * listing is read row by row with a cursor that starts at 0, in slices, so that a million sessions
 * never hold up the loop that owns the timers:
 *
 *   1        *out is the next row
 *   0        the end
 *   -EAGAIN  no row now (slice used up, or the ALG has not answered yet): return CLI_MORE, go on in
 *            the next step
 */
#pragma once

#include "base/addr.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct config_rows;
struct config_tree;

struct backend_session {
    uint32_t index, epoch;         /* its handle; serial= prints index */
    uint8_t proto, proto_state;    /* proto_state as two decimal digits, fortios.md 4.6 */
    uint32_t duration_s, expire_s; /* expire UINT32_MAX: never */
    uint32_t timer_s;              /* the timer now running, UINT32_MAX never */
    char timer_source[96]; /* "service SIP_Port", "policy 3", "port 1", "global", "default" */
    uint32_t timeout_s;    /* what FortiOS prints in timeout= (0 for UDP) */
    uint32_t policy_id;
    const char *in_if, *out_if; /* of the original direction */
    uint16_t in_ifindex, out_ifindex;
    bool v6;
    struct ip_port src, dst;             /* original direction as it arrived */
    struct ip_port reply_src, reply_dst; /* reply direction as it arrives */
    bool snat, dnat, local, dirty;
    bool alg, helper;              /* its SIP is the ALG's, or the session helper's */
    uint64_t bytes[2], packets[2]; /* [0] original, [1] reply */
    struct ip_addr gateway[2];     /* next hop of each direction, zero unknown */
};

/* Sessions, states and ephemeral ones of one family, the rest of both. */
struct backend_session_stat {
    uint32_t sessions, capacity, mappings;
    uint32_t setup_rate;     /* new sessions in the last second */
    uint32_t tcp_states[10]; /* by the digit of fortios.md 4.6 */
    uint32_t ephemeral;      /* half-open TCP, one-packet UDP */
    uint64_t clash;          /* flows that two threads made at once, or that took over old keys */
    uint64_t deleted, flushed;
    uint64_t early;      /* ended before their time because the table was nearly full */
    uint64_t table_full; /* flows refused because it was full ... */
    uint64_t no_port;    /* ... or because no public port was left */
    uint64_t denied;     /* packets that no policy admits, or one denies */
};

enum {
    BACKEND_SIP_METHODS = 16
}; /* UNKNOWN ACK BYE CANCEL INFO INVITE MESSAGE NOTIFY OPTIONS
      PRACK PUBLISH REFER REGISTER SUBSCRIBE UPDATE PING */

#define BACKEND_SIP_METHOD_NAMES                                                                  \
    "UNKNOWN", "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", \
        "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE", "UPDATE", "PING"

/* Requests of one policy. */
struct backend_sip_meter {
    uint32_t policy_id, dialogs, dialog_limit; /* limit 0: none */
    struct {
        uint32_t rate, peak, max; /* a second; max 0: no limit */
        uint64_t count, drop;
    } method[BACKEND_SIP_METHODS];
};

struct backend_sip_stat {
    uint64_t active_sessions, calls_attempted, calls_established, calls_failed, calls_active,
        registers_active;
    uint32_t streams, stream_buffers, max_streams, max_stream_buffers; /* SIP over TCP */
    struct {
        uint64_t received[2], blocked[2], unknown_form[2], long_headers[2]; /* [0] req [1] resp */
    } method[BACKEND_SIP_METHODS];
    uint64_t transport_received[2][2], transport_dropped[2][2]; /* of UDP [0], TCP [1] */
    struct {
        uint32_t size, used, depth;
    } dialog_hash, mapping_hash; /* places, those in use, steps of the longest search */
};

struct backend_sip_call {
    uint64_t id;
    bool registration; /* else an INVITE dialog */
    char call_id[128], from[128], to[128];
    const char *method; /* of the last request */
    uint32_t cseq;
    uint16_t status;   /* last response, 0 none yet */
    const char *state; /* "early", "answered", "established", "cancelled", "ended" */
    bool idle;
    bool reply;   /* its first message went against the direction of its session */
    bool held[2]; /* hold asked for by the outside [0] and the inside [1] party */
    uint32_t age_s;
    uint32_t session;        /* index of its first message's, UINT32_MAX none */
    struct ip_port src, dst; /* of the signalling, original direction */
    uint32_t policy_id;
    char profile[48];
    uint32_t expire_s;   /* until the timer that ends it */
    const char *ends_by; /* which timer that is: "provisional", "session-expires", ... */
    uint8_t n_timers, n_contacts, n_media;
    uint8_t more_contacts, more_media; /* that are not shown */
    struct {
        const char *name;
        uint32_t left_s;
    } timers[6]; /* that run, the next one first */
    struct {
        struct ip_port inside, public_side;
        uint32_t expire_s; /* UINT32_MAX: with the call */
    } contacts[4];         /* signalling mappings it holds */
    struct {
        struct ip_port inside, public_side, remote; /* remote ::, port 0: not known */
        uint32_t idle_s; /* since its last RTP packet, UINT32_MAX none seen */
    } media[8];
};

#define DEBUG_WHEN 24

/* Debug output (fortios.md 6.7). */
struct backend_debug {
    uint64_t missed;       /* lines before it that are gone */
    char when[DEBUG_WHEN]; /* "2024-05-01 10:11:12" */
    uint32_t bits;         /* of which mask bits it is */
    struct ip_port src, dst;
    uint32_t policy_id;
    const char *profile;
    uint16_t port;     /* interface number */
    bool written;      /* a message that leaves */
    uint32_t whole;    /* bytes of the message of which `text` is the beginning; 0: a line */
    struct slice text; /* valid until the next call */
};

struct backend_mapping {
    uint32_t index;
    uint8_t proto;
    struct ip_port inside, public_side, peer; /* peer ::, port 0: anyone */
    const char *kind;                         /* "signalling", "rtp", "rtcp", "cone" */
    uint32_t owners, sessions, policy_id, expire_s;
};

struct backend_counter {
    const char *name; /* "no-policy", as in JSON */
    const char *text; /* what it means */
    uint64_t count;
};

struct backend_interface {
    const char *name, *device;
    uint16_t index, mtu;
    uint8_t mac[6];
    be32 ip, mask;
    struct ip_addr ip6; /* zero: none */
    uint8_t ip6_len;
    bool link_up;
    uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, tx_packets, tx_bytes, tx_errors;
};

struct backend_neighbour {
    struct ip_addr ip;
    uint8_t mac[6];
    uint8_t state; /* as in fortios.md 6.10: 1 incomplete, 2 reachable, 4 stale ... */
    uint16_t ifindex;
    const char *interface;
    uint32_t age_s;
};

enum backend_route_state {
    BACKEND_ROUTE_ACTIVE,   /* carries traffic; several of one prefix: ECMP */
    BACKEND_ROUTE_SPARE,    /* in the table, another one has a lower priority number */
    BACKEND_ROUTE_INACTIVE, /* another one of its prefix has a lower distance */
    BACKEND_ROUTE_DOWN,     /* its interface is down */
};

/* Routes of one prefix follow each other, IPv4 comes first. */
struct backend_route {
    struct ip_addr dst;
    uint8_t len;            /* in the family of dst */
    struct ip_addr gateway; /* zero: the destination itself is the next hop */
    const char *interface;
    enum backend_route_state state;
    bool connected, blackhole;
    uint8_t distance;
    uint16_t priority, weight;
};

struct backend_policy_count {
    uint64_t packets, bytes, hits; /* hits: sessions, or packets where it denies */
    uint32_t sessions;             /* alive */
    uint32_t first_s, last_s;      /* seconds since the first and the last hit */
};

struct backend_pool_stat {
    uint32_t per_address; /* blocks, or hosts of a fixed port range */
    uint32_t block;       /* ports of one of them */
    uint32_t clients, addresses_in_use;
    uint32_t places, places_in_use, places_expiring; /* blocks, or addresses one-to-one */
    uint64_t allocated, reused;
    uint64_t sessions, tcp, udp, icmp;
};

/* What one inside host has of a pool. */
struct backend_pool_share {
    be32 source, ip;
    uint16_t first, last; /* ports */
    uint32_t users;
};

struct backend {
    void *ctx;

    /*
     * Make `candidate` what the firewall does and save it. The tree stays the caller's. 0, or
     * -errno with the reason in `error` and nothing changed.
     */
    int (*commit)(void *ctx, const struct config_tree *candidate, struct text *error);

    int (*session_next)(void *ctx, uint32_t *cursor, struct backend_session *out);
    /* End one session by handle; -ESTALE when it is gone already. */
    int (*session_clear)(void *ctx, uint32_t index, uint32_t epoch);
    void (*session_stat)(void *ctx, bool v6, struct backend_session_stat *out);

    void (*sip_stat)(void *ctx, struct backend_sip_stat *out);
    void (*sip_stat_clear)(void *ctx);
    int (*sip_meter_next)(void *ctx, uint32_t *cursor, struct backend_sip_meter *out);
    int (*sip_call_next)(void *ctx, uint32_t *cursor, struct backend_sip_call *out);
    int (*sip_call_clear)(void *ctx, uint64_t id);
    /* Debug output of the ALG that login `who` wants, 0 none: the number of the next line, 0 when
     * too many look on. And the next line from *number on: 1, or 0 when there is none yet. */
    uint64_t (*debug_want)(void *ctx, const void *who, uint32_t mask);
    int (*debug_next)(void *ctx, uint64_t *number, struct backend_debug *out);
    int (*mapping_next)(void *ctx, uint32_t *cursor, struct backend_mapping *out);

    int (*drop_next)(void *ctx, uint32_t *cursor, struct backend_counter *out);
    int (*interface_next)(void *ctx, uint32_t *cursor, struct backend_interface *out);
    int (*neighbour_next)(void *ctx, uint32_t *cursor, struct backend_neighbour *out);
    int (*route_next)(void *ctx, uint32_t *cursor, struct backend_route *out);

    /* The configuration in force. Valid until the next step. */
    const struct config_rows *(*rows)(void *ctx);

    /* What was counted for the policy with this id, 0 the implicit one; and back to zero. -ENOENT
     * where nothing is counted. */
    int (*policy_count)(void *ctx, uint32_t id, struct backend_policy_count *out);
    int (*policy_count_clear)(void *ctx, uint32_t id);

    /* Of the pool with this name. -ENOENT. */
    int (*pool_stat)(void *ctx, const char *name, struct backend_pool_stat *out);
    int (*pool_share_next)(void *ctx, const char *name, uint32_t *cursor,
                           struct backend_pool_share *out);
    uint64_t (*uptime_s)(void *ctx);
};
