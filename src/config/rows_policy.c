/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of services and policies. A group of services or virtual IPs disappears into the policies
 * that name it: it is opened with a list of names still to be looked at, so that deep nesting costs
 * no stack and a group met twice is opened once.
 */
#include "config/rows_make.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- services ---- */

static const struct row_service_match any_ports = {
    .any_icmp_type = true,
    .any_icmp_code = true,
    .dport_last = UINT16_MAX,
    .sport_last = UINT16_MAX,
};

static uint32_t add_ports(struct row_service_match *matches, uint32_t n, uint8_t proto,
                          const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct value_portrange r = {0};
        value_portrange(slice_str(json_string_value(json_array_get(list, i))), &r);
        matches[n] = any_ports;
        matches[n].proto = proto;
        matches[n].dport_first = (uint16_t)r.dst_first;
        matches[n].dport_last = (uint16_t)r.dst_last;
        matches[n].sport_first = (uint16_t)r.src_first;
        matches[n].sport_last = (uint16_t)r.src_last;
        n++;
    }
    return n;
}

static void make_matches(struct rows_maker *maker, const struct schema_node *node,
                         const json_t *entry, struct row_service *row)
{
    const json_t *tcp = json_object_get(entry, "tcp-portrange");
    const json_t *udp = json_object_get(entry, "udp-portrange");
    const json_t *sctp = json_object_get(entry, "sctp-portrange");
    const char *protocol = tree_str(entry, node, "protocol");
    size_t most = json_array_size(tcp) + json_array_size(udp) + json_array_size(sctp) + 1;
    struct row_service_match *m = rows_alloc(maker, most, sizeof(*m));
    row->matches = m;
    if (strcmp(protocol, "TCP/UDP/SCTP") == 0) {
        row->n_matches = add_ports(m, 0, 6, tcp);
        row->n_matches = add_ports(m, row->n_matches, 17, udp);
        row->n_matches = add_ports(m, row->n_matches, 132, sctp);
    } else if (strcmp(protocol, "IP") == 0) {
        m[0] = any_ports;
        m[0].proto = (uint8_t)tree_u32(entry, node, "protocol-number", 0);
        row->n_matches = 1;
    } else { /* ICMP, ICMP6 */
        m[0] = any_ports;
        m[0].proto = strcmp(protocol, "ICMP") == 0 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
        m[0].any_icmp_type = !json_object_get(entry, "icmptype");
        m[0].any_icmp_code = !json_object_get(entry, "icmpcode");
        m[0].icmp_type = (uint8_t)tree_u32(entry, node, "icmptype", 0);
        m[0].icmp_code = (uint8_t)tree_u32(entry, node, "icmpcode", 0);
        row->n_matches = 1;
    }
}

/* Helpers that are not there change nothing: `auto`. */
static const char *const helper_words[] = {
    [ROW_HELPER_AUTO] = "auto", [ROW_HELPER_OFF] = "disable", [ROW_HELPER_SIP] = "sip"};
static const char *const reset_words[] = {"default", "strict", "disable"};

int rows_make_services(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "firewall service custom");
    struct row_service *rows = rows_alloc(maker, table.n + 1, sizeof(*rows));
    int rc = rows_check_count(maker, &table, table.n + 1);
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const struct schema_node *node = table.node;
        const json_t *entry = rows_entry(&table, i);
        struct row_service *row = &rows[i];
        row->name = rows_string(maker, table.keys[i]);
        row->session_ttl_s = tree_u32(entry, node, "session-ttl", 0);
        row->udp_idle_s = tree_u32(entry, node, "udp-idle-timer", 0);
        row->tcp_halfopen_s = tree_u32(entry, node, "tcp-halfopen-timer", 0);
        row->tcp_halfclose_s = tree_u32(entry, node, "tcp-halfclose-timer", 0);
        row->tcp_timewait_s = tree_u32(entry, node, "tcp-timewait-timer", 0);
        row->tcp_rst_s = tree_u32(entry, node, "tcp-rst-timer", 0);
        row->helper = rows_choice(node, entry, "helper", helper_words, COUNT(helper_words));
        row->reset_check =
            rows_choice(node, entry, "check-reset-range", reset_words, COUNT(reset_words));
        make_matches(maker, node, entry, row);
        json_object_set_new(maker->services, table.keys[i], json_integer(i));
    }
    if (rows_zones_allow(maker))
        rows[table.n++] = (struct row_service){.name = "", .n_matches = 1, .matches = &any_ports};
    maker->rows->services = rows;
    maker->rows->n_services = (uint16_t)table.n;
    rows_close(&table);
    return rc;
}

/* ---- policies ---- */

