/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outlets: where an inside host may send media from a port that it did not advertise. Some phones
 * send RTP from another port than the one they listen on; no mapping knows that port. What is known
 * is where the other side wants its media, and for which stream. An outlet ties {inside host, that
 * place, way out} to the mapping of the stream; a flow that finds it hangs on that mapping and so
 * ends with the call, but leaves from a port of its own.
 *
 * A table of fixed size inside struct mappings, of entries of 16 bytes. The ALG thread alone
 * writes, any thread reads inside a read-side section, without lock. An entry whose mapping has
 * closed is as good as none.
 */
#pragma once

#include "base/addr.h"
#include "sessions/record.h"

struct mappings;

#define OUTLET_BUCKET 4 /* entries; a cache line */

struct outlet {
    uint64_t way;     /* atomic: keyed hash of struct outlet_way */
    uint64_t mapping; /* atomic: index | epoch << 32; OUTLET_FREE */
};

#define OUTLET_FREE UINT64_MAX

struct outlets {
    struct outlet *at;
    uint32_t n_buckets; /* a power of two */
    uint32_t any;       /* atomic: one was ever opened */
};

/* Hashed whole: no padding. IPv4 addresses as in struct ip_addr. */
struct outlet_way {
    struct ip_addr inside, remote;
    be16 port; /* of the remote */
    uint16_t zone, outside_ifindex, zero;
};

_Static_assert(sizeof(struct outlet_way) == 40, "hashed whole: no padding");

/* Room for `mappings` outlets at half load. 0 or -ENOMEM. */
int outlets_init(struct outlets *os, uint32_t mappings);
void outlets_free(struct outlets *os);

/*
 * From now on the host may send that way, as long as `mapping` lives. Where its bucket is full of
 * living ones the place of another is taken. ALG thread only.
 */
void outlet_open(struct mappings *ms, const struct outlet_way *way, struct handle mapping);

/* Take that back; nothing happens when it is not there. ALG thread only. */
void outlet_close(struct mappings *ms, const struct outlet_way *way, struct handle mapping);

/* The LIVE mapping of the stream that this way belongs to, or INDEX_NONE. Any thread. */
uint32_t outlet_find(const struct mappings *ms, const struct outlet_way *way);

/* Is there any use in looking? Costs one load. */
static inline bool outlets_any(const struct outlets *os)
{
    return __atomic_load_n(&os->any, __ATOMIC_RELAXED) != 0;
}
