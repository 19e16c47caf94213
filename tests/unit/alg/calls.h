/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of calls between the phone 10.0.0.1 and the outside, and what became of the calls. */
#pragma once

#include "rig.h"

#define INSIDE  "10.0.0.1"
#define CONTACT "Contact: <sip:x@10.0.0.1>\r\n"

struct fixture {
    struct rig r;
    struct rig_phone phone;
};

/* What a message is about; a call between a, who began, and b. */
struct say {
    const char *call, *a_tag, *b_tag;
    unsigned cseq;
    const char *method;
    const char *more; /* further header lines */
    const char *sdp;  /* body or NULL */
    bool by_b;        /* the request was sent by the side that did not begin */
};

struct say say(const char *method, unsigned cseq, const char *sdp);
struct say first_say(const char *sdp); /* INVITE 1, no tag in To */

enum alg_verdict request(struct fixture *f, bool outward, struct say s);
enum alg_verdict respond(struct fixture *f, bool outward, unsigned status, struct say s);

/* Descriptions; two may be in use at a time. */
const char *sdp_of(const char *ip, unsigned port, const char *more);
const char *ours(unsigned port);
const char *theirs(unsigned port);

void set_up(struct fixture *f);
void tear_down(struct fixture *f);

/* Call c1 with our port 6000, established. */
void call_up(struct fixture *f);

/* Calls m<from> to m<to - 1>, a second apart, ports 6000 + 2 * number. */
void several(struct fixture *f, int from, int to);

/* Both mappings of the phone's RTP port are open. */
bool open_at(struct fixture *f, uint16_t port);
struct handle handle_at(struct fixture *f, uint16_t port);

/* State of the first record, "none"; what ends it next and when. */
const char *only_state(struct fixture *f, const char **ends_by, uint32_t *expire_s);
const char *state_of(struct fixture *f);

/* Alive just before `ms` from now, in another state (or gone) just after. */
void assert_ends_after(struct fixture *f, uint64_t ms, const char *reason);

/* Every pool and every count of the gateway is as at the start. */
void assert_tables_empty(const struct alg *alg);

/* After everything has run out the tables are as before: the phone's own mapping is left. */
void assert_nothing_left(struct fixture *f);
