/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TCP connection with somebody in the middle who may change what is said. The handshake goes
 * through end to end; from then on each direction is received here, acknowledged here, read by the
 * user of the splice, and what he makes of it is delivered from here. Numbers of both ends begin
 * equal and drift apart with the first changed byte: each end has its own absolute ones, so nothing
 * grows however long the connection lives.
 *
 * `dir` is the direction in which a segment travels: 0 that of the connection's first SYN. Side
 * `dir` sends it, side !dir receives it. Knows no packet: segments come and go as structs.
 *
 * Owned by one thread, the ALG's.
 */
#pragma once

#include "alg/tcp_out.h"

/* A segment as it came. */
struct tcp_arrival {
    uint32_t seq, ack;
    uint16_t window; /* as in the header */
    uint8_t flags;   /* enum tcp_flag of sessions/tcp.h */
    uint8_t tos;
    struct slice data;
    const uint8_t *options;
    size_t n_options;
};

/* A segment to be sent: it travels in `dir`. */
struct tcp_departure {
    unsigned dir;
    uint32_t seq, ack;
    uint16_t window; /* as in the header */
    uint8_t flags;
    uint8_t tos; /* of what came in this direction, without marks of congestion */
    struct slice data;
};

enum tcp_reading {
    TCP_READ_ON,    /* *used bytes were used and *made written: ask again */
    TCP_READ_MORE,  /* it takes more bytes, or more room, to go on */
    TCP_READ_LEAVE, /* nothing for us: what was said so far goes on as it is, and we step aside */
    TCP_READ_BREAK, /* the connection ends here */
};

/* Where a reader writes to, and what it did. */
struct tcp_output {
    char *p;
    size_t cap;
    size_t used, made;
};

/* What a user of a splice does; `ctx` is his. */
struct tcp_user {
    void *ctx;
    /*
     * Read bytes of direction `dir`; write what is to be delivered instead of them to `to`.
     * `last`: no more bytes will come. TCP_READ_ON must use some.
     */
    enum tcp_reading (*read)(void *ctx, unsigned dir, struct slice bytes, bool last,
                             struct tcp_output *to);
    void (*send)(void *ctx, const struct tcp_departure *segment);
};

enum tcp_phase {
    TCP_OPENING, /* the handshake goes through */
    TCP_SPLICED,
    TCP_LEAVING, /* segments go through as they are; we still deliver what we acknowledged */
    TCP_LEFT,    /* ... and that has been acknowledged: nothing is left to do */
    TCP_DEAD,    /* reset */
};

struct tcp_splice {
    struct tcp_in in[2];     /* what side dir sent */
    struct tcp_out out[2];   /* what goes to side !dir */
    uint32_t edge[2];        /* how far side dir was ever allowed to send */
    uint32_t told[2];        /* ... and how far it was told last */
    uint32_t said_ack[2];    /* what side dir acknowledged last ... */
    uint16_t said_window[2]; /* ... with this window, as in the header */
    uint16_t mss[2];         /* the largest segment that is made for side dir ... */
    uint16_t peer_mss[2];    /* ... and the largest it takes */
    uint16_t window[2];      /* of its SYN */
    uint8_t scale[2];        /* offered by its SYN, or TCP_NO_SCALE; later the one in force */
    uint8_t tos[2];          /* of segments from side dir */
    uint8_t phase;           /* enum tcp_phase */
    bool syn[2];             /* its SYN was seen */
    bool ack_now[2];         /* side dir is to be sent an acknowledgement */
    bool asked[2];           /* side dir asked whether the other one lives */
    uint64_t starved_ms;     /* a buffer was missing: look again then; UINT64_MAX: none was */
    uint64_t challenged_ms;  /* when a stray segment was last answered */
};

enum tcp_fate_kind {
    TCP_FATE_HELD,    /* it is dealt with: free it */
    TCP_FATE_FORWARD, /* let it go through as it is */
    TCP_FATE_STRAY,   /* outside the window, or wrong: it counts for nothing */
    TCP_FATE_FULL,    /* no buffer, or too many pieces: it will come again */
    TCP_FATE_GONE,    /* the connection is dead */
};

struct tcp_fate {
    uint8_t kind; /* enum tcp_fate_kind */
    bool settles; /* for tcp_track */
    bool broken;  /* the user ended the connection, or a side is gone: both were reset */
};

/* `most` is the largest segment that may be made for each side (MTU of the way there). */
void tcp_splice_init(struct tcp_splice *sp, const uint16_t most[2]);

/*
 * A segment came in direction `dir`. While TCP_OPENING and TCP_LEAVING the caller has held it
 * against the windows (sessions/tcp_window.h) before, and lets it go through; SYN segments without
 * the options tcp_syn_strip takes away.
 */
struct tcp_fate tcp_splice_input(struct tcp_splice *sp, struct tcp_buffers *buffers,
                                 const struct tcp_user *user, unsigned dir,
                                 const struct tcp_arrival *a, uint64_t now_ms);

/* When tcp_splice_timer wants to be called; UINT64_MAX: not at all. */
uint64_t tcp_splice_due_ms(const struct tcp_splice *sp);

/* False: a side is gone for good, and both were reset. */
bool tcp_splice_timer(struct tcp_splice *sp, struct tcp_buffers *buffers,
                      const struct tcp_user *user, uint64_t now_ms);

/* Reset both sides and give back everything that is held. */
void tcp_splice_break(struct tcp_splice *sp, struct tcp_buffers *buffers,
                      const struct tcp_user *user);

/* Queue bytes for side !dir in front of what is read next. False: there is no room. */
bool tcp_splice_say(struct tcp_splice *sp, struct tcp_buffers *buffers, unsigned dir,
                    struct slice bytes);

/* Give back everything that is held. */
void tcp_splice_drop(struct tcp_splice *sp, struct tcp_buffers *buffers);

/*
 * Take SACK-permitted, time stamps and TCP Fast Open out of the options of a SYN: they are
 * overwritten by no-operations. True: something was.
 */
bool tcp_syn_strip(uint8_t *options, size_t n);
