/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `config system arp-table`, `config system ipv6-neighbor-cache`: reference 5.7.
 */
#include "config/schema_tables.h"

static const char *const to_interface[] = {"system interface", NULL};

#define ROW_DEVICE \
    ROW_REF("interface", to_interface, "Interface of the neighbour.", .flags = SCHEMA_MANDATORY)
#define ROW_HOST_MAC                                                                             \
    {                                                                                            \
        .name = "mac", .type = SCHEMA_MAC, .flags = SCHEMA_MANDATORY, .help = "Its MAC address." \
    }

static const struct schema_attr arp_attrs[] = {
    ROW_DEVICE,
    {.name = "ip",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     .flags = SCHEMA_MANDATORY,
     .help = "IP address of the neighbour."},
    ROW_HOST_MAC,
};

const struct schema_node schema_arp_table = {
    .path = "system arp-table",
    .kind = SCHEMA_TABLE_INTEGER,
    .key_name = "id",
    .key_min = 1,
    .key_max = UINT32_MAX,
    .attrs = arp_attrs,
    .n_attrs = COUNT(arp_attrs),
    .help = "Configure static ARP entries.",
};

static const struct schema_attr neighbor_attrs[] = {
    ROW_DEVICE,
    {.name = "ipv6",
     .type = SCHEMA_IPV6,
     .initial = "::",
     .flags = SCHEMA_MANDATORY,
     .help = "IPv6 address of the neighbour."},
    ROW_HOST_MAC,
};

const struct schema_node schema_neighbor_cache = {
    .path = "system ipv6-neighbor-cache",
    .kind = SCHEMA_TABLE_INTEGER,
    .key_name = "id",
    .key_min = 1,
    .key_max = UINT32_MAX,
    .attrs = neighbor_attrs,
    .n_attrs = COUNT(neighbor_attrs),
    .help = "Configure static IPv6 neighbours.",
};
