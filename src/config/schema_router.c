/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `config router`. Ranges and defaults: reference 5.8.
 */
#include "config/schema_tables.h"

static const char *const to_interface[] = {"system interface", NULL};

/* ---- router static ---- */

static const struct schema_attr static_attrs[] = {
    ROW_SWITCH("status", "enable", "Use this route.", BRIEF),
    {.name = "dst",
     .type = SCHEMA_IPV4_NET,
     .initial = "0.0.0.0 0.0.0.0",
     .flags = SCHEMA_BRIEF,
     .help = "Destination address and mask."},
    {.name = "gateway",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     .flags = SCHEMA_BRIEF,
     .help = "Address of the next hop."},
    ROW_INTEGER("distance", 1, 255, "10", "Administrative distance (1 to 255)."),
    ROW_INTEGER("weight", 0, 255, "0", "Weight among equal routes; 0: none while another has one."),
    ROW_INTEGER("priority", 1, 65535, "1", "Priority; the lowest is used (1 to 65535)."),
    ROW_REF("device", to_interface, "Interface the route leads out of.", BRIEF),
    ROW_STRING("comment", 255, "Comment."),
    ROW_SWITCH("blackhole", "disable", "Drop what takes this route."),
    ROW_SWITCH("dynamic-gateway", "disable", "Learn the next hop.", INERT),
    ROW_SWITCH("link-monitor-exempt", "disable", "Keep the route whatever the monitor says.",
               INERT),
    ROW_SWITCH("bfd", "disable", "Bidirectional forwarding detection.", INERT),
};

const struct schema_node schema_router_static = {
    .path = "router static",
    .kind = SCHEMA_TABLE_INTEGER,
    .key_name = "seq-num",
    .key_min = 1,
    .key_max = UINT32_MAX,
    .attrs = static_attrs,
    .n_attrs = COUNT(static_attrs),
    .help = "Configure static routes.",
};

/* ---- router static6 ---- */

static const struct schema_attr static6_attrs[] = {
    ROW_SWITCH("status", "enable", "Use this route.", BRIEF),
    {.name = "dst",
     .type = SCHEMA_IPV6_NET,
     .initial = "::/0",
     .flags = SCHEMA_BRIEF,
     .help = "Destination prefix."},
    {.name = "gateway",
     .type = SCHEMA_IPV6,
     .initial = "::",
     .flags = SCHEMA_BRIEF,
     .help = "Address of the next hop."},
    ROW_REF("device", to_interface, "Interface the route leads out of.", BRIEF),
    ROW_INTEGER("distance", 1, 255, "10", "Administrative distance (1 to 255)."),
    ROW_INTEGER("priority", 1, 65535, "1024", "Priority; the lowest is used (1 to 65535)."),
    ROW_STRING("comment", 255, "Comment."),
    ROW_SWITCH("blackhole", "disable", "Drop what takes this route."),
};

const struct schema_node schema_router_static6 = {
    .path = "router static6",
    .kind = SCHEMA_TABLE_INTEGER,
    .key_name = "seq-num",
    .key_min = 1,
    .key_max = UINT32_MAX,
    .attrs = static6_attrs,
    .n_attrs = COUNT(static6_attrs),
    .help = "Configure IPv6 static routes.",
};
