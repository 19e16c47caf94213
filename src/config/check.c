/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one value says of another. Tables of rows {where, function}: checks of a value when it is
 * set, checks of an entry when it is saved, and what an entry says of the others of its table. What
 * a value is by itself (type, range) is the schema's and value.c's business; what exists is
 * references.c's.
 */
#include "config/check_entry.h"
#include "config/value.h"

#include "base/addr.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- values, at `set` ---- */

struct value_check {
    const char *root, *child, *attr; /* child NULL: of the root node itself */
    int (*check)(const struct config_tree *tree, const struct tree_path *path,
                 const struct schema_attr *attr, const json_t *value, struct text *error);
};

static int policy_name_is_unique(const struct config_tree *tree, const struct tree_path *path,
                                 const struct schema_attr *attr, const json_t *value,
                                 struct text *error)
{
    const char *name = json_string_value(value);
    const char *holder = *name ? store_policy_named(tree, name) : NULL;
    if (!holder || strcmp(holder, tree_path_last(path)->key) == 0)
        return 0;
    return error_check(error, attr->name, slice_str(name), ERROR_VALUE);
}

/*
 * Whether `members` lead to group `self`. A list of names still to be opened instead of recursion:
 * how deep groups nest is the operator's choice. `seen` keeps each group from being opened twice.
 */
static bool members_reach(const json_t *groups, const json_t *members, const char *self)
{
    json_t *open = json_copy((json_t *)members), *seen = json_object();
    bool found = false;
    while (json_array_size(open) && !found) {
        size_t last = json_array_size(open) - 1;
        json_t *name = json_incref(json_array_get(open, last));
        const char *key = json_string_value(name);
        json_array_remove(open, last);
        found = strcmp(key, self) == 0;
        json_t *more = json_object_get(json_object_get(groups, key), "member");
        if (more && !json_object_get(seen, key)) {
            json_object_set_new(seen, key, json_true());
            json_array_extend(open, more);
        }
        json_decref(name);
    }
    json_decref(open);
    json_decref(seen);
    return found;
}

static int group_has_no_cycle(const struct config_tree *tree, const struct tree_path *path,
                              const struct schema_attr *attr, const json_t *value,
                              struct text *error)
{
    const json_t *groups = json_object_get(tree->root, path->step[0].node->path);
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *member = json_array();
        json_array_append(member, json_array_get(value, i));
        bool cycle = members_reach(groups, member, tree_path_last(path)->key);
        json_decref(member);
        if (cycle)
            return error_check(error, attr->name,
                               slice_str(json_string_value(json_array_get(value, i))), ERROR_VALUE);
    }
    return 0;
}

/* A unicast host address of its subnet. */
static bool is_host(uint32_t ip, uint32_t mask)
{
    bool special = ip >> 24 == 0 || ip >> 24 == 127 || ip >> 28 >= 14;
    bool edge = mask != 0 && ~mask > 1 && ((ip & ~mask) == 0 || (ip & ~mask) == ~mask);
    return !special && !edge && mask != 0;
}

static int subnets_overlap(struct text *error, const char *name, const char *other,
                           const char *value)
{
    struct slice mask = slice_str(strchr(value, ' ') + 1);
    text_printf(error,
                "Subnets overlap between '%s' with primary IP of '%s'\n"
                "node_check_object fail! for ip %s\n\n"
                "value parse error before '%.*s'\n",
                name, other, value, SLICE_ARG(mask));
    return ERROR_SAME_SUBNET;
}

