/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Toeplitz is linear: the hash is the exclusive or of one 32-bit window of the key per bit set in
 * the input, and the window of bit i is the key from bit i on. With a key of period 16 the windows
 * of bit i and bit i + 16 are equal, so words may be added up (exclusive or) before hashing, and 16
 * windows are all there are: the key's 32 bits, rotated.
 *
 * 0x6d5a as the period is what the field uses (Woo and Park, 2012): its rotations are 16 different
 * windows, and low bits of the hash, which index the redirection table, mix all bits of the word.
 */
#include "fastpath/rss.h"

#include "config/rows.h"

#include <netinet/in.h>

#define PERIOD 0x6d5au

void rss_key_fill(uint8_t *key, size_t n)
{
    for (size_t i = 0; i < n; i++)
        key[i] = (uint8_t)(i % 2 ? PERIOD : PERIOD >> 8);
}

uint32_t rss_toeplitz(const uint8_t *key, const uint8_t *input, size_t n)
{
    uint32_t window =
        (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | key[3];
    uint32_t hash = 0;
    for (size_t i = 0; i < n; i++)
        for (int bit = 7; bit >= 0; bit--) {
            if (input[i] >> bit & 1)
                hash ^= window;
            window = window << 1 | (key[i + 4] >> bit & 1);
        }
    return hash;
}

static uint16_t fold(be32 ip)
{
    return (uint16_t)(ip ^ ip >> 16);
}

uint32_t rss_hash(enum rss_fields fields, const struct key *key)
{
    bool ports = key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP;
    be16 word = 0;
    if (fields != RSS_DESTINATION)
        word ^= fold(key->src) ^ (ports ? key->sport : 0);
    if (fields != RSS_SOURCE)
        word ^= fold(key->dst) ^ (ports ? key->dport : 0);
    uint32_t window = PERIOD << 16 | PERIOD, hash = 0;
    for (uint16_t bits = be16_host(word); bits; bits = (uint16_t)(bits << 1)) {
        if (bits & 0x8000)
            hash ^= window;
        window = window << 1 | window >> 31;
    }
    return hash;
}

int rss_worker(const struct rss *rss, const struct key *key)
{
    if (rss->fields == RSS_UNKNOWN || key->family != 0)
        return -1;
    uint32_t entry = rss_hash((enum rss_fields)rss->fields, key) & (rss->entries - 1u);
    return (int)(entry % rss->queues % rss->workers);
}

static bool fits(const void *ctx, be32 ip, be16 port)
{
    const struct rss_fit *f = ctx;
    struct key reply = f->reply;
    reply.dst = ip;
    reply.dport = port;
    return rss_worker(&f->rss, &reply) == f->worker;
}

const struct nat_fit *rss_fit_make(struct rss_fit *f, const struct rss *rss, int worker,
                                   const struct key *reply)
{
    bool ports = reply->proto == IPPROTO_TCP || reply->proto == IPPROTO_UDP;
    if (rss->fields == RSS_UNKNOWN || rss->queues < 2 || worker >= rss->queues || !ports ||
        reply->family != 0)
        return NULL;
    f->rss = *rss;
    f->worker = worker;
    f->reply = *reply;
    f->fit = (struct nat_fit){fits, f};
    return &f->fit;
}

static bool names(bool any, const uint16_t *interfaces, uint16_t n, uint16_t place)
{
    if (any)
        return true;
    for (uint16_t i = 0; i < n; i++)
        if (interfaces[i] == place)
            return true;
    return false;
}

enum rss_fields rss_side(const struct config_rows *rows, uint16_t place)
{
    bool inside = false, outside = false;
    switch (rows->interfaces[place].role) {
    case ROW_ROLE_INSIDE:
        return RSS_SOURCE;
    case ROW_ROLE_OUTSIDE:
        return RSS_DESTINATION;
    case ROW_ROLE_NONE:
        break;
    }
    for (uint32_t i = 0; i < rows->n_policies; i++) {
        const struct row_policy *p = &rows->policies[i];
        if (!p->accept || !p->nat)
            continue;
        inside |= names(p->any_srcintf, p->srcintf, p->n_srcintf, place);
        outside |= names(p->any_dstintf, p->dstintf, p->n_dstintf, place);
    }
    return inside == outside ? RSS_BOTH : inside ? RSS_SOURCE : RSS_DESTINATION;
}
