/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of streams.h, for struct alg. */
#pragma once

#include "alg/host_share.h"
#include "alg/sip_framing.h"
#include "alg/streams.h"
#include "sessions/wheel.h"

struct stream {
    struct tcp_splice splice;
    struct sip_framing framing[2];
    struct handle session;
    uint32_t chain; /* index + 1 of the next one in its place of the hash, or of the spare ones */
    uint16_t way;
    bool outside;         /* somebody outside opened it ... */
    uint32_t *n_streams;  /* ... who has so many connections ... */
    uint32_t *n_buffers;  /* ... and so many buffers */
    uint32_t front[2];    /* the first byte of side dir that nobody could use yet ... */
    uint64_t since_ms[2]; /* ... since then */
    struct wheel_link wheel;
};

struct streams {
    struct stream *at;
    uint32_t *first; /* by hash of the session: index + 1 */
    uint32_t n, n_used, n_fresh, mask;
    uint32_t n_outside; /* of those in use, opened from outside */
    uint32_t spare;     /* index + 1 of the first one that was used and is free */
    bool started;
    struct wheel wheel;
    struct tcp_buffers buffers;
    struct host_shares openers, holders; /* of connections, and of buffers */
    struct stream_host host;
    char *between;          /* a message between two crossings, TCP_BUFFER bytes */
    uint64_t now_ms;        /* of the segment or timer in hand ... */
    struct stream *in_hand; /* ... the stream ... */
    enum alg_reason reason; /* ... and why something of it was refused */
};

/* For `n` connections that hold `buffers`. 0 or -ENOMEM. */
int streams_init(struct streams *ss, uint32_t n, uint32_t buffers,
                 const struct hash_secret *secret);
void streams_free(struct streams *ss);

/* As alg_run_timers and alg_next_deadline_ms. */
unsigned streams_run_timers(struct alg *alg, uint64_t now_ms, unsigned budget);
uint64_t streams_next_deadline_ms(const struct streams *ss);
