/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which virtual IPs or pools claim an address. Each new one is held against all others; reading
 * ten thousand entries ten thousand times would take half a minute, comparing their numbers takes
 * a tenth of a second. So the numbers are kept beside the tree, as policy names are: made when
 * first asked for, added to when an entry has passed its checks, dropped when entries come in some
 * other way. The list holds every range in the tree and may hold ranges that are gone: whoever asks
 * looks the entry up.
 */
#include "config/ranges.h"

#include "config/value.h"

#include <stdlib.h>
#include <string.h>

struct claim {
    struct row_range range;
    char *key;
};

struct ranges {
    size_t n, room;
    struct claim *claims;
};

static void claims_free(struct ranges *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->claims[i].key);
    free(r->claims);
    free(r);
}

void ranges_forget(struct config_tree *tree)
{
    for (int i = 0; i < RANGES_TABLES; i++) {
        if (tree->ranges[i])
            claims_free(tree->ranges[i]);
        tree->ranges[i] = NULL;
    }
}

static void claim_add(struct ranges *r, const char *key, struct row_range range)
{
    if (r->n == r->room) {
        r->room = r->room ? 2 * r->room : 64;
        r->claims = realloc(r->claims, r->room * sizeof(*r->claims));
        if (!r->claims)
            abort();
    }
    char *copy = strdup(key);
    if (!copy)
        abort();
    r->claims[r->n++] = (struct claim){range, copy};
}

static struct row_range range_of(enum ranges_table table, const json_t *entry)
{
    struct row_range range = {0};
    be32 first = 0, last = 0;
    if (table == RANGES_VIP) {
        const char *extip = json_string_value(json_object_get(entry, "extip"));
        value_ip_span(slice_str(extip ? extip : ""), &range.first, &range.last);
        return range;
    }
    const char *startip = json_string_value(json_object_get(entry, "startip"));
    const char *endip = json_string_value(json_object_get(entry, "endip"));
    ipv4_parse(slice_str(startip ? startip : ""), &first);
    ipv4_parse(slice_str(endip ? endip : ""), &last);
    return (struct row_range){be32_host(first), be32_host(last)};
}

static struct ranges *ranges_of(const struct config_tree *tree, enum ranges_table table)
{
    static const char *const roots[] = {
        [RANGES_VIP] = "firewall vip", [RANGES_POOL] = "firewall ippool"};
    struct config_tree *own = (struct config_tree *)tree; /* what is kept is no part of its value */
    if (own->ranges[table])
        return own->ranges[table];
    struct ranges *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    const char *key;
    json_t *entry;
    json_object_foreach(json_object_get(tree->root, roots[table]), key, entry)
        claim_add(r, key, range_of(table, entry));
    own->ranges[table] = r;
    return r;
}

const char *ranges_next(const struct config_tree *tree, enum ranges_table table,
                        struct row_range range, size_t *cursor)
{
    const struct ranges *r = ranges_of(tree, table);
    while (*cursor < r->n) {
        const struct claim *claim = &r->claims[(*cursor)++];
        if (range.first <= claim->range.last && claim->range.first <= range.last)
            return claim->key;
    }
    return NULL;
}

void ranges_add(const struct config_tree *tree, enum ranges_table table, const char *key,
                struct row_range range)
{
    claim_add(ranges_of(tree, table), key, range);
}
