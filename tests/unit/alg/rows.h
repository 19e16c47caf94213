/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages before and after, by direction: what every message needs, and the table's reader. */
#pragma once

#include "rig.h"

enum way {
    OUT,
    IN
};

struct row {
    const char *what;
    enum way way;
    const char *before, *after; /* "-": it passes as it is */
};

/* What every message needs and no row is about. */
#define REST              "From: <sip:a@example.net>;tag=1\r\nTo: <sip:b@example.net>\r\nCall-ID: c\r\n"
#define FROM_TO(from, to) "From: <" from ">;tag=1\r\nTo: <" to ">\r\nCall-ID: c\r\n"
#define VIA_IN            "Via: SIP/2.0/UDP 198.51.100.44;branch=z9hG4bK1\r\n"
#define VIA_OUT           "Via: SIP/2.0/UDP h.example.net;branch=z9hG4bK1\r\n"
#define OPTIONS(head)     "OPTIONS sip:example.net SIP/2.0\r\n" head REST "CSeq: 1 OPTIONS\r\n\r\n"
#define OPTIONS_OK(head)  "SIP/2.0 200 OK\r\n" head REST "CSeq: 1 OPTIONS\r\n\r\n"
#define REGISTER(head)    "REGISTER sip:example.net SIP/2.0\r\n" head REST "CSeq: 1 REGISTER\r\n\r\n"
#define REGISTER_OK(head) "SIP/2.0 200 OK\r\n" head REST "CSeq: 1 REGISTER\r\n\r\n"

/* One message as a row says; fails unless it becomes what the row says. */
void row_check(struct rig *r, const struct rig_phone *phone, const struct row *row);

void rows_check(struct rig *r, const struct rig_phone *phone, const struct row *rows, size_t n);

/*
 * The same of session descriptions: those of an INVITE by who begins, or of the 200 to it. The text
 * is valid until the next call.
 */
const char *row_invite(const char *sdp);
const char *row_answer(const char *sdp);
