/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames that `pinhole` and `pinholed` exchange over a Unix stream socket. Pure: bytes in,
 * bytes out; both ends use it, each on its own thread.
 *
 *   0      4      5
 *   length type   payload             length: of the payload alone, big endian, at most MESSAGE_MAX
 *
 * The daemon speaks first (a PROMPT). Then each request has exactly one last answer, in the order
 * of the requests, which may be sent without waiting:
 *
 *   LINE              any number of OUTPUT, then PROMPT (or EXIT)
 *   ABANDON           PROMPT
 *   COMPLETE, HELP    ANSWER
 *
 * INTERRUPT overtakes and has no answer of its own: the running command ends now and what is
 * queued is not done, each with its last answer. It may come too late and then does nothing.
 */
#pragma once

#include "base/text.h"

enum message_type {
    /* client to daemon */
    MESSAGE_LINE = 1,  /* one line without its newline */
    MESSAGE_COMPLETE,  /* the line up to the cursor */
    MESSAGE_HELP,      /* the line up to the cursor */
    MESSAGE_ABANDON,   /* Ctrl-C at the prompt: see cli_abandon; no payload */
    MESSAGE_INTERRUPT, /* Ctrl-C while a command runs; no payload */

    /* daemon to client */
    MESSAGE_OUTPUT = 0x81, /* text for the user */
    MESSAGE_PROMPT,        /* end of a command: status (4 bytes, big endian), then the prompt */
    MESSAGE_ANSWER,        /* candidates one per line, or the help text */
    MESSAGE_EXIT,          /* the login is over; no payload */
};

enum {
    MESSAGE_HEADER = 5,
    MESSAGE_MAX = 64 * 1024, /* bytes of payload */
};

struct message {
    enum message_type type;
    struct slice payload; /* valid until the reader is used again */
};

/* Zero-initialise to start; no memory of its own to release. */
struct message_reader {
    uint8_t buffer[MESSAGE_HEADER + MESSAGE_MAX];
    size_t n;    /* bytes of the message under way */
    bool whole;  /* it was handed out: the next call begins a new one */
    int refused; /* 0, or why nothing more is read */
};

/*
 * Read from the front of *in, however the stream was cut, and advance it past what was used.
 * Returns 1 with one message in *out, 0 when *in is used up, or -EMSGSIZE (longer than MESSAGE_MAX)
 * or -EPROTO (unknown type) for a peer that does not speak this protocol: then and ever after.
 */
int message_read(struct message_reader *reader, struct slice *in, struct message *out);

/* Append one frame; the payload has at most MESSAGE_MAX bytes. */
void message_put(struct text *out, enum message_type type, struct slice payload);

/* Append `payload` of any length as frames of one type; an empty one appends nothing. */
void message_put_long(struct text *out, enum message_type type, struct slice payload);

/* A PROMPT frame; `prompt` is cut to 1024 bytes. */
void message_put_prompt(struct text *out, int status, struct slice prompt);

/* The parts of a PROMPT payload. 0, or -EPROTO when it is too short. */
int message_prompt(struct slice payload, int *status, struct slice *prompt);