static int interface_ip_fits(const struct config_tree *tree, const struct tree_path *path,
                             const struct schema_attr *attr, const json_t *value,
                             struct text *error)
{
    const char *text = json_string_value(value), *self = tree_path_last(path)->key;
    be32 ip, mask, other_ip, other_mask;
    (void)attr;
    if (value_net(slice_str(text), &ip, &mask) != 0 || (ip == 0 && mask == 0))
        return 0;
    if (!is_host(be32_host(ip), be32_host(mask)))
        return error_value(error, "invalid ip address", slice_str(text), ERROR_IP);
    const char *name;
    json_t *interface;
    json_object_foreach(json_object_get(tree->root, "system interface"), name, interface)
    {
        const char *other = json_string_value(json_object_get(interface, "ip"));
        if (!other || strcmp(name, self) == 0 ||
            value_net(slice_str(other), &other_ip, &other_mask) != 0)
            continue;
        be32 both = mask & other_mask; /* of two contiguous masks the shorter one */
        if ((ip & both) == (other_ip & both))
            return subnets_overlap(error, self, name, text);
    }
    if (vip_takes_address(tree, be32_host(ip)))
        return error_check(error, attr->name, slice_str(text), ERROR_VIP_IS_INTERFACE);
    return 0;
}

/* A global or unique local unicast address; link-local ones the interface has by itself. */
static bool is_host6(const struct ip_addr *ip, uint8_t len)
{
    static const struct ip_addr zero, loopback = {.byte = {[15] = 1}};
    bool link_local = ip->byte[0] == 0xfe && (ip->byte[1] & 0xc0) == 0x80;
    return ip->byte[0] != 0xff && !link_local && len > 0 && !ip_addr_eq(ip, &zero) &&
           !ip_addr_eq(ip, &loopback);
}

static int interface_ip6_fits(const struct config_tree *tree, const struct tree_path *path,
                              const struct schema_attr *attr, const json_t *value,
                              struct text *error)
{
    const char *text = json_string_value(value), *self = path->step[0].key;
    struct ip_addr ip = {0}, other_ip = {0};
    uint8_t len = 0, other_len = 0;
    if (value_net6(slice_str(text), &ip, &len) != 0 || strcmp(text, attr->initial) == 0)
        return 0;
    if (!is_host6(&ip, len))
        return error_value(error, "invalid ip address", slice_str(text), ERROR_IP);
    const char *name;
    json_t *interface;
    json_object_foreach(json_object_get(tree->root, "system interface"), name, interface)
    {
        const json_t *ipv6 = json_object_get(interface, "ipv6");
        const char *other = json_string_value(json_object_get(ipv6, "ip6-address"));
        if (!other || strcmp(name, self) == 0 ||
            value_net6(slice_str(other), &other_ip, &other_len) != 0)
            continue;
        uint8_t both = len < other_len ? len : other_len;
        struct ip_addr a = value_first6(&ip, both), b = value_first6(&other_ip, both);
        if (!ip_addr_eq(&a, &b))
            continue;
        text_printf(error, "Subnets overlap between '%s' with primary IP of '%s'\n", self, name);
        return error_check(error, attr->name, slice_str(text), ERROR_SAME_SUBNET);
    }
    return 0;
}

/* ---- zones ---- */

static bool list_names(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (strcmp(json_string_value(json_array_get(list, i)), name) == 0)
            return true;
    return false;
}

const char *zone_of(const struct config_tree *tree, const char *interface)
{
    const char *name;
    json_t *zone;
    json_object_foreach(json_object_get(tree->root, "system zone"), name, zone)
    {
        if (list_names(json_object_get(zone, "interface"), interface))
            return name;
    }
    return NULL;
}

/* A member of a zone is named by its zone. */
static int side_is_no_member(const struct config_tree *tree, const struct tree_path *path,
                             const struct schema_attr *attr, const json_t *value,
                             struct text *error)
{
    (void)path, (void)attr;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        if (zone_of(tree, name))
            return error_value(error, "entry not found in datasource", slice_str(name),
                               ERROR_NOT_FOUND);
    }
    return 0;
}

