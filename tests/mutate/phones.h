/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two SIP phones as far as a test of damage needs them: one inside that begins everything, one
 * outside that answers whatever reaches it. They keep no state but the number of the call.
 */
#pragma once

#include "base/slice.h"

#define PHONE_INSIDE  "10.0.0.20"
#define PHONE_OUTSIDE "198.51.100.5"
#define PHONE_TEXT    1600 /* room for any message */

enum phone_request {
    PHONE_INVITE,
    PHONE_REINVITE,
    PHONE_ACK,
    PHONE_BYE,
    PHONE_CANCEL,
    PHONE_REGISTER,
    PHONE_OPTIONS
};

/* What the inside phone sends in call number `call`; its audio is at port `rtp`. Returns bytes. */
size_t phone_request(enum phone_request what, unsigned call, unsigned rtp, char *out);

/*
 * What the outside phone answers to `request`: status 100 to 699; 200 to an INVITE brings audio at
 * port 6000. Returns bytes, or 0 when `request` is no request or not one to answer (ACK).
 */
size_t phone_answer(struct slice request, unsigned status, char *out);

/* Method of a request, "" for anything else. */
const char *phone_method(struct slice message);

/* Port of the first media line, 0 when there is none. */
uint16_t phone_media(struct slice message);
