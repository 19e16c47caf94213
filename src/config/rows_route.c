/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of static routes of both families. Routes that are not in use have none; whether the way of
 * a route is up is the dataplane's question.
 */
#include "config/rows_make.h"
#include "config/value.h"

#include <stdlib.h>

static int make_route(struct rows_maker *maker, const struct rows_table *table, unsigned i,
                      struct row_route *row)
{
    const json_t *entry = rows_entry(table, i);
    be32 mask = 0;
    row->seq = (uint32_t)strtoul(table->keys[i], NULL, 10);
    value_net(slice_str(tree_str(entry, table->node, "dst")), &row->dst, &mask);
    row->dst &= mask;
    row->len = (uint8_t)ipv4_mask_len(mask);
    ipv4_parse(slice_str(tree_str(entry, table->node, "gateway")), &row->gateway);
    row->distance = (uint8_t)rows_number(table->node, entry, "distance");
    row->priority = (uint16_t)rows_number(table->node, entry, "priority");
    row->weight = (uint16_t)rows_number(table->node, entry, "weight");
    row->blackhole = rows_enabled(table->node, entry, "blackhole");
    row->device = ROW_NONE;
    if (row->blackhole)
        return 0;
    const char *device = tree_str(entry, table->node, "device");
    if (rows_index(maker->interfaces, device, &row->device) != 0)
        return rows_fail(maker, table->node->path, table->keys[i], "device",
                         "entry not found in datasource");
    return 0;
}

int rows_make_routes(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "router static");
    struct row_route *rows = rows_alloc(maker, table.n, sizeof(*rows));
    uint32_t n = 0;
    int rc = 0;
    for (unsigned i = 0; i < table.n && rc == 0; i++)
        if (rows_enabled(table.node, rows_entry(&table, i), "status"))
            rc = make_route(maker, &table, i, &rows[n++]);
    maker->rows->routes = rows;
    maker->rows->n_routes = n;
    rows_close(&table);
    return rc;
}

/* ---- IPv6 ---- */

static int make_route6(struct rows_maker *maker, const struct rows_table *table, unsigned i,
                       struct row_route6 *row)
{
    const json_t *entry = rows_entry(table, i);
    struct ip_addr dst = {0};
    row->seq = (uint32_t)strtoul(table->keys[i], NULL, 10);
    value_net6(slice_str(tree_str(entry, table->node, "dst")), &dst, &row->len);
    row->dst = value_first6(&dst, row->len);
    ipv6_parse(slice_str(tree_str(entry, table->node, "gateway")), &row->gateway);
    row->distance = (uint8_t)rows_number(table->node, entry, "distance");
    row->priority = (uint16_t)rows_number(table->node, entry, "priority");
    row->blackhole = rows_enabled(table->node, entry, "blackhole");
    row->device = ROW_NONE;
    if (row->blackhole)
        return 0;
    if (rows_index(maker->interfaces, tree_str(entry, table->node, "device"), &row->device) != 0)
        return rows_fail(maker, table->node->path, table->keys[i], "device",
                         "entry not found in datasource");
    return 0;
}

int rows_make_routes6(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "router static6");
    struct row_route6 *rows = rows_alloc(maker, table.n, sizeof(*rows));
    uint32_t n = 0;
    int rc = 0;
    for (unsigned i = 0; i < table.n && rc == 0; i++)
        if (rows_enabled(table.node, rows_entry(&table, i), "status"))
            rc = make_route6(maker, &table, i, &rows[n++]);
    maker->rows->routes6 = rows;
    maker->rows->n_routes6 = n;
    rows_close(&table);
    return rc;
}