static unsigned policies_naming(const struct config_tree *tree, const char *interface)
{
    unsigned n = 0;
    const char *id;
    json_t *policy;
    json_object_foreach(json_object_get(tree->root, "firewall policy"), id, policy)
    {
        n += list_names(json_object_get(policy, "srcintf"), interface) ||
             list_names(json_object_get(policy, "dstintf"), interface);
    }
    return n;
}

/* Each interface is in one zone, and no policy names it by itself. */
static int zone_members_are_free(const struct config_tree *tree, const struct tree_path *path,
                                 const struct schema_attr *attr, const json_t *value,
                                 struct text *error)
{
    const char *self = tree_path_last(path)->key;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *name = json_string_value(json_array_get(value, i));
        const char *zone = zone_of(tree, name);
        unsigned n = policies_naming(tree, name);
        if (zone && strcmp(zone, self) != 0)
            return error_check(error, attr->name, slice_str(name), ERROR_VALUE);
        if (n == 0)
            continue;
        text_printf(error, "The entry is used by other %u entries\n", n);
        return ERROR_IN_USE;
    }
    return 0;
}

static const struct value_check value_checks[] = {
    {"firewall policy", NULL, "name", policy_name_is_unique},
    {"firewall addrgrp", NULL, "member", group_has_no_cycle},
    {"firewall addrgrp6", NULL, "member", group_has_no_cycle},
    {"firewall service group", NULL, "member", group_has_no_cycle},
    {"firewall policy", NULL, "srcintf", side_is_no_member},
    {"firewall policy", NULL, "dstintf", side_is_no_member},
    {"system zone", NULL, "interface", zone_members_are_free},
    {"system interface", NULL, "ip", interface_ip_fits},
    {"system interface", "ipv6", "ip6-address", interface_ip6_fits},
};

int check_value(const struct config_tree *tree, const struct tree_path *path,
                const struct schema_attr *attr, const json_t *value, struct text *error)
{
    const char *child = path->n == 2 ? path->step[1].node->path : NULL;
    for (size_t i = 0; i < COUNT(value_checks) && path->n <= 2; i++) {
        const struct value_check *row = &value_checks[i];
        if (strcmp(path->step[0].node->path, row->root) == 0 && !child == !row->child &&
            (!child || strcmp(child, row->child) == 0) && strcmp(attr->name, row->attr) == 0)
            return row->check(tree, path, attr, value, error);
    }
    return 0;
}

int check_values(const struct config_tree *tree, const struct tree_path *path, const json_t *object,
                 struct text *error)
{
    const struct schema_node *node = tree_path_last(path)->node;
    int code = 0;
    for (unsigned i = 0; i < node->n_attrs && code == 0; i++) {
        const json_t *value = json_object_get(object, node->attrs[i].name);
        if (value)
            code = check_value(tree, path, &node->attrs[i], value, error);
    }
    for (unsigned i = 0; i < node->n_children && code == 0; i++) {
        struct tree_path child = *path;
        if (schema_is_table(&node->children[i]) || tree_path_push(&child, &node->children[i]) != 0)
            continue;
        code = check_values(tree, &child, json_object_get(object, node->children[i].path), error);
    }
    return code;
}

/* ---- entries, at next/end ---- */

static int service_has_ports(const struct schema_node *node, const json_t *entry,
                             struct text *error)
{
    if (!tree_is(entry, node, "protocol", "TCP/UDP/SCTP") ||
        json_object_get(entry, "tcp-portrange") || json_object_get(entry, "udp-portrange") ||
        json_object_get(entry, "sctp-portrange"))
        return 0;
    return error_object(error, "TCP/UDP/SCTP portrange cannot all be empty.", ERROR_VALUE);
}

static int address_range_is_forward(const struct schema_node *node, const json_t *entry,
                                    struct text *error)
{
    be32 first = 0, last = 0;
    if (!tree_is(entry, node, "type", "iprange"))
        return 0;
    ipv4_parse(slice_str(tree_str(entry, node, "start-ip")), &first);
    ipv4_parse(slice_str(tree_str(entry, node, "end-ip")), &last);
    if (be32_host(first) > be32_host(last))
        return error_object(error, "end-ip must be greater than start-ip", ERROR_RANGE_REVERSED);
    return 0;
}

