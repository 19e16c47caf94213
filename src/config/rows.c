/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows out of the tree. One pass per table in dependency order, each leaving an index (name to row
 * number) for the tables that refer to it. All memory comes from one list of blocks that lives and
 * dies with the rows. A tree that passed its checks always gives rows; what is refused here are
 * numbers of things beyond what an index can hold, and trees that were put together past the
 * checks.
 *
 * Two readings of settings that the tables leave open: a session-ttl row whose ports are both 0
 * means every port, and an interface MTU counts only with mtu-override.
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

static void index_put(json_t *index, const char *name, unsigned row)
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

static int check_count(struct rows_maker *maker, const struct rows_table *table, unsigned n)
{
    if (n < ROW_NONE)
        return 0;
    text_printf(maker->error, "config %s: more than %u entries\n", table->node->path,
                ROW_NONE - 1u);
    return -1;
}

static uint32_t number(const struct rows_table *table, const json_t *entry, const char *name)
{
    return tree_u32(entry, table->node, name, 0);
}

static bool enabled(const struct schema_node *node, const json_t *entry, const char *name)
{
    return tree_is(entry, node, name, "enable");
}

/* ---- single objects ---- */

static void make_global(struct rows_maker *maker)
{
    const json_t *root = maker->tree->root;
    struct row_global *g = &maker->rows->global;
    const struct schema_node *node = schema_root("system global");
    const json_t *object = json_object_get(root, node->path);
    g->hostname = rows_string(maker, tree_str(object, node, "hostname"));
    g->udp_idle_s = tree_u32(object, node, "udp-idle-timer", 0);
    g->tcp_halfopen_s = tree_u32(object, node, "tcp-halfopen-timer", 0);
    g->tcp_halfclose_s = tree_u32(object, node, "tcp-halfclose-timer", 0);
    g->tcp_timewait_s = tree_u32(object, node, "tcp-timewait-timer", 0);
    g->tcp_rst_s = tree_u32(object, node, "tcp-rst-timer", 0);

    node = schema_root("system session-ttl");
    g->ttl_default_s = tree_u32(json_object_get(root, node->path), node, "default", 0);

    node = schema_root("system settings");
    object = json_object_get(root, node->path);
    g->voip_alg_proxy = tree_is(object, node, "default-voip-alg-mode", "proxy-based");
    json_t *ports = tree_value(object, schema_attr(node, "sip-udp-port"));
    for (size_t i = 0; i < json_array_size(ports) && i < 8; i++)
        g->sip_udp_ports[g->n_sip_udp_ports++] =
            (uint16_t)json_integer_value(json_array_get(ports, i));
    json_decref(ports);
}

static int make_workers(struct rows_maker *maker, const json_t *cpus)
{
    struct row_dpdk *d = &maker->rows->dpdk;
    enum {
        MOST = sizeof(d->worker_cpus) / sizeof(d->worker_cpus[0])
    };
    for (size_t i = 0; i < json_array_size(cpus); i++) {
        const char *span = json_string_value(json_array_get(cpus, i));
        uint32_t first = 0, last = 0;
        value_span(slice_str(span), UINT16_MAX, &first, &last);
        for (uint32_t cpu = first; cpu <= last; cpu++) {
            bool known = false;
            for (unsigned k = 0; k < d->n_worker_cpus; k++)
                known |= d->worker_cpus[k] == cpu;
            if (known)
                continue;
            if (d->n_worker_cpus == MOST) {
                text_printf(maker->error, "config dpdk cpus: worker-cpus: more than %u CPUs\n",
                            (unsigned)MOST);
                return -1;
            }
            d->worker_cpus[d->n_worker_cpus++] = (uint16_t)cpu;
        }
    }
    return 0;
}

static int make_dpdk(struct rows_maker *maker)
{
    struct row_dpdk *d = &maker->rows->dpdk;
    const struct schema_node *node = schema_root("dpdk global");
    const json_t *object = json_object_get(maker->tree->root, node->path);
    d->hugepages = enabled(node, object, "hugepages");
    d->sleep_on_idle = enabled(node, object, "sleep-on-idle");
    d->memory_mib = tree_u32(object, node, "memory", 0);
    d->sessions = tree_u32(object, node, "sessions", 0);
    d->mappings = tree_u32(object, node, "mappings", 0);
    d->mbufs = tree_u32(object, node, "mbufs", 0);
    d->dialogs = tree_u32(object, node, "dialogs", 0);

    node = schema_root("dpdk cpus");
    object = json_object_get(maker->tree->root, node->path);
    d->alg_cpu = (uint16_t)tree_u32(object, node, "alg-cpu", 0);
    d->control_cpu = (uint16_t)tree_u32(object, node, "control-cpu", 0);
    json_t *cpus = tree_value(object, schema_attr(node, "worker-cpus"));
    int rc = make_workers(maker, cpus);
    json_decref(cpus);
    return rc;
}

