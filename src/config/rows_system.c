/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of `config system` and `config dpdk`. Two readings of settings that the tables leave open: a
 * session-ttl row whose ports are both 0 means every port, and an interface MTU counts only with
 * mtu-override.
 */
#include "config/rows_make.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

/* ---- single objects ---- */

static const char *const replay_words[] = {
    [ROW_REPLAY_STRICT] = "strict", [ROW_REPLAY_LOOSE] = "loose", [ROW_REPLAY_OFF] = "disable"};
static const char *const ecmp_words[] = {[ROW_ECMP_SOURCE] = "source-ip-based",
                                         [ROW_ECMP_SOURCE_DEST] = "source-dest-ip-based",
                                         [ROW_ECMP_WEIGHT] = "weight-based"};

/* A list of ports, at most `most`; returns how many. */
static uint8_t ports_of(const json_t *object, const struct schema_attr *attr, uint16_t *out,
                        size_t most)
{
    json_t *ports = tree_value(object, attr);
    uint8_t n = 0;
    for (; n < json_array_size(ports) && n < most; n++)
        out[n] = (uint16_t)json_integer_value(json_array_get(ports, n));
    json_decref(ports);
    return n;
}

static void make_settings(struct rows_maker *maker)
{
    struct row_global *g = &maker->rows->global;
    const struct schema_node *node = schema_root("system settings");
    const json_t *object = json_object_get(maker->tree->root, node->path);
    g->voip_alg_proxy = tree_is(object, node, "default-voip-alg-mode", "proxy-based");
    g->asymroute = rows_enabled(node, object, "asymroute");
    g->strict_src_check = rows_enabled(node, object, "strict-src-check");
    g->deny_tcp_with_icmp = rows_enabled(node, object, "deny-tcp-with-icmp");
    g->block_land_attack = rows_enabled(node, object, "block-land-attack");
    g->snat_hairpin = rows_enabled(node, object, "snat-hairpin-traffic");
    g->ecmp = rows_choice(node, object, "v4-ecmp-mode", ecmp_words, COUNT(ecmp_words));
    g->sip_expectation = rows_enabled(node, object, "sip-expectation");
    g->n_sip_udp_ports = ports_of(object, schema_attr(node, "sip-udp-port"), g->sip_udp_ports,
                                  COUNT(g->sip_udp_ports));
    g->n_sip_tcp_ports = ports_of(object, schema_attr(node, "sip-tcp-port"), g->sip_tcp_ports,
                                  COUNT(g->sip_tcp_ports));
}

void rows_make_global(struct rows_maker *maker)
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
    g->anti_replay = rows_choice(node, object, "anti-replay", replay_words, COUNT(replay_words));
    g->fragment_timeout_s = tree_u32(object, node, "ip-fragment-timeout", 0);
    g->reset_sessionless_tcp = rows_enabled(node, object, "reset-sessionless-tcp");
    g->snat_route_change = rows_enabled(node, object, "snat-route-change");

    node = schema_root("system session-ttl");
    g->ttl_default_s = tree_u32(json_object_get(root, node->path), node, "default", 0);

    node = schema_root("log setting");
    object = json_object_get(root, node->path);
    g->log_implicit_deny = rows_enabled(node, object, "fwpolicy-implicit-log");
    g->log_implicit_deny6 = rows_enabled(node, object, "fwpolicy6-implicit-log");
    node = schema_root("log syslogd filter");
    object = json_object_get(root, node->path);
    g->log_forward = rows_enabled(node, object, "forward-traffic");
    g->log_voip = rows_enabled(node, object, "voip");
    make_settings(maker);
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

int rows_make_dpdk(struct rows_maker *maker)
{
    struct row_dpdk *d = &maker->rows->dpdk;
    const struct schema_node *node = schema_root("dpdk global");
    const json_t *object = json_object_get(maker->tree->root, node->path);
    d->hugepages = rows_enabled(node, object, "hugepages");
    d->sleep_on_idle = rows_enabled(node, object, "sleep-on-idle");
    d->memory_mib = tree_u32(object, node, "memory", 0);
    d->sessions = tree_u32(object, node, "sessions", 0);
    d->mappings = tree_u32(object, node, "mappings", 0);
    d->mbufs = tree_u32(object, node, "mbufs", 0);
    d->dialogs = tree_u32(object, node, "dialogs", 0);
    d->sip_streams = tree_u32(object, node, "sip-streams", 0);
    d->sip_stream_buffers = tree_u32(object, node, "sip-stream-buffers", 0);

    node = schema_root("dpdk cpus");
    object = json_object_get(maker->tree->root, node->path);
    d->alg_cpu = (uint16_t)tree_u32(object, node, "alg-cpu", 0);
    d->control_cpu = (uint16_t)tree_u32(object, node, "control-cpu", 0);
    json_t *cpus = tree_value(object, schema_attr(node, "worker-cpus"));
    int rc = make_workers(maker, cpus);
    json_decref(cpus);
    return rc;
}

