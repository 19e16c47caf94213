/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of addresses of both families. A group becomes one address whose ranges are the union of its
 * members'; groups are made members first, so that each is made once. The families differ in what a
 * range is and how ranges are joined; the rest is written once, over ranges of unknown type.
 */
#include "config/rows_make.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

/* An address while it is made, and what the families differ in. */
struct address {
    const char *name;
    uint32_t n;
    void *ranges;
};

struct family {
    const char *single, *group;
    size_t range_size;
    void (*read)(const struct schema_node *node, const json_t *entry, void *range);
    uint32_t (*join)(void *ranges, uint32_t n); /* sorted, none overlapping; how many are left */
};

/* ---- IPv4 ---- */

static void range4_read(const struct schema_node *node, const json_t *entry, void *range)
{
    be32 first = 0, last = 0;
    if (tree_is(entry, node, "type", "iprange")) {
        ipv4_parse(slice_str(tree_str(entry, node, "start-ip")), &first);
        ipv4_parse(slice_str(tree_str(entry, node, "end-ip")), &last);
    } else {
        be32 mask = 0;
        value_net(slice_str(tree_str(entry, node, "subnet")), &first, &mask);
        first &= mask;
        last = first | ~mask;
    }
    *(struct row_range *)range = (struct row_range){be32_host(first), be32_host(last)};
}

static int range4_compare(const void *a, const void *b)
{
    const struct row_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

uint32_t rows_join_ranges(struct row_range *ranges, uint32_t n)
{
    uint32_t kept = 0;
    qsort(ranges, n, sizeof(*ranges), range4_compare);
    for (uint32_t i = 0; i < n; i++) {
        struct row_range *last = kept ? &ranges[kept - 1] : NULL;
        if (!last || (last->last != UINT32_MAX && ranges[i].first > last->last + 1))
            ranges[kept++] = ranges[i];
        else if (ranges[i].last > last->last)
            last->last = ranges[i].last;
    }
    return kept;
}

static uint32_t range4_join(void *ranges, uint32_t n)
{
    return rows_join_ranges(ranges, n);
}

/* ---- IPv6 ---- */

static void range6_read(const struct schema_node *node, const json_t *entry, void *range)
{
    struct row_range6 *out = range;
    struct ip_addr ip = {0};
    uint8_t len = 0;
    if (tree_is(entry, node, "type", "iprange")) {
        ipv6_parse(slice_str(tree_str(entry, node, "start-ip")), &out->first);
        ipv6_parse(slice_str(tree_str(entry, node, "end-ip")), &out->last);
        return;
    }
    value_net6(slice_str(tree_str(entry, node, "ip6")), &ip, &len);
    *out = (struct row_range6){value_first6(&ip, len), value_last6(&ip, len)};
}

static int ip6_compare(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a->byte, b->byte, sizeof(a->byte));
}

static int range6_compare(const void *a, const void *b)
{
    const struct row_range6 *x = a, *y = b;
    return ip6_compare(&x->first, &y->first);
}

/* The address behind `ip`; :: behind the last. */
static struct ip_addr ip6_next(struct ip_addr ip)
{
    for (unsigned i = 16; i-- > 0 && ++ip.byte[i] == 0;)
        ;
    return ip;
}

static bool range6_is_apart(const struct row_range6 *before, const struct row_range6 *range)
{
    static const struct ip_addr zero;
    struct ip_addr next = ip6_next(before->last);
    return !ip_addr_eq(&next, &zero) && ip6_compare(&range->first, &next) > 0;
}

static uint32_t range6_join(void *from, uint32_t n)
{
    struct row_range6 *ranges = from;
    uint32_t kept = 0;
    qsort(ranges, n, sizeof(*ranges), range6_compare);
    for (uint32_t i = 0; i < n; i++) {
        struct row_range6 *last = kept ? &ranges[kept - 1] : NULL;
        if (!last || range6_is_apart(last, &ranges[i]))
            ranges[kept++] = ranges[i];
        else if (ip6_compare(&ranges[i].last, &last->last) > 0)
            last->last = ranges[i].last;
    }
    return kept;
}

static const struct family family4 = {"firewall address", "firewall addrgrp",
                                      sizeof(struct row_range), range4_read, range4_join};
static const struct family family6 = {"firewall address6", "firewall addrgrp6",
                                      sizeof(struct row_range6), range6_read, range6_join};

