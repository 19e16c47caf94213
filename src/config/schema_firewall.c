/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `config firewall`. Ranges and defaults: reference 4.3, 5.1 to 5.4. Attributes that narrow what a
 * rule matches (users, destinations of a service) are not here at all: ignoring one would let
 * through what the operator meant to keep out.
 */
#include "config/schema_tables.h"

static const char *const to_interface[] = {"system interface", NULL};
static const char *const to_side[] = {"system interface", "system zone", NULL};
static const char *const to_address[] = {"firewall address", "firewall addrgrp", NULL};
static const char *const to_address6[] = {"firewall address6", "firewall addrgrp6", NULL};
static const char *const to_destination[] = {"firewall address", "firewall addrgrp", "firewall vip",
                                             "firewall vipgrp", NULL};
static const char *const to_pool[] = {"firewall ippool", NULL};
static const char *const to_service[] = {"firewall service custom", "firewall service group", NULL};
static const char *const to_category[] = {"firewall service category", NULL};
static const char *const to_schedule[] = {"firewall schedule recurring", NULL};
static const char *const to_voip_profile[] = {"voip profile", NULL};

/* ---- address, addrgrp ---- */

static const struct schema_option address_type[] = {
    {"ipmask", "Address and mask."}, {"iprange", "First and last address."}, {0}};

static const struct schema_attr address_attrs[] = {
    ROW_UUID,
    ROW_OPTION("type", address_type, "ipmask", "Type of address."),
    {.name = "subnet",
     .type = SCHEMA_IPV4_NET,
     .initial = "0.0.0.0 0.0.0.0",
     .when = "type",
     .when_is = "ipmask",
     .help = "IP address and subnet mask."},
    {.name = "start-ip",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     .when = "type",
     .when_is = "iprange",
     .help = "First IP address of the range."},
    {.name = "end-ip",
     .type = SCHEMA_IPV4,
     .initial = "0.0.0.0",
     .when = "type",
     .when_is = "iprange",
     .help = "Last IP address of the range."},
    ROW_STRING("comment", 255, "Comment."),
    ROW_REF("associated-interface", to_interface, "Interface the address belongs to.", INERT,
            .literal = "any"),
    ROW_COLOR,
    ROW_SWITCH("allow-routing", "disable", "Usable in static routes.", INERT),
};

const struct schema_node schema_firewall_address = {
    .path = "firewall address",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = address_attrs,
    .n_attrs = COUNT(address_attrs),
    .help = "Configure IPv4 addresses.",
};

static const struct schema_attr addrgrp_attrs[] = {
    ROW_UUID,
    ROW_REFS("member", to_address, "Address objects of the group.", .flags = SCHEMA_MANDATORY),
    ROW_STRING("comment", 255, "Comment."),
    ROW_COLOR,
    ROW_SWITCH("allow-routing", "disable", "Usable in static routes.", INERT),
};

const struct schema_node schema_firewall_addrgrp = {
    .path = "firewall addrgrp",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = addrgrp_attrs,
    .n_attrs = COUNT(addrgrp_attrs),
    .help = "Configure IPv4 address groups.",
};

/* ---- address6, addrgrp6 ---- */

static const struct schema_option address6_type[] = {
    {"ipprefix", "Prefix."}, {"iprange", "First and last address."}, {0}};

static const struct schema_attr address6_attrs[] = {
    ROW_UUID,
    ROW_OPTION("type", address6_type, "ipprefix", "Type of address."),
    {.name = "ip6",
     .type = SCHEMA_IPV6_NET,
     .initial = "::/0",
     .when = "type",
     .when_is = "ipprefix",
     .help = "IPv6 prefix."},
    {.name = "start-ip",
     .type = SCHEMA_IPV6,
     .initial = "::",
     .when = "type",
     .when_is = "iprange",
     .help = "First IPv6 address of the range."},
    {.name = "end-ip",
     .type = SCHEMA_IPV6,
     .initial = "::",
     .when = "type",
     .when_is = "iprange",
     .help = "Last IPv6 address of the range."},
    ROW_STRING("comment", 255, "Comment."),
    ROW_COLOR,
};

const struct schema_node schema_firewall_address6 = {
    .path = "firewall address6",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = address6_attrs,
    .n_attrs = COUNT(address6_attrs),
    .help = "Configure IPv6 addresses.",
};

static const struct schema_attr addrgrp6_attrs[] = {
    ROW_UUID,
    ROW_REFS("member", to_address6, "Address objects of the group.", .flags = SCHEMA_MANDATORY),
    ROW_STRING("comment", 255, "Comment."),
    ROW_COLOR,
};

