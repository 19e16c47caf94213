/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams of which some pieces have arrived: a table of fixed size that says whether a piece fits
 * its datagram, which datagram has to go when room is short, and which has waited too long. It
 * knows nothing of packets: a piece is a place, a length and a pointer of the caller, who also ends
 * what the table tells him to end. Owned by one worker, who alone calls.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"

#define DATAGRAM_PIECES 8
#define DATAGRAM_NONE   UINT32_MAX
/* How long a datagram that was refused is remembered, so that its other pieces do not begin it
 * anew (RFC 8200 4.5): they follow within moments, and its name may soon be used again (RFC 4963).
 */
#define DATAGRAM_DEAD_MS 2000

/* RFC 791: source, destination, protocol and identification; in IPv6 the protocol does not count
 * (RFC 8200 4.5) and is 0. Pieces of two zones are not put together. */
struct datagram_name {
    struct ip_addr src, dst;
    uint32_t id;
    uint16_t zone;
    uint8_t proto, unused;
};

struct datagram_piece {
    void *frame;
    uint16_t offset, n; /* bytes of the datagram's payload */
};

/* Where a datagram stands in a list by age. */
enum datagram_order {
    DATAGRAM_OF_ALL,   /* the waiting or the dead */
    DATAGRAM_OF_SOURCE /* the waiting of its source */
};

struct datagram {
    struct datagram_name name;
    uint64_t since_ms; /* its first piece came, or it died */
    uint32_t next;     /* in its bucket, or the next free one */
    struct {
        uint32_t older, newer;
    } link[2];                    /* by enum datagram_order */
    uint32_t source;              /* slot in `sources` */
    uint32_t end;                 /* length, 0 as long as the last piece is missing */
    uint32_t have;                /* bytes of all pieces */
    uint16_t dead;                /* why it was refused, in the caller's numbers; 0: it waits */
    uint16_t largest, largest_df; /* for the caller: largest packet of a piece, of one with DF */
    uint8_t ecn;                  /* for the caller */
    uint8_t n;
    struct datagram_piece piece[DATAGRAM_PIECES]; /* by offset */
};

enum datagram_verdict {
    DATAGRAM_WAITS,
    DATAGRAM_COMPLETE,
    DATAGRAM_DUPLICATE, /* the same place and length as one that is here */
    DATAGRAM_OVERLAP,
    DATAGRAM_TOO_MANY, /* one piece more than DATAGRAM_PIECES */
    DATAGRAM_BAD_END,  /* behind the end, or another end */
};

struct datagram_list {
    uint32_t oldest, newest;
};

struct datagram_source {
    struct datagram_list list;
    uint32_t pieces;
};

struct datagrams {
    struct datagram *all;
    uint32_t *buckets;
    struct datagram_source *sources;
    const struct hash_secret *secret;
    uint32_t mask;       /* of buckets and sources */
    uint32_t pieces;     /* held; others may read it relaxed */
    uint32_t pieces_max; /* also the number of datagrams, dead ones included */
    uint32_t source_max; /* pieces of one source */
    uint32_t free;       /* first free datagram */
    struct datagram_list waiting, dead;
};

/*
 * A table for `pieces` pieces, at least 8 * DATAGRAM_PIECES; a quarter of them for one source, so
 * that no source shuts out others. `secret` outlives it. 0 or -ENOMEM.
 */
int datagrams_init(struct datagrams *d, uint32_t pieces, const struct hash_secret *secret);
void datagrams_free(struct datagrams *d);

/* Hash of a name: the same for all pieces, not to be foreseen by strangers. */
uint64_t datagram_hash(const struct datagrams *d, const struct datagram_name *name);

/* The datagram of that name, dead or waiting, or NULL. */
struct datagram *datagrams_find(struct datagrams *d, const struct datagram_name *name,
                                uint64_t hash);

/*
 * What must be closed before one more piece from `src` is taken; NULL when there is room. Where the
 * source has its share, that is its longest-waiting datagram; else the longest-waiting of all.
 */
struct datagram *datagrams_victim(struct datagrams *d, const struct ip_addr *src);

/* A new datagram without pieces; after datagrams_victim returned NULL. */
struct datagram *datagrams_open(struct datagrams *d, const struct datagram_name *name,
                                uint64_t hash, uint64_t now_ms);

/* Put a piece in its place. `more`: it is not the last one. The table is unchanged unless the
 * verdict is DATAGRAM_WAITS or DATAGRAM_COMPLETE. `p->n` is not 0. */
enum datagram_verdict datagrams_add(struct datagrams *d, struct datagram *g,
                                    const struct datagram_piece *p, bool more);

/* Forget a datagram and its pieces; their frames are the caller's again. */
void datagrams_close(struct datagrams *d, struct datagram *g);

/* As datagrams_close, but its name is remembered as refused for `reason`, which is not 0. */
void datagrams_refuse(struct datagrams *d, struct datagram *g, uint16_t reason, uint64_t now_ms);

/* One whose first piece came `timeout_ms` ago or earlier, to be closed; NULL: none. Dead ones that
 * need not be remembered any more are forgotten on the way. */
struct datagram *datagrams_overdue(struct datagrams *d, uint64_t now_ms, uint32_t timeout_ms);

/* When datagrams_overdue next has something to do; UINT64_MAX: never. */
uint64_t datagrams_next_ms(const struct datagrams *d, uint32_t timeout_ms);
