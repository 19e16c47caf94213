/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From rows to translation rules. Pools are taken from the register, which knows the ones of the
 * configuration before; when a snapshot is freed they are dropped again.
 */
#include "fastpath/nat_rules.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct pool_params params_of(const struct row_pool *row)
{
    static const enum pool_type types[] = {
        [ROW_POOL_OVERLOAD] = POOL_OVERLOAD,
        [ROW_POOL_ONE_TO_ONE] = POOL_ONE_TO_ONE,
        [ROW_POOL_FIXED_PORT_RANGE] = POOL_FIXED_RANGE,
        [ROW_POOL_PORT_BLOCK] = POOL_BLOCKS,
    };
    struct pool_params p = {.type = types[row->type], .first = row->first, .last = row->last};
    strncpy(p.name, row->name, sizeof p.name - 1);
    if (row->type != ROW_POOL_ONE_TO_ONE) {
        p.port_first = row->port_first;
        p.port_last = row->port_last;
    }
    if (row->type == ROW_POOL_FIXED_PORT_RANGE) {
        p.source_first = row->source_first;
        p.source_last = row->source_last;
        p.port_per_user = row->port_per_user;
    }
    if (row->type == ROW_POOL_PORT_BLOCK) {
        p.block_size = row->block_size;
        p.blocks_per_user = row->blocks_per_user;
        p.timeout_s = row->pba_timeout_s;
    }
    return p;
}

static bool pools_make(struct nat_rules *n, const struct config_rows *rows, struct text *error)
{
    for (; n->n_pools < rows->n_pools; n->n_pools++) {
        const struct row_pool *row = &rows->pools[n->n_pools];
        struct nat_pool *p = &n->pools[n->n_pools];
        struct pool_params params = params_of(row);
        const char *why = "no memory";
        int result = pools_take(n->registry, &params, &p->pool, &why);
        if (result != 0) {
            text_printf(error, "config firewall ippool / edit \"%s\": %s", row->name,
                        result == -ENOSPC ? "too many pools" : why);
            return false;
        }
        p->permit_any_host = row->permit_any_host;
    }
    return true;
}

static bool policies_make(struct nat_rules *n, const struct config_rows *rows)
{
    size_t total = 0, at = 0;
    for (uint32_t i = 0; i < rows->n_policies; i++)
        total += rows->policies[i].n_pools;
    n->lists = calloc(total + 1, sizeof *n->lists);
    if (!n->lists)
        return false;
    for (uint32_t i = 0; i < rows->n_policies; i++) {
        const struct row_policy *row = &rows->policies[i];
        n->policies[i] = (struct nat_policy){.n_pools = row->n_pools,
                                             .pools = n->lists + at,
                                             .permit_any_host = row->permit_any_host,
                                             .port_random = row->port_random};
        for (uint16_t k = 0; k < row->n_pools; k++)
            n->lists[at++] = row->pools[k];
    }
    n->n_policies = rows->n_policies;
    return true;
}

/* ---- addresses that are ours ---- */

static int by_first(const void *a, const void *b)
{
    const struct nat_range *x = a, *y = b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

static int by_interface(const void *a, const void *b)
{
    const struct own_range *x = a, *y = b;
    if (x->ifindex != y->ifindex)
        return x->ifindex < y->ifindex ? -1 : 1;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : 0;
}

/* Answered for on its interface; without one, on those whose network it is in. */
static void arp_add(struct nat_rules *n, const struct config_rows *rows, struct nat_range r,
                    uint16_t row)
{
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        uint32_t first = be32_host(rows->interfaces[i].ip & rows->interfaces[i].mask);
        uint32_t last = first | ~be32_host(rows->interfaces[i].mask);
        struct own_range own = {r.first, r.last, i + 1u};
        if (row != ROW_NONE && row != i)
            continue;
        if (row == ROW_NONE && rows->interfaces[i].ip == 0)
            continue;
        if (row == ROW_NONE) {
            own.first = r.first > first ? r.first : first;
            own.last = r.last < last ? r.last : last;
        }
        if (own.first <= own.last)
            n->arp[n->n_arp++] = own;
    }
}

