/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `diagnose debug application sip`: what the ALG does with each message, for an operator who looks
 * on. Records of any length up to SIP_DEBUG_TEXT wait in a ring of bytes; what finds no room is
 * counted as lost. While nobody looks it costs one load and a comparison a message.
 *
 * Owned by one struct alg. The ALG thread writes; one other thread (control) takes, and sets the
 * mask. The bits are those of FortiOS (fortios.md 6.7); 8 and 512 are ours.
 */
#pragma once

#include "alg/alg.h"

struct dialog;
struct pin;
struct sip_edit;
struct sip_message;

enum sip_debug_bit {
    SIP_DEBUG_SESSION = 4,   /* which session a message belongs to */
    SIP_DEBUG_EDITS = 8,     /* calls found, headers edited, mappings opened and closed */
    SIP_DEBUG_IO = 16,       /* a line for each message in and out */
    SIP_DEBUG_ASCII = 32,    /* its text */
    SIP_DEBUG_HEX = 64,      /* its bytes */
    SIP_DEBUG_PROFILE = 128, /* which profile it is held against */
    SIP_DEBUG_CALLS = 256,   /* calls and registrations begin and end */
    SIP_DEBUG_TIMERS = 512,  /* what ends the call next */
};

#define SIP_DEBUG_RING 262144 /* bytes, a power of two */
#define SIP_DEBUG_TEXT 2048

/* What a record has before its text. `bits` is 0 in a filler at the end of the ring. */
struct sip_debug_record {
    uint32_t size; /* whole record, a multiple of 8 */
    uint32_t bits;
    uint64_t at_ms;
    struct ip_port src, dst;
    uint32_t policy_id;
    uint32_t whole;      /* bytes of the message; 0: the text is a line of its own */
    uint16_t n, ifindex; /* n: bytes of text that follow */
    bool written;        /* a message that leaves */
    char profile[48];
};

/* ALG thread: does anybody want to hear of any of these? */
bool sip_debug_on(const struct alg *alg, unsigned bits);

/* ALG thread: the steps of a message. Each looks at the mask itself. */
void sip_debug_read(struct alg *alg, const struct alg_packet *packet);
void sip_debug_found(struct alg *alg, const struct sip_message *m);
void sip_debug_edit(struct alg *alg, const struct sip_message *m, const struct sip_edit *edit,
                    struct slice with);
void sip_debug_written(struct alg *alg, const struct alg_packet *packet, struct slice bytes);
void sip_debug_dropped(struct alg *alg, const struct alg_packet *packet, enum alg_reason reason);

/* ALG thread: what happens to a record. `word`: "opened", "closed", "start: bye". */
void sip_debug_mapping(struct alg *alg, const struct dialog *d, const struct pin *pin,
                       const char *word);
void sip_debug_call(struct alg *alg, const struct dialog *d, const char *word, const char *reason);
void sip_debug_timer(struct alg *alg, const struct dialog *d, uint64_t deadline_ms);

struct sip_debug;
struct sip_debug *sip_debug_create(void); /* NULL: no memory */
void sip_debug_destroy(struct sip_debug *debug);

/* Control: which bits are wanted, all together; 0 none. */
void sip_debug_want(struct sip_debug *debug, uint32_t mask);

/* Control: the oldest record and up to SIP_DEBUG_TEXT bytes of its text; false: none waits. */
bool sip_debug_take(struct sip_debug *debug, struct sip_debug_record *out,
                    char text[SIP_DEBUG_TEXT]);

/* Control: how many were lost so far. */
uint64_t sip_debug_lost(const struct sip_debug *debug);
