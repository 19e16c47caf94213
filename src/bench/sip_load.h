/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages of many calls at once, as frames: phones inside call a server outside through source
 * NAT, as real ones write them (an INVITE of about 900 bytes with SDP). Each call has a number;
 * when it has ended the next one takes its place with a new Call-ID and new ports.
 */
#pragma once

#include "base/addr.h"

#include <stddef.h>

#define SIP_LOAD_FRAME          1600 /* bytes of the longest frame and more */
#define SIP_LOAD_CALLS_PER_HOST 4

/* identifier, name, travels from the inside to the outside */
#define SIP_LOAD_KINDS(X)           \
    X(INVITE, "invite", true)       \
    X(TRYING, "100", false)         \
    X(RINGING, "180", false)        \
    X(ANSWER, "200-invite", false)  \
    X(ACK, "ack", true)             \
    X(BYE, "bye", true)             \
    X(BYE_ANSWER, "200-bye", false) \
    X(OPTIONS, "options", true)     \
    X(REGISTER, "register", true)   \
    X(REGISTERED, "200-register", false)

enum sip_load_kind {
#define X(id, name, outward) SIP_LOAD_##id,
    SIP_LOAD_KINDS(X)
#undef X
    SIP_LOAD_KIND_COUNT
};

struct sip_load_host {
    be32 public_ip; /* of its signalling; what answers are sent to */
    be16 public_port;
};

struct sip_load {
    uint32_t n_calls, n_hosts;
    uint32_t *round; /* of each place: how many calls it has had */
    struct sip_load_host *hosts;
};

/* 0 or -ENOMEM. */
int sip_load_init(struct sip_load *l, uint32_t n_calls);
void sip_load_free(struct sip_load *l);

const char *sip_load_name(enum sip_load_kind kind);
bool sip_load_outward(enum sip_load_kind kind);

/* Write the frame of `kind` of call `i` into SIP_LOAD_FRAME bytes; returns its length. */
size_t sip_load_frame(const struct sip_load *l, enum sip_load_kind kind, uint32_t i,
                      unsigned char *out);

/* Such a frame came out on the other side: where its host's signalling is public stands in it. */
void sip_load_learn(struct sip_load *l, uint32_t i, const unsigned char *frame);

/* RTP of call `i`: from the inside to where the server's answer says, `n` bytes in all. */
void sip_load_rtp(const struct sip_load *l, uint32_t i, unsigned char *out, size_t n);