static int resolve_sources(struct rows_maker *maker, const char *key, const json_t *entry,
                           struct row_policy *row)
{
    struct rows_names names = {.root = "firewall policy", .key = key};
    names.index = maker->interfaces;
    names.any = "any";
    names.group = "system zone";
    names.member = "interface";
    names.attr = "srcintf";
    names.list = json_object_get(entry, names.attr);
    int rc = rows_resolve(maker, &names, &row->srcintf, &row->n_srcintf, &row->any_srcintf);
    names.attr = "dstintf";
    names.list = json_object_get(entry, names.attr);
    if (rc == 0)
        rc = rows_resolve(maker, &names, &row->dstintf, &row->n_dstintf, &row->any_dstintf);
    names = (struct rows_names){.root = "firewall policy", .key = key, .attr = "srcaddr"};
    names.index = maker->addresses;
    names.list = json_object_get(entry, names.attr);
    return rc ? rc : rows_resolve(maker, &names, &row->srcaddr, &row->n_srcaddr, NULL);
}

/* The names of dstaddr that are addresses, or those that are virtual IPs or groups of them. */
static json_t *destinations(const struct rows_maker *maker, const json_t *entry, bool vips)
{
    const json_t *list = json_object_get(entry, "dstaddr");
    const json_t *single = json_object_get(maker->tree->root, "firewall vip");
    const json_t *group = json_object_get(maker->tree->root, "firewall vipgrp");
    json_t *names = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        bool vip = json_object_get(single, name) || json_object_get(group, name);
        if (vip == vips)
            json_array_append(names, json_array_get(list, i));
    }
    return names;
}

static int resolve_destinations(struct rows_maker *maker, const char *key, const json_t *entry,
                                struct row_policy *row)
{
    struct rows_names names = {.root = "firewall policy", .key = key, .attr = "dstaddr"};
    json_t *addresses = destinations(maker, entry, false), *vips = destinations(maker, entry, true);
    names.index = maker->addresses;
    names.list = addresses;
    int rc = rows_resolve(maker, &names, &row->dstaddr, &row->n_dstaddr, NULL);
    names.group = "firewall vipgrp";
    names.member = "member";
    names.index = maker->vips;
    names.list = vips;
    names.may_miss = true; /* disabled ones have no row */
    if (rc == 0)
        rc = rows_resolve(maker, &names, &row->vips, &row->n_vips, NULL);
    json_decref(addresses);
    json_decref(vips);
    return rc;
}

static int resolve_rest(struct rows_maker *maker, const struct schema_node *node, const char *key,
                        const json_t *entry, struct row_policy *row)
{
    struct rows_names names = {.root = "firewall policy", .key = key, .attr = "service"};
    names.group = "firewall service group";
    names.member = "member";
    names.index = maker->services;
    names.list = json_object_get(entry, names.attr);
    int rc = rows_resolve(maker, &names, &row->services, &row->n_services, NULL);
    names = (struct rows_names){.root = "firewall policy", .key = key, .attr = "srcaddr6"};
    names.index = maker->addresses6;
    names.list = json_object_get(entry, names.attr);
    if (rc == 0)
        rc = rows_resolve(maker, &names, &row->srcaddr6, &row->n_srcaddr6, NULL);
    names.attr = "dstaddr6";
    names.list = json_object_get(entry, names.attr);
    if (rc == 0)
        rc = rows_resolve(maker, &names, &row->dstaddr6, &row->n_dstaddr6, NULL);
    if (rc || !row->nat || !rows_enabled(node, entry, "ippool"))
        return rc;
    names.attr = "poolname";
    names.index = maker->pools;
    names.list = json_object_get(entry, names.attr);
    return rows_resolve(maker, &names, &row->pools, &row->n_pools, NULL);
}

static const char *const syn_words[] = {
    [ROW_SYN_NEEDED] = "disable", [ROW_SYN_OR_DATA] = "data-only", [ROW_SYN_NOT_NEEDED] = "all"};
static const char *const log_words[] = {
    [ROW_LOG_UTM] = "utm", [ROW_LOG_ALL] = "all", [ROW_LOG_NONE] = "disable"};

/* What the policy says of TCP, sessions and logs; settings of the whole firewall considered. */
static void make_policy_traits(const struct rows_maker *maker, const struct schema_node *node,
                               const json_t *entry, struct row_policy *row)
{
    const struct schema_node *settings = schema_root("system settings");
    const json_t *object = json_object_get(maker->tree->root, settings->path);
    const char *dirty = tree_str(object, settings, "firewall-session-dirty");
    row->match_vip = rows_enabled(node, entry, "match-vip");
    row->port_random = rows_enabled(node, entry, "port-random");
    row->permit_any_host = rows_enabled(node, entry, "permit-any-host");
    row->anti_replay = rows_enabled(node, entry, "anti-replay");
    row->without_syn =
        rows_enabled(settings, object, "tcp-session-without-syn")
            ? ROW_SYN_NOT_NEEDED
            : rows_choice(node, entry, "tcp-session-without-syn", syn_words, COUNT(syn_words));
    row->mss_sender = (uint16_t)rows_number(node, entry, "tcp-mss-sender");
    row->mss_receiver = (uint16_t)rows_number(node, entry, "tcp-mss-receiver");
    row->check_new = strcmp(dirty, "check-policy-option") == 0
                         ? tree_is(entry, node, "firewall-session-dirty", "check-new")
                         : strcmp(dirty, "check-new") == 0;
    row->send_deny_packet = rows_enabled(node, entry, "send-deny-packet");
    row->log = rows_choice(node, entry, "logtraffic", log_words, COUNT(log_words));
    row->log_start = rows_enabled(node, entry, "logtraffic-start");
}

