/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Texts with two readings: as the inside phone has them, and as they are seen outside. They are
 * written with a mark in every place that is or may be translated; what is no mark reads the same
 * on both sides. A twin of the gateway that parses nothing and edits nothing: whoever generates a
 * message knows what stands where, and the mapping table says what stands outside for a port.
 */
#pragma once

#include "rig.h"

/* The address of the phone alone, as a word or in a URI; where the gateway must leave it; and the
 * public one, by itself. */
#define TWIN_IP        "\1i\2"
#define TWIN_URI_IP    "\1I\2"
#define TWIN_STAYS     "\1n\2"
#define TWIN_URI_STAYS "\1N\2"
#define TWIN_PUBLIC    "\1P\2"
/* Its own port alone; Content-Length. */
#define TWIN_PORT   "\1r\2"
#define TWIN_LENGTH "\1L\2"

/*
 * A host of the phone in a header: place V (Via), P (a person: From, To) or U; protocol u or t;
 * form b (bare, which means 5060), e (with the port) or s (with blanks around the colon); port.
 */
#define TWIN_HOST "\1h%c%c%c%u\2"

/* The port of a stream that is held: as seen outside as long as the call has a mapping for it. */
#define TWIN_HELD "\1k%c%u\2"

/* A media port that must have a mapping, by protocol u or t; with its address and a blank before
 * it; and what STUN saw of it, before the gateway says better: that port, then the phone's. */
#define TWIN_MEDIA      "\1m%c%u\2"
#define TWIN_MEDIA_PAIR "\1M%c%u\2"
#define TWIN_REFLEXIVE  "\1q%u,%u\2"
/* The neighbour's endpoint 10.0.0.2:5060. */
#define TWIN_NEIGHBOUR "\1o\2"
/* nat-trace: a line behind the one it stands in, which ends like \r\n or \n; what is appended to a
 * line; what a line becomes. */
#define TWIN_TRACE_LINE "\1tl%s\2"
#define TWIN_TRACE_MORE "\1t+\2"
#define TWIN_TRACE_NEW  "\1t=%s\2"

struct twin {
    struct rig *r;
    struct ip_port at, public_at;
    char inside[48], outside[48]; /* the two addresses; equal without translation */
    unsigned stays; /* inside addresses in the last reading that the outside may see */
};

void twin_init(struct twin *t, struct rig *r, const struct rig_phone *phone);

/* Append a reading of head and body to *out. */
void twin_read(struct twin *t, struct slice head, struct slice body, bool outside,
               struct text *out);