/* ---- interfaces, session-ttl ports, routes, profiles ---- */

static bool list_has(const json_t *list, const char *word)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), word) == 0)
            return true;
    return false;
}

static int make_interfaces(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "system interface");
    struct row_interface *rows = rows_alloc(maker, table.n, sizeof(*rows));
    int rc = check_count(maker, &table, table.n);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const json_t *entry = rows_entry(&table, i);
        struct row_interface *row = &rows[i];
        bool override = enabled(table.node, entry, "mtu-override");
        row->name = rows_string(maker, table.keys[i]);
        row->device = rows_string(maker, tree_str(entry, table.node, "device"));
        row->mtu = override ? (uint16_t)number(&table, entry, "mtu") : 1500;
        row->up = tree_is(entry, table.node, "status", "up");
        row->allow_ping = list_has(json_object_get(entry, "allowaccess"), "ping");
        value_net(slice_str(tree_str(entry, table.node, "ip")), &row->ip, &row->mask);
        value_mac(slice_str(tree_str(entry, table.node, "macaddr")), row->mac);
        index_put(maker->interfaces, table.keys[i], i);
    }
    maker->rows->interfaces = rows;
    maker->rows->n_interfaces = (uint16_t)table.n;
    rows_close(&table);
    return rc;
}

static enum row_refresh refresh_of(const char *word)
{
    return strcmp(word, "outgoing") == 0   ? ROW_REFRESH_OUTGOING
           : strcmp(word, "incoming") == 0 ? ROW_REFRESH_INCOMING
                                           : ROW_REFRESH_BOTH;
}

static int make_port_ttls(struct rows_maker *maker)
{
    const struct schema_node *node = schema_child(schema_root("system session-ttl"), "port");
    struct rows_table table = {.node = node};
    table.path = tree_path_root("system session-ttl", NULL);
    tree_path_push(&table.path, node);
    table.entries = tree_at(maker->tree, &table.path);
    table.keys = tree_keys(maker->tree, &table.path, &table.n);
    struct row_port_ttl *rows = rows_alloc(maker, table.n, sizeof(*rows));
    int rc = check_count(maker, &table, table.n);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const json_t *entry = rows_entry(&table, i);
        struct row_port_ttl *row = &rows[i];
        row->id = (uint16_t)strtoul(table.keys[i], NULL, 10);
        row->proto = (uint8_t)number(&table, entry, "protocol");
        row->port_first = (uint16_t)number(&table, entry, "start-port");
        row->port_last = (uint16_t)number(&table, entry, "end-port");
        if (row->port_last == 0)
            row->port_last = UINT16_MAX;
        row->timeout_s = number(&table, entry, "timeout");
        row->refresh = refresh_of(tree_str(entry, node, "refresh-direction"));
    }
    maker->rows->port_ttls = rows;
    maker->rows->n_port_ttls = (uint16_t)table.n;
    rows_close(&table);
    return rc;
}

static void make_profile(struct rows_maker *maker, const char *name, const json_t *entry,
                         struct row_voip_profile *row)
{
    const struct schema_node *node = schema_child(schema_root("voip profile"), "sip");
    const json_t *sip = json_object_get(entry, "sip");
    uint32_t first = 0, last = 0;
    value_span(slice_str(tree_str(sip, node, "nat-port-range")), UINT16_MAX, &first, &last);
    *row = (struct row_voip_profile){
        .name = rows_string(maker, name),
        .sip_status = enabled(node, sip, "status"),
        .rtp = enabled(node, sip, "rtp"),
        .nat_trace = enabled(node, sip, "nat-trace"),
        .preserve_override = enabled(node, sip, "preserve-override"),
        .no_sdp_fixup = enabled(node, sip, "no-sdp-fixup"),
        .open_register_pinhole = enabled(node, sip, "open-register-pinhole"),
        .open_contact_pinhole = enabled(node, sip, "open-contact-pinhole"),
        .strict_register = enabled(node, sip, "strict-register"),
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
    int rc = check_count(maker, &table, table.n + 1);
    unsigned n = 0;
    /* `default` first; a tree without it gets its defaults. */
    make_profile(maker, "default", json_object_get(table.entries, "default"), &rows[n]);
    index_put(maker->profiles, "default", n++);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        if (strcmp(table.keys[i], "default") == 0)
            continue;
        make_profile(maker, table.keys[i], rows_entry(&table, i), &rows[n]);
        index_put(maker->profiles, table.keys[i], n++);
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
    row->distance = (uint8_t)number(table, entry, "distance");
    row->priority = (uint16_t)number(table, entry, "priority");
    row->blackhole = enabled(table->node, entry, "blackhole");
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
        if (enabled(table.node, rows_entry(&table, i), "status"))
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
    make_global(&maker);
    int rc = make_dpdk(&maker);
    if (rc == 0)
        rc = make_interfaces(&maker);
    if (rc == 0)
        rc = make_port_ttls(&maker);
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
