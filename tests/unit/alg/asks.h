/* SPDX-License-Identifier: BSD-3-Clause */
/* REGISTER, SUBSCRIBE and their like from the phone 10.0.0.1 and the answers to them. */
#pragma once

#include "rig.h"

#define PUB     "203.0.113.9:40000" /* its port 5060, as seen outside */
#define MINUTES 60000ull

struct asks {
    struct rig r;
    struct rig_phone phone;
    unsigned cseq;
    const char *to, *to_tag, *tag, *call_id, *method;
};

void set_up(struct asks *f);

/* The message with this start line and the further header lines `more`; one at a time. */
const char *message(struct asks *f, const char *start, const char *more);

/* The next request, and the answer to the last one. Neither may be dropped. */
void ask(struct asks *f, const char *more);
void answer(struct asks *f, unsigned status, const char *more);

/* How many registrations there are, and owners of the phone's port. */
unsigned active(struct asks *f);
unsigned owners(struct asks *f, uint16_t port);
