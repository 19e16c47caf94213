/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the ALG has to say to people: a record for each begin and end of a call or registration
 * (`log-call-summary`) and for each message that was dropped or found malformed (`log-violations`),
 * under policies that log. Records have one size and wait in a ring; where control is behind they
 * are counted as lost, never waited for.
 *
 * Owned by one struct alg. The ALG thread writes; one other thread (control) takes, and may say
 * that it wants no violations for now.
 */
#pragma once

#include "alg/alg.h"
#include "alg/sip_msg.h"

struct dialog;
struct sip_message;

#define SIP_LOG_RING 512 /* a power of two */
#define SIP_LOG_TEXT 128 /* as much of a text as a record of a call keeps */
#define SIP_LOG_DATA 96

enum sip_log_kind {
    SIP_LOG_CALL,
    SIP_LOG_REGISTER,
    SIP_LOG_BLOCK,   /* dropped by a rule of the profile */
    SIP_LOG_FUZZING, /* malformed, dropped or not */
};

/* status= of calls and registrations. */
enum sip_log_status {
    SIP_LOG_START,
    SIP_LOG_END,
    SIP_LOG_TIMEOUT, /* ended by a timer */
    SIP_LOG_FAILED,  /* ended before it was answered */
};

struct sip_log_record {
    uint64_t at_ms;
    uint8_t kind, status;
    bool passed; /* a violation that was let through */
    bool reply;  /* against the direction in which the session began */
    uint8_t proto;
    struct handle session; /* HANDLE_NONE: not known any more */
    struct ip_port src, dst;
    uint16_t in_ifindex, out_ifindex;
    uint32_t policy_id;
    uint32_t epoch, event; /* name the life of the call; 0 for a violation */
    uint32_t duration_s;
    uint16_t answer;    /* status of the last response of a call; of the message of a violation */
    const char *method; /* static; "" unknown */
    const char *reason; /* static; "" none */
    uint32_t line, column; /* of what is malformed, from 1; 0: not told */
    char profile[48], call_id[SIP_LOG_TEXT], from[SIP_LOG_TEXT], to[SIP_LOG_TEXT];
    char data[SIP_LOG_DATA]; /* what is malformed, cut; no zero byte inside counts */
};

struct sip_log {
    uint32_t head;                              /* atomic; the ALG's */
    uint64_t lost;                              /* atomic; the ALG's */
    uint32_t tail __attribute__((aligned(64))); /* atomic; control's */
    uint32_t muted;                             /* atomic; control's: no violations */
    struct sip_log_record record[SIP_LOG_RING];
};

/* Something about a message that its profile does not like. */
struct sip_violation {
    bool malformed;    /* else blocked by a rule */
    bool passed;       /* and let through */
    const char *what;  /* static text: "malformed Via header", "invite-rate" */
    struct slice data; /* the piece of the message, SLICE_NONE none */
    uint32_t line, column;
};

/*
 * ALG thread: the call or registration began or, for `reason` (static text), ended. Nothing where
 * its policy or profile does not log.
 */
void sip_log_call(struct alg *alg, const struct dialog *d, enum sip_log_status status,
                  const char *reason, uint64_t now_ms);

/*
 * ALG thread: a violation of the message in hand. Several may be told of one message; the caller
 * counts. Nothing where its policy or profile does not log, or control has had enough.
 */
void sip_log_violation(struct alg *alg, const struct sip_message *m,
                       const struct sip_violation *violation);

/* Does anybody want to hear of violations of this message? Else its place need not be found. */
bool sip_log_listens(const struct alg *alg, const struct sip_message *m);

/* Fill in where byte `at` of a payload stands: its line and column, from 1, and that line. */
void sip_log_place(struct slice payload, size_t at, struct sip_violation *violation);

/*
 * ALG thread: the same of a fault, whose offset counts from the first byte of the payload: the line
 * it is in is told.
 */
void sip_log_fault(struct alg *alg, const struct sip_message *m, const struct sip_fault *fault,
                   bool passed);

/* ALG thread: the message in hand is dropped for this; nothing where that was told more exactly. */
void sip_log_refusal(struct alg *alg, const struct sip_message *m, enum alg_reason reason);

/* Control: the oldest record into *out; false: none waits. */
bool sip_log_take(struct sip_log *log, struct sip_log_record *out);

/* Control: how many were lost so far. */
uint64_t sip_log_lost(const struct sip_log *log);

/* Control: no violations from now on, or again. */
void sip_log_mute(struct sip_log *log, bool on);
