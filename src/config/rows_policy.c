/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of addresses, services and policies. An address group becomes one address whose ranges are
 * the union of its members'; groups are made members first, so that each is made once. A service
 * group disappears into the policies that name it: it is opened with a list of names still to be
 * looked at, so that deep nesting costs no stack and a group met twice is opened once.
 */
#include "config/rows_make.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- members of groups ---- */

/*
 * The names in `list` and in the groups among them, without the groups: members of a new object.
 * `root` is the group table.
 */
static json_t *expand(const struct rows_maker *maker, const char *root, const json_t *list)
{
    const json_t *groups = json_object_get(maker->tree->root, root);
    json_t *names = json_object(), *seen = json_object();
    json_t *open = list ? json_copy((json_t *)list) : json_array();
    for (size_t n; (n = json_array_size(open)) > 0;) {
        json_t *name = json_incref(json_array_get(open, n - 1));
        const char *key = json_string_value(name);
        const json_t *group = json_object_get(groups, key);
        json_array_remove(open, n - 1);
        if (!group) {
            json_object_set_new(names, key, json_true());
        } else if (!json_object_get(seen, key)) {
            json_object_set_new(seen, key, json_true());
            json_array_extend(open, json_object_get(group, "member"));
        }
        json_decref(name);
    }
    json_decref(open);
    json_decref(seen);
    return names;
}

/* ---- addresses ---- */

static struct row_range range_of(const struct schema_node *node, const json_t *entry)
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
    return (struct row_range){be32_host(first), be32_host(last)};
}

static int compare_ranges(const void *a, const void *b)
{
    const struct row_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Sort and join ranges that overlap or touch; returns how many are left. */
static uint32_t join_ranges(struct row_range *ranges, uint32_t n)
{
    uint32_t kept = 0;
    qsort(ranges, n, sizeof(*ranges), compare_ranges);
    for (uint32_t i = 0; i < n; i++) {
        struct row_range *last = kept ? &ranges[kept - 1] : NULL;
        if (!last || (last->last != UINT32_MAX && ranges[i].first > last->last + 1))
            ranges[kept++] = ranges[i];
        else if (ranges[i].last > last->last)
            last->last = ranges[i].last;
    }
    return kept;
}

/* `key`'s members stand in `rows` already, groups among them. */
static int make_group(struct rows_maker *maker, const struct row_address *rows, const char *key,
                      const json_t *entry, struct row_address *row)
{
    const json_t *members = json_object_get(entry, "member");
    struct row_range *ranges = NULL;
    uint32_t n = 0;
    /* Once to count, once to copy. */
    for (int pass = 0; pass < 2; pass++) {
        n = 0;
        for (size_t i = 0; i < json_array_size(members); i++) {
            uint16_t at;
            const char *name = json_string_value(json_array_get(members, i));
            if (rows_index(maker->addresses, name, &at) != 0)
                return rows_fail(maker, "firewall addrgrp", key, "member",
                                 "entry not found in datasource");
            if (ranges)
                memcpy(ranges + n, rows[at].ranges, rows[at].n_ranges * sizeof(*ranges));
            n += rows[at].n_ranges;
        }
        if (!ranges)
            ranges = rows_alloc(maker, n, sizeof(*ranges));
    }
    *row = (struct row_address){
        .name = rows_string(maker, key), .n_ranges = join_ranges(ranges, n), .ranges = ranges};
    return 0;
}

int rows_make_addresses(struct rows_maker *maker)
{
    struct rows_table single = rows_open(maker, "firewall address");
    struct rows_table group = rows_open(maker, "firewall addrgrp");
    struct row_address *rows = rows_alloc(maker, single.n + group.n, sizeof(*rows));
    int rc = 0;
    if (single.n + group.n >= ROW_NONE) {
        text_puts(maker->error, "config firewall address: more than 65534 entries with groups\n");
        rc = -1;
    }
    for (unsigned i = 0; i < single.n && rc == 0; i++) {
        struct row_range *range = rows_alloc(maker, 1, sizeof(*range));
        *range = range_of(single.node, rows_entry(&single, i));
        rows[i] = (struct row_address){
            .name = rows_string(maker, single.keys[i]), .n_ranges = 1, .ranges = range};
        json_object_set_new(maker->addresses, single.keys[i], json_integer(i));
    }
    references_order(maker->tree, group.node, group.keys, group.n);
    for (unsigned i = 0; i < group.n && rc == 0; i++) {
        unsigned at = single.n + i;
        rc = make_group(maker, rows, group.keys[i], rows_entry(&group, i), &rows[at]);
        json_object_set_new(maker->addresses, group.keys[i], json_integer(at));
    }
    maker->rows->addresses = rows;
    maker->rows->n_addresses = (uint16_t)(single.n + group.n);
    rows_close(&single);
    rows_close(&group);
    return rc;
}

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

static const char *const reset_words[] = {"default", "strict", "disable"};

int rows_make_services(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "firewall service custom");
    struct row_service *rows = rows_alloc(maker, table.n, sizeof(*rows));
    int rc = 0;
    if (table.n >= ROW_NONE) {
        text_puts(maker->error, "config firewall service custom: more than 65534 entries\n");
        rc = -1;
    }
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
        row->no_helper = tree_is(entry, node, "helper", "disable");
        row->reset_check =
            rows_choice(node, entry, "check-reset-range", reset_words, COUNT(reset_words));
        make_matches(maker, node, entry, row);
        json_object_set_new(maker->services, table.keys[i], json_integer(i));
    }
    maker->rows->services = rows;
    maker->rows->n_services = (uint16_t)table.n;
    rows_close(&table);
    return rc;
}

