/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outlets: where a call lets its inside host send to, whatever the policies say of the host.
 *
 * Media from a port that was not advertised: some phones send RTP from another port than the one
 * they listen on; no mapping knows that port. What is known is where the other side wants its
 * media, and for which stream. An outlet ties {inside host, that place, way out} to the mapping of
 * the stream; a flow that finds it hangs on that mapping and so ends with the call, but leaves from
 * a port of its own.
 *
 * Signalling: who is called may have no policy to say anything by itself, and the session of its
 * call idles out long before somebody hangs up. An outlet ties {inside endpoint, endpoint of the
 * other side, way out} to the policy of the call and to what stands for the host in it.
 *
 * A table of fixed size inside struct mappings, of entries of 32 bytes. The ALG thread alone
 * writes, any thread reads inside a read-side section, without lock. An entry whose mapping has
 * closed is as good as none; one of signalling stays until it is closed.
 */
#pragma once

#include "base/addr.h"
#include "sessions/record.h"

struct mappings;

#define OUTLET_BUCKET 4 /* entries; two cache lines */

struct outlet {
    uint64_t way;    /* atomic: keyed hash of struct outlet_way */
    uint64_t holder; /* atomic: of media the mapping, index | epoch << 32; OUTLET_FREE */
    /* Of signalling, atomic: 1 | policy << 32, and the public address | port << 32. 0: of media. */
    uint64_t policy, public_side;
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
    be16 port;        /* of the remote */
    be16 inside_port; /* of signalling; 0: media, from any */
    uint16_t zone, outside_ifindex;
};

/* How signalling leaves. */
struct outlet_call {
    uint32_t policy_id;
    struct endpoint public_side; /* what stands for its source; ip 0: nothing, or it is IPv6 */
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

/*
 * From now on the endpoint may send SIP that way, until `call`, the record of the call, takes it
 * back. Opened again it leads to what is said last. The place of another as above. Returns the
 * way's hash. ALG thread only.
 */
uint64_t outlet_open_call(struct mappings *ms, const struct outlet_way *way, struct handle call,
                          const struct outlet_call *how);

/* The hash of a way, never 0; and an outlet of signalling closed by it. ALG thread only. */
uint64_t outlet_hash(const struct mappings *ms, const struct outlet_way *way);
void outlet_close_call(struct mappings *ms, uint64_t hash, struct handle call);

/* How SIP of this endpoint may leave that way; false: not at all. Any thread. */
bool outlet_find_call(const struct mappings *ms, const struct outlet_way *way,
                      struct outlet_call *how);

/* Is there any use in looking? Costs one load. */
static inline bool outlets_any(const struct outlets *os)
{
    return __atomic_load_n(&os->any, __ATOMIC_RELAXED) != 0;
}