/* ---- interfaces, session-ttl ports ---- */

/* Members of a zone have the number of its first one, the others their own. */
static void make_zones(const struct rows_maker *maker, struct row_interface *rows, unsigned n)
{
    json_t *first = json_object(); /* of the zone: number by name */
    for (uint16_t i = 0; i < n; i++) {
        const char *zone = zone_of(maker->tree, rows[i].name);
        rows[i].zone = i;
        if (zone && rows_index(first, zone, &rows[i].zone) != 0)
            rows_index_put(first, zone, i);
    }
    json_decref(first);
}

static void make_interface6(const json_t *object, struct row_interface *row)
{
    const struct schema_node *node = schema_child(schema_root("system interface"), "ipv6");
    value_net6(slice_str(tree_str(object, node, "ip6-address")), &row->ip6, &row->ip6_len);
    row->allow_ping6 = rows_list_has(json_object_get(object, "ip6-allowaccess"), "ping");
}

int rows_make_interfaces(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "system interface");
    struct row_interface *rows = rows_alloc(maker, table.n, sizeof(*rows));
    int rc = rows_check_count(maker, &table, table.n);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const json_t *entry = rows_entry(&table, i);
        struct row_interface *row = &rows[i];
        bool override = rows_enabled(table.node, entry, "mtu-override");
        row->name = rows_string(maker, table.keys[i]);
        row->device = rows_string(maker, tree_str(entry, table.node, "device"));
        row->mtu = override ? (uint16_t)rows_number(table.node, entry, "mtu") : 1500;
        row->tcp_mss = (uint16_t)rows_number(table.node, entry, "tcp-mss");
        row->src_check = rows_enabled(table.node, entry, "src-check");
        row->drop_fragment = rows_enabled(table.node, entry, "drop-fragment");
        row->external = rows_enabled(table.node, entry, "external");
        row->role = tree_is(entry, table.node, "role", "undefined") ? ROW_ROLE_NONE
                    : tree_is(entry, table.node, "role", "wan")     ? ROW_ROLE_OUTSIDE
                                                                    : ROW_ROLE_INSIDE;
        row->up = tree_is(entry, table.node, "status", "up");
        row->allow_ping = rows_list_has(json_object_get(entry, "allowaccess"), "ping");
        value_net(slice_str(tree_str(entry, table.node, "ip")), &row->ip, &row->mask);
        make_interface6(json_object_get(entry, "ipv6"), row);
        value_mac(slice_str(tree_str(entry, table.node, "macaddr")), row->mac);
        rows_index_put(maker->interfaces, table.keys[i], i);
    }
    if (rc == 0)
        make_zones(maker, rows, table.n);
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

int rows_make_port_ttls(struct rows_maker *maker)
{
    const struct schema_node *node = schema_child(schema_root("system session-ttl"), "port");
    struct rows_table table = {.node = node};
    table.path = tree_path_root("system session-ttl", NULL);
    tree_path_push(&table.path, node);
    table.entries = tree_at(maker->tree, &table.path);
    table.keys = tree_keys(maker->tree, &table.path, &table.n);
    struct row_port_ttl *rows = rows_alloc(maker, table.n, sizeof(*rows));
    int rc = rows_check_count(maker, &table, table.n);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const json_t *entry = rows_entry(&table, i);
        struct row_port_ttl *row = &rows[i];
        row->id = (uint16_t)strtoul(table.keys[i], NULL, 10);
        row->proto = (uint8_t)rows_number(table.node, entry, "protocol");
        row->port_first = (uint16_t)rows_number(table.node, entry, "start-port");
        row->port_last = (uint16_t)rows_number(table.node, entry, "end-port");
        if (row->port_last == 0)
            row->port_last = UINT16_MAX;
        row->timeout_s = rows_number(table.node, entry, "timeout");
        row->refresh = refresh_of(tree_str(entry, node, "refresh-direction"));
    }
    maker->rows->port_ttls = rows;
    maker->rows->n_port_ttls = (uint16_t)table.n;
    rows_close(&table);
    return rc;
}