const struct schema_node schema_firewall_addrgrp6 = {
    .path = "firewall addrgrp6",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = addrgrp6_attrs,
    .n_attrs = COUNT(addrgrp6_attrs),
    .help = "Configure IPv6 address groups.",
};

/* ---- services ---- */

static const struct schema_attr category_attrs[] = {
    ROW_STRING("comment", 255, "Comment."),
    ROW_UUID,
};

const struct schema_node schema_service_category = {
    .path = "firewall service category",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 63,
    .attrs = category_attrs,
    .n_attrs = COUNT(category_attrs),
    .help = "Configure service categories.",
};

static const struct schema_option service_protocol[] = {
    {"TCP/UDP/SCTP", "TCP, UDP and SCTP ports."},
    {"TCP/UDP/UDP-Lite/SCTP", "The same, as newer releases spell it.", .same_as = "TCP/UDP/SCTP"},
    {"ICMP", "ICMP types."},
    {"ICMP6", "ICMPv6 types."},
    {"IP", "An IP protocol number."},
    {0}};
static const struct schema_option service_helper[] = {
    {"auto", "The helper of the port, if any."},
    {"disable", "No helper: SIP through this service is plain traffic."},
    {"sip", "The SIP session helper, whatever the port."},
    {"ftp", "FTP.", .inert = true},
    {"tftp", "TFTP.", .inert = true},
    {"ras", "H.323 RAS.", .inert = true},
    {"h323", "H.323.", .inert = true},
    {"tns", "Oracle TNS.", .inert = true},
    {"mms", "MMS.", .inert = true},
    {"pptp", "PPTP.", .inert = true},
    {"rtsp", "RTSP.", .inert = true},
    {"dns-udp", "DNS over UDP.", .inert = true},
    {"dns-tcp", "DNS over TCP.", .inert = true},
    {"pmap", "Portmapper.", .inert = true},
    {"rsh", "RSH.", .inert = true},
    {"dcerpc", "DCE-RPC.", .inert = true},
    {"mgcp", "MGCP.", .inert = true},
    {0}};
static const struct schema_option reset_range[] = {{"disable", "No check."},
                                                   {"strict", "Sequence number must be in window."},
                                                   {"default", "As the system is set."},
                                                   {0}};

#define WITH_PORTS .when = "protocol", .when_is = "TCP/UDP/SCTP"
#define WITH_TYPES .when = "protocol", .when_is = "ICMP ICMP6"
#define ROW_PORTRANGE(n, h)                                                                    \
    {                                                                                          \
        .name = n, .type = SCHEMA_PORTRANGES, .max = 65535, .flags = SCHEMA_BRIEF, WITH_PORTS, \
        .help = h                                                                              \
    }

static const struct schema_attr service_attrs[] = {
    ROW_UUID,
    ROW_SWITCH("proxy", "disable", "Web proxy service.", INERT),
    ROW_REF("category", to_category, "Service category.", BRIEF),
    ROW_OPTION("protocol", service_protocol, "TCP/UDP/SCTP", "Protocol type.", BRIEF),
    ROW_OPTION("helper", service_helper, "auto", "Helper of the sessions.",
               .lacks = "there is no helper but that of SIP"),
    ROW_INTEGER("protocol-number", 0, 254, "0", "IP protocol number, 0: every protocol.",
                .when = "protocol", .when_is = "IP"),
    ROW_INTEGER("icmptype", 0, 255, NULL, "ICMP type.", WITH_TYPES, .flags = SCHEMA_SHOW_UNSET),
    ROW_INTEGER("icmpcode", 0, 255, NULL, "ICMP code.", WITH_TYPES),
    ROW_PORTRANGE("tcp-portrange", "TCP ports: dst[-dst][:src[-src]]."),
    ROW_PORTRANGE("udp-portrange", "UDP ports: dst[-dst][:src[-src]]."),
    ROW_PORTRANGE("sctp-portrange", "SCTP ports: dst[-dst][:src[-src]]."),
    ROW_INTEGER("tcp-halfclose-timer", 0, 86400, "0",
                "Seconds after one FIN while the other is missing, 0: global value."),
    ROW_INTEGER("tcp-halfopen-timer", 0, 86400, "0",
                "Seconds a SYN may stay unanswered, 0: global value."),
    ROW_INTEGER("tcp-timewait-timer", 0, 300, "0", "Seconds of TIME-WAIT, 0: global value."),
    ROW_INTEGER("tcp-rst-timer", 5, 300, "0", "Seconds a session lives after RST, 0: global value.",
                .flags = SCHEMA_SPECIAL),
    ROW_INTEGER("udp-idle-timer", 0, 86400, "0",
                "Seconds an idle UDP session lives, 0: global value."),
    ROW_INTEGER("session-ttl", 300, 2764800, "0", "Session timeout in seconds, 0: inherited.",
                .flags = SCHEMA_SPECIAL),
    ROW_OPTION("check-reset-range", reset_range, "default", "Check of RST and of ICMP errors."),
    ROW_STRING("comment", 255, "Comment."),
    ROW_COLOR,
    ROW_SWITCH("visibility", "enable", "Offer the service in the GUI."),
};

