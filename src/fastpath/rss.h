/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive side scaling: at which worker a packet will arrive. A preference, never a condition: any
 * worker handles any packet (one table), but a flow whose two directions meet on one worker keeps
 * its cache lines there.
 *
 * Ports hash by Toeplitz under a key that repeats every 16 bits. Under such a key the hash depends
 * only on the exclusive or of the 16-bit words it is taken over, wherever they stand, so it is the
 * same for both directions of an untranslated flow, and for a source hashed on one port and the
 * same endpoint hashed as destination on another.
 *
 *   RSS_BOTH                     addresses and ports of both sides, on every port
 *   RSS_SOURCE, RSS_DESTINATION  the inside endpoint alone: source on inside ports, destination on
 *                                outside ones; where all NICs can
 *
 * Both directions of a translated flow meet when its public port is chosen to fit: rss_worker says
 * where replies to a port will arrive. Pure; any thread.
 */
#pragma once

#include "sessions/nat.h"
#include "sessions/record.h"

struct config_rows;

#define RSS_KEY_MAX     64
#define RSS_ENTRIES_MAX 2048

enum rss_fields {
    RSS_UNKNOWN, /* the device spreads by a rule of its own */
    RSS_BOTH,
    RSS_SOURCE,
    RSS_DESTINATION,
};

/* What one port does. Entry i of its redirection table names queue i mod queues. */
struct rss {
    uint8_t fields;
    uint16_t entries; /* a power of two, from 1 */
    uint16_t queues;
    uint16_t workers; /* queue q is polled by worker q mod workers */
};

/* The symmetric key, for a device whose key has `n` bytes. */
void rss_key_fill(uint8_t *key, size_t n);

/*
 * The Toeplitz hash of `n` bytes as they stand in the packet, under a key of at least n + 4 bytes.
 * Microsoft's definition of receive side scaling; the twin of rte_softrss.
 */
uint32_t rss_toeplitz(const uint8_t *key, const uint8_t *input, size_t n);

/*
 * What a NIC computes, under the symmetric key, for a packet that arrives with this IPv4 key: TCP
 * and UDP with their ports, other protocols by address alone.
 */
uint32_t rss_hash(enum rss_fields fields, const struct key *key);

/* The worker at which it arrives, or -1: not known (RSS_UNKNOWN, IPv6). */
int rss_worker(const struct rss *rss, const struct key *key);

/* The wish for a public port whose replies come back to one worker, for nat_want.fit. */
struct rss_fit {
    struct rss rss;
    int worker;
    struct key reply; /* complete but for the public address and port */
    struct nat_fit fit;
};

/*
 * Fill `f` in and return its nat_fit, for ports on the interface that `rss` is of; NULL where it
 * makes no difference or nobody knows: one queue, an unknown rule, a protocol without ports.
 */
const struct nat_fit *rss_fit_make(struct rss_fit *f, const struct rss *rss, int worker,
                                   const struct key *reply);

/*
 * By which fields interface `place` (from 0) should hash, if the NIC can take one side alone: its
 * role says whether it is inside (lan, dmz) or outside (wan); without a role, whether source NAT
 * comes in or goes out by it. RSS_BOTH when it is neither or both.
 */
enum rss_fields rss_side(const struct config_rows *rows, uint16_t place);