static int make_policy(struct rows_maker *maker, const struct schema_node *node, const char *key,
                       const json_t *entry, struct row_policy *row)
{
    const char *profile = tree_str(entry, node, "voip-profile");
    row->id = (uint32_t)strtoul(key, NULL, 10);
    row->name = rows_string(maker, tree_str(entry, node, "name"));
    row->enabled = true;
    row->accept = tree_is(entry, node, "action", "accept");
    row->nat = tree_is(entry, node, "nat", "enable");
    row->fixedport = tree_is(entry, node, "fixedport", "enable");
    row->port_preserve = tree_is(entry, node, "port-preserve", "enable");
    row->src_negate = tree_is(entry, node, "srcaddr-negate", "enable");
    row->dst_negate = tree_is(entry, node, "dstaddr-negate", "enable");
    row->service_negate = tree_is(entry, node, "service-negate", "enable");
    row->session_ttl_s = tree_u32(entry, node, "session-ttl", 0);
    make_policy_traits(maker, node, entry, row);
    row->voip_profile = ROW_NONE;
    if (*profile && rows_index(maker->profiles, profile, &row->voip_profile) != 0)
        return rows_fail(maker, "firewall policy", key, "voip-profile",
                         "entry not found in datasource");
    int rc = resolve_sources(maker, key, entry, row);
    if (rc == 0)
        rc = resolve_destinations(maker, key, entry, row);
    return rc ? rc : resolve_rest(maker, node, key, entry, row);
}

/* Schedules are always or never (check.c); a policy that is never active has no row. */
static bool is_active(const struct rows_maker *maker, const struct schema_node *node,
                      const json_t *entry)
{
    const json_t *schedules = json_object_get(maker->tree->root, "firewall schedule recurring");
    const json_t *schedule = json_object_get(schedules, tree_str(entry, node, "schedule"));
    return tree_is(entry, node, "status", "enable") &&
           json_array_size(json_object_get(schedule, "day")) == 7;
}

/* ---- zones whose members may reach each other ---- */

/* An index list of one: the last row of a table, which rows_make_* put there for us. */
static const uint16_t *last_row(struct rows_maker *maker, uint16_t n)
{
    uint16_t *list = rows_alloc(maker, 1, sizeof(*list));
    *list = (uint16_t)(n - 1);
    return list;
}

static int make_intrazone(struct rows_maker *maker, const char *zone, const json_t *entry,
                          struct row_policy *row)
{
    const struct config_rows *rows = maker->rows;
    struct rows_names names = {.root = "system zone",
                               .key = zone,
                               .attr = "interface",
                               .list = json_object_get(entry, "interface"),
                               .index = maker->interfaces};
    *row = (struct row_policy){.name = rows_string(maker, zone),
                               .enabled = true,
                               .accept = true,
                               .port_preserve = true,
                               .voip_profile = ROW_NONE};
    make_policy_traits(maker, schema_root("firewall policy"), NULL, row);
    row->n_srcaddr = row->n_dstaddr = row->n_srcaddr6 = row->n_dstaddr6 = row->n_services = 1;
    row->srcaddr = row->dstaddr = last_row(maker, rows->n_addresses);
    row->srcaddr6 = row->dstaddr6 = last_row(maker, rows->n_addresses6);
    row->services = last_row(maker, rows->n_services);
    int rc = rows_resolve(maker, &names, &row->srcintf, &row->n_srcintf, NULL);
    row->dstintf = row->srcintf;
    row->n_dstintf = row->n_srcintf;
    return rc;
}

bool rows_zones_allow(const struct rows_maker *maker)
{
    const json_t *zones = json_object_get(maker->tree->root, "system zone");
    for (void *i = json_object_iter((json_t *)zones); i;
         i = json_object_iter_next((json_t *)zones, i))
        if (json_object_get(json_object_iter_value(i), "intrazone"))
            return true;
    return false;
}

static int make_intrazones(struct rows_maker *maker, struct row_policy *rows, uint32_t *n)
{
    const struct schema_node *node = schema_root("system zone");
    int rc = 0;
    const char *name;
    json_t *zone;
    json_object_foreach(json_object_get(maker->tree->root, node->path), name, zone)
    {
        if (rc == 0 && tree_is(zone, node, "intrazone", "allow"))
            rc = make_intrazone(maker, name, zone, &rows[(*n)++]);
    }
    return rc;
}

int rows_make_policies(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "firewall policy");
    size_t zones = json_object_size(json_object_get(maker->tree->root, "system zone"));
    struct row_policy *rows = rows_alloc(maker, table.n + zones, sizeof(*rows));
    uint32_t n = 0;
    int rc = 0;
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const json_t *entry = rows_entry(&table, i);
        if (is_active(maker, table.node, entry))
            rc = make_policy(maker, table.node, table.keys[i], entry, &rows[n++]);
    }
    if (rc == 0)
        rc = make_intrazones(maker, rows, &n);
    maker->rows->policies = rows;
    maker->rows->n_policies = n;
    rows_close(&table);
    return rc;
}