const struct schema_node schema_service_custom = {
    .path = "firewall service custom",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = service_attrs,
    .n_attrs = COUNT(service_attrs),
    .help = "Configure custom services.",
};

static const struct schema_attr service_group_attrs[] = {
    ROW_UUID,
    ROW_SWITCH("proxy", "disable", "Web proxy service group.", INERT),
    ROW_REFS("member", to_service, "Service objects of the group.", .flags = SCHEMA_MANDATORY),
    ROW_STRING("comment", 255, "Comment."),
    ROW_COLOR,
};

const struct schema_node schema_service_group = {
    .path = "firewall service group",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 79,
    .attrs = service_group_attrs,
    .n_attrs = COUNT(service_group_attrs),
    .help = "Configure service groups.",
};

/* ---- schedule ---- */

static const struct schema_option days[] = {
    {"sunday", "Sunday."},       {"monday", "Monday."},     {"tuesday", "Tuesday."},
    {"wednesday", "Wednesday."}, {"thursday", "Thursday."}, {"friday", "Friday."},
    {"saturday", "Saturday."},   {"none", "Never."},        {0}};

static const struct schema_attr schedule_attrs[] = {
    {.name = "start", .type = SCHEMA_TIME, .initial = "00:00", .help = "Start time hh:mm."},
    {.name = "end", .type = SCHEMA_TIME, .initial = "00:00", .help = "End time hh:mm."},
    {.name = "day",
     .type = SCHEMA_OPTIONS,
     .options = days,
     .initial = "none",
     .flags = SCHEMA_ALWAYS,
     .help = "Days on which the schedule is active: all seven, or none."},
    ROW_COLOR,
};

const struct schema_node schema_schedule = {
    .path = "firewall schedule recurring",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 31,
    .attrs = schedule_attrs,
    .n_attrs = COUNT(schedule_attrs),
    .help = "Configure recurring schedules.",
};

/* ---- policy ---- */

static const struct schema_option policy_action[] = {
    {"accept", "Let the traffic through."}, {"deny", "Drop the traffic."}, {0}};
static const struct schema_option inspection_mode[] = {
    {"proxy", "Proxy-based inspection."}, {"flow", "Flow-based inspection."}, {0}};
static const struct schema_option profile_type[] = {{"single", "Profiles named here."}, {0}};
static const struct schema_option logtraffic[] = {
    {"all", "Log sessions when they end, and what is denied."},
    {"utm", "Log sessions with security events."},
    {"disable", "Log nothing."},
    {0}};
static const struct schema_option without_syn[] = {{"all", "Allow with and without data."},
                                                   {"data-only", "Allow with data."},
                                                   {"disable", "Do not allow."},
                                                   {0}};
static const struct schema_option policy_dirty[] = {
    {"check-all", "Check every session again after a policy change."},
    {"check-new", "Leave existing sessions alone."},
    {0}};

#define MUST .flags = SCHEMA_MANDATORY

