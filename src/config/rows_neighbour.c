/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of static neighbours of both families.
 */
#include "config/rows_make.h"
#include "config/value.h"

#include <stdlib.h>

/* Of one family: where they stand, and in which attribute the address. */
static const struct table {
    const char *root, *address;
} tables[] = {{"system arp-table", "ip"}, {"system ipv6-neighbor-cache", "ipv6"}};

static int address_of(struct slice text, struct ip_addr *out)
{
    be32 ip;
    if (ipv4_parse(text, &ip) != 0)
        return ipv6_parse(text, out);
    *out = ip_addr_of4(ip);
    return 0;
}

static int append(struct rows_maker *maker, const struct table *t, struct row_neighbour *rows)
{
    struct rows_table table = rows_open(maker, t->root);
    int rc = 0;
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const json_t *entry = rows_entry(&table, i);
        const char *address = tree_str(entry, table.node, t->address);
        struct row_neighbour *row = &rows[maker->rows->n_neighbours++];
        if (address_of(slice_str(address), &row->ip) != 0)
            rc = rows_fail(maker, t->root, table.keys[i], t->address, "invalid ip address");
        else if (value_mac(slice_str(tree_str(entry, table.node, "mac")), row->mac) != 0)
            rc = rows_fail(maker, t->root, table.keys[i], "mac", "input value is invalid");
        else if (rows_index(maker->interfaces, tree_str(entry, table.node, "interface"),
                            &row->device) != 0)
            rc = rows_fail(maker, t->root, table.keys[i], "interface",
                           "entry not found in datasource");
    }
    rows_close(&table);
    return rc;
}

static unsigned entries_of(struct rows_maker *maker, const char *root)
{
    struct rows_table table = rows_open(maker, root);
    unsigned n = table.n;
    rows_close(&table);
    return n;
}

int rows_make_neighbours(struct rows_maker *maker)
{
    unsigned n = entries_of(maker, tables[0].root) + entries_of(maker, tables[1].root);
    struct row_neighbour *rows = rows_alloc(maker, n, sizeof(*rows));
    maker->rows->neighbours = rows;
    if (n > ROW_NEIGHBOURS_MAX)
        return rows_fail(maker, tables[0].root, "", "", "more than 1024 static neighbours");
    int rc = append(maker, &tables[0], rows);
    return rc == 0 ? append(maker, &tables[1], rows) : rc;
}