static int port_row_is_forward(const struct schema_node *node, const json_t *entry,
                               struct text *error)
{
    if (tree_u32(entry, node, "start-port", 0) > tree_u32(entry, node, "end-port", 0))
        return error_object(error, "end-port must be greater than start-port", ERROR_PORT_REVERSED);
    return 0;
}

static int schedule_is_plain(const struct schema_node *node, const json_t *entry,
                             struct text *error)
{
    const json_t *days = json_object_get(entry, "day");
    size_t n = days ? json_array_size(days) : 0;
    /* Options are kept in table order, `none` last: seven and no `none`, or nothing. */
    bool all = n == 7 && strcmp(json_string_value(json_array_get(days, 6)), "none") != 0;
    bool whole = strcmp(tree_str(entry, node, "start"), tree_str(entry, node, "end")) == 0;
    if ((n == 0 || all) && whole)
        return 0;
    return error_object(error,
                        "schedules other than all seven days, whole days, or none are not part "
                        "of this version",
                        ERROR_VALUE);
}

static int address6_range_is_forward(const struct schema_node *node, const json_t *entry,
                                     struct text *error)
{
    struct ip_addr first = {0}, last = {0};
    if (!tree_is(entry, node, "type", "iprange"))
        return 0;
    ipv6_parse(slice_str(tree_str(entry, node, "start-ip")), &first);
    ipv6_parse(slice_str(tree_str(entry, node, "end-ip")), &last);
    if (memcmp(first.byte, last.byte, sizeof(first.byte)) > 0)
        return error_object(error, "end-ip must be greater than start-ip", ERROR_RANGE_REVERSED);
    return 0;
}

/* At least one family, and each with source and destination. */
static int policy_is_whole(const struct schema_node *node, const json_t *entry, struct text *error)
{
    bool src = json_object_get(entry, "srcaddr"), dst = json_object_get(entry, "dstaddr");
    bool src6 = json_object_get(entry, "srcaddr6"), dst6 = json_object_get(entry, "dstaddr6");
    bool only6 = (src6 || dst6) && !src && !dst;
    if (!src && !only6)
        return check_missing(error, "srcaddr");
    if (!dst && !only6)
        return check_missing(error, "dstaddr");
    if (!src6 && dst6)
        return check_missing(error, "srcaddr6");
    if (!dst6 && src6)
        return check_missing(error, "dstaddr6");
    if (tree_is(entry, node, "ippool", "enable") && !json_object_get(entry, "poolname"))
        return check_missing(error, "poolname");
    return 0;
}

static int route_leads_somewhere(const struct schema_node *node, const json_t *entry,
                                 struct text *error)
{
    if (json_object_get(entry, "device") || tree_is(entry, node, "blackhole", "enable"))
        return 0;
    return check_missing(error, "device");
}

static const struct {
    const char *node; /* path of the last step */
    entry_checker *check;
} entry_checks[] = {
    {"firewall service custom", service_has_ports},
    {"firewall address", address_range_is_forward},
    {"firewall address6", address6_range_is_forward},
    {"firewall vip", vip_is_whole},
    {"firewall ippool", pool_is_whole},
    {"port", port_row_is_forward},
    {"firewall schedule recurring", schedule_is_plain},
    {"firewall policy", policy_is_whole},
    {"router static", route_leads_somewhere},
    {"router static6", route_leads_somewhere},
};

static const struct {
    const char *root;
    cross_checker *check;
} cross_checks[] = {
    {"firewall vip", vip_fits_others},
    {"firewall vipgrp", vipgrp_members_fit},
    {"firewall ippool", pool_fits_others},
    {"firewall policy", policy_fits_others},
};