/* ---- both ---- */

/* The addresses of a family under way. */
struct making {
    const struct family *family;
    json_t *index; /* name to number in rows */
    struct address *rows;
    uint16_t n;
};

/* Ranges of all members, one behind the other, into `to` where it is not NULL; how many. */
static uint32_t members_copy(const struct making *m, const json_t *members, char *to)
{
    uint32_t n = 0;
    size_t size = m->family->range_size;
    for (size_t i = 0; i < json_array_size(members); i++) {
        uint16_t at;
        if (rows_index(m->index, json_string_value(json_array_get(members, i)), &at) != 0)
            continue;
        if (to)
            memcpy(to + n * size, m->rows[at].ranges, m->rows[at].n * size);
        n += m->rows[at].n;
    }
    return n;
}

/* Members are references that were checked; one that is gone all the same is refused. */
static int members_exist(struct rows_maker *maker, const struct making *m, const char *key,
                         const json_t *members)
{
    uint16_t at;
    for (size_t i = 0; i < json_array_size(members); i++)
        if (rows_index(m->index, json_string_value(json_array_get(members, i)), &at) != 0)
            return rows_fail(maker, m->family->group, key, "member",
                             "entry not found in datasource");
    return 0;
}

static int make_group(struct rows_maker *maker, struct making *m, const char *key,
                      const json_t *members)
{
    struct address *row = &m->rows[m->n];
    if (members_exist(maker, m, key, members) != 0)
        return -1;
    row->name = rows_string(maker, key);
    row->ranges = rows_alloc(maker, members_copy(m, members, NULL), m->family->range_size);
    row->n = m->family->join(row->ranges, members_copy(m, members, row->ranges));
    rows_index_put(m->index, key, m->n++);
    return 0;
}

static void make_single(struct rows_maker *maker, struct making *m, const char *key,
                        const struct schema_node *node, const json_t *entry)
{
    struct address *row = &m->rows[m->n];
    *row =
        (struct address){rows_string(maker, key), 1, rows_alloc(maker, 1, m->family->range_size)};
    m->family->read(node, entry, row->ranges);
    rows_index_put(m->index, key, m->n++);
}

/* All addresses of a family, single ones first. 0 or -1. */
static int make_family(struct rows_maker *maker, struct making *m)
{
    struct rows_table single = rows_open(maker, m->family->single);
    struct rows_table group = rows_open(maker, m->family->group);
    int rc = rows_check_count(maker, &single, single.n + group.n + 1);
    m->rows = rows_alloc(maker, single.n + group.n + 1, sizeof(*m->rows));
    for (unsigned i = 0; i < single.n && rc == 0; i++)
        make_single(maker, m, single.keys[i], single.node, rows_entry(&single, i));
    references_order(maker->tree, group.node, group.keys, group.n);
    for (unsigned i = 0; i < group.n && rc == 0; i++)
        rc = make_group(maker, m, group.keys[i], json_object_get(rows_entry(&group, i), "member"));
    if (rc == 0 && rows_zones_allow(maker))
        make_single(maker, m, "", single.node, NULL); /* the default of both families is all */
    rows_close(&single);
    rows_close(&group);
    return rc;
}

int rows_make_addresses(struct rows_maker *maker)
{
    struct making m = {.family = &family4, .index = maker->addresses};
    int rc = make_family(maker, &m);
    struct row_address *rows = rows_alloc(maker, m.n, sizeof(*rows));
    for (uint16_t i = 0; i < m.n && rc == 0; i++)
        rows[i] = (struct row_address){m.rows[i].name, m.rows[i].n, m.rows[i].ranges};
    maker->rows->addresses = rows;
    maker->rows->n_addresses = m.n;
    return rc;
}

int rows_make_addresses6(struct rows_maker *maker)
{
    struct making m = {.family = &family6, .index = maker->addresses6};
    int rc = make_family(maker, &m);
    struct row_address6 *rows = rows_alloc(maker, m.n, sizeof(*rows));
    for (uint16_t i = 0; i < m.n && rc == 0; i++)
        rows[i] = (struct row_address6){m.rows[i].name, m.rows[i].n, m.rows[i].ranges};
    maker->rows->addresses6 = rows;
    maker->rows->n_addresses6 = m.n;
    return rc;
}