/* ---- policies ---- */

static int compare_indexes(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* What a list of names in a policy becomes. */
struct names {
    const char *policy, *attr;
    const json_t *list;
    const json_t *index;
    const char *any; /* a word that is no name; NULL none */
};

/* Row numbers of the names, ascending; *is_any when `any` is among them (then there are none). */
static int resolve(struct rows_maker *maker, const struct names *names, const uint16_t **out,
                   uint16_t *n_out, bool *is_any)
{
    size_t n = json_array_size(names->list);
    uint16_t *rows = rows_alloc(maker, n, sizeof(*rows));
    *out = rows;
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_array_get(names->list, i));
        if (names->any && strcmp(name, names->any) == 0) {
            *is_any = true;
            *n_out = 0;
            return 0;
        }
        if (rows_index(names->index, name, &rows[*n_out]) != 0)
            return rows_fail(maker, "firewall policy", names->policy, names->attr,
                             "entry not found in datasource");
        (*n_out)++;
    }
    qsort(rows, *n_out, sizeof(*rows), compare_indexes);
    return 0;
}

static int resolve_services(struct rows_maker *maker, const char *policy, const json_t *entry,
                            struct row_policy *row)
{
    json_t *names = expand(maker, "firewall service group", json_object_get(entry, "service"));
    json_t *list = json_array();
    for (void *i = json_object_iter(names); i; i = json_object_iter_next(names, i))
        json_array_append_new(list, json_string(json_object_iter_key(i)));
    json_decref(names);
    if (json_array_size(list) >= ROW_NONE) {
        json_decref(list);
        return rows_fail(maker, "firewall policy", policy, "service", "too many services");
    }
    struct names wanted = {
        .policy = policy, .attr = "service", .list = list, .index = maker->services};
    int rc = resolve(maker, &wanted, &row->services, &row->n_services, NULL);
    json_decref(list);
    return rc;
}

static int resolve_lists(struct rows_maker *maker, const char *policy, const json_t *entry,
                         struct row_policy *row)
{
    struct names names = {.policy = policy, .index = maker->interfaces, .any = "any"};
    names.attr = "srcintf";
    names.list = json_object_get(entry, names.attr);
    int rc = resolve(maker, &names, &row->srcintf, &row->n_srcintf, &row->any_srcintf);
    names.attr = "dstintf";
    names.list = json_object_get(entry, names.attr);
    if (rc == 0)
        rc = resolve(maker, &names, &row->dstintf, &row->n_dstintf, &row->any_dstintf);
    names.index = maker->addresses;
    names.any = NULL;
    names.attr = "srcaddr";
    names.list = json_object_get(entry, names.attr);
    if (rc == 0)
        rc = resolve(maker, &names, &row->srcaddr, &row->n_srcaddr, NULL);
    names.attr = "dstaddr";
    names.list = json_object_get(entry, names.attr);
    if (rc == 0)
        rc = resolve(maker, &names, &row->dstaddr, &row->n_dstaddr, NULL);
    return rc ? rc : resolve_services(maker, policy, entry, row);
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
    return resolve_lists(maker, key, entry, row);
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

int rows_make_policies(struct rows_maker *maker)
{
    struct rows_table table = rows_open(maker, "firewall policy");
    struct row_policy *rows = rows_alloc(maker, table.n, sizeof(*rows));
    uint32_t n = 0;
    int rc = 0;
    for (unsigned i = 0; i < table.n && rc == 0; i++) {
        const json_t *entry = rows_entry(&table, i);
        if (is_active(maker, table.node, entry))
            rc = make_policy(maker, table.node, table.keys[i], entry, &rows[n++]);
    }
    maker->rows->policies = rows;
    maker->rows->n_policies = n;
    rows_close(&table);
    return rc;
}