int check_missing(struct text *error, const char *attr)
{
    text_printf(error, "node_check_object fail! for %s \n\nAttribute '%s' MUST be set.\n", attr,
                attr);
    return ERROR_REFUSED;
}

static int mandatory_are_set(const struct schema_node *node, const json_t *entry,
                             struct text *error)
{
    for (unsigned i = 0; i < node->n_attrs; i++) {
        const struct schema_attr *attr = &node->attrs[i];
        if (!(attr->flags & SCHEMA_MANDATORY) || json_object_get(entry, attr->name))
            continue;
        return check_missing(error, attr->name);
    }
    return 0;
}

int check_entry(const struct config_tree *tree, const struct tree_path *path, struct text *error)
{
    const struct schema_node *node = tree_path_last(path)->node;
    const json_t *entry = tree_at(tree, path);
    int code = mandatory_are_set(node, entry, error);
    for (size_t i = 0; i < COUNT(entry_checks) && code == 0; i++)
        if (strcmp(entry_checks[i].node, node->path) == 0)
            code = entry_checks[i].check(node, entry, error);
    return code ? code : check_others(tree, path, entry, error);
}

int check_others(const struct config_tree *tree, const struct tree_path *path, const json_t *object,
                 struct text *error)
{
    for (size_t i = 0; i < COUNT(cross_checks) && path->n == 1; i++)
        if (strcmp(cross_checks[i].root, path->step[0].node->path) == 0)
            return cross_checks[i].check(tree, path->step[0].key, object, error);
    return 0;
}

/* ---- names shared by several tables ---- */

/* In the order in which FortiOS names the two kinds. */
static const struct {
    const char *root, *kind, *sister, *sister_kind;
    int code;
} name_spaces[] = {
    {"firewall address", "address", "firewall addrgrp", "address group", ERROR_ADDRESS_NAME},
    {"firewall address6", "address", "firewall addrgrp6", "address group", ERROR_ADDRESS_NAME},
    {"firewall address", "address", "firewall vip", "virtual IP", ERROR_ADDRESS_VIP_NAME},
    {"firewall addrgrp", "address group", "firewall vip", "virtual IP", ERROR_GROUP_VIP_NAME},
    {"firewall address", "address", "firewall vipgrp", "virtual IP group",
     ERROR_ADDRESS_VIPGRP_NAME},
    {"firewall addrgrp", "address group", "firewall vipgrp", "virtual IP group",
     ERROR_GROUP_VIPGRP_NAME},
    {"firewall vip", "virtual IP", "firewall vipgrp", "virtual IP group", ERROR_VIP_VIPGRP_NAME},
    {"firewall service custom", "service", "firewall service group", "service group",
     ERROR_SERVICE_NAME},
    {"system interface", "interface", "system zone", "zone", ERROR_INTERFACE_NAME},
};

int check_new_key(const struct config_tree *tree, const struct schema_node *node, struct slice key,
                  struct text *error)
{
    bool side =
        strcmp(node->path, "system interface") == 0 || strcmp(node->path, "system zone") == 0;
    if (side && slice_eq(key, SLICE_LIT("any")))
        return error_check(error, "name", key, ERROR_INTERFACE_NAME);
    for (size_t i = 0; i < COUNT(name_spaces); i++) {
        bool first = strcmp(name_spaces[i].root, node->path) == 0;
        bool second = strcmp(name_spaces[i].sister, node->path) == 0;
        const char *other = first ? name_spaces[i].sister : name_spaces[i].root;
        if ((!first && !second) || !tree_has_entry(tree, other, key))
            continue;
        text_printf(error, "Name '%.*s' conflict: '%s' and '%s' cannot be the same name.\n",
                    SLICE_ARG(key), name_spaces[i].kind, name_spaces[i].sister_kind);
        return error_check(error, "name", key, name_spaces[i].code);
    }
    return 0;
}
