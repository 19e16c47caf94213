/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual IPs and IP pools. Ranges and defaults: reference 5.5, 5.6. What would narrow a mapping
 * and is not part of this version (services of a virtual IP, m-to-n ports, quotas of a pool) cannot
 * be set at all: ignoring it would open more than was asked for.
 */
#include "config/schema_tables.h"

static const char *const to_interface[] = {"system interface", NULL};
static const char *const to_vip[] = {"firewall vip", NULL};

#define MUST .flags = SCHEMA_MANDATORY

/* ---- vip ---- */

static const struct schema_option vip_type[] = {
    {"static-nat", "Each external address is one mapped address."}, {0}};
static const struct schema_option vip_protocol[] = {
    {"tcp", "TCP."}, {"udp", "UDP."}, {"sctp", "SCTP."}, {"icmp", "ICMP."}, {0}};
static const struct schema_option vip_mapping[] = {{"1-to-1", "Port for port."}, {0}};
static const struct schema_option vip_nat44[] = {{"enable", "IPv4 to IPv4."}, {0}};

#define WITH_PORTS .when = "protocol", .when_is = "tcp udp sctp"

static const struct schema_attr vip_attrs[] = {
    ROW_INTEGER("id", 0, 65535, "0", "Number of the virtual IP."),
    ROW_UUID,
    ROW_STRING("comment", 255, "Comment."),
    ROW_OPTION("type", vip_type, "static-nat", "Type of virtual IP."),
    {.name = "src-filter",
     .type = SCHEMA_IP_FILTERS,
     .flags = SCHEMA_QUOTED,
     .help = "Sources the virtual IP is for: addresses, subnets, ranges; none: every source."},
    {.name = "extip",
     .type = SCHEMA_IP_SPAN,
     .flags = SCHEMA_MANDATORY | SCHEMA_BRIEF,
     .help = "External address or range."},
    {.name = "mappedip",
     .type = SCHEMA_IP_SPAN,
     .flags = SCHEMA_MANDATORY | SCHEMA_QUOTED | SCHEMA_BRIEF,
     .help = "Mapped address or range; the first address is enough."},
    ROW_REF("extintf", to_interface, "Interface the external addresses are reached through.",
            .literal = "any", .flags = SCHEMA_MANDATORY | SCHEMA_BRIEF),
    ROW_SWITCH("arp-reply", "enable", "Answer ARP for the external addresses."),
    ROW_SWITCH("nat-source-vip", "disable",
               "Sessions of the mapped host leave with the external address, whatever the way."),
    ROW_SWITCH("portforward", "disable", "Forward ports, not whole addresses."),
    ROW_SWITCH("status", "enable", "Use this virtual IP."),
    ROW_OPTION("protocol", vip_protocol, "tcp", "Protocol that is forwarded.",
               .when = "portforward", .when_is = "enable"),
    {.name = "extport",
     .type = SCHEMA_PORT_RANGE,
     .min = 1,
     .max = 65535,
     WITH_PORTS,
     .help = "External port or range."},
    {.name = "mappedport",
     .type = SCHEMA_PORT_RANGE,
     .min = 1,
     .max = 65535,
     WITH_PORTS,
     .help = "Mapped port or range; unset: the same as extport."},
    ROW_OPTION("portmapping-type", vip_mapping, "1-to-1", "How ports are mapped.",
               .when = "portforward", .when_is = "enable"),
    {.name = "gratuitous-arp-interval",
     .type = SCHEMA_INTEGER,
     .min = 5,
     .max = 8640000,
     .initial = "0",
     .flags = SCHEMA_SPECIAL | SCHEMA_INERT,
     .help = "Seconds between gratuitous ARP, 0: none."},
    ROW_REFS("srcintf-filter", to_interface,
             "Interfaces the virtual IP is for; none: every interface."),
    ROW_OPTION("nat44", vip_nat44, "enable", "Translation of IPv4."),
    ROW_COLOR,
};

const struct schema_node schema_firewall_vip = {
    .path = "firewall vip",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = vip_attrs,
    .n_attrs = COUNT(vip_attrs),
    .help = "Configure virtual IPs.",
};

static const struct schema_attr vipgrp_attrs[] = {
    ROW_UUID,
    ROW_REF("interface", to_interface, "Interface of the virtual IPs.", MUST, .literal = "any"),
    ROW_COLOR,
    ROW_STRING("comments", 255, "Comment."),
    ROW_REFS("member", to_vip, "Virtual IPs of the group.", MUST),
};

const struct schema_node schema_firewall_vipgrp = {
    .path = "firewall vipgrp",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = vipgrp_attrs,
    .n_attrs = COUNT(vipgrp_attrs),
    .help = "Configure virtual IP groups.",
};

/* ---- ippool ---- */

static const struct schema_option pool_type[] = {
    {"overload", "Sources share addresses and ports."},
    {"one-to-one", "One address for each source."},
    {"fixed-port-range", "A fixed block of ports for each source."},
    {"port-block-allocation", "Blocks of ports on demand."},
    {0}};

#define WITH_BLOCKS .when = "type", .when_is = "port-block-allocation"
#define WITH_SOURCE .when = "type", .when_is = "fixed-port-range"
#define WITH_RANGE  .when = "type", .when_is = "overload fixed-port-range port-block-allocation"

static const struct schema_attr pool_attrs[] = {
    ROW_OPTION("type", pool_type, "overload", "Type of pool.", BRIEF),
    {.name = "startip",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     .flags = SCHEMA_BRIEF,
     .help = "First address."},
    {.name = "endip",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     .flags = SCHEMA_BRIEF,
     .help = "Last address."},
    ROW_INTEGER("startport", 1024, 65535, "5117", "First port (1024 to 65535).", WITH_RANGE),
    ROW_INTEGER("endport", 1024, 65535, "65533", "Last port (1024 to 65535).", WITH_RANGE),
    {.name = "source-startip",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     WITH_SOURCE,
     .help = "First source address."},
    {.name = "source-endip",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     WITH_SOURCE,
     .help = "Last source address."},
    ROW_INTEGER("block-size", 64, 4096, "128", "Ports of a block (64 to 4096).", WITH_BLOCKS),
    ROW_INTEGER("port-per-user", 32, 60417, "0", "Ports of a source (32 to 60417), 0: computed.",
                .flags = SCHEMA_SPECIAL, WITH_SOURCE),
    ROW_INTEGER("num-blocks-per-user", 1, 128, "8", "Blocks a source may hold (1 to 128).",
                WITH_BLOCKS),
    ROW_INTEGER("pba-timeout", 3, 86400, "30", "Seconds until an idle block goes back.",
                WITH_BLOCKS),
    ROW_INTEGER("pba-interim-log", 600, 86400, "0", "Seconds between interim logs, 0: none.",
                .flags = SCHEMA_SPECIAL | SCHEMA_INERT, WITH_BLOCKS),
    ROW_SWITCH("permit-any-host", "disable", "Accept UDP from anyone."),
    ROW_SWITCH("arp-reply", "enable", "Answer ARP for the addresses."),
    ROW_REF("arp-intf", to_interface,
            "Interface that answers ARP; unset: the one of that network."),
    ROW_STRING("comments", 255, "Comment."),
};

const struct schema_node schema_firewall_ippool = {
    .path = "firewall ippool",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = pool_attrs,
    .n_attrs = COUNT(pool_attrs),
    .help = "Configure IPv4 pools.",
};
