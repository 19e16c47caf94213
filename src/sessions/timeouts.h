/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a session may be idle, and who said so. A session gets a timer set when it is created
 * and keeps it: settings that change later hold for new sessions only.
 *
 * Resolving is a pure function that any thread may call. The table of interned sets (struct
 * timer_sets) has one writer at a time, the thread that compiles configuration; a set never moves
 * or changes while a session or a snapshot has its id, and any thread that has the id may read it.
 */
#pragma once

#include "base/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER       UINT32_MAX
#define TIMER_SOURCE_TEXT 96 /* room for any text of timer_source_print */
#define TIMER_SETS_MAX    65535
#define TIMER_SETS_WORDS  ((TIMER_SETS_MAX + 63) / 64)

/* The timer that runs follows from protocol and TCP state: timer_running. */
enum timer {
    TIMER_UDP,
    TIMER_ICMP,
    TIMER_OTHER,           /* protocols without a timer of their own */
    TIMER_TCP_HALFOPEN,    /* until the handshake is complete */
    TIMER_TCP_ESTABLISHED, /* session-ttl */
    TIMER_TCP_HALFCLOSE,   /* from the first FIN until the last one is acknowledged */
    TIMER_TCP_TIMEWAIT,
    TIMER_TCP_RST, /* after a reset */
    TIMER_COUNT
};

enum timer_from {
    TIMER_FROM_DEFAULT, /* session-ttl `set default`, or built in */
    TIMER_FROM_GLOBAL,  /* config system global */
    TIMER_FROM_PORT,    /* a row of session-ttl `config port` */
    TIMER_FROM_POLICY,
    TIMER_FROM_SERVICE
};

/* Whose packets restart the timer: `refresh-direction`. */
enum timer_refresh {
    TIMER_REFRESH_BOTH,
    TIMER_REFRESH_OUTGOING, /* packets of the original direction */
    TIMER_REFRESH_INCOMING  /* packets of the reply direction */
};

/* 128 bytes. Names only what it took a value from: sets that act alike are equal. */
struct timer_set {
    uint32_t s[TIMER_COUNT];   /* seconds, or TIMER_NEVER */
    uint8_t from[TIMER_COUNT]; /* enum timer_from */
    char service[80];          /* zero-padded; "" unless a timer is from the service */
    uint32_t policy_id;        /* 0 unless a timer is from the policy */
    uint16_t port_row;         /* 0 unless a timer is from the port row */
    uint8_t refresh;           /* enum timer_refresh */
    uint8_t zero;              /* no byte without a name */
};

/* A row of session-ttl `config port`. */
struct timeout_port {
    uint16_t id;
    uint8_t proto;        /* 0 every protocol, whatever its ports */
    uint16_t first, last; /* destination ports, inclusive; 0-0 is every port */
    uint32_t timeout_s;   /* or TIMER_NEVER */
    uint8_t refresh;      /* enum timer_refresh */
};

/* What the configuration says about one flow. 0 inherits unless said otherwise. */
struct timeout_inputs {
    const char *service; /* name of the service object that matched, or NULL */
    uint32_t service_session_ttl_s, service_udp_idle_s;
    uint32_t service_tcp_halfopen_s, service_tcp_halfclose_s;
    uint32_t service_tcp_timewait_s, service_tcp_rst_s;
    uint32_t policy_id, policy_session_ttl_s; /* seconds or TIMER_NEVER */
    const struct timeout_port *port;          /* the row that matched, or NULL */
    uint32_t global_udp_idle_s, global_tcp_halfopen_s, global_tcp_halfclose_s, global_tcp_rst_s;
    uint32_t global_tcp_timewait_s; /* 0 is a value: gone at once */
    uint32_t ttl_default_s;         /* session-ttl `set default`; or TIMER_NEVER */
};

/*
 * Resolve every timer: the first of these that has a value.
 *
 *   UDP          service udp-idle-timer, service session-ttl, policy, port row, global, 180
 *   ICMP         service session-ttl, policy, port row, 60
 *   OTHER, TCP established
 *                service session-ttl, policy, port row, session-ttl default, 3600
 *   other TCP    service tcp-*-timer, global tcp-*-timer, 10 half-open, 120 half-close, 5 reset
 *
 * Whether FortiOS lets a service's session-ttl govern UDP is not documented; here it does, since a
 * service is more particular than a policy, whose session-ttl governs UDP too. The refresh
 * direction of a port row counts when one of its timers is in use.
 */
void timeouts_resolve(const struct timeout_inputs *in, struct timer_set *out);

/*
 * The row for a protocol and destination port (host order; 0 without ports): the first that
 * matches, so give them by ascending id. NULL when none does.
 */
const struct timeout_port *timeout_port_find(const struct timeout_port *rows, size_t n,
                                             uint8_t proto, uint16_t dst_port);

/* Which timer a session runs on. `tcp_state` (tcp.h) matters for protocol 6 only. */
enum timer timer_running(uint8_t proto, uint8_t tcp_state);

/* Its seconds, or TIMER_NEVER. */
static inline uint32_t session_timer_s(const struct timer_set *set, uint8_t proto,
                                       uint8_t tcp_state)
{
    return set->s[timer_running(proto, tcp_state)];
}

/* Does a packet of this direction (0 original, 1 reply) restart the timer? */
static inline bool timer_set_refreshes(const struct timer_set *set, unsigned int direction)
{
    return set->refresh == TIMER_REFRESH_BOTH ||
           (set->refresh == TIMER_REFRESH_OUTGOING) == (direction == 0);
}

/*
 * Where a timer's value came from: "service SIP_Port", "policy 3", "port 1", "global", "default".
 * Always terminated; cut when `size` (> 0) is less than TIMER_SOURCE_TEXT. Returns its length.
 */
size_t timer_source_print(const struct timer_set *set, enum timer timer, char *out, size_t size);

#define TIMER_SETS_CHUNK 256 /* sets per allocation */

/* Zero-initialise, then timer_sets_init. Content private to timeouts.c. */
struct timer_sets {
    uint32_t n; /* published with release; ids below it are in use or free */
    uint32_t n_free;
    uint16_t *slots;
    uint16_t *free; /* ids that nobody has, to be used again */
    struct hash_secret secret;
    struct timer_set *chunks[TIMER_SETS_MAX / TIMER_SETS_CHUNK + 1];
};

/* An empty table with the factory defaults as id 0. 0 or -ENOMEM. */
int timer_sets_init(struct timer_sets *sets);

/* Release everything; no reader may be left. */
void timer_sets_free(struct timer_sets *sets);

/*
 * The id (0 to 65534) of a set with this content, added if it is new. -ENOSPC when the table is
 * full, -ENOMEM. The writer only; the content is copied.
 */
int timer_set_intern(struct timer_sets *sets, const struct timer_set *set);

/* Sets in the table. The writer. */
static inline uint32_t timer_sets_count(const struct timer_sets *sets)
{
    return sets->n - sets->n_free;
}

/*
 * Forget every set but those whose bit is set in `used` (bit id % 64 of word id / 64) and id 0: no
 * session and no snapshot has the id of another one. Their ids are handed out again. The writer.
 * Cost: a look at each set. Returns how many were forgotten.
 */
uint32_t timer_sets_keep(struct timer_sets *sets, const uint64_t used[TIMER_SETS_WORDS]);

/* The set of an id that timer_set_intern returned. Any thread; valid until timer_sets_free. */
const struct timer_set *timer_set_get(const struct timer_sets *sets, uint16_t id);
