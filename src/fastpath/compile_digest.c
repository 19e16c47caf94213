/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A number that moves when the rule book says something else. Objects count by what they are, not
 * by name or number: renaming a group, or an object that no rule names, changes nothing for any
 * session. Seeded alike in every process.
 */
#include "base/hash.h"
#include "fastpath/compile_parts.h"

#include <stdlib.h>

struct digest {
    const struct config_rows *rows;
    struct hash_secret secret;
    uint64_t *address, *address6, *service, *vip, *pool; /* of each row */
    uint64_t *words;                                     /* of one policy */
    size_t n, room;
};

static void put(struct digest *d, uint64_t word)
{
    if (d->n == d->room) {
        d->room = d->room ? 2 * d->room : 256;
        d->words = realloc(d->words, d->room * sizeof *d->words);
        if (!d->words)
            abort();
    }
    d->words[d->n++] = word;
}

static uint64_t take(struct digest *d)
{
    uint64_t sum = hash_bytes(&d->secret, d->words, d->n * sizeof *d->words);
    d->n = 0;
    return sum;
}

static void put_ranges(struct digest *d, const struct row_range *r, uint32_t n)
{
    put(d, n);
    for (uint32_t i = 0; i < n; i++)
        put(d, (uint64_t)r[i].first << 32 | r[i].last);
}

static uint64_t address_sum(struct digest *d, uint32_t i)
{
    put_ranges(d, d->rows->addresses[i].ranges, d->rows->addresses[i].n_ranges);
    return take(d);
}

static uint64_t address6_sum(struct digest *d, uint32_t i)
{
    const struct row_address6 *a = &d->rows->addresses6[i];
    return hash_bytes(&d->secret, a->ranges, a->n_ranges * sizeof *a->ranges);
}

static uint64_t service_sum(struct digest *d, uint32_t i)
{
    const struct row_service *s = &d->rows->services[i];
    for (uint32_t k = 0; k < s->n_matches; k++) {
        const struct row_service_match *m = &s->matches[k];
        put(d, (uint64_t)m->dport_first << 48 | (uint64_t)m->dport_last << 32 |
                   (uint64_t)m->sport_first << 16 | m->sport_last);
        put(d, (uint64_t)m->proto << 32 | m->icmp_type << 16 | m->icmp_code << 8 |
                   m->any_icmp_type << 1 | m->any_icmp_code);
    }
    return take(d);
}

static uint64_t vip_sum(struct digest *d, uint32_t i)
{
    const struct row_vip *v = &d->rows->vips[i];
    put(d, (uint64_t)v->ext_first << 32 | v->ext_last);
    put(d, (uint64_t)v->mapped_first << 32 | v->mapped_last);
    put(d, (uint64_t)v->ext_port_first << 48 | (uint64_t)v->ext_port_last << 32 |
               (uint64_t)v->mapped_port_first << 16 | v->mapped_port_last);
    put(d, (uint64_t)v->extintf << 32 | v->proto << 8 | v->portforward << 1 | v->nat_source_vip);
    put_ranges(d, v->src_filter, v->n_src_filter);
    for (uint16_t k = 0; k < v->n_srcintf_filter; k++)
        put(d, v->srcintf_filter[k]);
    return take(d);
}

static uint64_t pool_sum(struct digest *d, uint32_t i)
{
    const struct row_pool *p = &d->rows->pools[i];
    put(d, (uint64_t)p->first << 32 | p->last);
    put(d, (uint64_t)p->source_first << 32 | p->source_last);
    put(d, (uint64_t)p->type << 32 | (uint64_t)p->port_first << 16 | p->port_last);
    put(d, (uint64_t)p->port_per_user << 32 | (uint64_t)p->block_size << 16 | p->blocks_per_user);
    return take(d);
}

static uint64_t *sums_make(struct digest *d, uint32_t n,
                           uint64_t (*sum)(struct digest *d, uint32_t i))
{
    uint64_t *sums = malloc((n + 1u) * sizeof *sums);
    if (!sums)
        abort();
    for (uint32_t i = 0; i < n; i++)
        sums[i] = sum(d, i);
    return sums;
}

static void put_list(struct digest *d, const uint16_t *list, uint16_t n, const uint64_t *sums)
{
    put(d, n);
    for (uint16_t i = 0; i < n; i++)
        put(d, sums ? sums[list[i]] : list[i]);
}

static uint64_t policy_sum(struct digest *d, uint32_t i)
{
    const struct row_policy *p = &d->rows->policies[i];
    put(d, p->id);
    put(d, (uint64_t)p->accept | p->nat << 1 | p->fixedport << 2 | p->src_negate << 3 |
               p->dst_negate << 4 | p->service_negate << 5 | p->any_srcintf << 6 |
               p->any_dstintf << 7 | p->match_vip << 8);
    put_list(d, p->srcintf, p->n_srcintf, NULL);
    put_list(d, p->dstintf, p->n_dstintf, NULL);
    put_list(d, p->srcaddr, p->n_srcaddr, d->address);
    put_list(d, p->dstaddr, p->n_dstaddr, d->address);
    put_list(d, p->srcaddr6, p->n_srcaddr6, d->address6);
    put_list(d, p->dstaddr6, p->n_dstaddr6, d->address6);
    put_list(d, p->services, p->n_services, d->service);
    put_list(d, p->vips, p->n_vips, d->vip);
    put_list(d, p->pools, p->n_pools, d->pool);
    return take(d);
}

uint64_t compile_policy_digest(const struct config_rows *rows)
{
    struct digest d = {.rows = rows};
    hash_secret_fixed(&d.secret, 0);
    d.address = sums_make(&d, rows->n_addresses, address_sum);
    d.address6 = sums_make(&d, rows->n_addresses6, address6_sum);
    d.service = sums_make(&d, rows->n_services, service_sum);
    d.vip = sums_make(&d, rows->n_vips, vip_sum);
    d.pool = sums_make(&d, rows->n_pools, pool_sum);
    uint64_t *policies = sums_make(&d, rows->n_policies, policy_sum);
    uint64_t sum = hash_bytes(&d.secret, policies, rows->n_policies * sizeof *policies) ^
                   hash_bytes(&d.secret, d.vip, rows->n_vips * sizeof *d.vip);
    free(policies);
    free(d.address);
    free(d.address6);
    free(d.service);
    free(d.vip);
    free(d.pool);
    free(d.words);
    return sum;
}
