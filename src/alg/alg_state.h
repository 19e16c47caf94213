/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of struct alg, for the files of this folder alone. One thread owns it; the counters
 * are read by others.
 */
#pragma once

#include "alg/alg_clock.h"
#include "alg/dialog.h"
#include "alg/host_share.h"
#include "alg/sip_debug.h"
#include "alg/sip_log.h"
#include "alg/sip_meters.h"
#include "alg/sip_plan.h"
#include "alg/sip_rules.h"
#include "alg/sip_stats.h"
#include "alg/streams_state.h"

#define ALG_TICK_MS 100
#define ALG_NOTHING UINT64_MAX

struct alg {
    struct mappings *mappings;
    struct session_thread *thread;
    struct event_sink events;
    struct alg_clock *clock;            /* of a benchmark; else NULL */
    struct hash_secret secret, secret2; /* two keyed hashes make one of 128 bits */
    bool started;                       /* the wheel knows what time it is */
    uint64_t now_ms;                    /* of the message or the timers in hand */
    struct wheel wheel;
    struct dialogs dialogs;
    struct host_shares hosts;     /* records of each inside host ... */
    struct host_shares pin_hosts; /* ... and pins */
    struct host_shares callers;   /* records that each outside host began ... */
    uint32_t n_called;            /* ... and all of them */
    uint32_t n_called_pins;       /* pins of those */
    struct sip_forms forms;
    struct alg_stats stats;
    struct sip_log *log;
    struct sip_debug *debug;
    bool clearing;  /* an operator ends the record in hand */
    bool told;      /* why the message in hand is dropped was told to the log */
    uint64_t begun; /* the record that its first crossing made, or ALG_NOTHING */
    struct sip_meters meters;
    struct sip_reply_limit replies;
    struct streams streams;
    /* The message in hand. */
    struct sip_message message;
    struct sip_refusal refusal;
    struct sdp sdp;
    struct sip_plan plan;
};

/* Key of a record of `kind`: Call-ID and tag, or the address of record, and the inside host. */
struct dialog_key alg_key(const struct alg *alg, enum dialog_kind kind, struct slice name,
                          struct slice tag, const struct sip_message *m, bool inside_began);

static inline uint64_t alg_tag(const struct alg *alg, struct slice tag)
{
    return hash_bytes(&alg->secret, tag.p, tag.n);
}

/*
 * A record for the message in hand, described, or NULL: no room, or none for this inside host.
 */
struct dialog *alg_record(struct alg *alg, const struct sip_message *m, enum dialog_kind kind,
                          const struct dialog_key *key);

/*
 * File the record in the wheel for `deadline_ms`; UINT64_MAX takes it out. One that has passed
 * comes out at the next tick, never in the tick in hand: a record that does not act on its deadline
 * must not keep the timers from ending.
 */
void alg_file(struct alg *alg, struct dialog *d, uint64_t deadline_ms);

/*
 * A flow from a stream's inside endpoints to where the other side listens comes through its pin,
 * and the pin keeps places for what comes from there.
 */
void alg_claim(struct alg *alg, const struct pin *pin);

/*
 * The inside host of a media pin may send to where the other side listens from any of its ports
 * (sessions/outlet.h), or no more. A remote port below 1024 is nobody's media.
 */
void alg_outlets_open(struct alg *alg, const struct pin *pin);
void alg_outlets_close(struct alg *alg, const struct pin *pin);

/*
 * Do the mappings of a pin stand, with the public address its endpoint has in this message? They do
 * not after the address of the way out has changed.
 */
bool alg_pin_stands(const struct alg *alg, const struct pin *pin, const struct sip_message *m);

/* Leave the mappings of a pin and give it back. */
void alg_unpin(struct alg *alg, struct dialog *d, struct pin *pin);

/* All pins, and the record itself. */
void alg_forget(struct alg *alg, struct dialog *d);

/* An event about a record; only when events_on(&alg->events). `more` is further JSON or "". */
void alg_event(struct alg *alg, const char *name, const struct dialog *d, uint64_t now_ms,
               const char *more);
