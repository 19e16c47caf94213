/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP over TCP: the connections whose segments come to the ALG. Each is a splice (tcp_splice.h)
 * that reads messages (sip_framing.h) and hands them to alg_input. Part of struct alg, all memory
 * made at start; ALG thread only, but for the counters.
 *
 * A connection that does not begin with SIP is let go: its session becomes an ordinary one. One
 * that stops being SIP is reset on both sides.
 */
#pragma once

#include "alg/alg.h"
#include "alg/tcp_splice.h"
#include "sessions/tcp_window.h"

/* What the streams need of those who have the packets. */
struct stream_host {
    void *ctx;
    /* The crossings of a message in direction `dir` of the session, with all but the payload, and
     * how many; 0: the session is gone. */
    unsigned (*describe)(void *ctx, struct handle session, unsigned dir,
                         struct alg_packet packets[ALG_CROSSINGS]);
    /* Send a segment as if it arrived in its direction. `way` as given to alg_stream_input. */
    void (*send)(void *ctx, struct handle session, uint16_t way,
                 const struct tcp_departure *segment);
    bool (*lives)(void *ctx, struct handle session);
};

/* Who serves the streams. Before the first segment. */
void alg_stream_host(struct alg *alg, const struct stream_host *host);

struct stream_segment {
    struct handle session;
    unsigned dir;
    uint16_t way;     /* where answers are to be sent, handed back as it is */
    uint16_t most[2]; /* the largest segment for side dir, for a connection that begins */
    struct tcp_arrival tcp;
    uint64_t now_ms;
};

struct stream_fate {
    struct tcp_fate tcp;
    enum alg_reason reason;     /* why something was refused: a message, or the connection */
    bool leaves;                /* the connection is let go from here on ... */
    bool left;                  /* ... and is forgotten here: the session is an ordinary one */
    struct tcp_segment side[2]; /* when it leaves: what each side has said, for its windows */
};

/* A segment of an ALG session. A SYN makes a stream where there is none. */
struct stream_fate alg_stream_input(struct alg *alg, const struct stream_segment *segment);

/* Must segments of this session be held against the windows by the caller? */
bool alg_stream_passes(const struct alg *alg, struct handle session);

struct stream_stats {
    uint32_t streams, buffers;         /* in use */
    uint32_t max_streams, max_buffers; /* there are */
};
void alg_stream_stats(const struct alg *alg, struct stream_stats *out);
