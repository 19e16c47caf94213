/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows out of the tree. One pass per table in dependency order, each leaving an index (name to row
 * number) for the tables that refer to it. All memory comes from one list of blocks that lives and
 * dies with the rows. A tree that passed its checks always gives rows; what is refused here are
 * numbers of things beyond what an index can hold, and trees that were put together past the
 * checks.
 */
#include "config/rows_make.h"

#include "config/value.h"

#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    _Alignas(16) unsigned char bytes[];
};

/* First member, so that the rows are freed by the pointer that was handed out. */
struct owned_rows {
    struct config_rows rows;
    struct block *blocks;
};

void *rows_alloc(struct rows_maker *maker, size_t n, size_t size)
{
    struct block *block = calloc(1, sizeof(*block) + (n ? n : 1) * size);
    if (!block)
        abort();
    block->next = maker->owner->blocks;
    maker->owner->blocks = block;
    return block->bytes;
}

const char *rows_string(struct rows_maker *maker, const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(rows_alloc(maker, n, 1), s, n);
}

int rows_fail(struct rows_maker *maker, const char *root, const char *key, const char *attr,
              const char *reason)
{
    text_printf(maker->error, "config %s / edit %s: %s: %s\n", root, key, attr, reason);
    return -1;
}

/* ---- tables ---- */

struct rows_table rows_open(struct rows_maker *maker, const char *root)
{
    struct rows_table table = {.node = schema_root(root)};
    table.path = tree_path_root(root, NULL);
    table.entries = tree_at(maker->tree, &table.path);
    table.keys = tree_keys(maker->tree, &table.path, &table.n);
    return table;
}

const json_t *rows_entry(const struct rows_table *table, unsigned i)
{
    return json_object_get(table->entries, table->keys[i]);
}

void rows_close(struct rows_table *table)
{
    free(table->keys);
}

void rows_index_put(json_t *index, const char *name, unsigned row)
{
    json_object_set_new(index, name, json_integer(row));
}

int rows_index(const json_t *index, const char *name, uint16_t *out)
{
    const json_t *row = json_object_get(index, name);
    if (!row)
        return -1;
    *out = (uint16_t)json_integer_value(row);
    return 0;
}

int rows_check_count(struct rows_maker *maker, const struct rows_table *table, unsigned n)
{
    if (n < ROW_NONE)
        return 0;
    text_printf(maker->error, "config %s: more than %u entries\n", table->node->path,
                ROW_NONE - 1u);
    return -1;
}

/* ---- values ---- */

uint32_t rows_number(const struct schema_node *node, const json_t *entry, const char *name)
{
    return tree_u32(entry, node, name, 0);
}

bool rows_enabled(const struct schema_node *node, const json_t *entry, const char *name)
{
    return tree_is(entry, node, name, "enable");
}

unsigned rows_choice(const struct schema_node *node, const json_t *entry, const char *name,
                     const char *const *words, unsigned n)
{
    const char *value = tree_str(entry, node, name);
    for (unsigned i = 0; i < n; i++)
        if (strcmp(words[i], value) == 0)
            return i;
    return 0;
}

bool rows_list_has(const json_t *list, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), word) == 0)
            return true;
    return false;
}

/* ---- profiles, routes ---- */

static void make_profile(struct rows_maker *maker, const char *name, const json_t *entry,
                         struct row_voip_profile *row)
{
    const struct schema_node *node = schema_child(schema_root("voip profile"), "sip");
    const json_t *sip = json_object_get(entry, "sip");
    uint32_t first = 0, last = 0;
    value_span(slice_str(tree_str(sip, node, "nat-port-range")), UINT16_MAX, &first, &last);
    *row = (struct row_voip_profile){
        .name = rows_string(maker, name),
        .sip_status = rows_enabled(node, sip, "status"),
        .rtp = rows_enabled(node, sip, "rtp"),
        .nat_trace = rows_enabled(node, sip, "nat-trace"),
        .preserve_override = rows_enabled(node, sip, "preserve-override"),
        .no_sdp_fixup = rows_enabled(node, sip, "no-sdp-fixup"),
        .open_register_pinhole = rows_enabled(node, sip, "open-register-pinhole"),
        .open_contact_pinhole = rows_enabled(node, sip, "open-contact-pinhole"),
        .strict_register = rows_enabled(node, sip, "strict-register"),
        .nat_port_first = (uint16_t)first,
        .nat_port_last = (uint16_t)last,
        .max_dialogs = tree_u32(sip, node, "max-dialogs", 0),
        .max_idle_dialogs = tree_u32(sip, node, "max-idle-dialogs", 0),
        .call_keepalive_s = tree_u32(sip, node, "call-keepalive", 0),
        .provisional_invite_expiry_s = tree_u32(sip, node, "provisional-invite-expiry-time", 0),
    };
}

static int make_profiles(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "voip profile");
    struct row_voip_profile *rows = rows_alloc(maker, table.n + 1, sizeof(*rows));
    int rc = rows_check_count(maker, &table, table.n + 1);
    unsigned n = 0;
    /* `default` first; a tree without it gets its defaults. */
    make_profile(maker, "default", json_object_get(table.entries, "default"), &rows[n]);
    rows_index_put(maker->profiles, "default", n++);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        if (strcmp(table.keys[i], "default") == 0)
            continue;
        make_profile(maker, table.keys[i], rows_entry(&table, i), &rows[n]);
        rows_index_put(maker->profiles, table.keys[i], n++);
    }
    maker->rows->voip_profiles = rows;
    maker->rows->n_voip_profiles = (uint16_t)n;
    rows_close(&table);
    return rc;
}

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

static int make_routes(struct rows_maker *maker)
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

/* ---- all ---- */

struct config_rows *config_rows_make(const struct config_tree *tree, struct text *error)
{
    struct owned_rows *owner = calloc(1, sizeof(*owner));
    if (!owner)
        abort();
    struct rows_maker maker = {
        .tree = tree,
        .error = error,
        .rows = &owner->rows,
        .owner = owner,
        .interfaces = json_object(),
        .addresses = json_object(),
        .services = json_object(),
        .profiles = json_object(),
    };
    rows_make_global(&maker);
    int rc = rows_make_dpdk(&maker);
    if (rc == 0)
        rc = rows_make_interfaces(&maker);
    if (rc == 0)
        rc = rows_make_port_ttls(&maker);
    if (rc == 0)
        rc = rows_make_addresses(&maker);
    if (rc == 0)
        rc = rows_make_services(&maker);
    if (rc == 0)
        rc = make_profiles(&maker);
    if (rc == 0)
        rc = rows_make_policies(&maker);
    if (rc == 0)
        rc = make_routes(&maker);
    json_decref(maker.interfaces);
    json_decref(maker.addresses);
    json_decref(maker.services);
    json_decref(maker.profiles);
    if (rc == 0)
        return &owner->rows;
    config_rows_free(&owner->rows);
    return NULL;
}

void config_rows_free(struct config_rows *rows)
{
    struct owned_rows *owner = (struct owned_rows *)rows;
    if (!owner)
        return;
    for (struct block *block = owner->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(owner);
}
