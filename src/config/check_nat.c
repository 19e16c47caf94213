/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual IPs and pools: what each must hold, and that none can be mistaken for another. Two
 * virtual IPs are apart when no packet can mean both: other external addresses, other protocols or
 * ports, other interfaces, other sources.
 */
#include "config/check_entry.h"
#include "config/ranges.h"
#include "config/rows_make.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static bool overlap(uint32_t a_first, uint32_t a_last, uint32_t b_first, uint32_t b_last)
{
    return a_first <= b_last && b_first <= a_last;
}

/* Every address of the range can be that of a host. */
static bool are_hosts(uint32_t first, uint32_t last)
{
    return first >> 24 != 0 && last >> 28 < 14 && !overlap(first, last, 127u << 24, 0x7fffffff);
}

/* ---- virtual IPs ---- */

int vip_is_whole(const struct schema_node *node, const json_t *entry, struct text *error)
{
    struct row_vip vip = {0};
    rows_read_vip(node, entry, &vip);
    if (!are_hosts(vip.ext_first, vip.ext_last) || !are_hosts(vip.mapped_first, vip.mapped_last))
        return error_object(error, "invalid ip address", ERROR_IP);
    if (vip.ext_last - vip.ext_first != vip.mapped_last - vip.mapped_first)
        return error_object(error, "extip and mappedip must be ranges of the same length",
                            ERROR_VIP_MAPPING);
    if (!vip.portforward || vip.proto == IPPROTO_ICMP)
        return 0;
    if (vip.ext_port_first == 0)
        return check_missing(error, "extport");
    if (vip.ext_port_last - vip.ext_port_first != vip.mapped_port_last - vip.mapped_port_first)
        return error_object(error, "extport and mappedport must be ranges of the same length",
                            ERROR_VIP_MAPPING);
    return 0;
}

/* Lists of sources that both name some and have none in common. */
static bool filters_are_apart(const json_t *a, const json_t *b)
{
    size_t n = json_array_size(a), m = json_array_size(b);
    struct row_range *ranges = calloc(n + m + 1, sizeof(*ranges));
    bool apart = n > 0 && m > 0;
    if (!ranges)
        abort();
    n = rows_read_filter(a, ranges);
    m = rows_read_filter(b, ranges + n);
    for (size_t i = 0; i < n && apart; i++)
        for (size_t k = n; k < n + m && apart; k++)
            apart = !overlap(ranges[i].first, ranges[i].last, ranges[k].first, ranges[k].last);
    free(ranges);
    return apart;
}

static bool names_are_apart(const json_t *a, const json_t *b)
{
    bool apart = json_array_size(a) > 0 && json_array_size(b) > 0;
    for (size_t i = 0; i < json_array_size(a) && apart; i++)
        apart = !rows_list_has(b, json_string_value(json_array_get(a, i)));
    return apart;
}

static bool interfaces_are_apart(const char *a, const char *b)
{
    return strcmp(a, "any") != 0 && strcmp(b, "any") != 0 && strcmp(a, b) != 0;
}

static bool vips_are_apart(const struct schema_node *node, const json_t *a, const json_t *b)
{
    struct row_vip x = {0}, y = {0};
    rows_read_vip(node, a, &x);
    rows_read_vip(node, b, &y);
    if (!overlap(x.ext_first, x.ext_last, y.ext_first, y.ext_last))
        return true;
    if (x.portforward && y.portforward &&
        (x.proto != y.proto ||
         !overlap(x.ext_port_first, x.ext_port_last, y.ext_port_first, y.ext_port_last)))
        return true;
    return interfaces_are_apart(tree_str(a, node, "extintf"), tree_str(b, node, "extintf")) ||
           names_are_apart(json_object_get(a, "srcintf-filter"),
                           json_object_get(b, "srcintf-filter")) ||
           filters_are_apart(json_object_get(a, "src-filter"), json_object_get(b, "src-filter"));
}

static bool vip_has_interface_address(const struct config_tree *tree, const struct row_vip *vip)
{
    const json_t *interfaces = json_object_get(tree->root, "system interface");
    for (void *i = json_object_iter((json_t *)interfaces); i;
         i = json_object_iter_next((json_t *)interfaces, i)) {
        const char *text = json_string_value(json_object_get(json_object_iter_value(i), "ip"));
        be32 ip, mask;
        if (text && value_net(slice_str(text), &ip, &mask) == 0 && ip != 0 &&
            overlap(vip->ext_first, vip->ext_last, be32_host(ip), be32_host(ip)))
            return true;
    }
    return false;
}

int vip_fits_others(const struct config_tree *tree, const char *key, const json_t *entry,
                    struct text *error)
{
    const struct schema_node *node = schema_root("firewall vip");
    struct row_vip vip = {0};
    rows_read_vip(node, entry, &vip);
    if (!vip.portforward && vip_has_interface_address(tree, &vip))
        return error_object(error, "the external interface IP is used as VIP",
                            ERROR_VIP_IS_INTERFACE);
    const json_t *vips = json_object_get(tree->root, node->path);
    struct row_range range = {vip.ext_first, vip.ext_last};
    const char *name;
    for (size_t at = 0; (name = ranges_next(tree, RANGES_VIP, range, &at));) {
        const json_t *other = json_object_get(vips, name);
        if (other && strcmp(name, key) != 0 && !vips_are_apart(node, entry, other))
            return error_object(error, "duplicated with another vip", ERROR_VIP_MAPPING);
    }
    ranges_add(tree, RANGES_VIP, key, range);
    return 0;
}

