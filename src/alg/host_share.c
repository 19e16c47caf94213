/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limit moves with what is left: a host may have HOST_SHARE times as many records as are free.
 * One PBX alone on the inside may use three quarters of the table, the next one three quarters of
 * the rest, and however many are greedy there is room for one that has nothing yet. A fixed share
 * would refuse the lone PBX calls for which there is room.
 *
 * What begins outside counts for the inside host that it is for and for who began it, and never has
 * more than three quarters of the table: a flood of INVITEs to a PBX takes nine sixteenths of it at
 * most, one from a single address half. Then the PBX can still call out, and others can still call
 * it.
 *
 * Counted by a keyed hash of the host, without chains: two hosts that meet in a place share a
 * limit, with four places for every record seldom enough, and nobody outside can aim for it.
 */
#include "alg/host_share.h"

#include "base/mem.h"

#include <errno.h>

int host_shares_init(struct host_shares *hs, uint32_t capacity, uint32_t times,
                     const struct hash_secret *secret)
{
    uint32_t n = 64;
    while (n / 4 < capacity && n < 1u << 30)
        n *= 2;
    hs->counts = mem_map((size_t)n * sizeof(uint32_t), false);
    if (!hs->counts)
        return -ENOMEM;
    hs->n = n;
    hs->times = times;
    hs->secret = *secret;
    return 0;
}

void host_shares_free(struct host_shares *hs)
{
    if (hs->counts)
        mem_unmap(hs->counts, (size_t)hs->n * sizeof(uint32_t));
    hs->counts = NULL;
}

uint32_t *host_share_of(const struct host_shares *hs, const struct ip_addr *ip, uint16_t zone)
{
    bool is4 = ip_addr_is4(ip); /* whose first half is always zero */
    uint64_t hash = hash_16(&hs->secret, is4 ? zone : ip->half[0], is4 ? ip->half[1] : zone);
    return &hs->counts[hash & (hs->n - 1)];
}

bool host_share_room(const struct host_shares *hs, const struct ip_addr *ip, uint16_t zone,
                     uint32_t n_free)
{
    return *host_share_of(hs, ip, zone) < (uint64_t)hs->times * n_free;
}

void host_share_count(struct host_shares *hs, const struct ip_addr *ip, uint16_t zone, int32_t by)
{
    *host_share_of(hs, ip, zone) += (uint32_t)by;
}
