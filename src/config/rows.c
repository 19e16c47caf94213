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

static bool has_group(const json_t *groups, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_object_get(groups, json_string_value(json_array_get(list, i))))
            return true;
    return false;
}

/*
 * The names of the list and of the groups among them, without the groups; a new reference. A list
 * of names still to be opened instead of recursion: how deep groups nest is the operator's choice.
 */
static json_t *expand(const struct rows_maker *maker, const struct rows_names *names)
{
    const json_t *groups = json_object_get(maker->tree->root, names->group ? names->group : "");
    if (!has_group(groups, names->list))
        return names->list ? json_incref((json_t *)names->list) : json_array();
    json_t *all = json_array(), *seen = json_object(), *open = json_copy((json_t *)names->list);
    for (size_t n; (n = json_array_size(open)) > 0;) {
        json_t *name = json_incref(json_array_get(open, n - 1));
        const char *key = json_string_value(name);
        const json_t *group = json_object_get(groups, key);
        json_array_remove(open, n - 1);
        if (!group) {
            json_array_append(all, name);
        } else if (!json_object_get(seen, key)) {
            json_object_set_new(seen, key, json_true());
            json_array_extend(open, json_object_get(group, names->member));
        }
        json_decref(name);
    }
    json_decref(open);
    json_decref(seen);
    return all;
}

static int compare_indexes(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static uint16_t sort_unique(uint16_t *rows, size_t n)
{
    uint16_t kept = 0;
    qsort(rows, n, sizeof(*rows), compare_indexes);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || rows[kept - 1] != rows[i])
            rows[kept++] = rows[i];
    return kept;
}

/* The numbers of `list` into `rows`, which has room; *n of them. */
static int look_up(struct rows_maker *maker, const struct rows_names *names, const json_t *list,
                   uint16_t *rows, size_t *n)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (rows_index(names->index, name, &rows[*n]) == 0)
            (*n)++;
        else if (!names->may_miss)
            return rows_fail(maker, names->root, names->key, names->attr,
                             "entry not found in datasource");
    }
    return 0;
}

int rows_resolve(struct rows_maker *maker, const struct rows_names *names, const uint16_t **out,
                 uint16_t *n_out, bool *is_any)
{
    *out = NULL;
    *n_out = 0;
    if (names->any && rows_list_has(names->list, names->any)) {
        *is_any = true;
        return 0;
    }
    json_t *list = expand(maker, names);
    uint16_t *rows = rows_alloc(maker, json_array_size(list), sizeof(*rows));
    size_t n = 0;
    int rc = look_up(maker, names, list, rows, &n);
    json_decref(list);
    if (rc == 0) {
        *out = rows;
        *n_out = sort_unique(rows, n);
    }
    return rc;
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

/* ---- profiles ---- */

void rows_read_profile(struct rows_maker *maker, const char *name, const json_t *entry,
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
        .open_via_pinhole = rows_enabled(node, sip, "open-via-pinhole"),
        .open_record_route_pinhole = rows_enabled(node, sip, "open-record-route-pinhole"),
        .log_violations = rows_enabled(node, sip, "log-violations"),
        .log_call_summary = rows_enabled(node, sip, "log-call-summary"),
        .contact_fixup = rows_enabled(node, sip, "contact-fixup"),
        .register_contact_trace = rows_enabled(node, sip, "register-contact-trace"),
        .hosted_nat_traversal = rows_enabled(node, sip, "hosted-nat-traversal"),
        .hnt_restrict_source_ip = rows_enabled(node, sip, "hnt-restrict-source-ip"),
        .nat_port_first = (uint16_t)first,
        .nat_port_last = (uint16_t)last,
        .max_dialogs = tree_u32(sip, node, "max-dialogs", 0),
        .max_idle_dialogs = tree_u32(sip, node, "max-idle-dialogs", 0),
        .call_keepalive_s = tree_u32(sip, node, "call-keepalive", 0),
        .provisional_invite_expiry_s = tree_u32(sip, node, "provisional-invite-expiry-time", 0),
    };
    rows_read_voip(node, sip, &row->rules);
}

static int make_profiles(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "voip profile");
    struct row_voip_profile *rows = rows_alloc(maker, table.n + 1, sizeof(*rows));
    int rc = rows_check_count(maker, &table, table.n + 1);
    unsigned n = 0;
    /* `default` first; a tree without it gets its defaults. */
    rows_read_profile(maker, "default", json_object_get(table.entries, "default"), &rows[n]);
    rows_index_put(maker->profiles, "default", n++);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        if (strcmp(table.keys[i], "default") == 0)
            continue;
        rows_read_profile(maker, table.keys[i], rows_entry(&table, i), &rows[n]);
        rows_index_put(maker->profiles, table.keys[i], n++);
    }
    maker->rows->voip_profiles = rows;
    maker->rows->n_voip_profiles = (uint16_t)n;
    rows_close(&table);
    return rc;
}

/* ---- all ---- */

/* Whatever is referred to comes first. */
static int (*const makers[])(struct rows_maker *) = {
    rows_make_dpdk,       rows_make_interfaces, rows_make_port_ttls, rows_make_addresses,
    rows_make_addresses6, rows_make_vips,       rows_make_pools,     rows_make_services,
    make_profiles,        rows_make_helper,     rows_make_policies,  rows_make_routes,
    rows_make_routes6,    rows_make_neighbours,
};

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
        .addresses6 = json_object(),
        .vips = json_object(),
        .pools = json_object(),
        .services = json_object(),
        .profiles = json_object(),
    };
    rows_make_global(&maker);
    int rc = 0;
    for (size_t i = 0; i < COUNT(makers) && rc == 0; i++)
        rc = makers[i](&maker);
    json_decref(maker.interfaces);
    json_decref(maker.addresses);
    json_decref(maker.addresses6);
    json_decref(maker.vips);
    json_decref(maker.pools);
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
