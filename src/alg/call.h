/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The life of a call (RFC 3261 12 and 13, RFC 3264; fortios.md 3.8): what each message and each
 * timer does to it. Called by the ALG's thread after a message was committed; nothing here edits.
 */
#pragma once

#include "alg/sip_plan.h"

struct alg;

/* Every call ends, whatever is lost (12 h). */
#define CALL_HARD_LIMIT_MS (12 * 3600 * 1000ull)

/* Without call-keepalive: media silent this long, and no signalling, means nobody is there (1 h).
 * Not while on hold; without media of ours signalling alone counts. */
#define CALL_SILENCE_MS (3600 * 1000ull)

/* 64 * T1: how long a final response, the answer to BYE, or (and a grace) the ACK of a 2xx may
 * take. */
#define CALL_WAIT_MS 32000ull

/* How long the messages of a call that call-keepalive ended are refused (1 h), unless the record is
 * needed before. */
#define CALL_BLOCK_MS (3600 * 1000ull)

/* Late packets of a call that ended, and another try of one that was refused for now. */
#define CALL_GRACE_MS 5000ull

/* Shortest Session-Expires that is believed (RFC 4028 5). */
#define CALL_SESSION_MIN_S 90

/* A call whose media moved within this time is not idle. */
#define CALL_QUIET_MS 10000ull

/*
 * A new call from the INVITE in hand, its record empty but described. NULL: no room.
 */
struct dialog *call_begin(struct alg *alg, const struct sip_message *m,
                          const struct dialog_key *key);

/* May this message's description open and use mappings of the call? */
bool call_takes_media(const struct dialog *d, const struct sip_message *m);

/* Is it a copy of one whose exchange is complete or was refused? Such opens nothing. */
bool call_repeats(const struct alg *alg, const struct dialog *d, const struct sip_message *m);

/* The message was committed. m->call may be gone afterwards. */
void call_message(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan);

/* Its timer fired. The record may be gone afterwards. */
void call_timer(struct alg *alg, struct dialog *d, uint64_t now_ms);

/* End it at once: mappings close, messages are not sent. The record is gone afterwards. */
void call_clear(struct alg *alg, struct dialog *d, uint64_t now_ms);

/* One of the timers that run for a call. */
struct call_limit {
    const char *name; /* static; as in dialog-ended */
    uint64_t at_ms;
};
#define CALL_LIMITS 5

/* All of them, the next one first. Returns how many. */
unsigned call_limits(const struct alg *alg, const struct dialog *d,
                     struct call_limit out[CALL_LIMITS]);

/* When it ends if nothing else happens, and what ends it then. */
uint64_t call_deadline(const struct alg *alg, const struct dialog *d, const char **why);
