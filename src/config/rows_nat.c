/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of virtual IPs and pools. What the operator may leave out is filled in here: the end of the
 * mapped range, the mapped ports. A virtual IP that is disabled has a name but no row.
 */
#include "config/rows_make.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- virtual IPs ---- */

/* Never beyond `max`: a range that would not fit has another length then, and is refused. */
static uint32_t add(uint32_t first, uint32_t n, uint32_t max)
{
    return n > max - first ? max : first + n;
}

void rows_read_vip(const struct schema_node *node, const json_t *entry, struct row_vip *row)
{
    static const char *const words[] = {"tcp", "udp", "sctp", "icmp"};
    static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP};
    uint32_t first = 0, last = 0;
    value_ip_span(slice_str(tree_str(entry, node, "extip")), &row->ext_first, &row->ext_last);
    value_ip_span(slice_str(tree_str(entry, node, "mappedip")), &row->mapped_first,
                  &row->mapped_last);
    if (row->mapped_first == row->mapped_last)
        row->mapped_last = add(row->mapped_first, row->ext_last - row->ext_first, UINT32_MAX);
    row->arp_reply = rows_enabled(node, entry, "arp-reply");
    row->nat_source_vip = rows_enabled(node, entry, "nat-source-vip");
    row->portforward = rows_enabled(node, entry, "portforward");
    if (!row->portforward)
        return;
    row->proto = protos[rows_choice(node, entry, "protocol", words, COUNT(words))];
    if (row->proto == IPPROTO_ICMP)
        return;
    value_span(slice_str(tree_str(entry, node, "extport")), UINT16_MAX, &first, &last);
    row->ext_port_first = (uint16_t)first;
    row->ext_port_last = (uint16_t)last;
    /* Where nothing is set, both keep the external ports. */
    value_span(slice_str(tree_str(entry, node, "mappedport")), UINT16_MAX, &first, &last);
    row->mapped_port_first = (uint16_t)first;
    row->mapped_port_last = (uint16_t)last;
    if (first == last)
        row->mapped_port_last =
            (uint16_t)add(first, (uint32_t)(row->ext_port_last - row->ext_port_first), UINT16_MAX);
}

uint32_t rows_read_filter(const json_t *list, struct row_range *ranges)
{
    uint32_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct slice word = slice_str(json_string_value(json_array_get(list, i)));
        if (value_ip_filter(word, &ranges[n].first, &ranges[n].last) == 0)
            n++;
    }
    return n;
}

static int make_vip(struct rows_maker *maker, const struct rows_table *table, unsigned i,
                    struct row_vip *row)
{
    const json_t *entry = rows_entry(table, i);
    const json_t *sources = json_object_get(entry, "src-filter");
    const char *extintf = tree_str(entry, table->node, "extintf");
    struct row_range *ranges = rows_alloc(maker, json_array_size(sources), sizeof(*ranges));
    *row = (struct row_vip){.name = rows_string(maker, table->keys[i]), .extintf = ROW_NONE};
    rows_read_vip(table->node, entry, row);
    row->src_filter = ranges;
    row->n_src_filter = rows_join_ranges(ranges, rows_read_filter(sources, ranges));
    if (strcmp(extintf, "any") != 0 && rows_index(maker->interfaces, extintf, &row->extintf) != 0)
        return rows_fail(maker, table->node->path, table->keys[i], "extintf",
                         "entry not found in datasource");
    struct rows_names names = {.root = table->node->path,
                               .key = table->keys[i],
                               .attr = "srcintf-filter",
                               .list = json_object_get(entry, "srcintf-filter"),
                               .index = maker->interfaces};
    return rows_resolve(maker, &names, &row->srcintf_filter, &row->n_srcintf_filter, NULL);
}

int rows_make_vips(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "firewall vip");
    struct row_vip *rows = rows_alloc(maker, table.n, sizeof(*rows));
    int rc = rows_check_count(maker, &table, table.n);
    uint16_t n = 0;
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        if (!rows_enabled(table.node, rows_entry(&table, i), "status"))
            continue;
        rows_index_put(maker->vips, table.keys[i], n);
        rc = make_vip(maker, &table, i, &rows[n++]);
    }
    maker->rows->vips = rows;
    maker->rows->n_vips = n;
    rows_close(&table);
    return rc;
}

/* ---- pools ---- */

static const char *const pool_words[] = {[ROW_POOL_OVERLOAD] = "overload",
                                         [ROW_POOL_ONE_TO_ONE] = "one-to-one",
                                         [ROW_POOL_FIXED_PORT_RANGE] = "fixed-port-range",
                                         [ROW_POOL_PORT_BLOCK] = "port-block-allocation"};

static uint32_t ip_of(const struct schema_node *node, const json_t *entry, const char *name)
{
    be32 ip = 0;
    ipv4_parse(slice_str(tree_str(entry, node, name)), &ip);
    return be32_host(ip);
}

void rows_read_pool(const struct schema_node *node, const json_t *entry, struct row_pool *row)
{
    row->type = rows_choice(node, entry, "type", pool_words, COUNT(pool_words));
    row->first = ip_of(node, entry, "startip");
    row->last = ip_of(node, entry, "endip");
    row->port_first = (uint16_t)rows_number(node, entry, "startport");
    row->port_last = (uint16_t)rows_number(node, entry, "endport");
    row->permit_any_host = rows_enabled(node, entry, "permit-any-host");
    row->arp_reply = rows_enabled(node, entry, "arp-reply");
    if (row->type == ROW_POOL_ONE_TO_ONE) {
        row->port_first = 0;
        row->port_last = UINT16_MAX;
    } else if (row->type == ROW_POOL_FIXED_PORT_RANGE) {
        row->source_first = ip_of(node, entry, "source-startip");
        row->source_last = ip_of(node, entry, "source-endip");
        row->port_per_user = (uint16_t)rows_number(node, entry, "port-per-user");
    } else if (row->type == ROW_POOL_PORT_BLOCK) {
        row->block_size = (uint16_t)rows_number(node, entry, "block-size");
        row->blocks_per_user = (uint16_t)rows_number(node, entry, "num-blocks-per-user");
        row->pba_timeout_s = rows_number(node, entry, "pba-timeout");
    }
}

static int make_pool(struct rows_maker *maker, const struct rows_table *table, unsigned i,
                     struct row_pool *row)
{
    const json_t *entry = rows_entry(table, i);
    const char *device = tree_str(entry, table->node, "arp-intf");
    *row = (struct row_pool){.name = rows_string(maker, table->keys[i]), .arp_intf = ROW_NONE};
    rows_read_pool(table->node, entry, row);
    if (*device && rows_index(maker->interfaces, device, &row->arp_intf) != 0)
        return rows_fail(maker, table->node->path, table->keys[i], "arp-intf",
                         "entry not found in datasource");
    return 0;
}

int rows_make_pools(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "firewall ippool");
    struct row_pool *rows = rows_alloc(maker, table.n, sizeof(*rows));
    int rc = rows_check_count(maker, &table, table.n);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        rows_index_put(maker->pools, table.keys[i], i);
        rc = make_pool(maker, &table, i, &rows[i]);
    }
    maker->rows->pools = rows;
    maker->rows->n_pools = (uint16_t)table.n;
    rows_close(&table);
    return rc;
}