bool vip_takes_address(const struct config_tree *tree, uint32_t ip)
{
    const struct schema_node *node = schema_root("firewall vip");
    const char *name;
    json_t *entry;
    json_object_foreach(json_object_get(tree->root, node->path), name, entry)
    {
        struct row_vip vip = {0};
        rows_read_vip(node, entry, &vip);
        if (!vip.portforward && overlap(vip.ext_first, vip.ext_last, ip, ip))
            return true;
    }
    return false;
}

int vipgrp_members_fit(const struct config_tree *tree, const char *key, const json_t *entry,
                       struct text *error)
{
    const struct schema_node *node = schema_root("firewall vipgrp"),
                             *vip = schema_root("firewall vip");
    const json_t *vips = json_object_get(tree->root, vip->path);
    const json_t *members = json_object_get(entry, "member");
    const char *interface = tree_str(entry, node, "interface");
    (void)key;
    for (size_t i = 0; i < json_array_size(members); i++) {
        const char *name = json_string_value(json_array_get(members, i));
        const char *extintf = tree_str(json_object_get(vips, name), vip, "extintf");
        if (interfaces_are_apart(interface, extintf))
            return error_check(error, "member", slice_str(name), ERROR_VALUE);
    }
    return 0;
}

/* ---- pools ---- */

/* Blocks of at least 32 ports for every source; reference 5.6. */
static int fixed_blocks_fit(const struct row_pool *pool, struct text *error)
{
    enum {
        LEAST = 32
    };
    uint64_t sources = (uint64_t)pool->source_last - pool->source_first + 1;
    uint64_t addresses = (uint64_t)pool->last - pool->first + 1;
    uint64_t ports = (uint64_t)pool->port_last - pool->port_first + 1;
    uint64_t each = (sources + addresses - 1) / addresses; /* sources that share an address */
    if (pool->source_first == 0)
        return check_missing(error, "source-startip");
    if (pool->source_first > pool->source_last)
        return error_object(error, "source-endip must be greater than source-startip",
                            ERROR_END_BEFORE_START);
    if (each * (pool->port_per_user ? pool->port_per_user : LEAST) > ports)
        return error_object(error, "the pool has too few ports for its source addresses",
                            ERROR_VALUE);
    return 0;
}

int pool_is_whole(const struct schema_node *node, const json_t *entry, struct text *error)
{
    struct row_pool pool = {0};
    rows_read_pool(node, entry, &pool);
    if (pool.first == 0)
        return check_missing(error, "startip");
    if (pool.first > pool.last)
        return error_object(error, "end-ip must be greater than start-ip", ERROR_END_BEFORE_START);
    if (!are_hosts(pool.first, pool.last))
        return error_object(error, "invalid ip address", ERROR_IP);
    if (pool.port_first > pool.port_last)
        return error_object(error, "endport must be greater than startport", ERROR_PORT_REVERSED);
    if (pool.type == ROW_POOL_PORT_BLOCK && pool.block_size > pool.port_last - pool.port_first + 1)
        return error_object(error, "block-size is more than the ports of an address", ERROR_VALUE);
    return pool.type == ROW_POOL_FIXED_PORT_RANGE ? fixed_blocks_fit(&pool, error) : 0;
}

int pool_fits_others(const struct config_tree *tree, const char *key, const json_t *entry,
                     struct text *error)
{
    const struct schema_node *node = schema_root("firewall ippool");
    struct row_pool pool = {0};
    rows_read_pool(node, entry, &pool);
    const json_t *pools = json_object_get(tree->root, node->path);
    struct row_range range = {pool.first, pool.last};
    const char *name;
    for (size_t at = 0; (name = ranges_next(tree, RANGES_POOL, range, &at));) {
        struct row_pool other = {0};
        const json_t *o = json_object_get(pools, name);
        if (!o || strcmp(name, key) == 0)
            continue;
        rows_read_pool(node, o, &other);
        if (overlap(pool.first, pool.last, other.first, other.last))
            return error_object(error, "IP pool range overlaps another pool", ERROR_POOL_OVERLAP);
    }
    ranges_add(tree, RANGES_POOL, key, range);
    return 0;
}

/* ---- policies that name them ---- */

int policy_fits_others(const struct config_tree *tree, const char *key, const json_t *entry,
                       struct text *error)
{
    const struct schema_node *node = schema_root("firewall policy");
    const json_t *vips = json_object_get(tree->root, "firewall vip");
    const json_t *groups = json_object_get(tree->root, "firewall vipgrp");
    const json_t *names = json_object_get(entry, "dstaddr");
    (void)key;
    if (!tree_is(entry, node, "dstaddr-negate", "enable"))
        return 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (json_object_get(vips, name) || json_object_get(groups, name))
            return error_object(error, "a virtual IP cannot be negated", ERROR_VALUE);
    }
    return 0;
}