static const struct schema_attr policy_attrs[] = {
    ROW_SWITCH("status", "enable", "Use this policy."),
    ROW_STRING("name", 35, "Policy name.", .flags = SCHEMA_NAME),
    ROW_UUID,
    ROW_REFS("srcintf", to_side, "Incoming interfaces and zones.", MUST, .literal = "any"),
    ROW_REFS("dstintf", to_side, "Outgoing interfaces and zones.", MUST, .literal = "any"),
    ROW_OPTION("action", policy_action, "deny", "Policy action."),
    ROW_REFS("srcaddr", to_address, "Source addresses."),
    ROW_REFS("dstaddr", to_destination, "Destination addresses and virtual IPs."),
    ROW_REFS("srcaddr6", to_address6, "IPv6 source addresses."),
    ROW_REFS("dstaddr6", to_address6, "IPv6 destination addresses."),
    ROW_SWITCH("srcaddr-negate", "disable", "Match sources that are not in srcaddr."),
    ROW_SWITCH("dstaddr-negate", "disable", "Match destinations that are not in dstaddr."),
    ROW_REF("schedule", to_schedule, "Schedule.", MUST),
    ROW_SWITCH("schedule-timeout", "disable", "End sessions when the schedule does.", INERT),
    ROW_REFS("service", to_service, "Services.", MUST),
    ROW_SWITCH("service-negate", "disable", "Match what is not in service."),
    ROW_OPTION("tcp-session-without-syn", without_syn, "disable",
               "Allow TCP sessions without SYN."),
    ROW_SWITCH("anti-replay", "enable", "TCP sequence checks."),
    ROW_OPTION("firewall-session-dirty", policy_dirty, "check-all",
               "What happens to sessions when the policy changes, where system settings leave "
               "it to the policy."),
    ROW_SWITCH("utm-status", "disable", "Security profiles.", INERT),
    ROW_OPTION("inspection-mode", inspection_mode, "flow", "Inspection mode.", INERT),
    ROW_OPTION("profile-type", profile_type, "single", "Profiles or a profile group."),
    ROW_REF("voip-profile", to_voip_profile, "VoIP profile of the SIP ALG."),
    ROW_REF("ips-voip-filter", to_voip_profile, "VoIP profile of the IPS.", INERT),
    ROW_OPTION("logtraffic", logtraffic, "utm", "Which sessions are logged."),
    ROW_SWITCH("logtraffic-start", "disable", "Log the start of sessions too.", INERT),
    ROW_SWITCH("capture-packet", "disable", "Capture packets.", INERT),
    ROW_SWITCH("auto-asic-offload", "enable", "Hardware offload.", INERT),
    ROW_SWITCH("nat", "disable", "Source NAT."),
    ROW_SWITCH("ippool", "disable", "Use IP pools for source NAT.", .when = "nat",
               .when_is = "enable"),
    ROW_REFS("poolname", to_pool, "IP pools.", .when = "ippool", .when_is = "enable"),
    ROW_SWITCH("fixedport", "disable", "Keep the source port."),
    ROW_SWITCH("port-preserve", "enable", "Keep the source port where it is free."),
    ROW_SWITCH("port-random", "disable", "Random source ports."),
    ROW_SWITCH("permit-any-host", "disable", "Accept UDP from anyone."),
    ROW_SWITCH("permit-stun-host", "disable", "Accept UDP from anyone for STUN.", INERT),
    ROW_SWITCH("match-vip", "enable",
               "Deny packets changed by virtual IPs, too, though the policy names none."),
    ROW_SWITCH("rtp-nat", "disable", "NAT of RTP.", INERT),
    {.name = "session-ttl",
     .type = SCHEMA_TTL,
     .min = 300,
     .max = 2764800,
     .initial = "0",
     .flags = SCHEMA_SPECIAL,
     .help = "Session timeout in seconds (300 to 2764800, never, 0: system value)."},
    ROW_INTEGER("tcp-mss-sender", 0, 65535, "0", "TCP MSS of the sender."),
    ROW_INTEGER("tcp-mss-receiver", 0, 65535, "0", "TCP MSS of the receiver."),
    ROW_SWITCH("timeout-send-rst", "disable", "Send RST when a session expires.", INERT),
    ROW_SWITCH("send-deny-packet", "disable", "Answer denied packets."),
    ROW_SWITCH("diffserv-forward", "disable", "Change the DSCP.", INERT),
    ROW_SWITCH("diffserv-reverse", "disable", "Change the DSCP of replies.", INERT),
    ROW_STRING("diffservcode-forward", 6, "DSCP as six bits.", INERT),
    ROW_STRING("diffservcode-rev", 6, "DSCP of replies as six bits.", INERT),
    ROW_STRING("label", 63, "Label."),
    ROW_STRING("global-label", 63, "Label of a section."),
    ROW_STRING("comments", 1023, "Comment."),
};

const struct schema_node schema_firewall_policy = {
    .path = "firewall policy",
    .kind = SCHEMA_TABLE_INTEGER,
    .ordered = true,
    .key_name = "policyid",
    .key_min = 1,
    .key_max = UINT32_MAX - 1,
    .attrs = policy_attrs,
    .n_attrs = COUNT(policy_attrs),
    .help = "Configure IPv4 policies.",
};
