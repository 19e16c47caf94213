/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where messages begin and end in a stream of bytes (RFC 3261 18.3): one after the other, each as
 * long as its Content-Length says, with line ends between them (RFC 5626 4.4.1). Judges nothing
 * else. One struct for each direction of a connection; plain data, no thread of its own.
 */
#pragma once

#include "alg/sip_msg.h"

/* The longest message on a stream. What it becomes fits into an empty buffer of twice this size. */
#define SIP_FRAMING_MAX 32768

/* Of the start line alone, before it has ended. */
#define SIP_FRAMING_LINE 8192

struct sip_framing {
    uint32_t scanned; /* bytes that hold no end of a head */
    uint32_t need;    /* bytes of the whole message, 0: its head has not ended */
    bool begun;       /* the start line of the message in hand is one */
    bool sip;         /* there was a whole message */
};

enum sip_framed {
    SIP_FRAMED_MORE,    /* not all is there */
    SIP_FRAMED_LINES,   /* *n bytes of line ends */
    SIP_FRAMED_MESSAGE, /* *n bytes of a message */
    SIP_FRAMED_OTHER,   /* this does not begin like SIP */
    SIP_FRAMED_BAD,     /* SIP at first, but no one can say where it ends */
    SIP_FRAMED_LONG,    /* a message longer than SIP_FRAMING_MAX */
};

/*
 * What stands at the front of `bytes`, which must be the same ones and more until *n of them are
 * used. `msg` is room to parse into. Cost: what came since the last call, and once or twice the
 * head.
 */
enum sip_framed sip_framing_next(struct sip_framing *f, struct slice bytes, struct sip_msg *msg,
                                 size_t *n);
