/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one value says of another. Two tables of rows {where, function}: checks of a value when it
 * is set, and checks of an entry when it is saved. What a value is by itself (type, range) is the
 * schema's and value.c's business; what exists is references.c's.
 */
#include "config/store.h"
#include "config/value.h"

#include "base/addr.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- values, at `set` ---- */

struct value_check {
    const char *root, *attr;
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
    return 0;
}

static const struct value_check value_checks[] = {
    {"firewall policy", "name", policy_name_is_unique},
    {"firewall addrgrp", "member", group_has_no_cycle},
    {"firewall service group", "member", group_has_no_cycle},
    {"system interface", "ip", interface_ip_fits},
};

int check_value(const struct config_tree *tree, const struct tree_path *path,
                const struct schema_attr *attr, const json_t *value, struct text *error)
{
    for (size_t i = 0; i < sizeof(value_checks) / sizeof(value_checks[0]); i++) {
        const struct value_check *row = &value_checks[i];
        if (path->n == 1 && strcmp(path->step[0].node->path, row->root) == 0 &&
            strcmp(attr->name, row->attr) == 0)
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
    return code;
}

/* ---- entries, at next/end ---- */

typedef int entry_checker(const struct schema_node *node, const json_t *entry, struct text *error);

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
    enum {
        INVALID_PORT_RANGE = -363
    };
    if (tree_u32(entry, node, "start-port", 0) > tree_u32(entry, node, "end-port", 0))
        return error_object(error, "end-port must be greater than start-port", INVALID_PORT_RANGE);
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

static int policy_has_no_pool(const struct schema_node *node, const json_t *entry,
                              struct text *error)
{
    if (tree_is(entry, node, "ippool", "enable"))
        return error_object(error, "IP pools are not part of this version", ERROR_VALUE);
    return 0;
}

static int route_leads_somewhere(const struct schema_node *node, const json_t *entry,
                                 struct text *error)
{
    if (json_object_get(entry, "device") || tree_is(entry, node, "blackhole", "enable"))
        return 0;
    text_puts(error, "node_check_object fail! for device \n\nAttribute 'device' MUST be set.\n");
    return ERROR_REFUSED;
}

static const struct {
    const char *node; /* path of the last step */
    entry_checker *check;
} entry_checks[] = {
    {"firewall service custom", service_has_ports},
    {"firewall address", address_range_is_forward},
    {"port", port_row_is_forward},
    {"firewall schedule recurring", schedule_is_plain},
    {"firewall policy", policy_has_no_pool},
    {"router static", route_leads_somewhere},
};

static int mandatory_are_set(const struct schema_node *node, const json_t *entry,
                             struct text *error)
{
    for (unsigned i = 0; i < node->n_attrs; i++) {
        const struct schema_attr *attr = &node->attrs[i];
        if (!(attr->flags & SCHEMA_MANDATORY) || json_object_get(entry, attr->name))
            continue;
        text_printf(error, "node_check_object fail! for %s \n\nAttribute '%s' MUST be set.\n",
                    attr->name, attr->name);
        return ERROR_REFUSED;
    }
    return 0;
}

int check_entry(const struct config_tree *tree, const struct tree_path *path, struct text *error)
{
    const struct schema_node *node = tree_path_last(path)->node;
    const json_t *entry = tree_at(tree, path);
    int code = mandatory_are_set(node, entry, error);
    for (size_t i = 0; i < sizeof(entry_checks) / sizeof(entry_checks[0]) && code == 0; i++)
        if (strcmp(entry_checks[i].node, node->path) == 0)
            code = entry_checks[i].check(node, entry, error);
    return code;
}

/* ---- names shared by two tables ---- */

static const struct {
    const char *root, *kind, *sister, *sister_kind;
    bool first; /* of the two kinds, in the order FortiOS names them */
    int code;
} name_spaces[] = {
    {"firewall address", "address", "firewall addrgrp", "address group", true, ERROR_ADDRESS_NAME},
    {"firewall addrgrp", "address group", "firewall address", "address", false, ERROR_ADDRESS_NAME},
    {"firewall service custom", "service", "firewall service group", "service group", true,
     ERROR_SERVICE_NAME},
    {"firewall service group", "service group", "firewall service custom", "service", false,
     ERROR_SERVICE_NAME},
};

int check_new_key(const struct config_tree *tree, const struct schema_node *node, struct slice key,
                  struct text *error)
{
    for (size_t i = 0; i < sizeof(name_spaces) / sizeof(name_spaces[0]); i++) {
        if (strcmp(name_spaces[i].root, node->path) != 0 ||
            !tree_has_entry(tree, name_spaces[i].sister, key))
            continue;
        bool first = name_spaces[i].first;
        text_printf(error, "Name '%.*s' conflict: '%s' and '%s' cannot be the same name.\n",
                    SLICE_ARG(key), first ? name_spaces[i].kind : name_spaces[i].sister_kind,
                    first ? name_spaces[i].sister_kind : name_spaces[i].kind);
        return error_check(error, "name", key, name_spaces[i].code);
    }
    return 0;
}
