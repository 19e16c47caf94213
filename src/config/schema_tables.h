/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the schema_*.c tables share: the shorthand their rows are written in, and their nodes.
 * Included by nobody else.
 */
#pragma once

#include "config/schema.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* name, default, help, further members */
#define ROW_STRING(n, bytes, h, ...)                                             \
    {                                                                            \
        .name = n, .type = SCHEMA_STRING, .max = bytes, .help = h, ##__VA_ARGS__ \
    }
#define ROW_INTEGER(n, low, high, d, h, ...)                                                 \
    {                                                                                        \
        .name = n, .type = SCHEMA_INTEGER, .min = low, .max = high, .initial = d, .help = h, \
        ##__VA_ARGS__                                                                        \
    }
#define ROW_OPTION(n, list, d, h, ...)                                                            \
    {                                                                                             \
        .name = n, .type = SCHEMA_OPTION, .options = list, .initial = d, .help = h, ##__VA_ARGS__ \
    }
#define ROW_SWITCH(n, d, h, ...) ROW_OPTION(n, schema_enable_disable, d, h, ##__VA_ARGS__)
#define ROW_REFS(n, t, h, ...)                                                                 \
    {                                                                                          \
        .name = n, .type = SCHEMA_REFERENCES, .tables = t, .max = 79, .help = h, ##__VA_ARGS__ \
    }
#define ROW_REF(n, t, h, ...)                                                                 \
    {                                                                                         \
        .name = n, .type = SCHEMA_REFERENCE, .tables = t, .max = 79, .help = h, ##__VA_ARGS__ \
    }
#define ROW_UUID                                                                      \
    {                                                                                 \
        .name = "uuid", .type = SCHEMA_UUID, .help = "Universally unique identifier." \
    }
#define ROW_COLOR ROW_INTEGER("color", 0, 32, "0", "Colour of the icon (0 to 32).")

#define INERT .flags = SCHEMA_INERT
/* Inert for want of something that can be named: "TLS is not terminated" */
#define LACKS(text) .flags = SCHEMA_INERT, .lacks = text
#define BRIEF       .flags = SCHEMA_BRIEF

extern const struct schema_option schema_enable_disable[];

extern const struct schema_node schema_system_global, schema_system_settings,
    schema_system_interface, schema_system_zone, schema_system_session_ttl, schema_system_console,
    schema_dpdk_global, schema_dpdk_cpus, schema_log_setting, schema_log_filter, schema_arp_table,
    schema_neighbor_cache, schema_session_helper;
extern const struct schema_node schema_firewall_address, schema_firewall_addrgrp,
    schema_service_category, schema_service_custom, schema_service_group, schema_schedule,
    schema_firewall_policy, schema_router_static, schema_router_static6;
extern const struct schema_node schema_firewall_address6, schema_firewall_addrgrp6,
    schema_firewall_vip, schema_firewall_vipgrp, schema_firewall_ippool;
extern const struct schema_node schema_voip_profile;