/* Sorted, and overlapping ones joined. */
static void arp_join(struct nat_rules *n)
{
    uint32_t out = 0;
    if (n->n_arp)
        qsort(n->arp, n->n_arp, sizeof *n->arp, by_interface);
    for (uint32_t i = 0; i < n->n_arp; i++) {
        struct own_range *last = out ? &n->arp[out - 1] : NULL, *r = &n->arp[i];
        if (last && last->ifindex == r->ifindex && r->first <= last->last)
            last->last = r->last > last->last ? r->last : last->last;
        else
            n->arp[out++] = *r;
    }
    n->n_arp = out;
}

static void own(struct nat_rules *n, const struct config_rows *rows, struct nat_range r, bool arp,
                uint16_t row)
{
    n->owned[n->n_owned++] = r;
    if (arp)
        arp_add(n, rows, r, row);
}

static void owned_make(struct nat_rules *n, const struct config_rows *rows)
{
    for (uint16_t i = 0; i < rows->n_vips; i++) {
        const struct row_vip *v = &rows->vips[i];
        own(n, rows, (struct nat_range){v->ext_first, v->ext_last, 0}, v->arp_reply, v->extintf);
    }
    for (uint16_t i = 0; i < rows->n_pools; i++) {
        const struct row_pool *p = &rows->pools[i];
        own(n, rows, (struct nat_range){p->first, p->last, 0}, p->arp_reply, p->arp_intf);
    }
    if (n->n_owned)
        qsort(n->owned, n->n_owned, sizeof *n->owned, by_first);
    for (uint32_t i = 0; i < n->n_owned; i++) {
        uint32_t before = i ? n->owned[i - 1].last_max : 0;
        n->owned[i].last_max = n->owned[i].last > before ? n->owned[i].last : before;
    }
    arp_join(n);
}

/* The last range that begins at `ip` or before, + 1. */
static uint32_t owned_upto(const struct nat_rules *n, uint32_t ip)
{
    uint32_t low = 0, high = n->n_owned;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (n->owned[middle].first <= ip)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool nat_owns(const struct nat_rules *n, be32 ip)
{
    uint32_t address = be32_host(ip);
    for (uint32_t i = owned_upto(n, address); i > 0 && n->owned[i - 1].last_max >= address; i--)
        if (n->owned[i - 1].last >= address)
            return true;
    return false;
}

/* ---- the whole ---- */

struct nat_rules *nat_rules_make(const struct config_rows *rows, struct pools *registry,
                                 struct text *error)
{
    struct nat_rules *n = calloc(1, sizeof *n);
    if (!n)
        abort();
    n->registry = registry;
    n->hairpin = rows->global.snat_hairpin;
    n->pools = calloc(rows->n_pools + 1u, sizeof *n->pools);
    n->policies = calloc(rows->n_policies + 1u, sizeof *n->policies);
    n->owned = calloc((size_t)rows->n_vips + rows->n_pools + 1, sizeof *n->owned);
    n->arp =
        calloc(((size_t)rows->n_vips + rows->n_pools) * rows->n_interfaces + 1, sizeof *n->arp);
    n->vips = vips_create(rows->vips, rows->n_vips);
    if (!n->pools || !n->policies || !n->owned || !n->arp || !n->vips || !policies_make(n, rows))
        abort(); /* as in the rest of compile: small, and before anything depends on it */
    if (!pools_make(n, rows, error)) {
        nat_rules_free(n);
        return NULL;
    }
    owned_make(n, rows);
    return n;
}

void nat_rules_free(struct nat_rules *n)
{
    if (!n)
        return;
    for (uint16_t i = 0; i < n->n_pools; i++)
        pool_drop(n->registry, n->pools[i].pool);
    vips_destroy(n->vips);
    free(n->pools);
    free(n->policies);
    free(n->lists);
    free(n->owned);
    free(n->arp);
    free(n);
}
